/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The front: one HTTP port, and the channels behind it. */
#pragma once

#include "channel.h"

#include <gst/lockstep/preset.h>
#include <libsoup/soup.h>

/* Where tokens and the certificate come from. NULL: from nowhere. */
typedef struct
{
  const char *token, *token_file;
  const char *tls_cert, *tls_key;       /* PEM files */
} FrontAccess;

typedef struct _Front
{
  SoupServer *server;
  WorkerPool *pool;
  ChannelTable *channels;
  const LockstepPreset *preset;
  gboolean is_source;           /* the preset has a source of its own */
  gboolean is_sender;           /* its channels are watched by WHEP */
  char *output;                 /* absolute folder; NULL: nothing is written */
  char *archive;                /* absolute folder, or NULL */
  FrontAccess access;
  /* char*: any of them will do, for publishers or, of a sender, viewers; empty: none is
   * asked for */
  GPtrArray *tokens;
  GPtrArray *ice_links;         /* char*: Link header values */
  GStrv web_folders;
  gint64 started;               /* Unix seconds */
  guint connections, max_connections;
  GQueue waiting;               /* of those, whose request is not complete; the oldest first */
  guint64 requests[6];          /* by the status' first digit */
  gint64 post_allowance;        /* token bucket of POSTs, in thousandths */
  gint64 post_time;             /* monotonic µs of its last change */
} Front;

/* @values: of the preset's parameters. NULL with @error when it cannot listen or
 * write. @access: its strings outlive the front. @broken and @ended: no worker can be started; a source is over. */
Front *front_new (const LockstepPreset * preset, const char *preset_name,
    GHashTable * values, const FrontAccess * access, WorkerPoolBroken broken, ChannelSourceEnded ended,
    gpointer user_data, GError ** error);
void front_free (Front * front);
/* Takes no new connection and ends every session, then calls @done. */
void front_stop (Front * front, void (*done) (gpointer), gpointer user_data);

/* front-access.c */

/* Reads tokens and certificate; on FALSE nothing has changed. */
gboolean front_read_access (Front * front, GError ** error);
/* The same once more, while it runs: what is wrong is logged. */
void front_reload (Front * front);

/* The routes. @rest is the path after the prefix, "" or without its first slash. */
/* @query: of the URL; NULL: none. @is_view: WHEP. */
void http_whip (Front * front, SoupServerMessage * msg, const char *rest,
    GHashTable * query, gboolean is_view);
void http_hls (Front * front, SoupServerMessage * msg, const char *rest);
void http_page (Front * front, SoupServerMessage * msg, const char *file,
    gboolean is_asset);
void http_api (Front * front, SoupServerMessage * msg, const char *rest);
void http_metrics (Front * front, SoupServerMessage * msg);

/* http-util.c */

/* Answers with a status and a line of text for a human. */
void http_error (SoupServerMessage * msg, guint status, const char *text);
/* FALSE, with a 405 and its Allow, where the method is none of @allowed
 * ("GET, HEAD, OPTIONS"); answers OPTIONS itself. */
gboolean http_check_method (SoupServerMessage * msg, const char *allowed);
/* Answers GET and HEAD with @bytes (transfer none). */
void http_send (SoupServerMessage * msg, const char *type,
    const char *cache_control, GBytes * bytes);
/* As http_send(), gzipped where the client takes it. */
void http_send_text (SoupServerMessage * msg, const char *type,
    const char *cache_control, const char *text, gssize length);
/* A regular file @name in @folder, never through a link; NULL when there is none. */
GBytes *http_read_file (const char *folder, const char *name);
/* Whether the request's bearer token is one of the front's. */
gboolean http_is_authorized (Front * front, SoupServerMessage * msg);
