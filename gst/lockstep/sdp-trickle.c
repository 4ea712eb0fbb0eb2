/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Trickle fragments, and the Link header that names ICE servers. */
#include "sdp-private.h"

#include <string.h>

static void
candidate_free (LockstepCandidate * candidate)
{
  g_free (candidate->candidate);
  g_free (candidate);
}

void
lockstep_trickle_free (LockstepTrickle * trickle)
{
  if (trickle == NULL)
    return;
  g_free (trickle->ice_ufrag);
  g_free (trickle->ice_pwd);
  g_ptr_array_unref (trickle->candidates);
  g_free (trickle);
}

static gboolean
set_once (char **place, const char *value, gsize min, const char *what,
    GError ** error)
{
  if (!lockstep_sdp_is_ice_string (value, min, 256)) {
    g_set_error (error, LOCKSTEP_SDP_ERROR, LOCKSTEP_SDP_ERROR_MALFORMED,
        "a=%s has %u to 256 letters, digits, + and /", what, (guint) min);
    return FALSE;
  }
  if (*place != NULL && !g_str_equal (*place, value)) {
    g_set_error (error, LOCKSTEP_SDP_ERROR, LOCKSTEP_SDP_ERROR_MALFORMED,
        "two values of a=%s: all sections are bundled on one transport", what);
    return FALSE;
  }
  if (*place == NULL)
    *place = g_strdup (value);
  return TRUE;
}

/* Whether candidates of this section of the fragment are wanted. RFC 8840, section 9:
 * a section is known by its mid; one that matches none is passed over. Some
 * clients leave a=mid out, and have but one transport anyway. */
static gboolean
section_is_known (const LockstepSdpText * text, guint section,
    const LockstepOffer * offer, gboolean * known, GError ** error)
{
  GError *twice = NULL;
  const char *mid = lockstep_sdp_text_only (text, section, "mid", &twice);

  if (twice != NULL) {
    g_propagate_error (error, twice);
    return FALSE;
  }
  *known = mid == NULL || section == 0;
  for (guint i = 0; !*known && i < offer->media->len; i++) {
    const LockstepOfferMedia *media = offer->media->pdata[i];

    *known = !media->rejected && g_str_equal (media->mid, mid);
  }
  return TRUE;
}

static gboolean
add_candidate (LockstepTrickle * trickle, GPtrArray * seen,
    const char *value, const LockstepOffer * offer, GError ** error)
{
  const char *ufrag = trickle->ice_ufrag != NULL
      ? trickle->ice_ufrag : offer->ice_ufrag;
  LockstepSdpCandidate *parsed;
  LockstepCandidate *candidate;
  GError *bad = NULL;

  parsed = lockstep_sdp_candidate_parse (value, &bad);
  if (bad != NULL) {
    g_propagate_error (error, bad);
    return FALSE;
  }
  if (parsed == NULL || !lockstep_sdp_candidate_is_useful (parsed, ufrag)
      || lockstep_sdp_candidate_is_listed (seen, parsed)) {
    lockstep_sdp_candidate_free (parsed);
    return TRUE;
  }
  g_ptr_array_add (seen, parsed);
  candidate = g_new0 (LockstepCandidate, 1);
  candidate->candidate = lockstep_sdp_candidate_to_string (parsed);
  g_ptr_array_add (trickle->candidates, candidate);
  return TRUE;
}

static gboolean
read_section (const LockstepSdpText * text, guint section,
    const LockstepOffer * offer, LockstepTrickle * trickle, GPtrArray * seen,
    guint * n_candidates, gboolean * end, GError ** error)
{
  gboolean known;
  guint n;
  const LockstepSdpLine *lines = lockstep_sdp_text_lines (text, section, &n);

  if (!section_is_known (text, section, offer, &known, error))
    return FALSE;
  /* the credentials first: they decide which candidates are of this session */
  for (guint i = 0; i < n; i++) {
    if (g_strcmp0 (lines[i].key, "ice-ufrag") == 0
        && !set_once (&trickle->ice_ufrag, lines[i].value, 4, "ice-ufrag",
            error))
      return FALSE;
    if (g_strcmp0 (lines[i].key, "ice-pwd") == 0
        && !set_once (&trickle->ice_pwd, lines[i].value, 22, "ice-pwd", error))
      return FALSE;
  }
  for (guint i = 0; i < n; i++) {
    if (g_strcmp0 (lines[i].key, "candidate") == 0) {
      if (++*n_candidates > LOCKSTEP_SDP_MAX_CANDIDATES) {
        g_set_error (error, LOCKSTEP_SDP_ERROR, LOCKSTEP_SDP_ERROR_TOO_LARGE,
            "more than %d candidates in one fragment",
            LOCKSTEP_SDP_MAX_CANDIDATES);
        return FALSE;
      }
      if (known && !add_candidate (trickle, seen, lines[i].value, offer, error))
        return FALSE;
    } else if (g_strcmp0 (lines[i].key, "end-of-candidates") == 0) {
      *end |= known;
    }
  }
  return TRUE;
}

LockstepTrickle *
lockstep_trickle_parse (const char *body, gsize length,
    const LockstepOffer * offer, GError ** error)
{
  g_autoptr (LockstepSdpText) text = NULL;
  g_autoptr (LockstepTrickle) trickle = NULL;
  g_autoptr (GPtrArray) seen = NULL;
  guint n_candidates = 0;
  gboolean end = FALSE;

  g_return_val_if_fail (body != NULL || length == 0, NULL);
  g_return_val_if_fail (offer != NULL, NULL);
  g_return_val_if_fail (error == NULL || *error == NULL, NULL);

  text = lockstep_sdp_text_parse (body, length, error);
  if (text == NULL)
    return NULL;
  trickle = g_new0 (LockstepTrickle, 1);
  trickle->candidates =
      g_ptr_array_new_with_free_func ((GDestroyNotify) candidate_free);
  seen = g_ptr_array_new_with_free_func ((GDestroyNotify)
      lockstep_sdp_candidate_free);
  for (guint s = 0; s < lockstep_sdp_text_sections (text); s++) {
    if (!read_section (text, s, offer, trickle, seen, &n_candidates, &end,
            error))
      return NULL;
  }
  if (end)
    g_ptr_array_add (trickle->candidates, g_new0 (LockstepCandidate, 1));
  trickle->restart = (trickle->ice_ufrag != NULL
      && !g_str_equal (trickle->ice_ufrag, offer->ice_ufrag))
      || (trickle->ice_pwd != NULL
      && !g_str_equal (trickle->ice_pwd, offer->ice_pwd));
  return g_steal_pointer (&trickle);
}

static char *
bad_server (GError ** error, const char *why)
{
  /* never the address itself: it may hold a password */
  g_set_error (error, LOCKSTEP_SDP_ERROR, LOCKSTEP_SDP_ERROR_MALFORMED,
      "ICE server: %s", why);
  return NULL;
}

/* A quoted-string of HTTP (RFC 9110, section 5.6.4). */
static gboolean
append_quoted (GString * out, const char *name, const char *value)
{
  g_string_append_printf (out, "; %s=\"", name);
  for (; *value != '\0'; value++) {
    if (*value < 0x20 || *value > 0x7e)
      return FALSE;
    if (*value == '"' || *value == '\\')
      g_string_append_c (out, '\\');
    g_string_append_c (out, *value);
  }
  g_string_append_c (out, '"');
  return TRUE;
}

/* host, host:port or [v6]:port */
static gboolean
is_host_and_port (const char *text)
{
  const char *rest;
  guint64 port;

  if (text[0] == '[') {
    const char *end = strchr (text, ']');
    g_autofree char *literal = NULL;
    g_autoptr (GInetAddress) address = NULL;

    if (end == NULL)
      return FALSE;
    literal = g_strndup (text + 1, end - text - 1);
    address = g_inet_address_new_from_string (literal);
    if (address == NULL
        || g_inet_address_get_family (address) != G_SOCKET_FAMILY_IPV6)
      return FALSE;
    rest = end + 1;
  } else {
    gsize n = 0;

    while (g_ascii_isalnum (text[n]) || text[n] == '.' || text[n] == '-'
        || text[n] == '_')
      n++;
    if (n == 0 || n > 253)
      return FALSE;
    rest = text + n;
  }
  if (rest[0] == '\0')
    return TRUE;
  return rest[0] == ':' && lockstep_sdp_number (rest + 1, 65535, &port)
      && port > 0;
}

char *
lockstep_ice_link_header (const char *server, GError ** error)
{
  static const char *const schemes[] = { "stun", "stuns", "turn", "turns" };
  g_autoptr (GString) out = g_string_new ("<");
  g_autofree char *rest = NULL;
  g_autofree char *user = NULL;
  g_autofree char *password = NULL;
  const char *host;
  char *at, *query;
  guint scheme;
  gboolean turn;

  g_return_val_if_fail (server != NULL, NULL);
  g_return_val_if_fail (error == NULL || *error == NULL, NULL);

  for (scheme = 0; scheme < G_N_ELEMENTS (schemes); scheme++) {
    gsize n = strlen (schemes[scheme]);

    if (g_ascii_strncasecmp (server, schemes[scheme], n) == 0
        && server[n] == ':') {
      const char *after = server + n + 1;

      rest = g_strdup (g_str_has_prefix (after, "//") ? after + 2 : after);
      break;
    }
  }
  if (rest == NULL)
    return bad_server (error, "the address must begin with stun:, stuns:, "
        "turn: or turns:");
  turn = scheme >= 2;

  query = strchr (rest, '?');
  if (query != NULL)
    *query++ = '\0';
  host = rest;
  at = strrchr (rest, '@');
  if (at != NULL) {
    char *colon;

    *at = '\0';
    host = at + 1;
    colon = strchr (rest, ':');
    if (colon == NULL)
      return bad_server (error, "user:password is needed before @");
    *colon = '\0';
    user = g_uri_unescape_string (rest, NULL);
    password = g_uri_unescape_string (colon + 1, NULL);
    if (user == NULL || user[0] == '\0' || password == NULL)
      return bad_server (error, "user or password is not percent-encoded "
          "as it should be");
  }
  if (turn && user == NULL)
    return bad_server (error, "a TURN server needs user:password@");
  if (!turn && (user != NULL || query != NULL))
    return bad_server (error, "a STUN server has no user and no transport");
  if (!is_host_and_port (host))
    return bad_server (error, "no valid host[:port]");
  /* RFC 7065, section 3.1 */
  if (query != NULL && g_ascii_strcasecmp (query, "transport=udp") != 0
      && g_ascii_strcasecmp (query, "transport=tcp") != 0)
    return bad_server (error, "after ? only transport=udp or transport=tcp");

  g_string_append_printf (out, "%s:%s", schemes[scheme], host);
  if (query != NULL)
    g_string_append_printf (out, "?%s", query);
  g_string_append (out, ">; rel=\"ice-server\"");
  if (turn) {
    if (!append_quoted (out, "username", user)
        || !append_quoted (out, "credential", password))
      return bad_server (error, "user and password must be printable ASCII");
    g_string_append (out, "; credential-type=\"password\"");
  }
  return g_string_free (g_steal_pointer (&out), FALSE);
}

#define MAX_ICE_SERVERS 8

/* The value of ;@name= in the parameters of a link (RFC 8288), unquoted. */
static char *
link_parameter (const char *parameters, const char *name)
{
  const char *at = parameters;
  gsize n = strlen (name);

  while ((at = strchr (at, ';')) != NULL) {
    g_autoptr (GString) value = g_string_new (NULL);

    at += 1 + strspn (at + 1, " \t");
    if (g_ascii_strncasecmp (at, name, n) != 0 || at[n] != '=')
      continue;
    at += n + 1;
    if (*at != '"')
      return g_strndup (at, strcspn (at, ";, \t"));
    for (at++; *at != '\0' && *at != '"'; at++) {
      if (*at == '\\' && at[1] != '\0')
        at++;
      g_string_append_c (value, *at);
    }
    return g_string_free (g_steal_pointer (&value), FALSE);
  }
  return NULL;
}

/* One link's server in webrtcbin's form; NULL: it is none. */
static char *
server_of_link (const char *uri, const char *parameters)
{
  g_autofree char *rel = link_parameter (parameters, "rel");
  g_autofree char *user = link_parameter (parameters, "username");
  g_autofree char *password = link_parameter (parameters, "credential");
  g_autofree char *server = NULL;
  g_autofree char *check = NULL;
  const char *colon = strchr (uri, ':');

  if (g_strcmp0 (rel, "ice-server") != 0 || colon == NULL)
    return NULL;
  if (user != NULL && password != NULL) {
    g_autofree char *user_text = g_uri_escape_string (user, NULL, FALSE);
    g_autofree char *password_text =
        g_uri_escape_string (password, NULL, FALSE);

    server = g_strdup_printf ("%.*s://%s:%s@%s", (int) (colon - uri), uri,
        user_text, password_text, colon + 1);
  } else {
    server = g_strdup_printf ("%.*s://%s", (int) (colon - uri), uri, colon + 1);
  }
  /* what the other direction would not write is not believed */
  check = lockstep_ice_link_header (server, NULL);
  return check != NULL ? g_steal_pointer (&server) : NULL;
}

char *
lockstep_ice_servers_from_link (const char *links)
{
  g_autoptr (GString) out = g_string_new (NULL);
  const char *at = links != NULL ? links : "";
  guint n = 0;

  while (n < MAX_ICE_SERVERS && (at = strchr (at, '<')) != NULL) {
    const char *end = strchr (at, '>');
    const char *stop;
    gboolean quoted = FALSE;
    g_autofree char *uri = NULL;
    g_autofree char *parameters = NULL;
    g_autofree char *server = NULL;

    if (end == NULL)
      break;
    for (stop = end + 1; *stop != '\0' && (quoted || *stop != ','); stop++) {
      if (quoted && *stop == '\\' && stop[1] != '\0')
        stop++;
      else if (*stop == '"')
        quoted = !quoted;
    }
    uri = g_strndup (at + 1, end - at - 1);
    parameters = g_strndup (end + 1, stop - end - 1);
    server = server_of_link (uri, parameters);
    if (server != NULL) {
      g_string_append_printf (out, "%s%s", n > 0 ? "," : "", server);
      n++;
    }
    at = stop;
  }
  return g_string_free (g_steal_pointer (&out), FALSE);
}
