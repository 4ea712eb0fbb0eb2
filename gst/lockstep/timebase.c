/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The time base: minimum transit over a sliding window, drift, slew. */
#include <gst/lockstep/timebase.h>

#include <math.h>
#include <string.h>

#define SECOND 1e9
/* Clocks worse than this are not followed by the drift, only by the slew. */
#define MAX_DRIFT 700e-6
/* The line is trusted once its points span this much (ns): minima that
 * scatter by 1 ms then leave about 30 ppm. */
#define MIN_SPAN (30 * SECOND)
/* Points this far (ns) from the line belong to another path. */
#define PATH_CHANGE 5e6
/* A path is longer for good when so many points in a row say so: 10 s. */
#define PATH_POINTS 5
/* An offset above the window's minimum is wrong for certain, as nothing makes a packet early. What
 * is beyond FAST_FROM (ns) of it goes faster: FAST_FACTOR of it in a second, but no more than
 * FAST_LIMIT of real time, and FAST_STEP (ns) a packet. A base that began a second late is right
 * after half a minute instead of three. An offset below it may be right again: it has time. */
#define FAST_FROM 50e6
#define FAST_FACTOR 0.5e-9
#define FAST_LIMIT 0.1
#define FAST_STEP 4e6
/* After a pause in the stream the slew of this much media time is allowed, not that
 * of the whole pause: no single packet moves the base by over 4 ms. */
#define MAX_SLEW_SPAN (0.8 * SECOND)

/* 128 bit: 2^63 ns of 90 kHz ticks do not fit the product otherwise */
static gint64
media_time (const LockstepTimebase * self, gint64 timestamp)
{
  return (gint64) ((__int128) (timestamp - self->first) * 1000000000 /
      self->clock_rate);
}

void
lockstep_timebase_init (LockstepTimebase * self, guint clock_rate,
    gint64 timestamp, gint64 arrival)
{
  g_return_if_fail (clock_rate > 0);

  *self = (LockstepTimebase) {
  .clock_rate = clock_rate,.max_slew = LOCKSTEP_TIMEBASE_SLEW,.follow =
        TRUE,.first = timestamp,.offset = arrival,.best =
        HUGE_VAL,.point.transit = HUGE_VAL,.point_until =
        LOCKSTEP_TIMEBASE_POINT_BLOCKS,};
}

static void
find_best (LockstepTimebase * self)
{
  self->best = HUGE_VAL;
  for (guint i = 0; i < LOCKSTEP_TIMEBASE_BLOCKS; i++) {
    double v;

    if (self->blocks[i] == 0
        || self->blocks[i] - 1 <= self->block - LOCKSTEP_TIMEBASE_BLOCKS)
      continue;
    v = self->minima[i].transit - self->slope * self->minima[i].media;
    self->best = MIN (self->best, v);
  }
}

/* Cross product of o->a and o->b: > 0 when b is left of (above) a. */
static double
cross (const LockstepTransit * o, const LockstepTransit * a,
    const LockstepTransit * b)
{
  return (a->media - o->media) * (b->transit - o->transit) -
      (a->transit - o->transit) * (b->media - o->media);
}

/* The line under all points with the least sum of distances runs along the hull's
 * edge over the mean of the abscissas. */
static void
fit_line (LockstepTimebase * self)
{
  guint hull[LOCKSTEP_TIMEBASE_POINTS], n = 0;
  double mean = 0;
  const LockstepTransit *p = self->points;
  double slope;

  if (self->n_points < 2 || p[self->n_points - 1].media - p[0].media < MIN_SPAN)
    return;
  for (guint i = 0; i < self->n_points; i++) {
    while (n >= 2 && cross (&p[hull[n - 2]], &p[hull[n - 1]], &p[i]) <= 0)
      n--;
    hull[n++] = i;
    mean += p[i].media / self->n_points;
  }
  for (guint i = 1; i < n; i++) {
    const LockstepTransit *a = &p[hull[i - 1]], *b = &p[hull[i]];

    if (b->media < mean && i + 1 < n)
      continue;
    slope = (b->transit - a->transit) / (b->media - a->media);
    self->slope = CLAMP (slope, -MAX_DRIFT, MAX_DRIFT);
    self->line = a->transit - self->slope * a->media;
    self->have_line = TRUE;
    find_best (self);
    return;
  }
}

/* Whether the newest points say that the path has changed: points below the
 * line at once, as nothing makes a packet early; above it only when they stay. */
static gboolean
path_changed (const LockstepTimebase * self, guint * keep)
{
  guint n = self->n_points;

  if (!self->have_line)
    return FALSE;
  for (guint i = 0; i < MIN (n, PATH_POINTS); i++) {
    const LockstepTransit *p = &self->points[n - 1 - i];
    double residual = p->transit - (self->line + self->slope * p->media);

    if (i == 0 && residual < -PATH_CHANGE) {
      *keep = 1;
      return TRUE;
    }
    if (residual < PATH_CHANGE)
      return FALSE;
  }
  *keep = PATH_POINTS;
  return n >= PATH_POINTS;
}

static void
add_point (LockstepTimebase * self)
{
  guint keep = 0;

  if (self->n_points == LOCKSTEP_TIMEBASE_POINTS) {
    memmove (self->points, self->points + 1,
        (LOCKSTEP_TIMEBASE_POINTS - 1) * sizeof (LockstepTransit));
    self->n_points--;
  }
  self->points[self->n_points++] = self->point;
  self->point.transit = HUGE_VAL;
  if (path_changed (self, &keep)) {
    /* The drift is the clocks', not the path's: it stays until the new path
     * has been seen long enough to say better. */
    memmove (self->points, self->points + self->n_points - keep,
        keep * sizeof (LockstepTransit));
    self->n_points = keep;
    self->have_line = FALSE;
  }
  fit_line (self);
}

static void
sample (LockstepTimebase * self, gint64 media, double transit)
{
  gint64 number = MAX (media, 0) / LOCKSTEP_TIMEBASE_BLOCK;
  guint slot;
  double v;

  if (number > self->block) {
    self->block = number;
    if (number >= self->point_until) {
      if (isfinite (self->point.transit))
        add_point (self);
      self->point_until = number + LOCKSTEP_TIMEBASE_POINT_BLOCKS;
    }
    find_best (self);
  } else if (number <= self->block - LOCKSTEP_TIMEBASE_BLOCKS) {
    return;
  }
  slot = (guint) (number % LOCKSTEP_TIMEBASE_BLOCKS);
  v = transit - self->slope * media;
  if (self->blocks[slot] != number + 1 || v <
      self->minima[slot].transit - self->slope * self->minima[slot].media) {
    self->blocks[slot] = number + 1;
    self->minima[slot] = (LockstepTransit) {
    media, transit};
  }
  self->best = MIN (self->best, v);
  /* A point takes packets from the newest blocks only, so that points stay in order */
  if (number == self->block && v < self->point.transit
      - self->slope * self->point.media)
    self->point = (LockstepTransit) {
    media, transit};
}

static gint64
place (const LockstepTimebase * self, gint64 media)
{
  double offset = self->offset;

  if (media < self->newest)
    offset -= self->rate * (double) (self->newest - media);
  else
    offset += self->slope * (double) (media - self->newest);
  return media + (gint64) floor (offset + 0.5);
}

/* How far the offset may fall within @span ns, where it is @beyond ns more than FAST_FROM too
 * high. */
static double
fast_limit (const LockstepTimebase * self, double beyond, double span)
{
  double slew = self->max_slew + MIN (FAST_FACTOR * beyond, FAST_LIMIT);

  return MAX (self->max_slew * span, MIN (slew * span, FAST_STEP));
}

gint64
lockstep_timebase_observe (LockstepTimebase * self, gint64 timestamp,
    gint64 arrival, gint64 * shift)
{
  gint64 media = media_time (self, timestamp);
  double transit = (double) (arrival - media);

  *shift = 0;
  if (!self->started) {
    if (transit < self->offset) {
      *shift = (gint64) (transit - self->offset);
      self->offset = transit;
    }
    self->newest = MAX (self->newest, media);
    sample (self, media, transit);
    return place (self, media);
  }
  sample (self, media, transit);
  if (media > self->newest) {
    double span = (double) (media - self->newest), step = 0;

    if (self->follow) {
      double drifted = self->offset + self->slope * span;
      double limit = self->max_slew * MIN (span, MAX_SLEW_SPAN);

      step = self->best + self->slope * (double) media - drifted;
      if (step < -FAST_FROM)
        limit = fast_limit (self, -step - FAST_FROM, MIN (span, MAX_SLEW_SPAN));
      step = CLAMP (step, -limit, limit) + self->slope * span;
    }
    self->offset += step;
    self->rate = step / span;
    self->newest = media;
  }
  return place (self, media);
}

gint64
lockstep_timebase_place (const LockstepTimebase * self, gint64 timestamp)
{
  return place (self, media_time (self, timestamp));
}

void
lockstep_timebase_start (LockstepTimebase * self)
{
  self->started = TRUE;
}

double
lockstep_timebase_drift (const LockstepTimebase * self)
{
  return self->slope * 1e6;
}
