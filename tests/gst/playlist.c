/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The playlist model: every snapshot, and what a restart makes of it. */
#include <gst/lockstep/playlist.h>
#include <stdlib.h>
#include <string.h>

#define SECOND G_GINT64_CONSTANT (1000000000)

static void
on_delete (gpointer user, const char *file)
{
  if (user != NULL)
    g_ptr_array_add (user, g_strdup (file));
}

static void
add (LockstepPlaylist * playlist, guint n, gint64 duration,
    gboolean discontinuity, GPtrArray * deleted)
{
  g_autofree char *name = g_strdup_printf ("seg%05u.ts", n);
  LockstepPlaylistEntry entry = { name, name };

  entry.duration = duration;
  entry.start = G_GINT64_CONSTANT (1795000000) * SECOND + playlist->media;
  entry.discontinuity = discontinuity;
  lockstep_playlist_append (playlist, &entry, on_delete, deleted);
}

static void
test_text (void)
{
  g_autoptr (LockstepPlaylist) playlist =
      lockstep_playlist_new (LOCKSTEP_PLAYLIST_LIVE, 1);
  g_autofree char *text = NULL;
  gsize size;

  add (playlist, 0, 1008000000, FALSE, NULL);
  add (playlist, 1, 984000000, TRUE, NULL);
  playlist->ended = TRUE;
  text = lockstep_playlist_render (playlist, &size);
  g_assert_cmpuint (size, ==, strlen (text));
  g_assert_cmpstr (text, ==, "#EXTM3U\n"
      "#EXT-X-VERSION:6\n"
      "#EXT-X-TARGETDURATION:1\n"
      "#EXT-X-MEDIA-SEQUENCE:0\n"
      "#EXT-X-DISCONTINUITY-SEQUENCE:0\n"
      "#EXT-X-PROGRAM-DATE-TIME:2026-11-18T11:06:40.000Z\n"
      "#EXTINF:1.008000,\n"
      "seg00000.ts\n"
      "#EXT-X-DISCONTINUITY\n"
      "#EXT-X-PROGRAM-DATE-TIME:2026-11-18T11:06:41.008Z\n"
      "#EXTINF:0.984000,\n" "seg00001.ts\n" "#EXT-X-ENDLIST\n");
}

/* 46 frames of AAC at 48 kHz are 981.333... ms: rounded one by one, 10,000 of them
 * would be 3 ms off. */
static void
test_sum (void)
{
  g_autoptr (LockstepPlaylist) playlist =
      lockstep_playlist_new (LOCKSTEP_PLAYLIST_EVENT, 1);
  gint64 sum = 0;

  for (guint i = 0; i < 10000; i++) {
    gint64 from = (gint64) i * 46 * 1024 * SECOND / 48000;
    gint64 to = (gint64) (i + 1) * 46 * 1024 * SECOND / 48000;

    add (playlist, i, to - from, FALSE, NULL);
    sum += ((LockstepPlaylistEntry *)
        g_queue_peek_tail (&playlist->entries))->extinf;
    g_assert_cmpint (ABS (sum - to / 1000), <=, 1);
  }
}

static void
test_window (void)
{
  g_autoptr (GRand) rnd = g_rand_new_with_seed (7);

  for (guint round = 0; round < 200; round++) {
    guint target = g_rand_int_range (rnd, 1, 8);
    g_autoptr (LockstepPlaylist) playlist =
        lockstep_playlist_new (LOCKSTEP_PLAYLIST_LIVE, target);
    g_autoptr (GPtrArray) deleted = g_ptr_array_new_with_free_func (g_free);
    guint64 sequence = 0, discontinuities = 0;
    gint64 total = 0, gone_at[300], durations[300], clock = round & 1;
    gint64 gone_clock[300], longest = 0, keep[300];
    guint seen = 0;             /* by clients: what left before is gone for them */
    gboolean marks[300];

    playlist->length = g_rand_int_range (rnd, 1, 10);
    playlist->max_files = g_rand_int_range (rnd, 0, 20);
    if (g_rand_boolean (rnd))
      playlist->window = g_rand_int_range (rnd, 5, 60) * SECOND;
    for (guint i = 0; i < 300; i++) {
      guint before = deleted->len;

      durations[i] = g_rand_int_range (rnd, 1, target * 1000 + 499) * 1000000LL;
      marks[i] = g_rand_int_range (rnd, 0, 10) == 0;
      total += durations[i];
      /* every other round with a clock that stands still at times: no file goes
       * before both say so */
      if (round & 1)
        clock += g_rand_boolean (rnd) ? durations[i] : 0;
      playlist->clock = clock;
      add (playlist, i, durations[i], marks[i], deleted);
      for (; sequence < playlist->sequence; sequence++) {
        gone_at[sequence] = total;
        keep[sequence] = durations[sequence] + longest;
        discontinuities += marks[sequence];
      }
      /* it takes a while to store, and at times it fails */
      if (round & 1)
        clock += g_rand_int_range (rnd, 0, 3) * SECOND / 2;
      if (g_rand_int_range (rnd, 0, 5) > 0) {
        lockstep_playlist_published (playlist, clock);
        for (; seen < sequence; seen++)
          gone_clock[seen] = clock;
      }
      longest = MAX (longest, playlist->duration);
      g_assert_cmpuint (playlist->discontinuity_sequence, ==, discontinuities);
      g_assert_cmpuint (sequence + playlist->entries.length, ==, i + 1);
      if (total >= 3 * target * SECOND)
        g_assert_cmpint (playlist->duration, >=, 3 * target * SECOND);
      if (playlist->window > 0 && total >= playlist->window)
        g_assert_cmpint (playlist->duration, >=, playlist->window);
      /* A file goes its own duration and that of the longest list after it left */
      for (guint d = before; d < deleted->len; d++) {
        guint n = atoi ((char *) g_ptr_array_index (deleted, d) + 3);

        g_assert_cmpuint (n, <, sequence);
        g_assert_cmpint (total - gone_at[n], >=, keep[n]);
        if (round & 1 && n < seen)
          g_assert_cmpint (playlist->clock - gone_clock[n], >=, keep[n]);
      }
      if (playlist->max_files == 0)
        g_assert_cmpuint (deleted->len, ==, 0);
    }
    g_assert_cmpuint (playlist->expired.length, <=, 300);
  }
}

static void
test_restart (void)
{
  g_autoptr (LockstepPlaylist) playlist =
      lockstep_playlist_new (LOCKSTEP_PLAYLIST_LIVE, 2);
  g_autoptr (LockstepPlaylist) again = NULL;
  g_autofree char *text = NULL;
  g_autofree char *second = NULL;
  gsize size;

  playlist->length = 6;
  for (guint i = 0; i < 30; i++)
    add (playlist, i, 2 * SECOND + i * 1234567, i % 4 == 1, NULL);
  text = lockstep_playlist_render (playlist, &size);
  again = lockstep_playlist_parse (text, size, LOCKSTEP_PLAYLIST_LIVE, NULL);
  g_assert_nonnull (again);
  g_assert_cmpuint (again->sequence, ==, 24);
  g_assert_cmpuint (again->discontinuity_sequence, ==,
      playlist->discontinuity_sequence);
  /* What a client has seen may not change by a microsecond */
  second = lockstep_playlist_render (again, NULL);
  g_assert_cmpstr (second, ==, text);
}

static void
test_broken (void)
{
  static const char *const texts[] = {
    "", "#EXTM3U", "#EXTM3U\n", "hello", "#EXTM3U\n#EXT-X-TARGETDURATION:0\n",
    "#EXTM3U\n#EXT-X-TARGETDURATION:99999999999999999999\n",
  };
  g_autoptr (GRand) rnd = g_rand_new_with_seed (8);
  g_autoptr (LockstepPlaylist) playlist =
      lockstep_playlist_new (LOCKSTEP_PLAYLIST_LIVE, 2);
  g_autofree char *text = NULL;
  gsize size;

  for (guint i = 0; i < G_N_ELEMENTS (texts); i++) {
    g_autoptr (GError) error = NULL;

    g_assert_null (lockstep_playlist_parse (texts[i], strlen (texts[i]),
            LOCKSTEP_PLAYLIST_LIVE, &error));
    g_assert_error (error, G_IO_ERROR, G_IO_ERROR_INVALID_DATA);
  }
  for (guint i = 0; i < 20; i++)
    add (playlist, i, 2 * SECOND, i == 7, NULL);
  text = lockstep_playlist_render (playlist, &size);
  for (guint round = 0; round < 20000; round++) {
    g_autofree char *copy = g_memdup2 (text, size);
    g_autoptr (LockstepPlaylist) read = NULL;
    gsize n = g_rand_int_range (rnd, 1, size);

    for (guint i = 0; i < 4; i++)
      copy[g_rand_int_range (rnd, 0, n)] = g_rand_int (rnd);
    read = lockstep_playlist_parse (copy, n, LOCKSTEP_PLAYLIST_LIVE, NULL);
    if (read != NULL)
      for (GList * l = read->entries.head; l != NULL; l = l->next)
        g_assert_cmpint (((LockstepPlaylistEntry *) l->data)->duration, >, 0);
  }
}

static void
test_name (void)
{
  static const struct
  {
    const char *pattern;
    guint64 index;
    const char *name;
  } cases[] = {
    {"a%d.ts", 7, "a7.ts"},
    {"a%05d.ts", 7, "a00007.ts"},
    {"a%05d.ts", 1234567, "a1234567.ts"},
    {"%%%u", 1, "%1"},
    {"x%i", G_GUINT64_CONSTANT (17950000000), "x17950000000"},
    {"a.ts", 0, NULL},
    {"a%s.ts", 0, NULL},
    {"a%d%d.ts", 0, NULL},
    {"a%n%d.ts", 0, NULL},
    {"a%999d.ts", 0, NULL},
    {"a%", 0, NULL},
  };

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++) {
    g_autofree char *name =
        lockstep_playlist_name (cases[i].pattern, cases[i].index, NULL);

    g_assert_cmpstr (name, ==, cases[i].name);
  }
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/playlist/text", test_text);
  g_test_add_func ("/playlist/sum", test_sum);
  g_test_add_func ("/playlist/window", test_window);
  g_test_add_func ("/playlist/restart", test_restart);
  g_test_add_func ("/playlist/broken", test_broken);
  g_test_add_func ("/playlist/name", test_name);
  return g_test_run ();
}
