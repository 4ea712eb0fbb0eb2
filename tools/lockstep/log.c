/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The launcher's log. One write a line, so that lines of several processes do
 * not mix. */
#include "log.h"

#include <string.h>
#include <unistd.h>

static void
put (const char *level, const char *channel, const char *format, va_list args)
{
  g_autofree char *text = g_strdup_vprintf (format, args);
  g_autofree char *line = NULL;
  ssize_t written G_GNUC_UNUSED;

  /* what comes from the network must not forge lines or drive a terminal */
  for (char *c = text; *c != '\0'; c++)
    if (g_ascii_iscntrl (*c))
      *c = ' ';
  line = g_strdup_printf ("%s%s%s%s\n", level, channel ? channel : "",
      channel ? ": " : "", text);
  written = write (STDERR_FILENO, line, strlen (line));
}

void
log_info (const char *channel, const char *format, ...)
{
  va_list args;

  va_start (args, format);
  put ("", channel, format, args);
  va_end (args);
}

void
log_warning (const char *channel, const char *format, ...)
{
  va_list args;

  va_start (args, format);
  put ("warning: ", channel, format, args);
  va_end (args);
}
