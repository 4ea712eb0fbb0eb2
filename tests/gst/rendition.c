/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The sizes of renditions, the judgement of machines that do not keep up, and of those that
 * do again. */
#include <gst/lockstep/rendition.h>

#include <math.h>

#define MS G_GINT64_CONSTANT (1000000)
#define SECOND (1000 * MS)

static GRand *rnd;

static void
assert_fit (int w, int h, int source_w, int source_h, gboolean upscale,
    int want_w, int want_h)
{
  LockstepRendition rendition = {.width = w,.height = h };
  int width, height;

  lockstep_rendition_fit (&rendition, source_w, source_h, upscale, &width,
      &height);
  g_assert_cmpint (width, ==, want_w);
  g_assert_cmpint (height, ==, want_h);
}

static void
test_fit (void)
{
  assert_fit (640, 360, 1280, 720, FALSE, 640, 360);
  /* no larger than the source, unless told */
  assert_fit (1280, 720, 640, 360, FALSE, 640, 360);
  assert_fit (1280, 720, 640, 360, TRUE, 1280, 720);
  /* the source's shape */
  assert_fit (640, 360, 1024, 768, FALSE, 480, 360);
  assert_fit (640, 360, 1920, 800, FALSE, 640, 266);
  /* a telephone held upright */
  assert_fit (640, 360, 720, 1280, FALSE, 360, 640);
  assert_fit (640, 360, 180, 320, FALSE, 180, 320);
  /* odd sides */
  assert_fit (640, 360, 321, 181, FALSE, 320, 180);
  assert_fit (640, 360, 1, 1, FALSE, 2, 2);
}

/* Any source, any wish: even, inside, the same shape, as large as can be. */
static void
test_fit_property (void)
{
  for (guint round = 0; round < 20000; round++) {
    LockstepRendition r = {.width = 2 * g_rand_int_range (rnd, 8, 2000),
      .height = 2 * g_rand_int_range (rnd, 8, 2000)
    };
    int sw = g_rand_int_range (rnd, 16, 4096);
    int sh = g_rand_int_range (rnd, 16, 4096);
    gboolean upscale = g_rand_boolean (rnd);
    int w, h, long_side = MAX (r.width, r.height);
    int short_side = MIN (r.width, r.height);

    lockstep_rendition_fit (&r, sw, sh, upscale, &w, &h);
    g_assert_cmpint (w % 2, ==, 0);
    g_assert_cmpint (h % 2, ==, 0);
    g_assert_cmpint (MIN (w, h), >=, 2);
    g_assert_cmpint (MAX (w, h), <=, long_side);
    g_assert_cmpint (MIN (w, h), <=, short_side);
    if (!upscale) {
      g_assert_cmpint (w, <=, MAX (sw, 2));
      g_assert_cmpint (h, <=, MAX (sh, 2));
    }
    /* within what rounding to even sides does */
    if (MIN (w, h) > 60)
      g_assert_cmpfloat (fabs ((double) w / h * sh / sw - 1), <, 0.06);
    /* one side touches what was asked for, or the source */
    if (sw != sh) {
      int bw = sw > sh ? long_side : short_side;
      int bh = sw > sh ? short_side : long_side;

      g_assert_true (bw - w <= 2 || bh - h <= 2 || (!upscale
              && (sw - w <= 2 || sh - h <= 2)));
    }
  }
}

#define N 3

typedef struct
{
  LockstepOverload overload;
  LockstepRenditionLoad loads[N];
  gint64 now;
} Machine;

static void
machine_init (Machine * m)
{
  *m = (Machine) {
  .now = 1000 * SECOND};
  lockstep_overload_init (&m->overload, 60 * SECOND);
  for (guint i = 0; i < N; i++)
    m->loads[i] = (LockstepRenditionLoad) {
    .active = TRUE,.encoded = i > 0,.cost = 1e6 * (N - i)};
}

/* Lags of one second's look; what was dropped is taken out. */
static int
look (Machine * m, gint64 lag1, gint64 lag2)
{
  int drop;

  m->loads[1].lag = lag1;
  m->loads[2].lag = lag2;
  m->now += SECOND;
  drop = lockstep_overload_look (&m->overload, m->now, m->loads, N);
  if (drop >= 0) {
    m->loads[drop].active = FALSE;
    m->loads[drop].ready = TRUE;
  }
  return drop;
}

/* Looks, each second, until one is to be tried again. Returns: after how many; @limit: none
 * was */
static guint
until_retry (Machine * m, gint64 lag1, gint64 lag2, guint limit, int *which)
{
  guint seconds = 0;

  for (*which = -1; *which < 0 && seconds < limit; seconds++) {
    g_assert_cmpint (look (m, m->loads[1].active ? lag1 : 0,
            m->loads[2].active ? lag2 : 0), ==, -1);
    *which = lockstep_overload_retry (&m->overload, m->now, m->loads, N);
  }
  if (*which >= 0) {
    m->loads[*which].active = TRUE;
    m->loads[*which].ready = FALSE;
  }
  return seconds;
}

static void
drop_until (Machine * m, gint64 lag1, gint64 lag2, int which)
{
  guint seconds = 0;
  int drop;

  while ((drop = look (m, lag1, lag2)) < 0)
    g_assert_cmpuint (++seconds, <, 12);
  g_assert_cmpint (drop, ==, which);
}

/* Each comes back, the cheapest first, one at a time, when all have kept up for a minute. */
static void
test_retry (void)
{
  Machine m;
  int which;

  machine_init (&m);
  /* nothing was dropped */
  g_assert_cmpuint (until_retry (&m, 0, 0, 1000, &which), ==, 1000);
  drop_until (&m, SECOND, SECOND, 1);
  drop_until (&m, 0, SECOND, 2);
  /* behind for a moment: the minute begins anew */
  g_assert_cmpuint (until_retry (&m, 0, 0, 50, &which), ==, 50);
  m.loads[0].encoded = TRUE;
  m.loads[0].lag = SECOND;
  g_assert_cmpint (look (&m, 0, 0), ==, -1);
  m.loads[0].lag = 0;
  g_assert_cmpuint (until_retry (&m, 0, 0, 1000, &which), ==, 60);
  g_assert_cmpint (which, ==, 2);
  g_assert_cmpuint (until_retry (&m, 0, 100 * MS, 1000, &which), ==, 60);
  g_assert_cmpint (which, ==, 1);
  /* its own start is not held against it */
  for (guint i = 0; i < 4; i++)
    g_assert_cmpint (look (&m, SECOND, 0), ==, -1);
  g_assert_cmpuint (until_retry (&m, 100 * MS, 100 * MS, 2000, &which), ==,
      2000);
}

/* One that the machine has no room for: tried at longer and longer distances, and gone at
 * the first sign that another one suffers. */
static void
test_retry_in_vain (void)
{
  static const guint waits[] = { 60, 120, 240, 480, 960, 1920, 3600, 3600 };
  Machine m;
  int which;

  machine_init (&m);
  drop_until (&m, SECOND, SECOND, 1);
  for (guint i = 0; i < G_N_ELEMENTS (waits); i++) {
    g_assert_cmpuint (until_retry (&m, 0, 0, 4000, &which), ==, waits[i]);
    g_assert_cmpint (which, ==, 1);
    g_assert_cmpint (look (&m, 0, SECOND), ==, 1);
  }
  /* one that stays for long was no mistake: the next is tried soon again */
  g_assert_cmpuint (until_retry (&m, 0, 0, 4000, &which), ==, 3600);
  for (guint i = 0; i < 700; i++)
    g_assert_cmpint (look (&m, 0, 0), ==, -1);
  drop_until (&m, SECOND, SECOND, 1);
  g_assert_cmpuint (until_retry (&m, 0, 0, 4000, &which), ==, 60);
}

static void
test_retry_never (void)
{
  Machine m;
  int which;

  machine_init (&m);
  lockstep_overload_init (&m.overload, 0);
  drop_until (&m, SECOND, SECOND, 1);
  g_assert_cmpuint (until_retry (&m, 0, 0, 10000, &which), ==, 10000);
}

/* Whatever the lags: in an hour few are tried, none that runs, and none while one is
 * behind. */
static void
test_retry_property (void)
{
  for (guint round = 0; round < 20; round++) {
    Machine m;
    guint tried = 0;
    double busy = g_rand_double (rnd);

    machine_init (&m);
    for (guint i = 0; i < 3600; i++) {
      gboolean slow = g_rand_double (rnd) < busy;
      int back;

      look (&m, slow && m.loads[1].active ? g_rand_int_range (rnd, 0, 2000)
          * MS : 0, slow && m.loads[2].active ? g_rand_int_range (rnd, 0, 1500)
          * MS : 0);
      back = lockstep_overload_retry (&m.overload, m.now, m.loads, N);
      if (back < 0)
        continue;
      g_assert_false (m.loads[back].active);
      g_assert_false (m.overload.behind);
      m.loads[back].active = TRUE;
      m.loads[back].ready = FALSE;
      tried++;
    }
    g_assert_cmpuint (tried, <=, 12);
  }
}

static void
test_overload (void)
{
  Machine m;
  guint seconds = 0;

  machine_init (&m);
  for (guint i = 0; i < 600; i++)
    g_assert_cmpint (look (&m, 100 * MS, 50 * MS), ==, -1);
  g_assert_false (m.overload.behind);
  /* for a moment, now and then */
  for (guint i = 0; i < 600; i++)
    g_assert_cmpint (look (&m, i % 10 == 0 ? SECOND : 0, 0), ==, -1);
  /* for good: the costliest goes, once, and soon */
  while (look (&m, SECOND, SECOND) < 0)
    g_assert_cmpuint (++seconds, <, 6);
  g_assert_false (m.loads[1].active);
  g_assert_true (m.loads[2].active);
  /* what that brings is waited for */
  for (guint i = 0; i < 4; i++)
    g_assert_cmpint (look (&m, SECOND, SECOND), ==, -1);
  g_assert_true (m.overload.behind);
  for (seconds = 0; look (&m, 0, SECOND) < 0;)
    g_assert_cmpuint (++seconds, <, 6);
  g_assert_false (m.loads[2].active);
  /* what is passed through stays */
  g_assert_true (m.loads[0].active);
  for (guint i = 0; i < 100; i++)
    g_assert_cmpint (look (&m, SECOND, SECOND), ==, -1);
}

/* The one that lags goes, not one that costs more and keeps up: it has an encoder of its
 * own, perhaps. */
static void
test_overload_culprit (void)
{
  Machine m;
  int drop = -1;

  machine_init (&m);
  for (guint i = 0; i < 20 && drop < 0; i++)
    drop = look (&m, 50 * MS, SECOND);
  g_assert_cmpint (drop, ==, 2);
}

/* Whatever the lags: one stays, and none is dropped that keeps up. */
static void
test_overload_property (void)
{
  for (guint round = 0; round < 200; round++) {
    Machine m;
    gboolean passthrough = g_rand_boolean (rnd);
    guint active = N, since = 0;

    machine_init (&m);
    m.loads[0].encoded = !passthrough;
    for (guint i = 0; i < 300; i++) {
      gint64 lag = g_rand_boolean (rnd) ? g_rand_int_range (rnd, 0, 2000) * MS
          : 0;
      int drop = look (&m, lag, g_rand_int_range (rnd, 0, 1500) * MS);

      since++;
      if (drop < 0)
        continue;
      active--;
      g_assert_cmpint (m.loads[drop].lag, >, 300 * MS);
      g_assert_true (m.loads[drop].encoded);
      g_assert_cmpuint (since, >=, 5);
      since = 0;
    }
    g_assert_cmpuint (active, >=, 1);
  }
}

int
main (int argc, char **argv)
{
  int failed;

  g_test_init (&argc, &argv, NULL);
  rnd = g_rand_new_with_seed (7);
  g_test_add_func ("/rendition/fit", test_fit);
  g_test_add_func ("/rendition/fit/property", test_fit_property);
  g_test_add_func ("/rendition/overload", test_overload);
  g_test_add_func ("/rendition/overload/culprit", test_overload_culprit);
  g_test_add_func ("/rendition/overload/property", test_overload_property);
  g_test_add_func ("/rendition/retry", test_retry);
  g_test_add_func ("/rendition/retry/in-vain", test_retry_in_vain);
  g_test_add_func ("/rendition/retry/never", test_retry_never);
  g_test_add_func ("/rendition/retry/property", test_retry_property);
  failed = g_test_run ();
  g_rand_free (rnd);
  return failed;
}
