/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Large pictures, written past the caches. libyuv fetches the lines that it writes; where the
 * memory is the limit, which it is from about 720p on, that costs a third. This also does all
 * four orders alike, of which libyuv has one as fast. */
#include "yuy2-private.h"

#if defined (__x86_64__)
#include <immintrin.h>

/* One more frame than a core's own caches hold; smaller ones the encoder reads there. */
#define MIN_PIXELS (1280 * 720)

/* Whether @p can go this way: a large one, on a processor with AVX2, with an output whose
 * rows begin at multiples of 32 bytes. */
gboolean
lockstep_yuy2_streams (const LockstepYuy2Picture * p)
{
  return (guint64) p->width * p->height >= MIN_PIXELS &&
      !(((guintptr) p->y | (guintptr) p->uv | p->y_stride | p->uv_stride) %
      LOCKSTEP_YUY2_COLUMNS) && __builtin_cpu_supports ("avx2");
}

/* 32 bytes of luma, or of chroma if @high is the other one, of 64 packed ones. */
__attribute__((target ("avx2"), always_inline))
     static inline __m256i half (__m256i a, __m256i b, gboolean high)
{
  const __m256i low = _mm256_set1_epi16 (0xff);

  if (high) {
    a = _mm256_srli_epi16 (a, 8);
    b = _mm256_srli_epi16 (b, 8);
  } else {
    a = _mm256_and_si256 (a, low);
    b = _mm256_and_si256 (b, low);
  }
  return _mm256_permute4x64_epi64 (_mm256_packus_epi16 (a, b), 0xd8);
}

/* Luma of one row. @luma_high: it is each second byte. */
__attribute__((target ("avx2"), always_inline))
     static inline void
         luma_row (const guint8 * a, guint8 * y, guint width,
    gboolean luma_high)
{
  for (guint x = 0; x < width; x += LOCKSTEP_YUY2_COLUMNS) {
    const __m256i *from = (const __m256i *) (a + 2 * (gsize) x);

    _mm256_stream_si256 ((__m256i *) (y + x), half (_mm256_loadu_si256 (from),
            _mm256_loadu_si256 (from + 1), luma_high));
  }
}

/* Luma of row @b, if @y is not NULL, and chroma of @a and @b. @swap: V comes before U. */
__attribute__((target ("avx2"), always_inline))
     static inline void
         second_row (const guint8 * a, const guint8 * b, guint8 * y,
    guint8 * uv, guint width, gboolean luma_high, gboolean swap)
{
  const __m256i pairs = _mm256_set_epi8 (14, 15, 12, 13, 10, 11, 8, 9, 6, 7, 4,
      5, 2, 3, 0, 1, 14, 15, 12, 13, 10, 11, 8, 9, 6, 7, 4, 5, 2, 3, 0, 1);

  for (guint x = 0; x < width; x += LOCKSTEP_YUY2_COLUMNS) {
    const __m256i *from_a = (const __m256i *) (a + 2 * (gsize) x);
    const __m256i *from_b = (const __m256i *) (b + 2 * (gsize) x);
    __m256i b0 = _mm256_loadu_si256 (from_b);
    __m256i b1 = _mm256_loadu_si256 (from_b + 1);
    __m256i chroma = half (_mm256_avg_epu8 (_mm256_loadu_si256 (from_a), b0),
        _mm256_avg_epu8 (_mm256_loadu_si256 (from_a + 1), b1), !luma_high);

    if (swap)
      chroma = _mm256_shuffle_epi8 (chroma, pairs);
    if (y)
      _mm256_stream_si256 ((__m256i *) (y + x), half (b0, b1, luma_high));
    _mm256_stream_si256 ((__m256i *) (uv + x), chroma);
  }
}

/* Two rows, or one with @yb NULL. The first is read alone, and again out of the nearest cache
 * with the second: reading memory at two places at a time took up to twice as long on
 * an EPYC of the fourth generation. */
__attribute__((target ("avx2"), always_inline))
     static inline void
         rows_of (const guint8 * a, const guint8 * b, guint8 * ya, guint8 * yb,
    guint8 * uv, guint width, gboolean luma_high, gboolean swap)
{
  luma_row (a, ya, width, luma_high);
  second_row (a, b, yb, uv, width, luma_high, swap);
}

/* @width is a multiple of LOCKSTEP_YUY2_COLUMNS; strides are in bytes, between rows that
 * belong together. An odd last row stands alone. */
__attribute__((target ("avx2")))
     void lockstep_yuy2_stream (LockstepYuy2Order order, const guint8 * src,
    gsize src_stride, guint8 * y, gsize y_stride, guint8 * uv, gsize uv_stride,
    guint width, guint rows)
{
  for (guint i = 0; i < rows; i += 2) {
    gboolean two = i + 1 < rows;
    const guint8 *b = two ? src + src_stride : src;
    guint8 *yb = two ? y + y_stride : NULL;

    switch (order) {
      case LOCKSTEP_YUY2_UYVY:
        rows_of (src, b, y, yb, uv, width, TRUE, FALSE);
        break;
      case LOCKSTEP_YUY2_YVYU:
        rows_of (src, b, y, yb, uv, width, FALSE, TRUE);
        break;
      case LOCKSTEP_YUY2_VYUY:
        rows_of (src, b, y, yb, uv, width, TRUE, TRUE);
        break;
      default:
        rows_of (src, b, y, yb, uv, width, FALSE, FALSE);
        break;
    }
    src += 2 * src_stride;
    y += 2 * y_stride;
    uv += uv_stride;
  }
  /* what was written past the caches is there for whoever is told next */
  _mm_sfence ();
}
#else
gboolean
lockstep_yuy2_streams (const LockstepYuy2Picture * p)
{
  return FALSE;
}

void
lockstep_yuy2_stream (LockstepYuy2Order order, const guint8 * src,
    gsize src_stride, guint8 * y, gsize y_stride, guint8 * uv, gsize uv_stride,
    guint width, guint rows)
{
  g_assert_not_reached ();
}
#endif
