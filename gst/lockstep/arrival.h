/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* How the arrival of a packet is carried along with it. */
#pragma once

/**
 * LOCKSTEP_ARRIVAL_CAPS:
 *
 * The reference of a GstReferenceTimestampMeta whose timestamp is the running
 * time, in ns, at which the packet reached the receiver. latencybuffer adds it;
 * avresync reads it.
 */
#define LOCKSTEP_ARRIVAL_CAPS "timestamp/x-lockstep-arrival"

/**
 * LOCKSTEP_NTP_CAPS:
 *
 * The reference under which GStreamer's RTP elements carry a sender's NTP time:
 * ns since 1900.
 */
#define LOCKSTEP_NTP_CAPS "timestamp/x-ntp"
