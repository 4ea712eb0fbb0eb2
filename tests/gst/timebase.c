/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <gst/lockstep/timebase.h>

#include <math.h>

#define MS G_GINT64_CONSTANT (1000000)
#define SECOND (1000 * MS)
#define RATE 48000
#define TICKS 960               /* 20 ms */
#define START (G_GINT64_CONSTANT (1) << 32)

/* A sender of 20 ms packets whose clock loses @ppm, over a path of @delay. */
typedef struct
{
  LockstepTimebase timebase;
  double ppm;
  gint64 n;
  gint64 last_pts;
  double worst_step;            /* ns, |step - spacing| */
  GRand *rand;
} Stream;

static void
stream_init (Stream * s, double ppm)
{
  *s = (Stream) {
  .ppm = ppm,.last_pts = G_MININT64,.rand = g_rand_new_with_seed (7),};
}

static gint64
sent_at (const Stream * s)
{
  return (gint64) ((double) s->n * 20 * MS * (1 + s->ppm * 1e-6)) + SECOND;
}

/* Returns: PTS - the time sent, ns */
static gint64
stream_step (Stream * s, gint64 delay)
{
  gint64 shift, sent = sent_at (s), pts;

  if (s->n == 0)
    lockstep_timebase_init (&s->timebase, RATE, START, sent + delay);
  pts = lockstep_timebase_observe (&s->timebase, START + s->n * TICKS,
      sent + delay, &shift);
  lockstep_timebase_start (&s->timebase);
  if (s->last_pts != G_MININT64)
    s->worst_step = MAX (s->worst_step,
        fabs ((double) (pts - s->last_pts - 20 * MS)));
  s->last_pts = pts;
  s->n++;
  return pts - sent;
}

static void
stream_clear (Stream * s)
{
  g_rand_free (s->rand);
}

static void
test_start (void)
{
  LockstepTimebase t;
  gint64 shift;

  lockstep_timebase_init (&t, RATE, START, SECOND);
  g_assert_cmpint (lockstep_timebase_observe (&t, START, SECOND, &shift), ==,
      SECOND);
  g_assert_cmpint (shift, ==, 0);
  /* a later packet with 15 ms less transit moves all before it */
  g_assert_cmpint (lockstep_timebase_observe (&t, START + TICKS,
          SECOND + 5 * MS, &shift), ==, SECOND + 5 * MS);
  g_assert_cmpint (shift, ==, -15 * MS);
  g_assert_cmpint (lockstep_timebase_place (&t, START), ==, SECOND - 15 * MS);
  /* one with more moves nothing */
  g_assert_cmpint (lockstep_timebase_observe (&t, START + 2 * TICKS,
          SECOND + 500 * MS, &shift), ==, SECOND + 25 * MS);
  g_assert_cmpint (shift, ==, 0);
  /* before the first one */
  g_assert_cmpint (lockstep_timebase_observe (&t, START - TICKS,
          SECOND + 100 * MS, &shift), ==, SECOND - 35 * MS);
}

static void
test_drift (void)
{
  static const double rates[] = { -500, -37, 0, 80, 500 };

  for (guint i = 0; i < G_N_ELEMENTS (rates); i++) {
    Stream s;
    gint64 worst = 0;

    stream_init (&s, rates[i]);
    /* three hours, 0-8 ms of jitter */
    while (s.n < 3 * 3600 * 50) {
      gint64 error = stream_step (&s, 30 * MS + g_rand_int_range (s.rand, 0,
              8 * MS)) - 30 * MS;

      if (s.n > 60 * 50)
        worst = MAX (worst, ABS (error));
    }
    g_test_message ("%g ppm: estimate %.2f, worst error %.3f ms, worst step "
        "%.4f ms", rates[i], lockstep_timebase_drift (&s.timebase),
        worst / 1e6, s.worst_step / 1e6);
    g_assert_cmpfloat (fabs (lockstep_timebase_drift (&s.timebase) -
            rates[i]), <, 5);
    g_assert_cmpint (worst, <, MS);
    /* 5 ms/s of slew and the drift itself, over 20 ms */
    g_assert_cmpfloat (s.worst_step, <, 0.006 * 20 * MS + 2);
    stream_clear (&s);
  }
}

static void
test_spikes_do_not_move_it (void)
{
  Stream s;
  gint64 worst = 0;

  stream_init (&s, 0);
  while (s.n < 120 * 50) {
    gint64 delay = 20 * MS;
    gint64 in_spike = s.n % 1000;

    /* every 20 s one of 800 ms that drains over 2 s, and Pareto tails between */
    if (in_spike > 900)
      delay += MAX (800 * MS - (in_spike - 900) * 8 * MS, 0);
    else if (g_rand_int_range (s.rand, 0, 3) == 0)
      delay += (gint64) (MS * (pow (g_rand_double_range (s.rand, 1e-4, 1),
                  -0.7) - 1));
    worst = MAX (worst, ABS (stream_step (&s, delay) - 20 * MS));
  }
  g_assert_cmpint (worst, <, MS / 2);
  stream_clear (&s);
}

static void
test_path_change (void)
{
  static const gint64 changes[] = { 60 * MS, -45 * MS };

  for (guint i = 0; i < G_N_ELEMENTS (changes); i++) {
    Stream s;
    gint64 delay = 100 * MS, error = 0;

    stream_init (&s, 100);
    while (s.n < 60 * 50)
      stream_step (&s, delay);
    s.worst_step = 0;
    delay += changes[i];
    /* ten seconds of window, and the way at 5 ms a second */
    while (s.n < 60 * 50 + 10 * 50 + 60 * 10 + 100)
      error = stream_step (&s, delay) - delay;
    g_assert_cmpint (ABS (error), <, MS / 2);
    g_assert_cmpfloat (s.worst_step, <, 0.006 * 20 * MS + 2);
    /* the drift is still what it was */
    while (s.n < 180 * 50)
      error = stream_step (&s, delay) - delay;
    g_assert_cmpint (ABS (error), <, MS / 2);
    g_assert_cmpfloat (fabs (lockstep_timebase_drift (&s.timebase) - 100), <,
        5);
    stream_clear (&s);
  }
}

/* The first packets were late by most of a second: that is made up for in half a minute, no
 * packet moves by more than a tenth of its spacing, and what is left is slewed as ever. */
static void
test_late_start (void)
{
  Stream s;
  gint64 error = 0, before;

  stream_init (&s, 50);
  stream_step (&s, 920 * MS);
  while (s.n < 7 * 50)
    error = stream_step (&s, 20 * MS) - 20 * MS;
  g_assert_cmpint (error, <, 400 * MS);
  while (s.n < 14 * 50)
    error = stream_step (&s, 20 * MS) - 20 * MS;
  before = error;
  g_assert_cmpint (error, <, 60 * MS);
  while (s.n < 15 * 50)
    error = stream_step (&s, 20 * MS) - 20 * MS;
  g_assert_cmpint (before - error, <, 10 * MS);
  while (s.n < 30 * 50)
    error = stream_step (&s, 20 * MS) - 20 * MS;
  g_assert_cmpint (ABS (error), <, MS);
  g_assert_cmpfloat (s.worst_step, <, 0.106 * 20 * MS);
  stream_clear (&s);
}

/* A pause of the stream is no reason for a step, even if the packet after it is late. */
static void
test_pause (void)
{
  Stream s;
  gint64 error;

  stream_init (&s, 0);
  while (s.n < 60 * 50)
    stream_step (&s, 10 * MS);
  s.n += 60 * 50;
  error = stream_step (&s, 300 * MS) - 10 * MS;
  g_assert_cmpint (ABS (error), <=, 4 * MS);
  stream_clear (&s);

  /* nor where much is to be made up for */
  stream_init (&s, 0);
  stream_step (&s, 900 * MS);
  s.n += 5 * 50;
  error = stream_step (&s, 10 * MS) - 10 * MS;
  g_assert_cmpint (error, >=, 886 * MS);
  stream_clear (&s);
}

static void
test_fixed (void)
{
  Stream s;

  stream_init (&s, 0);
  stream_step (&s, 50 * MS);
  s.timebase.follow = FALSE;
  for (guint i = 0; i < 100 * 50; i++)
    g_assert_cmpint (stream_step (&s, 10 * MS), ==, 50 * MS);
  stream_clear (&s);
}

static void
test_reordered (void)
{
  Stream s;

  stream_init (&s, 300);
  while (s.n < 100 * 50)
    stream_step (&s, 10 * MS);
  /* older timestamps lie on the line that was there then */
  for (gint64 back = 1; back < 20; back++) {
    gint64 pts = lockstep_timebase_place (&s.timebase,
        START + (s.n - 1 - back) * TICKS);

    g_assert_cmpfloat (fabs ((double) (s.last_pts - pts) -
            back * 20 * MS * (1 + 300e-6)), <, 30e3);
  }
  stream_clear (&s);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/timebase/start", test_start);
  g_test_add_func ("/timebase/drift", test_drift);
  g_test_add_func ("/timebase/spikes", test_spikes_do_not_move_it);
  g_test_add_func ("/timebase/path-change", test_path_change);
  g_test_add_func ("/timebase/late-start", test_late_start);
  g_test_add_func ("/timebase/pause", test_pause);
  g_test_add_func ("/timebase/fixed", test_fixed);
  g_test_add_func ("/timebase/reordered", test_reordered);
  return g_test_run ();
}
