/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Fuzz target: RTP headers and arrival times through LockstepPlayout.
 *
 * Beyond not crashing it must hold that: every payload is released or freed
 * once; nothing is released before its PTS + bound; what is polled empty
 * has nothing due; the queue keeps its limits; PTS does not run backwards against
 * timestamps on one time base, nor step between neighbours by more than the
 * slew allows; losses and requests stay in proportion to what was sent in. */
#include <gst/lockstep/playout.h>
#include <gst/lockstep/rtpheader.h>

#include <string.h>

#define MS G_GINT64_CONSTANT (1000000)
#define MAX_RECORDS 20000

int LLVMFuzzerTestOneInput (const guint8 * data, gsize size);

typedef struct
{
  const guint8 *data;
  gsize left;
} Input;

static gint64 live;

static gpointer
new_payload (void)
{
  live++;
  return g_malloc (1);
}

static void
free_payload (gpointer payload)
{
  live--;
  g_free (payload);
}

static guint8
byte (Input * in)
{
  if (in->left == 0)
    return 0;
  in->left--;
  return *in->data++;
}

static guint16
word (Input * in)
{
  const guint8 high = byte (in);

  return (guint16) (high << 8 | byte (in));
}

static guint32
dword (Input * in)
{
  const guint32 high = word (in);

  return high << 16 | word (in);
}

/* What the releases must hold to. */
typedef struct
{
  gboolean any;
  gint64 pts, timestamp;
  guint64 lost, requests;
} Output;

static void
drain (LockstepPlayout * p, gint64 now, Output * out, gint64 * ts_offset)
{
  LockstepPlayoutAction action;
  LockstepRtxRequest request;
  guint16 seq;

  /* an offset that changes moves what waits, and late packets may pass */
  if (p->ts_offset != *ts_offset || p->ts_offset_adjustment != 0
      || p->late_pass)
    out->any = FALSE;
  *ts_offset = p->ts_offset;
  while (lockstep_playout_poll_rtx (p, now, &request, &seq)) {
    g_assert_true (p->do_rtx);
    out->requests++;
  }
  while (lockstep_playout_poll (p, now, &action)) {
    switch (action.kind) {
      case LOCKSTEP_PLAYOUT_LOST:
        g_assert_cmpuint (action.count, >, 0);
        g_assert_cmpint (action.duration, >=, 0);
        out->lost++;
        continue;
      case LOCKSTEP_PLAYOUT_EVENT:
        free_payload (action.payload);
        continue;
      case LOCKSTEP_PLAYOUT_PACKET:
        break;
    }
    free_payload (action.payload);
    if (p->late_pass)
      continue;
    g_assert_cmpint (action.pts + lockstep_playout_bound (p), <=, now);
    if (out->any && !action.reset && action.timestamp >= out->timestamp)
      g_assert_cmpint (action.pts, >=, out->pts);
    out->any = p->ts_offset_adjustment == 0;
    out->pts = action.pts;
    out->timestamp = action.timestamp;
  }
  g_assert_cmpint (lockstep_playout_next_time (p), >, now);
}

static void
settings (LockstepPlayout * p, Input * in)
{
  const guint8 bits = byte (in);

  p->adaptive = bits & 1;
  p->do_rtx = bits >> 1 & 1;
  p->rtx_next_seqnum = bits >> 2 & 1;
  p->late_pass = bits >> 3 & 1;
  p->follow = !(bits >> 4 & 1);
  p->latency = (bits >> 5) * 70 * MS;
  p->target.min = byte (in) * MS;
  p->target.max = p->target.min + byte (in) * 4 * MS;
}

static void
push (LockstepPlayout * p, const LockstepRtpHeader * header, Input * in,
    gint64 arrival)
{
  static const guint rates[] = { 90000, 48000, 8000, 1 };
  const guint8 bits = byte (in);
  LockstepRtpPacket packet = {
    .payload_type = header->payload_type,.seq = header->seq,
    .timestamp = header->timestamp,.ssrc = header->ssrc,
    .retransmitted = (bits & 0x70) == 0x70,
    .clock_rate = (bits & 0x80) ? rates[bits & 3] : 90000,
    .arrival = arrival,.size = 1000,.payload = new_payload (),
  };

  lockstep_playout_push (p, &packet);
  g_assert_cmpuint (p->queue.packets, <=, p->max_packets);
  g_assert_cmpuint (p->queue.bytes, <=, p->max_bytes);
}

int
LLVMFuzzerTestOneInput (const guint8 * data, gsize size)
{
  Input in = { data, size };
  LockstepPlayout *p = g_new (LockstepPlayout, 1);
  LockstepRtpHeader header = {.ssrc = 1,.payload_type = 96 };
  Output out = { 0, };
  gint64 now = 1000 * MS, ts_offset = 0;
  guint64 packets = 0;

  live = 0;
  lockstep_playout_init (p, free_payload);
  p->max_packets = 300;
  p->max_bytes = 200 * 1000;
  settings (p, &in);
  for (guint i = 0; i < MAX_RECORDS && in.left > 0; i++) {
    const guint8 op = byte (&in);
    guint8 raw[16];

    switch (op & 7) {
      default:                 /* the next packet, more or less */
        header.seq = (guint16) (header.seq + 1 + ((op & 8) ? (gint8) byte (&in)
                : 0));
        header.timestamp += (op & 16) ? (guint32) (gint16) word (&in) : 1800;
        now += (op & 32) ? word (&in) * (MS / 100) : 20 * MS;
        push (p, &header, &in, now - ((op & 64) ? byte (&in) * 10 * MS : 0));
        packets++;
        break;
      case 4:                  /* anything in the header */
        for (guint j = 0; j < sizeof (raw); j++)
          raw[j] = byte (&in);
        if (lockstep_rtp_header_parse (raw, sizeof (raw), &header)) {
          push (p, &header, &in, now);
          packets++;
        }
        break;
      case 5:
        now += dword (&in) % (3000 * MS);
        break;
      case 6:
        if (op & 8) {
          lockstep_playout_push_event (p, new_payload (), (op & 16) ?
              now + (gint16) word (&in) * MS : LOCKSTEP_PLAYOUT_NEVER);
        } else {
          settings (p, &in);
        }
        break;
      case 7:
        if ((op & 0xf8) == 0xf8) {
          lockstep_playout_flush (p);
          g_assert_cmpint (live, ==, 0);
        } else if (op & 8) {
          p->ts_offset = (gint16) word (&in) * MS;
          p->ts_offset_adjustment = byte (&in) * MS;
        } else {
          header.ssrc = byte (&in);
          header.timestamp = dword (&in);
        }
        break;
    }
    if (op & 128)
      drain (p, now, &out, &ts_offset);
  }
  drain (p, now, &out, &ts_offset);
  /* 32 single losses a packet, and one for all the others; retries double, so that
   * a bound of 1.3 s has 15 of them at most */
  g_assert_cmpuint (out.lost, <=, packets * 33);
  g_assert_cmpuint (out.requests, <=, (packets + 1) * LOCKSTEP_RTX_MAX * 20);
  lockstep_playout_clear (p);
  g_assert_cmpint (live, ==, 0);
  g_free (p);
  return 0;
}
