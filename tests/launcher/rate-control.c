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

typedef struct
{
  GstElement *pipelines[2], *webrtc[2]; /* sender, receiver */
  RateControl *control;
  GMutex lock;
  GCond cond;
  gboolean negotiate;
  guint received;
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

static void
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
  g_autoptr (GstCaps) caps = gst_caps_from_string (RTP_CAPS);

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
connect (Peers * p, const LockstepBandwidthConfig * limits)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GstElement) filter = NULL;
  g_autoptr (GstPad) pad = NULL;
  GArray *transceivers = NULL;

  *p = (Peers) {
  0};
  g_mutex_init (&p->lock);
  g_cond_init (&p->cond);
  p->pipelines[0] = gst_parse_launch ("webrtcbin name=w "
      "bundle-policy=max-bundle videotestsrc is-live=true pattern=snow ! "
      "video/x-raw,width=320,height=240,framerate=30/1 ! "
      "vp8enc deadline=1 target-bitrate=800000 keyframe-max-dist=30 ! "
      "rtpvp8pay pt=96 mtu=1000 picture-id-mode=15-bit ! "
      "capsfilter name=f caps=application/x-rtp ! w.", &error);
  g_assert_no_error (error);
  p->pipelines[1] = gst_pipeline_new (NULL);
  p->webrtc[0] = gst_bin_get_by_name (GST_BIN (p->pipelines[0]), "w");
  p->webrtc[1] = gst_element_factory_make ("webrtcbin", "w");
  g_object_set (p->webrtc[1], "bundle-policy",
      GST_WEBRTC_BUNDLE_POLICY_MAX_BUNDLE, NULL);
  gst_bin_add (GST_BIN (p->pipelines[1]), gst_object_ref (p->webrtc[1]));
  filter = gst_bin_get_by_name (GST_BIN (p->pipelines[0]), "f");
  gst_util_set_object_arg (G_OBJECT (filter), "caps", RTP_CAPS);
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
  rate_control_pace (p->control, pad);
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

  connect (&p, &limits);
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

static void
test_stops_while_packets_wait (void)
{
  static const LockstepBandwidthConfig limits = { 10000, 10000, 10000 };
  gint64 end = g_get_monotonic_time () + TIMEOUT;
  Peers p;

  connect (&p, &limits);
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
  g_test_add_func ("/rate-control/stop", test_stops_while_packets_wait);
  return g_test_run ();
}
