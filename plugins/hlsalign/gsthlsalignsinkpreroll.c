/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Preroll and the end of the stream: what a sink owes the pipeline that it is in.
 *
 * Below PLAYING the first buffer, gap or end that comes completes the change to PAUSED,
 * and it and all that follow wait for PLAYING. With two pads one is enough: a demuxer may
 * push to both from one thread. Where sources are live nothing comes in PAUSED, and the
 * bin goes on to PLAYING all the same: then this sink does too, without data.
 *
 * A change is committed with preroll_lock held, and PAUSED to PLAYING takes it too. So
 * the application, which learns of PAUSED while the commit is under way, cannot get the
 * pipeline to PLAYING before the commit is through. Where it can, GstBin takes the late
 * end of its own "PAUSED" message for the newer one, and never forwards the EOS. For the
 * same reason this sink is the last one: what completes the pipeline's change is its
 * commit, and not that of a decodebin upstream, whose thread holds up nothing.
 *
 * These messages, and that a state is lost, are so posted with preroll_lock held, and a
 * sync handler may do anything that does not take it: it is never waited for with the
 * element's lock held. All others are posted without it. */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include "gsthlsalignsink.h"

#define GST_CAT_DEFAULT gst_hls_align_sink_debug

/* How long others are waited for, and how often it is looked. A decodebin upstream that is
 * done is noticed by what it then lets through. */
#define WAIT_FOR_OTHERS (5 * G_TIME_SPAN_SECOND)
#define LOOK_AGAIN (20 * G_TIME_SPAN_MILLISECOND)

static void
post_state (GstHlsAlignSink * self, GstState from, GstState to,
    GstState pending)
{
  gst_element_post_message (GST_ELEMENT (self),
      gst_message_new_state_changed (GST_OBJECT (self), from, to, pending));
}

static void
post_eos (GstHlsAlignSink * self)
{
  GstMessage *message = gst_message_new_eos (GST_OBJECT (self));

  gst_message_set_seqnum (message, self->eos_seqnum);
  gst_element_post_message (GST_ELEMENT (self), message);
}

/* Buffers pass from here on. With preroll_lock. Returns: whether the end, which came
 * before, is to be posted without it. */
static gboolean
set_playing (GstHlsAlignSink * self)
{
  gboolean ended = self->eos_pending;

  self->playing = self->committed = TRUE;
  self->eos_pending = self->lost = FALSE;
  g_cond_broadcast (&self->preroll_cond);
  return ended;
}

static GstElement *
top_of (GstElement * element)
{
  GstObject *top = gst_object_ref (GST_OBJECT (element)), *parent;

  while ((parent = gst_object_get_parent (top)) != NULL) {
    gst_object_unref (top);
    top = parent;
  }
  return GST_ELEMENT (top);
}

static gboolean
is_playing (GstElement * element)
{
  gboolean playing;

  GST_OBJECT_LOCK (element);
  playing = GST_STATE (element) == GST_STATE_PLAYING
      && GST_STATE_PENDING (element) == GST_STATE_VOID_PENDING;
  GST_OBJECT_UNLOCK (element);
  return playing;
}

/* From a thread of its own. A bin that was about to reach PLAYING while this sink lost its
 * state and prerolled again has seen neither, and would not bring it to PLAYING. */
static void
follow_parent (GstElement * element, gpointer user)
{
  GstElement *top = top_of (element);
  GstObject *parent = gst_object_get_parent (GST_OBJECT (element));

  /* until the change that goes on is through */
  GST_STATE_LOCK (top);
  if (parent != NULL && is_playing (top) && is_playing (GST_ELEMENT (parent)))
    gst_element_sync_state_with_parent (element);
  GST_STATE_UNLOCK (top);
  gst_clear_object (&parent);
  gst_object_unref (top);
}

/* What was prerolled was lost, and is there again. With preroll_lock. */
static void
found_again (GstHlsAlignSink * self)
{
  if (self->lost)
    gst_element_call_async (GST_ELEMENT (self), follow_parent, NULL, NULL);
  self->lost = FALSE;
}

/* Completes a change that waits for data. With preroll_lock. Returns: as set_playing(). */
static gboolean
commit (GstHlsAlignSink * self)
{
  GstState old, next, pending;
  gboolean ended = FALSE;

  if (self->committed)
    return FALSE;
  GST_OBJECT_LOCK (self);
  old = GST_STATE (self);
  next = GST_STATE_NEXT (self);
  pending = GST_STATE_PENDING (self);
  if (pending == GST_STATE_VOID_PENDING && old >= GST_STATE_PAUSED) {
    /* it was lost while a change was under way, which is through since */
    GST_OBJECT_UNLOCK (self);
    self->committed = TRUE;
    gst_element_post_message (GST_ELEMENT (self),
        gst_message_new_async_done (GST_OBJECT (self), GST_CLOCK_TIME_NONE));
    if (old == GST_STATE_PLAYING)
      return set_playing (self);
    found_again (self);
    return FALSE;
  }
  /* on the way down nothing is committed */
  if (pending != GST_STATE_PAUSED && pending != GST_STATE_PLAYING) {
    GST_OBJECT_UNLOCK (self);
    return FALSE;
  }
  GST_STATE (self) = pending;
  GST_STATE_NEXT (self) = GST_STATE_PENDING (self) = GST_STATE_VOID_PENDING;
  GST_STATE_RETURN (self) = GST_STATE_CHANGE_SUCCESS;
  GST_OBJECT_UNLOCK (self);

  GST_DEBUG_OBJECT (self, "prerolled: %s",
      gst_element_state_get_name (pending));
  self->committed = TRUE;
  if (next == GST_STATE_PAUSED)
    post_state (self, old, GST_STATE_PAUSED,
        pending == GST_STATE_PAUSED ? GST_STATE_VOID_PENDING : pending);
  gst_element_post_message (GST_ELEMENT (self),
      gst_message_new_async_done (GST_OBJECT (self), GST_CLOCK_TIME_NONE));
  if (pending == GST_STATE_PLAYING) {
    post_state (self, GST_STATE_PAUSED, GST_STATE_PLAYING,
        GST_STATE_VOID_PENDING);
    ended = set_playing (self);
  } else {
    found_again (self);
  }
  GST_STATE_BROADCAST (self);
  return ended;
}

/* Whether a bin above waits for something else than sinks: it cannot go on before. */
static gboolean
others_wait (GstHlsAlignSink * self)
{
  GstObject *bin = gst_object_get_parent (GST_OBJECT (self)), *parent;
  gboolean wait = FALSE;

  for (; bin != NULL; bin = parent) {
    GST_OBJECT_LOCK (bin);
    for (GList * l = GST_IS_BIN (bin) ? GST_BIN (bin)->messages : NULL;
        l != NULL && !wait; l = l->next)
      wait = GST_MESSAGE_TYPE (l->data) == GST_MESSAGE_ASYNC_START
          && !GST_OBJECT_FLAG_IS_SET (GST_MESSAGE_SRC (l->data),
          GST_ELEMENT_FLAG_SINK);
    GST_OBJECT_UNLOCK (bin);
    parent = gst_object_get_parent (bin);
    gst_object_unref (bin);
  }
  return wait;
}

/* With preroll_lock. Whether the pipeline is brought to PAUSED, by which it will be told
 * to go on: a sink that goes its own way waits for nobody. */
static gboolean
is_led (GstHlsAlignSink * self)
{
  gboolean led;

  GST_OBJECT_LOCK (self);
  led = !self->committed && GST_STATE_PENDING (self) == GST_STATE_PAUSED;
  GST_OBJECT_UNLOCK (self);
  return led;
}

/* To be called with what comes on a pad, without the lock. FALSE: it is flushing. */
gboolean
gst_hls_align_sink_preroll (GstHlsAlignSink * self, LockstepTrackKind kind)
{
  gboolean flushing, ended = FALSE;
  gint64 now, until = G_MAXINT64;

  g_mutex_lock (&self->preroll_lock);
  while (!(flushing = self->preroll_flushing[kind]) && !self->playing) {
    now = g_get_monotonic_time ();
    until = MIN (until, now + WAIT_FOR_OTHERS);
    if (now < until && is_led (self) && others_wait (self)) {
      g_cond_wait_until (&self->preroll_cond, &self->preroll_lock,
          now + LOOK_AGAIN);
      continue;
    }
    ended |= commit (self);
    if (!self->playing)
      g_cond_wait (&self->preroll_cond, &self->preroll_lock);
  }
  g_mutex_unlock (&self->preroll_lock);
  if (ended)
    post_eos (self);
  return !flushing;
}

void
gst_hls_align_sink_preroll_flush (GstHlsAlignSink * self,
    LockstepTrackKind kind, gboolean flushing)
{
  g_mutex_lock (&self->preroll_lock);
  self->preroll_flushing[kind] = flushing;
  g_cond_broadcast (&self->preroll_cond);
  g_mutex_unlock (&self->preroll_lock);
}

/* What was prerolled is gone, as after a seek. Under preroll_lock, or the other pad's
 * buffer could find nothing to commit and wait for good. */
void
gst_hls_align_sink_preroll_lost (GstHlsAlignSink * self)
{
  if (!self->async)
    return;
  g_mutex_lock (&self->preroll_lock);
  self->playing = self->committed = FALSE;
  self->eos_pending = FALSE;
  self->lost = TRUE;
  gst_element_lost_state (GST_ELEMENT (self));
  g_mutex_unlock (&self->preroll_lock);
}

/* {{{ the end */

void
gst_hls_align_sink_preroll_end (GstHlsAlignSink * self, guint32 seqnum)
{
  g_mutex_lock (&self->preroll_lock);
  self->eos_seqnum = seqnum;
  self->eos_wanted = TRUE;
  self->ends++;
  g_mutex_unlock (&self->preroll_lock);
}

/* It did not end after all: there was a flush, or a new stream. */
void
gst_hls_align_sink_preroll_no_end (GstHlsAlignSink * self)
{
  g_mutex_lock (&self->preroll_lock);
  self->eos_wanted = self->eos_pending = FALSE;
  g_mutex_unlock (&self->preroll_lock);
}

/* From the output's thread: all is stored. */
void
gst_hls_align_sink_preroll_ended (GstHlsAlignSink * self)
{
  gboolean now = FALSE;

  g_mutex_lock (&self->preroll_lock);
  /* none is due where one came late, of a run before this */
  if (self->ends > 0 && --self->ends == 0 && self->eos_wanted) {
    self->eos_wanted = FALSE;
    now = self->playing;
    self->eos_pending = !now;
  }
  g_mutex_unlock (&self->preroll_lock);
  if (now)
    post_eos (self);
}

/* {{{ states */

/* READY to PAUSED. Returns: whether the change waits for data. */
gboolean
gst_hls_align_sink_preroll_start (GstHlsAlignSink * self)
{
  gboolean wait = self->async;

  if (wait)
    gst_element_post_message (GST_ELEMENT (self),
        gst_message_new_async_start (GST_OBJECT (self)));
  g_mutex_lock (&self->preroll_lock);
  self->playing = FALSE;
  self->committed = !wait;
  self->eos_wanted = self->eos_pending = self->lost = FALSE;
  self->ends = 0;
  for (guint i = 0; i < LOCKSTEP_N_TRACKS; i++)
    self->preroll_flushing[i] = FALSE;
  g_mutex_unlock (&self->preroll_lock);
  return wait;
}

void
gst_hls_align_sink_preroll_play (GstHlsAlignSink * self)
{
  gboolean ended;

  g_mutex_lock (&self->preroll_lock);
  ended = set_playing (self);
  g_mutex_unlock (&self->preroll_lock);
  if (ended)
    post_eos (self);
}

/* PLAYING to PAUSED. @wait: something is still to come, which will be held.
 * Returns: whether the change waits for it. */
gboolean
gst_hls_align_sink_preroll_pause (GstHlsAlignSink * self, gboolean wait)
{
  wait = wait && self->async;
  /* before anything can commit what it begins */
  if (wait)
    gst_element_post_message (GST_ELEMENT (self),
        gst_message_new_async_start (GST_OBJECT (self)));
  g_mutex_lock (&self->preroll_lock);
  self->playing = FALSE;
  self->committed = !wait;
  g_mutex_unlock (&self->preroll_lock);
  return wait;
}

/* PAUSED to READY: whoever waits need not any more. */
void
gst_hls_align_sink_preroll_stop (GstHlsAlignSink * self)
{
  gboolean waited;

  g_mutex_lock (&self->preroll_lock);
  for (guint i = 0; i < LOCKSTEP_N_TRACKS; i++)
    self->preroll_flushing[i] = TRUE;
  self->eos_wanted = self->eos_pending = FALSE;
  waited = !self->committed;
  self->committed = TRUE;
  g_cond_broadcast (&self->preroll_cond);
  g_mutex_unlock (&self->preroll_lock);
  if (waited)
    gst_element_post_message (GST_ELEMENT (self),
        gst_message_new_async_done (GST_OBJECT (self), GST_CLOCK_TIME_NONE));
}

/* {{{ live pipelines */

/* From a thread of its own. */
static void
skip_preroll (GstElement * element, gpointer user)
{
  GstHlsAlignSink *self = GST_HLS_ALIGN_SINK (element);
  GstElement *top = top_of (element);
  gboolean live, ended = FALSE;

  /* until the change that asked for the latency is through, or waits for this sink */
  GST_STATE_LOCK (top);
  live = top != element && GST_STATE_NEXT (top) == GST_STATE_PLAYING;
  GST_STATE_UNLOCK (top);
  g_mutex_lock (&self->preroll_lock);
  self->skipping = FALSE;
  if (live)
    ended = commit (self);
  g_mutex_unlock (&self->preroll_lock);
  if (ended)
    post_eos (self);
  gst_object_unref (top);
}

/* A bin asks for the latency on the way from PAUSED to PLAYING, and is there without this
 * sink's preroll only if sources are live. */
void
gst_hls_align_sink_preroll_asked (GstHlsAlignSink * self)
{
  gboolean skip;

  g_mutex_lock (&self->preroll_lock);
  skip = !self->committed && !self->skipping;
  self->skipping |= skip;
  g_mutex_unlock (&self->preroll_lock);
  if (skip)
    gst_element_call_async (GST_ELEMENT (self), skip_preroll, NULL, NULL);
}
