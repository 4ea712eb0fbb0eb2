/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The worker: one pipeline for one live channel, in a process of its own. It talks
 * JSON lines with the front over the socket it is given, and ends with its session.
 *
 *   front                              worker
 *   prepare {preset, values, ice…} ──►  builds the pipeline
 *                                  ◄──  ready
 *   offer {channel, values, sdp}   ──►
 *                                  ◄──  answer {sdp} | refused {status, text}
 *   call {channel, values}         ──►  (a WHIP client)
 *                                  ◄──  offer {sdp}
 *   answer {sdp}                   ──►
 *   trickle {id, sdpfrag}          ──►
 *                                  ◄──  trickled {id, status, text}
 *                                  ◄──  connected, stats …, segment …
 *   stop                           ──►  drains
 *                                  ◄──  ended {reason}
 *
 * After "refused" the worker is as good as new; after anything else it is used up.
 */
#include "worker.h"
#include "frame-guard.h"
#include "ipc.h"
#include "log.h"
#include "presets.h"
#include "webrtc-end.h"
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

typedef struct
{
  GMainLoop *loop;
  Ipc *ipc;
  LockstepPreset *preset;
  GHashTable *values;
  GstElement *pipeline;
  WebrtcEnd *end;
  WorkerStats *stats;
  char *channel;
  gpointer webrtc;              /* the element in the pipeline */
  guint sinks_ended;
  gboolean connected, draining;
  guint stats_timer, limit_timer, bus_watch;
  int exit_code;
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
end_stream (Worker * worker, const LockstepStream * stream)
{
  g_autoptr (GstElement) element = NULL;
  g_autoptr (GstPad) sink = NULL;

  if (stream->element == NULL)
    return;
  element = gst_bin_get_by_name (GST_BIN (worker->pipeline), stream->element);
  sink = gst_element_get_static_pad (element, "sink");
  gst_pad_send_event (sink, gst_event_new_eos ());
}

/* From a thread: EOS waits for the streaming threads. */
static gpointer
send_all_eos (gpointer user_data)
{
  Worker *worker = user_data;

  end_stream (worker, lockstep_preset_get_audio (worker->preset));
  end_stream (worker, lockstep_preset_get_video (worker->preset));
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
  ipc_send (worker->ipc, ended);
  g_clear_handle_id (&worker->limit_timer, g_source_remove);
  /* a sender has nothing to finish, and its peer is told by closing */
  if (worker->pipeline == NULL || GST_STATE (worker->pipeline) <
      GST_STATE_PAUSED || lockstep_preset_get_signalling (worker->preset) !=
      LOCKSTEP_SIGNALLING_WHIP) {
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
send_segment (Worker * worker, const GstStructure * s)
{
  JsonObject *message = ipc_message ("segment");
  guint64 value;

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
  sinks = gst_bin_iterate_sinks (GST_BIN (worker->pipeline));
  while (gst_iterator_next (sinks, &item) == GST_ITERATOR_OK) {
    wanted += g_value_get_object (&item) != worker->webrtc;
    g_value_reset (&item);
  }
  g_value_unset (&item);
  if (worker->sinks_ended < wanted)
    return;
  if (worker->draining)
    quit (worker);
  else
    drain (worker, "the stream ended");
}

static gboolean
bus_message (GstBus * bus, GstMessage * message, gpointer user_data)
{
  Worker *worker = user_data;
  g_autoptr (GError) error = NULL;
  g_autofree char *debug = NULL;

  switch (GST_MESSAGE_TYPE (message)) {
    case GST_MESSAGE_ERROR:
      gst_message_parse_error (message, &error, &debug);
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
      if (gst_message_has_name (message, "hlsalignsink-segment"))
        send_segment (worker, gst_message_get_structure (message));
      else if (gst_message_has_name (message, "GstBinForwarded"))
        forwarded (worker, gst_message_get_structure (message));
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

  ipc_send (worker->ipc, worker_stats_message (worker->stats));
  if (worker->connected && worker_stats_idle_us (worker->stats) > IDLE_LIMIT_US)
    drain (worker, "the peer vanished: nothing came from it for 7 s");
  return G_SOURCE_CONTINUE;
}

static gboolean
connect_timed_out (gpointer user_data)
{
  Worker *worker = user_data;

  worker->limit_timer = 0;
  drain (worker, "no connection came about within 20 s");
  return G_SOURCE_REMOVE;
}

/* webrtc-end's callbacks */

static void
described (const char *sdp, gpointer user_data)
{
  Worker *worker = user_data;
  const LockstepOffer *offer = webrtc_end_get_offer (worker->end);
  JsonObject *message = ipc_message (offer != NULL ? "answer" : "offer");

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
connected (gpointer user_data)
{
  Worker *worker = user_data;

  worker->connected = TRUE;
  g_clear_handle_id (&worker->limit_timer, g_source_remove);
  ipc_send (worker->ipc, ipc_message ("connected"));
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
  const LockstepStream *stream = kind == LOCKSTEP_MEDIA_AUDIO
      ? lockstep_preset_get_audio (worker->preset)
      : lockstep_preset_get_video (worker->preset);
  const LockstepOfferMedia *media;
  g_autoptr (GstElement) element = NULL;
  g_autoptr (GstPad) sink = NULL;

  if (kind == LOCKSTEP_MEDIA_OTHER || stream->element == NULL) {
    log_warning (worker->channel, "a stream that is neither sound nor picture "
        "is not used");
    return;
  }
  element = gst_bin_get_by_name (GST_BIN (worker->pipeline), stream->element);
  sink = gst_element_get_static_pad (element, "sink");
  media = offers (webrtc_end_get_offer (worker->end), kind);
  if (media != NULL && g_strcmp0 (media->encoding, "H264") == 0)
    frame_guard_add (sink);
  if (GST_PAD_LINK_FAILED (gst_pad_link (pad, sink)))
    GST_ELEMENT_ERROR (element, CORE, PAD, ("a stream cannot be linked to %s",
            stream->element), (NULL));
}

static const WebrtcEndCallbacks end_callbacks = {
  stream_added, described, refused, connected, lost
};

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

static gboolean
check_stream (Worker * worker, const char *place, const LockstepStream * stream)
{
  g_autoptr (GstElement) element = NULL;
  g_autoptr (GstPad) sink = NULL;

  if (stream->element == NULL)
    return TRUE;
  element = named_element (worker, place, stream->element);
  if (element == NULL)
    return FALSE;
  sink = gst_element_get_static_pad (element, "sink");
  if (sink == NULL) {
    worker->exit_code = 78;
    fail (worker, "%s: '%s' has no pad 'sink'", place, stream->element);
  }
  return sink != NULL;
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

static void
prepare (Worker * worker, JsonObject * message)
{
  g_autoptr (GPtrArray) faults = lockstep_faults_new ();
  g_autoptr (LockstepLaunch) launch = NULL;
  g_autoptr (GstElement) webrtc = NULL;
  g_autoptr (GstBus) bus = NULL;
  const char *name = ipc_get_string (message, "preset");

  worker->preset = presets_load (name != NULL ? name : "", faults);
  add_values (worker->values, ipc_get_object (message, "values"));
  if (worker->preset != NULL)
    launch = lockstep_preset_launch (worker->preset, worker->values,
        presets_has_element, NULL, faults);
  if (launch != NULL)
    worker->pipeline = presets_build (launch, faults);
  if (worker->pipeline == NULL) {
    g_autofree char *text = faults_text (faults);

    worker->exit_code = 78;
    fail (worker, "%s", text);
    return;
  }
  webrtc = named_element (worker, "signalling.element",
      lockstep_preset_get_signalling_element (worker->preset));
  if (webrtc == NULL
      || !check_stream (worker, "signalling.audio.element",
          lockstep_preset_get_audio (worker->preset))
      || !check_stream (worker, "signalling.video.element",
          lockstep_preset_get_video (worker->preset)))
    return;
  worker->webrtc = webrtc;
  g_object_set (worker->pipeline, "message-forward", TRUE, NULL);
  bus = gst_element_get_bus (worker->pipeline);
  worker->bus_watch = gst_bus_add_watch (bus, bus_message, worker);
  worker->stats = worker_stats_new (worker->pipeline, webrtc);
  webrtc_end_warm_up ();
  gst_element_set_state (worker->pipeline, GST_STATE_READY);
  {
    WebrtcEndConfig config = {
      .loopback_only = ipc_get_boolean (message, "loopback_only"),
      .public_address = g_hash_table_lookup (worker->values, "public-address"),
      .ice_servers = g_hash_table_lookup (worker->values, "ice-servers"),
      .audio_latency = latency_of (worker, "audio-latency"),
      .video_latency = latency_of (worker, "video-latency"),
    };

    worker->end = webrtc_end_new (webrtc, &config, &end_callbacks, worker);
  }
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
      presets_has_element, NULL, faults);
  if (launch == NULL || !presets_apply (worker->pipeline, launch, faults)) {
    g_autofree char *text = faults_text (faults);

    fail (worker, "%s", text);
    return FALSE;
  }
  worker->limit_timer =
      g_timeout_add (CONNECT_LIMIT_MS, connect_timed_out, worker);
  worker->stats_timer = g_timeout_add_seconds (1, tick, worker);
  if (gst_element_set_state (worker->pipeline, GST_STATE_PLAYING) ==
      GST_STATE_CHANGE_FAILURE) {
    fail (worker, "the pipeline does not start");
    return FALSE;
  }
  return TRUE;
}

static void
send_refusal (Worker * worker, const char *type, const GError * error)
{
  JsonObject *message = ipc_message (type);
  guint status = 400;

  if (g_error_matches (error, LOCKSTEP_SDP_ERROR,
          LOCKSTEP_SDP_ERROR_UNSUPPORTED))
    status = 422;
  else if (g_error_matches (error, LOCKSTEP_SDP_ERROR,
          LOCKSTEP_SDP_ERROR_TOO_LARGE))
    status = 413;
  json_object_set_int_member (message, "status", status);
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
    send_refusal (worker, "refused", error);
    return;
  }
  if (!start (worker, message))
    return;
  /* nothing will come for these: the sink need not wait for it */
  if (!offers (offer, LOCKSTEP_MEDIA_AUDIO))
    end_stream (worker, lockstep_preset_get_audio (worker->preset));
  if (!offers (offer, LOCKSTEP_MEDIA_VIDEO))
    end_stream (worker, lockstep_preset_get_video (worker->preset));
  webrtc_end_accept (worker->end, g_steal_pointer (&offer));
}

static void
trickle (Worker * worker, JsonObject * message)
{
  const char *body = ipc_get_string (message, "sdpfrag");
  const LockstepOffer *offer = webrtc_end_get_offer (worker->end);
  g_autoptr (LockstepTrickle) parsed = NULL;
  g_autoptr (GError) error = NULL;
  JsonObject *reply;

  if (offer == NULL || body == NULL)
    return;
  reply = ipc_message ("trickled");
  json_object_set_int_member (reply, "id", ipc_get_int (message, "id", 0));
  parsed = lockstep_trickle_parse (body, strlen (body), offer, &error);
  if (parsed == NULL) {
    json_object_set_int_member (reply, "status", 400);
    json_object_set_string_member (reply, "text", error->message);
  } else if (parsed->restart) {
    json_object_set_int_member (reply, "status", 422);
    json_object_set_string_member (reply, "text",
        "ICE restart is not supported here: publish again with a new POST");
  } else {
    webrtc_end_add_candidates (worker->end, parsed);
    json_object_set_int_member (reply, "status", 204);
  }
  ipc_send (worker->ipc, reply);
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
  } else if (worker->end == NULL || worker->draining) {
    return;
  } else if (g_str_equal (type, "offer") && worker->channel == NULL) {
    accept_offer (worker, message);
  } else if (g_str_equal (type, "call") && worker->channel == NULL) {
    if (start (worker, message))
      webrtc_end_call (worker->end);
  } else if (g_str_equal (type, "answer") && worker->channel != NULL) {
    const char *sdp = ipc_get_string (message, "sdp");

    webrtc_end_set_answer (worker->end, sdp != NULL ? sdp : "");
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

  ended = ipc_message ("ended");
  ipc_send (worker.ipc, ended);
  ipc_flush (worker.ipc, 500);
  /* Closing tells the peer (DTLS close_notify). SIGALRM ends the process where
   * that hangs. */
  alarm (TEAR_DOWN_LIMIT_S);
  if (worker.pipeline != NULL)
    gst_element_set_state (worker.pipeline, GST_STATE_NULL);
  _exit (worker.exit_code);
}
