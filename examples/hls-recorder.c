/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Embeds hlsalignsink: writes a test picture and tone as HLS, and prints a line for
 * each segment as soon as players can have it.
 *
 *   hls-recorder FOLDER [SECONDS]
 */
#include <gst/gst.h>
#include <stdlib.h>

static gboolean
on_message (GstBus * bus, GstMessage * message, gpointer user)
{
  GMainLoop *loop = user;
  const GstStructure *s = gst_message_get_structure (message);
  g_autoptr (GError) error = NULL;

  switch (GST_MESSAGE_TYPE (message)) {
    case GST_MESSAGE_ELEMENT:
      if (s && gst_structure_has_name (s, "hlsalignsink-segment")) {
        guint64 sequence = 0, duration = 0, bytes = 0;
        gint64 error_ns = 0;

        gst_structure_get (s, "sequence", G_TYPE_UINT64, &sequence,
            "duration", G_TYPE_UINT64, &duration, "bytes", G_TYPE_UINT64,
            &bytes, "grid-error", G_TYPE_INT64, &error_ns, NULL);
        g_print ("segment %" G_GUINT64_FORMAT ": %.3f s, %" G_GUINT64_FORMAT
            " bytes, %+.1f ms off the grid\n", sequence, duration / 1e9, bytes,
            error_ns / 1e6);
      }
      break;
    case GST_MESSAGE_WARNING:
      /* a full disk, say: the stream goes on */
      gst_message_parse_warning (message, &error, NULL);
      g_printerr ("warning: %s\n", error->message);
      break;
    case GST_MESSAGE_ERROR:
      gst_message_parse_error (message, &error, NULL);
      g_printerr ("error: %s\n", error->message);
      g_main_loop_quit (loop);
      break;
    case GST_MESSAGE_EOS:
      g_main_loop_quit (loop);
      break;
    default:
      break;
  }
  return G_SOURCE_CONTINUE;
}

/* The end of the stream closes the last segment and the playlist. */
static gboolean
on_time_up (gpointer pipeline)
{
  gst_element_send_event (pipeline, gst_event_new_eos ());
  return G_SOURCE_REMOVE;
}

int
main (int argc, char **argv)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GstElement) pipeline = NULL;
  g_autoptr (GstElement) sink = NULL;
  g_autoptr (GstBus) bus = NULL;
  g_autoptr (GMainLoop) loop = g_main_loop_new (NULL, FALSE);
  g_autofree char *segments = NULL, *playlist = NULL;
  int seconds = argc > 2 ? atoi (argv[2]) : 10;

  gst_init (&argc, &argv);
  if (argc < 2 || argv[1][0] == '-') {
    g_printerr ("usage: %s FOLDER [SECONDS]\n", argv[0]);
    return 64;
  }
  pipeline = gst_parse_launch ("hlsalignsink name=hls target-duration=1"
      " videotestsrc is-live=true"
      " ! video/x-raw,width=320,height=180,framerate=30/1"
      " ! x264enc tune=zerolatency speed-preset=ultrafast ! hls.video"
      " audiotestsrc is-live=true ! lamemp3enc target=bitrate cbr=true"
      " ! mpegaudioparse ! hls.audio", &error);
  if (error) {
    g_printerr ("error: %s\n", error->message);
    return 69;
  }
  /* paths are set as properties: whatever a folder is called, it is no syntax */
  segments = g_build_filename (argv[1], "segment%05d.ts", NULL);
  playlist = g_build_filename (argv[1], "index.m3u8", NULL);
  sink = gst_bin_get_by_name (GST_BIN (pipeline), "hls");
  g_object_set (sink, "location", segments, "playlist-location", playlist,
      NULL);
  bus = gst_element_get_bus (pipeline);
  gst_bus_add_watch (bus, on_message, loop);
  g_mkdir_with_parents (argv[1], 0755);
  gst_element_set_state (pipeline, GST_STATE_PLAYING);
  g_timeout_add_seconds (seconds, on_time_up, pipeline);
  g_main_loop_run (loop);
  gst_element_set_state (pipeline, GST_STATE_NULL);
  return 0;
}
