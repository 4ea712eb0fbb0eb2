/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Several pictures of one source: what a server says of them, what an offer takes, what is
 * answered, and what each gets. */
#include "sdp-common.h"

#include <gst/lockstep/simulcast.h>

#define RID "urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id"
#define REPAIRED "urn:ietf:params:rtp-hdrext:sdes:repaired-rtp-stream-id"

/* As Sora's */
#define SIMULCAST "a=rid:r0 recv\na=rid:r1 recv\na=rid:r2 recv\n" \
    "a=simulcast:recv r0;r1;r2\n"
#define EXTENSIONS "a=extmap:10 " RID "\na=extmap:11 " REPAIRED "\n"

static const LockstepOfferFlags flags = LOCKSTEP_OFFER_VIEWER
    | LOCKSTEP_OFFER_SIMULCAST;

static LockstepOffer *
parse_text (const char *text)
{
  g_autoptr (GError) error = NULL;
  LockstepOffer *offer = lockstep_offer_parse_with (text, strlen (text), flags,
      audio, video, &error);

  g_assert_no_error (error);
  return offer;
}

/* The viewer's offer with @lines at the end of its picture's section. */
static char *
offer_text (const char *lines)
{
  g_autofree char *base = replace (OFFER, "a=sendonly", "a=recvonly");

  return g_strconcat (base, lines, NULL);
}

static const LockstepOfferMedia *
picture (const LockstepOffer * offer)
{
  return g_ptr_array_index (offer->media, 1);
}

/* "r0 ~r1 r2" */
static char *
rids_text (const LockstepOfferMedia * media)
{
  GString *out = g_string_new (NULL);

  for (guint i = 0; media->rids != NULL && i < media->rids->len; i++) {
    const LockstepRid *rid = g_ptr_array_index (media->rids, i);

    g_string_append_printf (out, "%s%s%s", i > 0 ? " " : "",
        rid->paused ? "~" : "", rid->rid);
  }
  return g_string_free (out, FALSE);
}

static const struct
{
  const char *lines, *rids;
} offers[] = {
  {SIMULCAST EXTENSIONS, "r0 r1 r2"},
  {"", ""},
  {EXTENSIONS, ""},
  /* without what packets are known by */
  {SIMULCAST, ""},
  {SIMULCAST "a=extmap:11 " REPAIRED "\n", ""},
  {SIMULCAST "a=extmap:15 " RID "\n", ""},
  {SIMULCAST "a=extmap:10/sendonly " RID "\n", ""},
  {SIMULCAST "a=extmap:10 " RID "\n", "r0 r1 r2"},
  {SIMULCAST "a=extmap:10/recvonly " RID "\n", "r0 r1 r2"},
  /* the other way, and both */
  {"a=rid:x send\na=simulcast:send x\n" EXTENSIONS, ""},
  {"a=rid:x send\na=rid:y recv\na=simulcast:send x recv y\n" EXTENSIONS, "y"},
  {"a=rid:x send\na=rid:y recv\na=simulcast:recv y send x\n" EXTENSIONS, "y"},
  {"a=rid:x send\na=simulcast:recv x\n" EXTENSIONS, ""},
  /* paused, and alternatives */
  {"a=rid:a recv\na=rid:b recv\na=simulcast:recv ~a;b\n" EXTENSIONS, "~a b"},
  {"a=rid:a recv pt=96\na=rid:b recv pt=97,98\na=rid:c recv\n"
        "a=simulcast:recv a,~b,c;c\n" EXTENSIONS, "~b c"},
  /* restrictions */
  {"a=rid:a recv max-width=640;max-height=360;max-fps=15;max-br=500000\n"
        "a=simulcast:recv a\n" EXTENSIONS, "a"},
  {"a=rid:a recv pt=98;max-width=640\na=simulcast:recv a\n" EXTENSIONS, "a"},
  {"a=rid:a recv pt=96\na=simulcast:recv a\n" EXTENSIONS, ""},
  {"a=rid:a recv max-width=0\na=simulcast:recv a\n" EXTENSIONS, ""},
  {"a=rid:a recv max-width=-1\na=simulcast:recv a\n" EXTENSIONS, ""},
  {"a=rid:a recv max-width=99999999999\na=simulcast:recv a\n" EXTENSIONS, ""},
  {"a=rid:a recv max-width\na=simulcast:recv a\n" EXTENSIONS, ""},
  {"a=rid:a recv depend=b\na=simulcast:recv a\n" EXTENSIONS, ""},
  {"a=rid:a recv unheard-of=1\na=rid:b recv\na=simulcast:recv a;b\n"
        EXTENSIONS, "b"},
  /* names */
  {"a=rid:a-b recv\na=simulcast:recv a-b\n" EXTENSIONS, ""},
  {"a=rid:0123456789abcdef recv\na=simulcast:recv 0123456789abcdef\n"
        EXTENSIONS, "0123456789abcdef"},
  {"a=rid:0123456789abcdefg recv\na=simulcast:recv 0123456789abcdefg\n"
        EXTENSIONS, ""},
  /* twice, or not at all, or broken */
  {SIMULCAST "a=simulcast:recv r0\n" EXTENSIONS, ""},
  {SIMULCAST "a=rid:r1 recv\n" EXTENSIONS, "r0 r2"},
  {"a=rid:a recv\na=simulcast:recv a;a\n" EXTENSIONS, "a"},
  {"a=rid:ab recv\na=rid:a recvonly\na=simulcast:recv a\n" EXTENSIONS, ""},
  {"a=simulcast:recv a;b\n" EXTENSIONS, ""},
  {"a=rid:a recv\na=simulcast:recv\n" EXTENSIONS, ""},
  {"a=rid:a recv\na=simulcast:\n" EXTENSIONS, ""},
  {"a=rid:a recv\na=simulcast:recv ;;,~;a\n" EXTENSIONS, "a"},
};

static void
test_offers (void)
{
  for (guint i = 0; i < G_N_ELEMENTS (offers); i++) {
    g_autofree char *text = offer_text (offers[i].lines);
    g_autoptr (LockstepOffer) offer = parse_text (text);
    g_autofree char *rids = rids_text (picture (offer));
    gboolean any = rids[0] != '\0';

    g_test_message ("%s", offers[i].lines);
    g_assert_cmpstr (rids, ==, offers[i].rids);
    g_assert_cmpint (picture (offer)->rids != NULL, ==, any);
    /* webrtcbin is told of the extension where it is used, and of no rid */
    g_assert_cmpint (strstr (offer->sdp, RID) != NULL, ==, any);
    g_assert_null (strstr (offer->sdp, "a=rid"));
    g_assert_null (strstr (offer->sdp, "a=simulcast"));
    if (!any)
      g_assert_null (strstr (offer->sdp, REPAIRED));
  }
}

static void
test_offer_details (void)
{
  g_autofree char *text = offer_text ("a=rid:a recv max-width=640;"
      "max-height=360; max-fps=15;max-br=500000\na=simulcast:recv a\n"
      EXTENSIONS);
  g_autofree char *no_mid = replace (text, "a=extmap:4 " MID "\n", "");
  g_autofree char *long_mid =
      replace (text, "a=mid:v", "a=mid:0123456789abcdefg");
  g_autofree char *grouped = replace (long_mid, "BUNDLE a v",
      "BUNDLE a 0123456789abcdefg");
  g_autoptr (LockstepOffer) offer = parse_text (text);
  g_autoptr (LockstepOffer) without = parse_text (no_mid);
  g_autoptr (LockstepOffer) too_long = parse_text (grouped);
  g_autoptr (LockstepOffer) plain = lockstep_offer_parse_viewer (text,
      strlen (text), audio, video, NULL);
  const LockstepRid *rid = g_ptr_array_index (picture (offer)->rids, 0);

  g_assert_cmpuint (rid->max_width, ==, 640);
  g_assert_cmpuint (rid->max_height, ==, 360);
  g_assert_cmpuint (rid->max_fps, ==, 15);
  g_assert_cmpuint (rid->max_bitrate, ==, 500000);
  g_assert_cmpuint (lockstep_offer_media_extension (picture (offer),
          LOCKSTEP_EXTENSION_MID), ==, 4);
  g_assert_cmpuint (lockstep_offer_media_extension (picture (offer),
          LOCKSTEP_EXTENSION_RID), ==, 10);
  g_assert_cmpuint (lockstep_offer_media_extension (picture (offer),
          LOCKSTEP_EXTENSION_REPAIRED_RID), ==, 11);
  g_assert_null (picture (without)->rids);
  g_assert_null (picture (too_long)->rids);
  /* who sends one picture reads none of it */
  g_assert_null (picture (plain)->rids);
  g_assert_null (strstr (plain->sdp, RID));
}

/* More than anybody takes. */
static void
test_offer_bounds (void)
{
  g_autoptr (GString) lines = g_string_new (EXTENSIONS);
  g_autoptr (GString) list = g_string_new (NULL);
  g_autofree char *text = NULL;
  g_autoptr (LockstepOffer) offer = NULL;

  for (guint i = 0; i < 200; i++) {
    g_string_append_printf (lines, "a=rid:n%u recv\n", i);
    g_string_append_printf (list, "%sn%u", i > 0 ? ";" : "", i);
  }
  g_string_append_printf (lines, "a=simulcast:recv %s\n", list->str);
  text = offer_text (lines->str);
  offer = parse_text (text);
  g_assert_cmpuint (picture (offer)->rids->len, ==, LOCKSTEP_SIMULCAST_MAX);
}

static const struct
{
  const char *json, *error;
} encodings[] = {
  {"[]", NULL},
  {"[{\"rid\":\"r0\"}]", NULL},
  {"[{\"rid\":\"r0\",\"active\":false,\"maxBitrate\":1,\"maxFramerate\":0.5,"
        "\"scaleResolutionDownBy\":64,\"priority\":\"low\","
        "\"scaleResolutionDownTo\":{\"maxWidth\":1,\"maxHeight\":65536},"
        "\"scalabilityMode\":\"L1T1\",\"minBitrate\":-5}]", NULL},
  {"[{\"rid\":\"r0\",\"maxBitrate\":null,\"scaleResolutionDownTo\":null}]",
      NULL},
  {"", "no array"},
  {"{", "no array"},
  {"{}", "no array"},
  {"[1]", "no object"},
  {"[null]", "no object"},
  {"[[]]", "no object"},
  {"[{}]", "no rid"},
  {"[{\"rid\":1}]", "no rid"},
  {"[{\"rid\":[]}]", "no rid"},
  {"[{\"rid\":\"\"}]", "no rid"},
  {"[{\"rid\":\"a b\"}]", "no rid"},
  {"[{\"rid\":\"a\\r\\nb\"}]", "no rid"},
  {"[{\"rid\":\"0123456789abcdefg\"}]", "no rid"},
  {"[{\"rid\":\"r0\"},{\"rid\":\"r0\"}]", "twice"},
  {"[{\"rid\":\"r0\",\"active\":1}]", "neither"},
  {"[{\"rid\":\"r0\",\"active\":{}}]", "neither"},
  {"[{\"rid\":\"r0\",\"maxBitrate\":\"1M\"}]", "maxBitrate"},
  {"[{\"rid\":\"r0\",\"maxBitrate\":0}]", "maxBitrate"},
  {"[{\"rid\":\"r0\",\"maxBitrate\":-1}]", "maxBitrate"},
  {"[{\"rid\":\"r0\",\"maxBitrate\":1e12}]", "maxBitrate"},
  {"[{\"rid\":\"r0\",\"maxBitrate\":true}]", "no number"},
  {"[{\"rid\":\"r0\",\"maxFramerate\":0}]", "maxFramerate"},
  {"[{\"rid\":\"r0\",\"maxFramerate\":1001}]", "maxFramerate"},
  {"[{\"rid\":\"r0\",\"scaleResolutionDownBy\":0.99}]", "scaleResolution"},
  {"[{\"rid\":\"r0\",\"scaleResolutionDownBy\":1e400}]", ""},
  {"[{\"rid\":\"r0\",\"scaleResolutionDownBy\":65}]", "scaleResolution"},
  {"[{\"rid\":\"r0\",\"scaleResolutionDownTo\":3}]", "no object"},
  {"[{\"rid\":\"r0\",\"scaleResolutionDownTo\":{\"maxWidth\":0}}]",
      "maxWidth"},
  {"[{\"rid\":\"a\"},{\"rid\":\"b\"},{\"rid\":\"c\"},{\"rid\":\"d\"},"
        "{\"rid\":\"e\"},{\"rid\":\"f\"},{\"rid\":\"g\"},{\"rid\":\"h\"},"
        "{\"rid\":\"i\"}]", "more than 8"},
};

static void
test_encodings (void)
{
  for (guint i = 0; i < G_N_ELEMENTS (encodings); i++) {
    g_autoptr (GError) error = NULL;
    g_autoptr (GArray) all = lockstep_encodings_parse (encodings[i].json,
        &error);

    g_test_message ("%s", encodings[i].json);
    g_assert_cmpint (all == NULL, ==, encodings[i].error != NULL);
    g_assert_cmpint (error == NULL, ==, encodings[i].error == NULL);
    if (error != NULL) {
      g_assert_true (error->domain == LOCKSTEP_SDP_ERROR);
      g_assert_nonnull (strstr (error->message, encodings[i].error));
    }
  }
}

static void
test_encoding_details (void)
{
  g_autoptr (GArray) all = lockstep_encodings_parse ("[{\"rid\":\"r0\","
      "\"active\":false,\"maxBitrate\":200000,\"maxFramerate\":14.2,"
      "\"scaleResolutionDownBy\":4},{\"rid\":\"R1\","
      "\"scaleResolutionDownTo\":{\"maxWidth\":640,\"maxHeight\":360}}]", NULL);
  const LockstepEncoding *e = &g_array_index (all, LockstepEncoding, 0);

  g_assert_cmpuint (all->len, ==, 2);
  g_assert_cmpstr (e[0].rid, ==, "r0");
  g_assert_false (e[0].active);
  g_assert_cmpuint (e[0].max_bitrate, ==, 200000);
  g_assert_cmpuint (e[0].max_framerate, ==, 15);
  g_assert_cmpfloat (e[0].scale, ==, 4);
  g_assert_cmpstr (e[1].rid, ==, "R1");
  g_assert_true (e[1].active);
  g_assert_cmpuint (e[1].max_bitrate, ==, 0);
  g_assert_cmpuint (e[1].max_width, ==, 640);
  g_assert_cmpuint (e[1].max_height, ==, 360);
}

/* Plans */

static const LockstepEncode encodes[] = { {4000000}, {500000}, {150000} };

static GPtrArray *
rids_of (const char *lines)
{
  g_autofree char *text = offer_text (lines);
  g_autoptr (LockstepOffer) offer = parse_text (text);

  return g_ptr_array_ref (picture (offer)->rids);
}

/* "r0:2:320x180:150000 r1:…", with "@15" behind a size where frames are left out */
static char *
plan_text (const GArray * layers)
{
  GString *out = g_string_new (NULL);

  for (guint i = 0; i < layers->len; i++) {
    const LockstepLayer *l = &g_array_index (layers, LockstepLayer, i);

    g_string_append_printf (out, "%s%s:%u:%ux%u", i > 0 ? " " : "", l->rid,
        l->encode, l->width, l->height);
    if (l->fps > 0)
      g_string_append_printf (out, "@%u", l->fps);
    g_string_append_printf (out, ":%" G_GUINT64_FORMAT, l->max);
    g_assert_cmpuint (l->min, >, 0);
    g_assert_cmpuint (l->min, <=, l->max);
  }
  return g_string_free (out, FALSE);
}

#define SORA "[{\"rid\":\"r0\",\"active\":true,\"maxBitrate\":200000," \
    "\"scaleResolutionDownBy\":4},{\"rid\":\"r1\",\"active\":true," \
    "\"maxBitrate\":700000,\"scaleResolutionDownBy\":2},{\"rid\":\"r2\"," \
    "\"active\":true,\"maxBitrate\":2500000,\"scaleResolutionDownBy\":1}]"

static const struct
{
  const char *lines, *encodings;
  guint width, height, fps, n_encodes;
  const char *plan;
} plans[] = {
  {SIMULCAST EXTENSIONS, SORA, 1280, 720, 30, 3, "r0:2:320x180:200000 "
        "r1:1:640x360:700000 r2:0:1280x720:2500000"},
  /* nothing is said: W3C's sizes, the preset's bitrates */
  {SIMULCAST EXTENSIONS, NULL, 1280, 720, 30, 3, "r0:2:320x180:150000 "
        "r1:1:640x360:500000 r2:0:1280x720:4000000"},
  {SIMULCAST EXTENSIONS, "[]", 1280, 720, 30, 3, "r0:2:320x180:150000 "
        "r1:1:640x360:500000 r2:0:1280x720:4000000"},
  /* fewer encoders: those in between go */
  {SIMULCAST EXTENSIONS, SORA, 1280, 720, 30, 2,
      "r0:1:320x180:200000 r2:0:1280x720:2500000"},
  {SIMULCAST EXTENSIONS, SORA, 1280, 720, 30, 1, "r2:0:1280x720:2500000"},
  /* inactive ones take no encoder */
  {SIMULCAST EXTENSIONS, "[{\"rid\":\"r0\",\"scaleResolutionDownBy\":4},"
        "{\"rid\":\"r1\",\"scaleResolutionDownBy\":2},"
        "{\"rid\":\"r2\",\"active\":false}]", 1280, 720, 30, 3,
      "r0:1:320x180:500000 r1:0:640x360:4000000"},
  {SIMULCAST EXTENSIONS, "[{\"rid\":\"r0\",\"active\":false},"
        "{\"rid\":\"r1\",\"active\":false},{\"rid\":\"r2\",\"active\":false}]",
      1280, 720, 30, 3, ""},
  /* a rid that is not said more of; an encoding that is not taken */
  {SIMULCAST EXTENSIONS, "[{\"rid\":\"r1\",\"scaleResolutionDownBy\":3},"
        "{\"rid\":\"zz\",\"scaleResolutionDownBy\":8},"
        "{\"rid\":\"r0\",\"active\":false}]", 1280, 720, 30, 3,
      "r1:1:426x240:500000 r2:0:1280x720:4000000"},
  /* in any order */
  {SIMULCAST EXTENSIONS, "[{\"rid\":\"r0\",\"scaleResolutionDownBy\":1},"
        "{\"rid\":\"r1\",\"scaleResolutionDownBy\":2},"
        "{\"rid\":\"r2\",\"scaleResolutionDownBy\":4}]", 1280, 720, 30, 3,
      "r2:2:320x180:150000 r1:1:640x360:500000 r0:0:1280x720:4000000"},
  /* frames: fewer than the source's alone */
  {SIMULCAST EXTENSIONS, "[{\"rid\":\"r0\",\"maxFramerate\":15},"
        "{\"rid\":\"r1\",\"maxFramerate\":30},"
        "{\"rid\":\"r2\",\"maxFramerate\":60}]", 1280, 720, 30, 3,
      "r0:2:320x180@15:150000 r1:1:640x360:500000 r2:0:1280x720:4000000"},
  {SIMULCAST EXTENSIONS, "[{\"rid\":\"r2\",\"maxFramerate\":60}]", 640, 480, 0,
      1, "r2:0:640x480@60:4000000"},
  /* sizes to fit into, which turn with the picture */
  {SIMULCAST EXTENSIONS,
        "[{\"rid\":\"r0\",\"scaleResolutionDownTo\":{\"maxWidth\":320,"
        "\"maxHeight\":180}},{\"rid\":\"r1\",\"active\":false},"
        "{\"rid\":\"r2\",\"scaleResolutionDownTo\":{\"maxWidth\":9999,"
        "\"maxHeight\":9999}}]", 1280, 720, 30, 3,
      "r0:1:320x180:500000 r2:0:1280x720:4000000"},
  {SIMULCAST EXTENSIONS,
        "[{\"rid\":\"r0\",\"scaleResolutionDownTo\":{\"maxWidth\":320,"
        "\"maxHeight\":180}},{\"rid\":\"r1\",\"active\":false},"
        "{\"rid\":\"r2\",\"active\":false}]", 720, 1280, 30, 3,
      "r0:0:180x320:4000000"},
  /* the offer's own limits */
  {"a=rid:a recv max-width=320;max-br=90000;max-fps=10\na=rid:b recv\n"
        "a=simulcast:recv a;b\n" EXTENSIONS, NULL, 1280, 720, 30, 3,
      "a:1:320x180@10:90000 b:0:1280x720:4000000"},
  {"a=rid:a recv\na=rid:b recv\na=simulcast:recv a;~b\n" EXTENSIONS, NULL,
      1280, 720, 30, 3, "a:0:640x360:4000000"},
  /* what the server says is newer than what the offer began with */
  {"a=rid:a recv\na=rid:b recv\na=simulcast:recv a;~b\n" EXTENSIONS,
        "[{\"rid\":\"b\"}]", 1280, 720, 30, 3,
      "a:1:640x360:500000 b:0:1280x720:4000000"},
  /* even sides, and never nothing */
  {SIMULCAST EXTENSIONS, "[{\"rid\":\"r0\",\"scaleResolutionDownBy\":64},"
        "{\"rid\":\"r1\",\"active\":false},"
        "{\"rid\":\"r2\",\"scaleResolutionDownBy\":1.5}]", 641, 361, 30, 3,
      "r0:1:16x16:500000 r2:0:426x240:4000000"},
};

static void
test_plans (void)
{
  for (guint i = 0; i < G_N_ELEMENTS (plans); i++) {
    g_autoptr (GPtrArray) rids = rids_of (plans[i].lines);
    g_autoptr (GError) error = NULL;
    g_autoptr (GArray) said = plans[i].encodings == NULL ? NULL
        : lockstep_encodings_parse (plans[i].encodings, &error);
    g_autoptr (GArray) layers = lockstep_simulcast_plan (rids, said,
        plans[i].width, plans[i].height, plans[i].fps, encodes,
        plans[i].n_encodes);
    g_autofree char *text = plan_text (layers);

    g_assert_no_error (error);
    g_assert_cmpstr (text, ==, plans[i].plan);
  }
}

/* Shares */

static GArray *
sora_layers (void)
{
  g_autoptr (GPtrArray) rids = rids_of (SIMULCAST EXTENSIONS);
  g_autoptr (GArray) said = lockstep_encodings_parse (SORA, NULL);

  return lockstep_simulcast_plan (rids, said, 1280, 720, 30, encodes, 3);
}

static void
test_share (void)
{
  static const struct
  {
    guint64 total, had[3], got[3];
  } cases[] = {
    {10000000, {1, 1, 1}, {200000, 700000, 2500000}},
    {3400000, {1, 1, 1}, {200000, 700000, 2500000}},
    {2000000, {1, 1, 1}, {200000, 700000, 1100000}},
    /* 0.5 Mbit/s is the largest one's least; 0.6 to begin with */
    {1400000, {1, 1, 1}, {200000, 700000, 500000}},
    {1399999, {1, 1, 1}, {200000, 700000, 0}},
    {1499999, {1, 1, 0}, {200000, 700000, 0}},
    {1500000, {1, 1, 0}, {200000, 700000, 600000}},
    {500000, {1, 1, 0}, {200000, 300000, 0}},
    {340000, {1, 1, 0}, {200000, 140000, 0}},
    {339999, {1, 1, 1}, {200000, 0, 0}},
    {367999, {1, 0, 0}, {200000, 0, 0}},
    {368000, {1, 0, 0}, {200000, 168000, 0}},
    {100000, {1, 1, 1}, {100000, 0, 0}},
    /* the smallest is always sent */
    {1000, {1, 1, 1}, {40000, 0, 0}},
    {0, {0, 0, 0}, {40000, 0, 0}},
  };
  g_autoptr (GArray) layers = sora_layers ();

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++) {
    guint64 bitrates[3], sum;

    memcpy (bitrates, cases[i].had, sizeof bitrates);
    sum = lockstep_simulcast_share (layers, cases[i].total, bitrates);
    for (guint l = 0; l < 3; l++)
      g_assert_cmpuint (bitrates[l], ==, cases[i].got[l]);
    g_assert_cmpuint (sum, ==, bitrates[0] + bitrates[1] + bitrates[2]);
  }
}

/* At any rate and after any past: within the limits, no more than there is, none without
 * its smaller neighbour, and more for more. */
static void
test_share_holds (void)
{
  g_autoptr (GArray) layers = sora_layers ();
  g_autoptr (GRand) rand = g_rand_new_with_seed (5);

  for (guint round = 0; round < 20000; round++) {
    guint64 bitrates[3], more[3];
    guint64 total = g_rand_int_range (rand, 0, 5000000), sum, larger;

    for (guint l = 0; l < 3; l++)
      bitrates[l] = more[l] = g_rand_boolean (rand);
    sum = lockstep_simulcast_share (layers, total, bitrates);
    larger = lockstep_simulcast_share (layers, total + 50000, more);
    g_assert_cmpuint (sum, <=, MAX (total, 40000));
    g_assert_cmpuint (larger, >=, sum);
    for (guint l = 0; l < 3; l++) {
      const LockstepLayer *layer = &g_array_index (layers, LockstepLayer, l);

      g_assert_true (bitrates[l] == 0 || bitrates[l] >= layer->min);
      g_assert_cmpuint (bitrates[l], <=, layer->max);
      g_assert_true (l == 0 || bitrates[l] == 0 || bitrates[l - 1] > 0);
    }
  }
}

/* Answers */

static const char webrtcbin_answer[] =
    "v=0\r\no=- 5 0 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\na=group:BUNDLE a v\r\n"
    "m=audio 9 UDP/TLS/RTP/SAVPF 111\r\nc=IN IP4 0.0.0.0\r\na=mid:a\r\n"
    "a=ice-ufrag:x\r\na=ice-pwd:y\r\na=fingerprint:sha-256 " DIGEST "\r\n"
    "a=setup:active\r\na=sendonly\r\na=ssrc:5 cname:c\r\n"
    "a=candidate:1 1 UDP 2015363327 192.0.2.9 5000 typ host\r\n"
    "m=video 9 UDP/TLS/RTP/SAVPF 98 99\r\nc=IN IP4 0.0.0.0\r\na=mid:v\r\n"
    "a=ice-ufrag:x\r\na=ice-pwd:y\r\na=fingerprint:sha-256 " DIGEST "\r\n"
    "a=setup:active\r\na=sendonly\r\na=rtpmap:98 H264/90000\r\n"
    "a=ssrc-group:FID 6 7\r\na=ssrc:6 cname:c\r\na=ssrc:7 cname:c\r\n"
    "a=extmap:4 " MID "\r\na=extmap:10 " RID "\r\na=extmap:11 " REPAIRED "\r\n";

static void
test_answer (void)
{
  static const struct
  {
    const char *encodings;
    guint n_encodes;
    const char *lines;
  } cases[] = {
    {SORA, 3, "a=rid:r0 send\r\na=rid:r1 send\r\na=rid:r2 send\r\n"
          "a=simulcast:send r0;r1;r2\r\n"},
    /* with no encoder for it: never */
    {SORA, 2, "a=rid:r0 send\r\na=rid:r2 send\r\na=simulcast:send r0;r2\r\n"},
    /* inactive: not now */
    {"[{\"rid\":\"r2\",\"active\":false}]", 3, "a=rid:r0 send\r\n"
          "a=rid:r1 send\r\na=rid:r2 send\r\na=simulcast:send r0;r1;~r2\r\n"},
    {"[{\"rid\":\"r0\",\"active\":false},{\"rid\":\"r1\",\"active\":false},"
          "{\"rid\":\"r2\",\"active\":false}]", 3, NULL},
  };
  g_autofree char *text = offer_text (SIMULCAST EXTENSIONS);

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++) {
    g_autoptr (LockstepOffer) offer = parse_text (text);
    LockstepOfferMedia *media = g_ptr_array_index (offer->media, 1);
    g_autoptr (GArray) said = lockstep_encodings_parse (cases[i].encodings,
        NULL);
    g_autoptr (GArray) layers = lockstep_simulcast_plan (media->rids, said,
        1280, 720, 30, encodes, cases[i].n_encodes);
    g_autoptr (GError) error = NULL;
    g_autofree char *answer = NULL;

    lockstep_simulcast_answer (media, layers, said);
    answer = lockstep_answer_finish (webrtcbin_answer, offer, NULL, &error);
    g_assert_no_error (error);
    if (cases[i].lines == NULL) {
      g_assert_null (strstr (answer, "a=rid"));
      g_assert_null (strstr (answer, "a=simulcast"));
      continue;
    }
    g_assert_nonnull (strstr (answer, cases[i].lines));
    g_assert_nonnull (strstr (answer, "a=extmap:4 " MID "\r\n"));
    g_assert_nonnull (strstr (answer, "a=extmap:10 " RID "\r\n"));
    g_assert_nonnull (strstr (answer, "a=extmap:11 " REPAIRED "\r\n"));
    /* the sound's stays */
    g_assert_nonnull (strstr (answer, "a=ssrc:5 "));
    g_assert_null (strstr (answer, "a=ssrc:6 "));
    g_assert_null (strstr (answer, "a=ssrc-group"));
  }
}

/* Another offer in the same session takes the same pictures. */
static void
test_continues (void)
{
  static const struct
  {
    const char *from, *to;
    gboolean same;
  } cases[] = {
    {NULL, NULL, TRUE},
    {"recv r0;r1;r2", "recv r0;r1", FALSE},
    {"recv r0;r1;r2", "recv r0;~r1;r2", FALSE},
    {"a=rid:r1 recv", "a=rid:r1 recv max-width=100", FALSE},
    {"a=simulcast:recv r0;r1;r2\n", "", FALSE},
  };
  g_autofree char *text = offer_text (SIMULCAST EXTENSIONS);
  g_autoptr (LockstepOffer) before = parse_text (text);

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++) {
    g_autofree char *again = replace (text, cases[i].from, cases[i].to);
    g_autoptr (LockstepOffer) offer = parse_text (again);

    g_assert_cmpint (lockstep_offer_continues (offer, before, NULL), ==,
        cases[i].same);
  }
}

int
main (int argc, char **argv)
{
  gst_init (&argc, &argv);
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/simulcast/offers", test_offers);
  g_test_add_func ("/simulcast/offer-details", test_offer_details);
  g_test_add_func ("/simulcast/offer-bounds", test_offer_bounds);
  g_test_add_func ("/simulcast/encodings", test_encodings);
  g_test_add_func ("/simulcast/encoding-details", test_encoding_details);
  g_test_add_func ("/simulcast/plans", test_plans);
  g_test_add_func ("/simulcast/share", test_share);
  g_test_add_func ("/simulcast/share-holds", test_share_holds);
  g_test_add_func ("/simulcast/answer", test_answer);
  g_test_add_func ("/simulcast/continues", test_continues);
  return g_test_run ();
}
