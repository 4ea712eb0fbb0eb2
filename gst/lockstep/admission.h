/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Whether one more viewer would break the picture of those who are there. */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* As many are never refused: what an encoder alone takes is not theirs to mend. */
#define LOCKSTEP_ADMISSION_FEW 4

/* What a channel's process has used and sent since it began. */
typedef struct
{
  gint64 at;                    /* ns of a steady clock */
  gint64 cpu;                   /* processor time of this process alone, ns */
  guint64 frames, late;         /* that came to the encoder; those of them too late */
} LockstepLoad;

/* All in processors. Set @processors; zero is a good beginning of the rest. */
typedef struct
{
  gdouble processors;           /* that the process may use; 0: not known, nobody is refused */
  gdouble use[2];               /* of the last span of a second, and of the one before */
  gdouble late[2];              /* share of frames, 0 to 1 */
  guint n_spans;                /* that were measured, up to 2 */
  gdouble alone;                /* use without any viewer ... */
  gboolean has_alone;           /* ... where that was measured */
  guint settled;                /* viewers who were there all of the last span */
  guint connected;              /* at its end */
  LockstepLoad last;
} LockstepAdmission;

typedef enum
{
  LOCKSTEP_ADMISSION_ROOM,
  LOCKSTEP_ADMISSION_FULL,      /* another one takes more than the processors have */
  LOCKSTEP_ADMISSION_LATE,      /* frames come late already */
} LockstepAdmissionVerdict;

/**
 * lockstep_admission_sample:
 * @load: now
 * @connected: viewers who get pictures
 *
 * To be called about once a second; sooner than half a second after the last time it does
 * nothing.
 */
void lockstep_admission_sample (LockstepAdmission * admission,
    const LockstepLoad * load, guint connected);

/**
 * lockstep_admission_decide:
 * @viewers: who were let in, connected or not yet
 *
 * What other processes use does not count: where they leave little, this one uses little.
 * Those who came since the last sample are not in its figures yet, so each is counted with
 * what one of the others takes.
 *
 * Returns: whether there is room for one more
 */
LockstepAdmissionVerdict lockstep_admission_decide (const LockstepAdmission *
    admission, guint viewers);

/**
 * lockstep_admission_quota:
 * @cpu_max: what a control group's cpu.max has: "QUOTA PERIOD" or "max PERIOD"
 *
 * Returns: as many processors, or 0 where that is no limit
 */
gdouble lockstep_admission_quota (const char *cpu_max);

G_END_DECLS
