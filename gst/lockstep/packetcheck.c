/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The form of Opus packets, H.264 payloads and pictures; no decoding. */
#include <gst/lockstep/packetcheck.h>

#define OPUS_FRAME_MAX 1275
/* 120 ms at 48 kHz */
#define OPUS_SAMPLES_MAX 5760

/* RFC 6184, section 5.2 */
enum
{
  STAP_A = 24,
  STAP_B = 25,
  FU_A = 28,
  FU_B = 29,
};

#define TYPE(header) ((header) & 0x1f)

static guint
opus_frame_samples (guint8 toc)
{
  const guint config = toc >> 3;

  if (config >= 16)
    return 120 << (config & 3);
  if (config >= 12)
    return 480 << (config & 1);
  return (config & 3) == 3 ? 2880 : 480 << (config & 3);
}

/* Takes a frame's length from the front; FALSE: there is none. */
static gboolean
opus_take_length (const guint8 ** at, gsize * left, gsize * length)
{
  guint bytes = *left > 0 && (*at)[0] >= 252 ? 2 : 1;

  if (*left < bytes)
    return FALSE;
  *length = bytes == 1 ? (*at)[0] : (*at)[0] + 4 * (gsize) (*at)[1];
  *at += bytes;
  *left -= bytes;
  return TRUE;
}

/* Code 3: a number of frames, padding, and the length of each or of none. */
static gboolean
opus_frames_are_sane (guint8 toc, const guint8 * at, gsize left)
{
  gsize padding = 0, frames = 0, length;
  guint8 head;
  guint n;

  if (left < 1)
    return FALSE;
  head = *at++;
  left--;
  n = head & 0x3f;
  if (n == 0 || n * opus_frame_samples (toc) > OPUS_SAMPLES_MAX)
    return FALSE;
  for (gboolean more = head & 0x40; more; at++, left--) {
    if (left < 1)
      return FALSE;
    more = *at == 255;
    padding += more ? 254 : *at;
  }
  if (!(head & 0x80))
    return padding <= left && (left - padding) % n == 0
        && (left - padding) / n <= OPUS_FRAME_MAX;
  for (guint i = 0; i + 1 < n; i++) {
    if (!opus_take_length (&at, &left, &length))
      return FALSE;
    frames += length;
  }
  return frames + padding <= left && left - frames - padding <= OPUS_FRAME_MAX;
}

gboolean
lockstep_opus_packet_is_sane (const guint8 * packet, gsize size)
{
  const guint8 *at;
  gsize left, length;

  if (size == 0)
    return FALSE;
  at = packet + 1;
  left = size - 1;
  switch (packet[0] & 3) {
    case 0:
      return left <= OPUS_FRAME_MAX;
    case 1:
      return left % 2 == 0 && left / 2 <= OPUS_FRAME_MAX;
    case 2:
      return opus_take_length (&at, &left, &length) && length <= left
          && left - length <= OPUS_FRAME_MAX;
    default:
      return opus_frames_are_sane (packet[0], at, left);
  }
}

/* rtph264depay looks at the first byte of a slice, h264parse at the extension of three
 * bytes that types 14, 20 and 21 have. */
static gsize
least_bytes (guint type)
{
  if (type == 14 || type == 20 || type == 21)
    return 4;
  return type <= 9 ? 2 : 1;
}

static gboolean
nal_is_sane (guint8 header, gsize size)
{
  const guint type = TYPE (header);

  return !(header & 0x80) && type > 0 && type < STAP_A
      && size >= least_bytes (type);
}

static gboolean
aggregate_is_sane (const guint8 * at, gsize left)
{
  guint n = 0;

  /* less is too little for another, and left alone */
  for (; left > 2; n++) {
    const gsize size = at[0] << 8 | at[1];

    if (size == 0 || size > left - 2 || !nal_is_sane (at[2], size))
      return FALSE;
    at += 2 + size;
    left -= 2 + size;
  }
  return n > 0;
}

gboolean
lockstep_h264_payload_is_sane (const guint8 * payload, gsize size)
{
  const guint type = size > 0 ? TYPE (payload[0]) : 0;

  switch (size > 0 ? type : FU_A) {
    case STAP_A:
      return aggregate_is_sane (payload + 1, size - 1);
    case STAP_B:
      return size > 3 && aggregate_is_sane (payload + 3, size - 3);
    case FU_A:
    case FU_B:
      /* padding alone says nothing; the header of a unit is made of two */
      return size == 0 || (size > (type == FU_A ? 2 : 4)
          && nal_is_sane ((payload[0] & 0x80) | TYPE (payload[1]), 4));
    default:
      return nal_is_sane (payload[0], size);
  }
}

gboolean
lockstep_h264_payload_begins_picture (const guint8 * payload, gsize size)
{
  guint type = size > 1 ? TYPE (payload[0]) : 0;
  gsize at = 1;                 /* of what follows the NAL unit's header */

  if (type == FU_A || type == FU_B) {
    at = type == FU_A ? 2 : 4;
    if (!(payload[1] & 0x80))
      return FALSE;
    type = TYPE (payload[1]);
  } else if (type == STAP_A || type == STAP_B) {
    at = type == STAP_A ? 4 : 6;
    type = size > at ? TYPE (payload[at - 1]) : 0;
  }
  if (size <= at)
    return FALSE;
  /* first_mb_in_slice is 0; further data partitions have none */
  if (type == 1 || type == 2 || type == 5)
    return (payload[at] & 0x80) != 0;
  return type > 5;
}

gboolean
lockstep_h264_picture_is_sane (const guint8 * data, gsize size)
{
  gsize at = 0, begin = size;
  guint type;

  while (at + 3 <= size) {
    if (data[at] != 0 || data[at + 1] != 0 || data[at + 2] != 1) {
      /* no code can begin before what is neither 0 nor 1 */
      at += data[at + 2] > 1 ? 3 : 1;
      continue;
    }
    at += 3;
    if (at == size || size - at < least_bytes (TYPE (data[at])))
      return FALSE;
    begin = at;
  }
  if (begin == size)
    return FALSE;
  /* nothing is in the end of a sequence or stream: what follows is looked for a code */
  type = TYPE (data[begin]);
  return (type != 10 && type != 11) || size - begin < 5;
}
