/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Segments and playlists by HTTP PUT, as WebDAV servers and origin stores take
 * them. One request at a time, so that a list never overtakes its segments; what
 * fails is tried again by the output. */
#include "hlsstore.h"

#include <libsoup/soup.h>
#include <string.h>

#define TIMEOUT 10              /* s without a byte */
#define MAX_PLAYLIST (64 * 1024 * 1024)

typedef struct
{
  HlsStore parent;
  SoupSession *session;
} HttpStore;

static GBytes *
send (HttpStore * store, const char *method, const char *url,
    const char *type, GBytes * body, guint * status, GError ** error)
{
  g_autoptr (SoupMessage) message = soup_message_new (method, url);
  g_autoptr (GInputStream) in = NULL;
  g_autoptr (GByteArray) answer = g_byte_array_new ();
  guint8 buffer[16384];
  gssize n;

  if (message == NULL) {
    g_set_error (error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT,
        "\"%s\" is no URL", url);
    return NULL;
  }
  /* A PUT that is sent to another place would have to be sent there whole */
  soup_message_add_flags (message, SOUP_MESSAGE_NO_REDIRECT);
  if (body != NULL)
    soup_message_set_request_body_from_bytes (message, type, body);
  in = soup_session_send (store->session, message, NULL, error);
  if (in == NULL) {
    g_prefix_error (error, "%s %s: ", method, url);
    return NULL;
  }
  *status = soup_message_get_status (message);
  while ((n = g_input_stream_read (in, buffer, sizeof buffer, NULL, error)) > 0)
    if (answer->len < MAX_PLAYLIST)
      g_byte_array_append (answer, buffer, n);
  if (n < 0) {
    g_prefix_error (error, "%s %s: ", method, url);
    return NULL;
  }
  return g_byte_array_free_to_bytes (g_steal_pointer (&answer));
}

static gboolean
check_status (const char *method, const char *url, guint status,
    GError ** error)
{
  if (SOUP_STATUS_IS_SUCCESSFUL (status))
    return TRUE;
  g_set_error (error, G_IO_ERROR,
      status == SOUP_STATUS_INSUFFICIENT_STORAGE ? G_IO_ERROR_NO_SPACE
      : status == SOUP_STATUS_NOT_FOUND ? G_IO_ERROR_NOT_FOUND
      : G_IO_ERROR_FAILED, "%s %s: %u %s", method, url, status,
      soup_status_get_phrase (status));
  return FALSE;
}

static gboolean
http_put (HlsStore * base, const char *name, gboolean playlist,
    const GOutputVector * vectors, guint n, GError ** error)
{
  g_autoptr (GByteArray) all = g_byte_array_new ();
  g_autoptr (GBytes) body = NULL;
  g_autoptr (GBytes) answer = NULL;
  guint status = 0;

  for (guint i = 0; i < n; i++)
    g_byte_array_append (all, vectors[i].buffer, vectors[i].size);
  body = g_byte_array_free_to_bytes (g_steal_pointer (&all));
  answer = send ((HttpStore *) base, "PUT", name, playlist ?
      "application/vnd.apple.mpegurl" : "video/mp2t", body, &status, error);
  return answer != NULL && check_status ("PUT", name, status, error);
}

static gboolean
http_remove (HlsStore * base, const char *name, GError ** error)
{
  g_autoptr (GBytes) answer = NULL;
  guint status = 0;

  answer = send ((HttpStore *) base, "DELETE", name, NULL, NULL, &status,
      error);
  return answer != NULL && (status == SOUP_STATUS_NOT_FOUND
      || check_status ("DELETE", name, status, error));
}

static GBytes *
http_get (HlsStore * base, const char *name, GError ** error)
{
  g_autoptr (GBytes) answer = NULL;
  guint status = 0;

  answer = send ((HttpStore *) base, "GET", name, NULL, NULL, &status, error);
  if (answer == NULL || status == SOUP_STATUS_NOT_FOUND
      || !check_status ("GET", name, status, error))
    return NULL;
  return g_steal_pointer (&answer);
}

static gboolean
http_exists (HlsStore * base, const char *name)
{
  g_autoptr (GBytes) answer = NULL;
  guint status = 0;

  answer = send ((HttpStore *) base, "HEAD", name, NULL, NULL, &status, NULL);
  return answer != NULL && SOUP_STATUS_IS_SUCCESSFUL (status);
}

static gboolean
http_prepare (HlsStore * base, const char *name, GError ** error)
{
  return TRUE;                  /* servers make folders on PUT, or have them */
}

static void
http_free (HlsStore * base)
{
  HttpStore *store = (HttpStore *) base;

  g_object_unref (store->session);
  g_free (store);
}

HlsStore *
hls_http_new (void)
{
  HttpStore *store = g_new0 (HttpStore, 1);

  store->parent.put = http_put;
  store->parent.remove = http_remove;
  store->parent.get = http_get;
  store->parent.exists = http_exists;
  store->parent.prepare = http_prepare;
  store->parent.free = http_free;
  store->session = soup_session_new_with_options ("timeout", TIMEOUT,
      "user-agent", "lockstep-hlsalignsink", NULL);
  return &store->parent;
}
