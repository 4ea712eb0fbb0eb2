/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Moving an offset to its target without a visible jump. */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* ITU-R BT.1359-1: sound that leads by 45 ms is what people begin to notice.
 * Beyond it the error is worse than a faster correction. */
#define LOCKSTEP_SLEW_NOTICED (G_GINT64_CONSTANT (45) * 1000000)

/**
 * LockstepSlewConfig:
 * @max_slew: ns of correction in a second
 * @dead_band: ns of error that is left alone
 * @step: ns of error that is stepped over, once it lasted
 */
typedef struct
{
  gint64 max_slew;
  gint64 dead_band;
  gint64 step;
} LockstepSlewConfig;

typedef struct
{
  gint64 offset;                /* what is applied, ns */
  gint64 last;                  /* when it was last updated */
  gint64 noticed_since;         /* when the error grew beyond 45 ms, or -1 */
  gint64 step_since;            /* when it grew beyond a step, or -1 */
} LockstepSlew;

void lockstep_slew_set (LockstepSlew * slew, gint64 offset, gint64 now);
gint64 lockstep_slew_update (LockstepSlew * slew,
    const LockstepSlewConfig * config, gint64 target, gint64 now,
    gint64 age);

G_END_DECLS
