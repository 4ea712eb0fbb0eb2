/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What is wrong with a pipeline that GStreamer's parser does not say. */
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

/**
 * lockstep_launch_name_twice:
 *
 * Returns: (transfer full): a name that two elements of @line have, bins aside, whose
 *   elements have names of their own; NULL: there is none
 */
char *lockstep_launch_name_twice (const char *line);

/**
 * lockstep_launch_syntax_problem:
 * @line: that GStreamer's parser does not take
 *
 * Returns: (transfer full): where it is wrong, as far as that is plain; or NULL
 */
char *lockstep_launch_syntax_problem (const char *line);

G_END_DECLS
