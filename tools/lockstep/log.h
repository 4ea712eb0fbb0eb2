/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The launcher's log: lines on stderr. stdout is for data. */
#pragma once

#include <gst/lockstep/linebudget.h>

/* Reads the format from the environment, where a parent process put it. */
void log_init (void);
/* One JSON object a line, here and in child processes. */
void log_set_json (void);
gboolean log_is_json (void);
/* The terminal's last line holds a status: each line of the log takes its place. */
void log_set_status_line (void);

/* @channel is the channel's name, or NULL. Never pass tokens, session ids or
 * SDP: ICE passwords are in them. */
void log_info (const char *channel, const char *format, ...)
G_GNUC_PRINTF (2, 3);
void log_warning (const char *channel, const char *format, ...)
G_GNUC_PRINTF (2, 3);
/* Lines that a peer causes as often as it likes: each of its kind or its session has a
 * @budget, beyond which lines are left out, and that is said. */
void log_info_bounded (LockstepLineBudget *budget, const char *channel,
    const char *format, ...)
G_GNUC_PRINTF (3, 4);
void log_warning_bounded (LockstepLineBudget *budget, const char *channel,
    const char *format, ...)
G_GNUC_PRINTF (3, 4);
/* From here on, what GStreamer, GLib and other libraries log by GLib in this process has a
 * budget, too: some log a line for each broken message that comes in. Call once. */
void log_bound_libraries (void);
