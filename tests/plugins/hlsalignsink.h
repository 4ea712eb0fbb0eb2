/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the tests of hlsalignsink share: a sink with sound, and folders of its files. */
#pragma once

#include <gst/check/gstharness.h>
#include <gio/gio.h>
#include <glib/gstdio.h>
#include <gst/lockstep/playlist.h>
#include <string.h>

typedef struct
{
  GstElement *sink;
  GstBus *bus;
  GstHarness *audio;
  guint64 frames;
} Sink;

static inline void
sink_init (Sink * s, const char *first_property, ...)
{
  va_list args;

  memset (s, 0, sizeof *s);
  s->sink = gst_element_factory_make ("hlsalignsink", NULL);
  g_object_set (s->sink, "async", FALSE, NULL);
  s->bus = gst_bus_new ();
  gst_element_set_bus (s->sink, s->bus);
  va_start (args, first_property);
  g_object_set_valist (G_OBJECT (s->sink), first_property, args);
  va_end (args);
}

/* A harness says that it is live, and files then stay by the clock. */
static inline GstPadProbeReturn
not_live (GstPad * pad, GstPadProbeInfo * info, gpointer user)
{
  GstQuery *query = GST_PAD_PROBE_INFO_QUERY (info);

  if (GST_QUERY_TYPE (query) != GST_QUERY_LATENCY)
    return GST_PAD_PROBE_OK;
  gst_query_set_latency (query, FALSE, 0, GST_CLOCK_TIME_NONE);
  return GST_PAD_PROBE_HANDLED;
}

static inline void
sink_start (Sink * s)
{
  s->audio = gst_harness_new_with_element (s->sink, "audio", NULL);
  gst_pad_add_probe (s->audio->srcpad, GST_PAD_PROBE_TYPE_QUERY_UPSTREAM,
      not_live, NULL, NULL);
  gst_harness_set_src_caps_str (s->audio, 
      "audio/mpeg,mpegversion=1,layer=3,rate=48000,channels=2");
}

static inline void
sink_feed (Sink * s, guint seconds)
{
  guint64 end = s->frames + seconds * 1000 / 24;

  for (; s->frames < end; s->frames++) {
    guint8 bytes[384] = { 0xff, 0xfb, 0x94, 0x00 };
    GstBuffer *buffer = gst_buffer_new_memdup (bytes, sizeof bytes);

    GST_BUFFER_PTS (buffer) = s->frames * 24 * GST_MSECOND;
    g_assert_cmpint (gst_harness_push (s->audio, buffer), ==, GST_FLOW_OK);
  }
}

static inline void
sink_finish (Sink * s)
{
  GstMessage *message;

  gst_harness_push_event (s->audio, gst_event_new_eos ());
  message = gst_bus_timed_pop_filtered (s->bus, 60 * GST_SECOND,
      GST_MESSAGE_EOS | GST_MESSAGE_ERROR);
  g_assert_nonnull (message);
  g_assert_cmpint (GST_MESSAGE_TYPE (message), ==, GST_MESSAGE_EOS);
  gst_message_unref (message);
}

static inline void
sink_clear (Sink * s)
{
  g_clear_pointer (&s->audio, gst_harness_teardown);
  gst_element_set_state (s->sink, GST_STATE_NULL);
  gst_element_set_bus (s->sink, NULL);
  gst_object_unref (s->bus);
  gst_object_unref (s->sink);
}

static inline void
remove_folder (const char *folder)
{
  g_autoptr (GDir) dir = g_dir_open (folder, 0, NULL);
  const char *name;

  while (dir != NULL && (name = g_dir_read_name (dir)) != NULL) {
    g_autofree char *path = g_build_filename (folder, name, NULL);

    g_unlink (path);
  }
  g_rmdir (folder);
}

static inline LockstepPlaylist *
parse (const char *text, gsize size)
{
  g_autoptr (GError) error = NULL;
  LockstepPlaylist *playlist =
      lockstep_playlist_parse (text, size, LOCKSTEP_PLAYLIST_LIVE, &error);

  g_assert_no_error (error);
  return playlist;
}

/* A file of the folder @user. */
static inline GBytes *
fetch (gpointer user, const char *uri, GError ** error)
{
  g_autofree char *path = g_build_filename (user, uri, NULL);
  char *data;
  gsize size;

  return g_file_get_contents (path, &data, &size, error) ?
      g_bytes_new_take (data, size) : NULL;
}
