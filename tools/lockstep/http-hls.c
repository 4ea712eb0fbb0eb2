/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* /hls/CHANNEL/FILE: playlists and segments, from the output folder. */
#include "front.h"

#include <string.h>

static const struct
{
  const char *suffix, *type, *cache;
} kinds[] = {
  /* a playlist changes with each segment; what it lists never does */
  {".m3u8", "application/vnd.apple.mpegurl", "max-age=0, must-revalidate"},
  {".ts", "video/mp2t", "public, max-age=31536000, immutable"},
  {".key", "application/octet-stream", "no-store"},
};

void
http_hls (Front * front, SoupServerMessage * msg, const char *rest)
{
  const char *slash = strchr (rest, '/');
  g_autofree char *name = slash != NULL ? g_strndup (rest, slash - rest) : NULL;
  g_autofree char *folder = NULL;
  g_autoptr (GBytes) bytes = NULL;
  const char *data;
  gsize size;

  if (!http_check_method (msg, "GET, HEAD, OPTIONS"))
    return;
  if (front->output == NULL) {
    http_error (msg, SOUP_STATUS_NOT_FOUND, "there is no HLS here: see /whep/");
    return;
  }
  if (name == NULL || !channel_name_is_valid (name)) {
    http_error (msg, SOUP_STATUS_NOT_FOUND,
        "write it as /hls/CHANNEL/index.m3u8");
    return;
  }
  folder = g_build_filename (front->output, name, NULL);
  for (guint i = 0; i < G_N_ELEMENTS (kinds); i++) {
    if (!g_str_has_suffix (slash + 1, kinds[i].suffix))
      continue;
    bytes = http_read_file (folder, slash + 1);
    if (bytes == NULL)
      break;
    data = g_bytes_get_data (bytes, &size);
    if (i == 0)
      http_send_text (msg, kinds[i].type, kinds[i].cache, data, size);
    else
      http_send (msg, kinds[i].type, kinds[i].cache, bytes);
    return;
  }
  http_error (msg, SOUP_STATUS_NOT_FOUND, g_str_has_suffix (slash + 1, ".m3u8")
      ? "nothing has been published on this channel yet"
      : "there is no such segment; it may be too old");
}
