/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* latencybuffer: the source pad's thread, which waits for what is due and sends
 * it on, and the requests that go upstream. */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include "gstlatencybuffer.h"

#define GST_CAT_DEFAULT latency_buffer_debug

/* Running time, G_MININT64 without a clock. */
gint64
gst_latency_buffer_running_time (GstLatencyBuffer * self)
{
  GstClock *clock = gst_element_get_clock (GST_ELEMENT_CAST (self));
  gint64 now;

  if (clock == NULL)
    return G_MININT64;
  now = (gint64) gst_clock_get_time (clock) -
      (gint64) gst_element_get_base_time (GST_ELEMENT_CAST (self));
  gst_object_unref (clock);
  return now;
}

static GstEvent *
request_event (GstLatencyBuffer * self, const LockstepRtxRequest * request,
    guint16 seq)
{
#define MS(ns) ((guint) (MAX (ns, 0) / GST_MSECOND))
  return gst_event_new_custom (GST_EVENT_CUSTOM_UPSTREAM,
      gst_structure_new ("GstRTPRetransmissionRequest",
          "seqnum", G_TYPE_UINT, (guint) seq,
          "running-time", G_TYPE_UINT64, (guint64) MAX (request->pts, 0),
          "delay", G_TYPE_UINT, MS (request->delay),
          "retry", G_TYPE_UINT, request->retry,
          "frequency", G_TYPE_UINT, MS (request->retry_timeout),
          "period", G_TYPE_UINT, MS (request->period),
          "deadline", G_TYPE_UINT, MS (request->delay + request->deadline),
          "packet-spacing", G_TYPE_UINT64, (guint64) self->playout->spacing,
          "avg-rtt", G_TYPE_UINT, MS (request->rtt),
          "ssrc", G_TYPE_UINT, self->playout->ssrc, NULL));
#undef MS
}

/* With the lock. */
guint
gst_latency_buffer_due_requests (GstLatencyBuffer * self, gint64 now,
    GstEvent ** events)
{
  LockstepRtxRequest request;
  guint16 seq;
  guint n = 0;

  while (n < GST_LATENCY_BUFFER_REQUESTS
      && lockstep_playout_poll_rtx (self->playout, now, &request, &seq)) {
    GST_DEBUG_OBJECT (self, "asking for #%u, try %u, %" G_GINT64_FORMAT
        " ms after it was missed, %" G_GINT64_FORMAT " ms before it is lost",
        seq, request.retry + 1, request.delay / (gint64) GST_MSECOND,
        request.deadline / (gint64) GST_MSECOND);
    events[n++] = request_event (self, &request, seq);
  }
  return n;
}

/* With the lock, which is let go of meanwhile. FALSE: woken before @until. */
static gboolean
wait_until (GstLatencyBuffer * self, gint64 until)
{
  GstClockTime at, internal, external, rate_num, rate_denom;
  GstClockReturn ret;
  gboolean reached;

  if (self->clock == NULL)
    return TRUE;
  at = (GstClockTime) MAX ((gint64) self->base_time + until, 0);
  self->waiting_until = until;
  if (self->clock_is_monotonic) {
    gst_clock_get_calibration (self->clock, &internal, &external, &rate_num,
        &rate_denom);
    if (G_LIKELY (internal == external && rate_num == rate_denom)) {
      reached = !g_cond_wait_until (&self->cond, &self->lock,
          (gint64) ((at + 999) / 1000));
      self->waiting_until = G_MININT64;
      return reached;
    }
  }
  if (self->clock_id == NULL || self->clock_changed
      || !gst_clock_single_shot_id_reinit (self->clock, self->clock_id, at)) {
    if (self->clock_id != NULL)
      gst_clock_id_unref (self->clock_id);
    self->clock_id = gst_clock_new_single_shot_id (self->clock, at);
    self->clock_changed = FALSE;
  }
  self->waiting = TRUE;
  g_mutex_unlock (&self->lock);
  ret = gst_clock_id_wait (self->clock_id, NULL);
  g_mutex_lock (&self->lock);
  self->waiting = FALSE;
  self->waiting_until = G_MININT64;
  return ret != GST_CLOCK_UNSCHEDULED;
}

/* With the lock: until something is due. FALSE: flushing. @now: running time */
static gboolean
wait_for_work (GstLatencyBuffer * self, gint64 * now)
{
  while (!self->flushing) {
    gint64 at = LOCKSTEP_PLAYOUT_NEVER;

    self->base_time = gst_element_get_base_time (GST_ELEMENT_CAST (self));
    if (!self->blocked && !self->inactive)
      at = lockstep_playout_next_time (self->playout);
    if (at == LOCKSTEP_PLAYOUT_NEVER) {
      self->waiting_until = LOCKSTEP_PLAYOUT_NEVER;
      g_cond_wait (&self->cond, &self->lock);
      self->waiting_until = G_MININT64;
      continue;
    }
    /* What was due when it came need not be waited for. All else is in the future, as
     * a rule, and where it is not the clock says so at once. */
    if (at > self->passed && at <= self->newest_arrival)
      self->passed = MAX (self->passed, gst_latency_buffer_running_time (self));
    if (at > self->passed) {
      if (!wait_until (self, at))
        continue;
      self->passed = MAX (self->passed, at);
    }
    *now = MAX (at, self->passed);
    /* how much is lost depends on how late it really is */
    if (lockstep_playout_gap (self->playout))
      *now = MAX (*now, gst_latency_buffer_running_time (self));
    return TRUE;
  }
  return FALSE;
}

static GstClockTime
output_time (GstLatencyBuffer * self, gint64 running)
{
  const GstSegment *segment = &self->out_segment;

  running = MAX (running, 0);
  if (G_LIKELY (segment->rate == 1.0 && segment->base == 0
          && segment->offset == 0 && segment->start == 0))
    return (GstClockTime) running;
  return gst_segment_position_from_running_time (segment, GST_FORMAT_TIME,
      (GstClockTime) running);
}

/* With the lock. */
static GstBuffer *
finish_buffer (GstLatencyBuffer * self, const LockstepPlayoutAction * action)
{
  GstBuffer *buffer = gst_buffer_make_writable (GST_BUFFER (action->payload));
  guint64 ntp;

  GST_BUFFER_PTS (buffer) = output_time (self, action->pts);
  GST_BUFFER_DTS (buffer) = GST_CLOCK_TIME_NONE;
  if (action->discont)
    GST_BUFFER_FLAG_SET (buffer, GST_BUFFER_FLAG_DISCONT);
  else
    GST_BUFFER_FLAG_UNSET (buffer, GST_BUFFER_FLAG_DISCONT);
  if (action->reset)
    GST_BUFFER_FLAG_SET (buffer, GST_BUFFER_FLAG_RESYNC);
  gst_buffer_add_reference_timestamp_meta (buffer, self->arrival_caps,
      self->base_time + (GstClockTime) MAX (action->arrival, 0),
      GST_CLOCK_TIME_NONE);
  if (gst_latency_buffer_ntp_time (self, (guint32) action->timestamp, &ntp))
    gst_buffer_add_reference_timestamp_meta (buffer, self->ntp_caps, ntp,
        GST_CLOCK_TIME_NONE);
  self->last_out = action->pts;
  GST_LOG_OBJECT (self, "#%u leaves, pts %" GST_TIME_FORMAT ", bound %"
      G_GINT64_FORMAT " ms", action->seq,
      GST_TIME_ARGS (GST_BUFFER_PTS (buffer)),
      lockstep_playout_bound (self->playout) / (gint64) GST_MSECOND);
  return buffer;
}

/* With the lock, which it lets go of. */
static GstFlowReturn
push_packets (GstLatencyBuffer * self, gint64 now,
    LockstepPlayoutAction * action)
{
  GstBuffer *buffer = finish_buffer (self, action);
  GstBufferList *list;

  if (!action->more) {
    g_mutex_unlock (&self->lock);
    return gst_pad_push (self->srcpad, buffer);
  }
  list = gst_buffer_list_new ();
  gst_buffer_list_add (list, buffer);
  while (action->more && lockstep_playout_poll (self->playout, now, action))
    gst_buffer_list_add (list, finish_buffer (self, action));
  g_mutex_unlock (&self->lock);
  return gst_pad_push_list (self->srcpad, list);
}

static GstEvent *
lost_event (GstLatencyBuffer * self, const LockstepPlayoutAction * action)
{
  GST_LOG_OBJECT (self, "#%u and %u more are lost, pts %" GST_TIME_FORMAT,
      action->seq, action->count - 1,
      GST_TIME_ARGS (output_time (self, action->pts)));
  return gst_event_new_custom (GST_EVENT_CUSTOM_DOWNSTREAM,
      gst_structure_new ("GstRTPPacketLost",
          "seqnum", G_TYPE_UINT, (guint) action->seq,
          "timestamp", G_TYPE_UINT64, output_time (self, action->pts),
          "duration", G_TYPE_UINT64, (guint64) action->duration,
          "retry", G_TYPE_UINT, action->tries, NULL));
}

/* With the lock: an event that waited in the queue, fit to be sent. */
static GstEvent *
finish_event (GstLatencyBuffer * self, GstEvent * event)
{
  if (GST_EVENT_TYPE (event) == GST_EVENT_SEGMENT)
    gst_event_copy_segment (event, &self->out_segment);
  return event;
}

static void
pause_on_error (GstLatencyBuffer * self, GstFlowReturn ret)
{
  g_mutex_lock (&self->lock);
  if (self->srcresult == GST_FLOW_OK)
    self->srcresult = ret;
  lockstep_packet_queue_flush (&self->playout->queue);
  g_mutex_unlock (&self->lock);
  /* who wants no more waits for the end all the same, which upstream's would not pass */
  if (ret == GST_FLOW_EOS)
    gst_pad_push_event (self->srcpad, gst_event_new_eos ());
  gst_pad_pause_task (self->srcpad);
}

void
gst_latency_buffer_loop (GstPad * pad)
{
  GstLatencyBuffer *self = GST_LATENCY_BUFFER (GST_PAD_PARENT (pad));
  LockstepPlayoutAction action;
  GstEvent *event = NULL, *requests[GST_LATENCY_BUFFER_REQUESTS];
  GstFlowReturn ret = GST_FLOW_OK;
  guint n = 0;
  gint64 now;

  g_mutex_lock (&self->lock);
  if (!wait_for_work (self, &now)) {
    g_mutex_unlock (&self->lock);
    gst_pad_pause_task (pad);
    return;
  }
  if (self->playout->do_rtx)
    n = gst_latency_buffer_due_requests (self, now, requests);
  if (!lockstep_playout_poll (self->playout, now, &action)) {
    g_mutex_unlock (&self->lock);
  } else if (action.kind == LOCKSTEP_PLAYOUT_PACKET) {
    if (n == 0) {
      ret = push_packets (self, now, &action);
    } else {
      /* requests first: they are the more urgent */
      GstBuffer *buffer = finish_buffer (self, &action);

      g_mutex_unlock (&self->lock);
      for (guint i = 0; i < n; i++)
        gst_pad_push_event (self->sinkpad, requests[i]);
      n = 0;
      ret = gst_pad_push (pad, buffer);
    }
  } else {
    if (action.kind == LOCKSTEP_PLAYOUT_EVENT)
      event = finish_event (self, action.payload);
    else if (self->do_lost)
      event = lost_event (self, &action);
    g_mutex_unlock (&self->lock);
    if (event != NULL)
      gst_pad_push_event (pad, event);
  }
  for (guint i = 0; i < n; i++)
    gst_pad_push_event (self->sinkpad, requests[i]);
  if (G_UNLIKELY (ret != GST_FLOW_OK)) {
    GST_DEBUG_OBJECT (self, "downstream returned %s", gst_flow_get_name (ret));
    pause_on_error (self, ret);
  }
}
