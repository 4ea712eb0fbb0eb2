/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The adaptive bound: a quantile of the lateness seen, and the spike at hand. */
#include <gst/lockstep/latencytarget.h>

#include <string.h>

#define MSECOND G_GINT64_CONSTANT (1000000)
/* A sample counts this much less than the next one. */
#define FORGET 0.9995
/* How fast the bound falls after a spike: ns per ns. */
#define FALL 0.2
/* The weights grow instead of the bins shrinking; above this all are scaled. */
#define MAX_WEIGHT 1e9

const guint lockstep_lateness_classes[LOCKSTEP_LATENESS_CLASSES] = {
  0, 1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000
};

void
lockstep_latency_target_init (LockstepLatencyTarget * self)
{
  memset (self, 0, sizeof (*self));
  self->quantile = 0.99;
  self->min = 20 * MSECOND;
  self->max = 1000 * MSECOND;
  lockstep_latency_target_reset (self);
}

void
lockstep_latency_target_reset (LockstepLatencyTarget * self)
{
  memset (self->bins, 0, sizeof (self->bins));
  self->total = self->below = 0;
  self->at = 0;
  self->weight = 1;
  self->peak = 0;
  self->bound = self->min;
}

static void
count_class (LockstepLatencyTarget * self, gint64 lateness)
{
  guint i = 0;

  while (i + 1 < LOCKSTEP_LATENESS_CLASSES
      && lateness >= lockstep_lateness_classes[i + 1] * MSECOND)
    i++;
  self->classes[i]++;
}

static void
rescale (LockstepLatencyTarget * self)
{
  for (guint i = 0; i < LOCKSTEP_LATENCY_BINS; i++)
    self->bins[i] /= self->weight;
  self->total /= self->weight;
  self->below /= self->weight;
  self->weight = 1;
}

static void
update (LockstepLatencyTarget * self, gint64 now)
{
  double want = self->quantile * self->total;
  gint64 bound, fall = (gint64) ((double) MAX (now - self->peak_time, 0) *
      FALL);

  while (self->at + 1 < LOCKSTEP_LATENCY_BINS
      && self->below + self->bins[self->at] < want)
    self->below += self->bins[self->at++];
  while (self->at > 0 && self->below >= want)
    self->below -= self->bins[--self->at];
  bound = (self->at + 1) * LOCKSTEP_LATENCY_BIN;
  bound = MAX (bound, self->peak - fall);
  self->bound = bound;
}

void
lockstep_latency_target_add (LockstepLatencyTarget * self, gint64 now,
    gint64 lateness, gboolean late)
{
  guint bin;

  lateness = MAX (lateness, 0);
  count_class (self, lateness);
  bin = (guint) MIN (lateness / LOCKSTEP_LATENCY_BIN,
      LOCKSTEP_LATENCY_BINS - 1);
  self->weight /= FORGET;
  if (self->weight > MAX_WEIGHT)
    rescale (self);
  self->bins[bin] += self->weight;
  self->total += self->weight;
  if (bin < self->at)
    self->below += self->weight;
  if (late && lateness <= self->max)
    lockstep_latency_target_stretch (self, now, lateness);
  update (self, now);
}

void
lockstep_latency_target_stretch (LockstepLatencyTarget * self, gint64 now,
    gint64 lateness)
{
  self->peak = lateness;
  self->peak_time = now;
  self->bound = MAX (self->bound, lateness);
}

gint64
lockstep_latency_target_get (const LockstepLatencyTarget * self)
{
  return CLAMP (self->bound, self->min, MAX (self->min, self->max));
}
