/* SPDX-License-Identifier: LGPL-2.1-or-later */
/**
 * SECTION:element-avresync
 * @title: avresync
 * @short_description: puts sound and picture of one sender on one timeline
 *
 * RTP timestamps of audio and video begin at random and say nothing about each
 * other. avresync finds out how they belong together and gives every buffer a
 * timestamp on one timeline, with RTCP or without.
 *
 * For each sink_%u pad that is requested there is a src_%u pad. Buffers are RTP
 * packets (application/x-rtp) or frames with timestamps; all pads carry streams of
 * one sender.
 *
 * - Audio keeps its spacing: the difference of two timestamps is the difference
 *   of the RTP times. There is no smoothing and no step. Only a sender that begins
 *   anew begins a new timeline, marked DISCONT.
 * - Video is moved onto audio's timeline. Its timestamps rise with RTP time.
 *
 * The offset of video against audio comes from the best source at hand: the
 * abs-capture-time header extension; RTCP sender reports; the arrival times alone,
 * as the difference of the least transit times. Reports that the arrivals
 * contradict, that jump or that run at another rate are not believed. A change is
 * slewed at #GstAvresync:max-slew; in the first seconds, and beyond 45 ms, faster.
 *
 * Sender reports are found in two places: in #GstReferenceTimestampMeta of
 * timestamp/x-ntp, which rtpbin, and so webrtcbin's rtpbin, adds when its
 * add-reference-timestamp-meta is set; and in RTCP packets on rtcp_sink_%u.
 *
 * Arrival times are, in this order: the timestamp/x-lockstep-arrival meta that
 * latencybuffer adds; the buffer's DTS, of RTP; the time at which the buffer comes
 * in, if the source is live; the buffer's PTS.
 *
 * At the start, the first packets are held for #GstAvresync:start-gate so that they
 * can be compared. The latency that the element reports is that time, and what a
 * stream had to be moved ahead.
 *
 * ## Example launch lines
 * |[
 * gst-launch-1.0 avresync name=sync \
 *   udpsrc port=5004 caps="application/x-rtp,media=audio,clock-rate=48000,encoding-name=OPUS" ! sync.sink_0 \
 *   udpsrc port=5006 caps="application/x-rtp,media=video,clock-rate=90000,encoding-name=H264" ! sync.sink_1 \
 *   sync.src_0 ! rtpopusdepay ! opusdec plc=true ! autoaudiosink \
 *   sync.src_1 ! rtph264depay ! avdec_h264 ! autovideosink
 * ]| Plays an SFU's forwarded RTP, which comes without RTCP.
 */
#include "config.h"

#include "gstavresync.h"
#include "gstavresyncpad.h"

#include <gst/video/video.h>
#include <stdio.h>
#include <string.h>

GST_DEBUG_CATEGORY (avresync_debug);
#define GST_CAT_DEFAULT avresync_debug

#define DEFAULT_MAX_SLEW (5 * GST_MSECOND)
#define DEFAULT_DEAD_BAND (1 * GST_MSECOND)
#define DEFAULT_START_GATE (300 * GST_MSECOND)
#define DEFAULT_VIDEO_OFFSET 0
#define DEFAULT_WAIT_FOR_KEYFRAME TRUE

#define MAX_START_GATE (10 * GST_SECOND)
#define MAX_OFFSET (10 * GST_SECOND)

/* What one stream may hold. Then its gate opens, or its source has to wait. */
#define MAX_ITEMS 8192
#define MAX_BYTES (64 * 1024 * 1024)

/* Latency is reported in steps, so that it is not negotiated for each change. */
#define HEADROOM_STEP (20 * GST_MSECOND)

#define MAX_PADS 256

enum
{
  PROP_0,
  PROP_MAX_SLEW,
  PROP_DEAD_BAND,
  PROP_START_GATE,
  PROP_VIDEO_OFFSET,
  PROP_WAIT_FOR_KEYFRAME,
  PROP_STATS,
};

struct _GstAvresync
{
  GstElement parent;

  GMutex lock;
  LockstepAvSync *sync;
  LockstepAvConfig config;
  gboolean wait_for_keyframe;
  GList *pads;                  /* AvPad */
  guint next_rtcp;
  GstClockID timer;
  gint64 timer_at;
  gboolean liveness_known, live;
  gint64 latest;                /* the latest time seen, running time */
  GstClockTime headroom;        /* as reported */
};

static GstStaticPadTemplate sink_template =
GST_STATIC_PAD_TEMPLATE ("sink_%u", GST_PAD_SINK, GST_PAD_REQUEST,
    GST_STATIC_CAPS_ANY);
static GstStaticPadTemplate src_template =
GST_STATIC_PAD_TEMPLATE ("src_%u", GST_PAD_SRC, GST_PAD_SOMETIMES,
    GST_STATIC_CAPS_ANY);
static GstStaticPadTemplate rtcp_template =
GST_STATIC_PAD_TEMPLATE ("rtcp_sink_%u", GST_PAD_SINK, GST_PAD_REQUEST,
    GST_STATIC_CAPS ("application/x-rtcp"));

#define gst_avresync_parent_class parent_class
G_DEFINE_FINAL_TYPE (GstAvresync, gst_avresync, GST_TYPE_ELEMENT);
GST_ELEMENT_REGISTER_DEFINE (avresync, "avresync", GST_RANK_NONE,
    GST_TYPE_AVRESYNC);

/* Running time now, or -1 where there is no clock yet. */
static gint64
running_time_now (GstAvresync * self)
{
  g_autoptr (GstClock) clock = gst_element_get_clock (GST_ELEMENT (self));
  GstClockTime base = gst_element_get_base_time (GST_ELEMENT (self)), now;

  if (!clock || !GST_CLOCK_TIME_IS_VALID (base)
      || GST_STATE (self) != GST_STATE_PLAYING)
    return -1;
  now = gst_clock_get_time (clock);
  return now >= base ? (gint64) (now - base) : 0;
}

/* Whether the time at which a buffer comes in says anything. */
static gboolean
is_live (GstAvresync * self, AvPad * pad)
{
  gboolean known, live;

  g_mutex_lock (&self->lock);
  known = self->liveness_known;
  live = self->live;
  g_mutex_unlock (&self->lock);
  if (!known) {
    g_autoptr (GstQuery) query = gst_query_new_latency ();

    live = TRUE;
    if (gst_pad_peer_query (pad->sinkpad, query))
      gst_query_parse_latency (query, &live, NULL, NULL);
    g_mutex_lock (&self->lock);
    self->live = live;
    self->liveness_known = TRUE;
    g_mutex_unlock (&self->lock);
  }
  return live;
}

static GstStructure *
get_stats (GstAvresync * self)
{
  GstStructure *stats = gst_structure_new_empty ("application/x-avresync-stats");
  GValue streams = G_VALUE_INIT;

  gst_value_array_init (&streams, g_list_length (self->pads));
  for (GList * l = self->pads; l; l = l->next) {
    GValue value = G_VALUE_INIT;

    g_value_init (&value, GST_TYPE_STRUCTURE);
    g_value_take_boxed (&value, av_pad_stats (l->data, self->sync));
    gst_value_array_append_and_take_value (&streams, &value);
  }
  gst_structure_set (stats, "headroom", G_TYPE_UINT64, self->headroom, NULL);
  gst_structure_take_value (stats, "streams", &streams);
  return stats;
}

static gboolean gate_over (GstClock * clock, GstClockTime time, GstClockID id,
    gpointer data);
static GstClockID arm_timer (GstAvresync * self);

/* What has to be done without the lock after something went on. */
typedef struct
{
  GSList *news;                 /* GstStructure */
  GSList *ask;                  /* GstPad: keyframes are wanted from there */
  GstClockID timer;
  gboolean latency;
} Todo;

static void
do_todo (GstAvresync * self, Todo * todo)
{
  todo->news = g_slist_reverse (todo->news);
  for (GSList * l = todo->news; l; l = l->next)
    gst_element_post_message (GST_ELEMENT (self),
        gst_message_new_element (GST_OBJECT (self), l->data));
  for (GSList * l = todo->ask; l; l = l->next)
    gst_pad_push_event (l->data,
        gst_video_event_new_upstream_force_key_unit (GST_CLOCK_TIME_NONE,
            TRUE, 0));
  g_slist_free (todo->news);
  g_slist_free_full (todo->ask, gst_object_unref);
  if (todo->latency)
    gst_element_post_message (GST_ELEMENT (self),
        gst_message_new_latency (GST_OBJECT (self)));
  /* Some clocks call back at once. */
  if (todo->timer) {
    gst_clock_id_wait_async (todo->timer, gate_over, gst_object_ref (self),
        gst_object_unref);
    gst_clock_id_unref (todo->timer);
  }
}

/* Gives what waits its timestamps, as far as the gate is open, and hands it to
 * the src pad's thread. With the lock. */
static void
release (GstAvresync * self, AvPad * pad, Todo * todo)
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
    } else if (self->wait_for_keyframe
        && av_pad_waits_for_keyframe (pad, item, self->latest, &ask)) {
      if (ask)
        todo->ask = g_slist_prepend (todo->ask, gst_object_ref (pad->sinkpad));
      pad->bytes -= av_item_size (item);
      av_item_free (item);
      continue;
    } else {
      GstStructure *news;

      av_pad_stamp (pad, self->sync, item, self->latest);
      news = av_pad_news (pad, self->sync);
      if (news)
        todo->news = g_slist_prepend (todo->news, news);
    }
    g_queue_push_tail (&pad->ready, item);
  }
  g_cond_broadcast (&pad->changed);
}

static void
release_all (GstAvresync * self, Todo * todo)
{
  for (GList * l = self->pads; l; l = l->next)
    release (self, l->data, todo);
}

/* Holds the upstream thread while there is too much. With the lock; FALSE where
 * the pad is flushing. */
static gboolean
wait_for_room (GstAvresync * self, AvPad * pad, Todo * todo)
{
  while (!pad->flushing && pad->flow == GST_FLOW_OK
      && (pad->bytes > MAX_BYTES
          || g_queue_get_length (&pad->waiting)
          + g_queue_get_length (&pad->ready) > MAX_ITEMS)) {
    if (pad->stream && !lockstep_av_stream_is_open (pad->stream)) {
      lockstep_av_stream_open (self->sync, pad->stream, self->latest);
      release (self, pad, todo);
      continue;
    }
    g_cond_wait (&pad->changed, &self->lock);
  }
  return !pad->flushing;
}

/* The src pad's thread. */
static void
gst_avresync_loop (gpointer data)
{
  GstPad *srcpad = data;
  AvPad *pad = gst_pad_get_element_private (srcpad);
  GstAvresync *self = GST_AVRESYNC (pad->element);
  GstMiniObject *object;
  GstFlowReturn flow = GST_FLOW_OK;
  AvItem *item = NULL;

  g_mutex_lock (&self->lock);
  while (!pad->flushing && !(item = g_queue_pop_head (&pad->ready)))
    g_cond_wait (&pad->changed, &self->lock);
  if (item) {
    pad->bytes -= av_item_size (item);
    g_cond_broadcast (&pad->changed);
  }
  g_mutex_unlock (&self->lock);

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
  if (flow != GST_FLOW_OK) {
    /* Upstream learns of it at its next buffer. One that is not linked may be
     * linked later. */
    g_mutex_lock (&self->lock);
    if (flow != GST_FLOW_NOT_LINKED || pad->flushing) {
      pad->flow = flow;
      av_pad_clear (pad);
      gst_pad_pause_task (srcpad);
    }
    g_cond_broadcast (&pad->changed);
    g_mutex_unlock (&self->lock);
  }
}

static void
set_flushing (GstAvresync * self, AvPad * pad, gboolean flushing)
{
  g_mutex_lock (&self->lock);
  pad->flushing = flushing;
  if (flushing)
    av_pad_clear (pad);
  pad->flow = flushing ? GST_FLOW_FLUSHING : GST_FLOW_OK;
  g_cond_broadcast (&pad->changed);
  g_mutex_unlock (&self->lock);
}

static gboolean
gst_avresync_src_activate (GstPad * srcpad, GstObject * parent,
    GstPadMode mode, gboolean active)
{
  AvPad *pad = gst_pad_get_element_private (srcpad);

  if (mode != GST_PAD_MODE_PUSH)
    return FALSE;
  /* Pads are activated before they have a parent. */
  set_flushing (GST_AVRESYNC (pad->element), pad, !active);
  if (active)
    return gst_pad_start_task (srcpad, gst_avresync_loop, srcpad, NULL);
  return gst_pad_stop_task (srcpad);
}

static void
cancel_timer (GstAvresync * self)
{
  if (self->timer) {
    gst_clock_id_unschedule (self->timer);
    gst_clock_id_unref (self->timer);
    self->timer = NULL;
  }
  self->timer_at = -1;
}

static gboolean
gate_over (GstClock * clock, GstClockTime time, GstClockID id, gpointer data)
{
  GstAvresync *self = data;
  Todo todo = { NULL, };

  g_mutex_lock (&self->lock);
  if (self->timer == id) {
    self->latest = MAX (self->latest, self->timer_at);
    gst_clock_id_unref (self->timer);
    self->timer = NULL;
    self->timer_at = -1;
    if (lockstep_av_sync_poll (self->sync, self->latest))
      release_all (self, &todo);
    todo.timer = arm_timer (self);
  }
  g_mutex_unlock (&self->lock);
  do_todo (self, &todo);
  return TRUE;
}

/* A gate must open even if nothing more comes. With the lock; what it returns is
 * to be waited for without. */
static GstClockID
arm_timer (GstAvresync * self)
{
  gint64 deadline = lockstep_av_sync_deadline (self->sync);
  g_autoptr (GstClock) clock = NULL;

  if (deadline == self->timer_at)
    return NULL;
  cancel_timer (self);
  if (deadline < 0 || !self->live || GST_STATE (self) != GST_STATE_PLAYING)
    return NULL;
  clock = gst_element_get_clock (GST_ELEMENT (self));
  if (!clock)
    return NULL;
  self->timer_at = deadline;
  self->timer = gst_clock_new_single_shot_id (clock,
      gst_element_get_base_time (GST_ELEMENT (self)) + deadline);
  return gst_clock_id_ref (self->timer);
}

/* TRUE where the reported latency has to be negotiated again. With the lock. */
static gboolean
update_headroom (GstAvresync * self)
{
  GstClockTime needed = lockstep_av_sync_headroom (self->sync);

  /* Up at once, and never down: a pipeline that waits less again gains nothing
   * that it could not lose at the next change. */
  needed = needed < 2 * GST_MSECOND ? 0
      : (needed + HEADROOM_STEP - 1) / HEADROOM_STEP * HEADROOM_STEP;
  if (needed <= self->headroom)
    return FALSE;
  self->headroom = needed;
  return TRUE;
}

static GstFlowReturn
gst_avresync_chain (GstPad * sinkpad, GstObject * parent, GstBuffer * buffer)
{
  GstAvresync *self = GST_AVRESYNC (parent);
  AvPad *pad = gst_pad_get_element_private (sinkpad);
  gboolean live = is_live (self, pad);
  gint64 now = live ? running_time_now (self) : -1, arrival;
  AvItem *item = g_new0 (AvItem, 1);
  GstFlowReturn flow = GST_FLOW_OK;
  Todo todo = { NULL, };

  item->object = GST_MINI_OBJECT_CAST (buffer);
  g_mutex_lock (&self->lock);
  if (pad->flow != GST_FLOW_OK || !pad->stream) {
    flow = pad->stream ? pad->flow : GST_FLOW_NOT_NEGOTIATED;
    g_mutex_unlock (&self->lock);
    av_item_free (item);
    if (flow == GST_FLOW_NOT_NEGOTIATED)
      GST_ELEMENT_ERROR (self, CORE, NEGOTIATION, (NULL),
          ("%s: no caps, or RTP caps without clock-rate",
              GST_PAD_NAME (sinkpad)));
    return flow;
  }
  item->timed = gst_avresync_input_read (&item->input, buffer, &pad->format,
      &pad->segment, gst_element_get_base_time (GST_ELEMENT (self)));
  if (!item->timed && pad->format.rate) {
    GST_DEBUG_OBJECT (sinkpad, "not an RTP packet");
    pad->malformed++;
    g_mutex_unlock (&self->lock);
    av_item_free (item);
    return GST_FLOW_OK;
  }

  arrival = item->input.arrival >= 0 ? item->input.arrival
      : now >= 0 ? now : item->input.running_time;
  if (arrival < 0)
    arrival = self->latest;
  self->latest = MAX (self->latest, now >= 0 ? now : arrival);
  if (item->timed)
    av_pad_observe (pad, self->sync, item, arrival, self->latest);
  else
    av_pad_queue (pad, item);
  if (lockstep_av_sync_poll (self->sync, self->latest))
    release_all (self, &todo);
  else
    release (self, pad, &todo);
  todo.timer = arm_timer (self);
  todo.latency = update_headroom (self);
  g_mutex_unlock (&self->lock);
  do_todo (self, &todo);

  memset (&todo, 0, sizeof (todo));
  g_mutex_lock (&self->lock);
  if (!wait_for_room (self, pad, &todo))
    flow = GST_FLOW_FLUSHING;
  g_mutex_unlock (&self->lock);
  do_todo (self, &todo);
  return flow;
}

static GstFlowReturn
gst_avresync_chain_rtcp (GstPad * sinkpad, GstObject * parent,
    GstBuffer * buffer)
{
  GstAvresync *self = GST_AVRESYNC (parent);
  LockstepSenderReport report;
  gsize position = 0;
  GstMapInfo map;

  if (gst_buffer_map (buffer, &map, GST_MAP_READ)) {
    g_mutex_lock (&self->lock);
    while (lockstep_rtcp_next_report (map.data, map.size, &position, &report)) {
      for (GList * l = self->pads; l; l = l->next) {
        AvPad *pad = l->data;

        if (pad->stream && pad->has_ssrc && pad->ssrc == report.ssrc)
          lockstep_av_stream_report (self->sync, pad->stream,
              LOCKSTEP_AV_SOURCE_SENDER_REPORT, report.timestamp, report.ntp,
              FALSE, 0);
      }
    }
    g_mutex_unlock (&self->lock);
    gst_buffer_unmap (buffer, &map);
  }
  gst_buffer_unref (buffer);
  return GST_FLOW_OK;
}

/* For callers that do not hold the sink pad's stream lock: the pad may be
 * released meanwhile. Returns: (transfer full): NULL where it was */
static AvPad *
find_pad (GstAvresync * self, GstPad * either)
{
  AvPad *found = NULL;

  g_mutex_lock (&self->lock);
  for (GList * l = self->pads; l && !found; l = l->next) {
    AvPad *pad = l->data;

    if (pad->sinkpad == either || pad->srcpad == either)
      found = av_pad_ref (pad);
  }
  g_mutex_unlock (&self->lock);
  return found;
}

static void
set_caps (GstAvresync * self, AvPad * pad, const GstCaps * caps)
{
  GstAvresyncFormat format;
  Todo todo = { NULL, };

  if (!gst_avresync_format_from_caps (&format, caps)) {
    GST_WARNING_OBJECT (pad->sinkpad, "no clock-rate in %" GST_PTR_FORMAT,
        caps);
    return;
  }
  g_mutex_lock (&self->lock);
  if (pad->stream && (pad->format.media != format.media
          || pad->format.rate != format.rate)) {
    lockstep_av_stream_open (self->sync, pad->stream, self->latest);
    release (self, pad, &todo);
    lockstep_av_sync_remove (self->sync, pad->stream);
    pad->stream = NULL;
  }
  pad->format = format;
  if (!pad->stream) {
    av_pad_restart (pad, self->sync);
    pad->stream = lockstep_av_sync_add (self->sync, format.media, format.rate);
  }
  g_mutex_unlock (&self->lock);
  do_todo (self, &todo);
}

/* Takes an event to its place among the buffers. */
static gboolean
queue_event (GstAvresync * self, AvPad * pad, GstEvent * event)
{
  AvItem *item = g_new0 (AvItem, 1);
  Todo todo = { NULL, };
  gboolean taken;

  item->object = GST_MINI_OBJECT_CAST (event);
  g_mutex_lock (&self->lock);
  taken = !pad->flushing && pad->flow == GST_FLOW_OK;
  if (taken) {
    av_pad_queue (pad, item);
    release (self, pad, &todo);
    wait_for_room (self, pad, &todo);
  }
  g_mutex_unlock (&self->lock);
  if (!taken)
    av_item_free (item);
  do_todo (self, &todo);
  return taken;
}

static gboolean
gst_avresync_sink_event (GstPad * sinkpad, GstObject * parent, GstEvent * event)
{
  GstAvresync *self = GST_AVRESYNC (parent);
  AvPad *pad;

  if (GST_EVENT_TYPE (event) == GST_EVENT_FLUSH_START) {
    gboolean pushed;

    pad = find_pad (self, sinkpad);
    if (!pad) {
      gst_event_unref (event);
      return FALSE;
    }
    pushed = gst_pad_push_event (pad->srcpad, event);
    set_flushing (self, pad, TRUE);
    gst_pad_pause_task (pad->srcpad);
    av_pad_unref (pad);
    return pushed;
  }
  if (!GST_EVENT_IS_SERIALIZED (event))
    return gst_pad_event_default (sinkpad, parent, event);
  pad = gst_pad_get_element_private (sinkpad);
  switch (GST_EVENT_TYPE (event)) {
    case GST_EVENT_FLUSH_STOP:{
      gboolean pushed = gst_pad_push_event (pad->srcpad, event);

      g_mutex_lock (&self->lock);
      av_pad_restart (pad, self->sync);
      pad->segment_sent = FALSE;
      gst_segment_init (&pad->segment, GST_FORMAT_UNDEFINED);
      g_mutex_unlock (&self->lock);
      set_flushing (self, pad, FALSE);
      gst_pad_start_task (pad->srcpad, gst_avresync_loop, pad->srcpad, NULL);
      return pushed;
    }
    case GST_EVENT_CAPS:{
      GstCaps *caps;

      gst_event_parse_caps (event, &caps);
      set_caps (self, pad, caps);
      break;
    }
    case GST_EVENT_SEGMENT:{
      GstSegment segment;
      GstEvent *ours;
      gboolean sent;

      g_mutex_lock (&self->lock);
      gst_event_copy_segment (event, &pad->segment);
      sent = pad->segment_sent;
      pad->segment_sent = TRUE;
      g_mutex_unlock (&self->lock);
      if (sent) {
        gst_event_unref (event);
        return TRUE;
      }
      /* Timestamps leave as running time, whatever they came in. */
      gst_segment_init (&segment, GST_FORMAT_TIME);
      ours = gst_event_new_segment (&segment);
      gst_event_set_seqnum (ours, gst_event_get_seqnum (event));
      gst_event_unref (event);
      event = ours;
      break;
    }
    case GST_EVENT_EOS:
      g_mutex_lock (&self->lock);
      g_queue_clear_full (&pad->held, (GDestroyNotify) av_item_free);
      if (pad->stream)
        lockstep_av_stream_open (self->sync, pad->stream, self->latest);
      g_mutex_unlock (&self->lock);
      break;
    default:
      break;
  }
  return queue_event (self, pad, event);
}

static gboolean
gst_avresync_rtcp_event (GstPad * sinkpad, GstObject * parent, GstEvent * event)
{
  /* Nothing follows from them: media has its own. */
  gst_event_unref (event);
  return TRUE;
}

static gboolean
gst_avresync_src_query (GstPad * srcpad, GstObject * parent, GstQuery * query)
{
  GstAvresync *self = GST_AVRESYNC (parent);
  GstClockTime min, own;
  gboolean live, answered;
  AvPad *pad;

  if (GST_QUERY_TYPE (query) != GST_QUERY_LATENCY)
    return gst_pad_query_default (srcpad, parent, query);
  pad = find_pad (self, srcpad);
  if (!pad)
    return FALSE;
  answered = gst_pad_peer_query (pad->sinkpad, query);
  av_pad_unref (pad);
  if (!answered)
    return FALSE;
  gst_query_parse_latency (query, &live, &min, NULL);
  g_mutex_lock (&self->lock);
  own = self->config.start_gate + self->headroom;
  g_mutex_unlock (&self->lock);
  /* Downstream may hold as much as it likes: there is a queue here. */
  gst_query_set_latency (query, live, min + own, GST_CLOCK_TIME_NONE);
  return TRUE;
}

static gboolean
gst_avresync_sink_query (GstPad * sinkpad, GstObject * parent,
    GstQuery * query)
{
  /* What is asked in line with the buffers would overtake those held. */
  if (GST_QUERY_IS_SERIALIZED (query))
    return FALSE;
  return gst_pad_query_default (sinkpad, parent, query);
}

static GstIterator *
gst_avresync_internal_links (GstPad * either, GstObject * parent)
{
  AvPad *pad = find_pad (GST_AVRESYNC (parent), either);
  GValue value = G_VALUE_INIT;
  GstIterator *iterator;

  if (!pad)
    return NULL;
  g_value_init (&value, GST_TYPE_PAD);
  g_value_set_object (&value, either == pad->sinkpad ? pad->srcpad
      : pad->sinkpad);
  iterator = gst_iterator_new_single (GST_TYPE_PAD, &value);
  g_value_unset (&value);
  av_pad_unref (pad);
  return iterator;
}

static gboolean
has_index (GstAvresync * self, guint index)
{
  for (GList * l = self->pads; l; l = l->next) {
    if (((AvPad *) l->data)->index == index)
      return TRUE;
  }
  return FALSE;
}

static GstPad *
request_rtcp_pad (GstAvresync * self, GstPadTemplate * template,
    const gchar * name)
{
  g_autofree char *own = NULL;
  GstPad *pad;

  g_mutex_lock (&self->lock);
  if (!name)
    name = own = g_strdup_printf ("rtcp_sink_%u", self->next_rtcp);
  self->next_rtcp++;
  g_mutex_unlock (&self->lock);
  pad = gst_pad_new_from_template (template, name);
  gst_pad_set_chain_function (pad, gst_avresync_chain_rtcp);
  gst_pad_set_event_function (pad, gst_avresync_rtcp_event);
  gst_pad_set_iterate_internal_links_function (pad,
      gst_avresync_internal_links);
  gst_pad_set_active (pad, TRUE);
  if (gst_element_add_pad (GST_ELEMENT (self), pad))
    return pad;
  return NULL;
}

static GstPad *
gst_avresync_request_new_pad (GstElement * element, GstPadTemplate * template,
    const gchar * name, const GstCaps * caps)
{
  GstAvresync *self = GST_AVRESYNC (element);
  g_autofree char *sink_name = NULL, *src_name = NULL;
  guint index = 0;
  AvPad *pad;

  if (g_str_has_prefix (GST_PAD_TEMPLATE_NAME_TEMPLATE (template), "rtcp"))
    return request_rtcp_pad (self, template, name);

  g_mutex_lock (&self->lock);
  if (name && sscanf (name, "sink_%u", &index) == 1) {
    if (has_index (self, index)) {
      g_mutex_unlock (&self->lock);
      GST_WARNING_OBJECT (self, "%s exists already", name);
      return NULL;
    }
  } else {
    while (has_index (self, index))
      index++;
  }
  if (g_list_length (self->pads) >= MAX_PADS) {
    g_mutex_unlock (&self->lock);
    GST_WARNING_OBJECT (self, "too many pads");
    return NULL;
  }
  sink_name = g_strdup_printf ("sink_%u", index);
  src_name = g_strdup_printf ("src_%u", index);
  pad = av_pad_new (element, index, gst_pad_new_from_template (template, sink_name),
      gst_pad_new_from_static_template (&src_template, src_name));
  self->pads = g_list_append (self->pads, pad);
  g_mutex_unlock (&self->lock);

  gst_pad_set_element_private (pad->sinkpad, pad);
  gst_pad_set_element_private (pad->srcpad, pad);
  gst_pad_set_chain_function (pad->sinkpad, gst_avresync_chain);
  gst_pad_set_event_function (pad->sinkpad, gst_avresync_sink_event);
  gst_pad_set_query_function (pad->sinkpad, gst_avresync_sink_query);
  gst_pad_set_query_function (pad->srcpad, gst_avresync_src_query);
  gst_pad_set_activatemode_function (pad->srcpad, gst_avresync_src_activate);
  gst_pad_set_iterate_internal_links_function (pad->sinkpad,
      gst_avresync_internal_links);
  gst_pad_set_iterate_internal_links_function (pad->srcpad,
      gst_avresync_internal_links);
  /* Caps are between the neighbours. */
  GST_PAD_SET_PROXY_CAPS (pad->sinkpad);
  GST_PAD_SET_PROXY_CAPS (pad->srcpad);
  gst_pad_set_active (pad->srcpad, TRUE);
  gst_pad_set_active (pad->sinkpad, TRUE);
  gst_element_add_pad (element, pad->srcpad);
  gst_element_add_pad (element, pad->sinkpad);
  return pad->sinkpad;
}

static void
gst_avresync_release_pad (GstElement * element, GstPad * sinkpad)
{
  GstAvresync *self = GST_AVRESYNC (element);
  AvPad *pad = gst_pad_get_element_private (sinkpad);

  if (!pad) {                   /* RTCP */
    gst_pad_set_active (sinkpad, FALSE);
    gst_element_remove_pad (element, sinkpad);
    return;
  }
  /* The src pad first: what waits for room or downstream ends, then the chain. */
  gst_pad_set_active (pad->srcpad, FALSE);
  gst_pad_set_active (sinkpad, FALSE);
  GST_PAD_STREAM_LOCK (sinkpad);
  g_mutex_lock (&self->lock);
  av_pad_clear (pad);
  if (pad->stream)
    lockstep_av_sync_remove (self->sync, pad->stream);
  pad->stream = NULL;
  self->pads = g_list_remove (self->pads, pad);
  g_mutex_unlock (&self->lock);
  GST_PAD_STREAM_UNLOCK (sinkpad);
  gst_element_remove_pad (element, pad->srcpad);
  gst_element_remove_pad (element, sinkpad);
  av_pad_unref (pad);
}

static void
reset (GstAvresync * self)
{
  g_mutex_lock (&self->lock);
  cancel_timer (self);
  for (GList * l = self->pads; l; l = l->next) {
    AvPad *pad = l->data;

    av_pad_restart (pad, self->sync);
    pad->stream = NULL;         /* freed with the rest, below */
    pad->segment_sent = FALSE;
    gst_segment_init (&pad->segment, GST_FORMAT_UNDEFINED);
  }
  lockstep_av_sync_free (self->sync);
  self->sync = lockstep_av_sync_new (&self->config);
  self->liveness_known = FALSE;
  self->latest = 0;
  self->headroom = 0;
  g_mutex_unlock (&self->lock);
}

static GstStateChangeReturn
gst_avresync_change_state (GstElement * element, GstStateChange transition)
{
  GstAvresync *self = GST_AVRESYNC (element);
  GstStateChangeReturn ret;

  if (transition == GST_STATE_CHANGE_PLAYING_TO_PAUSED
      || transition == GST_STATE_CHANGE_PAUSED_TO_READY) {
    g_mutex_lock (&self->lock);
    cancel_timer (self);
    g_mutex_unlock (&self->lock);
  }
  ret = GST_ELEMENT_CLASS (parent_class)->change_state (element, transition);
  if (transition == GST_STATE_CHANGE_PAUSED_TO_READY)
    reset (self);
  return ret;
}

static void
gst_avresync_set_property (GObject * object, guint id, const GValue * value,
    GParamSpec * pspec)
{
  GstAvresync *self = GST_AVRESYNC (object);

  g_mutex_lock (&self->lock);
  switch (id) {
    case PROP_MAX_SLEW:
      self->config.max_slew = g_value_get_uint64 (value);
      break;
    case PROP_DEAD_BAND:
      self->config.dead_band = g_value_get_uint64 (value);
      break;
    case PROP_START_GATE:
      self->config.start_gate = g_value_get_uint64 (value);
      break;
    case PROP_VIDEO_OFFSET:
      self->config.video_offset = g_value_get_int64 (value);
      break;
    case PROP_WAIT_FOR_KEYFRAME:
      self->wait_for_keyframe = g_value_get_boolean (value);
      break;
    default:
      G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, pspec);
      break;
  }
  lockstep_av_sync_set_config (self->sync, &self->config);
  g_mutex_unlock (&self->lock);
}

static void
gst_avresync_get_property (GObject * object, guint id, GValue * value,
    GParamSpec * pspec)
{
  GstAvresync *self = GST_AVRESYNC (object);

  g_mutex_lock (&self->lock);
  switch (id) {
    case PROP_MAX_SLEW:
      g_value_set_uint64 (value, self->config.max_slew);
      break;
    case PROP_DEAD_BAND:
      g_value_set_uint64 (value, self->config.dead_band);
      break;
    case PROP_START_GATE:
      g_value_set_uint64 (value, self->config.start_gate);
      break;
    case PROP_VIDEO_OFFSET:
      g_value_set_int64 (value, self->config.video_offset);
      break;
    case PROP_WAIT_FOR_KEYFRAME:
      g_value_set_boolean (value, self->wait_for_keyframe);
      break;
    case PROP_STATS:
      g_value_take_boxed (value, get_stats (self));
      break;
    default:
      G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, pspec);
      break;
  }
  g_mutex_unlock (&self->lock);
}

static void
gst_avresync_finalize (GObject * object)
{
  GstAvresync *self = GST_AVRESYNC (object);

  g_list_free_full (self->pads, (GDestroyNotify) av_pad_unref);
  lockstep_av_sync_free (self->sync);
  g_mutex_clear (&self->lock);
  G_OBJECT_CLASS (parent_class)->finalize (object);
}

static void
gst_avresync_class_init (GstAvresyncClass * klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);
  GstElementClass *element_class = GST_ELEMENT_CLASS (klass);

  GST_DEBUG_CATEGORY_INIT (avresync_debug, "avresync", 0, "lip-sync");
  object_class->set_property = gst_avresync_set_property;
  object_class->get_property = gst_avresync_get_property;
  object_class->finalize = gst_avresync_finalize;
  element_class->request_new_pad = gst_avresync_request_new_pad;
  element_class->release_pad = gst_avresync_release_pad;
  element_class->change_state = gst_avresync_change_state;

  g_object_class_install_property (object_class, PROP_MAX_SLEW,
      g_param_spec_uint64 ("max-slew", "Maximum slew",
          "Fastest correction of video, in nanoseconds a second; more while the "
          "error is beyond 45 ms and in the first seconds of a stream", 0,
          GST_SECOND / 4, DEFAULT_MAX_SLEW,
          G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS
          | GST_PARAM_MUTABLE_PLAYING));
  g_object_class_install_property (object_class, PROP_DEAD_BAND,
      g_param_spec_uint64 ("dead-band", "Dead band",
          "Error that is left alone, in nanoseconds", 0, GST_SECOND,
          DEFAULT_DEAD_BAND, G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS
          | GST_PARAM_MUTABLE_PLAYING));
  g_object_class_install_property (object_class, PROP_START_GATE,
      g_param_spec_uint64 ("start-gate", "Start gate",
          "How long a stream's first buffers are held to be compared, in "
          "nanoseconds", 0, MAX_START_GATE, DEFAULT_START_GATE,
          G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS
          | GST_PARAM_MUTABLE_READY));
  g_object_class_install_property (object_class, PROP_VIDEO_OFFSET,
      g_param_spec_int64 ("video-offset", "Video offset",
          "What arrival times cannot show of the sender's delays, in "
          "nanoseconds: positive shows video later. Reports replace it",
          -(gint64) MAX_OFFSET, MAX_OFFSET, DEFAULT_VIDEO_OFFSET,
          G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS
          | GST_PARAM_MUTABLE_PLAYING));
  g_object_class_install_property (object_class, PROP_WAIT_FOR_KEYFRAME,
      g_param_spec_boolean ("wait-for-keyframe", "Wait for keyframe",
          "Begin video with a keyframe, asking for one, for up to 5 s",
          DEFAULT_WAIT_FOR_KEYFRAME, G_PARAM_READWRITE
          | G_PARAM_STATIC_STRINGS));
  g_object_class_install_property (object_class, PROP_STATS,
      g_param_spec_boxed ("stats", "Statistics",
          "What is known of each stream", GST_TYPE_STRUCTURE,
          G_PARAM_READABLE | G_PARAM_STATIC_STRINGS));

  gst_element_class_add_static_pad_template (element_class, &sink_template);
  gst_element_class_add_static_pad_template (element_class, &src_template);
  gst_element_class_add_static_pad_template (element_class, &rtcp_template);
  gst_element_class_set_static_metadata (element_class, "A/V resynchronizer",
      "Filter/Network/RTP",
      "Puts sound and picture of one sender on one timeline, with or without "
      "RTCP", "The Lockstep authors");
}

static void
gst_avresync_init (GstAvresync * self)
{
  g_mutex_init (&self->lock);
  self->config.max_slew = DEFAULT_MAX_SLEW;
  self->config.dead_band = DEFAULT_DEAD_BAND;
  self->config.start_gate = DEFAULT_START_GATE;
  self->config.video_offset = DEFAULT_VIDEO_OFFSET;
  self->wait_for_keyframe = DEFAULT_WAIT_FOR_KEYFRAME;
  self->sync = lockstep_av_sync_new (&self->config);
  self->timer_at = -1;
}
