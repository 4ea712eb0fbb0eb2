/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Reads packed audio for the validator: an ID3 tag with a timestamp, then frames
 * (draft-pantos-hls-rfc8216bis-22, 3.1.3). */
#include <gst/lockstep/hlscheck-media.h>

#include <string.h>

#define OWNER "com.apple.streaming.transportStreamTimestamp"

static guint
sync_safe (const guint8 * p)
{
  return (p[0] & 0x7f) << 21 | (p[1] & 0x7f) << 14 | (p[2] & 0x7f) << 7
      | (p[3] & 0x7f);
}

/* The timestamp in an ID3v2 tag of @n bytes, or -1 with @fault set. */
static gint64
read_tag (const guint8 * p, gsize n, const char **fault)
{
  gsize at = 10;

  while (at + 10 <= n) {
    /* version 4 has sync-safe sizes for frames too, version 3 plain ones */
    gsize size = p[3] >= 4 ? sync_safe (p + at + 4)
        : (gsize) p[at + 4] << 24 | p[at + 5] << 16 | p[at + 6] << 8 | p[at +
        7];
    const guint8 *body = p + at + 10;

    if (p[at] == 0 || size > n - at - 10)
      break;
    if (memcmp (p + at, "PRIV", 4) == 0 && size >= sizeof OWNER
        && memcmp (body, OWNER, sizeof OWNER) == 0) {
      guint64 time = 0;

      if (size != sizeof OWNER + 8) {
        *fault = "the PRIV timestamp has not 8 octets";
        return -1;
      }
      for (guint i = 0; i < 8; i++)
        time = time << 8 | body[sizeof OWNER + i];
      if (time >> 33 != 0)
        *fault = "the upper 31 bits of the PRIV timestamp are not 0";
      return time & 0x1ffffffff;
    }
    at += 10 + size;
  }
  *fault = "no PRIV frame with the timestamp in the ID3 tag";
  return -1;
}

void
lockstep_check_packed_read (LockstepCheckMedia * media, const guint8 * data,
    gsize size)
{
  LockstepCheckStream *stream = &media->streams[0];
  gsize at = 0, frame;
  gint64 ticks = -1;
  guint64 samples_in = 0;
  guint samples = 0, rate = 0;

  memset (media, 0, sizeof *media);
  media->kind = LOCKSTEP_CHECK_PACKED;
  media->n_streams = 1;
  stream->audio = TRUE;
  stream->first_counter = stream->last_counter = -1;
  if (size >= 10 && memcmp (data, "ID3", 3) == 0) {
    gsize tag = 10 + sync_safe (data + 6);

    ticks = read_tag (data, MIN (tag, size), &media->fault);
    at = tag;
  } else {
    media->fault = "no ID3 tag at its start";
  }
  if (at + 2 <= size && data[at] == 0xff)
    stream->type = (data[at + 1] & 0xf6) == 0xf0 ? 0x0f : 0x03;
  while (at < size && (frame = lockstep_check_audio_frame (stream->type,
              data + at, size - at, &samples, &rate)) > 0
      && frame <= size - at) {
    samples_in += samples;
    stream->units++;
    at += frame;
  }
  if (at != size && media->fault == NULL)
    media->fault = "it does not end with a whole audio frame";
  stream->first_pts = stream->first_dts = stream->last_pts = ticks;
  stream->last_dts = stream->end = ticks;
  if (rate > 0 && ticks >= 0) {
    stream->frame = (gint64) samples *90000 / rate;
    stream->end = (ticks + (samples_in * 90000 + rate / 2) / rate)
        & 0x1ffffffff;
  }
}
