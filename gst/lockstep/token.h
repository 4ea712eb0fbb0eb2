/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Bearer tokens (RFC 6750). */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/**
 * lockstep_token_equal:
 *
 * Compares two tokens in a time that depends on neither's content: the SHA-256
 * digests are compared byte by byte to the end.
 */
gboolean lockstep_token_equal (const char *a, const char *b);

/**
 * lockstep_token_from_authorization:
 * @header: the value of an Authorization header, or NULL
 *
 * Returns: (transfer full): the token of a "Bearer" scheme (RFC 6750, section 2.1;
 *   the scheme's name is compared without case), or NULL where there is none
 */
char *lockstep_token_from_authorization (const char *header);

G_END_DECLS
