/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What a publisher's and a viewer's session have in common at the front: a secret name,
 * and clients that wait for the worker, for a limited time. */
#include "session.h"
#include "ipc.h"

#include <errno.h>
#include <sys/random.h>

#define MAX_TRICKLES 8
/* Negotiation has a limit of its own in the worker; this one holds when the worker
 * does not answer at all. */
#define ANSWER_LIMIT_MS 12000
#define ID_BYTES 16
#define ETAG_BYTES 8

typedef struct
{
  gint64 id;
  SessionReply reply;
  gpointer user_data;
} Trickle;

struct _Session
{
  char *id, *etag;
  SessionReply reply;           /* NULL: answered */
  gpointer reply_data;
  SessionLate late;
  gpointer late_data;
  guint timeout;
  GQueue trickles;              /* Trickle */
  gint64 next_trickle;
};

static char *
random_hex (gsize bytes)
{
  guint8 raw[ID_BYTES];
  GString *hex = g_string_new (NULL);

  g_assert (bytes <= sizeof raw);
  if (getrandom (raw, bytes, 0) != (ssize_t) bytes)
    g_error ("getrandom: %s", g_strerror (errno));
  for (gsize i = 0; i < bytes; i++)
    g_string_append_printf (hex, "%02x", raw[i]);
  return g_string_free (hex, FALSE);
}

static gboolean
timed_out (gpointer user_data)
{
  Session *session = user_data;

  session->timeout = 0;
  session_answer (session, 504, "no answer could be made in time");
  session->late (session, session->late_data);
  return G_SOURCE_REMOVE;
}

Session *
session_new (SessionReply reply, gpointer reply_data, SessionLate late,
    gpointer late_data)
{
  Session *session = g_new0 (Session, 1);

  session->id = random_hex (ID_BYTES);
  session->etag = random_hex (ETAG_BYTES);
  session->reply = reply;
  session->reply_data = reply_data;
  session->late = late;
  session->late_data = late_data;
  session->timeout = g_timeout_add (ANSWER_LIMIT_MS, timed_out, session);
  g_queue_init (&session->trickles);
  return session;
}

void
session_free (Session * session)
{
  Trickle *trickle;

  if (session == NULL)
    return;
  session_answer (session, 503, "the session ended");
  while ((trickle = g_queue_pop_head (&session->trickles)) != NULL) {
    trickle->reply (404, "the session is over", trickle->user_data);
    g_free (trickle);
  }
  g_free (session->id);
  g_free (session->etag);
  g_free (session);
}

const char *
session_get_id (Session * session)
{
  return session->id;
}

const char *
session_get_etag (Session * session)
{
  return session->etag;
}

gboolean
session_is_waiting (Session * session)
{
  return session->reply != NULL;
}

void
session_answer (Session * session, guint status, const char *text)
{
  SessionReply reply = session->reply;

  session_forget_client (session);
  if (reply != NULL)
    reply (status, text, session->reply_data);
}

void
session_forget_client (Session * session)
{
  g_clear_handle_id (&session->timeout, g_source_remove);
  session->reply = NULL;
}

void
session_trickle (Session * session, WorkerProc * worker, gboolean viewer,
    const char *sdpfrag, SessionReply reply, gpointer reply_data)
{
  Trickle *trickle;
  JsonObject *message;

  if (worker == NULL) {
    reply (404, "the session is over", reply_data);
    return;
  }
  if (g_queue_get_length (&session->trickles) >= MAX_TRICKLES) {
    reply (429, "too many candidates at once; wait for the answers",
        reply_data);
    return;
  }
  trickle = g_new0 (Trickle, 1);
  trickle->id = session->next_trickle++;
  trickle->reply = reply;
  trickle->user_data = reply_data;
  g_queue_push_tail (&session->trickles, trickle);
  message = ipc_message ("trickle");
  json_object_set_int_member (message, "id", trickle->id);
  json_object_set_string_member (message, "sdpfrag", sdpfrag);
  if (viewer)
    json_object_set_string_member (message, "viewer", session->id);
  worker_proc_send (worker, message);
}

void
session_trickled (Session * session, JsonObject * message)
{
  gint64 id = ipc_get_int (message, "id", -1);
  const char *text = ipc_get_string (message, "text");

  for (GList * l = session->trickles.head; l != NULL; l = l->next) {
    Trickle *trickle = l->data;

    if (trickle->id != id)
      continue;
    g_queue_delete_link (&session->trickles, l);
    trickle->reply (ipc_get_int (message, "status", 500), text ? text : "",
        trickle->user_data);
    g_free (trickle);
    return;
  }
}

void
session_cancel_trickle (Session * session, gpointer reply_data)
{
  for (GList * l = session->trickles.head; l != NULL; l = l->next) {
    Trickle *trickle = l->data;

    if (trickle->user_data == reply_data) {
      g_queue_delete_link (&session->trickles, l);
      g_free (trickle);
      return;
    }
  }
}
