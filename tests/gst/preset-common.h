/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the tests of presets share. */
#pragma once

#include <gst/lockstep/preset.h>

#include <string.h>

/* One line a fault, "file:line: place: text", with what is known of it. */
static inline char *
faults_text (GPtrArray *faults)
{
  GString *text = g_string_new (NULL);

  for (guint i = 0; i < faults->len; i++) {
    const LockstepFault *fault = g_ptr_array_index (faults, i);

    if (fault->file != NULL)
      g_string_append_printf (text, "%s:", fault->file);
    if (fault->line > 0)
      g_string_append_printf (text, "%u: ", fault->line);
    g_string_append_printf (text, "%s: %s\n", fault->place, fault->text);
  }
  return g_string_free (text, FALSE);
}
