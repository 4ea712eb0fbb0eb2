/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Using presets: values, choices, repetition, and the line that comes out. */
#include "preset-common.h"

#include <gst/lockstep/launchcheck.h>

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
    {"rate=0.1", "rate: 0.1 is below 0.5"},
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

static const LockstepMachine *
machine_without (const char *const *absent)
{
  static LockstepMachine machine = {.has_element = has_all_but };

  machine.user_data = (gpointer) absent;
  return &machine;
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
  first = lockstep_preset_launch (preset, mp3, machine_without (none), faults);
  g_assert_cmpstr (first->launch, ==, "src name=a\n"
      " ! hwenc name=e ! parse ! caps/x,format={ A, B } ! sink");
  g_assert_cmpstr (property (first, "e", "bitrate"), ==, "4");
  /* a value is never part of the line, whatever it looks like */
  g_assert_cmpstr (property (first, "a", "location"), ==,
      "x/my name ! fakesink/ch/%05d");
  g_assert_cmpstr (g_hash_table_lookup (first->chosen, "enc"), ==, "two");

  second =
      lockstep_preset_launch (preset, mp3, machine_without (no_hardware),
      faults);
  g_assert_cmpstr (g_hash_table_lookup (second->chosen, "enc"), ==, "three");
  g_assert_null (property (second, "e", "bitrate"));

  third = lockstep_preset_launch (preset, aac, machine_without (none), faults);
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
  g_assert_null (lockstep_preset_launch (preset, values,
          machine_without (nothing), faults));
  text = faults_text (faults);
  g_assert_nonnull (strstr (text, "two needs hwenc; three needs swenc"));
  g_assert_nonnull (strstr (text, "{channel} is not known here"));
}

static void
test_origin (void)
{
  static const char *const words[] = { "rate=2", NULL };
  g_autoptr (LockstepPreset) preset = good_preset ();

  g_assert_cmpint (lockstep_preset_origin (preset, "rate", words,
          good_environment), ==, LOCKSTEP_ORIGIN_ASSIGNMENT);
  g_assert_cmpint (lockstep_preset_origin (preset, "size", words,
          good_environment), ==, LOCKSTEP_ORIGIN_ENVIRONMENT);
  g_assert_cmpint (lockstep_preset_origin (preset, "codec", words,
          good_environment), ==, LOCKSTEP_ORIGIN_DEFAULT);
  g_assert_cmpint (lockstep_preset_origin (preset, "name", words, NULL), ==,
      LOCKSTEP_ORIGIN_MISSING);
}

static const char *
forcing_environment (const char *name)
{
  return g_str_equal (name, "LOCKSTEP_USE_ENC") ? "three" : NULL;
}

static void
test_force (void)
{
  static const char *const none[] = { NULL };
  static const char *const no_hardware[] = { "hwenc", NULL };
  static const char *const wrong[] =
      { "name=x", "use.enc=four", "use.dec=x", NULL };
  static const char *const name[] = { "name=x", NULL };
  g_autoptr (LockstepPreset) preset = good_preset ();
  g_autoptr (GPtrArray) faults = lockstep_faults_new ();
  g_autoptr (GHashTable) three = values_for (preset, "use.enc=three");
  g_autoptr (GHashTable) two = values_for (preset, "use.enc=two");
  g_autoptr (GHashTable) one = values_for (preset, "use.enc=one");
  g_autoptr (GHashTable) environment = NULL;
  g_autoptr (LockstepLaunch) launch = NULL;
  g_autofree char *text = NULL;

  launch = lockstep_preset_launch (preset, three, machine_without (none),
      faults);
  g_assert_cmpstr (g_hash_table_lookup (launch->chosen, "enc"), ==, "three");
  environment =
      lockstep_preset_resolve (preset, name, forcing_environment, faults);
  g_assert_cmpstr (g_hash_table_lookup (environment, "use.enc"), ==, "three");

  g_assert_null (lockstep_preset_launch (preset, two,
          machine_without (no_hardware), faults));
  g_assert_null (lockstep_preset_launch (preset, one, machine_without (none),
          faults));
  g_assert_null (lockstep_preset_resolve (preset, wrong, NULL, faults));
  text = faults_text (faults);
  g_assert_nonnull (strstr (text, "two needs hwenc; install it, or do not"));
  g_assert_nonnull (strstr (text, "'one' does not fit the other parameters"));
  g_assert_nonnull (strstr (text, "use.enc: 'four' is not one of one, two, "));
  g_assert_nonnull (strstr (text, "use.dec: p has no such alternative; it has: "
          "use.enc"));
}

static char *
fails_in_hardware (const char *launch, const char *test, gpointer user_data)
{
  g_assert_null (test);
  return g_str_has_prefix (launch, "hwenc") ? g_strdup ("no device") : NULL;
}

static gboolean
has_all (const char *factory, gpointer user_data)
{
  return TRUE;
}

/* A choice that is there and does not run is passed by. */
static void
test_try (void)
{
  static const LockstepMachine machine = { has_all, fails_in_hardware, NULL };
  g_autoptr (LockstepPreset) preset = good_preset ();
  g_autoptr (GHashTable) values = values_for (preset, NULL);
  g_autoptr (GPtrArray) faults = lockstep_faults_new ();
  g_autoptr (LockstepLaunch) launch =
      lockstep_preset_launch (preset, values, &machine, faults);

  g_assert_cmpstr (g_hash_table_lookup (launch->chosen, "enc"), ==, "three");
  g_assert_cmpuint (launch->passed->len, ==, 1);
  g_assert_cmpstr (g_ptr_array_index (launch->passed, 0), ==,
      "enc: two does not run: no device");
}

#define REPEATING \
  "{\"summary\":\"s\",\"parameters\":{" \
  "\"versions\":{\"type\":\"list\",\"items\":\"rendition\",\"default\":\"\",\"summary\":\"s\"}," \
  "\"canvas\":{\"type\":\"size\",\"default\":\"64x48\",\"summary\":\"s\"}}," \
  "\"pipeline\":[\"src name=t\"," \
  "{\"when\":{\"versions\":\"\"},\"lines\":[\"t. ! sink\"]}," \
  "{\"repeat\":\"versions\",\"unless\":{\"item.kind\":\"passthrough\"}," \
  "\"lines\":[\"t. ! caps,width={item.width},height={item.height}\"," \
  "\" ! {enc} ! out.v{item.index}\"]," \
  "\"properties\":{\"out.name{item.index}\":\"{item} at {item.framerate}\"}}," \
  "{\"repeat\":\"versions\",\"when\":{\"item.kind\":\"passthrough\"}," \
  "\"lines\":[\"t. ! out.v{item.index}\"]}]," \
  "\"alternatives\":{\"enc\":[{\"name\":\"one\",\"launch\":\"enc name=e{item.index}\"," \
  "\"properties\":{\"e{item.index}.kbit\":{\"parameter\":\"item.bitrate\",\"divide\":1000}}}]}," \
  "\"properties\":{\"t.caps\":\"w={canvas.width},h={canvas.height}\"," \
  "\"t.none\":{\"value\":\"{canvas}\",\"unless\":{\"versions\":\"\"}}}}"

static void
test_repeat (void)
{
  static const LockstepMachine machine = { has_all, NULL, NULL };
  static const char *const some[] =
      { "versions=1280x720@2500k,passthrough,640x360p25@800k", NULL };
  g_autoptr (GPtrArray) faults = lockstep_faults_new ();
  g_autoptr (LockstepPreset) preset =
      lockstep_preset_parse ("p", REPEATING, -1, faults);
  g_autoptr (GHashTable) none = NULL;
  g_autoptr (GHashTable) three = NULL;
  g_autoptr (LockstepLaunch) plain = NULL;
  g_autoptr (LockstepLaunch) repeated = NULL;
  g_autofree char *text = faults_text (faults);

  g_assert_cmpstr (text, ==, "");
  none = lockstep_preset_resolve (preset, NULL, NULL, faults);
  three = lockstep_preset_resolve (preset, some, NULL, faults);
  plain = lockstep_preset_launch (preset, none, &machine, faults);
  g_assert_cmpstr (plain->launch, ==, "src name=t\nt. ! sink");
  g_assert_cmpstr (property (plain, "t", "caps"), ==, "w=64,h=48");
  g_assert_null (property (plain, "t", "none"));

  repeated = lockstep_preset_launch (preset, three, &machine, faults);
  g_assert_cmpstr (repeated->launch, ==, "src name=t\n"
      "t. ! caps,width=1280,height=720\n ! enc name=e0 ! out.v0\n"
      "t. ! caps,width=640,height=360\n ! enc name=e2 ! out.v2\n"
      "t. ! out.v1");
  g_assert_cmpstr (property (repeated, "e0", "kbit"), ==, "2500");
  g_assert_cmpstr (property (repeated, "e2", "kbit"), ==, "800");
  g_assert_cmpstr (property (repeated, "out", "name2"), ==,
      "640x360p25/1@800000 at 25/1");
  g_assert_cmpstr (property (repeated, "t", "none"), ==, "64x48");
}

#define TAKEN(properties) \
  "{\"summary\":\"s\",\"pipeline\":[\"src name=a ! {enc} ! sink\"," \
  "{\"when\":{\"use.enc\":\"two\"},\"lines\":[],\"properties\":{\"a.n\":\"2\"}}," \
  "{\"unless\":{\"use.enc\":\"two\"},\"lines\":[\"other\"]}]," \
  "\"alternatives\":{\"enc\":[{\"name\":\"one\",\"launch\":\"hwenc\"}," \
  "{\"name\":\"two\",\"launch\":\"enc\"}]},\"properties\":{" properties "}}"

/* Which choice was taken is known to the blocks behind it. */
static void
test_taken (void)
{
  static const char *const no_hardware[] = { "hwenc", NULL };
  static const char *const none[] = { NULL };
  g_autoptr (GPtrArray) faults = lockstep_faults_new ();
  g_autoptr (LockstepPreset) preset =
      lockstep_preset_parse ("p", TAKEN (""), -1, faults);
  g_autoptr (GHashTable) values = NULL;
  g_autoptr (LockstepLaunch) one = NULL;
  g_autoptr (LockstepLaunch) two = NULL;
  g_autofree char *text = NULL;

  g_assert_cmpuint (faults->len, ==, 0);
  values = lockstep_preset_resolve (preset, NULL, NULL, faults);
  one = lockstep_preset_launch (preset, values, machine_without (none), faults);
  g_assert_cmpstr (one->launch, ==, "src name=a ! hwenc ! sink\nother");
  g_assert_cmpuint (one->properties->len, ==, 0);
  two = lockstep_preset_launch (preset, values, machine_without (no_hardware),
      faults);
  g_assert_cmpstr (two->launch, ==, "src name=a ! enc ! sink");
  g_assert_cmpstr (property (two, "a", "n"), ==, "2");

  g_assert_null (lockstep_preset_parse ("p",
          TAKEN ("\"a.m\":{\"value\":\"1\",\"when\":{\"use.enc\":\"two\"}}"),
          -1, faults));
  text = faults_text (faults);
  g_assert_nonnull (strstr (text, "'use.enc' is not known before the lines: "));
}

/* Two UDP sources on one port: both would get it, and each packet one of them. */
static void
test_ports (void)
{
  static const char *const none[] = { NULL };
  static const struct
  {
    const char *b, *says;
  } cases[] = {
    {"\"b.port\":\"5006\"", NULL},
    {"\"b.port\":\"7000\"", "b.port: a and b would both take UDP port 7000 of "
          "127.0.0.1"},
    {"\"b.port\":\"7000\",\"b.address\":\"0.0.0.0\"",
        "both take UDP port 7000"},
    {"\"b.port\":\"7000\",\"b.address\":\"::1\"", NULL},
    /* a port of two groups has two sockets */
    {"\"b.port\":\"7000\",\"b.address\":\"224.1.2.3\"", NULL},
    /* any that is free */
    {"\"b.port\":\"0\",\"a.port\":\"0\"", NULL},
  };

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++) {
    g_autoptr (GPtrArray) faults = lockstep_faults_new ();
    g_autofree char *json =
        g_strdup_printf ("{\"summary\":\"s\",\"parameters\":"
        "{},\"pipeline\":[\"udpsrc name=a address=127.0.0.1 port=7000 ! x "
        "udpsrc name=b address=127.0.0.1 ! y udpsrc port=7000 ! z\"],"
        "\"properties\":{%s}}", cases[i].b);
    g_autoptr (LockstepPreset) preset =
        lockstep_preset_parse ("p", json, -1, faults);
    g_autoptr (GHashTable) values =
        lockstep_preset_resolve (preset, NULL, NULL, faults);
    g_autoptr (LockstepLaunch) launch =
        lockstep_preset_launch (preset, values, machine_without (none), faults);
    g_autofree char *text = NULL;

    g_assert_cmpuint (faults->len, ==, 0);
    g_assert_cmpint (lockstep_launch_check_ports (launch, faults), ==,
        cases[i].says == NULL);
    text = faults_text (faults);
    if (cases[i].says == NULL)
      g_assert_cmpstr (text, ==, "");
    else
      g_assert_nonnull (strstr (text, cases[i].says));
  }
}

/* Who is told that a device is not there is told what names it. */
static void
test_device (void)
{
  g_autoptr (GPtrArray) faults = lockstep_faults_new ();
  g_autoptr (LockstepPreset) preset = lockstep_preset_parse ("p",
      "{\"summary\":\"s\",\"parameters\":{"
      "\"card\":{\"type\":\"string\",\"default\":\"0\",\"summary\":\"s\"},"
      "\"sound\":{\"type\":\"string\",\"default\":\"d\",\"summary\":\"s\"}},"
      "\"pipeline\":[\"v4l2src name=a ! x pulsesrc name=b ! y {c} fakesrc "
      "name=e ! z\"],\"alternatives\":{\"c\":[{\"name\":\"n\",\"launch\":"
      "\"alsasrc name=c ! y\",\"properties\":{\"c.device\":\"hw:{sound}\"}}]},"
      "\"properties\":{\"a.device\":\"/dev/video{card}\",\"b.device\":{\"value\":"
      "\"{sound}\",\"unless\":{\"sound\":\"d\"}},\"e.num-buffers\":\"{card}\"}}",
      -1, faults);
  static const char *const cases[][2] = {
    {"a", "card"}, {"b", "sound"}, {"c", "sound"}, {"e", NULL}, {"f", NULL},
  };

  g_assert_cmpuint (faults->len, ==, 0);
  for (guint i = 0; i < G_N_ELEMENTS (cases); i++) {
    const LockstepParameter *p =
        lockstep_preset_device_parameter (preset, cases[i][0]);

    g_assert_cmpstr (p != NULL ? p->name : NULL, ==, cases[i][1]);
  }
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

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/preset-launch/resolve", test_resolve);
  g_test_add_func ("/preset-launch/resolve-faults", test_resolve_faults);
  g_test_add_func ("/preset-launch/origin", test_origin);
  g_test_add_func ("/preset-launch/launch", test_launch);
  g_test_add_func ("/preset-launch/launch-faults", test_launch_faults);
  g_test_add_func ("/preset-launch/force", test_force);
  g_test_add_func ("/preset-launch/try", test_try);
  g_test_add_func ("/preset-launch/repeat", test_repeat);
  g_test_add_func ("/preset-launch/taken", test_taken);
  g_test_add_func ("/preset-launch/ports", test_ports);
  g_test_add_func ("/preset-launch/device", test_device);
  g_test_add_func ("/preset-launch/nearest", test_nearest);
  return g_test_run ();
}
