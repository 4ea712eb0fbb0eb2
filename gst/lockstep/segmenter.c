/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Merges an audio and a video stream, and cuts them into MPEG-TS segments.
 *
 * Two queues, one a track. Where to cut at pictures is decided as they come in,
 * in segmentplan.c; what is written when is decided here, in the order of decoding
 * times. Audio stays a little behind: a boundary may lie before its key frame. */
#include <gst/lockstep/segmenter-private.h>

#include <string.h>

/* Nothing for so long is a hole in the timeline. Audio by itself has none. */
#define HOLE_AUDIO (100 * MS)
#define HOLE_VIDEO (700 * MS)
/* Before the first segment is out, the limit is not known: a source that gives
 * few key frames, and obeys no request, sets it. */
#define FIRST_LIMIT (12 * SECOND)
/* Less than this at the very end goes into the segment before. */
#define TAIL_MIN (100 * MS)
/* What a boundary may lie before its key frame. */
#define LAG_MIN (45 * MS)
/* More silence than this is none that a start has. */
#define MAX_SILENT_FRAMES 10000
/* Ticks that are added, so that decoding times before 0 are positive. */
#define TICKS_BASE 900000

void
lockstep_segment_free (LockstepSegment * segment)
{
  g_clear_pointer (&segment->chunks, g_ptr_array_unref);
  g_free (segment);
}

void
lockstep_item_free (LockstepItem * item)
{
  gst_clear_buffer (&item->buffer);
  g_clear_pointer (&item->headers, g_byte_array_unref);
  g_free (item);
}

LockstepSegmenter *
lockstep_segmenter_new (const LockstepSegmenterConfig * config,
    const LockstepSegmenterCallbacks * callbacks, gpointer user)
{
  LockstepSegmenter *s = g_new0 (LockstepSegmenter, 1);

  s->config = *config;
  s->callbacks = *callbacks;
  s->user = user;
  lockstep_h264_init (&s->h264);
  lockstep_ts_writer_init (&s->ts);
  s->spans = g_array_new (FALSE, FALSE, sizeof (LockstepSpan));
  lockstep_segment_plan_init (&s->plan, config->target, config->epoch);
  s->target_duration = config->target_duration;
  s->plan.limit = s->target_duration > 0 ?
      lockstep_segment_plan_limit (s->target_duration) :
      MAX (FIRST_LIMIT, lockstep_segment_plan_limit
      (lockstep_segment_plan_target_duration (config->target)));
  g_queue_init (&s->told);
  for (guint i = 0; i < LOCKSTEP_N_TRACKS; i++) {
    g_queue_init (&s->tracks[i].queue);
    s->tracks[i].known_until = s->tracks[i].last = LOCKSTEP_NO_TIME;
    s->tracks[i].last_pts = LOCKSTEP_NO_TIME;
    s->tracks[i].await_key = i == LOCKSTEP_TRACK_VIDEO;
  }
  s->media_end = s->last_picture = LOCKSTEP_NO_TIME;
  return s;
}

void
lockstep_segmenter_free (LockstepSegmenter * s)
{
  for (guint i = 0; i < LOCKSTEP_N_TRACKS; i++)
    g_queue_clear_full (&s->tracks[i].queue,
        (GDestroyNotify) lockstep_item_free);
  g_queue_clear_full (&s->told, g_free);
  lockstep_h264_clear (&s->h264);
  lockstep_ts_writer_clear (&s->ts);
  g_array_unref (s->spans);
  g_free (s);
}

static gint64
to_ticks (const LockstepSegmenter * s, gint64 time)
{
  gint64 whole = time / 100000, rest = time % 100000;

  return whole * 9 + (rest * 9 + 50000) / 100000
      + (s->config.epoch ? 0 : TICKS_BASE);
}

static void
track_pop (LockstepTrack * track, LockstepItem ** item)
{
  *item = g_queue_pop_head (&track->queue);
  track->bytes -= gst_buffer_get_size ((*item)->buffer);
}

static void
drop_head (LockstepTrack * track)
{
  LockstepItem *item;

  track_pop (track, &item);
  lockstep_item_free (item);
}

static void
write_item (LockstepSegmenter * s, LockstepTrackKind kind, LockstepItem * item)
{
  GstMapInfo map;
  LockstepSpan span;
  guint8 adts[LOCKSTEP_ADTS_HEADER_SIZE];
  gint64 end = item->pts + item->duration;

  if (!gst_buffer_map (item->buffer, &map, GST_MAP_READ)) {
    s->stats.broken++;
    return;
  }
  g_array_set_size (s->spans, 0);
  if (kind == LOCKSTEP_TRACK_VIDEO) {
    span.data = lockstep_h264_aud;
    span.size = LOCKSTEP_H264_AUD_SIZE;
    if (!item->rest)
      g_array_append_val (s->spans, span);
    if (item->headers != NULL) {
      span.data = item->headers->data;
      span.size = item->headers->len;
      g_array_append_val (s->spans, span);
    }
    if (lockstep_h264_append_spans (item->nal_length_size, map.data, map.size,
            item->skip, s->spans)) {
      lockstep_ts_writer_video (&s->ts, to_ticks (s, item->pts),
          to_ticks (s, item->dts), item->key,
          (const LockstepSpan *) (void *) s->spans->data, s->spans->len);
      s->wrote_video = TRUE;
      s->pictures += !item->rest;
      s->last_picture = item->dts;
    } else {
      s->stats.broken++;
    }
  } else {
    if (item->format.codec == LOCKSTEP_AUDIO_RAW_AAC) {
      lockstep_adts_header (&item->format, map.size, adts);
      span.data = adts;
      span.size = sizeof adts;
      g_array_append_val (s->spans, span);
    }
    span.data = map.data;
    span.size = map.size;
    g_array_append_val (s->spans, span);
    lockstep_ts_writer_audio (&s->ts, to_ticks (s, item->pts),
        (const LockstepSpan *) (void *) s->spans->data, s->spans->len);
  }
  gst_buffer_unmap (item->buffer, &map);
  if (kind == LOCKSTEP_TRACK_AUDIO && !s->have_skew) {
    s->have_skew = TRUE;
    s->skew = item->pts - s->start;
  }
  /* how long the last picture lasts is a guess, which may not make a segment too long */
  if (kind == LOCKSTEP_TRACK_VIDEO)
    end = MAX (item->pts, MIN (end, s->start + s->plan.limit));
  s->media_end = MAX (s->media_end, end);
}

/* Takes the head of the audio queue: writes it, or drops it where it has no place. */
static void
take_audio (LockstepSegmenter * s)
{
  LockstepItem *item;

  track_pop (&s->tracks[LOCKSTEP_TRACK_AUDIO], &item);
  if (s->layout_audio && lockstep_audio_format_equal (&item->format,
          &s->out_format))
    write_item (s, LOCKSTEP_TRACK_AUDIO, item);
  else
    s->stats.late++;
  lockstep_item_free (item);
}

/* With epoch, an interval has one number and so one segment. Where a format changes in
 * the middle of it there would be two: the longer one is kept. @goes_on: another one
 * begins at @end */
static gboolean
is_lesser_part (const LockstepSegmenter * s, gint64 end, gboolean goes_on)
{
  if (!s->config.epoch)
    return FALSE;
  if (s->told_any && s->interval <= s->told_interval)
    return TRUE;
  return goes_on && end - s->start < s->config.target / 2
      && lockstep_segment_plan_interval (&s->plan, end) == s->interval;
}

static void
end_segment (LockstepSegmenter * s, gint64 end, gboolean goes_on)
{
  LockstepSegment *segment;

  if (!s->in_segment)
    return;
  s->in_segment = FALSE;
  segment = g_new0 (LockstepSegment, 1);
  segment->chunks = lockstep_ts_writer_end_segment (&s->ts, s->config.epoch);
  if (is_lesser_part (s, end, goes_on)) {
    lockstep_segment_free (segment);
    s->stats.lost_parts++;
    s->discontinuity = TRUE;
    return;
  }
  s->told_any = TRUE;
  s->told_interval = s->interval;
  for (guint i = 0; i < segment->chunks->len; i++)
    segment->bytes +=
        ((LockstepTsChunk *) g_ptr_array_index (segment->chunks, i))->size;
  segment->pictures = s->pictures;
  segment->start = s->start;
  segment->duration = MAX (end - s->start, MS);
  segment->offset = s->offset;
  segment->interval = s->interval;
  segment->grid_error = s->grid_error;
  segment->start_skew = s->layout_video && s->have_skew ? s->skew : 0;
  segment->request_delay = s->plan.answer_delay;
  segment->discontinuity = s->start_discontinuity;
  if (s->callbacks.discontinuity != NULL)
    segment->discontinuity |=
        s->callbacks.discontinuity (s->user, s->start, FALSE);

  if (s->target_duration == 0) {
    s->target_duration = lockstep_segment_plan_choose_duration (&s->plan,
        segment->duration);
    s->plan.limit = lockstep_segment_plan_limit (s->target_duration);
  }
  s->stats.segments++;
  if (segment->discontinuity)
    s->stats.discontinuities++;
  s->callbacks.segment (s->user, segment);
}

/* Sound that begins later than a good part of the first segment after the pictures is
 * preceded by silence. Else there are segments without any, and hls.js 1.7 fails for good
 * where the first that it saw had none: it takes no track later. */
static void
fill_start (LockstepSegmenter * s, gint64 start)
{
  LockstepTrack *audio = &s->tracks[LOCKSTEP_TRACK_AUDIO];
  const LockstepItem *first = g_queue_peek_head (&audio->queue);
  guint8 silence[LOCKSTEP_AUDIO_SILENCE_MAX];
  g_autoptr (GstBuffer) buffer = NULL;
  GstMapInfo map;
  gsize size = 0;
  gint64 missing;
  guint64 n;

  if (s->any || first == NULL || first->generation != s->generation
      || first->duration <= 0)
    return;
  missing = first->pts - start;
  if (missing <= s->config.target / 2
      || missing >= MAX_SILENT_FRAMES * first->duration
      || !gst_buffer_map (first->buffer, &map, GST_MAP_READ))
    return;
  size = lockstep_audio_silence (&first->format, map.data, map.size, silence);
  gst_buffer_unmap (first->buffer, &map);
  if (size == 0)
    return;
  buffer = gst_buffer_new_memdup (silence, size);
  /* to half a frame, as audio is cut */
  n = (missing + first->duration / 2) / first->duration;
  s->stats.silent += n;
  for (guint64 i = 1; i <= n; i++) {
    LockstepItem *item = g_new0 (LockstepItem, 1);

    item->buffer = gst_buffer_ref (buffer);
    item->pts = item->dts = first->pts
        - (gint64) gst_util_uint64_scale_round (i * first->format.samples,
        SECOND, first->format.rate);
    item->duration = first->duration;
    item->offset = first->offset;
    item->format = first->format;
    item->generation = first->generation;
    audio->bytes += size;
    g_queue_push_head (&audio->queue, item);
  }
}

/* Begins a segment at @start. @audio_start: of its first audio frame, or NO_TIME */
static void
begin_segment (LockstepSegmenter * s, gint64 start, gint64 offset,
    gint64 audio_start)
{
  LockstepTrack *video = &s->tracks[LOCKSTEP_TRACK_VIDEO];
  LockstepTrack *audio = &s->tracks[LOCKSTEP_TRACK_AUDIO];
  const LockstepItem *next = g_queue_peek_head (&audio->queue);
  gboolean has_video, has_audio;
  gint64 interval;
  LockstepAudioFormat format = next != NULL ? next->format : s->in_format;

  has_video = video->active && s->have_video && video->seen
      && (!video->eos || !g_queue_is_empty (&video->queue)
      || s->layout_video);
  has_audio = audio->active && s->have_audio && audio->seen
      && (!audio->eos || next != NULL || s->layout_audio);
  if (s->any && (has_video != s->layout_video || has_audio != s->layout_audio
          || (has_audio && !lockstep_audio_format_equal (&format,
                  &s->out_format))))
    s->discontinuity = TRUE;
  s->layout_video = has_video;
  s->layout_audio = has_audio;
  if (has_audio)
    s->out_format = format;

  s->in_segment = TRUE;
  s->start = start;
  s->offset = offset;
  s->have_skew = FALSE;
  s->skew = 0;
  s->wrote_video = FALSE;
  s->pictures = 0;
  interval = lockstep_segment_plan_interval (&s->plan, start);
  if (s->config.epoch && s->any && interval != s->interval + 1)
    s->discontinuity = TRUE;    /* intervals without a segment lie between */
  s->interval = interval;
  s->grid_error = lockstep_segment_plan_error (&s->plan,
      audio_start != LOCKSTEP_NO_TIME ? audio_start : start);
  s->start_discontinuity = s->discontinuity;
  if (s->discontinuity && s->callbacks.discontinuity != NULL)
    s->callbacks.discontinuity (s->user, start, TRUE);
  s->media_end = MAX (s->media_end, start);

  lockstep_ts_writer_set_layout (&s->ts, has_video,
      has_audio ? s->out_format.stream_type : 0);
  lockstep_ts_writer_begin_segment (&s->ts, s->discontinuity,
      s->config.epoch ? (int) (s->interval & 15) : -1);
  s->discontinuity = FALSE;
  s->any = TRUE;
}

static gboolean
expected (const LockstepSegmenter * s, LockstepTrackKind kind)
{
  const LockstepTrack *track = &s->tracks[kind];

  if (!track->active || track->eos || track->stalled)
    return FALSE;
  /* Pictures that nobody can decode are not waited for, but at the start */
  return !(kind == LOCKSTEP_TRACK_VIDEO && track->await_key && s->in_segment);
}

/* The head of a queue, where it is of this generation. */
static LockstepItem *
front (LockstepSegmenter * s, LockstepTrackKind kind)
{
  LockstepItem *item = g_queue_peek_head (&s->tracks[kind].queue);

  return item != NULL && item->generation == s->generation ? item : NULL;
}

static gboolean
moved_on (const LockstepSegmenter * s, LockstepTrackKind kind)
{
  const LockstepItem *item =
      g_queue_peek_head ((GQueue *) & s->tracks[kind].queue);

  return item != NULL && item->generation != s->generation;
}

/* Ends the segment at a hole or a jump: the next one has a discontinuity, and
 * begins with a key frame where there is video. */
static void
end_part (LockstepSegmenter * s)
{
  if (s->in_segment)
    end_segment (s, s->media_end, FALSE);
  s->discontinuity |= s->any;
  s->media_end = s->last_picture = LOCKSTEP_NO_TIME;
}

static gint64
lag (const LockstepSegmenter * s)
{
  return LAG_MIN + s->frame;
}

/* Writes the audio that lies before @split, as its frames lie nearest. */
static gint64
audio_before (LockstepSegmenter * s, gint64 split)
{
  LockstepItem *item;

  while ((item = front (s, LOCKSTEP_TRACK_AUDIO)) != NULL
      && item->pts + item->duration / 2 < split) {
    if (s->in_segment)
      take_audio (s);
    else
      drop_head (&s->tracks[LOCKSTEP_TRACK_AUDIO]);
  }
  return item != NULL ? item->pts : LOCKSTEP_NO_TIME;
}

static void
cut_at_video (LockstepSegmenter * s, LockstepItem * item)
{
  gint64 audio_start = audio_before (s, item->split);

  if (!s->any) {
    fill_start (s, item->pts);
    audio_start = audio_before (s, item->split);
  }
  end_segment (s, item->pts, TRUE);
  s->discontinuity |= item->change && s->any;
  begin_segment (s, item->pts, item->offset, audio_start);
  s->audio_from = item->split;
  s->at_audio = FALSE;
}

static void
begin_plan (LockstepSegmenter * s, gint64 start)
{
  if (!s->plan.running && s->callbacks.anchor != NULL)
    s->plan.fixed_anchor = s->callbacks.anchor (s->user, start);
  lockstep_segment_plan_begin (&s->plan, start);
}

static gboolean
has_key (const LockstepTrack * track)
{
  for (const GList * l = track->queue.head; l != NULL; l = l->next)
    if (((const LockstepItem *) l->data)->key)
      return TRUE;
  return FALSE;
}

/* Ends the segment at an audio frame. What video there is goes on with the next
 * key frame. */
static void
cut_at_audio (LockstepSegmenter * s, const LockstepItem * item)
{
  LockstepTrack *video = &s->tracks[LOCKSTEP_TRACK_VIDEO];

  end_segment (s, item->pts, TRUE);
  if (!s->plan.running || s->plan.start < item->pts)
    begin_plan (s, item->pts);
  begin_segment (s, item->pts, item->offset, item->pts);
  s->audio_from = item->pts;
  s->at_audio = TRUE;
  /* unless it is there: a picture that came after a pause is what this was seen by */
  video->await_key = s->plan.urgent = !has_key (video);
}

/* The boundary that ends the segment in hand; the plan may be further. */
static gint64
boundary_of (const LockstepSegmenter * s)
{
  return lockstep_segment_plan_boundary (&s->plan,
      lockstep_segment_plan_interval (&s->plan, s->start) + 1);
}

/* Whether the segment in hand would break EXT-X-TARGETDURATION if it lasted until @time. */
static gboolean
too_long (const LockstepSegmenter * s, gint64 time)
{
  return s->in_segment && time - s->start > s->plan.limit;
}

/* Whether the segment in hand has begun at its boundary without this picture, which was
 * to be cut at for the same boundary: then it goes into it, and there is no second cut. */
static gboolean
joins (const LockstepSegmenter * s, const LockstepItem * item)
{
  const LockstepItem *audio = g_queue_peek_head ((GQueue *)
      & s->tracks[LOCKSTEP_TRACK_AUDIO].queue);

  return s->at_audio && !s->wrote_video && s->layout_video && !item->change
      && lockstep_segment_plan_interval (&s->plan, item->pts) == s->interval
      && (audio == NULL || lockstep_audio_format_equal (&audio->format,
          &s->out_format));
}

static void
handle_video (LockstepSegmenter * s, LockstepItem * item)
{
  LockstepTrack *video = &s->tracks[LOCKSTEP_TRACK_VIDEO];
  LockstepItem *audio = front (s, LOCKSTEP_TRACK_AUDIO);
  gint64 first = audio != NULL ? MIN (audio->pts, item->dts) : item->dts;
  LockstepItem *taken;

  if (s->in_segment && s->media_end != LOCKSTEP_NO_TIME
      && first - s->media_end > MAX (HOLE_VIDEO, 3 * s->plan.picture))
    end_part (s);
  /* Nor was there sound to cut at */
  if (too_long (s, item->pts))
    end_part (s);
  if (s->in_segment && item->pts < s->start) {
    s->stats.late++;
    drop_head (video);
    return;
  }
  if (!s->in_segment) {
    if (!item->key) {
      s->stats.undecodable++;
      video->await_key = s->plan.urgent = TRUE;
      drop_head (video);
      return;
    }
    /* Where the plan is ahead, with what came in since, it stays there */
    if (!s->plan.running || (item->cut == LOCKSTEP_CUT_NONE
            && s->plan.start < item->pts))
      begin_plan (s, item->pts);
    if (item->cut == LOCKSTEP_CUT_NONE)
      item->split = item->pts;
    cut_at_video (s, item);
  } else if (item->cut != LOCKSTEP_CUT_NONE && joins (s, item)) {
    /* The plan counts from the picture, and the segment is older */
    if (s->plan.start == item->pts)
      s->plan.start = s->start;
    if (!item->key) {
      s->stats.undecodable++;
      drop_head (video);
      return;
    }
  } else if (item->key && (item->cut != LOCKSTEP_CUT_NONE || item->change
          || !s->layout_video)) {
    if (item->cut == LOCKSTEP_CUT_NONE) {
      item->split = item->pts;
      if (s->plan.start < item->pts)
        begin_plan (s, item->pts);
    }
    cut_at_video (s, item);
  } else if (item->cut == LOCKSTEP_CUT_LATE) {
    /* The sender left every request unanswered for longer than a segment may grow.
     * To follow its key frame, however late, would break EXT-X-TARGETDURATION, which
     * must not change (6.2.1), and with it some players for good. To leave out the
     * pictures up to it, or the segment (EXT-X-GAP), would stop everyone who watches,
     * for the sake of who joins there. So the next segment goes on with the picture
     * at hand, which players take as it follows; who joins there sees nothing until
     * the key frame, which is asked for at once. The list does not claim
     * EXT-X-INDEPENDENT-SEGMENTS, and the statistics count it. */
    s->stats.late_cuts++;
    cut_at_video (s, item);
  } else if (!item->key && !s->wrote_video) {
    s->stats.undecodable++;     /* each segment's first picture is an IDR */
    drop_head (video);
    return;
  }
  track_pop (video, &taken);
  write_item (s, LOCKSTEP_TRACK_VIDEO, taken);
  lockstep_item_free (taken);
}

/* Whether so little is left behind @item that it is no segment of its own. More
 * may come: then it is too early to say, which is MAYBE. */
enum
{
  NO, YES, MAYBE
};

static int
is_tail (const LockstepSegmenter * s, const LockstepItem * item)
{
  const LockstepTrack *audio = &s->tracks[LOCKSTEP_TRACK_AUDIO];

  if (audio->stalled || (audio->known_until != LOCKSTEP_NO_TIME
          && audio->known_until - item->pts >=
          MIN (TAIL_MIN, s->config.target / 4)))
    return NO;
  return lockstep_segmenter_is_eos (s) ? YES : MAYBE;
}

/* @alone: no picture will come in time to cut at. FALSE: more must come first. */
static gboolean
handle_audio (LockstepSegmenter * s, LockstepItem * item, gboolean alone)
{
  LockstepTrack *audio = &s->tracks[LOCKSTEP_TRACK_AUDIO];
  gint64 hole = s->layout_video && !alone ? HOLE_VIDEO : HOLE_AUDIO;

  if (s->in_segment && alone && s->media_end != LOCKSTEP_NO_TIME
      && item->pts - s->media_end > hole)
    end_part (s);
  if (s->in_segment && item->pts + item->duration / 2 < s->audio_from) {
    s->stats.late++;
    drop_head (audio);
    return TRUE;
  }
  if (!s->in_segment) {
    if (!alone) {
      drop_head (audio);        /* what comes before the first key frame */
      return TRUE;
    }
    cut_at_audio (s, item);
  } else if (alone && (!s->layout_audio
          || !lockstep_audio_format_equal (&item->format, &s->out_format))) {
    cut_at_audio (s, item);
  } else if (alone && item->pts + item->duration / 2 >= boundary_of (s)) {
    int tail = is_tail (s, item);

    if (tail == MAYBE)
      return FALSE;
    if (tail == NO)
      cut_at_audio (s, item);
  }
  take_audio (s);
  return TRUE;
}

static void
next_generation (LockstepSegmenter * s)
{
  end_part (s);
  s->generation++;
  for (guint i = 0; i < LOCKSTEP_N_TRACKS; i++) {
    LockstepTrack *track = &s->tracks[i];

    if (track->generation < s->generation) {
      track->generation = s->generation;
      track->last = track->known_until = LOCKSTEP_NO_TIME;
    }
  }
}

/* Whether @v, the first that is queued, may be among the last pictures of its segment: what
 * comes next will say, which may change its decoding time. */
static gboolean
may_be_last (const LockstepSegmenter * s, const LockstepItem * v)
{
  const LockstepTrack *video = &s->tracks[LOCKSTEP_TRACK_VIDEO];
  const LockstepItem *last = g_queue_peek_tail ((GQueue *) & video->queue);

  if (!s->in_segment || !s->wrote_video || s->last_picture == LOCKSTEP_NO_TIME
      || !expected (s, LOCKSTEP_TRACK_VIDEO)
      || video->queue.length > LOCKSTEP_LAST_PICTURES
      || (last != v && last->dts - v->dts >= LOCKSTEP_LAST_SPAN))
    return FALSE;
  for (const GList * l = video->queue.head; l != NULL; l = l->next) {
    const LockstepItem *item = l->data;

    if (item->cut != LOCKSTEP_CUT_NONE || item->generation != v->generation)
      return FALSE;
  }
  return TRUE;
}

/* One step of the merge; FALSE: something must come first. */
static gboolean
step (LockstepSegmenter * s)
{
  LockstepTrack *audio = &s->tracks[LOCKSTEP_TRACK_AUDIO];
  LockstepItem *v = front (s, LOCKSTEP_TRACK_VIDEO);
  LockstepItem *a = front (s, LOCKSTEP_TRACK_AUDIO);
  gboolean v_moved = moved_on (s, LOCKSTEP_TRACK_VIDEO);
  gboolean a_moved = moved_on (s, LOCKSTEP_TRACK_AUDIO);
  gboolean hold;

  if (v == NULL && a == NULL) {
    gboolean v_waits = !v_moved && expected (s, LOCKSTEP_TRACK_VIDEO);
    gboolean a_waits = !a_moved && expected (s, LOCKSTEP_TRACK_AUDIO);

    if (!(v_moved || a_moved) || v_waits || a_waits)
      return FALSE;
    next_generation (s);
    return TRUE;
  }
  if (v == NULL) {
    if (!v_moved && expected (s, LOCKSTEP_TRACK_VIDEO))
      return FALSE;
    if (v_moved && s->in_segment) {
      take_audio (s);           /* the rest of the old timeline */
      return TRUE;
    }
    if (v_moved) {
      drop_head (audio);
      return TRUE;
    }
    return handle_audio (s, a, TRUE);
  }
  hold = may_be_last (s, v);
  if (a != NULL && a->pts + lag (s) <= (hold ? s->last_picture : v->dts)) {
    /* No picture for a good part of a segment: audio goes by the grid */
    return handle_audio (s, a, too_long (s, v->pts) || (s->in_segment
            && v->dts - MAX (s->last_picture, s->start) > s->config.target / 2
            && v->dts > boundary_of (s) + s->config.target / 2));
  }
  if (!a_moved && expected (s, LOCKSTEP_TRACK_AUDIO)
      && (audio->known_until == LOCKSTEP_NO_TIME
          || audio->known_until < v->pts + lag (s)))
    return FALSE;
  if (hold)
    return FALSE;
  handle_video (s, v);
  return TRUE;
}

void
lockstep_segmenter_run (LockstepSegmenter * s)
{
  while (step (s));
  if (s->in_segment && lockstep_segmenter_is_eos (s)
      && g_queue_is_empty (&s->tracks[0].queue)
      && g_queue_is_empty (&s->tracks[1].queue))
    end_part (s);
}

void
lockstep_segmenter_add_track (LockstepSegmenter * s, LockstepTrackKind kind)
{
  s->tracks[kind].active = TRUE;
  s->tracks[kind].eos = FALSE;
}

gint64
lockstep_segmenter_ahead (const LockstepSegmenter * s, LockstepTrackKind kind)
{
  const LockstepTrack *track = &s->tracks[kind];
  const LockstepItem *first = g_queue_peek_head ((GQueue *) & track->queue);
  const LockstepItem *last = g_queue_peek_tail ((GQueue *) & track->queue);

  if (first == NULL)
    return 0;
  if (first->generation != last->generation)
    return G_MAXINT64;          /* two jumps and still waiting */
  return MAX (0, last->dts + last->duration - first->dts);
}

void
lockstep_segmenter_give_up_on (LockstepSegmenter * s, LockstepTrackKind kind)
{
  s->tracks[kind].stalled = TRUE;
  lockstep_segmenter_run (s);
}

void
lockstep_segmenter_eos (LockstepSegmenter * s, LockstepTrackKind kind)
{
  s->tracks[kind].eos = TRUE;
  lockstep_segmenter_run (s);
}

gboolean
lockstep_segmenter_is_eos (const LockstepSegmenter * s)
{
  for (guint i = 0; i < LOCKSTEP_N_TRACKS; i++)
    if (s->tracks[i].active && !s->tracks[i].eos)
      return FALSE;
  return TRUE;
}

void
lockstep_segmenter_finish (LockstepSegmenter * s)
{
  for (guint i = 0; i < LOCKSTEP_N_TRACKS; i++)
    s->tracks[i].eos = TRUE;
  lockstep_segmenter_run (s);
}

guint
lockstep_segmenter_target_duration (const LockstepSegmenter * s)
{
  return s->target_duration;
}

void
lockstep_segmenter_stats (const LockstepSegmenter * s,
    LockstepSegmenterStats * stats)
{
  *stats = s->stats;
  stats->requests = s->plan.requests;
  stats->obeyed = s->plan.obeyed;
}
