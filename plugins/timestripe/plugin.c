/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The plugin's one element. */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include "gsttimestripe.h"

static gboolean
plugin_init (GstPlugin * plugin)
{
  return GST_ELEMENT_REGISTER (timestripe, plugin);
}

GST_PLUGIN_DEFINE (GST_VERSION_MAJOR, GST_VERSION_MINOR, timestripe,
    "The time of day, drawn into pictures", plugin_init, PACKAGE_VERSION,
    "LGPL", PACKAGE_NAME, LOCKSTEP_ORIGIN)
