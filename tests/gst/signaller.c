/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Tests of Ayame's and Sora's signalling, message by message. */
#include <gst/lockstep/deflate.h>
#include <gst/lockstep/signaller.h>

#include <json-glib/json-glib.h>
#include <string.h>

#define SECOND (G_GINT64_CONSTANT (1000000000))
#define CANDIDATE "candidate:1 1 udp 1 192.0.2.1 9 typ host"

static LockstepSignaller *
opened (LockstepSignallerProtocol protocol)
{
  LockstepSignallerConfig config = {.protocol = protocol,.channel = "room",
    .client_id = "me",.audio = TRUE,.video = TRUE,.metadata = "{\"a\":1}",
    .key = "secret"
  };
  LockstepSignaller *s = lockstep_signaller_new (&config, NULL);

  g_assert_nonnull (s);
  lockstep_signaller_opened (s, 0);
  return s;
}

static void
say (LockstepSignaller * s, const char *text)
{
  lockstep_signaller_message (s, NULL, text, strlen (text), SECOND);
}

static LockstepSignal *
expect (LockstepSignaller * s, LockstepSignalType type)
{
  LockstepSignal *signal = lockstep_signaller_next (s);

  g_assert_nonnull (signal);
  g_assert_cmpint (signal->type, ==, type);
  return signal;
}

static void
expect_text (LockstepSignaller * s, LockstepSignalType type, const char *text)
{
  g_autoptr (LockstepSignal) signal = expect (s, type);

  g_assert_cmpstr (signal->text, ==, text);
}

/* Compares as JSON: the order of members is nobody's business. */
static void
expect_send (LockstepSignaller * s, const char *label, const char *json)
{
  g_autoptr (LockstepSignal) signal = expect (s, LOCKSTEP_SIGNAL_SEND);
  g_autoptr (JsonNode) got = json_from_string (signal->text, NULL);
  g_autoptr (JsonNode) wanted = json_from_string (json, NULL);

  g_assert_nonnull (wanted);
  g_assert_cmpstr (signal->label, ==, label);
  if (!json_node_equal (got, wanted))
    g_error ("sent %s, expected %s", signal->text, json);
}

static void
expect_nothing (LockstepSignaller * s)
{
  g_assert_null (lockstep_signaller_next (s));
}

static void
expect_closed (LockstepSignaller * s, gboolean retry, const char *part)
{
  g_autoptr (LockstepSignal) signal = expect (s, LOCKSTEP_SIGNAL_CLOSED);

  g_assert_cmpint (signal->retry, ==, retry);
  if (!strstr (signal->text, part))
    g_error ("\"%s\" does not say \"%s\"", signal->text, part);
  expect_nothing (s);
  say (s, "{\"type\":\"ping\"}");
  expect_nothing (s);
}

#define AYAME_REGISTER "{\"type\":\"register\",\"roomId\":\"room\"," \
    "\"clientId\":\"me\",\"signalingKey\":\"secret\",\"key\":\"secret\"," \
    "\"authnMetadata\":{\"a\":1},\"ayameClient\":\"Lockstep\"}"

static void
test_ayame_second_in_the_room (void)
{
  g_autoptr (LockstepSignaller) s = opened (LOCKSTEP_SIGNALLER_AYAME);
  LockstepSignal *signal;

  expect_send (s, NULL, AYAME_REGISTER);
  /* nothing of a peer before we are let in */
  say (s, "{\"type\":\"offer\",\"sdp\":\"v=0\"}");
  expect_nothing (s);
  say (s, "{\"type\":\"accept\",\"isExistClient\":true,\"iceServers\":["
      "{\"urls\":[\"stun:a:1\"]},{\"urls\":\"turn:b:2\",\"username\":\"u\","
      "\"credential\":\"c\"}]}");
  expect_text (s, LOCKSTEP_SIGNAL_ICE_SERVER, "stun:a:1");
  signal = expect (s, LOCKSTEP_SIGNAL_ICE_SERVER);
  g_assert_cmpstr (signal->text, ==, "turn:b:2");
  g_assert_cmpstr (signal->username, ==, "u");
  g_assert_cmpstr (signal->credential, ==, "c");
  lockstep_signal_free (signal);
  expect_text (s, LOCKSTEP_SIGNAL_MAKE_OFFER, NULL);
  lockstep_signaller_description (s, TRUE, "v=0 ours");
  expect_send (s, NULL, "{\"type\":\"offer\",\"sdp\":\"v=0 ours\"}");
  lockstep_signaller_candidate (s, 1, "v", CANDIDATE);
  expect_send (s, NULL, "{\"type\":\"candidate\",\"ice\":{\"candidate\":\""
      CANDIDATE "\",\"sdpMid\":\"v\",\"sdpMLineIndex\":1}}");
  lockstep_signaller_candidate (s, 1, "v", "");
  expect_nothing (s);
  say (s, "{\"type\":\"answer\",\"sdp\":\"v=0 theirs\"}");
  expect_text (s, LOCKSTEP_SIGNAL_ANSWER, "v=0 theirs");
  /* one offer, one answer */
  say (s, "{\"type\":\"answer\",\"sdp\":\"v=0 again\"}");
  expect_nothing (s);
  say (s, "{\"type\":\"candidate\",\"ice\":{\"candidate\":\"" CANDIDATE
      "\",\"sdpMLineIndex\":1,\"sdpMid\":\"v\"}}");
  signal = expect (s, LOCKSTEP_SIGNAL_CANDIDATE);
  g_assert_cmpstr (signal->text, ==, CANDIDATE);
  g_assert_cmpuint (signal->mline, ==, 1);
  g_assert_cmpstr (signal->mid, ==, "v");
  lockstep_signal_free (signal);
  say (s, "{\"type\":\"ping\"}");
  expect_send (s, NULL, "{\"type\":\"pong\"}");
  say (s, "{\"type\":\"bye\"}");
  expect_closed (s, TRUE, "left room");
}

static void
test_ayame_first_in_the_room (void)
{
  g_autoptr (LockstepSignaller) s = opened (LOCKSTEP_SIGNALLER_AYAME);

  expect_send (s, NULL, AYAME_REGISTER);
  say (s,
      "{\"type\":\"accept\",\"isExistClient\":false,\"isExistUser\":false}");
  expect_nothing (s);
  /* it may take for ever, as long as the server lives */
  for (gint64 now = SECOND; now < 600 * SECOND; now += 5 * SECOND) {
    lockstep_signaller_message (s, NULL, "{\"type\":\"ping\"}", 15, now);
    expect_send (s, NULL, "{\"type\":\"pong\"}");
    lockstep_signaller_tick (s, now);
    expect_nothing (s);
  }
  say (s, "{\"type\":\"offer\",\"sdp\":\"v=0 theirs\"}");
  expect_text (s, LOCKSTEP_SIGNAL_OFFER, "v=0 theirs");
  lockstep_signaller_description (s, FALSE, "v=0 ours");
  expect_send (s, NULL, "{\"type\":\"answer\",\"sdp\":\"v=0 ours\"}");
  lockstep_signaller_close (s);
  expect_send (s, NULL, "{\"type\":\"bye\"}");
  expect_closed (s, FALSE, "here");
}

static void
test_ayame_rejects (void)
{
  g_autoptr (LockstepSignaller) full = opened (LOCKSTEP_SIGNALLER_AYAME);
  g_autoptr (LockstepSignaller) wrong = opened (LOCKSTEP_SIGNALLER_AYAME);

  expect_send (full, NULL, AYAME_REGISTER);
  say (full, "{\"type\":\"reject\",\"reason\":\"full\"}");
  expect_closed (full, TRUE, "full");
  expect_send (wrong, NULL, AYAME_REGISTER);
  say (wrong, "{\"type\":\"reject\",\"reason\":\"InvalidSignalingKey\"}");
  expect_closed (wrong, FALSE, "InvalidSignalingKey");
}

static void
say_deflated (LockstepSignaller * s, const char *label, const char *text)
{
  g_autoptr (GBytes) stream = lockstep_deflate (text, strlen (text));
  gsize bytes;
  const char *data = g_bytes_get_data (stream, &bytes);

  lockstep_signaller_data (s, label, data, bytes, SECOND);
}

#define SORA_CONNECT "{\"type\":\"connect\",\"role\":\"sendonly\"," \
    "\"channel_id\":\"room\",\"client_id\":\"me\",\"metadata\":{\"a\":1}," \
    "\"audio\":true,\"video\":true,\"sora_client\":\"Lockstep\"}"

static void
test_sora_session (void)
{
  g_autoptr (LockstepSignaller) s = opened (LOCKSTEP_SIGNALLER_SORA);
  LockstepSignal *signal;

  expect_send (s, NULL, SORA_CONNECT);
  say (s, "{\"type\":\"offer\",\"sdp\":\"v=0 theirs\",\"config\":{"
      "\"iceServers\":[{\"urls\":[\"turn:b:2\"],\"username\":\"u\","
      "\"credential\":\"c\"}],\"iceTransportPolicy\":\"relay\"},"
      "\"encodings\":[{\"rid\":\"r0\"}],\"data_channels\":["
      "{\"label\":\"signaling\",\"compress\":true},{\"label\":\"stats\"}]}");
  expect_text (s, LOCKSTEP_SIGNAL_ICE_SERVER, "turn:b:2");
  expect_text (s, LOCKSTEP_SIGNAL_RELAY_ONLY, NULL);
  expect_text (s, LOCKSTEP_SIGNAL_ENCODINGS, "[{\"rid\":\"r0\"}]");
  expect_text (s, LOCKSTEP_SIGNAL_OFFER, "v=0 theirs");
  lockstep_signaller_description (s, FALSE, "v=0 ours");
  expect_send (s, NULL, "{\"type\":\"answer\",\"sdp\":\"v=0 ours\"}");
  lockstep_signaller_candidate (s, 0, "0", CANDIDATE);
  expect_send (s, NULL, "{\"type\":\"candidate\",\"candidate\":\"" CANDIDATE
      "\",\"sdpMid\":\"0\",\"sdpMLineIndex\":0}");
  say (s, "{\"type\":\"ping\",\"stats\":false}");
  expect_send (s, NULL, "{\"type\":\"pong\"}");
  say (s, "{\"type\":\"ping\",\"stats\":true}");
  expect_text (s, LOCKSTEP_SIGNAL_STATS, NULL);
  lockstep_signaller_stats (s, "[{\"id\":\"x\"}]");
  expect_send (s, NULL, "{\"type\":\"pong\",\"stats\":[{\"id\":\"x\"}]}");
  say (s, "{\"type\":\"notify\",\"event_type\":\"connection.created\"}");
  expect_text (s, LOCKSTEP_SIGNAL_NOTIFY,
      "{\"type\":\"notify\",\"event_type\":\"connection.created\"}");
  say (s, "{\"type\":\"re-offer\",\"sdp\":\"v=0 more\"}");
  expect_text (s, LOCKSTEP_SIGNAL_OFFER, "v=0 more");
  lockstep_signaller_description (s, FALSE, "v=0 again");
  expect_send (s, NULL, "{\"type\":\"re-answer\",\"sdp\":\"v=0 again\"}");
  /* one offer, one answer; the older name is answered by the older name */
  lockstep_signaller_description (s, FALSE, "v=0 again");
  expect_nothing (s);
  say (s, "{\"type\":\"update\",\"sdp\":\"v=0 third\"}");
  expect_text (s, LOCKSTEP_SIGNAL_OFFER, "v=0 third");
  lockstep_signaller_description (s, FALSE, "v=0 ours, third");
  expect_send (s, NULL, "{\"type\":\"update\",\"sdp\":\"v=0 ours, third\"}");

  say (s, "{\"type\":\"switched\",\"ignore_disconnect_websocket\":true}");
  expect_text (s, LOCKSTEP_SIGNAL_SWITCHED, NULL);
  /* the WebSocket may go now, and silence there means nothing */
  lockstep_signaller_disconnected (s, 1000, NULL);
  lockstep_signaller_tick (s, 1000 * SECOND);
  expect_nothing (s);
  lockstep_signaller_data (s, "stats", "{\"type\":\"req-stats\"}", 20, 0);
  expect_text (s, LOCKSTEP_SIGNAL_STATS, NULL);
  lockstep_signaller_stats (s, "none");
  expect_send (s, "stats", "{\"type\":\"stats\",\"reports\":[]}");
  say_deflated (s, "signaling", "{\"type\":\"re-offer\",\"sdp\":\"v=0\"}");
  expect_text (s, LOCKSTEP_SIGNAL_OFFER, "v=0");
  lockstep_signaller_description (s, FALSE, "v=0");
  signal = expect (s, LOCKSTEP_SIGNAL_SEND);
  g_assert_cmpstr (signal->label, ==, "signaling");
  g_assert_true (signal->compressed);
  lockstep_signal_free (signal);
  lockstep_signaller_close (s);
  expect_send (s, "signaling",
      "{\"type\":\"disconnect\",\"reason\":\"NO-ERROR\"}");
  expect_closed (s, FALSE, "here");
}

static void
test_sora_offers_at_the_wrong_time (void)
{
  g_autoptr (LockstepSignaller) early = opened (LOCKSTEP_SIGNALLER_SORA);
  g_autoptr (LockstepSignaller) twice = opened (LOCKSTEP_SIGNALLER_SORA);
  g_autoptr (LockstepSignaller) empty = opened (LOCKSTEP_SIGNALLER_SORA);

  expect_send (early, NULL, SORA_CONNECT);
  say (early, "{\"type\":\"re-offer\",\"sdp\":\"v=0\"}");
  expect_nothing (early);
  say (early, "{\"type\":\"offer\",\"sdp\":\"v=0\"}");
  expect_text (early, LOCKSTEP_SIGNAL_OFFER, "v=0");
  say (early, "{\"type\":\"re-offer\",\"sdp\":\"v=0\"}");
  expect_closed (early, TRUE, "before the last one is answered");

  expect_send (twice, NULL, SORA_CONNECT);
  say (twice, "{\"type\":\"offer\",\"sdp\":\"v=0\"}");
  expect_text (twice, LOCKSTEP_SIGNAL_OFFER, "v=0");
  lockstep_signaller_description (twice, FALSE, "v=0");
  expect_send (twice, NULL, "{\"type\":\"answer\",\"sdp\":\"v=0\"}");
  /* a first offer comes once */
  say (twice, "{\"type\":\"offer\",\"sdp\":\"v=0\"}");
  expect_nothing (twice);
  say (twice, "{\"type\":\"re-offer\",\"sdp\":\"v=0 a\"}");
  expect_text (twice, LOCKSTEP_SIGNAL_OFFER, "v=0 a");
  say (twice, "{\"type\":\"update\",\"sdp\":\"v=0 b\"}");
  expect_closed (twice, TRUE, "before the last one is answered");

  expect_send (empty, NULL, SORA_CONNECT);
  say (empty, "{\"type\":\"offer\",\"sdp\":\"v=0\"}");
  expect_text (empty, LOCKSTEP_SIGNAL_OFFER, "v=0");
  lockstep_signaller_description (empty, FALSE, "v=0");
  lockstep_signal_free (expect (empty, LOCKSTEP_SIGNAL_SEND));
  say (empty, "{\"type\":\"re-offer\",\"sdp\":1}");
  expect_closed (empty, TRUE, "re-offer has no SDP");
}

/* A session whose channels are open: signaling compressed, the others not. */
static LockstepSignaller *
with_channels (void)
{
  LockstepSignaller *s = opened (LOCKSTEP_SIGNALLER_SORA);

  say (s, "{\"type\":\"offer\",\"sdp\":\"v=0\",\"data_channels\":["
      "{\"label\":\"signaling\",\"compress\":true},{\"label\":\"notify\"},"
      "{\"label\":\"push\",\"compress\":false},{\"label\":\"#x\"}, 1]}");
  lockstep_signaller_description (s, FALSE, "v=0");
  for (guint i = 0; i < 3; i++)
    lockstep_signal_free (lockstep_signaller_next (s));
  expect_nothing (s);
  return s;
}

static void
say_over (LockstepSignaller * s, const char *label, const char *text)
{
  lockstep_signaller_data (s, label, text, strlen (text), SECOND);
}

/* Each channel has messages of its own; on others nothing is for us. */
static void
test_sora_channels (void)
{
  g_autoptr (LockstepSignaller) s = with_channels ();
  g_autoptr (LockstepSignal) signal = NULL;

  say_over (s, "notify", "{\"type\":\"notify\"}");
  expect_text (s, LOCKSTEP_SIGNAL_NOTIFY, "{\"type\":\"notify\"}");
  say_over (s, "push", "{\"type\":\"push\",\"data\":1}");
  expect_text (s, LOCKSTEP_SIGNAL_NOTIFY, "{\"type\":\"push\",\"data\":1}");
  say_over (s, "notify", "{\"type\":\"close\",\"code\":1}");
  say_over (s, "push", "{\"type\":\"redirect\",\"location\":\"ws://x\"}");
  say_over (s, "rpc", "{\"jsonrpc\":\"2.0\",\"id\":1}");
  say_over (s, "#x", "not JSON");
  say_deflated (s, "signaling", "{\"type\":\"switched\"}");
  say_deflated (s, "signaling", "{\"type\":\"ping\"}");
  say_deflated (s, "signaling", "{\"type\":\"offer\",\"sdp\":\"v=0\"}");
  expect_nothing (s);

  say (s, "{\"type\":\"switched\",\"ignore_disconnect_websocket\":false}");
  signal = expect (s, LOCKSTEP_SIGNAL_SWITCHED);
  g_assert_false (signal->alone);
  say_deflated (s, "signaling", "{\"type\":\"close\",\"code\":4490,"
      "\"reason\":\"LIFETIME-EXPIRED\"}");
  expect_closed (s, TRUE, "4490: LIFETIME-EXPIRED");
}

/* The WebSocket is still needed where the server does not say otherwise. */
static void
test_sora_switched_with_websocket (void)
{
  g_autoptr (LockstepSignaller) s = with_channels ();
  g_autoptr (LockstepSignal) signal = NULL;

  say (s, "{\"type\":\"switched\"}");
  signal = expect (s, LOCKSTEP_SIGNAL_SWITCHED);
  lockstep_signaller_disconnected (s, 1006, NULL);
  expect_closed (s, TRUE, "closed the connection");
}

static void
test_hostile_streams (void)
{
  g_autoptr (LockstepSignaller) plain = with_channels ();
  g_autoptr (LockstepSignaller) cut = with_channels ();
  g_autoptr (LockstepSignaller) more = with_channels ();
  g_autoptr (LockstepSignaller) bomb = with_channels ();
  g_autoptr (GBytes) stream = lockstep_deflate ("{\"type\":\"close\"}", 16);
  gsize n;
  const char *data = g_bytes_get_data (stream, &n);
  g_autofree char *longer = g_malloc0 (n + 1);
  g_autofree char *blank = g_malloc (64 * 1024 * 1024);
  g_autoptr (GBytes) small = NULL;

  say_over (plain, "signaling", "{\"type\":\"close\"}");
  expect_closed (plain, TRUE, "no zlib stream");
  lockstep_signaller_data (cut, "signaling", data, n - 1, 0);
  expect_closed (cut, TRUE, "no zlib stream");
  memcpy (longer, data, n);
  lockstep_signaller_data (more, "signaling", longer, n + 1, 0);
  expect_closed (more, TRUE, "no zlib stream");
  memset (blank, ' ', 64 * 1024 * 1024);
  small = lockstep_deflate (blank, 64 * 1024 * 1024);
  data = g_bytes_get_data (small, &n);
  g_assert_cmpuint (n, <, LOCKSTEP_SIGNALLER_MAX_BYTES);
  lockstep_signaller_data (bomb, "signaling", data, n, 0);
  expect_closed (bomb, TRUE, "more than");
  g_assert_null (lockstep_inflate ("", 0, 10));
}

static void
test_sora_redirects_once (void)
{
  g_autoptr (LockstepSignaller) s = opened (LOCKSTEP_SIGNALLER_SORA);
  g_autoptr (LockstepSignaller) odd = opened (LOCKSTEP_SIGNALLER_SORA);

  expect_send (s, NULL, SORA_CONNECT);
  say (s, "{\"type\":\"redirect\",\"location\":\"wss://b/signaling\"}");
  expect_text (s, LOCKSTEP_SIGNAL_REDIRECT, "wss://b/signaling");
  /* the old connection's end is in order */
  lockstep_signaller_disconnected (s, 1000, NULL);
  lockstep_signaller_opened (s, 0);
  lockstep_signal_free (expect (s, LOCKSTEP_SIGNAL_SEND));
  say (s, "{\"type\":\"redirect\",\"location\":\"wss://c/signaling\"}");
  expect_closed (s, TRUE, "twice");

  expect_send (odd, NULL, SORA_CONNECT);
  say (odd, "{\"type\":\"redirect\",\"location\":\"file:///etc/passwd\"}");
  expect_closed (odd, TRUE, "no WebSocket URL");
}

static void
test_sora_asks_for_what_it_was_told (void)
{
  LockstepSignallerConfig config = {.protocol = LOCKSTEP_SIGNALLER_SORA,
    .channel = "c",.video = TRUE,.video_codec = "H264",.video_bitrate = 5000,
    .simulcast = TRUE,.data_channel_signaling = TRUE,
    .ignore_disconnect_websocket = TRUE,.bundle_id = "b",
    .notify_metadata = "\"n\"",.data_channels = "[{\"label\":\"#x\"}]"
  };
  g_autoptr (LockstepSignaller) s = lockstep_signaller_new (&config, NULL);

  lockstep_signaller_opened (s, 0);
  expect_send (s, NULL, "{\"type\":\"connect\",\"role\":\"sendonly\","
      "\"channel_id\":\"c\",\"bundle_id\":\"b\","
      "\"signaling_notify_metadata\":\"n\",\"audio\":false,"
      "\"video\":{\"codec_type\":\"H264\",\"bit_rate\":5000},"
      "\"simulcast\":true,\"data_channel_signaling\":true,"
      "\"ignore_disconnect_websocket\":true,"
      "\"data_channels\":[{\"label\":\"#x\"}],\"sora_client\":\"Lockstep\"}");
}

static void
test_servers_that_fall_silent (void)
{
  g_autoptr (LockstepSignaller) sora = opened (LOCKSTEP_SIGNALLER_SORA);
  g_autoptr (LockstepSignaller) ayame = opened (LOCKSTEP_SIGNALLER_AYAME);

  lockstep_signal_free (lockstep_signaller_next (sora));
  lockstep_signaller_tick (sora, 14 * SECOND);
  expect_nothing (sora);
  lockstep_signaller_tick (sora, 16 * SECOND);
  expect_closed (sora, TRUE, "no offer");
  lockstep_signal_free (lockstep_signaller_next (ayame));
  lockstep_signaller_tick (ayame, 100 * SECOND);
  expect_closed (ayame, TRUE, "silent");
}

static void
test_broken_messages_end_it (void)
{
  static const char *const broken[] = {
    "", "x", "[]", "{}", "{\"type\":1}", "{\"type\":", "\"type\"", "null",
    "{\"type\":\"\xff\"}",
  };

  for (guint i = 0; i < G_N_ELEMENTS (broken); i++) {
    g_autoptr (LockstepSignaller) s = opened (LOCKSTEP_SIGNALLER_SORA);

    lockstep_signal_free (lockstep_signaller_next (s));
    say (s, broken[i]);
    expect_closed (s, TRUE, "no message");
  }
}

static void
test_hostile_sizes (void)
{
  g_autoptr (LockstepSignaller) deep = opened (LOCKSTEP_SIGNALLER_AYAME);
  g_autoptr (LockstepSignaller) hidden = opened (LOCKSTEP_SIGNALLER_AYAME);
  g_autoptr (LockstepSignaller) large = opened (LOCKSTEP_SIGNALLER_AYAME);
  g_autoptr (LockstepSignaller) many = opened (LOCKSTEP_SIGNALLER_AYAME);
  g_autofree char *text = g_malloc (1000000);
  LockstepSignal *signal;

  memset (text, '[', 1000000);
  lockstep_signal_free (lockstep_signaller_next (deep));
  lockstep_signaller_message (deep, NULL, text, 100000, 0);
  expect_closed (deep, TRUE, "no message");
  /* a quote in a comment, which json-glib knows, does not begin a string */
  memcpy (text, "/*\"*/", 5);
  lockstep_signal_free (lockstep_signaller_next (hidden));
  lockstep_signaller_message (hidden, NULL, text, 200000, 0);
  expect_closed (hidden, TRUE, "no message");
  memset (text, ' ', 1000000);
  memcpy (text, "{\"type\":\"ping\"}", 15);
  lockstep_signal_free (lockstep_signaller_next (large));
  lockstep_signaller_message (large, NULL, text, 1000000, 0);
  expect_closed (large, TRUE, "no message");
  say (many, "{\"type\":\"accept\"}");
  for (guint i = 0; i <= LOCKSTEP_SIGNALLER_MAX_CANDIDATES; i++)
    say (many, "{\"type\":\"candidate\",\"ice\":{\"candidate\":\"c\"}}");
  while ((signal = lockstep_signaller_next (many))
      && signal->type != LOCKSTEP_SIGNAL_CLOSED)
    lockstep_signal_free (signal);
  g_assert_nonnull (signal);
  g_assert_nonnull (strstr (signal->text, "candidates"));
  lockstep_signal_free (signal);
}

static void
test_settings_that_cannot_be (void)
{
  LockstepSignallerConfig config = { 0 };
  g_autoptr (GError) error = NULL;

  g_assert_null (lockstep_signaller_new (&config, &error));
  g_assert_error (error, LOCKSTEP_SIGNALLER_ERROR,
      LOCKSTEP_SIGNALLER_ERROR_CONFIG);
  g_clear_error (&error);
  config.channel = "c";
  config.metadata = "{a:1}";
  g_assert_null (lockstep_signaller_new (&config, &error));
  g_assert_error (error, LOCKSTEP_SIGNALLER_ERROR,
      LOCKSTEP_SIGNALLER_ERROR_CONFIG);
  g_assert_nonnull (strstr (error->message, "metadata"));
  g_clear_error (&error);
  config.metadata = NULL;
  config.data_channels = "{}";
  g_assert_null (lockstep_signaller_new (&config, &error));
  g_assert_error (error, LOCKSTEP_SIGNALLER_ERROR,
      LOCKSTEP_SIGNALLER_ERROR_CONFIG);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/ayame/second", test_ayame_second_in_the_room);
  g_test_add_func ("/ayame/first", test_ayame_first_in_the_room);
  g_test_add_func ("/ayame/rejects", test_ayame_rejects);
  g_test_add_func ("/sora/session", test_sora_session);
  g_test_add_func ("/sora/offers", test_sora_offers_at_the_wrong_time);
  g_test_add_func ("/sora/channels", test_sora_channels);
  g_test_add_func ("/sora/switched", test_sora_switched_with_websocket);
  g_test_add_func ("/sora/streams", test_hostile_streams);
  g_test_add_func ("/sora/redirect", test_sora_redirects_once);
  g_test_add_func ("/sora/settings", test_sora_asks_for_what_it_was_told);
  g_test_add_func ("/signaller/silence", test_servers_that_fall_silent);
  g_test_add_func ("/signaller/broken", test_broken_messages_end_it);
  g_test_add_func ("/signaller/hostile", test_hostile_sizes);
  g_test_add_func ("/signaller/settings", test_settings_that_cannot_be);
  return g_test_run ();
}
