/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* hlsalignsink as one of a group: what the segmenter asks of it, and what the others
 * tell. */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include "gsthlsalignsink.h"

#include <math.h>

void
gst_hls_align_sink_verdict (gpointer user, const LockstepVerdict * verdict)
{
  GstHlsAlignSink *self = user;

  if (self->group != NULL && self->group_leader)
    g_array_append_val (self->verdicts, *verdict);
}

gint64
gst_hls_align_sink_anchor (gpointer user, gint64 start)
{
  GstHlsAlignSink *self = user;

  return self->group != NULL ? hls_group_anchor (self->group, start) : start;
}

gboolean
gst_hls_align_sink_discontinuity (gpointer user, gint64 start, gboolean mine)
{
  GstHlsAlignSink *self = user;

  return self->group != NULL ? hls_group_discontinuity (self->group, start,
      mine, llrint (self->target_duration * GST_SECOND / 4)) : mine;
}

/* From the thread of the one that leads. */
static void
told (gpointer member, const LockstepVerdict * verdict)
{
  GstHlsAlignSink *self = member;

  g_mutex_lock (&self->lock);
  if (self->segmenter != NULL)
    lockstep_segmenter_tell (self->segmenter, verdict);
  g_mutex_unlock (&self->lock);
  gst_hls_align_sink_send_requests (self);
  /* a thread of this sink's own may have taken them */
  gst_hls_align_sink_requests_sent (self);
}

gboolean
gst_hls_align_sink_join_group (GstHlsAlignSink * self)
{
  if (self->group_name == NULL || self->group_name[0] == '\0')
    return TRUE;
  self->group = hls_group_join (self->group_name, self, self->group_leader,
      told);
  if (self->group == NULL)
    GST_ELEMENT_ERROR (self, RESOURCE, SETTINGS,
        ("group-leader: another sink leads the group '%s' already",
            self->group_name), (NULL));
  return self->group != NULL;
}

/* Tells the others of the group, before the picture can have come to them, in the order
 * of the pictures: who comes while another thread tells waits for that. To be called
 * without the lock. */
void
gst_hls_align_sink_send_verdicts (GstHlsAlignSink * self)
{
  g_autoptr (GArray) verdicts = NULL;
  HlsGroup *group = NULL;
  gint64 until = 0;

  g_mutex_lock (&self->lock);
  while (self->telling != NULL && self->telling != g_thread_self ()) {
    if (until == 0)
      until = g_get_monotonic_time () + GST_HLS_ALIGN_SINK_HAND_OVER_LIMIT;
    if (!g_cond_wait_until (&self->cond, &self->lock, until))
      break;
  }
  if (self->verdicts->len > 0 && self->group != NULL) {
    verdicts = g_steal_pointer (&self->verdicts);
    self->verdicts = g_array_new (FALSE, FALSE, sizeof (LockstepVerdict));
    group = hls_group_ref (self->group);
    self->telling = g_thread_self ();
  }
  g_mutex_unlock (&self->lock);
  if (group == NULL)
    return;
  for (guint i = 0; i < verdicts->len; i++)
    hls_group_tell (group, self, &g_array_index (verdicts, LockstepVerdict, i));
  hls_group_unref (group);
  g_mutex_lock (&self->lock);
  if (self->telling == g_thread_self ())
    self->telling = NULL;
  g_cond_broadcast (&self->cond);
  g_mutex_unlock (&self->lock);
}
