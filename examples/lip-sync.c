/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Embeds avresync: receives Opus and H.264 as plain RTP over UDP, without RTCP, as
 * an SFU forwards them, and prints once a second how far the picture had to be
 * moved to be in step with the sound.
 *
 *   lip-sync AUDIO_PORT VIDEO_PORT [SECONDS]
 */
#include <gst/gst.h>
#include <stdlib.h>

typedef struct
{
  GMainLoop *loop;
  GstElement *sync;
  int left;
} Program;

static gboolean
on_second (gpointer user)
{
  Program *program = user;
  g_autoptr (GstStructure) stats = NULL;
  const GValue *streams;

  g_object_get (program->sync, "stats", &stats, NULL);
  streams = gst_structure_get_value (stats, "streams");
  for (guint i = 0; i < gst_value_array_get_size (streams); i++) {
    const GstStructure *s =
        gst_value_get_structure (gst_value_array_get_value (streams, i));
    gint64 offset = 0, doubt = 0;

    if (g_strcmp0 (gst_structure_get_string (s, "media"), "video") != 0)
      continue;
    gst_structure_get (s, "applied-offset", G_TYPE_INT64, &offset,
        "uncertainty", G_TYPE_INT64, &doubt, NULL);
    g_print ("picture moved by %+.1f ms (+-%.1f ms, known from: %s)\n",
        offset / 1e6, doubt / 1e6, gst_structure_get_string (s, "source"));
  }
  if (--program->left <= 0)
    g_main_loop_quit (program->loop);
  return G_SOURCE_CONTINUE;
}

static gboolean
on_message (GstBus * bus, GstMessage * message, gpointer user)
{
  Program *program = user;
  g_autoptr (GError) error = NULL;

  if (GST_MESSAGE_TYPE (message) == GST_MESSAGE_ERROR) {
    gst_message_parse_error (message, &error, NULL);
    g_printerr ("error: %s\n", error->message);
    g_main_loop_quit (program->loop);
  }
  return G_SOURCE_CONTINUE;
}

int
main (int argc, char **argv)
{
  Program program = {.left = argc > 3 ? atoi (argv[3]) : 10 };
  g_autoptr (GError) error = NULL;
  g_autoptr (GstElement) pipeline = NULL;
  g_autoptr (GstElement) audio = NULL;
  g_autoptr (GstElement) video = NULL;
  g_autoptr (GstBus) bus = NULL;

  gst_init (&argc, &argv);
  if (argc < 3 || argv[1][0] == '-') {
    g_printerr ("usage: %s AUDIO_PORT VIDEO_PORT [SECONDS]\n", argv[0]);
    return 64;
  }
  pipeline = gst_parse_launch ("avresync name=sync"
      " udpsrc name=audio caps=application/x-rtp,media=audio,"
      "clock-rate=48000,encoding-name=OPUS,payload=96 ! sync.sink_0"
      " udpsrc name=video caps=application/x-rtp,media=video,"
      "clock-rate=90000,encoding-name=H264,payload=97 ! sync.sink_1"
      " sync.src_0 ! rtpopusdepay ! opusdec plc=true ! fakesink sync=true"
      " sync.src_1 ! rtph264depay ! h264parse ! fakesink sync=true", &error);
  if (error) {
    g_printerr ("error: %s\n", error->message);
    return 69;
  }
  program.sync = gst_bin_get_by_name (GST_BIN (pipeline), "sync");
  audio = gst_bin_get_by_name (GST_BIN (pipeline), "audio");
  video = gst_bin_get_by_name (GST_BIN (pipeline), "video");
  g_object_set (audio, "port", atoi (argv[1]), NULL);
  g_object_set (video, "port", atoi (argv[2]), NULL);
  bus = gst_element_get_bus (pipeline);
  gst_bus_add_watch (bus, on_message, &program);
  program.loop = g_main_loop_new (NULL, FALSE);
  gst_element_set_state (pipeline, GST_STATE_PLAYING);
  g_timeout_add_seconds (1, on_second, &program);
  g_main_loop_run (program.loop);
  gst_element_set_state (pipeline, GST_STATE_NULL);
  gst_object_unref (program.sync);
  g_main_loop_unref (program.loop);
  return 0;
}
