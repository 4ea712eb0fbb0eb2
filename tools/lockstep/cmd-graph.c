/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* lockstep graph PRESET [name=value …] */
#include "command-util.h"
#include "commands.h"
#include "presets.h"

#include <gio/gio.h>
#include <gst/lockstep/launchgraph.h>

/* Through graphviz. NULL with @error; *@missing where there is none. */
static char *
draw (const char *dot, gboolean * missing, GError ** error)
{
  g_autofree char *program = g_find_program_in_path ("dot");
  g_autoptr (GSubprocess) process = NULL;
  char *svg = NULL;

  *missing = program == NULL;
  if (program == NULL) {
    g_set_error (error, G_IO_ERROR, G_IO_ERROR_NOT_FOUND,
        "graphviz is missing; install graphviz, or leave --svg out for DOT");
    return NULL;
  }
  process = g_subprocess_new (G_SUBPROCESS_FLAGS_STDIN_PIPE |
      G_SUBPROCESS_FLAGS_STDOUT_PIPE, error, program, "-Tsvg", NULL);
  if (process == NULL
      || !g_subprocess_communicate_utf8 (process, dot, NULL, &svg, NULL, error))
    return NULL;
  if (g_subprocess_get_successful (process))
    return svg;
  g_set_error (error, G_IO_ERROR, G_IO_ERROR_FAILED, "%s failed", program);
  g_free (svg);
  return NULL;
}

static int
graph (int argc, char **argv)
{
  gboolean svg = FALSE, missing = FALSE;
  g_autofree char *output = NULL;
  const GOptionEntry entries[] = {
    {"svg", 0, 0, G_OPTION_ARG_NONE, &svg, NULL, NULL},
    {"output", 'o', 0, G_OPTION_ARG_FILENAME, &output, NULL, NULL},
    {NULL}
  };
  g_autoptr (LockstepPreset) preset = NULL;
  g_autoptr (GHashTable) values = NULL;
  g_autoptr (LockstepLaunch) launch = NULL;
  g_autoptr (GPtrArray) faults = lockstep_faults_new ();
  g_autoptr (GstElement) pipeline = NULL;
  g_autoptr (GError) error = NULL;
  g_autofree char *text = NULL;
  int status = command_options ("graph", entries, &argc, &argv);

  if (status == EXIT_OK)
    status = command_open_preset ("graph", argc, argv, &preset, &values);
  if (status != EXIT_OK)
    return status;
  launch = command_launch (argv[1], preset, values, &status);
  if (launch == NULL)
    return status;
  pipeline = presets_build (launch, faults);
  if (pipeline == NULL) {
    lockstep_preset_locate (preset, faults, 0);
    presets_print_faults (argv[1], faults);
    return EXIT_CONFIG;
  }
  text = lockstep_launch_graph (preset, launch, values);
  if (svg) {
    char *drawn = draw (text, &missing, &error);

    g_free (text);
    text = drawn;
  }
  if (text == NULL) {
    g_printerr ("lockstep: graph: %s\n", error->message);
    return missing ? EXIT_MISSING : EXIT_INTERNAL;
  }
  if (output == NULL) {
    g_print ("%s", text);
  } else if (!g_file_set_contents (output, text, -1, &error)) {
    g_printerr ("lockstep: graph: %s\n", error->message);
    return EXIT_MISSING;
  }
  return EXIT_OK;
}

const Command command_graph = {
  "graph", "PRESET [name=value ...] [--svg] [--output FILE]",
  "a drawing of a preset's pipeline",
  "Prints the pipeline that would run as a graph for graphviz (DOT), or, with --svg and\n"
      "graphviz installed, as a drawing.\n\n"
      "  lockstep graph webrtc-to-hls --svg --output webrtc-to-hls.svg\n"
      "  lockstep graph test-to-hls | dot -Tpng > test-to-hls.png\n",
  graph
};
