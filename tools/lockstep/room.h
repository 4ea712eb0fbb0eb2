/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A client of WebSocket signalling: a pipeline of this machine, sent to a peer in an
 * Ayame room or to a Sora channel. */
#pragma once

#include "worker-pool.h"

typedef struct _Room Room;

/* Whether @values ask for one: "ayame" or "sora" is set. */
gboolean room_is_wanted (GHashTable * values);
/* @values: of the preset: "ayame" with "room" and "signaling-key", or "sora" with
 * "channel"; "metadata" with either. Sends until it is stopped, and begins again when
 * the connection ends. NULL with @error where a value cannot be used. */
Room *room_new (const char *preset_name, GHashTable * values,
    WorkerPoolBroken broken, gpointer user_data, GError ** error);
void room_free (Room * room);
/* Takes leave of the server, then calls @done. */
void room_stop (Room * room, void (*done) (gpointer), gpointer user_data);
