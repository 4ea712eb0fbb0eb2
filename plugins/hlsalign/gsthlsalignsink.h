/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* hlsalignsink's struct, shared by its two files: gsthlsalignsink.c moves buffers,
 * gsthlsalignsinkprops.c holds properties and statistics. */
#pragma once

#include <gst/gst.h>

#include "hlsoutput.h"

G_BEGIN_DECLS

#define GST_TYPE_HLS_ALIGN_SINK (gst_hls_align_sink_get_type ())
G_DECLARE_FINAL_TYPE (GstHlsAlignSink, gst_hls_align_sink, GST, HLS_ALIGN_SINK,
    GstElement)

GST_ELEMENT_REGISTER_DECLARE (hlsalignsink);

typedef struct
{
  GstPad *pad;
  GstSegment segment;
  gboolean eos, flushing, live_known, have_caps;
} Input;

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
  gint64 offset;                /* Unix time - running time, ns */
  GArray *requests;             /* GstClockTime: to be sent without the lock */
  GArray *again;                /* gboolean, of each */
  guint request_count;
  gboolean eos_pending;         /* to be posted in PLAYING */
  guint32 eos_seqnum;

  char *location, *playlist_location, *playlist_root, *key_location, *key_uri;
  guint max_files, playlist_length, key_segments;
  double target_duration, dvr_window;
  gboolean send_keyframe_requests, epoch_lock, endlist;
  LockstepPlaylistType playlist_type;
  guint64 max_skew;
};

void gst_hls_align_sink_install_properties (GObjectClass *object_class);
void gst_hls_align_sink_init_properties (GstHlsAlignSink *self);
void gst_hls_align_sink_free_properties (GstHlsAlignSink *self);

G_END_DECLS
