/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* lockstep run PRESET [name=value …] */
#include "command-util.h"
#include "commands.h"
#include "front.h"
#include "log.h"
#include "notify.h"
#include "presets.h"
#include "publisher.h"
#include "room.h"
#include "run-options.h"
#include "status.h"

#include <glib-unix.h>
#include <signal.h>
#include <string.h>

/* Sessions drain in about 2 s; what takes longer is not waited for. */
#define STOP_LIMIT_S 5
#define SAME_SIGNAL_US (200 * 1000)

typedef struct
{
  GMainLoop *loop;
  Front *front;
  Publisher *publisher;
  Room *room;
  gboolean stopping;
  int stopped_by;               /* the first signal, and when it came, monotonic µs */
  gint64 stopped_at;
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
interrupted (Run * run, int signal)
{
  gint64 now = g_get_monotonic_time ();

  /* npm, timeout and their like hand on what the terminal has sent to all: the same signal
   * twice at once is one */
  if (run->stopping && signal == run->stopped_by
      && now - run->stopped_at < SAME_SIGNAL_US)
    return G_SOURCE_CONTINUE;
  if (run->stopping) {
    /* the second time means now */
    log_warning (NULL, "stopping at once; what was not finished is lost");
    all_stopped (run);
    return G_SOURCE_CONTINUE;
  }
  run->stopping = TRUE;
  run->stopped_by = signal;
  run->stopped_at = now;
  log_info (NULL, "stopping");
  notify_stopping ();
  g_timeout_add_seconds (STOP_LIMIT_S, stop_timed_out, run);
  if (run->front != NULL)
    front_stop (run->front, all_stopped, run);
  else if (run->room != NULL)
    room_stop (run->room, all_stopped, run);
  else
    publisher_stop (run->publisher, all_stopped, run);
  return G_SOURCE_CONTINUE;
}

static gboolean
take_int (gpointer user_data)
{
  return interrupted (user_data, SIGINT);
}

static gboolean
take_term (gpointer user_data)
{
  return interrupted (user_data, SIGTERM);
}

/* Tokens and certificates are read again; what runs goes on. */
static gboolean
hung_up (gpointer user_data)
{
  Run *run = user_data;

  notify_reloading ();
  if (run->front != NULL)
    front_reload (run->front);
  notify_ready ();
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

static void
source_ended (const char *why, int exit_code, gpointer user_data)
{
  Run *run = user_data;

  run->status = exit_code;
  g_main_loop_quit (run->loop);
}

/* What sends serves its viewers, or publishes where it was told to. */
static gboolean
publishes (LockstepPreset * preset, GHashTable * values)
{
  const char *whip = g_hash_table_lookup (values, "whip");

  return lockstep_preset_get_signalling (preset) == LOCKSTEP_SIGNALLING_WHEP
      && whip != NULL && whip[0] != '\0';
}

/* RFC 9725, section 4.2: one picture of each client. Viewers have one preview; what Sora
 * takes is simulcast. FALSE: it was told. */
static gboolean
preview_has_a_place (LockstepPreset * preset, GHashTable * values)
{
  const char *name = lockstep_preset_get_preview (preset)->parameter;
  const char *value = name ? g_hash_table_lookup (values, name) : NULL;
  const char *sora = g_hash_table_lookup (values, "sora");

  if (value == NULL || value[0] == '\0' || (sora != NULL && sora[0] != '\0'))
    return TRUE;
  if (publishes (preset, values))
    g_printerr ("lockstep: %s=%s: a WHIP server takes one picture of a client. "
        "Leave it out, serve viewers or an Ayame room, or send to a Sora "
        "server\n", name, value);
  else if (strchr (value, ',') != NULL)
    g_printerr ("lockstep: %s=%s: peers have one preview. Give one size; "
        "several are for simulcast to a Sora server\n", name, value);
  else
    return TRUE;
  return FALSE;
}

static int
run_preset (LockstepPreset * preset, const char *name, GHashTable * values,
    const RunOptions * options)
{
  const FrontAccess access = {
    .token_file = options->token_file,
    .tls_cert = options->tls_cert,
    .tls_key = options->tls_key,
  };
  Run run = { NULL };
  g_autoptr (GError) error = NULL;

  if (!preview_has_a_place (preset, values))
    return EXIT_CONFIG;
  if (publishes (preset, values) && room_is_wanted (values)) {
    g_printerr ("lockstep: whip= leads to one server, ayame= or sora= to "
        "another: give one of them\n");
    return EXIT_CONFIG;
  }
  run.loop = g_main_loop_new (NULL, FALSE);
  signal (SIGPIPE, SIG_IGN);
  notify_init ();
  if (lockstep_preset_get_signalling (preset) == LOCKSTEP_SIGNALLING_WHEP
      && room_is_wanted (values))
    run.room = room_new (name, values, workers_broken, &run, &error);
  else if (!publishes (preset, values))
    run.front =
        front_new (preset, name, values, &access, workers_broken, source_ended,
        &run, &error);
  else
    run.publisher = publisher_new (name, values, workers_broken, &run, &error);
  if (error != NULL) {
    g_printerr ("lockstep: %s\n", error->message);
    /* a value that cannot be right anywhere, or one that this machine refuses */
    return error->domain != G_IO_ERROR
        || error->code == G_IO_ERROR_INVALID_ARGUMENT
        ? EXIT_CONFIG : EXIT_MISSING;
  }
  g_unix_signal_add (SIGINT, take_int, &run);
  g_unix_signal_add (SIGTERM, take_term, &run);
  g_unix_signal_add (SIGHUP, hung_up, &run);
  notify_ready ();
  if (run.front != NULL)
    status_start (run.front->channels);
  g_main_loop_run (run.loop);
  status_stop ();
  g_clear_pointer (&run.front, front_free);
  g_clear_pointer (&run.publisher, publisher_free);
  g_clear_pointer (&run.room, room_free);
  g_main_loop_unref (run.loop);
  return run.status;
}

static int
cmd_run (int argc, char **argv)
{
  g_autoptr (LockstepPreset) preset = NULL;
  g_autoptr (GHashTable) values = NULL;
  g_autoptr (LockstepLaunch) launch = NULL;
  RunOptions options = { NULL };
  int status;

  if (!run_options_take (&options, &argc, argv))
    return EXIT_USAGE;
  if (options.failure_dir != NULL)
    g_setenv ("LOCKSTEP_FAILURE_DIR", options.failure_dir, TRUE);
  if (options.json_log)
    log_set_json ();
  status = command_open_preset ("run", argc, argv, &preset, &values);
  if (status != EXIT_OK)
    return status;
  /* what is missing is said before anything is started */
  launch = command_launch (argv[1], preset, values, &status);
  if (launch == NULL)
    return status;
  lockstep_launch_pin (launch, values);
  return run_preset (preset, argv[1], values, &options);
}

const Command command_run = {
  "run",
  "PRESET [name=value ...] [--log-format text|json] [--token-file FILE] "
      "[--tls-cert FILE] [--tls-key FILE] [--failure-dir FOLDER]",
  "run a preset until Ctrl-C",
  "A parameter is taken from the command line, else from the environment\n"
      "(target-duration from LOCKSTEP_TARGET_DURATION), else its default.\n"
      "use.ALTERNATIVE=CHOICE forces a choice: see lockstep show PRESET.\n\n"
      "  --log-format text|json  one JSON object a line\n"
      "  --token-file FILE       bearer tokens of publishers, one a line\n"
      "  --tls-cert FILE         serve HTTPS with this certificate chain (PEM)\n"
      "  --tls-key FILE          its key, where it is not in the same file\n"
      "  --failure-dir FOLDER    where pipelines that failed are described\n\n"
      "An option too may come from the environment (LOCKSTEP_TLS_CERT). SIGHUP reads\n"
      "token file and certificate again.\n\n"
      "  lockstep run webrtc-to-hls\n"
      "  lockstep run webrtc-to-hls listen=0.0.0.0:8080 output=/srv/hls\n"
      "  lockstep run test-to-webrtc whip=http://127.0.0.1:8080/whip/demo\n",
  cmd_run
};
