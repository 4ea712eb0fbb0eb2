/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Who may come in, and over what: tokens and the certificate, which can change while the
 * program runs. */
#include "front.h"
#include "log.h"
#include "read-file.h"

#include <string.h>
#ifdef HAVE_LIBCRYPTO
#include <openssl/err.h>
#include <openssl/pem.h>
#endif

#define MAX_TOKEN_FILE_BYTES (64 * 1024)
/* a chain has a few certificates of some KiB */
#define MAX_PEM_BYTES (1024 * 1024)

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

/* The private key in @text, without what may stand around it; NULL: there is none. */
static char *
find_key (const char *text)
{
  const char *kind = strstr (text, "PRIVATE KEY-----");
  const char *begin = kind != NULL
      ? g_strrstr_len (text, kind - text, "-----BEGIN ") : NULL;
  const char *end = begin != NULL ? strstr (kind, "-----END ") : NULL;
  const char *tail = end != NULL
      ? strstr (end + strlen ("-----END "), "-----") : NULL;

  return tail != NULL ? g_strndup (begin, tail + strlen ("-----") - begin)
      : NULL;
}

#ifdef HAVE_LIBCRYPTO
static int
no_password (char *buffer, int size, int writing, void *unused)
{
  return -1;
}

/* FALSE: with these no browser would get through. TRUE also where it is not known. */
static gboolean
key_fits (const char *key, const char *chain)
{
  BIO *key_in = BIO_new_mem_buf (key, -1);
  BIO *chain_in = BIO_new_mem_buf (chain, -1);
  EVP_PKEY *k = PEM_read_bio_PrivateKey (key_in, NULL, no_password, NULL);
  X509 *certificate = PEM_read_bio_X509 (chain_in, NULL, no_password, NULL);
  gboolean fits = k == NULL || certificate == NULL
      || X509_check_private_key (certificate, k) == 1;

  X509_free (certificate);
  EVP_PKEY_free (k);
  BIO_free (chain_in);
  BIO_free (key_in);
  ERR_clear_error ();
  return fits;
}
#else
static gboolean
key_fits (const char *key, const char *chain)
{
  return TRUE;
}
#endif

static GTlsCertificate *
certificate_of (const FrontAccess * access, GError ** error)
{
  g_autofree char *chain =
      read_file_or_pipe (access->tls_cert, MAX_PEM_BYTES, NULL, error);
  g_autofree char *key_text = NULL;
  g_autofree char *key = NULL;
  g_autofree char *both = NULL;

  if (chain == NULL)
    return NULL;
  if (access->tls_key != NULL) {
    key_text = read_file_or_pipe (access->tls_key, MAX_PEM_BYTES, NULL, error);
    if (key_text == NULL)
      return NULL;
  }
  key = find_key (key_text != NULL ? key_text : chain);
  if (key == NULL) {
    g_set_error (error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT, key_text
        ? "there is no private key (PEM) in the latter" :
        "there is no private key (PEM) in it: give its file with --tls-key");
    return NULL;
  }
  if (!key_fits (key, chain)) {
    g_set_error (error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT,
        "the key is not that of the first certificate");
    return NULL;
  }
  /* the first key is taken */
  both = g_strconcat (key, "\n", chain, NULL);
  return g_tls_certificate_new_from_pem (both, -1, error);
}

static GTlsCertificate *
read_certificate (const FrontAccess * access, GError ** error)
{
  GTlsCertificate *certificate = certificate_of (access, error);

  if (certificate == NULL)
    g_prefix_error (error, "--tls-cert %s%s%s: ", access->tls_cert,
        access->tls_key ? " --tls-key " : "",
        access->tls_key ? access->tls_key : "");
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
