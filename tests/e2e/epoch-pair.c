/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* epoch-pair FOLDER_A FOLDER_B SECONDS: a live source whose buffers carry Unix time, and
 * two hlsalignsinks with epoch-lock on it, the second of which begins three seconds after
 * the first. Ends with them, or at the end of its standard input. */
#include <gst/gst.h>
#include <gio/gio.h>
#include <stdlib.h>

#define LATE 3

static GstCaps *unix_time;
static gint64 origin;           /* Unix time of running time 0, ns */

static GstPadProbeReturn
stamp (GstPad * pad, GstPadProbeInfo * info, gpointer user)
{
  GstBuffer *buffer = gst_buffer_make_writable (GST_PAD_PROBE_INFO_BUFFER
      (info));
  g_autoptr (GstEvent) event =
      gst_pad_get_sticky_event (pad, GST_EVENT_SEGMENT, 0);
  const GstSegment *segment;

  /* An encoder's timestamps may be shifted, and the segment with them */
  gst_event_parse_segment (event, &segment);
  gst_buffer_add_reference_timestamp_meta (buffer, unix_time,
      origin + gst_segment_to_running_time (segment, GST_FORMAT_TIME,
          GST_BUFFER_PTS (buffer)), GST_CLOCK_TIME_NONE);
  GST_PAD_PROBE_INFO_DATA (info) = buffer;
  return GST_PAD_PROBE_OK;
}

static gboolean
open_valves (gpointer user)
{
  static const char *const names[] = { "late-video", "late-audio" };

  for (guint i = 0; i < G_N_ELEMENTS (names); i++) {
    g_autoptr (GstElement) valve = gst_bin_get_by_name (user, names[i]);

    g_object_set (valve, "drop", FALSE, NULL);
  }
  return G_SOURCE_REMOVE;
}

static gboolean
on_message (GstBus * bus, GstMessage * message, gpointer loop)
{
  if (GST_MESSAGE_TYPE (message) == GST_MESSAGE_ERROR) {
    g_autoptr (GError) error = NULL;

    gst_message_parse_error (message, &error, NULL);
    g_printerr ("epoch-pair: %s\n", error->message);
    g_main_loop_quit (loop);
  } else if (GST_MESSAGE_TYPE (message) == GST_MESSAGE_EOS) {
    g_main_loop_quit (loop);
  }
  return TRUE;
}

static gboolean
on_input (GIOChannel * channel, GIOCondition condition, gpointer loop)
{
  g_main_loop_quit (loop);
  return FALSE;
}

int
main (int argc, char **argv)
{
  static const char *const names[] = { "stamp-video", "stamp-audio" };
  g_autoptr (GMainLoop) loop = g_main_loop_new (NULL, FALSE);
  g_autoptr (GIOChannel) input = g_io_channel_unix_new (0);
  g_autoptr (GstElement) pipeline = NULL;
  g_autoptr (GstBus) bus = NULL;
  g_autoptr (GError) error = NULL;
  g_autofree char *line = NULL;

  gst_init (&argc, &argv);
  if (argc != 4) {
    g_printerr ("usage: epoch-pair FOLDER_A FOLDER_B SECONDS\n");
    return 64;
  }
  line = g_strdup_printf ("hlsalignsink name=a epoch-lock=true "
      "target-duration=1 playlist-length=8 max-files=30 "
      "location=\"%s/s%%d.ts\" playlist-location=\"%s/index.m3u8\" "
      "hlsalignsink name=b epoch-lock=true target-duration=1 "
      "playlist-length=8 max-files=30 "
      "location=\"%s/s%%d.ts\" playlist-location=\"%s/index.m3u8\" "
      "videotestsrc is-live=true pattern=ball num-buffers=%d ! "
      "video/x-raw,width=160,height=90,framerate=30/1 ! x264enc "
      "tune=zerolatency speed-preset=ultrafast bitrate=200 key-int-max=3000 ! "
      "h264parse name=stamp-video ! tee name=v ! queue ! a.video "
      "v. ! valve name=late-video drop=true ! queue ! b.video "
      "audiotestsrc is-live=true wave=ticks samplesperbuffer=1152 "
      "num-buffers=%d ! audio/x-raw,rate=48000,channels=2 ! lamemp3enc "
      "target=bitrate bitrate=64 cbr=true ! mpegaudioparse name=stamp-audio ! "
      "tee name=s ! queue ! a.audio "
      "s. ! valve name=late-audio drop=true ! queue ! b.audio", argv[1],
      argv[1], argv[2], argv[2], atoi (argv[3]) * 30,
      atoi (argv[3]) * 48000 / 1152);
  pipeline = gst_parse_launch (line, &error);
  if (error != NULL) {
    g_printerr ("epoch-pair: %s\n", error->message);
    return 69;
  }
  unix_time = gst_caps_from_string ("timestamp/x-unix");
  origin = g_get_real_time () * 1000;
  for (guint i = 0; i < G_N_ELEMENTS (names); i++) {
    g_autoptr (GstElement) parser = gst_bin_get_by_name (GST_BIN (pipeline),
        names[i]);
    g_autoptr (GstPad) pad = gst_element_get_static_pad (parser, "src");

    gst_pad_add_probe (pad, GST_PAD_PROBE_TYPE_BUFFER, stamp, NULL, NULL);
  }
  g_timeout_add_seconds (LATE, open_valves, pipeline);
  g_io_add_watch (input, G_IO_IN | G_IO_HUP, on_input, loop);
  bus = gst_element_get_bus (pipeline);
  gst_bus_add_watch (bus, on_message, loop);
  gst_element_set_state (pipeline, GST_STATE_PLAYING);
  g_main_loop_run (loop);
  gst_element_set_state (pipeline, GST_STATE_NULL);
  gst_caps_unref (unix_time);
  return 0;
}
