/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Signalling over data channels that a server opens. */
#pragma once

#include <gst/gst.h>

typedef struct _SignalChannels SignalChannels;

/* Something came over the channel @label; or the server does what none should: @why, and no
 * @data. From a thread of webrtcbin. */
typedef void (*SignalChannelsReceived) (const char *label, GBytes * data,
    const char *why, gpointer user_data);

/* Takes the channels of a server's signalling; others are left alone. @user_data is
 * released when no thread needs it any more. @webrtc is at least READY. */
SignalChannels *signal_channels_new (GstElement * webrtc,
    SignalChannelsReceived received, gpointer user_data,
    GDestroyNotify release);
/* Nothing comes any more. */
void signal_channels_close (SignalChannels * channels);

/* @binary: not as text. FALSE: there is no such channel, or too much waits already. */
gboolean signal_channels_send (SignalChannels * channels, const char *label,
    GBytes * data, gboolean binary);
