/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* latencybuffer: pads, what comes in, and states. What is released when is
 * gst/lockstep/playout.c's. */

/**
 * SECTION:element-latencybuffer
 * @title: latencybuffer
 *
 * Holds every RTP packet to one bound: a packet whose media time is t on the
 * receiver's clock leaves the source pad at t + #GstLatencyBuffer:latency. A
 * packet that comes in time is held for what is left of the bound, one that
 * comes exactly at its end passes at once, and a later one is dropped (or passed, see
 * #GstLatencyBuffer:late-policy). No packet, however late, moves the timeline:
 * the time base is the least transit of the last ten seconds, follows the drift
 * of the sender's clock, and is otherwise only slewed. Where the sender starts
 * anew (another SSRC, clock rate, or a jump in sequence or timestamps that
 * several packets in sequence confirm), a new time base begins with a buffer
 * marked DISCONT and RESYNC. While an SSRC sends, no other takes its place: that follows once
 * it is silent for twice its longest pause, 0.1 s to 1 s, with all that the new one has sent.
 *
 * The element takes rtpjitterbuffer's place, also inside rtpbin and webrtcbin (connect
 * rtpbin's request-jitterbuffer signal), and has its pads, properties, signals
 * and statistics. Packets of one RTP timestamp leave as one buffer list. Every buffer carries
 * its arrival as a #GstReferenceTimestampMeta of timestamp/x-lockstep-arrival
 * (time of the pipeline's clock), and of timestamp/x-ntp once a sender report has come.
 *
 * With #GstLatencyBuffer:adaptive the bound follows the arrivals between
 * #GstLatencyBuffer:min-latency and #GstLatencyBuffer:max-latency. Timestamps do
 * not depend on the bound, only the time of release does. The LATENCY query then
 * answers max-latency.
 *
 * ## Inside rtpbin and webrtcbin
 * How soon a retransmission request goes out is up to rtpsession, which by default gives
 * RTCP 5 % of a media rate that it does not know in the first two seconds:
 * requests then wait for most of a second. Set rtcp-fraction of its internal-session, in
 * bit/s, to some 200000. Forward error correction begins when the buffer says that a packet is
 * lost, which is after the bound: size-time of rtpstorage must be well above it
 * (webrtcbin sets its own latency and 50 ms; rtpbin has a new-storage signal).
 *
 * ## Example launch line
 * |[
 * gst-launch-1.0 audiotestsrc is-live=true num-buffers=50 ! opusenc ! rtpopuspay ! latencybuffer latency=100 ! rtpopusdepay ! opusdec ! fakesink sync=true
 * ]| Opus over RTP, each packet held for 100 ms.
 */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include "gstlatencybuffer.h"

#include <gst/rtp/gstrtpbuffer.h>

#include <gst/lockstep/metas.h>
#include <gst/lockstep/rtpheader.h>

GST_DEBUG_CATEGORY (latency_buffer_debug);
#define GST_CAT_DEFAULT latency_buffer_debug

/* How long a payload type that nobody knew is not asked for again. */
#define UNKNOWN_PAYLOAD_WAIT ((gint64) GST_SECOND)
/* Events that wait in the queue: beyond it those that are not sticky are dropped. */
#define MAX_EVENTS 1000

guint gst_latency_buffer_signals[LAST_SIGNAL];

static GstStaticPadTemplate sink_template = GST_STATIC_PAD_TEMPLATE ("sink",
    GST_PAD_SINK, GST_PAD_ALWAYS, GST_STATIC_CAPS ("application/x-rtp"));
static GstStaticPadTemplate rtcp_template =
GST_STATIC_PAD_TEMPLATE ("sink_rtcp",
    GST_PAD_SINK, GST_PAD_REQUEST, GST_STATIC_CAPS ("application/x-rtcp"));
static GstStaticPadTemplate src_template = GST_STATIC_PAD_TEMPLATE ("src",
    GST_PAD_SRC, GST_PAD_ALWAYS, GST_STATIC_CAPS ("application/x-rtp"));

G_DEFINE_FINAL_TYPE (GstLatencyBuffer, gst_latency_buffer, GST_TYPE_ELEMENT);

/* With the lock: the source pad's thread looks anew what is next. */
void
gst_latency_buffer_wake (GstLatencyBuffer * self)
{
  if (self->waiting)
    gst_clock_id_unschedule (self->clock_id);
  else
    g_cond_signal (&self->cond);
}

static void
wake_if_earlier (GstLatencyBuffer * self)
{
  if (lockstep_playout_next_time (self->playout) < self->waiting_until)
    gst_latency_buffer_wake (self);
}

/* --- what comes in --- */

static void
take_caps (GstLatencyBuffer * self, const GstCaps * caps)
{
  const GstStructure *s = gst_caps_get_structure (caps, 0);
  gint rate = 0, payload = -1;
  guint clock_base;

  gst_structure_get_int (s, "clock-rate", &rate);
  gst_structure_get_int (s, "payload", &payload);
  g_mutex_lock (&self->lock);
  if (rate > 0 && payload >= 0 && payload < 128) {
    self->rates[payload] = (guint) rate;
  } else if (rate > 0) {
    self->caps_rate = (guint) rate;
    memset (self->rates, 0, sizeof (self->rates));
  }
  if (gst_structure_get_uint (s, "clock-base", &clock_base))
    self->clock_base = clock_base;
  g_mutex_unlock (&self->lock);
  gst_latency_buffer_take_cname (self, s);
}

/* The clock rate of a payload type: of the caps, else whatever request-pt-map
 * knows. With the lock, which it may let go of meanwhile. */
static guint
clock_rate (GstLatencyBuffer * self, guint8 payload, gint64 arrival)
{
  GstCaps *caps = NULL;
  guint rate = self->rates[payload], caps_rate = self->caps_rate;

  if (G_LIKELY (rate > 0) || arrival < self->unknown_until[payload])
    return rate;

  g_mutex_unlock (&self->lock);
  if (caps_rate == 0) {
    g_signal_emit (self, gst_latency_buffer_signals[SIGNAL_REQUEST_PT_MAP], 0,
        (guint) payload, &caps);
    if (caps != NULL && !gst_caps_is_empty (caps) && !gst_caps_is_any (caps)) {
      gint value = 0;

      gst_structure_get_int (gst_caps_get_structure (caps, 0), "clock-rate",
          &value);
      rate = (guint) MAX (value, 0);
      gst_latency_buffer_take_cname (self, gst_caps_get_structure (caps, 0));
    }
    gst_clear_caps (&caps);
  } else {
    rate = caps_rate;
  }
  g_mutex_lock (&self->lock);
  self->rates[payload] = rate;
  if (rate == 0)
    self->unknown_until[payload] = arrival + UNKNOWN_PAYLOAD_WAIT;
  return rate;
}

void
gst_latency_buffer_clear_pt_map (GstLatencyBuffer * self)
{
  g_mutex_lock (&self->lock);
  memset (self->rates, 0, sizeof (self->rates));
  memset (self->unknown_until, 0, sizeof (self->unknown_until));
  g_mutex_unlock (&self->lock);
}

/* When the packet came, in running time: as its source stamped it, else now. */
static gint64
arrival_time (GstLatencyBuffer * self, GstBuffer * buffer)
{
  GstClockTime at = GST_BUFFER_DTS_OR_PTS (buffer);

  if (GST_CLOCK_TIME_IS_VALID (at)
      && self->in_segment.format == GST_FORMAT_TIME) {
    /* without a lock: only the streaming thread changes the input segment */
    at = gst_segment_to_running_time (&self->in_segment, GST_FORMAT_TIME, at);
    if (GST_CLOCK_TIME_IS_VALID (at) && at < G_MAXINT64 / 4)
      return (gint64) at;
  }
  return MAX (gst_latency_buffer_running_time (self), 0);
}

static gboolean
parse (GstBuffer * buffer, LockstepRtpHeader * header, guint32 * size)
{
  GstMapInfo map;
  gboolean ok;

  if (!gst_buffer_map (buffer, &map, GST_MAP_READ))
    return FALSE;
  ok = lockstep_rtp_header_parse (map.data, map.size, header);
  *size = (guint32) map.size;
  gst_buffer_unmap (buffer, &map);
  return ok;
}

static GstMessage *
drop_message (GstLatencyBuffer * self, guint16 seq, gint64 arrival)
{
  GstMessage *message;

  self->dropped_late++;
  if (!self->post_drop_messages || (self->drop_message_at >= 0
          && arrival - self->drop_message_at <
          self->drop_messages_interval * (gint64) GST_MSECOND))
    return NULL;
  message = gst_message_new_element (GST_OBJECT_CAST (self),
      gst_structure_new ("drop-msg",
          "seqnum", G_TYPE_UINT, (guint) seq,
          "timestamp", GST_TYPE_CLOCK_TIME, (guint64) arrival,
          "reason", G_TYPE_STRING, "too-late",
          "num-too-late", G_TYPE_UINT, self->dropped_late,
          "num-drop-on-latency", G_TYPE_UINT, 0, NULL));
  self->drop_message_at = arrival;
  self->dropped_late = 0;
  return message;
}

static GstFlowReturn
gst_latency_buffer_chain (GstPad * pad, GstObject * parent, GstBuffer * buffer)
{
  GstLatencyBuffer *self = GST_LATENCY_BUFFER (parent);
  LockstepRtpHeader header;
  LockstepRtpPacket packet;
  LockstepVerdict verdict;
  GstEvent *requests[GST_LATENCY_BUFFER_REQUESTS];
  GstMessage *message = NULL;
  gboolean pending = FALSE;
  guint n = 0;
  guint32 size;
  guint64 resets;
  GstFlowReturn ret;

  if (G_UNLIKELY (!parse (buffer, &header, &size))) {
    GST_DEBUG_OBJECT (self, "dropping what is no RTP packet");
    g_mutex_lock (&self->lock);
    self->invalid++;
    g_mutex_unlock (&self->lock);
    gst_buffer_unref (buffer);
    return GST_FLOW_OK;
  }
  packet = (LockstepRtpPacket) {
  .payload_type = header.payload_type,.seq = header.seq,.timestamp =
        header.timestamp,.ssrc = header.ssrc,.retransmitted =
        GST_BUFFER_FLAG_IS_SET (buffer,
        GST_RTP_BUFFER_FLAG_RETRANSMISSION),.arrival =
        arrival_time (self, buffer),.size =
        (guint32) gst_buffer_get_size (buffer),.payload = buffer,};

  g_mutex_lock (&self->lock);
  packet.clock_rate = clock_rate (self, header.payload_type, packet.arrival);
  if (self->srcresult != GST_FLOW_OK || self->eos)
    goto refuse;
  if (G_UNLIKELY (packet.clock_rate == 0)) {
    GST_DEBUG_OBJECT (self, "dropping payload type %u: no clock rate known",
        header.payload_type);
    self->unknown_payload++;
    goto refuse;
  }
  self->newest_arrival = MAX (self->newest_arrival, packet.arrival);
  resets = self->playout->stats.resets;
  verdict = lockstep_playout_push (self->playout, &packet);
  if (G_UNLIKELY (resets != self->playout->stats.resets)) {
    GST_INFO_OBJECT (self, "new time base at #%u: %s (%" GST_STIME_FORMAT
        " from where the old one puts it)", header.seq,
        self->playout->reset_cause, GST_STIME_ARGS (self->playout->reset_by));
    self->report.valid = FALSE;
  }
  if (verdict == LOCKSTEP_VERDICT_LATE)
    message = drop_message (self, header.seq, packet.arrival);
  if (self->playout->do_rtx)
    n = gst_latency_buffer_due_requests (self, packet.arrival, requests);
  pending = self->report.pending != NULL;
  wake_if_earlier (self);
  ret = self->srcresult;
  g_mutex_unlock (&self->lock);

  for (guint i = 0; i < n; i++)
    gst_pad_push_event (self->sinkpad, requests[i]);
  if (message != NULL)
    gst_element_post_message (GST_ELEMENT_CAST (self), message);
  if (G_UNLIKELY (pending))
    gst_latency_buffer_signal_pending (self);
  return ret;

refuse:
  ret = self->eos ? GST_FLOW_EOS : self->srcresult;
  g_mutex_unlock (&self->lock);
  gst_buffer_unref (buffer);
  return ret;
}

static void
queue_event (GstLatencyBuffer * self, GstEvent * event, gint64 pts)
{
  g_mutex_lock (&self->lock);
  if (self->flushing || (!GST_EVENT_IS_STICKY (event)
          && self->playout->queue.length - self->playout->queue.packets >=
          MAX_EVENTS)) {
    gst_event_unref (event);
  } else {
    lockstep_playout_push_event (self->playout, event, pts);
    wake_if_earlier (self);
  }
  g_mutex_unlock (&self->lock);
}

static void
start_flush (GstLatencyBuffer * self)
{
  g_mutex_lock (&self->lock);
  self->flushing = TRUE;
  self->srcresult = GST_FLOW_FLUSHING;
  gst_latency_buffer_wake (self);
  g_mutex_unlock (&self->lock);
}

static void
stop_flush (GstLatencyBuffer * self)
{
  g_mutex_lock (&self->lock);
  lockstep_playout_flush (self->playout);
  gst_segment_init (&self->in_segment, GST_FORMAT_UNDEFINED);
  gst_segment_init (&self->out_segment, GST_FORMAT_TIME);
  self->flushing = self->eos = FALSE;
  self->srcresult = GST_FLOW_OK;
  self->passed = self->newest_arrival = G_MININT64;
  self->last_out = -1;
  self->report.valid = FALSE;
  gst_clear_buffer (&self->report.pending);
  self->report.signalled = GST_CLOCK_TIME_NONE;
  self->drop_message_at = -1;
  g_mutex_unlock (&self->lock);
}

static gboolean
gst_latency_buffer_sink_event (GstPad * pad, GstObject * parent,
    GstEvent * event)
{
  GstLatencyBuffer *self = GST_LATENCY_BUFFER (parent);
  gint64 pts = LOCKSTEP_PLAYOUT_NEVER;

  switch (GST_EVENT_TYPE (event)) {
    case GST_EVENT_FLUSH_START:
      gst_pad_push_event (self->srcpad, event);
      start_flush (self);
      gst_pad_pause_task (self->srcpad);
      return TRUE;
    case GST_EVENT_FLUSH_STOP:
      gst_pad_push_event (self->srcpad, event);
      stop_flush (self);
      return gst_pad_start_task (self->srcpad,
          (GstTaskFunction) gst_latency_buffer_loop, self->srcpad, NULL);
    case GST_EVENT_CAPS:{
      GstCaps *caps;

      gst_event_parse_caps (event, &caps);
      take_caps (self, caps);
      break;
    }
    case GST_EVENT_SEGMENT:{
      const GstSegment *segment;

      gst_event_parse_segment (event, &segment);
      gst_segment_copy_into (segment, &self->in_segment);
      if (segment->format != GST_FORMAT_TIME) {
        /* arrivals come from the clock then; what goes out is in time */
        GstSegment time;

        gst_segment_init (&time, GST_FORMAT_TIME);
        gst_event_unref (event);
        event = gst_event_new_segment (&time);
      }
      break;
    }
    case GST_EVENT_GAP:{
      GstClockTime at;

      gst_event_parse_gap (event, &at, NULL);
      if (self->in_segment.format == GST_FORMAT_TIME)
        at = gst_segment_to_running_time (&self->in_segment, GST_FORMAT_TIME,
            at);
      if (GST_CLOCK_TIME_IS_VALID (at) && at < G_MAXINT64 / 4)
        pts = (gint64) at;
      break;
    }
    case GST_EVENT_STREAM_START:
      g_mutex_lock (&self->lock);
      self->eos = FALSE;
      g_mutex_unlock (&self->lock);
      break;
    case GST_EVENT_EOS:
      queue_event (self, event, pts);
      g_mutex_lock (&self->lock);
      self->eos = TRUE;
      g_mutex_unlock (&self->lock);
      return TRUE;
    default:
      if (!GST_EVENT_IS_SERIALIZED (event))
        return gst_pad_push_event (self->srcpad, event);
      break;
  }
  queue_event (self, event, pts);
  return TRUE;
}

static gboolean
gst_latency_buffer_rtcp_event (GstPad * pad, GstObject * parent,
    GstEvent * event)
{
  /* the RTCP stream ends here: none of its events concerns the packets */
  gst_event_unref (event);
  return TRUE;
}

static gboolean
gst_latency_buffer_src_query (GstPad * pad, GstObject * parent,
    GstQuery * query)
{
  GstLatencyBuffer *self = GST_LATENCY_BUFFER (parent);
  GstClockTime min, max;
  gint64 bound;

  if (GST_QUERY_TYPE (query) != GST_QUERY_LATENCY)
    return gst_pad_query_default (pad, parent, query);
  if (!gst_pad_peer_query (self->sinkpad, query))
    return FALSE;
  gst_query_parse_latency (query, NULL, &min, &max);
  g_mutex_lock (&self->lock);
  bound = self->playout->adaptive ? self->playout->target.max :
      self->playout->latency;
  g_mutex_unlock (&self->lock);
  /* what comes in early waits here, so there is no upper limit */
  gst_query_set_latency (query, TRUE, min + (GstClockTime) bound,
      GST_CLOCK_TIME_NONE);
  return TRUE;
}

static gboolean
gst_latency_buffer_sink_query (GstPad * pad, GstObject * parent,
    GstQuery * query)
{
  /* An answer would have to wait for the packets that are held, and with it
   * the thread that receives. Nothing about RTP needs one. */
  if (GST_QUERY_IS_SERIALIZED (query))
    return FALSE;
  return gst_pad_query_default (pad, parent, query);
}

/* --- states --- */

guint64
gst_latency_buffer_set_active (GstLatencyBuffer * self, gboolean active,
    guint64 offset)
{
  guint64 last;

  g_mutex_lock (&self->lock);
  self->inactive = !active;
  last = (guint64) self->last_out;
  gst_latency_buffer_wake (self);
  g_mutex_unlock (&self->lock);
  return last;
}

static gboolean
gst_latency_buffer_activate_src (GstPad * pad, GstObject * parent,
    GstPadMode mode, gboolean active)
{
  GstLatencyBuffer *self = GST_LATENCY_BUFFER (parent);

  if (mode != GST_PAD_MODE_PUSH)
    return FALSE;
  if (active) {
    stop_flush (self);
    return gst_pad_start_task (pad, (GstTaskFunction) gst_latency_buffer_loop,
        pad, NULL);
  }
  start_flush (self);
  return gst_pad_stop_task (pad);
}

static GstStateChangeReturn
gst_latency_buffer_change_state (GstElement * element, GstStateChange change)
{
  GstLatencyBuffer *self = GST_LATENCY_BUFFER (element);
  GstStateChangeReturn ret;

  if (change == GST_STATE_CHANGE_READY_TO_PAUSED
      || change == GST_STATE_CHANGE_PLAYING_TO_PAUSED
      || change == GST_STATE_CHANGE_PAUSED_TO_PLAYING) {
    g_mutex_lock (&self->lock);
    if (change == GST_STATE_CHANGE_READY_TO_PAUSED) {
      gst_clear_caps (&self->arrival_caps);
      gst_clear_caps (&self->ntp_caps);
      self->arrival_caps = gst_caps_from_string (LOCKSTEP_META_ARRIVAL);
      self->ntp_caps = gst_caps_from_string (LOCKSTEP_META_NTP);
      self->inactive = FALSE;
    }
    self->blocked = change != GST_STATE_CHANGE_PAUSED_TO_PLAYING;
    /* the base time is another one after a pause */
    self->passed = G_MININT64;
    gst_latency_buffer_wake (self);
    g_mutex_unlock (&self->lock);
  }
  ret = GST_ELEMENT_CLASS (gst_latency_buffer_parent_class)->change_state
      (element, change);
  if (ret == GST_STATE_CHANGE_FAILURE)
    return ret;
  if (change == GST_STATE_CHANGE_READY_TO_PAUSED
      || change == GST_STATE_CHANGE_PLAYING_TO_PAUSED)
    return GST_STATE_CHANGE_NO_PREROLL;
  if (change == GST_STATE_CHANGE_PAUSED_TO_READY) {
    stop_flush (self);
    gst_latency_buffer_clear_pt_map (self);
    g_mutex_lock (&self->lock);
    self->srcresult = GST_FLOW_FLUSHING;
    self->caps_rate = 0;
    self->clock_base = G_MAXUINT64;
    g_clear_pointer (&self->report.cname, g_free);
    if (self->clock_id != NULL)
      gst_clock_id_unref (g_steal_pointer (&self->clock_id));
    g_mutex_unlock (&self->lock);
  }
  return ret;
}

static GstPad *
gst_latency_buffer_request_new_pad (GstElement * element,
    GstPadTemplate * template, const gchar * name, const GstCaps * caps)
{
  GstLatencyBuffer *self = GST_LATENCY_BUFFER (element);
  GstPad *pad;

  GST_OBJECT_LOCK (self);
  if (self->rtcpsinkpad != NULL) {
    GST_OBJECT_UNLOCK (self);
    GST_WARNING_OBJECT (self, "there is a sink_rtcp pad already");
    return NULL;
  }
  pad = self->rtcpsinkpad = gst_pad_new_from_static_template (&rtcp_template,
      "sink_rtcp");
  GST_OBJECT_UNLOCK (self);
  gst_pad_set_chain_function (pad, gst_latency_buffer_chain_rtcp);
  gst_pad_set_event_function (pad, gst_latency_buffer_rtcp_event);
  gst_pad_set_active (pad, TRUE);
  gst_element_add_pad (element, pad);
  return pad;
}

static void
gst_latency_buffer_release_pad (GstElement * element, GstPad * pad)
{
  GstLatencyBuffer *self = GST_LATENCY_BUFFER (element);

  GST_OBJECT_LOCK (self);
  if (pad == self->rtcpsinkpad)
    self->rtcpsinkpad = NULL;
  GST_OBJECT_UNLOCK (self);
  gst_pad_set_active (pad, FALSE);
  gst_element_remove_pad (element, pad);
}

/* Whether the clock is Linux' monotonic one as it is, as in nearly every pipeline:
 * then the condition can be waited on with the time, which costs a fifth of a
 * clock's wait and comes up once a packet. */
static gboolean
is_monotonic (GstClock * clock)
{
#ifdef __linux__
  GstClockType type;

  if (clock == NULL || G_OBJECT_TYPE (clock) != GST_TYPE_SYSTEM_CLOCK)
    return FALSE;
  g_object_get (clock, "clock-type", &type, NULL);
  return type == GST_CLOCK_TYPE_MONOTONIC;
#else
  return FALSE;
#endif
}

/* The bin may lend another clock while the element plays. */
static gboolean
gst_latency_buffer_set_clock (GstElement * element, GstClock * clock)
{
  GstLatencyBuffer *self = GST_LATENCY_BUFFER (element);
  gboolean ret = GST_ELEMENT_CLASS
      (gst_latency_buffer_parent_class)->set_clock (element, clock);

  g_mutex_lock (&self->lock);
  gst_object_replace ((GstObject **) & self->clock, GST_OBJECT_CAST (clock));
  self->clock_changed = TRUE;
  self->clock_is_monotonic = is_monotonic (clock);
  self->passed = G_MININT64;
  gst_latency_buffer_wake (self);
  g_mutex_unlock (&self->lock);
  return ret;
}

static void
gst_latency_buffer_finalize (GObject * object)
{
  GstLatencyBuffer *self = GST_LATENCY_BUFFER (object);

  lockstep_playout_clear (self->playout);
  g_free (self->playout);
  gst_clear_caps (&self->arrival_caps);
  gst_clear_caps (&self->ntp_caps);
  gst_clear_buffer (&self->report.pending);
  gst_clear_object (&self->clock);
  g_free (self->report.cname);
  if (self->clock_id != NULL)
    gst_clock_id_unref (self->clock_id);
  g_mutex_clear (&self->lock);
  g_cond_clear (&self->cond);
  G_OBJECT_CLASS (gst_latency_buffer_parent_class)->finalize (object);
}

static void
gst_latency_buffer_class_init (GstLatencyBufferClass * klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);
  GstElementClass *element_class = GST_ELEMENT_CLASS (klass);

  GST_DEBUG_CATEGORY_INIT (latency_buffer_debug, "latencybuffer", 0,
      "RTP jitter buffer that holds every packet to one bound");
  object_class->finalize = gst_latency_buffer_finalize;
  element_class->change_state = gst_latency_buffer_change_state;
  element_class->request_new_pad = gst_latency_buffer_request_new_pad;
  element_class->release_pad = gst_latency_buffer_release_pad;
  element_class->set_clock = gst_latency_buffer_set_clock;
  gst_element_class_add_static_pad_template (element_class, &sink_template);
  gst_element_class_add_static_pad_template (element_class, &rtcp_template);
  gst_element_class_add_static_pad_template (element_class, &src_template);
  gst_element_class_set_static_metadata (element_class,
      "RTP latency buffer", "Filter/Network/RTP",
      "Holds every packet to one bound and never moves the timeline",
      "The Lockstep authors");
  gst_latency_buffer_install_properties (object_class);
}

static void
gst_latency_buffer_init (GstLatencyBuffer * self)
{
  g_mutex_init (&self->lock);
  g_cond_init (&self->cond);
  self->playout = g_new (LockstepPlayout, 1);
  lockstep_playout_init (self->playout, (GDestroyNotify) gst_mini_object_unref);
  stop_flush (self);
  self->srcresult = GST_FLOW_FLUSHING;
  self->blocked = TRUE;
  self->waiting_until = G_MININT64;
  self->clock_base = G_MAXUINT64;
  self->mode = GST_LATENCY_BUFFER_MODE_SLAVE;
  self->max_rtcp_rtp_time_diff = 1000;
  self->drop_messages_interval = 200;
  self->rtx_delay_reorder = 3;

  self->sinkpad = gst_pad_new_from_static_template (&sink_template, "sink");
  gst_pad_set_chain_function (self->sinkpad, gst_latency_buffer_chain);
  gst_pad_set_event_function (self->sinkpad, gst_latency_buffer_sink_event);
  gst_pad_set_query_function (self->sinkpad, gst_latency_buffer_sink_query);
  GST_PAD_SET_PROXY_CAPS (self->sinkpad);
  gst_element_add_pad (GST_ELEMENT (self), self->sinkpad);

  self->srcpad = gst_pad_new_from_static_template (&src_template, "src");
  gst_pad_set_query_function (self->srcpad, gst_latency_buffer_src_query);
  gst_pad_set_activatemode_function (self->srcpad,
      gst_latency_buffer_activate_src);
  GST_PAD_SET_PROXY_CAPS (self->srcpad);
  gst_element_add_pad (GST_ELEMENT (self), self->srcpad);
}
