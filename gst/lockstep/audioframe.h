/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Frames of MPEG audio and AAC. */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

typedef enum
{
  LOCKSTEP_AUDIO_MPEG,          /* MPEG-1/2/2.5 audio, layer 1 to 3 */
  LOCKSTEP_AUDIO_ADTS,          /* AAC in ADTS */
  LOCKSTEP_AUDIO_RAW_AAC,       /* AAC without headers: ADTS is put before each */
} LockstepAudioCodec;

/* Two formats with the same fields belong into one run of segments. */
typedef struct
{
  LockstepAudioCodec codec;
  guint rate;                   /* Hz, of the core for SBR */
  guint samples;                /* a frame's, at rate */
  guint8 stream_type;           /* ISO/IEC 13818-1, table 2-34 */
  guint8 layer;                 /* 1..3; 0: AAC */
  guint8 channel_config;        /* as in the header */
  guint8 adts_profile, adts_rate_index; /* for the ADTS of raw AAC */
} LockstepAudioFormat;

#define LOCKSTEP_ADTS_HEADER_SIZE 7

/**
 * lockstep_audio_frame_parse:
 * @codec: what to look for (LOCKSTEP_AUDIO_MPEG, LOCKSTEP_AUDIO_ADTS)
 * @frame_size: (out): bytes of the frame; @size for free-format MPEG audio
 *
 * Reads the header at the start of @data (ISO/IEC 11172-3, 2.4.1.3; 13818-3;
 * ISO/IEC 14496-3, 1.A.2.2).
 *
 * Returns: FALSE where there is no header, or the frame is longer than @size
 */
gboolean lockstep_audio_frame_parse (LockstepAudioCodec codec, const guint8 *data,
    gsize size, LockstepAudioFormat *format, gsize *frame_size);

/**
 * lockstep_audio_format_from_asc:
 *
 * Reads an AudioSpecificConfig (ISO/IEC 14496-3, 1.6.2.1).
 *
 * Returns: FALSE where it is cut short, or where ADTS cannot say it: object
 *   types above 4, 960 samples a frame, a rate that has no index
 */
gboolean lockstep_audio_format_from_asc (const guint8 *data, gsize size,
    LockstepAudioFormat *format);

gboolean lockstep_audio_format_equal (const LockstepAudioFormat *a,
    const LockstepAudioFormat *b);

/**
 * lockstep_adts_header:
 * @payload: bytes of the raw frame, at most 8184
 *
 * Writes an ADTS header without CRC.
 */
void lockstep_adts_header (const LockstepAudioFormat *format, gsize payload,
    guint8 header[LOCKSTEP_ADTS_HEADER_SIZE]);

/* No silent frame is longer. */
#define LOCKSTEP_AUDIO_SILENCE_MAX 1441

/**
 * lockstep_audio_silence:
 * @frame: any frame of @format, as it came
 *
 * Writes a frame of @format that decodes to silence: of MP3, and of AAC-LC with one or
 * two channels.
 *
 * Returns: its bytes, 0 for other formats
 */
gsize lockstep_audio_silence (const LockstepAudioFormat *format, const guint8 *frame,
    gsize size, guint8 silence[LOCKSTEP_AUDIO_SILENCE_MAX]);

G_END_DECLS
