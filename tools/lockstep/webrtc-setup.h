/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What one webrtcbin is told before it negotiates: where ICE looks for paths, and how its
 * rtpbin holds packets. */
#pragma once

#include <gst/gst.h>
#include <gst/lockstep/sdp.h>

/* @servers: comma-separated; NULL or "": none. @relay_only: only candidates of TURN servers
 * are used. @webrtc is at least READY. */
void webrtc_setup_ice (GstElement * webrtc, gboolean loopback_only,
    const char *servers, gboolean relay_only);

/* For a peer that leaves loopback candidates out: this machine's other addresses too. Before
 * the offer is given to @webrtc. */
void webrtc_setup_add_addresses (GstElement * webrtc);

/* The packets that a webrtcbin receives. */
typedef struct _WebrtcBuffers WebrtcBuffers;

/* From now on, the rtpbin of @webrtc makes latencybuffers, which hold packets so many ms. */
WebrtcBuffers *webrtc_buffers_new (GstElement * webrtc, int audio_latency,
    int video_latency);
/* Which payload type holds what, once, before the offer is given to webrtcbin. */
void webrtc_buffers_set_offer (WebrtcBuffers * buffers,
    const LockstepOffer * offer);
/* Nothing more is set. Frees it once no thread uses it. */
void webrtc_buffers_close (WebrtcBuffers * buffers);

/* Before it negotiates: the rtpbin of @webrtc is told the clock rate of each stream that it
 * sends, 48 kHz of @audio_ssrc (0: none), 90 kHz of all others. */
void webrtc_setup_clock_rates (GstElement * webrtc, guint32 audio_ssrc);

/* Spends the time that the first session of a process costs (the DTLS key, the
 * loading of plugins) before there is a peer. */
void webrtc_setup_warm_up (void);
