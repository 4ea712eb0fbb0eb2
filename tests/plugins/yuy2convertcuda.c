/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* yuy2convert's way over the card, with a stand-in for the driver (tests/fakecuda): caps,
 * uploads, frames in flight, the shared context, and every way in which a card or a driver
 * lets it down. */
#include "fakecuda.h"
#include "yuy2convert.h"

#include <gmodule.h>
#include <sched.h>
#include <string.h>

#define CUDA "video/x-raw(memory:CUDAMemory),format=NV12"
#define BOTH CUDA ";video/x-raw,format=NV12"
#define PATH_CPU 1
#define PATH_CUDA 2
#define FRAMES 6

static FakeCuda *fake;
static void (*reset) (void);
static void (*set_hold) (int hold);

typedef struct
{
  GstHarness *h;
  GstBus *bus;
  GstVideoInfo in_info;
  GRand *rand;
  GstBuffer *in[64];            /* what was pushed */
  guint n;
} Fixture;

static void
fixture_init (Fixture * f, const gchar * properties, const gchar * sink_caps,
    const gchar * format, guint width, guint height, const gchar * more)
{
  g_autofree gchar *line = g_strdup_printf ("yuy2convert %s", properties);
  /* @format may begin with the memory, in brackets */
  const gchar *name = strchr (format, ')') ? strchr (format, ')') + 1 : format;
  g_autofree gchar *caps = g_strdup_printf ("video/x-raw%.*s,format=%s,"
      "width=%u,height=%u,framerate=30/1%s", (int) (name - format), format,
      name, width, height, more);
  g_autoptr (GstCaps) c = gst_caps_from_string (caps);

  memset (f, 0, sizeof *f);
  g_assert_true (gst_video_info_from_caps (&f->in_info, c));
  f->rand = g_rand_new_with_seed (11);
  f->bus = gst_bus_new ();
  f->h = gst_harness_new_parse (line);
  gst_element_set_bus (f->h->element, f->bus);
  gst_harness_set_sink_caps_str (f->h, sink_caps);
  gst_harness_set_src_caps_str (f->h, caps);
}

/* All that the driver gave is given back, and was used as it may be. */
static void
assert_nothing_left (void)
{
  g_assert_cmpint (fake->device_live, ==, 0);
  g_assert_cmpint (fake->host_live, ==, 0);
  g_assert_cmpint (fake->registered_live, ==, 0);
  g_assert_cmpint (fake->streams_live, ==, 0);
  g_assert_cmpint (fake->events_live, ==, 0);
  g_assert_cmpint (fake->modules_live, ==, 0);
  g_assert_cmpint (fake->contexts_live, ==, 0);
  g_assert_cmpint (fake->bad_calls, ==, 0);
  g_assert_cmpint (fake->pageable_copies, ==, 0);
}

static void
fixture_clear (Fixture * f)
{
  for (guint i = 0; i < f->n; i++)
    gst_buffer_unref (f->in[i]);
  gst_element_set_bus (f->h->element, NULL);
  gst_object_unref (f->bus);
  gst_harness_teardown (f->h);
  g_rand_free (f->rand);
  assert_nothing_left ();
  reset ();
}

static void
randomize (GRand * rand, GstBuffer * buffer)
{
  GstMapInfo map;

  g_assert_true (gst_buffer_map (buffer, &map, GST_MAP_WRITE));
  for (gsize i = 0; i < map.size; i++)
    map.data[i] = (guint8) g_rand_int (rand);
  gst_buffer_unmap (buffer, &map);
}

static GstFlowReturn
push (Fixture * f, GstBuffer * buffer)
{
  GST_BUFFER_PTS (buffer) = f->n * GST_SECOND / 30;
  f->in[f->n++] = gst_buffer_ref (buffer);
  return gst_harness_push (f->h, buffer);
}

/* A buffer of the pool that the element proposes. */
static GstBuffer *
pool_buffer (Fixture * f)
{
  GstBuffer *buffer = gst_harness_create_buffer (f->h, f->in_info.size);

  randomize (f->rand, buffer);
  return buffer;
}

/* Pulls output @i and compares it. */
static void
check_output (Fixture * f, guint i)
{
  GstBuffer *out = gst_harness_pull (f->h);
  LockstepYuy2Order order = LOCKSTEP_YUY2_YUY2;
  GstVideoInfo out_info;

  g_assert_nonnull (out);
  g_assert_cmpuint (GST_BUFFER_PTS (out), ==, i * GST_SECOND / 30);
  while (strcmp (formats[order], gst_video_format_to_string
          (GST_VIDEO_INFO_FORMAT (&f->in_info))))
    order++;
  output_info (f->h, &out_info);
  assert_converted (f->in[i], &f->in_info, out, &out_info, order);
  gst_buffer_unref (out);
}

static guint64
stat_of (Fixture * f, const gchar * name)
{
  GstElement *element = gst_harness_find_element (f->h, "yuy2convert");
  g_autoptr (GstStructure) stats = NULL;
  const GValue *value;
  guint64 n;

  g_object_get (element, "stats", &stats, NULL);
  value = gst_structure_get_value (stats, name);
  n = G_VALUE_HOLDS_UINT (value) ? g_value_get_uint (value) :
      g_value_get_uint64 (value);
  gst_object_unref (element);
  return n;
}

static void
assert_path (Fixture * f, gint expected, const gchar * reason)
{
  g_autofree gchar *got = NULL;
  gint path;

  gst_harness_get (f->h, "yuy2convert", "path", &path, "path-reason", &got,
      NULL);
  g_assert_cmpint (path, ==, expected);
  if (!strstr (got, reason))
    g_error ("the reason \"%s\" does not speak of \"%s\"", got, reason);
}

/* There is one message of @type, which speaks of @text, and no other error. */
static void
assert_message (Fixture * f, GstMessageType type, const gchar * text)
{
  GstMessage *message;
  guint n = 0;

  while ((message = gst_bus_pop (f->bus))) {
    g_autoptr (GError) error = NULL;
    g_autofree gchar *debug = NULL;

    if (GST_MESSAGE_TYPE (message) == GST_MESSAGE_ERROR)
      gst_message_parse_error (message, &error, &debug);
    else if (GST_MESSAGE_TYPE (message) == GST_MESSAGE_WARNING)
      gst_message_parse_warning (message, &error, &debug);
    if (error && GST_MESSAGE_TYPE (message) == type) {
      n++;
      if (!strstr (error->message, text) && !strstr (debug, text))
        g_error ("\"%s\" (%s) does not speak of \"%s\"", error->message,
            debug, text);
    } else if (error && GST_MESSAGE_TYPE (message) == GST_MESSAGE_ERROR) {
      g_error ("an error: %s (%s)", error->message, debug);
    }
    gst_message_unref (message);
  }
  g_assert_cmpuint (n, ==, 1);
}

static void
assert_output_on_card (Fixture * f, gboolean on_card)
{
  g_autoptr (GstCaps) caps = gst_pad_get_current_caps (f->h->sinkpad);

  g_assert_cmpint (gst_caps_features_contains (gst_caps_get_features (caps, 0),
          "memory:CUDAMemory"), ==, on_card);
}

/* Where all goes well */

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
  buffer = noise (f.rand, &f.in_info);
  for (guint i = 0; i < 4; i++) {
    GstBuffer *again = gst_buffer_new ();

    gst_buffer_append_memory (again, gst_memory_ref (gst_buffer_peek_memory
            (buffer, 0)));
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
  Fixture f;

  fixture_init (&f, "", "video/x-raw,format=NV12", "YUY2", 64, 32, "");
  g_assert_cmpint (push (&f, pool_buffer (&f)), ==, GST_FLOW_OK);
  check_output (&f, 0);
  assert_output_on_card (&f, FALSE);
  assert_path (&f, PATH_CPU, "downstream takes no CUDA memory");
  fixture_clear (&f);
}

/* So does a sink that has both and puts the other first, but not this element. */
static void
test_cuda_is_preferred (void)
{
  Fixture f;

  fixture_init (&f, "", "video/x-raw,format=NV12;" CUDA, "YUY2", 64, 32, "");
  g_assert_cmpint (push (&f, pool_buffer (&f)), ==, GST_FLOW_OK);
  check_output (&f, 0);
  assert_output_on_card (&f, TRUE);
  fixture_clear (&f);

  fixture_init (&f, "device=cpu", BOTH, "YUY2", 64, 32, "");
  g_assert_cmpint (push (&f, pool_buffer (&f)), ==, GST_FLOW_OK);
  check_output (&f, 0);
  assert_output_on_card (&f, FALSE);
  fixture_clear (&f);
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

static void check_fallback (Fixture * f, guint frames);

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

/* Where it goes wrong */

/* What a card that fails leaves behind goes over the processor: no frame is lost, none
 * twice, in order, with the same bytes. */
static void
check_fallback (Fixture * f, guint frames)
{
  while (f->n < frames)
    g_assert_cmpint (push (f, pool_buffer (f)), ==, GST_FLOW_OK);
  gst_harness_push_event (f->h, gst_event_new_eos ());
  g_assert_cmpuint (gst_harness_buffers_in_queue (f->h), ==, frames);
  assert_output_on_card (f, FALSE);
  g_assert_cmpuint (stat_of (f, "fallbacks"), ==, 1);
  g_assert_cmpuint (stat_of (f, "cpu") + stat_of (f, "cuda"), ==, frames);
}

static void
check_system_outputs (Fixture * f, guint from, guint to)
{
  for (guint i = from; i < to; i++)
    check_output (f, i);
}

static void
test_device_loss (void)
{
  for (gint left = 0; left < FRAMES; left++) {
    Fixture f;

    fake->kernels_left = left;
    fixture_init (&f, "", BOTH, "YUY2", 66, 33, "");
    check_fallback (&f, FRAMES);
    g_assert_cmpuint (stat_of (&f, "cuda"), ==, left);
    /* those of the lost card's memory cannot be looked at */
    for (gint i = 0; i < left; i++)
      gst_buffer_unref (gst_harness_pull (f.h));
    check_system_outputs (&f, (guint) left, FRAMES);
    assert_path (&f, PATH_CPU, "unspecified launch failure");
    assert_message (&f, GST_MESSAGE_WARNING, "CUDA_ERROR_LAUNCH_FAILED");
    fixture_clear (&f);
  }
}

/* On one processor the next pictures are begun, and refused, before anybody hears of the one
 * that failed: the cause is told, not the consequence. */
static void
test_device_loss_on_one_processor (void)
{
  cpu_set_t all, one;
  int processor = 0;

  g_assert_cmpint (sched_getaffinity (0, sizeof all, &all), ==, 0);
  while (!CPU_ISSET (processor, &all))
    processor++;
  CPU_ZERO (&one);
  CPU_SET (processor, &one);
  g_assert_cmpint (sched_setaffinity (0, sizeof one, &one), ==, 0);
  test_device_loss ();
  g_assert_cmpint (sched_setaffinity (0, sizeof all, &all), ==, 0);
}

static void
test_loss_and_nowhere_to_go (void)
{
  GstFlowReturn flow = GST_FLOW_OK;
  Fixture f;

  fake->kernels_left = 1;
  fixture_init (&f, "", CUDA, "YUY2", 64, 32, "");
  for (guint i = 0; i < FRAMES && flow == GST_FLOW_OK; i++)
    flow = push (&f, pool_buffer (&f));
  gst_harness_push_event (f.h, gst_event_new_eos ());
  assert_message (&f, GST_MESSAGE_ERROR, "takes nothing but CUDA memory");
  fixture_clear (&f);
}

/* At each allocation in turn: the pool's trial, frames, the upload's target. */
static void
test_no_memory_on_the_card (void)
{
  for (gint left = 0; left < 6; left++) {
    Fixture f;

    fake->device_allocations_left = left;
    fixture_init (&f, "", BOTH, "YUY2", 66, 34, "");
    check_fallback (&f, FRAMES);
    for (guint i = 0; i < FRAMES; i++)
      check_output (&f, i);
    assert_message (&f, GST_MESSAGE_WARNING, "no memory on the card");
    fixture_clear (&f);
  }
}

/* Without pinned memory the pool gives ordinary memory, and what the element itself needs
 * of it is missing: the processor goes on. */
static void
test_no_pinned_memory (void)
{
  Fixture f;

  fake->no_host_memory = 1;
  fixture_init (&f, "", BOTH, "YUY2", 66, 34, "");
  check_fallback (&f, 3);
  check_system_outputs (&f, 0, 3);
  assert_message (&f, GST_MESSAGE_WARNING, "no pinned memory");
  fixture_clear (&f);
}

static void
test_kernel_refused (void)
{
  Fixture f;

  fake->refuse_module = 1;
  fixture_init (&f, "", BOTH, "YUY2", 66, 34, "");
  g_assert_cmpint (push (&f, pool_buffer (&f)), ==, GST_FLOW_OK);
  check_output (&f, 0);
  assert_output_on_card (&f, FALSE);
  assert_path (&f, PATH_CPU, "CUDA_ERROR_UNSUPPORTED_PTX_VERSION");
  fixture_clear (&f);
}

/* The next start tries the card again. */
static void
test_the_card_comes_back (void)
{
  Fixture f;

  fake->kernels_left = 1;
  fixture_init (&f, "", BOTH, "YUY2", 64, 32, "");
  check_fallback (&f, 3);
  while (gst_harness_buffers_in_queue (f.h))
    gst_buffer_unref (gst_harness_pull (f.h));
  for (guint i = 0; i < f.n; i++)
    gst_buffer_unref (f.in[i]);
  f.n = 0;
  gst_element_set_state (f.h->element, GST_STATE_NULL);
  reset ();
  gst_element_set_state (f.h->element, GST_STATE_PLAYING);
  assert_path (&f, PATH_CUDA, "Stand-in");
  fixture_clear (&f);
}

/* What is found out once in a process needs one of its own. */
static void
without (const gchar * name, const gchar * value, const gchar * reason)
{
  if (g_test_subprocess ()) {
    Fixture f;

    g_setenv (name, value, TRUE);
    fixture_init (&f, "", BOTH, "YUY2", 66, 34, "");
    g_assert_cmpint (push (&f, pool_buffer (&f)), ==, GST_FLOW_OK);
    check_output (&f, 0);
    assert_path (&f, PATH_CPU, reason);
    fixture_clear (&f);
    return;
  }
  g_test_trap_subprocess (NULL, 0, 0);
  g_test_trap_assert_passed ();
}

static void
test_old_driver (void)
{
  without ("FAKE_CUDA_VERSION", "8000",
      "too old: it has CUDA 8.0, 9.0 is needed");
}

static void
test_no_device (void)
{
  without ("FAKE_CUDA_NO_DEVICE", "1", "no device can be used");
}

int
main (int argc, char **argv)
{
  GModule *driver;

  gst_init (&argc, &argv);
  g_test_init (&argc, &argv, NULL);
  driver = g_module_open ("libcuda.so.1", G_MODULE_BIND_LAZY);
  if (!driver || !g_module_symbol (driver, "fake_cuda", (gpointer *) & fake) ||
      !g_module_symbol (driver, "fake_cuda_reset", (gpointer *) & reset) ||
      !g_module_symbol (driver, "fake_cuda_set_hold",
          (gpointer *) & set_hold)) {
    g_printerr ("LD_LIBRARY_PATH must begin with the folder of the stand-in "
        "for libcuda.so.1\n");
    return 1;
  }
  g_test_add_func ("/cuda/pinned-pool", test_pinned_pool);
  g_test_add_func ("/cuda/foreign-memory", test_foreign_memory);
  g_test_add_func ("/cuda/registered-memory", test_registered_memory);
  g_test_add_func ("/cuda/memory-on-the-card", test_memory_on_the_card);
  g_test_add_func ("/cuda/system-memory-downstream",
      test_system_memory_downstream);
  g_test_add_func ("/cuda/preferred", test_cuda_is_preferred);
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
  g_test_add_func ("/cuda/device-loss", test_device_loss);
  g_test_add_func ("/cuda/device-loss-on-one-processor",
      test_device_loss_on_one_processor);
  g_test_add_func ("/cuda/loss-and-nowhere-to-go", test_loss_and_nowhere_to_go);
  g_test_add_func ("/cuda/no-memory-on-the-card", test_no_memory_on_the_card);
  g_test_add_func ("/cuda/no-pinned-memory", test_no_pinned_memory);
  g_test_add_func ("/cuda/kernel-refused", test_kernel_refused);
  g_test_add_func ("/cuda/no-device", test_no_device);
  g_test_add_func ("/cuda/the-card-comes-back", test_the_card_comes_back);
  g_test_add_func ("/cuda/old-driver", test_old_driver);
  return g_test_run ();
}
