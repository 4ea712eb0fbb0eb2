/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Worker processes: started, watched, reaped. A worker that dies or hangs takes only
 * its own channel with it. */
#include "worker-pool.h"
#include "ipc.h"
#include "log.h"
#include "text-lines.h"

#include <gio/gio.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* A worker at work reports each second; one that is silent for so long hangs. */
#define HANG_LIMIT_US (6 * G_USEC_PER_SEC)
/* A cold start loads every plugin, from a disk that may be slow. */
#define READY_LIMIT_US (30 * G_USEC_PER_SEC)
#define MAX_RESTART_DELAY_S 30
/* What is killed is gone in milliseconds, unless a driver holds it. */
#define KILL_LIMIT_US (2 * G_USEC_PER_SEC)
/* Lines of stdin that a worker has not taken yet: no more are read then. */
#define MAX_TEXTS 16

struct _WorkerPool
{
  char *preset;
  JsonObject *values;
  gboolean loopback_only;
  gboolean keep_spare;
  WorkerPoolBroken broken;
  gpointer user_data;

  TextLines *lines;             /* NULL: peers send and get no text */
  WorkerProc *spare;
  GPtrArray *procs;             /* WorkerProc: all that run */
  guint watch_timer, restart_timer;
  guint failures;               /* workers in a row that never were ready */
};

struct _WorkerProc
{
  WorkerPool *pool;             /* NULL once the pool is gone */
  GSubprocess *process;
  Ipc *ipc;
  int pid;
  gboolean ready, working;
  guint texts;                  /* that it has not taken yet */
  gint64 heard;                 /* monotonic µs of the last message */
  char *ending;                 /* the reason that it gave */

  WorkerMessage message;        /* of whoever took it */
  WorkerGone gone;
  gpointer user_data;
};

static WorkerProc *spawn (WorkerPool * pool);

/* Text of peers, and to them */

static void
look_at_texts (WorkerPool * pool)
{
  gboolean hold = FALSE;

  for (guint i = 0; i < pool->procs->len; i++)
    hold |= ((WorkerProc *) pool->procs->pdata[i])->texts >= MAX_TEXTS;
  if (pool->lines != NULL)
    text_lines_hold (pool->lines, hold);
}

static void
line_read (const char *line, gpointer user_data)
{
  WorkerPool *pool = user_data;

  for (guint i = 0; i < pool->procs->len; i++) {
    WorkerProc *proc = g_ptr_array_index (pool->procs, i);
    JsonObject *message;

    if (!proc->working)
      continue;
    message = ipc_message ("text");
    json_object_set_string_member (message, "text", line);
    ipc_send (proc->ipc, message);
    proc->texts++;
  }
  look_at_texts (pool);
}

static void
text_message (WorkerProc * proc, const char *type, JsonObject * message)
{
  const char *channel = ipc_get_string (message, "channel");
  const char *text = ipc_get_string (message, "text");

  if (g_str_equal (type, "text-taken") && proc->texts > 0) {
    proc->texts--;
    look_at_texts (proc->pool);
  } else if (g_str_equal (type, "text") && channel != NULL && text != NULL
      && proc->pool->lines != NULL) {
    text_lines_print (proc->pool->lines, channel, text);
  }
}

static void
proc_free (WorkerProc * proc)
{
  ipc_free (proc->ipc);
  g_clear_object (&proc->process);
  g_free (proc->ending);
  g_free (proc);
}

static gboolean
make_spare (gpointer user_data)
{
  WorkerPool *pool = user_data;

  pool->restart_timer = 0;
  if (pool->keep_spare && pool->spare == NULL)
    pool->spare = spawn (pool);
  return G_SOURCE_REMOVE;
}

static void
schedule_spare (WorkerPool * pool)
{
  guint delay = pool->failures == 0 ? 0
      : MIN (1u << MIN (pool->failures - 1, 10), MAX_RESTART_DELAY_S);

  if (pool->keep_spare && pool->spare == NULL && pool->restart_timer == 0)
    pool->restart_timer = delay == 0 ? g_idle_add (make_spare, pool)
        : g_timeout_add_seconds (delay, make_spare, pool);
}

static void
message_from_worker (const char *type, JsonObject * message, gpointer user_data)
{
  WorkerProc *proc = user_data;

  if (proc->pool == NULL)
    return;
  proc->heard = g_get_monotonic_time ();
  if (g_str_equal (type, "ready")) {
    proc->ready = TRUE;
    proc->pool->failures = 0;
  } else if (g_str_equal (type, "ending")) {
    g_free (proc->ending);
    proc->ending = g_strdup (ipc_get_string (message, "reason"));
  } else if (g_str_equal (type, "stats")) {
    proc->working = TRUE;       /* from now on one comes each second */
  } else {
    text_message (proc, type, message);
  }
  if (proc->message != NULL)
    proc->message (proc, type, message, proc->user_data);
}

static void
channel_closed (const char *reason, gpointer user_data)
{
  WorkerProc *proc = user_data;

  /* it has nothing more to say: let it not linger */
  proc->heard = g_get_monotonic_time ();
  proc->working = TRUE;
}

static char *
exit_text (GSubprocess * process)
{
  if (g_subprocess_get_if_signaled (process))
    return g_strdup_printf ("its worker was killed by signal %d (%s)",
        g_subprocess_get_term_sig (process),
        g_strsignal (g_subprocess_get_term_sig (process)));
  return g_strdup_printf ("its worker ended with status %d",
      g_subprocess_get_exit_status (process));
}

static void
exited (GObject * source, GAsyncResult * result, gpointer user_data)
{
  WorkerProc *proc = user_data;
  WorkerPool *pool = proc->pool;
  g_autofree char *text = NULL;
  gboolean crashed;
  int status = 0;

  g_subprocess_wait_finish (proc->process, result, NULL);
  if (pool == NULL) {
    proc_free (proc);
    return;
  }
  g_ptr_array_remove (pool->procs, proc);
  look_at_texts (pool);
  crashed = g_subprocess_get_if_signaled (proc->process)
      && g_subprocess_get_term_sig (proc->process) != SIGALRM;
  if (g_subprocess_get_if_exited (proc->process))
    status = g_subprocess_get_exit_status (proc->process);
  text = crashed || proc->ending == NULL
      ? exit_text (proc->process) : g_strdup (proc->ending);
  if (!proc->ready)
    pool->failures++;
  if (pool->spare == proc)
    pool->spare = NULL;
  if (proc->gone != NULL)
    proc->gone (proc, text, crashed, proc->user_data);
  else if (!proc->ready)
    log_warning (NULL, "a worker did not start: %s", text);
  if (!proc->ready && status == 78) {
    pool->keep_spare = FALSE;
    pool->broken (text, status, pool->user_data);
  }
  proc_free (proc);
  schedule_spare (pool);
}

static WorkerProc *
spawn (WorkerPool * pool)
{
  g_autoptr (GSubprocessLauncher) launcher =
      g_subprocess_launcher_new (G_SUBPROCESS_FLAGS_NONE);
  g_autoptr (GError) error = NULL;
  WorkerProc *proc;
  JsonObject *prepare;
  GSubprocess *process;
  int fds[2];

  if (socketpair (AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) != 0) {
    log_warning (NULL, "no worker can be started: %s", g_strerror (errno));
    pool->failures++;
    return NULL;
  }
  g_subprocess_launcher_take_fd (launcher, fds[1], 3);
  /* the program itself, also where it was replaced or is not on PATH */
  process = g_subprocess_launcher_spawn (launcher, &error, "/proc/self/exe",
      "worker", NULL);
  if (process == NULL) {
    log_warning (NULL, "no worker can be started: %s", error->message);
    close (fds[0]);
    pool->failures++;
    return NULL;
  }
  proc = g_new0 (WorkerProc, 1);
  proc->pool = pool;
  proc->process = process;
  proc->pid = (int) g_ascii_strtoll (g_subprocess_get_identifier (process),
      NULL, 10);
  proc->heard = g_get_monotonic_time ();
  proc->ipc = ipc_new (fds[0], message_from_worker, channel_closed, proc);
  g_ptr_array_add (pool->procs, proc);
  g_subprocess_wait_async (process, NULL, exited, proc);

  prepare = ipc_message ("prepare");
  json_object_set_string_member (prepare, "preset", pool->preset);
  json_object_set_boolean_member (prepare, "loopback_only",
      pool->loopback_only);
  json_object_set_object_member (prepare, "values",
      json_object_ref (pool->values));
  ipc_send (proc->ipc, prepare);
  return proc;
}

static gboolean
watch (gpointer user_data)
{
  WorkerPool *pool = user_data;
  gint64 now = g_get_monotonic_time ();

  for (guint i = 0; i < pool->procs->len; i++) {
    WorkerProc *proc = g_ptr_array_index (pool->procs, i);
    gint64 silent = now - proc->heard;

    if ((proc->working && silent > HANG_LIMIT_US)
        || (!proc->ready && silent > READY_LIMIT_US)) {
      log_warning (NULL, "worker %d hangs and is killed", proc->pid);
      proc->heard = now;
      worker_proc_kill (proc);
    }
  }
  return G_SOURCE_CONTINUE;
}

WorkerPool *
worker_pool_new (const char *preset, JsonObject * values,
    gboolean loopback_only, gboolean spare, WorkerPoolBroken broken,
    gpointer user_data)
{
  WorkerPool *pool = g_new0 (WorkerPool, 1);
  const char *label = ipc_get_string (values, "data-channel");

  pool->preset = g_strdup (preset);
  pool->values = values;
  pool->loopback_only = loopback_only;
  pool->keep_spare = spare;
  pool->broken = broken;
  pool->user_data = user_data;
  pool->procs = g_ptr_array_new ();
  pool->watch_timer = g_timeout_add_seconds (1, watch, pool);
  if (label != NULL && label[0] != '\0')
    pool->lines = text_lines_new (label, line_read, pool);
  schedule_spare (pool);
  return pool;
}

/* GLib sends signals from a thread of its own: what ends before that thread came to it
 * would leave a worker behind, and for ever one that hangs. */
static void
wait_until_gone (GPtrArray * processes)
{
  gint64 limit = g_get_monotonic_time () + KILL_LIMIT_US;

  for (guint i = 0; i < processes->len; i++)
    while (g_subprocess_get_identifier (processes->pdata[i]) != NULL
        && g_get_monotonic_time () < limit)
      g_usleep (5000);
}

void
worker_pool_free (WorkerPool * pool)
{
  g_autoptr (GPtrArray) processes =
      g_ptr_array_new_with_free_func (g_object_unref);

  if (pool == NULL)
    return;
  g_clear_handle_id (&pool->watch_timer, g_source_remove);
  g_clear_handle_id (&pool->restart_timer, g_source_remove);
  for (guint i = 0; i < pool->procs->len; i++) {
    WorkerProc *proc = g_ptr_array_index (pool->procs, i);

    /* exited() frees it, if the main loop still runs */
    proc->pool = NULL;
    proc->message = NULL;
    proc->gone = NULL;
    worker_proc_kill (proc);
    g_ptr_array_add (processes, g_object_ref (proc->process));
  }
  wait_until_gone (processes);
  g_ptr_array_unref (pool->procs);
  g_clear_pointer (&pool->lines, text_lines_free);
  json_object_unref (pool->values);
  g_free (pool->preset);
  g_free (pool);
}

WorkerProc *
worker_pool_take (WorkerPool * pool, WorkerMessage message, WorkerGone gone,
    gpointer user_data)
{
  WorkerProc *proc = pool->spare != NULL ? pool->spare : spawn (pool);

  pool->spare = NULL;
  if (proc == NULL)
    return NULL;
  proc->message = message;
  proc->gone = gone;
  proc->user_data = user_data;
  proc->heard = g_get_monotonic_time ();
  /* the next spare is made once this one is at work: two at a time would make
   * the publisher that is waiting wait longer */
  return proc;
}

void
worker_pool_give_back (WorkerPool * pool, WorkerProc * proc)
{
  proc->message = NULL;
  proc->gone = NULL;
  if (pool->keep_spare && pool->spare == NULL)
    pool->spare = proc;
  else
    worker_proc_kill (proc);
}

void
worker_pool_replenish (WorkerPool * pool)
{
  schedule_spare (pool);
}

void
worker_proc_expect_end (WorkerProc * proc)
{
  proc->working = TRUE;
  proc->heard = g_get_monotonic_time ();
}

void
worker_proc_send (WorkerProc * proc, JsonObject * message)
{
  ipc_send (proc->ipc, message);
}

void
worker_proc_kill (WorkerProc * proc)
{
  g_subprocess_force_exit (proc->process);
}

int
worker_proc_get_pid (WorkerProc * proc)
{
  return proc->pid;
}
