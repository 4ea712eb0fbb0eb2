/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* lockstep show PRESET [name=value …] */
#include "command-util.h"
#include "commands.h"
#include "presets.h"

#include <gst/lockstep/sdp.h>

#include <string.h>

typedef struct
{
  const LockstepPreset *preset;
  const char *const *words;     /* name=value */
  GHashTable *values;           /* NULL: some are wrong or missing */
} Show;

static const char *
from_environment (const char *name)
{
  return g_getenv (name);
}

static char *
number_limits (const LockstepParameter * p, const char *unit)
{
  g_autofree char *min = p->min > -G_MAXDOUBLE
      ? g_strdup_printf ("%.10g", p->min) : NULL;
  g_autofree char *max = p->max < G_MAXDOUBLE
      ? g_strdup_printf ("%.10g", p->max) : NULL;

  if (min != NULL && max != NULL)
    return g_strdup_printf ("%s to %s%s", min, max, unit);
  if (min != NULL)
    return g_strdup_printf ("from %s%s", min, unit);
  if (max != NULL)
    return g_strdup_printf ("up to %s%s", max, unit);
  return g_strconcat ("number", unit, NULL);
}

static char *
limits_text (const LockstepParameter * p, LockstepParameterType type)
{
  g_autofree char *unit = NULL;
  g_autofree char *item = NULL;

  switch (type) {
    case LOCKSTEP_PARAMETER_ENUM:
      return g_strjoinv ("|", p->values);
    case LOCKSTEP_PARAMETER_BOOL:
      return g_strdup ("true|false");
    case LOCKSTEP_PARAMETER_STRING:
      return p->pattern != NULL && strlen (p->pattern) <= 20
          ? g_strdup_printf ("/%s/", p->pattern) : g_strdup ("text");
    case LOCKSTEP_PARAMETER_DURATION:
      unit = g_strdup_printf (" %s", p->unit);
      return number_limits (p, unit);
    case LOCKSTEP_PARAMETER_BITRATE:
      return number_limits (p, " bit/s");
    case LOCKSTEP_PARAMETER_SIZE:
      return g_strdup ("WIDTHxHEIGHT");
    case LOCKSTEP_PARAMETER_RENDITION:
      return g_strdup ("WxH[pFPS]@BITRATE");
    case LOCKSTEP_PARAMETER_SDP:
      return g_strdup ("FILE");
    case LOCKSTEP_PARAMETER_LIST:
      item = limits_text (p, p->item_type);
      return g_strconcat (item, ",…", NULL);
    default:
      return number_limits (p, "");
  }
}

static char *
origin_text (const Show * show, const LockstepParameter * p)
{
  switch (lockstep_preset_origin (show->preset, p->name, show->words,
          from_environment)) {
    case LOCKSTEP_ORIGIN_ASSIGNMENT:
      return g_strdup ("command line");
    case LOCKSTEP_ORIGIN_ENVIRONMENT:
      return lockstep_parameter_variable (p->name);
    case LOCKSTEP_ORIGIN_MISSING:
      return g_strdup ("must be given");
    case LOCKSTEP_ORIGIN_DEFAULT:
      break;
  }
  return g_strdup ("default");
}

/* Where it says that media comes to: the text is too long for a table. */
static char *
sdp_text (const char *value)
{
  static const char *const kinds[] = { "audio", "video" };
  GString *text = g_string_new (NULL);

  for (guint i = 0; i < G_N_ELEMENTS (kinds); i++) {
    g_autofree char *to = g_strconcat (kinds[i], "-address", NULL);
    g_autofree char *at = g_strconcat (kinds[i], "-port", NULL);
    g_autofree char *address = lockstep_sdp_plain_field (value, to);
    g_autofree char *port = lockstep_sdp_plain_field (value, at);

    if (port[0] != '\0')
      g_string_append_printf (text, "%s%s %s:%s", text->len > 0 ? ", " : "",
          kinds[i], address, port);
  }
  return g_string_free (text, FALSE);
}

static const char *
value_text (const Show * show, const LockstepParameter * p)
{
  const char *value = show->values != NULL
      ? g_hash_table_lookup (show->values, p->name) : p->default_value;

  return value != NULL && value[0] != '\0' && p->secret ? "(hidden)" : value;
}

/* The table's columns, as wide as they need to be. */
static void
print_table (const Show * show)
{
  static const char *const titles[] =
      { "parameter", "value", "from", "may be", "meaning" };
  const GPtrArray *parameters = lockstep_preset_get_parameters (show->preset);
  g_autoptr (GPtrArray) rows = g_ptr_array_new_with_free_func
      ((GDestroyNotify) g_strfreev);
  int width[G_N_ELEMENTS (titles)] = { 0 };

  for (guint i = 0; i <= parameters->len; i++) {
    const LockstepParameter *p = i > 0 ? parameters->pdata[i - 1] : NULL;
    char **row = g_new0 (char *, G_N_ELEMENTS (titles) + 1);
    const char *value = p != NULL ? value_text (show, p) : NULL;

    if (p == NULL) {
      for (guint k = 0; k < G_N_ELEMENTS (titles); k++)
        row[k] = g_strdup (titles[k]);
    } else {
      row[0] = g_strdup (p->name);
      row[1] = value == NULL || value[0] == '\0' ? g_strdup ("-")
          : p->type == LOCKSTEP_PARAMETER_SDP ? sdp_text (value)
          : g_strdup (value);
      row[2] = origin_text (show, p);
      row[3] = limits_text (p, p->type);
      row[4] = g_strdup (p->summary);
    }
    g_ptr_array_add (rows, row);
    for (guint k = 0; k + 1 < G_N_ELEMENTS (titles); k++)
      width[k] = MAX (width[k], g_utf8_strlen (row[k], -1));
  }
  for (guint i = 0; i < rows->len; i++) {
    char **row = g_ptr_array_index (rows, i);

    g_print (" ");
    for (guint k = 0; k + 1 < G_N_ELEMENTS (titles); k++)
      g_print (" %s%*s ", row[k],
          (int) (width[k] - g_utf8_strlen (row[k], -1)), "");
    g_print (" %s\n", row[G_N_ELEMENTS (titles) - 1]);
  }
}

/* Which choices there are, and which of them this machine takes. */
static void
print_choices (const Show * show, LockstepLaunch * launch)
{
  g_auto (GStrv) names = lockstep_preset_get_alternatives (show->preset);

  if (names[0] != NULL)
    g_print ("\n");
  for (guint i = 0; names[i] != NULL; i++) {
    g_auto (GStrv) choices =
        lockstep_preset_get_choices (show->preset, names[i]);
    g_autofree char *all = g_strjoinv (", ", choices);
    const char *taken = launch != NULL
        ? g_hash_table_lookup (launch->chosen, names[i]) : NULL;

    g_print ("  %s: %s%s%s\n", names[i], all, taken != NULL ? "; here: " : "",
        taken != NULL ? taken : "");
  }
  for (guint i = 0; launch != NULL && i < launch->passed->len; i++)
    g_print ("  passed over: %s\n",
        (char *) g_ptr_array_index (launch->passed, i));
  for (guint i = 0; launch != NULL && i < launch->doubts->len; i++)
    g_print ("  forced all the same: %s\n",
        (char *) g_ptr_array_index (launch->doubts, i));
}

static void
add_limits (JsonBuilder * builder, const LockstepParameter * p)
{
  if (p->min > -G_MAXDOUBLE) {
    json_builder_set_member_name (builder, "min");
    json_builder_add_double_value (builder, p->min);
  }
  if (p->max < G_MAXDOUBLE) {
    json_builder_set_member_name (builder, "max");
    json_builder_add_double_value (builder, p->max);
  }
  if (p->values != NULL) {
    json_builder_set_member_name (builder, "values");
    json_builder_begin_array (builder);
    for (guint i = 0; p->values[i] != NULL; i++)
      json_builder_add_string_value (builder, p->values[i]);
    json_builder_end_array (builder);
  }
  if (p->type == LOCKSTEP_PARAMETER_DURATION)
    command_json_string (builder, "unit", p->unit);
  if (p->type == LOCKSTEP_PARAMETER_LIST)
    command_json_string (builder, "items",
        lockstep_parameter_type_name (p->item_type));
}

static void
print_json (const Show * show, LockstepLaunch * launch)
{
  const GPtrArray *parameters = lockstep_preset_get_parameters (show->preset);
  g_autoptr (JsonBuilder) builder = json_builder_new ();
  g_auto (GStrv) names = lockstep_preset_get_alternatives (show->preset);

  json_builder_begin_object (builder);
  json_builder_set_member_name (builder, "version");
  json_builder_add_int_value (builder, COMMAND_JSON_VERSION);
  command_json_string (builder, "name",
      lockstep_preset_get_name (show->preset));
  command_json_string (builder, "summary",
      lockstep_preset_get_summary (show->preset));
  json_builder_set_member_name (builder, "parameters");
  json_builder_begin_array (builder);
  for (guint i = 0; i < parameters->len; i++) {
    const LockstepParameter *p = g_ptr_array_index (parameters, i);
    g_autofree char *origin = origin_text (show, p);

    json_builder_begin_object (builder);
    command_json_string (builder, "name", p->name);
    command_json_string (builder, "type",
        lockstep_parameter_type_name (p->type));
    command_json_string (builder, "summary", p->summary);
    command_json_string (builder, "default", p->secret ? NULL
        : p->default_value);
    command_json_string (builder, "value", value_text (show, p));
    command_json_string (builder, "from", origin);
    add_limits (builder, p);
    json_builder_end_object (builder);
  }
  json_builder_end_array (builder);
  json_builder_set_member_name (builder, "alternatives");
  json_builder_begin_object (builder);
  for (guint i = 0; names[i] != NULL; i++)
    command_json_string (builder, names[i], launch != NULL
        ? g_hash_table_lookup (launch->chosen, names[i]) : NULL);
  json_builder_end_object (builder);
  json_builder_end_object (builder);
  command_print_json (builder);
}

static int
show (int argc, char **argv)
{
  gboolean json = FALSE, only_names = FALSE;
  const GOptionEntry entries[] = {
    {"json", 0, 0, G_OPTION_ARG_NONE, &json, NULL, NULL},
    {"names", 0, 0, G_OPTION_ARG_NONE, &only_names, NULL, NULL},
    {NULL}
  };
  g_autoptr (LockstepPreset) preset = NULL;
  g_autoptr (GHashTable) values = NULL;
  g_autoptr (LockstepLaunch) launch = NULL;
  g_autoptr (GPtrArray) faults = lockstep_faults_new ();
  LockstepMachine machine = presets_machine;
  Show it = { NULL };
  int status = command_options ("show", entries, &argc, &argv);

  if (status == EXIT_OK)
    status = command_open_preset ("show", argc, argv, &preset, NULL);
  if (status != EXIT_OK)
    return status;
  machine.try_forced = TRUE;
  it.preset = preset;
  it.words = (const char *const *) argv + 2;
  if (only_names) {
    const GPtrArray *parameters = lockstep_preset_get_parameters (preset);

    for (guint i = 0; i < parameters->len; i++)
      g_print ("%s\n", ((LockstepParameter *) parameters->pdata[i])->name);
    return EXIT_OK;
  }
  it.values = values =
      lockstep_preset_resolve (preset, it.words, from_environment, faults);
  /* what must be given and is not is seen in the table */
  if (values == NULL && argc > 2) {
    presets_print_faults (argv[1], faults);
    return EXIT_CONFIG;
  }
  if (values != NULL && presets_name_channel (preset, argv[1], values))
    launch = lockstep_preset_launch (preset, values, &machine, faults);
  if (json) {
    print_json (&it, launch);
    return EXIT_OK;
  }
  g_print ("%s: %s\n\n", argv[1], lockstep_preset_get_summary (preset));
  print_table (&it);
  print_choices (&it, launch);
  return EXIT_OK;
}

const Command command_show = {
  "show", "PRESET [name=value ...] [--json] [--names]",
  "a preset's parameters, and where each value comes from",
  "Prints each parameter's value, where it comes from (the command line, the environment,\n"
      "the default), what it may be and what it means; and which of its alternatives this\n"
      "machine takes. --names prints the parameters' names alone.\n\n"
      "  lockstep show webrtc-to-hls\n"
      "  LOCKSTEP_LATENCY=300 lockstep show webrtc-to-hls target-duration=2\n",
  show
};
