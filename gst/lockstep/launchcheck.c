/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What is wrong with a pipeline that GStreamer's parser does not say: ports that are taken
 * twice, names that are, and where its "syntax error" lies. */
#include <gst/lockstep/launchcheck.h>
#include <gst/lockstep/launchline.h>

#include <gio/gio.h>

typedef struct
{
  const char *name, *address, *port;
} Source;

/* What is set later wins over what stands in the line. */
static const char *
value_of (const LockstepLaunch * launch, const GPtrArray * words, guint element,
    const char *name, const char *property, const char *fallback)
{
  const char *value = fallback;

  for (guint i = element + 1; i < words->len; i++) {
    const LockstepLaunchWord *word = g_ptr_array_index (words, i);

    if (word->kind != LOCKSTEP_LAUNCH_PROPERTY)
      break;
    if (g_str_equal (word->name, property))
      value = word->value;
  }
  for (guint i = 0; i < launch->properties->len; i++) {
    const LockstepPropertySetting *setting =
        g_ptr_array_index (launch->properties, i);

    if (g_str_equal (setting->element, name)
        && g_str_equal (setting->property, property))
      value = setting->value;
  }
  return value;
}

static gboolean
same_address (const char *a, const char *b)
{
  g_autoptr (GInetAddress) x = g_inet_address_new_from_string (a);
  g_autoptr (GInetAddress) y = g_inet_address_new_from_string (b);

  if (x == NULL || y == NULL)
    return g_str_equal (a, b);
  return g_inet_address_equal (x, y) || g_inet_address_get_is_any (x)
      || g_inet_address_get_is_any (y);
}

gboolean
lockstep_launch_check_ports (const LockstepLaunch * launch, GPtrArray * faults)
{
  g_autoptr (GPtrArray) words = lockstep_launch_words (launch->launch);
  g_autoptr (GArray) sources = g_array_new (FALSE, FALSE, sizeof (Source));
  gboolean ok = TRUE;

  for (guint i = 0; i < words->len; i++) {
    const LockstepLaunchWord *word = g_ptr_array_index (words, i);
    Source source = { NULL };

    if (word->kind != LOCKSTEP_LAUNCH_ELEMENT
        || !g_str_equal (word->name, "udpsrc")
        || (source.name = lockstep_launch_name_of (words, i)) == NULL)
      continue;
    source.address = value_of (launch, words, i, source.name, "address",
        "0.0.0.0");
    source.port = value_of (launch, words, i, source.name, "port", "5004");
    for (guint k = 0; k < sources->len; k++) {
      const Source *other = &g_array_index (sources, Source, k);
      g_autofree char *place = NULL;

      /* 0: any that is free */
      if (!g_str_equal (other->port, source.port)
          || g_str_equal (source.port, "0")
          || !same_address (other->address, source.address))
        continue;
      ok = FALSE;
      place = g_strdup_printf ("properties.%s.port", source.name);
      lockstep_fault_add (faults, place, "%s and %s would both take UDP port "
          "%s of %s, and each packet comes to one of them alone: give each a "
          "port of its own", other->name, source.name, source.port,
          source.address);
    }
    g_array_append_val (sources, source);
  }
  return ok;
}

/* Brackets that @word opens, less those that it closes. */
static int
opens (const LockstepLaunchWord * word)
{
  int n = 0;

  for (const char *c = word->text; word->kind == LOCKSTEP_LAUNCH_OTHER
      && *c != '\0'; c++)
    n += *c == '(' ? 1 : *c == ')' ? -1 : 0;
  return n;
}

char *
lockstep_launch_name_twice (const char *line)
{
  g_autoptr (GPtrArray) words = lockstep_launch_words (line);
  g_autoptr (GHashTable) seen = g_hash_table_new (g_str_hash, g_str_equal);
  int depth = 0;

  for (guint i = 0; i < words->len; i++) {
    const LockstepLaunchWord *word = g_ptr_array_index (words, i);
    const char *name = word->kind == LOCKSTEP_LAUNCH_ELEMENT && depth == 0
        ? lockstep_launch_name_of (words, i) : NULL;

    depth += opens (word);
    if (name != NULL && !g_hash_table_add (seen, (gpointer) name))
      return g_strdup (name);
  }
  return NULL;
}

static gboolean
is_link (const GPtrArray * words, guint i)
{
  return i < words->len && ((LockstepLaunchWord *) words->pdata[i])->kind ==
      LOCKSTEP_LAUNCH_LINK;
}

/* What stands before a link, for people to find it. */
static const char *
before (const GPtrArray * words, guint i)
{
  while (i > 0 && ((LockstepLaunchWord *) words->pdata[i - 1])->kind ==
      LOCKSTEP_LAUNCH_PROPERTY)
    i--;
  return i > 0 ? ((LockstepLaunchWord *) words->pdata[i - 1])->text : "it";
}

char *
lockstep_launch_syntax_problem (const char *line)
{
  g_autoptr (GPtrArray) words = lockstep_launch_words (line);
  int depth = 0;

  if (words->len == 0)
    return g_strdup ("there is nothing in it");
  if (is_link (words, 0))
    return g_strdup ("nothing stands before its first '!'");
  if (is_link (words, words->len - 1))
    return g_strdup_printf ("nothing stands behind its last '!', after %s",
        before (words, words->len - 1));
  for (guint i = 0; i < words->len; i++) {
    if (is_link (words, i) && is_link (words, i + 1))
      return g_strdup_printf ("nothing stands between the two '!' after %s",
          before (words, i));
    depth += opens (words->pdata[i]);
    if (depth < 0)
      return g_strdup ("a ')' has no '('");
  }
  return depth > 0 ? g_strdup ("a '(' has no ')'") : NULL;
}
