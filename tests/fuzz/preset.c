/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Fuzz target: presets with any bytes, to the reader and to what uses it.
 *
 * Beyond not crashing it must hold that: a preset that is refused has a fault and one that
 * is taken has none; what it resolves to by its defaults can be launched or has a fault. */
#include <gst/lockstep/launchexport.h>
#include <gst/lockstep/preset.h>

int LLVMFuzzerTestOneInput (const guint8 * data, gsize size);

static gboolean
has_all (const char *factory, gpointer user_data)
{
  return TRUE;
}

int
LLVMFuzzerTestOneInput (const guint8 * data, gsize size)
{
  static const LockstepMachine machine = { has_all, NULL, NULL };
  g_autoptr (GPtrArray) faults = lockstep_faults_new ();
  g_autoptr (GPtrArray) notes = g_ptr_array_new_with_free_func (g_free);
  g_autoptr (LockstepPreset) preset =
      lockstep_preset_parse ("fuzz", size > 0 ? (const char *) data : "", size,
      faults);
  g_autoptr (GHashTable) values = NULL;
  g_autoptr (LockstepLaunch) launch = NULL;
  g_autoptr (LockstepOutline) outline = NULL;
  g_autofree char *line = NULL;

  g_assert_true ((preset == NULL) == (faults->len > 0));
  if (preset == NULL)
    return 0;
  values = lockstep_preset_resolve (preset, NULL, NULL, faults);
  g_assert_true ((values == NULL) == (faults->len > 0));
  if (values == NULL)
    return 0;
  outline = lockstep_preset_outline (preset, values);
  launch = lockstep_preset_launch (preset, values, &machine, faults);
  g_assert_true ((launch == NULL) == (faults->len > 0));
  if (launch == NULL)
    return 0;
  line = lockstep_launch_export (preset, launch, 200, notes, faults);
  g_assert_true ((line == NULL) == (faults->len > 0));
  return 0;
}
