/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Tests of the slew. */
#include <gst/lockstep/slew.h>

#define MS (G_GINT64_CONSTANT (1000000))
#define SECOND (1000 * MS)
#define OLD (100 * SECOND)

static const LockstepSlewConfig config = { 5 * MS, MS, SECOND };

/* Runs at 30 frames a second; returns the fastest movement in a frame. */
static gint64
run (LockstepSlew * slew, gint64 target, gint64 from, gint64 duration,
    gint64 age)
{
  gint64 fastest = 0;

  for (gint64 t = 0; t <= duration; t += SECOND / 30) {
    gint64 before = slew->offset;

    g_assert_cmpint (lockstep_slew_update (slew, &config, target, from + t,
            age + t), ==, 0);
    fastest = MAX (fastest, ABS (slew->offset - before));
  }
  return fastest;
}

static void
test_inside_the_dead_band_nothing_moves (void)
{
  LockstepSlew slew;

  lockstep_slew_set (&slew, 100 * MS, 0);
  run (&slew, 101 * MS, 0, 20 * SECOND, OLD);
  g_assert_cmpint (slew.offset, ==, 100 * MS);
  run (&slew, 99 * MS, 20 * SECOND, 20 * SECOND, OLD);
  g_assert_cmpint (slew.offset, ==, 100 * MS);
}

static void
test_moves_no_faster_than_allowed (void)
{
  LockstepSlew slew;
  gint64 fastest;

  lockstep_slew_set (&slew, 0, 0);
  fastest = run (&slew, 40 * MS, 0, 4 * SECOND, OLD);
  g_assert_cmpint (fastest, <=, 5 * MS / 30 + 1);
  g_assert_cmpint (slew.offset, >, 19 * MS);
  g_assert_cmpint (slew.offset, <=, 20 * MS + 5 * MS / 30);
  run (&slew, 40 * MS, 4 * SECOND, 10 * SECOND, OLD);
  g_assert_cmpint (slew.offset, ==, 39 * MS);
}

static void
test_faster_beyond_45_ms_once_it_lasts (void)
{
  LockstepSlew slew;

  lockstep_slew_set (&slew, 0, 0);
  run (&slew, -400 * MS, 0, 4 * SECOND / 10, OLD);
  g_assert_cmpint (slew.offset, >=, -2 * MS - MS / 5);
  run (&slew, -400 * MS, 4 * SECOND / 10, 3 * SECOND, OLD);
  g_assert_cmpint (slew.offset, <, -340 * MS);
  /* A target that is wrong for a moment moves nothing much. */
  lockstep_slew_set (&slew, 0, 10 * SECOND);
  for (guint i = 0; i < 10; i++) {
    run (&slew, 200 * MS, (10 + i) * SECOND, 300 * MS, OLD);
    run (&slew, 0, (10 + i) * SECOND + 333 * MS, 600 * MS, OLD);
    g_assert_cmpint (ABS (slew.offset), <=, 2 * MS);
  }
}

static void
test_warms_up_fast (void)
{
  LockstepSlew slew;

  lockstep_slew_set (&slew, 0, 0);
  run (&slew, 60 * MS, 0, SECOND, 0);
  g_assert_cmpint (slew.offset, ==, 59 * MS);
  lockstep_slew_set (&slew, 0, 0);
  g_assert_cmpint (run (&slew, 40 * MS, 0, SECOND, 6 * SECOND), <=,
      5 * MS / 30 + 1);
}

static void
test_a_step_is_the_callers (void)
{
  LockstepSlew slew;
  gint64 error = 0;

  lockstep_slew_set (&slew, 0, 0);
  for (gint64 t = 0; t < 2 * SECOND && error == 0; t += 50 * MS)
    error = lockstep_slew_update (&slew, &config, 3 * SECOND, t, OLD);
  g_assert_cmpint (error, >, 2 * SECOND);
  g_assert_cmpint (slew.offset + error, ==, 3 * SECOND);
}

static void
test_time_that_stands_still_or_leaps (void)
{
  LockstepSlew slew;

  lockstep_slew_set (&slew, 0, 10 * SECOND);
  for (guint i = 0; i < 1000; i++)
    lockstep_slew_update (&slew, &config, 30 * MS, 10 * SECOND, OLD);
  lockstep_slew_update (&slew, &config, 30 * MS, 5 * SECOND, OLD);
  g_assert_cmpint (slew.offset, ==, 0);
  /* After an hour's pause the first frame may move by a second's worth. */
  lockstep_slew_update (&slew, &config, 30 * MS, 3600 * SECOND, OLD);
  g_assert_cmpint (slew.offset, <=, 5 * MS);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/slew/dead-band", test_inside_the_dead_band_nothing_moves);
  g_test_add_func ("/slew/limit", test_moves_no_faster_than_allowed);
  g_test_add_func ("/slew/noticed", test_faster_beyond_45_ms_once_it_lasts);
  g_test_add_func ("/slew/warming", test_warms_up_fast);
  g_test_add_func ("/slew/step", test_a_step_is_the_callers);
  g_test_add_func ("/slew/time", test_time_that_stands_still_or_leaps);
  return g_test_run ();
}
