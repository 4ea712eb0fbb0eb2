/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What signaller.c and the protocols share. */
#pragma once

#include <json-glib/json-glib.h>

#include "signaller.h"

G_BEGIN_DECLS

typedef enum
{
  SIGNALLER_NEW,                /* no connection yet */
  SIGNALLER_GREETED,            /* register or connect is sent */
  SIGNALLER_NEGOTIATING,        /* the peers exchange descriptions */
  SIGNALLER_CONNECTED,          /* both descriptions are there */
  SIGNALLER_CLOSED,
} SignallerState;

struct _LockstepSignaller
{
  LockstepSignallerProtocol protocol;
  char *channel, *client_id, *key, *bundle_id, *video_codec;
  JsonNode *metadata, *notify_metadata, *data_channels;
  guint video_bitrate, audio_bitrate;
  gboolean audio, video, simulcast, data_channel_signaling;
  gboolean ignore_disconnect_websocket;

  SignallerState state;
  gint64 heard, greeted;        /* ns */
  GQueue signals;               /* LockstepSignal */
  guint candidates;
  gboolean offering;            /* we made the offer that is open */
  const char *answer;           /* type of the answer that is due; NULL: none is */

  /* Sora's */
  gboolean redirected, switched;
  gboolean over_channel;        /* the open offer came over a data channel */
  gboolean stats_over_channel;  /* they were asked for there */
  GHashTable *compressed;       /* labels whose messages are zlib streams */
};

void signaller_do (LockstepSignaller * s, LockstepSignalType type,
    const char *text);
LockstepSignal *signaller_add (LockstepSignaller * s, LockstepSignalType type,
    const char *text);
void signaller_send (LockstepSignaller * s, const char *label,
    JsonBuilder * builder);
void signaller_fail (LockstepSignaller * s, gboolean retry,
    const char *format, ...) G_GNUC_PRINTF (3, 4);
void signaller_ice_servers (LockstepSignaller * s, JsonObject * message);

const char *signaller_text (JsonObject * object, const char *member);
gboolean signaller_flag (JsonObject * object, const char *member);
JsonObject *signaller_object (JsonObject * object, const char *member);
JsonArray *signaller_array (JsonObject * object, const char *member);
JsonBuilder *signaller_begin (const char *type);
void signaller_set (JsonBuilder * builder, const char *member,
    const char *text);

void ayame_greet (LockstepSignaller * s);
void ayame_message (LockstepSignaller * s, const char *type,
    JsonObject * message);
void sora_greet (LockstepSignaller * s);
void sora_message (LockstepSignaller * s, const char *label,
    const char *type, JsonObject * message);
void sora_description (LockstepSignaller * s, const char *sdp);
gboolean sora_knows (const char *label);
const char *sora_label (LockstepSignaller * s);

G_END_DECLS
