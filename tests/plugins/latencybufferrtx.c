/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* latencybuffer: retransmission requests, when and for what, and their statistics. */
#include "latencybuffer.h"

#include <math.h>

/* Packets 0..9 have come, evenly, and left; it is 180 + latency ms. */
static GstHarness *
running (guint latency_ms)
{
  GstHarness *h = start (latency_ms);

  g_object_set (h->element, "do-lost", TRUE, "do-retransmission", TRUE,
      "rtx-delay", 0, NULL);
  for (guint n = 0; n < 10; n++)
    push_at (h, n * SPACING, packet (n, n * SPACING));
  for (guint n = 0; n < 10; n++)
    expect_at (h, n, n * SPACING, n * SPACING + latency_ms * MS);
  return h;
}

static guint
requests (GstHarness * h)
{
  guint n = 0;
  GstEvent *event;

  while ((event = gst_harness_try_pull_upstream_event (h)) != NULL) {
    const GstStructure *s = gst_event_get_structure (event);

    n += s != NULL && gst_structure_has_name (s, "GstRTPRetransmissionRequest");
    gst_event_unref (event);
  }
  return n;
}

static void
check_rtx (GstHarness * h, guint64 count, guint64 success, guint64 rtt)
{
  g_assert_cmpuint (stat_of (h, "rtx-count"), ==, count);
  g_assert_cmpuint (stat_of (h, "rtx-success-count"), ==, success);
  g_assert_cmpuint (stat_of (h, "rtx-rtt"), ==, rtt);
}

static void
test_two_missing (void)
{
  GstHarness *h = running (200);
  GstClockTime now = now_of (h);

  push_at (h, now, packet (12, now));
  g_assert_cmpuint (expect_request (h, 10), ==, 0);
  g_assert_cmpuint (expect_request (h, 11), ==, 0);
  g_assert_cmpuint (requests (h), ==, 0);
  check_rtx (h, 2, 0, 0);
  gst_harness_teardown (h);
}

static void
test_arrives_in_time (void)
{
  GstHarness *h = running (200);
  GstClockTime now = now_of (h);

  push_at (h, now, packet (16, now));
  for (guint n = 10; n < 16; n++)
    expect_request (h, n);
  push_at (h, now + 7 * MS, rtx_packet (15, now + 7 * MS));
  check_rtx (h, 6, 1, 7 * MS);
  pass_losses (h, 15 * SPACING + 200 * MS);
  expect_at (h, 15, 15 * SPACING, 15 * SPACING + 200 * MS);
  pass_losses (h, 16 * SPACING + 200 * MS);
  expect_at (h, 16, 16 * SPACING, 16 * SPACING + 200 * MS);
  g_assert_cmpuint (stat_of (h, "num-lost"), ==, 5);
  gst_harness_teardown (h);
}

/* Given up, then answered: the round-trip time is learned, nothing else counts. */
static void
test_arrives_after_lost (void)
{
  GstHarness *h = running (200);
  GstClockTime asked = now_of (h);

  push_at (h, asked, packet (12, asked));
  requests (h);
  pass_losses (h, 12 * SPACING + 200 * MS);
  expect_at (h, 12, 12 * SPACING, 12 * SPACING + 200 * MS);
  push_at (h, now_of (h), rtx_packet (11, now_of (h)));
  check_rtx (h, stat_of (h, "rtx-count"), 0, now_of (h) - asked);
  g_assert_cmpuint (stat_of (h, "num-late"), ==, 1);
  g_assert_cmpuint (stat_of (h, "num-lost"), ==, 2);
  g_assert_null (gst_harness_try_pull (h));
  gst_harness_teardown (h);
}

/* The packet itself comes after all: reordered, and no success of the request. */
static void
test_original_arrives (void)
{
  GstHarness *h = running (200);
  GstClockTime now = now_of (h) + SPACING;

  push_at (h, now, packet (21, now));
  g_assert_cmpuint (requests (h), >, 0);
  push_at (h, now + 5 * MS, packet (20, now + 5 * MS));
  check_rtx (h, stat_of (h, "rtx-count"), 0, 0);
  /* and its retransmission is a duplicate */
  push_at (h, now + 9 * MS, rtx_packet (20, now + 9 * MS));
  g_assert_cmpuint (stat_of (h, "num-duplicates"), ==, 1);
  gst_harness_teardown (h);
}

/* The next request for packet @n; those for others are passed over. */
static guint
next_request (GstHarness * h, guint n)
{
  for (;;) {
    GstStructure *s = pull_custom (h, "GstRTPRetransmissionRequest", TRUE);
    guint seq = 0, retry = 0;

    gst_structure_get_uint (s, "seqnum", &seq);
    gst_structure_get_uint (s, "retry", &retry);
    gst_structure_free (s);
    if (seq == n)
      return retry;
  }
}

static void
test_retries (void)
{
  GstHarness *h = running (200);
  GstClockTime now = now_of (h);
  GstClockTime first = now;

  g_object_set (h->element, "rtx-retry-timeout", 30, "rtx-max-retries", 4,
      NULL);
  push_at (h, now, packet (18, 18 * SPACING));
  push_at (h, now, packet (20, now));
  g_assert_cmpuint (next_request (h, 19), ==, 0);
  /* 19 is asked for at 380, 410, 440 and 470 */
  for (guint i = 1; i < 4; i++) {
    GstClockTime at = first + i * 30 * MS;

    /* losses of 10..17 come in between */
    while (now_of (h) < at)
      g_assert_true (gst_harness_crank_single_clock_wait (h));
    g_assert_cmpuint (now_of (h), ==, at);
    g_assert_cmpuint (next_request (h, 19), ==, i);
  }
  gst_harness_teardown (h);
}

/* Nothing is asked for that cannot come in time. */
static void
test_no_request_without_use (void)
{
  GstHarness *h = running (200);
  guint n = 10 + 500;

  push_at (h, n * SPACING, packet (n, n * SPACING));
  /* released are those due within the next 200 ms: 9, and of these the first
   * comes too soon for an answer */
  g_assert_cmpuint (stat_of (h, "rtx-count"), <=, 9);
  g_assert_cmpuint (stat_of (h, "rtx-count"), >=, 7);
  gst_harness_teardown (h);
}

static void
test_retry_period (void)
{
  GstHarness *h = running (500);
  GstClockTime first = now_of (h);

  g_object_set (h->element, "rtx-retry-timeout", 20, "rtx-retry-period", 50,
      NULL);
  push_at (h, first, packet (34, first));
  requests (h);
  while (now_of (h) < first + 200 * MS)
    g_assert_true (gst_harness_crank_single_clock_wait (h));
  /* at 0, 20 and 40 ms for each of the packets that were missing then */
  g_assert_cmpuint (stat_of (h, "rtx-count"), <=, 3 * 24);
  gst_harness_teardown (h);
}

static void
test_next_seqnum (void)
{
  for (guint enabled = 0; enabled < 2; enabled++) {
    GstHarness *h = start (200);

    g_object_set (h->element, "do-retransmission", TRUE, "rtx-next-seqnum",
        enabled, NULL);
    for (guint n = 0; n < 10; n++)
      push_at (h, n * SPACING, packet (n, n * SPACING));
    expect_at (h, 0, 0, 200 * MS);
    /* packet 10 is missed when it is due to come, although none after it has */
    if (enabled)
      expect_request (h, 10);
    for (guint n = 1; n < 10; n++) {
      pass_losses (h, n * SPACING + 200 * MS);
      expect_at (h, n, n * SPACING, n * SPACING + 200 * MS);
    }
    g_assert_cmpuint (stat_of (h, "rtx-count") > 0, ==, enabled);
    gst_harness_teardown (h);
  }
}

/* Frames of one timestamp, 100 ms apart: what is missing within a frame is asked for. */
static void
test_large_spacing (void)
{
  GstHarness *h = start (150);

  g_object_set (h->element, "do-retransmission", TRUE, "rtx-delay", 0, NULL);
  for (guint n = 0; n < 10; n++) {
    GstBuffer *again;

    push_at (h, n * 100 * MS, packet_full ((guint16) (3 * n), n * 4800, SSRC,
            PT, n * 100 * MS, 100));
    push_at (h, n * 100 * MS, packet_full ((guint16) (3 * n + 2), n * 4800,
            SSRC, PT, n * 100 * MS, 100));
    expect_request (h, 3 * n + 1);
    g_assert_cmpuint (requests (h), ==, 0);
    again = packet_full ((guint16) (3 * n + 1), n * 4800, SSRC, PT,
        n * 100 * MS + 10 * MS, 100);
    GST_BUFFER_FLAG_SET (again, GST_RTP_BUFFER_FLAG_RETRANSMISSION);
    push_at (h, n * 100 * MS + 10 * MS, again);
    if (n > 0) {
      pass_losses (h, (n - 1) * 100 * MS + 150 * MS);
      for (guint i = 0; i < 3; i++)
        expect_at (h, 3 * (n - 1) + i, (n - 1) * 100 * MS,
            (n - 1) * 100 * MS + 150 * MS);
    }
  }
  check_rtx (h, 10, 10, 10 * MS);
  g_assert_cmpuint (stat_of (h, "num-lost"), ==, 0);
  g_assert_cmpuint (stat_of (h, "num-resets"), ==, 0);
  gst_harness_teardown (h);
}

/* Retransmissions come late by nature, and say nothing of the path. */
static void
test_does_not_move_base (void)
{
  GstHarness *h = running (400);
  GstClockTime now = now_of (h);
  guint n = 10;

  for (guint round = 0; round < 50; round++, n += 2) {
    GstClockTime at = (n + 1) * SPACING + 400 * MS;

    now = MAX (at, now + 390 * MS) - 390 * MS;
    push_at (h, now, packet (n + 1, (n + 1) * SPACING));
    now = now_of (h);
    push_at (h, now, rtx_packet (n, now));
    requests (h);
    while (gst_harness_try_pull (h) != NULL)
      g_assert_not_reached ();
    expect_at (h, n, n * SPACING, MAX (n * SPACING + 400 * MS, now));
    expect_at (h, n + 1, (n + 1) * SPACING, (n + 1) * SPACING + 400 * MS);
    now = now_of (h);
  }
  g_assert_cmpuint (stat_of (h, "num-lost"), ==, 0);
  gst_harness_teardown (h);
}

/* After a restart of the sequence the packets of the old one are asked for no more,
 * and nothing stalls. */
static void
test_restart_does_not_stall (void)
{
  GstHarness *h = running (200);
  GstClockTime now = now_of (h);

  push_at (h, now, packet (15, now));
  requests (h);
  for (guint i = 0; i < 5; i++)
    push_at (h, now, packet_full ((guint16) (40000 + i), i * TICKS, SSRC, PT,
            now + i * SPACING, 100));
  /* a retransmission out of the blue is refused, and starts nothing */
  push_at (h, now, rtx_packet (20000, now));
  g_assert_cmpuint (stat_of (h, "num-refused"), ==, 1);
  while (now_of (h) < now + 4 * SPACING + 200 * MS)
    g_assert_true (gst_harness_crank_single_clock_wait (h));
  for (guint64 pushed = 0; pushed < 16; pushed = stat_of (h, "num-pushed"))
    g_thread_yield ();
  g_assert_cmpuint (stat_of (h, "num-resets"), ==, 1);
  gst_harness_teardown (h);
}

/* A retransmission ahead of all that has come, as a prober sends: the gap before it is
 * given up in time, and what comes in it is taken. */
static void
test_gap_before_retransmission (void)
{
  GstHarness *h = running (200);
  GstClockTime now = 22 * SPACING;

  push_at (h, now, rtx_packet (22, now));
  push_at (h, now, packet (20, now));
  pass_losses (h, 20 * SPACING + 200 * MS);
  expect_at (h, 20, 20 * SPACING, 20 * SPACING + 200 * MS);
  pass_losses (h, 22 * SPACING + 200 * MS);
  expect_at (h, 22, 22 * SPACING, 22 * SPACING + 200 * MS);
  now = now_of (h);
  push_at (h, now, packet (23, now));
  push_at (h, now, packet (24, now));
  expect_at (h, 23, 23 * SPACING, 23 * SPACING + 200 * MS);
  expect_at (h, 24, 24 * SPACING, 24 * SPACING + 200 * MS);
  gst_harness_teardown (h);
}

/* Timestamps that run back against the sequence: missing packets are still asked for. */
static void
test_backwards_timestamps (void)
{
  GstHarness *h = running (200);
  GstClockTime now = 20 * SPACING;

  push_at (h, now, packet (20, 20 * SPACING));
  /* 10 would be released just now */
  for (guint n = 11; n < 20; n++)
    expect_request (h, n);
  push_at (h, now, packet_full (22, 19 * TICKS, SSRC, PT, now, 100));
  expect_request (h, 21);
  push_at (h, now, rtx_packet (21, now));
  pass_losses (h, 20 * SPACING + 200 * MS);
  expect_at (h, 20, 20 * SPACING, 20 * SPACING + 200 * MS);
  /* 21's own time, and 22 behind it */
  g_assert_true (gst_harness_crank_single_clock_wait (h));
  for (guint64 pushed = 0; pushed < 13; pushed = stat_of (h, "num-pushed"))
    g_thread_yield ();
  g_assert_cmpuint (stat_of (h, "num-lost"), ==, 10);
  gst_harness_teardown (h);
}

static void
test_per_packet (void)
{
  GstHarness *h = running (400);
  GstClockTime now = now_of (h);
  GstStructure *s = NULL;
  double per = 0;

  g_object_set (h->element, "rtx-retry-timeout", 20, NULL);
  push_at (h, now, packet (30, now));
  push_at (h, now, packet (32, now));
  while (now_of (h) < now + 40 * MS)
    g_assert_true (gst_harness_crank_single_clock_wait (h));
  now = now_of (h);
  push_at (h, now, rtx_packet (31, now));
  g_object_get (h->element, "stats", &s, NULL);
  g_assert_true (gst_structure_get_double (s, "rtx-per-packet", &per));
  g_assert_cmpfloat (fabs (per - (double) stat_of (h, "rtx-count")), <, 1e-9);
  gst_structure_free (s);
  gst_harness_teardown (h);
}

int
main (int argc, char **argv)
{
  gst_init (&argc, &argv);
  g_test_init (&argc, &argv, NULL);
#define ADD(name, func) g_test_add_func ("/latencybuffer/rtx/" name, func)
  ADD ("two-missing", test_two_missing);
  ADD ("arrives-in-time", test_arrives_in_time);
  ADD ("arrives-after-lost", test_arrives_after_lost);
  ADD ("original-arrives", test_original_arrives);
  ADD ("retries", test_retries);
  ADD ("no-request-without-use", test_no_request_without_use);
  ADD ("retry-period", test_retry_period);
  ADD ("next-seqnum", test_next_seqnum);
  ADD ("large-spacing", test_large_spacing);
  ADD ("does-not-move-base", test_does_not_move_base);
  ADD ("restart-does-not-stall", test_restart_does_not_stall);
  ADD ("gap-before-retransmission", test_gap_before_retransmission);
  ADD ("backwards-timestamps", test_backwards_timestamps);
  ADD ("per-packet", test_per_packet);
  return g_test_run ();
}
