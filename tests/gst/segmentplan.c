/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The planner against senders of all kinds, simulated picture by picture. */
#include <gst/lockstep/segmentplan.h>

#define MS G_GINT64_CONSTANT (1000000)
#define SECOND (1000 * MS)

/* Each test runs with so many, which take a second. What it asserts follows from what the
 * planner promises, and not from these seeds. */
#define SEEDS 8

static GRand *rnd;              /* seeded anew for each test, and each seed */

/* Audio alone: any duration, any rate, any frame. */
static void
test_audio (void)
{
  static const guint rates[] =
      { 48000, 44100, 32000, 24000, 22050, 16000, 96000 };
  static const guint samples[] = { 1152, 576, 1024, 384, 2048 };

  for (guint round = 0; round < 2000; round++) {
    gint64 target = g_rand_int_range (rnd, 200, 12000) * MS
        + g_rand_int_range (rnd, 0, 1000000);
    guint rate = rates[g_rand_int_range (rnd, 0, G_N_ELEMENTS (rates))];
    guint n = samples[g_rand_int_range (rnd, 0, G_N_ELEMENTS (samples))];
    gboolean epoch = g_rand_boolean (rnd);
    gint64 origin = epoch ? G_GINT64_CONSTANT (1700000000) * SECOND
        + g_rand_int_range (rnd, 0, 1000000000) : (gint32) g_rand_int (rnd);
    gint64 previous = 0, first = 0, duration = n * SECOND / rate;
    guint cuts = 0;
    LockstepSegmentPlan plan;

    if (target < 2 * duration)
      continue;
    lockstep_segment_plan_init (&plan, target, epoch);
    plan.frame = duration;
    for (guint64 i = 0; cuts < 60; i++) {
      gint64 start = origin + (gint64) (i * n * SECOND / rate);

      if (i == 0) {
        lockstep_segment_plan_begin (&plan, start);
        previous = start;
        continue;
      }
      if (!lockstep_segment_plan_audio (&plan, start, duration))
        continue;
      /* half a frame, and the nanosecond of integer times */
      g_assert_cmpint (ABS (lockstep_segment_plan_error (&plan, start)), <=,
          duration / 2 + 1);
      if (cuts == 0)
        first = start;
      else
        g_assert_cmpint (ABS (start - previous - target), <=, duration + 2);
      previous = start;
      lockstep_segment_plan_begin (&plan, start);
      cuts++;
    }
    g_assert_cmpint (ABS (previous - first - 59 * target), <=, duration + 2);
  }
}

/* A sender. All times in ns of media time. */
typedef struct
{
  gint64 picture;               /* period */
  gint64 jitter;                /* of timestamps, below half a period */
  gboolean obeys_time;          /* an encoder: waits until the time asked for */
  gint64 depth;                 /* pictures are this old when they arrive */
  gint64 path;                  /* likewise of a far sender */
  gint64 believed;              /* what the path is said to be */
  gboolean known_far, measured;
  gint64 first_again;           /* a key frame by itself that soon after the first */
  gint64 delay, delay_spread;   /* far sender: answer time */
  gint64 slow_until, slow_delay;        /* answer time at first */
  double held_up;               /* chance of an answer 400 ms later than it would be */
  gint64 gop;                   /* a key frame by itself so often; 0: never */
  double lost;                  /* requests that get lost */
  gint64 lost_until;            /* all do, until then */
  double spontaneous;           /* chance of a key frame by itself, a picture */
  gint64 rate_limit;            /* between two answers */
  gint64 deaf_for;              /* after a request that it heard: it drops all others */
  gint64 held;                  /* the first pictures come together, so long after the first */
  gint64 asked_before;          /* it was asked so long before they came, or 0 */
} Sender;

typedef struct
{
  guint cuts, late;
  gint64 first, last;           /* starts of segments */
  double error;                 /* sum of |error| */
  gint64 worst, longest, longest_first, limit;  /* the first: of the first 5 s */
  guint64 requests;
  guint held_up, spontaneous;   /* answers, key frames */
  guint lost;                   /* requests */
} Result;

static void
simulate (const Sender * sender, gint64 target, guint seconds, Result * result,
    gboolean learn_limit)
{
  LockstepSegmentPlan plan;
  LockstepKeyRequest asked[LOCKSTEP_PLAN_MAX_ASKS];
  g_autoptr (GArray) pending = g_array_new (FALSE, FALSE, sizeof (gint64));
  gint64 start = 0, last_key = G_MININT64 / 2;
  gint64 heard = G_MININT64 / 2, path = G_MAXINT64;
  gint64 n = seconds * SECOND / sender->picture;

  *result = (Result) {
  0};
  lockstep_segment_plan_init (&plan, target, FALSE);
  plan.frame = sender->held > 0 ? 24 * MS : 0;
  plan.path_latency = sender->believed;
  plan.path_measured = sender->measured;
  if (sender->known_far)
    lockstep_segment_plan_set_far (&plan);
  if (sender->asked_before > 0) {
    gint64 at = heard = sender->held + sender->path - sender->asked_before;

    at += sender->slow_until > 0 ? sender->slow_delay : sender->delay;
    lockstep_segment_plan_asked (&plan, sender->asked_before);
    g_array_append_val (pending, at);
  }
  plan.limit = learn_limit ? 12 * SECOND : lockstep_segment_plan_limit
      (lockstep_segment_plan_target_duration (target));
  for (gint64 i = 0; i < n; i++) {
    /* what arrives now was made @depth ago: the encoder is that much further */
    gint64 pts = i * sender->picture + (sender->jitter > 0 ?
        g_rand_int_range (rnd, 0, sender->jitter) : 0);
    gboolean key = i == 0;
    /* where the sender is when this comes */
    gint64 now = MAX (pts, sender->held) + sender->path;
    LockstepCut cut;
    guint asks;

    if (sender->held > 0)
      lockstep_segment_plan_set_path (&plan, path = MIN (path, now - pts),
          TRUE);
    if (sender->gop > 0 && i % (sender->gop / sender->picture) == 0)
      key = TRUE;
    if (sender->first_again > 0 && i == sender->first_again / sender->picture)
      key = TRUE;
    if (sender->spontaneous > 0 && g_rand_double (rnd) < sender->spontaneous) {
      key = TRUE;
      result->spontaneous++;
    }
    for (guint j = pending->len; j-- > 0;) {
      if (g_array_index (pending, gint64, j) <= pts
          && pts - last_key >= sender->rate_limit) {
        key = TRUE;
        g_array_remove_index_fast (pending, j);
      }
    }
    if (key)
      last_key = pts;
    cut = lockstep_segment_plan_video (&plan, pts, pts, key, FALSE);
    if (cut != LOCKSTEP_CUT_NONE) {
      gint64 error = lockstep_segment_plan_error (&plan, pts);

      if (g_test_verbose ())
        g_test_message ("%s cut at %.3f error %.3f mode %d lead %.3f next %d",
            cut == LOCKSTEP_CUT_LATE ? "LATE" : "", pts / 1e9, error / 1e9,
            plan.mode, plan.lead / 1e9, (int) plan.next);

      g_assert_true (cut == LOCKSTEP_CUT_LATE || key);
      if (result->cuts == 0)
        result->first = pts;
      else {
        if (start > 5 * SECOND + 2 * sender->path)
          result->longest = MAX (result->longest, pts - start);
        else
          result->longest_first = MAX (result->longest_first, pts - start);
        g_assert_cmpint (pts, >, start);
        g_assert_cmpint (pts - start, <=, plan.limit);
      }
      if (learn_limit && result->cuts == 1)
        plan.limit = lockstep_segment_plan_limit
            (lockstep_segment_plan_choose_duration (&plan, pts - start));
      result->cuts++;
      result->late += cut == LOCKSTEP_CUT_LATE;
      result->last = start = pts;
      if (pts > 5 * SECOND + 2 * sender->path) {
        result->error += ABS (error);
        result->worst = MAX (result->worst, ABS (error));
      }
    }
    asks = lockstep_segment_plan_requests (&plan, pts, asked);
    for (guint j = 0; j < asks; j++) {
      gint64 at = asked[j].time;

      if (g_test_verbose ())
        g_test_message ("at %.3f asked for %.3f", pts / 1e9, at / 1e9);

      if (sender->obeys_time) {
        /* it cannot reach back to what it has made */
        at = MAX (at, pts + sender->depth + 1);
      } else {
        gint64 delay = pts < sender->slow_until ? sender->slow_delay
            : sender->delay;

        if (sender->delay_spread > 0)
          delay += g_rand_int_range (rnd, 0, sender->delay_spread);
        if (sender->held_up > 0 && g_rand_double (rnd) < sender->held_up) {
          delay += 400 * MS;
          result->held_up++;
        }
        at = now + delay;
        if (sender->deaf_for > 0) {
          gint64 hears = now + g_rand_int_range (rnd, 0, 10) * MS;

          if (hears < heard + sender->deaf_for)
            continue;
          heard = hears;
        }
      }
      /* What is asked at once goes out as one packet */
      if (!sender->obeys_time && j > 0)
        continue;
      if (g_rand_double (rnd) >= sender->lost && pts >= sender->lost_until)
        g_array_append_val (pending, at);
      else
        result->lost++;
    }
  }
  result->requests = plan.requests;
  result->limit = plan.limit;
}

static double
mean_duration (const Result * r)
{
  return (double) (r->last - r->first) / (r->cuts - 1);
}

/* An encoder upstream, whatever it holds: on the grid from the first boundary that
 * could still be asked for. */
static void
test_encoder (void)
{
  static const gint64 periods[] =
      { SECOND / 30, SECOND / 25, SECOND / 60, SECOND * 1001 / 30000 };

  for (guint round = 0; round < 300; round++) {
    Sender sender = { periods[g_rand_int_range (rnd, 0, 4)] };
    gint64 target = g_rand_int_range (rnd, 5, 60) * 100 * MS;
    Result r;

    sender.obeys_time = TRUE;
    sender.depth = g_rand_int_range (rnd, 0, 2500) * MS;
    simulate (&sender, target, 120, &r, TRUE);
    /* the nearest picture: half a period */
    g_assert_cmpint (r.worst, <=, sender.picture * 11 / 20);
    g_assert_cmpuint (r.late, ==, 0);
  }
}

/* Chromium, as measured: 50 ms and at times 100, 300 to 400 at first, 20 or 30
 * pictures a second, one key frame in 300 ms at most. */
static void
test_far_sender (void)
{
  for (guint round = 0; round < 200; round++) {
    Sender sender = { SECOND / (g_rand_boolean (rnd) ? 20 : 30) };
    Result r;

    sender.delay = 40 * MS;
    sender.delay_spread = 60 * MS;
    sender.slow_until = 5 * SECOND;
    sender.slow_delay = 320 * MS;
    sender.rate_limit = 300 * MS;
    sender.jitter = 3 * MS;
    simulate (&sender, SECOND, 65, &r, FALSE);
    g_assert_cmpuint (r.late, ==, 0);
    g_assert_cmpfloat (r.error / r.cuts, <, 50.0 * MS);
    g_assert_cmpfloat (ABS (mean_duration (&r) - SECOND), <, 5.0 * MS);
    /* about one each segment, not a flood */
    g_assert_cmpuint (r.requests, <, 2 * 65 + 10);
  }
}

/* A browser's first seconds: its first pictures are held up on their way, it was asked for a
 * key frame before they came, makes one by itself at times, and drops what it is asked within
 * 300 ms of another request. No segment is so long that EXT-X-TARGETDURATION is above T, and
 * each has its key frame. */
static void
test_start (void)
{
  for (guint round = 0; round < 100; round++) {
    Sender sender = { SECOND / g_rand_int_range (rnd, 12, 31) };
    Result r;

    sender.known_far = sender.measured = TRUE;
    sender.deaf_for = 300 * MS;
    sender.path = g_rand_int_range (rnd, 200, 500) * MS;
    sender.held = g_rand_int_range (rnd, 1, 700) * MS;
    sender.believed = sender.path + sender.held;
    sender.asked_before = sender.held + g_rand_int_range (rnd, 0, 20) * MS;
    sender.delay = 20 * MS;
    sender.delay_spread = 70 * MS;
    sender.first_again = g_rand_boolean (rnd) ?
        g_rand_int_range (rnd, 1, 900) * MS : 0;
    simulate (&sender, SECOND, 20, &r, TRUE);
    g_assert_cmpint (r.limit, ==, lockstep_segment_plan_limit (1));
    g_assert_cmpuint (r.late, ==, 0);
    g_assert_cmpfloat (r.error / r.cuts, <,
        sender.delay_spread / 2.0 + sender.picture);
  }
}

/* Every packet is held for a while on its way, and how long is not known well: a
 * request is answered from where the sender is, which is further than what came in. */
static void
test_path (void)
{
  for (guint round = 0; round < 300; round++) {
    Sender sender = { SECOND / g_rand_int_range (rnd, 20, 60) };
    gint64 target = g_rand_int_range (rnd, 10, 40) * 100 * MS;
    Result r;

    sender.delay = g_rand_int_range (rnd, 1, 60) * MS;
    sender.delay_spread = 40 * MS;
    sender.rate_limit = 300 * MS;
    /* an encoder may hold as much: only who is known to be far may be further, and that
     * one's path is measured from its first picture on */
    sender.known_far = g_rand_boolean (rnd);
    sender.measured = g_rand_boolean (rnd);
    sender.path = g_rand_int_range (rnd, 0,
        sender.known_far && sender.measured ? 5000 : 900) * MS;
    sender.believed = sender.measured ? sender.path
        : MAX (0, sender.path + g_rand_int_range (rnd, -400, 400) * MS);
    /* what was asked for before anything came in */
    sender.first_again = sender.measured ? g_rand_int_range (rnd, 1, 900) * MS
        : 0;
    simulate (&sender, target, 90, &r, FALSE);
    /* what passes before the first answer can come, or is thought to, has none */
    g_assert_cmpuint (r.late, <=, 2 + MAX (sender.path,
            sender.believed) / target);
    g_assert_cmpfloat (r.error / r.cuts, <, 50.0 * MS);
    g_assert_cmpuint (r.requests, <, 2 * 90 * SECOND / target + 12);
  }
}

/* One answer in ten is late, for want of a processor say: that moves its own cut, and not
 * the next ones. */
static void
test_held_up (void)
{
  Sender sender = { SECOND / 30 };
  Result r;

  sender.delay = 20 * MS;
  sender.delay_spread = 40 * MS;
  sender.rate_limit = 300 * MS;
  sender.path = sender.believed = 500 * MS;
  sender.known_far = sender.measured = TRUE;
  sender.held_up = 0.1;
  simulate (&sender, SECOND, 1000, &r, FALSE);
  /* The others are off by what their answers vary by and a picture, and half of that is
   * the mean */
  g_assert_cmpfloat (r.error, <, r.held_up * 400.0 * MS
      + r.cuts * (sender.delay_spread + sender.picture) / 2.0);
}

/* A request that was lost, and a key frame that nobody asked for, move their own boundary,
 * and at times the next one; nothing else is off by more than what answers vary by. */
static void
assert_own_boundaries (const Sender * sender, gint64 target, const Result * r)
{
  guint events = r->lost + r->spontaneous;
  gint64 due = (r->last - r->first + target / 2) / target;

  g_assert_cmpfloat (r->error, <, (2 + 1.5 * events) * target / 2
      + r->cuts * (sender->delay_spread / 2.0 + sender->picture));
  g_assert_cmpint (ABS (due - (gint64) r->cuts + 1), <=, 1 + events);
}

/* With losses and scene changes it still comes back, and no list breaks. */
static void
test_bad_sender (void)
{
  for (guint round = 0; round < 500; round++) {
    Sender sender = { SECOND / g_rand_int_range (rnd, 10, 60) };
    gint64 target = g_rand_int_range (rnd, 10, 60) * 100 * MS;
    Result r;

    sender.delay = g_rand_int_range (rnd, 10, 300) * MS;
    sender.delay_spread = g_rand_int_range (rnd, 1, 200) * MS;
    sender.lost = g_rand_double (rnd) * 0.5;
    sender.spontaneous = g_rand_boolean (rnd) ? 0.01 : 0;
    sender.rate_limit = 300 * MS;
    sender.known_far = sender.measured = g_rand_boolean (rnd);
    if (sender.known_far)
      sender.path = sender.believed = g_rand_int_range (rnd, 0, 1500) * MS;
    simulate (&sender, target, 120, &r, FALSE);
    g_assert_cmpuint (r.cuts, >, 120 * SECOND / target / 2);
    /* Each late cut or skipped boundary moves the count, not the grid */
    g_assert_cmpfloat (ABS (mean_duration (&r) - target), <, target * 0.35);
    assert_own_boundaries (&sender, target, &r);
  }
}

/* What was lost at first does not stay in what answers are thought to take. */
static void
test_lost_at_first (void)
{
  for (guint round = 0; round < 200; round++) {
    Sender sender = { SECOND / g_rand_int_range (rnd, 20, 60) };
    gint64 target = g_rand_int_range (rnd, 10, 60) * 100 * MS;
    Result r;

    sender.delay = g_rand_int_range (rnd, 20, 300) * MS;
    sender.delay_spread = 40 * MS;
    sender.rate_limit = 300 * MS;
    sender.lost_until = g_rand_int_range (rnd, 0, 10000) * MS;
    sender.known_far = sender.measured = g_rand_boolean (rnd);
    if (sender.known_far)
      sender.path = sender.believed = g_rand_int_range (rnd, 0, 1500) * MS;
    simulate (&sender, target, 90, &r, FALSE);
    assert_own_boundaries (&sender, target, &r);
  }
}

/* Key frames as they come, deaf to requests. */
static void
test_fixed_gop (void)
{
  for (guint round = 0; round < 500; round++) {
    Sender sender = { SECOND / 25 };
    gint64 target = g_rand_int_range (rnd, 10, 60) * 100 * MS;
    Result r;

    sender.gop = g_rand_int_range (rnd, 5, 50) * sender.picture;
    if (sender.gop > target)
      continue;
    sender.lost = 1.0;
    simulate (&sender, target, 120, &r, TRUE);
    g_assert_cmpuint (r.late, ==, 0);
    /* where a key frame later would break the list, the one before is taken */
    if (target + sender.gop + 150 * MS < r.limit)
      g_assert_cmpint (r.worst, <=, MAX (sender.gop, 100 * MS));
  }
}

/* A sender that answers nothing, with key frames of its own, however far apart: each
 * segment begins with one of them. The first segment sets the longest. */
static void
test_own_keys (void)
{
  for (guint round = 0; round < 500; round++) {
    Sender sender = { SECOND / g_rand_int_range (rnd, 10, 61) };
    gint64 target = g_rand_int_range (rnd, 10, 60) * 100 * MS;
    Result r;

    sender.gop = g_rand_int_range (rnd, 300, 10000) * MS;
    sender.jitter = g_rand_boolean (rnd) ? 5 * MS : 0;
    sender.known_far = g_rand_boolean (rnd);
    sender.believed =
        sender.known_far ? g_rand_int_range (rnd, 0, 1000) * MS : 0;
    sender.lost = 1.0;
    simulate (&sender, target, 120, &r, TRUE);
    g_assert_cmpuint (r.late, ==, 0);
    if (target + sender.gop + 150 * MS < r.limit)
      g_assert_cmpint (r.worst, <=, MAX (sender.gop, 100 * MS));
    /* The first that comes after the boundary is taken at the latest. A key frame up to
     * half a segment early may be taken for an answer, until it is seen that none is. */
    g_assert_cmpint (r.longest, <=, target + sender.gop + 2 * sender.picture);
    g_assert_cmpint (r.longest_first, <=,
        target * 3 / 2 + sender.gop + 2 * sender.picture);
  }
}

/* Nobody answers at all: the limit holds, and it is asked in moderation. */
static void
test_deaf (void)
{
  Sender sender = { SECOND / 30 };
  Result r;

  sender.lost = 1.0;
  simulate (&sender, SECOND, 60, &r, FALSE);
  g_assert_cmpuint (r.late, >, 40);
  g_assert_cmpint (MAX (r.longest, r.longest_first), <=,
      lockstep_segment_plan_limit (1));
  g_assert_cmpuint (r.requests, <, 60 * 4);
}

static void
test_target_duration (void)
{
  g_assert_cmpuint (lockstep_segment_plan_target_duration (200 * MS), ==, 1);
  g_assert_cmpuint (lockstep_segment_plan_target_duration (SECOND), ==, 1);
  g_assert_cmpuint (lockstep_segment_plan_target_duration (1250 * MS), ==, 2);
  g_assert_cmpuint (lockstep_segment_plan_target_duration (2 * SECOND), ==, 2);
  g_assert_cmpuint (lockstep_segment_plan_target_duration (6 * SECOND), ==, 6);
  for (gint64 t = 100; t < 20000; t += 10) {
    guint target = lockstep_segment_plan_target_duration (t * MS);

    g_assert_cmpint (lockstep_segment_plan_limit (target), >=, (t + 249) * MS);
    g_assert_cmpint ((lockstep_segment_plan_limit (target) + SECOND / 2)
        / SECOND, <=, target);
  }
}

static void
run (gconstpointer test)
{
  for (guint seed = 0; seed < SEEDS; seed++) {
    g_test_message ("seed %u", seed);
    rnd = g_rand_new_with_seed (seed);
    ((void (*)(void)) (gsize) test) ();
    g_rand_free (rnd);
  }
}

static void
add (const char *path, void (*test) (void))
{
  g_test_add_data_func (path, (gconstpointer) (gsize) test, run);
}

/* Sound began the count, and the first picture of all comes just before a boundary:
 * sound has stood in for those before. */
static void
test_first_picture (void)
{
  LockstepSegmentPlan plan;

  lockstep_segment_plan_init (&plan, 2 * SECOND, FALSE);
  plan.frame = 24 * MS;
  plan.limit = lockstep_segment_plan_limit (2);
  lockstep_segment_plan_begin (&plan, 0);
  g_assert_cmpint (lockstep_segment_plan_video (&plan, 3900 * MS, 3900 * MS,
          TRUE, FALSE), ==, LOCKSTEP_CUT_KEY);
  g_assert_cmpint (plan.next, ==, 3);
}

/* A browser's first picture is held up by 300 ms, its second key frame is on its way when it
 * is asked for one, and it hears one request in 300 ms. */
static void
test_held_up_first (void)
{
  LockstepSegmentPlan plan;
  LockstepKeyRequest asked[LOCKSTEP_PLAN_MAX_ASKS];
  guint requests = 0;

  lockstep_segment_plan_init (&plan, SECOND, FALSE);
  lockstep_segment_plan_set_far (&plan);
  plan.frame = 24 * MS;
  plan.limit = 12 * SECOND;
  for (gint64 pts = 0; pts < 800 * MS; pts += 33 * MS) {
    LockstepCut cut;

    lockstep_segment_plan_set_path (&plan, pts == 0 ? 750 * MS : 440 * MS,
        TRUE);
    cut = lockstep_segment_plan_video (&plan, pts, pts, pts == 0
        || pts == 528 * MS, FALSE);
    g_assert_cmpint (cut, ==, pts == 0 ? LOCKSTEP_CUT_GRID : LOCKSTEP_CUT_NONE);
    requests += lockstep_segment_plan_requests (&plan, pts, asked);
  }
  g_assert_cmpuint (requests, ==, 1);
  /* what was asked for comes early: the next one would be late by more */
  g_assert_cmpint (lockstep_segment_plan_video (&plan, 832 * MS, 832 * MS,
          TRUE, FALSE), ==, LOCKSTEP_CUT_KEY);
  g_assert_cmpint (plan.next, ==, 2);
  g_assert_cmpint (plan.lead, ==, 522 * MS);
}

/* A stream that follows is cut where the one that leads was, whatever that was, and
 * also where its encoder leaves pictures out. */
static void
test_follow (void)
{
  for (guint round = 0; round < 300; round++) {
    gint64 picture = g_rand_int_range (rnd, 15, 70) * MS;
    guint step = g_rand_int_range (rnd, 1, 4);  /* its frame rate is a part */
    double left_out = g_rand_boolean (rnd) ? 0 : 0.2;
    double keys = g_rand_double_range (rnd, 0.005, 0.1);
    LockstepSegmentPlan leader, follower;
    GQueue told = G_QUEUE_INIT;
    g_autoptr (GArray) splits = g_array_new (FALSE, FALSE, sizeof (gint64));
    gboolean wanted = FALSE, changed = FALSE;
    guint cuts = 0;

    lockstep_segment_plan_init (&leader, SECOND, FALSE);
    lockstep_segment_plan_init (&follower, SECOND, FALSE);
    leader.limit = lockstep_segment_plan_limit (1);
    for (guint i = 0; i < 2000; i++) {
      gint64 pts = i * picture, split = 0, next;
      gboolean key = i == 0 || g_rand_double (rnd) < keys, change = FALSE;
      LockstepCut cut = lockstep_segment_plan_video (&leader, pts, pts, key,
          FALSE);

      if (key || cut != LOCKSTEP_CUT_NONE) {
        LockstepVerdict verdict = { pts, cut, pts, g_rand_int_range (rnd, 0,
              10) == 0, leader.anchor, leader.start, leader.next
        };

        g_queue_push_tail (&told, g_memdup2 (&verdict, sizeof verdict));
        changed |= verdict.change;
        wanted = TRUE;
        if (cut != LOCKSTEP_CUT_NONE)
          g_array_append_val (splits, pts);
      }
      /* the nearest picture at or after the one that was asked for */
      if (i % step != 0 || g_rand_double (rnd) < left_out)
        continue;
      cut = lockstep_segment_plan_follow (&follower, &told, pts, pts, wanted,
          &split, &change);
      wanted = FALSE;
      if (change)
        changed = FALSE;
      if (cut == LOCKSTEP_CUT_NONE)
        continue;
      g_assert_cmpint (cut, !=, LOCKSTEP_CUT_LATE);
      /* that one, or a later one that came since */
      do {
        g_assert_cmpuint (cuts, <, splits->len);
        next = g_array_index (splits, gint64, cuts++);
      } while (next < split);
      g_assert_cmpint (next, ==, split);
      g_assert_cmpint (follower.next, ==, leader.next);
      g_assert_cmpint (follower.anchor, ==, leader.anchor);
    }
    /* what was told last may wait for a picture yet */
    for (GList * l = told.head; l != NULL; l = l->next)
      cuts += ((LockstepVerdict *) l->data)->cut != LOCKSTEP_CUT_NONE;
    g_assert_cmpuint (cuts, ==, splits->len);
    g_assert_true (!changed || !g_queue_is_empty (&told));
    g_queue_clear_full (&told, g_free);
  }
}

/* Verdicts of a timeline that was left do not hold up those of the next. */
static void
test_follow_jump (void)
{
  LockstepSegmentPlan plan;
  GQueue told = G_QUEUE_INIT;
  LockstepVerdict old = { 100 * SECOND, LOCKSTEP_CUT_KEY, 100 * SECOND };
  LockstepVerdict new = { 2 * SECOND, LOCKSTEP_CUT_KEY, 2 * SECOND };
  gint64 split = 0;
  gboolean change = FALSE;

  lockstep_segment_plan_init (&plan, SECOND, FALSE);
  g_queue_push_tail (&told, g_memdup2 (&old, sizeof old));
  g_queue_push_tail (&told, g_memdup2 (&new, sizeof new));
  g_assert_cmpint (lockstep_segment_plan_follow (&plan, &told, 2 * SECOND,
          2 * SECOND, TRUE, &split, &change), ==, LOCKSTEP_CUT_KEY);
  g_assert_cmpint (split, ==, 2 * SECOND);
  g_assert_true (g_queue_is_empty (&told));
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  add ("/segmentplan/audio", test_audio);
  add ("/segmentplan/encoder", test_encoder);
  add ("/segmentplan/far-sender", test_far_sender);
  add ("/segmentplan/start", test_start);
  add ("/segmentplan/path", test_path);
  add ("/segmentplan/held-up", test_held_up);
  add ("/segmentplan/bad-sender", test_bad_sender);
  add ("/segmentplan/lost-at-first", test_lost_at_first);
  add ("/segmentplan/fixed-gop", test_fixed_gop);
  add ("/segmentplan/own-keys", test_own_keys);
  add ("/segmentplan/deaf", test_deaf);
  add ("/segmentplan/target-duration", test_target_duration);
  add ("/segmentplan/first-picture", test_first_picture);
  add ("/segmentplan/held-up-first", test_held_up_first);
  add ("/segmentplan/follow", test_follow);
  add ("/segmentplan/follow/jump", test_follow_jump);
  return g_test_run ();
}
