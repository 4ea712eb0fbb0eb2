/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the files of the conversion share. */
#pragma once

#include "yuy2.h"

G_BEGIN_DECLS

/* The fast ways take whole multiples of this width, and the rest goes byte by byte. */
#define LOCKSTEP_YUY2_COLUMNS 32u

gboolean lockstep_yuy2_streams (const LockstepYuy2Picture * p);
void lockstep_yuy2_stream (const LockstepYuy2Picture * p,
    LockstepYuy2Slice slice);

G_END_DECLS
