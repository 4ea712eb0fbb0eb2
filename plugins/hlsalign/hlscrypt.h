/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* AES-128 for segments (draft-pantos-hls-rfc8216bis-22, 4.4.4.4 and 5). */
#pragma once

#include <gio/gio.h>

G_BEGIN_DECLS

#define HLS_KEY_SIZE 16

/* Fills @key with random bytes. */
gboolean hls_crypt_random (guint8 key[HLS_KEY_SIZE], GError **error);

/**
 * hls_crypt_segment:
 * @sequence: its media sequence number, which is the IV
 *
 * Encrypts what @vectors hold with AES-128 in CBC mode, PKCS7 padding.
 *
 * Returns: (transfer full): the file
 */
GBytes *hls_crypt_segment (const guint8 key[HLS_KEY_SIZE], guint64 sequence,
    const GOutputVector *vectors, guint n, GError **error);

G_END_DECLS
