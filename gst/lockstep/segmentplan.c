/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Where HLS segments are cut, and when key frames are asked for. */
#include <gst/lockstep/segmentplan.h>

#include <string.h>

#define MS G_GINT64_CONSTANT (1000000)
#define SECOND (1000 * MS)

/* A segment is not made shorter than this to get back to the grid. */
#define MIN_SEGMENT_MAX (250 * MS)
/* A key frame this near to the boundary counts as on it, at most. */
#define ON_GRID_MAX (40 * MS)
/* A key frame that nobody asked for is taken this much early. */
#define SPONTANEOUS_EARLY (60 * MS)

/* How far ahead an encoder is asked: more than the frames it may hold. x264enc
 * holds 40 to 60 by default. */
#define AHEAD (5 * SECOND)
/* An IDR that comes so much sooner or later than is expected is no answer. */
#define ANSWER_SPREAD (650 * MS)
/* Where none was one for a while, any is that comes within this. */
#define ANSWER_MAX (3000 * MS)
#define EXPECTED_WRONGLY 3
/* An encoder that is asked seconds ahead does not miss so many boundaries in a row. */
#define STRAYS 3
/* A cut this much behind its boundary was not asked for in time. */
#define LATE (500 * MS)
/* What an answer takes before one was seen: most in a sender's first seconds, and an
 * early cut is better than a first segment that sets the list's longest. */
#define LEAD_FIRST (300 * MS)
/* So much sooner the first boundary of all is asked for, but not before a sender makes its
 * second key frame: one that is cut late sets the list's longest, and an answer that is too
 * early to cut at tells how long the next one takes. */
#define EARLY_FIRST (300 * MS)
#define EARLY_FIRST_MIN (100 * MS)
#define LEAD_MAX (15 * SECOND)
/* Senders rate-limit: libwebrtc makes one key frame in 300 ms at most. */
#define ASK_AGAIN_MIN (300 * MS)
/* What it is asked sooner than that after another request it drops, and nothing answers it.
 * On the way the two may come nearer to each other. */
#define ASK_GAP (ASK_AGAIN_MIN + 40 * MS)
#define ASK_AGAIN_DEAF (1000 * MS)
#define DEAF_AFTER 6
/* So many key frames equally far apart, and not by what was asked for: its own. */
#define REGULAR 3
/* The most that an encoder is thought to hold. */
#define HELD_MAX (2500 * MS)
/* A verdict this far ahead is of another timeline. */
#define FAR (10 * SECOND)
/* Room for the boundary after one that was cut early, while it is not known well how
 * long answers take, and when it is. */
#define LATE_MARGIN_FIRST (250 * MS)
#define LATE_MARGIN (100 * MS)
#define KNOWN_WELL 4
/* A segment is ended this much before its limit. */
#define LAST_MARGIN (100 * MS)
#define LAST_MARGIN_SOUND (20 * MS)
/* What the distance of a sender's key frames may vary. */
#define JITTER (50 * MS)
/* Nothing came ahead of time: asked for at once, this long before the limit. */
#define ASK_LAST (400 * MS)

void
lockstep_segment_plan_init (LockstepSegmentPlan * plan, gint64 target,
    gboolean epoch)
{
  g_return_if_fail (target >= MS);

  memset (plan, 0, sizeof *plan);
  plan->target = target;
  plan->epoch = epoch;
  plan->lead = LEAD_FIRST;
  plan->answer_delay = LOCKSTEP_NO_TIME;
  plan->fixed_anchor = plan->asked_before = LOCKSTEP_NO_TIME;
  lockstep_segment_plan_restart (plan);
}

guint
lockstep_segment_plan_target_duration (gint64 target)
{
  return MAX (1, (target + 750 * MS) / SECOND);
}

gint64
lockstep_segment_plan_limit (guint target_duration)
{
  return target_duration * SECOND + 499 * MS;
}

void
lockstep_segment_plan_restart (LockstepSegmentPlan * plan)
{
  plan->running = FALSE;
  plan->anchor = plan->start = 0;
  plan->next = 1;
  plan->last_dts = plan->last_key = LOCKSTEP_NO_TIME;
  plan->position = plan->last_ask = LOCKSTEP_NO_TIME;
  plan->asked_to = G_MININT64;
  plan->n_asks = 0;
  plan->gop = plan->regular = 0;
  plan->unanswered = 0;
}

void
lockstep_segment_plan_set_path (LockstepSegmentPlan * plan, gint64 latency,
    gboolean measured)
{
  /* The picture that had come in then was held up, and its sender was further on: else
   * what was on its way already is taken for the answer */
  if (measured && plan->path_measured && latency < plan->path_latency) {
    for (guint i = 0; i < plan->n_asks; i++)
      plan->asks[i].at += plan->path_latency - latency;
    if (plan->last_ask != LOCKSTEP_NO_TIME)
      plan->last_ask += plan->path_latency - latency;
  }
  plan->path_latency = latency;
  plan->path_measured = measured;
}

void
lockstep_segment_plan_asked (LockstepSegmentPlan * plan, gint64 ago)
{
  plan->asked_before = ago;
  plan->all_asks_known = TRUE;
}

void
lockstep_segment_plan_set_far (LockstepSegmentPlan * plan)
{
  plan->far = TRUE;
  plan->mode = LOCKSTEP_KEY_ON_REQUEST;
}

gint64
lockstep_segment_plan_boundary (const LockstepSegmentPlan * plan, gint64 k)
{
  return plan->anchor + k * plan->target;
}

static gint64
min_segment (const LockstepSegmentPlan * plan)
{
  /* A boundary may be cut half a frame early, and that is it */
  return MIN (plan->target / 2, MAX (MIN (plan->target / 4, MIN_SEGMENT_MAX),
          plan->frame / 2 + MS));
}

/* 1 s may be 0.999999990 by timestamps: what is asked for is so much earlier. */
static gint64
half_picture (const LockstepSegmentPlan * plan)
{
  return plan->picture > 0 ? plan->picture / 2 : 8 * MS;
}

static gint64
floor_div (gint64 a, gint64 b)
{
  return a / b - (a % b < 0);
}

gint64
lockstep_segment_plan_interval (const LockstepSegmentPlan * plan, gint64 start)
{
  return floor_div (start - plan->anchor + min_segment (plan), plan->target);
}

gint64
lockstep_segment_plan_error (const LockstepSegmentPlan * plan, gint64 time)
{
  gint64 k = floor_div (time - plan->anchor + plan->target / 2, plan->target);

  return time - lockstep_segment_plan_boundary (plan, k);
}

void
lockstep_segment_plan_begin (LockstepSegmentPlan * plan, gint64 start)
{
  if (!plan->running) {
    plan->running = TRUE;
    plan->anchor = plan->epoch ? 0 :
        plan->fixed_anchor != LOCKSTEP_NO_TIME ? plan->fixed_anchor : start;
  }
  plan->start = start;
  plan->next = lockstep_segment_plan_interval (plan, start) + 1;
}

gboolean
lockstep_segment_plan_audio (const LockstepSegmentPlan * plan, gint64 start,
    gint64 duration)
{
  return start + duration / 2 >=
      lockstep_segment_plan_boundary (plan, plan->next);
}

static gint64
on_grid (const LockstepSegmentPlan * plan)
{
  /* a little over half: timestamps of 90 kHz and 33.3 ms are rounded */
  return plan->picture > 0 ? MIN (plan->picture * 11 / 20, ON_GRID_MAX)
      : 17 * MS;
}

/* What an answer is expected to take, from what had come in when it was asked for. */
static gint64
expected_delay (const LockstepSegmentPlan * plan)
{
  return plan->answers > 0 ? plan->lead : plan->path_latency + LEAD_FIRST;
}

static void
add_ask (LockstepSegmentPlan * plan, gint64 at, gint64 k, gboolean again)
{
  gint64 key = plan->last_key;
  guint n = plan->n_asks;

  /* What is on its way counts as well */
  if (n > 0)
    key = MAX (key, plan->asks[n - 1].at + expected_delay (plan));
  if (n == G_N_ELEMENTS (plan->asks)) {
    memmove (plan->asks, plan->asks + 1, (n - 1) * sizeof plan->asks[0]);
    n--;
  }
  plan->asks[n].at = at;
  plan->asks[n].k = k;
  plan->asks[n].again = again && n > 0;
  plan->asks[n].soon = key != LOCKSTEP_NO_TIME
      && at + expected_delay (plan) - key < ASK_AGAIN_MIN;
  plan->n_asks = n + 1;
  if (plan->all_asks_known)
    plan->last_ask = at;
  plan->unanswered++;
}

/* Whether boundary @k was asked for in time, and the answer is awaited. */
static gboolean
asked (const LockstepSegmentPlan * plan, gint64 k)
{
  for (guint i = 0; i < plan->n_asks; i++)
    if (plan->asks[i].k == k)
      return TRUE;
  return FALSE;
}

/* Requests that should have been answered by now, and the one in hand. */
static gint64
in_vain (const LockstepSegmentPlan * plan)
{
  return plan->unanswered
      - expected_delay (plan) / MAX (plan->target, ASK_AGAIN_MIN);
}

/* Whether the sender has answered nothing for long. */
static gboolean
is_silent (const LockstepSegmentPlan * plan)
{
  return in_vain (plan) >= DEAF_AFTER;
}

/* No answer comes sooner than this after its request. */
static gint64
least_delay (const LockstepSegmentPlan * plan)
{
  return !plan->path_measured ? 1
      : MAX (plan->path_latency - 2 * plan->picture, 1);
}

/* Takes the request that the key frame at @pts answers most likely, and those before
 * it: they were lost, or this answers them as well. FALSE: there is none. */
static gboolean
take_answered (LockstepSegmentPlan * plan, gint64 pts, LockstepAsk * ask)
{
  gint64 expected = expected_delay (plan), best = G_MAXINT64;
  gint64 spread = in_vain (plan) >= EXPECTED_WRONGLY ? ANSWER_MAX
      : ANSWER_SPREAD;
  gint64 least = least_delay (plan);
  guint taken = 0;

  for (guint i = 0; i < plan->n_asks; i++) {
    gint64 delay = pts - plan->asks[i].at;

    if (delay < least)
      break;                    /* it was on its way already */

    if (delay > expected + ANSWER_MAX) {
      taken = i + 1;            /* too old to be answered */
    } else if (ABS (delay - expected) < MIN (best, spread)) {
      /* That one may be made to wait: it is for the next key frame */
      if (best < G_MAXINT64 && plan->asks[i].soon && !plan->asks[i].again)
        continue;
      /* Asked twice: more often the answer was slow than the first one lost */
      if (best == G_MAXINT64 || !plan->asks[i].again)
        *ask = plan->asks[i];
      best = ABS (delay - expected);
      taken = i + 1;
    }
  }
  /* What is expected may be far too long, after a loss: else it would stay so, and
   * each answer be thought of as a key frame that nobody asked for */
  for (guint i = plan->n_asks; taken == 0 && i-- > 0;) {
    gint64 delay = pts - plan->asks[i].at;

    if (delay < least || delay >= expected
        || (!plan->path_measured && plan->n_asks > 1))
      continue;
    *ask = plan->asks[i];
    best = delay;
    taken = i + 1;
  }
  plan->n_asks -= taken;
  memmove (plan->asks, plan->asks + taken, plan->n_asks * sizeof plan->asks[0]);
  return best < G_MAXINT64;
}

/* Whether the sender makes key frames as it likes, whatever it is asked. */
static gboolean
is_deaf (const LockstepSegmentPlan * plan)
{
  return is_silent (plan) || (plan->regular >= REGULAR
      && ABS (plan->gop - plan->target) > 2 * plan->picture);
}

/* A segment is ended this much before its limit: with the last picture that is sure to
 * be within. Where the next one comes later than that, there may be sound to cut at. */
static gint64
last_margin (const LockstepSegmentPlan * plan)
{
  return plan->frame > 0 ? CLAMP (plan->picture * 3 / 2, LAST_MARGIN_SOUND,
      LAST_MARGIN) : MAX (2 * plan->picture, LAST_MARGIN);
}

guint
lockstep_segment_plan_choose_duration (const LockstepSegmentPlan * plan,
    gint64 first)
{
  guint duration = MAX (lockstep_segment_plan_target_duration (plan->target),
      (first + SECOND / 2) / SECOND);

  /* Else the next ones would be cut just before their key frames. Of a sender that
   * answers, the first one was late by chance. */
  if (first + last_margin (plan) + (plan->frame > 0 && plan->answers > 0
          && !is_deaf (plan) ? 0 : JITTER)
      > lockstep_segment_plan_limit (duration))
    duration++;
  return duration;
}

/* One that was held up moves no other cut but its own. */
static gint64
median (const gint64 d[3])
{
  return MAX (MIN (d[0], d[1]), MIN (MAX (d[0], d[1]), d[2]));
}

/* Learns from a key frame at @pts. @ask: what it answers, NULL: nothing */
static void
note_answer (LockstepSegmentPlan * plan, gint64 pts, const LockstepAsk * ask)
{
  gint64 boundary = lockstep_segment_plan_boundary (plan, plan->next);
  gint64 delay;
  gboolean on_time = ABS (pts - boundary) <= on_grid (plan);

  /* Asked for long before, and there on time: something keeps to the time */
  if (plan->running && on_time && plan->asked_to >= plan->next
      && !asked (plan, plan->next) && (ask == NULL || ask->k != plan->next)) {
    plan->obeyed++;
    plan->ahead_misses = plan->strays = 0;
    if (++plan->ahead_hits >= 2 && !plan->far)
      plan->mode = LOCKSTEP_KEY_AHEAD;
    return;
  }
  if (ask == NULL)
    return;
  delay = pts - ask->at;
  plan->unanswered = 0;
  if (plan->mode == LOCKSTEP_KEY_AHEAD && !on_time && pts < boundary)
    return;                     /* the encoder saw a scene change */
  /* An encoder is late at times, but never before the time asked for */
  if (plan->mode == LOCKSTEP_KEY_UNKNOWN && (on_time || (pts >= boundary
              && ++plan->strays < STRAYS)))
    return;
  plan->strays = 0;
  plan->obeyed++;
  plan->answer_delay = delay;
  if (plan->mode == LOCKSTEP_KEY_AHEAD || is_deaf (plan))
    return;
  plan->mode = LOCKSTEP_KEY_ON_REQUEST;
  plan->answers++;
  if (ask->soon && delay > plan->lead && plan->answers > 1)
    return;                     /* the sender's limit on key frames, not its answer */
  plan->delays[2] = plan->delays[1];
  plan->delays[1] = plan->delays[0];
  plan->delays[0] = delay;
  if (plan->answers >= KNOWN_WELL)
    delay = median (plan->delays);
  /* One that came on time may have waited for it, and says nothing. What is late
   * weighs more, for the limit's sake. */
  if (plan->answers == 1)
    plan->lead = delay;
  else if (pts > boundary + on_grid (plan))
    plan->lead += (delay - plan->lead) / 2;
  else if (!on_time)
    plan->lead +=
        (delay - plan->lead) / (boundary - pts > 2 * plan->picture ? 2 : 4);
  plan->lead = CLAMP (plan->lead, 0, LEAD_MAX);
}

/* The last moment at which a segment must end, key frame or not. */
static gint64
last_moment (const LockstepSegmentPlan * plan)
{
  gint64 last = plan->start + plan->limit - last_margin (plan);

  /* With epoch, an interval may not be left without a segment */
  return !plan->epoch ? last : MIN (last, plan->target / 2
      + lockstep_segment_plan_boundary (plan, plan->next));
}

/* When a key frame comes for the boundary, if not the one at @pts is taken. */
static gint64
next_key (const LockstepSegmentPlan * plan, gint64 pts)
{
  gint64 boundary = lockstep_segment_plan_boundary (plan, plan->next);
  gint64 expected = expected_delay (plan);
  gint64 next = G_MAXINT64;

  if (is_deaf (plan) || plan->mode == LOCKSTEP_KEY_UNKNOWN)
    return plan->gop > 0 ? pts + plan->gop : G_MAXINT64;
  for (guint i = 0; i < plan->n_asks; i++)
    if (plan->asks[i].at + expected > pts)
      next = MIN (next, plan->asks[i].at + expected);
  if (next > pts + expected)
    next = MAX (pts + expected, boundary);      /* asked for as soon as may be */
  return MAX (next, pts + ASK_AGAIN_MIN);
}

/* Whether a key frame before the boundary is better than what would come. */
static gboolean
take_early (const LockstepSegmentPlan * plan, gint64 pts)
{
  gint64 boundary = lockstep_segment_plan_boundary (plan, plan->next);
  gint64 early = boundary - pts, next;

  if (early <= on_grid (plan))
    return TRUE;
  if (pts - plan->start < min_segment (plan))
    return FALSE;
  if (plan->epoch && early > min_segment (plan) - plan->frame)
    return FALSE;               /* it would belong to the interval before */
  if (plan->mode == LOCKSTEP_KEY_AHEAD)
    return plan->regular > 0 && plan->limit > 0 && pts + plan->gop > last_moment (plan);        /* it was chance */
  if (early <= MIN (SPONTANEOUS_EARLY, plan->target / 4))
    return TRUE;
  next = next_key (plan, pts);
  if (next == G_MAXINT64)
    return FALSE;
  /* Equally far apart, they may be its own, whatever was asked */
  if (plan->regular > 0)
    next = MAX (next, pts + plan->gop);
  if (plan->limit > 0 && next > last_moment (plan))
    return TRUE;                /* else it would end without a key frame */
  /* The next one is asked for the boundary after, and may come late */
  if (plan->limit > 0 && !is_deaf (plan)
      && early > plan->limit - plan->target - 2 * on_grid (plan)
      - (plan->answers < KNOWN_WELL ? LATE_MARGIN_FIRST : LATE_MARGIN))
    return FALSE;
  return early <= next - boundary;
}

static void
note_picture (LockstepSegmentPlan * plan, gint64 dts)
{
  if (plan->last_dts != LOCKSTEP_NO_TIME && dts > plan->last_dts
      && dts - plan->last_dts < SECOND) {
    gint64 d = dts - plan->last_dts;

    plan->picture += plan->picture == 0 ? d : (d - plan->picture) / 8;
  }
  plan->last_dts = dts;
}

LockstepCut
lockstep_segment_plan_follow (LockstepSegmentPlan * plan, GQueue * told,
    gint64 pts, gint64 dts, gboolean key, gint64 * split, gboolean * change)
{
  LockstepCut cut = LOCKSTEP_CUT_NONE;
  const LockstepVerdict *next;

  note_picture (plan, dts);
  if (!key)
    return LOCKSTEP_CUT_NONE;
  while ((next = g_queue_peek_head (told)) != NULL
      && (next->pts <= pts + half_picture (plan) || next->pts > pts + FAR)) {
    g_autofree LockstepVerdict *due = g_queue_pop_head (told);

    if (due->pts > pts + FAR)
      continue;                 /* of a timeline that was left */
    /* What an encoder left out, its next key frame makes up for */
    *change |= due->change;
    if (due->cut == LOCKSTEP_CUT_NONE)
      continue;
    cut = due->cut == LOCKSTEP_CUT_LATE ? LOCKSTEP_CUT_KEY : due->cut;
    *split = due->split;
    plan->running = TRUE;
    plan->anchor = due->anchor;
    plan->start = due->start;
    plan->next = due->next;
  }
  return cut;
}

LockstepCut
lockstep_segment_plan_video (LockstepSegmentPlan * plan, gint64 pts, gint64 dts,
    gboolean key, gboolean force)
{
  LockstepCut cut = LOCKSTEP_CUT_NONE;
  gboolean early = FALSE;
  gint64 boundary, before = plan->last_dts;

  note_picture (plan, dts);
  if (plan->asked_before != LOCKSTEP_NO_TIME && plan->far)
    plan->last_ask = pts - plan->asked_before;
  plan->asked_before = LOCKSTEP_NO_TIME;
  if (key)
    plan->urgent = FALSE;
  if (!plan->running) {
    if (!key)
      return LOCKSTEP_CUT_NONE;
    plan->last_key = pts;
    plan->n_asks = plan->unanswered = 0;
    /* What was asked for before is on its way yet: it tells how long that takes */
    if (plan->last_ask != LOCKSTEP_NO_TIME && plan->path_measured
        && pts - plan->last_ask < least_delay (plan))
      add_ask (plan, plan->last_ask, G_MININT64, FALSE);
    lockstep_segment_plan_begin (plan, pts);
    return LOCKSTEP_CUT_GRID;
  }

  boundary = lockstep_segment_plan_boundary (plan, plan->next);
  if (key) {
    LockstepAsk ask;
    gboolean answer = take_answered (plan, pts, &ask);

    if (plan->last_key != LOCKSTEP_NO_TIME && pts > plan->last_key) {
      gint64 gop = pts - plan->last_key;

      plan->regular = ABS (gop - plan->gop) <= plan->picture ?
          plan->regular + 1 : 0;
      plan->gop = gop;
    }
    plan->last_key = pts;
    early = pts < boundary && take_early (plan, pts);
    if (early || (pts >= boundary && pts - plan->start >= min_segment (plan)))
      cut = ABS (pts - boundary) <= on_grid (plan) ? LOCKSTEP_CUT_GRID
          : LOCKSTEP_CUT_KEY;
    else if (force)
      cut = LOCKSTEP_CUT_KEY;
    note_answer (plan, pts, answer ? &ask : NULL);
    if (cut == LOCKSTEP_CUT_KEY && plan->mode == LOCKSTEP_KEY_ON_REQUEST
        && !plan->far && pts - boundary > LATE && ++plan->late >= 2) {
      /* Not what it was taken for: perhaps an encoder that holds many frames */
      plan->mode = LOCKSTEP_KEY_UNKNOWN;
      plan->answers = plan->late = 0;
      plan->asked_to = G_MININT64;
    } else if (cut != LOCKSTEP_CUT_NONE && pts - boundary <= LATE) {
      plan->late = 0;
    }
    if (cut == LOCKSTEP_CUT_KEY && plan->mode == LOCKSTEP_KEY_AHEAD
        && pts > boundary && ++plan->ahead_misses >= 2) {
      /* The encoder was changed for something else, or holds more frames */
      plan->mode = LOCKSTEP_KEY_UNKNOWN;
      plan->ahead_hits = plan->ahead_misses = 0;
    }
  } else if (plan->limit > 0) {
    if (pts >= last_moment (plan))
      cut = LOCKSTEP_CUT_LATE;
  }
  if (cut != LOCKSTEP_CUT_NONE) {
    gint64 k = plan->next;

    lockstep_segment_plan_begin (plan, pts);
    /* A late one takes no boundary but its own: else a whole segment would be missing
     * from the count. Where pictures were missing, sound has stood in for that one; and
     * epoch numbers have a place for each. */
    if (!early && !plan->epoch && plan->next == k + 2
        && before != LOCKSTEP_NO_TIME && dts - before < plan->target / 2
        && pts < lockstep_segment_plan_boundary (plan, k + 1)
        - (plan->mode == LOCKSTEP_KEY_ON_REQUEST ? 0 : on_grid (plan)))
      plan->next = k + 1;
    /* One taken early stands for its boundary, if there is none between */
    if (cut != LOCKSTEP_CUT_LATE && early && plan->next == k
        && lockstep_segment_plan_boundary (plan, k + 1) - pts
        <= plan->target * 3 / 2)
      plan->next = k + 1;
  }
  return cut;
}

static void
add_request (LockstepSegmentPlan * plan, LockstepKeyRequest * requests,
    guint * n, gint64 time, gboolean again)
{
  requests[*n].time = time;
  requests[*n].again = again;
  (*n)++;
  plan->requests++;
}

/* Whether an answer should have come by now: the last request may be lost. */
static gboolean
overdue (const LockstepSegmentPlan * plan)
{
  gint64 wait = is_silent (plan) ? ASK_AGAIN_DEAF : ASK_AGAIN_MIN;

  return plan->n_asks == 0 || plan->position - plan->asks[plan->n_asks - 1].at
      >= expected_delay (plan) + wait;
}

/* Ahead of time, as an encoder needs it. */
static guint
ask_ahead (LockstepSegmentPlan * plan, LockstepKeyRequest * requests, guint n)
{
  gint64 half = half_picture (plan), boundary;
  gint64 position = plan->position;

  for (gint64 k = MAX (plan->asked_to + 1, plan->next);
      n < LOCKSTEP_PLAN_MAX_ASKS - 1; k++) {
    boundary = lockstep_segment_plan_boundary (plan, k);
    if (boundary > position + MAX (AHEAD, plan->target))
      break;
    if (k > plan->next && boundary > position + AHEAD)
      break;
    plan->asked_to = k;
    /* The picture at this boundary is in the encoder already: asked now, it
     * would give another one, off the grid */
    if (plan->held > 0 && boundary - half <= position + plan->held)
      continue;
    /* half a picture early, so that the nearest one is taken */
    add_request (plan, requests, &n, boundary - half, FALSE);
    if (plan->mode == LOCKSTEP_KEY_UNKNOWN && plan->n_asks == 0
        && plan->answers == 0)
      add_ask (plan, plan->position, G_MININT64, FALSE);
  }

  /* As long as nothing has ever answered, a request may have been lost. A far sender
   * hears any; an encoder must not hear of a time that it has passed. */
  if (plan->mode == LOCKSTEP_KEY_UNKNOWN && plan->n_asks > 0
      && plan->answers == 0 && plan->ahead_hits == 0 && overdue (plan)
      && !is_silent (plan) && n < LOCKSTEP_PLAN_MAX_ASKS - 1) {
    plan->asked_to = MAX (plan->asked_to + 1, plan->next);
    add_request (plan, requests, &n, lockstep_segment_plan_boundary (plan,
            plan->asked_to) - half, TRUE);
    add_ask (plan, plan->position, G_MININT64, TRUE);
  }
  return n;
}

/* In time for the boundaries: ahead by what the answer takes. */
static guint
ask_in_time (LockstepSegmentPlan * plan, LockstepKeyRequest * requests, guint n)
{
  gint64 half = half_picture (plan);    /* pictures come in steps */
  gint64 expected = expected_delay (plan), boundary;
  gint64 ahead = expected + half;

  if (plan->last_ask != LOCKSTEP_NO_TIME
      && plan->position - plan->last_ask < ASK_GAP)
    return n;                   /* it would be dropped, and waited for */
  if (plan->answers == 0 && plan->path_measured)
    ahead += CLAMP (plan->target - ASK_AGAIN_MIN - expected, EARLY_FIRST_MIN,
        EARLY_FIRST);
  for (gint64 k = plan->next; n < LOCKSTEP_PLAN_MAX_ASKS - 1; k++) {
    boundary = lockstep_segment_plan_boundary (plan, k);
    if (plan->position < boundary - ahead)
      break;
    if (asked (plan, k))
      continue;
    /* Whoever did not answer for long is asked in moderation */
    if (is_silent (plan) && !overdue (plan))
      break;
    add_request (plan, requests, &n, MAX (boundary - half, 0), FALSE);
    add_ask (plan, plan->position, k, FALSE);
    return n;                   /* one at a time, or it would be one packet */
  }
  if (asked (plan, plan->next) && overdue (plan)) {
    add_request (plan, requests, &n, plan->position, TRUE);
    add_ask (plan, plan->position, plan->next, TRUE);
  }
  return n;
}

guint
lockstep_segment_plan_requests (LockstepSegmentPlan * plan, gint64 position,
    LockstepKeyRequest requests[LOCKSTEP_PLAN_MAX_ASKS])
{
  guint n = 0;
  gint64 boundary, ask_at;

  if (plan->position == LOCKSTEP_NO_TIME || position > plan->position)
    plan->position = position;
  position = plan->position;

  /* Nothing can begin without a key frame */
  if ((!plan->running || plan->urgent) && overdue (plan)) {
    add_request (plan, requests, &n, position, plan->n_asks > 0);
    add_ask (plan, plan->position, G_MININT64, TRUE);
  }
  if (!plan->running)
    return n;
  if (plan->mode == LOCKSTEP_KEY_ON_REQUEST)
    return ask_in_time (plan, requests, n);

  n = ask_ahead (plan, requests, n);
  /* An encoder may hold many pictures: what it was asked for is on its way. Only
   * when that did not come is it asked for a picture at once. */
  boundary = lockstep_segment_plan_boundary (plan, plan->next);
  ask_at = boundary + HELD_MAX;
  if (plan->limit > 0)
    ask_at = MIN (ask_at, plan->start + plan->limit - ASK_LAST);
  ask_at = MAX (ask_at, boundary + 2 * plan->picture);
  if (position >= ask_at && (!asked (plan, plan->next) || overdue (plan))) {
    gboolean again = asked (plan, plan->next);

    add_request (plan, requests, &n, MAX (boundary - half_picture (plan),
            position), again);
    add_ask (plan, plan->position, plan->next, again);
  }
  return n;
}
