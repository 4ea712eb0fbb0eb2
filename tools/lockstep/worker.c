/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The worker: one pipeline for one live channel, in a process of its own. It talks
 * JSON lines with the front over the socket it is given, and ends with its session.
 *
 *   front                              worker
 *   prepare {preset, values, ice…} ──►  builds the pipeline
 *                                  ◄──  ready
 *   offer {channel, values, sdp}   ──►
 *                                  ◄──  answer {sdp} | refused {status, text}
 *   call {channel, sdp, ice_servers, relay_only}  ──►  (a client of WHIP or of WebSocket
 *                                  ◄──  offer {sdp}: its offer, or its answer to sdp
 *   candidate {mline, candidate}   ──►
 *                                  ◄──  offer {sdp}
 *   answer {sdp}                   ──►
 *   run {channel}                  ──►  (a source of its own)
 *   view {viewer, sdp}             ──►  (to whoever watches it by WHEP)
 *                                  ◄──  viewed {viewer, sdp} | view-refused {viewer,
 *                                       status, text}
 *                                  ◄──  viewer-connected, viewer-gone {viewer, reason}
 *   leave {viewer}                 ──►
 *   trickle {id, sdpfrag, viewer?} ──►
 *                                  ◄──  trickled {id, status, text}
 *                                  ◄──  connected, stats …, segment …
 *   stop                           ──►  drains
 *                                  ◄──  ended {reason}
 *
 * After "refused" the worker is as good as new; after anything else it is used up.
 */
#include "worker.h"
#include "archive.h"
#include "failure.h"
#include "encoder-rate.h"
#include "frame-guard.h"
#include "ipc.h"
#include "log.h"
#include "presets.h"
#include "renditions.h"
#include "standby.h"
#include "viewer.h"
#include "viewers.h"
#include "webrtc-end.h"
#include "worker-sdp.h"
#include "worker-source.h"
#include "worker-stats.h"

#include <glib-unix.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

/* A publisher that connected sends media, or RTCP at least every few seconds. */
#define IDLE_LIMIT_US (7 * G_USEC_PER_SEC)
#define CONNECT_LIMIT_MS 20000
#define DRAIN_LIMIT_MS 2000
/* webrtcbin 1.22.0 can hang on its way to NULL */
#define TEAR_DOWN_LIMIT_S 2
#define ARCHIVE_LIMIT_MS 1500

typedef struct
{
  GMainLoop *loop;
  Ipc *ipc;
  LockstepPreset *preset;
  GHashTable *values;
  GstElement *pipeline;
  WebrtcEnd *end;               /* of a preset that receives */
  Streams *streams;             /* of a preset that sends, and the next three */
  WebrtcEndConfig config;
  Viewers *viewers;
  EncoderRate *rate;            /* NULL: what is sent stays as it is */
  Viewer *call;                 /* to a WHIP server */
  gboolean calling;             /* once the streams flow */
  char *peer_offer;             /* what a call answers; NULL: it makes the offer */
  WorkerStats *stats;
  Renditions *renditions;       /* NULL: there is one playlist */
  Archive *archive;             /* NULL: nothing is kept */
  Standby *standby;             /* NULL: no device can be missed */
  WorkerSource *source;         /* NULL where a peer is the source */
  char *channel;
  gpointer webrtc;              /* the element in the pipeline */
  GstPad *audio_in, *video_in;  /* where its streams go; NULL: nowhere */
  guint sinks_ended;
  gboolean connected, draining;
  guint stats_timer, limit_timer, bus_watch;
  int exit_code;
  int failure;                  /* of a source with an end: the program's exit code */
} Worker;

static void
quit (Worker * worker)
{
  g_main_loop_quit (worker->loop);
}

static gboolean
drain_timed_out (gpointer user_data)
{
  Worker *worker = user_data;

  worker->limit_timer = 0;
  log_warning (worker->channel, "the pipeline did not drain within %d ms",
      DRAIN_LIMIT_MS);
  quit (worker);
  return G_SOURCE_REMOVE;
}

/* EOS goes in where the RTP would. */
static void
end_stream (GstPad * in)
{
  if (in != NULL)
    gst_pad_send_event (in, gst_event_new_eos ());
}

/* From a thread: EOS waits for the streaming threads. */
static gpointer
send_all_eos (gpointer user_data)
{
  Worker *worker = user_data;

  if (worker->source != NULL)
    worker_source_end (worker->source);
  end_stream (worker->audio_in);
  end_stream (worker->video_in);
  return NULL;
}

/* Ends the session: what was received becomes a last segment, then the front is
 * told. */
static void
drain (Worker * worker, const char *reason)
{
  JsonObject *ended;

  if (worker->draining)
    return;
  worker->draining = TRUE;
  ended = ipc_message ("ending");
  json_object_set_string_member (ended, "reason", reason);
  if (worker->source != NULL && worker->channel != NULL
      && worker_source_is_finite (worker->source)) {
    json_object_set_boolean_member (ended, "finished", TRUE);
    json_object_set_int_member (ended, "exit_code", worker->failure);
  }
  ipc_send (worker->ipc, ended);
  g_clear_handle_id (&worker->limit_timer, g_source_remove);
  /* a sender has nothing to finish, and its peer is told by closing */
  if (worker->pipeline == NULL || GST_STATE (worker->pipeline) <
      GST_STATE_PAUSED || lockstep_preset_get_signalling (worker->preset) ==
      LOCKSTEP_SIGNALLING_WHEP) {
    quit (worker);
    return;
  }
  worker->limit_timer = g_timeout_add (DRAIN_LIMIT_MS, drain_timed_out, worker);
  g_thread_unref (g_thread_new ("drain", send_all_eos, worker));
}

static void
fail (Worker * worker, const char *format, ...)
G_GNUC_PRINTF (2, 3);
     static void fail (Worker * worker, const char *format, ...)
{
  g_autofree char *reason = NULL;
  va_list args;

  va_start (args, format);
  reason = g_strdup_vprintf (format, args);
  va_end (args);
  drain (worker, reason);
}

static void
send_segment (Worker * worker, GstObject * sink, const GstStructure * s)
{
  JsonObject *message;
  guint64 value;

  if (worker->renditions != NULL
      && !renditions_segment (worker->renditions, sink, s))
    return;
  message = ipc_message ("segment");
  worker_stats_add_segment (worker->stats, s);
  if (gst_structure_get_uint64 (s, "sequence", &value))
    json_object_set_int_member (message, "sequence", value);
  if (gst_structure_get_uint64 (s, "duration", &value))
    json_object_set_int_member (message, "duration_ns", value);
  ipc_send (worker->ipc, message);
}

/* webrtcbin counts as a sink of the pipeline and is never at its end: the pipeline's own
 * EOS does not come. The drain is done when every other sink has said EOS. */
static void
forwarded (Worker * worker, const GstStructure * structure)
{
  g_autoptr (GstMessage) message = NULL;
  g_autoptr (GstIterator) sinks = NULL;
  GValue item = G_VALUE_INIT;
  guint wanted = 0;

  gst_structure_get (structure, "message", GST_TYPE_MESSAGE, &message, NULL);
  if (message == NULL || GST_MESSAGE_TYPE (message) != GST_MESSAGE_EOS)
    return;
  worker->sinks_ended++;
  if (worker->renditions != NULL)
    renditions_ended (worker->renditions, GST_MESSAGE_SRC (message));
  sinks = gst_bin_iterate_sinks (GST_BIN (worker->pipeline));
  while (gst_iterator_next (sinks, &item) == GST_ITERATOR_OK) {
    wanted += g_value_get_object (&item) != worker->webrtc;
    g_value_reset (&item);
  }
  g_value_unset (&item);
  if (worker->sinks_ended < wanted)
    return;
  drain (worker, "the stream ended");
  quit (worker);
}

static void
connected (gpointer user_data)
{
  Worker *worker = user_data;

  worker->connected = TRUE;
  g_clear_handle_id (&worker->limit_timer, g_source_remove);
  ipc_send (worker->ipc, ipc_message ("connected"));
}

static gboolean
bus_message (GstBus * bus, GstMessage * message, gpointer user_data)
{
  Worker *worker = user_data;
  g_autoptr (GError) error = NULL;
  g_autofree char *debug = NULL;

  switch (GST_MESSAGE_TYPE (message)) {
    case GST_MESSAGE_ERROR:
      if (worker->standby != NULL
          && standby_take_error (worker->standby, message))
        break;
      gst_message_parse_error (message, &error, &debug);
      /* the first error alone: those that follow come of it */
      if (worker->channel != NULL && !worker->draining)
        failure_report (worker->channel, worker->preset, worker->values,
            worker->pipeline, message);
      if (worker->failure == 0)
        worker->failure = worker_source_exit_code (error);
      fail (worker, "%s: %s (%s)", GST_OBJECT_NAME (message->src),
          error->message, debug ? debug : "");
      if (worker->draining && GST_STATE (worker->pipeline) < GST_STATE_PLAYING)
        quit (worker);
      break;
    case GST_MESSAGE_WARNING:
      gst_message_parse_warning (message, &error, &debug);
      log_warning (worker->channel, "%s: %s", GST_OBJECT_NAME (message->src),
          error->message);
      break;
    case GST_MESSAGE_ELEMENT:
      if (gst_message_has_name (message, "hlsalignsink-segment")) {
        archive_segment (worker->archive, GST_MESSAGE_SRC (message),
            gst_message_get_structure (message));
        send_segment (worker, GST_MESSAGE_SRC (message),
            gst_message_get_structure (message));
      } else if (gst_message_has_name (message, "GstBinForwarded")) {
        forwarded (worker, gst_message_get_structure (message));
      }
      break;
    default:
      break;
  }
  return G_SOURCE_CONTINUE;
}

static gboolean
tick (gpointer user_data)
{
  Worker *worker = user_data;
  gint64 idle = worker_stats_idle_us (worker->stats);
  JsonObject *message = worker_stats_message (worker->stats);

  if (worker->renditions != NULL) {
    renditions_look (worker->renditions);
    renditions_add_stats (worker->renditions, message);
  }
  if (worker->standby != NULL)
    json_object_set_boolean_member (message, "device_away",
        standby_look (worker->standby));
  if (worker->source != NULL) {
    worker_source_add_progress (worker->source, message);
    if (!worker->connected && !worker->draining && worker->streams == NULL
        && idle >= 0)
      connected (worker);
  }
  if (worker->viewers != NULL) {
    viewers_add_stats (worker->viewers, message);
    if (!viewers_tick (worker->viewers))
      drain (worker, "too many connections hang while they are closed");
  }
  if (worker->rate != NULL)
    encoder_rate_add_stats (worker->rate, message);
  if (worker->call != NULL)
    viewer_add_stats (worker->call, message);
  ipc_send (worker->ipc, message);
  if (worker->call != NULL && worker->connected
      && viewer_idle_us (worker->call) > IDLE_LIMIT_US)
    drain (worker, "the server vanished: nothing came from it for 7 s");
  if (!worker->connected || idle <= IDLE_LIMIT_US)
    return G_SOURCE_CONTINUE;
  if (worker->source == NULL)
    drain (worker, "the peer vanished: nothing came from it for 7 s");
  else if (!worker_source_is_finite (worker->source))
    /* what comes after so long is a stream of its own */
    drain (worker, "the source is silent: nothing came from it for 7 s");
  return G_SOURCE_CONTINUE;
}

static gboolean
connect_timed_out (gpointer user_data)
{
  Worker *worker = user_data;

  worker->limit_timer = 0;
  if (worker->streams != NULL && worker->call == NULL)
    drain (worker, "no sound or no picture came within 20 s");
  else
    drain (worker, "no connection came about within 20 s");
  return G_SOURCE_REMOVE;
}

/* webrtc-end's callbacks */

static void
described (const char *sdp, gpointer user_data)
{
  Worker *worker = user_data;
  JsonObject *message = ipc_message ("answer");

  json_object_set_string_member (message, "sdp", sdp);
  ipc_send (worker->ipc, message);
}

static void
refused (guint status, const char *why, gpointer user_data)
{
  Worker *worker = user_data;
  JsonObject *message = ipc_message ("refused");

  json_object_set_int_member (message, "status", status);
  json_object_set_string_member (message, "text", why);
  /* webrtcbin has been touched: this worker is not as good as new */
  json_object_set_boolean_member (message, "used_up", TRUE);
  ipc_send (worker->ipc, message);
  drain (worker, why);
}

static void
lost (const char *why, gpointer user_data)
{
  drain (user_data, why);
}

/* The section of a kind that was accepted; NULL where there is none. */
static const LockstepOfferMedia *
offers (const LockstepOffer * offer, LockstepMediaKind kind)
{
  for (guint i = 0; i < offer->media->len; i++) {
    const LockstepOfferMedia *media = g_ptr_array_index (offer->media, i);

    if (media->kind == kind && media->payload >= 0)
      return media;
  }
  return NULL;
}

static void
stream_added (GstPad * pad, LockstepMediaKind kind, gpointer user_data)
{
  Worker *worker = user_data;
  GstPad *in = kind == LOCKSTEP_MEDIA_AUDIO ? worker->audio_in
      : worker->video_in;
  const LockstepOfferMedia *media;

  if (kind == LOCKSTEP_MEDIA_OTHER || in == NULL) {
    log_warning (worker->channel, "a stream that is neither sound nor picture "
        "is not used");
    return;
  }
  media = offers (webrtc_end_get_offer (worker->end), kind);
  if (media != NULL && g_strcmp0 (media->encoding, "H264") == 0)
    frame_guard_add (in);
  if (GST_PAD_LINK_FAILED (gst_pad_link (pad, in)))
    GST_ELEMENT_ERROR (GST_PAD_PARENT (in), CORE, PAD,
        ("a stream cannot be linked to %s", GST_ELEMENT_NAME (GST_PAD_PARENT
                (in))), (NULL));
}

static const WebrtcEndCallbacks end_callbacks = {
  stream_added, described, refused, connected, lost
};

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
  drain (user_data, why);
}

static void
call_connected (Viewer * viewer, gpointer user_data)
{
  connected (user_data);
}

static void
call_lost (Viewer * viewer, const char *why, gpointer user_data)
{
  drain (user_data, why);
}

static const ViewerCallbacks call_callbacks = {
  call_described, call_refused, call_connected, call_lost
};

static guint64
peers_target (gpointer user_data)
{
  Worker *worker = user_data;

  return worker->call != NULL ? viewer_target (worker->call)
      : worker->viewers != NULL ? viewers_target (worker->viewers) : 0;
}

/* The formats are known: viewers can be answered, or the server called. */
static void
streams_ready (gpointer user_data)
{
  Worker *worker = user_data;
  g_autoptr (LockstepOffer) offer = NULL;
  g_autoptr (GError) error = NULL;
  LockstepBandwidthConfig limits;

  if (worker->draining)
    return;
  g_clear_handle_id (&worker->limit_timer, g_source_remove);
  if (worker->rate != NULL)
    encoder_rate_limits (worker->rate, &limits);
  if (!worker->calling) {
    worker->viewers = viewers_new (worker->ipc, worker->pipeline,
        worker->streams, &worker->config,
        worker->rate != NULL ? &limits : NULL, worker->channel);
    connected (worker);
    return;
  }
  worker->limit_timer =
      g_timeout_add (CONNECT_LIMIT_MS, connect_timed_out, worker);
  if (worker->peer_offer != NULL) {
    offer = lockstep_offer_parse_viewer (worker->peer_offer,
        strlen (worker->peer_offer),
        streams_get_encoding (worker->streams, LOCKSTEP_MEDIA_AUDIO),
        streams_get_encoding (worker->streams, LOCKSTEP_MEDIA_VIDEO), &error);
    if (offer == NULL) {
      drain (worker, error->message);
      return;
    }
  }
  worker->call = viewer_new (worker->pipeline, worker->streams,
      &worker->config, worker->rate != NULL ? &limits : NULL,
      g_steal_pointer (&offer), &call_callbacks, worker, &error);
  if (worker->call == NULL)
    fail (worker, "%s", error->message);
}

/* What the front asks */

static void
add_values (GHashTable * values, JsonObject * object)
{
  g_autoptr (GList) names = object ? json_object_get_members (object) : NULL;

  for (GList * l = names; l != NULL; l = l->next) {
    const char *value = ipc_get_string (object, l->data);

    if (value != NULL)
      g_hash_table_replace (values, g_strdup (l->data), g_strdup (value));
  }
}

static char *
faults_text (GPtrArray * faults)
{
  g_autoptr (GString) text = g_string_new (NULL);

  for (guint i = 0; i < faults->len; i++) {
    const LockstepFault *fault = g_ptr_array_index (faults, i);

    g_string_append_printf (text, "%s%s: %s", i > 0 ? "; " : "", fault->place,
        fault->text);
  }
  return g_string_free (g_steal_pointer (&text), FALSE);
}

static GstElement *
named_element (Worker * worker, const char *place, const char *name)
{
  GstElement *element = gst_bin_get_by_name (GST_BIN (worker->pipeline), name);

  if (element == NULL) {
    worker->exit_code = 78;
    fail (worker, "%s: no element is named '%s'", place, name);
  }
  return element;
}

/* Finds the pad that takes one kind of stream. FALSE: there is none where the preset
 * says. */
static gboolean
find_input (Worker * worker, const char *place, const LockstepStream * stream,
    GstPad ** in)
{
  g_autoptr (GstElement) element = NULL;

  if (stream->element == NULL)
    return TRUE;
  element = named_element (worker, place, stream->element);
  if (element == NULL)
    return FALSE;
  *in = gst_element_get_static_pad (element, stream->pad);
  if (*in == NULL)
    *in = gst_element_request_pad_simple (element, stream->pad);
  if (*in == NULL || !GST_PAD_IS_SINK (*in)) {
    worker->exit_code = 78;
    fail (worker, "%s: '%s' has no sink pad '%s', nor gives one by that name",
        place, stream->element, stream->pad);
    return FALSE;
  }
  return TRUE;
}

static gboolean
find_inputs (Worker * worker)
{
  return find_input (worker, "signalling.audio.element",
      lockstep_preset_get_audio (worker->preset), &worker->audio_in)
      && find_input (worker, "signalling.video.element",
      lockstep_preset_get_video (worker->preset), &worker->video_in);
}

/* The bound of one kind of stream in ms: its own parameter, else the common one. */
static int
latency_of (Worker * worker, const char *name)
{
  const char *own = g_hash_table_lookup (worker->values, name);
  const char *common = g_hash_table_lookup (worker->values, "latency");

  if (own != NULL && own[0] != '-')
    return g_ascii_strtoll (own, NULL, 10);
  return common != NULL ? g_ascii_strtoll (common, NULL, 10) : 200;
}

static gboolean
sends (const LockstepPreset * preset)
{
  return lockstep_preset_get_signalling (preset) == LOCKSTEP_SIGNALLING_WHEP;
}

static void
watch_pipeline (Worker * worker)
{
  g_autoptr (GstBus) bus = gst_element_get_bus (worker->pipeline);

  g_object_set (worker->pipeline, "message-forward", TRUE, NULL);
  worker->bus_watch = gst_bus_add_watch (bus, bus_message, worker);
  worker->stats = worker_stats_new (worker->pipeline, worker->webrtc);
}

/* A pipeline with a source of its own; where it is sent by WebRTC, its streams are handed
 * to each peer's own element. */
static gboolean
prepare_source (Worker * worker)
{
  g_autoptr (GPtrArray) faults = lockstep_faults_new ();

  if (sends (worker->preset)) {
    if (!find_inputs (worker))
      return FALSE;
    worker->streams = streams_new (worker->audio_in, worker->video_in,
        streams_ready, worker);
    worker->rate = encoder_rate_new (worker->preset, worker->values,
        worker->pipeline, worker->streams, peers_target, worker, faults);
    if (faults->len > 0) {
      g_autofree char *text = faults_text (faults);

      worker->exit_code = 78;
      fail (worker, "%s", text);
      return FALSE;
    }
    webrtc_end_warm_up ();
  }
  worker->standby = standby_new (worker->pipeline);
  worker->source = worker_source_new (worker->pipeline);
  watch_pipeline (worker);
  return TRUE;
}

static gboolean
prepare_to_receive (Worker * worker)
{
  g_autoptr (GstElement) webrtc = named_element (worker, "signalling.element",
      lockstep_preset_get_signalling_element (worker->preset));

  if (webrtc == NULL || !find_inputs (worker))
    return FALSE;
  worker->webrtc = webrtc;
  watch_pipeline (worker);
  webrtc_end_warm_up ();
  gst_element_set_state (worker->pipeline, GST_STATE_READY);
  worker->end = webrtc_end_new (webrtc, &worker->config, &end_callbacks,
      worker);
  return TRUE;
}

static const char *
value_of (Worker * worker, const char *name, const char *fallback)
{
  const char *value = g_hash_table_lookup (worker->values, name);

  return value != NULL ? value : fallback;
}

/* FALSE: the preset and its renditions do not fit together. */
static gboolean
prepare_renditions (Worker * worker)
{
  g_autoptr (GError) error = NULL;
  RenditionsConfig config = {
    .list = value_of (worker, "renditions", ""),
    .upscale = g_str_equal (value_of (worker, "upscale", "false"), "true"),
    .audio_bitrate = g_ascii_strtoll (value_of (worker, "audio-bitrate", "0"),
        NULL, 10),
    .target_duration = g_ascii_strtod (value_of (worker, "target-duration",
            "1"), NULL),
  };

  if (config.list[0] == '\0')
    return TRUE;
  worker->renditions = renditions_new (worker->pipeline, &config, &error);
  if (worker->renditions == NULL) {
    worker->exit_code = 78;
    fail (worker, "%s", error->message);
  }
  return worker->renditions != NULL;
}

static void
prepare (Worker * worker, JsonObject * message)
{
  g_autoptr (GPtrArray) faults = lockstep_faults_new ();
  g_autoptr (LockstepLaunch) launch = NULL;
  const char *name = ipc_get_string (message, "preset");

  worker->preset = presets_load (name != NULL ? name : "", faults);
  add_values (worker->values, ipc_get_object (message, "values"));
  if (worker->preset != NULL)
    launch = lockstep_preset_launch (worker->preset, worker->values,
        &presets_machine, faults);
  if (launch != NULL)
    worker->pipeline = presets_build (launch, faults);
  if (worker->pipeline == NULL) {
    g_autofree char *text = faults_text (faults);

    worker->exit_code = 78;
    fail (worker, "%s", text);
    return;
  }
  if (!prepare_renditions (worker))
    return;
  worker->config = (WebrtcEndConfig) {
  .loopback_only =
        ipc_get_boolean (message, "loopback_only"),.public_address =
        g_hash_table_lookup (worker->values, "public-address"),.ice_servers =
        g_hash_table_lookup (worker->values, "ice-servers"),.audio_latency =
        latency_of (worker, "audio-latency"),.video_latency =
        latency_of (worker, "video-latency"),};
  if (lockstep_preset_get_signalling (worker->preset) ==
      LOCKSTEP_SIGNALLING_WHIP ? prepare_to_receive (worker) :
      prepare_source (worker))
    ipc_send (worker->ipc, ipc_message ("ready"));
}

/* Gives the pipeline its channel and starts it. */
static gboolean
start (Worker * worker, JsonObject * message)
{
  g_autoptr (GPtrArray) faults = lockstep_faults_new ();
  g_autoptr (LockstepLaunch) launch = NULL;
  const char *channel = ipc_get_string (message, "channel");

  worker->channel = g_strdup (channel != NULL ? channel : "?");
  g_hash_table_replace (worker->values, g_strdup ("channel"),
      g_strdup (worker->channel));
  launch = lockstep_preset_launch (worker->preset, worker->values,
      &presets_machine, faults);
  if (launch == NULL || !presets_apply (worker->pipeline, launch, faults)) {
    g_autofree char *text = faults_text (faults);

    fail (worker, "%s", text);
    return FALSE;
  }
  if (worker->renditions != NULL) {
    g_autofree char *playlist = g_build_filename (value_of (worker, "output",
            "hls"), worker->channel, "index.m3u8", NULL);

    renditions_start (worker->renditions, playlist, worker->channel);
  }
  worker->archive = archive_of (worker->values, worker->channel);
  if (worker->source == NULL || worker->streams != NULL)
    worker->limit_timer =
        g_timeout_add (CONNECT_LIMIT_MS, connect_timed_out, worker);
  worker->stats_timer = g_timeout_add_seconds (1, tick, worker);
  if (gst_element_set_state (worker->pipeline, GST_STATE_PLAYING) ==
      GST_STATE_CHANGE_FAILURE) {
    g_autoptr (GstBus) bus = gst_element_get_bus (worker->pipeline);
    g_autoptr (GstMessage) why = gst_bus_pop_filtered (bus, GST_MESSAGE_ERROR);

    if (why != NULL)
      bus_message (bus, why, worker);
    else
      fail (worker, "the pipeline does not start");
    return FALSE;
  }
  if (worker->standby != NULL)
    standby_start (worker->standby, worker->channel);
  return TRUE;
}

static void
send_refusal (Worker * worker, const GError * error)
{
  JsonObject *message = ipc_message ("refused");

  json_object_set_int_member (message, "status",
      worker_sdp_status (error, FALSE));
  json_object_set_string_member (message, "text", error->message);
  ipc_send (worker->ipc, message);
}

static void
accept_offer (Worker * worker, JsonObject * message)
{
  const char *sdp = ipc_get_string (message, "sdp");
  g_autoptr (LockstepOffer) offer = NULL;
  g_autoptr (GError) error = NULL;

  offer = lockstep_offer_parse (sdp ? sdp : "", sdp ? strlen (sdp) : 0,
      (const char *const *) lockstep_preset_get_audio (worker->preset)->
      encodings,
      (const char *const *) lockstep_preset_get_video (worker->preset)->
      encodings, &error);
  if (offer == NULL) {
    send_refusal (worker, error);
    return;
  }
  if (!start (worker, message))
    return;
  /* nothing will come for these: the sink need not wait for it */
  if (!offers (offer, LOCKSTEP_MEDIA_AUDIO))
    end_stream (worker->audio_in);
  if (!offers (offer, LOCKSTEP_MEDIA_VIDEO)) {
    if (worker->renditions != NULL)
      renditions_sound_only (worker->renditions);
    end_stream (worker->video_in);
  }
  webrtc_end_accept (worker->end, g_steal_pointer (&offer));
}

static void
trickle (Worker * worker, JsonObject * message)
{
  const LockstepOffer *offer =
      worker->end != NULL ? webrtc_end_get_offer (worker->end) : NULL;
  g_autoptr (LockstepTrickle) parsed =
      worker_sdp_trickle (worker->ipc, message, offer);

  if (parsed != NULL)
    webrtc_end_add_candidates (worker->end, parsed);
}

/* A call: what the peer, or its server, asks for is taken over. */
static void
begin_call (Worker * worker, JsonObject * message)
{
  const char *servers = ipc_get_string (message, "ice_servers");

  worker->calling = TRUE;
  worker->peer_offer = g_strdup (ipc_get_string (message, "sdp"));
  worker->config.relay_only = ipc_get_boolean (message, "relay_only");
  if (servers != NULL) {
    g_hash_table_replace (worker->values, g_strdup ("ice-servers"),
        g_strdup (servers));
    worker->config.ice_servers =
        g_hash_table_lookup (worker->values, "ice-servers");
  }
  start (worker, message);
}

static void
message_to_sender (Worker * worker, const char *type, JsonObject * message)
{
  const char *sdp = ipc_get_string (message, "sdp");

  if (g_str_equal (type, "call") && worker->channel == NULL) {
    begin_call (worker, message);
  } else if (g_str_equal (type, "answer") && worker->call != NULL) {
    viewer_set_answer (worker->call, sdp != NULL ? sdp : "");
  } else if (g_str_equal (type, "candidate") && worker->call != NULL) {
    viewer_add_candidate (worker->call, ipc_get_int (message, "mline", 0),
        ipc_get_string (message, "candidate"));
  }
}

static void
message_from_front (const char *type, JsonObject * message, gpointer user_data)
{
  Worker *worker = user_data;

  if (g_str_equal (type, "prepare") && worker->pipeline == NULL) {
    prepare (worker, message);
  } else if (g_str_equal (type, "stop")) {
    const char *reason = ipc_get_string (message, "reason");

    drain (worker, reason != NULL ? reason : "stopped");
  } else if (worker->stats == NULL || worker->draining) {
    return;
  } else if (worker->source != NULL && worker->channel == NULL
      && g_str_equal (type, "run")) {
    start (worker, message);
    return;
  } else if (ipc_get_string (message, "viewer") != NULL) {
    if (worker->viewers != NULL)
      viewers_message (worker->viewers, type, message);
  } else if (worker->streams != NULL) {
    message_to_sender (worker, type, message);
  } else if (g_str_equal (type, "offer") && worker->channel == NULL) {
    accept_offer (worker, message);
  } else if (g_str_equal (type, "trickle")) {
    trickle (worker, message);
  }
}

static void
front_gone (const char *reason, gpointer user_data)
{
  Worker *worker = user_data;

  drain (worker, "the launcher is gone");
}

static gboolean
terminated (gpointer user_data)
{
  drain (user_data, "terminated");
  return G_SOURCE_CONTINUE;
}

int
worker_run (int fd)
{
  Worker worker = { NULL };
  JsonObject *ended;

  failure_keep_log ();
  /* Ctrl-C reaches the whole group: the front says when to stop. A front that
   * dies must not leave workers behind. */
  signal (SIGINT, SIG_IGN);
  prctl (PR_SET_PDEATHSIG, SIGTERM);
  worker.loop = g_main_loop_new (NULL, FALSE);
  worker.values = g_hash_table_new_full (g_str_hash, g_str_equal, g_free,
      g_free);
  /* The pipeline is built before there is a channel to name. */
  g_hash_table_insert (worker.values, g_strdup ("channel"), g_strdup ("-"));
  worker.ipc = ipc_new (fd, message_from_front, front_gone, &worker);
  g_unix_signal_add (SIGTERM, terminated, &worker);
  g_main_loop_run (worker.loop);

  if (worker.archive != NULL)
    archive_finish (worker.archive, ARCHIVE_LIMIT_MS);
  ended = ipc_message ("ended");
  ipc_send (worker.ipc, ended);
  ipc_flush (worker.ipc, 500);
  /* Closing tells the peer (DTLS close_notify). SIGALRM ends the process where
   * that hangs. */
  alarm (TEAR_DOWN_LIMIT_S);
  if (worker.viewers != NULL)
    viewers_close (worker.viewers);
  if (worker.call != NULL)
    viewer_free (worker.call);
  while (viewer_count_closing () > 0)
    g_usleep (1000);
  if (worker.pipeline != NULL)
    gst_element_set_state (worker.pipeline, GST_STATE_NULL);
  _exit (worker.exit_code);
}
