/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Presets: one test a mistake, and what a right one becomes. */
#include <gst/lockstep/preset.h>

#include <string.h>

#define PARAMETERS \
  "\"parameters\":{" \
  "\"size\":{\"type\":\"int\",\"default\":3,\"min\":1,\"max\":9,\"summary\":\"s\"}," \
  "\"rate\":{\"type\":\"double\",\"default\":1.5,\"min\":0.5,\"summary\":\"s\"}," \
  "\"name\":{\"type\":\"string\",\"summary\":\"s\"}," \
  "\"codec\":{\"type\":\"enum\",\"values\":[\"mp3\",\"aac\"],\"default\":\"mp3\",\"summary\":\"s\"}," \
  "\"loud\":{\"type\":\"bool\",\"default\":false,\"summary\":\"s\"}}"

#define GOOD \
  "{\"summary\":\"a test\"," PARAMETERS "," \
  "\"pipeline\":[\"src name=a\",\" ! {enc} ! caps/x,format={ A, B } ! sink\"]," \
  "\"alternatives\":{\"enc\":[" \
  "{\"name\":\"one\",\"when\":{\"codec\":\"aac\"},\"launch\":\"aacenc name=e\"}," \
  "{\"name\":\"two\",\"launch\":\"hwenc name=e ! parse\"," \
  "\"properties\":{\"e.bitrate\":{\"parameter\":\"size\",\"divide\":2}}}," \
  "{\"name\":\"three\",\"launch\":\"swenc name=e\"}]}," \
  "\"properties\":{\"a.location\":\"x/{name}/{channel}/%05d\"}}"

static char *
faults_text (GPtrArray * faults)
{
  GString *text = g_string_new (NULL);

  for (guint i = 0; i < faults->len; i++) {
    const LockstepFault *fault = g_ptr_array_index (faults, i);

    g_string_append_printf (text, "%s: %s\n", fault->place, fault->text);
  }
  return g_string_free (text, FALSE);
}

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
    {"{\"summary\":\"s\",\"pipeline\":[3]}", "pipeline: entry 0"},
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
        "parameters.a.default: 11 is not between"},
    {"{\"summary\":\"s\",\"pipeline\":[\"a\"],\"parameters\":{\"a\":{\"type\":"
          "\"int\",\"summary\":\"s\",\"min\":11,\"max\":10}}}",
        "'min' is above 'max'"},
    {"{\"summary\":\"s\",\"pipeline\":[\"a\"],\"parameters\":{\"a\":{\"type\":"
          "\"string\",\"summary\":\"s\",\"min\":1}}}",
        "for int and double only"},
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

/* All mistakes of a file are named, not just the first. */
static void
test_all_at_once (void)
{
  g_autoptr (GPtrArray) faults = lockstep_faults_new ();

  g_assert_null (lockstep_preset_parse ("p", "{\"sumary\":1,\"pipeline\":[1],"
          "\"parameters\":{\"a\":{\"type\":\"x\"}}}", -1, faults));
  /* key, summary missing, entry 0, no line, parameter's summary and type */
  g_assert_cmpuint (faults->len, ==, 6);
}

static void
test_too_large (void)
{
  g_autoptr (GPtrArray) faults = lockstep_faults_new ();
  g_autofree char *text = g_strnfill (LOCKSTEP_PRESET_MAX_BYTES + 1, ' ');

  g_assert_null (lockstep_preset_parse ("p", text, -1, faults));
  g_assert_cmpuint (faults->len, ==, 1);
}

static LockstepPreset *
good_preset (void)
{
  g_autoptr (GPtrArray) faults = lockstep_faults_new ();
  LockstepPreset *preset = lockstep_preset_parse ("p", GOOD, -1, faults);
  g_autofree char *text = faults_text (faults);

  g_assert_cmpstr (text, ==, "");
  g_assert_nonnull (preset);
  return preset;
}

static const char *
test_environment (const char *name)
{
  if (g_str_equal (name, "LOCKSTEP_SIZE"))
    return "7";
  if (g_str_equal (name, "LOCKSTEP_RATE"))
    return "fast";
  return NULL;
}

static const char *
good_environment (const char *name)
{
  return g_str_equal (name, "LOCKSTEP_SIZE") ? "7" : NULL;
}

static void
test_resolve (void)
{
  static const char *const words[] = { "name=a=b ! c", "loud=true", NULL };
  static const char *const with_size[] = { "name=x", "size=2", NULL };
  g_autoptr (LockstepPreset) preset = good_preset ();
  g_autoptr (GPtrArray) faults = lockstep_faults_new ();
  g_autoptr (GHashTable) a = lockstep_preset_resolve (preset, words,
      good_environment, faults);
  g_autoptr (GHashTable) b = lockstep_preset_resolve (preset, with_size,
      good_environment, faults);

  g_assert_cmpstr (g_hash_table_lookup (a, "name"), ==, "a=b ! c");
  g_assert_cmpstr (g_hash_table_lookup (a, "loud"), ==, "true");
  g_assert_cmpstr (g_hash_table_lookup (a, "codec"), ==, "mp3");
  g_assert_cmpstr (g_hash_table_lookup (a, "rate"), ==, "1.5");
  /* the environment is above the default and below the command line */
  g_assert_cmpstr (g_hash_table_lookup (a, "size"), ==, "7");
  g_assert_cmpstr (g_hash_table_lookup (b, "size"), ==, "2");
}

static void
test_resolve_faults (void)
{
  static const struct
  {
    const char *word, *says;
  } cases[] = {
    {"size=10", "size: 10 is not between 1 and 9"},
    {"size=-1", "size: -1 is not between"},
    {"size=", "size: '' is not a whole number"},
    {"size=1.5", "size: '1.5' is not a whole number"},
    {"size=99999999999999999999", "is not a whole number"},
    {"rate=0.1", "rate: 0.1 is not between"},
    {"rate=1,5", "rate: '1,5' is not a number"},
    {"rate=nan", "rate: 'nan' is not a number"},
    {"codec=opus", "codec: 'opus' is not one of mp3, aac"},
    {"loud=yes", "loud: 'yes' is neither true nor false"},
    {"name=\xff", "name: the value is not UTF-8"},
    {"siz=1", "did you mean 'size'?"},
    {"bogus=1", "p has no such parameter"},
    {"size", "write it as name=value"},
  };
  g_autoptr (LockstepPreset) preset = good_preset ();
  g_autoptr (GPtrArray) missing = lockstep_faults_new ();
  g_autoptr (GPtrArray) environment = lockstep_faults_new ();
  const char *words[] = { "name=x", NULL, NULL };
  g_autofree char *missing_text = NULL;
  g_autofree char *environment_text = NULL;

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++) {
    g_autoptr (GPtrArray) faults = lockstep_faults_new ();
    g_autofree char *text = NULL;

    words[1] = cases[i].word;
    g_assert_null (lockstep_preset_resolve (preset, words, NULL, faults));
    text = faults_text (faults);
    g_test_message ("case %u: %s", i, text);
    g_assert_nonnull (strstr (text, cases[i].says));
  }
  g_assert_null (lockstep_preset_resolve (preset, NULL, NULL, missing));
  missing_text = faults_text (missing);
  g_assert_nonnull (strstr (missing_text, "name: this must be given"));
  words[1] = NULL;
  g_assert_null (lockstep_preset_resolve (preset, words, test_environment,
          environment));
  environment_text = faults_text (environment);
  g_assert_nonnull (strstr (environment_text, "LOCKSTEP_RATE: 'fast'"));
}

static gboolean
has_all_but (const char *factory, gpointer user_data)
{
  const char *const *absent = user_data;

  return !g_strv_contains (absent, factory);
}

static GHashTable *
values_for (LockstepPreset * preset, const char *word)
{
  const char *words[] = { "name=my name ! fakesink", word, NULL };
  g_autoptr (GPtrArray) faults = lockstep_faults_new ();
  GHashTable *values = lockstep_preset_resolve (preset, words, NULL, faults);

  g_assert_nonnull (values);
  g_hash_table_insert (values, g_strdup ("channel"), g_strdup ("ch"));
  return values;
}

static const char *
property (LockstepLaunch * launch, const char *element, const char *name)
{
  for (guint i = 0; i < launch->properties->len; i++) {
    LockstepPropertySetting *s = g_ptr_array_index (launch->properties, i);

    if (g_str_equal (s->element, element) && g_str_equal (s->property, name))
      return s->value;
  }
  return NULL;
}

static void
test_launch (void)
{
  static const char *const none[] = { NULL };
  static const char *const no_hardware[] = { "hwenc", NULL };
  g_autoptr (LockstepPreset) preset = good_preset ();
  g_autoptr (GHashTable) mp3 = values_for (preset, "size=8");
  g_autoptr (GHashTable) aac = values_for (preset, "codec=aac");
  g_autoptr (GPtrArray) faults = lockstep_faults_new ();
  g_autoptr (LockstepLaunch) first = NULL;
  g_autoptr (LockstepLaunch) second = NULL;
  g_autoptr (LockstepLaunch) third = NULL;

  /* the first choice needs codec=aac; braces that hold no name stay */
  first = lockstep_preset_launch (preset, mp3, has_all_but, (gpointer) none,
      faults);
  g_assert_cmpstr (first->launch, ==, "src name=a\n"
      " ! hwenc name=e ! parse ! caps/x,format={ A, B } ! sink");
  g_assert_cmpstr (property (first, "e", "bitrate"), ==, "4");
  /* a value is never part of the line, whatever it looks like */
  g_assert_cmpstr (property (first, "a", "location"), ==,
      "x/my name ! fakesink/ch/%05d");
  g_assert_cmpstr (g_hash_table_lookup (first->chosen, "enc"), ==, "two");

  second = lockstep_preset_launch (preset, mp3, has_all_but,
      (gpointer) no_hardware, faults);
  g_assert_cmpstr (g_hash_table_lookup (second->chosen, "enc"), ==, "three");
  g_assert_null (property (second, "e", "bitrate"));

  third = lockstep_preset_launch (preset, aac, has_all_but, (gpointer) none,
      faults);
  g_assert_cmpstr (g_hash_table_lookup (third->chosen, "enc"), ==, "one");
}

static void
test_launch_faults (void)
{
  static const char *const nothing[] = { "hwenc", "swenc", NULL };
  g_autoptr (LockstepPreset) preset = good_preset ();
  g_autoptr (GHashTable) values = values_for (preset, NULL);
  g_autoptr (GPtrArray) faults = lockstep_faults_new ();
  g_autofree char *text = NULL;

  g_hash_table_remove (values, "channel");
  g_assert_null (lockstep_preset_launch (preset, values, has_all_but,
          (gpointer) nothing, faults));
  text = faults_text (faults);
  g_assert_nonnull (strstr (text, "two needs hwenc; three needs swenc"));
  g_assert_nonnull (strstr (text, "{channel} is not known here"));
}

static void
test_nearest (void)
{
  static const char *const names[] = { "list", "run", "show", NULL };

  g_assert_cmpstr (lockstep_nearest ("lst", names), ==, "list");
  g_assert_cmpstr (lockstep_nearest ("rnu", names), ==, NULL);
  g_assert_cmpstr (lockstep_nearest ("runn", names), ==, "run");
  g_assert_cmpstr (lockstep_nearest ("", names), ==, NULL);
  g_assert_cmpstr (lockstep_nearest ("encode", names), ==, NULL);
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

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/preset/mistakes", test_mistakes);
  g_test_add_func ("/preset/all-at-once", test_all_at_once);
  g_test_add_func ("/preset/too-large", test_too_large);
  g_test_add_func ("/preset/resolve", test_resolve);
  g_test_add_func ("/preset/resolve-faults", test_resolve_faults);
  g_test_add_func ("/preset/launch", test_launch);
  g_test_add_func ("/preset/launch-faults", test_launch_faults);
  g_test_add_func ("/preset/nearest", test_nearest);
  g_test_add_func ("/preset/shipped", test_shipped);
  return g_test_run ();
}
