/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Using presets: parameters get values, alternatives are chosen, and the launch
 * line with its properties comes out. */
#include <gst/lockstep/preset-private.h>

#include <errno.h>
#include <string.h>

#define NAME_CHARACTERS "abcdefghijklmnopqrstuvwxyz0123456789-"

/* Levenshtein's distance; both words are short names. */
static guint
distance (const char *a, const char *b)
{
  gsize la = strlen (a), lb = strlen (b);
  g_autofree guint *row = g_new (guint, lb + 1);

  for (gsize j = 0; j <= lb; j++)
    row[j] = j;
  for (gsize i = 1; i <= la; i++) {
    guint diagonal = row[0];

    row[0] = i;
    for (gsize j = 1; j <= lb; j++) {
      guint above = row[j];

      row[j] = MIN (MIN (row[j] + 1, row[j - 1] + 1),
          diagonal + (a[i - 1] != b[j - 1]));
      diagonal = above;
    }
  }
  return row[lb];
}

const char *
lockstep_nearest (const char *name, const char *const *names)
{
  const char *best = NULL;
  guint best_distance = 0;

  if (strlen (name) > 100)
    return NULL;
  for (guint i = 0; names[i] != NULL; i++) {
    guint d = distance (name, names[i]);

    if (d <= MAX (1, strlen (names[i]) / 3)
        && (best == NULL || d < best_distance)) {
      best = names[i];
      best_distance = d;
    }
  }
  return best;
}

static gboolean
check_int (const LockstepParameter * p, const char *value, const char *place,
    GPtrArray * faults)
{
  g_autoptr (GError) error = NULL;
  gint64 number;

  if (!g_ascii_string_to_signed (value, 10, G_MININT64, G_MAXINT64, &number,
          &error)) {
    lockstep_fault_add (faults, place, "'%s' is not a whole number", value);
    return FALSE;
  }
  if (number < p->min || number > p->max) {
    lockstep_fault_add (faults, place, "%s is not between %.0f and %.0f", value,
        p->min, p->max);
    return FALSE;
  }
  return TRUE;
}

static gboolean
check_double (const LockstepParameter * p, const char *value,
    const char *place, GPtrArray * faults)
{
  char *end = NULL;
  double number;

  errno = 0;
  number = g_ascii_strtod (value, &end);
  if (end == value || *end != '\0' || errno == ERANGE || number != number) {
    lockstep_fault_add (faults, place, "'%s' is not a number", value);
    return FALSE;
  }
  if (number < p->min || number > p->max) {
    lockstep_fault_add (faults, place, "%s is not between %g and %g", value,
        p->min, p->max);
    return FALSE;
  }
  return TRUE;
}

gboolean
lockstep_parameter_check (const LockstepParameter * p, const char *value,
    const char *place, GPtrArray * faults)
{
  g_autofree char *all = NULL;

  if (strlen (value) > 4096 || !g_utf8_validate (value, -1, NULL)) {
    lockstep_fault_add (faults, place,
        "the value is not UTF-8 text of at most 4096 bytes");
    return FALSE;
  }
  switch (p->type) {
    case LOCKSTEP_PARAMETER_INT:
      return check_int (p, value, place, faults);
    case LOCKSTEP_PARAMETER_DOUBLE:
      return check_double (p, value, place, faults);
    case LOCKSTEP_PARAMETER_BOOL:
      if (g_str_equal (value, "true") || g_str_equal (value, "false"))
        return TRUE;
      lockstep_fault_add (faults, place, "'%s' is neither true nor false",
          value);
      return FALSE;
    case LOCKSTEP_PARAMETER_ENUM:
      if (g_strv_contains ((const char *const *) p->values, value))
        return TRUE;
      all = g_strjoinv (", ", p->values);
      lockstep_fault_add (faults, place, "'%s' is not one of %s", value, all);
      return FALSE;
    case LOCKSTEP_PARAMETER_STRING:
      break;
  }
  return TRUE;
}

static char *
environment_name (const char *parameter)
{
  g_autofree char *upper = g_ascii_strup (parameter, -1);

  return g_strconcat ("LOCKSTEP_", g_strdelimit (upper, "-", '_'), NULL);
}

/* Takes the words name=value apart; the rest of a word after the first '=' is
 * the value, whatever it holds. */
static void
take_assignments (const LockstepPreset * preset,
    const char *const *assignments, GHashTable * values, GPtrArray * faults)
{
  g_autoptr (GPtrArray) names = g_ptr_array_new ();

  for (guint i = 0; i < preset->parameters->len; i++) {
    const LockstepParameter *p = g_ptr_array_index (preset->parameters, i);

    g_ptr_array_add (names, p->name);
  }
  g_ptr_array_add (names, NULL);

  for (guint i = 0; assignments != NULL && assignments[i] != NULL; i++) {
    const char *equals = strchr (assignments[i], '=');
    g_autofree char *name = NULL;
    const LockstepParameter *p;
    const char *near;

    if (equals == NULL) {
      lockstep_fault_add (faults, assignments[i], "write it as name=value");
      continue;
    }
    name = g_strndup (assignments[i], equals - assignments[i]);
    p = lockstep_preset_find_parameter (preset, name);
    if (p == NULL) {
      near = lockstep_nearest (name, (const char *const *) names->pdata);
      if (near != NULL)
        lockstep_fault_add (faults, name,
            "%s has no such parameter; did you mean '%s'?", preset->name, near);
      else
        lockstep_fault_add (faults, name, "%s has no such parameter",
            preset->name);
    } else if (lockstep_parameter_check (p, equals + 1, name, faults)) {
      g_hash_table_insert (values, g_strdup (name), g_strdup (equals + 1));
    }
  }
}

GHashTable *
lockstep_preset_resolve (const LockstepPreset * preset,
    const char *const *assignments, LockstepGetenv env, GPtrArray * faults)
{
  g_autoptr (GHashTable) values = g_hash_table_new_full (g_str_hash,
      g_str_equal, g_free, g_free);
  guint before = faults->len;

  take_assignments (preset, assignments, values, faults);
  for (guint i = 0; i < preset->parameters->len; i++) {
    const LockstepParameter *p = g_ptr_array_index (preset->parameters, i);
    g_autofree char *variable = environment_name (p->name);
    const char *value = env != NULL ? env (variable) : NULL;

    if (g_hash_table_contains (values, p->name))
      continue;
    if (value != NULL) {
      if (!lockstep_parameter_check (p, value, variable, faults))
        continue;
    } else {
      value = p->default_value;
    }
    if (value != NULL)
      g_hash_table_insert (values, g_strdup (p->name), g_strdup (value));
    else if (faults->len == before)
      lockstep_fault_add (faults, p->name,
          "this must be given: %s=… (%s)", p->name, p->summary);
  }
  return faults->len == before ? g_steal_pointer (&values) : NULL;
}

/* Element factories named in a launch fragment: the words at the start of each
 * link. Good enough to tell which is missing; the parser has the last word. */
static GPtrArray *
fragment_elements (const char *launch)
{
  GPtrArray *found = g_ptr_array_new_with_free_func (g_free);
  g_auto (GStrv) links = g_strsplit (launch, "!", -1);

  for (guint i = 0; links[i] != NULL; i++) {
    const char *word = g_strstrip (links[i]);
    gsize n = strspn (word,
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-");

    /* "video/x-raw,..." are caps, "name." is a reference to an element */
    if (n > 0 && (word[n] == '\0' || g_ascii_isspace (word[n])))
      g_ptr_array_add (found, g_strndup (word, n));
  }
  return found;
}

static gboolean
choice_fits (const LockstepChoice * choice, GHashTable * values)
{
  GHashTableIter iter;
  gpointer name, wanted;

  g_hash_table_iter_init (&iter, choice->when);
  while (g_hash_table_iter_next (&iter, &name, &wanted))
    if (g_strcmp0 (g_hash_table_lookup (values, name), wanted) != 0)
      return FALSE;
  return TRUE;
}

static const LockstepChoice *
choose (const LockstepAlternative * alternative, GHashTable * values,
    LockstepHasElement has_element, gpointer user_data, GPtrArray * faults)
{
  g_autofree char *place = g_strconcat ("alternatives.", alternative->name,
      NULL);
  g_autoptr (GString) missing = g_string_new (NULL);

  for (guint i = 0; i < alternative->choices->len; i++) {
    const LockstepChoice *choice = g_ptr_array_index (alternative->choices, i);
    g_autoptr (GPtrArray) elements = fragment_elements (choice->launch);
    const char *absent = NULL;

    if (!choice_fits (choice, values))
      continue;
    for (guint k = 0; k < elements->len && absent == NULL; k++)
      if (!has_element (g_ptr_array_index (elements, k), user_data))
        absent = g_ptr_array_index (elements, k);
    if (absent == NULL)
      return choice;
    g_string_append_printf (missing, "%s%s needs %s",
        missing->len > 0 ? "; " : "", choice->name, absent);
  }
  if (missing->len > 0)
    lockstep_fault_add (faults, place,
        "nothing here works on this machine: %s; install one of them",
        missing->str);
  else
    lockstep_fault_add (faults, place,
        "no choice fits the parameters; add one without 'when'");
  return NULL;
}

/* Replaces {name} by what @lookup gives for it; other text stays. */
typedef const char *(*Lookup) (const char *name, gpointer user_data);

static char *
fill (const char *format, Lookup lookup, gpointer user_data,
    const char *place, GPtrArray * faults)
{
  GString *out = g_string_new (NULL);

  for (const char *c = format; *c != '\0';) {
    /* braces around anything but a name are GStreamer's lists: leave them */
    gsize n = *c == '{' ? strspn (c + 1, NAME_CHARACTERS) : 0;
    g_autofree char *name = NULL;
    const char *value;

    if (n == 0 || c[1 + n] != '}') {
      g_string_append_c (out, *c++);
      continue;
    }
    name = g_strndup (c + 1, n);
    value = lookup (name, user_data);
    if (value != NULL)
      g_string_append (out, value);
    else
      lockstep_fault_add (faults, place, "{%s} is not known here", name);
    c += n + 2;
  }
  return g_string_free (out, FALSE);
}

static const char *
lookup_value (const char *name, gpointer user_data)
{
  return g_hash_table_lookup (user_data, name);
}

static void
setting_free (gpointer data)
{
  LockstepPropertySetting *setting = data;

  g_free (setting->element);
  g_free (setting->property);
  g_free (setting->value);
  g_free (setting);
}

static void
apply_rules (const GPtrArray * rules, GHashTable * values,
    const char *place, GPtrArray * settings, GPtrArray * faults)
{
  for (guint i = 0; i < rules->len; i++) {
    const LockstepPropertyRule *rule = g_ptr_array_index (rules, i);
    const char *dot = strchr (rule->target, '.');
    g_autofree char *at = g_strdup_printf ("%s.%s", place, rule->target);
    g_autofree char *value = NULL;
    LockstepPropertySetting *setting;

    if (rule->format != NULL) {
      value = fill (rule->format, lookup_value, values, at, faults);
    } else {
      const char *text = g_hash_table_lookup (values, rule->parameter);

      if (text == NULL) {
        lockstep_fault_add (faults, at, "there is no parameter '%s'",
            rule->parameter);
        continue;
      }
      value = g_strdup_printf ("%" G_GINT64_FORMAT,
          g_ascii_strtoll (text, NULL, 10) / rule->divide);
    }
    setting = g_new0 (LockstepPropertySetting, 1);
    setting->element = g_strndup (rule->target, dot - rule->target);
    setting->property = g_strdup (dot + 1);
    setting->value = g_steal_pointer (&value);
    g_ptr_array_add (settings, setting);
  }
}

typedef struct
{
  const LockstepPreset *preset;
  GHashTable *launches;         /* alternative -> launch fragment */
} Chosen;

static const char *
lookup_chosen (const char *name, gpointer user_data)
{
  Chosen *chosen = user_data;

  return g_hash_table_lookup (chosen->launches, name);
}

LockstepLaunch *
lockstep_preset_launch (const LockstepPreset * preset, GHashTable * values,
    LockstepHasElement has_element, gpointer user_data, GPtrArray * faults)
{
  g_autoptr (LockstepLaunch) launch = g_new0 (LockstepLaunch, 1);
  g_autoptr (GHashTable) launches = g_hash_table_new (g_str_hash, g_str_equal);
  Chosen chosen = { preset, launches };
  g_autoptr (GString) line = g_string_new (NULL);
  guint before = faults->len;

  launch->properties = g_ptr_array_new_with_free_func (setting_free);
  launch->chosen = g_hash_table_new_full (g_str_hash, g_str_equal, g_free,
      g_free);
  apply_rules (preset->properties, values, "properties", launch->properties,
      faults);
  for (guint i = 0; i < preset->alternatives->len; i++) {
    const LockstepAlternative *a = g_ptr_array_index (preset->alternatives, i);
    const LockstepChoice *choice =
        choose (a, values, has_element, user_data, faults);
    g_autofree char *place = NULL;

    if (choice == NULL)
      continue;
    place = g_strdup_printf ("alternatives.%s.%s", a->name, choice->name);
    g_hash_table_insert (launches, a->name, choice->launch);
    g_hash_table_insert (launch->chosen, g_strdup (a->name),
        g_strdup (choice->name));
    apply_rules (choice->properties, values, place, launch->properties, faults);
  }
  for (guint i = 0; i < preset->pipeline->len; i++) {
    g_autofree char *place = g_strdup_printf ("pipeline[%u]", i);
    g_autofree char *text = NULL;

    if (faults->len > before)
      break;
    text = fill (g_ptr_array_index (preset->pipeline, i), lookup_chosen,
        &chosen, place, faults);
    g_string_append_printf (line, "%s%s", line->len > 0 ? "\n" : "", text);
  }
  if (faults->len > before)
    return NULL;
  launch->launch = g_string_free (g_steal_pointer (&line), FALSE);
  return g_steal_pointer (&launch);
}

void
lockstep_launch_free (LockstepLaunch * launch)
{
  if (launch == NULL)
    return;
  g_free (launch->launch);
  g_clear_pointer (&launch->properties, g_ptr_array_unref);
  g_clear_pointer (&launch->chosen, g_hash_table_unref);
  g_free (launch);
}
