/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Fuzz target: presets with any bytes, to the reader and to what uses it. Lines "---" cut the
 * bytes into several: the first is read, "1", "2" … are those that it may extend.
 *
 * Beyond not crashing it must hold that: a preset that is refused has a fault and one that
 * is taken has none; what it resolves to by its defaults can be launched or has a fault. */
#include <gst/lockstep/launchexport.h>
#include <gst/lockstep/preset.h>

#include <string.h>

int LLVMFuzzerTestOneInput (const guint8 * data, gsize size);

static gboolean
has_all (const char *factory, gpointer user_data)
{
  return TRUE;
}

typedef struct
{
  const char *data;
  gsize size;
  guint opened;
} Input;

/* Part @number of the input, its bytes as they are; NULL: there are fewer. */
static char *
copy_part (const Input * input, guint number, gsize * length)
{
  static const char cut[] = "\n---\n";
  const char *at = input->data, *end = input->data + input->size;

  for (;; number--) {
    const char *stop = at == end ? NULL : g_strstr_len (at, end - at, cut);

    if (number == 0) {
      *length = (stop != NULL ? stop : end) - at;
      return g_memdup2 (*length > 0 ? at : "", MAX (*length, 1));
    }
    if (stop == NULL)
      return NULL;
    at = stop + strlen (cut);
  }
}

static char *
open_part (const char *name, const char *from, char **file, gsize * length,
    gpointer user_data, GError ** error)
{
  Input *input = user_data;
  guint64 number = 0;
  char *text = NULL;

  /* what extends itself, or what extends it, must end */
  g_assert_cmpuint (++input->opened, <, 100);
  if (g_str_equal (name, "fuzz")
      || g_ascii_string_to_unsigned (name, 10, 1, 99, &number, NULL))
    text = copy_part (input, number, length);
  if (text == NULL)
    g_set_error (error, G_FILE_ERROR, G_FILE_ERROR_NOENT, "no part '%s'", name);
  else
    *file = g_strdup (name);
  return text;
}

int
LLVMFuzzerTestOneInput (const guint8 * data, gsize size)
{
  static const LockstepMachine machine = { has_all, NULL, NULL };
  g_autoptr (GPtrArray) faults = lockstep_faults_new ();
  g_autoptr (GPtrArray) notes = g_ptr_array_new_with_free_func (g_free);
  Input input = { size > 0 ? (const char *) data : "", size, 0 };
  g_autoptr (LockstepPreset) preset =
      lockstep_preset_load ("fuzz", open_part, &input, faults);
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
