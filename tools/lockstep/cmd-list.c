/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* lockstep list, lockstep show PRESET */
#include "commands.h"
#include "presets.h"

int
cmd_list (int argc, char **argv)
{
  g_auto (GStrv) names = presets_list ();
  int status = EXIT_OK;

  for (guint i = 0; names[i] != NULL; i++) {
    g_autoptr (GPtrArray) faults = lockstep_faults_new ();
    g_autoptr (LockstepPreset) preset = presets_load (names[i], faults);

    if (preset != NULL) {
      g_print ("%-18s %s\n", names[i], lockstep_preset_get_summary (preset));
    } else {
      presets_print_faults (names[i], faults);
      status = EXIT_CONFIG;
    }
  }
  return status;
}

static char *
limits_text (const LockstepParameter * p)
{
  switch (p->type) {
    case LOCKSTEP_PARAMETER_ENUM:
      return g_strjoinv ("|", p->values);
    case LOCKSTEP_PARAMETER_BOOL:
      return g_strdup ("true|false");
    case LOCKSTEP_PARAMETER_STRING:
      return g_strdup ("text");
    default:
      if (p->min == -G_MAXDOUBLE && p->max == G_MAXDOUBLE)
        return g_strdup ("number");
      return g_strdup_printf ("%g to %g", p->min, p->max);
  }
}

int
cmd_show (int argc, char **argv)
{
  g_autoptr (GPtrArray) faults = lockstep_faults_new ();
  g_autoptr (LockstepPreset) preset = NULL;
  const GPtrArray *parameters;

  if (argc != 2) {
    g_printerr ("lockstep: show: which preset? See: lockstep list\n");
    return EXIT_USAGE;
  }
  preset = presets_load (argv[1], faults);
  if (preset == NULL) {
    presets_print_faults (argv[1], faults);
    return EXIT_CONFIG;
  }
  g_print ("%s: %s\n\n", argv[1], lockstep_preset_get_summary (preset));
  parameters = lockstep_preset_get_parameters (preset);
  for (guint i = 0; i < parameters->len; i++) {
    const LockstepParameter *p = g_ptr_array_index (parameters, i);
    g_autofree char *limits = limits_text (p);

    g_print ("  %-16s %-18s %-16s %s\n", p->name, limits,
        p->default_value == NULL ? "(must be given)"
        : p->default_value[0] == '\0' ? "-" : p->default_value, p->summary);
  }
  return EXIT_OK;
}
