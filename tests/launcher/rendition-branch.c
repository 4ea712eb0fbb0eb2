/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A rendition's branch ends and begins again, in the order asked for, and lets nothing
 * through behind its end. */
#include "rendition-branch.h"

/* {{{ a sink with two pads, as hlsalignsink has */

#define TYPE_TWO_PADS (two_pads_get_type ())
G_DECLARE_FINAL_TYPE (TwoPads, two_pads, TWO, PADS, GstBin);

struct _TwoPads
{
  GstBin parent;
  gint buffers, ends;           /* atomic */
};

G_DEFINE_FINAL_TYPE (TwoPads, two_pads, GST_TYPE_BIN);

static void
set_property (GObject * object, guint id, const GValue * value,
    GParamSpec * spec)
{
  g_assert_false (g_value_get_boolean (value));
}

static void
two_pads_class_init (TwoPadsClass * klass)
{
  G_OBJECT_CLASS (klass)->set_property = set_property;
  g_object_class_install_property (G_OBJECT_CLASS (klass), 1,
      g_param_spec_boolean ("async", "", "", TRUE, G_PARAM_WRITABLE));
}

static GstPadProbeReturn
count (GstPad * pad, GstPadProbeInfo * info, gpointer user_data)
{
  TwoPads *self = user_data;

  if (info->type & GST_PAD_PROBE_TYPE_BUFFER)
    g_atomic_int_inc (&self->buffers);
  else if (GST_EVENT_TYPE (GST_PAD_PROBE_INFO_EVENT (info)) == GST_EVENT_EOS)
    g_atomic_int_inc (&self->ends);
  return GST_PAD_PROBE_OK;
}

static void
two_pads_init (TwoPads * self)
{
  for (guint i = 0; i < 2; i++) {
    GstElement *sink = gst_element_factory_make ("fakesink", NULL);
    g_autoptr (GstPad) pad = gst_element_get_static_pad (sink, "sink");

    g_object_set (sink, "sync", FALSE, "async", FALSE, NULL);
    gst_bin_add (GST_BIN (self), sink);
    gst_pad_add_probe (pad, GST_PAD_PROBE_TYPE_BUFFER
        | GST_PAD_PROBE_TYPE_EVENT_DOWNSTREAM, count, self, NULL);
    gst_element_add_pad (GST_ELEMENT (self), gst_ghost_pad_new (i == 0
            ? "picture" : "sound", pad));
  }
}

/* {{{ the pipeline before it */

typedef struct
{
  GstElement *pipeline;
  TwoPads *sink;
  GstElement *valves[2];
  GstPad *inputs[2];            /* before the valves; nothing else streams */
  RenditionBranch *branch;
} Fixture;

static void
set_up (Fixture * f)
{
  static const char *const kinds[] = { "picture", "sound" };

  f->pipeline = gst_pipeline_new (NULL);
  f->sink = g_object_new (TYPE_TWO_PADS, NULL);
  gst_bin_add (GST_BIN (f->pipeline), GST_ELEMENT (f->sink));
  for (guint i = 0; i < 2; i++) {
    GstElement *identity = gst_element_factory_make ("identity", NULL);
    g_autofree char *name = g_strdup_printf ("%s-valve-0", kinds[i]);

    f->valves[i] = gst_element_factory_make ("valve", name);
    gst_bin_add_many (GST_BIN (f->pipeline), f->valves[i], identity, NULL);
    g_assert_true (gst_element_link (f->valves[i], identity));
    g_assert_true (gst_element_link_pads (identity, "src",
            GST_ELEMENT (f->sink), kinds[i]));
    f->inputs[i] = gst_element_get_static_pad (f->valves[i], "sink");
  }
  g_assert_cmpint (gst_element_set_state (f->pipeline, GST_STATE_PLAYING), ==,
      GST_STATE_CHANGE_SUCCESS);
  for (guint i = 0; i < 2; i++) {
    GstSegment segment;

    gst_segment_init (&segment, GST_FORMAT_TIME);
    gst_pad_send_event (f->inputs[i], gst_event_new_stream_start (kinds[i]));
    gst_pad_send_event (f->inputs[i], gst_event_new_segment (&segment));
  }
  f->branch = rendition_branch_new (f->pipeline, 0, GST_ELEMENT (f->sink));
  g_assert_true (rendition_branch_is_plain (f->branch));
}

static void
tear_down (Fixture * f)
{
  gst_element_set_state (f->pipeline, GST_STATE_NULL);
  for (guint i = 0; i < 2; i++)
    gst_object_unref (f->inputs[i]);
  gst_object_unref (f->pipeline);
}

/* A picture, then sound. Returns: how many of them came through */
static int
feed (Fixture * f)
{
  int before = g_atomic_int_get (&f->sink->buffers);

  for (guint i = 0; i < 2; i++)
    g_assert_cmpint (gst_pad_chain (f->inputs[i], gst_buffer_new ()), ==,
        GST_FLOW_OK);
  return g_atomic_int_get (&f->sink->buffers) - before;
}

static gboolean
is_closed (Fixture * f, guint i)
{
  gboolean closed;

  g_object_get (f->valves[i], "drop", &closed, NULL);
  return closed;
}

static void
until_ended (Fixture * f, int ends)
{
  while (g_atomic_int_get (&f->sink->ends) < ends)
    g_usleep (1000);
}

/* {{{ tests */

static void
test_order (void)
{
  Fixture f;

  set_up (&f);
  g_assert_cmpint (feed (&f), ==, 2);
  rendition_branch_end (f.branch);
  until_ended (&f, 2);
  g_assert_cmpint (feed (&f), ==, 0);
  /* dropped before its first picture, however soon: each has its end */
  for (int i = 1; i <= 20; i++) {
    rendition_branch_begin_again (f.branch);
    rendition_branch_end (f.branch);
    until_ended (&f, 2 + 2 * i);
    g_assert_true (rendition_branch_has_begun (f.branch));
    if (i % 2 == 0)
      g_assert_cmpint (feed (&f), ==, 0);
    g_assert_true (is_closed (&f, 0));
    g_assert_true (is_closed (&f, 1));
  }
  g_assert_false (rendition_branch_has_begun (f.branch));
  /* and with the next picture it is there again, with its sound */
  rendition_branch_begin_again (f.branch);
  while (feed (&f) == 0)
    g_usleep (1000);
  g_assert_false (is_closed (&f, 0));
  g_assert_cmpint (feed (&f), ==, 2);
  tear_down (&f);
}

int
main (int argc, char **argv)
{
  gst_init (&argc, &argv);
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/rendition-branch/order", test_order);
  return g_test_run ();
}
