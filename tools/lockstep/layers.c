/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Simulcast: several RTP streams through one sink pad of webrtcbin 1.22.0, which has one pad
 * a section.
 *
 *   appsrc ! payloader ! capsfilter ! rtpfunnel.
 *   appsrc ! payloader ! capsfilter ! rtpfunnel. ! webrtcbin
 *
 * In the section's transport a receiver tells them apart by two header extensions (RFC
 * 8853, section 5.2): the section's mid and the stream's rid. In a retransmission the
 * rid stands in a third one. */
#include "layers.h"

#include <gst/rtp/gstrtphdrext.h>
#include <gst/rtp/gstrtpbuffer.h>
#include <string.h>

#define SDES "urn:ietf:params:rtp-hdrext:sdes:"

/* What is in each packet of one stream. */
typedef struct
{
  guint mid_id, rid_id;
  char mid[LOCKSTEP_RID_MAX + 1], rid[LOCKSTEP_RID_MAX + 1];
} Names;

typedef struct
{
  guint n;
  guint ssrcs[LOCKSTEP_SIMULCAST_MAX];
} Ssrcs;

/* rtphdrextmid 1.22.0 takes letters and digits alone, and servers have "video_1". */
static GstBuffer *
name_packet (GstBuffer * buffer, const Names * names)
{
  GstRTPBuffer rtp = GST_RTP_BUFFER_INIT;

  buffer = gst_buffer_make_writable (buffer);
  if (!gst_rtp_buffer_map (buffer, GST_MAP_READWRITE, &rtp))
    return buffer;
  gst_rtp_buffer_add_extension_onebyte_header (&rtp, names->mid_id, names->mid,
      strlen (names->mid));
  gst_rtp_buffer_add_extension_onebyte_header (&rtp, names->rid_id, names->rid,
      strlen (names->rid));
  gst_rtp_buffer_unmap (&rtp);
  return buffer;
}

static gboolean
name_each (GstBuffer ** buffer, guint index, gpointer user_data)
{
  *buffer = name_packet (*buffer, user_data);
  return TRUE;
}

static GstPadProbeReturn
packets_leave (GstPad * pad, GstPadProbeInfo * info, gpointer user_data)
{
  if (GST_PAD_PROBE_INFO_TYPE (info) & GST_PAD_PROBE_TYPE_BUFFER) {
    GST_PAD_PROBE_INFO_DATA (info) =
        name_packet (GST_PAD_PROBE_INFO_BUFFER (info), user_data);
  } else {
    GstBufferList *list =
        gst_buffer_list_make_writable (GST_PAD_PROBE_INFO_BUFFER_LIST (info));

    gst_buffer_list_foreach (list, name_each, user_data);
    GST_PAD_PROBE_INFO_DATA (info) = list;
  }
  return GST_PAD_PROBE_OK;
}

void
layers_name_packets (GstPad * pad, const LockstepOfferMedia * media,
    const LockstepLayer * layer)
{
  Names *names = g_new0 (Names, 1);

  names->mid_id =
      lockstep_offer_media_extension (media, LOCKSTEP_EXTENSION_MID);
  names->rid_id =
      lockstep_offer_media_extension (media, LOCKSTEP_EXTENSION_RID);
  g_strlcpy (names->mid, media->mid, sizeof names->mid);
  g_strlcpy (names->rid, layer->rid, sizeof names->rid);
  gst_pad_add_probe (pad,
      GST_PAD_PROBE_TYPE_BUFFER | GST_PAD_PROBE_TYPE_BUFFER_LIST,
      packets_leave, names, g_free);
}

/* The ids, for rtprtxsend. */
typedef struct
{
  guint rid, repaired;
} Ids;

static void
add_extension (GstElement * rtxsend, const char *uri, guint id)
{
  GstRTPHeaderExtension *extension =
      gst_rtp_header_extension_create_from_uri (uri);

  if (extension == NULL)
    return;
  gst_rtp_header_extension_set_id (extension, id);
  g_signal_emit_by_name (rtxsend, "add-extension", extension);
  gst_object_unref (extension);
}

static void
element_added (GstBin * webrtc, GstBin * bin, GstElement * element,
    gpointer user_data)
{
  GstElementFactory *factory = gst_element_get_factory (element);
  const Ids *ids = user_data;

  if (factory == NULL || !g_str_equal (GST_OBJECT_NAME (factory), "rtprtxsend"))
    return;
  add_extension (element, SDES "rtp-stream-id", ids->rid);
  add_extension (element, SDES "repaired-rtp-stream-id", ids->repaired);
}

static void
ids_gone (gpointer data, GClosure * closure)
{
  g_free (data);
}

/* webrtcbin 1.22.0 looks for the ids before it has the element that they are for. */
void
layers_name_repairs (GstElement * webrtc, const LockstepOfferMedia * media)
{
  const Ids ids = {
    lockstep_offer_media_extension (media, LOCKSTEP_EXTENSION_RID),
    lockstep_offer_media_extension (media, LOCKSTEP_EXTENSION_REPAIRED_RID)
  };

  if (ids.rid != 0 && ids.repaired != 0)
    g_signal_connect_data (webrtc, "deep-element-added",
        G_CALLBACK (element_added), g_memdup2 (&ids, sizeof ids), ids_gone, 0);
}

static gboolean
is_no_name (GQuark field, GValue * value, gpointer user_data)
{
  return !g_str_has_prefix (g_quark_to_string (field), "extmap-")
      || !G_VALUE_HOLDS_STRING (value)
      || !g_str_has_prefix (g_value_get_string (value), SDES);
}

GstCaps *
layers_stream_caps (const GstCaps * caps)
{
  GstCaps *copy = gst_caps_copy_nth (caps, 0);

  gst_structure_filter_and_map_in_place (gst_caps_get_structure (copy, 0),
      is_no_name, NULL);
  return copy;
}

/* Inside webrtcbin 1.22.0 there is another rtpfunnel. It drops what is meant for an SSRC
 * that it does not know, and knows those that caps have named to it. Ours are the
 * streams' without their SSRC. */
static GstPadProbeReturn
caps_leave (GstPad * pad, GstPadProbeInfo * info, gpointer user_data)
{
  const Ssrcs *all = user_data;
  g_autoptr (GstPad) peer = NULL;

  if (GST_EVENT_TYPE (GST_PAD_PROBE_INFO_EVENT (info)) != GST_EVENT_CAPS)
    return GST_PAD_PROBE_OK;
  peer = gst_pad_get_peer (pad);
  for (guint i = 0; peer != NULL && i < all->n; i++) {
    g_autoptr (GstCaps) caps = gst_caps_new_simple ("application/x-rtp",
        "ssrc", G_TYPE_UINT, all->ssrcs[i], NULL);

    gst_pad_send_event (peer, gst_event_new_caps (caps));
  }
  return GST_PAD_PROBE_OK;
}

void
layers_announce (GstElement * funnel, const guint * ssrcs, guint n)
{
  g_autoptr (GstPad) pad = gst_element_get_static_pad (funnel, "src");
  Ssrcs *all = g_new0 (Ssrcs, 1);

  all->n = MIN (n, LOCKSTEP_SIMULCAST_MAX);
  memcpy (all->ssrcs, ssrcs, all->n * sizeof ssrcs[0]);
  gst_pad_add_probe (pad, GST_PAD_PROBE_TYPE_EVENT_DOWNSTREAM, caps_leave, all,
      g_free);
}
