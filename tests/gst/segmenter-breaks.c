/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The segmenter where its input breaks off, jumps, starts late or changes. */
#include "segmenter-feed.h"

static const guint8 sps2[] = { 0, 0, 0, 1, 0x67, 0x42, 0xc0, 0x1f, 0xd9 };

/* A 3 s hole in everything: a discontinuity, then on the same grid. */
static void
test_hole (void)
{
  Test t;
  Feed f = { 0 };

  test_begin (&t, SECOND, FALSE, 48000, 1152);
  f.picture_ns = SECOND / 30;
  f.no_video_from = f.no_audio_from = 10 * SECOND + 300 * MS;
  f.no_video_to = f.no_audio_to = 13 * SECOND + 300 * MS;
  set_video (&t);
  set_audio (&t);
  feed (&t, &f, TRUE, TRUE, 30 * SECOND + SECOND / 2);
  lockstep_segmenter_finish (t.s);
  g_assert_cmpuint (t.reader.discontinuities, ==, 1);
  g_assert_cmpint (t.reader.longest, <, 1500 * MS);
  g_assert_cmpint (ABS (t.reader.start - 30 * SECOND), <, 1000);
  assert_clean (&t);
  test_end (&t);
}

/* Sound stops for a while: the picture goes on, and the sound comes back. */
static void
test_audio_pause (void)
{
  Test t;
  Feed f = { 0 };
  guint64 frames;

  test_begin (&t, SECOND, FALSE, 48000, 1152);
  f.picture_ns = SECOND / 30;
  f.no_audio_from = 5 * SECOND + 200 * MS;
  f.no_audio_to = 20 * SECOND;
  set_video (&t);
  set_audio (&t);
  feed (&t, &f, TRUE, TRUE, 15 * SECOND);
  /* what the element does in a live pipeline */
  g_assert_cmpint (lockstep_segmenter_ahead (t.s, LOCKSTEP_TRACK_VIDEO), >,
      3 * SECOND);
  lockstep_segmenter_give_up_on (t.s, LOCKSTEP_TRACK_AUDIO);
  g_assert_cmpint (lockstep_segmenter_ahead (t.s, LOCKSTEP_TRACK_VIDEO), <,
      SECOND);
  frames = t.reader.audio_frames;
  t.reader.next_audio = -1;
  feed (&t, &f, TRUE, TRUE, 30 * SECOND - SECOND / 2);
  lockstep_segmenter_finish (t.s);
  g_assert_cmpuint (t.reader.audio_frames, >, frames + 390);
  g_assert_cmpuint (t.reader.segments, ==, 30);
  g_assert_cmpuint (t.reader.discontinuities, ==, 0);
  g_assert_cmpint (t.reader.worst_error, <=, 17 * MS);
  g_assert_cmpuint (t.reader.cc_errors, ==, 0);
  g_assert_cmpuint (t.reader.no_idr, ==, 0);
  test_end (&t);
}

/* Timestamps go back by a minute on both tracks. */
static void
test_jump_back (void)
{
  Test t;
  Feed f = { 0 };

  test_begin (&t, SECOND, FALSE, 48000, 1152);
  f.picture_ns = SECOND / 30;
  set_video (&t);
  set_audio (&t);
  f.offset = 60 * SECOND;
  feed (&t, &f, TRUE, TRUE, 10 * SECOND + 300 * MS);
  f.offset = 0;
  g_array_set_size (t.asked, 0);
  t.reader.last_dts = -1;
  feed (&t, &f, TRUE, TRUE, 30 * SECOND - SECOND / 2);
  lockstep_segmenter_finish (t.s);
  g_assert_cmpuint (t.reader.discontinuities, ==, 1);
  g_assert_cmpuint (t.reader.segments, >=, 29);
  g_assert_cmpint (t.reader.worst_error, <=, 17 * MS);
  assert_clean (&t);
  test_end (&t);
}

/* With epoch-lock both tracks go ahead by ten days, as a clock is set right: the intervals
 * between have no segments, and it goes on with the next key frame, which is asked for. */
static void
test_jump_ahead (void)
{
  Test t;
  Feed f = { 0 };
  LockstepSegmenterStats stats;

  test_begin (&t, SECOND, TRUE, 48000, 1152);
  t.intervals = TRUE;
  f.picture_ns = SECOND / 30;
  set_video (&t);
  set_audio (&t);
  f.offset = 1495000000 * SECOND;
  feed (&t, &f, TRUE, TRUE, 10 * SECOND + 300 * MS);
  f.offset += 10 * 86400 * SECOND;
  feed (&t, &f, TRUE, TRUE, 30 * SECOND);
  lockstep_segmenter_finish (t.s);
  lockstep_segmenter_stats (t.s, &stats);
  g_assert_cmpuint (t.reader.discontinuities, ==, 1);
  g_assert_cmpuint (t.reader.segments, >=, 29);
  g_assert_cmpuint (stats.undecodable, <=, 2);
  g_assert_cmpint (t.reader.longest, <, 1500 * MS);
  assert_clean (&t);
  test_end (&t);
}

/* Both tracks are there, and the sound begins three seconds after the pictures: silence lies
 * before it, on its own grid, so that each segment has both. Where it begins less than
 * half a segment after them, there is none. */
static void
test_late_start (void)
{
  static const struct
  {
    guint rate, samples;
    gint64 late;
    guint silent;
  } cases[] = {
    {48000, 1152, 3 * SECOND, 125}, {44100, 1152, 3 * SECOND, 115},
    {48000, 1024, 3 * SECOND, 141}, {48000, 1152, 400 * MS, 0},
  };

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++) {
    Test t;
    Feed f = { 0 };
    LockstepSegmenterStats stats;

    test_begin (&t, SECOND, FALSE, cases[i].rate, cases[i].samples);
    f.picture_ns = SECOND / 30;
    f.no_audio_to = cases[i].late;
    set_video (&t);
    set_audio (&t);
    feed (&t, &f, TRUE, TRUE, 10 * SECOND - SECOND / 2);
    lockstep_segmenter_finish (t.s);
    lockstep_segmenter_stats (t.s, &stats);
    g_assert_cmpuint (stats.silent, ==, cases[i].silent);
    g_assert_cmpuint (t.reader.segments, ==, 10);
    g_assert_cmpuint (t.reader.discontinuities, ==, 0);
    /* less those that come before the sound, but for the silent ones */
    g_assert_cmpuint (t.reader.audio_frames, ==, f.frames
        - (cases[i].silent > 0 ? 0 :
            gst_util_uint64_scale_ceil (cases[i].late, cases[i].rate,
                cases[i].samples * SECOND)));
    assert_clean (&t);
    test_end (&t);
  }
}

/* Audio shows up seven seconds late: it is added at a boundary. */
static void
test_late_audio (void)
{
  Test t;
  Feed f = { 0 };

  test_begin (&t, SECOND, FALSE, 48000, 1152);
  f.picture_ns = SECOND / 30;
  f.no_audio_to = 7 * SECOND;
  set_video (&t);
  set_audio (&t);
  feed (&t, &f, TRUE, TRUE, 4 * SECOND);
  g_assert_cmpuint (t.reader.segments, ==, 0);
  lockstep_segmenter_give_up_on (t.s, LOCKSTEP_TRACK_AUDIO);
  g_assert_cmpuint (t.reader.segments, >=, 3);
  feed (&t, &f, TRUE, TRUE, 20 * SECOND - SECOND / 2);
  lockstep_segmenter_finish (t.s);
  g_assert_cmpuint (t.reader.segments, ==, 20);
  g_assert_cmpuint (t.reader.discontinuities, ==, 1);
  g_assert_cmpuint (t.reader.audio_frames, >, 450);
  assert_clean (&t);
  test_end (&t);
}

/* The same for video. */
static void
test_late_video (void)
{
  Test t;
  Feed f = { 0 };

  test_begin (&t, SECOND, FALSE, 48000, 1152);
  f.picture_ns = SECOND / 30;
  f.no_video_to = 7 * SECOND;
  set_video (&t);
  set_audio (&t);
  feed (&t, &f, TRUE, TRUE, 4 * SECOND);
  lockstep_segmenter_give_up_on (t.s, LOCKSTEP_TRACK_VIDEO);
  g_assert_cmpuint (t.reader.segments, >=, 3);
  feed (&t, &f, TRUE, TRUE, 20 * SECOND - SECOND / 2);
  lockstep_segmenter_finish (t.s);
  g_assert_cmpuint (t.reader.discontinuities, ==, 1);
  g_assert_cmpuint (t.reader.no_video, <=, 9);
  g_assert_cmpint (t.reader.longest, <, 1500 * MS);
  assert_clean (&t);
  test_end (&t);
}

/* Pictures stay away from 3.6 s to @back, and are given up on. Segments are cut by the
 * sound meanwhile; a picture that comes in later than its segment has begun moves no start,
 * so the durations go on to add up. */
static void
test_video_pause (void)
{
  for (gint64 back = 3900 * MS; back < 6 * SECOND; back += 70 * MS) {
    Test t;
    Feed f = { 0 };

    test_begin (&t, SECOND, FALSE, 48000, 1152);
    f.picture_ns = SECOND / 25;
    f.no_video_from = 3600 * MS;
    f.no_video_to = back;
    set_video (&t);
    set_audio (&t);
    feed (&t, &f, TRUE, TRUE, back - 40 * MS);
    lockstep_segmenter_give_up_on (t.s, LOCKSTEP_TRACK_VIDEO);
    feed (&t, &f, TRUE, TRUE, 12 * SECOND - SECOND / 2);
    lockstep_segmenter_finish (t.s);
    g_assert_cmpuint (t.reader.discontinuities, ==, 0);
    g_assert_cmpuint (t.reader.segments, ==, 12);
    assert_clean (&t);
    test_end (&t);
  }
}

/* The last picture comes just before the limit of its segment. How long it lasts nobody
 * says: the segment is not longer than EXT-X-TARGETDURATION lets it. */
static void
test_last_picture (void)
{
  static const gint64 after[] = { 0, 200, 400, 600, 800, 1000, 1200, 1380 };
  Test t;
  Feed f = { 0 };

  test_begin (&t, SECOND, FALSE, 48000, 1152);
  f.picture_ns = SECOND / 5;
  set_video (&t);
  set_audio (&t);
  feed (&t, &f, TRUE, TRUE, 10 * SECOND);
  for (; f.frames * 24 * MS < 11400 * MS; f.frames++)
    lockstep_segmenter_push (t.s, LOCKSTEP_TRACK_AUDIO, audio_frame (&t,
            f.frames), f.frames * 24 * MS, LOCKSTEP_NO_TIME, 0, 0);
  for (guint i = 0; i < G_N_ELEMENTS (after); i++)
    lockstep_segmenter_push (t.s, LOCKSTEP_TRACK_VIDEO, picture (i == 0, 200),
        10 * SECOND + after[i] * MS, LOCKSTEP_NO_TIME, 0, 0);
  lockstep_segmenter_finish (t.s);
  g_assert_cmpuint (lockstep_segmenter_target_duration (t.s), ==, 1);
  g_assert_cmpuint (t.reader.segments, ==, 11);
  g_assert_cmpint (t.reader.longest, >, 1380 * MS);
  g_assert_cmpint (t.reader.longest, <=, lockstep_segment_plan_limit (1));
  assert_clean (&t);
  test_end (&t);
}

/* The size of the picture changes in the middle of a segment. */
static void
test_format_change (void)
{
  Test t;

  test_begin (&t, SECOND, FALSE, 48000, 1152);
  set_video (&t);
  for (guint i = 0; i < 300; i++) {
    gint64 pts = i * (SECOND / 30);

    lockstep_segmenter_push (t.s, LOCKSTEP_TRACK_VIDEO,
        picture_with (wanted (&t, pts) || i == 0 || i == 137, 300,
            i < 137 ? sps : sps2), pts, pts, 0, 0);
  }
  lockstep_segmenter_finish (t.s);
  g_assert_cmpuint (t.reader.discontinuities, ==, 1);
  g_assert_cmpuint (t.reader.segments, ==, 11);
  assert_clean (&t);
  test_end (&t);
}

/* The same with epoch-lock, where an interval has one number: no two segments share it,
 * no more than half an interval is lost, and a discontinuity says so. */
static void
test_epoch_change (void)
{
  static const guint at[] = { 131, 137, 141, 145, 148 };

  for (guint c = 0; c < G_N_ELEMENTS (at); c++) {
    Test t;
    LockstepSegmenterStats stats;

    test_begin (&t, SECOND, TRUE, 48000, 1152);
    t.intervals = TRUE;
    set_video (&t);
    for (guint i = 0; i < 300; i++) {
      gint64 pts = G_GINT64_CONSTANT (1795000000) * SECOND + i * (SECOND / 30);

      lockstep_segmenter_push (t.s, LOCKSTEP_TRACK_VIDEO,
          picture_with (wanted (&t, pts) || i == 0 || i == at[c], 300,
              i < at[c] ? sps : sps2), pts, pts, 0, 0);
    }
    lockstep_segmenter_finish (t.s);
    lockstep_segmenter_stats (t.s, &stats);
    g_assert_cmpuint (t.reader.segments, ==, 10);
    /* less than a quarter before the next interval it is of that one */
    g_assert_cmpuint (stats.lost_parts, ==, at[c] < 143);
    g_assert_cmpuint (t.reader.discontinuities, >=, 1);
    g_assert_cmpuint (t.reader.discontinuities, <=, 2);
    g_assert_cmpuint (t.reader.pictures, >=, 300 - 15);
    assert_clean (&t);
    test_end (&t);
  }
}

/* The audio changes from 48 to 44.1 kHz at 10.3 s: a discontinuity at the next key
 * frame, and the same grid as before. */
static void
test_audio_change (void)
{
  Test t;
  Feed f = { 0 };
  guint before;

  test_begin (&t, SECOND, FALSE, 48000, 1152);
  f.picture_ns = SECOND / 30;
  set_video (&t);
  set_audio (&t);
  feed (&t, &f, TRUE, TRUE, 10 * SECOND + 300 * MS);
  before = t.reader.segments;
  f.frames = (10 * 44100 + 3 * 4410) / 1152 + 1;
  t.rate = 44100;
  feed (&t, &f, TRUE, TRUE, 30 * SECOND - SECOND / 2);
  lockstep_segmenter_finish (t.s);
  g_assert_cmpuint (before, >=, 9);
  g_assert_cmpuint (t.reader.discontinuities, ==, 1);
  g_assert_cmpint (t.reader.longest, <, 1500 * MS);
  g_assert_cmpint (ABS (t.reader.start - 29 * SECOND), <, 1000);
  g_assert_cmpuint (t.reader.cc_errors, ==, 0);
  g_assert_cmpuint (t.reader.no_idr, ==, 0);
  test_end (&t);
}

int
main (int argc, char **argv)
{
  gst_init (&argc, &argv);
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/segmenter-breaks/hole", test_hole);
  g_test_add_func ("/segmenter-breaks/audio-pause", test_audio_pause);
  g_test_add_func ("/segmenter-breaks/jump-back", test_jump_back);
  g_test_add_func ("/segmenter-breaks/jump-ahead", test_jump_ahead);
  g_test_add_func ("/segmenter-breaks/late-start", test_late_start);
  g_test_add_func ("/segmenter-breaks/late-audio", test_late_audio);
  g_test_add_func ("/segmenter-breaks/late-video", test_late_video);
  g_test_add_func ("/segmenter-breaks/video-pause", test_video_pause);
  g_test_add_func ("/segmenter-breaks/last-picture", test_last_picture);
  g_test_add_func ("/segmenter-breaks/format-change", test_format_change);
  g_test_add_func ("/segmenter-breaks/epoch-change", test_epoch_change);
  g_test_add_func ("/segmenter-breaks/audio-change", test_audio_change);
  return g_test_run ();
}
