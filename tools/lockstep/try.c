/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Test runs, and the file that remembers how they ended. */
#include "config.h"
#include "try.h"

#include <gio/gio.h>
#include <glib/gstdio.h>
#include <gst/gst.h>
#include <gst/lockstep/launchline.h>
#include <gst/lockstep/preset.h>
#include <string.h>

/* A run ends in a fraction of a second; loading a driver for the first time may take a
 * few. */
#define RUN_LIMIT_S 10
#define PROCESS_LIMIT_S 15
/* A failure may be cured by a driver or a device: look again then. */
#define FAILURE_KEPT_S 3600

int
try_run (const char *line)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GstElement) pipeline = gst_parse_launch (line, &error);
  g_autoptr (GstBus) bus = NULL;
  g_autoptr (GstMessage) message = NULL;

  if (pipeline == NULL || error != NULL) {
    g_printerr ("%s\n", error->message);
    return 1;
  }
  bus = gst_element_get_bus (pipeline);
  gst_element_set_state (pipeline, GST_STATE_PLAYING);
  message = gst_bus_timed_pop_filtered (bus, RUN_LIMIT_S * GST_SECOND,
      GST_MESSAGE_EOS | GST_MESSAGE_ERROR);
  if (message == NULL)
    g_printerr ("it did not end within %d s\n", RUN_LIMIT_S);
  else if (GST_MESSAGE_TYPE (message) == GST_MESSAGE_ERROR) {
    gst_message_parse_error (message, &error, NULL);
    g_printerr ("%s\n", error->message);
  }
  /* a driver that hangs in the way down is the parent's to kill */
  gst_element_set_state (pipeline, GST_STATE_NULL);
  return message != NULL && GST_MESSAGE_TYPE (message) == GST_MESSAGE_EOS
      ? 0 : 1;
}

/* A line that needs no names of others: it has no references. */
static gboolean
stands_alone (const GPtrArray * words)
{
  for (guint i = 0; i < words->len; i++) {
    const LockstepLaunchWord *word = g_ptr_array_index (words, i);

    if (word->kind == LOCKSTEP_LAUNCH_REFERENCE
        || word->kind == LOCKSTEP_LAUNCH_OTHER)
      return FALSE;
  }
  return words->len > 0;
}

/* What to put around a fragment; NULL: it takes neither raw picture nor raw sound. */
static char *
line_around (const char *launch)
{
  static const struct
  {
    const char *caps, *source;
  } sources[] = {
    {"video/x-raw", "videotestsrc num-buffers=5 ! "
          "video/x-raw,width=320,height=240,framerate=30/1 ! videoconvert"},
    {"audio/x-raw",
        "audiotestsrc num-buffers=20 ! audioconvert ! audioresample"},
  };
  g_autoptr (GPtrArray) words = lockstep_launch_words (launch);
  const LockstepLaunchWord *first = words->len > 0 ? words->pdata[0] : NULL;
  g_autoptr (GstElementFactory) factory = NULL;

  if (!stands_alone (words) || first->kind != LOCKSTEP_LAUNCH_ELEMENT)
    return NULL;
  factory = gst_element_factory_find (first->name);
  for (guint i = 0; factory != NULL && i < G_N_ELEMENTS (sources); i++) {
    g_autoptr (GstCaps) caps = gst_caps_from_string (sources[i].caps);

    /* an element that takes anything says nothing about this */
    if (gst_element_factory_can_sink_any_caps (factory, caps)
        && !gst_element_factory_list_is_type (factory,
            GST_ELEMENT_FACTORY_TYPE_SINK))
      return g_strdup_printf ("%s ! %s ! fakesink", sources[i].source, launch);
  }
  return NULL;
}

/* Which machine and GStreamer the results are for. */
static char *
results_file (void)
{
  g_autofree char *id = NULL;
  g_autofree char *hash = NULL;
  g_autofree char *name = NULL;
  guint major, minor, micro, nano;

  if (!g_file_get_contents ("/etc/machine-id", &id, NULL, NULL))
    id = g_strdup (g_get_host_name ());
  hash = g_compute_checksum_for_string (G_CHECKSUM_SHA256, g_strstrip (id), -1);
  gst_version (&major, &minor, &micro, &nano);
  name = g_strdup_printf ("choices-%u.%u.%u-%.12s.ini", major, minor, micro,
      hash);
  return g_build_filename (g_get_user_cache_dir (), "lockstep", name, NULL);
}

/* The line, and the plugin files that run it: another plugin is another result. */
static char *
result_key (const char *line)
{
  g_autoptr (GPtrArray) elements = lockstep_launch_elements (line);
  g_autoptr (GChecksum) sum = g_checksum_new (G_CHECKSUM_SHA256);

  g_checksum_update (sum, (const guchar *) PACKAGE_VERSION, -1);
  g_checksum_update (sum, (const guchar *) line, -1);
  for (guint i = 0; i < elements->len; i++) {
    g_autoptr (GstElementFactory) factory =
        gst_element_factory_find (g_ptr_array_index (elements, i));
    g_autoptr (GstPlugin) plugin = factory != NULL
        ? gst_plugin_feature_get_plugin (GST_PLUGIN_FEATURE (factory)) : NULL;
    const char *file = plugin != NULL ? gst_plugin_get_filename (plugin) : NULL;
    g_autofree char *text = NULL;
    GStatBuf info;

    if (file == NULL || g_stat (file, &info) != 0)
      continue;
    text = g_strdup_printf ("%s %" G_GINT64_FORMAT, file,
        (gint64) info.st_mtime);
    g_checksum_update (sum, (const guchar *) text, -1);
  }
  return g_strndup (g_checksum_get_string (sum), 32);
}

/* TRUE with what is remembered: NULL in *@why for a line that works. */
static gboolean
recall (GKeyFile * results, const char *key, char **why)
{
  g_autofree char *text = g_key_file_get_string (results, key, "why", NULL);
  gint64 when = g_key_file_get_int64 (results, key, "when", NULL);
  gint64 age = g_get_real_time () / G_USEC_PER_SEC - when;

  *why = NULL;
  if (when == 0)
    return FALSE;
  if (text == NULL)
    return TRUE;
  if (age < 0 || age > FAILURE_KEPT_S)
    return FALSE;
  *why = g_steal_pointer (&text);
  return TRUE;
}

/* Others may have written since: their results are kept. What cannot be kept is tried
 * again the next time. */
static void
remember (const char *path, const char *key, const char *line, const char *why)
{
  g_autoptr (GKeyFile) results = g_key_file_new ();
  g_autofree char *folder = g_path_get_dirname (path);

  g_key_file_load_from_file (results, path, G_KEY_FILE_NONE, NULL);
  g_key_file_remove_group (results, key, NULL);
  g_key_file_set_string (results, key, "line", line);
  g_key_file_set_int64 (results, key, "when",
      g_get_real_time () / G_USEC_PER_SEC);
  if (why != NULL)
    g_key_file_set_string (results, key, "why", why);
  if (g_mkdir_with_parents (folder, 0700) == 0)
    g_key_file_save_to_file (results, path, NULL);
}

static gboolean
kill_process (gpointer user_data)
{
  g_subprocess_force_exit (user_data);
  return G_SOURCE_REMOVE;
}

typedef struct
{
  GMainLoop *loop;
  char *text;
} Answer;

static void
process_ended (GObject * process, GAsyncResult * result, gpointer user_data)
{
  Answer *answer = user_data;

  g_subprocess_communicate_utf8_finish (G_SUBPROCESS (process), result, NULL,
      &answer->text, NULL);
  g_main_loop_quit (answer->loop);
}

/* Why the line does not run, tried in another process; NULL: it does. */
static char *
run_apart (const char *line)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GMainContext) context = g_main_context_new ();
  g_autoptr (GSubprocess) process = NULL;
  g_autoptr (GSource) limit = g_timeout_source_new_seconds (PROCESS_LIMIT_S);
  Answer answer = { NULL };
  char *why = NULL, *end;

  g_main_context_push_thread_default (context);
  process = g_subprocess_new (G_SUBPROCESS_FLAGS_STDERR_PIPE |
      G_SUBPROCESS_FLAGS_STDOUT_SILENCE, &error, "/proc/self/exe", "try", line,
      NULL);
  if (process == NULL) {
    g_main_context_pop_thread_default (context);
    return g_strdup (error->message);
  }
  answer.loop = g_main_loop_new (context, FALSE);
  g_source_set_callback (limit, kill_process, process, NULL);
  g_source_attach (limit, context);
  g_subprocess_communicate_utf8_async (process, NULL, NULL, process_ended,
      &answer);
  g_main_loop_run (answer.loop);
  g_source_destroy (limit);
  g_main_loop_unref (answer.loop);
  g_main_context_pop_thread_default (context);
  if (!g_subprocess_get_successful (process)) {
    /* the last line: drivers talk too */
    g_strchomp (answer.text != NULL ? answer.text : (answer.text =
            g_strdup ("")));
    end = strrchr (answer.text, '\n');
    why = g_subprocess_get_if_signaled (process)
        ? g_strdup_printf ("it ended by signal %d",
        g_subprocess_get_term_sig (process))
        : g_strdup (answer.text[0] == '\0' ? "no reason was given"
        : end != NULL ? end + 1 : answer.text);
  }
  g_free (answer.text);
  return why;
}

char *
try_choice (const char *launch, const char *test, gpointer unused)
{
  static GKeyFile *results;
  static char *path;
  g_autofree char *line = test != NULL ? g_strdup (test)
      : line_around (launch);
  g_autofree char *key = NULL;
  char *why;

  if (line == NULL)
    return NULL;
  if (results == NULL) {
    results = g_key_file_new ();
    path = results_file ();
    g_key_file_load_from_file (results, path, G_KEY_FILE_NONE, NULL);
  }
  key = result_key (line);
  if (recall (results, key, &why))
    return why;
  why = run_apart (line);
  g_key_file_set_int64 (results, key, "when",
      g_get_real_time () / G_USEC_PER_SEC);
  if (why != NULL)
    g_key_file_set_string (results, key, "why", why);
  remember (path, key, line, why);
  return why;
}
