/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Which Debian package has an element. */
#pragma once

#include <glib.h>

/* "gstreamer1.0-plugins-ugly", perhaps with what else is needed; NULL: not known.
 * Static. */
const char *package_of_element (const char *element);
