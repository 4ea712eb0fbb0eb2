/* SPDX-License-Identifier: LGPL-2.1-or-later */
/**
 * SECTION:element-timestripe
 * @title: timestripe
 *
 * Draws the time of day at which a picture was captured into its top eighth, as black and
 * white cells. A program that reads them from the picture that a player shows (the
 * watch page of `lockstep` can) knows the delay from glass to glass.
 *
 * The time is that of the picture's timestamp: what the pipeline has held it for until
 * here counts as delay. Both machines' clocks must agree.
 *
 * ## Example launch line
 * |[
 * gst-launch-1.0 videotestsrc num-buffers=30 is-live=true ! timestripe ! fakevideosink
 * ]|
 */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include "gsttimestripe.h"

#include <gst/lockstep/timestripe.h>

GST_DEBUG_CATEGORY_STATIC (timestripe_debug);
#define GST_CAT_DEFAULT timestripe_debug

struct _GstTimestripe
{
  GstVideoFilter parent;
};

G_DEFINE_TYPE_WITH_CODE (GstTimestripe, gst_timestripe, GST_TYPE_VIDEO_FILTER,
    GST_DEBUG_CATEGORY_INIT (timestripe_debug, "timestripe", 0,
        "the time of day in a picture"));
GST_ELEMENT_REGISTER_DEFINE (timestripe, "timestripe", GST_RANK_NONE,
    GST_TYPE_TIMESTRIPE);

#define CAPS GST_VIDEO_CAPS_MAKE ("{ I420, YV12, NV12, NV21, YUY2, UYVY, YVYU, " \
    "Y42B, Y444 }")

static GstStaticPadTemplate sink_template =
GST_STATIC_PAD_TEMPLATE ("sink", GST_PAD_SINK, GST_PAD_ALWAYS,
    GST_STATIC_CAPS (CAPS));
static GstStaticPadTemplate src_template =
GST_STATIC_PAD_TEMPLATE ("src", GST_PAD_SRC, GST_PAD_ALWAYS,
    GST_STATIC_CAPS (CAPS));

/* ms since the Unix epoch at the buffer's running time. */
static guint64
time_of (GstTimestripe * self, GstClockTime pts)
{
  const GstSegment *segment = &GST_BASE_TRANSFORM (self)->segment;
  GstClockTime running =
      gst_segment_to_running_time (segment, GST_FORMAT_TIME, pts);
  g_autoptr (GstClock) clock = gst_element_get_clock (GST_ELEMENT (self));
  gint64 now_ns = g_get_real_time () * 1000;

  if (clock != NULL && GST_CLOCK_TIME_IS_VALID (running))
    now_ns -= GST_CLOCK_DIFF (gst_element_get_base_time (GST_ELEMENT (self)) +
        running, gst_clock_get_time (clock));
  return now_ns > 0 ? now_ns / GST_MSECOND : 0;
}

static GstFlowReturn
gst_timestripe_transform_frame_ip (GstVideoFilter * filter,
    GstVideoFrame * frame)
{
  LockstepTimestripe cells;

  lockstep_timestripe_encode (time_of (GST_TIMESTRIPE (filter),
          GST_BUFFER_PTS (frame->buffer)), cells);
  for (guint c = 0; c < GST_VIDEO_FRAME_N_COMPONENTS (frame); c++)
    lockstep_timestripe_draw (cells, GST_VIDEO_FRAME_COMP_DATA (frame, c),
        GST_VIDEO_FRAME_COMP_PSTRIDE (frame, c),
        GST_VIDEO_FRAME_COMP_STRIDE (frame, c),
        GST_VIDEO_FRAME_COMP_WIDTH (frame, c),
        GST_VIDEO_FRAME_COMP_HEIGHT (frame, c), c == 0 ? 16 : 128,
        c == 0 ? 235 : 128);
  return GST_FLOW_OK;
}

static void
gst_timestripe_class_init (GstTimestripeClass * klass)
{
  GstElementClass *element_class = GST_ELEMENT_CLASS (klass);

  gst_element_class_add_static_pad_template (element_class, &sink_template);
  gst_element_class_add_static_pad_template (element_class, &src_template);
  gst_element_class_set_static_metadata (element_class, "Time in the picture",
      "Filter/Effect/Video",
      "Draws the time of capture as cells that a program can read back",
      "Lockstep");
  GST_VIDEO_FILTER_CLASS (klass)->transform_frame_ip =
      gst_timestripe_transform_frame_ip;
}

static void
gst_timestripe_init (GstTimestripe * self)
{
}
