/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* latencybuffer: properties, signals and statistics. Names, types and defaults are
 * rtpjitterbuffer's where it has them, as rtpbin 1.22 sets them unasked. */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include "gstlatencybuffer.h"

#define GST_CAT_DEFAULT latency_buffer_debug

#define MS(ns) ((ns) / (gint64) GST_MSECOND)
#define NS(ms) ((gint64) (ms) * (gint64) GST_MSECOND)
#define DEFAULT_MAX_PACKETS 10000
#define DEFAULT_MAX_BYTES (32 * 1024 * 1024)
/* Bounds beyond an hour hold more than the queue may. */
#define MAX_BOUND_MS (3600 * 1000)
/* An offset of more than a year is a mistake, and must not overflow a sum. */
#define MAX_OFFSET ((gint64) 366 * 24 * 3600 * (gint64) GST_SECOND)

enum
{
  PROP_0,
  PROP_LATENCY,
  PROP_ADAPTIVE,
  PROP_MIN_LATENCY,
  PROP_MAX_LATENCY,
  PROP_QUANTILE,
  PROP_LATE_POLICY,
  PROP_MAX_SIZE_PACKETS,
  PROP_MAX_SIZE_BYTES,
  PROP_DROP_ON_LATENCY,
  PROP_TS_OFFSET,
  PROP_MAX_TS_OFFSET_ADJUSTMENT,
  PROP_DO_LOST,
  PROP_POST_DROP_MESSAGES,
  PROP_DROP_MESSAGES_INTERVAL,
  PROP_MODE,
  PROP_PERCENT,
  PROP_DO_RETRANSMISSION,
  PROP_RTX_NEXT_SEQNUM,
  PROP_RTX_DELAY,
  PROP_RTX_MIN_DELAY,
  PROP_RTX_DELAY_REORDER,
  PROP_RTX_RETRY_TIMEOUT,
  PROP_RTX_MIN_RETRY_TIMEOUT,
  PROP_RTX_RETRY_PERIOD,
  PROP_RTX_MAX_RETRIES,
  PROP_RTX_DEADLINE,
  PROP_RTX_STATS_TIMEOUT,
  PROP_STATS,
  PROP_MAX_RTCP_RTP_TIME_DIFF,
  PROP_MAX_DROPOUT_TIME,
  PROP_MAX_MISORDER_TIME,
  PROP_RFC7273_SYNC,
  PROP_FASTSTART_MIN_PACKETS,
  PROP_ADD_REFERENCE_TIMESTAMP_META,
  PROP_SYNC_INTERVAL,
};

static GType
mode_get_type (void)
{
  static gsize type;
  static const GEnumValue values[] = {
    {GST_LATENCY_BUFFER_MODE_NONE, "The time base stays as it started",
        "none"},
    {GST_LATENCY_BUFFER_MODE_SLAVE, "Follow the sender's clock", "slave"},
    {GST_LATENCY_BUFFER_MODE_BUFFER, "As slave", "buffer"},
    {GST_LATENCY_BUFFER_MODE_SYNCED, "As none", "synced"},
    {0, NULL, NULL}
  };

  if (g_once_init_enter (&type))
    g_once_init_leave (&type,
        g_enum_register_static ("GstLatencyBufferMode", values));
  return type;
}

static GType
late_policy_get_type (void)
{
  static gsize type;
  static const GEnumValue values[] = {
    {GST_LATENCY_BUFFER_LATE_DROP, "Drop and count late packets", "drop"},
    {GST_LATENCY_BUFFER_LATE_PASS, "Pass late packets at once", "pass"},
    {0, NULL, NULL}
  };

  if (g_once_init_enter (&type))
    g_once_init_leave (&type,
        g_enum_register_static ("GstLatencyBufferLatePolicy", values));
  return type;
}

/* With the lock. */
static GstStructure *
make_stats (GstLatencyBuffer * self)
{
  const LockstepPlayout *playout = self->playout;
  const LockstepPlayoutStats *stats = &playout->stats;
  const LockstepRtxTimers *rtx = &playout->rtx;
  const LockstepPacketQueue *queue = &playout->queue;
  GValue classes = G_VALUE_INIT, value = G_VALUE_INIT;
  GstStructure *s;

  s = gst_structure_new ("application/x-rtp-jitterbuffer-stats",
      "num-pushed", G_TYPE_UINT64, stats->pushed,
      "num-lost", G_TYPE_UINT64, stats->lost,
      "num-late", G_TYPE_UINT64, stats->late,
      "num-duplicates", G_TYPE_UINT64, stats->duplicates,
      "avg-jitter", G_TYPE_UINT64, (guint64) playout->jitter,
      "rtx-count", G_TYPE_UINT64, rtx->count,
      "rtx-success-count", G_TYPE_UINT64, rtx->success,
      "rtx-per-packet", G_TYPE_DOUBLE,
      rtx->success > 0 ? (double) rtx->count / (double) rtx->success : 0.0,
      "rtx-rtt", G_TYPE_UINT64, (guint64) rtx->rtt,
      "bound", G_TYPE_UINT64, (guint64) lockstep_playout_bound (playout),
      "depth-packets", G_TYPE_UINT, queue->packets,
      "depth-bytes", G_TYPE_UINT64, (guint64) queue->bytes,
      "depth-time", G_TYPE_UINT64,
      (guint64) lockstep_playout_depth (playout),
      "held-time", G_TYPE_UINT64,
      stats->pushed > 0 ? stats->held / stats->pushed : 0,
      "drift", G_TYPE_DOUBLE, lockstep_timebase_drift (&playout->timebase),
      "num-resets", G_TYPE_UINT64, stats->resets,
      "num-stretched", G_TYPE_UINT64, stats->stretched,
      "num-overflow", G_TYPE_UINT64, stats->overflow,
      "num-refused", G_TYPE_UINT64, stats->refused,
      "num-invalid", G_TYPE_UINT64, self->invalid,
      "num-unknown-payload", G_TYPE_UINT64, self->unknown_payload, NULL);
  g_value_init (&classes, GST_TYPE_ARRAY);
  g_value_init (&value, G_TYPE_UINT64);
  for (guint i = 0; i < LOCKSTEP_LATENESS_CLASSES; i++) {
    g_value_set_uint64 (&value, playout->target.classes[i]);
    gst_value_array_append_value (&classes, &value);
  }
  gst_structure_take_value (s, "lateness-histogram", &classes);
  return s;
}

static void
set_ms (gint64 * field, const GValue * value)
{
  gint ms = g_value_get_int (value);

  *field = ms < 0 ? -1 : NS (ms);
}

static int
get_ms (gint64 field)
{
  return field < 0 ? -1 : (int) MS (field);
}

static void
set_property (GObject * object, guint id, const GValue * value,
    GParamSpec * pspec)
{
  GstLatencyBuffer *self = GST_LATENCY_BUFFER (object);
  LockstepPlayout *playout = self->playout;
  LockstepRtxTimers *rtx = &playout->rtx;
  gint64 before, after;

  g_mutex_lock (&self->lock);
  before = playout->adaptive ? playout->target.max : playout->latency;
  switch (id) {
    case PROP_LATENCY:
      playout->latency = NS (MIN (g_value_get_uint (value), MAX_BOUND_MS));
      break;
    case PROP_ADAPTIVE:
      playout->adaptive = g_value_get_boolean (value);
      break;
    case PROP_MIN_LATENCY:
      playout->target.min = NS (g_value_get_uint (value));
      break;
    case PROP_MAX_LATENCY:
      playout->target.max = NS (g_value_get_uint (value));
      break;
    case PROP_QUANTILE:
      playout->target.quantile = g_value_get_double (value);
      break;
    case PROP_LATE_POLICY:
      playout->late_pass =
          g_value_get_enum (value) == GST_LATENCY_BUFFER_LATE_PASS;
      break;
    case PROP_MAX_SIZE_PACKETS:
      playout->max_packets = g_value_get_uint (value);
      break;
    case PROP_MAX_SIZE_BYTES:
      playout->max_bytes = g_value_get_uint (value);
      break;
    case PROP_DROP_ON_LATENCY:
      self->drop_on_latency = g_value_get_boolean (value);
      break;
    case PROP_TS_OFFSET:
      playout->ts_offset =
          CLAMP (g_value_get_int64 (value), -MAX_OFFSET, MAX_OFFSET);
      break;
    case PROP_MAX_TS_OFFSET_ADJUSTMENT:
      playout->ts_offset_adjustment =
          (gint64) MIN (g_value_get_uint64 (value), (guint64) MAX_OFFSET);
      break;
    case PROP_DO_LOST:
      self->do_lost = g_value_get_boolean (value);
      break;
    case PROP_POST_DROP_MESSAGES:
      self->post_drop_messages = g_value_get_boolean (value);
      break;
    case PROP_DROP_MESSAGES_INTERVAL:
      self->drop_messages_interval = g_value_get_uint (value);
      break;
    case PROP_MODE:
      self->mode = g_value_get_enum (value);
      playout->follow = self->mode == GST_LATENCY_BUFFER_MODE_SLAVE
          || self->mode == GST_LATENCY_BUFFER_MODE_BUFFER;
      playout->timebase.follow = playout->follow;
      break;
    case PROP_DO_RETRANSMISSION:
      playout->do_rtx = g_value_get_boolean (value);
      break;
    case PROP_RTX_NEXT_SEQNUM:
      playout->rtx_next_seqnum = g_value_get_boolean (value);
      break;
    case PROP_RTX_DELAY:
      set_ms (&rtx->delay, value);
      break;
    case PROP_RTX_MIN_DELAY:
      rtx->min_delay = NS (g_value_get_uint (value));
      break;
    case PROP_RTX_DELAY_REORDER:
      self->rtx_delay_reorder = g_value_get_int (value);
      rtx->delay_reorder = (guint) MAX (self->rtx_delay_reorder, 0);
      break;
    case PROP_RTX_RETRY_TIMEOUT:
      set_ms (&rtx->retry_timeout, value);
      break;
    case PROP_RTX_MIN_RETRY_TIMEOUT:
      set_ms (&rtx->min_retry_timeout, value);
      break;
    case PROP_RTX_RETRY_PERIOD:
      set_ms (&rtx->retry_period, value);
      break;
    case PROP_RTX_MAX_RETRIES:
      rtx->max_retries = g_value_get_int (value);
      break;
    case PROP_RTX_DEADLINE:
      set_ms (&rtx->deadline, value);
      break;
    case PROP_RTX_STATS_TIMEOUT:
      rtx->stats_timeout = NS (g_value_get_uint (value));
      break;
    case PROP_MAX_RTCP_RTP_TIME_DIFF:
      self->max_rtcp_rtp_time_diff = g_value_get_int (value);
      break;
    case PROP_MAX_DROPOUT_TIME:
      playout->max_dropout = NS (g_value_get_uint (value));
      break;
    case PROP_MAX_MISORDER_TIME:
      playout->max_misorder = NS (g_value_get_uint (value));
      break;
    case PROP_RFC7273_SYNC:
      self->rfc7273_sync = g_value_get_boolean (value);
      break;
    case PROP_FASTSTART_MIN_PACKETS:
      self->faststart_min_packets = g_value_get_uint (value);
      break;
    case PROP_ADD_REFERENCE_TIMESTAMP_META:
      self->add_reference_meta = g_value_get_boolean (value);
      break;
    case PROP_SYNC_INTERVAL:
      self->sync_interval = g_value_get_uint (value);
      break;
    default:
      G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, pspec);
      break;
  }
  after = playout->adaptive ? playout->target.max : playout->latency;
  /* bound and offset may have brought the next release nearer */
  gst_latency_buffer_wake (self);
  g_mutex_unlock (&self->lock);
  if (before != after)
    gst_element_post_message (GST_ELEMENT_CAST (self),
        gst_message_new_latency (GST_OBJECT_CAST (self)));
}

static int
percent (const LockstepPlayout * playout)
{
  const LockstepPacketQueue *queue = &playout->queue;
  gint64 bound = lockstep_playout_bound (playout);

  if (queue->length == 0 || bound == 0)
    return queue->length == 0 ? 0 : 100;
  return (int) CLAMP (lockstep_playout_depth (playout) * 100 / bound, 0, 100);
}

static void
get_property (GObject * object, guint id, GValue * value, GParamSpec * pspec)
{
  GstLatencyBuffer *self = GST_LATENCY_BUFFER (object);
  LockstepPlayout *playout = self->playout;
  LockstepRtxTimers *rtx = &playout->rtx;

  g_mutex_lock (&self->lock);
  switch (id) {
    case PROP_LATENCY:
      g_value_set_uint (value, (guint) MS (playout->latency));
      break;
    case PROP_ADAPTIVE:
      g_value_set_boolean (value, playout->adaptive);
      break;
    case PROP_MIN_LATENCY:
      g_value_set_uint (value, (guint) MS (playout->target.min));
      break;
    case PROP_MAX_LATENCY:
      g_value_set_uint (value, (guint) MS (playout->target.max));
      break;
    case PROP_QUANTILE:
      g_value_set_double (value, playout->target.quantile);
      break;
    case PROP_LATE_POLICY:
      g_value_set_enum (value, playout->late_pass ?
          GST_LATENCY_BUFFER_LATE_PASS : GST_LATENCY_BUFFER_LATE_DROP);
      break;
    case PROP_MAX_SIZE_PACKETS:
      g_value_set_uint (value, playout->max_packets);
      break;
    case PROP_MAX_SIZE_BYTES:
      g_value_set_uint (value, (guint) playout->max_bytes);
      break;
    case PROP_DROP_ON_LATENCY:
      g_value_set_boolean (value, self->drop_on_latency);
      break;
    case PROP_TS_OFFSET:
      g_value_set_int64 (value, playout->ts_offset);
      break;
    case PROP_MAX_TS_OFFSET_ADJUSTMENT:
      g_value_set_uint64 (value, (guint64) playout->ts_offset_adjustment);
      break;
    case PROP_DO_LOST:
      g_value_set_boolean (value, self->do_lost);
      break;
    case PROP_POST_DROP_MESSAGES:
      g_value_set_boolean (value, self->post_drop_messages);
      break;
    case PROP_DROP_MESSAGES_INTERVAL:
      g_value_set_uint (value, self->drop_messages_interval);
      break;
    case PROP_MODE:
      g_value_set_enum (value, (gint) self->mode);
      break;
    case PROP_PERCENT:
      g_value_set_int (value, percent (playout));
      break;
    case PROP_DO_RETRANSMISSION:
      g_value_set_boolean (value, playout->do_rtx);
      break;
    case PROP_RTX_NEXT_SEQNUM:
      g_value_set_boolean (value, playout->rtx_next_seqnum);
      break;
    case PROP_RTX_DELAY:
      g_value_set_int (value, get_ms (rtx->delay));
      break;
    case PROP_RTX_MIN_DELAY:
      g_value_set_uint (value, (guint) MS (rtx->min_delay));
      break;
    case PROP_RTX_DELAY_REORDER:
      g_value_set_int (value, self->rtx_delay_reorder);
      break;
    case PROP_RTX_RETRY_TIMEOUT:
      g_value_set_int (value, get_ms (rtx->retry_timeout));
      break;
    case PROP_RTX_MIN_RETRY_TIMEOUT:
      g_value_set_int (value, get_ms (rtx->min_retry_timeout));
      break;
    case PROP_RTX_RETRY_PERIOD:
      g_value_set_int (value, get_ms (rtx->retry_period));
      break;
    case PROP_RTX_MAX_RETRIES:
      g_value_set_int (value, rtx->max_retries);
      break;
    case PROP_RTX_DEADLINE:
      g_value_set_int (value, get_ms (rtx->deadline));
      break;
    case PROP_RTX_STATS_TIMEOUT:
      g_value_set_uint (value, (guint) MS (rtx->stats_timeout));
      break;
    case PROP_STATS:
      g_value_take_boxed (value, make_stats (self));
      break;
    case PROP_MAX_RTCP_RTP_TIME_DIFF:
      g_value_set_int (value, self->max_rtcp_rtp_time_diff);
      break;
    case PROP_MAX_DROPOUT_TIME:
      g_value_set_uint (value, (guint) MS (playout->max_dropout));
      break;
    case PROP_MAX_MISORDER_TIME:
      g_value_set_uint (value, (guint) MS (playout->max_misorder));
      break;
    case PROP_RFC7273_SYNC:
      g_value_set_boolean (value, self->rfc7273_sync);
      break;
    case PROP_FASTSTART_MIN_PACKETS:
      g_value_set_uint (value, self->faststart_min_packets);
      break;
    case PROP_ADD_REFERENCE_TIMESTAMP_META:
      g_value_set_boolean (value, self->add_reference_meta);
      break;
    case PROP_SYNC_INTERVAL:
      g_value_set_uint (value, self->sync_interval);
      break;
    default:
      G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, pspec);
      break;
  }
  g_mutex_unlock (&self->lock);
}

#define RW (G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS)
#define BOOLEAN(id, name, nick, blurb, def) g_object_class_install_property \
  (klass, id, g_param_spec_boolean (name, nick, blurb, def, RW))
#define UINT(id, name, nick, blurb, max, def) g_object_class_install_property \
  (klass, id, g_param_spec_uint (name, nick, blurb, 0, max, def, RW))
#define INT(id, name, nick, blurb, def) g_object_class_install_property \
  (klass, id, g_param_spec_int (name, nick, blurb, -1, G_MAXINT, def, RW))

static void
install_own (GObjectClass * klass)
{
  UINT (PROP_LATENCY, "latency", "Latency",
      "The bound: a packet is released this long after its time, in ms",
      G_MAXUINT, 200);
  BOOLEAN (PROP_ADAPTIVE, "adaptive", "Adaptive",
      "The bound follows the arrivals between min-latency and max-latency",
      FALSE);
  UINT (PROP_MIN_LATENCY, "min-latency", "Least latency",
      "Least bound with adaptive, in ms", MAX_BOUND_MS, 20);
  UINT (PROP_MAX_LATENCY, "max-latency", "Largest latency",
      "Largest bound with adaptive, in ms; what the LATENCY query answers then",
      MAX_BOUND_MS, 1000);
  g_object_class_install_property (klass, PROP_QUANTILE,
      g_param_spec_double ("quantile", "Quantile",
          "With adaptive, the share of packets that is to come in time",
          0.5, 0.99999, 0.99, RW));
  g_object_class_install_property (klass, PROP_LATE_POLICY,
      g_param_spec_enum ("late-policy", "Late policy",
          "What becomes of packets that come after their time of release",
          late_policy_get_type (), GST_LATENCY_BUFFER_LATE_DROP, RW));
  UINT (PROP_MAX_SIZE_PACKETS, "max-size-packets", "Largest queue",
      "Packets the queue holds; the oldest are dropped beyond",
      G_MAXINT / 2, DEFAULT_MAX_PACKETS);
  UINT (PROP_MAX_SIZE_BYTES, "max-size-bytes", "Largest queue in bytes",
      "Bytes the queue holds; the oldest packets are dropped beyond",
      G_MAXUINT, DEFAULT_MAX_BYTES);
}

static void
install_retransmission (GObjectClass * klass)
{
  BOOLEAN (PROP_DO_RETRANSMISSION, "do-retransmission", "Do retransmission",
      "Ask for the retransmission of missing packets", FALSE);
  BOOLEAN (PROP_RTX_NEXT_SEQNUM, "rtx-next-seqnum", "RTX next seqnum",
      "Ask for the next packet, too, when an evenly spaced stream falls silent",
      FALSE);
  INT (PROP_RTX_DELAY, "rtx-delay", "RTX delay",
      "Wait before a missing packet is asked for, in ms (-1: by the reordering seen)",
      -1);
  UINT (PROP_RTX_MIN_DELAY, "rtx-min-delay", "Least RTX delay",
      "Least wait before a missing packet is asked for, in ms", G_MAXUINT, 0);
  INT (PROP_RTX_DELAY_REORDER, "rtx-delay-reorder", "RTX delay reorder",
      "Later packets that end the wait (0: none do)", 3);
  INT (PROP_RTX_RETRY_TIMEOUT, "rtx-retry-timeout", "RTX retry timeout",
      "Time between two requests for one packet, in ms (-1: by the round-trip time)",
      -1);
  INT (PROP_RTX_MIN_RETRY_TIMEOUT, "rtx-min-retry-timeout",
      "Least RTX retry timeout",
      "Least time between two requests for one packet, in ms (-1: none)", -1);
  INT (PROP_RTX_RETRY_PERIOD, "rtx-retry-period", "RTX retry period",
      "How long a packet is asked for, in ms (-1: as long as it is of use)",
      -1);
  INT (PROP_RTX_MAX_RETRIES, "rtx-max-retries", "Most RTX retries",
      "Requests for one packet (-1: no limit)", -1);
  INT (PROP_RTX_DEADLINE, "rtx-deadline", "RTX deadline",
      "How long after it was missed a packet is of use, in ms (-1: until its release)",
      -1);
  UINT (PROP_RTX_STATS_TIMEOUT, "rtx-stats-timeout", "RTX stats timeout",
      "How long the answer for a lost packet counts for the round-trip time, in ms",
      G_MAXUINT, 1000);
}

static void
install_common (GObjectClass * klass)
{
  BOOLEAN (PROP_DROP_ON_LATENCY, "drop-on-latency", "Drop on latency",
      "No effect: no packet is held beyond its bound anyway", FALSE);
  g_object_class_install_property (klass, PROP_TS_OFFSET,
      g_param_spec_int64 ("ts-offset", "Timestamp offset",
          "Added to timestamps and times of release, in ns",
          G_MININT64, G_MAXINT64, 0, RW));
  g_object_class_install_property (klass, PROP_MAX_TS_OFFSET_ADJUSTMENT,
      g_param_spec_uint64 ("max-ts-offset-adjustment",
          "Largest timestamp offset adjustment",
          "How far a new ts-offset moves timestamps per frame, in ns (0: at once)",
          0, G_MAXUINT64, 0, RW));
  BOOLEAN (PROP_DO_LOST, "do-lost", "Do lost",
      "Send a GstRTPPacketLost event for lost packets", FALSE);
  BOOLEAN (PROP_POST_DROP_MESSAGES, "post-drop-messages",
      "Post drop messages", "Post a message when late packets are dropped",
      FALSE);
  UINT (PROP_DROP_MESSAGES_INTERVAL, "drop-messages-interval",
      "Drop messages interval", "Least time between drop messages, in ms",
      G_MAXUINT, 200);
  g_object_class_install_property (klass, PROP_MODE,
      g_param_spec_enum ("mode", "Mode",
          "Whether the time base follows the sender's clock",
          mode_get_type (), GST_LATENCY_BUFFER_MODE_SLAVE, RW));
  g_object_class_install_property (klass, PROP_PERCENT,
      g_param_spec_int ("percent", "Percent",
          "How much of the bound is queued", 0, 100, 0,
          G_PARAM_READABLE | G_PARAM_STATIC_STRINGS));
  g_object_class_install_property (klass, PROP_STATS,
      g_param_spec_boxed ("stats", "Statistics",
          "rtpjitterbuffer's, then bound, depth and mean held time in ns, drift in ppm, "
          "and lateness-histogram: packets by ms of lateness, in classes from "
          "0, 1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000",
          GST_TYPE_STRUCTURE, G_PARAM_READABLE | G_PARAM_STATIC_STRINGS));
  INT (PROP_MAX_RTCP_RTP_TIME_DIFF, "max-rtcp-rtp-time-diff",
      "Largest RTCP RTP time difference",
      "How far a sender report may be ahead of the packets, in ms (-1: any)",
      1000);
  UINT (PROP_MAX_DROPOUT_TIME, "max-dropout-time", "Largest dropout time",
      "Missing packets that are taken for a loss, in ms", G_MAXINT, 60000);
  UINT (PROP_MAX_MISORDER_TIME, "max-misorder-time", "Largest misorder time",
      "Misordered packets that are taken for late ones, in ms", G_MAXUINT,
      2000);
  BOOLEAN (PROP_RFC7273_SYNC, "rfc7273-sync", "RFC 7273 sync",
      "No effect: media clocks are not followed", FALSE);
  UINT (PROP_FASTSTART_MIN_PACKETS, "faststart-min-packets",
      "Packets of a fast start",
      "No effect: the first packets are held as all others are", G_MAXUINT, 0);
  BOOLEAN (PROP_ADD_REFERENCE_TIMESTAMP_META,
      "add-reference-timestamp-meta", "Add reference timestamp meta",
      "No effect: arrival and NTP time are always added", FALSE);
  UINT (PROP_SYNC_INTERVAL, "sync-interval", "Sync interval",
      "Least time between two handle-sync signals, in ms of NTP time",
      G_MAXUINT, 0);
}

static gboolean
first_caps (GSignalInvocationHint * hint, GValue * result,
    const GValue * value, gpointer data)
{
  g_value_copy (value, result);
  return g_value_get_boxed (value) == NULL;
}

void
gst_latency_buffer_install_properties (GObjectClass * klass)
{
  guint *signals = gst_latency_buffer_signals;
  GType type = G_TYPE_FROM_CLASS (klass);

  klass->set_property = set_property;
  klass->get_property = get_property;
  install_own (klass);
  install_common (klass);
  install_retransmission (klass);
  gst_type_mark_as_plugin_api (mode_get_type (), 0);
  gst_type_mark_as_plugin_api (late_policy_get_type (), 0);

  /**
   * GstLatencyBuffer::request-pt-map:
   * @pt: the payload type
   *
   * Returns: caps of this payload type, with its clock-rate
   */
  signals[SIGNAL_REQUEST_PT_MAP] = g_signal_new ("request-pt-map", type,
      G_SIGNAL_RUN_LAST, 0, first_caps, NULL, NULL, GST_TYPE_CAPS, 1,
      G_TYPE_UINT);
  /**
   * GstLatencyBuffer::clear-pt-map:
   *
   * Payload types are asked for anew.
   */
  signals[SIGNAL_CLEAR_PT_MAP] = g_signal_new_class_handler ("clear-pt-map",
      type, G_SIGNAL_RUN_LAST | G_SIGNAL_ACTION,
      G_CALLBACK (gst_latency_buffer_clear_pt_map), NULL, NULL, NULL,
      G_TYPE_NONE, 0);
  /**
   * GstLatencyBuffer::handle-sync:
   * @sync: where the RTP time of a sender report lies in running time
   */
  signals[SIGNAL_HANDLE_SYNC] = g_signal_new ("handle-sync", type,
      G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL, G_TYPE_NONE, 1,
      GST_TYPE_STRUCTURE | G_SIGNAL_TYPE_STATIC_SCOPE);
  /**
   * GstLatencyBuffer::on-npt-stop:
   *
   * Never emitted: a live stream has no known end. rtpbin connects to it.
   */
  signals[SIGNAL_ON_NPT_STOP] = g_signal_new ("on-npt-stop", type,
      G_SIGNAL_RUN_LAST, 0, NULL, NULL, NULL, G_TYPE_NONE, 0);
  /**
   * GstLatencyBuffer::set-active:
   * @active: FALSE: nothing is released meanwhile
   * @offset: not used
   *
   * Returns: the running time of the newest released packet
   */
  signals[SIGNAL_SET_ACTIVE] = g_signal_new_class_handler ("set-active", type,
      G_SIGNAL_RUN_LAST | G_SIGNAL_ACTION,
      G_CALLBACK (gst_latency_buffer_set_active), NULL, NULL, NULL,
      G_TYPE_UINT64, 2, G_TYPE_BOOLEAN, G_TYPE_UINT64);
}
