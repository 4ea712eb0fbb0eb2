/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The thread that stores segments and keeps the playlist. */
#pragma once

#include <gst/lockstep/playlist.h>
#include <gst/lockstep/segmenter.h>
#include "hlsgroup.h"
#include "hlsstore.h"

G_BEGIN_DECLS

typedef struct
{
  char *location;               /* pattern for segments */
  char *playlist;               /* NULL: none is written */
  char *root;                   /* put before each URI, or NULL */
  LockstepPlaylistType type;
  guint length, max_files;
  gint64 window;                /* ns */
  gboolean endlist, epoch;
  char *key_location;           /* pattern for key files; NULL: no encryption */
  char *key_uri;                /* pattern for them in the playlist */
  guint key_segments;           /* segments that share a key, 0: all */
  HlsGroup *group;              /* with whose playlists this one goes on, or NULL */
  gboolean late;                /* which have segments of this run by now */
  gint64 tolerance;             /* of where two of the group begin a segment, ns */
} HlsOutputConfig;

/* What happened to one segment. */
typedef struct
{
  const LockstepSegment *segment;
  guint64 sequence;
  const char *location;
  gboolean gap;                 /* it could not be stored */
} HlsOutputReport;

typedef struct
{
  guint64 segments, bytes, gaps, retries, deleted;
} HlsOutputStats;

/* Called from the output's thread. */
typedef struct
{
  void (*stored) (gpointer user, const HlsOutputReport *report);
  void (*problem) (gpointer user, const GError *error);
  void (*ended) (gpointer user);        /* all up to hls_output_end() is stored */
  GDestroyNotify free;          /* of user, when no more is called */
} HlsOutputCallbacks;

typedef struct _HlsOutput HlsOutput;

/* @config and @store are taken. */
HlsOutput *hls_output_new (HlsOutputConfig *config, HlsStore *store,
    const HlsOutputCallbacks *callbacks, gpointer user);
void hls_output_config_free (HlsOutputConfig *config);

/* Hands a segment over. Never blocks. @live: the source runs in real time */
void hls_output_segment (HlsOutput *output, LockstepSegment *segment,
    guint target_duration, gboolean live);

/* Waits until what is queued is less than the bound, at most @timeout us; where the
 * source is not @live there is little to queue. FALSE: it is still more. */
gboolean hls_output_wait (HlsOutput *output, gboolean live, gint64 timeout);

/* Ends hls_output_wait() now and from now on. */
void hls_output_hurry (HlsOutput *output);

/* Everything up to here belongs to one showing: finish the playlist. */
void hls_output_end (HlsOutput *output);

/* Lets go: waits @timeout us for the thread to store what it has; then it does
 * that alone. */
void hls_output_close (HlsOutput *output, gint64 timeout);

void hls_output_stats (HlsOutput *output, HlsOutputStats *stats);

G_END_DECLS
