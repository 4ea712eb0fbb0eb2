/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Packets and events in order of sequence, bounded. */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* @payload belongs to the queue until it is popped. */
typedef struct
{
  gint64 key;                   /* extended sequence number, never reused */
  gint64 timestamp;             /* extended RTP timestamp */
  gint64 pts;                   /* ns; before any offset */
  gint64 arrival;               /* ns */
  gpointer payload;
  guint32 size;                 /* bytes */
  guint32 epoch;                /* which time base pts is of */
  guint16 seq;
  guint event:1;                /* not a packet: goes after every packet <= key */
  guint timed:1;                /* an event to be held as a packet is */
} LockstepQueueItem;

/**
 * LockstepPacketQueue:
 *
 * A ring in order of key. A packet that comes in order costs O(1), a reordered
 * one O(distance).
 */
typedef struct
{
  GDestroyNotify free_payload;

  /*< private > */
  LockstepQueueItem *ring;
  guint size;                   /* a power of 2 */
  guint head, length;
  guint packets;
  gsize bytes;
} LockstepPacketQueue;

void lockstep_packet_queue_init (LockstepPacketQueue *self,
    GDestroyNotify free_payload);
void lockstep_packet_queue_clear (LockstepPacketQueue *self);
void lockstep_packet_queue_flush (LockstepPacketQueue *self);

/**
 * lockstep_packet_queue_insert:
 * @item: (inout): copied; the payload is taken on success only. Its PTS becomes that
 *   of a neighbour of the same timestamp and epoch, where there is one
 *
 * Returns: FALSE if a packet with this key is there already
 */
gboolean lockstep_packet_queue_insert (LockstepPacketQueue *self,
    LockstepQueueItem *item);

/* Moves the items of @epoch by @shift ns. */
void lockstep_packet_queue_shift (LockstepPacketQueue *self, guint32 epoch,
    gint64 shift);

/* (transfer full) for the payload. FALSE: empty */
gboolean lockstep_packet_queue_pop (LockstepPacketQueue *self,
    LockstepQueueItem *item);

/* The oldest packet that is no event is taken out. FALSE: there is none */
gboolean lockstep_packet_queue_drop_oldest (LockstepPacketQueue *self);

static inline LockstepQueueItem *
lockstep_packet_queue_nth (const LockstepPacketQueue *self, guint n)
{
  return &self->ring[(self->head + n) & (self->size - 1)];
}

static inline LockstepQueueItem *
lockstep_packet_queue_peek (const LockstepPacketQueue *self)
{
  return self->length > 0 ? &self->ring[self->head] : NULL;
}

G_END_DECLS
