/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* One receiving peer: frames come in through bounded queues (viewer-branch.c), and are sent
 * by a webrtcbin that holds its own packets for retransmission. Nothing here can hold up
 * the encoder or another viewer: frames are handed over without waiting, and closing is
 * done by a thread. */
#include "viewer-private.h"
#include "webrtc-setup.h"

#define GST_USE_UNSTABLE_API
#include <gst/webrtc/webrtc.h>

static gint n_closing;          /* atomic */

static void
frame_came (StreamsTrack track, GstSample * frame, gboolean key,
    gpointer user_data)
{
  Viewer *viewer = user_data;

  if (g_atomic_int_get (&viewer->open))
    viewer_branch_take (&viewer->branches[track], frame, key);
}

static gboolean
bus_message (GstBus * bus, GstMessage * message, gpointer user_data)
{
  Viewer *viewer = user_data;
  g_autoptr (GError) error = NULL;
  g_autofree char *text = NULL;

  switch (GST_MESSAGE_TYPE (message)) {
    case GST_MESSAGE_ERROR:
      gst_message_parse_error (message, &error, NULL);
      text = g_strdup_printf ("%s: %s", GST_OBJECT_NAME (message->src),
          error->message);
      viewer->bus_watch = 0;
      viewer->callbacks.lost (viewer, text, viewer->user_data);
      return G_SOURCE_REMOVE;
    case GST_MESSAGE_LATENCY:
      gst_bin_recalculate_latency (GST_BIN (viewer->pipeline));
      break;
    default:
      break;
  }
  return G_SOURCE_CONTINUE;
}

/* webrtc-end's callbacks */

static void
described (const char *sdp, gpointer user_data)
{
  Viewer *viewer = user_data;
  g_autofree char *offer = NULL;

  if (viewer->is_call && viewer->ssrc != 0)
    offer = lockstep_offer_add_fec (sdp, viewer->ssrc, viewer->fec.ssrc,
        &viewer->offered_fec);
  viewer->callbacks.described (viewer, offer != NULL ? offer : sdp,
      viewer->user_data);
}

static void
refused (guint status, const char *why, gpointer user_data)
{
  Viewer *viewer = user_data;

  viewer->callbacks.refused (viewer, status, why, viewer->user_data);
}

static void
connected (gpointer user_data)
{
  Viewer *viewer = user_data;

  if (g_atomic_int_compare_and_exchange (&viewer->open, FALSE, TRUE)) {
    for (guint i = STREAMS_VIDEO; i < STREAMS_N_TRACKS; i++)
      if (viewer->branches[i].source != NULL)
        streams_want_key (viewer->streams, (StreamsTrack) i);
    viewer->callbacks.connected (viewer, viewer->user_data);
  }
}

static void
lost (const char *why, gpointer user_data)
{
  Viewer *viewer = user_data;

  viewer->callbacks.lost (viewer, why, viewer->user_data);
}

static void
candidate (const char *text, gpointer user_data)
{
  Viewer *viewer = user_data;

  if (viewer->callbacks.candidate != NULL)
    viewer->callbacks.candidate (viewer, text, viewer->user_data);
}

static void
text_came (const char *text, gpointer user_data)
{
  Viewer *viewer = user_data;

  viewer->callbacks.text (viewer, text, viewer->user_data);
}

static void
signal_came (const char *label, GBytes * data, gpointer user_data)
{
  Viewer *viewer = user_data;

  if (viewer->callbacks.signal != NULL)
    viewer->callbacks.signal (viewer, label, data, viewer->user_data);
}

static const WebrtcEndCallbacks end_callbacks = {
  NULL, described, refused, connected, lost, candidate, text_came, signal_came
};

Viewer *
viewer_new (GstElement * main, Streams * streams, StreamsTrack picture,
    const WebrtcEndConfig * config, const LockstepBandwidthConfig * limits,
    LockstepOffer * offer, const GArray * layers,
    const ViewerCallbacks * callbacks, gpointer user_data, GError ** error)
{
  g_autoptr (LockstepOffer) own = offer;
  g_autoptr (GstClock) clock = gst_element_get_clock (main);
  g_autoptr (GstBus) bus = NULL;
  Viewer *viewer = g_new0 (Viewer, 1);

  g_mutex_init (&viewer->lock);
  viewer->streams = streams;
  viewer->picture = picture;
  viewer->is_call = offer == NULL;
  viewer->offered_fec = -1;
  viewer->callbacks = *callbacks;
  viewer->user_data = user_data;
  viewer->pipeline = gst_object_ref_sink (gst_pipeline_new (NULL));
  viewer->arrivals = arrivals_new (viewer->pipeline);
  bus = gst_element_get_bus (viewer->pipeline);
  viewer->bus_watch = gst_bus_add_watch (bus, bus_message, viewer);
  if (clock != NULL)
    gst_pipeline_use_clock (GST_PIPELINE (viewer->pipeline), clock);
  gst_element_set_base_time (viewer->pipeline,
      gst_element_get_base_time (main));
  gst_element_set_start_time (viewer->pipeline, GST_CLOCK_TIME_NONE);

  viewer->webrtc = viewer_make (GST_BIN (viewer->pipeline), "webrtcbin", error);
  if (viewer->webrtc == NULL) {
    viewer_free (viewer);
    return NULL;
  }
  g_object_set (viewer->webrtc, "bundle-policy",
      GST_WEBRTC_BUNDLE_POLICY_MAX_BUNDLE, NULL);
  if (limits != NULL)
    viewer->control = rate_control_new (viewer->webrtc, limits);
  gst_element_set_state (viewer->pipeline, GST_STATE_READY);
  viewer->end = webrtc_end_new (viewer->webrtc, config, &end_callbacks, viewer);
  if (!viewer_add_branches (viewer, own, layers, error)) {
    viewer_free (viewer);
    return NULL;
  }
  webrtc_setup_clock_rates (viewer->webrtc, viewer->audio_ssrc);
  gst_element_set_state (viewer->pipeline, GST_STATE_PLAYING);
  viewer->receiver = streams_add (streams, frame_came, viewer);
  if (own != NULL)
    webrtc_end_accept (viewer->end, g_steal_pointer (&own));
  else
    webrtc_end_call (viewer->end);
  return viewer;
}

/* Closing */

static gpointer
close_pipeline (gpointer data)
{
  GstElement *pipeline = data;

  gst_element_set_state (pipeline, GST_STATE_NULL);
  gst_object_unref (pipeline);
  g_atomic_int_add (&n_closing, -1);
  return NULL;
}

/* What callbacks of the pipeline's threads refer to: freed with its last element. */
static void
free_remains (gpointer data)
{
  Viewer *viewer = data;

  for (guint i = 0; i < G_N_ELEMENTS (viewer->branches); i++)
    g_clear_object (&viewer->branches[i].source);
  g_clear_pointer (&viewer->arrivals, arrivals_unref);
  g_clear_pointer (&viewer->control, rate_control_unref);
  g_mutex_clear (&viewer->lock);
  g_free (viewer);
}

void
viewer_free (Viewer * viewer)
{
  GstElement *pipeline = viewer->pipeline;

  g_atomic_int_set (&viewer->open, FALSE);
  if (viewer->control != NULL)
    rate_control_stop (viewer->control);
  if (viewer->receiver != 0)
    streams_remove (viewer->streams, viewer->receiver);
  g_clear_handle_id (&viewer->bus_watch, g_source_remove);
  if (viewer->end != NULL)
    webrtc_end_close (g_steal_pointer (&viewer->end));
  g_object_set_data_full (G_OBJECT (pipeline), "lockstep-viewer", viewer,
      free_remains);
  g_atomic_int_inc (&n_closing);
  g_thread_unref (g_thread_new ("close", close_pipeline, pipeline));
}

guint
viewer_count_closing (void)
{
  return g_atomic_int_get (&n_closing);
}

gboolean
viewer_renew (Viewer * viewer, LockstepOffer * offer, GError ** error)
{
  const LockstepOffer *before = webrtc_end_get_offer (viewer->end);

  /* the sources stay; where other sections are offered, it is refused anyway */
  for (guint i = 0; before != NULL && i < before->media->len
      && i < offer->media->len; i++) {
    const LockstepOfferMedia *from = g_ptr_array_index (before->media, i);
    LockstepOfferMedia *to = g_ptr_array_index (offer->media, i);

    to->ssrc = from->ssrc;
    to->fec_ssrc = from->fec_ssrc;
  }
  return webrtc_end_renew (viewer->end, offer, error);
}

void
viewer_set_answer (Viewer * viewer, const char *sdp)
{
  g_autofree char *answer = NULL;
  gboolean taken = FALSE;

  if (viewer->offered_fec >= 0)
    answer = lockstep_answer_take_fec (sdp, viewer->offered_fec, &taken);
  if (taken) {
    viewer->fec.payload = viewer->offered_fec;
    rate_control_protect (viewer->control, &viewer->fec);
  }
  webrtc_end_set_answer (viewer->end, answer != NULL ? answer : sdp);
}

gboolean
viewer_send_text (Viewer * viewer, const char *text)
{
  return webrtc_end_send_text (viewer->end, text);
}

gboolean
viewer_send_signal (Viewer * viewer, const char *label, GBytes * data,
    gboolean binary)
{
  return webrtc_end_send_signal (viewer->end, label, data, binary);
}

void
viewer_add_candidates (Viewer * viewer, LockstepTrickle * trickle)
{
  webrtc_end_add_candidates (viewer->end, trickle);
}

void
viewer_add_candidate (Viewer * viewer, guint mline, const char *candidate)
{
  g_autofree char *checked =
      candidate != NULL ? lockstep_candidate_check (candidate) : NULL;

  if (checked != NULL)
    g_signal_emit_by_name (viewer->webrtc, "add-ice-candidate", mline, checked);
}

const LockstepOffer *
viewer_get_offer (Viewer * viewer)
{
  return webrtc_end_get_offer (viewer->end);
}

gint64
viewer_idle_us (Viewer * viewer)
{
  return arrivals_idle_us (viewer->arrivals);
}

/* Figures */

guint64
viewer_target (Viewer * viewer)
{
  return viewer->control != NULL ? rate_control_target (viewer->control) : 0;
}

gint64
viewer_backlog (Viewer * viewer)
{
  return viewer->control != NULL ? rate_control_backlog (viewer->control) : 0;
}

static void
add_path (RateControl * control, JsonObject * to)
{
  LockstepBandwidthStats stats = rate_control_stats (control);
  FecSenderStats fec;

  json_object_set_int_member (to, "target", stats.target);
  json_object_set_int_member (to, "acknowledged", stats.acknowledged);
  json_object_set_double_member (to, "queue_ms", stats.queue / 1e6);
  json_object_set_double_member (to, "loss", stats.loss);
  if (rate_control_fec_stats (control, &fec)) {
    json_object_set_int_member (to, "fec_percent", fec.percent);
    json_object_set_int_member (to, "fec_packets", fec.packets);
    json_object_set_int_member (to, "fec_octets", fec.bytes);
  }
}

static void
add_source (const GstStructure * source, JsonObject * to, gint64 * octets)
{
  gboolean internal = FALSE, have_rb = FALSE;
  guint64 sent = 0;
  guint nack = 0, pli = 0, fir = 0, rtt = 0;
  int lost = 0;

  gst_structure_get (source, "internal", G_TYPE_BOOLEAN, &internal, NULL);
  if (!internal)
    return;
  gst_structure_get (source, "octets-sent", G_TYPE_UINT64, &sent, NULL);
  gst_structure_get (source, "recv-nack-count", G_TYPE_UINT, &nack,
      "recv-pli-count", G_TYPE_UINT, &pli, "recv-fir-count", G_TYPE_UINT,
      &fir, NULL);
  *octets += sent;
  json_object_set_int_member (to, "nack",
      json_object_get_int_member_with_default (to, "nack", 0) + nack);
  json_object_set_int_member (to, "pli",
      json_object_get_int_member_with_default (to, "pli", 0) + pli + fir);
  if (gst_structure_get (source, "have-rb", G_TYPE_BOOLEAN, &have_rb,
          "rb-packetslost", G_TYPE_INT, &lost, "rb-round-trip", G_TYPE_UINT,
          &rtt, NULL) && have_rb) {
    json_object_set_int_member (to, "lost",
        json_object_get_int_member_with_default (to, "lost", 0) + lost);
    /* RFC 3550, section 6.4.1: in units of 1/65536 s */
    json_object_set_double_member (to, "rtt_ms", rtt * 1000.0 / 65536);
  }
}

void
viewer_add_stats (Viewer * viewer, JsonObject * to)
{
  g_autoptr (GstElement) rtpbin =
      gst_bin_get_by_name (GST_BIN (viewer->webrtc), "rtpbin");
  g_autoptr (GObject) session = NULL;
  g_autoptr (GstStructure) all = NULL;
  const GValue *list;
  gint64 octets = 0;

  for (guint i = 0; i < G_N_ELEMENTS (viewer->branches); i++) {
    const LockstepFrameGate *gate = &viewer->branches[i].gate;

    if (i == viewer->picture && viewer->branches[i].source != NULL) {
      json_object_set_int_member (to, "frames", gate->n_passed);
      json_object_set_int_member (to, "skips", gate->n_skips
          + g_atomic_int_get (&viewer->branches[i].n_given_up));
    }
  }
  if (rtpbin != NULL)
    g_signal_emit_by_name (rtpbin, "get-internal-session", 0, &session);
  if (session == NULL)
    return;
  g_object_get (session, "stats", &all, NULL);
  list = gst_structure_get_value (all, "source-stats");
  if (list != NULL) {
    GValueArray *sources = g_value_get_boxed (list);

    for (guint i = 0; i < sources->n_values; i++)
      add_source (gst_value_get_structure (&sources->values[i]), to, &octets);
  }
  json_object_set_int_member (to, "octets", octets);
  if (viewer_target (viewer) > 0)
    add_path (viewer->control, to);
}
