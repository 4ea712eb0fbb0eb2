/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <gst/lockstep/backoff.h>

static void
test_doubles_to_the_limit (void)
{
  LockstepBackoff b = {.first_ms = 500,.max_ms = 30000,.good_ms = 20000 };
  static const guint wanted[] =
      { 500, 1000, 2000, 4000, 8000, 16000, 30000, 30000, 30000 };

  for (guint i = 0; i < G_N_ELEMENTS (wanted); i++)
    g_assert_cmpuint (lockstep_backoff_next (&b, 0, 1), ==, wanted[i]);
}

static void
test_jitter_is_half (void)
{
  LockstepBackoff b = {.first_ms = 1001,.max_ms = 1001,.good_ms = 1 };
  GRand *random = g_rand_new_with_seed (7);
  guint low = G_MAXUINT, high = 0;

  g_assert_cmpuint (lockstep_backoff_next (&b, 0, 0), ==, 500);
  for (int i = 0; i < 1000; i++) {
    guint delay = lockstep_backoff_next (&b, 0, g_rand_double (random));

    low = MIN (low, delay);
    high = MAX (high, delay);
  }
  g_assert_cmpuint (low, >=, 500);
  g_assert_cmpuint (low, <, 520);
  g_assert_cmpuint (high, >, 980);
  g_assert_cmpuint (high, <=, 1001);
  g_rand_free (random);
}

static void
test_good_run_starts_anew (void)
{
  LockstepBackoff b = {.first_ms = 100,.max_ms = 10000,.good_ms = 5000 };

  for (int i = 0; i < 10; i++)
    lockstep_backoff_next (&b, 4999, 0.5);
  g_assert_cmpuint (lockstep_backoff_next (&b, 4999, 1), ==, 10000);
  g_assert_cmpuint (lockstep_backoff_next (&b, 5000, 1), ==, 100);
  g_assert_cmpuint (lockstep_backoff_next (&b, 0, 1), ==, 200);
}

/* No sum may pass what a guint holds. */
static void
test_extremes (void)
{
  LockstepBackoff b = {.first_ms = 1,.max_ms = G_MAXUINT,.good_ms = 1 };
  guint last = 0;

  for (int i = 0; i < 100; i++) {
    guint delay = lockstep_backoff_next (&b, 0, 1);

    g_assert_cmpuint (delay, >=, last);
    last = delay;
  }
  g_assert_cmpuint (last, ==, G_MAXUINT);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/backoff/doubles", test_doubles_to_the_limit);
  g_test_add_func ("/backoff/jitter", test_jitter_is_half);
  g_test_add_func ("/backoff/good-run", test_good_run_starts_anew);
  g_test_add_func ("/backoff/extremes", test_extremes);
  return g_test_run ();
}
