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
 * Where a sender's reports agree with each other and are wrong all the same,
 * #GstAvresync:best-source leaves them out.
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
 * gst-launch-1.0 avresync name=sync audiotestsrc is-live=true num-buffers=50 ! opusenc ! rtpopuspay ! sync.sink_0 videotestsrc is-live=true num-buffers=30 ! vp8enc deadline=1 ! rtpvp8pay ! sync.sink_1 sync.src_0 ! rtpopusdepay ! opusdec ! fakesink sync=true sync.src_1 ! rtpvp8depay ! vp8dec ! fakesink sync=true
 * ]| A second of sound and picture, through RTP and back onto one timeline.
 * |[
 * gst-launch-1.0 avresync name=sync udpsrc port=5004 caps="application/x-rtp,media=audio,clock-rate=48000,encoding-name=OPUS" ! sync.sink_0 udpsrc port=5006 caps="application/x-rtp,media=video,clock-rate=90000,encoding-name=H264" ! sync.sink_1 sync.src_0 ! rtpopusdepay ! opusdec plc=true ! autoaudiosink sync.src_1 ! rtph264depay ! avdec_h264 ! autovideosink
 * ]| Plays an SFU's forwarded RTP, which comes without RTCP.
 * |[
 * gst-launch-1.0 avresync name=sync webrtcbin name=webrtc rtpbin::add-reference-timestamp-meta=true webrtc. ! application/x-rtp,media=audio ! sync.sink_0 webrtc. ! application/x-rtp,media=video ! sync.sink_1 sync.src_0 ! rtpopusdepay ! opusdec plc=true ! fakesink sync.src_1 ! rtph264depay ! h264parse ! fakesink
 * ]| As an application would write it that does the signalling for webrtcbin.
 */
#include "config.h"

#include "gstavresync.h"
#include "gstavresynccore.h"

#include <stdio.h>

GST_DEBUG_CATEGORY (avresync_debug);
#define GST_CAT_DEFAULT avresync_debug

#define DEFAULT_MAX_SLEW (5 * GST_MSECOND)
#define DEFAULT_DEAD_BAND (1 * GST_MSECOND)
#define DEFAULT_START_GATE (300 * GST_MSECOND)
#define DEFAULT_VIDEO_OFFSET 0
#define DEFAULT_WAIT_FOR_KEYFRAME TRUE
#define DEFAULT_BEST_SOURCE LOCKSTEP_AV_SOURCE_CAPTURE_TIME

#define MAX_START_GATE (10 * GST_SECOND)
#define MAX_OFFSET (10 * GST_SECOND)

#define MAX_PADS 256

enum
{
  PROP_0,
  PROP_MAX_SLEW,
  PROP_DEAD_BAND,
  PROP_START_GATE,
  PROP_VIDEO_OFFSET,
  PROP_WAIT_FOR_KEYFRAME,
  PROP_BEST_SOURCE,
  PROP_STATS,
};

static GType
source_get_type (void)
{
  static gsize type;
  static const GEnumValue values[] = {
    {LOCKSTEP_AV_SOURCE_ARRIVAL, "When packets came", "arrival-times"},
    {LOCKSTEP_AV_SOURCE_SENDER_REPORT, "RTCP sender reports", "sender-reports"},
    {LOCKSTEP_AV_SOURCE_CAPTURE_TIME, "The abs-capture-time header extension",
        "abs-capture-time"},
    {0, NULL, NULL},
  };

  if (g_once_init_enter (&type))
    g_once_init_leave (&type,
        g_enum_register_static ("GstAvresyncSource", values));
  return type;
}

struct _GstAvresync
{
  GstElement parent;

  AvCore core;
  guint next_rtcp;
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

static gboolean
gst_avresync_src_activate (GstPad * srcpad, GstObject * parent,
    GstPadMode mode, gboolean active)
{
  AvPad *pad = gst_pad_get_element_private (srcpad);

  if (mode != GST_PAD_MODE_PUSH)
    return FALSE;
  /* Pads are activated before they have a parent. */
  av_core_set_flushing (pad->core, pad, !active);
  if (active)
    return gst_pad_start_task (srcpad, av_core_loop, srcpad, NULL);
  return gst_pad_stop_task (srcpad);
}

static GstFlowReturn
gst_avresync_chain (GstPad * sinkpad, GstObject * parent, GstBuffer * buffer)
{
  return av_core_take_buffer (&GST_AVRESYNC (parent)->core,
      gst_pad_get_element_private (sinkpad), buffer);
}

static GstFlowReturn
gst_avresync_chain_rtcp (GstPad * sinkpad, GstObject * parent,
    GstBuffer * buffer)
{
  av_core_take_rtcp (&GST_AVRESYNC (parent)->core, buffer);
  return GST_FLOW_OK;
}

static gboolean
gst_avresync_sink_event (GstPad * sinkpad, GstObject * parent, GstEvent * event)
{
  GstAvresync *self = GST_AVRESYNC (parent);
  AvPad *pad;

  if (GST_EVENT_TYPE (event) == GST_EVENT_FLUSH_START) {
    gboolean pushed;

    pad = av_core_find_pad (&self->core, sinkpad);
    if (!pad) {
      gst_event_unref (event);
      return FALSE;
    }
    pushed = gst_pad_push_event (pad->srcpad, event);
    av_core_set_flushing (&self->core, pad, TRUE);
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

      g_mutex_lock (&self->core.lock);
      av_pad_restart (pad, self->core.sync);
      pad->segment_sent = FALSE;
      gst_segment_init (&pad->segment, GST_FORMAT_UNDEFINED);
      g_mutex_unlock (&self->core.lock);
      av_core_set_flushing (&self->core, pad, FALSE);
      gst_pad_start_task (pad->srcpad, av_core_loop, pad->srcpad, NULL);
      return pushed;
    }
    case GST_EVENT_CAPS:{
      GstCaps *caps;

      gst_event_parse_caps (event, &caps);
      av_core_set_caps (&self->core, pad, caps);
      break;
    }
    case GST_EVENT_SEGMENT:{
      GstSegment segment;
      GstEvent *ours;
      gboolean sent;

      g_mutex_lock (&self->core.lock);
      gst_event_copy_segment (event, &pad->segment);
      sent = pad->segment_sent;
      pad->segment_sent = TRUE;
      g_mutex_unlock (&self->core.lock);
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
      g_mutex_lock (&self->core.lock);
      g_queue_clear_full (&pad->held, (GDestroyNotify) av_item_free);
      if (pad->stream)
        lockstep_av_stream_open (self->core.sync, pad->stream,
            self->core.latest);
      g_mutex_unlock (&self->core.lock);
      break;
    default:
      break;
  }
  return av_core_take_event (&self->core, pad, event);
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
  pad = av_core_find_pad (&self->core, srcpad);
  if (!pad)
    return FALSE;
  answered = gst_pad_peer_query (pad->sinkpad, query);
  av_pad_unref (pad);
  if (!answered)
    return FALSE;
  gst_query_parse_latency (query, &live, &min, NULL);
  g_mutex_lock (&self->core.lock);
  own = self->core.config.start_gate + self->core.headroom;
  g_mutex_unlock (&self->core.lock);
  /* Downstream may hold as much as it likes: there is a queue here. */
  gst_query_set_latency (query, live, min + own, GST_CLOCK_TIME_NONE);
  return TRUE;
}

static gboolean
gst_avresync_sink_query (GstPad * sinkpad, GstObject * parent, GstQuery * query)
{
  /* What is asked in line with the buffers would overtake those held. */
  if (GST_QUERY_IS_SERIALIZED (query))
    return FALSE;
  return gst_pad_query_default (sinkpad, parent, query);
}

static GstIterator *
gst_avresync_internal_links (GstPad * either, GstObject * parent)
{
  AvPad *pad = av_core_find_pad (&GST_AVRESYNC (parent)->core, either);
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
  for (GList * l = self->core.pads; l; l = l->next) {
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

  g_mutex_lock (&self->core.lock);
  if (!name)
    name = own = g_strdup_printf ("rtcp_sink_%u", self->next_rtcp);
  self->next_rtcp++;
  g_mutex_unlock (&self->core.lock);
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

  g_mutex_lock (&self->core.lock);
  if (name && sscanf (name, "sink_%u", &index) == 1) {
    if (has_index (self, index)) {
      g_mutex_unlock (&self->core.lock);
      GST_WARNING_OBJECT (self, "%s exists already", name);
      return NULL;
    }
  } else {
    while (has_index (self, index))
      index++;
  }
  if (g_list_length (self->core.pads) >= MAX_PADS) {
    g_mutex_unlock (&self->core.lock);
    GST_WARNING_OBJECT (self, "too many pads");
    return NULL;
  }
  sink_name = g_strdup_printf ("sink_%u", index);
  src_name = g_strdup_printf ("src_%u", index);
  pad =
      av_pad_new (&self->core, index, gst_pad_new_from_template (template,
          sink_name), gst_pad_new_from_static_template (&src_template,
          src_name));
  self->core.pads = g_list_append (self->core.pads, pad);
  g_mutex_unlock (&self->core.lock);

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
  /* An active src pad has a task, which holds the element: one that is in NULL, and may be
   * dropped as it is, must have none. The lock keeps the state until both are added. */
  GST_STATE_LOCK (self);
  if (GST_STATE_TARGET (self) != GST_STATE_NULL) {
    gst_pad_set_active (pad->srcpad, TRUE);
    gst_pad_set_active (pad->sinkpad, TRUE);
  }
  gst_element_add_pad (element, pad->srcpad);
  gst_element_add_pad (element, pad->sinkpad);
  GST_STATE_UNLOCK (self);
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
  g_mutex_lock (&self->core.lock);
  av_pad_clear (pad);
  if (pad->stream)
    lockstep_av_sync_remove (self->core.sync, pad->stream);
  pad->stream = NULL;
  self->core.pads = g_list_remove (self->core.pads, pad);
  g_mutex_unlock (&self->core.lock);
  GST_PAD_STREAM_UNLOCK (sinkpad);
  gst_element_remove_pad (element, pad->srcpad);
  gst_element_remove_pad (element, sinkpad);
  av_pad_unref (pad);
}

static GstStateChangeReturn
gst_avresync_change_state (GstElement * element, GstStateChange transition)
{
  GstAvresync *self = GST_AVRESYNC (element);
  GstStateChangeReturn ret;

  if (transition == GST_STATE_CHANGE_PLAYING_TO_PAUSED
      || transition == GST_STATE_CHANGE_PAUSED_TO_READY) {
    g_mutex_lock (&self->core.lock);
    av_core_cancel_timer (&self->core);
    g_mutex_unlock (&self->core.lock);
  }
  ret = GST_ELEMENT_CLASS (parent_class)->change_state (element, transition);
  if (transition == GST_STATE_CHANGE_PAUSED_TO_READY)
    av_core_reset (&self->core);
  return ret;
}

static void
gst_avresync_set_property (GObject * object, guint id, const GValue * value,
    GParamSpec * pspec)
{
  GstAvresync *self = GST_AVRESYNC (object);

  g_mutex_lock (&self->core.lock);
  switch (id) {
    case PROP_MAX_SLEW:
      self->core.config.max_slew = g_value_get_uint64 (value);
      break;
    case PROP_DEAD_BAND:
      self->core.config.dead_band = g_value_get_uint64 (value);
      break;
    case PROP_START_GATE:
      self->core.config.start_gate = g_value_get_uint64 (value);
      break;
    case PROP_VIDEO_OFFSET:
      self->core.config.video_offset = g_value_get_int64 (value);
      break;
    case PROP_WAIT_FOR_KEYFRAME:
      self->core.wait_for_keyframe = g_value_get_boolean (value);
      break;
    case PROP_BEST_SOURCE:
      self->core.config.best_source = g_value_get_enum (value);
      break;
    default:
      G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, pspec);
      break;
  }
  lockstep_av_sync_set_config (self->core.sync, &self->core.config);
  g_mutex_unlock (&self->core.lock);
}

static void
gst_avresync_get_property (GObject * object, guint id, GValue * value,
    GParamSpec * pspec)
{
  GstAvresync *self = GST_AVRESYNC (object);

  g_mutex_lock (&self->core.lock);
  switch (id) {
    case PROP_MAX_SLEW:
      g_value_set_uint64 (value, self->core.config.max_slew);
      break;
    case PROP_DEAD_BAND:
      g_value_set_uint64 (value, self->core.config.dead_band);
      break;
    case PROP_START_GATE:
      g_value_set_uint64 (value, self->core.config.start_gate);
      break;
    case PROP_VIDEO_OFFSET:
      g_value_set_int64 (value, self->core.config.video_offset);
      break;
    case PROP_WAIT_FOR_KEYFRAME:
      g_value_set_boolean (value, self->core.wait_for_keyframe);
      break;
    case PROP_BEST_SOURCE:
      g_value_set_enum (value, self->core.config.best_source);
      break;
    case PROP_STATS:
      g_value_take_boxed (value, av_core_stats (&self->core));
      break;
    default:
      G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, pspec);
      break;
  }
  g_mutex_unlock (&self->core.lock);
}

static void
gst_avresync_finalize (GObject * object)
{
  GstAvresync *self = GST_AVRESYNC (object);

  g_list_free_full (self->core.pads, (GDestroyNotify) av_pad_unref);
  lockstep_av_sync_free (self->core.sync);
  g_mutex_clear (&self->core.lock);
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
  g_object_class_install_property (object_class, PROP_BEST_SOURCE,
      g_param_spec_enum ("best-source", "Best source",
          "The best source of the offset that is used: abs-capture-time is "
          "better than sender-reports, those are better than arrival-times",
          source_get_type (), DEFAULT_BEST_SOURCE, G_PARAM_READWRITE
          | G_PARAM_STATIC_STRINGS | GST_PARAM_MUTABLE_PLAYING));
  gst_type_mark_as_plugin_api (source_get_type (), 0);
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
  self->core.element = GST_ELEMENT (self);
  g_mutex_init (&self->core.lock);
  self->core.config.max_slew = DEFAULT_MAX_SLEW;
  self->core.config.dead_band = DEFAULT_DEAD_BAND;
  self->core.config.start_gate = DEFAULT_START_GATE;
  self->core.config.video_offset = DEFAULT_VIDEO_OFFSET;
  self->core.wait_for_keyframe = DEFAULT_WAIT_FOR_KEYFRAME;
  self->core.config.best_source = DEFAULT_BEST_SOURCE;
  self->core.sync = lockstep_av_sync_new (&self->core.config);
  self->core.timer_at = -1;
}
