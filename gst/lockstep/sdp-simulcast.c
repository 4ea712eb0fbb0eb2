/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* a=simulcast and a=rid: which pictures of one source a section of an offer takes (RFC
 * 8853, RFC 8851), and the lines that answer them. */
#include <gst/lockstep/simulcast.h>
#include <gst/lockstep/sdp-private.h>

#include <string.h>

#define MID "urn:ietf:params:rtp-hdrext:sdes:mid"
#define RID "urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id"
#define REPAIRED_RID "urn:ietf:params:rtp-hdrext:sdes:repaired-rtp-stream-id"

/* RFC 8852, section 3.3: letters and digits alone, as the names are sent in packets. (a=rid
 * by itself would allow "-" and "_".) */
gboolean
lockstep_sdp_is_rid (const char *text)
{
  gsize n = strspn (text, "abcdefghijklmnopqrstuvwxyz"
      "ABCDEFGHIJKLMNOPQRSTUVWXYZ" "0123456789");

  return n > 0 && n <= LOCKSTEP_RID_MAX && text[n] == '\0';
}

static void
rid_free (LockstepRid * rid)
{
  g_free (rid->rid);
  g_free (rid);
}

/* "pt=97,98": of the payloads that are to be used */
static gboolean
names_payload (const char *list, int payload)
{
  g_auto (GStrv) numbers = g_strsplit (list, ",", LOCKSTEP_SDP_MAX_PAYLOADS);
  guint64 number;

  for (guint i = 0; numbers[i] != NULL; i++)
    if (lockstep_sdp_number (numbers[i], 127, &number)
        && number == (guint64) payload)
      return TRUE;
  return FALSE;
}

/* RFC 8851, section 6.3: a line whose restrictions are not understood is as if it was not
 * there. Of those that are there, max-fs, max-bpp and max-pps say in other words
 * what no server that names sizes needs. */
static gboolean
read_restriction (const char *text, int payload, LockstepRid * rid)
{
  const char *equals = strchr (text, '=');
  guint64 number = 0;

  if (equals == NULL)
    return text[0] == '\0';
  if (g_str_has_prefix (text, "pt="))
    return names_payload (equals + 1, payload);
  if (g_str_has_prefix (text, "depend=")
      || !lockstep_sdp_number (equals + 1, G_MAXUINT32, &number) || number == 0)
    return FALSE;
  if (g_str_has_prefix (text, "max-width="))
    rid->max_width = number;
  else if (g_str_has_prefix (text, "max-height="))
    rid->max_height = number;
  else if (g_str_has_prefix (text, "max-fps="))
    rid->max_fps = number;
  else if (g_str_has_prefix (text, "max-br="))
    rid->max_bitrate = number;
  else
    return FALSE;
  return TRUE;
}

/* "r0 recv pt=97;max-width=640" of that name; FALSE: none that can be served. */
static gboolean
read_rid_line (const LockstepSdpText * text, guint section, int payload,
    LockstepRid * rid)
{
  gsize length = strlen (rid->rid);
  guint n, found = 0;
  const LockstepSdpLine *lines = lockstep_sdp_text_lines (text, section, &n);
  gboolean ok = TRUE;

  for (guint i = 0; i < n; i++) {
    const char *value = lines[i].value;
    g_auto (GStrv) restrictions = NULL;

    if (g_strcmp0 (lines[i].key, "rid") != 0
        || strncmp (value, rid->rid, length) != 0
        || !g_str_has_prefix (value + length, " recv"))
      continue;
    value += length + strlen (" recv");
    if (*value != '\0' && *value != ' ')
      continue;
    found++;
    restrictions = g_strsplit (value + (*value == ' '), ";", 32);
    for (guint r = 0; restrictions[r] != NULL; r++)
      ok &= read_restriction (g_strstrip (restrictions[r]), payload, rid);
  }
  return ok && found == 1;
}

/* What stands behind "recv" in "send 1 recv 2;~3,4" (RFC 8853, section 5.1). */
static const char *
find_received (GStrv words)
{
  for (guint i = 0; words[i] != NULL && words[i + 1] != NULL; i += 2)
    if (g_str_equal (words[i], "recv"))
      return words[i + 1];
  return NULL;
}

static gboolean
is_listed (const GPtrArray * rids, const char *name)
{
  for (guint i = 0; i < rids->len; i++)
    if (g_str_equal (((LockstepRid *) rids->pdata[i])->rid, name))
      return TRUE;
  return FALSE;
}

/* Of alternatives, which are one picture in several formats, the first that can be
 * served. */
static void
read_stream (const LockstepSdpText * text, guint section, const char *stream,
    LockstepOfferMedia * media)
{
  g_auto (GStrv) names = g_strsplit (stream, ",", LOCKSTEP_SIMULCAST_MAX);

  for (guint i = 0; names[i] != NULL; i++) {
    gboolean paused = names[i][0] == '~';
    LockstepRid *rid;

    if (!lockstep_sdp_is_rid (names[i] + paused)
        || is_listed (media->rids, names[i] + paused))
      continue;
    rid = g_new0 (LockstepRid, 1);
    rid->rid = g_strdup (names[i] + paused);
    rid->paused = paused;
    if (read_rid_line (text, section, media->payload, rid)) {
      g_ptr_array_add (media->rids, rid);
      return;
    }
    rid_free (rid);
  }
}

void
lockstep_sdp_read_simulcast (const LockstepSdpText * text, guint section,
    LockstepOfferMedia * media)
{
  const char *value = lockstep_sdp_text_only (text, section, "simulcast", NULL);
  g_auto (GStrv) words = NULL;
  g_auto (GStrv) streams = NULL;
  const char *received;

  if (value == NULL)
    return;
  words = g_strsplit (value, " ", 5);
  received = find_received (words);
  if (received == NULL)
    return;
  media->rids = g_ptr_array_new_with_free_func ((GDestroyNotify) rid_free);
  streams = g_strsplit (received, ";", LOCKSTEP_SIMULCAST_MAX + 1);
  for (guint i = 0; streams[i] != NULL && i < LOCKSTEP_SIMULCAST_MAX; i++)
    read_stream (text, section, streams[i], media);
}

static guint
extension_id (const LockstepOfferMedia * media, const char *uri)
{
  for (guint i = 0; i < media->extmaps->len; i++) {
    const LockstepExtmap *map =
        &g_array_index (media->extmaps, LockstepExtmap, i);

    if (g_str_equal (map->uri, uri))
      return map->id;
  }
  return 0;
}

guint
lockstep_offer_media_extension (const LockstepOfferMedia * media,
    LockstepExtension which)
{
  static const char *const uris[] = { MID, RID, REPAIRED_RID };

  g_return_val_if_fail (which < G_N_ELEMENTS (uris), 0);
  return extension_id (media, uris[which]);
}

gboolean
lockstep_sdp_is_simulcast_extension (const char *uri)
{
  return g_str_equal (uri, RID) || g_str_equal (uri, REPAIRED_RID);
}

/* RFC 8853, section 5.2: in a bundle a packet is known by its mid and its rid alone. */
void
lockstep_sdp_finish_simulcast (LockstepOfferMedia * media)
{
  if (media->rids != NULL && media->rids->len > 0
      && extension_id (media, MID) != 0 && extension_id (media, RID) != 0
      && media->mid != NULL && strlen (media->mid) <= LOCKSTEP_RID_MAX)
    return;
  g_clear_pointer (&media->rids, g_ptr_array_unref);
  for (guint i = media->extmaps->len; i > 0; i--)
    if (lockstep_sdp_is_simulcast_extension (g_array_index (media->extmaps,
                LockstepExtmap, i - 1).uri))
      g_array_remove_index (media->extmaps, i - 1);
}

void
lockstep_sdp_write_simulcast (const LockstepOfferMedia * media, GString * out)
{
  g_autoptr (GString) list = g_string_new (NULL);

  if (media->answer_rids == NULL)
    return;
  for (guint i = 0; i < media->answer_rids->len; i++) {
    const char *name = g_ptr_array_index (media->answer_rids, i);

    g_string_append_printf (out, "a=rid:%s send\r\n", name + (*name == '~'));
    g_string_append_printf (list, "%s%s", i > 0 ? ";" : "", name);
  }
  g_string_append_printf (out, "a=simulcast:send %s\r\n", list->str);
}

static gboolean
same_rid (const LockstepRid * a, const LockstepRid * b)
{
  return g_str_equal (a->rid, b->rid) && a->paused == b->paused
      && a->max_width == b->max_width && a->max_height == b->max_height
      && a->max_fps == b->max_fps && a->max_bitrate == b->max_bitrate;
}

gboolean
lockstep_sdp_same_simulcast (const LockstepOfferMedia * a,
    const LockstepOfferMedia * b)
{
  if (a->rids == NULL || b->rids == NULL)
    return a->rids == b->rids;
  if (a->rids->len != b->rids->len)
    return FALSE;
  for (guint i = 0; i < a->rids->len; i++)
    if (!same_rid (a->rids->pdata[i], b->rids->pdata[i]))
      return FALSE;
  return TRUE;
}
