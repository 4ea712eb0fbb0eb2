/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The delay-based detector of Google congestion control: arrival-time model and
 * adaptive threshold of draft-ietf-rmcat-gcc-02, sections 5.2 to 5.4, with the
 * gradient taken from a line through the last 20 groups, as libwebrtc has done
 * since it left the draft's Kalman filter (Carlucci et al., "Congestion Control
 * for Web Real-Time Communication", 2017, has the thresholds' analysis). */
#include "trendline.h"

#include <math.h>

#define MS (G_GINT64_CONSTANT (1000000))

/* Packets sent within this of a group's first belong to it (draft, 5.2). */
#define GROUP_SPAN (5 * MS)
/* A queue that was closed for a moment lets packets out in a burst: they join a
 * group until it has lasted this long. */
#define BURST_SPAN (100 * MS)
/* The clocks jumped, or packets stopped: begin anew. */
#define GAP (3000 * MS)

#define SMOOTHING 0.9
#define GAIN 4.0
#define MAX_DELTAS 60

/* The draft's 5.4: gamma_1(0), overuse time, K_u and K_d (per ms), limits. */
#define THRESHOLD 12.5
#define THRESHOLD_MIN 6.0
#define THRESHOLD_MAX 600.0
#define THRESHOLD_UP 0.0087
#define THRESHOLD_DOWN 0.039
#define OUTLIER 15.0
#define OVERUSE_TIME 10.0

/**
 * lockstep_trendline_init:
 *
 * Forgets everything; the path counts as normal.
 */
void
lockstep_trendline_init (LockstepTrendline * trendline)
{
  *trendline = (LockstepTrendline) {
  .threshold = THRESHOLD,.threshold_at = -1};
}

/* The slope of the least-squares line through the points; 0 without one. */
static gdouble
slope (const LockstepTrendline * t)
{
  gdouble at = 0, value = 0, over = 0, under = 0;

  for (guint i = 0; i < t->points; i++) {
    at += t->at[i];
    value += t->value[i];
  }
  at /= t->points;
  value /= t->points;
  for (guint i = 0; i < t->points; i++) {
    over += (t->at[i] - at) * (t->value[i] - value);
    under += (t->at[i] - at) * (t->at[i] - at);
  }
  return under > 0 ? over / under : 0;
}

static void
adapt_threshold (LockstepTrendline * t, gdouble trend, gint64 now)
{
  gdouble elapsed, size = fabs (trend);

  if (t->threshold_at < 0)
    t->threshold_at = now;
  elapsed = MIN ((now - t->threshold_at) / (gdouble) MS, 100.0);
  t->threshold_at = now;
  /* one route change shall not make the detector deaf */
  if (size > t->threshold + OUTLIER)
    return;
  t->threshold += (size < t->threshold ? THRESHOLD_DOWN : THRESHOLD_UP)
      * (size - t->threshold) * elapsed;
  t->threshold = CLAMP (t->threshold, THRESHOLD_MIN, THRESHOLD_MAX);
}

static void
detect (LockstepTrendline * t, gdouble send_delta, gint64 now)
{
  gdouble trend = 0;

  if (t->points == LOCKSTEP_TRENDLINE_POINTS)
    trend = slope (t) * t->deltas * GAIN;
  if (trend > t->threshold) {
    /* began somewhere between the two groups */
    t->over_for += t->over_count ? send_delta : send_delta / 2;
    t->over_count++;
    if (t->over_for > OVERUSE_TIME && t->over_count > 1 && trend >= t->previous) {
      t->over_for = 0;
      t->over_count = 0;
      t->state = LOCKSTEP_PATH_OVERUSED;
    }
  } else {
    t->over_for = 0;
    t->over_count = 0;
    t->state = trend < -t->threshold ? LOCKSTEP_PATH_UNDERUSED
        : LOCKSTEP_PATH_NORMAL;
  }
  t->previous = trend;
  adapt_threshold (t, trend, now);
}

static void
group_done (LockstepTrendline * t)
{
  gdouble send_delta = (t->group.last_sent - t->before.last_sent)
      / (gdouble) MS;
  gdouble arrival_delta = (t->group.last_arrival - t->before.last_arrival)
      / (gdouble) MS;

  if (t->deltas == 0)
    t->first_arrival = t->group.last_arrival;
  t->deltas = MIN (t->deltas + 1, MAX_DELTAS);
  t->delay += arrival_delta - send_delta;
  t->smoothed = SMOOTHING * t->smoothed + (1 - SMOOTHING) * t->delay;
  t->at[t->next] = (t->group.last_arrival - t->first_arrival) / (gdouble) MS;
  t->value[t->next] = t->smoothed;
  t->next = (t->next + 1) % LOCKSTEP_TRENDLINE_POINTS;
  t->points = MIN (t->points + 1, LOCKSTEP_TRENDLINE_POINTS);
  detect (t, send_delta, t->group.last_arrival);
}

static gboolean
joins (const LockstepPacketGroup * group, gint64 sent, gint64 arrival)
{
  if (sent - group->first_sent <= GROUP_SPAN)
    return TRUE;
  return arrival - group->last_arrival <= GROUP_SPAN
      && arrival - group->last_arrival < sent - group->last_sent
      && arrival - group->first_arrival < BURST_SPAN;
}

/**
 * lockstep_trendline_add:
 * @sent: when the packet left, ns of the sender's clock
 * @arrival: when it arrived, ns of the receiver's clock; the two need no common
 *   zero
 *
 * Takes one packet, in the order of sending. One that was sent before the group
 * at hand is ignored. A jump of three seconds in either time begins anew.
 *
 * Returns: what the path does by what is known now
 */
LockstepPathState
lockstep_trendline_add (LockstepTrendline * trendline, gint64 sent,
    gint64 arrival)
{
  LockstepTrendline *t = trendline;
  LockstepPacketGroup *group = &t->group;

  if (group->used && sent < group->first_sent)
    return t->state;
  if (group->used && (ABS (arrival - group->last_arrival) > GAP
          || sent - group->last_sent > GAP))
    lockstep_trendline_init (t);
  if (group->used && !joins (group, sent, arrival)) {
    if (t->before.used)
      group_done (t);
    t->before = *group;
    group->used = FALSE;
  }
  if (!group->used)
    *group = (LockstepPacketGroup) {
    sent, sent, arrival, arrival, TRUE};
  group->last_sent = MAX (group->last_sent, sent);
  group->last_arrival = MAX (group->last_arrival, arrival);
  return t->state;
}
