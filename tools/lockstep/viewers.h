/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The viewers of a worker's channel, as the front speaks of them. */
#pragma once

#include "encoder-rate.h"
#include "ipc.h"
#include "streams.h"
#include "webrtc-end.h"

#include <gst/lockstep/bandwidth.h>

typedef struct _Viewers Viewers;

/* A viewer sends a message. */
typedef void (*ViewersText) (const char *text, gpointer user_data);

/* @main: the pipeline that encodes. @config is copied, its strings are not. @limits: of
 * the congestion control of each viewer of the picture, and of the preview; NULL: none.
 * @channel: for what is logged. */
Viewers *viewers_new (Ipc * ipc, GstElement * main, Streams * streams,
    const WebrtcEndConfig * config, const LockstepBandwidthConfig * limits,
    const LockstepBandwidthConfig * preview_limits, const char *channel, ViewersText text, gpointer user_data);
/* Closes every viewer. */
void viewers_close (Viewers * viewers);

/* The messages of the front that name a viewer: view, leave, trickle. */
void viewers_message (Viewers * viewers, const char *type,
    JsonObject * message);
/* To each viewer that has a channel for it. */
void viewers_send_text (Viewers * viewers, const char *text);
/* Once a second: ends those that vanished, and measures whether there is room for more.
 * @rate: NULL where frames are not looked at. FALSE when so many closings hang that the
 * worker had better be replaced. */
gboolean viewers_tick (Viewers * viewers, EncoderRate * rate);
/* What the viewer with the widest path takes, bit/s; 0: not known. The encode is one for
 * all: a slow viewer gets fewer frames of it, and does not make it worse for others. The
 * preview's viewers do not count: its encode is another one, whose rate stays.
 * @backlog: how long what waits to be sent to that one takes, ns. */
guint64 viewers_target (Viewers * viewers, gint64 * backlog);
/* Adds who views, and the requests for key frames, to a "stats" message. */
void viewers_add_stats (Viewers * viewers, JsonObject * to);
