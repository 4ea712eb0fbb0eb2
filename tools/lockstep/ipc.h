/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* JSON lines over a socketpair: how the front and a worker talk. */
#pragma once

#include <json-glib/json-glib.h>

typedef struct _Ipc Ipc;

/* A message has a member "type". */
typedef void (*IpcMessage) (const char *type, JsonObject * message,
    gpointer user_data);
/* The other side is gone, or broke a bound: @reason says which. The Ipc is
 * closed; free it. Called once, from the main loop. */
typedef void (*IpcClosed) (const char *reason, gpointer user_data);

Ipc *ipc_new (int fd, IpcMessage message, IpcClosed closed, gpointer user_data);
void ipc_free (Ipc * ipc);

JsonObject *ipc_message (const char *type);
/* Takes @message. Never blocks; what the other side does not read is kept up to a
 * bound. */
void ipc_send (Ipc * ipc, JsonObject * message);
/* Blocks for at most @timeout_ms until everything is sent. */
void ipc_flush (Ipc * ipc, int timeout_ms);

/* The member, or the fallback where it is absent or of another type: the other
 * side is a separate process that may be broken. */
const char *ipc_get_string (JsonObject * message, const char *name);
gint64 ipc_get_int (JsonObject * message, const char *name, gint64 fallback);
gboolean ipc_get_boolean (JsonObject * message, const char *name);
JsonObject *ipc_get_object (JsonObject * message, const char *name);
