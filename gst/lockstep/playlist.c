/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* HLS media playlists: the model, its text, and reading it back. */
#include <gst/lockstep/playlist.h>

#include <string.h>

/* Rounded EXTINF may exceed EXT-X-TARGETDURATION from version 6 on only
 * (draft-pantos-hls-rfc8216bis-22, section 8), and it does: 1.008 s under 1. */
#define VERSION 6
#define SECOND G_GINT64_CONSTANT (1000000000)
/* Bounds for a file that is read back. */
#define MAX_LINE 4096
#define MAX_ENTRIES 1000000

static void
entry_free (LockstepPlaylistEntry * entry)
{
  g_free (entry->uri);
  g_free (entry->file);
  g_free (entry->key);
  g_free (entry);
}

LockstepPlaylist *
lockstep_playlist_new (LockstepPlaylistType type, guint target_duration)
{
  LockstepPlaylist *playlist = g_new0 (LockstepPlaylist, 1);

  playlist->type = type;
  playlist->target_duration = MAX (target_duration, 1);
  g_queue_init (&playlist->entries);
  g_queue_init (&playlist->expired);
  playlist->body = g_string_new (NULL);
  return playlist;
}

void
lockstep_playlist_free (LockstepPlaylist * playlist)
{
  g_queue_clear_full (&playlist->entries, (GDestroyNotify) entry_free);
  g_queue_clear_full (&playlist->expired, (GDestroyNotify) entry_free);
  g_string_free (playlist->body, TRUE);
  g_free (playlist->current_key);
  g_free (playlist);
}

/* ISO 8601 with milliseconds and a zone. */
static void
append_date (GString * out, gint64 start)
{
  g_autoptr (GDateTime) date = NULL;
  gint64 ms = (start + 500000) / 1000000;

  if ((date = g_date_time_new_from_unix_utc (ms / 1000)) != NULL) {
    g_autofree char *text = g_date_time_format (date, "%Y-%m-%dT%H:%M:%S");

    g_string_append_printf (out, "#EXT-X-PROGRAM-DATE-TIME:%s.%03dZ\n", text,
        (int) (ms % 1000));
  }
}

static void
append_text (LockstepPlaylist * playlist, LockstepPlaylistEntry * entry)
{
  GString *out = playlist->body;
  gsize before = out->len;
  gint64 us;

  /* The difference of two rounded times, so that rounding never adds up */
  us = (entry->start + entry->duration + 500) / 1000
      - (entry->start + 500) / 1000;
  us = entry->extinf = MAX (1, us);

  if (entry->discontinuity)
    g_string_append (out, "#EXT-X-DISCONTINUITY\n");
  if (entry->key != NULL)
    g_string_append_printf (out, "%s\n", entry->key);
  append_date (out, entry->start);
  g_string_append_printf (out, "#EXTINF:%" G_GINT64_FORMAT ".%06d,\n",
      us / 1000000, (int) (us % 1000000));
  if (entry->gap)
    g_string_append (out, "#EXT-X-GAP\n");
  g_string_append_printf (out, "%s\n", entry->uri);
  entry->text_size = out->len - before;
}

static void
pop_head (LockstepPlaylist * playlist)
{
  LockstepPlaylistEntry *entry = g_queue_pop_head (&playlist->entries);

  g_string_erase (playlist->body, 0, entry->text_size);
  playlist->sequence++;
  if (entry->discontinuity)
    playlist->discontinuity_sequence++;
  if (entry->key != NULL) {
    g_free (playlist->current_key);
    playlist->current_key = g_strdup (entry->key);
  }
  playlist->duration -= entry->duration;
  entry->removed_media = playlist->media;
  entry->removed_clock = playlist->clock;
  entry->keep = entry->duration + playlist->longest;
  g_queue_push_tail (&playlist->expired, entry);
  playlist->unpublished++;
}

void
lockstep_playlist_published (LockstepPlaylist * playlist, gint64 clock)
{
  GList *l = playlist->expired.tail;

  for (; l != NULL && playlist->unpublished > 0; l = l->prev) {
    LockstepPlaylistEntry *entry = l->data;

    if (entry->removed_clock > 0)
      entry->removed_clock = MAX (entry->removed_clock, clock);
    playlist->unpublished--;
  }
  playlist->unpublished = 0;
}

static gboolean
may_delete (const LockstepPlaylist * playlist, LockstepPlaylistEntry * entry)
{
  if (playlist->clock > 0 && entry->removed_clock == 0)
    entry->removed_clock = playlist->clock;     /* before the clock was known */
  return playlist->media - entry->removed_media >= entry->keep
      && (playlist->clock == 0
      || playlist->clock - entry->removed_clock >= entry->keep);
}

static void
delete_expired (LockstepPlaylist * playlist, LockstepPlaylistDelete del,
    gpointer user)
{
  LockstepPlaylistEntry *entry;

  if (playlist->max_files == 0)
    return;
  while ((entry = g_queue_peek_head (&playlist->expired)) != NULL
      && may_delete (playlist, entry)
      && g_queue_get_length (&playlist->entries)
      + g_queue_get_length (&playlist->expired) > playlist->max_files) {
    g_queue_pop_head (&playlist->expired);
    if (del != NULL && !entry->gap)
      del (user, entry->file);
    entry_free (entry);
  }
}

/* Whether the window is still long enough without its first entry. */
static gboolean
head_may_go (const LockstepPlaylist * playlist)
{
  const LockstepPlaylistEntry *head =
      g_queue_peek_head ((GQueue *) & playlist->entries);
  gint64 rest = playlist->duration - head->duration;
  guint n = g_queue_get_length ((GQueue *) & playlist->entries);

  if (playlist->type != LOCKSTEP_PLAYLIST_LIVE)
    return FALSE;
  if (playlist->length == 0 && playlist->window == 0)
    return FALSE;
  if (rest < 3 * SECOND * playlist->target_duration)
    return FALSE;
  if (playlist->window > 0)
    return rest >= playlist->window;
  return n > playlist->length;
}

void
lockstep_playlist_append (LockstepPlaylist * playlist,
    const LockstepPlaylistEntry * entry, LockstepPlaylistDelete del,
    gpointer user)
{
  LockstepPlaylistEntry *copy = g_new0 (LockstepPlaylistEntry, 1);

  g_return_if_fail (entry->duration > 0);

  copy->uri = g_strdup (entry->uri);
  copy->file = g_strdup (entry->file);
  copy->key = g_strdup (entry->key);
  copy->duration = entry->duration;
  copy->start = entry->start;
  copy->discontinuity = entry->discontinuity;
  copy->gap = entry->gap;
  g_queue_push_tail (&playlist->entries, copy);
  playlist->media += entry->duration;
  playlist->duration += entry->duration;
  append_text (playlist, copy);
  while (head_may_go (playlist))
    pop_head (playlist);
  playlist->longest = MAX (playlist->longest, playlist->duration);
  delete_expired (playlist, del, user);
}

void
lockstep_playlist_drop_all (LockstepPlaylist * playlist)
{
  while (!g_queue_is_empty (&playlist->entries))
    pop_head (playlist);
}

char *
lockstep_playlist_render (const LockstepPlaylist * playlist, gsize * size)
{
  GString *out = g_string_sized_new (playlist->body->len + 512);

  g_string_append_printf (out, "#EXTM3U\n#EXT-X-VERSION:%d\n"
      "#EXT-X-TARGETDURATION:%u\n", VERSION, playlist->target_duration);
  if (playlist->type == LOCKSTEP_PLAYLIST_EVENT)
    g_string_append (out, "#EXT-X-PLAYLIST-TYPE:EVENT\n");
  else if (playlist->type == LOCKSTEP_PLAYLIST_VOD)
    g_string_append (out, "#EXT-X-PLAYLIST-TYPE:VOD\n");
  /* No EXT-X-INDEPENDENT-SEGMENTS: a sender that answers no request for a key
   * frame would make it untrue, and it may not be taken back */
  g_string_append_printf (out,
      "#EXT-X-MEDIA-SEQUENCE:%" G_GUINT64_FORMAT "\n"
      "#EXT-X-DISCONTINUITY-SEQUENCE:%" G_GUINT64_FORMAT "\n",
      playlist->sequence, playlist->discontinuity_sequence);
  if (playlist->current_key != NULL && !g_queue_is_empty ((GQueue *) &
          playlist->entries)) {
    const LockstepPlaylistEntry *head =
        g_queue_peek_head ((GQueue *) & playlist->entries);

    if (head->key == NULL)
      g_string_append_printf (out, "%s\n", playlist->current_key);
  }
  g_string_append_len (out, playlist->body->str, playlist->body->len);
  if (playlist->ended)
    g_string_append (out, "#EXT-X-ENDLIST\n");
  if (size != NULL)
    *size = out->len;
  return g_string_free (out, FALSE);
}

static gboolean
tag_value (const char *line, const char *tag, const char **value)
{
  if (!g_str_has_prefix (line, tag))
    return FALSE;
  *value = line + strlen (tag);
  return TRUE;
}

static gboolean
read_number (const char *text, guint64 max, guint64 * number)
{
  return g_ascii_string_to_unsigned (text, 10, 0, max, number, NULL);
}

/* Decimal seconds to ns, without the rounding of a double. */
static gboolean
read_seconds (const char *text, gint64 * ns)
{
  gint64 value = 0, scale = SECOND;
  const char *p = text;

  if (!g_ascii_isdigit (*p))
    return FALSE;
  for (; g_ascii_isdigit (*p); p++) {
    value = value * 10 + (*p - '0');
    if (value > 1000000)
      return FALSE;
  }
  value *= SECOND;
  if (*p == '.') {
    for (p++; g_ascii_isdigit (*p); p++) {
      scale /= 10;
      value += (*p - '0') * scale;
    }
  }
  if (*p != ',' && *p != '\0')
    return FALSE;
  *ns = value;
  return value > 0;
}

LockstepPlaylist *
lockstep_playlist_parse (const char *text, gsize size,
    LockstepPlaylistType type, GError ** error)
{
  g_autoptr (LockstepPlaylist) playlist = NULL;
  g_auto (GStrv) lines = NULL;
  g_autofree char *copy = NULL;
  g_autofree char *key = NULL;
  LockstepPlaylistEntry entry = { NULL };
  gboolean have_target = FALSE, have_date = FALSE;
  guint64 number;

  playlist = lockstep_playlist_new (type, 1);
  if (size < 7 || memcmp (text, "#EXTM3U", 7) != 0
      || memchr (text, '\0', size) != NULL) {
    g_set_error (error, G_IO_ERROR, G_IO_ERROR_INVALID_DATA,
        "not a playlist: the first line is not #EXTM3U");
    return NULL;
  }
  copy = g_strndup (text, size);
  lines = g_strsplit (copy, "\n", -1);
  for (guint i = 0; lines[i] != NULL; i++) {
    char *line = g_strchomp (lines[i]);
    const char *value;

    if (line[0] == '\0' || strlen (line) > MAX_LINE)
      continue;
    if (tag_value (line, "#EXT-X-TARGETDURATION:", &value)) {
      if (read_number (value, 86400, &number) && number > 0) {
        playlist->target_duration = number;
        have_target = TRUE;
      }
    } else if (tag_value (line, "#EXT-X-MEDIA-SEQUENCE:", &value)) {
      if (read_number (value, G_MAXINT64, &number))
        playlist->sequence = number;
    } else if (tag_value (line, "#EXT-X-DISCONTINUITY-SEQUENCE:", &value)) {
      if (read_number (value, G_MAXINT64, &number))
        playlist->discontinuity_sequence = number;
    } else if (tag_value (line, "#EXT-X-PROGRAM-DATE-TIME:", &value)) {
      g_autoptr (GTimeZone) utc = g_time_zone_new_utc ();
      g_autoptr (GDateTime) date = g_date_time_new_from_iso8601 (value, utc);

      if (date != NULL && g_date_time_to_unix (date) >= 0
          && g_date_time_to_unix (date) < G_MAXUINT32) {
        entry.start = (g_date_time_to_unix (date) * G_USEC_PER_SEC
            + g_date_time_get_microsecond (date)) * 1000;
        have_date = TRUE;
      }
    } else if (tag_value (line, "#EXTINF:", &value)) {
      if (!read_seconds (value, &entry.duration))
        entry.duration = 0;
    } else if (tag_value (line, "#EXT-X-KEY:", &value)) {
      g_free (key);
      key = g_strdup (line);
    } else if (strcmp (line, "#EXT-X-DISCONTINUITY") == 0) {
      entry.discontinuity = TRUE;
    } else if (strcmp (line, "#EXT-X-GAP") == 0) {
      entry.gap = TRUE;
    } else if (strcmp (line, "#EXT-X-ENDLIST") == 0) {
      playlist->ended = TRUE;
    } else if (line[0] != '#') {
      LockstepPlaylistEntry *last = g_queue_peek_tail (&playlist->entries);

      if (entry.duration > 0
          && g_queue_get_length (&playlist->entries) < MAX_ENTRIES) {
        g_autofree char *base = g_path_get_basename (line);
        g_autofree char *file = g_uri_unescape_string (base, NULL);

        if (!have_date && last != NULL)
          entry.start = last->start + last->duration;
        entry.uri = line;
        entry.file = file != NULL ? file : base;
        entry.key = key;
        lockstep_playlist_append (playlist, &entry, NULL, NULL);
      }
      g_clear_pointer (&key, g_free);
      memset (&entry, 0, sizeof entry);
      have_date = FALSE;
    }
  }
  if (!have_target) {
    g_set_error (error, G_IO_ERROR, G_IO_ERROR_INVALID_DATA,
        "not a media playlist: EXT-X-TARGETDURATION is missing");
    return NULL;
  }
  return g_steal_pointer (&playlist);
}

char *
lockstep_playlist_name (const char *pattern, guint64 index, GError ** error)
{
  g_autoptr (GString) out = g_string_new (NULL);
  gboolean found = FALSE;

  for (const char *p = pattern; *p != '\0'; p++) {
    gboolean zero = FALSE;
    guint width = 0;
    g_autofree char *digits = NULL;

    if (*p != '%') {
      g_string_append_c (out, *p);
      continue;
    }
    if (*++p == '%') {
      g_string_append_c (out, '%');
      continue;
    }
    for (; *p == '0'; p++)
      zero = TRUE;
    for (; g_ascii_isdigit (*p) && width < 100; p++)
      width = width * 10 + (*p - '0');
    while (*p == 'l')
      p++;
    if ((*p != 'd' && *p != 'u' && *p != 'i') || found || width > 20) {
      g_set_error (error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT,
          "\"%s\": want one %%d or %%05d for the number of the segment",
          pattern);
      return NULL;
    }
    found = TRUE;
    digits = g_strdup_printf ("%" G_GUINT64_FORMAT, index);
    for (gsize n = strlen (digits); n < width; n++)
      g_string_append_c (out, zero ? '0' : ' ');
    g_string_append (out, digits);
  }
  if (!found) {
    g_set_error (error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT,
        "\"%s\" has no %%d: every segment would have the same name", pattern);
    return NULL;
  }
  return g_string_free (g_steal_pointer (&out), FALSE);
}
