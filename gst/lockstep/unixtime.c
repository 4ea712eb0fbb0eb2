/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Unix time of buffers that follow one another. */
#include <gst/lockstep/unixtime.h>

gint64
lockstep_unix_time_read (LockstepUnixTime * time, gint64 said, gint64 running)
{
  /* @said is anything that 64 bits can be */
  gint64 expected = running + time->offset;

  if (said > expected + LOCKSTEP_UNIX_TIME_MAX_STEP
      || said < expected - LOCKSTEP_UNIX_TIME_MAX_STEP) {
    time->refused++;
    return expected;
  }
  time->offset = said - running;
  return said;
}
