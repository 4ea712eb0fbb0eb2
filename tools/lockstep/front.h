/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The front: one HTTP port, and the channels behind it. */
#pragma once

#include "channel.h"

#include <gst/lockstep/preset.h>
#include <libsoup/soup.h>

typedef struct _Front
{
  SoupServer *server;
  WorkerPool *pool;
  ChannelTable *channels;
  const LockstepPreset *preset;
  char *output;                 /* absolute folder */
  char *token;                  /* NULL: none is asked for */
  GPtrArray *ice_links;         /* char*: Link header values */
  GStrv web_folders;
  gint64 started;               /* Unix seconds */
  guint connections;
  guint64 requests[6];          /* by the status' first digit */
  gint64 post_allowance;        /* token bucket of POSTs, in thousandths */
  gint64 post_time;             /* monotonic µs of its last change */
} Front;

/* @values: of the preset's parameters. NULL with @error when it cannot listen or
 * write. */
Front *front_new (const LockstepPreset * preset, const char *preset_name,
    GHashTable * values, WorkerPoolBroken broken, gpointer user_data,
    GError ** error);
void front_free (Front * front);
/* Takes no new connection and ends every session, then calls @done. */
void front_stop (Front * front, void (*done) (gpointer), gpointer user_data);

/* The routes. @rest is the path after the prefix, "" or without its first slash. */
void http_whip (Front * front, SoupServerMessage * msg, const char *rest);
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
/* Whether the request's bearer token is the front's. */
gboolean http_is_authorized (Front * front, SoupServerMessage * msg);
