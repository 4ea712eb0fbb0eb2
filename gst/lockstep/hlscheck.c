/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The rules of a media playlist: in one snapshot, across snapshots, and against the
 * bytes of the segments. */
#include <gst/lockstep/hlscheck.h>
#include <gst/lockstep/hlscheck-ts.h>

#include <math.h>
#include <string.h>

#define MAX_FINDINGS 200
#define MAX_SEGMENTS 200000
#define MAX_LINES 1000000
#define PDT_TOLERANCE 10000     /* us */
/* Rounding of ticks and of 90 kHz source timestamps. */
#define GAP_TOLERANCE 180
#define TICKS 90000
#define TICKS_MASK 0x1ffffffffLL

typedef struct
{
  guint64 sequence, discontinuities;    /* its number of the latter */
  char *uri;
  gint64 extinf;                /* us */
  gint64 pdt;                   /* us of Unix time, -1: none */
  guint decimals;
  gboolean discontinuity, gap, encrypted, part;

  gboolean fetched;
  guint hash;
  gsize size;
  LockstepCheckTs *ts;          /* NULL: not a transport stream */
  gint64 removed_at;            /* -1: listed */
  gboolean told;
} Segment;

/* What one snapshot says. */
typedef struct
{
  guint target, version;
  guint64 sequence, discontinuities;
  gboolean have_target, have_sequence, independent, ended, vod, event;
  guint needs;                  /* lowest version by its tags */
  GPtrArray *segments;          /* Segment */
} Snapshot;

struct _LockstepHlsCheck
{
  double target;
  LockstepHlsFetch fetch;
  gpointer user;
  GPtrArray *findings;

  guint snapshots;
  guint last_hash;
  gint64 changed_at;
  guint target_duration;
  guint64 sequence, discontinuities;    /* of the last snapshot */
  guint listed;
  gboolean ended, event, multivariant;
  gint64 longest;               /* us */
  GPtrArray *segments;          /* Segment, all seen, in order */
  GQueue removed;               /* Segment, borrowed: to be looked at again */
  char *place;                  /* of the snapshot */
};

static const struct
{
  guint rule;
  const char *text;
} rules[] = {
  {1, "UTF-8 without control characters, EXTM3U first, no tag twice, a newline"
        " at the end"},
  {2, "EXT-X-VERSION is what the tags need (section 8)"},
  {3, "EXT-X-TARGETDURATION is a whole number, and no rounded EXTINF is above it" " (4.4.3.1)"},
  {4, "EXTINF is above 0 with 6 decimals, and sums to the media (4.4.4.1)"},
  {5, "the sequence tags come before the segments (4.4.3.2, 4.4.3.3)"},
  {6, "EXT-X-PLAYLIST-TYPE fits: none in a live list, an end in VOD (4.4.3.5)"},
  {7, "EXT-X-PROGRAM-DATE-TIME has a zone and ms, and is continuous (4.4.4.6)"},
  {8, "byte ranges and EXT-X-MAP are complete (4.4.4.2, 4.4.4.5)"},
  {9, "EXT-X-KEY has the attributes its METHOD needs (4.4.4.4)"},
  {10, "each segment can be decoded by itself: parameter sets and an IDR first"
        " (4.4.2.1)"},
  {11, "what is listed is complete, and never changes (6.2.1)"},
  {12, "EXT-X-TARGETDURATION never changes (6.2.1)"},
  {13, "URI, EXTINF and date of a sequence number never change; only the head is" " removed, and counted (6.2.1, 6.2.2)"},
  {14, "a list that slides holds three target durations or more (6.2.2)"},
  {15, "a live list changes within 1.5 target durations (6.2.1)"},
  {16, "a removed segment can be fetched for its duration and that of the longest" " list (6.2.2)"},
  {18, "PAT and PMT first, one program, counters and times run on (3.1.1)"},
  {21, "no gap, overlap or change of tracks without EXT-X-DISCONTINUITY"
        " (4.4.4.3)"},
  {22, "boundary k lies within half an audio frame of k target durations"
        " (house rule)"},
  {23, "audio and video of a segment start together, to a picture (house rule)"},
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

static void
segment_free (Segment * segment)
{
  g_free (segment->uri);
  g_free (segment->ts);
  g_free (segment);
}

/* @kind is the same for the same failing, wherever it is: it is counted. */
static void
G_GNUC_PRINTF (6, 7)
tell (LockstepHlsCheck * check, guint rule, LockstepHlsSeverity severity,
    const char *place, const char *cure, const char *format, ...)
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
  finding->place = g_strdup (place);
  finding->cure = g_strdup (cure);
  va_start (args, format);
  finding->text = g_strdup_vprintf (format, args);
  va_end (args);
  finding->count = 1;
  g_ptr_array_add (check->findings, finding);
}

#define ERROR LOCKSTEP_HLS_ERROR
#define WARNING LOCKSTEP_HLS_WARNING

LockstepHlsCheck *
lockstep_hls_check_new (double target, LockstepHlsFetch fetch, gpointer user)
{
  LockstepHlsCheck *check = g_new0 (LockstepHlsCheck, 1);

  check->target = target;
  check->fetch = fetch;
  check->user = user;
  check->findings =
      g_ptr_array_new_with_free_func ((GDestroyNotify) finding_free);
  check->segments =
      g_ptr_array_new_with_free_func ((GDestroyNotify) segment_free);
  g_queue_init (&check->removed);
  return check;
}

void
lockstep_hls_check_free (LockstepHlsCheck * check)
{
  g_ptr_array_unref (check->findings);
  g_queue_clear (&check->removed);
  g_ptr_array_unref (check->segments);
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

/* {{{ one snapshot */

static void
snapshot_clear (Snapshot * snapshot)
{
  g_clear_pointer (&snapshot->segments, g_ptr_array_unref);
}

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (Snapshot, snapshot_clear)
     static void need (Snapshot * snapshot, guint version)
{
  snapshot->needs = MAX (snapshot->needs, version);
}

/* "1.008000," to us; the decimals given. */
static gboolean
parse_extinf (const char *text, gint64 * us, guint * decimals)
{
  char *end;
  double seconds = g_ascii_strtod (text, &end);
  const char *dot = strchr (text, '.');

  if (end == text || (*end != ',' && *end != '\0') || !isfinite (seconds)
      || seconds < 0 || seconds > 1e6)
    return FALSE;
  *decimals = dot != NULL && dot < end ? end - dot - 1 : 0;
  *us = llround (seconds * 1e6);
  return TRUE;
}

static void
check_key (LockstepHlsCheck * check, Snapshot * snapshot, const char *place,
    const char *value, gboolean * encrypted)
{
  gboolean none = strstr (value, "METHOD=NONE") != NULL;

  *encrypted = !none;
  if (none && strchr (value, ',') != NULL)
    tell (check, 9, ERROR, place, "write METHOD=NONE alone",
        "METHOD=NONE has other attributes");
  if (!none && strstr (value, "METHOD=") == NULL)
    tell (check, 9, ERROR, place, "give METHOD", "EXT-X-KEY has no METHOD");
  if (!none && strstr (value, "URI=\"") == NULL)
    tell (check, 9, ERROR, place, "give URI", "EXT-X-KEY has no URI");
  if (strstr (value, "IV=") != NULL)
    need (snapshot, 2);
  if (strstr (value, "KEYFORMAT") != NULL
      || strstr (value, "SAMPLE-AES") != NULL)
    need (snapshot, 5);
}

static void
check_date (LockstepHlsCheck * check, const char *place, const char *value,
    Segment * segment)
{
  g_autoptr (GTimeZone) utc = g_time_zone_new_utc ();
  g_autoptr (GDateTime) date = g_date_time_new_from_iso8601 (value, utc);
  const char *t = strchr (value, 'T');

  if (date == NULL || ABS (g_date_time_to_unix (date)) > G_MAXUINT32) {
    tell (check, 7, ERROR, place, "write the date as ISO 8601",
        "\"%s\" is no date", value);
    return;
  }
  segment->pdt = g_date_time_to_unix (date) * G_USEC_PER_SEC
      + g_date_time_get_microsecond (date);
  if (t == NULL || strpbrk (t, "Z+-") == NULL)
    tell (check, 7, WARNING, place, "write the time zone",
        "\"%s\" has no zone", value);
  if (t == NULL || strchr (t, '.') == NULL)
    tell (check, 7, WARNING, place, "write milliseconds",
        "\"%s\" has no milliseconds", value);
}

/* Tags that may be there once. */
static const char *const once[] = {
  "#EXTM3U", "#EXT-X-VERSION", "#EXT-X-TARGETDURATION",
  "#EXT-X-MEDIA-SEQUENCE", "#EXT-X-DISCONTINUITY-SEQUENCE", "#EXT-X-ENDLIST",
  "#EXT-X-PLAYLIST-TYPE", "#EXT-X-INDEPENDENT-SEGMENTS",
  "#EXT-X-I-FRAMES-ONLY", "#EXT-X-PART-INF", "#EXT-X-SERVER-CONTROL",
};

static gboolean
is_tag (const char *line, const char *tag, const char **value)
{
  gsize n = strlen (tag);

  if (strncmp (line, tag, n) != 0 || (line[n] != ':' && line[n] != '\0'))
    return FALSE;
  if (value != NULL)
    *value = line[n] == ':' ? line + n + 1 : "";
  return TRUE;
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

static void
check_bytes (LockstepHlsCheck * check, const char *text, gsize size)
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

static gboolean
parse (LockstepHlsCheck * check, const char *text, gsize size, Snapshot * out)
{
  g_autofree char *copy = g_strndup (text, size);
  g_auto (GStrv) lines = g_strsplit (copy, "\n", MAX_LINES);
  g_autofree Segment *next = g_new0 (Segment, 1);
  gboolean seen[G_N_ELEMENTS (once)] = { FALSE };
  gboolean encrypted = FALSE, extinf = FALSE;
  guint64 discontinuities = 0, value64;

  memset (out, 0, sizeof *out);
  out->version = out->needs = 1;
  out->segments = g_ptr_array_new_with_free_func ((GDestroyNotify)
      segment_free);
  next->pdt = next->removed_at = -1;
  check_bytes (check, text, size);
  if (!g_str_has_prefix (lines[0] ? lines[0] : "", "#EXTM3U")) {
    tell (check, 1, ERROR, check->place, "begin with #EXTM3U",
        "the first line is not #EXTM3U");
    return FALSE;
  }
  for (guint i = 0; lines[i] != NULL; i++) {
    char *line = g_strchomp (lines[i]);
    g_autofree char *place = g_strdup_printf ("%s, line %u", check->place,
        i + 1);
    const char *value = NULL;

    for (guint j = 0; j < G_N_ELEMENTS (once); j++) {
      if (is_tag (line, once[j], NULL)) {
        if (seen[j])
          tell (check, 1, ERROR, place, "write each such tag once",
              "%s is there twice", once[j]);
        seen[j] = TRUE;
      }
    }
    if (line[0] == '\0')
      continue;
    if (is_tag (line, "#EXT-X-STREAM-INF", NULL)
        || is_tag (line, "#EXT-X-MEDIA", NULL)) {
      check->multivariant = TRUE;
      if (out->have_target)
        tell (check, 1, ERROR, place, "keep the two kinds of playlist apart",
            "multivariant and media tags in one list");
    } else if (is_tag (line, "#EXT-X-VERSION", &value)) {
      if (number (check, 2, place, line, value, &value64))
        out->version = MIN (value64, 1000);
    } else if (is_tag (line, "#EXT-X-TARGETDURATION", &value)) {
      if (number (check, 3, place, line, value, &value64)) {
        out->target = MIN (value64, 100000);
        out->have_target = TRUE;
        if (out->target == 0)
          tell (check, 3, ERROR, place, "write 1 or more",
              "EXT-X-TARGETDURATION is 0");
      }
    } else if (is_tag (line, "#EXT-X-MEDIA-SEQUENCE", &value)) {
      if (out->segments->len > 0)
        tell (check, 5, ERROR, place, "write it before the first segment",
            "EXT-X-MEDIA-SEQUENCE comes after a segment");
      else if (number (check, 5, place, line, value, &out->sequence))
        out->have_sequence = TRUE;
    } else if (is_tag (line, "#EXT-X-DISCONTINUITY-SEQUENCE", &value)) {
      if (out->segments->len > 0 || discontinuities > 0)
        tell (check, 5, ERROR, place, "write it before the first segment",
            "EXT-X-DISCONTINUITY-SEQUENCE comes after a segment");
      else
        number (check, 5, place, line, value, &out->discontinuities);
    } else if (is_tag (line, "#EXT-X-PLAYLIST-TYPE", &value)) {
      out->vod = strcmp (value, "VOD") == 0;
      out->event = strcmp (value, "EVENT") == 0;
      if (!out->vod && !out->event)
        tell (check, 6, ERROR, place, "write VOD or EVENT",
            "EXT-X-PLAYLIST-TYPE is \"%s\"", value);
    } else if (is_tag (line, "#EXT-X-ENDLIST", NULL)) {
      out->ended = TRUE;
    } else if (is_tag (line, "#EXT-X-INDEPENDENT-SEGMENTS", NULL)) {
      out->independent = TRUE;
    } else if (is_tag (line, "#EXTINF", &value)) {
      extinf = TRUE;
      if (!parse_extinf (value, &next->extinf, &next->decimals)) {
        tell (check, 4, ERROR, place, "write seconds and a comma",
            "\"%s\" has no duration", line);
        extinf = FALSE;
      }
      if (strchr (value, '.') != NULL)
        need (out, 3);
    } else if (is_tag (line, "#EXT-X-PROGRAM-DATE-TIME", &value)) {
      check_date (check, place, value, next);
    } else if (is_tag (line, "#EXT-X-DISCONTINUITY", NULL)) {
      next->discontinuity = TRUE;
      discontinuities++;
    } else if (is_tag (line, "#EXT-X-GAP", NULL)) {
      next->gap = TRUE;
    } else if (is_tag (line, "#EXT-X-KEY", &value)) {
      check_key (check, out, place, value, &encrypted);
    } else if (is_tag (line, "#EXT-X-BYTERANGE", &value)) {
      need (out, 4);
      next->part = TRUE;
    } else if (is_tag (line, "#EXT-X-MAP", &value)) {
      need (out, 6);
      next->part = TRUE;
      if (strstr (value, "URI=\"") == NULL)
        tell (check, 8, ERROR, place, "give URI", "EXT-X-MAP has no URI");
    } else if (is_tag (line, "#EXT-X-SKIP", NULL)) {
      need (out, 9);
    } else if (line[0] != '#') {
      Segment *segment;

      if (check->multivariant)
        continue;
      if (!extinf)
        tell (check, 4, ERROR, place, "write EXTINF before each segment",
            "%s has no EXTINF", line);
      next->uri = g_strdup (line);
      next->encrypted = encrypted;
      next->sequence = out->sequence + out->segments->len;
      next->discontinuities = out->discontinuities + discontinuities;
      segment = g_memdup2 (next, sizeof *next);
      if (out->segments->len < MAX_SEGMENTS)
        g_ptr_array_add (out->segments, segment);
      else
        segment_free (segment);
      memset (next, 0, sizeof *next);
      next->pdt = next->removed_at = -1;
      extinf = FALSE;
    }
  }
  if (check->multivariant)
    return FALSE;
  if (!out->have_target) {
    tell (check, 3, ERROR, check->place, "write EXT-X-TARGETDURATION",
        "EXT-X-TARGETDURATION is missing");
    return FALSE;
  }
  return TRUE;
}

static void
check_snapshot (LockstepHlsCheck * check, const Snapshot * s)
{
  gint64 total = 0, longest = 0;
  gboolean dates = FALSE, all_dates = TRUE;
  guint needs = s->needs;

  for (guint i = 0; i < s->segments->len; i++) {
    const Segment *segment = g_ptr_array_index (s->segments, i);
    const Segment *before = i > 0 ? g_ptr_array_index (s->segments, i - 1)
        : NULL;

    total += segment->extinf;
    longest = MAX (longest, segment->extinf);
    if (segment->extinf <= 0)
      tell (check, 4, ERROR, segment->uri, "list no empty segment",
          "EXTINF is 0");
    else if (segment->decimals < 6)
      tell (check, 4, WARNING, segment->uri, "write 6 decimals",
          "EXTINF has %u decimals: the sum will drift", segment->decimals);
    if ((segment->extinf + 500000) / 1000000 > s->target)
      tell (check, 3, ERROR, segment->uri,
          "cut in time, or write a larger EXT-X-TARGETDURATION from the start",
          "EXTINF %.6f is above EXT-X-TARGETDURATION %u",
          segment->extinf / 1e6, s->target);
    dates |= segment->pdt >= 0;
    all_dates &= segment->pdt >= 0;
    if (segment->discontinuity && segment->pdt < 0 && dates)
      tell (check, 7, ERROR, segment->uri,
          "write EXT-X-PROGRAM-DATE-TIME after each EXT-X-DISCONTINUITY",
          "a discontinuity without a date");
    if (before != NULL && segment->pdt >= 0 && before->pdt >= 0
        && !segment->discontinuity
        && ABS (before->pdt + before->extinf - segment->pdt) > PDT_TOLERANCE)
      tell (check, 7, WARNING, segment->uri,
          "let the date follow the durations",
          "the date is %+.3f s from what the one before and its EXTINF make",
          (segment->pdt - before->pdt - before->extinf) / 1e6);
  }
  if (!all_dates && !s->ended && s->segments->len > 0)
    tell (check, 7, WARNING, check->place,
        "write EXT-X-PROGRAM-DATE-TIME for each segment (Apple 8.4)",
        "live, and not every segment has a date");
  /* Up to version 5 EXT-X-TARGETDURATION is a maximum, not a rounded one */
  if (longest > s->target * G_GINT64_CONSTANT (1000000))
    needs = MAX (needs, 6);
  if (s->version < needs)
    tell (check, 2, ERROR, check->place, "write the version that is needed",
        "EXT-X-VERSION is %u, and what is in the list needs %u", s->version,
        needs);
  if (s->vod && !s->ended)
    tell (check, 6, WARNING, check->place, "write EXT-X-ENDLIST",
        "VOD without an end");
  if (!s->ended && s->sequence > 0 && (s->vod || s->event))
    tell (check, 6, ERROR, check->place, "write no EXT-X-PLAYLIST-TYPE",
        "segments were removed from a list that says EVENT or VOD");
  if (!s->ended && s->sequence > 0
      && total < 3 * s->target * G_GINT64_CONSTANT (1000000))
    tell (check, 14, ERROR, check->place,
        "keep more segments in the list",
        "the list has %.3f s, less than three times %u s", total / 1e6,
        s->target);
  check->longest = MAX (check->longest, total);
}

/* {{{ bytes */

static gint64
tick_distance (gint64 from, gint64 to)
{
  gint64 d = (to - from) & TICKS_MASK;

  return d > TICKS_MASK / 2 ? d - TICKS_MASK - 1 : d;
}

static const LockstepCheckStream *
stream_of (const LockstepCheckTs * ts, gboolean video)
{
  for (guint i = 0; ts != NULL && i < ts->n_streams; i++)
    if (ts->streams[i].video == video && ts->streams[i].units > 0
        && (video || ts->streams[i].type == 0x0f || ts->streams[i].type == 0x03
            || ts->streams[i].type == 0x04))
      return &ts->streams[i];
  return NULL;
}

/* The start of a segment: of its pictures where it has them. */
static gint64
start_of (const Segment * segment)
{
  const LockstepCheckStream *stream = stream_of (segment->ts, TRUE);

  if (stream == NULL)
    stream = stream_of (segment->ts, FALSE);
  return stream != NULL ? stream->first_pts : -1;
}

static void
check_ts (LockstepHlsCheck * check, const Segment * segment,
    gboolean independent)
{
  const LockstepCheckTs *ts = segment->ts;
  const LockstepCheckStream *video = stream_of (ts, TRUE);
  const LockstepCheckStream *audio = stream_of (ts, FALSE);

  if (!ts->whole)
    tell (check, 11, ERROR, segment->uri,
        "make a segment visible when it is complete",
        "%" G_GSIZE_FORMAT " bytes are no whole transport stream packets",
        segment->size);
  if (!ts->pat_first || !ts->pmt_second)
    tell (check, 18, WARNING, segment->uri,
        "begin each segment with PAT and PMT",
        "the first two packets are not PAT and PMT");
  if (!ts->have_pmt)
    tell (check, 18, ERROR, segment->uri, "put a PMT into each segment",
        "no PMT");
  if (ts->programs > 1)
    tell (check, 18, ERROR, segment->uri, "write one program",
        "%u programs", ts->programs);
  for (guint i = 0; i < ts->n_streams; i++) {
    if (ts->streams[i].counter_errors > 0)
      tell (check, 18, ERROR, segment->uri,
          "count the packets of each PID without a step",
          "PID %u: %u wrong continuity counters", ts->streams[i].pid,
          ts->streams[i].counter_errors);
    if (ts->streams[i].steps > 0)
      tell (check, 21, ERROR, segment->uri,
          "leave no gap in the audio, or mark it",
          "PID %u: audio times do not follow, %u times", ts->streams[i].pid,
          ts->streams[i].steps);
  }
  if (video != NULL && video->type == 0x1b && !video->idr_first)
    tell (check, 10, independent ? ERROR : WARNING, segment->uri,
        "begin each segment with SPS, PPS and an IDR",
        "the first picture is not an IDR with its parameter sets%s",
        independent ? ", and EXT-X-INDEPENDENT-SEGMENTS says it is" : "");
  if (video != NULL && audio != NULL) {
    gint64 skew = tick_distance (video->first_pts, audio->first_pts);

    if (ABS (skew) > MAX (video->frame, audio->frame) + GAP_TOLERANCE)
      tell (check, 23, WARNING, segment->uri,
          "cut audio at the frame nearest to the first picture",
          "audio starts %+.1f ms from the first picture", skew / 90.0);
  }
}

/* What follows what, where no discontinuity is marked. */
static void
check_join (LockstepHlsCheck * check, const Segment * before,
    const Segment * segment)
{
  const LockstepCheckTs *a = before->ts, *b = segment->ts;

  if (a->n_streams != b->n_streams) {
    tell (check, 21, ERROR, segment->uri,
        "write EXT-X-DISCONTINUITY where tracks come or go",
        "%u tracks after %u", b->n_streams, a->n_streams);
    return;
  }
  if (a->pat_last_counter >= 0 && b->pat_first_counter >= 0
      && ((a->pat_last_counter + 1) & 15) != b->pat_first_counter)
    tell (check, 18, WARNING, segment->uri,
        "let the counters run on from segment to segment",
        "PAT: counter %d after %d", b->pat_first_counter, a->pat_last_counter);
  for (guint i = 0; i < b->n_streams; i++) {
    const LockstepCheckStream *x = &a->streams[i], *y = &b->streams[i];
    gint64 gap;

    if (x->pid != y->pid || x->type != y->type) {
      tell (check, 21, ERROR, segment->uri,
          "write EXT-X-DISCONTINUITY where the format changes",
          "track %u is PID %u type 0x%02x after PID %u type 0x%02x", i,
          y->pid, y->type, x->pid, x->type);
      continue;
    }
    if (x->last_counter >= 0 && y->first_counter >= 0
        && ((x->last_counter + 1) & 15) != y->first_counter)
      tell (check, 18, WARNING, segment->uri,
          "let the counters run on from segment to segment",
          "PID %u: counter %d after %d", y->pid, y->first_counter,
          x->last_counter);
    if (x->units == 0 || y->units == 0)
      continue;
    gap = y->video ? tick_distance (x->last_dts, y->first_dts)
        : tick_distance (x->end, y->first_pts);
    if (y->video && (gap <= 0 || gap > TICKS))
      tell (check, 21, ERROR, segment->uri,
          "write EXT-X-DISCONTINUITY where times jump",
          "pictures go on %+.3f s after the last", gap / (double) TICKS);
    else if (!y->video && x->end >= 0 && ABS (gap) > GAP_TOLERANCE)
      tell (check, 21, ERROR, segment->uri,
          "cut between two audio frames and lose none",
          "audio goes on %+.1f ms from the end of the segment before",
          gap / 90.0);
  }
}

static void
fetch_segment (LockstepHlsCheck * check, Segment * segment,
    gboolean independent)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GBytes) bytes = NULL;
  const guint8 *data;

  segment->fetched = TRUE;
  if (segment->gap || segment->part)
    return;
  bytes = check->fetch (check->user, segment->uri, &error);
  if (bytes == NULL) {
    tell (check, 11, ERROR, segment->uri, "list what is there, and no sooner",
        "listed, and cannot be fetched%s%s", error != NULL ? ": " : "",
        error != NULL ? error->message : "");
    return;
  }
  data = g_bytes_get_data (bytes, &segment->size);
  segment->hash = g_bytes_hash (bytes);
  if (segment->encrypted)
    return;
  if (segment->size == 0 || data[0] != 0x47) {
    if (segment->size == 0)
      tell (check, 11, ERROR, segment->uri,
          "make a segment visible when it is complete", "0 bytes");
    return;
  }
  segment->ts = g_new (LockstepCheckTs, 1);
  lockstep_check_ts_read (segment->ts, data, segment->size);
  check_ts (check, segment, independent);
}

/* {{{ across snapshots */

static Segment *
known (LockstepHlsCheck * check, guint64 sequence)
{
  Segment *first;

  if (check->segments->len == 0)
    return NULL;
  first = g_ptr_array_index (check->segments, 0);
  if (sequence < first->sequence
      || sequence - first->sequence >= check->segments->len)
    return NULL;
  return g_ptr_array_index (check->segments, sequence - first->sequence);
}

static void
check_same (LockstepHlsCheck * check, const Segment * old, const Segment * now)
{
  if (strcmp (old->uri, now->uri) != 0)
    tell (check, 13, ERROR, now->uri, "never rename a listed segment",
        "number %" G_GUINT64_FORMAT " was %s", now->sequence, old->uri);
  if (old->extinf != now->extinf)
    tell (check, 13, ERROR, now->uri, "never change EXTINF",
        "EXTINF is %.6f and was %.6f", now->extinf / 1e6, old->extinf / 1e6);
  if (old->pdt >= 0 && now->pdt >= 0 && old->pdt != now->pdt)
    tell (check, 13, ERROR, now->uri, "never change a date",
        "the date moved by %+.3f s", (now->pdt - old->pdt) / 1e6);
  if (old->discontinuities != now->discontinuities)
    tell (check, 13, ERROR, now->uri,
        "count removed discontinuities in EXT-X-DISCONTINUITY-SEQUENCE",
        "its discontinuity number is %" G_GUINT64_FORMAT " and was %"
        G_GUINT64_FORMAT, now->discontinuities, old->discontinuities);
}

static void
check_removed (LockstepHlsCheck * check, gint64 now)
{
  for (GList * l = check->removed.head; l != NULL;) {
    GList *next = l->next;
    Segment *segment = l->data;

    if (now - segment->removed_at > segment->extinf + check->longest) {
      g_queue_delete_link (&check->removed, l);
    } else if (!segment->told && !segment->gap && !segment->part) {
      g_autoptr (GBytes) bytes = check->fetch (check->user, segment->uri, NULL);

      if (bytes == NULL) {
        segment->told = TRUE;
        tell (check, 16, ERROR, segment->uri,
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
check_order (LockstepHlsCheck * check, const Snapshot * s, gint64 now)
{
  guint target = check->target_duration;

  if (target != s->target)
    tell (check, 12, ERROR, check->place,
        "choose EXT-X-TARGETDURATION once, large enough",
        "EXT-X-TARGETDURATION is %u and was %u", s->target, target);
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

void
lockstep_hls_check_snapshot (LockstepHlsCheck * check, const char *text,
    gsize size, gint64 now)
{
  guint hash = 5381;
  g_auto (Snapshot) s = { 0 };

  if (size == 0)
    text = "";
  for (gsize i = 0; i < size; i++)
    hash = hash * 33 + (guchar) text[i];
  check_removed (check, now);
  if (check->snapshots > 0 && hash == check->last_hash)
    return;
  check->snapshots++;
  check->last_hash = hash;
  g_free (check->place);
  check->place = g_strdup_printf ("snapshot %u", check->snapshots);
  if (!parse (check, text, size, &s)) {
    if (check->multivariant)
      tell (check, 1, WARNING, check->place,
          "give the URL of a media playlist",
          "a multivariant playlist: its lists are not looked at");
    return;
  }
  check_snapshot (check, &s);
  if (check->target_duration > 0)
    check_order (check, &s, now);

  for (guint i = 0; i < check->segments->len; i++) {
    Segment *old = g_ptr_array_index (check->segments, i);

    if (old->removed_at < 0 && old->sequence < s.sequence) {
      old->removed_at = now;
      g_queue_push_tail (&check->removed, old);
    }
  }
  for (guint i = 0; i < s.segments->len; i++) {
    Segment *segment = g_ptr_array_index (s.segments, i), *old, *before;

    if ((old = known (check, segment->sequence)) != NULL) {
      check_same (check, old, segment);
      continue;
    }
    before = known (check, segment->sequence - 1);
    if (check->segments->len > 0 && before == NULL) {
      /* Went on without us: nothing can be said of what lies between */
      if (((Segment *) g_ptr_array_index (check->segments, 0))->sequence
          > segment->sequence)
        continue;
      g_queue_clear (&check->removed);
      g_ptr_array_set_size (check->segments, 0);
    }
    if (check->segments->len >= MAX_SEGMENTS)
      break;
    segment = g_memdup2 (segment, sizeof *segment);
    segment->uri = g_strdup (segment->uri);
    g_ptr_array_add (check->segments, segment);
    fetch_segment (check, segment, s.independent);
    if (before != NULL && before->ts != NULL && segment->ts != NULL
        && !segment->discontinuity)
      check_join (check, before, segment);
  }
  check->target_duration = s.target;
  check->sequence = s.sequence;
  check->discontinuities = s.discontinuities;
  check->listed = s.segments->len;
  check->ended = s.ended;
  check->event = s.event;
  check->changed_at = now;
}

/* The sum of EXTINF, and the grid, over each run without a discontinuity. */
static void
check_runs (LockstepHlsCheck * check)
{
  gint64 origin = -1, last = -1, unwrapped = 0, sum = 0, worst = 0;
  gint64 frame = 0;
  guint64 k = 0;
  gboolean sum_told = FALSE;
  double target = check->target;

  if (target <= 0) {
    gint64 total = 0;

    for (guint i = 0; i + 1 < check->segments->len; i++)
      total += ((Segment *) g_ptr_array_index (check->segments, i))->extinf;
    if (check->segments->len > 3 && check->target_duration > 0
        && fabs (total / 1e6 / (check->segments->len - 1)
            - check->target_duration) < 0.1 * check->target_duration)
      target = check->target_duration;
  }
  for (guint i = 0; i < check->segments->len; i++) {
    const Segment *segment = g_ptr_array_index (check->segments, i);
    const LockstepCheckStream *audio, *video;
    gint64 start, tolerance, error;

    if (segment->ts == NULL || (start = start_of (segment)) < 0
        || segment->discontinuity || origin < 0) {
      origin = last = segment->ts != NULL ? start_of (segment) : -1;
      unwrapped = 0;
      sum = segment->extinf;
      k = 0;
      continue;
    }
    audio = stream_of (segment->ts, FALSE);
    video = stream_of (segment->ts, TRUE);
    unwrapped += tick_distance (last, start);
    last = start;
    k++;
    frame = video != NULL ? video->frame : audio->frame;
    error = unwrapped * 100 / 9 - sum;
    if (ABS (error) > frame * 100 / 9 + 1000 && !sum_told) {
      sum_told = TRUE;
      tell (check, 4, ERROR, segment->uri,
          "write the true durations, from start to start",
          "by EXTINF it starts %+.1f ms from where it does", -error / 1e3);
    }
    sum += segment->extinf;
    if (target > 0) {
      gint64 off = unwrapped - llround (k * target * TICKS);

      /* half an audio frame; with pictures, half of one more */
      tolerance = audio != NULL ? audio->frame / 2 : 0;
      if (video != NULL)
        tolerance += video->frame / 2;
      if (ABS (off) > tolerance + GAP_TOLERANCE && ABS (off) > ABS (worst)) {
        worst = off;
        if (i + 1 == check->segments->len)
          continue;
      }
    }
  }
  if (worst != 0)
    tell (check, 22, WARNING, "grid",
        "cut at the frame nearest to k times the duration, counted from the start",
        "a boundary is %+.1f ms from the grid of %.3f s", worst / 90.0, target);
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
  for (guint i = 0; i < check->segments->len; i++) {
    Segment *segment = g_ptr_array_index (check->segments, i);
    g_autoptr (GBytes) bytes = NULL;

    if (segment->removed_at >= 0 || segment->size == 0)
      continue;
    bytes = check->fetch (check->user, segment->uri, NULL);
    if (bytes == NULL)
      tell (check, 11, ERROR, segment->uri, "keep what is listed",
          "listed, and gone");
    else if (g_bytes_get_size (bytes) != segment->size
        || g_bytes_hash (bytes) != segment->hash)
      tell (check, 11, ERROR, segment->uri,
          "make a segment visible when it is complete",
          "its bytes changed after it was listed");
  }
  check_runs (check);
  g_ptr_array_sort (check->findings, compare_findings);
  return check->findings;
}
