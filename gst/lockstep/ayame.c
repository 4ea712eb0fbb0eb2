/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Ayame's messages (OpenAyame/ayame, docs/SPEC.md): a room of two peers, whose
 * offer, answer and candidates the server hands on as they are. */
#include "signaller-private.h"

#define AYAME_CLIENT "Lockstep"

void
ayame_greet (LockstepSignaller * s)
{
  JsonBuilder *builder = signaller_begin ("register");

  signaller_set (builder, "roomId", s->channel);
  signaller_set (builder, "clientId", s->client_id);
  signaller_set (builder, "signalingKey", s->key);
  /* older servers' name for it */
  signaller_set (builder, "key", s->key);
  if (s->metadata) {
    json_builder_set_member_name (builder, "authnMetadata");
    json_builder_add_value (builder, json_node_copy (s->metadata));
  }
  signaller_set (builder, "ayameClient", AYAME_CLIENT);
  signaller_send (s, NULL, builder);
}

/* Whoever comes second makes the offer: only then is somebody there to read it. */
static void
accepted (LockstepSignaller * s, JsonObject * message)
{
  if (s->state != SIGNALLER_GREETED)
    return;
  signaller_ice_servers (s, message);
  s->state = SIGNALLER_NEGOTIATING;
  if (signaller_flag (message, "isExistClient")
      || signaller_flag (message, "isExistUser"))
    signaller_do (s, LOCKSTEP_SIGNAL_MAKE_OFFER, NULL);
}

static void
candidate (LockstepSignaller * s, JsonObject * message)
{
  JsonObject *ice = signaller_object (message, "ice");
  const char *text = ice ? signaller_text (ice, "candidate") : NULL;
  gint64 mline = ice ? json_object_get_int_member_with_default (ice,
      "sdpMLineIndex", 0) : 0;
  LockstepSignal *signal;

  if (!text || *text == '\0' || mline < 0 || mline > 255)
    return;
  if (++s->candidates > LOCKSTEP_SIGNALLER_MAX_CANDIDATES) {
    signaller_fail (s, TRUE, "the peer sent more than %d candidates",
        LOCKSTEP_SIGNALLER_MAX_CANDIDATES);
    return;
  }
  signal = signaller_add (s, LOCKSTEP_SIGNAL_CANDIDATE, text);
  signal->mline = (guint) mline;
  signal->mid = g_strdup (signaller_text (ice, "sdpMid"));
}

void
ayame_message (LockstepSignaller * s, const char *type, JsonObject * message)
{
  const char *sdp = signaller_text (message, "sdp");

  if (g_str_equal (type, "ping")) {
    signaller_send (s, NULL, signaller_begin ("pong"));
  } else if (g_str_equal (type, "accept")) {
    accepted (s, message);
  } else if (g_str_equal (type, "reject")) {
    const char *reason = signaller_text (message, "reason");

    /* "full" may end, a wrong key will not */
    signaller_fail (s, reason && g_str_equal (reason, "full"),
        "the server rejected room %s: %s", s->channel,
        reason ? reason : "it gave no reason");
  } else if (g_str_equal (type, "bye")) {
    signaller_fail (s, TRUE, "the peer left room %s", s->channel);
  } else if (s->state == SIGNALLER_GREETED) {
    /* nothing of a peer may come before we are let in */
  } else if (g_str_equal (type, "offer") && sdp) {
    s->offering = FALSE;
    s->answer = "answer";
    signaller_do (s, LOCKSTEP_SIGNAL_OFFER, sdp);
  } else if (g_str_equal (type, "answer") && sdp && s->offering) {
    s->offering = FALSE;
    s->state = SIGNALLER_CONNECTED;
    signaller_do (s, LOCKSTEP_SIGNAL_ANSWER, sdp);
  } else if (g_str_equal (type, "candidate")) {
    candidate (s, message);
  }
}
