/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the files of a viewer share. */
#pragma once

#include "arrivals.h"
#include "rate-control.h"
#include "viewer.h"

#include <gst/app/gstappsrc.h>
#include <gst/lockstep/fanout.h>

/* One of its streams: viewer-branch.c. */
typedef struct
{
  Viewer *viewer;
  StreamsTrack track;
  GstAppSrc *source;            /* NULL: the peer does not take it */
  LockstepFrameGate gate;       /* under the streams' lock */
  LockstepKeyBackoff backoff;   /* under the viewer's */
  gint n_given_up;              /* atomic */
} ViewerBranch;

struct _Viewer
{
  GstElement *pipeline, *webrtc;
  WebrtcEnd *end;
  Streams *streams;
  guint receiver;
  guint bus_watch;
  Arrivals *arrivals;
  ViewerBranch branches[STREAMS_N_TRACKS];
  StreamsTrack picture;
  RateControl *control;         /* NULL: none */
  gboolean is_call;
  guint32 ssrc;                 /* of the picture that FEC may protect; 0: none */
  guint32 audio_ssrc;           /* 0: none */
  LockstepFlexfecConfig fec;
  int offered_fec;              /* payload type of a call's offer; -1: none */
  gint open;                    /* atomic: the peer is connected and verified */
  GMutex lock;                  /* protects the branches' back-offs */
  ViewerCallbacks callbacks;
  gpointer user_data;
};

/* An element in @bin; NULL where there is no such. */
GstElement *viewer_make (GstBin *bin, const char *factory, GError **error);
/* All streams that the peer takes, up to webrtcbin. @offer: NULL where it is called. */
gboolean viewer_add_branches (Viewer *viewer, LockstepOffer *offer,
    const GArray *layers, GError **error);
/* A frame of the stream's encoder, under the streams' lock. */
void viewer_branch_take (ViewerBranch *branch, GstSample *frame, gboolean key);
