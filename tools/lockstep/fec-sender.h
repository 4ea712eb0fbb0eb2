/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* FEC for the picture of one peer. Not thread-safe: RateControl calls it with its lock. */
#pragma once

#include <gst/gst.h>
#include <gst/lockstep/bandwidth.h>
#include <gst/lockstep/flexfec.h>
#include <gst/lockstep/rtxlimit.h>

typedef struct _FecSender FecSender;

typedef struct
{
  guint percent;                /* FEC packets per 100 of a frame that is no key frame */
  guint64 packets, bytes;       /* FEC packets sent */
} FecSenderStats;

FecSender *fec_sender_new (const LockstepFlexfecConfig * config);
void fec_sender_free (FecSender * fec);

/* What feedback says of the path: FEC begins, changes or ends. @rtt: ns, 0: not known. */
void fec_sender_feedback (FecSender * fec,
    const LockstepBandwidthPacket * packets, guint n, gint64 rtt,
    const LockstepBandwidthStats * path, const LockstepRtxLimit * rtx,
    gint64 now);
/* Bit/s of @target that the media may take. */
guint64 fec_sender_media_rate (FecSender * fec, guint64 target);
/* A packet of the picture leaves. (transfer full): what is to be sent after it; NULL:
 * nothing */
GstBufferList *fec_sender_protect (FecSender * fec, GstBuffer * packet,
    gint64 now);
FecSenderStats fec_sender_stats (const FecSender * fec);
