/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* How much may be sent again to a peer, so that what was lost in a full queue does not
 * fill it for good. */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

#define LOCKSTEP_RTX_MEMORY 512

/* Zero is a good beginning. */
typedef struct
{
  gboolean begun;
  gdouble tokens;               /* bytes that may go now */
  gint64 last;                  /* when they were counted, ns */
  struct
  {
    guint32 ssrc;
    guint16 seqnum;
    gint64 at;                  /* when it was sent again, ns; 0: never */
  } sent[LOCKSTEP_RTX_MEMORY];
  guint64 n_passed, n_held;
  guint64 n_again;              /* of those passed, not for the first time */
} LockstepRtxLimit;

/**
 * lockstep_rtx_limit_pass:
 * @bytes: of the packet
 * @rate: what the path carries, bit/s
 * @rtt: round trip, ns; 0: not known
 * @now: ns
 *
 * Whether a packet that the peer misses is sent again now. Not within a round trip of
 * the last time: that one may be on its way. Of the path's rate, half is for
 * retransmissions, with a quarter of a second's worth at once; a receiver asks again for
 * what it still can use.
 */
gboolean lockstep_rtx_limit_pass (LockstepRtxLimit *limit, guint32 ssrc,
    guint16 seqnum, gsize bytes, guint64 rate, gint64 rtt, gint64 now);

G_END_DECLS
