/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* One receiving peer: frames come in through a bounded queue, are payloaded with the
 * peer's payload types and sent by a webrtcbin that holds its own packets for
 * retransmission. Nothing here can hold up the encoder or another viewer: frames are
 * handed over without waiting, and closing is done by a thread.
 *
 *   appsrc ! rtph264pay ! capsfilter ! webrtcbin
 *   appsrc ! rtpopuspay ! capsfilter ! webrtcbin
 *
 * (Simulcast has several of the first, through an rtpfunnel: layers.c.)
 */
#include "viewer.h"
#include "arrivals.h"
#include "layers.h"
#include "rate-control.h"

#include <gst/app/gstappsrc.h>
#include <gst/lockstep/fanout.h>
#include <gst/video/video.h>
#include <string.h>

#define GST_USE_UNSTABLE_API
#include <gst/webrtc/webrtc.h>

/* Frames wait in the queue only while the sending thread is held up. */
#define QUEUE_LIMIT_NS (400 * GST_MSECOND)
#define QUEUE_LIMIT_BYTES (16 * 1024 * 1024)
#define MTU 1200
/* Of transport-wide numbers, where this side offers; also in offered_caps(). */
#define OFFERED_ID 3
#define TRANSPORT_CC "http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-" \
    "extensions-01"

typedef struct
{
  Viewer *viewer;
  StreamsTrack track;
  GstAppSrc *source;            /* NULL: the peer does not take it */
  LockstepFrameGate gate;       /* under the streams' lock */
  LockstepKeyBudget budget;     /* under the viewer's */
  gint n_given_up;              /* atomic */
} Branch;

struct _Viewer
{
  GstElement *pipeline, *webrtc;
  WebrtcEnd *end;
  Streams *streams;
  guint receiver;
  guint bus_watch;
  Arrivals *arrivals;
  Branch branches[STREAMS_N_TRACKS];
  StreamsTrack picture;
  RateControl *control;         /* NULL: none */
  gboolean is_call;
  guint32 ssrc;                 /* of the picture that FEC may protect; 0: none */
  LockstepFlexfecConfig fec;
  int offered_fec;              /* payload type of a call's offer; -1: none */
  gint open;                    /* atomic: the peer is connected and verified */
  GMutex lock;                  /* protects the branches' budgets */
  ViewerCallbacks callbacks;
  gpointer user_data;
};

static gint n_closing;          /* atomic */

/* How each encoding is put into RTP. The parameter sets are in the stream (h264parse
 * config-interval=-1): rtph264pay 1.22.0 would repeat them before each slice. */
static const struct
{
  const char *encoding, *payloader, *properties;
} payloaders[] = {
  {"OPUS", "rtpopuspay", NULL},
  {"H264", "rtph264pay", "aggregate-mode=zero-latency"},
  {"H265", "rtph265pay", "aggregate-mode=zero-latency"},
  {"VP8", "rtpvp8pay", "picture-id-mode=15-bit"},
  {"VP9", "rtpvp9pay", "picture-id-mode=15-bit"},
  {"AV1", "rtpav1pay", NULL},
};

static gboolean
ask_for_key (Branch * branch)
{
  Viewer *viewer = branch->viewer;
  gboolean granted;

  /* a server that was called cuts what it gets: its requests are the operator's own */
  if (viewer->is_call) {
    streams_want_key (viewer->streams, branch->track);
    return TRUE;
  }
  g_mutex_lock (&viewer->lock);
  granted = lockstep_key_budget_take (&branch->budget,
      (guint64) g_get_monotonic_time () * 1000);
  g_mutex_unlock (&viewer->lock);
  if (granted)
    streams_want_key (viewer->streams, branch->track);
  return granted;
}

/* The path has shrunk, and frames were given up. */
static gboolean
wants_key (gpointer user_data)
{
  Branch *branch = user_data;

  if (!ask_for_key (branch))
    return FALSE;
  g_atomic_int_inc (&branch->n_given_up);
  return TRUE;
}

/* PLI and FIR of the peer come up as events. */
static GstPadProbeReturn
event_came_up (GstPad * pad, GstPadProbeInfo * info, gpointer user_data)
{
  GstEvent *event = GST_PAD_PROBE_INFO_EVENT (info);

  if (!gst_video_event_is_force_key_unit (event))
    return GST_PAD_PROBE_OK;
  ask_for_key (user_data);
  gst_event_unref (event);
  return GST_PAD_PROBE_HANDLED;
}

static void
frame_came (StreamsTrack track, GstSample * frame, gboolean key,
    gpointer user_data)
{
  Viewer *viewer = user_data;
  Branch *branch = &viewer->branches[track];
  guint64 queued;
  gboolean want_key;

  if (branch->source == NULL || !g_atomic_int_get (&viewer->open))
    return;
  queued = gst_app_src_get_current_level_time (branch->source);
  if (gst_app_src_get_current_level_bytes (branch->source) > QUEUE_LIMIT_BYTES)
    queued = G_MAXUINT64;
  if (lockstep_frame_gate_pass (&branch->gate, key, queued, &want_key))
    gst_app_src_push_sample (branch->source, frame);
  if (want_key && branch->gate.n_skips > 0)
    ask_for_key (branch);
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

/* Building */

static GstElement *
make (GstBin * bin, const char *factory, GError ** error)
{
  GstElement *element = gst_element_factory_make (factory, NULL);

  if (element == NULL) {
    g_set_error (error, GST_CORE_ERROR, GST_CORE_ERROR_MISSING_PLUGIN,
        "there is no element %s: install its plugin", factory);
    return NULL;
  }
  gst_bin_add (bin, element);
  return element;
}

/* The id that transport-wide numbers have; 0: none. */
static guint
transport_id (const LockstepOfferMedia * media)
{
  for (guint i = 0; i < media->extmaps->len; i++) {
    const LockstepExtmap *map =
        &g_array_index (media->extmaps, LockstepExtmap, i);

    if (g_str_equal (map->uri, TRANSPORT_CC))
      return map->id;
  }
  return 0;
}

static guint
random_ssrc (void)
{
  return 1 + g_random_int_range (0, G_MAXINT32);
}

/* FEC for a picture whose peer takes it, or is yet to say whether it does. Without
 * feedback nobody would know when. */
static gboolean
protect (Viewer * viewer, StreamsTrack track, LockstepOfferMedia * media,
    guint32 ssrc)
{
  LockstepFlexfecConfig *config = &viewer->fec;

  if (viewer->control == NULL || (media == NULL ? track != STREAMS_VIDEO
          : media->kind != LOCKSTEP_MEDIA_VIDEO || media->fec_payload < 0
          || !media->transport_cc))
    return FALSE;
  config->transport_id = media != NULL ? transport_id (media) : OFFERED_ID;
  if (config->transport_id == 0)
    return FALSE;
  config->seqnum = g_random_int () & 0x7fff;
  config->ssrc = random_ssrc ();
  config->ssrc += config->ssrc == ssrc;
  viewer->ssrc = ssrc;
  if (media == NULL)
    return TRUE;
  config->payload = media->fec_payload;
  media->ssrc = ssrc;
  media->fec_ssrc = config->ssrc;
  rate_control_protect (viewer->control, config);
  return TRUE;
}

/* Where a stream goes into RTP. */
typedef struct
{
  const char *encoding;
  GstCaps *caps;                /* of its packets, for a capsfilter */
  guint ssrc;
  guint mtu;
  gint64 offset;                /* of its timestamps; -1: a random one */
} Packets;

static GstElement *
make_payloader (Viewer * viewer, const Packets * packets, GError ** error)
{
  GstElement *payloader = NULL;
  int payload = 96;

  for (guint i = 0; i < G_N_ELEMENTS (payloaders); i++) {
    if (g_strcmp0 (payloaders[i].encoding, packets->encoding) != 0)
      continue;
    payloader = make (GST_BIN (viewer->pipeline), payloaders[i].payloader,
        error);
    if (payloader == NULL)
      return NULL;
    if (payloaders[i].properties != NULL) {
      g_auto (GStrv) pair = g_strsplit (payloaders[i].properties, "=", 2);

      gst_util_set_object_arg (G_OBJECT (payloader), pair[0], pair[1]);
    }
  }
  if (payloader == NULL) {
    g_set_error (error, GST_CORE_ERROR, GST_CORE_ERROR_MISSING_PLUGIN,
        "nothing puts %s into RTP", packets->encoding);
    return NULL;
  }
  gst_structure_get_int (gst_caps_get_structure (packets->caps, 0), "payload",
      &payload);
  g_object_set (payloader, "pt", (guint) payload, "mtu", packets->mtu, "ssrc",
      packets->ssrc, NULL);
  if (packets->offset >= 0)
    g_object_set (payloader, "timestamp-offset", (guint) packets->offset, NULL);
  return payloader;
}

/* Frames of @track as RTP: the pad that it leaves by. */
static GstPad *
add_stream (Viewer * viewer, StreamsTrack track, const Packets * packets,
    GError ** error)
{
  Branch *branch = &viewer->branches[track];
  GstBin *bin = GST_BIN (viewer->pipeline);
  g_autoptr (GstCaps) format = streams_get_caps (viewer->streams, track);
  GstElement *payloader = make_payloader (viewer, packets, error);
  GstElement *source = payloader != NULL ? make (bin, "appsrc", error) : NULL;
  GstElement *filter = source != NULL ? make (bin, "capsfilter", error) : NULL;

  if (filter == NULL)
    return NULL;
  g_object_set (source, "format", GST_FORMAT_TIME, "is-live", TRUE,
      "max-bytes", (guint64) 0, "caps", format, NULL);
  g_object_set (filter, "caps", packets->caps, NULL);
  if (!gst_element_link_many (source, payloader, filter, NULL)) {
    g_set_error (error, GST_CORE_ERROR, GST_CORE_ERROR_NEGOTIATION,
        "%s cannot be put into RTP", packets->encoding);
    return NULL;
  }
  branch->viewer = viewer;
  branch->track = track;
  branch->source = gst_object_ref (GST_APP_SRC (source));
  lockstep_frame_gate_init (&branch->gate, QUEUE_LIMIT_NS);
  if (track != STREAMS_AUDIO) {
    g_autoptr (GstPad) pad = gst_element_get_static_pad (source, "src");

    gst_pad_add_probe (pad, GST_PAD_PROBE_TYPE_EVENT_UPSTREAM, event_came_up,
        branch, NULL);
  }
  return gst_element_get_static_pad (filter, "src");
}

/* @out: of add_stream(). What else is done to its packets comes before. */
static void
pace (Viewer * viewer, StreamsTrack track, GstPad * out)
{
  Branch *branch = &viewer->branches[track];
  g_autoptr (GstPad) frames =
      gst_element_get_static_pad (GST_ELEMENT (branch->source), "src");

  if (track != STREAMS_AUDIO && viewer->control != NULL)
    rate_control_pace (viewer->control, out, frames, branch->source, wants_key,
        branch);
}

/* To the next sink pad of webrtcbin. @caps: of its RTP, for the transceiver; the first
 * structure is the stream itself, a second its RTX. */
static gboolean
link_out (Viewer * viewer, GstPad * out, GstCaps * caps, gboolean retransmit,
    GError ** error)
{
  g_autoptr (GstPad) in = gst_element_request_pad_simple (viewer->webrtc,
      "sink_%u");
  g_autoptr (GstWebRTCRTPTransceiver) transceiver = NULL;

  if (in == NULL || GST_PAD_LINK_FAILED (gst_pad_link (out, in))) {
    g_set_error (error, GST_CORE_ERROR, GST_CORE_ERROR_PAD,
        "webrtcbin does not take a stream");
    return FALSE;
  }
  g_object_get (in, "transceiver", &transceiver, NULL);
  g_object_set (transceiver, "direction",
      GST_WEBRTC_RTP_TRANSCEIVER_DIRECTION_SENDONLY, "codec-preferences", caps,
      "do-nack", retransmit, NULL);
  return TRUE;
}

/* @media: what the peer offered; NULL where it is called. */
static gboolean
add_branch (Viewer * viewer, StreamsTrack track, const char *encoding,
    GstCaps * caps, LockstepOfferMedia * media, gboolean retransmit,
    GError ** error)
{
  g_autoptr (GstCaps) filtered = gst_caps_copy_nth (caps, 0);
  Packets packets = { encoding, filtered, random_ssrc (), MTU, -1 };
  g_autoptr (GstPad) out = NULL;

  if (protect (viewer, track, media, packets.ssrc))
    packets.mtu -= LOCKSTEP_FLEXFEC_OVERHEAD;
  /* known beforehand: the description names it */
  gst_caps_set_simple (filtered, "ssrc", G_TYPE_UINT, packets.ssrc, NULL);
  out = add_stream (viewer, track, &packets, error);
  if (out == NULL)
    return FALSE;
  pace (viewer, track, out);
  return link_out (viewer, out, caps, retransmit, error);
}

/* Several pictures of one source in one section. Their timestamps are the same, so that
 * a server can change from one to the other in step. */
static gboolean
add_layers (Viewer * viewer, const LockstepOfferMedia * media, GstCaps * caps,
    const GArray * layers, GError ** error)
{
  GstElement *funnel = make (GST_BIN (viewer->pipeline), "rtpfunnel", error);
  const gint64 offset = g_random_int ();
  guint ssrcs[LOCKSTEP_SIMULCAST_MAX];
  g_autoptr (GstPad) all = NULL;

  if (funnel == NULL)
    return FALSE;
  for (guint i = 0; i < layers->len; i++) {
    const LockstepLayer *layer = &g_array_index (layers, LockstepLayer, i);
    StreamsTrack track = layer->encode == 0 ? STREAMS_VIDEO
        : (StreamsTrack) (STREAMS_PREVIEW + layer->encode - 1);
    g_autoptr (GstCaps) filtered = layers_stream_caps (caps);
    const Packets packets = { media->encoding, filtered, random_ssrc (), MTU,
      offset
    };
    g_autoptr (GstPad) out = NULL;
    g_autoptr (GstPad) in = gst_element_request_pad_simple (funnel, "sink_%u");

    ssrcs[i] = packets.ssrc;
    gst_caps_set_simple (filtered, "ssrc", G_TYPE_UINT, packets.ssrc, NULL);
    out = add_stream (viewer, track, &packets, error);
    if (out == NULL)
      return FALSE;
    if (GST_PAD_LINK_FAILED (gst_pad_link (out, in))) {
      g_set_error (error, GST_CORE_ERROR, GST_CORE_ERROR_PAD,
          "%s cannot be one picture of several", media->encoding);
      return FALSE;
    }
    layers_name_packets (out, media, layer);
    pace (viewer, track, out);
  }
  layers_announce (funnel, ssrcs, layers->len);
  layers_name_repairs (viewer->webrtc, media);
  all = gst_element_get_static_pad (funnel, "src");
  return link_out (viewer, all, caps, media->nack && media->rtx_payload >= 0,
      error);
}

/* What is offered to a peer: each stream with the format that it has. */
static GstCaps *
offered_caps (StreamsTrack track, const char *encoding)
{
  g_autofree char *text = NULL;

  if (track == STREAMS_AUDIO)
    text = g_strdup_printf ("application/x-rtp,media=audio,payload=111,"
        "clock-rate=48000,encoding-name=%s,encoding-params=(string)2,"
        "minptime=(string)10,useinbandfec=(string)1,extmap-3=(string)\""
        "http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01\"",
        encoding);
  else
    text = g_strdup_printf ("application/x-rtp,media=video,payload=96,"
        "clock-rate=90000,encoding-name=%s,rtcp-fb-nack=true,"
        "rtcp-fb-nack-pli=true,rtcp-fb-ccm-fir=true,rtcp-fb-transport-cc=true%s,"
        "extmap-3=(string)\""
        "http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01\"",
        encoding, g_str_equal (encoding, "H264") ? ",packetization-mode="
        "(string)1,profile-level-id=(string)42e01f" : "");
  return gst_caps_from_string (text);
}

static gboolean
add_branches (Viewer * viewer, LockstepOffer * offer,
    const GArray * layers, GError ** error)
{
  for (guint i = 0; offer != NULL && i < offer->media->len; i++) {
    LockstepOfferMedia *media = g_ptr_array_index (offer->media, i);
    g_autoptr (GstCaps) caps = lockstep_offer_media_caps (media);

    if (caps == NULL)
      continue;
    if (media->answer_rids != NULL && layers != NULL) {
      if (!add_layers (viewer, media, caps, layers, error))
        return FALSE;
    } else if (!add_branch (viewer, media->kind == LOCKSTEP_MEDIA_AUDIO
            ? STREAMS_AUDIO : viewer->picture, media->encoding, caps,
            media, media->nack && media->rtx_payload >= 0, error))
      return FALSE;
  }
  for (guint track = 0; offer == NULL && track < STREAMS_N_TRACKS; track++) {
    const char *const *encoding =
        streams_get_encoding (viewer->streams, (StreamsTrack) track);
    g_autoptr (GstCaps) caps = NULL;

    if (encoding == NULL)
      continue;
    caps = offered_caps ((StreamsTrack) track, encoding[0]);
    /* sound that is lost is concealed, and by FEC repaired, before it could come
     * again */
    if (!add_branch (viewer, (StreamsTrack) track, encoding[0], caps,
            NULL, track != STREAMS_AUDIO, error))
      return FALSE;
  }
  return TRUE;
}

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

  viewer->webrtc = make (GST_BIN (viewer->pipeline), "webrtcbin", error);
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
  if (!add_branches (viewer, own, layers, error)) {
    viewer_free (viewer);
    return NULL;
  }
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
