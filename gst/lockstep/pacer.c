/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* When a packet may leave (draft-ietf-rmcat-gcc-02, section 4: the pacer). */
#include "pacer.h"

#define SECOND (G_GINT64_CONSTANT (1000000000))

void
lockstep_pacer_probe (LockstepPacer * pacer, guint id, guint64 rate,
    gsize bytes)
{
  pacer->probe = id;
  pacer->probe_rate = MAX (rate, 1);
  pacer->probe_left = bytes;
}

gint64
lockstep_pacer_schedule (LockstepPacer * pacer, guint64 rate, gsize bytes,
    gint64 now, guint * probe)
{
  gint64 at = MAX (pacer->next, now);

  *probe = 0;
  if (pacer->probe_left > 0) {
    *probe = pacer->probe;
    rate = pacer->probe_rate;
    pacer->probe_left -= MIN (pacer->probe_left, bytes);
  }
  pacer->next = at + (gint64) (bytes * 8.0 * SECOND / MAX (rate, 1));
  return at;
}
