/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A video sender with rate control, a bottleneck and a receiver in numbers: for
 * the tests and the bench of bandwidth.c, pacer.c. */
#pragma once

#include <glib.h>
#include <gst/lockstep/bandwidth.h>

G_BEGIN_DECLS

#define RATE_SIM_MS (G_GINT64_CONSTANT (1000000))
#define RATE_SIM_SECOND (1000 * RATE_SIM_MS)
#define RATE_SIM_STEPS 8

/**
 * RateSimConfig:
 * @rates: bit/s of the bottleneck, from @at[i] on; ends with 0
 * @at: ns, the first 0
 * @duration: ns
 * @buffer: what the bottleneck's queue holds, as time, ns; more is dropped
 * @delay: one way without a queue, ns
 * @jitter: more delay for each packet, up to this, in order, ns
 * @loss: share of packets lost behind the bottleneck
 * @rivals: further senders like ours that share the bottleneck, starting at
 *   @rivals_from
 * @cross: bit/s of steady other traffic from @cross_from to @cross_to
 * @drift: how much faster the receiver's clock runs, ppm
 */
typedef struct
{
  const char *name;
  guint64 rates[RATE_SIM_STEPS];
  gint64 at[RATE_SIM_STEPS];
  gint64 duration, buffer, delay, jitter;
  gdouble loss;
  guint rivals;
  gint64 rivals_from;
  guint64 cross;
  gint64 cross_from, cross_to;
  gdouble drift;
  guint64 min, start, max;
  guint32 seed;
} RateSimConfig;

/* What our sender got; bit/s and ns. One item for each 100 ms. */
typedef struct
{
  GArray *received;             /* guint64: bit/s that arrived */
  GArray *target;               /* guint64 */
  GArray *capacity;             /* guint64: of the link, less cross traffic */
  GArray *rival;                /* guint64: bit/s of the first rival */
  GArray *queue;                /* gint64: queueing delay of each packet */
  GArray *queue_at;             /* gint64: when it was sent */
  GArray *frames;               /* gint64: when each frame could be shown */
} RateSimResult;

RateSimResult *rate_sim_run (const RateSimConfig * config);
void rate_sim_result_free (RateSimResult * result);
gdouble rate_sim_utilisation (const RateSimResult * result, gint64 from,
    gint64 to);
gdouble rate_sim_share (const RateSimResult * result, gint64 from, gint64 to);
gint64 rate_sim_queue (const RateSimResult * result, gint64 from, gint64 to,
    gdouble quantile);
gint64 rate_sim_freeze (const RateSimResult * result, gint64 from, gint64 to);
gint64 rate_sim_recovery (const RateSimResult * result, gint64 from);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (RateSimResult, rate_sim_result_free);

G_END_DECLS
