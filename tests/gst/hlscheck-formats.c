/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The validator on fragmented MP4 and packed audio, made here byte by byte: nothing on
 * good ones, and each thing that is broken. */
#include <gst/lockstep/hlscheck.h>
#include <string.h>

#define N 6

static GHashTable *files;       /* name to GBytes */

static GBytes *
fetch (gpointer user, const char *uri, GError ** error)
{
  GBytes *bytes = g_hash_table_lookup (files, uri);

  return bytes != NULL ? g_bytes_ref (bytes) : NULL;
}

static void
put (const char *name, GByteArray * bytes)
{
  g_hash_table_insert (files, g_strdup (name),
      g_byte_array_free_to_bytes (bytes));
}

/* Tells whether @rule is found in a list of @names; 0: anything. */
static gboolean
found (guint rule, const char *head, const char *suffix)
{
  g_autoptr (LockstepHlsCheck) check =
      lockstep_hls_check_new (0.96, fetch, NULL);
  g_autoptr (GString) list =
      g_string_new ("#EXTM3U\n#EXT-X-VERSION:7\n"
      "#EXT-X-TARGETDURATION:1\n#EXT-X-INDEPENDENT-SEGMENTS\n");
  GPtrArray *findings;
  gboolean hit = FALSE;

  g_string_append (list, head);
  for (guint i = 0; i < N; i++)
    g_string_append_printf (list, "#EXTINF:0.960000,\ns%u.%s\n", i, suffix);
  g_string_append (list, "#EXT-X-ENDLIST\n");
  lockstep_hls_check_snapshot (check, list->str, list->len, 0);
  findings = lockstep_hls_check_finish (check, 0);
  for (guint i = 0; i < findings->len; i++) {
    LockstepHlsFinding *f = g_ptr_array_index (findings, i);

    g_test_message ("rule %u: %s: %s", f->rule, f->place, f->text);
    hit |= f->rule == rule || rule == 0;
  }
  return hit;
}

/* {{{ boxes */

static void
add32 (GByteArray * out, guint32 value)
{
  guint32 be = GUINT32_TO_BE (value);

  g_byte_array_append (out, (guint8 *) & be, 4);
}

static void
add_zeros (GByteArray * out, guint n)
{
  while (n-- > 0)
    g_byte_array_append (out, (const guint8 *) "", 1);
}

static guint
open_box (GByteArray * out, const char *type)
{
  guint at = out->len;

  add32 (out, 0);
  g_byte_array_append (out, (const guint8 *) type, 4);
  return at;
}

static void
close_box (GByteArray * out, guint at)
{
  guint32 be = GUINT32_TO_BE (out->len - at);

  memcpy (out->data + at, &be, 4);
}

/* What is wrong with it. */
typedef enum
{
  GOOD,
  OLD_BRAND,
  NO_MVEX,
  FULL_TABLES,
  NO_TFDT,
  TFDT_STEP,
  NOT_IDR,
  NO_MDAT,
} Fault;

static void
add_trak (GByteArray * out, guint id, gboolean video, Fault fault)
{
  guint trak = open_box (out, "trak"), at, mdia, minf, stbl, entry;

  at = open_box (out, "tkhd");
  add_zeros (out, 12);
  add32 (out, id);
  add_zeros (out, 68);
  close_box (out, at);
  mdia = open_box (out, "mdia");
  at = open_box (out, "mdhd");
  add_zeros (out, 12);
  add32 (out, video ? 25 : 48000);
  add_zeros (out, 8);
  close_box (out, at);
  at = open_box (out, "hdlr");
  add_zeros (out, 8);
  g_byte_array_append (out, (const guint8 *) (video ? "vide" : "soun"), 4);
  add_zeros (out, 13);
  close_box (out, at);
  minf = open_box (out, "minf");
  stbl = open_box (out, "stbl");
  at = open_box (out, "stsd");
  add32 (out, 0);
  add32 (out, 1);
  entry = open_box (out, video ? "avc1" : "mp4a");
  add_zeros (out, video ? 78 : 28);
  if (video) {
    guint avcc = open_box (out, "avcC");

    g_byte_array_append (out, (const guint8 *) "\1\x42\xc0\x1e\xff\xe0\0", 7);
    close_box (out, avcc);
  }
  close_box (out, entry);
  close_box (out, at);
  at = open_box (out, "stts");
  add32 (out, 0);
  add32 (out, fault == FULL_TABLES ? 1 : 0);
  close_box (out, at);
  close_box (out, stbl);
  close_box (out, minf);
  close_box (out, mdia);
  close_box (out, trak);
}

static GByteArray *
make_init (Fault fault)
{
  GByteArray *out = g_byte_array_new ();
  guint at = open_box (out, "ftyp"), moov, mvex;

  g_byte_array_append (out, (const guint8 *) "mp42\0\0\0\1mp41", 12);
  g_byte_array_append (out, (const guint8 *) (fault == OLD_BRAND ? "iso5" :
          "iso6"), 4);
  close_box (out, at);
  moov = open_box (out, "moov");
  add_trak (out, 1, TRUE, fault);
  add_trak (out, 2, FALSE, fault);
  if (fault != NO_MVEX) {
    mvex = open_box (out, "mvex");
    for (guint id = 1; id <= 2; id++) {
      at = open_box (out, "trex");
      add32 (out, 0);
      add32 (out, id);
      add32 (out, 1);
      add32 (out, id == 1 ? 1 : 1152);
      add32 (out, 100);
      add32 (out, 0);
      close_box (out, at);
    }
    close_box (out, mvex);
  }
  close_box (out, moov);
  return out;
}

/* 0.96 s: 24 pictures, 40 frames of sound */
static GByteArray *
make_fragment (guint index, Fault fault)
{
  GByteArray *out = g_byte_array_new ();
  guint moof = open_box (out, "moof"), at, offsets[2];
  guint8 picture[100] = { 0, 0, 0, 2, 9, 0xf0, 0, 0, 0, 90, 0x65 };

  at = open_box (out, "mfhd");
  add_zeros (out, 8);
  close_box (out, at);
  for (guint id = 1; id <= 2; id++) {
    guint traf = open_box (out, "traf");
    guint units = id == 1 ? 24 : 40;

    at = open_box (out, "tfhd");
    add32 (out, 0x020000);
    add32 (out, id);
    close_box (out, at);
    if (fault != NO_TFDT) {
      at = open_box (out, "tfdt");
      add32 (out, 0);
      add32 (out, index * (id == 1 ? 24 : 46080)
          + (fault == TFDT_STEP && id == 2 ? 100 : 0));
      close_box (out, at);
    }
    at = open_box (out, "trun");
    add32 (out, id == 1 ? 5 : 1);
    add32 (out, units);
    offsets[id - 1] = out->len;
    add32 (out, 0);
    if (id == 1)
      add32 (out, 0x02000000);
    close_box (out, at);
    close_box (out, traf);
  }
  close_box (out, moof);
  for (guint i = 0; i < 2; i++) {
    guint32 be = GUINT32_TO_BE (out->len + 8 + i * 2400);

    memcpy (out->data + offsets[i], &be, 4);
  }
  if (fault == NO_MDAT)
    return out;
  at = open_box (out, "mdat");
  if (fault == NOT_IDR)
    picture[10] = 0x41;
  for (guint i = 0; i < 64; i++)
    g_byte_array_append (out, picture, sizeof picture);
  close_box (out, at);
  return out;
}

static void
make_mp4 (Fault init, Fault third)
{
  put ("init.mp4", make_init (init));
  for (guint i = 0; i < N; i++) {
    g_autofree char *name = g_strdup_printf ("s%u.m4s", i);

    put (name, make_fragment (i, i == 3 ? third : GOOD));
  }
}

static void
test_mp4 (void)
{
  static const struct
  {
    Fault init, third;
    guint rule;
  } cases[] = {
    {OLD_BRAND, GOOD, 19}, {NO_MVEX, GOOD, 19}, {FULL_TABLES, GOOD, 19},
    {GOOD, NO_TFDT, 19}, {GOOD, TFDT_STEP, 19}, {GOOD, NO_MDAT, 19},
    {GOOD, NOT_IDR, 10},
  };
  const char *map = "#EXT-X-MAP:URI=\"init.mp4\"\n";

  make_mp4 (GOOD, GOOD);
  g_assert_false (found (0, map, "m4s"));
  g_assert_true (found (8, "", "m4s"));
  g_assert_true (found (8, "#EXT-X-MAP:URI=\"none.mp4\"\n", "m4s"));
  for (guint i = 0; i < G_N_ELEMENTS (cases); i++) {
    g_test_message ("case %u", i);
    make_mp4 (cases[i].init, cases[i].third);
    g_assert_true (found (cases[i].rule, map, "m4s"));
  }
}

/* Any bytes changed: it says something or nothing, and lives. */
static void
test_mp4_garbage (void)
{
  g_autoptr (GRand) rnd = g_rand_new_with_seed (31);

  for (guint round = 0; round < 3000; round++) {
    const char *name = round % 2 ? "init.mp4" : "s3.m4s";
    GByteArray *bytes;

    make_mp4 (GOOD, GOOD);
    bytes = g_bytes_unref_to_array (g_bytes_ref (g_hash_table_lookup (files,
                name)));
    for (int n = g_rand_int_range (rnd, 1, 5); n > 0; n--)
      bytes->data[g_rand_int_range (rnd, 0, MIN (bytes->len, 400))] =
          g_rand_int (rnd);
    if (round % 7 == 0)
      g_byte_array_set_size (bytes, g_rand_int_range (rnd, 1, bytes->len));
    put (name, bytes);
    found (0, "#EXT-X-MAP:URI=\"init.mp4\"\n", "m4s");
  }
}

/* {{{ packed audio */

/* @drop: bytes that are missing at the end; @shift: of the timestamp */
static GByteArray *
make_packed (guint index, gboolean tag, guint64 shift, guint drop)
{
  static const char owner[] = "com.apple.streaming.transportStreamTimestamp";
  GByteArray *out = g_byte_array_new ();
  guint64 time = GUINT64_TO_BE (index * G_GUINT64_CONSTANT (86400) + shift);

  if (tag) {
    g_byte_array_append (out, (const guint8 *) "ID3\4\0\0\0\0\0\x3f"
        "PRIV\0\0\0\x35\0\0", 20);
    g_byte_array_append (out, (const guint8 *) owner, sizeof owner);
    g_byte_array_append (out, (const guint8 *) &time, 8);
  }
  for (guint i = 0; i < 40; i++) {
    guint8 frame[384] = { 0xff, 0xfb, 0x94, 0x00 };

    g_byte_array_append (out, frame, sizeof frame);
  }
  g_byte_array_set_size (out, out->len - drop);
  return out;
}

static void
test_packed (void)
{
  static const struct
  {
    gboolean tag;
    guint64 shift;
    guint drop, rule;
  } cases[] = {
    {TRUE, 0, 0, 0},
    {FALSE, 0, 0, 20},
    {TRUE, 3000, 0, 20},
    {TRUE, G_GUINT64_CONSTANT (1) << 33, 0, 20},
    {TRUE, 0, 100, 20},
    {TRUE, 0, 384, 20},
  };

  for (guint c = 0; c < G_N_ELEMENTS (cases); c++) {
    for (guint i = 0; i < N; i++) {
      g_autofree char *name = g_strdup_printf ("s%u.mp3", i);

      put (name, make_packed (i, i != 3 || cases[c].tag,
              i == 3 ? cases[c].shift : 0, i == 3 ? cases[c].drop : 0));
    }
    g_test_message ("case %u", c);
    g_assert_cmpint (found (cases[c].rule, "", "mp3"), ==, c > 0);
  }
}

/* All in one file, by byte ranges. */
static void
test_ranges (void)
{
  GByteArray *all = g_byte_array_new ();
  g_autoptr (GString) list = g_string_new ("#EXTM3U\n#EXT-X-VERSION:4\n"
      "#EXT-X-TARGETDURATION:1\n");
  g_autoptr (LockstepHlsCheck) check =
      lockstep_hls_check_new (0.96, fetch, NULL);
  g_autoptr (LockstepHlsCheck) past =
      lockstep_hls_check_new (0.96, fetch, NULL);
  GPtrArray *findings;

  for (guint i = 0; i < N; i++) {
    GByteArray *one = make_packed (i, TRUE, 0, 0);

    /* the offset is given once, and follows from then on */
    g_string_append_printf (list, "#EXT-X-BYTERANGE:%u%s\n#EXTINF:0.960000,\n"
        "all.mp3\n", one->len, i == 0 ? "@0" : "");
    g_byte_array_append (all, one->data, one->len);
    g_byte_array_unref (one);
  }
  put ("all.mp3", all);
  g_string_append (list, "#EXT-X-ENDLIST\n");
  lockstep_hls_check_snapshot (check, list->str, list->len, 0);
  g_assert_cmpuint (lockstep_hls_check_finish (check, 0)->len, ==, 0);
  g_assert_cmpuint (lockstep_hls_check_n_segments (check), ==, N);

  g_assert_cmpuint (g_string_replace (list, "@0", "@99", 1), ==, 1);
  lockstep_hls_check_snapshot (past, list->str, list->len, 0);
  findings = lockstep_hls_check_finish (past, 0);
  g_assert_cmpuint (findings->len, >, 0);
  g_assert_cmpuint (((LockstepHlsFinding *) g_ptr_array_index (findings,
              0))->rule, ==, 8);
}

int
main (int argc, char **argv)
{
  int status;

  g_test_init (&argc, &argv, NULL);
  files = g_hash_table_new_full (g_str_hash, g_str_equal, g_free,
      (GDestroyNotify) g_bytes_unref);
  g_test_add_func ("/hlscheck/mp4", test_mp4);
  g_test_add_func ("/hlscheck/mp4-garbage", test_mp4_garbage);
  g_test_add_func ("/hlscheck/packed", test_packed);
  g_test_add_func ("/hlscheck/ranges", test_ranges);
  status = g_test_run ();
  g_hash_table_unref (files);
  return status;
}
