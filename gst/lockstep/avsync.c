/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The streams of one sender on one timeline: offset estimates, choice of source,
 * start gate, and the map from media time to timestamps.
 *
 * A stream's timestamps are media time plus an offset. An audio stream's offset
 * is set once, when its gate opens, and stays. A video stream's follows
 *
 *   offset of the reference + arrival difference + correction
 *
 * where the reference is the first audio stream that runs (or, without one, the
 * first video stream), the arrival difference that of the transit minima, and the
 * correction what reports add to it. Without reports it is the configured one;
 * when reports end, what they taught is kept, for it is a constant of the sender.
 *
 * Times are nanoseconds: arrivals and now on one clock, media time from the
 * stream's first packet. */
#include "avsync.h"

#include <math.h>
#include <string.h>

#define MS (G_GINT64_CONSTANT (1000000))
#define SECOND (G_GINT64_CONSTANT (1000000000))

/* A jump of the media clock that no network makes: the sender began anew.
 * Networks that deliver late are told apart by where the transit falls to. */
#define RESTART_JUMP (2 * SECOND)

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

/* Frames whose timestamps are remembered, for what comes out of order. */
#define HISTORY 32

typedef enum
{
  STATE_EMPTY,                  /* nothing came yet */
  STATE_GATED,                  /* comparing the first packets */
  STATE_RUNNING,
} State;

typedef struct
{
  gint64 media, pts;
} Stamp;

typedef struct
{
  gboolean pending;             /* came before the first packet */
  gint64 timestamp;
  guint64 ntp;
  gboolean has_capture_offset;
  gint64 capture_offset;
  LockstepReportClock clock;
  LockstepReportPair pair;
} Claims;

enum
{
  CLAIMS_REPORT,
  CLAIMS_CAPTURE,
  CLAIMS_LAST
};

struct _LockstepAvStream
{
  LockstepAvMedia media;
  guint32 rate;                 /* 0: timestamps are ns already */
  State state;
  gboolean ran;                 /* it has given out a timestamp */
  guint32 ssrc;
  gint64 base, high;            /* extended timestamps: the first, the highest */
  gint64 lowest;                /* lowest media time seen while gated */
  gint64 gate_end;
  gint64 running_since;
  LockstepTransit transit;
  gint64 minimum;               /* the last transit minimum that was known */
  gint64 last_arrival;

  guint held;
  gint64 held_timestamp[LOCKSTEP_AV_HELD], held_arrival[LOCKSTEP_AV_HELD];
  guint32 held_ssrc;

  const LockstepAvStream *reference;    /* what the fields below refer to */
  LockstepDrift drift;          /* of the arrival difference */
  gboolean established;
  gint64 arrival_offset, compared_at, uncertainty;
  gint64 correction, target;
  LockstepAvSource source;
  Claims claims[CLAIMS_LAST];

  LockstepSlew slew;
  gint64 last_pts;
  gboolean discont;
  Stamp history[HISTORY];       /* video, ascending in both */
  guint n_history;
  gint64 rate_at, rate_from, slew_rate;
  guint64 steps, restarts, strays;
};

struct _LockstepAvSync
{
  LockstepAvConfig config;
  GPtrArray *streams;
  gint64 level;                 /* timestamp less arrival of a packet that did
                                 * not wait, for a stream that begins alone */
  gboolean has_ntp_base;
  guint64 ntp_base;
};

const char *
lockstep_av_source_name (LockstepAvSource source)
{
  static const char *const names[] = {
    "none", "arrival-times", "sender-reports", "abs-capture-time"
  };

  return source < G_N_ELEMENTS (names) ? names[source] : "unknown";
}

LockstepAvSync *
lockstep_av_sync_new (const LockstepAvConfig * config)
{
  LockstepAvSync *sync = g_new0 (LockstepAvSync, 1);

  sync->config = *config;
  sync->streams = g_ptr_array_new_with_free_func (g_free);
  return sync;
}

void
lockstep_av_sync_free (LockstepAvSync * sync)
{
  g_ptr_array_unref (sync->streams);
  g_free (sync);
}

/**
 * lockstep_av_sync_set_config:
 *
 * Takes effect at the next packet. A changed video offset is slewed to.
 */
void
lockstep_av_sync_set_config (LockstepAvSync * sync,
    const LockstepAvConfig * config)
{
  gint64 change = config->video_offset - sync->config.video_offset;

  sync->config = *config;
  for (guint i = 0; change != 0 && i < sync->streams->len; i++) {
    LockstepAvStream *s = g_ptr_array_index (sync->streams, i);

    if (s->source <= LOCKSTEP_AV_SOURCE_ARRIVAL)
      s->correction = config->video_offset;
  }
}

static void
reset_pairing (LockstepAvSync * sync, LockstepAvStream * s)
{
  s->reference = NULL;
  s->established = FALSE;
  lockstep_drift_init (&s->drift);
  for (guint i = 0; i < CLAIMS_LAST; i++)
    lockstep_report_pair_init (&s->claims[i].pair);
  s->source = LOCKSTEP_AV_SOURCE_NONE;
}

/* Forgets all that belonged to the sender's old timeline. */
static void
reset_timeline (LockstepAvSync * sync, LockstepAvStream * s)
{
  s->state = STATE_EMPTY;
  lockstep_transit_init (&s->transit);
  for (guint i = 0; i < CLAIMS_LAST; i++)
    lockstep_report_clock_init (&s->claims[i].clock);
  reset_pairing (sync, s);
  s->n_history = 0;
  for (guint i = 0; i < sync->streams->len; i++) {
    LockstepAvStream *other = g_ptr_array_index (sync->streams, i);

    if (other->reference == s)
      reset_pairing (sync, other);
  }
}

/**
 * lockstep_av_sync_add:
 * @media: what it carries
 * @rate: RTP clock rate, Hz, for 32-bit RTP timestamps; 0 for timestamps that
 *   are nanoseconds and do not wrap
 *
 * Returns: (transfer none): the new stream
 */
LockstepAvStream *
lockstep_av_sync_add (LockstepAvSync * sync, LockstepAvMedia media,
    guint32 rate)
{
  LockstepAvStream *s = g_new0 (LockstepAvStream, 1);

  s->media = media;
  s->rate = rate;
  s->correction = sync->config.video_offset;
  reset_timeline (sync, s);
  g_ptr_array_add (sync->streams, s);
  return s;
}

void
lockstep_av_sync_remove (LockstepAvSync * sync, LockstepAvStream * s)
{
  if (s->state == STATE_RUNNING)
    sync->level = s->slew.offset - s->minimum;
  reset_timeline (sync, s);
  g_ptr_array_remove (sync->streams, s);
}

static gint64
extend (const LockstepAvStream * s, gint64 timestamp)
{
  if (s->rate == 0)
    return timestamp;
  return s->high + (gint32) ((guint32) timestamp - (guint32) s->high);
}

/* Ticks to ns, towards zero, in two parts so that nothing overflows. */
static gint64
ticks_to_ns (const LockstepAvStream * s, gint64 ticks)
{
  gint64 rate = s->rate;

  if (rate == 0)
    return ticks;
  return ticks / rate * SECOND + ticks % rate * SECOND / rate;
}

static gint64
media_time (const LockstepAvStream * s, gint64 extended)
{
  return ticks_to_ns (s, extended - s->base);
}

static LockstepAvStream *
find_reference (const LockstepAvSync * sync, const LockstepAvStream * except)
{
  LockstepAvStream *video = NULL;

  for (guint i = 0; i < sync->streams->len; i++) {
    LockstepAvStream *s = g_ptr_array_index (sync->streams, i);

    if (s == except || s->state != STATE_RUNNING)
      continue;
    if (s->media == LOCKSTEP_AV_AUDIO)
      return s;
    if (!video)
      video = s;
  }
  return video;
}

/* Transit difference of b against a; of what was last known where one of them
 * has been silent for longer than the window. */
static gint64
first_difference (const LockstepAvStream * a, const LockstepAvStream * b,
    gint64 arrival)
{
  LockstepTransitDifference d;

  if (lockstep_transit_compare (&a->transit, &b->transit, arrival, 0, &d))
    return d.offset;
  return b->minimum - a->minimum;
}

static void
open_stream (LockstepAvSync * sync, LockstepAvStream * s, gint64 now)
{
  LockstepAvStream *reference = find_reference (sync, s);
  gint64 offset;

  if (!reference) {
    offset = s->minimum + sync->level;
  } else {
    gint64 arrival = MAX (s->last_arrival, reference->last_arrival);

    if (s->media == LOCKSTEP_AV_AUDIO && reference->media == LOCKSTEP_AV_VIDEO)
      offset = reference->slew.offset - reference->correction
          - first_difference (s, reference, arrival);
    else
      offset = reference->slew.offset + first_difference (reference, s, arrival)
          + (s->media == reference->media ? 0 : s->correction);
  }
  /* Timestamps are not negative, and go on where an old timeline ended. */
  offset = MAX (offset, -s->lowest);
  if (s->ran)
    offset = MAX (offset, s->last_pts + 1 - s->lowest);
  s->state = STATE_RUNNING;
  s->running_since = now;
  lockstep_slew_set (&s->slew, offset, now);
  s->discont = TRUE;
  s->rate_at = now;
  s->rate_from = offset;
  s->slew_rate = 0;
  s->n_history = 0;
}

/**
 * lockstep_av_sync_poll:
 * @now: ns
 *
 * Opens the gates that have waited long enough.
 *
 * Returns: TRUE where one opened
 */
gboolean
lockstep_av_sync_poll (LockstepAvSync * sync, gint64 now)
{
  gboolean opened = FALSE;

  /* Audio first: it is what the others are placed on. */
  for (guint pass = 0; pass < 2; pass++) {
    for (guint i = 0; i < sync->streams->len; i++) {
      LockstepAvStream *s = g_ptr_array_index (sync->streams, i);

      if (s->state != STATE_GATED || now < s->gate_end
          || (s->media == LOCKSTEP_AV_AUDIO) != (pass == 0))
        continue;
      open_stream (sync, s, now);
      opened = TRUE;
    }
  }
  return opened;
}

/**
 * lockstep_av_stream_open:
 * @now: ns
 *
 * Opens the stream's gate early: nothing more will come, or there is no room to
 * hold more. Nothing happens to a stream that had no packet.
 */
void
lockstep_av_stream_open (LockstepAvSync * sync, LockstepAvStream * s,
    gint64 now)
{
  if (s->state == STATE_GATED)
    open_stream (sync, s, now);
}

/**
 * lockstep_av_sync_deadline:
 *
 * Returns: when lockstep_av_sync_poll() has something to open, ns; -1 for never
 */
gint64
lockstep_av_sync_deadline (const LockstepAvSync * sync)
{
  gint64 deadline = -1;

  for (guint i = 0; i < sync->streams->len; i++) {
    const LockstepAvStream *s = g_ptr_array_index (sync->streams, i);

    if (s->state == STATE_GATED && (deadline < 0 || s->gate_end < deadline))
      deadline = s->gate_end;
  }
  return deadline;
}

/**
 * lockstep_av_sync_headroom:
 *
 * A packet that did not wait anywhere may still carry a timestamp before its
 * arrival, where its stream was moved ahead to meet another.
 *
 * Returns: the most by which that happens, ns; 0 where it does not
 */
gint64
lockstep_av_sync_headroom (const LockstepAvSync * sync)
{
  gint64 headroom = 0;

  for (guint i = 0; i < sync->streams->len; i++) {
    const LockstepAvStream *s = g_ptr_array_index (sync->streams, i);

    if (s->state == STATE_RUNNING)
      headroom = MAX (headroom, s->minimum - s->slew.offset);
  }
  return headroom;
}

gboolean
lockstep_av_stream_is_open (const LockstepAvStream * s)
{
  return s->state == STATE_RUNNING;
}

static void
take_claim (LockstepAvSync * sync, LockstepAvStream * s, Claims * claims,
    gint64 timestamp, guint64 ntp, gboolean has_capture_offset,
    gint64 capture_offset)
{
  lockstep_report_clock_add (&claims->clock, media_time (s, extend (s,
              timestamp)), lockstep_ntp_difference (ntp, sync->ntp_base),
      has_capture_offset, capture_offset);
}

/* Begins a timeline with this packet. */
static void
begin (LockstepAvSync * sync, LockstepAvStream * s, gint64 timestamp,
    guint32 ssrc, gint64 now)
{
  s->state = STATE_GATED;
  s->ssrc = ssrc;
  s->base = s->high = s->rate ? (gint64) (guint32) timestamp : timestamp;
  s->lowest = 0;
  s->gate_end = now + sync->config.start_gate;
  s->minimum = G_MAXINT64;
  for (guint i = 0; i < CLAIMS_LAST; i++) {
    Claims *claims = &s->claims[i];

    if (claims->pending)
      take_claim (sync, s, claims, claims->timestamp, claims->ntp,
          claims->has_capture_offset, claims->capture_offset);
    claims->pending = FALSE;
  }
}

static void
take_arrival (LockstepAvStream * s, gint64 timestamp, gint64 arrival)
{
  gint64 extended = extend (s, timestamp);
  gint64 media = media_time (s, extended);

  lockstep_transit_add (&s->transit, arrival, media);
  s->high = MAX (s->high, extended);
  if (s->state == STATE_GATED)
    s->lowest = MIN (s->lowest, media);
  if (arrival >= s->last_arrival || s->minimum == G_MAXINT64)
    s->last_arrival = arrival;
  if (!lockstep_transit_minimum (&s->transit, s->last_arrival, &s->minimum))
    s->minimum = arrival - media;
}

/* Whether a packet cannot belong to the timeline: another source, or a media
 * time that runs ahead of what the path allows, or far back. */
static gboolean
is_stray (const LockstepAvStream * s, gint64 timestamp, guint32 ssrc,
    gint64 arrival)
{
  gint64 extended = extend (s, timestamp);

  if (ssrc != s->ssrc)
    return TRUE;
  if (ticks_to_ns (s, extended - s->high) < -RESTART_JUMP)
    return TRUE;
  return arrival - media_time (s, extended) < s->minimum - RESTART_JUMP;
}

/* Whether it goes on from the first one held. */
static gboolean
continues_held (const LockstepAvStream * s, gint64 timestamp, guint32 ssrc,
    gint64 arrival)
{
  gint64 ticks = timestamp - s->held_timestamp[0];
  gint64 media;

  if (ssrc != s->held_ssrc)
    return FALSE;
  if (s->rate)
    ticks = (gint32) ((guint32) timestamp - (guint32) s->held_timestamp[0]);
  media = ticks_to_ns (s, ticks);
  return media > -RESTART_JUMP
      && ABS (arrival - s->held_arrival[0] - media) < RESTART_JUMP;
}

/**
 * lockstep_av_stream_observe:
 * @timestamp: RTP timestamp, or ns where the stream has no rate: between -2^61
 *   and 2^61
 * @ssrc: of the packet; any constant where there is none
 * @arrival: when it came, ns, between 0 and 2^61
 * @now: ns on the clock of lockstep_av_sync_poll()
 *
 * To be called once for each packet or frame, as they come.
 */
LockstepAvVerdict
lockstep_av_stream_observe (LockstepAvSync * sync, LockstepAvStream * s,
    gint64 timestamp, guint32 ssrc, gint64 arrival, gint64 now)
{
  if (s->state == STATE_EMPTY) {
    begin (sync, s, timestamp, ssrc, now);
    take_arrival (s, timestamp, arrival);
    return LOCKSTEP_AV_KEEP;
  }
  if (!is_stray (s, timestamp, ssrc, arrival)) {
    s->strays += s->held;
    s->held = 0;
    take_arrival (s, timestamp, arrival);
    return LOCKSTEP_AV_KEEP;
  }
  if (s->held == 0 || !continues_held (s, timestamp, ssrc, arrival)) {
    s->strays += s->held;
    s->held = 1;
    s->held_timestamp[0] = timestamp;
    s->held_arrival[0] = arrival;
    s->held_ssrc = ssrc;
    return LOCKSTEP_AV_HOLD_FIRST;
  }
  if (s->held < LOCKSTEP_AV_HELD) {
    s->held_timestamp[s->held] = timestamp;
    s->held_arrival[s->held] = arrival;
    s->held++;
    return LOCKSTEP_AV_HOLD;
  }

  if (s->state == STATE_RUNNING)
    sync->level = s->slew.offset - s->minimum;
  s->restarts++;
  reset_timeline (sync, s);
  begin (sync, s, s->held_timestamp[0], ssrc, now);
  for (guint i = 0; i < s->held; i++)
    take_arrival (s, s->held_timestamp[i], s->held_arrival[i]);
  take_arrival (s, timestamp, arrival);
  s->held = 0;
  return LOCKSTEP_AV_RESTART;
}

/**
 * lockstep_av_stream_report:
 * @source: %LOCKSTEP_AV_SOURCE_SENDER_REPORT or %LOCKSTEP_AV_SOURCE_CAPTURE_TIME
 * @timestamp: the RTP timestamp that it is about
 * @ntp: the sender's time of that media, UQ32.32 seconds
 * @has_capture_offset: the extension had its second half
 * @capture_offset: the sender's clock less the capturer's, ns
 */
void
lockstep_av_stream_report (LockstepAvSync * sync, LockstepAvStream * s,
    LockstepAvSource source, gint64 timestamp, guint64 ntp,
    gboolean has_capture_offset, gint64 capture_offset)
{
  Claims *claims = &s->claims[source == LOCKSTEP_AV_SOURCE_CAPTURE_TIME
      ? CLAIMS_CAPTURE : CLAIMS_REPORT];

  if (!sync->has_ntp_base) {
    sync->ntp_base = ntp;
    sync->has_ntp_base = TRUE;
  }
  if (s->state == STATE_EMPTY) {
    claims->pending = TRUE;
    claims->timestamp = timestamp;
    claims->ntp = ntp;
    claims->has_capture_offset = has_capture_offset;
    claims->capture_offset = capture_offset;
    return;
  }
  take_claim (sync, s, claims, timestamp, ntp, has_capture_offset,
      capture_offset);
}

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
    reset_pairing (sync, s);
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
    Claims *claims = &s->claims[best_first[i].claims];
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
  LockstepAvStream *reference = find_reference (sync, NULL);
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
  Stamp *h = s->history;
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
    memmove (h, h + 1, (i - 1) * sizeof (Stamp));
    i--;
  } else {
    memmove (h + i + 1, h + i, (n - i) * sizeof (Stamp));
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
  gint64 media = media_time (s, extend (s, timestamp));
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
  const LockstepAvStream *reference = find_reference (sync, NULL);

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
