/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What runs, in one line for a human. */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* A channel's figures. NAN: not known. */
typedef struct
{
  const char *name;
  gboolean live;
  gint64 kbps;                  /* sound and picture */
  double delay_ms;              /* of a segment's end behind its media */
  double av_offset_ms;
  gint64 dropped;               /* packets that were late or never came */
  gint64 position, duration;    /* ns; duration 0: it has no end */
} LockstepStatusChannel;

/* "3 of 4 channels live, 7.2 Mbit/s", for a service manager. */
char *lockstep_status_summary (const LockstepStatusChannel *channels, guint n);

/**
 * lockstep_status_line:
 * @width: columns of the terminal
 *
 * The sum of bit rates and losses, the worst of delays and offsets; a progress bar where
 * there is one channel and it has an end.
 *
 * Returns: (transfer full): ASCII, shorter than @width, so that a terminal does not
 *   wrap it
 */
char *lockstep_status_line (const LockstepStatusChannel *channels, guint n,
    guint width);

G_END_DECLS
