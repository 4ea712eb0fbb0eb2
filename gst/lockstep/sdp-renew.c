/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A peer's later offer beside the one that its session began with. */
#include "sdp-private.h"

#include <string.h>

#define CANDIDATE "a=candidate:"

static gboolean
is_new (GError ** error, const char *what)
{
  g_set_error (error, LOCKSTEP_SDP_ERROR, LOCKSTEP_SDP_ERROR_UNSUPPORTED,
      "the new offer has %s: that takes another session", what);
  return FALSE;
}

static gboolean
same_fingerprints (const LockstepOffer * a, const LockstepOffer * b)
{
  if (a->fingerprints->len != b->fingerprints->len)
    return FALSE;
  for (guint i = 0; i < a->fingerprints->len; i++)
    if (!g_str_equal (g_ptr_array_index (a->fingerprints, i),
            g_ptr_array_index (b->fingerprints, i)))
      return FALSE;
  return TRUE;
}

/* Payload types, feedback and header extensions are all in the caps. */
static gboolean
same_section (const LockstepOfferMedia * a, const LockstepOfferMedia * b)
{
  g_autoptr (GstCaps) caps = lockstep_offer_media_caps (a);
  g_autoptr (GstCaps) other = lockstep_offer_media_caps (b);

  return a->kind == b->kind && a->rejected == b->rejected
      && a->mline == b->mline && a->data == b->data
      && a->sctp_port == b->sctp_port && a->fec_payload == b->fec_payload
      && g_strcmp0 (a->mid, b->mid) == 0 && lockstep_sdp_same_simulcast (a, b)
      && (caps == NULL) == (other == NULL)
      && (caps == NULL || gst_caps_is_equal (caps, other));
}

gboolean
lockstep_offer_continues (const LockstepOffer * offer,
    const LockstepOffer * before, GError ** error)
{
  g_return_val_if_fail (offer != NULL && before != NULL, FALSE);

  if (!same_fingerprints (offer, before))
    return is_new (error, "another certificate");
  if (g_strcmp0 (offer->ice_ufrag, before->ice_ufrag) != 0
      || g_strcmp0 (offer->ice_pwd, before->ice_pwd) != 0)
    return is_new (error, "new ICE credentials");
  if (offer->media->len < before->media->len)
    return is_new (error, "fewer sections");
  for (guint i = 0; i < offer->media->len; i++) {
    const LockstepOfferMedia *media = g_ptr_array_index (offer->media, i);

    /* a section more is no matter where nothing is sent in it */
    if (i >= before->media->len ? !media->rejected
        : !same_section (media, g_ptr_array_index (before->media, i)))
      return is_new (error, "other sections, or other formats in them");
  }
  return TRUE;
}

/* They go to the end: lockstep_answer_finish() puts them where they belong. */
char *
lockstep_answer_with_candidates (const char *answer, const char *before)
{
  g_autoptr (GString) out = g_string_new (answer);
  g_auto (GStrv) lines = g_strsplit (before != NULL ? before : "", "\r\n", -1);

  if (strstr (answer, CANDIDATE) != NULL)
    return g_string_free (g_steal_pointer (&out), FALSE);
  for (guint i = 0; lines[i] != NULL; i++)
    if (g_str_has_prefix (lines[i], CANDIDATE))
      g_string_append_printf (out, "%s\r\n", lines[i]);
  return g_string_free (g_steal_pointer (&out), FALSE);
}
