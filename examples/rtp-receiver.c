/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Embeds latencybuffer: receives Opus over RTP with rtpbin, with latencybuffer in
 * the place of its jitter buffer, and prints once a second how it does.
 *
 *   rtp-receiver PORT [LATENCY_MS [SECONDS]]
 */
#include <gst/gst.h>
#include <stdlib.h>

typedef struct
{
  GMainLoop *loop;
  GstElement *pipeline, *buffer;
  GMutex lock;                  /* of buffer: rtpbin asks from its own thread */
  guint latency, left;
} Receiver;

/* rtpbin asks once for each stream. It sets the buffer's properties itself. */
static GstElement *
on_request_buffer (GstElement * rtpbin, guint session, Receiver * receiver)
{
  GstElement *buffer = gst_element_factory_make ("latencybuffer", NULL);

  if (!buffer)
    return NULL;                /* rtpbin takes its own */
  g_mutex_lock (&receiver->lock);
  gst_object_replace ((GstObject **) & receiver->buffer, GST_OBJECT (buffer));
  g_mutex_unlock (&receiver->lock);
  return buffer;
}

static void
on_pad_added (GstElement * rtpbin, GstPad * pad, Receiver * receiver)
{
  g_autoptr (GstElement) depay = NULL;
  g_autoptr (GstPad) sink = NULL;

  if (!g_str_has_prefix (GST_PAD_NAME (pad), "recv_rtp_src_"))
    return;
  depay = gst_bin_get_by_name (GST_BIN (receiver->pipeline), "depay");
  sink = gst_element_get_static_pad (depay, "sink");
  if (!gst_pad_is_linked (sink))
    gst_pad_link (pad, sink);
}

static gboolean
on_second (gpointer user)
{
  Receiver *receiver = user;
  g_autoptr (GstElement) buffer = NULL;
  g_autoptr (GstStructure) stats = NULL;
  guint64 pushed = 0, lost = 0, late = 0;

  g_mutex_lock (&receiver->lock);
  gst_object_replace ((GstObject **) & buffer, (GstObject *) receiver->buffer);
  g_mutex_unlock (&receiver->lock);
  if (buffer) {
    g_object_get (buffer, "stats", &stats, NULL);
    gst_structure_get (stats, "num-pushed", G_TYPE_UINT64, &pushed,
        "num-lost", G_TYPE_UINT64, &lost, "num-late", G_TYPE_UINT64, &late,
        NULL);
  }
  g_print ("%" G_GUINT64_FORMAT " packets, %" G_GUINT64_FORMAT " lost, %"
      G_GUINT64_FORMAT " later than %u ms\n", pushed, lost, late,
      receiver->latency);
  if (--receiver->left == 0)
    g_main_loop_quit (receiver->loop);
  return G_SOURCE_CONTINUE;
}

static gboolean
on_message (GstBus * bus, GstMessage * message, gpointer user)
{
  Receiver *receiver = user;
  g_autoptr (GError) error = NULL;

  if (GST_MESSAGE_TYPE (message) == GST_MESSAGE_ERROR) {
    gst_message_parse_error (message, &error, NULL);
    g_printerr ("error: %s\n", error->message);
    g_main_loop_quit (receiver->loop);
  }
  return G_SOURCE_CONTINUE;
}

int
main (int argc, char **argv)
{
  Receiver receiver = {.latency = argc > 2 ? atoi (argv[2]) : 300,
    .left = argc > 3 ? atoi (argv[3]) : 10
  };
  g_autoptr (GError) error = NULL;
  g_autoptr (GstElement) source = NULL;
  g_autoptr (GstElement) rtpbin = NULL;
  g_autoptr (GstBus) bus = NULL;

  gst_init (&argc, &argv);
  if (argc < 2 || argv[1][0] == '-') {
    g_printerr ("usage: %s PORT [LATENCY_MS [SECONDS]]\n", argv[0]);
    return 64;
  }
  receiver.pipeline = gst_parse_launch ("rtpbin name=rtpbin"
      " udpsrc name=source caps=application/x-rtp,media=audio,"
      "clock-rate=48000,encoding-name=OPUS,payload=96"
      " ! rtpbin.recv_rtp_sink_0"
      " rtpopusdepay name=depay ! opusdec plc=true ! audioconvert"
      " ! fakesink sync=true", &error);
  if (error) {
    g_printerr ("error: %s\n", error->message);
    return 69;
  }
  source = gst_bin_get_by_name (GST_BIN (receiver.pipeline), "source");
  rtpbin = gst_bin_get_by_name (GST_BIN (receiver.pipeline), "rtpbin");
  g_object_set (source, "port", atoi (argv[1]), NULL);
  g_object_set (rtpbin, "latency", receiver.latency, "do-lost", TRUE, NULL);
  g_signal_connect (rtpbin, "request-jitterbuffer",
      G_CALLBACK (on_request_buffer), &receiver);
  g_signal_connect (rtpbin, "pad-added", G_CALLBACK (on_pad_added), &receiver);
  bus = gst_element_get_bus (receiver.pipeline);
  gst_bus_add_watch (bus, on_message, &receiver);
  receiver.loop = g_main_loop_new (NULL, FALSE);
  gst_element_set_state (receiver.pipeline, GST_STATE_PLAYING);
  g_timeout_add_seconds (1, on_second, &receiver);
  g_main_loop_run (receiver.loop);
  gst_element_set_state (receiver.pipeline, GST_STATE_NULL);
  gst_clear_object (&receiver.buffer);
  gst_object_unref (receiver.pipeline);
  g_main_loop_unref (receiver.loop);
  return 0;
}
