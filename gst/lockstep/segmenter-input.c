/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What comes into the segmenter: formats, access units and audio frames. Each gets its
 * times here, and the plan sees it and asks for key frames; then it is queued. */
#include <gst/lockstep/segmenter-private.h>

/* A little more than one of the file's 90 kHz ticks */
#define TICK (SECOND / 90000 + 1)
/* Back by more than this: a new timeline. */
#define BACKWARD (500 * MS)
/* Audio timestamps this near to the count of samples are taken as the count. */
#define AUDIO_TOLERANCE (20 * MS)
/* A track that comes back this far from the others is on another timeline. */
#define FAR (10 * SECOND)
/* More is no path but a mistake. */
#define PATH_LATENCY_MAX (10 * SECOND)
#define MAX_QUEUE_BYTES (96 * 1024 * 1024)
/* Slices without end at one time are no picture, and each makes the copy longer. */
#define MAX_PICTURE_BYTES (16 * 1024 * 1024)
#define MAX_QUEUE_ITEMS 20000
/* Verdicts that wait for their pictures. */
#define MAX_TOLD 64

gboolean
lockstep_segmenter_set_video (LockstepSegmenter * s, const guint8 * avcc,
    gsize size)
{
  if (avcc == NULL)
    s->h264.nal_length_size = 0;
  else if (!lockstep_h264_set_avcc (&s->h264, avcc, size))
    return FALSE;
  s->have_video = TRUE;
  return TRUE;
}

void
lockstep_segmenter_set_audio (LockstepSegmenter * s, LockstepAudioCodec codec,
    const LockstepAudioFormat * format)
{
  s->codec = codec;
  if (format != NULL)
    s->raw_format = *format;
}

static void
send_requests (LockstepSegmenter * s, gint64 position)
{
  LockstepKeyRequest requests[LOCKSTEP_PLAN_MAX_ASKS];
  guint n;

  if (s->callbacks.request == NULL || s->follow)
    return;
  n = lockstep_segment_plan_requests (&s->plan, position, requests);
  for (guint i = 0; i < n; i++)
    s->callbacks.request (s->user, &requests[i]);
}

static void
new_timeline (LockstepSegmenter * s, LockstepTrack * track)
{
  track->generation++;
  track->last = track->known_until = track->last_pts = LOCKSTEP_NO_TIME;
  if (track == &s->tracks[LOCKSTEP_TRACK_VIDEO])
    track->await_key = s->plan.urgent = TRUE;
  if (track->generation > s->plan_generation) {
    s->plan_generation = track->generation;
    lockstep_segment_plan_restart (&s->plan);
  }
}

/* Whether a buffer of a track that was given up on is to be waited for again. */
static gboolean
take_back (LockstepSegmenter * s, LockstepTrack * track, gint64 pts)
{
  if (!track->stalled)
    return TRUE;
  if (s->in_segment && (pts < s->start || ABS (pts - s->media_end) > FAR)) {
    s->stats.late++;
    return FALSE;
  }
  track->stalled = FALSE;
  return TRUE;
}

static void
enqueue (LockstepTrack * track, LockstepItem * item)
{
  track->seen = TRUE;
  track->bytes += gst_buffer_get_size (item->buffer);
  track->known_until = MAX (track->known_until, item->pts + item->duration);
  g_queue_push_tail (&track->queue, item);
}

/* Decides by itself where to cut, and lets the others know. */
static void
lead (LockstepSegmenter * s, LockstepItem * item)
{
  gint64 boundary = lockstep_segment_plan_boundary (&s->plan, s->plan.next);

  if (!s->plan.running && item->key && s->callbacks.anchor != NULL)
    s->plan.fixed_anchor = s->callbacks.anchor (s->user, item->pts);
  item->cut = lockstep_segment_plan_video (&s->plan, item->pts, item->dts,
      item->key, item->change || s->force);
  if (item->cut == LOCKSTEP_CUT_GRID && s->plan.next > 1
      && ABS (boundary - item->pts) < 50 * MS)
    item->split = boundary;
  if (item->key)
    s->force = FALSE;
  if (s->callbacks.verdict != NULL
      && (item->key || item->cut != LOCKSTEP_CUT_NONE)) {
    LockstepVerdict verdict = { item->pts, item->cut, item->split, item->change,
      s->plan.anchor, s->plan.start, s->plan.next
    };

    s->callbacks.verdict (s->user, &verdict);
  }
}

void
lockstep_segmenter_follow (LockstepSegmenter * s)
{
  s->follow = TRUE;
}

/* Half a picture early, so that the nearest one is taken. */
static void
ask_for (LockstepSegmenter * s, const LockstepVerdict * verdict)
{
  LockstepKeyRequest request = { verdict->pts - (s->plan.picture > 0 ?
        s->plan.picture / 2 : 8 * MS), FALSE
  };

  s->plan.requests++;
  if (s->callbacks.request != NULL)
    s->callbacks.request (s->user, &request);
}

void
lockstep_segmenter_tell (LockstepSegmenter * s, const LockstepVerdict * verdict)
{
  if (g_queue_get_length (&s->told) >= MAX_TOLD)
    g_free (g_queue_pop_head (&s->told));
  g_queue_push_tail (&s->told, g_memdup2 (verdict, sizeof *verdict));
  /* An encoder's first picture is a key frame, and before that it listens to
   * nothing: GstVideoEncoder 1.22 would be deaf from then on */
  if (s->tracks[LOCKSTEP_TRACK_VIDEO].seen)
    ask_for (s, verdict);
}

/* Does with a picture what was done with the one it was made from. */
static void
follow (LockstepSegmenter * s, LockstepItem * item)
{
  if (!s->tracks[LOCKSTEP_TRACK_VIDEO].seen)
    for (GList * l = s->told.head; l != NULL; l = l->next)
      if (((LockstepVerdict *) l->data)->pts > item->pts)
        ask_for (s, l->data);
  item->cut = lockstep_segment_plan_follow (&s->plan, &s->told, item->pts,
      item->dts, item->key, &item->split, &item->change);
}

/* More slices of the picture before, which came as an access unit of their own: some
 * payloaders put parameter sets before each slice of a key frame, and who puts it
 * together again takes those for the start of a new picture. They go to where they
 * belong; the parameter sets between are left out. */
static void
push_rest (LockstepSegmenter * s, GstBuffer * buffer, const LockstepH264Au * au)
{
  LockstepTrack *track = &s->tracks[LOCKSTEP_TRACK_VIDEO];
  LockstepItem *item = g_queue_peek_tail (&track->queue);

  if (track->await_key) {
    s->stats.undecodable++;
    gst_buffer_unref (buffer);
    return;
  }
  if (item != NULL && item->nal_length_size == s->h264.nal_length_size) {
    gsize more = gst_buffer_get_size (buffer) - au->slice_at;

    if (gst_buffer_get_size (item->buffer) + more > MAX_PICTURE_BYTES) {
      s->stats.broken++;
      gst_buffer_unref (buffer);
      return;
    }
    item->buffer = gst_buffer_append (item->buffer,
        gst_buffer_copy_region (buffer, GST_BUFFER_COPY_MEMORY, au->slice_at,
            more));
    track->bytes += more;
    gst_buffer_unref (buffer);
    return;
  }
  /* It was written already */
  track->last += TICK;
  item = g_new0 (LockstepItem, 1);
  item->buffer = buffer;
  item->pts = item->split = item->dts = track->last;
  item->rest = TRUE;
  item->skip = au->slice_at;
  item->nal_length_size = s->h264.nal_length_size;
  item->generation = track->generation;
  enqueue (track, item);
}

/* Whether a picture that is queued may be decoded sooner than it is shown. */
static gboolean
may_move (const LockstepItem * item, const LockstepItem * last)
{
  return !item->rest && item->cut == LOCKSTEP_CUT_NONE
      && item->pts == item->dts && item->generation == last->generation
      && last->dts - item->dts < LOCKSTEP_LAST_SPAN;
}

/* Moves the decoding times of those before @last, the tail of the queue, so that it is as
 * far from the one before as @next is from it. */
static void
stretch_last (LockstepSegmenter * s, const LockstepItem * last,
    const LockstepItem * next)
{
  LockstepItem *moved[LOCKSTEP_LAST_PICTURES - 1];
  GList *l = s->tracks[LOCKSTEP_TRACK_VIDEO].queue.tail->prev;
  guint n = 0;
  gint64 from, to;

  if (last->pts != last->dts || next->pts != next->dts)
    return;                     /* shown in another order */
  for (; l != NULL && n < G_N_ELEMENTS (moved)
      && may_move (l->data, last); l = l->prev)
    moved[n++] = l->data;
  if (n == 0 || (l == NULL && (!s->wrote_video
              || s->last_picture == LOCKSTEP_NO_TIME)) || (l != NULL
          && ((LockstepItem *) l->data)->generation != last->generation))
    return;
  from = l != NULL ? ((LockstepItem *) l->data)->dts : s->last_picture;
  to = MAX (2 * last->dts - next->dts, from + n * MS);
  for (guint i = 0; i < n; i++)
    moved[i]->dts = MIN (moved[i]->dts, from + (to - from) * (n - i) / n);
}

/* @next begins a segment: the picture before it is the last one of its own. */
static void
settle_last (LockstepSegmenter * s, const LockstepItem * next)
{
  GList *l = s->tracks[LOCKSTEP_TRACK_VIDEO].queue.tail;
  LockstepItem *last = l != NULL ? l->data : NULL;
  const LockstepItem *before = l != NULL && l->prev != NULL ? l->prev->data
      : NULL;
  gint64 dts = before != NULL ? before->dts : s->last_picture;

  if (last == NULL || last->rest || last->cut != LOCKSTEP_CUT_NONE
      || last->generation != next->generation || dts == LOCKSTEP_NO_TIME
      || (before != NULL && before->generation != last->generation)
      || (before == NULL && !s->wrote_video))
    return;
  dts = lockstep_segmenter_last_dts (dts, next->dts);
  if (last->dts <= dts)
    stretch_last (s, last, next);
  else
    last->dts = dts;
}

static void
push_video (LockstepSegmenter * s, GstBuffer * buffer, gint64 pts, gint64 dts,
    gint64 duration, gint64 offset)
{
  LockstepTrack *track = &s->tracks[LOCKSTEP_TRACK_VIDEO];
  LockstepH264Au au;
  GstMapInfo map;
  LockstepItem *item;
  gboolean ok, change = FALSE;

  if (!s->have_video || !gst_buffer_map (buffer, &map, GST_MAP_READ)) {
    s->stats.broken++;
    gst_buffer_unref (buffer);
    return;
  }
  ok = lockstep_h264_parse (&s->h264, map.data, map.size, &au);
  gst_buffer_unmap (buffer, &map);
  if (!ok) {
    s->stats.broken++;
    gst_buffer_unref (buffer);
    return;
  }
  if (au.inner && track->last_pts != LOCKSTEP_NO_TIME
      && (pts == LOCKSTEP_NO_TIME || pts == track->last_pts)) {
    push_rest (s, buffer, &au);
    return;
  }
  track->last_pts = pts;
  if (duration <= 0)
    duration = s->plan.picture > 0 ? s->plan.picture : 33 * MS;
  if (pts == LOCKSTEP_NO_TIME)
    pts = dts;
  if (pts == LOCKSTEP_NO_TIME)
    pts = track->last == LOCKSTEP_NO_TIME ? 0 : track->last + duration;
  if (dts == LOCKSTEP_NO_TIME || dts > pts)
    dts = pts;
  if (track->last != LOCKSTEP_NO_TIME && dts < track->last + TICK) {
    if (track->last - dts > BACKWARD)
      new_timeline (s, track);
    else
      dts = track->last + TICK; /* decoding times rise, in the file too */
    pts = MAX (pts, dts);
  }
  track->last = dts;

  /* An IDR without its parameter sets cannot be decoded by who joins there */
  if (au.idr && (s->h264.sps->len == 0 || s->h264.pps->len == 0))
    au.idr = FALSE;
  if (au.idr) {
    change = s->sps_seen != 0 && s->sps_seen != s->h264.sps_generation;
    s->sps_seen = s->h264.sps_generation;
  }
  if (!take_back (s, track, pts)) {
    gst_buffer_unref (buffer);
    return;
  }

  item = g_new0 (LockstepItem, 1);
  item->buffer = buffer;
  item->pts = item->split = pts;
  item->dts = dts;
  item->duration = duration;
  item->offset = offset;
  item->key = au.idr;
  item->change = change;
  item->skip = au.aud_size;
  item->nal_length_size = s->h264.nal_length_size;
  item->generation = track->generation;
  if (s->follow)
    follow (s, item);
  else if (track->generation == s->plan_generation)
    lead (s, item);
  if (track->await_key) {
    if (au.idr)
      track->await_key = FALSE;
    else {
      s->stats.undecodable++;
      lockstep_item_free (item);
      send_requests (s, pts);
      return;
    }
  }
  if (au.idr && !(au.has_sps && au.has_pps)) {
    item->headers = g_byte_array_sized_new (s->h264.sps->len
        + s->h264.pps->len);
    if (!au.has_sps)
      g_byte_array_append (item->headers, s->h264.sps->data, s->h264.sps->len);
    if (!au.has_pps)
      g_byte_array_append (item->headers, s->h264.pps->data, s->h264.pps->len);
  }
  if (item->cut == LOCKSTEP_CUT_LATE)
    s->plan.urgent = TRUE;
  if (item->cut != LOCKSTEP_CUT_NONE)
    settle_last (s, item);
  enqueue (track, item);
  send_requests (s, pts);
}

static void
push_audio_frame (LockstepSegmenter * s, GstBuffer * frame,
    const LockstepAudioFormat * format, gint64 pts, gint64 offset)
{
  LockstepTrack *track = &s->tracks[LOCKSTEP_TRACK_AUDIO];
  LockstepTrack *video = &s->tracks[LOCKSTEP_TRACK_VIDEO];
  gint64 duration = gst_util_uint64_scale (format->samples, SECOND,
      format->rate);
  gint64 counted;
  LockstepItem *item;

  if (track->seen && !lockstep_audio_format_equal (format, &s->in_format)) {
    track->samples = 0;
    track->base = track->last;
    s->force = s->plan.urgent = TRUE;
  }
  counted = track->last == LOCKSTEP_NO_TIME ? pts : track->base
      + (gint64) gst_util_uint64_scale_round (track->samples, SECOND,
      format->rate);
  if (pts == LOCKSTEP_NO_TIME)
    pts = counted == LOCKSTEP_NO_TIME ? 0 : counted;
  if (track->last != LOCKSTEP_NO_TIME && counted - pts > BACKWARD)
    new_timeline (s, track);
  if (track->last == LOCKSTEP_NO_TIME) {
    track->base = pts;
    track->samples = 0;
  } else if (counted - pts > duration / 2 && counted - pts > AUDIO_TOLERANCE) {
    s->stats.overlap++;         /* its time was taken */
    gst_buffer_unref (frame);
    return;
  } else if (s->config.epoch || ABS (pts - counted) > AUDIO_TOLERANCE) {
    track->base = pts;
    track->samples = 0;
  } else {
    pts = counted;
  }
  track->samples += format->samples;
  track->last = pts + duration;
  s->in_format = *format;
  s->have_audio = TRUE;
  s->frame = s->plan.frame = duration;
  if (!take_back (s, track, pts)) {
    gst_buffer_unref (frame);
    return;
  }

  item = g_new0 (LockstepItem, 1);
  item->buffer = frame;
  item->pts = item->dts = pts;
  item->duration = duration;
  item->offset = offset;
  item->format = *format;
  item->generation = track->generation;
  enqueue (track, item);

  /* A far sender's pictures may be far apart: media time goes on. An encoder's
   * may come long after the audio. */
  if (video->active && !video->eos && s->plan.running
      && s->plan.mode == LOCKSTEP_KEY_ON_REQUEST
      && track->generation == s->plan_generation
      && (s->plan.position == LOCKSTEP_NO_TIME
          || pts > s->plan.position + SECOND / 2))
    send_requests (s, pts);
}

static void
push_audio (LockstepSegmenter * s, GstBuffer * buffer, gint64 pts,
    gint64 offset)
{
  LockstepAudioFormat format;
  GstMapInfo map;
  gsize at = 0, size;

  if (s->codec == LOCKSTEP_AUDIO_RAW_AAC) {
    size = gst_buffer_get_size (buffer);
    if (size == 0 || size > 8184 || s->raw_format.rate == 0) {
      s->stats.broken++;
      gst_buffer_unref (buffer);
      return;
    }
    push_audio_frame (s, buffer, &s->raw_format, pts, offset);
    return;
  }
  if (!gst_buffer_map (buffer, &map, GST_MAP_READ)) {
    s->stats.broken++;
    gst_buffer_unref (buffer);
    return;
  }
  while (at < map.size) {
    if (!lockstep_audio_frame_parse (s->codec, map.data + at, map.size - at,
            &format, &size)) {
      s->stats.broken++;
      break;
    }
    push_audio_frame (s, at == 0 && size == map.size ? gst_buffer_ref (buffer)
        : gst_buffer_copy_region (buffer, GST_BUFFER_COPY_MEMORY, at, size),
        &format, pts, offset);
    at += size;
    pts = LOCKSTEP_NO_TIME;
  }
  gst_buffer_unmap (buffer, &map);
  gst_buffer_unref (buffer);
}

/* Differences of two times must fit into 64 bits. Unix time does until 2116. */
static gboolean
out_of_range (gint64 time)
{
  return time != LOCKSTEP_NO_TIME && (time < -(G_GINT64_CONSTANT (1) << 61)
      || time >= G_GINT64_CONSTANT (1) << 62);
}

void
lockstep_segmenter_push (LockstepSegmenter * s, LockstepTrackKind kind,
    GstBuffer * buffer, gint64 pts, gint64 dts, gint64 duration, gint64 offset)
{
  LockstepTrack *track = &s->tracks[kind];

  g_return_if_fail (track->active);

  track->eos = FALSE;
  if (out_of_range (pts) || out_of_range (dts)) {
    s->stats.broken++;
    gst_buffer_unref (buffer);
    return;
  }
  if (kind == LOCKSTEP_TRACK_VIDEO)
    push_video (s, buffer, pts, dts, duration, offset);
  else
    push_audio (s, buffer, pts, offset);
  lockstep_segmenter_run (s);
  if (track->bytes > MAX_QUEUE_BYTES
      || g_queue_get_length (&track->queue) > MAX_QUEUE_ITEMS)
    lockstep_segmenter_give_up_on (s, !kind);
}

void
lockstep_segmenter_gap (LockstepSegmenter * s, LockstepTrackKind kind,
    gint64 until)
{
  LockstepTrack *track = &s->tracks[kind];

  /* A picture stays until the next: only for audio does it say anything */
  if (kind != LOCKSTEP_TRACK_AUDIO || out_of_range (until))
    return;
  track->known_until = MAX (track->known_until, until);
  lockstep_segmenter_run (s);
}

void
lockstep_segmenter_discont (LockstepSegmenter * s, LockstepTrackKind kind)
{
  new_timeline (s, &s->tracks[kind]);
}

void
lockstep_segmenter_set_path_latency (LockstepSegmenter * s, gint64 latency,
    gboolean measured)
{
  lockstep_segment_plan_set_path (&s->plan, CLAMP (latency, 0,
          PATH_LATENCY_MAX), measured);
}

void
lockstep_segmenter_asked (LockstepSegmenter * s, gint64 ago)
{
  lockstep_segment_plan_asked (&s->plan, CLAMP (ago, 0, PATH_LATENCY_MAX));
}

void
lockstep_segmenter_set_far (LockstepSegmenter * s)
{
  lockstep_segment_plan_set_far (&s->plan);
}

void
lockstep_segmenter_set_held (LockstepSegmenter * s, gint64 held)
{
  s->plan.held = CLAMP (held, 0, PATH_LATENCY_MAX);
}
