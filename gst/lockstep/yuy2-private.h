/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the files of the conversion share. */
#pragma once

#include "yuy2.h"

G_BEGIN_DECLS

/* The fast ways take whole multiples of this width, and the rest goes byte by byte. */
#define LOCKSTEP_YUY2_COLUMNS 32u

gboolean lockstep_yuy2_streams (const LockstepYuy2Picture * p);
void lockstep_yuy2_stream (LockstepYuy2Order order, const guint8 * src,
    gsize src_stride, guint8 * y, gsize y_stride, guint8 * uv, gsize uv_stride,
    guint width, guint rows);

G_END_DECLS
