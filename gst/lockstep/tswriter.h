/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* An MPEG transport stream writer (ISO/IEC 13818-1) for HLS segments. */
#pragma once

#include <gst/lockstep/h264au.h>

G_BEGIN_DECLS

#define LOCKSTEP_TS_PACKET 188
#define LOCKSTEP_TS_PID_PMT 0x1000
#define LOCKSTEP_TS_PID_VIDEO 0x100
#define LOCKSTEP_TS_PID_AUDIO 0x101
#define LOCKSTEP_TS_TIME_MASK ((G_GUINT64_CONSTANT (1) << 33) - 1)
#define LOCKSTEP_TS_STREAM_H264 0x1b

/* Whole packets in a row. Under 64 KiB, so that malloc reuses it. */
#define LOCKSTEP_TS_CHUNK_PACKETS 348
typedef struct
{
  gsize size;                   /* bytes used */
  guint8 data[LOCKSTEP_TS_CHUNK_PACKETS * LOCKSTEP_TS_PACKET];
} LockstepTsChunk;

/* Where the last payload of a PID begins: see lockstep_ts_writer_end_segment(). */
typedef struct
{
  guint chunk;
  gsize offset;
  guint packets;                /* of the last PES packet, one after the other */
} LockstepTsPlace;

/* One stream. All times are 90 kHz ticks; only their low 33 bits are written,
 * so they may run on for ever. */
typedef struct
{
  gboolean video;
  guint8 audio_type;            /* stream_type, 0: no audio */
  guint8 pat[LOCKSTEP_TS_PACKET], pmt[LOCKSTEP_TS_PACKET];
  guint8 cc_pat, cc_pmt, cc_video, cc_audio;

  GPtrArray *chunks;            /* LockstepTsChunk, of this segment */
  guint64 bytes;                /* of this segment */
  gboolean discontinuity;       /* to be said with the next PCR */
  gboolean have_pcr;
  gint64 last_pcr;

  GByteArray *pes;              /* whole audio frames, not yet written */
  gint64 pes_pts, pes_last;     /* of its first and last frame */
  gint64 pes_end;               /* when the next frame is due */
  LockstepTsPlace last_video, last_audio;
  GArray *spans;                /* scratch */
} LockstepTsWriter;

void lockstep_ts_writer_init (LockstepTsWriter *w);
void lockstep_ts_writer_clear (LockstepTsWriter *w);

/**
 * lockstep_ts_writer_set_layout:
 * @audio_type: stream_type of the audio, 0 for none
 *
 * Says what is in the program. To be called between segments only; a change
 * makes the version of the PMT go up.
 */
void lockstep_ts_writer_set_layout (LockstepTsWriter *w, gboolean video,
    guint8 audio_type);

/**
 * lockstep_ts_writer_begin_segment:
 * @discontinuity: timestamps do not follow from those before
 * @psi_counter: the continuity counter of PAT and PMT (its low four bits), or -1
 *   to go on from the last
 *
 * Begins a segment with a PAT and a PMT. Continuity counters run on.
 */
void lockstep_ts_writer_begin_segment (LockstepTsWriter *w, gboolean discontinuity,
    int psi_counter);

/**
 * lockstep_ts_writer_video:
 * @spans: one access unit, in Annex B form and with its delimiter
 */
void lockstep_ts_writer_video (LockstepTsWriter *w, gint64 pts, gint64 dts,
    gboolean idr, const LockstepSpan *spans, guint n_spans);

/**
 * lockstep_ts_writer_audio:
 * @spans: one whole frame
 *
 * Frames are gathered into PES packets that fill their TS packets well.
 */
void lockstep_ts_writer_audio (LockstepTsWriter *w, gint64 pts,
    const LockstepSpan *spans, guint n_spans);

/**
 * lockstep_ts_writer_end_segment:
 * @align: bring the continuity counters of both tracks to 0, at the cost of up to
 *   15 packets a track. Needed where another writer that began at another time
 *   must write the same bytes from here on
 *
 * Returns: (transfer full) (element-type LockstepTsChunk): the segment
 */
GPtrArray *lockstep_ts_writer_end_segment (LockstepTsWriter *w, gboolean align);

/* CRC_32 of ISO/IEC 13818-1, annex A. */
guint32 lockstep_ts_crc32 (const guint8 *data, gsize size);

G_END_DECLS
