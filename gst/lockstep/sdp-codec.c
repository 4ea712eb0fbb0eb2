/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Chooses one payload type of an m= section, with its feedback, RTX and header
 * extensions, and writes the caps and the fmtp that follow from it. */
#include "sdp-private.h"

#include <string.h>

/* One entry of the m= line. */
typedef struct
{
  int payload;
  char *encoding;               /* upper case */
  char *offered;                /* as written */
  guint clock_rate;
  char *params;
  const char *fmtp;             /* NULL: none */
} Format;

static void
format_clear (Format * format)
{
  g_free (format->encoding);
  g_free (format->offered);
  g_free (format->params);
}

static gboolean
broken (GError ** error, const char *what, const char *value)
{
  g_set_error (error, LOCKSTEP_SDP_ERROR, LOCKSTEP_SDP_ERROR_MALFORMED,
      "%s: \"%.64s\"", what, value);
  return FALSE;
}

/* Splits "96 rest" when its number is @payload. */
static const char *
value_for_payload (const char *value, int payload)
{
  char *end;
  const guint64 number = g_ascii_strtoull (value, &end, 10);

  if (!g_ascii_isdigit (value[0]) || *end != ' ' || number != (guint) payload)
    return NULL;
  return end + strspn (end, " ");
}

/* RFC 3551, table 4: those that a browser offers without need of a=rtpmap. */
static void
format_set_static (Format * format)
{
  static const struct
  {
    int payload;
    const char *encoding;
    guint clock_rate;
  } known[] = {
    {0, "PCMU", 8000},
    {8, "PCMA", 8000},
    {9, "G722", 8000},
  };

  for (guint i = 0; i < G_N_ELEMENTS (known); i++) {
    if (known[i].payload == format->payload) {
      format->encoding = g_strdup (known[i].encoding);
      format->offered = g_strdup (known[i].encoding);
      format->clock_rate = known[i].clock_rate;
    }
  }
}

static gboolean
format_set_rtpmap (Format * format, const char *rtpmap, GError ** error)
{
  g_auto (GStrv) parts = g_strsplit (rtpmap, "/", 3);
  guint64 rate;

  if (format->encoding != NULL)
    return broken (error, "a=rtpmap is given twice for a payload", rtpmap);
  if (parts[0] == NULL || parts[1] == NULL
      || !lockstep_sdp_is_token (parts[0], 64)
      || !lockstep_sdp_number (g_strchomp (parts[1]), G_MAXINT, &rate)
      || rate == 0)
    return broken (error, "a=rtpmap is not \"payload name/rate\"", rtpmap);
  format->encoding = g_ascii_strup (parts[0], -1);
  format->offered = g_strdup (parts[0]);
  format->clock_rate = rate;
  if (parts[2] != NULL && g_strchomp (parts[2])[0] != '\0') {
    if (!lockstep_sdp_is_token (parts[2], 32))
      return broken (error, "a=rtpmap has broken parameters", rtpmap);
    format->params = g_strdup (parts[2]);
  }
  return TRUE;
}

static GArray *
read_formats (const LockstepSdpText * text, guint section,
    const LockstepSdpMline * mline, GError ** error)
{
  g_autoptr (GArray) formats = g_array_new (FALSE, TRUE, sizeof (Format));
  gboolean seen[128] = { FALSE };
  guint n;
  const LockstepSdpLine *lines = lockstep_sdp_text_lines (text, section, &n);

  g_array_set_clear_func (formats, (GDestroyNotify) format_clear);
  for (guint f = 0; mline->formats[f] != NULL; f++) {
    Format format = { 0 };
    guint64 payload;

    if (!lockstep_sdp_number (mline->formats[f], 127, &payload)) {
      broken (error, "m= names no payload type of 0 to 127", mline->formats[f]);
      return NULL;
    }
    if (seen[payload])
      continue;
    seen[payload] = TRUE;
    format.payload = payload;
    g_array_append_val (formats, format);
  }
  for (guint f = 0; f < formats->len; f++) {
    Format *format = &g_array_index (formats, Format, f);

    for (guint i = 0; i < n; i++) {
      const char *rest;

      if (lines[i].key == NULL)
        continue;
      if (g_str_equal (lines[i].key, "rtpmap")) {
        rest = value_for_payload (lines[i].value, format->payload);
        if (rest != NULL && !format_set_rtpmap (format, rest, error))
          return NULL;
      } else if (g_str_equal (lines[i].key, "fmtp")) {
        rest = value_for_payload (lines[i].value, format->payload);
        if (rest != NULL && format->fmtp == NULL)
          format->fmtp = rest;
      }
    }
    if (format->encoding == NULL)
      format_set_static (format);
  }
  return g_steal_pointer (&formats);
}

/* How well an H.264 payload suits, 0: not at all. RFC 6184, section 8.1.
 * Constrained Baseline is what each browser, phone and HLS player decodes, and
 * never has B-frames, which would cost latency; packetization mode 1 lets
 * a picture be cut to fit packets. High 10 and above, and mode 2 (interleaved,
 * unknown to rtph264depay), cannot be served. The level is of no concern: a
 * passed-through stream has the level that it has. */
static guint
rank_h264 (const char *fmtp)
{
  g_autofree char *mode = lockstep_sdp_fmtp_get (fmtp, "packetization-mode");
  g_autofree char *id = lockstep_sdp_fmtp_get (fmtp, "profile-level-id");
  guint rank = 1;
  guint64 bits = 0x42e00a;

  if (mode != NULL && g_str_equal (mode, "1"))
    rank += 100;
  else if (mode != NULL && !g_str_equal (mode, "0"))
    return 0;
  if (id != NULL && (strlen (id) != 6
          || !g_ascii_string_to_unsigned (id, 16, 0, 0xffffff, &bits, NULL)))
    return 0;
  switch (bits >> 16) {
    case 0x42:                 /* constraint_set1: Constrained Baseline */
      return rank + ((bits & 0x4000) ? 40 : 30);
    case 0x58:                 /* Extended, unless it is Baseline as well */
      return (bits & 0x8000) ? rank + ((bits & 0x4000) ? 40 : 30) : 0;
    case 0x4d:                 /* Main; constraint_set0 makes it Baseline */
      return rank + ((bits & 0x8000) ? 40 : 20);
    case 0x64:
      return rank + 10;
    default:
      return 0;
  }
}

static guint
rank_format (const Format * format, LockstepMediaKind kind)
{
  if (format->encoding == NULL)
    return 0;
  if (kind == LOCKSTEP_MEDIA_VIDEO && format->clock_rate != 90000)
    return 0;
  if (g_str_equal (format->encoding, "H264"))
    return rank_h264 (format->fmtp);
  /* RFC 7587, section 7: always opus/48000/2, also for mono */
  if (g_str_equal (format->encoding, "OPUS"))
    return format->clock_rate == 48000 && g_strcmp0 (format->params, "2") == 0;
  /* VP9 and AV1: profile 0 is 4:2:0 with 8 bits, what players take */
  if (g_str_equal (format->encoding, "VP9")
      || g_str_equal (format->encoding, "AV1")) {
    g_autofree char *profile = lockstep_sdp_fmtp_get (format->fmtp,
        format->encoding[0] == 'V' ? "profile-id" : "profile");

    return profile == NULL || g_str_equal (profile, "0") ? 2 : 1;
  }
  return 1;
}

/* a=rtcp-fb:PT what, or a=rtcp-fb:* what (RFC 4585, section 4.2) */
static void
read_feedback (const LockstepSdpText * text, guint section,
    LockstepOfferMedia * media)
{
  guint n;
  const LockstepSdpLine *lines = lockstep_sdp_text_lines (text, section, &n);

  for (guint i = 0; i < n; i++) {
    g_autofree char *what = NULL;
    const char *rest = NULL;

    if (g_strcmp0 (lines[i].key, "rtcp-fb") != 0)
      continue;
    if (g_str_has_prefix (lines[i].value, "* "))
      rest = lines[i].value + 2;
    else
      rest = value_for_payload (lines[i].value, media->payload);
    if (rest == NULL)
      continue;
    what = g_strstrip (g_strdup (rest));
    if (g_str_equal (what, "nack"))
      media->nack = TRUE;
    else if (g_str_equal (what, "nack pli"))
      media->nack_pli = TRUE;
    else if (g_str_equal (what, "ccm fir"))
      media->ccm_fir = TRUE;
    else if (g_str_equal (what, "transport-cc"))
      media->transport_cc = TRUE;
  }
}

/* What webrtcbin and rtpbin 1.22.0 or a later element make use of. Left out:
 * urn:3gpp:video-orientation, because a sender that may use it no longer turns
 * the picture itself, and HLS has no way to say it; abs-send-time and toffset,
 * because congestion control is by transport-wide-cc; stream ids, because
 * there is one stream a section; what only a renderer uses. */
static const char *const kept_extmaps[] = {
  "http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01",
  "urn:ietf:params:rtp-hdrext:sdes:mid",
  "http://www.webrtc.org/experiments/rtp-hdrext/abs-capture-time",
  "urn:ietf:params:rtp-hdrext:ntp-64",
  NULL
};

/* What webrtcbin and rtpbin 1.22.0 write into what they send. */
static const char *const sent_extmaps[] = {
  "http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01",
  "urn:ietf:params:rtp-hdrext:sdes:mid",
  NULL
};

/* a=extmap:id[/direction] uri [attributes] (RFC 8285, section 8) */
gboolean
lockstep_sdp_read_extmap (const char *value, gboolean viewer, gboolean * used,
    LockstepOfferMedia * media, GError ** error)
{
  g_auto (GStrv) words = g_strsplit (value, " ", 3);
  const char *const with = viewer ? "recvonly" : "sendonly";
  const char *const against = viewer ? "sendonly" : "recvonly";
  LockstepExtmap map = { 0 };
  gboolean wrong_way = FALSE;
  guint64 id;
  char *slash;

  if (words[0] == NULL || words[1] == NULL || words[1][0] == '\0') {
    g_set_error (error, LOCKSTEP_SDP_ERROR,
        LOCKSTEP_SDP_ERROR_MALFORMED, "a=extmap is not \"id uri\"");
    return FALSE;
  }
  slash = strchr (words[0], '/');
  if (slash != NULL) {
    *slash = '\0';
    map.one_way = g_str_equal (slash + 1, with);
    wrong_way = g_str_equal (slash + 1, against)
        || g_str_equal (slash + 1, "inactive");
  }
  if (!lockstep_sdp_number (words[0], 65535, &id) || id == 0) {
    g_set_error (error, LOCKSTEP_SDP_ERROR,
        LOCKSTEP_SDP_ERROR_MALFORMED, "a=extmap has no valid id");
    return FALSE;
  }
  /* id 15 is reserved; an id above 14 makes packets use two-byte headers, in which
   * rtpbin 1.22.0 does not find the transport-wide-cc number */
  if (wrong_way || id > LOCKSTEP_SDP_MAX_EXTMAP_ID
      || !(g_strv_contains (viewer ? sent_extmaps : kept_extmaps, words[1])
          || (media->rids != NULL
              && lockstep_sdp_is_simulcast_extension (words[1]))))
    return TRUE;
  for (guint i = 0; i < media->extmaps->len; i++) {
    if (g_str_equal (g_array_index (media->extmaps, LockstepExtmap, i).uri,
            words[1]))
      return TRUE;
  }
  if (used[id]) {
    g_set_error (error, LOCKSTEP_SDP_ERROR,
        LOCKSTEP_SDP_ERROR_MALFORMED,
        "a=extmap: id %u is given twice in one section", (guint) id);
    return FALSE;
  }
  used[id] = TRUE;
  map.id = id;
  map.uri = g_strdup (words[1]);
  g_array_append_val (media->extmaps, map);
  return TRUE;
}

gboolean
lockstep_sdp_choose_payload (const LockstepSdpText * text, guint section,
    const LockstepSdpMline * mline, const char *const *accepted,
    LockstepOfferMedia * media, GError ** error)
{
  g_autoptr (GArray) formats = read_formats (text, section, mline, error);
  const Format *best = NULL;
  guint best_rank = 0;

  if (formats == NULL)
    return FALSE;
  for (guint a = 0; best == NULL && accepted[a] != NULL; a++) {
    for (guint i = 0; i < formats->len; i++) {
      const Format *format = &g_array_index (formats, Format, i);
      guint rank;

      if (format->encoding == NULL
          || g_ascii_strcasecmp (format->encoding, accepted[a]) != 0)
        continue;
      rank = rank_format (format, media->kind);
      if (rank > best_rank) {
        best = format;
        best_rank = rank;
      }
    }
  }
  if (best == NULL) {
    g_autofree char *wanted = g_strjoinv (" or ", (char **) accepted);

    g_set_error (error, LOCKSTEP_SDP_ERROR, LOCKSTEP_SDP_ERROR_NO_CODEC,
        "no %s codec in common: %s is needed here", mline->kind, wanted);
    return FALSE;
  }

  media->payload = best->payload;
  media->encoding = g_strdup (best->encoding);
  media->encoding_offered = g_strdup (best->offered);
  media->encoding_params = g_strdup (best->params);
  media->clock_rate = best->clock_rate;
  media->fmtp = g_strdup (best->fmtp);
  read_feedback (text, section, media);
  for (guint i = 0; i < formats->len && media->fec_payload < 0; i++) {
    const Format *format = &g_array_index (formats, Format, i);

    if (g_strcmp0 (format->encoding, "FLEXFEC-03") == 0
        && format->clock_rate == media->clock_rate)
      media->fec_payload = format->payload;
  }
  for (guint i = 0; i < formats->len && media->rtx_payload < 0; i++) {
    const Format *format = &g_array_index (formats, Format, i);
    g_autofree char *apt = NULL;
    guint64 target;

    /* RFC 4588, section 8: same clock rate, apt names the original */
    if (g_strcmp0 (format->encoding, "RTX") != 0
        || format->clock_rate != media->clock_rate)
      continue;
    apt = lockstep_sdp_fmtp_get (format->fmtp, "apt");
    if (apt != NULL && lockstep_sdp_number (apt, 127, &target)
        && target == (guint) media->payload)
      media->rtx_payload = format->payload;
  }
  return TRUE;
}

/* The parameters that pass into webrtcbin's caps: those that name a
 * variant of the format. Nothing else may: each becomes a caps field, which
 * has to be equal in caps that are intersected with it, and whose name is never
 * freed (a quark). Opus has none: sprop-stereo, stereo and maxcapturerate
 * describe what is sent, but 1.22.0 intersects them with what it takes, and
 * makes the section recvonly or refuses it when they differ.
 * level-asymmetry-allowed is left out because with it 1.22.0 turns
 * profile-level-id into a "profile" that it cannot turn back. */
static const char *const format_parameters[][4] = {
  {"H264", "packetization-mode", "profile-level-id", "sprop-parameter-sets"},
  {"H265", "profile-id", "tier-flag", "level-id"},
  {"VP9", "profile-id"},
  {"AV1", "profile", "level-idx", "tier"},
};

/* Letters, digits and the signs of base64: "a/b+c=,d==" */
static gboolean
is_plain_value (const char *value)
{
  gsize n = strspn (value,
      "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ" "0123456789+/=,-");

  return n > 0 && value[n] == '\0';
}

typedef void (*ParameterFunc) (const char *name, const char *value,
    gpointer user_data);

static void
foreach_parameter (const LockstepOfferMedia * media, ParameterFunc func,
    gpointer user_data)
{
  for (guint i = 0; i < G_N_ELEMENTS (format_parameters); i++) {
    if (g_strcmp0 (format_parameters[i][0], media->encoding) != 0)
      continue;
    for (guint p = 1; p < 4 && format_parameters[i][p] != NULL; p++) {
      g_autofree char *value = lockstep_sdp_fmtp_get (media->fmtp,
          format_parameters[i][p]);

      if (value != NULL && is_plain_value (value))
        func (format_parameters[i][p], value, user_data);
    }
  }
}

static void
append_parameter (const char *name, const char *value, gpointer user_data)
{
  GString *out = user_data;

  g_string_append_printf (out, "%s%s=%s", out->len > 0 ? ";" : "", name, value);
}

char *
lockstep_sdp_offer_fmtp (const LockstepOfferMedia * media)
{
  g_autoptr (GString) out = g_string_new (NULL);

  foreach_parameter (media, append_parameter, out);
  return out->len > 0 ? g_strdup (out->str) : NULL;
}

/* "opus/48000/2" */
char *
lockstep_sdp_rtpmap (const LockstepOfferMedia * media)
{
  return g_strdup_printf ("%s/%u%s%s", media->encoding_offered,
      media->clock_rate, media->encoding_params != NULL ? "/" : "",
      media->encoding_params != NULL ? media->encoding_params : "");
}

static void
append_answer_parameter (const char *name, const char *value,
    gpointer user_data)
{
  /* what the other side would send, not what it may be sent */
  if (!g_str_equal (name, "sprop-parameter-sets"))
    append_parameter (name, value, user_data);
}

/* H.264 and the like: the offered variant, as RFC 6184, section 8.2.2 asks
 * (profile and packetization-mode symmetric, level-asymmetry-allowed when
 * the offer has it; the level is the offered one). Opus: RFC 7587, section 7,
 * these say what is wanted here: FEC, and stereo from sources that have it,
 * as a browser sends mono unless the answer has stereo=1. */
char *
lockstep_sdp_answer_fmtp (const LockstepOfferMedia * media)
{
  g_autoptr (GString) out = g_string_new (NULL);

  if (g_strcmp0 (media->encoding, "OPUS") == 0)
    return g_strdup ("minptime=10;stereo=1;useinbandfec=1");
  if (g_strcmp0 (media->encoding, "H264") == 0) {
    g_autofree char *asymmetry = lockstep_sdp_fmtp_get (media->fmtp,
        "level-asymmetry-allowed");

    if (g_strcmp0 (asymmetry, "1") == 0)
      append_parameter ("level-asymmetry-allowed", "1", out);
  }
  foreach_parameter (media, append_answer_parameter, out);
  return out->len > 0 ? g_strdup (out->str) : NULL;
}

static void
set_caps_parameter (const char *name, const char *value, gpointer user_data)
{
  if (!g_str_equal (name, "sprop-parameter-sets"))
    gst_structure_set (user_data, name, G_TYPE_STRING, value, NULL);
}

GstCaps *
lockstep_offer_media_caps (const LockstepOfferMedia * media)
{
  g_autofree char *apt = NULL;
  const char *kind;
  GstStructure *s;
  GstCaps *caps;

  g_return_val_if_fail (media != NULL, NULL);

  if (media->payload < 0 || media->encoding == NULL)
    return NULL;
  kind = media->kind == LOCKSTEP_MEDIA_AUDIO ? "audio" : "video";
  s = gst_structure_new ("application/x-rtp",
      "media", G_TYPE_STRING, kind,
      "payload", G_TYPE_INT, media->payload,
      "clock-rate", G_TYPE_INT, (int) media->clock_rate,
      "encoding-name", G_TYPE_STRING, media->encoding, NULL);
  if (media->encoding_params != NULL)
    gst_structure_set (s, "encoding-params", G_TYPE_STRING,
        media->encoding_params, NULL);
  foreach_parameter (media, set_caps_parameter, s);
  if (media->nack)
    gst_structure_set (s, "rtcp-fb-nack", G_TYPE_BOOLEAN, TRUE, NULL);
  if (media->nack_pli)
    gst_structure_set (s, "rtcp-fb-nack-pli", G_TYPE_BOOLEAN, TRUE, NULL);
  if (media->ccm_fir)
    gst_structure_set (s, "rtcp-fb-ccm-fir", G_TYPE_BOOLEAN, TRUE, NULL);
  if (media->transport_cc)
    gst_structure_set (s, "rtcp-fb-transport-cc", G_TYPE_BOOLEAN, TRUE, NULL);
  for (guint i = 0; i < media->extmaps->len; i++) {
    const LockstepExtmap *map =
        &g_array_index (media->extmaps, LockstepExtmap, i);
    g_autofree char *name = g_strdup_printf ("extmap-%u", map->id);

    gst_structure_set (s, name, G_TYPE_STRING, map->uri, NULL);
  }
  caps = gst_caps_new_full (s, NULL);
  if (media->rtx_payload < 0)
    return caps;

  apt = g_strdup_printf ("%d", media->payload);
  gst_caps_append_structure (caps, gst_structure_new ("application/x-rtp",
          "media", G_TYPE_STRING, kind,
          "payload", G_TYPE_INT, media->rtx_payload,
          "clock-rate", G_TYPE_INT, (int) media->clock_rate,
          "encoding-name", G_TYPE_STRING, "RTX",
          "apt", G_TYPE_STRING, apt, NULL));
  return caps;
}
