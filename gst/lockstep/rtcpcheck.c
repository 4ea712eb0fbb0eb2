/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The form of RTCP packets; what they say is for others. */
#include <gst/gst.h>
#include <gst/lockstep/rtcpcheck.h>

enum
{
  SR = 200,
  RR = 201,
  SDES = 202,
  BYE = 203,
  APP = 204,
  RTPFB = 205,
  PSFB = 206,
};

#define TRANSPORT_CC 15
#define FIR 4
#define REPORT_BLOCK 24
#define SENDER_INFO 20
/* No path carries larger ones in one piece; one of 64 KiB asks for 270,000 packets. */
#define MAX_BYTES 2048
/* Packets that one feedback message tells of, or leaves out: rtpsession makes a structure
 * of each. A browser reports some ten times a second. */
#define MAX_REPORTED 4096

gboolean
lockstep_ssrcs_admit (LockstepSsrcs * ssrcs, guint32 ssrc)
{
  for (guint i = 0; i < ssrcs->n; i++)
    if (ssrcs->ssrcs[i] == ssrc)
      return TRUE;
  if (ssrcs->n == LOCKSTEP_MAX_SSRCS)
    return FALSE;
  ssrcs->ssrcs[ssrcs->n++] = ssrc;
  return TRUE;
}

gboolean
lockstep_srtp_is_sane (LockstepSsrcs * ssrcs, const guint8 * packet, gsize size)
{
  if (size < 12 || packet[0] >> 6 != 2)
    return FALSE;
  /* RFC 5761, section 4 */
  if (packet[1] < 192 || packet[1] > 223)
    return lockstep_ssrcs_admit (ssrcs, GST_READ_UINT32_BE (packet + 8));
  /* srtpdec takes the SSRC of the first that leaves, also where none does */
  return (packet[1] != BYE || (packet[0] & 0x1f) > 0)
      && lockstep_ssrcs_admit (ssrcs, GST_READ_UINT32_BE (packet + 4));
}

/* Chunks of SSRC and items; the items of each end with a zero, and are filled up to words
 * of 32 bits. */
static gboolean
sdes_is_sane (LockstepSsrcs * sources, guint count, const guint8 * packet,
    gsize size)
{
  gsize at = 4;

  while (count-- > 0) {
    if (size - at < 5
        || !lockstep_ssrcs_admit (sources, GST_READ_UINT32_BE (packet + at)))
      return FALSE;
    for (at += 4; packet[at] != 0; at += 2 + packet[at + 1])
      /* the next one's type has to be there, too */
      if (size - at < 3 || size - at < 3 + (gsize) packet[at + 1])
        return FALSE;
    at = (at / 4 + 1) * 4;
  }
  return TRUE;
}

static gboolean
bye_is_sane (guint count, const guint8 * packet, gsize size)
{
  const gsize reason = 4 + 4 * (gsize) count;

  return count > 0 && size >= reason
      && (size == reason || size - reason > packet[reason]);
}

/* The chunk's symbols: how many it has; *@bytes grows by those of their arrival times. */
static guint
chunk_symbols (guint chunk, guint left, gsize * bytes)
{
  static const guint8 times[] = { 0, 1, 2, 0 };
  const guint bits = chunk & 0x4000 ? 2 : 1;
  guint n;

  if (!(chunk & 0x8000)) {
    n = MIN (left, chunk & 0x1fff);
    *bytes += (gsize) n *times[chunk >> 13 & 3];
    return n;
  }
  n = MIN (left, 14 / bits);
  for (guint i = 0; i < n; i++)
    *bytes += times[chunk >> (14 - bits * (i + 1)) & ((1 << bits) - 1)];
  return n;
}

/* How many packets rtpsession takes for lost before a message: as it does, by the number of
 * the message before, which it keeps as this does. */
static guint
left_out (LockstepRtcpCheck * check, guint first, guint count, guint8 message)
{
  const gint8 ahead = (gint8) (message - check->message);

  if (check->reported && (ahead < 0 || (ahead == 0 && first < check->next)))
    return 0;
  if (check->reported && ahead == 0 && first - check->next > MAX_REPORTED)
    return first - check->next;
  check->reported = TRUE;
  check->next = first + count;
  check->message = message + 1;
  return 0;
}

/* draft-holmer-rmcat-transport-wide-cc-extensions-01, section 3.1 */
static gboolean
feedback_is_sane (LockstepRtcpCheck * check, const guint8 * fci, gsize size)
{
  gsize at = 8, bytes = 0;
  guint count;

  if (size < 10)
    return FALSE;
  count = GST_READ_UINT16_BE (fci + 2);
  if (count > MAX_REPORTED)
    return FALSE;
  for (guint n = 0; n < count; at += 2) {
    if (size - at < 2)
      return FALSE;
    n += chunk_symbols (GST_READ_UINT16_BE (fci + at), count - n, &bytes);
  }
  return bytes <= size - at
      && left_out (check, GST_READ_UINT16_BE (fci), count, fci[7]) == 0;
}

static gboolean
packet_is_sane (LockstepRtcpCheck * check, const guint8 * packet, gsize size)
{
  const guint count = packet[0] & 0x1f;

  switch (packet[1]) {
    case SR:
      return size >= 8 + SENDER_INFO + (gsize) count *REPORT_BLOCK
          && lockstep_ssrcs_admit (&check->sources,
          GST_READ_UINT32_BE (packet + 4));
    case RR:
      return size >= 8 + (gsize) count *REPORT_BLOCK
          && lockstep_ssrcs_admit (&check->sources,
          GST_READ_UINT32_BE (packet + 4));
    case SDES:
      return sdes_is_sane (&check->sources, count, packet, size);
    case BYE:
      return bye_is_sane (count, packet, size);
    case APP:
      return size >= 12;
    case RTPFB:
      return size >= 12 && (count != TRANSPORT_CC
          || feedback_is_sane (check, packet + 12, size - 12));
    case PSFB:
      return size >= 12 && (count != FIR || (size - 12) % 8 == 0);
    default:
      return TRUE;
  }
}

gboolean
lockstep_rtcp_is_sane (LockstepRtcpCheck * check, const guint8 * compound,
    gsize size)
{
  if (size < 8 || size > MAX_BYTES)
    return FALSE;
  while (size > 0) {
    gsize whole, used;

    if (size < 4 || compound[0] >> 6 != 2)
      return FALSE;
    whole = used = 4 + 4 * (gsize) GST_READ_UINT16_BE (compound + 2);
    if (whole > size)
      return FALSE;
    /* the last one alone may be padded */
    if (compound[0] & 0x20) {
      const guint padding = compound[whole - 1];

      if (whole != size || padding == 0 || padding % 4 != 0
          || padding > whole - 4)
        return FALSE;
      used -= padding;
    }
    if (!packet_is_sane (check, compound, used))
      return FALSE;
    compound += whole;
    size -= whole;
  }
  return TRUE;
}
