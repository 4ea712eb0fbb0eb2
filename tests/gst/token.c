/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <gst/lockstep/token.h>

static void
test_equal (void)
{
  g_assert_true (lockstep_token_equal ("", ""));
  g_assert_true (lockstep_token_equal ("s3cret", "s3cret"));
  g_assert_false (lockstep_token_equal ("s3cret", "s3creT"));
  g_assert_false (lockstep_token_equal ("s3cret", "s3cret "));
  g_assert_false (lockstep_token_equal ("s3cret", ""));
}

static void
test_authorization (void)
{
  static const struct
  {
    const char *header, *token;
  } cases[] = {
    {NULL, NULL},
    {"", NULL},
    {"Bearer", NULL},
    {"Bearer ", NULL},
    {"Bearer   ", NULL},
    {"Basic YTpi", NULL},
    {"Bearer a b", NULL},
    {"Bearer abc", "abc"},
    {"bearer abc", "abc"},
    {"BEARER  abc ", "abc"},
  };

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++) {
    g_autofree char *token =
        lockstep_token_from_authorization (cases[i].header);

    g_assert_cmpstr (token, ==, cases[i].token);
  }
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/token/equal", test_equal);
  g_test_add_func ("/token/authorization", test_authorization);
  return g_test_run ();
}
