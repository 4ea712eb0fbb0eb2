/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The data channel of one label: other channels that the peer opens are left alone, and
 * more of them than any peer needs end the connection, as webrtcbin keeps them all.
 * webrtcbin calls from threads of its own; each handler holds a reference. */
#include "text-channel.h"
#include "handlers.h"

#include <string.h>

#define GST_USE_UNSTABLE_API
#include <gst/webrtc/webrtc.h>

#define MAX_CHANNELS 16
/* A peer that does not take its messages gets no more of them. */
#define MAX_BUFFERED (64 * 1024)
/* Messages of a peer: so many at once, then so many a second. */
#define BURST 50
#define PER_SECOND 50

struct _TextChannel
{
  GstElement *webrtc;
  char *label;
  TextChannelReceived received;
  gpointer user_data;
  GDestroyNotify release;

  GMutex lock;                  /* protects the rest */
  GstWebRTCDataChannel *channel;        /* NULL: none yet */
  gboolean over;                /* text_channel_close() was called */
  guint opened;                 /* by the peer */
  gint64 allowance, counted_at; /* 1/1000 message; µs */
};

static void
clear (gpointer data)
{
  TextChannel *channel = data;

  gst_object_unref (channel->webrtc);
  g_clear_object (&channel->channel);
  channel->release (channel->user_data);
  g_mutex_clear (&channel->lock);
  g_free (channel->label);
}

static gboolean
take_allowance (TextChannel * channel)
{
  gint64 now = g_get_monotonic_time ();
  gboolean taken;

  g_mutex_lock (&channel->lock);
  channel->allowance = MIN (BURST * 1000, channel->allowance
      + (now - channel->counted_at) * PER_SECOND / 1000);
  channel->counted_at = now;
  taken = channel->allowance >= 1000;
  if (taken)
    channel->allowance -= 1000;
  g_mutex_unlock (&channel->lock);
  return taken;
}

static void
message_came (GstWebRTCDataChannel * data, const char *text, gpointer user_data)
{
  TextChannel *channel = user_data;

  /* webrtcbin gives NULL for an empty message */
  if (text != NULL && strlen (text) <= TEXT_CHANNEL_MAX_BYTES
      && g_utf8_validate (text, -1, NULL) && take_allowance (channel))
    channel->received (text, NULL, channel->user_data);
}

/* Without its handlers, whoever keeps what is closed does not keep webrtcbin as well. */
static void
channel_closed (GstWebRTCDataChannel * data, gpointer user_data)
{
  TextChannel *channel = user_data;
  g_autoptr (GstWebRTCDataChannel) old = NULL;

  g_mutex_lock (&channel->lock);
  if (channel->channel == data)
    old = g_steal_pointer (&channel->channel);
  g_mutex_unlock (&channel->lock);
  g_signal_handlers_disconnect_by_data (data, channel);
}

/* Takes @data, unless there is one already. */
static void
adopt (TextChannel * channel, GstWebRTCDataChannel * data)
{
  g_mutex_lock (&channel->lock);
  if (channel->channel == NULL && !channel->over) {
    channel->channel = g_object_ref (data);
    handlers_connect (data, "on-message-string", G_CALLBACK (message_came),
        channel, clear);
    handlers_connect (data, "on-close", G_CALLBACK (channel_closed), channel,
        clear);
  }
  g_mutex_unlock (&channel->lock);
}

static void
channel_came (GstElement * webrtc, GstWebRTCDataChannel * data,
    gpointer user_data)
{
  TextChannel *channel = user_data;
  g_autofree char *label = NULL;
  guint opened;

  g_mutex_lock (&channel->lock);
  opened = ++channel->opened;
  g_mutex_unlock (&channel->lock);
  if (opened > MAX_CHANNELS) {
    channel->received (NULL, "the peer opens too many data channels",
        channel->user_data);
    return;
  }
  g_object_get (data, "label", &label, NULL);
  if (g_strcmp0 (label, channel->label) == 0)
    adopt (channel, data);
}

TextChannel *
text_channel_new (GstElement * webrtc, const char *label,
    TextChannelReceived received, gpointer user_data, GDestroyNotify release)
{
  TextChannel *channel = g_atomic_rc_box_new0 (TextChannel);

  channel->webrtc = gst_object_ref (webrtc);
  channel->label = g_strdup (label);
  channel->received = received;
  channel->user_data = user_data;
  channel->release = release;
  channel->allowance = BURST * 1000;
  channel->counted_at = g_get_monotonic_time ();
  g_mutex_init (&channel->lock);
  handlers_connect (webrtc, "on-data-channel", G_CALLBACK (channel_came),
      channel, clear);
  return channel;
}

void
text_channel_open (TextChannel * channel)
{
  g_autoptr (GstWebRTCDataChannel) data = NULL;

  g_signal_emit_by_name (channel->webrtc, "create-data-channel",
      channel->label, NULL, &data);
  if (data != NULL)
    adopt (channel, data);
}

void
text_channel_close (TextChannel * channel)
{
  g_autoptr (GstWebRTCDataChannel) data = NULL;

  g_signal_handlers_disconnect_by_data (channel->webrtc, channel);
  g_mutex_lock (&channel->lock);
  channel->over = TRUE;
  data = g_steal_pointer (&channel->channel);
  g_mutex_unlock (&channel->lock);
  if (data != NULL)
    g_signal_handlers_disconnect_by_data (data, channel);
  g_atomic_rc_box_release_full (channel, clear);
}

gboolean
text_channel_send (TextChannel * channel, const char *text)
{
  g_autoptr (GstWebRTCDataChannel) data = NULL;
  GstWebRTCDataChannelState state = GST_WEBRTC_DATA_CHANNEL_STATE_CLOSED;
  guint64 buffered = 0;

  g_mutex_lock (&channel->lock);
  data = channel->channel != NULL ? g_object_ref (channel->channel) : NULL;
  g_mutex_unlock (&channel->lock);
  if (data == NULL)
    return FALSE;
  g_object_get (data, "ready-state", &state, "buffered-amount", &buffered,
      NULL);
  return state == GST_WEBRTC_DATA_CHANNEL_STATE_OPEN
      && buffered + strlen (text) <= MAX_BUFFERED
      && gst_webrtc_data_channel_send_string_full (data, text, NULL);
}
