/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* HLS media playlists: model, writer, and reader for going on after a restart. */
#pragma once

#include <gio/gio.h>

G_BEGIN_DECLS

typedef enum
{
  LOCKSTEP_PLAYLIST_LIVE,       /* a window that slides, no EXT-X-PLAYLIST-TYPE */
  LOCKSTEP_PLAYLIST_EVENT,      /* grows only */
  LOCKSTEP_PLAYLIST_VOD,        /* is there when it is finished, and never changes */
} LockstepPlaylistType;

typedef struct
{
  char *uri;                    /* as it stands in the playlist */
  char *file;                   /* what it is called where it is stored */
  char *key;                    /* a whole EXT-X-KEY line that begins here, or NULL */
  gint64 duration;              /* ns, > 0 */
  gint64 start;                 /* Unix time, ns */
  gboolean discontinuity, gap;
  gint64 extinf;                /* us, as written */
  gsize text_size;              /* bytes it takes in the rendered list */
  gint64 removed_media, removed_clock;  /* when it left the list, ns */
  gint64 keep;                  /* how long its file stays after that, ns */
} LockstepPlaylistEntry;

typedef struct
{
  LockstepPlaylistType type;
  guint target_duration;        /* s; constant */
  guint length;                 /* entries of a live list, 0: all */
  gint64 window;                /* ns a live list is to span at least, 0: not set */
  guint max_files;              /* files kept, listed ones too; 0: all */
  guint64 sequence, discontinuity_sequence;
  gboolean ended;
  GQueue entries;               /* LockstepPlaylistEntry */
  gint64 duration;              /* of the entries, ns */
  gint64 longest;               /* longest the list ever was, ns */
  gint64 media;                 /* duration of all that was ever appended, ns */
  gint64 clock;                 /* a steady clock, ns, set by the caller before it
                                 * appends; 0: files go by media time alone, where
                                 * it does not run in real time */
  GQueue expired;               /* entries whose files are still there */
  guint unpublished;            /* the last ones of those: clients see them yet */
  GString *body;                /* the rendered entries */
  char *current_key;            /* of the entry before the first, or NULL */
} LockstepPlaylist;

/* Calls for a file that nobody may still fetch. */
typedef void (*LockstepPlaylistDelete) (gpointer user, const char *file);

LockstepPlaylist *lockstep_playlist_new (LockstepPlaylistType type,
    guint target_duration);
void lockstep_playlist_free (LockstepPlaylist *playlist);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (LockstepPlaylist, lockstep_playlist_free)

/**
 * lockstep_playlist_append:
 * @entry: copied
 * @del: called for each file that is no longer needed
 *
 * Appends a segment and moves the window. A list that slides keeps at least
 * three target durations (draft-pantos-hls-rfc8216bis-22, 6.2.2), and files stay
 * for their own duration and that of the longest list after they left it.
 */
void lockstep_playlist_append (LockstepPlaylist *playlist,
    const LockstepPlaylistEntry *entry, LockstepPlaylistDelete del, gpointer user);

/**
 * lockstep_playlist_published:
 * @clock: the steady clock, now
 *
 * Says that clients see the list as it is rendered now: from here on it counts how long
 * the files stay of what has left it. A store may take its time.
 */
void lockstep_playlist_published (LockstepPlaylist *playlist, gint64 clock);

/* Takes every entry off the list, as if segments had pushed them out. */
void lockstep_playlist_drop_all (LockstepPlaylist *playlist);

/* Returns: (transfer full): the playlist as it is to be served, ASCII */
char *lockstep_playlist_render (const LockstepPlaylist *playlist, gsize *size);

/**
 * lockstep_playlist_parse:
 *
 * Reads a playlist of this writer. Anything else that is valid is read as far
 * as it has the same meaning; what is not understood is dropped.
 *
 * Returns: (transfer full): the list, or NULL with %G_IO_ERROR_INVALID_DATA
 */
LockstepPlaylist *lockstep_playlist_parse (const char *text, gsize size,
    LockstepPlaylistType type, GError **error);

/**
 * lockstep_playlist_name:
 * @pattern: a file name with one %d, %u, %i or %0Nd, and %% for a percent sign
 *
 * Returns: (transfer full): the name of segment @index, or NULL with
 *   %G_IO_ERROR_INVALID_ARGUMENT where @pattern is something else
 */
char *lockstep_playlist_name (const char *pattern, guint64 index, GError **error);

G_END_DECLS
