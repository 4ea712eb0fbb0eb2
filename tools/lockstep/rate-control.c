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
/* Where what waits, or what was lost and is to be sent again, takes longer than this, a
 * key frame is there sooner: it takes some 200 ms of the rate. What waits of one gets
 * longer. */
#define GIVE_UP (400 * GST_MSECOND)
#define GIVE_UP_KEY (2 * GIVE_UP)
/* What was given up is asked for no more after this. */
#define FORGET (3 * GST_SECOND)
/* What was lost is sent again by then, or of no use any more. */
#define MISSED (1 * GST_SECOND)
/* What a packet that is sent again takes, about: of most of them the size is forgotten. */
#define PACKET 1200
#define RTX_BYTES (PACKET + OVERHEAD)
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

/* One pad whose packets are spaced. */
typedef struct
{
  RateControl *control;
  GstAppSrc *source;            /* not owned: where frames wait; NULL: nowhere */
  RateControlWantsKey wants_key;
  gpointer user_data;
  gboolean key;                 /* the frame that leaves is one */
  gsize rest;                   /* its bytes that have not left */
  gboolean skipping;            /* frames, until a key frame */
  gboolean asked;               /* for that */
  gboolean begun;               /* a packet has left */
  guint32 ssrc;
  gint64 given_up;              /* when, ns; 0: nothing is remembered of it */
  GstClockTime frame;           /* PTS of what leaves */
  GstClockTime unfinished;      /* PTS of what left then */
  gboolean have_fresh;
  guint16 fresh;                /* the first packet that is of use again */
} Paced;

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
  GPtrArray *paced;             /* Paced; complete before the first packet */
  gdouble missing;              /* bytes lost and not sent again */
  gint64 rtt;                   /* ns; 0: not known */
  gint64 fed;                   /* when feedback came last, ns */
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
  g_ptr_array_unref (control->paced);
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

/* Called without the lock. */
static void
ask_for_key (Paced * paced)
{
  gboolean asked = paced->wants_key (paced->user_data);

  g_mutex_lock (&paced->control->lock);
  paced->asked = asked;
  g_mutex_unlock (&paced->control->lock);
}

/* What leaves is left unfinished; what was sent of it and before is not sent again; what
 * waits is thrown away, up to a new key frame. */
static void
give_up (Paced * paced)
{
  g_mutex_lock (&paced->control->lock);
  paced->rest = 0;
  paced->given_up = now_ns ();
  paced->have_fresh = FALSE;
  paced->unfinished = paced->frame;
  paced->skipping = TRUE;
  paced->control->n_recent = 0;
  paced->control->missing = 0;
  g_mutex_unlock (&paced->control->lock);
  ask_for_key (paced);
}

/* Whether so much was lost that a key frame is there before it could all be sent again.
 * Called with the lock. */
static gboolean
missed_too_much (RateControl * control, const LockstepBandwidthPacket * packets,
    guint n, gint64 passed)
{
  guint64 target = lockstep_bandwidth_stats (control->bandwidth).target;

  control->missing *= MAX (1 - passed / (gdouble) MISSED, 0);
  for (guint i = 0; i < n; i++)
    if (packets[i].arrival == LOCKSTEP_BANDWIDTH_LOST && packets[i].probe == 0)
      control->missing += packets[i].bytes;
  return control->missing * 8 * GST_SECOND > (gdouble) GIVE_UP *target;
}

static void
take_feedback (RateControl * control, const GstStructure * s)
{
  const GValue *value = gst_structure_get_value (s, "packets");
  GValueArray *array;
  g_autofree LockstepBandwidthPacket *packets = NULL;
  guint n = 0;
  gint64 newest = 0;
  gboolean gives_up = FALSE;

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
    gint64 now = now_ns (), passed = now - control->fed;

    control->heard = TRUE;
    control->sent = FALSE;
    control->fed = now;
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
    gives_up = missed_too_much (control, packets, n, passed);
  }
  g_mutex_unlock (&control->lock);
  for (guint i = 0; gives_up && i < control->paced->len; i++)
    give_up (g_ptr_array_index (control->paced, i));
}

/* Whether a packet is of no use any more: a key frame comes after it. */
static gboolean
is_given_up (RateControl * control, guint ssrc, guint seqnum, gint64 now)
{
  for (guint i = 0; i < control->paced->len; i++) {
    const Paced *paced = g_ptr_array_index (control->paced, i);

    if (paced->given_up != 0 && paced->ssrc == ssrc
        && now - paced->given_up < (gint64) FORGET)
      return !paced->have_fresh || (gint16) (seqnum - paced->fresh) < 0;
  }
  return FALSE;
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
  gboolean pass;

  gst_structure_get (s, "seqnum", G_TYPE_UINT, &seqnum, "ssrc", G_TYPE_UINT,
      &ssrc, NULL);
  g_mutex_lock (&control->lock);
  stats = lockstep_bandwidth_stats (control->bandwidth);
  pass = !is_given_up (control, ssrc, seqnum, now)
      && lockstep_rtx_limit_pass (&control->rtx, ssrc, seqnum, RTX_BYTES,
      stats.target, control->rtt, now);
  if (pass)
    control->missing = MAX (control->missing - RTX_BYTES, 0);
  /* what goes again, new packets wait for */
  if (pass && control->heard && control->pacer.probe_left == 0)
    lockstep_pacer_schedule (&control->pacer, stats.pacing, RTX_BYTES, now,
        &probe);
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
note_sent (Paced * paced, GstBuffer * buffer, gsize bytes)
{
  RateControl *control = paced->control;
  Recent *recent = &control->recent[control->next_recent];
  guint8 head[12];

  if (gst_buffer_extract (buffer, 0, head, sizeof head) != sizeof head)
    return;
  recent->seqnum = GST_READ_UINT16_BE (head + 2);
  recent->ssrc = GST_READ_UINT32_BE (head + 8);
  recent->bytes = bytes;
  control->next_recent = (control->next_recent + 1) % RECENT;
  control->n_recent = MIN (control->n_recent + 1, RECENT);
  paced->begun = TRUE;
  paced->ssrc = recent->ssrc;
  if (paced->given_up != 0 && !paced->have_fresh
      && GST_BUFFER_PTS (buffer) != paced->unfinished) {
    paced->have_fresh = TRUE;
    paced->fresh = recent->seqnum;
  }
  paced->rest -= MIN (paced->rest, bytes);
}

/* Waits until the pacer lets @buffer go. A probe that is due is a train of packets
 * sent before, and goes ahead of it. Called with the lock, which it gives up while it
 * waits. */
static void
wait_turn (Paced * paced, GstBuffer * buffer)
{
  RateControl *control = paced->control;
  gsize bytes = gst_buffer_get_size (buffer) + OVERHEAD;
  LockstepProbe probe;

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
  note_sent (paced, buffer, bytes);
}

/* How long what waits takes, ns. Called with the lock. */
static gint64
backlog (RateControl * control)
{
  guint64 pacing = lockstep_bandwidth_stats (control->bandwidth).pacing;
  guint64 bytes = 0;

  for (guint i = 0; i < control->paced->len; i++) {
    const Paced *paced = g_ptr_array_index (control->paced, i);

    bytes += paced->rest;
    if (paced->source != NULL)
      bytes += gst_app_src_get_current_level_bytes (paced->source);
  }
  return (gint64) (bytes * 8.0 * GST_SECOND / MAX (pacing, 1))
      + MAX (control->pacer.next - now_ns (), 0);
}

/* Waits for a packet's turn. FALSE: the path carries so much less than it did that what
 * waits would hold up the picture for longer than a new key frame does; the rest of its
 * frame is not sent, and what went of it and before is not sent again. */
static gboolean
may_leave (Paced * paced, GstBuffer * buffer)
{
  RateControl *control = paced->control;
  gboolean gives_up;

  g_mutex_lock (&control->lock);
  /* a frame's parts may come one by one */
  if (paced->given_up != 0 && !paced->have_fresh
      && GST_BUFFER_PTS (buffer) == paced->unfinished) {
    g_mutex_unlock (&control->lock);
    return FALSE;
  }
  paced->frame = GST_BUFFER_PTS (buffer);
  gives_up = control->heard && paced->begun && !control->stopped
      && backlog (control) > (gint64) (paced->key ? GIVE_UP_KEY : GIVE_UP);
  if (!gives_up)
    wait_turn (paced, buffer);
  g_mutex_unlock (&control->lock);
  if (gives_up)
    give_up (paced);
  return !gives_up;
}

/* Frames on their way to the payloader. */
static GstPadProbeReturn
frame_comes (GstPad * pad, GstPadProbeInfo * info, gpointer user_data)
{
  Paced *paced = user_data;
  GstBuffer *frame = GST_PAD_PROBE_INFO_BUFFER (info);
  gsize bytes = gst_buffer_get_size (frame);
  gboolean skip, ask;

  g_mutex_lock (&paced->control->lock);
  paced->key = !GST_BUFFER_FLAG_IS_SET (frame, GST_BUFFER_FLAG_DELTA_UNIT);
  skip = paced->skipping && !paced->key;
  ask = skip && !paced->asked;
  if (!skip) {
    paced->skipping = FALSE;
    paced->rest = bytes + (bytes / PACKET + 1) * OVERHEAD;
  }
  g_mutex_unlock (&paced->control->lock);
  if (ask)
    ask_for_key (paced);
  return skip ? GST_PAD_PROBE_DROP : GST_PAD_PROBE_OK;
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

/* Takes @buffer; *@given_up where it was not sent, nor is what follows in its frame. */
static GstFlowReturn
send_packet (Paced * paced, GstPad * peer, GstBuffer * buffer,
    gboolean * given_up)
{
  RateControl *control = paced->control;
  GstBufferList *fec;
  GstFlowReturn flow;

  *given_up = !may_leave (paced, buffer);
  if (*given_up) {
    gst_buffer_unref (buffer);
    return GST_FLOW_OK;
  }
  g_mutex_lock (&control->lock);
  fec = control->fec != NULL
      ? fec_sender_protect (control->fec, buffer, now_ns ()) : NULL;
  g_mutex_unlock (&control->lock);
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
  Paced *paced = user_data;
  g_autoptr (GstPad) peer = gst_pad_get_peer (pad);
  GstFlowReturn flow = GST_FLOW_OK;
  gboolean given_up = FALSE;

  if (peer == NULL)
    return GST_PAD_PROBE_OK;
  if (GST_PAD_PROBE_INFO_TYPE (info) & GST_PAD_PROBE_TYPE_BUFFER) {
    flow = send_packet (paced, peer, GST_PAD_PROBE_INFO_BUFFER (info),
        &given_up);
  } else {
    GstBufferList *list = GST_PAD_PROBE_INFO_BUFFER_LIST (info);

    for (guint i = 0; i < gst_buffer_list_length (list) && flow == GST_FLOW_OK
        && !given_up; i++)
      flow = send_packet (paced, peer,
          gst_buffer_ref (gst_buffer_list_get (list, i)), &given_up);
    gst_buffer_list_unref (list);
  }
  GST_PAD_PROBE_INFO_FLOW_RETURN (info) = flow;
  return GST_PAD_PROBE_HANDLED;
}

static void
paced_gone (gpointer data)
{
  rate_control_unref (((Paced *) data)->control);
}

RateControl *
rate_control_new (GstElement * webrtc, const LockstepBandwidthConfig * limits)
{
  RateControl *control = g_new0 (RateControl, 1);

  control->refs = 1;
  g_mutex_init (&control->lock);
  g_cond_init (&control->cond);
  control->webrtc = webrtc;
  control->paced = g_ptr_array_new_with_free_func (g_free);
  control->bandwidth = lockstep_bandwidth_new (limits, now_ns ());
  return control;
}

void
rate_control_pace (RateControl * control, GstPad * pad, GstPad * frames,
    GstAppSrc * source, RateControlWantsKey wants_key, gpointer user_data)
{
  Paced *paced = g_new0 (Paced, 1);

  paced->control = control_ref (control);
  paced->source = source;
  paced->wants_key = wants_key;
  paced->user_data = user_data;
  g_mutex_lock (&control->lock);
  g_ptr_array_add (control->paced, paced);
  g_mutex_unlock (&control->lock);
  gst_pad_add_probe (pad,
      GST_PAD_PROBE_TYPE_BUFFER | GST_PAD_PROBE_TYPE_BUFFER_LIST,
      packets_leave, paced, paced_gone);
  control_ref (control);
  gst_pad_add_probe (frames, GST_PAD_PROBE_TYPE_BUFFER, frame_comes, paced,
      paced_gone);
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

gint64
rate_control_backlog (RateControl * control)
{
  gint64 wait;

  g_mutex_lock (&control->lock);
  wait = control->heard && !control->stopped ? backlog (control) : 0;
  g_mutex_unlock (&control->lock);
  return wait;
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
