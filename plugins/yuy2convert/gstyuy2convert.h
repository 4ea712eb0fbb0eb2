/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The yuy2convert element. */
#pragma once

#include <gst/base/gstbasetransform.h>

G_BEGIN_DECLS

#define GST_TYPE_YUY2CONVERT (gst_yuy2convert_get_type ())
G_DECLARE_FINAL_TYPE (GstYuy2convert, gst_yuy2convert, GST, YUY2CONVERT,
    GstBaseTransform)

GST_ELEMENT_REGISTER_DECLARE (yuy2convert)

G_END_DECLS
