/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Renditions: the size that each gets from a source, which one goes where a machine
 * cannot keep up, and when it is tried again. */
#pragma once

#include <gst/lockstep/backoff.h>
#include <gst/lockstep/preset.h>

G_BEGIN_DECLS

/**
 * lockstep_rendition_fit:
 * @source_width, @source_height: pixels of a square shape
 * @upscale: whether it may be larger than the source
 *
 * The size of an encoded rendition: as large as fits into what was asked for, with the
 * source's aspect ratio, and no larger than the source. For a source that stands
 * upright what was asked for is turned: the bitrate was chosen for that many pixels.
 * Both sides are even.
 */
void lockstep_rendition_fit (const LockstepRendition *rendition, int source_width,
    int source_height, gboolean upscale, int *width, int *height);

/* How one rendition does. */
typedef struct
{
  gboolean active;              /* not dropped */
  gboolean ready;               /* dropped, and could be encoded again */
  gboolean encoded;             /* passed through: costs nothing, is never behind */
  double cost;                  /* anything that grows with the work: pixels a second */
  gint64 lag;                   /* media time that went in and has not come out, ns */
} LockstepRenditionLoad;

/* Whether a machine keeps up, over time. */
typedef struct
{
  gint64 last;                  /* time of the last look, ns; G_MININT64: none */
  gint64 settled;               /* no judgement before this */
  gint64 debt;                  /* time behind, less time that was made up for, ns */
  gboolean behind;              /* now */

  LockstepBackoff wait;         /* to keep up for before one is tried again */
  gint64 due;                   /* when one is, if all keep up until then */
  gint64 wait_now;              /* ns, as the back-off has it; 0: nothing was dropped */
  int trial;                    /* what was tried last, and not dropped since; or -1 */
  gint64 tried;                 /* when one was; G_MININT64: never */
} LockstepOverload;

/**
 * lockstep_overload_init:
 * @retry: ns that all have to keep up before one that was dropped is tried again; 0: none
 *   is, ever
 */
void lockstep_overload_init (LockstepOverload *overload, gint64 retry);

/**
 * lockstep_overload_look:
 * @now: ns of a steady clock
 *
 * Judges by the loads at @now. A lag for a moment is no overload; one that stays is
 * answered by dropping the costliest of those that are behind, then by waiting for what
 * that brings. The last active rendition is never dropped.
 *
 * Returns: which one to drop, or -1
 */
int lockstep_overload_look (LockstepOverload *overload, gint64 now,
    const LockstepRenditionLoad *loads, guint n);

/**
 * lockstep_overload_retry:
 * @now: as it was given to lockstep_overload_look() just before
 *
 * The cheapest of those that were dropped is tried again, alone, once all others have kept
 * up for long enough. While it is new it is dropped at the first sign that others suffer
 * from it; each that is dropped again within ten minutes doubles the time until the next
 * is tried, up to an hour.
 *
 * Returns: which one to encode again, or -1
 */
int lockstep_overload_retry (LockstepOverload *overload, gint64 now,
    const LockstepRenditionLoad *loads, guint n);

G_END_DECLS
