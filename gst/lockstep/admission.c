/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What one more viewer would take, from what those who are there do. */
#include "admission.h"

#define SECOND (G_GINT64_CONSTANT (1000000000))
/* Of all processors: beyond that each thread waits for the others. */
#define MOST 0.95
/* Late frames are of this process's own making where it uses so much ... */
#define MUCH 0.5
/* ... and are no hiccup where there are so many. */
#define MANY_LATE 0.1
/* What a viewer takes, in processors: until it is measured, and at least. */
#define A_VIEWER 0.05
#define A_VIEWER_LEAST 0.02

void
lockstep_admission_sample (LockstepAdmission * admission,
    const LockstepLoad * load, guint connected)
{
  const LockstepLoad *last = &admission->last;
  const gint64 span = load->at - last->at;
  guint64 frames;

  if (last->at != 0 && span < SECOND / 2)
    return;
  if (last->at != 0) {
    frames = load->frames - last->frames;
    admission->use[1] = admission->use[0];
    admission->late[1] = admission->late[0];
    admission->use[0] = MAX (load->cpu - last->cpu, 0) / (gdouble) span;
    admission->late[0] = frames > 0
        ? (load->late - last->late) / (gdouble) frames : 0;
    admission->n_spans = MIN (admission->n_spans + 1, 2);
    admission->settled = MIN (admission->connected, connected);
    if (admission->connected == 0 && connected == 0) {
      /* the less of two: what an encoder does once, when it begins, does not last */
      admission->alone = admission->has_alone && admission->n_spans == 2
          ? MIN (admission->use[0], admission->use[1]) : admission->use[0];
      admission->has_alone = TRUE;
    }
  }
  admission->connected = connected;
  admission->last = *load;
}

/* What one of those who are there takes. */
static gdouble
a_viewer (const LockstepAdmission * admission, gdouble use)
{
  const gdouble n = admission->settled;

  if (admission->settled == 0)
    return A_VIEWER;
  return MAX ((use - (admission->has_alone ? admission->alone : 0)) / n,
      A_VIEWER_LEAST);
}

LockstepAdmissionVerdict
lockstep_admission_decide (const LockstepAdmission * admission, guint viewers)
{
  const guint n = admission->n_spans;
  const gdouble use = n > 1 ? MAX (admission->use[0], admission->use[1])
      : admission->use[0];
  const guint coming = MAX (viewers, admission->settled) - admission->settled;

  if (viewers < LOCKSTEP_ADMISSION_FEW || n == 0 || admission->processors <= 0)
    return LOCKSTEP_ADMISSION_ROOM;
  if (use >= MUCH * admission->processors
      && admission->late[0] + admission->late[1] >= n * MANY_LATE)
    return LOCKSTEP_ADMISSION_LATE;
  if (use + (coming + 1) * a_viewer (admission, use)
      > MOST * admission->processors)
    return LOCKSTEP_ADMISSION_FULL;
  return LOCKSTEP_ADMISSION_ROOM;
}

gdouble
lockstep_admission_quota (const char *cpu_max)
{
  char *end;
  const guint64 quota = g_ascii_strtoull (cpu_max, &end, 10);
  const guint64 period = end != cpu_max && *end == ' '
      ? g_ascii_strtoull (end + 1, NULL, 10) : 0;

  return period > 0 ? quota / (gdouble) period : 0;
}
