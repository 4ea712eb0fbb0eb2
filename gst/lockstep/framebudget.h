/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Which frames are better not encoded. */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* Zero is a good beginning. */
typedef struct
{
  gdouble ahead;                /* bits encoded beyond what the rate allowed */
  gint64 at;                    /* when that was, ns */
  gint64 wait;                  /* how long a packet would wait to be sent, ns ... */
  gint64 wait_at;               /* ... as it was then */
  guint64 n_left_out;
} LockstepFrameBudget;

/**
 * lockstep_frame_budget_encoded:
 * @bytes: of a frame that the encoder gave
 * @rate: what it is to give, bit/s, above 0
 * @now: ns
 */
void lockstep_frame_budget_encoded (LockstepFrameBudget * budget, gsize bytes,
    guint64 rate, gint64 now);

/**
 * lockstep_frame_budget_waiting:
 * @wait: how long what waits to be sent needs, ns
 */
void lockstep_frame_budget_waiting (LockstepFrameBudget * budget, gint64 wait,
    gint64 now);

/**
 * lockstep_frame_budget_pass:
 *
 * Returns: whether a frame that the source gives now is encoded. Not where much waits
 * already, and not where the encoder is far ahead: when a source that stood still gives
 * in one moment the frames of half a second, or where the encoder cannot make them as
 * small as it should.
 */
gboolean lockstep_frame_budget_pass (LockstepFrameBudget * budget,
    guint64 rate, gint64 now);

G_END_DECLS
