/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Reads the offer of a publisher or a viewer, and writes the one that webrtcbin 1.22.0 gets.
 *
 * The text for webrtcbin is written anew from what was understood, never
 * patched: webrtcbin turns unknown attributes and parameters into caps fields,
 * whose names are never freed, so nothing that was not checked may pass. */
#include "sdp-private.h"

#include <string.h>

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
} Reader;

static void
extmap_clear (LockstepExtmap * map)
{
  g_free (map->uri);
}

static LockstepOfferMedia *
media_new (void)
{
  LockstepOfferMedia *media = g_new0 (LockstepOfferMedia, 1);

  media->payload = media->rtx_payload = media->mline = -1;
  media->extmaps = g_array_new (FALSE, TRUE, sizeof (LockstepExtmap));
  g_array_set_clear_func (media->extmaps, (GDestroyNotify) extmap_clear);
  return media;
}

static void
media_free (LockstepOfferMedia * media)
{
  g_free (media->kind_name);
  g_free (media->proto);
  g_free (media->formats);
  g_free (media->mid);
  g_free (media->encoding);
  g_free (media->encoding_offered);
  g_free (media->encoding_params);
  g_free (media->fmtp);
  g_array_unref (media->extmaps);
  g_free (media);
}

void
lockstep_offer_free (LockstepOffer * offer)
{
  if (offer == NULL)
    return;
  g_free (offer->sdp);
  g_ptr_array_unref (offer->media);
  g_ptr_array_unref (offer->fingerprints);
  g_free (offer->ice_ufrag);
  g_free (offer->ice_pwd);
  g_strfreev (offer->bundle);
  g_free (offer);
}

/* The attribute of a section, or that of the session where it has none: what
 * libdatachannel (OBS), Pion and others give once, for all. webrtcbin 1.22.0
 * refuses a=setup there, and a fingerprint at both levels. */
static const char *
inherited (Reader * r, guint section, const char *key, GError ** error)
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

static gboolean
read_session (Reader * r, GError ** error)
{
  guint n;
  const LockstepSdpLine *lines = lockstep_sdp_text_lines (r->text, 0, &n);
  const LockstepSdpLine *origin = NULL;

  if (n == 0 || lines[0].type != 'v' || !g_str_equal (lines[0].value, "0")) {
    g_set_error (error, ERROR_MALFORMED,
        "the body is not an SDP: it does not begin with v=0");
    return FALSE;
  }
  for (guint i = 1; i < n; i++) {
    if (lines[i].type == 'o')
      origin = &lines[i];
    if (lines[i].type == 'k') {
      g_set_error (error, ERROR_UNSUPPORTED,
          "a k= line is obsolete (RFC 8866)");
      return FALSE;
    }
  }
  if (origin == NULL) {
    g_set_error (error, ERROR_MALFORMED, "the SDP has no o= line");
    return FALSE;
  }
  /* webrtcbin repeats these in its answer; a browser's have up to 63 bits */
  {
    g_auto (GStrv) words = g_strsplit (origin->value, " ", 7);

    if (g_strv_length (words) < 6) {
      g_set_error (error, ERROR_MALFORMED, "o= has fewer than 6 fields");
      return FALSE;
    }
    if (!lockstep_sdp_number (words[1], G_MAXINT64, &r->session_id))
      r->session_id = 1;
    if (!lockstep_sdp_number (words[2], G_MAXINT64, &r->session_version))
      r->session_version = 1;
  }
  if (lockstep_sdp_text_sections (r->text) == 1) {
    g_set_error (error, ERROR_MALFORMED, "the SDP has no m= section");
    return FALSE;
  }
  /* RFC 9725, section 4.3: a WHIP client is a full ICE agent. webrtcbin 1.22.0
   * takes the controlled role and would wait for a lite one to nominate. */
  if (lockstep_sdp_text_has (r->text, 0, "ice-lite")) {
    g_set_error (error, ERROR_UNSUPPORTED,
        "the offer is ice-lite: a client must do full ICE");
    return FALSE;
  }
  return TRUE;
}

static gboolean
read_group (Reader * r, GError ** error)
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
static gboolean
read_transport (Reader * r, guint section, const char *mid, GError ** error)
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

/* The direction of the session holds for sections that have none, sendrecv if there is
 * none at all (RFC 8866, section 6.7). NULL with an error: there are two. */
static const char *
read_direction (Reader * r, guint section, const char *mid, GError ** error)
{
  static const char *const names[] =
      { "sendrecv", "sendonly", "recvonly", "inactive" };
  const guint places[] = { section, 0 };
  const char *direction = NULL;

  for (guint p = 0; p < G_N_ELEMENTS (places) && direction == NULL; p++) {
    for (guint i = 0; i < G_N_ELEMENTS (names); i++) {
      if (!lockstep_sdp_text_has (r->text, places[p], names[i]))
        continue;
      if (direction != NULL) {
        g_set_error (error, ERROR_MALFORMED,
            "section %s is a=%s and a=%s", mid, direction, names[i]);
        return NULL;
      }
      direction = names[i];
    }
  }
  return direction != NULL ? direction : names[0];
}

/* A publisher sends, a viewer receives. */
static gboolean
check_direction (Reader * r, guint section, const char *mid, GError ** error)
{
  const char *direction = read_direction (r, section, mid, error);
  const char *wanted = r->offer->viewer ? "recvonly" : "sendonly";

  if (direction == NULL)
    return FALSE;
  if (!g_str_equal (direction, "sendrecv") && !g_str_equal (direction, wanted)) {
    g_set_error (error, ERROR_UNSUPPORTED,
        "section %s is a=%s: a %s must offer a=%s", mid, direction,
        r->offer->viewer ? "viewer" : "publisher", wanted);
    return FALSE;
  }
  return TRUE;
}

/* What a viewer offers beyond what is sent here: answered by port 0 (RFC 3264,
 * section 6), as no player can know what there is. */
static gboolean
is_not_sent (Reader * r, guint section, const LockstepOfferMedia * media,
    const char *const *accepted)
{
  for (guint i = 0; i < r->offer->media->len; i++) {
    const LockstepOfferMedia *other = r->offer->media->pdata[i];

    if (!other->rejected && other->kind == media->kind)
      return TRUE;
  }
  return accepted == NULL || accepted[0] == NULL
      || lockstep_sdp_text_has (r->text, section, "inactive");
}

static gboolean
read_lines (Reader * r, guint section, LockstepOfferMedia * media,
    GError ** error)
{
  gboolean used[LOCKSTEP_SDP_MAX_EXTMAP_ID + 1] = { FALSE };
  guint n;
  const LockstepSdpLine *lines = lockstep_sdp_text_lines (r->text, section, &n);

  for (guint i = 0; i < n; i++) {
    if (g_strcmp0 (lines[i].key, "extmap") == 0) {
      if (!lockstep_sdp_read_extmap (lines[i].value, r->offer->viewer, used,
              media, error))
        return FALSE;
    } else if (g_strcmp0 (lines[i].key, "candidate") == 0) {
      g_autoptr (LockstepSdpCandidate) candidate = NULL;
      GError *bad = NULL;

      candidate = lockstep_sdp_candidate_parse (lines[i].value, &bad);
      if (bad != NULL) {
        g_propagate_error (error, bad);
        return FALSE;
      }
      if (candidate == NULL
          || !lockstep_sdp_candidate_is_useful (candidate, r->offer->ice_ufrag)
          || lockstep_sdp_candidate_is_listed (r->candidates, candidate))
        continue;
      if (r->candidates->len == LOCKSTEP_SDP_MAX_CANDIDATES) {
        g_set_error (error, LOCKSTEP_SDP_ERROR, LOCKSTEP_SDP_ERROR_TOO_LARGE,
            "more than %d candidates", LOCKSTEP_SDP_MAX_CANDIDATES);
        return FALSE;
      }
      g_ptr_array_add (r->candidates, g_steal_pointer (&candidate));
    }
  }
  return TRUE;
}

/* RFC 8829, section 5.1.2: what an offer of RTP over DTLS may be called */
static gboolean
is_dtls_rtp (const char *proto)
{
  static const char *const names[] = {
    "UDP/TLS/RTP/SAVPF", "UDP/TLS/RTP/SAVP", "TCP/TLS/RTP/SAVPF",
    "TCP/DTLS/RTP/SAVPF", "TCP/DTLS/RTP/SAVP", "RTP/SAVPF", "RTP/SAVP", NULL
  };

  return g_strv_contains (names, proto);
}

/* RFC 9725, section 4.4.2: one MediaStream with at most one audio and one
 * video; and section 4.4.3: no section may fail by itself. */
static gboolean
check_kind (Reader * r, const LockstepOfferMedia * media,
    const char *const *accepted, GError ** error)
{
  if (media->kind == LOCKSTEP_MEDIA_OTHER) {
    g_set_error (error, ERROR_UNSUPPORTED,
        "m=%s: only audio and video can be published", media->kind_name);
    return FALSE;
  }
  for (guint i = 0; i < r->offer->media->len; i++) {
    const LockstepOfferMedia *other = r->offer->media->pdata[i];

    if (!other->rejected && other->kind == media->kind) {
      g_set_error (error, ERROR_UNSUPPORTED,
          "more than one m=%s section: a WHIP publisher has at most one audio "
          "and one video", media->kind_name);
      return FALSE;
    }
  }
  if (accepted == NULL || accepted[0] == NULL) {
    g_set_error (error, ERROR_UNSUPPORTED, "no %s is taken here",
        media->kind_name);
    return FALSE;
  }
  if (!is_dtls_rtp (media->proto)) {
    g_set_error (error, ERROR_UNSUPPORTED,
        "m=%s uses %s: UDP/TLS/RTP/SAVPF is needed", media->kind_name,
        media->proto);
    return FALSE;
  }
  return TRUE;
}

/* RFC 8841: the one section that data channels need. What is older, or broken, is none. */
static void
read_data_section (Reader * r, guint section, const LockstepSdpMline * mline,
    LockstepOfferMedia * media)
{
  const char *port =
      lockstep_sdp_text_only (r->text, section, "sctp-port", NULL);
  guint64 number;

  if (!(r->flags & LOCKSTEP_OFFER_DATA)
      || !g_str_equal (mline->kind, "application")
      || !g_str_equal (mline->proto, "UDP/DTLS/SCTP")
      || g_strcmp0 (mline->formats[0], "webrtc-datachannel") != 0
      || port == NULL || !lockstep_sdp_number (port, 65535, &number)
      || number == 0)
    return;
  media->data = TRUE;
  media->sctp_port = number;
}

static gboolean
read_mid (Reader * r, guint section, LockstepOfferMedia * media,
    GError ** error)
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
static void
add_mids (LockstepOffer * offer)
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

static gboolean
read_section (Reader * r, guint section, const char *const *accept_audio,
    const char *const *accept_video, GError ** error)
{
  g_auto (LockstepSdpMline) mline = { 0 };
  LockstepOfferMedia *media;
  const char *const *accepted = NULL;
  const char *name;
  guint n;
  const LockstepSdpLine *lines = lockstep_sdp_text_lines (r->text, section, &n);

  if (!lockstep_sdp_mline_parse (lines[0].value, &mline, error))
    return FALSE;
  media = media_new ();
  media->kind_name = g_strdup (mline.kind);
  media->proto = g_strdup (mline.proto);
  media->formats = g_strjoinv (" ", mline.formats);
  media->kind = LOCKSTEP_MEDIA_OTHER;
  if (g_str_equal (mline.kind, "audio")) {
    media->kind = LOCKSTEP_MEDIA_AUDIO;
    accepted = accept_audio;
  } else if (g_str_equal (mline.kind, "video")) {
    media->kind = LOCKSTEP_MEDIA_VIDEO;
    accepted = accept_video;
  }
  read_data_section (r, section, &mline, media);
  media->rejected = mline.port == 0
      && !lockstep_sdp_text_has (r->text, section, "bundle-only");
  for (guint i = 0; media->data && i < r->offer->media->len; i++)
    media->rejected |= ((LockstepOfferMedia *) r->offer->media->pdata[i])->data;
  if (r->offer->viewer && !media->data
      && is_not_sent (r, section, media, accepted))
    media->rejected = TRUE;
  if (!read_mid (r, section, media, error)
      || (!media->rejected && !media->data
          && !check_kind (r, media, accepted, error))) {
    media_free (media);
    return FALSE;
  }
  g_ptr_array_add (r->offer->media, media);
  if (media->rejected)
    return TRUE;

  name = media->mid != NULL ? media->mid : media->kind_name;
  if (media->data)
    return read_transport (r, section, name, error)
        && read_lines (r, section, media, error);
  if (!check_direction (r, section, name, error)
      || !read_transport (r, section, name, error))
    return FALSE;
  /* webrtcbin has no RTCP port of its own (RFC 9725, section 4.4.1) */
  if (!lockstep_sdp_text_has (r->text, section, "rtcp-mux")
      && !lockstep_sdp_text_has (r->text, section, "rtcp-mux-only")) {
    g_set_error (error, ERROR_UNSUPPORTED, "section %s has no a=rtcp-mux",
        name);
    return FALSE;
  }
  /* a=simulcast and a=rid are not refused, they are left out: an answer without
   * them makes the publisher send one layer, the first of its list (RFC 8853,
   * section 5.3.2), as one plain stream. */
  return lockstep_sdp_choose_payload (r->text, section, &mline, accepted,
      media, error) && read_lines (r, section, media, error);
}

/* Checks the group and lists the mids that share the transport. */
static gboolean
check_bundle (Reader * r, GError ** error)
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
static gboolean
check_shared_numbers (LockstepOffer * offer, GError ** error)
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

/* What a section has that the transport needs. */
static void
write_transport (Reader * r, const LockstepOfferMedia * media,
    gboolean candidates, GString * out)
{
  g_string_append_printf (out, "\r\nc=IN IP4 0.0.0.0\r\na=mid:%s\r\n",
      media->mid);
  g_string_append_printf (out, "a=ice-ufrag:%s\r\na=ice-pwd:%s\r\n",
      r->offer->ice_ufrag, r->offer->ice_pwd);
  /* one fingerprint a section: 1.22.0 compares the first with that of the
   * section before, checks none, and needs one to be there */
  g_string_append_printf (out, "a=fingerprint:%s\r\na=setup:%s\r\n",
      (char *) r->offer->fingerprints->pdata[0], r->setup);
  /* the candidates of all sections are of one transport: that of the first */
  for (guint i = 0; candidates && i < r->candidates->len; i++) {
    g_autofree char *text =
        lockstep_sdp_candidate_to_string (r->candidates->pdata[i]);

    g_string_append_printf (out, "a=%s\r\n", text);
  }
}

static void
write_data_section (Reader * r, const LockstepOfferMedia * media,
    gboolean candidates, GString * out)
{
  g_string_append (out, "m=application 9 UDP/DTLS/SCTP webrtc-datachannel");
  write_transport (r, media, candidates, out);
  g_string_append_printf (out, "a=sctp-port:%u\r\n", media->sctp_port);
}

static void
write_section (Reader * r, const LockstepOfferMedia * media,
    gboolean candidates, GString * out)
{
  g_autofree char *rtpmap = lockstep_sdp_rtpmap (media);
  g_autofree char *fmtp = lockstep_sdp_offer_fmtp (media);
  const int pt = media->payload;

  g_string_append_printf (out, "m=%s 9 UDP/TLS/RTP/SAVPF %d",
      media->kind_name, pt);
  if (media->rtx_payload >= 0)
    g_string_append_printf (out, " %d", media->rtx_payload);
  write_transport (r, media, candidates, out);
  g_string_append (out, "a=rtcp-mux\r\n");
  /* also for sendrecv: media flows one way */
  g_string_append (out, r->offer->viewer ? "a=recvonly\r\n" : "a=sendonly\r\n");
  for (guint i = 0; i < media->extmaps->len; i++) {
    const LockstepExtmap *map =
        &g_array_index (media->extmaps, LockstepExtmap, i);

    /* Without direction and attributes: with them the caps field becomes an
     * array, in which rtpbin 1.22.0 does not look for the URI. */
    g_string_append_printf (out, "a=extmap:%u %s\r\n", map->id, map->uri);
  }
  g_string_append_printf (out, "a=rtpmap:%d %s\r\n", pt, rtpmap);
  if (media->nack)
    g_string_append_printf (out, "a=rtcp-fb:%d nack\r\n", pt);
  if (media->nack_pli)
    g_string_append_printf (out, "a=rtcp-fb:%d nack pli\r\n", pt);
  if (media->ccm_fir)
    g_string_append_printf (out, "a=rtcp-fb:%d ccm fir\r\n", pt);
  if (media->transport_cc)
    g_string_append_printf (out, "a=rtcp-fb:%d transport-cc\r\n", pt);
  if (fmtp != NULL)
    g_string_append_printf (out, "a=fmtp:%d %s\r\n", pt, fmtp);
  if (media->rtx_payload >= 0)
    g_string_append_printf (out, "a=rtpmap:%d rtx/%u\r\na=fmtp:%d apt=%d\r\n",
        media->rtx_payload, media->clock_rate, media->rtx_payload, pt);
}

static char *
write_offer (Reader * r)
{
  LockstepOffer *offer = r->offer;
  GString *out = g_string_new ("v=0\r\n");
  int mline = 0;

  g_string_append_printf (out,
      "o=- %" G_GUINT64_FORMAT " %" G_GUINT64_FORMAT " IN IP4 127.0.0.1\r\n"
      "s=-\r\nt=0 0\r\n", r->session_id, r->session_version);
  /* in the order of the sections: 1.22.0 writes its answer so in any case */
  g_string_append (out, "a=group:BUNDLE");
  for (guint i = 0; i < offer->media->len; i++) {
    const LockstepOfferMedia *media = offer->media->pdata[i];

    if (!media->rejected)
      g_string_append_printf (out, " %s", media->mid);
  }
  g_string_append (out, "\r\n");
  if (offer->trickle)
    g_string_append (out, "a=ice-options:trickle\r\n");
  /* Sections with port 0 are left out, because 1.22.0 would answer them with
   * port 9; lockstep_answer_finish() puts them back. */
  for (guint i = 0; i < offer->media->len; i++) {
    LockstepOfferMedia *media = offer->media->pdata[i];

    if (media->rejected)
      continue;
    if (media->data)
      write_data_section (r, media, mline == 0, out);
    else
      write_section (r, media, mline == 0, out);
    media->mline = mline++;
  }
  return g_string_free (out, FALSE);
}

static gboolean
has_trickle (const LockstepSdpText * text)
{
  for (guint s = 0; s < lockstep_sdp_text_sections (text); s++) {
    guint n;
    const LockstepSdpLine *lines = lockstep_sdp_text_lines (text, s, &n);

    for (guint i = 0; i < n; i++) {
      if (g_strcmp0 (lines[i].key, "ice-options") == 0) {
        /* libdatachannel puts a comma between them */
        g_auto (GStrv) words = g_strsplit_set (lines[i].value, " ,", -1);

        if (g_strv_contains ((const char *const *) words, "trickle"))
          return TRUE;
      }
    }
  }
  return FALSE;
}

static gboolean
read_offer (Reader * r, const char *const *accept_audio,
    const char *const *accept_video, GError ** error)
{
  if (!read_session (r, error) || !read_group (r, error))
    return FALSE;
  for (guint s = 1; s < lockstep_sdp_text_sections (r->text); s++) {
    if (!read_section (r, s, accept_audio, accept_video, error))
      return FALSE;
  }
  add_mids (r->offer);
  if (!check_bundle (r, error) || !check_shared_numbers (r->offer, error))
    return FALSE;
  r->offer->trickle = has_trickle (r->text);
  r->offer->sdp = write_offer (r);
  return TRUE;
}

static LockstepOffer *
parse (const char *body, gsize length, LockstepOfferFlags flags,
    const char *const *accept_audio, const char *const *accept_video,
    GError ** error)
{
  g_autoptr (LockstepSdpText) text = NULL;
  g_autoptr (LockstepOffer) offer = NULL;
  g_autoptr (GPtrArray) candidates = NULL;
  Reader reader = { 0 };
  gboolean ok;

  g_return_val_if_fail (body != NULL || length == 0, NULL);
  g_return_val_if_fail (error == NULL || *error == NULL, NULL);

  text = lockstep_sdp_text_parse (body, length, error);
  if (text == NULL)
    return NULL;
  offer = g_new0 (LockstepOffer, 1);
  offer->media = g_ptr_array_new_with_free_func ((GDestroyNotify) media_free);
  offer->fingerprints = g_ptr_array_new_with_free_func (g_free);
  offer->viewer = (flags & LOCKSTEP_OFFER_VIEWER) != 0;
  candidates = g_ptr_array_new_with_free_func ((GDestroyNotify)
      lockstep_sdp_candidate_free);
  reader.text = text;
  reader.flags = flags;
  reader.offer = offer;
  reader.candidates = candidates;
  ok = read_offer (&reader, accept_audio, accept_video, error);
  g_strfreev (reader.group);
  return ok ? g_steal_pointer (&offer) : NULL;
}

LockstepOffer *
lockstep_offer_parse (const char *body, gsize length,
    const char *const *accept_audio, const char *const *accept_video,
    GError ** error)
{
  return parse (body, length, 0, accept_audio, accept_video, error);
}

LockstepOffer *
lockstep_offer_parse_viewer (const char *body, gsize length,
    const char *const *send_audio, const char *const *send_video,
    GError ** error)
{
  return parse (body, length, LOCKSTEP_OFFER_VIEWER, send_audio, send_video,
      error);
}

LockstepOffer *
lockstep_offer_parse_with (const char *body, gsize length,
    LockstepOfferFlags flags, const char *const *audio,
    const char *const *video, GError ** error)
{
  return parse (body, length, flags, audio, video, error);
}
