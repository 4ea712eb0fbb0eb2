/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The transport stream writer, bit by bit against ISO/IEC 13818-1: tables and their
 * CRC, counters, clock references, timestamps over the 33-bit wrap, stuffing, lengths. */
#include <gst/lockstep/tswriter.h>
#include <string.h>

#define WRAP (G_GINT64_CONSTANT (1) << 33)

typedef struct
{
  LockstepTsWriter w;
  GByteArray *bytes;            /* of all segments */
} Test;

static void
begin (Test * t, gboolean video, guint8 audio)
{
  lockstep_ts_writer_init (&t->w);
  lockstep_ts_writer_set_layout (&t->w, video, audio);
  lockstep_ts_writer_begin_segment (&t->w, FALSE, -1);
  t->bytes = g_byte_array_new ();
}

/* Ends a segment; returns where it begins in the bytes. */
static gsize
cut (Test * t, gboolean align)
{
  g_autoptr (GPtrArray) chunks = lockstep_ts_writer_end_segment (&t->w, align);
  gsize at = t->bytes->len;

  for (guint i = 0; i < chunks->len; i++) {
    LockstepTsChunk *chunk = g_ptr_array_index (chunks, i);

    g_byte_array_append (t->bytes, chunk->data, chunk->size);
  }
  g_assert_cmpuint (t->bytes->len % 188, ==, 0);
  return at;
}

static void
end (Test * t)
{
  lockstep_ts_writer_clear (&t->w);
  g_byte_array_unref (t->bytes);
}

static void
video (Test * t, gint64 pts, gint64 dts, gsize size)
{
  g_autofree guint8 *data = g_malloc (size);
  LockstepSpan span = { data, size };

  memset (data, 0xa5, size);
  lockstep_ts_writer_video (&t->w, pts, dts, FALSE, &span, 1);
}

static void
audio (Test * t, gint64 pts, gsize size)
{
  g_autofree guint8 *data = g_malloc (size);
  LockstepSpan span = { data, size };

  memset (data, 0x5a, size);
  lockstep_ts_writer_audio (&t->w, pts, &span, 1);
}

static guint
pid_of (const guint8 * p)
{
  return (p[1] & 31) << 8 | p[2];
}

static const guint8 *
packet (Test * t, guint index)
{
  g_assert_cmpuint ((index + 1) * 188, <=, t->bytes->len);
  return t->bytes->data + index * 188;
}

/* The bits of a timestamp field, with its prefix and markers. */
static gint64
time_field (const guint8 * p, guint prefix)
{
  g_assert_cmphex (p[0] >> 4, ==, prefix);
  g_assert_cmphex (p[0] & 1, ==, 1);
  g_assert_cmphex (p[2] & 1, ==, 1);
  g_assert_cmphex (p[4] & 1, ==, 1);
  return (gint64) (p[0] >> 1 & 7) << 30 | (gint64) p[1] << 22
      | (gint64) (p[2] >> 1) << 15 | (gint64) p[3] << 7 | p[4] >> 1;
}

/* {{{ tests */

static void
test_crc (void)
{
  /* The check value of CRC-32/MPEG-2 */
  g_assert_cmphex (lockstep_ts_crc32 ((const guint8 *) "123456789", 9), ==,
      0x0376e6e7);
  g_assert_cmphex (lockstep_ts_crc32 (NULL, 0), ==, 0xffffffff);
}

static void
assert_section (const guint8 * p, guint pid, guint table)
{
  guint length = (p[6] & 15) << 8 | p[7];

  g_assert_cmphex (p[0], ==, 0x47);
  g_assert_cmphex (p[1] >> 5, ==, 2);   /* no error, unit start, no priority */
  g_assert_cmpuint (pid_of (p), ==, pid);
  g_assert_cmphex (p[3] >> 4, ==, 1);   /* not scrambled, payload only */
  g_assert_cmpuint (p[4], ==, 0);
  g_assert_cmphex (p[5], ==, table);
  g_assert_cmphex (p[6] >> 4, ==, 0xb); /* section syntax, 0, reserved */
  g_assert_cmphex (p[10] & 0xc1, ==, 0xc1);     /* reserved, current */
  g_assert_cmpuint (p[11], ==, 0);
  g_assert_cmpuint (p[12], ==, 0);
  /* over a section with its CRC the remainder is 0 */
  g_assert_cmphex (lockstep_ts_crc32 (p + 5, length + 3), ==, 0);
  for (guint i = 5 + 3 + length; i < 188; i++)
    g_assert_cmphex (p[i], ==, 0xff);
}

static void
test_tables (void)
{
  static const struct
  {
    gboolean video;
    guint8 audio;
    guint pcr_pid, length;
  } cases[] = {
    {TRUE, 0x03, LOCKSTEP_TS_PID_VIDEO, 23},
    {TRUE, 0, LOCKSTEP_TS_PID_VIDEO, 18},
    {FALSE, 0x0f, LOCKSTEP_TS_PID_AUDIO, 18},
  };

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++) {
    Test t;
    const guint8 *pat, *pmt;
    guint at = 17;

    begin (&t, cases[i].video, cases[i].audio);
    cut (&t, FALSE);
    g_assert_cmpuint (t.bytes->len, ==, 2 * 188);
    pat = packet (&t, 0);
    pmt = packet (&t, 1);
    assert_section (pat, 0, 0);
    g_assert_cmpuint (pat[7], ==, 13);
    g_assert_cmpuint (pat[13] << 8 | pat[14], ==, 1);
    g_assert_cmpuint ((pat[15] & 31) << 8 | pat[16], ==, LOCKSTEP_TS_PID_PMT);
    assert_section (pmt, LOCKSTEP_TS_PID_PMT, 2);
    g_assert_cmpuint (pmt[7], ==, cases[i].length);
    g_assert_cmpuint ((pmt[13] & 31) << 8 | pmt[14], ==, cases[i].pcr_pid);
    g_assert_cmpuint ((pmt[15] & 15) << 8 | pmt[16], ==, 0);
    if (cases[i].video) {
      g_assert_cmphex (pmt[at], ==, LOCKSTEP_TS_STREAM_H264);
      g_assert_cmpuint ((pmt[at + 1] & 31) << 8 | pmt[at + 2], ==,
          LOCKSTEP_TS_PID_VIDEO);
      at += 5;
    }
    if (cases[i].audio != 0) {
      g_assert_cmphex (pmt[at], ==, cases[i].audio);
      g_assert_cmpuint ((pmt[at + 1] & 31) << 8 | pmt[at + 2], ==,
          LOCKSTEP_TS_PID_AUDIO);
    }
    end (&t);
  }
}

/* The version goes up with each change, modulo 32, and only with one. */
static void
test_version (void)
{
  Test t;

  begin (&t, TRUE, 0x03);
  for (guint i = 0; i < 70; i++) {
    gsize at = cut (&t, FALSE);

    g_assert_cmpuint (t.bytes->data[at + 188 + 10] >> 1 & 31, ==, i / 2 & 31);
    lockstep_ts_writer_set_layout (&t.w, TRUE, (i + 1) / 2 % 2 ? 0x0f : 0x03);
    lockstep_ts_writer_begin_segment (&t.w, FALSE, -1);
  }
  cut (&t, FALSE);
  end (&t);
}

/* A payload of each size: whole packets, the bytes that went in, nothing else but
 * stuffing of 0xff. */
static void
test_stuffing (void)
{
  for (gsize size = 1; size < 600; size++) {
    Test t;
    gsize payload = 0;
    guint n;

    begin (&t, TRUE, 0);
    video (&t, 9000, 9000, size);
    cut (&t, FALSE);
    n = t.bytes->len / 188;
    for (guint i = 2; i < n; i++) {
      const guint8 *p = packet (&t, i);
      guint skip = 4;

      g_assert_cmphex (p[0], ==, 0x47);
      g_assert_cmpuint (pid_of (p), ==, LOCKSTEP_TS_PID_VIDEO);
      g_assert_cmpint (!!(p[1] & 0x40), ==, i == 2);
      g_assert_cmpuint (p[3] & 15, ==, (i - 2) & 15);
      g_assert_cmphex (p[3] & 0x10, ==, 0x10);
      if (p[3] & 0x20) {
        guint used = i == 2 ? 7 : p[4] > 0 ? 1 : 0;

        skip += 1 + p[4];
        g_assert_cmpuint (skip, <, 188);
        for (guint k = 5 + used; k < skip; k++)
          g_assert_cmphex (p[k], ==, 0xff);
      }
      payload += 188 - skip;
      for (guint k = i == 2 ? skip + 14 : skip; k < 188; k++)
        g_assert_cmphex (p[k], ==, 0xa5);
    }
    g_assert_cmpuint (payload, ==, size + 14);
    /* no packet more than it takes: the first has a clock reference */
    g_assert_cmpuint (n - 2, ==, size + 14 <= 176 ? 1 :
        1 + (size + 14 - 176 + 183) / 184);
    end (&t);
  }
}

/* The PES header of a picture, with one timestamp or two, over the wrap. */
static void
test_times (void)
{
  static const gint64 times[] = { 45000, 90000, WRAP - 1, WRAP, WRAP + 1,
    WRAP - 3000, 5 * WRAP + 77, (G_GINT64_CONSTANT (1) << 32) + 12345
  };

  for (guint i = 0; i < G_N_ELEMENTS (times); i++) {
    for (guint reorder = 0; reorder < 2; reorder++) {
      Test t;
      const guint8 *p, *pes;
      gint64 pcr;

      begin (&t, TRUE, 0);
      video (&t, times[i] + reorder * 6000, times[i], 50);
      cut (&t, FALSE);
      p = packet (&t, 2);
      pes = p + 5 + p[4];
      g_assert_cmpint (memcmp (pes, "\0\0\1\xe0\0\0", 6), ==, 0);
      g_assert_cmphex (pes[6] >> 6, ==, 2);
      g_assert_cmphex (pes[7], ==, reorder ? 0xc0 : 0x80);
      g_assert_cmpuint (pes[8], ==, reorder ? 10 : 5);
      g_assert_cmpint (time_field (pes + 9, reorder ? 3 : 2), ==,
          (times[i] + reorder * 6000) & (WRAP - 1));
      if (reorder)
        g_assert_cmpint (time_field (pes + 14, 1), ==, times[i] & (WRAP - 1));
      /* a clock reference, half a second before, with a 27 MHz part of 0 */
      g_assert_cmphex (p[5] & 0x10, ==, 0x10);
      pcr = (gint64) p[6] << 25 | p[7] << 17 | p[8] << 9 | p[9] << 1
          | p[10] >> 7;
      g_assert_cmphex (p[10] & 0x7f, ==, 0x7e);
      g_assert_cmphex (p[11], ==, 0);
      g_assert_cmpint (pcr, ==, (times[i] - 45000) & (WRAP - 1));
      end (&t);
    }
  }
}

/* Audio frames share PES packets, whose length is right, and which are no longer than
 * the decoder's buffer. */
static void
test_audio_lengths (void)
{
  for (gsize size = 24; size <= 1441; size += 13) {
    Test t;
    gsize payload = 0, pes_left = 0, bytes = 0;
    guint n, units = 0;

    begin (&t, FALSE, 0x03);
    for (guint i = 0; i < 50; i++)
      audio (&t, 90000 + i * 2160, size);
    cut (&t, FALSE);
    n = t.bytes->len / 188;
    for (guint i = 2; i < n; i++) {
      const guint8 *p = packet (&t, i);
      guint skip = p[3] & 0x20 ? 5 + p[4] : 4;

      if (!(p[3] & 0x10))
        continue;
      if (p[1] & 0x40) {
        const guint8 *pes = p + skip;

        g_assert_cmpuint (pes_left, ==, 0);
        g_assert_cmpint (memcmp (pes, "\0\0\1\xc0", 4), ==, 0);
        pes_left = 6 + (pes[4] << 8 | pes[5]);
        g_assert_cmpuint (pes_left - 14, <=, 3500 + size);
        g_assert_cmpuint ((pes_left - 14) % size, ==, 0);
        bytes += pes_left - 14;
        units++;
        time_field (pes + 9, 2);
      }
      payload = 188 - skip;
      g_assert_cmpuint (payload, <=, pes_left);
      pes_left -= payload;
    }
    g_assert_cmpuint (pes_left, ==, 0);
    g_assert_cmpuint (bytes, ==, 50 * size);
    if (size <= 700)
      g_assert_cmpuint (units, <=, 25);
    end (&t);
  }
}

/* Clock references at least each 100 ms, also where pictures are far apart, and over
 * the wrap; the counters of each PID without a step over all joins. */
static void
test_clock (void)
{
  Test t;
  gint64 last = -1, at = WRAP - 5 * 90000;
  int cc[8192];
  guint references = 0;

  memset (cc, 0xff, sizeof cc);
  begin (&t, TRUE, 0x03);
  for (guint i = 0; i < 40; i++) {
    video (&t, at + i * 25920, at + i * 25920, 100 + i * 37);
    for (guint k = 0; k < 12; k++)
      audio (&t, at + i * 25920 + k * 2160, 384);
    if (i % 4 == 3) {
      cut (&t, FALSE);
      lockstep_ts_writer_begin_segment (&t.w, FALSE, -1);
    }
  }
  cut (&t, FALSE);
  for (guint i = 0; i < t.bytes->len / 188; i++) {
    const guint8 *p = packet (&t, i);
    guint pid = pid_of (p);

    if (p[3] & 0x10) {
      if (cc[pid] >= 0)
        g_assert_cmpint (p[3] & 15, ==, (cc[pid] + 1) & 15);
      cc[pid] = p[3] & 15;
    } else if (cc[pid] >= 0) {
      g_assert_cmpint (p[3] & 15, ==, cc[pid]); /* no payload: not counted */
    }
    if ((p[3] & 0x20) && p[4] > 0 && (p[5] & 0x10)) {
      gint64 pcr = (gint64) p[6] << 25 | p[7] << 17 | p[8] << 9 | p[9] << 1
          | p[10] >> 7;

      g_assert_cmpuint (pid, ==, LOCKSTEP_TS_PID_VIDEO);
      if (last >= 0)
        g_assert_cmpint ((pcr - last) & (WRAP - 1), <=, 9000);
      last = pcr;
      references++;
    }
  }
  g_assert_cmpuint (references, >, 100);
  g_assert_cmpint (last, <, 10 * 90000);        /* it wrapped */
  end (&t);
}

/* The first clock reference after a jump says so, and only that. */
static void
test_discontinuity (void)
{
  Test t;
  gsize at;
  guint said = 0;

  begin (&t, TRUE, 0);
  video (&t, 90000, 90000, 300);
  cut (&t, FALSE);
  lockstep_ts_writer_begin_segment (&t.w, TRUE, -1);
  video (&t, 9000, 9000, 300);
  video (&t, 12000, 12000, 300);
  at = cut (&t, FALSE);
  for (gsize i = at; i < t.bytes->len; i += 188) {
    const guint8 *p = t.bytes->data + i;

    if ((p[3] & 0x20) && p[4] > 0 && (p[5] & 0x80)) {
      g_assert_cmphex (p[5] & 0x10, ==, 0x10);
      said++;
    }
  }
  g_assert_cmpuint (said, ==, 1);
  end (&t);
}

/* Aligned: both counters end at 0, whatever was written, and no byte is lost. */
static void
test_align (void)
{
  g_autoptr (GRand) rnd = g_rand_new_with_seed (188);

  for (guint round = 0; round < 300; round++) {
    Test t;
    gsize sum[2] = { 0 }, got[2] = { 0 };
    int cc[2] = { -1, -1 };
    guint pictures = g_rand_int_range (rnd, 20, 40);

    begin (&t, TRUE, 0x03);
    for (guint i = 0; i < pictures; i++) {
      gsize v = g_rand_int_range (rnd, 100, 4000);
      gsize a = g_rand_int_range (rnd, 100, 900);

      audio (&t, 90000 + i * 3000, a);
      video (&t, 90000 + i * 3000, 90000 + i * 3000, v);
      sum[0] += v;
      sum[1] += a;
    }
    cut (&t, TRUE);
    for (guint i = 2; i < t.bytes->len / 188; i++) {
      const guint8 *p = packet (&t, i);
      guint which = pid_of (p) == LOCKSTEP_TS_PID_AUDIO;
      guint skip = p[3] & 0x20 ? 5 + p[4] : 4;

      if (!(p[3] & 0x10))
        continue;
      if (cc[which] >= 0)
        g_assert_cmpint (p[3] & 15, ==, (cc[which] + 1) & 15);
      cc[which] = p[3] & 15;
      got[which] += 188 - skip - (p[1] & 0x40 ? 14 : 0);
    }
    g_assert_cmpint (cc[0], ==, 15);
    g_assert_cmpint (cc[1], ==, 15);
    g_assert_cmpuint (got[0], ==, sum[0]);
    g_assert_cmpuint (got[1], ==, sum[1]);
    end (&t);
  }
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/tswriter/crc", test_crc);
  g_test_add_func ("/tswriter/tables", test_tables);
  g_test_add_func ("/tswriter/version", test_version);
  g_test_add_func ("/tswriter/stuffing", test_stuffing);
  g_test_add_func ("/tswriter/times", test_times);
  g_test_add_func ("/tswriter/audio-lengths", test_audio_lengths);
  g_test_add_func ("/tswriter/clock", test_clock);
  g_test_add_func ("/tswriter/discontinuity", test_discontinuity);
  g_test_add_func ("/tswriter/align", test_align);
  return g_test_run ();
}
