/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <gst/lockstep/h264fu.h>

#define SINGLE {0x61, 0xe0}, 2
#define STAP {0x78, 0x00}, 2
#define START {0x7c, 0x81}, 2
#define MIDDLE {0x7c, 0x01}, 2
#define END {0x7c, 0x41}, 2
#define EMPTY {0, 0}, 0
#define SHORT {0x7c, 0}, 1

typedef struct
{
  guint8 payload[2];
  gsize size;
  guint32 timestamp;
  gboolean cut_short;
} Packet;

static void
check (const Packet * packets, gsize n)
{
  LockstepH264Fu fu = { 0 };

  for (gsize i = 0; i < n; i++) {
    g_test_message ("packet %" G_GSIZE_FORMAT, i);
    g_assert_cmpint (lockstep_h264_fu_cut_short (&fu, packets[i].payload,
            packets[i].size, packets[i].timestamp), ==, packets[i].cut_short);
  }
}

#define CHECK(...) G_STMT_START { \
  static const Packet packets[] = { __VA_ARGS__ }; \
  check (packets, G_N_ELEMENTS (packets)); } G_STMT_END

static void
test_whole (void)
{
  CHECK ( {
      SINGLE, 1, FALSE}, {
      STAP, 2, FALSE}, {
      START, 3, FALSE}, {
      MIDDLE, 3, FALSE}, {
      END, 3, FALSE}, {
      START, 3, FALSE}, {
      END, 3, FALSE}, {
      SINGLE, 4, FALSE});
}

static void
test_cut_short (void)
{
  /* the key frame's parameter sets come in the middle of a picture */
  CHECK ( {
      START, 1, FALSE}, {
      MIDDLE, 1, FALSE}, {
      STAP, 2, TRUE}, {
      START, 2, FALSE}, {
      END, 2, FALSE});
  CHECK ( {
      START, 1, FALSE}, {
      START, 1, TRUE}, {
      END, 1, FALSE});
  CHECK ( {
      START, 1, FALSE}, {
      SINGLE, 1, TRUE}, {
      SINGLE, 2, FALSE});
  /* the end of another picture */
  CHECK ( {
      START, 1, FALSE}, {
      END, 2, TRUE}, {
      SINGLE, 3, FALSE});
}

static void
test_odd (void)
{
  CHECK ( {
      START, 1, FALSE}, {
      EMPTY, 1, FALSE}, {
      END, 1, FALSE});
  CHECK ( {
      SHORT, 1, FALSE}, {
      SINGLE, 1, FALSE});
  CHECK ( {
      START, 1, FALSE}, {
      SHORT, 1, TRUE}, {
      SINGLE, 1, FALSE});
  CHECK ( {
      START, G_MAXUINT32, FALSE}, {
      END, G_MAXUINT32, FALSE}, {
      SINGLE, 0, FALSE});
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/h264fu/whole", test_whole);
  g_test_add_func ("/h264fu/cut-short", test_cut_short);
  g_test_add_func ("/h264fu/odd", test_odd);
  return g_test_run ();
}
