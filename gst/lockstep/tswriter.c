/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* An MPEG transport stream writer for HLS segments: PSI, PES, PCR.
 *
 * Each payload byte is copied once, into the packets. Audio is copied twice:
 * its frames share PES packets, as one frame in each wastes up to half of the
 * bytes. */
#include <gst/lockstep/tswriter.h>

#include <string.h>

/* How far the clock reference runs behind the decoding times, in ticks. More
 * than the longest time that audio waits for its PES packet to fill, so that
 * nothing arrives after its time. */
#define PCR_DELAY 45000
/* ISO/IEC 13818-1, 2.7.2: at least every 100 ms. */
#define PCR_INTERVAL 7200
#define MAX_PCR_FILL 16

/* An audio PES packet is closed when it is this long in bytes and leaves little
 * of its last TS packet empty, or when one of the limits is reached. 3584 is
 * the main buffer of the audio decoder in the T-STD (2.4.2.4). */
#define PES_BYTES_GOOD 1900
#define PES_WASTE_GOOD 48
#define PES_BYTES_MAX 3500
#define PES_TICKS_MAX 27000

#define PES_HEADER_PTS 14
#define PES_HEADER_PTS_DTS 19
#define STREAM_ID_AUDIO 0xc0
#define STREAM_ID_VIDEO 0xe0

guint32
lockstep_ts_crc32 (const guint8 * data, gsize size)
{
  guint32 crc = 0xffffffff;

  for (gsize i = 0; i < size; i++) {
    crc ^= (guint32) data[i] << 24;
    for (guint bit = 0; bit < 8; bit++)
      crc = crc & 0x80000000 ? crc << 1 ^ 0x04c11db7 : crc << 1;
  }
  return crc;
}

void
lockstep_ts_writer_init (LockstepTsWriter * w)
{
  memset (w, 0, sizeof *w);
  w->pes = g_byte_array_new ();
  w->spans = g_array_new (FALSE, FALSE, sizeof (LockstepSpan));
  w->chunks = g_ptr_array_new_with_free_func (g_free);
}

void
lockstep_ts_writer_clear (LockstepTsWriter * w)
{
  g_clear_pointer (&w->pes, g_byte_array_unref);
  g_clear_pointer (&w->spans, g_array_unref);
  g_clear_pointer (&w->chunks, g_ptr_array_unref);
}

static guint8 *
next_packet (LockstepTsWriter * w)
{
  LockstepTsChunk *chunk = NULL;
  guint8 *packet;

  if (w->chunks->len > 0)
    chunk = g_ptr_array_index (w->chunks, w->chunks->len - 1);
  if (chunk == NULL || chunk->size == sizeof chunk->data) {
    chunk = g_malloc (sizeof *chunk);
    chunk->size = 0;
    g_ptr_array_add (w->chunks, chunk);
  }
  packet = chunk->data + chunk->size;
  chunk->size += LOCKSTEP_TS_PACKET;
  w->bytes += LOCKSTEP_TS_PACKET;
  return packet;
}

/* Puts a section into the one packet that it has. */
static void
pack_section (guint8 * packet, guint pid, const guint8 * section, gsize size)
{
  guint32 crc = lockstep_ts_crc32 (section, size);

  memset (packet, 0xff, LOCKSTEP_TS_PACKET);
  packet[0] = 0x47;
  packet[1] = 0x40 | pid >> 8;
  packet[2] = pid;
  packet[3] = 0x10;
  packet[4] = 0;                /* pointer_field */
  memcpy (packet + 5, section, size);
  packet[5 + size] = crc >> 24;
  packet[6 + size] = crc >> 16;
  packet[7 + size] = crc >> 8;
  packet[8 + size] = crc;
}

void
lockstep_ts_writer_set_layout (LockstepTsWriter * w, gboolean video,
    guint8 audio_type)
{
  static const guint8 pat[] = {
    0x00, 0xb0, 0x0d, 0x00, 0x01, 0xc1, 0x00, 0x00,
    0x00, 0x01, 0xe0 | LOCKSTEP_TS_PID_PMT >> 8, LOCKSTEP_TS_PID_PMT & 0xff,
  };
  guint8 pmt[64];
  guint pcr_pid = video ? LOCKSTEP_TS_PID_VIDEO : LOCKSTEP_TS_PID_AUDIO;
  guint version = 0;
  gsize n = 0;

  if (w->pat[0] != 0) {
    if (w->video == video && w->audio_type == audio_type)
      return;
    version = ((w->pmt[10] >> 1 & 31) + 1) & 31;
  }
  w->video = video;
  w->audio_type = audio_type;

  pmt[n++] = 0x02;
  pmt[n++] = 0xb0;
  pmt[n++] = 0;                 /* section_length, below */
  pmt[n++] = 0x00;
  pmt[n++] = 0x01;              /* program 1 */
  pmt[n++] = 0xc1 | version << 1;
  pmt[n++] = 0;
  pmt[n++] = 0;
  pmt[n++] = 0xe0 | pcr_pid >> 8;
  pmt[n++] = pcr_pid & 0xff;
  pmt[n++] = 0xf0;
  pmt[n++] = 0;                 /* no program descriptors */
  if (video) {
    pmt[n++] = LOCKSTEP_TS_STREAM_H264;
    pmt[n++] = 0xe0 | LOCKSTEP_TS_PID_VIDEO >> 8;
    pmt[n++] = LOCKSTEP_TS_PID_VIDEO & 0xff;
    pmt[n++] = 0xf0;
    pmt[n++] = 0;
  }
  if (audio_type != 0) {
    pmt[n++] = audio_type;
    pmt[n++] = 0xe0 | LOCKSTEP_TS_PID_AUDIO >> 8;
    pmt[n++] = LOCKSTEP_TS_PID_AUDIO & 0xff;
    pmt[n++] = 0xf0;
    pmt[n++] = 0;
  }
  pmt[2] = n - 3 + 4;
  pack_section (w->pat, 0, pat, sizeof pat);
  pack_section (w->pmt, LOCKSTEP_TS_PID_PMT, pmt, n);
}

void
lockstep_ts_writer_begin_segment (LockstepTsWriter * w, gboolean discontinuity,
    int psi_counter)
{
  guint8 *packet;

  if (psi_counter >= 0)
    w->cc_pat = w->cc_pmt = psi_counter & 15;

  w->discontinuity = discontinuity;
  if (discontinuity)
    w->have_pcr = FALSE;
  memset (&w->last_video, 0, sizeof w->last_video);
  memset (&w->last_audio, 0, sizeof w->last_audio);

  packet = next_packet (w);
  memcpy (packet, w->pat, LOCKSTEP_TS_PACKET);
  packet[3] = 0x10 | w->cc_pat;
  w->cc_pat = (w->cc_pat + 1) & 15;
  packet = next_packet (w);
  memcpy (packet, w->pmt, LOCKSTEP_TS_PACKET);
  packet[3] = 0x10 | w->cc_pmt;
  w->cc_pmt = (w->cc_pmt + 1) & 15;
}

static void
put_pcr (guint8 * at, gint64 pcr)
{
  guint64 base = (guint64) pcr & LOCKSTEP_TS_TIME_MASK;

  at[0] = base >> 25;
  at[1] = base >> 17;
  at[2] = base >> 9;
  at[3] = base >> 1;
  at[4] = (base & 1) << 7 | 0x7e;
  at[5] = 0;                    /* the 27 MHz part */
}

static void
put_time (guint8 * at, guint prefix, gint64 time)
{
  guint64 t = (guint64) time & LOCKSTEP_TS_TIME_MASK;

  at[0] = prefix << 4 | (t >> 30) << 1 | 1;
  at[1] = t >> 22;
  at[2] = (t >> 15 & 0x7f) << 1 | 1;
  at[3] = t >> 7;
  at[4] = (t & 0x7f) << 1 | 1;
}

/* A packet with a clock reference and nothing else; it does not count. */
static void
write_pcr_packet (LockstepTsWriter * w, gint64 pcr)
{
  guint pid = w->video ? LOCKSTEP_TS_PID_VIDEO : LOCKSTEP_TS_PID_AUDIO;
  guint cc = w->video ? w->cc_video : w->cc_audio;
  guint8 *packet = next_packet (w);

  memset (packet, 0xff, LOCKSTEP_TS_PACKET);
  packet[0] = 0x47;
  packet[1] = pid >> 8;
  packet[2] = pid;
  packet[3] = 0x20 | ((cc - 1) & 15);
  packet[4] = LOCKSTEP_TS_PACKET - 5;
  packet[5] = 0x10 | (w->discontinuity ? 0x80 : 0);
  put_pcr (packet + 6, pcr);
  w->discontinuity = FALSE;
  w->last_pcr = pcr;
  w->have_pcr = TRUE;
}

/* Splits a PES packet into TS packets. @pcr_step: 0, or ticks by which a clock
 * reference is put in again as the packets go by, the last one before @pcr_end. */
static void
write_pes (LockstepTsWriter * w, guint pid, guint8 * cc, gboolean random_access,
    gboolean with_pcr, gint64 pcr, gint64 pcr_end, const LockstepSpan * spans,
    guint n_spans, LockstepTsPlace * place)
{
  gsize total = 0, offset = 0;
  guint span = 0, packets = 0, pcr_every = G_MAXUINT;
  gint64 pcr_step = 0;

  for (guint i = 0; i < n_spans; i++)
    total += spans[i].size;
  if (with_pcr && pcr_end > pcr + PCR_INTERVAL) {
    guint steps = (pcr_end - pcr) / PCR_INTERVAL + 1;

    pcr_every = MAX (1, total / 184 / steps);
    pcr_step = (pcr_end - pcr) * pcr_every * 184 / total;
  }

  for (gboolean first = TRUE; total > 0; first = FALSE, packets++) {
    guint8 *packet = next_packet (w), *at;
    gboolean pcr_here = with_pcr && (first || (pcr_step > 0
            && packets % pcr_every == 0 && pcr + pcr_step < pcr_end));
    gsize adaptation = 0, payload;

    if (first) {
      place->chunk = w->chunks->len - 1;
      place->offset =
          packet - ((LockstepTsChunk *) g_ptr_array_index (w->chunks,
              place->chunk))->data;
    } else if (pcr_here) {
      pcr += pcr_step;
    }
    if (pcr_here)
      adaptation = 8;
    else if (first && random_access)
      adaptation = 2;
    payload = LOCKSTEP_TS_PACKET - 4 - adaptation;
    if (total < payload) {
      adaptation += payload - total;
      payload = total;
    }
    packet[0] = 0x47;
    packet[1] = (first ? 0x40 : 0) | pid >> 8;
    packet[2] = pid;
    packet[3] = (adaptation > 0 ? 0x30 : 0x10) | *cc;
    *cc = (*cc + 1) & 15;
    at = packet + 4;
    if (adaptation > 0) {
      at[0] = adaptation - 1;
      if (adaptation > 1) {
        gsize used = 2;

        at[1] = (first && random_access ? 0x40 : 0);
        if (pcr_here) {
          at[1] |= 0x10 | (w->discontinuity ? 0x80 : 0);
          w->discontinuity = FALSE;
          put_pcr (at + 2, pcr);
          w->last_pcr = pcr;
          w->have_pcr = TRUE;
          used = 8;
        }
        memset (at + used, 0xff, adaptation - used);
      }
      at += adaptation;
    }
    total -= payload;
    while (payload > 0) {
      gsize n = MIN (payload, spans[span].size - offset);

      memcpy (at, spans[span].data + offset, n);
      at += n;
      payload -= n;
      offset += n;
      if (offset == spans[span].size) {
        offset = 0;
        span++;
      }
    }
  }
  place->packets = packets;
}

static void
flush_audio (LockstepTsWriter * w)
{
  guint8 header[PES_HEADER_PTS] = { 0, 0, 1, STREAM_ID_AUDIO };
  LockstepSpan spans[2] = { {header, sizeof header}
  };
  gsize length;

  if (w->pes->len == 0)
    return;
  length = w->pes->len + sizeof header - 6;
  header[4] = length >> 8;
  header[5] = length;
  header[6] = 0x84;             /* data_alignment: a frame begins here */
  header[7] = 0x80;
  header[8] = 5;
  put_time (header + 9, 2, w->pes_pts);
  spans[1].data = w->pes->data;
  spans[1].size = w->pes->len;
  write_pes (w, LOCKSTEP_TS_PID_AUDIO, &w->cc_audio, TRUE, !w->video,
      w->pes_pts - PCR_DELAY, w->pes_end - PCR_DELAY, spans, 2, &w->last_audio);
  g_byte_array_set_size (w->pes, 0);
}

void
lockstep_ts_writer_audio (LockstepTsWriter * w, gint64 pts,
    const LockstepSpan * spans, guint n_spans)
{
  gsize size = 0, packed, waste;

  for (guint i = 0; i < n_spans; i++)
    size += spans[i].size;
  if (w->pes->len > 0 && (w->pes->len + size > PES_BYTES_MAX
          || pts - w->pes_pts > PES_TICKS_MAX || pts < w->pes_last))
    flush_audio (w);
  if (w->pes->len == 0)
    w->pes_pts = pts;
  /* PES_packet_length has 16 bits; no audio frame comes near */
  if (size == 0 || size > G_MAXUINT16 - PES_HEADER_PTS)
    return;
  w->pes_end = pts + (w->pes->len > 0 ? pts - w->pes_last : 0);
  w->pes_last = pts;
  for (guint i = 0; i < n_spans; i++)
    g_byte_array_append (w->pes, spans[i].data, spans[i].size);

  /* Where pictures are far apart, the audio keeps the clock going */
  for (guint i = 0; w->video && w->have_pcr && i < MAX_PCR_FILL
      && pts - PCR_DELAY - w->last_pcr > PCR_INTERVAL + PCR_INTERVAL / 4; i++)
    write_pcr_packet (w, w->last_pcr + PCR_INTERVAL);

  /* Flags and clock references take their part of the packets */
  packed = w->pes->len + PES_HEADER_PTS + (w->video ? 2 : 8 +
      8 * ((w->pes_end - w->pes_pts) / PCR_INTERVAL));
  waste = (LOCKSTEP_TS_PACKET - 4 - packed % (LOCKSTEP_TS_PACKET - 4))
      % (LOCKSTEP_TS_PACKET - 4);
  if (w->pes->len >= PES_BYTES_GOOD && waste <= PES_WASTE_GOOD)
    flush_audio (w);
}

void
lockstep_ts_writer_video (LockstepTsWriter * w, gint64 pts, gint64 dts,
    gboolean idr, const LockstepSpan * spans, guint n_spans)
{
  guint8 header[PES_HEADER_PTS_DTS] = { 0, 0, 1, STREAM_ID_VIDEO };
  LockstepSpan pes = { header, PES_HEADER_PTS };
  gint64 pcr = dts - PCR_DELAY;

  if (w->pes->len > 0 && dts - w->pes_pts > PES_TICKS_MAX)
    flush_audio (w);
  /* An audio packet that was sent ahead may have moved the clock on */
  if (w->have_pcr) {
    for (guint i = 0; i < MAX_PCR_FILL
        && pcr - w->last_pcr > PCR_INTERVAL + PCR_INTERVAL / 4; i++)
      write_pcr_packet (w, w->last_pcr + PCR_INTERVAL);
    pcr = MAX (pcr, w->last_pcr);
  }

  /* PES_packet_length 0: unbounded, which is for video only */
  header[6] = 0x84;
  header[7] = 0x80;
  header[8] = 5;
  put_time (header + 9, 2, pts);
  if (pts != dts) {
    header[7] = 0xc0;
    header[8] = 10;
    put_time (header + 9, 3, pts);
    put_time (header + 14, 1, dts);
    pes.size = PES_HEADER_PTS_DTS;
  }
  g_array_set_size (w->spans, 0);
  g_array_append_val (w->spans, pes);
  g_array_append_vals (w->spans, spans, n_spans);
  write_pes (w, LOCKSTEP_TS_PID_VIDEO, &w->cc_video, idr, TRUE, pcr, pcr,
      (const LockstepSpan *) (void *) w->spans->data, w->spans->len,
      &w->last_video);
}

/* Makes @extra more packets of the last PES packet of a PID, by filling some of
 * them with one payload byte each, so that the counter ends where it should. */
static void
spread_last (LockstepTsWriter * w, LockstepTsPlace * place,
    LockstepTsPlace * other, guint8 * cc, guint extra)
{
  g_autoptr (GByteArray) tail = g_byte_array_new ();
  LockstepTsChunk *chunk;
  guint pid, left, have = 0;

  if (extra == 0 || place->packets == 0)
    return;
  /* Take off all from the PES packet's second packet on, or from its first
   * where it has one only */
  chunk = g_ptr_array_index (w->chunks, place->chunk);
  pid = (chunk->data[place->offset + 1] & 0x1f) << 8
      | chunk->data[place->offset + 2];
  for (guint i = place->chunk; i < w->chunks->len; i++) {
    gsize from = i == place->chunk ? place->offset : 0;

    chunk = g_ptr_array_index (w->chunks, i);
    g_byte_array_append (tail, chunk->data + from, chunk->size - from);
  }
  left = tail->len / LOCKSTEP_TS_PACKET;
  /* Packets that can be split: all but the bytes of the PES header. */
  for (guint i = 0; i < left; i++) {
    const guint8 *p = tail->data + i * LOCKSTEP_TS_PACKET;

    if ((guint) ((p[1] & 0x1f) << 8 | p[2]) == pid && (p[3] & 0x10)) {
      guint skip = p[3] & 0x20 ? 1 + p[4] : 0;
      guint payload = LOCKSTEP_TS_PACKET - 4 - skip;
      guint keep = p[1] & 0x40 ? PES_HEADER_PTS_DTS + 1 : 1;

      if (payload > keep)
        have += payload - keep;
    }
  }
  if (have < extra)
    return;

  w->bytes -= tail->len;
  chunk = g_ptr_array_index (w->chunks, place->chunk);
  chunk->size = place->offset;
  g_ptr_array_set_size (w->chunks, place->chunk + 1);
  *cc = (*cc - place->packets) & 15;
  if (other->packets > 0 && (other->chunk > place->chunk
          || (other->chunk == place->chunk && other->offset > place->offset)))
    other->packets = 0;         /* it moves: found again below */

  for (guint i = 0; i < left; i++) {
    const guint8 *p = tail->data + i * LOCKSTEP_TS_PACKET;
    guint skip = p[3] & 0x20 ? 1 + p[4] : 0;
    guint payload = LOCKSTEP_TS_PACKET - 4 - skip;
    const guint8 *bytes = p + 4 + skip;
    gboolean first = (p[1] & 0x40) != 0, part = FALSE;
    guint keep = first ? PES_HEADER_PTS_DTS + 1 : 1;
    guint8 *out;

    if ((guint) ((p[1] & 0x1f) << 8 | p[2]) != pid || !(p[3] & 0x10)) {
      out = next_packet (w);
      memcpy (out, p, LOCKSTEP_TS_PACKET);
      if ((p[1] & 0x40) && other->packets == 0) {
        other->chunk = w->chunks->len - 1;
        other->offset =
            out - ((LockstepTsChunk *) g_ptr_array_index (w->chunks,
                other->chunk))->data;
      }
      if ((guint) ((p[1] & 0x1f) << 8 | p[2]) != pid && (p[3] & 0x10))
        other->packets++;
      continue;
    }
    for (gboolean again = TRUE; again;) {
      guint n = payload, room, stuffing;

      again = FALSE;
      if (extra > 0 && payload > keep) {
        n = keep;
        extra--;
        again = TRUE;
      }
      out = next_packet (w);
      memcpy (out, p, 4 + (part ? 0 : skip));
      if (part)
        out[1] &= ~0x40;
      out[3] = 0x10 | *cc;
      *cc = (*cc + 1) & 15;
      /* The first part keeps the flags and the PCR, then stuffing */
      room = LOCKSTEP_TS_PACKET - 4 - n;
      stuffing = room;
      if (room > 0) {
        guint used = 0;

        out[3] |= 0x20;
        out[4] = room - 1;
        if (!part && skip > 1)
          used = skip;
        else if (room > 1) {
          out[5] = 0;
          used = 2;
        } else
          used = 1;
        memset (out + 4 + used, 0xff, stuffing - used);
      }
      memcpy (out + 4 + room, bytes, n);
      bytes += n;
      payload -= n;
      part = TRUE;
      keep = 1;
      if (payload == 0)
        again = FALSE;
    }
  }
}

GPtrArray *
lockstep_ts_writer_end_segment (LockstepTsWriter * w, gboolean align)
{
  GPtrArray *chunks;

  flush_audio (w);
  if (align) {
    /* Where there is too little to spread, the counter stays where it is, and a
     * later segment brings it round */
    spread_last (w, &w->last_video, &w->last_audio, &w->cc_video,
        -w->cc_video & 15);
    spread_last (w, &w->last_audio, &w->last_video, &w->cc_audio,
        -w->cc_audio & 15);
  }
  chunks = w->chunks;
  w->chunks = g_ptr_array_new_with_free_func (g_free);
  w->bytes = 0;
  return chunks;
}
