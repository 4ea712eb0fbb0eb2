/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <gst/lockstep/packetqueue.h>

static guint freed;

static void
count_freed (gpointer payload)
{
  freed++;
}

static gboolean
put (LockstepPacketQueue * q, gint64 key, gboolean event)
{
  LockstepQueueItem item = {
    .key = key,.timestamp = key,.pts = key * 10,.size = 100,.event = event,
    .epoch = 1,
  };

  return lockstep_packet_queue_insert (q, &item);
}

static void
test_order (void)
{
  LockstepPacketQueue q;
  LockstepQueueItem item;
  g_autoptr (GRand) rand = g_rand_new_with_seed (3);
  gint64 keys[500], last = -1;

  lockstep_packet_queue_init (&q, count_freed);
  for (guint i = 0; i < 500; i++)
    keys[i] = i;
  for (guint i = 499; i > 0; i--) {
    guint j = (guint) g_rand_int_range (rand, 0, (gint32) i + 1);
    gint64 k = keys[i];

    keys[i] = keys[j];
    keys[j] = k;
  }
  for (guint i = 0; i < 500; i++)
    g_assert_true (put (&q, keys[i], FALSE));
  for (guint i = 0; i < 500; i++)
    g_assert_false (put (&q, keys[i], FALSE));
  g_assert_cmpuint (q.packets, ==, 500);
  g_assert_cmpuint (q.bytes, ==, 50000);
  while (lockstep_packet_queue_pop (&q, &item)) {
    g_assert_cmpint (item.key, ==, last + 1);
    last = item.key;
  }
  g_assert_cmpuint (q.bytes, ==, 0);
  lockstep_packet_queue_clear (&q);
}

/* An event stays behind every packet that came before it, and a reordered packet
 * that belongs before it gets there. */
static void
test_events (void)
{
  LockstepPacketQueue q;
  LockstepQueueItem item;
  static const gint64 keys[] = { 1, 3, 4, 4, 4, 5 };
  static const gboolean events[] = { FALSE, FALSE, FALSE, TRUE, TRUE, FALSE };

  lockstep_packet_queue_init (&q, count_freed);
  put (&q, 1, FALSE);
  put (&q, 4, FALSE);
  put (&q, 4, TRUE);
  put (&q, 4, TRUE);
  put (&q, 5, FALSE);
  put (&q, 3, FALSE);
  g_assert_false (put (&q, 4, FALSE));
  for (guint i = 0; i < G_N_ELEMENTS (keys); i++) {
    g_assert_true (lockstep_packet_queue_pop (&q, &item));
    g_assert_cmpint (item.key, ==, keys[i]);
    g_assert_cmpint (item.event, ==, events[i]);
  }
  lockstep_packet_queue_clear (&q);
}

static void
test_drop_oldest (void)
{
  LockstepPacketQueue q;
  LockstepQueueItem item;

  lockstep_packet_queue_init (&q, count_freed);
  freed = 0;
  put (&q, 0, TRUE);
  put (&q, 1, FALSE);
  put (&q, 2, FALSE);
  g_assert_true (lockstep_packet_queue_drop_oldest (&q));
  g_assert_cmpuint (freed, ==, 1);
  g_assert_true (lockstep_packet_queue_pop (&q, &item));
  g_assert_true (item.event);
  g_assert_true (lockstep_packet_queue_pop (&q, &item));
  g_assert_cmpint (item.key, ==, 2);
  put (&q, 3, TRUE);
  g_assert_false (lockstep_packet_queue_drop_oldest (&q));
  lockstep_packet_queue_clear (&q);
  g_assert_cmpuint (freed, ==, 2);
}

/* Packets of one timestamp have one PTS, whichever of them came first. */
static void
test_same_timestamp (void)
{
  LockstepPacketQueue q;
  LockstepQueueItem a = {.key = 1,.timestamp = 7,.pts = 70,.epoch = 1 };
  LockstepQueueItem b = {.key = 3,.timestamp = 7,.pts = 71,.epoch = 1 };
  LockstepQueueItem c = {.key = 2,.timestamp = 7,.pts = 72,.epoch = 1 };
  LockstepQueueItem d = {.key = 4,.timestamp = 7,.pts = 9,.epoch = 2 };

  lockstep_packet_queue_init (&q, count_freed);
  lockstep_packet_queue_insert (&q, &b);
  lockstep_packet_queue_insert (&q, &a);
  lockstep_packet_queue_insert (&q, &c);
  lockstep_packet_queue_insert (&q, &d);
  for (guint i = 0; i < 3; i++)
    g_assert_cmpint (lockstep_packet_queue_nth (&q, i)->pts, ==, 71);
  g_assert_cmpint (lockstep_packet_queue_nth (&q, 3)->pts, ==, 9);
  lockstep_packet_queue_shift (&q, 1, -5);
  g_assert_cmpint (lockstep_packet_queue_nth (&q, 2)->pts, ==, 66);
  g_assert_cmpint (lockstep_packet_queue_nth (&q, 3)->pts, ==, 9);
  lockstep_packet_queue_clear (&q);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/packetqueue/order", test_order);
  g_test_add_func ("/packetqueue/events", test_events);
  g_test_add_func ("/packetqueue/drop-oldest", test_drop_oldest);
  g_test_add_func ("/packetqueue/same-timestamp", test_same_timestamp);
  return g_test_run ();
}
