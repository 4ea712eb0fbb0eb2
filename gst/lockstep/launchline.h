/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* gst-launch lines as words, so that they can be looked over and rewritten. GStreamer's
 * parser says neither where an error is nor what else is wrong. */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

typedef enum
{
  LOCKSTEP_LAUNCH_ELEMENT,      /* name: the factory */
  LOCKSTEP_LAUNCH_PROPERTY,     /* name, value: without quotes and escapes */
  LOCKSTEP_LAUNCH_REFERENCE,    /* "t." or "t.src_0"; name: "t" */
  LOCKSTEP_LAUNCH_CAPS,         /* between two links */
  LOCKSTEP_LAUNCH_LINK,         /* "!" */
  LOCKSTEP_LAUNCH_OTHER,        /* brackets of bins and the like */
} LockstepLaunchKind;

typedef struct
{
  LockstepLaunchKind kind;
  char *text;                   /* as it was written */
  char *name, *value;
} LockstepLaunchWord;

/**
 * lockstep_launch_words:
 * @line: may be part of a pipeline: begin with a link, or end with one
 *
 * Returns: (transfer full) (element-type LockstepLaunchWord)
 */
GPtrArray *lockstep_launch_words (const char *line);

/* "name=value" in gst-launch's syntax, which gives @value back as it is. */
char *lockstep_launch_property (const char *name, const char *value);

/* The name of the element at @index, its property "name"; NULL where it has none. */
const char *lockstep_launch_name_of (const GPtrArray *words, guint index);

/* A word as a shell takes it. */
char *lockstep_shell_word (const char *word);

G_END_DECLS
