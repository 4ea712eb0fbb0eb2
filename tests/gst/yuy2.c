/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* libyuv, the AVX2 code and the CUDA kernel's arithmetic, compiled for the host, give the
 * reference's bytes: all of them, and no byte beyond. */
#include <gst/lockstep/yuy2.h>

#include "plugins/yuy2convert/yuy2nv12-kernel.h"

#include <string.h>

#define GUARD 0xa5

typedef struct
{
  LockstepYuy2Picture p;
  guint8 *src, *out;            /* allocations */
  gsize src_size, out_size;
} Case;

static void
fill (GRand * rand, guint8 * data, gsize size)
{
  guint32 x = g_rand_int (rand) | 1;

  for (gsize i = 0; i < size; i++) {
    x ^= x << 13;
    x ^= x >> 17;
    x ^= x << 5;
    data[i] = (guint8) (x >> 11);
  }
}

/* A picture whose planes begin at @shift and whose strides have @pad bytes more than
 * they need. */
static void
case_init (Case * c, GRand * rand, LockstepYuy2Order order, gboolean interlaced,
    guint width, guint height, gsize shift, gsize pad)
{
  guint rows = lockstep_yuy2_uv_rows (height, interlaced);
  gsize half = (gsize) (width + 1) / 2;

  memset (c, 0, sizeof *c);
  c->p = (LockstepYuy2Picture) {
  order, interlaced, width, height, rows};
  c->p.src_stride = half * 4 + pad;
  c->p.y_stride = c->p.uv_stride = half * 2 + pad;
  c->src_size = shift + c->p.src_stride * height;
  c->out_size = shift + c->p.y_stride * (height + rows) + 64;
  c->src = g_malloc (c->src_size);
  c->out = g_aligned_alloc (c->out_size, 1, 64);
  fill (rand, c->src, c->src_size);
  memset (c->out, GUARD, c->out_size);
  c->p.src = c->src + shift;
  c->p.y = c->out + shift;
  c->p.uv = c->p.y + c->p.y_stride * height;
}

static void
case_clear (Case * c)
{
  g_free (c->src);
  g_aligned_free (c->out);
}

/* The picture of @c with an output of its own. */
static LockstepYuy2Picture
other_output (const Case * c, guint8 ** out)
{
  LockstepYuy2Picture p = c->p;

  *out = g_aligned_alloc (c->out_size, 1, 64);
  memset (*out, GUARD, c->out_size);
  p.y = *out + (c->p.y - c->out);
  p.uv = *out + (c->p.uv - c->out);
  return p;
}

static void
kernel_on_host (const LockstepYuy2Picture * p)
{
  const LockstepYuy2Bytes *at = lockstep_yuy2_bytes (p->order);
  Yuy2Nv12Args args = {
    .src = (guintptr) p->src,.y = (guintptr) p->y,.uv = (guintptr) p->uv,
    .src_stride = (guint32) p->src_stride,.y_stride = (guint32) p->y_stride,
    .uv_stride = (guint32) p->uv_stride,.width = p->width,.height = p->height,
    .uv_rows = p->uv_rows,.interlaced = !!p->interlaced,
  };
  guint gx, gy;

  yuy2nv12_args_finish (&args, at->y0, at->u, at->y1, at->v);
  yuy2nv12_grid (&args, &gx, &gy);
  for (guint y = 0; y < gy * YUY2NV12_BLOCK_Y; y++) {
    for (guint x = 0; x < gx * YUY2NV12_BLOCK_X; x++)
      yuy2nv12_thread (&args, x, y);
  }
}

static void
check (Case * c, guint slices)
{
  guint8 *by_libyuv, *by_kernel;
  LockstepYuy2Picture p;

  lockstep_yuy2_to_nv12_reference (&c->p);
  p = other_output (c, &by_libyuv);
  for (guint i = 0; i < slices; i++)
    lockstep_yuy2_to_nv12 (&p, lockstep_yuy2_slice (p.height, p.interlaced, i,
            slices));
  if (memcmp (by_libyuv, c->out, c->out_size))
    g_error ("libyuv differs: order %d, interlaced %d, %ux%u, %u chroma rows, "
        "%u slices", p.order, p.interlaced, p.width, p.height, p.uv_rows,
        slices);
  p = other_output (c, &by_kernel);
  kernel_on_host (&p);
  if (memcmp (by_kernel, c->out, c->out_size))
    g_error
        ("the kernel differs: order %d, interlaced %d, %ux%u, %u chroma rows",
        p.order, p.interlaced, p.width, p.height, p.uv_rows);
  g_aligned_free (by_libyuv);
  g_aligned_free (by_kernel);
}

static void
test_by_hand (void)
{
  /* two rows of two pixels in each order, the same picture */
  static const guint8 frames[LOCKSTEP_YUY2_N_ORDERS][8] = {
    {1, 10, 2, 20, 3, 13, 4, 255},
    {10, 1, 20, 2, 13, 3, 255, 4},
    {1, 20, 2, 10, 3, 255, 4, 13},
    {20, 1, 10, 2, 255, 3, 13, 4},
  };

  for (guint i = 0; i < LOCKSTEP_YUY2_N_ORDERS; i++) {
    guint8 y[4], uv[2];
    LockstepYuy2Picture p = { i, FALSE, 2, 2, 1, frames[i], 4, y, 2, uv, 2 };

    lockstep_yuy2_to_nv12_reference (&p);
    g_assert_cmpmem (y, 4, "\1\2\3\4", 4);
    /* halves are rounded up */
    g_assert_cmpuint (uv[0], ==, 12);
    g_assert_cmpuint (uv[1], ==, 138);
  }
}

static void
test_fields_are_not_mixed (void)
{
  guint8 src[8 * 4], y[8 * 2], uv[4 * 2];
  LockstepYuy2Picture p = { LOCKSTEP_YUY2_YUY2, TRUE, 2, 8, 4, src, 4, y, 2,
    uv, 2
  };

  for (guint i = 0; i < 8; i++)
    memset (src + 4 * i, i & 1 ? 200 : 50, 4);
  lockstep_yuy2_to_nv12_reference (&p);
  for (guint i = 0; i < 4; i++)
    g_assert_cmpuint (uv[2 * i], ==, i & 1 ? 200 : 50);
}

static void
test_all_sizes_up_to_40 (void)
{
  g_autoptr (GRand) rand = g_rand_new_with_seed (1);

  for (guint width = 1; width <= 40; width++) {
    for (guint height = 1; height <= 13; height++) {
      for (guint k = 0; k < 2 * LOCKSTEP_YUY2_N_ORDERS; k++) {
        Case c;

        case_init (&c, rand, k / 2, k & 1, width, height, 16 * (width & 1),
            width % 3 ? 16 - width % 16 : 0);
        check (&c, 1 + height % 3);
        case_clear (&c);
      }
    }
  }
}

static void
test_random_sizes_strides_and_offsets (void)
{
  g_autoptr (GRand) rand = g_rand_new_with_seed (20261121);

  for (guint i = 0; i < 600; i++) {
    /* one after the other: compilers differ in which argument comes first */
    const LockstepYuy2Order order =
        g_rand_int_range (rand, 0, LOCKSTEP_YUY2_N_ORDERS);
    const gboolean interlaced = g_rand_boolean (rand);
    const guint width = g_rand_int_range (rand, 1, 700);
    const guint height = g_rand_int_range (rand, 1, 60);
    const gsize shift = g_rand_int_range (rand, 0, 40);
    const gsize pad = g_rand_int_range (rand, 0, 70);
    Case c;

    case_init (&c, rand, order, interlaced, width, height, shift, pad);
    /* an output that lacks the last chroma rows */
    if (g_rand_int_range (rand, 0, 8) == 0)
      c.p.uv_rows -= MIN (c.p.uv_rows, (guint) g_rand_int_range (rand, 1, 3));
    check (&c, g_rand_int_range (rand, 1, 9));
    case_clear (&c);
  }
}

static void
test_broadcast_sizes (void)
{
  static const guint sizes[][2] = { {2, 2}, {1920, 1080}, {3840, 2160},
  {7680, 4320}
  };
  g_autoptr (GRand) rand = g_rand_new_with_seed (3);

  for (guint i = 0; i < G_N_ELEMENTS (sizes); i++) {
    for (guint k = 0; k < 2 * LOCKSTEP_YUY2_N_ORDERS; k++) {
      Case c;

      /* 8K: each order once */
      if (sizes[i][0] == 7680 && (k & 1) != (k / 2 & 1))
        continue;
      case_init (&c, rand, k / 2, k & 1, sizes[i][0], sizes[i][1], 0, 0);
      check (&c, 2);
      case_clear (&c);
    }
  }
}

/* Large ones, with rows that begin at multiples of 32 bytes and with others, take
 * different ways on processors that have both. */
static void
test_large_pictures (void)
{
  static const struct
  {
    guint width, height, shift, pad;
    guint lacking;              /* chroma rows that the output has no place for */
  } cases[] = {
    {1280, 721, 0, 0, 1}, {1300, 801, 32, 12}, {1311, 723, 0, 0, 2},
    {1952, 1003, 64, 32}, {1280, 720, 16, 0}, {1279, 730, 0, 32},
    {1281, 722, 0, 30, 3}, {1312, 703, 32, 0},
  };
  g_autoptr (GRand) rand = g_rand_new_with_seed (4);

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++) {
    for (guint k = 0; k < 2 * LOCKSTEP_YUY2_N_ORDERS; k++) {
      Case c;

      case_init (&c, rand, k / 2, k & 1, cases[i].width, cases[i].height,
          cases[i].shift, cases[i].pad);
      c.p.uv_rows -= cases[i].lacking;
      check (&c, 1 + k % 3);
      case_clear (&c);
    }
  }
}

static void
test_slices_cover_a_picture_once (void)
{
  for (guint height = 1; height < 70; height++) {
    for (guint n = 1; n < 9; n++) {
      for (guint interlaced = 0; interlaced < 2; interlaced++) {
        guint next = 0;

        for (guint i = 0; i < n; i++) {
          LockstepYuy2Slice s = lockstep_yuy2_slice (height, interlaced, i, n);

          g_assert_cmpuint (s.first, ==, s.n ? next : s.first);
          g_assert_cmpuint (s.first & 1, ==, 0);
          next += s.n;
        }
        g_assert_cmpuint (next, ==, lockstep_yuy2_uv_rows (height, interlaced));
      }
    }
  }
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/yuy2/by-hand", test_by_hand);
  g_test_add_func ("/yuy2/fields-are-not-mixed", test_fields_are_not_mixed);
  g_test_add_func ("/yuy2/slices-cover-a-picture-once",
      test_slices_cover_a_picture_once);
  g_test_add_func ("/yuy2/all-sizes-up-to-40", test_all_sizes_up_to_40);
  g_test_add_func ("/yuy2/random-sizes-strides-and-offsets",
      test_random_sizes_strides_and_offsets);
  g_test_add_func ("/yuy2/large-pictures", test_large_pictures);
  g_test_add_func ("/yuy2/broadcast-sizes", test_broadcast_sizes);
  return g_test_run ();
}
