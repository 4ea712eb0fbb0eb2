/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Failure files: failure-TIME-CHANNEL.dot. Bounded in number and size. */
#include "config.h"
#include "failure.h"
#include "log.h"

#include <errno.h>
#include <fcntl.h>
#include <glib/gstdio.h>
#include <string.h>
#include <unistd.h>

#define MAX_LINES 200
#define MAX_LINE_BYTES 500
#define MAX_GRAPH_BYTES (1024 * 1024)
#define MAX_FILES_OF_A_CHANNEL 5
#define MAX_FILES 100
#define PREFIX "failure-"
#define TIME_FORMAT "%Y%m%dT%H%M%S"
#define TIME_LENGTH 19          /* with ".123" */

static GMutex lock;             /* protects the lines */
static GQueue lines = G_QUEUE_INIT;     /* char*, newest last */

static void
keep_line (GstDebugCategory * category, GstDebugLevel level, const char *file,
    const char *function, int line, GObject * object, GstDebugMessage * message,
    gpointer unused)
{
  char *text;

  if (level > gst_debug_category_get_threshold (category))
    return;
  text = gst_debug_log_get_line (category, level, file, function, line, object,
      message);
  g_strchomp (text);
  if (strlen (text) > MAX_LINE_BYTES)
    text[MAX_LINE_BYTES] = '\0';
  g_mutex_lock (&lock);
  g_queue_push_tail (&lines, text);
  if (g_queue_get_length (&lines) > MAX_LINES)
    g_free (g_queue_pop_head (&lines));
  g_mutex_unlock (&lock);
}

void
failure_keep_log (void)
{
  const char *asked = g_getenv ("GST_DEBUG");

  if (asked == NULL || asked[0] == '\0') {
    /* nobody asked for these on stderr */
    gst_debug_remove_log_function (gst_debug_log_default);
    gst_debug_set_default_threshold (GST_LEVEL_WARNING);
    gst_debug_set_active (TRUE);
  }
  gst_debug_add_log_function (keep_line, NULL, NULL);
}

/* As the option says, else where a service may write, else where a user's programs do. */
static char *
failure_folder (void)
{
  const char *given = g_getenv ("LOCKSTEP_FAILURE_DIR");
  const char *state = g_getenv ("STATE_DIRECTORY");

  if (given != NULL && given[0] != '\0')
    return g_strdup (given);
  if (state != NULL && state[0] != '\0') {
    g_auto (GStrv) folders = g_strsplit (state, ":", 2);

    return g_build_filename (folders[0], "failures", NULL);
  }
  return g_build_filename (g_get_user_state_dir (), "lockstep", NULL);
}

/* The channel in a failure file's name, or NULL where it is no such file. */
static char *
channel_of (const char *name)
{
  gsize head = strlen (PREFIX) + TIME_LENGTH;

  if (!g_str_has_prefix (name, PREFIX) || !g_str_has_suffix (name, ".dot")
      || strlen (name) < head + 1 + strlen (".dot") || name[head] != '-')
    return NULL;
  return g_strndup (name + head + 1, strlen (name) - head - 1 -
      strlen (".dot"));
}

static int
compare_names (gconstpointer a, gconstpointer b)
{
  return strcmp (*(char *const *) a, *(char *const *) b);
}

/* Makes room for one more. Names sort by time. */
static void
delete_old (const char *folder, const char *channel)
{
  g_autoptr (GPtrArray) names = g_ptr_array_new_with_free_func (g_free);
  g_autoptr (GDir) dir = g_dir_open (folder, 0, NULL);
  guint all = 0, own = 0;
  const char *name;

  while (dir != NULL && (name = g_dir_read_name (dir)) != NULL)
    if (g_str_has_prefix (name, PREFIX))
      g_ptr_array_add (names, g_strdup (name));
  g_ptr_array_sort (names, compare_names);
  for (guint i = names->len; i-- > 0;) {
    g_autofree char *its = channel_of (g_ptr_array_index (names, i));
    g_autofree char *path = NULL;

    if (its == NULL)
      continue;
    own += g_str_equal (its, channel);
    if (++all < MAX_FILES && (!g_str_equal (its, channel)
            || own < MAX_FILES_OF_A_CHANNEL))
      continue;
    path = g_build_filename (folder, g_ptr_array_index (names, i), NULL);
    g_unlink (path);
  }
}

static void
append_comment (GString * text, const char *label, const char *value)
{
  g_auto (GStrv) split = g_strsplit (value, "\n", -1);

  for (guint i = 0; split[i] != NULL; i++)
    g_string_append_printf (text, "// %s%s\n", i == 0 ? label : "  ", split[i]);
}

/* Properties are not shown: they hold URIs with keys in them. */
static void
append_graph (GString * text, GstElement * pipeline)
{
  g_autofree char *graph = gst_debug_bin_to_dot_data (GST_BIN (pipeline),
      GST_DEBUG_GRAPH_SHOW_MEDIA_TYPE | GST_DEBUG_GRAPH_SHOW_CAPS_DETAILS
      | GST_DEBUG_GRAPH_SHOW_STATES);

  if (strlen (graph) <= MAX_GRAPH_BYTES)
    g_string_append (text, graph);
  else
    append_comment (text, "graph: ", "it is too large to be kept");
}

static void
hide_secrets (GString * text, const char *const *secrets)
{
  g_autoptr (GRegex) userinfo =
      g_regex_new ("://[^/@\\s\"]+@", G_REGEX_OPTIMIZE, 0, NULL);
  g_autofree char *plain = NULL;

  for (guint i = 0; secrets[i] != NULL; i++)
    if (secrets[i][0] != '\0')
      g_string_replace (text, secrets[i], "(secret)", 0);
  plain = g_regex_replace_literal (userinfo, text->str, text->len, 0,
      "://(secret)@", 0, NULL);
  if (plain != NULL)
    g_string_assign (text, plain);
}

static GString *
describe (const char *channel, const char *reason, GstElement * pipeline,
    const char *const *secrets)
{
  GString *text = g_string_new (NULL);
  g_autoptr (GDateTime) now = g_date_time_new_now_utc ();
  g_autofree char *time = g_date_time_format_iso8601 (now);
  g_autofree char *gst = gst_version_string ();

  append_comment (text, "lockstep ", PACKAGE_VERSION);
  append_comment (text, "", gst);
  append_comment (text, "time: ", time);
  append_comment (text, "channel: ", channel);
  append_comment (text, "failed: ", reason);
  g_mutex_lock (&lock);
  if (g_queue_is_empty (&lines))
    append_comment (text, "log: ", "empty; GST_DEBUG=5 makes it longer");
  for (GList * l = lines.head; l != NULL; l = l->next)
    append_comment (text, "log: ", l->data);
  g_mutex_unlock (&lock);
  append_graph (text, pipeline);
  hide_secrets (text, secrets);
  return text;
}

/* Returns: the file's path, or NULL when it cannot be written */
static char *
write_file (const char *channel, const char *reason,
    GstElement * pipeline, const char *const *secrets)
{
  g_autofree char *folder = failure_folder ();
  g_autoptr (GDateTime) now = g_date_time_new_now_utc ();
  g_autofree char *time = g_date_time_format (now, TIME_FORMAT);
  g_autofree char *path = g_strdup_printf ("%s/" PREFIX "%s.%03d-%s.dot",
      folder, time, g_date_time_get_microsecond (now) / 1000, channel);
  GString *text = describe (channel, reason, pipeline, secrets);
  gboolean ok = FALSE;
  int fd;

  if (g_mkdir_with_parents (folder, 0700) == 0) {
    delete_old (folder, channel);
    fd = g_open (path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd >= 0) {
      ok = write (fd, text->str, text->len) == (ssize_t) text->len;
      close (fd);
      if (!ok)
        g_unlink (path);
    }
  }
  g_string_free (text, TRUE);
  return ok ? g_steal_pointer (&path) : NULL;
}

static GPtrArray *
secrets_of (const LockstepPreset * preset, GHashTable * values)
{
  const GPtrArray *parameters = lockstep_preset_get_parameters (preset);
  GPtrArray *secrets = g_ptr_array_new ();

  for (guint i = 0; i < parameters->len; i++) {
    const LockstepParameter *p = g_ptr_array_index (parameters, i);
    char *value = g_hash_table_lookup (values, p->name);

    if (p->secret && value != NULL)
      g_ptr_array_add (secrets, value);
  }
  g_ptr_array_add (secrets, NULL);
  return secrets;
}

char *
failure_hide_secrets (const LockstepPreset * preset, GHashTable * values,
    const char *text)
{
  g_autoptr (GPtrArray) secrets = secrets_of (preset, values);
  GString *hidden = g_string_new (text);

  hide_secrets (hidden, (const char *const *) secrets->pdata);
  return g_string_free (hidden, FALSE);
}

void
failure_report (const char *channel, const LockstepPreset * preset,
    GHashTable * values, GstElement * pipeline, GstMessage * message)
{
  g_autoptr (GPtrArray) secrets = secrets_of (preset, values);
  g_autoptr (GError) error = NULL;
  g_autofree char *debug = NULL, *reason = NULL, *path = NULL;

  gst_message_parse_error (message, &error, &debug);
  reason = g_strdup_printf ("%s: %s\n%s", GST_OBJECT_NAME (message->src),
      error->message, debug ? debug : "");
  path = write_file (channel, reason, pipeline,
      (const char *const *) secrets->pdata);
  if (path != NULL) {
    log_warning (channel, "the failure is described in %s", path);
  } else {
    g_autofree char *folder = failure_folder ();

    log_warning (channel,
        "the failure cannot be described in %s: give a folder "
        "that can be written with --failure-dir", folder);
  }
}
