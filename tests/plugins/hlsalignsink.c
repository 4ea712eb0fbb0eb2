/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* hlsalignsink as a pipeline sees it. The sources are made here: pictures of a few
 * bytes with the right NAL units, and MP3 frames with the right headers. */
#include <gst/check/gstharness.h>
#include <gst/video/video.h>
#include <glib/gstdio.h>
#include <gst/lockstep/playlist.h>
#include <string.h>

#define VIDEO_CAPS "video/x-h264,stream-format=byte-stream,alignment=au"
#define MP3_CAPS "audio/mpeg,mpegversion=1,layer=3,rate=48000,channels=2"

static const guint8 sps[] = { 0, 0, 0, 1, 0x67, 0x42, 0xc0, 0x1e, 0xd9 };
static const guint8 pps[] = { 0, 0, 0, 1, 0x68, 0xce, 0x3c, 0x80 };

typedef struct
{
  char *folder;
  GstElement *sink;
  GstBus *bus;
  GstHarness *video, *audio;
  GArray *asked;                /* GstClockTime: key units to make */
  guint requests;
} Fixture;

static GstPadProbeReturn
on_upstream (GstPad * pad, GstPadProbeInfo * info, gpointer user)
{
  Fixture *f = user;
  GstEvent *event = GST_PAD_PROBE_INFO_EVENT (info);
  GstClockTime time;

  if (gst_video_event_is_force_key_unit (event)
      && gst_video_event_parse_upstream_force_key_unit (event, &time, NULL,
          NULL)) {
    f->requests++;
    if (GST_CLOCK_TIME_IS_VALID (time))
      g_array_append_val (f->asked, time);
  }
  return GST_PAD_PROBE_OK;
}

static GstHarness *
add_input (Fixture * f, const char *name, const char *caps)
{
  GstHarness *h = gst_harness_new_with_element (f->sink, name, NULL);

  gst_pad_add_probe (h->srcpad, GST_PAD_PROBE_TYPE_EVENT_UPSTREAM, on_upstream,
      f, NULL);
  if (caps != NULL)
    gst_harness_set_src_caps_str (h, caps);
  return h;
}

static void
fixture_init (Fixture * f, const char *folder, const char *video,
    const char *audio, const char *first_property, ...)
{
  g_autofree char *location = NULL;
  g_autofree char *playlist = NULL;
  va_list args;

  memset (f, 0, sizeof *f);
  f->folder = folder != NULL ? g_strdup (folder)
      : g_dir_make_tmp ("hlsalign-XXXXXX", NULL);
  f->asked = g_array_new (FALSE, FALSE, sizeof (GstClockTime));
  f->sink = gst_element_factory_make ("hlsalignsink", NULL);
  g_assert_nonnull (f->sink);
  f->bus = gst_bus_new ();
  gst_element_set_bus (f->sink, f->bus);
  location = g_build_filename (f->folder, "seg%05d.ts", NULL);
  playlist = g_build_filename (f->folder, "index.m3u8", NULL);
  g_object_set (f->sink, "location", location, "playlist-location", playlist,
      "target-duration", 1.0, "playlist-length", 0, "max-files", 0, "async",
      FALSE, NULL);
  va_start (args, first_property);
  if (first_property != NULL)
    g_object_set_valist (G_OBJECT (f->sink), first_property, args);
  va_end (args);
  if (video != NULL)
    f->video = add_input (f, "video", video[0] != '\0' ? video : NULL);
  if (audio != NULL)
    f->audio = add_input (f, "audio", audio[0] != '\0' ? audio : NULL);
}

static void
fixture_clear (Fixture * f, gboolean remove)
{
  g_clear_pointer (&f->video, gst_harness_teardown);
  g_clear_pointer (&f->audio, gst_harness_teardown);
  gst_element_set_state (f->sink, GST_STATE_NULL);
  gst_element_set_bus (f->sink, NULL);
  gst_object_unref (f->bus);
  gst_object_unref (f->sink);
  g_array_unref (f->asked);
  if (remove) {
    g_autoptr (GDir) dir = g_dir_open (f->folder, 0, NULL);
    const char *name;

    while (dir != NULL && (name = g_dir_read_name (dir)) != NULL) {
      g_autofree char *path = g_build_filename (f->folder, name, NULL);

      g_unlink (path);
    }
    g_rmdir (f->folder);
  }
  g_free (f->folder);
}

static GstBuffer *
picture (gboolean key, GstClockTime pts)
{
  guint8 bytes[64];
  gsize n = 0;
  GstBuffer *buffer;

  if (key) {
    memcpy (bytes, sps, sizeof sps);
    memcpy (bytes + sizeof sps, pps, sizeof pps);
    n = sizeof sps + sizeof pps;
  }
  memcpy (bytes + n, "\0\0\0\1", 4);
  bytes[n + 4] = key ? 0x65 : 0x41;
  memset (bytes + n + 5, 0x80, 30);
  n += 35;
  buffer = gst_buffer_new_memdup (bytes, n);
  GST_BUFFER_PTS (buffer) = GST_BUFFER_DTS (buffer) = pts;
  if (!key)
    GST_BUFFER_FLAG_SET (buffer, GST_BUFFER_FLAG_DELTA_UNIT);
  return buffer;
}

/* MPEG-1 layer 3, 48 kHz, 128 kbit/s: 384 bytes, 24 ms */
static GstBuffer *
mp3_frame (GstClockTime pts)
{
  GstBuffer *buffer = gst_buffer_new_allocate (NULL, 384, NULL);
  GstMapInfo map;

  gst_buffer_map (buffer, &map, GST_MAP_WRITE);
  memset (map.data, 0x55, map.size);
  memcpy (map.data, "\xff\xfb\x94\x00", 4);
  gst_buffer_unmap (buffer, &map);
  GST_BUFFER_PTS (buffer) = pts;
  GST_BUFFER_DURATION (buffer) = 24 * GST_MSECOND;
  return buffer;
}

/* An encoder at @fps that makes a key unit of the first picture at or after each
 * time that it was asked for; audio and video come side by side. */
static void
feed (Fixture * f, guint64 * picture_index, guint64 * frame_index, guint fps,
    GstClockTime until)
{
  for (;;) {
    GstClockTime v = f->video != NULL ?
        gst_util_uint64_scale (*picture_index, GST_SECOND, fps) : until;
    GstClockTime a = f->audio != NULL ? *frame_index * 24 * GST_MSECOND : until;

    if (v >= until && a >= until)
      return;
    if (v <= a && v < until) {
      gboolean key = *picture_index == 0;

      for (guint i = f->asked->len; i-- > 0;) {
        if (g_array_index (f->asked, GstClockTime, i) <= v) {
          key = TRUE;
          g_array_remove_index_fast (f->asked, i);
        }
      }
      g_assert_cmpint (gst_harness_push (f->video, picture (key, v)), ==,
          GST_FLOW_OK);
      ++*picture_index;
    } else {
      g_assert_cmpint (gst_harness_push (f->audio, mp3_frame (a)), ==,
          GST_FLOW_OK);
      ++*frame_index;
    }
  }
}

static void
end (Fixture * f)
{
  GstMessage *message;

  if (f->video != NULL)
    gst_harness_push_event (f->video, gst_event_new_eos ());
  if (f->audio != NULL)
    gst_harness_push_event (f->audio, gst_event_new_eos ());
  message = gst_bus_timed_pop_filtered (f->bus, 60 * GST_SECOND,
      GST_MESSAGE_EOS);
  g_assert_nonnull (message);
  gst_message_unref (message);
}

static LockstepPlaylist *
read_playlist (Fixture * f)
{
  g_autofree char *path = g_build_filename (f->folder, "index.m3u8", NULL);
  g_autofree char *text = NULL;
  gsize size;
  LockstepPlaylist *playlist;

  g_assert_true (g_file_get_contents (path, &text, &size, NULL));
  playlist = lockstep_playlist_parse (text, size, LOCKSTEP_PLAYLIST_LIVE, NULL);
  g_assert_nonnull (playlist);
  return playlist;
}

static const LockstepPlaylistEntry *
nth (LockstepPlaylist * playlist, guint n)
{
  return g_queue_peek_nth (&playlist->entries, n);
}

static void
test_grid (void)
{
  Fixture f;
  guint64 pictures = 0, frames = 0;
  g_autoptr (LockstepPlaylist) playlist = NULL;

  fixture_init (&f, NULL, VIDEO_CAPS, MP3_CAPS, NULL);
  feed (&f, &pictures, &frames, 30, 20 * GST_SECOND);
  end (&f);
  playlist = read_playlist (&f);
  g_assert_cmpuint (playlist->entries.length, ==, 20);
  g_assert_true (playlist->ended);
  g_assert_cmpuint (playlist->target_duration, ==, 1);
  for (guint i = 0; i < 19; i++)
    g_assert_cmpint (ABS (nth (playlist, i)->duration - GST_SECOND), <, 1000);
  fixture_clear (&f, TRUE);
}

static void
test_audio_only (void)
{
  Fixture f;
  guint64 frames = 0;
  gint64 sum = 0;
  g_autoptr (LockstepPlaylist) playlist = NULL;

  fixture_init (&f, NULL, NULL, MP3_CAPS, NULL);
  feed (&f, NULL, &frames, 30, 30 * GST_SECOND);
  end (&f);
  playlist = read_playlist (&f);
  g_assert_cmpuint (playlist->entries.length, ==, 30);
  for (guint i = 0; i < 29; i++) {
    sum += nth (playlist, i)->duration;
    g_assert_cmpint (ABS (sum - (i + 1) * (gint64) GST_SECOND), <=,
        12 * GST_MSECOND);
  }
  fixture_clear (&f, TRUE);
}

static void
test_restart (void)
{
  Fixture f;
  guint64 pictures = 0, frames = 0;
  g_autofree char *folder = NULL;
  g_autofree char *stray = NULL;
  g_autoptr (LockstepPlaylist) playlist = NULL;
  guint n;

  fixture_init (&f, NULL, VIDEO_CAPS, MP3_CAPS, "endlist", FALSE, NULL);
  feed (&f, &pictures, &frames, 30, 5 * GST_SECOND);
  end (&f);
  playlist = read_playlist (&f);
  g_assert_false (playlist->ended);
  n = playlist->entries.length;
  g_clear_pointer (&playlist, lockstep_playlist_free);
  folder = g_strdup (f.folder);
  fixture_clear (&f, FALSE);

  stray = g_build_filename (folder, ".hlsalign-seg00005.ts.part", NULL);
  g_assert_true (g_file_set_contents (stray, "x", 1, NULL));
  pictures = frames = 0;
  fixture_init (&f, folder, VIDEO_CAPS, MP3_CAPS, NULL);
  feed (&f, &pictures, &frames, 30, 5 * GST_SECOND);
  end (&f);
  g_assert_false (g_file_test (stray, G_FILE_TEST_EXISTS));
  playlist = read_playlist (&f);
  g_assert_cmpuint (playlist->entries.length, >, n);
  for (guint i = 0; i < playlist->entries.length; i++)
    g_assert_cmpint (nth (playlist, i)->discontinuity, ==, i == n);
  fixture_clear (&f, TRUE);
}

/* One pad gets nothing: the other goes on by itself. */
static void
test_missing (gconstpointer which)
{
  gboolean no_audio = GPOINTER_TO_INT (which);
  Fixture f;
  guint64 pictures = 0, frames = 0;
  GstHarness *idle;
  g_autoptr (LockstepPlaylist) playlist = NULL;

  fixture_init (&f, NULL, no_audio ? VIDEO_CAPS : "", no_audio ? "" : MP3_CAPS,
      NULL);
  idle = no_audio ? g_steal_pointer (&f.audio) : g_steal_pointer (&f.video);
  /* not live: it would wait in real time. An end without caps is as good. */
  gst_harness_push_event (idle, gst_event_new_eos ());
  feed (&f, &pictures, &frames, 30, 6 * GST_SECOND);
  end (&f);
  playlist = read_playlist (&f);
  g_assert_cmpuint (playlist->entries.length, ==, 6);
  gst_harness_teardown (idle);
  fixture_clear (&f, TRUE);
}

static gboolean
ended (GstBus * bus, GstClockTime limit)
{
  g_autoptr (GstMessage) message = gst_bus_timed_pop_filtered (bus, limit,
      GST_MESSAGE_EOS | GST_MESSAGE_ERROR);

  return message != NULL && GST_MESSAGE_TYPE (message) == GST_MESSAGE_EOS;
}

/* As in a WebRTC session of sound alone: the pictures' branch ends before the sound's, which is not linked
 * yet, has its source. */
static void
test_dead_end_at_start (void)
{
  g_autofree char *folder = g_dir_make_tmp ("hlsalignsink-XXXXXX", NULL);
  g_autofree char *line = g_strdup_printf ("fakesrc num-buffers=0 ! "
      "video/x-h264,stream-format=byte-stream,alignment=au ! h.video "
      "hlsalignsink name=h location=\"%s/%%05d.ts\" playlist-location=\"%s/i.m3u8\" "
      "queue name=open ! audioconvert ! lamemp3enc ! mpegaudioparse ! h.audio",
      folder, folder);
  g_autofree char *remove = g_strdup_printf ("rm -r '%s'", folder);
  g_autoptr (GError) error = NULL;
  g_autoptr (GstElement) pipeline = gst_parse_launch (line, &error);
  g_autoptr (GstBus) bus = gst_element_get_bus (pipeline);
  g_autoptr (GstElement) open =
      gst_bin_get_by_name (GST_BIN (pipeline), "open");
  GstElement *sound = gst_element_factory_make ("audiotestsrc", NULL);

  g_assert_no_error (error);
  gst_element_set_state (pipeline, GST_STATE_PLAYING);
  g_assert_false (ended (bus, GST_SECOND));
  g_object_set (sound, "num-buffers", 100, NULL);
  gst_bin_add (GST_BIN (pipeline), sound);
  g_assert_true (gst_element_link (sound, open));
  gst_element_sync_state_with_parent (sound);
  g_assert_true (ended (bus, 60 * GST_SECOND));
  gst_element_set_state (pipeline, GST_STATE_NULL);
  g_assert_cmpint (system (remove), ==, 0);
}

/* As gst-launch-1.0 has it where a file has one kind of media alone: the other branch is
 * linked to nothing. With the sound linked to what is silent yet, there is no end. */
static void
test_dead_end (void)
{
  for (guint linked = 0; linked < 2; linked++) {
    g_autofree char *folder = g_dir_make_tmp ("hlsalignsink-XXXXXX", NULL);
    g_autofree char *line = g_strdup_printf ("videotestsrc num-buffers=60 ! "
        "video/x-raw,width=64,height=48,framerate=30/1 ! x264enc "
        "tune=zerolatency speed-preset=ultrafast ! h.video "
        "hlsalignsink name=h location=\"%s/%%05d.ts\" playlist-location=\"%s/i.m3u8\" "
        "%s queue ! audioconvert ! lamemp3enc ! mpegaudioparse ! h.audio",
        folder, folder, linked ? "appsrc ! " : "");
    g_autoptr (GError) error = NULL;
    g_autoptr (GstElement) pipeline = gst_parse_launch (line, &error);
    g_autoptr (GstBus) bus = gst_element_get_bus (pipeline);
    g_autofree char *remove = g_strdup_printf ("rm -r '%s'", folder);

    g_assert_no_error (error);
    gst_element_set_state (pipeline, GST_STATE_PLAYING);
    g_assert_cmpint (ended (bus, linked ? GST_SECOND : 60 * GST_SECOND), ==,
        !linked);
    gst_element_set_state (pipeline, GST_STATE_NULL);
    g_assert_cmpint (system (remove), ==, 0);
  }
}

int
main (int argc, char **argv)
{
  gst_init (&argc, &argv);
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/hlsalignsink/grid", test_grid);
  g_test_add_func ("/hlsalignsink/audio-only", test_audio_only);
  g_test_add_func ("/hlsalignsink/dead-end", test_dead_end);
  g_test_add_func ("/hlsalignsink/dead-end-at-start", test_dead_end_at_start);
  g_test_add_func ("/hlsalignsink/restart", test_restart);
  g_test_add_data_func ("/hlsalignsink/no-audio", GINT_TO_POINTER (1),
      test_missing);
  g_test_add_data_func ("/hlsalignsink/no-video", GINT_TO_POINTER (0),
      test_missing);
  return g_test_run ();
}
