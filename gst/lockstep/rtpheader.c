/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The fixed header of an RTP packet. */
#include <gst/lockstep/rtpheader.h>

#define HEADER_BYTES 12

static guint32
read_be (const guint8 * data, guint bytes)
{
  guint32 v = 0;

  while (bytes-- > 0)
    v = v << 8 | *data++;
  return v;
}

gboolean
lockstep_rtp_header_parse (const guint8 * data, gsize size,
    LockstepRtpHeader * header)
{
  gsize need = HEADER_BYTES;

  if (size < HEADER_BYTES || data[0] >> 6 != 2)
    return FALSE;
  need += 4 * (data[0] & 0x0f);
  if (data[0] & 0x10) {
    if (size < need + 4)
      return FALSE;
    need += 4 + 4 * (gsize) read_be (data + need + 2, 2);
  }
  if (data[0] & 0x20) {
    if (data[size - 1] == 0)
      return FALSE;
    need += data[size - 1];
  }
  if (size < need)
    return FALSE;
  header->marker = data[1] >> 7;
  header->payload_type = data[1] & 0x7f;
  header->seq = (guint16) read_be (data + 2, 2);
  header->timestamp = read_be (data + 4, 4);
  header->ssrc = read_be (data + 8, 4);
  return TRUE;
}
