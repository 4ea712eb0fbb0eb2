/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The parts of a preset, from JSON to structs: parameters, alternatives, lines. */
#include <gst/lockstep/preset-read.h>

#include <string.h>

/* A list has so many items unless its preset says otherwise, and never more. */
#define DEFAULT_ITEMS 16
#define MAX_ITEMS 64
#define MAX_PATTERN 256
/* of "element.property", with {item.index} */
#define TARGET_CHARACTERS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ" \
  "0123456789-_:.{}"

/* A name that may stand in braces, in an environment variable, in a word
 * name=value: lower case letters, digits and single dashes. */
static gboolean
valid_name (const char *name)
{
  if (!g_ascii_islower (name[0]) || strlen (name) > 64)
    return FALSE;
  for (const char *c = name; *c != '\0'; c++)
    if (!g_ascii_islower (*c) && !g_ascii_isdigit (*c) && *c != '-')
      return FALSE;
  return TRUE;
}

/* 'min' or 'max': a number, or text as a user would write it: "500ms", "8M". */
static double
read_limit (JsonObject * object, const char *key, double none,
    const LockstepParameter * p, LockstepParameterType type, const char *place,
    GPtrArray * faults)
{
  JsonNode *node = json_object_get_member (object, key);
  g_autofree char *at = lockstep_json_place (place, key);
  double number;
  gint64 bitrate;

  if (node == NULL)
    return none;
  if (!lockstep_parameter_type_has_limits (type))
    lockstep_fault_add (faults, at,
        "'%s' is for int, double, duration and bitrate only", key);
  else if (lockstep_json_is_number (node))
    return json_node_get_double (node);
  else if (type == LOCKSTEP_PARAMETER_DURATION && lockstep_json_is_string (node)
      && lockstep_duration_parse (json_node_get_string (node),
          lockstep_duration_unit (p->unit), &number))
    return number;
  else if (type == LOCKSTEP_PARAMETER_BITRATE && lockstep_json_is_string (node)
      && lockstep_bitrate_parse (json_node_get_string (node), &bitrate))
    return bitrate;
  else
    lockstep_fault_add (faults, at, "'%s' must be a number%s", key,
        type == LOCKSTEP_PARAMETER_DURATION ? " or a duration such as \"2s\""
        : type == LOCKSTEP_PARAMETER_BITRATE ? " or a bitrate such as \"8M\""
        : "");
  return none;
}

static void
read_limits (LockstepParameter * p, LockstepParameterType type,
    JsonObject * object, const char *place, GPtrArray * faults)
{
  gboolean positive = type == LOCKSTEP_PARAMETER_DURATION
      || type == LOCKSTEP_PARAMETER_BITRATE;

  p->min = read_limit (object, "min", positive ? 0 : -G_MAXDOUBLE, p, type,
      place, faults);
  p->max = read_limit (object, "max", G_MAXDOUBLE, p, type, place, faults);
  if (p->min > p->max)
    lockstep_fault_add (faults, place, "'min' is above 'max'");
}

static void
read_unit (LockstepParameter * p, LockstepParameterType type,
    JsonObject * object, const char *place, GPtrArray * faults)
{
  const char *unit =
      lockstep_json_string (object, "unit", FALSE, place, faults);
  g_autofree char *at = lockstep_json_place (place, "unit");

  p->unit = g_strdup ("s");
  if (unit == NULL)
    return;
  if (type != LOCKSTEP_PARAMETER_DURATION)
    lockstep_fault_add (faults, at, "'unit' is for duration only");
  else if (lockstep_duration_unit (unit) == 0)
    lockstep_fault_add (faults, at,
        "there is no unit '%s'; the units are ns, us, ms, s, m, h", unit);
  else {
    g_free (p->unit);
    p->unit = g_strdup (unit);
  }
}

static void
read_values (LockstepParameter * p, LockstepParameterType type,
    JsonObject * object, const char *place, GPtrArray * faults)
{
  JsonNode *member = json_object_get_member (object, "values");
  g_autofree char *at = lockstep_json_place (place, "values");

  if (type == LOCKSTEP_PARAMETER_ENUM) {
    p->values = lockstep_json_strings (member, at, faults);
    if (p->values[0] == NULL)
      lockstep_fault_add (faults, place, "an enum needs 'values': [ … ]");
  } else if (member != NULL) {
    lockstep_fault_add (faults, at, "'values' is for enum only");
  }
}

static void
read_encodings (LockstepParameter * p, LockstepParameterType type,
    JsonObject * object, const char *place, GPtrArray * faults)
{
  JsonNode *member = json_object_get_member (object, "encodings");
  g_autofree char *at = lockstep_json_place (place, "encodings");

  if (type == LOCKSTEP_PARAMETER_SDP) {
    p->encodings = lockstep_json_strings (member, at, faults);
    if (p->encodings[0] == NULL)
      lockstep_fault_add (faults, place, "an sdp needs 'encodings': [ … ]");
  } else if (member != NULL) {
    lockstep_fault_add (faults, at, "'encodings' is for sdp only");
  }
}

static void
read_pattern (LockstepParameter * p, LockstepParameterType type,
    JsonObject * object, const char *place, GPtrArray * faults)
{
  const char *pattern =
      lockstep_json_string (object, "pattern", FALSE, place, faults);
  g_autofree char *at = lockstep_json_place (place, "pattern");
  g_autoptr (GError) error = NULL;

  if (pattern == NULL)
    return;
  if (type != LOCKSTEP_PARAMETER_STRING) {
    lockstep_fault_add (faults, at, "'pattern' is for string only");
    return;
  }
  if (strlen (pattern) > MAX_PATTERN) {
    lockstep_fault_add (faults, at, "the pattern is longer than %d bytes",
        MAX_PATTERN);
    return;
  }
  p->pattern = g_strdup (pattern);
  p->regex = lockstep_pattern_new (pattern, &error);
  if (p->regex == NULL)
    lockstep_fault_add (faults, at, "this is no regular expression: %s",
        error->message);
}

/* The type of a value: of the parameter, or of a list's items. */
static LockstepParameterType
read_type (LockstepParameter * p, JsonObject * object, const char *place,
    GPtrArray * faults)
{
  static const char *const list_keys[] =
      { "items", "min-items", "max-items", NULL };
  const char *type = lockstep_json_string (object, "type", TRUE, place, faults);
  g_autofree char *at_type = lockstep_json_place (place, "type");
  g_autofree char *at_items = lockstep_json_place (place, "items");
  const char *items;

  if (type != NULL && !lockstep_parameter_type_parse (type, &p->type))
    lockstep_fault_add (faults, at_type,
        "there is no type '%s'; the types are string, int, double, bool, enum, "
        "duration, bitrate, size, rendition, sdp, list", type);
  if (p->type != LOCKSTEP_PARAMETER_LIST) {
    for (guint i = 0; list_keys[i] != NULL; i++)
      if (json_object_has_member (object, list_keys[i]))
        lockstep_fault_add (faults, place, "'%s' is for list only",
            list_keys[i]);
    return p->type;
  }
  items = lockstep_json_string (object, "items", TRUE, place, faults);
  if (items != NULL && (!lockstep_parameter_type_parse (items, &p->item_type)
          || p->item_type == LOCKSTEP_PARAMETER_LIST
          || p->item_type == LOCKSTEP_PARAMETER_SDP)) {
    lockstep_fault_add (faults, at_items, "there is no item type '%s'", items);
    p->item_type = LOCKSTEP_PARAMETER_STRING;
  }
  p->min_items = lockstep_json_count (object, "min-items", 0, MAX_ITEMS, place,
      faults);
  p->max_items = lockstep_json_count (object, "max-items", DEFAULT_ITEMS,
      MAX_ITEMS, place, faults);
  return p->item_type;
}

static void
read_default (LockstepParameter * p, JsonNode * member, gboolean check,
    const char *place, GPtrArray * faults)
{
  g_autofree char *at = lockstep_json_place (place, "default");

  if (member == NULL)
    return;
  if (JSON_NODE_HOLDS_ARRAY (member) && p->type != LOCKSTEP_PARAMETER_LIST)
    member = NULL;
  else
    p->default_value = lockstep_json_value_text (member);
  if (p->default_value == NULL) {
    lockstep_fault_add (faults, at, "'default' must be a single value%s",
        p->type == LOCKSTEP_PARAMETER_LIST
        ? ", or an array of values without commas" : "");
  } else if (check) {
    g_free (lockstep_parameter_normalize (p, p->default_value, at, faults));
  }
}

void
lockstep_preset_read_parameter (LockstepPreset * preset, const char *name,
    JsonNode * node, GPtrArray * faults)
{
  static const char *const keys[] = { "type", "default", "min", "max", "values",
    "unit", "pattern", "encodings", "items", "min-items", "max-items",
    "summary", "secret", NULL
  };
  g_autofree char *place = g_strdup_printf ("parameters.%s", name);
  JsonObject *object = lockstep_json_object (node, place, faults);
  LockstepParameter *p;
  LockstepParameterType type;
  guint before = faults->len;

  if (!valid_name (name))
    lockstep_fault_add (faults, place,
        "a parameter's name is lower case letters, digits and dashes");
  else if (g_str_equal (name, "item") || g_str_equal (name, "use"))
    lockstep_fault_add (faults, place,
        "'%s' has a meaning of its own; rename it", name);
  if (object == NULL)
    return;

  lockstep_json_check_keys (object, place, keys, faults);
  p = g_new0 (LockstepParameter, 1);
  g_ptr_array_add (preset->parameters, p);
  p->name = g_strdup (name);
  p->summary =
      g_strdup (lockstep_json_string (object, "summary", TRUE, place, faults));
  type = read_type (p, object, place, faults);
  read_unit (p, type, object, place, faults);
  read_limits (p, type, object, place, faults);
  read_values (p, type, object, place, faults);
  read_encodings (p, type, object, place, faults);
  read_pattern (p, type, object, place, faults);
  p->secret = lockstep_json_boolean (object, "secret", place, faults);
  read_default (p, json_object_get_member (object, "default"),
      faults->len == before, place, faults);
}

static void
read_values_to_match (GHashTable * table, JsonObject * object,
    const char *key, const char *place, GPtrArray * faults)
{
  g_autofree char *at = lockstep_json_place (place, key);
  JsonObject *member =
      lockstep_json_object (json_object_get_member (object, key), at, faults);
  g_autoptr (GList) names = member ? json_object_get_members (member) : NULL;

  for (GList * l = names; l != NULL; l = l->next) {
    const char *value =
        lockstep_json_string (member, l->data, TRUE, at, faults);

    if (value != NULL)
      g_hash_table_insert (table, g_strdup (l->data), g_strdup (value));
  }
}

static void
read_conditions (LockstepConditions * conditions, JsonObject * object,
    const char *place, GPtrArray * faults)
{
  conditions->when = g_hash_table_new_full (g_str_hash, g_str_equal, g_free,
      g_free);
  conditions->unless = g_hash_table_new_full (g_str_hash, g_str_equal, g_free,
      g_free);
  if (object == NULL)
    return;
  read_values_to_match (conditions->when, object, "when", place, faults);
  read_values_to_match (conditions->unless, object, "unless", place, faults);
}

static void
conditions_clear (LockstepConditions * conditions)
{
  g_hash_table_unref (conditions->when);
  g_hash_table_unref (conditions->unless);
}

static void
rule_free (gpointer data)
{
  LockstepPropertyRule *rule = data;

  g_free (rule->target);
  g_free (rule->format);
  g_free (rule->parameter);
  conditions_clear (&rule->conditions);
  g_free (rule);
}

static void
read_rule_object (LockstepPropertyRule * rule, JsonObject * object,
    const char *place, GPtrArray * faults)
{
  static const char *const keys[] =
      { "value", "parameter", "divide", "when", "unless", NULL };
  JsonNode *divide = json_object_get_member (object, "divide");
  g_autofree char *at = lockstep_json_place (place, "divide");

  lockstep_json_check_keys (object, place, keys, faults);
  rule->format =
      g_strdup (lockstep_json_string (object, "value", FALSE, place, faults));
  rule->parameter = g_strdup (lockstep_json_string (object, "parameter", FALSE,
          place, faults));
  if ((rule->format == NULL) == (rule->parameter == NULL))
    lockstep_fault_add (faults, place,
        "one of 'value' and 'parameter' is needed");
  if (divide == NULL)
    return;
  if (rule->parameter == NULL)
    lockstep_fault_add (faults, at, "'divide' goes with 'parameter'");
  else if (lockstep_json_is_number (divide) && json_node_get_int (divide) > 0)
    rule->divide = json_node_get_int (divide);
  else
    lockstep_fault_add (faults, at, "'divide' must be a number above 0");
}

GPtrArray *
lockstep_preset_read_properties (JsonNode * node, const char *place,
    GPtrArray * faults)
{
  GPtrArray *rules = g_ptr_array_new_with_free_func (rule_free);
  JsonObject *object = lockstep_json_object (node, place, faults);
  g_autoptr (GList) names = object ? json_object_get_members (object) : NULL;

  for (GList * l = names; l != NULL; l = l->next) {
    g_autofree char *at = lockstep_json_place (place, l->data);
    JsonNode *value = json_object_get_member (object, l->data);
    JsonObject *o = value != NULL && JSON_NODE_HOLDS_OBJECT (value)
        ? json_node_get_object (value) : NULL;
    LockstepPropertyRule *rule;

    if (lockstep_target_dot (l->data) == NULL
        || strspn (l->data, TARGET_CHARACTERS) != strlen (l->data)) {
      lockstep_fault_add (faults, at,
          "write the name as element.property, such as hls.location");
      continue;
    }
    rule = g_new0 (LockstepPropertyRule, 1);
    rule->target = g_strdup (l->data);
    rule->divide = 1;
    read_conditions (&rule->conditions, o, at, faults);
    g_ptr_array_add (rules, rule);
    if (lockstep_json_is_string (value))
      rule->format = g_strdup (json_node_get_string (value));
    else if (o != NULL)
      read_rule_object (rule, o, at, faults);
    else
      lockstep_fault_add (faults, at,
          "this must be a string, or an object with 'value' or 'parameter'");
  }
  return rules;
}

static void
choice_free (gpointer data)
{
  LockstepChoice *choice = data;

  g_free (choice->name);
  g_free (choice->launch);
  g_free (choice->test);
  conditions_clear (&choice->conditions);
  g_ptr_array_unref (choice->properties);
  g_free (choice);
}

static void
read_choice (LockstepAlternative * alternative, JsonNode * node,
    const char *place, GPtrArray * faults)
{
  static const char *const keys[] =
      { "name", "when", "unless", "launch", "test", "properties", NULL };
  JsonObject *object = lockstep_json_object (node, place, faults);
  g_autofree char *at_properties = g_strconcat (place, ".properties", NULL);
  g_autofree char *at_test = g_strconcat (place, ".test", NULL);
  g_autofree char *at_name = g_strconcat (place, ".name", NULL);
  LockstepChoice *choice;

  if (object == NULL)
    return;
  lockstep_json_check_keys (object, place, keys, faults);
  choice = g_new0 (LockstepChoice, 1);
  choice->name =
      g_strdup (lockstep_json_string (object, "name", TRUE, place, faults));
  choice->launch =
      g_strdup (lockstep_json_string (object, "launch", TRUE, place, faults));
  choice->test =
      g_strdup (lockstep_json_string (object, "test", FALSE, place, faults));
  if (choice->test != NULL && strstr (choice->test, "{launch}") == NULL)
    lockstep_fault_add (faults, at_test,
        "put {launch} where the choice's own elements go");
  choice->properties =
      lockstep_preset_read_properties (json_object_get_member (object,
          "properties"), at_properties, faults);
  read_conditions (&choice->conditions, object, place, faults);
  if (choice->name != NULL
      && lockstep_alternative_find (alternative, choice->name) != NULL)
    lockstep_fault_add (faults, at_name, "a choice before it is named '%s' too",
        choice->name);
  g_ptr_array_add (alternative->choices, choice);
}

static void
alternative_free (gpointer data)
{
  LockstepAlternative *alternative = data;

  g_free (alternative->name);
  g_ptr_array_unref (alternative->choices);
  g_free (alternative);
}

void
lockstep_preset_read_alternatives (LockstepPreset * preset, JsonNode * node,
    GPtrArray * faults)
{
  JsonObject *object = lockstep_json_object (node, "alternatives", faults);
  g_autoptr (GList) names = object ? json_object_get_members (object) : NULL;

  for (GList * l = names; l != NULL; l = l->next) {
    g_autofree char *place =
        g_strdup_printf ("alternatives.%s", (char *) l->data);
    JsonArray *array = lockstep_json_array (json_object_get_member (object,
            l->data), place, faults);
    LockstepAlternative *alternative = g_new0 (LockstepAlternative, 1);

    alternative->name = g_strdup (l->data);
    alternative->choices = g_ptr_array_new_with_free_func (choice_free);
    g_ptr_array_add (preset->alternatives, alternative);
    if (!valid_name (alternative->name))
      lockstep_fault_add (faults, place,
          "an alternative's name is lower case letters, digits and dashes");
    if (lockstep_preset_find_parameter (preset, alternative->name) != NULL)
      lockstep_fault_add (faults, place,
          "a parameter has this name too; rename one of them");
    if (array != NULL && json_array_get_length (array) == 0)
      lockstep_fault_add (faults, place, "at least one choice is needed");
    for (guint i = 0; array != NULL && i < json_array_get_length (array); i++) {
      g_autofree char *at = g_strdup_printf ("%s[%u]", place, i);

      read_choice (alternative, json_array_get_element (array, i), at, faults);
    }
  }
}

static void
block_free (gpointer data)
{
  LockstepBlock *block = data;

  g_free (block->place);
  g_strfreev (block->lines);
  g_free (block->repeat);
  conditions_clear (&block->conditions);
  g_ptr_array_unref (block->properties);
  g_free (block);
}

static LockstepBlock *
read_block (JsonNode * node, const char *place, GPtrArray * faults)
{
  static const char *const keys[] =
      { "lines", "repeat", "when", "unless", "properties", NULL };
  g_autofree char *at_lines = g_strconcat (place, ".lines", NULL);
  g_autofree char *at_properties = g_strconcat (place, ".properties", NULL);
  LockstepBlock *block = g_new0 (LockstepBlock, 1);
  JsonObject *object = NULL;
  JsonNode *lines = NULL, *properties = NULL;

  block->place = g_strdup (place);
  block->plain = lockstep_json_is_string (node);
  if (JSON_NODE_HOLDS_OBJECT (node))
    object = json_node_get_object (node);
  read_conditions (&block->conditions, object, place, faults);
  if (object != NULL) {
    lockstep_json_check_keys (object, place, keys, faults);
    block->repeat = g_strdup (lockstep_json_string (object, "repeat", FALSE,
            place, faults));
    lines = json_object_get_member (object, "lines");
    properties = json_object_get_member (object, "properties");
    if (lines == NULL)
      lockstep_fault_add (faults, place, "'lines' is missing");
  } else if (!block->plain) {
    lockstep_fault_add (faults, place,
        "this must be a string, or an object with 'lines'");
  }
  block->properties =
      lockstep_preset_read_properties (properties, at_properties, faults);
  if (block->plain) {
    block->lines = g_new0 (char *, 2);
    block->lines[0] = g_strdup (json_node_get_string (node));
  } else {
    block->lines = lockstep_json_strings (lines, at_lines, faults);
  }
  return block;
}

void
lockstep_preset_read_pipeline (LockstepPreset * preset, JsonNode * node,
    GPtrArray * faults)
{
  JsonArray *array = lockstep_json_array (node, "pipeline", faults);

  for (guint i = 0; array != NULL && i < json_array_get_length (array); i++) {
    g_autofree char *place = g_strdup_printf ("pipeline[%u]", i);

    g_ptr_array_add (preset->pipeline,
        read_block (json_array_get_element (array, i), place, faults));
  }
  if (preset->pipeline->len == 0)
    lockstep_fault_add (faults, "pipeline",
        "at least one gst-launch line is needed");
}

void
lockstep_preset_init_pipeline (LockstepPreset * preset)
{
  preset->pipeline = g_ptr_array_new_with_free_func (block_free);
  preset->alternatives = g_ptr_array_new_with_free_func (alternative_free);
  preset->properties = g_ptr_array_new_with_free_func (rule_free);
}
