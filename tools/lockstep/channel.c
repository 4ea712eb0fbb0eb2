/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Channels: one publisher at a time, its worker, and what came of both. */
#include "channel-private.h"
#include "ipc.h"
#include "log.h"

#include <gio/gio.h>
#include <string.h>

/* Channels that are remembered after their publisher left. */
#define MAX_CHANNELS 1024
/* A session that has received nothing for so long gives way to a new offer: its
 * publisher is more likely to be the one that knocks than to come back. */
#define TAKE_OVER_IDLE_MS 2000

static const char *const state_names[] = { "idle", "connecting", "live",
  "lost"
};

static void begin (Channel * channel);

gboolean
channel_name_is_valid (const char *name)
{
  gsize length = strlen (name);

  if (length == 0 || length > 64 || name[0] == '.')
    return FALSE;
  return strspn (name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
      "0123456789-_.") == length;
}

void
channel_set_state (Channel * channel, ChannelState state)
{
  if (channel->state == state)
    return;
  channel->state = state;
  channel->since = g_get_real_time () / G_USEC_PER_SEC;
}

void
channel_set_reason (Channel * channel, const char *reason)
{
  g_free (channel->reason);
  channel->reason = g_strdup (reason);
}

/* Answers the publisher that waits, if one does. */
static void
answer (Channel * channel, guint status, const char *text)
{
  if (channel->session == NULL || !session_is_waiting (channel->session))
    return;
  if (status != 201)
    channel->table->totals.refused++;
  session_answer (channel->session, status, text);
}

static void
forget_session (Channel * channel)
{
  g_clear_pointer (&channel->session, session_free);
  g_clear_pointer (&channel->offer, g_free);
  channel->ending = FALSE;
}

static void
update_rate (Rate * rate, JsonObject * stats, const char *media, gint64 now)
{
  JsonObject *stream = ipc_get_object (stats, media);
  gint64 octets = stream ? ipc_get_int (stream, "octets", 0) : 0;

  if (rate->time != 0 && now > rate->time && octets >= rate->octets)
    rate->kbps = (octets - rate->octets) * 8000 / (now - rate->time);
  rate->octets = octets;
  rate->time = now;
}

void
channel_keep_stats (Channel * channel, JsonObject * message)
{
  gint64 now = g_get_monotonic_time ();

  g_clear_pointer (&channel->stats, json_object_unref);
  channel->stats = json_object_ref (message);
  channel->stats_time = now;
  channel->segments = ipc_get_int (message, "segments", 0);
  channel->bytes = ipc_get_int (message, "segment_bytes", 0);
  update_rate (&channel->video, message, "video", now);
  update_rate (&channel->audio, message, "audio", now);
}

void
channel_forget_stats (Channel * channel)
{
  g_clear_pointer (&channel->stats, json_object_unref);
  channel->video = channel->audio = (Rate) {
  0};
}

static void
refused (Channel * channel, JsonObject * message)
{
  const char *text = ipc_get_string (message, "text");

  text = text != NULL ? text : "the offer was refused";
  /* a worker that only read the offer can serve the next publisher */
  if (!ipc_get_boolean (message, "used_up")) {
    worker_pool_give_back (channel->table->pool,
        g_steal_pointer (&channel->worker));
    channel_set_state (channel, CHANNEL_IDLE);
  }
  channel_set_reason (channel, text);
  answer (channel, CLAMP (ipc_get_int (message, "status", 500), 400, 599),
      text);
  if (channel->worker == NULL)
    forget_session (channel);
}

static void
worker_message (WorkerProc * proc, const char *type, JsonObject * message,
    gpointer user_data)
{
  Channel *channel = user_data;

  if (g_str_equal (type, "answer")) {
    const char *sdp = ipc_get_string (message, "sdp");

    answer (channel, sdp != NULL ? 201 : 500,
        sdp != NULL ? sdp : "the worker gave no answer");
    worker_pool_replenish (channel->table->pool);
  } else if (g_str_equal (type, "refused")) {
    refused (channel, message);
  } else if (g_str_equal (type, "ending")) {
    /* what it has becomes a last segment; the publisher is gone already */
    if (!channel->ending && channel->state == CHANNEL_LIVE) {
      channel->table->totals.lost++;
      channel_set_reason (channel, ipc_get_string (message, "reason"));
      channel_set_state (channel, CHANNEL_LOST);
    }
  } else if (g_str_equal (type, "connected")) {
    channel_set_state (channel, CHANNEL_LIVE);
    channel_set_reason (channel, NULL);
    log_info (channel->name, "live");
  } else if (g_str_equal (type, "stats")) {
    channel_keep_stats (channel, message);
  } else if (g_str_equal (type, "trickled") && channel->session != NULL) {
    session_trickled (channel->session, message);
  }
}

void
channel_table_check_stopped (ChannelTable * table)
{
  GHashTableIter iter;
  gpointer channel;

  if (table->stopped == NULL)
    return;
  g_hash_table_iter_init (&iter, table->channels);
  while (g_hash_table_iter_next (&iter, NULL, &channel))
    if (((Channel *) channel)->worker != NULL)
      return;
  table->stopped (table->stopped_data);
}

static void
worker_gone (WorkerProc * proc, const char *reason, gboolean crashed,
    gpointer user_data)
{
  Channel *channel = user_data;
  ChannelTable *table = channel->table;
  gboolean asked = channel->ending;

  channel->worker = NULL;
  if (crashed && !asked) {
    table->totals.crashed++;
    log_warning (channel->name, "%s", reason);
  } else {
    log_info (channel->name, "session ended: %s",
        asked && channel->reason != NULL ? channel->reason : reason);
  }
  if (!asked && channel->state == CHANNEL_LIVE)
    table->totals.lost++;
  channel_set_state (channel, asked || channel->state == CHANNEL_CONNECTING
      ? CHANNEL_IDLE : CHANNEL_LOST);
  if (!asked || channel->reason == NULL)
    channel_set_reason (channel, reason);
  channel_forget_stats (channel);

  if (channel->offer != NULL) {
    /* this offer waited for the channel to be free */
    channel->ending = FALSE;
    begin (channel);
  } else {
    answer (channel, 500, reason);
    forget_session (channel);
    worker_pool_replenish (table->pool);
  }
  channel_table_check_stopped (table);
}

/* Hands the waiting offer to a worker. */
static void
begin (Channel * channel)
{
  ChannelTable *table = channel->table;
  JsonObject *message;

  channel->worker =
      worker_pool_take (table->pool, worker_message, worker_gone, channel);
  if (channel->worker == NULL) {
    channel_set_state (channel, CHANNEL_IDLE);
    answer (channel, 503, "no worker process can be started");
    forget_session (channel);
    return;
  }
  table->totals.sessions++;
  channel_set_state (channel, CHANNEL_CONNECTING);
  message = ipc_message ("offer");
  json_object_set_string_member (message, "channel", channel->name);
  json_object_set_string_member (message, "sdp", channel->offer);
  g_clear_pointer (&channel->offer, g_free);
  worker_proc_send (channel->worker, message);
}

static void
answer_is_late (Session * session, gpointer user_data)
{
  Channel *channel = user_data;

  channel->table->totals.refused++;
  g_clear_pointer (&channel->offer, g_free);
  if (channel->worker != NULL) {
    channel->ending = TRUE;
    channel_set_reason (channel, "it made no answer in time");
    worker_proc_kill (channel->worker);
  }
}

/* The session's publisher has been silent long enough to be replaced. */
static gboolean
may_take_over (Channel * channel)
{
  gint64 idle;

  if (channel->ending || channel->state == CHANNEL_LOST)
    return TRUE;
  if (channel->state != CHANNEL_LIVE || channel->stats == NULL)
    return FALSE;
  idle = ipc_get_int (channel->stats, "idle_ms", -1);
  return idle >= 0 && idle + (g_get_monotonic_time () - channel->stats_time)
      / 1000 > TAKE_OVER_IDLE_MS;
}

static guint
count_live (ChannelTable * table)
{
  GHashTableIter iter;
  gpointer channel;
  guint live = 0;

  g_hash_table_iter_init (&iter, table->channels);
  while (g_hash_table_iter_next (&iter, NULL, &channel))
    live += ((Channel *) channel)->worker != NULL;
  return live;
}

static void
channel_free (gpointer data)
{
  Channel *channel = data;

  answer (channel, 503, "the server stops");
  channel_forget_viewers (channel, "the server stops");
  g_clear_handle_id (&channel->restart_timer, g_source_remove);
  g_clear_pointer (&channel->stats, json_object_unref);
  forget_session (channel);
  g_free (channel->name);
  g_free (channel->reason);
  g_free (channel);
}

static gboolean
is_forgettable (gpointer name, gpointer value, gpointer user_data)
{
  Channel *channel = value;

  return channel->worker == NULL && channel->session == NULL;
}

Channel *
channel_get (ChannelTable * table, const char *name)
{
  Channel *channel = channel_table_find (table, name);

  if (channel != NULL)
    return channel;
  if (g_hash_table_size (table->channels) >= MAX_CHANNELS)
    g_hash_table_foreach_remove (table->channels, is_forgettable, NULL);
  channel = g_new0 (Channel, 1);
  channel->table = table;
  channel->name = g_strdup (name);
  channel->since = g_get_real_time () / G_USEC_PER_SEC;
  g_hash_table_insert (table->channels, channel->name, channel);
  return channel;
}

const char *
channel_table_publish (ChannelTable * table, const char *name,
    const char *sdp, SessionReply reply, gpointer user_data)
{
  Channel *channel = channel_table_find (table, name);

  if (table->stopped != NULL) {
    reply (503, "the server stops", user_data);
    return NULL;
  }
  if (channel != NULL && ((channel->session != NULL
              && session_is_waiting (channel->session))
          || (channel->worker != NULL && !may_take_over (channel)))) {
    table->totals.refused++;
    reply (409, "somebody publishes on this channel already", user_data);
    return NULL;
  }
  if ((channel == NULL || channel->worker == NULL)
      && count_live (table) >= table->max_live) {
    table->totals.refused++;
    reply (503, "all channels are in use (max-channels)", user_data);
    return NULL;
  }
  channel = channel_get (table, name);
  session_free (channel->session);
  channel->session = session_new (reply, user_data, answer_is_late, channel);
  g_free (channel->offer);
  channel->offer = g_strdup (sdp);
  if (channel->worker == NULL) {
    begin (channel);
  } else if (!channel->ending) {
    /* two sessions must not write one playlist: the new one begins when the old
     * one's process is gone */
    log_info (channel->name, "a new publisher takes over from a silent one");
    channel->ending = TRUE;
    channel_set_reason (channel, "replaced by a new publisher");
    worker_proc_kill (channel->worker);
  }
  /* it was refused where no worker could be made */
  return channel->session != NULL ? session_get_id (channel->session) : NULL;
}

static gboolean
is_publisher (Channel * channel, const char *session)
{
  return channel->session != NULL
      && g_str_equal (session_get_id (channel->session), session);
}

void
channel_table_cancel (ChannelTable * table, const char *name,
    const char *session)
{
  Channel *channel = channel_table_find (table, name);

  if (channel == NULL || session == NULL)
    return;
  if (is_publisher (channel, session)) {
    session_forget_client (channel->session);
    g_clear_pointer (&channel->offer, g_free);
    channel_end_session (channel, "the publisher did not wait for the answer");
  } else {
    channel_end_viewer (channel, session);
  }
}

void
channel_table_cancel_trickle (ChannelTable * table, const char *name,
    const char *id, gpointer reply_data)
{
  Channel *channel = channel_table_find (table, name);
  Session *session = NULL;

  /* also of a session that is ending: its worker may still answer */
  if (channel != NULL && is_publisher (channel, id))
    session = channel->session;
  else if (channel != NULL && channel->viewers != NULL)
    session = g_hash_table_lookup (channel->viewers, id);
  if (session != NULL)
    session_cancel_trickle (session, reply_data);
}

Session *
channel_find_session (Channel * channel, const char *session)
{
  if (is_publisher (channel, session))
    return channel->ending ? NULL : channel->session;
  return channel->viewers != NULL
      ? g_hash_table_lookup (channel->viewers, session) : NULL;
}

void
channel_delete_session (Channel * channel, Session * session)
{
  if (session == channel->session)
    channel_end_session (channel, "the publisher ended it");
  else
    channel_end_viewer (channel, session_get_id (session));
}

void
channel_end_session (Channel * channel, const char *reason)
{
  JsonObject *message;

  if (channel->worker == NULL) {
    forget_session (channel);
    return;
  }
  if (channel->ending)
    return;
  channel->ending = TRUE;
  channel_set_reason (channel, reason);
  channel_set_state (channel, CHANNEL_IDLE);
  message = ipc_message ("stop");
  json_object_set_string_member (message, "reason", reason);
  worker_proc_send (channel->worker, message);
  worker_proc_expect_end (channel->worker);
}

void
channel_trickle (Channel * channel, Session * session, const char *sdpfrag,
    SessionReply reply, gpointer user_data)
{
  session_trickle (session, channel->worker, session != channel->session,
      sdpfrag, reply, user_data);
}

ChannelTable *
channel_table_new (WorkerPool * pool, guint max_live, const char *output)
{
  ChannelTable *table = g_new0 (ChannelTable, 1);

  table->pool = pool;
  table->max_live = max_live;
  table->output = g_strdup (output);
  table->channels = g_hash_table_new_full (g_str_hash, g_str_equal, NULL,
      channel_free);
  return table;
}

void
channel_table_free (ChannelTable * table)
{
  g_hash_table_unref (table->channels);
  g_free (table->output);
  g_free (table);
}

void
channel_table_stop (ChannelTable * table, void (*done) (gpointer),
    gpointer user_data)
{
  GHashTableIter iter;
  gpointer value;
  guint running = 0;

  table->stopped = done;
  table->stopped_data = user_data;
  g_hash_table_iter_init (&iter, table->channels);
  while (g_hash_table_iter_next (&iter, NULL, &value)) {
    Channel *channel = value;

    answer (channel, 503, "the server stops");
    g_clear_handle_id (&channel->restart_timer, g_source_remove);
    if (channel->worker != NULL) {
      running++;
      channel_end_session (channel, "the server stops");
    }
  }
  if (running == 0)
    done (user_data);
}

Channel *
channel_table_find (ChannelTable * table, const char *name)
{
  return g_hash_table_lookup (table->channels, name);
}

static int
compare_channels (gconstpointer a, gconstpointer b)
{
  return strcmp ((*(Channel * const *) a)->name,
      (*(Channel * const *) b)->name);
}

GPtrArray *
channel_table_list (ChannelTable * table)
{
  GPtrArray *list = g_ptr_array_new ();
  GHashTableIter iter;
  gpointer channel;

  g_hash_table_iter_init (&iter, table->channels);
  while (g_hash_table_iter_next (&iter, NULL, &channel))
    g_ptr_array_add (list, channel);
  g_ptr_array_sort (list, compare_channels);
  return list;
}

const ChannelTotals *
channel_table_get_totals (ChannelTable * table)
{
  return &table->totals;
}

const char *
channel_get_name (Channel * channel)
{
  return channel->name;
}

ChannelState
channel_get_state (Channel * channel)
{
  return channel->state;
}

JsonObject *
channel_get_stats (Channel * channel)
{
  return channel->stats;
}

static void
add_stream (Channel * channel, JsonObject * to, const char *media,
    const Rate * rate)
{
  JsonObject *stream =
      channel->stats ? ipc_get_object (channel->stats, media) : NULL;

  if (stream == NULL) {
    json_object_set_null_member (to, media);
    return;
  }
  json_object_set_int_member (stream, "kbps", rate->kbps);
  json_object_set_object_member (to, media, json_object_ref (stream));
}

static void
set_string_or_null (JsonObject * object, const char *name, const char *value)
{
  if (value != NULL)
    json_object_set_string_member (object, name, value);
  else
    json_object_set_null_member (object, name);
}

static void
add_viewers (Channel * channel, JsonObject * object)
{
  static const char *const names[] =
      { "viewers", "key_frames", "key_requests_asked", "key_requests_sent",
    "preview", "encoder", "load"
  };

  for (guint i = 0; channel->stats != NULL && i < G_N_ELEMENTS (names); i++) {
    JsonNode *node = json_object_get_member (channel->stats, names[i]);

    if (node != NULL)
      json_object_set_member (object, names[i], json_node_copy (node));
  }
}

JsonObject *
channel_to_json (Channel * channel)
{
  JsonObject *object = json_object_new ();
  JsonObject *stats = channel->stats, *av;
  const char *output = channel->table->output;
  g_autofree char *playlist = g_build_filename (output != NULL ? output : "",
      channel->name, "index.m3u8", NULL);
  g_autofree char *url = g_strdup_printf ("/hls/%s/index.m3u8", channel->name);
  g_autofree char *whep = g_strdup_printf ("/whep/%s", channel->name);

  json_object_set_string_member (object, "name", channel->name);
  json_object_set_string_member (object, "state", state_names[channel->state]);
  json_object_set_int_member (object, "since", channel->since);
  set_string_or_null (object, "reason", channel->reason);
  set_string_or_null (object, "hls",
      output != NULL && g_file_test (playlist, G_FILE_TEST_EXISTS) ? url
      : NULL);
  set_string_or_null (object, "whep", channel->table->max_viewers > 0
      ? whep : NULL);
  if (channel->table->max_viewers > 0)
    add_viewers (channel, object);
  if (channel->worker != NULL)
    json_object_set_int_member (object, "worker_pid",
        worker_proc_get_pid (channel->worker));
  add_stream (channel, object, "video", &channel->video);
  add_stream (channel, object, "audio", &channel->audio);
  json_object_set_int_member (object, "segments", channel->segments);
  json_object_set_int_member (object, "bytes", channel->bytes);
  if (stats == NULL)
    return object;
  av = ipc_get_object (stats, "av");
  if (av != NULL) {
    json_object_set_object_member (object, "av", json_object_ref (av));
    if (json_object_has_member (av, "av_offset_ms"))
      json_object_set_double_member (object, "av_offset_ms",
          json_object_get_double_member (av, "av_offset_ms"));
  }
  if (json_object_has_member (stats, "grid_error_ns")) {
    json_object_set_int_member (object, "sequence",
        ipc_get_int (stats, "sequence", 0));
    json_object_set_double_member (object, "segment_duration",
        ipc_get_int (stats, "segment_duration_ns", 0) / 1e9);
    json_object_set_double_member (object, "grid_error_ms",
        ipc_get_int (stats, "grid_error_ns", 0) / 1e6);
  }
  if (json_object_has_member (stats, "delay_ns"))
    json_object_set_double_member (object, "delay_ms",
        ipc_get_int (stats, "delay_ns", 0) / 1e6);
  if (json_object_has_member (stats, "duration_ns")) {
    json_object_set_int_member (object, "position_ns",
        ipc_get_int (stats, "position_ns", 0));
    json_object_set_int_member (object, "duration_ns",
        ipc_get_int (stats, "duration_ns", 0));
  }
  if (json_object_has_member (stats, "renditions")) {
    json_object_set_member (object, "renditions",
        json_node_copy (json_object_get_member (stats, "renditions")));
    json_object_set_boolean_member (object, "overloaded",
        ipc_get_boolean (stats, "overloaded"));
  }
  return object;
}
