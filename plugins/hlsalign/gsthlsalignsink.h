/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gst/gst.h>

G_BEGIN_DECLS

#define GST_TYPE_HLS_ALIGN_SINK (gst_hls_align_sink_get_type ())
G_DECLARE_FINAL_TYPE (GstHlsAlignSink, gst_hls_align_sink, GST, HLS_ALIGN_SINK,
    GstElement)

GST_ELEMENT_REGISTER_DECLARE (hlsalignsink);

G_END_DECLS
