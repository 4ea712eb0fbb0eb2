/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The reference caps of the GstReferenceTimestampMeta that Lockstep's elements
 * write and read, in one place. */
#pragma once

/* When a packet reached this machine, in the time of the pipeline's clock (not
 * its running time, so that it keeps its meaning in another base time).
 * latencybuffer writes it, avresync reads it. */
#define LOCKSTEP_META_ARRIVAL "timestamp/x-lockstep-arrival"

/* The sender's NTP time (nanoseconds since 1900) of the media in the buffer.
 * rtpjitterbuffer and rtpbin write it (add-reference-timestamp-meta, GStreamer
 * 1.22) from the sender reports. */
#define LOCKSTEP_META_NTP "timestamp/x-ntp"
