/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the SDP tests share: an offer with all that matters, and its changes. */
#pragma once

#include <gst/lockstep/sdp.h>

#include <string.h>

#define OK (-1)
#define MALFORMED LOCKSTEP_SDP_ERROR_MALFORMED
#define UNSUPPORTED LOCKSTEP_SDP_ERROR_UNSUPPORTED
#define NO_CODEC LOCKSTEP_SDP_ERROR_NO_CODEC
#define TOO_LARGE LOCKSTEP_SDP_ERROR_TOO_LARGE

#define DIGEST "11:22:33:44:55:66:77:88:99:AA:BB:CC:DD:EE:FF:00:" \
    "11:22:33:44:55:66:77:88:99:AA:BB:CC:DD:EE:FF:00"
#define DIGEST_2 "01:22:33:44:55:66:77:88:99:AA:BB:CC:DD:EE:FF:00:" \
    "11:22:33:44:55:66:77:88:99:AA:BB:CC:DD:EE:FF:00"
#define FINGERPRINT "a=fingerprint:sha-256 " DIGEST "\n"
#define TWCC "http://www.ietf.org/id/" \
    "draft-holmer-rmcat-transport-wide-cc-extensions-01"
#define MID "urn:ietf:params:rtp-hdrext:sdes:mid"

#define SESSION "v=0\no=- 77 3 IN IP4 127.0.0.1\ns=-\nt=0 0\n"
#define AUDIO \
    "m=audio 9 UDP/TLS/RTP/SAVPF 111 0\n" \
    "c=IN IP4 0.0.0.0\n" \
    "a=candidate:1 1 udp 2122260223 192.0.2.1 40000 typ host\n" \
    "a=ice-ufrag:abcd\na=ice-pwd:0123456789abcdef012345\n" \
    FINGERPRINT "a=setup:actpass\na=mid:a\n" \
    "a=extmap:3 " TWCC "\na=extmap:4 " MID "\n" \
    "a=sendonly\na=rtcp-mux\n" \
    "a=rtpmap:111 opus/48000/2\na=rtcp-fb:111 transport-cc\n" \
    "a=fmtp:111 minptime=10;useinbandfec=1;sprop-stereo=1\n"
#define VIDEO \
    "m=video 9 UDP/TLS/RTP/SAVPF 96 97 98 99\n" \
    "c=IN IP4 0.0.0.0\n" \
    "a=ice-ufrag:abcd\na=ice-pwd:0123456789abcdef012345\n" \
    FINGERPRINT "a=setup:actpass\na=mid:v\n" \
    "a=extmap:3 " TWCC "\na=extmap:4 " MID "\n" \
    "a=sendonly\na=rtcp-mux\n" \
    "a=rtpmap:96 VP8/90000\n" \
    "a=rtpmap:97 rtx/90000\na=fmtp:97 apt=96\n" \
    "a=rtpmap:98 H264/90000\n" \
    "a=rtcp-fb:98 nack\na=rtcp-fb:98 nack pli\na=rtcp-fb:* ccm fir\n" \
    "a=rtcp-fb:98 transport-cc\n" \
    "a=fmtp:98 level-asymmetry-allowed=1;packetization-mode=1;" \
    "profile-level-id=42e01f\n" \
    "a=rtpmap:99 rtx/90000\na=fmtp:99 apt=98\n"
#define GROUP "a=group:BUNDLE a v\n"
#define OFFER SESSION GROUP AUDIO VIDEO

static const char *const audio[] = { "OPUS", NULL };
static const char *const video[] = { "H264", NULL };

static inline char *
replace (const char *text, const char *from, const char *to)
{
  g_autoptr (GString) out = g_string_new (text);

  if (from != NULL)
    g_assert_cmpuint (g_string_replace (out, from, to, 0), >, 0);
  return g_strdup (out->str);
}

static inline LockstepOffer *
parse (const char *text, GError ** error)
{
  return lockstep_offer_parse (text, strlen (text), audio, video, error);
}

/* an error of this code whose text has @fragment in it */
static inline void
assert_error (const char *name, const GError * error, int code,
    const char *fragment)
{
  if (error == NULL)
    g_error ("%s: no error", name);
  if (error->domain != LOCKSTEP_SDP_ERROR || error->code != code
      || strstr (error->message, fragment) == NULL)
    g_error ("%s: code %d: %s", name, error->code, error->message);
}

/* The offer with one thing changed. */
typedef struct
{
  const char *name;
  const char *from, *to;
  int code;
  const char *fragment;         /* of the error, or of the rewritten text */
} Change;

/* Each change of @base is refused, or rewritten, as it says; what is rewritten has nothing of
 * @never in it, which ends with NULL. */
static inline void
check_changes (const char *base, const Change * changes, guint n,
    LockstepOffer * (*read) (const char *, GError **),
    const char *const *never)
{
  for (guint i = 0; i < n; i++) {
    const Change *c = &changes[i];
    g_autofree char *text = replace (base, c->from, c->to);
    g_autoptr (GError) error = NULL;
    g_autoptr (LockstepOffer) offer = read (text, &error);

    if (c->code != OK) {
      g_assert_null (offer);
      assert_error (c->name, error, c->code, c->fragment);
      continue;
    }
    if (error != NULL)
      g_error ("%s: %s", c->name, error->message);
    if (strstr (offer->sdp, c->fragment) == NULL)
      g_error ("%s: no \"%s\" in %s", c->name, c->fragment, offer->sdp);
    for (guint k = 0; never[k] != NULL; k++)
      g_assert_null (strstr (offer->sdp, never[k]));
  }
}
