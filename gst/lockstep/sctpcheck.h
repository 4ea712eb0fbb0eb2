/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Whether a peer's SCTP packets can be given to GStreamer 1.22's sctpdec, which starts threads
 * for each stream that data comes on, whether a data channel was opened on it or not. */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* In all: of each data channel there is one. */
#define LOCKSTEP_MAX_SCTP_STREAMS 32

/* Starts as zeros. */
typedef struct
{
  guint16 streams[LOCKSTEP_MAX_SCTP_STREAMS];
  guint n;
} LockstepSctpCheck;

/* A packet, out of its DTLS. FALSE: it is none, has data on one stream too many, or a
 * message about a data channel of a type that there is not. */
gboolean lockstep_sctp_is_sane (LockstepSctpCheck *check,
    const guint8 *packet, gsize size);

G_END_DECLS
