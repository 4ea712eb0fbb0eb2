/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Feeds a segmenter for the tests, and reads what it makes. */
#ifndef SEGMENTER_FEED_H
#define SEGMENTER_FEED_H

#include <gst/lockstep/segmenter.h>

#define MS G_GINT64_CONSTANT (1000000)
#define SECOND (1000 * MS)
#define SPS_SIZE 9
#define PPS_SIZE 8

extern const guint8 sps[SPS_SIZE], pps[PPS_SIZE];

typedef struct
{
  guint segments, discontinuities;
  gint64 start, end;            /* of the last segment */
  gint64 worst_error, worst_skew, longest, shortest;
  gint64 first_start;
  guint64 audio_bytes, bytes;
  guint no_idr;                 /* segments with video that begins otherwise */
  guint no_video;
  guint off_start;              /* segments where neither track begins at their start */

  /* across segments */
  int cc[8192];
  gint64 next_audio;            /* samples, by the count of frames; -1: unknown */
  guint64 audio_frames, pictures;
  guint audio_steps;            /* pts that do not follow */
  guint cc_errors, pcr_late, structure;
  gint64 last_pcr, worst_pcr_gap;
  gint64 last_dts, before_dts;  /* of pictures; the one before that */
  guint in_segment;             /* pictures of this segment so far */
  gint64 worst_overlap;         /* a last picture's distance from the one before, less that to
                                 * the next segment's first, in ticks */
  gint64 worst_hole;            /* the other way round */
  gboolean joined;              /* timestamps go on from the segment before */
} Reader;

typedef struct
{
  LockstepSegmenter *s;
  Reader reader;
  guint rate, samples;          /* of the audio */
  gboolean epoch;
  GArray *asked;                /* gint64 */
  GPtrArray *kept;              /* GBytes: whole segments, where wanted */
  GArray *starts;
  gboolean intervals;           /* no two segments may be of one */
  gint64 interval;              /* of the last segment */
} Test;

typedef struct
{
  guint64 pictures, frames;
  gint64 offset;                /* added to all times */
  gint64 picture_ns;            /* period */
  gint64 no_video_from, no_video_to, no_audio_from, no_audio_to;
} Feed;

void test_begin (Test *t, gint64 target, gboolean epoch, guint rate,
    guint samples);
void test_end (Test *t);
/* A picture of @size bytes and more; a key frame has @sps_bytes and a PPS before it. */
GstBuffer *picture_with (gboolean key, gsize size, const guint8 *sps_bytes);
GstBuffer *picture (gboolean key, gsize size);
GstBuffer *audio_frame (Test *t, guint64 index);
void set_audio (Test *t);
void set_video (Test *t);
/* Whether a key frame was asked for by @pts. */
gboolean wanted (Test *t, gint64 pts);
void feed (Test *t, Feed *f, gboolean video, gboolean audio, gint64 until);
void assert_clean (Test *t);

#endif
