/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Sinks that write renditions of one source: what they share, so that their segments
 * begin at the same times, have the same numbers, and have their discontinuities at
 * the same places (draft-pantos-hls-rfc8216bis-22, 6.2.4).
 *
 * A lock of the group is the innermost one: nothing is called with it held. */
#include "hlsgroup.h"

#include <glib-object.h>

/* Discontinuities that are remembered: more than can lie within a segment. */
#define MAX_DISCONTINUITIES 64
/* Members whose folder is slow to read are not waited for longer. */
#define LOAD_LIMIT (3 * G_TIME_SPAN_SECOND)
/* Segments that are remembered, for one that joins late and is behind. */
#define MAX_POINTS 64
/* The others are not that far behind one that joins late. */
#define FIND_LIMIT (2 * G_TIME_SPAN_SECOND)

typedef struct
{
  GWeakRef object;
  gpointer id;
  HlsGroupTell tell;
} Member;

struct _HlsGroup
{
  gatomicrefcount refs;
  char *name;
  GMutex lock;
  GCond cond;
  GPtrArray *members;           /* Member */
  gpointer leader;
  gboolean have_anchor, have_offset;
  gint64 anchor, offset;
  GArray *discontinuities;      /* gint64, starts of segments */
  guint joined, loaded;
  HlsGroupState state;
  HlsGroupPoint points[MAX_POINTS];     /* by their number modulo that */
  guint64 n_points;
};

static GMutex groups_lock;
static GHashTable *groups;      /* name -> HlsGroup, of those with members */

static void
member_free (gpointer data)
{
  Member *member = data;

  g_weak_ref_clear (&member->object);
  g_free (member);
}

HlsGroup *
hls_group_ref (HlsGroup * group)
{
  g_atomic_ref_count_inc (&group->refs);
  return group;
}

void
hls_group_unref (HlsGroup * group)
{
  if (!g_atomic_ref_count_dec (&group->refs))
    return;
  g_ptr_array_unref (group->members);
  g_array_unref (group->discontinuities);
  g_mutex_clear (&group->lock);
  g_cond_clear (&group->cond);
  g_free (group->name);
  g_free (group);
}

HlsGroup *
hls_group_join (const char *name, gpointer object, gboolean leads,
    HlsGroupTell tell)
{
  HlsGroup *group;
  Member *member;
  gboolean taken;

  g_mutex_lock (&groups_lock);
  if (groups == NULL)
    groups = g_hash_table_new (g_str_hash, g_str_equal);
  group = g_hash_table_lookup (groups, name);
  if (group == NULL) {
    group = g_new0 (HlsGroup, 1);
    g_atomic_ref_count_init (&group->refs);
    group->name = g_strdup (name);
    g_mutex_init (&group->lock);
    g_cond_init (&group->cond);
    group->members = g_ptr_array_new_with_free_func (member_free);
    group->discontinuities = g_array_new (FALSE, FALSE, sizeof (gint64));
    g_hash_table_insert (groups, group->name, group);
  } else {
    hls_group_ref (group);
  }
  g_mutex_lock (&group->lock);
  taken = leads && group->leader != NULL;
  if (!taken) {
    member = g_new0 (Member, 1);
    g_weak_ref_init (&member->object, object);
    member->id = object;
    member->tell = tell;
    g_ptr_array_add (group->members, member);
    group->joined++;
    if (leads)
      group->leader = object;
  }
  g_mutex_unlock (&group->lock);
  g_mutex_unlock (&groups_lock);
  if (taken)
    g_clear_pointer (&group, hls_group_unref);
  return group;
}

void
hls_group_leave (HlsGroup * group, gpointer object)
{
  g_mutex_lock (&groups_lock);
  g_mutex_lock (&group->lock);
  for (guint i = 0; i < group->members->len; i++) {
    if (((Member *) g_ptr_array_index (group->members, i))->id == object) {
      g_ptr_array_remove_index (group->members, i);
      break;
    }
  }
  if (group->leader == object)
    group->leader = NULL;
  if (group->members->len == 0)
    g_hash_table_remove (groups, group->name);
  g_mutex_unlock (&group->lock);
  g_mutex_unlock (&groups_lock);
  hls_group_unref (group);
}

gboolean
hls_group_has_leader (HlsGroup * group)
{
  gboolean has;

  g_mutex_lock (&group->lock);
  has = group->leader != NULL;
  g_mutex_unlock (&group->lock);
  return has;
}

void
hls_group_tell (HlsGroup * group, gpointer from,
    const LockstepVerdict * verdict)
{
  g_autoptr (GPtrArray) objects = g_ptr_array_new_with_free_func
      (g_object_unref);
  g_autofree HlsGroupTell *tells = NULL;

  g_mutex_lock (&group->lock);
  tells = g_new (HlsGroupTell, group->members->len);
  for (guint i = 0; i < group->members->len; i++) {
    Member *member = g_ptr_array_index (group->members, i);
    gpointer object = member->id == from ? NULL
        : g_weak_ref_get (&member->object);

    if (object == NULL)
      continue;
    tells[objects->len] = member->tell;
    g_ptr_array_add (objects, object);
  }
  g_mutex_unlock (&group->lock);
  for (guint i = 0; i < objects->len; i++)
    tells[i] (g_ptr_array_index (objects, i), verdict);
}

static gint64
first_of_all (HlsGroup * group, gboolean * have, gint64 * value, gint64 mine)
{
  gint64 result;

  g_mutex_lock (&group->lock);
  if (!*have)
    *value = mine;
  *have = TRUE;
  result = *value;
  g_mutex_unlock (&group->lock);
  return result;
}

gint64
hls_group_anchor (HlsGroup * group, gint64 mine)
{
  return first_of_all (group, &group->have_anchor, &group->anchor, mine);
}

gint64
hls_group_offset (HlsGroup * group, gint64 mine)
{
  return first_of_all (group, &group->have_offset, &group->offset, mine);
}

gboolean
hls_group_discontinuity (HlsGroup * group, gint64 start, gboolean mine,
    gint64 tolerance)
{
  GArray *all = group->discontinuities;
  gboolean has = FALSE;

  g_mutex_lock (&group->lock);
  for (guint i = 0; i < all->len; i++)
    has |= ABS (g_array_index (all, gint64, i) - start) <= tolerance;
  if (mine && !has) {
    if (all->len >= MAX_DISCONTINUITIES)
      g_array_remove_index (all, 0);
    g_array_append_val (all, start);
  }
  g_mutex_unlock (&group->lock);
  return has || mine;
}

void
hls_group_stored (HlsGroup * group, const HlsGroupPoint * point)
{
  g_mutex_lock (&group->lock);
  if (group->n_points == 0 || point->sequence >
      group->points[(group->n_points - 1) % MAX_POINTS].sequence) {
    group->points[group->n_points++ % MAX_POINTS] = *point;
    g_cond_broadcast (&group->cond);
  }
  g_mutex_unlock (&group->lock);
}

gboolean
hls_group_has_begun (HlsGroup * group, guint * target_duration)
{
  gboolean begun;

  g_mutex_lock (&group->lock);
  begun = group->n_points > 0;
  if (begun)
    *target_duration =
        group->points[(group->n_points - 1) % MAX_POINTS].target_duration;
  g_mutex_unlock (&group->lock);
  return begun;
}

gboolean
hls_group_find (HlsGroup * group, gint64 start, gint64 tolerance,
    HlsGroupPoint * point)
{
  gint64 until = g_get_monotonic_time () + FIND_LIMIT;
  gboolean found = FALSE;

  g_mutex_lock (&group->lock);
  while ((group->n_points == 0
          || group->points[(group->n_points - 1) % MAX_POINTS].start
          < start - tolerance)
      && g_cond_wait_until (&group->cond, &group->lock, until));
  for (guint i = 0; i < MIN (group->n_points, MAX_POINTS) && !found; i++) {
    found = ABS (group->points[i].start - start) <= tolerance;
    if (found)
      *point = group->points[i];
  }
  g_mutex_unlock (&group->lock);
  return found;
}

void
hls_group_loaded (HlsGroup * group, const HlsGroupState * mine)
{
  g_mutex_lock (&group->lock);
  group->loaded++;
  group->state.sequence = MAX (group->state.sequence, mine->sequence);
  group->state.discontinuities = MAX (group->state.discontinuities,
      mine->discontinuities);
  group->state.target_duration = MAX (group->state.target_duration,
      mine->target_duration);
  g_cond_broadcast (&group->cond);
  g_mutex_unlock (&group->lock);
}

void
hls_group_resume (HlsGroup * group, HlsGroupState * state)
{
  gint64 until = g_get_monotonic_time () + LOAD_LIMIT;

  g_mutex_lock (&group->lock);
  while (group->loaded < group->joined
      && g_cond_wait_until (&group->cond, &group->lock, until));
  *state = group->state;
  g_mutex_unlock (&group->lock);
}
