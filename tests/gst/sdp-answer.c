/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Each rule for the answer, the fragment, the certificate and the ICE server. */
#include "sdp-certificate.h"
#include "sdp-common.h"

#define ANSWER_SESSION \
    "v=0\r\no=- 77 3 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\n" \
    "a=group:BUNDLE a v\r\n"
#define ANSWER_AUDIO \
    "m=audio 9 UDP/TLS/RTP/SAVPF 111\r\nc=IN IP4 0.0.0.0\r\n" \
    "a=ice-ufrag:uuuu\r\na=ice-pwd:pppppppppppppppppppppp\r\na=mid:a\r\n" \
    "a=rtcp-mux\r\na=setup:active\r\na=rtpmap:111 OPUS/48000/2\r\n" \
    "a=rtcp-fb:111 transport-cc\r\na=fmtp:111 junk=1\r\n" \
    "a=extmap:3 " TWCC "\r\na=recvonly\r\n" \
    "a=fingerprint:sha-256 " DIGEST "\r\n" \
    "a=candidate:1 1 UDP 100 10.0.0.5 5000 typ host\r\n" \
    "a=candidate:2 1 TCP 90 10.0.0.5 9 typ host tcptype active\r\n" \
    "a=candidate:3 1 TCP 80 10.0.0.5 5001 typ host tcptype passive\r\n" \
    "a=candidate:4 1 UDP 70 fe80::1 5002 typ host\r\n" \
    "a=candidate:5 1 UDP 60 2001:db8::5 5003 typ host\r\n" \
    "a=candidate:6 1 UDP 50 203.0.113.1 5004 typ srflx raddr 10.0.0.5 " \
    "rport 5000\r\n" \
    "a=candidate:7 2 UDP 40 10.0.0.5 5005 typ host\r\n" \
    "a=candidate:8 1 UDP 30 127.0.0.1 5006 typ host\r\n"
#define ANSWER_VIDEO \
    "m=video 9 UDP/TLS/RTP/SAVPF 98 99\r\nc=IN IP4 0.0.0.0\r\n" \
    "a=ice-ufrag:uuuu\r\na=ice-pwd:pppppppppppppppppppppp\r\na=mid:v\r\n" \
    "a=rtcp-mux\r\na=setup:active\r\na=rtpmap:98 H264/90000\r\n" \
    "a=rtcp-fb:98 nack\r\na=rtpmap:99 rtx/90000\r\na=fmtp:99 apt=98\r\n" \
    "a=fmtp:98 packetization-mode=1;profile-level-id=42e01f\r\n" \
    "a=recvonly\r\na=fingerprint:sha-256 " DIGEST "\r\n" \
    "a=candidate:1 1 UDP 100 10.0.0.5 5000 typ host\r\n"
#define ANSWER ANSWER_SESSION ANSWER_AUDIO ANSWER_VIDEO

static void
test_answer (void)
{
  g_autoptr (LockstepOffer) offer = parse (OFFER, NULL);
  g_autoptr (GError) error = NULL;
  g_autofree char *answer =
      lockstep_answer_finish (ANSWER, offer, NULL, &error);

  g_assert_no_error (error);
  /* all of it: what is sent is a contract */
  g_assert_cmpstr (answer, ==,
      "v=0\r\no=- 77 3 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\n"
      "a=group:BUNDLE a v\r\n"
      "m=audio 5004 UDP/TLS/RTP/SAVPF 111\r\nc=IN IP4 203.0.113.1\r\n"
      "a=ice-ufrag:uuuu\r\na=ice-pwd:pppppppppppppppppppppp\r\na=mid:a\r\n"
      "a=rtcp-mux\r\na=setup:active\r\na=rtpmap:111 opus/48000/2\r\n"
      "a=rtcp-fb:111 transport-cc\r\na=recvonly\r\n"
      "a=fingerprint:sha-256 " DIGEST "\r\n"
      "a=extmap:3 " TWCC "\r\n"
      "a=fmtp:111 minptime=10;stereo=1;useinbandfec=1\r\n"
      "a=candidate:1 1 udp 100 10.0.0.5 5000 typ host\r\n"
      "a=candidate:3 1 tcp 80 10.0.0.5 5001 typ host tcptype passive\r\n"
      "a=candidate:5 1 udp 60 2001:db8::5 5003 typ host\r\n"
      "a=candidate:6 1 udp 50 203.0.113.1 5004 typ srflx raddr 10.0.0.5 "
      "rport 5000\r\n"
      "a=candidate:8 1 udp 30 127.0.0.1 5006 typ host\r\n"
      "a=end-of-candidates\r\n"
      "m=video 9 UDP/TLS/RTP/SAVPF 98 99\r\nc=IN IP4 0.0.0.0\r\n"
      "a=ice-ufrag:uuuu\r\na=ice-pwd:pppppppppppppppppppppp\r\na=mid:v\r\n"
      "a=rtcp-mux\r\na=setup:active\r\na=rtpmap:98 H264/90000\r\n"
      "a=rtcp-fb:98 nack\r\na=rtpmap:99 rtx/90000\r\na=fmtp:99 apt=98\r\n"
      "a=recvonly\r\na=fingerprint:sha-256 " DIGEST "\r\n"
      "a=fmtp:98 level-asymmetry-allowed=1;packetization-mode=1;"
      "profile-level-id=42e01f\r\n");
}

static void
test_answer_public_addresses (void)
{
  static const char *const public[] =
      { "198.51.100.1", "198.51.100.2", "2001:db8:1::1", NULL };
  static const char *const wrong[] = { "example.org", NULL };
  g_autoptr (LockstepOffer) offer = parse (OFFER, NULL);
  g_autoptr (GError) error = NULL;
  g_autofree char *answer =
      lockstep_answer_finish (ANSWER, offer, public, &error);

  g_assert_no_error (error);
  g_assert_nonnull (strstr (answer, "udp 100 198.51.100.1 5000 typ host\r\n"));
  g_assert_nonnull (strstr (answer, " 198.51.100.2 5000 typ host\r\n"));
  g_assert_nonnull (strstr (answer, "udp 60 2001:db8:1::1 5003 typ host\r\n"));
  g_assert_nonnull (strstr (answer, " 127.0.0.1 5006 typ host\r\n"));
  g_assert_nonnull (strstr (answer, "srflx raddr 0.0.0.0 rport 9\r\n"));
  g_assert_null (strstr (answer, "10.0.0.5"));
  g_assert_null (strstr (answer, "2001:db8::5"));

  g_assert_null (lockstep_answer_finish (ANSWER, offer, wrong, &error));
  assert_error ("name", error, UNSUPPORTED, "example.org");
}

static void
test_answer_shapes (void)
{
  /* a section that the offer switched off comes back as such, in its place */
  g_autofree char *off = replace (OFFER, "m=audio 9 ", "m=audio 0 ");
  g_autofree char *raw = replace (ANSWER, ANSWER_AUDIO, "");
  g_autofree char *reversed = replace (OFFER, "BUNDLE a v", "BUNDLE v a");
  g_autoptr (LockstepOffer) offer = parse (off, NULL);
  g_autoptr (LockstepOffer) offer_reversed = parse (reversed, NULL);
  g_autofree char *no_mid = replace (SESSION AUDIO, "a=mid:a\n", "");
  g_autofree char *old_proto =
      replace (no_mid, "UDP/TLS/RTP/SAVPF", "RTP/SAVPF");
  g_autoptr (LockstepOffer) single = parse (old_proto, NULL);
  g_autoptr (GError) error = NULL;
  g_autofree char *answer = lockstep_answer_finish (raw, offer, NULL, &error);
  g_autofree char *answer_reversed = NULL;
  g_autofree char *answer_single = NULL;

  g_assert_no_error (error);
  g_assert_nonnull (strstr (answer, "m=audio 0 UDP/TLS/RTP/SAVPF 111 0\r\n"
          "c=IN IP4 0.0.0.0\r\na=mid:a\r\na=inactive\r\nm=video 5000 "));
  g_assert_nonnull (strstr (answer, "a=group:BUNDLE v\r\n"));

  /* candidates stand in the section that the group names first */
  answer_reversed =
      lockstep_answer_finish (ANSWER, offer_reversed, NULL, &error);
  g_assert_no_error (error);
  g_assert_nonnull (strstr (answer_reversed, "a=group:BUNDLE v a\r\n"));
  g_assert_nonnull (strstr (strstr (answer_reversed, "m=video"),
          "a=end-of-candidates\r\n"));
  g_assert_nonnull (strstr (answer_reversed, "m=audio 9 "));

  /* no group and no mid that the offer had not */
  raw = (g_free (raw), replace (ANSWER, ANSWER_VIDEO, ""));
  answer_single = lockstep_answer_finish (raw, single, NULL, &error);
  g_assert_no_error (error);
  g_assert_null (strstr (answer_single, "a=group"));
  g_assert_null (strstr (answer_single, "a=mid"));
  g_assert_nonnull (strstr (answer_single, " RTP/SAVPF 111\r\n"));
}

/* Two sections without group and mids but with the same credentials: one
 * transport, so the answer has to say so, in full. */
static void
test_answer_added_group (void)
{
  g_autofree char *a = replace (SESSION AUDIO VIDEO, "a=mid:a\n", "");
  g_autofree char *bare = replace (a, "a=mid:v\n", "");
  g_autoptr (LockstepOffer) offer = parse (bare, NULL);
  g_autofree char *raw_a = replace (ANSWER, "a=mid:a", "a=mid:0");
  g_autofree char *raw = replace (raw_a, "a=mid:v", "a=mid:1");
  g_autoptr (GError) error = NULL;
  g_autofree char *answer = lockstep_answer_finish (raw, offer, NULL, &error);

  g_assert_no_error (error);
  g_assert_nonnull (strstr (answer, "a=group:BUNDLE 0 1\r\n"));
  g_assert_nonnull (strstr (answer, "a=mid:0\r\n"));
  g_assert_nonnull (strstr (answer, "a=mid:1\r\n"));
}

static void
test_answer_errors (void)
{
  static const Change cases[] = {
    {"no video", ANSWER_VIDEO, "", UNSUPPORTED, "video section is not"},
    {"rejected", "m=video 9", "m=video 0", UNSUPPORTED, "video section could"},
    {"swapped", "m=video 9", "m=audio 9", UNSUPPORTED, "video section could"},
    {"payload", "SAVPF 98 99", "SAVPF 96 97", UNSUPPORTED, "payload"},
    {"direction", "a=recvonly", "a=inactive", UNSUPPORTED, "recvonly"},
    {"no fingerprint", "a=fingerprint:", "a=x:", UNSUPPORTED, "fingerprint"},
    {"no ufrag", "a=ice-ufrag:", "a=x:", UNSUPPORTED, "ice-ufrag"},
    {"no candidates", "a=candidate:", "a=x:", UNSUPPORTED, "no candidate"},
    {"bad candidate", "UDP 100", "UDP x", MALFORMED, "priority"},
    {"no origin", "o=-", "i=-", UNSUPPORTED, "o="},
    {"junk", "v=0", "hello", MALFORMED, "line 1"},
  };
  g_autoptr (LockstepOffer) offer = parse (OFFER, NULL);

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++) {
    g_autofree char *raw = replace (ANSWER, cases[i].from, cases[i].to);
    g_autoptr (GError) error = NULL;

    g_assert_null (lockstep_answer_finish (raw, offer, NULL, &error));
    assert_error (cases[i].name, error, cases[i].code, cases[i].fragment);
  }
}

static void
test_trickle (void)
{
  static const struct
  {
    const char *body;
    int code;                   /* OK, or the error */
    const char *fragment;       /* first candidate, or the error */
    guint n_candidates;         /* the end counts */
    gboolean restart;
  } cases[] = {
    /* RFC 9725, section 4.3.2 */
    {"a=group:BUNDLE a v\r\nm=audio 9 UDP/TLS/RTP/SAVPF 111\r\na=mid:a\r\n"
          "a=ice-ufrag:abcd\r\na=ice-pwd:0123456789abcdef012345\r\n"
          "a=candidate:1387637174 1 udp 2122260223 192.0.2.1 61764 typ host "
          "generation 0 ufrag abcd network-id 1\r\na=end-of-candidates\r\n",
          OK, "candidate:1387637174 1 udp 2122260223 192.0.2.1 61764 typ host",
        2, FALSE},
    /* older clients: credentials first, m= without a port of use */
    {"a=ice-ufrag:abcd\na=ice-pwd:0123456789abcdef012345\n"
          "m=audio 9 RTP/AVP 0\na=mid:a\n"
          "a=candidate:1 1 UDP 1 192.0.2.1 2 typ host\n", OK,
        "candidate:1 1 udp 1 192.0.2.1 2 typ host", 1, FALSE},
    {"m=audio 9 RTP/AVP 0\na=candidate:1 1 UDP 1 192.0.2.1 2 typ host\n", OK,
        "candidate:1 1 udp 1 192.0.2.1 2 typ host", 1, FALSE},
    {"m=audio 9 RTP/AVP 0\na=mid:other\n"
          "a=candidate:1 1 UDP 1 192.0.2.1 2 typ host\n", OK, NULL, 0, FALSE},
    {"a=candidate:1 1 UDP 1 192.0.2.1 2 typ host\n"
          "a=candidate:9 1 UDP 1 192.0.2.1 2 typ host\n", OK,
        "candidate:1 1 udp 1 192.0.2.1 2 typ host", 1, FALSE},
    {"a=candidate:1 1 UDP 1 x.local 2 typ host\n"
          "a=candidate:1 1 DCCP 1 192.0.2.1 2 typ host\n"
          "a=candidate:1 1 TCP 1 192.0.2.1 9 typ host tcptype active\n"
          "a=candidate:1 1 UDP 1 192.0.2.1 2 typ host ufrag zzzz\n", OK, NULL,
        0, FALSE},
    {"a=end-of-candidates\na=end-of-candidates\n", OK, NULL, 1, FALSE},
    {"a=ice-ufrag:efgh\na=ice-pwd:0123456789abcdef012345\n", OK, NULL, 0, TRUE},
    {"a=ice-pwd:9123456789abcdef012345\n", OK, NULL, 0, TRUE},
    {"a=ice-ufrag:efgh\n"
          "a=candidate:1 1 UDP 1 192.0.2.1 2 typ host ufrag efgh\n", OK,
        "candidate:1 1 udp 1 192.0.2.1 2 typ host", 1, TRUE},
    {"", MALFORMED, "empty"},
    {"hello", MALFORMED, "line 1"},
    {"a=ice-ufrag:x\n", MALFORMED, "ice-ufrag"},
    {"a=ice-pwd:x\n", MALFORMED, "ice-pwd"},
    {"a=ice-ufrag:efgh\na=ice-ufrag:ijkl\n", MALFORMED, "two values"},
    {"m=audio 9 x 0\na=mid:a\na=mid:a\n", MALFORMED, "twice"},
    {"a=candidate:1 1 UDP\n", MALFORMED, "candidate"},
  };
  g_autoptr (LockstepOffer) offer = parse (OFFER, NULL);

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++) {
    g_autoptr (GError) error = NULL;
    g_autoptr (LockstepTrickle) trickle =
        lockstep_trickle_parse (cases[i].body, strlen (cases[i].body), offer,
        &error);

    if (cases[i].code != OK) {
      g_assert_null (trickle);
      assert_error (cases[i].body, error, cases[i].code, cases[i].fragment);
      continue;
    }
    g_assert_no_error (error);
    g_assert_cmpuint (trickle->candidates->len, ==, cases[i].n_candidates);
    g_assert_cmpint (trickle->restart, ==, cases[i].restart);
    if (cases[i].fragment != NULL) {
      const LockstepCandidate *first = trickle->candidates->pdata[0];

      g_assert_cmpstr (first->candidate, ==, cases[i].fragment);
      g_assert_cmpuint (first->mline, ==, 0);
    }
  }
}

static void
test_trickle_bound (void)
{
  g_autoptr (LockstepOffer) offer = parse (OFFER, NULL);
  g_autoptr (GString) body = g_string_new (NULL);
  g_autoptr (LockstepTrickle) trickle = NULL;
  g_autoptr (GError) error = NULL;

  for (guint i = 1; i <= 64; i++)
    g_string_append_printf (body,
        "a=candidate:1 1 udp 1 192.0.2.1 %u typ host\n", i);
  trickle = lockstep_trickle_parse (body->str, body->len, offer, &error);
  g_assert_no_error (error);
  g_assert_cmpuint (trickle->candidates->len, ==, 64);
  g_string_append (body, "a=candidate:1 1 udp 1 192.0.2.1 999 typ host\n");
  g_assert_null (lockstep_trickle_parse (body->str, body->len, offer, &error));
  assert_error ("65", error, TOO_LARGE, "64");
}

static void
test_certificate (void)
{
  static const struct
  {
    const char *fingerprints[3];
    gboolean match;
  } cases[] = {
    {{CERTIFICATE_SHA256}, TRUE},
    {{CERTIFICATE_SHA384}, TRUE},
    {{CERTIFICATE_SHA512}, TRUE},
    {{"sha-256 " DIGEST}, FALSE},
    {{"sha-256 " DIGEST, CERTIFICATE_SHA256}, TRUE},
    {{CERTIFICATE_SHA256, CERTIFICATE_SHA512}, TRUE},
    /* the stronger hash decides */
    {{CERTIFICATE_SHA256, "sha-512 " DIGEST ":" DIGEST}, FALSE},
    {{CERTIFICATE_SHA1}, FALSE},
    {{NULL}, FALSE},
  };
  static const char *const broken[] = {
    "", "junk", "-----BEGIN CERTIFICATE-----", "-----BEGIN CERTIFICATE-----\n"
        "-----END CERTIFICATE-----", "-----BEGIN CERTIFICATE-----\nAAAA\n"
        "-----END CERTIFICATE-----", "-----BEGIN CERTIFICATE-----\n!!!!\n"
        "-----END CERTIFICATE-----", "-----BEGIN CERTIFICATE-----\nMIIC\n"
        "-----END CERTIFICATE-----", "-----BEGIN CERTIFICATE-----\nMAEBAQ==\n"
        "-----END CERTIFICATE-----",
  };

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++) {
    g_autoptr (GPtrArray) list = g_ptr_array_new ();
    g_autoptr (GError) error = NULL;

    for (guint f = 0; cases[i].fingerprints[f] != NULL; f++)
      g_ptr_array_add (list, (gpointer) cases[i].fingerprints[f]);
    g_assert_cmpint (lockstep_certificate_matches (CERTIFICATE_PEM, list,
            &error), ==, cases[i].match);
    if (!cases[i].match)
      assert_error ("certificate", error, UNSUPPORTED, "does not match");
  }
  for (guint i = 0; i < G_N_ELEMENTS (broken); i++) {
    g_autoptr (GPtrArray) list = g_ptr_array_new ();
    g_autoptr (GError) error = NULL;

    g_ptr_array_add (list, (gpointer) CERTIFICATE_SHA256);
    g_assert_false (lockstep_certificate_matches (broken[i], list, &error));
    assert_error (broken[i], error, MALFORMED, "PEM");
  }
}

static void
test_link_header (void)
{
  static const struct
  {
    const char *server, *link;  /* link NULL: an error with this text */
    const char *fragment;
  } cases[] = {
    {"stun://stun.example.net:3478",
        "<stun:stun.example.net:3478>; rel=\"ice-server\""},
    {"stun:stun.example.net", "<stun:stun.example.net>; rel=\"ice-server\""},
    {"STUNS://[2001:db8::1]:5349",
        "<stuns:[2001:db8::1]:5349>; rel=\"ice-server\""},
    {"turn://user:my%40pass@turn.example.net?transport=udp",
        "<turn:turn.example.net?transport=udp>; rel=\"ice-server\"; "
          "username=\"user\"; credential=\"my@pass\"; "
          "credential-type=\"password\""},
    {"turns://u:a%22b%5Cc@192.0.2.1:443?transport=tcp",
        "<turns:192.0.2.1:443?transport=tcp>; rel=\"ice-server\"; "
          "username=\"u\"; credential=\"a\\\"b\\\\c\"; "
          "credential-type=\"password\""},
    {"", NULL, "must begin"},
    {"http://x", NULL, "must begin"},
    {"stun:", NULL, "host"},
    {"stun://x:0", NULL, "host"},
    {"stun://x:65536", NULL, "host"},
    {"stun://x:", NULL, "host"},
    {"stun://x y", NULL, "host"},
    {"stun://x>", NULL, "host"},
    {"stun://[::1", NULL, "host"},
    {"stun://[1.2.3.4]", NULL, "host"},
    {"stun://u:p@x", NULL, "no user"},
    {"stun://x?transport=udp", NULL, "no user"},
    {"turn://x", NULL, "user:password"},
    {"turn://u@x", NULL, "user:password"},
    {"turn://:p@x", NULL, "percent"},
    {"turn://u%zz:p@x", NULL, "percent"},
    {"turn://u:p%0d%0aX@x", NULL, "printable"},
    {"turn://u:\xc3\xa9@x", NULL, "printable"},
    {"turn://u:p@x?transport=sctp", NULL, "transport=udp"},
  };

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++) {
    g_autoptr (GError) error = NULL;
    g_autofree char *link = lockstep_ice_link_header (cases[i].server, &error);

    g_assert_cmpstr (link, ==, cases[i].link);
    if (cases[i].link == NULL)
      assert_error (cases[i].server, error, MALFORMED, cases[i].fragment);
    else
      g_assert_no_error (error);
  }
}

static void
test_servers_from_link (void)
{
  static const struct
  {
    const char *links, *servers;
  } cases[] = {
    {NULL, ""},
    {"", ""},
    {"<stun:stun.example.net:3478>; rel=\"ice-server\"",
        "stun://stun.example.net:3478"},
    {"<turn:turn.example.net?transport=udp>; rel=\"ice-server\"; "
          "username=\"us,er\"; credential=\"p\\\"w@\"; "
          "credential-type=\"password\", <stun:a.example>; rel=ice-server",
        "turn://us%2Cer:p%22w%40@turn.example.net?transport=udp,"
          "stun://a.example"},
    {"<https://example.net/next>; rel=\"next\", <stun:b.example>;rel=ice-server",
        "stun://b.example"},
    {"<turn:no-user.example>; rel=ice-server", ""},
    {"<stun:x>; rel=\"ice-server", "stun://x"},
    {"<stun:", ""},
  };

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++) {
    g_autofree char *servers = lockstep_ice_servers_from_link (cases[i].links);

    g_assert_cmpstr (servers, ==, cases[i].servers);
  }
}

int
main (int argc, char **argv)
{
  gst_init (&argc, &argv);
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/sdp/answer/whole", test_answer);
  g_test_add_func ("/sdp/answer/public-addresses",
      test_answer_public_addresses);
  g_test_add_func ("/sdp/answer/shapes", test_answer_shapes);
  g_test_add_func ("/sdp/answer/added-group", test_answer_added_group);
  g_test_add_func ("/sdp/answer/errors", test_answer_errors);
  g_test_add_func ("/sdp/trickle/cases", test_trickle);
  g_test_add_func ("/sdp/trickle/bound", test_trickle_bound);
  g_test_add_func ("/sdp/certificate", test_certificate);
  g_test_add_func ("/sdp/link-header", test_link_header);
  g_test_add_func ("/sdp/ice-servers-from-link", test_servers_from_link);
  return g_test_run ();
}
