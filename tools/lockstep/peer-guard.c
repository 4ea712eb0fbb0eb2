/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Probes where a peer's packets come in, and where its RTCP is in the clear. */
#include "peer-guard.h"

#include <gst/lockstep/rtcpcheck.h>
#include <gst/lockstep/sctpcheck.h>

/* One pad, in one thread. */
typedef struct
{
  gboolean (*is_sane) (gpointer state, GstBuffer * buffer);
  LockstepSsrcs ssrcs;
  LockstepRtcpCheck rtcp;
  LockstepSctpCheck sctp;
} Guard;

static gboolean
is_sane_srtp (gpointer state, GstBuffer * buffer)
{
  guint8 header[12];

  return gst_buffer_extract (buffer, 0, header, sizeof header) == sizeof header
      && lockstep_srtp_is_sane (&((Guard *) state)->ssrcs, header,
      sizeof header);
}

static gboolean
is_sane_rtcp (gpointer state, GstBuffer * buffer)
{
  GstMapInfo map;
  gboolean sane;

  if (!gst_buffer_map (buffer, &map, GST_MAP_READ))
    return FALSE;
  sane = lockstep_rtcp_is_sane (&((Guard *) state)->rtcp, map.data, map.size);
  gst_buffer_unmap (buffer, &map);
  return sane;
}

static gboolean
is_sane_sctp (gpointer state, GstBuffer * buffer)
{
  GstMapInfo map;
  gboolean sane;

  if (!gst_buffer_map (buffer, &map, GST_MAP_READ))
    return FALSE;
  sane = lockstep_sctp_is_sane (&((Guard *) state)->sctp, map.data, map.size);
  gst_buffer_unmap (buffer, &map);
  return sane;
}

static gboolean
check_buffer (GstBuffer ** buffer, guint index, gpointer user_data)
{
  Guard *guard = user_data;

  if (!guard->is_sane (guard, *buffer))
    gst_clear_buffer (buffer);  /* it leaves the list */
  return TRUE;
}

static GstPadProbeReturn
check (GstPad * pad, GstPadProbeInfo * info, gpointer user_data)
{
  Guard *guard = user_data;
  GstBufferList *list;

  if (info->type & GST_PAD_PROBE_TYPE_BUFFER)
    return guard->is_sane (guard, GST_PAD_PROBE_INFO_BUFFER (info))
        ? GST_PAD_PROBE_OK : GST_PAD_PROBE_DROP;
  list = gst_buffer_list_make_writable (GST_PAD_PROBE_INFO_BUFFER_LIST (info));
  gst_buffer_list_foreach (list, check_buffer, guard);
  info->data = list;
  return gst_buffer_list_length (list) > 0 ? GST_PAD_PROBE_OK
      : GST_PAD_PROBE_DROP;
}

static void
guard_pad (GstPad * pad, gboolean (*is_sane) (gpointer, GstBuffer *))
{
  Guard *guard = g_new0 (Guard, 1);

  guard->is_sane = is_sane;
  gst_pad_add_probe (pad,
      GST_PAD_PROBE_TYPE_BUFFER | GST_PAD_PROBE_TYPE_BUFFER_LIST, check, guard,
      g_free);
}

static void
session_pad_added (GstElement * session, GstPad * pad, gpointer user_data)
{
  if (g_str_equal (GST_PAD_NAME (pad), "recv_rtcp_sink"))
    guard_pad (pad, is_sane_rtcp);
}

static const struct
{
  const char *factory, *sink;
    gboolean (*is_sane) (gpointer, GstBuffer *);
} guarded[] = {
  {"srtpdec", "rtp_sink", is_sane_srtp},
  {"srtpdec", "rtcp_sink", is_sane_srtp},
  {"sctpdec", "sink", is_sane_sctp},
};

static void
element_added (GstBin * bin, GstBin * sub_bin, GstElement * element,
    gpointer user_data)
{
  GstElementFactory *factory = gst_element_get_factory (element);
  const char *name = factory != NULL ? GST_OBJECT_NAME (factory) : "";

  if (g_str_equal (name, "rtpsession"))
    g_signal_connect (element, "pad-added", G_CALLBACK (session_pad_added),
        NULL);
  for (guint i = 0; i < G_N_ELEMENTS (guarded); i++) {
    g_autoptr (GstPad) pad = NULL;

    if (!g_str_equal (name, guarded[i].factory))
      continue;
    pad = gst_element_get_static_pad (element, guarded[i].sink);
    guard_pad (pad, guarded[i].is_sane);
  }
}

void
peer_guard_add (GstBin * bin)
{
  g_signal_connect (bin, "deep-element-added", G_CALLBACK (element_added),
      NULL);
}
