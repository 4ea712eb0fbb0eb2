/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Renditions: the size that each gets from a source, and which one goes where a machine
 * cannot keep up. */
#include <gst/lockstep/rendition.h>

#define MS G_GINT64_CONSTANT (1000000)
#define SECOND (1000 * MS)

/* Behind from here on, and until it is below the second: a queue of a second of
 * pictures is then more than half full. */
#define BEHIND (600 * MS)
#define KEEPS_UP (300 * MS)
/* Behind for so long in all is an overload. */
#define DEBT_MAX (3 * SECOND)
/* After a start or a drop: encoders start, queues run empty. */
#define SETTLE (5 * SECOND)
/* Looks further apart than this say nothing about the time between. */
#define LOOK_MAX (3 * SECOND)

static int
even (double side)
{
  return MAX (2, (int) (side / 2 + 0.5) * 2);
}

void
lockstep_rendition_fit (const LockstepRendition * rendition,
    int source_width, int source_height, gboolean upscale, int *width,
    int *height)
{
  int w = rendition->width, h = rendition->height;
  double scale;

  g_return_if_fail (source_width > 0 && source_height > 0);

  if ((source_height > source_width && w > h)
      || (source_width > source_height && h > w)) {
    w = rendition->height;
    h = rendition->width;
  }
  scale = MIN ((double) w / source_width, (double) h / source_height);
  if (!upscale)
    scale = MIN (scale, 1);
  *width = MIN (even (source_width * scale), MAX (w, 2));
  *height = MIN (even (source_height * scale), MAX (h, 2));
  if (!upscale) {
    /* an odd source was rounded up */
    if (*width > source_width && *width > 2)
      *width -= 2;
    if (*height > source_height && *height > 2)
      *height -= 2;
  }
}

void
lockstep_overload_init (LockstepOverload * overload)
{
  *overload = (LockstepOverload) {
  .last = G_MININT64};
}

static gint64
worst_lag (const LockstepRenditionLoad * loads, guint n)
{
  gint64 worst = 0;

  for (guint i = 0; i < n; i++)
    if (loads[i].active && loads[i].encoded)
      worst = MAX (worst, loads[i].lag);
  return worst;
}

static int
choose (const LockstepRenditionLoad * loads, guint n)
{
  guint active = 0;
  int chosen = -1;

  for (guint i = 0; i < n; i++) {
    active += loads[i].active;
    if (loads[i].active && loads[i].encoded && loads[i].lag > KEEPS_UP
        && (chosen < 0 || loads[i].cost > loads[chosen].cost))
      chosen = i;
  }
  return active > 1 ? chosen : -1;
}

int
lockstep_overload_look (LockstepOverload * overload, gint64 now,
    const LockstepRenditionLoad * loads, guint n)
{
  gint64 lag = worst_lag (loads, n);
  gint64 passed;
  int drop;

  if (overload->last == G_MININT64)
    overload->settled = now + SETTLE;
  passed = overload->last == G_MININT64 ? 0
      : CLAMP (now - overload->last, 0, LOOK_MAX);
  overload->last = now;
  overload->behind = lag > (overload->behind ? KEEPS_UP : BEHIND);
  if (now < overload->settled)
    return -1;
  /* What was made up for counts half: a machine that is behind every other moment does
   * not keep up either */
  overload->debt += overload->behind ? passed : -passed / 2;
  overload->debt = CLAMP (overload->debt, 0, DEBT_MAX);
  if (overload->debt < DEBT_MAX || !overload->behind)
    return -1;
  drop = choose (loads, n);
  if (drop >= 0) {
    overload->debt = 0;
    overload->behind = FALSE;
    overload->settled = now + SETTLE;
  }
  return drop;
}
