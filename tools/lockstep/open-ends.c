/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A source may have sound alone, or a picture alone: what was to take the other kind would
 * wait for it, and the pipeline never end, or not even start. Once each demuxer has said
 * that no more pads come, or has brought none for a while, what was linked to none is at
 * its end. A stream that a live source begins later is taken up all the same: a new stream
 * undoes an end, and gst_parse_launch goes on trying to link. */
#include "open-ends.h"

#include <gst/lockstep/flvmeta.h>

/* For how much media a demuxer that does not say is waited for: where its stream told of
 * another kind, as long as flvdemux waits elsewhere; where it told of nothing. */
#define LIMIT_TOLD (6 * GST_SECOND)
#define LIMIT_UNTOLD (2 * GST_SECOND)
/* Buffers that are looked into for what an FLV stream says of itself. */
#define MAX_LOOKS 50

typedef struct
{
  GMutex lock;                  /* protects the others */
  gboolean said;                /* no more pads are waited for */
  GstClockTime first;           /* time of the first buffer that came out */
  gboolean told;
  LockstepFlvMeta meta;         /* if it was told */
  guint looks;
} Demuxer;

#define DEMUXER "lockstep-demuxer"
/* Of a pad that had nothing yet. */
#define SILENT "lockstep-silent"

static Demuxer *
demuxer_of (GstElement * element)
{
  return g_object_get_data (G_OBJECT (element), DEMUXER);
}

static void
demuxer_free (gpointer data)
{
  Demuxer *demuxer = data;

  g_mutex_clear (&demuxer->lock);
  g_free (demuxer);
}

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

/* The decodebin without output that @element's output comes to, or that it is; or NULL.
 * Data alone tells it which it has: without any it keeps the pipeline from playing, and at
 * an end it fails. */
static GstElement *
undecided (GstElement * element)
{
  g_autoptr (GstElement) next = follower (element);

  if (next != NULL)
    return undecided (next);
  return GST_IS_BIN (element) && !GST_OBJECT_FLAG_IS_SET (element,
      GST_ELEMENT_FLAG_SINK) ? gst_object_ref (element) : NULL;
}

static void
set_aside (GstObject * pipeline, GstElement * element)
{
  g_autoptr (GstElement) waiting = undecided (element);
  g_autoptr (GstPad) sink = NULL;
  g_autoptr (GstPad) before = NULL;

  if (waiting == NULL || GST_OBJECT_PARENT (waiting) != pipeline)
    return;
  GST_INFO_OBJECT (waiting, "nothing comes here: set aside");
  gst_element_set_locked_state (waiting, TRUE);
  gst_element_set_state (waiting, GST_STATE_NULL);
  /* The pipeline forgets what it waited for only where it loses the element */
  sink = gst_element_get_static_pad (waiting, "sink");
  before = gst_pad_get_peer (sink);
  gst_bin_remove (GST_BIN (pipeline), waiting);
  gst_bin_add (GST_BIN (pipeline), waiting);
  if (before != NULL)
    gst_pad_link (before, sink);
}

/* Whom @pad feeds, or NULL. */
static GstElement *
fed_by (GstPad * pad)
{
  g_autoptr (GstPad) peer = gst_pad_get_peer (pad);

  return peer != NULL ? gst_pad_get_parent_element (peer) : NULL;
}

/* What comes out of @pad is new: whom it comes to was perhaps set aside. */
static void
call_back (GstPad * pad)
{
  g_autoptr (GstElement) next = fed_by (pad);
  g_autoptr (GstElement) waiting = next != NULL ? undecided (next) : NULL;

  if (waiting == NULL || !gst_element_is_locked_state (waiting))
    return;
  GST_INFO_OBJECT (waiting, "something comes after all");
  gst_element_set_locked_state (waiting, FALSE);
  gst_element_sync_state_with_parent (waiting);
}

static void
end_if_open (GstObject * pipeline, GstElement * element)
{
  g_autoptr (GstElement) waiting = NULL;
  g_autoptr (GstPad) pad = NULL;

  if (!is_open (pipeline, element))
    return;
  waiting = undecided (element);
  if (waiting != NULL)
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

static gboolean
has_said (GstElement * element)
{
  Demuxer *demuxer = demuxer_of (element);
  gboolean said;

  if (demuxer == NULL)
    return TRUE;
  g_mutex_lock (&demuxer->lock);
  said = demuxer->said;
  g_mutex_unlock (&demuxer->lock);
  return said;
}

/* Pads of @element that announced a stream, of which nothing came since. */
static void
set_aside_silent (GstObject * pipeline, GstElement * element)
{
  g_autoptr (GstIterator) pads = gst_element_iterate_src_pads (element);
  g_auto (GValue) item = G_VALUE_INIT;

  while (gst_iterator_next (pads, &item) == GST_ITERATOR_OK) {
    GstPad *pad = g_value_get_object (&item);
    g_autoptr (GstElement) next = fed_by (pad);

    if (next != NULL && g_object_get_data (G_OBJECT (pad), SILENT) != NULL)
      set_aside (pipeline, next);
    g_value_reset (&item);
  }
}

/* @waited: for as long as more is waited for. */
static void
no_more (GstElement * element, gboolean waited)
{
  g_autoptr (GstObject) pipeline = gst_object_get_parent (GST_OBJECT (element));
  Demuxer *demuxer = demuxer_of (element);
  GList *elements;
  gboolean all = TRUE;

  if (pipeline == NULL || !GST_IS_BIN (pipeline))
    return;
  g_mutex_lock (&demuxer->lock);
  demuxer->said = TRUE;
  g_mutex_unlock (&demuxer->lock);
  GST_OBJECT_LOCK (pipeline);
  elements = g_list_copy (GST_BIN (pipeline)->children);
  for (GList * l = elements; l != NULL; l = l->next)
    gst_object_ref (l->data);
  GST_OBJECT_UNLOCK (pipeline);
  if (waited)
    set_aside_silent (pipeline, element);
  /* another one may be what is waited for, unless it gets nothing itself */
  for (GList * l = elements; all && l != NULL; l = l->next)
    all = has_said (l->data) || !is_fed (l->data)
        || gst_element_is_locked_state (l->data);
  /* An end waits in the sink for the pipeline to play, which others hinder */
  for (GList * l = elements; all && l != NULL; l = l->next)
    if (is_open (pipeline, l->data))
      set_aside (pipeline, l->data);
  for (GList * l = elements; all && l != NULL; l = l->next)
    end_if_open (pipeline, l->data);
  g_list_free_full (elements, gst_object_unref);
}

static void
no_more_pads (GstElement * element, gpointer user_data)
{
  no_more (element, FALSE);
}

/* {{{ demuxers that do not say */

/* For how much media more pads are waited for. With the lock. */
static GstClockTime
patience (const Demuxer * demuxer)
{
  if (!demuxer->told)
    return LIMIT_UNTOLD;
  return demuxer->meta.audio && demuxer->meta.video ? LIMIT_TOLD : 0;
}

/* What came at @time, @demuxer's pad. Whether that was long enough to wait for others. */
static gboolean
is_over (Demuxer * demuxer, GstClockTime time)
{
  gboolean over;

  g_mutex_lock (&demuxer->lock);
  if (!GST_CLOCK_TIME_IS_VALID (demuxer->first))
    demuxer->first = time;
  over = GST_CLOCK_TIME_IS_VALID (time)
      && time >= demuxer->first + patience (demuxer);
  g_mutex_unlock (&demuxer->lock);
  return over;
}

static GstPadProbeReturn
came_out (GstPad * pad, GstPadProbeInfo * info, gpointer user_data)
{
  g_autoptr (GstElement) element = gst_pad_get_parent_element (pad);
  gboolean over;

  if (element == NULL)
    return GST_PAD_PROBE_REMOVE;
  if (info->type & GST_PAD_PROBE_TYPE_EVENT_DOWNSTREAM) {
    over = GST_EVENT_TYPE (GST_PAD_PROBE_INFO_EVENT (info)) == GST_EVENT_EOS;
  } else {
    g_object_set_data (G_OBJECT (pad), SILENT, NULL);
    call_back (pad);
    over = has_said (element) || is_over (demuxer_of (element),
        GST_BUFFER_PTS (GST_PAD_PROBE_INFO_BUFFER (info)));
  }
  if (over && !has_said (element))
    no_more (element, TRUE);
  return over ? GST_PAD_PROBE_REMOVE : GST_PAD_PROBE_OK;
}

static const char *
media_type (GstPad * pad)
{
  g_autoptr (GstCaps) caps = gst_pad_get_current_caps (pad);

  return caps == NULL || gst_caps_is_empty (caps) ? NULL
      : g_intern_string (gst_structure_get_name (gst_caps_get_structure (caps,
              0)));
}

/* A transport stream that changes its table of streams brings new pads for all of them
 * before the old ones end. What goes on goes where it went. */
static void
go_on (GstElement * element, GstPad * pad)
{
  g_autoptr (GstIterator) pads = gst_element_iterate_src_pads (element);
  const char *type = media_type (pad);
  g_auto (GValue) item = G_VALUE_INIT;

  while (type != NULL && !gst_pad_is_linked (pad)
      && gst_iterator_next (pads, &item) == GST_ITERATOR_OK) {
    GstPad *old = g_value_get_object (&item);
    g_autoptr (GstPad) peer = gst_pad_get_peer (old);

    if (peer != NULL && g_object_get_data (G_OBJECT (old), SILENT) == NULL
        && media_type (old) == type) {
      GST_INFO_OBJECT (pad, "in place of %" GST_PTR_FORMAT, old);
      gst_pad_unlink (old, peer);
      gst_pad_link (pad, peer);
    }
    g_value_reset (&item);
  }
}

static void
pad_added (GstElement * element, GstPad * pad, gpointer user_data)
{
  if (!GST_PAD_IS_SRC (pad))
    return;
  g_object_set_data (G_OBJECT (pad), SILENT, GINT_TO_POINTER (TRUE));
  gst_pad_add_probe (pad, GST_PAD_PROBE_TYPE_BUFFER |
      GST_PAD_PROBE_TYPE_EVENT_DOWNSTREAM, came_out, NULL, NULL);
  if (has_said (element))
    go_on (element, pad);
}

/* What comes to flvdemux by RTMP: whole tags. */
static GstPadProbeReturn
flv_came (GstPad * pad, GstPadProbeInfo * info, gpointer user_data)
{
  Demuxer *demuxer = user_data;
  LockstepFlvMeta meta;
  gboolean over;
  GstMapInfo map;

  if (!gst_buffer_map (GST_PAD_PROBE_INFO_BUFFER (info), &map, GST_MAP_READ))
    return GST_PAD_PROBE_OK;
  g_mutex_lock (&demuxer->lock);
  if (lockstep_flv_meta_parse (map.data, map.size, &meta)) {
    GST_INFO_OBJECT (pad, "the stream tells of sound: %d, of a picture: %d",
        meta.audio, meta.video);
    demuxer->meta = meta;
    demuxer->told = TRUE;
  }
  over = demuxer->told || ++demuxer->looks >= MAX_LOOKS;
  g_mutex_unlock (&demuxer->lock);
  gst_buffer_unmap (GST_PAD_PROBE_INFO_BUFFER (info), &map);
  return over ? GST_PAD_PROBE_REMOVE : GST_PAD_PROBE_OK;
}

/* {{{ */

static void
watch (GstElement * element)
{
  Demuxer *demuxer = g_new0 (Demuxer, 1);

  g_mutex_init (&demuxer->lock);
  demuxer->first = GST_CLOCK_TIME_NONE;
  g_object_set_data_full (G_OBJECT (element), DEMUXER, demuxer, demuxer_free);
  g_signal_connect (element, "no-more-pads", G_CALLBACK (no_more_pads), NULL);
  g_signal_connect (element, "pad-added", G_CALLBACK (pad_added), NULL);
  if (g_str_equal (GST_OBJECT_NAME (gst_element_get_factory (element)),
          "flvdemux")) {
    g_autoptr (GstPad) sink = gst_element_get_static_pad (element, "sink");
    g_autoptr (GstObject) parent = gst_object_get_parent (GST_OBJECT (element));

    gst_pad_add_probe (sink, GST_PAD_PROBE_TYPE_BUFFER, flv_came, demuxer,
        NULL);
    /* It then takes a stream that begins late. (tsdemux 1.22 would not.) */
    GST_OBJECT_FLAG_SET (parent, GST_BIN_FLAG_STREAMS_AWARE);
  }
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
      watch (element);
    g_value_reset (&item);
  }
}
