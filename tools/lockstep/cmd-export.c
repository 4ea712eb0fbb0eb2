/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* lockstep export PRESET [name=value …] */
#include "command-util.h"
#include "commands.h"
#include "presets.h"

#include <gst/lockstep/launchexport.h>

static int
export_preset (int argc, char **argv)
{
  const GOptionEntry entries[] = { {NULL} };
  g_autoptr (LockstepPreset) preset = NULL;
  g_autoptr (GHashTable) values = NULL;
  g_autoptr (LockstepLaunch) launch = NULL;
  g_autoptr (GPtrArray) notes = g_ptr_array_new_with_free_func (g_free);
  g_autoptr (GPtrArray) faults = lockstep_faults_new ();
  g_autofree char *line = NULL;
  const char *latency;
  int status = command_options ("export", entries, &argc, &argv);

  if (status == EXIT_OK)
    status = command_open_preset ("export", argc, argv, &preset, &values);
  if (status != EXIT_OK)
    return status;
  launch = command_launch (argv[1], preset, values, &status);
  if (launch == NULL)
    return status;
  latency = g_hash_table_lookup (values, "latency");
  line = lockstep_launch_export (preset, launch, latency != NULL
      ? g_ascii_strtoull (latency, NULL, 10) : 200, notes, faults);
  if (line == NULL) {
    presets_print_faults (argv[1], faults);
    return EXIT_CONFIG;
  }
  for (guint i = 0; i < notes->len; i++)
    g_printerr ("lockstep: export: %s\n",
        (char *) g_ptr_array_index (notes, i));
  g_print ("%s", line);
  return EXIT_OK;
}

const Command command_export = {
  "export", "PRESET [name=value ...]", "a preset as a gst-launch-1.0 line",
  "Prints the pipeline that would run, with its properties and this machine's choices, as\n"
      "a command for a shell. gst-launch-1.0 has no signalling: where a preset has a WebRTC\n"
      "element, plain RTP over UDP takes its place, and stderr says so.\n\n"
      "  lockstep export test-to-hls output=/tmp/hls\n"
      "  lockstep export webrtc-to-hls > run-it.sh\n",
  export_preset
};
