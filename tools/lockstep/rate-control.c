/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Congestion control of one peer: what rtpsession knows from transport-wide feedback
 * goes to the bandwidth estimator, and the video's packets leave as it allows.
 *
 * webrtcbin 1.22.0 tells of feedback by an event, RTPTWCCPackets, that goes upstream
 * from the session's send_rtp_sink pad: a list of packets with the time they were
 * sent (local-ts) and arrived (remote-ts). */
#include "rate-control.h"

#include <gst/lockstep/pacer.h>
#include <gst/lockstep/rtxlimit.h>

/* Of IP, UDP and SRTP, on each packet. */
#define OVERHEAD (20 + 8 + 10)
/* No feedback message covers more: 2^16 sequence numbers, and far less in practice. */
#define MAX_PACKETS 4096
/* A packet never waits longer than this in the pacer, whatever the estimate. */
#define MAX_WAIT (GST_SECOND / 2)
/* What a packet that is sent again takes, about: of most of them the size is forgotten. */
#define RTX_BYTES (1200 + OVERHEAD)
/* Packets sent lately that a probe may send again. */
#define RECENT 64
#define PROBE_PACKETS 5
/* The event that makes rtprtxsend send a packet again, and what marks our own. */
#define RTX_REQUEST "GstRTPRetransmissionRequest"
#define OWN_REQUEST "lockstep-probe"

typedef struct
{
  guint32 ssrc;
  guint16 seqnum;
  guint bytes;
} Recent;

struct _RateControl
{
  gint refs;                    /* atomic: one for the owner, one for each probe */
  GMutex lock;
  GCond cond;
  gboolean stopped;
  gboolean heard;               /* feedback has come */
  LockstepBandwidth *bandwidth;
  LockstepPacer pacer;
  LockstepRtxLimit rtx;
  FecSender *fec;               /* NULL: none */
  gint64 rtt;                   /* ns; 0: not known */
  gint64 last_tick;
  gboolean sent;                /* since the last feedback */
  GstPad *session_pad;          /* the session's send_rtp_sink; NULL: not found yet */
  GstElement *webrtc;           /* not owned: outlives what is attached to it */
  Recent recent[RECENT];
  guint n_recent, next_recent;
  /* the probe under way: packets sent in this time belong to it */
  guint probe;
  gint64 probe_from, probe_to;
};

static gint64
now_ns (void)
{
  return g_get_monotonic_time () * 1000;
}

static RateControl *
control_ref (RateControl * control)
{
  g_atomic_int_inc (&control->refs);
  return control;
}

void
rate_control_unref (RateControl * control)
{
  if (!g_atomic_int_dec_and_test (&control->refs))
    return;
  gst_clear_object (&control->session_pad);
  lockstep_bandwidth_free (control->bandwidth);
  g_clear_pointer (&control->fec, fec_sender_free);
  g_mutex_clear (&control->lock);
  g_cond_clear (&control->cond);
  g_free (control);
}

/* One RTPTWCCPacket; FALSE where it says nothing. */
static gboolean
read_packet (RateControl * control, const GstStructure * s,
    LockstepBandwidthPacket * packet)
{
  guint64 local = 0, remote = 0;
  guint size = 0;
  gboolean lost = FALSE;

  if (!gst_structure_get (s, "local-ts", G_TYPE_UINT64, &local, NULL)
      || !gst_structure_get (s, "size", G_TYPE_UINT, &size, NULL)
      || !GST_CLOCK_TIME_IS_VALID (local) || local > G_MAXINT64 / 2)
    return FALSE;
  gst_structure_get (s, "lost", G_TYPE_BOOLEAN, &lost, NULL);
  gst_structure_get (s, "remote-ts", G_TYPE_UINT64, &remote, NULL);
  packet->sent = (gint64) local;
  packet->bytes = size + OVERHEAD;
  packet->arrival = lost || !GST_CLOCK_TIME_IS_VALID (remote)
      || remote > G_MAXINT64 / 2 ? LOCKSTEP_BANDWIDTH_LOST : (gint64) remote;
  packet->probe = control->probe != 0 && packet->sent >= control->probe_from
      && packet->sent <= control->probe_to ? control->probe : 0;
  return TRUE;
}

static void
take_feedback (RateControl * control, const GstStructure * s)
{
  const GValue *value = gst_structure_get_value (s, "packets");
  GValueArray *array;
  g_autofree LockstepBandwidthPacket *packets = NULL;
  guint n = 0;
  gint64 newest = 0;

  /* by its name: G_TYPE_VALUE_ARRAY is deprecated, and still what comes */
  if (value == NULL
      || g_strcmp0 (G_VALUE_TYPE_NAME (value), "GValueArray") != 0)
    return;
  array = g_value_get_boxed (value);
  if (array == NULL || array->n_values == 0)
    return;
  packets = g_new (LockstepBandwidthPacket, MIN (array->n_values, MAX_PACKETS));
  g_mutex_lock (&control->lock);
  for (guint i = 0; i < array->n_values && n < MAX_PACKETS; i++) {
    const GValue *item = &array->values[i];

    if (GST_VALUE_HOLDS_STRUCTURE (item)
        && read_packet (control, gst_value_get_structure (item), packets + n)) {
      newest = MAX (newest, packets[n].sent);
      n++;
    }
  }
  if (n > 0) {
    gint64 now = now_ns ();

    control->heard = TRUE;
    control->sent = FALSE;
    control->last_tick = now;
    /* the newest packet's way there and the message's way back: a little more than
     * the round trip, as the receiver gathers packets for a while */
    if (now > newest) {
      control->rtt = now - newest;
      lockstep_bandwidth_set_rtt (control->bandwidth, control->rtt);
    }
    lockstep_bandwidth_feedback (control->bandwidth, packets, n, now);
    if (control->fec != NULL) {
      LockstepBandwidthStats stats = lockstep_bandwidth_stats
          (control->bandwidth);

      fec_sender_feedback (control->fec, packets, n, control->rtt, &stats,
          &control->rtx, now);
    }
  }
  g_mutex_unlock (&control->lock);
}

/* Whether a packet is sent again that the peer asks for. After a path shrinks, its queue
 * is full and loses most packets; each is asked for again and again, and rtprtxsend would
 * send several times what the path carries, which keeps the queue full for seconds. */
static gboolean
may_send_again (RateControl * control, const GstStructure * s)
{
  LockstepBandwidthStats stats;
  guint seqnum = 0, ssrc = 0, probe;
  gint64 now = now_ns ();
  gboolean pass = TRUE;

  gst_structure_get (s, "seqnum", G_TYPE_UINT, &seqnum, "ssrc", G_TYPE_UINT,
      &ssrc, NULL);
  g_mutex_lock (&control->lock);
  if (control->heard) {
    stats = lockstep_bandwidth_stats (control->bandwidth);
    pass = lockstep_rtx_limit_pass (&control->rtx, ssrc, seqnum, RTX_BYTES,
        stats.target, control->rtt, now);
    /* what goes again, new packets wait for */
    if (pass && control->pacer.probe_left == 0)
      lockstep_pacer_schedule (&control->pacer, stats.pacing, RTX_BYTES, now,
          &probe);
  }
  g_mutex_unlock (&control->lock);
  return pass;
}

static GstPadProbeReturn
event_came_up (GstPad * pad, GstPadProbeInfo * info, gpointer user_data)
{
  const GstStructure *s =
      gst_event_get_structure (GST_PAD_PROBE_INFO_EVENT (info));

  if (s != NULL && gst_structure_has_name (s, RTX_REQUEST)
      && !gst_structure_has_field (s, OWN_REQUEST))
    return may_send_again (user_data, s) ? GST_PAD_PROBE_OK
        : GST_PAD_PROBE_DROP;
  if (s != NULL && gst_structure_has_name (s, "RTPTWCCPackets"))
    take_feedback (user_data, s);
  return GST_PAD_PROBE_OK;
}

/* The session's pad is there once the first stream is linked inside webrtcbin. */
static void
find_session (RateControl * control)
{
  g_autoptr (GstElement) rtpbin = NULL;
  g_autoptr (GstIterator) all = NULL;
  GValue item = G_VALUE_INIT;

  rtpbin = gst_bin_get_by_name (GST_BIN (control->webrtc), "rtpbin");
  if (rtpbin == NULL)
    return;
  all = gst_bin_iterate_elements (GST_BIN (rtpbin));
  while (control->session_pad == NULL
      && gst_iterator_next (all, &item) == GST_ITERATOR_OK) {
    GstElement *element = g_value_get_object (&item);

    if (g_str_has_prefix (GST_OBJECT_NAME (element), "rtpsession"))
      control->session_pad =
          gst_element_get_static_pad (element, "send_rtp_sink");
    g_value_unset (&item);
  }
  if (control->session_pad != NULL)
    gst_pad_add_probe (control->session_pad, GST_PAD_PROBE_TYPE_EVENT_UPSTREAM,
        event_came_up, control_ref (control),
        (GDestroyNotify) rate_control_unref);
}

/* When the pacer lets so many bytes go. Called with the lock, which it gives up while it
 * waits. */
static void
wait_for_pacer (RateControl * control, gsize bytes)
{
  gint64 now = now_ns (), at;
  guint probe;

  at = lockstep_pacer_schedule (&control->pacer,
      lockstep_bandwidth_stats (control->bandwidth).pacing, bytes, now, &probe);
  at = MIN (at, now + (gint64) MAX_WAIT);
  while (!control->stopped && now_ns () < at)
    g_cond_wait_until (&control->cond, &control->lock, at / 1000);
}

/* A probe is filled up with what was sent just now, as retransmissions: rtprtxsend
 * answers the same request that a NACK makes. The newest first: they are surely held
 * still. Called with the lock, which it gives up meanwhile. */
static void
send_again (RateControl * control, gsize bytes)
{
  g_autoptr (GstPad) pad = gst_object_ref (control->session_pad);
  guint n = control->n_recent;

  for (guint i = 0; i < n && bytes > 0 && !control->stopped; i++) {
    Recent recent = control->recent[(control->next_recent + RECENT - 1 - i)
        % RECENT];

    wait_for_pacer (control, recent.bytes);
    g_mutex_unlock (&control->lock);
    gst_pad_push_event (pad,
        gst_event_new_custom (GST_EVENT_CUSTOM_UPSTREAM,
            gst_structure_new (RTX_REQUEST,
                "seqnum", G_TYPE_UINT, (guint) recent.seqnum,
                "ssrc", G_TYPE_UINT, recent.ssrc,
                OWN_REQUEST, G_TYPE_BOOLEAN, TRUE, NULL)));
    g_mutex_lock (&control->lock);
    bytes -= MIN (bytes, recent.bytes);
  }
}

static void
note_sent (RateControl * control, GstBuffer * buffer, gsize bytes)
{
  Recent *recent = &control->recent[control->next_recent];
  guint8 head[12];

  if (gst_buffer_extract (buffer, 0, head, sizeof head) != sizeof head)
    return;
  recent->seqnum = GST_READ_UINT16_BE (head + 2);
  recent->ssrc = GST_READ_UINT32_BE (head + 8);
  recent->bytes = bytes;
  control->next_recent = (control->next_recent + 1) % RECENT;
  control->n_recent = MIN (control->n_recent + 1, RECENT);
}

/* Waits until the pacer lets @buffer go. A probe that is due is a train of packets
 * sent before, and goes ahead of it. */
static void
wait_turn (RateControl * control, GstBuffer * buffer)
{
  gsize bytes = gst_buffer_get_size (buffer) + OVERHEAD;
  LockstepProbe probe;

  g_mutex_lock (&control->lock);
  if (control->session_pad == NULL)
    find_session (control);
  control->sent = TRUE;
  if (control->heard && control->n_recent >= PROBE_PACKETS
      && lockstep_bandwidth_next_probe (control->bandwidth, now_ns (),
          &probe)) {
    control->probe = probe.id;
    control->probe_from = now_ns ();
    control->probe_to = G_MAXINT64;
    lockstep_pacer_probe (&control->pacer, probe.id, probe.rate, probe.bytes);
    send_again (control, probe.bytes);
    /* rtprtxsend's own thread may be a little behind */
    control->probe_to = now_ns () + (gint64) (2 * GST_MSECOND);
  }
  if (control->heard)
    wait_for_pacer (control, bytes);
  note_sent (control, buffer, bytes);
  g_mutex_unlock (&control->lock);
}

/* FEC packets wait their turn too; they cannot be sent again, nor help a probe. */
static GstFlowReturn
send_fec (RateControl * control, GstPad * peer, GstBufferList * list)
{
  GstFlowReturn flow = GST_FLOW_OK;

  for (guint i = 0; i < gst_buffer_list_length (list) && flow == GST_FLOW_OK;
      i++) {
    GstBuffer *buffer = gst_buffer_list_get (list, i);

    g_mutex_lock (&control->lock);
    if (control->heard)
      wait_for_pacer (control, gst_buffer_get_size (buffer) + OVERHEAD);
    g_mutex_unlock (&control->lock);
    flow = gst_pad_chain (peer, gst_buffer_ref (buffer));
  }
  gst_buffer_list_unref (list);
  return flow;
}

/* Takes @buffer. */
static GstFlowReturn
send_packet (RateControl * control, GstPad * peer, GstBuffer * buffer)
{
  GstBufferList *fec;
  GstFlowReturn flow;

  g_mutex_lock (&control->lock);
  fec = control->fec != NULL
      ? fec_sender_protect (control->fec, buffer, now_ns ()) : NULL;
  g_mutex_unlock (&control->lock);
  wait_turn (control, buffer);
  flow = gst_pad_chain (peer, buffer);
  if (fec == NULL)
    return flow;
  if (flow == GST_FLOW_OK)
    return send_fec (control, peer, fec);
  gst_buffer_list_unref (fec);
  return flow;
}

/* A frame comes as a list: its packets go on one by one. */
static GstPadProbeReturn
packets_leave (GstPad * pad, GstPadProbeInfo * info, gpointer user_data)
{
  RateControl *control = user_data;
  g_autoptr (GstPad) peer = gst_pad_get_peer (pad);
  GstFlowReturn flow = GST_FLOW_OK;

  if (peer == NULL)
    return GST_PAD_PROBE_OK;
  if (GST_PAD_PROBE_INFO_TYPE (info) & GST_PAD_PROBE_TYPE_BUFFER) {
    flow = send_packet (control, peer, GST_PAD_PROBE_INFO_BUFFER (info));
  } else {
    GstBufferList *list = GST_PAD_PROBE_INFO_BUFFER_LIST (info);

    for (guint i = 0; i < gst_buffer_list_length (list) && flow == GST_FLOW_OK;
        i++)
      flow = send_packet (control, peer,
          gst_buffer_ref (gst_buffer_list_get (list, i)));
    gst_buffer_list_unref (list);
  }
  GST_PAD_PROBE_INFO_FLOW_RETURN (info) = flow;
  return GST_PAD_PROBE_HANDLED;
}

RateControl *
rate_control_new (GstElement * webrtc, const LockstepBandwidthConfig * limits)
{
  RateControl *control = g_new0 (RateControl, 1);

  control->refs = 1;
  g_mutex_init (&control->lock);
  g_cond_init (&control->cond);
  control->webrtc = webrtc;
  control->bandwidth = lockstep_bandwidth_new (limits, now_ns ());
  return control;
}

void
rate_control_pace (RateControl * control, GstPad * pad)
{
  gst_pad_add_probe (pad,
      GST_PAD_PROBE_TYPE_BUFFER | GST_PAD_PROBE_TYPE_BUFFER_LIST,
      packets_leave, control_ref (control),
      (GDestroyNotify) rate_control_unref);
}

void
rate_control_protect (RateControl * control,
    const LockstepFlexfecConfig * config)
{
  g_mutex_lock (&control->lock);
  if (control->fec == NULL)
    control->fec = fec_sender_new (config);
  g_mutex_unlock (&control->lock);
}

gboolean
rate_control_fec_stats (RateControl * control, FecSenderStats * stats)
{
  gboolean any;

  g_mutex_lock (&control->lock);
  any = control->fec != NULL;
  if (any)
    *stats = fec_sender_stats (control->fec);
  g_mutex_unlock (&control->lock);
  return any;
}

void
rate_control_stop (RateControl * control)
{
  g_mutex_lock (&control->lock);
  control->stopped = TRUE;
  g_cond_broadcast (&control->cond);
  g_mutex_unlock (&control->lock);
}

guint64
rate_control_target (RateControl * control)
{
  guint64 target = 0;

  g_mutex_lock (&control->lock);
  if (control->heard)
    target = control->sent
        ? lockstep_bandwidth_tick (control->bandwidth, now_ns ())
        : lockstep_bandwidth_stats (control->bandwidth).target;
  if (control->fec != NULL)
    target = fec_sender_media_rate (control->fec, target);
  g_mutex_unlock (&control->lock);
  return target;
}

LockstepBandwidthStats
rate_control_stats (RateControl * control)
{
  LockstepBandwidthStats stats;

  g_mutex_lock (&control->lock);
  stats = lockstep_bandwidth_stats (control->bandwidth);
  g_mutex_unlock (&control->lock);
  return stats;
}
