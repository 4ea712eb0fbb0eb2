/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The adaptive bound: a quantile of the lateness seen, and the spike at hand.
 *
 * The method is Moon, Kurose and Towsley's ("Packet audio playout delay
 * adjustment: performance bounds and algorithms", ACM Multimedia Systems 1998): the
 * bound is a quantile of the lateness of past packets, except in a delay spike, during
 * which it follows the spike and the quantile learns nothing. Three things
 * differ. (1) Old samples fade instead of leaving a window, so that the tail of
 * the last minutes still counts when a quantile near 1 is asked for. (2) A
 * spike begins with the first packet that comes too late, not with a jump between
 * neighbours, and the bound rises to it at once: on a path that keeps order the
 * packets behind it are then in time. (3) It falls by a limited slope, not in
 * steps between talkspurts: a video has none.
 *
 * NetEQ's target (libwebrtc) is a quantile of the largest delay of each half
 * second, and forgets half of what it knows in 20 s. It pays for a spike as long as
 * the spike stays in its histogram, for every packet; and it never
 * lets the bound rise within a spike for less than the next half second. That
 * is what the method above does better, at the same share of late packets. */
#include <gst/lockstep/latencytarget.h>

#include <string.h>

#define MSECOND G_GINT64_CONSTANT (1000000)
/* A sample counts this much less than the next one: 20000 packets of memory. */
#define FORGET 0.99995
/* How fast the bound falls after a spike, ns per ns: a player that keeps up runs
 * faster by that share. */
#define FALL 0.3
/* The bound before anything is known: NetEQ starts with the same 80 ms. The guess stands for as
 * many packets as have GUESS of them beyond the quantile, so that so many must come later before
 * the bound is higher for longer than a spike: the first one that is late says little, and would
 * be all that is known until 1 / (1 - quantile) packets came. GUESS_LASTS more at the guess keep it
 * until as many packets came as have so many beyond the quantile. */
#define START (80 * MSECOND)
#define GUESS 2
#define GUESS_LASTS 1
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
  self->any = FALSE;
  self->at = START / LOCKSTEP_LATENCY_BIN;
  self->bins[0] = (float) (GUESS / (1 - self->quantile) - GUESS);
  self->bins[self->at] = GUESS + GUESS_LASTS;
  self->below = self->bins[0];
  self->total = self->below + self->bins[self->at];
  self->weight = 1;
  self->peak = self->peak_time = 0;
  self->bound = self->calm = START;
}

void
lockstep_latency_target_set_quantile (LockstepLatencyTarget * self,
    double quantile)
{
  self->quantile = CLAMP (quantile, 0, 0.99999);
  /* the weight of the first guess depends on it */
  if (!self->any)
    lockstep_latency_target_reset (self);
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
  self->total = self->below = 0;
  for (guint i = 0; i < LOCKSTEP_LATENCY_BINS; i++) {
    self->bins[i] = (float) (self->bins[i] / self->weight);
    self->total += self->bins[i];
    if (i < self->at)
      self->below += self->bins[i];
  }
  self->weight = 1;
}

/* The quantile moves by a bin or so a packet: it is walked to, not searched. */
static void
find_quantile (LockstepLatencyTarget * self)
{
  double want = self->quantile * self->total;

  while (self->at + 1 < LOCKSTEP_LATENCY_BINS
      && self->below + self->bins[self->at] < want)
    self->below += self->bins[self->at++];
  while (self->at > 0 && self->below >= want)
    self->below -= self->bins[--self->at];
  self->calm = self->at * LOCKSTEP_LATENCY_BIN;
  if (self->bins[self->at] > 0) {
    double part = (want - self->below) / self->bins[self->at];

    self->calm += (gint64) (CLAMP (part, 0, 1) * LOCKSTEP_LATENCY_BIN);
  }
}

void
lockstep_latency_target_add (LockstepLatencyTarget * self, gint64 now,
    gint64 lateness, gboolean late)
{
  gint64 fallen;
  guint bin;

  lateness = MAX (lateness, 0);
  count_class (self, lateness);
  self->any = TRUE;
  if (late && lateness <= self->max)
    lockstep_latency_target_stretch (self, now, lateness);
  /* In time only because of the spike: it is the spike's. Beyond max: no bound would have had
   * it in time, so that waiting longer for its like costs the others for nothing. */
  if (lateness <= self->max && (late || lateness <= self->calm)) {
    bin = (guint) MIN (lateness / LOCKSTEP_LATENCY_BIN,
        LOCKSTEP_LATENCY_BINS - 1);
    self->weight /= FORGET;
    if (self->weight > MAX_WEIGHT)
      rescale (self);
    self->bins[bin] += (float) self->weight;
    self->total += self->weight;
    if (bin < self->at)
      self->below += self->weight;
    find_quantile (self);
  }
  fallen = (gint64) ((double) MAX (now - self->peak_time, 0) * FALL);
  self->bound = MAX (self->calm, self->peak - fallen);
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
