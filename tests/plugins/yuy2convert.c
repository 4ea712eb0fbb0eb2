/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* yuy2convert on the processor: its output, caps, metas, and what it says of itself where
 * there is no driver. */
#include "yuy2convert.h"

#include <string.h>

static void
test_random_frames (void)
{
  g_autoptr (GRand) rand = g_rand_new_with_seed (6);

  for (guint i = 0; i < 120; i++) {
    guint k = i % 4, width = (guint) g_rand_int_range (rand, 1, 400);
    guint height = (guint) g_rand_int_range (rand, 1, 90);
    gboolean interlaced = height > 1 && g_rand_boolean (rand);
    g_autofree gchar *properties = g_strdup_printf ("n-threads=%u", i % 5);
    GstHarness *h = harness_new (properties, formats[k], width, height,
        interlaced ? ",interlace-mode=interleaved" : "");
    g_autoptr (GstCaps) caps = gst_pad_get_current_caps (h->srcpad);
    GstVideoInfo in_info, out_info;
    GstBuffer *in, *out;

    g_assert_true (gst_video_info_from_caps (&in_info, caps));
    /* rows further apart, a picture that begins later */
    in_info.offset[0] = (gsize) g_rand_int_range (rand, 0, 70);
    in_info.stride[0] += g_rand_int_range (rand, 0, 50);
    in_info.size = in_info.offset[0] + (gsize) in_info.stride[0] * height;
    in = noise (rand, &in_info);
    out = gst_harness_push_and_pull (h, gst_buffer_ref (in));
    output_info (h, &out_info);
    assert_converted (in, &in_info, out, &out_info, k);
    gst_buffer_unref (in);
    gst_buffer_unref (out);
    gst_harness_teardown (h);
  }
}

static void
test_2x2_and_8k (void)
{
  static const guint sizes[][2] = { {2, 2}, {7680, 4320} };
  g_autoptr (GRand) rand = g_rand_new_with_seed (7);

  for (guint i = 0; i < G_N_ELEMENTS (sizes); i++) {
    GstHarness *h = harness_new ("", "YUY2", sizes[i][0], sizes[i][1], "");
    g_autoptr (GstCaps) caps = gst_pad_get_current_caps (h->srcpad);
    GstVideoInfo in_info, out_info;
    GstBuffer *in, *out;

    g_assert_true (gst_video_info_from_caps (&in_info, caps));
    in = noise (rand, &in_info);
    out = gst_harness_push_and_pull (h, gst_buffer_ref (in));
    output_info (h, &out_info);
    assert_converted (in, &in_info, out, &out_info, LOCKSTEP_YUY2_YUY2);
    gst_buffer_unref (in);
    gst_buffer_unref (out);
    gst_harness_teardown (h);
  }
}

/* Frames of mixed video are interlaced or not, each as its flag says. */
static void
test_mixed (void)
{
  g_autoptr (GRand) rand = g_rand_new_with_seed (8);
  GstHarness *h = harness_new ("", "UYVY", 64, 50, ",interlace-mode=mixed");
  g_autoptr (GstCaps) caps = gst_pad_get_current_caps (h->srcpad);
  GstVideoInfo in_info, out_info;

  g_assert_true (gst_video_info_from_caps (&in_info, caps));
  for (guint i = 0; i < 4; i++) {
    GstBuffer *in = noise (rand, &in_info), *out;

    if (i & 1)
      GST_BUFFER_FLAG_SET (in, GST_VIDEO_BUFFER_FLAG_INTERLACED);
    out = gst_harness_push_and_pull (h, gst_buffer_ref (in));
    g_assert_cmpint (!!GST_BUFFER_FLAG_IS_SET (out,
            GST_VIDEO_BUFFER_FLAG_INTERLACED), ==, i & 1);
    output_info (h, &out_info);
    assert_converted (in, &in_info, out, &out_info, LOCKSTEP_YUY2_UYVY);
    gst_buffer_unref (in);
    gst_buffer_unref (out);
  }
  gst_harness_teardown (h);
}

static void
test_caps_pass_through (void)
{
  GstHarness *h = harness_new ("", "YUY2", 64, 32,
      ",pixel-aspect-ratio=4/3,colorimetry=bt2100-pq,chroma-site=mpeg2,"
      "interlace-mode=progressive,multiview-mode=mono,"
      "mastering-display-info=(string)\"34000:16000:13250:34500:7500:3000:15635:16450:"
      "10000000:1\",content-light-level=(string)\"1000:400\"");
  g_autoptr (GstCaps) in = gst_pad_get_current_caps (h->srcpad), out = NULL;
  g_autoptr (GstCaps) expected = gst_caps_copy (in);

  gst_harness_push (h, gst_buffer_new_allocate (NULL, 64 * 32 * 2, NULL));
  out = gst_pad_get_current_caps (h->sinkpad);
  gst_caps_set_simple (expected, "format", G_TYPE_STRING, "NV12", NULL);
  g_assert_true (gst_caps_is_equal (out, expected));
  gst_harness_teardown (h);
}

static void
test_metas_and_times_pass_through (void)
{
  GstHarness *h = harness_new ("", "YUY2", 64, 32, "");
  g_autoptr (GstCaps) ntp = gst_caps_new_empty_simple ("timestamp/x-ntp");
  GstBuffer *in = gst_buffer_new_allocate (NULL, 64 * 32 * 2, NULL), *out;
  GstVideoTimeCodeMeta *code;
  GstReferenceTimestampMeta *reference;
  GstVideoCropMeta *crop;

  GST_BUFFER_PTS (in) = 7 * GST_SECOND;
  GST_BUFFER_DURATION (in) = 33 * GST_MSECOND;
  GST_BUFFER_FLAG_SET (in, GST_BUFFER_FLAG_DISCONT | GST_BUFFER_FLAG_MARKER);
  gst_buffer_add_reference_timestamp_meta (in, ntp, 1234, 5);
  gst_buffer_add_video_time_code_meta_full (in, 30, 1, NULL,
      GST_VIDEO_TIME_CODE_FLAGS_NONE, 1, 2, 3, 4, 0);
  gst_buffer_add_video_region_of_interest_meta (in, "face", 1, 2, 3, 4);
  gst_buffer_add_video_caption_meta (in, GST_VIDEO_CAPTION_TYPE_CEA708_RAW,
      (const guint8 *) "abc", 3);
  crop = gst_buffer_add_video_crop_meta (in);
  crop->width = 60;
  crop->height = 30;
  out = gst_harness_push_and_pull (h, in);
  g_assert_cmpuint (GST_BUFFER_PTS (out), ==, 7 * GST_SECOND);
  g_assert_cmpuint (GST_BUFFER_DURATION (out), ==, 33 * GST_MSECOND);
  g_assert_true (GST_BUFFER_FLAG_IS_SET (out, GST_BUFFER_FLAG_DISCONT));
  g_assert_true (GST_BUFFER_FLAG_IS_SET (out, GST_BUFFER_FLAG_MARKER));
  reference = gst_buffer_get_reference_timestamp_meta (out, ntp);
  g_assert_nonnull (reference);
  g_assert_cmpuint (reference->timestamp, ==, 1234);
  code = gst_buffer_get_video_time_code_meta (out);
  g_assert_nonnull (code);
  g_assert_cmpuint (code->tc.frames, ==, 4);
  g_assert_nonnull (gst_buffer_get_video_region_of_interest_meta_id (out, 0));
  g_assert_nonnull (gst_buffer_get_video_caption_meta (out));
  g_assert_nonnull (gst_buffer_get_video_crop_meta (out));
  gst_buffer_unref (out);
  gst_harness_teardown (h);
}

static void
test_nv12_passes (void)
{
  GstHarness *h = harness_new ("", "NV12", 64, 32, "");
  GstBuffer *in = gst_buffer_new_allocate (NULL, 64 * 32 * 3 / 2, NULL), *out;
  g_autofree gchar *reason = NULL;
  gint path;

  out = gst_harness_push_and_pull (h, in);
  g_assert_true (out == in);
  gst_harness_get (h, "yuy2convert", "path", &path, "path-reason", &reason,
      NULL);
  g_assert_cmpint (path, ==, 3);
  gst_buffer_unref (out);
  gst_harness_teardown (h);
}

static GstBufferPool *offered;

/* An element downstream that proposes a pool with rows far apart. */
static GstPadProbeReturn
offer_pool (GstPad * pad, GstPadProbeInfo * info, gpointer user_data)
{
  GstQuery *query = GST_PAD_PROBE_INFO_QUERY (info);
  GstVideoAlignment align;
  GstStructure *config;
  GstCaps *caps;

  if (GST_QUERY_TYPE (query) != GST_QUERY_ALLOCATION)
    return GST_PAD_PROBE_OK;
  gst_query_parse_allocation (query, &caps, NULL);
  gst_clear_object (&offered);
  offered = gst_video_buffer_pool_new ();
  config = gst_buffer_pool_get_config (offered);
  gst_video_alignment_reset (&align);
  align.padding_left = 16;
  align.padding_top = 3;
  align.padding_right = 100;
  gst_buffer_pool_config_set_params (config, caps, 60 * 34 * 3 / 2, 2, 4);
  gst_buffer_pool_config_add_option (config, GST_BUFFER_POOL_OPTION_VIDEO_META);
  gst_buffer_pool_config_add_option (config,
      GST_BUFFER_POOL_OPTION_VIDEO_ALIGNMENT);
  gst_buffer_pool_config_set_video_alignment (config, &align);
  g_assert_true (gst_buffer_pool_set_config (offered, config));
  gst_query_add_allocation_pool (query, offered, 60 * 34 * 3 / 2, 2, 4);
  gst_query_add_allocation_meta (query, GST_VIDEO_META_API_TYPE, NULL);
  return GST_PAD_PROBE_HANDLED;
}

/* Nothing is copied: the output is a buffer of downstream's pool, and laid out as that
 * one says. */
static void
test_into_downstreams_pool (void)
{
  GstHarness *h = gst_harness_new_parse ("yuy2convert");
  g_autoptr (GRand) rand = g_rand_new_with_seed (9);
  g_autoptr (GstCaps) caps = NULL;
  GstVideoInfo in_info, out_info;
  GstBuffer *in, *out;

  gst_pad_add_probe (h->sinkpad, GST_PAD_PROBE_TYPE_QUERY_DOWNSTREAM |
      GST_PAD_PROBE_TYPE_PUSH, offer_pool, NULL, NULL);
  gst_harness_set_src_caps_str (h, "video/x-raw,format=YUY2,width=60,height=34,"
      "framerate=30/1");
  caps = gst_pad_get_current_caps (h->srcpad);
  g_assert_true (gst_video_info_from_caps (&in_info, caps));
  in = noise (rand, &in_info);
  out = gst_harness_push_and_pull (h, gst_buffer_ref (in));
  g_assert_nonnull (offered);
  g_assert_true (out->pool == offered);
  g_assert_cmpint (gst_buffer_get_video_meta (out)->stride[0], >, 160);
  output_info (h, &out_info);
  assert_converted (in, &in_info, out, &out_info, LOCKSTEP_YUY2_YUY2);
  gst_buffer_unref (in);
  gst_buffer_unref (out);
  gst_harness_teardown (h);
  gst_clear_object (&offered);
}

/* A machine without a driver: no abort, no error, and the reason in words. */
static void
test_without_a_driver (void)
{
  static const struct
  {
    const gchar *device;
    guint warnings;
  } cases[] = { {"auto", 0}, {"cuda", 1}, {"cpu", 0} };

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++) {
    GstElement *element = gst_element_factory_make ("yuy2convert", NULL);
    GstBus *bus = gst_bus_new ();
    g_autofree gchar *reason = NULL;
    GstMessage *message;
    guint warnings = 0;
    gint path;

    gst_util_set_object_arg (G_OBJECT (element), "device", cases[i].device);
    gst_element_set_bus (element, bus);
    g_object_get (element, "path", &path, NULL);
    g_assert_cmpint (path, ==, 0);
    g_assert_cmpint (gst_element_set_state (element, GST_STATE_READY), ==,
        GST_STATE_CHANGE_SUCCESS);
    g_object_get (element, "path", &path, "path-reason", &reason, NULL);
    g_assert_cmpint (path, ==, 1);
    g_assert_cmpstr (reason, ==, i == 2 ? "device=cpu" :
        "no NVIDIA driver (libcuda.so.1 is not installed)");
    while ((message = gst_bus_pop_filtered (bus, GST_MESSAGE_WARNING |
                GST_MESSAGE_ERROR))) {
      g_autoptr (GError) error = NULL;

      g_assert_cmpint (GST_MESSAGE_TYPE (message), ==, GST_MESSAGE_WARNING);
      gst_message_parse_warning (message, &error, NULL);
      g_assert_nonnull (strstr (error->message, "no NVIDIA driver"));
      gst_message_unref (message);
      warnings++;
    }
    g_assert_cmpuint (warnings, ==, cases[i].warnings);
    gst_element_set_state (element, GST_STATE_NULL);
    gst_element_set_bus (element, NULL);
    gst_object_unref (bus);
    gst_object_unref (element);
  }
}

/* Downstream that would rather have CUDA memory gets what there is. */
static void
test_no_cuda_caps_without_a_driver (void)
{
  GstHarness *h = gst_harness_new_parse ("yuy2convert");
  GstVideoInfo info;

  gst_harness_set_sink_caps_str (h, "video/x-raw(memory:CUDAMemory),"
      "format=NV12;video/x-raw,format=NV12");
  gst_harness_set_src_caps_str (h, "video/x-raw,format=YUY2,width=64,height=32,"
      "framerate=30/1");
  g_assert_cmpint (gst_harness_push (h, gst_buffer_new_allocate (NULL, 4096,
              NULL)), ==, GST_FLOW_OK);
  output_info (h, &info);
  gst_harness_teardown (h);
}

/* A frame that is too short is an error that names both sizes. */
static void
test_short_frames (void)
{
  GstHarness *h = harness_new ("", "YUY2", 64, 32, "");
  GstBus *bus = gst_bus_new ();
  g_autoptr (GError) error = NULL;
  g_autofree gchar *debug = NULL;
  GstMessage *message;

  gst_element_set_bus (h->element, bus);
  g_assert_cmpint (gst_harness_push (h, gst_buffer_new_allocate (NULL, 100,
              NULL)), ==, GST_FLOW_ERROR);
  message = gst_bus_pop_filtered (bus, GST_MESSAGE_ERROR);
  g_assert_nonnull (message);
  gst_message_parse_error (message, &error, &debug);
  g_assert_nonnull (strstr (debug, "100 bytes"));
  g_assert_nonnull (strstr (debug, "4096 bytes"));
  gst_message_unref (message);
  gst_element_set_bus (h->element, NULL);
  gst_object_unref (bus);
  gst_harness_teardown (h);
}

int
main (int argc, char **argv)
{
  gst_init (&argc, &argv);
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/yuy2convert/random-frames", test_random_frames);
  g_test_add_func ("/yuy2convert/2x2-and-8k", test_2x2_and_8k);
  g_test_add_func ("/yuy2convert/mixed", test_mixed);
  g_test_add_func ("/yuy2convert/caps-pass-through", test_caps_pass_through);
  g_test_add_func ("/yuy2convert/metas-and-times-pass-through",
      test_metas_and_times_pass_through);
  g_test_add_func ("/yuy2convert/nv12-passes", test_nv12_passes);
  g_test_add_func ("/yuy2convert/into-downstreams-pool",
      test_into_downstreams_pool);
  g_test_add_func ("/yuy2convert/short-frames", test_short_frames);
  /* a machine with a card runs yuy2convertcuda in their place */
  if (!g_file_test ("/dev/nvidiactl", G_FILE_TEST_EXISTS)) {
    g_test_add_func ("/yuy2convert/without-a-driver", test_without_a_driver);
    g_test_add_func ("/yuy2convert/no-cuda-caps-without-a-driver",
        test_no_cuda_caps_without_a_driver);
  }
  return g_test_run ();
}
