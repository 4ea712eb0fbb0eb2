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

/* A playlist for Chromium's own player, which asks with ?dates=no. Where a reload brings
 * nothing new and the last segment is shorter than 1 s, that player (seen in 156) finds
 * this segment once more by its EXT-X-PROGRAM-DATE-TIME, and stops at its timestamps:
 * "Parsed buffers not in DTS sequence". Without dates it goes by sequence numbers.
 * Lists in a list are asked for in the same way. */
static char *
without_dates (const char *data, gsize size)
{
  g_autofree char *text = g_strndup (data, size);
  g_auto (GStrv) lines = g_strsplit (text, "\n", -1);
  GString *out = g_string_sized_new (size);

  for (guint i = 0; lines[i] != NULL; i++) {
    if (g_str_has_prefix (lines[i], "#EXT-X-PROGRAM-DATE-TIME:"))
      continue;
    g_string_append (out, lines[i]);
    if (lines[i][0] != '#' && g_str_has_suffix (lines[i], ".m3u8"))
      g_string_append (out, "?dates=no");
    if (lines[i + 1] != NULL)
      g_string_append_c (out, '\n');
  }
  return g_string_free (out, FALSE);
}

static void
send_playlist (SoupServerMessage * msg, const char *type, const char *cache,
    const char *data, gsize size)
{
  const char *query = g_uri_get_query (soup_server_message_get_uri (msg));
  g_autofree char *text = NULL;

  if (g_strcmp0 (query, "dates=no") == 0) {
    text = without_dates (data, size);
    data = text;
    size = strlen (text);
  }
  http_send_text (msg, type, cache, data, size);
}

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
      send_playlist (msg, kinds[i].type, kinds[i].cache, data, size);
    else
      http_send (msg, kinds[i].type, kinds[i].cache, bytes);
    return;
  }
  http_error (msg, SOUP_STATUS_NOT_FOUND, g_str_has_suffix (slash + 1, ".m3u8")
      ? "nothing has been published on this channel yet"
      : "there is no such segment; it may be too old");
}
