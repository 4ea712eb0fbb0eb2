/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <gst/lockstep/rtxlimit.h>

#define MS G_GINT64_CONSTANT (1000000)
#define START (1000 * MS)

/* Few losses are all made good, however they come together. */
static void
test_few (void)
{
  LockstepRtxLimit limit = { 0 };

  for (guint i = 0; i < 20; i++)
    g_assert_true (lockstep_rtx_limit_pass (&limit, 1, 65530 + i, 1200, 2000000,
            50 * MS, START));
  g_assert_cmpuint (limit.n_held, ==, 0);
}

/* The same packet is asked for each 10 ms, and sent once a round trip. */
static void
test_again (void)
{
  LockstepRtxLimit limit = { 0 };
  guint sent = 0;

  for (guint i = 0; i < 30; i++)
    sent += lockstep_rtx_limit_pass (&limit, 1, 7, 1200, 2000000, 100 * MS,
        START + i * 10 * MS);
  g_assert_cmpuint (sent, ==, 3);
  g_assert_cmpuint (limit.n_again, ==, 2);
  /* another stream's packet of that number, and one that takes its place */
  g_assert_true (lockstep_rtx_limit_pass (&limit, 2, 7, 1200, 2000000,
          100 * MS, START + 300 * MS));
  g_assert_true (lockstep_rtx_limit_pass (&limit, 2, 7 + LOCKSTEP_RTX_MEMORY,
          1200, 2000000, 100 * MS, START + 300 * MS));
  g_assert_cmpuint (limit.n_again, ==, 2);
}

/* A path that lost everything: no more than its share goes into it again. */
static void
test_storm (void)
{
  LockstepRtxLimit limit = { 0 };
  gsize bytes = 0;

  for (guint ms = 0; ms < 4000; ms++) {
    for (guint i = 0; i < 5; i++) {
      if (lockstep_rtx_limit_pass (&limit, 1, ms * 5 + i, 1200, 500000,
              200 * MS, START + ms * MS))
        bytes += 1200;
    }
  }
  /* of 2 Mbit in 4 s: half, and the first burst */
  g_assert_cmpuint (bytes, >, 120000);
  g_assert_cmpuint (bytes, <=, 125000 + 15625);
}

/* A path that carries less than a packet in a quarter of a second. */
static void
test_slow (void)
{
  LockstepRtxLimit limit = { 0 };
  guint sent = 0;

  for (guint s = 0; s < 10; s++)
    sent += lockstep_rtx_limit_pass (&limit, 1, s, 1238, 20000, 100 * MS,
        START + s * 1000 * MS);
  /* 1250 bytes a second are its share */
  g_assert_cmpuint (sent, ==, 10);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/rtxlimit/few", test_few);
  g_test_add_func ("/rtxlimit/again", test_again);
  g_test_add_func ("/rtxlimit/storm", test_storm);
  g_test_add_func ("/rtxlimit/slow", test_slow);
  return g_test_run ();
}
