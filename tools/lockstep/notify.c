/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* One datagram a state, as systemd documents its protocol: no library is needed. */
#include "notify.h"
#include "log.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static int notify_fd = -1;
static struct sockaddr_un notify_address;
static socklen_t notify_length;
static char *last_status;

static void
send_state (const char *state)
{
  ssize_t sent G_GNUC_UNUSED;

  /* who does not read must not hold us up */
  if (notify_fd >= 0)
    sent = sendto (notify_fd, state, strlen (state),
        MSG_DONTWAIT | MSG_NOSIGNAL,
        (struct sockaddr *) &notify_address, notify_length);
}

static gboolean
feed_watchdog (gpointer unused)
{
  send_state ("WATCHDOG=1");
  return G_SOURCE_CONTINUE;
}

/* WATCHDOG_PID says whom WATCHDOG_USEC is meant for. */
static void
start_watchdog (void)
{
  const char *usec = g_getenv ("WATCHDOG_USEC");
  const char *pid = g_getenv ("WATCHDOG_PID");
  guint64 limit;

  if (usec == NULL
      || !g_ascii_string_to_unsigned (usec, 10, 1, G_MAXINT64, &limit, NULL))
    return;
  if (pid != NULL && g_ascii_strtoll (pid, NULL, 10) != getpid ())
    return;
  /* twice within the limit, as sd_watchdog_enabled(3) advises */
  g_timeout_add (CLAMP (limit / 2000, 1, G_MAXINT), feed_watchdog, NULL);
}

void
notify_init (void)
{
  const char *path = g_getenv ("NOTIFY_SOCKET");
  gsize length = path != NULL ? strlen (path) : 0;

  /* '/': a path, '@': an abstract name */
  if (length > 1 && length < sizeof notify_address.sun_path
      && (path[0] == '/' || path[0] == '@')) {
    notify_address.sun_family = AF_UNIX;
    memcpy (notify_address.sun_path, path, length);
    if (path[0] == '@')
      notify_address.sun_path[0] = '\0';
    notify_length = offsetof (struct sockaddr_un, sun_path) + length;
    notify_fd = socket (AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (notify_fd < 0)
      log_warning (NULL, "the service manager cannot be told anything: %s",
          g_strerror (errno));
    start_watchdog ();
  }
  g_unsetenv ("NOTIFY_SOCKET");
  g_unsetenv ("WATCHDOG_USEC");
  g_unsetenv ("WATCHDOG_PID");
}

void
notify_ready (void)
{
  send_state ("READY=1");
}

void
notify_reloading (void)
{
  g_autofree char *state = g_strdup_printf ("RELOADING=1\nMONOTONIC_USEC=%"
      G_GINT64_FORMAT, g_get_monotonic_time ());

  send_state (state);
}

void
notify_stopping (void)
{
  send_state ("STOPPING=1");
}

void
notify_status (const char *status)
{
  g_autofree char *state = NULL;

  if (notify_fd < 0 || g_strcmp0 (status, last_status) == 0)
    return;
  g_free (last_status);
  last_status = g_strdup (status);
  state = g_strconcat ("STATUS=", status, NULL);
  send_state (state);
}
