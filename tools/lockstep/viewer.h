/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* One peer that receives what a worker encodes, in a pipeline of its own. */
#pragma once

#include "streams.h"
#include "webrtc-end.h"

#include <gst/lockstep/bandwidth.h>

#include <json-glib/json-glib.h>

typedef struct _Viewer Viewer;

/* From the main loop. After refused() and lost() the owner calls viewer_free(). */
typedef struct
{
  void (*described) (Viewer * viewer, const char *sdp, gpointer user_data);
  void (*refused) (Viewer * viewer, guint status, const char *why,
      gpointer user_data);
  void (*connected) (Viewer * viewer, gpointer user_data);
  void (*lost) (Viewer * viewer, const char *why, gpointer user_data);
  /* of a call that trickles: as in WebrtcEndCallbacks; NULL where none does */
  void (*candidate) (Viewer * viewer, const char *candidate,
      gpointer user_data);
  void (*text) (Viewer * viewer, const char *text, gpointer user_data);
  /* of a call whose server signals over data channels; NULL where none does */
  void (*signal) (Viewer * viewer, const char *label, GBytes * data,
      gpointer user_data);
} ViewerCallbacks;

/* @main: the pipeline that encodes, which is running: its clock and base time are
 * the viewer's. @picture: what is sent to a peer that takes one. @offer: a viewer's
 * (taken), or NULL to call. @layers: of LockstepLayer, what a section with answer_rids
 * gets; NULL: there is none. @limits: of its congestion control; NULL: none. NULL with
 * @error when the pipeline cannot be made; @offer is freed then as well. */
Viewer *viewer_new (GstElement * main, Streams * streams,
    StreamsTrack picture, const WebrtcEndConfig * config, const LockstepBandwidthConfig * limits,
    LockstepOffer * offer, const GArray * layers,
    const ViewerCallbacks * callbacks, gpointer user_data, GError ** error);
/* No callback comes any more. The connection is closed, and what it held freed, by a
 * thread: webrtcbin 1.22.0 may hang there. */
void viewer_free (Viewer * viewer);

/* As webrtc_end_renew(). */
gboolean viewer_renew (Viewer * viewer, LockstepOffer * offer, GError ** error);
/* The answer to a call. */
void viewer_set_answer (Viewer * viewer, const char *sdp);
/* As webrtc_end_send_text(). */
gboolean viewer_send_text (Viewer * viewer, const char *text);
/* As webrtc_end_send_signal(). */
gboolean viewer_send_signal (Viewer * viewer, const char *label, GBytes * data,
    gboolean binary);
void viewer_add_candidates (Viewer * viewer, LockstepTrickle * trickle);
/* One candidate of the peer, checked; NULL: nothing. */
void viewer_add_candidate (Viewer * viewer, guint mline, const char *candidate);
const LockstepOffer *viewer_get_offer (Viewer * viewer);
/* µs since a packet came from the peer; -1: none has. */
gint64 viewer_idle_us (Viewer * viewer);
/* Bit/s that its path carries; 0: not known. */
guint64 viewer_target (Viewer * viewer);
/* How long what waits to be sent takes, ns. */
gint64 viewer_backlog (Viewer * viewer);
/* Adds what is known of the sending: octets, rtt_ms, lost, nack and so on. */
void viewer_add_stats (Viewer * viewer, JsonObject * to);

/* Viewers whose closing has not come to an end. */
guint viewer_count_closing (void);
