/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The client's side of WHIP (RFC 9725): a worker makes the offer, this sends it and
 * keeps the session's URL. Starts again after a failure, each time later. */
#include "config.h"
#include "publisher.h"
#include "http-reply.h"
#include "ipc.h"
#include "log.h"
#include "whip-trickle.h"

#include <gst/lockstep/backoff.h>
#include <gst/lockstep/sdp.h>
#include <libsoup/soup.h>
#include <string.h>

#define MAX_REDIRECTS 5
#define MAX_ANSWER_BYTES (256 * 1024)
/* Of what is asked for its status and headers alone. */
#define MAX_OTHER_BYTES (16 * 1024)
#define POST_TIMEOUT_S 15

struct _Publisher
{
  SoupSession *session;
  WorkerPool *pool;
  WorkerProc *worker;
  GUri *endpoint;
  GUri *target;                 /* the endpoint after redirects */
  char *token;
  char *resource;               /* the session's URL; NULL: none */
  guint deleting;               /* sessions whose end is asked for */
  char *offer;
  WhipTrickle *trickle;         /* NULL: all candidates are in the offer */
  gboolean no_trickle;          /* the server takes no candidates afterwards */
  guint redirects;
  GCancellable *cancellable;
  guint retry_timer;
  LockstepBackoff backoff;
  guint retry_after_ms;         /* what the server asked for; 0: nothing */
  gboolean given_up;            /* the session: it was said why */
  gboolean own_ice_servers;     /* the operator's choice goes before the server's */
  gint64 connected_at;
  gboolean stopping;
  void (*done) (gpointer);
  gpointer done_data;
};

static void begin (Publisher * publisher);
static void post_offer (Publisher * publisher);

static gboolean
retry (gpointer user_data)
{
  Publisher *publisher = user_data;

  publisher->retry_timer = 0;
  begin (publisher);
  return G_SOURCE_REMOVE;
}

static void
schedule_retry (Publisher * publisher)
{
  gint64 ran = publisher->connected_at == 0 ? 0
      : g_get_monotonic_time () - publisher->connected_at;
  guint wait = lockstep_backoff_next (&publisher->backoff, ran / 1000,
      g_random_double ());

  publisher->connected_at = 0;
  wait = MAX (wait, publisher->retry_after_ms);
  publisher->retry_after_ms = 0;
  log_info (NULL, "publishing again in %.1f s", wait / 1000.0);
  publisher->retry_timer = g_timeout_add (wait, retry, publisher);
}

static void
stopped (Publisher * publisher)
{
  if (publisher->done != NULL && publisher->worker == NULL
      && publisher->resource == NULL && publisher->deleting == 0)
    publisher->done (publisher->done_data);
}

static SoupMessage *
new_request (Publisher * publisher, const char *method, GUri * uri)
{
  SoupMessage *msg = soup_message_new_from_uri (method, uri);

  soup_message_add_flags (msg, SOUP_MESSAGE_NO_REDIRECT);
  /* the token is for the server that was named, and for no other; what was given for
   * https is not sent in the clear */
  if (publisher->token != NULL
      && g_strcmp0 (g_uri_get_host (uri),
          g_uri_get_host (publisher->endpoint)) == 0
      && (g_str_equal (g_uri_get_scheme (uri), "https")
          || !g_str_equal (g_uri_get_scheme (publisher->endpoint), "https"))) {
    g_autofree char *value = g_strconcat ("Bearer ", publisher->token, NULL);

    soup_message_headers_replace (soup_message_get_request_headers (msg),
        "Authorization", value);
  }
  return msg;
}

static void
deleted (GObject * source, GAsyncResult * result, gpointer user_data)
{
  Publisher *publisher = user_data;

  publisher->deleting--;
  stopped (publisher);
}

static void
delete_session (Publisher * publisher)
{
  g_autoptr (SoupMessage) msg = NULL;
  g_autoptr (GUri) uri = NULL;
  /* the next session may begin before the server has answered */
  g_autofree char *resource = g_steal_pointer (&publisher->resource);

  if (resource != NULL)
    uri = g_uri_parse (resource, SOUP_HTTP_URI_FLAGS, NULL);
  if (uri == NULL)
    return;
  publisher->deleting++;
  msg = new_request (publisher, "DELETE", uri);
  http_reply_request (publisher->session, msg, MAX_OTHER_BYTES, NULL, deleted,
      publisher);
}

static void
give_up_session (Publisher * publisher, const char *format, ...)
G_GNUC_PRINTF (2, 3);
     static void
         give_up_session (Publisher * publisher, const char *format, ...)
{
  g_autofree char *text = NULL;
  va_list args;

  va_start (args, format);
  text = g_strdup_vprintf (format, args);
  va_end (args);
  log_warning (NULL, "%s", text);
  publisher->given_up = TRUE;
  if (publisher->worker != NULL)
    worker_proc_kill (publisher->worker);
}

/* Where a 3xx or 201 points to, as an absolute URI. */
static GUri *
resolve_location (SoupMessage * msg)
{
  const char *location =
      soup_message_headers_get_one (soup_message_get_response_headers (msg),
      "Location");

  return location == NULL ? NULL
      : g_uri_parse_relative (soup_message_get_uri (msg), location,
      SOUP_HTTP_URI_FLAGS, NULL);
}

/* RFC 9725, section 4.2: an answer is application/sdp. What begins like one is taken
 * under any name. */
static const char *
why_no_answer (SoupMessage * msg, GBytes * body)
{
  const char *type =
      soup_message_headers_get_content_type (soup_message_get_response_headers
      (msg), NULL);
  gsize size;
  const char *text = g_bytes_get_data (body, &size);

  if (size > MAX_ANSWER_BYTES)
    return "the answer is too long";
  if (size < 3 || strncmp (text, "v=0", 3) != 0)
    return type == NULL || g_ascii_strcasecmp (type, "application/sdp") == 0
        ? "the answer is no session description"
        : "the answer is no application/sdp: check whip=";
  return NULL;
}

static void
created (Publisher * publisher, SoupMessage * msg, GBytes * body)
{
  g_autoptr (GUri) location = resolve_location (msg);
  const char *why = why_no_answer (msg, body);
  g_autofree char *sdp = NULL;
  JsonObject *message;

  if (location == NULL) {
    give_up_session (publisher, "the server's 201 has no Location");
    return;
  }
  /* a session that is of no use is ended as well */
  g_free (publisher->resource);
  publisher->resource = g_uri_to_string (location);
  if (publisher->worker == NULL) {
    delete_session (publisher);
    return;
  }
  if (why != NULL) {
    give_up_session (publisher, "publishing failed: %s", why);
    return;
  }
  sdp = g_strndup (g_bytes_get_data (body, NULL), g_bytes_get_size (body));
  message = ipc_message ("answer");
  json_object_set_string_member (message, "sdp", sdp);
  worker_proc_send (publisher->worker, message);
  if (publisher->trickle != NULL)
    whip_trickle_open (publisher->trickle, publisher->offer, location,
        soup_message_headers_get_one (soup_message_get_response_headers (msg),
            "ETag"));
}

/* What a refusal means to who runs this, and what helps (RFC 9725, section 4). */
static const char *
advice (guint status)
{
  switch (status) {
    case 301:
    case 302:
    case 303:
      return "a redirect must be 307 or 308: check whip=";
    case 400:
    case 406:
    case 422:
      return "it does not take this offer: see what it says of codecs";
    case 401:
      return "the token is missing or wrong: give token=… (LOCKSTEP_TOKEN)";
    case 403:
      return "this token may not publish there";
    case 404:
      return "there is nothing at this URL: check whip=";
    case 405:
    case 415:
      return "this is no WHIP endpoint: check whip=";
    case 409:
      return "somebody publishes there already";
    case 413:
      return "it takes no offer of this length";
    case 429:
    case 503:
      return "it is busy";
    default:
      return status >= 500 ? "it has a fault of its own"
          : "this is no answer of a WHIP server: check whip=";
  }
}

/* What the server says, fit for a log. */
static char *
one_line (GBytes * body)
{
  gsize size;
  const char *data = g_bytes_get_data (body, &size);
  char *text = g_utf8_make_valid (data != NULL ? data : "", MIN (size, 300));

  for (char *c = text; *c != '\0'; c++) {
    if (g_ascii_iscntrl (*c))
      *c = ' ';
  }
  return g_strstrip (text);
}

/* RFC 9725, section 4.5: 307 and 308 keep the method. To go from https to http would send
 * the stream's keys in the clear. */
static const char *
why_not_follow (Publisher * publisher, GUri * target)
{
  if (target == NULL || g_uri_get_host (target) == NULL)
    return "it redirects to nowhere";
  if (!g_str_equal (g_uri_get_scheme (target), "https")
      && (!g_str_equal (g_uri_get_scheme (target), "http")
          || g_str_equal (g_uri_get_scheme (publisher->target), "https")))
    return "it redirects from https to something less safe";
  if (publisher->redirects++ >= MAX_REDIRECTS)
    return "it redirects without end";
  return NULL;
}

static void
follow (Publisher * publisher, SoupMessage * msg)
{
  g_autoptr (GUri) target = resolve_location (msg);
  const char *why = why_not_follow (publisher, target);

  if (why != NULL) {
    give_up_session (publisher, "publishing failed: %s", why);
    return;
  }
  g_uri_unref (publisher->target);
  publisher->target = g_steal_pointer (&target);
  post_offer (publisher);
}

static void
posted (GObject * source, GAsyncResult * result, gpointer user_data)
{
  Publisher *publisher = user_data;
  g_autoptr (GError) error = NULL;
  SoupMessage *msg;
  g_autoptr (GBytes) body = http_reply_finish (result, &msg, &error);
  guint status = soup_message_get_status (msg);

  if (g_error_matches (error, G_IO_ERROR, G_IO_ERROR_CANCELLED))
    return;
  if (body == NULL) {
    give_up_session (publisher, "publishing failed: %s", error->message);
  } else if (status == 201) {
    created (publisher, msg, body);
  } else if (status == 307 || status == 308) {
    follow (publisher, msg);
  } else {
    g_autofree char *text = one_line (body);

    publisher->retry_after_ms = whip_retry_after_ms (msg);
    give_up_session (publisher, "the server refuses: %u %s: %s (%s)", status,
        soup_message_get_reason_phrase (msg), text, advice (status));
  }
}

static void
post_offer (Publisher * publisher)
{
  g_autoptr (SoupMessage) msg =
      new_request (publisher, "POST", publisher->target);
  g_autoptr (GBytes) body =
      g_bytes_new (publisher->offer, strlen (publisher->offer));

  soup_message_set_request_body_from_bytes (msg, "application/sdp", body);
  http_reply_request (publisher->session, msg, MAX_ANSWER_BYTES,
      publisher->cancellable, posted, publisher);
}

static void
worker_message (WorkerProc * proc, const char *type, JsonObject * message,
    gpointer user_data)
{
  Publisher *publisher = user_data;

  if (g_str_equal (type, "offer")) {
    const char *sdp = ipc_get_string (message, "sdp");

    g_free (publisher->offer);
    publisher->offer = g_strdup (sdp != NULL ? sdp : "");
    publisher->redirects = 0;
    g_uri_unref (publisher->target);
    publisher->target = g_uri_ref (publisher->endpoint);
    post_offer (publisher);
  } else if (g_str_equal (type, "candidate")) {
    if (publisher->trickle != NULL)
      whip_trickle_add (publisher->trickle, ipc_get_string (message,
              "candidate"));
  } else if (g_str_equal (type, "connected")) {
    publisher->connected_at = g_get_monotonic_time ();
    log_info (NULL, "publishing");
  }
}

static void
worker_gone (WorkerProc * proc, const char *reason, gboolean crashed,
    gpointer user_data)
{
  Publisher *publisher = user_data;

  publisher->worker = NULL;
  if (publisher->stopping) {
    stopped (publisher);
    return;
  }
  if (!publisher->given_up)
    log_info (NULL, "session ended: %s", reason);
  g_cancellable_cancel (publisher->cancellable);
  g_clear_pointer (&publisher->trickle, whip_trickle_free);
  delete_session (publisher);
  schedule_retry (publisher);
}

/* Candidates that follow the offer */

static SoupMessage *
trickle_request (const char *method, GUri * uri, gpointer user_data)
{
  return new_request (user_data, method, uri);
}

/* What the server does with the offer's candidates, and by itself with those it sees
 * packets come from, may well be enough: the session goes on. The next one is offered
 * with all candidates. */
static void
trickle_refused (guint status, gpointer user_data)
{
  Publisher *publisher = user_data;

  if (status == 404 || status == 410) {
    give_up_session (publisher, "the server has ended the session (%u)",
        status);
    return;
  }
  /* 0: no answer at all, which says nothing of what the server can do */
  if (status != 0)
    publisher->no_trickle = TRUE;
  log_info (NULL, "the server takes no candidates after the offer (%u): "
      "those that it has must do", status);
}

static const WhipTrickleCallbacks trickle_callbacks = {
  trickle_request, trickle_refused
};

/* The worker makes the offer once it knows the ICE servers. */
static void
call (Publisher * publisher, const char *ice_servers)
{
  JsonObject *message = ipc_message ("call");

  json_object_set_string_member (message, "channel", "publish");
  json_object_set_boolean_member (message, "trickle", !publisher->no_trickle);
  if (!publisher->no_trickle)
    publisher->trickle = whip_trickle_new (publisher->session,
        &trickle_callbacks, publisher);
  if (ice_servers[0] != '\0')
    json_object_set_string_member (message, "ice_servers", ice_servers);
  worker_proc_send (publisher->worker, message);
}

static void
options_came (GObject * source, GAsyncResult * result, gpointer user_data)
{
  Publisher *publisher = user_data;
  g_autoptr (GError) error = NULL;
  SoupMessage *msg;
  g_autoptr (GBytes) body = http_reply_finish (result, &msg, &error);
  g_autofree char *servers = NULL;

  if (g_error_matches (error, G_IO_ERROR, G_IO_ERROR_CANCELLED)
      || publisher->worker == NULL)
    return;
  /* a server without OPTIONS says in its answer to the offer what is wrong, if anything
   * is */
  servers = lockstep_ice_servers_from_link (body == NULL
      || !SOUP_STATUS_IS_SUCCESSFUL (soup_message_get_status (msg)) ? NULL
      : soup_message_headers_get_list (soup_message_get_response_headers (msg),
          "Link"));
  call (publisher, servers);
}

/* RFC 9725, section 4.6: OPTIONS may name them; the answer to the offer would come after
 * the candidates were gathered. */
static void
ask_ice_servers (Publisher * publisher)
{
  g_autoptr (SoupMessage) msg =
      new_request (publisher, "OPTIONS", publisher->endpoint);

  http_reply_request (publisher->session, msg, MAX_OTHER_BYTES,
      publisher->cancellable, options_came, publisher);
}

static void
begin (Publisher * publisher)
{
  publisher->given_up = FALSE;
  g_clear_object (&publisher->cancellable);
  publisher->cancellable = g_cancellable_new ();
  publisher->worker = worker_pool_take (publisher->pool, worker_message,
      worker_gone, publisher);
  if (publisher->worker == NULL) {
    schedule_retry (publisher);
    return;
  }
  if (publisher->own_ice_servers)
    call (publisher, "");
  else
    ask_ice_servers (publisher);
}

Publisher *
publisher_new (const char *preset_name, GHashTable * values,
    WorkerPoolBroken broken, gpointer user_data, GError ** error)
{
  const char *url = g_hash_table_lookup (values, "whip");
  const char *token = g_hash_table_lookup (values, "token");
  const char *ice_servers = g_hash_table_lookup (values, "ice-servers");
  g_autoptr (GUri) endpoint = g_uri_parse (url != NULL ? url : "",
      SOUP_HTTP_URI_FLAGS, error);
  Publisher *publisher;
  JsonObject *worker_values;
  GHashTableIter iter;
  gpointer name, value;
  gboolean loopback;

  if (endpoint == NULL || g_uri_get_host (endpoint) == NULL
      || !g_str_has_prefix (g_uri_get_scheme (endpoint), "http")) {
    g_clear_error (error);
    g_set_error (error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT,
        "whip=%s: this is not an http(s) URL", url != NULL ? url : "");
    return NULL;
  }
  publisher = g_new0 (Publisher, 1);
  publisher->own_ice_servers = ice_servers != NULL && ice_servers[0] != '\0';
  publisher->endpoint = g_uri_ref (endpoint);
  publisher->target = g_uri_ref (endpoint);
  publisher->token = token && token[0] != '\0' ? g_strdup (token) : NULL;
  publisher->backoff = (LockstepBackoff) {
  .first_ms = 1000,.max_ms = 30000,.good_ms = 20000};
  publisher->session = soup_session_new_with_options ("timeout",
      POST_TIMEOUT_S, "user-agent", "lockstep/" PACKAGE_VERSION, NULL);
  worker_values = json_object_new ();
  g_hash_table_iter_init (&iter, values);
  while (g_hash_table_iter_next (&iter, &name, &value))
    json_object_set_string_member (worker_values, name, value);
  json_object_set_string_member (worker_values, "token", "");
  loopback = g_str_equal (g_uri_get_host (endpoint), "127.0.0.1")
      || g_str_equal (g_uri_get_host (endpoint), "localhost")
      || g_str_equal (g_uri_get_host (endpoint), "::1");
  publisher->pool = worker_pool_new (preset_name, worker_values, loopback,
      FALSE, broken, user_data);
  begin (publisher);
  return publisher;
}

void
publisher_free (Publisher * publisher)
{
  g_clear_handle_id (&publisher->retry_timer, g_source_remove);
  worker_pool_free (publisher->pool);
  g_cancellable_cancel (publisher->cancellable);
  g_clear_object (&publisher->cancellable);
  g_clear_pointer (&publisher->trickle, whip_trickle_free);
  g_object_unref (publisher->session);
  g_uri_unref (publisher->endpoint);
  g_uri_unref (publisher->target);
  g_free (publisher->token);
  g_free (publisher->resource);
  g_free (publisher->offer);
  g_free (publisher);
}

void
publisher_stop (Publisher * publisher, void (*done) (gpointer),
    gpointer user_data)
{
  JsonObject *message;

  publisher->stopping = TRUE;
  publisher->done = done;
  publisher->done_data = user_data;
  g_clear_handle_id (&publisher->retry_timer, g_source_remove);
  g_clear_pointer (&publisher->trickle, whip_trickle_free);
  delete_session (publisher);
  if (publisher->worker != NULL) {
    message = ipc_message ("stop");
    worker_proc_send (publisher->worker, message);
    worker_proc_expect_end (publisher->worker);
  }
  stopped (publisher);
}
