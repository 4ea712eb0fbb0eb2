/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Reads the fingerprints of an offer, and compares a DTLS certificate with them. */
#include "sdp-private.h"

#include <string.h>

#define PEM_BEGIN "-----BEGIN CERTIFICATE-----"
#define PEM_END "-----END CERTIFICATE-----"
/* OpenSSL's own bound on a chain in DTLS is 100 kB */
#define PEM_MAX_BYTES (128 * 1024)

/* Best first. RFC 8122, section 5: sha-1 and md5 are not to be relied on. */
static const struct
{
  const char *name;
  guint bytes;
  GChecksumType type;
} hashes[] = {
  {"sha-512", 64, G_CHECKSUM_SHA512},
  {"sha-384", 48, G_CHECKSUM_SHA384},
  {"sha-256", 32, G_CHECKSUM_SHA256},
};

/* RFC 8122, section 5: hash function and digest, two hex digits a byte.
 * Returns NULL and no error for a hash that is not trusted. */
static char *
read_fingerprint (const char *value, GError ** error)
{
  g_auto (GStrv) words = g_strsplit (value, " ", 3);
  g_autofree char *name = NULL;
  g_autofree char *hex = NULL;

  if (g_strv_length (words) != 2) {
    g_set_error (error, LOCKSTEP_SDP_ERROR,
        LOCKSTEP_SDP_ERROR_MALFORMED, "a=fingerprint is not \"hash digest\"");
    return NULL;
  }
  name = g_ascii_strdown (words[0], -1);
  hex = g_ascii_strup (g_strchomp (words[1]), -1);
  for (guint i = 0; i < G_N_ELEMENTS (hashes); i++) {
    const gsize size = strlen (hex);

    if (!g_str_equal (name, hashes[i].name))
      continue;
    for (gsize p = 0; p < size; p++) {
      if (p % 3 == 2 ? hex[p] != ':' : !g_ascii_isxdigit (hex[p])) {
        g_set_error (error, LOCKSTEP_SDP_ERROR,
            LOCKSTEP_SDP_ERROR_MALFORMED, "a=fingerprint: broken digest");
        return NULL;
      }
    }
    if (size != hashes[i].bytes * 3 - 1) {
      g_set_error (error, LOCKSTEP_SDP_ERROR,
          LOCKSTEP_SDP_ERROR_MALFORMED,
          "a=fingerprint: a %s digest has %u bytes", name, hashes[i].bytes);
      return NULL;
    }
    return g_strconcat (name, " ", hex, NULL);
  }
  return NULL;
}

/* The fingerprints of one section, or of the session where it has none. */
GPtrArray *
lockstep_sdp_read_fingerprints (const LockstepSdpText * text, guint section,
    GError ** error)
{
  g_autoptr (GPtrArray) out = g_ptr_array_new_with_free_func (g_free);
  gboolean any = FALSE;

  for (;;) {
    guint n;
    const LockstepSdpLine *lines = lockstep_sdp_text_lines (text, section, &n);

    for (guint i = 0; i < n; i++) {
      GError *bad = NULL;
      char *fingerprint;

      if (g_strcmp0 (lines[i].key, "fingerprint") != 0)
        continue;
      any = TRUE;
      fingerprint = read_fingerprint (lines[i].value, &bad);
      if (bad != NULL) {
        g_propagate_error (error, bad);
        return NULL;
      }
      if (fingerprint == NULL)
        continue;
      if (out->len == LOCKSTEP_SDP_MAX_FINGERPRINTS) {
        g_free (fingerprint);
        g_set_error (error, LOCKSTEP_SDP_ERROR, LOCKSTEP_SDP_ERROR_TOO_LARGE,
            "more than %d fingerprints", LOCKSTEP_SDP_MAX_FINGERPRINTS);
        return NULL;
      }
      g_ptr_array_add (out, fingerprint);
    }
    if (any || section == 0)
      break;
    section = 0;
  }
  if (out->len == 0) {
    g_set_error (error, LOCKSTEP_SDP_ERROR,
        LOCKSTEP_SDP_ERROR_UNSUPPORTED, any
        ? "no fingerprint with SHA-256, SHA-384 or SHA-512"
        : "no a=fingerprint: media must be encrypted with DTLS");
    return NULL;
  }
  return g_steal_pointer (&out);
}

/* The DER of the first certificate of a PEM text. */
static guchar *
pem_to_der (const char *pem, gsize * length)
{
  g_autofree guchar *der = NULL;
  g_autofree char *body = NULL;
  const char *begin, *end;
  gsize size, header = 2, content = 0;

  if (strnlen (pem, PEM_MAX_BYTES + 1) > PEM_MAX_BYTES)
    return NULL;
  begin = strstr (pem, PEM_BEGIN);
  if (begin == NULL)
    return NULL;
  begin += strlen (PEM_BEGIN);
  end = strstr (begin, PEM_END);
  if (end == NULL)
    return NULL;
  body = g_strndup (begin, end - begin);
  if (strspn (body, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
          "0123456789+/= \r\n") != strlen (body))
    return NULL;
  der = g_base64_decode (body, &size);

  /* A certificate is one SEQUENCE, and its length is all there is (X.690,
   * section 8.1.3): nothing may be hidden behind it. */
  if (size < 4 || der[0] != 0x30)
    return NULL;
  if (der[1] < 0x80) {
    content = der[1];
  } else {
    const guint n = der[1] & 0x7f;

    if (n == 0 || n > 3 || size < 2 + n)
      return NULL;
    for (guint i = 0; i < n; i++)
      content = content << 8 | der[2 + i];
    header += n;
  }
  if (size != header + content)
    return NULL;
  *length = size;
  return g_steal_pointer (&der);
}

static char *
fingerprint (GChecksumType type, const guchar * der, gsize length)
{
  g_autoptr (GChecksum) sum = g_checksum_new (type);
  GString *out = g_string_new (NULL);
  guint8 digest[64];
  gsize size = sizeof (digest);

  g_checksum_update (sum, der, length);
  g_checksum_get_digest (sum, digest, &size);
  for (gsize i = 0; i < size; i++)
    g_string_append_printf (out, "%s%02X", i > 0 ? ":" : "", digest[i]);
  return g_string_free (out, FALSE);
}

/* RFC 8122, section 5.1: of the hash functions that were given, the most preferred
 * one counts, and the certificate must match one fingerprint made with it. So
 * a weaker one that somebody added cannot stand in for the stronger. */
gboolean
lockstep_certificate_matches (const char *pem,
    const GPtrArray * fingerprints, GError ** error)
{
  g_autofree guchar *der = NULL;
  gsize length = 0;

  g_return_val_if_fail (pem != NULL && fingerprints != NULL, FALSE);
  g_return_val_if_fail (error == NULL || *error == NULL, FALSE);

  der = pem_to_der (pem, &length);
  if (der == NULL) {
    g_set_error (error, LOCKSTEP_SDP_ERROR, LOCKSTEP_SDP_ERROR_MALFORMED,
        "the peer's certificate is not a PEM certificate");
    return FALSE;
  }
  for (guint h = 0; h < G_N_ELEMENTS (hashes); h++) {
    g_autofree char *prefix = g_strconcat (hashes[h].name, " ", NULL);
    const gsize prefix_size = strlen (prefix);
    g_autofree char *actual = fingerprint (hashes[h].type, der, length);
    gboolean given = FALSE;

    for (guint i = 0; i < fingerprints->len; i++) {
      const char *expected = fingerprints->pdata[i];

      if (g_ascii_strncasecmp (expected, prefix, prefix_size) != 0)
        continue;
      given = TRUE;
      if (g_ascii_strcasecmp (expected + prefix_size, actual) == 0)
        return TRUE;
    }
    if (given)
      break;
  }
  g_set_error (error, LOCKSTEP_SDP_ERROR, LOCKSTEP_SDP_ERROR_UNSUPPORTED,
      "the peer's DTLS certificate does not match a=fingerprint of the offer");
  return FALSE;
}
