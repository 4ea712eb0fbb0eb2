/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Reads an MPEG-TS segment for the validator: tables, counters, times, and the
 * first picture. Written against ISO/IEC 13818-1, not against the writer. */
#include <gst/lockstep/hlscheck-media.h>

#include <string.h>

typedef struct
{
  LockstepCheckMedia *ts;
  guint pmt_pid;
  GByteArray *pes[LOCKSTEP_CHECK_PIDS];
} Reader;

static LockstepCheckStream *
find (LockstepCheckMedia * ts, guint pid, guint * index)
{
  for (guint i = 0; i < ts->n_streams; i++) {
    if (ts->streams[i].pid == pid) {
      *index = i;
      return &ts->streams[i];
    }
  }
  return NULL;
}

static void
read_pat (Reader * r, const guint8 * s, gsize n)
{
  guint length;

  if (n < 12 || s[0] != 0)
    return;
  length = (s[1] & 15) << 8 | s[2];
  r->ts->programs = 0;
  for (gsize i = 8; i + 4 <= MIN (n, (gsize) length + 3 - 4); i += 4) {
    if ((s[i] << 8 | s[i + 1]) == 0)
      continue;
    r->ts->programs++;
    r->pmt_pid = (s[i + 2] & 31) << 8 | s[i + 3];
  }
}

static void
read_pmt (Reader * r, const guint8 * s, gsize n)
{
  gsize end, i;
  guint index;

  if (n < 16 || s[0] != 2)
    return;
  end = MIN (n, (gsize) ((s[1] & 15) << 8 | s[2]) + 3 - 4);
  r->ts->have_pmt = TRUE;
  i = 12 + ((s[10] & 15) << 8 | s[11]);
  while (i + 5 <= end) {
    guint pid = (s[i + 1] & 31) << 8 | s[i + 2];
    LockstepCheckStream *stream = find (r->ts, pid, &index);

    if (stream == NULL && r->ts->n_streams < LOCKSTEP_CHECK_PIDS) {
      index = r->ts->n_streams++;
      stream = &r->ts->streams[index];
      memset (stream, 0, sizeof *stream);
      stream->pid = pid;
      stream->first_counter = stream->last_counter = -1;
      stream->first_pts = stream->last_pts = stream->first_dts =
          stream->last_dts = stream->end = -1;
      r->pes[index] = g_byte_array_new ();
    }
    if (stream != NULL) {
      stream->type = s[i];
      stream->video = s[i] == 0x1b || s[i] == 0x24 || s[i] == 0x02;
      stream->audio = s[i] == 0x0f || s[i] == 0x03 || s[i] == 0x04;
    }
    i += 5 + ((s[i + 3] & 15) << 8 | s[i + 4]);
  }
}

static gint64
read_time (const guint8 * p)
{
  return (gint64) (p[0] >> 1 & 7) << 30 | (gint64) p[1] << 22
      | (gint64) (p[2] >> 1) << 15 | (gint64) p[3] << 7 | p[4] >> 1;
}

/* The first slice of an H.264 stream, with parameter sets before it. */
static void
look_at_picture (LockstepCheckStream * stream, const guint8 * p, gsize n)
{
  gboolean sps = FALSE, pps = FALSE;

  for (gsize i = 0; i + 4 < n; i++) {
    guint type;

    if (p[i] != 0 || p[i + 1] != 0 || p[i + 2] != 1)
      continue;
    type = p[i + 3] & 31;
    if (type == 7)
      sps = TRUE;
    else if (type == 8)
      pps = TRUE;
    else if (type == 5 || type == 1) {
      stream->slice_seen = TRUE;
      stream->idr_first = type == 5 && sps && pps;
      return;
    }
    i += 3;
  }
}

gsize
lockstep_check_audio_frame (guint8 type, const guint8 * p, gsize n,
    guint * samples, guint * rate)
{
  static const guint adts[16] = { 96000, 88200, 64000, 48000, 44100, 32000,
    24000, 22050, 16000, 12000, 11025, 8000, 7350
  };
  static const guint base[4] = { 44100, 48000, 32000, 0 };
  static const guint16 v1[15] = { 0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160,
    192, 224, 256, 320
  };
  static const guint16 v2[15] = { 0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112,
    128, 144, 160
  };

  if (type == 0x0f) {
    if (n < 7 || p[0] != 0xff || (p[1] & 0xf0) != 0xf0)
      return 0;
    *rate = adts[p[2] >> 2 & 15];
    *samples = 1024 * (1 + (p[6] & 3));
    return *rate == 0 ? 0 : (gsize) ((p[3] & 3) << 11 | p[4] << 3 | p[5] >> 5);
  }
  if (n < 4 || p[0] != 0xff || (p[1] & 0xe6) != 0xe2)
    return 0;                   /* layer 3 only: what players take */
  if ((p[1] >> 3 & 3) == 1 || (p[2] >> 4) == 15)
    return 0;
  *rate = base[p[2] >> 2 & 3];
  if ((p[1] >> 3 & 3) == 3) {
    *samples = 1152;
    return *rate == 0 ? 0 : 144000u * v1[p[2] >> 4] / *rate + (p[2] >> 1 & 1);
  }
  *rate >>= (p[1] >> 3 & 3) == 2 ? 1 : 2;
  *samples = 576;
  return *rate == 0 ? 0 : 72000u * v2[p[2] >> 4] / *rate + (p[2] >> 1 & 1);
}

static void
end_pes (Reader * r, guint index)
{
  LockstepCheckStream *stream = &r->ts->streams[index];
  const guint8 *p = r->pes[index]->data;
  gsize n = r->pes[index]->len, header;
  gint64 pts, dts;

  if (n < 14 || p[0] != 0 || p[1] != 0 || p[2] != 1 || !(p[7] & 0x80))
    return;
  header = 9 + p[8];
  if (header > n || p[8] < 5)
    return;
  pts = dts = read_time (p + 9);
  if ((p[7] & 0x40) && p[8] >= 10)
    dts = read_time (p + 14);
  stream->units++;
  if (stream->video) {
    if (!stream->slice_seen && stream->type == 0x1b)
      look_at_picture (stream, p + header, n - header);
    if (stream->last_dts >= 0) {
      gint64 d = (dts - stream->last_dts) & 0x1ffffffff;

      if (d > 0 && d < 90000 && (stream->frame == 0 || d < stream->frame))
        stream->frame = d;
    }
  } else {
    gint64 ticks = 0, samples_in = 0;
    guint samples = 0, rate = 0;
    gsize at = header, size;

    if (stream->end >= 0) {
      gint64 step = (pts - stream->end + 90000) & 0x1ffffffff;

      if (step < 90000 - 180 || step > 90000 + 180)
        stream->steps++;
    }
    while (at < n
        && (size =
            lockstep_check_audio_frame (stream->type, p + at, n - at, &samples,
                &rate)) > 0) {
      samples_in += samples;
      at += size;
    }
    if (rate > 0) {
      ticks = (samples_in * 90000 + rate / 2) / rate;
      stream->frame = (gint64) samples *90000 / rate;
    }
    stream->end = pts + ticks;
  }
  if (stream->first_pts < 0) {
    stream->first_pts = pts;
    stream->first_dts = dts;
  }
  stream->last_pts = pts;
  stream->last_dts = dts;
}

void
lockstep_check_ts_read (LockstepCheckMedia * ts, const guint8 * data,
    gsize size)
{
  Reader r = { ts, 0xffff };

  memset (ts, 0, sizeof *ts);
  ts->kind = LOCKSTEP_CHECK_TS;
  ts->pat_first_counter = ts->pat_last_counter = -1;
  ts->whole = size > 0 && size % 188 == 0;
  for (gsize i = 0; i + 188 <= size; i += 188) {
    const guint8 *p = data + i;
    guint pid = (p[1] & 31) << 8 | p[2], index;
    gsize skip = 4;
    LockstepCheckStream *stream;

    if (p[0] != 0x47) {
      ts->whole = FALSE;
      break;
    }
    if (i == 0)
      ts->pat_first = pid == 0;
    if (p[3] & 0x20)
      skip += 1 + p[4];
    if (!(p[3] & 0x10) || skip >= 188)
      continue;
    if (pid == 0 || pid == r.pmt_pid) {
      gsize section = skip;

      if (i == 188)
        ts->pmt_second = pid == r.pmt_pid;
      if (pid == 0) {
        if (ts->pat_first_counter < 0)
          ts->pat_first_counter = p[3] & 15;
        ts->pat_last_counter = p[3] & 15;
      }
      if (p[1] & 0x40)
        section += 1 + p[skip];
      if (section < 188 && pid == 0)
        read_pat (&r, p + section, 188 - section);
      else if (section < 188)
        read_pmt (&r, p + section, 188 - section);
      continue;
    }
    stream = find (ts, pid, &index);
    if (stream == NULL)
      continue;
    if (stream->first_counter < 0)
      stream->first_counter = p[3] & 15;
    else if (((stream->last_counter + 1) & 15) != (p[3] & 15))
      stream->counter_errors++;
    stream->last_counter = p[3] & 15;
    if (p[1] & 0x40) {
      end_pes (&r, index);
      g_byte_array_set_size (r.pes[index], 0);
    }
    g_byte_array_append (r.pes[index], p + skip, 188 - skip);
  }
  for (guint i = 0; i < ts->n_streams; i++) {
    end_pes (&r, i);
    g_byte_array_unref (r.pes[i]);
  }
}
