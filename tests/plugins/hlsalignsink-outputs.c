/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Where hlsalignsink puts what it makes: the application's streams, a full disk, encrypted
 * files; and the kinds of playlist. Web servers: hlsalignsink-put.c. */
#include "hlsalignsink.h"

#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>

/* {{{ tests */

typedef struct
{
  guint fragments, playlists, deleted, refuse;
} Streams;

static GOutputStream *
on_fragment (GstElement * sink, const char *location, gpointer user)
{
  Streams *streams = user;

  if (streams->refuse > 0 && streams->fragments == streams->refuse
      && strstr (location, "00004") != NULL)
    return NULL;
  streams->fragments++;
  return g_memory_output_stream_new_resizable ();
}

static GOutputStream *
on_playlist (GstElement * sink, const char *location, gpointer user)
{
  ((Streams *) user)->playlists++;
  return g_memory_output_stream_new_resizable ();
}

static void
on_delete (GstElement * sink, const char *location, gpointer user)
{
  ((Streams *) user)->deleted++;
}

static void
test_streams (void)
{
  Streams streams = { 0 };
  Sink s;

  sink_init (&s, "location", "s%05d.ts", "playlist-location", "i.m3u8",
      "target-duration", 1.0, "playlist-length", 3, "max-files", 3, NULL);
  g_signal_connect (s.sink, "get-fragment-stream", G_CALLBACK (on_fragment),
      &streams);
  g_signal_connect (s.sink, "get-playlist-stream", G_CALLBACK (on_playlist),
      &streams);
  g_signal_connect (s.sink, "delete-fragment", G_CALLBACK (on_delete),
      &streams);
  sink_start (&s);
  sink_feed (&s, 20);
  sink_finish (&s);
  sink_clear (&s);
  g_assert_cmpuint (streams.fragments, ==, 20);
  g_assert_cmpuint (streams.playlists, >=, 20);
  g_assert_cmpuint (streams.deleted, >, 8);
  g_assert_false (g_file_test ("s00000.ts", G_FILE_TEST_EXISTS));
}

/* What can never be stored is given up after a while, and listed as a gap. */
static void
test_gap (void)
{
  Streams streams = {.refuse = 4 };
  Sink s;
  g_autoptr (GstStructure) stats = NULL;
  guint64 gaps = 0, segments = 0;

  sink_init (&s, "location", "s%05d.ts", "playlist-location", "i.m3u8",
      "target-duration", 1.0, NULL);
  g_signal_connect (s.sink, "get-fragment-stream", G_CALLBACK (on_fragment),
      &streams);
  g_signal_connect (s.sink, "get-playlist-stream", G_CALLBACK (on_playlist),
      &streams);
  sink_start (&s);
  sink_feed (&s, 10);
  sink_finish (&s);
  g_object_get (s.sink, "stats", &stats, NULL);
  g_assert_true (gst_structure_get (stats, "gaps", G_TYPE_UINT64, &gaps,
          "segments", G_TYPE_UINT64, &segments, NULL));
  g_assert_cmpuint (gaps, ==, 1);
  g_assert_cmpuint (segments, ==, 10);
  sink_clear (&s);
}

static guint64
stat_of (GstElement * sink, const char *name)
{
  g_autoptr (GstStructure) stats = NULL;
  guint64 value = 0;

  g_object_get (sink, "stats", &stats, NULL);
  g_assert_true (gst_structure_get_uint64 (stats, name, &value));
  return value;
}

/* A folder of a test's own, with segments and a list. */
typedef struct
{
  char *folder, *location, *playlist;
} Files;

static Files
files_make (const char *segments)
{
  Files files;

  files.folder = g_dir_make_tmp ("hlsalign-XXXXXX", NULL);
  files.location = g_build_filename (files.folder, segments, NULL);
  files.playlist = g_build_filename (files.folder, "i.m3u8", NULL);
  return files;
}

static void
files_clear (Files * files)
{
  remove_folder (files->folder);
  g_free (files->folder);
  g_free (files->location);
  g_free (files->playlist);
}

/* *INDENT-OFF* */
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Files, files_clear)
/* *INDENT-ON* */

/* The disk is full for a while: it is said, nothing half written stays, and all is stored
 * when there is room again. */
static void
test_full_disk (void)
{
  Sink s;
  g_auto (Files) files = files_make ("s%05d.ts");
  g_autofree char *text = NULL;
  g_autoptr (LockstepPlaylist) list = NULL;
  g_autoptr (GstMessage) message = NULL;
  g_autoptr (GDir) dir = NULL;
  struct rlimit before, none;
  const char *name;
  gsize size;

  sink_init (&s, "location", files.location, "playlist-location",
      files.playlist, "target-duration", 2.0, "playlist-length", 0, "max-files",
      0, NULL);
  sink_start (&s);
  sink_feed (&s, 5);
  /* no file of this process may grow: as good as a full disk, and needs no mount */
  signal (SIGXFSZ, SIG_IGN);
  g_assert_cmpint (getrlimit (RLIMIT_FSIZE, &before), ==, 0);
  none = before;
  none.rlim_cur = 0;
  g_assert_cmpint (setrlimit (RLIMIT_FSIZE, &none), ==, 0);
  sink_feed (&s, 5);
  message = gst_bus_timed_pop_filtered (s.bus, 60 * GST_SECOND,
      GST_MESSAGE_WARNING | GST_MESSAGE_ERROR);
  /* the first that found no room may be a playlist, for which the next one stands in */
  for (guint i = 0; i < 6000 && stat_of (s.sink, "retries") == 0; i++)
    g_usleep (10000);
  g_assert_cmpint (setrlimit (RLIMIT_FSIZE, &before), ==, 0);
  g_assert_nonnull (message);
  g_assert_cmpint (GST_MESSAGE_TYPE (message), ==, GST_MESSAGE_WARNING);
  sink_feed (&s, 5);
  sink_finish (&s);
  g_assert_cmpuint (stat_of (s.sink, "gaps"), ==, 0);
  g_assert_cmpuint (stat_of (s.sink, "retries"), >, 0);
  sink_clear (&s);
  g_assert_true (g_file_get_contents (files.playlist, &text, &size, NULL));
  list = parse (text, size);
  g_assert_true (list->ended);
  for (GList * l = list->entries.head; l != NULL; l = l->next) {
    g_autofree char *path = g_build_filename (files.folder,
        ((LockstepPlaylistEntry *) l->data)->uri, NULL);
    GStatBuf info;

    g_assert_cmpint (g_stat (path, &info), ==, 0);
    g_assert_cmpint (info.st_size, >, 0);
  }
  dir = g_dir_open (files.folder, 0, NULL);
  while ((name = g_dir_read_name (dir)) != NULL)
    g_assert_false (g_str_has_prefix (name, "."));
}

static void
test_encrypted (void)
{
  Sink s;
  g_auto (Files) files = files_make ("s%d.ts");
  g_autofree char *keys = g_build_filename (files.folder, "k%d.bin", NULL);
  g_autofree char *text = NULL;
  g_autofree char *openssl = g_find_program_in_path ("openssl");

  sink_init (&s, "location", files.location, "playlist-location",
      files.playlist, "target-duration", 1.0, "playlist-length", 0, "max-files",
      0, "key-location", keys, "key-uri", "https://keys.example/%d",
      "key-segments", 4, NULL);
  sink_start (&s);
  sink_feed (&s, 10);
  sink_finish (&s);
  sink_clear (&s);
  g_assert_true (g_file_get_contents (files.playlist, &text, NULL, NULL));
  g_assert_nonnull (strstr (text, "#EXT-X-KEY:METHOD=AES-128,"
          "URI=\"https://keys.example/0\"\n"));
  g_assert_nonnull (strstr (text, "https://keys.example/4\"\n"));
  g_assert_nonnull (strstr (text, "https://keys.example/8\"\n"));
  g_assert_null (strstr (text, "keys.example/5"));

  if (openssl == NULL) {
    g_test_skip ("no openssl to decrypt with");
  } else {
    g_autofree char *key_file = g_build_filename (files.folder, "k4.bin", NULL);
    g_autofree char *in = g_build_filename (files.folder, "s5.ts", NULL);
    g_autofree char *out = g_build_filename (files.folder, "plain", NULL);
    g_autofree char *key = NULL;
    g_autofree char *plain = NULL;
    char hex[33];
    gsize size;
    int status = -1;

    g_assert_true (g_file_get_contents (key_file, &key, &size, NULL));
    g_assert_cmpuint (size, ==, 16);
    for (guint i = 0; i < 16; i++)
      g_snprintf (hex + 2 * i, 3, "%02x", (guchar) key[i]);
    {
      char *argv[] = { openssl, (char *) "aes-128-cbc", (char *) "-d",
        (char *) "-K", hex, (char *) "-iv",
        (char *) "00000000000000000000000000000005",
        (char *) "-in", in, (char *) "-out", out, NULL
      };

      g_assert_true (g_spawn_sync (NULL, argv, NULL, 0, NULL, NULL, NULL,
              NULL, &status, NULL));
    }
    g_assert_cmpint (status, ==, 0);
    g_assert_true (g_file_get_contents (out, &plain, &size, NULL));
    g_assert_cmpuint (size % 188, ==, 0);
    g_assert_cmpint (plain[0], ==, 0x47);
  }
}

static void
test_types (void)
{
  static const struct
  {
    const char *type;
    double dvr;
    guint entries;
    const char *tag;
  } cases[] = {
    {"live", 0, 5, NULL},
    {"live", 12, 13, NULL},
    {"event", 0, 30, "#EXT-X-PLAYLIST-TYPE:EVENT\n"},
    {"vod", 0, 30, "#EXT-X-PLAYLIST-TYPE:VOD\n"},
  };

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++) {
    Sink s;
    g_auto (Files) files = files_make ("s%d.ts");
    g_autofree char *text = NULL;
    g_autoptr (LockstepPlaylist) list = NULL;
    gsize size;

    sink_init (&s, "location", files.location, "playlist-location",
        files.playlist, "target-duration", 1.0, "playlist-length", 5,
        "dvr-window", cases[i].dvr, NULL);
    gst_util_set_object_arg (G_OBJECT (s.sink), "playlist-type", cases[i].type);
    sink_start (&s);
    sink_feed (&s, 30);
    if (strcmp (cases[i].type, "vod") == 0)
      g_assert_false (g_file_test (files.playlist, G_FILE_TEST_EXISTS));
    sink_finish (&s);
    sink_clear (&s);
    g_assert_true (g_file_get_contents (files.playlist, &text, &size, NULL));
    list = parse (text, size);
    g_assert_cmpint (ABS ((int) list->entries.length
            - (int) cases[i].entries), <=, cases[i].dvr > 0 ? 1 : 0);
    g_assert_true (list->ended);
    if (cases[i].tag != NULL)
      g_assert_nonnull (strstr (text, cases[i].tag));
    else
      g_assert_null (strstr (text, "PLAYLIST-TYPE"));
  }
}

/* Epoch lock, with Unix time on the buffers: numbers and names by the clock. */
static void
test_epoch (void)
{
  g_autofree char *texts[2] = { NULL };

  for (guint instance = 0; instance < 2; instance++) {
    Sink s;
    g_auto (Files) files = files_make ("s%d.ts");
    g_autoptr (GstCaps) unix_time = gst_caps_from_string ("timestamp/x-unix");

    sink_init (&s, "location", files.location, "playlist-location",
        files.playlist, "target-duration", 1.0, "playlist-length", 4,
        "epoch-lock", TRUE, NULL);
    sink_start (&s);
    /* the second comes 7.2 s later, and has another running time */
    for (guint i = instance * 300; i < 900; i++) {
      guint8 bytes[384] = { 0xff, 0xfb, 0x94, 0x00, i, i >> 8 };
      GstBuffer *buffer = gst_buffer_new_memdup (bytes, sizeof bytes);

      GST_BUFFER_PTS (buffer) = (i - instance * 300) * 24 * GST_MSECOND;
      gst_buffer_add_reference_timestamp_meta (buffer, unix_time,
          G_GUINT64_CONSTANT (1495000000) * GST_SECOND + i * 24 * GST_MSECOND
          + 321 * GST_MSECOND, GST_CLOCK_TIME_NONE);
      g_assert_cmpint (gst_harness_push (s.audio, buffer), ==, GST_FLOW_OK);
    }
    sink_finish (&s);
    sink_clear (&s);
    g_assert_true (g_file_get_contents (files.playlist, &texts[instance], NULL,
            NULL));
    for (guint n = 1495000018; n < 1495000021; n++) {
      g_autofree char *name = g_strdup_printf ("%s/s%u.ts", files.folder, n);

      g_assert_true (g_file_test (name, G_FILE_TEST_EXISTS));
    }
  }
  g_assert_nonnull (strstr (texts[0], "#EXT-X-MEDIA-SEQUENCE:14950000"));
  {
    g_autoptr (LockstepPlaylist) list = parse (texts[0], strlen (texts[0]));

    g_assert_cmpuint (list->entries.length, ==, 4);
  }
  g_assert_cmpstr (texts[0], ==, texts[1]);
}

/* One buffer whose Unix time is years ahead, or behind, and what it says is not used: what
 * comes after it is not behind what was told already. */
static void
test_epoch_far_off (void)
{
  static const gint64 steps[] = { G_GINT64_CONSTANT (2000000000) * GST_SECOND,
    -G_GINT64_CONSTANT (1000000000) * GST_SECOND, 60 * GST_SECOND
  };

  for (guint k = 0; k < G_N_ELEMENTS (steps); k++) {
    Sink s;
    g_auto (Files) files = files_make ("s%d.ts");
    g_autofree char *last =
        g_build_filename (files.folder, "s1495000020.ts", NULL);
    g_autoptr (GstCaps) unix_time = gst_caps_from_string ("timestamp/x-unix");
    g_autoptr (GstMessage) first = NULL;
    g_autoptr (GstMessage) second = NULL;
    g_autoptr (GstStructure) stats = NULL;
    guint64 lost, refused;

    sink_init (&s, "location", files.location, "playlist-location",
        files.playlist, "target-duration", 1.0, "playlist-length", 4,
        "epoch-lock", TRUE, NULL);
    sink_start (&s);
    for (guint i = 0; i < 900; i++) {
      guint8 bytes[384] = { 0xff, 0xfb, 0x94, 0x00 };
      GstBuffer *buffer = gst_buffer_new_memdup (bytes, sizeof bytes);

      GST_BUFFER_PTS (buffer) = i * 24 * GST_MSECOND;
      gst_buffer_add_reference_timestamp_meta (buffer, unix_time,
          G_GUINT64_CONSTANT (1495000000) * GST_SECOND + i * 24 * GST_MSECOND
          + (i % 100 == 50 ? steps[k] : 0), GST_CLOCK_TIME_NONE);
      g_assert_cmpint (gst_harness_push (s.audio, buffer), ==, GST_FLOW_OK);
    }
    /* it is told once */
    first = gst_bus_pop_filtered (s.bus, GST_MESSAGE_WARNING);
    second = gst_bus_pop_filtered (s.bus, GST_MESSAGE_WARNING);
    g_assert_nonnull (first);
    g_assert_null (second);
    sink_finish (&s);
    g_object_get (s.sink, "stats", &stats, NULL);
    g_assert_true (gst_structure_get (stats, "lost-parts", G_TYPE_UINT64, &lost,
            "refused-unix-times", G_TYPE_UINT64, &refused, NULL));
    g_assert_cmpuint (lost, ==, 0);
    g_assert_cmpuint (refused, ==, 9);
    g_assert_true (g_file_test (last, G_FILE_TEST_EXISTS));
    sink_clear (&s);
  }
}

#define DAY (G_GINT64_CONSTANT (86400) * GST_SECOND)

/* One run with epoch-lock. @unix_time: of the first buffer; @later: what is added to it from
 * 10 s on, to the end at 30 s. Returns: the playlist; @warnings: what was warned of */
static LockstepPlaylist *
run_epoch (const Files * files, const char *type, double target,
    gint64 unix_time, gint64 later, GString * warnings)
{
  Sink s;
  g_autoptr (GstCaps) caps = gst_caps_from_string ("timestamp/x-unix");
  g_autofree char *text = NULL;
  gboolean ended = FALSE;

  sink_init (&s, "location", files->location, "playlist-location",
      files->playlist, "target-duration", target, "playlist-length", 0,
      "epoch-lock", TRUE, "endlist", FALSE, NULL);
  gst_util_set_object_arg (G_OBJECT (s.sink), "playlist-type", type);
  sink_start (&s);
  for (guint i = 0; i < 1250; i++) {
    guint8 bytes[384] = { 0xff, 0xfb, 0x94, 0x00 };
    GstBuffer *buffer = gst_buffer_new_memdup (bytes, sizeof bytes);
    gint64 at = i * 24 * GST_MSECOND;

    GST_BUFFER_PTS (buffer) = at;
    gst_buffer_add_reference_timestamp_meta (buffer, caps, unix_time + at
        + (at >= 10 * (gint64) GST_SECOND ? later : 0), GST_CLOCK_TIME_NONE);
    g_assert_cmpint (gst_harness_push (s.audio, buffer), ==, GST_FLOW_OK);
  }
  gst_harness_push_event (s.audio, gst_event_new_eos ());
  while (!ended) {
    g_autoptr (GstMessage) message = gst_bus_timed_pop_filtered (s.bus,
        60 * GST_SECOND, GST_MESSAGE_EOS | GST_MESSAGE_ERROR |
        GST_MESSAGE_WARNING);
    g_autoptr (GError) error = NULL;

    g_assert_nonnull (message);
    g_assert_cmpint (GST_MESSAGE_TYPE (message), !=, GST_MESSAGE_ERROR);
    ended = GST_MESSAGE_TYPE (message) == GST_MESSAGE_EOS;
    if (ended)
      continue;
    gst_message_parse_warning (message, &error, NULL);
    g_string_append_printf (warnings, "%s\n", error->message);
  }
  sink_clear (&s);
  g_assert_true (g_file_get_contents (files->playlist, &text, NULL, NULL));
  return parse (text, strlen (text));
}

/* A sender's clock is ten days behind, and is set right at 10 s. At 15 s that has been so
 * for long enough: the list begins anew by it, with a discontinuity. */
static void
test_epoch_set_right (void)
{
  gint64 now = g_get_real_time () * 1000;
  g_auto (Files) files = files_make ("s%d.ts");
  g_autoptr (GString) warnings = g_string_new (NULL);
  g_autoptr (LockstepPlaylist) list =
      run_epoch (&files, "live", 1.0, now - 10 * DAY, 10 * DAY, warnings);
  const LockstepPlaylistEntry *first = g_queue_peek_head (&list->entries);
  g_autofree char *old = g_strdup_printf ("%s/s%" G_GINT64_FORMAT ".ts",
      files.folder, (now - 10 * DAY) / (gint64) GST_SECOND + 14);

  g_assert_nonnull (strstr (warnings->str, "not used"));
  g_assert_nonnull (strstr (warnings->str, "begins anew"));
  g_assert_true (g_file_test (old, G_FILE_TEST_EXISTS));
  g_assert_cmpuint (list->sequence, >=, now / GST_SECOND + 15);
  g_assert_cmpuint (list->sequence, <=, now / GST_SECOND + 16);
  g_assert_cmpuint (list->entries.length, >=, 15);
  g_assert_cmpint (first->start, >=, now + 15 * (gint64) GST_SECOND);
  g_assert_true (first->discontinuity);
}

/* What is there has other numbers than this target-duration gives, or is of a time to come:
 * it is no reason to write nothing for years. */
static void
test_epoch_foreign (void)
{
  gint64 now = g_get_real_time () * 1000;
  gint64 second = now / (gint64) GST_SECOND;
  g_auto (Files) files = files_make ("s%d.ts");
  static const struct
  {
    double target;
    gint64 at;                  /* days from now */
    const char *warning;
  } runs[] = {
    {0.5, -3, ""}, {1.0, -3, "begins anew"}, {2.5, -3, "begins anew"},
    {1.0, -2, ""}, {1.0, -2, "until Unix time"}, {1.0, 5, "ahead"},
    {1.0, 0, "begins anew"}, {0.5, 0, ""},
  };

  for (guint i = 0; i < G_N_ELEMENTS (runs); i++) {
    g_autoptr (GString) warnings = g_string_new (NULL);
    g_autoptr (LockstepPlaylist) list =
        run_epoch (&files, "live", runs[i].target, now + runs[i].at * DAY, 0,
        warnings);
    gint64 expected = (second + runs[i].at * 86400) / runs[i].target;

    g_test_message ("%u: %s", i, warnings->str);
    if (runs[i].warning[0] == '\0')
      g_assert_cmpstr (warnings->str, ==, "");
    else
      g_assert_nonnull (strstr (warnings->str, runs[i].warning));
    g_assert_cmpint (list->sequence - expected, >=, 0);
    g_assert_cmpint (list->sequence - expected, <=, 2);
    g_assert_cmpuint (list->entries.length, >=, 30 / MAX (1, runs[i].target));
  }
}

/* A sender without a clock counts from its start: by NTP in 1900. That says nothing, and
 * the list is by this machine's clock. */
static void
test_epoch_before (void)
{
  Sink s;
  g_auto (Files) files = files_make ("s%d.ts");
  g_autofree char *text = NULL;
  g_autoptr (GstCaps) ntp = gst_caps_from_string ("timestamp/x-ntp");
  char **lines;

  sink_init (&s, "location", files.location, "playlist-location",
      files.playlist, "target-duration", 1.0, "playlist-length", 4,
      "epoch-lock", TRUE, NULL);
  sink_start (&s);
  for (guint i = 0; i < 900; i++) {
    guint8 bytes[384] = { 0xff, 0xfb, 0x94, 0x00 };
    GstBuffer *buffer = gst_buffer_new_memdup (bytes, sizeof bytes);

    GST_BUFFER_PTS (buffer) = i * 24 * GST_MSECOND;
    gst_buffer_add_reference_timestamp_meta (buffer, ntp,
        100 * GST_SECOND + i * 24 * GST_MSECOND, GST_CLOCK_TIME_NONE);
    g_assert_cmpint (gst_harness_push (s.audio, buffer), ==, GST_FLOW_OK);
  }
  sink_finish (&s);
  g_assert_true (g_file_get_contents (files.playlist, &text, NULL, NULL));
  g_assert_nonnull (strstr (text, "#EXT-X-PROGRAM-DATE-TIME:20"));
  lines = g_strsplit (text, "#EXTINF:", -1);
  g_assert_cmpuint (g_strv_length (lines), ==, 4 + 1);
  g_strfreev (lines);
  sink_clear (&s);
}

/* A recording that a clock which was wrong had begun is not thrown away when the clock is
 * right again. */
static void
test_epoch_foreign_event (void)
{
  gint64 now = g_get_real_time () * 1000;
  g_auto (Files) files = files_make ("s%d.ts");
  g_autoptr (GString) warnings = g_string_new (NULL);
  g_autoptr (LockstepPlaylist) before = run_epoch (&files, "event", 1,
      now + 5 * DAY, 0, warnings);
  g_autoptr (LockstepPlaylist) after = run_epoch (&files, "event", 1, now, 0,
      warnings);

  g_assert_nonnull (strstr (warnings->str, "until Unix time"));
  g_assert_null (strstr (warnings->str, "begins anew"));
  g_assert_cmpuint (before->entries.length, >=, 29);
  g_assert_cmpuint (after->entries.length, ==, before->entries.length);
  g_assert_cmpuint (after->sequence, ==, before->sequence);
}

int
main (int argc, char **argv)
{
  gst_init (&argc, &argv);
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/hlsalignsink/streams", test_streams);
  g_test_add_func ("/hlsalignsink/gap", test_gap);
  g_test_add_func ("/hlsalignsink/full-disk", test_full_disk);
  g_test_add_func ("/hlsalignsink/encrypted", test_encrypted);
  g_test_add_func ("/hlsalignsink/types", test_types);
  g_test_add_func ("/hlsalignsink/epoch", test_epoch);
  g_test_add_func ("/hlsalignsink/epoch-far-off", test_epoch_far_off);
  g_test_add_func ("/hlsalignsink/epoch-set-right", test_epoch_set_right);
  g_test_add_func ("/hlsalignsink/epoch-foreign", test_epoch_foreign);
  g_test_add_func ("/hlsalignsink/epoch-foreign-event",
      test_epoch_foreign_event);
  g_test_add_func ("/hlsalignsink/epoch-before", test_epoch_before);
  return g_test_run ();
}
