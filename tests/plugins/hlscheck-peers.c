/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The validator on what real packagers write, when it is finished and while it grows:
 * nothing on hlsalignsink's, and on the others' what is known to be wrong with it. */
#include "hlsalignsink.h"

#include <gst/lockstep/hlscheck.h>
#include <gst/video/video.h>
#include <sys/wait.h>

#define SECONDS 40
#define SOUND "audiotestsrc num-buffers=1667 samplesperbuffer=1152 ! " \
    "audio/x-raw,rate=48000,channels=2 ! " \
    "lamemp3enc target=bitrate bitrate=128 cbr=true ! mpegaudioparse ! h.audio"

static void
run_pipeline (const char *text)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GstElement) pipeline = gst_parse_launch (text, &error);
  g_autoptr (GstBus) bus = NULL;
  g_autoptr (GstMessage) message = NULL;

  g_assert_no_error (error);
  bus = gst_element_get_bus (pipeline);
  gst_element_set_state (pipeline, GST_STATE_PLAYING);
  message = gst_bus_timed_pop_filtered (bus, 60 * GST_SECOND,
      GST_MESSAGE_EOS | GST_MESSAGE_ERROR);
  g_assert_nonnull (message);
  g_assert_cmpint (GST_MESSAGE_TYPE (message), ==, GST_MESSAGE_EOS);
  gst_element_set_state (pipeline, GST_STATE_NULL);
}

static gboolean
have (const char *element)
{
  g_autoptr (GstElementFactory) factory = gst_element_factory_find (element);

  return factory != NULL;
}

/* The rules that fail for the folder's list, as bits; the folder is deleted. */
static guint32
check_folder (char *folder)
{
  g_autoptr (LockstepHlsCheck) check =
      lockstep_hls_check_new (1.0, fetch, folder);
  g_autoptr (GBytes) list = fetch (folder, "index.m3u8", NULL);
  GPtrArray *findings;
  guint32 rules = 0;

  g_assert_nonnull (list);
  lockstep_hls_check_snapshot (check, g_bytes_get_data (list, NULL),
      g_bytes_get_size (list), 0);
  g_assert_cmpuint (lockstep_hls_check_n_segments (check), >=, SECONDS);
  findings = lockstep_hls_check_finish (check, 1000000);
  for (guint i = 0; i < findings->len; i++) {
    LockstepHlsFinding *f = g_ptr_array_index (findings, i);

    g_test_message ("rule %u: %s: %s", f->rule, f->place, f->text);
    rules |= 1u << f->rule;
  }
  remove_folder (folder);
  return rules;
}

static void
test_own (void)
{
  g_autofree char *folder = g_dir_make_tmp ("hlscheck-XXXXXX", NULL);
  g_autofree char *line = g_strdup_printf ("hlsalignsink name=h "
      "target-duration=1 playlist-length=0 max-files=0 "
      "location=\"%s/s%%05d.ts\" playlist-location=\"%s/index.m3u8\" " SOUND,
      folder,
      folder);

  if (!have ("lamemp3enc")) {
    g_test_skip ("no lamemp3enc");
    g_rmdir (folder);
    return;
  }
  run_pipeline (line);
  g_assert_cmphex (check_folder (folder), ==, 0);
}

static void
test_hlssink2 (void)
{
  g_autofree char *folder = g_dir_make_tmp ("hlscheck-XXXXXX", NULL);
  g_autofree char *line = g_strdup_printf ("hlssink2 name=h "
      "target-duration=1 playlist-length=0 max-files=0 "
      "location=\"%s/s%%05d.ts\" playlist-location=\"%s/index.m3u8\" " SOUND,
      folder,
      folder);
  guint32 rules;

  if (!have ("lamemp3enc") || !have ("hlssink2")) {
    g_test_skip ("no lamemp3enc, or no hlssink2");
    g_rmdir (folder);
    return;
  }
  run_pipeline (line);
  rules = check_folder (folder);
  /* 16 ms short each time */
  g_assert_cmphex (rules & 1u << 22, !=, 0);
}

static void
test_ffmpeg (void)
{
  g_autofree char *folder = NULL;
  g_autofree char *list = NULL;
  g_autofree char *ffmpeg = g_find_program_in_path ("ffmpeg");
  guint32 rules;
  int status = -1;

  if (ffmpeg == NULL) {
    g_test_skip ("no ffmpeg");
    return;
  }
  folder = g_dir_make_tmp ("hlscheck-XXXXXX", NULL);
  list = g_build_filename (folder, "index.m3u8", NULL);
  {
    char *argv[] = { ffmpeg, (char *) "-v", (char *) "error", (char *) "-f",
      (char *) "lavfi", (char *) "-i",
      (char *) "sine=sample_rate=48000:duration=40", (char *) "-ac",
      (char *) "2", (char *) "-c:a", (char *) "libmp3lame", (char *) "-b:a",
      (char *) "128k", (char *) "-f", (char *) "hls", (char *) "-hls_time",
      (char *) "1", (char *) "-hls_list_size", (char *) "0", list, NULL
    };

    g_assert_true (g_spawn_sync (NULL, argv, NULL, 0, NULL, NULL, NULL, NULL,
            &status, NULL));
  }
  if (status != 0) {
    g_test_skip ("this ffmpeg has no libmp3lame or no hls");
    g_rmdir (folder);
    return;
  }
  rules = check_folder (folder);
  /* EXTINF 1.008 under EXT-X-TARGETDURATION 1 and version 3; SDT before PAT; cut
   * at the first frame after the boundary */
  g_assert_cmphex (rules & 1u << 2, !=, 0);
  g_assert_cmphex (rules & 1u << 18, !=, 0);
  g_assert_cmphex (rules & 1u << 22, !=, 0);
}

/* {{{ live: looked at while it grows */

#define LIVE_SECONDS 9
#define LOOK (40 * G_TIME_SPAN_MILLISECOND)
/* Tiny pictures, in real time. */
#define LIVE_PICTURES "videotestsrc name=p is-live=true num-buffers=270 ! " \
    "video/x-raw,width=64,height=36,framerate=30/1 ! " \
    "x264enc name=x speed-preset=ultrafast tune=zerolatency key-int-max=900 " \
    "option-string=scenecut=0 ! h264parse ! h.video "
#define LIVE_SOUND "audiotestsrc name=s is-live=true num-buffers=375 " \
    "samplesperbuffer=1152 ! audio/x-raw,rate=48000,channels=2 ! " \
    "lamemp3enc target=bitrate bitrate=128 cbr=true ! mpegaudioparse ! h.audio"

typedef struct
{
  const char *name, *line;      /* a sink, with two %s for the folder */
  char *folder;
  GstElement *pipeline;
  LockstepHlsCheck *check;
  GPid ffmpeg;
  gboolean ended;
  GstClockTime first[2];        /* PTS of the first picture and sound */
  guint32 rules;
} Peer;

/* A key frame each second, but for the GOP from the second to the fifth. Asked for when
 * the encoder has begun: what it hears before, GStreamer 1.22's forgets. */
static GstPadProbeReturn
live_ask (GstPad * pad, GstPadProbeInfo * info, gpointer user)
{
  static const guint seconds[] = { 1, 2, 5, 6, 7, 8 };

  for (guint i = 0; i < G_N_ELEMENTS (seconds); i++)
    gst_pad_send_event (pad, gst_video_event_new_upstream_force_key_unit
        (seconds[i] * GST_SECOND, TRUE, i));
  return GST_PAD_PROBE_REMOVE;
}

/* A live source begins when its thread does, on a busy machine not at once: what the first
 * one is late by is taken from all its buffers. */
static GstPadProbeReturn
begin_at_zero (GstPad * pad, GstPadProbeInfo * info, gpointer user)
{
  GstClockTime *first = user;
  GstBuffer *buffer = gst_buffer_make_writable (GST_PAD_PROBE_INFO_BUFFER
      (info));

  if (!GST_CLOCK_TIME_IS_VALID (*first))
    *first = GST_BUFFER_PTS (buffer);
  GST_BUFFER_PTS (buffer) -= *first;
  GST_BUFFER_DTS (buffer) = GST_CLOCK_TIME_NONE;
  GST_PAD_PROBE_INFO_DATA (info) = buffer;
  return GST_PAD_PROBE_OK;
}

static void
live_start (Peer * peer, gboolean ask)
{
  static const char *const sources[] = { "p", "s" };
  g_autofree char *sink = NULL;
  g_autofree char *text = NULL;
  g_autoptr (GError) error = NULL;

  peer->folder = g_dir_make_tmp ("hlscheck-XXXXXX", NULL);
  peer->check = lockstep_hls_check_new (1.0, fetch, peer->folder);
  if (peer->line == NULL)
    return;
  sink = g_strdup_printf (peer->line, peer->folder, peer->folder);
  text = g_strconcat (sink, " " LIVE_PICTURES LIVE_SOUND, NULL);
  peer->pipeline = gst_parse_launch (text, &error);
  g_assert_no_error (error);
  for (guint i = 0; i < G_N_ELEMENTS (sources); i++) {
    g_autoptr (GstElement) source = gst_bin_get_by_name (GST_BIN
        (peer->pipeline), sources[i]);
    g_autoptr (GstPad) pad = gst_element_get_static_pad (source, "src");

    peer->first[i] = GST_CLOCK_TIME_NONE;
    gst_pad_add_probe (pad, GST_PAD_PROBE_TYPE_BUFFER, begin_at_zero,
        &peer->first[i], NULL);
  }
  if (ask) {
    g_autoptr (GstElement) encoder = gst_bin_get_by_name (GST_BIN
        (peer->pipeline), "x");
    g_autoptr (GstPad) pad = gst_element_get_static_pad (encoder, "src");

    gst_pad_add_probe (pad, GST_PAD_PROBE_TYPE_BUFFER, live_ask, NULL, NULL);
  }
  gst_element_set_state (peer->pipeline, GST_STATE_PLAYING);
}

static gboolean
live_has_ended (Peer * peer)
{
  g_autoptr (GstBus) bus = NULL;
  g_autoptr (GstMessage) message = NULL;

  if (peer->ended)
    return TRUE;
  if (peer->pipeline == NULL) {
    peer->ended = waitpid (peer->ffmpeg, NULL, WNOHANG) != 0;
    return peer->ended;
  }
  bus = gst_element_get_bus (peer->pipeline);
  message = gst_bus_pop_filtered (bus, GST_MESSAGE_EOS | GST_MESSAGE_ERROR);
  g_assert_true (message == NULL || GST_MESSAGE_TYPE (message) ==
      GST_MESSAGE_EOS);
  peer->ended = message != NULL;
  return peer->ended;
}

/* Returns: whether it goes on */
static gboolean
live_look (Peer * peer)
{
  /* before: the last look is at what is complete */
  gboolean ended = live_has_ended (peer);
  g_autoptr (GBytes) list = fetch (peer->folder, "index.m3u8", NULL);

  if (list != NULL)
    lockstep_hls_check_snapshot (peer->check, g_bytes_get_data (list, NULL),
        g_bytes_get_size (list), g_get_monotonic_time ());
  return !ended;
}

static void
live_end (Peer * peer)
{
  GPtrArray *findings;

  if (peer->pipeline != NULL) {
    gst_element_set_state (peer->pipeline, GST_STATE_NULL);
    gst_object_unref (peer->pipeline);
  }
  /* what the end changed; it has ended, and is not asked again */
  live_look (peer);
  findings = lockstep_hls_check_finish (peer->check, g_get_monotonic_time ());
  for (guint i = 0; i < findings->len; i++) {
    LockstepHlsFinding *f = g_ptr_array_index (findings, i);

    g_test_message ("%s: rule %u: %s: %s", peer->name, f->rule, f->place,
        f->text);
    peer->rules |= 1u << f->rule;
  }
  lockstep_hls_check_free (peer->check);
  remove_folder (peer->folder);
  g_free (peer->folder);
}

/* All three at the same time, as it takes as long as it takes. */
static void
test_live (void)
{
  Peer own = { "hlsalignsink", "hlsalignsink name=h target-duration=1 "
        "playlist-length=4 max-files=4 location=\"%s/s%%05d.ts\" "
        "playlist-location=\"%s/index.m3u8\""
  };
  /* It asks for key frames too; not so here, for the long GOP */
  Peer old = { "hlssink2", "hlssink2 name=h target-duration=1 "
        "playlist-length=3 max-files=3 send-keyframe-requests=false "
        "location=\"%s/s%%05d.ts\" playlist-location=\"%s/index.m3u8\""
  };
  Peer ffmpeg = { "ffmpeg" };
  g_autofree char *program = g_find_program_in_path ("ffmpeg");
  gint64 end;

  if (!have ("lamemp3enc") || !have ("hlssink2") || !have ("x264enc")
      || program == NULL) {
    g_test_skip ("no lamemp3enc, hlssink2, x264enc or ffmpeg");
    return;
  }
  live_start (&own, FALSE);
  live_start (&old, TRUE);
  live_start (&ffmpeg, FALSE);
  {
    g_autofree char *list = g_build_filename (ffmpeg.folder, "index.m3u8",
        NULL);
    g_autofree char *line = g_strdup_printf ("%s -v error -re -f lavfi -i "
        "testsrc2=size=64x36:rate=30:duration=%u -c:v libx264 -preset "
        "ultrafast -tune zerolatency -g 1000 -force_key_frames 0,1,2,5,6,7 "
        "-f hls -hls_time 1 -hls_list_size 3 -hls_flags delete_segments '%s'",
        program, LIVE_SECONDS, list);
    g_auto (GStrv) argv = NULL;

    g_assert_true (g_shell_parse_argv (line, NULL, &argv, NULL));
    g_assert_true (g_spawn_async (NULL, argv, NULL, G_SPAWN_DO_NOT_REAP_CHILD,
            NULL, NULL, &ffmpeg.ffmpeg, NULL));
  }
  end = g_get_monotonic_time () + 60 * G_TIME_SPAN_SECOND;
  for (gboolean going = TRUE; going;) {
    g_assert_cmpint (g_get_monotonic_time (), <, end);
    going = live_look (&own);
    going |= live_look (&old);
    going |= live_look (&ffmpeg);
    g_usleep (LOOK);
  }
  live_end (&own);
  live_end (&old);
  live_end (&ffmpeg);
  /* On a busy machine a live list may come late: that is the machine's */
  g_assert_cmphex (own.rules & ~(1u << 15), ==, 0);
  /* No newline after the last line, a target duration that follows the window, a
   * list of less than three, files that fill under their names, or go too soon */
  for (guint i = 0; i < 5; i++) {
    static const guint rules[] = { 1, 11, 12, 14, 16 };

    g_test_message ("hlssink2: rule %u", rules[i]);
    g_assert_cmphex (old.rules & 1u << rules[i], !=, 0);
  }
  /* As ffmpeg's target duration does; and its first packet is an SDT. (That hlssink2's
   * first segment begins with sound, rule 18 too, depends on which thread is first.) */
  g_assert_cmphex (ffmpeg.rules & 1u << 12, !=, 0);
  g_assert_cmphex (ffmpeg.rules & 1u << 18, !=, 0);
}

int
main (int argc, char **argv)
{
  gst_init (&argc, &argv);
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/hlscheck/hlsalignsink", test_own);
  g_test_add_func ("/hlscheck/hlssink2", test_hlssink2);
  g_test_add_func ("/hlscheck/ffmpeg", test_ffmpeg);
  g_test_add_func ("/hlscheck/live", test_live);
  return g_test_run ();
}
