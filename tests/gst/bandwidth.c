/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Tests of rate control: over simulated links, and by hand. */
#include <gst/lockstep/adaptation.h>
#include <gst/lockstep/bandwidth.h>
#include <gst/lockstep/pacer.h>

#include "ratesim.h"
#include "ratesim-links.h"

#define MS RATE_SIM_MS
#define SECOND RATE_SIM_SECOND
#define SEEDS 4

static const LockstepBandwidthConfig limits = { 100000, 1000000, 5000000 };

static void
check_step (const RateSimConfig * config, const RateSimResult * result,
    guint step)
{
  gint64 from = config->at[step];
  gint64 to = step + 1 < RATE_SIM_STEPS && config->rates[step + 1]
      ? config->at[step + 1] : config->duration;

  g_test_message ("%s, seed %u, step %u", config->name, config->seed, step);
  g_assert_cmpint (rate_sim_queue (result, from, to, 0.95), <=, 100 * MS);
  g_assert_cmpint (rate_sim_recovery (result, from), <=, 2 * SECOND);
  g_assert_cmpint (rate_sim_freeze (result, from, to), <=, SECOND);
  /* never so low as the mean of all seeds must be, below */
  g_assert_cmpfloat (rate_sim_utilisation (result, from + 10 * SECOND, to), >=,
      0.80);
}

static void
test_simulated_links (void)
{
  for (guint i = 0; i < G_N_ELEMENTS (rate_sim_links); i++) {
    gdouble used = 0, share = 0, recovery = 0;

    for (guint seed = 1; seed <= SEEDS; seed++) {
      RateSimConfig config = rate_sim_links[i];
      g_autoptr (RateSimResult) result = NULL;

      config.seed = seed;
      result = rate_sim_run (&config);
      for (guint s = 0; s < RATE_SIM_STEPS && config.rates[s]; s++)
        check_step (&config, result, s);
      if (config.rates[1] < config.rates[0])
        recovery += rate_sim_recovery (result, config.at[1]);
      used += rate_sim_utilisation (result, 10 * SECOND, config.duration);
      if (config.rivals)
        share += rate_sim_share (result, config.duration - 30 * SECOND,
            config.duration);
    }
    g_test_message ("%s: %.3f, %.0f ms", rate_sim_links[i].name, used / SEEDS,
        recovery / SEEDS / 1e6);
    g_assert_cmpfloat (used / SEEDS, >=, 0.88);
    g_assert_cmpfloat (recovery / SEEDS, <=,
        310 * MS + 2 * rate_sim_links[i].delay);
    if (rate_sim_links[i].rivals) {
      g_assert_cmpfloat (share / SEEDS, >=, 0.40);
      g_assert_cmpfloat (share / SEEDS, <=, 0.60);
    }
  }
}

/* @n packets of 1000 bytes, 5 ms apart, each @delay on the way; one in @lose is
 * lost (0: none). */
static guint64
feed (LockstepBandwidth * b, gint64 * now, guint n, gint64 delay, guint lose)
{
  guint64 target = 0;

  for (guint done = 0; done < n;) {
    LockstepBandwidthPacket packets[10];
    guint i;

    for (i = 0; i < 10 && done < n; i++, done++) {
      packets[i].sent = *now;
      packets[i].arrival = lose && done % lose == 0 ? LOCKSTEP_BANDWIDTH_LOST
          : *now + delay;
      packets[i].bytes = 1000;
      packets[i].probe = 0;
      *now += 5 * MS;
    }
    target = lockstep_bandwidth_feedback (b, packets, i, *now);
  }
  return target;
}

static void
test_without_feedback_less_is_sent (void)
{
  g_autoptr (LockstepBandwidth) b = lockstep_bandwidth_new (&limits, 0);
  guint64 target = limits.start, last = limits.start;

  for (gint64 now = 0; now < 900 * MS; now += 50 * MS)
    g_assert_cmpuint (lockstep_bandwidth_tick (b, now), ==, limits.start);
  for (gint64 now = SECOND; now < 20 * SECOND; now += 50 * MS) {
    target = lockstep_bandwidth_tick (b, now);
    g_assert_cmpuint (target, <=, last);
    last = target;
  }
  g_assert_cmpuint (target, ==, limits.min);
}

static void
test_loss_takes_and_gives (void)
{
  g_autoptr (LockstepBandwidth) b = lockstep_bandwidth_new (&limits, 0);
  gint64 now = 0;
  guint64 before, lossy;

  before = feed (b, &now, 400, 20 * MS, 0);
  /* one in twenty: neither much nor little */
  g_assert_cmpuint (feed (b, &now, 400, 20 * MS, 20), >=, before);
  lossy = feed (b, &now, 400, 20 * MS, 3);
  g_assert_cmpuint (lossy, <, before);
  g_assert_cmpuint (lossy, >=, limits.min);
  g_assert_true (lockstep_bandwidth_stats (b).limited_by_loss);
  g_assert_cmpfloat (lockstep_bandwidth_stats (b).loss, >, 0.3);
  g_assert_cmpuint (feed (b, &now, 4000, 20 * MS, 0), >=, before);
}

static void
test_what_arrives_is_measured (void)
{
  g_autoptr (LockstepBandwidth) b = lockstep_bandwidth_new (&limits, 0);
  gint64 now = 0;
  LockstepBandwidthStats stats;

  feed (b, &now, 400, 20 * MS, 0);
  stats = lockstep_bandwidth_stats (b);
  /* 1000 bytes each 5 ms */
  g_assert_cmpuint (stats.acknowledged, >=, 1590000);
  g_assert_cmpuint (stats.acknowledged, <=, 1610000);
  g_assert_cmpint (stats.queue, ==, 0);
  feed (b, &now, 10, 90 * MS, 0);
  g_assert_cmpint (lockstep_bandwidth_stats (b).queue, ==, 70 * MS);
}

/* 2 Mbit/s go out, and the path carries 0.5 of it all at once. Each line has jitter of
 * 2 ms, as paths do. */
static void
test_a_path_that_shrinks (void)
{
  g_autoptr (LockstepBandwidth) b = lockstep_bandwidth_new (&limits, 0);
  LockstepBandwidthPacket packets[16];
  gint64 free = 0, now = 0, down = 0;
  guint n = 0;

  for (guint i = 0; i < 2000 && down == 0; i++) {
    gint64 sent = i * 5 * MS, transmission = (sent < 5 * SECOND ? 1 : 20) * MS;
    guint64 target;

    free = MAX (free, sent) + transmission;
    packets[n++] = (LockstepBandwidthPacket) {
    sent, free + 20 * MS + (i * 7 % 5) * MS / 2, 1250, 0};
    /* told of each 50 ms */
    if (packets[n - 1].arrival < now + 50 * MS && n < G_N_ELEMENTS (packets))
      continue;
    now = packets[n - 1].arrival;
    target = lockstep_bandwidth_feedback (b, packets, n, now);
    n = 0;
    if (sent > 5 * SECOND && target < 500000)
      down = now - 5 * SECOND;
  }
  g_test_message ("%.0f ms", down / 1e6);
  g_assert_cmpint (down, >, 0);
  g_assert_cmpint (down, <=, 210 * MS);
}

/* An encoder whose rate stays: it is never held back, and no more is looked for. */
static void
test_a_rate_that_stays (void)
{
  g_autoptr (LockstepBandwidth) b = NULL;
  LockstepBandwidthConfig config;
  gint64 now = 0;

  lockstep_bandwidth_config_fixed (&config, 300000);
  g_assert_cmpuint (config.start, >=, 300000 + 96000 + 100 * 58 * 8);
  g_assert_cmpuint (config.start, ==, config.max);
  g_assert_cmpuint (config.min, <, 300000);
  b = lockstep_bandwidth_new (&config, 0);
  /* 1.6 Mbit/s arrive */
  g_assert_cmpuint (feed (b, &now, 4000, 20 * MS, 0), ==, config.max);
  lockstep_bandwidth_config_fixed (&config, 1);
  g_assert_cmpuint (config.min, <=, config.start);
}

/* Carries a probe over a link of @rate. */
static guint64
probe (LockstepBandwidth * b, guint64 rate, gint64 now)
{
  LockstepProbe probe;
  LockstepBandwidthPacket packets[64];
  gint64 link = 0;
  guint n;

  g_assert_true (lockstep_bandwidth_next_probe (b, now, &probe));
  g_assert_cmpuint (probe.id, !=, 0);
  g_assert_cmpuint (probe.bytes, >=, 6 * 1200);
  n = MIN ((probe.bytes + 1199) / 1200, G_N_ELEMENTS (packets));
  for (guint i = 0; i < n; i++) {
    packets[i].sent = now + i * 1200 * 8 * SECOND / (gint64) probe.rate;
    link = MAX (link, packets[i].sent) + 1200 * 8 * SECOND / (gint64) rate;
    packets[i].arrival = link + 20 * MS;
    packets[i].bytes = 1200;
    packets[i].probe = probe.id;
  }
  return lockstep_bandwidth_feedback (b, packets, n, now + 100 * MS);
}

static void
test_a_probe_finds_what_is_free (void)
{
  g_autoptr (LockstepBandwidth) wide = lockstep_bandwidth_new (&limits, 0);
  g_autoptr (LockstepBandwidth) narrow = lockstep_bandwidth_new (&limits, 0);
  LockstepProbe unused;
  guint64 target;

  target = probe (wide, 100000000, 0);
  g_assert_cmpuint (target, >=, 2900000);
  target = probe (wide, 100000000, SECOND);
  g_assert_cmpuint (target, ==, limits.max);
  /* there is no more to be had */
  g_assert_false (lockstep_bandwidth_next_probe (wide, 2 * SECOND, &unused));

  target = probe (narrow, 2000000, 0);
  g_assert_cmpuint (target, >=, 1700000);
  g_assert_cmpuint (target, <=, 2000000);
}

static void
test_absurd_feedback_stays_within_limits (void)
{
  g_autoptr (GRand) rand = g_rand_new_with_seed (4);
  g_autoptr (LockstepBandwidth) b = lockstep_bandwidth_new (&limits, 0);
  gint64 now = 0;

  for (guint i = 0; i < 20000; i++) {
    LockstepBandwidthPacket packets[8];
    LockstepProbe probe;
    guint64 target;
    guint n = g_rand_int_range (rand, 0, 9);

    for (guint k = 0; k < n; k++) {
      packets[k].sent = g_rand_int_range (rand, 0, 4)
          ? now - g_rand_int_range (rand, 0, 100) * MS
          : g_rand_int (rand) * (gint64) g_rand_int_range (rand, 1, 1000000);
      packets[k].arrival = g_rand_int_range (rand, -1, 4)
          ? now + g_rand_int_range (rand, 0, 200) * MS
          : g_rand_int (rand) * (gint64) g_rand_int_range (rand, -1, 1000000);
      packets[k].bytes = g_rand_int_range (rand, 0, 3)
          ? (gsize) g_rand_int_range (rand, 0, 1500) : g_rand_int (rand);
      packets[k].probe = g_rand_int_range (rand, 0, 5);
    }
    target = lockstep_bandwidth_feedback (b, packets, n, now);
    g_assert_cmpuint (target, >=, limits.min);
    g_assert_cmpuint (target, <=, limits.max);
    if (lockstep_bandwidth_next_probe (b, now, &probe))
      g_assert_cmpuint (probe.rate, <=, 2 * limits.max);
    now += g_rand_int_range (rand, 0, 200) * MS;
  }
}

static void
test_pacer_spaces_packets (void)
{
  LockstepPacer pacer = { 0 };
  guint probe;

  /* 1000 bytes at 8 Mbit/s: 1 ms each */
  for (guint i = 0; i < 10; i++)
    g_assert_cmpint (lockstep_pacer_schedule (&pacer, 8000000, 1000, 5 * MS,
            &probe), ==, (5 + i) * MS);
  /* an idle pacer owes nothing */
  g_assert_cmpint (lockstep_pacer_schedule (&pacer, 8000000, 1000, SECOND,
          &probe), ==, SECOND);
  g_assert_cmpuint (probe, ==, 0);
  lockstep_pacer_probe (&pacer, 7, 16000000, 1500);
  lockstep_pacer_schedule (&pacer, 8000000, 1000, SECOND, &probe);
  g_assert_cmpuint (probe, ==, 7);
  g_assert_cmpint (lockstep_pacer_schedule (&pacer, 8000000, 1000, SECOND,
          &probe), ==, SECOND + 3 * MS / 2);
  g_assert_cmpuint (probe, ==, 7);
  g_assert_cmpint (lockstep_pacer_schedule (&pacer, 8000000, 1000, SECOND,
          &probe), ==, SECOND + 2 * MS);
  g_assert_cmpuint (probe, ==, 0);
}

static void
test_adaptation_goes_down_at_once_and_up_slowly (void)
{
  LockstepAdaptation a;
  LockstepPicture p;
  gint64 now = 10 * SECOND;
  guint changes = 0;

  lockstep_adaptation_init (&a, 1280, 720, 30, now);
  g_assert_false (lockstep_adaptation_update (&a, 2000000, now, &p));
  g_assert_cmpuint (p.width, ==, 1280);
  g_assert_cmpuint (p.fps, ==, 30);
  g_assert_cmpuint (p.bitrate, ==, 2000000);
  /* a little less: frames go first */
  now += 2 * SECOND;
  g_assert_true (lockstep_adaptation_update (&a, 750000, now, &p));
  g_assert_cmpuint (p.height, ==, 720);
  g_assert_cmpuint (p.fps, <, 30);
  /* far less: lines too */
  now += 2 * SECOND;
  g_assert_true (lockstep_adaptation_update (&a, 200000, now, &p));
  g_assert_cmpuint (p.height, <=, 270);
  g_assert_cmpuint (p.height, >=, 90);
  g_assert_cmpuint (p.width % 2, ==, 0);
  /* back: not before four seconds, and one step at a time */
  now += 2 * SECOND;
  for (guint i = 0; i < 39; i++, now += 100 * MS)
    g_assert_false (lockstep_adaptation_update (&a, 2000000, now, &p));
  for (guint i = 0; i < 600; i++, now += 100 * MS)
    changes += lockstep_adaptation_update (&a, 2000000, now, &p);
  g_assert_cmpuint (changes, >, 2);
  g_assert_cmpuint (p.height, ==, 720);
  g_assert_cmpuint (p.fps, ==, 30);
}

static void
test_adaptation_does_not_flap (void)
{
  g_autoptr (GRand) rand = g_rand_new_with_seed (5);
  LockstepAdaptation a;
  LockstepPicture p;
  guint changes = 0;

  lockstep_adaptation_init (&a, 1280, 720, 30, 0);
  /* right at a step's edge, ten minutes long */
  for (gint64 now = 2 * SECOND; now < 600 * SECOND; now += 100 * MS)
    changes += lockstep_adaptation_update (&a,
        g_rand_int_range (rand, 800000, 980000), now, &p);
  g_assert_cmpuint (changes, <=, 1);
}

static void
test_adaptation_of_small_pictures_has_an_end (void)
{
  LockstepAdaptation a;
  LockstepPicture p;

  lockstep_adaptation_init (&a, 16, 16, 5, 0);
  for (gint64 now = 0; now < 20 * SECOND; now += SECOND) {
    lockstep_adaptation_update (&a, 1, now, &p);
    g_assert_cmpuint (p.width, ==, 16);
    g_assert_cmpuint (p.fps, ==, 5);
  }
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/bandwidth/links", test_simulated_links);
  g_test_add_func ("/bandwidth/silence", test_without_feedback_less_is_sent);
  g_test_add_func ("/bandwidth/loss", test_loss_takes_and_gives);
  g_test_add_func ("/bandwidth/arrives", test_what_arrives_is_measured);
  g_test_add_func ("/bandwidth/stays", test_a_rate_that_stays);
  g_test_add_func ("/bandwidth/shrinks", test_a_path_that_shrinks);
  g_test_add_func ("/bandwidth/probe", test_a_probe_finds_what_is_free);
  g_test_add_func ("/bandwidth/absurd",
      test_absurd_feedback_stays_within_limits);
  g_test_add_func ("/pacer/spaces", test_pacer_spaces_packets);
  g_test_add_func ("/adaptation/down-and-up",
      test_adaptation_goes_down_at_once_and_up_slowly);
  g_test_add_func ("/adaptation/flap", test_adaptation_does_not_flap);
  g_test_add_func ("/adaptation/small",
      test_adaptation_of_small_pictures_has_an_end);
  return g_test_run ();
}
