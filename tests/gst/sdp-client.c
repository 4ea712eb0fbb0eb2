/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The side that offers: the offer that is sent, the candidates that follow it, and what
 * servers may answer. */
#include "sdp-common.h"

/* As webrtcbin 1.22.0 writes it. */
#define RAW SESSION "a=ice-options:trickle\n" GROUP \
    "m=audio 9 UDP/TLS/RTP/SAVPF 111\nc=IN IP4 0.0.0.0\na=setup:actpass\n" \
    "a=ice-ufrag:abcd\na=ice-pwd:0123456789abcdef012345\n" FINGERPRINT \
    "a=sendonly\na=rtpmap:111 OPUS/48000/2\na=ssrc:7 msid:user@host track0\n" \
    "a=ssrc:7 cname:user@host\na=mid:a\n" \
    "a=candidate:1 1 UDP 2015364095 192.0.2.1 49011 typ host\n" \
    "m=video 0 UDP/TLS/RTP/SAVPF 96\nc=IN IP4 0.0.0.0\na=setup:actpass\n" \
    "a=ice-ufrag:abcd\na=ice-pwd:0123456789abcdef012345\n" FINGERPRINT \
    "a=bundle-only\na=sendonly\na=rtpmap:96 H264/90000\n" \
    "a=ssrc:8 msid:user@host track1\na=ssrc:8 cname:user@host\na=mid:v\n"

static void
assert_has (const char *text, const char *part)
{
  if (strstr (text, part) == NULL)
    g_error ("no \"%s\" in %s", part, text);
}

static void
test_offer (void)
{
  g_autoptr (GError) error = NULL;
  g_autofree char *open = lockstep_offer_finish (RAW, FALSE, &error);
  g_autofree char *complete = lockstep_offer_finish (RAW, TRUE, &error);

  g_assert_no_error (error);
  assert_has (open, "a=msid:lockstep audio\r\nm=video 0 ");
  assert_has (open, "a=msid:lockstep video\r\n");
  assert_has (open, "a=ssrc:7 cname:user@host\r\n");
  g_assert_null (strstr (open, " msid:"));
  g_assert_null (strstr (open, "end-of-candidates"));
  /* in the section that has the transport, and there alone */
  assert_has (complete, "a=end-of-candidates\r\nm=video");
  g_assert_false (g_str_has_suffix (complete, "a=end-of-candidates\r\n"));
  g_assert_null (lockstep_offer_finish ("hello", TRUE, &error));
  assert_error ("offer", error, MALFORMED, "line 1");
}

/* What is written is read again as the same. */
static void
test_trickle (void)
{
  static const char *const candidates[] = {
    "candidate:1 1 UDP 100 192.0.2.1 5000 typ host",
    "candidate:2 1 TCP 90 192.0.2.1 9 typ host tcptype active",
    "candidate:3 2 UDP 80 192.0.2.1 5001 typ host",
    "candidate:4 1 UDP 70 fe80::1 5000 typ host",
    "candidate:5 1 UDP 60 198.51.100.7 6000 typ srflx raddr 192.0.2.1 rport 5000",
    "candidate:1 1 UDP 100 192.0.2.1 5000 typ host",
    "junk", "candidate:x", NULL
  };
  static const char *const none[] = { NULL };
  g_autoptr (GError) error = NULL;
  g_autofree char *text =
      lockstep_trickle_write (RAW, candidates, TRUE, &error);
  g_autofree char *server = replace (RAW, "m=video 0", "m=video 9");
  g_autofree char *served = replace (server, "a=sendonly\n",
      "a=sendonly\na=rtcp-mux\n");
  g_autoptr (LockstepOffer) offer = parse (served, NULL);
  g_autoptr (LockstepTrickle) trickle = NULL;
  g_autofree char *end = NULL;

  g_assert_no_error (error);
  g_assert_cmpstr (text, ==, "a=group:BUNDLE a v\r\n"
      "m=audio 9 UDP/TLS/RTP/SAVPF 111\r\na=mid:a\r\na=ice-ufrag:abcd\r\n"
      "a=ice-pwd:0123456789abcdef012345\r\n"
      "a=candidate:1 1 udp 100 192.0.2.1 5000 typ host\r\n"
      "a=candidate:5 1 udp 60 198.51.100.7 6000 typ srflx raddr 192.0.2.1 "
      "rport 5000\r\na=end-of-candidates\r\n");
  g_assert_nonnull (offer);
  trickle = lockstep_trickle_parse (text, strlen (text), offer, &error);
  g_assert_no_error (error);
  g_assert_false (trickle->restart);
  g_assert_cmpuint (trickle->candidates->len, ==, 3);

  g_assert_null (lockstep_trickle_write (RAW, none, FALSE, &error));
  g_assert_null (lockstep_trickle_write (RAW, candidates + 6, FALSE, &error));
  g_assert_no_error (error);
  end = lockstep_trickle_write (RAW, none, TRUE, &error);
  assert_has (end, "a=mid:a\r\n");
  g_assert_true (g_str_has_suffix (end, "a=end-of-candidates\r\n"));
  g_assert_null (lockstep_trickle_write (SESSION, none, TRUE, &error));
  assert_error ("no section", error, UNSUPPORTED, "no section");
}

/* An answer to the offer above, and what is wrong with others. */
static void
test_answers (void)
{
#define ONCE "a=setup:passive\na=ice-ufrag:efgh\n" \
    "a=ice-pwd:0123456789abcdef012399\n" FINGERPRINT
#define ANSWER_AUDIO "m=audio 9 UDP/TLS/RTP/SAVPF 111\na=mid:a\na=recvonly\n"
#define ANSWER_VIDEO "m=video 9 UDP/TLS/RTP/SAVPF 96\na=mid:v\na=recvonly\n"
#define ANSWER SESSION ONCE ANSWER_AUDIO ANSWER_VIDEO
  static const Change cases[] = {
    {"once for all", NULL, NULL, OK,
        "a=mid:v\r\na=recvonly\r\na=setup:passive\r\na=fingerprint:sha-256 "
          DIGEST "\r\na=ice-ufrag:efgh\r\n"},
    {"its own", "a=mid:v\n", "a=mid:v\na=setup:active\n", OK,
        "a=setup:active\r\na=recvonly\r\na=fingerprint"},
    {"empty", ANSWER, "", MALFORMED, "empty"},
    {"no SDP", ANSWER, "hello", MALFORMED, "line 1"},
    {"control character", "s=-", "s=\001", MALFORMED, "control"},
    {"one section", ANSWER_VIDEO, "", MALFORMED, "2 m= sections"},
    {"three sections", ANSWER_VIDEO, ANSWER_VIDEO ANSWER_VIDEO, MALFORMED,
        "3 answered"},
    {"another kind", "m=video", "m=audio", MALFORMED, "m=video is answered by"},
    {"not taken", "m=video 9", "m=video 0", UNSUPPORTED,
        "the video is not taken"},
    {"broken line", "m=video 9 UDP", "m=video x UDP", MALFORMED, "m="},
    {"no setup", "a=setup:passive\n", "", UNSUPPORTED, "no a=setup"},
    {"no fingerprint", FINGERPRINT, "", UNSUPPORTED, "no a=fingerprint"},
    {"no ufrag", "a=ice-ufrag:efgh\n", "", UNSUPPORTED, "no a=ice-ufrag"},
    {"no pwd", "a=ice-pwd:0123456789abcdef012399\n", "", UNSUPPORTED,
        "no a=ice-pwd"},
  };

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++) {
    g_autofree char *text = replace (ANSWER, cases[i].from, cases[i].to);
    g_autoptr (GError) error = NULL;
    g_autofree char *read =
        lockstep_answer_read (text, strlen (text), RAW, &error);

    if (cases[i].code != OK) {
      g_assert_null (read);
      assert_error (cases[i].name, error, cases[i].code, cases[i].fragment);
      continue;
    }
    g_assert_no_error (error);
    assert_has (read, cases[i].fragment);
  }
}

/* FEC is offered for the picture that it protects, and what webrtcbin gets knows nothing
 * of it. */
static void
test_fec (void)
{
#define FEC_LINES "a=rtpmap:127 flexfec-03/90000\na=fmtp:127 repair-window=1\n" \
    "a=rtcp-fb:127 transport-cc\n"
#define FEC_ANSWER SESSION ONCE ANSWER_AUDIO "m=video 9 UDP/TLS/RTP/SAVPF 96 127\n" \
    "a=mid:v\na=recvonly\na=rtpmap:96 H264/90000\n" FEC_LINES "a=fmtp:96 x=127\n"
  static const struct
  {
    const char *name, *from, *to;
    gboolean taken;
  } cases[] = {
    {"as it is", NULL, NULL, TRUE},
    {"in front", "96 127", "127 96", TRUE},
    {"capital letters", "flexfec-03", "FLEXFEC-03", TRUE},
    {"not taken", "96 127", "96", FALSE},
    {"something else", "127 flexfec-03/90000", "127 red/90000", FALSE},
    {"nothing else", "96 127", "127", FALSE},
    {"no rtpmap", "a=rtpmap:127 flexfec-03/90000\n", "", FALSE},
    {"refused", "m=video 9", "m=video 0", FALSE},
    {"of sound", "m=video", "m=audio", FALSE},
    {"no SDP", FEC_ANSWER, "hello", FALSE},
    {"empty", FEC_ANSWER, "", FALSE},
  };
  g_autoptr (GError) error = NULL;
  g_autofree char *plain = lockstep_offer_finish (RAW, TRUE, &error);
  g_autofree char *busy = replace (plain, "SAVPF 111", "SAVPF 127");
  g_autofree char *offer = NULL;
  g_autofree char *next = NULL;
  g_autofree char *other = NULL;
  int payload;

  offer = lockstep_offer_add_fec (plain, 8, 99, &payload);
  g_assert_cmpint (payload, ==, 127);
  assert_has (offer, "m=video 0 UDP/TLS/RTP/SAVPF 96 127\r\n");
  assert_has (offer, "a=rtpmap:127 flexfec-03/90000\r\n");
  assert_has (offer, "a=ssrc-group:FEC-FR 8 99\r\n");
  assert_has (offer, "m=audio 9 UDP/TLS/RTP/SAVPF 111\r\n");
  next = lockstep_offer_add_fec (busy, 8, 99, &payload);
  g_assert_cmpint (payload, ==, 126);
  /* no picture from there, or sound */
  other = lockstep_offer_add_fec (plain, 7, 99, &payload);
  g_assert_cmpint (payload, ==, -1);
  g_assert_cmpstr (other, ==, plain);
  g_clear_pointer (&other, g_free);
  other = lockstep_offer_add_fec ("hello", 8, 99, &payload);
  g_assert_cmpint (payload, ==, -1);

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++) {
    g_autofree char *text = replace (FEC_ANSWER, cases[i].from, cases[i].to);
    gboolean taken;
    g_autofree char *answer = lockstep_answer_take_fec (text, 127, &taken);

    g_test_message ("%s", cases[i].name);
    g_assert_cmpint (taken, ==, cases[i].taken);
    if (!taken) {
      g_assert_cmpstr (answer, ==, text);
      continue;
    }
    assert_has (answer, "m=video 9 UDP/TLS/RTP/SAVPF 96\r\n");
    assert_has (answer, "a=rtpmap:96 H264/90000\r\n");
    assert_has (answer, "a=fmtp:96 x=127\r\n");
    g_assert_null (strstr (answer, ":127"));
    g_free (g_steal_pointer (&text));
    text = lockstep_answer_read (answer, strlen (answer), offer, &error);
    g_assert_no_error (error);
  }
}

/* A data channel that the server does not want is no reason to give up. */
static void
test_data_channel_refused (void)
{
  g_autofree char *offer = g_strconcat (RAW,
      "m=application 9 UDP/DTLS/SCTP webrtc-datachannel\na=mid:d\n", NULL);
  g_autofree char *answer = g_strconcat (ANSWER,
      "m=application 0 UDP/DTLS/SCTP webrtc-datachannel\na=mid:d\n", NULL);
  g_autoptr (GError) error = NULL;
  g_autofree char *read =
      lockstep_answer_read (answer, strlen (answer), offer, &error);

  g_assert_no_error (error);
  assert_has (read, "m=application 0 ");
}

int
main (int argc, char **argv)
{
  gst_init (&argc, &argv);
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/sdp/client/offer", test_offer);
  g_test_add_func ("/sdp/client/trickle", test_trickle);
  g_test_add_func ("/sdp/client/answers", test_answers);
  g_test_add_func ("/sdp/client/fec", test_fec);
  g_test_add_func ("/sdp/client/data-channel", test_data_channel_refused);
  return g_test_run ();
}
