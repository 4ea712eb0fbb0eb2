/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* WebRTC SFU Sora's messages, as its SDKs send them: the server makes the offer;
 * once its data channels are open, signalling may move to them. */
#include "signaller-private.h"

#define SORA_CLIENT "Lockstep"
#define SIGNALING "signaling"
#define STATS "stats"

/* What the server says over each of its channels. JSON-RPC on "rpc" answers requests, and
 * none are made here. */
static const struct
{
  const char *label, *type;
} said[] = {
  {SIGNALING, "re-offer"},
  {SIGNALING, "update"},
  {SIGNALING, "candidate"},
  {SIGNALING, "close"},
  {SIGNALING, "disconnect"},
  {"notify", "notify"},
  {"push", "push"},
  {STATS, "req-stats"},
};

static void
set_flag (JsonBuilder * builder, const char *member, gboolean value)
{
  json_builder_set_member_name (builder, member);
  json_builder_add_boolean_value (builder, value);
}

static void
set_node (JsonBuilder * builder, const char *member, JsonNode * node)
{
  if (!node)
    return;
  json_builder_set_member_name (builder, member);
  json_builder_add_value (builder, json_node_copy (node));
}

/* "audio": false, true, or what is asked of it. */
static void
set_media (JsonBuilder * builder, const char *member, gboolean wanted,
    const char *codec, guint bitrate)
{
  if (!wanted || (!codec && !bitrate)) {
    set_flag (builder, member, wanted);
    return;
  }
  json_builder_set_member_name (builder, member);
  json_builder_begin_object (builder);
  signaller_set (builder, "codec_type", codec);
  if (bitrate) {
    json_builder_set_member_name (builder, "bit_rate");
    json_builder_add_int_value (builder, bitrate);
  }
  json_builder_end_object (builder);
}

void
sora_greet (LockstepSignaller * s)
{
  JsonBuilder *builder = signaller_begin ("connect");

  signaller_set (builder, "role", "sendonly");
  signaller_set (builder, "channel_id", s->channel);
  signaller_set (builder, "client_id", s->client_id);
  signaller_set (builder, "bundle_id", s->bundle_id);
  set_node (builder, "metadata", s->metadata);
  set_node (builder, "signaling_notify_metadata", s->notify_metadata);
  set_media (builder, "audio", s->audio, s->audio_bitrate ? "OPUS" : NULL,
      s->audio_bitrate);
  set_media (builder, "video", s->video, s->video_codec, s->video_bitrate);
  if (s->simulcast)
    set_flag (builder, "simulcast", TRUE);
  if (s->data_channel_signaling)
    set_flag (builder, "data_channel_signaling", TRUE);
  if (s->ignore_disconnect_websocket)
    set_flag (builder, "ignore_disconnect_websocket", TRUE);
  set_node (builder, "data_channels", s->data_channels);
  if (s->redirected)
    set_flag (builder, "redirect", TRUE);
  signaller_set (builder, "sora_client", SORA_CLIENT);
  signaller_send (s, NULL, builder);
}

static gboolean
is_said (const char *label, const char *type)
{
  for (guint i = 0; i < G_N_ELEMENTS (said); i++)
    if (g_str_equal (said[i].label, label)
        && (!type || g_str_equal (said[i].type, type)))
      return TRUE;
  return FALSE;
}

/* Whether messages of that channel are for us. */
gboolean
sora_knows (const char *label)
{
  return is_said (label, NULL);
}

/* Where signalling goes now: a label, or NULL for the WebSocket. */
const char *
sora_label (LockstepSignaller * s)
{
  return s->switched ? SIGNALING : NULL;
}

/* Only another WebSocket: a redirect shall not take the metadata's secrets into
 * the clear. What it is compared with is the caller's, who knows the URL. */
static void
redirect (LockstepSignaller * s, JsonObject * message)
{
  const char *location = signaller_text (message, "location");

  if (s->state != SIGNALLER_GREETED || s->redirected || !location
      || !(g_str_has_prefix (location, "ws://")
          || g_str_has_prefix (location, "wss://"))) {
    signaller_fail (s, TRUE, "the server redirects %s",
        s->redirected ? "twice" : "to what is no WebSocket URL");
    return;
  }
  s->redirected = TRUE;
  s->state = SIGNALLER_NEW;
  signaller_do (s, LOCKSTEP_SIGNAL_REDIRECT, location);
}

/* Labels of the server's channels whose messages are zlib streams. */
static void
note_channels (LockstepSignaller * s, JsonObject * message)
{
  JsonArray *channels = signaller_array (message, "data_channels");

  for (guint i = 0; channels && i < json_array_get_length (channels)
      && i < 64; i++) {
    JsonNode *node = json_array_get_element (channels, i);
    const char *label;

    if (!JSON_NODE_HOLDS_OBJECT (node))
      continue;
    label = signaller_text (json_node_get_object (node), "label");
    if (label && signaller_flag (json_node_get_object (node), "compress"))
      g_hash_table_add (s->compressed, g_strdup (label));
  }
}

static void
offered (LockstepSignaller * s, JsonObject * message, const char *sdp)
{
  JsonObject *config = signaller_object (message, "config");
  JsonArray *encodings = signaller_array (message, "encodings");

  if (s->state != SIGNALLER_GREETED)
    return;
  s->state = SIGNALLER_NEGOTIATING;
  s->answer = "answer";
  if (config) {
    const char *policy = signaller_text (config, "iceTransportPolicy");

    signaller_ice_servers (s, config);
    if (policy && g_str_equal (policy, "relay"))
      signaller_do (s, LOCKSTEP_SIGNAL_RELAY_ONLY, NULL);
  }
  s->ignore_disconnect_websocket = signaller_flag (message,
      "ignore_disconnect_websocket");
  note_channels (s, message);
  if (encodings && json_array_get_length (encodings) <= 8) {
    g_autoptr (JsonNode) node = json_node_new (JSON_NODE_ARRAY);
    g_autofree char *text = NULL;

    json_node_set_array (node, encodings);
    text = json_to_string (node, FALSE);
    signaller_do (s, LOCKSTEP_SIGNAL_ENCODINGS, text);
  }
  signaller_do (s, LOCKSTEP_SIGNAL_OFFER, sdp);
}

static void
candidate (LockstepSignaller * s, JsonObject * message)
{
  const char *text = signaller_text (message, "candidate");
  gint64 mline = json_object_get_int_member_with_default (message,
      "sdpMLineIndex", 0);
  LockstepSignal *signal;

  if (!text || *text == '\0' || mline < 0 || mline > 255)
    return;
  if (++s->candidates > LOCKSTEP_SIGNALLER_MAX_CANDIDATES) {
    signaller_fail (s, TRUE, "the server sent more than %d candidates",
        LOCKSTEP_SIGNALLER_MAX_CANDIDATES);
    return;
  }
  signal = signaller_add (s, LOCKSTEP_SIGNAL_CANDIDATE, text);
  signal->mline = (guint) mline;
  signal->mid = g_strdup (signaller_text (message, "sdpMid"));
}

static void
notify (LockstepSignaller * s, JsonObject * message)
{
  g_autoptr (JsonNode) node = json_node_new (JSON_NODE_OBJECT);
  g_autofree char *text = NULL;

  json_node_set_object (node, message);
  text = json_to_string (node, FALSE);
  signaller_do (s, LOCKSTEP_SIGNAL_NOTIFY, text);
}

static void
closed (LockstepSignaller * s, JsonObject * message)
{
  const char *reason = signaller_text (message, "reason");

  signaller_fail (s, TRUE, "the server closed channel %s (%" G_GINT64_FORMAT
      "%s%s)", s->channel, json_object_get_int_member_with_default (message,
          "code", 0), reason ? ": " : "", reason ? reason : "");
}

/* The server changes what was agreed on: answered by the type that belongs to the
 * offer's ("update" is what older servers say). One offer is open at a time (RFC 8829,
 * section 3.2), so nothing piles up here. */
static void
offered_again (LockstepSignaller * s, const char *label, const char *type,
    const char *sdp)
{
  if (!sdp) {
    signaller_fail (s, TRUE, "the server's %s has no SDP", type);
  } else if (s->answer) {
    signaller_fail (s, TRUE, "the server makes another offer before the last "
        "one is answered");
  } else {
    s->answer = g_str_equal (type, "update") ? "update" : "re-answer";
    s->over_channel = label != NULL;
    signaller_do (s, LOCKSTEP_SIGNAL_OFFER, sdp);
  }
}

/* What may come once the session stands. */
static void
in_session (LockstepSignaller * s, const char *label, const char *type,
    JsonObject * message, const char *sdp)
{
  if (g_str_equal (type, "re-offer") || g_str_equal (type, "update")) {
    offered_again (s, label, type, sdp);
  } else if (g_str_equal (type, "candidate")) {
    candidate (s, message);
  } else if (g_str_equal (type, "notify") || g_str_equal (type, "push")) {
    notify (s, message);
  } else if (g_str_equal (type, "switched")) {
    s->ignore_disconnect_websocket = signaller_flag (message,
        "ignore_disconnect_websocket");
    s->switched = TRUE;
    signaller_add (s, LOCKSTEP_SIGNAL_SWITCHED, NULL)->alone =
        s->ignore_disconnect_websocket;
  } else if (g_str_equal (type, "req-stats")) {
    s->stats_over_channel = TRUE;
    signaller_do (s, LOCKSTEP_SIGNAL_STATS, NULL);
  } else if (g_str_equal (type, "close") || g_str_equal (type, "disconnect")) {
    closed (s, message);
  }
}

void
sora_message (LockstepSignaller * s, const char *label, const char *type,
    JsonObject * message)
{
  const char *sdp = signaller_text (message, "sdp");

  if (label && (s->state != SIGNALLER_CONNECTED || !is_said (label, type)))
    return;
  if (g_str_equal (type, "ping")) {
    s->stats_over_channel = FALSE;
    if (signaller_flag (message, "stats"))
      signaller_do (s, LOCKSTEP_SIGNAL_STATS, NULL);
    else
      signaller_send (s, NULL, signaller_begin ("pong"));
  } else if (g_str_equal (type, "redirect")) {
    redirect (s, message);
  } else if (g_str_equal (type, "offer")) {
    if (sdp)
      offered (s, message, sdp);
    else
      signaller_fail (s, TRUE, "the server's offer has no SDP");
  } else if (s->state != SIGNALLER_GREETED) {
    in_session (s, label, type, message, sdp);
  }
}

void
sora_description (LockstepSignaller * s, const char *sdp)
{
  JsonBuilder *builder = signaller_begin (s->answer);

  signaller_set (builder, "sdp", sdp);
  signaller_send (s, s->over_channel ? SIGNALING : NULL, builder);
}

/**
 * lockstep_signaller_stats:
 * @reports: JSON text of an array of RTCStats
 *
 * Answers %LOCKSTEP_SIGNAL_STATS. What is no JSON array is sent as an empty one:
 * the server waits for the answer as a sign of life.
 */
void
lockstep_signaller_stats (LockstepSignaller * signaller, const char *reports)
{
  LockstepSignaller *s = signaller;
  JsonBuilder *builder;
  JsonNode *node;

  if (s->protocol != LOCKSTEP_SIGNALLER_SORA || s->state == SIGNALLER_NEW
      || s->state == SIGNALLER_CLOSED)
    return;
  node = json_from_string (reports, NULL);
  if (!node || !JSON_NODE_HOLDS_ARRAY (node)) {
    g_clear_pointer (&node, json_node_unref);
    node = json_node_init_array (json_node_alloc (), json_array_new ());
  }
  builder = signaller_begin (s->stats_over_channel ? "stats" : "pong");
  json_builder_set_member_name (builder,
      s->stats_over_channel ? "reports" : "stats");
  json_builder_add_value (builder, node);
  signaller_send (s, s->stats_over_channel ? STATS : NULL, builder);
}
