/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* latencybuffer in rtpjitterbuffer's place inside webrtcbin: two peers in one process
 * over loopback. A warning of GLib or GObject fails a test, as webrtcbin sets
 * properties on the buffer without asking whether it has them. Nothing here sleeps for a result: each wait ends when the thing has
 * happened, or fails after a bound. */
#define GST_USE_UNSTABLE_API
#include <gst/gst.h>
#include <gst/rtp/gstrtpbuffer.h>
#include <gst/sdp/sdp.h>
#include <gst/webrtc/webrtc.h>

#include "../common/webrtc-loopback.h"

#define TIMEOUT (60 * G_TIME_SPAN_SECOND)
#define TWCC "extmap-3=(string)\"http://www.ietf.org/id/" \
    "draft-holmer-rmcat-transport-wide-cc-extensions-01\""
#define NEWEST "queue leaky=downstream max-size-buffers=2 max-size-time=0 " \
    "max-size-bytes=0 ! "
#define AUDIO_LATENCY 60
#define VIDEO_LATENCY 300
#define VIDEO_CAPS "application/x-rtp,media=video,encoding-name=VP8,payload=96," \
    "clock-rate=90000,rtcp-fb-nack=true,rtcp-fb-nack-pli=true," \
    "rtcp-fb-transport-cc=true," TWCC
#define AUDIO_CAPS "application/x-rtp,media=audio,encoding-name=OPUS,payload=97," \
    "clock-rate=48000,encoding-params=(string)2," TWCC

typedef struct
{
  guint drop_every;             /* of the video packets; 0: none */
  gboolean nack, fec;
  guint video_latency;          /* ms */
} PeersConfig;

typedef struct
{
  GstElement *send, *receive;   /* pipelines */
  GstElement *webrtc[2];        /* sender, receiver */
  GstElement *bin;              /* the receiver's rtpbin */
  GMutex lock;
  GCond cond;
  GPtrArray *buffers;           /* latencybuffers made */
  gboolean negotiate;
  guint received[2];            /* packets out: audio, video */
  guint lists;                  /* as buffer lists */
  guint early;                  /* out before their time */
  guint unmarked;               /* without arrival */
  guint sent, dropped;          /* video, first transmissions */
  PeersConfig config;
} Peers;

/* What an application owes its pipelines: without a latency rtpsession does not know when
 * a packet is heard, and sends reports that say so. */
static void
distribute_latency (Peers * p)
{
  GstElement *const pipelines[] = { p->send, p->receive };

  for (guint i = 0; i < G_N_ELEMENTS (pipelines); i++) {
    g_autoptr (GstBus) bus = gst_element_get_bus (pipelines[i]);
    GstMessage *message = gst_bus_pop_filtered (bus, GST_MESSAGE_LATENCY);

    if (message == NULL)
      continue;
    do {
      gst_message_unref (message);
      message = gst_bus_pop_filtered (bus, GST_MESSAGE_LATENCY);
    } while (message != NULL);
    gst_bin_recalculate_latency (GST_BIN (pipelines[i]));
  }
}

static void
wait_for (Peers * p, gboolean (*reached) (Peers * p))
{
  gint64 end = g_get_monotonic_time () + TIMEOUT;

  g_mutex_lock (&p->lock);
  while (!reached (p)) {
    gint64 now = g_get_monotonic_time ();

    g_assert_cmpint (now, <, end);
    g_cond_wait_until (&p->cond, &p->lock, now + 20 * G_TIME_SPAN_MILLISECOND);
    g_mutex_unlock (&p->lock);
    distribute_latency (p);
    g_mutex_lock (&p->lock);
  }
  g_mutex_unlock (&p->lock);
}

/* --- the buffers --- */

static GstPadProbeReturn
check_release (GstPad * pad, GstPadProbeInfo * info, gpointer data)
{
  Peers *p = data;
  GstElement *element = gst_pad_get_parent_element (pad);
  gboolean list =
      (GST_PAD_PROBE_INFO_TYPE (info) & GST_PAD_PROBE_TYPE_BUFFER_LIST) != 0;
  GstBufferList *buffers = list ? GST_PAD_PROBE_INFO_BUFFER_LIST (info) : NULL;
  guint n = list ? gst_buffer_list_length (buffers) : 1, latency;
  g_autoptr (GstCaps) arrival =
      gst_caps_from_string ("timestamp/x-lockstep-arrival");
  GstClock *clock = gst_element_get_clock (element);
  GstClockTime now = gst_clock_get_time (clock) -
      gst_element_get_base_time (element);

  g_object_get (element, "latency", &latency, NULL);
  g_mutex_lock (&p->lock);
  p->lists += list;
  p->received[latency != AUDIO_LATENCY] += n;
  for (guint i = 0; i < n; i++) {
    GstBuffer *buffer = list ? gst_buffer_list_get (buffers, i) :
        GST_PAD_PROBE_INFO_BUFFER (info);

    p->early += now < GST_BUFFER_PTS (buffer) + latency * GST_MSECOND;
    p->unmarked +=
        gst_buffer_get_reference_timestamp_meta (buffer, arrival) == NULL;
  }
  g_cond_signal (&p->cond);
  g_mutex_unlock (&p->lock);
  gst_object_unref (clock);
  gst_object_unref (element);
  return GST_PAD_PROBE_OK;
}

/* webrtcbin keeps packets for its own latency property and 50 ms: too short to make
 * up for a packet that is lost only after a longer bound, or while the base still
 * slews to a path that is shorter than that of the first packets. */
static void
keep_longer (GstElement * rtpbin, GstElement * storage, guint session,
    Peers * p)
{
  g_object_set (storage, "size-time",
      (p->config.video_latency + 500) * (guint64) GST_MSECOND, NULL);
}

static GstElement *
make_buffer (GstElement * rtpbin, guint session, Peers * p)
{
  GstElement *buffer = gst_element_factory_make ("latencybuffer", NULL);
  GstPad *pad = gst_element_get_static_pad (buffer, "src");

  gst_pad_add_probe (pad,
      GST_PAD_PROBE_TYPE_BUFFER | GST_PAD_PROBE_TYPE_BUFFER_LIST,
      check_release, p, NULL);
  gst_object_unref (pad);
  g_mutex_lock (&p->lock);
  g_ptr_array_add (p->buffers, gst_object_ref (buffer));
  g_mutex_unlock (&p->lock);
  return buffer;
}

/* rtpbin has set its own latency by now: each medium gets its bound. */
static void
set_bound (GstElement * rtpbin, GstElement * buffer, guint session,
    guint ssrc, Peers * p)
{
  GstCaps *caps = NULL;
  GObject *internal = NULL, *source = NULL;
  gboolean video = FALSE;

  g_assert_cmpstr (GST_OBJECT_NAME (gst_element_get_factory (buffer)), ==,
      "latencybuffer");
  g_signal_emit_by_name (rtpbin, "get-internal-session", session, &internal);
  g_signal_emit_by_name (internal, "get-source-by-ssrc", ssrc, &source);
  g_signal_emit_by_name (rtpbin, "request-pt-map", session, 96, &caps);
  gst_clear_caps (&caps);
  if (source != NULL) {
    GstStructure *stats = NULL;
    int rate = 0;

    g_object_get (source, "stats", &stats, NULL);
    gst_structure_get_int (stats, "clock-rate", &rate);
    video = rate == 90000;
    gst_structure_free (stats);
    g_object_unref (source);
  }
  g_object_unref (internal);
  g_object_set (buffer, "latency", video ? p->config.video_latency :
      AUDIO_LATENCY, NULL);
}

/* Whether it is a video packet's first transmission; with FEC it is wrapped as RED
 * (RFC 2198), whose first byte is the payload type within. */
static gboolean
is_video (GstBuffer * buffer)
{
  GstRTPBuffer rtp = GST_RTP_BUFFER_INIT;
  guint8 pt, *payload;

  if (!gst_rtp_buffer_map (buffer, GST_MAP_READ, &rtp))
    return FALSE;
  pt = gst_rtp_buffer_get_payload_type (&rtp);
  payload = gst_rtp_buffer_get_payload (&rtp);
  if (pt != 96 && gst_rtp_buffer_get_payload_len (&rtp) > 0)
    pt = payload[0];
  gst_rtp_buffer_unmap (&rtp);
  return pt == 96;
}

/* Loses video packets on their way, but never what makes up for them. */
static GstPadProbeReturn
lose_some (GstPad * pad, GstPadProbeInfo * info, gpointer data)
{
  Peers *p = data;
  gboolean drop = FALSE;

  if (!is_video (GST_PAD_PROBE_INFO_BUFFER (info)))
    return GST_PAD_PROBE_OK;
  g_mutex_lock (&p->lock);
  p->sent++;
  /* not while the connection begins: what gets lost then was lost by others */
  drop = p->config.drop_every > 0 && p->received[1] > 100
      && p->sent % p->config.drop_every == 0;
  p->dropped += drop;
  g_mutex_unlock (&p->lock);
  return drop ? GST_PAD_PROBE_DROP : GST_PAD_PROBE_OK;
}

/* What is made before the connection stands is not sent, and an encoder that a busy machine holds up
 * leaves out what it has no time for (NEWEST): a sender that saves up and then makes up for it runs its
 * media faster than the time, and tests/gst/playout.c has what a buffer makes of that. */
static GstPadProbeReturn
drop_until_connected (GstPad * pad, GstPadProbeInfo * info, gpointer data)
{
  Peers *p = data;
  GstWebRTCPeerConnectionState state;

  g_object_get (p->webrtc[0], "connection-state", &state, NULL);
  return state == GST_WEBRTC_PEER_CONNECTION_STATE_CONNECTED ?
      GST_PAD_PROBE_REMOVE : GST_PAD_PROBE_DROP;
}

static gboolean
add_drop (GstElement * webrtc, GstPad * pad, gpointer data)
{
  gst_pad_add_probe (pad, GST_PAD_PROBE_TYPE_BUFFER |
      GST_PAD_PROBE_TYPE_BUFFER_LIST, drop_until_connected, data, NULL);
  return TRUE;
}

/* --- the session --- */

static void
on_negotiation_needed (GstElement * webrtc, Peers * p)
{
  g_mutex_lock (&p->lock);
  p->negotiate = TRUE;
  g_cond_signal (&p->cond);
  g_mutex_unlock (&p->lock);
}

static void
on_candidate (GstElement * webrtc, guint mline, const char *candidate,
    GstElement * other)
{
  g_signal_emit_by_name (other, "add-ice-candidate", mline, candidate);
}

static void
on_pad_added (GstElement * webrtc, GstPad * pad, Peers * p)
{
  GstElement *sink;
  GstPad *sinkpad;

  if (GST_PAD_DIRECTION (pad) != GST_PAD_SRC)
    return;
  sink = gst_element_factory_make ("fakesink", NULL);
  g_object_set (sink, "async", FALSE, "sync", FALSE, NULL);
  gst_bin_add (GST_BIN (p->receive), sink);
  gst_element_sync_state_with_parent (sink);
  sinkpad = gst_element_get_static_pad (sink, "sink");
  g_assert_cmpint (gst_pad_link (pad, sinkpad), ==, GST_PAD_LINK_OK);
  gst_object_unref (sinkpad);
}

/* What makes up for losses. Only of the picture, as in browsers; but webrtcbin 1.22.0
 * takes the first transceiver's do-nack for every stream of a bundle. */
static void
protect (GstWebRTCRTPTransceiver * transceiver, gboolean video, Peers * p)
{
  g_object_set (transceiver, "do-nack", p->config.nack, NULL);
  if (p->config.fec && video)
    g_object_set (transceiver, "fec-type", GST_WEBRTC_FEC_TYPE_ULP_RED,
        "fec-percentage", 100, NULL);
}

/* The answer gets header extensions from here only. */
static void
on_transceiver (GstElement * webrtc, GstWebRTCRTPTransceiver * transceiver,
    Peers * p)
{
  GstWebRTCKind kind;
  GstCaps *caps;

  g_object_get (transceiver, "kind", &kind, NULL);
  caps = gst_caps_from_string (kind == GST_WEBRTC_KIND_AUDIO ? AUDIO_CAPS :
      VIDEO_CAPS);
  g_object_set (transceiver, "codec-preferences", caps, NULL);
  gst_caps_unref (caps);
  protect (transceiver, kind == GST_WEBRTC_KIND_VIDEO, p);
}

static GstPromise *
wait_promise (GstPromise * promise)
{
  g_assert_cmpint (gst_promise_wait (promise), ==, GST_PROMISE_RESULT_REPLIED);
  return promise;
}

static GstWebRTCSessionDescription *
create (GstElement * webrtc, const char *signal, const char *field)
{
  GstPromise *promise = gst_promise_new ();
  GstWebRTCSessionDescription *description = NULL;

  g_signal_emit_by_name (webrtc, signal, NULL, promise);
  wait_promise (promise);
  g_assert_true (gst_structure_get (gst_promise_get_reply (promise), field,
          GST_TYPE_WEBRTC_SESSION_DESCRIPTION, &description, NULL));
  gst_promise_unref (promise);
  return description;
}

static void
set_description (GstElement * webrtc, const char *signal,
    GstWebRTCSessionDescription * description)
{
  GstPromise *promise = gst_promise_new ();

  g_signal_emit_by_name (webrtc, signal, description, promise);
  gst_promise_unref (wait_promise (promise));
}

static gboolean
wants_to_negotiate (Peers * p)
{
  return p->negotiate;
}

static void
negotiate (Peers * p)
{
  GstWebRTCSessionDescription *offer, *answer;
  g_autofree char *text = NULL;

  wait_for (p, wants_to_negotiate);
  offer = create (p->webrtc[0], "create-offer", "offer");
  set_description (p->webrtc[0], "set-local-description", offer);
  set_description (p->webrtc[1], "set-remote-description", offer);
  answer = create (p->webrtc[1], "create-answer", "answer");
  text = gst_sdp_message_as_text (answer->sdp);
  g_assert_nonnull (strstr (text, "transport-wide-cc"));
  set_description (p->webrtc[1], "set-local-description", answer);
  set_description (p->webrtc[0], "set-remote-description", answer);
  gst_webrtc_session_description_free (offer);
  gst_webrtc_session_description_free (answer);
}

static void
on_sender_pad (GstElement * rtpbin, GstPad * pad, Peers * p)
{
  if (g_str_has_prefix (GST_PAD_NAME (pad), "send_rtp_src"))
    gst_pad_add_probe (pad, GST_PAD_PROBE_TYPE_BUFFER, lose_some, p, NULL);
}

static void
protect_all (Peers * p)
{
  GArray *transceivers = NULL;

  g_signal_emit_by_name (p->webrtc[0], "get-transceivers", &transceivers);
  for (guint i = 0; i < transceivers->len; i++) {
    /* of a sender, its kind is not known before it has made an offer */
    protect (g_array_index (transceivers, GstWebRTCRTPTransceiver *, i),
        i > 0, p);
  }
  g_array_unref (transceivers);
}

/* rtpsession gives RTCP 5 % of a rate that it does not know yet, so that NACKs wait for
 * most of a second; see tools/lockstep/webrtc-end.c. */
static void
give_rtcp_bandwidth (GstBin * rtpbin, GstElement * element, Peers * p)
{
  GObject *session = NULL;

  if (!g_str_has_prefix (GST_OBJECT_NAME (element), "rtpsession"))
    return;
  g_object_get (element, "internal-session", &session, NULL);
  g_object_set (session, "rtcp-fraction", 200000.0, NULL);
  g_object_unref (session);
}

static void
connect (Peers * p, const PeersConfig * config)
{
  GError *error = NULL;
  GstElement *rtpbin;

  memset (p, 0, sizeof (*p));
  g_mutex_init (&p->lock);
  g_cond_init (&p->cond);
  p->buffers = g_ptr_array_new_with_free_func (gst_object_unref);
  p->config = *config;

  p->send = gst_parse_launch ("webrtcbin name=w bundle-policy=max-bundle "
      "audiotestsrc is-live=true ! " NEWEST "opusenc ! rtpopuspay pt=97 ! "
      AUDIO_CAPS " ! w. "
      "videotestsrc is-live=true pattern=snow ! "
      "video/x-raw,width=320,height=240,framerate=30/1 ! " NEWEST
      "vp8enc deadline=1 target-bitrate=1000000 keyframe-max-dist=30 ! "
      "rtpvp8pay pt=96 mtu=1000 picture-id-mode=15-bit ! " VIDEO_CAPS
      " ! w.", &error);
  g_assert_no_error (error);
  p->receive = gst_parse_launch ("webrtcbin name=w bundle-policy=max-bundle",
      &error);
  g_assert_no_error (error);
  if (!GST_IS_PIPELINE (p->receive)) {
    GstElement *webrtc = p->receive;

    p->receive = gst_pipeline_new (NULL);
    gst_bin_add (GST_BIN (p->receive), webrtc);
  }
  p->webrtc[0] = gst_bin_get_by_name (GST_BIN (p->send), "w");
  p->webrtc[1] = gst_bin_get_by_name (GST_BIN (p->receive), "w");
  for (guint i = 0; i < 2; i++) {
    use_loopback (p->webrtc[i]);
    g_signal_connect (p->webrtc[i], "on-ice-candidate",
        G_CALLBACK (on_candidate), p->webrtc[1 - i]);
  }
  protect_all (p);
  gst_element_foreach_sink_pad (p->webrtc[0], add_drop, p);
  g_signal_connect (p->webrtc[0], "on-negotiation-needed",
      G_CALLBACK (on_negotiation_needed), p);
  g_signal_connect (p->webrtc[1], "on-new-transceiver",
      G_CALLBACK (on_transceiver), p);
  g_signal_connect (p->webrtc[1], "pad-added", G_CALLBACK (on_pad_added), p);

  rtpbin = gst_bin_get_by_name (GST_BIN (p->webrtc[0]), "rtpbin");
  g_signal_connect (rtpbin, "pad-added", G_CALLBACK (on_sender_pad), p);
  gst_object_unref (rtpbin);
  p->bin = gst_bin_get_by_name (GST_BIN (p->webrtc[1]), "rtpbin");
  g_signal_connect (p->bin, "element-added", G_CALLBACK (give_rtcp_bandwidth),
      p);
  g_signal_connect (p->bin, "new-storage", G_CALLBACK (keep_longer), p);
  g_signal_connect (p->bin, "request-jitterbuffer", G_CALLBACK (make_buffer),
      p);
  g_signal_connect (p->bin, "new-jitterbuffer", G_CALLBACK (set_bound), p);

  g_assert_cmpint (gst_element_set_state (p->receive, GST_STATE_PLAYING), !=,
      GST_STATE_CHANGE_FAILURE);
  g_assert_cmpint (gst_element_set_state (p->send, GST_STATE_PLAYING), !=,
      GST_STATE_CHANGE_FAILURE);
  negotiate (p);
}

static void
disconnect (Peers * p)
{
  gst_element_set_state (p->send, GST_STATE_NULL);
  gst_element_set_state (p->receive, GST_STATE_NULL);
  gst_object_unref (p->webrtc[0]);
  gst_object_unref (p->webrtc[1]);
  gst_object_unref (p->bin);
  g_ptr_array_unref (p->buffers);
  gst_object_unref (p->send);
  gst_object_unref (p->receive);
  g_mutex_clear (&p->lock);
  g_cond_clear (&p->cond);
}

static guint64
sum (Peers * p, const char *field)
{
  guint64 total = 0;

  for (guint i = 0; i < p->buffers->len; i++) {
    GstStructure *s = NULL;
    guint64 value = 0;

    g_object_get (g_ptr_array_index (p->buffers, i), "stats", &s, NULL);
    g_assert_true (gst_structure_get_uint64 (s, field, &value));
    gst_structure_free (s);
    total += value;
  }
  return total;
}

static gboolean
both_flow (Peers * p)
{
  return p->received[0] >= 100 && p->received[1] >= 150;
}

/* What was lost on the way has come again. */
static gboolean
losses_are_made_up_for (Peers * p)
{
  return sum (p, "rtx-success-count") >= p->dropped * 9 / 10;
}

/* The sender has been told how its packets arrived. */
static gboolean
feedback_came (Peers * p)
{
  GstElement *rtpbin = gst_bin_get_by_name (GST_BIN (p->webrtc[0]), "rtpbin");
  GObject *session = NULL;
  GstStructure *stats = NULL;
  guint received = 0;

  g_signal_emit_by_name (rtpbin, "get-session", 0, &session);
  gst_object_unref (rtpbin);
  if (session == NULL)
    return FALSE;
  g_object_get (session, "twcc-stats", &stats, NULL);
  g_object_unref (session);
  if (stats == NULL)
    return FALSE;
  gst_structure_get_uint (stats, "packets-recv", &received);
  gst_structure_free (stats);
  return received > 0;
}

static gboolean
sender_reports_came (Peers * p)
{
  for (guint i = 0; i < p->buffers->len; i++) {
    gint64 offset = 0;

    g_object_get (g_ptr_array_index (p->buffers, i), "ts-offset", &offset,
        NULL);
    if (offset != 0)
      return TRUE;
  }
  return FALSE;
}

static gboolean
have_plugins (void)
{
  static const char *const needed[] = { "webrtcbin", "nicesink", "dtlsenc",
    "srtpenc", "vp8enc", "opusenc", "rtpvp8pay", "rtprtxreceive",
    "rtpulpfecdec", "rtpreddec", "rtpstorage"
  };

  for (guint i = 0; i < G_N_ELEMENTS (needed); i++) {
    GstElementFactory *factory = gst_element_factory_find (needed[i]);

    if (factory == NULL) {
      g_test_skip (needed[i]);
      return FALSE;
    }
    gst_object_unref (factory);
  }
  return TRUE;
}

static const PeersConfig plain = {.nack = TRUE,.video_latency = VIDEO_LATENCY };

static void
test_flow (void)
{
  Peers p;

  if (!have_plugins ())
    return;
  connect (&p, &plain);
  wait_for (&p, both_flow);
  wait_for (&p, feedback_came);
  g_mutex_lock (&p.lock);
  g_assert_cmpuint (p.buffers->len, ==, 2);
  g_assert_cmpuint (p.lists, >, 0);
  g_assert_cmpuint (p.early, ==, 0);
  g_assert_cmpuint (p.unmarked, ==, 0);
  g_mutex_unlock (&p.lock);
  g_assert_cmpuint (sum (&p, "num-resets"), ==, 0);
  g_assert_cmpuint (sum (&p, "num-invalid"), ==, 0);
  disconnect (&p);
}

static void
stop_dropping (Peers * p)
{
  g_mutex_lock (&p->lock);
  p->config.drop_every = 0;
  g_mutex_unlock (&p->lock);
}

static gboolean
enough_dropped (Peers * p)
{
  return p->dropped >= 40;
}

static void
test_retransmission (void)
{
  /* a bound that a busy machine's threads keep: what is late beyond it is lost, too */
  const PeersConfig config = {.nack = TRUE,.drop_every = 25,.video_latency =
        2000
  };
  Peers p;

  if (!have_plugins ())
    return;
  connect (&p, &config);
  wait_for (&p, enough_dropped);
  stop_dropping (&p);
  wait_for (&p, losses_are_made_up_for);
  wait_for (&p, feedback_came);
  g_test_message ("%u of %u dropped, %" G_GUINT64_FORMAT " asked for, %"
      G_GUINT64_FORMAT " came, %" G_GUINT64_FORMAT " lost, round trip %"
      G_GUINT64_FORMAT " ms", p.dropped, p.sent, sum (&p, "rtx-count"),
      sum (&p, "rtx-success-count"), sum (&p, "num-lost"),
      sum (&p, "rtx-rtt") / GST_MSECOND);
  g_assert_cmpuint (sum (&p, "rtx-rtt"), >, 0);
  disconnect (&p);
}

/* rtpulpfecdec recovers a packet when the buffer says that it is lost, out of what
 * rtpstorage has kept so long. */
static guint
recovered (Peers * p)
{
  GstIterator *it = gst_bin_iterate_recurse (GST_BIN (p->bin));
  GValue item = G_VALUE_INIT;
  guint total = 0;

  while (gst_iterator_next (it, &item) == GST_ITERATOR_OK) {
    GstElement *element = g_value_get_object (&item);
    guint n = 0;

    if (gst_element_get_factory (element) != NULL
        && g_str_equal (GST_OBJECT_NAME (gst_element_get_factory (element)),
            "rtpulpfecdec"))
      g_object_get (element, "recovered", &n, NULL);
    total += n;
    g_value_reset (&item);
  }
  g_value_unset (&item);
  gst_iterator_free (it);
  return total;
}

static gboolean
losses_are_recovered (Peers * p)
{
  /* where two packets that one FEC packet protects are lost, one stays so */
  return recovered (p) >= p->dropped * 9 / 10;
}

/* Forward error correction alone: no packet is asked for again. */
static void
test_fec (void)
{
  const PeersConfig config = {.fec = TRUE,.drop_every = 25,.video_latency =
        VIDEO_LATENCY
  };
  Peers p;

  if (!have_plugins ())
    return;
  connect (&p, &config);
  wait_for (&p, enough_dropped);
  stop_dropping (&p);
  wait_for (&p, losses_are_recovered);
  wait_for (&p, feedback_came);
  g_assert_cmpuint (sum (&p, "rtx-count"), ==, 0);
  disconnect (&p);
}

/* rtpbin places streams by handle-sync; the offset it asks for arrives here. */
static void
test_sender_reports (void)
{
  Peers p;

  if (!have_plugins ())
    return;
  connect (&p, &plain);
  g_object_set (p.bin, "min-ts-offset", (guint64) 1, NULL);
  wait_for (&p, sender_reports_came);
  disconnect (&p);
}

int
main (int argc, char **argv)
{
  gst_init (&argc, &argv);
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/latencybuffer/webrtc/flow", test_flow);
  g_test_add_func ("/latencybuffer/webrtc/retransmission", test_retransmission);
  g_test_add_func ("/latencybuffer/webrtc/fec", test_fec);
  g_test_add_func ("/latencybuffer/webrtc/sender-reports", test_sender_reports);
  return g_test_run ();
}
