/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A channel whose pipeline has its own source: started at once, and started again
 * when it fails. One that has an end (a file) runs once. */
#include "channel-private.h"
#include "ipc.h"
#include "log.h"

static void start (Channel * channel);

static gboolean
restart (gpointer user_data)
{
  Channel *channel = user_data;

  channel->restart_timer = 0;
  start (channel);
  return G_SOURCE_REMOVE;
}

static void
schedule_restart (Channel * channel)
{
  gint64 ran = channel->started == 0 ? 0
      : g_get_monotonic_time () - channel->started;
  guint wait = lockstep_backoff_next (&channel->backoff, ran / 1000,
      g_random_double ());

  log_info (channel->name, "starting again in %.1f s", wait / 1000.0);
  channel->restart_timer = g_timeout_add (wait, restart, channel);
}

static void
source_message (WorkerProc * proc, const char *type, JsonObject * message,
    gpointer user_data)
{
  Channel *channel = user_data;

  if (g_str_equal (type, "connected")) {
    channel->started = g_get_monotonic_time ();
    channel_set_state (channel, CHANNEL_LIVE);
    channel_set_reason (channel, NULL);
    log_info (channel->name, "live");
  } else if (g_str_equal (type, "stats")) {
    channel_keep_stats (channel, message);
  } else if (g_str_equal (type, "ending")) {
    channel->finished = ipc_get_boolean (message, "finished");
    channel->exit_code = ipc_get_int (message, "exit_code", 0);
    if (!channel->ending && !channel->finished) {
      if (channel->state == CHANNEL_LIVE)
        channel->table->totals.lost++;
      channel_set_reason (channel, ipc_get_string (message, "reason"));
      channel_set_state (channel, CHANNEL_LOST);
    }
  } else {
    channel_viewer_message (channel, type, message);
  }
}

static void
source_gone (WorkerProc * proc, const char *reason, gboolean crashed,
    gpointer user_data)
{
  Channel *channel = user_data;
  ChannelTable *table = channel->table;
  gboolean asked = channel->ending;

  channel->worker = NULL;
  channel->ending = FALSE;
  channel_forget_stats (channel);
  channel_forget_viewers (channel, reason);
  if (crashed && !asked)
    table->totals.crashed++;
  if (asked || channel->finished)
    log_info (channel->name, "ended: %s", reason);
  else
    log_warning (channel->name, "%s", reason);
  if (!asked)
    channel_set_reason (channel, reason);
  channel_set_state (channel, asked || channel->finished
      ? CHANNEL_IDLE : CHANNEL_LOST);
  if (table->stopped != NULL)
    channel_table_check_stopped (table);
  else if (channel->finished)
    table->source_ended (reason, channel->exit_code, table->source_data);
  else
    schedule_restart (channel);
}

static void
start (Channel * channel)
{
  ChannelTable *table = channel->table;
  JsonObject *message;

  channel->started = 0;
  channel->finished = FALSE;
  channel->worker =
      worker_pool_take (table->pool, source_message, source_gone, channel);
  if (channel->worker == NULL) {
    channel_set_reason (channel, "no worker process can be started");
    channel_set_state (channel, CHANNEL_LOST);
    schedule_restart (channel);
    return;
  }
  table->totals.sessions++;
  channel_set_state (channel, CHANNEL_CONNECTING);
  message = ipc_message ("run");
  json_object_set_string_member (message, "channel", channel->name);
  worker_proc_send (channel->worker, message);
}

void
channel_table_run_source (ChannelTable * table, const char *name,
    ChannelSourceEnded ended, gpointer user_data)
{
  Channel *channel = channel_get (table, name);

  table->source_ended = ended;
  table->source_data = user_data;
  channel->backoff = (LockstepBackoff) {
  .first_ms = 500,.max_ms = 30000,.good_ms = 20000};
  start (channel);
}
