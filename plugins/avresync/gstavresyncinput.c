/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What avresync takes from caps and buffers. */
#include "gstavresyncinput.h"

#include <gst/lockstep/metas.h>
#include <stdlib.h>
#include <string.h>

/* No RTP clock is faster; one that is would wrap within seconds. */
#define MAX_RATE 1000000

/* Times beyond this (73 years) are nonsense, and sums of them could overflow. */
#define FAR (G_GINT64_CONSTANT (1) << 61)

static guint
find_capture_id (const GstStructure * s)
{
  for (gint i = 0; i < gst_structure_n_fields (s); i++) {
    const char *name = gst_structure_nth_field_name (s, i), *uri;
    const GValue *value = gst_structure_get_value (s, name);

    if (!g_str_has_prefix (name, "extmap-"))
      continue;
    /* A string, or an array of direction, URI and attributes. */
    if (GST_VALUE_HOLDS_ARRAY (value) && gst_value_array_get_size (value) == 3)
      value = gst_value_array_get_value (value, 1);
    uri = G_VALUE_HOLDS_STRING (value) ? g_value_get_string (value) : NULL;
    if (uri && g_str_equal (uri, LOCKSTEP_CAPTURE_TIME_URI))
      return CLAMP (atoi (name + strlen ("extmap-")), 0, 255);
  }
  return 0;
}

/**
 * gst_avresync_format_from_caps:
 * @format: (out): what the caps say
 *
 * Returns: FALSE for RTP without a sensible clock rate
 */
gboolean
gst_avresync_format_from_caps (GstAvresyncFormat * format, const GstCaps * caps)
{
  const GstStructure *s = gst_caps_get_structure (caps, 0);
  const char *name = gst_structure_get_name (s), *media;
  gint rate;

  memset (format, 0, sizeof (*format));
  format->media = LOCKSTEP_AV_VIDEO;
  if (!gst_structure_has_name (s, "application/x-rtp")) {
    if (g_str_has_prefix (name, "audio/"))
      format->media = LOCKSTEP_AV_AUDIO;
    return TRUE;
  }
  if (!gst_structure_get_int (s, "clock-rate", &rate) || rate <= 0
      || rate > MAX_RATE)
    return FALSE;
  format->rate = rate;
  media = gst_structure_get_string (s, "media");
  /* Video clocks are 90 kHz, and no audio format's is. */
  if (media ? g_str_equal (media, "audio") : rate != 90000)
    format->media = LOCKSTEP_AV_AUDIO;
  else
    format->codec =
        lockstep_codec_from_name (gst_structure_get_string (s,
            "encoding-name"));
  format->capture_id = find_capture_id (s);
  return TRUE;
}

/* NTP time, UQ32.32, of nanoseconds since 1900. */
guint64
gst_avresync_ntp_from_ns (guint64 ns)
{
  return ((ns / GST_SECOND) << 32) | (((ns % GST_SECOND) << 32) / GST_SECOND);
}

static gint64
running_time (const GstSegment * segment, GstClockTime time)
{
  if (!GST_CLOCK_TIME_IS_VALID (time))
    return -1;
  if (segment->format == GST_FORMAT_TIME)
    time = gst_segment_to_running_time (segment, GST_FORMAT_TIME, time);
  return GST_CLOCK_TIME_IS_VALID (time) && time < FAR ? (gint64) time : -1;
}

static void
read_metas (GstAvresyncInput * input, GstBuffer * buffer,
    GstClockTime base_time)
{
  GstReferenceTimestampMeta *meta;
  gpointer state = NULL;

  while ((meta = (GstReferenceTimestampMeta *)
          gst_buffer_iterate_meta_filtered (buffer, &state,
              GST_REFERENCE_TIMESTAMP_META_API_TYPE))) {
    const GstStructure *s;

    if (!meta->reference || gst_caps_get_size (meta->reference) != 1
        || !GST_CLOCK_TIME_IS_VALID (meta->timestamp))
      continue;
    s = gst_caps_get_structure (meta->reference, 0);
    if (gst_structure_has_name (s, LOCKSTEP_META_ARRIVAL)) {
      if (GST_CLOCK_TIME_IS_VALID (base_time) && meta->timestamp >= base_time
          && meta->timestamp - base_time < FAR)
        input->arrival = meta->timestamp - base_time;
    } else if (gst_structure_has_name (s, LOCKSTEP_META_NTP)) {
      input->has_ntp = TRUE;
      input->ntp_ns = meta->timestamp;
    }
  }
}

static gboolean
read_rtp (GstAvresyncInput * input, GstBuffer * buffer,
    const GstAvresyncFormat * format)
{
  GstMapInfo map;
  LockstepRtpInfo info;
  gboolean valid;

  if (!gst_buffer_map (buffer, &map, GST_MAP_READ))
    return FALSE;
  valid = lockstep_rtp_parse (map.data, map.size, &info);
  if (valid) {
    gsize size;
    const guint8 *capture =
        lockstep_rtp_extension (&info, format->capture_id, &size);

    input->timestamp = info.header.timestamp;
    input->ssrc = info.header.ssrc;
    input->seqnum = info.header.seq;
    input->begins_keyframe = lockstep_rtp_begins_keyframe (format->codec,
        info.payload, info.payload_size);
    if (capture)
      input->has_capture = lockstep_capture_time_parse (capture, size,
          &input->capture_ntp, &input->has_capture_offset,
          &input->capture_offset);
  }
  gst_buffer_unmap (buffer, &map);
  return valid;
}

/**
 * gst_avresync_input_read:
 * @input: (out): what the buffer says
 * @base_time: the element's, or %GST_CLOCK_TIME_NONE
 *
 * Returns: FALSE where it is no RTP packet, or a frame without a timestamp
 */
gboolean
gst_avresync_input_read (GstAvresyncInput * input, GstBuffer * buffer,
    const GstAvresyncFormat * format, const GstSegment * segment,
    GstClockTime base_time)
{
  memset (input, 0, sizeof (*input));
  input->arrival = -1;
  input->running_time = running_time (segment, GST_BUFFER_PTS (buffer));
  read_metas (input, buffer, base_time);
  if (format->rate) {
    /* Sources that stamp arrivals set the DTS; jitterbuffers clear it, and their
     * PTS is no arrival. */
    if (input->arrival < 0)
      input->arrival = running_time (segment, GST_BUFFER_DTS (buffer));
    return read_rtp (input, buffer, format);
  }
  if (input->running_time < 0)
    input->running_time = running_time (segment, GST_BUFFER_DTS (buffer));
  input->timestamp = input->running_time;
  input->begins_keyframe =
      !GST_BUFFER_FLAG_IS_SET (buffer, GST_BUFFER_FLAG_DELTA_UNIT);
  return input->running_time >= 0;
}
