/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <gst/lockstep/rtcpcheck.h>

#include <string.h>

static gboolean
is_sane (LockstepRtcpCheck * check, const guint8 * packet, gsize size)
{
  /* of its exact size, so that a sanitizer sees each byte read past it */
  g_autofree guint8 *copy = g_malloc (size);

  memcpy (copy, packet, size);
  return lockstep_rtcp_is_sane (check, copy, size);
}

typedef struct
{
  gboolean sane;
  gsize size;
  guint8 packet[64];
} Case;

static const Case cases[] = {
  {FALSE, 4, {0x80, 201, 0, 0}},
  {TRUE, 8, {0x80, 201, 0, 1, 1, 2, 3, 4}},
  {FALSE, 8, {0x40, 201, 0, 1}},
  {FALSE, 8, {0x80, 201, 0, 2}},
  /* reports that are not there */
  {FALSE, 8, {0x81, 201, 0, 1}},
  {TRUE, 32, {0x81, 201, 0, 7}},
  {FALSE, 8, {0x80, 200, 0, 1}},
  {TRUE, 28, {0x80, 200, 0, 6}},
  {FALSE, 28, {0x81, 200, 0, 6}},
  /* SDES: "ab", then the end of the chunk */
  {TRUE, 16, {0x81, 202, 0, 3, 1, 2, 3, 4, 1, 2, 'a', 'b', 0}},
  {TRUE, 12, {0x81, 202, 0, 2, 1, 2, 3, 4, 1, 1, 'a', 0}},
  {TRUE, 20, {0x82, 202, 0, 4, 1, 2, 3, 4, 0, 0, 0, 0, 1, 2, 3, 5, 1, 1, 'a',
          0}},
  {TRUE, 4 + 8, {0x80, 202, 0, 0, 0x80, 201, 0, 1}},
  /* a text that goes beyond the packet, and one that ends with it */
  {FALSE, 12, {0x81, 202, 0, 2, 1, 2, 3, 4, 1, 200, 'a', 0}},
  {FALSE, 12, {0x81, 202, 0, 2, 1, 2, 3, 4, 1, 2, 'a', 'b'}},
  {FALSE, 12, {0x81, 202, 0, 2, 1, 2, 3, 4, 1, 1, 'a', 1}},
  {FALSE, 8, {0x81, 202, 0, 1, 1, 2, 3, 4}},
  {FALSE, 12, {0x82, 202, 0, 2, 1, 2, 3, 4}},
  /* BYE: of nobody, of one, with a reason, with half of one */
  {FALSE, 8, {0x80, 203, 0, 1}},
  {TRUE, 8, {0x81, 203, 0, 1}},
  {FALSE, 8, {0x82, 203, 0, 1}},
  {TRUE, 12, {0x81, 203, 0, 2, 1, 2, 3, 4, 3, 'b', 'y', 'e'}},
  {FALSE, 12, {0x81, 203, 0, 2, 1, 2, 3, 4, 4, 'b', 'y', 'e'}},
  {FALSE, 8, {0x80, 204, 0, 1}},
  {TRUE, 12, {0x80, 204, 0, 2}},
  /* PLI, NACK, FIR */
  {FALSE, 8, {0x81, 206, 0, 1}},
  {TRUE, 12, {0x81, 206, 0, 2}},
  {TRUE, 16, {0x81, 205, 0, 3}},
  {TRUE, 20, {0x84, 206, 0, 4}},
  {FALSE, 16, {0x84, 206, 0, 3}},
  /* padding */
  {TRUE, 12, {0xa0, 201, 0, 2, 1, 2, 3, 4, 0, 0, 0, 4}},
  {FALSE, 12, {0xa0, 201, 0, 2, 1, 2, 3, 4, 0, 0, 0, 0}},
  {FALSE, 12, {0xa0, 201, 0, 2, 1, 2, 3, 4, 0, 0, 0, 8}},
  {FALSE, 12, {0xa0, 201, 0, 2, 1, 2, 3, 4, 0, 0, 0, 200}},
  {FALSE, 16, {0xa0, 201, 0, 1, 0, 0, 0, 4, 0x80, 201, 0, 1}},
  /* what is not known */
  {TRUE, 8, {0x9f, 210, 0, 1}},
};

static void
test_forms (void)
{
  for (guint i = 0; i < G_N_ELEMENTS (cases); i++) {
    LockstepRtcpCheck check = { 0 };

    g_test_message ("case %u", i);
    g_assert_cmpint (is_sane (&check, cases[i].packet, cases[i].size), ==,
        cases[i].sane);
  }
}

static gsize
feedback (guint8 * packet, guint16 first, guint16 count, guint8 message,
    guint16 chunk, gsize deltas)
{
  gsize size = (22 + deltas + 3) & ~3;

  memset (packet, 0, size);
  packet[0] = 0x8f;
  packet[1] = 205;
  packet[3] = size / 4 - 1;
  packet[12] = first >> 8;
  packet[13] = first;
  packet[14] = count >> 8;
  packet[15] = count;
  packet[19] = message;
  packet[20] = chunk >> 8;
  packet[21] = chunk;
  return size;
}

static gboolean
takes (LockstepRtcpCheck * check, guint16 first, guint16 count, guint8 message,
    guint16 chunk, gsize deltas)
{
  guint8 packet[256];

  return is_sane (check, packet, feedback (packet, first, count, message,
          chunk, deltas));
}

static void
test_feedback (void)
{
  LockstepRtcpCheck check = { 0 };

  /* runs: none came, small deltas, large ones; each has its deltas, or not */
  g_assert_true (takes (&check, 0, 100, 0, 100, 0));
  g_assert_true (takes (&check, 100, 10, 1, 0x2000 | 10, 10));
  g_assert_false (takes (&check, 110, 12, 2, 0x2000 | 12, 7));
  g_assert_true (takes (&check, 110, 10, 3, 0x4000 | 10, 20));
  g_assert_false (takes (&check, 120, 14, 4, 0x4000 | 14, 20));
  /* the run is longer than the count */
  g_assert_true (takes (&check, 120, 2, 5, 0x2000 | 1000, 2));
  /* vectors: of 14 bits, of 7 symbols */
  g_assert_true (takes (&check, 122, 14, 6, 0xbfff, 14));
  g_assert_false (takes (&check, 136, 14, 7, 0xbfff, 10));
  g_assert_true (takes (&check, 136, 7, 8, 0xc000 | 0x1555, 7));
  g_assert_false (takes (&check, 143, 7, 9, 0xc000 | 0x2aaa, 10));
  /* more chunks than there are */
  g_assert_false (takes (&check, 143, 30, 10, 10, 0));
  /* for each packet a structure is made */
  g_assert_true (takes (&check, 143, 4096, 11, 4096, 0));
  g_assert_false (takes (&check, 143, 4097, 12, 4097, 0));
  /* and for those between two messages, too, where no message is missing */
  g_assert_true (takes (&check, 5000, 1, 12, 1, 0));
  g_assert_false (takes (&check, 30000, 1, 13, 1, 0));
  g_assert_true (takes (&check, 8000, 1, 13, 1, 0));
  g_assert_false (takes (&check, 40000, 1, 14, 1, 0));
  /* what was refused is a message that is missing: all goes on */
  g_assert_true (takes (&check, 40001, 1, 15, 1, 0));
  g_assert_true (takes (&check, 40002, 1, 16, 1, 0));
  /* late ones, and where the numbers begin again */
  g_assert_true (takes (&check, 100, 1, 10, 1, 0));
  g_assert_true (takes (&check, 65535, 1, 20, 1, 0));
  g_assert_true (takes (&check, 0, 1, 21, 1, 0));
  g_assert_true (takes (&check, 1, 1, 22, 1, 0));
}

static void
test_ssrcs (void)
{
  LockstepRtcpCheck check = { 0 };
  LockstepSsrcs ssrcs = { 0 };
  guint8 report[] = { 0x80, 201, 0, 1, 0, 0, 0, 0 };
  guint8 media[12] = { 0x80, 96 };
  guint8 of_nobody[12] = { 0x80, 203 };

  for (guint i = 0; i < LOCKSTEP_MAX_SSRCS; i++) {
    report[7] = media[11] = i;
    g_assert_true (is_sane (&check, report, sizeof report));
    g_assert_true (lockstep_srtp_is_sane (&ssrcs, media, sizeof media));
  }
  report[6] = media[10] = 1;
  g_assert_false (is_sane (&check, report, sizeof report));
  g_assert_false (lockstep_srtp_is_sane (&ssrcs, media, sizeof media));
  /* those that are known go on, in RTCP as well */
  report[6] = media[10] = 0;
  g_assert_true (is_sane (&check, report, sizeof report));
  g_assert_true (lockstep_srtp_is_sane (&ssrcs, media, sizeof media));
  media[1] = 200;
  g_assert_true (lockstep_srtp_is_sane (&ssrcs, media, sizeof media));
  media[4] = 1;
  g_assert_false (lockstep_srtp_is_sane (&ssrcs, media, sizeof media));
  g_assert_false (lockstep_srtp_is_sane (&ssrcs, of_nobody, sizeof of_nobody));
}

/* Broken packets of every kind; a sanitizer watches. */
static void
test_random (void)
{
  GRand *rand = g_rand_new_with_seed (3);
  LockstepRtcpCheck check = { 0 };
  guint8 packet[96];
  guint sane = 0;

  for (guint i = 0; i < 200000; i++) {
    gsize size = 4 * g_rand_int_range (rand, 1, 24);

    for (gsize k = 0; k < size; k++)
      packet[k] = g_rand_boolean (rand) ? g_rand_int (rand) % 6
          : g_rand_int (rand);
    packet[0] = 0x80 | (packet[0] & 0x3f);
    packet[1] = 200 + packet[1] % 8;
    packet[2] = 0;
    packet[3] = size / 4 - 1;
    sane += is_sane (&check, packet, size);
  }
  g_assert_cmpuint (sane, >, 1000);
  g_rand_free (rand);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/rtcpcheck/forms", test_forms);
  g_test_add_func ("/rtcpcheck/feedback", test_feedback);
  g_test_add_func ("/rtcpcheck/ssrcs", test_ssrcs);
  g_test_add_func ("/rtcpcheck/random", test_random);
  return g_test_run ();
}
