/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Exponential back-off with jitter. */
#include <gst/lockstep/backoff.h>

guint
lockstep_backoff_next (LockstepBackoff * backoff, gint64 ran_ms, double random)
{
  guint delay = backoff->next_ms;

  if (delay == 0 || ran_ms >= backoff->good_ms)
    delay = backoff->first_ms;
  backoff->next_ms = delay > backoff->max_ms / 2 ? backoff->max_ms : 2 * delay;
  return delay / 2 + (guint) ((delay - delay / 2) * CLAMP (random, 0.0, 1.0));
}
