/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Reading RTP and RTCP packets as far as lip-sync needs it. */
#pragma once

#include <glib.h>
#include <gst/lockstep/rtpheader.h>

G_BEGIN_DECLS

#define LOCKSTEP_CAPTURE_TIME_URI \
  "http://www.webrtc.org/experiments/rtp-hdrext/abs-capture-time"

/**
 * LockstepRtpInfo:
 * @payload: inside the packet, without padding
 * @extension: the header extension's data, or NULL
 * @extension_profile: 0xBEDE, or 0x1000 to 0x100f (RFC 8285)
 */
typedef struct
{
  LockstepRtpHeader header;
  const guint8 *payload;
  gsize payload_size;
  const guint8 *extension;
  gsize extension_size;
  guint16 extension_profile;
} LockstepRtpInfo;

/**
 * LockstepSenderReport:
 * @ntp: the sender's time, UQ32.32 seconds since 1900
 * @timestamp: the RTP time of the same instant
 */
typedef struct
{
  guint32 ssrc, timestamp;
  guint64 ntp;
} LockstepSenderReport;

typedef enum
{
  LOCKSTEP_CODEC_UNKNOWN,
  LOCKSTEP_CODEC_H264,
  LOCKSTEP_CODEC_H265,
  LOCKSTEP_CODEC_VP8,
  LOCKSTEP_CODEC_VP9,
  LOCKSTEP_CODEC_AV1,
} LockstepCodec;

gboolean lockstep_rtp_parse (const guint8 * data, gsize size,
    LockstepRtpInfo * info);
const guint8 *lockstep_rtp_extension (const LockstepRtpInfo * info, guint id,
    gsize * size);
gboolean lockstep_capture_time_parse (const guint8 * data, gsize size,
    guint64 * ntp, gboolean * has_offset, gint64 * offset);
gboolean lockstep_rtcp_next_report (const guint8 * data, gsize size,
    gsize * position, LockstepSenderReport * report);
LockstepCodec lockstep_codec_from_name (const char *encoding_name);
gboolean lockstep_rtp_begins_keyframe (LockstepCodec codec,
    const guint8 * payload, gsize size);

G_END_DECLS
