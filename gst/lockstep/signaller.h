/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The client's side of WebSocket signalling: messages in, what to do out. */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* Longest message that is read, bytes, and how deep its JSON may nest. */
#define LOCKSTEP_SIGNALLER_MAX_BYTES (256 * 1024)
#define LOCKSTEP_SIGNALLER_MAX_DEPTH 32
/* Of one session; what comes beyond is an error. */
#define LOCKSTEP_SIGNALLER_MAX_CANDIDATES 256
#define LOCKSTEP_SIGNALLER_MAX_ICE_SERVERS 16
/* What may wait for lockstep_signaller_next(). */
#define LOCKSTEP_SIGNALLER_MAX_WAITING 1024

/**
 * LockstepSignallerError:
 * @LOCKSTEP_SIGNALLER_ERROR_CONFIG: the settings cannot be used
 */
typedef enum
{
  LOCKSTEP_SIGNALLER_ERROR_CONFIG,
} LockstepSignallerError;

#define LOCKSTEP_SIGNALLER_ERROR (lockstep_signaller_error_quark ())
GQuark lockstep_signaller_error_quark (void);

typedef enum
{
  LOCKSTEP_SIGNALLER_AYAME,
  LOCKSTEP_SIGNALLER_SORA,
} LockstepSignallerProtocol;

/**
 * LockstepSignallerConfig:
 * @channel: Ayame's room, Sora's channel_id; 1 to 255 bytes
 * @client_id: %NULL: a random one for Ayame, the server's choice for Sora
 * @key: Ayame's signalingKey; %NULL for none
 * @metadata: JSON text: Ayame's authnMetadata, Sora's metadata; %NULL for none
 *
 * The rest is Sora's. The role is sendonly.
 * @bundle_id, @notify_metadata (JSON text): %NULL for none
 * @video_codec: "H264" and so on; %NULL for the server's choice
 * @video_bitrate, @audio_bitrate: kbit/s; 0 for the server's choice
 * @simulcast: ask for it
 * @data_channel_signaling, @ignore_disconnect_websocket: ask for them
 * @data_channels: JSON text of an array, as Sora's "data_channels"; %NULL
 */
typedef struct
{
  LockstepSignallerProtocol protocol;
  const char *channel, *client_id, *key, *metadata;
  const char *bundle_id, *notify_metadata, *video_codec, *data_channels;
  guint video_bitrate, audio_bitrate;
  gboolean audio, video;
  gboolean simulcast, data_channel_signaling, ignore_disconnect_websocket;
} LockstepSignallerConfig;

typedef enum
{
  LOCKSTEP_SIGNAL_SEND,         /* @text to @label's data channel; NULL: WebSocket */
  LOCKSTEP_SIGNAL_ICE_SERVER,   /* @text is its URL, with @username, @credential */
  LOCKSTEP_SIGNAL_RELAY_ONLY,   /* only relayed candidates are wanted */
  LOCKSTEP_SIGNAL_MAKE_OFFER,   /* the peer waits for one */
  LOCKSTEP_SIGNAL_OFFER,        /* @text is the peer's; it waits for an answer */
  LOCKSTEP_SIGNAL_ANSWER,       /* @text is the peer's */
  LOCKSTEP_SIGNAL_CANDIDATE,    /* @text of the section @mline (@mid or NULL) */
  LOCKSTEP_SIGNAL_ENCODINGS,    /* @text: JSON array, Sora's simulcast encodings */
  LOCKSTEP_SIGNAL_STATS,        /* the server waits for statistics */
  LOCKSTEP_SIGNAL_NOTIFY,       /* @text: JSON, for the log and the application */
  LOCKSTEP_SIGNAL_REDIRECT,     /* @text: the URL to connect to instead */
  LOCKSTEP_SIGNAL_SWITCHED,     /* signalling goes over data channels now */
  LOCKSTEP_SIGNAL_CLOSED,       /* @text: why; @retry: another try may do better */
} LockstepSignalType;

/* Strings are the signal's own. */
typedef struct
{
  LockstepSignalType type;
  char *text, *label, *mid, *username, *credential;
  guint mline;
  gboolean retry;
  gboolean compressed;          /* to be sent as a zlib stream (RFC 1950) */
  gboolean alone;               /* SWITCHED: the WebSocket is not needed any more */
} LockstepSignal;

typedef struct _LockstepSignaller LockstepSignaller;

LockstepSignaller *lockstep_signaller_new (const LockstepSignallerConfig *
    config, GError ** error);
void lockstep_signaller_free (LockstepSignaller * signaller);
void lockstep_signaller_opened (LockstepSignaller * signaller, gint64 now);
void lockstep_signaller_message (LockstepSignaller * signaller,
    const char *label, const char *text, gsize bytes, gint64 now);
void lockstep_signaller_data (LockstepSignaller * signaller,
    const char *label, const char *data, gsize bytes, gint64 now);
void lockstep_signaller_description (LockstepSignaller * signaller,
    gboolean is_offer, const char *sdp);
void lockstep_signaller_candidate (LockstepSignaller * signaller, guint mline,
    const char *mid, const char *candidate);
void lockstep_signaller_stats (LockstepSignaller * signaller,
    const char *reports);
void lockstep_signaller_tick (LockstepSignaller * signaller, gint64 now);
void lockstep_signaller_disconnected (LockstepSignaller * signaller,
    guint code, const char *why);
void lockstep_signaller_close (LockstepSignaller * signaller);
LockstepSignal *lockstep_signaller_next (LockstepSignaller * signaller);
void lockstep_signal_free (LockstepSignal * signal);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (LockstepSignaller, lockstep_signaller_free);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (LockstepSignal, lockstep_signal_free);

G_END_DECLS
