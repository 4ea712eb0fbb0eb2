/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* latencybuffer as a live element: events, states, queries, sender reports,
 * messages, and packets that mean harm. */
#include "latencybuffer.h"

#include <gst/lockstep/metas.h>
#include <gst/rtp/gstrtcpbuffer.h>

#include <string.h>

static GstEvent *
next_event (GstHarness * h, GstEventType type)
{
  for (;;) {
    GstEvent *event = gst_harness_pull_event (h);

    g_assert_nonnull (event);
    if (GST_EVENT_TYPE (event) == type)
      return event;
    gst_event_unref (event);
  }
}

/* The event @type has not left yet. */
static void
no_event (GstHarness * h, GstEventType type)
{
  GstEvent *event;

  while ((event = gst_harness_try_pull_event (h)) != NULL) {
    g_assert_cmpint (GST_EVENT_TYPE (event), !=, type);
    gst_event_unref (event);
  }
}

static void
test_eos (void)
{
  GstHarness *h = start (100);

  push_at (h, 0, packet (0, 0));
  push_at (h, SPACING, packet (1, SPACING));
  g_assert_true (gst_harness_push_event (h, gst_event_new_eos ()));
  g_assert_cmpint (gst_harness_push (h, packet (2, 2 * SPACING)), ==,
      GST_FLOW_EOS);
  expect_at (h, 0, 0, 100 * MS);
  no_event (h, GST_EVENT_EOS);
  /* what is held leaves in its time, then the end */
  expect_at (h, 1, SPACING, 120 * MS);
  gst_event_unref (next_event (h, GST_EVENT_EOS));
  gst_harness_teardown (h);
}

static void
test_flush (void)
{
  GstHarness *h = start (100);
  GstSegment segment;

  push_at (h, 0, packet (0, 0));
  push_at (h, SPACING, packet (1, SPACING));
  expect_at (h, 0, 0, 100 * MS);
  g_assert_true (gst_harness_push_event (h, gst_event_new_flush_start ()));
  g_assert_cmpint (gst_harness_push (h, packet (2, 2 * SPACING)), ==,
      GST_FLOW_FLUSHING);
  g_assert_true (gst_harness_push_event (h, gst_event_new_flush_stop (TRUE)));
  g_assert_null (gst_harness_try_pull (h));
  gst_segment_init (&segment, GST_FORMAT_TIME);
  gst_harness_push_event (h, gst_event_new_segment (&segment));
  /* another stream, from a new base */
  push_at (h, 500 * MS, packet_full (7000, 99, SSRC, PT, 500 * MS, 100));
  expect_at (h, 7000, 500 * MS, 600 * MS);
  gst_harness_teardown (h);
}

static void
test_pause (void)
{
  GstHarness *h = start (100);
  GstTestClock *clock = gst_harness_get_testclock (h);

  push_at (h, 0, packet (0, 0));
  push_at (h, SPACING, packet (1, SPACING));
  expect_at (h, 0, 0, 100 * MS);
  g_assert_cmpint (gst_element_set_state (h->element, GST_STATE_PAUSED), ==,
      GST_STATE_CHANGE_NO_PREROLL);
  /* nothing leaves and nothing waits, however late it is */
  gst_harness_set_time (h, 400 * MS);
  g_assert_cmpuint (gst_test_clock_peek_id_count (clock), ==, 0);
  g_assert_null (gst_harness_try_pull (h));
  /* 300 ms later the running time goes on where it was */
  gst_element_set_base_time (h->element, 300 * MS);
  gst_element_set_state (h->element, GST_STATE_PLAYING);
  expect_at (h, 1, SPACING, 420 * MS);
  gst_object_unref (clock);
  gst_harness_teardown (h);
}

static void
test_base_time (void)
{
  GstHarness *h = gst_harness_new ("latencybuffer");
  GstBuffer *buffer;
  GstReferenceTimestampMeta *meta;
  g_autoptr (GstCaps) arrival = gst_caps_from_string (LOCKSTEP_META_ARRIVAL);

  gst_element_set_base_time (h->element, 1000 * MS);
  g_object_set (h->element, "latency", 50, NULL);
  gst_harness_set_src_caps_str (h, CAPS);
  gst_harness_set_time (h, 1000 * MS);
  /* no timestamp: it came now, at running time 10 */
  push_at (h, 1010 * MS, packet (0, GST_CLOCK_TIME_NONE));
  reach (h, 1060 * MS);
  buffer = pull (h);
  g_assert_cmpuint (GST_BUFFER_PTS (buffer), ==, 10 * MS);
  meta = gst_buffer_get_reference_timestamp_meta (buffer, arrival);
  g_assert_cmpuint (meta->timestamp, ==, 1010 * MS);
  gst_buffer_unref (buffer);
  gst_harness_teardown (h);
}

static void
test_segments (void)
{
  GstHarness *h = start (100);
  GstSegment segment;
  GstEvent *event;
  const GstSegment *out;

  /* running time = timestamp - 5 s */
  gst_segment_init (&segment, GST_FORMAT_TIME);
  segment.start = segment.time = 5000 * MS;
  gst_harness_push_event (h, gst_event_new_segment (&segment));
  push_at (h, 30 * MS, packet (0, 5030 * MS));
  reach (h, 130 * MS);
  expect (h, 0, 5030 * MS);
  gst_event_unref (next_event (h, GST_EVENT_SEGMENT));
  event = next_event (h, GST_EVENT_SEGMENT);
  gst_event_parse_segment (event, &out);
  g_assert_cmpuint (out->start, ==, 5000 * MS);
  gst_event_unref (event);
  gst_harness_teardown (h);

  /* bytes: arrivals come from the clock, and time goes out */
  h = gst_harness_new ("latencybuffer");
  g_object_set (h->element, "latency", 100, NULL);
  gst_segment_init (&segment, GST_FORMAT_BYTES);
  gst_harness_push_event (h, gst_event_new_stream_start ("s"));
  gst_harness_push_event (h, gst_event_new_caps (gst_caps_from_string (CAPS)));
  gst_harness_push_event (h, gst_event_new_segment (&segment));
  push_at (h, 40 * MS, packet (0, 12345));
  reach (h, 140 * MS);
  expect (h, 0, 40 * MS);
  event = next_event (h, GST_EVENT_SEGMENT);
  gst_event_parse_segment (event, &out);
  g_assert_cmpint (out->format, ==, GST_FORMAT_TIME);
  gst_event_unref (event);
  gst_harness_teardown (h);
}

static void
test_gap_and_order (void)
{
  GstHarness *h = start (100);

  push_at (h, 0, packet (0, 0));
  gst_harness_push_event (h, gst_event_new_gap (30 * MS, 10 * MS));
  gst_harness_push_event (h, gst_event_new_tag (gst_tag_list_new_empty ()));
  push_at (h, 60 * MS, packet (1, 60 * MS));
  expect_at (h, 0, 0, 100 * MS);
  no_event (h, GST_EVENT_GAP);
  /* a gap is held as a packet of its time would be, and what follows stays behind */
  reach (h, 130 * MS);
  gst_event_unref (next_event (h, GST_EVENT_GAP));
  gst_event_unref (next_event (h, GST_EVENT_TAG));
  gst_harness_teardown (h);
}

static void
test_latency_query (void)
{
  GstHarness *h = start (120);
  GstClockTime min;

  gst_harness_set_upstream_latency (h, 30 * MS);
  g_assert_cmpuint (gst_harness_query_latency (h), ==, 150 * MS);
  g_object_set (h->element, "latency", 500, NULL);
  g_assert_cmpuint (gst_harness_query_latency (h), ==, 530 * MS);
  g_object_set (h->element, "adaptive", TRUE, "max-latency", 800, NULL);
  min = gst_harness_query_latency (h);
  g_assert_cmpuint (min, ==, 830 * MS);
  gst_harness_teardown (h);
}

static void
test_serialized_query (void)
{
  GstHarness *h = start (100);
  GstQuery *query = gst_query_new_drain ();

  push_at (h, 0, packet (0, 0));
  /* must not wait for the packet that is held */
  g_assert_false (gst_pad_peer_query (h->srcpad, query));
  gst_query_unref (query);
  gst_harness_teardown (h);
}

static void
test_latency_change (void)
{
  GstHarness *h = start (500);

  push_at (h, 0, packet (0, 0));
  push_at (h, SPACING, packet (1, SPACING));
  /* what waits follows a new bound at once, its timestamps do not change */
  g_object_set (h->element, "latency", 100, NULL);
  expect_at (h, 0, 0, 100 * MS);
  g_object_set (h->element, "latency", 300, NULL);
  expect_at (h, 1, SPACING, 320 * MS);
  gst_harness_teardown (h);
}

static void
test_ts_offset (void)
{
  GstHarness *h = start (100);

  g_object_set (h->element, "ts-offset", (gint64) (50 * MS), NULL);
  push_at (h, 0, packet (0, 0));
  expect_at (h, 0, 50 * MS, 150 * MS);
  /* as far out of range as it gets */
  g_object_set (h->element, "ts-offset", G_MAXINT64, NULL);
  push_at (h, 160 * MS, packet (8, 160 * MS));
  g_object_set (h->element, "ts-offset", G_MININT64, NULL);
  pull (h);
  g_object_set (h->element, "ts-offset", (gint64) 0, NULL);
  push_at (h, 180 * MS, packet (9, 180 * MS));
  expect_at (h, 9, 180 * MS, 280 * MS);
  gst_harness_teardown (h);
}

static void
test_adaptive (void)
{
  GstHarness *h = start (100);
  guint n;

  g_object_set (h->element, "adaptive", TRUE, "min-latency", 40,
      "max-latency", 400, "quantile", 0.9, NULL);
  /* 80 ms until more is known */
  g_assert_cmpuint (stat_of (h, "bound"), ==, 80 * MS);
  push_at (h, 0, packet (0, 0));
  expect_at (h, 0, 0, stat_of (h, "bound"));
  for (n = 5; n < 200; n++) {
    GstClockTime due;
    guint64 bound;

    push_at (h, n * SPACING, packet (n, n * SPACING));
    bound = stat_of (h, "bound");
    due = n * SPACING + bound;
    pass_losses (h, due);
    expect_at (h, n, n * SPACING, due);
    n += (guint) (bound / SPACING);
  }
  g_assert_cmpuint (stat_of (h, "bound"), ==, 40 * MS);
  /* a packet of 250 ms: it passes at once with its own time, and the bound stays there */
  n += 20;
  push_at (h, n * SPACING + 250 * MS, packet (n, n * SPACING + 250 * MS));
  while (gst_harness_buffers_in_queue (h) == 0)
    let_go (h);
  expect (h, n, n * SPACING);
  g_assert_cmpuint (stat_of (h, "bound"), ==, 250 * MS);
  g_assert_cmpuint (stat_of (h, "num-stretched"), ==, 1);
  g_assert_cmpuint (stat_of (h, "num-late"), ==, 0);
  /* one beyond max-latency is late */
  n += 40;
  push_at (h, n * SPACING + 401 * MS, packet (n, n * SPACING + 401 * MS));
  g_assert_cmpuint (stat_of (h, "num-late"), ==, 1);
  gst_harness_teardown (h);
}

/* --- RTCP --- */

static GstBuffer *
sender_report (guint32 ssrc, guint64 ntp, guint32 rtptime, const char *cname)
{
  GstBuffer *buffer = gst_rtcp_buffer_new (1000);
  GstRTCPBuffer rtcp = GST_RTCP_BUFFER_INIT;
  GstRTCPPacket packet;

  gst_rtcp_buffer_map (buffer, GST_MAP_READWRITE, &rtcp);
  gst_rtcp_buffer_add_packet (&rtcp, GST_RTCP_TYPE_SR, &packet);
  gst_rtcp_packet_sr_set_sender_info (&packet, ssrc, ntp, rtptime, 1, 1);
  if (cname != NULL) {
    gst_rtcp_buffer_add_packet (&rtcp, GST_RTCP_TYPE_SDES, &packet);
    gst_rtcp_packet_sdes_add_item (&packet, ssrc);
    gst_rtcp_packet_sdes_add_entry (&packet, GST_RTCP_SDES_CNAME,
        (guint8) strlen (cname), (const guint8 *) cname);
  }
  gst_rtcp_buffer_unmap (&rtcp);
  return buffer;
}

static void
keep_sync (GstElement * element, GstStructure * s, GstStructure ** kept)
{
  if (*kept != NULL)
    gst_structure_free (*kept);
  *kept = gst_structure_copy (s);
}

static guint64
field (const GstStructure * s, const char *name)
{
  guint64 value = 0;

  g_assert_true (gst_structure_get_uint64 (s, name, &value));
  return value;
}

static void
test_sender_report (void)
{
  GstHarness *h = gst_harness_new_with_padnames ("latencybuffer", "sink",
      "src");
  GstHarness *rtcp = gst_harness_new_with_element (h->element, "sink_rtcp",
      NULL);
  GstStructure *s = NULL;
  const guint64 hour = G_GUINT64_CONSTANT (3600) << 32;
  g_autoptr (GstCaps) caps = gst_caps_from_string (LOCKSTEP_META_NTP);
  GstReferenceTimestampMeta *meta;
  GstBuffer *buffer;

  g_object_set (h->element, "latency", 100, NULL);
  g_signal_connect (h->element, "handle-sync", G_CALLBACK (keep_sync), &s);
  gst_harness_set_src_caps_str (h, CAPS);
  gst_harness_set_src_caps_str (rtcp, "application/x-rtcp");
  /* before any packet: kept for the first */
  gst_harness_push (rtcp, sender_report (SSRC, hour, 5 * TICKS, "me@here"));
  g_assert_null (s);
  push_at (h, 100 * MS, packet (5, 100 * MS));
  g_assert_nonnull (s);
  g_assert_cmpstr (gst_structure_get_string (s, "cname"), ==, "me@here");
  g_assert_cmpuint (field (s, "sr-ntpnstime"), ==, 3600 * GST_SECOND);
  /* the report's RTP time, by rtpbin's arithmetic, is packet 5's running time */
  g_assert_cmpuint (field (s, "base-time") +
      gst_util_uint64_scale (field (s, "sr-ext-rtptime") - field (s,
              "base-rtptime"), GST_SECOND, RATE), ==, 100 * MS);
  push_at (h, 120 * MS, packet (6, 120 * MS));
  reach (h, 200 * MS);
  gst_buffer_unref (pull (h));
  reach (h, 220 * MS);
  buffer = pull (h);
  meta = gst_buffer_get_reference_timestamp_meta (buffer, caps);
  g_assert_nonnull (meta);
  g_assert_cmpuint (meta->timestamp, ==, 3600 * GST_SECOND + SPACING);
  gst_buffer_unref (buffer);

  /* another's, one too far ahead, one that is broken, one without a report */
  g_clear_pointer (&s, gst_structure_free);
  gst_harness_push (rtcp, sender_report (SSRC + 1, hour, 0, NULL));
  g_assert_null (s);
  gst_harness_push (rtcp, sender_report (SSRC, 2 * hour, 6 * TICKS + 2 * RATE,
          NULL));
  g_assert_nonnull (s);
  g_assert_cmpuint (field (s, "sr-ext-rtptime"), ==, G_MAXUINT64);
  g_clear_pointer (&s, gst_structure_free);
  gst_harness_push (rtcp, gst_buffer_new_allocate (NULL, 3, NULL));
  buffer = gst_buffer_new_memdup ("\x80\xc9\x00\x01\x01\x02\x03\x04", 8);
  gst_harness_push (rtcp, buffer);
  g_assert_null (s);
  gst_harness_teardown (rtcp);
  gst_harness_teardown (h);
}

/* The NTP time of packets before and after a report, across the 32-bit wrap of RTP time; the
 * newest report counts, and another sender's says nothing of this one. */
static void
test_ntp_time (void)
{
  GstHarness *h = gst_harness_new_with_padnames ("latencybuffer", "sink",
      "src");
  GstHarness *rtcp = gst_harness_new_with_element (h->element, "sink_rtcp",
      NULL);
  const guint64 hour = G_GUINT64_CONSTANT (3600) << 32;
  const guint32 first = G_MAXUINT32 - 2 * TICKS + 1;
  g_autoptr (GstCaps) caps = gst_caps_from_string (LOCKSTEP_META_NTP);

  g_object_set (h->element, "latency", 100, NULL);
  gst_harness_set_src_caps_str (h, CAPS);
  gst_harness_set_src_caps_str (rtcp, "application/x-rtcp");
  for (guint n = 0; n < 5; n++) {
    push_at (h, n * SPACING, packet_full ((guint16) n, first + n * TICKS, SSRC,
            PT, n * SPACING, 100));
    /* packet 2's RTP time is 0 */
    if (n == 2)
      gst_harness_push (rtcp, sender_report (SSRC, hour, 0, NULL));
  }
  for (guint n = 0; n < 7; n++) {
    GstReferenceTimestampMeta *meta;
    GstBuffer *buffer;

    /* the sender's clock is set back by a second */
    if (n == 4)
      gst_harness_push (rtcp, sender_report (SSRC,
              hour - (G_GUINT64_CONSTANT (1) << 32), 0, NULL));
    /* two packets prove another sender */
    for (guint k = 5; n == 5 && k < 7; k++)
      push_at (h, now_of (h), packet_full ((guint16) k, k * TICKS, SSRC + 1,
              PT, now_of (h), 100));
    reach (h, n < 5 ? n * SPACING + 100 * MS : 260 * MS + (n - 5) * SPACING);
    buffer = pull (h);
    g_assert_cmpuint (seq_of (buffer), ==, n);
    meta = gst_buffer_get_reference_timestamp_meta (buffer, caps);
    if (n >= 5) {
      g_assert_null (meta);
    } else {
      g_assert_nonnull (meta);
      g_assert_cmpuint (meta->timestamp, ==, 3600 * GST_SECOND + n * SPACING -
          2 * SPACING - (n == 4 ? GST_SECOND : 0));
    }
    gst_buffer_unref (buffer);
  }
  gst_harness_teardown (rtcp);
  gst_harness_teardown (h);
}

/* --- messages and limits --- */

static void
test_drop_messages (void)
{
  GstHarness *h = start (100);
  g_autoptr (GstBus) bus = gst_bus_new ();
  GstMessage *message;
  const GstStructure *s;
  guint seq, late;

  gst_element_set_bus (h->element, bus);
  g_object_set (h->element, "post-drop-messages", TRUE,
      "drop-messages-interval", 100, NULL);
  push_at (h, 0, packet (0, 0));
  expect_at (h, 0, 0, 100 * MS);
  push_at (h, 500 * MS, packet (1, 500 * MS));
  push_at (h, 550 * MS, packet (2, 550 * MS));
  push_at (h, 600 * MS, packet (3, 600 * MS));
  for (guint i = 0; i < 2; i++) {
    message = gst_bus_pop_filtered (bus, GST_MESSAGE_ELEMENT);
    g_assert_nonnull (message);
    s = gst_message_get_structure (message);
    g_assert_true (gst_structure_has_name (s, "drop-msg"));
    g_assert_cmpstr (gst_structure_get_string (s, "reason"), ==, "too-late");
    g_assert_true (gst_structure_get_uint (s, "seqnum", &seq));
    g_assert_true (gst_structure_get_uint (s, "num-too-late", &late));
    g_assert_cmpuint (seq, ==, i == 0 ? 1 : 3);
    g_assert_cmpuint (late, ==, i == 0 ? 1 : 2);
    gst_message_unref (message);
  }
  g_assert_null (gst_bus_pop_filtered (bus, GST_MESSAGE_ELEMENT));
  gst_element_set_bus (h->element, NULL);
  gst_harness_teardown (h);
}

static void
test_queue_limits (void)
{
  GstHarness *h = start (60000);

  g_object_set (h->element, "max-size-packets", 100, NULL);
  for (guint n = 0; n < 1000; n++)
    push_at (h, n * SPACING, packet (n, n * SPACING));
  g_assert_cmpuint (stat_of (h, "num-overflow"), ==, 900);
  pass_losses (h, 900 * SPACING + 60000 * MS);
  expect_at (h, 900, 900 * SPACING, 900 * SPACING + 60000 * MS);
  g_object_set (h->element, "max-size-packets", 10000, "max-size-bytes", 5000,
      NULL);
  push_at (h, now_of (h), packet (1000, 1000 * SPACING));
  g_assert_cmpuint (stat_of (h, "depth-bytes"), <=, 5000);
  gst_harness_teardown (h);
}

/* 40,000 packets behind a hole: more than half of all sequence numbers. */
static void
test_fill_queue (void)
{
  GstHarness *h = start (2000);
  guint n = 40000;

  g_object_set (h->element, "max-size-packets", 60000, "do-lost", TRUE, NULL);
  push_at (h, 0, packet_full (0, 0, SSRC, PT, 0, 20));
  for (guint i = 2; i < n; i++)
    push_at (h, i * GST_SECOND / RATE, packet_full ((guint16) i, i, SSRC, PT,
            i * GST_SECOND / RATE, 20));
  expect_at (h, 0, 0, 2000 * MS);
  gst_harness_set_time (h, 10000 * MS);
  for (guint i = 2; i < n; i++) {
    GstBuffer *buffer = pull (h);

    g_assert_cmpuint (seq_of (buffer), ==, (guint16) i);
    gst_buffer_unref (buffer);
  }
  g_assert_cmpuint (stat_of (h, "num-lost"), ==, 1);
  gst_harness_teardown (h);
}

static void
test_all_timestamps_zero (void)
{
  GstHarness *h = start (100);

  for (guint n = 0; n < 5; n++)
    push_at (h, n * MS, packet_full ((guint16) n, 0, SSRC, PT, n * MS, 100));
  reach (h, 100 * MS);
  for (guint n = 0; n < 5; n++)
    expect (h, n, 0);
  gst_harness_teardown (h);
}

/* Timestamps that run back against the sequence, as with B-frames. */
static void
test_backwards_timestamps (void)
{
  static const guint frame[] = { 0, 3, 1, 2, 6, 4, 5 };
  GstHarness *h = start (200);

  for (guint n = 0; n < G_N_ELEMENTS (frame); n++)
    push_at (h, n * SPACING, packet_full ((guint16) n, frame[n] * TICKS, SSRC,
            PT, n * SPACING, 100));
  gst_harness_set_time (h, 1000 * MS);
  for (guint n = 0; n < G_N_ELEMENTS (frame); n++) {
    GstBuffer *buffer = pull (h);

    g_assert_cmpuint (seq_of (buffer), ==, n);
    gst_buffer_unref (buffer);
  }
  g_assert_cmpuint (stat_of (h, "num-late"), ==, 0);
  gst_harness_teardown (h);
}

static void
test_hostile (void)
{
  static const guint8 bad[][16] = {
    {0x00}, {0x80}, {0x80, 96, 0, 1}, {0x40, 96, 0, 1},
    {0x9f, 96, 0, 1, 0, 0, 0, 0, 1, 2, 3, 4},   /* 15 CSRCs that are not there */
    {0x90, 96, 0, 1, 0, 0, 0, 0, 1, 2, 3, 4, 0, 0, 0xff, 0xff}, /* extension */
    {0xa0, 96, 0, 1, 0, 0, 0, 0, 1, 2, 3, 4, 0, 0, 0, 200},     /* padding */
    {0xa0, 96, 0, 1, 0, 0, 0, 0, 1, 2, 3, 4, 0, 0, 0, 0},
  };
  GstHarness *h = start (100);
  g_autoptr (GRand) rand = g_rand_new_with_seed (9);

  for (guint i = 0; i < G_N_ELEMENTS (bad); i++) {
    for (gsize size = 0; size <= (i < 4 ? 11 : 16); size++) {
      GstBuffer *buffer = size == 0 ? gst_buffer_new () :
          gst_buffer_new_memdup (bad[i], size);

      GST_BUFFER_DTS (buffer) = 0;
      g_assert_cmpint (gst_harness_push (h, buffer), ==, GST_FLOW_OK);
    }
  }
  g_assert_cmpuint (stat_of (h, "num-pushed"), ==, 0);
  g_assert_cmpuint (stat_of (h, "num-invalid"), >, 0);
  /* headers of any kind beside a stream that works: it goes on */
  for (guint n = 0; n < 500; n++) {
    guint8 noise[40];
    GstBuffer *buffer;

    push_at (h, n * SPACING, packet (n, n * SPACING));
    for (guint i = 0; i < sizeof (noise); i++)
      noise[i] = (guint8) g_rand_int (rand);
    noise[0] = (noise[0] & 0x3f) | 0x80;
    buffer = gst_buffer_new_memdup (noise, sizeof (noise));
    GST_BUFFER_DTS (buffer) = n * SPACING;
    g_assert_cmpint (gst_harness_push (h, buffer), ==, GST_FLOW_OK);
    if (n >= 5)
      expect_at (h, n - 5, (n - 5) * SPACING, n * SPACING);
  }
  g_assert_cmpuint (stat_of (h, "num-resets"), ==, 0);
  gst_harness_teardown (h);
}

/* Without a clock nothing can be waited for; nothing may hang either. */
static void
test_no_clock (void)
{
  GstElement *element = gst_element_factory_make ("latencybuffer", NULL);
  GstHarness *h = gst_harness_new_with_element (element, "sink", "src");

  gst_element_set_clock (element, NULL);
  gst_harness_set_src_caps_str (h, CAPS);
  g_assert_cmpint (gst_harness_push (h, packet (0, 0)), ==, GST_FLOW_OK);
  expect (h, 0, 0);
  gst_harness_teardown (h);
  gst_object_unref (element);
}

static void
test_set_active (void)
{
  GstHarness *h = start (100);
  guint64 last = 0;

  push_at (h, 0, packet (0, 0));
  expect_at (h, 0, 0, 100 * MS);
  g_signal_emit_by_name (h->element, "set-active", FALSE, (guint64) 0, &last);
  g_assert_cmpuint (last, ==, 0);
  push_at (h, 100 * MS, packet (5, 100 * MS));
  gst_harness_set_time (h, 300 * MS);
  g_assert_null (gst_harness_try_pull (h));
  g_signal_emit_by_name (h->element, "set-active", TRUE, (guint64) 0, &last);
  expect (h, 5, 100 * MS);
  gst_harness_teardown (h);
}

/* rtpbin 1.22 sets all of these whether they are there or not. */
static void
test_rtpbin_properties (void)
{
  GstHarness *h = start (100);
  static const char *const names[] = { "latency", "drop-on-latency", "do-lost",
    "mode", "do-retransmission", "max-rtcp-rtp-time-diff", "max-dropout-time",
    "max-misorder-time", "rfc7273-sync", "add-reference-timestamp-meta",
    "max-ts-offset-adjustment", "sync-interval", "ts-offset"
  };
  GstElement *stock = gst_element_factory_make ("rtpjitterbuffer", NULL);

  if (stock == NULL) {
    g_test_skip ("rtpjitterbuffer");
    gst_harness_teardown (h);
    return;
  }
  for (guint i = 0; i < G_N_ELEMENTS (names); i++) {
    GParamSpec *a = g_object_class_find_property (G_OBJECT_GET_CLASS (stock),
        names[i]);
    GParamSpec *b = g_object_class_find_property
        (G_OBJECT_GET_CLASS (h->element), names[i]);

    g_assert_nonnull (b);
    g_assert_cmpuint (G_TYPE_FUNDAMENTAL (a->value_type), ==,
        G_TYPE_FUNDAMENTAL (b->value_type));
    if (G_IS_PARAM_SPEC_ENUM (a))
      g_assert_cmpint (G_PARAM_SPEC_ENUM (a)->default_value, ==,
          G_PARAM_SPEC_ENUM (b)->default_value);
    else
      g_assert_true (g_param_values_cmp (a, g_param_spec_get_default_value (a),
              g_param_spec_get_default_value (b)) == 0);
    g_assert_true ((b->flags & G_PARAM_READWRITE) == G_PARAM_READWRITE);
  }
  gst_object_unref (stock);
  gst_harness_teardown (h);
}

int
main (int argc, char **argv)
{
  gst_init (&argc, &argv);
  g_test_init (&argc, &argv, NULL);
#define ADD(name, func) g_test_add_func ("/latencybuffer/" name, func)
  ADD ("eos", test_eos);
  ADD ("flush", test_flush);
  ADD ("pause", test_pause);
  ADD ("base-time", test_base_time);
  ADD ("segments", test_segments);
  ADD ("gap-and-order", test_gap_and_order);
  ADD ("latency-query", test_latency_query);
  ADD ("serialized-query", test_serialized_query);
  ADD ("latency-change", test_latency_change);
  ADD ("ts-offset", test_ts_offset);
  ADD ("adaptive", test_adaptive);
  ADD ("sender-report", test_sender_report);
  ADD ("ntp-time", test_ntp_time);
  ADD ("drop-messages", test_drop_messages);
  ADD ("queue-limits", test_queue_limits);
  ADD ("fill-queue", test_fill_queue);
  ADD ("all-timestamps-zero", test_all_timestamps_zero);
  ADD ("backwards-timestamps", test_backwards_timestamps);
  ADD ("hostile", test_hostile);
  ADD ("no-clock", test_no_clock);
  ADD ("set-active", test_set_active);
  ADD ("rtpbin-properties", test_rtpbin_properties);
  return g_test_run ();
}
