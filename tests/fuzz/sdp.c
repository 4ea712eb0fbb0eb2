/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Fuzz target: all that reads a session description from the network.
 *
 * Beyond not crashing it must hold that: a refusal has an error and a success
 * none; a rewritten offer is taken again and comes out the same; GStreamer
 * reads it with as many sections; and an answer to it can be finished, which
 * then is a description with as many sections as the offer. */
#include <gst/lockstep/sdp.h>
#include <gst/lockstep/simulcast.h>

#include <gst/sdp/sdp.h>
#include <string.h>

int LLVMFuzzerTestOneInput (const guint8 * data, gsize size);

static const char *const audio[] = { "OPUS", "PCMU", NULL };
static const char *const video[] = { "H264", "VP8", "VP9", "AV1", NULL };

/* Who makes the offer, and what is taken of it or sent: a viewer may get less than it
 * asks for, a publisher may not give more than is taken. */
typedef struct
{
  LockstepOffer *(*parse) (const char *, gsize, const char *const *,
      const char *const *, GError **);
  const char *const *audio, *const *video;
  const char *offered, *answered;
} Side;

static LockstepOffer *
parse_with_data (const char *body, gsize length, const char *const *audio,
    const char *const *video, GError ** error)
{
  return lockstep_offer_parse_with (body, length,
      LOCKSTEP_OFFER_VIEWER | LOCKSTEP_OFFER_DATA, audio, video, error);
}

static LockstepOffer *
parse_simulcast (const char *body, gsize length, const char *const *audio,
    const char *const *video, GError ** error)
{
  return lockstep_offer_parse_with (body, length,
      LOCKSTEP_OFFER_VIEWER | LOCKSTEP_OFFER_SIMULCAST, audio, video, error);
}

static const Side sides[] = {
  {lockstep_offer_parse, audio, video,
      "\r\na=sendonly\r\n", "\r\na=recvonly\r\n"},
  {lockstep_offer_parse_viewer, audio, video,
      "\r\na=recvonly\r\n", "\r\na=sendonly\r\n"},
  {lockstep_offer_parse_viewer, NULL, video,
      "\r\na=recvonly\r\n", "\r\na=sendonly\r\n"},
  {parse_with_data, audio, video,
      "\r\na=recvonly\r\n", "\r\na=sendonly\r\n"},
  {parse_simulcast, audio, video,
      "\r\na=recvonly\r\n", "\r\na=sendonly\r\n"},
};

static void
check_caps (const LockstepOffer * offer)
{
  for (guint i = 0; i < offer->media->len; i++) {
    const LockstepOfferMedia *media = offer->media->pdata[i];
    g_autoptr (GstCaps) caps = lockstep_offer_media_caps (media);

    g_assert_true ((caps == NULL) == (media->rejected || media->data));
    g_assert_true ((media->mline < 0) == media->rejected);
  }
}

/* Several pictures, with an encoder less than are taken: each that is sent has a name, a
 * size, and a share. FALSE: there is one. */
static gboolean
plan_pictures (const LockstepOffer * offer)
{
  static const LockstepEncode encodes[] = { {2000000}, {200000} };
  gboolean any = FALSE;

  for (guint i = 0; i < offer->media->len; i++) {
    LockstepOfferMedia *media = offer->media->pdata[i];
    g_autoptr (GArray) layers = NULL;
    guint64 bitrates[LOCKSTEP_SIMULCAST_MAX] = { 0 };

    if (media->rids == NULL)
      continue;
    any = TRUE;
    g_assert_cmpuint (media->rids->len, <=, LOCKSTEP_SIMULCAST_MAX);
    layers = lockstep_simulcast_plan (media->rids, NULL, 1280, 720, 30,
        encodes, G_N_ELEMENTS (encodes));
    lockstep_simulcast_share (layers, 1000000, bitrates);
    for (guint l = 0; l < layers->len; l++) {
      const LockstepLayer *layer = &g_array_index (layers, LockstepLayer, l);

      g_assert_true (layer->rid[0] != '\0' && layer->width >= 16
          && layer->width <= 1280 && layer->height >= 16 && layer->max > 0);
      g_assert_cmpuint (bitrates[l], <=, layer->max);
    }
    lockstep_simulcast_answer (media, layers, NULL);
  }
  return any;
}

/* A second pass changes nothing. */
static void
check_stable (const Side * side, const LockstepOffer * offer)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (LockstepOffer) again = side->parse (offer->sdp,
      strlen (offer->sdp), side->audio, side->video, &error);

  if (again == NULL)
    g_error ("refused again: %s\n%s", error->message, offer->sdp);
  if (!g_str_equal (offer->sdp, again->sdp))
    g_error ("unstable:\n%s\n%s", offer->sdp, again->sdp);
}

static guint
count_live (const LockstepOffer * offer)
{
  guint n = 0;

  for (guint i = 0; i < offer->media->len; i++)
    n += !((LockstepOfferMedia *) offer->media->pdata[i])->rejected;
  return n;
}

static guint
count_sections (const char *text)
{
  g_autoptr (GstSDPMessage) message = NULL;

  g_assert_cmpint (gst_sdp_message_new_from_text (text, &message), ==,
      GST_SDP_OK);
  return gst_sdp_message_medias_len (message);
}

/* What webrtcbin would answer: near enough the offer, the other way. */
static void
check_answer (const Side * side, const LockstepOffer * offer)
{
  g_autoptr (GString) answer = g_string_new (offer->sdp);
  g_autoptr (GError) error = NULL;
  g_autofree char *finished = NULL;

  g_string_replace (answer, side->offered, side->answered, 0);
  g_string_append (answer,
      "a=candidate:1 1 UDP 2015363327 192.0.2.1 5000 typ host\r\n");
  finished = lockstep_answer_finish (answer->str, offer, NULL, &error);
  if (finished == NULL)
    g_error ("no answer: %s\n%s", error->message, answer->str);
  g_assert_cmpuint (count_sections (finished), ==, offer->media->len);
}

static void
fuzz_offer (const Side * side, const char *data, gsize size)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (LockstepOffer) offer =
      side->parse (data, size, side->audio, side->video, &error);

  g_assert_true ((offer == NULL) == (error != NULL));
  if (offer == NULL)
    return;
  g_assert_true (g_utf8_validate (offer->sdp, -1, NULL));
  g_assert_cmpuint (count_sections (offer->sdp), ==, count_live (offer));
  check_caps (offer);
  /* the pictures' names are no matter of webrtcbin's */
  if (!plan_pictures (offer))
    check_stable (side, offer);
  check_answer (side, offer);
}

static const LockstepOffer *
known_offer (void)
{
  static const char text[] = "v=0\no=- 1 1 IN IP4 127.0.0.1\ns=-\nt=0 0\n"
      "a=setup:actpass\na=ice-ufrag:abcd\na=ice-pwd:0123456789abcdef012345\n"
      "a=fingerprint:sha-256 "
      "11:22:33:44:55:66:77:88:99:AA:BB:CC:DD:EE:FF:00:"
      "11:22:33:44:55:66:77:88:99:AA:BB:CC:DD:EE:FF:00\n"
      "m=audio 9 UDP/TLS/RTP/SAVPF 111\na=mid:0\na=rtcp-mux\n"
      "a=rtpmap:111 opus/48000/2\n";
  static LockstepOffer *offer;

  if (offer == NULL)
    offer = lockstep_offer_parse (text, strlen (text), audio, video, NULL);
  g_assert_nonnull (offer);
  return offer;
}

static void
fuzz_others (const char *data, gsize size)
{
  static const char *const addresses[] = { "198.51.100.1", "2001:db8::1",
    NULL
  };
  g_autofree char *text = g_strndup (size > 0 ? data : "", size);
  g_autoptr (GPtrArray) fingerprints = g_ptr_array_new ();
  g_autoptr (LockstepTrickle) trickle = NULL;
  g_autofree char *answer = NULL;
  g_autofree char *link = NULL;
  g_autofree char *read = NULL;
  g_autofree char *own = NULL;
  g_autofree char *fragment = NULL;
  g_autofree char *with_fec = NULL;
  g_autofree char *without_fec = NULL;
  const char *source;
  gboolean taken;
  int payload;
  const char *const lines[] = { text, NULL };
  g_autoptr (GError) error = NULL;

  trickle = lockstep_trickle_parse (data, size, known_offer (), &error);
  g_assert_true ((trickle == NULL) == (error != NULL));
  g_clear_error (&error);
  answer = lockstep_answer_finish (text, known_offer (), addresses, &error);
  g_assert_true ((answer == NULL) == (error != NULL));
  g_clear_error (&error);
  /* a server's answer to what is offered here, and an offer that is none */
  read = lockstep_answer_read (data, size, known_offer ()->sdp, &error);
  g_assert_true ((read == NULL) == (error != NULL));
  g_assert_true (read == NULL || count_sections (read) == 1);
  g_clear_error (&error);
  own = lockstep_offer_finish (text, TRUE, &error);
  g_assert_true ((own == NULL) == (error != NULL));
  g_clear_error (&error);
  source = strstr (text, "a=ssrc:");
  with_fec = lockstep_offer_add_fec (text, source == NULL ? 77
      : g_ascii_strtoull (source + strlen ("a=ssrc:"), NULL, 10), 78, &payload);
  g_assert_true (payload >= 0 || g_str_equal (with_fec, text));
  without_fec = lockstep_answer_take_fec (with_fec, payload, &taken);
  g_assert_true (taken || g_str_equal (without_fec, with_fec));
  fragment = lockstep_trickle_write (text, lines, TRUE, &error);
  g_assert_true ((fragment == NULL) == (error != NULL));
  g_clear_error (&error);
  link = lockstep_ice_link_header (text, &error);
  g_assert_true ((link == NULL) == (error != NULL));
  g_assert_true (link == NULL || strpbrk (link, "\r\n") == NULL);
  g_clear_error (&error);
  g_ptr_array_add (fingerprints, text);
  g_assert_false (lockstep_certificate_matches (text, fingerprints, &error));
  g_assert_nonnull (error);
}

/* What a file says of plain RTP: what is kept is kept again, and has fields. */
static void
fuzz_plain (const char *data, gsize size)
{
  static const char *const taken[] = { "OPUS", "H264", NULL };
  g_autofree char *text = g_strndup (size > 0 ? data : "", size);
  g_autoptr (GError) error = NULL;
  g_autofree char *kept = lockstep_sdp_plain_normalize (text, taken, &error);
  g_autofree char *again = NULL;

  g_assert_true ((kept == NULL) == (error != NULL));
  if (kept == NULL)
    return;
  again = lockstep_sdp_plain_normalize (kept, taken, &error);
  g_assert_no_error (error);
  g_assert_cmpstr (kept, ==, again);
  for (guint i = 0; lockstep_sdp_plain_fields[i] != NULL; i++) {
    g_autofree char *value =
        lockstep_sdp_plain_field (kept, lockstep_sdp_plain_fields[i]);
    g_autoptr (GstCaps) caps = NULL;

    g_assert_nonnull (value);
    if (value[0] == '\0'
        || !g_str_has_suffix (lockstep_sdp_plain_fields[i], "-caps"))
      continue;
    caps = gst_caps_from_string (value);
    if (caps == NULL)
      g_error ("no caps: %s\n%s", value, kept);
  }
}

int
LLVMFuzzerTestOneInput (const guint8 * data, gsize size)
{
  static gsize once = 0;

  if (g_once_init_enter (&once)) {
    gst_init (NULL, NULL);
    g_once_init_leave (&once, 1);
  }
  for (guint i = 0; i < G_N_ELEMENTS (sides); i++)
    fuzz_offer (&sides[i], (const char *) data, size);
  fuzz_others ((const char *) data, size);
  fuzz_plain ((const char *) data, size);
  return 0;
}
