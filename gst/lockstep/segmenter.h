/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Merges an audio and a video stream, and cuts them into MPEG-TS segments. */
#pragma once

#include <gst/gst.h>
#include <gst/lockstep/audioframe.h>
#include <gst/lockstep/segmentplan.h>
#include <gst/lockstep/tswriter.h>

G_BEGIN_DECLS

typedef enum
{
  LOCKSTEP_TRACK_VIDEO,
  LOCKSTEP_TRACK_AUDIO,
} LockstepTrackKind;
#define LOCKSTEP_N_TRACKS 2

/* A finished segment. */
typedef struct
{
  GPtrArray *chunks;            /* LockstepTsChunk */
  guint64 bytes;
  guint pictures;
  gint64 interval;              /* its place on the grid: with epoch, its sequence */
  gint64 start, duration;       /* ns, of the timeline that was pushed */
  gint64 offset;                /* what was pushed with the first buffer, ns */
  gint64 grid_error;            /* of its start, late is > 0, ns */
  gint64 start_skew;            /* audio start - video start, ns; 0: one track */
  gint64 request_delay;         /* last measured answer to a request, or NO_TIME */
  gboolean discontinuity;
} LockstepSegment;

void lockstep_segment_free (LockstepSegment *segment);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (LockstepSegment, lockstep_segment_free)

typedef struct
{
  gint64 target;                /* ns */
  guint target_duration;        /* s; 0: chosen when the first segment is there */
  gboolean epoch;
} LockstepSegmenterConfig;

typedef struct
{
  /* transfer full */
  void (*segment) (gpointer user, LockstepSegment *segment);
  void (*request) (gpointer user, const LockstepKeyRequest *request);
  /* The next three are of segmenters that cut alike; each may be NULL.
   * What the others are to be told, as the picture comes in */
  void (*verdict) (gpointer user, const LockstepVerdict *verdict);
  /* The anchor of all of them; @start, where there is none yet */
  gint64 (*anchor) (gpointer user, gint64 start);
  /* Whether any of them has a discontinuity at @start; @mine: this one has */
  gboolean (*discontinuity) (gpointer user, gint64 start, gboolean mine);
} LockstepSegmenterCallbacks;

typedef struct
{
  guint64 segments, discontinuities;
  guint64 late;                 /* buffers behind what was written */
  guint64 undecodable;          /* pictures dropped for want of a key frame */
  guint64 overlap;              /* audio frames dropped: their time was taken */
  guint64 broken;               /* buffers that could not be read */
  guint64 late_cuts;            /* segments ended without a key frame */
  guint64 lost_parts;           /* of intervals that would have had two segments */
  guint64 silent;               /* frames put before sound that began late */
  guint64 requests, obeyed;     /* key frames */
} LockstepSegmenterStats;

typedef struct _LockstepSegmenter LockstepSegmenter;

LockstepSegmenter *lockstep_segmenter_new (const LockstepSegmenterConfig *config,
    const LockstepSegmenterCallbacks *callbacks, gpointer user);
void lockstep_segmenter_free (LockstepSegmenter *s);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (LockstepSegmenter, lockstep_segmenter_free)

/* A track that was added is waited for, until lockstep_segmenter_give_up_on(). */
void lockstep_segmenter_add_track (LockstepSegmenter *s, LockstepTrackKind kind);

/**
 * lockstep_segmenter_set_video:
 * @avcc: (nullable): an AVCDecoderConfigurationRecord; NULL for a byte stream
 */
gboolean lockstep_segmenter_set_video (LockstepSegmenter *s, const guint8 *avcc,
    gsize size);

/**
 * lockstep_segmenter_set_audio:
 * @format: (nullable): the format of raw AAC; other formats are read from the frames
 */
void lockstep_segmenter_set_audio (LockstepSegmenter *s, LockstepAudioCodec codec,
    const LockstepAudioFormat *format);

/**
 * lockstep_segmenter_push:
 * @buffer: (transfer full): one access unit, or whole audio frames
 * @pts: nanoseconds, LOCKSTEP_NO_TIME: right after the one before
 * @dts: likewise, LOCKSTEP_NO_TIME: as @pts
 * @duration: 0 for unknown
 * @offset: what to add to @pts for Unix time
 *
 * Cuts and hands out what is complete. Never waits.
 */
void lockstep_segmenter_push (LockstepSegmenter *s, LockstepTrackKind kind,
    GstBuffer *buffer, gint64 pts, gint64 dts, gint64 duration, gint64 offset);

/* From now on pictures are cut as lockstep_segmenter_tell() says. */
void lockstep_segmenter_follow (LockstepSegmenter *s);

/**
 * lockstep_segmenter_tell:
 *
 * For a segmenter that follows: asks for a key frame at the verdict's picture, and
 * does there what the one that leads does. To be told before that picture is pushed.
 */
void lockstep_segmenter_tell (LockstepSegmenter *s, const LockstepVerdict *verdict);

/* There will be nothing on this track before @until. */
void lockstep_segmenter_gap (LockstepSegmenter *s, LockstepTrackKind kind,
    gint64 until);

/* The next buffer of this track is on a new timeline. */
void lockstep_segmenter_discont (LockstepSegmenter *s, LockstepTrackKind kind);

/* What is known of how long a picture was on its way when it is pushed, in ns: what is
 * asked of its sender applies from there. Where it was @measured, no answer comes
 * sooner; else what answers show is believed. */
void lockstep_segmenter_set_path_latency (LockstepSegmenter *s, gint64 latency,
    gboolean measured);

/* A key frame was asked for so many ns before the first picture, which is pushed next. */
void lockstep_segmenter_asked (LockstepSegmenter *s, gint64 ago);

/* No encoder is near: key frames are asked for when they are wanted, early by what the
 * answers take. */
void lockstep_segmenter_set_far (LockstepSegmenter *s);

/* How much media an encoder holds between its input and its first output, in ns: what
 * lies in it can no longer be asked for. */
void lockstep_segmenter_set_held (LockstepSegmenter *s, gint64 held);

/* Media time that this track is ahead of what could be written, in ns. */
gint64 lockstep_segmenter_ahead (const LockstepSegmenter *s, LockstepTrackKind kind);

/* Goes on without the other track, until it shows up again. */
void lockstep_segmenter_give_up_on (LockstepSegmenter *s, LockstepTrackKind kind);

/* No more of this track; when all are at their end, the last segment comes out. */
void lockstep_segmenter_eos (LockstepSegmenter *s, LockstepTrackKind kind);
gboolean lockstep_segmenter_is_eos (const LockstepSegmenter *s);

/* Hands out all there is, as if every track were at its end. */
void lockstep_segmenter_finish (LockstepSegmenter *s);

/* The EXT-X-TARGETDURATION in seconds; constant once a segment was handed out. */
guint lockstep_segmenter_target_duration (const LockstepSegmenter *s);
void lockstep_segmenter_stats (const LockstepSegmenter *s,
    LockstepSegmenterStats *stats);

G_END_DECLS
