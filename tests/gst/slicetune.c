/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Tests of the choice of how many slices. */
#include <gst/lockstep/slicetune.h>

#define MANY (1920 * 1080)

/* Time of a picture in @slices on a machine where @cores gain. */
static gint64
time_of (guint slices, guint cores)
{
  return 8000000 / MIN (slices, cores) + 10000 * slices;
}

static guint
run (guint max, guint cores, GRand * noise)
{
  LockstepSliceTune tune;
  guint pictures = 0;

  lockstep_slicetune_init (&tune, MANY, max);
  for (; !tune.chosen; pictures++) {
    guint slices = lockstep_slicetune_next (&tune);
    gint64 time = time_of (slices, cores);

    g_assert_cmpuint (slices, <=, max);
    g_assert_cmpuint (pictures, <, 100);
    if (noise && g_rand_int_range (noise, 0, 2))
      time += g_rand_int_range (noise, 0, 20000000);
    lockstep_slicetune_took (&tune, time);
  }
  g_assert_cmpuint (lockstep_slicetune_next (&tune), ==, tune.chosen);
  /* what comes later changes nothing */
  lockstep_slicetune_took (&tune, 1);
  return tune.chosen;
}

static void
test_as_many_as_gain (void)
{
  g_assert_cmpuint (run (8, 8, NULL), ==, 8);
  g_assert_cmpuint (run (8, 2, NULL), ==, 2);
  g_assert_cmpuint (run (6, 6, NULL), ==, 4);
  g_assert_cmpuint (run (1, 8, NULL), ==, 1);
}

static void
test_one_where_memory_is_the_limit (void)
{
  g_assert_cmpuint (run (8, 1, NULL), ==, 1);
}

static void
test_noise_does_not_mislead (void)
{
  guint right = 0;

  for (guint seed = 0; seed < 50; seed++) {
    g_autoptr (GRand) noise = g_rand_new_with_seed (seed);

    right += run (4, 2, noise) == 2;
  }
  g_assert_cmpuint (right, >=, 45);
}

static void
test_small_pictures_are_not_cut (void)
{
  LockstepSliceTune tune;

  lockstep_slicetune_init (&tune, 720 * 576, 8);
  g_assert_cmpuint (lockstep_slicetune_next (&tune), ==, 1);
  g_assert_cmpuint (tune.chosen, ==, 1);
}

/* the first time a thread runs is not what it takes later */
static void
test_the_first_go_is_not_counted (void)
{
  LockstepSliceTune tune;

  lockstep_slicetune_init (&tune, MANY, 2);
  lockstep_slicetune_took (&tune, 1);
  lockstep_slicetune_took (&tune, 1000000000);
  while (!tune.chosen)
    lockstep_slicetune_took (&tune, time_of (lockstep_slicetune_next (&tune),
            2));
  g_assert_cmpuint (tune.chosen, ==, 2);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/slicetune/as-many-as-gain", test_as_many_as_gain);
  g_test_add_func ("/slicetune/one-where-memory-is-the-limit",
      test_one_where_memory_is_the_limit);
  g_test_add_func ("/slicetune/noise", test_noise_does_not_mislead);
  g_test_add_func ("/slicetune/small-pictures",
      test_small_pictures_are_not_cut);
  g_test_add_func ("/slicetune/warm-up", test_the_first_go_is_not_counted);
  return g_test_run ();
}
