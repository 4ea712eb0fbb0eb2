/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A bucket of lines. */
#include "linebudget.h"

#define SECOND (G_GINT64_CONSTANT (1000000000))
/* Some 17,000 lines a day. */
#define LINES 20
#define EARNED_EVERY (5 * SECOND)

gboolean
lockstep_line_budget_take (LockstepLineBudget * budget, gint64 now,
    guint * left_out)
{
  gint64 passed = MAX (now - budget->at, 0);

  *left_out = 0;
  budget->spent = MAX (budget->spent - passed / (gdouble) EARNED_EVERY, 0);
  budget->at = now;
  if (budget->spent > LINES - 1) {
    if (budget->left_out < G_MAXUINT)
      budget->left_out++;
    return FALSE;
  }
  budget->spent++;
  *left_out = budget->left_out;
  budget->left_out = 0;
  return TRUE;
}
