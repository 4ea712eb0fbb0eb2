/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <gst/lockstep/packetcheck.h>

#include <string.h>

typedef struct
{
  gboolean sane;
  gsize size;
  guint8 begin[12];             /* what follows is 0xff */
} Case;

static void
check (gboolean (*is_sane) (const guint8 *, gsize), const Case * cases, gsize n)
{
  for (gsize i = 0; i < n; i++) {
    /* of its exact size, so that a sanitizer sees each byte read past it */
    g_autofree guint8 *data = g_malloc (cases[i].size);

    for (gsize k = 0; k < cases[i].size; k++)
      data[k] = k < 12 ? cases[i].begin[k] : 0xff;
    g_test_message ("case %" G_GSIZE_FORMAT, i);
    g_assert_cmpint (is_sane (data, cases[i].size), ==, cases[i].sane);
  }
}

/* RFC 6716, section 3.4: R1 to R7 */
static void
test_opus (void)
{
  static const Case cases[] = {
    {FALSE, 0, {0}},
    {TRUE, 1, {0xfc}},          /* DTX */
    {TRUE, 1276, {0xfc}},
    {FALSE, 1277, {0xfc}},
    {TRUE, 1, {0xfd}},
    {TRUE, 2551, {0xfd}},
    {FALSE, 2553, {0xfd}},
    {FALSE, 4, {0xfd}},
    {FALSE, 1, {0xfe}},
    {TRUE, 4, {0xfe, 2}},
    {TRUE, 4, {0xfe, 1}},
    {FALSE, 4, {0xfe, 3}},
    {FALSE, 2, {0xfe, 252}},
    {TRUE, 255, {0xfe, 252, 0}},
    {FALSE, 254, {0xfe, 252, 0}},
    {FALSE, 1, {0xff}},
    {FALSE, 2, {0xff, 0}},      /* no frame */
    {TRUE, 8, {0xff, 3}},
    {FALSE, 7, {0xff, 3}},
    {TRUE, 2, {0xff, 6}},       /* 120 ms */
    {FALSE, 2, {0xff, 7}},
    {TRUE, 2, {0xe3, 48}},
    {FALSE, 2, {0xe3, 49}},
    {TRUE, 2, {0x1b, 2}},       /* 60 ms each */
    {FALSE, 2, {0x1b, 3}},
    {TRUE, 2, {0x7b, 6}},       /* 20 ms each */
    {FALSE, 2, {0x7b, 7}},
    {TRUE, 7, {0xff, 0x41, 4}}, /* padding */
    {FALSE, 6, {0xff, 0x41, 4}},
    {FALSE, 2, {0xff, 0x41}},
    {FALSE, 3, {0xff, 0x41, 255}},
    {TRUE, 258, {0xff, 0x41, 255, 0}},
    {FALSE, 257, {0xff, 0x41, 255, 0}},
    {TRUE, 7, {0xff, 0x82, 4}}, /* a length of its own for each */
    {FALSE, 6, {0xff, 0x82, 4}},
    {TRUE, 7, {0xff, 0x83, 1, 2}},
    {FALSE, 6, {0xff, 0x83, 1, 2}},
    {FALSE, 3, {0xff, 0x83, 1}},
    {FALSE, 2, {0xff, 0x82}},
    {TRUE, 10, {0xff, 0xc2, 2, 4}},
    {FALSE, 9, {0xff, 0xc2, 2, 4}},
  };

  check (lockstep_opus_packet_is_sane, cases, G_N_ELEMENTS (cases));
}

static void
test_payload (void)
{
  static const Case cases[] = {
    {TRUE, 0, {0}},
    {TRUE, 2, {0x61, 0xe0}},
    {FALSE, 1, {0x61}},
    {FALSE, 2, {0xe1, 0xe0}},   /* the forbidden bit */
    {FALSE, 9, {0x60}},
    {TRUE, 1, {0x0a}},          /* end of sequence: nothing in it */
    {TRUE, 4, {0x6e}},
    {FALSE, 3, {0x6e}},
    {FALSE, 3, {0x74}},
    {TRUE, 5, {0x78, 0, 2, 0x61, 0xe0}},
    {FALSE, 1, {0x78}},
    {FALSE, 3, {0x78, 0, 0}},
    {FALSE, 5, {0x78, 0, 0, 0x61, 0xe0}},
    {FALSE, 5, {0x78, 0, 3, 0x61, 0xe0}},
    {FALSE, 5, {0x78, 0, 1, 0x61, 0}},
    {FALSE, 5, {0x78, 0, 2, 0x78, 0}},
    {TRUE, 9, {0x78, 0, 2, 0x61, 0xe0, 0, 2, 0x68, 1}},
    {FALSE, 9, {0x78, 0, 2, 0x61, 0xe0, 0, 9, 0x68, 1}},
    {TRUE, 7, {0x79, 0, 0, 0, 2, 0x61, 0xe0}},
    {FALSE, 3, {0x79, 0, 0}},
    {FALSE, 9, {0x7a}},         /* MTAP16 */
    {FALSE, 9, {0x7b}},
    {TRUE, 3, {0x7c, 0x85, 0}},
    {TRUE, 3, {0x7c, 0x05, 0}},
    {FALSE, 2, {0x7c, 0x85}},
    {FALSE, 1, {0x7c}},
    {FALSE, 3, {0x7c, 0x80, 0}},
    {FALSE, 3, {0x7c, 0x9c, 0}},
    {FALSE, 3, {0xfc, 0x85, 0}},
    {TRUE, 5, {0x7d, 0x85, 0, 0, 0}},
    {FALSE, 4, {0x7d, 0x85, 0, 0}},
    {FALSE, 9, {0x7e}},
    {FALSE, 9, {0x7f}},
  };

  check (lockstep_h264_payload_is_sane, cases, G_N_ELEMENTS (cases));
}

static void
test_begins_picture (void)
{
  static const Case cases[] = {
    {FALSE, 0, {0}},
    {FALSE, 1, {0x61}},
    {TRUE, 2, {0x61, 0xe0}},
    {FALSE, 2, {0x61, 0x60}},
    {TRUE, 2, {0x65, 0x88}},
    {FALSE, 2, {0x65, 0x48}},
    {FALSE, 3, {0x63, 0xe0, 0}},        /* data partition B */
    {TRUE, 2, {0x67, 0x42}},
    {TRUE, 2, {0x09, 0x10}},
    {TRUE, 5, {0x78, 0, 2, 0x61, 0xe0}},
    {FALSE, 5, {0x78, 0, 2, 0x61, 0x60}},
    {FALSE, 4, {0x78, 0, 2, 0x61}},
    {TRUE, 7, {0x79, 0, 0, 0, 2, 0x61, 0xe0}},
    {FALSE, 7, {0x79, 0, 0, 0, 2, 0x61, 0x60}},
    {TRUE, 3, {0x7c, 0x81, 0x9a}},
    {FALSE, 3, {0x7c, 0x81, 0x1a}},
    {FALSE, 3, {0x7c, 0x01, 0x9a}},
    {FALSE, 2, {0x7c, 0x81}},
    {TRUE, 5, {0x7d, 0x85, 0, 0, 0x88}},
    {FALSE, 4, {0x7d, 0x85, 0, 0}},
  };

  check (lockstep_h264_payload_begins_picture, cases, G_N_ELEMENTS (cases));
}

static void
test_picture (void)
{
  static const Case cases[] = {
    {FALSE, 0, {0}},
    {FALSE, 2, {0}},
    {FALSE, 100, {0}},
    {TRUE, 100, {0, 0, 1, 0x65}},
    {TRUE, 6, {0, 0, 0, 1, 0x65, 0x88}},
    {FALSE, 5, {0, 0, 0, 1, 0x65}},
    {FALSE, 4, {0, 0, 0, 1}},
    {FALSE, 3, {0, 0, 1}},
    {FALSE, 10, {0, 0, 0, 1, 0x65, 0x88, 1, 0, 0, 1}},
    {FALSE, 12, {0, 0, 0, 1, 0x65, 0x88, 0, 0, 1, 0x0e, 1, 1}},
    {TRUE, 12, {0, 0, 0, 1, 0x09, 0xf0, 0, 0, 1, 0x65, 1, 1}},
    {TRUE, 12, {0, 0, 0, 1, 0x65, 0x88, 0, 0, 0, 0, 1, 0x0a}},
    {TRUE, 4, {0, 0, 1, 0x0b}},
    {TRUE, 9, {0, 0, 1, 0x0b, 0, 0, 1, 0x65, 1}},
    {FALSE, 8, {0, 0, 1, 0x0b, 1, 1, 1, 1}},
  };

  check (lockstep_h264_picture_is_sane, cases, G_N_ELEMENTS (cases));
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/packetcheck/opus", test_opus);
  g_test_add_func ("/packetcheck/h264-payload", test_payload);
  g_test_add_func ("/packetcheck/h264-begins-picture", test_begins_picture);
  g_test_add_func ("/packetcheck/h264-picture", test_picture);
  return g_test_run ();
}
