/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A WHIP client: a pipeline of this machine, published to a server. */
#pragma once

#include <gst/lockstep/preset.h>

#include "worker-pool.h"

typedef struct _Publisher Publisher;

/* @values: of the preset: "whip" and "token" are read here. Publishes until it is
 * stopped; starts again when the connection ends. NULL with @error when the URL is
 * none. */
Publisher *publisher_new (const char *preset_name, GHashTable * values,
    WorkerPoolBroken broken, gpointer user_data, GError ** error);
void publisher_free (Publisher * publisher);
/* Ends the session at the server (DELETE), then calls @done. */
void publisher_stop (Publisher * publisher, void (*done) (gpointer),
    gpointer user_data);
