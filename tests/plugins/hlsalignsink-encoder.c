/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* hlsalignsink behind real encoders, x264enc and lamemp3enc: the grid at every boundary,
 * also where the encoder holds many pictures, after a pause, a change of caps and a
 * restart. LOCKSTEP_GRID_SEGMENTS: segments of the long run (300). */
#include "hlsalignsink.h"

#include <gst/lockstep/hlscheck.h>
#include <stdlib.h>

#define MS G_GINT64_CONSTANT (1000000)
#define SECOND (1000 * MS)
/* half an MP3 frame of 48 kHz, and the rounding of ticks */
#define HALF_FRAME (12 * MS + 12000)
#define PICTURE 33333334

typedef struct
{
  guint segments, discontinuities;
  gint64 worst_error, worst_skew;       /* ns */
  gint64 first, last;           /* running time of the first and the last one */
  guint off_grid;
  guint obeyed;
  gint64 half;                  /* of an audio frame; 0: HALF_FRAME */
} Seen;

static gboolean
have_encoders (void)
{
  static const char *const names[] = { "x264enc", "lamemp3enc", "h264parse" };

  for (guint i = 0; i < G_N_ELEMENTS (names); i++) {
    g_autoptr (GstElementFactory) factory = gst_element_factory_find (names[i]);

    if (factory == NULL) {
      g_test_skip ("no x264enc, lamemp3enc or h264parse");
      return FALSE;
    }
  }
  return TRUE;
}

/* The validator finds nothing: counters, times, samples and key frames are in order. */
static void
assert_valid (const char *folder)
{
  g_autoptr (LockstepHlsCheck) check =
      lockstep_hls_check_new (1.0, fetch, (gpointer) folder);
  g_autoptr (GBytes) list = fetch ((gpointer) folder, "index.m3u8", NULL);
  GPtrArray *findings;

  g_assert_nonnull (list);
  lockstep_hls_check_snapshot (check, g_bytes_get_data (list, NULL),
      g_bytes_get_size (list), 0);
  findings = lockstep_hls_check_finish (check, 0);
  for (guint i = 0; i < findings->len; i++) {
    LockstepHlsFinding *f = g_ptr_array_index (findings, i);

    g_test_message ("rule %u: %s: %s", f->rule, f->place, f->text);
  }
  g_assert_cmpuint (findings->len, ==, 0);
}

static GstElement *
launch (const char *folder, const char *source, const char *encoder,
    guint seconds)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *line = g_strdup_printf ("videotestsrc %s num-buffers=%u ! "
      "capsfilter name=size caps=video/x-raw,width=64,height=36,framerate=30/1 "
      "! x264enc speed-preset=%s ! h264parse ! h.video "
      "audiotestsrc %s num-buffers=%u samplesperbuffer=1152 ! "
      "audio/x-raw,rate=48000,channels=2 ! lamemp3enc target=bitrate "
      "bitrate=128 cbr=true ! mpegaudioparse ! h.audio "
      "hlsalignsink name=h target-duration=1 playlist-length=0 max-files=0 "
      "location=\"%s/s%%05d.ts\" playlist-location=\"%s/index.m3u8\"", source,
      seconds * 30, encoder, source, seconds * 48000 / 1152, folder, folder);
  GstElement *pipeline = gst_parse_launch (line, &error);

  g_assert_no_error (error);
  return pipeline;
}

/* Takes the messages until the end; @at is called once @n segments are there. */
static void
run (GstElement * pipeline, Seen * seen, guint n, void (*at) (GstElement *))
{
  g_autoptr (GstBus) bus = gst_element_get_bus (pipeline);
  g_autoptr (GstElement) sink = gst_bin_get_by_name (GST_BIN (pipeline), "h");
  g_autoptr (GstStructure) stats = NULL;
  guint64 obeyed = 0;
  gboolean end = FALSE;

  gst_element_set_state (pipeline, GST_STATE_PLAYING);
  while (!end) {
    g_autoptr (GstMessage) message = gst_bus_timed_pop_filtered (bus,
        60 * GST_SECOND, GST_MESSAGE_EOS | GST_MESSAGE_ERROR
        | GST_MESSAGE_ELEMENT);
    const GstStructure *s;
    gint64 error, skew, start;
    gboolean discontinuity;

    g_assert_nonnull (message);
    g_assert_cmpint (GST_MESSAGE_TYPE (message), !=, GST_MESSAGE_ERROR);
    end = GST_MESSAGE_TYPE (message) == GST_MESSAGE_EOS;
    s = gst_message_get_structure (message);
    if (end || !gst_structure_has_name (s, "hlsalignsink-segment"))
      continue;
    g_assert_true (gst_structure_get (s, "grid-error", G_TYPE_INT64, &error,
            "start-skew", G_TYPE_INT64, &skew, "running-time", G_TYPE_INT64,
            &start, "discontinuity", G_TYPE_BOOLEAN, &discontinuity, NULL));
    if (seen->segments++ == 0)
      seen->first = start;
    seen->last = start;
    seen->discontinuities += discontinuity;
    seen->off_grid += ABS (error) > (seen->half > 0 ? seen->half : HALF_FRAME);
    seen->worst_error = MAX (seen->worst_error, ABS (error));
    seen->worst_skew = MAX (seen->worst_skew, ABS (skew));
    if (at != NULL && seen->segments == n)
      at (pipeline);
  }
  g_object_get (sink, "stats", &stats, NULL);
  if (gst_structure_get (stats, "keyframes-obeyed", G_TYPE_UINT64, &obeyed,
          NULL))
    seen->obeyed = obeyed;
  gst_element_set_state (pipeline, GST_STATE_NULL);
}

/* Every boundary within half an audio frame, and the mean within it over n. */
static void
assert_grid (const Seen * seen, guint segments)
{
  gint64 half = seen->half > 0 ? seen->half : HALF_FRAME, mean;

  g_assert_cmpuint (seen->segments, >=, segments);
  g_assert_cmpuint (seen->segments, <=, segments + 1);
  g_assert_cmpint (seen->worst_error, <=, half);
  g_assert_cmpint (seen->worst_skew, <=, PICTURE);
  mean = (seen->last - seen->first) / (seen->segments - 1);
  g_assert_cmpint (ABS (mean - SECOND), <=,
      half / (gint64) (seen->segments - 1) + 1);
  g_test_message ("%u segments: worst error %.3f ms, worst skew %.3f ms, "
      "mean %.6f s", seen->segments, seen->worst_error / 1e6,
      seen->worst_skew / 1e6, mean / 1e9);
}

/* @data: the preset, and with it how many pictures are held: 0, 40, 60 */
static void
test_grid (gconstpointer data)
{
  g_autofree char *folder = g_dir_make_tmp ("hlsalign-XXXXXX", NULL);
  const char *preset = data;
  const char *count = g_getenv ("LOCKSTEP_GRID_SEGMENTS");
  guint n = preset[0] != 'u' ? 60 : count != NULL ? atoi (count) : 300;
  Seen seen = { 0 };

  if (have_encoders ()) {
    g_autoptr (GstElement) pipeline = launch (folder, "", preset, n);

    run (pipeline, &seen, 0, NULL);
    assert_grid (&seen, n);
    g_assert_cmpuint (seen.discontinuities, ==, 0);
    assert_valid (folder);
  }
  remove_folder (folder);
}

typedef struct
{
  const char *encoder;          /* its element, with what makes frames of it */
  guint rate, samples;
  gboolean video;
} Sound;

static const Sound sounds[] = {
  {"lamemp3enc target=bitrate bitrate=128 cbr=true ! mpegaudioparse", 44100,
      1152, TRUE},
  {"lamemp3enc target=bitrate bitrate=128 cbr=true ! mpegaudioparse", 32000,
      1152, FALSE},
  /* MPEG-2: half as many samples in a frame */
  {"lamemp3enc target=bitrate bitrate=64 cbr=true ! mpegaudioparse", 24000,
      576, TRUE},
  {"lamemp3enc target=bitrate bitrate=64 cbr=true ! mpegaudioparse", 22050,
      576, TRUE},
  {"lamemp3enc target=bitrate bitrate=64 cbr=true ! mpegaudioparse", 16000,
      576, FALSE},
  {"avenc_aac bitrate=64000 ! aacparse ! audio/mpeg,stream-format=raw", 48000,
      1024, TRUE},
  {"avenc_aac bitrate=64000 ! aacparse ! audio/mpeg,stream-format=adts", 44100,
      1024, FALSE},
};

/* Other rates and frames, with a picture and alone: nearest to the same grid. */
static void
test_sound (gconstpointer data)
{
  const Sound *sound = data;
  const guint seconds = 40;
  g_autofree char *folder = g_dir_make_tmp ("hlsalign-XXXXXX", NULL);
  g_autofree char *name = g_strndup (sound->encoder,
      strcspn (sound->encoder, " "));
  g_autoptr (GstElementFactory) factory = gst_element_factory_find (name);
  Seen seen = { 0 };

  if (factory == NULL) {
    g_test_skip (name);
  } else if (have_encoders ()) {
    g_autoptr (GError) error = NULL;
    g_autofree char *video = g_strdup_printf ("videotestsrc num-buffers=%u ! "
        "video/x-raw,width=64,height=36,framerate=30/1 ! x264enc "
        "speed-preset=ultrafast ! h264parse ! h.video", seconds * 30);
    g_autofree char *line = g_strdup_printf ("hlsalignsink name=h "
        "target-duration=1 playlist-length=0 max-files=0 "
        "location=\"%s/s%%05d.ts\" playlist-location=\"%s/index.m3u8\" "
        "audiotestsrc num-buffers=%u samplesperbuffer=%u ! "
        "audio/x-raw,rate=%u,channels=2 ! %s ! h.audio %s", folder, folder,
        seconds * sound->rate / sound->samples, sound->samples, sound->rate,
        sound->encoder, sound->video ? video : "");
    g_autoptr (GstElement) pipeline = gst_parse_launch (line, &error);

    g_assert_no_error (error);
    seen.half = sound->samples * SECOND / sound->rate / 2 + 12000;
    run (pipeline, &seen, 0, NULL);
    assert_grid (&seen, seconds);
    /* the frames were what they were to be: some boundary lies between two of them */
    g_assert_cmpint (seen.worst_error, >, seen.half * 3 / 5);
    g_assert_cmpuint (seen.discontinuities, ==, 0);
    assert_valid (folder);
  }
  remove_folder (folder);
}

/* In the middle of a segment, whatever the machine's speed. */
static GstPadProbeReturn
change_size (GstPad * pad, GstPadProbeInfo * info, gpointer filter)
{
  if (GST_BUFFER_PTS (GST_PAD_PROBE_INFO_BUFFER (info)) < 2400 * GST_MSECOND)
    return GST_PAD_PROBE_OK;
  gst_util_set_object_arg (filter, "caps",
      "video/x-raw,width=96,height=54,framerate=30/1");
  return GST_PAD_PROBE_REMOVE;
}

/* The size changes: one discontinuity where it does, the grid before and after. */
static void
test_caps_change (void)
{
  g_autofree char *folder = g_dir_make_tmp ("hlsalign-XXXXXX", NULL);
  Seen seen = { 0 };

  if (have_encoders ()) {
    g_autoptr (GstElement) pipeline = launch (folder, "", "medium", 8);
    g_autoptr (GstElement) filter = gst_bin_get_by_name (GST_BIN (pipeline),
        "size");
    g_autoptr (GstPad) pad = gst_element_get_static_pad (filter, "src");

    gst_pad_add_probe (pad, GST_PAD_PROBE_TYPE_BUFFER, change_size, filter,
        NULL);
    run (pipeline, &seen, 0, NULL);
    g_assert_cmpuint (seen.segments, >=, 8);
    g_assert_cmpuint (seen.discontinuities, ==, 1);
    g_assert_cmpuint (seen.off_grid, <=, 1);
    g_assert_cmpint (seen.worst_skew, <=, PICTURE);
  }
  remove_folder (folder);
}

static void
pause_it (GstElement * pipeline)
{
  gst_element_set_state (pipeline, GST_STATE_PAUSED);
  g_assert_cmpint (gst_element_get_state (pipeline, NULL, NULL,
          10 * GST_SECOND), !=, GST_STATE_CHANGE_FAILURE);
  gst_element_set_state (pipeline, GST_STATE_PLAYING);
}

/* In the middle of a segment: the grid goes on as if nothing had been. */
static void
test_pause (void)
{
  g_autofree char *folder = g_dir_make_tmp ("hlsalign-XXXXXX", NULL);
  Seen seen = { 0 };

  if (have_encoders ()) {
    g_autoptr (GstElement) pipeline = launch (folder, "", "medium", 60);

    run (pipeline, &seen, 3, pause_it);
    assert_grid (&seen, 60);
    g_assert_cmpuint (seen.discontinuities, ==, 0);
    assert_valid (folder);
  }
  remove_folder (folder);
}

/* The same elements, to NULL and back: a discontinuity, and a grid of its own. */
static void
test_restart (void)
{
  g_autofree char *folder = g_dir_make_tmp ("hlsalign-XXXXXX", NULL);

  if (have_encoders ()) {
    g_autoptr (GstElement) pipeline = launch (folder, "", "medium", 20);

    for (guint i = 0; i < 3; i++) {
      Seen seen = { 0 };

      run (pipeline, &seen, 0, NULL);
      assert_grid (&seen, 20);
      g_assert_cmpuint (seen.discontinuities, ==, i > 0 ? 1 : 0);
    }
    assert_valid (folder);
  }
  remove_folder (folder);
}

int
main (int argc, char **argv)
{
  gst_init (&argc, &argv);
  g_test_init (&argc, &argv, NULL);
  g_test_add_data_func ("/hlsalignsink/encoder/grid", "ultrafast", test_grid);
  g_test_add_data_func ("/hlsalignsink/encoder/grid-40-held", "medium",
      test_grid);
  g_test_add_data_func ("/hlsalignsink/encoder/grid-60-held", "veryslow",
      test_grid);
  for (guint i = 0; i < G_N_ELEMENTS (sounds); i++) {
    g_autofree char *path =
        g_strdup_printf ("/hlsalignsink/encoder/sound/%.3s-%u%s",
        sounds[i].encoder, sounds[i].rate, sounds[i].video ? "" : "-alone");

    g_test_add_data_func (path, &sounds[i], test_sound);
  }
  g_test_add_func ("/hlsalignsink/encoder/caps-change", test_caps_change);
  g_test_add_func ("/hlsalignsink/encoder/pause", test_pause);
  g_test_add_func ("/hlsalignsink/encoder/restart", test_restart);
  return g_test_run ();
}
