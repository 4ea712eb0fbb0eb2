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
            i * SECOND, NOW + i * SECOND), ==, NOW + i * 2 * SECOND);
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
    g_assert_cmpint (lockstep_unix_time_read (&time, wrong[i], SECOND,
            NOW), ==, NOW + SECOND);
    g_assert_cmpuint (time.refused, ==, i + 1);
    /* what is right again is taken */
    g_assert_cmpint (lockstep_unix_time_read (&time, NOW + 2 * SECOND,
            2 * SECOND, NOW), ==, NOW + 2 * SECOND);
  }
}

/* A sender that has no clock at its start, and then sets it: what is refused is as far from
 * the times before as DAYS, and stays so. @now: days since the times before.
 * Returns: after how many seconds it is taken, 0: never in a minute */
static guint
set_clock (gint64 days, gint64 now_days, gboolean steady)
{
  LockstepUnixTime time = { NOW, 0 };

  for (gint64 i = 0; i < 60; i++) {
    gint64 said = NOW + days * 24 * 3600 * SECOND + i * SECOND;
    gint64 now = now_days == 0 ? 0 : NOW + now_days * 24 * 3600 * SECOND
        + i * SECOND;

    /* one of those before comes between */
    if (!steady && i % 4 == 0)
      said = NOW + i * SECOND;
    if (lockstep_unix_time_read (&time, said, i * SECOND, now) != NOW
        + i * SECOND) {
      g_assert_cmpuint (time.moved, ==, 1);
      g_assert_cmpuint (time.refused, ==, i);
      g_assert_cmpint (time.offset, ==, NOW + days * 24 * 3600 * SECOND);
      return i;
    }
  }
  g_assert_cmpuint (time.moved, ==, 0);
  return 0;
}

static void
test_set_right (void)
{
  g_assert_cmpuint (set_clock (2000, 2000, TRUE), ==, 5);
  g_assert_cmpuint (set_clock (3, 3, TRUE), ==, 5);
  /* two say different things by turns */
  g_assert_cmpuint (set_clock (2000, 2000, FALSE), ==, 0);
  /* the machine's clock does not agree */
  g_assert_cmpuint (set_clock (2000, 10, TRUE), ==, 0);
  g_assert_cmpuint (set_clock (2000, 1998, TRUE), ==, 0);
  g_assert_cmpuint (set_clock (2000, 2002, TRUE), ==, 0);
  /* it is not known, or not to be gone by */
  g_assert_cmpuint (set_clock (2000, 0, TRUE), ==, 0);
  /* it would be back, or no day ahead */
  g_assert_cmpuint (set_clock (-2000, -2000, TRUE), ==, 0);
  g_assert_cmpuint (set_clock (1, 1, TRUE), ==, 0);
}

/* Every one says something else, all near the machine's clock. */
static void
test_not_steady (void)
{
  LockstepUnixTime time = { NOW, 0 };
  gint64 now = NOW + 100 * LOCKSTEP_UNIX_TIME_FAR;

  for (gint64 i = 0; i < 60; i++)
    g_assert_cmpint (lockstep_unix_time_read (&time, now + i * 60 * SECOND,
            i * SECOND, now), ==, NOW + i * SECOND);
  g_assert_cmpuint (time.refused, ==, 60);
}

static void
test_ahead (void)
{
  g_assert_false (lockstep_unix_time_is_ahead (NOW, NOW));
  g_assert_false (lockstep_unix_time_is_ahead (0, NOW));
  g_assert_false (lockstep_unix_time_is_ahead (NOW + 14 * 3600 * SECOND, NOW));
  g_assert_true (lockstep_unix_time_is_ahead (NOW + 25 * 3600 * SECOND, NOW));
  g_assert_true (lockstep_unix_time_is_ahead (G_MAXINT64, NOW));
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/unixtime/drift", test_drift);
  g_test_add_func ("/unixtime/far-off", test_far_off);
  g_test_add_func ("/unixtime/set-right", test_set_right);
  g_test_add_func ("/unixtime/not-steady", test_not_steady);
  g_test_add_func ("/unixtime/ahead", test_ahead);
  return g_test_run ();
}
