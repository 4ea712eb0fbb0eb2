/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Slopes that survive outliers: how fast one clock runs against another. */
#include "drift.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* More than a clock can move between two points: a change of route or buffer.
 * It says nothing about the clock, so it is taken out before the slope. */
#define STEP (8 * G_GINT64_CONSTANT (1000000))

/* 1 / quantile of the normal distribution at 3/4 */
#define MAD_TO_DEVIATION 1.4826

/* The finest that minima of arrivals can be, for the doubt of their slope. */
#define FINEST (G_GINT64_CONSTANT (1000000) / 2)

static int
compare_double (const void *a, const void *b)
{
  gdouble x = *(const gdouble *) a, y = *(const gdouble *) b;

  return (x > y) - (x < y);
}

static int
compare_int64 (const void *a, const void *b)
{
  gint64 x = *(const gint64 *) a, y = *(const gint64 *) b;

  return (x > y) - (x < y);
}

gint64
lockstep_median (gint64 * values, guint n)
{
  if (n == 0)
    return 0;
  qsort (values, n, sizeof (gint64), compare_int64);
  if (n % 2)
    return values[n / 2];
  return values[n / 2 - 1] / 2 + values[n / 2] / 2
      + (values[n / 2 - 1] % 2 + values[n / 2] % 2) / 2;
}

gdouble
lockstep_deviation (const gint64 * values, guint n, gint64 * median)
{
  gint64 sorted[LOCKSTEP_DRIFT_POINTS];

  n = MIN (n, LOCKSTEP_DRIFT_POINTS);
  memcpy (sorted, values, n * sizeof (gint64));
  *median = lockstep_median (sorted, n);
  for (guint i = 0; i < n; i++)
    sorted[i] = ABS (values[i] - *median);
  return MAD_TO_DEVIATION * (gdouble) lockstep_median (sorted, n);
}

gdouble
lockstep_theil_sen (const gint64 * at, const gint64 * value, guint n)
{
  gdouble slopes[LOCKSTEP_DRIFT_POINTS * (LOCKSTEP_DRIFT_POINTS - 1) / 2];
  guint count = 0;

  n = MIN (n, LOCKSTEP_DRIFT_POINTS);
  for (guint i = 0; i < n; i++) {
    for (guint j = i + 1; j < n; j++) {
      if (at[j] != at[i])
        slopes[count++] = ((gdouble) value[j] - (gdouble) value[i])
            / ((gdouble) at[j] - (gdouble) at[i]);
    }
  }
  if (count == 0)
    return 0;
  qsort (slopes, count, sizeof (gdouble), compare_double);
  return count % 2 ? slopes[count / 2]
      : (slopes[count / 2 - 1] + slopes[count / 2]) / 2;
}

void
lockstep_drift_init (LockstepDrift * drift)
{
  memset (drift, 0, sizeof (*drift));
  drift->doubt = LOCKSTEP_DRIFT_UNKNOWN;
}

/**
 * lockstep_drift_add:
 * @at: when, ns; never decreasing (an older point is ignored)
 * @value: the offset of the two clocks then, ns
 * @interval: ns; a point sooner than this after the last one is ignored
 * @min_span: ns; the slope is valid when the points span this much
 */
void
lockstep_drift_add (LockstepDrift * drift, gint64 at, gint64 value,
    gint64 interval, gint64 min_span)
{
  gint64 t[LOCKSTEP_DRIFT_POINTS], v[LOCKSTEP_DRIFT_POINTS];
  gint64 taken_out = 0, span, median;
  guint first;

  if (drift->n > 0 && at - drift->last_at < interval)
    return;
  drift->at[drift->next] = at;
  drift->value[drift->next] = value;
  drift->next = (drift->next + 1) % LOCKSTEP_DRIFT_POINTS;
  drift->n = MIN (drift->n + 1, LOCKSTEP_DRIFT_POINTS);
  drift->last_at = at;

  first = (drift->next + LOCKSTEP_DRIFT_POINTS - drift->n)
      % LOCKSTEP_DRIFT_POINTS;
  for (guint i = 0; i < drift->n; i++) {
    guint k = (first + i) % LOCKSTEP_DRIFT_POINTS;

    t[i] = drift->at[k];
    v[i] = drift->value[k];
    if (i > 0) {
      guint p = (k + LOCKSTEP_DRIFT_POINTS - 1) % LOCKSTEP_DRIFT_POINTS;
      gint64 change = drift->value[k] - drift->value[p];

      if (ABS (change) > STEP)
        taken_out += change;
    }
    v[i] -= taken_out;
  }
  span = t[drift->n - 1] - t[0];
  if (drift->n < 3 || span < min_span)
    return;
  drift->slope = CLAMP (lockstep_theil_sen (t, v, drift->n),
      -LOCKSTEP_DRIFT_MAX_PPM * 1e-6, LOCKSTEP_DRIFT_MAX_PPM * 1e-6);
  for (guint i = 0; i < drift->n; i++)
    v[i] -= (gint64) (drift->slope * (gdouble) (t[i] - t[0]));
  drift->doubt = (3 * lockstep_deviation (v, drift->n, &median) + FINEST)
      / (gdouble) span;
  drift->valid = TRUE;
}
