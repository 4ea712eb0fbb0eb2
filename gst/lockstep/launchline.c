/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* gst-launch's grammar, as far as words go: quotes, escapes, caps between links. */
#include <gst/lockstep/launchline.h>

#include <string.h>

static void
word_free (gpointer data)
{
  LockstepLaunchWord *word = data;

  g_free (word->text);
  g_free (word->name);
  g_free (word->value);
  g_free (word);
}

/* The end of what starts at @c: up to a space, or to a link where @caps. Quotes and
 * backslashes hold things together. */
static const char *
word_end (const char *c, gboolean caps)
{
  char quote = '\0';

  for (; *c != '\0'; c++) {
    if (*c == '\\' && c[1] != '\0')
      c++;
    else if (quote != '\0')
      quote = *c == quote ? '\0' : quote;
    else if (*c == '"' || *c == '\'')
      quote = *c;
    else if (caps ? *c == '!' : g_ascii_isspace (*c))
      break;
  }
  return c;
}

/* As gst_parse_launch() does it: quotes around all of it go, then backslashes. */
static char *
unquote (const char *text)
{
  gsize n = strlen (text);
  g_autofree char *inner = NULL;
  GString *out = g_string_new (NULL);

  if (n >= 2 && (text[0] == '"' || text[0] == '\'') && text[n - 1] == text[0])
    inner = g_strndup (text + 1, n - 2);
  else
    inner = g_strdup (text);
  for (const char *c = inner; *c != '\0'; c++) {
    if (*c == '\\' && c[1] != '\0')
      c++;
    g_string_append_c (out, *c);
  }
  return g_string_free (out, FALSE);
}

static gboolean
is_name_char (char c)
{
  return g_ascii_isalnum (c) || c == '-' || c == '_' || c == ':';
}

static LockstepLaunchWord *
new_word (LockstepLaunchKind kind, const char *start, const char *end)
{
  LockstepLaunchWord *word = g_new0 (LockstepLaunchWord, 1);

  word->kind = kind;
  word->text = g_strndup (start, end - start);
  return word;
}

/* Caps: "media/type" before anything else. */
static gboolean
starts_caps (const char *c)
{
  const char *start = c;

  while (is_name_char (*c) || *c == '.' || *c == '+')
    c++;
  return *c == '/' && c > start;
}

/* "name = value", with spaces or without; NULL where @c is none. */
static LockstepLaunchWord *
read_property (const char *c, const char **next)
{
  const char *start = c, *name_end, *value;
  LockstepLaunchWord *word;
  g_autofree char *text = NULL;

  while (is_name_char (*c))
    c++;
  name_end = c;
  while (g_ascii_isspace (*c))
    c++;
  if (name_end == start || *c != '=')
    return NULL;
  for (c++; g_ascii_isspace (*c); c++);
  value = c;
  *next = word_end (c, FALSE);
  word = new_word (LOCKSTEP_LAUNCH_PROPERTY, start, *next);
  word->name = g_strndup (start, name_end - start);
  text = g_strndup (value, *next - value);
  word->value = unquote (text);
  return word;
}

static LockstepLaunchWord *
read_word (const char *c, gboolean after_link, const char **next)
{
  LockstepLaunchWord *word;
  const char *end;
  gsize n = 0;

  if (*c == '!') {
    *next = c + 1;
    return new_word (LOCKSTEP_LAUNCH_LINK, c, c + 1);
  }
  if (after_link && starts_caps (c)) {
    end = *next = word_end (c, TRUE);
    while (g_ascii_isspace (end[-1]))
      end--;
    return new_word (LOCKSTEP_LAUNCH_CAPS, c, end);
  }
  word = read_property (c, next);
  if (word != NULL)
    return word;
  *next = word_end (c, FALSE);
  while (is_name_char (c[n]))
    n++;
  word = new_word (c + n == *next ? LOCKSTEP_LAUNCH_ELEMENT
      : n > 0 && c[n] == '.' && c[n + 1] != '('
      ? LOCKSTEP_LAUNCH_REFERENCE : LOCKSTEP_LAUNCH_OTHER, c, *next);
  word->name = g_strndup (c, n);
  return word;
}

GPtrArray *
lockstep_launch_words (const char *line)
{
  GPtrArray *words = g_ptr_array_new_with_free_func (word_free);
  gboolean after_link = FALSE;

  for (const char *c = line;;) {
    LockstepLaunchWord *word;

    while (g_ascii_isspace (*c))
      c++;
    if (*c == '\0')
      return words;
    word = read_word (c, after_link, &c);
    after_link = word->kind == LOCKSTEP_LAUNCH_LINK;
    g_ptr_array_add (words, word);
  }
}

char *
lockstep_launch_property (const char *name, const char *value)
{
  g_autoptr (GString) text = g_string_new (NULL);
  gsize n = strlen (value);

  if (n > 0 && strspn (value, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUV"
          "WXYZ0123456789_-./:%+@") == n)
    return g_strdup_printf ("%s=%s", name, value);
  for (const char *c = value; *c != '\0'; c++) {
    if (*c == '"' || *c == '\\')
      g_string_append_c (text, '\\');
    g_string_append_c (text, *c);
  }
  /* a string that begins with a quote would be taken for one in quotes */
  if (value[0] == '"') {
    g_autofree char *wrapped = g_strdup_printf ("\"%s\"", text->str);

    g_string_truncate (text, 0);
    for (const char *c = wrapped; *c != '\0'; c++) {
      if (*c == '"' || *c == '\\')
        g_string_append_c (text, '\\');
      g_string_append_c (text, *c);
    }
  }
  return g_strdup_printf ("%s=\"%s\"", name, text->str);
}

const char *
lockstep_launch_name_of (const GPtrArray * words, guint index)
{
  for (guint i = index + 1; i < words->len; i++) {
    const LockstepLaunchWord *word = g_ptr_array_index (words, i);

    if (word->kind != LOCKSTEP_LAUNCH_PROPERTY)
      return NULL;
    if (g_str_equal (word->name, "name"))
      return word->value;
  }
  return NULL;
}

char *
lockstep_shell_word (const char *word)
{
  gsize n = strlen (word);

  if (n > 0 && strspn (word, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVW"
          "XYZ0123456789_-./:%+@=,") == n)
    return g_strdup (word);
  return g_shell_quote (word);
}
