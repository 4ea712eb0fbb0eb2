/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The streams of a viewer: frames of an encoder pass its gate, are payloaded with the peer's
 * payload types and go to webrtcbin; requests for key frames come back.
 *
 *   appsrc ! rtph264pay ! capsfilter ! webrtcbin
 *   appsrc ! rtpopuspay ! capsfilter ! webrtcbin
 *
 * (Simulcast has several of the first, through an rtpfunnel: layers.c.)
 */
#include "viewer-private.h"
#include "layers.h"

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

static guint64
now_ns (void)
{
  return (guint64) g_get_monotonic_time () * 1000;
}

static gboolean
ask_for_key (ViewerBranch * branch)
{
  Viewer *viewer = branch->viewer;
  gboolean granted;

  /* a server that was called cuts what it gets: its requests are the operator's own */
  if (viewer->is_call) {
    streams_want_key (viewer->streams, branch->track);
    return TRUE;
  }
  g_mutex_lock (&viewer->lock);
  granted = lockstep_key_backoff_ask (&branch->backoff, now_ns ());
  g_mutex_unlock (&viewer->lock);
  if (granted)
    streams_want_key (viewer->streams, branch->track);
  return granted;
}

/* The path has shrunk, and frames were given up. */
static gboolean
wants_key (gpointer user_data)
{
  ViewerBranch *branch = user_data;

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

/* A key frame is what was asked for, where it passes; with another frame, what was put off
 * may be due. */
static void
serve_key_request (ViewerBranch * branch, gboolean key, gboolean pass)
{
  gboolean due = FALSE;

  g_mutex_lock (&branch->viewer->lock);
  if (!key)
    due = lockstep_key_backoff_poll (&branch->backoff, now_ns ());
  else if (pass)
    lockstep_key_backoff_key_frame (&branch->backoff, now_ns ());
  g_mutex_unlock (&branch->viewer->lock);
  if (due)
    streams_want_key (branch->viewer->streams, branch->track);
}

void
viewer_branch_take (ViewerBranch * branch, GstSample * frame, gboolean key)
{
  guint64 queued;
  gboolean pass, want_key;

  if (branch->source == NULL)
    return;
  queued = gst_app_src_get_current_level_time (branch->source);
  if (gst_app_src_get_current_level_bytes (branch->source) > QUEUE_LIMIT_BYTES)
    queued = G_MAXUINT64;
  pass = lockstep_frame_gate_pass (&branch->gate, key, queued, &want_key);
  if (pass)
    gst_app_src_push_sample (branch->source, frame);
  if (branch->track != STREAMS_AUDIO)
    serve_key_request (branch, key, pass);
  if (want_key && branch->gate.n_skips > 0)
    ask_for_key (branch);
}

/* Building */

GstElement *
viewer_make (GstBin * bin, const char *factory, GError ** error)
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
    payloader =
        viewer_make (GST_BIN (viewer->pipeline), payloaders[i].payloader,
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
  ViewerBranch *branch = &viewer->branches[track];
  GstBin *bin = GST_BIN (viewer->pipeline);
  g_autoptr (GstCaps) format = streams_get_caps (viewer->streams, track);
  GstElement *payloader = make_payloader (viewer, packets, error);
  GstElement *source =
      payloader != NULL ? viewer_make (bin, "appsrc", error) : NULL;
  GstElement *filter =
      source != NULL ? viewer_make (bin, "capsfilter", error) : NULL;

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
  ViewerBranch *branch = &viewer->branches[track];
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

  if (track == STREAMS_AUDIO)
    viewer->audio_ssrc = packets.ssrc;
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
  GstElement *funnel =
      viewer_make (GST_BIN (viewer->pipeline), "rtpfunnel", error);
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

gboolean
viewer_add_branches (Viewer * viewer, LockstepOffer * offer,
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
