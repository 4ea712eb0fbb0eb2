/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the files of a worker share: worker.c (its life), worker-receive.c (a publisher) and
 * worker-send.c (viewers, a call). */
#pragma once

#include "archive.h"
#include "encoder-rate.h"
#include "ipc.h"
#include "renditions.h"
#include "standby.h"
#include "viewer.h"
#include "viewers.h"
#include "webrtc-end.h"
#include "worker-source.h"
#include "worker-stats.h"

#include <gst/lockstep/linebudget.h>

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
  GArray *encodings;            /* LockstepEncoding: what its server says; NULL: nothing */
  GArray *layers;               /* LockstepLayer: what the call sends of simulcast; NULL */
  WorkerStats *stats;
  Renditions *renditions;       /* NULL: there is one playlist */
  Archive *archive;             /* NULL: nothing is kept */
  Standby *standby;             /* NULL: no device can be missed */
  WorkerSource *source;         /* NULL where a peer is the source */
  char *channel;
  gpointer webrtc;              /* the element in the pipeline */
  GstPad *audio_in, *video_in;  /* where its streams go; NULL: nowhere */
  GstPad *preview_in[STREAMS_MAX_PREVIEWS];
  guint sinks_ended;
  gboolean connected, draining;
  gint64 text_allowance, text_time;     /* messages of peers: 1/1000; µs */
  LockstepLineBudget said;      /* of what peers have us log */
  guint stats_timer, limit_timer, bus_watch;
  int exit_code;
  int failure;                  /* of a source with an end: the program's exit code */
} Worker;

/* worker.c */

/* Ends the session: what was received becomes a last segment, then the front is
 * told. */
void worker_drain (Worker * worker, const char *reason);
void worker_fail (Worker * worker, const char *format, ...) G_GNUC_PRINTF (2, 3);
/* EOS goes in where the RTP would. @in NULL: nowhere. */
void worker_end_stream (GstPad * in);
/* @user_data is the worker: media flow, or a peer is there. */
void worker_connected (gpointer user_data);
/* Ends the session unless it is connected in time. */
void worker_limit_connecting (Worker * worker);
char *worker_faults_text (GPtrArray * faults);
/* With a reference; NULL: the worker has failed, for @place of the preset names it. */
GstElement *worker_named_element (Worker * worker, const char *place,
    const char *name);
/* Finds the pads that take the preset's streams. FALSE: the worker has failed. */
gboolean worker_find_inputs (Worker * worker);
void worker_watch_pipeline (Worker * worker);
/* Gives the pipeline its channel and starts it. */
gboolean worker_start (Worker * worker, JsonObject * message);

/* A peer sends a message; @user_data is the worker. */
void worker_text_came (const char *text, gpointer user_data);

/* worker-receive.c */

gboolean worker_prepare_to_receive (Worker * worker);
void worker_accept_offer (Worker * worker, JsonObject * message);
void worker_trickle (Worker * worker, JsonObject * message);

/* worker-send.c */

gboolean worker_prepare_to_send (Worker * worker);
void worker_message_to_sender (Worker * worker, const char *type,
    JsonObject * message);
void worker_add_sent (Worker * worker, JsonObject * stats);
/* Hangs up on all. Blocks until they are closed. */
void worker_close_peers (Worker * worker);
