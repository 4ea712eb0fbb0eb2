/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The kernel counts what came. */
#include "flood-guard.h"

#include <fcntl.h>
/* glibc's tcp_info lacks the counters */
#include <linux/tcp.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#define LOOK_EVERY (50 * G_TIME_SPAN_MILLISECOND)

struct _FloodGuard
{
  int fd;                       /* our own, of the same socket */
  guint64 burst, per_second;
  GThread *thread;
  GMutex lock;                  /* protects the rest */
  GCond cond;
  gboolean stopping, ended;
};

/* Since the connection was made; FALSE: nobody knows. */
static gboolean
count_bytes (int fd, guint64 * bytes)
{
  struct tcp_info info = { 0 };
  socklen_t size = sizeof info;

  if (getsockopt (fd, IPPROTO_TCP, TCP_INFO, &info,
          &size) != 0 || size < G_STRUCT_OFFSET (struct tcp_info,
          tcpi_bytes_received) + sizeof info.tcpi_bytes_received)
      return FALSE;
  *bytes = info.tcpi_bytes_received;
  return TRUE;
}

static gpointer
watch (gpointer data)
{
  FloodGuard *guard = data;
  gint64 at = g_get_monotonic_time ();
  guint64 before = 0, bytes;
  gdouble spent = 0;

  g_mutex_lock (&guard->lock);
  while (!guard->stopping && count_bytes (guard->fd, &bytes)) {
    gint64 now = g_get_monotonic_time ();

    spent -= (gdouble) guard->per_second * (now - at) / G_TIME_SPAN_SECOND;
    spent = MAX (spent, 0) + (bytes - before);
    at = now;
    before = bytes;
    if (spent > guard->burst) {
      guard->ended = TRUE;
      /* whoever reads comes to the end */
      shutdown (guard->fd, SHUT_RDWR);
      break;
    }
    g_cond_wait_until (&guard->cond, &guard->lock, now + LOOK_EVERY);
  }
  g_mutex_unlock (&guard->lock);
  return NULL;
}

FloodGuard *
flood_guard_new (GSocketConnection * connection, guint64 burst,
    guint64 per_second)
{
  GSocket *socket = g_socket_connection_get_socket (connection);
  int fd = fcntl (g_socket_get_fd (socket), F_DUPFD_CLOEXEC, 0);
  guint64 bytes;
  FloodGuard *guard;

  if (fd < 0)
    return NULL;
  if (!count_bytes (fd, &bytes)) {
    close (fd);
    return NULL;
  }
  guard = g_new0 (FloodGuard, 1);
  guard->fd = fd;
  guard->burst = burst;
  guard->per_second = per_second;
  g_mutex_init (&guard->lock);
  g_cond_init (&guard->cond);
  guard->thread = g_thread_new ("flood-guard", watch, guard);
  return guard;
}

gboolean
flood_guard_has_ended (FloodGuard * guard)
{
  gboolean ended;

  g_mutex_lock (&guard->lock);
  ended = guard->ended;
  g_mutex_unlock (&guard->lock);
  return ended;
}

void
flood_guard_free (FloodGuard * guard)
{
  g_mutex_lock (&guard->lock);
  guard->stopping = TRUE;
  g_cond_signal (&guard->cond);
  g_mutex_unlock (&guard->lock);
  g_thread_join (guard->thread);
  close (guard->fd);
  g_mutex_clear (&guard->lock);
  g_cond_clear (&guard->cond);
  g_free (guard);
}
