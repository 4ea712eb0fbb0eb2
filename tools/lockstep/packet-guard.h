/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Keeps half and broken pictures and broken sound from depayloaders and decoders, some of
 * which would end the stream for one packet, or be silent from then on. */
#pragma once

#include <gst/gst.h>

/* Watches what goes through the depayloaders of H.264 and Opus that @pipeline has:
 *
 * - Where a NAL unit was cut short the next packet is marked DISCONT: rtph264depay then
 *   drops what it has of the unit instead of passing it on as if it were whole.
 * - Packets and pictures that are none of H.264 are dropped, and so is what comes on top
 *   of 16 MiB with one timestamp, all of which rtph264depay would keep.
 * - Packets that are none of Opus become empty ones, which the decoder conceals. */
void packet_guard_add (GstBin * pipeline);
