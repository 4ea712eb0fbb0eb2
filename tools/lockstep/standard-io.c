/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* stdin, stdout and stderr. What is printed is data: names and values come back as they were
 * given, and what could not be written is an error. */
#include "standard-io.h"
#include "commands.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static int failed;              /* errno of the first write to stdout that did */

/* GLib's own would write question marks for what the locale does not have. */
static void
print (const char *text)
{
  if ((fputs (text, stdout) == EOF || fflush (stdout) == EOF) && failed == 0)
    failed = errno;
}

static void
print_error (const char *text)
{
  fputs (text, stderr);
}

void
standard_io_init (void)
{
  for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
    if (fcntl (fd, F_GETFD) < 0 && errno == EBADF)
      /* the lowest that is free: this one. stdin is at its end, and nothing can be written
       * to the others */
      (void) !open ("/dev/null", O_RDONLY);
  g_set_print_handler (print);
  g_set_printerr_handler (print_error);
}

int
standard_io_finish (int status)
{
  if (fflush (stdout) == EOF && failed == 0)
    failed = errno;
  if (failed == 0)
    return status;
  /* who reads has heard enough */
  if (failed != EPIPE)
    g_printerr ("lockstep: stdout cannot be written: %s\n",
        g_strerror (failed));
  return status == EXIT_OK ? EXIT_OUTPUT : status;
}
