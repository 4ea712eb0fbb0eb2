/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* zlib streams (RFC 1950) of messages that are held in memory. */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/**
 * lockstep_deflate:
 *
 * Returns: (transfer full): the stream
 */
GBytes *lockstep_deflate (const char *data, gsize bytes);

/**
 * lockstep_inflate:
 * @max_bytes: the most that may come out: a small stream can hold a thousand times its size
 *
 * Returns: (transfer full) (nullable): what is in the stream; %NULL where it is no whole
 *   stream, holds more than @max_bytes, or something follows it
 */
GBytes *lockstep_inflate (const char *data, gsize bytes, gsize max_bytes);

G_END_DECLS
