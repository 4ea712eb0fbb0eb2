/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What a worker answers to descriptions: statuses, and trickle fragments. */
#pragma once

#include "ipc.h"
#include "webrtc-end.h"

#include <gst/lockstep/sdp.h>

/* What is taken of an offer: data channels where there is one here. */
LockstepOfferFlags worker_sdp_flags (const WebrtcEndConfig * config);
/* The HTTP status of a refusal. */
guint worker_sdp_status (const GError * error, gboolean viewer);
/* Answers a "trickle" message by "trickled". NULL when nothing can be added; @offer
 * NULL: the session is over. */
LockstepTrickle *worker_sdp_trickle (Ipc * ipc, JsonObject * message,
    const LockstepOffer * offer);
