/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <gst/lockstep/fanout.h>

#define MS G_GUINT64_CONSTANT (1000000)
#define SECOND (1000 * MS)

/* A thousand viewers that join in one second, at 30 frames a second. */
static void
test_crowd (void)
{
  LockstepKeyRequests r;
  guint sent = 0;

  lockstep_key_requests_init (&r, 500 * MS, 2 * SECOND);
  for (guint frame = 0; frame < 60; frame++) {
    guint64 now = 100 * SECOND + frame * 33 * MS;
    gboolean key;

    for (guint viewer = 0; frame < 30 && viewer < 33; viewer++) {
      lockstep_key_requests_ask (&r);
      sent += lockstep_key_requests_poll (&r, now);
    }
    sent += lockstep_key_requests_poll (&r, now);
    /* the encoder answers with its next frame */
    key = r.sent && r.sent_at < now;
    if (key)
      lockstep_key_requests_key_frame (&r, now);
  }
  g_assert_cmpuint (r.n_asked, ==, 990);
  g_assert_cmpuint (sent, ==, r.n_sent);
  /* at 0 ms; for those after the answer at 33 ms, at 561 ms; and for those after the
   * answer at 594 ms, at 1122 ms */
  g_assert_cmpuint (sent, ==, 3);
  g_assert_cmpuint (r.n_keys, ==, 3);
  g_assert_false (r.wanted);
}

static void
test_first_is_at_once (void)
{
  LockstepKeyRequests r;

  lockstep_key_requests_init (&r, 500 * MS, 2 * SECOND);
  g_assert_false (lockstep_key_requests_poll (&r, 0));
  lockstep_key_requests_ask (&r);
  g_assert_true (lockstep_key_requests_poll (&r, 0));
  g_assert_false (lockstep_key_requests_poll (&r, 1));
}

static void
test_put_off (void)
{
  LockstepKeyRequests r;

  lockstep_key_requests_init (&r, 500 * MS, 2 * SECOND);
  lockstep_key_requests_key_frame (&r, 10 * SECOND);
  lockstep_key_requests_ask (&r);
  g_assert_false (lockstep_key_requests_poll (&r, 10 * SECOND + 499 * MS));
  g_assert_true (lockstep_key_requests_poll (&r, 10 * SECOND + 500 * MS));
  /* a key frame that the encoder made by itself answers as well */
  lockstep_key_requests_ask (&r);
  lockstep_key_requests_key_frame (&r, 10 * SECOND + 510 * MS);
  g_assert_false (lockstep_key_requests_poll (&r, 20 * SECOND));
}

static void
test_deaf_encoder (void)
{
  LockstepKeyRequests r;
  guint sent = 0;

  lockstep_key_requests_init (&r, 500 * MS, 2 * SECOND);
  lockstep_key_requests_ask (&r);
  for (guint64 now = 0; now < 10 * SECOND; now += 33 * MS)
    sent += lockstep_key_requests_poll (&r, now);
  g_assert_cmpuint (sent, ==, 5);
}

/* What @n viewers cost that ask with each of 30 frames a second, from @from on, for
 * @seconds: key frames that the encoder makes, which answers with its next frame. */
static guint
keys_for (LockstepKeyBackoff * viewers, guint n, guint64 from, guint seconds)
{
  LockstepKeyRequests r;

  lockstep_key_requests_init (&r, 500 * MS, 2 * SECOND);
  for (guint frame = 0; frame < 30 * seconds; frame++) {
    guint64 now = from + frame * SECOND / 30;

    if (r.sent && r.sent_at < now) {
      lockstep_key_requests_key_frame (&r, now);
      for (guint i = 0; i < n; i++)
        lockstep_key_backoff_key_frame (&viewers[i], now);
    }
    for (guint i = 0; i < n; i++) {
      if (lockstep_key_backoff_ask (&viewers[i], now))
        lockstep_key_requests_ask (&r);
    }
    lockstep_key_requests_poll (&r, now);
  }
  return r.n_keys;
}

/* A viewer whose path does not carry the picture asks all the time. */
static void
test_slow_viewer (void)
{
  LockstepKeyBackoff b = { 0 };

  /* four in the first 2 s, as a path that has just shrunk may need them; then after 1 and
   * 2 s, and each 4 s */
  g_assert_cmpuint (keys_for (&b, 1, 5 * SECOND, 2), ==, 4);
  g_assert_cmpuint (keys_for (&b, 1, 7 * SECOND, 60), <=, 17);
  g_assert_cmpuint (keys_for (&b, 1, 67 * SECOND, 80), <=, 20);
}

/* Slow viewers that came one after the other share their key frames. */
static void
test_slow_viewers (void)
{
  LockstepKeyBackoff b[20] = { 0 };

  for (guint i = 0; i < G_N_ELEMENTS (b); i++)
    keys_for (b, i + 1, i * 7 * SECOND, 7);
  keys_for (b, G_N_ELEMENTS (b), 140 * SECOND, 20);
  g_assert_cmpuint (keys_for (b, G_N_ELEMENTS (b), 160 * SECOND, 80), <=, 20);
}

/* One that asks seldom is answered at once, however long it goes on; and so is one again
 * that asked too often a while ago. */
static void
test_calm_viewer (void)
{
  LockstepKeyBackoff b = { 0 };
  guint64 now;

  for (now = 0; now < 600 * SECOND; now += 5 * SECOND) {
    g_assert_true (lockstep_key_backoff_ask (&b, now));
    lockstep_key_backoff_key_frame (&b, now + 33 * MS);
  }
  keys_for (&b, 1, now, 60);
  now += 60 * SECOND + 60 * SECOND;
  for (guint i = 0; i < 4; i++, now += 550 * MS) {
    g_assert_true (lockstep_key_backoff_ask (&b, now));
    lockstep_key_backoff_key_frame (&b, now + 33 * MS);
  }
}

/* What is put off is done when it is time, without another request; or not at all, when a
 * key frame came meanwhile. */
static void
test_request_put_off (void)
{
  LockstepKeyBackoff b = { 0 };

  g_assert_false (lockstep_key_backoff_poll (&b, 0));
  lockstep_key_backoff_key_frame (&b, 10 * SECOND);
  g_assert_false (lockstep_key_backoff_ask (&b, 10 * SECOND + 499 * MS));
  g_assert_true (lockstep_key_backoff_poll (&b, 10 * SECOND + 500 * MS));
  g_assert_false (lockstep_key_backoff_poll (&b, 20 * SECOND));
  g_assert_true (lockstep_key_backoff_ask (&b, 20 * SECOND));
  g_assert_false (lockstep_key_backoff_ask (&b, 20 * SECOND + 400 * MS));
  lockstep_key_backoff_key_frame (&b, 20 * SECOND + 450 * MS);
  g_assert_false (lockstep_key_backoff_poll (&b, 60 * SECOND));
}

static void
test_gate (void)
{
  LockstepFrameGate g;
  gboolean want;

  lockstep_frame_gate_init (&g, 400 * MS);
  /* nothing before the first key frame */
  g_assert_false (lockstep_frame_gate_pass (&g, FALSE, 0, &want));
  g_assert_true (want);
  g_assert_true (lockstep_frame_gate_pass (&g, TRUE, 0, &want));
  g_assert_false (want);
  g_assert_true (lockstep_frame_gate_pass (&g, FALSE, 400 * MS, &want));
  /* too much waits: no frame of this group any more, nor the next key frame before
   * there is room, and no request for one that could not be taken */
  g_assert_false (lockstep_frame_gate_pass (&g, FALSE, 401 * MS, &want));
  g_assert_false (want);
  g_assert_false (lockstep_frame_gate_pass (&g, TRUE, 399 * MS, &want));
  g_assert_false (lockstep_frame_gate_pass (&g, FALSE, 10 * MS, &want));
  g_assert_true (want);
  g_assert_true (lockstep_frame_gate_pass (&g, TRUE, 10 * MS, &want));
  g_assert_true (lockstep_frame_gate_pass (&g, FALSE, 20 * MS, &want));
  g_assert_cmpuint (g.n_skips, ==, 1);
  g_assert_cmpuint (g.n_passed, ==, 4);
  g_assert_cmpuint (g.n_dropped, ==, 4);
}

/* Sound is made of key frames only: the gate opens by itself. */
static void
test_gate_sound (void)
{
  LockstepFrameGate g;
  gboolean want;

  lockstep_frame_gate_init (&g, 200 * MS);
  g_assert_true (lockstep_frame_gate_pass (&g, TRUE, 0, &want));
  g_assert_false (lockstep_frame_gate_pass (&g, TRUE, 220 * MS, &want));
  g_assert_false (lockstep_frame_gate_pass (&g, TRUE, 120 * MS, &want));
  g_assert_true (lockstep_frame_gate_pass (&g, TRUE, 100 * MS, &want));
  g_assert_false (want);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/fanout/crowd", test_crowd);
  g_test_add_func ("/fanout/first", test_first_is_at_once);
  g_test_add_func ("/fanout/put-off", test_put_off);
  g_test_add_func ("/fanout/deaf-encoder", test_deaf_encoder);
  g_test_add_func ("/fanout/slow-viewer", test_slow_viewer);
  g_test_add_func ("/fanout/slow-viewers", test_slow_viewers);
  g_test_add_func ("/fanout/calm-viewer", test_calm_viewer);
  g_test_add_func ("/fanout/request-put-off", test_request_put_off);
  g_test_add_func ("/fanout/gate", test_gate);
  g_test_add_func ("/fanout/gate-sound", test_gate_sound);
  return g_test_run ();
}
