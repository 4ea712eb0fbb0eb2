/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* How much FEC. Three in a hundred lost, and FEC packets to a quarter of the others: of
 * 18 and their 5, two lost come back always (see flexfec.c), and so do most threes; more
 * are lost once in 200 times, every 20 s. Twice the loss needs about twice the FEC. */
#include "fecplan.h"

#include <math.h>

#define SECOND G_GINT64_CONSTANT (1000000000)
#define FADE_S 4.0
/* Fewer say little of a loss of some percent. */
#define FEW_PACKETS 50

/* FEC packets for each packet that is lost; a key frame's loss costs more, as all that
 * follows needs it. */
#define PER_LOSS_DELTA 8
#define PER_LOSS_KEY 12
#define MOST_DELTA 50
#define MOST_KEY 100
#define LEAST 5

#define LOSS_BEGINS 0.01
#define LOSS_ENDS 0.004
/* Half of the retransmissions lost, and a packet comes after two round trips. */
#define RTX_FAILS 0.6
#define RTX_WORKS 0.75
#define HOLD (5 * SECOND)
/* Such a change is none. */
#define SAME 1.25

/* FEC packets are as long as the longest that they protect, and have a header more;
 * key frames get more of them. */
#define LENGTH 1.2

void
lockstep_loss_meter_add (LockstepLossMeter * meter, guint packets, guint lost,
    guint runs, gint64 now)
{
  gdouble keep = meter->last != 0 && now > meter->last
      ? exp (-(now - meter->last) / (FADE_S * SECOND)) : 1;

  g_return_if_fail (lost <= packets && runs <= lost);

  meter->packets = meter->packets * keep + packets;
  meter->lost = meter->lost * keep + lost;
  meter->runs = meter->runs * keep + runs;
  meter->last = now;
}

gdouble
lockstep_loss_meter_loss (const LockstepLossMeter * meter)
{
  return meter->packets < FEW_PACKETS ? 0 : meter->lost / meter->packets;
}

gdouble
lockstep_loss_meter_burst (const LockstepLossMeter * meter)
{
  /* of less than one whole row nothing can be said */
  return meter->runs < 1 ? 1 : MAX (1, meter->lost / meter->runs);
}

/* Packets lost in a row take as many FEC packets as if they were lost singly, but all of
 * them from one group. 0: so many would be needed that RTX, however late, is better. */
static guint
percent (const LockstepFecPath * path, gdouble per_loss, guint most)
{
  gdouble needed = 100 * path->loss * MAX (1, path->burst) * per_loss;

  if (needed > 4 * most)
    return 0;
  return CLAMP (needed, LEAST, most);
}

static gboolean
is_needed (LockstepFecPlan * plan, const LockstepFecPath * path)
{
  const gdouble in_time = path->rtx_in_time < 0 ? 1 : path->rtx_in_time;

  plan->lossy = path->loss >= (plan->lossy ? LOSS_ENDS : LOSS_BEGINS);
  /* what is not known is no reason */
  if (plan->far)
    plan->far = path->rtt > 0.8 * path->wait || (path->rtt > 0
        && in_time < RTX_WORKS && 2 * path->rtt > path->wait);
  else
    plan->far = path->rtt > path->wait || (path->rtt > 0
        && in_time < RTX_FAILS && 2 * path->rtt > path->wait);
  return plan->lossy && plan->far;
}

static void
choose (LockstepFecPlan * plan, const LockstepFecPath * path, gint64 now)
{
  guint wanted = is_needed (plan, path)
      ? percent (path, PER_LOSS_DELTA, MOST_DELTA) : 0;

  /* what there is may be needed still: from then on it is not */
  if (wanted * SAME >= plan->wanted)
    plan->needed = now;
  if (wanted > plan->wanted) {
    if (!path->queued && (plan->wanted == 0 || wanted > plan->wanted * SAME
            || wanted == MOST_DELTA))
      plan->wanted = wanted;
  } else if (now - plan->needed >= HOLD) {
    plan->wanted = wanted;
    plan->needed = now;
  }
}

LockstepFecLevel
lockstep_fec_plan_update (LockstepFecPlan * plan, const LockstepFecPath * path,
    gint64 now)
{
  LockstepFecLevel level = { 0 };
  gdouble room, key;

  choose (plan, path, now);
  level.wanted = plan->wanted;
  if (plan->wanted == 0 || path->media == 0)
    return level;
  /* what a measurement of a rate that changes is off by */
  room = (1.1 * path->target - path->media) * 100 / (LENGTH * path->media);
  level.delta = CLAMP (room, 0, plan->wanted);
  key = MIN (plan->wanted * PER_LOSS_KEY / PER_LOSS_DELTA, MOST_KEY);
  level.key = key * level.delta / plan->wanted;
  return level;
}

guint64
lockstep_fec_media_rate (const LockstepFecLevel * level, guint64 target)
{
  return target / (1 + LENGTH * level->wanted / 100);
}
