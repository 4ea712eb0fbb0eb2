/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The client's side of WebSocket signalling, whatever the protocol: limits, the
 * queue of what is to be done, timeouts. ayame.c and sora.c know the messages. */
#include "signaller.h"
#include <gst/lockstep/jsonplace.h>

#include <string.h>

#include "signaller-private.h"
#include "deflate.h"

#define SECOND (G_GINT64_CONSTANT (1000000000))

/* A server that does not answer a greeting, and one that falls silent: Ayame
 * pings each 5 s and gives up after 60; so do we. Sora's interval is up to its
 * operator and below a minute. */
#define GREETING_TIMEOUT (15 * SECOND)
#define SILENCE_TIMEOUT (90 * SECOND)

G_DEFINE_QUARK (lockstep - signaller - error - quark, lockstep_signaller_error);

static JsonNode *
parse (const char *text, gsize bytes)
{
  g_autoptr (JsonParser) parser = NULL;

  if (bytes > LOCKSTEP_SIGNALLER_MAX_BYTES || bytes == 0
      || !g_utf8_validate (text, bytes, NULL)
      || !lockstep_json_is_shallow (text, bytes, LOCKSTEP_SIGNALLER_MAX_DEPTH))
    return NULL;
  parser = json_parser_new ();
  if (!json_parser_load_from_data (parser, text, bytes, NULL))
    return NULL;
  return json_parser_steal_root (parser);
}

/* Text of a setting; FALSE where it is no JSON. */
static gboolean
setting (const char *text, const char *name, JsonNode ** node, GError ** error)
{
  if (!text || *text == '\0')
    return TRUE;
  *node = parse (text, strlen (text));
  if (!*node)
    g_set_error (error, LOCKSTEP_SIGNALLER_ERROR,
        LOCKSTEP_SIGNALLER_ERROR_CONFIG,
        "%s is not JSON: %.60s: quote texts, as in {\"name\": \"value\"}",
        name, text);
  return *node != NULL;
}

static char *
copy (const char *text)
{
  return text && *text ? g_strdup (text) : NULL;
}

/**
 * lockstep_signaller_new:
 * @config: copied
 *
 * Returns: (nullable): a session that is not connected yet; %NULL with @error
 *   (%LOCKSTEP_SIGNALLER_ERROR) where a setting cannot be used
 */
LockstepSignaller *
lockstep_signaller_new (const LockstepSignallerConfig * config, GError ** error)
{
  g_autoptr (LockstepSignaller) s = NULL;

  if (!config->channel || *config->channel == '\0'
      || strlen (config->channel) > 255
      || !g_utf8_validate (config->channel, -1, NULL)) {
    g_set_error (error, LOCKSTEP_SIGNALLER_ERROR,
        LOCKSTEP_SIGNALLER_ERROR_CONFIG, "the %s must have 1 to 255 bytes",
        config->protocol == LOCKSTEP_SIGNALLER_AYAME ? "room" : "channel");
    return NULL;
  }
  s = g_new0 (LockstepSignaller, 1);
  g_queue_init (&s->signals);
  s->protocol = config->protocol;
  s->channel = g_strdup (config->channel);
  s->client_id = copy (config->client_id);
  s->key = copy (config->key);
  s->bundle_id = copy (config->bundle_id);
  s->video_codec = copy (config->video_codec);
  s->video_bitrate = config->video_bitrate;
  s->audio_bitrate = config->audio_bitrate;
  s->audio = config->audio;
  s->video = config->video;
  s->simulcast = config->simulcast;
  s->data_channel_signaling = config->data_channel_signaling;
  s->ignore_disconnect_websocket = config->ignore_disconnect_websocket;
  s->compressed = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  if (!s->client_id && s->protocol == LOCKSTEP_SIGNALLER_AYAME)
    s->client_id = g_uuid_string_random ();
  if (!setting (config->metadata, "metadata", &s->metadata, error)
      || !setting (config->notify_metadata, "notify metadata",
          &s->notify_metadata, error)
      || !setting (config->data_channels, "data channels", &s->data_channels,
          error))
    return NULL;
  if (s->data_channels && !JSON_NODE_HOLDS_ARRAY (s->data_channels)) {
    g_set_error (error, LOCKSTEP_SIGNALLER_ERROR,
        LOCKSTEP_SIGNALLER_ERROR_CONFIG, "data channels must be an array");
    return NULL;
  }
  return g_steal_pointer (&s);
}

void
lockstep_signaller_free (LockstepSignaller * signaller)
{
  LockstepSignaller *s = signaller;

  g_queue_clear_full (&s->signals, (GDestroyNotify) lockstep_signal_free);
  g_clear_pointer (&s->metadata, json_node_unref);
  g_clear_pointer (&s->notify_metadata, json_node_unref);
  g_clear_pointer (&s->data_channels, json_node_unref);
  g_hash_table_unref (s->compressed);
  g_free (s->channel);
  g_free (s->client_id);
  g_free (s->key);
  g_free (s->bundle_id);
  g_free (s->video_codec);
  g_free (s);
}

void
lockstep_signal_free (LockstepSignal * signal)
{
  g_free (signal->text);
  g_free (signal->label);
  g_free (signal->mid);
  g_free (signal->username);
  g_free (signal->credential);
  g_free (signal);
}

/* The new signal, for more to be set; it is the session's. */
LockstepSignal *
signaller_add (LockstepSignaller * s, LockstepSignalType type, const char *text)
{
  LockstepSignal *signal = g_new0 (LockstepSignal, 1);

  signal->type = type;
  signal->text = g_strdup (text);
  g_queue_push_tail (&s->signals, signal);
  return signal;
}

void
signaller_do (LockstepSignaller * s, LockstepSignalType type, const char *text)
{
  signaller_add (s, type, text);
}

/* Ends the session, once. */
void
signaller_fail (LockstepSignaller * s, gboolean retry, const char *format, ...)
{
  va_list args;
  LockstepSignal *signal;

  if (s->state == SIGNALLER_CLOSED)
    return;
  s->state = SIGNALLER_CLOSED;
  signal = signaller_add (s, LOCKSTEP_SIGNAL_CLOSED, NULL);
  va_start (args, format);
  signal->text = g_strdup_vprintf (format, args);
  va_end (args);
  signal->retry = retry;
}

/* A string member; NULL where it is none. */
const char *
signaller_text (JsonObject * object, const char *member)
{
  JsonNode *node = json_object_get_member (object, member);

  return node && JSON_NODE_HOLDS_VALUE (node)
      && json_node_get_value_type (node) == G_TYPE_STRING
      ? json_node_get_string (node) : NULL;
}

gboolean
signaller_flag (JsonObject * object, const char *member)
{
  JsonNode *node = json_object_get_member (object, member);

  return node && JSON_NODE_HOLDS_VALUE (node)
      && json_node_get_value_type (node) == G_TYPE_BOOLEAN
      && json_node_get_boolean (node);
}

JsonObject *
signaller_object (JsonObject * object, const char *member)
{
  JsonNode *node = json_object_get_member (object, member);

  return node && JSON_NODE_HOLDS_OBJECT (node) ? json_node_get_object (node)
      : NULL;
}

JsonArray *
signaller_array (JsonObject * object, const char *member)
{
  JsonNode *node = json_object_get_member (object, member);

  return node && JSON_NODE_HOLDS_ARRAY (node) ? json_node_get_array (node)
      : NULL;
}

/* A message of that type, open for members. */
JsonBuilder *
signaller_begin (const char *type)
{
  JsonBuilder *builder = json_builder_new ();

  json_builder_begin_object (builder);
  signaller_set (builder, "type", type);
  return builder;
}

void
signaller_set (JsonBuilder * builder, const char *member, const char *text)
{
  if (!text)
    return;
  json_builder_set_member_name (builder, member);
  json_builder_add_string_value (builder, text);
}

/* Closes and sends what signaller_begin() opened, and frees it. */
void
signaller_send (LockstepSignaller * s, const char *label, JsonBuilder * builder)
{
  g_autoptr (JsonNode) root = NULL;
  g_autofree char *text = NULL;
  LockstepSignal *signal;

  json_builder_end_object (builder);
  root = json_builder_get_root (builder);
  text = json_to_string (root, FALSE);
  signal = signaller_add (s, LOCKSTEP_SIGNAL_SEND, text);
  signal->label = g_strdup (label);
  signal->compressed = label && g_hash_table_contains (s->compressed, label);
  g_object_unref (builder);
}

/* {"iceServers": [{"urls": […] or "…", "username": "…", "credential": "…"}]} */
void
signaller_ice_servers (LockstepSignaller * s, JsonObject * message)
{
  JsonArray *servers = signaller_array (message, "iceServers");
  guint given = 0;

  for (guint i = 0; servers && i < json_array_get_length (servers); i++) {
    JsonNode *node = json_array_get_element (servers, i);
    JsonObject *server;
    JsonArray *urls;
    guint n;

    if (!JSON_NODE_HOLDS_OBJECT (node))
      continue;
    server = json_node_get_object (node);
    urls = signaller_array (server, "urls");
    n = urls ? json_array_get_length (urls) : 1;
    for (guint k = 0; k < n && given < LOCKSTEP_SIGNALLER_MAX_ICE_SERVERS; k++) {
      JsonNode *url = urls ? json_array_get_element (urls, k)
          : json_object_get_member (server, "urls");
      LockstepSignal *signal;

      if (!url || !JSON_NODE_HOLDS_VALUE (url)
          || json_node_get_value_type (url) != G_TYPE_STRING)
        continue;
      signal = signaller_add (s, LOCKSTEP_SIGNAL_ICE_SERVER,
          json_node_get_string (url));
      signal->username = g_strdup (signaller_text (server, "username"));
      signal->credential = g_strdup (signaller_text (server, "credential"));
      given++;
    }
  }
}

/**
 * lockstep_signaller_opened:
 * @now: ns
 *
 * The WebSocket is open, for the first time or after a redirect.
 */
void
lockstep_signaller_opened (LockstepSignaller * signaller, gint64 now)
{
  if (signaller->state != SIGNALLER_NEW)
    return;
  signaller->state = SIGNALLER_GREETED;
  signaller->heard = signaller->greeted = now;
  if (signaller->protocol == LOCKSTEP_SIGNALLER_AYAME)
    ayame_greet (signaller);
  else
    sora_greet (signaller);
}

/**
 * lockstep_signaller_message:
 * @label: (nullable): the data channel it came over; %NULL: the WebSocket
 * @text: @bytes of it, already inflated; need not end with a NUL
 * @now: ns
 *
 * Takes one message. A broken one ends the session; one of a type that is not
 * known is passed over, as both protocols ask for.
 */
void
lockstep_signaller_message (LockstepSignaller * signaller, const char *label,
    const char *text, gsize bytes, gint64 now)
{
  LockstepSignaller *s = signaller;
  g_autoptr (JsonNode) root = NULL;
  JsonObject *message;
  const char *type;

  if (s->state == SIGNALLER_NEW || s->state == SIGNALLER_CLOSED)
    return;
  s->heard = now;
  if (g_queue_get_length (&s->signals) > LOCKSTEP_SIGNALLER_MAX_WAITING) {
    signaller_fail (s, TRUE, "the server sends faster than can be followed");
    return;
  }
  root = parse (text, bytes);
  message = root && JSON_NODE_HOLDS_OBJECT (root) ? json_node_get_object (root)
      : NULL;
  type = message ? signaller_text (message, "type") : NULL;
  if (!type) {
    signaller_fail (s, TRUE, "the server sent what is no message: "
        "not a JSON object with a type, or longer than %d bytes",
        LOCKSTEP_SIGNALLER_MAX_BYTES);
    return;
  }
  if (s->protocol == LOCKSTEP_SIGNALLER_AYAME)
    ayame_message (s, type, message);
  else
    sora_message (s, label, type, message);
}

/**
 * lockstep_signaller_data:
 * @label: the data channel it came over
 * @data: @bytes as they came
 * @now: ns
 *
 * Takes one message of a data channel, a zlib stream where the server's offer said so for
 * that label. What comes over channels that are not for signalling is passed over.
 */
void
lockstep_signaller_data (LockstepSignaller * signaller, const char *label,
    const char *data, gsize bytes, gint64 now)
{
  LockstepSignaller *s = signaller;
  g_autoptr (GBytes) text = NULL;

  if (s->protocol != LOCKSTEP_SIGNALLER_SORA || s->state == SIGNALLER_NEW
      || s->state == SIGNALLER_CLOSED || !sora_knows (label))
    return;
  if (g_hash_table_contains (s->compressed, label)) {
    text = lockstep_inflate (data, bytes, LOCKSTEP_SIGNALLER_MAX_BYTES);
    if (!text) {
      signaller_fail (s, TRUE, "the server sent what is no zlib stream, or "
          "holds more than %d bytes", LOCKSTEP_SIGNALLER_MAX_BYTES);
      return;
    }
    data = g_bytes_get_data (text, &bytes);
  }
  lockstep_signaller_message (s, label, data, bytes, now);
}

/**
 * lockstep_signaller_description:
 * @is_offer: an offer, as %LOCKSTEP_SIGNAL_MAKE_OFFER asked for, or an answer
 * @sdp: ours
 */
void
lockstep_signaller_description (LockstepSignaller * signaller,
    gboolean is_offer, const char *sdp)
{
  LockstepSignaller *s = signaller;
  JsonBuilder *builder;

  if ((s->state != SIGNALLER_NEGOTIATING && s->state != SIGNALLER_CONNECTED)
      || (!is_offer && !s->answer))
    return;
  if (s->protocol == LOCKSTEP_SIGNALLER_SORA) {
    if (is_offer)
      return;                   /* this server makes the offers */
    sora_description (s, sdp);
  } else {
    builder = signaller_begin (is_offer ? "offer" : "answer");
    signaller_set (builder, "sdp", sdp);
    signaller_send (s, NULL, builder);
  }
  if (is_offer) {
    s->offering = TRUE;
  } else {
    s->answer = NULL;
    s->state = SIGNALLER_CONNECTED;
  }
}

/**
 * lockstep_signaller_candidate:
 * @mline: its media section, from 0
 * @mid: (nullable): that section's mid
 * @candidate: "candidate:…"; empty for the end of candidates, which neither
 *   protocol has a message for
 *
 * One of ours goes to the peer.
 */
void
lockstep_signaller_candidate (LockstepSignaller * signaller, guint mline,
    const char *mid, const char *candidate)
{
  LockstepSignaller *s = signaller;
  JsonBuilder *builder;

  if (!candidate || *candidate == '\0'
      || (s->state != SIGNALLER_NEGOTIATING && s->state != SIGNALLER_CONNECTED))
    return;
  builder = signaller_begin ("candidate");
  if (s->protocol == LOCKSTEP_SIGNALLER_AYAME) {
    json_builder_set_member_name (builder, "ice");
    json_builder_begin_object (builder);
  }
  signaller_set (builder, "candidate", candidate);
  signaller_set (builder, "sdpMid", mid);
  json_builder_set_member_name (builder, "sdpMLineIndex");
  json_builder_add_int_value (builder, mline);
  if (s->protocol == LOCKSTEP_SIGNALLER_AYAME)
    json_builder_end_object (builder);
  signaller_send (s, s->protocol == LOCKSTEP_SIGNALLER_SORA
      ? sora_label (s) : NULL, builder);
}

/**
 * lockstep_signaller_tick:
 * @now: ns
 *
 * To be called about once a second: a server that does not answer, or falls
 * silent, is given up.
 */
void
lockstep_signaller_tick (LockstepSignaller * signaller, gint64 now)
{
  LockstepSignaller *s = signaller;

  if (s->state == SIGNALLER_GREETED && !s->offering
      && s->protocol == LOCKSTEP_SIGNALLER_SORA
      && now - s->greeted > GREETING_TIMEOUT)
    signaller_fail (s, TRUE, "the server has sent no offer for %d s",
        (int) (GREETING_TIMEOUT / SECOND));
  else if ((s->state == SIGNALLER_GREETED || s->state == SIGNALLER_NEGOTIATING
          || s->state == SIGNALLER_CONNECTED) && !s->switched
      && now - s->heard > SILENCE_TIMEOUT)
    signaller_fail (s, TRUE, "the server has been silent for %d s",
        (int) (SILENCE_TIMEOUT / SECOND));
}

/**
 * lockstep_signaller_disconnected:
 * @code: the WebSocket's close code (RFC 6455, 7.4), 0 where it broke
 * @why: (nullable): its reason
 *
 * The WebSocket is gone. After Sora's "switched" that may be in order.
 */
void
lockstep_signaller_disconnected (LockstepSignaller * signaller, guint code,
    const char *why)
{
  LockstepSignaller *s = signaller;

  if (s->state == SIGNALLER_NEW
      || (s->switched && s->ignore_disconnect_websocket))
    return;
  signaller_fail (s, TRUE, "the server closed the connection (%u%s%s)", code,
      why && *why ? ": " : "", why ? why : "");
}

/**
 * lockstep_signaller_close:
 *
 * Takes leave of the server; what is to be sent for that comes out of
 * lockstep_signaller_next() still.
 */
void
lockstep_signaller_close (LockstepSignaller * signaller)
{
  LockstepSignaller *s = signaller;
  JsonBuilder *builder;

  if (s->state == SIGNALLER_CLOSED)
    return;
  if (s->state != SIGNALLER_NEW) {
    if (s->protocol == LOCKSTEP_SIGNALLER_AYAME) {
      signaller_send (s, NULL, signaller_begin ("bye"));
    } else {
      builder = signaller_begin ("disconnect");
      signaller_set (builder, "reason", "NO-ERROR");
      signaller_send (s, sora_label (s), builder);
    }
  }
  signaller_fail (s, FALSE, "closed here");
}

/**
 * lockstep_signaller_next:
 *
 * Returns: (nullable) (transfer full): the next thing to do, in order; %NULL
 *   when there is none now
 */
LockstepSignal *
lockstep_signaller_next (LockstepSignaller * signaller)
{
  return g_queue_pop_head (&signaller->signals);
}
