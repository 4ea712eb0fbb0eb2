/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "gstavresync.h"

static gboolean
plugin_init (GstPlugin * plugin)
{
  return GST_ELEMENT_REGISTER (avresync, plugin);
}

GST_PLUGIN_DEFINE (GST_VERSION_MAJOR, GST_VERSION_MINOR, avresync,
    "Sound and picture of one sender on one timeline", plugin_init,
    PACKAGE_VERSION, "LGPL", PACKAGE_NAME, LOCKSTEP_ORIGIN)
