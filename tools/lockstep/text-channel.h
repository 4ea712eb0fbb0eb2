/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Text over a data channel of one webrtcbin, both ways. */
#pragma once

#include <gst/gst.h>

/* Bytes of a message, either way. Longer ones are dropped. */
#define TEXT_CHANNEL_MAX_BYTES 4096

typedef struct _TextChannel TextChannel;

/* Something came: @text is not NULL; or the peer does what no peer should: @why. From a
 * thread of webrtcbin. */
typedef void (*TextChannelReceived) (const char *text, const char *why,
    gpointer user_data);

/* Messages come and go by the channel that the peer opens with this @label; @user_data
 * is released when no thread needs it any more. @webrtc is at least READY. */
TextChannel *text_channel_new (GstElement * webrtc, const char *label,
    TextChannelReceived received, gpointer user_data, GDestroyNotify release);
/* Opens the channel from this side: before an offer is made. */
void text_channel_open (TextChannel * channel);
/* Nothing comes any more. */
void text_channel_close (TextChannel * channel);

/* FALSE: it is not open, or so much waits to be sent that this is dropped. */
gboolean text_channel_send (TextChannel * channel, const char *text);
