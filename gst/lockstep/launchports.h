/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* UDP ports that a pipeline would take twice. */
#pragma once

#include <gst/lockstep/preset.h>

G_BEGIN_DECLS

/**
 * lockstep_launch_check_ports:
 * @faults: told of each pair of UDP sources with names that take the same port of the same
 *   address. Both get it (SO_REUSEADDR), and each packet comes to one of them alone.
 *
 * Returns: whether there is none
 */
gboolean lockstep_launch_check_ports (const LockstepLaunch *launch,
    GPtrArray *faults);

G_END_DECLS
