/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Reads one snapshot of a media playlist for the validator, and tells what is wrong
 * with its syntax. */
#include <gst/lockstep/hlscheck-private.h>

#include <math.h>
#include <string.h>

#define MAX_LINES 1000000
#define MAX_PARTS 10000         /* of one segment */

GHashTable *
lockstep_hls_attributes (const char *text)
{
  GHashTable *table = g_hash_table_new_full (g_str_hash, g_str_equal, g_free,
      g_free);

  while (*text != '\0') {
    const char *equal = strchr (text, '='), *end;
    char *name, *value;

    if (equal == NULL)
      break;
    name = g_strstrip (g_strndup (text, equal - text));
    if (equal[1] == '"' && (end = strchr (equal + 2, '"')) != NULL) {
      value = g_strndup (equal + 2, end - equal - 2);
      text = strchr (end, ',');
    } else {
      end = strchr (equal, ',');
      value = end != NULL ? g_strndup (equal + 1, end - equal - 1)
          : g_strdup (equal + 1);
      text = end;
    }
    g_hash_table_replace (table, name, value);
    if (text == NULL)
      break;
    text++;
  }
  return table;
}

gboolean
lockstep_hls_is_tag (const char *line, const char *tag, const char **value)
{
  gsize n = strlen (tag);

  if (strncmp (line, tag, n) != 0 || (line[n] != ':' && line[n] != '\0'))
    return FALSE;
  if (value != NULL)
    *value = line[n] == ':' ? line + n + 1 : "";
  return TRUE;
}

#define is_tag lockstep_hls_is_tag
#define tell lockstep_hls_tell

static void
need (LockstepHlsSnapshot * snapshot, guint version)
{
  snapshot->needs = MAX (snapshot->needs, version);
}

/* "1.008000" and what may follow, to us; the decimals given. */
static gboolean
parse_seconds (const char *text, gint64 * us, guint * decimals)
{
  char *end;
  double seconds = g_ascii_strtod (text, &end);
  const char *dot = strchr (text, '.');

  if (end == text || (*end != ',' && *end != '\0') || !isfinite (seconds)
      || seconds < 0 || seconds > 1e6)
    return FALSE;
  if (decimals != NULL)
    *decimals = dot != NULL && dot < end ? end - dot - 1 : 0;
  *us = llround (seconds * 1e6);
  return TRUE;
}

/* The seconds of an attribute in us, 0 where it is not there. */
static gint64
seconds_of (GHashTable * attributes, const char *name)
{
  const char *text = g_hash_table_lookup (attributes, name);
  gint64 us = 0;

  return text != NULL && parse_seconds (text, &us, NULL) ? us : 0;
}

static gboolean
says_yes (GHashTable * attributes, const char *name)
{
  return g_strcmp0 (g_hash_table_lookup (attributes, name), "YES") == 0;
}

/* us of Unix time, -1: no date */
static gint64
parse_date (const char *text)
{
  g_autoptr (GTimeZone) utc = g_time_zone_new_utc ();
  g_autoptr (GDateTime) date = g_date_time_new_from_iso8601 (text, utc);

  if (date == NULL || ABS (g_date_time_to_unix (date)) > G_MAXUINT32)
    return -1;
  return g_date_time_to_unix (date) * G_USEC_PER_SEC
      + g_date_time_get_microsecond (date);
}

static void
check_date (LockstepHlsCheck * check, const char *place, const char *value,
    LockstepHlsSegment * segment)
{
  const char *t = strchr (value, 'T');

  segment->pdt = parse_date (value);
  if (segment->pdt < 0) {
    tell (check, 7, ERROR, place, "write the date as ISO 8601",
        "\"%s\" is no date", value);
    return;
  }
  if (t == NULL || strpbrk (t, "Z+-") == NULL)
    tell (check, 7, WARNING, place, "write the time zone",
        "\"%s\" has no zone", value);
  if (t == NULL || strchr (t, '.') == NULL)
    tell (check, 7, WARNING, place, "write milliseconds",
        "\"%s\" has no milliseconds", value);
}

static void
check_date_range (LockstepHlsCheck * check, LockstepHlsSnapshot * out,
    const char *place, const char *value)
{
  g_autoptr (GHashTable) a = lockstep_hls_attributes (value);
  const char *id = g_hash_table_lookup (a, "ID");
  const char *start = g_hash_table_lookup (a, "START-DATE");
  const char *end = g_hash_table_lookup (a, "END-DATE");
  gint64 duration = MAX (seconds_of (a, "DURATION"),
      seconds_of (a, "PLANNED-DURATION"));
  LockstepHlsDateRange *range, *old;

  if (id == NULL) {
    tell (check, 17, ERROR, place, "give ID", "EXT-X-DATERANGE has no ID");
    return;
  }
  range = g_new0 (LockstepHlsDateRange, 1);
  range->id = g_strdup (id);
  range->start = start != NULL ? parse_date (start) : -1;
  range->end = end != NULL ? parse_date (end) : -1;
  old = g_hash_table_lookup (out->dates, id);
  /* A second tag of one ID may add to the first, and needs no START-DATE */
  if (range->start < 0 && old != NULL)
    range->start = old->start;
  if (range->start < 0)
    tell (check, 17, ERROR, place, "give START-DATE as ISO 8601",
        "EXT-X-DATERANGE \"%s\" has no START-DATE", id);
  else if (old != NULL && old->start != range->start)
    tell (check, 17, ERROR, place, "use an ID once",
        "two EXT-X-DATERANGE with the ID \"%s\" begin at different times", id);
  if (range->end >= 0 && range->end < range->start)
    tell (check, 17, ERROR, place, "let END-DATE be after START-DATE",
        "EXT-X-DATERANGE \"%s\" ends before it begins", id);
  if (range->end < 0)
    range->end = range->start + duration;
  if (old != NULL)
    range->end = MAX (range->end, old->end);
  g_hash_table_replace (out->dates, range->id, range);
}

/* "n[@o]": an offset left out is the end of the last range of the same file. */
static gboolean
parse_range (const char *text, gboolean * has_offset, guint64 * length,
    guint64 * offset)
{
  g_auto (GStrv) words = g_strsplit (text, "@", 2);

  *has_offset = words[0] != NULL && words[1] != NULL;
  return words[0] != NULL
      && g_ascii_string_to_unsigned (words[0], 10, 1, G_MAXINT64, length, NULL)
      && (!*has_offset || g_ascii_string_to_unsigned (words[1], 10, 0,
          G_MAXINT64 / 2, offset, NULL));
}

static void
key_free (LockstepHlsKey * key)
{
  if (key != NULL)
    g_free (key->uri);
  g_free (key);
}

static LockstepHlsKey *
key_copy (const LockstepHlsKey * key)
{
  LockstepHlsKey *copy = g_memdup2 (key, key != NULL ? sizeof *key : 0);

  if (copy != NULL)
    copy->uri = g_strdup (key->uri);
  return copy;
}

/* "0x" and up to 32 digits. */
static gboolean
parse_iv (const char *text, guint8 iv[16])
{
  gsize n;

  if (text[0] != '0' || (text[1] != 'x' && text[1] != 'X'))
    return FALSE;
  text += 2;
  n = strlen (text);
  if (n == 0 || n > 32)
    return FALSE;
  memset (iv, 0, 16);
  for (gsize i = 0; i < n; i++) {
    int digit = g_ascii_xdigit_value (text[n - 1 - i]);

    if (digit < 0)
      return FALSE;
    iv[15 - i / 2] |= digit << (i % 2 * 4);
  }
  return TRUE;
}

static LockstepHlsKey *
read_key (LockstepHlsCheck * check, LockstepHlsSnapshot * snapshot,
    const char *place, const char *value)
{
  g_autoptr (GHashTable) a = lockstep_hls_attributes (value);
  const char *method = g_hash_table_lookup (a, "METHOD");
  const char *iv = g_hash_table_lookup (a, "IV");
  LockstepHlsKey *key;

  if (g_strcmp0 (method, "NONE") == 0) {
    if (g_hash_table_size (a) > 1)
      tell (check, 9, ERROR, place, "write METHOD=NONE alone",
          "METHOD=NONE has other attributes");
    return NULL;
  }
  if (method == NULL)
    tell (check, 9, ERROR, place, "give METHOD", "EXT-X-KEY has no METHOD");
  if (!g_hash_table_contains (a, "URI"))
    tell (check, 9, ERROR, place, "give URI", "EXT-X-KEY has no URI");
  key = g_new0 (LockstepHlsKey, 1);
  key->uri = g_strdup (g_hash_table_lookup (a, "URI"));
  key->aes128 = g_strcmp0 (method, "AES-128") == 0 && key->uri != NULL
      && (!g_hash_table_contains (a, "KEYFORMAT")
      || g_str_equal (g_hash_table_lookup (a, "KEYFORMAT"), "identity"));
  if (iv != NULL) {
    need (snapshot, 2);
    key->have_iv = parse_iv (iv, key->iv);
    if (!key->have_iv)
      tell (check, 9, ERROR, place, "write IV as 0x and 32 digits",
          "\"%s\" is no IV", iv);
  }
  if (g_hash_table_contains (a, "KEYFORMAT")
      || g_hash_table_contains (a, "KEYFORMATVERSIONS")
      || (method != NULL && g_str_has_prefix (method, "SAMPLE-AES")))
    need (snapshot, 5);
  return key;
}

static void
part_clear (LockstepHlsPart * part)
{
  g_clear_pointer (&part->uri, g_free);
  part->ranged = FALSE;
}

static LockstepHlsPart
part_copy (const LockstepHlsPart * part)
{
  LockstepHlsPart copy = *part;

  copy.uri = g_strdup (part->uri);
  return copy;
}

void
lockstep_hls_partial_free (LockstepHlsPartial * part)
{
  part_clear (&part->at);
  g_free (part);
}

void
lockstep_hls_segment_free (LockstepHlsSegment * segment)
{
  part_clear (&segment->at);
  part_clear (&segment->map);
  key_free (segment->key);
  g_clear_pointer (&segment->parts, g_ptr_array_unref);
  g_free (segment->media);
  g_free (segment);
}

/* The parts are shared. */
LockstepHlsSegment *
lockstep_hls_segment_copy (const LockstepHlsSegment * segment)
{
  LockstepHlsSegment *copy = g_memdup2 (segment, sizeof *segment);

  copy->at = part_copy (&segment->at);
  copy->map = part_copy (&segment->map);
  copy->key = key_copy (segment->key);
  if (copy->parts != NULL)
    g_ptr_array_ref (copy->parts);
  return copy;
}

static void
date_range_free (LockstepHlsDateRange * range)
{
  g_free (range->id);
  g_free (range);
}

void
lockstep_hls_snapshot_clear (LockstepHlsSnapshot * snapshot)
{
  g_clear_pointer (&snapshot->segments, g_ptr_array_unref);
  g_clear_pointer (&snapshot->parts, g_ptr_array_unref);
  g_clear_pointer (&snapshot->dates, g_hash_table_unref);
  g_clear_pointer (&snapshot->hint, g_free);
}

static gboolean
number (LockstepHlsCheck * check, guint rule, const char *place,
    const char *line, const char *value, guint64 * out)
{
  if (g_ascii_string_to_unsigned (value, 10, 0, G_MAXINT64, out, NULL))
    return TRUE;
  tell (check, rule, ERROR, place, "write a whole decimal number",
      "\"%s\" has no number", line);
  return FALSE;
}

void
lockstep_hls_check_text (LockstepHlsCheck * check, const char *text, gsize size)
{
  if (!g_utf8_validate (text, size, NULL))
    tell (check, 1, ERROR, check->place, "write UTF-8", "not UTF-8");
  if (size >= 3 && memcmp (text, "\xef\xbb\xbf", 3) == 0)
    tell (check, 1, ERROR, check->place, "write no byte order mark",
        "begins with a byte order mark");
  for (gsize i = 0; i < size; i++) {
    if ((guchar) text[i] < 0x20 && text[i] != '\n' && text[i] != '\r') {
      tell (check, 1, ERROR, check->place, "write no control characters",
          "control character 0x%02x", (guchar) text[i]);
      break;
    }
  }
  if (size == 0 || text[size - 1] != '\n')
    tell (check, 1, WARNING, check->place,
        "end the last line with a newline: clients cannot tell a cut list",
        "the last line has no newline");
}

/* Tags that may be there once. */
static const char *const once[] = {
  "#EXTM3U", "#EXT-X-VERSION", "#EXT-X-TARGETDURATION",
  "#EXT-X-MEDIA-SEQUENCE", "#EXT-X-DISCONTINUITY-SEQUENCE", "#EXT-X-ENDLIST",
  "#EXT-X-PLAYLIST-TYPE", "#EXT-X-INDEPENDENT-SEGMENTS",
  "#EXT-X-I-FRAMES-ONLY", "#EXT-X-PART-INF", "#EXT-X-SERVER-CONTROL",
  "#EXT-X-SKIP",
};

/* What is known while the lines go by. */
typedef struct
{
  LockstepHlsCheck *check;
  LockstepHlsSnapshot *out;
  LockstepHlsSegment *next;     /* its tags have been seen, its URI not */
  LockstepHlsKey *key;
  LockstepHlsPart map;
  gboolean map_key_has_iv;
  gboolean extinf, part_inf, parts, range_without_offset;
  gboolean hints[2];            /* PART, MAP */
  guint64 discontinuities;
  const char *place;
  char *last_uri;               /* of the last range, and its end */
  guint64 last_end;
} Parser;

static LockstepHlsSegment *
new_segment (void)
{
  LockstepHlsSegment *segment = g_new0 (LockstepHlsSegment, 1);

  segment->pdt = segment->removed_at = -1;
  return segment;
}

/* Finds the offset of a range that has none, and remembers where it ends. */
static void
follow_range (Parser * p, LockstepHlsPart * part, gboolean has_offset)
{
  if (!has_offset) {
    if (g_strcmp0 (p->last_uri, part->uri) != 0)
      tell (p->check, 8, ERROR, p->place,
          "give the offset of a file's first range",
          "a byte range of %s without offset, and none before it", part->uri);
    else
      part->offset = MIN (p->last_end, G_MAXINT64 / 2);
  }
  g_free (p->last_uri);
  p->last_uri = g_strdup (part->uri);
  p->last_end = part->offset + part->length;
}

static void
take_map (Parser * p, const char *value)
{
  g_autoptr (GHashTable) a = lockstep_hls_attributes (value);
  const char *range = g_hash_table_lookup (a, "BYTERANGE");
  gboolean has_offset;

  need (p->out, 6);
  part_clear (&p->map);
  p->map.uri = g_strdup (g_hash_table_lookup (a, "URI"));
  p->map_key_has_iv = p->key == NULL || p->key->have_iv;
  if (p->map.uri == NULL) {
    tell (p->check, 8, ERROR, p->place, "give URI", "EXT-X-MAP has no URI");
    return;
  }
  if (range != NULL) {
    p->map.ranged = parse_range (range, &has_offset, &p->map.length,
        &p->map.offset) && has_offset;
    if (!p->map.ranged)
      tell (p->check, 8, ERROR, p->place, "write BYTERANGE as \"n@o\"",
          "EXT-X-MAP has the range \"%s\"", range);
  }
}

static void
take_part (Parser * p, const char *value)
{
  g_autoptr (GHashTable) a = lockstep_hls_attributes (value);
  const char *uri = g_hash_table_lookup (a, "URI");
  const char *range = g_hash_table_lookup (a, "BYTERANGE");
  LockstepHlsPartial *part;
  gboolean has_offset = TRUE;

  p->parts = TRUE;
  if (uri == NULL || !g_hash_table_contains (a, "DURATION")) {
    tell (p->check, 24, ERROR, p->place, "give URI and DURATION",
        "EXT-X-PART lacks URI or DURATION");
    return;
  }
  if (p->next->parts == NULL)
    p->next->parts = g_ptr_array_new_with_free_func ((GDestroyNotify)
        lockstep_hls_partial_free);
  if (p->next->parts->len >= MAX_PARTS)
    return;
  part = g_new0 (LockstepHlsPartial, 1);
  part->at.uri = g_strdup (uri);
  part->duration = seconds_of (a, "DURATION");
  part->independent = says_yes (a, "INDEPENDENT");
  part->gap = says_yes (a, "GAP");
  if (range != NULL) {
    part->at.ranged = parse_range (range, &has_offset, &part->at.length,
        &part->at.offset);
    if (part->at.ranged)
      follow_range (p, &part->at, has_offset);
    else
      tell (p->check, 8, ERROR, p->place, "write BYTERANGE as \"n[@o]\"",
          "EXT-X-PART has the range \"%s\"", range);
  }
  g_ptr_array_add (p->next->parts, part);
}

static void
take_hint (Parser * p, const char *value)
{
  g_autoptr (GHashTable) a = lockstep_hls_attributes (value);
  const char *type = g_hash_table_lookup (a, "TYPE");
  const char *uri = g_hash_table_lookup (a, "URI");
  gboolean part = g_strcmp0 (type, "PART") == 0;

  if (uri == NULL || (!part && g_strcmp0 (type, "MAP") != 0)) {
    tell (p->check, 26, ERROR, p->place, "give TYPE and URI",
        "EXT-X-PRELOAD-HINT lacks URI, or a TYPE of PART or MAP");
    return;
  }
  if (p->hints[part])
    tell (p->check, 26, ERROR, p->place, "write one hint of each TYPE",
        "two EXT-X-PRELOAD-HINT with TYPE=%s", type);
  p->hints[part] = TRUE;
  if (part) {
    g_free (p->out->hint);
    p->out->hint = g_strdup (uri);
  }
}

/* Tags of low latency; FALSE: another. */
static gboolean
take_low_latency (Parser * p, const char *line)
{
  LockstepHlsSnapshot *out = p->out;
  const char *value;

  if (is_tag (line, "#EXT-X-PART-INF", &value)) {
    g_autoptr (GHashTable) a = lockstep_hls_attributes (value);

    p->part_inf = TRUE;
    out->part_target = seconds_of (a, "PART-TARGET");
    if (out->part_target == 0)
      tell (p->check, 24, ERROR, p->place, "give PART-TARGET",
          "EXT-X-PART-INF has no PART-TARGET");
  } else if (is_tag (line, "#EXT-X-PART", &value)) {
    take_part (p, value);
  } else if (is_tag (line, "#EXT-X-SERVER-CONTROL", &value)) {
    g_autoptr (GHashTable) a = lockstep_hls_attributes (value);

    out->hold_back = seconds_of (a, "HOLD-BACK");
    out->part_hold_back = seconds_of (a, "PART-HOLD-BACK");
    out->can_skip = seconds_of (a, "CAN-SKIP-UNTIL");
    out->can_block = says_yes (a, "CAN-BLOCK-RELOAD");
    if (says_yes (a, "CAN-SKIP-DATERANGES") && out->can_skip == 0)
      tell (p->check, 25, ERROR, p->place, "give CAN-SKIP-UNTIL",
          "CAN-SKIP-DATERANGES without CAN-SKIP-UNTIL");
  } else if (is_tag (line, "#EXT-X-PRELOAD-HINT", &value)) {
    take_hint (p, value);
  } else if (is_tag (line, "#EXT-X-RENDITION-REPORT", &value)) {
    g_autoptr (GHashTable) a = lockstep_hls_attributes (value);

    out->reports++;
    if (!g_hash_table_contains (a, "URI")
        || !g_hash_table_contains (a, "LAST-MSN"))
      tell (p->check, 28, ERROR, p->place, "give URI and LAST-MSN",
          "EXT-X-RENDITION-REPORT lacks URI or LAST-MSN");
  } else if (is_tag (line, "#EXT-X-SKIP", &value)) {
    g_autoptr (GHashTable) a = lockstep_hls_attributes (value);
    const char *text = g_hash_table_lookup (a, "SKIPPED-SEGMENTS");

    need (out, g_hash_table_contains (a, "RECENTLY-REMOVED-DATERANGES") ? 10 :
        9);
    if (text == NULL || !g_ascii_string_to_unsigned (text, 10, 0,
            LOCKSTEP_CHECK_MAX_SEGMENTS, &out->skipped, NULL))
      tell (p->check, 27, ERROR, p->place, "give SKIPPED-SEGMENTS",
          "EXT-X-SKIP does not say how many segments it stands for");
  } else {
    return FALSE;
  }
  return TRUE;
}

/* Tags of the list as a whole; FALSE: another. */
static gboolean
take_list_tag (Parser * p, const char *line)
{
  LockstepHlsSnapshot *out = p->out;
  const char *value;
  guint64 n;

  if (is_tag (line, "#EXT-X-STREAM-INF", NULL)
      || is_tag (line, "#EXT-X-MEDIA", NULL)) {
    out->multivariant = TRUE;
    if (out->have_target)
      tell (p->check, 1, ERROR, p->place,
          "keep the two kinds of playlist apart",
          "multivariant and media tags in one list");
  } else if (is_tag (line, "#EXT-X-VERSION", &value)) {
    if (number (p->check, 2, p->place, line, value, &n))
      out->version = MIN (n, 1000);
  } else if (is_tag (line, "#EXT-X-TARGETDURATION", &value)) {
    if (!number (p->check, 3, p->place, line, value, &n))
      return TRUE;
    out->target = MIN (n, 100000);
    out->have_target = TRUE;
    if (out->target == 0)
      tell (p->check, 3, ERROR, p->place, "write 1 or more",
          "EXT-X-TARGETDURATION is 0");
  } else if (is_tag (line, "#EXT-X-MEDIA-SEQUENCE", &value)) {
    if (out->segments->len > 0)
      tell (p->check, 5, ERROR, p->place,
          "write it before the first segment",
          "EXT-X-MEDIA-SEQUENCE comes after a segment");
    else
      number (p->check, 5, p->place, line, value, &out->sequence);
  } else if (is_tag (line, "#EXT-X-DISCONTINUITY-SEQUENCE", &value)) {
    if (out->segments->len > 0 || p->discontinuities > 0)
      tell (p->check, 5, ERROR, p->place,
          "write it before the first segment",
          "EXT-X-DISCONTINUITY-SEQUENCE comes after a segment");
    else
      number (p->check, 5, p->place, line, value, &out->discontinuities);
  } else if (is_tag (line, "#EXT-X-PLAYLIST-TYPE", &value)) {
    out->vod = strcmp (value, "VOD") == 0;
    out->event = strcmp (value, "EVENT") == 0;
    if (!out->vod && !out->event)
      tell (p->check, 6, ERROR, p->place, "write VOD or EVENT",
          "EXT-X-PLAYLIST-TYPE is \"%s\"", value);
  } else if (is_tag (line, "#EXT-X-ENDLIST", NULL)) {
    out->ended = TRUE;
  } else if (is_tag (line, "#EXT-X-INDEPENDENT-SEGMENTS", NULL)) {
    out->independent = TRUE;
  } else if (is_tag (line, "#EXT-X-I-FRAMES-ONLY", NULL)) {
    need (out, 4);
  } else if (is_tag (line, "#EXT-X-DATERANGE", &value)) {
    check_date_range (p->check, out, p->place, value);
  } else {
    return take_low_latency (p, line);
  }
  return TRUE;
}

static void
take_segment_tag (Parser * p, const char *line)
{
  LockstepHlsSegment *next = p->next;
  const char *value;

  if (is_tag (line, "#EXTINF", &value)) {
    p->extinf = parse_seconds (value, &next->extinf, &next->decimals);
    if (!p->extinf)
      tell (p->check, 4, ERROR, p->place, "write seconds and a comma",
          "\"%s\" has no duration", line);
    if (next->decimals > 0)
      need (p->out, 3);
  } else if (is_tag (line, "#EXT-X-PROGRAM-DATE-TIME", &value)) {
    check_date (p->check, p->place, value, next);
  } else if (is_tag (line, "#EXT-X-DISCONTINUITY", NULL)) {
    next->discontinuity = TRUE;
    p->discontinuities++;
  } else if (is_tag (line, "#EXT-X-GAP", NULL)) {
    next->gap = TRUE;
  } else if (is_tag (line, "#EXT-X-KEY", &value)) {
    key_free (p->key);
    p->key = read_key (p->check, p->out, p->place, value);
  } else if (is_tag (line, "#EXT-X-BYTERANGE", &value)) {
    gboolean has_offset;

    need (p->out, 4);
    next->at.ranged = parse_range (value, &has_offset, &next->at.length,
        &next->at.offset);
    p->range_without_offset = !has_offset;
    if (!next->at.ranged)
      tell (p->check, 8, ERROR, p->place, "write n[@o]",
          "EXT-X-BYTERANGE is \"%s\"", value);
  } else if (is_tag (line, "#EXT-X-MAP", &value)) {
    take_map (p, value);
  }
}

static void
take_uri (Parser * p, const char *line)
{
  LockstepHlsSnapshot *out = p->out;
  LockstepHlsSegment *next = p->next;

  if (!p->extinf)
    tell (p->check, 4, ERROR, p->place, "write EXTINF before each segment",
        "%s has no EXTINF", line);
  next->at.uri = g_strdup (line);
  if (next->at.ranged)
    follow_range (p, &next->at, !p->range_without_offset);
  next->key = key_copy (p->key);
  next->map = part_copy (&p->map);
  next->map_key_has_iv = p->map_key_has_iv;
  next->sequence = out->sequence + out->skipped + out->segments->len;
  next->discontinuities = out->discontinuities + p->discontinuities;
  if (out->segments->len < LOCKSTEP_CHECK_MAX_SEGMENTS)
    g_ptr_array_add (out->segments, next);
  else
    lockstep_hls_segment_free (next);
  p->next = new_segment ();
  p->extinf = FALSE;
}

gboolean
lockstep_hls_parse (LockstepHlsCheck * check, const char *text, gsize size,
    LockstepHlsSnapshot * out)
{
  g_autofree char *copy = g_strndup (text, size);
  g_auto (GStrv) lines = g_strsplit (copy, "\n", MAX_LINES);
  gboolean seen[G_N_ELEMENTS (once)] = { FALSE };
  Parser p = { check, out };

  memset (out, 0, sizeof *out);
  out->version = out->needs = 1;
  out->segments = g_ptr_array_new_with_free_func ((GDestroyNotify)
      lockstep_hls_segment_free);
  out->dates = g_hash_table_new_full (g_str_hash, g_str_equal, NULL,
      (GDestroyNotify) date_range_free);
  lockstep_hls_check_text (check, text, size);
  if (!g_str_has_prefix (lines[0] ? lines[0] : "", "#EXTM3U")) {
    tell (check, 1, ERROR, check->place, "begin with #EXTM3U",
        "the first line is not #EXTM3U");
    return FALSE;
  }
  p.next = new_segment ();
  for (guint i = 0; lines[i] != NULL; i++) {
    char *line = g_strchomp (lines[i]);
    g_autofree char *place = g_strdup_printf ("%s, line %u", check->place,
        i + 1);

    p.place = place;
    for (guint j = 0; j < G_N_ELEMENTS (once); j++) {
      if (is_tag (line, once[j], NULL)) {
        if (seen[j])
          tell (check, strcmp (once[j], "#EXT-X-SKIP") == 0 ? 27 : 1, ERROR,
              place, "write each such tag once", "%s is there twice", once[j]);
        seen[j] = TRUE;
      }
    }
    if (line[0] == '\0' || take_list_tag (&p, line))
      continue;
    if (line[0] == '#')
      take_segment_tag (&p, line);
    else if (!out->multivariant)
      take_uri (&p, line);
  }
  if (p.parts && !p.part_inf)
    tell (check, 24, ERROR, check->place, "write EXT-X-PART-INF",
        "EXT-X-PART without EXT-X-PART-INF");
  if (out->ended && (p.hints[0] || p.hints[1]))
    tell (check, 26, ERROR, check->place, "hint at nothing after the end",
        "EXT-X-PRELOAD-HINT in a list with EXT-X-ENDLIST");
  if (p.next->parts != NULL)
    out->parts = g_ptr_array_ref (p.next->parts);
  lockstep_hls_segment_free (p.next);
  key_free (p.key);
  part_clear (&p.map);
  g_free (p.last_uri);
  if (out->multivariant)
    return FALSE;
  if (!out->have_target) {
    tell (check, 3, ERROR, check->place, "write EXT-X-TARGETDURATION",
        "EXT-X-TARGETDURATION is missing");
    return FALSE;
  }
  return TRUE;
}
