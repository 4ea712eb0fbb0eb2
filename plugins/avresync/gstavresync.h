/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The avresync element. */
#pragma once

#include <gst/gst.h>

G_BEGIN_DECLS

#define GST_TYPE_AVRESYNC (gst_avresync_get_type ())
G_DECLARE_FINAL_TYPE (GstAvresync, gst_avresync, GST, AVRESYNC, GstElement)

GST_ELEMENT_REGISTER_DECLARE (avresync)

G_END_DECLS
