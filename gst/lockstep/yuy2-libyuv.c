/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The conversion as the element does it: large pictures by yuy2-avx2.c where that can be, all
 * else through libyuv: what it has functions for, and what those give together for what it
 * has none. */
#include "yuy2-private.h"

#include <libyuv/planar_functions.h>

/* Chroma rows converted before their bytes are swapped: few enough to be in the first
 * cache still. */
#define BAND 2

/* Why libyuv gets whole multiples of 32 columns: beyond, its YUY2ToNV12() for AVX2 is
 * wrong in the version of Debian 12 (1857). Of 17 to 30 columns left of 32, the chroma of
 * the last ones is not that of the picture. */
#define COLUMNS LOCKSTEP_YUY2_COLUMNS

/* Luma @row alone, from column @x on. */
static void
copy_luma (const LockstepYuy2Picture * p, gsize row, guint x)
{
  const LockstepYuy2Bytes *at = lockstep_yuy2_bytes (p->order);
  const guint8 *src = p->src + row * p->src_stride;
  guint8 *y = p->y + row * p->y_stride;

  for (; x < p->width; x++)
    y[x] = src[x / 2 * 4 + (x & 1 ? at->y1 : at->y0)];
}

/* @rows rows of a field, or of a progressive picture, from picture row @luma and chroma
 * row @chroma on; rows of either plane are @step apart. @streamed: the whole multiples of
 * columns are done. */
static void
convert (const LockstepYuy2Picture * p, gsize luma, gsize chroma, guint step,
    guint rows, gboolean streamed)
{
  const guint8 *src = p->src + luma * p->src_stride;
  guint8 *y = p->y + luma * p->y_stride;
  guint8 *uv = p->uv + chroma * p->uv_stride;
  int ss = (int) (p->src_stride * step), ys = (int) (p->y_stride * step);
  int us = (int) (p->uv_stride * step), width =
      (int) (p->width & ~(COLUMNS - 1));

  if (width && !streamed) {
    if (p->order == LOCKSTEP_YUY2_YUY2 || p->order == LOCKSTEP_YUY2_YVYU)
      YUY2ToNV12 (src, ss, y, ys, uv, us, width, (int) rows);
    else
      UYVYToNV12 (src, ss, y, ys, uv, us, width, (int) rows);
    /* libyuv has nothing for V before U */
    if (p->order == LOCKSTEP_YUY2_YVYU || p->order == LOCKSTEP_YUY2_VYUY)
      SwapUVPlane (uv, us, uv, us, width / 2, (int) (rows + 1) / 2);
  }
  if ((guint) width < p->width) {
    const LockstepYuy2Bytes *at = lockstep_yuy2_bytes (p->order);

    for (guint i = 0; i < rows; i++)
      copy_luma (p, luma + (gsize) i * step, (guint) width);
    for (guint i = 0; i < rows; i += 2) {
      const guint8 *a = src + (gsize) i * ss;
      const guint8 *b = i + 1 < rows ? a + ss : a;

      for (guint x = (guint) width; x < p->width; x += 2) {
        uv[x] = (guint8) ((a[2 * x + at->u] + b[2 * x + at->u] + 1) >> 1);
        uv[x + 1] = (guint8) ((a[2 * x + at->v] + b[2 * x + at->v] + 1) >> 1);
      }
      uv += us;
    }
  }
}

/* Chroma rows @first to @end - 1 of one field, or of a progressive picture: row i of
 * these is the plane's row i * @step + @field. */
static void
convert_field (const LockstepYuy2Picture * p, guint field, guint step,
    guint first, guint end, gboolean streamed)
{
  guint rows = (p->height - field + step - 1) / step;   /* luma rows of the field */
  gboolean swap = !streamed && (p->order == LOCKSTEP_YUY2_YVYU ||
      p->order == LOCKSTEP_YUY2_VYUY);
  guint last = MIN (end, (rows + 1) / 2);
  guint whole = p->uv_rows > field ? (p->uv_rows - field + step - 1) / step : 0;
  guint band = swap ? BAND : G_MAXUINT;

  for (guint i = first; i < MIN (last, whole);) {
    guint n = MIN (band, MIN (last, whole) - i);

    convert (p, (gsize) 2 * i * step + field, (gsize) i * step + field, step,
        MIN (2 * n, rows - 2 * i), streamed);
    i += n;
  }
  /* rows whose chroma the output has no place for: one, at most two */
  for (guint i = MAX (first, whole); i < last; i++) {
    for (guint j = 2 * i; j < MIN (2 * i + 2, rows); j++)
      copy_luma (p, (gsize) j * step + field, 0);
  }
}

/**
 * lockstep_yuy2_to_nv12:
 * @slice: chroma rows to convert, as lockstep_yuy2_slice() gives them
 *
 * As lockstep_yuy2_to_nv12_reference() does for these rows, byte for byte. Slices may
 * be converted at the same time.
 */
void
lockstep_yuy2_to_nv12 (const LockstepYuy2Picture * picture,
    LockstepYuy2Slice slice)
{
  guint end = slice.first + slice.n;
  gboolean streamed;

  if (!slice.n)
    return;
  streamed = lockstep_yuy2_streams (picture);
  if (streamed) {
    lockstep_yuy2_stream (picture, slice);
    if (picture->width % COLUMNS == 0)
      return;
  }
  if (!picture->interlaced) {
    convert_field (picture, 0, 1, slice.first, end, streamed);
    return;
  }
  for (guint field = 0; field < MIN (2, picture->height); field++)
    convert_field (picture, field, 2, (slice.first + 1 - field) / 2,
        (end + 1 - field) / 2, streamed);
}
