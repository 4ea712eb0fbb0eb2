/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The bytes that a playlist names, against what it says of them: each segment by
 * itself, each join, and the grid over all. */
#include <gst/lockstep/hlscheck-private.h>

#include <math.h>
#include <string.h>

#define TICKS LOCKSTEP_CHECK_TICKS
#define TICKS_MASK 0x1ffffffffLL
#define TOLERANCE LOCKSTEP_CHECK_TOLERANCE

#define tell lockstep_hls_tell

gint64
lockstep_hls_tick_distance (gint64 from, gint64 to)
{
  gint64 d = (to - from) & TICKS_MASK;

  return d > TICKS_MASK / 2 ? d - TICKS_MASK - 1 : d;
}

#define tick_distance lockstep_hls_tick_distance

static const LockstepCheckStream *
stream_of (const LockstepCheckMedia * media, gboolean video)
{
  for (guint i = 0; media != NULL && i < media->n_streams; i++) {
    const LockstepCheckStream *stream = &media->streams[i];

    if (stream->units > 0 && (video ? stream->video : stream->audio))
      return stream;
  }
  return NULL;
}

static gint64
first_of (const LockstepHlsSegment * segment, gboolean video)
{
  const LockstepCheckStream *stream = stream_of (segment->media, video);

  return stream != NULL ? stream->first_pts : -1;
}

gint64
lockstep_hls_start_of (const LockstepHlsSegment * segment)
{
  return first_of (segment, stream_of (segment->media, TRUE) != NULL);
}

gboolean
lockstep_hls_sound_distance (const LockstepHlsSegment * from,
    const LockstepHlsSegment * to, gint64 * ticks)
{
  gint64 a = first_of (from, FALSE), b = first_of (to, FALSE);

  *ticks = tick_distance (a, b);
  return a >= 0 && b >= 0;
}

/* {{{ one segment */

GBytes *
lockstep_hls_get (LockstepHlsCheck * check, const LockstepHlsPart * part,
    GError ** error)
{
  GBytes *bytes;

  if (!part->ranged)
    return check->fetch (check->user, part->uri, error);
  if (check->file == NULL || strcmp (check->file_uri, part->uri) != 0
      || part->offset + part->length > g_bytes_get_size (check->file)) {
    g_clear_pointer (&check->file, g_bytes_unref);
    g_free (check->file_uri);
    check->file_uri = g_strdup (part->uri);
    check->file = check->fetch (check->user, part->uri, error);
    if (check->file == NULL)
      return NULL;
  }
  if (part->offset + part->length > g_bytes_get_size (check->file)) {
    tell (check, 8, ERROR, part->uri, "let byte ranges lie in their file",
        "the range %" G_GUINT64_FORMAT "@%" G_GUINT64_FORMAT " of a file of %"
        G_GSIZE_FORMAT " bytes", part->length, part->offset,
        g_bytes_get_size (check->file));
    g_set_error (error, G_IO_ERROR, G_IO_ERROR_INVALID_DATA,
        "the range goes past the end of the file");
    return NULL;
  }
  bytes = g_bytes_new_from_bytes (check->file, part->offset, part->length);
  return bytes;
}

/* Takes the encryption off @bytes, which is taken; NULL: it cannot be looked into. */
static GBytes *
decrypt (LockstepHlsCheck * check, const LockstepHlsSegment * segment,
    GBytes * bytes)
{
  const LockstepHlsKey *key = segment->key;
  g_autoptr (GBytes) taken = bytes;
  g_autoptr (GError) error = NULL;
  guint8 iv[16] = { 0 };
  GBytes *clear;

  if (!key->aes128)
    return NULL;
  if (check->key == NULL || strcmp (check->key_uri, key->uri) != 0) {
    g_clear_pointer (&check->key, g_bytes_unref);
    g_free (check->key_uri);
    check->key_uri = g_strdup (key->uri);
    check->key = check->fetch (check->user, key->uri, &error);
    if (check->key == NULL)
      tell (check, 9, WARNING, segment->at.uri,
          "let the validator reach the keys, or its segments are not looked into",
          "the key %s cannot be fetched: %s", key->uri,
          error != NULL ? error->message : "it is not there");
    else if (g_bytes_get_size (check->key) != 16)
      tell (check, 9, ERROR, segment->at.uri, "serve keys of 16 octets",
          "the key %s has %" G_GSIZE_FORMAT " octets", key->uri,
          g_bytes_get_size (check->key));
    g_clear_error (&error);
  }
  if (check->key == NULL || g_bytes_get_size (check->key) != 16)
    return NULL;
  if (key->have_iv)
    memcpy (iv, key->iv, 16);
  else
    for (guint i = 0; i < 8; i++)
      iv[15 - i] = segment->sequence >> (8 * i);
  clear = lockstep_check_decrypt (taken, g_bytes_get_data (check->key, NULL),
      iv, &error);
  if (clear == NULL
      && g_error_matches (error, G_IO_ERROR, G_IO_ERROR_NOT_SUPPORTED))
    tell (check, 9, WARNING, segment->at.uri,
        "build with libcrypto, and segments are looked into",
        "encrypted: %s", error->message);
  else if (clear == NULL)
    tell (check, 9, ERROR, segment->at.uri,
        "encrypt whole segments in CBC mode with PKCS7 padding, by the key listed",
        "%s", error->message);
  return clear;
}

/* The initialization section, read once as long as it stays the same. */
static const LockstepCheckInit *
init_of (LockstepHlsCheck * check, const LockstepHlsSegment * segment)
{
  g_autofree char *id = g_strdup_printf ("%s@%" G_GUINT64_FORMAT,
      segment->map.uri, segment->map.ranged ? segment->map.offset : 0);
  g_autoptr (GError) error = NULL;
  GBytes *bytes;

  if (g_strcmp0 (check->map_uri, id) == 0)
    return &check->init;
  g_clear_pointer (&check->map_uri, g_free);
  bytes = lockstep_hls_get (check, &segment->map, &error);
  if (bytes == NULL) {
    tell (check, 8, ERROR, segment->map.uri,
        "let what EXT-X-MAP names be there", "EXT-X-MAP cannot be fetched%s%s",
        error != NULL ? ": " : "", error != NULL ? error->message : "");
    return NULL;
  }
  if (segment->key != NULL && (bytes = decrypt (check, segment, bytes)) == NULL)
    return NULL;
  lockstep_check_init_read (&check->init, g_bytes_get_data (bytes, NULL),
      g_bytes_get_size (bytes));
  g_bytes_unref (bytes);
  if (check->init.fault != NULL)
    tell (check, 19, ERROR, segment->map.uri,
        "write ftyp with iso6, and moov with mvex and empty tables",
        "the initialization section: %s", check->init.fault);
  check->map_uri = g_steal_pointer (&id);
  return &check->init;
}

static void
check_ts (LockstepHlsCheck * check, const LockstepHlsSegment * segment)
{
  const LockstepCheckMedia *ts = segment->media;
  const char *uri = segment->at.uri;

  if (!ts->whole)
    tell (check, 11, ERROR, uri,
        "make a segment visible when it is complete",
        "%" G_GSIZE_FORMAT " bytes are no whole transport stream packets",
        segment->size);
  if (segment->map.uri == NULL && (!ts->pat_first || !ts->pmt_second))
    tell (check, 18, WARNING, uri,
        "begin each segment with PAT and PMT",
        "the first two packets are not PAT and PMT");
  if (segment->map.uri == NULL && !ts->have_pmt)
    tell (check, 18, ERROR, uri, "put a PMT into each segment", "no PMT");
  if (ts->programs > 1)
    tell (check, 18, ERROR, uri, "write one program",
        "%u programs", ts->programs);
  for (guint i = 0; i < ts->n_streams; i++) {
    if (ts->streams[i].counter_errors > 0)
      tell (check, 18, ERROR, uri,
          "count the packets of each PID without a step",
          "PID %u: %u wrong continuity counters", ts->streams[i].pid,
          ts->streams[i].counter_errors);
    if (ts->streams[i].steps > 0)
      tell (check, 21, ERROR, uri,
          "leave no gap in the audio, or mark it",
          "PID %u: audio times do not follow, %u times", ts->streams[i].pid,
          ts->streams[i].steps);
  }
}

static void
check_media (LockstepHlsCheck * check, const LockstepHlsSegment * segment,
    gboolean independent)
{
  const LockstepCheckMedia *media = segment->media;
  const LockstepCheckStream *video = stream_of (media, TRUE);
  const LockstepCheckStream *audio = stream_of (media, FALSE);
  const char *uri = segment->at.uri;

  if (media->kind == LOCKSTEP_CHECK_TS)
    check_ts (check, segment);
  else if (media->fault != NULL && media->kind == LOCKSTEP_CHECK_MP4)
    tell (check, 19, ERROR, uri,
        "write moof with tfhd and tfdt in each traf, then its mdat",
        "%s", media->fault);
  else if (media->fault != NULL)
    tell (check, 20, ERROR, uri,
        "begin with an ID3 PRIV timestamp, then whole audio frames",
        "packed audio: %s", media->fault);
  if (video != NULL && video->slice_seen && !video->idr_first)
    tell (check, 10, independent ? ERROR : WARNING, uri,
        "begin each segment with SPS, PPS and an IDR",
        "the first picture is not an IDR with its parameter sets%s",
        independent ? ", and EXT-X-INDEPENDENT-SEGMENTS says it is" : "");
  if (video != NULL && audio != NULL) {
    gint64 skew = tick_distance (video->first_pts, audio->first_pts);

    if (ABS (skew) > MAX (video->frame, audio->frame) + TOLERANCE)
      tell (check, 23, WARNING, uri,
          "cut audio at the frame nearest to the first picture",
          "audio starts %+.1f ms from the first picture", skew / 90.0);
  }
}

/* What these bytes hold, or NULL where that is not known. */
static LockstepCheckMedia *
read_media (LockstepHlsCheck * check, const LockstepHlsSegment * segment,
    const guint8 * data, gsize size)
{
  g_autofree LockstepCheckMedia *media = g_new0 (LockstepCheckMedia, 1);
  gboolean boxes = size >= 8 && (memcmp (data + 4, "moof", 4) == 0
      || memcmp (data + 4, "styp", 4) == 0 || memcmp (data + 4, "ftyp", 4) == 0
      || memcmp (data + 4, "sidx", 4) == 0 || memcmp (data + 4, "emsg", 4) == 0
      || memcmp (data + 4, "prft", 4) == 0);

  if (boxes) {
    const LockstepCheckInit *init;

    if (segment->map.uri == NULL) {
      tell (check, 8, ERROR, segment->at.uri,
          "write EXT-X-MAP before the first fragmented MP4 segment",
          "fragmented MP4 without EXT-X-MAP");
      return NULL;
    }
    init = init_of (check, segment);
    if (init == NULL)
      return NULL;
    lockstep_check_mp4_read (media, init, data, size);
  } else if (size > 0 && data[0] == 0x47) {
    lockstep_check_ts_read (media, data, size);
  } else if (size >= 10 && (memcmp (data, "ID3", 3) == 0
          || (data[0] == 0xff && (data[1] & 0xe0) == 0xe0))) {
    lockstep_check_packed_read (media, data, size);
  } else {
    return NULL;                /* WebVTT, or something newer */
  }
  return g_steal_pointer (&media);
}

/* Rule 24: what the parts hold is what the segment holds. */
static void
check_parts (LockstepHlsCheck * check, const LockstepHlsSegment * segment)
{
  g_autoptr (GByteArray) all = g_byte_array_new ();
  g_autofree LockstepCheckMedia *media = NULL;

  for (guint i = 0; i < segment->parts->len; i++) {
    const LockstepHlsPartial *part = g_ptr_array_index (segment->parts, i);
    g_autoptr (GBytes) bytes = NULL;

    if (part->gap || segment->key != NULL)
      return;
    bytes = lockstep_hls_get (check, &part->at, NULL);
    if (bytes == NULL) {
      tell (check, 11, ERROR, part->at.uri,
          "list what is there, and no sooner", "a part cannot be fetched");
      return;
    }
    g_byte_array_append (all, g_bytes_get_data (bytes, NULL),
        g_bytes_get_size (bytes));
  }
  media = read_media (check, segment, all->data, all->len);
  if (media == NULL || segment->media == NULL)
    return;
  for (guint i = 0; i < segment->media->n_streams; i++) {
    const LockstepCheckStream *a = &segment->media->streams[i];
    const LockstepCheckStream *b = &media->streams[i];

    if (i >= media->n_streams || a->first_pts != b->first_pts
        || a->last_pts != b->last_pts || (segment->media->kind ==
            LOCKSTEP_CHECK_MP4 && a->units != b->units)) {
      tell (check, 24, ERROR, segment->at.uri,
          "let parts and their segment hold the same samples",
          "track %u of its parts is not that of the segment", a->pid);
      return;
    }
  }
}

void
lockstep_hls_look_into (LockstepHlsCheck * check,
    LockstepHlsSegment * segment, gboolean independent)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GBytes) bytes = NULL;
  const guint8 *data;
  gsize size;

  if (segment->gap)
    return;
  bytes = lockstep_hls_get (check, &segment->at, &error);
  if (bytes == NULL) {
    tell (check, 11, ERROR, segment->at.uri,
        "list what is there, and no sooner",
        "listed, and cannot be fetched%s%s", error != NULL ? ": " : "",
        error != NULL ? error->message : "");
    return;
  }
  segment->size = g_bytes_get_size (bytes);
  segment->hash = g_bytes_hash (bytes);
  if (segment->size == 0) {
    tell (check, 11, ERROR, segment->at.uri,
        "make a segment visible when it is complete", "0 bytes");
    return;
  }
  if (segment->key != NULL
      && (bytes = decrypt (check, segment, g_steal_pointer (&bytes))) == NULL)
    return;
  data = g_bytes_get_data (bytes, &size);
  segment->media = read_media (check, segment, data, size);
  if (segment->media != NULL)
    check_media (check, segment, independent);
  if (segment->parts != NULL)
    check_parts (check, segment);
}

/* {{{ joins */

static void
check_counters (LockstepHlsCheck * check, const LockstepHlsSegment * segment,
    const char *what, guint pid, int last, int first)
{
  if (last >= 0 && first >= 0 && ((last + 1) & 15) != first)
    tell (check, 18, WARNING, segment->at.uri,
        "let the counters run on from segment to segment",
        "%s %u: counter %d after %d", what, pid, first, last);
}

static void
check_times (LockstepHlsCheck * check, const LockstepHlsSegment * segment,
    const LockstepCheckStream * x, const LockstepCheckStream * y)
{
  LockstepCheckKind kind = segment->media->kind;
  gint64 gap = y->video ? tick_distance (x->last_dts, y->first_dts)
      : tick_distance (x->end, y->first_pts);

  if (kind == LOCKSTEP_CHECK_MP4) {
    if (x->exact_end != y->exact_start)
      tell (check, 19, ERROR, segment->at.uri,
          "let tfdt be where the samples before it end",
          "track %u: tfdt is %" G_GUINT64_FORMAT ", and the segment before "
          "ends at %" G_GUINT64_FORMAT, y->pid, y->exact_start, x->exact_end);
  } else if (y->video) {
    if (gap <= 0 || gap > TICKS)
      tell (check, 21, ERROR, segment->at.uri,
          "write EXT-X-DISCONTINUITY where times jump",
          "pictures go on %+.3f s after the last", gap / (double) TICKS);
  } else if (y->audio && x->end >= 0 && y->first_pts >= 0
      && ABS (gap) > TOLERANCE) {
    tell (check, kind == LOCKSTEP_CHECK_PACKED ? 20 : 21, ERROR,
        segment->at.uri, "cut between two audio frames and lose none",
        "audio goes on %+.1f ms from the end of the segment before",
        gap / 90.0);
  }
}

void
lockstep_hls_check_join (LockstepHlsCheck * check,
    const LockstepHlsSegment * before, const LockstepHlsSegment * segment)
{
  const LockstepCheckMedia *a = before->media, *b = segment->media;

  if (a->kind != b->kind) {
    tell (check, 21, ERROR, segment->at.uri,
        "write EXT-X-DISCONTINUITY where the format changes",
        "another container than the segment before");
    return;
  }
  if (a->n_streams != b->n_streams) {
    tell (check, 21, ERROR, segment->at.uri,
        "write EXT-X-DISCONTINUITY where tracks come or go",
        "%u tracks after %u", b->n_streams, a->n_streams);
    return;
  }
  if (b->kind == LOCKSTEP_CHECK_TS)
    check_counters (check, segment, "PID", 0, a->pat_last_counter,
        b->pat_first_counter);
  for (guint i = 0; i < b->n_streams; i++) {
    const LockstepCheckStream *x = &a->streams[i], *y = &b->streams[i];

    if (x->pid != y->pid || x->type != y->type) {
      tell (check, 21, ERROR, segment->at.uri,
          "write EXT-X-DISCONTINUITY where the format changes",
          "track %u is PID %u type 0x%02x after PID %u type 0x%02x", i,
          y->pid, y->type, x->pid, x->type);
      continue;
    }
    check_counters (check, segment, "PID", y->pid, x->last_counter,
        y->first_counter);
    if (x->units > 0 && y->units > 0)
      check_times (check, segment, x, y);
  }
}

/* {{{ runs */

/* The duration that was asked for: as given, or what the target duration says where
 * the segments are near it; 0: unknown. */
static double
wanted_duration (const LockstepHlsCheck * check)
{
  gint64 total = 0;
  guint n = check->segments->len;

  if (check->target > 0)
    return check->target;
  for (guint i = 0; i + 1 < n; i++)
    total += ((LockstepHlsSegment *) g_ptr_array_index (check->segments,
            i))->extinf;
  if (n > 3 && check->target_duration > 0
      && fabs (total / 1e6 / (n - 1) - check->target_duration) <
      0.1 * check->target_duration)
    return check->target_duration;
  return 0;
}

/* How far a run has come by one of its tracks. */
typedef struct
{
  gint64 last;                  /* ticks; -1: the run began without it */
  gint64 late;                  /* ticks that it began after the run */
  gint64 ticks;                 /* from the start of the run */
  gint64 error;                 /* us that EXTINF is behind that */
  gboolean here, true_sum;
} Course;

static void
follow (Course * course, const LockstepCheckStream * stream, gint64 sum)
{
  course->here = stream != NULL && stream->first_pts >= 0 && course->last >= 0;
  if (!course->here)
    return;
  course->ticks += tick_distance (course->last, stream->first_pts);
  course->last = stream->first_pts;
  course->error = course->ticks * 100 / 9 - sum;
  /* EXTINF may count from the start of this track as well */
  if (ABS (course->error - course->late * 100 / 9) < ABS (course->error))
    course->error -= course->late * 100 / 9;
  course->true_sum = ABS (course->error) <= stream->frame * 100 / 9 + 1000;
}

void
lockstep_hls_check_runs (LockstepHlsCheck * check)
{
  Course pictures = { -1 }, sound = { -1 };
  gint64 sum = 0, worst = 0;
  gint64 least = 0, most = 0;   /* distances from the grid of the first */
  guint64 k = 0;
  gboolean running = FALSE, from_start = FALSE, sum_told = FALSE;
  gboolean placed = FALSE;      /* a boundary was seen that the others are held against */
  double target = wanted_duration (check);

  for (guint i = 0; i < check->segments->len; i++) {
    const LockstepHlsSegment *segment = g_ptr_array_index (check->segments, i);
    const LockstepCheckStream *audio = stream_of (segment->media, FALSE);
    const LockstepCheckStream *video = stream_of (segment->media, TRUE);
    const Course *course;
    gint64 tolerance;

    if (lockstep_hls_start_of (segment) < 0 || segment->discontinuity
        || !running) {
      running = lockstep_hls_start_of (segment) >= 0;
      pictures.last = first_of (segment, TRUE);
      sound.last = first_of (segment, FALSE);
      pictures.ticks = least = most = 0;
      sound.late = pictures.last >= 0 && sound.last >= 0 ?
          MAX (tick_distance (pictures.last, sound.last), 0) : 0;
      sound.ticks = sound.late;
      sum = segment->extinf;
      k = 0;
      placed = from_start = i == 0 && segment->sequence == 0;
      continue;
    }
    k++;
    follow (&pictures, video, sum);
    follow (&sound, audio, sum);
    /* Where pictures come in later than the sound, or the sound later than they, the
     * other one says where the segment starts. Rule 23 tells of that. */
    course = pictures.here && (pictures.true_sum || !sound.true_sum
        || !sound.here) ? &pictures : &sound;
    if (course->here && !course->true_sum && !sum_told) {
      sum_told = TRUE;
      tell (check, 4, ERROR, segment->at.uri,
          "write the true durations, from start to start",
          "by EXTINF it starts %+.1f ms from where it does",
          -course->error / 1e3);
    }
    sum += segment->extinf;
    if (course->here && target > 0 && i + 1 < check->segments->len) {
      gint64 off = course->ticks - llround (k * target * TICKS);

      /* half an audio frame; with pictures, half of one more */
      tolerance = audio != NULL ? audio->frame / 2 : 0;
      if (video != NULL)
        tolerance += video->frame / 2;
      /* The first that is listed may itself lie off the grid, unless the stream began
       * with it: then any grid will do that all the others are near enough to */
      least = placed ? MIN (least, off) : off;
      most = placed ? MAX (most, off) : off;
      placed = TRUE;
      if (!from_start)
        off = most - least > 2 * tolerance ? off - (least + most) / 2 : 0;
      if (ABS (off) > tolerance + TOLERANCE && ABS (off) > ABS (worst))
        worst = off;
    }
  }
  if (worst != 0)
    tell (check, 22, WARNING, "grid",
        "cut at the frame nearest to k times the duration, counted from the start",
        "a boundary is %+.1f ms from the grid of %.3f s", worst / 90.0, target);
}
