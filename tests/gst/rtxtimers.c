/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <gst/lockstep/rtxtimers.h>

#define MS G_GINT64_CONSTANT (1000000)

static LockstepRtxTimers timers;

static gint64
next_request (gint64 until, gint64 latency, guint * retry)
{
  LockstepRtxRequest request;

  while (timers.next <= until) {
    gint64 at = timers.next;

    if (lockstep_rtx_timers_poll (&timers, at, latency, 0, &request)) {
      *retry = request.retry;
      return at;
    }
  }
  return -1;
}

static void
test_retries_double (void)
{
  guint retry = 0;

  lockstep_rtx_timers_init (&timers);
  lockstep_rtx_timers_miss (&timers, 5, 100 * MS, 100 * MS, 0, 1);
  g_assert_cmpint (next_request (G_MAXINT64 - 1, 300 * MS, &retry), ==,
      100 * MS);
  g_assert_cmpuint (retry, ==, 0);
  g_assert_cmpint (next_request (G_MAXINT64 - 1, 300 * MS, &retry), ==,
      140 * MS);
  g_assert_cmpint (next_request (G_MAXINT64 - 1, 300 * MS, &retry), ==,
      220 * MS);
  /* the next would be after its release at 400 */
  g_assert_cmpint (next_request (380 * MS, 300 * MS, &retry), ==, -1);
  g_assert_cmpint (next_request (G_MAXINT64 - 1, 300 * MS, &retry), ==, -1);
  g_assert_cmpuint (timers.count, ==, 3);
}

static void
test_no_use (void)
{
  guint retry = 0;

  lockstep_rtx_timers_init (&timers);
  /* an answer takes 80 ms */
  lockstep_rtx_timers_miss (&timers, 1, 0, 0, 0, 1);
  g_assert_cmpint (next_request (0, 200 * MS, &retry), ==, 0);
  g_assert_true (lockstep_rtx_timers_arrived (&timers, 1, TRUE, 80 * MS));
  g_assert_cmpint (timers.rtt, ==, 80 * MS);
  g_assert_cmpuint (timers.success, ==, 1);
  /* released at 300: missed at 219 there is time, at 220 there is not */
  lockstep_rtx_timers_miss (&timers, 2, 100 * MS, 219 * MS, 0, 1);
  g_assert_cmpint (next_request (219 * MS, 200 * MS, &retry), ==, 219 * MS);
  lockstep_rtx_timers_miss (&timers, 3, 100 * MS, 220 * MS, 0, 1);
  g_assert_cmpint (next_request (220 * MS, 200 * MS, &retry), ==, -1);
  g_assert_cmpuint (timers.count, ==, 2);
  /* but once in a while the path is tried again */
  lockstep_rtx_timers_miss (&timers, 4, 1200 * MS, 1350 * MS, 0, 1);
  g_assert_cmpint (next_request (1350 * MS, 200 * MS, &retry), ==, 1350 * MS);
}

/* A busy machine asks again for what has come and was not looked at yet. */
static void
test_came_before_it_was_asked_for (void)
{
  guint retry = 0;

  lockstep_rtx_timers_init (&timers);
  lockstep_rtx_timers_miss (&timers, 1, 0, 0, 0, 1);
  g_assert_cmpint (next_request (0, 300 * MS, &retry), ==, 0);
  g_assert_cmpint (next_request (40 * MS, 300 * MS, &retry), ==, 40 * MS);
  g_assert_true (lockstep_rtx_timers_arrived (&timers, 1, TRUE, 30 * MS));
  g_assert_cmpuint (timers.success, ==, 1);
  g_assert_cmpint (timers.rtt, ==, 0);
  lockstep_rtx_timers_miss (&timers, 2, 0, 50 * MS, 0, 1);
  g_assert_cmpint (next_request (50 * MS, 300 * MS, &retry), ==, 50 * MS);
  g_assert_true (lockstep_rtx_timers_arrived (&timers, 2, TRUE, 70 * MS));
  g_assert_cmpint (timers.rtt, ==, 20 * MS);
}

static void
test_reordering_is_waited_for (void)
{
  guint retry = 0;

  lockstep_rtx_timers_init (&timers);
  lockstep_rtx_timers_miss (&timers, 1, 0, 0, 0, 1);
  g_assert_cmpint (next_request (0, 200 * MS, &retry), ==, 0);
  /* it was only 8 ms behind: the next one is given 10 */
  g_assert_true (lockstep_rtx_timers_arrived (&timers, 1, FALSE, 8 * MS));
  lockstep_rtx_timers_miss (&timers, 3, 20 * MS, 20 * MS, 0, 1);
  g_assert_cmpint (timers.next, ==, 30 * MS);
  /* unless three later ones come before that */
  g_assert_false (lockstep_rtx_timers_arrived (&timers, 5, FALSE, 21 * MS));
  g_assert_cmpint (timers.next, ==, 30 * MS);
  g_assert_false (lockstep_rtx_timers_arrived (&timers, 6, FALSE, 22 * MS));
  g_assert_cmpint (timers.next, ==, 22 * MS);
}

static void
test_settings (void)
{
  guint retry = 0;

  lockstep_rtx_timers_init (&timers);
  timers.delay = 7 * MS;
  timers.retry_timeout = 15 * MS;
  timers.max_retries = 2;
  timers.delay_reorder = 0;
  lockstep_rtx_timers_miss (&timers, 1, 0, 0, 50 * MS, 9);
  g_assert_cmpint (next_request (MS * 1000, 500 * MS, &retry), ==, 7 * MS);
  g_assert_cmpint (next_request (MS * 1000, 500 * MS, &retry), ==, 22 * MS);
  g_assert_cmpint (next_request (MS * 1000, 500 * MS, &retry), ==, -1);

  lockstep_rtx_timers_init (&timers);
  timers.delay = 0;
  timers.retry_timeout = 10 * MS;
  timers.retry_period = 25 * MS;
  lockstep_rtx_timers_miss (&timers, 1, 0, 0, 0, 1);
  for (guint i = 0; i < 3; i++)
    g_assert_cmpint (next_request (MS * 1000, 500 * MS, &retry), ==,
        i * 10 * MS);
  g_assert_cmpint (next_request (MS * 1000, 500 * MS, &retry), ==, -1);
}

/* An answer that comes after the packet was given up still shows the round trip. */
static void
test_answer_after_loss (void)
{
  guint retry = 0;

  lockstep_rtx_timers_init (&timers);
  lockstep_rtx_timers_miss (&timers, 1, 0, 0, 0, 1);
  next_request (0, 100 * MS, &retry);
  lockstep_rtx_timers_passed (&timers, 1, 100 * MS);
  g_assert_cmpuint (timers.n, ==, 1);
  g_assert_true (lockstep_rtx_timers_arrived (&timers, 1, TRUE, 130 * MS));
  g_assert_cmpint (timers.rtt, ==, 130 * MS);
  g_assert_cmpuint (timers.success, ==, 0);
  g_assert_cmpuint (timers.failed, ==, 1);
  /* one never asked for is forgotten at once, one asked for after a second */
  lockstep_rtx_timers_miss (&timers, 2, 200 * MS, 1200 * MS, 0, 1);
  lockstep_rtx_timers_miss (&timers, 3, 200 * MS, 200 * MS, 0, 1);
  next_request (200 * MS, 150 * MS, &retry);
  lockstep_rtx_timers_passed (&timers, 3, 400 * MS);
  g_assert_cmpuint (timers.n, ==, 1);
  lockstep_rtx_timers_passed (&timers, 3, 1300 * MS);
  g_assert_cmpuint (timers.n, ==, 0);
}

/* The answer takes longer than the time between requests, so it answers an earlier
 * request than the last: it is measured from the last, and so never too long, and the
 * next packet is asked for no less often. */
static void
test_slow_answer (void)
{
  guint retry = 0;

  lockstep_rtx_timers_init (&timers);
  timers.delay = timers.retry_timeout = 30 * MS;
  for (gint64 k = 1; k <= 2; k++) {
    gint64 from = k * 1000 * MS;

    lockstep_rtx_timers_miss (&timers, k, from, from, 0, 1);
    for (guint i = 1; i <= 3; i++)
      g_assert_cmpint (next_request (from + 100 * MS, 500 * MS, &retry), ==,
          from + i * 30 * MS);
    g_assert_cmpuint (retry, ==, 2);
    g_assert_true (lockstep_rtx_timers_arrived (&timers, k, TRUE,
            from + 110 * MS));
  }
  g_assert_cmpint (timers.rtt, ==, 20 * MS);
  g_assert_cmpuint (timers.success, ==, 2);
}

static void
test_bounded (void)
{
  lockstep_rtx_timers_init (&timers);
  for (gint64 k = 0; k < 100000; k++)
    lockstep_rtx_timers_miss (&timers, k, k, 0, 0, 1);
  g_assert_cmpuint (timers.n, ==, LOCKSTEP_RTX_MAX);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/rtxtimers/retries-double", test_retries_double);
  g_test_add_func ("/rtxtimers/no-use", test_no_use);
  g_test_add_func ("/rtxtimers/came-before-asked",
      test_came_before_it_was_asked_for);
  g_test_add_func ("/rtxtimers/reordering", test_reordering_is_waited_for);
  g_test_add_func ("/rtxtimers/settings", test_settings);
  g_test_add_func ("/rtxtimers/answer-after-loss", test_answer_after_loss);
  g_test_add_func ("/rtxtimers/slow-answer", test_slow_answer);
  g_test_add_func ("/rtxtimers/bounded", test_bounded);
  return g_test_run ();
}
