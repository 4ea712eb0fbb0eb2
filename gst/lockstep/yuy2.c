/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The definition of the conversion, and how a picture is cut into slices. */
#include "yuy2.h"

/**
 * lockstep_yuy2_bytes:
 *
 * Returns: where the samples of @order stand in its four bytes.
 */
const LockstepYuy2Bytes *
lockstep_yuy2_bytes (LockstepYuy2Order order)
{
  static const LockstepYuy2Bytes bytes[LOCKSTEP_YUY2_N_ORDERS] = {
    [LOCKSTEP_YUY2_YUY2] = {0, 1, 2, 3},
    [LOCKSTEP_YUY2_UYVY] = {1, 0, 3, 2},
    [LOCKSTEP_YUY2_YVYU] = {0, 3, 2, 1},
    [LOCKSTEP_YUY2_VYUY] = {1, 2, 3, 0},
  };

  g_return_val_if_fail ((guint) order < LOCKSTEP_YUY2_N_ORDERS, &bytes[0]);
  return &bytes[order];
}

/**
 * lockstep_yuy2_uv_rows:
 *
 * Returns: rows of the chroma plane. Interlaced pictures have as many of each field, as
 * GstVideoInfo lays them out.
 */
guint
lockstep_yuy2_uv_rows (guint height, gboolean interlaced)
{
  guint rows = height / 2 + (height & 1);

  return interlaced ? rows + (rows & 1) : rows;
}

/**
 * lockstep_yuy2_slice:
 *
 * Cuts a picture for @n_slices threads.
 *
 * Returns: chroma rows of slice @index. It begins at an even one, so that a slice of
 * an interlaced picture holds both fields. May be empty.
 */
LockstepYuy2Slice
lockstep_yuy2_slice (guint height, gboolean interlaced, guint index,
    guint n_slices)
{
  guint rows = lockstep_yuy2_uv_rows (height, interlaced);
  guint units = rows / 2 + (rows & 1);
  guint from = (guint) ((guint64) units * index / n_slices) * 2;
  guint to = (guint) ((guint64) units * (index + 1) / n_slices) * 2;

  return (LockstepYuy2Slice) {
  from, MIN (to, rows) - from};
}

/**
 * lockstep_yuy2_to_nv12_reference:
 *
 * The conversion as it is defined, byte after byte: luma is copied, chroma is
 * (a + b + 1) >> 1 of the two rows. This is libyuv's rule, and the two taps that a 4:2:0
 * picture with chroma between the rows ("mpeg2", the default) asks for.
 */
void
lockstep_yuy2_to_nv12_reference (const LockstepYuy2Picture * p)
{
  const LockstepYuy2Bytes *at = lockstep_yuy2_bytes (p->order);
  guint rows = lockstep_yuy2_uv_rows (p->height, p->interlaced);

  for (guint i = 0; i < p->height; i++) {
    for (guint x = 0; x < p->width; x++)
      p->y[i * p->y_stride + x] =
          p->src[i * p->src_stride + x / 2 * 4 + (x & 1 ? at->y1 : at->y0)];
  }
  for (guint row = 0; row < MIN (rows, p->uv_rows); row++) {
    guint a = p->interlaced ? (row >> 1) * 4 + (row & 1) : row * 2;
    guint b = a + (p->interlaced ? 2 : 1);
    const guint8 *first, *second;

    if (a >= p->height)
      continue;
    first = p->src + a * p->src_stride;
    second = b < p->height ? p->src + b * p->src_stride : first;
    for (guint x = 0; x < (p->width + 1) / 2; x++) {
      guint8 *uv = p->uv + row * p->uv_stride + 2 * x;

      uv[0] =
          (guint8) ((first[4 * x + at->u] + second[4 * x + at->u] + 1) >> 1);
      uv[1] =
          (guint8) ((first[4 * x + at->v] + second[4 * x + at->v] + 1) >> 1);
    }
  }
}
