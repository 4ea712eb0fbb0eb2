/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The choice of how many slices. */
#include "slicetune.h"

#include <string.h>

/**
 * lockstep_slicetune_init:
 * @pixels: of a picture
 * @max_slices: processors at hand, from 1 on
 *
 * 1, 2, 4 and 8 slices are tried, as far as @max_slices goes.
 */
void
lockstep_slicetune_init (LockstepSliceTune * tune, guint64 pixels,
    guint max_slices)
{
  memset (tune, 0, sizeof *tune);
  for (guint slices = 1; tune->n < LOCKSTEP_SLICETUNE_MAX && (slices == 1
          || slices <= max_slices); slices *= 2) {
    tune->slices[tune->n] = slices;
    tune->best[tune->n++] = G_MAXINT64;
  }
  if (tune->n == 1 || pixels < LOCKSTEP_SLICETUNE_MIN_PIXELS)
    tune->chosen = 1;
}

/**
 * lockstep_slicetune_next:
 *
 * Returns: into how many slices to cut the next picture.
 */
guint
lockstep_slicetune_next (const LockstepSliceTune * tune)
{
  return tune->chosen ? tune->chosen : tune->slices[tune->turn % tune->n];
}

/**
 * lockstep_slicetune_took:
 * @time: that the picture took which lockstep_slicetune_next() was asked for, in any unit
 *
 * The numbers take turns, so that what slows the machine for a while slows all of them.
 */
void
lockstep_slicetune_took (LockstepSliceTune * tune, gint64 time)
{
  guint i = tune->turn % tune->n;

  if (tune->chosen)
    return;
  if (tune->turn >= tune->n)
    tune->best[i] = MIN (tune->best[i], time);
  if (++tune->turn < tune->n * (LOCKSTEP_SLICETUNE_ROUNDS + 1))
    return;
  i = 0;
  for (guint k = 1; k < tune->n; k++) {
    if (tune->best[k] <= tune->best[i] / 100 * LOCKSTEP_SLICETUNE_GAIN)
      i = k;
  }
  tune->chosen = tune->slices[i];
}
