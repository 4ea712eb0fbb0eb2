/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Makes the answer that is sent out of the one that webrtcbin wrote. */
#include "sdp-private.h"

#include <string.h>

/* One section of webrtcbin's answer, and the offered one it belongs to. */
typedef struct
{
  const LockstepOfferMedia *media;
  guint section;
  gboolean has_mid;             /* whether a=mid is written */
  gboolean sent;                /* this side sends: the offer is a viewer's */
} Pair;

static gboolean
G_GNUC_PRINTF (2, 3)
fail (GError ** error, const char *format, ...)
{
  va_list args;

  va_start (args, format);
  g_propagate_error (error, g_error_new_valist (LOCKSTEP_SDP_ERROR,
          LOCKSTEP_SDP_ERROR_UNSUPPORTED, format, args));
  va_end (args);
  return FALSE;
}

/* webrtcbin rejects what it cannot do by port 0, silently. */
static gboolean
check_section (const LockstepSdpText * text, guint section,
    const LockstepOfferMedia * media, const char *direction, GError ** error)
{
  g_auto (LockstepSdpMline) mline = { 0 };
  static const char *const needed[] =
      { "ice-ufrag", "ice-pwd", "fingerprint", "setup" };
  g_autofree char *payload = g_strdup_printf ("%d", media->payload);
  guint n;
  const LockstepSdpLine *lines = lockstep_sdp_text_lines (text, section, &n);

  if (!lockstep_sdp_mline_parse (lines[0].value, &mline, error))
    return FALSE;
  if (!g_str_equal (mline.kind, media->kind_name) || mline.port == 0)
    return fail (error, "the %s section could not be answered",
        media->kind_name);
  if (!g_str_equal (mline.formats[0], media->data ? "webrtc-datachannel"
          : payload))
    return fail (error, "the answer took another %s payload than the chosen "
        "one", media->kind_name);
  for (guint i = 0; i < G_N_ELEMENTS (needed); i++) {
    if (!lockstep_sdp_text_has (text, section, needed[i]))
      return fail (error, "the answer has no a=%s", needed[i]);
  }
  if (!media->data && !lockstep_sdp_text_has (text, section, direction))
    return fail (error, "the %s section is not answered by a=%s",
        media->kind_name, direction);
  return TRUE;
}

static void
add_candidate (GPtrArray * list, LockstepSdpCandidate * candidate)
{
  if (lockstep_sdp_candidate_is_listed (list, candidate))
    lockstep_sdp_candidate_free (candidate);
  else
    g_ptr_array_add (list, candidate);
}

/* 1:1 NAT: host candidates get the public addresses of their family. Loopback
 * ones stay: they are for this machine alone. The address inside is not told. */
static void
add_replaced (GPtrArray * list, const LockstepSdpCandidate * candidate,
    const GPtrArray * addresses)
{
  guint n = 0;

  for (guint i = 0; i < addresses->len; i++) {
    GInetAddress *address = addresses->pdata[i];
    LockstepSdpCandidate *copy;

    if (candidate->type != LOCKSTEP_CANDIDATE_HOST
        || g_inet_address_get_is_loopback (candidate->address)
        || g_inet_address_get_family (address) !=
        g_inet_address_get_family (candidate->address))
      continue;
    copy = lockstep_sdp_candidate_copy (candidate);
    g_set_object (&copy->address, address);
    /* RFC 8445, section 5.1.2: no two with one priority, and none below 1. The
     * local preference stands above the last 8 bits. */
    copy->priority = copy->priority > n * 256 ? copy->priority - n * 256 : 1;
    add_candidate (list, copy);
    n++;
  }
  if (n == 0) {
    LockstepSdpCandidate *copy = lockstep_sdp_candidate_copy (candidate);

    if (addresses->len > 0 && copy->related_address != NULL) {
      g_free (copy->related_address);
      copy->related_address = g_strdup (g_inet_address_get_family
          (copy->address) == G_SOCKET_FAMILY_IPV6 ? "::" : "0.0.0.0");
      copy->related_port = 9;
    }
    add_candidate (list, copy);
  }
}

/* Every candidate of the answer that is worth a try: no RTCP ones, no
 * TCP-active ones (a browser never listens), no link-local ones. */
static GPtrArray *
collect_candidates (const LockstepSdpText * text,
    const GPtrArray * addresses, GError ** error)
{
  g_autoptr (GPtrArray) list = g_ptr_array_new_with_free_func ((GDestroyNotify)
      lockstep_sdp_candidate_free);

  for (guint s = 1; s < lockstep_sdp_text_sections (text); s++) {
    guint n;
    const LockstepSdpLine *lines = lockstep_sdp_text_lines (text, s, &n);

    for (guint i = 0; i < n; i++) {
      g_autoptr (LockstepSdpCandidate) candidate = NULL;
      GError *bad = NULL;

      if (g_strcmp0 (lines[i].key, "candidate") != 0)
        continue;
      candidate = lockstep_sdp_candidate_parse (lines[i].value, &bad);
      if (bad != NULL) {
        g_propagate_error (error, bad);
        return NULL;
      }
      if (candidate == NULL || candidate->component != 1
          || candidate->port == 0
          || g_inet_address_get_is_link_local (candidate->address)
          || g_inet_address_get_is_any (candidate->address)
          || (candidate->tcp && g_strcmp0 (candidate->tcptype, "passive") != 0))
        continue;
      add_replaced (list, candidate, addresses);
    }
  }
  if (list->len == 0) {
    g_set_error (error, LOCKSTEP_SDP_ERROR, LOCKSTEP_SDP_ERROR_UNSUPPORTED,
        "no candidate was gathered: this machine has no usable address");
    return NULL;
  }
  return g_steal_pointer (&list);
}

static GPtrArray *
read_addresses (const char *const *strings, GError ** error)
{
  g_autoptr (GPtrArray) addresses =
      g_ptr_array_new_with_free_func (g_object_unref);

  for (guint i = 0; strings != NULL && strings[i] != NULL; i++) {
    GInetAddress *address = g_inet_address_new_from_string (strings[i]);

    if (address == NULL) {
      fail (error, "public address \"%s\" is not an IP address", strings[i]);
      return NULL;
    }
    g_ptr_array_add (addresses, address);
  }
  return g_steal_pointer (&addresses);
}

/* What m= and c= name (RFC 8839, default candidate): the one most likely to
 * work, which is the relayed, then the server reflexive, then a host one. IPv4,
 * as no peer is without. */
static const LockstepSdpCandidate *
default_candidate (const GPtrArray * list)
{
  const LockstepSdpCandidate *best = NULL;

  for (guint i = 0; i < list->len; i++) {
    const LockstepSdpCandidate *c = list->pdata[i];

    if (c->tcp
        || g_inet_address_get_family (c->address) != G_SOCKET_FAMILY_IPV4)
      continue;
    if (best == NULL || c->type > best->type
        || (c->type == best->type && c->priority > best->priority))
      best = c;
  }
  return best;
}

/* Whether this is a=@key of the chosen payload. */
static gboolean
is_of_payload (const LockstepSdpLine * line, const char *key,
    const LockstepOfferMedia * media)
{
  char *end;

  return g_str_equal (line->key, key)
      && g_ascii_strtoll (line->value, &end, 10) == media->payload
      && *end == ' ';
}

/* Lines of webrtcbin's section that are written here instead. */
static gboolean
is_replaced (const LockstepSdpLine * line, const Pair * pair)
{
  static const char *const keys[] =
      { "candidate", "end-of-candidates", "extmap", "msid", NULL };

  if (line->type != 'a')
    return TRUE;
  if (g_strv_contains (keys, line->key))
    return TRUE;
  /* packets of several pictures are known by rid */
  if (pair->media->answer_rids != NULL && g_str_has_prefix (line->key, "ssrc"))
    return TRUE;
  if (g_str_equal (line->key, "mid"))
    return !pair->has_mid;
  return is_of_payload (line, "fmtp", pair->media);
}

/* The header extensions that webrtcbin agreed to, with the direction that
 * the offer's asks for (RFC 8285, section 7). */
static void
write_extmaps (const LockstepSdpText * text, const Pair * pair, GString * out)
{
  const GArray *extmaps = pair->media->extmaps;
  guint n;
  const LockstepSdpLine *lines =
      lockstep_sdp_text_lines (text, pair->section, &n);

  for (guint e = 0; e < extmaps->len; e++) {
    const LockstepExtmap *map = &g_array_index (extmaps, LockstepExtmap, e);
    g_autofree char *value = g_strdup_printf ("%u %s", map->id, map->uri);

    for (guint i = 0; i < n; i++) {
      if (g_strcmp0 (lines[i].key, "extmap") == 0
          && g_str_equal (lines[i].value, value)) {
        g_string_append_printf (out, "a=extmap:%u%s %s\r\n", map->id,
            !map->one_way ? "" : pair->sent ? "/sendonly" : "/recvonly",
            map->uri);
        break;
      }
    }
  }
}

static void
write_section (const LockstepSdpText * text, const Pair * pair,
    const GPtrArray * candidates, GString * out)
{
  g_autofree char *rtpmap = pair->media->data ? NULL
      : lockstep_sdp_rtpmap (pair->media);
  g_autofree char *fmtp = pair->media->data ? NULL
      : lockstep_sdp_answer_fmtp (pair->media);
  const LockstepSdpCandidate *preferred =
      candidates != NULL ? default_candidate (candidates) : NULL;
  g_auto (LockstepSdpMline) mline = { 0 };
  g_autofree char *formats = NULL;
  guint n;
  const LockstepSdpLine *lines =
      lockstep_sdp_text_lines (text, pair->section, &n);

  if (!lockstep_sdp_mline_parse (lines[0].value, &mline, NULL))
    g_return_if_reached ();     /* check_section() parsed it */
  formats = g_strjoinv (" ", mline.formats);
  g_string_append_printf (out, "m=%s %u %s %s", mline.kind,
      preferred != NULL ? preferred->port : 9, pair->media->proto, formats);
  if (lockstep_sdp_sends_fec (pair->media))
    g_string_append_printf (out, " %d", pair->media->fec_payload);
  g_string_append (out, "\r\n");
  if (preferred != NULL) {
    g_autofree char *address = g_inet_address_to_string (preferred->address);

    g_string_append_printf (out, "c=IN IP4 %s\r\n", address);
  } else {
    g_string_append (out, "c=IN IP4 0.0.0.0\r\n");
  }
  for (guint i = 1; i < n; i++) {
    if (is_replaced (&lines[i], pair))
      continue;
    if (is_of_payload (&lines[i], "rtpmap", pair->media)) {
      g_string_append_printf (out, "a=rtpmap:%d %s\r\n",
          pair->media->payload, rtpmap);
      continue;
    }
    g_string_append_printf (out, lines[i].value[0] != '\0' ? "a=%s:%s\r\n"
        : "a=%s\r\n", lines[i].key, lines[i].value);
  }
  lockstep_sdp_write_fec (lines, n, pair->media, out);
  write_extmaps (text, pair, out);
  /* webrtcbin 1.22.0 names the stream in a=ssrc alone, and each track's its own: what
   * is of one MediaStream is played in step (RFC 8830) */
  if (pair->sent && !pair->media->data)
    g_string_append_printf (out, "a=msid:lockstep %s\r\n",
        pair->media->kind_name);
  if (fmtp != NULL)
    g_string_append_printf (out, "a=fmtp:%d %s\r\n", pair->media->payload,
        fmtp);
  lockstep_sdp_write_simulcast (pair->media, out);
  for (guint i = 0; candidates != NULL && i < candidates->len; i++) {
    g_autofree char *candidate =
        lockstep_sdp_candidate_to_string (candidates->pdata[i]);

    g_string_append_printf (out, "a=%s\r\n", candidate);
  }
  if (candidates != NULL)
    g_string_append (out, "a=end-of-candidates\r\n");
}

/* RFC 3264, section 6: a section with port 0 is answered by one with port 0. */
static void
write_rejected (const LockstepOfferMedia * media, GString * out)
{
  g_string_append_printf (out, "m=%s 0 %s %s\r\nc=IN IP4 0.0.0.0\r\n",
      media->kind_name, media->proto, media->formats);
  if (!media->mid_added)
    g_string_append_printf (out, "a=mid:%s\r\n", media->mid);
  g_string_append (out, "a=inactive\r\n");
}

/* RFC 5888: no group that was not offered. With two sections, whose shared ICE
 * credentials mean one transport, it is written all the same. */
static gboolean
has_group (const LockstepOffer * offer, guint n_live)
{
  return !offer->bundle_added || n_live > 1;
}

static gboolean
write_session (const LockstepSdpText * text, const LockstepOffer * offer,
    guint n_live, GString * out, GError ** error)
{
  guint n;
  const LockstepSdpLine *lines = lockstep_sdp_text_lines (text, 0, &n);
  const char *origin = NULL;

  for (guint i = 0; i < n; i++) {
    if (lines[i].type == 'o')
      origin = lines[i].value;
  }
  if (origin == NULL)
    return fail (error, "the answer has no o= line");
  g_string_append_printf (out, "v=0\r\no=%s\r\ns=-\r\nt=0 0\r\n", origin);
  if (has_group (offer, n_live)) {
    g_autofree char *mids = g_strjoinv (" ", offer->bundle);

    g_string_append_printf (out, "a=group:BUNDLE %s\r\n", mids);
  }
  /* says that PATCH is taken; no candidate of this side follows */
  if (offer->trickle)
    g_string_append (out, "a=ice-options:trickle\r\n");
  return TRUE;
}

char *
lockstep_answer_finish (const char *answer, const LockstepOffer * offer,
    const char *const *public_addresses, GError ** error)
{
  g_autoptr (LockstepSdpText) text = NULL;
  g_autoptr (GPtrArray) addresses = NULL;
  g_autoptr (GPtrArray) candidates = NULL;
  g_autoptr (GString) out = g_string_new (NULL);
  guint n_live = 0;

  g_return_val_if_fail (answer != NULL && offer != NULL, NULL);
  g_return_val_if_fail (error == NULL || *error == NULL, NULL);

  addresses = read_addresses (public_addresses, error);
  if (addresses == NULL)
    return NULL;
  text = lockstep_sdp_text_parse (answer, strlen (answer), error);
  if (text == NULL)
    return NULL;
  for (guint i = 0; i < offer->media->len; i++) {
    const LockstepOfferMedia *media = offer->media->pdata[i];

    if (media->rejected)
      continue;
    if (++n_live >= lockstep_sdp_text_sections (text)) {
      fail (error, "the %s section is not in the answer", media->kind_name);
      return NULL;
    }
    if (!check_section (text, n_live, media,
            offer->viewer ? "sendonly" : "recvonly", error))
      return NULL;
  }
  candidates = collect_candidates (text, addresses, error);
  if (candidates == NULL || !write_session (text, offer, n_live, out, error))
    return NULL;
  for (guint i = 0; i < offer->media->len; i++) {
    const LockstepOfferMedia *media = offer->media->pdata[i];
    const Pair pair = { media, media->mline + 1,
      !media->mid_added || has_group (offer, n_live), offer->viewer
    };

    if (media->rejected)
      write_rejected (media, out);
    else
      /* The candidates stand in the section whose transport is used, the first
       * of the group, and nowhere else (RFC 9143, section 7.3). */
      write_section (text, &pair, g_str_equal (media->mid, offer->bundle[0])
          ? candidates : NULL, out);
  }
  return g_string_free (g_steal_pointer (&out), FALSE);
}
