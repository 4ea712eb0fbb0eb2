/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The pages and what they load: files of the web folder. */
#include "front.h"

/* Everything comes from here; a player's media and worker are blobs of its own. */
#define CONTENT_SECURITY_POLICY "default-src 'self'; " \
  "media-src 'self' blob:; worker-src 'self' blob:; connect-src 'self'; " \
  "img-src 'self' data:; object-src 'none'; base-uri 'none'; " \
  "frame-ancestors 'self'; form-action 'self'"

static const struct
{
  const char *suffix, *type;
} types[] = {
  {".html", "text/html; charset=utf-8"},
  {".css", "text/css; charset=utf-8"},
  {".js", "text/javascript; charset=utf-8"},
  {".svg", "image/svg+xml"},
};

void
http_page (Front * front, SoupServerMessage * msg, const char *file,
    gboolean is_asset)
{
  SoupMessageHeaders *headers = soup_server_message_get_response_headers (msg);
  g_autoptr (GBytes) bytes = NULL;
  const char *type = NULL;
  const char *data;
  gsize size;

  if (!http_check_method (msg, "GET, HEAD, OPTIONS"))
    return;
  for (guint i = 0; i < G_N_ELEMENTS (types); i++)
    if (g_str_has_suffix (file, types[i].suffix))
      type = types[i].type;
  for (guint i = 0; type != NULL && front->web_folders[i] != NULL
      && bytes == NULL; i++)
    bytes = http_read_file (front->web_folders[i], file);
  if (bytes == NULL) {
    http_error (msg, SOUP_STATUS_NOT_FOUND, "there is no such page");
    return;
  }
  soup_message_headers_replace (headers, "Content-Security-Policy",
      CONTENT_SECURITY_POLICY);
  soup_message_headers_replace (headers, "Referrer-Policy", "no-referrer");
  data = g_bytes_get_data (bytes, &size);
  http_send_text (msg, type, is_asset ? "max-age=60" : "no-cache", data, size);
}
