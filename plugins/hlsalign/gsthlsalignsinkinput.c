/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What comes into hlsalignsink's pads: buffers, their times, caps and events; and the
 * requests for key units that go back. */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include "gsthlsalignsink.h"

#include <string.h>
#include <gst/video/video.h>

#define GST_CAT_DEFAULT gst_hls_align_sink_debug

/* How long a streaming thread is held where the other track is behind, and where
 * the store is. In a live pipeline it is not held for the other track at all. */
#define HOLD_TRACK (5 * G_TIME_SPAN_SECOND)
#define HOLD_STORE (10 * G_TIME_SPAN_SECOND)
#define HOLD_STORE_LIVE (100 * G_TIME_SPAN_MILLISECOND)
/* A pipeline that does not run in real time may have much in its encoder. */
#define NON_LIVE_SKEW (10 * GST_SECOND)
/* In NTP's time. */
#define UNIX_BEGINS (G_GUINT64_CONSTANT (2208988800) * GST_SECOND)
/* Elements, and bins, in a row. */
#define MAX_DEPTH 200

/* To be called without the lock. */
void
gst_hls_align_sink_send_requests (GstHlsAlignSink * self)
{
  GstPad *pad = NULL;
  GstClockTime times[GST_HLS_ALIGN_SINK_MAX_REQUESTS];
  gboolean again[GST_HLS_ALIGN_SINK_MAX_REQUESTS];
  guint n, count;

  g_mutex_lock (&self->lock);
  n = self->requests->len;
  if (n > 0 && self->inputs[LOCKSTEP_TRACK_VIDEO].pad != NULL) {
    memcpy (times, self->requests->data, n * sizeof *times);
    memcpy (again, self->again->data, n * sizeof *again);
    pad = gst_object_ref (self->inputs[LOCKSTEP_TRACK_VIDEO].pad);
  }
  g_array_set_size (self->requests, 0);
  g_array_set_size (self->again, 0);
  count = self->request_count;
  if (pad != NULL) {
    self->request_count += n;
    self->sending++;
  }
  g_mutex_unlock (&self->lock);
  if (pad == NULL)
    return;
  for (guint i = 0; i < n; i++) {
    GST_DEBUG_OBJECT (self, "key unit %u wanted at %" GST_TIME_FORMAT,
        count + i, GST_TIME_ARGS (times[i]));
    /* A sender that did not answer a PLI gets a FIR */
    gst_pad_push_event (pad,
        gst_video_event_new_upstream_force_key_unit (times[i], again[i],
            count + i));
  }
  gst_object_unref (pad);
  g_mutex_lock (&self->lock);
  if (--self->sending == 0)
    g_cond_broadcast (&self->cond);
  g_mutex_unlock (&self->lock);
}

void
gst_hls_align_sink_requests_sent (GstHlsAlignSink * self)
{
  gint64 until = g_get_monotonic_time () + GST_HLS_ALIGN_SINK_HAND_OVER_LIMIT;

  g_mutex_lock (&self->lock);
  while (self->sending > 0
      && g_cond_wait_until (&self->cond, &self->lock, until));
  g_mutex_unlock (&self->lock);
}

LockstepTrackKind
gst_hls_align_sink_kind_of (GstHlsAlignSink * self, GstPad * pad)
{
  return GPOINTER_TO_INT (gst_pad_get_element_private (pad));
}

/* Whether upstream is live, and how long a buffer then takes to come here. */
static gboolean
path_latency (GstPad * pad, GstClockTime * latency)
{
  GstQuery *query = gst_query_new_latency ();
  gboolean live = FALSE;

  *latency = 0;
  if (gst_pad_peer_query (pad, query))
    gst_query_parse_latency (query, &live, latency, NULL);
  gst_query_unref (query);
  if (!live || !GST_CLOCK_TIME_IS_VALID (*latency))
    *latency = 0;
  return live;
}

/* Nanoseconds of Unix time of a buffer that has it, or LOCKSTEP_NO_TIME. */
static gint64
reference_time (GstBuffer * buffer)
{
  gpointer state = NULL;
  GstMeta *meta;

  while ((meta = gst_buffer_iterate_meta_filtered (buffer, &state,
              GST_REFERENCE_TIMESTAMP_META_API_TYPE)) != NULL) {
    GstReferenceTimestampMeta *reference = (GstReferenceTimestampMeta *) meta;
    const GstStructure *s = gst_caps_get_structure (reference->reference, 0);

    /* A sender without a clock counts from its start: by NTP in 1900, which is no time */
    if (gst_structure_has_name (s, "timestamp/x-unix")
        && reference->timestamp <= G_MAXINT64)
      return reference->timestamp;
    if (gst_structure_has_name (s, "timestamp/x-ntp")
        && reference->timestamp >= UNIX_BEGINS
        && reference->timestamp - UNIX_BEGINS <= G_MAXINT64)
      return reference->timestamp - UNIX_BEGINS;
  }
  return LOCKSTEP_NO_TIME;
}

/* Relates running time to Unix time: by what a buffer says; else by the clocks, in
 * a running live pipeline; else by when it came. */
static void
choose_offset (GstHlsAlignSink * self, GstBuffer * buffer, gint64 pts)
{
  gint64 now = g_get_real_time () * 1000, reference = reference_time (buffer);
  GstClock *clock;

  self->have_offset = TRUE;
  if (reference != LOCKSTEP_NO_TIME) {
    self->offset = reference - pts;
    return;
  }
  clock = self->live ? gst_element_get_clock (GST_ELEMENT (self)) : NULL;
  if (clock != NULL) {
    self->offset = now - (gint64) (gst_clock_get_time (clock)
        - gst_element_get_base_time (GST_ELEMENT (self)));
    gst_object_unref (clock);
  } else {
    self->offset = now - pts;
  }
}

static gint64
to_running_time (const GstSegment * segment, GstClockTime time)
{
  guint64 running;
  int sign;

  if (!GST_CLOCK_TIME_IS_VALID (time))
    return LOCKSTEP_NO_TIME;
  sign = gst_segment_to_running_time_full (segment, GST_FORMAT_TIME, time,
      &running);
  if (sign == 0 || running > G_MAXINT64 / 2)
    return LOCKSTEP_NO_TIME;
  return sign * (gint64) running;
}

/* Holds the thread where the other track is behind, in bounds; one that has ended is not
 * waited for. With the lock. */
static void
wait_for_other (GstHlsAlignSink * self, LockstepTrackKind kind)
{
  LockstepTrackKind other = !kind;

  if (self->live) {
    if (lockstep_segmenter_ahead (self->segmenter, kind) >
        (gint64) self->max_skew)
      lockstep_segmenter_give_up_on (self->segmenter, other);
    return;
  }
  while (self->segmenter != NULL && !self->inputs[kind].flushing
      && !self->inputs[other].eos
      && lockstep_segmenter_ahead (self->segmenter,
          kind) > (gint64) MAX (self->max_skew, NON_LIVE_SKEW)) {
    guint64 arrivals = self->arrivals[other];
    gboolean in_vain = self->inputs[other].waiting;

    /* nor does anything come while the other waits for this one, as after jumps of both */
    if (!in_vain) {
      self->inputs[kind].waiting = TRUE;
      in_vain = !g_cond_wait_until (&self->cond, &self->lock,
          g_get_monotonic_time () + HOLD_TRACK)
          && arrivals == self->arrivals[other];
      self->inputs[kind].waiting = FALSE;
    }
    if (in_vain) {
      if (self->segmenter != NULL)
        lockstep_segmenter_give_up_on (self->segmenter, other);
      break;
    }
  }
}

/* How old a picture of @pts (running time) is now, where that can be known. What is
 * declared as latency may be far from it. */
static gint64
age_of (GstHlsAlignSink * self, gint64 pts)
{
  GstClock *clock = gst_element_get_clock (GST_ELEMENT (self));
  gint64 age;

  if (clock == NULL)
    return LOCKSTEP_NO_TIME;
  age = (gint64) (gst_clock_get_time (clock)
      - gst_element_get_base_time (GST_ELEMENT (self))) - pts;
  gst_object_unref (clock);
  return age;
}

/* The least of late: one that had to wait, as the first ones do, says little. */
static void
note_age (GstHlsAlignSink * self, Input * input, gint64 age)
{
  if (age < 0)
    return;
  input->age = input->age == LOCKSTEP_NO_TIME ? age
      : MIN (age, input->age + (age - input->age) / 32);
  lockstep_segmenter_set_path_latency (self->segmenter, input->age, TRUE);
}

/* What is to be told of Unix time. */
typedef enum
{
  TIME_QUIET, TIME_AHEAD, TIME_REFUSED, TIME_MOVED
} TimeNews;

/* With the lock. @said: Unix time of the buffer, or LOCKSTEP_NO_TIME */
static TimeNews
to_unix_time (GstHlsAlignSink * self, LockstepTrackKind kind, gint64 said,
    gint64 * pts, gint64 * dts)
{
  Input *input = &self->inputs[kind], *other = &self->inputs[!kind];
  guint64 refused = input->unix_time.refused;
  guint moved = input->unix_time.moved;
  gint64 now = g_get_real_time () * 1000, running = *pts, before;
  gboolean begins = !self->have_unix_time && said != LOCKSTEP_NO_TIME;
  /* Only a live list may lose what it has; a group would have to move at one picture */
  gboolean may_move = self->playlist_type == LOCKSTEP_PLAYLIST_LIVE
      && self->group == NULL;

  if (!input->unix_time_known) {
    input->unix_time_known = self->have_offset;
    input->unix_time.offset = self->offset;
  }
  before = input->unix_time.offset;
  if (running != LOCKSTEP_NO_TIME)
    *pts = said == LOCKSTEP_NO_TIME ? running + before
        : lockstep_unix_time_read (&input->unix_time, said, running,
        may_move ? now : 0);
  if (*dts != LOCKSTEP_NO_TIME)
    *dts += running != LOCKSTEP_NO_TIME ? *pts - running : before;
  if (input->unix_time.moved != moved) {
    self->offset += input->unix_time.offset - before;
    other->unix_time.offset += input->unix_time.offset - before;
    return TIME_MOVED;
  }
  self->have_unix_time |= begins;
  if (begins && input->unix_time.refused == refused
      && lockstep_unix_time_is_ahead (said, now))
    return TIME_AHEAD;
  if (input->unix_time.refused == refused || input->unix_time_warned)
    return TIME_QUIET;
  input->unix_time_warned = TRUE;
  return TIME_REFUSED;
}

static void
tell_time_news (GstHlsAlignSink * self, TimeNews news)
{
  if (news == TIME_AHEAD)
    GST_ELEMENT_WARNING (self, STREAM, FORMAT,
        ("buffers' Unix time is more than a day ahead of this machine's clock: "
            "segments are numbered by it, and it stays so until the next start"),
        ("the sender's clock is wrong, or this machine's"));
  else if (news == TIME_REFUSED)
    GST_ELEMENT_WARNING (self, STREAM, FORMAT,
        ("a buffer's Unix time is more than %d s off from the one before: it is "
            "not used", (int) (LOCKSTEP_UNIX_TIME_MAX_STEP / GST_SECOND)),
        ("the sender's clock was set, or its reports are wrong"));
  else if (news == TIME_MOVED)
    GST_ELEMENT_WARNING (self, STREAM, FORMAT,
        ("buffers' Unix time has been more than a day ahead of what it began with, "
            "and agrees with this machine's clock: the playlist begins anew by it"),
        ("the sender's clock was wrong, and was set right"));
}

GstFlowReturn
gst_hls_align_sink_chain (GstPad * pad, GstObject * parent, GstBuffer * buffer)
{
  GstHlsAlignSink *self = GST_HLS_ALIGN_SINK (parent);
  LockstepTrackKind kind = gst_hls_align_sink_kind_of (self, pad);
  Input *input = &self->inputs[kind];
  gint64 pts, dts, duration = 0;
  TimeNews news = TIME_QUIET;

  if (G_UNLIKELY (!input->live_known)) {
    GstClockTime latency;
    gboolean live = path_latency (pad, &latency);
    gboolean far = live && kind == LOCKSTEP_TRACK_VIDEO
        && !gst_hls_align_sink_has_encoder (pad);

    GST_DEBUG_OBJECT (pad, "live %d, latency %" GST_TIME_FORMAT ", far %d",
        live, GST_TIME_ARGS (latency), far);
    g_mutex_lock (&self->lock);
    self->live |= live;
    input->live_known = TRUE;
    if (kind == LOCKSTEP_TRACK_VIDEO && self->segmenter != NULL)
      lockstep_segmenter_set_path_latency (self->segmenter, latency, FALSE);
    if (far && self->segmenter != NULL)
      lockstep_segmenter_set_far (self->segmenter);
    input->far = far;
    input->age = LOCKSTEP_NO_TIME;
    g_mutex_unlock (&self->lock);
  }

  if (!gst_hls_align_sink_preroll (self, kind)) {
    gst_buffer_unref (buffer);
    return GST_FLOW_FLUSHING;
  }
  g_mutex_lock (&self->lock);
  if (self->segmenter == NULL || input->flushing) {
    g_mutex_unlock (&self->lock);
    gst_buffer_unref (buffer);
    return GST_FLOW_FLUSHING;
  }
  if (input->eos) {
    g_mutex_unlock (&self->lock);
    gst_buffer_unref (buffer);
    return GST_FLOW_EOS;
  }
  if (!input->have_caps) {
    g_mutex_unlock (&self->lock);
    gst_buffer_unref (buffer);
    return GST_FLOW_NOT_NEGOTIATED;
  }
  pts = to_running_time (&input->segment, GST_BUFFER_PTS (buffer));
  dts = to_running_time (&input->segment, GST_BUFFER_DTS (buffer));
  if (GST_BUFFER_DURATION_IS_VALID (buffer)
      && GST_BUFFER_DURATION (buffer) < 10 * GST_SECOND)
    duration = GST_BUFFER_DURATION (buffer);
  if (input->far && pts != LOCKSTEP_NO_TIME)
    note_age (self, input, age_of (self, pts));
  if (!self->have_offset && pts != LOCKSTEP_NO_TIME) {
    choose_offset (self, buffer, pts);
    if (self->group != NULL)
      self->offset = hls_group_offset (self->group, self->offset);
  }
  if (self->epoch_lock)
    news = to_unix_time (self, kind, reference_time (buffer), &pts, &dts);
  /* what is heard at an encoded frame's time went into the encoder earlier */
  if (kind == LOCKSTEP_TRACK_AUDIO && pts != LOCKSTEP_NO_TIME) {
    pts -= self->audio_delay_time;
    if (dts != LOCKSTEP_NO_TIME)
      dts -= self->audio_delay_time;
  }
  if (kind == LOCKSTEP_TRACK_VIDEO && !input->held_known) {
    input->held_known = TRUE;
    if (self->watch != NULL)
      lockstep_segmenter_set_held (self->segmenter,
          gst_hls_align_sink_watched (self));
  }
  if (kind == LOCKSTEP_TRACK_VIDEO && input->asked_at != 0) {
    if (input->far)
      lockstep_segmenter_asked (self->segmenter, GST_USECOND
          * (g_get_monotonic_time () - input->asked_at));
    input->asked_at = 0;
  }
  self->arrivals[kind]++;
  GST_LOG_OBJECT (pad, "%s of %" GST_STIME_FORMAT,
      GST_BUFFER_FLAG_IS_SET (buffer, GST_BUFFER_FLAG_DELTA_UNIT) ?
      "delta unit" : "key unit", GST_STIME_ARGS (pts));
  lockstep_segmenter_push (self->segmenter, kind, buffer, pts, dts, duration,
      self->offset);
  wait_for_other (self, kind);
  g_cond_broadcast (&self->cond);
  if (self->output != NULL && self->segmenter != NULL) {
    HlsOutput *output = self->output;
    gboolean live = self->live;

    /* Only the state change takes the output away, and it waits for us */
    g_mutex_unlock (&self->lock);
    gst_hls_align_sink_send_verdicts (self);
    hls_output_wait (output, live, live ? HOLD_STORE_LIVE : HOLD_STORE);
  } else {
    g_mutex_unlock (&self->lock);
  }
  gst_hls_align_sink_send_requests (self);
  if (kind == LOCKSTEP_TRACK_VIDEO)
    gst_hls_align_sink_unwatch (self, FALSE);
  tell_time_news (self, news);
  return GST_FLOW_OK;
}

static gboolean
set_video_caps (GstHlsAlignSink * self, const GstCaps * caps)
{
  const GstStructure *s = gst_caps_get_structure (caps, 0);
  const GValue *value = gst_structure_get_value (s, "codec_data");
  const char *format = gst_structure_get_string (s, "stream-format");
  GstMapInfo map;
  gboolean ok;

  if (g_strcmp0 (format, "byte-stream") == 0)
    return lockstep_segmenter_set_video (self->segmenter, NULL, 0);
  if (value == NULL || !GST_VALUE_HOLDS_BUFFER (value)
      || !gst_buffer_map (gst_value_get_buffer (value), &map, GST_MAP_READ))
    return FALSE;
  ok = lockstep_segmenter_set_video (self->segmenter, map.data, map.size);
  gst_buffer_unmap (gst_value_get_buffer (value), &map);
  return ok;
}

static gboolean
set_audio_caps (GstHlsAlignSink * self, const GstCaps * caps)
{
  const GstStructure *s = gst_caps_get_structure (caps, 0);
  const GValue *value = gst_structure_get_value (s, "codec_data");
  const char *format = gst_structure_get_string (s, "stream-format");
  LockstepAudioFormat raw;
  GstMapInfo map;
  gboolean ok;
  int version = 1, rate = 0;

  gst_structure_get_int (s, "mpegversion", &version);
  gst_structure_get_int (s, "rate", &rate);
  self->audio_delay_time = rate <= 0 ? 0
      : gst_util_uint64_scale_int (self->audio_delay, GST_SECOND, rate);
  if (version == 1) {
    lockstep_segmenter_set_audio (self->segmenter, LOCKSTEP_AUDIO_MPEG, NULL);
    return TRUE;
  }
  if (g_strcmp0 (format, "adts") == 0) {
    lockstep_segmenter_set_audio (self->segmenter, LOCKSTEP_AUDIO_ADTS, NULL);
    return TRUE;
  }
  if (value == NULL || !GST_VALUE_HOLDS_BUFFER (value)
      || !gst_buffer_map (gst_value_get_buffer (value), &map, GST_MAP_READ))
    return FALSE;
  ok = lockstep_audio_format_from_asc (map.data, map.size, &raw);
  gst_buffer_unmap (gst_value_get_buffer (value), &map);
  if (ok)
    lockstep_segmenter_set_audio (self->segmenter, LOCKSTEP_AUDIO_RAW_AAC,
        &raw);
  return ok;
}

static gboolean
set_caps (GstHlsAlignSink * self, LockstepTrackKind kind, const GstCaps * caps)
{
  gboolean ok = FALSE;

  GST_DEBUG_OBJECT (self, "caps %" GST_PTR_FORMAT, caps);
  g_mutex_lock (&self->lock);
  if (self->segmenter != NULL && self->group != NULL && !self->group_leader
      && hls_group_has_leader (self->group))
    lockstep_segmenter_follow (self->segmenter);
  if (self->segmenter != NULL)
    ok = kind == LOCKSTEP_TRACK_VIDEO ? set_video_caps (self, caps)
        : set_audio_caps (self, caps);
  self->inputs[kind].have_caps = ok;
  g_mutex_unlock (&self->lock);
  if (!ok)
    GST_WARNING_OBJECT (self, "cannot use %" GST_PTR_FORMAT, caps);
  return ok;
}

/* A far sender is told at once that a key frame is wanted. An encoder begins with one. */
static void
ask_at_start (GstHlsAlignSink * self, GstPad * pad)
{
  gint64 now = g_get_monotonic_time ();
  GstClockTime latency;

  if (!self->send_keyframe_requests || self->watch != NULL
      || !path_latency (pad, &latency)
      || !gst_pad_push_event (pad,
          gst_video_event_new_upstream_force_key_unit (GST_CLOCK_TIME_NONE,
              FALSE, 0)))
    return;
  g_mutex_lock (&self->lock);
  self->inputs[LOCKSTEP_TRACK_VIDEO].asked_at = now;
  g_mutex_unlock (&self->lock);
}

/* Whether there is a source of what comes to @pad, which is a sink pad. */
static gboolean
is_fed (GstPad * pad, guint depth)
{
  GstPad *peer = gst_pad_get_peer (pad);
  GstIterator *inputs;
  GValue item = G_VALUE_INIT;
  gboolean fed = FALSE;
  guint n = 0;

  if (peer == NULL)
    return FALSE;
  inputs = gst_pad_iterate_internal_links (peer);
  while (inputs != NULL && !fed
      && gst_iterator_next (inputs, &item) == GST_ITERATOR_OK) {
    n++;
    fed = depth == 0 || is_fed (g_value_get_object (&item), depth - 1);
    g_value_reset (&item);
  }
  if (G_IS_VALUE (&item))
    g_value_unset (&item);
  if (inputs != NULL)
    gst_iterator_free (inputs);
  gst_object_unref (peer);
  return fed || n == 0;
}

/* Whether nothing ever came to @pad, and nothing is linked from which it could: a branch
 * for a stream that the source turned out not to have. */
static gboolean
is_dead_end (GstPad * pad)
{
  GstEvent *start = gst_pad_get_sticky_event (pad, GST_EVENT_STREAM_START, 0);

  if (start == NULL)
    return !is_fed (pad, MAX_DEPTH);
  gst_event_unref (start);
  return FALSE;
}

/* With the lock. Returns: whether all are at their end now. */
static gboolean
end_track (GstHlsAlignSink * self, LockstepTrackKind kind)
{
  self->inputs[kind].eos = TRUE;
  g_cond_broadcast (&self->cond);
  if (self->segmenter == NULL)
    return FALSE;
  lockstep_segmenter_eos (self->segmenter, kind);
  return lockstep_segmenter_is_eos (self->segmenter);
}

static void
input_eos (GstHlsAlignSink * self, LockstepTrackKind kind, guint32 seqnum)
{
  Input *other = &self->inputs[!kind];
  GstPad *pad = NULL;
  gboolean all;

  g_mutex_lock (&self->lock);
  all = end_track (self, kind);
  /* A stream that ends before it had anything says nothing of the other: a live source
   * may be about to link that, as webrtcbin does at the first packet. */
  if (other->pad != NULL && !other->eos && self->inputs[kind].live_known)
    pad = gst_object_ref (other->pad);
  g_mutex_unlock (&self->lock);
  if (pad != NULL && is_dead_end (pad)) {
    GST_INFO_OBJECT (pad, "nothing comes here: at its end too");
    g_mutex_lock (&self->lock);
    if (other->pad == pad && !other->eos)
      all = end_track (self, !kind);
    g_mutex_unlock (&self->lock);
  }
  gst_clear_object (&pad);
  if (!all)
    return;
  /* without the lock, which whoever sees a message of the preroll may want */
  gst_hls_align_sink_preroll_end (self, seqnum);
  g_mutex_lock (&self->lock);
  if (self->output != NULL)
    hls_output_end (self->output);
  g_mutex_unlock (&self->lock);
}

gboolean
gst_hls_align_sink_event (GstPad * pad, GstObject * parent, GstEvent * event)
{
  GstHlsAlignSink *self = GST_HLS_ALIGN_SINK (parent);
  LockstepTrackKind kind = gst_hls_align_sink_kind_of (self, pad);
  Input *input = &self->inputs[kind];
  gboolean ok = TRUE, live;

  switch (GST_EVENT_TYPE (event)) {
    case GST_EVENT_STREAM_START:
      g_mutex_lock (&self->lock);
      input->eos = FALSE;
      g_mutex_unlock (&self->lock);
      gst_hls_align_sink_preroll_no_end (self);
      if (kind == LOCKSTEP_TRACK_VIDEO)
        ask_at_start (self, pad);
      break;
    case GST_EVENT_CAPS:
    {
      GstCaps *caps;

      gst_event_parse_caps (event, &caps);
      ok = set_caps (self, kind, caps);
      break;
    }
    case GST_EVENT_SEGMENT:
    {
      const GstSegment *segment;

      gst_event_parse_segment (event, &segment);
      /* what plays backwards cannot be cut into segments */
      ok = segment->format == GST_FORMAT_TIME && segment->rate > 0;
      g_mutex_lock (&self->lock);
      if (ok)
        gst_segment_copy_into (segment, &input->segment);
      g_mutex_unlock (&self->lock);
      break;
    }
    case GST_EVENT_GAP:
    {
      GstClockTime time, duration;
      gint64 until;

      ok = gst_hls_align_sink_preroll (self, kind);
      if (!ok)
        break;
      gst_event_parse_gap (event, &time, &duration);
      g_mutex_lock (&self->lock);
      if (GST_CLOCK_TIME_IS_VALID (duration)
          && duration < G_MAXINT64 && time < G_MAXINT64)
        time += duration;
      until = to_running_time (&input->segment, time);
      if (kind == LOCKSTEP_TRACK_AUDIO && until != LOCKSTEP_NO_TIME)
        until -= self->audio_delay_time;
      if (self->segmenter != NULL && until != LOCKSTEP_NO_TIME) {
        if (self->epoch_lock)
          until += input->unix_time.offset;
        if (input->unix_time_known || !self->epoch_lock)
          lockstep_segmenter_gap (self->segmenter, kind, until);
      }
      g_cond_broadcast (&self->cond);
      g_mutex_unlock (&self->lock);
      break;
    }
    case GST_EVENT_FLUSH_START:
      g_mutex_lock (&self->lock);
      input->flushing = TRUE;
      live = self->live;
      g_cond_broadcast (&self->cond);
      g_mutex_unlock (&self->lock);
      gst_hls_align_sink_preroll_flush (self, kind, TRUE);
      gst_hls_align_sink_preroll_no_end (self);
      if (!live)
        gst_hls_align_sink_preroll_lost (self);
      break;
    case GST_EVENT_FLUSH_STOP:
      gst_hls_align_sink_preroll_flush (self, kind, FALSE);
      g_mutex_lock (&self->lock);
      input->flushing = input->eos = FALSE;
      gst_segment_init (&input->segment, GST_FORMAT_TIME);
      if (self->segmenter != NULL)
        lockstep_segmenter_discont (self->segmenter, kind);
      g_mutex_unlock (&self->lock);
      break;
    case GST_EVENT_EOS:
      ok = gst_hls_align_sink_preroll (self, kind);
      if (ok)
        input_eos (self, kind, gst_event_get_seqnum (event));
      break;
    default:
      break;
  }
  gst_event_unref (event);
  return ok;
}
