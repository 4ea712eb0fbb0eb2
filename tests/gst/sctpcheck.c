/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <gst/lockstep/sctpcheck.h>

#include <string.h>

static gboolean
is_sane (LockstepSctpCheck * check, const guint8 * packet, gsize size)
{
  /* of its exact size, so that a sanitizer sees each byte read past it */
  g_autofree guint8 *copy = g_malloc (size);

  memcpy (copy, packet, size);
  return lockstep_sctp_is_sane (check, copy, size);
}

static gsize
add_data (guint8 * packet, gsize at, guint type, guint stream)
{
  memset (packet + at, 0, 20);
  packet[at] = type;
  packet[at + 3] = 17;
  packet[at + 8] = stream >> 8;
  packet[at + 9] = stream;
  return at + 20;
}

static void
test_streams (void)
{
  LockstepSctpCheck check = { 0 };
  guint8 packet[12 + 3 * 20] = { 0 };
  guint n = 0;

  for (guint i = 0; i < 1000; i++)
    n += is_sane (&check, packet, add_data (packet, 12, i % 2 ? 0 : 64,
            1000 - i));
  g_assert_cmpuint (n, ==, LOCKSTEP_MAX_SCTP_STREAMS);
  /* those that are known go on, and a new one among them is found */
  add_data (packet, 12, 0, 1000);
  add_data (packet, 32, 64, 999);
  add_data (packet, 52, 0, 998);
  g_assert_true (is_sane (&check, packet, sizeof packet));
  add_data (packet, 52, 0, 3);
  g_assert_false (is_sane (&check, packet, sizeof packet));
  /* what is no data has no stream */
  packet[52] = 3;
  g_assert_true (is_sane (&check, packet, sizeof packet));
}

static void
test_forms (void)
{
  LockstepSctpCheck check = { 0 };
  guint8 packet[40] = { 0 };
  gsize size = add_data (packet, 12, 0, 1);

  g_assert_true (is_sane (&check, packet, 12));
  g_assert_false (is_sane (&check, packet, 11));
  g_assert_true (is_sane (&check, packet, size));
  /* the padding of the last chunk may be missing */
  g_assert_true (is_sane (&check, packet, size - 3));
  g_assert_false (is_sane (&check, packet, size - 4));
  g_assert_false (is_sane (&check, packet, 14));
  packet[15] = 3;
  g_assert_false (is_sane (&check, packet, size));
  packet[15] = 9;
  g_assert_false (is_sane (&check, packet, 21));
  /* of data channels: an acknowledgement, an opening, and what there is not; the middle of
   * a message may begin with anything */
  packet[13] = 3;
  packet[15] = 17;
  packet[27] = 50;
  for (guint type = 0; type < 256; type++) {
    packet[28] = type;
    g_assert_cmpint (is_sane (&check, packet, size), ==,
        type == 2 || type == 3);
  }
  packet[13] = 1;
  g_assert_true (is_sane (&check, packet, size));
  packet[13] = 3;
  packet[27] = 51;
  g_assert_true (is_sane (&check, packet, size));
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/sctpcheck/streams", test_streams);
  g_test_add_func ("/sctpcheck/forms", test_forms);
  return g_test_run ();
}
