/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The segmenter behind a far sender that is short of a processor: key frames come late,
 * by more or less, pictures are left out, and at times none comes for a while. */
#include "segmenter-feed.h"

#define SECONDS 68
#define RUNS 20

typedef struct
{
  const char *name;
  gint64 path;                  /* how old a picture is when it comes */
  gint64 slow;                  /* in the first 4 s, half of this to all of it more */
  gint64 spread;                /* an answer takes 20 ms and up to this more */
  double held_up;               /* chance of an answer 400 ms later than that */
  double stall;                 /* chance at each picture of none for 200 to 900 ms */
  double left_out;              /* part of the pictures */
  /* what is to be seen, of all runs together */
  gint64 mean_error;
  guint late;                   /* segments that begin without a key frame, a run */
  guint extra;                  /* segments more than there are intervals, a run */
  guint longer;                 /* runs whose EXT-X-TARGETDURATION may be above T */
  guint missing;                /* intervals without a segment, of all runs */
  guint dropped;                /* pictures for want of a key frame, a run */
} Sender;

static const Sender senders[] = {
  {"slow-start", 0, 700 * MS, 60 * MS, 0, 0, 0, 50 * MS, 0, 0, 0, 0, 0},
  {"slower-start", 0, 800 * MS, 60 * MS, 0, 0, 0, 50 * MS, 0, 0, 0, 0, 0},
  {"slower-path", 200 * MS, 800 * MS, 60 * MS, 0, 0, 0, 50 * MS, 1, 1, 0, 0, 0},
  {"slow-path", 500 * MS, 700 * MS, 60 * MS, 0, 0, 0, 60 * MS, 0, 1, 0, 0, 0},
  {"well", 500 * MS, 0, 60 * MS, 0, 0, 0, 30 * MS, 0, 0, 0, 0, 0},
  {"late", 0, 0, 400 * MS, 0, 0, 0, 115 * MS, 0, 0, 0, 0, 0},
  {"late-path", 500 * MS, 0, 400 * MS, 0, 0, 0, 125 * MS, 1, 0, 0, 0, 0},
  {"held-up", 500 * MS, 0, 60 * MS, 0.1, 0, 0, 75 * MS, 1, 0, 1, 0, 0},
  {"stalls", 500 * MS, 0, 60 * MS, 0, 0.003, 0, 50 * MS, 1, 0, 1, 0, 2},
  {"stalls-often", 500 * MS, 0, 400 * MS, 0, 0.02, 0, 150 * MS, 2, 1, 3, 0, 12},
  {"few-pictures", 0, 0, 60 * MS, 0, 0, 0.85, 300 * MS, 1, 1, 3, 0, 12},
  {"all", 500 * MS, 0, 400 * MS, 0.1, 0.02, 0.85, 260 * MS, 2, 3, 10, 2, 12},
};

static void
one_run (const Sender * sender, guint seed, Test * t)
{
  g_autoptr (GRand) rnd = g_rand_new_with_seed (seed);
  g_autoptr (GArray) answers = g_array_new (FALSE, FALSE, sizeof (gint64));
  gint64 resumes = 0, last_key = -SECOND;
  guint64 frames = 0;

  test_begin (t, SECOND, FALSE, 48000, 1152);
  t->starts = g_array_new (FALSE, FALSE, sizeof (gint64));
  set_video (t);
  set_audio (t);
  lockstep_segmenter_set_far (t->s);
  lockstep_segmenter_set_path_latency (t->s, sender->path, TRUE);
  for (gint64 pts = 0; pts < SECONDS * SECOND; pts += SECOND / 30) {
    gboolean key = pts == 0;

    for (; (gint64) frames * 24 * MS < pts; frames++)
      lockstep_segmenter_push (t->s, LOCKSTEP_TRACK_AUDIO, audio_frame (t,
              frames), frames * 24 * MS, LOCKSTEP_NO_TIME, 0, 0);
    if (t->asked->len > 0) {
      gint64 at = frames * 24 * MS + sender->path + 20 * MS
          + g_rand_int_range (rnd, 0, sender->spread);

      if (sender->slow > 0 && pts < 4 * SECOND)
        at += g_rand_int_range (rnd, sender->slow / 2, sender->slow);
      if (g_rand_double (rnd) < sender->held_up)
        at += 400 * MS;
      g_array_append_val (answers, at);
      g_array_set_size (t->asked, 0);
    }
    if (pts >= resumes && g_rand_double (rnd) < sender->stall)
      resumes = pts + g_rand_int_range (rnd, 200, 900) * MS;
    if (pts < resumes || g_rand_double (rnd) < sender->left_out)
      continue;
    for (guint i = answers->len; i-- > 0;) {
      /* libwebrtc makes one key frame in 300 ms at most */
      if (g_array_index (answers, gint64, i) <= pts
          && pts - last_key >= 300 * MS) {
        key = TRUE;
        g_array_remove_index_fast (answers, i);
      }
    }
    if (key)
      last_key = pts;
    lockstep_segmenter_push (t->s, LOCKSTEP_TRACK_VIDEO, picture (key,
            key ? 900 : 200), pts, LOCKSTEP_NO_TIME, 0, 0);
  }
  lockstep_segmenter_finish (t->s);
}

/* No segment breaks EXT-X-TARGETDURATION, whatever comes, and that is 1 for T = 1 s but
 * where the first key frame that was asked for was half a second late. No interval goes
 * without a segment, so the mean duration is T. */
static void
test_sender (gconstpointer data)
{
  const Sender *sender = data;
  guint late = 0, extra = 0, longer = 0, missing = 0, dropped = 0;
  guint n = 0;
  double error = 0;

  for (guint seed = 0; seed < RUNS; seed++) {
    LockstepSegmenterStats stats;
    Test t;
    gint64 first, last;
    guint cuts, due;

    one_run (sender, seed, &t);
    lockstep_segmenter_stats (t.s, &stats);
    g_assert_cmpint (t.reader.longest, <=, lockstep_segment_plan_limit
        (lockstep_segmenter_target_duration (t.s)));
    longer += lockstep_segmenter_target_duration (t.s) > 1;
    g_assert_cmpuint (t.reader.discontinuities, ==, 0);
    g_assert_cmpuint (t.reader.no_idr, <=, stats.late_cuts);
    t.reader.no_idr = 0;
    assert_clean (&t);
    /* or hls.js makes the next segment late, and its sound with it */
    g_assert_cmpint (t.reader.worst_overlap, <=, 2);
    g_assert_cmpint (t.reader.worst_pcr_gap, <=, 90000);
    late += stats.late_cuts;
    dropped += stats.undecodable;

    first = g_array_index (t.starts, gint64, 0);
    last = g_array_index (t.starts, gint64, t.starts->len - 1);
    cuts = t.starts->len - 1;
    for (guint i = 1; i <= cuts; i++, n++) {
      gint64 at = g_array_index (t.starts, gint64, i) - first;

      error += ABS (at - (at + SECOND / 2) / SECOND * SECOND);
    }
    /* the last one may be early, and stand for the boundary after */
    due = (last - first + SECOND / 4) / SECOND;
    missing += due > cuts ? due - cuts : 0;
    extra += cuts > due + 1 ? cuts - due - 1 : 0;
    test_end (&t);
  }
  g_test_message
      ("mean error %.1f ms; a run has %.2f cuts without a key frame, %.2f "
      "segments too many, %.2f pictures dropped; %u lists of 2 s, %u missing",
      error / n / 1e6, (double) late / RUNS, (double) extra / RUNS,
      (double) dropped / RUNS, longer, missing);
  g_assert_cmpfloat (error / n, <, sender->mean_error);
  g_assert_cmpuint (late, <=, sender->late * RUNS);
  g_assert_cmpuint (extra, <=, sender->extra * RUNS);
  g_assert_cmpuint (longer, <=, sender->longer);
  g_assert_cmpuint (missing, <=, sender->missing);
  g_assert_cmpuint (dropped, <=, sender->dropped * RUNS);
}

int
main (int argc, char **argv)
{
  gst_init (&argc, &argv);
  g_test_init (&argc, &argv, NULL);
  for (guint i = 0; i < G_N_ELEMENTS (senders); i++) {
    g_autofree char *path = g_strconcat ("/segmenter-far/", senders[i].name,
        NULL);

    g_test_add_data_func (path, &senders[i], test_sender);
  }
  return g_test_run ();
}
