/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* H.264 access units: NAL walking, parameter sets, Annex B. */
#include <gst/lockstep/h264au.h>

#include <string.h>

/* Rec. ITU-T H.264, table 7-1 */
enum
{
  NAL_SLICE = 1,
  NAL_IDR = 5,
  NAL_SPS = 7,
  NAL_PPS = 8,
  NAL_AUD = 9,
};

/* A parameter set longer than this is not kept: real ones have tens of bytes. */
#define MAX_PARAMETER_SETS 4096

/* primary_pic_type 7: any slice type. Then the RBSP stop bit. */
const guint8 lockstep_h264_aud[LOCKSTEP_H264_AUD_SIZE] =
    { 0, 0, 0, 1, NAL_AUD, 0xf0 };
const guint8 lockstep_h264_start_code[4] = { 0, 0, 0, 1 };

void
lockstep_h264_init (LockstepH264 * h264)
{
  memset (h264, 0, sizeof *h264);
  h264->sps = g_byte_array_new ();
  h264->pps = g_byte_array_new ();
}

void
lockstep_h264_clear (LockstepH264 * h264)
{
  g_clear_pointer (&h264->sps, g_byte_array_unref);
  g_clear_pointer (&h264->pps, g_byte_array_unref);
}

static void
append_nal (GByteArray * sets, const guint8 * nal, gsize size)
{
  if (sets->len + size + 4 > MAX_PARAMETER_SETS)
    return;
  g_byte_array_append (sets, lockstep_h264_start_code, 4);
  g_byte_array_append (sets, nal, size);
}

/* Replaces the kept sets by @fresh where they differ; an empty @fresh is none. */
static void
keep_sets (LockstepH264 * h264, GByteArray * sps, GByteArray * pps)
{
  if (sps->len > 0 && (sps->len != h264->sps->len
          || memcmp (sps->data, h264->sps->data, sps->len) != 0)) {
    g_byte_array_set_size (h264->sps, 0);
    g_byte_array_append (h264->sps, sps->data, sps->len);
    h264->sps_generation++;
  }
  if (pps->len > 0) {
    g_byte_array_set_size (h264->pps, 0);
    g_byte_array_append (h264->pps, pps->data, pps->len);
  }
}

gboolean
lockstep_h264_set_avcc (LockstepH264 * h264, const guint8 * data, gsize size)
{
  g_autoptr (GByteArray) sps = g_byte_array_new ();
  g_autoptr (GByteArray) pps = g_byte_array_new ();
  gsize at = 5;

  if (size < 7 || data[0] != 1)
    return FALSE;
  for (guint pass = 0; pass < 2; pass++) {
    guint n;

    if (at >= size)
      return FALSE;
    n = pass == 0 ? data[at] & 0x1f : data[at];
    at++;
    while (n-- > 0) {
      gsize length;

      if (size - at < 2)
        return FALSE;
      length = data[at] << 8 | data[at + 1];
      at += 2;
      if (length == 0 || length > size - at)
        return FALSE;
      append_nal (pass == 0 ? sps : pps, data + at, length);
      at += length;
    }
  }
  h264->nal_length_size = (data[4] & 3) + 1;
  keep_sets (h264, sps, pps);
  return TRUE;
}

/* The offset of the next 00 00 01 at or after @at, or @size. */
static gsize
find_start_code (const guint8 * data, gsize size, gsize at)
{
  while (at + 3 <= size) {
    if (data[at + 2] > 1)
      at += 3;
    else if (data[at + 2] == 0)
      at++;
    else if (data[at] == 0 && data[at + 1] == 0)
      return at;
    else
      at += 3;
  }
  return size;
}

typedef struct
{
  const guint8 *data;
  gsize size, at;
  guint length_size;
} Walk;

/* The next NAL unit without its prefix; 1: there is one, 0: end, -1: broken. */
static int
walk_next (Walk * walk, const guint8 ** nal, gsize * nal_size)
{
  gsize end;

  if (walk->length_size > 0) {
    gsize length = 0;

    if (walk->at == walk->size)
      return 0;
    if (walk->size - walk->at < walk->length_size)
      return -1;
    for (guint i = 0; i < walk->length_size; i++)
      length = length << 8 | walk->data[walk->at++];
    if (length > walk->size - walk->at)
      return -1;
    *nal = walk->data + walk->at;
    *nal_size = length;
    walk->at += length;
    return 1;
  }
  walk->at = find_start_code (walk->data, walk->size, walk->at);
  if (walk->at >= walk->size)
    return 0;
  walk->at += 3;
  *nal = walk->data + walk->at;
  if (walk->at == walk->size)
    return 0;
  /* A slice is the last that is looked at: do not search all of it */
  if ((**nal & 0x1f) == NAL_SLICE || (**nal & 0x1f) == NAL_IDR) {
    *nal_size = walk->size - walk->at;
    walk->at = walk->size;
    return 1;
  }
  end = find_start_code (walk->data, walk->size, walk->at);
  *nal_size = end - walk->at;
  walk->at = end;
  while (*nal_size > 0 && (*nal)[*nal_size - 1] == 0)
    (*nal_size)--;              /* zero_byte of the next start code */
  return 1;
}

gboolean
lockstep_h264_parse (LockstepH264 * h264, const guint8 * data, gsize size,
    LockstepH264Au * au)
{
  Walk walk = { data, size, 0, h264->nal_length_size };
  g_autoptr (GByteArray) sps = NULL;
  g_autoptr (GByteArray) pps = NULL;
  const guint8 *nal;
  gsize nal_size;
  gboolean first = TRUE;
  int found;

  memset (au, 0, sizeof *au);
  while (!au->vcl && (found = walk_next (&walk, &nal, &nal_size)) != 0) {
    if (found < 0)
      return FALSE;
    if (nal_size == 0)
      continue;
    switch (nal[0] & 0x1f) {
      case NAL_IDR:
      case NAL_SLICE:
      case 2:                  /* a data partition */
        au->idr = (nal[0] & 0x1f) == NAL_IDR;
        au->vcl = TRUE;
        /* first_mb_in_slice is ue(v): 0 is a single 1 bit */
        au->inner = nal_size > 1 && (nal[1] & 0x80) == 0;
        au->slice_at = nal - data - (walk.length_size > 0 ? walk.length_size
            : 3);
        break;
      case NAL_SPS:
        au->has_sps = TRUE;
        if (sps == NULL)
          sps = g_byte_array_new ();
        append_nal (sps, nal, nal_size);
        break;
      case NAL_PPS:
        au->has_pps = TRUE;
        if (pps == NULL)
          pps = g_byte_array_new ();
        append_nal (pps, nal, nal_size);
        break;
      case NAL_AUD:
        if (first)
          au->aud_size = nal + nal_size - data;
        break;
      default:
        break;
    }
    first = FALSE;
  }
  if (!au->vcl)
    return FALSE;
  if (sps != NULL || pps != NULL) {
    if (sps == NULL)
      sps = g_byte_array_new ();
    if (pps == NULL)
      pps = g_byte_array_new ();
    keep_sets (h264, sps, pps);
  }
  return TRUE;
}

gboolean
lockstep_h264_append_spans (guint nal_length_size, const guint8 * data,
    gsize size, gsize skip, GArray * spans)
{
  Walk walk = { data, size, skip, nal_length_size };
  LockstepSpan span;
  int found;

  if (skip > size)
    return FALSE;
  if (nal_length_size == 0) {
    span.data = data + skip;
    span.size = size - skip;
    g_array_append_val (spans, span);
    return TRUE;
  }
  while ((found = walk_next (&walk, &span.data, &span.size)) > 0) {
    const LockstepSpan code = { lockstep_h264_start_code, 4 };

    if (span.size == 0)
      continue;
    g_array_append_val (spans, code);
    g_array_append_val (spans, span);
  }
  return found == 0;
}
