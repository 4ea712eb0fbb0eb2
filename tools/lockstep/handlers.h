/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Signal handlers that other threads may run at any time. */
#pragma once

#include <glib-object.h>

/* Connects @handler with @box, of g_atomic_rc_box_new0(), as its data, and holds a reference of
 * it until the handler is disconnected and has returned; @clear is what frees its contents. */
void handlers_connect (gpointer instance, const char *signal,
    GCallback handler, gpointer box, GDestroyNotify clear);
