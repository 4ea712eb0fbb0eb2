/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Simulcast: several RTP streams through one sink pad of webrtcbin. */
#pragma once

#include <gst/gst.h>
#include <gst/lockstep/simulcast.h>

/* Puts the names of @media and of @layer into each packet that leaves @pad. */
void layers_name_packets (GstPad * pad, const LockstepOfferMedia * media,
    const LockstepLayer * layer);
/* Has what @webrtc, which has not negotiated, sends again name what it repairs. */
void layers_name_repairs (GstElement * webrtc,
    const LockstepOfferMedia * media);
/* Of what a payloader gets, without what is put into packets above. */
GstCaps *layers_stream_caps (const GstCaps * caps);
/* Tells webrtcbin, which @funnel, an rtpfunnel, is linked to, which SSRCs come out of it:
 * key frames that the peer asks for then reach their own encoder. */
void layers_announce (GstElement * funnel, const guint * ssrcs, guint n);
