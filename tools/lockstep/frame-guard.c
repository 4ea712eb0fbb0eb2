/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Keeps half pictures of a browser from the depayloader. */
#include "frame-guard.h"

#include <gst/lockstep/h264fu.h>
#include <gst/rtp/gstrtpbuffer.h>

static gboolean
is_cut_short (LockstepH264Fu * fu, GstBuffer * buffer)
{
  GstRTPBuffer rtp = GST_RTP_BUFFER_INIT;
  gboolean result;

  if (!gst_rtp_buffer_map (buffer, GST_MAP_READ, &rtp))
    return FALSE;
  result = lockstep_h264_fu_cut_short (fu, gst_rtp_buffer_get_payload (&rtp),
      gst_rtp_buffer_get_payload_len (&rtp),
      gst_rtp_buffer_get_timestamp (&rtp));
  gst_rtp_buffer_unmap (&rtp);
  return result;
}

static gboolean
check_buffer (GstBuffer ** buffer, guint index, gpointer user_data)
{
  if (is_cut_short (user_data, *buffer)) {
    *buffer = gst_buffer_make_writable (*buffer);
    GST_BUFFER_FLAG_SET (*buffer, GST_BUFFER_FLAG_DISCONT);
  }
  return TRUE;
}

static GstPadProbeReturn
check (GstPad * pad, GstPadProbeInfo * info, gpointer user_data)
{
  if (info->type & GST_PAD_PROBE_TYPE_BUFFER_LIST) {
    GstBufferList *list =
        gst_buffer_list_make_writable (GST_PAD_PROBE_INFO_BUFFER_LIST (info));

    gst_buffer_list_foreach (list, check_buffer, user_data);
    info->data = list;
  } else {
    GstBuffer *buffer = GST_PAD_PROBE_INFO_BUFFER (info);

    check_buffer (&buffer, 0, user_data);
    info->data = buffer;
  }
  return GST_PAD_PROBE_OK;
}

void
frame_guard_add (GstPad * pad)
{
  gst_pad_add_probe (pad,
      GST_PAD_PROBE_TYPE_BUFFER | GST_PAD_PROBE_TYPE_BUFFER_LIST, check,
      g_new0 (LockstepH264Fu, 1), g_free);
}
