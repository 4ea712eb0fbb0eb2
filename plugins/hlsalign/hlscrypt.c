/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* AES-128-CBC by libcrypto. Without it, encryption is refused when it is asked for. */
#include "hlscrypt.h"

#ifdef HAVE_LIBCRYPTO
#include <openssl/evp.h>
#include <openssl/rand.h>

static void
fail (GError ** error, const char *what)
{
  g_set_error (error, G_IO_ERROR, G_IO_ERROR_FAILED, "libcrypto: %s", what);
}

gboolean
hls_crypt_random (guint8 key[HLS_KEY_SIZE], GError ** error)
{
  if (RAND_priv_bytes (key, HLS_KEY_SIZE) == 1)
    return TRUE;
  fail (error, "no random bytes");
  return FALSE;
}

GBytes *
hls_crypt_segment (const guint8 key[HLS_KEY_SIZE], guint64 sequence,
    const GOutputVector * vectors, guint n, GError ** error)
{
  EVP_CIPHER_CTX *context = EVP_CIPHER_CTX_new ();
  guint8 iv[HLS_KEY_SIZE] = { 0 };
  gsize size = 0;
  guint8 *out;
  int at = 0, got;
  gboolean ok;

  for (guint i = 0; i < n; i++)
    size += vectors[i].size;
  for (guint i = 0; i < 8; i++)
    iv[15 - i] = sequence >> (8 * i);
  if (size > G_MAXINT - 64) {
    EVP_CIPHER_CTX_free (context);
    fail (error, "segment too large");
    return NULL;
  }
  out = g_malloc (size + HLS_KEY_SIZE);
  ok = EVP_EncryptInit_ex (context, EVP_aes_128_cbc (), NULL, key, iv) == 1;
  for (guint i = 0; ok && i < n; i++) {
    ok = EVP_EncryptUpdate (context, out + at, &got, vectors[i].buffer,
        vectors[i].size) == 1;
    at += ok ? got : 0;
  }
  if (ok && (ok = EVP_EncryptFinal_ex (context, out + at, &got) == 1))
    at += got;
  EVP_CIPHER_CTX_free (context);
  if (!ok) {
    g_free (out);
    fail (error, "cannot encrypt");
    return NULL;
  }
  return g_bytes_new_take (out, at);
}
#else
gboolean
hls_crypt_random (guint8 key[HLS_KEY_SIZE], GError ** error)
{
  g_set_error (error, G_IO_ERROR, G_IO_ERROR_NOT_SUPPORTED,
      "built without libcrypto: no encryption");
  return FALSE;
}

GBytes *
hls_crypt_segment (const guint8 key[HLS_KEY_SIZE], guint64 sequence,
    const GOutputVector * vectors, guint n, GError ** error)
{
  g_set_error (error, G_IO_ERROR, G_IO_ERROR_NOT_SUPPORTED,
      "built without libcrypto: no encryption");
  return NULL;
}
#endif
