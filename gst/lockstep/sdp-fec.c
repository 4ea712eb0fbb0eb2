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
