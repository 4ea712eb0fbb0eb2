/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What a sender claims about its clocks (sender reports, abs-capture-time), and
 * how far it is believed. */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

#define LOCKSTEP_REPORTS_KEPT 16

/* A claim this far from what the arrivals show is not believed: path and encoder
 * differ by less, broken clocks by more. */
#define LOCKSTEP_REPORTS_MAX_CORRECTION (G_GINT64_CONSTANT (300) * 1000000)

/**
 * LockstepReportClock:
 *
 * The claims for one stream: pairs of media time and sender's time. Their
 * difference (sender's time less media time) is kept.
 */
typedef struct
{
  gint64 at[LOCKSTEP_REPORTS_KEPT];     /* sender's time, ns */
  gint64 offset[LOCKSTEP_REPORTS_KEPT]; /* sender's time less media time, ns */
  guint n, next;
  guint64 count;                /* claims in all */
  gdouble slope;                /* ns per ns, of offset over at */
  gboolean has_capture_offset;  /* of the newest: see abs-capture-time */
  gint64 capture_offset;
} LockstepReportClock;

/**
 * LockstepBelief:
 * @LOCKSTEP_BELIEF_NONE: no claims for both streams
 * @LOCKSTEP_BELIEF_FEW: one pair only; nothing confirms it yet
 * @LOCKSTEP_BELIEF_TRUSTED: they agree with each other and with the arrivals
 * @LOCKSTEP_BELIEF_SCATTERED: they do not agree with each other
 * @LOCKSTEP_BELIEF_CONTRADICTED: the arrivals show another offset
 * @LOCKSTEP_BELIEF_DRIFTING: they run at another rate than the arrivals
 */
typedef enum
{
  LOCKSTEP_BELIEF_NONE,
  LOCKSTEP_BELIEF_FEW,
  LOCKSTEP_BELIEF_TRUSTED,
  LOCKSTEP_BELIEF_SCATTERED,
  LOCKSTEP_BELIEF_CONTRADICTED,
  LOCKSTEP_BELIEF_DRIFTING,
} LockstepBelief;

const char *lockstep_belief_name (LockstepBelief belief);

/**
 * LockstepReportPair:
 *
 * The claims of two streams against each other and against the arrivals.
 */
typedef struct
{
  gint64 at[LOCKSTEP_REPORTS_KEPT];
  gint64 claimed[LOCKSTEP_REPORTS_KEPT];        /* offset of b against a, ns */
  gint64 excess[LOCKSTEP_REPORTS_KEPT]; /* claimed less what arrivals show */
  guint n, next;
  guint64 seen_a, seen_b;       /* claims used up */
  gint64 last_at;
  gdouble drift_doubt;
  gdouble slope;                /* of the claims, where they lie on one line */
  gboolean on_line;
  guint outliers;               /* jumps in a row, not stored */
  guint64 jumps;                /* in all */
  LockstepBelief belief;
  gboolean decides;             /* they showed what the arrivals did not */
  gint64 offset;                /* the middle, at last_at, ns */
  gint64 uncertainty;           /* ns either side */
} LockstepReportPair;

void lockstep_report_clock_init (LockstepReportClock * clock);
void lockstep_report_clock_add (LockstepReportClock * clock, gint64 media,
    gint64 sender, gboolean has_capture_offset, gint64 capture_offset);

void lockstep_report_pair_init (LockstepReportPair * pair);
gboolean lockstep_report_pair_update (LockstepReportPair * pair,
    const LockstepReportClock * a, const LockstepReportClock * b, gint64 now,
    gint64 interval, gint64 arrival_offset, gdouble drift, gdouble drift_doubt);
gint64 lockstep_report_pair_apply (LockstepReportPair * pair, gint64 now,
    gint64 believed, gdouble drift);

gint64 lockstep_ntp_difference (guint64 ntp, guint64 base);

G_END_DECLS
