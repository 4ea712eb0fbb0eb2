/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A video sender with rate control, a bottleneck and a receiver in numbers. Time
 * goes in steps of a quarter of a millisecond. */
#include "ratesim.h"
#include "avsim.h"

#include <gst/lockstep/pacer.h>
#include <math.h>

#define MS RATE_SIM_MS
#define SECOND RATE_SIM_SECOND
#define TICK (MS / 4)
#define FEEDBACK (50 * MS)
#define FPS 30
#define PAYLOAD 1200
#define MAX_SENDERS 4
/* Key frames are this much larger, and a viewer asks for one this often. */
#define KEY_FACTOR 4
#define KEY_INTERVAL (5 * SECOND)
#define BIN (100 * MS)
#define GIVEN_UP (-2)

typedef struct
{
  guint sender;
  guint64 number;               /* of its sender's, counted from 0 */
  gint64 frame;                 /* -1: padding */
  guint bytes, probe;
  gint64 sent, arrival;         /* arrival -1: lost */
  guint64 resent;               /* the packet that it repeats; G_MAXUINT64 */
} Packet;

typedef struct
{
  LockstepBandwidth *bandwidth;
  LockstepPacer pacer;
  GQueue waiting;               /* Packet, not yet sent */
  gsize waiting_bytes;
  GQueue flying;                /* Packet, sent, not yet told of; by number */
  GQueue reported;              /* GArray of Packet on its way back */
  gint64 next_send;
  guint next_probe;
  gboolean scheduled;
  guint64 numbers;
  gint64 key_frame;             /* what was not given up begins here */
  gint64 frames, next_frame, next_key, next_feedback, from;
  guint64 target;
  GArray *missing;              /* guint: packets of each frame not yet there */
  GArray *last;                 /* gint64: when a frame's last packet came */
  guint padding;                /* bytes still to be made for a probe */
} Sender;

typedef struct
{
  const RateSimConfig *config;
  Sender senders[MAX_SENDERS];
  guint n;
  gint64 link_free, last_arrival, next_cross;
  guint32 seed;
  RateSimResult *result;
} Sim;

static gdouble
uniform (Sim * sim)
{
  return sim_random (&sim->seed) / 4294967296.0;
}

static guint64
rate_at (const RateSimConfig * config, gint64 now)
{
  guint64 rate = config->rates[0];

  for (guint i = 1; i < RATE_SIM_STEPS && config->rates[i]; i++)
    if (now >= config->at[i])
      rate = config->rates[i];
  return rate;
}

static void
bin_add (GArray * bins, gint64 at, guint64 value)
{
  guint bin = at / BIN;

  if (bin < bins->len)
    g_array_index (bins, guint64, bin) += value;
}

/* The bottleneck: first in, first out, and full when @buffer is. Returns when
 * the packet comes out, -1 for never. */
static gint64
link_carry (Sim * sim, guint bytes, gint64 now, gint64 * queue)
{
  gint64 free = MAX (sim->link_free, now);

  *queue = free - now;
  if (*queue > sim->config->buffer)
    return -1;
  sim->link_free = free
      + (gint64) (bytes * 8.0 * SECOND / rate_at (sim->config, free));
  return sim->link_free;
}

static void
frame_encode (Sim * sim, Sender * s, gint64 now)
{
  gboolean key = now >= s->next_key;
  gdouble mean = (gdouble) s->target / 8 / FPS, size;
  guint packets;

  /* a key frame's bits are saved on the frames that follow */
  mean *= FPS * 5.0 / (FPS * 5 - 1 + KEY_FACTOR);
  size = mean * (0.75 + 0.5 * uniform (sim)) * (key ? KEY_FACTOR : 1);
  if (key)
    s->next_key = now + KEY_INTERVAL;
  packets = MAX ((guint) ceil (size / PAYLOAD), 1);
  g_array_append_val (s->missing, packets);
  g_array_set_size (s->last, s->last->len + 1);
  g_array_index (s->last, gint64, s->last->len - 1) = -1;
  for (guint i = 0; i < packets; i++) {
    Packet *p = g_new0 (Packet, 1);

    p->frame = s->frames;
    p->bytes = MAX ((guint) (size / packets), 60) + 40;
    p->resent = G_MAXUINT64;
    g_queue_push_tail (&s->waiting, p);
    s->waiting_bytes += p->bytes;
  }
  s->frames++;
}

/* Too much waits: all of it goes, and a key frame begins anew. What is missing
 * of earlier frames is never shown, nor what needed it. */
static void
give_up_waiting (Sender * s, gint64 now)
{
  gboolean broken = FALSE;

  g_queue_clear_full (&s->waiting, g_free);
  s->waiting_bytes = 0;
  s->scheduled = FALSE;
  s->next_key = now;
  for (gint64 i = s->key_frame; i < s->frames; i++) {
    broken = broken || g_array_index (s->missing, guint, i) > 0;
    if (broken) {
      g_array_index (s->missing, guint, i) = 0;
      g_array_index (s->last, gint64, i) = GIVEN_UP;
    }
  }
  s->key_frame = s->frames;
}

static void
packet_arrived (Sim * sim, Sender * s, const Packet * p)
{
  if (s == &sim->senders[0])
    bin_add (sim->result->received, p->arrival, p->bytes * 80);
  else if (s == &sim->senders[1])
    bin_add (sim->result->rival, p->arrival, p->bytes * 80);
  if (p->frame < 0 || g_array_index (s->last, gint64, p->frame) == GIVEN_UP)
    return;
  g_array_index (s->missing, guint, p->frame)--;
  g_array_index (s->last, gint64, p->frame) =
      MAX (g_array_index (s->last, gint64, p->frame), p->arrival);
}

static void
packet_send (Sim * sim, Sender * s, Packet * p, gint64 now)
{
  gint64 queue, out = link_carry (sim, p->bytes, now, &queue);

  p->number = s->numbers++;
  p->sent = now;
  p->arrival = -1;
  if (s == &sim->senders[0] && out >= 0) {
    g_array_append_val (sim->result->queue, queue);
    g_array_append_val (sim->result->queue_at, now);
  }
  if (out >= 0 && uniform (sim) >= sim->config->loss) {
    p->arrival = out + sim->config->delay
        + (gint64) (uniform (sim) * sim->config->jitter);
    p->arrival = MAX (p->arrival, sim->last_arrival);
    sim->last_arrival = p->arrival;
    packet_arrived (sim, s, p);
  }
  g_queue_push_tail (&s->flying, p);
}

/* What waits goes when its time has come; a probe that has too little to send
 * is filled up. */
static void
sender_pace (Sim * sim, Sender * s, gint64 now)
{
  LockstepProbe probe;

  if (lockstep_bandwidth_next_probe (s->bandwidth, now, &probe)) {
    lockstep_pacer_probe (&s->pacer, probe.id, probe.rate, probe.bytes);
    while (s->waiting_bytes < probe.bytes) {
      Packet *p = g_new0 (Packet, 1);

      p->frame = -1;
      p->bytes = PAYLOAD;
      p->resent = G_MAXUINT64;
      g_queue_push_tail (&s->waiting, p);
      s->waiting_bytes += p->bytes;
    }
  }
  while (!g_queue_is_empty (&s->waiting)) {
    Packet *p = g_queue_peek_head (&s->waiting);

    if (!s->scheduled) {
      s->next_send = lockstep_pacer_schedule (&s->pacer,
          lockstep_bandwidth_stats (s->bandwidth).pacing, p->bytes,
          now, &s->next_probe);
      s->scheduled = TRUE;
    }
    if (s->next_send > now)
      break;
    g_queue_pop_head (&s->waiting);
    s->waiting_bytes -= p->bytes;
    s->scheduled = FALSE;
    p->probe = s->next_probe;
    /* the pacer's finer times, not the simulation's steps */
    packet_send (sim, s, p, now);
  }
}

/* The receiver tells of what has come, and of what was sent before that and has
 * not. The message takes the way back without a queue. */
static void
feedback_make (Sim * sim, Sender * s, gint64 now)
{
  GArray *message = g_array_new (FALSE, FALSE, sizeof (Packet));
  GList *newest = NULL;

  for (GList * l = s->flying.head; l; l = l->next) {
    Packet *p = l->data;

    if (p->arrival >= 0 && p->arrival <= now)
      newest = l;
  }
  while (newest && !g_queue_is_empty (&s->flying)) {
    gboolean last = s->flying.head == newest;
    Packet *p = g_queue_pop_head (&s->flying);

    g_array_append_val (message, *p);
    g_free (p);
    if (last)
      break;
  }
  if (message->len == 0) {
    g_array_unref (message);
    return;
  }
  g_array_index (message, Packet, 0).resent = now + sim->config->delay;
  g_queue_push_tail (&s->reported, message);
}

static void
feedback_take (Sim * sim, Sender * s, GArray * message, gint64 now)
{
  g_autofree LockstepBandwidthPacket *packets =
      g_new0 (LockstepBandwidthPacket, message->len);

  for (guint i = 0; i < message->len; i++) {
    const Packet *p = &g_array_index (message, Packet, i);

    packets[i].sent = p->sent;
    packets[i].bytes = p->bytes;
    packets[i].probe = p->probe;
    packets[i].arrival = p->arrival < 0 ? LOCKSTEP_BANDWIDTH_LOST :
        3600 * SECOND + (gint64) (p->arrival * (1 + sim->config->drift * 1e-6))
        / (MS / 4) * (MS / 4);
    if (p->arrival < 0 && p->frame >= 0
        && g_array_index (s->last, gint64, p->frame) != GIVEN_UP) {
      /* retransmitted, before what waits */
      Packet *again = g_new0 (Packet, 1);

      again->frame = p->frame;
      again->bytes = p->bytes;
      again->resent = p->number;
      g_queue_push_head (&s->waiting, again);
      s->waiting_bytes += again->bytes;
      s->scheduled = FALSE;
    }
  }
  lockstep_bandwidth_set_rtt (s->bandwidth, 2 * sim->config->delay);
  s->target = lockstep_bandwidth_feedback (s->bandwidth, packets,
      message->len, now);
}

static void
sender_run (Sim * sim, Sender * s, gint64 now)
{
  GArray *message;

  if (now < s->from)
    return;
  if (now >= s->next_frame) {
    gdouble backlog = s->waiting_bytes * 8.0 * SECOND / s->target;

    if (backlog > LOCKSTEP_PACER_LOST)
      give_up_waiting (s, now);
    else if (backlog < LOCKSTEP_PACER_BACKLOG)
      frame_encode (sim, s, now);
    s->next_frame += SECOND / FPS;
  }
  if (now >= s->next_feedback) {
    feedback_make (sim, s, now);
    s->next_feedback = now + FEEDBACK;
  }
  while ((message = g_queue_peek_head (&s->reported)) != NULL
      && (gint64) g_array_index (message, Packet, 0).resent <= now) {
    g_queue_pop_head (&s->reported);
    feedback_take (sim, s, message, now);
    g_array_unref (message);
  }
  s->target = lockstep_bandwidth_tick (s->bandwidth, now);
  sender_pace (sim, s, now);
}

static void
sender_init (Sender * s, const RateSimConfig * config, gint64 from)
{
  LockstepBandwidthConfig limits = { config->min, config->start, config->max };

  s->bandwidth = lockstep_bandwidth_new (&limits, from);
  s->target = config->start;
  s->from = s->next_frame = s->next_key = s->next_feedback = from;
  s->missing = g_array_new (FALSE, FALSE, sizeof (guint));
  s->last = g_array_new (FALSE, FALSE, sizeof (gint64));
  g_queue_init (&s->waiting);
  g_queue_init (&s->flying);
  g_queue_init (&s->reported);
}

static void
sender_clear (Sender * s)
{
  lockstep_bandwidth_free (s->bandwidth);
  g_array_unref (s->missing);
  g_array_unref (s->last);
  g_queue_clear_full (&s->waiting, g_free);
  g_queue_clear_full (&s->flying, g_free);
  g_queue_clear_full (&s->reported, (GDestroyNotify) g_array_unref);
}

/* A frame is shown when it and all before it are whole. */
static void
show_frames (Sim * sim)
{
  Sender *s = &sim->senders[0];
  gint64 shown = 0;

  for (guint i = 0; i < s->missing->len; i++) {
    if (g_array_index (s->missing, guint, i) > 0)
      break;
    if (g_array_index (s->last, gint64, i) == GIVEN_UP)
      continue;
    shown = MAX (shown, g_array_index (s->last, gint64, i));
    g_array_append_val (sim->result->frames, shown);
  }
}

static GArray *
bins_new (gint64 duration)
{
  GArray *bins = g_array_new (FALSE, TRUE, sizeof (guint64));

  g_array_set_size (bins, duration / BIN + 1);
  return bins;
}

RateSimResult *
rate_sim_run (const RateSimConfig * config)
{
  Sim sim = { config };
  RateSimResult *result = g_new0 (RateSimResult, 1);

  sim.seed = config->seed * 2654435761u + 1;
  sim.result = result;
  sim.n = MIN (1 + config->rivals, MAX_SENDERS);
  result->received = bins_new (config->duration);
  result->target = bins_new (config->duration);
  result->capacity = bins_new (config->duration);
  result->rival = bins_new (config->duration);
  result->queue = g_array_new (FALSE, FALSE, sizeof (gint64));
  result->queue_at = g_array_new (FALSE, FALSE, sizeof (gint64));
  result->frames = g_array_new (FALSE, FALSE, sizeof (gint64));
  for (guint i = 0; i < sim.n; i++)
    sender_init (&sim.senders[i], config, i ? config->rivals_from : 0);
  sim.next_cross = config->cross_from;
  for (gint64 now = 0; now < config->duration; now += TICK) {
    guint64 capacity = rate_at (config, now);
    gint64 ignored;

    while (config->cross && sim.next_cross <= now && now < config->cross_to) {
      link_carry (&sim, PAYLOAD, now, &ignored);
      sim.next_cross += PAYLOAD * 8 * SECOND / (gint64) config->cross;
    }
    for (guint i = 0; i < sim.n; i++)
      sender_run (&sim, &sim.senders[(i + now / TICK) % sim.n], now);
    if (now % BIN == 0) {
      if (config->cross && now >= config->cross_from && now < config->cross_to)
        capacity -= config->cross;
      bin_add (result->capacity, now, capacity);
      bin_add (result->target, now, sim.senders[0].target);
    }
  }
  show_frames (&sim);
  for (guint i = 0; i < sim.n; i++)
    sender_clear (&sim.senders[i]);
  return result;
}

void
rate_sim_result_free (RateSimResult * result)
{
  g_array_unref (result->received);
  g_array_unref (result->target);
  g_array_unref (result->capacity);
  g_array_unref (result->rival);
  g_array_unref (result->queue);
  g_array_unref (result->queue_at);
  g_array_unref (result->frames);
  g_free (result);
}

/* What arrived, rivals' included, as a share of what the link could carry. */
gdouble
rate_sim_utilisation (const RateSimResult * result, gint64 from, gint64 to)
{
  gdouble received = 0, capacity = 0;

  for (guint i = from / BIN; i < to / BIN && i < result->received->len; i++) {
    received += g_array_index (result->received, guint64, i)
        + g_array_index (result->rival, guint64, i);
    capacity += g_array_index (result->capacity, guint64, i);
  }
  return capacity > 0 ? received / capacity : 0;
}

/* Our part of what arrived. */
gdouble
rate_sim_share (const RateSimResult * result, gint64 from, gint64 to)
{
  gdouble ours = 0, rival = 0;

  for (guint i = from / BIN; i < to / BIN && i < result->received->len; i++) {
    ours += g_array_index (result->received, guint64, i);
    rival += g_array_index (result->rival, guint64, i);
  }
  return ours / MAX (ours + rival, 1);
}

static gint
compare (gconstpointer a, gconstpointer b)
{
  gint64 x = *(const gint64 *) a, y = *(const gint64 *) b;

  return x < y ? -1 : x > y;
}

gint64
rate_sim_queue (const RateSimResult * result, gint64 from, gint64 to,
    gdouble quantile)
{
  g_autoptr (GArray) delays = g_array_new (FALSE, FALSE, sizeof (gint64));

  for (guint i = 0; i < result->queue->len; i++) {
    gint64 at = g_array_index (result->queue_at, gint64, i);

    if (at >= from && at < to)
      g_array_append_val (delays, g_array_index (result->queue, gint64, i));
  }
  if (delays->len == 0)
    return 0;
  g_array_sort (delays, compare);
  return g_array_index (delays, gint64, (guint) ((delays->len - 1) * quantile));
}

/* The longest time without a new picture. */
gint64
rate_sim_freeze (const RateSimResult * result, gint64 from, gint64 to)
{
  gint64 last = -1, longest = 0;

  for (guint i = 0; i < result->frames->len; i++) {
    gint64 shown = g_array_index (result->frames, gint64, i);

    if (shown < from || shown >= to)
      continue;
    if (last >= 0)
      longest = MAX (longest, shown - last);
    last = shown;
  }
  return last < 0 ? to - from : MAX (longest, to - SECOND / 2 > last
      ? to - last : 0);
}

/* How long after @from the queue stays below 100 ms for a second. */
gint64
rate_sim_recovery (const RateSimResult * result, gint64 from)
{
  gint64 bad = from;

  for (guint i = 0; i < result->queue->len; i++) {
    gint64 at = g_array_index (result->queue_at, gint64, i);

    if (at < from)
      continue;
    if (g_array_index (result->queue, gint64, i) > 100 * MS)
      bad = at;
    else if (at - bad > SECOND)
      break;
  }
  return bad - from;
}
