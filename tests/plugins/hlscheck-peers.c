/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The validator on what real packagers write: nothing on hlsalignsink's, and on
 * the others' what is known to be wrong with it. */
#include <gst/gst.h>
#include <gst/lockstep/hlscheck.h>
#include <glib/gstdio.h>

#define SECONDS 40
#define SOUND "audiotestsrc num-buffers=1667 samplesperbuffer=1152 ! " \
    "audio/x-raw,rate=48000,channels=2 ! " \
    "lamemp3enc target=bitrate bitrate=128 cbr=true ! mpegaudioparse ! h.audio"

static GBytes *
fetch (gpointer user, const char *uri, GError ** error)
{
  g_autofree char *path = g_build_filename (user, uri, NULL);
  char *data;
  gsize size;

  return g_file_get_contents (path, &data, &size, error) ?
      g_bytes_new_take (data, size) : NULL;
}

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
  g_autoptr (GDir) dir = NULL;
  GPtrArray *findings;
  const char *name;
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
  dir = g_dir_open (folder, 0, NULL);
  while ((name = g_dir_read_name (dir)) != NULL) {
    g_autofree char *path = g_build_filename (folder, name, NULL);

    g_unlink (path);
  }
  g_rmdir (folder);
  return rules;
}

static void
test_own (void)
{
  g_autofree char *folder = g_dir_make_tmp ("hlscheck-XXXXXX", NULL);
  g_autofree char *line = g_strdup_printf ("hlsalignsink name=h "
      "target-duration=1 playlist-length=0 max-files=0 "
      "location=%s/s%%05d.ts playlist-location=%s/index.m3u8 " SOUND, folder,
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
      "location=%s/s%%05d.ts playlist-location=%s/index.m3u8 " SOUND, folder,
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

int
main (int argc, char **argv)
{
  gst_init (&argc, &argv);
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/hlscheck/hlsalignsink", test_own);
  g_test_add_func ("/hlscheck/hlssink2", test_hlssink2);
  g_test_add_func ("/hlscheck/ffmpeg", test_ffmpeg);
  return g_test_run ();
}
