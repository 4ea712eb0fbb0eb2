/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Reads the options of `lockstep run`. */
#include "run-options.h"

#include <gst/lockstep/preset.h>
#include <string.h>

enum
{ TLS_CERT, TLS_KEY, TOKEN_FILE, FAILURE_DIR, LOG_FORMAT, N_OPTIONS };

static const char *const names[N_OPTIONS + 1] = {
  "--tls-cert", "--tls-key", "--token-file", "--failure-dir", "--log-format",
  NULL
};

static const char *const variables[N_OPTIONS] = {
  "LOCKSTEP_TLS_CERT", "LOCKSTEP_TLS_KEY", "LOCKSTEP_TOKEN_FILE",
  "LOCKSTEP_FAILURE_DIR", "LOCKSTEP_LOG_FORMAT"
};

/* The option that @word is, with *@value where it holds one; N_OPTIONS for none. */
static guint
find_option (const char *word, const char **value)
{
  const char *equals = strchr (word, '=');
  g_autofree char *name =
      equals != NULL ? g_strndup (word, equals - word) : g_strdup (word);
  guint i = 0;

  *value = equals != NULL ? equals + 1 : NULL;
  while (i < N_OPTIONS && !g_str_equal (names[i], name))
    i++;
  if (i == N_OPTIONS) {
    const char *near = lockstep_nearest (name, names);

    if (near != NULL)
      g_printerr ("lockstep: run: there is no option %s; did you mean %s?\n",
          name, near);
    else
      g_printerr ("lockstep: run: there is no option %s; "
          "see lockstep run --help\n", name);
  }
  return i;
}

static gboolean
check (RunOptions * options, const char *format)
{
  if (format != NULL && !g_str_equal (format, "json")
      && !g_str_equal (format, "text")) {
    g_printerr ("lockstep: run: --log-format %s: it is text or json\n", format);
    return FALSE;
  }
  options->json_log = g_strcmp0 (format, "json") == 0;
  if (options->tls_key != NULL && options->tls_cert == NULL) {
    g_printerr ("lockstep: run: --tls-key needs --tls-cert too\n");
    return FALSE;
  }
  return TRUE;
}

gboolean
run_options_take (RunOptions * options, int *argc, char **argv)
{
  const char *values[N_OPTIONS] = { NULL };
  int kept = 1;

  for (int i = 1; i < *argc; i++) {
    const char *value;
    guint option;

    if (!g_str_has_prefix (argv[i], "--")) {
      argv[kept++] = argv[i];
      continue;
    }
    option = find_option (argv[i], &value);
    if (option == N_OPTIONS)
      return FALSE;
    if (value == NULL && i + 1 < *argc)
      value = argv[++i];
    if (value == NULL || value[0] == '\0') {
      g_printerr ("lockstep: run: %s needs a value\n", names[option]);
      return FALSE;
    }
    values[option] = value;
  }
  *argc = kept;
  argv[kept] = NULL;
  for (guint i = 0; i < N_OPTIONS; i++) {
    const char *given = g_getenv (variables[i]);

    if (values[i] == NULL && given != NULL && given[0] != '\0')
      values[i] = given;
  }
  options->tls_cert = values[TLS_CERT];
  options->tls_key = values[TLS_KEY];
  options->token_file = values[TOKEN_FILE];
  options->failure_dir = values[FAILURE_DIR];
  return check (options, values[LOG_FORMAT]);
}
