/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The time base: where RTP timestamps lie on the receiver's clock. */
#pragma once

#include <glib.h>

G_BEGIN_DECLS

/* The window over which the minimum transit is taken: 10 s of media time. */
#define LOCKSTEP_TIMEBASE_BLOCK (500 * G_GINT64_CONSTANT (1000000))
#define LOCKSTEP_TIMEBASE_BLOCKS 20
/* Points of the drift estimate: minima of 2 s each, 256 s in all. */
#define LOCKSTEP_TIMEBASE_POINT_BLOCKS 4
#define LOCKSTEP_TIMEBASE_POINTS 128
/* Default of @max_slew: 5 ms per second. */
#define LOCKSTEP_TIMEBASE_SLEW 0.005

typedef struct
{
  double media, transit;        /* ns */
} LockstepTransit;

/**
 * LockstepTimebase:
 *
 * Maps an extended RTP timestamp to a presentation time:
 *
 *   pts = media + offset,  media = (timestamp - first timestamp) / clock rate
 *
 * The offset is the least transit (arrival - media) of the last 10 s of media.
 * Until the output has started (lockstep_timebase_start()) it falls at once
 * with every lower transit. Afterwards it never steps: it follows the drift between
 * the two clocks, and anything else at @max_slew at most.
 *
 * The windowed minimum is that of Fober, Orlarey and Letz ("Real time clock
 * skew estimation over network delays", 2005), without its averaging, which lets a delay
 * spike through. The drift is the line under the transit minima of the last
 * 256 s that is nearest to them (Moon, Skelly and Towsley, "Estimation and
 * removal of clock skew from network delay measurements", INFOCOM 1999), found
 * on their lower convex hull (Zhang, Liu and Xia, INFOCOM 2002): it is unbiased by
 * delay of any size, as queueing only ever adds.
 */
typedef struct
{
  guint clock_rate;             /* Hz */
  double max_slew;              /* ns per ns of media time */
  gboolean follow;              /* FALSE: the offset stays once started */

  /*< private > */
  gboolean started;
  gint64 first;                 /* extended timestamp */
  gint64 newest;                /* ns of media time */
  double offset;                /* ns, at newest */
  double rate;                  /* d offset / d media before newest */
  double slope;                 /* estimated drift */

  gint64 block;                 /* number of the newest block */
  gint64 blocks[LOCKSTEP_TIMEBASE_BLOCKS];      /* number + 1; 0: empty */
  LockstepTransit minima[LOCKSTEP_TIMEBASE_BLOCKS];
  double best;                  /* least transit - slope * media of the window */

  LockstepTransit point;        /* being gathered */
  gint64 point_until;           /* block number */
  guint n_points;
  LockstepTransit points[LOCKSTEP_TIMEBASE_POINTS];
  gboolean have_line;
  double line;                  /* transit of the line at media 0 */
} LockstepTimebase;

/**
 * lockstep_timebase_init:
 * @clock_rate: Hz, not 0
 * @timestamp: extended RTP timestamp of the first packet
 * @arrival: its arrival in ns
 */
void lockstep_timebase_init (LockstepTimebase *self, guint clock_rate,
    gint64 timestamp, gint64 arrival);

/**
 * lockstep_timebase_observe:
 * @timestamp: extended RTP timestamp
 * @arrival: when the packet came, in ns
 * @shift: (out): what must be added to every time that was returned before, ns;
 *   0 once the output has started
 *
 * Takes in one packet. Not to be called for retransmitted packets: their
 * arrival says nothing of the path.
 *
 * Returns: the packet's presentation time in ns
 */
gint64 lockstep_timebase_observe (LockstepTimebase *self, gint64 timestamp,
    gint64 arrival, gint64 *shift);

/* The presentation time of @timestamp in ns; learns nothing. */
gint64 lockstep_timebase_place (const LockstepTimebase *self,
    gint64 timestamp);

/* The output has started: from here the offset only slews. */
void lockstep_timebase_start (LockstepTimebase *self);

/* What the sender's clock loses (> 0) or gains against ours, in ppm. */
double lockstep_timebase_drift (const LockstepTimebase *self);

G_END_DECLS
