/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Feeds a segmenter, and reads the bytes that come out. The reader of transport streams
 * here shares nothing with the writer. */
#include "segmenter-feed.h"

#include <string.h>

const guint8 sps[SPS_SIZE] = { 0, 0, 0, 1, 0x67, 0x42, 0xc0, 0x1e, 0xd9 };
const guint8 pps[PPS_SIZE] = { 0, 0, 0, 1, 0x68, 0xce, 0x3c, 0x80 };

/* {{{ reading */

static void
take_pes (Test * t, gboolean video, const guint8 * pes, gsize size,
    gboolean * first_video, gint64 first[2], gint64 pcr)
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
  if (first[video] == -1)
    first[video] = pts;
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
      if (r->joined && r->in_segment > 1) {
        gint64 overlap = ((r->last_dts - r->before_dts) & 0x1ffffffff)
            - ((dts - r->last_dts) & 0x1ffffffff);

        r->worst_overlap = MAX (r->worst_overlap, overlap);
        r->worst_hole = MAX (r->worst_hole, -overlap);
      }
      r->in_segment = 0;
    }
    r->in_segment++;
    r->before_dts = r->last_dts;
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

/* EXTINF counts from start to start: there the pictures or the sound must begin. */
static gboolean
begins_at (const Test * t, const gint64 first[2], gint64 start)
{
  gint64 ticks = gst_util_uint64_scale_round (start, 9, 100000)
      + (t->epoch ? 0 : 900000);

  for (guint i = 0; i < 2; i++)
    if (first[i] != -1 && ((first[i] - ticks + 1) & 0x1ffffffff) <= 2)
      return TRUE;
  return FALSE;
}

static void
read_segment (Test * t, const guint8 * data, gsize size, gint64 start)
{
  Reader *r = &t->reader;
  GByteArray *pes[2] = { g_byte_array_new (), g_byte_array_new () };
  gint64 pes_pcr[2] = { -1, -1 }, first[2] = { -1, -1 };
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
        take_pes (t, video, out->data, out->len, &first_video, first,
            pes_pcr[video]);
      pes_pcr[video] = pcr;
      g_byte_array_set_size (out, 0);
    }
    g_byte_array_append (out, p + skip, 188 - skip);
  }
  for (guint v = 0; v < 2; v++) {
    if (pes[v]->len > 0)
      take_pes (t, v, pes[v]->data, pes[v]->len, &first_video, first,
          pes_pcr[v]);
    g_byte_array_unref (pes[v]);
  }
  if (first_video)
    r->no_video++;
  if (!begins_at (t, first, start))
    r->off_start++;
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
  read_segment (t, all->data, all->len, segment->start);
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

void
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
  t->epoch = epoch;
  t->asked = g_array_new (FALSE, FALSE, sizeof (gint64));
  t->s = lockstep_segmenter_new (&config, &callbacks, t);
}

void
test_end (Test * t)
{
  lockstep_segmenter_free (t->s);
  g_array_unref (t->asked);
  g_clear_pointer (&t->kept, g_ptr_array_unref);
  g_clear_pointer (&t->starts, g_array_unref);
}

GstBuffer *
picture_with (gboolean key, gsize size, const guint8 * sps_bytes)
{
  GstBuffer *buffer = gst_buffer_new_allocate (NULL, size + 40, NULL);
  GstMapInfo map;
  gsize n = 0;

  gst_buffer_map (buffer, &map, GST_MAP_WRITE);
  if (key) {
    memcpy (map.data, sps_bytes, SPS_SIZE);
    memcpy (map.data + SPS_SIZE, pps, sizeof pps);
    n = SPS_SIZE + sizeof pps;
  }
  memcpy (map.data + n, "\0\0\0\1", 4);
  map.data[n + 4] = key ? 0x65 : 0x41;
  for (gsize i = n + 5; i < map.size; i++)
    map.data[i] = 0x80 | i;
  gst_buffer_unmap (buffer, &map);
  return buffer;
}

GstBuffer *
picture (gboolean key, gsize size)
{
  return picture_with (key, size, sps);
}

/* A frame of @bytes: MP3 of 128 kbit/s at 48, 44.1 or 32 kHz, or raw AAC */
GstBuffer *
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

void
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

void
set_video (Test * t)
{
  lockstep_segmenter_add_track (t->s, LOCKSTEP_TRACK_VIDEO);
  g_assert_true (lockstep_segmenter_set_video (t->s, NULL, 0));
}

gboolean
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

/* Side by side, as a live encoder does it, up to @until by its own count. */
void
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

void
assert_clean (Test * t)
{
  g_assert_cmpuint (t->reader.cc_errors, ==, 0);
  g_assert_cmpuint (t->reader.structure, ==, 0);
  g_assert_cmpuint (t->reader.audio_steps, ==, 0);
  g_assert_cmpuint (t->reader.pcr_late, ==, 0);
  g_assert_cmpuint (t->reader.no_idr, ==, 0);
  g_assert_cmpuint (t->reader.off_start, ==, 0);
}
