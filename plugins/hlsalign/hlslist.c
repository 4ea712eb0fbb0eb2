/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The list that an output keeps: how it goes on where an earlier run, the others of a
 * group or the clock say, what is appended to it, and how it is written. */
#include "hlsoutput-private.h"

#include <gst/lockstep/unixtime.h>
#include <string.h>

/* Intervals without a segment that are listed as gaps, with epoch-lock. */
#define MAX_GAPS 16
/* Files of an earlier run that are looked for, behind the list. */
#define MAX_ORPHANS 4096

static char *
uri_of (HlsOutput * output, const char *file)
{
  g_autofree char *base = NULL;
  g_autofree char *escaped = NULL;
  g_autofree char *folder = NULL;
  const char *path = file;

  /* Below the playlist's folder: the path from there. Else: the name. */
  if (output->config->playlist != NULL) {
    folder = g_path_get_dirname (output->config->playlist);
    if (strcmp (folder, ".") != 0 && g_str_has_prefix (file, folder)
        && file[strlen (folder)] == '/')
      path = file + strlen (folder) + 1;
    else if (strcmp (folder, ".") != 0 || file[0] == '/')
      path = base = g_path_get_basename (file);
  }
  while (g_str_has_prefix (path, "./"))
    path += 2;
  if (output->config->root != NULL && base == NULL)
    path = base = g_path_get_basename (file);
  escaped = g_uri_escape_string (path, "/!$&'()*+,;=@", FALSE);
  if (output->config->root != NULL)
    return g_strdup_printf ("%s/%s", output->config->root, escaped);
  return g_steal_pointer (&escaped);
}

static void
delete_file (gpointer user, const char *file)
{
  HlsOutput *output = user;
  g_autoptr (GError) error = NULL;

  if (!output->store->remove (output->store, file, &error))
    hls_output_problem (output, error);
  g_mutex_lock (&output->lock);
  output->stats.deleted++;
  g_mutex_unlock (&output->lock);
}

gboolean
hls_list_write (HlsOutput * output, GError ** error)
{
  g_autofree char *text = NULL;
  GOutputVector vector;

  if (output->config->playlist == NULL)
    return TRUE;
  if (output->playlist->type == LOCKSTEP_PLAYLIST_VOD
      && !output->playlist->ended)
    return TRUE;
  text = lockstep_playlist_render (output->playlist, &vector.size);
  vector.buffer = text;
  return output->store->put (output->store, output->config->playlist, TRUE,
      &vector, 1, error);
}

void
hls_list_configure (HlsOutput * output)
{
  output->playlist->length = output->config->length;
  output->playlist->window = output->config->window;
  output->playlist->max_files = output->config->max_files;
}

guint64
hls_list_next_sequence (HlsOutput * output)
{
  return output->playlist->sequence
      + g_queue_get_length (&output->playlist->entries);
}

/* Files of an earlier run that have left the list go when they may. */
static void
find_orphans (HlsOutput * output)
{
  LockstepPlaylist *playlist = output->playlist;
  guint64 sequence = playlist->sequence;

  if (playlist->max_files == 0)
    return;
  for (guint i = 0; i < MAX_ORPHANS && sequence > 0; i++) {
    g_autofree char *name = NULL;
    LockstepPlaylistEntry *entry;

    name = lockstep_playlist_name (output->config->location, --sequence, NULL);
    if (name == NULL || !output->store->exists (output->store, name))
      break;
    entry = g_new0 (LockstepPlaylistEntry, 1);
    entry->file = g_steal_pointer (&name);
    entry->removed_media = playlist->media;
    entry->keep = playlist->duration;
    g_queue_push_head (&playlist->expired, entry);
  }
}

/* Reads what an earlier run left, and goes on from there. */
void
hls_list_load (HlsOutput * output)
{
  HlsOutputConfig *config = output->config;
  g_autoptr (GError) error = NULL;
  g_autoptr (GBytes) bytes = NULL;
  g_autofree char *folder = g_path_get_dirname (config->location);

  if (!output->store->prepare (output->store, config->location, &error)) {
    hls_output_problem (output, error);
    g_clear_error (&error);
  }
  if (config->playlist != NULL) {
    if (!output->store->prepare (output->store, config->playlist, &error)) {
      hls_output_problem (output, error);
      g_clear_error (&error);
    }
    bytes = output->store->get (output->store, config->playlist, &error);
  }
  if (bytes != NULL)
    output->playlist = lockstep_playlist_parse (g_bytes_get_data (bytes, NULL),
        g_bytes_get_size (bytes), config->type, &error);
  if (error != NULL)
    hls_output_problem (output, error);
  if (output->playlist == NULL)
    return;
  hls_list_configure (output);
  if (!g_queue_is_empty (&output->playlist->entries)) {
    LockstepPlaylistEntry *last =
        g_queue_peek_tail (&output->playlist->entries);

    output->last_end = last->start + last->duration;
  }
  for (GList * l = output->playlist->entries.head; l != NULL; l = l->next) {
    LockstepPlaylistEntry *entry = l->data;
    char *file = g_build_filename (folder, entry->file, NULL);

    g_free (entry->file);
    entry->file = file;
  }
  find_orphans (output);
  output->playlist->ended = FALSE;
}

/* The number of the last segment's discontinuity. */
static guint64
count_discontinuities (const LockstepPlaylist * playlist)
{
  guint64 count = playlist->discontinuity_sequence;

  for (GList * l = playlist->entries.head; l != NULL; l = l->next)
    count += ((LockstepPlaylistEntry *) l->data)->discontinuity;
  return count;
}

/* The playlists of a group go on with the same numbers, wherever each had got to. */
void
hls_list_tell_group (HlsOutput * output)
{
  HlsGroupState state = { 0 };

  if (output->playlist != NULL) {
    state.sequence = hls_list_next_sequence (output);
    state.discontinuities = count_discontinuities (output->playlist);
    state.target_duration = output->playlist->target_duration;
  }
  hls_group_loaded (output->config->group, &state);
}

gboolean
hls_list_resume_with_group (HlsOutput * output, guint * target_duration)
{
  LockstepPlaylist *playlist;
  HlsGroupState state;

  hls_group_resume (output->config->group, &state);
  *target_duration = MAX (*target_duration, state.target_duration);
  if (output->playlist == NULL) {
    output->playlist = lockstep_playlist_new (output->config->type,
        *target_duration);
    hls_list_configure (output);
  }
  playlist = output->playlist;
  if (hls_list_next_sequence (output) != state.sequence
      || count_discontinuities (playlist) != state.discontinuities) {
    lockstep_playlist_drop_all (playlist);
    playlist->sequence = state.sequence;
    playlist->discontinuity_sequence = state.discontinuities;
  }
  return state.sequence > 0;
}

/* One that comes to a group late begins with a segment of the others', under its number.
 * Players that had the list before see it as if all between had come and gone. FALSE: this
 * segment is none of theirs. */
gboolean
hls_list_join_group_late (HlsOutput * output, const LockstepSegment * segment)
{
  LockstepPlaylist *playlist;
  HlsGroupPoint point;

  if (!hls_group_find (output->config->group, segment->start,
          output->config->tolerance, &point))
    return FALSE;
  if (output->playlist == NULL) {
    output->playlist = lockstep_playlist_new (output->config->type,
        point.target_duration);
    hls_list_configure (output);
  }
  playlist = output->playlist;
  lockstep_playlist_drop_all (playlist);
  playlist->target_duration = point.target_duration;
  playlist->sequence = point.sequence;
  playlist->discontinuity_sequence = point.discontinuities
      - (segment->discontinuity && point.discontinuities > 0);
  return TRUE;
}

void
hls_list_tell_stored (HlsOutput * output, const LockstepSegment * segment,
    guint64 sequence)
{
  HlsGroupPoint point = {
    .start = segment->start,
    .sequence = sequence,
    .discontinuities = count_discontinuities (output->playlist),
    .target_duration = output->playlist->target_duration,
  };

  hls_group_stored (output->config->group, &point);
}

void
hls_list_append (HlsOutput * output, guint64 sequence, const char *file,
    gint64 start, gint64 duration, gboolean discontinuity, gboolean gap,
    char *key)
{
  g_autofree char *uri = uri_of (output, file);
  LockstepPlaylistEntry entry = { uri, (char *) file };

  entry.key = key;

  entry.start = start;
  entry.duration = duration;
  entry.discontinuity = discontinuity;
  entry.gap = gap;
  lockstep_playlist_append (output->playlist, &entry, delete_file, output);
  output->last_end = start + duration;
}

static void
tell_behind (HlsOutput * output, gboolean foreign)
{
  g_autoptr (GError) error = NULL;

  if (output->told_behind)
    return;
  error = g_error_new_literal (G_IO_ERROR, G_IO_ERROR_EXISTS, foreign ?
      "the playlist that is there is numbered by another target-duration, or by a "
      "clock that was wrong: it begins anew, with lower numbers" :
      "the playlist that is there is further than what comes: nothing is written "
      "until Unix time gets to where it ends");
  hls_output_problem (output, error);
  output->told_behind = TRUE;
}

/* Whether the list that was found cannot have these numbers: by when it ends, they are of
 * a shorter target-duration; or it ends in the future, by a clock that was wrong. Then it
 * is not waited until the numbers come to where it is, which may take years.
 * @interval: of this segment, which begins at @start; @behind: that the list is further */
static gboolean
is_foreign (HlsOutput * output, guint64 interval, gint64 start, guint64 behind)
{
  gboolean foreign;
  double ends;

  if (behind <= MAX_GAPS || start <= 0)
    return FALSE;
  /* A recording is not thrown away; and one of a group that has no list of its own is
   * where the others say. */
  if (output->playlist->type != LOCKSTEP_PLAYLIST_LIVE || output->last_end == 0) {
    tell_behind (output, FALSE);
    return FALSE;
  }
  /* the list's end lies so many of these segments further */
  ends = (output->last_end - start) / (start / MAX (1.0, interval));
  foreign = behind > ends + MAX_GAPS
      || lockstep_unix_time_is_ahead (output->last_end,
      g_get_real_time () * 1000);
  tell_behind (output, foreign);
  return foreign;
}

/* With epoch-lock: brings the list to @interval. FALSE: it is there already. */
gboolean
hls_list_align (HlsOutput * output, const LockstepSegment * segment,
    gint64 start)
{
  LockstepPlaylist *playlist = output->playlist;
  guint64 interval = MAX (segment->interval, 0);
  guint64 next = hls_list_next_sequence (output);

  if (g_queue_is_empty (&playlist->entries) && playlist->sequence == 0) {
    playlist->sequence = interval;
    return TRUE;
  }
  if (interval < next && is_foreign (output, interval, start, next - interval)) {
    lockstep_playlist_drop_all (playlist);
    playlist->sequence = interval;
    return TRUE;
  }
  if (interval < next)
    return FALSE;
  if (interval == next)
    return TRUE;
  if (interval - next > MAX_GAPS || output->last_end == 0
      || start <= output->last_end) {
    /* Too far to fill: as if all that lies between had come and gone */
    lockstep_playlist_drop_all (playlist);
    playlist->sequence = interval;
    return TRUE;
  }
  while (next < interval) {
    gint64 at = output->last_end;
    gint64 duration = (start - at) / (gint64) (interval - next);
    g_autofree char *file = lockstep_playlist_name (output->config->location,
        next, NULL);

    hls_list_append (output, next, file, at, MAX (duration, 1000), FALSE, TRUE,
        NULL);
    g_mutex_lock (&output->lock);
    output->stats.gaps++;
    g_mutex_unlock (&output->lock);
    next++;
  }
  return TRUE;
}
