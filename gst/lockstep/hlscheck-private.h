/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The validator's inside, shared by its files: hlscheck-playlist.c reads a snapshot,
 * hlscheck-segment.c looks at the bytes, hlscheck.c at what changes in time,
 * hlscheck-set.c at lists that belong together. */
#pragma once

#include <gst/lockstep/hlscheck.h>
#include <gst/lockstep/hlscheck-media.h>

G_BEGIN_DECLS

#define LOCKSTEP_CHECK_TICKS 90000
/* Rounding of ticks and of 90 kHz source timestamps. */
#define LOCKSTEP_CHECK_TOLERANCE 180
#define LOCKSTEP_CHECK_MAX_SEGMENTS 200000

/* A file, or a range of it. */
typedef struct
{
  char *uri;
  gboolean ranged;
  guint64 offset, length;
} LockstepHlsPart;

/* EXT-X-KEY in force. */
typedef struct
{
  char *uri;
  gboolean aes128;              /* else SAMPLE-AES, or something newer */
  gboolean have_iv;
  guint8 iv[16];
} LockstepHlsKey;

/* EXT-X-PART. */
typedef struct
{
  LockstepHlsPart at;
  gint64 duration;              /* us */
  gboolean independent, gap;
} LockstepHlsPartial;

typedef struct
{
  guint64 sequence, discontinuities;    /* its number of the latter */
  LockstepHlsPart at;
  LockstepHlsPart map;          /* uri NULL: none */
  LockstepHlsKey *key;          /* NULL: in the clear */
  gboolean map_key_has_iv;      /* of the key when the map was named */
  gint64 extinf;                /* us */
  gint64 pdt;                   /* us of Unix time, -1: none */
  guint decimals;
  gboolean discontinuity, gap;
  GPtrArray *parts;             /* LockstepHlsPartial, or NULL */

  guint hash;
  gsize size;
  LockstepCheckMedia *media;    /* NULL: not looked into */
  gint64 removed_at;            /* -1: listed */
  gboolean told;
} LockstepHlsSegment;

typedef struct
{
  char *id;
  gint64 start, end;            /* us of Unix time */
  gboolean listed, removed;
} LockstepHlsDateRange;

/* What one snapshot says. */
typedef struct
{
  guint target, version;
  guint64 sequence, discontinuities, skipped;
  gboolean have_target, independent, ended, vod, event, multivariant;
  guint needs;                  /* lowest version by its tags */
  GPtrArray *segments;          /* LockstepHlsSegment */

  /* low latency; us, 0: not there */
  gint64 part_target, hold_back, part_hold_back, can_skip;
  gboolean can_block;
  GPtrArray *parts;             /* of the segment that is not complete */
  char *hint;                   /* EXT-X-PRELOAD-HINT of TYPE=PART */
  guint reports;                /* EXT-X-RENDITION-REPORT */
  GHashTable *dates;            /* ID to LockstepHlsDateRange */
} LockstepHlsSnapshot;

struct _LockstepHlsCheck
{
  double target;
  LockstepHlsFetch fetch;
  gpointer user;
  char *name;                   /* put before each place, or NULL */
  GPtrArray *findings;

  guint snapshots;
  guint last_hash;
  gint64 changed_at;
  gint64 looked_at;             /* when the list was seen last, changed or not */
  guint target_duration;
  guint64 sequence, discontinuities;    /* of the last snapshot */
  guint listed;
  gboolean ended, event, multivariant;
  gint64 part_target, hold_back, part_hold_back, can_skip;
  gboolean can_block;
  guint reports;
  char *hint;
  gint64 longest;               /* us */
  GPtrArray *segments;          /* LockstepHlsSegment, all seen, in order */
  GQueue removed;               /* LockstepHlsSegment, borrowed: looked at again */
  GHashTable *dates;            /* ID to LockstepHlsDateRange, all seen */
  char *place;                  /* of the snapshot */

  /* what was fetched last: many segments share a file, a map or a key */
  char *file_uri, *map_uri, *key_uri;
  GBytes *file, *key;
  LockstepCheckInit init;
  char *next_uri;               /* the segment that should come next, or NULL */
  char *peeked_uri;             /* one that was there before it was listed */
  gsize peeked_size;            /* and its bytes then */
};

/* Tells a failing. One with the same rule and cure as an earlier one is counted. */
void lockstep_hls_tell (LockstepHlsCheck *check, guint rule,
    LockstepHlsSeverity severity, const char *place, const char *cure,
    const char *format, ...) G_GNUC_PRINTF (6, 7);

#define ERROR LOCKSTEP_HLS_ERROR
#define WARNING LOCKSTEP_HLS_WARNING

void lockstep_hls_segment_free (LockstepHlsSegment *segment);
void lockstep_hls_partial_free (LockstepHlsPartial *part);
LockstepHlsSegment *lockstep_hls_segment_copy (const LockstepHlsSegment *segment);
void lockstep_hls_snapshot_clear (LockstepHlsSnapshot *snapshot);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC (LockstepHlsSnapshot, lockstep_hls_snapshot_clear)

/* An attribute list (4.2): name to value, without quotes. */
GHashTable *lockstep_hls_attributes (const char *text);

/* @line is @tag, with a value or without. */
gboolean lockstep_hls_is_tag (const char *line, const char *tag,
    const char **value);

/* Rule 1, of any playlist. */
void lockstep_hls_check_text (LockstepHlsCheck *check, const char *text,
    gsize size);

/**
 * lockstep_hls_parse:
 *
 * Reads a media playlist, and tells what is wrong by one look at it.
 *
 * Returns: FALSE where it is no such thing; with multivariant set, it is the other
 */
gboolean lockstep_hls_parse (LockstepHlsCheck *check, const char *text, gsize size,
    LockstepHlsSnapshot *out);

/* What rules ask of one snapshot. */
void lockstep_hls_check_one (LockstepHlsCheck *check,
    const LockstepHlsSnapshot *snapshot);

/* The bytes of @part, or NULL. */
GBytes *lockstep_hls_get (LockstepHlsCheck *check, const LockstepHlsPart *part,
    GError **error);

/* Fetches @segment, decrypts and reads it, and tells what is wrong with it. */
void lockstep_hls_look_into (LockstepHlsCheck *check, LockstepHlsSegment *segment,
    gboolean independent);

/* What follows what, where no discontinuity is marked. */
void lockstep_hls_check_join (LockstepHlsCheck *check,
    const LockstepHlsSegment *before, const LockstepHlsSegment *segment);

/* The sum of EXTINF, and the grid, over each run without a discontinuity. */
void lockstep_hls_check_runs (LockstepHlsCheck *check);

/* Ticks of where @segment starts, of its pictures where it has them; -1: unknown. */
gint64 lockstep_hls_start_of (const LockstepHlsSegment *segment);
/* Ticks from the first sound of one to that of the other; FALSE: one has none. */
gboolean lockstep_hls_sound_distance (const LockstepHlsSegment *from,
    const LockstepHlsSegment *to, gint64 *ticks);
gint64 lockstep_hls_tick_distance (gint64 from, gint64 to);

/* Segment @sequence as it was first seen, or NULL. */
LockstepHlsSegment *lockstep_hls_known (LockstepHlsCheck *check, guint64 sequence);

G_END_DECLS
