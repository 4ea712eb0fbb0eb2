/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Where segments and playlists are put. */
#pragma once

#include <gio/gio.h>

G_BEGIN_DECLS

typedef struct _HlsStore HlsStore;

/* All calls come from one thread and may block. */
struct _HlsStore
{
  /* Makes @name hold these bytes, all at once: who looks sees the old or the new */
  gboolean (*put) (HlsStore *store, const char *name, gboolean playlist,
      const GOutputVector *vectors, guint n, GError **error);
  gboolean (*remove) (HlsStore *store, const char *name, GError **error);
  /* NULL without error: there is none */
  GBytes *(*get) (HlsStore *store, const char *name, GError **error);
  gboolean (*exists) (HlsStore *store, const char *name);
  /* Makes ready @names's folders, and removes what an earlier run left half done */
  gboolean (*prepare) (HlsStore *store, const char *name, GError **error);
  void (*free) (HlsStore *store);
};

/* Local files; names are paths. */
HlsStore *hls_folder_new (void);

/* PUT, GET and DELETE; names are URLs. */
HlsStore *hls_http_new (void);

/* The application's streams. @open: (transfer full), NULL for none. Both are called
 * from the output's thread. */
typedef GOutputStream *(*HlsStreamOpen) (gpointer user, const char *name,
    gboolean playlist);
typedef void (*HlsStreamRemove) (gpointer user, const char *name);
HlsStore *hls_streams_new (HlsStreamOpen open, HlsStreamRemove remove,
    gpointer user);

G_END_DECLS
