/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Tests of transit minima and of the slopes in drift.c. */
#include <avsim.h>
#include <gst/lockstep/transit.h>

#define MS SIM_MS
#define SECOND SIM_SECOND

static void
test_minimum_is_the_lowest_in_the_window (void)
{
  LockstepTransit transit;
  gint64 minimum;

  lockstep_transit_init (&transit);
  g_assert_false (lockstep_transit_minimum (&transit, 0, &minimum));
  lockstep_transit_add (&transit, 100 * MS, 60 * MS);
  lockstep_transit_add (&transit, 110 * MS, 80 * MS);
  lockstep_transit_add (&transit, 150 * MS, 100 * MS);
  g_assert_true (lockstep_transit_minimum (&transit, 150 * MS, &minimum));
  g_assert_cmpint (minimum, ==, 30 * MS);
  /* A minute later it has left the window. */
  g_assert_false (lockstep_transit_minimum (&transit, 60 * SECOND, &minimum));
  lockstep_transit_add (&transit, 60 * SECOND, 60 * SECOND - 50 * MS);
  g_assert_true (lockstep_transit_minimum (&transit, 60 * SECOND, &minimum));
  g_assert_cmpint (minimum, ==, 50 * MS);
}

static void
test_old_and_negative_arrivals (void)
{
  LockstepTransit transit;
  gint64 minimum;

  lockstep_transit_init (&transit);
  lockstep_transit_add (&transit, -400 * MS, -410 * MS);
  lockstep_transit_add (&transit, 60 * SECOND, 60 * SECOND - 20 * MS);
  /* Older than the window: it must not take a newer bin's place. */
  lockstep_transit_add (&transit,
      60 * SECOND - LOCKSTEP_TRANSIT_BINS * LOCKSTEP_TRANSIT_BIN, 60 * SECOND);
  g_assert_true (lockstep_transit_minimum (&transit, 60 * SECOND, &minimum));
  g_assert_cmpint (minimum, ==, 20 * MS);
}

static void
add_stream (LockstepTransit * transit, gint64 from, gint64 to, gint64 spacing,
    gint64 clock, gint64 delay, guint32 * seed, gint64 jitter)
{
  for (gint64 t = from; t < to; t += spacing)
    lockstep_transit_add (transit, t + delay + (jitter ? sim_random (seed)
            % jitter : 0), t - clock);
}

static void
test_difference_survives_jitter_and_pacing (void)
{
  LockstepTransit a, v;
  LockstepTransitDifference d;
  guint32 seed = 5;

  lockstep_transit_init (&a);
  lockstep_transit_init (&v);
  add_stream (&a, 0, 10 * SECOND, 20 * MS, 111 * MS, 30 * MS, &seed, 20 * MS);
  add_stream (&v, 0, 10 * SECOND, 33 * MS, 444 * MS, 30 * MS, &seed, 20 * MS);
  /* The later packets of a keyframe carry its time and come late. */
  for (guint i = 0; i < 10; i++)
    lockstep_transit_add (&v, (30 + 8 * i) * MS, -444 * MS);
  g_assert_true (lockstep_transit_compare (&a, &v, 10 * SECOND, 0, &d));
  g_assert_cmpint (ABS (d.offset - 333 * MS), <, 1 * MS);
  g_assert_cmpuint (d.bins, >=, 39);
  g_assert_cmpint (d.uncertainty, <, 5 * MS);
}

/* Where every packet meets a queue, the lowest of 45 frames is 5 ms above that of 150: that is no
 * offset of the stream. */
static void
test_few_frames_beside_many (void)
{
  guint32 seed = 9;
  gint64 sum = 0;

  for (guint i = 0; i < 50; i++) {
    LockstepTransit a, v;
    LockstepTransitDifference d;

    lockstep_transit_init (&a);
    lockstep_transit_init (&v);
    for (gint64 t = 0; t < 3000 * MS; t += 20 * MS)
      lockstep_transit_add (&a, t + sim_random (&seed) % (60 * MS)
          + sim_random (&seed) % (60 * MS), t);
    for (gint64 t = 0; t < 3000 * MS; t += 66 * MS) {
      gint64 arrival = t + sim_random (&seed) % (60 * MS)
          + sim_random (&seed) % (60 * MS);

      for (guint packet = 0; packet < 5; packet++)
        lockstep_transit_add (&v, arrival, t);
    }
    g_assert_true (lockstep_transit_compare (&a, &v, 3000 * MS, 0, &d));
    sum += d.offset;
  }
  g_assert_cmpint (ABS (sum / 50), <, 5 * MS / 2);
}

static void
test_a_minimum_that_one_stream_saw (void)
{
  LockstepTransit a, v;
  LockstepTransitDifference d;
  guint32 seed = 5;

  lockstep_transit_init (&a);
  lockstep_transit_init (&v);
  /* The path was 100 ms shorter while only audio was there. */
  add_stream (&a, 0, 240 * MS, 20 * MS, 0, 20 * MS, &seed, 0);
  add_stream (&a, 240 * MS, 5 * SECOND, 20 * MS, 0, 120 * MS, &seed, 0);
  add_stream (&v, 240 * MS, 5 * SECOND, 33 * MS, 0, 120 * MS, &seed, 0);
  g_assert_true (lockstep_transit_compare (&a, &v, 5 * SECOND, 0, &d));
  g_assert_cmpint (ABS (d.offset), <=, 2 * MS);
}

static void
test_drift_is_taken_out_of_the_window (void)
{
  LockstepTransit a, v;
  LockstepTransitDifference d;

  lockstep_transit_init (&a);
  lockstep_transit_init (&v);
  for (gint64 t = 0; t < 15 * SECOND; t += 20 * MS) {
    lockstep_transit_add (&a, t, t);
    lockstep_transit_add (&v, t, t - t / 1000);
  }
  g_assert_true (lockstep_transit_compare (&a, &v, 15 * SECOND, 1e-3, &d));
  g_assert_cmpint (ABS (d.offset - 15 * MS), <, MS / 2);
}

static void
test_empty_and_disjoint_windows (void)
{
  LockstepTransit a, v;
  LockstepTransitDifference d;

  lockstep_transit_init (&a);
  lockstep_transit_init (&v);
  g_assert_false (lockstep_transit_compare (&a, &v, 0, 0, &d));
  lockstep_transit_add (&a, 0, 0);
  g_assert_false (lockstep_transit_compare (&a, &v, 0, 0, &d));
  lockstep_transit_add (&v, SECOND, SECOND - 7 * MS);
  g_assert_true (lockstep_transit_compare (&a, &v, SECOND, 0, &d));
  g_assert_cmpuint (d.bins, ==, 0);
  g_assert_cmpint (d.offset, ==, 7 * MS);
  g_assert_cmpint (d.uncertainty, >=, 50 * MS);
}

static void
test_theil_sen_ignores_wild_points (void)
{
  gint64 at[20], value[20];

  for (guint i = 0; i < 20; i++) {
    at[i] = i * SECOND;
    value[i] = i * 1000000 / 10;        /* 100 ppm */
  }
  value[3] += SECOND;
  value[11] -= SECOND;
  value[17] += 3 * SECOND;
  g_assert_cmpfloat_with_epsilon (lockstep_theil_sen (at, value, 20), 1e-4,
      1e-9);
  g_assert_cmpfloat (lockstep_theil_sen (at, value, 1), ==, 0);
  at[0] = at[1] = 0;
  g_assert_cmpfloat (lockstep_theil_sen (at, value, 2), ==, 0);
}

static void
test_drift_sees_through_steps_and_wraps (void)
{
  LockstepDrift drift;

  lockstep_drift_init (&drift);
  g_assert_cmpfloat (drift.doubt, ==, LOCKSTEP_DRIFT_UNKNOWN);
  /* More points than are kept; 200 ms steps that are no drift. */
  for (gint64 i = 0; i < 3 * LOCKSTEP_DRIFT_POINTS; i++)
    lockstep_drift_add (&drift, i * 5 * SECOND, i * SECOND / 1000 / 1000 * 5
        * 80 + (i / 20 % 2) * 200 * MS, 5 * SECOND, 30 * SECOND);
  g_assert_true (drift.valid);
  g_assert_cmpfloat_with_epsilon (drift.slope, 80e-6, 5e-6);
  g_assert_cmpfloat (drift.doubt, <, 10e-6);
}

static void
test_drift_is_limited_and_needs_a_span (void)
{
  LockstepDrift drift;

  lockstep_drift_init (&drift);
  for (gint64 i = 0; i < 5; i++)
    lockstep_drift_add (&drift, i * 5 * SECOND, i * 5 * MS, 5 * SECOND,
        30 * SECOND);
  g_assert_false (drift.valid);
  for (gint64 i = 5; i < 20; i++)
    lockstep_drift_add (&drift, i * 5 * SECOND, i * 5 * MS, 5 * SECOND,
        30 * SECOND);
  g_assert_true (drift.valid);
  g_assert_cmpfloat_with_epsilon (drift.slope, 500e-6, 1e-12);
}

static void
test_medians (void)
{
  gint64 odd[] = { 5, -1, 3 }, even[] = { 40, 10, 30, 21 }, median;
  gint64 same[] = { 7, 7, 7, 1000 };

  g_assert_cmpint (lockstep_median (odd, 3), ==, 3);
  g_assert_cmpint (lockstep_median (even, 4), ==, 25);
  g_assert_cmpint (lockstep_median (NULL, 0), ==, 0);
  g_assert_cmpfloat (lockstep_deviation (same, 4, &median), ==, 0);
  g_assert_cmpint (median, ==, 7);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/transit/minimum",
      test_minimum_is_the_lowest_in_the_window);
  g_test_add_func ("/transit/old", test_old_and_negative_arrivals);
  g_test_add_func ("/transit/jitter",
      test_difference_survives_jitter_and_pacing);
  g_test_add_func ("/transit/few-beside-many", test_few_frames_beside_many);
  g_test_add_func ("/transit/one-stream", test_a_minimum_that_one_stream_saw);
  g_test_add_func ("/transit/drift", test_drift_is_taken_out_of_the_window);
  g_test_add_func ("/transit/empty", test_empty_and_disjoint_windows);
  g_test_add_func ("/drift/theil-sen", test_theil_sen_ignores_wild_points);
  g_test_add_func ("/drift/steps", test_drift_sees_through_steps_and_wraps);
  g_test_add_func ("/drift/limits", test_drift_is_limited_and_needs_a_span);
  g_test_add_func ("/drift/medians", test_medians);
  return g_test_run ();
}
