/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Retransmission requests: when the first, when again, when no more. */
#include <gst/lockstep/rtxtimers.h>

#include <string.h>

#define MSECOND G_GINT64_CONSTANT (1000000)
/* Until the first answer has shown the round-trip time. */
#define DEFAULT_RETRY_TIMEOUT (40 * MSECOND)
#define DEFAULT_RTT (20 * MSECOND)
/* Without reordering seen, a gap is waited on for the jitter, no more than this. */
#define MAX_JITTER_DELAY (10 * MSECOND)
/* Requests for one packet are never closer than this. */
#define LEAST_RETRY_TIMEOUT (5 * MSECOND)
/* Without a set timeout the time between requests doubles, up to so often: the
 * RTCP that carries them is sent no faster than its bandwidth allows. */
#define MAX_BACKOFF 5
/* A request that seems to be of no use is sent so often. */
#define PROBE (1000 * MSECOND)

void
lockstep_rtx_timers_init (LockstepRtxTimers * self)
{
  memset (self, 0, sizeof (*self));
  self->delay = self->retry_timeout = self->min_retry_timeout = -1;
  self->retry_period = self->deadline = -1;
  self->max_retries = -1;
  self->delay_reorder = 3;
  self->stats_timeout = 1000 * MSECOND;
  lockstep_rtx_timers_flush (self);
}

void
lockstep_rtx_timers_flush (LockstepRtxTimers * self)
{
  self->n = 0;
  self->next = LOCKSTEP_RTX_NEVER;
  self->asked = G_MININT64 / 2;
}

static void
find_next (LockstepRtxTimers * self)
{
  self->next = LOCKSTEP_RTX_NEVER;
  for (guint i = 0; i < self->n; i++)
    self->next = MIN (self->next, self->entries[i].next);
}

static void
remove_at (LockstepRtxTimers * self, guint i)
{
  self->n--;
  memmove (&self->entries[i], &self->entries[i + 1],
      (self->n - i) * sizeof (LockstepRtxEntry));
}

static gint64
first_delay (const LockstepRtxTimers * self, gint64 jitter)
{
  gint64 delay = self->delay;

  if (delay < 0)
    delay = MAX (self->reorder, MIN (2 * jitter, MAX_JITTER_DELAY));
  return MAX (delay, self->min_delay);
}

static gint64
retry_timeout (const LockstepRtxTimers * self, gint64 jitter, guint tries)
{
  gint64 timeout = self->retry_timeout;

  if (timeout < 0) {
    timeout = self->rtt > 0 ? self->rtt + 2 * jitter : DEFAULT_RETRY_TIMEOUT;
    timeout = MAX (timeout, LEAST_RETRY_TIMEOUT) << MIN (tries, MAX_BACKOFF);
  }
  return MAX (timeout, MAX (self->min_retry_timeout, LEAST_RETRY_TIMEOUT));
}

void
lockstep_rtx_timers_miss (LockstepRtxTimers * self, gint64 key, gint64 pts,
    gint64 now, gint64 jitter, guint after)
{
  LockstepRtxEntry *entry;

  if (self->n == LOCKSTEP_RTX_MAX)
    return;
  entry = &self->entries[self->n++];
  *entry = (LockstepRtxEntry) {
  .key = key,.pts = pts,.since = now,.after = after,.next =
        now + first_delay (self, jitter),};
  if (self->delay_reorder > 0 && after >= self->delay_reorder)
    entry->next = now + self->min_delay;
  self->next = MIN (self->next, entry->next);
}

static void
round_trip (LockstepRtxTimers * self, gint64 rtt)
{
  if (self->fastest == 0 || rtt < self->fastest)
    self->fastest = MAX (rtt, 1);
  else
    self->fastest += (rtt - self->fastest) / 16;
  /* A retransmission can answer an earlier request than the last, and then
   * seems too fast: outliers count less, and falls less than rises. */
  if (self->rtt == 0)
    self->rtt = MAX (rtt, 1);
  else if (rtt > 2 * self->rtt)
    self->rtt += (rtt - self->rtt) / 48;
  else if (rtt > self->rtt)
    self->rtt += (rtt - self->rtt) / 8;
  else
    self->rtt -= (self->rtt - rtt) / 16;
}

gboolean
lockstep_rtx_timers_arrived (LockstepRtxTimers * self, gint64 key,
    gboolean retransmitted, gint64 now)
{
  gboolean missed = FALSE, changed = FALSE;

  for (guint i = 0; i < self->n; i++) {
    LockstepRtxEntry *entry = &self->entries[i];

    if (entry->key > key)
      break;
    if (entry->key < key) {
      if (retransmitted || entry->lost)
        continue;
      entry->after++;
      if (entry->tries == 0 && self->delay_reorder > 0
          && entry->after == self->delay_reorder) {
        gint64 at = MAX (now, entry->since + self->min_delay);

        entry->next = MIN (entry->next, at);
        changed = TRUE;
      }
      continue;
    }
    missed = TRUE;
    if (retransmitted) {
      /* it may have come, and waited here, before it was asked for once more */
      if (entry->tries > 0 && now >= entry->last)
        round_trip (self, now - entry->last);
      if (!entry->lost)
        self->success++;
    } else if (!entry->lost) {
      /* Only reordered after all: wait so long the next time, with a
       * margin of a quarter */
      gint64 took = (now - entry->since) * 5 / 4;

      self->reorder = took > self->reorder ? took :
          self->reorder - (self->reorder - took) / 16;
    }
    remove_at (self, i);
    changed = TRUE;
    break;
  }
  if (changed)
    find_next (self);
  return missed;
}

guint
lockstep_rtx_timers_tries (const LockstepRtxTimers * self, gint64 key)
{
  for (guint i = 0; i < self->n; i++) {
    if (self->entries[i].key == key)
      return self->entries[i].tries;
  }
  return 0;
}

void
lockstep_rtx_timers_passed (LockstepRtxTimers * self, gint64 key, gint64 now)
{
  guint kept = 0;
  gboolean changed = FALSE;

  for (guint i = 0; i < self->n; i++) {
    LockstepRtxEntry entry = self->entries[i];

    if (entry.key <= key && !entry.lost) {
      entry.lost = changed = TRUE;
      entry.next = LOCKSTEP_RTX_NEVER;
      self->failed += entry.tries > 0;
      /* what was lost for good is no sign of reordering */
      self->reorder -= self->reorder / 16;
    }
    if (entry.lost && (entry.tries == 0
            || now - entry.last > self->stats_timeout)) {
      changed = TRUE;
      continue;
    }
    self->entries[kept++] = entry;
  }
  self->n = kept;
  if (changed)
    find_next (self);
}

static gboolean
useful (const LockstepRtxTimers * self, const LockstepRtxEntry * entry,
    gint64 now, gint64 deadline)
{
  if (self->max_retries >= 0 && entry->tries >= (guint) self->max_retries)
    return FALSE;
  if (entry->tries > 0 && self->retry_period >= 0
      && now - entry->first >= self->retry_period)
    return FALSE;
  if (now >= deadline)
    return FALSE;
  return now + (self->fastest > 0 ? self->fastest : DEFAULT_RTT) < deadline
      || now - self->asked >= PROBE;
}

gboolean
lockstep_rtx_timers_poll (LockstepRtxTimers * self, gint64 now,
    gint64 latency, gint64 jitter, LockstepRtxRequest * request)
{
  if (self->next > now)
    return FALSE;
  for (guint i = 0; i < self->n; i++) {
    LockstepRtxEntry *entry = &self->entries[i];
    gint64 deadline = entry->pts + latency;

    if (entry->next > now)
      continue;
    if (self->deadline >= 0)
      deadline = MIN (deadline, entry->since + self->deadline);
    if (!useful (self, entry, now, deadline)) {
      entry->next = LOCKSTEP_RTX_NEVER;
      continue;
    }
    if (entry->tries == 0)
      entry->first = now;
    *request = (LockstepRtxRequest) {
    .key = entry->key,.pts = entry->pts,.retry = entry->tries,.delay =
          now - entry->since,.rtt = self->fastest,.retry_timeout =
          retry_timeout (self, jitter, entry->tries),.deadline =
          deadline - now,.period =
          self->retry_period >=
          0 ? self->retry_period : MAX (deadline - entry->first, 0),};
    entry->last = self->asked = now;
    entry->tries++;
    entry->next = now + request->retry_timeout;
    self->count++;
    find_next (self);
    return TRUE;
  }
  find_next (self);
  return FALSE;
}
