/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Keeps a peer's broken RTCP, and SSRCs and SCTP streams without end, from the elements of a
 * webrtcbin: all viewers of a channel share a process, which one of them could end, or fill. */
#pragma once

#include <gst/gst.h>

/* Of webrtcbin, or any bin that elements are added to: watches what comes into each srtpdec
 * and sctpdec, and into each rtpsession by recv_rtcp_sink. */
void peer_guard_add (GstBin * bin);
