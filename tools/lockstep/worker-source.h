/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What a worker must know of a pipeline that has its own source. */
#pragma once

#include <gst/gst.h>
#include <json-glib/json-glib.h>

typedef struct _WorkerSource WorkerSource;

/* Call before the pipeline starts. */
WorkerSource *worker_source_new (GstElement * pipeline);
/* Whether the source has an end of its own, as a file has: it is not started again. */
gboolean worker_source_is_finite (WorkerSource * source);
/* Whether it, or one of several, came to its end more than @seconds ago. */
gboolean worker_source_ended (WorkerSource * source, gint seconds);
/* Adds position and duration in ns to @stats, where there is an end. */
void worker_source_add_progress (WorkerSource * source, JsonObject * stats);
/* sysexits code for an error of a source that is not started again. */
int worker_source_exit_code (const GError * error);
/* Ends the stream at its source. May block until the streaming threads let go. */
void worker_source_end (WorkerSource * source);
