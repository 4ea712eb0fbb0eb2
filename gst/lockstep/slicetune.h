/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* How many threads a conversion is worth, found by measuring. Conversions are often
 * bound by memory, and then a second thread costs a core and gains nothing. */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* Pictures with fewer pixels are not worth waking a thread. */
#define LOCKSTEP_SLICETUNE_MIN_PIXELS (1280 * 720)
/* Each number of slices is tried this often, after one go to warm up. */
#define LOCKSTEP_SLICETUNE_ROUNDS 6
/* More slices are taken where they need at most this percentage of the time. */
#define LOCKSTEP_SLICETUNE_GAIN 90
#define LOCKSTEP_SLICETUNE_MAX 4

typedef struct
{
  guint slices[LOCKSTEP_SLICETUNE_MAX];
  gint64 best[LOCKSTEP_SLICETUNE_MAX];  /* shortest time of each */
  guint n;                      /* numbers of slices that are tried */
  guint turn;
  guint chosen;                 /* 0: not yet */
} LockstepSliceTune;

void lockstep_slicetune_init (LockstepSliceTune * tune, guint64 pixels,
    guint max_slices);
guint lockstep_slicetune_next (const LockstepSliceTune * tune);
void lockstep_slicetune_took (LockstepSliceTune * tune, gint64 time);

G_END_DECLS
