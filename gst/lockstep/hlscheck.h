/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A validator of HLS over time: playlists of both kinds, and segments in MPEG-TS,
 * fragmented MP4 and packed audio, encrypted or not.
 *
 * It shares no code with the writer. Rule numbers are explained by
 * lockstep_hls_rule_text(); most are of draft-pantos-hls-rfc8216bis-22. */
#pragma once

#include <gio/gio.h>

G_BEGIN_DECLS

typedef enum
{
  LOCKSTEP_HLS_WARNING,         /* a SHOULD, or an advice of a big player's maker */
  LOCKSTEP_HLS_ERROR,
} LockstepHlsSeverity;

/* One failing. The same one in many places is told once, with a count. */
typedef struct
{
  guint rule;
  LockstepHlsSeverity severity;
  char *place;                  /* "snapshot 3, line 7", "seg00012.ts, packet 1" */
  char *text;                   /* what is wrong */
  char *cure;                   /* what to do */
  guint count;
} LockstepHlsFinding;

/* Bytes of what a playlist names; NULL: it is not there. */
typedef GBytes *(*LockstepHlsFetch) (gpointer user, const char *uri, GError **error);

typedef struct _LockstepHlsCheck LockstepHlsCheck;

/**
 * lockstep_hls_check_new:
 * @target: the segment duration that was asked for, in seconds; 0: what
 *   EXT-X-TARGETDURATION says, where the segments are near that
 */
LockstepHlsCheck *lockstep_hls_check_new (double target, LockstepHlsFetch fetch,
    gpointer user);
void lockstep_hls_check_free (LockstepHlsCheck *check);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (LockstepHlsCheck, lockstep_hls_check_free)

/**
 * lockstep_hls_check_snapshot:
 * @now: microseconds of a steady clock
 *
 * Takes the playlist as a client sees it now, and fetches the segments that are
 * new in it. Snapshots come in the order of time; equal ones are fine.
 */
void lockstep_hls_check_snapshot (LockstepHlsCheck *check, const char *text,
    gsize size, gint64 now);

/* TRUE once the list has ended. */
gboolean lockstep_hls_check_ended (const LockstepHlsCheck *check);
guint lockstep_hls_check_n_segments (const LockstepHlsCheck *check);

/* EXT-X-TARGETDURATION in seconds, 0 before the first snapshot. */
guint lockstep_hls_check_target_duration (const LockstepHlsCheck *check);

/**
 * lockstep_hls_check_finish:
 * @now: as above
 *
 * Looks whether what was listed is still what it was.
 *
 * Returns: (transfer none) (element-type LockstepHlsFinding): errors first
 */
GPtrArray *lockstep_hls_check_finish (LockstepHlsCheck *check, gint64 now);

/* A playlist of either kind, and every list that it names. */
typedef struct _LockstepHlsSet LockstepHlsSet;

/**
 * lockstep_hls_set_new:
 * @target: as for lockstep_hls_check_new()
 * @fetch: takes URIs as the first playlist would have them, or with a query alone
 *   for that playlist itself
 */
LockstepHlsSet *lockstep_hls_set_new (double target, LockstepHlsFetch fetch,
    gpointer user);
void lockstep_hls_set_free (LockstepHlsSet *set);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (LockstepHlsSet, lockstep_hls_set_free)

/* As lockstep_hls_check_snapshot(), of the playlist at the top. */
void lockstep_hls_set_snapshot (LockstepHlsSet *set, const char *text, gsize size,
    gint64 now);

/* Asks what a low-latency server must answer, once: where a list says that it can.
 * It may take a target duration, as a good server holds the answer. */
void lockstep_hls_set_probe (LockstepHlsSet *set);

/* TRUE once every list has ended. */
gboolean lockstep_hls_set_ended (const LockstepHlsSet *set);
guint lockstep_hls_set_n_lists (const LockstepHlsSet *set);
guint lockstep_hls_set_n_segments (const LockstepHlsSet *set);
guint lockstep_hls_set_target_duration (const LockstepHlsSet *set);

/* As lockstep_hls_check_finish(), over all lists and between them. */
GPtrArray *lockstep_hls_set_finish (LockstepHlsSet *set, gint64 now);

/* What rule @rule asks, or NULL. */
const char *lockstep_hls_rule_text (guint rule);

G_END_DECLS
