/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What buffers say of Unix time, beside the time at which they are due. */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* From one buffer to the next, what is said may move by so much against running time. A
 * sender's clock that is set anew moves further, and so does a report that is wrong; both
 * would cut the stream at numbers of another day, behind which all that comes later is. */
#define LOCKSTEP_UNIX_TIME_MAX_STEP (G_GINT64_CONSTANT (10) * 1000 * 1000 * 1000)

/* Further from the machine's clock, a time is wrong, or of a recording. Clocks that go by
 * another time zone's time are nearer. */
#define LOCKSTEP_UNIX_TIME_FAR (G_GINT64_CONSTANT (24) * 3600 * 1000 * 1000 * 1000)

/* What is refused for so long, and agrees with itself, is what a clock was set to. */
#define LOCKSTEP_UNIX_TIME_SURE (G_GINT64_CONSTANT (5) * 1000 * 1000 * 1000)

typedef struct
{
  gint64 offset;                /* Unix time - running time, as said last, ns */
  guint64 refused;
  guint moved;                  /* times that what was refused proved right */
  guint others;                 /* the last so many were refused, and say ... */
  gint64 other;                 /* this offset, ns, since ... */
  gint64 other_since;           /* running time */
} LockstepUnixTime;

/**
 * lockstep_unix_time_is_ahead:
 * @said: a Unix time, ns
 * @now: Unix time by the machine's clock, ns
 *
 * Returns: whether @said is of another day to come, so that one of the two is wrong: what
 *   lies as far back may be of a recording
 */
gboolean lockstep_unix_time_is_ahead (gint64 said, gint64 now);

/**
 * lockstep_unix_time_read:
 * @said: Unix time of a buffer, ns
 * @running: its running time, ns
 * @now: Unix time by the machine's clock, ns; 0: what was said before stands for good
 *
 * Times by themselves do not show which of two is right. Where what is refused for a while
 * agrees with the machine's clock, and what was said before is a day and more behind both,
 * a clock was set right: time moves ahead to it. It never moves back.
 *
 * Returns: its Unix time: @said, or where that is too far off, by what was said before
 */
gint64 lockstep_unix_time_read (LockstepUnixTime *time, gint64 said, gint64 running,
    gint64 now);

G_END_DECLS
