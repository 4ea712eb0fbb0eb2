/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <gst/lockstep/timestripe.h>

#define COLUMNS LOCKSTEP_TIMESTRIPE_COLUMNS
#define ROWS LOCKSTEP_TIMESTRIPE_ROWS

/* The mean of the middle of each cell, as testpattern.js takes it. */
static void
measure (const guint8 * plane, guint width, guint height, guint step,
    double luma[ROWS][COLUMNS])
{
  const double w = (double) width / COLUMNS, h = height / 8.0 / ROWS;

  for (guint r = 0; r < ROWS; r++) {
    for (guint c = 0; c < COLUMNS; c++) {
      double sum = 0;
      guint n = 0;

      for (guint y = (guint) (r * h + h * 0.3); y < r * h + h * 0.7; y++) {
        for (guint x = (guint) (c * w + w * 0.3); x < c * w + w * 0.7; x++) {
          sum += plane[(y * width + x) * step];
          n++;
        }
      }
      luma[r][c] = n > 0 ? sum / n : 0;
    }
  }
}

static void
test_round_trip (void)
{
  static const guint sizes[][2] = { {1280, 720}, {640, 360}, {320, 180}, {641,
      361}
  };
  const guint64 times[] = { 0, 1, 1795259519123, (G_GUINT64_CONSTANT (1) << 42)
    - 1
  };

  for (guint s = 0; s < G_N_ELEMENTS (sizes); s++) {
    for (guint t = 0; t < G_N_ELEMENTS (times); t++) {
      const guint width = sizes[s][0], height = sizes[s][1];
      g_autofree guint8 *plane = g_malloc0 (2 * width * height);
      LockstepTimestripe cells;
      double luma[ROWS][COLUMNS];
      guint64 ms;

      lockstep_timestripe_encode (times[t], cells);
      lockstep_timestripe_draw (cells, plane, 2, 2 * width, width, height, 16,
          235);
      measure (plane, width, height, 2, luma);
      g_assert_true (lockstep_timestripe_decode (luma, &ms));
      g_assert_cmpuint (ms, ==, times[t]);
      /* the other bytes of a packed format are left alone */
      g_assert_cmpuint (plane[1], ==, 0);
    }
  }
}

/* The cells that the pages' encodeTime() draws for the same time. */
static void
test_same_as_the_page (void)
{
  static const char *const rows[] = { "10101110001000000110010100",
    "10101111000110110100000000"
  };
  LockstepTimestripe cells;

  lockstep_timestripe_encode (1795259519123, cells);
  for (guint r = 0; r < ROWS; r++) {
    for (guint c = 0; c < COLUMNS; c++)
      g_assert_cmpint (cells[r][c], ==, rows[r][c] == '1');
  }
}

static void
test_damage (void)
{
  LockstepTimestripe cells;
  double luma[ROWS][COLUMNS];
  guint64 ms;
  guint found = 0;

  lockstep_timestripe_encode (1795259519123, cells);
  for (guint i = 0; i < ROWS * COLUMNS; i++) {
    for (guint r = 0; r < ROWS; r++) {
      for (guint c = 0; c < COLUMNS; c++)
        luma[r][c] = cells[r][c] != (r * COLUMNS + c == i) ? 200 : 20;
    }
    found += lockstep_timestripe_decode (luma, &ms);
  }
  g_assert_cmpuint (found, ==, 0);
  for (guint r = 0; r < ROWS; r++) {
    for (guint c = 0; c < COLUMNS; c++)
      luma[r][c] = 128;
  }
  g_assert_false (lockstep_timestripe_decode (luma, &ms));
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/timestripe/round-trip", test_round_trip);
  g_test_add_func ("/timestripe/page", test_same_as_the_page);
  g_test_add_func ("/timestripe/damage", test_damage);
  return g_test_run ();
}
