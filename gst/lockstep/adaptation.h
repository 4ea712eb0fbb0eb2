/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What picture a bitrate is worth: first fewer bits, then fewer frames, then
 * fewer pixels, and back. */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* Whole numbers of pixels; frames a second; bit/s. */
typedef struct
{
  guint width, height, fps;
  guint64 bitrate;
} LockstepPicture;

typedef struct
{
  LockstepPicture full;         /* what the source gives */
  guint step;                   /* 0: all of it */
  gint64 better_since;          /* since when there are bits for more; -1 */
  gint64 changed;
} LockstepAdaptation;

void lockstep_adaptation_init (LockstepAdaptation * adaptation, guint width,
    guint height, guint fps, gint64 now);
gboolean lockstep_adaptation_update (LockstepAdaptation * adaptation,
    guint64 bitrate, gint64 now, LockstepPicture * picture);

G_END_DECLS
