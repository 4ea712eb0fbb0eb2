/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Reading typed members of JSON, with a fault for each that is not as it must be. */
#include <gst/lockstep/preset-json.h>

#include <string.h>

/* Bounds of a preset, far above any real one. */
#define MAX_ENTRIES 256

void
lockstep_json_check_keys (JsonObject * object, const char *place,
    const char *const *known, GPtrArray * faults)
{
  g_autoptr (GList) keys = json_object_get_members (object);

  for (GList * l = keys; l != NULL; l = l->next) {
    const char *key = l->data;
    g_autofree char *at = lockstep_json_place (place, key);
    const char *near;

    if (g_strv_contains (known, key))
      continue;
    near = lockstep_nearest (key, known);
    if (near != NULL)
      lockstep_fault_add (faults, at,
          "there is no key '%s' here; did you mean '%s'?", key, near);
    else
      lockstep_fault_add (faults, at,
          "there is no key '%s' here; take it out", key);
  }
}

char *
lockstep_json_place (const char *place, const char *key)
{
  return place[0] == '\0' ? g_strdup (key) : g_strconcat (place, ".", key,
      NULL);
}

gboolean
lockstep_json_is_string (JsonNode * node)
{
  return node != NULL && JSON_NODE_HOLDS_VALUE (node)
      && json_node_get_value_type (node) == G_TYPE_STRING;
}

gboolean
lockstep_json_is_number (JsonNode * node)
{
  return node != NULL && JSON_NODE_HOLDS_VALUE (node)
      && (json_node_get_value_type (node) == G_TYPE_INT64
      || json_node_get_value_type (node) == G_TYPE_DOUBLE);
}

const char *
lockstep_json_string (JsonObject * object, const char *key, gboolean needed,
    const char *place, GPtrArray * faults)
{
  JsonNode *node = json_object_get_member (object, key);
  g_autofree char *at = lockstep_json_place (place, key);

  if (lockstep_json_is_string (node))
    return json_node_get_string (node);
  if (node != NULL)
    lockstep_fault_add (faults, at, "'%s' must be a string", key);
  else if (needed)
    lockstep_fault_add (faults, place, "'%s' is missing", key);
  return NULL;
}

gboolean
lockstep_json_boolean (JsonObject * object, const char *key,
    const char *place, GPtrArray * faults)
{
  JsonNode *node = json_object_get_member (object, key);
  g_autofree char *at = lockstep_json_place (place, key);

  if (node == NULL)
    return FALSE;
  if (JSON_NODE_HOLDS_VALUE (node)
      && json_node_get_value_type (node) == G_TYPE_BOOLEAN)
    return json_node_get_boolean (node);
  lockstep_fault_add (faults, at, "'%s' must be true or false", key);
  return FALSE;
}

guint
lockstep_json_count (JsonObject * object, const char *key, guint fallback,
    guint limit, const char *place, GPtrArray * faults)
{
  JsonNode *node = json_object_get_member (object, key);
  g_autofree char *at = lockstep_json_place (place, key);

  if (node == NULL)
    return fallback;
  if (lockstep_json_is_number (node)
      && json_node_get_value_type (node) == G_TYPE_INT64
      && json_node_get_int (node) >= 0 && json_node_get_int (node) <= limit)
    return json_node_get_int (node);
  lockstep_fault_add (faults, at, "'%s' must be a whole number from 0 to %u",
      key, limit);
  return fallback;
}

JsonObject *
lockstep_json_object (JsonNode * node, const char *place, GPtrArray * faults)
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

JsonArray *
lockstep_json_array (JsonNode * node, const char *place, GPtrArray * faults)
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

GStrv
lockstep_json_strings (JsonNode * node, const char *place, GPtrArray * faults)
{
  g_autoptr (GPtrArray) strings = g_ptr_array_new_with_free_func (g_free);
  JsonArray *array = lockstep_json_array (node, place, faults);

  for (guint i = 0; array != NULL && i < json_array_get_length (array); i++) {
    JsonNode *item = json_array_get_element (array, i);
    g_autofree char *at = g_strdup_printf ("%s[%u]", place, i);

    if (lockstep_json_is_string (item))
      g_ptr_array_add (strings, g_strdup (json_node_get_string (item)));
    else
      lockstep_fault_add (faults, at, "this must be a string");
  }
  g_ptr_array_add (strings, NULL);
  return (GStrv) g_ptr_array_free (g_steal_pointer (&strings), FALSE);
}

char *
lockstep_json_value_text (JsonNode * node)
{
  char number[G_ASCII_DTOSTR_BUF_SIZE];
  g_autoptr (GString) list = NULL;
  JsonArray *array;

  if (JSON_NODE_HOLDS_ARRAY (node)) {
    list = g_string_new (NULL);
    array = json_node_get_array (node);
    for (guint i = 0; i < json_array_get_length (array); i++) {
      JsonNode *item = json_array_get_element (array, i);
      g_autofree char *text = JSON_NODE_HOLDS_VALUE (item)
          ? lockstep_json_value_text (item) : NULL;

      if (text == NULL || strchr (text, ',') != NULL)
        return NULL;
      g_string_append_printf (list, "%s%s", i > 0 ? "," : "", text);
    }
    return g_string_free (g_steal_pointer (&list), FALSE);
  }
  if (!JSON_NODE_HOLDS_VALUE (node))
    return NULL;
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
