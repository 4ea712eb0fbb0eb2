/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Congestion control of one peer that a webrtcbin sends to. */
#pragma once

#include "fec-sender.h"

#include <gst/app/gstappsrc.h>
#include <gst/lockstep/bandwidth.h>

typedef struct _RateControl RateControl;

/* A key frame is wanted. FALSE: not now; it is asked again with the next frame. In any
 * thread. */
typedef gboolean (*RateControlWantsKey) (gpointer user_data);

/* @webrtc: its streams send transport-wide sequence numbers. Until the peer's feedback
 * comes, it only bounds what is sent again. */
RateControl *rate_control_new (GstElement * webrtc,
    const LockstepBandwidthConfig * limits);
/* Spaces the packets that leave @pad, RTP of the video, in that pad's thread. @frames:
 * where they come from, as frames, before they are packets. @source: in which frames wait
 * before that; NULL: none. Where the path carries so much less than it did that what
 * waits, or was lost, would come too late, it is thrown away up to a new key frame. */
void rate_control_pace (RateControl * control, GstPad * pad, GstPad * frames,
    GstAppSrc * source, RateControlWantsKey wants_key, gpointer user_data);
/* From the first packet on, what leaves by rate_control_pace() is protected by FEC where that
 * pays. */
void rate_control_protect (RateControl * control,
    const LockstepFlexfecConfig * config);
/* FALSE: there is no FEC. */
gboolean rate_control_fec_stats (RateControl * control, FecSenderStats * stats);
/* No packet waits any more; to be called before the pipeline is stopped. */
void rate_control_stop (RateControl * control);
void rate_control_unref (RateControl * control);

/* Bit/s that may be sent to the peer, all streams together and without FEC; 0 while no
 * feedback has come. To be asked several times a second. */
guint64 rate_control_target (RateControl * control);
/* How long what waits takes to be sent, ns. */
gint64 rate_control_backlog (RateControl * control);
LockstepBandwidthStats rate_control_stats (RateControl * control);
