/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Tells a service manager how the program is doing (sd_notify(3)'s protocol). */
#pragma once

#include <glib.h>

/* Looks for NOTIFY_SOCKET and WATCHDOG_USEC, and keeps them from child processes. Starts
 * to feed the watchdog from the main loop. */
void notify_init (void);
void notify_ready (void);
void notify_reloading (void);
void notify_stopping (void);
/* @status: one line for a human. Sent when it changed. */
void notify_status (const char *status);
