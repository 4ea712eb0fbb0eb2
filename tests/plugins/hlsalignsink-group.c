/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Sinks of one group: renditions of one source, encoded here or passed on, are cut at
 * the same times and have the same numbers and discontinuities. */
#include "hlsalignsink.h"

#define MS G_GINT64_CONSTANT (1000000)

static char *folder;

static void
make_folder (void)
{
  folder = g_dir_make_tmp ("lockstep-group-XXXXXX", NULL);
  g_assert_nonnull (folder);
}

static void
clear_folder (void)
{
  remove_folder (folder);
  g_clear_pointer (&folder, g_free);
}

static char *
path_of (const char *name)
{
  return g_build_filename (folder, name, NULL);
}

/* A sink of the group, as it stands in a launch line. */
static char *
sink_line (const char *name, const char *more)
{
  return g_strdup_printf ("hlsalignsink name=%s group=\"%s\" target-duration=1 "
      "playlist-length=0 max-files=0 location=\"%s/%s-%%05d.ts\" "
      "playlist-location=\"%s/%s.m3u8\" %s ", name, folder, folder, name,
      folder, name, more);
}

/* @change: called with the pipeline when the source's pad has given @after pictures */
typedef struct
{
  void (*change) (GstElement * pipeline);
  GstElement *pipeline;
  guint after, count;
} Change;

static GstPadProbeReturn
count_pictures (GstPad * pad, GstPadProbeInfo * info, gpointer user_data)
{
  Change *change = user_data;

  if (++change->count == change->after)
    change->change (change->pipeline);
  return GST_PAD_PROBE_OK;
}

static void
run (const char *line, Change * change)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GstElement) pipeline = gst_parse_launch (line, &error);
  g_autoptr (GstBus) bus = NULL;
  g_autoptr (GstMessage) message = NULL;

  g_assert_no_error (error);
  if (change != NULL) {
    g_autoptr (GstElement) source = gst_bin_get_by_name (GST_BIN (pipeline),
        "source");
    g_autoptr (GstPad) pad = gst_element_get_static_pad (source, "src");

    change->pipeline = pipeline;
    gst_pad_add_probe (pad, GST_PAD_PROBE_TYPE_BUFFER, count_pictures, change,
        NULL);
  }
  bus = gst_element_get_bus (pipeline);
  gst_element_set_state (pipeline, GST_STATE_PLAYING);
  message = gst_bus_timed_pop_filtered (bus, 120 * GST_SECOND,
      GST_MESSAGE_EOS | GST_MESSAGE_ERROR);
  g_assert_nonnull (message);
  if (GST_MESSAGE_TYPE (message) == GST_MESSAGE_ERROR) {
    gst_message_parse_error (message, &error, NULL);
    g_assert_no_error (error);
  }
  gst_element_set_state (pipeline, GST_STATE_NULL);
}

static LockstepPlaylist *
read_playlist (const char *name)
{
  g_autofree char *file = g_strconcat (name, ".m3u8", NULL);
  g_autofree char *path = path_of (file);
  g_autofree char *text = NULL;
  g_autoptr (GError) error = NULL;
  LockstepPlaylist *playlist;
  gsize size;

  g_file_get_contents (path, &text, &size, &error);
  g_assert_no_error (error);
  playlist = lockstep_playlist_parse (text, size, LOCKSTEP_PLAYLIST_LIVE,
      &error);
  g_assert_no_error (error);
  return playlist;
}

static guint
discontinuities (const LockstepPlaylist * playlist)
{
  guint n = playlist->discontinuity_sequence;

  for (GList * l = playlist->entries.head; l != NULL; l = l->next)
    n += ((LockstepPlaylistEntry *) l->data)->discontinuity;
  return n;
}

/* Same numbers, times and discontinuities. @tolerance: of times, where pictures of
 * one are not pictures of the other */
static void
assert_alike (const LockstepPlaylist * a, const LockstepPlaylist * b,
    gint64 tolerance)
{
  g_assert_cmpuint (a->target_duration, ==, b->target_duration);
  g_assert_cmpuint (a->sequence, ==, b->sequence);
  g_assert_cmpuint (discontinuities (a), ==, discontinuities (b));
  g_assert_cmpuint (g_queue_get_length ((GQueue *) & a->entries), ==,
      g_queue_get_length ((GQueue *) & b->entries));
  for (GList * l = a->entries.head, *m = b->entries.head; l != NULL;
      l = l->next, m = m->next) {
    const LockstepPlaylistEntry *x = l->data, *y = m->data;

    g_assert_cmpint (ABS (x->start - y->start), <=, tolerance);
    g_assert_cmpint (ABS (x->duration - y->duration), <=, 2 * tolerance);
    g_assert_cmpint (x->discontinuity, ==, y->discontinuity);
  }
}

#define AUDIO "audiotestsrc num-buffers=%d samplesperbuffer=1152 ! " \
    "audio/x-raw,rate=48000,channels=2 ! lamemp3enc target=bitrate cbr=true ! " \
    "mpegaudioparse ! tee name=sound "
#define X264 "x264enc tune=zerolatency speed-preset=ultrafast key-int-max=100000 " \
    "option-string=scenecut=0 bitrate=200 ! h264parse config-interval=-1 ! "
#define QUEUE "queue max-size-buffers=0 max-size-bytes=0 max-size-time=20000000000 ! "

/* Encoded here, at other sizes and another frame rate: each picks its own cuts, and
 * they are the same. */
static void
test_encoded (void)
{
  g_autofree char *a = NULL, *b = NULL, *line = NULL;
  g_autoptr (LockstepPlaylist) x = NULL, y = NULL;

  make_folder ();
  a = sink_line ("a", "");
  b = sink_line ("b", "");
  line = g_strdup_printf ("%s %s videotestsrc name=source num-buffers=370 "
      "pattern=ball ! video/x-raw,width=160,height=90,framerate=30/1 ! "
      "tee name=picture " AUDIO
      "picture. ! " QUEUE X264 " a.video "
      "picture. ! " QUEUE "videorate skip-to-first=true ! videoscale ! "
      "video/x-raw,width=80,height=46,framerate=10/1 ! " X264 " b.video "
      "sound. ! " QUEUE " a.audio sound. ! " QUEUE " b.audio", a, b, 514);
  run (line, NULL);
  x = read_playlist ("a");
  y = read_playlist ("b");
  g_assert_cmpuint (g_queue_get_length (&x->entries), >=, 12);
  g_assert_cmpuint (discontinuities (x), ==, 0);
  /* 10 frames a second: half of 100 ms */
  assert_alike (x, y, 51 * MS);
  /* on the grid, the first and the last aside */
  for (GList * l = x->entries.head->next; l->next != NULL; l = l->next)
    g_assert_cmpint (ABS (((LockstepPlaylistEntry *) l->data)->duration -
            1000 * MS), <=, 34 * MS);
  clear_folder ();
}

/* The leader's far sender makes key frames as it likes; what is encoded here has them
 * at the same pictures. */
static void
assert_led (const char *source, Change * change, guint least_discontinuities)
{
  g_autofree char *a = NULL, *b = NULL, *line = NULL;
  g_autoptr (LockstepPlaylist) x = NULL, y = NULL;

  make_folder ();
  a = sink_line ("a", "group-leader=true send-keyframe-requests=false");
  b = sink_line ("b", "");
  line = g_strdup_printf ("%s %s %s ! h264parse config-interval=-1 ! "
      "video/x-h264,stream-format=byte-stream,alignment=au ! tee name=picture "
      AUDIO "picture. ! a.video "
      "picture. ! " QUEUE "avdec_h264 max-threads=1 ! videoscale ! "
      "video/x-raw,width=80,height=46 ! " X264 " b.video "
      "sound. ! " QUEUE " a.audio sound. ! " QUEUE " b.audio", a, b, source,
      514);
  run (line, change);
  x = read_playlist ("a");
  y = read_playlist ("b");
  g_assert_cmpuint (g_queue_get_length (&x->entries), >=, 6);
  g_assert_cmpuint (discontinuities (x), >=, least_discontinuities);
  /* The very end aside, pictures are the same ones, but for a file's 90 kHz */
  assert_alike (x, y, 35 * MS);
  clear_folder ();
}

static void
test_led (void)
{
  /* 37 and 71 pictures are no whole number of seconds; 23 is less than one */
  static const guint gops[] = { 37, 71, 23, 30 };

  for (guint i = 0; i < G_N_ELEMENTS (gops); i++) {
    g_autofree char *source = g_strdup_printf ("videotestsrc name=source "
        "num-buffers=370 pattern=ball ! "
        "video/x-raw,width=160,height=90,framerate=30/1 ! x264enc "
        "tune=zerolatency speed-preset=ultrafast bitrate=200 key-int-max=%u "
        "option-string=scenecut=0", gops[i]);

    assert_led (source, NULL, 0);
  }
}

static void
change_size (GstElement * pipeline)
{
  g_autoptr (GstElement) filter = gst_bin_get_by_name (GST_BIN (pipeline),
      "size");

  gst_util_set_object_arg (G_OBJECT (filter), "caps",
      "video/x-raw,width=120,height=68,framerate=30/1");
}

/* A publisher's picture changes its size at any time: there is a discontinuity in all
 * playlists, at the same segment. */
static void
test_size_change (void)
{
  Change change = { change_size, NULL, 100 };

  assert_led ("videotestsrc name=source num-buffers=370 pattern=ball ! "
      "capsfilter name=size caps=video/x-raw,width=160,height=90,framerate=30/1"
      " ! x264enc tune=zerolatency speed-preset=ultrafast bitrate=200 "
      "key-int-max=30 option-string=scenecut=0", &change, 1);
}

/* A second run goes on with the same numbers everywhere, also where one playlist is
 * new or had ended early. */
static void
test_resume (void)
{
  make_folder ();
  for (guint round = 0; round < 3; round++) {
    g_autofree char *a = sink_line ("a", "endlist=false");
    g_autofree char *b = round > 0 ? sink_line ("b", "endlist=false")
        : g_strdup ("");
    g_autofree char *path = path_of ("a.m3u8");
    g_autofree char *line = g_strdup_printf ("%s %s videotestsrc name=source "
        "num-buffers=100 ! video/x-raw,width=80,height=46,framerate=30/1 ! "
        "tee name=picture picture. ! " QUEUE X264 " a.video %s", a, b,
        round > 0 ? "picture. ! " QUEUE X264 " b.video" : "");

    if (round == 2)
      g_assert_cmpint (g_unlink (path), ==, 0);
    run (line, NULL);
    if (round > 0) {
      g_autoptr (LockstepPlaylist) x = read_playlist ("a");
      g_autoptr (LockstepPlaylist) y = read_playlist ("b");
      const LockstepPlaylistEntry *first =
          g_queue_peek_head (round == 1 ? &y->entries : &x->entries);

      g_assert_cmpuint (discontinuities (x), ==, round);
      g_assert_cmpuint (discontinuities (y), ==, round);
      g_assert_cmpuint (x->sequence + g_queue_get_length (&x->entries), ==,
          y->sequence + g_queue_get_length (&y->entries));
      g_assert_true (first->discontinuity);
      g_assert_cmpuint (MAX (x->sequence, y->sequence), >, 0);
    }
  }
  clear_folder ();
}

/* There is one leader to a group. */
static void
test_two_leaders (void)
{
  g_autofree char *a = NULL, *b = NULL, *line = NULL;
  g_autoptr (GstElement) pipeline = NULL;
  g_autoptr (GstBus) bus = NULL;
  g_autoptr (GstMessage) message = NULL;
  g_autoptr (GError) error = NULL;

  make_folder ();
  a = sink_line ("a", "group-leader=true");
  b = sink_line ("b", "group-leader=true");
  line = g_strconcat (a, b, NULL);
  pipeline = gst_parse_launch (line, NULL);
  g_assert_cmpint (gst_element_set_state (pipeline, GST_STATE_PAUSED), ==,
      GST_STATE_CHANGE_FAILURE);
  bus = gst_element_get_bus (pipeline);
  message = gst_bus_pop_filtered (bus, GST_MESSAGE_ERROR);
  g_assert_nonnull (message);
  gst_message_parse_error (message, &error, NULL);
  g_assert_nonnull (strstr (error->message, "leads the group"));
  gst_element_set_state (pipeline, GST_STATE_NULL);
  clear_folder ();
}

int
main (int argc, char **argv)
{
  gst_init (&argc, &argv);
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/hlsalignsink/group/encoded", test_encoded);
  g_test_add_func ("/hlsalignsink/group/led", test_led);
  g_test_add_func ("/hlsalignsink/group/size-change", test_size_change);
  g_test_add_func ("/hlsalignsink/group/resume", test_resume);
  g_test_add_func ("/hlsalignsink/group/two-leaders", test_two_leaders);
  return g_test_run ();
}
