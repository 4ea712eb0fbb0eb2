/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The commands: each takes its own words (argv[0] is the command) and returns the
 * process's exit status. */
#pragma once

/* sysexits.h, the part that is used */
enum
{
  EXIT_OK = 0,
  EXIT_FINDINGS = 1,            /* hls-check found errors */
  EXIT_USAGE = 64,              /* wrong words on the command line */
  EXIT_NOINPUT = 66,            /* what is to be read is not there */
  EXIT_MISSING = 69,            /* an element or an address is not to be had */
  EXIT_INTERNAL = 70,
  EXIT_CONFIG = 78,             /* the preset or its parameters are wrong */
};

int cmd_hls_check (int argc, char **argv);
int cmd_list (int argc, char **argv);
int cmd_run (int argc, char **argv);
int cmd_show (int argc, char **argv);
