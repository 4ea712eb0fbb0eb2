/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <gst/lockstep/statusline.h>

#include <math.h>
#include <string.h>

static void
check (const LockstepStatusChannel * channels, guint n, guint width,
    const char *wanted)
{
  g_autofree char *line = lockstep_status_line (channels, n, width);

  g_assert_cmpstr (line, ==, wanted);
}

static void
test_no_channel (void)
{
  g_autofree char *summary = lockstep_status_summary (NULL, 0);

  g_assert_cmpstr (summary, ==, "0 of 0 channels live");
  check (NULL, 0, 80, "0 of 0 channels live");
}

static void
test_one_channel (void)
{
  LockstepStatusChannel c = {.name = "cam",.live = TRUE,.kbps = 999,
    .delay_ms = 812.4,.av_offset_ms = -3,.dropped = 2
  };

  check (&c, 1, 80,
      "1 of 1 channel live, 999 kbit/s, delay 812 ms, A/V -3 ms, 2 dropped");
  c.kbps = 2440;
  c.delay_ms = c.av_offset_ms = NAN;
  check (&c, 1, 80, "1 of 1 channel live, 2.4 Mbit/s, 2 dropped");
  c.live = FALSE;
  check (&c, 1, 80, "0 of 1 channel live");
}

static void
test_sums_and_worst (void)
{
  const LockstepStatusChannel c[] = {
    {.name = "a",.live = TRUE,.kbps = 1000,.delay_ms = 500,.av_offset_ms = 20,
        .dropped = 3},
    {.name = "b",.live = TRUE,.kbps = 500,.delay_ms = NAN,.av_offset_ms = -45,
        .dropped = 4},
    {.name = "gone",.kbps = 7000,.delay_ms = 90000,.av_offset_ms = 9000,
        .dropped = 100},
  };
  g_autofree char *summary = lockstep_status_summary (c, 3);

  g_assert_cmpstr (summary, ==, "2 of 3 channels live, 1.5 Mbit/s");
  check (c, 3, 200,
      "2 of 3 channels live, 1.5 Mbit/s, delay 500 ms, A/V -45 ms, 7 dropped");
}

static void
test_progress (void)
{
  LockstepStatusChannel c = {.name = "film",.live = TRUE,
    .position = G_GINT64_CONSTANT (61000000000),
    .duration = G_GINT64_CONSTANT (122000000000)
  };

  check (&c, 1, 60, "film [##########----------]  50 %, 1:01 of 2:02");
  check (&c, 1, 44, "film  50 %, 1:01 of 2:02");
  c.position = G_GINT64_CONSTANT (9999000000000);
  c.duration = G_GINT64_CONSTANT (7322000000000);
  check (&c, 1, 30, "film 100 %, 2:02:02 of 2:02:0");
}

/* A line as wide as the terminal would wrap, and then not be rewritten. */
static void
test_always_shorter_than_the_terminal (void)
{
  LockstepStatusChannel c = {.name = "a-name-that-is-rather-long",.live = TRUE,
    .kbps = G_MAXINT64,.delay_ms = 1e300,.av_offset_ms = -1e300,
    .dropped = G_MAXINT64
  };

  for (int round = 0; round < 2; round++) {
    for (guint width = 1; width < 400; width++) {
      g_autofree char *line = lockstep_status_line (&c, 1, width);

      g_assert_cmpuint (strlen (line), <, width);
    }
    c.duration = c.position = G_MAXINT64;
  }
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/statusline/none", test_no_channel);
  g_test_add_func ("/statusline/one", test_one_channel);
  g_test_add_func ("/statusline/sums", test_sums_and_worst);
  g_test_add_func ("/statusline/progress", test_progress);
  g_test_add_func ("/statusline/width", test_always_shorter_than_the_terminal);
  return g_test_run ();
}
