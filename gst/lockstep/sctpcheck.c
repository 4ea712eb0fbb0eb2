/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The chunks of SCTP packets (RFC 9260, section 3). */
#include <gst/lockstep/sctpcheck.h>

#define HEADER_BYTES 12
/* RFC 8260, section 2.1, has the second; stream identifiers are in the same place. */
#define DATA 0
#define I_DATA 64
#define DCEP 50
#define DCEP_ACK 2
#define DCEP_OPEN 3

static gboolean
admit (LockstepSctpCheck * check, guint16 stream)
{
  for (guint i = 0; i < check->n; i++)
    if (check->streams[i] == stream)
      return TRUE;
  if (check->n == LOCKSTEP_MAX_SCTP_STREAMS)
    return FALSE;
  check->streams[check->n++] = stream;
  return TRUE;
}

/* RFC 8832, section 5: messages about channels are of two types; of others webrtcbin says
 * that they should not be. */
static gboolean
opens_well (const guint8 * chunk, gsize length)
{
  const gboolean begins = chunk[1] & 0x02;

  if (chunk[0] != DATA || !begins || length < 17 || chunk[12] != 0
      || chunk[13] != 0 || chunk[14] != 0 || chunk[15] != DCEP)
    return TRUE;
  return chunk[16] == DCEP_ACK || chunk[16] == DCEP_OPEN;
}

gboolean
lockstep_sctp_is_sane (LockstepSctpCheck * check, const guint8 * packet,
    gsize size)
{
  gsize at = HEADER_BYTES;

  if (size < HEADER_BYTES)
    return FALSE;
  while (at < size) {
    const guint8 *chunk = packet + at;
    gsize length = size - at < 4 ? 0 : chunk[2] << 8 | chunk[3];

    if (length < 4 || length > size - at)
      return FALSE;
    if ((chunk[0] == DATA || chunk[0] == I_DATA) && (length < 10
            || !admit (check, chunk[8] << 8 | chunk[9])
            || !opens_well (chunk, length)))
      return FALSE;
    at += (length + 3) & ~(gsize) 3;
  }
  return TRUE;
}
