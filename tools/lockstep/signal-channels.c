/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* One data channel a label, the first that the server opens. webrtcbin calls from threads
 * of its own; each handler holds a reference. */
#include "signal-channels.h"
#include "handlers.h"

#include <gst/lockstep/signaller.h>
#include <string.h>

#define GST_USE_UNSTABLE_API
#include <gst/webrtc/webrtc.h>

/* More of them than any server needs, which webrtcbin keeps all. */
#define MAX_CHANNELS 32
/* A server that does not take its messages gets no more of them. */
#define MAX_BUFFERED (1024 * 1024)

static const char *const labels[] =
    { "signaling", "notify", "push", "stats", "rpc" };

struct _SignalChannels
{
  GstElement *webrtc;
  SignalChannelsReceived received;
  gpointer user_data;
  GDestroyNotify release;

  GMutex lock;                  /* protects the rest */
  GstWebRTCDataChannel *open[G_N_ELEMENTS (labels)];    /* NULL: none */
  guint opened;                 /* by the server, of any label */
  gboolean closed;
};

static void
clear (gpointer data)
{
  SignalChannels *channels = data;

  gst_object_unref (channels->webrtc);
  channels->release (channels->user_data);
  g_mutex_clear (&channels->lock);
}

static void
came (SignalChannels * channels, GstWebRTCDataChannel * from, GBytes * data)
{
  g_autofree char *label = NULL;

  g_object_get (from, "label", &label, NULL);
  if (g_bytes_get_size (data) > LOCKSTEP_SIGNALLER_MAX_BYTES)
    channels->received (label, NULL, "the server's message is too long",
        channels->user_data);
  else
    channels->received (label, data, NULL, channels->user_data);
}

/* webrtcbin gives NULL for an empty message. */
static void
text_came (GstWebRTCDataChannel * from, const char *text, gpointer user_data)
{
  g_autoptr (GBytes) data = NULL;

  if (text == NULL)
    return;
  data = g_bytes_new (text, strlen (text));
  came (user_data, from, data);
}

static void
data_came (GstWebRTCDataChannel * from, GBytes * data, gpointer user_data)
{
  if (data != NULL)
    came (user_data, from, data);
}

static void
channel_came (GstElement * webrtc, GstWebRTCDataChannel * data,
    gpointer user_data)
{
  SignalChannels *channels = user_data;
  g_autofree char *label = NULL;
  gboolean too_many;

  g_object_get (data, "label", &label, NULL);
  g_mutex_lock (&channels->lock);
  too_many = ++channels->opened > MAX_CHANNELS;
  for (guint i = 0; i < G_N_ELEMENTS (labels) && !too_many; i++) {
    if (channels->closed || channels->open[i] != NULL
        || g_strcmp0 (label, labels[i]) != 0)
      continue;
    channels->open[i] = g_object_ref (data);
    /* with the lock, or what closes the channels could come before, and miss them */
    handlers_connect (data, "on-message-string", G_CALLBACK (text_came),
        channels, clear);
    handlers_connect (data, "on-message-data", G_CALLBACK (data_came), channels,
        clear);
  }
  g_mutex_unlock (&channels->lock);
  if (too_many)
    channels->received (NULL, NULL, "the server opens too many data channels",
        channels->user_data);
}

SignalChannels *
signal_channels_new (GstElement * webrtc, SignalChannelsReceived received,
    gpointer user_data, GDestroyNotify release)
{
  SignalChannels *channels = g_atomic_rc_box_new0 (SignalChannels);

  channels->webrtc = gst_object_ref (webrtc);
  channels->received = received;
  channels->user_data = user_data;
  channels->release = release;
  g_mutex_init (&channels->lock);
  handlers_connect (webrtc, "on-data-channel", G_CALLBACK (channel_came),
      channels, clear);
  return channels;
}

void
signal_channels_close (SignalChannels * channels)
{
  GstWebRTCDataChannel *open[G_N_ELEMENTS (labels)];

  g_signal_handlers_disconnect_by_data (channels->webrtc, channels);
  g_mutex_lock (&channels->lock);
  channels->closed = TRUE;
  memcpy (open, channels->open, sizeof open);
  memset (channels->open, 0, sizeof channels->open);
  g_mutex_unlock (&channels->lock);
  for (guint i = 0; i < G_N_ELEMENTS (labels); i++) {
    if (open[i] != NULL)
      g_signal_handlers_disconnect_by_data (open[i], channels);
    g_clear_object (&open[i]);
  }
  g_atomic_rc_box_release_full (channels, clear);
}

gboolean
signal_channels_send (SignalChannels * channels, const char *label,
    GBytes * data, gboolean binary)
{
  g_autoptr (GstWebRTCDataChannel) to = NULL;
  GstWebRTCDataChannelState state = GST_WEBRTC_DATA_CHANNEL_STATE_CLOSED;
  g_autofree char *text = NULL;
  guint64 buffered = 0;
  gsize bytes;
  const char *from = g_bytes_get_data (data, &bytes);

  g_mutex_lock (&channels->lock);
  for (guint i = 0; i < G_N_ELEMENTS (labels); i++)
    if (g_str_equal (label, labels[i]) && channels->open[i] != NULL)
      to = g_object_ref (channels->open[i]);
  g_mutex_unlock (&channels->lock);
  if (to == NULL)
    return FALSE;
  g_object_get (to, "ready-state", &state, "buffered-amount", &buffered, NULL);
  if (state != GST_WEBRTC_DATA_CHANNEL_STATE_OPEN
      || buffered + bytes > MAX_BUFFERED)
    return FALSE;
  if (binary)
    return gst_webrtc_data_channel_send_data_full (to, data, NULL);
  text = g_strndup (from, bytes);
  return gst_webrtc_data_channel_send_string_full (to, text, NULL);
}
