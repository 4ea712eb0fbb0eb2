/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What only long or hostile streams show; times of release are tested with the element. */
#include <gst/lockstep/playout.h>

#define MS G_GINT64_CONSTANT (1000000)
#define SECOND (1000 * MS)
#define RATE 90000

static gint64 live;

static void
free_payload (gpointer payload)
{
  live--;
}

static LockstepVerdict
push_of (LockstepPlayout * p, guint32 ssrc, guint16 seq, guint32 timestamp,
    gint64 arrival)
{
  const LockstepRtpPacket packet = {
    .payload_type = 96,.seq = seq,.timestamp = timestamp,.ssrc = ssrc,
    .clock_rate = RATE,.arrival = arrival,.size = 1000,.payload = p,
  };

  live++;
  return lockstep_playout_push (p, &packet);
}

static LockstepVerdict
push (LockstepPlayout * p, guint16 seq, guint32 timestamp, gint64 arrival)
{
  return push_of (p, 1, seq, timestamp, arrival);
}

typedef struct
{
  guint packets, lost, single;
  gint64 last_pts, last_timestamp;
  gint64 worst_step;            /* ns */
} Result;

static void
poll (LockstepPlayout * p, gint64 now, Result * r)
{
  LockstepPlayoutAction a;
  LockstepRtxRequest request;
  guint16 seq;
  gint64 at;

  while (lockstep_playout_poll_rtx (p, now, &request, &seq))
    continue;
  while ((at = lockstep_playout_next_time (p)) <= now
      && lockstep_playout_poll (p, lockstep_playout_gap (p) ? now : at, &a)) {
    if (a.kind == LOCKSTEP_PLAYOUT_LOST) {
      r->lost += a.count;
      r->single++;
      continue;
    }
    live--;
    if (r->packets++ > 0) {
      gint64 step = a.pts - r->last_pts -
          (a.timestamp - r->last_timestamp) * SECOND / RATE;

      r->worst_step = MAX (r->worst_step, ABS (step));
    }
    r->last_pts = a.pts;
    r->last_timestamp = a.timestamp;
  }
}

static LockstepPlayout *
new_playout (gint64 latency)
{
  LockstepPlayout *p = g_new (LockstepPlayout, 1);

  lockstep_playout_init (p, free_payload);
  p->latency = latency;
  live = 0;
  return p;
}

static void
free_playout (LockstepPlayout * p)
{
  lockstep_playout_clear (p);
  g_assert_cmpint (live, ==, 0);
  g_free (p);
}

/* 30 hours at 90 kHz: the 32-bit timestamp wraps twice, the sequence number often; the
 * sender is 300 ppm slow. */
static void
test_hours (void)
{
  LockstepPlayout *p = new_playout (200 * MS);
  g_autoptr (GRand) rand = g_rand_new_with_seed (11);
  Result r = { 0, };
  const guint n = 30 * 3600 * 10;

  for (guint i = 0; i < n; i++) {
    gint64 sent = (gint64) (i * 100.0 * MS * (1 + 300e-6));
    gint64 now = sent + g_rand_int_range (rand, 10 * MS, 40 * MS);

    poll (p, now, &r);
    g_assert_cmpint (push (p, (guint16) (i + 65000), i * 9000 + 4000000000u,
            now), ==, LOCKSTEP_VERDICT_QUEUED);
  }
  poll (p, G_MAXINT64 / 2, &r);
  g_assert_cmpuint (r.packets, ==, n);
  g_assert_cmpuint (r.lost, ==, 0);
  g_assert_cmpuint (p->stats.resets, ==, 0);
  g_assert_cmpint (r.worst_step, <, MS);
  g_assert_cmpint (ABS (r.last_pts - (gint64) ((n - 1) * 100.0 * MS * (1 +
                  300e-6)) - 10 * MS), <, 2 * MS);
  free_playout (p);
}

/* A sender that took long to connect sends at once what it has saved up by then: @n packets
 * of 20 ms, each @apart after the one before; then it goes on in time. Returns when
 * the first packet left; @late becomes what the last is behind its place. */
static gint64
start_with_backlog (guint n, gint64 apart, gint64 * late)
{
  LockstepPlayout *p = new_playout (60 * MS);
  Result r = { 0, };
  gint64 now = 0, first = -1, last = (n - 1) * apart;
  guint i = 0;

  for (; i < n + 200; now += MS) {
    gint64 arrival = i < n ? i * apart : last + (i - n + 1) * 20 * MS;

    for (; arrival <= now && i < n + 200; i++) {
      g_assert_cmpint (push (p, (guint16) i, i * 1800, arrival), ==,
          LOCKSTEP_VERDICT_QUEUED);
      last = i < n ? arrival : last;
      arrival = i + 1 < n ? (i + 1) * apart : last + (i - n + 2) * 20 * MS;
    }
    poll (p, now, &r);
    if (first < 0 && r.packets > 0)
      first = now;
  }
  poll (p, now + SECOND, &r);
  g_assert_cmpuint (r.packets, ==, n + 200);
  g_assert_cmpuint (p->stats.resets, ==, 0);
  g_assert_cmpint (r.worst_step, <=, 20 * MS);
  *late = r.last_pts - (last + 200 * 20 * MS);
  free_playout (p);
  return first;
}

static void
test_backlog_at_start (void)
{
  gint64 late = 0, first;

  /* no backlog: one bound */
  g_assert_cmpint (start_with_backlog (1, MS, &late), ==, 60 * MS);
  g_assert_cmpint (late, ==, 0);
  /* 1.4 s and 0.4 s in 70 and 20 ms: nothing is held longer for it later */
  first = start_with_backlog (70, MS, &late);
  g_assert_cmpint (first, <=, (70 + 200) * MS);
  g_assert_cmpint (late, ==, 0);
  start_with_backlog (20, MS, &late);
  g_assert_cmpint (late, ==, 0);
  /* one that takes long to come is not waited for to its end */
  first = start_with_backlog (190, 12 * MS, &late);
  g_assert_cmpint (first, ==, SECOND);
}

/* Downstream takes nothing: the queue keeps the newest packets it may. */
static void
test_queue_is_bounded (void)
{
  LockstepPlayout *p = new_playout (200 * MS);
  Result r = { 0, };

  p->max_packets = 50;
  for (guint i = 0; i < 1000; i++)
    push (p, (guint16) i, i * 3000, i * SECOND / 30);
  g_assert_cmpuint (p->queue.packets, ==, 50);
  g_assert_cmpuint (p->stats.overflow, ==, 950);
  g_assert_cmpint (live, ==, 50);
  p->max_packets = 10000;
  p->max_bytes = 20000;
  push (p, 1000, 1000 * 3000, 1000 * SECOND / 30);
  g_assert_cmpuint (p->queue.bytes, ==, 20000);
  poll (p, G_MAXINT64 / 2, &r);
  g_assert_cmpuint (r.packets, ==, 20);
  free_playout (p);
}

/* A gap of the largest size costs few events. */
static void
test_gaps_do_not_amplify (void)
{
  LockstepPlayout *p = new_playout (200 * MS);
  Result r = { 0, };
  guint16 seq = 0;
  guint i;

  p->do_rtx = TRUE;
  for (i = 0; i < 10; i++)
    push (p, seq++, i * 3000, i * SECOND / 30);
  for (i = 10; i < 500; i++) {
    seq += 900;
    push (p, seq, i * 3000, i * SECOND / 30);
    poll (p, i * SECOND / 30, &r);
    g_assert_cmpuint (p->rtx.n, <=, LOCKSTEP_RTX_MAX);
  }
  poll (p, G_MAXINT64 / 2, &r);
  g_assert_cmpuint (r.lost, ==, 490 * 899 + 1);
  g_assert_cmpuint (r.single, <=, 490 * 33);
  free_playout (p);
}

/* Two senders with one SSRC, or an attacker: no base changes hands while the stream lives. */
static void
test_interleaved_stranger (void)
{
  LockstepPlayout *p = new_playout (200 * MS);
  g_autoptr (GRand) rand = g_rand_new_with_seed (5);
  Result r = { 0, };

  for (guint i = 0; i < 3000; i++) {
    gint64 now = i * SECOND / 30;

    push (p, (guint16) i, i * 3000, now);
    push (p, (guint16) g_rand_int (rand), g_rand_int (rand), now);
    poll (p, now, &r);
  }
  g_assert_cmpuint (p->stats.resets, ==, 0);
  /* a stranger's packet whose sequence and time both fit takes the place of ours: rare */
  g_assert_cmpuint (r.packets, >, 2990);
  g_assert_cmpint (r.worst_step, <, 5 * MS);
  free_playout (p);
}

/* @spacing: of our packets; every third comes late by @late. A stranger sends all the time,
 * to the same port and with an SSRC of its own. */
static void
with_stranger (gint64 spacing, gint64 late, gboolean in_pairs)
{
  LockstepPlayout *p = new_playout (200 * MS);
  const gint64 end = 60 * SECOND;
  gint64 next = 0, stranger = 5 * SECOND;
  guint n = 0, k = 0;
  Result r = { 0, };

  while (next < end) {
    gint64 now = MIN (next, stranger);

    poll (p, now, &r);
    if (now == next) {
      push (p, (guint16) n, (guint32) (n * spacing * RATE / SECOND), now);
      n++;
      next = n * spacing + (n % 3 == 0 ? late : 0);
    } else {
      push_of (p, 2, (guint16) k, k * 1800, now);
      k++;
      stranger += in_pairs && k % 2 == 1 ? 0 : 20 * MS;
      /* who is left alone at last takes over */
      if (stranger > end - SECOND)
        stranger = G_MAXINT64;
    }
  }
  poll (p, G_MAXINT64 / 2, &r);
  g_assert_cmpuint (p->stats.resets, ==, 0);
  g_assert_cmpuint (p->ssrc, ==, 1);
  g_assert_cmpuint (r.packets, ==, n);
  g_assert_cmpuint (p->stats.refused, >, k - 10);
  free_playout (p);
}

static void
test_stranger_ssrc (void)
{
  with_stranger (20 * MS, 0, FALSE);
  with_stranger (20 * MS, 0, TRUE);
  /* frames, and a path that holds some up */
  with_stranger (40 * MS, 39 * MS, TRUE);
  /* sound that is silent has a packet every 400 ms */
  with_stranger (400 * MS, 0, TRUE);
}

/* Packets 0, 1 … of @ssrc, every 20 ms from @from until @until; how many. */
static guint
send (LockstepPlayout * p, guint32 ssrc, gint64 from, gint64 until, Result * r)
{
  guint n = 0;

  for (gint64 now = from; now < until; now += 20 * MS, n++) {
    poll (p, now, r);
    push_of (p, ssrc, (guint16) (ssrc * 1000 + n), ssrc * 77777 + n * 1800,
        now);
  }
  return n;
}

/* A sender that starts again, later or in the same moment, is followed with all that it
 * sends, and nothing of it waits for longer than the bound. */
static void
test_another_ssrc (void)
{
  static const gint64 pauses[] = { 0, 20 * MS, 3 * SECOND };

  for (guint i = 0; i < G_N_ELEMENTS (pauses); i++) {
    LockstepPlayout *p = new_playout (200 * MS);
    const gint64 start = 2 * SECOND + pauses[i];
    Result r = { 0, };
    guint old = send (p, 1, 0, 2 * SECOND, &r), new = 0;

    for (gint64 now = start; now < start + SECOND; now += 20 * MS) {
      /* of the old one's last packets one comes behind the first of the new one */
      if (i == 0 && new == 1) {
        push (p, 1000 + old, 77777 + old * 1800, now - 10 * MS);
        old++;
      }
      poll (p, now, &r);
      push_of (p, 2, (guint16) (2000 + new), 2 * 77777 + new * 1800, now);
      new++;
      /* one that sends too does not disturb it once two have come */
      if (new > 1 && now < start + SECOND / 2)
        push_of (p, 3, (guint16) new, new * 1800, now + MS);
      g_assert_true (p->ssrc == 2 || now < start + 120 * MS);
      g_assert_true (p->ssrc == 2 || i < 2 || new < 2);
      /* each leaves when it has been held for the bound */
      g_assert_cmpint (r.last_pts, <=, now - 200 * MS);
      if (now >= start + 220 * MS)
        g_assert_cmpint (r.last_pts, ==, now - 200 * MS);
    }
    poll (p, start + SECOND + 180 * MS, &r);
    g_assert_cmpuint (p->stats.resets, ==, 1);
    g_assert_cmpuint (r.packets, ==, old + new);
    free_playout (p);
  }
}

/* What is missing among a newcomer's packets is asked for when it takes over, before
 * what it has sent is released. */
static void
test_newcomer_is_asked (void)
{
  LockstepPlayout *p = new_playout (200 * MS);
  LockstepRtxRequest request;
  Result r = { 0 };
  const gint64 start = SECOND;
  gint64 now;
  guint16 seq;

  p->do_rtx = TRUE;
  send (p, 1, start, start + 100 * MS, &r);
  for (guint i = 0; i < 4; i++) {
    if (i != 2)
      push_of (p, 2, 100 + i, 5000 + i * 1800, start + (100 + i * 20) * MS);
  }
  now = lockstep_playout_next_time (p);
  g_assert_cmpint (now, >, start + 160 * MS);
  g_assert_true (lockstep_playout_poll_rtx (p, now, &request, &seq));
  g_assert_cmpuint (seq, ==, 102);
  g_assert_cmpuint (p->ssrc, ==, 2);
  free_playout (p);
}

/* What a newcomer has sent while ours still did is bounded, and not released later. */
static void
test_stranger_stays (void)
{
  LockstepPlayout *p = new_playout (200 * MS);
  Result r = { 0, };
  guint old = send (p, 1, 0, SECOND, &r);

  for (guint i = 0; i < 20000; i++)
    push_of (p, 2, (guint16) i, i, SECOND + i * (MS / 1000));
  g_assert_cmpint (live, <=, 4096 + 20);
  g_assert_cmpuint (p->stats.refused, >=, 8192);
  poll (p, 5 * SECOND, &r);
  g_assert_cmpuint (p->ssrc, ==, 2);
  g_assert_cmpuint (r.packets, >, old);
  free_playout (p);
}

static void
test_ts_offset (void)
{
  LockstepPlayout *p = new_playout (200 * MS);
  LockstepPlayoutAction a;

  for (guint i = 0; i < 4; i++)
    push (p, (guint16) i, i * 9000, i * 100 * MS);
  p->ts_offset = 50 * MS;
  g_assert_cmpint (lockstep_playout_next_time (p), ==, 250 * MS);
  g_assert_true (lockstep_playout_poll (p, 250 * MS, &a));
  g_assert_cmpint (a.pts, ==, 50 * MS);
  /* and no more than 10 ms a frame */
  p->ts_offset_adjustment = 10 * MS;
  p->ts_offset = 0;
  for (guint i = 1; i < 4; i++) {
    g_assert_true (lockstep_playout_poll (p, SECOND, &a));
    g_assert_cmpint (a.pts, ==, i * 100 * MS + 50 * MS - i * 10 * MS);
  }
  live = 0;
  free_playout (p);
}

/* A packet that is late, and then timestamps that jump back an hour: a new base begins
 * after 2 s, not after an hour. */
static void
test_back_while_late (void)
{
  LockstepPlayout *p = new_playout (200 * MS);
  Result r = { 0, };
  guint before;

  for (guint i = 0; i < 100; i++) {
    gint64 now = i * 20 * MS + (i == 99 ? 500 * MS : 0);

    poll (p, now, &r);
    push (p, i, 400000000 + i * 1800, now);
  }
  g_assert_cmpuint (p->stats.late, ==, 1);
  before = r.packets;
  for (guint i = 100; i < 400; i++) {
    gint64 now = i * 20 * MS + 500 * MS;

    poll (p, now, &r);
    push (p, i, 400000000 - 3600 * RATE + i * 1800, now);
  }
  poll (p, G_MAXINT64 / 2, &r);
  g_assert_cmpuint (p->stats.resets, ==, 1);
  g_assert_cmpuint (r.packets - before, >, 180);
  free_playout (p);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/playout/hours", test_hours);
  g_test_add_func ("/playout/backlog-at-start", test_backlog_at_start);
  g_test_add_func ("/playout/queue-is-bounded", test_queue_is_bounded);
  g_test_add_func ("/playout/gaps-do-not-amplify", test_gaps_do_not_amplify);
  g_test_add_func ("/playout/stranger", test_interleaved_stranger);
  g_test_add_func ("/playout/stranger-ssrc", test_stranger_ssrc);
  g_test_add_func ("/playout/another-ssrc", test_another_ssrc);
  g_test_add_func ("/playout/newcomer-is-asked", test_newcomer_is_asked);
  g_test_add_func ("/playout/stranger-stays", test_stranger_stays);
  g_test_add_func ("/playout/ts-offset", test_ts_offset);
  g_test_add_func ("/playout/back-while-late", test_back_while_late);
  return g_test_run ();
}
