/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* FEC goes in a stream of its own (FlexFEC), into webrtcbin with the packets that it
 * protects: so nothing of it concerns webrtcbin. Its own, RED and ULPFEC, would not do: FEC
 * packets have numbers among those of the stream there, and a receiver of H.264, which
 * has no picture numbers, waits for one that is lost as for any other, a round trip;
 * and rtpredenc 1.22.0 gives transport-wide numbers the extension id 1, whatever was agreed
 * on, so that there would be no feedback. */
#include "fec-sender.h"

#include <gst/lockstep/fecplan.h>

#include <math.h>

#define SECOND G_GINT64_CONSTANT (1000000000)
#define MS (SECOND / 1000)
/* How long a picture may wait for a packet. Nobody tells: this is what a viewer of
 * something live does not mind. */
#define RECEIVER_WAITS (150 * MS)
#define LONG_QUEUE (100 * MS)
/* A time so long that key frames do not show, in which the media's rate is counted. */
#define RATE_S 3.0

struct _FecSender
{
  LockstepFlexfec *flexfec;
  LockstepFecPlan plan;
  LockstepFecLevel level;
  LockstepLossMeter loss, again;
  guint64 n_rtx, n_again;       /* as of the last feedback */
  gdouble rtt;                  /* smoothed, ns; 0: not known */
  gdouble media;                /* bytes, fading */
  gint64 counted;               /* when, ns */
  gint64 since;
  gboolean knows_delta;         /* the payloader marks what is of no key frame */
  GstClockTime key;             /* PTS of the last key frame */
  FecSenderStats stats;
};

FecSender *
fec_sender_new (const LockstepFlexfecConfig * config)
{
  FecSender *fec = g_new0 (FecSender, 1);

  fec->flexfec = lockstep_flexfec_new (config);
  return fec;
}

void
fec_sender_free (FecSender * fec)
{
  lockstep_flexfec_free (fec->flexfec);
  g_free (fec);
}

static void
count_losses (FecSender * fec, const LockstepBandwidthPacket * packets,
    guint n, const LockstepRtxLimit * rtx, gint64 now)
{
  gboolean was_lost = FALSE;
  guint lost = 0, runs = 0, sent_again, once_more;

  for (guint i = 0; i < n; i++) {
    gboolean is_lost = packets[i].arrival == LOCKSTEP_BANDWIDTH_LOST;

    lost += is_lost;
    runs += is_lost && !was_lost;
    was_lost = is_lost;
  }
  lockstep_loss_meter_add (&fec->loss, n, lost, runs, now);
  sent_again = rtx->n_passed - fec->n_rtx;
  once_more = MIN (rtx->n_again - fec->n_again, sent_again);
  fec->n_rtx = rtx->n_passed;
  fec->n_again = rtx->n_again;
  lockstep_loss_meter_add (&fec->again, sent_again, once_more, once_more, now);
}

static guint64
media_rate (const FecSender * fec, gint64 now)
{
  const gdouble span = fec->since == 0 ? 0 : (now - fec->since) / 1e9;

  /* what a count that fades reaches after so short a time */
  return span < 0.5 ? 0 : fec->media * 8 / (RATE_S * (1 - exp (-span /
              RATE_S)));
}

void
fec_sender_feedback (FecSender * fec, const LockstepBandwidthPacket * packets,
    guint n, gint64 rtt, const LockstepBandwidthStats * path,
    const LockstepRtxLimit * rtx, gint64 now)
{
  LockstepFecPath seen = {
    .wait = RECEIVER_WAITS,.queued = path->queue > LONG_QUEUE,
    .target = path->target,.media = media_rate (fec, now)
  };

  count_losses (fec, packets, n, rtx, now);
  if (rtt > 0)
    fec->rtt = fec->rtt == 0 ? rtt : fec->rtt + (rtt - fec->rtt) / 8;
  seen.loss = lockstep_loss_meter_loss (&fec->loss);
  seen.burst = lockstep_loss_meter_burst (&fec->loss);
  seen.rtt = fec->rtt;
  seen.rtx_in_time = 1 - lockstep_loss_meter_loss (&fec->again);
  fec->level = lockstep_fec_plan_update (&fec->plan, &seen, now);
}

guint64
fec_sender_media_rate (FecSender * fec, guint64 target)
{
  return lockstep_fec_media_rate (&fec->level, target);
}

static void
count_media (FecSender * fec, gsize bytes, gint64 now)
{
  if (fec->since == 0)
    fec->since = now;
  else if (now > fec->counted)
    fec->media *= exp (-(now - fec->counted) / (RATE_S * SECOND));
  fec->counted = now;
  fec->media += bytes;
}

GstBufferList *
fec_sender_protect (FecSender * fec, GstBuffer * packet, gint64 now)
{
  const gboolean delta =
      GST_BUFFER_FLAG_IS_SET (packet, GST_BUFFER_FLAG_DELTA_UNIT);
  GstBufferList *list = NULL;
  GstMapInfo map;
  GBytes *bytes;

  fec->knows_delta |= delta;
  /* of a key frame, payloaders leave only the first packet without the mark */
  if (!delta)
    fec->key = GST_BUFFER_PTS (packet);
  count_media (fec, gst_buffer_get_size (packet), now);
  if (!gst_buffer_map (packet, &map, GST_MAP_READ))
    return NULL;
  lockstep_flexfec_add (fec->flexfec, map.data, map.size,
      fec->knows_delta && GST_BUFFER_PTS (packet) == fec->key
      ? fec->level.key : fec->level.delta);
  gst_buffer_unmap (packet, &map);
  while ((bytes = lockstep_flexfec_next (fec->flexfec)) != NULL) {
    GstBuffer *buffer = gst_buffer_new_wrapped_bytes (bytes);

    gst_buffer_copy_into (buffer, packet, GST_BUFFER_COPY_TIMESTAMPS, 0, -1);
    if (list == NULL)
      list = gst_buffer_list_new ();
    gst_buffer_list_add (list, buffer);
    fec->stats.packets++;
    fec->stats.bytes += g_bytes_get_size (bytes);
    g_bytes_unref (bytes);
  }
  return list;
}

FecSenderStats
fec_sender_stats (const FecSender * fec)
{
  FecSenderStats stats = fec->stats;

  stats.percent = fec->level.delta;
  return stats;
}
