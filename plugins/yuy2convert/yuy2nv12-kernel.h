/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The work of one thread of the CUDA kernel, in what C and CUDA have in common: nvcc
 * compiles it for the card, and the tests compile it for the host, so that the same
 * index arithmetic is checked where there is no card.
 *
 * A thread converts 8 pixels of the two rows that share a chroma row: it reads two
 * times 16 bytes and writes three times 8. Neighbours in x read and write what is
 * next to each other, so a warp's accesses are whole lines. Where a row's end or an
 * unaligned plane does not allow that, the thread goes byte by byte. */
#pragma once

#include <stdint.h>
#include <stddef.h>

#define YUY2NV12_PIXELS 8       /* of a thread */
#define YUY2NV12_BLOCK_X 32     /* threads of a block */
#define YUY2NV12_BLOCK_Y 8

#ifdef __CUDACC__
#define YUY2NV12_FN static __device__ __forceinline__
#else
#define YUY2NV12_FN static inline
#endif

/* The kernel's one argument, by value. Addresses are those of the side it runs on. */
typedef struct
{
  uint64_t src, y, uv;
  uint32_t src_stride, y_stride, uv_stride;
  uint32_t width, height;
  uint32_t uv_rows;             /* that the output holds */
  uint32_t pair_rows;           /* chroma rows of the picture */
  uint32_t interlaced;
  uint32_t select_y, select_uv; /* four times four bits: which byte of two words */
  uint32_t aligned;             /* source and its stride by 16, output's by 8 */
} Yuy2Nv12Args;

#ifdef __CUDACC__
YUY2NV12_FN void
yuy2nv12_load (const uint8_t * p, uint32_t v[4])
{
  const uint4 q = __ldg ((const uint4 *) p);

  v[0] = q.x;
  v[1] = q.y;
  v[2] = q.z;
  v[3] = q.w;
}

YUY2NV12_FN void
yuy2nv12_store (uint8_t * p, uint32_t a, uint32_t b)
{
  *(uint2 *) p = make_uint2 (a, b);
}

#define yuy2nv12_select(a, b, s) __byte_perm (a, b, s)
#else
#include <string.h>

YUY2NV12_FN void
yuy2nv12_load (const uint8_t * p, uint32_t v[4])
{
  memcpy (v, p, 16);
}

YUY2NV12_FN void
yuy2nv12_store (uint8_t * p, uint32_t a, uint32_t b)
{
  memcpy (p, &a, 4);
  memcpy (p + 4, &b, 4);
}

/* PTX prmt: each of four bytes is chosen among the eight of b:a. */
YUY2NV12_FN uint32_t
yuy2nv12_select (uint32_t a, uint32_t b, uint32_t selector)
{
  uint64_t both = (uint64_t) b << 32 | a;
  uint32_t r = 0;
  int i;

  for (i = 0; i < 4; i++)
    r |= (uint32_t) (both >> (8 * (selector >> (4 * i) & 7)) & 0xff) << (8 * i);
  return r;
}
#endif

/* (a + b + 1) >> 1 of each byte */
YUY2NV12_FN uint32_t
yuy2nv12_average (uint32_t a, uint32_t b)
{
  return (a | b) - (((a ^ b) >> 1) & 0x7f7f7f7fu);
}

/* Thread (@tx, @ty) of the grid, as if the blocks were one. */
YUY2NV12_FN void
yuy2nv12_thread (const Yuy2Nv12Args * args, uint32_t tx, uint32_t ty)
{
  const uint32_t x = tx * YUY2NV12_PIXELS;
  const uint32_t first = args->interlaced ?
      (ty >> 1) * 4 + (ty & 1) : ty * 2;
  const uint32_t second = first + (args->interlaced ? 2 : 1);
  const uint8_t *a, *b;
  uint8_t *ya, *yb, *uv;
  int two, chroma;

  if (x >= args->width || ty >= args->pair_rows || first >= args->height)
    return;
  two = second < args->height;
  chroma = ty < args->uv_rows;
  a = (const uint8_t *) (uintptr_t) args->src
      + (size_t) first *args->src_stride + (size_t) x * 2;
  b = two ? a + (size_t) (second - first) * args->src_stride : a;
  ya = (uint8_t *) (uintptr_t) args->y + (size_t) first *args->y_stride + x;
  yb = ya + (size_t) (second - first) * args->y_stride;
  uv = (uint8_t *) (uintptr_t) args->uv + (size_t) ty *args->uv_stride + x;

  if (args->aligned && x + YUY2NV12_PIXELS <= args->width) {
    uint32_t p[4], q[4];

    yuy2nv12_load (a, p);
    yuy2nv12_load (b, q);
    yuy2nv12_store (ya, yuy2nv12_select (p[0], p[1], args->select_y),
        yuy2nv12_select (p[2], p[3], args->select_y));
    if (two)
      yuy2nv12_store (yb, yuy2nv12_select (q[0], q[1], args->select_y),
          yuy2nv12_select (q[2], q[3], args->select_y));
    if (chroma)
      yuy2nv12_store (uv,
          yuy2nv12_average (yuy2nv12_select (p[0], p[1], args->select_uv),
              yuy2nv12_select (q[0], q[1], args->select_uv)),
          yuy2nv12_average (yuy2nv12_select (p[2], p[3], args->select_uv),
              yuy2nv12_select (q[2], q[3], args->select_uv)));
  } else {
    const uint32_t y0 = args->select_y & 3, y1 = args->select_y >> 4 & 3;
    const uint32_t u = args->select_uv & 3, v = args->select_uv >> 4 & 3;
    const uint32_t n = args->width - x < YUY2NV12_PIXELS ?
        args->width - x : YUY2NV12_PIXELS;
    uint32_t i;

    for (i = 0; i < n; i += 2, a += 4, b += 4) {
      ya[i] = a[y0];
      if (i + 1 < n)
        ya[i + 1] = a[y1];
      if (two) {
        yb[i] = b[y0];
        if (i + 1 < n)
          yb[i + 1] = b[y1];
      }
      if (chroma) {
        uv[i] = (uint8_t) ((a[u] + b[u] + 1) >> 1);
        uv[i + 1] = (uint8_t) ((a[v] + b[v] + 1) >> 1);
      }
    }
  }
}

#ifndef __CUDACC__
/* Fills in @args what follows of the rest and of the bytes' places. */
YUY2NV12_FN void
yuy2nv12_args_finish (Yuy2Nv12Args * args, unsigned y0, unsigned u,
    unsigned y1, unsigned v)
{
  uint32_t rows = args->height / 2 + (args->height & 1);

  args->pair_rows = args->interlaced ? rows + (rows & 1) : rows;
  args->select_y = y0 | y1 << 4 | (y0 + 4) << 8 | (y1 + 4) << 12;
  args->select_uv = u | v << 4 | (u + 4) << 8 | (v + 4) << 12;
  args->aligned = !(args->src % 16 || args->src_stride % 16 || args->y % 8 ||
      args->y_stride % 8 || args->uv % 8 || args->uv_stride % 8);
}

/* Blocks of the grid. */
YUY2NV12_FN void
yuy2nv12_grid (const Yuy2Nv12Args * args, unsigned *x, unsigned *y)
{
  const uint32_t across = YUY2NV12_PIXELS * YUY2NV12_BLOCK_X;

  *x = args->width / across + (args->width % across != 0);
  *y = args->pair_rows / YUY2NV12_BLOCK_Y +
      (args->pair_rows % YUY2NV12_BLOCK_Y != 0);
}
#endif
