/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The reorder queue: a ring of packets and events in order of sequence. */
#include <gst/lockstep/packetqueue.h>

#include <string.h>

#define START_SIZE 64

void
lockstep_packet_queue_init (LockstepPacketQueue * self,
    GDestroyNotify free_payload)
{
  *self = (LockstepPacketQueue) {
  .free_payload = free_payload,.size = START_SIZE,.ring =
        g_new (LockstepQueueItem, START_SIZE),};
}

void
lockstep_packet_queue_flush (LockstepPacketQueue * self)
{
  LockstepQueueItem item;

  while (lockstep_packet_queue_pop (self, &item))
    self->free_payload (item.payload);
}

void
lockstep_packet_queue_clear (LockstepPacketQueue * self)
{
  lockstep_packet_queue_flush (self);
  g_clear_pointer (&self->ring, g_free);
}

static void
grow (LockstepPacketQueue * self)
{
  LockstepQueueItem *ring = g_new (LockstepQueueItem, self->size * 2);

  for (guint i = 0; i < self->length; i++)
    ring[i] = *lockstep_packet_queue_nth (self, i);
  g_free (self->ring);
  self->ring = ring;
  self->head = 0;
  self->size *= 2;
}

static void
join_neighbour (const LockstepPacketQueue * self, guint n,
    LockstepQueueItem * item)
{
  const LockstepQueueItem *near;

  if (n >= self->length)
    return;
  near = lockstep_packet_queue_nth (self, n);
  if (!near->event && near->epoch == item->epoch
      && near->timestamp == item->timestamp)
    item->pts = near->pts;
}

gboolean
lockstep_packet_queue_insert (LockstepPacketQueue * self,
    LockstepQueueItem * item)
{
  guint at = self->length;

  while (at > 0) {
    const LockstepQueueItem *before = lockstep_packet_queue_nth (self, at - 1);

    if (before->key < item->key)
      break;
    if (before->key == item->key) {
      if (item->event)
        break;
      if (!before->event)
        return FALSE;
    }
    at--;
  }
  if (!item->event) {
    if (at > 0)
      join_neighbour (self, at - 1, item);
    join_neighbour (self, at, item);
  }
  if (self->length == self->size)
    grow (self);
  for (guint i = self->length; i > at; i--)
    *lockstep_packet_queue_nth (self, i) =
        *lockstep_packet_queue_nth (self, i - 1);
  *lockstep_packet_queue_nth (self, at) = *item;
  self->length++;
  if (!item->event)
    self->packets++;
  self->bytes += item->size;
  return TRUE;
}

void
lockstep_packet_queue_shift (LockstepPacketQueue * self, guint32 epoch,
    gint64 shift)
{
  for (guint i = 0; i < self->length; i++) {
    LockstepQueueItem *item = lockstep_packet_queue_nth (self, i);

    if (item->epoch == epoch && !item->event)
      item->pts += shift;
  }
}

static void
taken (LockstepPacketQueue * self, const LockstepQueueItem * item)
{
  self->length--;
  self->bytes -= item->size;
  if (!item->event)
    self->packets--;
}

gboolean
lockstep_packet_queue_pop (LockstepPacketQueue * self, LockstepQueueItem * item)
{
  if (self->length == 0)
    return FALSE;
  *item = self->ring[self->head];
  self->head = (self->head + 1) & (self->size - 1);
  taken (self, item);
  return TRUE;
}

gboolean
lockstep_packet_queue_drop_oldest (LockstepPacketQueue * self)
{
  LockstepQueueItem item;
  guint n = 0;

  while (n < self->length && lockstep_packet_queue_nth (self, n)->event)
    n++;
  if (n == self->length)
    return FALSE;
  item = *lockstep_packet_queue_nth (self, n);
  for (guint i = n; i > 0; i--)
    *lockstep_packet_queue_nth (self, i) =
        *lockstep_packet_queue_nth (self, i - 1);
  self->head = (self->head + 1) & (self->size - 1);
  taken (self, &item);
  self->free_payload (item.payload);
  return TRUE;
}
