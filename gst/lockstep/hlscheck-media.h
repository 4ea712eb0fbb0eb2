/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Reads segments for the validator: MPEG-TS, fragmented MP4, packed audio. Times are
 * 90 kHz ticks of 33 bits, whatever the container counts in. */
#pragma once

#include <gio/gio.h>

G_BEGIN_DECLS

#define LOCKSTEP_CHECK_PIDS 16

typedef enum
{
  LOCKSTEP_CHECK_TS,
  LOCKSTEP_CHECK_MP4,
  LOCKSTEP_CHECK_PACKED,        /* MP3 or ADTS frames after an ID3 tag */
} LockstepCheckKind;

typedef struct
{
  guint pid;                    /* MP4: track ID */
  guint8 type;                  /* stream_type of MPEG-TS */
  gboolean video, audio;
  int first_counter, last_counter;      /* continuity counters; -1: none */
  guint counter_errors;
  gint64 first_pts, last_pts, first_dts, last_dts;      /* ticks; -1: none */
  gint64 end;                   /* audio: ticks after its last frame */
  gint64 frame;                 /* ticks of an audio frame, or between pictures */
  guint units;                  /* PES packets; MP4: samples */
  guint steps;                  /* audio: PES packets that do not follow */
  gboolean idr_first, slice_seen;
  guint64 exact_start, exact_end;       /* MP4: decode times, of the track's scale */
} LockstepCheckStream;

typedef struct
{
  LockstepCheckKind kind;
  guint n_streams;
  LockstepCheckStream streams[LOCKSTEP_CHECK_PIDS];

  /* MPEG-TS */
  gboolean whole;               /* packets of 188 bytes with sync bytes */
  gboolean pat_first, pmt_second;
  gboolean have_pmt;
  guint programs;
  int pat_first_counter, pat_last_counter;

  /* MP4 and packed audio: what is wrong first, or NULL; a constant */
  const char *fault;
} LockstepCheckMedia;

/* A track of a media initialization section. */
typedef struct
{
  guint id, timescale;
  gboolean video, audio, h264;
  guint nal_length_size;
  gint64 shift;                 /* of its edit list: what is taken off */
  guint default_duration, default_size, default_flags;
} LockstepCheckTrack;

typedef struct
{
  guint n_tracks;
  LockstepCheckTrack tracks[LOCKSTEP_CHECK_PIDS];
  const char *fault;
} LockstepCheckInit;

void lockstep_check_ts_read (LockstepCheckMedia *media, const guint8 *data,
    gsize size);

/* A media initialization section (ISO/IEC 14496-12; draft-22, 3.1.2). */
void lockstep_check_init_read (LockstepCheckInit *init, const guint8 *data,
    gsize size);

/* One segment, or several fragments in a row. */
void lockstep_check_mp4_read (LockstepCheckMedia *media,
    const LockstepCheckInit *init, const guint8 *data, gsize size);

/* Draft-22, 3.1.3. */
void lockstep_check_packed_read (LockstepCheckMedia *media, const guint8 *data,
    gsize size);

/**
 * lockstep_check_audio_frame:
 * @type: stream_type: 0x0f for ADTS, else MPEG audio
 *
 * Samples and rate of the frame at @p.
 *
 * Returns: its size in bytes, or 0
 */
gsize lockstep_check_audio_frame (guint8 type, const guint8 *p, gsize n,
    guint *samples, guint *rate);

/* AES-128 in CBC mode, PKCS7. NULL: with G_IO_ERROR_NOT_SUPPORTED where there is no
 * libcrypto, else the bytes and the key do not fit. */
GBytes *lockstep_check_decrypt (GBytes *bytes, const guint8 key[16],
    const guint8 iv[16], GError **error);

G_END_DECLS
