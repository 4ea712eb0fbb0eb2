/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The offers of viewers: what differs from a publisher's, each way to be refused, and
 * what hostile ones may not do. */
#include "sdp-common.h"

#include <gst/sdp/sdp.h>

/* That of a publisher, the other way. */
static char *
viewer_offer (void)
{
  return replace (OFFER, "a=sendonly", "a=recvonly");
}

static LockstepOffer *
parse_viewer (const char *text, GError ** error)
{
  LockstepOffer *offer =
      lockstep_offer_parse_viewer (text, strlen (text), audio, video, error);

  g_assert_true (offer == NULL || offer->viewer);
  return offer;
}

#define SECTION(kind, mid) \
  "m=" kind " 9 UDP/TLS/RTP/SAVPF 98\nc=IN IP4 0.0.0.0\na=mid:" mid "\n" \
  "a=ice-ufrag:abcd\na=ice-pwd:0123456789abcdef012345\n" FINGERPRINT \
  "a=setup:actpass\na=recvonly\na=rtcp-mux\na=rtpmap:98 H264/90000\n"

static const Change changes[] = {
  {"as it is", NULL, NULL, OK, "a=recvonly\r\n"},
  {"sendrecv", "a=recvonly", "a=sendrecv", OK, "a=recvonly\r\n"},
  {"no direction", "a=recvonly\n", "", OK, "a=recvonly\r\n"},
  {"sendonly", "a=recvonly", "a=sendonly", UNSUPPORTED,
      "a viewer must offer a=recvonly"},
  {"two directions", "a=recvonly\n", "a=recvonly\na=inactive\n", UNSUPPORTED,
      "nothing that is sent"},
  {"inactive", "a=recvonly", "a=inactive", UNSUPPORTED, "nothing that is sent"},
  {"all off", " 9 UDP", " 0 UDP", UNSUPPORTED, "nothing that is sent"},
  {"not a line", "s=-\n", "s=-\nhello\n", MALFORMED, "line 4"},
  {"key", "s=-\n", "s=-\nk=clear:x\n", UNSUPPORTED, "k="},
  {"ice-lite", "s=-\n", "s=-\na=ice-lite\n", UNSUPPORTED, "ice-lite"},
  {"plain rtp", "m=video 9 UDP/TLS/RTP/SAVPF", "m=video 9 RTP/AVP",
      UNSUPPORTED, "RTP/AVP"},
  {"passive", "a=setup:actpass", "a=setup:passive", UNSUPPORTED, "passive"},
  {"no fingerprint", FINGERPRINT, "", UNSUPPORTED, "DTLS"},
  {"no rtcp-mux", "a=rtcp-mux\n", "", UNSUPPORTED, "rtcp-mux"},
  {"mid shared", "a=mid:v", "a=mid:a", MALFORMED, "two sections"},
  {"group unknown", "BUNDLE a v", "BUNDLE a v w", MALFORMED, "names \"w\""},
  {"group partial", "BUNDLE a v", "BUNDLE a", UNSUPPORTED, "not in a=group"},
  {"payload shared", "a=fmtp:99 apt=98\n", "a=fmtp:99 apt=98\n"
        "a=rtpmap:111 rtx/90000\na=fmtp:111 apt=98\n", OK, "SAVPF 98 99\r\n"},
  {"no h264", "H264/90000", "H265/90000", NO_CODEC, "no video codec in common"},
  {"no opus", "opus/48000/2", "silk/48000", NO_CODEC,
      "no audio codec in common"},
  {"h264 high", "42e01f", "640c1f", OK, "profile-level-id=640c1f"},
  {"h264 4:4:4", "42e01f", "f4001f", NO_CODEC, "video codec"},
  {"fmtp junk", "profile-level-id=42e01f",
      "profile-level-id=42e01f;evil=1;x-evil", OK, "profile-level-id=42e01f"},
  {"fmtp value", "packetization-mode=1", "packetization-mode=1\"evil", NO_CODEC,
      "video codec"},
  {"extmap recvonly", "a=extmap:3 ", "a=extmap:3/recvonly ", OK,
      "a=extmap:3 " TWCC "\r\n"},
  {"candidate broken", "192.0.2.1 40000 typ host", "192.0.2.1", MALFORMED,
      "a=candidate"},
  {"trickle", "s=-\n", "s=-\na=ice-options:trickle\n", OK,
      "a=ice-options:trickle\r\n"},
  /* more than there is: port 0 */
  {"two audio", "m=video 9 UDP/TLS/RTP/SAVPF 96 97 98 99",
      "m=audio 9 UDP/TLS/RTP/SAVPF 96 97 98 99", OK, "a=group:BUNDLE a\r\n"},
  {"another kind", "m=video 9", "m=message 9", OK, "a=group:BUNDLE a\r\n"},
};

static void
test_changes (void)
{
  g_autofree char *base = viewer_offer ();
  static const char *const never[] = { "evil", "a=sendonly", NULL };

  check_changes (base, changes, G_N_ELEMENTS (changes), parse_viewer, never);
}

/* Which sections of a player that asks for more than there is are served. */
static void
test_sections (void)
{
  g_autofree char *path = g_build_filename (g_getenv ("LOCKSTEP_SOURCE_ROOT"),
      "tests", "files", "sdp", "player.sdp", NULL);
  static const gboolean served[] = { TRUE, TRUE, FALSE };
  g_autofree char *text = NULL;
  g_autoptr (GError) error = NULL;
  g_autoptr (LockstepOffer) offer = NULL;
  const LockstepOfferMedia *media;

  g_file_get_contents (path, &text, NULL, &error);
  g_assert_no_error (error);
  offer = parse_viewer (text, &error);
  g_assert_no_error (error);
  g_assert_cmpuint (offer->media->len, ==, 5);
  for (guint i = 0; i < G_N_ELEMENTS (served); i++) {
    media = offer->media->pdata[i];
    g_assert_true (media->rejected == !served[i]);
  }
  media = offer->media->pdata[4];
  g_assert_true (media->rejected);
  media = offer->media->pdata[0];
  g_assert_cmpint (media->payload, ==, 96);
  g_assert_cmpint (media->rtx_payload, ==, 97);
  /* audio levels go from the viewer to here, where nothing listens */
  g_assert_cmpuint (media->extmaps->len, ==, 2);
  g_assert_true (g_array_index (media->extmaps, LockstepExtmap, 0).one_way);
  g_assert_null (strstr (offer->sdp, ".local"));
}

/* What is sent decides, not what is offered: a viewer of sound alone gets sound. */
static void
test_one_kind (void)
{
  g_autofree char *text = viewer_offer ();
  g_autoptr (GError) error = NULL;
  g_autoptr (LockstepOffer) sound =
      lockstep_offer_parse_viewer (text, strlen (text), audio, NULL, &error);
  g_autoptr (LockstepOffer) none = NULL;

  g_assert_no_error (error);
  g_assert_nonnull (strstr (sound->sdp, "a=group:BUNDLE a\r\n"));
  g_assert_null (strstr (sound->sdp, "m=video"));
  none = lockstep_offer_parse_viewer (text, strlen (text), NULL, NULL, &error);
  g_assert_null (none);
  assert_error ("none", error, UNSUPPORTED, "nothing that is sent");
}

/* The answer to a viewer: sent, of one stream, sections that are not sent with port 0. */
static void
test_answer (void)
{
  g_autofree char *base = viewer_offer ();
  g_autofree char *text = g_strconcat (base, SECTION ("video", "w"), NULL);
  g_autofree char *grouped = replace (text, "BUNDLE a v", "BUNDLE a v w");
  g_autoptr (GError) error = NULL;
  g_autoptr (LockstepOffer) offer = parse_viewer (grouped, &error);
  g_autofree char *raw = NULL;
  g_autofree char *wrong = NULL;
  g_autofree char *answer = NULL;

  g_assert_no_error (error);
  raw = replace (offer->sdp, "a=recvonly\r\n", "a=sendonly\r\n"
      "a=candidate:1 1 UDP 2015363327 192.0.2.1 5000 typ host\r\n"
      "a=ssrc:77 msid:user1 webrtctransceiver0\r\n");
  answer = lockstep_answer_finish (raw, offer, NULL, &error);
  g_assert_no_error (error);
  g_assert_nonnull (strstr (answer, "a=msid:lockstep audio\r\n"));
  g_assert_nonnull (strstr (answer, "a=msid:lockstep video\r\n"));
  g_assert_nonnull (strstr (answer, "a=group:BUNDLE a v\r\n"));
  g_assert_nonnull (strstr (answer, "m=video 0 UDP/TLS/RTP/SAVPF 98\r\n"
          "c=IN IP4 0.0.0.0\r\na=mid:w\r\na=inactive\r\n"));
  /* webrtcbin took the other direction: nothing would be seen */
  wrong = replace (raw, "a=sendonly", "a=recvonly");
  g_assert_null (lockstep_answer_finish (wrong, offer, NULL, &error));
  assert_error ("direction", error, UNSUPPORTED, "a=sendonly");
}

/* A viewer that takes FlexFEC, in answer to which FEC goes in a source of its own. */
static void
test_fec (void)
{
  static const struct
  {
    const char *from, *to;
    int payload;
  } cases[] = {
    {"49 flexfec-03/90000", "49 flexfec-03/90000", 49},
    {"flexfec-03", "FlexFEC-03", 49},
    {"flexfec-03", "flexfec", -1},
    {"flexfec-03/90000", "flexfec-03/48000", -1},
    {"96 97 98 99 49", "96 97 98 99", -1},
  };
  g_autofree char *plain = viewer_offer ();
  g_autofree char *more = replace (plain, "96 97 98 99", "96 97 98 99 49");
  g_autofree char *base = replace (more, "a=fmtp:99 apt=98\n",
      "a=fmtp:99 apt=98\na=rtpmap:49 flexfec-03/90000\n"
      "a=fmtp:49 repair-window=10000000\n");

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++) {
    g_autofree char *text = replace (base, cases[i].from, cases[i].to);
    g_autoptr (GError) error = NULL;
    g_autoptr (LockstepOffer) offer = parse_viewer (text, &error);
    LockstepOfferMedia *media;
    g_autofree char *raw = NULL;
    g_autofree char *without = NULL;
    g_autofree char *answer = NULL;

    g_assert_no_error (error);
    /* webrtcbin is not told */
    g_assert_null (strcasestr (offer->sdp, "flexfec"));
    g_assert_nonnull (strstr (offer->sdp, "SAVPF 98 99\r\n"));
    media = offer->media->pdata[1];
    g_assert_cmpint (media->fec_payload, ==, cases[i].payload);
    g_assert_cmpint (((LockstepOfferMedia *) offer->media->pdata[0])
        ->fec_payload, ==, -1);
    raw = replace (offer->sdp, "a=recvonly\r\n", "a=sendonly\r\n"
        "a=candidate:1 1 UDP 2015363327 192.0.2.1 5000 typ host\r\n"
        "a=ssrc:77 msid:user1 webrtctransceiver0\r\na=ssrc:77 cname:user1\r\n"
        "a=ssrc:777 cname:user1\r\n");
    /* none is sent: none is promised */
    without = lockstep_answer_finish (raw, offer, NULL, &error);
    g_assert_no_error (error);
    g_assert_null (strstr (without, "flexfec"));
    g_assert_null (strstr (without, "FEC-FR"));
    media->ssrc = 77;
    media->fec_ssrc = 4000000000;
    answer = lockstep_answer_finish (raw, offer, NULL, &error);
    g_assert_no_error (error);
    if (cases[i].payload < 0) {
      g_assert_cmpstr (answer, ==, without);
      continue;
    }
    g_assert_nonnull (strstr (answer, "SAVPF 98 99 49\r\n"));
    g_assert_nonnull (strstr (answer, "a=rtpmap:49 flexfec-03/90000\r\n"
            "a=fmtp:49 repair-window=10000000\r\n"));
    g_assert_nonnull (strstr (answer, "a=ssrc-group:FEC-FR 77 4000000000\r\n"
            "a=ssrc:4000000000 msid:user1 webrtctransceiver0\r\n"
            "a=ssrc:4000000000 cname:user1\r\n"));
    g_assert_null (strstr (strstr (answer, "4000000000 cname") + 1,
            "4000000000 cname"));
  }
}

/* A later offer of the same viewer: what its session can take, and what not. */
static void
test_continues (void)
{
  static const struct
  {
    const char *from, *to, *why;        /* NULL: it goes on */
  } cases[] = {
    {"o=- 77 3", "o=- 77 4", NULL},
    {"a=candidate:1 ", "a=candidate:2 ", NULL},
    {"VP8/90000", "VP9/90000", NULL},
    {"a=recvonly", "a=sendrecv", NULL},
    {"a=ice-ufrag:abcd", "a=ice-ufrag:efgh", "ICE"},
    {"a=ice-pwd:01", "a=ice-pwd:11", "ICE"},
    {DIGEST, DIGEST_2, "certificate"},
    {"a=mid:v", "a=mid:w", "sections"},
    {"m=video 9", "m=video 0", "sections"},
    {"a=extmap:3 ", "a=extmap:5 ", "sections"},
    {"a=rtcp-fb:98 nack\n", "", "sections"},
    {"98", "100", "sections"},
    {"96 VP8/90000", "96 flexfec-03/90000", "sections"},
  };
  g_autofree char *base = viewer_offer ();
  g_autofree char *more = g_strconcat (base, SECTION ("video", "x"), NULL);
  g_autoptr (GError) error = NULL;
  g_autoptr (LockstepOffer) before = parse_viewer (base, &error);
  g_autoptr (LockstepOffer) two = NULL;

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++) {
    g_autofree char *moved = replace (base, cases[i].from, cases[i].to);
    g_autofree char *text = strstr (moved, "a=mid:w") == NULL ? g_strdup (moved)
        : replace (moved, "BUNDLE a v", "BUNDLE a w");
    g_autoptr (LockstepOffer) offer = parse_viewer (text, &error);
    gboolean goes_on;

    g_assert_no_error (error);
    goes_on = lockstep_offer_continues (offer, before, &error);
    g_assert_cmpint (goes_on, ==, cases[i].why == NULL);
    if (!goes_on)
      assert_error (cases[i].to, error, UNSUPPORTED, cases[i].why);
    g_clear_error (&error);
  }
  /* a section that nothing is sent in may come, and none may go */
  two = parse_viewer (more, &error);
  g_assert_no_error (error);
  g_assert_true (lockstep_offer_continues (two, before, &error));
  g_assert_no_error (error);
  g_assert_false (lockstep_offer_continues (before, two, &error));
  assert_error ("fewer", error, UNSUPPORTED, "fewer");
}

static void
test_candidates_again (void)
{
  g_autofree char *first = lockstep_answer_with_candidates ("v=0\r\n"
      "m=audio\r\na=candidate:1 x\r\nm=video\r\na=candidate:2 y\r\n", NULL);
  g_autofree char *second =
      lockstep_answer_with_candidates ("v=0\r\nm=audio\r\n", first);
  g_autofree char *own =
      lockstep_answer_with_candidates ("m=audio\r\na=candidate:3 z\r\n", first);

  g_assert_cmpstr (second, ==, "v=0\r\nm=audio\r\na=candidate:1 x\r\n"
      "a=candidate:2 y\r\n");
  g_assert_cmpstr (own, ==, "m=audio\r\na=candidate:3 z\r\n");
}

/* Sections without end: what is answered is bounded by the offer's own bounds. */
static void
test_bounds (void)
{
  g_autofree char *base = viewer_offer ();
  g_autoptr (GString) big = g_string_new (base);
  g_autoptr (GError) error = NULL;

  for (guint i = 0; i < 20; i++)
    g_string_append_printf (big, "m=video 9 UDP/TLS/RTP/SAVPF 98\n"
        "a=mid:x%u\na=inactive\n", i);
  g_assert_null (parse_viewer (big->str, &error));
  assert_error ("sections", error, UNSUPPORTED, "sections");
  g_clear_error (&error);
  for (gsize n = 0; n < strlen (base); n++) {
    g_autofree char *copy = g_memdup2 (base, n);
    g_autoptr (LockstepOffer) offer =
        lockstep_offer_parse_viewer (copy, n, audio, video, &error);

    g_assert_true ((offer == NULL) == (error != NULL));
    g_clear_error (&error);
  }
}

/* Names that a viewer makes up become no caps fields, which would stay for ever. */
static void
test_names_do_not_pile_up (void)
{
  g_autofree char *base = viewer_offer ();
  GQuark first = 0, last;

  for (guint i = 0; i < 50; i++) {
    g_autofree char *junk = g_strdup_printf ("a=recvonly\na=junk-v%u:1\n"
        "a=rtcp-fb:98 junk-v%u\na=extmap:9 junk-v%u\n", i, i, i);
    g_autofree char *parameter = g_strdup_printf ("42e01f;junk-q%u=1\n", i);
    g_autofree char *with_junk = replace (base, "a=recvonly\n", junk);
    g_autofree char *body = replace (with_junk, "42e01f\n", parameter);
    g_autoptr (GError) error = NULL;
    g_autoptr (LockstepOffer) offer = parse_viewer (body, &error);
    g_autoptr (GstSDPMessage) message = NULL;

    g_assert_no_error (error);
    gst_sdp_message_new_from_text (offer->sdp, &message);
    for (guint m = 0; m < gst_sdp_message_medias_len (message); m++) {
      g_autoptr (GstCaps) caps = gst_caps_new_empty_simple ("x/y");
      g_autoptr (GstCaps) own =
          lockstep_offer_media_caps (offer->media->pdata[m]);

      gst_sdp_media_attributes_to_caps (gst_sdp_message_get_media (message, m),
          caps);
      g_assert_nonnull (own);
    }
    if (i == 0)
      first = g_quark_from_string ("lockstep-test-viewer-first");
  }
  last = g_quark_from_string ("lockstep-test-viewer-last");
  g_assert_cmpuint (last - first, ==, 1);
}

/* A section for data channels, where one is taken: one, with a port, of today's form. */
static void
test_data (void)
{
  static const char data[] =
      "m=application 9 UDP/DTLS/SCTP webrtc-datachannel\n"
      "c=IN IP4 0.0.0.0\na=mid:d\na=ice-ufrag:abcd\n"
      "a=ice-pwd:0123456789abcdef012345\n" FINGERPRINT
      "a=setup:actpass\na=sctp-port:%s\n";
  static const struct
  {
    const char *port;
    gboolean taken;
  } cases[] = { {"5000", TRUE}, {"0", FALSE}, {"x", FALSE}, {"70000", FALSE} };
  g_autofree char *plain = viewer_offer ();
  g_autofree char *base = replace (plain, "BUNDLE a v", "BUNDLE a v d");

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++) {
    g_autoptr (GString) text = g_string_new (base);
    g_autoptr (LockstepOffer) offer = NULL;
    g_autoptr (LockstepOffer) without = NULL;
    g_autoptr (GError) error = NULL;
    const LockstepOfferMedia *media;

    g_string_append_printf (text, data, cases[i].port);
    offer = lockstep_offer_parse_with (text->str, text->len,
        LOCKSTEP_OFFER_VIEWER | LOCKSTEP_OFFER_DATA, audio, video, &error);
    g_assert_no_error (error);
    media = g_ptr_array_index (offer->media, offer->media->len - 1);
    g_assert_cmpint (media->rejected, ==, !cases[i].taken);
    g_assert_cmpint (strstr (offer->sdp, "a=sctp-port:5000\r\n") != NULL, ==,
        cases[i].taken);
    without = lockstep_offer_parse_viewer (text->str, text->len, audio, video,
        &error);
    g_assert_no_error (error);
    g_assert_null (strstr (without->sdp, "sctp-port"));
  }
}

int
main (int argc, char **argv)
{
  gst_init (&argc, &argv);
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/sdp/viewer/changes", test_changes);
  g_test_add_func ("/sdp/viewer/sections", test_sections);
  g_test_add_func ("/sdp/viewer/one-kind", test_one_kind);
  g_test_add_func ("/sdp/viewer/answer", test_answer);
  g_test_add_func ("/sdp/viewer/fec", test_fec);
  g_test_add_func ("/sdp/viewer/continues", test_continues);
  g_test_add_func ("/sdp/viewer/candidates-again", test_candidates_again);
  g_test_add_func ("/sdp/viewer/data", test_data);
  g_test_add_func ("/sdp/viewer/bounds", test_bounds);
  g_test_add_func ("/sdp/viewer/names", test_names_do_not_pile_up);
  return g_test_run ();
}
