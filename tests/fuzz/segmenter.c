/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Buffers with any bytes, any times, in any order: the segmenter must not crash,
 * and what it gives must be whole packets that end after they began. */
#include <gst/lockstep/segmenter.h>
#include <string.h>

int LLVMFuzzerTestOneInput (const guint8 * data, gsize size);

static void
on_segment (gpointer user, LockstepSegment * segment)
{
  guint64 bytes = 0;

  for (guint i = 0; i < segment->chunks->len; i++) {
    LockstepTsChunk *chunk = g_ptr_array_index (segment->chunks, i);

    g_assert_cmpuint (chunk->size % LOCKSTEP_TS_PACKET, ==, 0);
    for (gsize at = 0; at < chunk->size; at += LOCKSTEP_TS_PACKET)
      g_assert_cmpuint (chunk->data[at], ==, 0x47);
    bytes += chunk->size;
  }
  g_assert_cmpuint (bytes, ==, segment->bytes);
  g_assert_cmpint (segment->duration, >, 0);
  lockstep_segment_free (segment);
}

static gint64
take (const guint8 ** data, gsize * size, guint n)
{
  guint64 value = 0;

  for (guint i = 0; i < n && *size > 0; i++, (*data)++, (*size)--)
    value = value << 8 | **data;
  return value;
}

int
LLVMFuzzerTestOneInput (const guint8 * data, gsize size)
{
  static const LockstepSegmenterCallbacks callbacks = { on_segment, NULL };
  LockstepSegmenterConfig config = { 0 };
  LockstepSegmenter *s;
  LockstepAudioFormat format;
  gint64 at[LOCKSTEP_N_TRACKS] = { 0 };
  guint flags;

  gst_init (NULL, NULL);
  flags = take (&data, &size, 1);
  config.target =
      (take (&data, &size, 1) + 1) * 20 * G_GINT64_CONSTANT (1000000);
  config.epoch = flags & 1;
  s = lockstep_segmenter_new (&config, &callbacks, NULL);
  if (flags & 2)
    lockstep_segmenter_add_track (s, LOCKSTEP_TRACK_VIDEO);
  if (flags & 4 || !(flags & 2))
    lockstep_segmenter_add_track (s, LOCKSTEP_TRACK_AUDIO);
  while (size > 0) {
    guint what = take (&data, &size, 1);
    LockstepTrackKind kind = what & 1 ? LOCKSTEP_TRACK_AUDIO
        : LOCKSTEP_TRACK_VIDEO;
    gsize n = take (&data, &size, 1);

    n = MIN (n, size);
    if (!(flags & 2))
      kind = LOCKSTEP_TRACK_AUDIO;
    else if (!(flags & 4))
      kind = LOCKSTEP_TRACK_VIDEO;
    switch (what >> 4) {
      case 0:
        lockstep_segmenter_set_video (s, what & 2 ? data : NULL, n);
        break;
      case 1:
        if (lockstep_audio_format_from_asc (data, n, &format))
          lockstep_segmenter_set_audio (s, LOCKSTEP_AUDIO_RAW_AAC, &format);
        break;
      case 2:
        lockstep_segmenter_set_audio (s, what & 2 ? LOCKSTEP_AUDIO_ADTS
            : LOCKSTEP_AUDIO_MPEG, NULL);
        break;
      case 3:
        lockstep_segmenter_gap (s, kind, at[kind] + take (&data, &size, 4));
        break;
      case 4:
        lockstep_segmenter_discont (s, kind);
        break;
      case 5:
        lockstep_segmenter_give_up_on (s, kind);
        break;
      case 6:
        lockstep_segmenter_eos (s, kind);
        break;
      case 7:                  /* a jump */
        at[kind] = (gint64) take (&data, &size, 8) / 8;
        break;
      default:
        at[kind] += (gint64) (what >> 4) * 4000000;
        lockstep_segmenter_push (s, kind, n > 0 ?
            gst_buffer_new_memdup (data, n) : gst_buffer_new (),
            what & 2 ? LOCKSTEP_NO_TIME : at[kind], what & 4 ?
            at[kind] - (gint64) n * 1000000 : LOCKSTEP_NO_TIME,
            what & 8 ? n * 1000000 : 0, 0);
        data += n;
        size -= n;
        if (lockstep_segmenter_ahead (s, kind) > G_GINT64_CONSTANT (3000000000))
          lockstep_segmenter_give_up_on (s, !kind);
        break;
    }
  }
  lockstep_segmenter_finish (s);
  lockstep_segmenter_free (s);
  return 0;
}
