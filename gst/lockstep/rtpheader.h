/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The fixed header of an RTP packet, checked. */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

typedef struct
{
  guint8 payload_type;
  gboolean marker;
  guint16 seq;
  guint32 timestamp, ssrc;
} LockstepRtpHeader;

/**
 * lockstep_rtp_header_parse:
 *
 * Reads the header of an RTP packet (RFC 3550, section 5.1) and checks that version,
 * CSRC list, header extension and padding fit into @size bytes.
 *
 * Returns: FALSE if this is no RTP packet
 */
gboolean lockstep_rtp_header_parse (const guint8 *data, gsize size,
    LockstepRtpHeader *header);

G_END_DECLS
