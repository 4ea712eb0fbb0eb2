/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Using presets: parameters get values, alternatives are chosen, and the launch
 * line with its properties comes out. */
#include <gst/lockstep/launchline.h>
#include <gst/lockstep/preset-private.h>

#include <string.h>

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

char *
lockstep_parameter_variable (const char *parameter)
{
  g_autofree char *upper = g_ascii_strup (parameter, -1);

  return g_strconcat ("LOCKSTEP_", g_strdelimit (upper, "-.", '_'), NULL);
}

/* Whether @name is "use.ALTERNATIVE" with one of its choices as @value: else a fault. */
static gboolean
check_use (const LockstepPreset * preset, const char *name, const char *value,
    const char *place, GPtrArray * faults)
{
  const LockstepAlternative *alternative =
      lockstep_preset_find_alternative (preset, name + strlen (LOCKSTEP_USE));
  g_autoptr (GString) all = g_string_new (NULL);

  if (alternative == NULL) {
    for (guint i = 0; i < preset->alternatives->len; i++)
      g_string_append_printf (all, "%s%s%s", i > 0 ? ", " : "", LOCKSTEP_USE,
          ((LockstepAlternative *) preset->alternatives->pdata[i])->name);
    lockstep_fault_add (faults, place, "%s has no such alternative; it has: %s",
        preset->name, all->len > 0 ? all->str : "none");
    return FALSE;
  }
  if (lockstep_alternative_find (alternative, value) != NULL)
    return TRUE;
  for (guint i = 0; i < alternative->choices->len; i++)
    g_string_append_printf (all, "%s%s", i > 0 ? ", " : "",
        ((LockstepChoice *) alternative->choices->pdata[i])->name);
  lockstep_fault_add (faults, place, "'%s' is not one of %s", value, all->str);
  return FALSE;
}

static void
add_no_parameter (const LockstepPreset * preset, const char *name,
    GPtrArray * faults)
{
  g_autoptr (GPtrArray) names = g_ptr_array_new ();
  const char *near;

  for (guint i = 0; i < preset->parameters->len; i++)
    g_ptr_array_add (names,
        ((LockstepParameter *) preset->parameters->pdata[i])->name);
  g_ptr_array_add (names, NULL);
  near = lockstep_nearest (name, (const char *const *) names->pdata);
  if (near != NULL)
    lockstep_fault_add (faults, name,
        "%s has no such parameter; did you mean '%s'?", preset->name, near);
  else
    lockstep_fault_add (faults, name, "%s has no such parameter; see: lockstep "
        "show %s", preset->name, preset->name);
}

/* @text as it is kept; NULL with a fault at @place. A name of a file stands for what is in
 * the file. */
static char *
read_value (const LockstepPreset * preset, const LockstepParameter * p,
    const char *text, const char *place, GPtrArray * faults)
{
  g_autofree char *content = NULL;
  g_autoptr (GError) error = NULL;

  if (p->type != LOCKSTEP_PARAMETER_SDP || preset->read_file == NULL
      || text[0] == '\0' || g_str_has_prefix (text, "v="))
    return lockstep_parameter_normalize (p, text, place, faults);
  content = preset->read_file (text, &error);
  if (content != NULL && content[0] != '\0')
    return lockstep_parameter_normalize (p, content, place, faults);
  lockstep_fault_add (faults, place, "%s", content != NULL ? "the file is empty"
      : error->message);
  return NULL;
}

/* Takes the words name=value apart; the rest of a word after the first '=' is
 * the value, whatever it holds. */
static void
take_assignments (const LockstepPreset * preset,
    const char *const *assignments, GHashTable * values, GPtrArray * faults)
{
  for (guint i = 0; assignments != NULL && assignments[i] != NULL; i++) {
    const char *equals = strchr (assignments[i], '=');
    g_autofree char *name = NULL;
    g_autofree char *value = NULL;
    const LockstepParameter *p;

    if (equals == NULL) {
      lockstep_fault_add (faults, assignments[i], "write it as name=value");
      continue;
    }
    name = g_strndup (assignments[i], equals - assignments[i]);
    p = lockstep_preset_find_parameter (preset, name);
    if (p != NULL)
      value = read_value (preset, p, equals + 1, name, faults);
    else if (!g_str_has_prefix (name, LOCKSTEP_USE))
      add_no_parameter (preset, name, faults);
    else if (check_use (preset, name, equals + 1, name, faults))
      value = g_strdup (equals + 1);
    if (value != NULL)
      g_hash_table_replace (values, g_steal_pointer (&name),
          g_steal_pointer (&value));
  }
}

static void
take_environment (const LockstepPreset * preset, LockstepGetenv env,
    GHashTable * values, GPtrArray * faults)
{
  for (guint i = 0; i < preset->parameters->len; i++) {
    const LockstepParameter *p = g_ptr_array_index (preset->parameters, i);
    g_autofree char *variable = lockstep_parameter_variable (p->name);
    const char *text = env (variable);
    char *value;

    if (text == NULL || g_hash_table_contains (values, p->name))
      continue;
    value = read_value (preset, p, text, variable, faults);
    if (value != NULL)
      g_hash_table_insert (values, g_strdup (p->name), value);
  }
  for (guint i = 0; i < preset->alternatives->len; i++) {
    const LockstepAlternative *a = g_ptr_array_index (preset->alternatives, i);
    g_autofree char *name = g_strconcat (LOCKSTEP_USE, a->name, NULL);
    g_autofree char *variable = lockstep_parameter_variable (name);
    const char *value = env (variable);

    if (value != NULL && !g_hash_table_contains (values, name)
        && check_use (preset, name, value, variable, faults))
      g_hash_table_insert (values, g_steal_pointer (&name), g_strdup (value));
  }
}

GHashTable *
lockstep_preset_resolve_given (const LockstepPreset * preset,
    const char *const *assignments, LockstepGetenv env, GPtrArray * faults)
{
  g_autoptr (GHashTable) values = g_hash_table_new_full (g_str_hash,
      g_str_equal, g_free, g_free);
  guint before = faults->len;

  take_assignments (preset, assignments, values, faults);
  if (env != NULL)
    take_environment (preset, env, values, faults);
  return faults->len == before ? g_steal_pointer (&values) : NULL;
}

GHashTable *
lockstep_preset_resolve (const LockstepPreset * preset,
    const char *const *assignments, LockstepGetenv env, GPtrArray * faults)
{
  guint before = faults->len;
  g_autoptr (GHashTable) values =
      lockstep_preset_resolve_given (preset, assignments, env, faults);

  if (values == NULL)
    return NULL;
  for (guint i = 0; i < preset->parameters->len; i++) {
    const LockstepParameter *p = g_ptr_array_index (preset->parameters, i);

    if (g_hash_table_contains (values, p->name))
      continue;
    if (p->default_value != NULL)
      g_hash_table_insert (values, g_strdup (p->name),
          lockstep_parameter_normalize (p, p->default_value, p->name, faults));
    else if (faults->len == before)
      lockstep_fault_add (faults, p->name,
          "this must be given: %s=… (%s)", p->name, p->summary);
  }
  return faults->len == before ? g_steal_pointer (&values) : NULL;
}

LockstepOrigin
lockstep_preset_origin (const LockstepPreset * preset, const char *name,
    const char *const *assignments, LockstepGetenv env)
{
  const LockstepParameter *p = lockstep_preset_find_parameter (preset, name);
  g_autofree char *variable = lockstep_parameter_variable (name);
  gsize n = strlen (name);

  for (guint i = 0; assignments != NULL && assignments[i] != NULL; i++)
    if (strncmp (assignments[i], name, n) == 0 && assignments[i][n] == '=')
      return LOCKSTEP_ORIGIN_ASSIGNMENT;
  if (env != NULL && env (variable) != NULL)
    return LOCKSTEP_ORIGIN_ENVIRONMENT;
  return p != NULL && p->default_value == NULL ? LOCKSTEP_ORIGIN_MISSING
      : LOCKSTEP_ORIGIN_DEFAULT;
}

GPtrArray *
lockstep_launch_elements (const char *launch)
{
  GPtrArray *found = g_ptr_array_new_with_free_func (g_free);
  g_autoptr (GPtrArray) words = lockstep_launch_words (launch);

  for (guint i = 0; i < words->len; i++) {
    const LockstepLaunchWord *word = g_ptr_array_index (words, i);

    if (word->kind == LOCKSTEP_LAUNCH_ELEMENT)
      g_ptr_array_add (found, g_strdup (word->name));
  }
  return found;
}

/* What a template is filled with. */
typedef struct
{
  const LockstepPreset *preset;
  GHashTable *values;
  const LockstepMachine *machine;
  LockstepLaunch *launch;
  GPtrArray *faults;
  const LockstepParameter *list;        /* repeated over; NULL: not */
  const char *item;
  guint index;
} Scope;

static char *
item_value (const Scope * scope, const char *rest)
{
  if (scope->list == NULL)
    return NULL;
  if (rest[0] == '\0')
    return g_strdup (scope->item);
  if (g_str_equal (rest, ".index"))
    return g_strdup_printf ("%u", scope->index);
  return lockstep_value_field (scope->list->item_type, scope->item, rest + 1);
}

/* The value of "name", "name.field", "item", "item.field". */
static char *
lookup_value (const char *name, gpointer user_data)
{
  const Scope *scope = user_data;
  const char *dot = strchr (name, '.');
  g_autofree char *first = NULL;
  const LockstepParameter *p;
  const char *value;

  if (g_str_equal (name, "item") || g_str_has_prefix (name, "item."))
    return item_value (scope, name + 4);
  if (dot == NULL)
    return g_strdup (g_hash_table_lookup (scope->values, name));
  first = g_strndup (name, dot - name);
  p = lockstep_preset_find_parameter (scope->preset, first);
  value = g_hash_table_lookup (scope->values, first);
  return p != NULL && value != NULL
      ? lockstep_value_field (p->type, value, dot + 1) : NULL;
}

/* In a line: numbers of an item alone. Its text could be anything. */
static char *
lookup_number (const char *name, gpointer user_data)
{
  if (!g_str_has_prefix (name, "item.") || g_str_equal (name, "item.kind"))
    return NULL;
  return lookup_value (name, user_data);
}

static gboolean
matches (Scope * scope, GHashTable * table, gboolean wanted)
{
  GHashTableIter iter;
  gpointer name, value;

  g_hash_table_iter_init (&iter, table);
  while (g_hash_table_iter_next (&iter, &name, &value)) {
    g_autofree char *own = !g_str_has_prefix (name, LOCKSTEP_USE)
        ? lookup_value (name, scope)
        : g_strdup (g_hash_table_lookup (scope->launch->chosen,
            (char *) name + strlen (LOCKSTEP_USE)));

    if ((g_strcmp0 (own, value) == 0) != wanted)
      return FALSE;
  }
  return TRUE;
}

static gboolean
fits (Scope * scope, const LockstepConditions * conditions)
{
  return matches (scope, conditions->when, TRUE)
      && matches (scope, conditions->unless, FALSE);
}

/* Why a choice whose elements are there does not run; NULL: it does. */
static char *
try_choice (const LockstepMachine * machine, const LockstepChoice * choice,
    const char *launch)
{
  g_autofree char *test = NULL;
  g_auto (GStrv) parts = NULL;
  g_autofree char *why = NULL;

  if (choice->test != NULL) {
    parts = g_strsplit (choice->test, "{launch}", -1);
    test = g_strjoinv (launch, parts);
  }
  why = machine->try_choice (launch, test, machine->user_data);
  return why != NULL ? g_strdup_printf ("%s does not run: %s", choice->name,
      why) : NULL;
}

/* Why a choice does not work here; NULL: it does. */
static char *
why_not (Scope * scope, const LockstepAlternative * alternative,
    const LockstepChoice * choice, const char *launch, gboolean forced)
{
  g_autoptr (GPtrArray) elements = lockstep_launch_elements (launch);
  const LockstepMachine *machine = scope->machine;
  g_autofree char *why = NULL;

  for (guint k = 0; k < elements->len; k++)
    if (!machine->has_element (g_ptr_array_index (elements, k),
            machine->user_data))
      return g_strdup_printf ("%s needs %s", choice->name,
          (char *) g_ptr_array_index (elements, k));
  if (machine->try_choice == NULL || (forced && !machine->try_forced))
    return NULL;
  why = try_choice (machine, choice, launch);
  if (!forced || why == NULL)
    return g_steal_pointer (&why);
  /* who forces a choice has the last word on whether it works */
  g_ptr_array_add (scope->launch->doubts, g_strdup_printf ("%s: %s",
          alternative->name, why));
  return NULL;
}

/* The first choice that works, with its fragment; NULL with a fault. */
static const LockstepChoice *
choose (Scope * scope, const LockstepAlternative * alternative,
    const char *place, char **launch)
{
  g_autofree char *use = g_strconcat (LOCKSTEP_USE, alternative->name, NULL);
  const char *forced = g_hash_table_lookup (scope->values, use);
  g_autoptr (GString) missing = g_string_new (NULL);

  for (guint i = 0; i < alternative->choices->len; i++) {
    const LockstepChoice *choice = g_ptr_array_index (alternative->choices, i);
    g_autofree char *fragment = NULL;
    g_autofree char *why = NULL;

    if (forced != NULL && !g_str_equal (forced, choice->name))
      continue;
    if (!fits (scope, &choice->conditions))
      continue;
    fragment = lockstep_template_fill (choice->launch, lookup_number, scope,
        place, scope->faults);
    why = why_not (scope, alternative, choice, fragment, forced != NULL);
    if (why == NULL) {
      *launch = g_steal_pointer (&fragment);
      return choice;
    }
    g_string_append_printf (missing, "%s%s", missing->len > 0 ? "; " : "", why);
    g_ptr_array_add (scope->launch->passed, g_strdup_printf ("%s: %s",
            alternative->name, why));
  }
  if (missing->len > 0)
    lockstep_fault_add (scope->faults, place,
        "nothing here works on this machine: %s; install %s", missing->str,
        forced != NULL ? "it, or do not force it" : "one of them");
  else if (forced != NULL)
    lockstep_fault_add (scope->faults, place,
        "'%s' does not fit the other parameters; do not force it", forced);
  else
    lockstep_fault_add (scope->faults, place,
        "no choice fits the parameters; add one without 'when'");
  return NULL;
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
apply_rules (Scope * scope, const GPtrArray * rules, const char *place)
{
  for (guint i = 0; i < rules->len; i++) {
    const LockstepPropertyRule *rule = g_ptr_array_index (rules, i);
    g_autofree char *at = g_strdup_printf ("%s.%s", place, rule->target);
    g_autofree char *target = NULL;
    g_autofree char *value = NULL;
    LockstepPropertySetting *setting;
    const char *dot;

    if (!fits (scope, &rule->conditions))
      continue;
    if (rule->format != NULL) {
      value = lockstep_template_fill (rule->format, lookup_value, scope, at,
          scope->faults);
    } else {
      g_autofree char *text = lookup_value (rule->parameter, scope);

      if (text == NULL) {
        lockstep_fault_add (scope->faults, at, "there is no parameter '%s'",
            rule->parameter);
        continue;
      }
      value = g_strdup_printf ("%" G_GINT64_FORMAT,
          g_ascii_strtoll (text, NULL, 10) / rule->divide);
    }
    target = lockstep_template_fill (rule->target, lookup_number, scope, at,
        scope->faults);
    dot = lockstep_target_dot (target);
    setting = g_new0 (LockstepPropertySetting, 1);
    setting->element = g_strndup (target, dot - target);
    setting->property = g_strdup (dot + 1);
    setting->value = g_steal_pointer (&value);
    g_ptr_array_add (scope->launch->properties, setting);
  }
}

/* In a line: an alternative's fragment, whose properties are set with it, or a number
 * of an item. */
static char *
lookup_in_line (const char *name, gpointer user_data)
{
  Scope *scope = user_data;
  const LockstepAlternative *alternative =
      lockstep_preset_find_alternative (scope->preset, name);
  g_autofree char *place = g_strconcat ("alternatives.", name, NULL);
  g_autofree char *at = NULL;
  const LockstepChoice *choice;
  const char *before;
  char *launch = NULL;
  guint index;

  if (alternative == NULL)
    return lookup_number (name, user_data);
  choice = choose (scope, alternative, place, &launch);
  if (choice == NULL)
    return g_strdup ("");
  before = g_hash_table_lookup (scope->launch->chosen, name);
  if (before != NULL && !g_str_equal (before, choice->name))
    g_hash_table_add (scope->launch->mixed, g_strdup (name));
  g_hash_table_replace (scope->launch->chosen, g_strdup (name),
      g_strdup (choice->name));
  g_ptr_array_find (alternative->choices, choice, &index);
  at = g_strdup_printf ("%s[%u].properties", place, index);
  apply_rules (scope, choice->properties, at);
  return launch;
}

static void
write_block (Scope * scope, const LockstepBlock * block, GString * out)
{
  g_autofree char *properties = g_strconcat (block->place, ".properties", NULL);

  if (!fits (scope, &block->conditions))
    return;
  for (guint i = 0; block->lines[i] != NULL; i++) {
    g_autofree char *place = block->plain ? g_strdup (block->place)
        : g_strdup_printf ("%s.lines[%u]", block->place, i);
    g_autofree char *text = lockstep_template_fill (block->lines[i],
        lookup_in_line, scope, place, scope->faults);

    g_string_append_printf (out, "%s%s", out->len > 0 ? "\n" : "", text);
  }
  apply_rules (scope, block->properties, properties);
}

static void
repeat_block (Scope * scope, const LockstepBlock * block, GString * out)
{
  const char *value = g_hash_table_lookup (scope->values, block->repeat);
  g_auto (GStrv) items = g_strsplit (value != NULL ? value : "", ",", -1);

  scope->list = lockstep_preset_find_parameter (scope->preset, block->repeat);
  for (scope->index = 0; items[scope->index] != NULL; scope->index++) {
    scope->item = items[scope->index];
    write_block (scope, block, out);
  }
  scope->list = NULL;
}

LockstepLaunch *
lockstep_preset_launch (const LockstepPreset * preset, GHashTable * values,
    const LockstepMachine * machine, GPtrArray * faults)
{
  g_autoptr (LockstepLaunch) launch = g_new0 (LockstepLaunch, 1);
  Scope scope = { preset, values, machine, launch, faults };
  g_autoptr (GString) line = g_string_new (NULL);
  guint before = faults->len;

  launch->properties = g_ptr_array_new_with_free_func (setting_free);
  launch->passed = g_ptr_array_new_with_free_func (g_free);
  launch->doubts = g_ptr_array_new_with_free_func (g_free);
  launch->chosen = g_hash_table_new_full (g_str_hash, g_str_equal, g_free,
      g_free);
  launch->mixed = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  apply_rules (&scope, preset->properties, "properties");
  for (guint i = 0; i < preset->pipeline->len; i++) {
    const LockstepBlock *block = g_ptr_array_index (preset->pipeline, i);

    if (block->repeat != NULL)
      repeat_block (&scope, block, line);
    else
      write_block (&scope, block, line);
  }
  if (faults->len > before) {
    lockstep_preset_locate (preset, faults, before);
    return NULL;
  }
  launch->launch = g_string_free (g_steal_pointer (&line), FALSE);
  return g_steal_pointer (&launch);
}

void
lockstep_launch_pin (const LockstepLaunch * launch, GHashTable * values)
{
  GHashTableIter iter;
  gpointer name, choice;

  g_hash_table_iter_init (&iter, launch->chosen);
  while (g_hash_table_iter_next (&iter, &name, &choice))
    if (!g_hash_table_contains (launch->mixed, name))
      g_hash_table_replace (values, g_strconcat (LOCKSTEP_USE, name, NULL),
          g_strdup (choice));
}

void
lockstep_launch_free (LockstepLaunch * launch)
{
  if (launch == NULL)
    return;
  g_free (launch->launch);
  g_clear_pointer (&launch->properties, g_ptr_array_unref);
  g_clear_pointer (&launch->chosen, g_hash_table_unref);
  g_clear_pointer (&launch->mixed, g_hash_table_unref);
  g_clear_pointer (&launch->passed, g_ptr_array_unref);
  g_clear_pointer (&launch->doubts, g_ptr_array_unref);
  g_free (launch);
}
