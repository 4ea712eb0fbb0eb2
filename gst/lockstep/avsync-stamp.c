/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Where a stream's offset should be, by the best source at hand; how the offset gets there; and
 * the timestamps that come of it. */
#include "avsync-private.h"

#include <math.h>
#include <string.h>

/* An error that is stepped over. */
#define STEP SECOND

/* The estimate is looked at no more often than this. */
#define COMPARE_INTERVAL (20 * MS)

/* With this many common bins, an estimate replaces one that was held. */
#define ESTABLISHED_BINS 4

/* Reports that have not come for this long are not current any more. */
#define REPORTS_LAST (60 * SECOND)

/* Capture times come with every frame: a pair of them this often is enough. */
#define CAPTURE_INTERVAL (200 * MS)

#define DRIFT_INTERVAL (5 * SECOND)
#define DRIFT_SPAN (30 * SECOND)

static gdouble
pair_drift (const LockstepAvStream * s)
{
  return s->drift.valid ? s->drift.slope : 0;
}

/* What the arrivals show now. */
static void
update_arrival_offset (LockstepAvSync * sync, LockstepAvStream * s,
    LockstepAvStream * reference, gint64 now)
{
  gint64 arrival = MAX (s->last_arrival, reference->last_arrival);
  gdouble drift = pair_drift (s);
  LockstepTransitDifference d, raw;

  if (s->reference != reference) {
    lockstep_av_reset_pairing (sync, s);
    s->reference = reference;
    s->arrival_offset = s->slew.offset - reference->slew.offset - s->correction;
    s->compared_at = now;
    s->source = LOCKSTEP_AV_SOURCE_ARRIVAL;
    s->target = s->arrival_offset + s->correction;
  } else if (now - s->compared_at < COMPARE_INTERVAL) {
    return;
  }

  if (lockstep_transit_compare (&reference->transit, &s->transit, arrival,
          drift, &d) && (d.bins >= ESTABLISHED_BINS || !s->established)) {
    s->established = s->established || d.bins >= ESTABLISHED_BINS;
    s->arrival_offset = d.offset;
    s->uncertainty = d.uncertainty;
    /* The slope is that of the offset before any drift is taken out. */
    if (s->established && lockstep_transit_compare (&reference->transit,
            &s->transit, arrival, 0, &raw))
      lockstep_drift_add (&s->drift, now, raw.offset, DRIFT_INTERVAL,
          DRIFT_SPAN);
  } else {
    s->arrival_offset += (gint64) llrint (drift * (gdouble) (now
            - s->compared_at));
  }
  s->compared_at = now;
}

static gboolean
is_current (const LockstepReportPair * pair, gint64 now)
{
  return pair->belief == LOCKSTEP_BELIEF_TRUSTED
      && now - pair->last_at < REPORTS_LAST;
}

/* Chooses the best source and says where the stream's offset should be against
 * the reference's. */
static void
update_target (LockstepAvSync * sync, LockstepAvStream * s,
    const LockstepAvStream * reference, gint64 now)
{
  static const struct
  {
    guint claims;
    LockstepAvSource source;
    gint64 interval;
  } best_first[] = {
    {CLAIMS_CAPTURE, LOCKSTEP_AV_SOURCE_CAPTURE_TIME, CAPTURE_INTERVAL},
    {CLAIMS_REPORT, LOCKSTEP_AV_SOURCE_SENDER_REPORT, 0},
  };
  gint64 configured = s->arrival_offset + sync->config.video_offset;
  gdouble drift = pair_drift (s);
  LockstepAvSource source = LOCKSTEP_AV_SOURCE_ARRIVAL;

  for (guint i = 0; i < G_N_ELEMENTS (best_first); i++) {
    LockstepAvClaims *claims = &s->claims[best_first[i].claims];
    LockstepReportPair *pair = &claims->pair;
    gboolean fresh;

    if (best_first[i].source > sync->config.best_source)
      continue;
    fresh = lockstep_report_pair_update (pair,
        &reference->claims[best_first[i].claims].clock, &claims->clock, now,
        best_first[i].interval, s->arrival_offset, drift, s->drift.doubt);
    if (source == LOCKSTEP_AV_SOURCE_ARRIVAL && is_current (pair, now)) {
      source = best_first[i].source;
      s->target = lockstep_report_pair_apply (pair, now, configured, drift);
      s->correction = s->target - s->arrival_offset;
    } else if (fresh && s->source == best_first[i].source
        && pair->belief > LOCKSTEP_BELIEF_TRUSTED) {
      /* What was learned from it was wrong too. */
      s->correction = sync->config.video_offset;
    }
  }
  s->source = source;
  if (source == LOCKSTEP_AV_SOURCE_ARRIVAL)
    s->target = s->arrival_offset + s->correction;
}

static void
follow (LockstepAvSync * sync, LockstepAvStream * s, gint64 media, gint64 now)
{
  LockstepSlewConfig config = {
    sync->config.max_slew, sync->config.dead_band, STEP
  };
  LockstepAvStream *reference = lockstep_av_find_reference (sync, NULL);
  gint64 before = s->slew.offset, error, least;

  if (reference && reference != s) {
    update_arrival_offset (sync, s, reference, now);
    update_target (sync, s, reference, now);
    error = lockstep_slew_update (&s->slew, &config,
        reference->slew.offset + s->target, now, now - s->running_since);
    if (error > 0) {
      lockstep_slew_set (&s->slew, s->slew.offset + error, now);
      s->steps++;
      s->discont = TRUE;
    } else if (error < 0) {
      /* Timestamps cannot go back. It is the reference whose media clock stood
       * still, so that is what begins a new timeline. */
      lockstep_slew_set (&reference->slew, reference->slew.offset - error, now);
      reference->steps++;
      reference->discont = TRUE;
      lockstep_slew_set (&s->slew, s->slew.offset, now);
    }
  }
  /* However much was to be made up, a frame keeps half its distance. */
  if (s->n_history > 0) {
    least = before - (media - s->history[s->n_history - 1].media) / 2;
    s->slew.offset = MAX (s->slew.offset, least);
  }
  if (now - s->rate_at >= SECOND) {
    s->slew_rate = (gint64) ((gdouble) (s->slew.offset - s->rate_from)
        * (gdouble) SECOND / (gdouble) (now - s->rate_at));
    s->rate_at = now;
    s->rate_from = s->slew.offset;
  }
}

/* A frame's timestamp, rising with media time whatever order frames come in. */
static gint64
stamp_video (LockstepAvSync * sync, LockstepAvStream * s, gint64 media,
    gint64 now)
{
  LockstepAvStamp *h = s->history;
  guint n = s->n_history, i;
  gint64 pts;

  for (i = n; i > 0 && h[i - 1].media >= media; i--) {
    if (h[i - 1].media == media)
      return h[i - 1].pts;
  }
  if (i == n) {
    follow (sync, s, media, now);
    pts = media + s->slew.offset;
    if (n > 0)
      pts = MAX (pts, h[n - 1].pts + 1);
  } else if (i == 0) {
    pts = h[0].pts - (h[0].media - media);
    if (n == HISTORY)
      return pts;               /* too old to be remembered */
  } else {
    pts = MIN (h[i - 1].pts + (media - h[i - 1].media), h[i].pts - 1);
    pts = MAX (pts, h[i - 1].pts);
  }
  if (n == HISTORY) {
    memmove (h, h + 1, (i - 1) * sizeof (LockstepAvStamp));
    i--;
  } else {
    memmove (h + i + 1, h + i, (n - i) * sizeof (LockstepAvStamp));
    s->n_history++;
  }
  h[i].media = media;
  h[i].pts = pts;
  return pts;
}

/**
 * lockstep_av_stream_stamp:
 * @stream: a stream that is open
 * @timestamp: of a unit that was kept
 * @now: ns
 * @pts: (out): its timestamp, ns on the clock of the arrivals; never negative
 *
 * Returns: TRUE where a new timeline begins with it
 */
gboolean
lockstep_av_stream_stamp (LockstepAvSync * sync, LockstepAvStream * s,
    gint64 timestamp, gint64 now, gint64 * pts)
{
  gint64 media = lockstep_av_media_time (s, timestamp);
  gboolean discont;

  if (s->media == LOCKSTEP_AV_VIDEO)
    *pts = stamp_video (sync, s, media, now);
  else
    *pts = media + s->slew.offset;
  *pts = MAX (*pts, 0);
  s->last_pts = s->ran ? MAX (s->last_pts, *pts) : *pts;
  s->ran = TRUE;
  discont = s->discont;
  s->discont = FALSE;
  return discont;
}

void
lockstep_av_stream_stats (const LockstepAvSync * sync,
    const LockstepAvStream * s, LockstepAvStats * stats)
{
  const LockstepAvStream *reference = lockstep_av_find_reference (sync, NULL);

  memset (stats, 0, sizeof (*stats));
  stats->is_reference = s == reference;
  stats->clock_drift = s->transit.drift.slope * 1e6;
  stats->steps = s->steps;
  stats->restarts = s->restarts;
  stats->strays = s->strays;
  stats->reports = s->claims[CLAIMS_REPORT].pair.belief;
  stats->captures = s->claims[CLAIMS_CAPTURE].pair.belief;
  stats->report_jumps = s->claims[CLAIMS_REPORT].pair.jumps
      + s->claims[CLAIMS_CAPTURE].pair.jumps;
  if (s->state != STATE_RUNNING || !reference || s == reference)
    return;
  stats->applied = s->slew.offset - reference->slew.offset;
  stats->rate = s->slew_rate;
  stats->source = s->source;
  if (s->reference != reference)
    return;
  stats->estimated = s->target;
  stats->arrival = s->arrival_offset;
  stats->drift = pair_drift (s) * 1e6;
  stats->uncertainty = s->uncertainty;
  if (s->source == LOCKSTEP_AV_SOURCE_SENDER_REPORT)
    stats->uncertainty = s->claims[CLAIMS_REPORT].pair.uncertainty;
  else if (s->source == LOCKSTEP_AV_SOURCE_CAPTURE_TIME)
    stats->uncertainty = s->claims[CLAIMS_CAPTURE].pair.uncertainty;
}
