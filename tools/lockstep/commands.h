/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The commands: each takes its own words (argv[0] is the command) and returns the
 * process's exit status. */
#pragma once

#include <glib.h>

/* sysexits.h, the part that is used */
enum
{
  EXIT_OK = 0,
  EXIT_FINDINGS = 1,            /* hls-check found errors */
  EXIT_USAGE = 64,              /* wrong words on the command line */
  EXIT_NOINPUT = 66,            /* what is to be read is not there */
  EXIT_MISSING = 69,            /* an element or an address is not to be had */
  EXIT_INTERNAL = 70,
  EXIT_OUTPUT = 74,             /* stdout cannot be written */
  EXIT_CONFIG = 78,             /* the preset or its parameters are wrong */
};

typedef struct
{
  const char *name;
  const char *words;            /* what follows the name, in the help's first line */
  const char *summary;          /* a few words */
  const char *help;             /* paragraphs, then examples */
  int (*run) (int argc, char **argv);
} Command;

extern const Command command_list, command_show, command_run, command_check,
    command_export, command_graph, command_doctor, command_hls_check,
    command_completion;

/* All of them, in the help's order; ends with NULL. */
extern const Command *const commands[];

/* Exit status 64 with what is wrong: "lockstep: COMMAND: …". */
int command_usage (const char *command, const char *format, ...)
G_GNUC_PRINTF (2, 3);
/* Takes the options of @entries out of @argv. 0, or the exit status after the mistake
 * was said: a mistyped option with the nearest. */
int command_options (const char *command, const GOptionEntry * entries,
    int *argc, char ***argv);
