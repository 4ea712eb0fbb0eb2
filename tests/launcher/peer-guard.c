/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Tests of peer-guard.c: what reaches the elements that a peer's packets come to. */
#include "peer-guard.h"

#include <string.h>

static guint n_came;

static GstPadProbeReturn
came (GstPad * pad, GstPadProbeInfo * info, gpointer user_data)
{
  n_came++;
  return GST_PAD_PROBE_OK;
}

typedef struct
{
  GstElement *pipeline;
  GstPad *in;
} Setup;

/* @factory in a bin in a bin, as those of a webrtcbin are. */
static Setup
set_up (const char *factory, const char *name)
{
  Setup s = { gst_pipeline_new (NULL), NULL };
  GstElement *sub = gst_bin_new (NULL);
  GstElement *element = gst_element_factory_make (factory, NULL);
  GstSegment segment;

  g_assert_nonnull (element);
  gst_bin_add (GST_BIN (sub), element);
  peer_guard_add (GST_BIN (s.pipeline));
  gst_bin_add (GST_BIN (s.pipeline), sub);
  s.in = gst_element_get_static_pad (element, name);
  if (s.in == NULL)
    s.in = gst_element_request_pad_simple (element, name);
  g_assert_nonnull (s.in);
  /* rtpsession takes no lists: the buffers of one come one by one, after it */
  gst_pad_add_probe (s.in, GST_PAD_PROBE_TYPE_BUFFER, came, NULL, NULL);
  gst_element_set_state (s.pipeline, GST_STATE_PLAYING);
  gst_segment_init (&segment, GST_FORMAT_TIME);
  gst_pad_send_event (s.in, gst_event_new_stream_start ("s"));
  gst_pad_send_event (s.in, gst_event_new_segment (&segment));
  n_came = 0;
  return s;
}

static void
tear_down (Setup * s)
{
  gst_element_set_state (s->pipeline, GST_STATE_NULL);
  gst_object_unref (s->in);
  gst_object_unref (s->pipeline);
}

static GstBuffer *
packet (const guint8 * data, gsize size)
{
  return gst_buffer_new_memdup (data, size);
}

static void
test_rtcp (void)
{
  static const guint8 report[] = { 0x80, 201, 0, 1, 1, 2, 3, 4 };
  /* a name of 200 bytes, of which one is there */
  static const guint8 cut[] = { 0x81, 202, 0, 2, 1, 2, 3, 4, 1, 200, 'a', 0 };
  Setup s = set_up ("rtpsession", "recv_rtcp_sink");
  GstBufferList *list = gst_buffer_list_new ();

  gst_pad_chain (s.in, packet (report, sizeof report));
  g_assert_cmpuint (n_came, ==, 1);
  gst_pad_chain (s.in, packet (cut, sizeof cut));
  g_assert_cmpuint (n_came, ==, 1);
  gst_buffer_list_add (list, packet (cut, sizeof cut));
  gst_buffer_list_add (list, packet (report, sizeof report));
  gst_pad_chain_list (s.in, list);
  g_assert_cmpuint (n_came, ==, 2);
  list = gst_buffer_list_new ();
  gst_buffer_list_add (list, packet (cut, sizeof cut));
  gst_pad_chain_list (s.in, list);
  g_assert_cmpuint (n_came, ==, 2);
  tear_down (&s);
}

static void
test_ssrcs (void)
{
  Setup s = set_up ("srtpdec", "rtp_sink");
  guint8 media[40] = { 0x80, 96 };
  guint few;

  for (guint i = 0; i < 1000; i++) {
    media[10] = i >> 8;
    media[11] = i;
    gst_pad_chain (s.in, packet (media, sizeof media));
  }
  few = n_came;
  g_assert_cmpuint (few, >=, 32);
  g_assert_cmpuint (few, <=, 200);
  /* the first one's stream goes on */
  media[10] = media[11] = 0;
  gst_pad_chain (s.in, packet (media, sizeof media));
  g_assert_cmpuint (n_came, ==, few + 1);
  gst_pad_chain (s.in, packet (media, 5));
  g_assert_cmpuint (n_came, ==, few + 1);
  tear_down (&s);
}

static void
test_sctp (void)
{
  Setup s = set_up ("sctpdec", "sink");
  guint8 data[12 + 20] = { 0x13, 0x88, 0x13, 0x88 };

  data[15] = 17;
  for (guint i = 0; i < 1000; i++) {
    data[20] = i >> 8;
    data[21] = i;
    gst_pad_chain (s.in, packet (data, sizeof data));
  }
  g_assert_cmpuint (n_came, >=, 16);
  g_assert_cmpuint (n_came, <=, 64);
  tear_down (&s);
}

int
main (int argc, char **argv)
{
  gst_init (&argc, &argv);
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/peer-guard/rtcp", test_rtcp);
  g_test_add_func ("/peer-guard/ssrcs", test_ssrcs);
  g_test_add_func ("/peer-guard/sctp", test_sctp);
  return g_test_run ();
}
