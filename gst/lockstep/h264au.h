/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* H.264 access units: what a segmenter must know of them. */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* Bytes that belong to someone else. */
typedef struct
{
  const guint8 *data;
  gsize size;
} LockstepSpan;

/* The state of one H.264 stream: how NAL units are told apart, and the last
 * parameter sets that were seen. */
typedef struct
{
  guint nal_length_size;        /* 1..4: length-prefixed ("avc"); 0: start codes */
  GByteArray *sps, *pps;        /* each NAL unit after a 4-byte start code */
  guint sps_generation;         /* +1 each time the SPS changes */
} LockstepH264;

/* What one access unit is. */
typedef struct
{
  gboolean idr;                 /* its first slice is of an IDR picture */
  gboolean vcl;                 /* it has a slice at all */
  gboolean has_sps, has_pps;    /* parameter sets before the first slice */
  gsize aud_size;               /* bytes of a leading access unit delimiter */
  gboolean inner;               /* its first slice is not the first of a picture */
  gsize slice_at;               /* where the first slice begins, prefix and all */
} LockstepH264Au;

/* The two below are what a TS needs at the start of an access unit. */
#define LOCKSTEP_H264_AUD_SIZE 6
extern const guint8 lockstep_h264_aud[LOCKSTEP_H264_AUD_SIZE];
extern const guint8 lockstep_h264_start_code[4];

void lockstep_h264_init (LockstepH264 *h264);
void lockstep_h264_clear (LockstepH264 *h264);

/**
 * lockstep_h264_set_avcc:
 *
 * Takes an AVCDecoderConfigurationRecord (ISO/IEC 14496-15, 5.3.3.1): the NAL
 * length size and the parameter sets.
 *
 * Returns: FALSE where it is cut short or makes no sense; @h264 is then as before
 */
gboolean lockstep_h264_set_avcc (LockstepH264 *h264, const guint8 *data, gsize size);

/**
 * lockstep_h264_parse:
 *
 * Looks at the NAL units up to the first slice, and keeps parameter sets.
 *
 * Returns: FALSE where this is no access unit: no slice, or a length past the end
 */
gboolean lockstep_h264_parse (LockstepH264 *h264, const guint8 *data, gsize size,
    LockstepH264Au *au);

/**
 * lockstep_h264_append_spans:
 * @skip: bytes to leave out at the start (au.aud_size)
 * @spans: (element-type LockstepSpan): filled with the access unit in Annex B form
 *
 * Returns: FALSE where a length goes past the end
 */
gboolean lockstep_h264_append_spans (guint nal_length_size, const guint8 *data,
    gsize size, gsize skip, GArray *spans);

G_END_DECLS
