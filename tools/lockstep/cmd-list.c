/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* lockstep list */
#include "command-util.h"
#include "commands.h"
#include "presets.h"

static void
print_json (GStrv names)
{
  g_autoptr (JsonBuilder) builder = json_builder_new ();

  json_builder_begin_object (builder);
  json_builder_set_member_name (builder, "version");
  json_builder_add_int_value (builder, COMMAND_JSON_VERSION);
  json_builder_set_member_name (builder, "presets");
  json_builder_begin_array (builder);
  for (guint i = 0; names[i] != NULL; i++) {
    g_autoptr (GPtrArray) faults = lockstep_faults_new ();
    g_autoptr (LockstepPreset) preset = presets_load (names[i], faults);
    g_autofree char *file = presets_find (names[i]);

    json_builder_begin_object (builder);
    command_json_string (builder, "name", names[i]);
    command_json_string (builder, "summary", preset != NULL
        ? lockstep_preset_get_summary (preset) : NULL);
    command_json_string (builder, "file", file);
    json_builder_set_member_name (builder, "faults");
    json_builder_add_int_value (builder, faults->len);
    json_builder_end_object (builder);
  }
  json_builder_end_array (builder);
  json_builder_end_object (builder);
  command_print_json (builder);
}

static int
list (int argc, char **argv)
{
  gboolean json = FALSE, only_names = FALSE;
  const GOptionEntry entries[] = {
    {"json", 0, 0, G_OPTION_ARG_NONE, &json, NULL, NULL},
    {"names", 0, 0, G_OPTION_ARG_NONE, &only_names, NULL, NULL},
    {NULL}
  };
  g_auto (GStrv) names = NULL;
  int status = command_options ("list", entries, &argc, &argv);

  if (status != EXIT_OK)
    return status;
  if (argc > 1)
    return command_usage ("list", "'%s' is too much; it takes no words",
        argv[1]);
  names = presets_list ();
  if (json) {
    print_json (names);
    return EXIT_OK;
  }
  for (guint i = 0; names[i] != NULL; i++) {
    g_autoptr (GPtrArray) faults = lockstep_faults_new ();
    g_autoptr (LockstepPreset) preset = NULL;

    if (only_names) {
      g_print ("%s\n", names[i]);
      continue;
    }
    preset = presets_load (names[i], faults);
    if (preset != NULL) {
      g_print ("%-18s %s\n", names[i], lockstep_preset_get_summary (preset));
    } else {
      presets_print_faults (names[i], faults);
      status = EXIT_CONFIG;
    }
  }
  return status;
}

const Command command_list = {
  "list", "[--json] [--names]", "the presets that are there",
  "Prints each preset's name and summary: those of ~/.config/lockstep/pipelines, then\n"
      "those that are installed. --names prints names alone.\n\n"
      "  lockstep list\n" "  lockstep list --json\n",
  list
};
