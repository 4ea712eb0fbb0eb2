/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <gst/lockstep/framebudget.h>
#include <gst/lockstep/pacer.h>

#define MS G_GINT64_CONSTANT (1000000)
#define START (1000 * MS)
#define RATE 1200000
/* a thirtieth of a second of that */
#define FRAME 5000

/* Frames as large as they should be, and a key frame of 200 ms among them. */
static void
test_steady (void)
{
  LockstepFrameBudget budget = { 0 };

  for (guint i = 0; i < 300; i++) {
    gint64 now = START + i * 1000 * MS / 30;

    g_assert_true (lockstep_frame_budget_pass (&budget, RATE, now));
    lockstep_frame_budget_encoded (&budget, i == 100 ? 6 * FRAME : i > 100
        && i < 110 ? FRAME / 3 : FRAME, RATE, now);
  }
  g_assert_cmpuint (budget.n_left_out, ==, 0);
}

/* A source that stood still gives a second's frames at once. */
static void
test_burst (void)
{
  LockstepFrameBudget budget = { 0 };
  guint passed = 0;

  g_assert_true (lockstep_frame_budget_pass (&budget, RATE, START));
  lockstep_frame_budget_encoded (&budget, FRAME, RATE, START);
  for (guint i = 0; i < 30; i++) {
    if (!lockstep_frame_budget_pass (&budget, RATE, START + 1000 * MS))
      continue;
    lockstep_frame_budget_encoded (&budget, FRAME, RATE, START + 1000 * MS);
    passed++;
  }
  /* 300 ms of them */
  g_assert_cmpuint (passed, >=, 8);
  g_assert_cmpuint (passed, <=, 10);
  g_assert_true (lockstep_frame_budget_pass (&budget, RATE, START + 1040 * MS));
}

/* An encoder that gives three times what it should: a third of the frames is left. */
static void
test_excess (void)
{
  LockstepFrameBudget budget = { 0 };
  guint passed = 0;

  for (guint i = 0; i < 300; i++) {
    gint64 now = START + i * 1000 * MS / 30;

    if (!lockstep_frame_budget_pass (&budget, RATE, now))
      continue;
    lockstep_frame_budget_encoded (&budget, 3 * FRAME, RATE, now);
    passed++;
  }
  g_assert_cmpuint (passed, >=, 95);
  g_assert_cmpuint (passed, <=, 110);
}

/* Nothing is encoded while much waits; time passes between two reports of it. */
static void
test_backlog (void)
{
  LockstepFrameBudget budget = { 0 };

  lockstep_frame_budget_waiting (&budget, LOCKSTEP_PACER_BACKLOG + 50 * MS,
      START);
  g_assert_false (lockstep_frame_budget_pass (&budget, RATE, START));
  g_assert_false (lockstep_frame_budget_pass (&budget, RATE, START + 49 * MS));
  g_assert_true (lockstep_frame_budget_pass (&budget, RATE, START + 50 * MS));
}

/* The rate falls to a tenth: what was encoded before holds the picture up for 100 ms, not
 * for as long as it would have taken. */
static void
test_fall (void)
{
  LockstepFrameBudget budget = { 0 };

  lockstep_frame_budget_encoded (&budget, 8 * FRAME, RATE, START);
  g_assert_true (lockstep_frame_budget_pass (&budget, RATE, START));
  g_assert_false (lockstep_frame_budget_pass (&budget, RATE / 10,
          START + 90 * MS));
  g_assert_true (lockstep_frame_budget_pass (&budget, RATE / 10,
          START + 110 * MS));
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/framebudget/steady", test_steady);
  g_test_add_func ("/framebudget/burst", test_burst);
  g_test_add_func ("/framebudget/excess", test_excess);
  g_test_add_func ("/framebudget/backlog", test_backlog);
  g_test_add_func ("/framebudget/fall", test_fall);
  return g_test_run ();
}
