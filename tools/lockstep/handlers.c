/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Signal handlers that hold their data. */
#include "handlers.h"

typedef struct
{
  gpointer box;
  GDestroyNotify clear;
} Held;

static void
release (gpointer data, GClosure * closure)
{
  Held *held = data;

  g_atomic_rc_box_release_full (held->box, held->clear);
  g_free (held);
}

void
handlers_connect (gpointer instance, const char *signal, GCallback handler,
    gpointer box, GDestroyNotify clear)
{
  GClosure *closure = g_cclosure_new (handler, box, NULL);
  Held *held = g_new (Held, 1);

  held->box = g_atomic_rc_box_acquire (box);
  held->clear = clear;
  g_closure_add_finalize_notifier (closure, held, release);
  g_signal_connect_closure (instance, signal, closure, FALSE);
}
