/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* One pair of avresync's pads: what waits between them, and what happens to it on
 * its way. Everything here is to be called with the element's lock. */
#pragma once

#include "gstavresyncinput.h"

G_BEGIN_DECLS

typedef struct _AvCore AvCore;

/* A buffer, or a serialized event that came between buffers. */
typedef struct
{
  GstMiniObject *object;
  GstAvresyncInput input;
  gboolean timed;               /* input is valid */
} AvItem;

/* A sink pad, its src pad, and what waits between them. Reference counted: a query
 * may outlive the pad's release. */
typedef struct
{
  AvCore *core;                 /* outlives the pads' threads */
  GstPad *sinkpad, *srcpad;
  guint index;

  /* under the element's lock */

  LockstepAvStream *stream;
  GstAvresyncFormat format;
  GstSegment segment;
  gboolean segment_sent;
  GQueue waiting;               /* AvItem, as they came: the gate is closed */
  GQueue ready;                 /* AvItem, for the src pad's thread */
  gsize bytes;                  /* in both */
  GCond changed;                /* the queues, flow or flushing */
  gboolean flushing;
  GQueue held;                  /* AvItem: may be strays */
  GstFlowReturn flow;
  guint32 ssrc;
  gboolean has_ssrc;

  gboolean keyframe_seen;
  gint64 keyframe_asked, keyframe_since;

  gboolean has_ntp;             /* of the metas */
  guint64 last_ntp;
  gint64 last_ntp_timestamp;

  gboolean any_out;             /* for lost events */
  gint64 last_pts, last_shift, spacing;
  gint64 last_timestamp;
  guint16 last_seqnum;

  LockstepAvSource told_source;
  guint64 told_steps, told_restarts;
  guint64 malformed, before_keyframe;
} AvPad;

void av_item_free (AvItem * item);
gsize av_item_size (const AvItem * item);
AvPad *av_pad_new (AvCore * core, guint index, GstPad * sinkpad, GstPad * srcpad);
AvPad *av_pad_ref (AvPad * pad);
void av_pad_unref (AvPad * pad);
void av_pad_clear (AvPad * pad);
void av_pad_restart (AvPad * pad, LockstepAvSync * sync);
void av_pad_queue (AvPad * pad, AvItem * item);
void av_pad_observe (AvPad * pad, LockstepAvSync * sync, AvItem * item,
    gint64 arrival, gint64 now);
gboolean av_pad_waits_for_keyframe (AvPad * pad, const AvItem * item,
    gint64 now, gboolean * ask);
void av_pad_stamp (AvPad * pad, LockstepAvSync * sync, AvItem * item,
    gint64 now);
GstEvent *av_pad_move_event (AvPad * pad, GstEvent * event);
GstStructure *av_pad_stats (AvPad * pad, LockstepAvSync * sync);
GstStructure *av_pad_news (AvPad * pad, LockstepAvSync * sync);

G_END_DECLS
