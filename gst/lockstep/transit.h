/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Transit minima: what the arrival times of a stream say about its clock. */
#pragma once

#include <glib.h>
#include <gst/lockstep/drift.h>

G_BEGIN_DECLS

/* Bins of one arrival clock, cut at the same instants for every stream, so that
 * a change of the common path leaves all streams' windows together. */
#define LOCKSTEP_TRANSIT_BIN (G_GINT64_CONSTANT (250) * 1000000)
#define LOCKSTEP_TRANSIT_BINS 64

typedef struct
{
  gint64 index;                 /* bin number: arrival / LOCKSTEP_TRANSIT_BIN */
  gint64 min;                   /* lowest transit seen in it, ns */
  gint64 at;                    /* the arrival that had it */
  guint count;                  /* of packets; 0: the bin is empty */
  guint frames;                 /* packets of one media time in a row count as one */
  gint64 last_media;
} LockstepTransitBin;

typedef struct
{
  LockstepTransitBin bins[LOCKSTEP_TRANSIT_BINS];
  gint64 newest;                /* the newest bin's number */
  gboolean any;
  LockstepDrift drift;          /* of the minima: media clock against arrivals */
} LockstepTransit;

/**
 * LockstepTransitDifference:
 * @offset: least transit of the second stream less that of the first, ns
 * @uncertainty: how far @offset stood from this if the best bin of each stream
 *   had not been there, ns; a measure, not a bound
 * @bins: bins in which both streams were seen
 */
typedef struct
{
  gint64 offset;
  gint64 uncertainty;
  guint bins;
} LockstepTransitDifference;

void lockstep_transit_init (LockstepTransit * transit);
void lockstep_transit_add (LockstepTransit * transit, gint64 arrival,
    gint64 media);
gboolean lockstep_transit_minimum (const LockstepTransit * transit, gint64 now,
    gint64 * minimum);
gboolean lockstep_transit_compare (const LockstepTransit * a,
    const LockstepTransit * b, gint64 now, gdouble drift,
    LockstepTransitDifference * difference);

G_END_DECLS
