/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the files of the playout share. */
#pragma once

#include <gst/lockstep/playout.h>

#define MSECOND G_GINT64_CONSTANT (1000000)
#define SECOND (1000 * MSECOND)
/* A packet before its time can only come from a base that is off: more than this,
 * and it is taken for a jump of the sender's timestamps. */
#define MAX_EARLY SECOND
/* RFC 3550's MIN_SEQUENTIAL: packets in sequence that prove a new SSRC. */
#define PROVE_SSRC 2
/* RFC 3550, appendix A.1, while the packet rate is not known. */
#define DEFAULT_MISORDER 100

/* playout-newcomer.c */

/* ns on no one's clock: only differences of it say something. */
gint64 lockstep_playout_rough_transit (const LockstepRtpPacket * packet,
    guint32 since);
/* @packet is of another SSRC. FALSE: it is refused, and not taken. */
gboolean lockstep_playout_hold_newcomer (LockstepPlayout * self,
    const LockstepRtpPacket * packet);
/* What is held was a stranger's. */
void lockstep_playout_drop_newcomer (LockstepPlayout * self);
/* When the newcomer takes over if nothing of our SSRC comes until then. */
gint64 lockstep_playout_takes_over_at (const LockstepPlayout * self);
/* The stream's SSRC still sends: who else does is a stranger, unless this one's last packets
 * came behind the first of the next. */
void lockstep_playout_own_sends (LockstepPlayout * self, gint64 arrival);
