/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A bucket of bits that leaks at the encoder's rate, and the pacer's backlog; and how late
 * frames come. */
#include "framebudget.h"
#include "pacer.h"

#define SECOND (G_GINT64_CONSTANT (1000000000))
/* A key frame takes 200 ms of the rate at once, which is no reason to leave out the
 * small ones that follow it. */
#define AHEAD (300 * SECOND / 1000)
/* Frames that were encoded at a higher rate do not stop the picture for longer than it
 * takes to get this down to that: what waits to be sent is told of besides. */
#define AHEAD_MOST (400 * SECOND / 1000)

/* A moment without a processor is made up for. Who is late for so long does not keep up:
 * until that has been over for a while, each late frame is left out. */
#define LATE (100 * SECOND / 1000)
#define LATE_FOR (3 * SECOND)
#define KEEPS_UP (10 * SECOND)
#define BASE_SPAN (10 * SECOND)
/* Leaving frames out must have made them earlier by then. */
#define DROP_MOST (SECOND / 2)
/* While it catches up, a frame is encoded so often, where that is progress: earlier than the
 * last such frame by at least so much. */
#define STILL_MOST (250 * SECOND / 1000)
#define PROGRESS (50 * SECOND / 1000)

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

/* Whether a frame is encoded although it is late. */
static gboolean
breaks_standstill (LockstepLateFrames * late, gint64 delay, gint64 now)
{
  if (now - late->passed_at < STILL_MOST
      || delay > late->passed_delay - PROGRESS)
    return FALSE;
  late->passed_delay = delay;
  late->dropping_since = 0;
  return TRUE;
}

static gboolean
late_frame_passes (LockstepLateFrames * late, gint64 delay, gint64 now)
{
  if (late->base_since == 0) {
    late->base[0] = late->base[1] = delay;
    late->base_since = now;
  } else if (now - late->base_since > BASE_SPAN) {
    /* who was late all the time does not become punctual by that */
    if (late->base_left_out == late->n_left_out) {
      late->base[1] = late->base[0];
      late->base[0] = delay;
    }
    late->base_left_out = late->n_left_out;
    late->base_since = now;
  }
  late->base[0] = MIN (late->base[0], delay);
  late->n_frames++;
  if (delay - MIN (late->base[0], late->base[1]) <= LATE) {
    late->dropping_since = late->late_since = late->passed_delay = 0;
    return TRUE;
  }
  late->n_late++;
  if (late->late_since == 0)
    late->late_since = now;
  if (now - late->late_since < LATE_FOR
      && (late->last_left_out == 0 || now - late->last_left_out > KEEPS_UP))
    return TRUE;
  if (late->dropping_since == 0) {
    late->dropping_since = now;
    late->dropping_from = delay;
    if (late->passed_delay == 0)
      late->passed_delay = delay;
  } else if (now - late->dropping_since > DROP_MOST
      && delay >= late->dropping_from) {
    late->base[0] = late->base[1] = delay;
    late->base_since = now;
    late->dropping_since = late->late_since = late->passed_delay = 0;
    return TRUE;
  }
  if (breaks_standstill (late, delay, now))
    return TRUE;
  late->last_left_out = now;
  late->n_left_out++;
  return FALSE;
}

gboolean
lockstep_late_frames_pass (LockstepLateFrames * late, gint64 delay, gint64 now)
{
  const gboolean pass = late_frame_passes (late, delay, now);

  if (pass)
    late->passed_at = now;
  return pass;
}

gint64
lockstep_late_frames_skip (LockstepLateFrames * late, gint64 delay,
    gint64 frame)
{
  guint64 n;

  if (delay <= LATE)
    return 0;
  n = frame > 0 ? delay / frame : 1;
  late->n_frames += n;
  late->n_late += n;
  /* what comes next is in time */
  late->dropping_since = late->late_since = late->passed_delay = 0;
  return frame > 0 ? (gint64) n *frame : delay;
}
