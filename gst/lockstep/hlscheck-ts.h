/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Reads one MPEG-TS segment for the validator. */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

#define LOCKSTEP_CHECK_PIDS 16

typedef struct
{
  guint pid;
  guint8 type;                  /* stream_type */
  gboolean video;
  int first_counter, last_counter;      /* continuity counters; -1: none */
  guint counter_errors;
  gint64 first_pts, last_pts, first_dts, last_dts;      /* ticks; -1: none */
  gint64 end;                   /* audio: ticks after its last frame */
  gint64 frame;                 /* ticks of an audio frame, or between pictures */
  guint units;                  /* PES packets */
  guint steps;                  /* audio: PES packets that do not follow */
  gboolean idr_first, slice_seen;
} LockstepCheckStream;

typedef struct
{
  gboolean whole;               /* packets of 188 bytes with sync bytes */
  gboolean pat_first, pmt_second;
  gboolean have_pmt;
  guint programs;
  guint n_streams;
  LockstepCheckStream streams[LOCKSTEP_CHECK_PIDS];
  int pat_first_counter, pat_last_counter;
} LockstepCheckTs;

void lockstep_check_ts_read (LockstepCheckTs *ts, const guint8 *data, gsize size);

G_END_DECLS
