/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Session descriptions of plain RTP, as a file has them (RFC 8866): of each kind of media
 * one stream that can be received, with what a UDP source must know of it. They are kept as
 * a description with nothing else in it. */
#include "sdp-private.h"

#include <gst/sdp/sdp.h>
#include <string.h>

static gboolean
fail (GError ** error, int code, const char *format, ...)
G_GNUC_PRINTF (3, 4);

     static gboolean fail (GError ** error, int code, const char *format, ...)
{
  va_list args;

  va_start (args, format);
  g_clear_error (error);
  if (error != NULL)
    *error = g_error_new_valist (LOCKSTEP_SDP_ERROR, code, format, args);
  va_end (args);
  return FALSE;
}

/* "IN IP4 224.2.1.1/127/3" becomes 224.2.1.1; a name, which could be anybody's address, is
 * refused. */
static GInetAddress *
read_connection (const char *value, GError ** error)
{
  g_auto (GStrv) words = g_strsplit (value, " ", -1);
  g_autoptr (GInetAddress) address = NULL;

  if (g_strv_length (words) == 3 && g_str_equal (words[0], "IN")) {
    words[2][strcspn (words[2], "/")] = '\0';
    address = g_inet_address_new_from_string (words[2]);
  }
  if (address == NULL) {
    fail (error, LOCKSTEP_SDP_ERROR_UNSUPPORTED,
        "c=%.64s names no IP address that packets come to", value);
    return NULL;
  }
  return g_steal_pointer (&address);
}

/* Of the section, else of the session, else loopback. */
static GInetAddress *
find_connection (const LockstepSdpText * text, guint section, GError ** error)
{
  const guint places[] = { section, 0 };

  for (guint k = 0; k < G_N_ELEMENTS (places); k++) {
    guint n;
    const LockstepSdpLine *lines =
        lockstep_sdp_text_lines (text, places[k], &n);

    for (guint i = 0; i < n; i++)
      if (lines[i].type == 'c')
        return read_connection (lines[i].value, error);
  }
  return g_inet_address_new_loopback (G_SOCKET_FAMILY_IPV4);
}

/* What "a=key:96 value" says of a payload type; NULL: nothing. */
static const char *
attribute_of (const LockstepSdpText * text, guint section, const char *key,
    const char *payload)
{
  guint n;
  const LockstepSdpLine *lines = lockstep_sdp_text_lines (text, section, &n);
  const gsize size = strlen (payload);

  for (guint i = 0; i < n; i++)
    if (g_strcmp0 (lines[i].key, key) == 0
        && strncmp (lines[i].value, payload, size) == 0
        && lines[i].value[size] == ' ')
      return lines[i].value + size + strspn (lines[i].value + size, " ");
  return NULL;
}

/* The first format of the m= line whose encoding is one of @encodings. */
static const char *
choose_format (const LockstepSdpText * text, guint section,
    const LockstepSdpMline * mline, const char *const *encodings,
    GError ** error)
{
  g_autoptr (GString) all = g_string_new (NULL);
  g_autofree char *wanted = g_strjoinv (" or ", (GStrv) encodings);

  for (guint i = 0; mline->formats[i] != NULL; i++) {
    const char *map = attribute_of (text, section, "rtpmap", mline->formats[i]);
    g_autofree char *name = map == NULL ? NULL
        : g_ascii_strup (map, strcspn (map, "/"));
    guint64 payload;

    if (!lockstep_sdp_number (mline->formats[i], 127, &payload)) {
      fail (error, LOCKSTEP_SDP_ERROR_MALFORMED, "m=%s: '%s' is no payload "
          "type of 0 to 127", mline->kind, mline->formats[i]);
      return NULL;
    }
    if (name != NULL && g_strv_contains (encodings, name))
      return mline->formats[i];
    g_string_append_printf (all, "%s%s", all->len > 0 ? ", " : "",
        name != NULL ? name : mline->formats[i]);
  }
  fail (error, LOCKSTEP_SDP_ERROR_NO_CODEC, "m=%s is %.200s; %s is taken here",
      mline->kind, all->str, wanted);
  return NULL;
}

/* "opus/48000/2" */
static gboolean
check_rtpmap (const char *map, GError ** error)
{
  g_auto (GStrv) parts = g_strsplit (map, "/", 3);
  guint64 rate;

  return (parts[1] != NULL && lockstep_sdp_is_token (parts[0], 64)
      && lockstep_sdp_number (parts[1], G_MAXINT, &rate) && rate > 0
      && (parts[2] == NULL || lockstep_sdp_is_token (parts[2], 32)))
      || fail (error, LOCKSTEP_SDP_ERROR_MALFORMED,
      "a=rtpmap is not \"payload name/rate\": \"%.64s\"", map);
}

/* "name=value;name=value" of those parameters that can be fields of caps. */
static char *
clean_fmtp (const char *fmtp)
{
  g_auto (GStrv) parts = g_strsplit (fmtp != NULL ? fmtp : "", ";", -1);
  GString *kept = g_string_new (NULL);

  for (guint i = 0; parts[i] != NULL; i++) {
    const char *name = g_strstrip (parts[i]);
    const gsize size = strspn (name, "abcdefghijklmnopqrstuvwxyz"
        "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-");

    if (g_ascii_isalpha (name[0]) && name[size] == '=')
      g_string_append_printf (kept, "%s%s", kept->len > 0 ? ";" : "", name);
  }
  return g_string_free (kept, FALSE);
}

/* The value of the section's first line with @key; NULL: it has none. */
static const char *
find_value (const LockstepSdpText * text, guint section, const char *key)
{
  guint n;
  const LockstepSdpLine *lines = lockstep_sdp_text_lines (text, section, &n);

  for (guint i = 0; i < n; i++)
    if (g_strcmp0 (lines[i].key, key) == 0)
      return lines[i].value;
  return NULL;
}

/* The section whose port and address hold for @section: the first one of its bundle, where
 * it has none of its own (RFC 9143, section 6). */
static guint
transport_of (const LockstepSdpText * text, guint section)
{
  const char *mid = find_value (text, section, "mid");
  const char *group = find_value (text, 0, "group");
  g_auto (GStrv) mids = g_strsplit (group != NULL ? group : "", " ", -1);

  if (find_value (text, section, "bundle-only") == NULL || mid == NULL
      || g_strcmp0 (mids[0], "BUNDLE") != 0
      || !g_strv_contains ((const char *const *) mids + 1, mid))
    return section;
  for (guint s = 1; s < lockstep_sdp_text_sections (text); s++)
    if (g_strcmp0 (find_value (text, s, "mid"), mids[1]) == 0)
      return s;
  return section;
}

/* Where the packets of one kind of media come to. */
typedef struct
{
  GInetAddress *address;
  guint port;
  char *payload;
} Target;

static void
target_clear (Target * target)
{
  g_clear_object (&target->address);
  g_clear_pointer (&target->payload, g_free);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Target, target_clear)
/* What is kept of a section, and in @target where its packets come to; "": it is off. NULL
 * with an error. */
     static char *write_section (const LockstepSdpText * text, guint section,
    const LockstepSdpMline * mline, const char *const *encodings,
    Target * target, GError ** error)
{
  const guint transport = mline->port == 0 ? transport_of (text, section)
      : section;
  g_auto (LockstepSdpMline) other = { NULL };
  g_autoptr (GInetAddress) to = NULL;
  g_autofree char *shown = NULL;
  g_autofree char *fmtp = NULL;
  const char *format, *map;
  guint n, port = mline->port;

  if (transport != section) {
    if (!lockstep_sdp_mline_parse (lockstep_sdp_text_lines (text, transport,
                &n)->value, &other, error))
      return NULL;
    port = other.port;
  }
  if (port == 0)
    return g_strdup ("");
  if (!g_str_equal (mline->proto, "RTP/AVP")
      && !g_str_equal (mline->proto, "RTP/AVPF")) {
    fail (error, LOCKSTEP_SDP_ERROR_UNSUPPORTED, "m=%s is %s; plain RTP "
        "(RTP/AVP) is taken here", mline->kind, mline->proto);
    return NULL;
  }
  format = choose_format (text, section, mline, encodings, error);
  to = find_connection (text, transport, error);
  if (format == NULL || to == NULL)
    return NULL;
  map = attribute_of (text, section, "rtpmap", format);
  if (!check_rtpmap (map, error))
    return NULL;
  fmtp = clean_fmtp (attribute_of (text, section, "fmtp", format));
  shown = g_inet_address_to_string (to);
  target->address = g_object_ref (to);
  target->port = port;
  target->payload = g_strdup (format);
  return g_strdup_printf ("m=%s %u RTP/AVP %s\nc=IN %s %s\na=rtpmap:%s %s\n"
      "%s%s%s%s%s", mline->kind, port, format,
      g_inet_address_get_family (to) == G_SOCKET_FAMILY_IPV6 ? "IP6" : "IP4",
      shown, format, map, fmtp[0] != '\0' ? "a=fmtp:" : "",
      fmtp[0] != '\0' ? format : "", fmtp[0] != '\0' ? " " : "", fmtp,
      fmtp[0] != '\0' ? "\n" : "");
}

/* Whether two that come to one port can be told apart: one socket takes both, where each has
 * a payload type of its own; and a port of two groups, or of two of this machine's
 * addresses, has two sockets. */
static gboolean
check_port (const Target * audio, const Target * video, GError ** error)
{
  if (audio->port != video->port)
    return TRUE;
  if (g_inet_address_equal (audio->address, video->address))
    return !g_str_equal (audio->payload, video->payload)
        || fail (error, LOCKSTEP_SDP_ERROR_UNSUPPORTED, "sound and picture "
        "come to the same port, %u, with the same payload type, %s; each "
        "needs its own of one of these", audio->port, audio->payload);
  if (!g_inet_address_get_is_any (audio->address)
      && !g_inet_address_get_is_any (video->address))
    return TRUE;
  return fail (error, LOCKSTEP_SDP_ERROR_UNSUPPORTED, "sound and picture come "
      "to the same port, %u, one to an address and the other to all of them; "
      "give both the same address, or each a port of its own", audio->port);
}

char *
lockstep_sdp_plain_normalize (const char *body, const char *const *encodings,
    GError ** error)
{
  g_autoptr (LockstepSdpText) text =
      lockstep_sdp_text_parse (body, strlen (body), error);
  /* the sound before the picture, whatever the file's order */
  static const char *const kinds[] = { "audio", "video" };
  g_autofree char *audio = NULL;
  g_autofree char *video = NULL;
  char **const kept[] = { &audio, &video };
  g_auto (Target) audio_to = { NULL };
  g_auto (Target) video_to = { NULL };
  Target *const to[] = { &audio_to, &video_to };

  if (text == NULL)
    return NULL;
  for (guint s = 1; s < lockstep_sdp_text_sections (text); s++) {
    guint n;
    g_auto (LockstepSdpMline) mline = { NULL };
    g_autofree char *section = NULL;

    if (!lockstep_sdp_mline_parse (lockstep_sdp_text_lines (text, s,
                &n)->value, &mline, error))
      return NULL;
    for (guint k = 0; k < G_N_ELEMENTS (kinds); k++) {
      if (!g_str_equal (mline.kind, kinds[k]) || *kept[k] != NULL)
        continue;
      section = write_section (text, s, &mline, encodings, to[k], error);
      if (section == NULL)
        return NULL;
      if (section[0] != '\0')
        *kept[k] = g_steal_pointer (&section);
      break;
    }
  }
  if (audio == NULL && video == NULL) {
    fail (error, LOCKSTEP_SDP_ERROR_UNSUPPORTED,
        "it has no m=audio and no m=video with a port");
    return NULL;
  }
  if (audio != NULL && video != NULL
      && !check_port (&audio_to, &video_to, error))
    return NULL;
  return g_strconcat ("v=0\no=- 0 0 IN IP4 127.0.0.1\ns=-\nt=0 0\n",
      audio != NULL ? audio : "", video != NULL ? video : "", NULL);
}

const char *const lockstep_sdp_plain_fields[] = { "media", "shared",
  "audio-address", "audio-port", "audio-caps",
  "video-address", "video-port", "video-caps", NULL
};

static const GstSDPMedia *
find_media (const GstSDPMessage * message, const char *kind)
{
  for (guint i = 0; i < gst_sdp_message_medias_len (message); i++) {
    const GstSDPMedia *media = gst_sdp_message_get_media (message, i);

    if (g_str_equal (gst_sdp_media_get_media (media), kind))
      return media;
  }
  return NULL;
}

static char *
caps_text (const GstSDPMedia * media)
{
  g_autoptr (GstCaps) caps = gst_sdp_media_get_caps_from_media (media,
      g_ascii_strtoll (gst_sdp_media_get_format (media, 0), NULL, 10));

  if (caps == NULL)
    return g_strdup ("");
  caps = gst_caps_make_writable (caps);
  gst_structure_set_name (gst_caps_get_structure (caps, 0),
      "application/x-rtp");
  return gst_caps_to_string (caps);
}

char *
lockstep_sdp_plain_field (const char *kept, const char *field)
{
  g_autoptr (GstSDPMessage) message = NULL;
  const GstSDPMedia *audio, *video, *media;

  if (!g_strv_contains (lockstep_sdp_plain_fields, field))
    return NULL;
  if (gst_sdp_message_new_from_text (kept, &message) != GST_SDP_OK)
    return g_strdup ("");
  audio = find_media (message, "audio");
  video = find_media (message, "video");
  if (g_str_equal (field, "media"))
    return g_strdup (audio == NULL ? "video" : video == NULL ? "audio"
        : "both");
  if (g_str_equal (field, "shared"))
    return g_strdup (audio != NULL && video != NULL
        && gst_sdp_media_get_port (audio) == gst_sdp_media_get_port (video)
        && g_str_equal (gst_sdp_media_get_connection (audio, 0)->address,
            gst_sdp_media_get_connection (video, 0)->address)
        ? "true" : "false");
  media = field[0] == 'a' ? audio : video;
  if (media == NULL)
    return g_strdup ("");
  if (g_str_has_suffix (field, "-port"))
    return g_strdup_printf ("%u", gst_sdp_media_get_port (media));
  if (g_str_has_suffix (field, "-caps"))
    return caps_text (media);
  return g_strdup (gst_sdp_media_get_connection (media, 0)->address);
}
