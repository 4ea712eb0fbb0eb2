/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* One RTP stream from arrival to release: which packets belong to it, where
 * each lies in time, when each leaves, and what is given up. */
#include <gst/lockstep/playout-private.h>

#include <string.h>

/* A packet later than this beyond the bound does not say how far the sequence has
 * come: it may be a stranger's. */
#define MAX_LATE (5 * SECOND)
/* Nothing but late packets for so long, on both clocks: the sender or the path
 * has moved for good. On both, as an outage delivers seconds of media at once. */
#define ALL_LATE (2 * SECOND)
/* Packets in sequence that prove a jump of our SSRC: more than for a new one, as the
 * stream may only be disturbed. */
#define PROVE_TIMESTAMP 3
#define PROVE_SEQ LOCKSTEP_PLAYOUT_PROBATION
/* What a sender has saved up while it connected comes all at once, and each packet shows
 * that the ones before it were late. Once a new base was START_BACKLOG too late (or a third
 * of the bound, as the first packet must still be here), it is let settle before the first
 * packet leaves, as it only slews from then on: until it has not moved by START_STEP for
 * START_SETTLE, and for twice the longest pause so far, as a machine that paused pauses
 * again; but not longer than START_MAX after the first packet. */
#define START_BACKLOG (50 * MSECOND)
#define START_STEP (5 * MSECOND)
#define START_SETTLE (40 * MSECOND)
#define START_MAX SECOND
/* RFC 3550, appendix A.1, while the packet rate is not known; and the least. */
#define DEFAULT_DROPOUT 3000
#define LEAST_DROPOUT 30
#define LEAST_MISORDER 10
#define RATE_WINDOW SECOND
/* Losses that are overdue together are told one by one up to this many. */
#define MAX_SINGLE_LOST 32
#define MAX_EQUIDISTANT 7
/* Distance between the keys of two time bases. */
#define EPOCH_KEYS 65536

void
lockstep_playout_init (LockstepPlayout * self, GDestroyNotify free_payload)
{
  memset (self, 0, sizeof (*self));
  self->latency = 200 * MSECOND;
  self->max_dropout = 60 * SECOND;
  self->max_misorder = 2 * SECOND;
  self->follow = TRUE;
  self->max_packets = 10000;
  self->max_bytes = 32 * 1024 * 1024;
  lockstep_packet_queue_init (&self->queue, free_payload);
  lockstep_rtx_timers_init (&self->rtx);
  lockstep_latency_target_init (&self->target);
  self->newcomer = g_array_new (FALSE, FALSE, sizeof (LockstepRtpPacket));
  lockstep_playout_flush (self);
}

static void
drop_probation (LockstepPlayout * self)
{
  for (guint i = 0; i < self->n_probation; i++)
    self->queue.free_payload (self->probation[i].payload);
  self->stats.refused += self->n_probation;
  self->n_probation = 0;
}

void
lockstep_playout_flush (LockstepPlayout * self)
{
  drop_probation (self);
  lockstep_playout_drop_newcomer (self);
  lockstep_packet_queue_flush (&self->queue);
  lockstep_rtx_timers_flush (&self->rtx);
  self->active = self->released = FALSE;
  self->rate = self->rate_count = 0;
  self->late_since = LOCKSTEP_PLAYOUT_NEVER;
  self->expect_next = LOCKSTEP_PLAYOUT_NEVER;
  self->jitter = 0;
  self->equidistant = 0;
  self->spacing = 0;
  self->applied_offset = self->ts_offset;
  memset (self->history, 0, sizeof (self->history));
}

void
lockstep_playout_clear (LockstepPlayout * self)
{
  lockstep_playout_flush (self);
  lockstep_packet_queue_clear (&self->queue);
  g_clear_pointer (&self->newcomer, g_array_unref);
}

gint64
lockstep_playout_bound (const LockstepPlayout * self)
{
  return self->adaptive ? lockstep_latency_target_get (&self->target)
      : self->latency;
}

gint64
lockstep_playout_extend (const LockstepPlayout * self, guint32 timestamp)
{
  return self->newest_timestamp +
      (gint32) (timestamp - (guint32) self->newest_timestamp);
}

static gint64
offset (const LockstepPlayout * self)
{
  return self->ts_offset_adjustment > 0 ? self->applied_offset :
      self->ts_offset;
}

static gint64
due (const LockstepPlayout * self, gint64 pts)
{
  return pts + offset (self) + lockstep_playout_bound (self);
}

static gint64
item_pts (const LockstepPlayout * self, const LockstepQueueItem * item)
{
  return item->epoch == self->epoch && !item->event ?
      item->pts + self->shift : item->pts;
}

gint64
lockstep_playout_depth (const LockstepPlayout * self)
{
  const LockstepQueueItem *head = lockstep_packet_queue_peek (&self->queue);

  if (head == NULL || head->event)
    return 0;
  return MAX (self->newest_pts - item_pts (self, head), 0);
}

static gboolean
in_history (const LockstepPlayout * self, gint64 key)
{
  guint bit = (guint64) key % LOCKSTEP_PLAYOUT_HISTORY;

  return key >= self->next_key - LOCKSTEP_PLAYOUT_HISTORY
      && (self->history[bit / 64] >> (bit % 64) & 1);
}

/* All keys up to @key are done with, and only @key itself was released. */
static void
pass (LockstepPlayout * self, gint64 key, gboolean released)
{
  gint64 from = MAX (self->next_key, key - LOCKSTEP_PLAYOUT_HISTORY + 1);
  guint bit;

  for (gint64 k = from; k < key; k++) {
    bit = (guint64) k % LOCKSTEP_PLAYOUT_HISTORY;
    self->history[bit / 64] &= ~(G_GUINT64_CONSTANT (1) << (bit % 64));
  }
  bit = (guint64) key % LOCKSTEP_PLAYOUT_HISTORY;
  if (released)
    self->history[bit / 64] |= G_GUINT64_CONSTANT (1) << (bit % 64);
  else
    self->history[bit / 64] &= ~(G_GUINT64_CONSTANT (1) << (bit % 64));
  self->next_key = key + 1;
}

/* A time base of its own for what begins with @packet. Its keys go on after the
 * old ones, so what is queued still leaves first. */
static void
begin_epoch (LockstepPlayout * self, const LockstepRtpPacket * packet,
    const char *cause)
{
  if (self->active) {
    self->stats.resets++;
    self->reset_cause = cause;
    self->reset_by = packet->arrival - offset (self) -
        lockstep_timebase_place (&self->timebase,
        lockstep_playout_extend (self, packet->timestamp));
    if (self->shift != 0)
      lockstep_packet_queue_shift (&self->queue, self->epoch, self->shift);
  }
  self->shift = 0;
  self->active = TRUE;
  self->epoch++;
  self->clock_rate = packet->clock_rate;
  self->ssrc = packet->ssrc;
  /* room below for packets that come after the first but lie before it */
  self->newest_key += EPOCH_KEYS;
  self->missed_until = self->newest_key;
  lockstep_rtx_timers_flush (&self->rtx);
  self->newest_seq = packet->seq;
  /* room below, so that no extended timestamp is negative */
  self->newest_timestamp = (G_GINT64_CONSTANT (1) << 32) + packet->timestamp;
  self->newest_pts = packet->arrival;
  self->last_transit = G_MININT64;
  self->equidistant = 0;
  self->spacing = 0;
  self->expect_next = LOCKSTEP_PLAYOUT_NEVER;
  self->late_since = LOCKSTEP_PLAYOUT_NEVER;
  self->began = self->last_arrival = self->settles_at = packet->arrival;
  self->longest_pause = 0;
  self->last_own = self->pause_since = packet->arrival;
  self->pause = self->pause_before = 0;
  lockstep_timebase_init (&self->timebase, packet->clock_rate,
      self->newest_timestamp, packet->arrival);
  self->timebase.follow = self->follow;
}

static gint
packets_in (const LockstepPlayout * self, gint64 ns, gint least, gint unknown)
{
  if (self->rate == 0)
    return unknown;
  return (gint) CLAMP ((double) self->rate * ns / SECOND, least, G_MAXINT16);
}

static void
count_rate (LockstepPlayout * self, gint64 arrival)
{
  gint64 span = arrival - self->rate_since;

  if (self->rate_count == 0) {
    self->rate_since = arrival;
  } else if (span >= RATE_WINDOW) {
    self->rate =
        (guint) MAX ((double) self->rate_count * SECOND / span + 0.5, 1);
    self->rate_since = arrival;
    self->rate_count = 0;
  }
  self->rate_count++;
}

/* What a packet in sequence tells of the stream: jitter (RFC 3550, 6.4.1),
 * spacing, and whether that is even. */
static void
learn (LockstepPlayout * self, gint64 key, gint64 timestamp, gint64 arrival)
{
  gint64 ticks = timestamp - self->newest_timestamp;
  gint64 media = (gint64) ((double) (timestamp - self->timebase.first) *
      SECOND / self->clock_rate);
  gint64 transit = arrival - media;

  if (self->last_transit != G_MININT64 && ticks != 0) {
    gint64 d = transit - self->last_transit;

    self->jitter += (ABS (d) - self->jitter) / 16;
  }
  self->last_transit = transit;
  if (key == self->newest_key + 1) {
    gint64 spacing = (gint64) ((double) ticks * SECOND / self->clock_rate);

    if (ticks <= 0)
      self->equidistant -= 2;
    else
      self->equidistant += ABS (spacing - self->spacing) < MSECOND ? 1 : -1;
    self->equidistant = CLAMP (self->equidistant, -MAX_EQUIDISTANT,
        MAX_EQUIDISTANT);
    if (ticks > 0)
      self->spacing = spacing;
  }
}

/* Packets between the newest and @key have not come. */
static void
miss (LockstepPlayout * self, gint64 key, gint64 pts, gint64 now)
{
  gint64 from = MAX (self->newest_key, self->missed_until) + 1;
  gint64 gap = key - self->newest_key;

  from = MAX (from, key - LOCKSTEP_RTX_MAX);
  for (gint64 k = from; k < key; k++) {
    gint64 at = self->equidistant > 0 ? self->newest_pts +
        (gint64) ((double) (pts - self->newest_pts) * (k -
            self->newest_key) / gap) : pts;

    lockstep_rtx_timers_miss (&self->rtx, k, at + offset (self), now,
        self->jitter, 1);
  }
  self->missed_until = MAX (self->missed_until, key - 1);
}

static void
limit_queue (LockstepPlayout * self)
{
  while ((self->queue.packets > self->max_packets
          || self->queue.bytes > self->max_bytes)
      && lockstep_packet_queue_drop_oldest (&self->queue))
    self->stats.overflow++;
}

/* TRUE if the sender or the path has moved so far that nothing is in time any more. */
static gboolean
all_late (LockstepPlayout * self, gint64 arrival, gint64 pts)
{
  /* where timestamps jump back what was late before says nothing of it */
  if (self->late_since == LOCKSTEP_PLAYOUT_NEVER
      || pts < self->late_since_pts - MAX_EARLY) {
    self->late_since = arrival;
    self->late_since_pts = pts;
    return FALSE;
  }
  return arrival - self->late_since >= ALL_LATE
      && pts - self->late_since_pts >= ALL_LATE;
}

static LockstepVerdict
drop (LockstepPlayout * self, const LockstepRtpPacket * packet,
    LockstepVerdict verdict)
{
  self->queue.free_payload (packet->payload);
  return verdict;
}

/* What a packet before the first release says of when the base may be relied on; it has
 * moved by @shift. */
static void
settle (LockstepPlayout * self, gint64 arrival, gint64 shift)
{
  gint64 backlog = MIN (START_BACKLOG, lockstep_playout_bound (self) / 3);

  self->longest_pause = MAX (self->longest_pause, arrival - self->last_arrival);
  self->last_arrival = MAX (self->last_arrival, arrival);
  if (shift < -START_STEP && self->shift < -backlog)
    self->settles_at = MIN (arrival + MAX (START_SETTLE,
            2 * self->longest_pause), self->began + START_MAX);
}

/* A packet of the stream, @ahead of the newest in sequence. */
static LockstepVerdict
accept (LockstepPlayout * self, const LockstepRtpPacket * packet, gint ahead)
{
  gint64 bound, lateness, shift = 0;
  gboolean passed, late;
  LockstepQueueItem item = {
    .key = self->newest_key + ahead,
    .timestamp = lockstep_playout_extend (self, packet->timestamp),
    .arrival = packet->arrival,.payload = packet->payload,
    .size = packet->size,.epoch = self->epoch,.seq = packet->seq,
  };

  if (self->do_rtx)
    lockstep_rtx_timers_arrived (&self->rtx, item.key, packet->retransmitted,
        packet->arrival);
  passed = self->released && item.key < self->next_key;
  if (passed && in_history (self, item.key)) {
    self->stats.duplicates++;
    return drop (self, packet, LOCKSTEP_VERDICT_DUPLICATE);
  }

  if (packet->retransmitted) {
    item.pts = lockstep_timebase_place (&self->timebase, item.timestamp);
  } else {
    item.pts = lockstep_timebase_observe (&self->timebase, item.timestamp,
        packet->arrival, &shift);
    self->shift += shift;
    self->newest_pts += shift;
    if (!self->timebase.started)
      settle (self, packet->arrival, shift);
  }

  lateness = packet->arrival - item.pts - offset (self);
  bound = lockstep_playout_bound (self);
  late = lateness > bound;
  if (!packet->retransmitted)
    lockstep_latency_target_add (&self->target, packet->arrival, lateness,
        late);
  if (late && !passed && self->adaptive && lateness <= self->target.max) {
    /* Nothing after it has left, so letting it through moves no PTS; the bound
     * has grown to it just now, unless it is retransmitted. */
    lockstep_latency_target_stretch (&self->target, packet->arrival, lateness);
    self->stats.stretched++;
    late = FALSE;
  }

  if (!packet->retransmitted) {
    count_rate (self, packet->arrival);
    if (!late && !passed) {
      self->late_since = LOCKSTEP_PLAYOUT_NEVER;
    } else if (late && ahead > 0 && all_late (self, packet->arrival, item.pts)) {
      begin_epoch (self, packet, "all that came was late");
      return accept (self, packet, 0);
    }
  }
  if (ahead > 0 && lateness - bound < MAX_LATE) {
    if (!packet->retransmitted)
      learn (self, item.key, item.timestamp, packet->arrival);
    if (self->do_rtx && ahead > 1)
      miss (self, item.key, item.pts, packet->arrival);
    self->newest_key = item.key;
    self->newest_seq = packet->seq;
    self->newest_timestamp = item.timestamp;
    self->newest_pts = item.pts;
    self->expect_next = LOCKSTEP_PLAYOUT_NEVER;
    if (self->do_rtx && self->rtx_next_seqnum
        && self->equidistant == MAX_EQUIDISTANT && self->spacing > 0)
      self->expect_next = MAX (item.pts + offset (self), packet->arrival) +
          self->spacing + 2 * self->jitter;
  }

  if (passed || late) {
    self->stats.late++;
    if (!self->late_pass)
      return drop (self, packet, LOCKSTEP_VERDICT_LATE);
  }
  item.pts -= self->shift;
  if (!lockstep_packet_queue_insert (&self->queue, &item)) {
    self->stats.duplicates++;
    return drop (self, packet, LOCKSTEP_VERDICT_DUPLICATE);
  }
  limit_queue (self);
  return LOCKSTEP_VERDICT_QUEUED;
}

/* @packet does not continue the stream: the ones after it decide. */
static LockstepVerdict
probe (LockstepPlayout * self, const LockstepRtpPacket * packet, guint prove,
    const char *cause)
{
  guint n;

  if (packet->retransmitted) {
    self->stats.refused++;
    return drop (self, packet, LOCKSTEP_VERDICT_REFUSED);
  }
  if (self->n_probation > 0) {
    const LockstepRtpPacket *last = &self->probation[self->n_probation - 1];
    gint64 moved = lockstep_playout_rough_transit (packet, last->timestamp) -
        lockstep_playout_rough_transit (last, last->timestamp);

    if (last->ssrc != packet->ssrc || last->clock_rate != packet->clock_rate
        || packet->seq != (guint16) (last->seq + 1) || ABS (moved) > MAX_EARLY)
      drop_probation (self);
  }
  self->probation[self->n_probation++] = *packet;
  if (self->n_probation < prove)
    return LOCKSTEP_VERDICT_PROBATION;
  n = self->n_probation;
  self->n_probation = 0;
  begin_epoch (self, &self->probation[0], cause);
  for (guint i = 0; i < n; i++)
    accept (self, &self->probation[i], i > 0);
  return LOCKSTEP_VERDICT_QUEUED;
}

static void
take_over (LockstepPlayout * self)
{
  g_autoptr (GArray) held = g_array_sized_new (FALSE, FALSE,
      sizeof (LockstepRtpPacket), self->newcomer->len);
  const LockstepRtpPacket *packets;

  g_array_append_vals (held, self->newcomer->data, self->newcomer->len);
  packets = (LockstepRtpPacket *) held->data;
  g_array_set_size (self->newcomer, 0);
  self->newcomer_bytes = 0;
  drop_probation (self);
  begin_epoch (self, &packets[0], "another SSRC");
  for (guint i = 0; i < held->len; i++) {
    self->last_own = MAX (self->last_own, packets[i].arrival);
    accept (self, &packets[i], (gint16) (packets[i].seq - self->newest_seq));
  }
}

/* @packet is of another SSRC. */
static LockstepVerdict
meet (LockstepPlayout * self, const LockstepRtpPacket * packet)
{
  if (!lockstep_playout_hold_newcomer (self, packet)) {
    self->stats.refused++;
    return drop (self, packet, LOCKSTEP_VERDICT_REFUSED);
  }
  if (packet->arrival < lockstep_playout_takes_over_at (self))
    return LOCKSTEP_VERDICT_PROBATION;
  take_over (self);
  return LOCKSTEP_VERDICT_QUEUED;
}

LockstepVerdict
lockstep_playout_push (LockstepPlayout * self, const LockstepRtpPacket * packet)
{
  gint ahead;
  gint64 pts;

  if (!self->active) {
    begin_epoch (self, packet, NULL);
    return accept (self, packet, 0);
  }
  if (packet->ssrc != self->ssrc)
    return meet (self, packet);
  if (!packet->retransmitted)
    lockstep_playout_own_sends (self, packet->arrival);
  if (packet->clock_rate != self->clock_rate) {
    /* the caps say so, so it needs no proof */
    drop_probation (self);
    begin_epoch (self, packet, "another clock rate");
    return accept (self, packet, 0);
  }
  ahead = (gint16) (packet->seq - self->newest_seq);
  if (ahead > packets_in (self, self->max_dropout, LEAST_DROPOUT,
          DEFAULT_DROPOUT)
      || -ahead > packets_in (self, self->max_misorder, LEAST_MISORDER,
          DEFAULT_MISORDER))
    return probe (self, packet, PROVE_SEQ, "a jump of sequence numbers");
  pts = lockstep_timebase_place (&self->timebase,
      lockstep_playout_extend (self, packet->timestamp));
  if (pts - packet->arrival > MAX_EARLY)
    return probe (self, packet, PROVE_TIMESTAMP, "a jump of timestamps");
  if (self->n_probation > 0)
    drop_probation (self);
  return accept (self, packet, ahead);
}

void
lockstep_playout_push_event (LockstepPlayout * self, gpointer event, gint64 pts)
{
  LockstepQueueItem item = {
    .key = MAX (self->newest_key, self->next_key - 1),.payload = event,
    .event = TRUE,.epoch = self->epoch,
  };

  if (pts != LOCKSTEP_PLAYOUT_NEVER) {
    item.timed = TRUE;
    item.pts = self->active ? MIN (pts, self->newest_pts + MAX_EARLY) : pts;
  }
  lockstep_packet_queue_insert (&self->queue, &item);
}

gboolean
lockstep_playout_gap (const LockstepPlayout * self)
{
  const LockstepQueueItem *head = lockstep_packet_queue_peek (&self->queue);

  return head != NULL && !head->event && self->released
      && head->epoch == self->out_epoch && head->key > self->next_key;
}

/* Where the first of the missing packets lies, and the distance to the next. */
static gint64
missing_pts (const LockstepPlayout * self, gint64 * spacing)
{
  const LockstepQueueItem *head = lockstep_packet_queue_peek (&self->queue);
  gint64 n = head->key - self->next_key;

  *spacing = 0;
  if (head->timestamp == self->out_timestamp)
    return self->out_pts;
  /* Packets of video frames are not spread evenly: which frame a missing
   * one is of is not known, and as part of the later one it may be waited for longest. */
  if (self->equidistant <= 0 || head->timestamp < self->out_timestamp)
    return item_pts (self, head);
  *spacing = MAX (item_pts (self, head) - self->out_pts, 0) / (n + 1);
  return self->out_pts + *spacing;
}

/* The PTS of the queue's head. The rate of the base may have changed between a
 * packet and one that came earlier but lies later: time never runs against the
 * timestamps, and one timestamp has one time. */
static gint64
head_pts (const LockstepPlayout * self, const LockstepQueueItem * head)
{
  if (head->event || !self->released || head->epoch != self->out_epoch
      || head->key < self->next_key || head->timestamp < self->out_timestamp)
    return item_pts (self, head);
  if (head->timestamp == self->out_timestamp)
    return self->out_pts;
  return MAX (item_pts (self, head), self->out_pts);
}

/* The offset of the queue's head: a new timestamp goes one step further. */
static gint64
head_offset (const LockstepPlayout * self, const LockstepQueueItem * head)
{
  gint64 limit = self->ts_offset_adjustment;
  gint64 left = self->ts_offset - self->applied_offset;

  if (limit == 0)
    return self->ts_offset;
  if (head->event || (self->released && head->epoch == self->out_epoch
          && (head->timestamp == self->out_timestamp
              || head->key < self->next_key)))
    return self->applied_offset;
  return self->applied_offset + CLAMP (left, -limit, limit);
}

/* When the queue's head, a packet, leaves. */
static gint64
release_time (const LockstepPlayout * self, const LockstepQueueItem * head)
{
  gint64 at = head_pts (self, head) + head_offset (self, head) +
      lockstep_playout_bound (self);

  if (!head->event && head->epoch == self->epoch && !self->timebase.started)
    at = MAX (at, self->settles_at);
  return at;
}

gint64
lockstep_playout_next_time (const LockstepPlayout * self)
{
  const LockstepQueueItem *head = lockstep_packet_queue_peek (&self->queue);
  gint64 at = LOCKSTEP_PLAYOUT_NEVER, spacing;

  if (head != NULL) {
    if (head->event && !head->timed)
      return G_MININT64;
    at = lockstep_playout_gap (self) ? due (self, missing_pts (self,
            &spacing)) : release_time (self, head);
  }
  if (self->do_rtx) {
    at = MIN (at, self->rtx.next);
    at = MIN (at, self->expect_next);
  }
  return MIN (at, lockstep_playout_takes_over_at (self));
}

static void
lose (LockstepPlayout * self, gint64 now, LockstepPlayoutAction * action)
{
  const LockstepQueueItem *head = lockstep_packet_queue_peek (&self->queue);
  gint64 gap = head->key - self->next_key, spacing, overdue;
  gint64 pts = missing_pts (self, &spacing);

  overdue = spacing > 0 ? MIN (gap, (now - due (self, pts)) / spacing + 1) :
      gap;
  if (overdue <= MAX_SINGLE_LOST)
    overdue = 1;
  *action = (LockstepPlayoutAction) {
  .kind = LOCKSTEP_PLAYOUT_LOST,.pts = pts + offset (self),.seq =
        (guint16) (head->seq - gap),.count = (guint) overdue,.duration =
        spacing * overdue,.tries =
        self->do_rtx ? lockstep_rtx_timers_tries (&self->rtx,
        self->next_key) : 0,};
  self->stats.lost += overdue;
  pass (self, self->next_key + overdue - 1, FALSE);
  if (self->do_rtx)
    lockstep_rtx_timers_passed (&self->rtx, self->next_key - 1, now);
  if (spacing > 0)
    self->out_pts = pts + spacing * (overdue - 1);
  self->out_discont = TRUE;
}

gboolean
lockstep_playout_poll (LockstepPlayout * self, gint64 now,
    LockstepPlayoutAction * action)
{
  const LockstepQueueItem *head;
  LockstepQueueItem item;
  gboolean reset, old;
  gint64 pts, at_offset;

  if (lockstep_playout_takes_over_at (self) <= now)
    take_over (self);
  head = lockstep_packet_queue_peek (&self->queue);
  if (head == NULL)
    return FALSE;
  if (lockstep_playout_gap (self)) {
    gint64 spacing;

    if (due (self, missing_pts (self, &spacing)) > now)
      return FALSE;
    lose (self, now, action);
    return TRUE;
  }
  pts = head_pts (self, head);
  at_offset = head_offset (self, head);
  if ((!head->event || head->timed) && release_time (self, head) > now)
    return FALSE;
  lockstep_packet_queue_pop (&self->queue, &item);
  if (item.event) {
    *action = (LockstepPlayoutAction) {
    .kind = LOCKSTEP_PLAYOUT_EVENT,.payload = item.payload,.pts =
          item.timed ? item.pts + at_offset : item.pts,};
    return TRUE;
  }

  old = self->released && item.key < self->next_key;
  reset = !self->released || item.epoch != self->out_epoch;
  item.pts = pts;
  if (!old) {
    self->applied_offset = at_offset;
    if (item.epoch == self->epoch)
      lockstep_timebase_start (&self->timebase);
    if (!self->released)
      self->next_key = item.key;
    self->out_epoch = item.epoch;
    self->out_timestamp = item.timestamp;
    self->out_pts = item.pts;
    self->released = TRUE;
    pass (self, item.key, TRUE);
    if (self->do_rtx && self->rtx.n > 0)
      lockstep_rtx_timers_passed (&self->rtx, item.key, now);
  }
  self->stats.pushed++;
  self->stats.held += (guint64) MAX (now - item.arrival, 0);
  *action = (LockstepPlayoutAction) {
  .kind = LOCKSTEP_PLAYOUT_PACKET,.payload = item.payload,.pts =
        item.pts + at_offset,.arrival = item.arrival,.timestamp =
        item.timestamp,.seq = item.seq,.reset = reset
        && !old,.discont = self->out_discont || reset || old,};
  if (!old)
    self->out_discont = FALSE;
  head = lockstep_packet_queue_peek (&self->queue);
  action->more = !old && head != NULL && !head->event
      && head->epoch == item.epoch && head->timestamp == item.timestamp
      && head->key == self->next_key;
  return TRUE;
}

gboolean
lockstep_playout_poll_rtx (LockstepPlayout * self, gint64 now,
    LockstepRtxRequest * request, guint16 * seq)
{
  if (!self->do_rtx)
    return FALSE;
  /* what a newcomer's packets lack is asked for now, not when they have been polled */
  if (lockstep_playout_takes_over_at (self) <= now)
    take_over (self);
  if (self->expect_next <= now) {
    /* the next packet in sequence, although none after it has come */
    self->expect_next = LOCKSTEP_PLAYOUT_NEVER;
    if (self->missed_until <= self->newest_key) {
      self->missed_until = self->newest_key + 1;
      lockstep_rtx_timers_miss (&self->rtx, self->missed_until,
          self->newest_pts + self->spacing + offset (self), now, self->jitter,
          self->rtx.delay_reorder);
    }
  }
  if (!lockstep_rtx_timers_poll (&self->rtx, now,
          lockstep_playout_bound (self), self->jitter, request))
    return FALSE;
  *seq = (guint16) (self->newest_seq + (request->key - self->newest_key));
  return TRUE;
}
