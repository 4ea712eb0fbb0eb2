/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Templates: text with {names}, and the check that each name is one. */
#include <gst/lockstep/preset-private.h>

#include <string.h>

#define NAME_CHARACTERS "abcdefghijklmnopqrstuvwxyz0123456789-."

const char *const lockstep_preset_builtins[] = { "channel", NULL };

/* The length of the name in braces that @text starts with; 0: it is none. */
static gsize
name_length (const char *text)
{
  gsize n = text[0] == '{' && g_ascii_islower (text[1])
      ? strspn (text + 1, NAME_CHARACTERS) : 0;

  return n > 0 && text[1 + n] == '}' ? n : 0;
}

char *
lockstep_template_fill (const char *format, LockstepLookup lookup,
    gpointer user_data, const char *place, GPtrArray * faults)
{
  GString *out = g_string_new (NULL);

  for (const char *c = format; *c != '\0';) {
    gsize n = name_length (c);
    g_autofree char *name = NULL;
    g_autofree char *value = NULL;

    if (n == 0) {
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

gboolean
lockstep_template_has (const char *format, const char *name)
{
  g_autofree char *braced = g_strdup_printf ("{%s}", name);

  return strstr (format, braced) != NULL;
}

const char *
lockstep_target_dot (const char *target)
{
  gboolean braced = FALSE;

  for (const char *c = target; *c != '\0'; c++) {
    if (*c == '{' || *c == '}')
      braced = *c == '{';
    else if (*c == '.' && !braced)
      return c == target || c[1] == '\0' ? NULL : c;
  }
  return NULL;
}

typedef struct
{
  const LockstepPreset *preset;
  const LockstepParameter *list;        /* that is repeated over; NULL: none */
  gboolean lines;               /* choices of the lines before are known */
} Known;

/* What may follow "item": nothing, ".index", or a field of the item. */
static gboolean
knows_item (const Known * known, const char *rest)
{
  if (known->list == NULL)
    return FALSE;
  return rest[0] == '\0' || g_str_equal (rest, ".index")
      || (rest[0] == '.'
      && g_strv_contains (lockstep_parameter_type_fields (known->list->
              item_type), rest + 1));
}

static gboolean
knows_value (const Known * known, const char *name)
{
  const char *dot = strchr (name, '.');
  g_autofree char *first = g_strndup (name, dot != NULL ? (gsize) (dot - name)
      : strlen (name));
  const LockstepParameter *p;

  if (g_str_equal (first, "item"))
    return knows_item (known, name + 4);
  if (dot == NULL && g_strv_contains (lockstep_preset_builtins, name))
    return TRUE;
  p = lockstep_preset_find_parameter (known->preset, first);
  return p != NULL && (dot == NULL
      || g_strv_contains (lockstep_parameter_type_fields (p->type), dot + 1));
}

/* What is wrong with a reference that is not known. */
static void
add_unknown (const Known * known, const char *name, const char *place,
    GPtrArray * faults)
{
  g_autoptr (GPtrArray) names = g_ptr_array_new ();
  const LockstepPreset *preset = known->preset;
  const char *near;

  for (guint i = 0; i < preset->parameters->len; i++)
    g_ptr_array_add (names,
        ((LockstepParameter *) preset->parameters->pdata[i])->name);
  for (guint i = 0; i < preset->alternatives->len; i++)
    g_ptr_array_add (names,
        ((LockstepAlternative *) preset->alternatives->pdata[i])->name);
  g_ptr_array_add (names, NULL);
  near = lockstep_nearest (name, (const char *const *) names->pdata);
  if (near != NULL && !g_str_equal (near, name))
    lockstep_fault_add (faults, place,
        "there is no parameter '%s'; did you mean '%s'?", name, near);
  else if (g_str_has_prefix (name, "item"))
    lockstep_fault_add (faults, place,
        "{%s} is not known here: it is for a \"repeat\" over a list whose items "
        "have it", name);
  else
    lockstep_fault_add (faults, place, "there is no parameter '%s'", name);
}

typedef struct
{
  Known known;
  const char *place;
  GPtrArray *faults;
} Check;

static char *
check_value (const char *name, gpointer user_data)
{
  Check *check = user_data;

  if (!knows_value (&check->known, name))
    add_unknown (&check->known, name, check->place, check->faults);
  return g_strdup ("");
}

/* A line takes alternatives, and of an item numbers. */
static void
add_no_alternative (const Check * check, const char *name)
{
  const LockstepPreset *preset = check->known.preset;
  g_autoptr (GPtrArray) names = g_ptr_array_new ();
  const char *near;

  for (guint i = 0; i < preset->alternatives->len; i++)
    g_ptr_array_add (names,
        ((LockstepAlternative *) preset->alternatives->pdata[i])->name);
  g_ptr_array_add (names, NULL);
  near = lockstep_nearest (name, (const char *const *) names->pdata);
  lockstep_fault_add (check->faults, check->place,
      "there is no alternative '%s'%s%s%s", name,
      near != NULL ? "; did you mean '" : "", near != NULL ? near : "",
      near != NULL ? "'?" : "; add it under \"alternatives\"");
}

static char *
check_in_line (const char *name, gpointer user_data)
{
  Check *check = user_data;

  if (lockstep_preset_find_alternative (check->known.preset, name) != NULL)
    return g_strdup ("");
  if (g_str_equal (name, "item") || g_str_equal (name, "item.kind")
      || (!g_str_has_prefix (name, "item.")
          && knows_value (&check->known, name)))
    lockstep_fault_add (check->faults, check->place,
        "{%s} cannot be in a line: values are set under \"properties\"", name);
  else if (!g_str_has_prefix (name, "item."))
    add_no_alternative (check, name);
  else
    return check_value (name, user_data);
  return g_strdup ("");
}

static char *
check_in_choice (const char *name, gpointer user_data)
{
  Check *check = user_data;

  if (lockstep_preset_find_alternative (check->known.preset, name) != NULL)
    lockstep_fault_add (check->faults, check->place,
        "{%s} cannot be in a choice: alternatives do not hold others", name);
  else
    return check_in_line (name, user_data);
  return g_strdup ("");
}

static void
check_text (const Known * known, LockstepLookup lookup, const char *text,
    const char *place, GPtrArray * faults)
{
  Check check = { *known, place, faults };
  /* for its faults alone */
  g_free (lockstep_template_fill (text, lookup, &check, place, faults));
}

/* "use.NAME": which choice was taken. */
static void
check_choice_name (const Known * known, const char *name, const char *place,
    GPtrArray * faults)
{
  if (!known->lines)
    lockstep_fault_add (faults, place,
        "'%s' is not known before the lines: put "
        "the property into a block behind the one with {%s}", name,
        name + strlen (LOCKSTEP_USE));
  else if (lockstep_preset_find_alternative (known->preset,
          name + strlen (LOCKSTEP_USE)) == NULL)
    lockstep_fault_add (faults, place, "there is no alternative '%s'",
        name + strlen (LOCKSTEP_USE));
}

/* A condition that can never hold, or always does, is a slip of the pen. */
static void
check_condition_value (const Known * known, const char *name,
    const char *value, const char *place, GPtrArray * faults)
{
  static const char *const booleans[] = { "false", "true", NULL };
  const LockstepParameter *p =
      lockstep_preset_find_parameter (known->preset, name);
  const char *const *values = p == NULL ? NULL
      : p->type == LOCKSTEP_PARAMETER_ENUM ? (const char *const *) p->values
      : p->type == LOCKSTEP_PARAMETER_BOOL ? booleans : NULL;
  g_autofree char *all = NULL;

  if (values == NULL || g_strv_contains (values, value))
    return;
  all = g_strjoinv (", ", (GStrv) values);
  lockstep_fault_add (faults, place, "%s is never '%s'; it is one of %s", name,
      value, all);
}

static void
check_conditions (const Known * known, const LockstepConditions * conditions,
    const char *place, GPtrArray * faults)
{
  GHashTable *tables[] = { conditions->when, conditions->unless };

  for (guint i = 0; i < G_N_ELEMENTS (tables); i++) {
    g_autofree char *at = g_strconcat (place, i == 0 ? ".when" : ".unless",
        NULL);
    GHashTableIter iter;
    gpointer name, value;

    g_hash_table_iter_init (&iter, tables[i]);
    while (g_hash_table_iter_next (&iter, &name, &value))
      if (g_str_has_prefix (name, LOCKSTEP_USE))
        check_choice_name (known, name, at, faults);
      else if (!knows_value (known, name))
        add_unknown (known, name, at, faults);
      else
        check_condition_value (known, name, value, at, faults);
  }
}

static void
check_rules (const Known * known, const GPtrArray * rules, const char *place,
    GPtrArray * faults)
{
  for (guint i = 0; i < rules->len; i++) {
    const LockstepPropertyRule *rule = g_ptr_array_index (rules, i);
    g_autofree char *at = g_strdup_printf ("%s.%s", place, rule->target);

    check_text (known, check_in_choice, rule->target, at, faults);
    if (rule->format != NULL)
      check_text (known, check_value, rule->format, at, faults);
    else if (rule->parameter != NULL && !knows_value (known, rule->parameter))
      add_unknown (known, rule->parameter, at, faults);
    check_conditions (known, &rule->conditions, at, faults);
  }
}

static void
check_block (const LockstepPreset * preset, const LockstepBlock * block,
    GPtrArray * faults)
{
  Known known = { preset, NULL, TRUE };
  g_autofree char *properties = g_strconcat (block->place, ".properties", NULL);

  if (block->repeat != NULL) {
    g_autofree char *at = g_strconcat (block->place, ".repeat", NULL);

    known.list = lockstep_preset_find_parameter (preset, block->repeat);
    if (known.list == NULL)
      add_unknown (&known, block->repeat, at, faults);
    else if (known.list->type != LOCKSTEP_PARAMETER_LIST)
      lockstep_fault_add (faults, at, "'%s' is no list: nothing to repeat over",
          block->repeat);
  }
  check_conditions (&known, &block->conditions, block->place, faults);
  for (guint i = 0; block->lines[i] != NULL; i++) {
    g_autofree char *at = block->plain ? g_strdup (block->place)
        : g_strdup_printf ("%s.lines[%u]", block->place, i);

    check_text (&known, check_in_line, block->lines[i], at, faults);
  }
  check_rules (&known, block->properties, properties, faults);
}

/* The first block that uses an alternative says what {item} is in it. */
static const LockstepBlock *
block_that_uses (const LockstepPreset * preset, const char *alternative)
{
  for (guint i = 0; i < preset->pipeline->len; i++) {
    const LockstepBlock *block = g_ptr_array_index (preset->pipeline, i);

    for (guint k = 0; block->lines[k] != NULL; k++)
      if (lockstep_template_has (block->lines[k], alternative))
        return block;
  }
  return NULL;
}

static void
check_alternative (const LockstepPreset * preset,
    const LockstepAlternative * alternative, GPtrArray * faults)
{
  const LockstepBlock *block = block_that_uses (preset, alternative->name);
  Known known = { preset, NULL, TRUE };
  g_autofree char *place = g_strconcat ("alternatives.", alternative->name,
      NULL);

  if (block == NULL) {
    lockstep_fault_add (faults, place,
        "no line of the pipeline has {%s}; use it or take it out",
        alternative->name);
    return;
  }
  if (block->repeat != NULL)
    known.list = lockstep_preset_find_parameter (preset, block->repeat);
  for (guint i = 0; i < alternative->choices->len; i++) {
    const LockstepChoice *choice = g_ptr_array_index (alternative->choices, i);
    g_autofree char *at = g_strdup_printf ("%s[%u]", place, i);
    g_autofree char *launch = g_strconcat (at, ".launch", NULL);
    g_autofree char *properties = g_strconcat (at, ".properties", NULL);

    check_conditions (&known, &choice->conditions, at, faults);
    if (choice->launch != NULL)
      check_text (&known, check_in_choice, choice->launch, launch, faults);
    check_rules (&known, choice->properties, properties, faults);
  }
}

void
lockstep_preset_check_references (const LockstepPreset * preset,
    GPtrArray * faults)
{
  Known known = { preset, NULL };

  for (guint i = 0; i < preset->pipeline->len; i++)
    check_block (preset, g_ptr_array_index (preset->pipeline, i), faults);
  for (guint i = 0; i < preset->alternatives->len; i++)
    check_alternative (preset, g_ptr_array_index (preset->alternatives, i),
        faults);
  check_rules (&known, preset->properties, "properties", faults);
}
