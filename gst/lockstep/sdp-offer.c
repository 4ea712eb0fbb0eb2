/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Reads the offer of a publisher or a viewer, section by section. What the sections
 * share is read in sdp-offer-bundle.c; sdp-offer-write.c writes the offer that webrtcbin
 * gets. */
#include "sdp-offer-private.h"

static void
extmap_clear (LockstepExtmap * map)
{
  g_free (map->uri);
}

static LockstepOfferMedia *
media_new (void)
{
  LockstepOfferMedia *media = g_new0 (LockstepOfferMedia, 1);

  media->payload = media->rtx_payload = media->fec_payload = -1;
  media->mline = -1;
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
  g_clear_pointer (&media->rids, g_ptr_array_unref);
  g_clear_pointer (&media->answer_rids, g_ptr_array_unref);
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

static gboolean
read_session (LockstepOfferReader * r, GError ** error)
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
    r->offer->no_loopback = g_str_has_prefix (words[0], "mozilla");
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

/* The direction of the session holds for sections that have none, sendrecv if there is
 * none at all (RFC 8866, section 6.7). NULL with an error: there are two. */
static const char *
read_direction (LockstepOfferReader * r, guint section, const char *mid,
    GError ** error)
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
check_direction (LockstepOfferReader * r, guint section, const char *mid,
    GError ** error)
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
is_not_sent (LockstepOfferReader * r, guint section,
    const LockstepOfferMedia * media, const char *const *accepted)
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
read_lines (LockstepOfferReader * r, guint section, LockstepOfferMedia * media,
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
check_kind (LockstepOfferReader * r, const LockstepOfferMedia * media,
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
read_data_section (LockstepOfferReader * r, guint section,
    const LockstepSdpMline * mline, LockstepOfferMedia * media)
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
read_section (LockstepOfferReader * r, guint section,
    const char *const *accept_audio, const char *const *accept_video,
    GError ** error)
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
  if (!lockstep_offer_read_mid (r, section, media, error)
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
    return lockstep_offer_read_transport (r, section, name, error)
        && read_lines (r, section, media, error);
  if (!check_direction (r, section, name, error)
      || !lockstep_offer_read_transport (r, section, name, error))
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
  if (!lockstep_sdp_choose_payload (r->text, section, &mline, accepted, media,
          error))
    return FALSE;
  if ((r->flags & LOCKSTEP_OFFER_SIMULCAST) && r->offer->viewer
      && media->kind == LOCKSTEP_MEDIA_VIDEO)
    lockstep_sdp_read_simulcast (r->text, section, media);
  if (!read_lines (r, section, media, error))
    return FALSE;
  lockstep_sdp_finish_simulcast (media);
  return TRUE;
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
read_offer (LockstepOfferReader * r, const char *const *accept_audio,
    const char *const *accept_video, GError ** error)
{
  if (!read_session (r, error) || !lockstep_offer_read_group (r, error))
    return FALSE;
  for (guint s = 1; s < lockstep_sdp_text_sections (r->text); s++) {
    if (!read_section (r, s, accept_audio, accept_video, error))
      return FALSE;
  }
  lockstep_offer_add_mids (r->offer);
  if (!lockstep_offer_check_bundle (r, error)
      || !lockstep_offer_check_shared_numbers (r->offer, error))
    return FALSE;
  r->offer->trickle = has_trickle (r->text);
  r->offer->sdp = lockstep_offer_write (r);
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
  LockstepOfferReader reader = { 0 };
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
