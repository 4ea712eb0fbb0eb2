/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* hlsalignsink's struct, shared by its files: gsthlsalignsink.c is the element,
 * gsthlsalignsinkinput.c takes buffers and events, gsthlsalignsinkpreroll.c holds them
 * below PLAYING, gsthlsalignsinkencoder.c watches an encoder start,
 * gsthlsalignsinkgroup.c agrees with others of a group, gsthlsalignsinkprops.c holds
 * properties and statistics. */
#pragma once

#include <gst/gst.h>

#include <gst/lockstep/unixtime.h>

#include "hlsoutput.h"

G_BEGIN_DECLS

#define GST_TYPE_HLS_ALIGN_SINK (gst_hls_align_sink_get_type ())
G_DECLARE_FINAL_TYPE (GstHlsAlignSink, gst_hls_align_sink, GST, HLS_ALIGN_SINK,
    GstElement)

GST_ELEMENT_REGISTER_DECLARE (hlsalignsink);
GST_DEBUG_CATEGORY_EXTERN (gst_hls_align_sink_debug);

/* Requests for key units that may wait to be sent. */
#define GST_HLS_ALIGN_SINK_MAX_REQUESTS 64
/* What another thread has taken to hand on is waited for, but not for ever: whoever it is
 * handed to may wait for us. */
#define GST_HLS_ALIGN_SINK_HAND_OVER_LIMIT (500 * G_TIME_SPAN_MILLISECOND)

typedef struct
{
  GstPad *pad;
  GstSegment segment;
  gboolean eos, flushing, live_known, held_known, have_caps;
  gboolean waiting;             /* for the other track */
  gboolean far;                 /* pictures come from no encoder near */
  gint64 asked_at;              /* monotonic time of the request at the start, or 0 */
  gint64 age;                   /* of pictures as they come, the least of late */
  LockstepUnixTime unix_time;   /* with epoch-lock */
  gboolean unix_time_known, unix_time_warned;
} Input;

/* What goes into an encoder until something comes out: gsthlsalignsinkencoder.c */
typedef struct _EncoderWatch EncoderWatch;

struct _GstHlsAlignSink
{
  GstElement parent;

  GMutex lock;
  GCond cond;
  Input inputs[LOCKSTEP_N_TRACKS];
  LockstepSegmenter *segmenter; /* NULL below PAUSED */
  HlsOutput *output;
  gboolean live;
  guint64 arrivals[LOCKSTEP_N_TRACKS];
  gboolean have_offset;
  gboolean have_unix_time;      /* a buffer said what it is */
  gint64 offset;                /* Unix time - running time, ns */
  GArray *requests;             /* GstClockTime: to be sent without the lock */
  GArray *again;                /* gboolean, of each */
  guint request_count;
  guint sending;                /* threads that took requests and send them */
  EncoderWatch *watch;          /* NULL: no encoder, or its first picture came */
  HlsGroup *group;              /* of those that cut alike, or NULL */
  GArray *verdicts;             /* LockstepVerdict: to be told without the lock */
  GThread *telling;             /* that took verdicts and tells them, or NULL */

  GMutex preroll_lock;          /* taken alone, or with the object's lock in it */
  GCond preroll_cond;
  gboolean playing;             /* buffers pass */
  gboolean committed;           /* the state change waits for no buffer */
  gboolean lost;                /* in a flush, since it was playing */
  gboolean skipping;            /* it is being found out whether it has to */
  gboolean preroll_flushing[LOCKSTEP_N_TRACKS];
  guint ends;                   /* that the output has still to come to */
  gboolean eos_wanted;          /* the last of them is to be told */
  gboolean eos_pending;         /* to be posted in PLAYING */
  guint32 eos_seqnum;

  char *location, *playlist_location, *playlist_root, *key_location, *key_uri;
  char *group_name;
  guint max_files, playlist_length, key_segments;
  double target_duration, dvr_window;
  gboolean send_keyframe_requests, epoch_lock, endlist, group_leader, async;
  LockstepPlaylistType playlist_type;
  guint64 max_skew;
  guint audio_delay;            /* samples */
  gint64 audio_delay_time;      /* the same, ns, with the rate of the caps */
};

LockstepTrackKind gst_hls_align_sink_kind_of (GstHlsAlignSink *self, GstPad *pad);
GstFlowReturn gst_hls_align_sink_chain (GstPad *pad, GstObject *parent,
    GstBuffer *buffer);
gboolean gst_hls_align_sink_event (GstPad *pad, GstObject *parent,
    GstEvent *event);

/* Sends the requests for key units that the segmenter made. Without the lock. */
void gst_hls_align_sink_send_requests (GstHlsAlignSink *self);
/* Waits for those that another thread is sending. Without the lock. */
void gst_hls_align_sink_requests_sent (GstHlsAlignSink *self);

/* gsthlsalignsinkpreroll.c; without the lock */
gboolean gst_hls_align_sink_preroll (GstHlsAlignSink *self, LockstepTrackKind kind);
void gst_hls_align_sink_preroll_flush (GstHlsAlignSink *self,
    LockstepTrackKind kind, gboolean flushing);
void gst_hls_align_sink_preroll_lost (GstHlsAlignSink *self);
void gst_hls_align_sink_preroll_end (GstHlsAlignSink *self, guint32 seqnum);
void gst_hls_align_sink_preroll_no_end (GstHlsAlignSink *self);
void gst_hls_align_sink_preroll_ended (GstHlsAlignSink *self);
gboolean gst_hls_align_sink_preroll_start (GstHlsAlignSink *self);
void gst_hls_align_sink_preroll_play (GstHlsAlignSink *self);
gboolean gst_hls_align_sink_preroll_pause (GstHlsAlignSink *self, gboolean wait);
void gst_hls_align_sink_preroll_stop (GstHlsAlignSink *self);
void gst_hls_align_sink_preroll_asked (GstHlsAlignSink *self);

/* gsthlsalignsinkgroup.c; the first three are the segmenter's, called with the lock */
void gst_hls_align_sink_verdict (gpointer user, const LockstepVerdict *verdict);
gint64 gst_hls_align_sink_anchor (gpointer user, gint64 start);
gboolean gst_hls_align_sink_discontinuity (gpointer user, gint64 start, gboolean mine);
gboolean gst_hls_align_sink_join_group (GstHlsAlignSink *self);
/* Tells the others, before the picture can have come to them. Without the lock. */
void gst_hls_align_sink_send_verdicts (GstHlsAlignSink *self);

/* Asks an encoder upstream for key frames at the boundaries from its first picture on,
 * before any comes out of it. */
void gst_hls_align_sink_watch_encoder (GstHlsAlignSink *self);
/* Whether an encoder in this pipeline makes what comes to the pad. */
gboolean gst_hls_align_sink_has_encoder (GstPad *pad);
/* Media time from the first picture that went into it to the last, in ns. */
gint64 gst_hls_align_sink_watched (GstHlsAlignSink *self);
/* Ends that, where the segmenter can ask from now on; @now: in any case. Without the
 * lock. */
void gst_hls_align_sink_unwatch (GstHlsAlignSink *self, gboolean now);

void gst_hls_align_sink_install_properties (GObjectClass *object_class);
void gst_hls_align_sink_init_properties (GstHlsAlignSink *self);
void gst_hls_align_sink_free_properties (GstHlsAlignSink *self);

G_END_DECLS
