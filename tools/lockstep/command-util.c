/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What commands share: options, mistakes, JSON on stdout, a preset with its values. */
#include "command-util.h"
#include "commands.h"
#include "presets.h"

#include <gst/lockstep/launchcheck.h>
#include <string.h>

int
command_usage (const char *command, const char *format, ...)
{
  g_autofree char *text = NULL;
  va_list args;

  va_start (args, format);
  text = g_strdup_vprintf (format, args);
  va_end (args);
  g_printerr ("lockstep: %s: %s\n", command, text);
  return EXIT_USAGE;
}

/* The first word of @argv that is no option of @entries, and what it may have meant. */
static const char *
unknown_option (const GOptionEntry * entries, int argc, char **argv,
    const char **near)
{
  g_autoptr (GPtrArray) names = g_ptr_array_new ();

  for (; entries->long_name != NULL; entries++)
    g_ptr_array_add (names, (gpointer) entries->long_name);
  g_ptr_array_add (names, NULL);
  for (int i = 1; i < argc && !g_str_equal (argv[i], "--"); i++) {
    const char *equals = strchr (argv[i], '=');
    g_autofree char *word = g_strndup (argv[i], equals != NULL
        ? (gsize) (equals - argv[i]) : strlen (argv[i]));

    if (!g_str_has_prefix (word, "--")
        || g_strv_contains ((const char *const *) names->pdata, word + 2))
      continue;
    *near = lockstep_nearest (word + 2, (const char *const *) names->pdata);
    return argv[i];
  }
  return NULL;
}

int
command_options (const char *command, const GOptionEntry * entries,
    int *argc, char ***argv)
{
  g_autoptr (GOptionContext) context = g_option_context_new (NULL);
  g_autoptr (GError) error = NULL;
  const char *word, *near = NULL;

  g_option_context_set_help_enabled (context, FALSE);
  g_option_context_add_main_entries (context, entries, NULL);
  word = unknown_option (entries, *argc, *argv, &near);
  if (near != NULL)
    return command_usage (command, "there is no option '%s'; did you mean "
        "'--%s'?", word, near);
  if (word != NULL)
    return command_usage (command, "there is no option '%s'; see lockstep %s "
        "--help", word, command);
  if (!g_option_context_parse (context, argc, argv, &error))
    return command_usage (command, "%s", error->message);
  return EXIT_OK;
}

void
command_print_json (JsonBuilder * builder)
{
  g_autoptr (JsonNode) root = json_builder_get_root (builder);
  g_autofree char *text = json_to_string (root, TRUE);

  g_print ("%s\n", text);
}

void
command_json_string (JsonBuilder * builder, const char *name, const char *value)
{
  json_builder_set_member_name (builder, name);
  if (value != NULL)
    json_builder_add_string_value (builder, value);
  else
    json_builder_add_null_value (builder);
}

static const char *
from_environment (const char *name)
{
  return g_getenv (name);
}

int
command_open_preset (const char *command, int argc, char **argv,
    LockstepPreset ** preset, GHashTable ** values)
{
  g_autoptr (GPtrArray) faults = lockstep_faults_new ();

  if (argc < 2)
    return command_usage (command, "which preset? See: lockstep list");
  *preset = presets_load (argv[1], faults);
  if (*preset != NULL && values != NULL)
    *values = lockstep_preset_resolve (*preset,
        (const char *const *) argv + 2, from_environment, faults);
  if (faults->len == 0)
    return EXIT_OK;
  presets_print_faults (argv[1], faults);
  return EXIT_CONFIG;
}

LockstepLaunch *
command_launch (const char *name, LockstepPreset * preset, GHashTable * values,
    int *status)
{
  g_autoptr (GPtrArray) faults = lockstep_faults_new ();
  LockstepMachine machine = presets_machine;
  LockstepLaunch *launch = NULL;

  machine.try_forced = TRUE;
  *status = EXIT_CONFIG;
  if (!presets_name_channel (preset, name, values))
    return NULL;
  launch = lockstep_preset_launch (preset, values, &machine, faults);
  if (launch == NULL) {
    presets_print_faults (name, faults);
    *status = EXIT_MISSING;
    return NULL;
  }
  if (!lockstep_launch_check_ports (launch, faults)) {
    presets_print_faults (name, faults);
    g_clear_pointer (&launch, lockstep_launch_free);
    return NULL;
  }
  for (guint i = 0; i < launch->doubts->len; i++)
    g_printerr ("lockstep: %s: warning: %s; it is taken because it is forced\n",
        name, (char *) g_ptr_array_index (launch->doubts, i));
  return launch;
}
