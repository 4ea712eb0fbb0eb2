/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A preset with its values, as a drawing. */
#pragma once

#include <gst/lockstep/preset.h>

G_BEGIN_DECLS

/**
 * lockstep_launch_graph:
 * @values: of the parameters; of secret ones none is shown
 *
 * Elements with what is set on them, also those links that come about only when a stream
 * is there; what goes to peers or comes from them by WebRTC.
 *
 * Returns: (transfer full): for graphviz
 */
char *lockstep_launch_graph (const LockstepPreset *preset,
    const LockstepLaunch *launch, GHashTable *values);

G_END_DECLS
