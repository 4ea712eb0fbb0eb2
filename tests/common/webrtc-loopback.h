/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef WEBRTC_LOOPBACK_H
#define WEBRTC_LOOPBACK_H

#include <gst/gst.h>

/* Keeps a webrtcbin on loopback. Without an address webrtcbin 1.22 never ends gathering on
 * a machine that has only a loopback device. UPnP listens on a port of its own choice, and
 * warns, which ends a test, where somebody has it. */
static inline void
use_loopback (GstElement * webrtc)
{
  GObject *ice = NULL, *nice = NULL;
  gboolean added = FALSE;

  g_object_get (webrtc, "ice-agent", &ice, NULL);
  g_signal_emit_by_name (ice, "add-local-ip-address", "127.0.0.1", &added);
  g_assert_true (added);
  g_object_get (ice, "agent", &nice, NULL);
  g_object_set (nice, "upnp", FALSE, NULL);
  g_object_unref (nice);
  g_object_unref (ice);
}

#endif
