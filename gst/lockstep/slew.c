/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Moving an offset to its target without a visible jump. */
#include "slew.h"

#include <math.h>

#define SECOND (G_GINT64_CONSTANT (1000000000))

/* An error must last this long before it is corrected fast: when the path
 * changes, the streams' windows notice it some hundred milliseconds apart. */
#define NOTICED_LASTS (SECOND / 2)
#define STEP_LASTS SECOND

/* While a stream's first seconds are still being learned, an error that moves is
 * better than one that stays: 100 ms in a second at first, a tenth of real time,
 * and less and less until the learning is over. */
#define WARMING_SLEW (SECOND / 10)
#define WARMING_FULL (2 * SECOND)
#define WARMING_ENDS (6 * SECOND)

/* Fast correction: per second, this many times the part beyond 45 ms ... */
#define FAST_FACTOR 2
/* ... and never more than a quarter of real time. */
#define FAST_LIMIT (SECOND / 4)

/* Time that one update may make up for: after a pause, the first frame shall
 * not jump by all that could have been slewed meanwhile. */
#define LONGEST (SECOND)

void
lockstep_slew_set (LockstepSlew * slew, gint64 offset, gint64 now)
{
  slew->offset = offset;
  slew->last = now;
  slew->noticed_since = slew->step_since = -1;
}

/* How long the error has been beyond a limit, ns; -1 while it is not. */
static gint64
lasted (gint64 * since, gboolean beyond, gint64 now)
{
  if (!beyond) {
    *since = -1;
    return -1;
  }
  if (*since < 0 || *since > now)
    *since = MAX (now, 0);
  return now - *since;
}

/**
 * lockstep_slew_update:
 * @target: where the offset should be, ns
 * @now: ns, not before 0; going backwards is taken as standing still
 * @age: ns since the stream began
 *
 * Moves the offset. Inside the dead band it stays; outside, it moves to the
 * band's edge no faster than @config allows. An error beyond @config's step that
 * lasted a second is not slewed: the caller has to step (lockstep_slew_set()).
 *
 * Returns: 0, or the error that has to be stepped over, ns
 */
gint64
lockstep_slew_update (LockstepSlew * slew, const LockstepSlewConfig * config,
    gint64 target, gint64 now, gint64 age)
{
  gint64 elapsed = CLAMP (now - slew->last, 0, LONGEST);
  gint64 error = target - slew->offset;
  gint64 size = ABS (error), rate = config->max_slew, move;

  slew->last = MAX (slew->last, now);
  if (lasted (&slew->step_since, size > config->step, now) >= STEP_LASTS)
    return error;
  if (lasted (&slew->noticed_since, size > LOCKSTEP_SLEW_NOTICED,
          now) >= NOTICED_LASTS)
    rate += MIN (FAST_FACTOR * (size - LOCKSTEP_SLEW_NOTICED), FAST_LIMIT);
  if (age < WARMING_ENDS)
    rate = MAX (rate, MIN (WARMING_ENDS - age, WARMING_ENDS - WARMING_FULL)
        / ((WARMING_ENDS - WARMING_FULL) / WARMING_SLEW));
  if (size <= config->dead_band)
    return 0;
  move = (gint64) ((gdouble) rate * (gdouble) elapsed / (gdouble) SECOND);
  move = MIN (move, size - config->dead_band);
  slew->offset += error > 0 ? move : -move;
  return 0;
}
