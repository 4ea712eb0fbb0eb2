/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include "gstlatencybuffer.h"

static gboolean
plugin_init (GstPlugin * plugin)
{
  return gst_element_register (plugin, "latencybuffer", GST_RANK_NONE,
      GST_TYPE_LATENCY_BUFFER);
}

GST_PLUGIN_DEFINE (GST_VERSION_MAJOR, GST_VERSION_MINOR, latencybuffer,
    "RTP jitter buffer that holds every packet to one bound", plugin_init,
    PACKAGE_VERSION, "LGPL", PACKAGE_NAME, LOCKSTEP_ORIGIN)
