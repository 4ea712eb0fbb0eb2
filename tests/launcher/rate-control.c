/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Tests of rate-control.c: two webrtcbins in one process over loopback, which carries
 * more than is ever asked of it. */
#define GST_USE_UNSTABLE_API
#include <gst/gst.h>
#include <gst/sdp/sdp.h>
#include <gst/webrtc/webrtc.h>

#include "rate-control.h"

#include "../common/webrtc-loopback.h"

#define TIMEOUT (60 * G_TIME_SPAN_SECOND)
#define RTP_CAPS "application/x-rtp,media=video,encoding-name=VP8,payload=96," \
    "clock-rate=90000,rtcp-fb-nack=true,rtcp-fb-nack-pli=true," \
    "rtcp-fb-transport-cc=true,extmap-3=(string)\"http://www.ietf.org/id/" \
    "draft-holmer-rmcat-transport-wide-cc-extensions-01\""

#define NO_FEEDBACK "application/x-rtp,media=video,encoding-name=VP8,payload=96," \
    "clock-rate=90000,rtcp-fb-nack=true,rtcp-fb-nack-pli=true"

typedef struct
{
  GstElement *pipelines[2], *webrtc[2]; /* sender, receiver */
  RateControl *control;
  GMutex lock;
  GCond cond;
  gboolean negotiate;
  guint received;
  guint n_given_up;
  guint n_again;                /* requests that came through to rtprtxsend */
  guint32 ssrc;                 /* of what was sent last */
  guint16 seqnum;
  const char *caps;
} Peers;

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

static GstPadProbeReturn
count (GstPad * pad, GstPadProbeInfo * info, gpointer data)
{
  Peers *p = data;

  g_mutex_lock (&p->lock);
  p->received++;
  g_mutex_unlock (&p->lock);
  return GST_PAD_PROBE_OK;
}

static gboolean
gave_up (gpointer data)
{
  Peers *p = data;

  g_mutex_lock (&p->lock);
  p->n_given_up++;
  g_mutex_unlock (&p->lock);
  return TRUE;
}

static GstPadProbeReturn
note_sent (GstPad * pad, GstPadProbeInfo * info, gpointer data)
{
  Peers *p = data;
  guint8 head[12];

  gst_buffer_extract (GST_PAD_PROBE_INFO_BUFFER (info), 0, head, sizeof head);
  g_mutex_lock (&p->lock);
  p->seqnum = GST_READ_UINT16_BE (head + 2);
  p->ssrc = GST_READ_UINT32_BE (head + 8);
  g_mutex_unlock (&p->lock);
  return GST_PAD_PROBE_OK;
}

static GstPadProbeReturn
count_again (GstPad * pad, GstPadProbeInfo * info, gpointer data)
{
  const GstStructure *s =
      gst_event_get_structure (GST_PAD_PROBE_INFO_EVENT (info));
  Peers *p = data;

  if (s != NULL && gst_structure_has_name (s, "GstRTPRetransmissionRequest")
      && !gst_structure_has_field (s, "lockstep-probe")) {
    g_mutex_lock (&p->lock);
    p->n_again++;
    g_mutex_unlock (&p->lock);
  }
  return GST_PAD_PROBE_OK;
}

/* The session's pad, where its feedback comes up; what gets past it is counted. */
static GstPad *
watch_session (Peers * p)
{
  g_autoptr (GstElement) rtpbin =
      gst_bin_get_by_name (GST_BIN (p->webrtc[0]), "rtpbin");
  g_autoptr (GstIterator) all = gst_bin_iterate_elements (GST_BIN (rtpbin));
  g_auto (GValue) item = G_VALUE_INIT;
  GstPad *pad = NULL;
  g_autoptr (GstPad) peer = NULL;

  while (pad == NULL && gst_iterator_next (all, &item) == GST_ITERATOR_OK) {
    GstElement *element = g_value_get_object (&item);

    if (g_str_has_prefix (GST_OBJECT_NAME (element), "rtpsession"))
      pad = gst_element_get_static_pad (element, "send_rtp_sink");
    g_value_reset (&item);
  }
  g_assert_nonnull (pad);
  peer = gst_pad_get_peer (pad);
  gst_pad_add_probe (peer, GST_PAD_PROBE_TYPE_EVENT_UPSTREAM, count_again, p,
      NULL);
  return pad;
}

/* As the session does for a NACK. */
static void
ask_again (GstPad * pad, guint32 ssrc, guint16 seqnum)
{
  gst_pad_push_event (pad, gst_event_new_custom (GST_EVENT_CUSTOM_UPSTREAM,
          gst_structure_new ("GstRTPRetransmissionRequest",
              "seqnum", G_TYPE_UINT, (guint) seqnum,
              "ssrc", G_TYPE_UINT, ssrc, NULL)));
}

G_GNUC_BEGIN_IGNORE_DEPRECATIONS
/* As the session does for feedback that tells of @n packets lost. */
    static void
tell_lost (GstPad * pad, guint n)
{
  GValueArray *packets = g_value_array_new (n);
  GstStructure *s = gst_structure_new_empty ("RTPTWCCPackets");
  GValue list = G_VALUE_INIT;

  for (guint i = 0; i < n; i++) {
    GValue item = G_VALUE_INIT;

    g_value_init (&item, GST_TYPE_STRUCTURE);
    g_value_take_boxed (&item, gst_structure_new ("RTPTWCCPacket",
            "seqnum", G_TYPE_UINT, i, "local-ts", G_TYPE_UINT64,
            (guint64) g_get_monotonic_time () * 1000, "size", G_TYPE_UINT,
            1200, "lost", G_TYPE_BOOLEAN, TRUE, NULL));
    g_value_array_append (packets, &item);
    g_value_unset (&item);
  }
  g_value_init (&list, g_value_array_get_type ());
  g_value_take_boxed (&list, packets);
  gst_structure_take_value (s, "packets", &list);
  gst_pad_push_event (pad, gst_event_new_custom (GST_EVENT_CUSTOM_UPSTREAM, s));
}

G_GNUC_END_IGNORE_DEPRECATIONS static void
on_pad_added (GstElement * webrtc, GstPad * pad, Peers * p)
{
  g_autoptr (GstPad) sinkpad = NULL;
  GstElement *sink;

  if (GST_PAD_DIRECTION (pad) != GST_PAD_SRC)
    return;
  sink = gst_element_factory_make ("fakesink", NULL);
  g_object_set (sink, "async", FALSE, "sync", FALSE, NULL);
  gst_bin_add (GST_BIN (p->pipelines[1]), sink);
  gst_element_sync_state_with_parent (sink);
  sinkpad = gst_element_get_static_pad (sink, "sink");
  gst_pad_add_probe (sinkpad, GST_PAD_PROBE_TYPE_BUFFER, count, p, NULL);
  g_assert_cmpint (gst_pad_link (pad, sinkpad), ==, GST_PAD_LINK_OK);
}

/* The answer gets header extensions from here only. */
static void
on_transceiver (GstElement * webrtc, GstWebRTCRTPTransceiver * transceiver,
    Peers * p)
{
  g_autoptr (GstCaps) caps = gst_caps_from_string (p->caps);

  g_object_set (transceiver, "codec-preferences", caps, "do-nack", TRUE, NULL);
}

static GstWebRTCSessionDescription *
create (GstElement * webrtc, const char *signal, const char *field)
{
  g_autoptr (GstPromise) promise = gst_promise_new ();
  GstWebRTCSessionDescription *description = NULL;

  g_signal_emit_by_name (webrtc, signal, NULL, promise);
  g_assert_cmpint (gst_promise_wait (promise), ==, GST_PROMISE_RESULT_REPLIED);
  g_assert_true (gst_structure_get (gst_promise_get_reply (promise), field,
          GST_TYPE_WEBRTC_SESSION_DESCRIPTION, &description, NULL));
  return description;
}

static void
set_description (GstElement * webrtc, const char *signal,
    GstWebRTCSessionDescription * description)
{
  g_autoptr (GstPromise) promise = gst_promise_new ();

  g_signal_emit_by_name (webrtc, signal, description, promise);
  g_assert_cmpint (gst_promise_wait (promise), ==, GST_PROMISE_RESULT_REPLIED);
}

static void
negotiate (Peers * p)
{
  GstWebRTCSessionDescription *offer, *answer;

  g_mutex_lock (&p->lock);
  while (!p->negotiate)
    g_cond_wait (&p->cond, &p->lock);
  g_mutex_unlock (&p->lock);
  offer = create (p->webrtc[0], "create-offer", "offer");
  set_description (p->webrtc[0], "set-local-description", offer);
  set_description (p->webrtc[1], "set-remote-description", offer);
  answer = create (p->webrtc[1], "create-answer", "answer");
  set_description (p->webrtc[1], "set-local-description", answer);
  set_description (p->webrtc[0], "set-remote-description", answer);
  gst_webrtc_session_description_free (offer);
  gst_webrtc_session_description_free (answer);
}

static void
connect (Peers * p, const char *caps, const LockstepBandwidthConfig * limits)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GstElement) filter = NULL;
  g_autoptr (GstPad) pad = NULL;
  g_autoptr (GstPad) peer = NULL;
  g_autoptr (GstElement) pay = NULL;
  g_autoptr (GstPad) frames = NULL;
  GArray *transceivers = NULL;

  *p = (Peers) {
  .caps = caps};
  g_mutex_init (&p->lock);
  g_cond_init (&p->cond);
  p->pipelines[0] = gst_parse_launch ("webrtcbin name=w "
      "bundle-policy=max-bundle videotestsrc is-live=true pattern=snow ! "
      "video/x-raw,width=320,height=240,framerate=30/1 ! "
      "vp8enc deadline=1 target-bitrate=800000 keyframe-max-dist=30 ! "
      "rtpvp8pay name=pay pt=96 mtu=1000 picture-id-mode=15-bit ! "
      "capsfilter name=f caps=application/x-rtp ! w.", &error);
  g_assert_no_error (error);
  p->pipelines[1] = gst_pipeline_new (NULL);
  p->webrtc[0] = gst_bin_get_by_name (GST_BIN (p->pipelines[0]), "w");
  p->webrtc[1] = gst_element_factory_make ("webrtcbin", "w");
  g_object_set (p->webrtc[1], "bundle-policy",
      GST_WEBRTC_BUNDLE_POLICY_MAX_BUNDLE, NULL);
  gst_bin_add (GST_BIN (p->pipelines[1]), gst_object_ref (p->webrtc[1]));
  filter = gst_bin_get_by_name (GST_BIN (p->pipelines[0]), "f");
  gst_util_set_object_arg (G_OBJECT (filter), "caps", caps);
  for (guint i = 0; i < 2; i++) {
    use_loopback (p->webrtc[i]);
    g_signal_connect (p->webrtc[i], "on-ice-candidate",
        G_CALLBACK (on_candidate), p->webrtc[1 - i]);
  }
  g_signal_emit_by_name (p->webrtc[0], "get-transceivers", &transceivers);
  for (guint i = 0; i < transceivers->len; i++)
    g_object_set (g_array_index (transceivers, GObject *, i), "do-nack", TRUE,
        NULL);
  g_array_unref (transceivers);
  g_signal_connect (p->webrtc[0], "on-negotiation-needed",
      G_CALLBACK (on_negotiation_needed), p);
  g_signal_connect (p->webrtc[1], "on-new-transceiver",
      G_CALLBACK (on_transceiver), p);
  g_signal_connect (p->webrtc[1], "pad-added", G_CALLBACK (on_pad_added), p);

  p->control = rate_control_new (p->webrtc[0], limits);
  pad = gst_element_get_static_pad (filter, "src");
  pay = gst_bin_get_by_name (GST_BIN (p->pipelines[0]), "pay");
  frames = gst_element_get_static_pad (pay, "sink");
  rate_control_pace (p->control, pad, frames, NULL, gave_up, p);
  peer = gst_pad_get_peer (pad);
  gst_pad_add_probe (peer, GST_PAD_PROBE_TYPE_BUFFER, note_sent, p, NULL);
  g_assert_cmpuint (rate_control_target (p->control), ==, 0);
  for (guint i = 0; i < 2; i++)
    g_assert_cmpint (gst_element_set_state (p->pipelines[i],
            GST_STATE_PLAYING), !=, GST_STATE_CHANGE_FAILURE);
  negotiate (p);
}

static void
disconnect (Peers * p)
{
  rate_control_stop (p->control);
  for (guint i = 0; i < 2; i++) {
    gst_element_set_state (p->pipelines[i], GST_STATE_NULL);
    gst_object_unref (p->webrtc[i]);
    gst_object_unref (p->pipelines[i]);
  }
  rate_control_unref (p->control);
  g_mutex_clear (&p->lock);
  g_cond_clear (&p->cond);
}

static void
test_probes_find_what_media_alone_would_not (void)
{
  static const LockstepBandwidthConfig limits = { 100000, 600000, 4000000 };
  gint64 end = g_get_monotonic_time () + TIMEOUT;
  LockstepBandwidthStats stats;
  Peers p;

  connect (&p, RTP_CAPS, &limits);
  /* 800 kbit/s of media alone would prove 1.2 Mbit/s */
  while (rate_control_target (p.control) < limits.max * 9 / 10) {
    g_assert_cmpint (g_get_monotonic_time (), <, end);
    g_usleep (50 * 1000);
  }
  stats = rate_control_stats (p.control);
  g_assert_cmpuint (stats.acknowledged, >, 200000);
  g_assert_cmpuint (stats.target, <=, limits.max);
  g_mutex_lock (&p.lock);
  g_assert_cmpuint (p.received, >, 50);
  g_mutex_unlock (&p.lock);
  disconnect (&p);
}

static guint
get (Peers * p, const guint * what)
{
  guint value;

  g_mutex_lock (&p->lock);
  value = *what;
  g_mutex_unlock (&p->lock);
  return value;
}

static void
wait_for (Peers * p, const guint * what, guint least)
{
  gint64 end = g_get_monotonic_time () + TIMEOUT;

  while (get (p, what) < least) {
    g_assert_cmpint (g_get_monotonic_time (), <, end);
    g_usleep (20 * 1000);
  }
}

/* A peer whose feedback never comes asks for everything that there was. */
static void
test_bounds_what_goes_again_from_the_start (void)
{
  static const LockstepBandwidthConfig limits = { 100000, 600000, 4000000 };
  g_autoptr (GstPad) pad = NULL;
  guint passed;
  Peers p;

  connect (&p, NO_FEEDBACK, &limits);
  wait_for (&p, &p.received, 20);
  g_assert_cmpuint (rate_control_target (p.control), ==, 0);
  pad = watch_session (&p);
  for (guint i = 0; i < 4000; i++)
    ask_again (pad, p.ssrc, i);
  passed = get (&p, &p.n_again);
  /* a quarter of a second's worth, and 30 a second */
  g_assert_cmpuint (passed, >=, 10);
  g_assert_cmpuint (passed, <, 1000);
  disconnect (&p);
}

/* 800 kbit/s of frames leave at 250: the encoder can know. */
static void
test_tells_what_waits (void)
{
  static const LockstepBandwidthConfig limits = { 100000, 100000, 100000 };
  gint64 end = g_get_monotonic_time () + TIMEOUT;
  Peers p;

  connect (&p, RTP_CAPS, &limits);
  while (rate_control_backlog (p.control) < (gint64) (30 * GST_MSECOND)) {
    g_assert_cmpint (g_get_monotonic_time (), <, end);
    g_usleep (5 * 1000);
  }
  disconnect (&p);
}

/* Frames that wait for longer than a key frame takes are given up. */
static void
test_gives_up_what_waits (void)
{
  static const LockstepBandwidthConfig limits = { 10000, 10000, 10000 };
  Peers p;

  connect (&p, RTP_CAPS, &limits);
  wait_for (&p, &p.n_given_up, 3);
  disconnect (&p);
}

/* So much is lost that a key frame is there before it could be sent again: what was sent
 * before is not. */
static void
test_gives_up_what_was_lost (void)
{
  static const LockstepBandwidthConfig limits = { 100000, 600000, 1000000 };
  gint64 end = g_get_monotonic_time () + TIMEOUT;
  g_autoptr (GstPad) pad = NULL;
  guint16 seqnum;
  guint n;
  Peers p;

  connect (&p, RTP_CAPS, &limits);
  while (rate_control_target (p.control) == 0) {
    g_assert_cmpint (g_get_monotonic_time (), <, end);
    g_usleep (50 * 1000);
  }
  wait_for (&p, &p.received, 100);
  pad = watch_session (&p);
  do {
    g_assert_cmpint (g_get_monotonic_time (), <, end);
    g_usleep (20 * 1000);
    g_mutex_lock (&p.lock);
    seqnum = p.seqnum;
    g_mutex_unlock (&p.lock);
    ask_again (pad, p.ssrc, seqnum);
  } while (get (&p, &p.n_again) == 0);
  /* 100 of them are 0.8 s at the greatest rate; what a probe loses does not count */
  n = get (&p, &p.n_given_up);
  while (get (&p, &p.n_given_up) == n) {
    g_assert_cmpint (g_get_monotonic_time (), <, end);
    tell_lost (pad, 100);
    g_usleep (20 * 1000);
  }
  n = get (&p, &p.n_again);
  for (guint i = 1; i < 19; i++)
    ask_again (pad, p.ssrc, seqnum - i);
  g_assert_cmpuint (get (&p, &p.n_again), ==, n);
  disconnect (&p);
}

static void
test_stops_while_packets_wait (void)
{
  static const LockstepBandwidthConfig limits = { 10000, 10000, 10000 };
  gint64 end = g_get_monotonic_time () + TIMEOUT;
  Peers p;

  connect (&p, RTP_CAPS, &limits);
  while (rate_control_target (p.control) == 0) {
    g_assert_cmpint (g_get_monotonic_time (), <, end);
    g_usleep (50 * 1000);
  }
  /* 800 kbit/s through 25: packets wait now, and it ends nevertheless */
  g_usleep (300 * 1000);
  disconnect (&p);
}

int
main (int argc, char **argv)
{
  gst_init (&argc, &argv);
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/rate-control/probes",
      test_probes_find_what_media_alone_would_not);
  g_test_add_func ("/rate-control/again-bounded",
      test_bounds_what_goes_again_from_the_start);
  g_test_add_func ("/rate-control/waits", test_tells_what_waits);
  g_test_add_func ("/rate-control/gives-up-waiting", test_gives_up_what_waits);
  g_test_add_func ("/rate-control/gives-up-lost", test_gives_up_what_was_lost);
  g_test_add_func ("/rate-control/stop", test_stops_while_packets_wait);
  return g_test_run ();
}
