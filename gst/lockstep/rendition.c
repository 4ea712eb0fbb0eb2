/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Renditions: the size that each gets from a source, which one goes where a machine
 * cannot keep up, and when it is tried again. */
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
/* One that was tried again is held to be the cause where others fall behind for so long
 * within the time after it. */
#define TRIAL_DEBT SECOND
#define TRIAL (30 * SECOND)
/* One that went again sooner than this was tried too soon. */
#define TRIED_WELL (600 * SECOND)
#define RETRY_MAX (3600 * SECOND)

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
lockstep_overload_init (LockstepOverload * overload, gint64 retry)
{
  *overload = (LockstepOverload) {
  .last = G_MININT64,.trial = -1,.tried = G_MININT64};
  overload->wait.first_ms = retry / MS;
  overload->wait.max_ms = MAX (RETRY_MAX, retry) / MS;
  overload->wait.good_ms = TRIED_WELL / MS;
}

/* @but: one that does not count, or -1 */
static gint64
worst_lag (const LockstepRenditionLoad * loads, guint n, int but)
{
  gint64 worst = 0;

  for (guint i = 0; i < n; i++)
    if (loads[i].active && loads[i].encoded && (int) i != but)
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

static int
drop (LockstepOverload * overload, gint64 now, int chosen)
{
  /* Which of them goes does not matter: what was tried is whether there is room */
  gint64 stayed = overload->tried == G_MININT64 ? TRIED_WELL
      : now - overload->tried;

  overload->wait_now = lockstep_backoff_next (&overload->wait, stayed / MS, 1)
      * MS;
  overload->due = now + overload->wait_now;
  overload->trial = -1;
  overload->debt = 0;
  overload->behind = FALSE;
  overload->settled = now + SETTLE;
  return chosen;
}

int
lockstep_overload_look (LockstepOverload * overload, gint64 now,
    const LockstepRenditionLoad * loads, guint n)
{
  gboolean trying = overload->trial >= 0 && now - overload->tried < TRIAL;
  gboolean settling;
  gint64 lag, passed;
  int chosen;

  if (overload->last == G_MININT64)
    overload->settled = now + SETTLE;
  passed = overload->last == G_MININT64 ? 0
      : CLAMP (now - overload->last, 0, LOOK_MAX);
  overload->last = now;
  settling = now < overload->settled;
  /* One that starts is late itself at first, and the others are not to be */
  lag = worst_lag (loads, n, settling ? overload->trial : -1);
  overload->behind = lag > (overload->behind ? KEEPS_UP : BEHIND);
  if (overload->behind && overload->wait_now > 0)
    overload->due = now + overload->wait_now;
  if (settling && !trying)
    return -1;
  /* What was made up for counts half: a machine that is behind every other moment does
   * not keep up either */
  overload->debt += overload->behind ? passed : -passed / 2;
  overload->debt = CLAMP (overload->debt, 0, DEBT_MAX);
  if (!overload->behind || overload->debt < (trying ? TRIAL_DEBT : DEBT_MAX))
    return -1;
  chosen = trying ? overload->trial : choose (loads, n);
  return chosen >= 0 ? drop (overload, now, chosen) : -1;
}

int
lockstep_overload_retry (LockstepOverload * overload, gint64 now,
    const LockstepRenditionLoad * loads, guint n)
{
  int chosen = -1;

  if (overload->wait_now == 0 || overload->behind || overload->debt > 0
      || now < overload->due || now < overload->settled)
    return -1;
  for (guint i = 0; i < n; i++)
    if (!loads[i].active && loads[i].ready
        && (chosen < 0 || loads[i].cost < loads[chosen].cost))
      chosen = i;
  if (chosen < 0)
    return -1;
  overload->trial = chosen;
  overload->tried = now;
  overload->settled = now + SETTLE;
  /* the next one */
  overload->due = now + MAX (overload->wait_now, TRIAL);
  return chosen;
}
