/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A file may have sound alone, or a picture alone: what was to take the other kind would
 * wait for it, and the pipeline never end. Once a demuxer has said that no more pads come,
 * those who were linked to none are at their end. */
#include "open-ends.h"

/* Ends what follows @element where nothing feeds it, and nothing can any more. */
static void
end_if_open (GstElement * element)
{
  g_autoptr (GstPad) pad = gst_element_get_static_pad (element, "sink");

  if (pad == NULL || gst_pad_is_linked (pad))
    return;
  GST_INFO_OBJECT (element, "nothing comes here");
  gst_pad_send_event (pad, gst_event_new_eos ());
}

static void
no_more_pads (GstElement * demuxer, gpointer user_data)
{
  g_autoptr (GstObject) pipeline = gst_object_get_parent (GST_OBJECT (demuxer));
  g_autoptr (GList) elements = NULL;

  if (pipeline == NULL || !GST_IS_BIN (pipeline))
    return;
  GST_OBJECT_LOCK (pipeline);
  elements = g_list_copy (GST_BIN (pipeline)->children);
  for (GList * l = elements; l != NULL; l = l->next)
    gst_object_ref (l->data);
  GST_OBJECT_UNLOCK (pipeline);
  for (GList * l = elements; l != NULL; l = l->next) {
    end_if_open (l->data);
    gst_object_unref (l->data);
  }
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

void
open_ends_watch (GstElement * pipeline)
{
  g_autoptr (GstIterator) elements =
      gst_bin_iterate_elements (GST_BIN (pipeline));
  g_auto (GValue) item = G_VALUE_INIT;
  GstElement *only = NULL;
  guint n = 0;

  while (gst_iterator_next (elements, &item) == GST_ITERATOR_OK) {
    GstElement *element = g_value_get_object (&item);

    if (finds_streams (element)) {
      only = element;
      n++;
    }
    g_value_reset (&item);
  }
  /* with several, another one may be what is waited for */
  if (n == 1)
    g_signal_connect (only, "no-more-pads", G_CALLBACK (no_more_pads), NULL);
}
