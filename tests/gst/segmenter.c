/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The segmenter, judged by the bytes that come out. */
#include "segmenter-feed.h"
#include "../common/resident.h"
#include "../common/sanitizer.h"

#include <string.h>

/* The grid figures: T = 1 s, 30 pictures a second, 10,000 segments. */
static void
grid (guint rate, guint samples, guint seconds)
{
  Test t;
  Feed f = { 0 };
  gint64 half = samples * SECOND / rate / 2 + 1, mean;

  test_begin (&t, SECOND, FALSE, rate, samples);
  t.starts = g_array_new (FALSE, FALSE, sizeof (gint64));
  f.picture_ns = 33333333;      /* drifts by 10 us in 10,000 s, like real ones */
  set_video (&t);
  set_audio (&t);
  feed (&t, &f, TRUE, TRUE, seconds * SECOND + SECOND / 2);
  lockstep_segmenter_finish (t.s);
  g_assert_cmpuint (t.reader.segments, ==, seconds + 1);
  g_assert_cmpint (t.reader.worst_error, <=, half);
  g_assert_cmpint (t.reader.worst_skew, <=, 33333334);
  mean = (g_array_index (t.starts, gint64, seconds)
      - g_array_index (t.starts, gint64, 0)) / seconds;
  g_assert_cmpint (ABS (mean - SECOND), <=, 17 * MS / (gint64) seconds + 1);
  g_assert_cmpint (t.reader.worst_pcr_gap, <=, 9000);
  g_assert_cmpuint (t.reader.no_video, ==, 0);
  g_assert_cmpuint (t.reader.audio_frames, ==, f.frames);
  assert_clean (&t);
  test_end (&t);
}

/* Pictures that stand off the grid, as a browser's do: the audio is split on the
 * grid, the picture is not, and no frame between the two is lost. */
static void
test_pictures_off_grid (void)
{
  static const gint64 periods[] = { 37 * MS, 41 * MS, 66666667, 83 * MS };

  for (guint i = 0; i < G_N_ELEMENTS (periods); i++) {
    Test t;
    Feed f = { 0 };

    test_begin (&t, SECOND, FALSE, 48000, 1152);
    f.picture_ns = periods[i];
    set_video (&t);
    set_audio (&t);
    feed (&t, &f, TRUE, TRUE, 60 * SECOND);
    lockstep_segmenter_finish (t.s);
    g_assert_cmpuint (t.reader.segments, >=, 59);
    g_assert_cmpuint (t.reader.audio_frames, ==, f.frames);
    assert_clean (&t);
    test_end (&t);
  }
}

/* Senders that are short of a processor leave pictures out, most of all before a key frame.
 * What players take the last picture of a segment to last goes up to the next segment. */
static void
test_left_out (void)
{
  static const gint64 periods[] = { 33333333, 40 * MS, 66666667 };

  for (guint i = 0; i < 3 * G_N_ELEMENTS (periods); i++) {
    gint64 period = periods[i / 3], picture_at = 0;
    guint64 frames = 0, sent = 0;
    Test t;

    test_begin (&t, SECOND, FALSE, 48000, 1152);
    set_video (&t);
    set_audio (&t);
    for (; picture_at < 60 * SECOND; picture_at += period) {
      gboolean left_out = FALSE, key;

      for (; (gint64) frames * 24 * MS <= picture_at; frames++)
        lockstep_segmenter_push (t.s, LOCKSTEP_TRACK_AUDIO, audio_frame (&t,
                frames), frames * 24 * MS, LOCKSTEP_NO_TIME, 0, 0);
      key = wanted (&t, picture_at) || picture_at == 0;
      /* those that come after it: none, one or two */
      for (guint j = 0; j < t.asked->len && !key; j++)
        left_out |= g_array_index (t.asked, gint64, j) <= picture_at
            + (gint64) (i % 3) * period;
      if (left_out)
        continue;
      sent++;
      lockstep_segmenter_push (t.s, LOCKSTEP_TRACK_VIDEO, picture (key, 200),
          picture_at, LOCKSTEP_NO_TIME, 0, 0);
    }
    lockstep_segmenter_finish (t.s);
    g_assert_cmpuint (t.reader.segments, >=, 59);
    g_assert_cmpuint (t.reader.pictures, ==, sent);
    g_assert_cmpint (t.reader.worst_hole, <=, 3);
    g_assert_cmpint (t.reader.worst_overlap, <=, 3);
    assert_clean (&t);
    test_end (&t);
  }
}

/* Senders that put parameter sets before each slice of a key frame: what takes the
 * packets apart makes two access units of it, the second without a time of its own. It
 * is one picture, and cut at once; also where the first half was written already. */
static void
test_split_picture (void)
{
  for (guint ahead = 0; ahead < 2; ahead++) {
    Test t;
    guint64 frames = 0;
    guint keys = 0;

    test_begin (&t, SECOND, FALSE, 48000, 1152);
    set_video (&t);
    set_audio (&t);
    for (guint i = 0; i < 25 * 20; i++) {
      gint64 v = i * 40 * MS;
      GstBuffer *rest;
      GstMapInfo map;

      for (; (gint64) frames * 24 * MS < MIN (v + (ahead ? 300 * MS : 0),
              20 * SECOND - 40 * MS); frames++)
        lockstep_segmenter_push (t.s, LOCKSTEP_TRACK_AUDIO, audio_frame (&t,
                frames), frames * 24 * MS, LOCKSTEP_NO_TIME, 0, 0);
      lockstep_segmenter_push (t.s, LOCKSTEP_TRACK_VIDEO,
          picture (i % 25 == 0, 500), v, LOCKSTEP_NO_TIME, 0, 0);
      if (i % 25 != 0)
        continue;
      keys++;
      rest = picture (TRUE, 500);
      gst_buffer_map (rest, &map, GST_MAP_WRITE);
      map.data[sizeof sps + sizeof pps + 5] = 0x40;     /* of macroblock 1 */
      gst_buffer_unmap (rest, &map);
      lockstep_segmenter_push (t.s, LOCKSTEP_TRACK_VIDEO, rest,
          i % 50 == 0 ? LOCKSTEP_NO_TIME : v, LOCKSTEP_NO_TIME, 0, 0);
    }
    lockstep_segmenter_finish (t.s);
    g_assert_cmpuint (t.reader.segments, ==, keys);
    g_assert_cmpuint (t.reader.pictures, ==, 25 * 20);
    g_assert_cmpint (t.reader.worst_error, <=, 12 * MS + 1);
    g_assert_cmpuint (t.reader.audio_frames, ==, frames);
    assert_clean (&t);
    test_end (&t);
  }
}

static void
test_grid_mp3_48 (void)
{
  grid (48000, 1152, 10000);
}

static void
test_grid_others (void)
{
  grid (44100, 1152, 1000);
  grid (32000, 1152, 1000);
  grid (48000, 1024, 1000);
  grid (44100, 1024, 1000);
  grid (32000, 1024, 1000);
}

/* Audio by itself: the same, by the bytes, and little overhead. */
static void
test_audio_alone (void)
{
  static const guint rates[] = { 48000, 44100, 32000 };

  for (guint i = 0; i < 3; i++) {
    Test t;
    Feed f = { 0 };

    test_begin (&t, SECOND, FALSE, rates[i], 1152);
    set_audio (&t);
    feed (&t, &f, FALSE, TRUE, 1000 * SECOND);
    lockstep_segmenter_finish (t.s);
    g_assert_cmpuint (t.reader.segments, ==, 1000);
    g_assert_cmpint (t.reader.worst_error, <=,
        1152 * SECOND / rates[i] / 2 + 1);
    g_assert_cmpuint (t.reader.audio_frames, ==, f.frames);
    /* at most 8 % over the elementary bytes, and the clock at least each 100 ms */
    g_assert_cmpuint (t.reader.bytes * 100, <=, t.reader.audio_bytes * 108);
    g_assert_cmpint (t.reader.worst_pcr_gap, <=, 9000);
    g_test_message ("%u Hz: overhead %.2f %%", rates[i],
        100.0 * t.reader.bytes / t.reader.audio_bytes - 100);
    assert_clean (&t);
    test_end (&t);
  }
}

static void
test_video_alone (void)
{
  Test t;
  Feed f = { 0 };

  test_begin (&t, 1001 * MS, FALSE, 48000, 1152);
  f.picture_ns = SECOND / 25;
  set_video (&t);
  feed (&t, &f, TRUE, FALSE, 500 * SECOND);
  lockstep_segmenter_finish (t.s);
  g_assert_cmpint (t.reader.worst_error, <=, 20 * MS);
  g_assert_cmpuint (t.reader.segments, ==, 500);
  g_assert_cmpuint (t.reader.no_video, ==, 0);
  assert_clean (&t);
  test_end (&t);
}

/* Nothing ever comes on a track that was promised: after a while the other goes on
 * without it, and nothing of it is lost or cut to pieces. */
static void
test_silent_track (void)
{
  Test t;
  Feed f = { 0 };

  test_begin (&t, SECOND, FALSE, 48000, 1152);
  f.picture_ns = 40 * MS;
  set_video (&t);
  set_audio (&t);
  t.starts = g_array_new (FALSE, FALSE, sizeof (gint64));
  for (guint i = 1; i <= 10 * 25; i++) {
    feed (&t, &f, TRUE, FALSE, i * 40 * MS);
    if (lockstep_segmenter_ahead (t.s, LOCKSTEP_TRACK_VIDEO) > 2 * SECOND)
      lockstep_segmenter_give_up_on (t.s, LOCKSTEP_TRACK_AUDIO);
  }
  lockstep_segmenter_finish (t.s);
  g_assert_cmpuint (t.reader.segments, ==, 10);
  g_assert_cmpuint (t.reader.pictures, ==, 250);
  g_assert_cmpint (t.reader.worst_error, <=, 20 * MS);
  g_assert_cmpuint (t.reader.discontinuities, ==, 0);
  assert_clean (&t);
  test_end (&t);
}

/* 33-bit times wrap at 26.5 h: nothing is seen of it but the wrap. */
static void
test_wrap (void)
{
  Test t;
  Feed f = { 0 };

  test_begin (&t, SECOND, FALSE, 48000, 1152);
  f.picture_ns = SECOND / 30;
  /* ticks run from 10 s on */
  f.offset = (gint64) ((G_GUINT64_CONSTANT (1) << 33) * 100000 / 9)
      - 20 * SECOND;
  set_video (&t);
  set_audio (&t);
  feed (&t, &f, TRUE, TRUE, 30 * SECOND - SECOND / 2);
  lockstep_segmenter_finish (t.s);
  g_assert_cmpuint (t.reader.segments, ==, 30);
  g_assert_cmpuint (t.reader.discontinuities, ==, 0);
  g_assert_cmpint (t.reader.worst_pcr_gap, <=, 9000);
  assert_clean (&t);
  test_end (&t);
}

/* Two instances of one source, the second 3.3 s later: the same bytes from its
 * second segment on. */
static void
test_epoch (void)
{
  Test a, b;
  gint64 origin = G_GINT64_CONSTANT (1795000000) * SECOND + 123456789;

  test_begin (&a, SECOND, TRUE, 48000, 1152);
  test_begin (&b, SECOND, TRUE, 48000, 1152);
  a.kept = g_ptr_array_new_with_free_func ((GDestroyNotify) g_bytes_unref);
  b.kept = g_ptr_array_new_with_free_func ((GDestroyNotify) g_bytes_unref);
  a.starts = g_array_new (FALSE, FALSE, sizeof (gint64));
  b.starts = g_array_new (FALSE, FALSE, sizeof (gint64));
  set_video (&a);
  set_audio (&a);
  set_video (&b);
  set_audio (&b);
  /* b sees the source from here on; its first picture is a key frame of a's */
  for (guint64 i = 0, j = 0; i < 900 || j < 1250;) {
    gint64 v = i * (SECOND / 30) + origin, au = j * 24 * MS + origin;

    if (v <= au && i < 900) {
      gboolean key = wanted (&a, v) || wanted (&b, v) || i == 0;

      lockstep_segmenter_push (a.s, LOCKSTEP_TRACK_VIDEO, picture (key,
              100 + i % 700), v, v, 0, 0);
      if (i >= 100)
        lockstep_segmenter_push (b.s, LOCKSTEP_TRACK_VIDEO, picture (key,
                100 + i % 700), v, v, 0, 0);
      i++;
    } else {
      lockstep_segmenter_push (a.s, LOCKSTEP_TRACK_AUDIO, audio_frame (&a, j),
          au, LOCKSTEP_NO_TIME, 0, 0);
      if (i >= 100)
        lockstep_segmenter_push (b.s, LOCKSTEP_TRACK_AUDIO, audio_frame (&b,
                j), au, LOCKSTEP_NO_TIME, 0, 0);
      j++;
    }
  }
  lockstep_segmenter_finish (a.s);
  lockstep_segmenter_finish (b.s);
  g_assert_cmpuint (b.kept->len, >=, 25);
  for (guint i = 1; i < b.kept->len; i++) {
    guint j = a.kept->len - b.kept->len + i;

    g_assert_cmpint (g_array_index (a.starts, gint64, j), ==,
        g_array_index (b.starts, gint64, i));
    g_assert_true (g_bytes_equal (g_ptr_array_index (a.kept, j),
            g_ptr_array_index (b.kept, i)));
  }
  g_assert_cmpint (a.reader.worst_error, <=, SECOND / 2);
  assert_clean (&a);
  assert_clean (&b);
  test_end (&a);
  test_end (&b);
}

/* 24 hours at full speed: the grid stays exact, and the memory flat. */
static void
test_day (void)
{
  /* sanitizers look for other things than an hour late in the day shows */
  const guint hours = ADDRESS_SANITIZER ? 3 : 24;
  Test t;
  Feed f = { 0 };
  guint64 first = 0;

  test_begin (&t, SECOND, FALSE, 44100, 1152);
  f.picture_ns = 40 * MS;
  set_video (&t);
  set_audio (&t);
  for (guint hour = 1; hour <= hours; hour++) {
    feed (&t, &f, TRUE, TRUE, hour * 3600 * SECOND);
    if (hour == 1)
      first = resident ();
  }
  /* an AddressSanitizer build keeps what was freed; else a MiB is allowed */
#if !ADDRESS_SANITIZER
  g_assert_cmpuint (resident (), <, first + 1024);
#endif
  g_test_message ("resident: %" G_GUINT64_FORMAT " KiB after an hour, %"
      G_GUINT64_FORMAT " KiB after %u", first, resident (), hours);
  lockstep_segmenter_finish (t.s);
  g_assert_cmpuint (t.reader.segments, ==, hours * 3600);
  g_assert_cmpint (t.reader.worst_error, <=, 1152 * SECOND / 44100 / 2 + 1);
  g_assert_cmpint (t.reader.start, ==, (hours * 3600 - 1) * SECOND);
  g_assert_cmpuint (t.reader.discontinuities, ==, 0);
  g_assert_cmpuint (t.reader.audio_frames, ==, f.frames);
  assert_clean (&t);
  test_end (&t);
}

/* Anything at all comes in: nothing breaks, and the memory is bounded. */
static void
test_garbage (void)
{
  g_autoptr (GRand) rnd = g_rand_new_with_seed (4711);

  for (guint round = 0; round < 200; round++) {
    Test t;
    gint64 v = 0, a = 0;

    test_begin (&t, g_rand_int_range (rnd, 100, 3000) * MS,
        g_rand_boolean (rnd), 48000, 1152);
    if (g_rand_int_range (rnd, 0, 4) > 0)
      set_video (&t);
    else
      lockstep_segmenter_add_track (t.s, LOCKSTEP_TRACK_VIDEO);
    set_audio (&t);
    for (guint i = 0; i < 3000; i++) {
      int what = g_rand_int_range (rnd, 0, 1000);
      LockstepTrackKind kind = g_rand_boolean (rnd);
      gint64 *at = kind == LOCKSTEP_TRACK_VIDEO ? &v : &a;
      GstBuffer *buffer;

      if (what == 0)
        *at += (gint64) (g_rand_double_range (rnd, -1, 1) * 100 * SECOND);
      else if (what == 1)
        lockstep_segmenter_discont (t.s, kind);
      else if (what == 2)
        lockstep_segmenter_eos (t.s, kind);
      else if (what == 3)
        lockstep_segmenter_give_up_on (t.s, kind);
      else if (what == 4)
        lockstep_segmenter_gap (t.s, kind, *at + g_rand_int (rnd));
      else if (what == 5)
        *at = G_MAXINT64 / 4;
      else if (what == 6)
        *at = -G_MAXINT64 / 4;
      else
        *at += kind == LOCKSTEP_TRACK_VIDEO ? SECOND / 30 : 24 * MS;
      if (kind == LOCKSTEP_TRACK_VIDEO)
        buffer = picture (what % 30 == 0, g_rand_int_range (rnd, 0, 500));
      else
        buffer = audio_frame (&t, i);
      if (what > 950) {
        GstMapInfo map;

        gst_buffer_map (buffer, &map, GST_MAP_WRITE);
        for (guint j = 0; j < 8; j++)
          map.data[g_rand_int_range (rnd, 0, MIN (map.size, 60))] =
              g_rand_int (rnd);
        gst_buffer_unmap (buffer, &map);
      }
      if (what > 990)
        gst_buffer_resize (buffer, 0, g_rand_int_range (rnd, 0, 30));
      lockstep_segmenter_push (t.s, kind, buffer, what == 7 ?
          LOCKSTEP_NO_TIME : *at, what == 8 ? *at - g_rand_int (rnd)
          : LOCKSTEP_NO_TIME, what == 9 ? 9 * SECOND : 0, 0);
      /* as the element does */
      if (lockstep_segmenter_ahead (t.s, kind) > 3 * SECOND)
        lockstep_segmenter_give_up_on (t.s, !kind);
    }
    lockstep_segmenter_finish (t.s);
    g_assert_cmpuint (t.reader.cc_errors, ==, 0);
    test_end (&t);
  }
}

int
main (int argc, char **argv)
{
  gst_init (&argc, &argv);
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/segmenter/pictures-off-grid", test_pictures_off_grid);
  g_test_add_func ("/segmenter/left-out", test_left_out);
  g_test_add_func ("/segmenter/split-picture", test_split_picture);
  g_test_add_func ("/segmenter/grid/mp3-48", test_grid_mp3_48);
  g_test_add_func ("/segmenter/grid/others", test_grid_others);
  g_test_add_func ("/segmenter/audio-alone", test_audio_alone);
  g_test_add_func ("/segmenter/video-alone", test_video_alone);
  g_test_add_func ("/segmenter/silent-track", test_silent_track);
  g_test_add_func ("/segmenter/wrap", test_wrap);
  g_test_add_func ("/segmenter/epoch", test_epoch);
  g_test_add_func ("/segmenter/day", test_day);
  g_test_add_func ("/segmenter/garbage", test_garbage);
  return g_test_run ();
}
