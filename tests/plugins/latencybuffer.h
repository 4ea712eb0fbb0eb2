/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the tests of latencybuffer share: packets, a test clock, checks. */
#pragma once

#include <gst/check/gstharness.h>
#include <gst/check/gsttestclock.h>
#include <gst/rtp/gstrtpbuffer.h>

#define MS ((GstClockTime) GST_MSECOND)
#define RATE 48000
#define SPACING (20 * MS)       /* of audio packets */
#define TICKS 960
#define SSRC 0x01020304
#define PT 96
#define CAPS "application/x-rtp,media=(string)audio,clock-rate=(int)48000," \
    "encoding-name=(string)OPUS,payload=(int)96"

static inline GstBuffer *
packet_full (guint16 seq, guint32 timestamp, guint32 ssrc, guint8 pt,
    GstClockTime arrival, gsize size)
{
  GstBuffer *buffer = gst_rtp_buffer_new_allocate (size, 0, 0);
  GstRTPBuffer rtp = GST_RTP_BUFFER_INIT;

  g_assert_true (gst_rtp_buffer_map (buffer, GST_MAP_WRITE, &rtp));
  gst_rtp_buffer_set_seq (&rtp, seq);
  gst_rtp_buffer_set_timestamp (&rtp, timestamp);
  gst_rtp_buffer_set_ssrc (&rtp, ssrc);
  gst_rtp_buffer_set_payload_type (&rtp, pt);
  gst_rtp_buffer_unmap (&rtp);
  GST_BUFFER_DTS (buffer) = arrival;
  return buffer;
}

/* Audio packet @n that arrives at @arrival. */
static inline GstBuffer *
packet (guint n, GstClockTime arrival)
{
  return packet_full ((guint16) n, n * TICKS, SSRC, PT, arrival, 100);
}

static inline GstBuffer *
rtx_packet (guint n, GstClockTime arrival)
{
  GstBuffer *buffer = packet (n, arrival);

  GST_BUFFER_FLAG_SET (buffer, GST_RTP_BUFFER_FLAG_RETRANSMISSION);
  return buffer;
}

static inline guint16
seq_of (GstBuffer * buffer)
{
  guint8 data[4];

  g_assert_true (gst_buffer_extract (buffer, 0, data, 4) == 4);
  return GST_READ_UINT16_BE (data + 2);
}

static inline GstHarness *
start (guint latency_ms)
{
  GstHarness *h = gst_harness_new ("latencybuffer");

  g_object_set (h->element, "latency", latency_ms, NULL);
  gst_harness_set_src_caps_str (h, CAPS);
  return h;
}

static inline GstClockTime
now_of (GstHarness * h)
{
  GstTestClock *clock = gst_harness_get_testclock (h);
  GstClockTime now = gst_clock_get_time (GST_CLOCK (clock));

  gst_object_unref (clock);
  return now;
}

/* A test clock lets a wait go only when told, even after its time has come. */
static inline void
let_go (GstHarness * h)
{
  GstTestClock *clock = gst_harness_get_testclock (h);
  GstClockID id;

  if (gst_test_clock_peek_next_pending_id (clock, &id)) {
    GstClockID done = NULL;

    if (gst_clock_id_get_time (id) <= gst_clock_get_time (GST_CLOCK (clock)))
      done = gst_test_clock_process_next_clock_id (clock);
    gst_clock_id_unref (id);
    if (done != NULL)
      gst_clock_id_unref (done);
  }
  gst_object_unref (clock);
}

/* The element waits for @when, and for nothing before. Then it is that time. */
static inline void
reach (GstHarness * h, GstClockTime when)
{
  GstTestClock *clock = gst_harness_get_testclock (h);
  GstClockID id;

  if (gst_clock_get_time (GST_CLOCK (clock)) >= when) {
    g_assert_cmpuint (gst_clock_get_time (GST_CLOCK (clock)), ==, when);
    let_go (h);
    gst_object_unref (clock);
    return;
  }
  gst_test_clock_wait_for_next_pending_id (clock, &id);
  g_assert_cmpuint (gst_clock_id_get_time (id), ==, when);
  gst_clock_id_unref (id);
  gst_object_unref (clock);
  g_assert_true (gst_harness_crank_single_clock_wait (h));
}

/* Lets the element give up what is due before @when, and waits until it waits for
 * @when. */
static inline void
pass_losses (GstHarness * h, GstClockTime when)
{
  GstTestClock *clock = gst_harness_get_testclock (h);
  GstClockTime next;

  do {
    GstClockID id;

    gst_test_clock_wait_for_next_pending_id (clock, &id);
    next = gst_clock_id_get_time (id);
    gst_clock_id_unref (id);
    g_assert_cmpuint (next, <=, when);
    if (next < when)
      g_assert_true (gst_harness_crank_single_clock_wait (h));
  } while (next < when);
  gst_object_unref (clock);
}

static inline void
push_at (GstHarness * h, GstClockTime now, GstBuffer * buffer)
{
  gst_harness_set_time (h, now);
  g_assert_cmpint (gst_harness_push (h, buffer), ==, GST_FLOW_OK);
}

/* The next buffer that is due by now. */
static inline GstBuffer *
pull (GstHarness * h)
{
  gint64 end = g_get_monotonic_time () + 10 * G_TIME_SPAN_SECOND;
  GstBuffer *buffer;

  while ((buffer = gst_harness_try_pull (h)) == NULL) {
    g_assert_cmpint (g_get_monotonic_time (), <, end);
    let_go (h);
    g_thread_yield ();
  }
  return buffer;
}

/* The next buffer out is packet @n, with timestamp @pts. */
static inline void
expect (GstHarness * h, guint n, GstClockTime pts)
{
  GstBuffer *buffer = pull (h);

  g_assert_cmpuint (seq_of (buffer), ==, (guint16) n);
  g_assert_cmpuint (GST_BUFFER_PTS (buffer), ==, pts);
  gst_buffer_unref (buffer);
}

/* Packet @n leaves at exactly @when. */
static inline void
expect_at (GstHarness * h, guint n, GstClockTime pts, GstClockTime when)
{
  reach (h, when);
  expect (h, n, pts);
  g_assert_cmpuint (now_of (h), ==, when);
}

static inline guint64
stat_of (GstHarness * h, const char *field)
{
  GstStructure *s = NULL;
  guint64 value = 0;

  g_object_get (h->element, "stats", &s, NULL);
  g_assert_true (gst_structure_get_uint64 (s, field, &value));
  gst_structure_free (s);
  return value;
}

/* The next custom event downstream of that name, skipping others. */
static inline GstStructure *
pull_custom (GstHarness * h, const char *name, gboolean upstream)
{
  for (;;) {
    GstEvent *event = upstream ? gst_harness_pull_upstream_event (h) :
        gst_harness_pull_event (h);
    const GstStructure *s;
    GstStructure *copy = NULL;

    g_assert_nonnull (event);
    s = gst_event_get_structure (event);
    if (s != NULL && gst_structure_has_name (s, name))
      copy = gst_structure_copy (s);
    gst_event_unref (event);
    if (copy != NULL)
      return copy;
  }
}

static inline void
expect_lost (GstHarness * h, guint n, GstClockTime pts, GstClockTime duration)
{
  GstStructure *s = pull_custom (h, "GstRTPPacketLost", FALSE);
  guint seq;
  guint64 timestamp, length;

  g_assert_true (gst_structure_get_uint (s, "seqnum", &seq));
  g_assert_true (gst_structure_get_uint64 (s, "timestamp", &timestamp));
  g_assert_true (gst_structure_get_uint64 (s, "duration", &length));
  g_assert_cmpuint (seq, ==, (guint16) n);
  g_assert_cmpuint (timestamp, ==, pts);
  g_assert_cmpuint (length, ==, duration);
  gst_structure_free (s);
}

/* Returns: the field "retry" */
static inline guint
expect_request (GstHarness * h, guint n)
{
  GstStructure *s = pull_custom (h, "GstRTPRetransmissionRequest", TRUE);
  guint seq, retry, ssrc;

  g_assert_true (gst_structure_get_uint (s, "seqnum", &seq));
  g_assert_true (gst_structure_get_uint (s, "ssrc", &ssrc));
  g_assert_true (gst_structure_get_uint (s, "retry", &retry));
  g_assert_cmpuint (seq, ==, (guint16) n);
  g_assert_cmpuint (ssrc, ==, SSRC);
  gst_structure_free (s);
  return retry;
}
