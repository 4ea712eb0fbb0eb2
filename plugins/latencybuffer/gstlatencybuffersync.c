/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* latencybuffer: sender reports, the NTP time they give and the handle-sync
 * signal, with which rtpbin synchronises streams. */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include "gstlatencybuffer.h"

#include <gst/rtp/gstrtcpbuffer.h>

#define GST_CAT_DEFAULT latency_buffer_debug

/* RFC 3550, section 6.5.1: an item has at most 255 bytes. */
#define MAX_CNAME 255

gboolean
gst_latency_buffer_ntp_time (GstLatencyBuffer * self, guint32 timestamp,
    guint64 * ntp)
{
  const GstLatencyBufferReport *report = &self->report;
  gint64 ticks, ns;

  if (!report->valid || report->ssrc != self->playout->ssrc)
    return FALSE;
  ticks = (gint32) (timestamp - report->timestamp);
  ns = (gint64) gst_util_uint64_scale ((guint64) ABS (ticks), GST_SECOND,
      self->playout->timebase.clock_rate);
  if (ticks < 0 && (guint64) ns > report->ntp)
    return FALSE;
  *ntp = ticks < 0 ? report->ntp - (guint64) ns : report->ntp + (guint64) ns;
  return TRUE;
}

void
gst_latency_buffer_take_cname (GstLatencyBuffer * self,
    const GstStructure * caps)
{
  g_autofree char *field = NULL;
  const char *cname;

  g_mutex_lock (&self->lock);
  /* RFC 5576 source attribute, as GStreamer's SDP code puts it into caps */
  field = g_strdup_printf ("ssrc-%u-cname", self->playout->ssrc);
  cname = gst_structure_get_string (caps, field);
  if (cname != NULL && self->report.cname == NULL)
    self->report.cname = g_strndup (cname, MAX_CNAME);
  g_mutex_unlock (&self->lock);
}

static char *
find_cname (GstRTCPPacket * packet, guint32 ssrc)
{
  for (gboolean item = gst_rtcp_packet_sdes_first_item (packet); item;
      item = gst_rtcp_packet_sdes_next_item (packet)) {
    if (gst_rtcp_packet_sdes_get_ssrc (packet) != ssrc)
      continue;
    for (gboolean entry = gst_rtcp_packet_sdes_first_entry (packet); entry;
        entry = gst_rtcp_packet_sdes_next_entry (packet)) {
      GstRTCPSDESType type;
      guint8 length, *data;

      if (gst_rtcp_packet_sdes_get_entry (packet, &type, &length, &data)
          && type == GST_RTCP_SDES_CNAME)
        return g_strndup ((const char *) data, length);
    }
  }
  return NULL;
}

/* What rtpbin needs to place this stream: which running time the report's RTP
 * timestamp has here. With the lock; NULL: not known, or of no use. */
static GstStructure *
sync_structure (GstLatencyBuffer * self, GstBuffer * buffer)
{
  const LockstepPlayout *playout = self->playout;
  const LockstepTimebase *timebase = &playout->timebase;
  const GstLatencyBufferReport *report = &self->report;
  gint64 base_time, at;
  guint64 ticks;
  GstStructure *s;

  if (report->ssrc != playout->ssrc)
    return NULL;
  at = lockstep_playout_extend (playout, report->timestamp);
  /* The base is one line through the newest packet: drift is in it */
  ticks = (guint64) (playout->newest_timestamp - timebase->first);
  base_time = lockstep_timebase_place (timebase, playout->newest_timestamp) -
      (gint64) gst_util_uint64_scale (ticks, GST_SECOND, timebase->clock_rate);
  if (playout->newest_timestamp < timebase->first || at < timebase->first
      || base_time < 0)
    return NULL;
  if (self->max_rtcp_rtp_time_diff >= 0
      && at - playout->newest_timestamp >
      (gint64) gst_util_uint64_scale ((guint64) self->max_rtcp_rtp_time_diff,
          timebase->clock_rate, 1000))
    at = -1;

  s = gst_structure_new ("application/x-rtp-sync",
      "base-rtptime", G_TYPE_UINT64, (guint64) timebase->first,
      "base-time", G_TYPE_UINT64, (guint64) base_time,
      "clock-rate", G_TYPE_UINT, timebase->clock_rate,
      "clock-base", G_TYPE_UINT64, self->clock_base,
      "ssrc", G_TYPE_UINT, report->ssrc,
      "sr-ext-rtptime", G_TYPE_UINT64, (guint64) at,
      "sr-ntpnstime", G_TYPE_UINT64, report->ntp,
      "sr-buffer", GST_TYPE_BUFFER, buffer, NULL);
  if (report->cname != NULL)
    gst_structure_set (s, "cname", G_TYPE_STRING, report->cname, NULL);
  return s;
}

static void
signal_sync (GstLatencyBuffer * self, GstBuffer * buffer)
{
  GstLatencyBufferReport *report = &self->report;
  GstStructure *s = NULL;

  g_mutex_lock (&self->lock);
  if (!self->playout->active) {
    gst_buffer_replace (&report->pending, buffer);
  } else if (report->signalled == GST_CLOCK_TIME_NONE
      || report->ntp - report->signalled >=
      self->sync_interval * (guint64) GST_MSECOND) {
    s = sync_structure (self, buffer);
    if (s != NULL)
      report->signalled = report->ntp;
  }
  g_mutex_unlock (&self->lock);
  if (s == NULL)
    return;
  g_signal_emit (self, gst_latency_buffer_signals[SIGNAL_HANDLE_SYNC], 0, s);
  gst_structure_free (s);
}

void
gst_latency_buffer_signal_pending (GstLatencyBuffer * self)
{
  GstBuffer *buffer;

  g_mutex_lock (&self->lock);
  buffer = g_steal_pointer (&self->report.pending);
  g_mutex_unlock (&self->lock);
  if (buffer == NULL)
    return;
  signal_sync (self, buffer);
  gst_buffer_unref (buffer);
}

GstFlowReturn
gst_latency_buffer_chain_rtcp (GstPad * pad, GstObject * parent,
    GstBuffer * buffer)
{
  GstLatencyBuffer *self = GST_LATENCY_BUFFER (parent);
  GstRTCPBuffer rtcp = GST_RTCP_BUFFER_INIT;
  GstRTCPPacket packet;
  gboolean have_report = FALSE;
  guint32 ssrc = 0, timestamp = 0;
  guint64 ntp = 0;
  g_autofree char *cname = NULL;

  if (!gst_rtcp_buffer_validate_reduced (buffer)
      || !gst_rtcp_buffer_map (buffer, GST_MAP_READ, &rtcp)) {
    GST_DEBUG_OBJECT (self, "dropping invalid RTCP");
    gst_buffer_unref (buffer);
    return GST_FLOW_OK;
  }
  for (gboolean more = gst_rtcp_buffer_get_first_packet (&rtcp, &packet); more;
      more = gst_rtcp_packet_move_to_next (&packet)) {
    GstRTCPType type = gst_rtcp_packet_get_type (&packet);

    if (type == GST_RTCP_TYPE_SR && !have_report) {
      gst_rtcp_packet_sr_get_sender_info (&packet, &ssrc, &ntp, &timestamp,
          NULL, NULL);
      have_report = TRUE;
    } else if (type == GST_RTCP_TYPE_SDES && have_report && cname == NULL) {
      cname = find_cname (&packet, ssrc);
    }
  }
  gst_rtcp_buffer_unmap (&rtcp);

  if (have_report) {
    gboolean ours;

    g_mutex_lock (&self->lock);
    ours = !self->playout->active || ssrc == self->playout->ssrc;
    if (ours) {
      self->report.valid = TRUE;
      self->report.ssrc = ssrc;
      self->report.timestamp = timestamp;
      self->report.ntp = gst_util_uint64_scale (ntp, GST_SECOND,
          G_GUINT64_CONSTANT (1) << 32);
      if (cname != NULL) {
        g_free (self->report.cname);
        self->report.cname = g_steal_pointer (&cname);
      }
    }
    g_mutex_unlock (&self->lock);
    if (ours)
      signal_sync (self, buffer);
  }
  gst_buffer_unref (buffer);
  return GST_FLOW_OK;
}
