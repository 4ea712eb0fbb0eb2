/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Packed 4:2:2 (YUY2, UYVY, YVYU, VYUY) to NV12: what the result is, as plain C,
 * and the same through libyuv. Every fast path is compared with the first. */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* The order of the four bytes of two pixels. */
typedef enum
{
  LOCKSTEP_YUY2_YUY2,           /* Y0 U Y1 V */
  LOCKSTEP_YUY2_UYVY,           /* U Y0 V Y1 */
  LOCKSTEP_YUY2_YVYU,           /* Y0 V Y1 U */
  LOCKSTEP_YUY2_VYUY,           /* V Y0 U Y1 */
  LOCKSTEP_YUY2_N_ORDERS,
} LockstepYuy2Order;

/* Where each sample stands among the four bytes. */
typedef struct
{
  guint8 y0, u, y1, v;
} LockstepYuy2Bytes;

/*
 * One picture to convert. @width and @height are those of the picture, any from 1 on; a
 * row of the source holds (@width + 1) / 2 groups of four bytes, a row of @uv as many
 * pairs. Strides are in bytes.
 *
 * Progressive: chroma row p comes of rows 2p and 2p + 1. Interlaced (two fields, their
 * rows in turn): chroma row p belongs to field f = p & 1, and comes of that field's
 * rows 4(p >> 1) + f and two below. A row without a second one stands alone.
 *
 * Chroma rows from @uv_rows on are not written: give lockstep_yuy2_uv_rows(), or less
 * where the output holds less.
 */
typedef struct
{
  LockstepYuy2Order order;
  gboolean interlaced;
  guint width, height;
  guint uv_rows;
  const guint8 *src;
  gsize src_stride;
  guint8 *y;
  gsize y_stride;
  guint8 *uv;
  gsize uv_stride;
} LockstepYuy2Picture;

/* Rows @first to @first + @n - 1 of the pairs of a picture. */
typedef struct
{
  guint first, n;
} LockstepYuy2Slice;

const LockstepYuy2Bytes *lockstep_yuy2_bytes (LockstepYuy2Order order);
guint lockstep_yuy2_uv_rows (guint height, gboolean interlaced);
LockstepYuy2Slice lockstep_yuy2_slice (guint height, gboolean interlaced,
    guint index, guint n_slices);

void lockstep_yuy2_to_nv12_reference (const LockstepYuy2Picture * picture);

/* in yuy2-libyuv.c and yuy2-avx2.c, which are linked where libyuv is */
void lockstep_yuy2_to_nv12 (const LockstepYuy2Picture * picture,
    LockstepYuy2Slice slice);

G_END_DECLS
