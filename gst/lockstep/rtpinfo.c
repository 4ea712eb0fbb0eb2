/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Reading RTP and RTCP packets as far as lip-sync needs it. All of it comes from
 * the network: every length is checked before it is used. */
#include "rtpinfo.h"

#include <string.h>

#define SECOND (G_GINT64_CONSTANT (1000000000))

static guint16
read16 (const guint8 * p)
{
  return (guint16) (p[0] << 8 | p[1]);
}

static guint32
read32 (const guint8 * p)
{
  return (guint32) read16 (p) << 16 | read16 (p + 2);
}

static guint64
read64 (const guint8 * p)
{
  return (guint64) read32 (p) << 32 | read32 (p + 4);
}

/**
 * lockstep_rtp_parse:
 * @info: (out): points into @data
 *
 * Returns: FALSE where it is no RTP packet (RFC 3550, section 5.1)
 */
gboolean
lockstep_rtp_parse (const guint8 * data, gsize size, LockstepRtpInfo * info)
{
  gsize at;

  memset (info, 0, sizeof (*info));
  /* With that, all that the header names is there. */
  if (!lockstep_rtp_header_parse (data, size, &info->header))
    return FALSE;
  at = 12 + 4 * (gsize) (data[0] & 0x0f);
  if (data[0] & 0x10) {
    info->extension_profile = read16 (data + at);
    info->extension_size = 4 * (gsize) read16 (data + at + 2);
    info->extension = data + at + 4;
    at += 4 + info->extension_size;
  }
  info->payload = data + at;
  info->payload_size = size - at - (data[0] & 0x20 ? data[size - 1] : 0);
  return TRUE;
}

/**
 * lockstep_rtp_extension:
 * @id: 1 to 255
 * @size: (out): bytes of the element
 *
 * Returns: the extension element of that id (RFC 8285, sections 4.2 and 4.3), or
 *   NULL
 */
const guint8 *
lockstep_rtp_extension (const LockstepRtpInfo * info, guint id, gsize * size)
{
  const guint8 *p = info->extension;
  gboolean one_byte = info->extension_profile == 0xbede;
  gsize left = info->extension_size;

  if (!p || id == 0 || (!one_byte
          && (info->extension_profile & 0xfff0) != 0x1000))
    return NULL;
  while (left > 0) {
    guint found;
    gsize length, header = one_byte ? 1 : 2;

    if (*p == 0) {              /* padding */
      p++;
      left--;
      continue;
    }
    if (left < header)
      return NULL;
    found = one_byte ? *p >> 4 : *p;
    length = one_byte ? (gsize) (*p & 0x0f) + 1 : p[1];
    if (one_byte && found == 15)
      return NULL;              /* nothing after it counts */
    if (length > left - header)
      return NULL;
    if (found == id) {
      *size = length;
      return p + header;
    }
    p += header + length;
    left -= header + length;
  }
  return NULL;
}

/**
 * lockstep_capture_time_parse:
 * @ntp: (out): when the media was captured, UQ32.32 seconds since 1900, on the
 *   capturer's clock
 * @has_offset: (out): whether @offset was there
 * @offset: (out): the sender's clock less the capturer's, ns
 *
 * Reads abs-capture-time (webrtc.org, "Absolute Capture Time"): 8 bytes, or 16
 * with the offset, a signed Q32.32.
 *
 * Returns: FALSE where it has another length
 */
gboolean
lockstep_capture_time_parse (const guint8 * data, gsize size, guint64 * ntp,
    gboolean * has_offset, gint64 * offset)
{
  if (size != 8 && size != 16)
    return FALSE;
  *ntp = read64 (data);
  *has_offset = size == 16;
  *offset = 0;
  if (*has_offset) {
    gint64 ticks = (gint64) read64 (data + 8);

    *offset = (ticks >> 32) * SECOND
        + (gint64) ((((guint64) ticks & 0xffffffffu) * SECOND) >> 32);
  }
  return TRUE;
}

/**
 * lockstep_rtcp_next_report:
 * @position: (inout): 0 at first; where to go on
 * @report: (out): the sender report found
 *
 * Walks over a compound packet (RFC 3550, sections 6.1 and 6.4.1).
 *
 * Returns: FALSE where there are no more
 */
gboolean
lockstep_rtcp_next_report (const guint8 * data, gsize size, gsize * position,
    LockstepSenderReport * report)
{
  while (*position < size && size - *position >= 4) {
    const guint8 *p = data + *position;
    gsize length = 4 * ((gsize) read16 (p + 2) + 1);

    if (p[0] >> 6 != 2 || length > size - *position)
      break;
    *position += length;
    if (p[1] == 200 && length >= 28) {
      report->ssrc = read32 (p + 4);
      report->ntp = read64 (p + 8);
      report->timestamp = read32 (p + 16);
      return TRUE;
    }
  }
  *position = size;
  return FALSE;
}

LockstepCodec
lockstep_codec_from_name (const char *encoding_name)
{
  static const struct
  {
    const char *name;
    LockstepCodec codec;
  } names[] = {
    {"H264", LOCKSTEP_CODEC_H264},
    {"H265", LOCKSTEP_CODEC_H265},
    {"VP8", LOCKSTEP_CODEC_VP8},
    {"VP9", LOCKSTEP_CODEC_VP9},
    {"AV1", LOCKSTEP_CODEC_AV1},
  };

  for (guint i = 0; encoding_name && i < G_N_ELEMENTS (names); i++) {
    if (g_ascii_strcasecmp (names[i].name, encoding_name) == 0)
      return names[i].codec;
  }
  return LOCKSTEP_CODEC_UNKNOWN;
}

/* IDR slice or sequence parameter set. */
static gboolean
is_h264_start (guint8 type)
{
  return type == 5 || type == 7;
}

/* RFC 6184, sections 5.3, 5.7.1 and 5.8 */
static gboolean
h264_begins_keyframe (const guint8 * p, gsize size)
{
  guint8 type = p[0] & 0x1f;
  gsize at = 1;

  if (type == 28)
    return size >= 2 && p[1] & 0x80 && is_h264_start (p[1] & 0x1f);
  if (type != 24)
    return is_h264_start (type);
  while (size - at >= 3) {
    gsize length = read16 (p + at);

    if (length == 0 || length > size - at - 2)
      return FALSE;
    if (is_h264_start (p[at + 2] & 0x1f))
      return TRUE;
    at += 2 + length;
  }
  return FALSE;
}

/* A picture that decoding may begin with, or a parameter set before it. */
static gboolean
is_h265_start (guint8 type)
{
  return (type >= 16 && type <= 21) || type == 32 || type == 33;
}

/* RFC 7798, sections 4.4.1 to 4.4.3 */
static gboolean
h265_begins_keyframe (const guint8 * p, gsize size)
{
  guint8 type = (p[0] >> 1) & 0x3f;
  gsize at = 2;

  if (type == 49)
    return size >= 3 && p[2] & 0x80 && is_h265_start (p[2] & 0x3f);
  if (type != 48)
    return is_h265_start (type);
  while (size > at && size - at >= 3) {
    gsize length = read16 (p + at);

    if (length == 0 || length > size - at - 2)
      return FALSE;
    if (is_h265_start ((p[at + 2] >> 1) & 0x3f))
      return TRUE;
    at += 2 + length;
  }
  return FALSE;
}

/* RFC 7741, sections 4.2 and 4.3 */
static gboolean
vp8_begins_keyframe (const guint8 * p, gsize size)
{
  gsize at = 1;

  if (!(p[0] & 0x10) || p[0] & 0x07)
    return FALSE;               /* not the frame's first packet */
  if (p[0] & 0x80) {
    guint8 fields;

    if (size < 2)
      return FALSE;
    fields = p[1];
    at = 2;
    if (fields & 0x80)
      at += at < size && p[at] & 0x80 ? 2 : 1;
    if (fields & 0x40)
      at++;
    if (fields & 0x30)
      at++;
  }
  return at < size && !(p[at] & 0x01);
}

/* RFC 9628, section 4.2 */
static gboolean
vp9_begins_keyframe (const guint8 * p, gsize size)
{
  gsize at = 1;

  if (p[0] & 0x40 || !(p[0] & 0x08))
    return FALSE;               /* predicted, or not the frame's first packet */
  if (!(p[0] & 0x20))
    return TRUE;
  if (p[0] & 0x80)
    at += at < size && p[at] & 0x80 ? 2 : 1;
  return at < size && (p[at] >> 1 & 0x07) == 0;
}

/**
 * lockstep_rtp_begins_keyframe:
 * @payload: of one packet
 *
 * Returns: TRUE where a decoder can begin with this packet. For a codec that is
 *   not known it always can.
 */
gboolean
lockstep_rtp_begins_keyframe (LockstepCodec codec, const guint8 * payload,
    gsize size)
{
  if (codec == LOCKSTEP_CODEC_UNKNOWN)
    return TRUE;
  if (size == 0)
    return FALSE;
  switch (codec) {
    case LOCKSTEP_CODEC_H264:
      return h264_begins_keyframe (payload, size);
    case LOCKSTEP_CODEC_H265:
      return h265_begins_keyframe (payload, size);
    case LOCKSTEP_CODEC_VP8:
      return vp8_begins_keyframe (payload, size);
    case LOCKSTEP_CODEC_VP9:
      return vp9_begins_keyframe (payload, size);
    case LOCKSTEP_CODEC_AV1:
      /* AV1 RTP payload format, section 4.4: the N bit. */
      return (payload[0] & 0x08) != 0;
    default:
      return TRUE;
  }
}
