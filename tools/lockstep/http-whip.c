/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* /whip/CHANNEL and /whip/CHANNEL/SESSION: RFC 9725; /whep/… the same for viewers:
 * draft-ietf-wish-whep. */
#include "front.h"
#include "log.h"

#include <glib-unix.h>
#include <gst/lockstep/sdp.h>
#include <poll.h>
#include <string.h>

/* RFC 6585; libsoup has no names for these */
#define STATUS_PRECONDITION_REQUIRED 428
#define STATUS_TOO_MANY_REQUESTS 429

/* POSTs that reach a worker: this many at once, then this many a second. */
#define POST_BURST 20
#define POSTS_PER_SECOND 10

/* A request whose answer a worker is preparing. */
typedef struct
{
  Front *front;
  SoupServerMessage *msg;
  char *channel;
  char *session;                /* of a POST: NULL until it is known */
  gboolean is_patch, is_view;
  gulong finished;
  guint hang_up;                /* source; 0: none */
} Waiting;

static void
waiting_free (Waiting * waiting)
{
  g_signal_handler_disconnect (waiting->msg, waiting->finished);
  g_clear_handle_id (&waiting->hang_up, g_source_remove);
  g_object_unref (waiting->msg);
  g_free (waiting->channel);
  g_free (waiting->session);
  g_free (waiting);
}

/* The client closed the connection before its answer. */
static void
client_gone (SoupServerMessage * msg, gpointer user_data)
{
  Waiting *waiting = user_data;

  if (waiting->is_patch)
    channel_table_cancel_trickle (waiting->front->channels, waiting->channel,
        waiting->session, waiting);
  else
    channel_table_cancel (waiting->front->channels, waiting->channel,
        waiting->session);
  waiting_free (waiting);
}

/* libsoup does not look at the connection of a message that is paused: without this, a
 * session that nobody waits for any more is held until it fails to connect. */
static gboolean
client_hung_up (int fd, GIOCondition condition, gpointer user_data)
{
  Waiting *waiting = user_data;
  g_autoptr (SoupServerMessage) msg = g_object_ref (waiting->msg);

  log_info (waiting->channel, "a client went away before its answer");
  waiting->hang_up = 0;
  client_gone (msg, waiting);
  /* so that libsoup finds out, too */
  http_error (msg, SOUP_STATUS_REQUEST_TIMEOUT, "the client went away");
  soup_server_message_unpause (msg);
  return G_SOURCE_REMOVE;
}

static Waiting *
wait_for_worker (Front * front, SoupServerMessage * msg, const char *channel,
    gboolean is_patch, gboolean is_view)
{
  Waiting *waiting = g_new0 (Waiting, 1);
  GSocket *socket = soup_server_message_get_socket (msg);

  waiting->front = front;
  waiting->msg = g_object_ref (msg);
  waiting->channel = g_strdup (channel);
  waiting->is_patch = is_patch;
  waiting->is_view = is_view;
  waiting->finished = g_signal_connect (msg, "finished",
      G_CALLBACK (client_gone), waiting);
  if (socket != NULL)
    waiting->hang_up = g_unix_fd_add (g_socket_get_fd (socket),
        (GIOCondition) POLLRDHUP | G_IO_HUP | G_IO_ERR, client_hung_up,
        waiting);
  soup_server_message_pause (msg);
  return waiting;
}

static void
whip_error (SoupServerMessage * msg, guint status, const char *text)
{
  SoupMessageHeaders *headers = soup_server_message_get_response_headers (msg);

  if (status == SOUP_STATUS_SERVICE_UNAVAILABLE
      || status == STATUS_TOO_MANY_REQUESTS)
    soup_message_headers_replace (headers, "Retry-After", "5");
  else if (status == SOUP_STATUS_CONFLICT)
    soup_message_headers_replace (headers, "Retry-After", "3");
  http_error (msg, status, text);
}

static void
add_ice_links (Front * front, SoupMessageHeaders * headers)
{
  for (guint i = 0; i < front->ice_links->len; i++)
    soup_message_headers_append (headers, "Link",
        g_ptr_array_index (front->ice_links, i));
}

static void
offer_answered (guint status, const char *text, gpointer user_data)
{
  Waiting *waiting = user_data;
  SoupServerMessage *msg = waiting->msg;
  SoupMessageHeaders *headers = soup_server_message_get_response_headers (msg);
  Channel *channel =
      channel_table_find (waiting->front->channels, waiting->channel);
  Session *session = channel != NULL && waiting->session != NULL
      ? channel_find_session (channel, waiting->session) : NULL;

  if (status == 201 && session != NULL) {
    g_autofree char *location = g_strdup_printf ("/%s/%s/%s",
        waiting->is_view ? "whep" : "whip", waiting->channel,
        waiting->session);
    g_autofree char *etag =
        g_strdup_printf ("\"%s\"", session_get_etag (session));

    soup_message_headers_replace (headers, "Location", location);
    soup_message_headers_replace (headers, "ETag", etag);
    soup_message_headers_replace (headers, "Accept-Patch",
        "application/trickle-ice-sdpfrag");
    soup_message_headers_replace (headers, "Cache-Control", "no-store");
    add_ice_links (waiting->front, headers);
    soup_server_message_set_status (msg, SOUP_STATUS_CREATED, NULL);
    soup_server_message_set_response (msg, "application/sdp",
        SOUP_MEMORY_COPY, text, strlen (text));
  } else {
    whip_error (msg, status, text);
  }
  soup_server_message_unpause (msg);
  waiting_free (waiting);
}

/* A token bucket over all clients: an offer costs a worker, so even those with a
 * right to publish cannot ask for them without end (RFC 9725, section 5). */
static gboolean
take_post_allowance (Front * front)
{
  gint64 now = g_get_monotonic_time ();

  front->post_allowance = MIN (POST_BURST * 1000, front->post_allowance
      + (now - front->post_time) * POSTS_PER_SECOND / 1000);
  front->post_time = now;
  if (front->post_allowance < 1000)
    return FALSE;
  front->post_allowance -= 1000;
  return TRUE;
}

static gboolean
content_type_is (SoupServerMessage * msg, const char *wanted)
{
  const char *type =
      soup_message_headers_get_content_type
      (soup_server_message_get_request_headers (msg), NULL);

  return type != NULL && g_ascii_strcasecmp (type, wanted) == 0;
}

/* The body as text; NULL with a status when it is none. */
static char *
body_text (SoupServerMessage * msg)
{
  g_autoptr (GBytes) bytes =
      soup_message_body_flatten (soup_server_message_get_request_body (msg));
  gsize size;
  const char *data = g_bytes_get_data (bytes, &size);

  if (size == 0 || !g_utf8_validate_len (data, size, NULL)) {
    http_error (msg, SOUP_STATUS_BAD_REQUEST,
        size == 0 ? "the body is empty" : "the body is not text");
    return NULL;
  }
  return g_strndup (data, size);
}

static void
post_offer (Front * front, SoupServerMessage * msg, const char *channel,
    gboolean is_view, const char *picture)
{
  gboolean preview = g_strcmp0 (picture, "preview") == 0;
  g_autofree char *sdp = NULL;
  const char *session;
  Waiting *waiting;

  if (is_view && picture != NULL && !preview && !g_str_equal (picture, "main")) {
    http_error (msg, SOUP_STATUS_NOT_FOUND,
        "there is no such picture; they are main and preview");
    return;
  }
  if (!content_type_is (msg, "application/sdp")) {
    http_error (msg, SOUP_STATUS_UNSUPPORTED_MEDIA_TYPE,
        "an offer is sent as Content-Type: application/sdp");
    return;
  }
  sdp = body_text (msg);
  if (sdp == NULL)
    return;
  if (!take_post_allowance (front)) {
    whip_error (msg, STATUS_TOO_MANY_REQUESTS,
        "too many offers; wait a little");
    return;
  }
  waiting = wait_for_worker (front, msg, channel, FALSE, is_view);
  session = is_view ? channel_table_view (front->channels, channel, sdp,
      preview, offer_answered,
      waiting) : channel_table_publish (front->channels, channel, sdp,
      offer_answered, waiting);
  if (session != NULL)
    waiting->session = g_strdup (session);
}

static void
candidates_added (guint status, const char *text, gpointer user_data)
{
  Waiting *waiting = user_data;

  if (status == 204)
    soup_server_message_set_status (waiting->msg, SOUP_STATUS_NO_CONTENT, NULL);
  else
    whip_error (waiting->msg, status, text);
  soup_server_message_unpause (waiting->msg);
  waiting_free (waiting);
}

static void
patch_session (Front * front, SoupServerMessage * msg, Channel * channel,
    Session * session)
{
  const char *match =
      soup_message_headers_get_one (soup_server_message_get_request_headers
      (msg), "If-Match");
  g_autofree char *etag =
      g_strdup_printf ("\"%s\"", session_get_etag (session));
  g_autofree char *fragment = NULL;
  Waiting *waiting;

  if (!content_type_is (msg, "application/trickle-ice-sdpfrag")) {
    http_error (msg, SOUP_STATUS_UNSUPPORTED_MEDIA_TYPE, "candidates are sent "
        "as Content-Type: application/trickle-ice-sdpfrag");
  } else if (match == NULL) {
    http_error (msg, STATUS_PRECONDITION_REQUIRED,
        "an If-Match header with the session's ETag is needed");
  } else if (g_str_equal (match, "*")) {
    http_error (msg, SOUP_STATUS_UNPROCESSABLE_ENTITY, "ICE restart is not "
        "supported here: begin again with a new POST");
  } else if (!g_str_equal (match, etag)) {
    http_error (msg, SOUP_STATUS_PRECONDITION_FAILED,
        "the If-Match header is not the session's ETag");
  } else {
    fragment = body_text (msg);
    if (fragment == NULL)
      return;
    waiting = wait_for_worker (front, msg, channel_get_name (channel), TRUE,
        FALSE);
    waiting->session = g_strdup (session_get_id (session));
    channel_trickle (channel, session, fragment, candidates_added, waiting);
  }
}

static void
http_session (Front * front, SoupServerMessage * msg, const char *name,
    const char *id)
{
  const char *method = soup_server_message_get_method (msg);
  Channel *channel = channel_table_find (front->channels, name);
  Session *session;

  if (!http_check_method (msg, "GET, HEAD, PATCH, DELETE, OPTIONS"))
    return;
  session = channel != NULL ? channel_find_session (channel, id) : NULL;
  if (session == NULL) {
    http_error (msg, SOUP_STATUS_NOT_FOUND,
        "there is no such session; it may be over");
  } else if (g_str_equal (method, "DELETE")) {
    channel_delete_session (channel, session);
    soup_server_message_set_status (msg, SOUP_STATUS_OK, NULL);
  } else if (g_str_equal (method, "PATCH")) {
    patch_session (front, msg, channel, session);
  } else {
    soup_server_message_set_status (msg, SOUP_STATUS_NO_CONTENT, NULL);
  }
}

void
http_whip (Front * front, SoupServerMessage * msg, const char *rest,
    GHashTable * query, gboolean is_view)
{
  const char *method = soup_server_message_get_method (msg);
  const char *slash = strchr (rest, '/');
  g_autofree char *name = slash != NULL
      ? g_strndup (rest, slash - rest) : g_strdup (rest);
  SoupMessageHeaders *headers = soup_server_message_get_response_headers (msg);

  if (!channel_name_is_valid (name)) {
    http_error (msg, SOUP_STATUS_NOT_FOUND, "a channel's name is 1 to 64 "
        "letters, digits, '-', '_' and '.'");
    return;
  }
  if (slash != NULL && slash[1] != '\0') {
    http_session (front, msg, name, slash + 1);
    return;
  }
  soup_message_headers_replace (headers, "Accept-Post", "application/sdp");
  /* a client may ask for these before it makes its offer; the passwords in them are
   * for those who may publish (RFC 9725, section 4.6) */
  if (g_str_equal (method, "OPTIONS") && http_is_authorized (front, msg))
    add_ice_links (front, headers);
  if (!http_check_method (msg, "GET, HEAD, POST, OPTIONS"))
    return;
  if (g_str_equal (method, "POST"))
    post_offer (front, msg, name, is_view, query != NULL
        ? g_hash_table_lookup (query, "picture") : NULL);
  else
    soup_server_message_set_status (msg, SOUP_STATUS_NO_CONTENT, NULL);
}
