/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Lists that belong together: a multivariant playlist and all that it names, against
 * each other; and the requests that a low-latency server must answer. One media
 * playlist is a set of one. */
#include <gst/lockstep/hlscheck-private.h>

#include <string.h>

#define MAX_LISTS 64
#define MAX_VARIANTS 256
#define MAX_LINES 100000
#define SECOND G_GINT64_CONSTANT (1000000)
/* Where two lists give a picture or a sound a time, these may differ. */
#define PDT_TOLERANCE 100000    /* us */
#define BOUNDARY_TOLERANCE (LOCKSTEP_CHECK_TICKS / 20)

#define tell lockstep_hls_tell

typedef struct
{
  LockstepHlsSet *set;
  char *uri;                    /* as in the multivariant playlist; "": by itself */
  LockstepHlsCheck *check;
  gboolean media;               /* EXT-X-MEDIA, and so of a group */
  gboolean missing, probed;
} List;

typedef struct
{
  List *list;
  guint64 bandwidth, average;   /* bit/s; average 0: not given */
  char *audio;                  /* GROUP-ID, or NULL */
} Variant;

/* A list of an EXT-X-MEDIA group. */
typedef struct
{
  List *list;
  char *group;
} Rendition;

struct _LockstepHlsSet
{
  double target;
  LockstepHlsFetch fetch;
  gpointer user;
  LockstepHlsCheck *top;        /* holds the findings of the set as a whole */
  GPtrArray *lists, *variants, *renditions;
  guint hash;
  gboolean multivariant, any;
};

static void
list_free (List * list)
{
  lockstep_hls_check_free (list->check);
  g_free (list->uri);
  g_free (list);
}

static void
variant_free (Variant * variant)
{
  g_free (variant->audio);
  g_free (variant);
}

static void
rendition_free (Rendition * rendition)
{
  g_free (rendition->group);
  g_free (rendition);
}

LockstepHlsSet *
lockstep_hls_set_new (double target, LockstepHlsFetch fetch, gpointer user)
{
  LockstepHlsSet *set = g_new0 (LockstepHlsSet, 1);

  set->target = target;
  set->fetch = fetch;
  set->user = user;
  set->top = lockstep_hls_check_new (target, fetch, user);
  set->top->place = g_strdup ("multivariant playlist");
  set->lists = g_ptr_array_new_with_free_func ((GDestroyNotify) list_free);
  set->variants = g_ptr_array_new_with_free_func ((GDestroyNotify)
      variant_free);
  set->renditions = g_ptr_array_new_with_free_func ((GDestroyNotify)
      rendition_free);
  return set;
}

void
lockstep_hls_set_free (LockstepHlsSet * set)
{
  g_ptr_array_unref (set->variants);
  g_ptr_array_unref (set->renditions);
  g_ptr_array_unref (set->lists);
  lockstep_hls_check_free (set->top);
  g_free (set);
}

/* What a list names, from where the list is. */
static GBytes *
fetch_for_list (gpointer user, const char *uri, GError ** error)
{
  List *list = user;
  const char *end = strpbrk (list->uri, "?#"), *slash;
  g_autofree char *path = NULL;

  slash = g_strrstr_len (list->uri, end != NULL ? end - list->uri : -1, "/");
  if (slash == NULL || uri[0] == '/' || strstr (uri, "://") != NULL)
    return list->set->fetch (list->set->user, uri, error);
  path = g_strdup_printf ("%.*s%s", (int) (slash + 1 - list->uri), list->uri,
      uri);
  return list->set->fetch (list->set->user, path, error);
}

static List *
get_list (LockstepHlsSet * set, const char *uri)
{
  List *list;

  for (guint i = 0; i < set->lists->len; i++) {
    list = g_ptr_array_index (set->lists, i);
    if (strcmp (list->uri, uri) == 0)
      return list;
  }
  if (set->lists->len >= MAX_LISTS)
    return NULL;
  list = g_new0 (List, 1);
  list->set = set;
  list->uri = g_strdup (uri);
  list->check = lockstep_hls_check_new (set->target, fetch_for_list, list);
  list->check->name = uri[0] != '\0' ? g_strdup (uri) : NULL;
  g_ptr_array_add (set->lists, list);
  return list;
}

/* {{{ the multivariant playlist */

static guint64
number_of (GHashTable * attributes, const char *name)
{
  const char *text = g_hash_table_lookup (attributes, name);
  guint64 n = 0;

  if (text != NULL)
    g_ascii_string_to_unsigned (text, 10, 0, G_MAXINT64, &n, NULL);
  return n;
}

static void
take_media (LockstepHlsSet * set, const char *place, const char *value)
{
  g_autoptr (GHashTable) a = lockstep_hls_attributes (value);
  const char *uri = g_hash_table_lookup (a, "URI");
  const char *group = g_hash_table_lookup (a, "GROUP-ID");
  const char *type = g_hash_table_lookup (a, "TYPE");
  Rendition *rendition;

  if (type == NULL || group == NULL || !g_hash_table_contains (a, "NAME"))
    tell (set->top, 29, ERROR, place, "give TYPE, GROUP-ID and NAME",
        "EXT-X-MEDIA lacks TYPE, GROUP-ID or NAME");
  if (group == NULL || set->renditions->len >= MAX_VARIANTS)
    return;
  rendition = g_new0 (Rendition, 1);
  rendition->group = g_strdup (group);
  /* Without URI it is in the variants themselves */
  if (uri != NULL && g_strcmp0 (type, "SUBTITLES") != 0)
    rendition->list = get_list (set, uri);
  if (rendition->list != NULL)
    rendition->list->media = TRUE;
  g_ptr_array_add (set->renditions, rendition);
}

static gboolean
has_group (const LockstepHlsSet * set, const char *group)
{
  for (guint i = 0; i < set->renditions->len; i++)
    if (strcmp (((Rendition *) g_ptr_array_index (set->renditions, i))->group,
            group) == 0)
      return TRUE;
  return FALSE;
}

static void
take_variant (LockstepHlsSet * set, const char *place, const char *value,
    const char *uri)
{
  g_autoptr (GHashTable) a = lockstep_hls_attributes (value);
  Variant *variant;
  List *list;

  if (number_of (a, "BANDWIDTH") == 0)
    tell (set->top, 29, ERROR, place, "give BANDWIDTH",
        "EXT-X-STREAM-INF has no BANDWIDTH");
  if (!g_hash_table_contains (a, "CODECS"))
    tell (set->top, 29, WARNING, place, "give CODECS (Apple 9.1)",
        "EXT-X-STREAM-INF has no CODECS");
  if (uri == NULL || uri[0] == '#' || uri[0] == '\0') {
    tell (set->top, 29, ERROR, place, "write the URI on the line after",
        "EXT-X-STREAM-INF is followed by no URI");
    return;
  }
  list = get_list (set, uri);
  if (list == NULL || set->variants->len >= MAX_VARIANTS)
    return;
  variant = g_new0 (Variant, 1);
  variant->list = list;
  variant->bandwidth = number_of (a, "BANDWIDTH");
  variant->average = number_of (a, "AVERAGE-BANDWIDTH");
  variant->audio = g_strdup (g_hash_table_lookup (a, "AUDIO"));
  g_ptr_array_add (set->variants, variant);
}

static void
parse_multivariant (LockstepHlsSet * set, const char *text, gsize size)
{
  g_autofree char *copy = g_strndup (text, size);
  g_auto (GStrv) lines = g_strsplit (copy, "\n", MAX_LINES);
  gboolean version = FALSE;

  lockstep_hls_check_text (set->top, text, size);
  g_ptr_array_set_size (set->variants, 0);
  g_ptr_array_set_size (set->renditions, 0);
  for (guint i = 0; lines[i] != NULL; i++)
    g_strchomp (lines[i]);
  for (guint i = 0; lines[i] != NULL; i++) {
    g_autofree char *place = g_strdup_printf ("%s, line %u", set->top->place,
        i + 1);
    const char *value;

    if (lockstep_hls_is_tag (lines[i], "#EXT-X-STREAM-INF", &value)) {
      take_variant (set, place, value, lines[i + 1]);
    } else if (lockstep_hls_is_tag (lines[i], "#EXT-X-MEDIA", &value)) {
      take_media (set, place, value);
    } else if (lockstep_hls_is_tag (lines[i], "#EXT-X-VERSION", NULL)) {
      if (version)
        tell (set->top, 1, ERROR, place, "write each such tag once",
            "#EXT-X-VERSION is there twice");
      version = TRUE;
    } else if (lockstep_hls_is_tag (lines[i], "#EXT-X-TARGETDURATION", NULL)
        || lockstep_hls_is_tag (lines[i], "#EXTINF", NULL)
        || lockstep_hls_is_tag (lines[i], "#EXT-X-MEDIA-SEQUENCE", NULL)) {
      tell (set->top, 1, ERROR, place,
          "keep the two kinds of playlist apart",
          "multivariant and media tags in one list");
    }
  }
  for (guint i = 0; i < set->variants->len; i++) {
    const Variant *variant = g_ptr_array_index (set->variants, i);

    if (variant->audio != NULL && !has_group (set, variant->audio))
      tell (set->top, 29, ERROR, variant->list->uri,
          "define each group that a variant names",
          "AUDIO=\"%s\" and no EXT-X-MEDIA has that GROUP-ID", variant->audio);
  }
}

static gboolean
is_multivariant (const char *text, gsize size)
{
  return g_strstr_len (text, size, "#EXT-X-STREAM-INF") != NULL
      || g_strstr_len (text, size, "#EXT-X-MEDIA:") != NULL;
}

void
lockstep_hls_set_snapshot (LockstepHlsSet * set, const char *text, gsize size,
    gint64 now)
{
  guint hash = 5381;

  if (size == 0)
    text = "";
  for (gsize i = 0; i < size; i++)
    hash = hash * 33 + (guchar) text[i];
  if (!set->any)
    set->multivariant = size > 0 && is_multivariant (text, size);
  if (!set->multivariant) {
    set->any = TRUE;
    lockstep_hls_check_snapshot (get_list (set, "")->check, text, size, now);
    return;
  }
  if (!set->any || hash != set->hash)
    parse_multivariant (set, text, size);
  set->hash = hash;
  set->any = TRUE;
  for (guint i = 0; i < set->lists->len; i++) {
    List *list = g_ptr_array_index (set->lists, i);
    g_autoptr (GError) error = NULL;
    g_autoptr (GBytes) bytes = set->fetch (set->user, list->uri, &error);

    if (bytes != NULL) {
      gsize n;
      const char *data = g_bytes_get_data (bytes, &n);

      lockstep_hls_check_snapshot (list->check, data, n, now);
    } else if (!list->missing) {
      list->missing = TRUE;
      tell (set->top, 11, ERROR, list->uri,
          "list what is there, and no sooner",
          "the playlist cannot be fetched: %s",
          error != NULL ? error->message : "it is not there");
    }
  }
}

gboolean
lockstep_hls_set_ended (const LockstepHlsSet * set)
{
  for (guint i = 0; i < set->lists->len; i++) {
    const List *list = g_ptr_array_index (set->lists, i);

    if (!list->missing && !list->check->ended)
      return FALSE;
  }
  return set->any;
}

guint
lockstep_hls_set_n_lists (const LockstepHlsSet * set)
{
  return set->lists->len;
}

guint
lockstep_hls_set_n_segments (const LockstepHlsSet * set)
{
  guint n = 0;

  for (guint i = 0; i < set->lists->len; i++)
    n += ((List *) g_ptr_array_index (set->lists, i))->check->segments->len;
  return n;
}

guint
lockstep_hls_set_target_duration (const LockstepHlsSet * set)
{
  return set->lists->len == 0 ? 0 : ((List *) g_ptr_array_index (set->lists,
          0))->check->target_duration;
}

/* {{{ requests of low latency */

static GBytes *
ask (List * list, const char *query, GError ** error)
{
  g_autofree char *uri = g_strdup_printf ("%s%c%s", list->uri,
      strchr (list->uri, '?') != NULL ? '&' : '?', query);

  return list->set->fetch (list->set->user, uri, error);
}

/* Reads an answer without telling what it is to be told of anyway. */
static gboolean
read_quietly (LockstepHlsCheck * check, GBytes * bytes,
    LockstepHlsSnapshot * out)
{
  g_autoptr (LockstepHlsCheck) quiet = lockstep_hls_check_new (0, check->fetch,
      check->user);

  quiet->place = g_strdup ("answer");
  return g_bytes_get_size (bytes) > 0
      && lockstep_hls_parse (quiet, g_bytes_get_data (bytes, NULL),
      g_bytes_get_size (bytes), out);
}

static void
probe_blocking (List * list)
{
  LockstepHlsCheck *check = list->check;
  guint64 want = check->sequence + check->listed;
  g_autofree char *next = g_strdup_printf ("_HLS_msn=%" G_GUINT64_FORMAT,
      want);
  g_autofree char *far = g_strdup_printf ("_HLS_msn=%" G_GUINT64_FORMAT,
      want + 100);
  g_autoptr (GBytes) answer = ask (list, next, NULL);
  g_autoptr (GBytes) early = NULL;
  g_autoptr (GBytes) part = NULL;
  g_auto (LockstepHlsSnapshot) s = { 0 };

  if (answer == NULL)
    tell (check, 27, ERROR, check->place,
        "hold a request for the next segment until it is there",
        "?%s is not answered with a playlist", next);
  else if (read_quietly (check, answer, &s) && !s.ended
      && s.sequence + s.skipped + s.segments->len <= want)
    tell (check, 27, ERROR, check->place,
        "hold a request for the next segment until it is there",
        "?%s is answered with a list that ends before it", next);
  early = ask (list, far, NULL);
  if (early != NULL)
    tell (check, 27, WARNING, check->place,
        "answer 400 to a segment more than two ahead",
        "?%s is answered with a playlist", far);
  part = ask (list, "_HLS_part=0", NULL);
  if (part != NULL)
    tell (check, 27, WARNING, check->place,
        "answer 400 to _HLS_part without _HLS_msn",
        "?_HLS_part=0 is answered with a playlist");
}

static void
probe_delta (List * list)
{
  LockstepHlsCheck *check = list->check;
  g_autoptr (GBytes) answer = ask (list, "_HLS_skip=YES", NULL);
  g_auto (LockstepHlsSnapshot) s = { 0 };

  if (answer == NULL || !read_quietly (check, answer, &s)) {
    tell (check, 27, ERROR, check->place,
        "answer _HLS_skip with a delta or with the list",
        "?_HLS_skip=YES is not answered with a playlist");
    return;
  }
  for (guint i = 0; i < s.segments->len; i++) {
    const LockstepHlsSegment *now = g_ptr_array_index (s.segments, i);
    const LockstepHlsSegment *full = lockstep_hls_known (check, now->sequence);

    if (full != NULL && (strcmp (full->at.uri, now->at.uri) != 0
            || full->extinf != now->extinf)) {
      tell (check, 27, ERROR, now->at.uri,
          "let SKIPPED-SEGMENTS stand for what the full list has there",
          "segment %" G_GUINT64_FORMAT " of the delta is %s in the full list",
          now->sequence, full->at.uri);
      return;
    }
  }
}

void
lockstep_hls_set_probe (LockstepHlsSet * set)
{
  for (guint i = 0; i < set->lists->len; i++) {
    List *list = g_ptr_array_index (set->lists, i);

    if (list->probed || list->check->target_duration == 0 || list->check->ended)
      continue;
    list->probed = TRUE;
    if (list->check->can_block)
      probe_blocking (list);
    if (list->check->can_skip > 0)
      probe_delta (list);
  }
}

/* {{{ lists against each other */

static void
check_segments (LockstepHlsSet * set, const List * a, const List * b)
{
  for (guint i = 0; i < b->check->segments->len; i++) {
    const LockstepHlsSegment *y = g_ptr_array_index (b->check->segments, i);
    const LockstepHlsSegment *x = lockstep_hls_known (a->check, y->sequence);
    gint64 from, to, apart, by_date = 0, heard;

    if (x == NULL)
      continue;
    if (x->discontinuities != y->discontinuities)
      tell (set->top, 29, ERROR, b->uri,
          "count discontinuities alike in all lists",
          "segment %" G_GUINT64_FORMAT " has the discontinuity number %"
          G_GUINT64_FORMAT ", and in %s %" G_GUINT64_FORMAT, y->sequence,
          y->discontinuities, a->uri, x->discontinuities);
    from = lockstep_hls_start_of (x);
    to = lockstep_hls_start_of (y);
    if (from < 0 || to < 0)
      continue;
    apart = lockstep_hls_tick_distance (from, to);
    if (x->pdt >= 0 && y->pdt >= 0)
      by_date = y->pdt - x->pdt;
    /* The pictures of one may come in later than its sound, where it starts */
    if (lockstep_hls_sound_distance (x, y, &heard)
        && ABS (heard * 100 / 9 - by_date) < ABS (apart * 100 / 9 - by_date))
      apart = heard;
    if (x->pdt >= 0 && y->pdt >= 0
        && ABS (apart * 100 / 9 - by_date) > PDT_TOLERANCE)
      tell (set->top, 29, ERROR, b->uri,
          "give the same content the same timestamps in all lists",
          "by its date segment %" G_GUINT64_FORMAT
          " is %+.3f s from that of %s," " by its timestamps %+.3f s",
          y->sequence, (y->pdt - x->pdt) / 1e6, a->uri,
          apart / (double) LOCKSTEP_CHECK_TICKS);
    else if (ABS (apart) > BOUNDARY_TOLERANCE)
      tell (set->top, 29, WARNING, b->uri,
          "cut all lists at the same times (Apple 8.22)",
          "segment %" G_GUINT64_FORMAT " starts %+.3f s from that of %s",
          y->sequence, apart / (double) LOCKSTEP_CHECK_TICKS, a->uri);
  }
}

static void
check_pair (LockstepHlsSet * set, const List * a, const List * b)
{
  const LockstepHlsCheck *x = a->check, *y = b->check;
  gboolean dates = FALSE, no_dates = FALSE;

  if (x->target_duration == 0 || y->target_duration == 0)
    return;
  if (x->target_duration != y->target_duration)
    tell (set->top, 29, ERROR, b->uri,
        "write the same EXT-X-TARGETDURATION into all lists",
        "EXT-X-TARGETDURATION is %u, and %u in %s", y->target_duration,
        x->target_duration, a->uri);
  if (x->hold_back != y->hold_back || x->part_hold_back != y->part_hold_back
      || x->can_skip != y->can_skip || x->can_block != y->can_block)
    tell (set->top, 29, ERROR, b->uri,
        "write the same EXT-X-SERVER-CONTROL into all lists",
        "EXT-X-SERVER-CONTROL is not that of %s", a->uri);
  if (x->event != y->event)
    tell (set->top, 29, ERROR, b->uri,
        "write the same EXT-X-PLAYLIST-TYPE into all lists",
        "EXT-X-PLAYLIST-TYPE is not that of %s", a->uri);
  for (guint i = 0; i < 2; i++) {
    const GPtrArray *segments = (i == 0 ? x : y)->segments;

    if (segments->len > 0) {
      gint64 pdt = ((LockstepHlsSegment *) g_ptr_array_index ((GPtrArray *)
              segments, 0))->pdt;

      dates |= pdt >= 0;
      no_dates |= pdt < 0;
    }
  }
  if (dates && no_dates)
    tell (set->top, 29, ERROR, b->uri,
        "write EXT-X-PROGRAM-DATE-TIME into all lists, or into none (6.2.4)",
        "one of this list and %s has dates, the other has none", a->uri);
  check_segments (set, a, b);
}

/* The largest and the mean rate of a list's segments, in bit/s. */
static void
rates_of (const List * list, double *peak, double *mean)
{
  gint64 time = 0;
  guint64 bytes = 0;

  *peak = *mean = 0;
  for (guint i = 0; i < list->check->segments->len; i++) {
    const LockstepHlsSegment *segment =
        g_ptr_array_index (list->check->segments, i);

    if (segment->size == 0 || segment->extinf <= 0)
      continue;
    bytes += segment->size;
    time += segment->extinf;
    /* Shorter than half a target duration says little (4.1) */
    if (segment->extinf * 2 >= list->check->target_duration * SECOND)
      *peak = MAX (*peak, segment->size * 8e6 / segment->extinf);
  }
  if (time > 0)
    *mean = bytes * 8e6 / time;
}

static void
check_rates (LockstepHlsSet * set, const Variant * variant)
{
  double peak, mean, more_peak = 0, more_mean = 0;

  rates_of (variant->list, &peak, &mean);
  for (guint i = 0; i < set->renditions->len; i++) {
    const Rendition *rendition = g_ptr_array_index (set->renditions, i);
    double p, m;

    if (rendition->list == NULL || rendition->list == variant->list
        || g_strcmp0 (rendition->group, variant->audio) != 0)
      continue;
    rates_of (rendition->list, &p, &m);
    more_peak = MAX (more_peak, p);
    more_mean = MAX (more_mean, m);
  }
  peak += more_peak;
  mean += more_mean;
  if (variant->bandwidth > 0 && peak > 1.25 * variant->bandwidth)
    tell (set->top, 29, ERROR, variant->list->uri,
        "declare the BANDWIDTH that segments have, or keep to it (Apple 1.29)",
        "a peak of %.0f bit/s, and BANDWIDTH is %" G_GUINT64_FORMAT, peak,
        variant->bandwidth);
  if (variant->average > 0 && mean > 1.1 * variant->average)
    tell (set->top, 29, WARNING, variant->list->uri,
        "declare the AVERAGE-BANDWIDTH that segments have (Apple 1.28)",
        "a mean of %.0f bit/s, and AVERAGE-BANDWIDTH is %" G_GUINT64_FORMAT,
        mean, variant->average);
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
lockstep_hls_set_finish (LockstepHlsSet * set, gint64 now)
{
  for (guint i = 0; i < set->lists->len; i++) {
    List *list = g_ptr_array_index (set->lists, i);

    lockstep_hls_check_finish (list->check, now);
    if (i > 0)
      check_pair (set, g_ptr_array_index (set->lists, 0), list);
    if (list->check->part_target > 0
        && list->check->reports + 1 < set->lists->len)
      tell (set->top, 28, WARNING, list->uri,
          "write EXT-X-RENDITION-REPORT for every other list",
          "%u reports, and there are %u other lists", list->check->reports,
          set->lists->len - 1);
  }
  for (guint i = 0; i < set->variants->len; i++)
    check_rates (set, g_ptr_array_index (set->variants, i));
  for (guint i = 0; i < set->lists->len; i++) {
    List *list = g_ptr_array_index (set->lists, i);

    while (list->check->findings->len > 0)
      g_ptr_array_add (set->top->findings,
          g_ptr_array_steal_index (list->check->findings, 0));
  }
  g_ptr_array_sort (set->top->findings, compare_findings);
  return set->top->findings;
}
