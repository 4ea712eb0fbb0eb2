/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The validator of one media playlist: its findings, and what the rules ask across
 * snapshots. */
#include <gst/lockstep/hlscheck-private.h>

#include <string.h>

#define MAX_FINDINGS 200
#define MAX_DATES 10000

#define tell lockstep_hls_tell

static const struct
{
  guint rule;
  const char *text;
} rules[] = {
  {1, "UTF-8 without control characters, EXTM3U first, no tag twice, a newline"
        " at the end"},
  {2, "EXT-X-VERSION is what the tags need (section 8)"},
  {3, "EXT-X-TARGETDURATION is a whole number, and no rounded EXTINF is above"
        " it (4.4.3.1)"},
  {4, "EXTINF is above 0 with 6 decimals, and sums to the media (4.4.4.1)"},
  {5, "the sequence tags come before the segments (4.4.3.2, 4.4.3.3)"},
  {6, "EXT-X-PLAYLIST-TYPE fits: none in a live list, an end in VOD (4.4.3.5)"},
  {7, "EXT-X-PROGRAM-DATE-TIME has a zone and ms, and is continuous (4.4.4.6)"},
  {8, "byte ranges and EXT-X-MAP are complete (4.4.4.2, 4.4.4.5)"},
  {9, "EXT-X-KEY has the attributes its METHOD needs, and AES-128 segments"
        " decrypt with it (4.4.4.4)"},
  {10, "each segment can be decoded by itself: parameter sets and an IDR first"
        " (4.4.2.1)"},
  {11, "what is listed is complete, and never changes (6.2.1)"},
  {12, "EXT-X-TARGETDURATION, PART-TARGET and hold-backs never change (6.2.1)"},
  {13, "URI, EXTINF and date of a sequence number never change; only the head"
        " is removed, and counted (6.2.1, 6.2.2)"},
  {14, "a list that slides holds three target durations or more (6.2.2)"},
  {15, "a live list changes within 1.5 target durations (6.2.1)"},
  {16, "a removed segment can be fetched for its duration and that of the"
        " longest list (6.2.2)"},
  {17, "EXT-X-DATERANGE stays while it maps to listed media, and its ID is used"
        " once (4.4.5.1, 6.2.1)"},
  {18, "PAT and PMT first, one program, counters and times run on (3.1.1)"},
  {19, "fragmented MP4: iso6, mvex, and tfdt follows the samples (3.1.2)"},
  {20, "packed audio: the ID3 timestamp first, and it follows the frames"
        " (3.1.3)"},
  {21, "no gap, overlap or change of tracks without EXT-X-DISCONTINUITY"
        " (4.4.4.3)"},
  {22, "boundary k lies within half an audio frame of k target durations"
        " (house rule)"},
  {23, "audio and video of a segment start together, to a picture (house rule)"},
  {24, "parts are 85 to 100 % of PART-TARGET and hold what their segment holds"
        " (4.4.4.9, 3.2)"},
  {25, "PART-HOLD-BACK is three PART-TARGETs, HOLD-BACK three and"
        " CAN-SKIP-UNTIL six target durations (4.4.3.8)"},
  {26, "one hint of each TYPE, at the part that comes, none after the end"
        " (4.4.5.3)"},
  {27, "_HLS_msn blocks and bad requests are refused; a delta is the full list"
        " with EXT-X-SKIP once (6.2.5)"},
  {28, "each list with parts reports on every other (4.4.5.4, B.1)"},
  {29, "lists of one multivariant playlist have the same target duration,"
        " discontinuity numbers and times, and keep to BANDWIDTH (6.2.4)"},
};

const char *
lockstep_hls_rule_text (guint rule)
{
  for (guint i = 0; i < G_N_ELEMENTS (rules); i++)
    if (rules[i].rule == rule)
      return rules[i].text;
  return NULL;
}

static void
finding_free (LockstepHlsFinding * finding)
{
  g_free (finding->place);
  g_free (finding->text);
  g_free (finding->cure);
  g_free (finding);
}

void
lockstep_hls_tell (LockstepHlsCheck * check, guint rule,
    LockstepHlsSeverity severity, const char *place, const char *cure,
    const char *format, ...)
{
  LockstepHlsFinding *finding;
  va_list args;

  /* One cure is one failing */
  for (guint i = 0; i < check->findings->len; i++) {
    finding = g_ptr_array_index (check->findings, i);
    if (finding->rule == rule && finding->severity == severity
        && strcmp (finding->cure, cure) == 0) {
      finding->count++;
      return;
    }
  }
  if (check->findings->len >= MAX_FINDINGS)
    return;
  finding = g_new0 (LockstepHlsFinding, 1);
  finding->rule = rule;
  finding->severity = severity;
  finding->place = check->name != NULL ? g_strdup_printf ("%s: %s",
      check->name, place) : g_strdup (place);
  finding->cure = g_strdup (cure);
  va_start (args, format);
  finding->text = g_strdup_vprintf (format, args);
  va_end (args);
  finding->count = 1;
  g_ptr_array_add (check->findings, finding);
}

static void
date_range_free (LockstepHlsDateRange * range)
{
  g_free (range->id);
  g_free (range);
}

LockstepHlsCheck *
lockstep_hls_check_new (double target, LockstepHlsFetch fetch, gpointer user)
{
  LockstepHlsCheck *check = g_new0 (LockstepHlsCheck, 1);

  check->target = target;
  check->fetch = fetch;
  check->user = user;
  check->findings =
      g_ptr_array_new_with_free_func ((GDestroyNotify) finding_free);
  check->segments = g_ptr_array_new_with_free_func ((GDestroyNotify)
      lockstep_hls_segment_free);
  check->dates = g_hash_table_new_full (g_str_hash, g_str_equal, NULL,
      (GDestroyNotify) date_range_free);
  g_queue_init (&check->removed);
  return check;
}

void
lockstep_hls_check_free (LockstepHlsCheck * check)
{
  g_ptr_array_unref (check->findings);
  g_queue_clear (&check->removed);
  g_ptr_array_unref (check->segments);
  g_hash_table_unref (check->dates);
  g_clear_pointer (&check->file, g_bytes_unref);
  g_clear_pointer (&check->key, g_bytes_unref);
  g_free (check->file_uri);
  g_free (check->map_uri);
  g_free (check->key_uri);
  g_free (check->peeked_uri);
  g_free (check->next_uri);
  g_free (check->hint);
  g_free (check->name);
  g_free (check->place);
  g_free (check);
}

gboolean
lockstep_hls_check_ended (const LockstepHlsCheck * check)
{
  return check->ended;
}

guint
lockstep_hls_check_n_segments (const LockstepHlsCheck * check)
{
  return check->segments->len;
}

guint
lockstep_hls_check_target_duration (const LockstepHlsCheck * check)
{
  return check->target_duration;
}

LockstepHlsSegment *
lockstep_hls_known (LockstepHlsCheck * check, guint64 sequence)
{
  LockstepHlsSegment *first;

  if (check->segments->len == 0)
    return NULL;
  first = g_ptr_array_index (check->segments, 0);
  if (sequence < first->sequence
      || sequence - first->sequence >= check->segments->len)
    return NULL;
  return g_ptr_array_index (check->segments, sequence - first->sequence);
}

static void
check_same (LockstepHlsCheck * check, const LockstepHlsSegment * old,
    const LockstepHlsSegment * now)
{
  if (strcmp (old->at.uri, now->at.uri) != 0
      || old->at.offset != now->at.offset)
    tell (check, 13, ERROR, now->at.uri, "never rename a listed segment",
        "number %" G_GUINT64_FORMAT " was %s", now->sequence, old->at.uri);
  if (old->extinf != now->extinf)
    tell (check, 13, ERROR, now->at.uri, "never change EXTINF",
        "EXTINF is %.6f and was %.6f", now->extinf / 1e6, old->extinf / 1e6);
  if (old->pdt >= 0 && now->pdt >= 0 && old->pdt != now->pdt)
    tell (check, 13, ERROR, now->at.uri, "never change a date",
        "the date moved by %+.3f s", (now->pdt - old->pdt) / 1e6);
  if (old->discontinuities != now->discontinuities)
    tell (check, 13, ERROR, now->at.uri,
        "count removed discontinuities in EXT-X-DISCONTINUITY-SEQUENCE",
        "its discontinuity number is %" G_GUINT64_FORMAT " and was %"
        G_GUINT64_FORMAT, now->discontinuities, old->discontinuities);
}

/* Whether what left the list can still be had. */
static void
check_removed (LockstepHlsCheck * check, gint64 now)
{
  for (GList * l = check->removed.head; l != NULL;) {
    GList *next = l->next;
    LockstepHlsSegment *segment = l->data;

    if (now - segment->removed_at > segment->extinf + check->longest) {
      g_queue_delete_link (&check->removed, l);
    } else if (!segment->told && !segment->gap && !segment->at.ranged) {
      g_autoptr (GBytes) bytes = check->fetch (check->user, segment->at.uri,
          NULL);

      if (bytes == NULL) {
        segment->told = TRUE;
        tell (check, 16, ERROR, segment->at.uri,
            "delete later: clients may still have the old list",
            "gone %.1f s after it left the list; wanted: %.1f s",
            (now - segment->removed_at) / 1e6,
            (segment->extinf + check->longest) / 1e6);
      }
    }
    l = next;
  }
}

static void
check_constant (LockstepHlsCheck * check, const char *name, gint64 was,
    gint64 is)
{
  if (was != is)
    tell (check, 12, ERROR, check->place,
        "choose PART-TARGET and EXT-X-SERVER-CONTROL once",
        "%s is %.3f s and was %.3f s", name, is / 1e6, was / 1e6);
}

/* The part that was hinted at is what came next. */
static void
check_hint (LockstepHlsCheck * check, const LockstepHlsSnapshot * s)
{
  if (check->hint == NULL || g_strcmp0 (check->hint, s->hint) == 0)
    return;
  for (guint i = 0; i <= s->segments->len; i++) {
    const GPtrArray *parts = i == s->segments->len ? s->parts
        : ((LockstepHlsSegment *) g_ptr_array_index (s->segments, i))->parts;

    for (guint j = 0; parts != NULL && j < parts->len; j++)
      if (strcmp (((LockstepHlsPartial *) g_ptr_array_index ((GPtrArray *)
                      parts, j))->at.uri, check->hint) == 0)
        return;
  }
  if (!s->ended)
    tell (check, 26, ERROR, check->place,
        "publish the part under the URI that was hinted at",
        "%s was hinted at, and no part has that URI", check->hint);
}

static void
check_order (LockstepHlsCheck * check, const LockstepHlsSnapshot * s,
    gint64 now)
{
  guint target = check->target_duration;

  if (target != s->target)
    tell (check, 12, ERROR, check->place,
        "choose EXT-X-TARGETDURATION once, large enough",
        "EXT-X-TARGETDURATION is %u and was %u", s->target, target);
  check_constant (check, "PART-TARGET", check->part_target, s->part_target);
  check_constant (check, "HOLD-BACK", check->hold_back, s->hold_back);
  check_constant (check, "PART-HOLD-BACK", check->part_hold_back,
      s->part_hold_back);
  check_hint (check, s);
  if (s->sequence < check->sequence)
    tell (check, 13, ERROR, check->place,
        "never let EXT-X-MEDIA-SEQUENCE go back",
        "EXT-X-MEDIA-SEQUENCE is %" G_GUINT64_FORMAT " and was %"
        G_GUINT64_FORMAT, s->sequence, check->sequence);
  else if (s->sequence + s->segments->len < check->sequence + check->listed)
    tell (check, 13, ERROR, check->place, "remove from the head only",
        "the last segment is gone again");
  if (check->event && s->sequence != check->sequence)
    tell (check, 6, ERROR, check->place, "remove nothing from an event",
        "segments were removed from an EVENT list");
  if (now - check->changed_at > target * G_GINT64_CONSTANT (1500000)
      && !check->ended)
    tell (check, 15, WARNING, check->place,
        "publish each segment when it is complete",
        "the list did not change for %.1f s", (now - check->changed_at) / 1e6);
}

/* Rule 17, against what was listed before. */
static void
check_dates (LockstepHlsCheck * check, const LockstepHlsSnapshot * s)
{
  GHashTableIter iter;
  LockstepHlsDateRange *old;
  const LockstepHlsDateRange *now;
  gint64 first = s->segments->len > 0 ?
      ((LockstepHlsSegment *) g_ptr_array_index (s->segments, 0))->pdt : -1;

  g_hash_table_iter_init (&iter, check->dates);
  while (g_hash_table_iter_next (&iter, NULL, (gpointer *) & old)) {
    now = g_hash_table_lookup (s->dates, old->id);
    if (now == NULL && !old->removed) {
      old->removed = TRUE;
      if (first >= 0 && old->end > first)
        tell (check, 17, ERROR, check->place,
            "keep EXT-X-DATERANGE while its media is listed",
            "EXT-X-DATERANGE \"%s\" is gone, and ends %.3f s into the list",
            old->id, (old->end - first) / 1e6);
    } else if (now != NULL && now->start >= 0 && (old->removed
            || old->start != now->start)) {
      tell (check, 17, ERROR, check->place, "use an ID once",
          "the EXT-X-DATERANGE ID \"%s\" is used again", old->id);
    }
  }
  g_hash_table_iter_init (&iter, s->dates);
  while (g_hash_table_iter_next (&iter, NULL, (gpointer *) & now)) {
    LockstepHlsDateRange *copy;

    if (g_hash_table_size (check->dates) >= MAX_DATES
        && !g_hash_table_contains (check->dates, now->id))
      break;
    copy = g_memdup2 (now, sizeof *now);
    copy->id = g_strdup (now->id);
    g_hash_table_replace (check->dates, copy->id, copy);
  }
}

/* The name of the segment after @uri, where it ends in a number and a suffix. */
static char *
next_name (const char *uri)
{
  const char *dot = strrchr (uri, '.'), *from;
  guint64 n;

  if (dot == NULL || strpbrk (uri, "?#") != NULL)
    return NULL;
  for (from = dot; from > uri && g_ascii_isdigit (from[-1]); from--);
  if (from == dot || dot - from > 18)
    return NULL;
  n = g_ascii_strtoull (from, NULL, 10) + 1;
  return g_strdup_printf ("%.*s%0*" G_GUINT64_FORMAT "%s", (int) (from - uri),
      uri, (int) (dot - from), n, dot);
}

/* Rule 11, before a segment is listed: whoever asks for the one that comes next gets
 * nothing, or all of it. What is there at first is kept. */
static void
peek (LockstepHlsCheck * check)
{
  g_autoptr (GBytes) bytes = NULL;

  if (check->next_uri == NULL)
    return;
  bytes = check->fetch (check->user, check->next_uri, NULL);
  if (bytes == NULL)
    return;
  if (g_strcmp0 (check->peeked_uri, check->next_uri) != 0) {
    g_free (check->peeked_uri);
    check->peeked_uri = g_strdup (check->next_uri);
    check->peeked_size = g_bytes_get_size (bytes);
  }
}

static void
guess_next (LockstepHlsCheck * check, const LockstepHlsSnapshot * s)
{
  const LockstepHlsSegment *last;

  g_clear_pointer (&check->next_uri, g_free);
  if (s->ended || s->segments->len == 0 || s->part_target > 0)
    return;
  last = g_ptr_array_index (s->segments, s->segments->len - 1);
  if (!last->at.ranged)
    check->next_uri = next_name (last->at.uri);
}

static void
check_peeked (LockstepHlsCheck * check, const LockstepHlsSegment * segment)
{
  if (segment->size > 0
      && g_strcmp0 (check->peeked_uri, segment->at.uri) == 0
      && check->peeked_size != segment->size)
    tell (check, 11, WARNING, segment->at.uri,
        "write under another name, and rename",
        "there before it was complete: %" G_GSIZE_FORMAT " bytes, then %"
        G_GSIZE_FORMAT, check->peeked_size, segment->size);
}

static void
take_segments (LockstepHlsCheck * check, const LockstepHlsSnapshot * s)
{
  for (guint i = 0; i < s->segments->len; i++) {
    LockstepHlsSegment *segment = g_ptr_array_index (s->segments, i);
    LockstepHlsSegment *old, *before;

    if ((old = lockstep_hls_known (check, segment->sequence)) != NULL) {
      check_same (check, old, segment);
      continue;
    }
    before = lockstep_hls_known (check, segment->sequence - 1);
    if (check->segments->len > 0 && before == NULL) {
      /* Went on without us: nothing can be said of what lies between */
      if (((LockstepHlsSegment *) g_ptr_array_index (check->segments,
                  0))->sequence > segment->sequence)
        continue;
      g_queue_clear (&check->removed);
      g_ptr_array_set_size (check->segments, 0);
    }
    if (check->segments->len >= LOCKSTEP_CHECK_MAX_SEGMENTS)
      break;
    segment = lockstep_hls_segment_copy (segment);
    g_ptr_array_add (check->segments, segment);
    lockstep_hls_look_into (check, segment, s->independent);
    check_peeked (check, segment);
    if (before != NULL && before->media != NULL && segment->media != NULL
        && !segment->discontinuity)
      lockstep_hls_check_join (check, before, segment);
  }
}

void
lockstep_hls_check_snapshot (LockstepHlsCheck * check, const char *text,
    gsize size, gint64 now)
{
  guint hash = 5381;
  g_auto (LockstepHlsSnapshot) s = { 0 };
  gint64 before = check->looked_at;

  check->looked_at = now;
  if (size == 0)
    text = "";
  for (gsize i = 0; i < size; i++)
    hash = hash * 33 + (guchar) text[i];
  check_removed (check, now);
  if (check->snapshots > 0 && hash == check->last_hash) {
    peek (check);
    return;
  }
  check->snapshots++;
  check->last_hash = hash;
  g_free (check->place);
  check->place = g_strdup_printf ("snapshot %u", check->snapshots);
  if (!lockstep_hls_parse (check, text, size, &s)) {
    if (s.multivariant)
      tell (check, 1, WARNING, check->place,
          "give the URL of a media playlist",
          "a multivariant playlist: its lists are not looked at");
    return;
  }
  if (s.skipped > 0) {
    tell (check, 27, ERROR, check->place,
        "write EXT-X-SKIP where _HLS_skip asks for it",
        "EXT-X-SKIP in a list that nobody asked a delta of");
    return;
  }
  lockstep_hls_check_one (check, &s);
  if (check->target_duration > 0)
    check_order (check, &s, now);
  check_dates (check, &s);

  for (guint i = 0; i < check->segments->len; i++) {
    LockstepHlsSegment *old = g_ptr_array_index (check->segments, i);

    if (old->removed_at < 0 && old->sequence < s.sequence) {
      /* since then, at the earliest: only what is sure is told */
      old->removed_at = before;
      g_queue_push_tail (&check->removed, old);
    }
  }
  take_segments (check, &s);
  guess_next (check, &s);
  peek (check);
  check->target_duration = s.target;
  check->part_target = s.part_target;
  check->hold_back = s.hold_back;
  check->part_hold_back = s.part_hold_back;
  check->can_skip = s.can_skip;
  check->can_block = s.can_block;
  check->reports = s.reports;
  g_free (check->hint);
  check->hint = g_steal_pointer (&s.hint);
  check->sequence = s.sequence;
  check->discontinuities = s.discontinuities;
  check->listed = s.segments->len;
  check->ended = s.ended;
  check->event = s.event;
  check->changed_at = now;
}

static int
compare_findings (gconstpointer a, gconstpointer b)
{
  const LockstepHlsFinding *x = *(LockstepHlsFinding **) a;
  const LockstepHlsFinding *y = *(LockstepHlsFinding **) b;

  if (x->severity != y->severity)
    return (int) y->severity - (int) x->severity;
  return (int) x->rule - (int) y->rule;
}

GPtrArray *
lockstep_hls_check_finish (LockstepHlsCheck * check, gint64 now)
{
  check_removed (check, now);
  g_clear_pointer (&check->file, g_bytes_unref);
  for (guint i = 0; i < check->segments->len; i++) {
    LockstepHlsSegment *segment = g_ptr_array_index (check->segments, i);
    g_autoptr (GBytes) bytes = NULL;

    if (segment->removed_at >= 0 || segment->size == 0)
      continue;
    bytes = lockstep_hls_get (check, &segment->at, NULL);
    if (bytes == NULL)
      tell (check, 11, ERROR, segment->at.uri, "keep what is listed",
          "listed, and gone");
    else if (g_bytes_get_size (bytes) != segment->size
        || g_bytes_hash (bytes) != segment->hash)
      tell (check, 11, ERROR, segment->at.uri,
          "make a segment visible when it is complete",
          "its bytes changed after it was listed");
  }
  lockstep_hls_check_runs (check);
  g_ptr_array_sort (check->findings, compare_findings);
  return check->findings;
}
