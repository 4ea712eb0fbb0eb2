/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Channels of the front: what each is doing, and the worker that does it. */
#pragma once

#include "worker-pool.h"

typedef struct _Channel Channel;
typedef struct _ChannelTable ChannelTable;

typedef enum
{
  CHANNEL_IDLE,                 /* nobody has published, or the publisher left */
  CHANNEL_CONNECTING,           /* an offer was taken, no media yet */
  CHANNEL_LIVE,
  CHANNEL_LOST,                 /* the publisher vanished, or its worker died */
} ChannelState;

/* The answer to an offer: 201 with @text the SDP, else a status with @text why. */
typedef void (*ChannelReply) (guint status, const char *text,
    gpointer user_data);

/* Names are 1 to 64 letters, digits, '-', '_' and '.', and do not start with '.'. */
gboolean channel_name_is_valid (const char *name);

ChannelTable *channel_table_new (WorkerPool * pool, guint max_live,
    const char *output);
void channel_table_free (ChannelTable * table);
/* Ends every session; @done is called when none is left. */
void channel_table_stop (ChannelTable * table, void (*done) (gpointer),
    gpointer user_data);
Channel *channel_table_find (ChannelTable * table, const char *name);
/* (element-type Channel), sorted by name, container to be freed. */
GPtrArray *channel_table_list (ChannelTable * table);

typedef struct
{
  guint64 sessions, refused, lost, crashed;     /* since the start */
} ChannelTotals;
const ChannelTotals *channel_table_get_totals (ChannelTable * table);

/**
 * channel_table_publish:
 * @sdp: the publisher's offer
 *
 * Starts a session on the channel @name. @reply is called once, perhaps before this
 * returns.
 *
 * Returns: an id for channel_table_cancel() and the session's URL, or NULL when it was
 *   refused at once
 */
const char *channel_table_publish (ChannelTable * table, const char *name,
    const char *sdp, ChannelReply reply, gpointer user_data);
/* The publisher no longer waits for its answer. */
void channel_table_cancel (ChannelTable * table, const char *name,
    const char *session);

/* NULL when the channel has no such session (any more). */
Channel *channel_table_find_session (ChannelTable * table, const char *name,
    const char *session);
void channel_end_session (Channel * channel, const char *reason);
/* @reply's status is 204 when the candidates were added. */
void channel_trickle (Channel * channel, const char *sdpfrag,
    ChannelReply reply, gpointer user_data);
/* The publisher went away before the reply. */
void channel_trickle_cancel (Channel * channel, gpointer user_data);

const char *channel_get_name (Channel * channel);
const char *channel_get_etag (Channel * channel);
ChannelState channel_get_state (Channel * channel);
/* The last "stats" of its worker, or NULL. */
JsonObject *channel_get_stats (Channel * channel);
/* As /api/channels/NAME shows it. */
JsonObject *channel_to_json (Channel * channel);
