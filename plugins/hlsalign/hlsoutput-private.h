/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What hlsoutput.c (the thread, storing, keys) and hlslist.c (the playlist) share.
 * Everything here is called from the output's thread. */
#pragma once

#include "hlscrypt.h"
#include "hlsoutput.h"

G_BEGIN_DECLS

struct _HlsOutput
{
  gatomicrefcount refs;
  GMutex lock;
  GCond cond;
  GQueue jobs;
  guint64 waiting;              /* bytes of the jobs and of the one in hand */
  gboolean full;                /* the one in hand is to be given up */
  gboolean hurry, closing, closed;
  HlsOutputStats stats;

  /* of the thread */
  HlsOutputConfig *config;
  HlsStore *store;
  HlsOutputCallbacks callbacks;
  gpointer user;
  LockstepPlaylist *playlist;
  gboolean first;
  gboolean giving_up;           /* the last segment was listed as a gap */
  guint8 key[HLS_KEY_SIZE];     /* of the segments now */
  gboolean have_key;
  guint64 key_sequence;         /* the first that it is for */
  GQueue keys;                  /* KeyFile: those that are still there */
  gint64 last_end;              /* Unix time, ns */
  gboolean told_behind;         /* that the list is further than what comes */
};

void hls_output_problem (HlsOutput *output, const GError *error);

/* Reads what an earlier run left, and goes on from there. */
void hls_list_load (HlsOutput *output);
void hls_list_configure (HlsOutput *output);
gboolean hls_list_write (HlsOutput *output, GError **error);

/* The media sequence number of the segment that is appended next. */
guint64 hls_list_next_sequence (HlsOutput *output);

/* With epoch-lock: brings the list to the interval of @segment, which begins at @start
 * (Unix time, ns). FALSE: it is there already. */
gboolean hls_list_align (HlsOutput *output, const LockstepSegment *segment,
    gint64 start);

/* @start: Unix time, ns; @key: the EXT-X-KEY line before it, or NULL */
void hls_list_append (HlsOutput *output, guint64 sequence, const char *file,
    gint64 start, gint64 duration, gboolean discontinuity, gboolean gap,
    char *key);

/* The playlists of a group go on with the same numbers, wherever each had got to.
 * @target_duration: raised to the group's. Returns: whether the group had segments */
void hls_list_tell_group (HlsOutput *output);
gboolean hls_list_resume_with_group (HlsOutput *output, guint *target_duration);
gboolean hls_list_join_group_late (HlsOutput *output,
    const LockstepSegment *segment);
void hls_list_tell_stored (HlsOutput *output, const LockstepSegment *segment,
    guint64 sequence);

G_END_DECLS
