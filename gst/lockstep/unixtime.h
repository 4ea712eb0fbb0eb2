/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What buffers say of Unix time, beside the time at which they are due. */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* From one buffer to the next, what is said may move by so much against running time. A
 * sender's clock that is set anew moves further, and so does a report that is wrong; both
 * would cut the stream at numbers of another day, behind which all that comes later is. */
#define LOCKSTEP_UNIX_TIME_MAX_STEP (G_GINT64_CONSTANT (10) * 1000 * 1000 * 1000)

typedef struct
{
  gint64 offset;                /* Unix time - running time, as said last, ns */
  guint64 refused;
} LockstepUnixTime;

/**
 * lockstep_unix_time_read:
 * @said: Unix time of a buffer, ns
 * @running: its running time, ns
 *
 * Returns: its Unix time: @said, or where that is too far off, by what was said before
 */
gint64 lockstep_unix_time_read (LockstepUnixTime *time, gint64 said, gint64 running);

G_END_DECLS
