/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Tests of log.c: what libraries log. */
#include "log.h"

#include <gio/gio.h>
#include <string.h>

#define MESSAGES 5000

static gpointer
complain (gpointer data)
{
  for (guint i = 0; i < MESSAGES / 2; i++)
    g_log_structured ("library", G_LOG_LEVEL_WARNING, "MESSAGE",
        "message %u of a library", i);
  return NULL;
}

static void
test_libraries (void)
{
  g_autofree char *text = NULL;
  g_auto (GStrv) lines = NULL;
  g_autoptr (GError) error = NULL;
  g_autoptr (GSubprocess) process = NULL;
  guint messages = 0, said = 0;

  process = g_subprocess_new (G_SUBPROCESS_FLAGS_STDERR_PIPE, &error,
      "/proc/self/exe", "complain", NULL);
  g_assert_no_error (error);
  g_subprocess_communicate_utf8 (process, NULL, NULL, NULL, &text, &error);
  g_assert_no_error (error);
  g_assert_true (g_subprocess_get_successful (process));
  lines = g_strsplit (text, "\n", -1);
  for (guint i = 0; lines[i] != NULL; i++) {
    messages += strstr (lines[i], "of a library") != NULL;
    said += strstr (lines[i], "left out for now") != NULL;
  }
  g_assert_cmpuint (messages, >=, 20);
  g_assert_cmpuint (messages, <, 1000);
  g_assert_cmpuint (said, >=, 1);
}

int
main (int argc, char **argv)
{
  if (argc == 2 && g_str_equal (argv[1], "complain")) {
    GThread *other;

    log_bound_libraries ();
    other = g_thread_new ("other", complain, NULL);
    complain (NULL);
    g_thread_join (other);
    return 0;
  }
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/log/libraries", test_libraries);
  return g_test_run ();
}
