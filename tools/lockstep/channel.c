/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Channels: one publisher at a time, its worker, and what came of both. */
#include "channel.h"
#include "ipc.h"
#include "log.h"

#include <gio/gio.h>
#include <string.h>
#include <sys/random.h>

/* Channels that are remembered after their publisher left. */
#define MAX_CHANNELS 1024
#define MAX_TRICKLES 8
/* Negotiation has a limit of its own in the worker; this one holds when the worker
 * does not answer at all. */
#define ANSWER_LIMIT_MS 12000
/* A session that has received nothing for so long gives way to a new offer: its
 * publisher is more likely to be the one that knocks than to come back. */
#define TAKE_OVER_IDLE_MS 2000
#define SESSION_BYTES 16

typedef struct
{
  gint64 id;
  ChannelReply reply;
  gpointer user_data;
} PendingTrickle;

/* A publisher that waits for its answer. */
typedef struct
{
  char *sdp;
  ChannelReply reply;
  gpointer user_data;
  guint timeout;
} PendingOffer;

/* Bit rates, from two statistics messages. */
typedef struct
{
  gint64 octets, time;
  gint64 kbps;
} Rate;

struct _Channel
{
  ChannelTable *table;
  char *name;
  ChannelState state;
  char *session;                /* of the running or coming session */
  char *etag;
  gint64 since;                 /* Unix seconds of the last change of state */
  char *reason;                 /* why the last session ended */
  WorkerProc *worker;
  gboolean ending;
  PendingOffer *offer;
  gboolean sent;                /* the offer is with the worker */
  GQueue trickles;              /* PendingTrickle */
  gint64 next_trickle;
  JsonObject *stats;
  gint64 stats_time;            /* monotonic µs */
  Rate video, audio;
};

struct _ChannelTable
{
  WorkerPool *pool;
  guint max_live;
  char *output;
  GHashTable *channels;         /* name -> Channel */
  ChannelTotals totals;
  void (*stopped) (gpointer);
  gpointer stopped_data;
};

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

/* Session URLs must not be guessable (RFC 9725, section 5). */
static char *
random_hex (gsize bytes)
{
  guint8 raw[SESSION_BYTES];
  GString *hex = g_string_new (NULL);

  g_assert (bytes <= sizeof raw);
  if (getrandom (raw, bytes, 0) != (ssize_t) bytes)
    g_error ("getrandom: %s", g_strerror (errno));
  for (gsize i = 0; i < bytes; i++)
    g_string_append_printf (hex, "%02x", raw[i]);
  return g_string_free (hex, FALSE);
}

static void
set_state (Channel * channel, ChannelState state)
{
  if (channel->state == state)
    return;
  channel->state = state;
  channel->since = g_get_real_time () / G_USEC_PER_SEC;
}

static void
set_reason (Channel * channel, const char *reason)
{
  g_free (channel->reason);
  channel->reason = g_strdup (reason);
}

/* Answers the publisher that waits, if one does. */
static void
answer (Channel * channel, guint status, const char *text)
{
  PendingOffer *offer = g_steal_pointer (&channel->offer);

  if (offer == NULL)
    return;
  g_clear_handle_id (&offer->timeout, g_source_remove);
  if (status != 201)
    channel->table->totals.refused++;
  offer->reply (status, text, offer->user_data);
  g_free (offer->sdp);
  g_free (offer);
}

static void
fail_trickles (Channel * channel)
{
  PendingTrickle *trickle;

  while ((trickle = g_queue_pop_head (&channel->trickles)) != NULL) {
    trickle->reply (404, "the session is over", trickle->user_data);
    g_free (trickle);
  }
}

static void
forget_session (Channel * channel)
{
  g_clear_pointer (&channel->session, g_free);
  g_clear_pointer (&channel->etag, g_free);
  channel->ending = FALSE;
  channel->sent = FALSE;
}

static void
trickled (Channel * channel, JsonObject * message)
{
  gint64 id = ipc_get_int (message, "id", -1);
  const char *text = ipc_get_string (message, "text");

  for (GList * l = channel->trickles.head; l != NULL; l = l->next) {
    PendingTrickle *trickle = l->data;

    if (trickle->id != id)
      continue;
    g_queue_delete_link (&channel->trickles, l);
    trickle->reply (ipc_get_int (message, "status", 500), text ? text : "",
        trickle->user_data);
    g_free (trickle);
    return;
  }
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

static void
keep_stats (Channel * channel, JsonObject * message)
{
  gint64 now = g_get_monotonic_time ();

  g_clear_pointer (&channel->stats, json_object_unref);
  channel->stats = json_object_ref (message);
  channel->stats_time = now;
  update_rate (&channel->video, message, "video", now);
  update_rate (&channel->audio, message, "audio", now);
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
    forget_session (channel);
    set_state (channel, CHANNEL_IDLE);
  }
  set_reason (channel, text);
  answer (channel, CLAMP (ipc_get_int (message, "status", 500), 400, 599),
      text);
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
      set_reason (channel, ipc_get_string (message, "reason"));
      set_state (channel, CHANNEL_LOST);
    }
  } else if (g_str_equal (type, "connected")) {
    set_state (channel, CHANNEL_LIVE);
    set_reason (channel, NULL);
    log_info (channel->name, "live");
  } else if (g_str_equal (type, "stats")) {
    keep_stats (channel, message);
  } else if (g_str_equal (type, "trickled")) {
    trickled (channel, message);
  }
}

static void
worker_gone (WorkerProc * proc, const char *reason, gboolean crashed,
    gpointer user_data)
{
  Channel *channel = user_data;
  ChannelTable *table = channel->table;
  gboolean asked = channel->ending;

  channel->worker = NULL;
  fail_trickles (channel);
  if (crashed && !asked) {
    table->totals.crashed++;
    log_warning (channel->name, "%s", reason);
  } else {
    log_info (channel->name, "session ended: %s", reason);
  }
  if (!asked && channel->state == CHANNEL_LIVE)
    table->totals.lost++;
  set_state (channel, asked || channel->state == CHANNEL_CONNECTING
      ? CHANNEL_IDLE : CHANNEL_LOST);
  if (!asked || channel->reason == NULL)
    set_reason (channel, reason);
  g_clear_pointer (&channel->stats, json_object_unref);
  channel->video = channel->audio = (Rate) {
  0};

  if (channel->offer != NULL && !channel->sent) {
    /* this offer waited for the channel to be free */
    channel->ending = FALSE;
    begin (channel);
  } else {
    answer (channel, 500, reason);
    forget_session (channel);
    worker_pool_replenish (table->pool);
  }
  if (table->stopped != NULL) {
    GHashTableIter iter;
    gpointer other;

    g_hash_table_iter_init (&iter, table->channels);
    while (g_hash_table_iter_next (&iter, NULL, &other))
      if (((Channel *) other)->worker != NULL)
        return;
    table->stopped (table->stopped_data);
  }
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
    forget_session (channel);
    set_state (channel, CHANNEL_IDLE);
    answer (channel, 503, "no worker process can be started");
    return;
  }
  table->totals.sessions++;
  channel->sent = TRUE;
  set_state (channel, CHANNEL_CONNECTING);
  message = ipc_message ("offer");
  json_object_set_string_member (message, "channel", channel->name);
  json_object_set_string_member (message, "sdp", channel->offer->sdp);
  worker_proc_send (channel->worker, message);
}

static gboolean
answer_timed_out (gpointer user_data)
{
  Channel *channel = user_data;

  channel->offer->timeout = 0;
  answer (channel, 504, "no answer could be made in time");
  if (channel->worker != NULL) {
    channel->ending = TRUE;
    worker_proc_kill (channel->worker);
  }
  return G_SOURCE_REMOVE;
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
  fail_trickles (channel);
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

  return channel->worker == NULL && channel->offer == NULL;
}

const char *
channel_table_publish (ChannelTable * table, const char *name,
    const char *sdp, ChannelReply reply, gpointer user_data)
{
  Channel *channel = channel_table_find (table, name);
  PendingOffer *offer;

  if (table->stopped != NULL) {
    reply (503, "the server stops", user_data);
    return NULL;
  }
  if (channel != NULL && (channel->offer != NULL
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
  if (channel == NULL) {
    if (g_hash_table_size (table->channels) >= MAX_CHANNELS)
      g_hash_table_foreach_remove (table->channels, is_forgettable, NULL);
    channel = g_new0 (Channel, 1);
    channel->table = table;
    channel->name = g_strdup (name);
    channel->since = g_get_real_time () / G_USEC_PER_SEC;
    g_queue_init (&channel->trickles);
    g_hash_table_insert (table->channels, channel->name, channel);
  }

  offer = g_new0 (PendingOffer, 1);
  offer->sdp = g_strdup (sdp);
  offer->reply = reply;
  offer->user_data = user_data;
  offer->timeout = g_timeout_add (ANSWER_LIMIT_MS, answer_timed_out, channel);
  channel->offer = offer;
  g_free (channel->session);
  g_free (channel->etag);
  channel->session = random_hex (SESSION_BYTES);
  channel->etag = random_hex (8);
  channel->sent = FALSE;
  if (channel->worker == NULL) {
    begin (channel);
  } else if (!channel->ending) {
    /* two sessions must not write one playlist: the new one begins when the old
     * one's process is gone */
    log_info (channel->name, "a new publisher takes over from a silent one");
    channel->ending = TRUE;
    set_reason (channel, "replaced by a new publisher");
    worker_proc_kill (channel->worker);
  }
  return channel->session;
}

void
channel_table_cancel (ChannelTable * table, const char *name,
    const char *session)
{
  Channel *channel = channel_table_find (table, name);
  PendingOffer *offer;

  if (channel == NULL || g_strcmp0 (channel->session, session) != 0)
    return;
  offer = g_steal_pointer (&channel->offer);
  if (offer != NULL) {
    g_clear_handle_id (&offer->timeout, g_source_remove);
    g_free (offer->sdp);
    g_free (offer);
  }
  channel_end_session (channel, "the publisher did not wait for the answer");
}

Channel *
channel_table_find_session (ChannelTable * table, const char *name,
    const char *session)
{
  Channel *channel = channel_table_find (table, name);

  return channel != NULL && channel->session != NULL && !channel->ending
      && g_str_equal (channel->session, session) ? channel : NULL;
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
  set_reason (channel, reason);
  set_state (channel, CHANNEL_IDLE);
  message = ipc_message ("stop");
  json_object_set_string_member (message, "reason", reason);
  worker_proc_send (channel->worker, message);
  worker_proc_expect_end (channel->worker);
}

void
channel_trickle (Channel * channel, const char *sdpfrag, ChannelReply reply,
    gpointer user_data)
{
  PendingTrickle *trickle;
  JsonObject *message;

  if (channel->worker == NULL) {
    reply (404, "the session is over", user_data);
    return;
  }
  if (g_queue_get_length (&channel->trickles) >= MAX_TRICKLES) {
    reply (429, "too many candidates at once; wait for the answers", user_data);
    return;
  }
  trickle = g_new0 (PendingTrickle, 1);
  trickle->id = channel->next_trickle++;
  trickle->reply = reply;
  trickle->user_data = user_data;
  g_queue_push_tail (&channel->trickles, trickle);
  message = ipc_message ("trickle");
  json_object_set_int_member (message, "id", trickle->id);
  json_object_set_string_member (message, "sdpfrag", sdpfrag);
  worker_proc_send (channel->worker, message);
}

void
channel_trickle_cancel (Channel * channel, gpointer user_data)
{
  for (GList * l = channel->trickles.head; l != NULL; l = l->next) {
    PendingTrickle *trickle = l->data;

    if (trickle->user_data == user_data) {
      g_queue_delete_link (&channel->trickles, l);
      g_free (trickle);
      return;
    }
  }
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

const char *
channel_get_etag (Channel * channel)
{
  return channel->etag;
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

JsonObject *
channel_to_json (Channel * channel)
{
  JsonObject *object = json_object_new ();
  JsonObject *stats = channel->stats;
  g_autofree char *playlist = g_build_filename (channel->table->output,
      channel->name, "index.m3u8", NULL);
  g_autofree char *url = g_strdup_printf ("/hls/%s/index.m3u8", channel->name);

  json_object_set_string_member (object, "name", channel->name);
  json_object_set_string_member (object, "state", state_names[channel->state]);
  json_object_set_int_member (object, "since", channel->since);
  set_string_or_null (object, "reason", channel->reason);
  set_string_or_null (object, "hls",
      g_file_test (playlist, G_FILE_TEST_EXISTS) ? url : NULL);
  if (channel->worker != NULL)
    json_object_set_int_member (object, "worker_pid",
        worker_proc_get_pid (channel->worker));
  add_stream (channel, object, "video", &channel->video);
  add_stream (channel, object, "audio", &channel->audio);
  if (stats == NULL)
    return object;
  json_object_set_int_member (object, "segments",
      ipc_get_int (stats, "segments", 0));
  json_object_set_int_member (object, "bytes",
      ipc_get_int (stats, "segment_bytes", 0));
  if (json_object_has_member (stats, "grid_error_ns")) {
    json_object_set_int_member (object, "sequence",
        ipc_get_int (stats, "sequence", 0));
    json_object_set_double_member (object, "segment_duration",
        ipc_get_int (stats, "segment_duration_ns", 0) / 1e9);
    json_object_set_double_member (object, "grid_error_ms",
        ipc_get_int (stats, "grid_error_ns", 0) / 1e6);
  }
  return object;
}
