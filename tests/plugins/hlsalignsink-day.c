/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* hlsalignsink for a day, as fast as it goes, through the wrap of the 33-bit timestamps:
 * neither times nor memory drift, and the folder and the list stay as they are. The
 * pictures have a few bytes, and the sound is MPEG-2's. LOCKSTEP_DAY_HOURS: how long (3; a
 * sanitizer's build 1); the wrap is in the middle. */
#include "hlsalignsink.h"
#include "../common/resident.h"
#include "../common/sanitizer.h"

#include <gst/lockstep/hlscheck.h>
#include <stdlib.h>

#define VIDEO_CAPS "video/x-h264,stream-format=byte-stream,alignment=au"
#define MP3_CAPS "audio/mpeg,mpegversion=1,layer=3,rate=16000,channels=1"
/* 576 samples of 16 kHz, and 24 kbit/s of them */
#define FRAME (36 * GST_MSECOND)
#define FRAME_SIZE 108
#define FPS 5
#define LENGTH 10
#define MAX_FILES 20

/* what the file has as time 0 is 10 s on */
#define WRAP ((GstClockTime) ((G_GUINT64_CONSTANT (1) << 33) * 100000 / 9) \
    - 10 * GST_SECOND)

typedef struct
{
  char *folder;
  GstElement *sink;
  GstBus *bus;
  GstHarness *video, *audio;
  GstBuffer *key, *delta, *frame;
  GstClockTime from;
  guint64 pictures, frames;

  /* what was said of segments */
  guint64 segments;
  gint64 first, next;           /* running time, ns */
  gint64 worst;                 /* grid error */
} Day;

static GstHarness *
add_input (Day * day, const char *name, const char *caps)
{
  GstHarness *h = gst_harness_new_with_element (day->sink, name, NULL);

  gst_pad_add_probe (h->srcpad, GST_PAD_PROBE_TYPE_QUERY_UPSTREAM, not_live,
      NULL, NULL);
  gst_harness_set_src_caps_str (h, caps);
  return h;
}

static GstBuffer *
picture (gboolean key)
{
  static const guint8 sets[] = { 0, 0, 0, 1, 0x67, 0x42, 0xc0, 0x1e, 0xd9,
    0, 0, 0, 1, 0x68, 0xce, 0x3c, 0x80
  };
  guint8 bytes[64];
  gsize n = key ? sizeof sets : 0;

  memset (bytes, 0x80, sizeof bytes);
  memcpy (bytes, sets, n);
  memcpy (bytes + n, "\0\0\0\1", 4);
  bytes[n + 4] = key ? 0x65 : 0x41;
  return gst_buffer_new_memdup (bytes, n + 20);
}

static void
day_init (Day * day, GstClockTime from)
{
  guint8 frame[FRAME_SIZE] = { 0xff, 0xf3, 0x38, 0xc0 };
  g_autofree char *location = NULL;
  g_autofree char *playlist = NULL;

  memset (day, 0, sizeof *day);
  day->from = from;
  day->folder = g_dir_make_tmp ("hlsalign-XXXXXX", NULL);
  location = g_build_filename (day->folder, "seg%05d.ts", NULL);
  playlist = g_build_filename (day->folder, "index.m3u8", NULL);
  day->sink = gst_element_factory_make ("hlsalignsink", NULL);
  g_assert_nonnull (day->sink);
  g_object_set (day->sink, "location", location, "playlist-location", playlist,
      "target-duration", 1.0, "playlist-length", LENGTH, "max-files",
      MAX_FILES, "async", FALSE, NULL);
  day->bus = gst_bus_new ();
  gst_element_set_bus (day->sink, day->bus);
  day->video = add_input (day, "video", VIDEO_CAPS);
  day->audio = add_input (day, "audio", MP3_CAPS);
  day->key = picture (TRUE);
  day->delta = picture (FALSE);
  day->frame = gst_buffer_new_memdup (frame, sizeof frame);
}

/* The folder's files; removes them where @unlink. */
static guint
files (const char *folder, gboolean unlink)
{
  g_autoptr (GDir) dir = g_dir_open (folder, 0, NULL);
  const char *name;
  guint n = 0;

  while ((name = g_dir_read_name (dir)) != NULL) {
    g_autofree char *path = g_build_filename (folder, name, NULL);

    n++;
    if (unlink)
      g_unlink (path);
  }
  return n;
}

static void
day_clear (Day * day)
{
  gst_harness_teardown (day->video);
  gst_harness_teardown (day->audio);
  gst_element_set_state (day->sink, GST_STATE_NULL);
  gst_element_set_bus (day->sink, NULL);
  gst_object_unref (day->bus);
  gst_object_unref (day->sink);
  gst_buffer_unref (day->key);
  gst_buffer_unref (day->delta);
  gst_buffer_unref (day->frame);
  files (day->folder, TRUE);
  g_rmdir (day->folder);
  g_free (day->folder);
}

/* One follows the other, on the grid. */
static void
take (Day * day, GstMessage * message)
{
  const GstStructure *s = gst_message_get_structure (message);
  guint64 sequence, duration;
  gint64 start, error;
  gboolean discontinuity, gap;

  if (GST_MESSAGE_TYPE (message) != GST_MESSAGE_ELEMENT) {
    g_assert_cmpint (GST_MESSAGE_TYPE (message), !=, GST_MESSAGE_WARNING);
    g_assert_cmpint (GST_MESSAGE_TYPE (message), !=, GST_MESSAGE_ERROR);
    return;
  }
  g_assert_true (gst_structure_get (s, "sequence", G_TYPE_UINT64, &sequence,
          "running-time", G_TYPE_INT64, &start,
          "duration", GST_TYPE_CLOCK_TIME, &duration,
          "grid-error", G_TYPE_INT64, &error,
          "discontinuity", G_TYPE_BOOLEAN, &discontinuity,
          "gap", G_TYPE_BOOLEAN, &gap, NULL));
  g_assert_cmpuint (sequence, ==, day->segments);
  g_assert_false (discontinuity || gap);
  if (day->segments++ == 0)
    day->first = start;
  else
    g_assert_cmpint (start, ==, day->next);
  day->next = start + duration;
  day->worst = MAX (day->worst, ABS (error));
}

static void
drain (Day * day)
{
  GstMessage *message;
  GstEvent *event;

  /* the harness keeps what is asked of it */
  while ((event = gst_harness_try_pull_upstream_event (day->video)) != NULL)
    gst_event_unref (event);
  while ((message = gst_bus_pop (day->bus)) != NULL) {
    take (day, message);
    gst_message_unref (message);
  }
}

static void
until_stored (Day * day, guint64 segments)
{
  while (day->segments < segments) {
    g_autoptr (GstMessage) message =
        gst_bus_timed_pop (day->bus, 60 * GST_SECOND);

    g_assert_nonnull (message);
    take (day, message);
  }
}

static void
push (GstHarness * h, GstBuffer * template, GstClockTime pts)
{
  GstBuffer *buffer = gst_buffer_copy (template);

  GST_BUFFER_PTS (buffer) = GST_BUFFER_DTS (buffer) = pts;
  g_assert_cmpint (gst_harness_push (h, buffer), ==, GST_FLOW_OK);
}

/* Up to @seconds from the start, and half a second more. */
static void
feed (Day * day, guint64 seconds)
{
  GstClockTime until = seconds * GST_SECOND + GST_SECOND / 2;

  for (;;) {
    GstClockTime v = day->pictures * (GST_SECOND / FPS);
    GstClockTime a = day->frames * FRAME;

    if (v >= until && a >= until)
      return;
    if (v <= a) {
      push (day->video, day->pictures % FPS == 0 ? day->key : day->delta,
          day->from + v);
      /* what a slow disk lets wait would look like growth */
      if (++day->pictures % (10 * FPS) == 0) {
        drain (day);
        until_stored (day, day->pictures / FPS - 2);
      }
    } else {
      push (day->audio, day->frame, day->from + a);
      day->frames++;
    }
  }
}

/* What is in the folder now is right by the validator, and no more than it was. */
static void
check_folder (Day * day, guint64 segments)
{
  g_autoptr (LockstepHlsCheck) check =
      lockstep_hls_check_new (1.0, fetch, day->folder);
  g_autoptr (LockstepPlaylist) list = NULL;
  g_autoptr (GBytes) bytes = NULL;
  GPtrArray *findings;

  until_stored (day, segments);
  bytes = fetch (day->folder, "index.m3u8", NULL);
  g_assert_nonnull (bytes);
  list = lockstep_playlist_parse (g_bytes_get_data (bytes, NULL),
      g_bytes_get_size (bytes), LOCKSTEP_PLAYLIST_LIVE, NULL);
  g_assert_cmpuint (list->entries.length, ==, LENGTH);
  g_assert_cmpuint (list->sequence, ==, segments - LENGTH);
  g_assert_cmpuint (g_bytes_get_size (bytes), <, LENGTH * 120 + 200);
  g_assert_cmpuint (files (day->folder, FALSE), <=, MAX_FILES + LENGTH + 3);
  lockstep_hls_check_snapshot (check, g_bytes_get_data (bytes, NULL),
      g_bytes_get_size (bytes), 0);
  g_assert_cmpuint (lockstep_hls_check_n_segments (check), ==, LENGTH);
  findings = lockstep_hls_check_finish (check, 0);
  for (guint i = 0; i < findings->len; i++) {
    LockstepHlsFinding *f = g_ptr_array_index (findings, i);

    g_test_message ("rule %u: %s: %s", f->rule, f->place, f->text);
  }
  g_assert_cmpuint (findings->len, ==, 0);
}

static void
test_day (void)
{
#if ADDRESS_SANITIZER
  guint hours = 1;
#else
  guint hours = 3;
#endif
  const char *text = g_getenv ("LOCKSTEP_DAY_HOURS");
  guint64 seconds, wrap, first;
  Day day;

  if (text != NULL)
    hours = CLAMP (atoi (text), 1, 48);
  seconds = hours * 3600;
  wrap = seconds / 2;
  day_init (&day, WRAP - wrap * GST_SECOND);
  feed (&day, 600);
  check_folder (&day, 600);
  /* before it, on it, and behind it */
  for (guint64 at = wrap - LENGTH / 2; at <= wrap + 2 * LENGTH; at++) {
    feed (&day, at);
    check_folder (&day, at);
  }
  /* by now the heap is what it stays */
  first = resident ();
  for (guint hour = hours / 2 + 1; hour < hours; hour++) {
    feed (&day, hour * 3600);
    check_folder (&day, hour * 3600);
  }
  feed (&day, seconds);
  check_folder (&day, seconds);
  g_test_message ("%u hours, %" G_GUINT64_FORMAT
      " segments: grid error at most " "%.3f ms; resident %" G_GUINT64_FORMAT
      " KiB half of the way, %" G_GUINT64_FORMAT " at the end", hours,
      day.segments, day.worst / 1e6, first, resident ());
  /* an AddressSanitizer build keeps what was freed */
#if !ADDRESS_SANITIZER
  g_assert_cmpuint (resident (), <, first + 2048);
#endif
  g_assert_cmpint (day.worst, <=, FRAME / 2 + 1);
  g_assert_cmpint (ABS (day.next - day.first - (gint64) (seconds
              * GST_SECOND)), <=, FRAME / 2 + 1);
  day_clear (&day);
}

int
main (int argc, char **argv)
{
  gst_init (&argc, &argv);
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/hlsalignsink-day/day", test_day);
  return g_test_run ();
}
