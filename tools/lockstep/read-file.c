/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Files that a user names are read without waiting for ever, and only up to a limit. */
#include "config.h"
#include "read-file.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

/* A writer comes this soon to a FIFO that has none, and writes this often. */
#define WRITER_MS 1000
#define DATA_MS 10000

static gboolean
fail (GError ** error, const char *path, const char *why, int code)
{
  g_set_error (error, G_FILE_ERROR, code != 0 ? g_file_error_from_errno (code)
      : G_FILE_ERROR_INVAL, "cannot read '%s': %s", path,
      why != NULL ? why : g_strerror (code));
  return FALSE;
}

static gboolean
too_large (GError ** error, const char *path, gsize max_bytes)
{
  g_autofree char *why = g_strdup_printf ("it is larger than %" G_GSIZE_FORMAT
      " KiB", max_bytes / 1024);

  return fail (error, path, why, 0);
}

/* A pipe had nothing: read() gave @n. TRUE: there is more to read now, or @end is. */
static gboolean
wait_for_pipe (int fd, const char *path, ssize_t n, gboolean * end,
    GError ** error)
{
  const gboolean has_writer = n < 0;
  struct pollfd p = {.fd = fd,.events = POLLIN };
  int ready;

  do
    ready = poll (&p, 1, has_writer ? DATA_MS : WRITER_MS);
  while (ready < 0 && errno == EINTR);
  if (ready < 0)
    return fail (error, path, NULL, errno);
  if (ready == 0)
    return fail (error, path, has_writer ? "the pipe brings nothing"
        : "no one writes to this pipe", 0);
  /* not so for a FIFO that no one has opened for writing yet */
  *end = (p.revents & POLLIN) == 0;
  return TRUE;
}

static gboolean
read_all (int fd, const char *path, gboolean pipe, gsize max_bytes,
    GString * text, GError ** error)
{
  char buffer[65536];
  gboolean end = FALSE;

  while (!end) {
    ssize_t n = read (fd, buffer, sizeof buffer);

    if (n > 0)
      g_string_append_len (text, buffer, n);
    else if (n == 0 && (!pipe || text->len > 0))
      end = TRUE;
    else if (n < 0 && errno == EINTR)
      continue;
    else if (n < 0 && errno != EAGAIN)
      return fail (error, path, NULL, errno);
    else if (!wait_for_pipe (fd, path, n, &end, error))
      return FALSE;
    if (text->len > max_bytes)
      return too_large (error, path, max_bytes);
  }
  return TRUE;
}

static char *
open_and_read (const char *path, gboolean pipes, gsize max_bytes,
    gsize * length, GError ** error)
{
  int fd = open (path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
  g_autoptr (GString) text = g_string_new (NULL);
  gboolean ok = FALSE;
  struct stat st;

  if (fd < 0 || fstat (fd, &st) != 0)
    fail (error, path, NULL, errno);
  else if (S_ISFIFO (st.st_mode) ? !pipes : !S_ISREG (st.st_mode))
    fail (error, path, S_ISDIR (st.st_mode) ? "it is a folder"
        : S_ISFIFO (st.st_mode) ? "it is a pipe" : "it is a device", 0);
  else if (st.st_size > 0 && (guint64) st.st_size > max_bytes)
    too_large (error, path, max_bytes);
  else
    ok = read_all (fd, path, S_ISFIFO (st.st_mode), max_bytes, text, error);
  if (fd >= 0)
    close (fd);
  if (ok && length != NULL)
    *length = text->len;
  return ok ? g_string_free (g_steal_pointer (&text), FALSE) : NULL;
}

char *
read_file (const char *path, gsize max_bytes, gsize * length, GError ** error)
{
  return open_and_read (path, FALSE, max_bytes, length, error);
}

char *
read_file_or_pipe (const char *path, gsize max_bytes, gsize * length,
    GError ** error)
{
  return open_and_read (path, TRUE, max_bytes, length, error);
}
