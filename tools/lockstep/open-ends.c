/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A source may have sound alone, or a picture alone: what was to take the other kind would
 * wait for it, and the pipeline never end, or not even start. Once each demuxer has said
 * that no more pads come, those who were linked to none are at their end. */
#include "open-ends.h"

/* A demuxer's that said that no more pads come. */
#define SAID "lockstep-no-more-pads"

/* Whether nothing feeds @element of @pipeline, and nothing can any more. */
static gboolean
is_open (GstObject * pipeline, GstElement * element)
{
  g_autoptr (GstPad) pad = gst_element_get_static_pad (element, "sink");

  return pad != NULL && !gst_pad_is_linked (pad)
      && GST_OBJECT_PARENT (element) == pipeline;
}

/* The element that @element's output goes to, or NULL. */
static GstElement *
follower (GstElement * element)
{
  g_autoptr (GstPad) pad = gst_element_get_static_pad (element, "src");
  g_autoptr (GstPad) peer = pad != NULL ? gst_pad_get_peer (pad) : NULL;

  return peer != NULL ? gst_pad_get_parent_element (peer) : NULL;
}

/* Appends @element and what follows it, up to a decodebin: it has no output yet, and waits
 * for data to know which. FALSE: there is none. */
static gboolean
add_undecided (GstElement * element, GPtrArray * elements)
{
  g_autoptr (GstElement) next = follower (element);

  g_ptr_array_add (elements, gst_object_ref (element));
  if (next != NULL)
    return add_undecided (next, elements);
  return GST_IS_BIN (element) && !GST_OBJECT_FLAG_IS_SET (element,
      GST_ELEMENT_FLAG_SINK);
}

/* Takes out of @pipeline what would wait for good: a decodebin is prerolled by data alone,
 * and at an end without any it fails. */
static void
take_out (GstObject * pipeline, GstElement * element)
{
  g_autoptr (GPtrArray) elements =
      g_ptr_array_new_with_free_func (gst_object_unref);

  if (!is_open (pipeline, element) || !add_undecided (element, elements))
    return;
  for (guint i = 0; i < elements->len; i++) {
    GstElement *unused = g_ptr_array_index (elements, i);

    GST_INFO_OBJECT (unused, "nothing comes here: taken out");
    /* gst_parse_launch goes on trying to link it, and holds no reference */
    g_object_set_data_full (G_OBJECT (pipeline), GST_OBJECT_NAME (unused),
        gst_object_ref (unused), gst_object_unref);
    gst_element_set_locked_state (unused, TRUE);
    gst_element_set_state (unused, GST_STATE_NULL);
    gst_bin_remove (GST_BIN (pipeline), unused);
  }
}

static void
end_if_open (GstObject * pipeline, GstElement * element)
{
  g_autoptr (GstPad) pad = NULL;

  if (!is_open (pipeline, element))
    return;
  GST_INFO_OBJECT (element, "nothing comes here");
  pad = gst_element_get_static_pad (element, "sink");
  gst_pad_send_event (pad, gst_event_new_eos ());
}

/* A demuxer, or what has one in it. */
static gboolean
finds_streams (GstElement * element)
{
  GstElementFactory *factory = gst_element_get_factory (element);
  const GList *l = factory != NULL && gst_element_factory_list_is_type (factory,
      GST_ELEMENT_FACTORY_TYPE_DEMUXER | GST_ELEMENT_FACTORY_TYPE_DECODER)
      ? gst_element_factory_get_static_pad_templates (factory) : NULL;

  for (; l != NULL; l = l->next) {
    const GstStaticPadTemplate *template = l->data;

    if (template->direction == GST_PAD_SRC
        && template->presence == GST_PAD_SOMETIMES)
      return TRUE;
  }
  return FALSE;
}

/* Whether what comes to @element comes from a source, or a demuxer's pad. */
static gboolean
is_fed (GstElement * element)
{
  g_autoptr (GstPad) pad = gst_element_get_static_pad (element, "sink");
  g_autoptr (GstPad) peer = pad != NULL ? gst_pad_get_peer (pad) : NULL;
  g_autoptr (GstElement) before =
      peer != NULL ? gst_pad_get_parent_element (peer) : NULL;

  return before != NULL ? is_fed (before) : pad == NULL;
}

static void
no_more_pads (GstElement * demuxer, gpointer user_data)
{
  g_autoptr (GstObject) pipeline = gst_object_get_parent (GST_OBJECT (demuxer));
  GList *elements;
  gboolean all = TRUE;

  if (pipeline == NULL || !GST_IS_BIN (pipeline))
    return;
  GST_OBJECT_LOCK (pipeline);
  g_object_set_data (G_OBJECT (demuxer), SAID, GINT_TO_POINTER (TRUE));
  elements = g_list_copy (GST_BIN (pipeline)->children);
  for (GList * l = elements; l != NULL; l = l->next) {
    gst_object_ref (l->data);
    /* another one may be what is waited for, unless it gets nothing itself */
    if (finds_streams (l->data)
        && g_object_get_data (l->data, SAID) == NULL && is_fed (l->data))
      all = FALSE;
  }
  GST_OBJECT_UNLOCK (pipeline);
  /* An end waits in the sink for the pipeline to play, which what is taken out hinders */
  for (GList * l = elements; all && l != NULL; l = l->next)
    take_out (pipeline, l->data);
  for (GList * l = elements; all && l != NULL; l = l->next)
    end_if_open (pipeline, l->data);
  g_list_free_full (elements, gst_object_unref);
}

void
open_ends_watch (GstElement * pipeline)
{
  g_autoptr (GstIterator) elements =
      gst_bin_iterate_elements (GST_BIN (pipeline));
  g_auto (GValue) item = G_VALUE_INIT;

  while (gst_iterator_next (elements, &item) == GST_ITERATOR_OK) {
    GstElement *element = g_value_get_object (&item);

    if (finds_streams (element))
      g_signal_connect (element, "no-more-pads", G_CALLBACK (no_more_pads),
          NULL);
    g_value_reset (&item);
  }
}
