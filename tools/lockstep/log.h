/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The launcher's log: lines on stderr. stdout is for data. */
#pragma once

#include <glib.h>

/* @channel is the channel's name, or NULL. Never pass tokens, session ids or
 * SDP: ICE passwords are in them. */
void log_info (const char *channel, const char *format, ...)
G_GNUC_PRINTF (2, 3);
void log_warning (const char *channel, const char *format, ...)
G_GNUC_PRINTF (2, 3);
