/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <gst/video/gstvideofilter.h>

G_BEGIN_DECLS

#define GST_TYPE_TIMESTRIPE (gst_timestripe_get_type ())
G_DECLARE_FINAL_TYPE (GstTimestripe, gst_timestripe, GST, TIMESTRIPE,
    GstVideoFilter)

GST_ELEMENT_REGISTER_DECLARE (timestripe);

G_END_DECLS
