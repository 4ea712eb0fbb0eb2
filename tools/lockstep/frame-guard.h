/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Keeps half pictures of a browser from the depayloader. */
#pragma once

#include <gst/gst.h>

/* Watches the H.264 RTP packets that go through @pad, in order, for its lifetime. Where
 * a NAL unit was cut short the next packet is marked DISCONT: rtph264depay then
 * drops what it has of the unit instead of passing it on as if it were whole. */
void frame_guard_add (GstPad * pad);
