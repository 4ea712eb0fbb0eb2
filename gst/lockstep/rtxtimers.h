/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* When to ask again for a missing packet, and when it is no use any more. */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* Missing packets that are followed at once. */
#define LOCKSTEP_RTX_MAX 1024
#define LOCKSTEP_RTX_NEVER G_MAXINT64

typedef struct
{
  gint64 key;                   /* extended sequence number */
  gint64 pts;                   /* ns, estimated */
  gint64 since;                 /* when it was missed, ns */
  gint64 next;                  /* when to ask next, ns */
  gint64 first, last;           /* requests, ns */
  guint tries;
  guint after;                  /* later packets that have come */
  gboolean lost;                /* given up; kept for the round-trip time */
} LockstepRtxEntry;

/* One request to be sent. */
typedef struct
{
  gint64 key;
  gint64 pts;                   /* ns */
  guint retry;                  /* requests sent before for this packet */
  gint64 delay;                 /* ns since it was missed */
  gint64 retry_timeout, period; /* ns */
  gint64 deadline;              /* ns from now */
  gint64 rtt;                   /* ns: of the fastest answer, as the time that RTCP
                                   waits to be sent is part of all the others */
} LockstepRtxRequest;

/**
 * LockstepRtxTimers:
 *
 * The packets that are missed and what was asked for. Times in ns, -1: found by
 * itself.
 */
typedef struct
{
  gint64 delay;                 /* before the first request; -1: the reordering seen */
  gint64 min_delay;
  guint delay_reorder;          /* later packets that end the delay; 0: none does */
  gint64 retry_timeout;         /* -1: RTT + 2 jitter */
  gint64 min_retry_timeout;     /* -1: none */
  gint64 retry_period;          /* since the first; -1: until the deadline */
  gint max_retries;             /* requests for one packet; -1: no limit */
  gint64 deadline;              /* since missed; -1: release time */
  gint64 stats_timeout;         /* how long a lost one is remembered */

  /*< private > */
  LockstepRtxEntry entries[LOCKSTEP_RTX_MAX];   /* in order of key */
  guint n;
  gint64 rtt;                   /* 0: not known */
  gint64 fastest;               /* round trip that is possible; 0: not known */
  gint64 asked;                 /* time of the newest request */
  gint64 reorder;               /* how long reordered packets took, decaying */
  gint64 next;                  /* least next of all */
  guint64 count, success, failed;
} LockstepRtxTimers;

void lockstep_rtx_timers_init (LockstepRtxTimers *self);
/* Forgets the packets; settings and the round-trip time stay. */
void lockstep_rtx_timers_flush (LockstepRtxTimers *self);

/**
 * lockstep_rtx_timers_miss:
 * @key: larger than every key before
 * @pts: where the packet would lie, ns
 * @now: ns
 * @jitter: RFC 3550 interarrival jitter, ns
 * @after: packets after it that have come
 *
 * A full table drops the request for the newest packet: the older ones are due
 * first.
 */
void lockstep_rtx_timers_miss (LockstepRtxTimers *self, gint64 key,
    gint64 pts, gint64 now, gint64 jitter, guint after);

/**
 * lockstep_rtx_timers_arrived:
 * @retransmitted: it is marked as a retransmission
 *
 * To be called for every packet, in order or not.
 *
 * Returns: TRUE if the packet had been missed
 */
gboolean lockstep_rtx_timers_arrived (LockstepRtxTimers *self, gint64 key,
    gboolean retransmitted, gint64 now);

/* How often @key has been asked for. */
guint lockstep_rtx_timers_tries (const LockstepRtxTimers *self, gint64 key);

/* All packets up to @key are released or given up. */
void lockstep_rtx_timers_passed (LockstepRtxTimers *self, gint64 key,
    gint64 now);

/**
 * lockstep_rtx_timers_poll:
 * @latency: a packet is released at its PTS + this, ns
 * @jitter: RFC 3550 interarrival jitter, ns
 *
 * The next request that is due at @now and can still be of use: the fastest
 * answer seen of late would come before the packet's release. Once a second
 * one is sent in any case, as only an answer shows that the path has become
 * faster.
 *
 * Returns: FALSE: none is due
 */
gboolean lockstep_rtx_timers_poll (LockstepRtxTimers *self, gint64 now,
    gint64 latency, gint64 jitter, LockstepRtxRequest *request);

G_END_DECLS
