/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* How many lines of a log somebody else may cause. */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* Zero is a good beginning. */
typedef struct
{
  gdouble spent;                /* lines, less what was earned back */
  gint64 at;                    /* when that was, ns */
  guint left_out;               /* since the last line that was written */
} LockstepLineBudget;

/**
 * lockstep_line_budget_take:
 * @now: ns of a steady clock
 * @left_out: (out): where the line is written, how many before it were not
 *
 * A few lines at once, then one every few seconds.
 *
 * Returns: whether the line is written; where not, @budget->left_out counts it
 */
gboolean lockstep_line_budget_take (LockstepLineBudget * budget, gint64 now,
    guint * left_out);

G_END_DECLS
