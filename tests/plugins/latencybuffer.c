/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* latencybuffer: when packets leave, what becomes of late, lost and doubled ones. */
#include "latencybuffer.h"

#include <gst/lockstep/metas.h>

/* First packet out, so that the time base stands: 0 at time 0. */
static GstHarness *
started (guint latency_ms)
{
  GstHarness *h = start (latency_ms);

  push_at (h, 0, packet (0, 0));
  expect_at (h, 0, 0, latency_ms * MS);
  return h;
}

static void
test_release_time (void)
{
  GstHarness *h = start (500);
  guint64 in = 0, out = 0;

  /* arrivals and releases interleaved: 100 packets, all on time */
  while (out < 100) {
    GstClockTime due = out * SPACING + 500 * MS;

    if (in < 100 && in * SPACING <= due) {
      push_at (h, in * SPACING, packet (in, in * SPACING));
      in++;
      continue;
    }
    expect_at (h, out, out * SPACING, due);
    out++;
  }
  g_assert_cmpuint (stat_of (h, "held-time"), ==, 500 * MS);
  gst_harness_teardown (h);
}

static void
test_jitter_is_taken_out (void)
{
  static const guint delay[] = { 0, 100, 37, 250, 499, 3, 80, 500 };
  GstHarness *h = start (500);

  /* arrivals in the order they happen */
  for (GstClockTime t = 0; t < 700 * MS; t += MS) {
    for (guint n = 0; n < G_N_ELEMENTS (delay); n++) {
      if (t == n * SPACING + delay[n] * (guint64) MS)
        push_at (h, t, packet (n, t));
    }
    if (t >= 500 * MS && (t - 500 * MS) % SPACING == 0
        && (t - 500 * MS) / SPACING < G_N_ELEMENTS (delay)) {
      guint n = (t - 500 * MS) / SPACING;

      expect_at (h, n, n * SPACING, t);
    }
  }
  g_assert_cmpuint (stat_of (h, "num-late"), ==, 0);
  gst_harness_teardown (h);
}

static void
test_exactly_at_the_bound (void)
{
  for (gint d = -1; d <= 1; d++) {
    GstHarness *h = started (500);
    GstClockTime due = SPACING + 500 * MS;
    GstClockTime arrival = d < 0 ? due - 1 : due + (guint) d;

    push_at (h, arrival, packet (1, arrival));
    if (d < 0) {
      expect_at (h, 1, SPACING, due);
    } else if (d == 0) {
      expect (h, 1, SPACING);
      g_assert_cmpuint (now_of (h), ==, due);
    } else {
      g_assert_cmpuint (stat_of (h, "num-late"), ==, 1);
    }
    /* the one after it is where it would have been anyway */
    push_at (h, now_of (h), packet (2, now_of (h)));
    expect_at (h, 2, 2 * SPACING, 2 * SPACING + 500 * MS);
    g_assert_cmpuint (stat_of (h, "num-late"), ==, d > 0 ? 1 : 0);
    g_assert_cmpuint (stat_of (h, "num-lost"), ==, d > 0 ? 1 : 0);
    gst_harness_teardown (h);
  }
}

static void
test_late_leaves_base_alone (void)
{
  GstHarness *h = started (200);

  /* 300 ms late with a bound of 200 */
  push_at (h, SPACING + 300 * MS, packet (1, SPACING + 300 * MS));
  g_assert_cmpuint (stat_of (h, "num-late"), ==, 1);
  for (guint n = 17; n < 25; n++)
    push_at (h, n * SPACING, packet (n, n * SPACING));
  /* the missing ones are given up, each at its time */
  pass_losses (h, 17 * SPACING + 200 * MS);
  for (guint n = 17; n < 25; n++)
    expect_at (h, n, n * SPACING, n * SPACING + 200 * MS);
  g_assert_cmpuint (stat_of (h, "num-resets"), ==, 0);
  gst_harness_teardown (h);
}

static void
test_late_policy_pass (void)
{
  GstHarness *h = started (200);

  gst_util_set_object_arg (G_OBJECT (h->element), "late-policy", "pass");
  push_at (h, 600 * MS, packet (1, 600 * MS));
  expect (h, 1, SPACING);
  g_assert_cmpuint (now_of (h), ==, 600 * MS);
  push_at (h, 600 * MS, packet (30, 600 * MS));
  expect_at (h, 30, 600 * MS, 800 * MS);
  /* one that another has overtaken */
  push_at (h, 800 * MS, packet (29, 800 * MS));
  expect (h, 29, 580 * MS);
  push_at (h, 800 * MS, packet (40, 800 * MS));
  expect_at (h, 40, 800 * MS, 1000 * MS);
  g_assert_cmpuint (stat_of (h, "num-late"), ==, 2);
  gst_harness_teardown (h);
}

static void
test_first_packet_late (void)
{
  GstHarness *h = start (100);

  /* The first packet comes 60 ms after its time; the ones behind it show it before
   * anything has left. */
  push_at (h, 60 * MS, packet (0, 60 * MS));
  push_at (h, 61 * MS, packet (1, 61 * MS));
  push_at (h, 62 * MS, packet (2, 62 * MS));
  push_at (h, 63 * MS, packet (3, 63 * MS));
  /* packet 3's time is 63 ms, so packet 0's is 3 ms */
  for (guint n = 0; n < 4; n++)
    expect_at (h, n, 3 * MS + n * SPACING, 103 * MS + n * SPACING);
  gst_harness_teardown (h);
}

static void
test_wrap (void)
{
  GstHarness *h = start (100);
  guint32 timestamp = G_MAXUINT32 - 5 * TICKS;
  guint16 seq = G_MAXUINT16 - 3;

  for (guint n = 0; n < 20; n++) {
    push_at (h, n * SPACING, packet_full ((guint16) (seq + n),
            timestamp + n * TICKS, SSRC, PT, n * SPACING, 100));
    if (n >= 5)
      expect_at (h, (guint16) (seq + n - 5), (n - 5) * SPACING, n * SPACING);
  }
  g_assert_cmpuint (stat_of (h, "num-resets"), ==, 0);
  g_assert_cmpuint (stat_of (h, "num-lost"), ==, 0);
  gst_harness_teardown (h);
}

static void
test_reorder (void)
{
  static const guint order[] = { 3, 1, 2, 5, 4, 7, 6 };
  GstHarness *h = started (200);

  for (guint i = 0; i < G_N_ELEMENTS (order); i++)
    push_at (h, 340 * MS, packet (10 + order[i], 340 * MS));
  for (guint n = 11; n <= 17; n++)
    expect_at (h, n, n * SPACING, n * SPACING + 200 * MS);
  g_assert_cmpuint (stat_of (h, "num-lost"), ==, 10);
  g_assert_cmpuint (stat_of (h, "num-late"), ==, 0);
  gst_harness_teardown (h);
}

static void
test_reorder_before_the_first (void)
{
  GstHarness *h = start (200);

  push_at (h, 0, packet (5, 0));
  push_at (h, 0, packet (4, 0));
  push_at (h, 0, packet (3, 0));
  expect_at (h, 3, 0, 160 * MS);
  gst_harness_teardown (h);
}

static void
test_duplicates (void)
{
  GstHarness *h = started (200);

  push_at (h, 200 * MS, packet (10, 200 * MS));
  push_at (h, 201 * MS, packet (10, 201 * MS));
  expect_at (h, 10, 200 * MS, 400 * MS);
  push_at (h, 401 * MS, packet (10, 401 * MS));
  g_assert_cmpuint (stat_of (h, "num-duplicates"), ==, 2);
  g_assert_cmpuint (stat_of (h, "num-late"), ==, 0);
  g_assert_cmpuint (stat_of (h, "num-pushed"), ==, 2);
  g_assert_null (gst_harness_try_pull (h));
  gst_harness_teardown (h);
}

/* Packets 1..9 come evenly and leave, so that the spacing is known. */
static GstHarness *
running (guint latency_ms, gboolean do_lost)
{
  GstHarness *h = start (latency_ms);

  g_object_set (h->element, "do-lost", do_lost, NULL);
  for (guint n = 0; n < 10; n++)
    push_at (h, n * SPACING, packet (n, n * SPACING));
  for (guint n = 0; n < 10; n++)
    expect_at (h, n, n * SPACING, n * SPACING + latency_ms * MS);
  return h;
}

static void
test_lost (void)
{
  GstHarness *h = running (200, TRUE);
  GstClockTime at = 12 * SPACING;

  /* 10 and 11 are missing */
  push_at (h, MAX (at, now_of (h)), packet (12, at));
  push_at (h, now_of (h), packet (13, 13 * SPACING));
  reach (h, 10 * SPACING + 200 * MS);
  expect_lost (h, 10, 10 * SPACING, SPACING);
  reach (h, 11 * SPACING + 200 * MS);
  expect_lost (h, 11, 11 * SPACING, SPACING);
  /* what follows the loss is where it would have been */
  expect_at (h, 12, 12 * SPACING, 12 * SPACING + 200 * MS);
  expect_at (h, 13, 13 * SPACING, 13 * SPACING + 200 * MS);
  g_assert_cmpuint (stat_of (h, "num-lost"), ==, 2);
  /* one that was given up is late */
  push_at (h, now_of (h), packet (11, now_of (h)));
  g_assert_cmpuint (stat_of (h, "num-late"), ==, 1);
  gst_harness_teardown (h);
}

static void
test_two_lost_one_arrives_in_time (void)
{
  GstHarness *h = running (200, TRUE);

  push_at (h, now_of (h), packet (12, 12 * SPACING));
  reach (h, 10 * SPACING + 200 * MS);
  expect_lost (h, 10, 10 * SPACING, SPACING);
  push_at (h, now_of (h), packet (11, now_of (h)));
  expect_at (h, 11, 11 * SPACING, 11 * SPACING + 200 * MS);
  expect_at (h, 12, 12 * SPACING, 12 * SPACING + 200 * MS);
  g_assert_cmpuint (stat_of (h, "num-lost"), ==, 1);
  gst_harness_teardown (h);
}

static void
test_large_gap_is_one_event (void)
{
  GstHarness *h = running (200, TRUE);
  guint n = 10 + 500;

  push_at (h, n * SPACING, packet (n, n * SPACING));
  /* those that can still come are told singly, the others together */
  expect_lost (h, 10, 10 * SPACING, (n - 10 - 9) * SPACING);
  for (guint k = n - 9; k < n; k++) {
    reach (h, k * SPACING + 200 * MS);
    expect_lost (h, k, k * SPACING, SPACING);
  }
  expect_at (h, n, n * SPACING, n * SPACING + 200 * MS);
  g_assert_cmpuint (stat_of (h, "num-lost"), ==, 500);
  /* one of those given up together comes after all */
  push_at (h, now_of (h), packet (n - 10, now_of (h)));
  g_assert_cmpuint (stat_of (h, "num-late"), ==, 1);
  g_assert_null (gst_harness_try_pull (h));
  gst_harness_teardown (h);
}

/* A packet that is dropped as late is lost as those before it that never came: they are
 * told when the next one in time shows the gap. */
static void
test_late_packet_is_lost_too (void)
{
  GstHarness *h = running (200, TRUE);
  GstClockTime now = 1000 * MS;
  const guint n = 50;

  push_at (h, now, packet (12, now));
  g_assert_cmpuint (stat_of (h, "num-late"), ==, 1);
  push_at (h, now, packet (n, n * SPACING));
  /* 10..40 are overdue, few enough to be told singly */
  for (guint k = 10; k <= 40; k++)
    expect_lost (h, k, k * SPACING, SPACING);
  for (guint k = 41; k < n; k++) {
    reach (h, k * SPACING + 200 * MS);
    expect_lost (h, k, k * SPACING, SPACING);
  }
  expect_at (h, n, n * SPACING, n * SPACING + 200 * MS);
  g_assert_cmpuint (stat_of (h, "num-lost"), ==, 40);
  gst_harness_teardown (h);
}

/* The timestamp after the gap is before the one in front of it: the loss has the time
 * of what follows, and nothing stalls. */
static void
test_lost_before_a_backwards_timestamp (void)
{
  GstHarness *h = running (200, TRUE);
  GstClockTime now = 20 * SPACING;

  push_at (h, now, packet (20, 20 * SPACING));
  push_at (h, now, packet_full (22, 19 * TICKS, SSRC, PT, now, 100));
  pass_losses (h, 20 * SPACING + 200 * MS);
  for (guint k = 10; k < 20; k++)
    expect_lost (h, k, k * SPACING, SPACING);
  /* 21 is lost at once, as its time is over */
  expect_at (h, 20, 20 * SPACING, 20 * SPACING + 200 * MS);
  expect_lost (h, 21, 19 * SPACING, 0);
  expect (h, 22, 19 * SPACING);
  gst_harness_teardown (h);
}

/* Frames of two packets of one timestamp, as with parameter sets: what is missing within
 * a frame has that frame's time and no length. */
static void
test_lost_within_a_frame (void)
{
  GstHarness *h = start (200);

  g_object_set (h->element, "do-lost", TRUE, NULL);
  for (guint n = 0; n < 4; n++) {
    push_at (h, n * SPACING, packet_full ((guint16) (3 * n), n * TICKS, SSRC,
            PT, n * SPACING, 100));
    if (n != 2)
      push_at (h, n * SPACING, packet_full ((guint16) (3 * n + 1), n * TICKS,
              SSRC, PT, n * SPACING, 100));
    push_at (h, n * SPACING, packet_full ((guint16) (3 * n + 2), n * TICKS,
            SSRC, PT, n * SPACING, 100));
  }
  for (guint n = 0; n < 4; n++) {
    reach (h, n * SPACING + 200 * MS);
    expect (h, 3 * n, n * SPACING);
    if (n == 2)
      expect_lost (h, 7, 2 * SPACING, 0);
    else
      expect (h, 3 * n + 1, n * SPACING);
    expect (h, 3 * n + 2, n * SPACING);
  }
  g_assert_cmpuint (stat_of (h, "num-lost"), ==, 1);
  gst_harness_teardown (h);
}

static GstPadProbeReturn
count_lists (GstPad * pad, GstPadProbeInfo * info, gpointer data)
{
  guint *lists = data;

  if (GST_PAD_PROBE_INFO_TYPE (info) & GST_PAD_PROBE_TYPE_BUFFER_LIST) {
    lists[0]++;
    lists[1] += gst_buffer_list_length (GST_PAD_PROBE_INFO_BUFFER_LIST (info));
  } else {
    lists[2]++;
  }
  return GST_PAD_PROBE_OK;
}

static void
test_frame_leaves_as_a_list (void)
{
  GstHarness *h = start (100);
  GstPad *pad = gst_element_get_static_pad (h->element, "src");
  guint lists[3] = { 0, };

  gst_pad_add_probe (pad,
      GST_PAD_PROBE_TYPE_BUFFER | GST_PAD_PROBE_TYPE_BUFFER_LIST, count_lists,
      lists, NULL);
  /* a frame of three packets, of which one is reordered, and a frame of one */
  push_at (h, 0, packet_full (1, 0, SSRC, PT, 0, 1000));
  push_at (h, 1 * MS, packet_full (3, 0, SSRC, PT, 1 * MS, 1000));
  push_at (h, 2 * MS, packet_full (2, 0, SSRC, PT, 2 * MS, 1000));
  push_at (h, 33 * MS, packet_full (4, 1584, SSRC, PT, 33 * MS, 1000));
  expect_at (h, 1, 0, 100 * MS);
  expect (h, 2, 0);
  expect (h, 3, 0);
  expect_at (h, 4, 33 * MS, 133 * MS);
  g_assert_cmpuint (lists[0], ==, 1);
  g_assert_cmpuint (lists[1], ==, 3);
  g_assert_cmpuint (lists[2], ==, 1);
  gst_object_unref (pad);
  gst_harness_teardown (h);
}

static void
test_metas (void)
{
  GstHarness *h = start (100);
  GstBuffer *buffer;
  GstReferenceTimestampMeta *meta;
  g_autoptr (GstCaps) arrival = gst_caps_from_string (LOCKSTEP_META_ARRIVAL);
  g_autoptr (GstCaps) ntp = gst_caps_from_string (LOCKSTEP_META_NTP);

  push_at (h, 7 * MS, packet (0, 7 * MS));
  reach (h, 107 * MS);
  buffer = pull (h);
  meta = gst_buffer_get_reference_timestamp_meta (buffer, arrival);
  g_assert_nonnull (meta);
  /* clock time: base time and running time */
  g_assert_cmpuint (meta->timestamp, ==,
      gst_element_get_base_time (h->element) + 7 * MS);
  g_assert_null (gst_buffer_get_reference_timestamp_meta (buffer, ntp));
  g_assert_true (GST_BUFFER_IS_DISCONT (buffer));
  gst_buffer_unref (buffer);
  gst_harness_teardown (h);
}

static void
test_new_ssrc (void)
{
  GstHarness *h = running (200, FALSE);
  GstClockTime now = now_of (h);
  GstBuffer *buffer;

  /* one packet proves nothing */
  push_at (h, now, packet_full (700, 5, 0xbad, PT, now, 100));
  push_at (h, now, packet (10, 10 * SPACING));
  expect_at (h, 10, 10 * SPACING, 10 * SPACING + 200 * MS);
  g_assert_cmpuint (stat_of (h, "num-resets"), ==, 0);
  /* two in sequence do */
  now = now_of (h) + SPACING;
  push_at (h, now, packet_full (900, 77777, 0xabc, PT, now, 100));
  push_at (h, now + SPACING, packet_full (901, 77777 + TICKS, 0xabc, PT,
          now + SPACING, 100));
  reach (h, now + 200 * MS);
  buffer = pull (h);
  g_assert_cmpuint (seq_of (buffer), ==, 900);
  g_assert_cmpuint (GST_BUFFER_PTS (buffer), ==, now);
  g_assert_true (GST_BUFFER_IS_DISCONT (buffer));
  g_assert_true (GST_BUFFER_FLAG_IS_SET (buffer, GST_BUFFER_FLAG_RESYNC));
  gst_buffer_unref (buffer);
  expect_at (h, 901, now + SPACING, now + SPACING + 200 * MS);
  g_assert_cmpuint (stat_of (h, "num-resets"), ==, 1);
  g_assert_cmpuint (stat_of (h, "num-refused"), ==, 1);
  gst_harness_teardown (h);
}

static void
test_sequence_restart (void)
{
  GstHarness *h = running (200, TRUE);
  GstClockTime now = now_of (h);

  for (guint i = 0; i < 5; i++) {
    push_at (h, now + i * SPACING, packet_full ((guint16) (30000 + i),
            12345 + i * TICKS, SSRC, PT, now + i * SPACING, 100));
    g_assert_cmpuint (stat_of (h, "num-resets"), ==, i == 4 ? 1 : 0);
  }
  for (guint i = 0; i < 5; i++)
    expect_at (h, 30000 + i, now + i * SPACING, now + i * SPACING + 200 * MS);
  g_assert_cmpuint (stat_of (h, "num-lost"), ==, 0);
  gst_harness_teardown (h);
}

static void
test_timestamp_jump (void)
{
  GstHarness *h = running (200, FALSE);
  GstClockTime now = now_of (h);
  guint32 jump = 3600 * RATE;

  /* a single crazy timestamp is refused, and costs its packet only */
  push_at (h, now, packet_full (10, 10 * TICKS + jump, SSRC, PT, now, 100));
  push_at (h, now, packet (10, 10 * SPACING));
  expect_at (h, 10, 10 * SPACING, 10 * SPACING + 200 * MS);
  g_assert_cmpuint (stat_of (h, "num-resets"), ==, 0);
  now = now_of (h);
  for (guint i = 0; i < 3; i++)
    push_at (h, now + i * SPACING, packet_full ((guint16) (11 + i),
            (11 + i) * TICKS + jump, SSRC, PT, now + i * SPACING, 100));
  for (guint i = 0; i < 3; i++)
    expect_at (h, 11 + i, now + i * SPACING, now + i * SPACING + 200 * MS);
  g_assert_cmpuint (stat_of (h, "num-resets"), ==, 1);
  gst_harness_teardown (h);
}

/* The sender pauses for 30 s, and its timestamps with it. */
static void
test_all_late_begins_anew (void)
{
  GstHarness *h = running (200, FALSE);
  GstClockTime pause = 30 * GST_SECOND;
  guint n = 10;

  while (stat_of (h, "num-resets") == 0) {
    g_assert_cmpuint (n, <, 200);
    push_at (h, n * SPACING + pause, packet (n, n * SPACING + pause));
    n++;
  }
  /* two seconds of late packets, then it runs */
  g_assert_cmpuint (n, ==, 10 + 101);
  expect_at (h, n - 1, (n - 1) * SPACING + pause,
      (n - 1) * SPACING + pause + 200 * MS);
  gst_harness_teardown (h);
}

/* An outage of 5 s delivers everything at once: late packets, but no new base. */
static void
test_outage_is_no_restart (void)
{
  GstHarness *h = running (200, FALSE);
  GstClockTime end = 10 * SPACING + 5 * GST_SECOND;
  guint last = 10 + 250;

  for (guint n = 10; n <= last; n++)
    push_at (h, end, packet (n, end));
  g_assert_cmpuint (stat_of (h, "num-resets"), ==, 0);
  g_assert_cmpuint (stat_of (h, "num-late"), ==, 240);
  expect (h, last - 10, (last - 10) * SPACING);
  for (guint n = last - 9; n <= last; n++)
    expect_at (h, n, n * SPACING, n * SPACING + 200 * MS);
  gst_harness_teardown (h);
}

static GstCaps *
give_rate (GstElement * element, guint pt, gpointer data)
{
  guint *asked = data;

  asked[pt]++;
  if (pt == 97)
    return gst_caps_from_string ("application/x-rtp,clock-rate=(int)8000");
  return NULL;
}

static void
test_clock_rate_change (void)
{
  GstHarness *h = running (200, FALSE);
  GstClockTime now = now_of (h);
  guint asked[128] = { 0, };
  GstBuffer *buffer;

  g_signal_connect (h->element, "request-pt-map", G_CALLBACK (give_rate),
      asked);
  push_at (h, now, packet_full (10, 4000, SSRC, 97, now, 100));
  push_at (h, now, packet_full (11, 4160, SSRC, 97, now, 100));
  reach (h, now - SPACING + 200 * MS);
  buffer = pull (h);
  g_assert_true (GST_BUFFER_IS_DISCONT (buffer));
  g_assert_cmpuint (GST_BUFFER_PTS (buffer), ==, now - SPACING);
  gst_buffer_unref (buffer);
  expect_at (h, 11, now, now + 200 * MS);
  g_assert_cmpuint (asked[97], ==, 1);
  /* a type that nobody knows is dropped, and is not asked for every time */
  push_at (h, now_of (h), packet_full (12, 0, SSRC, 98, now_of (h), 100));
  push_at (h, now_of (h), packet_full (13, 0, SSRC, 98, now_of (h), 100));
  g_assert_cmpuint (asked[98], ==, 1);
  g_assert_cmpuint (stat_of (h, "num-unknown-payload"), ==, 2);
  g_signal_emit_by_name (h->element, "clear-pt-map");
  push_at (h, now_of (h), packet_full (14, 0, SSRC, 98, now_of (h), 100));
  g_assert_cmpuint (asked[98], ==, 2);
  gst_harness_teardown (h);
}

int
main (int argc, char **argv)
{
  gst_init (&argc, &argv);
  g_test_init (&argc, &argv, NULL);
#define ADD(name, func) g_test_add_func ("/latencybuffer/" name, func)
  ADD ("release-time", test_release_time);
  ADD ("jitter-is-taken-out", test_jitter_is_taken_out);
  ADD ("exactly-at-the-bound", test_exactly_at_the_bound);
  ADD ("late-leaves-base-alone", test_late_leaves_base_alone);
  ADD ("late-policy-pass", test_late_policy_pass);
  ADD ("first-packet-late", test_first_packet_late);
  ADD ("wrap", test_wrap);
  ADD ("reorder", test_reorder);
  ADD ("reorder-before-the-first", test_reorder_before_the_first);
  ADD ("duplicates", test_duplicates);
  ADD ("lost", test_lost);
  ADD ("two-lost-one-arrives-in-time", test_two_lost_one_arrives_in_time);
  ADD ("large-gap-is-one-event", test_large_gap_is_one_event);
  ADD ("late-packet-is-lost-too", test_late_packet_is_lost_too);
  ADD ("lost-before-a-backwards-timestamp",
      test_lost_before_a_backwards_timestamp);
  ADD ("lost-within-a-frame", test_lost_within_a_frame);
  ADD ("frame-leaves-as-a-list", test_frame_leaves_as_a_list);
  ADD ("metas", test_metas);
  ADD ("new-ssrc", test_new_ssrc);
  ADD ("sequence-restart", test_sequence_restart);
  ADD ("timestamp-jump", test_timestamp_jump);
  ADD ("all-late-begins-anew", test_all_late_begins_anew);
  ADD ("outage-is-no-restart", test_outage_is_no_restart);
  ADD ("clock-rate-change", test_clock_rate_change);
  return g_test_run ();
}
