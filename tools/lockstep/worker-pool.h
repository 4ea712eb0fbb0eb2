/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The front's side of worker processes: one spare kept warm, the others taken. */
#pragma once

#include <json-glib/json-glib.h>

typedef struct _WorkerPool WorkerPool;
typedef struct _WorkerProc WorkerProc;

typedef void (*WorkerMessage) (WorkerProc * proc, const char *type,
    JsonObject * message, gpointer user_data);
/* The process has ended and is reaped; the WorkerProc is freed after this. */
typedef void (*WorkerGone) (WorkerProc * proc, const char *reason,
    gboolean crashed, gpointer user_data);
/* No worker can be started with this preset: @why. */
typedef void (*WorkerPoolBroken) (const char *why, int exit_code,
    gpointer user_data);

/* @values: parameters for the workers (taken over); secrets that workers do not
 * need are left out by the caller. @spare: keep one warm. */
WorkerPool *worker_pool_new (const char *preset, JsonObject * values,
    gboolean loopback_only, gboolean spare, WorkerPoolBroken broken,
    gpointer user_data);
/* Kills what is left. */
void worker_pool_free (WorkerPool * pool);

/* The spare; where none is warm, a new one: what is sent to it waits until it is
 * ready. NULL when no process can be made. */
WorkerProc *worker_pool_take (WorkerPool * pool, WorkerMessage message,
    WorkerGone gone, gpointer user_data);
/* Gives back a worker that was not used. */
void worker_pool_give_back (WorkerPool * pool, WorkerProc * proc);

/* Starts the next spare. Called once a publisher has its answer: to start a process
 * beside the one that is being waited for would make it slower. */
void worker_pool_replenish (WorkerPool * pool);

/* The worker was told to stop: kill it when it stays silent for long. */
void worker_proc_expect_end (WorkerProc * proc);
void worker_proc_send (WorkerProc * proc, JsonObject * message);
/* SIGKILL; WorkerGone follows. */
void worker_proc_kill (WorkerProc * proc);
int worker_proc_get_pid (WorkerProc * proc);
