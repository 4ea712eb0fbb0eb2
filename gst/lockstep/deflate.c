/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* zlib streams by GIO's converters, which work on memory alone. */
#include "deflate.h"

#include <gio/gio.h>

#define CHUNK 4096

static GBytes *
convert (GConverter * converter, const char *data, gsize bytes, gsize max_bytes)
{
  g_autoptr (GByteArray) out = g_byte_array_new ();
  gsize done = 0;

  for (;;) {
    guint8 chunk[CHUNK];
    gsize taken = 0, given = 0;
    GConverterResult result = g_converter_convert (converter, data + done,
        bytes - done, chunk, sizeof chunk, G_CONVERTER_INPUT_AT_END, &taken,
        &given, NULL);

    if (result == G_CONVERTER_ERROR || given > max_bytes - out->len)
      return NULL;
    g_byte_array_append (out, chunk, given);
    done += taken;
    if (result == G_CONVERTER_FINISHED)
      break;
  }
  return done == bytes ? g_byte_array_free_to_bytes (g_steal_pointer (&out))
      : NULL;
}

GBytes *
lockstep_deflate (const char *data, gsize bytes)
{
  g_autoptr (GZlibCompressor) compressor =
      g_zlib_compressor_new (G_ZLIB_COMPRESSOR_FORMAT_ZLIB, -1);

  return convert (G_CONVERTER (compressor), data, bytes, G_MAXUINT32);
}

GBytes *
lockstep_inflate (const char *data, gsize bytes, gsize max_bytes)
{
  g_autoptr (GZlibDecompressor) decompressor =
      g_zlib_decompressor_new (G_ZLIB_COMPRESSOR_FORMAT_ZLIB);

  return bytes == 0 ? NULL
      : convert (G_CONVERTER (decompressor), data, bytes, max_bytes);
}
