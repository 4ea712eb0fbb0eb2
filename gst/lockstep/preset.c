/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Reading presets: JSON to structs, with every fault named. */
#include <gst/lockstep/preset-private.h>

#include <json-glib/json-glib.h>
#include <errno.h>
#include <string.h>

/* Bounds of a preset, far above any real one. */
#define MAX_ENTRIES 256

static void
fault_free (gpointer data)
{
  LockstepFault *fault = data;

  g_free (fault->place);
  g_free (fault->text);
  g_free (fault);
}

GPtrArray *
lockstep_faults_new (void)
{
  return g_ptr_array_new_with_free_func (fault_free);
}

void
lockstep_fault_add (GPtrArray * faults, const char *place,
    const char *format, ...)
{
  LockstepFault *fault = g_new0 (LockstepFault, 1);
  va_list args;

  va_start (args, format);
  fault->place = g_strdup (place);
  fault->text = g_strdup_vprintf (format, args);
  va_end (args);
  g_ptr_array_add (faults, fault);
}

static void
parameter_free (gpointer data)
{
  LockstepParameter *p = data;

  g_free (p->name);
  g_free (p->summary);
  g_free (p->default_value);
  g_strfreev (p->values);
  g_free (p);
}

static void
rule_free (gpointer data)
{
  LockstepPropertyRule *rule = data;

  g_free (rule->target);
  g_free (rule->format);
  g_free (rule->parameter);
  g_free (rule);
}

static void
choice_free (gpointer data)
{
  LockstepChoice *choice = data;

  g_free (choice->name);
  g_free (choice->launch);
  g_hash_table_unref (choice->when);
  g_ptr_array_unref (choice->properties);
  g_free (choice);
}

static void
alternative_free (gpointer data)
{
  LockstepAlternative *alternative = data;

  g_free (alternative->name);
  g_ptr_array_unref (alternative->choices);
  g_free (alternative);
}

static void
stream_clear (LockstepStream * stream)
{
  g_clear_pointer (&stream->encodings, g_strfreev);
  g_clear_pointer (&stream->element, g_free);
}

void
lockstep_preset_free (LockstepPreset * preset)
{
  if (preset == NULL)
    return;
  g_free (preset->name);
  g_free (preset->summary);
  g_ptr_array_unref (preset->parameters);
  g_ptr_array_unref (preset->pipeline);
  g_ptr_array_unref (preset->alternatives);
  g_ptr_array_unref (preset->properties);
  g_free (preset->signalling_element);
  stream_clear (&preset->audio);
  stream_clear (&preset->video);
  g_free (preset);
}

const LockstepParameter *
lockstep_preset_find_parameter (const LockstepPreset * preset, const char *name)
{
  for (guint i = 0; i < preset->parameters->len; i++) {
    const LockstepParameter *p = g_ptr_array_index (preset->parameters, i);

    if (g_str_equal (p->name, name))
      return p;
  }
  return NULL;
}

const LockstepAlternative *
lockstep_preset_find_alternative (const LockstepPreset * preset,
    const char *name)
{
  for (guint i = 0; i < preset->alternatives->len; i++) {
    const LockstepAlternative *a = g_ptr_array_index (preset->alternatives, i);

    if (g_str_equal (a->name, name))
      return a;
  }
  return NULL;
}

/* Keys of @object that are not in @known are faults: a mistyped key that is
 * silently passed over is a setting that silently does not hold. */
static void
check_keys (JsonObject * object, const char *place, const char *const *known,
    GPtrArray * faults)
{
  g_autoptr (GList) keys = json_object_get_members (object);

  for (GList * l = keys; l != NULL; l = l->next) {
    const char *key = l->data;
    const char *near;

    if (g_strv_contains (known, key))
      continue;
    near = lockstep_nearest (key, known);
    if (near != NULL)
      lockstep_fault_add (faults, place,
          "there is no key '%s' here; did you mean '%s'?", key, near);
    else
      lockstep_fault_add (faults, place,
          "there is no key '%s' here; take it out", key);
  }
}

static gboolean
node_is_string (JsonNode * node)
{
  return node != NULL && JSON_NODE_HOLDS_VALUE (node)
      && json_node_get_value_type (node) == G_TYPE_STRING;
}

static gboolean
node_is_number (JsonNode * node)
{
  return node != NULL && JSON_NODE_HOLDS_VALUE (node)
      && (json_node_get_value_type (node) == G_TYPE_INT64
      || json_node_get_value_type (node) == G_TYPE_DOUBLE);
}

/* The string at @key; NULL where there is none, with a fault when it is needed
 * or is something else. */
static const char *
get_string (JsonObject * object, const char *key, gboolean needed,
    const char *place, GPtrArray * faults)
{
  JsonNode *node = json_object_get_member (object, key);

  if (node_is_string (node))
    return json_node_get_string (node);
  if (node != NULL)
    lockstep_fault_add (faults, place, "'%s' must be a string", key);
  else if (needed)
    lockstep_fault_add (faults, place, "'%s' is missing", key);
  return NULL;
}

static JsonObject *
get_object (JsonNode * node, const char *place, GPtrArray * faults)
{
  if (node == NULL)
    return NULL;
  if (!JSON_NODE_HOLDS_OBJECT (node)) {
    lockstep_fault_add (faults, place, "this must be an object: { … }");
    return NULL;
  }
  if (json_object_get_size (json_node_get_object (node)) > MAX_ENTRIES) {
    lockstep_fault_add (faults, place, "more than %d entries", MAX_ENTRIES);
    return NULL;
  }
  return json_node_get_object (node);
}

static JsonArray *
get_array (JsonNode * node, const char *place, GPtrArray * faults)
{
  if (node == NULL)
    return NULL;
  if (!JSON_NODE_HOLDS_ARRAY (node)) {
    lockstep_fault_add (faults, place, "this must be an array: [ … ]");
    return NULL;
  }
  if (json_array_get_length (json_node_get_array (node)) > MAX_ENTRIES) {
    lockstep_fault_add (faults, place, "more than %d entries", MAX_ENTRIES);
    return NULL;
  }
  return json_node_get_array (node);
}

static GStrv
read_strings (JsonNode * node, const char *place, GPtrArray * faults)
{
  g_autoptr (GPtrArray) strings = g_ptr_array_new_with_free_func (g_free);
  JsonArray *array = get_array (node, place, faults);

  for (guint i = 0; array != NULL && i < json_array_get_length (array); i++) {
    JsonNode *item = json_array_get_element (array, i);

    if (node_is_string (item))
      g_ptr_array_add (strings, g_strdup (json_node_get_string (item)));
    else
      lockstep_fault_add (faults, place, "entry %u must be a string", i);
  }
  g_ptr_array_add (strings, NULL);
  return (GStrv) g_ptr_array_free (g_steal_pointer (&strings), FALSE);
}

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

static const struct
{
  const char *name;
  LockstepParameterType type;
} parameter_types[] = {
  {"string", LOCKSTEP_PARAMETER_STRING},
  {"int", LOCKSTEP_PARAMETER_INT},
  {"double", LOCKSTEP_PARAMETER_DOUBLE},
  {"bool", LOCKSTEP_PARAMETER_BOOL},
  {"enum", LOCKSTEP_PARAMETER_ENUM},
};

static gboolean
read_type (const char *name, LockstepParameterType * type)
{
  for (guint i = 0; i < G_N_ELEMENTS (parameter_types); i++) {
    if (g_str_equal (parameter_types[i].name, name)) {
      *type = parameter_types[i].type;
      return TRUE;
    }
  }
  return FALSE;
}

/* A default as a user would type it: 1.0 and true become "1.0" and "true". */
static char *
value_to_text (JsonNode * node)
{
  char number[G_ASCII_DTOSTR_BUF_SIZE];

  switch (json_node_get_value_type (node)) {
    case G_TYPE_STRING:
      return g_strdup (json_node_get_string (node));
    case G_TYPE_INT64:
      return g_strdup_printf ("%" G_GINT64_FORMAT, json_node_get_int (node));
    case G_TYPE_BOOLEAN:
      return g_strdup (json_node_get_boolean (node) ? "true" : "false");
    default:
      return g_strdup (g_ascii_dtostr (number, sizeof number,
              json_node_get_double (node)));
  }
}

static double
read_limit (JsonObject * object, const char *key, double none,
    const LockstepParameter * p, const char *place, GPtrArray * faults)
{
  JsonNode *node = json_object_get_member (object, key);

  if (node == NULL)
    return none;
  if (!node_is_number (node))
    lockstep_fault_add (faults, place, "'%s' must be a number", key);
  else if (p->type != LOCKSTEP_PARAMETER_INT
      && p->type != LOCKSTEP_PARAMETER_DOUBLE)
    lockstep_fault_add (faults, place, "'%s' is for int and double only", key);
  else
    return json_node_get_double (node);
  return none;
}

static void
read_parameter (LockstepPreset * preset, const char *name, JsonNode * node,
    GPtrArray * faults)
{
  static const char *const keys[] =
      { "type", "default", "min", "max", "values", "summary", "secret", NULL };
  g_autofree char *place = g_strdup_printf ("parameters.%s", name);
  JsonObject *object = get_object (node, place, faults);
  LockstepParameter *p;
  JsonNode *member;
  const char *type;
  guint before = faults->len;

  if (!valid_name (name))
    lockstep_fault_add (faults, place,
        "a parameter's name is lower case letters, digits and dashes");
  if (object == NULL)
    return;

  check_keys (object, place, keys, faults);
  p = g_new0 (LockstepParameter, 1);
  g_ptr_array_add (preset->parameters, p);
  p->name = g_strdup (name);
  p->summary = g_strdup (get_string (object, "summary", TRUE, place, faults));
  type = get_string (object, "type", TRUE, place, faults);
  if (type != NULL && !read_type (type, &p->type))
    lockstep_fault_add (faults, place,
        "there is no type '%s'; the types are string, int, double, bool, enum",
        type);
  p->min = read_limit (object, "min", -G_MAXDOUBLE, p, place, faults);
  p->max = read_limit (object, "max", G_MAXDOUBLE, p, place, faults);
  if (p->min > p->max)
    lockstep_fault_add (faults, place, "'min' is above 'max'");

  member = json_object_get_member (object, "values");
  if (p->type == LOCKSTEP_PARAMETER_ENUM) {
    p->values = read_strings (member, place, faults);
    if (p->values[0] == NULL)
      lockstep_fault_add (faults, place, "an enum needs 'values': [ … ]");
  } else if (member != NULL) {
    lockstep_fault_add (faults, place, "'values' is for enum only");
  }

  member = json_object_get_member (object, "secret");
  if (member != NULL && (!JSON_NODE_HOLDS_VALUE (member)
          || json_node_get_value_type (member) != G_TYPE_BOOLEAN))
    lockstep_fault_add (faults, place, "'secret' must be true or false");
  else
    p->secret = member != NULL && json_node_get_boolean (member);

  member = json_object_get_member (object, "default");
  if (member == NULL)
    return;
  if (!JSON_NODE_HOLDS_VALUE (member)) {
    lockstep_fault_add (faults, place, "'default' must be a single value");
    return;
  }
  p->default_value = value_to_text (member);
  if (faults->len == before) {
    g_autofree char *at = g_strconcat (place, ".default", NULL);

    lockstep_parameter_check (p, p->default_value, at, faults);
  }
}

/* {"element.property": "template" | {"parameter": P, "divide": N}} */
static GPtrArray *
read_properties (JsonNode * node, const char *place, GPtrArray * faults)
{
  static const char *const keys[] = { "parameter", "divide", NULL };
  GPtrArray *rules = g_ptr_array_new_with_free_func (rule_free);
  JsonObject *object = get_object (node, place, faults);
  g_autoptr (GList) names = object ? json_object_get_members (object) : NULL;

  for (GList * l = names; l != NULL; l = l->next) {
    g_autofree char *at = g_strdup_printf ("%s.%s", place, (char *) l->data);
    JsonNode *value = json_object_get_member (object, l->data);
    LockstepPropertyRule *rule;
    const char *dot = strchr (l->data, '.');

    if (dot == NULL || dot == l->data || dot[1] == '\0') {
      lockstep_fault_add (faults, at,
          "write the name as element.property, such as hls.location");
      continue;
    }
    rule = g_new0 (LockstepPropertyRule, 1);
    rule->target = g_strdup (l->data);
    rule->divide = 1;
    g_ptr_array_add (rules, rule);
    if (node_is_string (value)) {
      rule->format = g_strdup (json_node_get_string (value));
    } else if (value != NULL && JSON_NODE_HOLDS_OBJECT (value)) {
      JsonObject *o = json_node_get_object (value);
      JsonNode *divide = json_object_get_member (o, "divide");

      check_keys (o, at, keys, faults);
      rule->parameter =
          g_strdup (get_string (o, "parameter", TRUE, at, faults));
      if (divide != NULL) {
        if (node_is_number (divide) && json_node_get_int (divide) > 0)
          rule->divide = json_node_get_int (divide);
        else
          lockstep_fault_add (faults, at, "'divide' must be a number above 0");
      }
    } else {
      lockstep_fault_add (faults, at,
          "this must be a string, or an object with 'parameter'");
    }
  }
  return rules;
}

static void
read_choice (LockstepAlternative * alternative, JsonNode * node,
    const char *place, GPtrArray * faults)
{
  static const char *const keys[] =
      { "name", "when", "launch", "properties", NULL };
  JsonObject *object = get_object (node, place, faults);
  LockstepChoice *choice;
  JsonObject *when;
  JsonNode *properties;
  g_autofree char *at_when = g_strconcat (place, ".when", NULL);
  g_autofree char *at_properties = g_strconcat (place, ".properties", NULL);
  g_autoptr (GList) names = NULL;

  if (object == NULL)
    return;
  check_keys (object, place, keys, faults);
  choice = g_new0 (LockstepChoice, 1);
  g_ptr_array_add (alternative->choices, choice);
  choice->when = g_hash_table_new_full (g_str_hash, g_str_equal, g_free,
      g_free);
  choice->name = g_strdup (get_string (object, "name", TRUE, place, faults));
  choice->launch =
      g_strdup (get_string (object, "launch", TRUE, place, faults));
  properties = json_object_get_member (object, "properties");
  choice->properties = read_properties (properties, at_properties, faults);
  when = get_object (json_object_get_member (object, "when"), at_when, faults);
  names = when != NULL ? json_object_get_members (when) : NULL;
  for (GList * l = names; l != NULL; l = l->next) {
    const char *value = get_string (when, l->data, TRUE, at_when, faults);

    if (value != NULL)
      g_hash_table_insert (choice->when, g_strdup (l->data), g_strdup (value));
  }
}

static void
read_alternatives (LockstepPreset * preset, JsonNode * node, GPtrArray * faults)
{
  JsonObject *object = get_object (node, "alternatives", faults);
  g_autoptr (GList) names = object ? json_object_get_members (object) : NULL;

  for (GList * l = names; l != NULL; l = l->next) {
    g_autofree char *place =
        g_strdup_printf ("alternatives.%s", (char *) l->data);
    JsonArray *array =
        get_array (json_object_get_member (object, l->data), place, faults);
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
read_stream (LockstepStream * stream, JsonNode * node, const char *place,
    GPtrArray * faults)
{
  static const char *const keys[] = { "encodings", "element", NULL };
  JsonObject *object = get_object (node, place, faults);
  g_autofree char *at = g_strconcat (place, ".encodings", NULL);

  if (object == NULL)
    return;
  check_keys (object, place, keys, faults);
  stream_clear (stream);
  stream->encodings =
      read_strings (json_object_get_member (object, "encodings"), at, faults);
  stream->element =
      g_strdup (get_string (object, "element", FALSE, place, faults));
}

static void
read_signalling (LockstepPreset * preset, JsonNode * node, GPtrArray * faults)
{
  static const char *const keys[] =
      { "element", "protocol", "audio", "video", NULL };
  JsonObject *object = get_object (node, "signalling", faults);
  const char *protocol;

  if (object == NULL)
    return;
  check_keys (object, "signalling", keys, faults);
  preset->signalling_element =
      g_strdup (get_string (object, "element", TRUE, "signalling", faults));
  protocol = get_string (object, "protocol", TRUE, "signalling", faults);
  if (g_strcmp0 (protocol, "whip") == 0)
    preset->signalling = LOCKSTEP_SIGNALLING_WHIP;
  else if (g_strcmp0 (protocol, "whip-client") == 0)
    preset->signalling = LOCKSTEP_SIGNALLING_WHIP_CLIENT;
  else if (protocol != NULL)
    lockstep_fault_add (faults, "signalling.protocol",
        "there is no protocol '%s'; they are whip and whip-client", protocol);
  read_stream (&preset->audio, json_object_get_member (object, "audio"),
      "signalling.audio", faults);
  read_stream (&preset->video, json_object_get_member (object, "video"),
      "signalling.video", faults);
}

static void
read_root (LockstepPreset * preset, JsonObject * root, GPtrArray * faults)
{
  static const char *const keys[] = { "$schema", "summary", "parameters",
    "pipeline", "alternatives", "properties", "signalling", NULL
  };
  JsonObject *parameters = get_object (json_object_get_member (root,
          "parameters"), "parameters", faults);
  g_autoptr (GList) names =
      parameters ? json_object_get_members (parameters) : NULL;
  g_auto (GStrv) lines = NULL;

  check_keys (root, preset->name, keys, faults);
  preset->summary =
      g_strdup (get_string (root, "summary", TRUE, preset->name, faults));
  for (GList * l = names; l != NULL; l = l->next)
    read_parameter (preset, l->data, json_object_get_member (parameters,
            l->data), faults);

  lines = read_strings (json_object_get_member (root, "pipeline"), "pipeline",
      faults);
  for (guint i = 0; lines[i] != NULL; i++)
    g_ptr_array_add (preset->pipeline, g_strdup (lines[i]));
  if (preset->pipeline->len == 0)
    lockstep_fault_add (faults, "pipeline",
        "at least one gst-launch line is needed");

  read_alternatives (preset, json_object_get_member (root, "alternatives"),
      faults);
  g_ptr_array_unref (preset->properties);
  preset->properties = read_properties (json_object_get_member (root,
          "properties"), "properties", faults);
  read_signalling (preset, json_object_get_member (root, "signalling"), faults);
}

LockstepPreset *
lockstep_preset_parse (const char *name, const char *text, gssize length,
    GPtrArray * faults)
{
  g_autoptr (LockstepPreset) preset = g_new0 (LockstepPreset, 1);
  g_autoptr (JsonParser) parser = json_parser_new ();
  g_autoptr (GError) error = NULL;
  guint before = faults->len;
  JsonNode *root;

  if (length < 0)
    length = strlen (text);
  preset->name = g_strdup (name);
  preset->parameters = g_ptr_array_new_with_free_func (parameter_free);
  preset->pipeline = g_ptr_array_new_with_free_func (g_free);
  preset->alternatives = g_ptr_array_new_with_free_func (alternative_free);
  preset->properties = g_ptr_array_new_with_free_func (rule_free);
  preset->audio.encodings = g_new0 (char *, 1);
  preset->video.encodings = g_new0 (char *, 1);

  if (length > LOCKSTEP_PRESET_MAX_BYTES) {
    lockstep_fault_add (faults, name, "the file is larger than %d KiB",
        LOCKSTEP_PRESET_MAX_BYTES / 1024);
    return NULL;
  }
  if (!g_utf8_validate_len (text, length, NULL)) {
    lockstep_fault_add (faults, name, "the file is not UTF-8 text");
    return NULL;
  }
  if (!json_parser_load_from_data (parser, text, length, &error)) {
    lockstep_fault_add (faults, name, "not JSON: %s", error->message);
    return NULL;
  }
  root = json_parser_get_root (parser);
  if (root == NULL || !JSON_NODE_HOLDS_OBJECT (root)) {
    lockstep_fault_add (faults, name, "a preset is one JSON object: { … }");
    return NULL;
  }
  read_root (preset, json_node_get_object (root), faults);
  return faults->len == before ? g_steal_pointer (&preset) : NULL;
}

const char *
lockstep_preset_get_name (const LockstepPreset * preset)
{
  return preset->name;
}

const char *
lockstep_preset_get_summary (const LockstepPreset * preset)
{
  return preset->summary;
}

const GPtrArray *
lockstep_preset_get_parameters (const LockstepPreset * preset)
{
  return preset->parameters;
}

LockstepSignalling
lockstep_preset_get_signalling (const LockstepPreset * preset)
{
  return preset->signalling;
}

const char *
lockstep_preset_get_signalling_element (const LockstepPreset * preset)
{
  return preset->signalling_element;
}

const LockstepStream *
lockstep_preset_get_audio (const LockstepPreset * preset)
{
  return &preset->audio;
}

const LockstepStream *
lockstep_preset_get_video (const LockstepPreset * preset)
{
  return &preset->video;
}
