/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Preset files: found, read, and made into pipelines. */
#include "config.h"
#include "channel.h"
#include "open-ends.h"
#include "presets.h"
#include "read-file.h"
#include "try.h"

#include <glib/gstdio.h>
#include <gst/lockstep/launchcheck.h>
#include <string.h>

/* A parameter may name a file of so many bytes. */
#define PARAMETER_MAX_BYTES (64 * 1024)

GStrv
presets_folders (void)
{
  const char *path = g_getenv ("LOCKSTEP_PIPELINES_PATH");
  g_autofree char *own = g_build_filename (g_get_user_config_dir (),
      "lockstep", "pipelines", NULL);
  g_autofree char *all = g_strjoin (G_SEARCHPATH_SEPARATOR_S, own,
      path != NULL && path[0] != '\0' ? path : LOCKSTEP_PIPELINES_DIR, NULL);

  return g_strsplit (all, G_SEARCHPATH_SEPARATOR_S, -1);
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

/* @from: a preset that extends its namesake means the one behind it. */
static char *
find_file (const char *name, const char *from)
{
  g_auto (GStrv) folders = NULL;
  gboolean behind;

  if (strchr (name, '/') != NULL || g_str_has_suffix (name, ".json")) {
    g_autofree char *folder = from != NULL && !g_path_is_absolute (name)
        ? g_path_get_dirname (from) : NULL;

    return folder != NULL ? g_build_filename (folder, name, NULL)
        : g_strdup (name);
  }
  folders = presets_folders ();
  behind = from == NULL;
  for (guint pass = 0; pass < 2; pass++) {
    for (guint i = 0; folders[i] != NULL; i++) {
      g_autofree char *file = g_strconcat (name, ".json", NULL);
      g_autofree char *path = g_build_filename (folders[i], file, NULL);

      if (g_strcmp0 (path, from) == 0)
        behind = TRUE;
      else if (behind && g_file_test (path, G_FILE_TEST_IS_REGULAR))
        return g_steal_pointer (&path);
    }
    behind = TRUE;
  }
  return NULL;
}

static char *
open_preset (const char *name, const char *from, char **file, gsize * length,
    gpointer unused, GError ** error)
{
  *file = find_file (name, from);
  if (*file == NULL) {
    g_auto (GStrv) names = presets_list ();
    const char *near = lockstep_nearest (name, (const char *const *) names);
    g_autofree char *all = g_strjoinv (", ", names);

    if (near != NULL && !g_str_equal (near, name))
      g_set_error (error, G_FILE_ERROR, G_FILE_ERROR_NOENT,
          "there is no preset '%s'; did you mean '%s'?", name, near);
    else
      g_set_error (error, G_FILE_ERROR, G_FILE_ERROR_NOENT,
          "there is no preset '%s'; there are: %s", name, all);
    return NULL;
  }
  return read_file_or_pipe (*file, LOCKSTEP_PRESET_MAX_BYTES, length, error);
}

char *
presets_find (const char *name)
{
  return find_file (name, NULL);
}

/* A file that a parameter names. */
static char *
read_parameter_file (const char *path, GError ** error)
{
  GStatBuf status;

  if (g_stat (path, &status) == 0)
    return read_file (path, PARAMETER_MAX_BYTES, NULL, error);
  g_set_error (error, G_FILE_ERROR, G_FILE_ERROR_NOENT,
      "there is no file '%s'", path);
  return NULL;
}

LockstepPreset *
presets_load (const char *name, GPtrArray * faults)
{
  LockstepPreset *preset =
      lockstep_preset_load (name, open_preset, NULL, faults);

  if (preset != NULL)
    lockstep_preset_set_read_file (preset, read_parameter_file);
  return preset;
}

static gboolean
has_element (const char *factory, gpointer unused)
{
  g_autoptr (GstElementFactory) found = gst_element_factory_find (factory);

  return found != NULL;
}

const LockstepMachine presets_machine = { has_element, try_choice, NULL };

/* What an enumeration's values are called. */
static char *
enum_values (GParamSpec * spec)
{
  GEnumClass *class = G_PARAM_SPEC_ENUM (spec)->enum_class;
  GString *text = g_string_new (NULL);

  for (guint i = 0; i < class->n_values; i++)
    g_string_append_printf (text, "%s%s", i > 0 ? ", " : "",
        class->values[i].value_nick);
  return g_string_free (text, FALSE);
}

static char *
unknown_property (GstElement * element, const char *property)
{
  g_autoptr (GPtrArray) names = g_ptr_array_new ();
  g_autofree GParamSpec **specs = NULL;
  const char *factory = GST_OBJECT_NAME (gst_element_get_factory (element));
  const char *near;
  guint n;

  specs = g_object_class_list_properties (G_OBJECT_GET_CLASS (element), &n);
  for (guint i = 0; i < n; i++)
    g_ptr_array_add (names, (gpointer) specs[i]->name);
  g_ptr_array_add (names, NULL);
  near = lockstep_nearest (property, (const char *const *) names->pdata);
  return near != NULL
      ? g_strdup_printf ("%s has no property '%s'; did you mean '%s'?", factory,
      property, near)
      : g_strdup_printf ("%s has no property '%s'; see gst-inspect-1.0 %s",
      factory, property, factory);
}

/* The limits of a number's property; NULL: it has none. */
static char *
limits_of (GParamSpec * spec)
{
  if (G_IS_PARAM_SPEC_INT (spec))
    return g_strdup_printf ("%d to %d", G_PARAM_SPEC_INT (spec)->minimum,
        G_PARAM_SPEC_INT (spec)->maximum);
  if (G_IS_PARAM_SPEC_UINT (spec))
    return g_strdup_printf ("%u to %u", G_PARAM_SPEC_UINT (spec)->minimum,
        G_PARAM_SPEC_UINT (spec)->maximum);
  if (G_IS_PARAM_SPEC_INT64 (spec))
    return g_strdup_printf ("%" G_GINT64_FORMAT " to %" G_GINT64_FORMAT,
        G_PARAM_SPEC_INT64 (spec)->minimum, G_PARAM_SPEC_INT64 (spec)->maximum);
  if (G_IS_PARAM_SPEC_UINT64 (spec))
    return g_strdup_printf ("%" G_GUINT64_FORMAT " to %" G_GUINT64_FORMAT,
        G_PARAM_SPEC_UINT64 (spec)->minimum,
        G_PARAM_SPEC_UINT64 (spec)->maximum);
  if (G_IS_PARAM_SPEC_DOUBLE (spec))
    return g_strdup_printf ("%g to %g", G_PARAM_SPEC_DOUBLE (spec)->minimum,
        G_PARAM_SPEC_DOUBLE (spec)->maximum);
  return NULL;
}

/* @value for @spec's property of @element; what is wrong with it instead. */
static char *
read_property_value (GstElement * element, GParamSpec * spec,
    const char *text, GValue * value)
{
  const char *factory = GST_OBJECT_NAME (gst_element_get_factory (element));
  g_autofree char *all = NULL;

  if (!(spec->flags & G_PARAM_WRITABLE))
    return g_strdup_printf ("%s's property '%s' can only be read", factory,
        spec->name);
  if (spec->flags & G_PARAM_CONSTRUCT_ONLY)
    return
        g_strdup_printf ("%s's property '%s' can only be set when it is made",
        factory, spec->name);
  g_value_init (value, spec->value_type);
  /* a string is taken as it is: gst_value_deserialize() would read quotes and
   * escapes into it */
  if (spec->value_type == G_TYPE_STRING) {
    g_value_set_string (value, text);
  } else if (!gst_value_deserialize_with_pspec (value, text, spec)) {
    if (G_IS_PARAM_SPEC_ENUM (spec)) {
      all = enum_values (spec);
      return g_strdup_printf ("%s.%s: '%s' is not one of %s", factory,
          spec->name, text, all);
    }
    return g_strdup_printf ("%s.%s: '%s' is not a %s", factory, spec->name,
        text, g_type_name (spec->value_type));
  }
  if (!g_param_value_validate (spec, value))
    return NULL;
  all = limits_of (spec);
  return all != NULL ? g_strdup_printf ("%s.%s: '%s' is not in %s", factory,
      spec->name, text, all)
      : g_strdup_printf ("%s.%s: '%s' is outside the property's limits",
      factory, spec->name, text);
}

char *
presets_property_problem (GstElement * element, const char *property,
    const char *text)
{
  GParamSpec *spec = g_object_class_find_property (G_OBJECT_GET_CLASS (element),
      property);
  g_auto (GValue) value = G_VALUE_INIT;

  /* a child's property: the child may come later */
  if (strstr (property, "::") != NULL)
    return NULL;
  if (spec == NULL)
    return unknown_property (element, property);
  /* an element is written as a pipeline of its own */
  if (g_type_is_a (spec->value_type, G_TYPE_OBJECT))
    return NULL;
  return read_property_value (element, spec, text, &value);
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
  g_autofree char *problem = NULL;
  GParamSpec *spec;

  if (element == NULL) {
    lockstep_fault_add (faults, place, "no element is named '%s'",
        setting->element);
    return FALSE;
  }
  spec = g_object_class_find_property (G_OBJECT_GET_CLASS (element),
      setting->property);
  problem = spec == NULL ? unknown_property (element, setting->property)
      : read_property_value (element, spec, setting->value, &value);
  if (problem != NULL) {
    lockstep_fault_add (faults, place, "%s", problem);
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

gboolean
presets_apply_changes (GstElement * pipeline, const LockstepLaunch * before,
    const LockstepLaunch * launch, GPtrArray * faults)
{
  gboolean ok = TRUE;

  for (guint i = 0; i < launch->properties->len; i++) {
    LockstepPropertySetting *now = g_ptr_array_index (launch->properties, i);
    const LockstepPropertySetting *was = i < before->properties->len
        ? g_ptr_array_index (before->properties, i) : NULL;

    if (was == NULL || g_strcmp0 (was->value, now->value) != 0)
      ok &= apply_one (pipeline, now, faults);
  }
  return ok;
}

GstElement *
presets_build (LockstepLaunch * launch, GPtrArray * faults)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GstParseContext) context = gst_parse_context_new ();
  g_autofree char *twice = lockstep_launch_name_twice (launch->launch);
  g_autofree char *where = NULL;
  GstElement *element;

  if (twice != NULL) {
    lockstep_fault_add (faults, "pipeline", "two elements are named '%s'; give "
        "each a name of its own", twice);
    return NULL;
  }
  element = gst_parse_launch_full (launch->launch, context,
      GST_PARSE_FLAG_FATAL_ERRORS, &error);
  if (element == NULL) {
    if (g_error_matches (error, GST_PARSE_ERROR, GST_PARSE_ERROR_SYNTAX))
      where = lockstep_launch_syntax_problem (launch->launch);
    lockstep_fault_add (faults, "pipeline", "%s%s%s", error->message,
        where != NULL ? ": " : "", where != NULL ? where : "");
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
  open_ends_watch (element);
  return element;
}

void
presets_print_faults (const char *preset, GPtrArray * faults)
{
  for (guint i = 0; i < faults->len; i++) {
    const LockstepFault *fault = g_ptr_array_index (faults, i);

    if (fault->file != NULL && fault->line > 0)
      g_printerr ("lockstep: %s:%u: ", fault->file, fault->line);
    else
      g_printerr ("lockstep: %s: ", fault->file != NULL ? fault->file : preset);
    if (fault->place[0] == '\0')
      g_printerr ("%s\n", fault->text);
    else
      g_printerr ("%s: %s\n", fault->place, fault->text);
  }
}

gboolean
presets_name_channel (LockstepPreset * preset, const char *preset_name,
    GHashTable * values)
{
  const char *given = g_hash_table_lookup (values, "channel");
  g_autofree char *name = NULL;

  if (lockstep_preset_get_signalling (preset) == LOCKSTEP_SIGNALLING_WHIP) {
    g_hash_table_insert (values, g_strdup ("channel"), g_strdup ("-"));
    return TRUE;
  }
  if (given != NULL && given[0] != '\0') {
    name = g_strdup (given);
  } else {
    name = g_path_get_basename (preset_name);
    if (g_str_has_suffix (name, ".json"))
      name[strlen (name) - strlen (".json")] = '\0';
  }
  if (!channel_name_is_valid (name)) {
    g_printerr ("lockstep: channel=%s: a channel's name is 1 to 64 letters, "
        "digits, '-', '_' and '.'\n", name);
    return FALSE;
  }
  g_hash_table_insert (values, g_strdup ("channel"), g_steal_pointer (&name));
  return TRUE;
}
