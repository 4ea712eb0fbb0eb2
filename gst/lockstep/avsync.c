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
#include "avsync-private.h"

#include <string.h>

/* A jump of the media clock that no network makes: the sender began anew.
 * Networks that deliver late are told apart by where the transit falls to. */
#define RESTART_JUMP (2 * SECOND)

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

void
lockstep_av_reset_pairing (LockstepAvSync * sync, LockstepAvStream * s)
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
  lockstep_av_reset_pairing (sync, s);
  s->n_history = 0;
  for (guint i = 0; i < sync->streams->len; i++) {
    LockstepAvStream *other = g_ptr_array_index (sync->streams, i);

    if (other->reference == s)
      lockstep_av_reset_pairing (sync, other);
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

gint64
lockstep_av_media_time (const LockstepAvStream * s, gint64 timestamp)
{
  return media_time (s, extend (s, timestamp));
}

LockstepAvStream *
lockstep_av_find_reference (const LockstepAvSync * sync,
    const LockstepAvStream * except)
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
  LockstepAvStream *reference = lockstep_av_find_reference (sync, s);
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
take_claim (LockstepAvSync * sync, LockstepAvStream * s,
    LockstepAvClaims * claims, gint64 timestamp, guint64 ntp,
    gboolean has_capture_offset, gint64 capture_offset)
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
    LockstepAvClaims *claims = &s->claims[i];

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
  LockstepAvClaims *claims =
      &s->claims[source ==
      LOCKSTEP_AV_SOURCE_CAPTURE_TIME ? CLAIMS_CAPTURE : CLAIMS_REPORT];

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
