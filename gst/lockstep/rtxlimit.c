/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A bucket of bytes, and when each packet was sent again last. */
#include "rtxlimit.h"

#define SECOND 1e9
#define SHARE 0.5
#define BURST_S 0.25

gboolean
lockstep_rtx_limit_pass (LockstepRtxLimit * limit, guint32 ssrc,
    guint16 seqnum, gsize bytes, guint64 rate, gint64 rtt, gint64 now)
{
  /* a slow path carries one packet at a time all the same */
  const gdouble most = MAX (rate / 8.0 * BURST_S, (gdouble) bytes);
  const guint place = seqnum % LOCKSTEP_RTX_MEMORY;
  const gboolean again = limit->sent[place].at != 0
      && limit->sent[place].ssrc == ssrc && limit->sent[place].seqnum == seqnum;

  if (!limit->begun)
    limit->tokens = most;
  else
    limit->tokens = MIN (most, limit->tokens
        + SHARE * rate / 8.0 * ((now - limit->last) / SECOND));
  limit->begun = TRUE;
  limit->last = now;
  if ((again && now - limit->sent[place].at < rtt) || limit->tokens < bytes) {
    limit->n_held++;
    return FALSE;
  }
  limit->tokens -= bytes;
  limit->sent[place].ssrc = ssrc;
  limit->sent[place].seqnum = seqnum;
  limit->sent[place].at = now;
  limit->n_passed++;
  limit->n_again += again;
  return TRUE;
}
