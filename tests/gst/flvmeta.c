/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The onMetaData of FLV streams as senders write it, cut off anywhere, and random bytes. */
#include <gst/lockstep/flvmeta.h>

#include <string.h>

static void
add_name (GByteArray * to, const char *name)
{
  guint8 length[2] = { strlen (name) >> 8, strlen (name) & 0xff };

  g_byte_array_append (to, length, 2);
  g_byte_array_append (to, (const guint8 *) name, strlen (name));
}

static void
add_bytes (GByteArray * to, const char *bytes, gsize n)
{
  g_byte_array_append (to, (const guint8 *) bytes, n);
}

static void
add_number (GByteArray * to, const char *name, double number)
{
  union
  {
    double number;
    guint64 bits;
  } value = { number };
  guint64 bits = GUINT64_TO_BE (value.bits);

  add_name (to, name);
  add_bytes (to, "\0", 1);
  g_byte_array_append (to, (guint8 *) & bits, 8);
}

static void
add_tag (GByteArray * to, guint8 type, const GByteArray * body)
{
  guint8 header[11] = { type, body->len >> 16, body->len >> 8, body->len };
  guint8 back[4] = { 0, 0, 0, body->len + 11 };

  g_byte_array_append (to, header, sizeof header);
  g_byte_array_append (to, body->data, body->len);
  g_byte_array_append (to, back, sizeof back);
}

/* A sender's: an ECMA array, or an object, with all kinds of values before. */
static GByteArray *
stream (gboolean header, gboolean set_data_frame, gboolean object,
    double audio, double video)
{
  GByteArray *all = g_byte_array_new ();
  g_autoptr (GByteArray) body = g_byte_array_new ();
  g_autoptr (GByteArray) sound = g_byte_array_new ();

  if (header)
    add_bytes (all, "FLV\1\5\0\0\0\x9\0\0\0\0", 13);
  add_bytes (sound, "\xaf\0\x12\x10", 4);
  add_tag (all, 8, sound);
  if (set_data_frame) {
    add_bytes (body, "\2", 1);
    add_name (body, "@setDataFrame");
  }
  add_bytes (body, "\2", 1);
  add_name (body, "onMetaData");
  add_bytes (body, object ? "\3" : "\x8\0\0\0\x9", object ? 1 : 5);
  add_name (body, "encoder");
  add_bytes (body, "\2", 1);
  add_name (body, "Lavf");
  add_name (body, "stereo");
  add_bytes (body, "\1\1", 2);
  add_name (body, "nothing");
  add_bytes (body, "\5", 1);
  add_name (body, "when");
  add_bytes (body, "\xb" "0123456789", 11);
  add_name (body, "list");
  add_bytes (body, "\xa\0\0\0\2\1\0\6", 8);
  add_name (body, "long");
  add_bytes (body, "\xc\0\0\0\3abc", 8);
  /* what an inner object says is not of the stream */
  add_name (body, "inner");
  add_bytes (body, "\3", 1);
  add_number (body, "videocodecid", 7);
  add_bytes (body, "\0\0\x9", 3);
  if (audio >= 0)
    add_number (body, "audiocodecid", audio);
  if (video >= 0)
    add_number (body, "videocodecid", video);
  add_bytes (body, "\0\0\x9", 3);
  add_tag (all, 18, body);
  return all;
}

static void
test_said (void)
{
  const struct
  {
    double audio, video;
    gboolean told, has_audio, has_video;
  } cases[] = {
    {10, 7, TRUE, TRUE, TRUE}, {10, -1, TRUE, TRUE, FALSE},
    {10, 0, TRUE, TRUE, FALSE}, {-1, 7, TRUE, FALSE, TRUE},
    {-1, -1, FALSE, FALSE, FALSE}, {0, 0, FALSE, FALSE, FALSE},
  };

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++) {
    for (guint form = 0; form < 8; form++) {
      g_autoptr (GByteArray) data = stream (form & 1, form & 2, form & 4,
          cases[i].audio, cases[i].video);
      LockstepFlvMeta meta;

      g_assert_cmpint (lockstep_flv_meta_parse (data->data, data->len, &meta),
          ==, cases[i].told);
      g_assert_cmpint (meta.audio, ==, cases[i].has_audio);
      g_assert_cmpint (meta.video, ==, cases[i].has_video);
    }
  }
}

/* A text for a codec's name, as FFmpeg's "avc1", and flags. */
static void
test_other_types (void)
{
  g_autoptr (GByteArray) all = g_byte_array_new ();
  g_autoptr (GByteArray) body = g_byte_array_new ();
  LockstepFlvMeta meta;

  add_bytes (body, "\2", 1);
  add_name (body, "onMetaData");
  add_bytes (body, "\3", 1);
  add_name (body, "hasAudio");
  add_bytes (body, "\1\0", 2);
  add_name (body, "videocodecid");
  add_bytes (body, "\2", 1);
  add_name (body, "avc1");
  add_bytes (body, "\0\0\x9", 3);
  add_tag (all, 18, body);
  g_assert_true (lockstep_flv_meta_parse (all->data, all->len, &meta));
  g_assert_false (meta.audio);
  g_assert_true (meta.video);
}

/* Nothing is read beyond the end: each piece is in memory of its own. */
static void
test_cut_off (void)
{
  g_autoptr (GByteArray) data = stream (TRUE, TRUE, FALSE, 10, 7);
  LockstepFlvMeta meta;

  for (guint n = 0; n < data->len - 4; n++) {
    g_autofree guint8 *piece = g_memdup2 (data->data, n);

    g_assert_false (lockstep_flv_meta_parse (piece, n, &meta));
  }
}

static void
test_hostile (void)
{
  g_autoptr (GByteArray) good = stream (TRUE, TRUE, FALSE, 10, 7);
  g_autoptr (GByteArray) deep = g_byte_array_new ();
  g_autoptr (GByteArray) body = g_byte_array_new ();
  GRand *rnd = g_rand_new_with_seed (7);
  LockstepFlvMeta meta;

  /* objects in objects, without end; an array of as many as can be said */
  add_bytes (body, "\2", 1);
  add_name (body, "onMetaData");
  for (guint i = 0; i < 20000; i++)
    add_bytes (body, "\3\0\1a", 4);
  add_tag (deep, 18, body);
  g_assert_false (lockstep_flv_meta_parse (deep->data, deep->len, &meta));
  for (guint round = 0; round < 20000; round++) {
    g_autofree guint8 *data = g_memdup2 (good->data, good->len);

    for (gint k = g_rand_int_range (rnd, 1, 6); k > 0; k--)
      data[g_rand_int_range (rnd, 0, good->len)] = g_rand_int (rnd);
    lockstep_flv_meta_parse (data, good->len, &meta);
  }
  g_rand_free (rnd);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/flvmeta/said", test_said);
  g_test_add_func ("/flvmeta/other-types", test_other_types);
  g_test_add_func ("/flvmeta/cut-off", test_cut_off);
  g_test_add_func ("/flvmeta/hostile", test_hostile);
  return g_test_run ();
}
