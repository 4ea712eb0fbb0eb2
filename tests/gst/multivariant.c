/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The multivariant playlist: its rates against a plain count, and its text. */
#include <gst/lockstep/multivariant.h>

#include <math.h>
#include <string.h>

#define SECOND G_GINT64_CONSTANT (1000000000)

static GRand *rnd;

static guint64
attribute (const char *text, const char *uri, const char *name)
{
  g_auto (GStrv) lines = g_strsplit (text, "\n", -1);
  g_autofree char *wanted = g_strdup_printf ("%s=", name);

  for (guint i = 0; lines[i] != NULL && lines[i + 1] != NULL; i++) {
    const char *at = lines[i] - 1;

    if (strcmp (lines[i + 1], uri) != 0)
      continue;
    while ((at = strstr (at + 1, wanted)) != NULL)
      if (at[-1] == ':' || at[-1] == ',')
        return g_ascii_strtoull (at + strlen (wanted), NULL, 10);
  }
  g_error ("no %s for %s in %s", name, uri, text);
}

/* Peak and mean are those of the definition, whatever the segments are. */
static void
test_rates (void)
{
  for (guint round = 0; round < 300; round++) {
    gint64 target = g_rand_int_range (rnd, 1, 10) * SECOND;
    g_autoptr (LockstepMultivariant) m = lockstep_multivariant_new (1, target);
    guint n = g_rand_int_range (rnd, 1, 60);
    gint64 duration[60];
    guint64 bytes[60];
    double peak = 0, bits = 0, seconds = 0;

    lockstep_multivariant_set (m, 0, "a.m3u8", 0);
    for (guint i = 0; i < n; i++) {
      duration[i] = target * g_rand_double_range (rnd, 0.05, 1.6) + 1;
      bytes[i] = g_rand_int_range (rnd, 0, 4000000);
      lockstep_multivariant_add_segment (m, 0, bytes[i], duration[i], 30);
      bits += bytes[i] * 8.0;
      seconds += duration[i] / 1e9;
    }
    for (guint i = 0; i < n; i++) {
      double run_bits = 0;
      gint64 run = 0;

      for (guint k = i; k < n; k++) {
        run_bits += bytes[k] * 8.0;
        run += duration[k];
        if (run * 2 >= target && run * 2 <= 3 * target)
          peak = MAX (peak, run_bits * 1e9 / run);
      }
    }
    g_assert_cmpfloat (fabs (lockstep_multivariant_peak (m, 0) - ceil (peak)),
        <=, 1);
    g_assert_cmpfloat (fabs (lockstep_multivariant_average (m, 0) -
            ceil (bits / seconds)), <=, 1);
  }
}

/* At any time what is declared covers what was measured, is not rewritten all the time,
 * and the mean is no larger than the peak. */
static void
test_declared (void)
{
  for (guint round = 0; round < 100; round++) {
    g_autoptr (LockstepMultivariant) m = lockstep_multivariant_new (2, SECOND);
    guint expected = g_rand_int_range (rnd, 100000, 4000000);
    guint rendered = 0;
    g_autofree char *text = NULL;

    lockstep_multivariant_set (m, 0, "a.m3u8", expected);
    lockstep_multivariant_set (m, 1, "b.m3u8", 0);
    lockstep_multivariant_set_audio (m, "mp4a.40.34");
    for (guint i = 0; i < 300; i++) {
      char *now;

      for (guint v = 0; v < 2; v++)
        lockstep_multivariant_add_segment (m, v,
            expected / 8 * g_rand_double_range (rnd, 0.5, 1.5), SECOND, 25);
      now = lockstep_multivariant_render (m);
      if (now != NULL) {
        g_free (text);
        text = now;
        rendered++;
      }
      for (guint v = 0; v < 2; v++) {
        const char *uri = v == 0 ? "a.m3u8" : "b.m3u8";
        guint64 bandwidth = attribute (text, uri, "BANDWIDTH");
        guint64 average = attribute (text, uri, "AVERAGE-BANDWIDTH");

        g_assert_cmpuint (bandwidth, >=, lockstep_multivariant_peak (m, v));
        g_assert_cmpuint (average, <=, bandwidth);
        /* a live mean is to be below 110 % of it (Apple, 1.28) */
        if (i > 20)
          g_assert_cmpfloat (lockstep_multivariant_average (m, v), <=,
              average * 1.1 + 1);
      }
    }
    g_assert_cmpuint (rendered, <, 20);
  }
}

static void
test_text (void)
{
  g_autoptr (LockstepMultivariant) m = lockstep_multivariant_new (3, SECOND);
  g_autofree char *one = NULL, *two = NULL, *three = NULL;

  g_assert_null (lockstep_multivariant_render (m));
  lockstep_multivariant_set (m, 0, "p.m3u8", 0);
  lockstep_multivariant_set (m, 1, "1280x720.m3u8", 2000000);
  lockstep_multivariant_set (m, 2, "640x360.m3u8", 800000);
  lockstep_multivariant_set_audio (m, "mp4a.40.2");
  lockstep_multivariant_set_video (m, 0, "avc1.42c01f", 1280, 720, 0);
  lockstep_multivariant_set_video (m, 1, "avc1.640020", 1280, 720, 30000 /
      1001.0);
  lockstep_multivariant_set_video (m, 2, "avc1.4d401e", 640, 360, 0);
  lockstep_multivariant_add_segment (m, 0, 250000, SECOND, 30);
  lockstep_multivariant_add_segment (m, 1, 250000, SECOND, 30);
  /* a variant without a segment is not there yet, and so none is listed */
  g_assert_null (lockstep_multivariant_render (m));
  lockstep_multivariant_add_segment (m, 2, 100000, SECOND, 15);
  one = lockstep_multivariant_render (m);
  g_assert_cmpstr (one, ==, "#EXTM3U\n"
      "#EXT-X-STREAM-INF:BANDWIDTH=2200000,AVERAGE-BANDWIDTH=2000000,"
      "CODECS=\"avc1.42c01f,mp4a.40.2\",RESOLUTION=1280x720,FRAME-RATE=30.000\n"
      "p.m3u8\n"
      "#EXT-X-STREAM-INF:BANDWIDTH=3150000,AVERAGE-BANDWIDTH=2100000,"
      "CODECS=\"avc1.640020,mp4a.40.2\",RESOLUTION=1280x720,FRAME-RATE=29.970\n"
      "1280x720.m3u8\n"
      "#EXT-X-STREAM-INF:BANDWIDTH=1260000,AVERAGE-BANDWIDTH=840000,"
      "CODECS=\"avc1.4d401e,mp4a.40.2\",RESOLUTION=640x360,FRAME-RATE=15.000\n"
      "640x360.m3u8\n");
  /* nothing new: nothing to write */
  g_assert_null (lockstep_multivariant_render (m));
  lockstep_multivariant_add_segment (m, 2, 100000, SECOND, 15);
  g_assert_null (lockstep_multivariant_render (m));
  lockstep_multivariant_drop (m, 1);
  two = lockstep_multivariant_render (m);
  g_assert_nonnull (strstr (two, "p.m3u8"));
  g_assert_null (strstr (two, "1280x720.m3u8"));
  /* sound alone has neither size nor rate */
  lockstep_multivariant_drop (m, 0);
  lockstep_multivariant_set_video (m, 2, NULL, 0, 0, 0);
  three = lockstep_multivariant_render (m);
  g_assert_nonnull (strstr (three, "CODECS=\"mp4a.40.2\"\n640x360.m3u8\n"));
}

/* What an encoder's buffer adds to a segment is less, the longer that is. */
static void
test_long_segments (void)
{
  g_autoptr (LockstepMultivariant) m = lockstep_multivariant_new (1,
      5 * SECOND);
  g_autofree char *text = NULL;

  lockstep_multivariant_set (m, 0, "a.m3u8", 1000000);
  lockstep_multivariant_add_segment (m, 0, 500000, 5 * SECOND, 150);
  text = lockstep_multivariant_render (m);
  g_assert_cmpuint (attribute (text, "a.m3u8", "BANDWIDTH"), ==, 1155000);
}

static void
test_codec (void)
{
  g_autofree char *codec = lockstep_codec_h264 (0x42, 0xc0, 0x1f);

  g_assert_cmpstr (codec, ==, "avc1.42c01f");
}

int
main (int argc, char **argv)
{
  int failed;

  g_test_init (&argc, &argv, NULL);
  rnd = g_rand_new_with_seed (29);
  g_test_add_func ("/multivariant/rates", test_rates);
  g_test_add_func ("/multivariant/declared", test_declared);
  g_test_add_func ("/multivariant/text", test_text);
  g_test_add_func ("/multivariant/long-segments", test_long_segments);
  g_test_add_func ("/multivariant/codec", test_codec);
  failed = g_test_run ();
  g_rand_free (rnd);
  return failed;
}
