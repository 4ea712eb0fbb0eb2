/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* One webrtcbin in a worker's pipeline, negotiated with one peer. */
#pragma once

#include <gst/gst.h>
#include <gst/lockstep/sdp.h>

typedef struct _WebrtcEnd WebrtcEnd;

/* All but added() are called from the main loop. */
typedef struct
{
  /* A stream of the peer begins: link @pad now. From the thread that will push its
   * first packet, once the peer's certificate is known to be the right one. */
  void (*added) (GstPad * pad, LockstepMediaKind kind, gpointer user_data);
  /* The local description is ready, with all its candidates; a call that trickles: with
   * those of this machine. */
  void (*described) (const char *sdp, gpointer user_data);
  /* Negotiation failed: an HTTP status for the peer, and why. */
  void (*refused) (guint status, const char *why, gpointer user_data);
  /* The connection is up and the peer's certificate is the one it announced. */
  void (*connected) (gpointer user_data);
  /* The connection is gone, or must not be used. */
  void (*lost) (const char *why, gpointer user_data);
  /* After described(), in a call that trickles: one candidate more, or NULL for their
   * end. NULL where nothing trickles. */
  void (*candidate) (const char *candidate, gpointer user_data);
  /* The peer sends a message over the data channel. NULL where there is none. */
  void (*text) (const char *text, gpointer user_data);
  /* The server signals over a data channel: @data. NULL where there is none. */
  void (*signal) (const char *label, GBytes * data, gpointer user_data);
} WebrtcEndCallbacks;

typedef struct
{
  gboolean loopback_only;       /* gather on loopback addresses alone */
  char *public_address;         /* NULL or "": none */
  char *ice_servers;            /* comma-separated; NULL or "": none */
  gboolean relay_only;          /* only candidates of TURN servers are used */
  gboolean trickle;             /* a call does not wait for what servers tell of us */
  int audio_latency, video_latency;     /* ms that packets are held */
  gboolean signalling;          /* data channels of a server's signalling are taken */
  const char *data_label;       /* of the channel for text; NULL or "": none */
} WebrtcEndConfig;

/* @webrtc is in a pipeline that is at least READY. Holds it until webrtc_end_close(). */
WebrtcEnd *webrtc_end_new (GstElement * webrtc, const WebrtcEndConfig * config,
    const WebrtcEndCallbacks * callbacks, gpointer user_data);
/* No callback comes any more; frees it once no thread uses it. From the main loop. */
void webrtc_end_close (WebrtcEnd * end);

/* Answers: described() or refused() follows. Takes @offer. For a viewer's offer, a
 * sink pad has been requested for each section that is taken, in their order, and its
 * transceiver told what to send. */
void webrtc_end_accept (WebrtcEnd * end, LockstepOffer * offer);
/* Answers a later offer in the same session, while media go on: described() or refused()
 * follows. Takes @offer. FALSE with @error: it needs another session, or comes before the
 * last one is answered. */
gboolean webrtc_end_renew (WebrtcEnd * end, LockstepOffer * offer,
    GError ** error);
/* Offers what is linked to the element, as its transceivers say: described() or refused() follows, then
 * webrtc_end_set_answer(). */
void webrtc_end_call (WebrtcEnd * end);
void webrtc_end_set_answer (WebrtcEnd * end, const char *sdp);
/* FALSE: there is no such channel (yet), or too much waits already. */
gboolean webrtc_end_send_text (WebrtcEnd * end, const char *text);
/* As signal_channels_send(). */
gboolean webrtc_end_send_signal (WebrtcEnd * end, const char *label,
    GBytes * data, gboolean binary);
void webrtc_end_add_candidates (WebrtcEnd * end, LockstepTrickle * trickle);
/* The offer that was accepted; NULL before. */
const LockstepOffer *webrtc_end_get_offer (WebrtcEnd * end);
