/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Sums (XOR) of RTP packets. A FEC packet:
 *
 *   RTP header, 12 bytes [+ header extension, 8]
 *   sum of the first two header bytes, R and F cleared; sum of lengths after 12 bytes;
 *   sum of timestamps; 1 (SSRC count), 0 0 0; SSRC; first number; mask of 16 or 48 bits
 *   sum of what follows the first 12 bytes, padded with 0
 *
 * Which packets are in which sum: each is in a set of sums of its own, mostly of two or more.
 * Of two packets that are lost, one sum then has only one, and gives it back, and another
 * one the other: as receivers do it, sum by sum. (With every nth packet in one sum, as
 * many sums leave ten times as much lost.)
 */
#include "flexfec.h"

#include <math.h>
#include <string.h>

#define RTP_HEADER 12
#define SHORT_MASK 15
/* How long packets wait for more before they are protected, RTP time (60 ms): what comes
 * later than this is of little use. */
#define MAX_WAIT (60 * 90)

struct _LockstepFlexfec
{
  LockstepFlexfecConfig config;
  guint8 packets[LOCKSTEP_FLEXFEC_MAX_PACKETS][LOCKSTEP_FLEXFEC_MAX_BYTES];
  gsize bytes[LOCKSTEP_FLEXFEC_MAX_PACKETS];
  guint n;                      /* packets held */
  guint64 sums[LOCKSTEP_FLEXFEC_MAX_PACKETS];   /* bits: that each is in */
  gdouble due;                  /* FEC packets that they are to have */
  guint n_fec, next;            /* that they get, and have got */
};

static guint16
read_16 (const guint8 * from)
{
  return from[0] << 8 | from[1];
}

static guint32
read_32 (const guint8 * from)
{
  return (guint32) read_16 (from) << 16 | read_16 (from + 2);
}

static void
write_16 (guint8 * to, guint16 value)
{
  to[0] = value >> 8;
  to[1] = value & 0xff;
}

static void
write_32 (guint8 * to, guint32 value)
{
  write_16 (to, value >> 16);
  write_16 (to + 2, value & 0xffff);
}

static void
begin (LockstepFlexfec * fec)
{
  fec->n = fec->n_fec = fec->next = 0;
  fec->due = 0;
}

LockstepFlexfec *
lockstep_flexfec_new (const LockstepFlexfecConfig * config)
{
  LockstepFlexfec *fec;

  g_return_val_if_fail (config->payload < 128 && config->transport_id < 15,
      NULL);

  fec = g_new (LockstepFlexfec, 1);
  fec->config = *config;
  begin (fec);
  return fec;
}

void
lockstep_flexfec_free (LockstepFlexfec * fec)
{
  g_free (fec);
}

static gboolean
follows (const LockstepFlexfec * fec, const guint8 * packet)
{
  const guint8 *last;

  if (fec->n == 0)
    return TRUE;
  last = fec->packets[fec->n - 1];
  return read_16 (packet + 2) == (guint16) (read_16 (last + 2) + 1)
      && memcmp (packet + 8, last + 8, 4) == 0;
}

static void
add_sums (LockstepFlexfec * fec, guint * n, guint64 sums)
{
  for (guint i = 0; i < *n; i++)
    if (fec->sums[i] == sums)
      return;
  if (*n < fec->n)
    fec->sums[(*n)++] = sums;
}

#define BIT(i) (G_GUINT64_CONSTANT (1) << (i))

/* Sets of two first, of which one after the other have none in common, so that what is
 * lost in a row is in different sums; each sum has a packet by the time that half as many
 * as there are sums have sets. */
static void
choose_sums (LockstepFlexfec * fec)
{
  const guint r = fec->n_fec;
  guint n = 0;

  for (guint apart = 1; apart <= r / 2; apart++)
    for (guint odd = 0; odd < 2; odd++)
      for (guint i = odd; i < r; i += 2)
        add_sums (fec, &n, BIT (i) | BIT ((i + apart) % r));
  /* of more than 10, there are enough sets of two */
  for (guint64 set = 7; n < fec->n && r <= 10 && set < BIT (r); set++)
    if (__builtin_popcountll (set) > 2)
      add_sums (fec, &n, set);
  for (guint i = 0; i < r; i++)
    add_sums (fec, &n, BIT (i));
  for (guint i = n; i < fec->n; i++)
    fec->sums[i] = fec->sums[i - n];
}

/* Whether the packets up to @packet, the last one, are enough: there are as many sets of
 * sums as packets. */
static gboolean
is_group (const LockstepFlexfec * fec, const guint8 * packet)
{
  const guint sums = MIN (lround (fec->due), 32);

  if (fec->n == LOCKSTEP_FLEXFEC_MAX_PACKETS)
    return TRUE;
  if (!(packet[1] & 0x80))
    return FALSE;
  return fec->n < BIT (sums)
      || read_32 (packet + 4) - read_32 (fec->packets[0] + 4) >= MAX_WAIT;
}

guint
lockstep_flexfec_add (LockstepFlexfec * fec, const guint8 * packet, gsize bytes,
    guint percent)
{
  /* the last ones are done with, whether they were asked for or not */
  if (fec->n_fec > 0)
    begin (fec);
  if (bytes < RTP_HEADER || bytes > LOCKSTEP_FLEXFEC_MAX_BYTES
      || packet[0] >> 6 != 2 || percent == 0) {
    begin (fec);
    return 0;
  }
  if (!follows (fec, packet))
    begin (fec);
  memcpy (fec->packets[fec->n], packet, bytes);
  fec->bytes[fec->n++] = bytes;
  fec->due += percent / 100.0;
  if (!is_group (fec, packet))
    return 0;
  fec->n_fec = CLAMP (lround (fec->due), 1, fec->n);
  choose_sums (fec);
  return fec->n_fec;
}

/* The packets of a sum; bit 0 is the first packet of all. */
static guint64
mask_of (const LockstepFlexfec * fec, guint index)
{
  guint64 mask = 0;

  for (guint i = 0; i < fec->n; i++)
    mask |= (fec->sums[i] >> index & 1) << i;
  return mask;
}

/* 15 bits after a 1, or after a 0, and 31 more after a 1; the lowest number first. */
static gsize
write_mask (guint8 * to, guint64 mask)
{
  guint16 first = 0;
  guint32 more = 0;

  for (guint i = 0; i < SHORT_MASK; i++)
    first |= ((mask >> i) & 1) << (SHORT_MASK - 1 - i);
  if (mask >> SHORT_MASK == 0) {
    write_16 (to, 0x8000 | first);
    return 2;
  }
  for (guint i = SHORT_MASK; i < LOCKSTEP_FLEXFEC_MAX_PACKETS; i++)
    more |= (guint32) ((mask >> i) & 1)
        << (LOCKSTEP_FLEXFEC_MAX_PACKETS - 1 - i);
  write_16 (to, first);
  write_32 (to + 2, 0x80000000 | more);
  return 6;
}

static gsize
write_rtp_header (LockstepFlexfec * fec, guint8 * to)
{
  const guint8 *last = fec->packets[fec->n - 1];
  const gboolean extended = fec->config.transport_id > 0;

  to[0] = extended ? 0x90 : 0x80;
  to[1] = fec->config.payload;
  write_16 (to + 2, fec->config.seqnum++);
  memcpy (to + 4, last + 4, 4);
  write_32 (to + 8, fec->config.ssrc);
  if (!extended)
    return RTP_HEADER;
  /* RFC 8285: one-byte headers, one word: id and length less one, number, padding */
  write_32 (to + 12, 0xbede0001);
  write_32 (to + 16, (guint32) (fec->config.transport_id << 4 | 1) << 24);
  return RTP_HEADER + 8;
}

static void
sum (guint8 * to, const guint8 * from, gsize bytes)
{
  for (gsize i = 0; i < bytes; i++)
    to[i] ^= from[i];
}

GBytes *
lockstep_flexfec_next (LockstepFlexfec * fec)
{
  gsize longest = 0, head, size;
  guint64 mask;
  guint8 *out, *header;

  if (fec->next >= fec->n_fec)
    return NULL;
  mask = mask_of (fec, fec->next++);
  for (guint i = 0; i < fec->n; i++)
    if (mask >> i & 1)
      longest = MAX (longest, fec->bytes[i]);
  out = g_malloc0 (longest + LOCKSTEP_FLEXFEC_OVERHEAD);
  head = write_rtp_header (fec, out);
  header = out + head;
  header[8] = 1;
  memcpy (header + 12, fec->packets[0] + 8, 4);
  memcpy (header + 16, fec->packets[0] + 2, 2);
  size = 18 + write_mask (header + 18, mask);
  for (guint i = 0; i < fec->n; i++) {
    const guint8 *packet = fec->packets[i];
    guint8 length[2];

    if (!(mask >> i & 1))
      continue;
    write_16 (length, fec->bytes[i] - RTP_HEADER);
    sum (header, packet, 2);
    sum (header + 2, length, 2);
    sum (header + 4, packet + 4, 4);
    sum (header + size, packet + RTP_HEADER, fec->bytes[i] - RTP_HEADER);
  }
  header[0] &= 0x3f;
  return g_bytes_new_take (out, head + size + longest - RTP_HEADER);
}
