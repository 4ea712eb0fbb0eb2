/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* One encode for many viewers: key frame requests and frame gates. */
#include <gst/lockstep/fanout.h>

#define SECOND (G_GUINT64_CONSTANT (1000000000))
/* A viewer gets so many key frames as fast as all together may ask; from then on each has
 * it wait twice as long, at last 4 s: a key frame takes some 200 ms of the rate. */
#define WAIT_FIRST (SECOND / 2)
#define LEVELS_FIRST 3
#define LEVELS_LAST 6
/* So much time without a request beyond that makes it a little better: who needs a key
 * frame every 5 s is never kept waiting. */
#define CALM (4 * SECOND)

void
lockstep_key_requests_init (LockstepKeyRequests * requests,
    guint64 min_interval, guint64 retry)
{
  *requests = (LockstepKeyRequests) {
  .min_interval = min_interval,.retry = retry};
}

void
lockstep_key_requests_ask (LockstepKeyRequests * requests)
{
  requests->wanted = TRUE;
  requests->n_asked++;
}

void
lockstep_key_requests_key_frame (LockstepKeyRequests * requests, guint64 now)
{
  requests->wanted = FALSE;
  requests->sent = FALSE;
  requests->had_key = TRUE;
  requests->key_at = now;
  requests->n_keys++;
}

gboolean
lockstep_key_requests_poll (LockstepKeyRequests * requests, guint64 now)
{
  if (!requests->wanted)
    return FALSE;
  if (requests->sent && now - requests->sent_at < requests->retry)
    return FALSE;
  if (requests->had_key && now - requests->key_at < requests->min_interval)
    return FALSE;
  requests->sent = TRUE;
  requests->sent_at = now;
  requests->n_sent++;
  return TRUE;
}

static guint64
wait_of (guint level)
{
  return WAIT_FIRST << (MAX (level, LEVELS_FIRST) - LEVELS_FIRST);
}

gboolean
lockstep_key_backoff_poll (LockstepKeyBackoff * backoff, guint64 now)
{
  LockstepKeyBackoff *b = backoff;
  guint64 wait = wait_of (b->level), calm = now - b->granted_at;

  if (!b->wanted || (b->granted && calm < wait)
      || (b->had_key && now - b->key_at < wait))
    return FALSE;
  if (!b->granted || calm < wait + CALM)
    b->level = MIN (b->level + 1, LEVELS_LAST);
  for (; b->level > 1 && b->granted && calm >= wait_of (b->level) + CALM;
      calm -= CALM)
    b->level--;
  b->granted = TRUE;
  b->granted_at = now;
  b->wanted = FALSE;
  return TRUE;
}

gboolean
lockstep_key_backoff_ask (LockstepKeyBackoff * backoff, guint64 now)
{
  backoff->wanted = TRUE;
  return lockstep_key_backoff_poll (backoff, now);
}

void
lockstep_key_backoff_key_frame (LockstepKeyBackoff * backoff, guint64 now)
{
  /* one who got what somebody else asked for was not calm */
  if (backoff->wanted && backoff->granted)
    backoff->granted_at = now;
  backoff->wanted = FALSE;
  backoff->had_key = TRUE;
  backoff->key_at = now;
}

void
lockstep_frame_gate_init (LockstepFrameGate * gate, guint64 limit)
{
  *gate = (LockstepFrameGate) {
  .limit = limit};
}

gboolean
lockstep_frame_gate_pass (LockstepFrameGate * gate, gboolean key,
    guint64 queued, gboolean * want_key)
{
  *want_key = FALSE;
  if (gate->flowing && queued > gate->limit) {
    gate->flowing = FALSE;
    gate->n_skips++;
  } else if (!gate->flowing && queued <= gate->limit / 2) {
    if (key)
      gate->flowing = TRUE;
    else
      *want_key = TRUE;
  }
  if (gate->flowing)
    gate->n_passed++;
  else
    gate->n_dropped++;
  return gate->flowing;
}
