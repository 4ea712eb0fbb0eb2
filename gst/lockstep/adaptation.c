/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What picture a bitrate is worth. A ladder of steps down from the source's
 * picture; each needs so many bits for a pixel, and a step up is taken only when
 * the bits for it have been there for a while. */
#include "adaptation.h"

#include <math.h>

#define SECOND (G_GINT64_CONSTANT (1000000000))

/* Bits a pixel below which H.264's real-time encoders show blocks at 30 frames a
 * second. Small pictures need more of them: bits grow with the 3/4th power of
 * the pixels (the "power of 0.75" rule of encoding ladders), from here at 720p. */
#define BITS_A_PIXEL 0.032
#define REFERENCE_PIXELS (1280 * 720)
#define POWER 0.75

/* Up only with a fifth more than the step needs, for four seconds. */
#define UP_MARGIN 1.2
#define UP_AFTER (4 * SECOND)
/* Encoders start anew with each size: no more often than this. */
#define APART (1 * SECOND)

#define LEAST_FPS 10
#define LEAST_HEIGHT 90

/* Shares of frames and of lines, in the order in which they are given up. */
static const struct
{
  gdouble frames, lines;
} steps[] = {
  {1.0, 1.0},
  {0.67, 1.0},
  {0.5, 1.0},
  {0.67, 0.75},
  {0.5, 0.75},
  {0.67, 0.5},
  {0.5, 0.5},
  {0.5, 0.375},
  {0.5, 0.25},
};

/**
 * lockstep_adaptation_init:
 *
 * The source's picture: even @width and @height above 0, @fps above 0.
 */
void
lockstep_adaptation_init (LockstepAdaptation * adaptation, guint width,
    guint height, guint fps, gint64 now)
{
  *adaptation = (LockstepAdaptation) {
    {
  width, height, fps, 0}, 0, -1, now - APART};
}

static LockstepPicture
picture_of (const LockstepAdaptation * a, guint step)
{
  gdouble lines = steps[step].lines;
  LockstepPicture p = a->full;

  if (lines < 1) {
    p.width = MAX ((guint) (a->full.width * lines / 2 + 0.5) * 2, 2);
    p.height = MAX ((guint) (a->full.height * lines / 2 + 0.5) * 2, 2);
  }
  p.fps = MAX ((guint) (a->full.fps * steps[step].frames + 0.5), 1);
  return p;
}

/* Bit/s below which a step is not worth having. */
static gdouble
needed (const LockstepAdaptation * a, guint step)
{
  LockstepPicture p = picture_of (a, step);
  gdouble pixels = (gdouble) p.width * p.height;

  /* a frame after a longer time differs more: frames count by their root */
  return BITS_A_PIXEL * REFERENCE_PIXELS
      * pow (pixels / REFERENCE_PIXELS, POWER) * 30 * sqrt (p.fps / 30.0);
}

static gboolean
allowed (const LockstepAdaptation * a, guint step)
{
  LockstepPicture p = picture_of (a, step);

  return step == 0 || (p.fps >= MIN (LEAST_FPS, a->full.fps)
      && p.height >= MIN (LEAST_HEIGHT, a->full.height));
}

/**
 * lockstep_adaptation_update:
 * @bitrate: what the video may take, bit/s
 * @picture: (out): what to encode, its bitrate being @bitrate
 *
 * Down at once, as far as needed; up one step at a time, slowly.
 *
 * Returns: whether size or frame rate changed
 */
gboolean
lockstep_adaptation_update (LockstepAdaptation * adaptation, guint64 bitrate,
    gint64 now, LockstepPicture * picture)
{
  LockstepAdaptation *a = adaptation;
  guint before = a->step, up;

  if (now - a->changed >= APART) {
    while (bitrate < needed (a, a->step)) {
      guint down = a->step + 1;

      while (down < G_N_ELEMENTS (steps) && !allowed (a, down))
        down++;
      if (down >= G_N_ELEMENTS (steps))
        break;
      a->step = down;
    }
    for (up = a->step; up > 0 && (up == a->step || !allowed (a, up));)
      up--;
    if (a->step != before || up == a->step
        || bitrate < UP_MARGIN * needed (a, up))
      a->better_since = -1;
    else if (a->better_since < 0)
      a->better_since = now;
    else if (now - a->better_since >= UP_AFTER) {
      a->step = up;
      a->better_since = -1;
    }
  }
  if (a->step != before)
    a->changed = now;
  *picture = picture_of (a, a->step);
  picture->bitrate = bitrate;
  return a->step != before;
}
