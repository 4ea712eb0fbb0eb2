/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The validator on lists that belong together, on low latency, and on date ranges. The
 * media here is packed audio of half a second a file. */
#include <gst/lockstep/hlscheck.h>
#include <string.h>

static GHashTable *files;       /* name to GBytes; NULL as value is never there */

static GBytes *
fetch (gpointer user, const char *uri, GError ** error)
{
  GBytes *bytes = g_hash_table_lookup (files, uri);

  return bytes != NULL ? g_bytes_ref (bytes) : NULL;
}

static void
put_text (const char *name, const char *text)
{
  g_hash_table_insert (files, g_strdup (name), g_bytes_new (text,
          strlen (text)));
}

/* 20 frames of 24 ms. */
static void
put_audio (const char *name, guint half, guint pieces)
{
  static const char owner[] = "com.apple.streaming.transportStreamTimestamp";
  GByteArray *out = g_byte_array_new ();
  guint64 time = GUINT64_TO_BE (half * G_GUINT64_CONSTANT (43200));

  g_byte_array_append (out, (const guint8 *) "ID3\4\0\0\0\0\0\x3f"
      "PRIV\0\0\0\x35\0\0", 20);
  g_byte_array_append (out, (const guint8 *) owner, sizeof owner);
  g_byte_array_append (out, (const guint8 *) &time, 8);
  for (guint i = 0; i < 20 * pieces; i++) {
    guint8 frame[384] = { 0xff, 0xfb, 0x94, 0x00 };

    g_byte_array_append (out, frame, sizeof frame);
  }
  g_hash_table_insert (files, g_strdup (name),
      g_byte_array_free_to_bytes (out));
}

static void
replace (char **text, const char *from, const char *to)
{
  g_autoptr (GString) s = g_string_new (*text);

  g_assert_cmpuint (g_string_replace (s, from, to, 1), >, 0);
  g_free (*text);
  *text = g_string_free (g_steal_pointer (&s), FALSE);
}

static gboolean
has (GPtrArray * findings, guint rule)
{
  gboolean hit = FALSE;

  for (guint i = 0; i < findings->len; i++) {
    LockstepHlsFinding *f = g_ptr_array_index (findings, i);

    g_test_message ("rule %u: %s: %s", f->rule, f->place, f->text);
    g_assert_nonnull (lockstep_hls_rule_text (f->rule));
    hit |= f->rule == rule || rule == 0;
  }
  return hit;
}

/* A list of @n segments of 0.96 s from @from on. */
static char *
media_list (guint from, guint n, gboolean end)
{
  GString *out = g_string_new ("#EXTM3U\n#EXT-X-VERSION:6\n"
      "#EXT-X-TARGETDURATION:1\n#EXT-X-SERVER-CONTROL:HOLD-BACK=3.0\n");

  g_string_append_printf (out, "#EXT-X-MEDIA-SEQUENCE:%u\n"
      "#EXT-X-DISCONTINUITY-SEQUENCE:0\n", from);
  for (guint i = from; i < from + n; i++)
    g_string_append_printf (out, "#EXT-X-PROGRAM-DATE-TIME:2026-11-20T10:00:"
        "%02u.%03uZ\n#EXTINF:0.960000,\ns%u.mp3\n", i * 960 / 1000,
        i * 960 % 1000, i);
  if (end)
    g_string_append (out, "#EXT-X-ENDLIST\n");
  return g_string_free (out, FALSE);
}

/* {{{ multivariant */

#define TOP "#EXTM3U\n#EXT-X-VERSION:6\n" \
    "#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID=\"a\",NAME=\"main\",URI=\"c/i.m3u8\"\n" \
    "#EXT-X-STREAM-INF:BANDWIDTH=300000,AVERAGE-BANDWIDTH=290000," \
    "CODECS=\"mp4a.40.34\",AUDIO=\"a\"\na/i.m3u8\n" \
    "#EXT-X-STREAM-INF:BANDWIDTH=300000,CODECS=\"mp4a.40.34\"\nb/i.m3u8\n"

static void
test_multivariant (void)
{
  static const struct
  {
    guint rule;
    const char *top_from, *top_to, *from, *to;
  } cases[] = {
    {0},
    {29, "BANDWIDTH=300000", "BANDWIDTH=100000"},
    {29, "AVERAGE-BANDWIDTH=290000", "AVERAGE-BANDWIDTH=200000"},
    {29, "BANDWIDTH=300000,CODECS=\"mp4a.40.34\"\nb", "BANDWIDTH=300000\nb"},
    {29, "BANDWIDTH=300000,CODECS", "CODECS"},
    {29, "AUDIO=\"a\"", "AUDIO=\"z\""},
    {29, "NAME=\"main\",", ""},
    {1, "#EXT-X-VERSION:6\n", "#EXT-X-VERSION:6\n#EXT-X-TARGETDURATION:1\n"},
    {11, "b/i.m3u8", "z/i.m3u8"},
    {29, NULL, NULL, "TARGETDURATION:1", "TARGETDURATION:2"},
    {29, NULL, NULL, "HOLD-BACK=3.0", "HOLD-BACK=4.0"},
    {29, NULL, NULL, "DISCONTINUITY-SEQUENCE:0", "DISCONTINUITY-SEQUENCE:2"},
    {29, NULL, NULL, "10:00:00.000Z", "10:00:00.500Z"},
    {4, NULL, NULL, "#EXTINF:0.960000,\ns3", "#EXTINF:0.96,\ns3"},
    {25, NULL, NULL, "HOLD-BACK=3.0", "HOLD-BACK=2.0"},
  };

  for (guint c = 0; c < G_N_ELEMENTS (cases); c++) {
    g_autoptr (LockstepHlsSet) set = lockstep_hls_set_new (0.96, fetch, NULL);
    g_autofree char *top = g_strdup (TOP);

    g_hash_table_remove_all (files);
    for (const char *folder = "abc"; *folder != '\0'; folder++) {
      g_autofree char *list = media_list (0, 6, TRUE);
      g_autofree char *name = g_strdup_printf ("%c/i.m3u8", *folder);

      if (*folder == 'b' && cases[c].from != NULL)
        replace (&list, cases[c].from, cases[c].to);
      put_text (name, list);
      for (guint i = 0; i < 6; i++) {
        g_autofree char *file = g_strdup_printf ("%c/s%u.mp3", *folder, i);

        put_audio (file, 2 * i, 2);
      }
    }
    if (cases[c].top_from != NULL)
      replace (&top, cases[c].top_from, cases[c].top_to);
    g_test_message ("case %u", c);
    lockstep_hls_set_snapshot (set, top, strlen (top), 0);
    g_assert_cmpuint (lockstep_hls_set_n_lists (set), ==, 3);
    g_assert_true (lockstep_hls_set_ended (set));
    g_assert_cmpint (has (lockstep_hls_set_finish (set, 0), cases[c].rule), ==,
        c > 0);
  }
}

/* {{{ low latency */

/* Segments 0 to 3 and a part of 4, as a server with parts has them. */
static char *
low_latency_list (void)
{
  GString *out = g_string_new ("#EXTM3U\n#EXT-X-VERSION:9\n"
      "#EXT-X-TARGETDURATION:1\n#EXT-X-SERVER-CONTROL:CAN-BLOCK-RELOAD=YES,"
      "CAN-SKIP-UNTIL=6.0,PART-HOLD-BACK=1.5\n"
      "#EXT-X-PART-INF:PART-TARGET=0.5\n#EXT-X-MEDIA-SEQUENCE:0\n");

  for (guint i = 0; i < 5; i++) {
    g_string_append_printf (out, "#EXT-X-PROGRAM-DATE-TIME:2026-11-20T10:00:"
        "%02u.%03uZ\n#EXT-X-PART:DURATION=0.48,URI=\"p%u.0.mp3\"\n",
        i * 960 / 1000, i * 960 % 1000, i);
    if (i < 4)
      g_string_append_printf (out, "#EXT-X-PART:DURATION=0.48,URI=\"p%u.1.mp3\""
          "\n#EXTINF:0.960000,\ns%u.mp3\n", i, i);
  }
  g_string_append (out, "#EXT-X-PRELOAD-HINT:TYPE=PART,URI=\"p4.1.mp3\"\n");
  return g_string_free (out, FALSE);
}

static void
put_low_latency (void)
{
  g_hash_table_remove_all (files);
  for (guint i = 0; i < 6; i++) {
    g_autofree char *s = g_strdup_printf ("s%u.mp3", i);
    g_autofree char *p = g_strdup_printf ("p%u.0.mp3", i);
    g_autofree char *q = g_strdup_printf ("p%u.1.mp3", i);

    put_audio (s, 2 * i, 2);
    put_audio (p, 2 * i, 1);
    put_audio (q, 2 * i + 1, 1);
  }
}

static void
test_parts (void)
{
  static const struct
  {
    guint rule;
    const char *from, *to;
  } cases[] = {
    {0},
    {24, "DURATION=0.48,URI=\"p1.0", "DURATION=0.51,URI=\"p1.0"},
    {24, "DURATION=0.48,URI=\"p1.0", "DURATION=0.40,URI=\"p1.0"},
    {24, "#EXT-X-PART-INF:PART-TARGET=0.5\n", ""},
    {24, "URI=\"p1.0", "URI=\"p2.0"},
    {24, "DURATION=0.48,URI=\"p1.0.mp3\"", "URI=\"p1.0.mp3\""},
    {11, "URI=\"p1.0", "URI=\"none"},
    {25, "PART-HOLD-BACK=1.5", "PART-HOLD-BACK=0.9"},
    {25, "PART-HOLD-BACK=1.5", "PART-HOLD-BACK=1.2"},
    {25, ",PART-HOLD-BACK=1.5", ""},
    {25, "CAN-SKIP-UNTIL=6.0", "CAN-SKIP-UNTIL=5.0"},
    {26, "#EXT-X-PRELOAD-HINT:TYPE=PART,URI=\"p4.1.mp3\"\n",
        "#EXT-X-PRELOAD-HINT:TYPE=PART,URI=\"a\"\n"
          "#EXT-X-PRELOAD-HINT:TYPE=PART,URI=\"b\"\n"},
    {26, "#EXT-X-PRELOAD-HINT:TYPE=PART,URI=\"p4.1.mp3\"\n",
        "#EXT-X-PRELOAD-HINT:TYPE=PART,URI=\"a\"\n#EXT-X-ENDLIST\n"},
    {26, "#EXT-X-PRELOAD-HINT:TYPE=PART,URI=\"p4.1.mp3\"\n", ""},
    {27, "#EXT-X-MEDIA-SEQUENCE:0\n",
        "#EXT-X-MEDIA-SEQUENCE:0\n#EXT-X-SKIP:SKIPPED-SEGMENTS=2\n"},
    {27, "#EXT-X-MEDIA-SEQUENCE:0\n", "#EXT-X-MEDIA-SEQUENCE:0\n"
          "#EXT-X-SKIP:SKIPPED-SEGMENTS=2\n#EXT-X-SKIP:SKIPPED-SEGMENTS=2\n"},
    {2, "#EXT-X-VERSION:9\n", "#EXT-X-VERSION:2\n"},
  };

  for (guint c = 0; c < G_N_ELEMENTS (cases); c++) {
    g_autoptr (LockstepHlsSet) set = lockstep_hls_set_new (0.96, fetch, NULL);
    g_autofree char *text = low_latency_list ();

    put_low_latency ();
    if (cases[c].from != NULL)
      replace (&text, cases[c].from, cases[c].to);
    g_test_message ("case %u", c);
    lockstep_hls_set_snapshot (set, text, strlen (text), 0);
    g_assert_cmpint (has (lockstep_hls_set_finish (set, 0), cases[c].rule), ==,
        c > 0);
  }
}

/* What comes next is not what was hinted at, and what must not change does. */
static void
test_parts_change (void)
{
  for (guint c = 0; c < 3; c++) {
    g_autoptr (LockstepHlsSet) set = lockstep_hls_set_new (0.96, fetch, NULL);
    g_autofree char *first = low_latency_list ();
    g_autofree char *second = low_latency_list ();
    guint rule = c == 1 ? 26 : 12;

    put_low_latency ();
    replace (&second, "#EXT-X-PRELOAD-HINT:TYPE=PART,URI=\"p4.1.mp3\"\n",
        "#EXT-X-PART:DURATION=0.48,URI=\"p4.1.mp3\"\n"
        "#EXT-X-PRELOAD-HINT:TYPE=PART,URI=\"p5.0.mp3\"\n");
    if (c == 1)
      replace (&second, "#EXT-X-PART:DURATION=0.48,URI=\"p4.1.mp3\"\n",
          "#EXT-X-PART:DURATION=0.48,URI=\"other.mp3\"\n");
    if (c == 2)
      replace (&second, "PART-HOLD-BACK=1.5", "PART-HOLD-BACK=1.6");
    g_test_message ("case %u", c);
    lockstep_hls_set_snapshot (set, first, strlen (first), 0);
    lockstep_hls_set_snapshot (set, second, strlen (second), 480000);
    g_assert_cmpint (has (lockstep_hls_set_finish (set, 480000),
            c == 0 ? 0 : rule), ==, c > 0);
  }
}

/* What a server answers to the queries of low latency. */
static void
test_probe (void)
{
  for (guint c = 0; c < 5; c++) {
    g_autoptr (LockstepHlsSet) set = lockstep_hls_set_new (0.96, fetch, NULL);
    g_autofree char *text = low_latency_list ();
    g_autofree char *next = low_latency_list ();
    g_autofree char *delta = low_latency_list ();

    put_low_latency ();
    replace (&next, "#EXT-X-PRELOAD-HINT:TYPE=PART,URI=\"p4.1.mp3\"\n",
        "#EXTINF:0.960000,\ns4.mp3\n"
        "#EXT-X-PRELOAD-HINT:TYPE=PART,URI=\"p5.0.mp3\"\n");
    {
      char *from = strstr (delta, "#EXT-X-PROGRAM-DATE-TIME");
      char *to = strstr (delta, "s1.mp3\n") + 7;
      g_autoptr (GString) s = g_string_new_len (delta, from - delta);

      g_string_append (s, "#EXT-X-SKIP:SKIPPED-SEGMENTS=2\n");
      g_string_append (s, to);
      g_free (delta);
      delta = g_string_free (g_steal_pointer (&s), FALSE);
    }
    if (c == 4)
      replace (&delta, "SKIPPED-SEGMENTS=2", "SKIPPED-SEGMENTS=1");
    put_text ("?_HLS_msn=4", c == 1 ? text : next);
    put_text ("?_HLS_skip=YES", delta);
    if (c == 2)
      put_text ("?_HLS_msn=104", text);
    if (c == 3)
      put_text ("?_HLS_part=0", text);
    g_test_message ("case %u", c);
    lockstep_hls_set_snapshot (set, text, strlen (text), 0);
    lockstep_hls_set_probe (set);
    g_assert_cmpint (has (lockstep_hls_set_finish (set, 0), c == 0 ? 0 : 27),
        ==, c > 0);
  }
}

/* Two lists with parts that do not report on each other. */
static void
test_reports (void)
{
  for (guint c = 0; c < 2; c++) {
    g_autoptr (LockstepHlsSet) set = lockstep_hls_set_new (0.96, fetch, NULL);
    const char *top = "#EXTM3U\n"
        "#EXT-X-STREAM-INF:BANDWIDTH=300000,CODECS=\"x\"\ni.m3u8\n"
        "#EXT-X-STREAM-INF:BANDWIDTH=300000,CODECS=\"x\"\nj.m3u8\n";

    put_low_latency ();
    for (const char *name = "ij"; *name != '\0'; name++) {
      g_autofree char *text = low_latency_list ();
      g_autofree char *file = g_strdup_printf ("%c.m3u8", *name);

      if (c == 0)
        replace (&text, "#EXT-X-PRELOAD-HINT", "#EXT-X-RENDITION-REPORT:"
            "URI=\"x.m3u8\",LAST-MSN=4\n#EXT-X-PRELOAD-HINT");
      put_text (file, text);
    }
    lockstep_hls_set_snapshot (set, top, strlen (top), 0);
    g_assert_cmpint (has (lockstep_hls_set_finish (set, 0), c == 0 ? 0 : 28),
        ==, c > 0);
  }
}

/* {{{ date ranges */

static void
test_date_ranges (void)
{
  static const struct
  {
    guint rule;
    const char *first, *second;
  } cases[] = {
    {0, "ID=\"a\",START-DATE=\"2026-11-20T10:00:00Z\",DURATION=1.0",
        "ID=\"a\",START-DATE=\"2026-11-20T10:00:00Z\",DURATION=1.0"},
    {0, "ID=\"a\",START-DATE=\"2026-11-20T10:00:00Z\",DURATION=1.0", NULL},
    {17, "ID=\"a\",START-DATE=\"2026-11-20T10:00:03Z\",DURATION=1.0", NULL},
    {17, "ID=\"a\",START-DATE=\"2026-11-20T10:00:00Z\"",
        "ID=\"a\",START-DATE=\"2026-11-20T10:00:04Z\""},
    {17, "START-DATE=\"2026-11-20T10:00:00Z\"", NULL},
    {17, "ID=\"a\"", NULL},
    {17, "ID=\"a\",START-DATE=\"2026-11-20T10:00:02Z\","
          "END-DATE=\"2026-11-20T10:00:01Z\"", NULL},
  };

  put_low_latency ();
  for (guint i = 6; i < 10; i++) {
    g_autofree char *s = g_strdup_printf ("s%u.mp3", i);

    put_audio (s, 2 * i, 2);
  }
  for (guint c = 0; c < G_N_ELEMENTS (cases); c++) {
    g_autoptr (LockstepHlsCheck) check = lockstep_hls_check_new (0.96, fetch,
        NULL);

    for (guint look = 0; look < 2; look++) {
      g_autofree char *text = media_list (look * 2, 6, FALSE);
      const char *range = look == 0 ? cases[c].first : cases[c].second;

      if (range != NULL) {
        g_autofree char *tag = g_strdup_printf ("#EXT-X-VERSION:6\n"
            "#EXT-X-DATERANGE:%s\n", range);

        replace (&text, "#EXT-X-VERSION:6\n", tag);
      }
      lockstep_hls_check_snapshot (check, text, strlen (text), look * 1000000);
    }
    g_test_message ("case %u", c);
    g_assert_cmpint (has (lockstep_hls_check_finish (check, 1000000),
            cases[c].rule), ==, cases[c].rule != 0);
  }
}

int
main (int argc, char **argv)
{
  int status;

  g_test_init (&argc, &argv, NULL);
  files = g_hash_table_new_full (g_str_hash, g_str_equal, g_free,
      (GDestroyNotify) g_bytes_unref);
  g_test_add_func ("/hlscheck/multivariant", test_multivariant);
  g_test_add_func ("/hlscheck/parts", test_parts);
  g_test_add_func ("/hlscheck/parts-change", test_parts_change);
  g_test_add_func ("/hlscheck/probe", test_probe);
  g_test_add_func ("/hlscheck/reports", test_reports);
  g_test_add_func ("/hlscheck/date-ranges", test_date_ranges);
  status = g_test_run ();
  g_hash_table_unref (files);
  return status;
}
