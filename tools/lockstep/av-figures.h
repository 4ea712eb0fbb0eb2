/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* How far sound and picture are apart, as avresync in a pipeline knows it. */
#pragma once

#include <gst/gst.h>
#include <json-glib/json-glib.h>

/**
 * av_figures_of:
 *
 * Returns: (transfer full): NULL where @pipeline has no avresync, or where that has
 *   no stream yet; else
 *   "source" ("none", "arrival-times", "sender-reports", "abs-capture-time"),
 *   "sender_reports", "capture_times" (what is thought of them),
 *   "av_offset_ms" (above 0, sound is late by what is known now; missing until picture
 *   and sound have been compared), "estimated_offset_ms", "applied_offset_ms",
 *   "arrival_offset_ms" (of the picture's media time against the sound's, each from
 *   its first packet), "uncertainty_ms", "rate_ms_per_s", "drift_ppm",
 *   "audio_clock_drift_ppm", "video_clock_drift_ppm", "steps", "restarts",
 *   "report_jumps", "strays"
 */
JsonObject *av_figures_of (GstElement * pipeline);

/* Adds the metrics of each channel to Prometheus text. @channels: of Channel */
void av_figures_append_metrics (GString * text, GPtrArray * channels);
