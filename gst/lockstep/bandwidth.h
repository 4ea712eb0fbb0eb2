/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* How much a path carries: Google congestion control at the sender. */
#pragma once

#include <glib.h>
#include <gst/lockstep/trendline.h>

G_BEGIN_DECLS

/* A frame's packets leave this much faster than the target, as libwebrtc's pacer
 * does; but not into a queue that has built up. */
#define LOCKSTEP_PACING_FACTOR 2.5

#define LOCKSTEP_BANDWIDTH_LOST (G_GINT64_CONSTANT (-1))

/**
 * LockstepBandwidthPacket:
 * @sent: when it left, ns of the sender's clock
 * @arrival: when it arrived, ns of the receiver's clock (at least 0), or
 *   %LOCKSTEP_BANDWIDTH_LOST
 * @bytes: its size on the wire
 * @probe: the probe it was part of, 0 for none
 *
 * What transport-wide feedback says of one packet
 * (draft-holmer-rmcat-transport-wide-cc-extensions-01).
 */
typedef struct
{
  gint64 sent, arrival;
  gsize bytes;
  guint probe;
} LockstepBandwidthPacket;

/* Bit/s; min > 0, min <= start <= max. */
typedef struct
{
  guint64 min, start, max;
} LockstepBandwidthConfig;

/**
 * lockstep_bandwidth_config_fixed:
 * @bitrate: of an encoder whose rate stays as it is; above 0
 *
 * Nothing is gained by finding more than it takes, with its packets' heads and some
 * sound beside it; but a path may well carry less.
 */
void lockstep_bandwidth_config_fixed (LockstepBandwidthConfig * config,
    guint64 bitrate);

/**
 * LockstepProbe:
 * @id: names it in the packets' feedback, never 0
 * @rate: what to send at, bit/s
 * @bytes: how much, at least; in six packets or more
 */
typedef struct
{
  guint id;
  guint64 rate;
  gsize bytes;
} LockstepProbe;

/**
 * LockstepBandwidthStats:
 * @target: what may be sent, bit/s
 * @pacing: how fast a packet may follow the one before, bit/s
 * @acknowledged: what arrives, bit/s; 0 while unknown
 * @queue: how long packets queue on the way, ns
 * @loss: share of the packets lost lately, 0 to 1
 * @state: what the delays say of the path
 * @limited_by_loss: the loss, and not the delay, sets the target
 */
typedef struct
{
  guint64 target, pacing, acknowledged;
  gint64 queue;
  gdouble loss;
  LockstepPathState state;
  gboolean limited_by_loss;
} LockstepBandwidthStats;

typedef struct _LockstepBandwidth LockstepBandwidth;

LockstepBandwidth *lockstep_bandwidth_new (const LockstepBandwidthConfig *
    config, gint64 now);
void lockstep_bandwidth_free (LockstepBandwidth * bandwidth);
void lockstep_bandwidth_set_rtt (LockstepBandwidth * bandwidth, gint64 rtt);
guint64 lockstep_bandwidth_feedback (LockstepBandwidth * bandwidth,
    const LockstepBandwidthPacket * packets, guint n, gint64 now);
guint64 lockstep_bandwidth_tick (LockstepBandwidth * bandwidth, gint64 now);
gboolean lockstep_bandwidth_next_probe (LockstepBandwidth * bandwidth,
    gint64 now, LockstepProbe * probe);
LockstepBandwidthStats lockstep_bandwidth_stats (const LockstepBandwidth *
    bandwidth);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (LockstepBandwidth, lockstep_bandwidth_free);

G_END_DECLS
