/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The time of day as black and white cells along the top of a picture, which survive any
 * encoder and can be read back from what a player shows. */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

#define LOCKSTEP_TIMESTRIPE_COLUMNS 26
#define LOCKSTEP_TIMESTRIPE_ROWS 2

/* TRUE: white. */
typedef gboolean LockstepTimestripe[LOCKSTEP_TIMESTRIPE_ROWS][LOCKSTEP_TIMESTRIPE_COLUMNS];

/**
 * lockstep_timestripe_encode:
 * @ms: since the Unix epoch, below 2^42
 *
 * Each row begins with a white cell and ends with a black one, from which a reader takes
 * its threshold. The 24 cells between them are bits, most significant first: 42 bits of
 * Gray-coded time (neighbouring times differ in few cells), then a 6-bit checksum
 * (x^6 + x + 1) that rejects a mixture of two pictures. The pages' testpattern.js draws
 * and reads the same.
 */
void lockstep_timestripe_encode (guint64 ms, LockstepTimestripe cells);

/**
 * lockstep_timestripe_decode:
 * @luma: the mean of the middle of each cell, 0 to 255
 *
 * Returns: FALSE when there is no time, or a damaged one
 */
gboolean lockstep_timestripe_decode (const double
    luma[LOCKSTEP_TIMESTRIPE_ROWS][LOCKSTEP_TIMESTRIPE_COLUMNS], guint64 *ms);

/**
 * lockstep_timestripe_draw:
 * @plane: one component of the picture, @width by @height samples
 * @step, @stride: bytes from one sample to the next, and from row to row
 * @black, @white: the values of the cells; both the grey one for chroma
 *
 * Fills the top eighth.
 */
void lockstep_timestripe_draw (const LockstepTimestripe cells, guint8 *plane,
    guint step, gsize stride, guint width, guint height, guint8 black,
    guint8 white);

G_END_DECLS
