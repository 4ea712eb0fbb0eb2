/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Congestion control of one peer that a webrtcbin sends to. */
#pragma once

#include <gst/gst.h>
#include "fec-sender.h"

#include <gst/lockstep/bandwidth.h>

typedef struct _RateControl RateControl;

/* @webrtc: its streams send transport-wide sequence numbers. Does nothing until the
 * peer's feedback comes. */
RateControl *rate_control_new (GstElement * webrtc,
    const LockstepBandwidthConfig * limits);
/* Spaces the packets that leave @pad, RTP of the video, in that pad's thread. */
void rate_control_pace (RateControl * control, GstPad * pad);
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
LockstepBandwidthStats rate_control_stats (RateControl * control);
