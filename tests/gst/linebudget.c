/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <gst/lockstep/linebudget.h>

#define SECOND (G_GINT64_CONSTANT (1000000000))

/* A server that sends a hundred notices a second, for an hour. */
static void
test_flood (void)
{
  LockstepLineBudget budget = { 0 };
  guint written = 0, told = 0, left_out;

  for (guint i = 0; i < 360000; i++) {
    gboolean pass =
        lockstep_line_budget_take (&budget, i * SECOND / 100, &left_out);

    /* the first ones are all there */
    g_assert_true (pass || i >= 20);
    written += pass;
    told += left_out;
  }
  g_assert_cmpuint (written, >=, 20);
  g_assert_cmpuint (written, <=, 20 + 720);
  g_assert_cmpuint (written + told + budget.left_out, ==, 360000);
}

/* One that has something to say now and then is always heard. */
static void
test_quiet (void)
{
  LockstepLineBudget budget = { 0 };
  guint left_out;

  for (guint i = 0; i < 1000; i++) {
    g_assert_true (lockstep_line_budget_take (&budget, i * 5 * SECOND,
            &left_out));
    g_assert_cmpuint (left_out, ==, 0);
  }
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/linebudget/flood", test_flood);
  g_test_add_func ("/linebudget/quiet", test_quiet);
  return g_test_run ();
}
