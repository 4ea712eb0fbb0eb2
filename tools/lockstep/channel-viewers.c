/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The viewers of a channel, at the front: all are served by the channel's worker. */
#include "channel-private.h"
#include "ipc.h"
#include "log.h"

static JsonObject *
message_about (const char *type, Session * session)
{
  JsonObject *message = ipc_message (type);

  json_object_set_string_member (message, "viewer", session_get_id (session));
  return message;
}

/* The worker is told; the session is over at once. */
static void
end_viewer (Channel * channel, Session * session)
{
  if (channel->worker != NULL)
    worker_proc_send (channel->worker, message_about ("leave", session));
  g_hash_table_remove (channel->viewers, session_get_id (session));
}

static void
answer_is_late (Session * session, gpointer user_data)
{
  Channel *channel = user_data;

  channel->table->totals.viewers_refused++;
  end_viewer (channel, session);
}

void
channel_table_serve_viewers (ChannelTable * table, guint max_viewers)
{
  table->max_viewers = max_viewers;
}

/* NULL: there is room. */
static const char *
why_not (ChannelTable * table, Channel * channel, guint * status)
{
  if (channel == NULL || table->max_viewers == 0) {
    *status = 404;
    return "there is no such channel to watch here";
  }
  if (table->stopped != NULL) {
    *status = 503;
    return "the server stops";
  }
  /* draft-ietf-wish-whep: nothing is published at the moment */
  if (channel->worker == NULL || channel->state != CHANNEL_LIVE) {
    *status = 409;
    return "nothing is sent on this channel just now";
  }
  if (g_hash_table_size (channel->viewers) >= table->max_viewers) {
    *status = 503;
    table->totals.viewers_over_limit++;
    return "there are as many viewers as are allowed (max-viewers)";
  }
  return NULL;
}

const char *
channel_table_view (ChannelTable * table, const char *name, const char *sdp,
    gboolean preview, SessionReply reply, gpointer user_data)
{
  Channel *channel = channel_table_find (table, name);
  Session *session;
  JsonObject *message;
  const char *why;
  guint status;

  if (channel != NULL && channel->viewers == NULL)
    channel->viewers = g_hash_table_new_full (g_str_hash, g_str_equal, NULL,
        (GDestroyNotify) session_free);
  why = why_not (table, channel, &status);
  if (why != NULL) {
    table->totals.viewers_refused++;
    reply (status, why, user_data);
    return NULL;
  }
  session = session_new (reply, user_data, answer_is_late, channel);
  g_hash_table_insert (channel->viewers, (gpointer) session_get_id (session),
      session);
  message = message_about ("view", session);
  json_object_set_string_member (message, "sdp", sdp);
  json_object_set_boolean_member (message, "preview", preview);
  worker_proc_send (channel->worker, message);
  return session_get_id (session);
}

void
channel_end_viewer (Channel * channel, const char *id)
{
  Session *session =
      channel->viewers ? g_hash_table_lookup (channel->viewers, id) : NULL;

  if (session == NULL)
    return;
  session_forget_client (session);
  end_viewer (channel, session);
}

void
channel_viewer_message (Channel * channel, const char *type,
    JsonObject * message)
{
  const char *id = ipc_get_string (message, "viewer");
  Session *session = id != NULL && channel->viewers != NULL
      ? g_hash_table_lookup (channel->viewers, id) : NULL;
  const char *text = ipc_get_string (message, "text");

  if (session == NULL)
    return;
  if (g_str_equal (type, "viewed")) {
    const char *sdp = ipc_get_string (message, "sdp");

    channel->table->totals.viewers++;
    session_answer (session, sdp != NULL ? 201 : 500,
        sdp != NULL ? sdp : "the worker gave no answer");
  } else if (g_str_equal (type, "view-refused")) {
    channel->table->totals.viewers_refused++;
    channel->table->totals.viewers_over_load +=
        ipc_get_boolean (message, "for_load");
    session_answer (session, CLAMP (ipc_get_int (message, "status", 500), 400,
            599), text != NULL ? text : "the offer was refused");
    g_hash_table_remove (channel->viewers, id);
  } else if (g_str_equal (type, "viewer-gone")) {
    const char *reason = ipc_get_string (message, "reason");

    log_info (channel->name, "a viewer is gone: %s", reason ? reason : "?");
    g_hash_table_remove (channel->viewers, id);
  } else if (g_str_equal (type, "trickled")) {
    session_trickled (session, message);
  }
}

void
channel_forget_viewers (Channel * channel, const char *why)
{
  GHashTableIter iter;
  gpointer session;

  if (channel->viewers == NULL)
    return;
  g_hash_table_iter_init (&iter, channel->viewers);
  while (g_hash_table_iter_next (&iter, NULL, &session))
    session_answer (session, 503, why);
  g_hash_table_remove_all (channel->viewers);
}
