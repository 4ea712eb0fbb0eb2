/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the tests of yuy2convert's way over the card share: the stand-in for the driver
 * (tests/fakecuda), an element between two pads, and checks of what comes out. */
#pragma once

#include "fakecuda.h"
#include "yuy2convert.h"

#include <gmodule.h>
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

static inline void
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
static inline void
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

static inline void
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

static inline void
randomize (GRand * rand, GstBuffer * buffer)
{
  GstMapInfo map;

  g_assert_true (gst_buffer_map (buffer, &map, GST_MAP_WRITE));
  for (gsize i = 0; i < map.size; i++)
    map.data[i] = (guint8) g_rand_int (rand);
  gst_buffer_unmap (buffer, &map);
}

static inline GstFlowReturn
push (Fixture * f, GstBuffer * buffer)
{
  GST_BUFFER_PTS (buffer) = f->n * GST_SECOND / 30;
  f->in[f->n++] = gst_buffer_ref (buffer);
  return gst_harness_push (f->h, buffer);
}

/* A buffer of the pool that the element proposes. */
static inline GstBuffer *
pool_buffer (Fixture * f)
{
  GstBuffer *buffer = gst_harness_create_buffer (f->h, f->in_info.size);

  randomize (f->rand, buffer);
  return buffer;
}

/* Pulls output @i and compares it. */
static inline void
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

static inline guint64
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

static inline void
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
static inline void
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

static inline void
assert_output_on_card (Fixture * f, gboolean on_card)
{
  g_autoptr (GstCaps) caps = gst_pad_get_current_caps (f->h->sinkpad);

  g_assert_cmpint (gst_caps_features_contains (gst_caps_get_features (caps, 0),
          "memory:CUDAMemory"), ==, on_card);
}

/* What a card that fails leaves behind goes over the processor: no frame is lost, none
 * twice, in order, with the same bytes. */
static inline void
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

/* One picture is converted, over @path as its reason says. */
static inline void
check_one (const gchar * properties, const gchar * sink_caps, guint path,
    const gchar * reason)
{
  Fixture f;

  fixture_init (&f, properties, sink_caps, "YUY2", 66, 34, "");
  g_assert_cmpint (push (&f, pool_buffer (&f)), ==, GST_FLOW_OK);
  check_output (&f, 0);
  assert_output_on_card (&f, path == PATH_CUDA);
  assert_path (&f, path, reason);
  fixture_clear (&f);
}

static inline void
check_system_outputs (Fixture * f, guint from, guint to)
{
  for (guint i = from; i < to; i++)
    check_output (f, i);
}

/* Whether the stand-in is what the element will find. */
static inline gboolean
open_stand_in (void)
{
  GModule *driver = g_module_open ("libcuda.so.1", G_MODULE_BIND_LAZY);

  if (driver && g_module_symbol (driver, "fake_cuda", (gpointer *) & fake) &&
      g_module_symbol (driver, "fake_cuda_reset", (gpointer *) & reset) &&
      g_module_symbol (driver, "fake_cuda_set_hold", (gpointer *) & set_hold))
    return TRUE;
  g_printerr ("LD_LIBRARY_PATH must begin with the folder of the stand-in "
      "for libcuda.so.1\n");
  return FALSE;
}
