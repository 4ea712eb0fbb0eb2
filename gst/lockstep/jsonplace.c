/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A walk over JSON text that notes the line of each member and item. */
#include <gst/lockstep/jsonplace.h>

#include <string.h>

/* Names longer than this are cut in places: nobody has such, and paths would grow
 * with the square of the file. */
#define MAX_NAME 100
#define MAX_PLACES 20000

struct _LockstepJsonPlaces
{
  GHashTable *lines;            /* place -> line */
  GPtrArray *duplicates;
  gboolean too_deep;
  guint stopped;
  const char *expected;
};

typedef struct
{
  LockstepJsonPlaces *places;
  const char *at;
  guint line, max_depth;
  GString *place;
} Walk;

static void
skip_space (Walk * walk)
{
  for (; g_ascii_isspace (*walk->at); walk->at++)
    walk->line += *walk->at == '\n';
}

/* The string at @at, without its quotes; escapes stay as they are, apart from those
 * of quotes and slashes: enough for names. NULL where there is none. */
static char *
read_string (Walk * walk)
{
  g_autoptr (GString) text = g_string_new (NULL);
  const char *c = walk->at + 1;

  if (*walk->at != '"')
    return NULL;
  for (; *c != '"'; c++) {
    if (*c == '\0')
      return NULL;
    walk->line += *c == '\n';
    if (*c == '\\' && (c[1] == '"' || c[1] == '\\' || c[1] == '/'))
      c++;
    g_string_append_c (text, *c);
  }
  walk->at = c + 1;
  return g_string_free (g_steal_pointer (&text), FALSE);
}

static void
note (Walk * walk, guint line)
{
  GHashTable *lines = walk->places->lines;

  if (g_hash_table_contains (lines, walk->place->str))
    g_ptr_array_add (walk->places->duplicates, g_strdup (walk->place->str));
  else if (g_hash_table_size (lines) < MAX_PLACES)
    g_hash_table_insert (lines, g_strdup (walk->place->str),
        GUINT_TO_POINTER (line));
}

static gboolean walk_value (Walk * walk, guint depth);

/* Notes what was missed, the first time. Always FALSE. */
static gboolean
miss (Walk * walk, const char *expected)
{
  if (walk->places->expected == NULL)
    walk->places->expected = expected;
  return FALSE;
}

static gboolean
expect (Walk * walk, char c, const char *expected)
{
  skip_space (walk);
  if (*walk->at != c)
    return miss (walk, expected);
  walk->at++;
  return TRUE;
}

static gboolean
walk_member (Walk * walk, guint depth)
{
  gsize length = walk->place->len;
  g_autofree char *name = NULL;
  guint line;

  skip_space (walk);
  line = walk->line;
  name = read_string (walk);
  if (name == NULL)
    return miss (walk, *walk->at == '"' ? "the end of the name"
        : "a name in double quotes");
  if (!expect (walk, ':', "':'"))
    return FALSE;
  g_string_append_printf (walk->place, "%s%.*s", length > 0 ? "." : "",
      MAX_NAME, name);
  note (walk, line);
  if (!walk_value (walk, depth + 1))
    return FALSE;
  g_string_truncate (walk->place, length);
  return TRUE;
}

static gboolean
walk_object (Walk * walk, guint depth)
{
  walk->at++;
  skip_space (walk);
  if (*walk->at == '}') {
    walk->at++;
    return TRUE;
  }
  do {
    if (!walk_member (walk, depth))
      return FALSE;
    skip_space (walk);
  } while (*walk->at == ',' && walk->at++);
  return expect (walk, '}', "',' or '}'");
}

static gboolean
walk_array (Walk * walk, guint depth)
{
  gsize length = walk->place->len;
  guint i = 0;

  walk->at++;
  skip_space (walk);
  if (*walk->at == ']') {
    walk->at++;
    return TRUE;
  }
  do {
    skip_space (walk);
    g_string_append_printf (walk->place, "[%u]", i++);
    note (walk, walk->line);
    if (!walk_value (walk, depth + 1))
      return FALSE;
    g_string_truncate (walk->place, length);
    skip_space (walk);
  } while (*walk->at == ',' && walk->at++);
  return expect (walk, ']', "',' or ']'");
}

static gboolean
walk_value (Walk * walk, guint depth)
{
  g_autofree char *string = NULL;
  gsize n;

  skip_space (walk);
  if (depth > walk->max_depth) {
    walk->places->too_deep = TRUE;
    return FALSE;
  }
  if (*walk->at == '{')
    return walk_object (walk, depth);
  if (*walk->at == '[')
    return walk_array (walk, depth);
  if (*walk->at == '"')
    return (string = read_string (walk)) != NULL
        || miss (walk, "the end of the string");
  /* true, 1.5 …: the parser looks closer */
  n = strspn (walk->at,
      "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789+-.");
  walk->at += n;
  return n > 0 || miss (walk, "a value");
}

LockstepJsonPlaces *
lockstep_json_places_new (const char *text, guint max_depth)
{
  LockstepJsonPlaces *places = g_new0 (LockstepJsonPlaces, 1);
  Walk walk = { places, text, 1, max_depth, g_string_new (NULL) };

  places->lines = g_hash_table_new_full (g_str_hash, g_str_equal, g_free, NULL);
  places->duplicates = g_ptr_array_new_with_free_func (g_free);
  if (!walk_value (&walk, 0)
      || (skip_space (&walk), *walk.at != '\0'
          && !miss (&walk, "the end of the file")))
    places->stopped = walk.line;
  g_string_free (walk.place, TRUE);
  return places;
}

void
lockstep_json_places_free (LockstepJsonPlaces * places)
{
  if (places == NULL)
    return;
  g_hash_table_unref (places->lines);
  g_ptr_array_unref (places->duplicates);
  g_free (places);
}

gboolean
lockstep_json_places_depth_ok (LockstepJsonPlaces * places)
{
  return !places->too_deep;
}

guint
lockstep_json_places_stopped (LockstepJsonPlaces * places,
    const char **expected)
{
  *expected = places->expected;
  return places->stopped;
}

const GPtrArray *
lockstep_json_places_duplicates (LockstepJsonPlaces * places)
{
  return places->duplicates;
}

guint
lockstep_json_places_line (LockstepJsonPlaces * places, const char *place,
    gsize * matched)
{
  g_autofree char *name = g_strdup (place);

  for (gsize n = strlen (name); n > 0; n--) {
    gpointer line;

    /* only whole steps: up to a '.', a '[' or the end */
    if (place[n] != '\0' && place[n] != '.' && place[n] != '[')
      continue;
    name[n] = '\0';
    line = g_hash_table_lookup (places->lines, name);
    if (line != NULL) {
      if (matched != NULL)
        *matched = n;
      return GPOINTER_TO_UINT (line);
    }
  }
  if (matched != NULL)
    *matched = 0;
  return 0;
}

gboolean
lockstep_json_is_shallow (const char *text, gsize bytes, guint max_depth)
{
  guint depth = 0;
  gboolean string = FALSE;

  for (gsize i = 0; i < bytes; i++) {
    char c = text[i];

    if (string) {
      if (c == '\\')
        i++;
      else if (c == '"')
        string = FALSE;
    } else if (c == '"') {
      string = TRUE;
    } else if (c == '{' || c == '[') {
      if (++depth > max_depth)
        return FALSE;
    } else if (c == '}' || c == ']') {
      depth -= depth > 0;
    } else if (c == '\0' || (!g_ascii_isalnum (c)
            && strchr (" \t\r\n,:+-.", c) == NULL)) {
      return FALSE;
    }
  }
  return TRUE;
}
