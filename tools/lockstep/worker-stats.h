/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What a worker's session counts. */
#pragma once

#include "streams.h"

#include <json-glib/json-glib.h>

typedef struct _WorkerStats WorkerStats;

/* @pipeline: counts what is received by its WebRTC element @webrtc, which may be
 * NULL. @previews: the sink pads of further pictures, or NULL. Call before the element
 * negotiates. */
WorkerStats *worker_stats_new (GstElement * pipeline, GstElement * webrtc,
    GstPad * const previews[STREAMS_MAX_PREVIEWS]);

/* Adds a segment that the pipeline's sink reported. */
void worker_stats_add_segment (WorkerStats * stats,
    const GstStructure * segment);

/* Microseconds since the last packet came from the peer; -1 before the first. */
gint64 worker_stats_idle_us (WorkerStats * stats);

/* A "stats" message for the front. */
JsonObject *worker_stats_message (WorkerStats * stats);
