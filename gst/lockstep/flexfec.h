/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* FEC packets of draft-ietf-payload-flexible-fec-scheme-03, as browsers take them under the
 * name flexfec-03: one stream, masks as needed, no retransmissions. */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* What masks of at most 46 bits can name. */
#define LOCKSTEP_FLEXFEC_MAX_PACKETS 46
/* No longer packet can be protected: it would not fit into a datagram. */
#define LOCKSTEP_FLEXFEC_MAX_BYTES 1400
/* RTP header with an extension of one word, and FEC header: what a packet is longer than
 * the longest that it protects. */
#define LOCKSTEP_FLEXFEC_OVERHEAD (8 + 24)

/**
 * LockstepFlexfecConfig:
 * @payload, @ssrc: of the FEC packets
 * @seqnum: of the first of them
 * @transport_id: id of the header extension for transport-wide numbers, which is written
 *   with the number 0, 1 to 14; 0: none
 */
typedef struct
{
  guint8 payload, transport_id;
  guint32 ssrc;
  guint16 seqnum;
} LockstepFlexfecConfig;

typedef struct _LockstepFlexfec LockstepFlexfec;

LockstepFlexfec *lockstep_flexfec_new (const LockstepFlexfecConfig *config);
void lockstep_flexfec_free (LockstepFlexfec *fec);

/**
 * lockstep_flexfec_add:
 * @packet: a whole RTP packet that is sent
 * @percent: how many FEC packets a hundred like this one are to have
 *
 * Packets are taken together until a frame ends (its marker bit) by when they get so
 * many FEC packets that any two that are lost can be had back, or 60 ms after the first,
 * or no more can be. The RTP clock's rate is 90 kHz. What cannot be protected together with
 * those before (it is no RTP packet, it is too long, its number does not follow) begins
 * anew. With @percent 0 what was not protected yet stays so.
 *
 * Returns: how many FEC packets lockstep_flexfec_next() has now
 */
guint lockstep_flexfec_add (LockstepFlexfec *fec, const guint8 *packet,
    gsize bytes, guint percent);

/**
 * lockstep_flexfec_next:
 *
 * Returns: (transfer full): the next whole RTP packet; NULL: there is none
 */
GBytes *lockstep_flexfec_next (LockstepFlexfec *fec);

G_DEFINE_AUTOPTR_CLEANUP_FUNC (LockstepFlexfec, lockstep_flexfec_free)

G_END_DECLS
