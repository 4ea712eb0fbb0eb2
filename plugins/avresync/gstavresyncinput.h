/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What avresync takes from caps and buffers. */
#pragma once

#include <gst/gst.h>
#include <gst/lockstep/avsync.h>
#include <gst/lockstep/rtpinfo.h>

G_BEGIN_DECLS

/**
 * GstAvresyncFormat:
 * @rate: RTP clock rate, Hz; 0 for frames, whose timestamps are nanoseconds
 * @capture_id: the id of abs-capture-time among the header extensions; 0: none
 */
typedef struct
{
  LockstepAvMedia media;
  guint32 rate;
  LockstepCodec codec;
  guint capture_id;
} GstAvresyncFormat;

/**
 * GstAvresyncInput:
 * @timestamp: RTP timestamp or ns
 * @running_time: of the buffer's PTS in the segment it came in, ns, or -1
 * @arrival: what the buffer itself says of its arrival, running time, ns, or -1
 * @begins_keyframe: decoding may begin here
 * @has_ntp: @ntp is the sender's time of @timestamp, as sender reports have it
 */
typedef struct
{
  gint64 timestamp;
  guint32 ssrc;
  guint16 seqnum;
  gint64 running_time;
  gint64 arrival;
  gboolean begins_keyframe;
  gboolean has_ntp;
  guint64 ntp_ns;
  gboolean has_capture;
  guint64 capture_ntp;
  gboolean has_capture_offset;
  gint64 capture_offset;
} GstAvresyncInput;

gboolean gst_avresync_format_from_caps (GstAvresyncFormat * format,
    const GstCaps * caps);
gboolean gst_avresync_input_read (GstAvresyncInput * input, GstBuffer * buffer,
    const GstAvresyncFormat * format, const GstSegment * segment,
    GstClockTime base_time);
guint64 gst_avresync_ntp_from_ns (guint64 ns);

G_END_DECLS
