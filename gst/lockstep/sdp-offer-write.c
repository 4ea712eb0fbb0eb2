/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The offer as webrtcbin 1.22.0 gets it.
 *
 * The text is written anew from what was understood, never patched: webrtcbin turns
 * unknown attributes and parameters into caps fields, whose names are never freed, so
 * nothing that was not checked may pass. */
#include "sdp-offer-private.h"

/* What a section has that the transport needs. */
static void
write_transport (LockstepOfferReader * r, const LockstepOfferMedia * media,
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
write_data_section (LockstepOfferReader * r, const LockstepOfferMedia * media,
    gboolean candidates, GString * out)
{
  g_string_append (out, "m=application 9 UDP/DTLS/SCTP webrtc-datachannel");
  write_transport (r, media, candidates, out);
  g_string_append_printf (out, "a=sctp-port:%u\r\n", media->sctp_port);
}

static void
write_section (LockstepOfferReader * r, const LockstepOfferMedia * media,
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

char *
lockstep_offer_write (LockstepOfferReader * r)
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
