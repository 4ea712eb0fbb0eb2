/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The side that offers: what webrtcbin wrote becomes what is sent to a server or a peer,
 * and what that answers becomes what webrtcbin 1.22.0 can take. */
#include "sdp-private.h"

#include <string.h>

/* The mids of the BUNDLE group; NULL: there is no group. */
static const char *
group_of (const LockstepSdpText * text)
{
  guint n;
  const LockstepSdpLine *lines = lockstep_sdp_text_lines (text, 0, &n);

  for (guint i = 0; i < n; i++) {
    if (g_strcmp0 (lines[i].key, "group") == 0
        && g_str_has_prefix (lines[i].value, "BUNDLE "))
      return lines[i].value + strlen ("BUNDLE ");
  }
  return NULL;
}

/* The section whose transport all share: the one that BUNDLE names first, or else the
 * first. 0: there is none. */
static guint
shared_section (const LockstepSdpText * text)
{
  const guint sections = lockstep_sdp_text_sections (text);
  const char *group = group_of (text);

  for (guint s = 1; group != NULL && s < sections; s++) {
    const char *mid = lockstep_sdp_text_only (text, s, "mid", NULL);
    gsize n = strcspn (group, " ");

    if (mid != NULL && strlen (mid) == n && strncmp (mid, group, n) == 0)
      return s;
  }
  return sections > 1 ? 1 : 0;
}

/* The value of a line that a section has, or else the session. */
static const char *
of_section (const LockstepSdpText * text, guint section, const char *key)
{
  const char *value = lockstep_sdp_text_only (text, section, key, NULL);

  return value != NULL ? value : lockstep_sdp_text_only (text, 0, key, NULL);
}

static guint
write_candidates (GString * out, const char *const *candidates)
{
  g_autoptr (GPtrArray) written =
      g_ptr_array_new_with_free_func ((GDestroyNotify)
      lockstep_sdp_candidate_free);

  for (guint i = 0; candidates[i] != NULL; i++) {
    g_autoptr (LockstepSdpCandidate) candidate = NULL;
    g_autofree char *text = NULL;

    if (!g_str_has_prefix (candidates[i], "candidate:"))
      continue;
    candidate = lockstep_sdp_candidate_parse (candidates[i]
        + strlen ("candidate:"), NULL);
    if (candidate == NULL || !lockstep_sdp_candidate_is_useful (candidate, NULL)
        || lockstep_sdp_candidate_is_listed (written, candidate))
      continue;
    text = lockstep_sdp_candidate_to_string (candidate);
    g_string_append_printf (out, "a=%s\r\n", text);
    g_ptr_array_add (written, g_steal_pointer (&candidate));
  }
  return written->len;
}

char *
lockstep_trickle_write (const char *offer, const char *const *candidates,
    gboolean end, GError ** error)
{
  g_autoptr (LockstepSdpText) text = NULL;
  g_autoptr (GString) out = g_string_new (NULL);
  const char *group, *mid, *ufrag, *pwd;
  guint section, n;

  g_return_val_if_fail (offer != NULL && candidates != NULL, NULL);
  g_return_val_if_fail (error == NULL || *error == NULL, NULL);

  text = lockstep_sdp_text_parse (offer, strlen (offer), error);
  if (text == NULL)
    return NULL;
  section = shared_section (text);
  mid = section > 0 ? lockstep_sdp_text_only (text, section, "mid", NULL)
      : NULL;
  ufrag = of_section (text, section, "ice-ufrag");
  pwd = of_section (text, section, "ice-pwd");
  if (mid == NULL || ufrag == NULL || pwd == NULL) {
    g_set_error (error, LOCKSTEP_SDP_ERROR, LOCKSTEP_SDP_ERROR_UNSUPPORTED,
        "the offer has no section with a=mid, a=ice-ufrag and a=ice-pwd");
    return NULL;
  }
  group = group_of (text);
  if (group != NULL)
    g_string_append_printf (out, "a=group:BUNDLE %s\r\n", group);
  g_string_append_printf (out, "m=%s\r\na=mid:%s\r\na=ice-ufrag:%s\r\n"
      "a=ice-pwd:%s\r\n", lockstep_sdp_text_lines (text, section, &n)->value,
      mid, ufrag, pwd);
  if (write_candidates (out, candidates) == 0 && !end)
    return NULL;
  if (end)
    g_string_append (out, "a=end-of-candidates\r\n");
  return g_string_free (g_steal_pointer (&out), FALSE);
}

char *
lockstep_offer_finish (const char *offer, gboolean complete, GError ** error)
{
  g_autoptr (LockstepSdpText) text = NULL;
  g_autoptr (GString) out = g_string_new (NULL);
  guint shared, videos = 0;

  g_return_val_if_fail (offer != NULL, NULL);
  g_return_val_if_fail (error == NULL || *error == NULL, NULL);

  text = lockstep_sdp_text_parse (offer, strlen (offer), error);
  if (text == NULL)
    return NULL;
  shared = shared_section (text);
  for (guint s = 0; s < lockstep_sdp_text_sections (text); s++) {
    guint n;
    const LockstepSdpLine *lines = lockstep_sdp_text_lines (text, s, &n);
    const gsize kind = s > 0 ? strcspn (lines[0].value, " ") : 0;

    for (guint i = 0; i < n; i++) {
      if (g_strcmp0 (lines[i].key, "msid") != 0
          && !(g_strcmp0 (lines[i].key, "ssrc") == 0
              && strstr (lines[i].value, " msid:") != NULL))
        lockstep_sdp_line_write (&lines[i], out);
    }
    if (strncmp (lines[0].value, "audio ", kind + 1) == 0)
      g_string_append (out, "a=msid:lockstep audio\r\n");
    else if (strncmp (lines[0].value, "video ", kind + 1) == 0)
      g_string_append (out, videos++ == 0 ? "a=msid:lockstep video\r\n"
          : "a=msid:lockstep-preview preview\r\n");
    if (complete && s > 0 && s == shared)
      g_string_append (out, "a=end-of-candidates\r\n");
  }
  return g_string_free (g_steal_pointer (&out), FALSE);
}

/* What webrtcbin 1.22.0 wants in each section: libdatachannel, Pion and others give some
 * of it once, for all. */
static gboolean
write_inherited (const LockstepSdpText * text, guint section, GString * out,
    GError ** error)
{
  static const char *const keys[] =
      { "setup", "fingerprint", "ice-ufrag", "ice-pwd" };

  for (guint i = 0; i < G_N_ELEMENTS (keys); i++) {
    const char *value;

    if (lockstep_sdp_text_has (text, section, keys[i]))
      continue;
    value = lockstep_sdp_text_only (text, 0, keys[i], NULL);
    if (value == NULL) {
      g_set_error (error, LOCKSTEP_SDP_ERROR, LOCKSTEP_SDP_ERROR_UNSUPPORTED,
          "a section of the answer has no a=%s", keys[i]);
      return FALSE;
    }
    g_string_append_printf (out, "a=%s:%s\r\n", keys[i], value);
  }
  return TRUE;
}

/* RFC 9725, section 4.4.3: no answer is partial. A data channel may be refused. */
static gboolean
check_answered (const LockstepSdpText * text, const LockstepSdpText * offer,
    guint section, gboolean * live, GError ** error)
{
  g_auto (LockstepSdpMline) mline = { 0 };
  guint n;
  const char *value = lockstep_sdp_text_lines (text, section, &n)->value;
  const char *offered = lockstep_sdp_text_lines (offer, section, &n)->value;
  const gsize kind = strcspn (offered, " ");

  if (!lockstep_sdp_mline_parse (value, &mline, error))
    return FALSE;
  if (strlen (mline.kind) != kind || strncmp (mline.kind, offered, kind) != 0) {
    g_set_error (error, LOCKSTEP_SDP_ERROR, LOCKSTEP_SDP_ERROR_MALFORMED,
        "m=%.*s is answered by m=%.32s", (int) kind, offered, mline.kind);
    return FALSE;
  }
  if (mline.port == 0 && (g_str_equal (mline.kind, "audio")
          || g_str_equal (mline.kind, "video"))) {
    g_set_error (error, LOCKSTEP_SDP_ERROR, LOCKSTEP_SDP_ERROR_UNSUPPORTED,
        "the %s is not taken: none of the codecs that were offered for it",
        mline.kind);
    return FALSE;
  }
  *live = mline.port != 0;
  return TRUE;
}

char *
lockstep_answer_read (const char *answer, gsize length, const char *offer,
    GError ** error)
{
  g_autoptr (LockstepSdpText) text = NULL;
  g_autoptr (LockstepSdpText) offered = NULL;
  g_autoptr (GString) out = g_string_new (NULL);

  g_return_val_if_fail (offer != NULL, NULL);
  g_return_val_if_fail (error == NULL || *error == NULL, NULL);

  offered = lockstep_sdp_text_parse (offer, strlen (offer), error);
  text = offered != NULL ? lockstep_sdp_text_parse (answer, length, error)
      : NULL;
  if (text == NULL)
    return NULL;
  if (lockstep_sdp_text_sections (text) != lockstep_sdp_text_sections (offered)) {
    g_set_error (error, LOCKSTEP_SDP_ERROR, LOCKSTEP_SDP_ERROR_MALFORMED,
        "%u m= sections were offered, and %u answered",
        lockstep_sdp_text_sections (offered) - 1,
        lockstep_sdp_text_sections (text) - 1);
    return NULL;
  }
  for (guint s = 0; s < lockstep_sdp_text_sections (text); s++) {
    guint n;
    const LockstepSdpLine *lines = lockstep_sdp_text_lines (text, s, &n);
    gboolean live = FALSE;

    if (s > 0 && !check_answered (text, offered, s, &live, error))
      return NULL;
    for (guint i = 0; i < n; i++)
      lockstep_sdp_line_write (&lines[i], out);
    if (live && !write_inherited (text, s, out, error))
      return NULL;
  }
  return g_string_free (g_steal_pointer (&out), FALSE);
}
