/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Channels of the front: what each is doing, and the worker that does it. */
#pragma once

#include "session.h"
#include "worker-pool.h"

typedef struct _Channel Channel;
typedef struct _ChannelTable ChannelTable;

typedef enum
{
  CHANNEL_IDLE,                 /* nobody has published, or the publisher left */
  CHANNEL_CONNECTING,           /* an offer was taken, or a source runs: no media yet */
  CHANNEL_LIVE,
  CHANNEL_LOST,                 /* the publisher vanished, or its worker died */
} ChannelState;

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
  guint64 viewers;
  guint64 viewers_refused, viewers_over_limit, viewers_over_load;       /* the latter two of the first */
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
    const char *sdp, SessionReply reply, gpointer user_data);
/* A publisher or viewer no longer waits for its answer. */
void channel_table_cancel (ChannelTable * table, const char *name,
    const char *session);
/* The same of candidates: @reply_data is that of their channel_trickle(), whose reply does
 * not come any more. */
void channel_table_cancel_trickle (ChannelTable * table, const char *name,
    const char *session, gpointer reply_data);

/* A source is over for good: its end was reached, or it can never be read. @exit_code
 * is the program's. */
typedef void (*ChannelSourceEnded) (const char *why, int exit_code,
    gpointer user_data);
/* Runs the preset's own source as the channel @name, from now on: what fails is
 * started again, later each time. */
void channel_table_run_source (ChannelTable * table, const char *name,
    ChannelSourceEnded ended, gpointer user_data);


/* From now on, channels can be watched by up to @max_viewers each. */
void channel_table_serve_viewers (ChannelTable * table, guint max_viewers);

/**
 * channel_table_view:
 * @sdp: a viewer's offer
 * @preview: it wants the smaller picture
 *
 * Lets a viewer in to the channel @name. @reply is called once, perhaps before this
 * returns.
 *
 * Returns: as channel_table_publish()
 */
const char *channel_table_view (ChannelTable * table, const char *name,
    const char *sdp, gboolean preview, SessionReply reply,
    gpointer user_data);

/* A publisher's or a viewer's; NULL when the channel has no such session (any more). */
Session *channel_find_session (Channel * channel, const char *session);
/* The client ends it. */
void channel_delete_session (Channel * channel, Session * session);
/* Ends the publisher's session, and with it those of all viewers. */
void channel_end_session (Channel * channel, const char *reason);
/* @reply's status is 204 when the candidates were added. */
void channel_trickle (Channel * channel, Session * session,
    const char *sdpfrag, SessionReply reply, gpointer user_data);

const char *channel_get_name (Channel * channel);
ChannelState channel_get_state (Channel * channel);
/* The last "stats" of its worker, or NULL. */
JsonObject *channel_get_stats (Channel * channel);
/* As /api/channels/NAME shows it. */
JsonObject *channel_to_json (Channel * channel);
