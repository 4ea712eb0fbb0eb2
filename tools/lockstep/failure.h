/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Describes a pipeline that failed in a file, for whoever looks into it later. */
#pragma once

#include <gst/gst.h>
#include <gst/lockstep/preset.h>

/* Keeps the last lines of GStreamer's log from now on: warnings where GST_DEBUG does not
 * ask for more. */
void failure_keep_log (void);

/* @text without the values of secret parameters, and without what stands before the host of a
 * URI: it goes to logs, and to whoever asks for a channel's state. */
char *failure_hide_secrets (const LockstepPreset * preset, GHashTable * values,
    const char *text);

/* Writes a file that graphviz reads: the @error as the bus had it and the last log lines
 * as comments, then the graph of @pipeline; logs its path. Values of secret parameters are
 * not in it. Old files are deleted: a few of each channel are kept. */
void failure_report (const char *channel, const LockstepPreset * preset,
    GHashTable * values, GstElement * pipeline, GstMessage * error);
