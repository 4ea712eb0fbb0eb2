/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* How much a path carries: the sender's side of Google congestion control
 * (draft-ietf-rmcat-gcc-02; section numbers below are the draft's), a delay part
 * and a loss part, of which the lower one counts. Beyond the draft: probes find
 * free capacity at once instead of at 8 % a second, and a queue that built up is
 * drained before the rate returns. */
#include "bandwidth.h"

#include <math.h>
#include <string.h>

#define MS (G_GINT64_CONSTANT (1000000))
#define SECOND (1000 * MS)

/* 5.5: beta and eta; the response time of an additive step beyond the RTT. */
#define BETA 0.85
#define ETA 1.08
#define RESPONSE (100 * MS)
#define PACKET_BITS (1200 * 8)
#define FRAMES_A_SECOND 30
/* The rate never runs from what arrives by more than this. */
#define AHEAD 1.5
#define AHEAD_MIN 10000
/* 5.5: smoothing of the capacity known from decreases, and its distance. */
#define CAPACITY_SMOOTHING 0.05
#define CAPACITY_DEVIATIONS 3.0

/* 6: loss below leaves room, above takes it. */
#define LOSS_LOW 0.02
#define LOSS_HIGH 0.10
#define LOSS_ETA 1.05
#define LOSS_SPAN (200 * MS)
/* Losses of a queue that overflowed are told of long after the rate fell: the
 * rate falls no further than this share of what arrives. */
#define LOSS_FLOOR 0.7
#define LOSS_PACKETS 20

/* What arrives is measured over this much of the receiver's time: long enough
 * for frames of uneven size, short enough to see a link halve. */
#define RATE_SPAN (300 * MS)
#define RATE_MIN_SPAN (100 * MS)
/* With a queue, the link is never idle: what arrived in so little time is what it
 * carries, though no less than half of the above; packets stall and bunch. */
#define RATE_BUSY_SPAN (80 * MS)
#define RATE_BUSY_LEAST 0.5
#define RATE_PACKETS 2048

/* The path's delay without a queue is the least of the last one to two spans. */
#define BASE_SPAN (10 * SECOND)
/* A queue longer than this is drained until it is shorter than that. */
#define DRAIN_FROM (30 * MS)
#define DRAIN_TO (15 * MS)
/* Draining gives up this much of the rate in proportion to the queue, so much of it
 * with a queue of DRAIN_FULL. */
#define DRAIN_FULL (200 * MS)
#define DRAIN_MOST 0.8
/* What a drained link is used to again. */
#define DRAINED 0.93

#define QUEUE_REAL (20 * MS)
/* A queue that has grown twice, to more than this, is no large frame: the line through
 * the delays says so some hundred ms later, in which a path that shrank overflows. */
#define QUEUE_SURE (50 * MS)
#define QUEUE_GROWN (15 * MS)

#define PROBE_SPAN (15 * MS)
#define PROBE_PACKETS 6
#define PROBE_MOST 128
#define PROBE_TIMEOUT (1 * SECOND)
#define PROBE_INTERVAL (3 * SECOND)
#define PROBE_FACTOR 2.0
#define PROBE_FIRST_FACTOR 3.0
/* A train that arrives slower than it left filled the link. */
#define PROBE_FILLED 0.9
/* Worth another, larger one at once. */
#define PROBE_FURTHER 0.7

/* Without feedback for this long, the rate falls by a third each half second. */
#define SILENCE (1 * SECOND)
#define SILENCE_STEP (SECOND / 2)
#define SILENCE_FACTOR 0.67

/* Beside an encoder whose rate stays: sound of 10 ms a packet. And what even a path that
 * carries next to nothing is sent. */
#define FIXED_BESIDE 250000
#define FIXED_MIN 50000

typedef enum
{
  RATE_HOLD,
  RATE_INCREASE,
  RATE_DECREASE
} RateState;

typedef struct
{
  gint64 arrival;
  gsize bytes;
} Arrival;

struct _LockstepBandwidth
{
  LockstepBandwidthConfig config;
  gint64 rtt;
  LockstepTrendline trendline;
  RateState state;
  gdouble delay_rate, loss_rate;        /* bit/s */
  gint64 updated, decreased, normal_since, heard;

  gdouble capacity, deviation;  /* bit/s at decreases; 0 while unknown */

  Arrival arrivals[RATE_PACKETS];
  guint first, n;
  gsize bytes;                  /* of all in arrivals */
  gdouble acknowledged;

  gint64 base[2], base_since;   /* least transit of this span and the last */
  gint64 queue, queues[2];      /* now; at the last two messages */
  gboolean draining;

  guint lost, counted;
  gint64 loss_since;
  gdouble loss;
  gboolean limited_by_loss;

  guint probe;                  /* under way; 0 for none */
  guint last_probe;
  gint64 probe_at;
  gdouble probe_rate, probe_next;       /* probe_next: wanted at once; 0 */
  gsize probe_bytes, probe_received;
  guint probe_packets;
  LockstepBandwidthPacket probe_train[PROBE_MOST];      /* by arrival */
};

void
lockstep_bandwidth_config_fixed (LockstepBandwidthConfig * config,
    guint64 bitrate)
{
  config->max = config->start = bitrate + bitrate / 10 + FIXED_BESIDE;
  config->min = MIN (FIXED_MIN, config->start);
}

/**
 * lockstep_bandwidth_new:
 * @config: the limits; @config is copied
 * @now: ns
 */
LockstepBandwidth *
lockstep_bandwidth_new (const LockstepBandwidthConfig * config, gint64 now)
{
  LockstepBandwidth *b = g_new0 (LockstepBandwidth, 1);

  g_return_val_if_fail (config->min > 0 && config->min <= config->start
      && config->start <= config->max, (g_free (b), NULL));
  b->config = *config;
  b->rtt = 100 * MS;
  lockstep_trendline_init (&b->trendline);
  b->state = RATE_INCREASE;
  b->delay_rate = b->loss_rate = config->start;
  b->updated = b->loss_since = b->heard = b->normal_since = now;
  b->decreased = now - SECOND;
  b->base[0] = b->base[1] = G_MAXINT64;
  b->base_since = G_MININT64;
  b->probe_next = config->start * PROBE_FIRST_FACTOR;
  b->probe_at = now;
  return b;
}

void
lockstep_bandwidth_free (LockstepBandwidth * bandwidth)
{
  g_free (bandwidth);
}

/**
 * lockstep_bandwidth_set_rtt:
 * @rtt: round-trip time, ns; not below 0
 */
void
lockstep_bandwidth_set_rtt (LockstepBandwidth * bandwidth, gint64 rtt)
{
  bandwidth->rtt = CLAMP (rtt, 0, 2 * SECOND);
}

static guint64
target (LockstepBandwidth * b)
{
  gdouble rate = b->delay_rate;

  if (b->draining)
    rate *= 1 - DRAIN_MOST * MIN (b->queue, DRAIN_FULL) / (gdouble) DRAIN_FULL;
  b->limited_by_loss = b->loss_rate < rate;
  rate = MIN (rate, b->loss_rate);
  return (guint64) CLAMP (rate, (gdouble) b->config.min,
      (gdouble) b->config.max);
}

/* What arrives: bytes after the first packet of the span, over its time. */
static void
arrived (LockstepBandwidth * b, gint64 arrival, gsize bytes)
{
  Arrival *oldest;
  gint64 span, newest;

  if (b->n > 0) {
    newest = b->arrivals[(b->first + b->n - 1) % RATE_PACKETS].arrival;
    if (ABS (arrival - newest) > 3 * SECOND) {
      b->n = b->first = 0;
      b->bytes = 0;
    } else
      arrival = MAX (arrival, newest);  /* reordered: all the same for a sum */
  }
  if (b->n == RATE_PACKETS) {
    b->bytes -= b->arrivals[b->first].bytes;
    b->first = (b->first + 1) % RATE_PACKETS;
    b->n--;
  }
  b->arrivals[(b->first + b->n) % RATE_PACKETS] = (Arrival) {
  arrival, bytes};
  b->n++;
  b->bytes += bytes;
  while (arrival - b->arrivals[b->first].arrival > RATE_SPAN) {
    b->bytes -= b->arrivals[b->first].bytes;
    b->first = (b->first + 1) % RATE_PACKETS;
    b->n--;
  }
  oldest = &b->arrivals[b->first];
  span = arrival - oldest->arrival;
  if (span >= RATE_MIN_SPAN)
    b->acknowledged = (b->bytes - oldest->bytes) * 8.0 * SECOND / span;
}

/* What arrives of late: like b->acknowledged, which a link that shrank leaves too high
 * for as long as its span. */
static gdouble
arrives_now (const LockstepBandwidth * b)
{
  const Arrival *newest, *first = NULL;
  gsize bytes = 0;
  gdouble rate;

  if (b->n == 0 || b->queue < DRAIN_FROM)
    return b->acknowledged;
  newest = &b->arrivals[(b->first + b->n - 1) % RATE_PACKETS];
  for (guint i = b->n; i > 0; i--) {
    first = &b->arrivals[(b->first + i - 1) % RATE_PACKETS];
    if (newest->arrival - first->arrival >= RATE_BUSY_SPAN)
      break;
    bytes += first->bytes;
  }
  if (newest->arrival - first->arrival < RATE_BUSY_SPAN)
    return b->acknowledged;
  rate = bytes * 8.0 * SECOND / (newest->arrival - first->arrival);
  return CLAMP (rate, RATE_BUSY_LEAST * b->acknowledged, b->acknowledged);
}

static void
transit_seen (LockstepBandwidth * b, gint64 transit, gint64 now)
{
  if (b->base_since == G_MININT64 || now - b->base_since > BASE_SPAN) {
    b->base[1] = b->base[0];
    b->base[0] = transit;
    b->base_since = now;
  }
  b->base[0] = MIN (b->base[0], transit);
}

static void
probe_seen (LockstepBandwidth * b, const LockstepBandwidthPacket * packet)
{
  guint i = b->probe_packets;

  if (i == PROBE_MOST)
    return;
  /* by arrival: packets may overtake each other */
  for (; i > 0 && b->probe_train[i - 1].arrival > packet->arrival; i--)
    b->probe_train[i] = b->probe_train[i - 1];
  b->probe_train[i] = *packet;
  b->probe_packets++;
  b->probe_received += packet->bytes;
}

static gdouble
capacity_distance (const LockstepBandwidth * b)
{
  return CAPACITY_DEVIATIONS * sqrt (b->deviation * b->capacity);
}

/* Where the path was last found to be full (5.5: the average maximum). */
static void
capacity_seen (LockstepBandwidth * b, gdouble rate)
{
  gdouble error;

  if (b->capacity <= 0 || fabs (rate - b->capacity) > capacity_distance (b)) {
    b->capacity = rate;
    b->deviation = 0.01 * rate;
    return;
  }
  error = b->capacity - rate;
  b->capacity -= CAPACITY_SMOOTHING * error;
  b->deviation = (1 - CAPACITY_SMOOTHING) * b->deviation
      + CAPACITY_SMOOTHING * error * error / b->capacity;
  b->deviation = CLAMP (b->deviation, 0.0004 * b->capacity,
      0.0025 * b->capacity);
}

/* Bit/s at which the train's packets from number @from on came: all bytes after the
 * first, over the time from first to last. 0: in no time. */
static gdouble
train_arrived (const LockstepBandwidth * b, guint from)
{
  gint64 span = b->probe_train[b->probe_packets - 1].arrival
      - b->probe_train[from].arrival;
  gsize bytes = 0;

  for (guint i = from + 1; i < b->probe_packets; i++)
    bytes += b->probe_train[i].bytes;
  return span > 0 ? bytes * 8.0 * SECOND / span : 0;
}

/* The same at which they were sent: all bytes but the last's. */
static gdouble
train_sent (const LockstepBandwidth * b)
{
  const LockstepBandwidthPacket *first = &b->probe_train[0], *last = first;
  gint64 span;

  for (guint i = 1; i < b->probe_packets; i++) {
    if (b->probe_train[i].sent < first->sent)
      first = &b->probe_train[i];
    if (b->probe_train[i].sent > last->sent)
      last = &b->probe_train[i];
  }
  span = last->sent - first->sent;
  return span > 0 ? (b->probe_received - last->bytes) * 8.0 * SECOND / span : 0;
}

static void
probe_done (LockstepBandwidth * b, gint64 now)
{
  gdouble send_rate = train_sent (b), receive_rate = train_arrived (b, 0);
  gdouble later = train_arrived (b, b->probe_packets / 2), result;
  gboolean filled;

  b->probe = 0;
  if (send_rate <= 0 || receive_rate <= 0)
    return;
  /* shapers let the first packets of a burst through at once */
  if (later > 0)
    receive_rate = MIN (receive_rate, later);
  filled = receive_rate < PROBE_FILLED * send_rate;
  result = filled ? DRAINED * receive_rate : MIN (send_rate, receive_rate);
  /* a train that left faster than asked proves no more than was asked */
  result = MIN (result, b->probe_rate);
  if (filled)
    capacity_seen (b, receive_rate);
  /* a queue that the probe itself made is gone by the next feedback; one that stays is
   * a reason to be careful */
  if (b->draining || b->queue > DRAIN_FROM
      || (b->trendline.state == LOCKSTEP_PATH_OVERUSED && !filled))
    return;
  if (result > b->delay_rate) {
    if (!filled)
      b->capacity = 0;
    b->delay_rate = MIN (result, b->config.max);
    b->loss_rate = MAX (b->loss_rate, b->delay_rate);
    b->updated = now;
    if (!filled && result > PROBE_FURTHER * b->probe_rate
        && b->delay_rate < b->config.max)
      b->probe_next = PROBE_FACTOR * b->delay_rate;
  }
}

static void
increase (LockstepBandwidth * b, gint64 now)
{
  gdouble elapsed = MIN (now - b->updated, SECOND) / (gdouble) SECOND;
  gdouble rate = b->delay_rate, limit;

  if (b->acknowledged > 0 && b->capacity > 0
      && b->acknowledged > b->capacity + capacity_distance (b))
    b->capacity = 0;
  if (b->capacity > 0) {
    /* near its end: half a packet in a response time (5.5) */
    gdouble frame = rate / FRAMES_A_SECOND;
    gdouble packet = frame / ceil (MAX (frame / PACKET_BITS, 1.0));
    gdouble response = (b->rtt + RESPONSE) / (gdouble) SECOND;

    rate += MAX (0.5 * packet / response, 4000.0) * elapsed;
  } else
    rate *= pow (ETA, elapsed);
  limit = AHEAD * b->acknowledged + AHEAD_MIN;
  if (b->acknowledged > 0 && rate > limit)
    rate = MAX (b->delay_rate, limit);
  b->delay_rate = MIN (rate, (gdouble) b->config.max);
}

static void
decrease (LockstepBandwidth * b, gint64 now)
{
  gdouble rate = b->acknowledged > 0 ? arrives_now (b) : b->delay_rate;

  if (now - b->decreased < CLAMP (b->rtt, 10 * MS, 200 * MS)
      && rate > 0.5 * b->delay_rate)
    return;
  capacity_seen (b, rate);
  b->delay_rate = MIN (BETA * rate, b->delay_rate);
  b->draining = b->draining || b->queue > DRAIN_FROM;
  b->decreased = now;
  b->probe_next = 0;
}

static gboolean
queue_grows (const LockstepBandwidth * b)
{
  return b->queue > QUEUE_SURE && b->queue > b->queues[0] + QUEUE_GROWN
      && b->queues[0] > b->queues[1] + QUEUE_GROWN;
}

/* 5.5's state machine. */
static void
update_delay_rate (LockstepBandwidth * b, gint64 now)
{
  LockstepPathState state = queue_grows (b) ? LOCKSTEP_PATH_OVERUSED
      : b->trendline.state;

  switch (state) {
    case LOCKSTEP_PATH_OVERUSED:
      /* where some packets pass without a queue, it was one large frame */
      b->state = b->queue > QUEUE_REAL ? RATE_DECREASE : RATE_HOLD;
      b->normal_since = -1;
      if (b->state == RATE_DECREASE)
        decrease (b, now);
      break;
    case LOCKSTEP_PATH_UNDERUSED:
      b->state = RATE_HOLD;
      b->normal_since = -1;
      break;
    case LOCKSTEP_PATH_NORMAL:
      if (b->normal_since < 0)
        b->normal_since = now;
      b->state = b->state == RATE_DECREASE ? RATE_HOLD : RATE_INCREASE;
      break;
  }
  if (b->draining && b->queue < DRAIN_TO) {
    b->draining = FALSE;
    if (b->capacity > 0)
      b->delay_rate = MAX (b->delay_rate, DRAINED * b->capacity);
  }
  if (b->state == RATE_INCREASE && !b->draining)
    increase (b, now);
  b->updated = now;
}

/* 6: the loss-based part. */
static void
update_loss_rate (LockstepBandwidth * b, gint64 now)
{
  if (now - b->loss_since < MAX (LOSS_SPAN, b->rtt)
      || b->counted < LOSS_PACKETS)
    return;
  b->loss = b->lost / (gdouble) b->counted;
  if (b->loss > LOSS_HIGH)
    b->loss_rate = MAX (MIN (b->loss_rate, b->delay_rate)
        * (1 - 0.5 * b->loss), LOSS_FLOOR * b->acknowledged);
  else if (b->loss < LOSS_LOW)
    b->loss_rate = MIN (b->loss_rate * LOSS_ETA, LOSS_ETA * b->delay_rate);
  b->loss_rate = CLAMP (b->loss_rate, (gdouble) b->config.min,
      (gdouble) b->config.max);
  b->lost = b->counted = 0;
  b->loss_since = now;
}

/**
 * lockstep_bandwidth_feedback:
 * @packets: @n packets that one feedback message tells of, in the order of
 *   sending, each told of once
 * @now: ns of the sender's clock
 *
 * Returns: what may be sent now, bit/s
 */
guint64
lockstep_bandwidth_feedback (LockstepBandwidth * bandwidth,
    const LockstepBandwidthPacket * packets, guint n, gint64 now)
{
  LockstepBandwidth *b = bandwidth;
  gint64 least = G_MAXINT64, base;

  if (n == 0)
    return target (b);
  b->heard = now;
  for (guint i = 0; i < n; i++) {
    const LockstepBandwidthPacket *packet = packets + i;

    b->counted++;
    if (packet->arrival < 0) {
      b->lost++;
      continue;
    }
    if (packet->probe == 0)
      lockstep_trendline_add (&b->trendline, packet->sent, packet->arrival);
    arrived (b, packet->arrival, packet->bytes);
    transit_seen (b, packet->arrival - packet->sent, now);
    least = MIN (least, packet->arrival - packet->sent);
    if (packet->probe && packet->probe == b->probe)
      probe_seen (b, packet);
  }
  base = MIN (b->base[0], b->base[1]);
  if (least != G_MAXINT64) {
    b->queues[1] = b->queues[0];
    b->queues[0] = b->queue;
    b->queue = least - base;
  }
  update_delay_rate (b, now);
  update_loss_rate (b, now);
  if (b->probe && b->probe_packets >= PROBE_PACKETS - 1
      && b->probe_received >= b->probe_bytes * 8 / 10)
    probe_done (b, now);
  b->delay_rate = MAX (b->delay_rate, (gdouble) b->config.min);
  return target (b);
}

/**
 * lockstep_bandwidth_tick:
 *
 * To be called now and then while packets are sent: where no feedback comes back
 * any more, less and less is sent.
 *
 * Returns: what may be sent now, bit/s
 */
guint64
lockstep_bandwidth_tick (LockstepBandwidth * bandwidth, gint64 now)
{
  LockstepBandwidth *b = bandwidth;

  if (now - b->heard > MAX (SILENCE, 3 * b->rtt)
      && now - b->updated > SILENCE_STEP) {
    b->delay_rate = MAX (b->delay_rate * SILENCE_FACTOR,
        (gdouble) b->config.min);
    b->updated = now;
  }
  return target (b);
}

/* Bit/s that should be tried now; 0 for none. */
static gdouble
wanted_probe (const LockstepBandwidth * b, gint64 now)
{
  if (b->probe_next > 0)
    return b->probe_next;
  if (b->state != RATE_INCREASE || b->draining || b->normal_since < 0
      || now - b->normal_since < SECOND
      || now - b->probe_at < PROBE_INTERVAL
      || b->delay_rate >= 0.95 * b->config.max)
    return 0;
  return PROBE_FACTOR * b->delay_rate;
}

/**
 * lockstep_bandwidth_next_probe:
 * @probe: (out): the probe that is to be sent now
 *
 * A probe is a train of packets, media and retransmissions alike, sent faster
 * than the target for some 15 ms. Its packets carry its id in their feedback.
 *
 * Returns: whether one is due; it then counts as sent
 */
gboolean
lockstep_bandwidth_next_probe (LockstepBandwidth * bandwidth, gint64 now,
    LockstepProbe * probe)
{
  LockstepBandwidth *b = bandwidth;
  gdouble rate;

  if (b->probe && now - b->probe_at <= PROBE_TIMEOUT)
    return FALSE;
  rate = MIN (wanted_probe (b, now), PROBE_FACTOR * b->config.max);
  if (rate <= 0)
    return FALSE;
  b->probe_next = 0;
  b->probe_at = now;
  b->probe_rate = rate;
  if (++b->last_probe == 0)
    b->last_probe = 1;
  b->probe = b->last_probe;
  b->probe_bytes = MAX ((gsize) (rate / 8 * PROBE_SPAN / SECOND),
      PROBE_PACKETS * PACKET_BITS / 8);
  b->probe_received = 0;
  b->probe_packets = 0;
  *probe = (LockstepProbe) {
  b->probe, (guint64) rate, b->probe_bytes};
  return TRUE;
}

LockstepBandwidthStats
lockstep_bandwidth_stats (const LockstepBandwidth * bandwidth)
{
  LockstepBandwidthStats stats = { 0 };

  stats.target = target ((LockstepBandwidth *) bandwidth);
  stats.acknowledged = (guint64) bandwidth->acknowledged;
  stats.pacing = bandwidth->draining ? stats.target
      : (guint64) (LOCKSTEP_PACING_FACTOR * stats.target);
  stats.queue = bandwidth->queue;
  stats.loss = bandwidth->loss;
  stats.state = bandwidth->trendline.state;
  stats.limited_by_loss = bandwidth->limited_by_loss;
  return stats;
}
