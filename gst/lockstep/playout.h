/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* One RTP stream from its arrivals to its releases, each at PTS + bound. */
#pragma once

#include <gst/lockstep/latencytarget.h>
#include <gst/lockstep/packetqueue.h>
#include <gst/lockstep/rtxtimers.h>
#include <gst/lockstep/timebase.h>

G_BEGIN_DECLS

#define LOCKSTEP_PLAYOUT_PROBATION 5
/* Keys whose release is remembered, to tell a duplicate from a late packet. */
#define LOCKSTEP_PLAYOUT_HISTORY 1024
#define LOCKSTEP_PLAYOUT_NEVER G_MAXINT64

/* A packet that has come. */
typedef struct
{
  guint8 payload_type;
  guint16 seq;
  guint32 timestamp, ssrc;
  gboolean retransmitted;
  guint clock_rate;             /* Hz, not 0 */
  gint64 arrival;               /* ns */
  guint32 size;                 /* bytes */
  gpointer payload;
} LockstepRtpPacket;

/**
 * LockstepVerdict:
 * @LOCKSTEP_VERDICT_QUEUED: will be released
 * @LOCKSTEP_VERDICT_PROBATION: does not continue the stream; kept until the
 *   packets after it show whether a new one has begun
 * @LOCKSTEP_VERDICT_DUPLICATE: was there before
 * @LOCKSTEP_VERDICT_LATE: past its bound, and dropped
 * @LOCKSTEP_VERDICT_REFUSED: fits nothing: a retransmission, or a stranger's
 */
typedef enum
{
  LOCKSTEP_VERDICT_QUEUED,
  LOCKSTEP_VERDICT_PROBATION,
  LOCKSTEP_VERDICT_DUPLICATE,
  LOCKSTEP_VERDICT_LATE,
  LOCKSTEP_VERDICT_REFUSED,
} LockstepVerdict;

typedef enum
{
  LOCKSTEP_PLAYOUT_PACKET,
  LOCKSTEP_PLAYOUT_LOST,
  LOCKSTEP_PLAYOUT_EVENT,
} LockstepPlayoutKind;

/* Something to be sent on now. */
typedef struct
{
  LockstepPlayoutKind kind;
  gpointer payload;             /* (transfer full): packet or event */
  gint64 pts;                   /* ns */
  gint64 arrival;               /* ns */
  gint64 timestamp;             /* extended RTP timestamp */
  gboolean discont;             /* packets are missing before this one */
  gboolean reset;               /* the first one on a new time base */
  gboolean more;                /* the next packet of this timestamp is due as well */
  guint16 seq;                  /* PACKET, LOST: the first */
  guint count;                  /* LOST: how many */
  gint64 duration;              /* LOST: ns */
  guint tries;                  /* LOST: requests for the first */
} LockstepPlayoutAction;

typedef struct
{
  guint64 pushed, lost, late, duplicates;
  guint64 refused;              /* fitted neither the stream nor a new one */
  guint64 overflow;             /* dropped as the queue was full */
  guint64 stretched;            /* late, but the bound grew to let them through */
  guint64 resets;               /* new time bases after the first */
  guint64 held;                 /* ns, sum over the pushed */
} LockstepPlayoutStats;

/**
 * LockstepPlayout:
 *
 * Not thread-safe. Times are in ns on any one clock.
 */
typedef struct
{
  /* settings, to be changed at any time */
  gint64 latency;               /* the bound, ns, >= 0 */
  gboolean adaptive;            /* the bound is @target's */
  gboolean late_pass;           /* late packets are released, not dropped */
  gboolean do_rtx, rtx_next_seqnum;
  gint64 ts_offset;             /* ns, added to every PTS */
  gint64 ts_offset_adjustment;  /* largest change of it per timestamp, ns; 0: any */
  gint64 max_dropout, max_misorder;     /* ns */
  gboolean follow;              /* FALSE: the time base stays as it started */
  guint max_packets;
  gsize max_bytes;
  LockstepLatencyTarget target;
  LockstepRtxTimers rtx;

  /* results */
  LockstepPlayoutStats stats;
  const char *reset_cause;      /* of the newest reset, for people; NULL: none yet */
  gint64 reset_by;              /* ns, what the newest packet was late (< 0: early) then */
  LockstepTimebase timebase;
  LockstepPacketQueue queue;
  gint64 jitter;                /* ns, RFC 3550 */
  guint32 ssrc;
  gboolean active;              /* there is a stream */

  /*< private > */
  guint32 epoch;
  guint clock_rate;
  guint16 newest_seq;
  gint64 newest_key, newest_timestamp, newest_pts;
  gint64 missed_until;
  /* ns, of the newest base before its first release: see START_SETTLE */
  gint64 began, settles_at, last_arrival, longest_pause;
  gint64 shift;                 /* ns, what PTS of this epoch in the queue lack */
  gint64 last_transit;
  gint64 spacing;               /* ns a packet, of the newest pair */
  gint equidistant;
  gint64 expect_next;           /* when the next packet is missed */
  gint64 applied_offset;        /* ts_offset as it is now */

  gint64 rate_since;            /* packet rate: window start */
  guint rate_count, rate;       /* packets a second; 0: not known */
  gint64 late_since, late_since_pts;

  LockstepRtpPacket probation[LOCKSTEP_PLAYOUT_PROBATION];
  guint n_probation;

  /* another SSRC, while the stream's own may still be sending */
  GArray *newcomer;             /* LockstepRtpPacket */
  gsize newcomer_bytes;
  gint64 last_own;              /* arrival of the newest packet of the stream's SSRC */
  gint64 pause_since, pause, pause_before;      /* longest between two, and of the window before */

  gboolean released;            /* something has been */
  guint32 out_epoch;
  gint64 next_key;
  gint64 out_timestamp, out_pts;
  gboolean out_discont;
  guint64 history[LOCKSTEP_PLAYOUT_HISTORY / 64];
} LockstepPlayout;

void lockstep_playout_init (LockstepPlayout *self,
    GDestroyNotify free_payload);
void lockstep_playout_clear (LockstepPlayout *self);
/* Drops everything queued and forgets the stream; settings and counts stay. */
void lockstep_playout_flush (LockstepPlayout *self);

/* The bound in force, ns. */
gint64 lockstep_playout_bound (const LockstepPlayout *self);

/* Media time between the queue's head and the newest packet, ns. */
gint64 lockstep_playout_depth (const LockstepPlayout *self);

/**
 * lockstep_playout_push:
 * @packet: its payload is taken, whatever the verdict
 */
LockstepVerdict lockstep_playout_push (LockstepPlayout *self,
    const LockstepRtpPacket *packet);

/**
 * lockstep_playout_push_event:
 * @event: (transfer full): leaves after every packet that has come before
 * @pts: ns: it is held as a packet of this PTS would be;
 *   %LOCKSTEP_PLAYOUT_NEVER: it is not held
 */
void lockstep_playout_push_event (LockstepPlayout *self, gpointer event,
    gint64 pts);

/**
 * lockstep_playout_next_time:
 *
 * Returns: when lockstep_playout_poll() or lockstep_playout_poll_rtx() has
 *   something next, ns; G_MININT64: at once; %LOCKSTEP_PLAYOUT_NEVER: nothing waits
 */
gint64 lockstep_playout_next_time (const LockstepPlayout *self);

/* Whether what comes next is the loss of packets. */
gboolean lockstep_playout_gap (const LockstepPlayout *self);

/**
 * lockstep_playout_poll:
 *
 * Returns: FALSE if nothing is due at @now
 */
gboolean lockstep_playout_poll (LockstepPlayout *self, gint64 now,
    LockstepPlayoutAction *action);

/**
 * lockstep_playout_poll_rtx:
 * @seq: (out): what to ask for
 *
 * Returns: FALSE if no retransmission is to be asked for at @now
 */
gboolean lockstep_playout_poll_rtx (LockstepPlayout *self, gint64 now,
    LockstepRtxRequest *request, guint16 *seq);

/**
 * lockstep_playout_extend:
 * @timestamp: an RTP timestamp, as of a sender report
 *
 * Returns: the extended timestamp nearest to the newest packet's
 */
gint64 lockstep_playout_extend (const LockstepPlayout *self,
    guint32 timestamp);

G_END_DECLS
