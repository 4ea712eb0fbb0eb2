/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* When FEC begins, how much of it there is, and when it ends. */
#include <gst/lockstep/fecplan.h>

#define MS G_GINT64_CONSTANT (1000000)
#define S (1000 * MS)
#define START (1000 * S)

/* 3 % lost one by one, a quarter of a second away, and the encoder leaves a third. */
static const LockstepFecPath far = {
  .loss = 0.03,.burst = 1,.rtt = 250 * MS,.wait = 150 * MS,.rtx_in_time = -1,
  .target = 2000000,.media = 1300000
};

static LockstepFecLevel
once (const LockstepFecPath * path)
{
  LockstepFecPlan plan = { 0 };

  return lockstep_fec_plan_update (&plan, path, START);
}

#define WITH(field, value) \
  ({ LockstepFecPath path = far; path.field = (value); once (&path); })

static void
test_share (void)
{
  const LockstepFecLevel level = once (&far);

  g_assert_cmpuint (level.delta, ==, level.wanted);
  g_assert_cmpuint (level.delta, ==, 24);
  g_assert_cmpuint (level.key, ==, 36);
  /* twice the loss, twice the share; in rows of two likewise */
  g_assert_cmpuint (WITH (loss, 0.06).wanted, ==, 2 * level.wanted);
  g_assert_cmpuint (WITH (burst, 2).wanted, ==, 2 * level.wanted);
  g_assert_cmpuint (WITH (burst, 0).wanted, ==, level.wanted);
  /* never most of what is sent; nor FEC that could not help */
  g_assert_cmpuint (WITH (loss, 0.12).wanted, ==, 50);
  g_assert_cmpuint (WITH (loss, 0.2).wanted, ==, 50);
  g_assert_cmpuint (WITH (burst, 20).wanted, ==, 0);
  g_assert_cmpuint (WITH (loss, 0.6).wanted, ==, 0);
}

static void
test_needless (void)
{
  /* no loss to speak of, or one that retransmissions make good in time */
  g_assert_cmpuint (WITH (loss, 0).wanted, ==, 0);
  g_assert_cmpuint (WITH (loss, 0.009).wanted, ==, 0);
  g_assert_cmpuint (WITH (rtt, 20 * MS).wanted, ==, 0);
  g_assert_cmpuint (WITH (rtt, 150 * MS).wanted, ==, 0);
  g_assert_cmpuint (WITH (wait, 300 * MS).wanted, ==, 0);
  /* not known is no reason */
  g_assert_cmpuint (WITH (rtt, 0).wanted, ==, 0);
  /* of a queue's own losses it would make more */
  g_assert_cmpuint (WITH (queued, TRUE).wanted, ==, 0);
}

/* Retransmissions that get lost themselves take two round trips. */
static void
test_rtx_lost (void)
{
  LockstepFecPath path = far;

  path.rtt = 100 * MS;
  g_assert_cmpuint (once (&path).wanted, ==, 0);
  path.rtx_in_time = 0.9;
  g_assert_cmpuint (once (&path).wanted, ==, 0);
  path.rtx_in_time = 0.5;
  g_assert_cmpuint (once (&path).wanted, >, 0);
  /* there is time for a second try */
  path.rtt = 60 * MS;
  g_assert_cmpuint (once (&path).wanted, ==, 0);
}

/* Media and FEC together stay below the target. */
static void
test_room (void)
{
  LockstepFecPath path = far;
  LockstepFecLevel level = once (&path);
  const guint64 media = lockstep_fec_media_rate (&level, path.target);

  g_assert_cmpuint (media, <, path.target);
  g_assert_cmpfloat (media * (1 + level.wanted / 100.0), <=, path.target);
  /* the encoder has not followed yet: what there is of room, and no more */
  path.media = 2200000;
  level = once (&path);
  g_assert_cmpuint (level.delta, ==, 0);
  g_assert_cmpuint (level.key, ==, 0);
  g_assert_cmpuint (level.wanted, >, 0);
  path.media = 2000000;
  level = once (&path);
  g_assert_cmpuint (level.delta, >, 0);
  g_assert_cmpuint (level.delta, <, level.wanted / 2);
  path.media = media;
  level = once (&path);
  g_assert_cmpuint (level.delta, ==, level.wanted);
  /* nothing is sent: nothing to protect, and nothing to divide by */
  path.media = 0;
  g_assert_cmpuint (once (&path).delta, ==, 0);
  path.target = 0;
  path.media = 1;
  g_assert_cmpuint (once (&path).delta, ==, 0);
  level = (LockstepFecLevel) {
  0};
  g_assert_cmpuint (lockstep_fec_media_rate (&level, 777), ==, 777);
}

/* Loss and round trip that hover about their limits. */
static void
test_hysteresis (void)
{
  LockstepFecPlan plan = { 0 };
  LockstepFecPath path = far;
  guint wanted, changes = 0, last;
  gint64 now = START;

  last = lockstep_fec_plan_update (&plan, &path, now).wanted;
  for (guint i = 0; i < 600; i++, now += 100 * MS) {
    path.loss = i % 2 ? 0.008 : 0.012;
    path.rtt = i % 3 ? 140 * MS : 160 * MS;
    wanted = lockstep_fec_plan_update (&plan, &path, now).wanted;
    changes += wanted != last;
    last = wanted;
    g_assert_cmpuint (wanted, >, 0);
  }
  g_assert_cmpuint (changes, <=, 2);

  /* a lull is no end, five seconds are */
  path.loss = 0;
  for (guint i = 0; i < 45; i++, now += 100 * MS)
    g_assert_cmpuint (lockstep_fec_plan_update (&plan, &path, now).wanted, >,
        0);
  path.loss = 0.03;
  g_assert_cmpuint (lockstep_fec_plan_update (&plan, &path, now).wanted, >, 0);
  path.loss = 0;
  lockstep_fec_plan_update (&plan, &path, now);
  g_assert_cmpuint (lockstep_fec_plan_update (&plan, &path,
          now + 4 * S).wanted, >, 0);
  g_assert_cmpuint (lockstep_fec_plan_update (&plan, &path,
          now + 5 * S).wanted, ==, 0);
}

/* More comes at once, less after a while. */
static void
test_follow (void)
{
  LockstepFecPlan plan = { 0 };
  LockstepFecPath path = far;
  const guint first = lockstep_fec_plan_update (&plan, &path, START).wanted;
  guint more;

  path.loss = 0.033;
  g_assert_cmpuint (lockstep_fec_plan_update (&plan, &path,
          START + S).wanted, ==, first);
  path.loss = 0.06;
  path.queued = TRUE;
  g_assert_cmpuint (lockstep_fec_plan_update (&plan, &path,
          START + S).wanted, ==, first);
  path.queued = FALSE;
  more = lockstep_fec_plan_update (&plan, &path, START + S).wanted;
  g_assert_cmpuint (more, ==, 2 * first);
  path.loss = 0.03;
  g_assert_cmpuint (lockstep_fec_plan_update (&plan, &path,
          START + 2 * S).wanted, ==, more);
  g_assert_cmpuint (lockstep_fec_plan_update (&plan, &path,
          START + 7 * S).wanted, ==, first);
}

static void
test_meter (void)
{
  LockstepLossMeter meter = { 0 };
  gint64 now = START;

  g_assert_cmpfloat (lockstep_loss_meter_loss (&meter), ==, 0);
  g_assert_cmpfloat (lockstep_loss_meter_burst (&meter), ==, 1);
  /* two of ten are no 20 % */
  lockstep_loss_meter_add (&meter, 10, 2, 1, now);
  g_assert_cmpfloat (lockstep_loss_meter_loss (&meter), ==, 0);
  for (guint i = 0; i < 300; i++, now += 100 * MS)
    lockstep_loss_meter_add (&meter, 20, i % 2, i % 4 == 1, now);
  g_assert_cmpfloat_with_epsilon (lockstep_loss_meter_loss (&meter), 0.025,
      0.002);
  g_assert_cmpfloat_with_epsilon (lockstep_loss_meter_burst (&meter), 2, 0.1);
  /* it fades, and nothing but time passing makes no loss of it */
  lockstep_loss_meter_add (&meter, 0, 0, 0, now + 3600 * S);
  g_assert_cmpfloat (lockstep_loss_meter_loss (&meter), ==, 0);
  g_assert_cmpfloat (lockstep_loss_meter_burst (&meter), ==, 1);
  /* a clock that goes back does not make old counts grow */
  lockstep_loss_meter_add (&meter, 100, 0, 0, now);
  g_assert_cmpfloat (meter.packets, <=, 101);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/fecplan/share", test_share);
  g_test_add_func ("/fecplan/needless", test_needless);
  g_test_add_func ("/fecplan/rtx-lost", test_rtx_lost);
  g_test_add_func ("/fecplan/room", test_room);
  g_test_add_func ("/fecplan/hysteresis", test_hysteresis);
  g_test_add_func ("/fecplan/follow", test_follow);
  g_test_add_func ("/fecplan/meter", test_meter);
  return g_test_run ();
}
