/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The time of day in a picture. */
#include <gst/lockstep/timestripe.h>

#define COLUMNS LOCKSTEP_TIMESTRIPE_COLUMNS
#define ROWS LOCKSTEP_TIMESTRIPE_ROWS
#define BITS_A_ROW (COLUMNS - 2)
#define TIME_BITS 42
#define CHECK_BITS 6
/* the strip's part of the height */
#define PART 8
/* of 256, between white and black */
#define MIN_CONTRAST 60

static guint
checksum (guint64 code)
{
  guint crc = 0x3f;

  for (int i = TIME_BITS - 1; i >= 0; i--) {
    const guint bit = ((code >> i) & 1) ^ (crc >> 5);

    crc = (crc << 1) & 0x3f;
    if (bit)
      crc ^= 0x03;
  }
  return crc;
}

void
lockstep_timestripe_encode (guint64 ms, LockstepTimestripe cells)
{
  const guint64 time = ms & ((G_GUINT64_CONSTANT (1) << TIME_BITS) - 1);
  const guint64 gray = time ^ (time >> 1);
  const guint64 word = (gray << CHECK_BITS) | checksum (gray);

  for (guint r = 0; r < ROWS; r++) {
    cells[r][0] = TRUE;
    for (guint i = 0; i < BITS_A_ROW; i++)
      cells[r][i + 1] =
          (word >> (ROWS * BITS_A_ROW - 1 - r * BITS_A_ROW - i)) & 1;
    cells[r][COLUMNS - 1] = FALSE;
  }
}

gboolean
lockstep_timestripe_decode (const double luma[ROWS][COLUMNS], guint64 * ms)
{
  guint64 word = 0, time;

  for (guint r = 0; r < ROWS; r++) {
    const double white = luma[r][0], black = luma[r][COLUMNS - 1];

    if (white - black < MIN_CONTRAST)
      return FALSE;
    for (guint i = 1; i <= BITS_A_ROW; i++)
      word = (word << 1) | (luma[r][i] > (white + black) / 2);
  }
  time = word >> CHECK_BITS;
  if (checksum (time) != (word & 0x3f))
    return FALSE;
  for (guint shift = 1; shift < TIME_BITS; shift <<= 1)
    time ^= time >> shift;
  *ms = time;
  return TRUE;
}

void
lockstep_timestripe_draw (const LockstepTimestripe cells, guint8 * plane,
    guint step, gsize stride, guint width, guint height, guint8 black,
    guint8 white)
{
  const guint rows = (height + PART - 1) / PART;

  for (guint y = 0; y < rows; y++) {
    const guint r = MIN (y * PART * ROWS / height, ROWS - 1);
    guint8 *out = plane + y * stride;

    for (guint x = 0; x < width; x++)
      out[(gsize) x * step] = cells[r][(guint64) x * COLUMNS / width]
          ? white : black;
  }
}
