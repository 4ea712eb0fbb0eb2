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

/* A machine that takes 50 ms to make and encode a frame of 30 a second, and 20 ms to make
 * one alone: it gives as many as it can, and none is old. */
static void
test_late (void)
{
  LockstepLateFrames late = { 0 };
  gint64 now = START, encoded = 0, row = 0, longest = 0;

  for (guint i = 0; i < 900; i++) {
    gint64 due = START + i * 1000 * MS / 30;

    now = MAX (now, due) + 20 * MS;
    /* half a second is lost each second until it is sure */
    g_assert_cmpint (now - due, <=, i < 90 ? 2000 * MS : i > 200 ? 180 * MS
        : 2200 * MS);
    if (lockstep_late_frames_pass (&late, now - due, now)) {
      now += 30 * MS;
      encoded++;
      row = 0;
    } else if (i > 200) {
      longest = MAX (longest, ++row);
    }
  }
  /* x 50 + (1 - x) 20 = 33.3 */
  g_assert_cmpint (encoded, >=, 900 * 43 / 100);
  g_assert_cmpint (encoded, <=, 900 * 47 / 100);
  g_assert_cmpint (longest, <=, 4);
  g_assert_cmpuint (late.n_left_out, ==, 900 - encoded);
}

/* Until it has caught up with what it fell behind in three seconds, the picture does not
 * stand still. */
static void
test_catch_up (void)
{
  /* ms: to make a frame, and to encode it */
  static const guint takes[][2] =
      { {20, 30}, {25, 30}, {28, 20}, {10, 60}, {20, 120} };

  for (guint t = 0; t < G_N_ELEMENTS (takes); t++) {
    LockstepLateFrames late = { 0 };
    gint64 now = START, last = START, longest = 0, delay = 0;

    for (guint i = 0; i < 900; i++) {
      gint64 due = START + i * 1000 * MS / 30;

      now = MAX (now, due) + takes[t][0] * MS;
      delay = now - due;
      if (!lockstep_late_frames_pass (&late, delay, now))
        continue;
      now += takes[t][1] * MS;
      longest = MAX (longest, now - last);
      last = now;
    }
    g_assert_cmpint (longest, <=, 450 * MS);
    g_assert_cmpint (delay, <=, 250 * MS);
  }
}

/* A machine that stood still for a second and makes up for it. */
static void
test_hiccup (void)
{
  LockstepLateFrames late = { 0 };
  gint64 now = START;

  for (guint i = 0; i < 900; i++) {
    gint64 due = START + i * 1000 * MS / 30;

    now = MAX (now + 10 * MS, due) + (i % 300 == 150 ? 1000 * MS : 0);
    g_assert_true (lockstep_late_frames_pass (&late, now - due, now));
  }
}

/* Jitter, and a delay that a source simply has, are no reason to leave one out. */
static void
test_not_late (void)
{
  LockstepLateFrames late = { 0 };

  for (guint i = 0; i < 900; i++)
    g_assert_true (lockstep_late_frames_pass (&late, 400 * MS
            + i % 7 * 16 * MS, START + i * 1000 * MS / 30));
  g_assert_cmpuint (late.n_left_out, ==, 0);
}

/* A device comes back with other times than it had. */
static void
test_other_time (void)
{
  LockstepLateFrames late = { 0 };

  for (guint i = 0; i < 450; i++) {
    gint64 delay = i < 90 ? 5 * MS : i < 300 ? 5000 * MS : -3000 * MS;

    lockstep_late_frames_pass (&late, delay, START + i * 1000 * MS / 30);
  }
  /* half a second once, after three */
  g_assert_cmpuint (late.n_left_out, >=, 15);
  g_assert_cmpuint (late.n_left_out, <=, 17);
}

/* However long a source takes for a frame, and whatever follows it in its thread: what it
 * makes next is due now, and as many frames come as there is time for. */
static void
test_skip (void)
{
  /* ms: to make a frame, and to encode it */
  static const guint takes[][2] = { {20, 30}, {40, 0}, {10, 120}, {90, 60} };

  for (guint t = 0; t < G_N_ELEMENTS (takes); t++) {
    LockstepLateFrames late = { 0 };
    const gint64 frame = 1000 * MS / 30, both = takes[t][0] + takes[t][1];
    gint64 now = START, due = START, encoded = 0;
    const gint64 end = START + 30000 * MS;

    for (; now < end; due += frame) {
      gint64 skip;

      now = MAX (now, due) + takes[t][0] * MS;
      g_assert_cmpint (now - due, <=, 100 * MS + both * MS);
      skip = lockstep_late_frames_skip (&late, now - due, frame);
      g_assert_cmpint (skip % frame, ==, 0);
      g_assert_cmpint (skip, <=, now - due);
      g_assert_true (skip > 0 ? now - due - skip < frame
          : now - due <= 100 * MS);
      g_assert_true (lockstep_late_frames_pass (&late, now - due, now));
      now += takes[t][1] * MS;
      encoded++;
      due += skip;
    }
    g_assert_cmpint (encoded, >=, (end - START) / MS / (both + 34));
    g_assert_cmpuint (late.n_left_out, ==, 0);
    /* those that were not made are late ones */
    g_assert_cmpuint (late.n_frames, >=, 895);
    g_assert_cmpuint (late.n_frames, <=, 905);
    g_assert_cmpuint (late.n_late, >=, 900 - encoded - 5);
  }
  {
    LockstepLateFrames late = { 0 };

    /* jitter; then the length of a frame is not known */
    g_assert_cmpint (lockstep_late_frames_skip (&late, 90 * MS, 33 * MS), ==,
        0);
    g_assert_cmpint (lockstep_late_frames_skip (&late, 500 * MS, 0), ==,
        500 * MS);
  }
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
  g_test_add_func ("/framebudget/late", test_late);
  g_test_add_func ("/framebudget/catch-up", test_catch_up);
  g_test_add_func ("/framebudget/skip", test_skip);
  g_test_add_func ("/framebudget/hiccup", test_hiccup);
  g_test_add_func ("/framebudget/not-late", test_not_late);
  g_test_add_func ("/framebudget/other-time", test_other_time);
  return g_test_run ();
}
