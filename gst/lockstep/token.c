/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Bearer tokens: taken from the header, compared in constant time. */
#include <gst/lockstep/token.h>

#include <string.h>

#define DIGEST_BYTES 32

static void
digest (const char *text, guint8 * out)
{
  g_autoptr (GChecksum) sum = g_checksum_new (G_CHECKSUM_SHA256);
  gsize size = DIGEST_BYTES;

  g_checksum_update (sum, (const guchar *) text, strlen (text));
  g_checksum_get_digest (sum, out, &size);
}

gboolean
lockstep_token_equal (const char *a, const char *b)
{
  guint8 da[DIGEST_BYTES], db[DIGEST_BYTES];
  volatile guint8 diff = 0;

  g_return_val_if_fail (a != NULL && b != NULL, FALSE);

  digest (a, da);
  digest (b, db);
  for (guint i = 0; i < DIGEST_BYTES; i++)
    diff |= da[i] ^ db[i];
  return diff == 0;
}

char *
lockstep_token_from_authorization (const char *header)
{
  g_autofree char *token = NULL;

  if (header == NULL || g_ascii_strncasecmp (header, "Bearer ", 7) != 0)
    return NULL;
  token = g_strstrip (g_strdup (header + 7));
  /* b64token has no spaces: two words are not a token */
  if (token[0] == '\0' || strpbrk (token, " \t") != NULL)
    return NULL;
  return g_steal_pointer (&token);
}
