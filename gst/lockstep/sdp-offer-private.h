/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the files that read an offer share. */
#pragma once

#include "sdp-private.h"

G_BEGIN_DECLS

#define ERROR_MALFORMED LOCKSTEP_SDP_ERROR, LOCKSTEP_SDP_ERROR_MALFORMED
#define ERROR_UNSUPPORTED LOCKSTEP_SDP_ERROR, LOCKSTEP_SDP_ERROR_UNSUPPORTED

typedef struct
{
  LockstepSdpText *text;
  LockstepOffer *offer;
  const char *setup;            /* the same in each section */
  guint64 session_id, session_version;
  char **group;                 /* mids of the BUNDLE group, NULL: no group */
  LockstepOfferFlags flags;
  GPtrArray *candidates;        /* LockstepSdpCandidate */
} LockstepOfferReader;

/* BUNDLE's mids, as they stand there. */
gboolean lockstep_offer_read_group (LockstepOfferReader *r, GError **error);
/* Credentials, fingerprints and setup of a section. @mid: for messages */
gboolean lockstep_offer_read_transport (LockstepOfferReader *r, guint section,
    const char *mid, GError **error);
gboolean lockstep_offer_read_mid (LockstepOfferReader *r, guint section,
    LockstepOfferMedia *media, GError **error);
/* Gives one to each section that has none. */
void lockstep_offer_add_mids (LockstepOffer *offer);
/* After all sections: fills offer->bundle. */
gboolean lockstep_offer_check_bundle (LockstepOfferReader *r, GError **error);
gboolean lockstep_offer_check_shared_numbers (LockstepOffer *offer,
    GError **error);

/* Returns: (transfer full): the text; sets the mline of each media that is in it */
char *lockstep_offer_write (LockstepOfferReader *r);

G_END_DECLS
