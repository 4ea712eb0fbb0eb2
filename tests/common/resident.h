/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>
#include <string.h>
#include <unistd.h>

/* This process's memory that is resident, in KiB; 0: not known. */
static inline guint64
resident (void)
{
  g_autofree char *text = NULL;
  const char *space;

  if (!g_file_get_contents ("/proc/self/statm", &text, NULL, NULL)
      || (space = strchr (text, ' ')) == NULL)
    return 0;
  return g_ascii_strtoull (space, NULL, 10) * sysconf (_SC_PAGESIZE) >> 10;
}
