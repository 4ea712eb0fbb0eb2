/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include "gstyuy2convert.h"

static gboolean
plugin_init (GstPlugin * plugin)
{
  return GST_ELEMENT_REGISTER (yuy2convert, plugin);
}

GST_PLUGIN_DEFINE (GST_VERSION_MAJOR, GST_VERSION_MINOR, yuy2convert,
    "YUY2 to NV12, on the GPU or the processor", plugin_init,
    PACKAGE_VERSION, "LGPL", PACKAGE_NAME, LOCKSTEP_ORIGIN)
