/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Transit minima: what the arrival times of a stream say about its clock.
 *
 * Transit is arrival less media time. Its minimum over a window is the path
 * without queues plus a constant of the stream's own clock (Fober, Orlarey and
 * Letz 2005; Moon, Skelly and Towsley 1999 for the lower envelope). Queues,
 * retransmissions and the later packets of a paced keyframe only add to it, so
 * the minimum needs no knowledge of any of them. Two streams of one sender share
 * the path: the difference of their minima is the difference of their clocks. */
#include "transit.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define DRIFT_INTERVAL (G_GINT64_CONSTANT (5) * 1000000000)
#define DRIFT_SPAN (G_GINT64_CONSTANT (30) * 1000000000)

/* What a bin that stands alone may be wrong by: nothing has confirmed it. */
#define UNCONFIRMED (G_GINT64_CONSTANT (50) * 1000000)

/* How far the offset of the minima may stand from the middle of the bins' own
 * offsets: in standard errors of that middle, in standard deviations of one (a
 * stream of fewer packets meets the low point of a bin less often, which puts the
 * middle itself off), and at least. */
#define ERRORS_ALLOWED 3
#define DEVIATIONS_ALLOWED 0.7
#define LEAST_ALLOWED (G_GINT64_CONSTANT (2) * 1000000)

/* Standard error of a median, in standard deviations of one sample, of normal
 * noise: sqrt (pi / 2). */
#define MEDIAN_ERROR 1.2533

/* Below this many common bins, bins that only one stream has are used too. */
#define ENOUGH_COMMON 4

static gint64
bin_number (gint64 arrival)
{
  gint64 n = arrival / LOCKSTEP_TRANSIT_BIN;

  return arrival % LOCKSTEP_TRANSIT_BIN < 0 ? n - 1 : n;
}

static guint
bin_slot (gint64 number)
{
  return (guint) (((guint64) number) % LOCKSTEP_TRANSIT_BINS);
}

void
lockstep_transit_init (LockstepTransit * transit)
{
  memset (transit, 0, sizeof (*transit));
}

/**
 * lockstep_transit_add:
 * @arrival: when the packet came, ns on any clock that all streams share
 * @media: its media time, ns from any origin
 *
 * Packets of one frame, copies and reordered packets may be added as they come.
 * One that is older than the window is ignored.
 */
void
lockstep_transit_add (LockstepTransit * transit, gint64 arrival, gint64 media)
{
  gint64 number = bin_number (arrival);
  gint64 value = arrival - media;
  LockstepTransitBin *bin;

  if (transit->any && number <= transit->newest - LOCKSTEP_TRANSIT_BINS)
    return;
  if (!transit->any || number > transit->newest) {
    gint64 minimum;

    /* Points of drift are taken between bins: the window is whole then. */
    if (transit->any && lockstep_transit_minimum (transit, arrival, &minimum))
      lockstep_drift_add (&transit->drift, arrival, minimum, DRIFT_INTERVAL,
          DRIFT_SPAN);
    transit->newest = number;
    transit->any = TRUE;
  }
  bin = &transit->bins[bin_slot (number)];
  if (bin->count == 0 || bin->index != number) {
    bin->index = number;
    bin->count = bin->frames = 0;
  }
  if (bin->count == 0 || media != bin->last_media)
    bin->frames++;
  bin->last_media = media;
  if (bin->count == 0 || value < bin->min) {
    bin->min = value;
    bin->at = arrival;
  }
  if (bin->count < G_MAXUINT)
    bin->count++;
}

static const LockstepTransitBin *
get_bin (const LockstepTransit * transit, gint64 number)
{
  const LockstepTransitBin *bin = &transit->bins[bin_slot (number)];

  return bin->count > 0 && bin->index == number ? bin : NULL;
}

/**
 * lockstep_transit_minimum:
 * @now: the window ends here, ns
 * @minimum: (out): the lowest transit in the window, ns
 *
 * Returns: FALSE where the window is empty
 */
gboolean
lockstep_transit_minimum (const LockstepTransit * transit, gint64 now,
    gint64 * minimum)
{
  gint64 last = bin_number (now);
  gboolean found = FALSE;

  for (guint i = 0; i < LOCKSTEP_TRANSIT_BINS; i++) {
    const LockstepTransitBin *bin = get_bin (transit, last - (gint64) i);

    if (bin && (!found || bin->min < *minimum)) {
      *minimum = bin->min;
      found = TRUE;
    }
  }
  return found;
}

typedef struct
{
  gint64 least, second;
  guint n;
} Lowest;

static void
lowest_add (Lowest * lowest, gint64 value)
{
  if (lowest->n == 0 || value < lowest->least) {
    lowest->second = lowest->least;
    lowest->least = value;
  } else if (lowest->n == 1 || value < lowest->second) {
    lowest->second = value;
  }
  lowest->n++;
}

static gint64
lowest_doubt (const Lowest * lowest)
{
  return lowest->n > 1 ? lowest->second - lowest->least : UNCONFIRMED;
}

/* A minimum that one stream alone saw (before a change of route, say) puts the
 * difference of minima off for the whole window. The bins' own differences show
 * it: each is coarse, but few are wrong, and their middle is off by no more than
 * their scatter says. */
static gint64
bound_by_bins (gint64 offset, const gint64 * each, guint n)
{
  gint64 middle, allowed;
  gdouble deviation = lockstep_deviation (each, n, &middle);

  allowed = (gint64) (deviation * MAX (ERRORS_ALLOWED * MEDIAN_ERROR / sqrt (n),
          DEVIATIONS_ALLOWED));
  allowed = MAX (allowed, LEAST_ALLOWED);
  return CLAMP (offset, middle - allowed, middle + allowed);
}

static int
compare_int64 (const void *a, const void *b)
{
  gint64 x = *(const gint64 *) a, y = *(const gint64 *) b;

  return (x > y) - (x < y);
}

/* The lowest of many frames is lower than that of few, where nearly every one meets a queue: by
 * some milliseconds at 15 pictures a second, until the window is full. So the stream that has
 * more is taken to have as few: how much higher the lowest of @minima is to be expected, where
 * each counts with the chance of @few / @many only. With a path that is mostly free it is
 * nothing. Frame rates that are nearly alike are left alone: the scatter would be all it adds. */
static gint64
lowest_of_few (gint64 * minima, guint n, guint many, guint few)
{
  gdouble left = 1, sum = 0;

  if (n < ENOUGH_COMMON || few == 0 || many / 2 < few)
    return 0;
  qsort (minima, n, sizeof (gint64), compare_int64);
  for (guint i = 1; i < n; i++) {
    left *= 1 - (gdouble) few / many;
    sum += left * (gdouble) (minima[i] - minima[i - 1]);
  }
  return (gint64) sum;
}

/**
 * lockstep_transit_compare:
 * @a: the stream that stays where it is
 * @b: the stream to be placed
 * @now: the window ends here, ns
 * @drift: how fast the offset of @b against @a grows, ns per ns: older minima are
 *   brought to @now with it
 * @difference: (out): the result
 *
 * Returns: FALSE where a window is empty
 */
gboolean
lockstep_transit_compare (const LockstepTransit * a, const LockstepTransit * b,
    gint64 now, gdouble drift, LockstepTransitDifference * difference)
{
  gint64 last = bin_number (now);
  Lowest common_a = { 0, }, common_b = { 0, }, all_a = { 0, }, all_b = { 0, };
  gint64 each[LOCKSTEP_TRANSIT_BINS];
  gint64 minima_a[LOCKSTEP_TRANSIT_BINS], minima_b[LOCKSTEP_TRANSIT_BINS];
  guint frames_a = 0, frames_b = 0;

  for (guint i = 0; i < LOCKSTEP_TRANSIT_BINS; i++) {
    const LockstepTransitBin *bin_a = get_bin (a, last - (gint64) i);
    const LockstepTransitBin *bin_b = get_bin (b, last - (gint64) i);
    gint64 value_b = 0;

    if (bin_a)
      lowest_add (&all_a, bin_a->min);
    if (bin_b) {
      value_b = bin_b->min
          + (gint64) llrint (drift * (gdouble) (now - bin_b->at));
      lowest_add (&all_b, value_b);
    }
    if (bin_a && bin_b) {
      minima_a[common_a.n] = bin_a->min;
      minima_b[common_b.n] = value_b;
      frames_a += bin_a->frames;
      frames_b += bin_b->frames;
      each[common_a.n] = value_b - bin_a->min;
      lowest_add (&common_a, bin_a->min);
      lowest_add (&common_b, value_b);
    }
  }
  if (all_a.n == 0 || all_b.n == 0)
    return FALSE;
  difference->bins = common_a.n;
  if (common_a.n < ENOUGH_COMMON) {
    common_a = all_a;
    common_b = all_b;
  }
  difference->offset = common_b.least - common_a.least;
  if (difference->bins >= ENOUGH_COMMON) {
    difference->offset += lowest_of_few (minima_b, difference->bins, frames_b,
        frames_a) - lowest_of_few (minima_a, difference->bins, frames_a,
        frames_b);
    difference->offset = bound_by_bins (difference->offset, each,
        difference->bins);
  }
  difference->uncertainty = lowest_doubt (&common_a) + lowest_doubt (&common_b);
  return TRUE;
}
