/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* How long to wait before what failed is tried again. */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* Delays double from @first_ms to @max_ms. A run that held for @good_ms was a good
 * one: the delay after it is the first again. */
typedef struct
{
  guint first_ms, max_ms, good_ms;
  guint next_ms;                /* 0: first_ms */
} LockstepBackoff;

/**
 * lockstep_backoff_next:
 * @ran_ms: how long the last run held
 * @random: from 0 to below 1
 *
 * Half of the delay is drawn by chance, so that many that failed together do not come
 * back in the same instant.
 *
 * Returns: ms to wait, from half of the delay to all of it
 */
guint lockstep_backoff_next (LockstepBackoff *backoff, gint64 ran_ms,
    double random);

G_END_DECLS
