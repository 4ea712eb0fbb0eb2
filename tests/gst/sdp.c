/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Each rule for an offer, and each way to be refused. */
#include "sdp-common.h"

#include <gst/sdp/sdp.h>
#include <stdlib.h>

static const Change changes[] = {
  {"as it is", NULL, NULL, OK, "a=group:BUNDLE a v\r\n"},
  {"crlf", "\n", "\r\n", OK, "m=audio 9 UDP/TLS/RTP/SAVPF 111\r\n"},
  {"blank lines", "t=0 0\n", "t=0 0\n\n\r\n", OK, "m=video"},
  {"origin kept", "o=- 77 3", "o=x 123456789012345678 9", OK,
      "o=- 123456789012345678 9 IN"},
  {"origin not a number", "o=- 77 3", "o=x evil 3", OK, "o=- 1 3 IN"},
  {"unknown attributes go", "s=-\n", "s=-\na=x-evil:1\n", OK, "m=video"},
  {"origin short", "o=- 77 3 IN IP4 127.0.0.1", "o=- 77 3", MALFORMED, "o="},
  {"origin missing", "o=- 77 3 IN IP4 127.0.0.1\n", "", MALFORMED, "no o="},
  {"version", "v=0", "v=1", MALFORMED, "v=0"},
  {"key", "s=-\n", "s=-\nk=clear:x\n", UNSUPPORTED, "k="},
  {"not a line", "s=-\n", "s=-\nhello\n", MALFORMED, "line 4"},
  {"empty attribute name", "s=-\n", "s=-\na=:x\n", MALFORMED, "line 4"},
  {"bad attribute name", "s=-\n", "s=-\na=a b:x\n", MALFORMED, "attribute"},
  {"upper case type", "s=-", "S=-", MALFORMED, "line 3"},
  {"control character", "s=-", "s=\001", MALFORMED, "control"},
  {"delete character", "s=-", "s=\177", MALFORMED, "control"},
  {"lone return", "s=-", "s=a\rb", MALFORMED, "carriage"},
  {"not utf-8", "s=-", "s=\xff\xfe", MALFORMED, "UTF-8"},
  {"json", OFFER, "{\"sdp\":\"v=0\"}", MALFORMED, "line 1"},
  {"no sections", AUDIO VIDEO, "", MALFORMED, "no m="},
  {"ice-lite", "s=-\n", "s=-\na=ice-lite\n", UNSUPPORTED, "ice-lite"},

  {"m= short", "m=audio 9 UDP/TLS/RTP/SAVPF 111 0", "m=audio 9 UDP/TLS",
      MALFORMED, "m="},
  {"m= port", "m=audio 9 ", "m=audio 99999 ", MALFORMED, "m="},
  {"m= port sign", "m=audio 9 ", "m=audio -9 ", MALFORMED, "m="},
  {"m= ports", "m=audio 9 ", "m=audio 9/2 ", MALFORMED, "m="},
  {"m= one port", "m=audio 9 ", "m=audio 9/1 ", OK, "m=audio 9 "},
  {"m= space at end", "SAVPF 111 0\n", "SAVPF 111 0 \n", OK, "m=audio"},
  {"m= payload", "SAVPF 111 0", "SAVPF 111 200", MALFORMED, "0 to 127"},
  {"m= payload word", "SAVPF 111 0", "SAVPF 111 x", MALFORMED, "0 to 127"},
  {"m= payload twice", "SAVPF 111 0", "SAVPF 111 111", OK, "SAVPF 111\r\n"},
  {"m= proto junk", "9 UDP/TLS/RTP/SAVPF 111", "9 UDP\"x 111", MALFORMED, "m="},
  {"plain rtp", "m=audio 9 UDP/TLS/RTP/SAVPF", "m=audio 9 RTP/AVP",
      UNSUPPORTED, "RTP/AVP"},
  {"old proto", "m=audio 9 UDP/TLS/RTP/SAVPF", "m=audio 9 RTP/SAVPF", OK,
      "m=audio 9 UDP/TLS/RTP/SAVPF 111\r\n"},
  {"data channel", "m=audio 9 UDP/TLS/RTP/SAVPF 111 0",
        "m=application 9 UDP/DTLS/SCTP webrtc-datachannel", UNSUPPORTED,
      "application"},
  {"two audio", "m=video 9", "m=audio 9", UNSUPPORTED, "more than one m=audio"},
  {"audio off", "m=audio 9 ", "m=audio 0 ", OK, "a=group:BUNDLE v\r\n"},
  {"both off", " 9 UDP", " 0 UDP", UNSUPPORTED, "port 0"},
  {"bundle-only", "m=video 9 UDP/TLS/RTP/SAVPF 96 97 98 99\n",
        "m=video 0 UDP/TLS/RTP/SAVPF 96 97 98 99\na=bundle-only\n", OK,
      "m=video 9 "},

  {"mid twice", "a=mid:v", "a=mid:v\na=mid:v", MALFORMED, "mid is given twice"},
  {"mid shared", "a=mid:v", "a=mid:a", MALFORMED, "two sections"},
  {"mid not a token", "a=mid:v", "a=mid:v w", MALFORMED, "token"},
  {"no mid, no group", "a=mid:v\n", "", MALFORMED, "names \"v\""},
  {"group unknown", "BUNDLE a v", "BUNDLE a v w", MALFORMED, "names \"w\""},
  {"group twice", "BUNDLE a v", "BUNDLE a v a", MALFORMED, "twice"},
  {"group partial", "BUNDLE a v", "BUNDLE a", UNSUPPORTED, "not in a=group"},
  {"group, no mid", "a=mid:a\n", "", MALFORMED, "names \"a\""},
  {"group of one, no mid", GROUP AUDIO VIDEO, "a=group:BUNDLE v\n" VIDEO
        "m=audio 9 UDP/TLS/RTP/SAVPF 111\na=ice-ufrag:abcd\n"
        "a=ice-pwd:0123456789abcdef012345\n" FINGERPRINT "a=setup:actpass\n"
        "a=rtcp-mux\na=rtpmap:111 opus/48000/2\n", UNSUPPORTED,
      "m=audio section is not in"},
  {"two groups", GROUP, GROUP GROUP, UNSUPPORTED, "more than one BUNDLE"},
  {"other group", GROUP, GROUP "a=group:LS a v\n", OK, "a=group:BUNDLE a v"},
  {"no group", GROUP, "", OK, "a=group:BUNDLE a v\r\n"},
  {"group reversed", "BUNDLE a v", "BUNDLE v a", OK, "a=group:BUNDLE a v\r\n"},

  {"no ufrag", "a=ice-ufrag:abcd\n", "", UNSUPPORTED, "ice-ufrag"},
  {"no pwd", "a=ice-pwd:0123456789abcdef012345\n", "", UNSUPPORTED, "ice-pwd"},
  {"short ufrag", "a=ice-ufrag:abcd", "a=ice-ufrag:abc", MALFORMED,
      "ice-ufrag"},
  {"short pwd", "a=ice-pwd:0123456789abcdef012345",
      "a=ice-pwd:0123456789abcdef01234", MALFORMED, "ice-pwd"},
  {"ufrag letters", "a=ice-ufrag:abcd", "a=ice-ufrag:ab d", MALFORMED, "ufrag"},
  {"ufrag differs", "a=ice-ufrag:abcd\na=ice-pwd:0123456789abcdef012345\n"
        FINGERPRINT "a=setup:actpass\na=mid:v",
      "a=ice-ufrag:efgh\na=ice-pwd:0123456789abcdef012345\n" FINGERPRINT
        "a=setup:actpass\na=mid:v", UNSUPPORTED, "other ICE credentials"},
  {"pwd differs", "a=ice-ufrag:abcd\na=ice-pwd:0123456789abcdef012345\n"
        FINGERPRINT "a=setup:actpass\na=mid:v",
      "a=ice-ufrag:abcd\na=ice-pwd:0123456789abcdef012346\n" FINGERPRINT
        "a=setup:actpass\na=mid:v", UNSUPPORTED, "other ICE credentials"},
  {"ufrag twice", "a=ice-ufrag:abcd\n", "a=ice-ufrag:abcd\na=ice-ufrag:abcd\n",
      MALFORMED, "twice"},

  {"no fingerprint", FINGERPRINT, "", UNSUPPORTED, "DTLS"},
  {"sha-1 only", FINGERPRINT, "a=fingerprint:sha-1 11:22:33:44:55:66:77:88:99:"
        "AA:BB:CC:DD:EE:FF:00:11:22:33:44\n", UNSUPPORTED, "SHA-256"},
  {"lower case", DIGEST "\na=setup:actpass\na=mid:a",
      "11:22:33:44:55:66:77:88:99:aa:bb:cc:dd:ee:ff:00:11:22:33:44:55:66:77:"
        "88:99:aa:bb:cc:dd:ee:ff:00\na=setup:actpass\na=mid:a", OK, DIGEST},
  {"short digest", DIGEST, "11:22", MALFORMED, "32 bytes"},
  {"broken digest", DIGEST, "11:2x:33", MALFORMED, "digest"},
  {"broken separators", "11:22:33:44", "11:22 33:44", MALFORMED, "hash digest"},
  {"no digest", "sha-256 " DIGEST, "sha-256", MALFORMED, "hash digest"},
  {"fingerprints differ", DIGEST "\na=setup:actpass\na=mid:v",
      DIGEST_2 "\na=setup:actpass\na=mid:v", UNSUPPORTED, "other fingerprints"},

  {"no setup", "a=setup:actpass\n", "", UNSUPPORTED, "no a=setup"},
  {"active", "a=setup:actpass", "a=setup:active", OK, "a=setup:active\r\n"},
  {"passive", "a=setup:actpass", "a=setup:passive", UNSUPPORTED, "passive"},
  {"holdconn", "a=setup:actpass", "a=setup:holdconn", UNSUPPORTED, "holdconn"},
  {"setup differs", "a=setup:actpass\na=mid:v", "a=setup:active\na=mid:v",
      UNSUPPORTED, "another a=setup"},
  {"setup twice", "a=setup:actpass\n", "a=setup:actpass\na=setup:active\n",
      MALFORMED, "twice"},

  {"recvonly", "a=sendonly", "a=recvonly", UNSUPPORTED, "a=recvonly"},
  {"inactive", "a=sendonly", "a=inactive", UNSUPPORTED, "a=inactive"},
  {"sendrecv", "a=sendonly", "a=sendrecv", OK, "a=sendonly\r\n"},
  {"no direction", "a=sendonly\n", "", OK, "a=sendonly\r\n"},
  {"two directions", "a=sendonly\n", "a=sendonly\na=recvonly\n", MALFORMED,
      "a=sendonly and a=recvonly"},
  {"no rtcp-mux", "a=rtcp-mux\n", "", UNSUPPORTED, "rtcp-mux"},
  {"rtcp-mux-only", "a=rtcp-mux\n", "a=rtcp-mux-only\n", OK, "a=rtcp-mux\r\n"},

  {"no opus", "a=rtpmap:111 opus/48000/2", "a=rtpmap:111 x/48000/2",
      NO_CODEC, "no audio codec in common: OPUS"},
  {"mono opus", "opus/48000/2", "opus/48000", NO_CODEC, "audio codec"},
  {"no h264", "a=rtpmap:98 H264", "a=rtpmap:98 H265", NO_CODEC,
      "no video codec in common: H264"},
  {"h264 rate", "H264/90000", "H264/48000", NO_CODEC, "video codec"},
  {"h264 interleaved", "packetization-mode=1", "packetization-mode=2",
      NO_CODEC, "video codec"},
  {"h264 4:4:4", "42e01f", "f4001f", NO_CODEC, "video codec"},
  {"h264 bad profile", "42e01f", "42e0zz", NO_CODEC, "video codec"},
  {"h264 high", "42e01f", "640028", OK, "profile-level-id=640028"},
  {"h264 main", "42e01f", "4d001f", OK, "profile-level-id=4d001f"},
  {"h264 baseline", "42e01f", "42001f", OK, "profile-level-id=42001f"},
  {"h264 mode 0", "packetization-mode=1", "packetization-mode=0", OK,
      "packetization-mode=0"},
  {"rtpmap twice", "a=rtpmap:98 H264/90000\n",
      "a=rtpmap:98 H264/90000\na=rtpmap:98 H264/90000\n", MALFORMED, "twice"},
  {"rtpmap no rate", "a=rtpmap:98 H264/90000", "a=rtpmap:98 H264", MALFORMED,
      "rtpmap"},
  {"rtpmap rate 0", "H264/90000", "H264/0", MALFORMED, "rtpmap"},
  {"rtpmap junk", "opus/48000/2", "opus/48000/2 x", MALFORMED, "rtpmap"},
  {"payload shared", "a=rtpmap:99 rtx", "a=rtpmap:111 rtx", OK, "SAVPF 98\r\n"},

  {"candidate short", "192.0.2.1 40000 typ host", "192.0.2.1", MALFORMED,
      "a=candidate"},
  {"candidate foundation", "candidate:1 1", "candidate:!! 1", MALFORMED,
      "foundation"},
  {"candidate component", "candidate:1 1 udp", "candidate:1 0 udp", MALFORMED,
      "component"},
  {"candidate priority", "2122260223", "-1", MALFORMED, "priority"},
  {"candidate port", " 40000 ", " 70000 ", MALFORMED, "port"},
  {"candidate extension", "typ host", "typ host generation", MALFORMED,
      "extension"},
  {"candidate rport", "typ host", "typ srflx raddr 10.0.0.1 rport x",
      MALFORMED, "rport"},
  {"candidate kept", NULL, NULL, OK,
      "a=candidate:1 1 udp 2122260223 192.0.2.1 40000 typ host\r\n"},
  {"candidate srflx", "typ host",
        "typ srflx raddr 10.0.0.1 rport 5 generation 0 network-id 1", OK,
      "typ srflx raddr 10.0.0.1 rport 5\r\n"},

  {"extmap no uri", "a=extmap:3 " TWCC, "a=extmap:3", MALFORMED, "extmap"},
  {"extmap no id", "a=extmap:3 ", "a=extmap:x ", MALFORMED, "extmap"},
  {"extmap id 0", "a=extmap:3 ", "a=extmap:0 ", MALFORMED, "extmap"},
  {"extmap id twice", "a=extmap:4 ", "a=extmap:3 ", MALFORMED, "id 3"},
  {"extmap sendonly", "a=extmap:3 ", "a=extmap:3/sendonly ", OK,
      "a=extmap:3 " TWCC "\r\n"},
  {"extmap attributes", TWCC "\n", TWCC " x=1\n", OK,
      "a=extmap:3 " TWCC "\r\n"},
  {"extmap swapped", "a=extmap:3 " TWCC "\na=extmap:4 " MID "\na=sendonly\n"
        "a=rtcp-mux\na=rtpmap:96", "a=extmap:4 " TWCC "\na=extmap:3 " MID
        "\na=sendonly\na=rtcp-mux\na=rtpmap:96", MALFORMED, "two things"},
};

static void
test_changes (void)
{
  /* nothing that was not understood gets through */
  static const char *const never[] = { "evil", "sprop-stereo", "VP8", NULL };

  check_changes (OFFER, changes, G_N_ELEMENTS (changes), parse, never);
}

/* What must be gone from the rewritten text after a change. */
static void
test_dropped (void)
{
  static const struct
  {
    const char *from, *to, *gone;
  } cases[] = {
    {"192.0.2.1 40000", "5e8f9d4a.local 40000", "candidate"},
    {"192.0.2.1 40000", "fe80::1 40000", "candidate"},
    {"192.0.2.1 40000", "0.0.0.0 40000", "candidate"},
    {"192.0.2.1 40000", "239.1.2.3 40000", "candidate"},
    {"192.0.2.1 40000", "192.0.2.1 0", "candidate"},
    {"1 1 udp", "1 1 tcp", "candidate"},
    {"1 1 udp", "1 1 sctp", "candidate"},
    {"1 1 udp", "1 2 udp", "candidate"},
    {"typ host", "typ magic", "candidate"},
    {"typ host", "typ host ufrag other", "candidate"},
    {"a=extmap:3 ", "a=extmap:3/recvonly ", "extmap:3"},
    {"a=extmap:3 ", "a=extmap:15 ", "extmap:15"},
    {"a=extmap:3 ", "a=extmap:200 ", "extmap:200"},
    {"a=extmap:3 " TWCC, "a=extmap:3 urn:3gpp:video-orientation",
        "orientation"},
    {"a=rtcp-mux\n", "a=rtcp-mux\na=ssrc:1 cname:x\na=rid:h send\n"
          "a=simulcast:send h\n", "ssrc"},
    {"a=rtcp-fb:98 nack\n", "", "98 nack\r\n"},
    {"a=rtpmap:99 rtx/90000", "a=rtpmap:99 rtx/8000", "rtx"},
    {"apt=98", "apt=9", "rtx"},
  };

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++) {
    g_autofree char *text = replace (OFFER, cases[i].from, cases[i].to);
    g_autoptr (GError) error = NULL;
    g_autoptr (LockstepOffer) offer = parse (text, &error);

    if (error != NULL)
      g_error ("%s: %s", cases[i].to, error->message);
    if (strstr (offer->sdp, cases[i].gone) != NULL)
      g_error ("%s is still in %s", cases[i].gone, offer->sdp);
  }
}

/* One candidate however often and however it is given; tcptype is of TCP alone. */
static void
test_candidate_twice (void)
{
  g_autofree char *text = replace (OFFER, "typ host\n",
      "typ host tcptype passive\n"
      "a=candidate:9 1 UDP 5 192.0.2.1 40000 typ host generation 0\n");
  g_autoptr (GError) error = NULL;
  g_autoptr (LockstepOffer) offer = parse (text, &error);
  const char *first;

  g_assert_no_error (error);
  first = strstr (offer->sdp, "a=candidate:");
  g_assert_nonnull (first);
  g_assert_null (strstr (first + 1, "a=candidate:"));
  g_assert_null (strstr (offer->sdp, "tcptype"));
}

static void
test_fields (void)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (LockstepOffer) offer = parse (OFFER, &error);
  const LockstepOfferMedia *m;

  g_assert_no_error (error);
  g_assert_cmpstr (offer->ice_ufrag, ==, "abcd");
  g_assert_cmpstr (offer->ice_pwd, ==, "0123456789abcdef012345");
  g_assert_false (offer->trickle);
  g_assert_false (offer->bundle_added);
  g_assert_cmpuint (offer->fingerprints->len, ==, 1);
  g_assert_cmpstr (offer->fingerprints->pdata[0], ==, "sha-256 " DIGEST);
  g_assert_cmpuint (offer->media->len, ==, 2);

  m = offer->media->pdata[0];
  g_assert_cmpint (m->kind, ==, LOCKSTEP_MEDIA_AUDIO);
  g_assert_cmpstr (m->mid, ==, "a");
  g_assert_cmpint (m->payload, ==, 111);
  g_assert_cmpstr (m->encoding, ==, "OPUS");
  g_assert_cmpuint (m->clock_rate, ==, 48000);
  g_assert_cmpint (m->rtx_payload, ==, -1);
  g_assert_true (m->transport_cc);
  g_assert_false (m->nack || m->nack_pli || m->ccm_fir);

  m = offer->media->pdata[1];
  g_assert_cmpint (m->kind, ==, LOCKSTEP_MEDIA_VIDEO);
  g_assert_cmpint (m->mline, ==, 1);
  g_assert_cmpint (m->payload, ==, 98);
  g_assert_cmpint (m->rtx_payload, ==, 99);
  g_assert_true (m->nack && m->nack_pli && m->ccm_fir && m->transport_cc);
  g_assert_cmpuint (m->extmaps->len, ==, 2);
  g_assert_cmpuint (g_array_index (m->extmaps, LockstepExtmap, 0).id, ==, 3);
  g_assert_cmpstr (g_array_index (m->extmaps, LockstepExtmap, 0).uri, ==, TWCC);
}

static void
test_caps (void)
{
  g_autoptr (LockstepOffer) offer = parse (OFFER, NULL);
  g_autoptr (GstCaps) a = lockstep_offer_media_caps (offer->media->pdata[0]);
  g_autoptr (GstCaps) v = lockstep_offer_media_caps (offer->media->pdata[1]);
  g_autoptr (GstCaps) a_expected =
      gst_caps_from_string ("application/x-rtp, media=audio, payload=111,"
      "clock-rate=48000, encoding-name=OPUS, encoding-params=(string)2,"
      "rtcp-fb-transport-cc=true, extmap-3=(string)" TWCC
      ", extmap-4=(string)" MID);
  g_autoptr (GstCaps) v_expected =
      gst_caps_from_string ("application/x-rtp, media=video, payload=98,"
      "clock-rate=90000, encoding-name=H264, packetization-mode=(string)1,"
      "profile-level-id=(string)42e01f, rtcp-fb-nack=true,"
      "rtcp-fb-nack-pli=true, rtcp-fb-ccm-fir=true, rtcp-fb-transport-cc=true,"
      "extmap-3=(string)" TWCC ", extmap-4=(string)" MID "; application/x-rtp,"
      "media=video, payload=99, clock-rate=90000, encoding-name=RTX,"
      "apt=(string)98");
  LockstepOfferMedia none = {.payload = -1 };

  g_assert_true (gst_caps_is_strictly_equal (a, a_expected));
  g_assert_true (gst_caps_is_strictly_equal (v, v_expected));
  g_assert_null (lockstep_offer_media_caps (&none));
}

/* Which payload of several is taken. */
static void
test_choice (void)
{
#define H264(pt, mode, profile) "a=rtpmap:" pt " H264/90000\na=fmtp:" pt \
    " packetization-mode=" mode ";profile-level-id=" profile "\n"
  static const struct
  {
    const char *lines;
    const char *accepted[3];
    int payload;
  } cases[] = {
    {H264 ("96", "0", "42e01f") H264 ("97", "1", "42001f")
        H264 ("98", "1", "42e01f"), {"H264"}, 98},
    {H264 ("96", "1", "42001f") H264 ("97", "0", "42e01f"), {"H264"}, 96},
    {H264 ("96", "1", "640028") H264 ("97", "1", "4d0028"), {"H264"}, 97},
    {H264 ("96", "1", "640028") H264 ("97", "1", "42001f"), {"H264"}, 97},
    {H264 ("96", "1", "640028") H264 ("97", "0", "42e01f"), {"H264"}, 96},
    /* 42c01f and 4de01f are Constrained Baseline by their flags */
    {H264 ("96", "1", "42001f") H264 ("97", "1", "42c01f"), {"H264"}, 97},
    {H264 ("96", "1", "4d001f") H264 ("97", "1", "4d801f"), {"H264"}, 97},
    {H264 ("96", "1", "58001f") H264 ("97", "1", "58c01f"), {"H264"}, 97},
    {H264 ("96", "1", "6e001f") H264 ("97", "1", "640028"), {"H264"}, 97},
    {"a=rtpmap:96 H264/90000\n" H264 ("97", "0", "42001f"), {"H264"}, 96},
    {H264 ("96", "1", "42e01f") H264 ("97", "1", "42e01f"), {"H264"}, 96},
    {"a=rtpmap:96 VP8/90000\n" H264 ("97", "1", "42e01f"), {"VP8", "H264"}, 96},
    {"a=rtpmap:96 VP8/90000\n" H264 ("97", "1", "42e01f"), {"H264", "VP8"}, 97},
    {"a=rtpmap:96 VP8/90000\na=rtpmap:97 x/90000\n", {"H264", "vp8"}, 96},
    {"a=rtpmap:96 VP9/90000\na=fmtp:96 profile-id=2\na=rtpmap:97 VP9/90000\n"
          "a=fmtp:97 profile-id=0\n", {"VP9"}, 97},
    {"a=rtpmap:96 AV1/90000\na=fmtp:96 profile=1\na=rtpmap:97 AV1/90000\n",
        {"AV1"}, 97},
  };

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++) {
    g_autofree char *text = g_strconcat (SESSION "a=setup:actpass\n"
        "a=ice-ufrag:abcd\na=ice-pwd:0123456789abcdef012345\n" FINGERPRINT
        "m=video 9 UDP/TLS/RTP/SAVPF 96 97 98\na=rtcp-mux\n", cases[i].lines,
        NULL);
    g_autoptr (GError) error = NULL;
    g_autoptr (LockstepOffer) offer = lockstep_offer_parse (text,
        strlen (text), NULL, cases[i].accepted, &error);

    g_assert_no_error (error);
    g_assert_cmpint (((LockstepOfferMedia *) offer->media->pdata[0])->payload,
        ==, cases[i].payload);
  }
}

static void
test_static_payload (void)
{
  static const char *const g722[] = { "G722", "PCMU", NULL };
  g_autoptr (GError) error = NULL;
  g_autoptr (LockstepOffer) offer =
      lockstep_offer_parse (OFFER, strlen (OFFER), g722, video, &error);

  g_assert_no_error (error);
  g_assert_nonnull (strstr (offer->sdp, "a=rtpmap:0 PCMU/8000\r\n"));
}

static void
test_not_wanted (void)
{
  g_autoptr (GError) error = NULL;

  g_assert_null (lockstep_offer_parse (OFFER, strlen (OFFER), audio, NULL,
          &error));
  assert_error ("video", error, UNSUPPORTED, "no video is taken here");
}

static void
test_session_level (void)
{
  g_autofree char *session = g_strconcat (SESSION,
      "a=setup:actpass\na=ice-ufrag:abcd\na=ice-pwd:0123456789abcdef012345\n"
      "a=ice-options:ice2,trickle\n", FINGERPRINT, "a=recvonly\n", NULL);
  g_autofree char *text = g_strconcat (session,
      "m=audio 9 UDP/TLS/RTP/SAVPF 111\na=rtcp-mux\na=sendonly\n"
      "a=rtpmap:111 opus/48000/2\n", NULL);
  g_autofree char *inherits = replace (text, "a=sendonly\n", "");
  g_autoptr (GError) error = NULL;
  g_autoptr (LockstepOffer) offer = parse (text, &error);
  const LockstepOfferMedia *m;
  const char *section;

  g_assert_no_error (error);
  g_assert_true (offer->trickle && offer->bundle_added);
  m = offer->media->pdata[0];
  g_assert_true (m->mid_added);
  section = strstr (offer->sdp, "m=audio");
  g_assert_nonnull (strstr (section, "a=setup:actpass\r\n"));
  g_assert_nonnull (strstr (section, "a=fingerprint:sha-256 " DIGEST "\r\n"));
  g_assert_nonnull (strstr (section, "a=ice-ufrag:abcd\r\n"));
  g_assert_nonnull (strstr (section, "a=mid:0\r\n"));
  g_assert_nonnull (strstr (offer->sdp, "a=group:BUNDLE 0\r\n"));

  g_assert_null (parse (inherits, &error));
  assert_error ("direction", error, UNSUPPORTED, "a=recvonly");
}

static void
test_added_mids (void)
{
  g_autofree char *a = replace (AUDIO, "a=mid:a\n", "");
  g_autofree char *v = replace (VIDEO, "a=mid:v", "a=mid:0");
  g_autofree char *text = g_strconcat (SESSION, a, v, NULL);
  g_autoptr (GError) error = NULL;
  g_autoptr (LockstepOffer) offer = parse (text, &error);

  g_assert_no_error (error);
  g_assert_nonnull (strstr (offer->sdp, "a=group:BUNDLE 1 0\r\n"));
}

static void
test_bounds (void)
{
  g_autoptr (GString) big = g_string_new (OFFER);
  g_autoptr (GError) error = NULL;

  g_assert_null (lockstep_offer_parse (NULL, 0, audio, video, &error));
  assert_error ("empty", error, MALFORMED, "empty");
  g_clear_error (&error);
  g_assert_null (parse ("\n\r\n", &error));
  assert_error ("blank", error, MALFORMED, "empty");
  g_clear_error (&error);
  g_assert_null (lockstep_offer_parse ("v=0\n\0", 5, audio, video, &error));
  assert_error ("NUL", error, MALFORMED, "control character 0x00");
  g_clear_error (&error);

  while (big->len <= LOCKSTEP_SDP_MAX_BYTES)
    g_string_append (big, "a=x:0123456789012345678901234567890123456789\n");
  g_assert_null (parse (big->str, &error));
  assert_error ("bytes", error, TOO_LARGE, "bytes");
  g_clear_error (&error);

  g_string_assign (big, OFFER);
  for (guint i = 0; i < 2100; i++)
    g_string_append (big, "a=x\n");
  g_assert_null (parse (big->str, &error));
  assert_error ("lines", error, TOO_LARGE, "lines");
  g_clear_error (&error);

  g_string_assign (big, OFFER "a=x:");
  for (guint i = 0; i < 4200; i++)
    g_string_append_c (big, 'x');
  g_assert_null (parse (big->str, &error));
  assert_error ("line", error, TOO_LARGE, "a line of more");
  g_clear_error (&error);

  g_string_assign (big, SESSION);
  for (guint i = 0; i < 17; i++)
    g_string_append (big, "m=x 0 y 1\n");
  g_assert_null (parse (big->str, &error));
  assert_error ("sections", error, UNSUPPORTED, "sections");
  g_clear_error (&error);

  g_string_assign (big, OFFER);
  for (guint i = 0; i < 70; i++)
    g_string_append_printf (big,
        "a=candidate:%u 1 udp %u 192.0.2.9 %u typ host\n", i, i + 1, i + 1);
  g_assert_null (parse (big->str, &error));
  assert_error ("candidates", error, TOO_LARGE, "candidates");
  g_clear_error (&error);

  g_string_assign (big, SESSION AUDIO);
  for (guint i = 0; i < 20; i++)
    g_string_append (big, FINGERPRINT);
  g_assert_null (parse (big->str, &error));
  assert_error ("fingerprints", error, TOO_LARGE, "fingerprints");
  g_clear_error (&error);

  g_string_assign (big, SESSION "m=audio 9 UDP/TLS/RTP/SAVPF");
  for (guint i = 0; i < 97; i++)
    g_string_append_printf (big, " %u", i);
  g_string_append_c (big, '\n');
  g_assert_null (parse (big->str, &error));
  assert_error ("formats", error, TOO_LARGE, "formats");
}

/* A whole browser offer, cut at each byte: an offer or an error, no crash. */
static void
test_truncated (void)
{
  for (gsize n = 0; n < strlen (OFFER); n++) {
    g_autofree char *copy = g_memdup2 (OFFER, n);
    g_autoptr (GError) error = NULL;
    g_autoptr (LockstepOffer) offer =
        lockstep_offer_parse (copy, n, audio, video, &error);

    g_assert_true ((offer == NULL) == (error != NULL));
  }
}

/* webrtcbin makes caps of all that an SDP says, and the names of their fields are
 * quarks, which are for ever. A publisher that comes again and again with new
 * names must not grow the table. */
static void
test_names_do_not_pile_up (void)
{
  GQuark first = 0, last;

  for (guint i = 0; i < 100; i++) {
    g_autofree char *junk = g_strdup_printf ("a=sendonly\na=junk-%u:1\n"
        "a=ssrc:%u cname:x\na=rid:r%u send\na=rtcp-fb:98 junk-%u\n"
        "a=extmap:%u junk-%u\n", i, i, i, i, 200 + i, i);
    g_autofree char *parameter = g_strdup_printf ("42e01f;junk-p%u=1\n", i);
    g_autofree char *with_junk = replace (OFFER, "a=sendonly\n", junk);
    g_autofree char *text = replace (with_junk, "42e01f\n", parameter);
    g_autofree char *session = g_strdup_printf ("t=0 0\na=junk-s%u:1\n", i);
    g_autofree char *body = replace (text, "t=0 0\n", session);
    g_autoptr (GError) error = NULL;
    g_autoptr (LockstepOffer) offer = parse (body, &error);
    g_autoptr (GstSDPMessage) message = NULL;

    g_assert_no_error (error);
    gst_sdp_message_new_from_text (offer->sdp, &message);
    for (guint m = 0; m < gst_sdp_message_medias_len (message); m++) {
      const GstSDPMedia *media = gst_sdp_message_get_media (message, m);
      g_autoptr (GstCaps) all = gst_caps_new_empty_simple ("x/y");
      g_autoptr (GstCaps) caps = NULL;

      caps = gst_sdp_media_get_caps_from_media (media,
          atoi (gst_sdp_media_get_format (media, 0)));
      g_assert_nonnull (caps);
      gst_sdp_message_attributes_to_caps (message, all);
      gst_sdp_media_attributes_to_caps (media, all);
    }
    if (i == 0)
      first = g_quark_from_string ("lockstep-test-first");
  }
  last = g_quark_from_string ("lockstep-test-last");
  g_assert_cmpuint (last - first, ==, 1);
}

/* Each file: what becomes of it. */
static void
test_files (void)
{
  static const struct
  {
    const char *name;
    int code;
    const char *fragment;
  } cases[] = {
    {"chromium-h264-opus", OK, "m=video 9 UDP/TLS/RTP/SAVPF 108 109\r\n"},
    {"chromium-default", OK, "m=video 9 UDP/TLS/RTP/SAVPF 108 109\r\n"},
    {"chromium-video", OK, "m=video 9 UDP/TLS/RTP/SAVPF 108 109\r\n"},
    {"chromium-audio", OK, "m=audio 9 UDP/TLS/RTP/SAVPF 111\r\n"},
    {"chromium-canvas", OK, "m=video 9 UDP/TLS/RTP/SAVPF 108 109\r\n"},
    {"chromium-simulcast", OK, "m=video 9 UDP/TLS/RTP/SAVPF 108 109\r\n"},
    {"chromium-abs-capture", OK,
        "http://www.webrtc.org/experiments/rtp-hdrext/abs-capture-time\r\n"},
    {"chromium-recvonly", UNSUPPORTED, "recvonly"},
    {"chromium-data", UNSUPPORTED, "m=application"},
    {"firefox", OK, "m=video 9 UDP/TLS/RTP/SAVPF 126 127\r\n"},
    {"firefox-153", OK, "m=video 9 UDP/TLS/RTP/SAVPF 126 127\r\n"},
    {"firefox-153-page", OK, "m=video 9 UDP/TLS/RTP/SAVPF 126 127\r\n"},
    {"firefox-153-no-h264", NO_CODEC, "H264 is needed here"},
    {"firefox-153-recvonly", UNSUPPORTED, "recvonly"},
    {"libdatachannel", OK, "m=video 9 UDP/TLS/RTP/SAVPF 96\r\n"},
    {"bare", OK, "m=audio 9 UDP/TLS/RTP/SAVPF 96\r\n"},
  };

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++) {
    g_autofree char *file = g_strconcat (cases[i].name, ".sdp", NULL);
    g_autofree char *path = g_build_filename (g_getenv
        ("LOCKSTEP_SOURCE_ROOT"), "tests", "files", "sdp", file, NULL);
    g_autofree char *body = NULL;
    g_autoptr (GError) error = NULL;
    g_autoptr (LockstepOffer) offer = NULL;

    g_file_get_contents (path, &body, NULL, &error);
    g_assert_no_error (error);
    offer = parse (body, &error);
    if (cases[i].code != OK) {
      assert_error (cases[i].name, error, cases[i].code, cases[i].fragment);
      continue;
    }
    g_assert_no_error (error);
    g_assert_nonnull (strstr (offer->sdp, cases[i].fragment));
    g_assert_true (offer->no_loopback ==
        g_str_has_prefix (cases[i].name, "firefox"));
    g_assert_null (strstr (offer->sdp, ".local"));
    g_assert_null (strstr (offer->sdp, "rid"));
  }
}

int
main (int argc, char **argv)
{
  gst_init (&argc, &argv);
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/sdp/offer/changes", test_changes);
  g_test_add_func ("/sdp/offer/dropped", test_dropped);
  g_test_add_func ("/sdp/offer/candidate-twice", test_candidate_twice);
  g_test_add_func ("/sdp/offer/fields", test_fields);
  g_test_add_func ("/sdp/offer/caps", test_caps);
  g_test_add_func ("/sdp/offer/choice", test_choice);
  g_test_add_func ("/sdp/offer/static-payload", test_static_payload);
  g_test_add_func ("/sdp/offer/not-wanted", test_not_wanted);
  g_test_add_func ("/sdp/offer/session-level", test_session_level);
  g_test_add_func ("/sdp/offer/added-mids", test_added_mids);
  g_test_add_func ("/sdp/offer/bounds", test_bounds);
  g_test_add_func ("/sdp/offer/truncated", test_truncated);
  g_test_add_func ("/sdp/offer/files", test_files);
  g_test_add_func ("/sdp/offer/names", test_names_do_not_pile_up);
  return g_test_run ();
}
