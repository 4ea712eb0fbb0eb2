/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Tests of the delay-based detector. */
#include <gst/lockstep/trendline.h>

#define MS (G_GINT64_CONSTANT (1000000))
#define SECOND (1000 * MS)
/* The receiver's clock has another zero. */
#define ZERO (7 * 3600 * SECOND)

/* One packet each 10 ms; the delay grows by @growth a packet, and is off by up to
 * @jitter. Returns how often the state was @state. */
static guint
run (LockstepTrendline * t, gint64 * sent, gint64 * delay, guint n,
    gint64 growth, gint64 jitter, GRand * rand, LockstepPathState state)
{
  guint seen = 0;

  for (guint i = 0; i < n; i++) {
    gint64 noise = jitter ? g_rand_int_range (rand, 0, jitter) : 0;

    *sent += 10 * MS;
    *delay += growth;
    seen += lockstep_trendline_add (t, *sent, ZERO + *sent + *delay + noise)
        == state;
  }
  return seen;
}

static void
test_an_even_path_is_normal (void)
{
  g_autoptr (GRand) rand = g_rand_new_with_seed (1);
  LockstepTrendline t;
  gint64 sent = 0, delay = 30 * MS;

  lockstep_trendline_init (&t);
  g_assert_cmpuint (run (&t, &sent, &delay, 1000, 0, 0, rand,
          LOCKSTEP_PATH_NORMAL), ==, 1000);
  g_assert_cmpuint (run (&t, &sent, &delay, 3000, 0, 4 * MS, rand,
          LOCKSTEP_PATH_OVERUSED), <, 30);
}

static void
test_a_growing_queue_is_overuse (void)
{
  g_autoptr (GRand) rand = g_rand_new_with_seed (2);
  LockstepTrendline t;
  gint64 sent = 0, delay = 30 * MS;

  lockstep_trendline_init (&t);
  run (&t, &sent, &delay, 200, 0, MS, rand, LOCKSTEP_PATH_NORMAL);
  /* twice what the link carries: found within 200 ms */
  g_assert_cmpuint (run (&t, &sent, &delay, 20, 10 * MS, 0, rand,
          LOCKSTEP_PATH_OVERUSED), >, 0);
  run (&t, &sent, &delay, 40, -3 * MS, 0, rand, LOCKSTEP_PATH_NORMAL);
  g_assert_cmpint (t.state, ==, LOCKSTEP_PATH_UNDERUSED);
  run (&t, &sent, &delay, 200, 0, 0, rand, LOCKSTEP_PATH_NORMAL);
  g_assert_cmpint (t.state, ==, LOCKSTEP_PATH_NORMAL);
}

static void
test_clock_drift_is_no_queue (void)
{
  LockstepTrendline t;
  gint64 sent = 0, delay = 0;

  lockstep_trendline_init (&t);
  /* 500 ppm: 5 us each 10 ms */
  g_assert_cmpuint (run (&t, &sent, &delay, 20000, 5000, 0, NULL,
          LOCKSTEP_PATH_NORMAL), ==, 20000);
}

static void
test_packets_of_one_frame_are_one_group (void)
{
  LockstepTrendline t;
  gint64 sent = 0;

  /* frames of ten packets sent at once, which a slow but empty link spreads */
  lockstep_trendline_init (&t);
  for (guint frame = 0; frame < 300; frame++, sent += 33 * MS)
    for (guint i = 0; i < 10; i++)
      g_assert_cmpint (lockstep_trendline_add (&t, sent,
              ZERO + sent + (i + 1) * 2 * MS), ==, LOCKSTEP_PATH_NORMAL);
}

static void
test_a_jump_begins_anew (void)
{
  LockstepTrendline t;
  gint64 sent = 0, delay = 0;

  lockstep_trendline_init (&t);
  run (&t, &sent, &delay, 100, 5 * MS, 0, NULL, LOCKSTEP_PATH_NORMAL);
  sent += 10 * SECOND;
  run (&t, &sent, &delay, 2, 0, 0, NULL, LOCKSTEP_PATH_NORMAL);
  g_assert_cmpint (t.state, ==, LOCKSTEP_PATH_NORMAL);
  g_assert_cmpuint (t.points, <=, 1);
}

static void
test_old_and_absurd_times_do_nothing (void)
{
  g_autoptr (GRand) rand = g_rand_new_with_seed (3);
  LockstepTrendline t;

  lockstep_trendline_init (&t);
  for (guint i = 0; i < 100000; i++) {
    gint64 sent = g_rand_int_range (rand, 0, G_MAXINT32) * (gint64)
        g_rand_int_range (rand, 1, 1000000);
    gint64 arrival = g_rand_int_range (rand, 0, G_MAXINT32) * (gint64)
        g_rand_int_range (rand, 1, 1000000);

    lockstep_trendline_add (&t, sent, arrival);
    g_assert_cmpfloat (t.threshold, >=, 6);
    g_assert_cmpfloat (t.threshold, <=, 600);
  }
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/trendline/even", test_an_even_path_is_normal);
  g_test_add_func ("/trendline/overuse", test_a_growing_queue_is_overuse);
  g_test_add_func ("/trendline/drift", test_clock_drift_is_no_queue);
  g_test_add_func ("/trendline/group", test_packets_of_one_frame_are_one_group);
  g_test_add_func ("/trendline/jump", test_a_jump_begins_anew);
  g_test_add_func ("/trendline/absurd", test_old_and_absurd_times_do_nothing);
  return g_test_run ();
}
