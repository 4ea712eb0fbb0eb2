/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Preset files: found, read, and made into pipelines. */
#include "config.h"
#include "presets.h"

#include <string.h>

GStrv
presets_folders (void)
{
  const char *path = g_getenv ("LOCKSTEP_PIPELINES_PATH");

  if (path != NULL && path[0] != '\0')
    return g_strsplit (path, G_SEARCHPATH_SEPARATOR_S, -1);
  return g_strsplit (LOCKSTEP_PIPELINES_DIR, G_SEARCHPATH_SEPARATOR_S, -1);
}

static int
compare_names (gconstpointer a, gconstpointer b)
{
  return strcmp (*(char *const *) a, *(char *const *) b);
}

GStrv
presets_list (void)
{
  g_auto (GStrv) folders = presets_folders ();
  g_autoptr (GPtrArray) names = g_ptr_array_new_with_free_func (g_free);

  for (guint i = 0; folders[i] != NULL; i++) {
    g_autoptr (GDir) dir = g_dir_open (folders[i], 0, NULL);
    const char *file;

    while (dir != NULL && (file = g_dir_read_name (dir)) != NULL) {
      g_autofree char *name = g_strndup (file, MAX (strlen (file), 5) - 5);

      if (g_str_has_suffix (file, ".json")
          && !g_str_has_suffix (file, ".schema.json")
          && !g_ptr_array_find_with_equal_func (names, name, g_str_equal, NULL))
        g_ptr_array_add (names, g_steal_pointer (&name));
    }
  }
  g_ptr_array_sort (names, compare_names);
  g_ptr_array_add (names, NULL);
  return (GStrv) g_ptr_array_free (g_steal_pointer (&names), FALSE);
}

static char *
find_file (const char *name)
{
  g_auto (GStrv) folders = NULL;

  if (strchr (name, '/') != NULL || g_str_has_suffix (name, ".json"))
    return g_strdup (name);
  folders = presets_folders ();
  for (guint i = 0; folders[i] != NULL; i++) {
    g_autofree char *file = g_strconcat (name, ".json", NULL);
    g_autofree char *path = g_build_filename (folders[i], file, NULL);

    if (g_file_test (path, G_FILE_TEST_IS_REGULAR))
      return g_steal_pointer (&path);
  }
  return NULL;
}

LockstepPreset *
presets_load (const char *name, GPtrArray * faults)
{
  g_autofree char *path = find_file (name);
  g_autofree char *text = NULL;
  g_autoptr (GError) error = NULL;
  gsize length;

  if (path == NULL) {
    g_auto (GStrv) names = presets_list ();
    const char *near = lockstep_nearest (name, (const char *const *) names);
    g_autofree char *all = g_strjoinv (", ", names);

    if (near != NULL)
      lockstep_fault_add (faults, name,
          "there is no such preset; did you mean '%s'?", near);
    else
      lockstep_fault_add (faults, name,
          "there is no such preset; there are: %s", all);
    return NULL;
  }
  if (!g_file_get_contents (path, &text, &length, &error)) {
    lockstep_fault_add (faults, path, "%s", error->message);
    return NULL;
  }
  return lockstep_preset_parse (name, text, length, faults);
}

gboolean
presets_has_element (const char *factory, gpointer unused)
{
  g_autoptr (GstElementFactory) found = gst_element_factory_find (factory);

  return found != NULL;
}

static gboolean
apply_one (GstElement * pipeline, const LockstepPropertySetting * setting,
    GPtrArray * faults)
{
  g_autofree char *place =
      g_strdup_printf ("properties.%s.%s", setting->element, setting->property);
  g_autoptr (GstElement) element =
      gst_bin_get_by_name (GST_BIN (pipeline), setting->element);
  g_auto (GValue) value = G_VALUE_INIT;
  GParamSpec *spec;

  if (element == NULL) {
    lockstep_fault_add (faults, place, "no element is named '%s'",
        setting->element);
    return FALSE;
  }
  spec = g_object_class_find_property (G_OBJECT_GET_CLASS (element),
      setting->property);
  if (spec == NULL) {
    lockstep_fault_add (faults, place, "%s has no property '%s'",
        GST_OBJECT_NAME (gst_element_get_factory (element)), setting->property);
    return FALSE;
  }
  g_value_init (&value, spec->value_type);
  /* a string is taken as it is: gst_value_deserialize() would read quotes and
   * escapes into it */
  if (spec->value_type == G_TYPE_STRING) {
    g_value_set_string (&value, setting->value);
  } else if (!gst_value_deserialize (&value, setting->value)) {
    lockstep_fault_add (faults, place, "'%s' is not a %s", setting->value,
        g_type_name (spec->value_type));
    return FALSE;
  }
  if (g_param_value_validate (spec, &value)) {
    lockstep_fault_add (faults, place, "'%s' is outside the property's limits",
        setting->value);
    return FALSE;
  }
  g_object_set_property (G_OBJECT (element), setting->property, &value);
  return TRUE;
}

gboolean
presets_apply (GstElement * pipeline, LockstepLaunch * launch,
    GPtrArray * faults)
{
  gboolean ok = TRUE;

  for (guint i = 0; i < launch->properties->len; i++)
    ok &= apply_one (pipeline, g_ptr_array_index (launch->properties, i),
        faults);
  return ok;
}

GstElement *
presets_build (LockstepLaunch * launch, GPtrArray * faults)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GstParseContext) context = gst_parse_context_new ();
  GstElement *element = gst_parse_launch_full (launch->launch, context,
      GST_PARSE_FLAG_FATAL_ERRORS, &error);

  if (element == NULL) {
    lockstep_fault_add (faults, "pipeline", "%s", error->message);
    return NULL;
  }
  gst_object_ref_sink (element);
  if (!GST_IS_PIPELINE (element)) {
    lockstep_fault_add (faults, "pipeline", "more than one element is needed");
    gst_object_unref (element);
    return NULL;
  }
  if (!presets_apply (element, launch, faults)) {
    gst_object_unref (element);
    return NULL;
  }
  return element;
}

void
presets_print_faults (const char *preset, GPtrArray * faults)
{
  for (guint i = 0; i < faults->len; i++) {
    const LockstepFault *fault = g_ptr_array_index (faults, i);

    if (g_str_equal (fault->place, preset))
      g_printerr ("lockstep: %s: %s\n", preset, fault->text);
    else
      g_printerr ("lockstep: %s: %s: %s\n", preset, fault->place, fault->text);
  }
}
