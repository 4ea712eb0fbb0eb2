/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Hands the frames of one encode to its receivers, and their wishes for key frames to
 * the encoder. Frames are seen by pad probes, so that the preset's sink can be any
 * (a fakesink), and a line exported from it runs as it is. */
#include "streams.h"

#include <gst/lockstep/fanout.h>
#include <gst/video/video.h>

/* A crowd of viewers, or one with a lossy line, gets at most two key frames a second. */
#define KEY_INTERVAL_NS (500 * GST_MSECOND)
#define KEY_RETRY_NS (2 * GST_SECOND)

static const struct
{
  const char *media_type;
  const char *encoding[2];
} formats[] = {
  {"audio/x-opus", {"OPUS", NULL}},
  {"video/x-h264", {"H264", NULL}},
  {"video/x-h265", {"H265", NULL}},
  {"video/x-vp8", {"VP8", NULL}},
  {"video/x-vp9", {"VP9", NULL}},
  {"video/x-av1", {"AV1", NULL}},
};

typedef struct
{
  Streams *streams;
  StreamsTrack track;
  GstPad *pad;                  /* NULL: not sent */
  gint seen;                    /* atomic: a frame has come */
  GMutex key_lock;              /* protects key_requests */
  LockstepKeyRequests key_requests;     /* of a picture, to its own encoder */
} Stream;

typedef struct
{
  guint id;
  StreamsFrame frame;
  gpointer user_data;
} Receiver;

struct _Streams
{
  Stream streams[STREAMS_N_TRACKS];
  StreamsReady ready;
  gpointer user_data;
  gint told;                    /* atomic: ready() was called for */

  GMutex lock;                  /* protects the next two */
  GArray *receivers;            /* Receiver */
  guint next_id;
};

static guint64
now_ns (void)
{
  return (guint64) g_get_monotonic_time () * 1000;
}

static gboolean
tell_ready (gpointer user_data)
{
  Streams *streams = user_data;

  streams->ready (streams->user_data);
  return G_SOURCE_REMOVE;
}

static void
mark_seen (Stream * stream)
{
  Streams *streams = stream->streams;

  if (g_atomic_int_get (&stream->seen))
    return;
  g_atomic_int_set (&stream->seen, TRUE);
  for (guint i = 0; i < G_N_ELEMENTS (streams->streams); i++) {
    if (streams->streams[i].pad != NULL
        && !g_atomic_int_get (&streams->streams[i].seen))
      return;
  }
  if (g_atomic_int_compare_and_exchange (&streams->told, FALSE, TRUE))
    g_idle_add (tell_ready, streams);
}

static void
send_key_request (Stream * stream)
{
  if (stream->pad != NULL)
    gst_pad_push_event (stream->pad,
        gst_video_event_new_upstream_force_key_unit (GST_CLOCK_TIME_NONE, TRUE,
            0));
}

/* Counts a key frame, and passes on a request that was put off until now. */
static void
serve_key_requests (Stream * stream, gboolean key)
{
  gboolean send;

  g_mutex_lock (&stream->key_lock);
  if (key)
    lockstep_key_requests_key_frame (&stream->key_requests, now_ns ());
  send = lockstep_key_requests_poll (&stream->key_requests, now_ns ());
  g_mutex_unlock (&stream->key_lock);
  if (send)
    send_key_request (stream);
}

void
streams_want_key (Streams * streams, StreamsTrack track)
{
  Stream *stream = &streams->streams[track];
  gboolean send;

  g_mutex_lock (&stream->key_lock);
  lockstep_key_requests_ask (&stream->key_requests);
  send = lockstep_key_requests_poll (&stream->key_requests, now_ns ());
  g_mutex_unlock (&stream->key_lock);
  if (send)
    send_key_request (stream);
}

static void
hand_out (Stream * stream, GstBuffer * buffer)
{
  Streams *streams = stream->streams;
  g_autoptr (GstEvent) event =
      gst_pad_get_sticky_event (stream->pad, GST_EVENT_SEGMENT, 0);
  g_autoptr (GstCaps) caps = gst_pad_get_current_caps (stream->pad);
  g_autoptr (GstSample) sample = NULL;
  g_autoptr (GstBuffer) frame = NULL;
  const GstSegment *segment;
  gboolean key = !GST_BUFFER_FLAG_IS_SET (buffer, GST_BUFFER_FLAG_DELTA_UNIT);

  if (event == NULL || caps == NULL || !GST_BUFFER_PTS_IS_VALID (buffer))
    return;
  gst_event_parse_segment (event, &segment);
  frame = gst_buffer_copy (buffer);
  GST_BUFFER_PTS (frame) = gst_segment_to_running_time (segment,
      GST_FORMAT_TIME, GST_BUFFER_PTS (buffer));
  GST_BUFFER_DTS (frame) = GST_CLOCK_TIME_NONE;
  if (!GST_BUFFER_PTS_IS_VALID (frame))
    return;
  sample = gst_sample_new (frame, caps, NULL, NULL);
  g_mutex_lock (&streams->lock);
  for (guint i = 0; i < streams->receivers->len; i++) {
    Receiver *r = &g_array_index (streams->receivers, Receiver, i);

    r->frame (stream->track, sample, key, r->user_data);
  }
  g_mutex_unlock (&streams->lock);
  if (stream->track != STREAMS_AUDIO)
    serve_key_requests (stream, key);
  mark_seen (stream);
}

static GstPadProbeReturn
frames_came (GstPad * pad, GstPadProbeInfo * info, gpointer user_data)
{
  Stream *stream = user_data;

  if (info->type & GST_PAD_PROBE_TYPE_BUFFER_LIST) {
    GstBufferList *list = GST_PAD_PROBE_INFO_BUFFER_LIST (info);

    for (guint i = 0; i < gst_buffer_list_length (list); i++)
      hand_out (stream, gst_buffer_list_get (list, i));
  } else {
    hand_out (stream, GST_PAD_PROBE_INFO_BUFFER (info));
  }
  return GST_PAD_PROBE_OK;
}

static void
listen_at (Streams * streams, StreamsTrack track, GstPad * pad)
{
  Stream *stream = &streams->streams[track];

  stream->streams = streams;
  stream->track = track;
  g_mutex_init (&stream->key_lock);
  lockstep_key_requests_init (&stream->key_requests, KEY_INTERVAL_NS,
      KEY_RETRY_NS);
  if (pad == NULL)
    return;
  stream->pad = gst_object_ref (pad);
  gst_pad_add_probe (pad, GST_PAD_PROBE_TYPE_BUFFER |
      GST_PAD_PROBE_TYPE_BUFFER_LIST, frames_came, stream, NULL);
}

Streams *
streams_new (GstPad * const pads[STREAMS_N_TRACKS], StreamsReady ready,
    gpointer user_data)
{
  Streams *streams = g_new0 (Streams, 1);

  streams->ready = ready;
  streams->user_data = user_data;
  streams->next_id = 1;
  streams->receivers = g_array_new (FALSE, FALSE, sizeof (Receiver));
  g_mutex_init (&streams->lock);
  for (guint i = 0; i < STREAMS_N_TRACKS; i++)
    listen_at (streams, (StreamsTrack) i, pads[i]);
  return streams;
}

guint
streams_add (Streams * streams, StreamsFrame frame, gpointer user_data)
{
  Receiver receiver = { 0, frame, user_data };

  g_mutex_lock (&streams->lock);
  receiver.id = streams->next_id++;
  g_array_append_val (streams->receivers, receiver);
  g_mutex_unlock (&streams->lock);
  return receiver.id;
}

void
streams_remove (Streams * streams, guint id)
{
  g_mutex_lock (&streams->lock);
  for (guint i = 0; i < streams->receivers->len; i++) {
    if (g_array_index (streams->receivers, Receiver, i).id == id) {
      g_array_remove_index (streams->receivers, i);
      break;
    }
  }
  g_mutex_unlock (&streams->lock);
}

GstCaps *
streams_get_caps (Streams * streams, StreamsTrack track)
{
  GstPad *pad = streams->streams[track].pad;

  return pad != NULL ? gst_pad_get_current_caps (pad) : NULL;
}

const char *const *
streams_get_encoding (Streams * streams, StreamsTrack track)
{
  g_autoptr (GstCaps) caps = streams_get_caps (streams, track);
  const char *name =
      caps ? gst_structure_get_name (gst_caps_get_structure (caps, 0)) : NULL;

  for (guint i = 0; name != NULL && i < G_N_ELEMENTS (formats); i++) {
    if (g_str_equal (formats[i].media_type, name))
      return formats[i].encoding;
  }
  return NULL;
}

void
streams_get_key_counts (Streams * streams, StreamsTrack track,
    StreamsKeyCounts * counts)
{
  Stream *stream = &streams->streams[track];

  g_mutex_lock (&stream->key_lock);
  counts->asked = stream->key_requests.n_asked;
  counts->sent = stream->key_requests.n_sent;
  counts->keys = stream->key_requests.n_keys;
  g_mutex_unlock (&stream->key_lock);
}
