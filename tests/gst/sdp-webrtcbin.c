/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What webrtcbin really answers to a rewritten offer: without this, the SDP
 * rules would be beliefs. No media flows; each wait has an end. */
#define GST_USE_UNSTABLE_API
#include <gst/lockstep/sdp.h>

#include <gst/gst.h>
#include <gst/sdp/sdp.h>
#include <gst/webrtc/webrtc.h>
#include <string.h>

#include "../common/webrtc-loopback.h"

#define WAIT_SECONDS 20

static const char *const audio[] = { "OPUS", NULL };
static const char *const video[] = { "H264", NULL };

typedef struct
{
  GMainLoop *loop;
  GstElement *webrtc;
  const LockstepOffer *offer;
  char *failure;
  gboolean answered;
  guint n_transceivers;
} Session;

static void
session_fail (Session * s, const char *text)
{
  if (s->failure == NULL)
    s->failure = g_strdup (text);
  g_main_loop_quit (s->loop);
}

static gboolean
on_timeout (gpointer user_data)
{
  session_fail (user_data, "timed out");
  return G_SOURCE_REMOVE;
}

/* GStreamer's threads end a wait by making this check run in the loop. */
static gboolean
check_gathered (gpointer user_data)
{
  Session *s = user_data;
  GstWebRTCICEGatheringState state;

  g_object_get (s->webrtc, "ice-gathering-state", &state, NULL);
  if (s->answered && state == GST_WEBRTC_ICE_GATHERING_STATE_COMPLETE)
    g_main_loop_quit (s->loop);
  return G_SOURCE_REMOVE;
}

static void
on_gathering (GstElement * webrtc, GParamSpec * pspec, Session * s)
{
  g_idle_add (check_gathered, s);
}

static gboolean
reply_is_error (GstPromise * promise, Session * s, const char *what)
{
  const GstStructure *reply = gst_promise_get_reply (promise);
  g_autoptr (GError) error = NULL;

  if (reply == NULL || !gst_structure_has_field (reply, "error"))
    return FALSE;
  gst_structure_get (reply, "error", G_TYPE_ERROR, &error, NULL);
  g_printerr ("%s: %s\n", what, error != NULL ? error->message : "?");
  session_fail (s, what);
  return TRUE;
}

static void
on_local_set (GstPromise * promise, gpointer user_data)
{
  Session *s = user_data;

  if (!reply_is_error (promise, s, "set-local-description")) {
    s->answered = TRUE;
    g_idle_add (check_gathered, s);
  }
  gst_promise_unref (promise);
}

static void
on_answer (GstPromise * promise, gpointer user_data)
{
  Session *s = user_data;
  GstWebRTCSessionDescription *answer = NULL;

  if (!reply_is_error (promise, s, "create-answer")) {
    gst_structure_get (gst_promise_get_reply (promise), "answer",
        GST_TYPE_WEBRTC_SESSION_DESCRIPTION, &answer, NULL);
    g_signal_emit_by_name (s->webrtc, "set-local-description", answer,
        gst_promise_new_with_change_func (on_local_set, s, NULL));
    gst_webrtc_session_description_free (answer);
  }
  gst_promise_unref (promise);
}

static void
on_remote_set (GstPromise * promise, gpointer user_data)
{
  Session *s = user_data;

  if (!reply_is_error (promise, s, "set-remote-description"))
    g_signal_emit_by_name (s->webrtc, "create-answer", NULL,
        gst_promise_new_with_change_func (on_answer, s, NULL));
  gst_promise_unref (promise);
}

static void
add_transceivers (Session * s)
{
  for (guint i = 0; i < s->offer->media->len; i++) {
    const LockstepOfferMedia *media = s->offer->media->pdata[i];
    g_autoptr (GstCaps) caps = lockstep_offer_media_caps (media);
    GstWebRTCRTPTransceiver *transceiver = NULL;

    if (caps == NULL)
      continue;
    g_signal_emit_by_name (s->webrtc, "add-transceiver",
        GST_WEBRTC_RTP_TRANSCEIVER_DIRECTION_RECVONLY, caps, &transceiver);
    g_assert_nonnull (transceiver);
    if (media->rtx_payload >= 0)
      g_object_set (transceiver, "do-nack", TRUE, NULL);
    gst_object_unref (transceiver);
    s->n_transceivers++;
  }
}

/* webrtcbin's own answer to this text, all candidates in it. */
static char *
answer_of_webrtcbin (const LockstepOffer * offer)
{
  g_autoptr (GstElement) pipeline = gst_pipeline_new (NULL);
  g_autoptr (GMainLoop) loop = g_main_loop_new (NULL, FALSE);
  GstWebRTCSessionDescription *description = NULL;
  GstSDPMessage *message = NULL;
  Session s = { loop, NULL, offer };
  char *text = NULL;
  guint timeout;

  s.webrtc = gst_element_factory_make ("webrtcbin", NULL);
  g_object_set (s.webrtc, "bundle-policy",
      GST_WEBRTC_BUNDLE_POLICY_MAX_BUNDLE, NULL);
  gst_bin_add (GST_BIN (pipeline), s.webrtc);
  use_loopback (s.webrtc);
  g_signal_connect (s.webrtc, "notify::ice-gathering-state",
      G_CALLBACK (on_gathering), &s);
  gst_element_set_state (pipeline, GST_STATE_PLAYING);
  add_transceivers (&s);

  g_assert_cmpint (gst_sdp_message_new_from_text (offer->sdp, &message), ==,
      GST_SDP_OK);
  description =
      gst_webrtc_session_description_new (GST_WEBRTC_SDP_TYPE_OFFER, message);
  g_signal_emit_by_name (s.webrtc, "set-remote-description", description,
      gst_promise_new_with_change_func (on_remote_set, &s, NULL));
  gst_webrtc_session_description_free (description);
  timeout = g_timeout_add_seconds (WAIT_SECONDS, on_timeout, &s);
  g_main_loop_run (loop);
  if (s.failure == NULL || !g_str_equal (s.failure, "timed out"))
    g_source_remove (timeout);
  g_assert_cmpstr (s.failure, ==, NULL);

  description = NULL;
  g_object_get (s.webrtc, "local-description", &description, NULL);
  g_assert_nonnull (description);
  text = gst_sdp_message_as_text (description->sdp);
  gst_webrtc_session_description_free (description);
  gst_element_set_state (pipeline, GST_STATE_NULL);
  while (g_main_context_iteration (NULL, FALSE));
  return text;
}

static char *
read_file (const char *name)
{
  g_autofree char *path = g_build_filename (g_getenv ("LOCKSTEP_SOURCE_ROOT"),
      "tests", "files", "sdp", name, NULL);
  g_autoptr (GError) error = NULL;
  char *text = NULL;

  g_file_get_contents (path, &text, NULL, &error);
  g_assert_no_error (error);
  return text;
}

static guint
count (const char *text, const char *line)
{
  g_auto (GStrv) lines = g_strsplit (text, "\r\n", -1);
  guint n = 0;

  for (guint i = 0; lines[i] != NULL; i++)
    n += g_str_has_prefix (lines[i], line);
  return n;
}

/* Each line of the section m=@kind of @text, joined. */
static char *
section_of (const char *text, const char *kind)
{
  g_autofree char *start = g_strdup_printf ("\r\nm=%s ", kind);
  const char *begin = strstr (text, start);
  const char *end;

  if (begin == NULL)
    return NULL;
  begin += 2;
  end = strstr (begin, "\r\nm=");
  return end != NULL ? g_strndup (begin, end + 2 - begin) : g_strdup (begin);
}

static void
assert_line (const char *text, const char *line)
{
  g_autofree char *whole = g_strdup_printf ("%s\r\n", line);

  if (strstr (text, whole) == NULL)
    g_error ("no line \"%s\" in:\n%s", line, text);
}

static void
assert_video (const char *answer, const LockstepOfferMedia * media)
{
  g_autofree char *section = section_of (answer, "video");
  const int pt = media->payload;
  g_autofree char *lines =
      g_strdup_printf ("a=rtpmap:%d H264/90000;a=rtcp-fb:%d nack;"
      "a=rtcp-fb:%d nack pli;a=rtcp-fb:%d ccm fir;a=rtcp-fb:%d transport-cc;"
      "a=rtpmap:%d rtx/90000;a=fmtp:%d apt=%d", pt, pt, pt, pt, pt,
      media->rtx_payload, media->rtx_payload, pt);
  g_auto (GStrv) needed = g_strsplit (lines, ";", -1);
  g_autofree char *fmtp = g_strdup_printf ("a=fmtp:%d "
      "level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42e01f",
      pt);

  g_assert_nonnull (section);
  for (guint i = 0; needed[i] != NULL; i++)
    assert_line (section, needed[i]);
  assert_line (section, fmtp);
  assert_line (section, "a=recvonly");
  assert_line (section, "a=rtcp-mux");
}

static void
assert_extmap (const char *answer, const char *kind,
    const LockstepOfferMedia * media, const char *uri)
{
  g_autofree char *section = section_of (answer, kind);

  for (guint i = 0; i < media->extmaps->len; i++) {
    const LockstepExtmap *map =
        &g_array_index (media->extmaps, LockstepExtmap, i);

    if (g_str_equal (map->uri, uri)) {
      g_autofree char *line = g_strdup_printf ("a=extmap:%u %s", map->id, uri);

      assert_line (section, line);
      return;
    }
  }
  g_error ("%s was not offered", uri);
}

static void
test_answer (gconstpointer user_data)
{
  g_autofree char *body = read_file (user_data);
  g_autoptr (GError) error = NULL;
  g_autoptr (LockstepOffer) offer =
      lockstep_offer_parse (body, strlen (body), audio, video, &error);
  g_autofree char *raw = NULL;
  g_autofree char *answer = NULL;
  const gboolean chromium = g_str_has_prefix (user_data, "chromium");
  guint sections;

  g_assert_no_error (error);
  raw = answer_of_webrtcbin (offer);
  answer = lockstep_answer_finish (raw, offer, NULL, &error);
  if (error != NULL)
    g_printerr ("%s\n%s\n", offer->sdp, raw);
  g_assert_no_error (error);
  g_test_message ("%s", answer);

  sections = count (answer, "m=");
  g_assert_cmpuint (sections, ==, offer->media->len);
  g_assert_cmpuint (count (answer, "a=mid:"), ==, offer->bundle_added ? 0
      : sections);
  g_assert_cmpuint (count (answer, "a=end-of-candidates"), ==, 1);
  g_assert_cmpuint (count (answer, "a=fingerprint:sha-256 "), ==, sections);
  assert_line (answer, "a=setup:active");
  g_assert_nonnull (strstr (answer, " 127.0.0.1 "));
  g_assert_null (strstr (answer, "tcptype active"));
  g_assert_null (strstr (answer, " fe80:"));
  for (guint i = 0; i < offer->media->len; i++) {
    const LockstepOfferMedia *media = offer->media->pdata[i];

    if (media->kind == LOCKSTEP_MEDIA_VIDEO && chromium)
      assert_video (answer, media);
    if (chromium) {
      assert_extmap (answer, media->kind_name, media,
          "http://www.ietf.org/id/"
          "draft-holmer-rmcat-transport-wide-cc-extensions-01");
      assert_extmap (answer, media->kind_name, media,
          "urn:ietf:params:rtp-hdrext:sdes:mid");
    }
    if (g_str_equal (user_data, "chromium-abs-capture.sdp"))
      assert_extmap (answer, media->kind_name, media,
          "http://www.webrtc.org/experiments/rtp-hdrext/abs-capture-time");
    if (media->kind == LOCKSTEP_MEDIA_AUDIO) {
      g_autofree char *section = section_of (answer, "audio");
      g_autofree char *fmtp = g_strdup_printf
          ("a=fmtp:%d minptime=10;stereo=1;useinbandfec=1", media->payload);

      assert_line (section, fmtp);
      assert_line (section, "a=recvonly");
    }
  }
}

/* The same offer with one thing changed, and a line that must come of it. */
static void
check_variant (const char *from, const char *to, const char *line)
{
  g_autofree char *body = read_file ("chromium-default.sdp");
  g_autoptr (GString) text = g_string_new (body);
  g_autoptr (LockstepOffer) offer = NULL;
  g_autoptr (GError) error = NULL;
  g_autofree char *raw = NULL;
  g_autofree char *answer = NULL;

  g_assert_cmpuint (g_string_replace (text, from, to, 0), >, 0);
  offer = lockstep_offer_parse (text->str, text->len, audio, video, &error);
  g_assert_no_error (error);
  raw = answer_of_webrtcbin (offer);
  answer = lockstep_answer_finish (raw, offer, NULL, &error);
  g_assert_no_error (error);
  assert_line (answer, line);
  g_assert_cmpuint (count (answer, "m="), ==, 2);
}

static void
test_variants (void)
{
  check_variant ("a=setup:actpass", "a=setup:active", "a=setup:passive");
  check_variant ("a=sendonly", "a=sendrecv", "a=recvonly");
  check_variant ("a=group:BUNDLE 0 1", "a=group:BUNDLE 1 0",
      "a=group:BUNDLE 1 0");
  check_variant ("m=audio 34870 ", "m=audio 0 ", "a=group:BUNDLE 1");
  check_variant ("useinbandfec=1", "useinbandfec=1;stereo=1;sprop-stereo=1;"
      "maxcapturerate=16000", "a=recvonly");
  check_variant ("42e01f", "640c1f",
      "a=fmtp:102 level-asymmetry-allowed=1;packetization-mode=1;"
      "profile-level-id=42001f");
}

int
main (int argc, char **argv)
{
  static const char *const names[] = {
    "chromium-h264-opus", "chromium-default", "chromium-video",
    "chromium-audio", "chromium-canvas", "chromium-simulcast",
    "chromium-abs-capture", "firefox", "firefox-153", "firefox-153-page",
    "libdatachannel", "bare"
  };
  g_autoptr (GstElementFactory) factory = NULL;

  gst_init (&argc, &argv);
  g_test_init (&argc, &argv, NULL);
  factory = gst_element_factory_find ("webrtcbin");
  if (factory == NULL) {
    g_printerr ("webrtcbin is missing: apt-get install "
        "gstreamer1.0-plugins-bad gstreamer1.0-nice\n");
    return 77;
  }
  for (guint i = 0; i < G_N_ELEMENTS (names); i++) {
    g_autofree char *path = g_strdup_printf ("/sdp/webrtcbin/%s", names[i]);
    g_autofree char *file = g_strdup_printf ("%s.sdp", names[i]);

    g_test_add_data_func_full (path, g_steal_pointer (&file), test_answer,
        g_free);
  }
  g_test_add_func ("/sdp/webrtcbin/variants", test_variants);
  return g_test_run ();
}
