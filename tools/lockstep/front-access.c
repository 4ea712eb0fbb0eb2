/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Who may come in, and over what: tokens and the certificate, which can change while the
 * program runs. */
#include "front.h"
#include "log.h"
#include "read-file.h"

#include <string.h>

#define MAX_TOKEN_FILE_BYTES (64 * 1024)

/* One token a line; empty lines and those that begin with '#' are none. Several are valid
 * at a time, so that one can be replaced without a gap. */
static gboolean
read_token_file (const char *file, GPtrArray * tokens, GError ** error)
{
  g_autofree char *text = NULL;
  g_auto (GStrv) lines = NULL;
  gsize length;
  guint before = tokens->len;

  text = read_file_or_pipe (file, MAX_TOKEN_FILE_BYTES, &length, error);
  if (text == NULL) {
    g_prefix_error (error, "--token-file %s: ", file);
    return FALSE;
  }
  if (strlen (text) != length) {
    g_set_error (error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT,
        "--token-file %s: this is no list of tokens, one a line", file);
    return FALSE;
  }
  lines = g_strsplit (text, "\n", -1);
  for (guint i = 0; lines[i] != NULL; i++) {
    const char *token = g_strstrip (lines[i]);

    if (token[0] != '\0' && token[0] != '#')
      g_ptr_array_add (tokens, g_strdup (token));
  }
  if (tokens->len == before) {
    /* to let everyone in because a file is empty would be a surprise */
    g_set_error (error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT,
        "--token-file %s: there is no token in it", file);
    return FALSE;
  }
  return TRUE;
}

static GPtrArray *
read_tokens (const FrontAccess * access, GError ** error)
{
  g_autoptr (GPtrArray) tokens = g_ptr_array_new_with_free_func (g_free);

  if (access->token != NULL && access->token[0] != '\0')
    g_ptr_array_add (tokens, g_strdup (access->token));
  if (access->token_file != NULL
      && !read_token_file (access->token_file, tokens, error))
    return NULL;
  return g_steal_pointer (&tokens);
}

static GTlsCertificate *
read_certificate (const FrontAccess * access, GError ** error)
{
  GTlsCertificate *certificate = access->tls_key != NULL
      ? g_tls_certificate_new_from_files (access->tls_cert, access->tls_key,
      error) : g_tls_certificate_new_from_file (access->tls_cert, error);

  if (certificate == NULL) {
    g_prefix_error (error, "--tls-cert %s%s%s: ", access->tls_cert,
        access->tls_key ? " --tls-key " : "",
        access->tls_key ? access->tls_key : "");
    return NULL;
  }
  return certificate;
}

gboolean
front_read_access (Front * front, GError ** error)
{
  GPtrArray *tokens = read_tokens (&front->access, error);
  GTlsCertificate *certificate = NULL;

  if (tokens == NULL)
    return FALSE;
  if (front->access.tls_cert != NULL) {
    certificate = read_certificate (&front->access, error);
    if (certificate == NULL) {
      g_ptr_array_unref (tokens);
      return FALSE;
    }
    soup_server_set_tls_certificate (front->server, certificate);
    g_object_unref (certificate);
  }
  g_clear_pointer (&front->tokens, g_ptr_array_unref);
  front->tokens = tokens;
  return TRUE;
}

void
front_reload (Front * front)
{
  g_autoptr (GError) error = NULL;

  if (front->access.token_file == NULL && front->access.tls_cert == NULL)
    log_info (NULL, "nothing to read again: there is no --token-file and "
        "no --tls-cert");
  else if (front_read_access (front, &error))
    log_info (NULL, "tokens and certificate were read again");
  else
    log_warning (NULL, "%s; what was read before still holds", error->message);
}
