/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Tests of archive.c: a disk that is too slow, here as slow as link() lets it be. */
#include "archive.h"

#include <fcntl.h>
#include <glib/gstdio.h>
#include <gst/lockstep/hlscheck.h>
#include <string.h>
#include <unistd.h>

#define START G_GINT64_CONSTANT (1700000000000000000)
#define SECOND G_GINT64_CONSTANT (1000000000)
#define DURATION (960 * SECOND / 1000)
/* that wait for the disk, with the one that it is at */
#define WAITING 64

/* --- the disk --- */

static GMutex lock;
static GCond cond;
static guint permits;           /* files that may be kept */
static guint calls;

/* In the place of the C library's. */
int
link (const char *from, const char *to)
{
  g_mutex_lock (&lock);
  calls++;
  g_cond_broadcast (&cond);
  while (permits == 0)
    g_cond_wait (&cond, &lock);
  permits--;
  g_mutex_unlock (&lock);
  return linkat (AT_FDCWD, from, AT_FDCWD, to, 0);
}

static void
permit (guint n)
{
  g_mutex_lock (&lock);
  permits += n;
  g_cond_broadcast (&cond);
  g_mutex_unlock (&lock);
}

/* Until the disk is at its @n-th file. */
static void
await_call (guint n)
{
  g_mutex_lock (&lock);
  while (calls < n)
    g_cond_wait (&cond, &lock);
  g_mutex_unlock (&lock);
}

/* --- what reports segments --- */

typedef struct
{
  GstObject parent;
  char *playlist;
} Sink;
typedef GstObjectClass SinkClass;

GType sink_get_type (void);
G_DEFINE_TYPE (Sink, sink, GST_TYPE_OBJECT)
     static void
         sink_get (GObject * object, guint id, GValue * value,
    GParamSpec * spec)
{
  g_value_set_string (value, ((Sink *) object)->playlist);
}

static void
sink_finalize (GObject * object)
{
  g_free (((Sink *) object)->playlist);
  G_OBJECT_CLASS (sink_parent_class)->finalize (object);
}

static void
sink_class_init (SinkClass * klass)
{
  G_OBJECT_CLASS (klass)->get_property = sink_get;
  G_OBJECT_CLASS (klass)->finalize = sink_finalize;
  g_object_class_install_property (G_OBJECT_CLASS (klass), 1,
      g_param_spec_string ("playlist-location", NULL, NULL, NULL,
          G_PARAM_READABLE));
}

static void
sink_init (Sink * self)
{
}

typedef struct
{
  char *folder, *live;
  Archive *archive;
} Fixture;

static void
set_up (Fixture * f, gconstpointer unused)
{
  g_autoptr (GHashTable) values = g_hash_table_new (g_str_hash, g_str_equal);
  g_autofree char *kept = NULL;

  permits = calls = 0;
  f->folder = g_dir_make_tmp ("lockstep-archive-XXXXXX", NULL);
  f->live = g_build_filename (f->folder, "live", "c", NULL);
  kept = g_build_filename (f->folder, "kept", NULL);
  g_assert_cmpint (g_mkdir_with_parents (f->live, 0777), ==, 0);
  g_hash_table_insert (values, (gpointer) "archive", kept);
  g_hash_table_insert (values, (gpointer) "output", f->folder);
  f->archive = archive_of (values, "live/c");
}

static void
remove_all (const char *path)
{
  g_autoptr (GDir) dir = g_dir_open (path, 0, NULL);
  const char *name;

  while (dir != NULL && (name = g_dir_read_name (dir)) != NULL) {
    g_autofree char *inside = g_build_filename (path, name, NULL);

    remove_all (inside);
  }
  g_remove (path);
}

static void
tear_down (Fixture * f, gconstpointer unused)
{
  remove_all (f->folder);
  g_free (f->folder);
  g_free (f->live);
}

/* 0.96 s of silent MP3 after the timestamp that packed audio begins with. */
static void
write_segment (const char *path, guint index)
{
  static const char id3[] = "ID3\x04\0\0\0\0\0\x3fPRIV\0\0\0\x35\0\0"
      "com.apple.streaming.transportStreamTimestamp";
  const guint64 time = GUINT64_TO_BE ((guint64) index * 86400);
  guint8 frame[384] = { 0xff, 0xfb, 0x94, 0x00 };
  g_autoptr (GByteArray) bytes = g_byte_array_new ();

  g_byte_array_append (bytes, (const guint8 *) id3, sizeof id3);
  g_byte_array_append (bytes, (const guint8 *) &time, sizeof time);
  for (guint i = 0; i < 40; i++)
    g_byte_array_append (bytes, frame, sizeof frame);
  g_assert_true (g_file_set_contents (path, (char *) bytes->data, bytes->len,
          NULL));
}

/* The segmenter of list @name has finished segment @index. */
static void
report (Fixture * f, const char *name, guint index)
{
  g_autofree char *base = g_strdup_printf ("%s%u.mp3", name, index);
  g_autofree char *location = g_build_filename (f->live, base, NULL);
  Sink *sink = g_object_new (sink_get_type (), NULL);
  g_autoptr (GstStructure) segment = NULL;

  gst_object_ref_sink (sink);
  sink->playlist = g_strconcat (f->live, "/", name, ".m3u8", NULL);
  write_segment (location, index);
  segment = gst_structure_new ("hlsalignsink-segment", "location",
      G_TYPE_STRING, location, "duration", G_TYPE_UINT64, (guint64) DURATION,
      "sequence", G_TYPE_UINT64, (guint64) index, "unix-time", G_TYPE_INT64,
      START + index * DURATION, NULL);
  archive_segment (f->archive, GST_OBJECT (sink), segment);
  gst_object_unref (sink);
}

static GBytes *
fetch (gpointer user, const char *uri, GError ** error)
{
  g_autofree char *path = g_build_filename (user, uri, NULL);
  char *data;
  gsize size;

  return g_file_get_contents (path, &data, &size, error)
      ? g_bytes_new_take (data, size) : NULL;
}

/* The folder of the only session. */
static char *
session (Fixture * f)
{
  g_autofree char *kept =
      g_build_filename (f->folder, "kept", "live", "c", NULL);
  g_autoptr (GDir) dir = g_dir_open (kept, 0, NULL);
  const char *name = dir != NULL ? g_dir_read_name (dir) : NULL;

  g_assert_nonnull (name);
  return g_build_filename (kept, name, NULL);
}

/* The validator finds nothing wrong with the list @name and those it names. */
static void
assert_sound (Fixture * f, const char *name, guint lists)
{
  g_autofree char *folder = session (f);
  g_autofree char *path = g_build_filename (folder, name, NULL);
  g_autofree char *text = NULL;
  g_autoptr (LockstepHlsSet) set = lockstep_hls_set_new (0.96, fetch, folder);
  const GPtrArray *findings;
  gsize size;

  g_assert_true (g_file_get_contents (path, &text, &size, NULL));
  lockstep_hls_set_snapshot (set, text, size, 0);
  findings = lockstep_hls_set_finish (set, 0);
  for (guint i = 0; i < findings->len; i++) {
    const LockstepHlsFinding *found = g_ptr_array_index (findings, i);

    g_test_message ("rule %u: %s: %s", found->rule, found->place, found->text);
  }
  g_assert_cmpuint (findings->len, ==, 0);
  g_assert_cmpuint (lockstep_hls_set_n_lists (set), ==, lists);
}

/* In the order of the list, '|': a discontinuity, 'g': a gap, '.': a segment. */
static char *
outline (Fixture * f, const char *name)
{
  g_autofree char *folder = session (f);
  g_autofree char *path = g_build_filename (folder, name, NULL);
  g_autofree char *text = NULL;
  g_auto (GStrv) lines = NULL;
  GString *found = g_string_new (NULL);

  g_assert_true (g_file_get_contents (path, &text, NULL, NULL));
  lines = g_strsplit (text, "\n", -1);
  for (guint i = 0; lines[i] != NULL; i++) {
    if (g_str_equal (lines[i], "#EXT-X-DISCONTINUITY"))
      g_string_append_c (found, '|');
    else if (g_str_equal (lines[i], "#EXT-X-GAP"))
      g_string_append_c (found, 'g');
    else if (lines[i][0] != '#' && lines[i][0] != '\0')
      g_string_append_c (found, '.');
  }
  return g_string_free (found, FALSE);
}

static char *
repeat (guint n, const char *end)
{
  g_autofree char *dots = g_strnfill (n, '.');

  return g_strconcat (dots, end, NULL);
}

/* One list goes on after a discontinuity. */
static void
test_one_list (Fixture * f, gconstpointer unused)
{
  g_autofree char *expected = repeat (WAITING, "|..");
  g_autofree char *found = NULL;

  for (guint i = 0; i < WAITING + 5; i++)
    report (f, "a", i);
  permit (WAITING);
  await_call (WAITING);
  /* the disk is at the last one that waited, or done: it takes the next */
  report (f, "a", WAITING + 5);
  report (f, "a", WAITING + 6);
  permit (2);
  archive_finish (f->archive, 60000);
  found = outline (f, "a.m3u8");
  g_assert_cmpstr (found, ==, expected);
  assert_sound (f, "a.m3u8", 1);
}

/* Several keep the same times and discontinuities, whatever each has lost. */
static void
test_two_lists (Fixture * f, gconstpointer unused)
{
  static const char *const master = "#EXTM3U\n"
      "#EXT-X-STREAM-INF:BANDWIDTH=140000,CODECS=\"mp4a.40.34\"\na.m3u8\n"
      "#EXT-X-STREAM-INF:BANDWIDTH=140000,CODECS=\"mp4a.40.34\"\nb.m3u8\n";
  g_autofree char *index = g_build_filename (f->live, "index.m3u8", NULL);
  /* 32 is lost in both, 34 in the one, 33 in the other */
  g_autofree char *a = repeat (WAITING / 2, "g..g..");
  g_autofree char *b = repeat (WAITING / 2, "g.g...");
  g_autofree char *found_a = NULL, *found_b = NULL;
  guint i;

  g_assert_true (g_file_set_contents (index, master, -1, NULL));
  for (i = 0; i < WAITING / 2 + 1; i++) {
    report (f, "a", i);
    report (f, "b", i);
  }
  for (guint turn = 0; turn < 2; turn++, i++) {
    /* room for one more: the disk is at the next */
    permit (1);
    await_call (turn + 2);
    report (f, turn == 0 ? "a" : "b", i);
    report (f, turn == 0 ? "b" : "a", i);
  }
  permit (WAITING - 2);
  await_call (WAITING + 1);
  permit (4);
  report (f, "a", i);
  report (f, "b", i);
  archive_finish (f->archive, 60000);
  found_a = outline (f, "a.m3u8");
  found_b = outline (f, "b.m3u8");
  g_assert_cmpstr (found_a, ==, a);
  g_assert_cmpstr (found_b, ==, b);
  assert_sound (f, "index.m3u8", 2);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  gst_init (&argc, &argv);
  g_test_add ("/archive-disk/one-list", Fixture, NULL, set_up, test_one_list,
      tear_down);
  g_test_add ("/archive-disk/two-lists", Fixture, NULL, set_up, test_two_lists,
      tear_down);
  return g_test_run ();
}
