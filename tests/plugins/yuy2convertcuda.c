/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* yuy2convert's way over the card, where all goes well: caps, uploads, frames in flight, latency,
 * the shared context. */
#include "yuy2convertcuda.h"

static void
test_pinned_pool (void)
{
  for (guint k = 0; k < 8; k++) {
    Fixture f;

    fixture_init (&f, "", BOTH, formats[k / 2], 322, 51 + k, k & 1 ?
        ",interlace-mode=interleaved" : "");
    for (guint i = 0; i < FRAMES; i++)
      g_assert_cmpint (push (&f, pool_buffer (&f)), ==, GST_FLOW_OK);
    for (guint i = 0; i < FRAMES; i++)
      check_output (&f, i);
    assert_output_on_card (&f, TRUE);
    assert_path (&f, PATH_CUDA, "Stand-in, driver of CUDA 12.4");
    gst_harness_push_event (f.h, gst_event_new_eos ());
    g_assert_cmpuint (stat_of (&f, "uploads-pinned"), ==, FRAMES);
    g_assert_cmpuint (stat_of (&f, "cuda"), ==, FRAMES);
    g_assert_cmpint (fake->kernels, ==, FRAMES);
    fixture_clear (&f);
  }
}

/* Memory of upstream's own, seen once: it is converted into pinned memory. */
static void
test_foreign_memory (void)
{
  g_autoptr (GRand) rand = g_rand_new_with_seed (12);

  for (guint k = 0; k < 40; k++) {
    gboolean interlaced = k & 4;
    guint width = (guint) g_rand_int_range (rand, 1, 300);
    guint height = (guint) g_rand_int_range (rand, 2, 70);
    Fixture f;

    fixture_init (&f, "", BOTH, formats[k % 4], width, height,
        interlaced ? ",interlace-mode=interleaved" : "");
    f.in_info.offset[0] = (gsize) g_rand_int_range (rand, 0, 60);
    f.in_info.stride[0] += g_rand_int_range (rand, 0, 60);
    f.in_info.size = f.in_info.offset[0]
        + (gsize) f.in_info.stride[0] * height;
    for (guint i = 0; i < 3; i++)
      g_assert_cmpint (push (&f, noise (rand, &f.in_info)), ==, GST_FLOW_OK);
    for (guint i = 0; i < 3; i++)
      check_output (&f, i);
    g_assert_cmpuint (stat_of (&f, "uploads-prepared"), ==, 3);
    g_assert_cmpint (fake->kernels, ==, 0);
    fixture_clear (&f);
  }
}

/* Memory that comes again is registered, if the driver does that. */
static void
registered (gboolean works)
{
  Fixture f;
  GstBuffer *buffer;

  fake->refuse_register = !works;
  fixture_init (&f, "", BOTH, "UYVY", 640, 360, "");
  /* a picture that begins later, and rows further apart */
  f.in_info.offset[0] = 40;
  f.in_info.stride[0] += 24;
  f.in_info.size = f.in_info.offset[0] + (gsize) f.in_info.stride[0] * 360;
  buffer = noise (f.rand, &f.in_info);
  for (guint i = 0; i < 4; i++) {
    GstBuffer *again = gst_buffer_new ();

    gst_buffer_append_memory (again, gst_memory_ref (gst_buffer_peek_memory
            (buffer, 0)));
    gst_buffer_add_video_meta_full (again, GST_VIDEO_FRAME_FLAG_NONE,
        GST_VIDEO_FORMAT_UYVY, 640, 360, 1, f.in_info.offset, f.in_info.stride);
    g_assert_cmpint (push (&f, again), ==, GST_FLOW_OK);
    check_output (&f, i);
  }
  gst_buffer_unref (buffer);
  g_assert_cmpint (fake->registrations, ==, works ? 1 : 0);
  g_assert_cmpuint (stat_of (&f, "uploads-registered"), ==, works ? 3 : 0);
  g_assert_cmpuint (stat_of (&f, "uploads-prepared"), ==, works ? 1 : 4);
  fixture_clear (&f);
}

static void
test_registered_memory (void)
{
  registered (TRUE);
  registered (FALSE);
}

/* A frame that is on the card already is not uploaded. Its pool comes of the ALLOCATION
 * query for CUDA caps. */
static void
test_memory_on_the_card (void)
{
  Fixture f;

  fixture_init (&f, "", BOTH, "(memory:CUDAMemory)YUY2", 322, 50, "");
  /* rows are 644 bytes of the 1024 that the card's are apart */
  for (guint i = 0; i < 3; i++) {
    GstBuffer *buffer = gst_harness_create_buffer (f.h, 1024 * 50);

    g_assert_true (gst_memory_is_type (gst_buffer_peek_memory (buffer, 0),
            "gst.cuda.memory"));
    randomize (f.rand, buffer);
    g_assert_cmpint (push (&f, buffer), ==, GST_FLOW_OK);
    check_output (&f, i);
  }
  g_assert_cmpuint (stat_of (&f, "on-device"), ==, 3);
  g_assert_cmpint (fake->kernels, ==, 3);
  fixture_clear (&f);
}

/* Downstream that takes no CUDA memory gets the processor's. */
static void
test_system_memory_downstream (void)
{
  check_one ("", "video/x-raw,format=NV12", PATH_CPU,
      "downstream takes no CUDA memory");
}

/* So does a sink that has both and puts the other first, but not this element. */
static void
test_cuda_is_preferred (void)
{
  check_one ("", "video/x-raw,format=NV12;" CUDA, PATH_CUDA, "Stand-in");
  check_one ("device=cpu", BOTH, PATH_CPU, "device");
}

/* Caps, times and metas go over the card with the picture. */
static void
test_caps_and_metas (void)
{
  g_autoptr (GstCaps) ntp = gst_caps_new_empty_simple ("timestamp/x-ntp");
  g_autoptr (GstCaps) in = NULL, out = NULL, expected = NULL;
  GstBuffer *buffer;
  Fixture f;

  fixture_init (&f, "", BOTH, "YUY2", 64, 32, ",pixel-aspect-ratio=4/3,"
      "colorimetry=bt2100-pq,chroma-site=mpeg2,"
      "mastering-display-info=(string)\"34000:16000:13250:34500:7500:3000:"
      "15635:16450:10000000:1\",content-light-level=(string)\"1000:400\"");
  buffer = pool_buffer (&f);
  GST_BUFFER_DURATION (buffer) = 33 * GST_MSECOND;
  GST_BUFFER_FLAG_SET (buffer, GST_BUFFER_FLAG_MARKER);
  gst_buffer_add_reference_timestamp_meta (buffer, ntp, 1234, 5);
  gst_buffer_add_video_time_code_meta_full (buffer, 30, 1, NULL,
      GST_VIDEO_TIME_CODE_FLAGS_NONE, 1, 2, 3, 4, 0);
  g_assert_cmpint (push (&f, buffer), ==, GST_FLOW_OK);
  buffer = gst_harness_pull (f.h);
  g_assert_cmpuint (GST_BUFFER_PTS (buffer), ==, 0);
  g_assert_cmpuint (GST_BUFFER_DURATION (buffer), ==, 33 * GST_MSECOND);
  g_assert_true (GST_BUFFER_FLAG_IS_SET (buffer, GST_BUFFER_FLAG_MARKER));
  g_assert_cmpuint (gst_buffer_get_reference_timestamp_meta (buffer,
          ntp)->timestamp, ==, 1234);
  g_assert_cmpuint (gst_buffer_get_video_time_code_meta (buffer)->tc.frames,
      ==, 4);
  gst_buffer_unref (buffer);
  in = gst_pad_get_current_caps (f.h->srcpad);
  out = gst_pad_get_current_caps (f.h->sinkpad);
  expected = gst_caps_copy (in);
  gst_caps_set_simple (expected, "format", G_TYPE_STRING, "NV12", NULL);
  gst_caps_set_features (expected, 0,
      gst_caps_features_new ("memory:CUDAMemory", NULL));
  g_assert_true (gst_caps_is_equal (out, expected));
  fixture_clear (&f);
}

/* NV12 that is on the card passes, and so does NV12 that is not. */
static void
test_nv12_passes (void)
{
  static const gchar *const kinds[] = { "(memory:CUDAMemory)NV12", "NV12" };

  for (guint i = 0; i < G_N_ELEMENTS (kinds); i++) {
    GstBuffer *in = gst_buffer_new_allocate (NULL, 64 * 48, NULL), *out;
    Fixture f;

    fixture_init (&f, "", BOTH, kinds[i], 64, 32, "");
    g_assert_cmpint (push (&f, in), ==, GST_FLOW_OK);
    out = gst_harness_pull (f.h);
    g_assert_true (out == in);
    gst_buffer_unref (out);
    assert_output_on_card (&f, i == 0);
    g_assert_cmpuint (stat_of (&f, "passthrough"), ==, 1);
    fixture_clear (&f);
  }
}

/* A source that knows nothing of all this fills the pinned pool. */
static void
test_videotestsrc_fills_the_pool (void)
{
  g_autoptr (GError) error = NULL;
  GstElement *pipeline = gst_parse_launch ("videotestsrc num-buffers=5 ! "
      "video/x-raw,format=UYVY,width=320,height=240 ! yuy2convert name=c ! "
      CUDA " ! fakesink", &error);
  GstElement *c = gst_bin_get_by_name (GST_BIN (pipeline), "c");
  GstBus *bus = gst_element_get_bus (pipeline);
  g_autoptr (GstStructure) stats = NULL;
  GstMessage *message;
  gint64 until;
  guint64 pinned;

  g_assert_no_error (error);
  gst_element_set_state (pipeline, GST_STATE_PLAYING);
  message = gst_bus_timed_pop_filtered (bus, GST_CLOCK_TIME_NONE,
      GST_MESSAGE_EOS | GST_MESSAGE_ERROR);
  g_assert_cmpint (GST_MESSAGE_TYPE (message), ==, GST_MESSAGE_EOS);
  gst_message_unref (message);
  g_object_get (c, "stats", &stats, NULL);
  g_assert_true (gst_structure_get_uint64 (stats, "uploads-pinned", &pinned));
  g_assert_cmpuint (pinned, ==, 5);
  gst_element_set_state (pipeline, GST_STATE_NULL);
  gst_object_unref (bus);
  gst_object_unref (c);
  gst_object_unref (pipeline);
  /* the thread in which the bin went on to PLAYING may hold it a moment longer */
  until = g_get_monotonic_time () + 10 * G_TIME_SPAN_SECOND;
  while (*(volatile int *) &fake->contexts_live
      && g_get_monotonic_time () < until)
    g_usleep (1000);
  assert_nothing_left ();
  reset ();
}

/* In flight */

/* The streaming thread does not wait for the card: two frames are pushed while it works
 * on the first. */
static void
test_two_in_flight (void)
{
  Fixture f;

  fixture_init (&f, "frames-in-flight=2", BOTH, "YUY2", 64, 32, "");
  set_hold (1);
  g_assert_cmpint (push (&f, pool_buffer (&f)), ==, GST_FLOW_OK);
  g_assert_cmpint (push (&f, pool_buffer (&f)), ==, GST_FLOW_OK);
  g_assert_cmpint (fake->launches, ==, 2);
  g_assert_cmpint (fake->kernels, ==, 0);
  g_assert_cmpuint (gst_harness_buffers_in_queue (f.h), ==, 0);
  set_hold (0);
  check_output (&f, 0);
  check_output (&f, 1);
  g_assert_cmpuint (stat_of (&f, "max-in-flight"), ==, 2);
  fixture_clear (&f);
}

static gpointer
push_thread (gpointer data)
{
  return GINT_TO_POINTER (push (data, pool_buffer (data)));
}

/* A third one waits until the first is done. */
static void
test_no_more_than_allowed (void)
{
  GThread *thread;
  Fixture f;

  fixture_init (&f, "frames-in-flight=2", BOTH, "YUY2", 64, 32, "");
  set_hold (1);
  g_assert_cmpint (push (&f, pool_buffer (&f)), ==, GST_FLOW_OK);
  g_assert_cmpint (push (&f, pool_buffer (&f)), ==, GST_FLOW_OK);
  thread = g_thread_new ("push", push_thread, &f);
  while (g_atomic_int_get (&fake->waiting) == 0)
    g_thread_yield ();
  g_assert_cmpint (fake->launches, ==, 2);
  set_hold (0);
  g_assert_cmpint (GPOINTER_TO_INT (g_thread_join (thread)), ==, GST_FLOW_OK);
  for (guint i = 0; i < 3; i++)
    check_output (&f, i);
  g_assert_cmpuint (stat_of (&f, "max-in-flight"), ==, 2);
  fixture_clear (&f);
}

static gpointer
release_thread (gpointer data)
{
  while (g_atomic_int_get (&fake->waiting) == 0)
    g_thread_yield ();
  set_hold (0);
  return NULL;
}

/* EOS does not overtake frames. */
static void
test_events_keep_their_place (void)
{
  GThread *thread;
  GstEvent *event;
  Fixture f;

  fixture_init (&f, "", BOTH, "YUY2", 64, 32, "");
  set_hold (1);
  g_assert_cmpint (push (&f, pool_buffer (&f)), ==, GST_FLOW_OK);
  g_assert_cmpint (push (&f, pool_buffer (&f)), ==, GST_FLOW_OK);
  while ((event = gst_harness_try_pull_event (f.h)))
    gst_event_unref (event);
  thread = g_thread_new ("release", release_thread, NULL);
  gst_harness_push_event (f.h, gst_event_new_eos ());
  g_thread_join (thread);
  g_assert_cmpuint (gst_harness_buffers_in_queue (f.h), ==, 2);
  event = gst_harness_pull_event (f.h);
  g_assert_cmpint (GST_EVENT_TYPE (event), ==, GST_EVENT_EOS);
  gst_event_unref (event);
  check_output (&f, 0);
  check_output (&f, 1);
  fixture_clear (&f);
}

static gpointer
flush_thread (gpointer data)
{
  gst_harness_push_event (((Fixture *) data)->h, gst_event_new_flush_start ());
  return NULL;
}

static gpointer
stop_thread (gpointer data)
{
  gst_element_set_state (((Fixture *) data)->h->element, GST_STATE_NULL);
  return NULL;
}

/* Two frames are on the card and the first is waited for; then @func. The card is let go
 * once the source pad is flushing. */
static void
interrupt (Fixture * f, GThreadFunc func)
{
  GstElement *element = gst_harness_find_element (f->h, "yuy2convert");
  GstPad *pad = gst_element_get_static_pad (element, "src");
  GThread *thread;

  set_hold (1);
  g_assert_cmpint (push (f, pool_buffer (f)), ==, GST_FLOW_OK);
  g_assert_cmpint (push (f, pool_buffer (f)), ==, GST_FLOW_OK);
  while (g_atomic_int_get (&fake->waiting) == 0)
    g_thread_yield ();
  thread = g_thread_new ("interrupt", func, f);
  while (!GST_PAD_IS_FLUSHING (pad))
    g_thread_yield ();
  set_hold (0);
  g_thread_join (thread);
  gst_object_unref (pad);
  gst_object_unref (element);
}

static void
test_flush (void)
{
  GstSegment segment;
  Fixture f;

  fixture_init (&f, "", BOTH, "YUY2", 64, 32, "");
  interrupt (&f, flush_thread);
  gst_harness_push_event (f.h, gst_event_new_flush_stop (TRUE));
  gst_segment_init (&segment, GST_FORMAT_TIME);
  gst_harness_push_event (f.h, gst_event_new_segment (&segment));
  /* neither of the two comes out later */
  g_assert_cmpuint (gst_harness_buffers_in_queue (f.h), ==, 0);
  g_assert_cmpint (push (&f, pool_buffer (&f)), ==, GST_FLOW_OK);
  check_output (&f, 2);
  fixture_clear (&f);
}

/* Stopping with frames on the card leaves nothing behind. */
static void
test_stop_under_way (void)
{
  Fixture f;

  fixture_init (&f, "", BOTH, "YUY2", 64, 32, "");
  interrupt (&f, stop_thread);
  fixture_clear (&f);
}

/* What left the element, in its order: b for a buffer, c for caps, e for EOS. */
static GstPadProbeReturn
note (GstPad * pad, GstPadProbeInfo * info, gpointer user_data)
{
  GString *order = user_data;

  if (info->type & GST_PAD_PROBE_TYPE_BUFFER)
    g_string_append_c (order, 'b');
  else if (GST_EVENT_TYPE (GST_PAD_PROBE_INFO_EVENT (info)) == GST_EVENT_CAPS)
    g_string_append_c (order, 'c');
  else if (GST_EVENT_TYPE (GST_PAD_PROBE_INFO_EVENT (info)) == GST_EVENT_EOS)
    g_string_append_c (order, 'e');
  return GST_PAD_PROBE_OK;
}

/* Two frames are on the card when caps change, or a DRAIN query or EOS comes: they go out before
 * it, and what comes after it after them. So it is when the card is lost just then: what it
 * had is converted anew, into system memory. */
static void
under_way (gint kernels_left, const gchar * what, const gchar * expected)
{
  GThread *thread;
  GstQuery *query;
  GString *order = g_string_new (NULL);
  GstVideoInfo infos[2];
  LockstepYuy2Order orders[] = { LOCKSTEP_YUY2_YUY2, LOCKSTEP_YUY2_UYVY };
  gboolean caps_change = g_str_equal (what, "caps");
  Fixture f;

  fake->kernels_left = kernels_left;
  fixture_init (&f, "", BOTH, "YUY2", 64, 32, "");
  infos[0] = f.in_info;
  gst_pad_add_probe (f.h->sinkpad, GST_PAD_PROBE_TYPE_BUFFER |
      GST_PAD_PROBE_TYPE_EVENT_DOWNSTREAM, note, order, NULL);
  set_hold (1);
  g_assert_cmpint (push (&f, pool_buffer (&f)), ==, GST_FLOW_OK);
  g_assert_cmpint (push (&f, pool_buffer (&f)), ==, GST_FLOW_OK);
  thread = g_thread_new ("release", release_thread, NULL);
  if (caps_change) {
    gst_harness_set_src_caps_str (f.h, "video/x-raw,format=UYVY,width=128,"
        "height=66,framerate=30/1");
    gst_video_info_set_format (&f.in_info, GST_VIDEO_FORMAT_UYVY, 128, 66);
    g_assert_cmpint (push (&f, noise (f.rand, &f.in_info)), ==, GST_FLOW_OK);
  } else if (g_str_equal (what, "drain")) {
    query = gst_query_new_drain ();
    gst_pad_peer_query (f.h->srcpad, query);
    gst_query_unref (query);
    g_assert_cmpuint (gst_harness_buffers_in_queue (f.h), ==, 2);
  }
  gst_harness_push_event (f.h, gst_event_new_eos ());
  g_thread_join (thread);
  g_assert_cmpstr (order->str, ==, expected);
  infos[1] = f.in_info;
  for (guint i = 0; i < f.n; i++) {
    GstBuffer *out = gst_harness_pull (f.h);

    g_assert_cmpuint (GST_BUFFER_PTS (out), ==, i * GST_SECOND / 30);
    /* of a lost card's memory nothing can be read */
    if (kernels_left < 0 || (gint) i >= kernels_left) {
      guint k = i / 2;
      GstVideoInfo out_info;

      gst_video_info_set_interlaced_format (&out_info, GST_VIDEO_FORMAT_NV12,
          GST_VIDEO_INTERLACE_MODE_PROGRESSIVE, (guint) infos[k].width,
          (guint) infos[k].height);
      assert_converted (f.in[i], &infos[k], out, &out_info, orders[k]);
    }
    gst_buffer_unref (out);
  }
  g_string_free (order, TRUE);
  fixture_clear (&f);
}

static void
test_caps_under_way (void)
{
  under_way (-1, "caps", "bbcbe");
  under_way (0, "caps", "cbbcbe");
  under_way (1, "caps", "bcbcbe");
}

static void
test_drain_under_way (void)
{
  under_way (-1, "drain", "bbe");
  under_way (0, "drain", "cbbe");
  under_way (1, "drain", "bcbe");
}

static void
test_eos_under_way (void)
{
  under_way (-1, "eos", "bbe");
  under_way (0, "eos", "cbbe");
  under_way (1, "eos", "bcbe");
}

/* Latency */

/* Latency messages since the last call. */
static guint
latency_messages (Fixture * f)
{
  GstMessage *message;
  guint n = 0;

  while ((message = gst_bus_pop_filtered (f->bus, GST_MESSAGE_LATENCY))) {
    gst_message_unref (message);
    n++;
  }
  return n;
}

static void
assert_latency (Fixture * f, GstClockTime expected, guint messages)
{
  g_assert_cmpuint (gst_harness_query_latency (f->h), ==,
      5 * GST_MSECOND + expected);
  g_assert_cmpuint (latency_messages (f), ==, messages);
}

/* As many frames as may be under way, on the card only, and said when it changes. */
static void
test_latency (void)
{
  GstHarness *h;
  GstQuery *query = gst_query_new_latency ();
  GstClockTime min, max;
  gboolean live;
  Fixture f;

  fixture_init (&f, "frames-in-flight=3", BOTH, "YUY2", 64, 32, "");
  h = f.h;
  gst_harness_set_upstream_latency (h, 5 * GST_MSECOND);
  g_assert_cmpint (push (&f, pool_buffer (&f)), ==, GST_FLOW_OK);
  assert_latency (&f, 100 * GST_MSECOND, 1);
  /* what may be held is more by the same */
  g_assert_true (gst_pad_peer_query (h->sinkpad, query));
  gst_query_parse_latency (query, &live, &min, &max);
  g_assert_cmpuint (min, ==, 105 * GST_MSECOND);
  g_assert_true (max == GST_CLOCK_TIME_NONE || max >= min);
  gst_query_unref (query);
  /* another rate; then one that is not known */
  gst_harness_set_src_caps_str (h, "video/x-raw,format=YUY2,width=64,height=32,"
      "framerate=60/1");
  g_assert_cmpint (push (&f, pool_buffer (&f)), ==, GST_FLOW_OK);
  assert_latency (&f, 50 * GST_MSECOND, 1);
  gst_harness_set_src_caps_str (h, "video/x-raw,format=YUY2,width=64,height=32,"
      "framerate=0/1");
  g_assert_cmpint (push (&f, pool_buffer (&f)), ==, GST_FLOW_OK);
  assert_latency (&f, 120 * GST_MSECOND, 1);
  /* the same again is nothing new */
  gst_harness_set_src_caps_str (h, "video/x-raw,format=YUY2,width=64,height=32,"
      "framerate=25/1,pixel-aspect-ratio=2/1");
  g_assert_cmpint (push (&f, pool_buffer (&f)), ==, GST_FLOW_OK);
  assert_latency (&f, 120 * GST_MSECOND, 0);
  /* NV12 is not held */
  gst_harness_set_src_caps_str (h, "video/x-raw,format=NV12,width=64,height=32,"
      "framerate=25/1");
  gst_harness_push (h, gst_buffer_new_allocate (NULL, 64 * 48, NULL));
  assert_latency (&f, 0, 1);
  fixture_clear (&f);

  /* nor anything on the processor */
  fixture_init (&f, "", "video/x-raw,format=NV12", "YUY2", 64, 32, "");
  gst_harness_set_upstream_latency (f.h, 5 * GST_MSECOND);
  g_assert_cmpint (push (&f, pool_buffer (&f)), ==, GST_FLOW_OK);
  assert_latency (&f, 0, 0);
  fixture_clear (&f);

  /* and it goes with the card */
  fake->kernels_left = 1;
  fixture_init (&f, "", BOTH, "YUY2", 64, 32, "");
  gst_harness_set_upstream_latency (f.h, 5 * GST_MSECOND);
  g_assert_cmpint (push (&f, pool_buffer (&f)), ==, GST_FLOW_OK);
  g_assert_cmpuint (latency_messages (&f), ==, 1);
  check_fallback (&f, 3);
  assert_latency (&f, 0, 1);
  fixture_clear (&f);
}

static void
test_new_caps (void)
{
  Fixture f;

  fixture_init (&f, "", BOTH, "YUY2", 64, 32, "");
  for (guint i = 0; i < 3; i++)
    g_assert_cmpint (push (&f, pool_buffer (&f)), ==, GST_FLOW_OK);
  for (guint i = 0; i < 3; i++)
    check_output (&f, i);
  gst_harness_set_src_caps_str (f.h, "video/x-raw,format=UYVY,width=128,"
      "height=66,framerate=30/1");
  gst_video_info_set_format (&f.in_info, GST_VIDEO_FORMAT_UYVY, 128, 66);
  for (guint i = 3; i < 6; i++) {
    g_assert_cmpint (push (&f, pool_buffer (&f)), ==, GST_FLOW_OK);
    check_output (&f, i);
  }
  fixture_clear (&f);
}

/* The context */

/* Neighbours get the context by query, and one that is given is used. */
static void
test_shared_context (void)
{
  GstQuery *query = gst_query_new_context ("gst.cuda.context");
  GstContext *context;
  GstBuffer *outs[2];
  Fixture f, g;

  fixture_init (&f, "", BOTH, "YUY2", 64, 32, "");
  g_assert_true (gst_pad_peer_query (f.h->sinkpad, query));
  gst_query_parse_context (query, &context);
  g_assert_nonnull (context);

  fixture_init (&g, "", BOTH, "YUY2", 64, 32, "");
  gst_element_set_state (g.h->element, GST_STATE_NULL);
  gst_element_set_context (g.h->element, context);
  gst_element_set_state (g.h->element, GST_STATE_PLAYING);
  gst_harness_set_src_caps_str (g.h, "video/x-raw,format=YUY2,width=64,"
      "height=32,framerate=30/1");
  g_assert_cmpint (push (&f, pool_buffer (&f)), ==, GST_FLOW_OK);
  g_assert_cmpint (push (&g, pool_buffer (&g)), ==, GST_FLOW_OK);
  outs[0] = gst_harness_pull (f.h);
  outs[1] = gst_harness_pull (g.h);
  for (guint i = 0; i < 2; i++)
    g_assert_true (gst_memory_is_type (gst_buffer_peek_memory (outs[i], 0),
            "gst.cuda.memory"));
  /* the context follows GstMemory in GstCudaMemory */
  g_assert_true (*(gpointer *) (gst_buffer_peek_memory (outs[0], 0) + 1) ==
      *(gpointer *) (gst_buffer_peek_memory (outs[1], 0) + 1));
  g_assert_cmpint (fake->contexts_live, ==, 1);
  for (guint i = 0; i < 2; i++)
    gst_buffer_unref (outs[i]);
  gst_query_unref (query);
  for (guint i = 0; i < g.n; i++)
    gst_buffer_unref (g.in[i]);
  gst_element_set_bus (g.h->element, NULL);
  gst_object_unref (g.bus);
  gst_harness_teardown (g.h);
  g_rand_free (g.rand);
  fixture_clear (&f);
}

int
main (int argc, char **argv)
{
  gst_init (&argc, &argv);
  g_test_init (&argc, &argv, NULL);
  if (!open_stand_in ())
    return 1;
  g_test_add_func ("/cuda/pinned-pool", test_pinned_pool);
  g_test_add_func ("/cuda/foreign-memory", test_foreign_memory);
  g_test_add_func ("/cuda/registered-memory", test_registered_memory);
  g_test_add_func ("/cuda/memory-on-the-card", test_memory_on_the_card);
  g_test_add_func ("/cuda/system-memory-downstream",
      test_system_memory_downstream);
  g_test_add_func ("/cuda/preferred", test_cuda_is_preferred);
  g_test_add_func ("/cuda/caps-and-metas", test_caps_and_metas);
  g_test_add_func ("/cuda/nv12-passes", test_nv12_passes);
  g_test_add_func ("/cuda/videotestsrc-fills-the-pool",
      test_videotestsrc_fills_the_pool);
  g_test_add_func ("/cuda/two-in-flight", test_two_in_flight);
  g_test_add_func ("/cuda/no-more-than-allowed", test_no_more_than_allowed);
  g_test_add_func ("/cuda/events-keep-their-place",
      test_events_keep_their_place);
  g_test_add_func ("/cuda/flush", test_flush);
  g_test_add_func ("/cuda/stop-under-way", test_stop_under_way);
  g_test_add_func ("/cuda/new-caps", test_new_caps);
  g_test_add_func ("/cuda/caps-under-way", test_caps_under_way);
  g_test_add_func ("/cuda/drain-under-way", test_drain_under_way);
  g_test_add_func ("/cuda/eos-under-way", test_eos_under_way);
  g_test_add_func ("/cuda/latency", test_latency);
  g_test_add_func ("/cuda/shared-context", test_shared_context);
  return g_test_run ();
}
