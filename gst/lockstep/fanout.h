/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* One encode for many viewers: few key frames for all who ask, and no viewer whose
 * queue grows. Times are in ns of one clock that never goes back. */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* Requests for key frames, of all viewers, on their way to one encoder. */
typedef struct
{
  guint64 min_interval;         /* between two requests, and after a key frame */
  guint64 retry;                /* an encoder that does not answer is asked again */
  guint64 sent_at, key_at;
  gboolean sent, had_key, wanted;
  guint64 n_asked, n_sent, n_keys;      /* since the start */
} LockstepKeyRequests;

void lockstep_key_requests_init (LockstepKeyRequests *requests,
    guint64 min_interval, guint64 retry);
/* A viewer needs a key frame. */
void lockstep_key_requests_ask (LockstepKeyRequests *requests);
/* A key frame came out of the encoder: who asked before has what it wanted. */
void lockstep_key_requests_key_frame (LockstepKeyRequests *requests,
    guint64 now);
/**
 * lockstep_key_requests_poll:
 *
 * To be called after each ask and at each frame: what comes too early after the last key
 * frame is put off to a later frame.
 *
 * Returns: whether to ask the encoder now
 */
gboolean lockstep_key_requests_poll (LockstepKeyRequests *requests,
    guint64 now);

/* The requests of one viewer. One whose path carries less than what is encoded, or loses
 * much of it, asks again and again, and each key frame makes the picture of all the others
 * worse: it has to wait longer and longer. Zero is a good beginning. */
typedef struct
{
  guint level;                  /* how often it asked, less what it was calm since */
  guint64 key_at, granted_at;
  gboolean had_key, granted;    /* the two above are set */
  gboolean wanted;              /* a request waits */
} LockstepKeyBackoff;

/**
 * lockstep_key_backoff_ask:
 *
 * The viewer needs a key frame. The first is granted at once. What is asked for too soon is
 * put off, and needless when a key frame comes that somebody else asked for: viewers on bad
 * lines, however many, come to share the same few.
 *
 * Returns: whether to pass the request on now
 */
gboolean lockstep_key_backoff_ask (LockstepKeyBackoff *backoff, guint64 now);
/* To be called now and then: whether to pass on a request that was put off. */
gboolean lockstep_key_backoff_poll (LockstepKeyBackoff *backoff, guint64 now);
/* A key frame goes to the viewer, whoever asked for it. */
void lockstep_key_backoff_key_frame (LockstepKeyBackoff *backoff, guint64 now);

/* Lets frames through to one viewer. */
typedef struct
{
  guint64 limit;                /* most that may wait in the viewer's queue, in ns of media */
  gboolean flowing;             /* FALSE: waits for a key frame */
  guint64 n_passed, n_dropped;
  guint64 n_skips;              /* times that the queue was too long */
} LockstepFrameGate;

void lockstep_frame_gate_init (LockstepFrameGate *gate, guint64 limit);
/**
 * lockstep_frame_gate_pass:
 * @key: whether the frame can be decoded by itself
 * @queued: ns of media that wait in the queue
 * @want_key: (out): whether a key frame should be asked for
 *
 * Frames are dropped from the one that finds the queue too long up to the next key
 * frame that finds it half empty: a decoder cannot use what lies between.
 *
 * Returns: whether the frame goes into the queue
 */
gboolean lockstep_frame_gate_pass (LockstepFrameGate *gate, gboolean key,
    guint64 queued, gboolean *want_key);

G_END_DECLS
