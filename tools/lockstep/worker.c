/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The worker: one pipeline for one live channel, in a process of its own. It talks
 * JSON lines with the front over the socket it is given, and ends with its session.
 *
 *   front                              worker
 *   prepare {preset, values, ice…} ──►  builds the pipeline
 *                                  ◄──  ready
 *   offer {channel, values, sdp}   ──►
 *                                  ◄──  answer {sdp} | refused {status, text}
 *   call {channel, sdp, ice_servers, relay_only, trickle}  ──►  (WHIP or WebSocket)
 *                                  ◄──  offer {sdp}: its offer, or its answer to sdp
 *                                  ◄──  candidate {candidate}; without it: the last
 *   candidate {mline, candidate}   ──►
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
 *   text {text}                    ──►  to each peer's data channel
 *                                  ◄──  text-taken
 *                                  ◄──  text {channel, text}: of a peer
 *   stop                           ──►  drains
 *                                  ◄──  ended {reason}
 *
 * After "refused" the worker is as good as new; after anything else it is used up.
 */
#include "worker.h"
#include "worker-private.h"
#include "failure.h"
#include "log.h"
#include "packet-guard.h"
#include "presets.h"

#include <errno.h>
#include <fcntl.h>
#include <glib-unix.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/prctl.h>
#include <unistd.h>

/* A publisher that connected sends media, or RTCP at least every few seconds. */
#define IDLE_LIMIT_US (7 * G_USEC_PER_SEC)
/* Until a pipeline plays, its sinks take no more than one buffer; and flvdemux says only
 * after 6 s of media that there is no sound to wait for. */
#define START_LIMIT_US (20 * G_USEC_PER_SEC)
#define CONNECT_LIMIT_MS 20000
/* Of a source that is over nothing more comes out. */
#define ENDED_LIMIT_S 2
#define DRAIN_LIMIT_MS 2000
/* webrtcbin 1.22.0 can hang on its way to NULL */
#define TEAR_DOWN_LIMIT_S 2
#define ARCHIVE_LIMIT_MS 1500

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
void
worker_end_stream (GstPad * in)
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
  worker_end_stream (worker->audio_in);
  worker_end_stream (worker->video_in);
  return NULL;
}

static gboolean
has_nothing (Worker * worker)
{
  return worker->source != NULL && worker->stats != NULL
      && !worker_source_is_finite (worker->source)
      && worker_stats_idle_us (worker->stats) < 0;
}

/* Ends the session: what was received becomes a last segment, then the front is
 * told. */
void
worker_drain (Worker * worker, const char *reason)
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
  /* a sender has nothing to finish, and its peer is told by closing; nor has a source that
   * still waits for its own */
  if (worker->pipeline == NULL || GST_STATE (worker->pipeline) <
      GST_STATE_PAUSED || lockstep_preset_get_signalling (worker->preset) ==
      LOCKSTEP_SIGNALLING_WHEP || has_nothing (worker)) {
    quit (worker);
    return;
  }
  worker->limit_timer = g_timeout_add (DRAIN_LIMIT_MS, drain_timed_out, worker);
  g_thread_unref (g_thread_new ("drain", send_all_eos, worker));
}

void
worker_fail (Worker * worker, const char *format, ...)
{
  g_autofree char *reason = NULL;
  va_list args;

  va_start (args, format);
  reason = g_strdup_vprintf (format, args);
  va_end (args);
  worker_drain (worker, reason);
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
  worker_drain (worker, "the stream ended");
  quit (worker);
}

void
worker_connected (gpointer user_data)
{
  Worker *worker = user_data;

  worker->connected = TRUE;
  g_clear_handle_id (&worker->limit_timer, g_source_remove);
  ipc_send (worker->ipc, ipc_message ("connected"));
}

/* What to change where a device cannot be had: "; device is 'x' (what it may be)", or "". */
static char *
device_advice (Worker * worker, GstMessage * message)
{
  const LockstepParameter *p = lockstep_preset_device_parameter (worker->preset,
      GST_OBJECT_NAME (message->src));
  g_autoptr (GError) error = NULL;

  gst_message_parse_error (message, &error, NULL);
  if (error->domain != GST_RESOURCE_ERROR || p == NULL)
    return g_strdup ("");
  return g_strdup_printf ("; %s is '%s' (%s)", p->name,
      (const char *) g_hash_table_lookup (worker->values, p->name), p->summary);
}

/* @debug: its first line says where in GStreamer's source this is, which the failure's file
 * has; what follows is the element's own words. */
static char *
error_text (Worker * worker, GstMessage * message, const GError * error,
    const char *debug)
{
  const char *more = debug != NULL ? strchr (debug, '\n') : NULL;
  g_autofree char *advice = device_advice (worker, message);

  if (more == NULL || more[1] == '\0')
    return g_strdup_printf ("%s: %s%s", GST_OBJECT_NAME (message->src),
        error->message, advice);
  return g_strdup_printf ("%s: %s (%s)%s", GST_OBJECT_NAME (message->src),
      error->message, more + 1, advice);
}

static gboolean
device_is_away (Worker * worker, GstMessage * message)
{
  g_autofree char *advice = device_advice (worker, message);

  return worker->standby != NULL
      && standby_take_error (worker->standby, message, advice);
}

static gboolean
bus_message (GstBus * bus, GstMessage * message, gpointer user_data)
{
  Worker *worker = user_data;
  g_autoptr (GError) error = NULL;
  g_autofree char *debug = NULL;
  g_autofree char *raw = NULL;
  g_autofree char *shown = NULL;

  switch (GST_MESSAGE_TYPE (message)) {
    case GST_MESSAGE_ERROR:
      if (device_is_away (worker, message))
        break;
      gst_message_parse_error (message, &error, &debug);
      /* the first error alone: those that follow come of it */
      if (worker->channel != NULL && !worker->draining)
        failure_report (worker->channel, worker->preset, worker->values,
            worker->pipeline, message);
      if (worker->failure == 0)
        worker->failure = worker_source_exit_code (error);
      raw = error_text (worker, message, error, debug);
      shown = failure_hide_secrets (worker->preset, worker->values, raw);
      worker_fail (worker, "%s", shown);
      if (worker->draining && GST_STATE (worker->pipeline) < GST_STATE_PLAYING)
        quit (worker);
      break;
    case GST_MESSAGE_WARNING:
      gst_message_parse_warning (message, &error, &debug);
      /* GStreamer's words for that one are "Delayed linking failed." */
      shown = g_error_matches (error, GST_PARSE_ERROR,
          GST_PARSE_ERROR_DELAYED_LINK)
          ? g_strdup ("the source has no stream for a branch of the pipeline, "
          "which gets nothing until one comes")
          : failure_hide_secrets (worker->preset, worker->values,
          error->message);
      log_warning_bounded (&worker->said, worker->channel, "%s: %s",
          GST_OBJECT_NAME (message->src), shown);
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

static gint64
idle_limit (Worker * worker)
{
  return worker->source != NULL
      && GST_STATE (worker->pipeline) < GST_STATE_PLAYING
      ? START_LIMIT_US : IDLE_LIMIT_US;
}

static gboolean
tick (gpointer user_data)
{
  Worker *worker = user_data;
  gint64 idle = worker_stats_idle_us (worker->stats);
  JsonObject *message = worker_stats_message (worker->stats);

  if (worker->renditions != NULL) {
    worker->sinks_ended -= renditions_look (worker->renditions,
        worker->draining);
    renditions_add_stats (worker->renditions, message);
  }
  if (worker->standby != NULL)
    json_object_set_boolean_member (message, "device_away",
        standby_look (worker->standby));
  if (worker->source != NULL) {
    worker_source_add_progress (worker->source, message);
    if (!worker->connected && !worker->draining && worker->streams == NULL
        && idle >= 0)
      worker_connected (worker);
    /* a demuxer that found no stream keeps the end to itself */
    if (!worker->connected && worker->streams == NULL
        && worker_source_ended (worker->source, ENDED_LIMIT_S)
        && !worker_source_is_finite (worker->source))
      worker_fail (worker, "the source ended, and nothing came of it");
  }
  if (worker->streams != NULL)
    worker_add_sent (worker, message);
  ipc_send (worker->ipc, message);
  if (worker->call != NULL && worker->connected
      && viewer_idle_us (worker->call) > IDLE_LIMIT_US)
    worker_drain (worker, "the server vanished: nothing came from it for 7 s");
  if (!worker->connected || idle <= idle_limit (worker))
    return G_SOURCE_CONTINUE;
  if (worker->source == NULL)
    worker_drain (worker, "the peer vanished: nothing came from it for 7 s");
  else if (!worker_source_is_finite (worker->source))
    /* what comes after so long is a stream of its own */
    worker_fail (worker, "the source is silent: nothing came from it for %d s",
        (int) (idle_limit (worker) / G_USEC_PER_SEC));
  return G_SOURCE_CONTINUE;
}

static gboolean
connect_timed_out (gpointer user_data)
{
  Worker *worker = user_data;

  worker->limit_timer = 0;
  if (worker->streams != NULL && worker->call == NULL)
    worker_drain (worker, "no sound or no picture came within 20 s");
  else
    worker_drain (worker, "no connection came about within 20 s");
  return G_SOURCE_REMOVE;
}

void
worker_limit_connecting (Worker * worker)
{
  worker->limit_timer =
      g_timeout_add (CONNECT_LIMIT_MS, connect_timed_out, worker);
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

char *
worker_faults_text (GPtrArray * faults)
{
  g_autoptr (GString) text = g_string_new (NULL);

  for (guint i = 0; i < faults->len; i++) {
    const LockstepFault *fault = g_ptr_array_index (faults, i);

    g_string_append_printf (text, "%s%s: %s", i > 0 ? "; " : "", fault->place,
        fault->text);
  }
  return g_string_free (g_steal_pointer (&text), FALSE);
}

GstElement *
worker_named_element (Worker * worker, const char *place, const char *name)
{
  GstElement *element = gst_bin_get_by_name (GST_BIN (worker->pipeline), name);

  if (element == NULL) {
    worker->exit_code = 78;
    worker_fail (worker, "%s: no element is named '%s'", place, name);
  }
  return element;
}

/* How many streams of a kind there are: the items of its parameter, or one. */
static guint
n_items (Worker * worker, const LockstepStream * stream)
{
  const char *value = stream->parameter == NULL ? NULL
      : g_hash_table_lookup (worker->values, stream->parameter);
  guint n = 1;

  if (value == NULL || value[0] == '\0')
    return value == NULL;
  for (const char *c = value; (c = strchr (c, ',')) != NULL; c++)
    n++;
  return n;
}

/* Finds the pad that takes one kind of stream. FALSE: there is none where the preset
 * says. */
static gboolean
find_input (Worker * worker, const char *place, const LockstepStream * stream,
    guint index, GstPad ** in)
{
  g_autofree char *name = lockstep_stream_element (stream, index);
  g_autoptr (GstElement) element = NULL;

  if (name == NULL || index >= n_items (worker, stream))
    return TRUE;
  element = worker_named_element (worker, place, name);
  if (element == NULL)
    return FALSE;
  *in = gst_element_get_static_pad (element, stream->pad);
  if (*in == NULL)
    *in = gst_element_request_pad_simple (element, stream->pad);
  if (*in == NULL || !GST_PAD_IS_SINK (*in)) {
    worker->exit_code = 78;
    worker_fail (worker,
        "%s: '%s' has no sink pad '%s', nor gives one by that name", place,
        name, stream->pad);
    return FALSE;
  }
  return TRUE;
}

gboolean
worker_find_inputs (Worker * worker)
{
  gboolean ok = find_input (worker, "signalling.audio.element",
      lockstep_preset_get_audio (worker->preset), 0, &worker->audio_in)
      && find_input (worker, "signalling.video.element",
      lockstep_preset_get_video (worker->preset), 0, &worker->video_in);

  for (guint i = 0; ok && i < STREAMS_MAX_PREVIEWS; i++)
    ok = find_input (worker, "signalling.preview.element",
        lockstep_preset_get_preview (worker->preset), i,
        &worker->preview_in[i]);
  return ok;
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

void
worker_watch_pipeline (Worker * worker)
{
  g_autoptr (GstBus) bus = gst_element_get_bus (worker->pipeline);

  g_object_set (worker->pipeline, "message-forward", TRUE, NULL);
  worker->bus_watch = gst_bus_add_watch (bus, bus_message, worker);
  worker->stats = worker_stats_new (worker->pipeline, worker->webrtc,
      worker->preview_in);
}

/* A pipeline with a source of its own; where it is sent by WebRTC, its streams are handed
 * to each peer's own element. */
static gboolean
prepare_source (Worker * worker)
{
  if (sends (worker->preset) && !worker_prepare_to_send (worker))
    return FALSE;
  worker->standby = standby_new (worker->pipeline);
  worker->source = worker_source_new (worker->pipeline);
  worker_watch_pipeline (worker);
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
    .retry = g_ascii_strtod (value_of (worker, "retry-after", "0"), NULL),
  };

  if (config.list[0] == '\0')
    return TRUE;
  worker->renditions = renditions_new (worker->pipeline, &config, &error);
  if (worker->renditions == NULL) {
    worker->exit_code = 78;
    worker_fail (worker, "%s", error->message);
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
    g_autofree char *text = worker_faults_text (faults);

    worker->exit_code = 78;
    worker_fail (worker, "%s", text);
    return;
  }
  packet_guard_add (GST_BIN (worker->pipeline));
  if (!prepare_renditions (worker))
    return;
  worker->config = (WebrtcEndConfig) {
  .loopback_only =
        ipc_get_boolean (message, "loopback_only"),.public_address =
        g_hash_table_lookup (worker->values, "public-address"),.ice_servers =
        g_hash_table_lookup (worker->values, "ice-servers"),.audio_latency =
        latency_of (worker, "audio-latency"),.video_latency =
        latency_of (worker, "video-latency"),.data_label =
        g_hash_table_lookup (worker->values, "data-channel"),};
  if (lockstep_preset_get_signalling (worker->preset) ==
      LOCKSTEP_SIGNALLING_WHIP ? worker_prepare_to_receive (worker) :
      prepare_source (worker))
    ipc_send (worker->ipc, ipc_message ("ready"));
}

/* Two that write one playlist would spoil it for both, and nothing else would say why. The
 * lock lasts as long as this process; a file system without locks is no fault. */
static void
claim_folder (Worker * worker)
{
  const char *output = value_of (worker, "output", NULL);
  g_autofree char *folder = output == NULL ? NULL
      : g_build_filename (output, worker->channel, NULL);
  int fd;

  if (folder == NULL || g_mkdir_with_parents (folder, 0777) != 0)
    return;                     /* the sink says what is wrong */
  fd = open (folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd >= 0 && flock (fd, LOCK_EX | LOCK_NB) != 0) {
    if (errno == EWOULDBLOCK)
      log_warning (worker->channel, "another one writes to %s as well, which "
          "spoils the playlist of both: give each an output= or a channel of "
          "its own", folder);
    close (fd);
  }
}

gboolean
worker_start (Worker * worker, JsonObject * message)
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
    g_autofree char *text = worker_faults_text (faults);

    worker_fail (worker, "%s", text);
    return FALSE;
  }
  if (worker->renditions != NULL) {
    g_autofree char *playlist = g_build_filename (value_of (worker, "output",
            "hls"), worker->channel, "index.m3u8", NULL);

    renditions_start (worker->renditions, playlist, worker->channel);
  }
  claim_folder (worker);
  worker->archive = archive_of (worker->values, worker->channel);
  if (worker->source == NULL || worker->streams != NULL)
    worker_limit_connecting (worker);
  worker->stats_timer = g_timeout_add_seconds (1, tick, worker);
  if (gst_element_set_state (worker->pipeline, GST_STATE_PLAYING) ==
      GST_STATE_CHANGE_FAILURE) {
    g_autoptr (GstBus) bus = gst_element_get_bus (worker->pipeline);
    g_autoptr (GstMessage) why = gst_bus_pop_filtered (bus, GST_MESSAGE_ERROR);

    if (why != NULL)
      bus_message (bus, why, worker);
    else
      worker_fail (worker, "the pipeline does not start");
    return FALSE;
  }
  if (worker->standby != NULL)
    standby_start (worker->standby, worker->channel);
  return TRUE;
}

/* Peers of a channel, all together: so many messages at once, then so many a second. */
#define TEXT_BURST 200
#define TEXTS_PER_SECOND 200

void
worker_text_came (const char *text, gpointer user_data)
{
  Worker *worker = user_data;
  gint64 now = g_get_monotonic_time ();
  JsonObject *message;

  worker->text_allowance = MIN (TEXT_BURST * 1000, worker->text_allowance
      + (now - worker->text_time) * TEXTS_PER_SECOND / 1000);
  worker->text_time = now;
  if (worker->text_allowance < 1000 || worker->draining)
    return;
  worker->text_allowance -= 1000;
  message = ipc_message ("text");
  json_object_set_string_member (message, "channel", worker->channel);
  json_object_set_string_member (message, "text", text);
  ipc_send (worker->ipc, message);
}

/* A peer that is slow, or has no channel, does not get it. */
static void
send_text (Worker * worker, const char *text)
{
  if (worker->viewers != NULL)
    viewers_send_text (worker->viewers, text);
  if (worker->call != NULL)
    viewer_send_text (worker->call, text);
  if (worker->end != NULL)
    webrtc_end_send_text (worker->end, text);
}

static void
message_from_front (const char *type, JsonObject * message, gpointer user_data)
{
  Worker *worker = user_data;

  if (g_str_equal (type, "prepare") && worker->pipeline == NULL) {
    prepare (worker, message);
  } else if (g_str_equal (type, "stop")) {
    const char *reason = ipc_get_string (message, "reason");

    worker_drain (worker, reason != NULL ? reason : "stopped");
  } else if (g_str_equal (type, "text")) {
    const char *text = ipc_get_string (message, "text");

    if (text != NULL && !worker->draining)
      send_text (worker, text);
    ipc_send (worker->ipc, ipc_message ("text-taken"));
  } else if (worker->stats == NULL || worker->draining) {
    return;
  } else if (worker->source != NULL && worker->channel == NULL
      && g_str_equal (type, "run")) {
    worker_start (worker, message);
    return;
  } else if (ipc_get_string (message, "viewer") != NULL) {
    if (worker->viewers != NULL)
      viewers_message (worker->viewers, type, message);
  } else if (worker->streams != NULL) {
    worker_message_to_sender (worker, type, message);
  } else if (g_str_equal (type, "offer") && worker->channel == NULL) {
    worker_accept_offer (worker, message);
  } else if (g_str_equal (type, "trickle")) {
    worker_trickle (worker, message);
  }
}

static void
front_gone (const char *reason, gpointer user_data)
{
  Worker *worker = user_data;

  worker_drain (worker, "the launcher is gone");
}

static gboolean
terminated (gpointer user_data)
{
  worker_drain (user_data, "terminated");
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
  worker_close_peers (&worker);
  if (worker.pipeline != NULL)
    gst_element_set_state (worker.pipeline, GST_STATE_NULL);
  _exit (worker.exit_code);
}
