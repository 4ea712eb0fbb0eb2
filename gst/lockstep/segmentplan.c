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
/* An IDR later than this after a request is no answer to it. */
#define ANSWER_MAX (3000 * MS)
/* A cut this much behind its boundary was not asked for in time. */
#define LATE (500 * MS)
#define LEAD_FIRST (100 * MS)
#define LEAD_MAX (2500 * MS)
/* Senders rate-limit: libwebrtc makes one key frame in 300 ms at most. */
#define ASK_AGAIN_MIN (300 * MS)
#define ASK_AGAIN_DEAF (1000 * MS)
#define DEAF_AFTER 6
#define SLOW_ANSWER (650 * MS)
/* The most that an encoder is thought to hold. */
#define HELD_MAX (2500 * MS)
/* A verdict this far ahead is of another timeline. */
#define FAR (10 * SECOND)
/* Room for the boundary after one that was cut early. */
#define LATE_MARGIN (250 * MS)
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
  plan->fixed_anchor = LOCKSTEP_NO_TIME;
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
  plan->position = LOCKSTEP_NO_TIME;
  plan->asked_to = plan->asked_k = G_MININT64;
  plan->asked_at = plan->first_asked_at = LOCKSTEP_NO_TIME;
  plan->unanswered = 0;
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

/* Learns from a key frame at @pts that came after a request. */
static void
note_answer (LockstepSegmentPlan * plan, gint64 pts)
{
  gint64 boundary = lockstep_segment_plan_boundary (plan, plan->next);
  gint64 delay;
  gboolean on_time = ABS (pts - boundary) <= on_grid (plan);

  /* Asked for long before, and there on time: something keeps to the time */
  if (plan->running && on_time && plan->asked_to >= plan->next
      && plan->asked_k != plan->next) {
    plan->obeyed++;
    plan->ahead_misses = 0;
    if (++plan->ahead_hits >= 2)
      plan->mode = LOCKSTEP_KEY_AHEAD;
    return;
  }
  if (plan->asked_at == LOCKSTEP_NO_TIME || pts <= plan->asked_at)
    return;
  delay = pts - plan->asked_at;
  /* Asked twice: more often the answer was slow than the first one lost */
  if (plan->asked_k == plan->next && pts - plan->first_asked_at <= SLOW_ANSWER)
    delay = pts - plan->first_asked_at;
  plan->asked_at = LOCKSTEP_NO_TIME;
  plan->unanswered = 0;
  if (delay > ANSWER_MAX)
    return;
  if (plan->mode == LOCKSTEP_KEY_AHEAD && !on_time && pts < boundary)
    return;                     /* the encoder saw a scene change */
  /* An encoder is late at times, but never before the time asked for */
  if (plan->mode == LOCKSTEP_KEY_UNKNOWN && (on_time || pts >= boundary))
    return;
  plan->obeyed++;
  plan->answer_delay = delay;
  if (plan->mode == LOCKSTEP_KEY_AHEAD)
    return;
  plan->mode = LOCKSTEP_KEY_ON_REQUEST;
  plan->answers++;
  /* One that came on time may have waited for it, and says nothing. What is late
   * weighs more, for the limit's sake. */
  if (plan->answers == 1)
    plan->lead = delay;
  else if (plan->asked_soon && delay > plan->lead)
    return;                     /* the sender's limit on key frames, not its answer */
  else if (pts > boundary + on_grid (plan))
    plan->lead += (delay - plan->lead) / 2;
  else if (!on_time)
    plan->lead +=
        (delay - plan->lead) / (boundary - pts > LATE_MARGIN / 2 ? 2 : 4);
  plan->lead = CLAMP (plan->lead, 0, LEAD_MAX);
}

/* Whether a key frame before the boundary is better than what would come. */
static gboolean
take_early (const LockstepSegmentPlan * plan, gint64 pts, gboolean answer)
{
  gint64 boundary = lockstep_segment_plan_boundary (plan, plan->next);
  gint64 early = boundary - pts;

  if (early <= on_grid (plan))
    return TRUE;
  if (pts - plan->start < min_segment (plan))
    return FALSE;
  if (plan->epoch && early > min_segment (plan) - plan->frame)
    return FALSE;               /* it would belong to the interval before */
  if (answer)                   /* asked for this boundary, in time */
    return early <= MAX (plan->lead, plan->target / 4)
        && (plan->limit == 0
        || early <= plan->limit - plan->target - 2 * on_grid (plan)
        - LATE_MARGIN);
  if (plan->mode == LOCKSTEP_KEY_AHEAD)
    return FALSE;
  if (plan->mode == LOCKSTEP_KEY_ON_REQUEST && plan->unanswered < DEAF_AFTER)
    return early <= MIN (SPONTANEOUS_EARLY, plan->target / 4);
  /* Nobody obeys: the key frames come as they come, so take the nearest */
  if (plan->gop > 0)
    return (early <= ABS (plan->gop - early) && early <= plan->target / 3)
        || (plan->limit > 0 && pts + plan->gop - plan->start > plan->limit);
  return early <= MIN (SPONTANEOUS_EARLY, plan->target / 4);
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
  gint64 boundary;

  note_picture (plan, dts);
  if (key)
    plan->urgent = FALSE;
  if (!plan->running) {
    if (!key)
      return LOCKSTEP_CUT_NONE;
    plan->last_key = pts;
    plan->asked_at = LOCKSTEP_NO_TIME;
    plan->unanswered = 0;
    lockstep_segment_plan_begin (plan, pts);
    return LOCKSTEP_CUT_GRID;
  }

  boundary = lockstep_segment_plan_boundary (plan, plan->next);
  if (key) {
    gboolean answer = plan->asked_at != LOCKSTEP_NO_TIME
        && plan->asked_k == plan->next && pts > plan->asked_at;

    if (plan->last_key != LOCKSTEP_NO_TIME && pts > plan->last_key)
      plan->gop = pts - plan->last_key;
    plan->last_key = pts;
    early = pts < boundary && take_early (plan, pts, answer);
    if (pts >= boundary || early)
      cut = ABS (pts - boundary) <= on_grid (plan) ? LOCKSTEP_CUT_GRID
          : LOCKSTEP_CUT_KEY;
    else if (force)
      cut = LOCKSTEP_CUT_KEY;
    note_answer (plan, pts);
    if (answer && cut == LOCKSTEP_CUT_NONE)
      plan->asked_k = G_MININT64;       /* too early to be of use: ask again */
    if (cut == LOCKSTEP_CUT_KEY && plan->mode == LOCKSTEP_KEY_ON_REQUEST
        && pts - boundary > LATE && ++plan->late >= 2) {
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
    gint64 last = plan->start + plan->limit - MAX (2 * plan->picture, 100 * MS);

    /* With epoch, an interval may not be left without a segment */
    if (plan->epoch)
      last = MIN (last, boundary + plan->target / 2);
    if (pts >= last)
      cut = LOCKSTEP_CUT_LATE;
  }
  if (cut != LOCKSTEP_CUT_NONE) {
    gint64 k = plan->next;

    lockstep_segment_plan_begin (plan, pts);
    /* One taken early stands for its boundary, however early */
    if (cut != LOCKSTEP_CUT_LATE && early)
      plan->next = MAX (plan->next, k + 1);
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

guint
lockstep_segment_plan_requests (LockstepSegmentPlan * plan, gint64 position,
    LockstepKeyRequest requests[LOCKSTEP_PLAN_MAX_ASKS])
{
  guint n = 0;
  gint64 boundary, ask_at, again, arrived = position;
  gint64 half = half_picture (plan);

  /* The sender is further than what came from it, and its answer takes as long */
  position += plan->path_latency;
  if (plan->position == LOCKSTEP_NO_TIME || position > plan->position)
    plan->position = position;
  position = plan->position;
  arrived = MAX (arrived, position - plan->path_latency);

  again = plan->unanswered >= DEAF_AFTER ? ASK_AGAIN_DEAF
      : MAX (2 * plan->lead, ASK_AGAIN_MIN);
  again += plan->path_latency;
  if (!plan->running) {
    /* Nothing can begin without a key frame */
    if (plan->asked_at == LOCKSTEP_NO_TIME
        || position - plan->asked_at >= again) {
      add_request (plan, requests, &n, position,
          plan->asked_at != LOCKSTEP_NO_TIME);
      plan->asked_at = position;
      plan->unanswered++;
    }
    return n;
  }

  if (plan->urgent && (plan->asked_at == LOCKSTEP_NO_TIME
          || position - plan->asked_at >= again)) {
    add_request (plan, requests, &n, position,
        plan->asked_at != LOCKSTEP_NO_TIME);
    plan->asked_at = position;
    plan->unanswered++;
  }
  if (plan->mode != LOCKSTEP_KEY_ON_REQUEST) {
    gint64 k = MAX (plan->asked_to + 1, plan->next);

    for (; n < LOCKSTEP_PLAN_MAX_ASKS - 1; k++) {
      boundary = lockstep_segment_plan_boundary (plan, k);
      if (boundary > position + MAX (AHEAD, plan->target))
        break;
      if (k > plan->next && boundary > position + AHEAD)
        break;
      /* The picture at this boundary is in the encoder already: asked now, it
       * would give another one, off the grid */
      if (plan->held > 0 && boundary - half <= arrived + plan->held) {
        plan->asked_to = k;
        continue;
      }
      /* half a picture early, so that the nearest one is taken */
      add_request (plan, requests, &n, boundary - half, FALSE);
      plan->asked_to = k;
      if (plan->mode == LOCKSTEP_KEY_UNKNOWN
          && plan->asked_at == LOCKSTEP_NO_TIME && plan->answers == 0)
        plan->asked_at = position;
    }
  }

  /* As long as nothing has ever answered, a request may have been lost. A far sender
   * hears any; an encoder must not hear of a time that it has passed. */
  if (plan->mode == LOCKSTEP_KEY_UNKNOWN && plan->asked_at != LOCKSTEP_NO_TIME
      && plan->answers == 0 && plan->ahead_hits == 0
      && plan->asked_k == G_MININT64 && position - plan->asked_at >= again
      && plan->unanswered < DEAF_AFTER && n < LOCKSTEP_PLAN_MAX_ASKS - 1) {
    plan->asked_to++;
    add_request (plan, requests, &n, lockstep_segment_plan_boundary (plan,
            plan->asked_to) - half, TRUE);
    plan->asked_at = position;
    plan->unanswered++;
  }

  /* In time for this boundary: for a far sender ahead by what it takes, for
   * others when the one asked for ahead did not come */
  boundary = lockstep_segment_plan_boundary (plan, plan->next);
  if (plan->mode == LOCKSTEP_KEY_ON_REQUEST) {
    ask_at = boundary - plan->lead - half;      /* pictures come in steps */
  } else {
    /* An encoder may hold many pictures: what it was asked for is on its way */
    ask_at = boundary + HELD_MAX;
    if (plan->limit > 0)
      ask_at = MIN (ask_at, plan->start + plan->limit - ASK_LAST);
    ask_at = MAX (ask_at, boundary + 2 * plan->picture);
  }
  if ((plan->mode == LOCKSTEP_KEY_ON_REQUEST ? position : arrived) >= ask_at) {
    if (plan->asked_k != plan->next) {
      plan->asked_k = plan->next;
      plan->asked_at = position;
      plan->asked_soon = plan->last_key != LOCKSTEP_NO_TIME
          && position - plan->last_key < ASK_AGAIN_MIN;
      plan->first_asked_at = position;
      plan->unanswered++;
      add_request (plan, requests, &n, MAX (boundary - half,
              plan->mode == LOCKSTEP_KEY_ON_REQUEST ? 0 : position), FALSE);
    } else if (plan->asked_at != LOCKSTEP_NO_TIME
        && position - plan->asked_at >= again) {
      plan->asked_at = position;
      plan->unanswered++;
      add_request (plan, requests, &n, position, TRUE);
    }
  }
  return n;
}
