/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What a sender claims about its clocks (sender reports, abs-capture-time), and
 * how far it is believed.
 *
 * Claims are as good as they agree with each other. While what the arrivals show
 * lies within their doubt, they add nothing and change nothing; once they differ
 * from it by more, their middle decides. So exact claims decide at once, claims that
 * scatter when there are enough of them, and noise never: a sender cannot make it
 * worse than no reports. Claims that contradict the arrivals by more than any path
 * or encoder could, that jump, or that run at another rate, are left out. */
#include "reports.h"
#include "drift.h"

#include <math.h>
#include <string.h>

#define MS (G_GINT64_CONSTANT (1000000))
#define SECOND (G_GINT64_CONSTANT (1000000000))

/* The finest that a report can be: a millisecond clock, rounded. */
#define FINEST (MS / 4)

/* Standard deviation of the claims beyond which they are noise. Chromium's audio
 * reports scatter by up to 8.5 ms; reports stamped on arrival behind a radio
 * link by ten times that. */
#define SCATTER_LIMIT (10 * MS)

/* A claim that differs this much from the believed ones is a jump. */
#define JUMP (20 * MS)

/* How much slower or faster the claims may seem than the arrivals, beyond what
 * their scatter explains. */
#define DRIFT_ALLOWED (3 * MS)

/* Over less than this a slope may be a beat of the sender's capture blocks against
 * its packets: Chromium's capture times of sound are a saw-tooth of 10 ms in 5 s. */
#define BEAT_SPAN (10 * SECOND)

/* Standard error of a median in standard deviations of one sample, of normal
 * noise: sqrt (pi / 2). */
#define MEDIAN_ERROR 1.2533

/* How far the middle of two claims may be off, in their distance: nine times in ten by
 * no more than this (Student's t of one degree of freedom, 6.31, over 2). Claims of a
 * clock that runs 1000 ppm fast are 5 ms apart at first, and as far from the truth. */
#define RANGE_OF_TWO 3

/* Sender clocks may be anything; sums below must not overflow. */
#define FAR (G_GINT64_CONSTANT (1) << 60)

const char *
lockstep_belief_name (LockstepBelief belief)
{
  static const char *const names[] = {
    "none", "few", "trusted", "scattered", "contradicted", "drifting"
  };

  return belief < G_N_ELEMENTS (names) ? names[belief] : "unknown";
}

/**
 * lockstep_ntp_difference:
 * @ntp: an NTP time, UQ32.32 seconds
 * @base: another
 *
 * Returns: @ntp less @base, ns; the shorter way round the era (RFC 5905,
 *   section 6)
 */
gint64
lockstep_ntp_difference (guint64 ntp, guint64 base)
{
  gint64 ticks = (gint64) (ntp - base);
  gint64 seconds = ticks >> 32;
  guint64 fraction = (guint64) ticks & 0xffffffffu;

  return seconds * SECOND + (gint64) ((fraction * (guint64) SECOND) >> 32);
}

void
lockstep_report_clock_init (LockstepReportClock * clock)
{
  memset (clock, 0, sizeof (*clock));
}

/* Reports seldom come within 5 s: over less, a slope is noise. */
#define SLOPE_SPAN (10 * SECOND)

/**
 * lockstep_report_clock_add:
 * @media: media time, ns
 * @sender: the sender's time of that media, ns from any origin
 * @has_capture_offset: the claim carries a capture clock offset
 * @capture_offset: the sender's clock less the capturer's, ns
 */
void
lockstep_report_clock_add (LockstepReportClock * clock, gint64 media,
    gint64 sender, gboolean has_capture_offset, gint64 capture_offset)
{
  guint newest = (clock->next + LOCKSTEP_REPORTS_KEPT - 1)
      % LOCKSTEP_REPORTS_KEPT;
  guint oldest;

  sender = CLAMP (sender, -FAR, FAR);
  media = CLAMP (media, -FAR, FAR);
  capture_offset = CLAMP (capture_offset, -FAR, FAR);
  if (clock->n > 0 && sender == clock->at[newest]
      && sender - media == clock->offset[newest])
    return;                     /* the same once more */
  clock->at[clock->next] = sender;
  clock->offset[clock->next] = sender - media;
  clock->next = (clock->next + 1) % LOCKSTEP_REPORTS_KEPT;
  clock->n = MIN (clock->n + 1, LOCKSTEP_REPORTS_KEPT);
  clock->count++;
  clock->has_capture_offset = has_capture_offset;
  clock->capture_offset = has_capture_offset ? capture_offset : 0;

  clock->slope = 0;
  oldest = (clock->next + LOCKSTEP_REPORTS_KEPT - clock->n)
      % LOCKSTEP_REPORTS_KEPT;
  if (clock->n >= 3 && sender - clock->at[oldest] >= SLOPE_SPAN)
    clock->slope = CLAMP (lockstep_theil_sen (clock->at, clock->offset,
            clock->n), -LOCKSTEP_DRIFT_MAX_PPM * 1e-6,
        LOCKSTEP_DRIFT_MAX_PPM * 1e-6);
}

void
lockstep_report_pair_init (LockstepReportPair * pair)
{
  memset (pair, 0, sizeof (*pair));
}

/* The offset of b against a that the newest claims of both make, brought to the
 * sender's time of the newer of them. */
static gint64
claimed_offset (const LockstepReportClock * a, const LockstepReportClock * b)
{
  guint i = (a->next + LOCKSTEP_REPORTS_KEPT - 1) % LOCKSTEP_REPORTS_KEPT;
  guint j = (b->next + LOCKSTEP_REPORTS_KEPT - 1) % LOCKSTEP_REPORTS_KEPT;
  gint64 newer = MAX (a->at[i], b->at[j]);
  gint64 offset = b->offset[j] / 2 - a->offset[i] / 2;
  gdouble carry;

  if (ABS (offset) > FAR / 4)
    return offset > 0 ? FAR / 2 : -FAR / 2;
  offset = b->offset[j] - a->offset[i];
  carry = b->slope * ((gdouble) newer - (gdouble) b->at[j])
      - a->slope * ((gdouble) newer - (gdouble) a->at[i]);
  if (fabs (carry) < (gdouble) SECOND)
    offset += (gint64) llrint (carry);
  if (a->has_capture_offset && b->has_capture_offset)
    offset += b->capture_offset / 2 - a->capture_offset / 2
        + b->capture_offset / 2 - a->capture_offset / 2;
  return CLAMP (offset, -FAR / 2, FAR / 2);
}

/* From lowest to highest, without the wildest one where there are many. */
static gint64
range_of (const gint64 * values, guint n, gint64 median)
{
  gint64 low = values[0], high = values[0];
  guint wildest = n;

  if (n >= 6) {
    wildest = 0;
    for (guint i = 1; i < n; i++) {
      if (ABS (values[i] - median) > ABS (values[wildest] - median))
        wildest = i;
    }
    low = high = median;
  }
  for (guint i = 0; i < n; i++) {
    if (i != wildest) {
      low = MIN (low, values[i]);
      high = MAX (high, values[i]);
    }
  }
  return high - low;
}

/* How far from a line of @slope each of @values lies. */
static void
take_line (const LockstepReportPair * pair, const gint64 * values,
    gdouble slope, gint64 * rest)
{
  for (guint i = 0; i < pair->n; i++)
    rest[i] = values[i] - (gint64) (slope * (gdouble) (pair->at[i]
            - pair->at[0]));
}

/* How far the claims ran from the drift that the arrivals show over their span,
 * beyond what scatter and beats explain, ns. Not from the arrivals' offset itself: that
 * moves by some milliseconds when a path is busy, and the claims do not. */
static gdouble
unexplained_trend (const LockstepReportPair * pair, const gint64 * middle,
    guint n, gint64 range)
{
  gdouble slope = lockstep_theil_sen (pair->at, middle, n), trend, noise;
  gint64 rest[LOCKSTEP_REPORTS_KEPT], median;
  gint64 first = pair->at[0], last = pair->at[0], allowed = DRIFT_ALLOWED;

  for (guint i = 0; i < n; i++) {
    first = MIN (first, pair->at[i]);
    last = MAX (last, pair->at[i]);
  }
  take_line (pair, middle, slope, rest);
  if (last - first < BEAT_SPAN)
    allowed = SCATTER_LIMIT;
  trend = (fabs (slope) - pair->drift_doubt) * (gdouble) (last - first);
  /* What drifts has gone as far as its slope says; the teeth of a saw have not. */
  trend = MIN (trend, (gdouble) range);
  /* Of a few, the median deviation from the line says little: their range counts too. */
  noise = 3 * lockstep_deviation (rest, n, &median);
  noise = MAX (noise, (gdouble) range_of (rest, n, median));
  return trend - noise - (gdouble) allowed;
}

/* Claims that lie on one line say how fast the offset grows, better than arrivals do on a
 * busy path; but nothing that those rule out. */
static void
find_slope (LockstepReportPair * pair)
{
  gint64 rest[LOCKSTEP_REPORTS_KEPT], middle;

  pair->on_line = FALSE;
  if (pair->n < 3)
    return;
  pair->slope = lockstep_theil_sen (pair->at, pair->claimed, pair->n);
  take_line (pair, pair->claimed, pair->slope, rest);
  lockstep_deviation (rest, pair->n, &middle);
  pair->on_line = range_of (rest, pair->n, middle) <= FINEST;
}

static gdouble
slope_of (const LockstepReportPair * pair, gdouble drift)
{
  return pair->on_line ? CLAMP (pair->slope, drift - pair->drift_doubt,
      drift + pair->drift_doubt) : drift;
}

static void
bring_to (const LockstepReportPair * pair, gint64 now, gdouble slope,
    gint64 * middle)
{
  for (guint i = 0; i < pair->n; i++)
    middle[i] = pair->claimed[i]
        + (gint64) llrint (slope * (gdouble) (now - pair->at[i]));
}

static void
judge (LockstepReportPair * pair, gint64 now, gdouble drift)
{
  gint64 middle[LOCKSTEP_REPORTS_KEPT] = { 0, }, excess, range;
  gdouble deviation, trend = 0;
  guint n = pair->n;

  if (n >= 3) {
    bring_to (pair, now, drift, middle);
    lockstep_deviation (middle, n, &pair->offset);
    trend = unexplained_trend (pair, middle, n,
        range_of (middle, n, pair->offset));
  }
  find_slope (pair);
  bring_to (pair, now, slope_of (pair, drift), middle);
  deviation = lockstep_deviation (middle, n, &pair->offset);
  range = range_of (middle, n, pair->offset);
  lockstep_deviation (pair->excess, n, &excess);

  /* Of a few, the median deviation says little: their range counts too. Of two, the
   * range itself says little. */
  if (n < 4)
    pair->uncertainty = n == 2 ? RANGE_OF_TWO * range : range;
  else
    pair->uncertainty = (gint64) (MAX (2 * MEDIAN_ERROR * deviation,
            (gdouble) range) / sqrt (n));
  pair->uncertainty = MAX (pair->uncertainty, FINEST);

  if (n < 2)
    pair->belief = LOCKSTEP_BELIEF_FEW;
  else if (ABS (excess) > LOCKSTEP_REPORTS_MAX_CORRECTION)
    pair->belief = LOCKSTEP_BELIEF_CONTRADICTED;
  else if (deviation > SCATTER_LIMIT || range > 4 * SCATTER_LIMIT
      || (n < 4 && range > JUMP))
    pair->belief = LOCKSTEP_BELIEF_SCATTERED;
  else if (trend > 0)
    pair->belief = LOCKSTEP_BELIEF_DRIFTING;
  else
    pair->belief = LOCKSTEP_BELIEF_TRUSTED;
  if (pair->belief != LOCKSTEP_BELIEF_TRUSTED)
    pair->decides = FALSE;
}

/**
 * lockstep_report_pair_update:
 * @a: claims for the stream that stays where it is
 * @b: claims for the stream to be placed
 * @now: ns
 * @interval: ns; claims sooner than this after the last used ones are left out
 * @arrival_offset: what the arrivals show for the offset of @b against @a, ns
 * @drift: how fast that offset grows, ns per ns
 * @drift_doubt: how far @drift may be off, either side
 *
 * Takes new claims into account when both streams have one.
 *
 * Returns: TRUE where there were some
 */
gboolean
lockstep_report_pair_update (LockstepReportPair * pair,
    const LockstepReportClock * a, const LockstepReportClock * b, gint64 now,
    gint64 interval, gint64 arrival_offset, gdouble drift, gdouble drift_doubt)
{
  gint64 claimed;

  if (a->count == pair->seen_a || b->count == pair->seen_b)
    return FALSE;
  if (pair->n > 0 && now - pair->last_at < interval)
    return FALSE;
  pair->seen_a = a->count;
  pair->seen_b = b->count;
  claimed = claimed_offset (a, b);

  if (pair->belief == LOCKSTEP_BELIEF_TRUSTED && pair->n >= 3) {
    gint64 believed = pair->offset
        + (gint64) llrint (drift * (gdouble) (now - pair->last_at));

    if (ABS (claimed - believed) > JUMP + pair->uncertainty) {
      /* RTP time has gone on, so the claims have moved by themselves. Only when
       * as many agree on something new as once agreed on this, begin again. */
      pair->jumps++;
      if (++pair->outliers < LOCKSTEP_REPORTS_KEPT)
        return FALSE;
      pair->n = pair->next = 0;
    }
  }
  pair->outliers = 0;
  pair->at[pair->next] = now;
  pair->claimed[pair->next] = claimed;
  pair->excess[pair->next] = CLAMP (claimed - CLAMP (arrival_offset, -FAR / 2,
          FAR / 2), -FAR, FAR);
  pair->next = (pair->next + 1) % LOCKSTEP_REPORTS_KEPT;
  pair->n = MIN (pair->n + 1, LOCKSTEP_REPORTS_KEPT);
  pair->last_at = now;
  pair->drift_doubt = drift_doubt;
  judge (pair, now, drift);
  return TRUE;
}

/**
 * lockstep_report_pair_apply:
 * @now: ns
 * @believed: the offset believed without these claims, ns
 * @drift: how fast it grows, ns per ns
 *
 * Returns: the middle of the claims, if they are trusted and exact, or @believed was
 *   ever beyond their doubt since; else @believed
 */
gint64
lockstep_report_pair_apply (LockstepReportPair * pair, gint64 now,
    gint64 believed, gdouble drift)
{
  gint64 middle;

  if (pair->belief != LOCKSTEP_BELIEF_TRUSTED)
    return believed;
  middle = pair->offset + (gint64) llrint (slope_of (pair, drift)
      * (gdouble) (now - pair->last_at));
  /* Claims that are as exact as can be need not wait for the arrivals to go astray. */
  if (ABS (middle - believed) > pair->uncertainty
      || pair->uncertainty <= FINEST)
    pair->decides = TRUE;
  return pair->decides ? middle : believed;
}
