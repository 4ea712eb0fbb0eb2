/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The encoded streams of a pipeline, handed to any number of receivers. */
#pragma once

#include <gst/gst.h>
#include <gst/lockstep/sdp.h>

typedef struct _Streams Streams;

/* Smaller pictures of the same source, at most. */
#define STREAMS_MAX_PREVIEWS 2

/* What a pipeline gives: sound, its picture, and those beside it. */
typedef enum
{
  STREAMS_AUDIO,
  STREAMS_VIDEO,
  STREAMS_PREVIEW,              /* the first of them; the next number is the second */
  STREAMS_N_TRACKS = STREAMS_PREVIEW + STREAMS_MAX_PREVIEWS,
} StreamsTrack;

/* A frame, from the thread that made it. Its buffer's PTS is the running time of the
 * pipeline. Must not block, and not call streams_remove(). */
typedef void (*StreamsFrame) (StreamsTrack track, GstSample * frame,
    gboolean key, gpointer user_data);
/* Each stream has given a frame, so that its format is known. From the main loop. */
typedef void (*StreamsReady) (gpointer user_data);

/* Listens on sink pads, by track, of a pipeline that does not run yet. NULL: such a
 * stream is not sent. */
Streams *streams_new (GstPad * const pads[STREAMS_N_TRACKS],
    StreamsReady ready, gpointer user_data);

/* Returns an id for streams_remove(), after which @frame is not called any more. */
guint streams_add (Streams * streams, StreamsFrame frame, gpointer user_data);
void streams_remove (Streams * streams, guint id);

/* The RTP encoding name of what is sent, as a NULL-terminated list of one that is not
 * freed; NULL: nothing of this kind is sent, or not yet. */
const char *const *streams_get_encoding (Streams * streams,
    StreamsTrack track);
/* The format, or NULL. */
GstCaps *streams_get_caps (Streams * streams, StreamsTrack track);

/* Somebody needs a key frame of this picture. From any thread. */
void streams_want_key (Streams * streams, StreamsTrack track);

typedef struct
{
  guint64 asked, sent, keys;    /* requests, those that reached the encoder, key frames */
} StreamsKeyCounts;
void streams_get_key_counts (Streams * streams, StreamsTrack track,
    StreamsKeyCounts * counts);
