/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* One encode for many viewers: key frame requests and frame gates. */
#include <gst/lockstep/fanout.h>

#define BUDGET_TOKENS 4.0
#define NS_PER_TOKEN 1e9

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

gboolean
lockstep_key_budget_take (LockstepKeyBudget * budget, guint64 now)
{
  if (!budget->started)
    budget->tokens = BUDGET_TOKENS;
  else
    budget->tokens = MIN (BUDGET_TOKENS, budget->tokens
        + (double) (now - budget->at) / NS_PER_TOKEN);
  budget->started = TRUE;
  budget->at = now;
  if (budget->tokens < 1.0)
    return FALSE;
  budget->tokens -= 1.0;
  return TRUE;
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
