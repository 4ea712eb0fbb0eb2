/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the peers' paths carry becomes the encoder's bitrate, frame rate and size. */
#pragma once

#include <gst/lockstep/bandwidth.h>
#include <gst/lockstep/preset.h>
#include <gst/lockstep/simulcast.h>
#include <json-glib/json-glib.h>

#include "streams.h"

typedef struct _EncoderRate EncoderRate;

/* Bit/s that the peers take: 0: not known yet. @backlog: how long what waits to be sent
 * takes, ns. */
typedef guint64 (*EncoderRateTarget) (gint64 * backlog, gpointer user_data);

/* @pipeline: built from @preset with @values, not running yet. @streams: counts the
 * sound. NULL, without a fault, where the preset says nothing of rates. */
EncoderRate *encoder_rate_new (LockstepPreset * preset, GHashTable * values,
    GstElement * pipeline, Streams * streams, EncoderRateTarget target,
    gpointer user_data, GPtrArray * faults);
void encoder_rate_free (EncoderRate * rate);

/* What a peer's congestion control works between. */
void encoder_rate_limits (EncoderRate * rate, LockstepBandwidthConfig * limits);
/* The same for those who watch the preview, whose rate stays. FALSE: there is none that is
 * encoded here. */
gboolean encoder_rate_preview_limits (LockstepPreset * preset,
    GHashTable * values, LockstepBandwidthConfig * limits);
/* The preview goes to the peer that is called, beside the picture: it takes its share. */
void encoder_rate_beside_preview (EncoderRate * rate);
/* @layers: of LockstepLayer, what is encoded from now on; their bitrates follow what the peer
 * takes. NULL: nobody takes what is encoded beside the picture. @width, @height, @fps: of
 * the picture as the preset makes it. */
void encoder_rate_set_layers (EncoderRate * rate, const GArray * layers,
    guint width, guint height, guint fps);
/* The frames that came to the encoder, and those of them that came too late. */
void encoder_rate_get_late (EncoderRate * rate, guint64 * frames,
    guint64 * late);
/* Adds what is sent: bitrate, width, height, framerate. */
void encoder_rate_add_stats (EncoderRate * rate, JsonObject * to);
