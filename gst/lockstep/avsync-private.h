/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What avsync.c (streams, what comes in, the start gate) and avsync-stamp.c (offsets, and the
 * timestamps that go out) share. */
#pragma once

#include "avsync.h"

#define MS (G_GINT64_CONSTANT (1000000))
#define SECOND (G_GINT64_CONSTANT (1000000000))

/* Frames whose timestamps are remembered, for what comes out of order. */
#define HISTORY 32

typedef enum
{
  STATE_EMPTY,                  /* nothing came yet */
  STATE_GATED,                  /* comparing the first packets */
  STATE_RUNNING,
} LockstepAvState;

typedef struct
{
  gint64 media, pts;
} LockstepAvStamp;

typedef struct
{
  gboolean pending;             /* came before the first packet */
  gint64 timestamp;
  guint64 ntp;
  gboolean has_capture_offset;
  gint64 capture_offset;
  LockstepReportClock clock;
  LockstepReportPair pair;
} LockstepAvClaims;

enum
{
  CLAIMS_REPORT,
  CLAIMS_CAPTURE,
  CLAIMS_LAST
};

struct _LockstepAvStream
{
  LockstepAvMedia media;
  guint32 rate;                 /* 0: timestamps are ns already */
  LockstepAvState state;
  gboolean ran;                 /* it has given out a timestamp */
  guint32 ssrc;
  gint64 base, high;            /* extended timestamps: the first, the highest */
  gint64 lowest;                /* lowest media time seen while gated */
  gint64 gate_end;
  gint64 running_since;
  LockstepTransit transit;
  gint64 minimum;               /* the last transit minimum that was known */
  gint64 last_arrival;

  guint held;
  gint64 held_timestamp[LOCKSTEP_AV_HELD], held_arrival[LOCKSTEP_AV_HELD];
  guint32 held_ssrc;

  const LockstepAvStream *reference;    /* what the fields below refer to */
  LockstepDrift drift;          /* of the arrival difference */
  gboolean established;
  gint64 arrival_offset, compared_at, uncertainty;
  gint64 correction, target;
  LockstepAvSource source;
  LockstepAvClaims claims[CLAIMS_LAST];

  LockstepSlew slew;
  gint64 last_pts;
  gboolean discont;
  LockstepAvStamp history[HISTORY];       /* video, ascending in both */
  guint n_history;
  gint64 rate_at, rate_from, slew_rate;
  guint64 steps, restarts, strays;
};

struct _LockstepAvSync
{
  LockstepAvConfig config;
  GPtrArray *streams;
  gint64 level;                 /* timestamp less arrival of a packet that did
                                 * not wait, for a stream that begins alone */
  gboolean has_ntp_base;
  guint64 ntp_base;
};

/* What was learned of the stream against its reference holds no more. */
void lockstep_av_reset_pairing (LockstepAvSync * sync, LockstepAvStream * s);
/* Media time of a timestamp, ns. */
gint64 lockstep_av_media_time (const LockstepAvStream * s, gint64 timestamp);
/* The stream that others are placed by, other than @except; NULL: none runs. */
LockstepAvStream *lockstep_av_find_reference (const LockstepAvSync * sync,
    const LockstepAvStream * except);
