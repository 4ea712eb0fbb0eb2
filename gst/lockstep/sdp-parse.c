/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Cuts a session description into lines and sections, and checks their shape.
 *
 * GstSDPMessage is not used for what comes from the network: it takes any text
 * (lines that it does not understand are skipped, an empty body is a CRITICAL),
 * reads numbers with atoi, and does not say which line is wrong. Here each line is
 * seen once, and is either right or named in the error. */
#include "sdp-private.h"

#include <string.h>

G_DEFINE_QUARK (lockstep - sdp - error - quark, lockstep_sdp_error)
     void lockstep_sdp_text_free (LockstepSdpText * text)
{
  if (text == NULL)
    return;
  g_free (text->text);
  g_array_unref (text->lines);
  g_array_unref (text->starts);
  g_free (text);
}

/* Letters, digits and those signs that RFC 8866 allows in a token. */
static gboolean
is_token_char (char c)
{
  return g_ascii_isalnum (c) || (c != '\0' && strchr ("!#$%&'*+-.^_`{|}~", c));
}

gboolean
lockstep_sdp_is_token (const char *text, gsize max)
{
  gsize n = 0;

  for (; text[n] != '\0'; n++) {
    if (n == max || !is_token_char (text[n]))
      return FALSE;
  }
  return n > 0;
}

gboolean
lockstep_sdp_is_ice_string (const char *text, gsize min, gsize max)
{
  gsize n = 0;

  for (; text[n] != '\0'; n++) {
    if (n == max || !(g_ascii_isalnum (text[n]) || text[n] == '+'
            || text[n] == '/'))
      return FALSE;
  }
  return n >= min;
}

gboolean
lockstep_sdp_number (const char *text, guint64 max, guint64 * value)
{
  /* g_ascii_string_to_unsigned() refuses signs, spaces and trailing text */
  return g_ascii_string_to_unsigned (text, 10, 0, max, value, NULL);
}

/* Splits one line in place. */
static gboolean
parse_line (char *line, guint number, LockstepSdpLine * out, GError ** error)
{
  char *colon;

  if (!g_ascii_islower (line[0]) || line[1] != '=') {
    g_set_error (error, LOCKSTEP_SDP_ERROR, LOCKSTEP_SDP_ERROR_MALFORMED,
        "line %u of the SDP is not of the form x=value", number);
    return FALSE;
  }
  out->type = line[0];
  out->key = NULL;
  out->value = line + 2;
  if (line[0] != 'a')
    return TRUE;

  colon = strchr (line + 2, ':');
  out->key = line + 2;
  if (colon != NULL) {
    *colon = '\0';
    out->value = colon + 1;
  } else {
    out->value = line + strlen (line);
  }
  if (!lockstep_sdp_is_token (out->key, 64)) {
    g_set_error (error, LOCKSTEP_SDP_ERROR, LOCKSTEP_SDP_ERROR_MALFORMED,
        "line %u of the SDP has no valid attribute name", number);
    return FALSE;
  }
  return TRUE;
}

/**
 * lockstep_sdp_text_parse:
 * @body: bytes from the network; need not end in NUL
 *
 * Lines may end in CR LF or LF; empty lines are skipped.
 */
LockstepSdpText *
lockstep_sdp_text_parse (const char *body, gsize length, GError ** error)
{
  g_autoptr (LockstepSdpText) text = NULL;
  const guint session = 0;
  guint number = 0;
  char *line, *next;

  if (length > LOCKSTEP_SDP_MAX_BYTES) {
    g_set_error (error, LOCKSTEP_SDP_ERROR, LOCKSTEP_SDP_ERROR_TOO_LARGE,
        "the SDP has %" G_GSIZE_FORMAT " bytes; at most %d are read", length,
        LOCKSTEP_SDP_MAX_BYTES);
    return NULL;
  }
  if (length == 0) {
    g_set_error (error, LOCKSTEP_SDP_ERROR, LOCKSTEP_SDP_ERROR_MALFORMED,
        "the body is empty");
    return NULL;
  }
  for (gsize i = 0; i < length; i++) {
    const guchar c = body[i];

    if ((c < 0x20 && c != '\r' && c != '\n' && c != '\t') || c == 0x7f) {
      g_set_error (error, LOCKSTEP_SDP_ERROR, LOCKSTEP_SDP_ERROR_MALFORMED,
          "control character 0x%02x at byte %" G_GSIZE_FORMAT, c, i);
      return NULL;
    }
  }
  if (!g_utf8_validate_len (body, length, NULL)) {
    g_set_error (error, LOCKSTEP_SDP_ERROR, LOCKSTEP_SDP_ERROR_MALFORMED,
        "the SDP is not UTF-8");
    return NULL;
  }

  text = g_new0 (LockstepSdpText, 1);
  text->text = g_strndup (body, length);
  text->lines = g_array_new (FALSE, FALSE, sizeof (LockstepSdpLine));
  text->starts = g_array_new (FALSE, FALSE, sizeof (guint));
  g_array_append_val (text->starts, session);

  for (line = text->text; line != NULL; line = next) {
    LockstepSdpLine parsed;
    gsize size;

    number++;
    next = strchr (line, '\n');
    if (next != NULL)
      *next++ = '\0';
    size = strlen (line);
    if (size > 0 && line[size - 1] == '\r')
      line[--size] = '\0';
    if (size == 0)
      continue;
    if (strchr (line, '\r') != NULL) {
      g_set_error (error, LOCKSTEP_SDP_ERROR, LOCKSTEP_SDP_ERROR_MALFORMED,
          "a carriage return stands inside line %u of the SDP", number);
      return NULL;
    }
    if (size > LOCKSTEP_SDP_MAX_LINE_BYTES
        || text->lines->len == LOCKSTEP_SDP_MAX_LINES) {
      g_set_error (error, LOCKSTEP_SDP_ERROR, LOCKSTEP_SDP_ERROR_TOO_LARGE,
          "line %u: more than %d lines, or a line of more than %d bytes",
          number, LOCKSTEP_SDP_MAX_LINES, LOCKSTEP_SDP_MAX_LINE_BYTES);
      return NULL;
    }
    if (!parse_line (line, number, &parsed, error))
      return NULL;
    if (parsed.type == 'm') {
      if (text->starts->len > LOCKSTEP_SDP_MAX_SECTIONS) {
        g_set_error (error, LOCKSTEP_SDP_ERROR,
            LOCKSTEP_SDP_ERROR_UNSUPPORTED,
            "more than %d m= sections", LOCKSTEP_SDP_MAX_SECTIONS);
        return NULL;
      }
      g_array_append_val (text->starts, text->lines->len);
    }
    g_array_append_val (text->lines, parsed);
  }
  if (text->lines->len == 0) {
    g_set_error (error, LOCKSTEP_SDP_ERROR, LOCKSTEP_SDP_ERROR_MALFORMED,
        "the body is empty");
    return NULL;
  }
  return g_steal_pointer (&text);
}

guint
lockstep_sdp_text_sections (const LockstepSdpText * text)
{
  return text->starts->len;
}

const LockstepSdpLine *
lockstep_sdp_text_lines (const LockstepSdpText * text, guint section,
    guint * n_lines)
{
  const guint first = g_array_index (text->starts, guint, section);
  const guint end = section + 1 < text->starts->len
      ? g_array_index (text->starts, guint, section + 1) : text->lines->len;

  *n_lines = end - first;
  return (const LockstepSdpLine *) (gpointer) text->lines->data + first;
}

const char *
lockstep_sdp_text_only (const LockstepSdpText * text, guint section,
    const char *key, GError ** error)
{
  const char *value = NULL;
  guint n;
  const LockstepSdpLine *lines = lockstep_sdp_text_lines (text, section, &n);

  for (guint i = 0; i < n; i++) {
    if (g_strcmp0 (lines[i].key, key) != 0)
      continue;
    if (value != NULL) {
      g_set_error (error, LOCKSTEP_SDP_ERROR, LOCKSTEP_SDP_ERROR_MALFORMED,
          "a=%s is given twice in one section", key);
      return NULL;
    }
    value = lines[i].value;
  }
  return value;
}

void
lockstep_sdp_line_write (const LockstepSdpLine * line, GString * out)
{
  if (line->key == NULL)
    g_string_append_printf (out, "%c=%s\r\n", line->type, line->value);
  else
    g_string_append_printf (out, line->value[0] != '\0' ? "a=%s:%s\r\n"
        : "a=%s\r\n", line->key, line->value);
}

gboolean
lockstep_sdp_text_has (const LockstepSdpText * text, guint section,
    const char *key)
{
  guint n;
  const LockstepSdpLine *lines = lockstep_sdp_text_lines (text, section, &n);

  for (guint i = 0; i < n; i++) {
    if (g_strcmp0 (lines[i].key, key) == 0)
      return TRUE;
  }
  return FALSE;
}

void
lockstep_sdp_mline_clear (LockstepSdpMline * mline)
{
  g_clear_pointer (&mline->kind, g_free);
  g_clear_pointer (&mline->proto, g_free);
  g_clear_pointer (&mline->formats, g_strfreev);
}

gboolean
lockstep_sdp_mline_parse (const char *value, LockstepSdpMline * mline,
    GError ** error)
{
  g_auto (GStrv) words = g_strsplit (value, " ", -1);
  guint n = g_strv_length (words);
  guint64 port, ports;
  char *slash;

  memset (mline, 0, sizeof (*mline));
  /* some clients leave a space at the end */
  while (n > 0 && words[n - 1][0] == '\0')
    g_clear_pointer (&words[--n], g_free);
  if (n < 4 || !lockstep_sdp_is_token (words[0], 32))
    goto broken;
  slash = strchr (words[1], '/');
  if (slash != NULL) {
    *slash = '\0';
    if (!lockstep_sdp_number (slash + 1, 65535, &ports) || ports != 1)
      goto broken;
  }
  if (!lockstep_sdp_number (words[1], 65535, &port))
    goto broken;
  for (const char *p = words[2]; *p != '\0'; p++) {
    if (!g_ascii_isalnum (*p) && *p != '/' && *p != '-')
      goto broken;
  }
  if (words[2][0] == '\0' || strlen (words[2]) > 64)
    goto broken;
  if (n - 3 > LOCKSTEP_SDP_MAX_PAYLOADS) {
    g_set_error (error, LOCKSTEP_SDP_ERROR, LOCKSTEP_SDP_ERROR_TOO_LARGE,
        "m=%s has more than %d formats", words[0], LOCKSTEP_SDP_MAX_PAYLOADS);
    return FALSE;
  }
  for (guint i = 3; i < n; i++) {
    if (!lockstep_sdp_is_token (words[i], 64))
      goto broken;
  }

  mline->kind = g_strdup (words[0]);
  mline->port = port;
  mline->proto = g_strdup (words[2]);
  mline->formats = g_strdupv (words + 3);
  return TRUE;

broken:
  g_set_error (error, LOCKSTEP_SDP_ERROR, LOCKSTEP_SDP_ERROR_MALFORMED,
      "m= is not \"kind port proto formats\"");
  return FALSE;
}

char *
lockstep_sdp_fmtp_get (const char *fmtp, const char *name)
{
  const gsize size = strlen (name);

  while (fmtp != NULL && *fmtp != '\0') {
    const char *end = strchr (fmtp, ';');

    fmtp += strspn (fmtp, " \t");
    if (g_ascii_strncasecmp (fmtp, name, size) == 0 && fmtp[size] == '=') {
      const char *value = fmtp + size + 1;

      return g_strstrip (end != NULL ? g_strndup (value, end - value)
          : g_strdup (value));
    }
    fmtp = end != NULL ? end + 1 : NULL;
  }
  return NULL;
}
