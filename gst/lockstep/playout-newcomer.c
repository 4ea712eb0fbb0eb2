/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Who sends with another SSRC to the port of a stream: a stranger, or the stream's next
 * sender. What it sends is held until that is known. */
#include <gst/lockstep/playout-private.h>

/* Another SSRC takes over once ours has been silent for twice the longest pause of the last
 * seconds, within these limits: a stranger who sends to the same port does not, and where
 * a sender changes its SSRC, what it sends meanwhile is kept, up to so much. */
#define SILENCE_MIN (100 * MSECOND)
#define SILENCE_MAX SECOND
#define PAUSE_WINDOW (2 * SECOND)
#define MAX_NEWCOMER 4096
#define MAX_NEWCOMER_BYTES (8 * 1024 * 1024)

static LockstepRtpPacket *
newcomers (const LockstepPlayout * self)
{
  return (LockstepRtpPacket *) self->newcomer->data;
}

void
lockstep_playout_drop_newcomer (LockstepPlayout * self)
{
  for (guint i = 0; i < self->newcomer->len; i++)
    self->queue.free_payload (newcomers (self)[i].payload);
  self->stats.refused += self->newcomer->len;
  g_array_set_size (self->newcomer, 0);
  self->newcomer_bytes = 0;
}

gint64
lockstep_playout_rough_transit (const LockstepRtpPacket * packet, guint32 since)
{
  return packet->arrival - (gint64) ((double) (gint32) (packet->timestamp -
          since) * SECOND / packet->clock_rate);
}

gint64
lockstep_playout_takes_over_at (const LockstepPlayout * self)
{
  const gint64 pause = MAX (self->pause, self->pause_before);

  return self->newcomer->len < PROVE_SSRC ? LOCKSTEP_PLAYOUT_NEVER
      : self->last_own + CLAMP (2 * pause, SILENCE_MIN, SILENCE_MAX);
}

void
lockstep_playout_own_sends (LockstepPlayout * self, gint64 arrival)
{
  if (arrival - self->pause_since >= PAUSE_WINDOW) {
    self->pause_before = self->pause;
    self->pause = 0;
    self->pause_since = arrival;
  }
  self->pause = MAX (self->pause, arrival - self->last_own);
  self->last_own = MAX (self->last_own, arrival);
  if (self->newcomer->len > 0
      && arrival - newcomers (self)[0].arrival > SILENCE_MIN)
    lockstep_playout_drop_newcomer (self);
}

static gboolean
continues_newcomer (const LockstepPlayout * self,
    const LockstepRtpPacket * packet)
{
  const guint n = self->newcomer->len;
  const LockstepRtpPacket *last = &newcomers (self)[n - 1];
  const gint ahead = (gint16) (packet->seq - last->seq);
  const gint64 moved = lockstep_playout_rough_transit (packet, last->timestamp)
      - lockstep_playout_rough_transit (last, last->timestamp);

  return last->ssrc == packet->ssrc && last->clock_rate == packet->clock_rate
      && ABS (moved) <= MAX_EARLY && n < MAX_NEWCOMER
      && self->newcomer_bytes <= MAX_NEWCOMER_BYTES
      && (n < PROVE_SSRC ? ahead == 1 : ABS (ahead) <= DEFAULT_MISORDER);
}

gboolean
lockstep_playout_hold_newcomer (LockstepPlayout * self,
    const LockstepRtpPacket * packet)
{
  const guint n = self->newcomer->len;
  gboolean known = n > 0 && continues_newcomer (self, packet);

  /* a third does not disturb one that has proved itself and still sends */
  if (packet->retransmitted || (n >= PROVE_SSRC && !known
          && packet->ssrc != newcomers (self)[0].ssrc
          && packet->arrival - newcomers (self)[n - 1].arrival < SILENCE_MIN))
    return FALSE;
  if (!known)
    lockstep_playout_drop_newcomer (self);
  g_array_append_val (self->newcomer, *packet);
  self->newcomer_bytes += packet->size;
  return TRUE;
}
