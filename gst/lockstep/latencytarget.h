/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The bound that the arrivals ask for. */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* Lateness up to 2048 ms in steps of 1 ms; what is above is in the last bin. */
#define LOCKSTEP_LATENCY_BIN G_GINT64_CONSTANT (1000000)
#define LOCKSTEP_LATENCY_BINS 2048
/* Lateness in the classes of the statistics, lower ends in ms. */
#define LOCKSTEP_LATENESS_CLASSES 12

typedef struct
{
  double quantile;              /* of the lateness that is to be in time, 0..1 */
  gint64 min, max;              /* ns */

  /*< private > */
  float bins[LOCKSTEP_LATENCY_BINS];
  double total, weight;         /* of the bins, of the next sample */
  guint at;                     /* the bin of the quantile */
  double below;                 /* weight of the bins below it */
  gint64 peak;                  /* ns, falling */
  gint64 peak_time;             /* ns; when peak was right */
  gint64 calm;                  /* ns: the bound without a spike */
  gint64 bound;                 /* ns */
  guint64 classes[LOCKSTEP_LATENESS_CLASSES];
} LockstepLatencyTarget;

extern const guint lockstep_lateness_classes[LOCKSTEP_LATENESS_CLASSES];

void lockstep_latency_target_init (LockstepLatencyTarget *self);
void lockstep_latency_target_reset (LockstepLatencyTarget *self);

/**
 * lockstep_latency_target_add:
 * @now: arrival, ns
 * @lateness: of the packet against the time base, ns; below 0 is taken as 0
 * @late: it came after its release time
 */
void lockstep_latency_target_add (LockstepLatencyTarget *self, gint64 now,
    gint64 lateness, gboolean late);

/* The bound grows to @lateness, ns, to let this packet through. */
void lockstep_latency_target_stretch (LockstepLatencyTarget *self, gint64 now,
    gint64 lateness);

/* The bound, ns, within min and max. */
gint64 lockstep_latency_target_get (const LockstepLatencyTarget *self);

G_END_DECLS
