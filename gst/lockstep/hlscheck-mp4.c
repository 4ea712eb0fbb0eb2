/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Reads fragmented MP4 for the validator: initialization sections and segments
 * (ISO/IEC 14496-12; draft-pantos-hls-rfc8216bis-22, 3.1.2). */
#include <gst/lockstep/hlscheck-media.h>

#include <string.h>

typedef struct
{
  const guint8 *data;           /* after the header */
  gsize size;
  guint32 type;
  gsize total;                  /* with the header; 0: none, or broken */
} Box;

#define FOURCC(a, b, c, d) ((guint32) (a) << 24 | (b) << 16 | (c) << 8 | (d))

static guint32
u32 (const guint8 * p)
{
  return (guint32) p[0] << 24 | p[1] << 16 | p[2] << 8 | p[3];
}

static guint64
u64 (const guint8 * p)
{
  return (guint64) u32 (p) << 32 | u32 (p + 4);
}

/* The box at @p, with @n bytes left. */
static Box
next_box (const guint8 * p, gsize n)
{
  Box box = { NULL };
  gsize header = 8;
  guint64 size;

  if (n < 8)
    return box;
  size = u32 (p);
  if (size == 1) {
    if (n < 16)
      return box;
    size = u64 (p + 8);
    header = 16;
  } else if (size == 0) {
    size = n;
  }
  if (size < header || size > n)
    return box;
  box.type = u32 (p + 4);
  box.data = p + header;
  box.size = size - header;
  box.total = size;
  return box;
}

/* The first box of @type among those in @p. */
static Box
find_box (const guint8 * p, gsize n, guint32 type)
{
  Box box = next_box (p, n);

  while (box.total > 0 && box.type != type) {
    p += box.total;
    n -= box.total;
    box = next_box (p, n);
  }
  return box;
}

static Box
find_path (Box box, const guint32 * types)
{
  for (; *types != 0 && box.total > 0; types++)
    box = find_box (box.data, box.size, *types);
  return box;
}

static void
read_edit_list (LockstepCheckTrack * track, Box trak)
{
  static const guint32 path[] = { FOURCC ('e', 'd', 't', 's'),
    FOURCC ('e', 'l', 's', 't'), 0
  };
  Box elst = find_path (trak, path);
  gboolean wide;
  gsize entry, n;

  if (elst.size < 8)
    return;
  wide = elst.data[0] == 1;
  entry = wide ? 20 : 12;
  n = MIN (u32 (elst.data + 4), (elst.size - 8) / entry);
  for (gsize i = 0; i < n; i++) {
    const guint8 *p = elst.data + 8 + i * entry;
    gint64 time = wide ? (gint64) u64 (p + 8) : (gint32) u32 (p + 4);

    if (time >= 0) {
      track->shift = MIN (time, G_MAXINT32);
      return;
    }
  }
}

static void
read_codec (LockstepCheckTrack * track, Box stsd)
{
  Box entry, config;

  if (stsd.size < 8)
    return;
  entry = next_box (stsd.data + 8, stsd.size - 8);
  track->h264 = entry.type == FOURCC ('a', 'v', 'c', '1')
      || entry.type == FOURCC ('a', 'v', 'c', '3');
  if (!track->h264 || entry.size < 78)
    return;
  config = find_box (entry.data + 78, entry.size - 78,
      FOURCC ('a', 'v', 'c', 'C'));
  track->nal_length_size = config.size > 4 ? (config.data[4] & 3) + 1 : 4;
}

static void
read_trak (LockstepCheckInit * init, Box trak)
{
  static const guint32 mdhd_path[] = { FOURCC ('m', 'd', 'i', 'a'),
    FOURCC ('m', 'd', 'h', 'd'), 0
  };
  static const guint32 hdlr_path[] = { FOURCC ('m', 'd', 'i', 'a'),
    FOURCC ('h', 'd', 'l', 'r'), 0
  };
  static const guint32 stbl_path[] = { FOURCC ('m', 'd', 'i', 'a'),
    FOURCC ('m', 'i', 'n', 'f'), FOURCC ('s', 't', 'b', 'l'), 0
  };
  Box tkhd = find_box (trak.data, trak.size, FOURCC ('t', 'k', 'h', 'd'));
  Box mdhd = find_path (trak, mdhd_path), hdlr = find_path (trak, hdlr_path);
  Box stbl = find_path (trak, stbl_path), box;
  LockstepCheckTrack *track;

  if (init->n_tracks == LOCKSTEP_CHECK_PIDS)
    return;
  if (tkhd.size < 24 || mdhd.size < 24 || hdlr.size < 12 || stbl.total == 0) {
    init->fault = "a trak is not complete";
    return;
  }
  track = &init->tracks[init->n_tracks];
  track->id = u32 (tkhd.data + (tkhd.data[0] == 1 ? 20 : 12));
  track->timescale = u32 (mdhd.data + (mdhd.data[0] == 1 ? 20 : 12));
  track->video = u32 (hdlr.data + 8) == FOURCC ('v', 'i', 'd', 'e');
  track->audio = u32 (hdlr.data + 8) == FOURCC ('s', 'o', 'u', 'n');
  if (track->timescale == 0) {
    init->fault = "a track's timescale is 0";
    return;
  }
  init->n_tracks++;
  read_codec (track, find_box (stbl.data, stbl.size,
          FOURCC ('s', 't', 's', 'd')));
  read_edit_list (track, trak);
  box = find_box (stbl.data, stbl.size, FOURCC ('s', 't', 't', 's'));
  if (box.size >= 8 && u32 (box.data + 4) != 0)
    init->fault = "its sample tables are not empty";
  box = find_box (stbl.data, stbl.size, FOURCC ('s', 't', 's', 'z'));
  if (box.size >= 12 && u32 (box.data + 8) != 0)
    init->fault = "its sample tables are not empty";
}

/* Compatible with ISO base media 6 or later, which is where a segment's addresses
 * count from its moof. CMAF's brands say so too. */
static gboolean
good_brand (Box ftyp)
{
  for (gsize i = 0; i + 4 <= ftyp.size; i += i == 0 ? 8 : 4) {
    const guint8 *b = ftyp.data + i;

    if ((memcmp (b, "iso", 3) == 0 && ((b[3] >= '6' && b[3] <= '9')
                || (b[3] >= 'a' && b[3] <= 'z')))
        || memcmp (b, "cmf", 3) == 0)
      return TRUE;
  }
  return FALSE;
}

void
lockstep_check_init_read (LockstepCheckInit * init, const guint8 * data,
    gsize size)
{
  Box ftyp = next_box (data, size), moov, mvex, box;

  memset (init, 0, sizeof *init);
  if (ftyp.total == 0 || ftyp.type != FOURCC ('f', 't', 'y', 'p')) {
    init->fault = "it does not begin with ftyp";
    return;
  }
  if (!good_brand (ftyp))
    init->fault = "ftyp names no brand from iso6 on";
  moov = find_box (data + ftyp.total, size - ftyp.total,
      FOURCC ('m', 'o', 'o', 'v'));
  if (moov.total == 0) {
    init->fault = "it has no moov";
    return;
  }
  for (gsize at = 0; at < moov.size; at += box.total) {
    box = next_box (moov.data + at, moov.size - at);
    if (box.total == 0)
      break;
    if (box.type == FOURCC ('t', 'r', 'a', 'k'))
      read_trak (init, box);
  }
  mvex = find_box (moov.data, moov.size, FOURCC ('m', 'v', 'e', 'x'));
  if (mvex.total == 0) {
    init->fault = "its moov has no mvex";
    return;
  }
  for (gsize at = 0; at < mvex.size; at += box.total) {
    box = next_box (mvex.data + at, mvex.size - at);
    if (box.total == 0)
      break;
    if (box.type != FOURCC ('t', 'r', 'e', 'x') || box.size < 24)
      continue;
    for (guint i = 0; i < init->n_tracks; i++) {
      LockstepCheckTrack *track = &init->tracks[i];

      if (track->id != u32 (box.data + 4))
        continue;
      track->default_duration = u32 (box.data + 12);
      track->default_size = u32 (box.data + 16);
      track->default_flags = u32 (box.data + 20);
    }
  }
}

static gint64
to_ticks (guint64 time, guint timescale)
{
  return (gint64) ((time / timescale * 90000
          + time % timescale * 90000 / timescale) & 0x1ffffffff);
}

/* Whether the first slice in a length-prefixed access unit is of an IDR picture. */
static gboolean
is_idr (const guint8 * p, gsize n, guint length_size)
{
  while (n > length_size) {
    gsize size = 0;

    for (guint i = 0; i < length_size; i++)
      size = size << 8 | p[i];
    if (size == 0 || size > n - length_size)
      return FALSE;
    if ((p[length_size] & 31) == 5)
      return TRUE;
    if ((p[length_size] & 31) == 1)
      return FALSE;
    p += length_size + size;
    n -= length_size + size;
  }
  return FALSE;
}

/* What tfhd says, or trex. */
typedef struct
{
  guint duration, size, flags;
} Defaults;

static void
read_trun (LockstepCheckStream * stream, const LockstepCheckTrack * track,
    Box trun, const Defaults * defaults, const guint8 * moof, gsize left,
    guint64 * time)
{
  guint flags, count;
  gsize at = 8, entry;
  gint64 data_at = 0;
  guint first_flags = defaults->flags;

  if (trun.size < 8)
    return;
  flags = u32 (trun.data) & 0xffffff;
  count = u32 (trun.data + 4);
  if (flags & 1) {
    if (trun.size < at + 4)
      return;
    data_at = (gint32) u32 (trun.data + at);
    at += 4;
  }
  if (flags & 4) {
    if (trun.size < at + 4)
      return;
    first_flags = u32 (trun.data + at);
    at += 4;
  }
  entry = 4 * (!!(flags & 0x100) + !!(flags & 0x200) + !!(flags & 0x400)
      + !!(flags & 0x800));
  if (entry > 0)
    count = MIN (count, (trun.size - at) / entry);
  else
    count = MIN (count, 1000000);
  for (guint i = 0; i < count; i++, at += entry) {
    const guint8 *p = trun.data + at;
    guint duration = defaults->duration, size = defaults->size;
    guint sample_flags = i == 0 ? first_flags : defaults->flags;
    gint64 offset = 0, pts;

    if (flags & 0x100)
      duration = u32 (p), p += 4;
    if (flags & 0x200)
      size = u32 (p), p += 4;
    if (flags & 0x400)
      sample_flags = u32 (p), p += 4;
    if (flags & 0x800)
      offset = (gint32) u32 (p);
    pts = (gint64) * time + offset - track->shift;
    if (stream->units == 0) {
      stream->first_dts = to_ticks (*time, track->timescale);
      stream->first_pts = pts < 0 ? 0 : to_ticks (pts, track->timescale);
      stream->slice_seen = TRUE;
      /* sample_is_non_sync_sample */
      stream->idr_first = !(sample_flags & 0x10000);
      if (stream->idr_first && track->h264 && data_at > 0
          && (guint64) data_at + size <= left)
        stream->idr_first = is_idr (moof + data_at, size,
            track->nal_length_size);
    }
    if (duration > 0) {
      gint64 ticks = to_ticks (duration, track->timescale);

      stream->frame = stream->frame == 0 ? ticks : MIN (stream->frame, ticks);
    }
    stream->last_dts = to_ticks (*time, track->timescale);
    stream->last_pts = pts < 0 ? 0 : to_ticks (pts, track->timescale);
    stream->units++;
    *time += duration;
  }
}

static void
read_traf (LockstepCheckMedia * media, const LockstepCheckInit * init,
    Box traf, const guint8 * moof, gsize left)
{
  Box tfhd = find_box (traf.data, traf.size, FOURCC ('t', 'f', 'h', 'd'));
  Box tfdt = find_box (traf.data, traf.size, FOURCC ('t', 'f', 'd', 't'));
  const LockstepCheckTrack *track = NULL;
  LockstepCheckStream *stream = NULL;
  Defaults defaults;
  guint flags;
  gsize at = 8;
  guint64 time;
  Box box;

  if (tfhd.size < 8) {
    media->fault = "a traf has no tfhd";
    return;
  }
  flags = u32 (tfhd.data) & 0xffffff;
  for (guint i = 0; i < init->n_tracks; i++) {
    if (init->tracks[i].id == u32 (tfhd.data + 4)) {
      track = &init->tracks[i];
      stream = &media->streams[i];
    }
  }
  if (track == NULL) {
    media->fault = "a traf is of a track that EXT-X-MAP does not have";
    return;
  }
  if (flags & 1) {
    media->fault =
        "tfhd has a base data offset: addresses must count from moof";
    at += 8;
  }
  if (flags & 2)
    at += 4;
  defaults.duration = track->default_duration;
  defaults.size = track->default_size;
  defaults.flags = track->default_flags;
  if ((flags & 8) && at + 4 <= tfhd.size)
    defaults.duration = u32 (tfhd.data + at), at += 4;
  if ((flags & 16) && at + 4 <= tfhd.size)
    defaults.size = u32 (tfhd.data + at), at += 4;
  if ((flags & 32) && at + 4 <= tfhd.size)
    defaults.flags = u32 (tfhd.data + at);
  if (tfdt.size < 8 || (tfdt.data[0] == 1 && tfdt.size < 12)) {
    media->fault = "a traf has no tfdt";
    return;
  }
  time = tfdt.data[0] == 1 ? u64 (tfdt.data + 4) : u32 (tfdt.data + 4);
  time &= G_MAXINT64 / 2;
  if (stream->units == 0)
    stream->exact_start = time;
  else if (time != stream->exact_end)
    media->fault = "a fragment's tfdt is not where the one before ends";
  for (gsize i = 0; i < traf.size; i += box.total) {
    box = next_box (traf.data + i, traf.size - i);
    if (box.total == 0)
      break;
    if (box.type == FOURCC ('t', 'r', 'u', 'n'))
      read_trun (stream, track, box, &defaults, moof, left, &time);
  }
  stream->exact_end = time;
  stream->end = to_ticks (time, track->timescale);
}

void
lockstep_check_mp4_read (LockstepCheckMedia * media,
    const LockstepCheckInit * init, const guint8 * data, gsize size)
{
  gboolean fragment = FALSE, mdat = FALSE;
  Box box;

  memset (media, 0, sizeof *media);
  media->kind = LOCKSTEP_CHECK_MP4;
  media->n_streams = init->n_tracks;
  for (guint i = 0; i < init->n_tracks; i++) {
    LockstepCheckStream *stream = &media->streams[i];

    stream->pid = init->tracks[i].id;
    stream->video = init->tracks[i].video;
    stream->audio = init->tracks[i].audio;
    stream->first_counter = stream->last_counter = -1;
    stream->first_pts = stream->last_pts = stream->first_dts =
        stream->last_dts = stream->end = -1;
  }
  for (gsize at = 0; at < size; at += box.total) {
    box = next_box (data + at, size - at);
    if (box.total == 0) {
      media->fault = "a box goes past the end";
      return;
    }
    mdat |= box.type == FOURCC ('m', 'd', 'a', 't');
    if (box.type != FOURCC ('m', 'o', 'o', 'f'))
      continue;
    if (mdat && !fragment)
      media->fault = "mdat comes before moof";
    fragment = TRUE;
    for (gsize i = 0; i < box.size;) {
      Box traf = next_box (box.data + i, box.size - i);

      if (traf.total == 0)
        break;
      if (traf.type == FOURCC ('t', 'r', 'a', 'f'))
        read_traf (media, init, traf, data + at, size - at);
      i += traf.total;
    }
  }
  if (!fragment || !mdat)
    media->fault = "it has no moof with its mdat";
}
