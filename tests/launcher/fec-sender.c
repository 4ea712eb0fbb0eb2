/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Tests of fec-sender.c: a picture that is sent, and feedback that comes, in a time that is
 * made up. */
#include "fec-sender.h"

#include <string.h>

#define MS G_GINT64_CONSTANT (1000000)
#define SECOND (1000 * MS)
#define PACKET 1000
#define FRAME (SECOND / 30)
#define SSRC 7
#define FEC_SSRC 8

typedef struct
{
  FecSender *fec;
  gint64 now;
  guint16 seqnum;
  guint n_feedback;
  LockstepBandwidthStats path;
  LockstepRtxLimit rtx;
  gint64 rtt;
  guint lost_of_100;
  guint64 media;                /* bit/s that the encoder gives */
  gdouble owed;                 /* bytes of it not sent yet */
  guint64 media_bytes, fec_bytes, fec_packets;
} Sender;

static void
sender_begin (Sender * s, guint lost_of_100, gint64 rtt)
{
  const LockstepFlexfecConfig config = {.payload = 49,.ssrc = FEC_SSRC,
    .transport_id = 3
  };

  memset (s, 0, sizeof *s);
  s->fec = fec_sender_new (&config);
  s->now = 1000 * SECOND;
  s->path.target = 2000000;
  s->media = 1200000;
  s->rtt = rtt;
  s->lost_of_100 = lost_of_100;
}

static void
check_fec (GstBufferList * list, GstBuffer * packet, Sender * s)
{
  for (guint i = 0; i < gst_buffer_list_length (list); i++) {
    GstBuffer *buffer = gst_buffer_list_get (list, i);
    guint8 head[12];

    g_assert_cmpuint (gst_buffer_extract (buffer, 0, head, sizeof head), ==,
        sizeof head);
    g_assert_cmpuint (head[1], ==, 49);
    g_assert_cmpuint (GST_READ_UINT32_BE (head + 8), ==, FEC_SSRC);
    g_assert_cmpuint (GST_BUFFER_PTS (buffer), ==, GST_BUFFER_PTS (packet));
    s->fec_bytes += gst_buffer_get_size (buffer);
    s->fec_packets++;
  }
  gst_buffer_list_unref (list);
}

static void
send_frame (Sender * s, gboolean key)
{
  guint n;

  s->owed += s->media / 8.0 / 30;
  n = s->owed / PACKET;
  s->owed -= n * PACKET;
  for (guint i = 0; i < n; i++) {
    GstBuffer *packet = gst_buffer_new_allocate (NULL, PACKET, NULL);
    guint8 head[12] = { 0x80, 96 | (i + 1 == n ? 0x80 : 0) };
    GstBufferList *list;

    GST_WRITE_UINT16_BE (head + 2, s->seqnum++);
    GST_WRITE_UINT32_BE (head + 4, (guint32) (s->now * 9 / 100000));
    GST_WRITE_UINT32_BE (head + 8, SSRC);
    gst_buffer_memset (packet, 0, i, PACKET);
    gst_buffer_fill (packet, 0, head, sizeof head);
    GST_BUFFER_PTS (packet) = s->now;
    /* as rtph264pay does it */
    if (!key || i > 0)
      GST_BUFFER_FLAG_SET (packet, GST_BUFFER_FLAG_DELTA_UNIT);
    s->media_bytes += PACKET;
    list = fec_sender_protect (s->fec, packet, s->now);
    if (list != NULL)
      check_fec (list, packet, s);
    gst_buffer_unref (packet);
  }
}

static void
get_feedback (Sender * s)
{
  LockstepBandwidthPacket packets[20] = { 0 };

  for (guint i = 0; i < G_N_ELEMENTS (packets); i++, s->n_feedback++)
    packets[i].arrival = s->n_feedback * 37 % 100 < s->lost_of_100
        ? LOCKSTEP_BANDWIDTH_LOST : 1;
  fec_sender_feedback (s->fec, packets, G_N_ELEMENTS (packets), s->rtt,
      &s->path, &s->rtx, s->now);
}

/* @follows: the encoder gives what is left to it. */
static void
run (Sender * s, guint seconds, gboolean follows)
{
  s->media_bytes = s->fec_bytes = s->fec_packets = 0;
  for (guint frame = 0; frame < 30 * seconds; frame++, s->now += FRAME) {
    send_frame (s, frame % 150 == 0);
    if (frame % 3 == 0)
      get_feedback (s);
    if (follows)
      s->media = fec_sender_media_rate (s->fec, s->path.target);
  }
}

/* How many FEC packets a frame of 40 packets gets. */
static guint
fec_of_frame (Sender * s, gboolean key)
{
  const guint64 before = s->fec_packets;

  s->owed = 40 * PACKET;
  send_frame (s, key);
  s->now += FRAME;
  return s->fec_packets - before;
}

static void
test_needed (void)
{
  guint of_key, of_delta;
  Sender s;

  sender_begin (&s, 3, 250 * MS);
  run (&s, 5, FALSE);
  g_assert_cmpuint (s.fec_packets, >, 0);
  run (&s, 10, FALSE);
  g_assert_cmpuint (s.fec_packets * 100 * PACKET, >, 20 * s.media_bytes);
  g_assert_cmpuint (s.fec_packets * 100 * PACKET, <, 35 * s.media_bytes);
  g_assert_cmpuint (fec_sender_stats (s.fec).percent, >, 20);
  g_assert_cmpuint (fec_sender_stats (s.fec).packets, >=, s.fec_packets);
  fec_of_frame (&s, FALSE);
  of_delta = fec_of_frame (&s, FALSE);
  of_key = fec_of_frame (&s, TRUE);
  g_assert_cmpuint (of_delta, >, 7);
  g_assert_cmpuint (3 * of_delta, <, 40);
  g_assert_cmpuint (of_key, >=, of_delta * 5 / 4);
  /* the loss is over, and what is known of it fades */
  s.lost_of_100 = 0;
  run (&s, 30, FALSE);
  run (&s, 5, FALSE);
  g_assert_cmpuint (s.fec_packets, ==, 0);
  g_assert_cmpuint (fec_sender_media_rate (s.fec, 1000), ==, 1000);
  fec_sender_free (s.fec);
}

static void
test_needless (void)
{
  static const struct
  {
    guint lost_of_100;
    gint64 rtt, queue;
  } cases[] = { {0, 250 * MS, 0}, {3, 40 * MS, 0}, {3, 0, 0},
  {3, 250 * MS, 150 * MS}, {100, 250 * MS, 0}
  };

  for (guint i = 0; i < G_N_ELEMENTS (cases); i++) {
    Sender s;

    sender_begin (&s, cases[i].lost_of_100, cases[i].rtt);
    s.path.queue = cases[i].queue;
    run (&s, 20, FALSE);
    g_assert_cmpuint (s.media_bytes, >, 0);
    g_assert_cmpuint (s.fec_packets, ==, 0);
    g_assert_cmpuint (fec_sender_media_rate (s.fec, 1000), ==, 1000);
    fec_sender_free (s.fec);
  }
}

/* Pictures and FEC together are what the path carries, and no more. */
static void
test_room (void)
{
  static const guint losses[] = { 1, 3, 6, 10 };

  for (guint i = 0; i < G_N_ELEMENTS (losses); i++) {
    Sender s;
    guint64 before;

    sender_begin (&s, losses[i], 250 * MS);
    /* an encoder that does not follow leaves nothing, and nothing is taken */
    s.path.target = 1000000;
    s.media = 1150000;
    run (&s, 3, FALSE);
    run (&s, 10, FALSE);
    g_assert_cmpuint (s.fec_packets, ==, 0);
    run (&s, 10, TRUE);
    run (&s, 20, TRUE);
    g_assert_cmpuint (s.fec_packets, >, 0);
    g_assert_cmpfloat ((s.media_bytes + s.fec_bytes) * 8 / 20.0, <=,
        1.05 * s.path.target);
    /* the path shrinks at once, the encoder does not: FEC goes first */
    before = s.fec_bytes;
    s.path.target = 500000;
    run (&s, 20, FALSE);
    g_assert_cmpuint (s.fec_bytes, <, before / 4);
    fec_sender_free (s.fec);
  }
}

int
main (int argc, char **argv)
{
  gst_init (&argc, &argv);
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/fec-sender/needed", test_needed);
  g_test_add_func ("/fec-sender/needless", test_needless);
  g_test_add_func ("/fec-sender/room", test_room);
  return g_test_run ();
}
