/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Slopes that survive outliers: how fast one clock runs against another. */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

#define LOCKSTEP_DRIFT_POINTS 64
/* No quartz is this bad (RFC 3550 senders are within 100 ppm): a steeper slope
 * is a step or an error, and never followed. */
#define LOCKSTEP_DRIFT_MAX_PPM 500.0
/* While nothing is known: a hundred parts per million for each clock, and some. */
#define LOCKSTEP_DRIFT_UNKNOWN 250e-6

typedef struct
{
  gint64 at[LOCKSTEP_DRIFT_POINTS];
  gint64 value[LOCKSTEP_DRIFT_POINTS];
  guint n;                      /* points held */
  guint next;                   /* where the next one goes */
  gint64 last_at;
  gdouble slope;                /* ns per ns */
  gdouble doubt;                /* how far the slope may be off, either side */
  gboolean valid;
} LockstepDrift;

void lockstep_drift_init (LockstepDrift * drift);
void lockstep_drift_add (LockstepDrift * drift, gint64 at, gint64 value,
    gint64 interval, gint64 min_span);

/**
 * lockstep_theil_sen:
 * @at: @n times, ns
 * @value: @n values, ns
 * @n: at most %LOCKSTEP_DRIFT_POINTS
 *
 * The median of the slopes of all pairs of points (Theil 1950, Sen 1968): up to
 * 29 % of the points may be wild without moving it.
 *
 * Returns: value per time; 0 where fewer than two times differ
 */
gdouble lockstep_theil_sen (const gint64 * at, const gint64 * value, guint n);

/**
 * lockstep_median:
 *
 * Sorts @values in place.
 *
 * Returns: the median of @n values, of two the mean; 0 for none
 */
gint64 lockstep_median (gint64 * values, guint n);

/**
 * lockstep_deviation:
 * @values: @n values, at least 1, at most %LOCKSTEP_DRIFT_POINTS
 * @median: (out): their median
 *
 * Returns: the standard deviation of normal noise with their median absolute
 *   deviation
 */
gdouble lockstep_deviation (const gint64 * values, guint n, gint64 * median);

G_END_DECLS
