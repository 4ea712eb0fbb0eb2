/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* avsync in the simulator: the lip-sync that is promised, on measured traces
 * where they are at hand and on seeded ones always. No test here sleeps; time is
 * simulated. */
#include <avsim.h>
#include "../common/sanitizer.h"

#define MS SIM_MS
#define SECOND SIM_SECOND
/* Each trace is begun at as many places, with as many seeds. Which combinations run, and
 * what is asked of each, depends on nothing else: not on which traces are at hand, nor
 * on the build. Under sanitizers, which look for other things, it is fewer of them. */
#define PLACES 6
#if ADDRESS_SANITIZER
#define STARTS 2
#define STARTS_WITH_REPORTS 1
#define HOUR (600 * SIM_SECOND)
#else
#define STARTS PLACES
#define STARTS_WITH_REPORTS 2
#define HOUR (3600 * SIM_SECOND)
#endif

static const LockstepAvConfig config = { 5 * SIM_MS, SIM_MS, 300 * SIM_MS, 0,
  LOCKSTEP_AV_SOURCE_CAPTURE_TIME
};
static const guint rates[] = { 15, 30, 60 };

static GPtrArray *traces;

/* Jitter of 30 ms, exponential, is more than any trace that was measured has:
 * at 15 frames a second it takes some seconds to learn. */
static gboolean
is_harsh (const SimTrace * trace)
{
  return g_str_equal (trace->name, "jitter-30");
}

static SimConfig
begin (const SimTrace * trace, guint fps, guint start)
{
  SimConfig sim = sim_config (trace, fps, start + 1);

  sim.trace_start = trace->sent[trace->n - 1] / PLACES * start;
  return sim;
}

static SimResult *
run (const SimConfig * sim)
{
  g_autoptr (SimRun) packets = sim_run_new (sim);
  SimResult *result = sim_lockstep (packets, &config);

  g_assert_cmpuint (result->audio_steps, ==, 0);
  g_assert_cmpuint (result->video_back, ==, 0);
  g_assert_cmpuint (result->errors->len, >, 100);
  /* A frame is held for the start gate, and to the next packet after it. */
  g_assert_cmpint (result->longest_hold, <, 300 * MS + 700 * MS);
  return result;
}

static gint64
quantile (const SimResult * result, gdouble from, gdouble q)
{
  return sim_result_quantile (result, (gint64) (from * SECOND), G_MAXINT64, q);
}

static void
assert_within (const SimConfig * sim, const char *what, gint64 value,
    gint64 limit)
{
  if (value < 0 || value > limit) {
    g_test_message ("%s: %s at %u fps, start %" G_GINT64_FORMAT " s: %.2f ms, "
        "limit %.2f", what, sim->trace ? sim->trace->name : "no delay",
        sim->fps, sim->trace_start / SECOND, value / 1e6, limit / 1e6);
    g_test_fail ();
  }
}

static void
check_arrivals (gdouble loss, gint64 more)
{
  for (guint t = 0; t < traces->len; t++) {
    const SimTrace *trace = g_ptr_array_index (traces, t);

    for (guint r = 0; r < G_N_ELEMENTS (rates); r++) {
      g_autoptr (SimResult) all = sim_result_new ();
      SimConfig sim;

      for (guint start = 0; start < STARTS; start++) {
        g_autoptr (SimResult) result = NULL;

        sim = begin (trace, rates[r], start);
        sim.loss = sim.reorder = loss;
        result = run (&sim);
        assert_within (&sim, "max", quantile (result, 2, 1), 15 * MS + more);
        if (!is_harsh (trace) || loss == 0)
          assert_within (&sim, "p99", quantile (result, 2, 0.99),
              5 * MS + more);
        for (guint i = 0; i < result->errors->len; i++)
          sim_result_add (all, g_array_index (result->errors, gint64, i),
              g_array_index (result->times, gint64, i));
      }
      if (!is_harsh (trace) || loss == 0)
        assert_within (&sim, "p99 of all starts", quantile (all, 2, 0.99),
            5 * MS + more);
    }
  }
}

static void
test_arrivals (void)
{
  check_arrivals (0, 0);
}

static void
test_loss_and_reordering (void)
{
  check_arrivals (0.05, 2 * MS);
}

/* The same stream with and without loss: medians and tails side by side. */
static void
test_loss_changes_little (void)
{
  for (guint t = 0; t < traces->len; t++) {
    const SimTrace *trace = g_ptr_array_index (traces, t);

    if (is_harsh (trace))
      continue;
    for (guint r = 0; r < G_N_ELEMENTS (rates); r++) {
      SimConfig sim = begin (trace, rates[r], 1);
      g_autoptr (SimResult) whole = run (&sim);
      g_autoptr (SimResult) lossy = NULL;

      sim.loss = sim.reorder = 0.05;
      lossy = run (&sim);
      assert_within (&sim, "loss, p99", MAX (0, quantile (lossy, 2, 0.99)
              - quantile (whole, 2, 0.99)), 2 * MS);
      assert_within (&sim, "loss, max", MAX (0, quantile (lossy, 2, 1)
              - quantile (whole, 2, 1)), 2 * MS);
    }
  }
}

static void
test_first_frame_late (void)
{
  for (guint t = 0; t < traces->len; t++) {
    const SimTrace *trace = g_ptr_array_index (traces, t);

    for (guint r = 0; r < G_N_ELEMENTS (rates); r++) {
      for (guint start = 0; start < STARTS; start++) {
        SimConfig sim = begin (trace, rates[r], start);
        g_autoptr (SimResult) result = NULL;

        sim.duration = 10 * SECOND;
        sim.first_frame_late = 150 * MS;
        result = run (&sim);
        assert_within (&sim, "late first frame", quantile (result, 0.65, 1),
            45 * MS);
        assert_within (&sim, "late first frame, after 2 s",
            quantile (result, 2, 1), is_harsh (trace) ? 20 * MS : 15 * MS);
      }
    }
  }
}

static void
test_common_step (void)
{
  for (guint t = 0; t < traces->len; t++) {
    const SimTrace *trace = g_ptr_array_index (traces, t);

    for (guint i = 0; i < 2 * G_N_ELEMENTS (rates); i++) {
      for (guint start = 0; start < 3; start++) {
        SimConfig sim = begin (trace, rates[i / 2], start);
        g_autoptr (SimResult) result = NULL;

        sim.step = 200 * MS;
        if (i % 2)
          sim.step_at = 20 * SECOND + start * 17 * MS;
        else
          sim.step_back_at = 20 * SECOND + start * 17 * MS;
        result = run (&sim);
        assert_within (&sim, i % 2 ? "step up" : "step down",
            quantile (result, 8, 1), is_harsh (trace) ? 20 * MS : 5 * MS);
      }
    }
  }
}

static void
check_drift (const SimTrace * trace, guint fps, gint ppm, gint64 duration)
{
  SimConfig sim = begin (trace, fps, 0);
  g_autoptr (SimResult) result = NULL;

  sim.duration = duration;
  sim.audio_ppm = ppm / 2;
  sim.video_ppm = -ppm / 2;
  result = run (&sim);
  assert_within (&sim, "drift", quantile (result, 2, 1),
      is_harsh (trace) ? 15 * MS : 5 * MS);
  g_assert_cmpfloat_with_epsilon (result->stats.drift, ppm,
      is_harsh (trace) ? 20 : 5);
  /* Against this machine's clock, changes of the path count too. */
  if (g_str_equal (trace->name, "still"))
    g_assert_cmpfloat_with_epsilon (result->stats.clock_drift, ppm / 2, 2);
}

static void
test_drift (void)
{
  for (gint ppm = -200; ppm <= 200; ppm += 400) {
    for (guint t = 0; t < traces->len; t++) {
      for (guint r = 0; r < G_N_ELEMENTS (rates); r++)
        check_drift (g_ptr_array_index (traces, t), rates[r], ppm,
            400 * SECOND);
    }
  }
}

static void
test_drift_for_an_hour (void)
{
  for (guint t = 0; t < traces->len; t++) {
    const SimTrace *trace = g_ptr_array_index (traces, t);

    if (g_str_equal (trace->name, "queue"))
      check_drift (trace, 15, 200, HOUR);
    if (g_str_equal (trace->name, "stalls"))
      check_drift (trace, 30, -200, HOUR);
  }
}

static void
test_reports_are_followed (void)
{
  for (guint t = 0; t < traces->len; t++) {
    const SimTrace *trace = g_ptr_array_index (traces, t);

    for (guint i = 0; i < 2 * G_N_ELEMENTS (rates); i++) {
      for (guint start = 0; start < STARTS; start++) {
        SimConfig sim = begin (trace, rates[i / 2], start);
        g_autoptr (SimResult) result = NULL;

        sim.reports = i % 2 ? SIM_REPORTS_CLEAN : SIM_REPORTS_LATE;
        result = run (&sim);
        g_assert_cmpint (result->second_report, >, 0);
        g_assert_cmpint (result->stats.source, ==,
            LOCKSTEP_AV_SOURCE_SENDER_REPORT);
        /* What is left is slewed: a second for what the arrivals were off by. */
        assert_within (&sim, "after the second report",
            quantile (result, result->second_report / 1e9 + 1, 1), 2 * MS);
      }
    }
  }
}

/* The sender holds video for 40 ms, which arrivals cannot show. */
static void
test_reports_show_the_encoder (void)
{
  for (guint t = 0; t < traces->len; t++) {
    const SimTrace *trace = g_ptr_array_index (traces, t);

    for (guint r = 0; r < G_N_ELEMENTS (rates); r++) {
      SimConfig sim = begin (trace, rates[r], 0);
      g_autoptr (SimResult) result = NULL;

      sim.reports = SIM_REPORTS_CLEAN;
      sim.video_encode = 40 * MS;
      result = run (&sim);
      /* 40 ms at 5 ms a second, and what the arrivals were off by. */
      assert_within (&sim, "encoder", quantile (result,
              result->second_report / 1e9 + 9, 1), 2 * MS);
    }
  }
}

/* What reports may add to a run's error. */
static gint64
harm_allowed (SimReports reports)
{
  switch (reports) {
    case SIM_REPORTS_SCATTERED:
      /* Claims that are up to 8.5 ms off may cost a part of that: their middle, when the
       * first of them lie on one side by chance. */
      return 6 * MS;
    case SIM_REPORTS_FROM_ARRIVALS:
      /* The delays that these are made of are those the arrivals have: a middle of some is
       * further off than a minimum of many where a path is busy. Rarely, see below. */
      return 4 * MS;
    default:
      return MS;
  }
}

static gint
compare_int64 (gconstpointer a, gconstpointer b)
{
  gint64 x = *(const gint64 *) a, y = *(const gint64 *) b;

  return (x > y) - (x < y);
}

/* The same stream with and without reports: tails side by side. */
static void
test_bad_reports_do_no_harm (void)
{
  GArray *harms[SIM_REPORTS_LAST] = { NULL, };

  for (guint k = SIM_REPORTS_CLEAN; k < SIM_REPORTS_LAST; k++)
    harms[k] = g_array_new (FALSE, FALSE, sizeof (gint64));
  for (guint t = 0; t < traces->len; t++) {
    for (guint i = 0; i < G_N_ELEMENTS (rates) * STARTS_WITH_REPORTS; i++) {
      SimConfig sim = begin (g_ptr_array_index (traces, t),
          rates[i % G_N_ELEMENTS (rates)], i / G_N_ELEMENTS (rates));
      g_autoptr (SimResult) without = run (&sim);
      gint64 p99 = quantile (without, 2, 0.99), max = quantile (without, 2, 1);

      for (guint k = SIM_REPORTS_CLEAN; k < SIM_REPORTS_LAST; k++) {
        g_autofree char *what = g_strdup_printf ("reports %s",
            sim_reports_name (k));
        g_autoptr (SimResult) with = NULL;
        gint64 harm;

        sim.reports = k;
        with = run (&sim);
        harm =
            MAX (quantile (with, 2, 0.99) - p99, quantile (with, 2, 1) - max);
        harm = MAX (harm, 0);
        assert_within (&sim, what, harm, harm_allowed (k));
        g_array_append_val (harms[k], harm);
      }
    }
  }
  for (guint k = SIM_REPORTS_CLEAN; k < SIM_REPORTS_LAST; k++) {
    GArray *h = harms[k];
    gint64 harm;

    g_array_sort (h, compare_int64);
    harm = g_array_index (h, gint64, h->len * 9 / 10);
    g_test_message ("reports %s: %.2f ms in nine of ten runs, %.2f ms at most",
        sim_reports_name (k), harm / 1e6,
        g_array_index (h, gint64, h->len - 1) / 1e6);
    if (k != SIM_REPORTS_SCATTERED)
      g_assert_cmpint (harm, <=, MS);
    g_array_unref (h);
  }
}

int
main (int argc, char **argv)
{
  g_autoptr (GPtrArray) made = sim_make_traces ();
  int failed;

  g_test_init (&argc, &argv, NULL);
  traces = sim_load_traces (g_getenv ("LOCKSTEP_SOURCE_ROOT"));
  g_test_message ("%u measured traces", traces->len);
  for (guint i = 0; i < made->len; i++)
    g_ptr_array_add (traces, g_ptr_array_index (made, i));
  g_ptr_array_set_free_func (made, NULL);

  g_test_add_func ("/avsync-sim/arrivals", test_arrivals);
  g_test_add_func ("/avsync-sim/loss", test_loss_and_reordering);
  g_test_add_func ("/avsync-sim/loss-compared", test_loss_changes_little);
  g_test_add_func ("/avsync-sim/first-frame-late", test_first_frame_late);
  g_test_add_func ("/avsync-sim/common-step", test_common_step);
  g_test_add_func ("/avsync-sim/drift", test_drift);
  g_test_add_func ("/avsync-sim/hour", test_drift_for_an_hour);
  g_test_add_func ("/avsync-sim/reports", test_reports_are_followed);
  g_test_add_func ("/avsync-sim/encoder", test_reports_show_the_encoder);
  g_test_add_func ("/avsync-sim/bad-reports", test_bad_reports_do_no_harm);
  failed = g_test_run ();
  g_ptr_array_unref (traces);
  return failed;
}
