/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Decrypts segments for the validator. Without libcrypto they are not looked into. */
#include <gst/lockstep/hlscheck-media.h>

#ifdef HAVE_LIBCRYPTO
#include <openssl/evp.h>

GBytes *
lockstep_check_decrypt (GBytes * bytes, const guint8 key[16],
    const guint8 iv[16], GError ** error)
{
  EVP_CIPHER_CTX *context = EVP_CIPHER_CTX_new ();
  gsize size;
  const guint8 *in = g_bytes_get_data (bytes, &size);
  guint8 *out = g_malloc (size + 16);
  int n = 0, last = 0;
  gboolean ok;

  ok = size <= G_MAXINT - 16
      && EVP_DecryptInit_ex (context, EVP_aes_128_cbc (), NULL, key, iv) == 1
      && EVP_DecryptUpdate (context, out, &n, in, size) == 1
      && EVP_DecryptFinal_ex (context, out + n, &last) == 1;
  EVP_CIPHER_CTX_free (context);
  if (ok)
    return g_bytes_new_take (out, n + last);
  g_free (out);
  g_set_error (error, G_IO_ERROR, G_IO_ERROR_INVALID_DATA,
      "%" G_GSIZE_FORMAT " bytes do not decrypt to whole PKCS7 blocks", size);
  return NULL;
}
#else
GBytes *
lockstep_check_decrypt (GBytes * bytes, const guint8 key[16],
    const guint8 iv[16], GError ** error)
{
  g_set_error (error, G_IO_ERROR, G_IO_ERROR_NOT_SUPPORTED,
      "built without libcrypto");
  return NULL;
}
#endif
