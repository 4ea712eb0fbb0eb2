/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A client of WebSocket signalling: carries the signaller's messages over a WebSocket
 * and what it asks for to a worker. Begins again after a failure, each time later. */
#include "config.h"
#include "room.h"
#include "flood-guard.h"
#include "ipc.h"
#include "log.h"

#include <gst/lockstep/backoff.h>
#include <gst/lockstep/deflate.h>
#include <gst/lockstep/signaller.h>
#include <libsoup/soup.h>
#include <string.h>

#define CONNECT_TIMEOUT_S 15
/* A server that was told over a data channel that we leave ends the session itself; where
 * it does not, the message has had its time. */
#define LEAVE_MS 2000

/* What comes from the server: its messages have some KiB. */
#define FLOOD_BURST (4 * 1024 * 1024)
#define FLOOD_PER_SECOND (256 * 1024)

struct _Room
{
  LockstepSignallerConfig config;       /* strings: @strings' */
  GPtrArray *strings;
  GUri *endpoint;
  SoupSession *session;
  GCancellable *cancellable;
  SoupMessage *request;         /* for the WebSocket */
  SoupWebsocketConnection *socket;
  FloodGuard *flood;            /* NULL: not connected */
  LockstepSignaller *signaller; /* NULL: waits to begin again */
  WorkerPool *pool;
  WorkerProc *worker;
  char *encodings;              /* JSON: what the server says of simulcast; NULL: nothing */
  GString *ice_servers;         /* as webrtcbin takes them, with commas between */
  gboolean relay_only;
  gboolean called;              /* the worker has been told to call or to answer */
  gboolean answering;           /* the worker's description is an answer */
  gboolean connected;
  gint64 octets;                /* for Sora's statistics */
  LockstepBackoff backoff;
  gint64 connected_at;
  guint tick_timer, retry_timer, leave_timer;
  gboolean told_over_channel;   /* the last message went over a data channel */
  gboolean stopping;
  LockstepLineBudget said;      /* of what the server has us log */
  void (*done) (gpointer);
  gpointer done_data;
};

static void begin (Room * room);
static void pump (Room * room);
static void connect_to (Room * room, GUri * uri);

static gint64
now_ns (void)
{
  return g_get_monotonic_time () * 1000;
}

static gboolean
retry (gpointer user_data)
{
  Room *room = user_data;

  room->retry_timer = 0;
  begin (room);
  return G_SOURCE_REMOVE;
}

static void
drop_socket (Room * room)
{
  g_cancellable_cancel (room->cancellable);
  if (room->request != NULL)
    g_signal_handlers_disconnect_by_data (room->request, room);
  g_clear_object (&room->request);
  g_clear_pointer (&room->flood, flood_guard_free);
  if (room->socket == NULL)
    return;
  g_signal_handlers_disconnect_by_data (room->socket, room);
  if (soup_websocket_connection_get_state (room->socket) ==
      SOUP_WEBSOCKET_STATE_OPEN)
    soup_websocket_connection_close (room->socket,
        SOUP_WEBSOCKET_CLOSE_NORMAL, NULL);
  g_clear_object (&room->socket);
}

static gboolean
stop_worker (gpointer user_data)
{
  Room *room = user_data;

  room->leave_timer = 0;
  if (room->worker != NULL) {
    worker_proc_send (room->worker, ipc_message ("stop"));
    worker_proc_expect_end (room->worker);
  }
  return G_SOURCE_REMOVE;
}

/* The session is over: worker, socket and state go, and it begins again later. */
static void
end_session (Room * room)
{
  gint64 ran = room->connected_at == 0 ? 0
      : g_get_monotonic_time () - room->connected_at;
  guint wait;

  drop_socket (room);
  g_clear_pointer (&room->signaller, lockstep_signaller_free);
  if (room->worker != NULL && room->stopping) {
    if (!room->told_over_channel)
      stop_worker (room);
    else if (room->leave_timer == 0)
      room->leave_timer = g_timeout_add (LEAVE_MS, stop_worker, room);
    return;                     /* worker_gone() goes on */
  }
  if (room->worker != NULL) {
    worker_proc_kill (room->worker);
    return;
  }
  if (room->stopping) {
    if (room->done != NULL)
      room->done (room->done_data);
    return;
  }
  if (room->retry_timer != 0)
    return;
  wait = lockstep_backoff_next (&room->backoff, ran / 1000, g_random_double ());
  room->connected_at = 0;
  log_info (NULL, "trying again in %.1f s", wait / 1000.0);
  room->retry_timer = g_timeout_add (wait, retry, room);
}

/* "turn:host:port?transport=udp" with credentials, as webrtcbin has it:
 * "turn://user:password@host:port?transport=udp". */
static void
add_ice_server (Room * room, const LockstepSignal * signal)
{
  static const char *const schemes[] = { "stun:", "turn:", "turns:" };

  for (guint i = 0; i < G_N_ELEMENTS (schemes); i++) {
    g_autofree char *user = NULL, *password = NULL;
    const char *rest = signal->text + strlen (schemes[i]);

    if (!g_str_has_prefix (signal->text, schemes[i])
        || strpbrk (rest, ",@/ ") != NULL)
      continue;
    g_string_append_printf (room->ice_servers, "%s%s//",
        room->ice_servers->len > 0 ? "," : "", schemes[i]);
    if (signal->username != NULL && signal->credential != NULL) {
      user = g_uri_escape_string (signal->username, NULL, FALSE);
      password = g_uri_escape_string (signal->credential, NULL, FALSE);
      g_string_append_printf (room->ice_servers, "%s:%s@", user, password);
    }
    g_string_append (room->ice_servers, rest);
  }
}

/* @offer: the peer's, or NULL to make one. */
static void
call (Room * room, const char *offer)
{
  JsonObject *message;

  if (room->worker == NULL || (room->called && (offer == NULL
              || !room->answering))) {
    log_info (NULL, "the peer asks for another negotiation: beginning again");
    end_session (room);
    return;
  }
  if (room->called) {
    message = ipc_message ("renew");
    json_object_set_string_member (message, "sdp", offer);
    worker_proc_send (room->worker, message);
    return;
  }
  room->called = TRUE;
  message = ipc_message ("call");
  room->answering = offer != NULL;
  json_object_set_string_member (message, "channel", room->config.channel);
  if (offer != NULL)
    json_object_set_string_member (message, "sdp", offer);
  if (room->ice_servers->len > 0)
    json_object_set_string_member (message, "ice_servers",
        room->ice_servers->str);
  if (room->encodings != NULL)
    json_object_set_string_member (message, "encodings", room->encodings);
  json_object_set_boolean_member (message, "relay_only", room->relay_only);
  json_object_set_boolean_member (message, "signalling",
      room->config.protocol == LOCKSTEP_SIGNALLER_SORA);
  worker_proc_send (room->worker, message);
}

static void
send_to_worker (Room * room, const char *type, const LockstepSignal * signal)
{
  JsonObject *message;

  if (room->worker == NULL)
    return;
  message = ipc_message (type);
  if (g_str_equal (type, "answer")) {
    json_object_set_string_member (message, "sdp", signal->text);
  } else {
    json_object_set_string_member (message, "candidate", signal->text);
    json_object_set_int_member (message, "mline", signal->mline);
  }
  worker_proc_send (room->worker, message);
}

/* Over the data channel that the signal names. */
static void
send_over_channel (Room * room, const LockstepSignal * signal)
{
  gsize n = strlen (signal->text);
  g_autoptr (GBytes) data = signal->compressed
      ? lockstep_deflate (signal->text, n) : g_bytes_new (signal->text, n);
  const guchar *bytes = g_bytes_get_data (data, &n);
  g_autofree char *text = g_base64_encode (bytes, n);
  JsonObject *message;

  if (room->worker == NULL)
    return;
  message = ipc_message ("signal");
  json_object_set_string_member (message, "label", signal->label);
  json_object_set_string_member (message, "data", text);
  json_object_set_boolean_member (message, "binary", signal->compressed);
  worker_proc_send (room->worker, message);
}

/* RTCOutboundRtpStreamStats, as far as the worker counts it. */
static void
send_stats (Room * room)
{
  g_autofree char *reports =
      g_strdup_printf ("[{\"id\":\"outbound\",\"type\":\"outbound-rtp\","
      "\"timestamp\":%" G_GINT64_FORMAT ",\"bytesSent\":%" G_GINT64_FORMAT
      "}]", g_get_real_time () / 1000, room->octets);

  lockstep_signaller_stats (room->signaller, reports);
}

static void
redirect (Room * room, const char *location)
{
  g_autoptr (GUri) uri = g_uri_parse (location, G_URI_FLAGS_NONE, NULL);

  /* what was said under TLS is not repeated in the clear */
  if (uri == NULL || g_uri_get_host (uri) == NULL
      || (g_str_equal (g_uri_get_scheme (room->endpoint), "wss")
          && !g_str_equal (g_uri_get_scheme (uri), "wss"))) {
    log_warning (NULL, "the server redirects to %s, which is not followed",
        location);
    end_session (room);
    return;
  }
  drop_socket (room);
  connect_to (room, uri);
}

static void
closed (Room * room, const LockstepSignal * signal)
{
  if (!room->stopping)
    log_warning (NULL, "%s", signal->text);
  end_session (room);
}

/* FALSE: the session has ended, or waits for another connection. */
static gboolean
act (Room * room, const LockstepSignal * signal)
{
  switch (signal->type) {
    case LOCKSTEP_SIGNAL_SEND:
      room->told_over_channel = signal->label != NULL;
      if (signal->label != NULL)
        send_over_channel (room, signal);
      else if (room->socket != NULL
          && soup_websocket_connection_get_state (room->socket) ==
          SOUP_WEBSOCKET_STATE_OPEN)
        soup_websocket_connection_send_text (room->socket, signal->text);
      break;
    case LOCKSTEP_SIGNAL_ICE_SERVER:
      add_ice_server (room, signal);
      break;
    case LOCKSTEP_SIGNAL_RELAY_ONLY:
      room->relay_only = TRUE;
      break;
    case LOCKSTEP_SIGNAL_MAKE_OFFER:
      call (room, NULL);
      break;
    case LOCKSTEP_SIGNAL_OFFER:
      call (room, signal->text);
      break;
    case LOCKSTEP_SIGNAL_ANSWER:
      send_to_worker (room, "answer", signal);
      break;
    case LOCKSTEP_SIGNAL_CANDIDATE:
      send_to_worker (room, "candidate", signal);
      break;
    case LOCKSTEP_SIGNAL_STATS:
      send_stats (room);
      break;
    case LOCKSTEP_SIGNAL_ENCODINGS:
      g_free (room->encodings);
      room->encodings = g_strdup (signal->text);
      break;
    case LOCKSTEP_SIGNAL_NOTIFY:
      log_info_bounded (&room->said, NULL, "the server says: %.500s",
          signal->text);
      break;
    case LOCKSTEP_SIGNAL_SWITCHED:
      log_info_bounded (&room->said, NULL,
          "signalling goes over data channels now");
      if (signal->alone)
        drop_socket (room);
      break;
    case LOCKSTEP_SIGNAL_REDIRECT:
      redirect (room, signal->text);
      return FALSE;
    case LOCKSTEP_SIGNAL_CLOSED:
      closed (room, signal);
      return FALSE;
  }
  return room->signaller != NULL;
}

static void
pump (Room * room)
{
  gboolean go_on = TRUE;

  while (go_on && room->signaller != NULL) {
    g_autoptr (LockstepSignal) signal =
        lockstep_signaller_next (room->signaller);

    if (signal == NULL)
      return;
    go_on = act (room, signal);
  }
}

/* The WebSocket */

static void
socket_message (SoupWebsocketConnection * socket, int type, GBytes * bytes,
    Room * room)
{
  gsize n;
  const char *text = g_bytes_get_data (bytes, &n);

  if (type != SOUP_WEBSOCKET_DATA_TEXT || room->signaller == NULL)
    return;
  lockstep_signaller_message (room->signaller, NULL, text, n, now_ns ());
  pump (room);
}

static void
socket_closed (SoupWebsocketConnection * socket, Room * room)
{
  g_autoptr (SoupWebsocketConnection) gone = g_steal_pointer (&room->socket);

  g_signal_handlers_disconnect_by_data (gone, room);
  if (room->flood != NULL && flood_guard_has_ended (room->flood))
    log_warning (NULL, "the signalling server sends more than is read");
  g_clear_pointer (&room->flood, flood_guard_free);
  if (room->signaller == NULL)
    return;
  lockstep_signaller_disconnected (room->signaller,
      soup_websocket_connection_get_close_code (gone),
      soup_websocket_connection_get_close_data (gone));
  pump (room);
}

static void
socket_open (GObject * source, GAsyncResult * result, gpointer user_data)
{
  Room *room = user_data;
  g_autoptr (GError) error = NULL;
  SoupWebsocketConnection *socket = soup_session_websocket_connect_finish
      (SOUP_SESSION (source), result, &error);

  if (g_error_matches (error, G_IO_ERROR, G_IO_ERROR_CANCELLED))
    return;
  if (socket == NULL) {
    log_warning (NULL, "the signalling server cannot be reached: %s",
        error->message);
    end_session (room);
    return;
  }
  room->socket = socket;
  soup_websocket_connection_set_max_incoming_payload_size (socket,
      LOCKSTEP_SIGNALLER_MAX_BYTES);
  g_signal_connect (socket, "message", G_CALLBACK (socket_message), room);
  g_signal_connect (socket, "closed", G_CALLBACK (socket_closed), room);
  lockstep_signaller_opened (room->signaller, now_ns ());
  pump (room);
}

static void
network_event (SoupMessage * request, GSocketClientEvent event,
    GIOStream * connection, Room * room)
{
  if (event != G_SOCKET_CLIENT_CONNECTED
      || !G_IS_SOCKET_CONNECTION (connection))
    return;
  g_clear_pointer (&room->flood, flood_guard_free);
  room->flood = flood_guard_new (G_SOCKET_CONNECTION (connection), FLOOD_BURST,
      FLOOD_PER_SECOND);
}

static void
connect_to (Room * room, GUri * uri)
{
  g_clear_object (&room->request);
  room->request = soup_message_new_from_uri ("GET", uri);
  g_signal_connect (room->request, "network-event", G_CALLBACK (network_event),
      room);
  g_clear_object (&room->cancellable);
  room->cancellable = g_cancellable_new ();
  soup_session_websocket_connect_async (room->session, room->request, NULL,
      NULL, G_PRIORITY_DEFAULT, room->cancellable, socket_open, room);
}

/* The worker */

static void
worker_message (WorkerProc * proc, const char *type, JsonObject * message,
    gpointer user_data)
{
  Room *room = user_data;

  if (room->signaller == NULL)
    return;
  if (g_str_equal (type, "offer")) {
    const char *sdp = ipc_get_string (message, "sdp");

    lockstep_signaller_description (room->signaller, !room->answering,
        sdp != NULL ? sdp : "");
    pump (room);
  } else if (g_str_equal (type, "signal")) {
    const char *label = ipc_get_string (message, "label");
    const char *text = ipc_get_string (message, "data");
    g_autofree guchar *data = NULL;
    gsize n;

    if (label == NULL || text == NULL)
      return;
    data = g_base64_decode (text, &n);
    lockstep_signaller_data (room->signaller, label, (char *) data, n,
        now_ns ());
    pump (room);
  } else if (g_str_equal (type, "connected")) {
    room->connected_at = g_get_monotonic_time ();
    log_info (NULL, "the peer is connected");
  } else if (g_str_equal (type, "stats")) {
    room->octets = ipc_get_int (message, "octets", room->octets);
  }
}

static void
worker_gone (WorkerProc * proc, const char *reason, gboolean crashed,
    gpointer user_data)
{
  Room *room = user_data;

  room->worker = NULL;
  g_clear_handle_id (&room->leave_timer, g_source_remove);
  /* where it was ended here, it was said why */
  if (!room->stopping && room->signaller != NULL)
    log_info (NULL, "session ended: %s", reason);
  if (room->signaller != NULL) {
    lockstep_signaller_close (room->signaller);
    pump (room);
  } else
    end_session (room);
}

static void
begin (Room * room)
{
  room->signaller = lockstep_signaller_new (&room->config, NULL);
  g_string_truncate (room->ice_servers, 0);
  g_clear_pointer (&room->encodings, g_free);
  room->told_over_channel = FALSE;
  room->relay_only = room->called = room->answering = FALSE;
  room->octets = 0;
  room->worker = worker_pool_take (room->pool, worker_message, worker_gone,
      room);
  if (room->worker == NULL) {
    end_session (room);
    return;
  }
  connect_to (room, room->endpoint);
}

static gboolean
tick (gpointer user_data)
{
  Room *room = user_data;

  if (room->signaller != NULL) {
    lockstep_signaller_tick (room->signaller, now_ns ());
    pump (room);
  }
  return G_SOURCE_CONTINUE;
}

static const char *
given (GHashTable * values, const char *name)
{
  const char *value = g_hash_table_lookup (values, name);

  return value != NULL && value[0] != '\0' ? value : NULL;
}

gboolean
room_is_wanted (GHashTable * values)
{
  return given (values, "ayame") != NULL || given (values, "sora") != NULL;
}

static const char *
keep (Room * room, const char *text)
{
  char *copy = g_strdup (text);

  if (copy != NULL)
    g_ptr_array_add (room->strings, copy);
  return copy;
}

static JsonObject *
worker_values (GHashTable * values)
{
  JsonObject *object = json_object_new ();
  GHashTableIter iter;
  gpointer name, value;

  g_hash_table_iter_init (&iter, values);
  while (g_hash_table_iter_next (&iter, &name, &value))
    json_object_set_string_member (object, name, value);
  /* the worker needs none of these secrets */
  json_object_set_string_member (object, "token", "");
  json_object_set_string_member (object, "signaling-key", "");
  json_object_set_string_member (object, "metadata", "");
  return object;
}

Room *
room_new (const char *preset_name, GHashTable * values,
    WorkerPoolBroken broken, gpointer user_data, GError ** error)
{
  gboolean ayame = given (values, "ayame") != NULL;
  const char *name = ayame ? "ayame" : "sora", *url = given (values, name);
  g_autoptr (GUri) endpoint = g_uri_parse (url, G_URI_FLAGS_NONE, NULL);
  LockstepSignaller *signaller;
  Room *room;
  gboolean loopback;

  if (endpoint == NULL || g_uri_get_host (endpoint) == NULL
      || !(g_str_equal (g_uri_get_scheme (endpoint), "ws")
          || g_str_equal (g_uri_get_scheme (endpoint), "wss"))) {
    g_set_error (error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT,
        "%s=%s: this is not a ws:// or wss:// URL", name, url);
    return NULL;
  }
  room = g_new0 (Room, 1);
  room->strings = g_ptr_array_new_with_free_func (g_free);
  room->ice_servers = g_string_new (NULL);
  room->endpoint = g_steal_pointer (&endpoint);
  room->config.protocol = ayame ? LOCKSTEP_SIGNALLER_AYAME
      : LOCKSTEP_SIGNALLER_SORA;
  room->config.channel = keep (room, given (values, ayame ? "room"
          : "channel"));
  room->config.key = keep (room, given (values, "signaling-key"));
  room->config.metadata = keep (room, given (values, "metadata"));
  room->config.audio = room->config.video = TRUE;
  if (!ayame) {
    const char *codec = given (values, "video-codec");
    g_autofree char *upper = g_ascii_strup (codec ? codec : "h264", -1);

    room->config.video_codec = keep (room, upper);
    /* what is encoded beside the picture is the rest of simulcast */
    room->config.simulcast = given (values, "substream") != NULL;
  }
  room->config.data_channel_signaling =
      room->config.ignore_disconnect_websocket =
      g_strcmp0 (given (values, "data-channel-signaling"), "true") == 0;
  signaller = lockstep_signaller_new (&room->config, error);
  if (signaller == NULL) {
    /* to the user it is a value like the URL */
    (*error)->domain = G_IO_ERROR;
    (*error)->code = G_IO_ERROR_INVALID_ARGUMENT;
    room_free (room);
    return NULL;
  }
  lockstep_signaller_free (signaller);
  room->backoff = (LockstepBackoff) {
  .first_ms = 1000,.max_ms = 30000,.good_ms = 20000};
  room->session = soup_session_new_with_options ("timeout", CONNECT_TIMEOUT_S,
      "user-agent", "lockstep/" PACKAGE_VERSION, NULL);
  loopback = g_str_equal (g_uri_get_host (room->endpoint), "127.0.0.1")
      || g_str_equal (g_uri_get_host (room->endpoint), "localhost")
      || g_str_equal (g_uri_get_host (room->endpoint), "::1");
  room->pool = worker_pool_new (preset_name, worker_values (values), loopback,
      FALSE, broken, user_data);
  room->tick_timer = g_timeout_add_seconds (1, tick, room);
  begin (room);
  return room;
}

void
room_free (Room * room)
{
  g_clear_handle_id (&room->retry_timer, g_source_remove);
  g_clear_handle_id (&room->tick_timer, g_source_remove);
  g_clear_handle_id (&room->leave_timer, g_source_remove);
  drop_socket (room);
  g_clear_pointer (&room->signaller, lockstep_signaller_free);
  g_clear_pointer (&room->pool, worker_pool_free);
  g_clear_object (&room->cancellable);
  g_clear_object (&room->session);
  g_uri_unref (room->endpoint);
  g_ptr_array_unref (room->strings);
  g_string_free (room->ice_servers, TRUE);
  g_free (room->encodings);
  g_free (room);
}

void
room_stop (Room * room, void (*done) (gpointer), gpointer user_data)
{
  room->stopping = TRUE;
  room->done = done;
  room->done_data = user_data;
  g_clear_handle_id (&room->retry_timer, g_source_remove);
  if (room->signaller != NULL) {
    lockstep_signaller_close (room->signaller);
    pump (room);
  } else
    end_session (room);
}
