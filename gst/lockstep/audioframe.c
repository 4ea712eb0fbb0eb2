/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Headers of MPEG audio and AAC frames: length, rate, samples. */
#include <gst/lockstep/audioframe.h>

#include <string.h>

static const guint aac_rates[13] = {
  96000, 88200, 64000, 48000, 44100, 32000, 24000, 22050, 16000, 12000, 11025,
  8000, 7350
};

/* kbit/s, by [MPEG-1 layer 1, 2, 3, MPEG-2 layer 1, MPEG-2 layer 2 and 3] */
static const guint16 bit_rates[5][15] = {
  {0, 32, 64, 96, 128, 160, 192, 224, 256, 288, 320, 352, 384, 416, 448},
  {0, 32, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384},
  {0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320},
  {0, 32, 48, 56, 64, 80, 96, 112, 128, 144, 160, 176, 192, 224, 256},
  {0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160},
};

static gboolean
parse_mpeg (const guint8 * data, gsize size, LockstepAudioFormat * format,
    gsize * frame_size)
{
  static const guint rates[3] = { 44100, 48000, 32000 };
  guint version, layer, bit_rate_index, rate_index, padding, table;
  gsize bytes;

  if (size < 4 || data[0] != 0xff || (data[1] & 0xe0) != 0xe0)
    return FALSE;
  version = data[1] >> 3 & 3;   /* 0: 2.5, 2: 2, 3: 1 */
  layer = 4 - (data[1] >> 1 & 3);
  bit_rate_index = data[2] >> 4;
  rate_index = data[2] >> 2 & 3;
  padding = data[2] >> 1 & 1;
  if (version == 1 || layer == 4 || bit_rate_index == 15 || rate_index == 3)
    return FALSE;

  format->codec = LOCKSTEP_AUDIO_MPEG;
  format->layer = layer;
  format->rate = rates[rate_index] >> (version == 3 ? 0 : version == 2 ? 1 : 2);
  if (layer == 1)
    format->samples = 384;
  else
    format->samples = layer == 3 && version != 3 ? 576 : 1152;
  format->stream_type = version == 3 ? 0x03 : 0x04;
  /* mono or not: joint stereo may come and go from frame to frame */
  format->channel_config = (data[3] >> 6) == 3 ? 1 : 2;

  if (bit_rate_index == 0) {
    *frame_size = size;
    return TRUE;
  }
  table = version == 3 ? layer - 1 : layer == 1 ? 3 : 4;
  if (layer == 1)
    bytes = (12000 * bit_rates[table][bit_rate_index] / format->rate
        + padding) * 4;
  else
    bytes = format->samples / 8 * 1000 * bit_rates[table][bit_rate_index]
        / format->rate + padding;
  *frame_size = bytes;
  return bytes >= 4 && bytes <= size;
}

static gboolean
parse_adts (const guint8 * data, gsize size, LockstepAudioFormat * format,
    gsize * frame_size)
{
  guint rate_index;

  if (size < LOCKSTEP_ADTS_HEADER_SIZE || data[0] != 0xff
      || (data[1] & 0xf6) != 0xf0)
    return FALSE;
  rate_index = data[2] >> 2 & 15;
  if (rate_index >= G_N_ELEMENTS (aac_rates))
    return FALSE;
  format->codec = LOCKSTEP_AUDIO_ADTS;
  format->stream_type = 0x0f;
  format->adts_profile = data[2] >> 6;
  format->adts_rate_index = rate_index;
  format->rate = aac_rates[rate_index];
  format->channel_config = (data[2] & 1) << 2 | data[3] >> 6;
  format->samples = 1024 * ((data[6] & 3) + 1);
  *frame_size = (data[3] & 3) << 11 | data[4] << 3 | data[5] >> 5;
  return *frame_size >= LOCKSTEP_ADTS_HEADER_SIZE && *frame_size <= size;
}

gboolean
lockstep_audio_frame_parse (LockstepAudioCodec codec, const guint8 * data,
    gsize size, LockstepAudioFormat * format, gsize * frame_size)
{
  memset (format, 0, sizeof *format);
  if (codec == LOCKSTEP_AUDIO_MPEG)
    return parse_mpeg (data, size, format, frame_size);
  if (codec == LOCKSTEP_AUDIO_ADTS)
    return parse_adts (data, size, format, frame_size);
  return FALSE;
}

typedef struct
{
  const guint8 *data;
  gsize bits, at;
} Bits;

/* Bits past the end read as zero; the caller looks at @at after. */
static guint
read_bits (Bits * bits, guint n)
{
  guint value = 0;

  while (n-- > 0) {
    guint bit = 0;

    if (bits->at < bits->bits)
      bit = bits->data[bits->at / 8] >> (7 - bits->at % 8) & 1;
    bits->at++;
    value = value << 1 | bit;
  }
  return value;
}

static guint
read_object_type (Bits * bits)
{
  guint type = read_bits (bits, 5);

  return type == 31 ? 32 + read_bits (bits, 6) : type;
}

gboolean
lockstep_audio_format_from_asc (const guint8 * data, gsize size,
    LockstepAudioFormat * format)
{
  Bits bits = { data, size * 8, 0 };
  guint type, rate_index;

  memset (format, 0, sizeof *format);
  type = read_object_type (&bits);
  rate_index = read_bits (&bits, 4);
  if (rate_index == 15)
    return FALSE;
  format->channel_config = read_bits (&bits, 4);
  if (type == 5 || type == 29) {        /* explicit SBR, PS: the core follows */
    if (read_bits (&bits, 4) == 15)
      read_bits (&bits, 24);
    type = read_object_type (&bits);
  }
  if (rate_index >= G_N_ELEMENTS (aac_rates) || type < 1 || type > 4
      || format->channel_config > 7)
    return FALSE;
  if (read_bits (&bits, 1))     /* frameLengthFlag: 960 samples */
    return FALSE;
  if (bits.at > bits.bits)
    return FALSE;
  format->codec = LOCKSTEP_AUDIO_RAW_AAC;
  format->stream_type = 0x0f;
  format->samples = 1024;
  format->rate = aac_rates[rate_index];
  format->adts_profile = type - 1;
  format->adts_rate_index = rate_index;
  return TRUE;
}

gboolean
lockstep_audio_format_equal (const LockstepAudioFormat * a,
    const LockstepAudioFormat * b)
{
  return a->codec == b->codec && a->rate == b->rate && a->samples == b->samples
      && a->stream_type == b->stream_type && a->layer == b->layer
      && a->channel_config == b->channel_config
      && a->adts_profile == b->adts_profile;
}

void
lockstep_adts_header (const LockstepAudioFormat * format, gsize payload,
    guint8 header[LOCKSTEP_ADTS_HEADER_SIZE])
{
  gsize size = payload + LOCKSTEP_ADTS_HEADER_SIZE;

  header[0] = 0xff;
  header[1] = 0xf1;             /* MPEG-4, no CRC */
  header[2] = format->adts_profile << 6 | format->adts_rate_index << 2
      | format->channel_config >> 2;
  header[3] = (format->channel_config & 3) << 6 | size >> 11;
  header[4] = size >> 3;
  header[5] = (size & 7) << 5 | 0x1f;   /* buffer fullness: variable rate */
  header[6] = 0xfc;
}

/* A header, and then side information of zeros: no granule has any data. */
static gsize
silent_mp3 (const guint8 * frame, gsize size,
    guint8 silence[LOCKSTEP_AUDIO_SILENCE_MAX])
{
  LockstepAudioFormat format;
  gsize bytes;

  if (size < 4)
    return 0;
  memset (silence, 0, LOCKSTEP_AUDIO_SILENCE_MAX);
  memcpy (silence, frame, 4);
  silence[1] |= 1;              /* without CRC */
  silence[2] &= ~2;             /* nor padding */
  return lockstep_audio_frame_parse (LOCKSTEP_AUDIO_MPEG, silence,
      LOCKSTEP_AUDIO_SILENCE_MAX, &format, &bytes)
      && bytes < LOCKSTEP_AUDIO_SILENCE_MAX ? bytes : 0;
}

gsize
lockstep_audio_silence (const LockstepAudioFormat * format,
    const guint8 * frame, gsize size,
    guint8 silence[LOCKSTEP_AUDIO_SILENCE_MAX])
{
  /* ISO/IEC 14496-3, 4.4.2.1: an SCE, or a CPE, whose sections are all empty */
  static const guint8 one[] = { 0x00, 0xc8, 0x00, 0x80, 0x23, 0x80 };
  static const guint8 two[] = { 0x21, 0x00, 0x49, 0x90, 0x02, 0x19, 0x00, 0x23,
    0x80
  };
  gboolean mono = format->channel_config == 1;
  gsize bytes = mono ? sizeof one : sizeof two, header = 0;

  if (format->codec == LOCKSTEP_AUDIO_MPEG)
    return format->layer == 3 ? silent_mp3 (frame, size, silence) : 0;
  if (format->adts_profile != 1 || format->samples != 1024
      || (!mono && format->channel_config != 2))
    return 0;
  if (format->codec == LOCKSTEP_AUDIO_ADTS) {
    lockstep_adts_header (format, bytes, silence);
    header = LOCKSTEP_ADTS_HEADER_SIZE;
  }
  memcpy (silence + header, mono ? one : two, bytes);
  return header + bytes;
}
