/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A reply is read into a buffer of the length that it may have: a server that sends without
 * end costs no more. One that sends a little now and then is not waited for either, which
 * libsoup's timeout, of each read, would do. */
#include "http-reply.h"

/* From the request to the end of the reply. */
#define REPLY_S 30
/* Of "100 Continue" and its kind, before the reply. libsoup reads on while there are more, and
 * keeps the main loop waiting. */
#define MAX_INFORMATIONAL 16

typedef struct
{
  SoupMessage *msg;
  gsize max_bytes;
  guint8 *data;
  GCancellable *cancellable;    /* the reader's own */
  GCancellable *outer;          /* NULL: the caller has none */
  gulong cancelled_id;
  guint timer;
  gboolean timed_out;
  gulong informational_id;
  guint informational;
} Reply;

static void
reply_free (gpointer data)
{
  Reply *reply = data;

  g_clear_handle_id (&reply->timer, g_source_remove);
  /* g_cancellable_disconnect() would wait for the handler, in which this may be; all of it
   * is in the main loop's thread */
  if (reply->cancelled_id != 0)
    g_signal_handler_disconnect (reply->outer, reply->cancelled_id);
  g_signal_handler_disconnect (reply->msg, reply->informational_id);
  g_clear_object (&reply->outer);
  g_object_unref (reply->cancellable);
  g_object_unref (reply->msg);
  g_free (reply->data);
  g_free (reply);
}

static gboolean
timed_out (gpointer user_data)
{
  Reply *reply = user_data;

  reply->timer = 0;
  reply->timed_out = TRUE;
  g_cancellable_cancel (reply->cancellable);
  return G_SOURCE_REMOVE;
}

static void
got_informational (SoupMessage * msg, gpointer user_data)
{
  Reply *reply = user_data;

  if (++reply->informational > MAX_INFORMATIONAL)
    g_cancellable_cancel (reply->cancellable);
}

/* Takes @task and @error. */
static void
fail (GTask * task, GError * error)
{
  Reply *reply = g_task_get_task_data (task);

  if (reply->informational > MAX_INFORMATIONAL) {
    g_clear_error (&error);
    error = g_error_new (G_IO_ERROR, G_IO_ERROR_INVALID_DATA,
        "the server announces its reply without end");
  } else if (reply->timed_out) {
    g_clear_error (&error);
    error = g_error_new (G_IO_ERROR, G_IO_ERROR_TIMED_OUT,
        "the server's reply took longer than %d s", REPLY_S);
  }
  g_task_return_error (task, error);
  g_object_unref (task);
}

static void
body_read (GObject * source, GAsyncResult * result, gpointer user_data)
{
  GTask *task = user_data;
  Reply *reply = g_task_get_task_data (task);
  GError *error = NULL;
  gsize n;

  if (!g_input_stream_read_all_finish (G_INPUT_STREAM (source), result, &n,
          &error)) {
    fail (task, error);
    return;
  }
  g_clear_handle_id (&reply->timer, g_source_remove);
  g_task_return_pointer (task, g_bytes_new (reply->data, n),
      (GDestroyNotify) g_bytes_unref);
  g_object_unref (task);
}

static void
answered (GObject * source, GAsyncResult * result, gpointer user_data)
{
  GTask *task = user_data;
  Reply *reply = g_task_get_task_data (task);
  GError *error = NULL;
  g_autoptr (GInputStream) body =
      soup_session_send_finish (SOUP_SESSION (source), result, &error);

  if (body == NULL) {
    fail (task, error);
    return;
  }
  reply->data = g_malloc (reply->max_bytes + 1);
  g_input_stream_read_all_async (body, reply->data, reply->max_bytes + 1,
      G_PRIORITY_DEFAULT, reply->cancellable, body_read, task);
}

static void
outer_cancelled (GCancellable * outer, gpointer user_data)
{
  g_cancellable_cancel (user_data);
}

void
http_reply_request (SoupSession * session, SoupMessage * msg, gsize max_bytes,
    GCancellable * cancellable, GAsyncReadyCallback callback,
    gpointer user_data)
{
  GTask *task = g_task_new (session, cancellable, callback, user_data);
  Reply *reply = g_new0 (Reply, 1);

  reply->msg = g_object_ref (msg);
  reply->max_bytes = max_bytes;
  reply->cancellable = g_cancellable_new ();
  reply->informational_id = g_signal_connect (msg, "got-informational",
      G_CALLBACK (got_informational), reply);
  reply->timer = g_timeout_add_seconds (REPLY_S, timed_out, reply);
  g_task_set_task_data (task, reply, reply_free);
  if (cancellable != NULL) {
    reply->outer = g_object_ref (cancellable);
    reply->cancelled_id = g_cancellable_connect (cancellable,
        G_CALLBACK (outer_cancelled), g_object_ref (reply->cancellable),
        g_object_unref);
  }
  soup_session_send_async (session, msg, G_PRIORITY_DEFAULT,
      reply->cancellable, answered, task);
}

GBytes *
http_reply_finish (GAsyncResult * result, SoupMessage ** msg, GError ** error)
{
  Reply *reply = g_task_get_task_data (G_TASK (result));

  *msg = reply->msg;
  return g_task_propagate_pointer (G_TASK (result), error);
}
