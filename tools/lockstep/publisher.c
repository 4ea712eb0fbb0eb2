/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The client's side of WHIP (RFC 9725): a worker makes the offer, this sends it and
 * keeps the session's URL. Starts again after a failure, each time later. */
#include "config.h"
#include "publisher.h"
#include "ipc.h"
#include "log.h"

#include <libsoup/soup.h>
#include <string.h>

#define MAX_REDIRECTS 5
#define MAX_ANSWER_BYTES (256 * 1024)
#define POST_TIMEOUT_S 15
#define FIRST_DELAY_MS 1000
#define MAX_DELAY_MS 30000
/* A session that held for so long was a good one: the next delay starts small. */
#define GOOD_SESSION_US (20 * G_USEC_PER_SEC)

struct _Publisher
{
  SoupSession *session;
  WorkerPool *pool;
  WorkerProc *worker;
  GUri *endpoint;
  GUri *target;                 /* the endpoint after redirects */
  char *token;
  char *resource;               /* the session's URL; NULL: none */
  char *offer;
  guint redirects;
  GCancellable *cancellable;
  guint retry_timer;
  guint delay_ms;
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
  guint wait;

  if (publisher->connected_at != 0 && g_get_monotonic_time () -
      publisher->connected_at > GOOD_SESSION_US)
    publisher->delay_ms = FIRST_DELAY_MS;
  publisher->connected_at = 0;
  /* jitter, so that many publishers do not come back in the same instant */
  wait = publisher->delay_ms / 2 + g_random_int_range (0,
      publisher->delay_ms / 2 + 1);
  publisher->delay_ms = MIN (publisher->delay_ms * 2, MAX_DELAY_MS);
  log_info (NULL, "publishing again in %.1f s", wait / 1000.0);
  publisher->retry_timer = g_timeout_add (wait, retry, publisher);
}

static void
stopped (Publisher * publisher)
{
  if (publisher->done != NULL && publisher->worker == NULL
      && publisher->resource == NULL)
    publisher->done (publisher->done_data);
}

static SoupMessage *
new_request (Publisher * publisher, const char *method, GUri * uri)
{
  SoupMessage *msg = soup_message_new_from_uri (method, uri);

  soup_message_add_flags (msg, SOUP_MESSAGE_NO_REDIRECT);
  /* the token is for the server that was named, and for no other */
  if (publisher->token != NULL
      && g_strcmp0 (g_uri_get_host (uri),
          g_uri_get_host (publisher->endpoint)) == 0) {
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
  GBytes *body = soup_session_send_and_read_finish (SOUP_SESSION (source),
      result, NULL);

  g_clear_pointer (&body, g_bytes_unref);
  g_clear_pointer (&publisher->resource, g_free);
  stopped (publisher);
}

static void
delete_session (Publisher * publisher)
{
  g_autoptr (SoupMessage) msg = NULL;
  g_autoptr (GUri) uri = NULL;

  if (publisher->resource != NULL)
    uri = g_uri_parse (publisher->resource, SOUP_HTTP_URI_FLAGS, NULL);
  if (uri == NULL) {
    g_clear_pointer (&publisher->resource, g_free);
    return;
  }
  msg = new_request (publisher, "DELETE", uri);
  soup_session_send_and_read_async (publisher->session, msg,
      G_PRIORITY_DEFAULT, NULL, deleted, publisher);
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

static void
created (Publisher * publisher, SoupMessage * msg, GBytes * body)
{
  g_autoptr (GUri) location = resolve_location (msg);
  g_autofree char *sdp = g_strndup (g_bytes_get_data (body, NULL),
      g_bytes_get_size (body));
  JsonObject *message;

  if (location == NULL || g_bytes_get_size (body) > MAX_ANSWER_BYTES) {
    give_up_session (publisher, location == NULL
        ? "the server's 201 has no Location" : "the answer is too long");
    return;
  }
  g_free (publisher->resource);
  publisher->resource = g_uri_to_string (location);
  if (publisher->worker == NULL) {
    delete_session (publisher);
    return;
  }
  message = ipc_message ("answer");
  json_object_set_string_member (message, "sdp", sdp);
  worker_proc_send (publisher->worker, message);
}

static void
posted (GObject * source, GAsyncResult * result, gpointer user_data)
{
  Publisher *publisher = user_data;
  SoupMessage *msg = soup_session_get_async_result_message (SOUP_SESSION
      (source), result);
  g_autoptr (GError) error = NULL;
  g_autoptr (GBytes) body = soup_session_send_and_read_finish
      (SOUP_SESSION (source), result, &error);
  guint status = soup_message_get_status (msg);

  if (g_error_matches (error, G_IO_ERROR, G_IO_ERROR_CANCELLED))
    return;
  if (body == NULL) {
    give_up_session (publisher, "publishing failed: %s", error->message);
  } else if (status == 201) {
    created (publisher, msg, body);
  } else if (status == 307 || status == 308) {
    GUri *target = resolve_location (msg);

    if (target == NULL || publisher->redirects++ >= MAX_REDIRECTS) {
      g_clear_pointer (&target, g_uri_unref);
      give_up_session (publisher, "publishing failed: a redirect to nowhere");
      return;
    }
    g_uri_unref (publisher->target);
    publisher->target = target;
    post_offer (publisher);
  } else {
    give_up_session (publisher, "the server refuses: %u %s: %.*s", status,
        soup_message_get_reason_phrase (msg),
        (int) MIN (g_bytes_get_size (body), 300),
        (const char *) g_bytes_get_data (body, NULL));
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
  soup_session_send_and_read_async (publisher->session, msg,
      G_PRIORITY_DEFAULT, publisher->cancellable, posted, publisher);
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
  log_info (NULL, "session ended: %s", reason);
  g_cancellable_cancel (publisher->cancellable);
  delete_session (publisher);
  schedule_retry (publisher);
}

static void
begin (Publisher * publisher)
{
  JsonObject *message;

  g_clear_object (&publisher->cancellable);
  publisher->cancellable = g_cancellable_new ();
  publisher->worker = worker_pool_take (publisher->pool, worker_message,
      worker_gone, publisher);
  if (publisher->worker == NULL) {
    schedule_retry (publisher);
    return;
  }
  message = ipc_message ("call");
  json_object_set_string_member (message, "channel", "publish");
  worker_proc_send (publisher->worker, message);
}

Publisher *
publisher_new (const char *preset_name, GHashTable * values,
    WorkerPoolBroken broken, gpointer user_data, GError ** error)
{
  const char *url = g_hash_table_lookup (values, "whip");
  const char *token = g_hash_table_lookup (values, "token");
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
  publisher->endpoint = g_uri_ref (endpoint);
  publisher->target = g_uri_ref (endpoint);
  publisher->token = token && token[0] != '\0' ? g_strdup (token) : NULL;
  publisher->delay_ms = FIRST_DELAY_MS;
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
  delete_session (publisher);
  if (publisher->worker != NULL) {
    message = ipc_message ("stop");
    worker_proc_send (publisher->worker, message);
    worker_proc_expect_end (publisher->worker);
  }
  stopped (publisher);
}
