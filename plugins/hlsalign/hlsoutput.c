/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The thread that stores segments and keeps the playlist.
 *
 * It owns the playlist model and the store. A disk or server that stalls stalls
 * this thread alone; what waits for it is bounded, and what cannot be stored in
 * time is given up and listed as a gap. */
#include "hlsoutput-private.h"

#include <string.h>

/* What may wait to be stored. The oldest is given up when there is more. */
#define MAX_WAITING (128 * 1024 * 1024)
#define WAITING_LOW (MAX_WAITING / 2)
/* What is read out of a file can as well wait there. */
#define WAITING_FILE (8 * 1024 * 1024)
#define RETRY_FIRST (50 * G_TIME_SPAN_MILLISECOND)
#define RETRY_MAX (1000 * G_TIME_SPAN_MILLISECOND)

typedef struct
{
  guint64 sequence;
  char *file;
} KeyFile;

typedef enum
{
  JOB_SEGMENT,
  JOB_END,
  JOB_CLOSE,
} JobType;

typedef struct
{
  JobType type;
  LockstepSegment *segment;     /* without chunks: it was given up */
  guint target_duration;
  gboolean live;
  guint64 weight;               /* bytes counted in waiting */
} Job;

static void
output_unref (HlsOutput * output)
{
  if (!g_atomic_ref_count_dec (&output->refs))
    return;
  g_mutex_clear (&output->lock);
  g_cond_clear (&output->cond);
  g_free (output);
}

void
hls_output_config_free (HlsOutputConfig * config)
{
  g_free (config->location);
  g_free (config->playlist);
  g_free (config->root);
  g_free (config->key_location);
  g_free (config->key_uri);
  g_clear_pointer (&config->group, hls_group_unref);
  g_free (config);
}

static void
job_free (Job * job)
{
  g_clear_pointer (&job->segment, lockstep_segment_free);
  g_free (job);
}

void
hls_output_problem (HlsOutput * output, const GError * error)
{
  if (output->callbacks.problem != NULL)
    output->callbacks.problem (output->user, error);
}

/* {{{ keys */

static void
key_file_free (KeyFile * key)
{
  g_free (key->file);
  g_free (key);
}

/* Keys go when the last file that needs them has gone. */
static void
delete_keys (HlsOutput * output)
{
  guint64 oldest = output->playlist->sequence - MIN (output->playlist->sequence,
      g_queue_get_length (&output->playlist->expired));

  while (output->keys.head != NULL && output->keys.head->next != NULL
      && ((KeyFile *) output->keys.head->next->data)->sequence <= oldest) {
    KeyFile *key = g_queue_pop_head (&output->keys);
    g_autoptr (GError) error = NULL;

    if (output->config->max_files > 0
        && !output->store->remove (output->store, key->file, &error))
      hls_output_problem (output, error);
    key_file_free (key);
  }
}

/* Makes a key where @sequence is the first of one, and stores it.
 * @line: set to its EXT-X-KEY; left alone where the last key goes on */
static gboolean
prepare_key (HlsOutput * output, guint64 sequence, char **line, GError ** error)
{
  const HlsOutputConfig *config = output->config;
  g_autofree char *file = NULL;
  g_autofree char *uri = NULL;
  GOutputVector vector = { output->key, HLS_KEY_SIZE };
  KeyFile *key;

  if (output->have_key && (config->key_segments == 0
          || sequence - output->key_sequence < config->key_segments))
    return TRUE;
  output->have_key = FALSE;
  file = lockstep_playlist_name (config->key_location, sequence, error);
  if (file == NULL)
    return FALSE;
  uri = config->key_uri == NULL ? g_path_get_basename (file)
      : lockstep_playlist_name (config->key_uri, sequence, error);
  if (uri == NULL)
    return FALSE;
  if (strpbrk (uri, "\"\r\n") != NULL) {
    g_set_error (error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT,
        "key-uri: no quote may be in it");
    return FALSE;
  }
  if (!hls_crypt_random (output->key, error)
      || !output->store->put (output->store, file, FALSE, &vector, 1, error))
    return FALSE;
  output->have_key = TRUE;
  output->key_sequence = sequence;
  key = g_new0 (KeyFile, 1);
  key->sequence = sequence;
  key->file = g_steal_pointer (&file);
  g_queue_push_tail (&output->keys, key);
  /* Without an IV it is the media sequence number */
  *line = g_strdup_printf ("#EXT-X-KEY:METHOD=AES-128,URI=\"%s\"", uri);
  return TRUE;
}

/* {{{ storing */

/* Sleeps for @delay us, or until it makes no sense to try on. */
static gboolean
may_retry (HlsOutput * output, gint64 delay, gint64 deadline)
{
  gint64 until = MIN (g_get_monotonic_time () + delay, deadline);
  gboolean give_up;

  g_mutex_lock (&output->lock);
  while (!output->closing && !output->full
      && g_cond_wait_until (&output->cond, &output->lock, until));
  give_up = output->closing || output->full
      || g_get_monotonic_time () >= deadline;
  output->stats.retries++;
  g_mutex_unlock (&output->lock);
  return !give_up;
}

static gboolean
put_segment (HlsOutput * output, const char *file,
    const LockstepSegment * segment, guint64 sequence, gint64 patience,
    char **key)
{
  g_autofree GOutputVector *vectors =
      g_new (GOutputVector, segment->chunks->len);
  guint n = segment->chunks->len;
  g_autoptr (GBytes) encrypted = NULL;
  gint64 deadline = g_get_monotonic_time () + patience;
  gint64 delay = RETRY_FIRST;
  gboolean said = FALSE;

  for (guint i = 0; i < segment->chunks->len; i++) {
    LockstepTsChunk *chunk = g_ptr_array_index (segment->chunks, i);

    vectors[i].buffer = chunk->data;
    vectors[i].size = chunk->size;
  }
  for (;;) {
    g_autoptr (GError) error = NULL;
    gboolean ready = TRUE;

    /* Where there is no key there is no segment: it must not go out in the clear */
    if (output->config->key_location != NULL && encrypted == NULL) {
      ready = prepare_key (output, sequence, key, &error);
      if (ready) {
        encrypted = hls_crypt_segment (output->key, sequence, vectors, n,
            &error);
        ready = encrypted != NULL;
      }
      if (ready) {
        vectors[0].buffer = g_bytes_get_data (encrypted, &vectors[0].size);
        n = 1;
      }
    }
    if (ready && output->store->put (output->store, file, FALSE, vectors, n,
            &error))
      return TRUE;
    if (!said)
      hls_output_problem (output, error);
    said = TRUE;
    if (!may_retry (output, delay, deadline))
      return FALSE;
    delay = MIN (delay * 2, RETRY_MAX);
  }
}

/* Whether the last key of what is listed is still in force. */
static gboolean
was_encrypted (HlsOutput * output)
{
  const char *key = output->playlist->current_key;

  for (GList * l = output->playlist->entries.head; l != NULL; l = l->next) {
    const LockstepPlaylistEntry *entry = l->data;

    if (entry->key != NULL)
      key = entry->key;
  }
  return key != NULL && strstr (key, "METHOD=NONE") == NULL;
}

/* Once for those that follow each other; each has a message of its own. */
static void
say_given_up (HlsOutput * output, const char *file, gboolean full)
{
  g_autoptr (GError) error = NULL;

  if (full)
    g_set_error (&error, G_IO_ERROR, G_IO_ERROR_TIMED_OUT,
        "%s is given up, and listed as a gap: more than %u MiB wait to be stored",
        file, MAX_WAITING >> 20);
  else
    g_set_error (&error, G_IO_ERROR, G_IO_ERROR_TIMED_OUT,
        "%s could not be stored in time: it is given up, and listed as a gap",
        file);
  hls_output_problem (output, error);
}

static void
store_segment (HlsOutput * output, Job * job)
{
  LockstepSegment *segment = job->segment;
  gint64 start = segment->start + segment->offset;
  HlsOutputReport report = { segment };
  g_autoptr (GError) error = NULL;
  g_autofree char *file = NULL;
  g_autofree char *key = NULL;
  gboolean discontinuity = segment->discontinuity, full;

  if (output->first && output->config->late) {
    if (!hls_list_join_group_late (output, segment))
      return;
    output->first = FALSE;
  } else if (output->first && output->config->group != NULL) {
    output->first = hls_list_resume_with_group (output, &job->target_duration);
  }
  if (output->playlist == NULL) {
    output->playlist = lockstep_playlist_new (output->config->type,
        job->target_duration);
    hls_list_configure (output);
    output->first = FALSE;
  } else if (output->first) {
    output->first = FALSE;
    /* EXT-X-TARGETDURATION may not change: a list that has another one ends */
    if (output->playlist->target_duration < job->target_duration) {
      lockstep_playlist_drop_all (output->playlist);
      output->playlist->target_duration = job->target_duration;
    }
    discontinuity = TRUE;
    if (output->config->key_location == NULL && was_encrypted (output))
      key = g_strdup ("#EXT-X-KEY:METHOD=NONE");
  }
  /* In real time clients count by the clock, and it may run on without media */
  output->playlist->clock = job->live ? g_get_monotonic_time () * 1000 : 0;
  if (output->config->epoch && !hls_list_align (output, segment, start))
    return;

  report.sequence = hls_list_next_sequence (output);
  file = lockstep_playlist_name (output->config->location, report.sequence,
      NULL);
  report.location = file;
  report.gap = segment->chunks == NULL || !put_segment (output, file, segment,
      report.sequence,
      3 * G_TIME_SPAN_SECOND * output->playlist->target_duration, &key);
  if (report.gap && !output->giving_up) {
    g_mutex_lock (&output->lock);
    full = output->full || segment->chunks == NULL;
    g_mutex_unlock (&output->lock);
    say_given_up (output, file, full);
  }
  output->giving_up = report.gap;
  hls_list_append (output, report.sequence, file, start, segment->duration,
      discontinuity, report.gap, key);
  if (output->config->group != NULL)
    hls_list_tell_stored (output, segment, report.sequence);
  delete_keys (output);
  segment->discontinuity = discontinuity;
  /* The list that is there stays good; the next one has this segment too */
  if (!hls_list_write (output, &error))
    hls_output_problem (output, error);
  else
    lockstep_playlist_published (output->playlist,
        g_get_monotonic_time () * 1000);

  g_mutex_lock (&output->lock);
  output->stats.segments++;
  output->stats.bytes += report.gap ? 0 : segment->bytes;
  output->stats.gaps += report.gap;
  g_mutex_unlock (&output->lock);
  if (output->callbacks.stored != NULL)
    output->callbacks.stored (output->user, &report);
}

static void
finish (HlsOutput * output)
{
  gint64 delay = RETRY_FIRST;
  gint64 deadline = g_get_monotonic_time () + 5 * G_TIME_SPAN_SECOND;

  if (output->playlist != NULL
      && (output->config->endlist
          || output->playlist->type == LOCKSTEP_PLAYLIST_VOD)) {
    output->playlist->ended = TRUE;
    for (;;) {
      g_autoptr (GError) error = NULL;

      if (hls_list_write (output, &error))
        break;
      hls_output_problem (output, error);
      if (!may_retry (output, delay, deadline))
        break;
      delay = MIN (delay * 2, RETRY_MAX);
    }
    output->playlist->ended = FALSE;
  }
}

static gpointer
output_thread (gpointer data)
{
  HlsOutput *output = data;
  gboolean done = FALSE, dirty = FALSE, closing;

  hls_list_load (output);
  if (output->config->group != NULL)
    hls_list_tell_group (output);
  output->first = TRUE;
  while (!done) {
    Job *job;

    g_mutex_lock (&output->lock);
    while ((job = g_queue_pop_head (&output->jobs)) == NULL)
      g_cond_wait (&output->cond, &output->lock);
    g_mutex_unlock (&output->lock);

    switch (job->type) {
      case JOB_SEGMENT:
        store_segment (output, job);
        dirty = TRUE;
        g_mutex_lock (&output->lock);
        output->waiting -= job->weight;
        output->full = FALSE;
        g_cond_broadcast (&output->cond);
        g_mutex_unlock (&output->lock);
        break;
      case JOB_END:
        if (dirty)
          finish (output);
        dirty = FALSE;
        g_mutex_lock (&output->lock);
        closing = output->closing;
        g_mutex_unlock (&output->lock);
        /* who closed it may be at its next run by now */
        if (output->callbacks.ended != NULL && !closing)
          output->callbacks.ended (output->user);
        break;
      case JOB_CLOSE:
        if (dirty)
          finish (output);
        done = TRUE;
        break;
    }
    job_free (job);
  }
  g_clear_pointer (&output->playlist, lockstep_playlist_free);
  g_queue_clear_full (&output->keys, (GDestroyNotify) key_file_free);
  output->store->free (output->store);
  hls_output_config_free (output->config);
  if (output->callbacks.free != NULL)
    output->callbacks.free (output->user);
  g_mutex_lock (&output->lock);
  output->closed = TRUE;
  g_cond_broadcast (&output->cond);
  g_mutex_unlock (&output->lock);
  output_unref (output);
  return NULL;
}

HlsOutput *
hls_output_new (HlsOutputConfig * config, HlsStore * store,
    const HlsOutputCallbacks * callbacks, gpointer user)
{
  HlsOutput *output = g_new0 (HlsOutput, 1);

  g_atomic_ref_count_init (&output->refs);
  g_atomic_ref_count_inc (&output->refs);
  g_mutex_init (&output->lock);
  g_cond_init (&output->cond);
  g_queue_init (&output->jobs);
  g_queue_init (&output->keys);
  output->config = config;
  output->store = store;
  output->callbacks = *callbacks;
  output->user = user;
  g_thread_unref (g_thread_new ("hls-output", output_thread, output));
  return output;
}

static void
push_job (HlsOutput * output, JobType type, LockstepSegment * segment,
    guint target_duration, gboolean live)
{
  Job *job = g_new0 (Job, 1);

  job->type = type;
  job->segment = segment;
  job->target_duration = target_duration;
  job->live = live;
  /* what is held, which is more than the media where segments are small */
  job->weight = segment != NULL && segment->chunks != NULL ?
      segment->chunks->len * sizeof (LockstepTsChunk) : 0;
  g_mutex_lock (&output->lock);
  output->waiting += job->weight;
  g_queue_push_tail (&output->jobs, job);
  /* A store that never comes back must not fill the memory. The one in hand is the
   * oldest, and goes as soon as it can be let go. */
  output->full |= output->waiting > MAX_WAITING;
  for (GList * l = output->jobs.head;
      l != NULL && output->waiting > MAX_WAITING; l = l->next) {
    Job *old = l->data;

    if (old->weight > 0) {
      g_clear_pointer (&old->segment->chunks, g_ptr_array_unref);
      output->waiting -= old->weight;
      old->weight = 0;
    }
  }
  g_cond_broadcast (&output->cond);
  g_mutex_unlock (&output->lock);
}

void
hls_output_segment (HlsOutput * output, LockstepSegment * segment,
    guint target_duration, gboolean live)
{
  push_job (output, JOB_SEGMENT, segment, target_duration, live);
}

gboolean
hls_output_wait (HlsOutput * output, gboolean live, gint64 timeout)
{
  gint64 until = g_get_monotonic_time () + timeout;
  guint64 low = live ? WAITING_LOW : WAITING_FILE;
  gboolean room;

  g_mutex_lock (&output->lock);
  while (output->waiting > low && !output->hurry
      && g_cond_wait_until (&output->cond, &output->lock, until));
  room = output->waiting <= low;
  g_mutex_unlock (&output->lock);
  return room;
}

void
hls_output_hurry (HlsOutput * output)
{
  g_mutex_lock (&output->lock);
  output->hurry = TRUE;
  g_cond_broadcast (&output->cond);
  g_mutex_unlock (&output->lock);
}

void
hls_output_end (HlsOutput * output)
{
  push_job (output, JOB_END, NULL, 0, FALSE);
}

void
hls_output_close (HlsOutput * output, gint64 timeout)
{
  gint64 until = g_get_monotonic_time () + timeout;

  push_job (output, JOB_CLOSE, NULL, 0, FALSE);
  g_mutex_lock (&output->lock);
  while (!output->closed
      && g_cond_wait_until (&output->cond, &output->lock, until));
  /* From here on nothing is tried twice */
  output->closing = TRUE;
  g_cond_broadcast (&output->cond);
  g_mutex_unlock (&output->lock);
  output_unref (output);
}

void
hls_output_stats (HlsOutput * output, HlsOutputStats * stats)
{
  g_mutex_lock (&output->lock);
  *stats = output->stats;
  g_mutex_unlock (&output->lock);
}
