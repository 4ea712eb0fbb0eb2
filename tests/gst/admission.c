/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <gst/lockstep/admission.h>

#define SECOND G_GINT64_CONSTANT (1000000000)

/* A channel whose encoder takes @encoder processors, and each viewer @each. */
typedef struct
{
  LockstepAdmission admission;
  LockstepLoad load;
  gdouble encoder, each;
  guint viewers;
} Channel;

static void
run_for (Channel * c, guint seconds, gdouble late)
{
  for (guint i = 0; i < seconds; i++) {
    c->load.at += SECOND;
    c->load.cpu += MIN (c->encoder + c->viewers * c->each,
        c->admission.processors) * SECOND;
    c->load.frames += 30;
    c->load.late += 30 * late;
    lockstep_admission_sample (&c->admission, &c->load, c->viewers);
  }
}

static Channel
channel (gdouble processors, gdouble encoder, gdouble each)
{
  Channel c = {.admission = {.processors = processors},
  .load = {.at = SECOND},.encoder = encoder,.each = each
  };

  lockstep_admission_sample (&c.admission, &c.load, 0);
  return c;
}

/* As many as are let in one after the other, each measured before the next. */
static guint
fill (Channel * c)
{
  while (c->viewers < 1000
      && lockstep_admission_decide (&c->admission, c->viewers)
      == LOCKSTEP_ADMISSION_ROOM) {
    c->viewers++;
    run_for (c, 3, 0);
  }
  return c->viewers;
}

static void
test_one_by_one (void)
{
  Channel one = channel (1, 0.24, 0.036), four = channel (4, 0.24, 0.036);
  Channel heavy = channel (4, 3.4, 0.036);

  run_for (&one, 5, 0);
  g_assert_cmpuint (fill (&one), ==, 19);
  /* stays so */
  run_for (&one, 100, 0);
  g_assert_cmpint (lockstep_admission_decide (&one.admission, 19), ==,
      LOCKSTEP_ADMISSION_FULL);
  run_for (&four, 5, 0);
  g_assert_cmpuint (fill (&four), ==, 98);
  /* an encoder's share is not laid to the viewers */
  run_for (&heavy, 5, 0);
  g_assert_cmpuint (fill (&heavy), ==, 11);
}

/* There is room again as soon as some have left. */
static void
test_leaving (void)
{
  Channel c = channel (1, 0.24, 0.036);

  run_for (&c, 5, 0);
  fill (&c);
  c.viewers -= 2;
  run_for (&c, 3, 0);
  g_assert_cmpint (lockstep_admission_decide (&c.admission, c.viewers), ==,
      LOCKSTEP_ADMISSION_ROOM);
  g_assert_cmpuint (fill (&c), ==, 19);
}

/* All at once: they are counted before they are measured. Who is refused comes again. */
static void
test_crowd (void)
{
  Channel c = channel (1, 0.24, 0.036);
  guint before = 0;

  run_for (&c, 5, 0);
  for (guint i = 0; i < 20; i++) {
    before = c.viewers;
    while (c.viewers < 1000
        && lockstep_admission_decide (&c.admission, c.viewers)
        == LOCKSTEP_ADMISSION_ROOM)
      c.viewers++;
    run_for (&c, 5, 0);
    g_assert_cmpuint (c.viewers, >=, before);
    g_assert_cmpuint (c.viewers, <=, 20);
  }
  g_assert_cmpuint (c.viewers, >=, 19);
}

/* Who is let in and never connects holds its place only as long as it is counted. */
static void
test_never_connected (void)
{
  Channel c = channel (1, 0.24, 0.036);
  guint n = 0;

  run_for (&c, 5, 0);
  while (lockstep_admission_decide (&c.admission, n) == LOCKSTEP_ADMISSION_ROOM)
    n++;
  g_assert_cmpuint (n, >=, LOCKSTEP_ADMISSION_FEW);
  g_assert_cmpuint (n, <=, 20);
  run_for (&c, 5, 0);
  g_assert_cmpint (lockstep_admission_decide (&c.admission, n), ==,
      LOCKSTEP_ADMISSION_FULL);
  g_assert_cmpint (lockstep_admission_decide (&c.admission, 0), ==,
      LOCKSTEP_ADMISSION_ROOM);
}

/* An encoder that takes all there is, or begins with a burst: the first few are let in
 * all the same, and more where the burst is over. */
static void
test_first (void)
{
  Channel full = channel (1, 1, 0), burst = channel (1, 1, 0.036);

  g_assert_cmpint (lockstep_admission_decide (&full.admission, 0), ==,
      LOCKSTEP_ADMISSION_ROOM);
  run_for (&full, 5, 0.5);
  g_assert_cmpuint (fill (&full), ==, LOCKSTEP_ADMISSION_FEW);
  run_for (&burst, 1, 0);
  burst.viewers = LOCKSTEP_ADMISSION_FEW;
  run_for (&burst, 1, 0);
  g_assert_cmpint (lockstep_admission_decide (&burst.admission,
          LOCKSTEP_ADMISSION_FEW), ==, LOCKSTEP_ADMISSION_FULL);
  burst.encoder = 0.24;
  run_for (&burst, 2, 0);
  g_assert_cmpuint (fill (&burst), >=, 19);
  g_assert_cmpuint (burst.viewers, <=, 20);
}

/* Other processes take the rest: frames are late, and it is not this one's doing. */
static void
test_busy_machine (void)
{
  Channel c = channel (2, 0.3, 0.05);

  c.viewers = 8;
  run_for (&c, 10, 0.6);
  g_assert_cmpint (lockstep_admission_decide (&c.admission, 8), ==,
      LOCKSTEP_ADMISSION_ROOM);
  /* above half of what there is, it is */
  c.viewers = 16;
  run_for (&c, 2, 0.6);
  g_assert_cmpint (lockstep_admission_decide (&c.admission, 16), ==,
      LOCKSTEP_ADMISSION_LATE);
  /* one frame is a hiccup */
  run_for (&c, 2, 1.0 / 30);
  g_assert_cmpint (lockstep_admission_decide (&c.admission, 16), ==,
      LOCKSTEP_ADMISSION_ROOM);
  /* a source that is silent */
  c.load.at += 5 * SECOND;
  lockstep_admission_sample (&c.admission, &c.load, 16);
  g_assert_cmpfloat (c.admission.late[0], ==, 0);
}

static void
test_samples (void)
{
  Channel c = channel (1, 1, 0);
  LockstepAdmission unknown = { 0 };
  const LockstepLoad loads[] = {
    {SECOND, 0, 0, 0}, {2 * SECOND, 5 * SECOND, 30, 30},
    {3 * SECOND, 10 * SECOND, 60, 60}
  };

  /* too soon to say anything */
  c.load.at += SECOND / 3;
  lockstep_admission_sample (&c.admission, &c.load, 0);
  g_assert_cmpuint (c.admission.n_spans, ==, 0);
  g_assert_cmpint (lockstep_admission_decide (&c.admission, 50), ==,
      LOCKSTEP_ADMISSION_ROOM);
  /* nobody knows how many processors there are */
  for (guint i = 0; i < G_N_ELEMENTS (loads); i++)
    lockstep_admission_sample (&unknown, &loads[i], 50);
  g_assert_cmpint (lockstep_admission_decide (&unknown, 50), ==,
      LOCKSTEP_ADMISSION_ROOM);
}

static void
test_quota (void)
{
  g_assert_cmpfloat (lockstep_admission_quota ("150000 100000\n"), ==, 1.5);
  g_assert_cmpfloat (lockstep_admission_quota ("50000 100000"), ==, 0.5);
  g_assert_cmpfloat (lockstep_admission_quota ("max 100000\n"), ==, 0);
  g_assert_cmpfloat (lockstep_admission_quota ("100000 0"), ==, 0);
  g_assert_cmpfloat (lockstep_admission_quota ("100000"), ==, 0);
  g_assert_cmpfloat (lockstep_admission_quota (""), ==, 0);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/admission/one-by-one", test_one_by_one);
  g_test_add_func ("/admission/leaving", test_leaving);
  g_test_add_func ("/admission/crowd", test_crowd);
  g_test_add_func ("/admission/never-connected", test_never_connected);
  g_test_add_func ("/admission/first", test_first);
  g_test_add_func ("/admission/busy-machine", test_busy_machine);
  g_test_add_func ("/admission/samples", test_samples);
  g_test_add_func ("/admission/quota", test_quota);
  return g_test_run ();
}
