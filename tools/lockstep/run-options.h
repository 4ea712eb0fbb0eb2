/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Options of `lockstep run`: what concerns the program, not the pipeline. */
#pragma once

#include <glib.h>

typedef struct
{
  const char *tls_cert, *tls_key;       /* PEM files; NULL: plain HTTP */
  const char *token_file;       /* NULL: none */
  const char *failure_dir;      /* NULL: the usual folder */
  gboolean json_log;
} RunOptions;

/* Takes "--name VALUE" and "--name=VALUE" out of @argv, wherever they stand; an option
 * that is not given is taken from the environment (LOCKSTEP_TLS_CERT). FALSE, with the
 * reason on stderr, when one is wrong. */
gboolean run_options_take (RunOptions * options, int *argc, char **argv);
