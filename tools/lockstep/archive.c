/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The archive of a channel. Segments are linked, which costs no space as long as the live
 * playlist has them, or copied where the archive is on another disk. While the session
 * lasts, its playlist is of type EVENT and only grows; at its end it becomes VOD. */
#include "archive.h"
#include "log.h"
#include "read-file.h"

#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <gst/lockstep/playlist.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Segments that wait for the disk; of what comes on top it is kept that it was there, up to
 * so many. */
#define MAX_WAITING 64
#define MAX_LOST 10000
/* A session that is longer goes on in a folder of its own: a playlist is held in memory. */
#define MAX_SEGMENTS 50000
#define COPY_BYTES (256 * 1024)

typedef struct
{
  char *playlist;               /* NULL: the end */
  char *location;               /* NULL: it is not kept */
  gint64 duration, start;
  guint64 sequence;
  gboolean discontinuity;
} Item;

/* One playlist of the session. */
typedef struct
{
  char *path;
  LockstepPlaylist *list;
  int fd;                       /* of the file, -1: it is to be written anew */
  gint64 next;                  /* Unix ns that the last segment ends at; 0: none yet */
  guint64 first_sequence, next_sequence;        /* in the live list */
} Track;

struct _Archive
{
  char *folder;                 /* of the channel */
  char *live;
  char *channel;
  GAsyncQueue *queue;           /* Item */
  int waiting;                  /* of them segments; atomic */
  GThread *thread;

  GMutex lock;
  GCond done_cond;
  gboolean done;                /* protected by the lock */

  /* of the thread */
  char *session;                /* the folder that is written; NULL: none yet */
  GHashTable *tracks;           /* base name -> Track */
  gboolean failing;             /* the log has been told */
  gint64 master_time;           /* of the multivariant playlist when it was copied */
};

static void
item_free (gpointer data)
{
  Item *item = data;

  g_free (item->playlist);
  g_free (item->location);
  g_free (item);
}

static void
track_free (gpointer data)
{
  Track *track = data;

  if (track->fd >= 0)
    close (track->fd);
  lockstep_playlist_free (track->list);
  g_free (track->path);
  g_free (track);
}

/* Once for each time that it begins to go wrong. */
static void
report (Archive * archive, const char *what, const char *path)
{
  if (!archive->failing)
    log_warning (archive->channel, "the archive misses segments: %s %s: %s; "
        "the stream goes on", what, path, g_strerror (errno));
  archive->failing = TRUE;
}

static gboolean
write_whole (int fd, const char *data, gsize size)
{
  while (size > 0) {
    ssize_t n = write (fd, data, size);

    if (n < 0 && errno == EINTR)
      continue;
    if (n < 0)
      return FALSE;
    data += n;
    size -= n;
  }
  return TRUE;
}

static gboolean
copy_file (const char *from, const char *to)
{
  g_autofree char *buffer = g_malloc (COPY_BYTES);
  int in = open (from, O_RDONLY | O_CLOEXEC);
  int out = in < 0 ? -1
      : open (to, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
  gboolean ok = out >= 0;
  ssize_t n = 0;
  int error;

  while (ok && (n = read (in, buffer, COPY_BYTES)) > 0)
    ok = write_whole (out, buffer, n);
  ok = ok && n == 0;
  error = errno;
  if (out >= 0) {
    if (close (out) != 0 && ok) {
      ok = FALSE;
      error = errno;
    }
    if (!ok)
      unlink (to);
  }
  if (in >= 0)
    close (in);
  errno = error;
  return ok;
}

static gboolean
keep_file (const char *from, const char *to)
{
  return link (from, to) == 0 || copy_file (from, to);
}

/* All at once: who looks sees the old or the new. */
static gboolean
replace (const char *path, const char *text, gsize size)
{
  g_autofree char *temp = g_strconcat (path, ".tmp", NULL);
  int fd = open (temp, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
  gboolean ok = fd >= 0 && write_whole (fd, text, size);
  int error = errno;

  if (fd >= 0 && close (fd) != 0 && ok) {
    ok = FALSE;
    error = errno;
  }
  if (ok && rename (temp, path) == 0)
    return TRUE;
  if (ok)
    error = errno;
  unlink (temp);
  errno = error;
  return FALSE;
}

static gboolean
write_playlist (Track * track)
{
  gsize size;
  g_autofree char *text = lockstep_playlist_render (track->list, &size);

  if (track->fd >= 0)
    close (track->fd);
  track->fd = -1;
  if (!replace (track->path, text, size))
    return FALSE;
  track->fd = open (track->path, O_WRONLY | O_APPEND | O_CLOEXEC);
  return track->fd >= 0;
}

/* Adds to the file what was added to the list. A half line is taken back. */
static gboolean
append_playlist (Track * track, gsize before)
{
  const GString *body = track->list->body;
  struct stat st;
  int error;

  if (track->fd < 0)
    return write_playlist (track);
  if (fstat (track->fd, &st) == 0
      && write_whole (track->fd, body->str + before, body->len - before))
    return TRUE;
  error = errno;
  if (ftruncate (track->fd, st.st_size) != 0)
    log_warning (NULL, "%s: its end is damaged", track->path);
  close (track->fd);
  track->fd = -1;
  errno = error;
  return FALSE;
}

static gboolean
make_session (Archive * archive)
{
  g_autoptr (GDateTime) now = g_date_time_new_now_utc ();
  g_autofree char *name = g_date_time_format (now, "%Y%m%dT%H%M%SZ");

  if (archive->session != NULL)
    return TRUE;
  if (g_mkdir_with_parents (archive->folder, 0777) != 0)
    return FALSE;
  for (guint i = 1; i < 100; i++) {
    g_autofree char *path = i == 1
        ? g_build_filename (archive->folder, name, NULL)
        : g_strdup_printf ("%s/%s-%u", archive->folder, name, i);

    if (g_mkdir (path, 0777) == 0) {
      archive->session = g_steal_pointer (&path);
      return TRUE;
    }
    if (errno != EEXIST)
      return FALSE;
  }
  return FALSE;
}

static Track *
find_track (Archive * archive, const char *name)
{
  Track *track = g_hash_table_lookup (archive->tracks, name);

  if (track == NULL) {
    track = g_new0 (Track, 1);
    track->path = g_build_filename (archive->session, name, NULL);
    track->list = lockstep_playlist_new (LOCKSTEP_PLAYLIST_EVENT, 1);
    track->fd = -1;
    g_hash_table_insert (archive->tracks, g_strdup (name), track);
  }
  return track;
}

/* EXT-X-TARGETDURATION: no segment, rounded, is longer (RFC 8216, section 4.3.3.1). */
static gboolean
fit_target (LockstepPlaylist * list)
{
  const LockstepPlaylistEntry *last = g_queue_peek_tail (&list->entries);
  guint rounded = (last->extinf + G_USEC_PER_SEC / 2) / G_USEC_PER_SEC;

  if (rounded <= list->target_duration)
    return FALSE;
  list->target_duration = rounded;
  return TRUE;
}

static void
finish_track (Archive * archive, Track * track)
{
  track->list->type = LOCKSTEP_PLAYLIST_VOD;
  track->list->ended = TRUE;
  if (!write_playlist (track))
    report (archive, "cannot write", track->path);
}

/* The list of renditions is the live one: it names playlists that are here too. */
static void
copy_master (Archive * archive)
{
  g_autofree char *from = g_build_filename (archive->live, "index.m3u8", NULL);
  g_autofree char *to = NULL;
  g_autofree char *text = NULL;
  struct stat st;
  gint64 time;
  gsize size;

  if (g_hash_table_contains (archive->tracks, "index.m3u8")
      || archive->session == NULL || stat (from, &st) != 0)
    return;
  time = st.st_mtim.tv_sec * G_GINT64_CONSTANT (1000000000)
      + st.st_mtim.tv_nsec;
  if (time == archive->master_time)
    return;
  text = read_file (from, READ_FILE_PLAYLIST, &size, NULL);
  if (text == NULL || strstr (text, "#EXT-X-STREAM-INF") == NULL)
    return;
  to = g_build_filename (archive->session, "index.m3u8", NULL);
  if (replace (to, text, size))
    archive->master_time = time;
  else
    report (archive, "cannot write", to);
}

static void
finish_session (Archive * archive)
{
  GHashTableIter iter;
  gpointer track;

  copy_master (archive);
  g_hash_table_iter_init (&iter, archive->tracks);
  while (g_hash_table_iter_next (&iter, NULL, &track))
    finish_track (archive, track);
  g_hash_table_remove_all (archive->tracks);
  g_clear_pointer (&archive->session, g_free);
  archive->master_time = 0;
}

/* Another playlist of the session that has all segments from @from up to @to, or NULL. */
static const Track *
find_complete (Archive * archive, const Track * but, guint64 from, guint64 to)
{
  GHashTableIter iter;
  gpointer value;

  g_hash_table_iter_init (&iter, archive->tracks);
  while (g_hash_table_iter_next (&iter, NULL, &value)) {
    const Track *other = value;

    if (other != but && other->next != 0
        && other->first_sequence <= from && other->next_sequence >= to
        && other->next_sequence - other->first_sequence
        == g_queue_get_length (&other->list->entries))
      return other;
  }
  return NULL;
}

/* What is listed for segment @sequence, which is not here: EXT-X-GAP. */
static void
append_gap (Track * track, LockstepPlaylistEntry entry)
{
  g_autofree char *name = g_strdup_printf ("gap-%" G_GUINT64_FORMAT ".ts",
      track->next_sequence);

  entry.uri = entry.file = name;
  entry.key = NULL;
  entry.gap = TRUE;
  lockstep_playlist_append (track->list, &entry, NULL, NULL);
  track->next = entry.start + entry.duration;
  track->next_sequence++;
}

/* A rendition that was not made for a while: what is missing is listed as a gap, so that
 * all lists of the session have the same times and discontinuities. FALSE: no other list
 * knows them. */
static gboolean
fill_gap (Archive * archive, Track * track, guint64 to)
{
  const Track *other = find_complete (archive, track, track->next_sequence, to);
  GList *l;

  if (track->next == 0 || other == NULL || to <= track->next_sequence)
    return FALSE;
  l = g_queue_peek_nth_link (&other->list->entries,
      track->next_sequence - other->first_sequence);
  for (; track->next_sequence < to; l = l->next)
    append_gap (track, *(LockstepPlaylistEntry *) l->data);
  return TRUE;
}

/* @before: the length of the list's body that the file has */
static gboolean
publish (Archive * archive, Track * track, gsize before)
{
  if (fit_target (track->list) ? write_playlist (track)
      : append_playlist (track, before))
    return TRUE;
  report (archive, "cannot write", track->path);
  return FALSE;
}

/* A segment that is not kept. One list alone goes on after a discontinuity, which every
 * player knows; several keep the same times and discontinuities by a gap. */
static void
lose (Archive * archive, Track * track, LockstepPlaylistEntry entry,
    const Item * item)
{
  const gsize before = track->list->body->len;

  if (track->next == 0 || item->sequence != track->next_sequence
      || g_hash_table_size (archive->tracks) < 2)
    return;
  entry.start = item->discontinuity ? item->start : track->next;
  entry.discontinuity = item->discontinuity;
  append_gap (track, entry);
  publish (archive, track, before);
}

static void
add (Archive * archive, const Item * item)
{
  g_autofree char *base = item->location != NULL
      ? g_path_get_basename (item->location) : NULL;
  g_autofree char *uri = g_uri_escape_string (base != NULL ? base : "", NULL,
      FALSE);
  g_autofree char *to = NULL;
  LockstepPlaylistEntry entry = {.uri = uri,.file = base,.duration =
        item->duration
  };
  gboolean lost;
  Track *track;
  gsize before;

  if (!make_session (archive)) {
    report (archive, "cannot make a folder in", archive->folder);
    return;
  }
  track = find_track (archive, item->playlist);
  if (g_queue_get_length (&track->list->entries) >= MAX_SEGMENTS) {
    finish_session (archive);
    add (archive, item);
    return;
  }
  if (base == NULL) {
    lose (archive, track, entry, item);
    return;
  }
  to = g_build_filename (archive->session, base, NULL);
  if (!keep_file (item->location, to)) {
    report (archive, "cannot keep", to);
    lose (archive, track, entry, item);
    return;
  }
  before = track->list->body->len;
  if (track->next == 0)
    track->first_sequence = track->next_sequence = item->sequence;
  lost = item->sequence != track->next_sequence
      && !fill_gap (archive, track, item->sequence);
  track->next_sequence = item->sequence + 1;
  entry.discontinuity = track->next != 0 && (item->discontinuity || lost);
  entry.start = track->next == 0 || entry.discontinuity ? item->start
      : track->next;
  lockstep_playlist_append (track->list, &entry, NULL, NULL);
  track->next = entry.start + entry.duration;
  if (publish (archive, track, before)) {
    if (archive->failing)
      log_info (archive->channel, "the archive goes on");
    archive->failing = FALSE;
  }
  copy_master (archive);
}

/* Ends a playlist that a process could not finish. */
static void
end_unfinished (Archive * archive, const char *path)
{
  g_autoptr (LockstepPlaylist) list = NULL;
  g_autofree char *text = NULL, *rendered = NULL;
  struct stat st;
  gsize size;

  if (lstat (path, &st) != 0 || !S_ISREG (st.st_mode))
    return;
  text = read_file (path, READ_FILE_PLAYLIST, &size, NULL);
  if (text == NULL || strstr (text, "#EXT-X-PLAYLIST-TYPE:EVENT") == NULL)
    return;
  list = lockstep_playlist_parse (text, size, LOCKSTEP_PLAYLIST_VOD, NULL);
  if (list == NULL)
    return;
  list->ended = TRUE;
  rendered = lockstep_playlist_render (list, &size);
  if (!replace (path, rendered, size))
    report (archive, "cannot finish", path);
}

static void
end_all_unfinished (Archive * archive)
{
  g_autoptr (GDir) sessions = g_dir_open (archive->folder, 0, NULL);
  const char *name, *file;

  while (sessions != NULL && (name = g_dir_read_name (sessions)) != NULL) {
    g_autofree char *folder = g_build_filename (archive->folder, name, NULL);
    g_autoptr (GDir) dir = g_dir_open (folder, 0, NULL);

    while (dir != NULL && (file = g_dir_read_name (dir)) != NULL) {
      g_autofree char *path = g_build_filename (folder, file, NULL);

      if (g_str_has_suffix (file, ".m3u8"))
        end_unfinished (archive, path);
    }
  }
}

static gpointer
work (gpointer user_data)
{
  Archive *archive = user_data;

  end_all_unfinished (archive);
  for (;;) {
    Item *item = g_async_queue_pop (archive->queue);
    gboolean end = item->playlist == NULL;

    if (!end)
      add (archive, item);
    if (item->location != NULL)
      g_atomic_int_add (&archive->waiting, -1);
    item_free (item);
    if (end)
      break;
  }
  finish_session (archive);
  g_mutex_lock (&archive->lock);
  archive->done = TRUE;
  g_cond_signal (&archive->done_cond);
  g_mutex_unlock (&archive->lock);
  return NULL;
}

/* @live: the folder that the session is served from */
static Archive *
archive_new (const char *folder, const char *channel, const char *live)
{
  Archive *archive = g_new0 (Archive, 1);

  archive->folder = g_build_filename (folder, channel, NULL);
  archive->live = g_strdup (live);
  archive->channel = g_strdup (channel);
  archive->queue = g_async_queue_new_full (item_free);
  archive->tracks = g_hash_table_new_full (g_str_hash, g_str_equal, g_free,
      track_free);
  g_mutex_init (&archive->lock);
  g_cond_init (&archive->done_cond);
  archive->thread = g_thread_new ("archive", work, archive);
  return archive;
}

/* A segment was stored as the file @location and listed in @playlist (its base name) as
 * @sequence. @duration: ns. @start: Unix time in ns. */
static void
archive_add (Archive * archive, const char *playlist, const char *location,
    guint64 sequence, gint64 duration, gint64 start, gboolean discontinuity)
{
  const gboolean keep = g_atomic_int_get (&archive->waiting) < MAX_WAITING;
  Item *item;

  if (!keep) {
    log_warning (archive->channel, "the archive's disk is too slow: "
        "%s is not kept", location);
    if (g_async_queue_length (archive->queue) >= MAX_WAITING + MAX_LOST)
      return;
  } else {
    g_atomic_int_inc (&archive->waiting);
  }
  item = g_new0 (Item, 1);
  item->playlist = g_strdup (playlist);
  item->location = keep ? g_strdup (location) : NULL;
  item->sequence = sequence;
  item->duration = duration;
  item->start = start;
  item->discontinuity = discontinuity;
  g_async_queue_push (archive->queue, item);
}

void
archive_finish (Archive * archive, int timeout_ms)
{
  gint64 limit = g_get_monotonic_time () + timeout_ms * 1000;
  gboolean done = FALSE;

  g_async_queue_push (archive->queue, g_new0 (Item, 1));
  g_mutex_lock (&archive->lock);
  while (!archive->done
      && g_cond_wait_until (&archive->done_cond, &archive->lock, limit))
    continue;
  done = archive->done;
  g_mutex_unlock (&archive->lock);
  if (!done) {
    /* the thread has it all: the process is about to end */
    log_warning (archive->channel, "the archive is not finished: its disk does "
        "not answer");
    return;
  }
  g_thread_join (archive->thread);
  g_async_queue_unref (archive->queue);
  g_hash_table_unref (archive->tracks);
  g_mutex_clear (&archive->lock);
  g_cond_clear (&archive->done_cond);
  g_free (archive->folder);
  g_free (archive->live);
  g_free (archive->channel);
  g_free (archive);
}

Archive *
archive_of (GHashTable * values, const char *channel)
{
  const char *folder = g_hash_table_lookup (values, "archive");
  const char *output = g_hash_table_lookup (values, "output");
  g_autofree char *live = NULL;

  if (folder == NULL || folder[0] == '\0')
    return NULL;
  live = g_build_filename (output != NULL ? output : "hls", channel, NULL);
  return archive_new (folder, channel, live);
}

void
archive_segment (Archive * archive, GstObject * sink,
    const GstStructure * segment)
{
  const char *location = gst_structure_get_string (segment, "location");
  g_autofree char *playlist = NULL, *name = NULL;
  guint64 duration = 0, sequence = 0;
  gint64 start = 0;
  gboolean gap = FALSE, discontinuity = FALSE;

  if (archive == NULL)
    return;
  gst_structure_get_boolean (segment, "gap", &gap);
  gst_structure_get_boolean (segment, "discontinuity", &discontinuity);
  gst_structure_get_uint64 (segment, "duration", &duration);
  gst_structure_get_uint64 (segment, "sequence", &sequence);
  gst_structure_get_int64 (segment, "unix-time", &start);
  /* a URL is archived by its server */
  if (gap || duration == 0 || location == NULL
      || !g_path_is_absolute (location))
    return;
  g_object_get (sink, "playlist-location", &playlist, NULL);
  name = g_path_get_basename (playlist != NULL ? playlist : "index.m3u8");
  archive_add (archive, name, location, sequence, duration, start,
      discontinuity);
}
