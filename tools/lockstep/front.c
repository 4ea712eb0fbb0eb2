/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The front: listens, bounds what clients can take, and hands requests to routes. */
#include "config.h"
#include "front.h"
#include "log.h"

#include <gst/lockstep/sdp.h>
#include <errno.h>
#include <glib/gstdio.h>
#include <string.h>
#include <sys/resource.h>

/* Requests under way, open connections without one among them. */
#define MAX_CONNECTIONS 1024
/* Connections that wait to be accepted. GLib's 10 are soon too few where all players ask for
 * the same segment at once: one that is dropped comes back after a second. */
#define BACKLOG 256
/* Descriptors for all else: workers, files that are sent, certificates. */
#define OTHER_FILES 256
/* From the connection to the end of the request's body. */
#define REQUEST_LIMIT_S 10
/* From there to the last byte of the answer: a segment over a slow line. */
#define RESPONSE_LIMIT_S 120

/* What the front holds for a request, from connection to end. */
typedef struct
{
  Front *front;
  SoupServerMessage *msg;       /* not owned: it owns this */
  guint timer;
  GList link;                   /* in the front's waiting, as long as @waits */
  gboolean waits;               /* for the end of the request */
  gboolean over;                /* no longer counted */
  gboolean connected;           /* over TLS: the handshake is done */
  gsize received;               /* bytes of the body */
} Request;

static void
stop_waiting (Request * request)
{
  if (request->waits)
    g_queue_unlink (&request->front->waiting, &request->link);
  request->waits = FALSE;
}

static void
release (Request * request)
{
  stop_waiting (request);
  g_clear_handle_id (&request->timer, g_source_remove);
  if (!request->over)
    request->front->connections--;
  request->over = TRUE;
}

static void
request_free (gpointer data)
{
  release (data);
  g_free (data);
}

/* Where a TLS handshake fails, libsoup 3.2.3 forgets the message that it made for it, which
 * keeps the connection. One that does not forget it has freed it by now. */
static gboolean
unref_forgotten (gpointer user_data)
{
  GWeakRef *ref = user_data;
  GObject *msg = g_weak_ref_get (ref);

  if (msg != NULL) {
    g_object_unref (msg);
    g_object_unref (msg);
  }
  g_weak_ref_clear (ref);
  g_free (ref);
  return G_SOURCE_REMOVE;
}

static void
connected (SoupServerMessage * msg, gpointer user_data)
{
  Request *request = user_data;

  request->connected = TRUE;
}

static void
disconnected (SoupServerMessage * msg, gpointer user_data)
{
  Request *request = user_data;
  GWeakRef *ref;

  if (request->over)
    return;
  release (request);
  if (request->connected)
    return;
  ref = g_new0 (GWeakRef, 1);
  g_weak_ref_init (ref, msg);
  g_idle_add_full (G_PRIORITY_LOW, unref_forgotten, ref, NULL);
}

/* libsoup then sees an error on the socket and drops the message. */
static void
cut (SoupServerMessage * msg)
{
  GSocket *socket = soup_server_message_get_socket (msg);

  if (socket != NULL)
    g_socket_shutdown (socket, TRUE, TRUE, NULL);
}

/* There are too many: who has had most time for a request goes. Who sends one at once is
 * served beside any number that do not. */
static void
make_room (Front * front)
{
  Request *oldest = g_queue_peek_head (&front->waiting);

  stop_waiting (oldest);
  cut (oldest->msg);
}

static gboolean
request_timed_out (gpointer user_data)
{
  Request *request = user_data;

  request->timer = 0;
  cut (request->msg);
  return G_SOURCE_REMOVE;
}

static void
set_limit (Request * request, guint seconds)
{
  g_clear_handle_id (&request->timer, g_source_remove);
  request->timer = g_timeout_add_seconds (seconds, request_timed_out, request);
}

static void
got_headers (SoupServerMessage * msg, gpointer user_data)
{
  Request *request = user_data;
  SoupMessageHeaders *headers = soup_server_message_get_response_headers (msg);

  /* a connection's later messages are told of no handshake */
  request->connected = TRUE;
  soup_message_headers_replace (headers, "Server", "lockstep/" PACKAGE_VERSION);
  /* libsoup 3.2.3 keeps a connection for ever that its client has closed; and
   * pages and players of any origin may read what is public anyway */
  soup_message_headers_replace (headers, "Connection", "close");
  soup_message_headers_replace (headers, "Access-Control-Allow-Origin", "*");
  soup_message_headers_replace (headers, "Access-Control-Expose-Headers",
      "Location, ETag, Link, Accept-Patch, Accept-Post, Retry-After");
}

/* Of a body that is too long nothing is kept, and the rest is not awaited. */
static void
got_chunk (SoupServerMessage * msg, GBytes * chunk, gpointer user_data)
{
  Request *request = user_data;

  request->received += g_bytes_get_size (chunk);
  if (request->received <= LOCKSTEP_SDP_MAX_BYTES)
    return;
  soup_message_body_set_accumulate (soup_server_message_get_request_body (msg),
      FALSE);
  if (request->received > 64 * LOCKSTEP_SDP_MAX_BYTES)
    cut (msg);
}

static void
got_body (SoupServerMessage * msg, gpointer user_data)
{
  stop_waiting (user_data);
  set_limit (user_data, RESPONSE_LIMIT_S);
}

static void
finished (SoupServerMessage * msg, gpointer user_data)
{
  Request *request = user_data;
  guint class = soup_server_message_get_status (msg) / 100;

  if (class < G_N_ELEMENTS (request->front->requests))
    request->front->requests[class]++;
}

static void
request_started (SoupServer * server, SoupServerMessage * msg,
    gpointer user_data)
{
  Front *front = user_data;
  Request *request = g_new0 (Request, 1);

  request->front = front;
  request->msg = msg;
  request->link.data = request;
  request->waits = TRUE;
  g_queue_push_tail_link (&front->waiting, &request->link);
  front->connections++;
  g_object_set_data_full (G_OBJECT (msg), "lockstep-request", request,
      request_free);
  set_limit (request, REQUEST_LIMIT_S);
  g_signal_connect (msg, "connected", G_CALLBACK (connected), request);
  g_signal_connect (msg, "disconnected", G_CALLBACK (disconnected), request);
  g_signal_connect (msg, "got-headers", G_CALLBACK (got_headers), request);
  g_signal_connect (msg, "got-chunk", G_CALLBACK (got_chunk), request);
  g_signal_connect (msg, "got-body", G_CALLBACK (got_body), request);
  g_signal_connect (msg, "finished", G_CALLBACK (finished), request);
  if (front->connections > front->max_connections)
    make_room (front);
}

/* Whether a request may change something, and so needs the token. A preflight has
 * none (RFC 9725, section 4.5). */
static gboolean
needs_token (SoupServerMessage * msg, const char *path)
{
  return (g_str_has_prefix (path, "/whip/")
      || g_str_has_prefix (path, "/whep/"))
      && !g_str_equal (soup_server_message_get_method (msg), "OPTIONS");
}

/* libsoup 3.2.3 makes all of a body that several ranges ask for, as often as they overlap,
 * and keeps a connection for ever whose client waited for "100 Continue". One range is
 * enough for players, and clients that are refused to wait (417) go on without. */
static gboolean
is_too_much_for_libsoup (SoupServerMessage * msg)
{
  SoupMessageHeaders *request = soup_server_message_get_request_headers (msg);
  const char *range = soup_message_headers_get_list (request, "Range");

  if (range != NULL && strchr (range, ',') != NULL)
    soup_message_headers_remove (request, "Range");
  if (soup_message_headers_get_one (request, "Expect") == NULL)
    return FALSE;
  http_error (msg, SOUP_STATUS_EXPECTATION_FAILED,
      "send the body at once, without Expect");
  return TRUE;
}

/* Before the body is read: who may not send one is told so at once. */
static void
early (SoupServer * server, SoupServerMessage * msg, const char *path,
    GHashTable * query, gpointer user_data)
{
  Front *front = user_data;
  SoupMessageHeaders *request = soup_server_message_get_request_headers (msg);
  SoupMessageBody *body = soup_server_message_get_request_body (msg);

  if (is_too_much_for_libsoup (msg)) {
    soup_message_body_set_accumulate (body, FALSE);
  } else if (needs_token (msg, path) && !http_is_authorized (front, msg)) {
    gboolean sent = soup_message_headers_get_one (request, "Authorization")
        != NULL;

    soup_message_headers_replace (soup_server_message_get_response_headers
        (msg), "WWW-Authenticate", sent
        ? "Bearer realm=\"lockstep\", error=\"invalid_token\""
        : "Bearer realm=\"lockstep\"");
    http_error (msg, SOUP_STATUS_UNAUTHORIZED, sent
        ? "the token is wrong" :
        "a token is needed: Authorization: Bearer TOKEN");
    soup_message_body_set_accumulate (body, FALSE);
  } else if (soup_message_headers_get_content_length (request) >
      LOCKSTEP_SDP_MAX_BYTES) {
    http_error (msg, SOUP_STATUS_REQUEST_ENTITY_TOO_LARGE,
        "the body is too large");
    soup_message_body_set_accumulate (body, FALSE);
  }
}

static const char *
after (const char *path, const char *prefix)
{
  return g_str_has_prefix (path, prefix) ? path + strlen (prefix) : NULL;
}

/* Those that follow a page or a link of another preset's are told what is here. */
static const char *
why_nothing (const Front * front, const char *path)
{
  if (front->is_source && (after (path, "/publish/") != NULL
          || after (path, "/whip/") != NULL))
    return "nobody can publish here: what runs has a source of its own";
  if (!front->is_sender && after (path, "/whep/") != NULL)
    return "what runs here is watched by HLS, and not by WHEP: see /watch/NAME";
  if (after (path, "/publish/") != NULL || after (path, "/watch/") != NULL)
    return
        "this is no channel's name: those have 1 to 64 letters, digits, '-', "
        "'_' and '.', which is not the first";
  return "there is nothing at this path";
}

static void
route (SoupServer * server, SoupServerMessage * msg, const char *path,
    GHashTable * query, gpointer user_data)
{
  Front *front = user_data;
  Request *request = g_object_get_data (G_OBJECT (msg), "lockstep-request");
  const char *rest;

  if (request != NULL && request->received > LOCKSTEP_SDP_MAX_BYTES)
    http_error (msg, SOUP_STATUS_REQUEST_ENTITY_TOO_LARGE,
        "the body is too large");
  else if ((rest = after (path, "/whip/")) != NULL && !front->is_source)
    http_whip (front, msg, rest, query, FALSE);
  else if ((rest = after (path, "/whep/")) != NULL && front->is_sender)
    http_whip (front, msg, rest, query, TRUE);
  else if ((rest = after (path, "/hls/")) != NULL)
    http_hls (front, msg, rest);
  else if (g_str_equal (path, "/api/channels"))
    http_api (front, msg, "");
  else if ((rest = after (path, "/api/channels/")) != NULL)
    http_api (front, msg, rest);
  else if ((rest = after (path, "/assets/")) != NULL)
    http_page (front, msg, rest, TRUE);
  else if ((rest = after (path, "/publish/")) != NULL && !front->is_source
      && channel_name_is_valid (rest))
    http_page (front, msg, "publish.html", FALSE);
  else if ((rest = after (path, "/watch/")) != NULL
      && channel_name_is_valid (rest))
    http_page (front, msg, "watch.html", FALSE);
  else if (g_str_equal (path, "/"))
    http_page (front, msg, "index.html", FALSE);
  else if (g_str_equal (path, "/metrics"))
    http_metrics (front, msg);
  else if (g_str_equal (path, "/healthz"))
    http_send_text (msg, "text/plain; charset=utf-8", "no-store", "ok\n", -1);
  else
    http_error (msg, SOUP_STATUS_NOT_FOUND, why_nothing (front, path));
}

/* "127.0.0.1:8080", "[::1]:8080", "localhost:8080", ":8080" (every address). */
static GSocketAddress *
parse_listen (const char *listen, GError ** error)
{
  const char *colon = strrchr (listen, ':');
  g_autofree char *host = NULL;
  guint64 port;
  GSocketAddress *address;

  if (colon == NULL
      || !g_ascii_string_to_unsigned (colon + 1, 10, 0, 65535, &port, NULL)) {
    g_set_error (error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT,
        "listen=%s: write it as address:port, such as 127.0.0.1:8080", listen);
    return NULL;
  }
  host = g_strndup (listen, colon - listen);
  if (host[0] == '[' && g_str_has_suffix (host, "]")) {
    host[strlen (host) - 1] = '\0';
    memmove (host, host + 1, strlen (host));
  }
  address = g_inet_socket_address_new_from_string (host[0] == '\0' ? "0.0.0.0"
      : g_str_equal (host, "localhost") ? "127.0.0.1" : host, port);
  if (address == NULL)
    g_set_error (error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT,
        "listen=%s: '%s' is not an IP address", listen, host);
  return address;
}

static gboolean
read_ice_servers (Front * front, const char *servers, GError ** error)
{
  g_auto (GStrv) list = g_strsplit (servers, ",", -1);

  front->ice_links = g_ptr_array_new_with_free_func (g_free);
  for (guint i = 0; list[i] != NULL; i++) {
    const char *server = g_strstrip (list[i]);
    char *link;

    if (server[0] == '\0')
      continue;
    link = lockstep_ice_link_header (server, error);
    if (link == NULL) {
      g_prefix_error (error, "ice-servers: ");
      return FALSE;
    }
    g_ptr_array_add (front->ice_links, link);
  }
  return TRUE;
}

/* A name would make the answer to every offer fail. */
static gboolean
check_public_address (const char *text, GError ** error)
{
  g_autoptr (GInetAddress) address = text == NULL || text[0] == '\0' ? NULL
      : g_inet_address_new_from_string (text);

  if (text == NULL || text[0] == '\0' || address != NULL)
    return TRUE;
  g_set_error (error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT,
      "public-address=%s: this is not an IP address", text);
  return FALSE;
}

/* An absolute folder that can be written; NULL with @error. */
static char *
make_folder (const char *parameter, const char *folder, GError ** error)
{
  g_autofree char *path = g_canonicalize_filename (folder, NULL);
  g_autofree char *probe = g_build_filename (path, ".lockstep-probe", NULL);

  if (g_mkdir_with_parents (path, 0755) != 0) {
    g_set_error (error, G_IO_ERROR, g_io_error_from_errno (errno),
        "%s=%s: the folder cannot be made: %s", parameter, folder,
        g_strerror (errno));
    return NULL;
  }
  if (!g_file_set_contents (probe, "", 0, NULL)) {
    g_set_error (error, G_IO_ERROR, G_IO_ERROR_PERMISSION_DENIED,
        "%s=%s: the folder cannot be written", parameter, folder);
    return NULL;
  }
  g_unlink (probe);
  return g_steal_pointer (&path);
}

static gboolean
make_folders (Front * front, GHashTable * values, GError ** error)
{
  const char *output = g_hash_table_lookup (values, "output");
  const char *archive = g_hash_table_lookup (values, "archive");

  /* a preset that only sends writes nothing */
  if (output == NULL && front->is_sender)
    return TRUE;
  front->output = make_folder ("output", output != NULL ? output : "hls",
      error);
  if (front->output == NULL)
    return FALSE;
  if (archive != NULL && archive[0] != '\0')
    front->archive = make_folder ("archive", archive, error);
  return front->archive != NULL || archive == NULL || archive[0] == '\0';
}

/* What the workers are told: the parameters, less what is none of their business. */
static JsonObject *
worker_values (Front * front, GHashTable * values)
{
  JsonObject *object = json_object_new ();
  GHashTableIter iter;
  gpointer name, value;

  g_hash_table_iter_init (&iter, values);
  while (g_hash_table_iter_next (&iter, &name, &value))
    json_object_set_string_member (object, name, value);
  json_object_set_string_member (object, "token", "");
  json_object_set_string_member (object, "view-token", "");
  if (front->output != NULL)
    json_object_set_string_member (object, "output", front->output);
  if (front->archive != NULL)
    json_object_set_string_member (object, "archive", front->archive);
  return object;
}

static GSocket *
open_socket (GSocketAddress * address, GError ** error)
{
  g_autoptr (GSocket) socket = g_socket_new (g_socket_address_get_family
      (address), G_SOCKET_TYPE_STREAM, G_SOCKET_PROTOCOL_TCP, error);

  if (socket == NULL || !g_socket_bind (socket, address, TRUE, error))
    return NULL;
  g_socket_set_listen_backlog (socket, BACKLOG);
  return g_socket_listen (socket, error) ? g_steal_pointer (&socket) : NULL;
}

static void
add_cure (GError ** error)
{
  const char *cure = g_error_matches (*error, G_IO_ERROR,
      G_IO_ERROR_ADDRESS_IN_USE) ? "give another port, or 0 for a free one"
      : g_error_matches (*error, G_IO_ERROR, G_IO_ERROR_PERMISSION_DENIED)
      ? "ports below 1024 are root's" : NULL;
  char *text;

  if (cure == NULL)
    return;
  text = g_strdup_printf ("%s: %s", (*error)->message, cure);
  g_free ((*error)->message);
  (*error)->message = text;
}

static gboolean
listen_on (Front * front, const char *listen, gboolean * loopback,
    GError ** error)
{
  g_autoptr (GSocketAddress) address = parse_listen (listen, error);
  g_autoptr (GSocket) socket = NULL;
  GInetAddress *inet;
  GSList *uris;

  if (address == NULL)
    return FALSE;
  inet = g_inet_socket_address_get_address (G_INET_SOCKET_ADDRESS (address));
  *loopback = g_inet_address_get_is_loopback (inet);
  socket = open_socket (address, error);
  if (socket == NULL || !soup_server_listen_socket (front->server, socket,
          front->access.tls_cert != NULL ? SOUP_SERVER_LISTEN_HTTPS : 0,
          error)) {
    g_prefix_error (error, "listen=%s: ", listen);
    add_cure (error);
    return FALSE;
  }
  uris = soup_server_get_uris (front->server);
  for (GSList * l = uris; l != NULL; l = l->next) {
    g_autofree char *text = g_uri_to_string (l->data);

    log_info (NULL, "listening on %s", text);
  }
  g_slist_free_full (uris, (GDestroyNotify) g_uri_unref);
  return TRUE;
}

/* With no descriptor left, no worker could be started, and libsoup would try to accept the
 * same connection again and again. The usual limit of 1024 is for programs that use
 * select(), which this and its workers do not. */
static guint
bound_connections (void)
{
  struct rlimit files;
  const rlim_t wanted = MAX_CONNECTIONS + OTHER_FILES;

  if (getrlimit (RLIMIT_NOFILE, &files) != 0)
    return MAX_CONNECTIONS / 2;
  if (files.rlim_cur < wanted) {
    files.rlim_cur = MIN (files.rlim_max, wanted);
    setrlimit (RLIMIT_NOFILE, &files);
    getrlimit (RLIMIT_NOFILE, &files);
  }
  return files.rlim_cur >= wanted ? MAX_CONNECTIONS
      : files.rlim_cur > 2 * OTHER_FILES ? files.rlim_cur - OTHER_FILES
      : files.rlim_cur / 2;
}

Front *
front_new (const LockstepPreset * preset, const char *preset_name,
    GHashTable * values, const FrontAccess * access, WorkerPoolBroken broken,
    ChannelSourceEnded ended, gpointer user_data, GError ** error)
{
  Front *front = g_new0 (Front, 1);
  const char *max_viewers = g_hash_table_lookup (values, "max-viewers");
  const char *web = g_getenv ("LOCKSTEP_WEB_PATH");
  const char *ice = g_hash_table_lookup (values, "ice-servers");
  const char *listen = g_hash_table_lookup (values, "listen");
  const char *max = g_hash_table_lookup (values, "max-channels");
  gboolean loopback = TRUE;

  front->preset = preset;
  front->is_source = lockstep_preset_get_signalling (preset) !=
      LOCKSTEP_SIGNALLING_WHIP;
  front->is_sender = lockstep_preset_get_signalling (preset) ==
      LOCKSTEP_SIGNALLING_WHEP;
  front->started = g_get_real_time () / G_USEC_PER_SEC;
  front->post_time = g_get_monotonic_time ();
  front->post_allowance = G_MAXINT32;
  front->max_connections = bound_connections ();
  front->access = *access;
  front->access.token = g_hash_table_lookup (values, front->is_sender
      ? "view-token" : "token");
  front->web_folders = g_strsplit (web && web[0] ? web : LOCKSTEP_WEB_DIR,
      G_SEARCHPATH_SEPARATOR_S, -1);
  front->server = soup_server_new (NULL, NULL);
  g_signal_connect (front->server, "request-started",
      G_CALLBACK (request_started), front);
  soup_server_add_early_handler (front->server, NULL, early, front, NULL);
  soup_server_add_handler (front->server, NULL, route, front, NULL);

  if (!front_read_access (front, error)
      || !read_ice_servers (front, ice != NULL ? ice : "", error)
      || !check_public_address (g_hash_table_lookup (values,
              "public-address"), error)
      || !make_folders (front, values, error)
      || (listen != NULL && !listen_on (front, listen, &loopback, error))) {
    front_free (front);
    return NULL;
  }
  if (!loopback && front->tokens->len == 0 && !front->is_source)
    log_warning (NULL, "anyone who reaches this address can publish: "
        "give --token-file, token=… or LOCKSTEP_TOKEN");
  front->pool = worker_pool_new (preset_name, worker_values (front, values),
      loopback, !front->is_source, broken, user_data);
  front->channels = channel_table_new (front->pool,
      max != NULL ? g_ascii_strtoll (max, NULL, 10) : 16, front->output);
  if (front->is_sender)
    channel_table_serve_viewers (front->channels, max_viewers != NULL
        ? g_ascii_strtoll (max_viewers, NULL, 10) : 50);
  if (front->is_source)
    channel_table_run_source (front->channels,
        g_hash_table_lookup (values, "channel"), ended, user_data);
  return front;
}

void
front_free (Front * front)
{
  g_signal_handlers_disconnect_by_data (front->server, front);
  soup_server_disconnect (front->server);
  if (front->channels != NULL)
    channel_table_free (front->channels);
  worker_pool_free (front->pool);
  g_object_unref (front->server);
  g_clear_pointer (&front->ice_links, g_ptr_array_unref);
  g_strfreev (front->web_folders);
  g_free (front->output);
  g_free (front->archive);
  g_clear_pointer (&front->tokens, g_ptr_array_unref);
  g_free (front);
}

void
front_stop (Front * front, void (*done) (gpointer), gpointer user_data)
{
  GSList *listeners = soup_server_get_listeners (front->server);

  for (GSList * l = listeners; l != NULL; l = l->next)
    g_socket_close (l->data, NULL);
  g_slist_free (listeners);
  channel_table_stop (front->channels, done, user_data);
}
