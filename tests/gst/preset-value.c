/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The types of parameters: what each takes, how it is kept, what it refuses. */
#include "preset-common.h"

static LockstepPreset *
preset_with (const char *parameter, GPtrArray * faults)
{
  g_autofree char *json = g_strdup_printf ("{\"summary\":\"s\",\"pipeline\":"
      "[\"a\"],\"parameters\":{\"x\":{\"summary\":\"s\",%s}}}", parameter);

  return lockstep_preset_parse ("p", json, -1, faults);
}

#define DURATION "\"type\":\"duration\",\"unit\":\"ms\",\"max\":\"5s\""
#define SECONDS "\"type\":\"duration\",\"min\":0.5"
#define BITRATE "\"type\":\"bitrate\",\"min\":\"32k\",\"max\":\"8M\""
#define SIZE "\"type\":\"size\""
#define RENDITION "\"type\":\"rendition\""
#define RENDITIONS "\"type\":\"list\",\"items\":\"rendition\",\"max-items\":3"
#define NUMBERS "\"type\":\"list\",\"items\":\"int\",\"min-items\":1,\"max\":9"
#define SDP "\"type\":\"sdp\",\"encodings\":[\"OPUS\"],\"default\":\"\""
#define SDP_KEPT "v=0\no=- 0 0 IN IP4 127.0.0.1\ns=-\nt=0 0\n" \
  "m=audio 5004 RTP/AVP 96\nc=IN IP4 127.0.0.1\na=rtpmap:96 opus/48000/2\n"
#define WORD "\"type\":\"string\",\"pattern\":\"[a-z]+|-\""

static void
test_kept (void)
{
  static const struct
  {
    const char *parameter, *given, *kept;
  } cases[] = {
    {DURATION, "500", "500"},
    {DURATION, "500ms", "500"},
    {DURATION, "0.5s", "500"},
    {DURATION, "250us", "0.25"},
    {SECONDS, "2", "2"},
    {SECONDS, "1500ms", "1.5"},
    {SECONDS, "2m", "120"},
    {SECONDS, "1h", "3600"},
    {BITRATE, "128000", "128000"},
    {BITRATE, "128k", "128000"},
    {BITRATE, "2.5M", "2500000"},
    {SIZE, "1280x720", "1280x720"},
    {RENDITION, "1280x720@2500k", "1280x720@2500000"},
    {RENDITION, "640x360p25@800k", "640x360p25/1@800000"},
    {RENDITION, "640x360p30000/1001@800k", "640x360p30000/1001@800000"},
    {RENDITION, "passthrough", "passthrough"},
    {RENDITIONS, "", ""},
    {RENDITIONS, "passthrough, 640x360@800k", "passthrough,640x360@800000"},
    {NUMBERS, "1,2", "1,2"},
    {SDP, "", ""},
    {SDP, "v=0\r\no=x\r\nm=video 0 RTP/AVP 97\r\nm=audio 5004 RTP/AVPF 0 96\r\n"
          "a=rtpmap:96 opus/48000/2\r\na=fmtp:96 =x;b\r\na=sendonly\r\n",
        SDP_KEPT},
    {WORD, "abc", "abc"},
    {WORD, "-", "-"},
  };

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++) {
    g_autoptr (GPtrArray) faults = lockstep_faults_new ();
    g_autoptr (LockstepPreset) preset =
        preset_with (cases[i].parameter, faults);
    g_autofree char *word = g_strconcat ("x=", cases[i].given, NULL);
    const char *words[] = { word, NULL };
    g_autoptr (GHashTable) values =
        lockstep_preset_resolve (preset, words, NULL, faults);
    g_autofree char *text = faults_text (faults);
    g_autoptr (GHashTable) again = NULL;

    g_assert_cmpstr (text, ==, "");
    g_assert_cmpstr (g_hash_table_lookup (values, "x"), ==, cases[i].kept);
    /* what is kept is read as the same */
    g_free (word);
    words[0] = word = g_strconcat ("x=", cases[i].kept, NULL);
    again = lockstep_preset_resolve (preset, words, NULL, faults);
    g_assert_cmpstr (g_hash_table_lookup (again, "x"), ==, cases[i].kept);
  }
}

static void
test_refused (void)
{
  static const struct
  {
    const char *parameter, *given, *says;
  } cases[] = {
    {DURATION, "fast", "x: 'fast' is not a duration; write it as 500ms"},
    {DURATION, "1 s", "not a duration"},
    {DURATION, "1e3", "not a duration"},
    {DURATION, "", "not a duration"},
    {DURATION, "5001", "5001 is not between 0 and 5000 ms"},
    {DURATION, "-1ms", "-1ms is not between"},
    {SECONDS, "499ms", "499ms is below 0.5 s"},
    {BITRATE, "2,5M", "'2,5M' is not a bitrate; write it as 128k"},
    {BITRATE, "128kb", "not a bitrate"},
    {BITRATE, "0x10", "not a bitrate"},
    {BITRATE, "16k", "16k is not between 32000 and 8000000 bit/s"},
    {BITRATE, "99999999999999999999999", "not a bitrate"},
    {SIZE, "1280", "'1280' is not a size; write it as 1280x720"},
    {SIZE, "1280x721", "both even"},
    {SIZE, "0x0", "not a size"},
    {SIZE, "1280x720@1k", "not a size"},
    {SIZE, "99999999999x720", "not a size"},
    {RENDITION, "1280x720", "'1280x720' is not a rendition; write it as"},
    {RENDITION, "1280x720@", "not a rendition"},
    {RENDITION, "1280x720p@1M", "not a rendition"},
    {RENDITION, "1280x720p0@1M", "not a rendition"},
    {RENDITION, "1280x720p30/0@1M", "not a rendition"},
    {RENDITION, "1280x720 ! fakesink@1M", "not a rendition"},
    {RENDITIONS, "640x360@1M,", "x[1]: '' is not a rendition"},
    {RENDITIONS, "640x360@1M,bad,worse", "x[2]: 'worse' is not"},
    {RENDITIONS, "passthrough,passthrough,passthrough,passthrough",
        "4 items, not between 0 and 3"},
    {NUMBERS, "", "0 items, not between 1 and 16"},
    {NUMBERS, "1,10", "x[1]: 10 is above 9"},
    {SDP, "v=0\nm=audio 5004 RTP/AVP 0\n", "m=audio is 0; OPUS is taken here"},
    {SDP, "v=0\nm=audio 5004 RTP/AVP 200\n", "'200' is no payload type"},
    {SDP, "v=0\nm=audio 5004 RTP/AVP 96\na=rtpmap:96 opus\n",
        "a=rtpmap is not"},
    {SDP, "v=0\nm=audio 99999 RTP/AVP 96\n", "m= is not"},
    {WORD, "Abc", "'Abc' does not match the pattern"},
    {WORD, "abc\n", "does not match"},
    {WORD, "abc!", "does not match"},
    {WORD ",\"secret\":true", "Sesame", "x: '(hidden)' does not match"},
  };

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++) {
    g_autoptr (GPtrArray) faults = lockstep_faults_new ();
    g_autoptr (LockstepPreset) preset =
        preset_with (cases[i].parameter, faults);
    g_autofree char *word = g_strconcat ("x=", cases[i].given, NULL);
    const char *words[] = { word, NULL };
    g_autofree char *text = NULL;

    g_assert_null (lockstep_preset_resolve (preset, words, NULL, faults));
    text = faults_text (faults);
    g_test_message ("%s: %s", cases[i].given, text);
    g_assert_nonnull (strstr (text, cases[i].says));
  }
}

/* One test for each mistake in a parameter's description. */
static void
test_mistakes (void)
{
  static const struct
  {
    const char *parameter, *says;
  } cases[] = {
    {"\"type\":\"duration\",\"unit\":\"days\"",
        "parameters.x.unit: there is no unit 'days'"},
    {"\"type\":\"int\",\"unit\":\"ms\"", "'unit' is for duration only"},
    {"\"type\":\"duration\",\"min\":\"soon\"",
        "parameters.x.min: 'min' must be a number or a duration"},
    {"\"type\":\"bitrate\",\"max\":\"much\"",
        "parameters.x.max: 'max' must be a number or a bitrate"},
    {"\"type\":\"int\",\"max\":\"9\"", "'max' must be a number"},
    {"\"type\":\"size\",\"max\":9", "for int, double, duration and bitrate"},
    {"\"type\":\"bitrate\",\"default\":\"1M\",\"max\":\"500k\"",
        "parameters.x.default: 1M is not between"},
    {"\"type\":\"list\"", "'items' is missing"},
    {"\"type\":\"list\",\"items\":\"list\"", "no item type 'list'"},
    {"\"type\":\"list\",\"items\":\"words\"", "no item type 'words'"},
    {"\"type\":\"list\",\"items\":\"int\",\"max-items\":1000",
        "'max-items' must be a whole number from 0 to 64"},
    {"\"type\":\"list\",\"items\":\"int\",\"default\":[1,\"x\"]",
        "parameters.x.default[1]: 'x' is not a whole number"},
    {"\"type\":\"list\",\"items\":\"string\",\"default\":[\"a,b\"]",
        "an array of values without commas"},
    {"\"type\":\"list\",\"items\":\"enum\"", "an enum needs 'values'"},
    {"\"type\":\"int\",\"items\":\"int\"", "'items' is for list only"},
    {"\"type\":\"string\",\"pattern\":\"(\"",
        "parameters.x.pattern: this is no regular expression"},
    {"\"type\":\"sdp\"", "an sdp needs 'encodings'"},
    {"\"type\":\"int\",\"encodings\":[\"OPUS\"]",
        "'encodings' is for sdp only"},
    {"\"type\":\"list\",\"items\":\"sdp\"", "no item type 'sdp'"},
    {"\"type\":\"int\",\"pattern\":\"a\"", "'pattern' is for string only"},
    {"\"type\":\"string\",\"pattern\":\"a\",\"default\":\"b\"",
        "parameters.x.default: 'b' does not match"},
    {"\"type\":\"string\",\"default\":[\"a\"]", "must be a single value"},
  };

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++) {
    g_autoptr (GPtrArray) faults = lockstep_faults_new ();
    g_autofree char *text = NULL;

    g_assert_null (preset_with (cases[i].parameter, faults));
    text = faults_text (faults);
    g_test_message ("%s -> %s", cases[i].parameter, text);
    g_assert_nonnull (strstr (text, cases[i].says));
  }
}

/* A pattern made to take long is given up. */
static void
test_slow_pattern (void)
{
  g_autoptr (GPtrArray) faults = lockstep_faults_new ();
  g_autoptr (LockstepPreset) preset =
      preset_with ("\"type\":\"string\",\"pattern\":\"(a|a|aa)+b\"", faults);
  const char *words[] =
      { "x=aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaac", NULL
  };

  g_assert_null (lockstep_preset_resolve (preset, words, NULL, faults));
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/preset-value/kept", test_kept);
  g_test_add_func ("/preset-value/refused", test_refused);
  g_test_add_func ("/preset-value/mistakes", test_mistakes);
  g_test_add_func ("/preset-value/slow-pattern", test_slow_pattern);
  return g_test_run ();
}
