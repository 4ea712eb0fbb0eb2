/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What comes from a peer, as it comes off the network: whether it still lives. */
#pragma once

#include <gst/gst.h>

typedef struct _Arrivals Arrivals;

/* Watches every nicesrc that is added to @bin, which has none yet: media, RTCP and
 * DTLS come in there. */
Arrivals *arrivals_new (GstElement * bin);
void arrivals_unref (Arrivals * arrivals);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (Arrivals, arrivals_unref)

/* Of a pad probe's buffer or list: how many buffers, and their bytes. */
void arrivals_count (GstPadProbeInfo * info, guint64 counts[2]);
/* µs since the last packet; -1: none has come. */
gint64 arrivals_idle_us (Arrivals * arrivals);
void arrivals_get_counts (Arrivals * arrivals, guint64 * packets,
    guint64 * bytes);
