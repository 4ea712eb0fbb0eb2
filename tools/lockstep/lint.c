/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Every fault of a preset that can be found without running it: elements, properties and
 * their values word by word, then whole pipelines. */
#include "lint.h"
#include "packages.h"
#include "presets.h"

#include <gst/lockstep/launchline.h>
#include <gst/lockstep/launchcheck.h>
#include <string.h>

LintReport *
lint_report_new (void)
{
  LintReport *report = g_new0 (LintReport, 1);

  report->faults = lockstep_faults_new ();
  report->missing = lockstep_faults_new ();
  report->notes = lockstep_faults_new ();
  return report;
}

void
lint_report_free (LintReport * report)
{
  g_ptr_array_unref (report->faults);
  g_ptr_array_unref (report->missing);
  g_ptr_array_unref (report->notes);
  g_free (report);
}

typedef struct
{
  LockstepPreset *preset;
  LintReport *report;
  GHashTable *elements;         /* factory -> GstElement, made to be asked */
  GHashTable *named;            /* element's name -> GstElement, of any fragment */
  GHashTable *in_choice;        /* name_in_choice() -> GstElement, NULL: absent */
  GHashTable *absent;           /* names of elements that cannot be made here */
} Lint;

static GstElement *
ask_element (Lint * lint, const char *factory)
{
  GstElement *element = g_hash_table_lookup (lint->elements, factory);

  if (element == NULL) {
    element = gst_element_factory_make (factory, NULL);
    if (element != NULL)
      g_hash_table_insert (lint->elements, g_strdup (factory),
          gst_object_ref_sink (element));
  }
  return element;
}

/* The nearest element of the registry. Short names are near to too many. */
static char *
nearest_element (const char *name)
{
  g_autoptr (GPtrArray) names = g_ptr_array_new ();
  GList *features = gst_registry_get_feature_list (gst_registry_get (),
      GST_TYPE_ELEMENT_FACTORY);
  char *near;

  for (GList * l = features; l != NULL; l = l->next)
    g_ptr_array_add (names, GST_OBJECT_NAME (l->data));
  g_ptr_array_add (names, NULL);
  near = g_strdup (lockstep_nearest (name, (const char *const *) names->pdata));
  gst_plugin_feature_list_free (features);
  return near;
}

static void
add_missing (Lint * lint, const LockstepFragment * fragment,
    const char *factory)
{
  const char *package = package_of_element (factory);
  g_autofree char *near = package == NULL ? nearest_element (factory) : NULL;

  if (fragment->choice != NULL)
    lockstep_fault_add (lint->report->notes, fragment->place,
        "'%s' is not to be had here: %s is missing%s%s", fragment->choice,
        factory, package != NULL ? "; it is in " : "",
        package != NULL ? package : "");
  else if (package != NULL)
    lockstep_fault_add (lint->report->missing, fragment->place,
        "the element %s is missing; install %s", factory, package);
  else if (near != NULL)
    lockstep_fault_add (lint->report->faults, fragment->place,
        "there is no element '%s'; did you mean '%s'?", factory, near);
  else
    lockstep_fault_add (lint->report->faults, fragment->place,
        "there is no element '%s', nor does a Debian package have it", factory);
}

static void
check_caps (Lint * lint, const LockstepFragment * fragment, const char *text)
{
  g_autoptr (GstCaps) caps = gst_caps_from_string (text);

  if (caps == NULL)
    lockstep_fault_add (lint->report->faults, fragment->place,
        "these are no caps: %s", text);
}

static void
check_property (Lint * lint, const char *place, GstElement * element,
    const char *property, const char *value)
{
  g_autofree char *problem =
      presets_property_problem (element, property, value);

  if (problem != NULL)
    lockstep_fault_add (lint->report->faults, place, "%s", problem);
}

/* The name of an element in one choice: others may have another of that name. */
static char *
name_in_choice (const char *alternative, const char *choice, const char *name)
{
  return g_strdup_printf ("%s=%s %s", alternative, choice, name);
}

/* @element: NULL where it cannot be made here. */
static void
add_name (Lint * lint, const LockstepFragment * fragment, const char *name,
    GstElement * element)
{
  GstElement *other = g_hash_table_lookup (lint->named, name);

  if (fragment->choice != NULL)
    g_hash_table_insert (lint->in_choice, name_in_choice (fragment->alternative,
            fragment->choice, name), element);
  if (element == NULL || (other != NULL && other != element)) {
    /* which it is depends on the choice: nothing can be said for all */
    g_hash_table_remove (lint->named, name);
    g_hash_table_add (lint->absent, g_strdup (name));
  } else if (!g_hash_table_contains (lint->absent, name)) {
    g_hash_table_insert (lint->named, g_strdup (name), element);
  }
}

/* The words of a line, in which an element's properties follow it. */
static void
check_fragment (Lint * lint, const LockstepFragment * fragment)
{
  g_autoptr (GPtrArray) words = lockstep_launch_words (fragment->text);
  GstElement *element = NULL;

  for (guint i = 0; i < words->len; i++) {
    const LockstepLaunchWord *word = g_ptr_array_index (words, i);
    const char *name;

    switch (word->kind) {
      case LOCKSTEP_LAUNCH_ELEMENT:
        element = ask_element (lint, word->name);
        if (element == NULL)
          add_missing (lint, fragment, word->name);
        name = lockstep_launch_name_of (words, i);
        if (name != NULL)
          add_name (lint, fragment, name, element);
        break;
      case LOCKSTEP_LAUNCH_PROPERTY:
        if (element != NULL)
          check_property (lint, fragment->place, element, word->name,
              word->value);
        else if (g_str_equal (word->name, "name"))
          /* of a bin: there, but nothing to be asked */
          g_hash_table_add (lint->absent, g_strdup (word->value));
        break;
      case LOCKSTEP_LAUNCH_CAPS:
        check_caps (lint, fragment, word->text);
        break;
      case LOCKSTEP_LAUNCH_OTHER:
        /* a bin's properties, in its brackets */
        element = NULL;
        break;
      default:
        break;
    }
  }
}

static char *
names_text (GHashTable * named)
{
  g_autoptr (GList) names = g_list_sort (g_hash_table_get_keys (named),
      (GCompareFunc) strcmp);
  GString *text = g_string_new (NULL);

  for (GList * l = names; l != NULL; l = l->next)
    g_string_append_printf (text, "%s%s", text->len > 0 ? ", " : "",
        (char *) l->data);
  return g_string_free (text, FALSE);
}

static void
check_rule (Lint * lint, const LockstepOutlineProperty * rule)
{
  GstElement *element = g_hash_table_lookup (lint->named, rule->element);
  g_autofree char *all = NULL;
  g_autofree char *own = NULL;

  if (rule->choice != NULL) {
    own = name_in_choice (rule->alternative, rule->choice, rule->element);
    if (g_hash_table_contains (lint->in_choice, own)) {
      element = g_hash_table_lookup (lint->in_choice, own);
      if (element == NULL)
        return;
    }
  }
  if (element != NULL) {
    check_property (lint, rule->place, element, rule->property, rule->value);
  } else if (!g_hash_table_contains (lint->absent, rule->element)) {
    all = names_text (lint->named);
    lockstep_fault_add (lint->report->faults, rule->place,
        "no element is named '%s'; named are: %s", rule->element,
        all[0] != '\0' ? all : "none");
  }
}

/* Links to elements by name: the name may stand in another line. */
static void
check_references (Lint * lint, const LockstepFragment * fragment)
{
  g_autoptr (GPtrArray) words = lockstep_launch_words (fragment->text);

  for (guint i = 0; i < words->len; i++) {
    const LockstepLaunchWord *word = g_ptr_array_index (words, i);
    g_autofree char *all = NULL;

    if (word->kind != LOCKSTEP_LAUNCH_REFERENCE
        || g_hash_table_contains (lint->named, word->name)
        || g_hash_table_contains (lint->absent, word->name))
      continue;
    all = names_text (lint->named);
    lockstep_fault_add (lint->report->faults, fragment->place,
        "%s: no element is named '%s'; named are: %s", word->text, word->name,
        all[0] != '\0' ? all : "none");
  }
}

static void
check_signalling (Lint * lint)
{
  const LockstepPreset *preset = lint->preset;
  g_autofree char *preview =
      lockstep_stream_element (lockstep_preset_get_preview (preset), 0);
  const char *names[] = {
    lockstep_preset_get_signalling_element (preset),
    lockstep_preset_get_audio (preset)->element,
    lockstep_preset_get_video (preset)->element,
    preview,
  };
  static const char *const places[] = { "signalling.element",
    "signalling.audio.element", "signalling.video.element",
    "signalling.preview.element"
  };

  for (guint i = 0; i < G_N_ELEMENTS (names); i++) {
    /* "element" or "element.pad" */
    g_auto (GStrv) parts =
        g_strsplit (names[i] != NULL ? names[i] : "", ".", 2);

    if (parts[0] != NULL && !g_hash_table_contains (lint->named, parts[0])
        && !g_hash_table_contains (lint->absent, parts[0]))
      lockstep_fault_add (lint->report->faults, places[i],
          "no element is named '%s'; write name=%s behind one", parts[0],
          parts[0]);
  }
}

/* Builds the pipeline once. What @why names is what is special about it. */
static void
build (Lint * lint, GHashTable * values, const char *why, const char *value)
{
  g_autoptr (GPtrArray) faults = lockstep_faults_new ();
  LockstepMachine machine = presets_machine;
  g_autoptr (LockstepLaunch) launch = NULL;
  g_autoptr (GstElement) pipeline = NULL;
  GPtrArray *into = lint->report->faults;

  /* whether a choice runs is not what is looked at */
  machine.try_choice = NULL;
  launch = lockstep_preset_launch (lint->preset, values, &machine, faults);
  if (launch == NULL)
    into = lint->report->missing;
  else if (lockstep_launch_check_ports (launch, faults))
    pipeline = presets_build (launch, faults);
  for (guint i = 0; i < faults->len; i++) {
    const LockstepFault *fault = g_ptr_array_index (faults, i);
    gboolean known = FALSE;
    g_autofree char *text = why != NULL
        ? g_strdup_printf ("%s (with %s=%s)", fault->text, why, value)
        : g_strdup (fault->text);

    for (guint k = 0; k < into->len; k++) {
      const LockstepFault *other = g_ptr_array_index (into, k);

      known |= g_str_equal (other->place, fault->place)
          && g_str_has_prefix (other->text, fault->text);
    }
    if (!known)
      lockstep_fault_add (into, fault->place, "%s", text);
  }
}

static GHashTable *
copy_values (GHashTable * values)
{
  GHashTable *copy = g_hash_table_new_full (g_str_hash, g_str_equal, g_free,
      g_free);
  GHashTableIter iter;
  gpointer name, value;

  g_hash_table_iter_init (&iter, values);
  while (g_hash_table_iter_next (&iter, &name, &value))
    g_hash_table_insert (copy, g_strdup (name), g_strdup (value));
  return copy;
}

static void
build_with (Lint * lint, GHashTable * values, const char *name,
    const char *value)
{
  g_autoptr (GHashTable) changed = copy_values (values);

  g_hash_table_replace (changed, g_strdup (name), g_strdup (value));
  build (lint, changed, name, value);
}

/* The pipeline as it is, with each other value of each enum and bool, and with a
 * sample in each list that is empty. */
static void
build_all (Lint * lint, GHashTable * values)
{
  const GPtrArray *parameters = lockstep_preset_get_parameters (lint->preset);
  static const char *const booleans[] = { "false", "true", NULL };

  build (lint, values, NULL, NULL);
  if (lint->report->faults->len > 0)
    return;
  for (guint i = 0; i < parameters->len; i++) {
    const LockstepParameter *p = g_ptr_array_index (parameters, i);
    const char *value = g_hash_table_lookup (values, p->name);
    const char *const *others = p->type == LOCKSTEP_PARAMETER_ENUM
        ? (const char *const *) p->values
        : p->type == LOCKSTEP_PARAMETER_BOOL ? booleans : NULL;

    for (guint k = 0; others != NULL && others[k] != NULL; k++)
      if (g_strcmp0 (others[k], value) != 0)
        build_with (lint, values, p->name, others[k]);
    if (p->type == LOCKSTEP_PARAMETER_LIST && value != NULL
        && value[0] == '\0' && p->item_type != LOCKSTEP_PARAMETER_ENUM)
      build_with (lint, values, p->name,
          lockstep_parameter_type_sample (p->item_type));
  }
}

/* A value for each parameter. */
static GHashTable *
complete_values (Lint * lint, GHashTable * given)
{
  const GPtrArray *parameters = lockstep_preset_get_parameters (lint->preset);
  GHashTable *values = copy_values (given);
  g_autoptr (GPtrArray) faults = lockstep_faults_new ();

  for (guint i = 0; i < parameters->len; i++) {
    const LockstepParameter *p = g_ptr_array_index (parameters, i);

    if (g_hash_table_contains (values, p->name))
      continue;
    if (p->default_value != NULL)
      g_hash_table_insert (values, g_strdup (p->name),
          lockstep_parameter_normalize (p, p->default_value, p->name, faults));
    else
      g_hash_table_insert (values, g_strdup (p->name),
          g_strdup (p->type == LOCKSTEP_PARAMETER_ENUM ? p->values[0]
              : lockstep_parameter_type_sample (p->type)));
  }
  g_hash_table_insert (values, g_strdup ("channel"), g_strdup ("channel"));
  return values;
}

void
lint_preset (const char *name, LockstepPreset * preset, GHashTable * given,
    LintReport * report)
{
  Lint lint = { preset, report };
  g_autoptr (GHashTable) values = complete_values (&lint, given);
  g_autoptr (LockstepOutline) outline =
      lockstep_preset_outline (preset, values);

  lint.elements = g_hash_table_new_full (g_str_hash, g_str_equal, g_free,
      gst_object_unref);
  lint.named = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  lint.in_choice = g_hash_table_new_full (g_str_hash, g_str_equal, g_free,
      NULL);
  lint.absent = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  for (guint i = 0; i < outline->fragments->len; i++)
    check_fragment (&lint, g_ptr_array_index (outline->fragments, i));
  for (guint i = 0; i < outline->properties->len; i++)
    check_rule (&lint, g_ptr_array_index (outline->properties, i));
  for (guint i = 0; i < outline->fragments->len; i++)
    check_references (&lint, g_ptr_array_index (outline->fragments, i));
  check_signalling (&lint);
  if (report->faults->len == 0 && report->missing->len == 0)
    build_all (&lint, values);
  lockstep_preset_locate (preset, report->faults, 0);
  lockstep_preset_locate (preset, report->missing, 0);
  lockstep_preset_locate (preset, report->notes, 0);
  g_hash_table_unref (lint.in_choice);
  g_hash_table_unref (lint.named);
  g_hash_table_unref (lint.absent);
  g_hash_table_unref (lint.elements);
}
