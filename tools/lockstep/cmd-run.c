/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* lockstep run PRESET [name=value …] */
#include "commands.h"
#include "front.h"
#include "log.h"
#include "presets.h"
#include "publisher.h"

#include <glib-unix.h>
#include <signal.h>

/* Sessions drain in about 2 s; what takes longer is not waited for. */
#define STOP_LIMIT_S 5

typedef struct
{
  GMainLoop *loop;
  Front *front;
  Publisher *publisher;
  gboolean stopping;
  int status;
} Run;

static void
all_stopped (gpointer user_data)
{
  Run *run = user_data;

  g_main_loop_quit (run->loop);
}

static gboolean
stop_timed_out (gpointer user_data)
{
  log_warning (NULL, "not everything ended in time; killing the rest");
  all_stopped (user_data);
  return G_SOURCE_REMOVE;
}

static gboolean
interrupted (gpointer user_data)
{
  Run *run = user_data;

  if (run->stopping) {
    /* the second time means now */
    all_stopped (run);
    return G_SOURCE_CONTINUE;
  }
  run->stopping = TRUE;
  log_info (NULL, "stopping");
  g_timeout_add_seconds (STOP_LIMIT_S, stop_timed_out, run);
  if (run->front != NULL)
    front_stop (run->front, all_stopped, run);
  else
    publisher_stop (run->publisher, all_stopped, run);
  return G_SOURCE_CONTINUE;
}

static void
workers_broken (const char *why, int exit_code, gpointer user_data)
{
  Run *run = user_data;

  log_warning (NULL, "the pipeline cannot be built: %s", why);
  run->status = exit_code;
  g_main_loop_quit (run->loop);
}

static int
run_preset (LockstepPreset * preset, const char *name, GHashTable * values)
{
  Run run = { NULL };
  g_autoptr (GError) error = NULL;

  run.loop = g_main_loop_new (NULL, FALSE);
  signal (SIGPIPE, SIG_IGN);
  if (lockstep_preset_get_signalling (preset) == LOCKSTEP_SIGNALLING_WHIP)
    run.front = front_new (preset, name, values, workers_broken, &run, &error);
  else
    run.publisher = publisher_new (name, values, workers_broken, &run, &error);
  if (error != NULL) {
    g_printerr ("lockstep: %s\n", error->message);
    /* a value that cannot be right anywhere, or one that this machine refuses */
    return error->domain != G_IO_ERROR
        || error->code == G_IO_ERROR_INVALID_ARGUMENT
        ? EXIT_CONFIG : EXIT_MISSING;
  }
  g_unix_signal_add (SIGINT, interrupted, &run);
  g_unix_signal_add (SIGTERM, interrupted, &run);
  g_main_loop_run (run.loop);
  g_clear_pointer (&run.front, front_free);
  g_clear_pointer (&run.publisher, publisher_free);
  g_main_loop_unref (run.loop);
  return run.status;
}

static const char *
from_environment (const char *name)
{
  return g_getenv (name);
}

int
cmd_run (int argc, char **argv)
{
  g_autoptr (GPtrArray) faults = lockstep_faults_new ();
  g_autoptr (LockstepPreset) preset = NULL;
  g_autoptr (GHashTable) values = NULL;
  g_autoptr (LockstepLaunch) launch = NULL;

  if (argc < 2) {
    g_printerr ("lockstep: run: which preset? See: lockstep list\n");
    return EXIT_USAGE;
  }
  preset = presets_load (argv[1], faults);
  if (preset != NULL)
    values = lockstep_preset_resolve (preset, (const char *const *) argv + 2,
        from_environment, faults);
  if (values == NULL) {
    presets_print_faults (argv[1], faults);
    return EXIT_CONFIG;
  }
  if (lockstep_preset_get_signalling (preset) == LOCKSTEP_SIGNALLING_NONE) {
    g_printerr ("lockstep: %s: this preset has no signalling to run\n",
        argv[1]);
    return EXIT_CONFIG;
  }
  /* what is missing is said before anything is started */
  g_hash_table_insert (values, g_strdup ("channel"), g_strdup ("-"));
  launch = lockstep_preset_launch (preset, values, presets_has_element, NULL,
      faults);
  g_hash_table_remove (values, "channel");
  if (launch == NULL) {
    presets_print_faults (argv[1], faults);
    return EXIT_MISSING;
  }
  return run_preset (preset, argv[1], values);
}
