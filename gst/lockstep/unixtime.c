/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Unix time of buffers that follow one another. */
#include <gst/lockstep/unixtime.h>

/* At fewer, a clock is not known to go on as it was set. */
#define OTHERS_MIN 5

gboolean
lockstep_unix_time_is_ahead (gint64 said, gint64 now)
{
  return said > now + LOCKSTEP_UNIX_TIME_FAR;
}

static gboolean
is_near (gint64 time, gint64 now)
{
  return time <= now + LOCKSTEP_UNIX_TIME_FAR
      && time >= now - LOCKSTEP_UNIX_TIME_FAR;
}

/* Whether @said, which is off from @expected, has been right for long enough. */
static gboolean
proves_right (LockstepUnixTime * time, gint64 said, gint64 running,
    gint64 expected, gint64 now)
{
  gint64 other;

  if (now <= 0 || !is_near (said, now)
      || expected >= now - LOCKSTEP_UNIX_TIME_FAR) {
    time->others = 0;
    return FALSE;
  }
  other = said - running;
  if (time->others == 0 || running < time->other_since
      || ABS (other - time->other) > LOCKSTEP_UNIX_TIME_MAX_STEP) {
    time->others = 0;
    time->other_since = running;
  }
  time->others++;
  time->other = other;
  return time->others >= OTHERS_MIN
      && running - time->other_since >= LOCKSTEP_UNIX_TIME_SURE;
}

gint64
lockstep_unix_time_read (LockstepUnixTime * time, gint64 said, gint64 running,
    gint64 now)
{
  /* @said is anything that 64 bits can be */
  gint64 expected = running + time->offset;

  if (said > expected + LOCKSTEP_UNIX_TIME_MAX_STEP
      || said < expected - LOCKSTEP_UNIX_TIME_MAX_STEP) {
    if (!proves_right (time, said, running, expected, now)) {
      time->refused++;
      return expected;
    }
    time->moved++;
  }
  time->others = 0;
  time->offset = said - running;
  return said;
}
