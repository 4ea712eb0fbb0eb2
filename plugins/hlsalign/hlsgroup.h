/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Sinks that write renditions of one source, and so cut alike. */
#pragma once

#include <gst/lockstep/segmenter.h>

G_BEGIN_DECLS

typedef struct _HlsGroup HlsGroup;

/* What a member is told; called without the group's lock, from the thread of the one
 * that leads. */
typedef void (*HlsGroupTell) (gpointer member, const LockstepVerdict *verdict);

/**
 * hls_group_join:
 * @name: the group's; all sinks of the process that give it are one group
 * @member: a GObject; the group holds no reference to it
 * @leads: its cuts are everybody's
 *
 * Returns: (transfer full): what is given back with hls_group_leave(); NULL: another
 *   one leads already
 */
HlsGroup *hls_group_join (const char *name, gpointer member, gboolean leads,
    HlsGroupTell tell);
void hls_group_leave (HlsGroup *group, gpointer member);

/* For those that outlive their membership. */
HlsGroup *hls_group_ref (HlsGroup *group);
void hls_group_unref (HlsGroup *group);

gboolean hls_group_has_leader (HlsGroup *group);

/* Tells every member but @from. */
void hls_group_tell (HlsGroup *group, gpointer from, const LockstepVerdict *verdict);

/* The first value that any member gave, which is everybody's: where the grid
 * begins; Unix time less running time. */
gint64 hls_group_anchor (HlsGroup *group, gint64 mine);
gint64 hls_group_offset (HlsGroup *group, gint64 mine);

/* Whether a member has, or had, a discontinuity at @start, give or take @tolerance. */
gboolean hls_group_discontinuity (HlsGroup *group, gint64 start, gboolean mine,
    gint64 tolerance);

/* Where playlists of earlier runs stand. */
typedef struct
{
  guint64 sequence;             /* of the next segment */
  guint64 discontinuities;      /* up to there */
  guint target_duration;        /* s */
} HlsGroupState;

/* A segment that a member stored. */
typedef struct
{
  gint64 start;                 /* as the members count, ns */
  guint64 sequence;
  guint64 discontinuities;      /* up to it, its own included */
  guint target_duration;        /* s */
} HlsGroupPoint;

/* Each member says what it stored. */
void hls_group_stored (HlsGroup *group, const HlsGroupPoint *point);

/* Whether any of them did, and so whoever joins now comes late; then
 * @target_duration is what the others have. */
gboolean hls_group_has_begun (HlsGroup *group, guint *target_duration);

/* For one that joined late: the segment that began at @start, give or take @tolerance.
 * Waits a little for the others to get there. FALSE: none of theirs began there. */
gboolean hls_group_find (HlsGroup *group, gint64 start, gint64 tolerance,
    HlsGroupPoint *point);

/* Each member says where its playlist stands. */
void hls_group_loaded (HlsGroup *group, const HlsGroupState *mine);

/* Where all go on: the furthest of all. Waits a little for those that load yet. */
void hls_group_resume (HlsGroup *group, HlsGroupState *state);

G_END_DECLS
