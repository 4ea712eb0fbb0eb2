/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* ICE candidates: reads and writes them, and says which ones are of use. */
#include "sdp-private.h"

#include <string.h>

static const char *const type_names[] = {
  [LOCKSTEP_CANDIDATE_HOST] = "host",
  [LOCKSTEP_CANDIDATE_SRFLX] = "srflx",
  [LOCKSTEP_CANDIDATE_PRFLX] = "prflx",
  [LOCKSTEP_CANDIDATE_RELAY] = "relay",
};

void
lockstep_sdp_candidate_free (LockstepSdpCandidate * candidate)
{
  if (candidate == NULL)
    return;
  g_free (candidate->foundation);
  g_free (candidate->tcptype);
  g_clear_object (&candidate->address);
  g_free (candidate->related_address);
  g_free (candidate->ufrag);
  g_free (candidate);
}

LockstepSdpCandidate *
lockstep_sdp_candidate_copy (const LockstepSdpCandidate * c)
{
  LockstepSdpCandidate *copy = g_memdup2 (c, sizeof (*c));

  copy->foundation = g_strdup (c->foundation);
  copy->tcptype = g_strdup (c->tcptype);
  copy->address = g_object_ref (c->address);
  copy->related_address = g_strdup (c->related_address);
  copy->ufrag = g_strdup (c->ufrag);
  return copy;
}

static gboolean
broken (GError ** error, const char *what)
{
  g_set_error (error, LOCKSTEP_SDP_ERROR, LOCKSTEP_SDP_ERROR_MALFORMED,
      "a=candidate has no valid %s", what);
  return FALSE;
}

/* The pairs after the type: raddr, rport and extensions. */
static gboolean
parse_extensions (char **words, LockstepSdpCandidate * c, GError ** error)
{
  guint64 number;

  for (guint i = 0; words[i] != NULL; i += 2) {
    if (words[i + 1] == NULL)
      return broken (error, "value for its last extension");
    if (g_str_equal (words[i], "raddr")) {
      g_autoptr (GInetAddress) address =
          g_inet_address_new_from_string (words[i + 1]);

      /* a name here is legal and says nothing that is needed */
      g_free (c->related_address);
      c->related_address = address != NULL
          ? g_inet_address_to_string (address) : NULL;
    } else if (g_str_equal (words[i], "rport")) {
      if (!lockstep_sdp_number (words[i + 1], 65535, &number))
        return broken (error, "rport");
      c->related_port = number;
    } else if (g_str_equal (words[i], "tcptype")) {
      g_free (c->tcptype);
      c->tcptype = g_strdup (words[i + 1]);
    } else if (g_str_equal (words[i], "ufrag")) {
      g_free (c->ufrag);
      c->ufrag = g_strdup (words[i + 1]);
    }
  }
  return TRUE;
}

LockstepSdpCandidate *
lockstep_sdp_candidate_parse (const char *value, GError ** error)
{
  g_autoptr (LockstepSdpCandidate) c = g_new0 (LockstepSdpCandidate, 1);
  g_auto (GStrv) words = NULL;
  g_autofree char *stripped = g_strstrip (g_strdup (value));
  guint64 number;
  guint type;

  words = g_strsplit (stripped, " ", 64);
  if (g_strv_length (words) < 8 || !g_str_equal (words[6], "typ")) {
    broken (error, "list of foundation, component, transport, priority, "
        "address, port and type");
    return NULL;
  }
  if (!lockstep_sdp_is_ice_string (words[0], 1, 32)) {
    broken (error, "foundation");
    return NULL;
  }
  c->foundation = g_strdup (words[0]);
  if (!lockstep_sdp_number (words[1], 256, &number) || number == 0) {
    broken (error, "component");
    return NULL;
  }
  c->component = number;
  if (!lockstep_sdp_number (words[3], G_MAXUINT32, &number)) {
    broken (error, "priority");
    return NULL;
  }
  c->priority = number;
  if (!lockstep_sdp_number (words[5], 65535, &number)) {
    broken (error, "port");
    return NULL;
  }
  c->port = number;
  if (!parse_extensions (words + 8, c, error))
    return NULL;

  if (g_ascii_strcasecmp (words[2], "tcp") == 0)
    c->tcp = TRUE;
  else if (g_ascii_strcasecmp (words[2], "udp") != 0)
    return NULL;
  if (!c->tcp)
    g_clear_pointer (&c->tcptype, g_free);
  for (type = 0; type < G_N_ELEMENTS (type_names); type++) {
    if (g_str_equal (words[7], type_names[type]))
      break;
  }
  if (type == G_N_ELEMENTS (type_names))
    return NULL;
  c->type = type;
  c->address = g_inet_address_new_from_string (words[4]);
  if (c->address == NULL)
    return NULL;
  return g_steal_pointer (&c);
}

char *
lockstep_sdp_candidate_to_string (const LockstepSdpCandidate * c)
{
  g_autofree char *address = g_inet_address_to_string (c->address);
  GString *out = g_string_new (NULL);

  g_string_append_printf (out, "candidate:%s %u %s %u %s %u typ %s",
      c->foundation, c->component, c->tcp ? "tcp" : "udp", c->priority,
      address, c->port, type_names[c->type]);
  if (c->related_address != NULL)
    g_string_append_printf (out, " raddr %s rport %u", c->related_address,
        c->related_port);
  if (c->tcp && c->tcptype != NULL)
    g_string_append_printf (out, " tcptype %s", c->tcptype);
  return g_string_free (out, FALSE);
}

/* Of a publisher's candidates, UDP ones with a routable literal are kept.
 *
 * Names: webrtcbin 1.22.0 resolves "….local" with the system's resolver, which
 * knows mDNS names on few machines, leaks the result, and prints freed memory
 * when the answer cannot be used; any other name is refused by it. Nothing
 * is lost: the publisher's checks arrive from its real address, which ICE
 * learns as peer-reflexive. (parse gives no candidate for a name.)
 * TCP: a browser's are active with port 9: it connects, we need not know. A
 * passive one would let an offer make this machine open connections.
 * IPv6 link-local: means nothing without the interface, which only the other
 * side knows.
 * RTCP (component 2): all is multiplexed. */
gboolean
lockstep_sdp_candidate_is_useful (const LockstepSdpCandidate * c,
    const char *ufrag)
{
  if (c->tcp || c->component != 1 || c->port == 0)
    return FALSE;
  if (c->ufrag != NULL && ufrag != NULL && !g_str_equal (c->ufrag, ufrag))
    return FALSE;               /* of an earlier ICE generation */
  if (g_inet_address_get_is_any (c->address)
      || g_inet_address_get_is_multicast (c->address))
    return FALSE;
  return !(g_inet_address_get_family (c->address) == G_SOCKET_FAMILY_IPV6
      && g_inet_address_get_is_link_local (c->address));
}

gboolean
lockstep_sdp_candidate_is_listed (const GPtrArray * list,
    const LockstepSdpCandidate * c)
{
  for (guint i = 0; i < list->len; i++) {
    const LockstepSdpCandidate *other = g_ptr_array_index (list, i);

    if (other->port == c->port && other->component == c->component
        && other->tcp == c->tcp
        && g_strcmp0 (other->tcptype, c->tcptype) == 0
        && g_inet_address_equal (other->address, c->address))
      return TRUE;
  }
  return FALSE;
}

char *
lockstep_candidate_check (const char *text)
{
  LockstepSdpCandidate *candidate = lockstep_sdp_candidate_parse (text, NULL);
  char *checked = NULL;

  if (candidate != NULL && lockstep_sdp_candidate_is_useful (candidate, NULL))
    checked = lockstep_sdp_candidate_to_string (candidate);
  if (candidate != NULL)
    lockstep_sdp_candidate_free (candidate);
  return checked;
}
