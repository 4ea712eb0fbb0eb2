/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* latencybuffer: what its files share. */
#pragma once

#include <gst/gst.h>

#include <gst/lockstep/playout.h>

G_BEGIN_DECLS

#define GST_TYPE_LATENCY_BUFFER (gst_latency_buffer_get_type ())
G_DECLARE_FINAL_TYPE (GstLatencyBuffer, gst_latency_buffer, GST,
    LATENCY_BUFFER, GstElement)

GST_DEBUG_CATEGORY_EXTERN (latency_buffer_debug);

/* rtpjitterbuffer's, value by value */
typedef enum
{
  GST_LATENCY_BUFFER_MODE_NONE = 0,
  GST_LATENCY_BUFFER_MODE_SLAVE = 1,
  GST_LATENCY_BUFFER_MODE_BUFFER = 2,
  GST_LATENCY_BUFFER_MODE_SYNCED = 4,
} GstLatencyBufferMode;

typedef enum
{
  GST_LATENCY_BUFFER_LATE_DROP,
  GST_LATENCY_BUFFER_LATE_PASS,
} GstLatencyBufferLatePolicy;

enum
{
  SIGNAL_REQUEST_PT_MAP,
  SIGNAL_CLEAR_PT_MAP,
  SIGNAL_HANDLE_SYNC,
  SIGNAL_ON_NPT_STOP,
  SIGNAL_SET_ACTIVE,
  LAST_SIGNAL
};
extern guint gst_latency_buffer_signals[LAST_SIGNAL];

/* The newest sender report. */
typedef struct
{
  gboolean valid;
  guint32 ssrc, timestamp;      /* RTP */
  guint64 ntp;                  /* ns since 1900 */
  GstBuffer *pending;           /* came before any packet; to be signalled with the first */
  guint64 signalled;            /* NTP time of the last one handed on */
  char *cname;
} GstLatencyBufferReport;

struct _GstLatencyBuffer
{
  GstElement parent;

  GstPad *sinkpad, *srcpad, *rtcpsinkpad;

  GMutex lock;                  /* everything below */
  GCond cond;
  LockstepPlayout *playout;
  GstSegment in_segment, out_segment;
  gboolean flushing;
  gboolean blocked;             /* not PLAYING */
  gboolean inactive;            /* set-active */
  gboolean eos;
  GstFlowReturn srcresult;
  GstClock *clock;
  gboolean clock_changed;       /* clock_id is of another one */
  gboolean clock_is_monotonic;
  GstClockTime base_time;
  GstClockID clock_id;
  gboolean waiting;
  gint64 waiting_until;         /* running time */
  gint64 passed;                /* running time that is known to be over */
  gint64 newest_arrival;
  gint64 last_out;              /* running time of the newest output, -1: none */

  guint rates[128];             /* clock rates by payload type, 0: not known */
  gint64 unknown_until[128];    /* arrival before which it is not asked for again */
  guint caps_rate;              /* of the caps, where they name no payload type */
  guint64 clock_base;           /* of the caps, -1: none */

  GstLatencyBufferReport report;
  GstCaps *arrival_caps, *ntp_caps;
  guint64 invalid, unknown_payload;

  /* properties that are not the playout's */
  GstLatencyBufferMode mode;
  gboolean do_lost, drop_on_latency, rfc7273_sync, add_reference_meta;
  gboolean post_drop_messages;
  guint drop_messages_interval, faststart_min_packets, sync_interval;   /* ms */
  gint max_rtcp_rtp_time_diff;  /* ms */
  gint rtx_delay_reorder;
  gint64 drop_message_at;       /* arrival of the last one that was told */
  guint dropped_late;           /* since then */
};

/* gstlatencybuffer.c */
void gst_latency_buffer_wake (GstLatencyBuffer *self);
guint64 gst_latency_buffer_set_active (GstLatencyBuffer *self,
    gboolean active, guint64 offset);
void gst_latency_buffer_clear_pt_map (GstLatencyBuffer *self);

/* gstlatencybufferout.c */
/* Retransmission requests that are sent at once; more wait for the next round. */
#define GST_LATENCY_BUFFER_REQUESTS 32
gint64 gst_latency_buffer_running_time (GstLatencyBuffer *self);
/* With the lock. @events: room for GST_LATENCY_BUFFER_REQUESTS */
guint gst_latency_buffer_due_requests (GstLatencyBuffer *self, gint64 now,
    GstEvent **events);
void gst_latency_buffer_loop (GstPad *pad);

/* gstlatencybufferprops.c */
void gst_latency_buffer_install_properties (GObjectClass *klass);

/* gstlatencybuffersync.c */
GstFlowReturn gst_latency_buffer_chain_rtcp (GstPad *pad, GstObject *parent,
    GstBuffer *buffer);
/* To be called without the lock, after a packet has come. */
void gst_latency_buffer_signal_pending (GstLatencyBuffer *self);
void gst_latency_buffer_take_cname (GstLatencyBuffer *self,
    const GstStructure *caps);
/* With the lock; FALSE: not known. @ntp: ns since 1900 */
gboolean gst_latency_buffer_ntp_time (GstLatencyBuffer *self,
    guint32 timestamp, guint64 *ntp);

G_END_DECLS
