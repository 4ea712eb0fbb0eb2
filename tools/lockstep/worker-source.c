/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A pipeline's own source: whether it ends by itself, and how far it is. */
#include "worker-source.h"

#include <string.h>
#include <sysexits.h>

struct _WorkerSource
{
  GstElement *pipeline;
  gint reads_file;              /* atomic: elements are added from threads too */
  gint ended;                   /* atomic: when, in s of the monotonic clock; 0: it goes on */
  gint64 duration;              /* ns, 0: not known */
};

static GstPadProbeReturn
event_left (GstPad * pad, GstPadProbeInfo * info, gpointer user_data)
{
  WorkerSource *source = user_data;

  if (GST_EVENT_TYPE (GST_PAD_PROBE_INFO_EVENT (info)) == GST_EVENT_EOS)
    g_atomic_int_set (&source->ended,
        MAX (g_get_monotonic_time () / G_USEC_PER_SEC, 1));
  return GST_PAD_PROBE_OK;
}

static void
look_at (WorkerSource * source, GstElement * element)
{
  const char *klass = gst_element_get_metadata (element,
      GST_ELEMENT_METADATA_KLASS);

  if (klass != NULL && g_str_has_prefix (klass, "Source/File"))
    g_atomic_int_set (&source->reads_file, TRUE);
  if (GST_OBJECT_FLAG_IS_SET (element, GST_ELEMENT_FLAG_SOURCE)
      && !GST_IS_BIN (element)) {
    g_autoptr (GstPad) pad = gst_element_get_static_pad (element, "src");

    if (pad != NULL)
      gst_pad_add_probe (pad, GST_PAD_PROBE_TYPE_EVENT_DOWNSTREAM, event_left,
          source, NULL);
  }
}

static void
element_added (GstBin * bin, GstBin * sub_bin, GstElement * element,
    gpointer user_data)
{
  look_at (user_data, element);
}

WorkerSource *
worker_source_new (GstElement * pipeline)
{
  WorkerSource *source = g_new0 (WorkerSource, 1);
  g_autoptr (GstIterator) elements =
      gst_bin_iterate_recurse (GST_BIN (pipeline));
  GValue item = G_VALUE_INIT;

  source->pipeline = pipeline;
  g_signal_connect (pipeline, "deep-element-added",
      G_CALLBACK (element_added), source);
  while (gst_iterator_next (elements, &item) == GST_ITERATOR_OK) {
    look_at (source, g_value_get_object (&item));
    g_value_reset (&item);
  }
  g_value_unset (&item);
  return source;
}

static void
query_duration (WorkerSource * source)
{
  gint64 duration;

  if (source->duration == 0
      && gst_element_query_duration (source->pipeline, GST_FORMAT_TIME,
          &duration) && duration > 0)
    source->duration = duration;
}

gboolean
worker_source_is_finite (WorkerSource * source)
{
  query_duration (source);
  return source->duration > 0 || g_atomic_int_get (&source->reads_file);
}

gboolean
worker_source_ended (WorkerSource * source, gint seconds)
{
  gint ended = g_atomic_int_get (&source->ended);

  return ended != 0
      && g_get_monotonic_time () / G_USEC_PER_SEC - ended > seconds;
}

void
worker_source_add_progress (WorkerSource * source, JsonObject * stats)
{
  gint64 position;

  query_duration (source);
  if (source->duration == 0)
    return;
  json_object_set_int_member (stats, "duration_ns", source->duration);
  if (gst_element_query_position (source->pipeline, GST_FORMAT_TIME, &position))
    json_object_set_int_member (stats, "position_ns", position);
}

int
worker_source_exit_code (const GError * error)
{
  if (error->domain == GST_RESOURCE_ERROR)
    return EX_NOINPUT;
  return error->domain == GST_STREAM_ERROR ? EX_DATAERR : EX_SOFTWARE;
}

void
worker_source_end (WorkerSource * source)
{
  gst_element_send_event (source->pipeline, gst_event_new_eos ());
}
