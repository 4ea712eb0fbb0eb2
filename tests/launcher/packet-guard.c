/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Tests of packet-guard.c: one broken packet, and what comes after it. */
#include "packet-guard.h"

#include <gst/app/gstappsink.h>
#include <gst/app/gstappsrc.h>

#include <string.h>

#define MIB (1024 * 1024)

static GstElement *
build (const char *line)
{
  GError *error = NULL;
  GstElement *pipeline = gst_parse_launch (line, &error);

  g_assert_no_error (error);
  packet_guard_add (GST_BIN (pipeline));
  return pipeline;
}

static GstElement *
named (GstElement * pipeline, const char *name)
{
  GstElement *element = gst_bin_get_by_name (GST_BIN (pipeline), name);

  g_assert_nonnull (element);
  /* the pipeline keeps it */
  gst_object_unref (element);
  return element;
}

static void
end (GstElement * pipeline)
{
  g_autoptr (GstBus) bus = gst_element_get_bus (pipeline);
  g_autoptr (GstMessage) error = gst_bus_pop_filtered (bus, GST_MESSAGE_ERROR);

  g_assert_null (error);
  gst_element_set_state (pipeline, GST_STATE_NULL);
  gst_object_unref (pipeline);
}

/* No frames in a packet of several: no decoder takes that. */
static GstPadProbeReturn
break_one (GstPad * pad, GstPadProbeInfo * info, gpointer user_data)
{
  static const guint8 broken[] = { 0xff, 0x00 };
  guint *n = user_data;

  if (++*n == 20) {
    info->data = gst_buffer_make_writable (GST_PAD_PROBE_INFO_BUFFER (info));
    gst_buffer_fill (info->data, 12, broken, sizeof broken);
  }
  return GST_PAD_PROBE_OK;
}

static void
test_opus (void)
{
  GstElement *pipeline = build ("audiotestsrc num-buffers=100 "
      "samplesperbuffer=960 ! audio/x-raw,rate=48000,channels=2 ! opusenc "
      "! rtpopuspay name=pay ! rtpopusdepay ! opusdec plc=true "
      "use-inband-fec=true ! appsink name=out sync=false");
  g_autoptr (GstPad) pad = gst_element_get_static_pad (named (pipeline, "pay"),
      "src");
  GstAppSink *out = GST_APP_SINK (named (pipeline, "out"));
  GstSample *sample;
  guint n = 0;
  gsize bytes = 0;

  gst_pad_add_probe (pad, GST_PAD_PROBE_TYPE_BUFFER, break_one, &n, NULL);
  gst_element_set_state (pipeline, GST_STATE_PLAYING);
  while ((sample = gst_app_sink_pull_sample (out)) != NULL) {
    bytes += gst_buffer_get_size (gst_sample_get_buffer (sample));
    gst_sample_unref (sample);
  }
  g_assert_cmpuint (n, >=, 100);
  /* the broken packet and its neighbour at most are not there */
  g_assert_cmpuint (bytes, >=, 97 * 960 * 4);
  end (pipeline);
}

typedef struct
{
  GstElement *pipeline, *in;
  GstAppSink *out;
  guint16 seq;
} Video;

static void
video_begin (Video * v)
{
  v->pipeline = build ("appsrc name=in format=time is-live=true max-bytes=0 "
      "caps=application/x-rtp,media=video,clock-rate=90000,"
      "encoding-name=H264,payload=96 ! rtph264depay "
      "! video/x-h264,stream-format=byte-stream,alignment=au "
      "! h264parse ! appsink name=out sync=false");
  v->in = named (v->pipeline, "in");
  v->out = GST_APP_SINK (named (v->pipeline, "out"));
  v->seq = 0;
  gst_element_set_state (v->pipeline, GST_STATE_PLAYING);
}

static void
push (Video * v, guint picture, gboolean marker, const guint8 * payload,
    gsize size)
{
  GstBuffer *buffer = gst_buffer_new_allocate (NULL, 12 + size, NULL);
  guint8 header[12] = { 0x80, 96 | (marker ? 0x80 : 0) };

  GST_WRITE_UINT16_BE (header + 2, v->seq++);
  GST_WRITE_UINT32_BE (header + 4, picture * 3000);
  header[11] = 1;
  gst_buffer_fill (buffer, 0, header, sizeof header);
  gst_buffer_fill (buffer, 12, payload, size);
  GST_BUFFER_PTS (buffer) = picture * GST_SECOND / 30;
  gst_app_src_push_buffer (GST_APP_SRC (v->in), buffer);
}

/* 320x180, and a picture that nobody decodes here */
static const guint8 sps[] = { 0x67, 0x42, 0xc0, 0x0c, 0xda, 0x05, 0x06, 0xd0,
  0x20, 0x00, 0x00, 0x03, 0x00, 0x20, 0x00, 0x00, 0x07, 0x91, 0xe2, 0x85,
  0x54
}, pps[] = { 0x68, 0xce, 0x0f, 0xc8 }, idr[] = { 0x65, 0x88, 0x84, 0x3a },
    slice[] = { 0x41, 0x9a, 0x24, 0x6c };

static void
push_key (Video * v, guint picture)
{
  push (v, picture, FALSE, sps, sizeof sps);
  push (v, picture, FALSE, pps, sizeof pps);
  push (v, picture, TRUE, idr, sizeof idr);
}

/* Returns: how many pictures came out; @largest: bytes */
static guint
video_end (Video * v, gsize * largest)
{
  GstSample *sample;
  guint n = 0;

  *largest = 0;
  gst_app_src_end_of_stream (GST_APP_SRC (v->in));
  while ((sample = gst_app_sink_pull_sample (v->out)) != NULL) {
    *largest = MAX (*largest,
        gst_buffer_get_size (gst_sample_get_buffer (sample)));
    gst_sample_unref (sample);
    n++;
  }
  end (v->pipeline);
  return n;
}

static void
test_video (void)
{
  static const guint8 mtap[] = { 0x7a, 0, 0, 0, 5 }, empty[] =
      { 0x78, 0, 0, 0 }, short_nal[] = { 0x6e, 0 }, forbidden[] =
      { 0xe1, 0xe0, 0 }, start_code[] =
      { 0x41, 0x9a, 0x24, 0, 0, 1 }, sequence_end[] = { 0x0a, 1, 2, 3, 4, 5 };
  const struct
  {
    const guint8 *data;
    gsize size;
  } broken[] = {
    {mtap, sizeof mtap}, {empty, sizeof empty}, {short_nal, sizeof short_nal},
    {forbidden, sizeof forbidden}, {start_code, sizeof start_code},
    {sequence_end, sizeof sequence_end},
  };
  Video v;
  gsize largest;

  video_begin (&v);
  push_key (&v, 0);
  for (guint i = 0; i < G_N_ELEMENTS (broken); i++) {
    push (&v, 1 + 2 * i, TRUE, broken[i].data, broken[i].size);
    push (&v, 2 + 2 * i, TRUE, slice, sizeof slice);
  }
  push_key (&v, 20);
  g_assert_cmpuint (video_end (&v, &largest), ==, 2 + G_N_ELEMENTS (broken));
}

/* Pictures of two slices, of which some get lost: none joins another picture's. */
static void
test_lost_slices (void)
{
  static const guint8 second[] = { 0x41, 0x1a, 0x24, 0x6c };
  static const guint8 longer[100] = { 0x41, 0x1a, 0x24, 0x6c, 0x80 };
  /* fragments of a second slice */
  static const guint8 start[] = { 0x5c, 0x81, 0x1a, 0x24 }, stop[] =
      { 0x5c, 0x41, 0x6c, 0x80 };
  Video v;
  gsize largest;

  video_begin (&v);
  push_key (&v, 0);
  push (&v, 1, FALSE, slice, sizeof slice);
  push (&v, 1, TRUE, second, sizeof second);
  /* the end of one is lost, and the start of the next two */
  push (&v, 2, FALSE, slice, sizeof slice);
  v.seq += 2;
  push (&v, 3, TRUE, longer, sizeof longer);
  v.seq++;
  push (&v, 4, TRUE, longer, sizeof longer);
  /* an end of which a fragment is lost, and the start of the next */
  push (&v, 5, FALSE, slice, sizeof slice);
  push (&v, 5, FALSE, start, sizeof start);
  v.seq++;
  push (&v, 5, TRUE, stop, sizeof stop);
  v.seq++;
  push (&v, 6, TRUE, longer, sizeof longer);
  push (&v, 7, FALSE, slice, sizeof slice);
  push (&v, 7, TRUE, second, sizeof second);
  push_key (&v, 8);
  g_assert_cmpuint (video_end (&v, &largest), ==, 6);
  g_assert_cmpuint (largest, <, sizeof longer);
}

/* One picture without end */
static void
test_large (void)
{
  const gsize size = 60000;
  g_autofree guint8 *fragment = g_malloc (size);
  Video v;
  gsize largest;

  memset (fragment, 0x55, size);
  fragment[0] = 0x7c;
  video_begin (&v);
  push_key (&v, 0);
  for (guint i = 0; i < 40 * MIB / size; i++) {
    fragment[1] = i == 0 ? 0x81 : 0x01;
    push (&v, 1, FALSE, fragment, size);
  }
  push (&v, 2, TRUE, slice, sizeof slice);
  push_key (&v, 3);
  g_assert_cmpuint (video_end (&v, &largest), >=, 2);
  g_assert_cmpuint (largest, <, 17 * MIB);
}

int
main (int argc, char **argv)
{
  gst_init (&argc, &argv);
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/packet-guard/opus", test_opus);
  g_test_add_func ("/packet-guard/video", test_video);
  g_test_add_func ("/packet-guard/lost-slices", test_lost_slices);
  g_test_add_func ("/packet-guard/large", test_large);
  return g_test_run ();
}
