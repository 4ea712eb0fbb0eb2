/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Whether a peer's RTCP can be given to GStreamer 1.22's rtpsession, which reads beyond the
 * end of broken packets, and keeps something for each SSRC that it hears of. */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* Of one peer, in all: each of its streams has one, as has what it sends again, and its
 * reports. */
#define LOCKSTEP_MAX_SSRCS 128

typedef struct
{
  guint32 ssrcs[LOCKSTEP_MAX_SSRCS];
  guint n;
} LockstepSsrcs;

/* Starts as zeros. */
typedef struct
{
  LockstepSsrcs sources;
  /* transport-wide feedback: the packet after those of the last message, and the number
   * of the message after it */
  guint16 next;
  guint8 message;
  gboolean reported;
} LockstepRtcpCheck;

/* FALSE: @ssrc is a new one, and there are too many. */
gboolean lockstep_ssrcs_admit (LockstepSsrcs *ssrcs, guint32 ssrc);

/* An SRTP or SRTCP packet, before it is decrypted: what its header says. */
gboolean lockstep_srtp_is_sane (LockstepSsrcs *ssrcs, const guint8 *packet,
    gsize size);

/* A compound packet, or a single one (RFC 3550, 5506, 4585, 5104, and the draft of
 * transport-wide feedback). Of types and messages not known here only the length is
 * looked at. */
gboolean lockstep_rtcp_is_sane (LockstepRtcpCheck *check,
    const guint8 *compound, gsize size);

G_END_DECLS
