/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Segments and playlists into streams that the application opens. */
#include "hlsstore.h"

typedef struct
{
  HlsStore parent;
  HlsStreamOpen open;
  HlsStreamRemove remove;
  gpointer user;
} StreamStore;

static gboolean
stream_put (HlsStore * base, const char *name, gboolean playlist,
    const GOutputVector * vectors, guint n, GError ** error)
{
  StreamStore *store = (StreamStore *) base;
  g_autoptr (GOutputStream) out = store->open (store->user, name, playlist);

  if (out == NULL) {
    g_set_error (error, G_IO_ERROR, G_IO_ERROR_FAILED,
        "the application gave no stream for %s", name);
    return FALSE;
  }
  for (guint i = 0; i < n; i++) {
    if (!g_output_stream_write_all (out, vectors[i].buffer, vectors[i].size,
            NULL, NULL, error)) {
      g_output_stream_close (out, NULL, NULL);
      return FALSE;
    }
  }
  return g_output_stream_close (out, NULL, error);
}

static gboolean
stream_remove (HlsStore * base, const char *name, GError ** error)
{
  StreamStore *store = (StreamStore *) base;

  store->remove (store->user, name);
  return TRUE;
}

static GBytes *
stream_get (HlsStore * base, const char *name, GError ** error)
{
  return NULL;                  /* what was written cannot be read back */
}

static gboolean
stream_exists (HlsStore * base, const char *name)
{
  return FALSE;
}

static gboolean
stream_prepare (HlsStore * base, const char *name, GError ** error)
{
  return TRUE;
}

HlsStore *
hls_streams_new (HlsStreamOpen open, HlsStreamRemove remove, gpointer user)
{
  StreamStore *store = g_new0 (StreamStore, 1);

  store->parent.put = stream_put;
  store->parent.remove = stream_remove;
  store->parent.get = stream_get;
  store->parent.exists = stream_exists;
  store->parent.prepare = stream_prepare;
  store->parent.free = (void (*)(HlsStore *)) g_free;
  store->open = open;
  store->remove = remove;
  store->user = user;
  return &store->parent;
}
