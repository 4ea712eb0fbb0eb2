/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The segmenter, judged by the bytes that come out. The reader of transport streams
 * here shares nothing with the writer. */
#include <gst/lockstep/segmenter.h>
#include <string.h>

#define MS G_GINT64_CONSTANT (1000000)
#define SECOND (1000 * MS)

static const guint8 sps[] = { 0, 0, 0, 1, 0x67, 0x42, 0xc0, 0x1e, 0xd9 };
static const guint8 sps2[] = { 0, 0, 0, 1, 0x67, 0x42, 0xc0, 0x1f, 0xd9 };
static const guint8 pps[] = { 0, 0, 0, 1, 0x68, 0xce, 0x3c, 0x80 };

/* {{{ reading */

typedef struct
{
  guint segments, discontinuities;
  gint64 start, end;            /* of the last segment */
  gint64 worst_error, worst_skew, longest, shortest;
  gint64 first_start;
  guint64 audio_bytes, bytes;
  guint no_idr;                 /* segments with video that begins otherwise */
  guint no_video;

  /* across segments */
  int cc[8192];
  gint64 next_audio;            /* samples, by the count of frames; -1: unknown */
  guint64 audio_frames, pictures;
  guint audio_steps;            /* pts that do not follow */
  guint cc_errors, pcr_late, structure;
  gint64 last_pcr, worst_pcr_gap;
  gint64 last_dts;
  gboolean joined;              /* timestamps go on from the segment before */
} Reader;

typedef struct
{
  LockstepSegmenter *s;
  Reader reader;
  guint rate, samples;          /* of the audio */
  GArray *asked;                /* gint64 */
  GPtrArray *kept;              /* GBytes: whole segments, where wanted */
  GArray *starts;
  gboolean intervals;           /* no two segments may be of one */
  gint64 interval;              /* of the last segment */
} Test;

static void
take_pes (Test * t, gboolean video, const guint8 * pes, gsize size,
    gboolean * first_video, gint64 pcr)
{
  Reader *r = &t->reader;
  gint64 pts, dts;
  gsize header;

  if (size < 14 || pes[0] != 0 || pes[1] != 0 || pes[2] != 1) {
    r->structure++;
    return;
  }
  header = 9 + pes[8];
  pts = (gint64) (pes[9] >> 1 & 7) << 30 | pes[10] << 22
      | (pes[11] >> 1) << 15 | pes[12] << 7 | pes[13] >> 1;
  dts = pts;
  if ((pes[7] & 0xc0) == 0xc0)
    dts = (gint64) (pes[14] >> 1 & 7) << 30 | pes[15] << 22
        | (pes[16] >> 1) << 15 | pes[17] << 7 | pes[18] >> 1;
  if (pcr != -1 && ((dts - pcr) & 0x1ffffffff) > 90000 * 3)
    r->pcr_late++;
  if (video) {
    if (*first_video) {
      const guint8 *au = pes + header;
      gsize n = size - header;

      /* AUD, SPS, PPS, IDR */
      if (n < 30 || (au[4] & 31) != 9
          || memmem (au, n, "\0\0\0\1\x67", 5) == NULL
          || memmem (au, n, "\0\0\0\1\x68", 5) == NULL
          || memmem (au, n, "\0\0\0\1\x65", 5) == NULL)
        r->no_idr++;
      *first_video = FALSE;
    }
    if (r->joined && r->last_dts != -1
        && ((dts - r->last_dts) & 0x1ffffffff) > 90000 * 12)
      r->structure++;
    r->last_dts = dts;
  } else {
    const guint8 *p = pes + header;
    gsize left = size - header;

    if (((gsize) pes[4] << 8 | pes[5]) != size - 6)
      r->structure++;
    r->audio_bytes += left;
    if (r->next_audio >= 0) {
      gint64 want = r->next_audio * 90000 / t->rate;

      if (ABS (((pts - want + 90000) & 0x1ffffffff) - 90000) > 2)
        r->audio_steps++;
    }
    if (r->next_audio < 0)
      r->next_audio = pts * t->rate / 90000;
    while (left > 0) {
      LockstepAudioFormat format;
      gsize n;

      if (!lockstep_audio_frame_parse (p[1] >= 0xfa ? LOCKSTEP_AUDIO_MPEG
              : p[1] == 0xf1 ? LOCKSTEP_AUDIO_ADTS : LOCKSTEP_AUDIO_MPEG, p,
              left, &format, &n)) {
        r->structure++;
        break;
      }
      r->next_audio += format.samples;
      r->audio_frames++;
      p += n;
      left -= n;
    }
  }
}

static void
read_segment (Test * t, const guint8 * data, gsize size)
{
  Reader *r = &t->reader;
  GByteArray *pes[2] = { g_byte_array_new (), g_byte_array_new () };
  gint64 pes_pcr[2] = { -1, -1 };
  gboolean first_video = TRUE;
  gint64 pcr = -1;

  g_assert_cmpuint (size % 188, ==, 0);
  for (gsize i = 0; i < size; i += 188) {
    const guint8 *p = data + i;
    guint pid = (p[1] & 31) << 8 | p[2], skip = 4;
    gboolean video = pid == 0x100;
    GByteArray *out;

    g_assert_cmpuint (p[0], ==, 0x47);
    if (i == 0)
      g_assert_cmpuint (pid, ==, 0);
    if (i == 188)
      g_assert_cmpuint (pid, ==, 0x1000);
    if (p[3] & 0x10) {
      if (r->cc[pid] >= 0 && ((r->cc[pid] + 1) & 15) != (p[3] & 15))
        r->cc_errors++,
            g_test_message ("segment %u packet %u pid %x: %d after %d",
            r->segments, (guint) i / 188, pid, p[3] & 15, r->cc[pid]);
      r->cc[pid] = p[3] & 15;
    }
    if (p[3] & 0x20) {
      g_assert_cmpuint (p[4], <, 184);
      if (p[4] > 0 && p[5] & 0x10) {
        gint64 now = (gint64) p[6] << 25 | p[7] << 17 | p[8] << 9 | p[9] << 1
            | p[10] >> 7;

        if (r->last_pcr != -1 && !(p[5] & 0x80)) {
          gint64 gap = (now - r->last_pcr) & 0x1ffffffff;

          r->worst_pcr_gap = MAX (r->worst_pcr_gap, gap);
        }
        r->last_pcr = pcr = now;
      }
      skip += 1 + p[4];
    }
    if (pid < 0x100 || pid == 0x1000 || !(p[3] & 0x10))
      continue;
    out = pes[video];
    if (p[1] & 0x40) {
      if (out->len > 0)
        take_pes (t, video, out->data, out->len, &first_video, pes_pcr[video]);
      pes_pcr[video] = pcr;
      g_byte_array_set_size (out, 0);
    }
    g_byte_array_append (out, p + skip, 188 - skip);
  }
  for (guint v = 0; v < 2; v++) {
    if (pes[v]->len > 0)
      take_pes (t, v, pes[v]->data, pes[v]->len, &first_video, pes_pcr[v]);
    g_byte_array_unref (pes[v]);
  }
  if (first_video)
    r->no_video++;
}

static void
on_segment (gpointer user, LockstepSegment * segment)
{
  Test *t = user;
  Reader *r = &t->reader;
  g_autoptr (GByteArray) all = g_byte_array_new ();

  for (guint i = 0; i < segment->chunks->len; i++) {
    LockstepTsChunk *chunk = g_ptr_array_index (segment->chunks, i);

    g_byte_array_append (all, chunk->data, chunk->size);
  }
  g_assert_cmpuint (all->len, ==, segment->bytes);
  g_assert_cmpint (segment->duration, >, 0);
  if (t->intervals && r->segments > 0)
    g_assert_cmpint (segment->interval, >, t->interval);
  t->interval = segment->interval;
  r->joined = !segment->discontinuity;
  if (segment->discontinuity) {
    r->discontinuities++;
    r->next_audio = -1;
    r->last_pcr = r->last_dts = -1;
    memset (r->cc, 0xff, sizeof r->cc);
  } else if (r->segments > 0) {
    g_assert_cmpint (segment->start, ==, r->end);
  }
  read_segment (t, all->data, all->len);
  if (r->segments == 0)
    r->first_start = segment->start;
  r->segments++;
  r->bytes += segment->bytes;
  r->pictures += segment->pictures;
  r->start = segment->start;
  r->end = segment->start + segment->duration;
  r->worst_error = MAX (r->worst_error, ABS (segment->grid_error));
  r->worst_skew = MAX (r->worst_skew, ABS (segment->start_skew));
  r->longest = MAX (r->longest, segment->duration);
  if (t->starts != NULL)
    g_array_append_val (t->starts, segment->start);
  if (t->kept != NULL)
    g_ptr_array_add (t->kept,
        g_byte_array_free_to_bytes (g_steal_pointer (&all)));
  lockstep_segment_free (segment);
}

static void
on_request (gpointer user, const LockstepKeyRequest * request)
{
  Test *t = user;

  g_array_append_val (t->asked, request->time);
}

/* {{{ writing */

static void
test_begin (Test * t, gint64 target, gboolean epoch, guint rate, guint samples)
{
  static const LockstepSegmenterCallbacks callbacks =
      { on_segment, on_request };
  LockstepSegmenterConfig config = { target, 0, epoch };

  memset (t, 0, sizeof *t);
  memset (t->reader.cc, 0xff, sizeof t->reader.cc);
  t->reader.next_audio = t->reader.last_pcr = t->reader.last_dts = -1;
  t->rate = rate;
  t->samples = samples;
  t->asked = g_array_new (FALSE, FALSE, sizeof (gint64));
  t->s = lockstep_segmenter_new (&config, &callbacks, t);
}

static void
test_end (Test * t)
{
  lockstep_segmenter_free (t->s);
  g_array_unref (t->asked);
  g_clear_pointer (&t->kept, g_ptr_array_unref);
  g_clear_pointer (&t->starts, g_array_unref);
}

static GstBuffer *
picture_with (gboolean key, gsize size, const guint8 * sps_bytes)
{
  GstBuffer *buffer = gst_buffer_new_allocate (NULL, size + 40, NULL);
  GstMapInfo map;
  gsize n = 0;

  gst_buffer_map (buffer, &map, GST_MAP_WRITE);
  if (key) {
    memcpy (map.data, sps_bytes, sizeof sps);
    memcpy (map.data + sizeof sps, pps, sizeof pps);
    n = sizeof sps + sizeof pps;
  }
  memcpy (map.data + n, "\0\0\0\1", 4);
  map.data[n + 4] = key ? 0x65 : 0x41;
  for (gsize i = n + 5; i < map.size; i++)
    map.data[i] = 0x80 | i;
  gst_buffer_unmap (buffer, &map);
  return buffer;
}

static GstBuffer *
picture (gboolean key, gsize size)
{
  return picture_with (key, size, sps);
}

/* A frame of @bytes: MP3 of 128 kbit/s at 48, 44.1 or 32 kHz, or raw AAC */
static GstBuffer *
audio_frame (Test * t, guint64 index)
{
  gsize size = t->samples == 1152 ? 144 * 128000 / t->rate : 340;
  GstBuffer *buffer = gst_buffer_new_allocate (NULL, size, NULL);
  GstMapInfo map;

  gst_buffer_map (buffer, &map, GST_MAP_WRITE);
  memset (map.data, (guint8) index, map.size);
  if (t->samples == 1152) {
    memcpy (map.data, "\xff\xfb\x90\x00", 4);
    map.data[2] |= (t->rate == 44100 ? 0 : t->rate == 48000 ? 1 : 2) << 2;
  }
  gst_buffer_unmap (buffer, &map);
  return buffer;
}

static void
set_audio (Test * t)
{
  static const guint rates[] = { 96000, 88200, 64000, 48000, 44100, 32000 };
  LockstepAudioFormat format;
  guint8 asc[2];
  guint index = 0;

  lockstep_segmenter_add_track (t->s, LOCKSTEP_TRACK_AUDIO);
  if (t->samples == 1152) {
    lockstep_segmenter_set_audio (t->s, LOCKSTEP_AUDIO_MPEG, NULL);
    return;
  }
  while (rates[index] != t->rate)
    index++;
  asc[0] = 2 << 3 | index >> 1;
  asc[1] = (index & 1) << 7 | 2 << 3;
  g_assert_true (lockstep_audio_format_from_asc (asc, 2, &format));
  lockstep_segmenter_set_audio (t->s, LOCKSTEP_AUDIO_RAW_AAC, &format);
}

static void
set_video (Test * t)
{
  lockstep_segmenter_add_track (t->s, LOCKSTEP_TRACK_VIDEO);
  g_assert_true (lockstep_segmenter_set_video (t->s, NULL, 0));
}

static gboolean
wanted (Test * t, gint64 pts)
{
  gboolean key = FALSE;

  for (guint i = t->asked->len; i-- > 0;) {
    if (g_array_index (t->asked, gint64, i) <= pts) {
      key = TRUE;
      g_array_remove_index_fast (t->asked, i);
    }
  }
  return key;
}

typedef struct
{
  guint64 pictures, frames;
  gint64 offset;                /* added to all times */
  gint64 picture_ns;            /* period */
  gint64 no_video_from, no_video_to, no_audio_from, no_audio_to;
} Feed;

/* Side by side, as a live encoder does it, up to @until by its own count. */
static void
feed (Test * t, Feed * f, gboolean video, gboolean audio, gint64 until)
{
  for (;;) {
    gint64 v = video ? (gint64) f->pictures * f->picture_ns : until;
    gint64 a = audio ? (gint64) gst_util_uint64_scale (f->frames * t->samples,
        SECOND, t->rate) : until;

    if (v >= until && a >= until)
      return;
    if (v <= a && v < until) {
      gboolean key = wanted (t, v + f->offset) || f->pictures == 0;

      if (v < f->no_video_from || v >= f->no_video_to)
        lockstep_segmenter_push (t->s, LOCKSTEP_TRACK_VIDEO,
            picture (key, key ? 900 : 200), v + f->offset, v + f->offset, 0, 0);
      f->pictures++;
    } else {
      if (a < f->no_audio_from || a >= f->no_audio_to)
        lockstep_segmenter_push (t->s, LOCKSTEP_TRACK_AUDIO, audio_frame (t,
                f->frames), a + f->offset, LOCKSTEP_NO_TIME, 0, 0);
      f->frames++;
    }
  }
}

static void
assert_clean (Test * t)
{
  g_assert_cmpuint (t->reader.cc_errors, ==, 0);
  g_assert_cmpuint (t->reader.structure, ==, 0);
  g_assert_cmpuint (t->reader.audio_steps, ==, 0);
  g_assert_cmpuint (t->reader.pcr_late, ==, 0);
  g_assert_cmpuint (t->reader.no_idr, ==, 0);
}

/* {{{ tests */

/* The grid figures: T = 1 s, 30 pictures a second, 10,000 segments. */
static void
grid (guint rate, guint samples, guint seconds)
{
  Test t;
  Feed f = { 0 };
  gint64 half = samples * SECOND / rate / 2 + 1, mean;

  test_begin (&t, SECOND, FALSE, rate, samples);
  t.starts = g_array_new (FALSE, FALSE, sizeof (gint64));
  f.picture_ns = 33333333;      /* drifts by 10 us in 10,000 s, like real ones */
  set_video (&t);
  set_audio (&t);
  feed (&t, &f, TRUE, TRUE, seconds * SECOND + SECOND / 2);
  lockstep_segmenter_finish (t.s);
  g_assert_cmpuint (t.reader.segments, ==, seconds + 1);
  g_assert_cmpint (t.reader.worst_error, <=, half);
  g_assert_cmpint (t.reader.worst_skew, <=, 33333334);
  mean = (g_array_index (t.starts, gint64, seconds)
      - g_array_index (t.starts, gint64, 0)) / seconds;
  g_assert_cmpint (ABS (mean - SECOND), <=, 17 * MS / (gint64) seconds + 1);
  g_assert_cmpint (t.reader.worst_pcr_gap, <=, 9000);
  g_assert_cmpuint (t.reader.no_video, ==, 0);
  g_assert_cmpuint (t.reader.audio_frames, ==, f.frames);
  assert_clean (&t);
  test_end (&t);
}

/* Pictures that stand off the grid, as a browser's do: the audio is split on the
 * grid, the picture is not, and no frame between the two is lost. */
static void
test_pictures_off_grid (void)
{
  static const gint64 periods[] = { 37 * MS, 41 * MS, 66666667, 83 * MS };

  for (guint i = 0; i < G_N_ELEMENTS (periods); i++) {
    Test t;
    Feed f = { 0 };

    test_begin (&t, SECOND, FALSE, 48000, 1152);
    f.picture_ns = periods[i];
    set_video (&t);
    set_audio (&t);
    feed (&t, &f, TRUE, TRUE, 60 * SECOND);
    lockstep_segmenter_finish (t.s);
    g_assert_cmpuint (t.reader.segments, >=, 59);
    g_assert_cmpuint (t.reader.audio_frames, ==, f.frames);
    assert_clean (&t);
    test_end (&t);
  }
}

/* Senders that put parameter sets before each slice of a key frame: what takes the
 * packets apart makes two access units of it, the second without a time of its own. It
 * is one picture, and cut at once; also where the first half was written already. */
static void
test_split_picture (void)
{
  for (guint ahead = 0; ahead < 2; ahead++) {
    Test t;
    guint64 frames = 0;
    guint keys = 0;

    test_begin (&t, SECOND, FALSE, 48000, 1152);
    set_video (&t);
    set_audio (&t);
    for (guint i = 0; i < 25 * 20; i++) {
      gint64 v = i * 40 * MS;
      GstBuffer *rest;
      GstMapInfo map;

      for (; (gint64) frames * 24 * MS < MIN (v + (ahead ? 300 * MS : 0),
              20 * SECOND - 40 * MS); frames++)
        lockstep_segmenter_push (t.s, LOCKSTEP_TRACK_AUDIO, audio_frame (&t,
                frames), frames * 24 * MS, LOCKSTEP_NO_TIME, 0, 0);
      lockstep_segmenter_push (t.s, LOCKSTEP_TRACK_VIDEO,
          picture (i % 25 == 0, 500), v, LOCKSTEP_NO_TIME, 0, 0);
      if (i % 25 != 0)
        continue;
      keys++;
      rest = picture (TRUE, 500);
      gst_buffer_map (rest, &map, GST_MAP_WRITE);
      map.data[sizeof sps + sizeof pps + 5] = 0x40;     /* of macroblock 1 */
      gst_buffer_unmap (rest, &map);
      lockstep_segmenter_push (t.s, LOCKSTEP_TRACK_VIDEO, rest,
          i % 50 == 0 ? LOCKSTEP_NO_TIME : v, LOCKSTEP_NO_TIME, 0, 0);
    }
    lockstep_segmenter_finish (t.s);
    g_assert_cmpuint (t.reader.segments, ==, keys);
    g_assert_cmpuint (t.reader.pictures, ==, 25 * 20);
    g_assert_cmpint (t.reader.worst_error, <=, 12 * MS + 1);
    g_assert_cmpuint (t.reader.audio_frames, ==, frames);
    assert_clean (&t);
    test_end (&t);
  }
}

static void
test_grid_mp3_48 (void)
{
  grid (48000, 1152, 10000);
}

static void
test_grid_others (void)
{
  grid (44100, 1152, 1000);
  grid (32000, 1152, 1000);
  grid (48000, 1024, 1000);
  grid (44100, 1024, 1000);
  grid (32000, 1024, 1000);
}

/* Audio by itself: the same, by the bytes, and little overhead. */
static void
test_audio_alone (void)
{
  static const guint rates[] = { 48000, 44100, 32000 };

  for (guint i = 0; i < 3; i++) {
    Test t;
    Feed f = { 0 };

    test_begin (&t, SECOND, FALSE, rates[i], 1152);
    set_audio (&t);
    feed (&t, &f, FALSE, TRUE, 1000 * SECOND);
    lockstep_segmenter_finish (t.s);
    g_assert_cmpuint (t.reader.segments, ==, 1000);
    g_assert_cmpint (t.reader.worst_error, <=,
        1152 * SECOND / rates[i] / 2 + 1);
    g_assert_cmpuint (t.reader.audio_frames, ==, f.frames);
    /* at most 8 % over the elementary bytes, and the clock at least each 100 ms */
    g_assert_cmpuint (t.reader.bytes * 100, <=, t.reader.audio_bytes * 108);
    g_assert_cmpint (t.reader.worst_pcr_gap, <=, 9000);
    g_test_message ("%u Hz: overhead %.2f %%", rates[i],
        100.0 * t.reader.bytes / t.reader.audio_bytes - 100);
    assert_clean (&t);
    test_end (&t);
  }
}

static void
test_video_alone (void)
{
  Test t;
  Feed f = { 0 };

  test_begin (&t, 1001 * MS, FALSE, 48000, 1152);
  f.picture_ns = SECOND / 25;
  set_video (&t);
  feed (&t, &f, TRUE, FALSE, 500 * SECOND);
  lockstep_segmenter_finish (t.s);
  g_assert_cmpint (t.reader.worst_error, <=, 20 * MS);
  g_assert_cmpuint (t.reader.segments, ==, 500);
  g_assert_cmpuint (t.reader.no_video, ==, 0);
  assert_clean (&t);
  test_end (&t);
}

/* Nothing ever comes on a track that was promised: after a while the other goes on
 * without it, and nothing of it is lost or cut to pieces. */
static void
test_silent_track (void)
{
  Test t;
  Feed f = { 0 };

  test_begin (&t, SECOND, FALSE, 48000, 1152);
  f.picture_ns = 40 * MS;
  set_video (&t);
  set_audio (&t);
  t.starts = g_array_new (FALSE, FALSE, sizeof (gint64));
  for (guint i = 1; i <= 10 * 25; i++) {
    feed (&t, &f, TRUE, FALSE, i * 40 * MS);
    if (lockstep_segmenter_ahead (t.s, LOCKSTEP_TRACK_VIDEO) > 2 * SECOND)
      lockstep_segmenter_give_up_on (t.s, LOCKSTEP_TRACK_AUDIO);
  }
  lockstep_segmenter_finish (t.s);
  g_assert_cmpuint (t.reader.segments, ==, 10);
  g_assert_cmpuint (t.reader.pictures, ==, 250);
  g_assert_cmpint (t.reader.worst_error, <=, 20 * MS);
  g_assert_cmpuint (t.reader.discontinuities, ==, 0);
  assert_clean (&t);
  test_end (&t);
}

/* A 3 s hole in everything: a discontinuity, then on the same grid. */
static void
test_hole (void)
{
  Test t;
  Feed f = { 0 };

  test_begin (&t, SECOND, FALSE, 48000, 1152);
  f.picture_ns = SECOND / 30;
  f.no_video_from = f.no_audio_from = 10 * SECOND + 300 * MS;
  f.no_video_to = f.no_audio_to = 13 * SECOND + 300 * MS;
  set_video (&t);
  set_audio (&t);
  feed (&t, &f, TRUE, TRUE, 30 * SECOND + SECOND / 2);
  lockstep_segmenter_finish (t.s);
  g_assert_cmpuint (t.reader.discontinuities, ==, 1);
  g_assert_cmpint (t.reader.longest, <, 1500 * MS);
  g_assert_cmpint (ABS (t.reader.start - 30 * SECOND), <, 1000);
  assert_clean (&t);
  test_end (&t);
}

/* Sound stops for a while: the picture goes on, and the sound comes back. */
static void
test_audio_pause (void)
{
  Test t;
  Feed f = { 0 };
  guint64 frames;

  test_begin (&t, SECOND, FALSE, 48000, 1152);
  f.picture_ns = SECOND / 30;
  f.no_audio_from = 5 * SECOND + 200 * MS;
  f.no_audio_to = 20 * SECOND;
  set_video (&t);
  set_audio (&t);
  feed (&t, &f, TRUE, TRUE, 15 * SECOND);
  /* what the element does in a live pipeline */
  g_assert_cmpint (lockstep_segmenter_ahead (t.s, LOCKSTEP_TRACK_VIDEO), >,
      3 * SECOND);
  lockstep_segmenter_give_up_on (t.s, LOCKSTEP_TRACK_AUDIO);
  g_assert_cmpint (lockstep_segmenter_ahead (t.s, LOCKSTEP_TRACK_VIDEO), <,
      SECOND);
  frames = t.reader.audio_frames;
  t.reader.next_audio = -1;
  feed (&t, &f, TRUE, TRUE, 30 * SECOND - SECOND / 2);
  lockstep_segmenter_finish (t.s);
  g_assert_cmpuint (t.reader.audio_frames, >, frames + 390);
  g_assert_cmpuint (t.reader.segments, ==, 30);
  g_assert_cmpuint (t.reader.discontinuities, ==, 0);
  g_assert_cmpint (t.reader.worst_error, <=, 17 * MS);
  g_assert_cmpuint (t.reader.cc_errors, ==, 0);
  g_assert_cmpuint (t.reader.no_idr, ==, 0);
  test_end (&t);
}

/* Timestamps go back by a minute on both tracks. */
static void
test_jump_back (void)
{
  Test t;
  Feed f = { 0 };

  test_begin (&t, SECOND, FALSE, 48000, 1152);
  f.picture_ns = SECOND / 30;
  set_video (&t);
  set_audio (&t);
  f.offset = 60 * SECOND;
  feed (&t, &f, TRUE, TRUE, 10 * SECOND + 300 * MS);
  f.offset = 0;
  g_array_set_size (t.asked, 0);
  t.reader.last_dts = -1;
  feed (&t, &f, TRUE, TRUE, 30 * SECOND - SECOND / 2);
  lockstep_segmenter_finish (t.s);
  g_assert_cmpuint (t.reader.discontinuities, ==, 1);
  g_assert_cmpuint (t.reader.segments, >=, 29);
  g_assert_cmpint (t.reader.worst_error, <=, 17 * MS);
  assert_clean (&t);
  test_end (&t);
}

/* Audio shows up seven seconds late: it is added at a boundary. */
static void
test_late_audio (void)
{
  Test t;
  Feed f = { 0 };

  test_begin (&t, SECOND, FALSE, 48000, 1152);
  f.picture_ns = SECOND / 30;
  f.no_audio_to = 7 * SECOND;
  set_video (&t);
  set_audio (&t);
  feed (&t, &f, TRUE, TRUE, 4 * SECOND);
  g_assert_cmpuint (t.reader.segments, ==, 0);
  lockstep_segmenter_give_up_on (t.s, LOCKSTEP_TRACK_AUDIO);
  g_assert_cmpuint (t.reader.segments, >=, 3);
  feed (&t, &f, TRUE, TRUE, 20 * SECOND - SECOND / 2);
  lockstep_segmenter_finish (t.s);
  g_assert_cmpuint (t.reader.segments, ==, 20);
  g_assert_cmpuint (t.reader.discontinuities, ==, 1);
  g_assert_cmpuint (t.reader.audio_frames, >, 450);
  assert_clean (&t);
  test_end (&t);
}

/* The same for video. */
static void
test_late_video (void)
{
  Test t;
  Feed f = { 0 };

  test_begin (&t, SECOND, FALSE, 48000, 1152);
  f.picture_ns = SECOND / 30;
  f.no_video_to = 7 * SECOND;
  set_video (&t);
  set_audio (&t);
  feed (&t, &f, TRUE, TRUE, 4 * SECOND);
  lockstep_segmenter_give_up_on (t.s, LOCKSTEP_TRACK_VIDEO);
  g_assert_cmpuint (t.reader.segments, >=, 3);
  feed (&t, &f, TRUE, TRUE, 20 * SECOND - SECOND / 2);
  lockstep_segmenter_finish (t.s);
  g_assert_cmpuint (t.reader.discontinuities, ==, 1);
  g_assert_cmpuint (t.reader.no_video, <=, 9);
  g_assert_cmpint (t.reader.longest, <, 1500 * MS);
  assert_clean (&t);
  test_end (&t);
}

/* The size of the picture changes in the middle of a segment. */
static void
test_format_change (void)
{
  Test t;

  test_begin (&t, SECOND, FALSE, 48000, 1152);
  set_video (&t);
  for (guint i = 0; i < 300; i++) {
    gint64 pts = i * (SECOND / 30);

    lockstep_segmenter_push (t.s, LOCKSTEP_TRACK_VIDEO,
        picture_with (wanted (&t, pts) || i == 0 || i == 137, 300,
            i < 137 ? sps : sps2), pts, pts, 0, 0);
  }
  lockstep_segmenter_finish (t.s);
  g_assert_cmpuint (t.reader.discontinuities, ==, 1);
  g_assert_cmpuint (t.reader.segments, ==, 11);
  assert_clean (&t);
  test_end (&t);
}

/* The same with epoch-lock, where an interval has one number: no two segments share it,
 * no more than half an interval is lost, and a discontinuity says so. */
static void
test_epoch_change (void)
{
  static const guint at[] = { 131, 137, 141, 145, 148 };

  for (guint c = 0; c < G_N_ELEMENTS (at); c++) {
    Test t;
    LockstepSegmenterStats stats;

    test_begin (&t, SECOND, TRUE, 48000, 1152);
    t.intervals = TRUE;
    set_video (&t);
    for (guint i = 0; i < 300; i++) {
      gint64 pts = G_GINT64_CONSTANT (1795000000) * SECOND + i * (SECOND / 30);

      lockstep_segmenter_push (t.s, LOCKSTEP_TRACK_VIDEO,
          picture_with (wanted (&t, pts) || i == 0 || i == at[c], 300,
              i < at[c] ? sps : sps2), pts, pts, 0, 0);
    }
    lockstep_segmenter_finish (t.s);
    lockstep_segmenter_stats (t.s, &stats);
    g_assert_cmpuint (t.reader.segments, ==, 10);
    /* less than a quarter before the next interval it is of that one */
    g_assert_cmpuint (stats.lost_parts, ==, at[c] < 143);
    g_assert_cmpuint (t.reader.discontinuities, >=, 1);
    g_assert_cmpuint (t.reader.discontinuities, <=, 2);
    g_assert_cmpuint (t.reader.pictures, >=, 300 - 15);
    assert_clean (&t);
    test_end (&t);
  }
}

/* The audio changes from 48 to 44.1 kHz at 10.3 s: a discontinuity at the next key
 * frame, and the same grid as before. */
static void
test_audio_change (void)
{
  Test t;
  Feed f = { 0 };
  guint before;

  test_begin (&t, SECOND, FALSE, 48000, 1152);
  f.picture_ns = SECOND / 30;
  set_video (&t);
  set_audio (&t);
  feed (&t, &f, TRUE, TRUE, 10 * SECOND + 300 * MS);
  before = t.reader.segments;
  f.frames = (10 * 44100 + 3 * 4410) / 1152 + 1;
  t.rate = 44100;
  feed (&t, &f, TRUE, TRUE, 30 * SECOND - SECOND / 2);
  lockstep_segmenter_finish (t.s);
  g_assert_cmpuint (before, >=, 9);
  g_assert_cmpuint (t.reader.discontinuities, ==, 1);
  g_assert_cmpint (t.reader.longest, <, 1500 * MS);
  g_assert_cmpint (ABS (t.reader.start - 29 * SECOND), <, 1000);
  g_assert_cmpuint (t.reader.cc_errors, ==, 0);
  g_assert_cmpuint (t.reader.no_idr, ==, 0);
  test_end (&t);
}

/* 33-bit times wrap at 26.5 h: nothing is seen of it but the wrap. */
static void
test_wrap (void)
{
  Test t;
  Feed f = { 0 };

  test_begin (&t, SECOND, FALSE, 48000, 1152);
  f.picture_ns = SECOND / 30;
  /* ticks run from 10 s on */
  f.offset = (gint64) ((G_GUINT64_CONSTANT (1) << 33) * 100000 / 9)
      - 20 * SECOND;
  set_video (&t);
  set_audio (&t);
  feed (&t, &f, TRUE, TRUE, 30 * SECOND - SECOND / 2);
  lockstep_segmenter_finish (t.s);
  g_assert_cmpuint (t.reader.segments, ==, 30);
  g_assert_cmpuint (t.reader.discontinuities, ==, 0);
  g_assert_cmpint (t.reader.worst_pcr_gap, <=, 9000);
  assert_clean (&t);
  test_end (&t);
}

/* Two instances of one source, the second 3.3 s later: the same bytes from its
 * second segment on. */
static void
test_epoch (void)
{
  Test a, b;
  gint64 origin = G_GINT64_CONSTANT (1795000000) * SECOND + 123456789;

  test_begin (&a, SECOND, TRUE, 48000, 1152);
  test_begin (&b, SECOND, TRUE, 48000, 1152);
  a.kept = g_ptr_array_new_with_free_func ((GDestroyNotify) g_bytes_unref);
  b.kept = g_ptr_array_new_with_free_func ((GDestroyNotify) g_bytes_unref);
  a.starts = g_array_new (FALSE, FALSE, sizeof (gint64));
  b.starts = g_array_new (FALSE, FALSE, sizeof (gint64));
  set_video (&a);
  set_audio (&a);
  set_video (&b);
  set_audio (&b);
  /* b sees the source from here on; its first picture is a key frame of a's */
  for (guint64 i = 0, j = 0; i < 900 || j < 1250;) {
    gint64 v = i * (SECOND / 30) + origin, au = j * 24 * MS + origin;

    if (v <= au && i < 900) {
      gboolean key = wanted (&a, v) || wanted (&b, v) || i == 0;

      lockstep_segmenter_push (a.s, LOCKSTEP_TRACK_VIDEO, picture (key,
              100 + i % 700), v, v, 0, 0);
      if (i >= 100)
        lockstep_segmenter_push (b.s, LOCKSTEP_TRACK_VIDEO, picture (key,
                100 + i % 700), v, v, 0, 0);
      i++;
    } else {
      lockstep_segmenter_push (a.s, LOCKSTEP_TRACK_AUDIO, audio_frame (&a, j),
          au, LOCKSTEP_NO_TIME, 0, 0);
      if (i >= 100)
        lockstep_segmenter_push (b.s, LOCKSTEP_TRACK_AUDIO, audio_frame (&b,
                j), au, LOCKSTEP_NO_TIME, 0, 0);
      j++;
    }
  }
  lockstep_segmenter_finish (a.s);
  lockstep_segmenter_finish (b.s);
  g_assert_cmpuint (b.kept->len, >=, 25);
  for (guint i = 1; i < b.kept->len; i++) {
    guint j = a.kept->len - b.kept->len + i;

    g_assert_cmpint (g_array_index (a.starts, gint64, j), ==,
        g_array_index (b.starts, gint64, i));
    g_assert_true (g_bytes_equal (g_ptr_array_index (a.kept, j),
            g_ptr_array_index (b.kept, i)));
  }
  g_assert_cmpint (a.reader.worst_error, <=, SECOND / 2);
  assert_clean (&a);
  assert_clean (&b);
  test_end (&a);
  test_end (&b);
}

/* Pages that are resident, in KiB. */
static guint64
resident (void)
{
  g_autofree char *text = NULL;
  guint64 pages = 0;

  if (g_file_get_contents ("/proc/self/statm", &text, NULL, NULL)) {
    const char *space = strchr (text, ' ');

    if (space != NULL)
      pages = g_ascii_strtoull (space, NULL, 10);
  }
  return pages * 4;
}

/* 24 hours at full speed: the grid stays exact, and the memory flat. */
static void
test_day (void)
{
  Test t;
  Feed f = { 0 };
  guint64 first = 0;

  test_begin (&t, SECOND, FALSE, 44100, 1152);
  f.picture_ns = 40 * MS;
  set_video (&t);
  set_audio (&t);
  for (guint hour = 1; hour <= 24; hour++) {
    feed (&t, &f, TRUE, TRUE, hour * 3600 * SECOND);
    if (hour == 1)
      first = resident ();
  }
  /* an AddressSanitizer build keeps what was freed; else a MiB is allowed */
#if !defined(__SANITIZE_ADDRESS__)
  g_assert_cmpuint (resident (), <, first + 1024);
#endif
  g_test_message ("resident: %" G_GUINT64_FORMAT " KiB after an hour, %"
      G_GUINT64_FORMAT " KiB after a day", first, resident ());
  lockstep_segmenter_finish (t.s);
  g_assert_cmpuint (t.reader.segments, ==, 86400);
  g_assert_cmpint (t.reader.worst_error, <=, 1152 * SECOND / 44100 / 2 + 1);
  g_assert_cmpint (t.reader.start, ==, 86399 * SECOND);
  g_assert_cmpuint (t.reader.discontinuities, ==, 0);
  g_assert_cmpuint (t.reader.audio_frames, ==, f.frames);
  assert_clean (&t);
  test_end (&t);
}

/* Anything at all comes in: nothing breaks, and the memory is bounded. */
static void
test_garbage (void)
{
  g_autoptr (GRand) rnd = g_rand_new_with_seed (4711);

  for (guint round = 0; round < 200; round++) {
    Test t;
    gint64 v = 0, a = 0;

    test_begin (&t, g_rand_int_range (rnd, 100, 3000) * MS,
        g_rand_boolean (rnd), 48000, 1152);
    if (g_rand_int_range (rnd, 0, 4) > 0)
      set_video (&t);
    else
      lockstep_segmenter_add_track (t.s, LOCKSTEP_TRACK_VIDEO);
    set_audio (&t);
    for (guint i = 0; i < 3000; i++) {
      int what = g_rand_int_range (rnd, 0, 1000);
      LockstepTrackKind kind = g_rand_boolean (rnd);
      gint64 *at = kind == LOCKSTEP_TRACK_VIDEO ? &v : &a;
      GstBuffer *buffer;

      if (what == 0)
        *at += (gint64) (g_rand_double_range (rnd, -1, 1) * 100 * SECOND);
      else if (what == 1)
        lockstep_segmenter_discont (t.s, kind);
      else if (what == 2)
        lockstep_segmenter_eos (t.s, kind);
      else if (what == 3)
        lockstep_segmenter_give_up_on (t.s, kind);
      else if (what == 4)
        lockstep_segmenter_gap (t.s, kind, *at + g_rand_int (rnd));
      else if (what == 5)
        *at = G_MAXINT64 / 4;
      else if (what == 6)
        *at = -G_MAXINT64 / 4;
      else
        *at += kind == LOCKSTEP_TRACK_VIDEO ? SECOND / 30 : 24 * MS;
      if (kind == LOCKSTEP_TRACK_VIDEO)
        buffer = picture (what % 30 == 0, g_rand_int_range (rnd, 0, 500));
      else
        buffer = audio_frame (&t, i);
      if (what > 950) {
        GstMapInfo map;

        gst_buffer_map (buffer, &map, GST_MAP_WRITE);
        for (guint j = 0; j < 8; j++)
          map.data[g_rand_int_range (rnd, 0, MIN (map.size, 60))] =
              g_rand_int (rnd);
        gst_buffer_unmap (buffer, &map);
      }
      if (what > 990)
        gst_buffer_resize (buffer, 0, g_rand_int_range (rnd, 0, 30));
      lockstep_segmenter_push (t.s, kind, buffer, what == 7 ?
          LOCKSTEP_NO_TIME : *at, what == 8 ? *at - g_rand_int (rnd)
          : LOCKSTEP_NO_TIME, what == 9 ? 9 * SECOND : 0, 0);
      /* as the element does */
      if (lockstep_segmenter_ahead (t.s, kind) > 3 * SECOND)
        lockstep_segmenter_give_up_on (t.s, !kind);
    }
    lockstep_segmenter_finish (t.s);
    g_assert_cmpuint (t.reader.cc_errors, ==, 0);
    test_end (&t);
  }
}

int
main (int argc, char **argv)
{
  gst_init (&argc, &argv);
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/segmenter/pictures-off-grid", test_pictures_off_grid);
  g_test_add_func ("/segmenter/split-picture", test_split_picture);
  g_test_add_func ("/segmenter/grid/mp3-48", test_grid_mp3_48);
  g_test_add_func ("/segmenter/grid/others", test_grid_others);
  g_test_add_func ("/segmenter/audio-alone", test_audio_alone);
  g_test_add_func ("/segmenter/video-alone", test_video_alone);
  g_test_add_func ("/segmenter/silent-track", test_silent_track);
  g_test_add_func ("/segmenter/hole", test_hole);
  g_test_add_func ("/segmenter/audio-pause", test_audio_pause);
  g_test_add_func ("/segmenter/jump-back", test_jump_back);
  g_test_add_func ("/segmenter/late-audio", test_late_audio);
  g_test_add_func ("/segmenter/late-video", test_late_video);
  g_test_add_func ("/segmenter/format-change", test_format_change);
  g_test_add_func ("/segmenter/epoch-change", test_epoch_change);
  g_test_add_func ("/segmenter/audio-change", test_audio_change);
  g_test_add_func ("/segmenter/wrap", test_wrap);
  g_test_add_func ("/segmenter/epoch", test_epoch);
  g_test_add_func ("/segmenter/day", test_day);
  g_test_add_func ("/segmenter/garbage", test_garbage);
  return g_test_run ();
}
