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

/* Luma of row @b, and chroma of @a and @b. @swap: V comes before U. */
__attribute__((target ("avx2"), always_inline))
     static inline void
         chroma_row (const guint8 * a, const guint8 * b, guint8 * y,
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
    _mm256_stream_si256 ((__m256i *) (y + x), half (b0, b1, luma_high));
    _mm256_stream_si256 ((__m256i *) (uv + x), chroma);
  }
}

/* Rows in the order in which they stand in memory. Each is read alone, and those of a chroma
 * row's first line again, out of the nearest cache, with the second: reading memory at
 * two places at a time took up to twice as long on an EPYC of the fourth generation. */
__attribute__((target ("avx2"), always_inline))
     static inline void
         stream (const LockstepYuy2Picture * p, LockstepYuy2Slice slice,
    gboolean luma_high, gboolean swap)
{
  guint fields = p->interlaced ? 2 : 1, end = slice.first + slice.n;
  guint width = p->width & ~(LOCKSTEP_YUY2_COLUMNS - 1);

  for (guint row = slice.first; row < end; row += fields) {
    guint first = 2 * row, last = MIN (first + 2 * fields, p->height);

    for (guint i = first; i < last; i++) {
      const guint8 *src = p->src + i * p->src_stride;
      guint8 *y = p->y + i * p->y_stride;
      gboolean second = i >= first + fields;
      guint chroma = row + (i - first) % fields;

      if (chroma < p->uv_rows && (second || i + fields >= p->height))
        chroma_row (second ? src - fields * p->src_stride : src, src, y,
            p->uv + chroma * p->uv_stride, width, luma_high, swap);
      else
        luma_row (src, y, width, luma_high);
    }
  }
  /* what was written past the caches is there for whoever is told next */
  _mm_sfence ();
}

/* All but the columns beyond the last multiple of LOCKSTEP_YUY2_COLUMNS. */
__attribute__((target ("avx2")))
     void lockstep_yuy2_stream (const LockstepYuy2Picture * p,
    LockstepYuy2Slice slice)
{
  switch (p->order) {
    case LOCKSTEP_YUY2_UYVY:
      stream (p, slice, TRUE, FALSE);
      break;
    case LOCKSTEP_YUY2_YVYU:
      stream (p, slice, FALSE, TRUE);
      break;
    case LOCKSTEP_YUY2_VYUY:
      stream (p, slice, TRUE, TRUE);
      break;
    default:
      stream (p, slice, FALSE, FALSE);
      break;
  }
}
#else
gboolean
lockstep_yuy2_streams (const LockstepYuy2Picture * p)
{
  return FALSE;
}

void
lockstep_yuy2_stream (const LockstepYuy2Picture * p, LockstepYuy2Slice slice)
{
  g_assert_not_reached ();
}
#endif
