/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* An encoder upstream, while it starts.
 *
 * It may hold many pictures (x264enc by default 40), and with them the first boundaries:
 * by the time that anything reaches this element, event or buffer, it is too late to ask
 * for those. So what goes into the encoder is watched, and at each boundary it is
 * asked for a key frame of the very picture. From its first output on the segmenter asks,
 * ahead of time.
 *
 * GstVideoEncoder 1.22 makes that hard. An encoder that shifts its timestamps, as x264enc
 * does by 1000 h so that no decoding time is below 0, is compared with what is asked in
 * shifted time until its first output, in plain time from then on; and what lies before
 * the last time that was obeyed is ignored, which then is all. Therefore: before the first
 * output each boundary is asked for in both times, of which the other does nothing; and at
 * the first boundary after it, for a key frame now, whatever the time, which makes it
 * listen again. (Later versions compare in plain time.) */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include "gsthlsalignsink.h"

#include <math.h>
#include <gst/video/gstvideoencoder.h>
#include <gst/video/video.h>

#define GST_CAT_DEFAULT gst_hls_align_sink_debug

/* Elements that are looked at to find an encoder. */
#define MAX_UPSTREAM 32
/* Where the duration of pictures is not known. */
#define HALF_PICTURE (8 * GST_MSECOND)
/* What x264enc takes its first picture's time for. */
#define SHIFTED (1000 * 60 * 60 * GST_SECOND)

struct _EncoderWatch
{
  gatomicrefcount refs;
  GMutex lock;
  GstElement *encoder;
  GstPad *sink, *src;           /* its pads */
  gulong sink_probe, src_probe;
  gint64 target;                /* ns */
  gint64 first, last;           /* running time of pictures, -1: none yet */
  gint64 next;                  /* boundary to ask for */
  gboolean out;                 /* something came out of it */
  gboolean deaf;                /* it was asked before that, and not since */
};

static void
watch_unref (EncoderWatch * watch)
{
  if (!g_atomic_ref_count_dec (&watch->refs))
    return;
  gst_clear_object (&watch->encoder);
  gst_clear_object (&watch->sink);
  gst_clear_object (&watch->src);
  g_mutex_clear (&watch->lock);
  g_free (watch);
}

/* The encoder that makes what comes to @pad, or NULL: it is far away then, or the
 * pictures come out of a file. */
static GstElement *
find_encoder (GstPad * pad)
{
  GstPad *at = gst_pad_get_peer (pad);
  GstElement *encoder = NULL;

  for (guint i = 0; at != NULL && i < MAX_UPSTREAM; i++) {
    GstObject *parent = gst_object_get_parent (GST_OBJECT (at));
    GstIterator *links;
    GValue value = G_VALUE_INIT;
    GstPad *inner = NULL;

    if (parent != NULL && GST_IS_VIDEO_ENCODER (parent)) {
      encoder = GST_ELEMENT (parent);
      break;
    }
    gst_clear_object (&parent);
    links = gst_pad_iterate_internal_links (at);
    if (links != NULL && gst_iterator_next (links, &value) == GST_ITERATOR_OK)
      inner = g_value_dup_object (&value);
    if (G_IS_VALUE (&value))
      g_value_unset (&value);
    g_clear_pointer (&links, gst_iterator_free);
    gst_object_unref (at);
    at = inner != NULL ? gst_pad_get_peer (inner) : NULL;
    gst_clear_object (&inner);
  }
  gst_clear_object (&at);
  return encoder;
}

gboolean
gst_hls_align_sink_has_encoder (GstPad * pad)
{
  GstElement *encoder = find_encoder (pad);
  gboolean found = encoder != NULL;

  gst_clear_object (&encoder);
  return found;
}

static void
ask (EncoderWatch * watch, GstClockTime time)
{
  GST_DEBUG_OBJECT (watch->encoder, "key unit wanted at %" GST_TIME_FORMAT,
      GST_TIME_ARGS (time));
  gst_pad_send_event (watch->src,
      gst_video_event_new_upstream_force_key_unit (time, FALSE, 0));
}

/* A picture goes in: is it the one nearest to the next boundary? */
static GstPadProbeReturn
on_picture (GstPad * pad, GstPadProbeInfo * info, gpointer user)
{
  EncoderWatch *watch = user;
  GstBuffer *buffer = GST_PAD_PROBE_INFO_BUFFER (info);
  g_autoptr (GstEvent) event =
      gst_pad_get_sticky_event (pad, GST_EVENT_SEGMENT, 0);
  const GstSegment *segment;
  GstClockTime time;
  gint64 half = GST_BUFFER_DURATION_IS_VALID (buffer) ?
      GST_BUFFER_DURATION (buffer) / 2 : HALF_PICTURE;
  gboolean boundary = FALSE, before;

  if (event == NULL || !GST_BUFFER_PTS_IS_VALID (buffer))
    return GST_PAD_PROBE_OK;
  gst_event_parse_segment (event, &segment);
  if (segment->format != GST_FORMAT_TIME || segment->rate <= 0)
    return GST_PAD_PROBE_OK;
  time = gst_segment_to_running_time (segment, GST_FORMAT_TIME,
      GST_BUFFER_PTS (buffer));
  if (!GST_CLOCK_TIME_IS_VALID (time))
    return GST_PAD_PROBE_OK;
  g_mutex_lock (&watch->lock);
  if (watch->first < 0) {
    watch->first = time;
    watch->next = watch->first + watch->target;
  }
  watch->last = time;
  while ((gint64) time + half > watch->next) {
    watch->next += watch->target;
    boundary = TRUE;
  }
  before = !watch->out;
  if (boundary)
    watch->deaf = before;
  g_mutex_unlock (&watch->lock);
  if (boundary && before) {
    ask (watch, time);
    ask (watch, SHIFTED + time - watch->first);
  } else if (boundary) {
    ask (watch, GST_CLOCK_TIME_NONE);
  }
  return GST_PAD_PROBE_OK;
}

/* The first picture comes out. */
static GstPadProbeReturn
on_output (GstPad * pad, GstPadProbeInfo * info, gpointer user)
{
  EncoderWatch *watch = user;

  g_mutex_lock (&watch->lock);
  watch->out = TRUE;
  g_mutex_unlock (&watch->lock);
  return GST_PAD_PROBE_REMOVE;
}

void
gst_hls_align_sink_watch_encoder (GstHlsAlignSink * self)
{
  GstPad *pad = self->inputs[LOCKSTEP_TRACK_VIDEO].pad;
  EncoderWatch *watch;
  GstElement *encoder;

  /* With epoch-lock the boundaries are known when the first picture is there; in a
   * group they may be another's */
  if (pad == NULL || !self->send_keyframe_requests || self->epoch_lock
      || (self->group != NULL && !self->group_leader)
      || (encoder = find_encoder (pad)) == NULL)
    return;
  watch = g_new0 (EncoderWatch, 1);
  g_atomic_ref_count_init (&watch->refs);
  g_mutex_init (&watch->lock);
  watch->encoder = encoder;
  watch->sink = gst_element_get_static_pad (encoder, "sink");
  watch->src = gst_element_get_static_pad (encoder, "src");
  watch->target = llrint (self->target_duration * GST_SECOND);
  watch->first = watch->last = -1;
  if (watch->sink == NULL || watch->src == NULL) {
    watch_unref (watch);
    return;
  }
  self->watch = watch;
  g_atomic_ref_count_inc (&watch->refs);
  watch->sink_probe = gst_pad_add_probe (watch->sink,
      GST_PAD_PROBE_TYPE_BUFFER, on_picture, watch,
      (GDestroyNotify) watch_unref);
  g_atomic_ref_count_inc (&watch->refs);
  watch->src_probe = gst_pad_add_probe (watch->src, GST_PAD_PROBE_TYPE_BUFFER,
      on_output, watch, (GDestroyNotify) watch_unref);
}

gint64
gst_hls_align_sink_watched (GstHlsAlignSink * self)
{
  EncoderWatch *watch = self->watch;
  gint64 time;

  g_mutex_lock (&watch->lock);
  time = watch->last - watch->first;
  g_mutex_unlock (&watch->lock);
  return time;
}

void
gst_hls_align_sink_unwatch (GstHlsAlignSink * self, gboolean now)
{
  EncoderWatch *watch;

  g_mutex_lock (&self->lock);
  watch = self->watch;
  if (watch != NULL && !now) {
    g_mutex_lock (&watch->lock);
    if (watch->deaf || !watch->out) {
      g_mutex_unlock (&watch->lock);
      g_mutex_unlock (&self->lock);
      return;
    }
    g_mutex_unlock (&watch->lock);
  }
  self->watch = NULL;
  g_mutex_unlock (&self->lock);
  if (watch == NULL)
    return;
  gst_pad_remove_probe (watch->sink, watch->sink_probe);
  if (!watch->out)
    gst_pad_remove_probe (watch->src, watch->src_probe);
  watch_unref (watch);
}
