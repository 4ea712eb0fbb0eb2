/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What this process takes of the machine, and may take. */
#include "own-load.h"

#include <gst/lockstep/admission.h>
#include <sched.h>
#include <string.h>
#include <time.h>

#define CGROUPS "/sys/fs/cgroup"

gint64
own_load_cpu (void)
{
  struct timespec used;

  if (clock_gettime (CLOCK_PROCESS_CPUTIME_ID, &used) != 0)
    return 0;
  return used.tv_sec * G_GINT64_CONSTANT (1000000000) + used.tv_nsec;
}

/* cgroups(7): of version 2, /proc/self/cgroup has one line, "0::/PATH"; each group on the
 * way up may have a limit. */
static gdouble
quota_of_groups (gdouble processors)
{
  g_autofree char *groups = NULL, *path = NULL;
  const char *start;
  char *slash;

  if (!g_file_get_contents ("/proc/self/cgroup", &groups, NULL, NULL))
    return processors;
  start = g_str_has_prefix (groups, "0::/") ? groups : strstr (groups,
      "\n0::/");
  if (start == NULL)
    return processors;
  start = strchr (start, '/');
  path = g_strndup (start, strcspn (start, "\n"));
  do {
    g_autofree char *file = g_strconcat (CGROUPS, path, "/cpu.max", NULL);
    g_autofree char *limit = NULL;
    gdouble quota = 0;

    if (g_file_get_contents (file, &limit, NULL, NULL))
      quota = lockstep_admission_quota (limit);
    if (quota > 0)
      processors = MIN (processors, quota);
    slash = strrchr (path, '/');
    if (slash != NULL)
      *slash = '\0';
  } while (slash != NULL);
  return processors;
}

gdouble
own_load_processors (void)
{
  cpu_set_t set;

  /* of so many processors that a set cannot have them */
  if (sched_getaffinity (0, sizeof set, &set) != 0)
    return quota_of_groups (g_get_num_processors ());
  return quota_of_groups (CPU_COUNT (&set));
}
