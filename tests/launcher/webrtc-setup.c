/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Tests of webrtc-setup.c: what a peer can make the rtpbin of a webrtcbin build, and what its
 * session knows of what it sends. */
#include <gst/gst.h>
#include <gst/rtp/rtp.h>

#include "webrtc-setup.h"

#define STREAMS 500

static gint n_buffers;          /* atomic */

static void
new_jitterbuffer (GstElement * rtpbin, GstElement * buffer, guint session,
    guint ssrc, gpointer user)
{
  g_atomic_int_inc (&n_buffers);
}

static void
push (GstPad * pad, guint ssrc, guint seqnum)
{
  GstBuffer *buffer = gst_rtp_buffer_new_allocate (20, 0, 0);
  GstRTPBuffer rtp = GST_RTP_BUFFER_INIT;

  g_assert_true (gst_rtp_buffer_map (buffer, GST_MAP_WRITE, &rtp));
  gst_rtp_buffer_set_ssrc (&rtp, ssrc);
  gst_rtp_buffer_set_seq (&rtp, seqnum);
  gst_rtp_buffer_set_payload_type (&rtp, 96);
  gst_rtp_buffer_unmap (&rtp);
  GST_BUFFER_PTS (buffer) = 0;
  gst_pad_chain (pad, buffer);
}

/* A peer that takes a new SSRC for each pair of packets. */
static void
test_streams (void)
{
  GstElement *bin = gst_pipeline_new (NULL);
  GstElement *rtpbin = gst_element_factory_make ("rtpbin", "rtpbin");
  g_autoptr (GstCaps) caps = gst_caps_from_string ("application/x-rtp,"
      "media=video,clock-rate=90000,encoding-name=H264,payload=96");
  g_autoptr (GstPad) pad = NULL;
  WebrtcBuffers *buffers;
  GstSegment segment;

  gst_bin_add (GST_BIN (bin), rtpbin);
  buffers = webrtc_buffers_new (bin, 100, 100);
  g_signal_connect (rtpbin, "new-jitterbuffer", G_CALLBACK (new_jitterbuffer),
      NULL);
  pad = gst_element_request_pad_simple (rtpbin, "recv_rtp_sink_0");
  g_assert_nonnull (pad);
  gst_element_set_state (bin, GST_STATE_PLAYING);
  gst_segment_init (&segment, GST_FORMAT_TIME);
  gst_pad_send_event (pad, gst_event_new_stream_start ("s"));
  gst_pad_send_event (pad, gst_event_new_caps (caps));
  gst_pad_send_event (pad, gst_event_new_segment (&segment));
  /* an SSRC is believed with its second packet */
  for (guint i = 0; i < STREAMS; i++)
    for (guint k = 0; k < 3; k++)
      push (pad, 1000 + i, k);
  g_assert_cmpint (g_atomic_int_get (&n_buffers), >, 0);
  g_assert_cmpint (g_atomic_int_get (&n_buffers), <=, 32);
  gst_element_set_state (bin, GST_STATE_NULL);
  webrtc_buffers_close (buffers);
  gst_object_unref (bin);
}

/* Two streams and one that comes of itself, through the funnel that keeps their caps: the
 * session knows the rate of each from its first packet on. */
static void
test_clock_rates (void)
{
  GstElement *bin = gst_pipeline_new (NULL);
  GstElement *rtpbin = gst_element_factory_make ("rtpbin", "rtpbin");
  GstElement *funnel = gst_element_factory_make ("rtpfunnel", NULL);
  GstElement *sink = gst_element_factory_make ("fakesink", NULL);
  g_autoptr (GstCaps) caps = gst_caps_from_string ("application/x-rtp");
  g_autoptr (GstPad) pad = NULL;
  g_autoptr (GObject) session = NULL;
  g_autoptr (GstStructure) stats = NULL;
  GstSegment segment;
  GValueArray *sources;

  gst_bin_add_many (GST_BIN (bin), rtpbin, funnel, sink, NULL);
  webrtc_setup_clock_rates (bin, 7);
  g_object_set (sink, "async", FALSE, "sync", FALSE, NULL);
  g_assert_true (gst_element_link_pads (funnel, "src", rtpbin,
          "send_rtp_sink_0"));
  g_assert_true (gst_element_link_pads (rtpbin, "send_rtp_src_0", sink,
          "sink"));
  pad = gst_element_request_pad_simple (funnel, "sink_%u");
  gst_element_set_state (bin, GST_STATE_PLAYING);
  gst_segment_init (&segment, GST_FORMAT_TIME);
  gst_pad_send_event (pad, gst_event_new_stream_start ("s"));
  gst_pad_send_event (pad, gst_event_new_caps (caps));
  gst_pad_send_event (pad, gst_event_new_segment (&segment));
  for (guint i = 0; i < 30; i++)
    push (pad, 7 + i % 3, i / 3);

  g_signal_emit_by_name (rtpbin, "get-internal-session", 0, &session);
  g_object_get (session, "stats", &stats, NULL);
  sources = g_value_get_boxed (gst_structure_get_value (stats, "source-stats"));
  g_assert_cmpuint (sources->n_values, ==, 3);
  for (guint i = 0; i < 3; i++) {
    const GstStructure *s = gst_value_get_structure (&sources->values[i]);
    guint ssrc = 0;
    guint64 packets = 0;
    int rate = 0;

    gst_structure_get (s, "ssrc", G_TYPE_UINT, &ssrc, "clock-rate", G_TYPE_INT,
        &rate, "packets-sent", G_TYPE_UINT64, &packets, NULL);
    g_assert_cmpint (rate, ==, ssrc == 7 ? 48000 : 90000);
    g_assert_cmpuint (packets, ==, 10);
  }
  gst_element_set_state (bin, GST_STATE_NULL);
  gst_object_unref (bin);
}

int
main (int argc, char **argv)
{
  gst_init (&argc, &argv);
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/webrtc-setup/streams", test_streams);
  g_test_add_func ("/webrtc-setup/clock-rates", test_clock_rates);
  return g_test_run ();
}
