/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* When packets are protected beforehand (FEC) and not only sent again (RTX), and how
 * many of them. */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* What is lost lately: counts that fade. Zero is a good beginning. */
typedef struct
{
  gdouble packets, lost, runs;
  gint64 last;                  /* ns */
} LockstepLossMeter;

/**
 * lockstep_loss_meter_add:
 * @packets: that feedback tells of
 * @lost: how many of them were lost
 * @runs: in how many rows of packets that follow one another
 * @now: ns
 *
 * After 4 s a count has faded to 37 %.
 */
void lockstep_loss_meter_add (LockstepLossMeter *meter, guint packets,
    guint lost, guint runs, gint64 now);
/* 0 to 1; 0 while too few packets are known of. */
gdouble lockstep_loss_meter_loss (const LockstepLossMeter *meter);
/* Mean number of packets lost in a row, 1 or more. */
gdouble lockstep_loss_meter_burst (const LockstepLossMeter *meter);

/**
 * LockstepFecPath:
 * @loss: share of the packets that is lost, smoothed, 0 to 1
 * @burst: mean number of packets lost in a row; 1 or less: they are lost singly, or it
 *   is not known
 * @rtt: round trip, ns; 0: not known
 * @wait: how long the receiver waits for a packet without its viewer noticing, ns
 * @rtx_in_time: share of the retransmissions that came at the first try, 0 to 1; below
 *   0: not known
 * @queued: the path's queue is long
 * @target: what may be sent, all together, bit/s
 * @media: what the media take of it, bit/s
 */
typedef struct
{
  gdouble loss, burst;
  gint64 rtt, wait;
  gdouble rtx_in_time;
  gboolean queued;
  guint64 target, media;
} LockstepFecPath;

/**
 * LockstepFecLevel:
 * @delta: FEC packets per 100 packets of a frame, 0: none
 * @key: the same for a key frame
 * @wanted: what @delta is to become once the media leave room for it
 */
typedef struct
{
  guint delta, key, wanted;
} LockstepFecLevel;

/* Zero is a good beginning. */
typedef struct
{
  gboolean lossy, far;          /* with hysteresis */
  gint64 needed;                /* when FEC was last needed, ns */
  guint wanted;                 /* percent */
} LockstepFecPlan;

/**
 * lockstep_fec_plan_update:
 * @now: ns
 *
 * RTX costs what is lost, FEC the same share of everything, before anything is lost. So
 * RTX does the work wherever a lost packet can come again before it is missed: one
 * round trip fits into @path's wait, and retransmissions arrive. FEC pays where there is
 * loss and RTX is too slow (or gets lost itself).
 *
 * Of a loss that comes from a full queue FEC makes more: with @path's queued, it is
 * neither begun nor raised. And it is given only what the media leave of the target:
 * the encoder's share of that is lockstep_fec_media_rate().
 *
 * Beginning and more protection come at once, less and none only when 5 s have shown
 * that it is enough: each change is one of the picture's rate, too.
 *
 * Returns: what to protect from now on
 */
LockstepFecLevel lockstep_fec_plan_update (LockstepFecPlan *plan,
    const LockstepFecPath *path, gint64 now);

/* What of @target, bit/s, is left to the media where @level is wanted. */
guint64 lockstep_fec_media_rate (const LockstepFecLevel *level, guint64 target);

G_END_DECLS
