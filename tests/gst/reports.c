/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Tests of how far reports are believed. */
#include <avsim.h>
#include <gst/lockstep/reports.h>

#define MS SIM_MS
#define SECOND SIM_SECOND
#define DOUBT 10e-6

typedef struct
{
  LockstepReportClock a, b;
  LockstepReportPair pair;
  gint64 now;
} Fixture;

static void
begin (Fixture * f)
{
  lockstep_report_clock_init (&f->a);
  lockstep_report_clock_init (&f->b);
  lockstep_report_pair_init (&f->pair);
  f->now = 0;
}

/* One report of each stream, five seconds after the last; b's claim says that it
 * is to be placed @claim after a, where the arrivals say @arrivals. */
static void
report (Fixture * f, gint64 claim, gint64 arrivals)
{
  f->now += 5 * SECOND;
  lockstep_report_clock_add (&f->a, f->now, f->now + 1000 * SECOND, FALSE, 0);
  lockstep_report_clock_add (&f->b, f->now, f->now + 1000 * SECOND + claim,
      FALSE, 0);
  g_assert_true (lockstep_report_pair_update (&f->pair, &f->a, &f->b, f->now, 0,
          arrivals, 0, DOUBT));
}

static gint64
apply (Fixture * f, gint64 believed)
{
  return lockstep_report_pair_apply (&f->pair, f->now, believed, 0);
}

static void
test_two_that_agree_decide (void)
{
  Fixture f;

  begin (&f);
  g_assert_cmpint (apply (&f, 7), ==, 7);
  report (&f, 30 * MS, 0);
  g_assert_cmpint (f.pair.belief, ==, LOCKSTEP_BELIEF_FEW);
  g_assert_cmpint (apply (&f, 0), ==, 0);
  report (&f, 30 * MS, 0);
  g_assert_cmpint (f.pair.belief, ==, LOCKSTEP_BELIEF_TRUSTED);
  g_assert_cmpint (ABS (apply (&f, 0) - 30 * MS), <=, MS / 4);
}

/* Two that differ may differ by chance, or because a clock runs away: what lies some of
 * their distance from the arrivals shows nothing yet. */
static void
test_two_that_differ_show_little (void)
{
  Fixture f;

  begin (&f);
  report (&f, 3 * MS, -2 * MS);
  report (&f, 8 * MS, -2 * MS);
  g_assert_cmpint (f.pair.belief, ==, LOCKSTEP_BELIEF_TRUSTED);
  g_assert_cmpint (apply (&f, -2 * MS), ==, -2 * MS);

  begin (&f);
  report (&f, 37 * MS, -2 * MS);
  report (&f, 42 * MS, -2 * MS);
  g_assert_cmpint (ABS (apply (&f, -2 * MS) - 40 * MS), <, MS);
}

static void
test_needs_both_streams (void)
{
  Fixture f;

  begin (&f);
  for (guint i = 0; i < 10; i++) {
    f.now += 5 * SECOND;
    lockstep_report_clock_add (&f.a, f.now, f.now, FALSE, 0);
    g_assert_false (lockstep_report_pair_update (&f.pair, &f.a, &f.b, f.now, 0,
            0, 0, DOUBT));
  }
  g_assert_cmpint (f.pair.belief, ==, LOCKSTEP_BELIEF_NONE);
}

static void
test_the_same_report_again_is_no_confirmation (void)
{
  Fixture f;

  begin (&f);
  report (&f, 30 * MS, 0);
  for (guint i = 0; i < 5; i++) {
    lockstep_report_clock_add (&f.a, f.now, f.now + 1000 * SECOND, FALSE, 0);
    lockstep_report_clock_add (&f.b, f.now, f.now + 1000 * SECOND + 30 * MS,
        FALSE, 0);
    g_assert_false (lockstep_report_pair_update (&f.pair, &f.a, &f.b, f.now, 0,
            0, 0, DOUBT));
  }
}

static void
test_far_from_the_arrivals (void)
{
  gint64 far[] = { 301 * MS, -400 * MS, 3600 * SECOND, G_MAXINT64 / 4,
    G_MININT64 / 4
  };

  for (guint k = 0; k < G_N_ELEMENTS (far); k++) {
    Fixture f;

    begin (&f);
    for (guint i = 0; i < 20; i++)
      report (&f, far[k], 0);
    g_assert_cmpint (f.pair.belief, ==, LOCKSTEP_BELIEF_CONTRADICTED);
    g_assert_cmpint (apply (&f, 5 * MS), ==, 5 * MS);
  }
}

static void
test_scatter_widens (void)
{
  Fixture f;
  guint32 seed = 3;

  begin (&f);
  for (guint i = 0; i < 16; i++)
    report (&f, 15 * MS + ((gint64) (sim_random (&seed) % 12) - 6) * MS, 0);
  g_assert_cmpint (f.pair.belief, ==, LOCKSTEP_BELIEF_TRUSTED);
  g_assert_cmpint (f.pair.uncertainty, >, 2 * MS);
  /* What lies within their doubt is not moved ... */
  g_assert_cmpint (apply (&f, f.pair.offset + MS), ==, f.pair.offset + MS);
  /* ... and once something did not, the claims decide. */
  g_assert_cmpint (apply (&f, 0), ==, f.pair.offset);
  g_assert_cmpint (ABS (f.pair.offset - 15 * MS), <, 3 * MS);
  g_assert_cmpint (apply (&f, f.pair.offset + MS), ==, f.pair.offset);

  begin (&f);
  for (guint i = 0; i < 16; i++)
    report (&f, ((gint64) (sim_random (&seed) % 200) - 100) * MS, 0);
  g_assert_cmpint (f.pair.belief, ==, LOCKSTEP_BELIEF_SCATTERED);
  g_assert_cmpint (apply (&f, 0), ==, 0);
}

static void
test_a_jump_is_left_out (void)
{
  Fixture f;

  begin (&f);
  for (guint i = 0; i < 5; i++)
    report (&f, 30 * MS, 0);
  for (guint i = 0; i < 4; i++) {
    f.now += 5 * SECOND;
    lockstep_report_clock_add (&f.a, f.now, f.now + 1000 * SECOND, FALSE, 0);
    lockstep_report_clock_add (&f.b, f.now, f.now + 1000 * SECOND + 150 * MS,
        FALSE, 0);
    g_assert_false (lockstep_report_pair_update (&f.pair, &f.a, &f.b, f.now, 0,
            0, 0, DOUBT));
    g_assert_cmpint (ABS (apply (&f, 0) - 30 * MS), <=, MS / 4);
  }
  g_assert_cmpuint (f.pair.jumps, ==, 4);
  report (&f, 30 * MS, 0);
  g_assert_cmpint (f.pair.belief, ==, LOCKSTEP_BELIEF_TRUSTED);
}

static void
test_a_lasting_jump_is_learned_at_last (void)
{
  Fixture f;

  begin (&f);
  for (guint i = 0; i < 5; i++)
    report (&f, 30 * MS, 0);
  for (guint i = 0; i < LOCKSTEP_REPORTS_KEPT + 2; i++) {
    f.now += 5 * SECOND;
    lockstep_report_clock_add (&f.a, f.now, f.now + 1000 * SECOND, FALSE, 0);
    lockstep_report_clock_add (&f.b, f.now, f.now + 1000 * SECOND + 80 * MS,
        FALSE, 0);
    lockstep_report_pair_update (&f.pair, &f.a, &f.b, f.now, 0, 0, 0, DOUBT);
  }
  g_assert_cmpint (f.pair.belief, ==, LOCKSTEP_BELIEF_TRUSTED);
  g_assert_cmpint (ABS (apply (&f, 0) - 80 * MS), <=, MS / 4);
}

static void
test_a_wrong_rate_shows (void)
{
  Fixture f;

  begin (&f);
  for (gint64 i = 0; i < 12; i++) {
    report (&f, i * 5 * MS, 0); /* 1000 ppm */
    g_assert_cmpint (ABS (apply (&f, 0)), <=, 2 * MS);
  }
  g_assert_cmpint (f.pair.belief, !=, LOCKSTEP_BELIEF_TRUSTED);
}

static void
test_arrivals_that_wander_do_not_discredit (void)
{
  Fixture f;
  guint32 seed = 11;

  begin (&f);
  for (gint64 i = 0; i < 12; i++) {
    report (&f, 30 * MS, (gint64) (sim_random (&seed) % 10) * MS + i * MS);
    if (i > 0)
      g_assert_cmpint (f.pair.belief, ==, LOCKSTEP_BELIEF_TRUSTED);
  }
}

static void
test_capture_offsets_count_when_both_have_them (void)
{
  Fixture f;

  begin (&f);
  for (guint i = 0; i < 3; i++) {
    f.now += SECOND;
    lockstep_report_clock_add (&f.a, f.now, f.now, TRUE, 100 * MS);
    lockstep_report_clock_add (&f.b, f.now, f.now, TRUE, 120 * MS);
    lockstep_report_pair_update (&f.pair, &f.a, &f.b, f.now, 0, 0, 0, DOUBT);
  }
  g_assert_cmpint (f.pair.offset, ==, 20 * MS);
  begin (&f);
  for (guint i = 0; i < 3; i++) {
    f.now += SECOND;
    lockstep_report_clock_add (&f.a, f.now, f.now, FALSE, 0);
    lockstep_report_clock_add (&f.b, f.now, f.now, TRUE, 120 * MS);
    lockstep_report_pair_update (&f.pair, &f.a, &f.b, f.now, 0, 0, 0, DOUBT);
  }
  g_assert_cmpint (f.pair.offset, ==, 0);
}

static void
test_ntp (void)
{
  const guint64 one = G_GUINT64_CONSTANT (1) << 32;

  g_assert_cmpint (lockstep_ntp_difference (10 * one, 8 * one), ==, 2 * SECOND);
  g_assert_cmpint (lockstep_ntp_difference (8 * one, 10 * one), ==,
      -2 * SECOND);
  g_assert_cmpint (lockstep_ntp_difference (one / 2, 0), ==, SECOND / 2);
  g_assert_cmpint (lockstep_ntp_difference (0, one / 2), ==, -SECOND / 2);
  /* Over the end of the era of 2036. */
  g_assert_cmpint (lockstep_ntp_difference (one, G_MAXUINT64 - one + 1), ==,
      2 * SECOND);
}

/* Reports of one clock that scatter by chance, as Chromium's do, seldom look like those of
 * one that runs away. */
static void
test_scatter_is_no_drift (void)
{
  g_autoptr (GRand) rand = g_rand_new_with_seed (1);
  guint drifting = 0;

  for (guint i = 0; i < 1000; i++) {
    Fixture f;

    begin (&f);
    for (guint k = 0; k < 5; k++)
      report (&f, (gint64) (g_rand_double_range (rand, -8.5, 8.5) * MS), 0);
    drifting += f.pair.belief == LOCKSTEP_BELIEF_DRIFTING;
  }
  g_test_message ("%u of 1000 look like a drift", drifting);
  g_assert_cmpuint (drifting, <=, 100);
}

/* On a busy path the arrivals' drift may be off by hundreds of ppm: claims that lie on one
 * line do not follow it, as far as it may be off. */
static void
test_a_line_is_its_own_drift (void)
{
  static const gdouble shown = 200e-6, doubts[] = { 300e-6, 150e-6 };

  for (guint k = 0; k < G_N_ELEMENTS (doubts); k++) {
    LockstepReportClock a, b;
    LockstepReportPair pair;
    gint64 now = 0, error;

    lockstep_report_clock_init (&a);
    lockstep_report_clock_init (&b);
    lockstep_report_pair_init (&pair);
    for (guint i = 0; i < 6; i++) {
      now += 5 * SECOND;
      lockstep_report_clock_add (&a, now, now + 1000 * SECOND, FALSE, 0);
      lockstep_report_clock_add (&b, now, now + 1000 * SECOND + 30 * MS, FALSE,
          0);
      lockstep_report_pair_update (&pair, &a, &b, now, 0, 20 * MS, shown,
          doubts[k]);
    }
    error = lockstep_report_pair_apply (&pair, now + 5 * SECOND, 20 * MS,
        shown) - 30 * MS;
    g_assert_cmpint (pair.belief, ==, LOCKSTEP_BELIEF_TRUSTED);
    if (doubts[k] > shown)
      g_assert_cmpint (ABS (error), <=, MS / 100);
    else                        /* at 50 ppm: 5 s, and half of the 25 s before */
      g_assert_cmpint (ABS (error - 875 * MS / 1000), <=, MS / 100);
  }
}

/* Capture times as Chromium's sound has them: they rise by 2 ms a second and fall
 * back by 10. Neither the rise is a wrong clock nor the fall a jump. */
static void
test_a_beat_is_no_drift (void)
{
  LockstepReportClock a, b;
  LockstepReportPair pair;

  lockstep_report_clock_init (&a);
  lockstep_report_clock_init (&b);
  lockstep_report_pair_init (&pair);
  for (guint i = 0; i < 60; i++) {
    gint64 now = i * SECOND, tooth = (i * 2040) % 10000 * (MS / 1000) - 5 * MS;

    lockstep_report_clock_add (&a, now, now + 1000 * SECOND - tooth, FALSE, 0);
    lockstep_report_clock_add (&b, now, now + 1000 * SECOND + 30 * MS, FALSE,
        0);
    lockstep_report_pair_update (&pair, &a, &b, now, 0, 20 * MS, 0, DOUBT);
    g_assert_cmpint (pair.belief, <=, LOCKSTEP_BELIEF_TRUSTED);
    if (i >= 16)
      g_assert_cmpint (ABS (lockstep_report_pair_apply (&pair, now, 20 * MS,
                  0) - 30 * MS), <=, 3 * MS);
    else if (i >= 2)
      g_assert_cmpint (ABS (lockstep_report_pair_apply (&pair, now, 20 * MS,
                  0) - 30 * MS), <=, 6 * MS);
  }
  g_assert_cmpuint (pair.jumps, ==, 0);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/reports/agree", test_two_that_agree_decide);
  g_test_add_func ("/reports/two-differ", test_two_that_differ_show_little);
  g_test_add_func ("/reports/both", test_needs_both_streams);
  g_test_add_func ("/reports/again",
      test_the_same_report_again_is_no_confirmation);
  g_test_add_func ("/reports/far", test_far_from_the_arrivals);
  g_test_add_func ("/reports/scatter", test_scatter_widens);
  g_test_add_func ("/reports/jump", test_a_jump_is_left_out);
  g_test_add_func ("/reports/lasting-jump",
      test_a_lasting_jump_is_learned_at_last);
  g_test_add_func ("/reports/rate", test_a_wrong_rate_shows);
  g_test_add_func ("/reports/scatter-no-drift", test_scatter_is_no_drift);
  g_test_add_func ("/reports/line", test_a_line_is_its_own_drift);
  g_test_add_func ("/reports/beat", test_a_beat_is_no_drift);
  g_test_add_func ("/reports/wander",
      test_arrivals_that_wander_do_not_discredit);
  g_test_add_func ("/reports/capture-offset",
      test_capture_offsets_count_when_both_have_them);
  g_test_add_func ("/reports/ntp", test_ntp);
  return g_test_run ();
}
