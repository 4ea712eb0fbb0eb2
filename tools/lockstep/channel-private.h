/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the files of channels share: channel.c (publishers), channel-source.c and
 * channel-viewers.c. */
#pragma once

#include "channel.h"
#include "session.h"

#include <gst/lockstep/backoff.h>

/* Bit rates, from two statistics messages. */
typedef struct
{
  gint64 octets, time;
  gint64 kbps;
} Rate;

struct _Channel
{
  ChannelTable *table;
  char *name;
  ChannelState state;
  Session *session;             /* the publisher's, running or coming; NULL: none */
  gint64 since;                 /* Unix seconds of the last change of state */
  char *reason;                 /* why the last session ended */
  WorkerProc *worker;
  gboolean ending;
  char *offer;                  /* the session's, until the worker has it */
  GHashTable *viewers;          /* Session by id: see channel-viewers.c; NULL: none */
  JsonObject *stats;
  gint64 stats_time;            /* monotonic µs */
  Rate video, audio;
  gint64 segments, bytes;       /* of the session, or of the last one */

  /* of a source: see channel-source.c */
  LockstepBackoff backoff;
  guint restart_timer;
  gint64 started;               /* monotonic µs of the first media, 0: none yet */
  gboolean finished;
  int exit_code;
};

struct _ChannelTable
{
  WorkerPool *pool;
  guint max_live;
  guint max_viewers;            /* of a channel; 0: they are not served */
  char *output;
  GHashTable *channels;         /* name -> Channel */
  ChannelTotals totals;
  void (*stopped) (gpointer);
  gpointer stopped_data;
  ChannelSourceEnded source_ended;
  gpointer source_data;
};

/* In the table; made where it is not there yet. */
Channel *channel_get (ChannelTable * table, const char *name);
void channel_set_state (Channel * channel, ChannelState state);
void channel_set_reason (Channel * channel, const char *reason);
void channel_keep_stats (Channel * channel, JsonObject * message);
void channel_forget_stats (Channel * channel);
/* Tells who waits for the end of everything, when it has come. */
void channel_table_check_stopped (ChannelTable * table);

/* channel-viewers.c */

/* The viewer is gone, or no longer wanted. */
void channel_end_viewer (Channel * channel, const char *id);
/* What a worker says of its viewers. */
void channel_viewer_message (Channel * channel, const char *type,
    JsonObject * message);
/* The worker is gone. */
void channel_forget_viewers (Channel * channel, const char *why);
