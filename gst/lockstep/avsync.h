/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The streams of one sender on one timeline: offset estimates, choice of source,
 * start gate, and the map from media time to timestamps. */
#pragma once

#include <glib.h>
#include <gst/lockstep/reports.h>
#include <gst/lockstep/slew.h>
#include <gst/lockstep/transit.h>

G_BEGIN_DECLS

typedef enum
{
  LOCKSTEP_AV_AUDIO,
  LOCKSTEP_AV_VIDEO,
} LockstepAvMedia;

/* From none to the best. */
typedef enum
{
  LOCKSTEP_AV_SOURCE_NONE,
  LOCKSTEP_AV_SOURCE_ARRIVAL,
  LOCKSTEP_AV_SOURCE_SENDER_REPORT,
  LOCKSTEP_AV_SOURCE_CAPTURE_TIME,
} LockstepAvSource;

/**
 * LockstepAvConfig:
 * @max_slew: ns of correction in a second
 * @dead_band: ns of error that is left alone
 * @start_gate: ns for which a stream's first packets are held to be compared
 * @video_offset: ns; what arrivals cannot show of the difference between the
 *   sender's encoders (positive: video is shown later). Reports replace it.
 * @best_source: sources that are better than this are not used
 */
typedef struct
{
  gint64 max_slew;
  gint64 dead_band;
  gint64 start_gate;
  gint64 video_offset;
  LockstepAvSource best_source;
} LockstepAvConfig;

const char *lockstep_av_source_name (LockstepAvSource source);

/**
 * LockstepAvVerdict:
 * @LOCKSTEP_AV_KEEP: the unit belongs to the stream. Units that were held are
 *   strays: drop them
 * @LOCKSTEP_AV_HOLD: it may be the start of a new timeline: hold it
 * @LOCKSTEP_AV_HOLD_FIRST: the same, and the units held before are strays
 * @LOCKSTEP_AV_RESTART: the sender has begun anew. This unit and those held are
 *   the first of the new timeline; the stream's gate is closed again
 */
typedef enum
{
  LOCKSTEP_AV_KEEP,
  LOCKSTEP_AV_HOLD,
  LOCKSTEP_AV_HOLD_FIRST,
  LOCKSTEP_AV_RESTART,
} LockstepAvVerdict;

/* At most this many units are on hold. */
#define LOCKSTEP_AV_HELD 2

typedef struct _LockstepAvSync LockstepAvSync;
typedef struct _LockstepAvStream LockstepAvStream;

/**
 * LockstepAvStats:
 * @source: where the offset comes from
 * @reports: what is thought of the sender reports
 * @captures: the same, of the capture times
 * @estimated: offset of this stream against the reference that is aimed at, ns
 * @applied: the offset that is applied, ns
 * @arrival: the offset that the arrivals show, ns
 * @rate: how fast @applied moves, ns in a second
 * @uncertainty: ns either side of @estimated; a measure, not a bound
 * @clock_drift: of the media clock against this machine's, parts per million:
 *   positive, the media clock is slow
 * @drift: of the offset against the reference, parts per million
 * @steps: corrections that were not slewed
 * @restarts: new timelines that the sender began
 * @strays: units that belonged to no timeline
 * @report_jumps: reports that contradicted trusted ones
 * @is_reference: the others are placed on this stream's timeline
 */
typedef struct
{
  LockstepAvSource source;
  LockstepBelief reports, captures;
  gint64 estimated, applied, arrival, rate, uncertainty;
  gdouble clock_drift, drift;
  guint64 steps, restarts, strays, report_jumps;
  gboolean is_reference;
} LockstepAvStats;

LockstepAvSync *lockstep_av_sync_new (const LockstepAvConfig * config);
void lockstep_av_sync_free (LockstepAvSync * sync);
void lockstep_av_sync_set_config (LockstepAvSync * sync,
    const LockstepAvConfig * config);
gboolean lockstep_av_sync_poll (LockstepAvSync * sync, gint64 now);
gint64 lockstep_av_sync_deadline (const LockstepAvSync * sync);
gint64 lockstep_av_sync_headroom (const LockstepAvSync * sync);

LockstepAvStream *lockstep_av_sync_add (LockstepAvSync * sync,
    LockstepAvMedia media, guint32 rate);
void lockstep_av_sync_remove (LockstepAvSync * sync, LockstepAvStream * stream);

LockstepAvVerdict lockstep_av_stream_observe (LockstepAvSync * sync,
    LockstepAvStream * stream, gint64 timestamp, guint32 ssrc, gint64 arrival,
    gint64 now);
gboolean lockstep_av_stream_is_open (const LockstepAvStream * stream);
void lockstep_av_stream_open (LockstepAvSync * sync, LockstepAvStream * stream,
    gint64 now);
gboolean lockstep_av_stream_stamp (LockstepAvSync * sync,
    LockstepAvStream * stream, gint64 timestamp, gint64 now, gint64 * pts);
void lockstep_av_stream_report (LockstepAvSync * sync,
    LockstepAvStream * stream, LockstepAvSource source, gint64 timestamp,
    guint64 ntp, gboolean has_capture_offset, gint64 capture_offset);
void lockstep_av_stream_stats (const LockstepAvSync * sync,
    const LockstepAvStream * stream, LockstepAvStats * stats);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (LockstepAvSync, lockstep_av_sync_free);

G_END_DECLS
