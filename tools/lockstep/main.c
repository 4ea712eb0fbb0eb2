/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* lockstep: the command table. */
#include "config.h"
#include "commands.h"
#include "presets.h"
#include "worker.h"

#include <locale.h>
#include <string.h>

static const struct
{
  const char *name;
  int (*run) (int argc, char **argv);
  const char *words, *summary, *help;
} commands[] = {
  {"list", cmd_list, "", "the presets that are there",
      "Prints each preset's name and summary.\n"},
  {"show", cmd_show, "PRESET", "a preset's parameters",
      "Prints name, limits, default and meaning of each parameter.\n\n"
        "  lockstep show webrtc-to-hls\n"},
  {"run", cmd_run, "PRESET [name=value ...]", "run a preset until Ctrl-C",
      "A parameter is taken from the command line, else from the environment\n"
        "(target-duration from LOCKSTEP_TARGET_DURATION), else its default.\n\n"
        "  lockstep run webrtc-to-hls\n"
        "  lockstep run webrtc-to-hls listen=0.0.0.0:8080 output=/srv/hls\n"
        "  lockstep run test-to-webrtc whip=http://127.0.0.1:8080/whip/demo\n"},
  {"hls-check", cmd_hls_check, "URL|FOLDER|FILE [--watch SECONDS] [--json]",
        "what is wrong with a playlist and its segments",
      "Checks a media playlist, and each version of it while --watch lasts, against the\n"
        "bytes of its segments. Says rule, place and cure of each fault.\n\n"
        "  lockstep hls-check http://127.0.0.1:8080/hls/demo/index.m3u8 --watch 30s\n"
        "  lockstep hls-check hls/demo --json\n"},
};

static void
print_help (void)
{
  g_print ("Usage: lockstep COMMAND ...\n\n"
      "Live WebRTC to HLS, with sound and picture in step.\n\n");
  for (guint i = 0; i < G_N_ELEMENTS (commands); i++)
    g_print ("  %-9s %-42s %s\n", commands[i].name, commands[i].words,
        commands[i].summary);
  g_print ("\n  lockstep COMMAND --help    more about a command\n"
      "  lockstep --version\n\n"
      "Exit status: 0 well, 1 hls-check found errors, 64 wrong usage, 66 no such\n"
      "input, 69 something is missing here, 70 internal error, 78 wrong preset or\n"
      "parameter.\n");
}

static gboolean
wants_help (int argc, char **argv)
{
  for (int i = 1; i < argc; i++)
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

int
main (int argc, char **argv)
{
  const char *names[G_N_ELEMENTS (commands) + 1] = { NULL };
  const char *near;

  setlocale (LC_ALL, "");
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
  gst_init (NULL, NULL);
  add_plugin_folder ();
  /* the front starts this with a socket as descriptor 3 */
  if (g_str_equal (argv[1], "worker") && argc == 2)
    worker_run (3);
  for (guint i = 0; i < G_N_ELEMENTS (commands); i++) {
    names[i] = commands[i].name;
    if (!g_str_equal (argv[1], commands[i].name))
      continue;
    if (wants_help (argc - 1, argv + 1)) {
      g_print ("Usage: lockstep %s %s\n\n%s", commands[i].name,
          commands[i].words, commands[i].help);
      return EXIT_OK;
    }
    return commands[i].run (argc - 1, argv + 1);
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
