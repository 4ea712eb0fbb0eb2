/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A bucket of bits that leaks at the encoder's rate, and the pacer's backlog. */
#include "framebudget.h"
#include "pacer.h"

#define SECOND (G_GINT64_CONSTANT (1000000000))
/* A key frame takes 200 ms of the rate at once, which is no reason to leave out the
 * small ones that follow it. */
#define AHEAD (300 * SECOND / 1000)
/* Frames that were encoded at a higher rate do not stop the picture for longer than it
 * takes to get this down to that: what waits to be sent is told of besides. */
#define AHEAD_MOST (400 * SECOND / 1000)

static void
leak (LockstepFrameBudget * budget, guint64 rate, gint64 now)
{
  const gdouble passed = budget->at != 0 ? MAX (now - budget->at, 0) : 0;

  budget->ahead = MIN (budget->ahead, (gdouble) rate * AHEAD_MOST / SECOND);
  budget->ahead = MAX (budget->ahead - rate * passed / SECOND, 0);
  budget->at = now;
}

void
lockstep_frame_budget_encoded (LockstepFrameBudget * budget, gsize bytes,
    guint64 rate, gint64 now)
{
  leak (budget, rate, now);
  budget->ahead += bytes * 8.0;
}

void
lockstep_frame_budget_waiting (LockstepFrameBudget * budget, gint64 wait,
    gint64 now)
{
  budget->wait = wait;
  budget->wait_at = now;
}

gboolean
lockstep_frame_budget_pass (LockstepFrameBudget * budget, guint64 rate,
    gint64 now)
{
  leak (budget, rate, now);
  if (budget->wait - (now - budget->wait_at) <= LOCKSTEP_PACER_BACKLOG
      && budget->ahead <= (gdouble) rate * AHEAD / SECOND)
    return TRUE;
  budget->n_left_out++;
  return FALSE;
}
