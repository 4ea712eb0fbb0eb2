/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Whether what a sender sends can be given to GStreamer 1.22's elements, some of which
 * stop at one broken packet for good. */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* RFC 6716, section 3.4. opusdec with use-inband-fec=true keeps a packet that it cannot
 * decode, and tries it again with each that follows. */
gboolean lockstep_opus_packet_is_sane (const guint8 *packet, gsize size);

/* The payload of one RTP packet (RFC 6184). Of kinds that it does not know rtph264depay
 * makes an error, and of NAL units without content h264parse. */
gboolean lockstep_h264_payload_is_sane (const guint8 *payload, gsize size);

/* Whether the payload of one RTP packet (RFC 6184) is known to begin a picture: its first
 * slice, or what stands before that. */
gboolean lockstep_h264_payload_begins_picture (const guint8 *payload,
    gsize size);

/* A picture, as NAL units with start codes: there may be such codes in a NAL unit, too,
 * and h264parse takes what follows for the next. */
gboolean lockstep_h264_picture_is_sane (const guint8 *data, gsize size);

G_END_DECLS
