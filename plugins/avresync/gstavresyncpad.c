/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* One pair of avresync's pads: what waits between them, and what happens to it on
 * its way. */
#include "gstavresyncpad.h"

#include <string.h>

GST_DEBUG_CATEGORY_EXTERN (avresync_debug);
#define GST_CAT_DEFAULT avresync_debug

/* Keyframes are asked for this often while there is none, and waited for so long:
 * some streams refresh picture by picture and never have one. */
#define KEYFRAME_INTERVAL (1 * GST_SECOND)
#define KEYFRAME_PATIENCE (5 * GST_SECOND)

/* Sender reports in metas are extrapolated to each packet, rounded. */
#define NTP_ROUNDING 1500

void
av_item_free (AvItem * item)
{
  gst_mini_object_unref (item->object);
  g_free (item);
}

gsize
av_item_size (const AvItem * item)
{
  return GST_IS_BUFFER (item->object)
      ? gst_buffer_get_size (GST_BUFFER_CAST (item->object)) : 0;
}

/* Takes it behind all that came before. */
void
av_pad_queue (AvPad * pad, AvItem * item)
{
  pad->bytes += av_item_size (item);
  g_queue_push_tail (&pad->waiting, item);
}

void
av_pad_clear (AvPad * pad)
{
  g_queue_clear_full (&pad->waiting, (GDestroyNotify) av_item_free);
  g_queue_clear_full (&pad->ready, (GDestroyNotify) av_item_free);
  g_queue_clear_full (&pad->held, (GDestroyNotify) av_item_free);
  pad->bytes = 0;
}

static void
av_pad_finalize (AvPad * pad)
{
  av_pad_clear (pad);
  g_cond_clear (&pad->changed);
  gst_object_unref (pad->sinkpad);
  gst_object_unref (pad->srcpad);
}

/* Takes a reference to both pads. */
AvPad *
av_pad_new (AvCore * core, guint index, GstPad * sinkpad, GstPad * srcpad)
{
  AvPad *pad = g_atomic_rc_box_new0 (AvPad);

  pad->core = core;
  pad->index = index;
  pad->sinkpad = gst_object_ref_sink (sinkpad);
  pad->srcpad = gst_object_ref_sink (srcpad);
  g_queue_init (&pad->waiting);
  g_queue_init (&pad->ready);
  g_cond_init (&pad->changed);
  pad->flushing = TRUE;
  g_queue_init (&pad->held);
  gst_segment_init (&pad->segment, GST_FORMAT_UNDEFINED);
  av_pad_restart (pad, NULL);
  return pad;
}

AvPad *
av_pad_ref (AvPad * pad)
{
  return g_atomic_rc_box_acquire (pad);
}

void
av_pad_unref (AvPad * pad)
{
  g_atomic_rc_box_release_full (pad, (GDestroyNotify) av_pad_finalize);
}

/* Forgets the timeline of a pad; its caps stay. */
void
av_pad_restart (AvPad * pad, LockstepAvSync * sync)
{
  if (pad->stream) {
    lockstep_av_sync_remove (sync, pad->stream);
    pad->stream = lockstep_av_sync_add (sync, pad->format.media,
        pad->format.rate);
  }
  g_queue_clear_full (&pad->held, (GDestroyNotify) av_item_free);
  pad->keyframe_seen = FALSE;
  pad->keyframe_asked = pad->keyframe_since = -1;
  pad->has_ntp = pad->any_out = pad->has_ssrc = FALSE;
  pad->told_source = LOCKSTEP_AV_SOURCE_NONE;
  pad->told_steps = pad->told_restarts = 0;
  pad->spacing = 0;
}

static void
take_ntp (AvPad * pad, LockstepAvSync * sync, const GstAvresyncInput * input)
{
  if (pad->has_ntp) {
    gint64 expected, error;
    gint64 ticks = input->timestamp - pad->last_ntp_timestamp;

    if (pad->format.rate)
      ticks = (gint32) ticks *(gint64) GST_SECOND / pad->format.rate;
    expected = (gint64) pad->last_ntp + ticks;
    error = (gint64) input->ntp_ns - expected;
    pad->last_ntp = input->ntp_ns;
    pad->last_ntp_timestamp = input->timestamp;
    if (error > -NTP_ROUNDING && error < NTP_ROUNDING)
      return;                   /* the same report, carried on */
  }
  pad->has_ntp = TRUE;
  pad->last_ntp = input->ntp_ns;
  pad->last_ntp_timestamp = input->timestamp;
  lockstep_av_stream_report (sync, pad->stream,
      LOCKSTEP_AV_SOURCE_SENDER_REPORT, input->timestamp,
      gst_avresync_ntp_from_ns (input->ntp_ns), FALSE, 0);
}

/* Takes a buffer that says when it was sent into account, and puts it where it
 * waits. */
void
av_pad_observe (AvPad * pad, LockstepAvSync * sync, AvItem * item,
    gint64 arrival, gint64 now)
{
  const GstAvresyncInput *input = &item->input;
  LockstepAvVerdict verdict;

  verdict = lockstep_av_stream_observe (sync, pad->stream,
      input->timestamp, input->ssrc, arrival, now);
  if (verdict == LOCKSTEP_AV_KEEP || verdict == LOCKSTEP_AV_HOLD_FIRST)
    g_queue_clear_full (&pad->held, (GDestroyNotify) av_item_free);
  if (verdict == LOCKSTEP_AV_HOLD || verdict == LOCKSTEP_AV_HOLD_FIRST) {
    g_queue_push_tail (&pad->held, item);
    return;
  }
  if (verdict == LOCKSTEP_AV_RESTART) {
    AvItem *held;

    GST_INFO_OBJECT (pad->sinkpad, "the sender began anew");
    /* Behind a gate that had not opened, the old timeline is not known. */
    for (GList * l = pad->waiting.head; l;) {
      GList *next = l->next;
      AvItem *old = l->data;

      if (old->timed) {
        pad->bytes -= av_item_size (old);
        av_item_free (old);
        g_queue_delete_link (&pad->waiting, l);
      }
      l = next;
    }
    while ((held = g_queue_pop_head (&pad->held)))
      av_pad_queue (pad, held);
    pad->keyframe_seen = FALSE;
    pad->keyframe_since = pad->keyframe_asked = -1;
    pad->has_ntp = pad->any_out = FALSE;
  }
  pad->ssrc = input->ssrc;
  pad->has_ssrc = pad->format.rate != 0;
  if (input->has_ntp)
    take_ntp (pad, sync, input);
  if (input->has_capture)
    lockstep_av_stream_report (sync, pad->stream,
        LOCKSTEP_AV_SOURCE_CAPTURE_TIME, input->timestamp, input->capture_ntp,
        input->has_capture_offset, input->capture_offset);
  av_pad_queue (pad, item);
}

/* Whether a packet may go before the stream's first keyframe has come. */
gboolean
av_pad_waits_for_keyframe (AvPad * pad, const AvItem * item, gint64 now,
    gboolean * ask)
{
  if (pad->keyframe_seen)
    return FALSE;
  if (item->input.begins_keyframe || pad->format.media == LOCKSTEP_AV_AUDIO) {
    pad->keyframe_seen = TRUE;
    return FALSE;
  }
  if (pad->keyframe_since < 0)
    pad->keyframe_since = now;
  if (now - pad->keyframe_since >= (gint64) KEYFRAME_PATIENCE) {
    GST_WARNING_OBJECT (pad->sinkpad, "no keyframe came: going on without");
    pad->keyframe_seen = TRUE;
    return FALSE;
  }
  if (pad->keyframe_asked < 0
      || now - pad->keyframe_asked >= (gint64) KEYFRAME_INTERVAL) {
    pad->keyframe_asked = now;
    *ask = TRUE;
  }
  pad->before_keyframe++;
  return TRUE;
}

static void
remember_output (AvPad * pad, const GstAvresyncInput * input, gint64 pts)
{
  if (pad->any_out && pad->format.rate) {
    gint16 packets = (gint16) (input->seqnum - pad->last_seqnum);
    gint64 ns = pts - pad->last_pts;

    if (packets > 0 && packets < 100 && ns >= 0)
      pad->spacing = ns / packets;
  }
  pad->any_out = TRUE;
  pad->last_pts = pts;
  pad->last_timestamp = input->timestamp;
  pad->last_seqnum = input->seqnum;
  pad->last_shift = input->running_time >= 0 ? pts - input->running_time : 0;
}

/* Moves a time that came with the stream to where its buffers went. */
static GstClockTime
shift_time (AvPad * pad, GstClockTime time)
{
  gint64 moved;

  if (!GST_CLOCK_TIME_IS_VALID (time) || time > G_MAXINT64 / 2)
    return time;
  moved = (gint64) gst_segment_to_running_time (&pad->segment, GST_FORMAT_TIME,
      time);
  if (pad->segment.format != GST_FORMAT_TIME || moved < 0)
    moved = (gint64) time;
  return MAX (moved + pad->last_shift, 0);
}

/* Gap and lost events speak of times. */
GstEvent *
av_pad_move_event (AvPad * pad, GstEvent * event)
{
  const GstStructure *s = gst_event_get_structure (event);

  if (GST_EVENT_TYPE (event) == GST_EVENT_GAP) {
    GstClockTime at, duration;
    GstEvent *moved;

    gst_event_parse_gap (event, &at, &duration);
    moved = gst_event_new_gap (shift_time (pad, at), duration);
    gst_event_set_seqnum (moved, gst_event_get_seqnum (event));
    gst_event_unref (event);
    return moved;
  }
  if (GST_EVENT_TYPE (event) == GST_EVENT_CUSTOM_DOWNSTREAM && s
      && gst_structure_has_name (s, "GstRTPPacketLost")) {
    GstStructure *moved;
    GstClockTime at, duration;
    guint seqnum;
    gint16 ahead = 0;

    event = gst_event_make_writable (event);
    moved = gst_event_writable_structure (event);
    if (gst_structure_get_uint (moved, "seqnum", &seqnum))
      ahead = (gint16) (seqnum - pad->last_seqnum);
    if (pad->any_out && pad->format.media == LOCKSTEP_AV_AUDIO && ahead > 0
        && ahead < 1000 && pad->spacing > 0) {
      /* On the grid of the audio, so that concealment fits the hole. */
      gst_structure_set (moved, "timestamp", G_TYPE_UINT64,
          (guint64) (pad->last_pts + ahead * pad->spacing), "duration",
          G_TYPE_UINT64, (guint64) pad->spacing, NULL);
    } else if (gst_structure_get_uint64 (moved, "timestamp", &at)
        && gst_structure_get_uint64 (moved, "duration", &duration)) {
      gst_structure_set (moved, "timestamp", G_TYPE_UINT64,
          shift_time (pad, at), NULL);
    }
  }
  return event;
}

/* Gives the buffer its timestamp. */
void
av_pad_stamp (AvPad * pad, LockstepAvSync * sync, AvItem * item, gint64 now)
{
  GstBuffer *buffer = gst_buffer_make_writable (GST_BUFFER_CAST (item->object));
  gint64 pts;

  item->object = GST_MINI_OBJECT_CAST (buffer);
  if (lockstep_av_stream_stamp (sync, pad->stream, item->input.timestamp,
          now, &pts))
    GST_BUFFER_FLAG_SET (buffer, GST_BUFFER_FLAG_DISCONT);
  if (pad->format.rate) {
    GST_BUFFER_DTS (buffer) = GST_CLOCK_TIME_NONE;
    GST_BUFFER_PTS (buffer) = pts;
  } else {
    gint64 dts = -1;

    if (GST_BUFFER_DTS_IS_VALID (buffer))
      dts = (gint64) gst_segment_to_running_time (&pad->segment,
          GST_FORMAT_TIME, GST_BUFFER_DTS (buffer));
    GST_BUFFER_DTS (buffer) = dts >= 0
        ? (GstClockTime) MAX (dts + pts - item->input.running_time, 0)
        : GST_CLOCK_TIME_NONE;
    GST_BUFFER_PTS (buffer) = pts;
  }
  remember_output (pad, &item->input, pts);
}

GstStructure *
av_pad_stats (AvPad * pad, LockstepAvSync * sync)
{
  LockstepAvStats s;

  memset (&s, 0, sizeof (s));
  if (pad->stream)
    lockstep_av_stream_stats (sync, pad->stream, &s);
  return gst_structure_new ("application/x-avresync-stream",
      "pad", G_TYPE_UINT, pad->index,
      "media", G_TYPE_STRING, !pad->stream ? "none"
      : pad->format.media == LOCKSTEP_AV_AUDIO ? "audio" : "video",
      "reference", G_TYPE_BOOLEAN, s.is_reference,
      "source", G_TYPE_STRING, lockstep_av_source_name (s.source),
      "sender-reports", G_TYPE_STRING, lockstep_belief_name (s.reports),
      "capture-times", G_TYPE_STRING, lockstep_belief_name (s.captures),
      "estimated-offset", G_TYPE_INT64, s.estimated,
      "applied-offset", G_TYPE_INT64, s.applied,
      "arrival-offset", G_TYPE_INT64, s.arrival,
      "rate", G_TYPE_INT64, s.rate,
      "uncertainty", G_TYPE_INT64, s.uncertainty,
      "clock-drift", G_TYPE_DOUBLE, s.clock_drift,
      "drift", G_TYPE_DOUBLE, s.drift,
      "steps", G_TYPE_UINT64, s.steps,
      "restarts", G_TYPE_UINT64, s.restarts,
      "report-jumps", G_TYPE_UINT64, s.report_jumps,
      "strays", G_TYPE_UINT64, s.strays,
      "malformed", G_TYPE_UINT64, pad->malformed,
      "before-keyframe", G_TYPE_UINT64, pad->before_keyframe, NULL);
}

/* What has changed since the application was last told. NULL for nothing. */
GstStructure *
av_pad_news (AvPad * pad, LockstepAvSync * sync)
{
  LockstepAvStats s;
  GstStructure *structure;

  lockstep_av_stream_stats (sync, pad->stream, &s);
  if (s.source == pad->told_source && s.steps == pad->told_steps
      && s.restarts == pad->told_restarts)
    return NULL;
  pad->told_source = s.source;
  pad->told_steps = s.steps;
  pad->told_restarts = s.restarts;
  structure = av_pad_stats (pad, sync);
  gst_structure_set_name (structure, "avresync");
  return structure;
}
