/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The side of a worker that sends: the streams of its pipeline go to those who watch by
 * WHEP, or by a call to a server or to a peer. */
#include "worker-private.h"
#include "log.h"
#include "webrtc-setup.h"
#include "worker-sdp.h"

#include <string.h>

/* The call to a WHIP server */

static void
call_described (Viewer * viewer, const char *sdp, gpointer user_data)
{
  Worker *worker = user_data;
  JsonObject *message = ipc_message ("offer");

  json_object_set_string_member (message, "sdp", sdp);
  ipc_send (worker->ipc, message);
}

static void
call_refused (Viewer * viewer, guint status, const char *why,
    gpointer user_data)
{
  worker_drain (user_data, why);
}

static void
call_connected (Viewer * viewer, gpointer user_data)
{
  worker_connected (user_data);
}

static void
call_lost (Viewer * viewer, const char *why, gpointer user_data)
{
  worker_drain (user_data, why);
}

/* After the offer; without a candidate: there will be no more. */
static void
call_candidate (Viewer * viewer, const char *candidate, gpointer user_data)
{
  Worker *worker = user_data;
  JsonObject *message = ipc_message ("candidate");

  if (candidate != NULL)
    json_object_set_string_member (message, "candidate", candidate);
  ipc_send (worker->ipc, message);
}

static void
call_text (Viewer * viewer, const char *text, gpointer user_data)
{
  worker_text_came (text, user_data);
}

static void
call_signal (Viewer * viewer, const char *label, GBytes * data,
    gpointer user_data)
{
  Worker *worker = user_data;
  JsonObject *message = ipc_message ("signal");
  gsize bytes;
  const guchar *from = g_bytes_get_data (data, &bytes);
  g_autofree char *text = g_base64_encode (from, bytes);

  json_object_set_string_member (message, "label", label);
  json_object_set_string_member (message, "data", text);
  ipc_send (worker->ipc, message);
}

static const ViewerCallbacks call_callbacks = {
  call_described, call_refused, call_connected, call_lost, call_candidate,
  call_text, call_signal
};

static guint64
peers_target (gint64 * backlog, gpointer user_data)
{
  Worker *worker = user_data;

  *backlog = 0;
  if (worker->viewers != NULL)
    return viewers_target (worker->viewers, backlog);
  if (worker->call == NULL)
    return 0;
  *backlog = viewer_backlog (worker->call);
  return viewer_target (worker->call);
}

/* Sora takes several pictures of a source, and no two sources. */
static gboolean
may_simulcast (Worker * worker)
{
  return worker->config.signalling && worker->preview_in[0] != NULL;
}

/* The offer of the peer that is called, or calls. */
static LockstepOffer *
read_offer (Worker * worker, const char *sdp, GError ** error)
{
  return lockstep_offer_parse_with (sdp, strlen (sdp),
      worker_sdp_flags (&worker->config) | LOCKSTEP_OFFER_VIEWER
      | (may_simulcast (worker) ? LOCKSTEP_OFFER_SIMULCAST : 0),
      streams_get_encoding (worker->streams, STREAMS_AUDIO),
      streams_get_encoding (worker->streams, STREAMS_VIDEO), error);
}

/* What each encoder may take where the server names no limit. Returns how many make what
 * the main one makes. */
static guint
find_encodes (Worker * worker, LockstepEncode * encodes)
{
  const char *list = lockstep_preset_get_preview (worker->preset)->parameter;
  const char *value = list ? g_hash_table_lookup (worker->values, list) : NULL;
  const char *max = lockstep_preset_get_rate (worker->preset)->max;
  g_auto (GStrv) items = g_strsplit (value ? value : "", ",", -1);
  const char *const *encoding =
      streams_get_encoding (worker->streams, STREAMS_VIDEO);
  guint n = 1;

  encodes[0].max_bitrate =
      g_ascii_strtoull (g_hash_table_lookup (worker->values, max), NULL, 10);
  for (guint i = 0; i < STREAMS_MAX_PREVIEWS && items[i] != NULL; i++) {
    LockstepRendition rendition;

    if (worker->preview_in[i] == NULL
        || streams_get_encoding (worker->streams,
            (StreamsTrack) (STREAMS_PREVIEW + i)) != encoding
        || !lockstep_rendition_parse (items[i], &rendition))
      break;
    encodes[n++].max_bitrate = rendition.bitrate;
  }
  return n;
}

static void
plan_picture (Worker * worker, LockstepOfferMedia * media)
{
  LockstepEncode encodes[1 + STREAMS_MAX_PREVIEWS];
  guint n_encodes = find_encodes (worker, encodes);
  g_autoptr (GstCaps) caps = streams_get_caps (worker->streams, STREAMS_VIDEO);
  const GstStructure *s = gst_caps_get_structure (caps, 0);
  int width = 0, height = 0, n = 0, d = 1;

  gst_structure_get_int (s, "width", &width);
  gst_structure_get_int (s, "height", &height);
  gst_structure_get_fraction (s, "framerate", &n, &d);
  if (width <= 0 || height <= 0) {
    log_warning (worker->channel, "one picture is sent: its size is not known");
    return;
  }
  worker->layers = lockstep_simulcast_plan (media->rids, worker->encodings,
      width, height, n > 0 ? (n + d / 2) / d : 0, encodes, n_encodes);
  for (guint i = 0; i < worker->layers->len; i++) {
    const LockstepLayer *layer =
        &g_array_index (worker->layers, LockstepLayer, i);

    log_info (worker->channel, "picture %s: %ux%u, at most %" G_GUINT64_FORMAT
        " kbit/s", layer->rid, layer->width, layer->height, layer->max / 1000);
  }
  if (worker->layers->len == n_encodes && media->rids->len > n_encodes)
    log_info (worker->channel, "the server takes %u pictures: %u are encoded",
        media->rids->len, n_encodes);
  if (worker->layers->len > 0)
    encoder_rate_set_layers (worker->rate, worker->layers, width, height,
        n > 0 ? (n + d / 2) / d : 0);
}

/* What is sent of simulcast, and what is said of it in the answer. FALSE: nothing can
 * be. */
static gboolean
plan_layers (Worker * worker, LockstepOffer * offer)
{
  gboolean asked = FALSE;

  for (guint i = 0; i < offer->media->len; i++) {
    LockstepOfferMedia *media = g_ptr_array_index (offer->media, i);

    if (media->rids == NULL)
      continue;
    asked = TRUE;
    if (worker->layers == NULL && worker->rate != NULL)
      plan_picture (worker, media);
    if (worker->layers != NULL)
      lockstep_simulcast_answer (media, worker->layers, worker->encodings);
  }
  if (worker->layers == NULL && worker->rate != NULL)
    encoder_rate_set_layers (worker->rate, NULL, 0, 0, 0);
  if (!asked)
    log_warning (worker->channel, "the server takes one picture of a source: "
        "those beside it are not sent");
  return worker->layers == NULL || worker->layers->len > 0;
}

/* The formats are known: viewers can be answered, or the server called. */
static void
streams_ready (gpointer user_data)
{
  Worker *worker = user_data;
  g_autoptr (LockstepOffer) offer = NULL;
  g_autoptr (GError) error = NULL;
  LockstepBandwidthConfig limits, preview;
  gboolean has_preview;

  if (worker->draining)
    return;
  g_clear_handle_id (&worker->limit_timer, g_source_remove);
  if (!worker->calling) {
    has_preview = encoder_rate_preview_limits (worker->preset, worker->values,
        &preview);
    if (worker->rate != NULL)
      encoder_rate_limits (worker->rate, &limits);
    worker->viewers = viewers_new (worker->ipc, worker->pipeline,
        worker->streams, &worker->config,
        worker->rate != NULL ? &limits : NULL, has_preview ? &preview : NULL,
        worker->channel, worker_text_came, worker);
    worker_connected (worker);
    return;
  }
  worker_limit_connecting (worker);
  if (worker->peer_offer != NULL) {
    offer = read_offer (worker, worker->peer_offer, &error);
    if (offer == NULL) {
      worker_drain (worker, error->message);
      return;
    }
    if (may_simulcast (worker) && !plan_layers (worker, offer)) {
      worker_drain (worker, "the server takes no picture: each of its "
          "encodings is inactive");
      return;
    }
  }
  if (worker->rate != NULL && offer == NULL)
    encoder_rate_beside_preview (worker->rate);
  if (worker->rate != NULL)
    encoder_rate_limits (worker->rate, &limits);
  worker->call = viewer_new (worker->pipeline, worker->streams,
      STREAMS_VIDEO, &worker->config, worker->rate != NULL ? &limits : NULL,
      g_steal_pointer (&offer), worker->layers, &call_callbacks, worker,
      &error);
  if (worker->call == NULL)
    worker_fail (worker, "%s", error->message);
}

gboolean
worker_prepare_to_send (Worker * worker)
{
  g_autoptr (GPtrArray) faults = lockstep_faults_new ();
  GstPad *pads[STREAMS_N_TRACKS];

  if (!worker_find_inputs (worker))
    return FALSE;
  pads[STREAMS_AUDIO] = worker->audio_in;
  pads[STREAMS_VIDEO] = worker->video_in;
  for (guint i = 0; i < STREAMS_MAX_PREVIEWS; i++)
    pads[STREAMS_PREVIEW + i] = worker->preview_in[i];
  worker->streams = streams_new (pads, streams_ready, worker);
  worker->rate = encoder_rate_new (worker->preset, worker->values,
      worker->pipeline, worker->streams, peers_target, worker, faults);
  if (faults->len > 0) {
    g_autofree char *text = worker_faults_text (faults);

    worker->exit_code = 78;
    worker_fail (worker, "%s", text);
    return FALSE;
  }
  webrtc_setup_warm_up ();
  return TRUE;
}

/* What the server says of the pictures that it takes. What cannot be meant is no reason
 * to send none. */
static void
read_encodings (Worker * worker, const char *text)
{
  g_autoptr (GError) error = NULL;

  if (text == NULL)
    return;
  worker->encodings = lockstep_encodings_parse (text, &error);
  if (worker->encodings == NULL)
    log_warning (worker->channel, "what the server says of its encodings is "
        "passed over: %s", error->message);
}

/* A call: what the peer, or its server, asks for is taken over. */
static void
begin_call (Worker * worker, JsonObject * message)
{
  const char *servers = ipc_get_string (message, "ice_servers");

  worker->calling = TRUE;
  worker->peer_offer = g_strdup (ipc_get_string (message, "sdp"));
  read_encodings (worker, ipc_get_string (message, "encodings"));
  worker->config.relay_only = ipc_get_boolean (message, "relay_only");
  worker->config.signalling = ipc_get_boolean (message, "signalling");
  worker->config.trickle = ipc_get_boolean (message, "trickle");
  if (servers != NULL) {
    g_hash_table_replace (worker->values, g_strdup ("ice-servers"),
        g_strdup (servers));
    worker->config.ice_servers =
        g_hash_table_lookup (worker->values, "ice-servers");
  }
  worker_start (worker, message);
}

/* The peer changes what was agreed on. Where that cannot be done in the session that
 * there is, it ends, and the room begins another one. */
static void
renew_call (Worker * worker, const char *sdp)
{
  g_autoptr (GError) error = NULL;
  LockstepOffer *offer;

  if (worker->call == NULL) {
    worker_drain (worker, "the peer makes another offer before the first is "
        "answered");
    return;
  }
  offer = read_offer (worker, sdp, &error);
  for (guint i = 0; offer != NULL && worker->layers != NULL
      && i < offer->media->len; i++)
    lockstep_simulcast_answer (g_ptr_array_index (offer->media, i),
        worker->layers, worker->encodings);
  if (offer == NULL || !viewer_renew (worker->call, offer, &error))
    worker_drain (worker, error->message);
}

static void
send_signal (Worker * worker, JsonObject * message)
{
  const char *label = ipc_get_string (message, "label");
  const char *text = ipc_get_string (message, "data");
  g_autoptr (GBytes) data = NULL;
  guchar *bytes;
  gsize n;

  if (worker->call == NULL || label == NULL || text == NULL)
    return;
  bytes = g_base64_decode (text, &n);
  data = g_bytes_new_take (bytes, n);
  if (!viewer_send_signal (worker->call, label, data,
          ipc_get_boolean (message, "binary")))
    log_warning_bounded (&worker->said, worker->channel, "a message for the "
        "server's channel %s is not sent: it is not open, or does not take it",
        label);
}

void
worker_message_to_sender (Worker * worker, const char *type,
    JsonObject * message)
{
  const char *sdp = ipc_get_string (message, "sdp");

  if (g_str_equal (type, "call") && worker->channel == NULL) {
    begin_call (worker, message);
  } else if (g_str_equal (type, "signal")) {
    send_signal (worker, message);
  } else if (g_str_equal (type, "renew")) {
    renew_call (worker, sdp != NULL ? sdp : "");
  } else if (g_str_equal (type, "answer") && worker->call != NULL) {
    viewer_set_answer (worker->call, sdp != NULL ? sdp : "");
  } else if (g_str_equal (type, "candidate") && worker->call != NULL) {
    viewer_add_candidate (worker->call, ipc_get_int (message, "mline", 0),
        ipc_get_string (message, "candidate"));
  }
}

void
worker_add_sent (Worker * worker, JsonObject * stats)
{
  if (worker->viewers != NULL) {
    viewers_add_stats (worker->viewers, stats);
    if (!viewers_tick (worker->viewers, worker->rate))
      worker_drain (worker, "too many connections hang while they are closed");
  }
  if (worker->rate != NULL)
    encoder_rate_add_stats (worker->rate, stats);
  if (worker->call != NULL)
    viewer_add_stats (worker->call, stats);
}

void
worker_close_peers (Worker * worker)
{
  if (worker->viewers != NULL)
    viewers_close (worker->viewers);
  if (worker->call != NULL)
    viewer_free (worker->call);
  while (viewer_count_closing () > 0)
    g_usleep (1000);
}
