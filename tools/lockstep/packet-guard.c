/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Probes on the pads of depayloaders. */
#include "packet-guard.h"

#include <gst/lockstep/h264fu.h>
#include <gst/lockstep/packetcheck.h>
#include <gst/rtp/gstrtpbuffer.h>

/* No picture is larger: hlsalignsink takes no larger one, either. */
#define MAX_PICTURE_BYTES (16 * 1024 * 1024)
#define PADDING 0x20
/* RFC 6184, section 5.8 */
#define FU_A 28
#define FU_B 29
#define FU_START 0x80

typedef struct
{
  LockstepH264Fu fu;
  guint32 timestamp;
  gsize bytes;                  /* with that timestamp */
  gboolean open;                /* the end of the last picture given is to come */
  gboolean headless;            /* what is left of a picture is not to join that one */
  gboolean whole;               /* nothing of the fragmented unit under way is lost */
  guint16 seq;                  /* of its last packet */
} Video;

/* FALSE: the packet is of no use. */
typedef gboolean (*Check) (GstBuffer ** buffer, GstRTPBuffer * rtp,
    gpointer user_data);

/* rtph264depay 1.22.0 takes slices for one picture's until one has the mark of the last or
 * begins a picture, whatever their timestamps. Where both the end of one picture and the
 * start of the next are lost, it makes one of the rest of both: at which Chromium stops
 * playing. */
static gboolean
would_join (Video * video, const guint8 * payload, guint size,
    guint32 timestamp)
{
  if (lockstep_h264_payload_begins_picture (payload, size))
    video->headless = FALSE;
  else if (timestamp != video->timestamp)
    video->headless = video->open;
  return video->headless;
}

/* Whether the NAL unit that this packet ends is given on: one that lacks a fragment is not,
 * and with it goes the mark of a picture's end. */
static gboolean
is_whole (Video * video, const guint8 * payload, guint size, guint16 seq)
{
  const guint type = size > 1 ? payload[0] & 0x1f : 0;

  if (type != FU_A && type != FU_B)
    return TRUE;
  video->whole = (payload[1] & FU_START) || (video->whole
      && seq == (guint16) (video->seq + 1));
  video->seq = seq;
  return video->whole;
}

static gboolean
check_video (GstBuffer ** buffer, GstRTPBuffer * rtp, gpointer user_data)
{
  Video *video = user_data;
  const guint8 *payload = gst_rtp_buffer_get_payload (rtp);
  const guint size = gst_rtp_buffer_get_payload_len (rtp);
  const guint32 timestamp = gst_rtp_buffer_get_timestamp (rtp);
  gboolean sane = lockstep_h264_payload_is_sane (payload, size);
  gboolean cut_short =
      lockstep_h264_fu_cut_short (&video->fu, payload, size, timestamp);
  const gboolean ends = is_whole (video, payload, size,
      gst_rtp_buffer_get_seq (rtp)) && gst_rtp_buffer_get_marker (rtp);
  gboolean joins = would_join (video, payload, size, timestamp);

  if (timestamp != video->timestamp)
    video->bytes = 0;
  video->timestamp = timestamp;
  video->bytes += size;
  gst_rtp_buffer_unmap (rtp);
  if (!sane || joins || video->bytes > MAX_PICTURE_BYTES)
    return FALSE;
  if (size > 0)
    video->open = !ends;
  if (cut_short) {
    *buffer = gst_buffer_make_writable (*buffer);
    GST_BUFFER_FLAG_SET (*buffer, GST_BUFFER_FLAG_DISCONT);
  }
  return TRUE;
}

static gboolean
check_audio (GstBuffer ** buffer, GstRTPBuffer * rtp, gpointer user_data)
{
  gboolean sane =
      lockstep_opus_packet_is_sane (gst_rtp_buffer_get_payload (rtp),
      gst_rtp_buffer_get_payload_len (rtp));
  const guint header = gst_rtp_buffer_get_header_len (rtp);
  guint8 first;

  gst_rtp_buffer_unmap (rtp);
  if (sane)
    return TRUE;
  *buffer = gst_buffer_make_writable (*buffer);
  gst_buffer_extract (*buffer, 0, &first, 1);
  first &= ~PADDING;
  gst_buffer_fill (*buffer, 0, &first, 1);
  gst_buffer_resize (*buffer, 0, header);
  return TRUE;
}

typedef struct
{
  Check check;
  Video video;
} Guard;

static gboolean
is_useful (GstBuffer ** buffer, Guard * guard)
{
  GstRTPBuffer rtp = GST_RTP_BUFFER_INIT;

  return gst_rtp_buffer_map (*buffer, GST_MAP_READ, &rtp)
      && guard->check (buffer, &rtp, &guard->video);
}

static gboolean
check_buffer (GstBuffer ** buffer, guint index, gpointer user_data)
{
  if (!is_useful (buffer, user_data))
    gst_clear_buffer (buffer);  /* it leaves the list */
  return TRUE;
}

static GstPadProbeReturn
check_packets (GstPad * pad, GstPadProbeInfo * info, gpointer user_data)
{
  if (info->type & GST_PAD_PROBE_TYPE_BUFFER_LIST) {
    GstBufferList *list =
        gst_buffer_list_make_writable (GST_PAD_PROBE_INFO_BUFFER_LIST (info));

    gst_buffer_list_foreach (list, check_buffer, user_data);
    info->data = list;
  } else {
    GstBuffer *buffer = GST_PAD_PROBE_INFO_BUFFER (info);
    gboolean useful = is_useful (&buffer, user_data);

    info->data = buffer;
    if (!useful)
      return GST_PAD_PROBE_DROP;
  }
  return GST_PAD_PROBE_OK;
}

/* Whether pictures come whole, and with start codes. */
static gboolean
has_pictures (GstPad * pad)
{
  g_autoptr (GstCaps) caps = gst_pad_get_current_caps (pad);
  const GstStructure *s = caps != NULL ? gst_caps_get_structure (caps, 0)
      : NULL;

  return s != NULL && g_strcmp0 (gst_structure_get_string (s,
          "stream-format"), "byte-stream") == 0
      && g_strcmp0 (gst_structure_get_string (s, "alignment"), "au") == 0;
}

static GstPadProbeReturn
check_picture (GstPad * pad, GstPadProbeInfo * info, gpointer user_data)
{
  GstMapInfo map;
  gboolean sane;

  if (!has_pictures (pad)
      || !gst_buffer_map (GST_PAD_PROBE_INFO_BUFFER (info), &map, GST_MAP_READ))
    return GST_PAD_PROBE_OK;
  sane = lockstep_h264_picture_is_sane (map.data, map.size);
  gst_buffer_unmap (GST_PAD_PROBE_INFO_BUFFER (info), &map);
  return sane ? GST_PAD_PROBE_OK : GST_PAD_PROBE_DROP;
}

static void
guard_packets (GstElement * depayloader, Check check)
{
  g_autoptr (GstPad) pad = gst_element_get_static_pad (depayloader, "sink");
  Guard *guard = g_new0 (Guard, 1);

  guard->check = check;
  gst_pad_add_probe (pad,
      GST_PAD_PROBE_TYPE_BUFFER | GST_PAD_PROBE_TYPE_BUFFER_LIST,
      check_packets, guard, g_free);
}

static void
guard_pictures (GstElement * depayloader)
{
  g_autoptr (GstPad) pad = gst_element_get_static_pad (depayloader, "src");

  gst_pad_add_probe (pad, GST_PAD_PROBE_TYPE_BUFFER, check_picture, NULL, NULL);
}

static void
guard_element (GstElement * element)
{
  GstElementFactory *factory = gst_element_get_factory (element);
  const char *name = factory != NULL ? GST_OBJECT_NAME (factory) : "";

  if (g_str_equal (name, "rtph264depay")) {
    guard_packets (element, check_video);
    guard_pictures (element);
  } else if (g_str_equal (name, "rtpopusdepay")) {
    guard_packets (element, check_audio);
  }
}

void
packet_guard_add (GstBin * pipeline)
{
  g_autoptr (GstIterator) elements = gst_bin_iterate_recurse (pipeline);
  GValue item = G_VALUE_INIT;

  while (gst_iterator_next (elements, &item) == GST_ITERATOR_OK) {
    guard_element (g_value_get_object (&item));
    g_value_reset (&item);
  }
  g_value_unset (&item);
}
