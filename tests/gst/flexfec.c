/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What is lost comes back: FEC packets are read here as the draft has them, not as they
 * are written. */
#include <gst/lockstep/flexfec.h>

#include <string.h>

#define SSRC 0xcafe0102
#define FEC_SSRC 0x01020304
#define FEC_PT 49

typedef struct
{
  GPtrArray *sent;              /* GBytes: RTP of the stream */
  GPtrArray *fec;               /* GBytes: FEC packets */
  GRand *random;
  LockstepFlexfec *flexfec;
  guint16 seqnum;
  guint32 timestamp;            /* 30 frames a second; it begins anew soon */
} Stream;

static void
stream_begin (Stream * s, guint16 seqnum, guint8 transport_id)
{
  const LockstepFlexfecConfig config = {
    .payload = FEC_PT,.ssrc = FEC_SSRC,.seqnum = 65535,.transport_id =
        transport_id
  };

  s->sent = g_ptr_array_new_with_free_func ((GDestroyNotify) g_bytes_unref);
  s->fec = g_ptr_array_new_with_free_func ((GDestroyNotify) g_bytes_unref);
  s->random = g_rand_new_with_seed (seqnum + 7);
  s->flexfec = lockstep_flexfec_new (&config);
  s->seqnum = seqnum;
  s->timestamp = -10000;
}

static void
stream_end (Stream * s)
{
  g_ptr_array_unref (s->sent);
  g_ptr_array_unref (s->fec);
  g_rand_free (s->random);
  lockstep_flexfec_free (s->flexfec);
}

static void
take_fec (Stream * s, guint n)
{
  for (guint i = 0; i < n; i++) {
    GBytes *fec = lockstep_flexfec_next (s->flexfec);

    g_assert_nonnull (fec);
    g_ptr_array_add (s->fec, fec);
  }
  g_assert_null (lockstep_flexfec_next (s->flexfec));
}

/* A frame of @n packets of any length, some with CSRC, padding and extension bits. */
static void
send_frame (Stream * s, guint n, guint percent)
{
  const guint32 timestamp = GUINT32_TO_BE (s->timestamp);

  for (guint i = 0; i < n; i++) {
    gsize bytes =
        g_rand_int_range (s->random, 12, LOCKSTEP_FLEXFEC_MAX_BYTES + 1);
    guint8 *packet = g_malloc (bytes);

    for (gsize b = 0; b < bytes; b++)
      packet[b] = g_rand_int (s->random);
    packet[0] = 0x80 | (packet[0] & 0x3f);
    packet[1] = 96 | (i + 1 == n ? 0x80 : 0);
    packet[2] = s->seqnum >> 8;
    packet[3] = s->seqnum++;
    memcpy (packet + 4, &timestamp, 4);
    memcpy (packet + 8, "\xca\xfe\x01\x02", 4);
    take_fec (s, lockstep_flexfec_add (s->flexfec, packet, bytes, percent));
    g_ptr_array_add (s->sent, g_bytes_new_take (packet, bytes));
  }
  s->timestamp += 3000;
}

static guint16
seqnum_of (GBytes * packet)
{
  const guint8 *data = g_bytes_get_data (packet, NULL);

  return data[2] << 8 | data[3];
}

static GBytes *
find (Stream * s, guint16 seqnum)
{
  for (guint i = 0; i < s->sent->len; i++)
    if (seqnum_of (s->sent->pdata[i]) == seqnum)
      return s->sent->pdata[i];
  g_error ("no packet %u was sent", seqnum);
}

/* The FEC header of a packet, and how many bytes follow it with it. */
static const guint8 *
fec_header (GBytes * fec, gsize * bytes)
{
  const guint8 *data = g_bytes_get_data (fec, bytes);
  gsize head = 12 + (data[0] & 0x10 ? 8 : 0);

  g_assert_cmpuint (*bytes, >=, head + 20);
  *bytes -= head;
  return data + head;
}

/* The sequence numbers that a FEC packet protects, and the length of its header. */
static gsize
protected_by (GBytes * fec, GArray * numbers)
{
  gsize bytes;
  const guint8 *h = fec_header (fec, &bytes);
  const guint16 base = h[16] << 8 | h[17];
  guint bit = 0;

  g_assert_cmpuint (h[0] & 0xc0, ==, 0);
  g_assert_cmpint (memcmp (h + 8, "\1\0\0\0\xca\xfe\x01\x02", 8), ==, 0);
  for (guint i = 1; i < 16; i++, bit++) {
    guint16 seqnum = base + bit;

    if (h[18 + i / 8] >> (7 - i % 8) & 1)
      g_array_append_val (numbers, seqnum);
  }
  if (h[18] & 0x80)
    return 20;
  g_assert_true (h[20] & 0x80);
  for (guint i = 1; i < 32; i++, bit++) {
    guint16 seqnum = base + bit;

    if (h[20 + i / 8] >> (7 - i % 8) & 1)
      g_array_append_val (numbers, seqnum);
  }
  return 24;
}

/* RFC 8627, section 6.3.2: the one that is missing, out of all others. */
static GBytes *
recover (Stream * s, GBytes * fec, guint16 missing)
{
  g_autoptr (GArray) numbers = g_array_new (FALSE, FALSE, sizeof (guint16));
  const gsize header = protected_by (fec, numbers);
  gsize bytes;
  const guint8 *h = fec_header (fec, &bytes);
  guint8 sum[8 + LOCKSTEP_FLEXFEC_MAX_BYTES] = { 0 };
  guint8 *packet;
  gsize length;

  memcpy (sum, h, 8);
  memcpy (sum + 8, h + header, bytes - header);
  for (guint i = 0; i < numbers->len; i++) {
    const guint16 seqnum = g_array_index (numbers, guint16, i);
    gsize n;
    const guint8 *other;

    if (seqnum == missing)
      continue;
    other = g_bytes_get_data (find (s, seqnum), &n);
    sum[0] ^= other[0];
    sum[1] ^= other[1];
    sum[2] ^= (n - 12) >> 8;
    sum[3] ^= (n - 12) & 0xff;
    for (guint b = 4; b < 8; b++)
      sum[b] ^= other[b];
    for (gsize b = 12; b < n; b++)
      sum[8 + b - 12] ^= other[b];
  }
  length = sum[2] << 8 | sum[3];
  g_assert_cmpuint (length, <=, bytes - header);
  packet = g_malloc (12 + length);
  packet[0] = 0x80 | (sum[0] & 0x3f);
  packet[1] = sum[1];
  packet[2] = missing >> 8;
  packet[3] = missing & 0xff;
  memcpy (packet + 4, sum + 4, 4);
  memcpy (packet + 8, "\xca\xfe\x01\x02", 4);
  memcpy (packet + 12, sum + 8, length);
  return g_bytes_new_take (packet, 12 + length);
}

/* Each packet, lost alone, comes back out of the FEC packet that protects it. */
static void
check_all (Stream * s, gboolean all)
{
  g_autoptr (GHashTable) seen = g_hash_table_new (NULL, NULL);

  for (guint f = 0; f < s->fec->len; f++) {
    g_autoptr (GArray) numbers = g_array_new (FALSE, FALSE, sizeof (guint16));

    protected_by (s->fec->pdata[f], numbers);
    g_assert_cmpuint (numbers->len, >, 0);
    for (guint i = 0; i < numbers->len; i++) {
      const guint16 seqnum = g_array_index (numbers, guint16, i);
      g_autoptr (GBytes) got = recover (s, s->fec->pdata[f], seqnum);

      g_assert_true (g_bytes_equal (got, find (s, seqnum)));
      g_hash_table_add (seen, GUINT_TO_POINTER (seqnum));
    }
  }
  if (all)
    g_assert_cmpuint (g_hash_table_size (seen), ==, s->sent->len);
}

/* Frames of all sizes, at all rates, and numbers that begin anew. */
static void
test_recover (void)
{
  static const guint percents[] = { 5, 20, 37, 50, 100 };

  for (guint p = 0; p < G_N_ELEMENTS (percents); p++) {
    for (guint n = 1; n <= 2 * LOCKSTEP_FLEXFEC_MAX_PACKETS; n += 7) {
      Stream s;

      stream_begin (&s, 65500 + n, p % 2 * 3);
      for (guint frame = 0; frame < 6; frame++)
        send_frame (&s, n, percents[p]);
      check_all (&s, FALSE);
      g_assert_cmpuint (s.fec->len, >, 0);
      stream_end (&s);
    }
  }
}

/* Frames of a usual size: protected together while there is time, and none goes without. */
static void
test_frames (void)
{
  Stream s;

  stream_begin (&s, 65533, 3);
  for (guint frame = 0; frame < 18; frame++) {
    send_frame (&s, 6, 25);
    g_assert_cmpuint (s.fec->len, ==, (frame + 1) / 3 * 5);
  }
  check_all (&s, TRUE);
  stream_end (&s);

  /* so many that each frame has enough */
  stream_begin (&s, 65533, 3);
  for (guint frame = 0; frame < 9; frame++)
    send_frame (&s, 20, 25);
  g_assert_cmpuint (s.fec->len, ==, 9 * 5);
  check_all (&s, TRUE);
  stream_end (&s);

  /* small ones: they do not wait long for each other */
  stream_begin (&s, 1, 3);
  for (guint frame = 0; frame < 21; frame++)
    send_frame (&s, 1, 10);
  g_assert_cmpuint (s.fec->len, ==, 7);
  check_all (&s, TRUE);
  stream_end (&s);

  /* a key frame: as many as asked for, and each mask's end is used */
  stream_begin (&s, 1, 0);
  send_frame (&s, LOCKSTEP_FLEXFEC_MAX_PACKETS, 40);
  g_assert_cmpuint (s.fec->len, ==, 18);
  check_all (&s, TRUE);
  stream_end (&s);
}

/* As receivers do it: a FEC packet with only one missing gives that one back, until none
 * does any more. @lost: of the packets, then of the FEC packets. Returns how many packets
 * stay lost. */
static guint
peel (Stream * s, const gboolean * lost)
{
  g_autofree gboolean *missing = g_memdup2 (lost,
      (s->sent->len + s->fec->len) * sizeof (gboolean));
  const guint16 first = seqnum_of (s->sent->pdata[0]);
  gboolean again = TRUE;
  guint left = 0;

  while (again) {
    again = FALSE;
    for (guint f = 0; f < s->fec->len; f++) {
      g_autoptr (GArray) numbers = g_array_new (FALSE, FALSE, sizeof (guint16));
      guint n = 0, which = 0;

      protected_by (s->fec->pdata[f], numbers);
      for (guint i = 0; i < numbers->len; i++) {
        const guint16 at = g_array_index (numbers, guint16, i) - first;

        if (missing[at]) {
          which = at;
          n++;
        }
      }
      if (!lost[s->sent->len + f] && n == 1) {
        missing[which] = FALSE;
        again = TRUE;
      }
    }
  }
  for (guint i = 0; i < s->sent->len; i++)
    left += missing[i];
  return left;
}

/* Any two of packets and FEC packets may get lost; and mostly three in a row. */
static void
test_two_lost (void)
{
  static const struct
  {
    guint packets, percent, fec;
  } groups[] =
      { {4, 75, 3}, {11, 36, 4}, {20, 25, 5}, {26, 20, 5}, {40, 25, 10},
  {46, 50, 23}
  };

  for (guint g = 0; g < G_N_ELEMENTS (groups); g++) {
    const guint n = groups[g].packets + groups[g].fec;
    g_autofree gboolean *lost = g_new0 (gboolean, n);
    guint rows = 0;
    Stream s;

    stream_begin (&s, 65530, 0);
    send_frame (&s, groups[g].packets, groups[g].percent);
    g_assert_cmpuint (s.fec->len, ==, groups[g].fec);
    for (guint i = 0; i < n; i++) {
      for (guint j = i; j < n; j++) {
        lost[i] = lost[j] = TRUE;
        g_assert_cmpuint (peel (&s, lost), ==, 0);
        lost[i] = lost[j] = FALSE;
      }
    }
    for (guint i = 0; i + 3 <= groups[g].packets; i++) {
      lost[i] = lost[i + 1] = lost[i + 2] = TRUE;
      rows += peel (&s, lost) > 0;
      lost[i] = lost[i + 1] = lost[i + 2] = FALSE;
    }
    /* four sums cannot tell all threes apart; most they do */
    if (groups[g].fec > 3)
      g_assert_cmpuint (3 * rows, <=, groups[g].packets);
    stream_end (&s);
  }
}

static void
test_header (void)
{
  Stream s;
  gsize longest = 0;
  const guint8 *data;

  stream_begin (&s, 100, 3);
  send_frame (&s, 1, 100);
  send_frame (&s, 4, 25);
  send_frame (&s, 4, 25);
  send_frame (&s, 4, 25);
  g_assert_cmpuint (s.fec->len, ==, 4);
  data = g_bytes_get_data (s.fec->pdata[0], NULL);
  g_assert_cmpuint (data[0], ==, 0x90);
  g_assert_cmpuint (data[1], ==, FEC_PT);
  g_assert_cmpuint (seqnum_of (s.fec->pdata[0]), ==, 65535);
  g_assert_cmpuint (seqnum_of (s.fec->pdata[1]), ==, 0);
  g_assert_cmpint (memcmp (data + 4, (const guint8 *)
          g_bytes_get_data (s.sent->pdata[0], NULL) + 4, 4), ==, 0);
  g_assert_cmpint (memcmp (data + 8, "\1\2\3\4\xbe\xde\0\1\x31\0\0\0", 12), ==,
      0);
  for (guint f = 0; f < s.fec->len; f++) {
    for (guint i = 0; i < s.sent->len; i++)
      longest = MAX (longest, g_bytes_get_size (s.sent->pdata[i]));
    g_assert_cmpuint (g_bytes_get_size (s.fec->pdata[f]), <=,
        longest + LOCKSTEP_FLEXFEC_OVERHEAD);
  }
  stream_end (&s);
}

/* What cannot be protected is not, and breaks nothing. */
static void
test_broken (void)
{
  guint8 packet[LOCKSTEP_FLEXFEC_MAX_BYTES + 1] = { 0x80, 0xe0 };
  Stream s;

  stream_begin (&s, 1, 0);
  g_assert_cmpuint (lockstep_flexfec_add (s.flexfec, packet, 0, 100), ==, 0);
  g_assert_cmpuint (lockstep_flexfec_add (s.flexfec, packet, 11, 100), ==, 0);
  g_assert_cmpuint (lockstep_flexfec_add (s.flexfec, packet, sizeof packet,
          100), ==, 0);
  packet[0] = 0;
  g_assert_cmpuint (lockstep_flexfec_add (s.flexfec, packet, 100, 100), ==, 0);
  g_assert_null (lockstep_flexfec_next (s.flexfec));
  /* nothing but a header */
  packet[0] = 0x80;
  g_assert_cmpuint (lockstep_flexfec_add (s.flexfec, packet, 12, 100), ==, 1);
  /* not fetched: gone with the next */
  send_frame (&s, 3, 0);
  g_assert_cmpuint (s.fec->len, ==, 0);
  g_assert_null (lockstep_flexfec_next (s.flexfec));
  /* a hole in the numbers: those before it are left alone */
  packet[1] = 0x60;
  g_assert_cmpuint (lockstep_flexfec_add (s.flexfec, packet, 100, 50), ==, 0);
  send_frame (&s, 4, 75);
  g_assert_cmpuint (s.fec->len, ==, 3);
  check_all (&s, FALSE);
  stream_end (&s);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/flexfec/recover", test_recover);
  g_test_add_func ("/flexfec/frames", test_frames);
  g_test_add_func ("/flexfec/two-lost", test_two_lost);
  g_test_add_func ("/flexfec/header", test_header);
  g_test_add_func ("/flexfec/broken", test_broken);
  return g_test_run ();
}
