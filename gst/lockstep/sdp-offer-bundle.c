/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the sections of an offer share, as they are bundled on one transport: the group and
 * its mids, credentials, fingerprints, and numbers that may mean one thing only. */
#include "sdp-offer-private.h"

#include <string.h>

/* The attribute of a section, or that of the session where it has none: what
 * libdatachannel (OBS), Pion and others give once, for all. webrtcbin 1.22.0
 * refuses a=setup there, and a fingerprint at both levels. */
static const char *
inherited (LockstepOfferReader * r, guint section, const char *key,
    GError ** error)
{
  GError *twice = NULL;
  const char *value = lockstep_sdp_text_only (r->text, section, key, &twice);

  if (value == NULL && twice == NULL)
    value = lockstep_sdp_text_only (r->text, 0, key, &twice);
  if (twice != NULL) {
    g_propagate_error (error, twice);
    return NULL;
  }
  return value;
}

gboolean
lockstep_offer_read_group (LockstepOfferReader * r, GError ** error)
{
  guint n;
  const LockstepSdpLine *lines = lockstep_sdp_text_lines (r->text, 0, &n);

  for (guint i = 0; i < n; i++) {
    /* other semantics (LS and the like) mean nothing here */
    if (g_strcmp0 (lines[i].key, "group") != 0
        || !(g_str_equal (lines[i].value, "BUNDLE")
            || g_str_has_prefix (lines[i].value, "BUNDLE ")))
      continue;
    if (r->group != NULL) {
      g_set_error (error, ERROR_UNSUPPORTED,
          "more than one BUNDLE group: WHIP is one transport");
      return FALSE;
    }
    r->group = g_strsplit_set (lines[i].value + strlen ("BUNDLE"), " ", -1);
  }
  return TRUE;
}

static gboolean
same_strings (const GPtrArray * a, const GPtrArray * b)
{
  if (a->len != b->len)
    return FALSE;
  for (guint i = 0; i < a->len; i++) {
    if (!g_str_equal (a->pdata[i], b->pdata[i]))
      return FALSE;
  }
  return TRUE;
}

/* Credentials, fingerprints and setup: equal in all sections, as they share one
 * transport. */
gboolean
lockstep_offer_read_transport (LockstepOfferReader * r, guint section,
    const char *mid, GError ** error)
{
  g_autoptr (GPtrArray) fingerprints = NULL;
  LockstepOffer *offer = r->offer;
  GError *twice = NULL;
  const char *ufrag, *pwd, *setup;

  ufrag = inherited (r, section, "ice-ufrag", &twice);
  pwd = twice == NULL ? inherited (r, section, "ice-pwd", &twice) : NULL;
  setup = twice == NULL ? inherited (r, section, "setup", &twice) : NULL;
  if (twice != NULL) {
    g_propagate_error (error, twice);
    return FALSE;
  }

  if (ufrag == NULL || pwd == NULL) {
    g_set_error (error, ERROR_UNSUPPORTED,
        "section %s has no a=ice-ufrag or no a=ice-pwd", mid);
    return FALSE;
  }
  /* RFC 8839, section 5.4 */
  if (!lockstep_sdp_is_ice_string (ufrag, 4, 256)
      || !lockstep_sdp_is_ice_string (pwd, 22, 256)) {
    g_set_error (error, ERROR_MALFORMED,
        "section %s: a=ice-ufrag has 4 to 256 and a=ice-pwd 22 to 256 letters, "
        "digits, + and /", mid);
    return FALSE;
  }
  if (offer->ice_ufrag == NULL) {
    offer->ice_ufrag = g_strdup (ufrag);
    offer->ice_pwd = g_strdup (pwd);
  } else if (!g_str_equal (offer->ice_ufrag, ufrag)
      || !g_str_equal (offer->ice_pwd, pwd)) {
    g_set_error (error, ERROR_UNSUPPORTED,
        "section %s has other ICE credentials than the first one: "
        "all sections must be bundled on one transport", mid);
    return FALSE;
  }

  fingerprints = lockstep_sdp_read_fingerprints (r->text, section, error);
  if (fingerprints == NULL)
    return FALSE;
  if (offer->fingerprints->len == 0) {
    g_ptr_array_unref (offer->fingerprints);
    offer->fingerprints = g_steal_pointer (&fingerprints);
  } else if (!same_strings (offer->fingerprints, fingerprints)) {
    g_set_error (error, ERROR_UNSUPPORTED,
        "section %s has other fingerprints than the first one: "
        "all sections must be bundled on one transport", mid);
    return FALSE;
  }

  /* RFC 8842, section 5.2: an offer without a=setup is an error */
  if (setup == NULL) {
    g_set_error (error, ERROR_UNSUPPORTED, "section %s has no a=setup", mid);
    return FALSE;
  }
  if (!g_str_equal (setup, "actpass") && !g_str_equal (setup, "active")) {
    g_set_error (error, ERROR_UNSUPPORTED,
        "section %s: a=setup is \"%.16s\"; a client offers actpass or "
        "active (RFC 9725, section 4.4.4)", mid, setup);
    return FALSE;
  }
  if (r->setup != NULL && !g_str_equal (r->setup, setup)) {
    g_set_error (error, ERROR_UNSUPPORTED,
        "section %s has another a=setup than the first one", mid);
    return FALSE;
  }
  r->setup = setup;
  return TRUE;
}

gboolean
lockstep_offer_read_mid (LockstepOfferReader * r, guint section,
    LockstepOfferMedia * media, GError ** error)
{
  GError *twice = NULL;
  const char *mid = lockstep_sdp_text_only (r->text, section, "mid", &twice);

  if (twice != NULL) {
    g_propagate_error (error, twice);
    return FALSE;
  }
  if (mid == NULL || mid[0] == '\0') {
    media->mid_added = TRUE;
    return TRUE;
  }
  if (!lockstep_sdp_is_token (mid, 64)) {
    g_set_error (error, ERROR_MALFORMED,
        "a=mid of section %u is not a token of up to 64 characters",
        section - 1);
    return FALSE;
  }
  for (guint i = 0; i < r->offer->media->len; i++) {
    const LockstepOfferMedia *other = r->offer->media->pdata[i];

    if (g_strcmp0 (other->mid, mid) == 0) {
      g_set_error (error, ERROR_MALFORMED, "a=mid:%s is given to two sections",
          mid);
      return FALSE;
    }
  }
  media->mid = g_strdup (mid);
  return TRUE;
}

static gboolean
mid_is_taken (const LockstepOffer * offer, const char *mid)
{
  for (guint i = 0; i < offer->media->len; i++) {
    const LockstepOfferMedia *media = offer->media->pdata[i];

    if (g_strcmp0 (media->mid, mid) == 0)
      return TRUE;
  }
  return FALSE;
}

/* webrtcbin 1.22.0 refuses sections without a mid: each gets the lowest number
 * that is no mid yet. */
void
lockstep_offer_add_mids (LockstepOffer * offer)
{
  guint next = 0;

  for (guint i = 0; i < offer->media->len; i++) {
    LockstepOfferMedia *media = offer->media->pdata[i];

    while (media->mid == NULL) {
      g_autofree char *mid = g_strdup_printf ("%u", next++);

      if (!mid_is_taken (offer, mid))
        media->mid = g_steal_pointer (&mid);
    }
  }
}

/* Checks the group and lists the mids that share the transport. */
gboolean
lockstep_offer_check_bundle (LockstepOfferReader * r, GError ** error)
{
  LockstepOffer *offer = r->offer;
  g_autoptr (GPtrArray) mids = g_ptr_array_new_with_free_func (g_free);
  guint streams = 0;

  offer->bundle_added = r->group == NULL;
  if (r->group != NULL) {
    for (guint g = 0; r->group[g] != NULL; g++) {
      const LockstepOfferMedia *named = NULL;

      if (r->group[g][0] == '\0')
        continue;
      for (guint i = 0; i < offer->media->len; i++) {
        const LockstepOfferMedia *media = offer->media->pdata[i];

        if (!media->mid_added && g_str_equal (media->mid, r->group[g]))
          named = media;
      }
      if (named == NULL) {
        g_set_error (error, ERROR_MALFORMED,
            "a=group:BUNDLE names \"%.64s\", which no section has as a=mid",
            r->group[g]);
        return FALSE;
      }
      if (named->rejected)
        continue;
      for (guint i = 0; i < mids->len; i++) {
        if (g_str_equal (mids->pdata[i], named->mid)) {
          g_set_error (error, ERROR_MALFORMED,
              "a=group:BUNDLE names \"%s\" twice", named->mid);
          return FALSE;
        }
      }
      g_ptr_array_add (mids, g_strdup (named->mid));
    }
  }
  for (guint i = 0; i < offer->media->len; i++) {
    const LockstepOfferMedia *media = offer->media->pdata[i];
    gboolean listed = FALSE;

    if (media->rejected)
      continue;
    streams += !media->data;
    for (guint m = 0; m < mids->len; m++)
      listed |= g_str_equal (mids->pdata[m], media->mid);
    if (!listed && r->group != NULL) {
      g_set_error (error, ERROR_UNSUPPORTED,
          "the m=%s section is not in a=group:BUNDLE: WHIP is one transport",
          media->kind_name);
      return FALSE;
    }
    if (!listed)
      g_ptr_array_add (mids, g_strdup (media->mid));
  }
  if (streams == 0) {
    g_set_error (error, ERROR_UNSUPPORTED, offer->viewer
        ? "the offer asks for nothing that is sent here"
        : "each m= section has port 0");
    return FALSE;
  }
  g_ptr_array_add (mids, NULL);
  offer->bundle = (char **) g_ptr_array_free (g_steal_pointer (&mids), FALSE);
  return TRUE;
}

/* On one transport, packets are told apart by payload type (and by mid), and
 * header extensions have one meaning (RFC 9143, sections 9.1 and 9.2). */
gboolean
lockstep_offer_check_shared_numbers (LockstepOffer * offer, GError ** error)
{
  const char *uris[LOCKSTEP_SDP_MAX_EXTMAP_ID + 1] = { NULL };
  gboolean used[128] = { FALSE };

  for (guint i = 0; i < offer->media->len; i++) {
    const LockstepOfferMedia *media = offer->media->pdata[i];
    const int payloads[] = { media->payload, media->rtx_payload };

    for (guint p = 0; p < G_N_ELEMENTS (payloads); p++) {
      if (payloads[p] < 0)
        continue;
      if (used[payloads[p]]) {
        g_set_error (error, ERROR_UNSUPPORTED,
            "payload type %d is used in two bundled sections", payloads[p]);
        return FALSE;
      }
      used[payloads[p]] = TRUE;
    }
    for (guint e = 0; e < media->extmaps->len; e++) {
      const LockstepExtmap *map =
          &g_array_index (media->extmaps, LockstepExtmap, e);

      if (uris[map->id] != NULL && !g_str_equal (uris[map->id], map->uri)) {
        g_set_error (error, ERROR_MALFORMED,
            "a=extmap: id %u means two things in bundled sections", map->id);
        return FALSE;
      }
      uris[map->id] = map->uri;
    }
  }
  return TRUE;
}
