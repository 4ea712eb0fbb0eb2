/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Reading presets: one test a mistake. */
#include "preset-common.h"

#define X_STRING "\"parameters\":{\"x\":{\"type\":\"string\",\"summary\":\"s\"}}"
#define X_WORDS "\"parameters\":{\"x\":{\"type\":\"list\",\"items\":\"string\"," \
  "\"summary\":\"s\"}}"

/* Every mistake is named with its place. */
static void
test_mistakes (void)
{
  static const struct
  {
    const char *json, *says;
  } cases[] = {
    {"", "one JSON object"},
    {"[]", "one JSON object"},
    {"{\"summary\":\"s\",\"pipeline\":[\"a\"]", "not JSON"},
    {"{\"pipeline\":[\"a\"]}", "'summary' is missing"},
    {"{\"summary\":3,\"pipeline\":[\"a\"]}", "'summary' must be a string"},
    {"{\"summary\":\"s\"}", "pipeline: at least one"},
    {"{\"summary\":\"s\",\"pipeline\":\"a\"}",
        "pipeline: this must be an array"},
    {"{\"summary\":\"s\",\"pipeline\":[3]}", "pipeline[0]: this must be"},
    {"{\"summary\":\"s\",\"pipline\":[\"a\"]}", "did you mean 'pipeline'?"},
    {"{\"summary\":\"s\",\"pipeline\":[\"a\"],\"zzz\":1}", "no key 'zzz'"},
    {"{\"summary\":\"s\",\"pipeline\":[\"a\"],\"parameters\":[]}",
        "parameters: this must be an object"},
    {"{\"summary\":\"s\",\"pipeline\":[\"a\"],\"parameters\":{\"A\":{\"type\":"
          "\"int\",\"summary\":\"s\"}}}", "parameters.A: a parameter's name"},
    {"{\"summary\":\"s\",\"pipeline\":[\"a\"],\"parameters\":{\"a\":{\"type\":"
          "\"integer\",\"summary\":\"s\"}}}", "no type 'integer'"},
    {"{\"summary\":\"s\",\"pipeline\":[\"a\"],\"parameters\":{\"a\":{\"type\":"
          "\"int\"}}}", "parameters.a: 'summary' is missing"},
    {"{\"summary\":\"s\",\"pipeline\":[\"a\"],\"parameters\":{\"a\":{\"type\":"
          "\"int\",\"summary\":\"s\",\"default\":\"x\"}}}",
        "parameters.a.default: 'x' is not a whole number"},
    {"{\"summary\":\"s\",\"pipeline\":[\"a\"],\"parameters\":{\"a\":{\"type\":"
          "\"int\",\"summary\":\"s\",\"default\":11,\"max\":10}}}",
        "parameters.a.default: 11 is above 10"},
    {"{\"summary\":\"s\",\"pipeline\":[\"a\"],\"parameters\":{\"a\":{\"type\":"
          "\"int\",\"summary\":\"s\",\"min\":11,\"max\":10}}}",
        "'min' is above 'max'"},
    {"{\"summary\":\"s\",\"pipeline\":[\"a\"],\"parameters\":{\"a\":{\"type\":"
          "\"string\",\"summary\":\"s\",\"min\":1}}}",
        "for int, double, duration and bitrate only"},
    {"{\"summary\":\"s\",\"pipeline\":[\"a\"],\"parameters\":{\"a\":{\"type\":"
          "\"enum\",\"summary\":\"s\"}}}", "an enum needs 'values'"},
    {"{\"summary\":\"s\",\"pipeline\":[\"a\"],\"parameters\":{\"a\":{\"type\":"
          "\"enum\",\"values\":[\"x\"],\"default\":\"y\",\"summary\":\"s\"}}}",
        "'y' is not one of x"},
    {"{\"summary\":\"s\",\"pipeline\":[\"a\"],\"parameters\":{\"a\":{\"type\":"
          "\"int\",\"summary\":\"s\",\"defualt\":1}}}",
        "did you mean 'default'?"},
    {"{\"summary\":\"s\",\"pipeline\":[\"a\"],\"parameters\":{\"a\":{\"type\":"
          "\"int\",\"summary\":\"s\",\"default\":[1]}}}", "a single value"},
    {"{\"summary\":\"s\",\"pipeline\":[\"a\"],\"parameters\":{\"a\":{\"type\":"
          "\"string\",\"summary\":\"s\",\"secret\":\"yes\"}}}",
        "'secret' must be true or false"},
    {"{\"summary\":\"s\",\"pipeline\":[\"a\"],\"properties\":{\"location\":\"x\"}}",
        "properties.location: write the name as element.property"},
    {"{\"summary\":\"s\",\"pipeline\":[\"a\"],\"properties\":{\"a.b\":3}}",
        "properties.a.b: this must be a string"},
    {"{\"summary\":\"s\",\"pipeline\":[\"a\"],\"properties\":{\"a.b\":"
          "{\"divide\":0,\"parameter\":\"x\"}}}", "'divide' must be"},
    {"{\"summary\":\"s\",\"pipeline\":[\"a\"],\"alternatives\":{\"e\":[]}}",
        "alternatives.e: at least one choice"},
    {"{\"summary\":\"s\",\"pipeline\":[\"a\"],\"alternatives\":{\"e\":[{}]}}",
        "alternatives.e[0]: 'name' is missing"},
    {"{\"summary\":\"s\",\"pipeline\":[\"a\"],\"signalling\":{\"element\":\"w\"," "\"protocol\":\"smtp\"}}", "no protocol 'smtp'"},
    {"{\"summary\":\"s\",\"pipeline\":[\"a\"],\"signalling\":{\"protocol\":"
          "\"whip\"}}", "signalling: 'element' is missing"},
    {"{\"summary\":\"s\",\"summary\":\"t\",\"pipeline\":[\"a\"]}",
        "summary: this is here twice"},
    {"{'summary':'s','pipeline':['a']}", "not JSON"},
    {"{\"summary\":\"s\", // why\n\"pipeline\":[\"a\"]}", "not JSON"},
    {"{\"summary\":\"s\",\"pipeline\":[\"a\",]}", "not JSON"},
    {"[[[[[[[[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]]]]]]]]", "in each other"},
    {"{\"summary\":\"s\",\"pipeline\":[{}]}",
        "pipeline[0]: 'lines' is missing"},
    {"{\"summary\":\"s\",\"pipeline\":[{\"lines\":[\"a\"],\"loop\":1}]}",
        "pipeline[0].loop: there is no key 'loop'"},
    {"{\"summary\":\"s\",\"pipeline\":[{\"repeat\":\"x\",\"lines\":[\"a\"]}]}",
        "pipeline[0].repeat: there is no parameter 'x'"},
    {"{\"summary\":\"s\",\"pipeline\":[{\"repeat\":\"x\",\"lines\":[\"a\"]}],"
          "\"parameters\":{\"x\":{\"type\":\"int\",\"summary\":\"s\"}}}",
        "pipeline[0].repeat: 'x' is no list"},
    {"{\"summary\":\"s\",\"pipeline\":[{\"when\":{\"y\":\"1\"},\"lines\":[\"a\"]}]}",
        "pipeline[0].when: there is no parameter 'y'"},
    {"{\"summary\":\"s\",\"pipeline\":[{\"when\":{\"y\":1},\"lines\":[\"a\"]}]}",
        "pipeline[0].when.y: 'y' must be a string"},
    {"{\"summary\":\"s\",\"pipeline\":[\"a ! {x}\"]," X_STRING "}",
        "pipeline[0]: {x} cannot be in a line: values are set under"},
    {"{\"summary\":\"s\",\"pipeline\":[\"a ! {item.width}\"]}",
        "pipeline[0]: {item.width} is not known here: it is for a \"repeat\""},
    {"{\"summary\":\"s\",\"pipeline\":[{\"repeat\":\"x\",\"lines\":[\"{item}\"]}]," X_WORDS "}", "pipeline[0].lines[0]: {item} cannot be in a line"},
    {"{\"summary\":\"s\",\"pipeline\":[{\"repeat\":\"x\",\"lines\":"
          "[\"{item.width}\"]}]," X_WORDS "}",
        "pipeline[0].lines[0]: {item.width} is not known here"},
    {"{\"summary\":\"s\",\"pipeline\":[\"a\"],\"properties\":{\"a.b\":\"{xx}\"}," X_STRING "}", "properties.a.b: there is no parameter 'xx'; did you mean 'x'?"},
    {"{\"summary\":\"s\",\"pipeline\":[\"a\"],\"properties\":{\"a.b\":"
          "{\"parameter\":\"zzz\"}}}",
        "properties.a.b: there is no parameter 'zzz'"},
    {"{\"summary\":\"s\",\"pipeline\":[\"a\"],\"properties\":{\"a.b\":{}}}",
        "one of 'value' and 'parameter' is needed"},
    {"{\"summary\":\"s\",\"pipeline\":[\"a\"],\"alternatives\":{\"e\":[{\"name\":" "\"n\",\"launch\":\"l\"}]}}", "alternatives.e: no line of the pipeline has {e}"},
    {"{\"summary\":\"s\",\"pipeline\":[\"{e}\"],\"alternatives\":{\"e\":[{\"name\":" "\"n\",\"launch\":\"l\"},{\"name\":\"n\",\"launch\":\"m\"}]}}",
        "alternatives.e[1].name: a choice before it is named 'n' too"},
    {"{\"summary\":\"s\",\"pipeline\":[\"{e}\"],\"alternatives\":{\"e\":[{\"name\":" "\"n\",\"launch\":\"l\",\"test\":\"a ! b\"}]}}",
        "alternatives.e[0].test: put {launch} where"},
    {"{\"summary\":\"s\",\"pipeline\":[\"{e}\"],\"alternatives\":{\"e\":[{\"name\":" "\"n\",\"launch\":\"a ! {e}\"}]}}",
        "alternatives.e[0].launch: {e} cannot be in a choice"},
    {"{\"summary\":\"s\",\"pipeline\":[\"a\"],\"parameters\":{\"item\":{\"type\":" "\"int\",\"summary\":\"s\"}}}", "'item' has a meaning of its own"},
    {"{\"summary\":\"s\",\"pipeline\":[\"a\"],\"extends\":\"b\"}",
        "extends: 'b' cannot be read from here"},
    {"{\"summary\":\"s\",\"pipeline\":[\"a\"],\"signalling\":{\"element\":\"w\"," "\"protocol\":\"whip\",\"audio\":{\"encodings\":[],\"element\":" "\"av.\"}}}", "'av.' is neither an element's name nor NAME.PAD"},
  };

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++) {
    g_autoptr (GPtrArray) faults = lockstep_faults_new ();
    g_autoptr (LockstepPreset) preset =
        lockstep_preset_parse ("p", cases[i].json, -1, faults);
    g_autofree char *text = faults_text (faults);

    g_test_message ("%s -> %s", cases[i].json, text);
    g_assert_null (preset);
    g_assert_nonnull (strstr (text, cases[i].says));
  }
}

/* Where a stream goes is an element, or one of its pads. */
static void
test_stream_pads (void)
{
  g_autoptr (GPtrArray) faults = lockstep_faults_new ();
  g_autoptr (LockstepPreset) preset = lockstep_preset_parse ("p",
      "{\"summary\":\"s\",\"pipeline\":[\"a\"],\"signalling\":{\"element\":\"w\","
      "\"protocol\":\"whip\",\"audio\":{\"encodings\":[\"OPUS\"],\"element\":"
      "\"depay\"},\"video\":{\"encodings\":[\"H264\"],\"element\":"
      "\"av.sink_1\"}}}", -1, faults);

  g_assert_nonnull (preset);
  g_assert_cmpstr (lockstep_preset_get_audio (preset)->element, ==, "depay");
  g_assert_cmpstr (lockstep_preset_get_audio (preset)->pad, ==, "sink");
  g_assert_cmpstr (lockstep_preset_get_video (preset)->element, ==, "av");
  g_assert_cmpstr (lockstep_preset_get_video (preset)->pad, ==, "sink_1");
}

/* All mistakes of a file are named, not just the first. */
static void
test_all_at_once (void)
{
  g_autoptr (GPtrArray) faults = lockstep_faults_new ();

  g_assert_null (lockstep_preset_parse ("p", "{\"sumary\":1,\"pipeline\":[1],"
          "\"parameters\":{\"a\":{\"type\":\"x\"}}}", -1, faults));
  /* key, summary missing, entry 0, parameter's summary and type */
  g_assert_cmpuint (faults->len, ==, 5);
}

static void
test_too_large (void)
{
  g_autoptr (GPtrArray) faults = lockstep_faults_new ();
  g_autofree char *text = g_strnfill (LOCKSTEP_PRESET_MAX_BYTES + 1, ' ');

  g_assert_null (lockstep_preset_parse ("p", text, -1, faults));
  g_assert_cmpuint (faults->len, ==, 1);
}

/* A fault has the line of what it is about, or of what that is missing from. */
static void
test_lines (void)
{
  static const struct
  {
    const char *json, *says;
  } cases[] = {
    {"{\n\"summary\": \"s\",\n\"pipeline\": [\n\"a\",\n3]}",
        "5: pipeline[1]: this must be a string"},
    {"{\n\"summary\": \"s\",\n\"pipelin\": [\"a\"]}", "3: pipelin: there is"},
    {"{\"summary\": \"s\", \"pipeline\": [\"a\"],\n\"parameters\": {\n\n\"x\": "
          "{ \"type\": \"int\", \"summary\": \"s\",\n\"default\": 1.5 }}}",
        "5: parameters.x.default: '1.5' is not"},
    {"{\"summary\": \"s\", \"pipeline\": [\"a\"],\n\"parameters\": {\n\n\"x\": "
          "{ \"type\": \"int\",\n\"default\": 1.5 }}}",
        "4: parameters.x: 'summary' is missing"},
    {"{\n\"summary\": \"s\"\n\"pipeline\": [\"a\"]}", "3: : not JSON"},
    {"{\n\"summary\":\n nonsense }", "3: : not JSON"},
  };

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++) {
    g_autoptr (GPtrArray) faults = lockstep_faults_new ();
    g_autofree char *text = NULL;

    g_assert_null (lockstep_preset_parse ("p", cases[i].json, -1, faults));
    text = faults_text (faults);
    g_test_message ("%s -> %s", cases[i].json, text);
    g_assert_nonnull (strstr (text, cases[i].says));
  }
}

/* Files of presets, name by name. */
static const char *const files[][2] = {
  {"base", "{\"summary\":\"base\",\n\"pipeline\":[\"a name=a\"],\n"
        "\"parameters\":{\"x\":{\"type\":\"int\",\"default\":1,\"summary\":\"s\"},\n"
        "\"y\":{\"type\":\"int\",\"default\":2,\"summary\":\"s\"}},\n"
        "\"properties\":{\"a.p\":\"{x}\",\"a.q\":\"{y}\"}}"},
  {"child", "{\"extends\":\"base\",\"summary\":\"child\",\n"
        "\"parameters\":{\"x\":{\"default\":5,\"max\":6},\"y\":null},\n"
        "\"properties\":{\"a.q\":null}}"},
  {"grandchild",
      "{\"extends\":\"child\",\"parameters\":{\"x\":{\"default\":6}}}"},
  {"wrong", "{\"extends\":\"base\",\n\n\"parameters\":{\"x\":{\"max\":0}}}"},
  {"orphan", "{\"extends\":\n\"nobody\"}"},
  {"ring", "{\"extends\":\"ring\"}"},
  {"of-broken", "{\"extends\":\"broken\"}"},
  {"broken", "{\n\n]"},
};

static char *
open_file (const char *name, const char *from, char **file, gsize * length,
    gpointer user_data, GError ** error)
{
  for (guint i = 0; i < G_N_ELEMENTS (files); i++) {
    if (g_str_equal (files[i][0], name)) {
      *file = g_strconcat (name, ".json", NULL);
      *length = strlen (files[i][1]);
      return g_strdup (files[i][1]);
    }
  }
  g_set_error (error, G_FILE_ERROR, G_FILE_ERROR_NOENT, "no preset '%s'", name);
  return NULL;
}

static void
test_extends (void)
{
  g_autoptr (GPtrArray) faults = lockstep_faults_new ();
  g_autoptr (LockstepPreset) preset =
      lockstep_preset_load ("grandchild", open_file, NULL, faults);
  g_autofree char *text = faults_text (faults);

  g_assert_cmpstr (text, ==, "");
  g_assert_cmpstr (lockstep_preset_get_name (preset), ==, "grandchild");
  g_assert_cmpstr (lockstep_preset_get_summary (preset), ==, "child");
  g_assert_cmpuint (lockstep_preset_get_parameters (preset)->len, ==, 1);
  g_assert_cmpstr (lockstep_preset_find_parameter (preset, "x")->default_value,
      ==, "6");
  g_assert_cmpfloat (lockstep_preset_find_parameter (preset, "x")->max, ==, 6);
}

static void
test_extends_mistakes (void)
{
  static const struct
  {
    const char *name, *says;
  } cases[] = {
    {"absent", ": no preset 'absent'"},
    /* the file that has the wrong value, be it the one that is extended */
    {"wrong", "base.json:3: parameters.x.default: 1 is above 0"},
    {"orphan", "orphan.json:1: extends: no preset 'nobody'"},
    {"ring", "is there a circle?"},
    {"of-broken", "broken.json:3: : not JSON"},
  };

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++) {
    g_autoptr (GPtrArray) faults = lockstep_faults_new ();
    g_autofree char *text = NULL;

    g_assert_null (lockstep_preset_load (cases[i].name, open_file, NULL,
            faults));
    text = faults_text (faults);
    g_test_message ("%s -> %s", cases[i].name, text);
    g_assert_nonnull (strstr (text, cases[i].says));
  }
}

/* The presets that are shipped are right. */
static void
test_shipped (void)
{
  const char *folder = g_getenv ("LOCKSTEP_PIPELINES_PATH");
  g_autoptr (GDir) dir = g_dir_open (folder, 0, NULL);
  const char *file;
  guint count = 0;

  g_assert_nonnull (dir);
  while ((file = g_dir_read_name (dir)) != NULL) {
    g_autofree char *path = g_build_filename (folder, file, NULL);
    g_autoptr (GPtrArray) faults = lockstep_faults_new ();
    g_autoptr (LockstepPreset) preset = NULL;
    g_autofree char *text = NULL;
    gsize length;

    if (!g_str_has_suffix (file, ".json")
        || g_str_has_suffix (file, ".schema.json"))
      continue;
    g_assert_true (g_file_get_contents (path, &text, &length, NULL));
    preset = lockstep_preset_parse (file, text, length, faults);
    g_assert_nonnull (preset);
    count++;
  }
  g_assert_cmpuint (count, >=, 2);
}

/* Pictures beside the main one: an element for each item. */
static void
test_preview_elements (void)
{
  static const struct
  {
    const char *element, *pad, *first, *second;
  } cases[] = {
    {"p-{item.index}", "sink", "p-0", "p-1"},
    {"p-{item.index}.in_0", "in_0", "p-0", "p-1"},
    {"{item.index}x{item.index}", "sink", "0x0", "1x1"},
    /* without a number it is the first one's alone */
    {"p", "sink", "p", NULL},
    {"p.in", "in", "p", NULL},
  };

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++) {
    g_autoptr (GPtrArray) faults = lockstep_faults_new ();
    g_autofree char *text = g_strdup_printf ("{\"summary\":\"s\","
        "\"pipeline\":[\"a\"],\"signalling\":{\"protocol\":\"whep\","
        "\"preview\":{\"encodings\":[\"H264\"],\"element\":\"%s\"}}}",
        cases[i].element);
    g_autoptr (LockstepPreset) preset =
        lockstep_preset_parse ("x", text, -1, faults);
    const LockstepStream *preview;
    g_autofree char *first = NULL;
    g_autofree char *second = NULL;

    g_assert_cmpuint (faults->len, ==, 0);
    preview = lockstep_preset_get_preview (preset);
    first = lockstep_stream_element (preview, 0);
    second = lockstep_stream_element (preview, 1);
    g_assert_cmpstr (preview->pad, ==, cases[i].pad);
    g_assert_cmpstr (first, ==, cases[i].first);
    g_assert_cmpstr (second, ==, cases[i].second);
  }
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/preset/mistakes", test_mistakes);
  g_test_add_func ("/preset/all-at-once", test_all_at_once);
  g_test_add_func ("/preset/stream-pads", test_stream_pads);
  g_test_add_func ("/preset/too-large", test_too_large);
  g_test_add_func ("/preset/lines", test_lines);
  g_test_add_func ("/preset/extends", test_extends);
  g_test_add_func ("/preset/extends-mistakes", test_extends_mistakes);
  g_test_add_func ("/preset/preview-elements", test_preview_elements);
  g_test_add_func ("/preset/shipped", test_shipped);
  return g_test_run ();
}
