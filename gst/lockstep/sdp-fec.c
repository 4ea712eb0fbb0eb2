/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* FlexFEC in descriptions. webrtcbin knows nothing of it: it is taken out of what
 * webrtcbin gets, and put into what the peer gets. */
#include "sdp-private.h"

#include <string.h>

/* What browsers offer: how long FEC packets may come after what they protect, us. */
#define FMTP "repair-window=10000000"

gboolean
lockstep_sdp_sends_fec (const LockstepOfferMedia * media)
{
  return media->fec_payload >= 0 && media->fec_ssrc != 0 && media->ssrc != 0;
}

/* RFC 5576, section 4.2, and RFC 5956, section 4.3: the FEC stream has a source of its
 * own, which belongs to the same track. */
void
lockstep_sdp_write_fec (const LockstepSdpLine * lines, guint n,
    const LockstepOfferMedia * media, GString * out)
{
  g_autofree char *source = g_strdup_printf ("%u ", media->ssrc);

  if (!lockstep_sdp_sends_fec (media))
    return;
  g_string_append_printf (out, "a=rtpmap:%d flexfec-03/%u\r\na=fmtp:%d " FMTP
      "\r\n", media->fec_payload, media->clock_rate, media->fec_payload);
  if (media->transport_cc)
    g_string_append_printf (out, "a=rtcp-fb:%d transport-cc\r\n",
        media->fec_payload);
  g_string_append_printf (out, "a=ssrc-group:FEC-FR %u %u\r\n", media->ssrc,
      media->fec_ssrc);
  for (guint i = 0; i < n; i++) {
    if (g_strcmp0 (lines[i].key, "ssrc") == 0
        && g_str_has_prefix (lines[i].value, source))
      g_string_append_printf (out, "a=ssrc:%u %s\r\n", media->fec_ssrc,
          lines[i].value + strlen (source));
  }
}

static gboolean
is_of_payload (const LockstepSdpLine * line, int payload)
{
  static const char *const keys[] = { "rtpmap", "fmtp", "rtcp-fb", NULL };
  char *end;

  return line->key != NULL && g_strv_contains (keys, line->key)
      && g_ascii_strtoll (line->value, &end, 10) == payload && *end == ' ';
}

/* The highest payload type that no section has; -1: there is none. */
static int
free_payload (const LockstepSdpText * text)
{
  gboolean used[128] = { FALSE };

  for (guint s = 1; s < lockstep_sdp_text_sections (text); s++) {
    g_auto (LockstepSdpMline) mline = { 0 };
    guint64 payload;
    guint n;

    if (!lockstep_sdp_mline_parse (lockstep_sdp_text_lines (text, s,
                &n)->value, &mline, NULL))
      return -1;
    for (guint i = 0; mline.formats[i] != NULL; i++)
      if (lockstep_sdp_number (mline.formats[i], 127, &payload))
        used[payload] = TRUE;
  }
  for (int payload = 127; payload >= 96; payload--)
    if (!used[payload])
      return payload;
  return -1;
}

/* The section of the picture that is sent from @ssrc; 0: none. */
static guint
section_of (const LockstepSdpText * text, guint32 ssrc)
{
  g_autofree char *source = g_strdup_printf ("%u ", ssrc);

  for (guint s = 1; s < lockstep_sdp_text_sections (text); s++) {
    guint n;
    const LockstepSdpLine *lines = lockstep_sdp_text_lines (text, s, &n);

    for (guint i = 1; i < n && g_str_has_prefix (lines[0].value, "video "); i++) {
      if (g_strcmp0 (lines[i].key, "ssrc") == 0
          && g_str_has_prefix (lines[i].value, source))
        return s;
    }
  }
  return 0;
}

char *
lockstep_offer_add_fec (const char *offer, guint32 ssrc, guint32 fec_ssrc,
    int *payload)
{
  g_autoptr (LockstepSdpText) text =
      lockstep_sdp_text_parse (offer, strlen (offer), NULL);
  g_autoptr (GString) out = g_string_new (NULL);
  LockstepOfferMedia media = {.clock_rate = 90000,.transport_cc =
        TRUE,.ssrc = ssrc,.fec_ssrc = fec_ssrc
  };
  guint section;

  section = text != NULL ? section_of (text, ssrc) : 0;
  *payload = section > 0 ? free_payload (text) : -1;
  if (*payload < 0)
    return g_strdup (offer);
  media.fec_payload = *payload;
  for (guint s = 0; s < lockstep_sdp_text_sections (text); s++) {
    guint n;
    const LockstepSdpLine *lines = lockstep_sdp_text_lines (text, s, &n);

    for (guint i = 0; i < n; i++) {
      if (s == section && i == 0)
        g_string_append_printf (out, "m=%s %d\r\n", lines[0].value, *payload);
      else
        lockstep_sdp_line_write (&lines[i], out);
    }
    if (s == section)
      lockstep_sdp_write_fec (lines, n, &media, out);
  }
  return g_string_free (g_steal_pointer (&out), FALSE);
}

/* Whether a section has @payload for FlexFEC, and other formats. */
static gboolean
takes_fec (const LockstepSdpText * text, guint section,
    const LockstepSdpMline * mline, int payload)
{
  g_autofree char *number = g_strdup_printf ("%d", payload);
  g_autofree char *rtpmap = g_strdup_printf ("%d flexfec-03/90000", payload);
  guint n;
  const LockstepSdpLine *lines = lockstep_sdp_text_lines (text, section, &n);

  if (!g_str_equal (mline->kind, "video") || mline->port == 0
      || g_strv_length (mline->formats) < 2
      || !g_strv_contains ((const char *const *) mline->formats, number))
    return FALSE;
  for (guint i = 1; i < n; i++) {
    if (g_strcmp0 (lines[i].key, "rtpmap") == 0
        && g_ascii_strcasecmp (lines[i].value, rtpmap) == 0)
      return TRUE;
  }
  return FALSE;
}

char *
lockstep_answer_take_fec (const char *answer, int payload, gboolean * taken)
{
  g_autoptr (LockstepSdpText) text =
      lockstep_sdp_text_parse (answer, strlen (answer), NULL);
  g_autoptr (GString) out = g_string_new (NULL);

  *taken = FALSE;
  for (guint s = 0; text != NULL && s < lockstep_sdp_text_sections (text); s++) {
    g_auto (LockstepSdpMline) mline = { 0 };
    gboolean has;
    guint n;
    const LockstepSdpLine *lines = lockstep_sdp_text_lines (text, s, &n);

    has = s > 0 && lockstep_sdp_mline_parse (lines[0].value, &mline, NULL)
        && takes_fec (text, s, &mline, payload);
    *taken |= has;
    for (guint i = 0; i < n; i++) {
      if (has && i == 0) {
        g_string_append_printf (out, "m=%s %u %s", mline.kind, mline.port,
            mline.proto);
        for (guint f = 0; mline.formats[f] != NULL; f++)
          if (g_ascii_strtoll (mline.formats[f], NULL, 10) != payload)
            g_string_append_printf (out, " %s", mline.formats[f]);
        g_string_append (out, "\r\n");
      } else if (!has || !is_of_payload (&lines[i], payload)) {
        lockstep_sdp_line_write (&lines[i], out);
      }
    }
  }
  /* what cannot be read is left to who says what is wrong with it */
  return *taken ? g_string_free (g_steal_pointer (&out), FALSE)
      : g_strdup (answer);
}
