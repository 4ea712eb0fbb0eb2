/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Whether a path's queue grows, from when packets were sent and arrived. */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* Delay gradients that one line is laid through. */
#define LOCKSTEP_TRENDLINE_POINTS 20

typedef enum
{
  LOCKSTEP_PATH_NORMAL,
  LOCKSTEP_PATH_OVERUSED,       /* the queue grows */
  LOCKSTEP_PATH_UNDERUSED       /* the queue empties */
} LockstepPathState;

/* Packets that left together: their arrival says one thing about the path. */
typedef struct
{
  gint64 first_sent, last_sent;
  gint64 first_arrival, last_arrival;
  gboolean used;
} LockstepPacketGroup;

typedef struct
{
  LockstepPacketGroup group, before;
  guint deltas;                 /* group pairs seen, up to 60 */
  gdouble delay, smoothed;      /* summed delay variation, ms */
  gdouble at[LOCKSTEP_TRENDLINE_POINTS];        /* arrival, ms from the first */
  gdouble value[LOCKSTEP_TRENDLINE_POINTS];     /* smoothed delay, ms */
  guint points, next;
  gint64 first_arrival;
  gdouble threshold, previous;  /* ms */
  gint64 threshold_at;          /* ns; -1 before the first */
  gdouble over_for;             /* ms that the trend has been beyond the threshold */
  guint over_count;
  LockstepPathState state;
} LockstepTrendline;

void lockstep_trendline_init (LockstepTrendline * trendline);
LockstepPathState lockstep_trendline_add (LockstepTrendline * trendline,
    gint64 sent, gint64 arrival);

G_END_DECLS
