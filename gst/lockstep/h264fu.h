/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* H.264 fragmentation units that were never finished. */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* Zero it at the start of a stream. */
typedef struct
{
  gboolean open;                /* the end of a NAL unit is still to come */
  guint32 timestamp;            /* RTP time of that unit */
} LockstepH264Fu;

/**
 * lockstep_h264_fu_cut_short:
 * @payload: of one RTP packet (RFC 6184), @size bytes; packets in order
 * @timestamp: its RTP time
 *
 * Whether this packet begins something new although a fragmented NAL unit (FU-A,
 * FU-B) has not ended. libwebrtc drops what is left of a picture from its send queue
 * when a key frame is asked for; it numbers packets after that, so nothing is
 * missing by the sequence numbers. What came of that unit cannot be decoded.
 */
gboolean lockstep_h264_fu_cut_short (LockstepH264Fu *fu,
    const guint8 *payload, gsize size, guint32 timestamp);

G_END_DECLS
