/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Where HLS segments are cut, and when key frames are asked for. */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

#define LOCKSTEP_NO_TIME G_MININT64
#define LOCKSTEP_PLAN_MAX_ASKS 8
#define LOCKSTEP_PLAN_MAX_AWAITED 16

/* What asking for key frames has shown so far. */
typedef enum
{
  LOCKSTEP_KEY_UNKNOWN,         /* nothing yet: asked ahead, and again in time */
  LOCKSTEP_KEY_AHEAD,           /* an encoder: it keeps to the time asked for */
  LOCKSTEP_KEY_ON_REQUEST,      /* a far sender: an answer comes after its delay */
} LockstepKeyMode;

typedef enum
{
  LOCKSTEP_CUT_NONE,
  LOCKSTEP_CUT_GRID,            /* at this key frame; audio at the grid */
  LOCKSTEP_CUT_KEY,             /* at this key frame; audio at the key frame */
  LOCKSTEP_CUT_LATE,            /* no key frame came: the segment must end here */
} LockstepCut;

/* A request that was sent, and not answered yet. */
typedef struct
{
  gint64 at;                    /* media time that had come in then */
  gint64 k;                     /* the boundary it was sent for, or G_MININT64 */
  gboolean soon;                /* so soon after a key frame that it may wait */
  gboolean again;               /* for want of an answer to those before */
} LockstepAsk;

/* Boundary k lies at anchor + k * target. All times are nanoseconds on one
 * timeline, which the caller chooses.
 *
 * Audio is cut between the two frames nearest to the boundary, so the error is
 * at most half a frame at every k and never adds up. Video is cut at key
 * frames: where one lies within half a picture of the boundary, audio is still
 * cut at the boundary; otherwise audio follows the key frame, and the next
 * boundary is again one of the grid. */
typedef struct
{
  gint64 target;                /* segment duration, > 0 */
  gint64 limit;                 /* longest segment; 0: none yet */
  gint64 path_latency;          /* how old a picture is thought to be when it comes
                                 * here: used until an answer was measured */
  gboolean path_measured;       /* it is no less, so no answer comes sooner */
  gboolean far;                 /* no encoder is near: mode is ON_REQUEST and stays */
  gint64 held;                  /* media that the sender has in hand, not asked of */
  gint64 frame;                 /* duration of an audio frame; 0: unknown */
  gboolean epoch;               /* anchor is 0, and each interval has one segment */

  gint64 fixed_anchor;          /* anchor from the first segment on, or NO_TIME: the
                                 * start of that */
  gboolean running;
  gint64 anchor;
  gint64 start;                 /* of the current segment */
  gint64 next;                  /* k of the boundary that ends it */
  gint64 picture;               /* duration of a picture, smoothed */
  gint64 last_dts, last_key;    /* of video, LOCKSTEP_NO_TIME: none */
  gint64 gop;                   /* distance of the last two key frames, 0: unknown */
  guint regular;                /* how often in a row it was the same */

  LockstepKeyMode mode;
  gint64 position;              /* furthest media time that came in */
  gint64 lead;                  /* ON_REQUEST: what an answer takes, path and all */
  guint answers;                /* how many it was measured from */
  gint64 delays[3];             /* of the last ones: their median is believed */
  gint64 asked_to;              /* highest k asked for ahead */
  LockstepAsk asks[LOCKSTEP_PLAN_MAX_AWAITED];  /* oldest first */
  guint n_asks;
  gint64 asked_before;          /* a request was sent so long before the first picture
                                 * came, or NO_TIME */
  gboolean all_asks_known;      /* that one too: they are kept at a distance */
  gint64 last_ask;              /* media time that had come in when the last one was sent,
                                 * or NO_TIME */
  gboolean urgent;              /* a key frame is wanted at once */
  guint unanswered;             /* requests in a row */
  guint ahead_hits, ahead_misses, late;
  guint strays;                 /* UNKNOWN: answers in a row that missed the boundary */
  gint64 answer_delay;          /* the last measured answer time, NO_TIME: none */

  guint64 requests, obeyed;     /* counters */
} LockstepSegmentPlan;

/* A request for a key frame. */
typedef struct
{
  gint64 time;                  /* the first picture at or after this is to be it */
  gboolean again;               /* the one before was not answered */
} LockstepKeyRequest;

/**
 * lockstep_segment_plan_init:
 * @target: segment duration in nanoseconds, at least 1 ms
 * @epoch: boundaries are multiples of @target, and the timeline is Unix time
 */
void lockstep_segment_plan_init (LockstepSegmentPlan *plan, gint64 target,
    gboolean epoch);

/**
 * lockstep_segment_plan_target_duration:
 *
 * The EXT-X-TARGETDURATION, in seconds, that segments of @target fit under when
 * a key frame comes a quarter of a second late. EXTINF rounded to the nearest
 * integer may not be above it (draft-pantos-hls-rfc8216bis-22, 4.4.3.1).
 */
guint lockstep_segment_plan_target_duration (gint64 target);

/**
 * lockstep_segment_plan_choose_duration:
 * @first: what the first segment lasted
 *
 * The EXT-X-TARGETDURATION of the list, which may not change from then on. A sender that
 * answers nothing sets it by the distance of its key frames.
 */
guint lockstep_segment_plan_choose_duration (const LockstepSegmentPlan *plan,
    gint64 first);

/* The longest segment under a given EXT-X-TARGETDURATION, in ns. */
gint64 lockstep_segment_plan_limit (guint target_duration);

/* Says how old pictures are when they come, and whether that was measured. Where it turns
 * out to be less than was thought, what was asked before was asked that much later. */
void lockstep_segment_plan_set_path (LockstepSegmentPlan *plan, gint64 latency,
    gboolean measured);

/* Says that a key frame was asked for @ago before the first picture, which comes now: what
 * answers it tells how long an answer takes, and the next request must keep its distance. */
void lockstep_segment_plan_asked (LockstepSegmentPlan *plan, gint64 ago);

/* Says that no encoder is near that could be asked ahead of time. */
void lockstep_segment_plan_set_far (LockstepSegmentPlan *plan);

/* Forgets anchor and positions, after a timestamp jump; what was learnt about
 * the sender stays. */
void lockstep_segment_plan_restart (LockstepSegmentPlan *plan);

/**
 * lockstep_segment_plan_begin:
 *
 * Says that a segment begins at @start: sets the anchor if there is none, and
 * chooses the boundary that ends it. A boundary less than a quarter of a segment
 * (at most 250 ms) away is passed over.
 */
void lockstep_segment_plan_begin (LockstepSegmentPlan *plan, gint64 start);

/* The time of boundary @k. */
gint64 lockstep_segment_plan_boundary (const LockstepSegmentPlan *plan, gint64 k);

/* The interval that a segment which begins at @start belongs to: with epoch, its
 * media sequence number. */
gint64 lockstep_segment_plan_interval (const LockstepSegmentPlan *plan, gint64 start);

/* The distance of @time from the boundary nearest to it; signed, late is > 0. */
gint64 lockstep_segment_plan_error (const LockstepSegmentPlan *plan, gint64 time);

/**
 * lockstep_segment_plan_audio:
 *
 * For streams cut by audio alone: whether the boundary nearest to the planned one
 * is the start of this frame, which is @start.
 */
gboolean lockstep_segment_plan_audio (const LockstepSegmentPlan *plan,
    gint64 start, gint64 duration);

/**
 * lockstep_segment_plan_video:
 * @force: a key frame is to be cut at wherever it is (the format changed)
 *
 * Takes the pictures in the order they arrive, all of them. A cut that is returned
 * has been begun already.
 */
LockstepCut lockstep_segment_plan_video (LockstepSegmentPlan *plan, gint64 pts,
    gint64 dts, gboolean key, gboolean force);

/* What a segmenter that leads others made of one key frame, or of a picture that it
 * had to cut at without one. */
typedef struct
{
  gint64 pts;                   /* of that picture */
  LockstepCut cut;
  gint64 split;                 /* where audio is cut */
  gboolean change;              /* of the format: a discontinuity */
  gint64 anchor, start, next;   /* of its plan, from then on */
} LockstepVerdict;

/**
 * lockstep_segment_plan_follow:
 * @told: (element-type LockstepVerdict): in the order they were made; what is
 *   done with is freed
 * @split: set where there is a cut
 * @change: set to TRUE where the format of what leads changed
 *
 * Takes the pictures of a stream that follows another, in place of
 * lockstep_segment_plan_video(): its key frames were asked for at the pictures that
 * the verdicts are of, and what was cut there is cut here.
 */
LockstepCut lockstep_segment_plan_follow (LockstepSegmentPlan *plan, GQueue *told,
    gint64 pts, gint64 dts, gboolean key, gint64 *split, gboolean *change);

/**
 * lockstep_segment_plan_requests:
 * @position: media time of what just arrived
 *
 * Returns: how many requests are to be sent now, at most LOCKSTEP_PLAN_MAX_ASKS
 */
guint lockstep_segment_plan_requests (LockstepSegmentPlan *plan, gint64 position,
    LockstepKeyRequest requests[LOCKSTEP_PLAN_MAX_ASKS]);

G_END_DECLS
