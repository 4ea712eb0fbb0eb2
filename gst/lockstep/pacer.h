/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* When a packet may leave, so that a frame's packets do not flood the path. */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* With more than this waiting, the next frame is better not encoded. */
#define LOCKSTEP_PACER_BACKLOG (G_GINT64_CONSTANT (100000000))
/* With more than this, what waits is better thrown away for a new key frame. */
#define LOCKSTEP_PACER_LOST (G_GINT64_CONSTANT (200000000))

typedef struct
{
  gint64 next;                  /* when the path is free again, ns */
  gsize probe_left;             /* bytes still to go at the probe's rate */
  guint64 probe_rate;
  guint probe;
} LockstepPacer;

/**
 * lockstep_pacer_probe:
 *
 * The next @bytes leave at @rate (bit/s), whatever the rate is else.
 */
void lockstep_pacer_probe (LockstepPacer * pacer, guint id, guint64 rate,
    gsize bytes);

/**
 * lockstep_pacer_schedule:
 * @rate: LockstepBandwidthStats.pacing, bit/s, above 0
 * @bytes: size of this packet
 * @probe: (out): the probe that it belongs to, 0 for none
 *
 * Takes one packet, in order.
 *
 * Returns: when it may leave, ns; never before @now
 */
gint64 lockstep_pacer_schedule (LockstepPacer * pacer, guint64 rate,
    gsize bytes, gint64 now, guint * probe);

G_END_DECLS
