/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What is common to avresync's pads: the lock, the timeline, the gate's timer, and
 * the way of a buffer from a sink pad to the thread of its src pad. */
#pragma once

#include "gstavresyncpad.h"

G_BEGIN_DECLS

struct _AvCore
{
  GstElement *element;          /* that it is part of */
  GMutex lock;                  /* for all below, and the pads */
  LockstepAvSync *sync;
  LockstepAvConfig config;
  gboolean wait_for_keyframe;
  GList *pads;                  /* AvPad */
  GstClockID timer;
  gint64 timer_at;
  gboolean liveness_known, live;
  gint64 latest;                /* the latest time seen, running time */
  GstClockTime headroom;        /* as reported */
};

GstFlowReturn av_core_take_buffer (AvCore * core, AvPad * pad,
    GstBuffer * buffer);
gboolean av_core_take_event (AvCore * core, AvPad * pad, GstEvent * event);
void av_core_take_rtcp (AvCore * core, GstBuffer * buffer);
void av_core_set_caps (AvCore * core, AvPad * pad, const GstCaps * caps);
void av_core_set_flushing (AvCore * core, AvPad * pad, gboolean flushing);
void av_core_loop (gpointer srcpad);
AvPad *av_core_find_pad (AvCore * core, GstPad * either);
void av_core_cancel_timer (AvCore * core);
void av_core_reset (AvCore * core);
GstStructure *av_core_stats (AvCore * core);

G_END_DECLS
