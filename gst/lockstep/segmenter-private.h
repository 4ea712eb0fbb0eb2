/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The segmenter's inside, shared by its two files: segmenter-input.c takes what comes
 * in, gives it times and asks for key frames; segmenter.c merges and cuts. */
#pragma once

#include <gst/lockstep/segmenter.h>

G_BEGIN_DECLS

#define MS G_GINT64_CONSTANT (1000000)
#define SECOND (1000 * MS)

typedef struct
{
  GstBuffer *buffer;
  GByteArray *headers;          /* parameter sets to put before, or NULL */
  gint64 pts, dts, duration, offset;
  gint64 split;                 /* where audio is cut */
  LockstepCut cut;
  gboolean key, change;
  gboolean rest;                /* of the picture before */
  guint nal_length_size;
  gsize skip;                   /* its own delimiter */
  guint generation;
  LockstepAudioFormat format;
} LockstepItem;

typedef struct
{
  gboolean active, eos, stalled;
  gboolean await_key;           /* of video: nothing can be decoded before one */
  gboolean seen;
  GQueue queue;                 /* LockstepItem */
  gsize bytes;
  gint64 known_until;           /* nothing more will come before this */
  gint64 last_pts;              /* of video: as it came, of the last that came */
  gint64 last;                  /* dts (video), end (audio) of the last that came */
  guint generation;
  gint64 base;                  /* audio: time of sample 0 of the count */
  guint64 samples;
} LockstepTrack;

struct _LockstepSegmenter
{
  LockstepSegmenterConfig config;
  LockstepSegmenterCallbacks callbacks;
  gpointer user;

  LockstepTrack tracks[LOCKSTEP_N_TRACKS];
  LockstepH264 h264;
  guint sps_seen;               /* the generation of the last key frame */
  gboolean have_video, have_audio;      /* formats are known */
  LockstepAudioCodec codec;
  LockstepAudioFormat raw_format;
  LockstepAudioFormat in_format;        /* of the last frame that came */
  gint64 frame;                 /* ns of an audio frame */
  gboolean force;               /* cut at any key frame */

  LockstepSegmentPlan plan;
  gboolean follow;
  GQueue told;                  /* LockstepVerdict, in their order */
  guint plan_generation;
  guint target_duration;        /* 0: not known yet */

  LockstepTsWriter ts;
  guint generation;
  gboolean in_segment, any;     /* any: a segment was begun before */
  gboolean discontinuity;       /* the next segment has one */
  gint64 audio_from;            /* audio goes into this segment from here on */
  gboolean layout_video, layout_audio;
  LockstepAudioFormat out_format;
  gint64 media_end;
  gint64 last_picture;          /* decoding time of the last that was written */
  gboolean told_any;            /* a segment was handed out, that of ... */
  gint64 told_interval;
  gint64 start, offset, grid_error, skew, interval;
  gboolean start_discontinuity, have_skew, wrote_video;
  gboolean at_audio;            /* this segment was begun for want of a picture */
  guint pictures;               /* of this segment */
  GArray *spans;

  LockstepSegmenterStats stats;
};

void lockstep_item_free (LockstepItem *item);

/* A file does not say how long its last picture lasts. Players take the distance from the
 * one before, in decoding times. Where that is longer than the picture lasts, hls.js 1.7
 * makes the next segment late by the difference, and a hole in MP3 sound of that. Where it
 * is shorter, its buffer ends before the segment does: when it changes the rendition then,
 * it loads the segment once more, and reports that nothing came of it. So the two are made
 * the same, for which the decoding times of the last pictures move, not when they are shown.
 *
 * Pictures that may be among these last ones wait for what comes after them: */
#define LOCKSTEP_LAST_PICTURES 4
#define LOCKSTEP_LAST_SPAN (250 * MS)

/* When a segment's last picture is decoded at the latest: half of the way from the one
 * before, @before, to the next segment's first, @next. */
static inline gint64
lockstep_segmenter_last_dts (gint64 before, gint64 next)
{
  return before + (next - before) / 2;
}

/* Writes what can be written of what is queued. */
void lockstep_segmenter_run (LockstepSegmenter *s);

G_END_DECLS
