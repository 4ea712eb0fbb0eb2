/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The status line of a terminal. */
#include <gst/lockstep/statusline.h>

#include <math.h>

#define NS_PER_S G_GINT64_CONSTANT (1000000000)
#define MAX_BAR 40

static void
append_rate (GString * text, gint64 kbps)
{
  if (kbps >= 1000)
    g_string_append_printf (text, ", %.1f Mbit/s", kbps / 1000.0);
  else
    g_string_append_printf (text, ", %" G_GINT64_FORMAT " kbit/s", kbps);
}

/* The farther one from zero; NAN counts for nothing. */
static double
worse (double a, double b)
{
  return isnan (a) || fabs (b) > fabs (a) ? b : a;
}

static void
append_summary (GString * text, const LockstepStatusChannel * channels, guint n)
{
  guint live = 0;
  gint64 kbps = 0;

  for (guint i = 0; i < n; i++) {
    live += channels[i].live;
    kbps += channels[i].live ? channels[i].kbps : 0;
  }
  g_string_append_printf (text, "%u of %u channel%s live", live, n,
      n == 1 ? "" : "s");
  if (live > 0)
    append_rate (text, kbps);
}

char *
lockstep_status_summary (const LockstepStatusChannel * channels, guint n)
{
  GString *text = g_string_new (NULL);

  append_summary (text, channels, n);
  return g_string_free (text, FALSE);
}

static void
append_time (GString * text, gint64 ns)
{
  gint64 s = ns / NS_PER_S;

  if (s >= 3600)
    g_string_append_printf (text, "%d:%02d:%02d", (int) (s / 3600),
        (int) (s / 60 % 60), (int) (s % 60));
  else
    g_string_append_printf (text, "%d:%02d", (int) (s / 60), (int) (s % 60));
}

static void
append_progress (GString * text, const LockstepStatusChannel * c, guint width)
{
  double part = CLAMP ((double) c->position / c->duration, 0.0, 1.0);
  guint used = text->len + 40;
  guint bar = width > used ? MIN (width - used, MAX_BAR) : 0;

  g_string_append (text, c->name);
  if (bar >= 8) {
    g_string_append (text, " [");
    for (guint i = 0; i < bar; i++)
      g_string_append_c (text, i < (guint) (part * bar + 0.5) ? '#' : '-');
    g_string_append_c (text, ']');
  }
  g_string_append_printf (text, " %3d %%, ", (int) (part * 100));
  append_time (text, MIN (c->position, c->duration));
  g_string_append (text, " of ");
  append_time (text, c->duration);
}

static void
append_figures (GString * text, const LockstepStatusChannel * channels, guint n)
{
  double delay = NAN, offset = NAN;
  gint64 dropped = 0;
  gboolean live = FALSE;

  for (guint i = 0; i < n; i++) {
    if (!channels[i].live)
      continue;
    live = TRUE;
    delay = worse (delay, channels[i].delay_ms);
    offset = worse (offset, channels[i].av_offset_ms);
    dropped += channels[i].dropped;
  }
  if (!isnan (delay))
    g_string_append_printf (text, ", delay %.0f ms", delay);
  if (!isnan (offset))
    g_string_append_printf (text, ", A/V %+.0f ms", offset);
  if (live)
    g_string_append_printf (text, ", %" G_GINT64_FORMAT " dropped", dropped);
}

char *
lockstep_status_line (const LockstepStatusChannel * channels, guint n,
    guint width)
{
  GString *text = g_string_new (NULL);

  if (n == 1 && channels[0].duration > 0) {
    append_progress (text, &channels[0], width);
  } else {
    append_summary (text, channels, n);
    append_figures (text, channels, n);
  }
  if (width > 0 && text->len >= width)
    g_string_truncate (text, width - 1);
  return g_string_free (text, FALSE);
}
