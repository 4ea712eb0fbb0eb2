/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Tests of avsync: single tracks, late tracks, pauses, restarts, strays. */
#include <avsim.h>
#include <gst/lockstep/avsync.h>

#define MS SIM_MS
#define SECOND SIM_SECOND
#define SSRC 0x1234

static const LockstepAvConfig config = { 5 * SIM_MS, SIM_MS, 300 * SIM_MS, 0,
  LOCKSTEP_AV_SOURCE_CAPTURE_TIME
};

/* One stream of a sender, as a test drives it. */
typedef struct
{
  LockstepAvSync *sync;
  LockstepAvStream *stream;
  guint rate;
  guint32 base;
  gint64 spacing;
  gint64 last_pts;
  gint64 error;                 /* timestamp less capture of the last unit */
  guint units, disconts;
} Track;

static Track
track (LockstepAvSync * sync, LockstepAvMedia media)
{
  gboolean video = media == LOCKSTEP_AV_VIDEO;
  guint rate = video ? 90000 : 48000;
  Track t = { sync, lockstep_av_sync_add (sync, media, rate), rate,
    video ? 0xfffff000u : 77u, video ? 40 * MS : 20 * MS, -1, 0, 0, 0
  };

  return t;
}

static guint32
rtp (const Track * t, gint64 media)
{
  return t->base + (guint32) (media * t->rate / SECOND);
}

/* Sends the unit of @capture over a path of @delay; FALSE while it is held. */
static gboolean
send (Track * t, gint64 capture, gint64 media, gint64 delay)
{
  gint64 now = capture + delay, pts;

  if (lockstep_av_stream_observe (t->sync, t->stream, rtp (t, media), SSRC,
          now, now) != LOCKSTEP_AV_KEEP)
    return FALSE;
  lockstep_av_sync_poll (t->sync, now);
  if (!lockstep_av_stream_is_open (t->stream))
    return FALSE;
  if (lockstep_av_stream_stamp (t->sync, t->stream, rtp (t, media), now, &pts))
    t->disconts++;
  g_assert_cmpint (pts, >, t->last_pts);
  t->last_pts = pts;
  t->error = pts - capture;
  t->units++;
  return TRUE;
}

static void
run (Track * a, Track * v, gint64 from, gint64 to, gint64 delay)
{
  for (gint64 t = from; t < to; t += 20 * MS) {
    if (a)
      send (a, t, t, delay);
    if (v && t % v->spacing == 0)
      send (v, t, t, delay);
  }
}

static void
test_one_track (void)
{
  for (guint media = 0; media < 2; media++) {
    g_autoptr (LockstepAvSync) sync = lockstep_av_sync_new (&config);
    Track t = track (sync, media);

    g_assert_cmpint (lockstep_av_sync_deadline (sync), ==, -1);
    send (&t, 0, 0, 30 * MS);
    g_assert_cmpint (lockstep_av_sync_deadline (sync), ==, 330 * MS);
    g_assert_false (lockstep_av_sync_poll (sync, 330 * MS - 1));
    g_assert_true (lockstep_av_sync_poll (sync, 330 * MS));
    g_assert_false (lockstep_av_sync_poll (sync, 330 * MS));
    run (media ? NULL : &t, media ? &t : NULL, 320 * MS, 60 * SECOND, 30 * MS);
    g_assert_cmpint (t.error, ==, 30 * MS);
    g_assert_cmpuint (t.disconts, ==, 1);
    g_assert_cmpint (lockstep_av_sync_headroom (sync), ==, 0);
  }
}

static void
test_late_video (void)
{
  g_autoptr (LockstepAvSync) sync = lockstep_av_sync_new (&config);
  Track a = track (sync, LOCKSTEP_AV_AUDIO);
  Track v = track (sync, LOCKSTEP_AV_VIDEO);
  gint64 audio_error;

  run (&a, NULL, 0, 30 * SECOND, 30 * MS);
  audio_error = a.error;
  run (&a, &v, 30 * SECOND, 40 * SECOND, 30 * MS);
  g_assert_cmpint (a.error, ==, audio_error);
  g_assert_cmpint (ABS (v.error - a.error), <=, MS);
  g_assert_cmpuint (v.units, >, 240);
}

static void
test_late_audio_goes_to_video (void)
{
  g_autoptr (LockstepAvSync) sync = lockstep_av_sync_new (&config);
  Track a = track (sync, LOCKSTEP_AV_AUDIO);
  Track v = track (sync, LOCKSTEP_AV_VIDEO);
  LockstepAvStats stats;
  gint64 video_error;

  run (NULL, &v, 0, 30 * SECOND, 30 * MS);
  lockstep_av_stream_stats (sync, v.stream, &stats);
  g_assert_true (stats.is_reference);
  video_error = v.error;
  run (&a, &v, 30 * SECOND, 40 * SECOND, 30 * MS);
  g_assert_cmpint (v.error, ==, video_error);
  g_assert_cmpint (ABS (v.error - a.error), <=, MS);
  lockstep_av_stream_stats (sync, a.stream, &stats);
  g_assert_true (stats.is_reference);
  lockstep_av_stream_stats (sync, v.stream, &stats);
  g_assert_false (stats.is_reference);
  g_assert_cmpuint (stats.steps, ==, 0);
}

static void
test_mute_and_return (void)
{
  g_autoptr (LockstepAvSync) sync = lockstep_av_sync_new (&config);
  Track a = track (sync, LOCKSTEP_AV_AUDIO);
  Track v = track (sync, LOCKSTEP_AV_VIDEO);
  guint before;

  run (&a, &v, 0, 30 * SECOND, 30 * MS);
  before = v.units;
  run (NULL, &v, 30 * SECOND, 600 * SECOND, 30 * MS);
  g_assert_cmpuint (v.units - before, ==, 570 * 25);
  g_assert_cmpint (ABS (v.error - a.error), <=, MS);
  run (&a, &v, 600 * SECOND, 610 * SECOND, 30 * MS);
  g_assert_cmpint (ABS (v.error - a.error), <=, MS);
  run (&a, NULL, 610 * SECOND, 700 * SECOND, 30 * MS);
  run (&a, &v, 700 * SECOND, 710 * SECOND, 30 * MS);
  g_assert_cmpint (ABS (v.error - a.error), <=, MS);
  g_assert_cmpuint (a.disconts, ==, 1);
  g_assert_cmpuint (v.disconts, ==, 1);
}

/* Silence suppression: a packet every 400 ms. */
static void
test_dtx (void)
{
  g_autoptr (LockstepAvSync) sync = lockstep_av_sync_new (&config);
  Track a = track (sync, LOCKSTEP_AV_AUDIO);
  Track v = track (sync, LOCKSTEP_AV_VIDEO);

  for (gint64 t = 0; t < 120 * SECOND; t += 20 * MS) {
    if (t % (400 * MS) == 0)
      send (&a, t, t, 30 * MS);
    if (t % (40 * MS) == 0)
      send (&v, t, t, 30 * MS);
  }
  g_assert_cmpint (ABS (v.error - a.error), <=, MS);
  g_assert_cmpuint (a.units, >, 298);
}

static void
test_sender_restarts (void)
{
  g_autoptr (LockstepAvSync) sync = lockstep_av_sync_new (&config);
  Track a = track (sync, LOCKSTEP_AV_AUDIO);
  Track v = track (sync, LOCKSTEP_AV_VIDEO);
  LockstepAvStats stats;

  run (&a, &v, 0, 20 * SECOND, 30 * MS);
  a.base += 0x70000000u;
  run (&a, &v, 20 * SECOND, 25 * SECOND, 30 * MS);
  lockstep_av_stream_stats (sync, a.stream, &stats);
  g_assert_cmpuint (stats.restarts, ==, 1);
  g_assert_cmpuint (stats.strays, ==, 0);
  g_assert_cmpuint (a.disconts, ==, 2);
  g_assert_cmpint (ABS (v.error - a.error), <=, MS);
  v.base -= 0x10000000u;
  run (&a, &v, 25 * SECOND, 30 * SECOND, 30 * MS);
  g_assert_cmpuint (v.disconts, ==, 2);
  g_assert_cmpuint (a.disconts, ==, 2);
  g_assert_cmpint (ABS (v.error - a.error), <=, MS);
}

static void
test_strays_change_nothing (void)
{
  g_autoptr (LockstepAvSync) sync = lockstep_av_sync_new (&config);
  Track a = track (sync, LOCKSTEP_AV_AUDIO);
  LockstepAvStats stats;
  guint32 seed = 9;

  run (&a, NULL, 0, 2 * SECOND, 30 * MS);
  for (gint64 t = 2 * SECOND; t < 20 * SECOND; t += 20 * MS) {
    LockstepAvVerdict verdict = lockstep_av_stream_observe (sync, a.stream,
        rtp (&a, t) + 0x40000000u + sim_random (&seed) % 0x40000000u, SSRC,
        t + 29 * MS, t + 29 * MS);

    g_assert_cmpint (verdict, ==, LOCKSTEP_AV_HOLD_FIRST);
    verdict = lockstep_av_stream_observe (sync, a.stream, rtp (&a, t), SSRC + 1,
        t + 29 * MS, t + 29 * MS);
    g_assert_cmpint (verdict, ==, LOCKSTEP_AV_HOLD_FIRST);
    g_assert_true (send (&a, t, t, 30 * MS));
    g_assert_cmpint (a.error, ==, 30 * MS);
  }
  lockstep_av_stream_stats (sync, a.stream, &stats);
  g_assert_cmpuint (stats.strays, ==, 2 * 900);
  g_assert_cmpuint (stats.restarts, ==, 0);
}

static void
test_a_stall_is_no_restart (void)
{
  g_autoptr (LockstepAvSync) sync = lockstep_av_sync_new (&config);
  Track a = track (sync, LOCKSTEP_AV_AUDIO);
  Track v = track (sync, LOCKSTEP_AV_VIDEO);

  run (&a, &v, 0, 20 * SECOND, 30 * MS);
  /* Ten seconds of media come at once. */
  for (gint64 t = 20 * SECOND; t < 30 * SECOND; t += 20 * MS) {
    g_assert_true (send (&a, t, t, 30 * SECOND + 30 * MS - t));
    if (t % (40 * MS) == 0)
      g_assert_true (send (&v, t, t, 30 * SECOND + 30 * MS - t));
  }
  run (&a, &v, 30 * SECOND, 60 * SECOND, 30 * MS);
  g_assert_cmpint (ABS (v.error - a.error), <=, MS);
  g_assert_cmpuint (a.disconts + v.disconts, ==, 2);
}

/* A sender that stops its media clock while it is muted. */
static void
test_a_clock_that_stood_still (void)
{
  g_autoptr (LockstepAvSync) sync = lockstep_av_sync_new (&config);
  Track a = track (sync, LOCKSTEP_AV_AUDIO);
  Track v = track (sync, LOCKSTEP_AV_VIDEO);

  run (&a, &v, 0, 20 * SECOND, 30 * MS);
  run (NULL, &v, 20 * SECOND, 30 * SECOND, 30 * MS);
  for (gint64 t = 30 * SECOND; t < 60 * SECOND; t += 20 * MS) {
    send (&a, t, t - 10 * SECOND, 30 * MS);
    if (t % (40 * MS) == 0)
      send (&v, t, t, 30 * MS);
  }
  g_assert_cmpint (ABS (v.error - a.error), <=, MS);
  g_assert_cmpuint (a.disconts, ==, 2);
}

static void
test_frames_out_of_order (void)
{
  g_autoptr (LockstepAvSync) sync = lockstep_av_sync_new (&config);
  LockstepAvStream *a = lockstep_av_sync_add (sync, LOCKSTEP_AV_AUDIO, 0);
  LockstepAvStream *v = lockstep_av_sync_add (sync, LOCKSTEP_AV_VIDEO, 0);
  static const guint order[] = { 0, 4, 2, 1, 3 };
  gint64 given[2000];

  for (gint64 t = 0; t < 40 * SECOND; t += 20 * MS) {
    gint64 frame = t / (20 * MS) / 5 * 5 + order[t / (20 * MS) % 5];
    gint64 pts;

    lockstep_av_stream_observe (sync, a, t, 0, t, t);
    lockstep_av_stream_observe (sync, v, SECOND + frame * 20 * MS, 0,
        t + 100 * MS, t);
    lockstep_av_sync_poll (sync, t);
    given[frame] = -1;
    if (!lockstep_av_stream_is_open (v))
      continue;
    lockstep_av_stream_stamp (sync, a, t, t, &pts);
    lockstep_av_stream_stamp (sync, v, SECOND + frame * 20 * MS, t,
        &given[frame]);
    /* Each packet of a frame gets the frame's timestamp. */
    lockstep_av_stream_stamp (sync, v, SECOND + frame * 20 * MS, t, &pts);
    g_assert_cmpint (pts, ==, given[frame]);
  }
  for (guint i = 1; i < G_N_ELEMENTS (given); i++)
    g_assert_true (given[i] > given[i - 1] || given[i - 1] < 0);
}

static void
test_video_offset (void)
{
  LockstepAvConfig moved = config;
  g_autoptr (LockstepAvSync) sync = NULL;
  Track a, v;

  moved.video_offset = -25 * MS;
  sync = lockstep_av_sync_new (&moved);
  a = track (sync, LOCKSTEP_AV_AUDIO);
  v = track (sync, LOCKSTEP_AV_VIDEO);
  run (&a, &v, 0, 10 * SECOND, 30 * MS);
  g_assert_cmpint (ABS (v.error - a.error + 25 * MS), <=, MS);
  g_assert_cmpint (lockstep_av_sync_headroom (sync), >=, 24 * MS);
  moved.video_offset = 10 * MS;
  lockstep_av_sync_set_config (sync, &moved);
  run (&a, &v, 10 * SECOND, 20 * SECOND, 30 * MS);
  g_assert_cmpint (ABS (v.error - a.error - 10 * MS), <=, MS);
}

/* abs-capture-time on video and audio, the picture encoded for 60 ms. */
static void
send_captured (LockstepAvSync * sync, Track * audio, Track * video,
    gint64 from, gint64 to, LockstepAvStats * stats)
{
  for (gint64 t = from; t < to; t += 20 * MS) {
    guint64 ntp = ((guint64) t << 32) / SECOND;

    lockstep_av_stream_report (sync, audio->stream,
        LOCKSTEP_AV_SOURCE_CAPTURE_TIME, rtp (audio, t), ntp, FALSE, 0);
    send (audio, t, t, 30 * MS);
    if (t % (40 * MS) == 0) {
      lockstep_av_stream_report (sync, video->stream,
          LOCKSTEP_AV_SOURCE_CAPTURE_TIME, rtp (video, t), ntp, FALSE, 0);
      send (video, t, t, 90 * MS);
    }
  }
  lockstep_av_stream_stats (sync, video->stream, stats);
}

static void
test_capture_times (void)
{
  g_autoptr (LockstepAvSync) sync = lockstep_av_sync_new (&config);
  Track a = track (sync, LOCKSTEP_AV_AUDIO);
  Track v = track (sync, LOCKSTEP_AV_VIDEO);
  LockstepAvStats stats;

  send_captured (sync, &a, &v, 0, 10 * SECOND, &stats);
  g_assert_cmpint (stats.source, ==, LOCKSTEP_AV_SOURCE_CAPTURE_TIME);
  g_assert_cmpint (ABS (v.error - a.error), <=, 2 * MS);
  g_assert_cmpint (ABS (stats.applied - stats.estimated), <=, MS);
}

/* The same, of a sender whose reports are not to be used; then they are. */
static void
test_best_source (void)
{
  LockstepAvConfig limited = config;
  g_autoptr (LockstepAvSync) sync = NULL;
  Track a, v;
  LockstepAvStats stats;

  limited.best_source = LOCKSTEP_AV_SOURCE_SENDER_REPORT;
  sync = lockstep_av_sync_new (&limited);
  a = track (sync, LOCKSTEP_AV_AUDIO);
  v = track (sync, LOCKSTEP_AV_VIDEO);
  send_captured (sync, &a, &v, 0, 10 * SECOND, &stats);
  g_assert_cmpint (stats.source, ==, LOCKSTEP_AV_SOURCE_ARRIVAL);
  g_assert_cmpint (stats.captures, ==, LOCKSTEP_BELIEF_NONE);
  g_assert_cmpint (ABS (ABS (v.error - a.error) - 60 * MS), <=, 2 * MS);
  lockstep_av_sync_set_config (sync, &config);
  send_captured (sync, &a, &v, 10 * SECOND, 30 * SECOND, &stats);
  g_assert_cmpint (stats.source, ==, LOCKSTEP_AV_SOURCE_CAPTURE_TIME);
  g_assert_cmpint (ABS (v.error - a.error), <=, 2 * MS);
}

/* Reports end: what they taught stays, and nothing jumps. */
static void
test_reports_end (void)
{
  g_autoptr (LockstepAvSync) sync = lockstep_av_sync_new (&config);
  Track a = track (sync, LOCKSTEP_AV_AUDIO);
  Track v = track (sync, LOCKSTEP_AV_VIDEO);
  LockstepAvStats stats;

  for (gint64 t = 0; t < 300 * SECOND; t += 20 * MS) {
    if (t % SECOND == 0 && t < 30 * SECOND) {
      guint64 ntp = ((guint64) t << 32) / SECOND;

      lockstep_av_stream_report (sync, a.stream,
          LOCKSTEP_AV_SOURCE_SENDER_REPORT, rtp (&a, t), ntp, FALSE, 0);
      lockstep_av_stream_report (sync, v.stream,
          LOCKSTEP_AV_SOURCE_SENDER_REPORT, rtp (&v, t), ntp, FALSE, 0);
    }
    send (&a, t, t, 30 * MS);
    if (t % (40 * MS) == 0)
      send (&v, t, t, 70 * MS);
    if (t > 20 * SECOND)
      g_assert_cmpint (ABS (v.error - a.error), <=, 2 * MS);
  }
  lockstep_av_stream_stats (sync, v.stream, &stats);
  g_assert_cmpint (stats.source, ==, LOCKSTEP_AV_SOURCE_ARRIVAL);
}

static void
test_streams_come_and_go (void)
{
  g_autoptr (LockstepAvSync) sync = lockstep_av_sync_new (&config);
  Track a = track (sync, LOCKSTEP_AV_AUDIO);
  Track v = track (sync, LOCKSTEP_AV_VIDEO);
  Track a2, v2;

  run (&a, &v, 0, 10 * SECOND, 30 * MS);
  v2 = track (sync, LOCKSTEP_AV_VIDEO);
  v2.base = 5;
  for (gint64 t = 10 * SECOND; t < 20 * SECOND; t += 20 * MS) {
    send (&a, t, t, 30 * MS);
    if (t % (40 * MS) == 0) {
      send (&v, t, t, 30 * MS);
      send (&v2, t, t, 30 * MS);
    }
  }
  g_assert_cmpint (ABS (v2.error - a.error), <=, MS);
  lockstep_av_sync_remove (sync, a.stream);
  run (NULL, &v, 20 * SECOND, 30 * SECOND, 30 * MS);
  a2 = track (sync, LOCKSTEP_AV_AUDIO);
  a2.base = 0xdeadbeef;
  run (&a2, &v, 30 * SECOND, 40 * SECOND, 30 * MS);
  g_assert_cmpint (ABS (v.error - a2.error), <=, MS);
  g_assert_cmpuint (v.disconts, ==, 1);
  lockstep_av_sync_remove (sync, v.stream);
  lockstep_av_sync_remove (sync, a2.stream);
  lockstep_av_sync_remove (sync, v2.stream);
  g_assert_false (lockstep_av_sync_poll (sync, 99 * SECOND));
}

/* A publisher's hour: no drift of audio against its own RTP time. */
static void
test_audio_is_its_rtp_time (void)
{
  g_autoptr (LockstepAvSync) sync = lockstep_av_sync_new (&config);
  LockstepAvStream *a = lockstep_av_sync_add (sync, LOCKSTEP_AV_AUDIO, 48000);
  gint64 first = -1;

  for (gint64 i = 0; i < 30 * 3600 * 50; i += 1 + i / 3000) {
    guint32 timestamp = 0xfff00000u + (guint32) (i * 960);
    gint64 now = i * 20 * MS, pts;

    lockstep_av_stream_observe (sync, a, timestamp, SSRC, now, now);
    lockstep_av_sync_poll (sync, now);
    if (!lockstep_av_stream_is_open (a))
      continue;
    lockstep_av_stream_stamp (sync, a, timestamp, now, &pts);
    if (first < 0)
      first = pts - i * 20 * MS;
    g_assert_cmpint (pts, ==, first + i * 20 * MS);
  }
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/avsync/one-track", test_one_track);
  g_test_add_func ("/avsync/late-video", test_late_video);
  g_test_add_func ("/avsync/late-audio", test_late_audio_goes_to_video);
  g_test_add_func ("/avsync/mute", test_mute_and_return);
  g_test_add_func ("/avsync/dtx", test_dtx);
  g_test_add_func ("/avsync/restart", test_sender_restarts);
  g_test_add_func ("/avsync/strays", test_strays_change_nothing);
  g_test_add_func ("/avsync/stall", test_a_stall_is_no_restart);
  g_test_add_func ("/avsync/clock-stood-still", test_a_clock_that_stood_still);
  g_test_add_func ("/avsync/frames", test_frames_out_of_order);
  g_test_add_func ("/avsync/video-offset", test_video_offset);
  g_test_add_func ("/avsync/capture-times", test_capture_times);
  g_test_add_func ("/avsync/best-source", test_best_source);
  g_test_add_func ("/avsync/reports-end", test_reports_end);
  g_test_add_func ("/avsync/come-and-go", test_streams_come_and_go);
  g_test_add_func ("/avsync/long", test_audio_is_its_rtp_time);
  return g_test_run ();
}
