/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The validator must find nothing in a good stream, and each thing that is broken
 * in it. Segments come from the segmenter; the playlists are written by hand. */
#include <gst/lockstep/hlscheck.h>
#include <gst/lockstep/segmenter.h>
#include <string.h>

#define MS G_GINT64_CONSTANT (1000000)
#define N_SEGMENTS 12

typedef struct
{
  GHashTable *files;            /* name to GBytes */
  gint64 durations[N_SEGMENTS + 1];
  guint n;
} Stream;

static void
on_segment (gpointer user, LockstepSegment * segment)
{
  Stream *stream = user;
  GByteArray *all = g_byte_array_new ();

  for (guint i = 0; i < segment->chunks->len; i++) {
    LockstepTsChunk *chunk = g_ptr_array_index (segment->chunks, i);

    g_byte_array_append (all, chunk->data, chunk->size);
  }
  if (stream->n <= N_SEGMENTS)
    stream->durations[stream->n] = segment->duration;
  g_hash_table_insert (stream->files, g_strdup_printf ("s%u.ts", stream->n),
      g_byte_array_free_to_bytes (all));
  stream->n++;
  lockstep_segment_free (segment);
}

/* @gone, @back: pictures that never come, and the one that comes after them, which is a
 * key frame; equal: all come. @late: ns that the sound begins, and ends, later */
static Stream *
make_stream_of (gboolean video, guint gone, guint back, gint64 late)
{
  static const LockstepSegmenterCallbacks callbacks = { on_segment, NULL };
  static const guint8 key[] = { 0, 0, 0, 1, 0x67, 0x42, 0xc0, 0x1e, 0xd9,
    0, 0, 0, 1, 0x68, 0xce, 0x3c, 0x80, 0, 0, 0, 1, 0x65, 0x88, 0x80
  };
  static const guint8 delta[] = { 0, 0, 0, 1, 0x41, 0x9a, 0x80, 0x80, 0x80 };
  LockstepSegmenterConfig config = { 1000 * MS, 0, FALSE };
  Stream *stream = g_new0 (Stream, 1);
  LockstepSegmenter *s = lockstep_segmenter_new (&config, &callbacks, stream);

  stream->files = g_hash_table_new_full (g_str_hash, g_str_equal, g_free,
      (GDestroyNotify) g_bytes_unref);
  if (video)
    lockstep_segmenter_add_track (s, LOCKSTEP_TRACK_VIDEO);
  lockstep_segmenter_add_track (s, LOCKSTEP_TRACK_AUDIO);
  lockstep_segmenter_set_video (s, NULL, 0);
  lockstep_segmenter_set_audio (s, LOCKSTEP_AUDIO_MPEG, NULL);
  for (guint i = 0, j = 0; i < N_SEGMENTS * 25 || j * 24 < i * 40;) {
    gint64 sound = j * 24 * MS + late;

    if (sound < i * 40 * MS || i == N_SEGMENTS * 25) {
      guint8 frame[384] = { 0xff, 0xfb, 0x94, 0x00 };

      lockstep_segmenter_push (s, LOCKSTEP_TRACK_AUDIO,
          gst_buffer_new_memdup (frame, sizeof frame), sound,
          LOCKSTEP_NO_TIME, 0, 0);
      j++;
    } else {
      gboolean is_key = i % 25 == 0 || (i == back && back > gone);

      /* as the element does where the pictures stay behind for too long */
      if (i == gone && back > gone)
        lockstep_segmenter_give_up_on (s, LOCKSTEP_TRACK_VIDEO);
      if (video && (i < gone || i >= back))
        lockstep_segmenter_push (s, LOCKSTEP_TRACK_VIDEO, is_key ?
            gst_buffer_new_memdup (key, sizeof key)
            : gst_buffer_new_memdup (delta, sizeof delta), i * 40 * MS,
            i * 40 * MS, 40 * MS, 0);
      i++;
    }
  }
  lockstep_segmenter_finish (s);
  lockstep_segmenter_free (s);
  g_assert_cmpuint (stream->n, ==, N_SEGMENTS + (late > 0));
  return stream;
}

static Stream *
make_stream (void)
{
  return make_stream_of (TRUE, 0, 0, 0);
}

static void
free_stream (Stream * stream)
{
  g_hash_table_unref (stream->files);
  g_free (stream);
}

static GBytes *
fetch (gpointer user, const char *uri, GError ** error)
{
  GBytes *bytes = g_hash_table_lookup (((Stream *) user)->files, uri);

  return bytes != NULL ? g_bytes_ref (bytes) : NULL;
}

/* Segments @from to @to, as a good live list has them. */
static char *
list (Stream * stream, guint from, guint to, gboolean end)
{
  GString *out = g_string_new ("#EXTM3U\n#EXT-X-VERSION:6\n"
      "#EXT-X-TARGETDURATION:1\n#EXT-X-INDEPENDENT-SEGMENTS\n");

  g_string_append_printf (out, "#EXT-X-MEDIA-SEQUENCE:%u\n"
      "#EXT-X-DISCONTINUITY-SEQUENCE:0\n", from);
  for (guint i = from; i < to; i++)
    g_string_append_printf (out,
        "#EXT-X-PROGRAM-DATE-TIME:2026-11-20T10:00:%02u.000Z\n"
        "#EXTINF:%.6f,\ns%u.ts\n", i, stream->durations[i] / 1e9, i);
  if (end)
    g_string_append (out, "#EXT-X-ENDLIST\n");
  return g_string_free (out, FALSE);
}

static void
replace (char **text, const char *from, const char *to)
{
  g_autoptr (GString) s = g_string_new (*text);

  g_assert_cmpuint (g_string_replace (s, from, to, 0), >, 0);
  g_free (*text);
  *text = g_string_free (g_steal_pointer (&s), FALSE);
}

static void
look (LockstepHlsCheck * check, const char *text, gint64 ms)
{
  lockstep_hls_check_snapshot (check, text, strlen (text), ms * 1000);
}

/* TRUE where @rule is told; every other finding fails the test, where @only. */
static gboolean
found (LockstepHlsCheck * check, guint rule, gint64 ms)
{
  GPtrArray *findings = lockstep_hls_check_finish (check, ms * 1000);
  gboolean hit = FALSE;

  for (guint i = 0; i < findings->len; i++) {
    LockstepHlsFinding *f = g_ptr_array_index (findings, i);

    g_test_message ("rule %u: %s: %s", f->rule, f->place, f->text);
    g_assert_nonnull (lockstep_hls_rule_text (f->rule));
    hit |= f->rule == rule;
  }
  if (rule == 0)
    return findings->len > 0;
  return hit;
}

static void
test_good (void)
{
  Stream *stream = make_stream ();
  g_autoptr (LockstepHlsCheck) check =
      lockstep_hls_check_new (1.0, fetch, stream);

  for (guint i = 4; i <= N_SEGMENTS; i++) {
    g_autofree char *text = list (stream, i > 6 ? i - 6 : 0, i,
        i == N_SEGMENTS);

    look (check, text, i * 1000);
  }
  g_assert_true (lockstep_hls_check_ended (check));
  g_assert_cmpuint (lockstep_hls_check_n_segments (check), ==, N_SEGMENTS);
  g_assert_false (found (check, 0, N_SEGMENTS * 1000));
  free_stream (stream);
}

/* One thing is changed in one snapshot. */
static void
test_snapshot (void)
{
  static const struct
  {
    guint rule;
    const char *from, *to;
  } cases[] = {
    {1, "#EXTM3U\n", "\xef\xbb\xbf#EXTM3U\n"},
    {1, "#EXTM3U\n", "#EXTM4U\n"},
    {1, "#EXT-X-VERSION:6\n", "#EXT-X-VERSION:6\n#EXT-X-VERSION:6\n"},
    {1, "s3.ts\n", "s3.ts\n#\x01\n"},
    {2, "#EXT-X-VERSION:6\n", "#EXT-X-VERSION:2\n"},
    {2, "#EXT-X-VERSION:6\n", "#EXT-X-VERSION:4\n#EXT-X-MAP:URI=\"i\"\n"},
    {3, "TARGETDURATION:1", "TARGETDURATION:0"},
    {3, "TARGETDURATION:1", "TARGETDURATION:1.5"},
    {3, "#EXT-X-TARGETDURATION:1\n", ""},
    {3, "EXTINF:1.000000,\ns2.ts", "EXTINF:1.500000,\ns2.ts"},
    {4, "EXTINF:1.000000,\ns2.ts", "EXTINF:0.000000,\ns2.ts"},
    {4, "EXTINF:1.000000,\ns2.ts", "EXTINF:1.0,\ns2.ts"},
    {4, "EXTINF:1.000000,\ns2.ts", "EXTINF:1.100000,\ns2.ts"},
    {4, "#EXTINF:1.000000,\ns2.ts", "s2.ts"},
    {5, "s0.ts\n", "s0.ts\n#EXT-X-MEDIA-SEQUENCE:0\n"},
    {6, "#EXT-X-VERSION:6\n", "#EXT-X-VERSION:6\n#EXT-X-PLAYLIST-TYPE:X\n"},
    {7, "10:00:03.000Z", "10:00:03.000"},
    {7, "10:00:03.000Z", "10:00:03Z"},
    {7, "10:00:03.000Z", "10:00:04.000Z"},
    {7, "#EXT-X-PROGRAM-DATE-TIME:2026-11-20T10:00:03.000Z\n", ""},
    {9, "s0.ts\n", "s0.ts\n#EXT-X-KEY:METHOD=NONE,URI=\"k\"\n"},
    {9, "s0.ts\n", "s0.ts\n#EXT-X-KEY:METHOD=AES-128\n"},
    {11, "s3.ts", "s99.ts"},
    {21, "s3.ts", "s7.ts"},
  };

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++) {
    Stream *stream = make_stream ();
    g_autoptr (LockstepHlsCheck) check =
        lockstep_hls_check_new (1.0, fetch, stream);
    g_autofree char *text = list (stream, 0, 6, FALSE);

    replace (&text, cases[i].from, cases[i].to);
    g_test_message ("case %u: %s", i, cases[i].to);
    look (check, text, 0);
    g_assert_true (found (check, cases[i].rule, 0));
    free_stream (stream);
  }
}

/* The list changes in a way that it must not. */
static void
test_change (void)
{
  static const struct
  {
    guint rule;
    guint from, to;             /* of the second list */
    gint64 ms;                  /* after the first */
    const char *old, *new;
  } cases[] = {
    {12, 1, 7, 1000, "TARGETDURATION:1", "TARGETDURATION:2"},
    {13, 1, 7, 1000, "s3.ts", "s4.ts"},
    {13, 1, 7, 1000, "EXTINF:1.000000,\ns3.ts", "EXTINF:1.000001,\ns3.ts"},
    {13, 1, 7, 1000, "10:00:03.000Z", "10:00:03.002Z"},
    {13, 1, 7, 1000, "DISCONTINUITY-SEQUENCE:0", "DISCONTINUITY-SEQUENCE:1"},
    {13, 1, 4, 1000, NULL, NULL},
    {14, 5, 7, 1000, NULL, NULL},
    {15, 1, 7, 1600, NULL, NULL},
    {6, 1, 7, 1000, "#EXT-X-VERSION:6\n",
        "#EXT-X-VERSION:6\n#EXT-X-PLAYLIST-TYPE:EVENT\n"},
  };

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++) {
    Stream *stream = make_stream ();
    g_autoptr (LockstepHlsCheck) check =
        lockstep_hls_check_new (1.0, fetch, stream);
    g_autofree char *first = list (stream, 0, 6, FALSE);
    g_autofree char *second = list (stream, cases[i].from, cases[i].to, FALSE);

    if (cases[i].old != NULL)
      replace (&second, cases[i].old, cases[i].new);
    g_test_message ("case %u", i);
    look (check, first, 0);
    look (check, second, cases[i].ms);
    g_assert_true (found (check, cases[i].rule, cases[i].ms));
    free_stream (stream);
  }
}

/* Segments that are not what they should be. */
static void
test_media (void)
{
  for (guint which = 0; which < 7; which++) {
    Stream *stream = make_stream ();
    g_autoptr (LockstepHlsCheck) check =
        lockstep_hls_check_new (1.0, fetch, stream);
    g_autofree char *text = list (stream, 0, 6, FALSE);
    GBytes *old = g_hash_table_lookup (stream->files, "s3.ts");
    gsize size;
    const guint8 *data = g_bytes_get_data (old, &size);
    g_autofree guint8 *copy = g_memdup2 (data, size);
    guint rule = 0;

    switch (which) {
      case 0:                  /* cut short */
        size -= 100;
        rule = 11;
        break;
      case 1:                  /* grows after it was listed */
        rule = 11;
        break;
      case 2:                  /* PAT comes second */
        memcpy (copy, data + 188, 188);
        memcpy (copy + 188, data, 188);
        rule = 18;
        break;
      case 3:                  /* a packet is missing */
        memmove (copy + 188 * 4, copy + 188 * 5, size - 188 * 5);
        size -= 188;
        rule = 18;
        break;
      case 4:                  /* no IDR: nal_unit_type 5 becomes 1 */
        for (gsize i = 0; i + 5 < size; i++)
          if (memcmp (copy + i, "\0\0\0\1\x65", 5) == 0)
            copy[i + 4] = 0x61;
        rule = 10;
        break;
      case 5:                  /* gone before its time */
        rule = 16;
        break;
      case 6:                  /* another grid */
        rule = 22;
        break;
    }
    if (which == 6) {
      g_clear_pointer (&check, lockstep_hls_check_free);
      check = lockstep_hls_check_new (0.98, fetch, stream);
    }
    if (which != 1)
      g_hash_table_insert (stream->files, g_strdup ("s3.ts"),
          g_bytes_new (copy, size));
    look (check, text, 0);
    if (which == 1)
      g_hash_table_insert (stream->files, g_strdup ("s3.ts"),
          g_bytes_new (copy, size - 188));
    if (which == 5) {
      g_autofree char *next = list (stream, 2, 7, FALSE);

      g_hash_table_remove (stream->files, "s1.ts");
      look (check, next, 1000);
    }
    g_test_message ("case %u", which);
    g_assert_true (found (check, rule, 1000));
    free_stream (stream);
  }
}

/* A live list begins anywhere: what its first segment is off the grid is not held
 * against the others. (24 ms frames, 1 s: boundaries are off by 0, 8, -8, 0, ...) */
static void
test_grid_of_window (void)
{
  for (guint from = 0; from < 4; from++) {
    Stream *stream = make_stream_of (FALSE, 0, 0, 0);
    g_autoptr (LockstepHlsCheck) check =
        lockstep_hls_check_new (1.0, fetch, stream);
    g_autofree char *text = list (stream, from, from + 6, FALSE);

    look (check, text, 0);
    g_assert_false (found (check, 22, 1000));
    free_stream (stream);
  }
}

/* A stream that is cut by the clock begins between two boundaries: its first segment is
 * shorter, by more than a frame and less than is seen at once. */
static void
test_grid_of_clock (void)
{
  static const LockstepSegmenterCallbacks callbacks = { on_segment, NULL };
  LockstepSegmenterConfig config = { 1000 * MS, 0, TRUE };
  Stream *stream = g_new0 (Stream, 1);
  g_autoptr (LockstepSegmenter) s =
      lockstep_segmenter_new (&config, &callbacks, stream);
  g_autoptr (LockstepHlsCheck) check =
      lockstep_hls_check_new (1.0, fetch, stream);
  g_autofree char *text = NULL;

  stream->files = g_hash_table_new_full (g_str_hash, g_str_equal, g_free,
      (GDestroyNotify) g_bytes_unref);
  lockstep_segmenter_add_track (s, LOCKSTEP_TRACK_AUDIO);
  lockstep_segmenter_set_audio (s, LOCKSTEP_AUDIO_MPEG, NULL);
  for (guint i = 0; i < 400; i++) {
    guint8 frame[384] = { 0xff, 0xfb, 0x94, 0x00 };

    lockstep_segmenter_push (s, LOCKSTEP_TRACK_AUDIO,
        gst_buffer_new_memdup (frame, sizeof frame),
        1495000000 * (1000 * MS) + 100 * MS + i * 24 * MS, LOCKSTEP_NO_TIME,
        0, 0);
  }
  lockstep_segmenter_finish (s);
  g_assert_cmpint (stream->durations[0], <, 950 * MS);
  text = list (stream, 0, 9, FALSE);
  replace (&text, "SEQUENCE:0\n#EXT-X-DISC",
      "SEQUENCE:1495000000\n#EXT-X-DISC");
  look (check, text, 0);
  g_assert_false (found (check, 22, 1000));
  free_stream (stream);
}

/* Pictures stay away for 1.5 s, and two segments are cut by the sound alone. The second one,
 * of 4.992 s, has its first picture at 5.120 s: that is told as such, and its EXTINF is true,
 * as the sound goes on by it. */
static void
test_picture_in_the_middle (void)
{
  for (guint c = 0; c < 2; c++) {
    Stream *stream = make_stream_of (TRUE, 90, 128, 0);
    g_autoptr (LockstepHlsCheck) check =
        lockstep_hls_check_new (1.0, fetch, stream);
    /* the list may begin with that very segment */
    g_autofree char *text = list (stream, c == 0 ? 0 : 5, N_SEGMENTS, FALSE);

    g_assert_cmpint (stream->durations[4], ==, 984 * MS);
    g_assert_cmpint (stream->durations[5], ==, 1008 * MS);
    look (check, text, 0);
    g_assert_true (found (check, 23, 1000));
    g_assert_false (found (check, 4, 1000));
    g_assert_false (found (check, 22, 1000));
    free_stream (stream);
  }
}

/* The sound begins 120 ms after the pictures and ends as much after them, in a segment of
 * its own: it starts where the pictures before it end, not 120 ms off. */
static void
test_sound_late_and_alone (void)
{
  Stream *stream = make_stream_of (TRUE, 0, 0, 120 * MS);
  g_autoptr (LockstepHlsCheck) check =
      lockstep_hls_check_new (1.0, fetch, stream);
  g_autofree char *text = list (stream, 0, N_SEGMENTS + 1, TRUE);
  g_autofree char *wrong = NULL;

  g_assert_cmpint (stream->durations[N_SEGMENTS], ==, 120 * MS);
  look (check, text, 0);
  g_assert_false (found (check, 4, 1000));
  lockstep_hls_check_free (g_steal_pointer (&check));

  check = lockstep_hls_check_new (1.0, fetch, stream);
  wrong = g_strdup (text);
  replace (&wrong, "#EXTINF:1.000000,\ns11.ts", "#EXTINF:0.940000,\ns11.ts");
  look (check, wrong, 0);
  g_assert_true (found (check, 4, 1000));
  free_stream (stream);
}

/* "a/" is of the first stream, "b/" of the second. */
static GBytes *
fetch_of_two (gpointer user, const char *uri, GError ** error)
{
  Stream **streams = user;

  return fetch (streams[uri[0] - 'a'], uri + 2, error);
}

/* Two renditions cut alike; in one a picture came late, and the sound says so. */
static void
test_picture_in_the_middle_of_one (void)
{
  static const char top[] = "#EXTM3U\n"
      "#EXT-X-STREAM-INF:BANDWIDTH=900000,CODECS=\"x\"\na/index.m3u8\n"
      "#EXT-X-STREAM-INF:BANDWIDTH=900000,CODECS=\"x\"\nb/index.m3u8\n";
  Stream *streams[] = { make_stream (), make_stream_of (TRUE, 90, 128, 0) };
  g_autoptr (LockstepHlsSet) set =
      lockstep_hls_set_new (1.0, fetch_of_two, streams);
  GPtrArray *findings;

  for (guint i = 0; i < 2; i++) {
    char *text = list (streams[i], 0, N_SEGMENTS, FALSE);

    g_hash_table_insert (streams[i]->files, g_strdup ("index.m3u8"),
        g_bytes_new_take (text, strlen (text)));
  }
  lockstep_hls_set_snapshot (set, top, strlen (top), 0);
  findings = lockstep_hls_set_finish (set, 0);
  for (guint i = 0; i < findings->len; i++)
    g_assert_cmpuint (((LockstepHlsFinding *) findings->pdata[i])->rule, !=,
        29);
  free_stream (streams[0]);
  free_stream (streams[1]);
}

/* Anything: it says something, or nothing, and lives. */
static void
test_garbage (void)
{
  Stream *stream = make_stream ();
  g_autoptr (GRand) rnd = g_rand_new_with_seed (9);
  g_autofree char *good = list (stream, 0, 6, FALSE);
  gsize n = strlen (good);

  for (guint round = 0; round < 500; round++) {
    g_autoptr (LockstepHlsCheck) check =
        lockstep_hls_check_new (0, fetch, stream);

    for (guint k = 0; k < 3; k++) {
      g_autofree char *text = g_memdup2 (good, n);
      GBytes *old = g_hash_table_lookup (stream->files, "s3.ts");
      gsize size;
      const guint8 *data = g_bytes_get_data (old, &size);
      guint8 *copy = g_memdup2 (data, size);

      for (guint i = 0; i < 3; i++) {
        text[g_rand_int_range (rnd, 0, n)] = g_rand_int (rnd);
        copy[g_rand_int_range (rnd, 0, size)] = g_rand_int (rnd);
      }
      g_hash_table_insert (stream->files, g_strdup ("s3.ts"),
          g_bytes_new_take (copy, size));
      lockstep_hls_check_snapshot (check, text, g_rand_int_range (rnd, 0, n),
          k * 1000000);
    }
    lockstep_hls_check_finish (check, 4000000);
  }
  free_stream (stream);
}

int
main (int argc, char **argv)
{
  gst_init (&argc, &argv);
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/hlscheck/good", test_good);
  g_test_add_func ("/hlscheck/snapshot", test_snapshot);
  g_test_add_func ("/hlscheck/change", test_change);
  g_test_add_func ("/hlscheck/media", test_media);
  g_test_add_func ("/hlscheck/grid-of-window", test_grid_of_window);
  g_test_add_func ("/hlscheck/grid-of-clock", test_grid_of_clock);
  g_test_add_func ("/hlscheck/picture-in-the-middle",
      test_picture_in_the_middle);
  g_test_add_func ("/hlscheck/picture-in-the-middle-of-one",
      test_picture_in_the_middle_of_one);
  g_test_add_func ("/hlscheck/sound-late-and-alone", test_sound_late_and_alone);
  g_test_add_func ("/hlscheck/garbage", test_garbage);
  return g_test_run ();
}
