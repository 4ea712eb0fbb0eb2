/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Which frames are better not encoded. */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* Zero is a good beginning. */
typedef struct
{
  gdouble ahead;                /* bits encoded beyond what the rate allowed */
  gint64 at;                    /* when that was, ns */
  gint64 wait;                  /* how long a packet would wait to be sent, ns ... */
  gint64 wait_at;               /* ... as it was then */
  guint64 n_left_out;
} LockstepFrameBudget;

/**
 * lockstep_frame_budget_encoded:
 * @bytes: of a frame that the encoder gave
 * @rate: what it is to give, bit/s, above 0
 * @now: ns
 */
void lockstep_frame_budget_encoded (LockstepFrameBudget * budget, gsize bytes,
    guint64 rate, gint64 now);

/**
 * lockstep_frame_budget_waiting:
 * @wait: how long what waits to be sent needs, ns
 */
void lockstep_frame_budget_waiting (LockstepFrameBudget * budget, gint64 wait,
    gint64 now);

/**
 * lockstep_frame_budget_pass:
 *
 * Returns: whether a frame that the source gives now is encoded. Not where much waits
 * already, and not where the encoder is far ahead: when a source that stood still gives
 * in one moment the frames of half a second, or where the encoder cannot make them as
 * small as it should.
 */
gboolean lockstep_frame_budget_pass (LockstepFrameBudget * budget,
    guint64 rate, gint64 now);

/* Frames that come too late to the encoder, as they do where a machine is short of
 * processors: a source that does not leave any out itself, such as a test picture, would
 * fall behind more and more. Zero is a good beginning. */
typedef struct
{
  gint64 base[2];               /* least delay of this span and of the last, ns */
  gint64 base_since;            /* 0: not yet */
  guint64 base_left_out;        /* n_left_out then */
  gint64 late_since;            /* 0: the last frame was in time */
  gint64 last_left_out;         /* when; 0: never */
  gint64 dropping_since;        /* 0: the last frame passed */
  gint64 dropping_from;         /* the delay then */
  gint64 passed_at;             /* the last frame that was encoded */
  gint64 passed_delay;          /* of the last late one that was, while it catches up; 0: none */
  guint64 n_frames, n_late, n_left_out;
} LockstepLateFrames;

/**
 * lockstep_late_frames_pass:
 * @delay: from the frame's time to @now, ns; may be anything that stays
 * @now: ns of a steady clock, above 0
 *
 * Returns: whether a frame is encoded. Not where it is later than those that came in time
 * by 100 ms, once that has been so for 3 s; to catch up may take as long again, and meanwhile
 * a few are encoded, so that the picture does not stand still. Frames that are late and get
 * no earlier by leaving some out are from a source whose time has changed, and are taken as
 * they are.
 */
gboolean lockstep_late_frames_pass (LockstepLateFrames * late, gint64 delay,
    gint64 now);

/**
 * lockstep_late_frames_skip:
 * @delay: from the time of a frame that its source made just now to now, ns
 * @frame: what a frame lasts, ns; 0: not known
 *
 * A source that makes each frame of its time, one after the other, as a test picture's does,
 * falls behind for good where it is too slow, whatever is left out after it. Frames that
 * it is not to make count as late.
 *
 * Returns: by how much later the frames that it makes from now on are to be, ns: whole
 * frames; 0 where it is in time
 */
gint64 lockstep_late_frames_skip (LockstepLateFrames * late, gint64 delay,
    gint64 frame);

G_END_DECLS
