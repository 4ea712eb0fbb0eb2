/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* lockstep: the command table. */
#include "config.h"
#include "commands.h"
#include "log.h"
#include "presets.h"
#include "standard-io.h"
#include "try.h"
#include "worker.h"

#include <locale.h>
#include <string.h>

const Command *const commands[] = {
  &command_list, &command_show, &command_run, &command_check, &command_export,
  &command_graph, &command_doctor, &command_hls_check, &command_completion, NULL
};

static void
print_help (void)
{
  g_print ("Usage: lockstep COMMAND ...\n\n"
      "Live WebRTC to HLS, with sound and picture in step.\n\n");
  for (guint i = 0; commands[i] != NULL; i++)
    g_print ("  %-11s %s\n", commands[i]->name, commands[i]->summary);
  g_print
      ("\n  lockstep COMMAND --help    more about a command, with examples\n"
      "  lockstep --version\n\n"
      "Exit status: 0 well, 1 hls-check found errors, 64 wrong usage, 65 wrong data,\n"
      "66 no such input, 69 something is missing here, 70 internal error, 74 stdout cannot be\n"
      "written, 78 wrong preset or parameter.\n");
}

static gboolean
wants_help (int argc, char **argv)
{
  for (int i = 1; i < argc && !g_str_equal (argv[i], "--"); i++)
    if (g_str_equal (argv[i], "--help") || g_str_equal (argv[i], "-h"))
      return TRUE;
  return FALSE;
}

/* The build tree's plugins are found by GST_PLUGIN_PATH; those of an installation
 * outside the system's folders by this. */
static void
add_plugin_folder (void)
{
  GstRegistry *registry = gst_registry_get ();

  if (g_file_test (LOCKSTEP_PLUGINS_DIR, G_FILE_TEST_IS_DIR)
      && g_getenv ("GST_PLUGIN_PATH_1_0") == NULL)
    gst_registry_scan_path (registry, LOCKSTEP_PLUGINS_DIR);
}

static int
run_command (int argc, char **argv)
{
  const char *names[G_N_ELEMENTS (commands)] = { NULL };
  const char *near;

  if (argc < 2) {
    print_help ();
    return EXIT_USAGE;
  }
  if (g_str_equal (argv[1], "--help") || g_str_equal (argv[1], "-h")
      || g_str_equal (argv[1], "help")) {
    print_help ();
    return EXIT_OK;
  }
  if (g_str_equal (argv[1], "--version")) {
    g_print ("lockstep %s\n", PACKAGE_VERSION);
    return EXIT_OK;
  }
  log_init ();
  log_bound_libraries ();
  gst_init (NULL, NULL);
  /* what is written is for programs too, which look for a point in a number */
  setlocale (LC_NUMERIC, "C");
  add_plugin_folder ();
  /* the front starts this with a socket as descriptor 3 */
  if (g_str_equal (argv[1], "worker") && argc == 2)
    worker_run (3);
  /* what a choice is tried in, so that a driver that crashes takes no more along */
  if (g_str_equal (argv[1], "try") && argc == 3)
    return try_run (argv[2]);
  for (guint i = 0; commands[i] != NULL; i++) {
    names[i] = commands[i]->name;
    if (!g_str_equal (argv[1], commands[i]->name))
      continue;
    if (wants_help (argc - 1, argv + 1)) {
      g_print ("Usage: lockstep %s %s\n\n%s", commands[i]->name,
          commands[i]->words, commands[i]->help);
      return EXIT_OK;
    }
    return commands[i]->run (argc - 1, argv + 1);
  }
  near = lockstep_nearest (argv[1], names);
  if (near != NULL)
    g_printerr ("lockstep: there is no command '%s'; did you mean '%s'?\n",
        argv[1], near);
  else
    g_printerr ("lockstep: there is no command '%s'; see lockstep --help\n",
        argv[1]);
  return EXIT_USAGE;
}

int
main (int argc, char **argv)
{
  standard_io_init ();
  setlocale (LC_ALL, "");
  return standard_io_finish (run_command (argc, argv));
}
