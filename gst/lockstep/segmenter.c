/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Merges an audio and a video stream, and cuts them into MPEG-TS segments.
 *
 * Two queues, one a track. Where to cut at pictures is decided as they come in,
 * in segmentplan.c; what is written when is decided here, in the order of decoding
 * times. Audio stays a little behind: a boundary may lie before its key frame. */
#include <gst/lockstep/segmenter.h>

#include <string.h>

#define MS G_GINT64_CONSTANT (1000000)
#define SECOND (1000 * MS)

/* A little more than one of the file's 90 kHz ticks */
#define TICK (SECOND / 90000 + 1)
/* Back by more than this: a new timeline. */
#define BACKWARD (500 * MS)
/* Nothing for so long is a hole in the timeline. Audio by itself has none. */
#define HOLE_AUDIO (100 * MS)
#define HOLE_VIDEO (700 * MS)
/* Audio timestamps this near to the count of samples are taken as the count. */
#define AUDIO_TOLERANCE (20 * MS)
/* Before the first segment is out, the limit is not known: a source that gives
 * few key frames, and obeys no request, sets it. */
#define FIRST_LIMIT (12 * SECOND)
/* Less than this at the very end goes into the segment before. */
#define TAIL_MIN (100 * MS)
/* What a boundary may lie before its key frame. */
#define LAG_MIN (45 * MS)
/* A track that comes back this far from the others is on another timeline. */
#define FAR (10 * SECOND)
/* More is no path but a mistake. */
#define PATH_LATENCY_MAX (10 * SECOND)
#define MAX_QUEUE_BYTES (96 * 1024 * 1024)
#define MAX_QUEUE_ITEMS 20000
/* Ticks that are added, so that decoding times before 0 are positive. */
#define TICKS_BASE 900000

typedef struct
{
  GstBuffer *buffer;
  GByteArray *headers;          /* parameter sets to put before, or NULL */
  gint64 pts, dts, duration, offset;
  gint64 split;                 /* where audio is cut */
  LockstepCut cut;
  gboolean key, change;
  guint nal_length_size;
  gsize skip;                   /* its own delimiter */
  guint generation;
  LockstepAudioFormat format;
} Item;

typedef struct
{
  gboolean active, eos, stalled;
  gboolean await_key;           /* of video: nothing can be decoded before one */
  gboolean seen;
  GQueue queue;                 /* Item */
  gsize bytes;
  gint64 known_until;           /* nothing more will come before this */
  gint64 last;                  /* dts (video), end (audio) of the last that came */
  guint generation;
  gint64 base;                  /* audio: time of sample 0 of the count */
  guint64 samples;
} Track;

struct _LockstepSegmenter
{
  LockstepSegmenterConfig config;
  LockstepSegmenterCallbacks callbacks;
  gpointer user;

  Track tracks[LOCKSTEP_N_TRACKS];
  LockstepH264 h264;
  guint sps_seen;               /* the generation of the last key frame */
  gboolean have_video, have_audio;      /* formats are known */
  LockstepAudioCodec codec;
  LockstepAudioFormat raw_format;
  LockstepAudioFormat in_format;        /* of the last frame that came */
  gint64 frame;                 /* ns of an audio frame */
  gboolean force;               /* cut at any key frame */

  LockstepSegmentPlan plan;
  guint plan_generation;
  guint target_duration;        /* 0: not known yet */

  LockstepTsWriter ts;
  guint generation;
  gboolean in_segment, any;     /* any: a segment was begun before */
  gboolean discontinuity;       /* the next segment has one */
  gint64 audio_from;            /* audio goes into this segment from here on */
  gboolean layout_video, layout_audio;
  LockstepAudioFormat out_format;
  gint64 media_end;
  gint64 last_picture;          /* decoding time of the last that was written */
  gint64 start, offset, grid_error, skew, interval;
  gboolean start_discontinuity, have_skew, wrote_video;
  GArray *spans;

  LockstepSegmenterStats stats;
};

void
lockstep_segment_free (LockstepSegment * segment)
{
  g_clear_pointer (&segment->chunks, g_ptr_array_unref);
  g_free (segment);
}

static void
item_free (Item * item)
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
  for (guint i = 0; i < LOCKSTEP_N_TRACKS; i++) {
    g_queue_init (&s->tracks[i].queue);
    s->tracks[i].known_until = s->tracks[i].last = LOCKSTEP_NO_TIME;
    s->tracks[i].await_key = i == LOCKSTEP_TRACK_VIDEO;
  }
  s->media_end = s->last_picture = LOCKSTEP_NO_TIME;
  return s;
}

void
lockstep_segmenter_free (LockstepSegmenter * s)
{
  for (guint i = 0; i < LOCKSTEP_N_TRACKS; i++)
    g_queue_clear_full (&s->tracks[i].queue, (GDestroyNotify) item_free);
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
track_pop (Track * track, Item ** item)
{
  *item = g_queue_pop_head (&track->queue);
  track->bytes -= gst_buffer_get_size ((*item)->buffer);
}

static void
drop_head (Track * track)
{
  Item *item;

  track_pop (track, &item);
  item_free (item);
}

static void
write_item (LockstepSegmenter * s, LockstepTrackKind kind, Item * item)
{
  GstMapInfo map;
  LockstepSpan span;
  guint8 adts[LOCKSTEP_ADTS_HEADER_SIZE];

  if (!gst_buffer_map (item->buffer, &map, GST_MAP_READ)) {
    s->stats.broken++;
    return;
  }
  g_array_set_size (s->spans, 0);
  if (kind == LOCKSTEP_TRACK_VIDEO) {
    span.data = lockstep_h264_aud;
    span.size = LOCKSTEP_H264_AUD_SIZE;
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
  s->media_end = MAX (s->media_end, item->pts + item->duration);
}

/* Takes the head of the audio queue: writes it, or drops it where it has no place. */
static void
take_audio (LockstepSegmenter * s)
{
  Item *item;

  track_pop (&s->tracks[LOCKSTEP_TRACK_AUDIO], &item);
  if (s->layout_audio && lockstep_audio_format_equal (&item->format,
          &s->out_format))
    write_item (s, LOCKSTEP_TRACK_AUDIO, item);
  else
    s->stats.late++;
  item_free (item);
}

static void
end_segment (LockstepSegmenter * s, gint64 end)
{
  LockstepSegment *segment;

  if (!s->in_segment)
    return;
  s->in_segment = FALSE;
  segment = g_new0 (LockstepSegment, 1);
  segment->chunks = lockstep_ts_writer_end_segment (&s->ts, s->config.epoch);
  for (guint i = 0; i < segment->chunks->len; i++)
    segment->bytes +=
        ((LockstepTsChunk *) g_ptr_array_index (segment->chunks, i))->size;
  segment->start = s->start;
  segment->duration = MAX (end - s->start, MS);
  segment->offset = s->offset;
  segment->interval = s->interval;
  segment->grid_error = s->grid_error;
  segment->start_skew = s->layout_video && s->have_skew ? s->skew : 0;
  segment->request_delay = s->plan.answer_delay;
  segment->discontinuity = s->start_discontinuity;

  if (s->target_duration == 0) {
    s->target_duration =
        MAX (lockstep_segment_plan_target_duration (s->config.target),
        (segment->duration + SECOND / 2) / SECOND);
    s->plan.limit = lockstep_segment_plan_limit (s->target_duration);
  }
  s->stats.segments++;
  if (segment->discontinuity)
    s->stats.discontinuities++;
  s->callbacks.segment (s->user, segment);
}

/* Begins a segment at @start. @audio_start: of its first audio frame, or NO_TIME */
static void
begin_segment (LockstepSegmenter * s, gint64 start, gint64 offset,
    gint64 audio_start)
{
  Track *video = &s->tracks[LOCKSTEP_TRACK_VIDEO];
  Track *audio = &s->tracks[LOCKSTEP_TRACK_AUDIO];
  const Item *next = g_queue_peek_head (&audio->queue);
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
  interval = lockstep_segment_plan_interval (&s->plan, start);
  if (s->config.epoch && s->any && interval != s->interval + 1)
    s->discontinuity = TRUE;    /* intervals without a segment lie between */
  s->interval = interval;
  s->grid_error = lockstep_segment_plan_error (&s->plan,
      audio_start != LOCKSTEP_NO_TIME ? audio_start : start);
  s->start_discontinuity = s->discontinuity;
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
  const Track *track = &s->tracks[kind];

  if (!track->active || track->eos || track->stalled)
    return FALSE;
  /* Pictures that nobody can decode are not waited for, but at the start */
  return !(kind == LOCKSTEP_TRACK_VIDEO && track->await_key && s->in_segment);
}

/* The head of a queue, where it is of this generation. */
static Item *
front (LockstepSegmenter * s, LockstepTrackKind kind)
{
  Item *item = g_queue_peek_head (&s->tracks[kind].queue);

  return item != NULL && item->generation == s->generation ? item : NULL;
}

static gboolean
moved_on (const LockstepSegmenter * s, LockstepTrackKind kind)
{
  const Item *item = g_queue_peek_head ((GQueue *) & s->tracks[kind].queue);

  return item != NULL && item->generation != s->generation;
}

/* Ends the segment at a hole or a jump: the next one has a discontinuity, and
 * begins with a key frame where there is video. */
static void
end_part (LockstepSegmenter * s)
{
  if (s->in_segment)
    end_segment (s, s->media_end);
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
  Item *item;

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
cut_at_video (LockstepSegmenter * s, Item * item)
{
  gint64 audio_start = audio_before (s, item->split);

  end_segment (s, item->pts);
  s->discontinuity |= item->change && s->any;
  begin_segment (s, item->pts, item->offset, audio_start);
  s->audio_from = item->split;
}

/* Ends the segment at an audio frame. What video there is goes on with the next
 * key frame. */
static void
cut_at_audio (LockstepSegmenter * s, const Item * item)
{
  Track *video = &s->tracks[LOCKSTEP_TRACK_VIDEO];

  end_segment (s, item->pts);
  if (!s->plan.running || s->plan.start < item->pts)
    lockstep_segment_plan_begin (&s->plan, item->pts);
  begin_segment (s, item->pts, item->offset, item->pts);
  s->audio_from = item->pts;
  video->await_key = TRUE;
  s->plan.urgent = TRUE;
}

/* The boundary that ends the segment in hand; the plan may be further. */
static gint64
boundary_of (const LockstepSegmenter * s)
{
  return lockstep_segment_plan_boundary (&s->plan,
      lockstep_segment_plan_interval (&s->plan, s->start) + 1);
}

static void
handle_video (LockstepSegmenter * s, Item * item)
{
  Track *video = &s->tracks[LOCKSTEP_TRACK_VIDEO];
  Item *audio = front (s, LOCKSTEP_TRACK_AUDIO);
  gint64 first = audio != NULL ? MIN (audio->pts, item->dts) : item->dts;
  Item *taken;

  if (s->in_segment && s->media_end != LOCKSTEP_NO_TIME
      && first - s->media_end > MAX (HOLE_VIDEO, 3 * s->plan.picture))
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
      lockstep_segment_plan_begin (&s->plan, item->pts);
    if (item->cut == LOCKSTEP_CUT_NONE)
      item->split = item->pts;
    cut_at_video (s, item);
  } else if (item->key && (item->cut != LOCKSTEP_CUT_NONE || item->change
          || !s->layout_video)) {
    if (item->cut == LOCKSTEP_CUT_NONE) {
      item->split = item->pts;
      if (s->plan.start < item->pts)
        lockstep_segment_plan_begin (&s->plan, item->pts);
    }
    cut_at_video (s, item);
  } else if (item->cut == LOCKSTEP_CUT_LATE) {
    /* The sender left every request unanswered. The segment cannot grow beyond
     * what EXT-X-TARGETDURATION allows, and a hole in the picture would stop
     * players: the next one goes on with the picture at hand. */
    s->stats.late_cuts++;
    cut_at_video (s, item);
  } else if (!item->key && !s->wrote_video) {
    s->stats.undecodable++;     /* each segment's first picture is an IDR */
    drop_head (video);
    return;
  }
  track_pop (video, &taken);
  write_item (s, LOCKSTEP_TRACK_VIDEO, taken);
  item_free (taken);
}

/* Whether so little is left behind @item that it is no segment of its own. More
 * may come: then it is too early to say, which is MAYBE. */
enum
{
  NO, YES, MAYBE
};

static int
is_tail (const LockstepSegmenter * s, const Item * item)
{
  const Track *audio = &s->tracks[LOCKSTEP_TRACK_AUDIO];

  if (audio->stalled || (audio->known_until != LOCKSTEP_NO_TIME
          && audio->known_until - item->pts >=
          MIN (TAIL_MIN, s->config.target / 4)))
    return NO;
  return lockstep_segmenter_is_eos (s) ? YES : MAYBE;
}

/* @alone: no picture will come in time to cut at. FALSE: more must come first. */
static gboolean
handle_audio (LockstepSegmenter * s, Item * item, gboolean alone)
{
  Track *audio = &s->tracks[LOCKSTEP_TRACK_AUDIO];
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
    Track *track = &s->tracks[i];

    if (track->generation < s->generation) {
      track->generation = s->generation;
      track->last = track->known_until = LOCKSTEP_NO_TIME;
    }
  }
}

/* One step of the merge; FALSE: something must come first. */
static gboolean
step (LockstepSegmenter * s)
{
  Track *audio = &s->tracks[LOCKSTEP_TRACK_AUDIO];
  Item *v = front (s, LOCKSTEP_TRACK_VIDEO);
  Item *a = front (s, LOCKSTEP_TRACK_AUDIO);
  gboolean v_moved = moved_on (s, LOCKSTEP_TRACK_VIDEO);
  gboolean a_moved = moved_on (s, LOCKSTEP_TRACK_AUDIO);

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
  if (a != NULL && a->pts + lag (s) <= v->dts) {
    /* No picture for a good part of a segment: audio goes by the grid */
    return handle_audio (s, a, s->in_segment
        && v->dts - MAX (s->last_picture, s->start) > s->config.target / 2
        && v->dts > boundary_of (s) + s->config.target / 2);
  }
  if (!a_moved && expected (s, LOCKSTEP_TRACK_AUDIO)
      && (audio->known_until == LOCKSTEP_NO_TIME
          || audio->known_until < v->pts + lag (s)))
    return FALSE;
  handle_video (s, v);
  return TRUE;
}

static void
run (LockstepSegmenter * s)
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

  if (s->callbacks.request == NULL)
    return;
  n = lockstep_segment_plan_requests (&s->plan, position, requests);
  for (guint i = 0; i < n; i++)
    s->callbacks.request (s->user, &requests[i]);
}

static void
new_timeline (LockstepSegmenter * s, Track * track)
{
  track->generation++;
  track->last = track->known_until = LOCKSTEP_NO_TIME;
  if (track == &s->tracks[LOCKSTEP_TRACK_VIDEO])
    track->await_key = s->plan.urgent = TRUE;
  if (track->generation > s->plan_generation) {
    s->plan_generation = track->generation;
    lockstep_segment_plan_restart (&s->plan);
  }
}

/* Whether a buffer of a track that was given up on is to be waited for again. */
static gboolean
take_back (LockstepSegmenter * s, Track * track, gint64 pts)
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
enqueue (Track * track, Item * item)
{
  track->seen = TRUE;
  track->bytes += gst_buffer_get_size (item->buffer);
  track->known_until = MAX (track->known_until, item->pts + item->duration);
  g_queue_push_tail (&track->queue, item);
}

static void
push_video (LockstepSegmenter * s, GstBuffer * buffer, gint64 pts, gint64 dts,
    gint64 duration, gint64 offset)
{
  Track *track = &s->tracks[LOCKSTEP_TRACK_VIDEO];
  LockstepH264Au au;
  GstMapInfo map;
  Item *item;
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

  item = g_new0 (Item, 1);
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
  if (track->generation == s->plan_generation) {
    gint64 boundary = lockstep_segment_plan_boundary (&s->plan, s->plan.next);

    item->cut = lockstep_segment_plan_video (&s->plan, pts, dts, au.idr,
        change || s->force);
    if (item->cut == LOCKSTEP_CUT_GRID && s->plan.next > 1
        && ABS (boundary - pts) < 50 * MS)
      item->split = boundary;
    if (au.idr)
      s->force = FALSE;
  }
  if (track->await_key) {
    if (au.idr)
      track->await_key = FALSE;
    else {
      s->stats.undecodable++;
      item_free (item);
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
  enqueue (track, item);
  send_requests (s, pts);
}

static void
push_audio_frame (LockstepSegmenter * s, GstBuffer * frame,
    const LockstepAudioFormat * format, gint64 pts, gint64 offset)
{
  Track *track = &s->tracks[LOCKSTEP_TRACK_AUDIO];
  Track *video = &s->tracks[LOCKSTEP_TRACK_VIDEO];
  gint64 duration = gst_util_uint64_scale (format->samples, SECOND,
      format->rate);
  gint64 counted;
  Item *item;

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

  item = g_new0 (Item, 1);
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
  Track *track = &s->tracks[kind];

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
  run (s);
  if (track->bytes > MAX_QUEUE_BYTES
      || g_queue_get_length (&track->queue) > MAX_QUEUE_ITEMS)
    lockstep_segmenter_give_up_on (s, !kind);
}

void
lockstep_segmenter_gap (LockstepSegmenter * s, LockstepTrackKind kind,
    gint64 until)
{
  Track *track = &s->tracks[kind];

  /* A picture stays until the next: only for audio does it say anything */
  if (kind != LOCKSTEP_TRACK_AUDIO || out_of_range (until))
    return;
  track->known_until = MAX (track->known_until, until);
  run (s);
}

void
lockstep_segmenter_discont (LockstepSegmenter * s, LockstepTrackKind kind)
{
  new_timeline (s, &s->tracks[kind]);
}

void
lockstep_segmenter_set_path_latency (LockstepSegmenter * s, gint64 latency)
{
  s->plan.path_latency = CLAMP (latency, 0, PATH_LATENCY_MAX);
}

gint64
lockstep_segmenter_ahead (const LockstepSegmenter * s, LockstepTrackKind kind)
{
  const Track *track = &s->tracks[kind];
  const Item *first = g_queue_peek_head ((GQueue *) & track->queue);
  const Item *last = g_queue_peek_tail ((GQueue *) & track->queue);

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
  run (s);
}

void
lockstep_segmenter_eos (LockstepSegmenter * s, LockstepTrackKind kind)
{
  s->tracks[kind].eos = TRUE;
  run (s);
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
  run (s);
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
