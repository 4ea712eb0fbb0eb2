/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the tests of avresync share: an element in a test clock's time, packets, and checks of what
 * comes out. */
#pragma once

#include <gst/check/gstharness.h>
#include <gst/check/gsttestclock.h>
#include <gst/lockstep/metas.h>
#include <string.h>

#define MS GST_MSECOND
#define SECOND GST_SECOND
#define AUDIO_CAPS "application/x-rtp,media=audio,clock-rate=48000," \
    "encoding-name=OPUS"
#define VIDEO_CAPS "application/x-rtp,media=video,clock-rate=90000," \
    "encoding-name=H264,extmap-3=" \
    "\"http://www.webrtc.org/experiments/rtp-hdrext/abs-capture-time\""

/* An element in its own time, with up to two streams. */
typedef struct
{
  GstElement *element;
  GstTestClock *clock;
  GstHarness *a, *v;
  GstBus *bus;
} Fixture;

static inline void
begin_full (Fixture * f, const char *audio_caps, const char *video_caps)
{
  memset (f, 0, sizeof (*f));
  f->element = gst_element_factory_make ("avresync", NULL);
  g_assert_nonnull (f->element);
  if (audio_caps) {
    f->a = gst_harness_new_with_element (f->element, "sink_0", NULL);
    gst_harness_add_element_src_pad (f->a,
        gst_element_get_static_pad (f->element, "src_0"));
  }
  if (video_caps) {
    f->v = gst_harness_new_with_element (f->element, "sink_1", NULL);
    gst_harness_add_element_src_pad (f->v,
        gst_element_get_static_pad (f->element, "src_1"));
  }
  f->clock = GST_TEST_CLOCK (gst_test_clock_new ());
  gst_element_set_clock (f->element, GST_CLOCK (f->clock));
  gst_element_set_base_time (f->element, 0);
  f->bus = gst_bus_new ();
  gst_element_set_bus (f->element, f->bus);
  if (f->a) {
    gst_harness_play (f->a);
    gst_harness_set_src_caps_str (f->a, audio_caps);
  }
  if (f->v) {
    gst_harness_play (f->v);
    gst_harness_set_src_caps_str (f->v, video_caps);
  }
}

static inline void
begin (Fixture * f)
{
  begin_full (f, AUDIO_CAPS, VIDEO_CAPS);
}

static inline void
end (Fixture * f)
{
  gst_element_set_bus (f->element, NULL);
  gst_object_unref (f->bus);
  if (f->a)
    gst_harness_teardown (f->a);
  if (f->v)
    gst_harness_teardown (f->v);
  gst_object_unref (f->element);
  gst_object_unref (f->clock);
}

static inline void
set_now (Fixture * f, GstClockTime now)
{
  gst_test_clock_set_time (f->clock, now);
}

static inline GstBuffer *
packet (guint32 ssrc, guint16 seqnum, guint32 timestamp, gboolean key)
{
  guint8 data[16] = { 0x80, 96, seqnum >> 8, seqnum & 0xff, timestamp >> 24,
    timestamp >> 16, timestamp >> 8, timestamp, ssrc >> 24, ssrc >> 16,
    ssrc >> 8, ssrc, key ? 0x65 : 0x41, 1, 2, 3
  };

  return gst_buffer_new_memdup (data, sizeof (data));
}

static inline GstBuffer *
audio_packet (guint i)
{
  return packet (0xa, i, 0xfffff000u + i * 960, FALSE);
}

static inline GstBuffer *
video_packet (guint i)
{
  return packet (0xb, i, 12345 + i * 3600, i % 50 == 0);
}

/* Sends both streams from @from, at capture time plus @delay; audio every 20 ms,
 * video every 40. Pulls nothing. */
static inline void
run (Fixture * f, guint from, guint to, GstClockTime delay)
{
  for (guint i = from; i < to; i++) {
    set_now (f, i * 20 * MS + delay);
    if (f->a)
      g_assert_cmpint (gst_harness_push (f->a, audio_packet (i)), ==,
          GST_FLOW_OK);
    if (f->v && i % 2 == 0)
      g_assert_cmpint (gst_harness_push (f->v, video_packet (i / 2)), ==,
          GST_FLOW_OK);
  }
}

static inline GstClockTime
pull_pts (GstHarness * h, gboolean * discont)
{
  g_autoptr (GstBuffer) buffer = gst_harness_pull (h);

  g_assert_nonnull (buffer);
  g_assert_false (GST_BUFFER_DTS_IS_VALID (buffer));
  if (discont)
    *discont = GST_BUFFER_FLAG_IS_SET (buffer, GST_BUFFER_FLAG_DISCONT);
  return GST_BUFFER_PTS (buffer);
}

static inline void
assert_spaced (GstHarness * h, guint n, GstClockTime first,
    GstClockTime spacing)
{
  for (guint i = 0; i < n; i++) {
    gboolean discont;

    g_assert_cmpuint (pull_pts (h, &discont), ==, first + i * spacing);
    g_assert_cmpint (discont, ==, i == 0);
  }
}

static inline const GstStructure *
stream_stats (GstStructure * stats, guint index)
{
  const GValue *streams = gst_structure_get_value (stats, "streams");

  return g_value_get_boxed (gst_value_array_get_value (streams, index));
}

static inline GstStructure *
get_stats (Fixture * f)
{
  GstStructure *stats;

  g_object_get (f->element, "stats", &stats, NULL);
  return stats;
}

static inline guint64
get_count (Fixture * f, guint index, const char *field)
{
  g_autoptr (GstStructure) stats = get_stats (f);
  guint64 value;

  g_assert_true (gst_structure_get_uint64 (stream_stats (stats, index), field,
          &value));
  return value;
}

static inline void
assert_source (Fixture * f, guint index, const char *source)
{
  g_autoptr (GstStructure) stats = get_stats (f);

  g_assert_cmpstr (gst_structure_get_string (stream_stats (stats, index),
          "source"), ==, source);
}
