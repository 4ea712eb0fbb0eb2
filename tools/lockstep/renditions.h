/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Renditions of a live channel: sizes, the multivariant playlist, and what is dropped
 * where the machine does not keep up, and tried again later. */
#pragma once

#include <gst/gst.h>
#include <json-glib/json-glib.h>

typedef struct _Renditions Renditions;

typedef struct
{
  const char *list;             /* as the parameter "renditions" is kept */
  gboolean upscale;             /* whether they may be larger than the source */
  gint64 audio_bitrate;         /* bit/s */
  double target_duration;       /* s */
  double retry;                 /* s that the machine has to keep up before one that was
                                 * dropped is tried again; 0: none is */
} RenditionsConfig;

/**
 * renditions_new:
 * @pipeline: below PAUSED. A valve "decode-valve", where there is one, is closed when
 *   nothing is encoded any more. Of rendition N, counted from 0, it has a hlsalignsink
 *   "hls-N" and valves "picture-valve-N" and "sound-valve-N", each before a queue; of one
 *   that is encoded also a videoscale "scale-N" before a capsfilter "size-N". The
 *   pictures of the publisher go into a tee "picture".
 *
 * Returns: (transfer full): or NULL with @error
 */
Renditions *renditions_new (GstElement * pipeline,
    const RenditionsConfig * config, GError ** error);

/* Before the pipeline starts, with its properties set.
 * @playlist: path of the multivariant playlist; @channel: for the log */
void renditions_start (Renditions * renditions, const char *playlist,
    const char *channel);

/* No picture will come: one rendition is enough for the sound. */
void renditions_sound_only (Renditions * renditions);

/* A sink of the pipeline stored a segment. Returns: whether it is one that the channel's
 * own figures go by */
gboolean renditions_segment (Renditions * renditions, GstObject * sink,
    const GstStructure * segment);

/* A sink of the pipeline is at its end. */
void renditions_ended (Renditions * renditions, GstObject * sink);

/* To be called each second. @ending: nothing new is to begin. Returns: how many sinks that
 * were at their end go on again */
guint renditions_look (Renditions * renditions, gboolean ending);

/* Adds "renditions" to a "stats" message. */
void renditions_add_stats (Renditions * renditions, JsonObject * message);
