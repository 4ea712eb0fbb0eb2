/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Counts the packets of a peer. webrtcbin 1.22.0 does not say that a peer vanished, so
 * silence is all there is to tell it by. */
#include "arrivals.h"

struct _Arrivals
{
  GMutex lock;                  /* protects the rest */
  gint64 last;                  /* monotonic µs; 0: none yet */
  guint64 packets, bytes;
};

static void
clear (gpointer data)
{
  Arrivals *arrivals = data;

  g_mutex_clear (&arrivals->lock);
}

void
arrivals_unref (Arrivals * arrivals)
{
  g_atomic_rc_box_release_full (arrivals, clear);
}

static gboolean
count_buffer (GstBuffer ** buffer, guint index, gpointer user_data)
{
  guint64 *counts = user_data;

  counts[0]++;
  counts[1] += gst_buffer_get_size (*buffer);
  return TRUE;
}

void
arrivals_count (GstPadProbeInfo * info, guint64 counts[2])
{
  counts[0] = counts[1] = 0;
  if (info->type & GST_PAD_PROBE_TYPE_BUFFER_LIST) {
    gst_buffer_list_foreach (GST_PAD_PROBE_INFO_BUFFER_LIST (info),
        count_buffer, counts);
  } else {
    GstBuffer *buffer = GST_PAD_PROBE_INFO_BUFFER (info);

    count_buffer (&buffer, 0, counts);
  }
}

static GstPadProbeReturn
count (GstPad * pad, GstPadProbeInfo * info, gpointer user_data)
{
  Arrivals *arrivals = user_data;
  guint64 counts[2];

  arrivals_count (info, counts);
  g_mutex_lock (&arrivals->lock);
  arrivals->last = g_get_monotonic_time ();
  arrivals->packets += counts[0];
  arrivals->bytes += counts[1];
  g_mutex_unlock (&arrivals->lock);
  return GST_PAD_PROBE_OK;
}

static void
element_added (GstBin * bin, GstBin * sub_bin, GstElement * element,
    gpointer user_data)
{
  GstElementFactory *factory = gst_element_get_factory (element);
  g_autoptr (GstPad) pad = NULL;

  if (factory == NULL || !g_str_equal (GST_OBJECT_NAME (factory), "nicesrc"))
    return;
  pad = gst_element_get_static_pad (element, "src");
  gst_pad_add_probe (pad,
      GST_PAD_PROBE_TYPE_BUFFER | GST_PAD_PROBE_TYPE_BUFFER_LIST, count,
      g_atomic_rc_box_acquire (user_data), (GDestroyNotify) arrivals_unref);
}

static void
closure_gone (gpointer data, GClosure * closure)
{
  arrivals_unref (data);
}

Arrivals *
arrivals_new (GstElement * bin)
{
  Arrivals *arrivals = g_atomic_rc_box_new0 (Arrivals);

  g_mutex_init (&arrivals->lock);
  g_signal_connect_data (bin, "deep-element-added",
      G_CALLBACK (element_added), g_atomic_rc_box_acquire (arrivals),
      closure_gone, 0);
  return arrivals;
}

gint64
arrivals_idle_us (Arrivals * arrivals)
{
  gint64 last;

  g_mutex_lock (&arrivals->lock);
  last = arrivals->last;
  g_mutex_unlock (&arrivals->lock);
  return last == 0 ? -1 : g_get_monotonic_time () - last;
}

void
arrivals_get_counts (Arrivals * arrivals, guint64 * packets, guint64 * bytes)
{
  g_mutex_lock (&arrivals->lock);
  *packets = arrivals->packets;
  *bytes = arrivals->bytes;
  g_mutex_unlock (&arrivals->lock);
}
