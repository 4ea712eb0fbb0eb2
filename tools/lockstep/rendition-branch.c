/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* One rendition's part of a pipeline. Its end is an EOS behind its valves, which its sink
 * takes for the end of its list. To begin again, elements and sink go through READY, as
 * those of a new session do, and the valves are opened with the first picture. */
#include "rendition-branch.h"

#include <gst/video/video.h>

struct _RenditionBranch
{
  GstElement *pipeline, *sink;
  GstElement *picture, *sound;  /* valves; NULL: there is none */
  GPtrArray *elements;          /* between these and the sink */
  gboolean plain;
  GThreadPool *tasks;           /* of one thread: what was asked for, in that order */
  gint begun;                   /* atomic */

  GMutex lock;
  gboolean opening;             /* the next picture opens the valves */
};

static GstElement *
valve_of (GstElement * pipeline, const char *what, guint index)
{
  g_autofree char *name = g_strdup_printf ("%s-valve-%u", what, index);

  return gst_bin_get_by_name (GST_BIN (pipeline), name);
}

/* Adds the elements behind @valve. FALSE: they are not in a row, or do not lead to the
 * sink. */
static gboolean
add_elements (RenditionBranch * branch, GstElement * valve)
{
  g_autoptr (GstElement) element = valve != NULL ? gst_object_ref (valve)
      : NULL;

  while (element != NULL) {
    g_autoptr (GstPad) src = gst_element_get_static_pad (element, "src");
    g_autoptr (GstPad) peer = src != NULL ? gst_pad_get_peer (src) : NULL;
    GstElement *next = peer != NULL ? gst_pad_get_parent_element (peer) : NULL;

    gst_object_unref (element);
    element = next;
    if (element == branch->sink)
      return TRUE;
    if (element != NULL)
      g_ptr_array_add (branch->elements, gst_object_ref (element));
  }
  return FALSE;
}

gboolean
rendition_branch_is_plain (const RenditionBranch * branch)
{
  return branch->plain;
}

gboolean
rendition_branch_has_begun (RenditionBranch * branch)
{
  return g_atomic_int_compare_and_exchange (&branch->begun, TRUE, FALSE);
}

/* {{{ the end */

static void
end_behind (GstElement * valve)
{
  g_autoptr (GstPad) src = NULL;
  g_autoptr (GstPad) peer = NULL;

  if (valve == NULL)
    return;
  g_object_set (valve, "drop", TRUE, NULL);
  src = gst_element_get_static_pad (valve, "src");
  peer = gst_pad_get_peer (src);
  if (peer != NULL)
    gst_pad_send_event (peer, gst_event_new_eos ());
}

/* EOS waits for the streaming threads. */
static void
end (RenditionBranch * branch)
{
  /* one that waits for its first picture opens no valve behind its end */
  g_mutex_lock (&branch->lock);
  branch->opening = FALSE;
  g_mutex_unlock (&branch->lock);
  end_behind (branch->picture);
  end_behind (branch->sound);
}

/* {{{ beginning again */

/* From here on the branch has sound and pictures: both from the same time on, or the sink
 * would begin with sound alone. An end that comes before is its own end too. */
static GstPadProbeReturn
open_valves (GstPad * pad, GstPadProbeInfo * info, gpointer user_data)
{
  RenditionBranch *branch = user_data;

  if ((info->type & GST_PAD_PROBE_TYPE_EVENT_DOWNSTREAM)
      && GST_EVENT_TYPE (GST_PAD_PROBE_INFO_EVENT (info)) != GST_EVENT_EOS)
    return GST_PAD_PROBE_OK;
  g_mutex_lock (&branch->lock);
  if (branch->opening) {
    branch->opening = FALSE;
    g_object_set (branch->sound, "drop", FALSE, NULL);
    g_object_set (branch->picture, "drop", FALSE, NULL);
  }
  g_mutex_unlock (&branch->lock);
  return GST_PAD_PROBE_REMOVE;
}

/* What is behind is to be told again of stream, format and segment. */
static void
link_again (GstElement * valve)
{
  g_autoptr (GstPad) src = gst_element_get_static_pad (valve, "src");
  g_autoptr (GstPad) peer = gst_pad_get_peer (src);

  if (peer != NULL && gst_pad_unlink (src, peer))
    gst_pad_link_full (src, peer, GST_PAD_LINK_CHECK_NOTHING);
}

static void
restart (RenditionBranch * branch)
{
  g_autoptr (GstPad) before = gst_element_get_static_pad (branch->picture,
      "sink");

  /* the pipeline goes on playing meanwhile */
  g_object_set (branch->sink, "async", FALSE, NULL);
  gst_element_set_state (branch->sink, GST_STATE_READY);
  for (guint i = 0; i < branch->elements->len; i++)
    gst_element_set_state (g_ptr_array_index (branch->elements, i),
        GST_STATE_READY);
  link_again (branch->picture);
  link_again (branch->sound);
  gst_element_sync_state_with_parent (branch->sink);
  for (guint i = branch->elements->len; i-- > 0;)
    gst_element_sync_state_with_parent (g_ptr_array_index (branch->elements,
            i));
  g_atomic_int_set (&branch->begun, TRUE);
  g_mutex_lock (&branch->lock);
  branch->opening = TRUE;
  g_mutex_unlock (&branch->lock);
  gst_pad_add_probe (before, GST_PAD_PROBE_TYPE_BUFFER
      | GST_PAD_PROBE_TYPE_EVENT_DOWNSTREAM, open_valves, branch, NULL);
}

/* The sink may have to wait for its disk. */
static void
begin_again (RenditionBranch * branch)
{
  GstElement *pipeline = branch->pipeline;

  /* one on its way down takes no branch up again */
  GST_STATE_LOCK (pipeline);
  if (GST_STATE (pipeline) == GST_STATE_PLAYING
      && GST_STATE_TARGET (pipeline) == GST_STATE_PLAYING)
    restart (branch);
  GST_STATE_UNLOCK (pipeline);
}

/* {{{ tasks */

/* 0 is no task to a thread pool. */
enum
{ END = 1, BEGIN_AGAIN };

static void
run_task (gpointer data, gpointer user_data)
{
  if (GPOINTER_TO_INT (data) == END)
    end (user_data);
  else
    begin_again (user_data);
}

RenditionBranch *
rendition_branch_new (GstElement * pipeline, guint index, GstElement * sink)
{
  RenditionBranch *branch = g_new0 (RenditionBranch, 1);

  branch->pipeline = pipeline;
  branch->sink = sink;
  branch->picture = valve_of (pipeline, "picture", index);
  branch->sound = valve_of (pipeline, "sound", index);
  branch->elements = g_ptr_array_new_with_free_func (gst_object_unref);
  branch->plain = add_elements (branch, branch->picture)
      && add_elements (branch, branch->sound);
  branch->tasks = g_thread_pool_new (run_task, branch, 1, FALSE, NULL);
  g_mutex_init (&branch->lock);
  return branch;
}

void
rendition_branch_end (RenditionBranch * branch)
{
  g_thread_pool_push (branch->tasks, GINT_TO_POINTER (END), NULL);
}

void
rendition_branch_begin_again (RenditionBranch * branch)
{
  g_return_if_fail (branch->plain);

  g_thread_pool_push (branch->tasks, GINT_TO_POINTER (BEGIN_AGAIN), NULL);
}

/* {{{ the decoder before all of them */

/* A decoder that went without pictures can begin with a key frame alone. */
static GstPadProbeReturn
until_key (GstPad * pad, GstPadProbeInfo * info, gpointer user_data)
{
  return GST_BUFFER_FLAG_IS_SET (GST_PAD_PROBE_INFO_BUFFER (info),
      GST_BUFFER_FLAG_DELTA_UNIT) ? GST_PAD_PROBE_DROP : GST_PAD_PROBE_REMOVE;
}

void
rendition_branch_decode (GstElement * pipeline, gboolean decode)
{
  g_autoptr (GstElement) valve = gst_bin_get_by_name (GST_BIN (pipeline),
      "decode-valve");
  g_autoptr (GstPad) src = NULL;
  g_autoptr (GstPad) sink = NULL;
  gboolean closed = !decode;

  if (valve != NULL)
    g_object_get (valve, "drop", &closed, NULL);
  if (closed == !decode)
    return;
  if (decode) {
    src = gst_element_get_static_pad (valve, "src");
    gst_pad_add_probe (src, GST_PAD_PROBE_TYPE_BUFFER, until_key, NULL, NULL);
  }
  g_object_set (valve, "drop", !decode, NULL);
  if (decode) {
    sink = gst_element_get_static_pad (valve, "sink");
    gst_pad_push_event (sink,
        gst_video_event_new_upstream_force_key_unit (GST_CLOCK_TIME_NONE, TRUE,
            0));
  }
}
