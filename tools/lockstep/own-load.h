/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What this process takes of the machine, and may take. */
#pragma once

#include <glib.h>

/* Of all threads since the process began, ns. */
gint64 own_load_cpu (void);
/* How many processors the process may use: those of its affinity, less where a control
 * group (a container's, a service's CPUQuota=) leaves it less. */
gdouble own_load_processors (void);
