/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The PATCH requests of a WHIP client: one at a time, each with all the candidates that
 * came meanwhile. */
#include "whip-trickle.h"
#include "http-reply.h"
#include "log.h"

#include <gst/lockstep/sdp.h>
#include <string.h>

/* A machine with all its addresses, and servers, has a few tens. */
#define MAX_CANDIDATES 64
/* Of a reply, which is asked for its status and headers alone. */
#define MAX_REPLY_BYTES (16 * 1024)
/* A server that is busy is asked again so often. */
#define MAX_TRIES 4
#define BUSY_WAIT_MS 500
#define MAX_BUSY_WAIT_MS 10000
/* A server that says when to come again is believed up to here. */
#define MAX_RETRY_AFTER_S 300

struct _WhipTrickle
{
  SoupSession *session;
  WhipTrickleCallbacks callbacks;
  gpointer user_data;
  GCancellable *cancellable;
  GPtrArray *waiting;           /* char* */
  guint n_sent;                 /* of the first in waiting, under way */
  guint n_all;
  gboolean end, end_sent, end_told;
  char *offer;                  /* NULL: the session is not open */
  GUri *resource;
  char *etag;
  gboolean busy, over;
  guint tries, timer;
};

static void send_waiting (WhipTrickle * trickle);

/* A date is rare, and not worth a clock that may be wrong. */
guint
whip_retry_after_ms (SoupMessage * msg)
{
  const char *value =
      soup_message_headers_get_one (soup_message_get_response_headers (msg),
      "Retry-After");
  guint64 seconds;

  return value != NULL && g_ascii_string_to_unsigned (value, 10, 0,
      MAX_RETRY_AFTER_S, &seconds, NULL) ? seconds * 1000 : 0;
}

static gboolean
try_again (gpointer user_data)
{
  WhipTrickle *trickle = user_data;

  trickle->timer = 0;
  send_waiting (trickle);
  return G_SOURCE_REMOVE;
}

/* What was sent has arrived. */
static void
taken (WhipTrickle * trickle, SoupMessage * msg)
{
  const char *etag =
      soup_message_headers_get_one (soup_message_get_response_headers (msg),
      "ETag");

  if (trickle->n_sent > 0)
    g_ptr_array_remove_range (trickle->waiting, 0, trickle->n_sent);
  trickle->end_told |= trickle->end_sent;
  trickle->tries = 0;
  /* RFC 9725 wants none here; a server that gives one means it */
  if (etag != NULL) {
    g_free (trickle->etag);
    trickle->etag = g_strdup (etag);
  }
  send_waiting (trickle);
}

static void
patched (GObject * source, GAsyncResult * result, gpointer user_data)
{
  WhipTrickle *trickle = user_data;
  g_autoptr (GError) error = NULL;
  SoupMessage *msg;
  g_autoptr (GBytes) body = http_reply_finish (result, &msg, &error);
  guint status = soup_message_get_status (msg);

  if (g_error_matches (error, G_IO_ERROR, G_IO_ERROR_CANCELLED))
    return;
  trickle->busy = FALSE;
  if (body != NULL && SOUP_STATUS_IS_SUCCESSFUL (status)) {
    taken (trickle, msg);
  } else if ((body == NULL || status == 429 || status == 503)
      && ++trickle->tries < MAX_TRIES) {
    guint wait = body != NULL ? whip_retry_after_ms (msg) : 0;

    trickle->timer = g_timeout_add (CLAMP (wait, BUSY_WAIT_MS,
            MAX_BUSY_WAIT_MS), try_again, trickle);
  } else {
    trickle->over = TRUE;
    trickle->callbacks.refused (body != NULL ? status : 0, trickle->user_data);
  }
}

static void
send_waiting (WhipTrickle * trickle)
{
  const char *candidates[MAX_CANDIDATES + 1] = { NULL };
  g_autoptr (SoupMessage) msg = NULL;
  g_autoptr (GError) error = NULL;
  g_autofree char *text = NULL;
  g_autoptr (GBytes) body = NULL;

  if (trickle->offer == NULL || trickle->busy || trickle->over
      || trickle->timer != 0
      || (trickle->waiting->len == 0 && trickle->end == trickle->end_told))
    return;
  for (guint i = 0; i < trickle->waiting->len; i++)
    candidates[i] = g_ptr_array_index (trickle->waiting, i);
  text = lockstep_trickle_write (trickle->offer, candidates, trickle->end,
      &error);
  if (text == NULL) {
    if (error != NULL)
      log_warning (NULL, "candidates cannot be sent: %s", error->message);
    g_ptr_array_set_size (trickle->waiting, 0);
    return;
  }
  trickle->n_sent = trickle->waiting->len;
  trickle->end_sent = trickle->end;
  trickle->busy = TRUE;
  msg = trickle->callbacks.request ("PATCH", trickle->resource,
      trickle->user_data);
  if (trickle->etag != NULL)
    soup_message_headers_replace (soup_message_get_request_headers (msg),
        "If-Match", trickle->etag);
  body = g_bytes_new (text, strlen (text));
  soup_message_set_request_body_from_bytes (msg,
      "application/trickle-ice-sdpfrag", body);
  http_reply_request (trickle->session, msg, MAX_REPLY_BYTES,
      trickle->cancellable, patched, trickle);
}

void
whip_trickle_add (WhipTrickle * trickle, const char *candidate)
{
  if (candidate == NULL)
    trickle->end = TRUE;
  else if (trickle->n_all++ < MAX_CANDIDATES)
    g_ptr_array_add (trickle->waiting, g_strdup (candidate));
  send_waiting (trickle);
}

void
whip_trickle_open (WhipTrickle * trickle, const char *offer, GUri * resource,
    const char *etag)
{
  trickle->offer = g_strdup (offer);
  trickle->resource = g_uri_ref (resource);
  trickle->etag = g_strdup (etag);
  send_waiting (trickle);
}

WhipTrickle *
whip_trickle_new (SoupSession * session,
    const WhipTrickleCallbacks * callbacks, gpointer user_data)
{
  WhipTrickle *trickle = g_new0 (WhipTrickle, 1);

  trickle->session = g_object_ref (session);
  trickle->callbacks = *callbacks;
  trickle->user_data = user_data;
  trickle->cancellable = g_cancellable_new ();
  trickle->waiting = g_ptr_array_new_with_free_func (g_free);
  return trickle;
}

void
whip_trickle_free (WhipTrickle * trickle)
{
  g_cancellable_cancel (trickle->cancellable);
  g_clear_handle_id (&trickle->timer, g_source_remove);
  g_object_unref (trickle->cancellable);
  g_object_unref (trickle->session);
  g_ptr_array_unref (trickle->waiting);
  g_clear_pointer (&trickle->resource, g_uri_unref);
  g_free (trickle->offer);
  g_free (trickle->etag);
  g_free (trickle);
}
