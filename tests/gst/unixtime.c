/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <gst/lockstep/unixtime.h>

#define SECOND (G_GINT64_CONSTANT (1000000000))
#define NOW (1795000000 * SECOND)

/* A clock that goes wrong slowly is followed for good. */
static void
test_drift (void)
{
  LockstepUnixTime time = { NOW, 0 };

  for (gint64 i = 0; i < 100000; i++)
    g_assert_cmpint (lockstep_unix_time_read (&time, NOW + i * 2 * SECOND,
            i * SECOND), ==, NOW + i * 2 * SECOND);
  g_assert_cmpuint (time.refused, ==, 0);
}

static void
test_far_off (void)
{
  static const gint64 wrong[] = { G_MAXINT64, G_MININT64, 0, -1, 2 * NOW,
    NOW - 15 * SECOND, NOW + 15 * SECOND
  };
  LockstepUnixTime time = { NOW, 0 };

  for (guint i = 0; i < G_N_ELEMENTS (wrong); i++) {
    g_assert_cmpint (lockstep_unix_time_read (&time, wrong[i], SECOND), ==,
        NOW + SECOND);
    g_assert_cmpuint (time.refused, ==, i + 1);
    /* what is right again is taken */
    g_assert_cmpint (lockstep_unix_time_read (&time, NOW + 2 * SECOND,
            2 * SECOND), ==, NOW + 2 * SECOND);
  }
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/unixtime/drift", test_drift);
  g_test_add_func ("/unixtime/far-off", test_far_off);
  return g_test_run ();
}
