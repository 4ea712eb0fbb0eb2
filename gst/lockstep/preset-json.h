/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Typed members of a preset's JSON. Each function names a fault at its place. */
#pragma once

#include <gst/lockstep/preset-private.h>

#include <json-glib/json-glib.h>

/* "place.key"; @place "" is the root. */
char *lockstep_json_place (const char *place, const char *key);
/* Keys of @object that are not in @known are faults: a mistyped key that is
 * silently passed over is a setting that silently does not hold. */
void lockstep_json_check_keys (JsonObject * object, const char *place,
    const char *const *known, GPtrArray * faults);
gboolean lockstep_json_is_string (JsonNode * node);
gboolean lockstep_json_is_number (JsonNode * node);
/* The string at @key; NULL where there is none, with a fault when it is needed or
 * is something else. */
const char *lockstep_json_string (JsonObject * object, const char *key,
    gboolean needed, const char *place, GPtrArray * faults);
gboolean lockstep_json_boolean (JsonObject * object, const char *key,
    const char *place, GPtrArray * faults);
guint lockstep_json_count (JsonObject * object, const char *key,
    guint fallback, guint limit, const char *place, GPtrArray * faults);
/* NULL for a NULL @node; NULL with a fault where it is something else, or has more
 * entries than any preset. */
JsonObject *lockstep_json_object (JsonNode * node, const char *place,
    GPtrArray * faults);
JsonArray *lockstep_json_array (JsonNode * node, const char *place,
    GPtrArray * faults);
/* Never NULL. */
GStrv lockstep_json_strings (JsonNode * node, const char *place,
    GPtrArray * faults);
/* A value as a user would type it: 1.0 and true become "1.0" and "true", an array
 * "a,b"; NULL where it is none. */
char *lockstep_json_value_text (JsonNode * node);
