/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Ends a connection over which more comes than any peer of ours sends. libsoup 3.2 reads a
 * WebSocket as long as there is something, and keeps the main loop waiting meanwhile; and of a
 * message in many frames it keeps all, whatever one may have. So a thread looks. */
#pragma once

#include <gio/gio.h>

typedef struct _FloodGuard FloodGuard;

/* @burst bytes at once, and @per_second then. NULL: @connection has no TCP socket. */
FloodGuard *flood_guard_new (GSocketConnection *connection, guint64 burst,
    guint64 per_second);
/* Whether it ended the connection. */
gboolean flood_guard_has_ended (FloodGuard *guard);
void flood_guard_free (FloodGuard *guard);
