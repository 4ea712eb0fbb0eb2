/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Threads that convert slices of one picture at a time. */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

typedef struct _YuySlicePool YuySlicePool;
typedef void (*YuySliceFunc) (guint index, guint n, gpointer data);

YuySlicePool *yuy_slice_pool_new (void);
void yuy_slice_pool_free (YuySlicePool * pool);
void yuy_slice_pool_run (YuySlicePool * pool, guint n, YuySliceFunc func,
    gpointer data);

G_END_DECLS
