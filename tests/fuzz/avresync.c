/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* libFuzzer target for what avresync does with the network: RTP headers and their
 * extensions, RTCP, timestamps, reports and capture times in any order and of any
 * value. Beyond not crashing, the promises are checked: audio keeps its RTP
 * spacing, video rises with RTP time, no timestamp is negative, nothing is held
 * for longer than the gate. */
#include <gst/lockstep/avsync.h>
#include <gst/lockstep/rtpinfo.h>
#include <string.h>

#define MS (G_GINT64_CONSTANT (1000000))
#define SECOND (1000 * MS)
#define STREAMS 3
#define GATE (300 * MS)

int LLVMFuzzerTestOneInput (const guint8 * data, gsize size);

typedef struct
{
  const guint8 *data;
  gsize left;
} Input;

static guint64
take (Input * in, guint bytes)
{
  guint64 value = 0;

  while (bytes-- > 0 && in->left > 0) {
    value = value << 8 | *in->data++;
    in->left--;
  }
  return value;
}

typedef struct
{
  LockstepAvStream *stream;
  LockstepAvMedia media;
  guint32 rate;
  gint64 timestamp;
  gboolean any;
  gint64 high, last_pts;        /* of the newest media time, since a restart */
  gint64 first_seen;            /* when its gate closed, or -1 */
  guint64 steps;
} Track;

static void
add_track (LockstepAvSync * sync, Track * t, guint kind)
{
  static const guint32 rates[] = { 48000, 90000, 0, 1, 8000 };

  memset (t, 0, sizeof (*t));
  t->media = kind & 1 ? LOCKSTEP_AV_VIDEO : LOCKSTEP_AV_AUDIO;
  t->rate = rates[kind / 2 % G_N_ELEMENTS (rates)];
  t->stream = lockstep_av_sync_add (sync, t->media, t->rate);
  t->first_seen = -1;
}

static gint64
ns_between (const Track * t, gint64 from, gint64 to)
{
  gint64 ticks = to - from;

  if (t->rate == 0)
    return ticks;
  ticks = (gint32) ((guint32) to - (guint32) from);
  return ticks / (gint64) t->rate * SECOND
      + ticks % (gint64) t->rate * SECOND / (gint64) t->rate;
}

static void
send (LockstepAvSync * sync, Track * t, gint64 timestamp, guint32 ssrc,
    gint64 arrival, gint64 now)
{
  LockstepAvStats stats;
  LockstepAvVerdict verdict;
  gint64 pts, spacing;
  gboolean discont;

  verdict = lockstep_av_stream_observe (sync, t->stream, timestamp, ssrc,
      arrival, now);
  if (verdict == LOCKSTEP_AV_RESTART)
    t->first_seen = -1;
  if (t->first_seen < 0)
    t->first_seen = now;
  lockstep_av_sync_poll (sync, now);
  g_assert_true (lockstep_av_stream_is_open (t->stream)
      || now - t->first_seen < GATE);
  if ((verdict != LOCKSTEP_AV_KEEP && verdict != LOCKSTEP_AV_RESTART)
      || !lockstep_av_stream_is_open (t->stream))
    return;
  discont = lockstep_av_stream_stamp (sync, t->stream, timestamp, now, &pts);
  lockstep_av_stream_stats (sync, t->stream, &stats);
  g_assert_cmpint (pts, >=, 0);
  spacing = ns_between (t, t->high, timestamp);
  if (t->any && !discont && t->media == LOCKSTEP_AV_AUDIO && pts > 0
      && t->last_pts > 0 && ABS (spacing) < 1000 * SECOND)
    /* Each of the two is rounded down to a nanosecond. */
    g_assert_cmpint (ABS (pts - t->last_pts - spacing), <=, 2);
  if (t->any && !discont && t->media == LOCKSTEP_AV_VIDEO && pts > 0
      && ABS (spacing) < 1000 * SECOND) {
    if (spacing > 0)
      g_assert_cmpint (pts, >, t->last_pts);
    else if (spacing < 0)
      g_assert_cmpint (pts, <, t->last_pts);
  }
  if (!t->any || discont || spacing > 0) {
    t->high = timestamp;
    t->last_pts = pts;
  }
  t->any = TRUE;
}

static void
parse_all (const guint8 * data, gsize size)
{
  LockstepSenderReport report;
  LockstepRtpInfo info;
  gsize position = 0, rounds = 0;

  while (lockstep_rtcp_next_report (data, size, &position, &report))
    g_assert_cmpuint (++rounds, <=, size);
  if (!lockstep_rtp_parse (data, size, &info))
    return;
  g_assert_true (info.payload >= data
      && info.payload + info.payload_size <= data + size);
  for (guint id = 0; id < 256; id += 1 + id / 16) {
    gsize length;
    const guint8 *element = lockstep_rtp_extension (&info, id, &length);
    guint64 ntp;
    gboolean has_offset;
    gint64 offset;

    if (element) {
      g_assert_true (element >= data && element + length <= data + size);
      lockstep_capture_time_parse (element, length, &ntp, &has_offset, &offset);
    }
  }
  for (guint codec = 0; codec <= LOCKSTEP_CODEC_AV1; codec++)
    lockstep_rtp_begins_keyframe (codec, info.payload, info.payload_size);
}

int
LLVMFuzzerTestOneInput (const guint8 * data, gsize size)
{
  LockstepAvConfig config = { 5 * MS, MS, GATE, 0,
    LOCKSTEP_AV_SOURCE_CAPTURE_TIME
  };
  g_autoptr (LockstepAvSync) sync = NULL;
  Input in = { data, size };
  Track tracks[STREAMS];
  gint64 now = SECOND;

  parse_all (data, size);
  config.video_offset = (gint64) (gint8) take (&in, 1) * 10 * MS;
  sync = lockstep_av_sync_new (&config);
  for (guint i = 0; i < STREAMS; i++)
    add_track (sync, &tracks[i], take (&in, 1));

  while (in.left > 0) {
    guint what = take (&in, 1);
    Track *t = &tracks[what % STREAMS];
    LockstepAvStats stats;
    gint64 tick = t->rate ? t->rate / 50 : 20 * MS;

    switch (what / STREAMS % 10) {
      case 0:
      case 1:
      case 2:
        /* as a sender would */
        now += take (&in, 1) * MS / 8;
        t->timestamp += tick;
        send (sync, t, t->timestamp, 1, now, now);
        break;
      case 3:
        /* a burst of them */
        for (guint n = take (&in, 1); n > 0; n--) {
          now += 20 * MS;
          t->timestamp += tick;
          send (sync, t, t->timestamp, 1, now, now);
        }
        break;
      case 4:
        /* near the stream's time */
        send (sync, t, t->timestamp + (gint16) take (&in, 2), 1, now, now);
        break;
      case 5:
        /* anything */
        send (sync, t, t->rate ? (gint64) take (&in, 4)
            : (gint64) (take (&in, 8) >> 3), take (&in, 1) % 3, now, now);
        break;
      case 6:
        now += take (&in, 3) * MS;
        send (sync, t, t->timestamp, 1, MAX (0, now - (gint64) take (&in,
                    2) * MS), now);
        break;
      case 7:
      case 8:
        lockstep_av_stream_report (sync, t->stream,
            what & 1 ? LOCKSTEP_AV_SOURCE_SENDER_REPORT
            : LOCKSTEP_AV_SOURCE_CAPTURE_TIME,
            t->timestamp + (gint8) take (&in, 1),
            what / STREAMS % 10 == 7 ? take (&in, 8)
            : ((guint64) now << 32) / SECOND + take (&in, 3), what & 2,
            (gint64) take (&in, 4));
        break;
      default:
        if (take (&in, 1) % 8 == 0) {
          lockstep_av_sync_remove (sync, t->stream);
          add_track (sync, t, take (&in, 1));
        }
        g_assert_cmpint (lockstep_av_sync_headroom (sync), >=, 0);
        lockstep_av_stream_stats (sync, t->stream, &stats);
        break;
    }
  }
  return 0;
}
