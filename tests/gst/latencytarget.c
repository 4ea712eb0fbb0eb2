/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <gst/lockstep/latencytarget.h>

#include <math.h>

#define MS G_GINT64_CONSTANT (1000000)

static LockstepLatencyTarget target;

static gboolean
add (gint64 now, gint64 lateness)
{
  gboolean late = lateness > lockstep_latency_target_get (&target);

  lockstep_latency_target_add (&target, now, lateness, late);
  return late;
}

static void
init (double quantile)
{
  lockstep_latency_target_init (&target);
  target.min = 0;
  target.max = 2000 * MS;
  lockstep_latency_target_set_quantile (&target, quantile);
}

static void
test_start (void)
{
  init (0.99);
  g_assert_cmpint (lockstep_latency_target_get (&target), ==, 80 * MS);
  target.min = 100 * MS;
  g_assert_cmpint (lockstep_latency_target_get (&target), ==, 100 * MS);
  target.min = 0;
  target.max = 50 * MS;
  g_assert_cmpint (lockstep_latency_target_get (&target), ==, 50 * MS);
}

/* Uniform lateness: the bound is the quantile, and as many are late. */
static void
test_quantile (void)
{
  static const double quantiles[] = { 0.9, 0.95, 0.99, 0.999 };

  for (guint i = 0; i < G_N_ELEMENTS (quantiles); i++) {
    g_autoptr (GRand) rand = g_rand_new_with_seed (1);
    const guint n = 200000;
    guint late = 0;

    init (quantiles[i]);
    for (guint k = 0; k < n; k++)
      late += add (k * 20 * MS, g_rand_int_range (rand, 0, 100 * MS));
    g_assert_cmpfloat (fabs (target.calm / 1e6 - 100 * quantiles[i]), <, 1);
    /* no more than asked for; fewer, as the bound is above the quantile for a while
     * after each */
    g_assert_cmpfloat ((double) late / n, <, (1 - quantiles[i]) * 1.1);
    g_assert_cmpfloat ((double) late / n, >, (1 - quantiles[i]) * 0.3);
  }
}

/* A spike that drains: its first packet is late, those behind it are not, and
 * when it is over the bound is soon where it was. */
static void
test_spike (void)
{
  gint64 now = 0, before, last;
  guint late = 0;

  init (0.99);
  for (guint i = 0; i < 5000; i++, now += 20 * MS)
    add (now, 10 * MS);
  before = lockstep_latency_target_get (&target);
  g_assert_cmpint (before, <=, 11 * MS);
  for (gint64 lateness = 500 * MS; lateness > 10 * MS; lateness -= 20 * MS)
    late += add (now, lateness);
  g_assert_cmpuint (late, ==, 1);
  g_assert_cmpint (lockstep_latency_target_get (&target), ==, 500 * MS);
  last = 500 * MS;
  for (guint i = 0; i < 100; i++) {
    gint64 bound;

    now += 20 * MS;
    add (now, 10 * MS);
    bound = lockstep_latency_target_get (&target);
    /* it falls, and by no more than the slope */
    g_assert_cmpint (bound, <=, last);
    g_assert_cmpint (last - bound, <=, 6 * MS);
    last = bound;
  }
  g_assert_cmpint (last - before, <, MS / 100);
}

/* What is beyond max is late with any bound: nothing waits for it. */
static void
test_beyond_max (void)
{
  init (0.99);
  target.max = 300 * MS;
  for (guint i = 0; i < 1000; i++)
    add (i * 20 * MS, i % 10 == 0 ? 5000 * MS : 10 * MS);
  g_assert_cmpint (lockstep_latency_target_get (&target), <=, 11 * MS);
  g_assert_cmpuint (target.classes[LOCKSTEP_LATENESS_CLASSES - 1], ==, 100);
  g_assert_cmpuint (target.classes[4], ==, 900);
  /* up to max it is followed */
  for (guint i = 1000; i < 2000; i++)
    add (i * 20 * MS, i % 10 == 0 ? 290 * MS : 10 * MS);
  g_assert_cmpint (lockstep_latency_target_get (&target), >, 289 * MS);
}

/* With a quantile of one packet in a thousand, one that is late at the start is not waited for
 * until a thousand have come; that many more are. */
static void
test_late_at_start (void)
{
  gint64 now = 0;

  init (0.999);
  for (guint i = 0; i < 300; i++, now += 20 * MS)
    add (now, i == 100 ? 400 * MS : 10 * MS);
  g_assert_cmpint (lockstep_latency_target_get (&target), <=, 81 * MS);
  for (guint i = 0; i < 300; i++, now += 20 * MS)
    add (now, i % 50 == 0 ? 400 * MS : 10 * MS);
  g_assert_cmpint (lockstep_latency_target_get (&target), >, 399 * MS);
}

/* Weights are scaled in time: months of packets, and the quantile stays. */
static void
test_long (void)
{
  g_autoptr (GRand) rand = g_rand_new_with_seed (2);

  init (0.95);
  for (guint k = 0; k < 3000000; k++)
    add (k * 20 * MS, g_rand_int_range (rand, 0, 40 * MS));
  g_assert_cmpfloat (fabs (target.calm / 1e6 - 38), <, 1);
  g_assert_true (isfinite (target.total) && target.total < 1e14);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/latencytarget/start", test_start);
  g_test_add_func ("/latencytarget/quantile", test_quantile);
  g_test_add_func ("/latencytarget/spike", test_spike);
  g_test_add_func ("/latencytarget/beyond-max", test_beyond_max);
  g_test_add_func ("/latencytarget/late-at-start", test_late_at_start);
  g_test_add_func ("/latencytarget/long", test_long);
  return g_test_run ();
}
