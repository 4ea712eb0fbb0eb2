/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Renditions: the size that each gets from a source, and which one goes where a machine
 * cannot keep up. */
#pragma once

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
} LockstepOverload;

void lockstep_overload_init (LockstepOverload *overload);

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

G_END_DECLS
