/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* lockstep check [PRESET|FILE [name=value …]] */
#include "command-util.h"
#include "commands.h"
#include "lint.h"
#include "presets.h"

#include <string.h>

typedef struct
{
  JsonBuilder *json;            /* NULL: text */
  gboolean verbose;
  guint faults, missing;
} Check;

static const char *
from_environment (const char *name)
{
  return g_getenv (name);
}

static void
report_one (Check * check, const char *name, const char *severity,
    const LockstepFault * fault)
{
  const char *file = fault->file != NULL ? fault->file : name;

  if (check->json != NULL) {
    json_builder_begin_object (check->json);
    command_json_string (check->json, "severity", severity);
    command_json_string (check->json, "file", fault->file);
    json_builder_set_member_name (check->json, "line");
    json_builder_add_int_value (check->json, fault->line);
    command_json_string (check->json, "place", fault->place);
    command_json_string (check->json, "text", fault->text);
    json_builder_end_object (check->json);
    return;
  }
  g_print ("%s:", file);
  if (fault->line > 0)
    g_print ("%u:", fault->line);
  g_print (" %s: %s%s%s\n", severity, fault->place,
      fault->place[0] != '\0' ? ": " : "", fault->text);
}

static void
report_all (Check * check, const char *name, const char *severity,
    const GPtrArray * faults)
{
  for (guint i = 0; i < faults->len; i++)
    report_one (check, name, severity, g_ptr_array_index (faults, i));
}

/* @words: name=value, for this preset. */
static void
check_one (Check * check, const char *name, char **words)
{
  g_autoptr (LintReport) report = lint_report_new ();
  g_autoptr (LockstepPreset) preset = presets_load (name, report->faults);
  g_autoptr (GHashTable) values = NULL;
  gboolean well;

  if (preset != NULL) {
    values = lockstep_preset_resolve_given (preset,
        (const char *const *) words, from_environment, report->faults);
    if (values != NULL)
      lint_preset (name, preset, values, report);
  }
  well = report->faults->len == 0 && report->missing->len == 0;
  check->faults += report->faults->len;
  check->missing += report->missing->len;
  if (check->json != NULL) {
    json_builder_begin_object (check->json);
    command_json_string (check->json, "name", name);
    json_builder_set_member_name (check->json, "ok");
    json_builder_add_boolean_value (check->json, well);
    json_builder_set_member_name (check->json, "findings");
    json_builder_begin_array (check->json);
  }
  report_all (check, name, "error", report->faults);
  report_all (check, name, "missing", report->missing);
  if (check->verbose || check->json != NULL)
    report_all (check, name, "note", report->notes);
  if (check->json != NULL) {
    json_builder_end_array (check->json);
    json_builder_end_object (check->json);
  } else if (well) {
    g_print ("%s: ok\n", name);
  }
}

static int
check_presets (int argc, char **argv)
{
  gboolean json = FALSE, verbose = FALSE;
  const GOptionEntry entries[] = {
    {"json", 0, 0, G_OPTION_ARG_NONE, &json, NULL, NULL},
    {"verbose", 'v', 0, G_OPTION_ARG_NONE, &verbose, NULL, NULL},
    {NULL}
  };
  Check check = { NULL };
  g_autoptr (JsonBuilder) builder = NULL;
  g_auto (GStrv) all = NULL;
  int status = command_options ("check", entries, &argc, &argv);

  if (status != EXIT_OK)
    return status;
  if (argc > 1 && strchr (argv[1], '=') != NULL)
    return command_usage ("check", "which preset is '%s' for? Name it first",
        argv[1]);
  check.verbose = verbose;
  if (json) {
    check.json = builder = json_builder_new ();
    json_builder_begin_object (builder);
    json_builder_set_member_name (builder, "version");
    json_builder_add_int_value (builder, COMMAND_JSON_VERSION);
    json_builder_set_member_name (builder, "presets");
    json_builder_begin_array (builder);
  }
  if (argc == 1) {
    all = presets_list ();
    for (guint i = 0; all[i] != NULL; i++)
      check_one (&check, all[i], NULL);
  }
  for (int i = 1; i < argc;) {
    g_autoptr (GPtrArray) words = g_ptr_array_new ();
    const char *name = argv[i++];

    while (i < argc && strchr (argv[i], '=') != NULL)
      g_ptr_array_add (words, argv[i++]);
    g_ptr_array_add (words, NULL);
    check_one (&check, name, (char **) words->pdata);
  }
  if (json) {
    json_builder_end_array (builder);
    json_builder_end_object (builder);
    command_print_json (builder);
  }
  return check.faults > 0 ? EXIT_CONFIG
      : check.missing > 0 ? EXIT_MISSING : EXIT_OK;
}

const Command command_check = {
  "check", "[PRESET|FILE [name=value ...] ...] [--verbose] [--json]",
  "what is wrong with presets",
  "Looks presets over, all of them where none is named, without running them: every\n"
      "fault with file, line, place and cure; for missing elements the Debian package. What\n"
      "each choice and each value of an enum becomes is built too. --verbose also names\n"
      "the choices that this machine does not have.\n"
      "Exit status: 0 all is well, 69 elements are missing, 78 a preset is wrong.\n\n"
      "  lockstep check\n"
      "  lockstep check ./mine.json\n"
      "  lockstep check webrtc-to-hls audio-codec=aac --verbose\n",
  check_presets
};
