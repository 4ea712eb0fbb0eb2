/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What an FLV stream says at its start that it has. */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

typedef struct
{
  gboolean audio, video;
} LockstepFlvMeta;

/**
 * lockstep_flv_meta_parse:
 * @data: whole FLV tags, where a file's header may come first
 *
 * Finds the onMetaData of a script tag. What it says of neither kind says nothing.
 *
 * Returns: whether there is one that names a kind
 */
gboolean lockstep_flv_meta_parse (const guint8 *data, gsize size,
    LockstepFlvMeta *meta);

G_END_DECLS
