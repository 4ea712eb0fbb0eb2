/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What is common to avresync's pads: the lock, the timeline, the gate's timer, and
 * the way of a buffer from a sink pad to the thread of its src pad. */
#include "gstavresynccore.h"

#include <gst/video/video.h>
#include <string.h>

GST_DEBUG_CATEGORY_EXTERN (avresync_debug);
#define GST_CAT_DEFAULT avresync_debug

/* What one stream may hold. Then its gate opens, or its source has to wait. */
#define MAX_ITEMS 8192
#define MAX_BYTES (64 * 1024 * 1024)

/* Latency is reported in steps, so that it is not negotiated for each change. */
#define HEADROOM_STEP (20 * GST_MSECOND)

/* Running time now, or -1 where there is no clock yet. */
static gint64
running_time_now (AvCore * core)
{
  g_autoptr (GstClock) clock = gst_element_get_clock (core->element);
  GstClockTime base = gst_element_get_base_time (core->element), now;

  if (!clock || !GST_CLOCK_TIME_IS_VALID (base)
      || GST_STATE (core->element) != GST_STATE_PLAYING)
    return -1;
  now = gst_clock_get_time (clock);
  return now >= base ? (gint64) (now - base) : 0;
}

/* Whether the time at which a buffer comes in says anything. */
static gboolean
is_live (AvCore * core, AvPad * pad)
{
  gboolean known, live;

  g_mutex_lock (&core->lock);
  known = core->liveness_known;
  live = core->live;
  g_mutex_unlock (&core->lock);
  if (!known) {
    g_autoptr (GstQuery) query = gst_query_new_latency ();

    live = TRUE;
    if (gst_pad_peer_query (pad->sinkpad, query))
      gst_query_parse_latency (query, &live, NULL, NULL);
    g_mutex_lock (&core->lock);
    core->live = live;
    core->liveness_known = TRUE;
    g_mutex_unlock (&core->lock);
  }
  return live;
}

/* With the lock. */
GstStructure *
av_core_stats (AvCore * core)
{
  GstStructure *stats =
      gst_structure_new_empty ("application/x-avresync-stats");
  GValue streams = G_VALUE_INIT;

  gst_value_array_init (&streams, g_list_length (core->pads));
  for (GList * l = core->pads; l; l = l->next) {
    GValue value = G_VALUE_INIT;

    g_value_init (&value, GST_TYPE_STRUCTURE);
    g_value_take_boxed (&value, av_pad_stats (l->data, core->sync));
    gst_value_array_append_and_take_value (&streams, &value);
  }
  gst_structure_set (stats, "headroom", G_TYPE_UINT64, core->headroom, NULL);
  gst_structure_take_value (stats, "streams", &streams);
  return stats;
}

static gboolean gate_over (GstClock * clock, GstClockTime time, GstClockID id,
    gpointer data);
static GstClockID arm_timer (AvCore * core);

static void
unref_core (gpointer data)
{
  gst_object_unref (((AvCore *) data)->element);
}

/* What has to be done without the lock after something went on. */
typedef struct
{
  GSList *news;                 /* GstStructure */
  GSList *ask;                  /* GstPad: keyframes are wanted from there */
  GstClockID timer;
  gboolean latency;
} Todo;

static void
do_todo (AvCore * core, Todo * todo)
{
  todo->news = g_slist_reverse (todo->news);
  for (GSList * l = todo->news; l; l = l->next)
    gst_element_post_message (core->element,
        gst_message_new_element (GST_OBJECT (core->element), l->data));
  for (GSList * l = todo->ask; l; l = l->next)
    gst_pad_push_event (l->data,
        gst_video_event_new_upstream_force_key_unit (GST_CLOCK_TIME_NONE,
            TRUE, 0));
  g_slist_free (todo->news);
  g_slist_free_full (todo->ask, gst_object_unref);
  if (todo->latency)
    gst_element_post_message (core->element,
        gst_message_new_latency (GST_OBJECT (core->element)));
  /* Some clocks call back at once. */
  if (todo->timer) {
    /* The element lives as long as the clock may call. */
    gst_object_ref (core->element);
    gst_clock_id_wait_async (todo->timer, gate_over, core, unref_core);
    gst_clock_id_unref (todo->timer);
  }
}

/* Gives what waits its timestamps, as far as the gate is open, and hands it to
 * the src pad's thread. With the lock. */
static void
release (AvCore * core, AvPad * pad, Todo * todo)
{
  AvItem *item;

  while ((item = g_queue_peek_head (&pad->waiting))) {
    gboolean ask = FALSE;

    if (item->timed && !lockstep_av_stream_is_open (pad->stream))
      break;
    g_queue_pop_head (&pad->waiting);
    if (!item->timed) {
      if (GST_IS_EVENT (item->object))
        item->object = GST_MINI_OBJECT_CAST (av_pad_move_event (pad,
                GST_EVENT_CAST (item->object)));
    } else if (core->wait_for_keyframe
        && av_pad_waits_for_keyframe (pad, item, core->latest, &ask)) {
      if (ask)
        todo->ask = g_slist_prepend (todo->ask, gst_object_ref (pad->sinkpad));
      pad->bytes -= av_item_size (item);
      av_item_free (item);
      continue;
    } else {
      GstStructure *news;

      av_pad_stamp (pad, core->sync, item, core->latest);
      news = av_pad_news (pad, core->sync);
      if (news)
        todo->news = g_slist_prepend (todo->news, news);
    }
    g_queue_push_tail (&pad->ready, item);
  }
  g_cond_broadcast (&pad->changed);
}

static void
release_all (AvCore * core, Todo * todo)
{
  for (GList * l = core->pads; l; l = l->next)
    release (core, l->data, todo);
}

/* Holds the upstream thread while there is too much. With the lock; FALSE where
 * the pad is flushing. */
static gboolean
wait_for_room (AvCore * core, AvPad * pad, Todo * todo)
{
  while (!pad->flushing && pad->flow == GST_FLOW_OK
      && (pad->bytes > MAX_BYTES || g_queue_get_length (&pad->waiting)
          + g_queue_get_length (&pad->ready) > MAX_ITEMS)) {
    gboolean opened = FALSE;

    if (pad->stream && !lockstep_av_stream_is_open (pad->stream)) {
      lockstep_av_stream_open (core->sync, pad->stream, core->latest);
      opened = lockstep_av_stream_is_open (pad->stream);
    }
    if (opened)
      release (core, pad, todo);
    else
      g_cond_wait (&pad->changed, &core->lock);
  }
  return !pad->flushing;
}

/* The src pad's thread. */
void
av_core_loop (gpointer data)
{
  GstPad *srcpad = data;
  AvPad *pad = gst_pad_get_element_private (srcpad);
  AvCore *core = pad->core;
  GstMiniObject *object;
  GstFlowReturn flow = GST_FLOW_OK;
  AvItem *item = NULL;

  g_mutex_lock (&core->lock);
  while (!pad->flushing && !(item = g_queue_pop_head (&pad->ready)))
    g_cond_wait (&pad->changed, &core->lock);
  if (item) {
    pad->bytes -= av_item_size (item);
    g_cond_broadcast (&pad->changed);
  }
  g_mutex_unlock (&core->lock);

  if (!item) {
    flow = GST_FLOW_FLUSHING;
  } else {
    object = g_steal_pointer (&item->object);
    g_free (item);
    if (GST_IS_EVENT (object))
      gst_pad_push_event (srcpad, GST_EVENT_CAST (object));
    else
      flow = gst_pad_push (srcpad, GST_BUFFER_CAST (object));
  }
  /* who wants no more waits for the end all the same, which upstream's would not pass */
  if (flow == GST_FLOW_EOS)
    gst_pad_push_event (srcpad, gst_event_new_eos ());
  if (flow != GST_FLOW_OK) {
    /* Upstream learns of it at its next buffer. One that is not linked may be
     * linked later. */
    g_mutex_lock (&core->lock);
    if (flow != GST_FLOW_NOT_LINKED || pad->flushing) {
      pad->flow = flow;
      av_pad_clear (pad);
      gst_pad_pause_task (srcpad);
    }
    g_cond_broadcast (&pad->changed);
    g_mutex_unlock (&core->lock);
  }
}

void
av_core_set_flushing (AvCore * core, AvPad * pad, gboolean flushing)
{
  g_mutex_lock (&core->lock);
  pad->flushing = flushing;
  if (flushing)
    av_pad_clear (pad);
  pad->flow = flushing ? GST_FLOW_FLUSHING : GST_FLOW_OK;
  g_cond_broadcast (&pad->changed);
  g_mutex_unlock (&core->lock);
}

/* With the lock. */
void
av_core_cancel_timer (AvCore * core)
{
  if (core->timer) {
    gst_clock_id_unschedule (core->timer);
    gst_clock_id_unref (core->timer);
    core->timer = NULL;
  }
  core->timer_at = -1;
}

static gboolean
gate_over (GstClock * clock, GstClockTime time, GstClockID id, gpointer data)
{
  AvCore *core = data;
  Todo todo = { NULL, };

  g_mutex_lock (&core->lock);
  if (core->timer == id) {
    core->latest = MAX (core->latest, core->timer_at);
    gst_clock_id_unref (core->timer);
    core->timer = NULL;
    core->timer_at = -1;
    if (lockstep_av_sync_poll (core->sync, core->latest))
      release_all (core, &todo);
    todo.timer = arm_timer (core);
  }
  g_mutex_unlock (&core->lock);
  do_todo (core, &todo);
  return TRUE;
}

/* A gate must open even if nothing more comes. With the lock; what it returns is
 * to be waited for without. */
static GstClockID
arm_timer (AvCore * core)
{
  gint64 deadline = lockstep_av_sync_deadline (core->sync);
  g_autoptr (GstClock) clock = NULL;

  if (deadline == core->timer_at)
    return NULL;
  av_core_cancel_timer (core);
  if (deadline < 0 || !core->live
      || GST_STATE (core->element) != GST_STATE_PLAYING)
    return NULL;
  clock = gst_element_get_clock (core->element);
  if (!clock)
    return NULL;
  core->timer_at = deadline;
  core->timer = gst_clock_new_single_shot_id (clock,
      gst_element_get_base_time (core->element) + deadline);
  return gst_clock_id_ref (core->timer);
}

/* TRUE where the reported latency has to be negotiated again. With the lock. */
static gboolean
update_headroom (AvCore * core)
{
  GstClockTime needed = lockstep_av_sync_headroom (core->sync);

  /* Up at once, and never down: a pipeline that waits less again gains nothing
   * that it could not lose at the next change. */
  needed = needed < 2 * GST_MSECOND ? 0
      : (needed + HEADROOM_STEP - 1) / HEADROOM_STEP * HEADROOM_STEP;
  if (needed <= core->headroom)
    return FALSE;
  core->headroom = needed;
  return TRUE;
}

/* Takes a buffer that came in. */
GstFlowReturn
av_core_take_buffer (AvCore * core, AvPad * pad, GstBuffer * buffer)
{
  gboolean live = is_live (core, pad);
  gint64 now = live ? running_time_now (core) : -1, arrival;
  AvItem *item = g_new0 (AvItem, 1);
  GstFlowReturn flow = GST_FLOW_OK;
  Todo todo = { NULL, };

  item->object = GST_MINI_OBJECT_CAST (buffer);
  g_mutex_lock (&core->lock);
  if (pad->flow != GST_FLOW_OK || !pad->stream) {
    flow = pad->stream ? pad->flow : GST_FLOW_NOT_NEGOTIATED;
    g_mutex_unlock (&core->lock);
    av_item_free (item);
    if (flow == GST_FLOW_NOT_NEGOTIATED)
      GST_ELEMENT_ERROR (core->element, CORE, NEGOTIATION, (NULL),
          ("%s: no caps, or RTP caps without clock-rate",
              GST_PAD_NAME (pad->sinkpad)));
    return flow;
  }
  item->timed = gst_avresync_input_read (&item->input, buffer, &pad->format,
      &pad->segment, gst_element_get_base_time (core->element));
  if (!item->timed && pad->format.rate) {
    GST_DEBUG_OBJECT (pad->sinkpad, "not an RTP packet");
    pad->malformed++;
    g_mutex_unlock (&core->lock);
    av_item_free (item);
    return GST_FLOW_OK;
  }

  arrival = item->input.arrival >= 0 ? item->input.arrival
      : now >= 0 ? now : item->input.running_time;
  if (arrival < 0)
    arrival = core->latest;
  core->latest = MAX (core->latest, now >= 0 ? now : arrival);
  if (item->timed)
    av_pad_observe (pad, core->sync, item, arrival, core->latest);
  else
    av_pad_queue (pad, item);
  if (lockstep_av_sync_poll (core->sync, core->latest))
    release_all (core, &todo);
  else
    release (core, pad, &todo);
  todo.timer = arm_timer (core);
  todo.latency = update_headroom (core);
  g_mutex_unlock (&core->lock);
  do_todo (core, &todo);

  memset (&todo, 0, sizeof (todo));
  g_mutex_lock (&core->lock);
  if (!wait_for_room (core, pad, &todo))
    flow = GST_FLOW_FLUSHING;
  g_mutex_unlock (&core->lock);
  do_todo (core, &todo);
  return flow;
}

/* Takes the sender reports from an RTCP packet. */
void
av_core_take_rtcp (AvCore * core, GstBuffer * buffer)
{
  LockstepSenderReport report;
  gsize position = 0;
  GstMapInfo map;

  if (gst_buffer_map (buffer, &map, GST_MAP_READ)) {
    g_mutex_lock (&core->lock);
    while (lockstep_rtcp_next_report (map.data, map.size, &position, &report)) {
      for (GList * l = core->pads; l; l = l->next) {
        AvPad *pad = l->data;

        if (pad->stream && pad->has_ssrc && pad->ssrc == report.ssrc)
          lockstep_av_stream_report (core->sync, pad->stream,
              LOCKSTEP_AV_SOURCE_SENDER_REPORT, report.timestamp, report.ntp,
              FALSE, 0);
      }
    }
    g_mutex_unlock (&core->lock);
    gst_buffer_unmap (buffer, &map);
  }
  gst_buffer_unref (buffer);
}

/* For callers that do not hold the sink pad's stream lock: the pad may be
 * released meanwhile. Returns: (transfer full): NULL where it was */
AvPad *
av_core_find_pad (AvCore * core, GstPad * either)
{
  AvPad *found = NULL;

  g_mutex_lock (&core->lock);
  for (GList * l = core->pads; l && !found; l = l->next) {
    AvPad *pad = l->data;

    if (pad->sinkpad == either || pad->srcpad == either)
      found = av_pad_ref (pad);
  }
  g_mutex_unlock (&core->lock);
  return found;
}

void
av_core_set_caps (AvCore * core, AvPad * pad, const GstCaps * caps)
{
  GstAvresyncFormat format;
  Todo todo = { NULL, };

  if (!gst_avresync_format_from_caps (&format, caps)) {
    GST_WARNING_OBJECT (pad->sinkpad, "no clock-rate in %" GST_PTR_FORMAT,
        caps);
    return;
  }
  g_mutex_lock (&core->lock);
  if (pad->stream && (pad->format.media != format.media
          || pad->format.rate != format.rate)) {
    lockstep_av_stream_open (core->sync, pad->stream, core->latest);
    release (core, pad, &todo);
    lockstep_av_sync_remove (core->sync, pad->stream);
    pad->stream = NULL;
  }
  pad->format = format;
  if (!pad->stream) {
    av_pad_restart (pad, core->sync);
    pad->stream = lockstep_av_sync_add (core->sync, format.media, format.rate);
  }
  g_mutex_unlock (&core->lock);
  do_todo (core, &todo);
}

/* Takes an event to its place among the buffers. */
gboolean
av_core_take_event (AvCore * core, AvPad * pad, GstEvent * event)
{
  AvItem *item = g_new0 (AvItem, 1);
  Todo todo = { NULL, };
  gboolean taken;

  item->object = GST_MINI_OBJECT_CAST (event);
  g_mutex_lock (&core->lock);
  taken = !pad->flushing && pad->flow == GST_FLOW_OK;
  if (taken) {
    av_pad_queue (pad, item);
    release (core, pad, &todo);
    wait_for_room (core, pad, &todo);
  }
  g_mutex_unlock (&core->lock);
  if (!taken)
    av_item_free (item);
  do_todo (core, &todo);
  return taken;
}

/* Forgets all but pads and configuration. */
void
av_core_reset (AvCore * core)
{
  g_mutex_lock (&core->lock);
  av_core_cancel_timer (core);
  for (GList * l = core->pads; l; l = l->next) {
    AvPad *pad = l->data;

    av_pad_restart (pad, core->sync);
    pad->stream = NULL;         /* freed with the rest, below */
    pad->segment_sent = FALSE;
    gst_segment_init (&pad->segment, GST_FORMAT_UNDEFINED);
  }
  lockstep_av_sync_free (core->sync);
  core->sync = lockstep_av_sync_new (&core->config);
  core->liveness_known = FALSE;
  core->latest = 0;
  core->headroom = 0;
  g_mutex_unlock (&core->lock);
}
