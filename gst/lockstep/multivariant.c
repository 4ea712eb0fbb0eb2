/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* HLS multivariant playlists: what each variant measures, and the text.
 *
 * Players read this playlist once. So what is declared is chosen to hold: a rate that was
 * asked of an encoder is declared with a margin before anything is measured, and a rate
 * that proved higher is declared with a margin from then on. */
#include <gst/lockstep/multivariant.h>

#include <math.h>
#include <string.h>

#define SECOND G_GINT64_CONSTANT (1000000000)
/* A run of segments has at most so many: they may be short around a discontinuity. */
#define MAX_RUN 64
/* An encoder's buffer: so much more than it was asked for may be in one segment. */
#define BUFFER (SECOND / 2)
/* What MPEG-TS adds to it. */
#define OVERHEAD 1.05
/* Declared above what was measured; players are told rarely. */
#define MARGIN 1.1
/* A mean over less says little. */
#define AVERAGE_AFTER (10 * SECOND)
/* The declared mean stands while what is measured is this near. */
#define AVERAGE_NEAR 0.1
#define STEP 1000

typedef struct
{
  guint64 bits;
  gint64 duration;
} Segment;

typedef struct
{
  char *uri, *codec;
  int width, height;
  guint64 expected;
  gboolean dropped;

  Segment run[MAX_RUN];         /* the last ones, oldest first */
  guint n_run;
  double peak;                  /* bit/s */
  double bits, seconds;         /* of all */
  guint segments;
  double known_rate;            /* pictures a second, 0: it is measured */
  double rate;                  /* most of any segment */

  guint64 bandwidth, average;   /* declared */
} Variant;

struct _LockstepMultivariant
{
  Variant *variants;
  guint n;
  gint64 target;
  char *audio;
  char *last;                   /* what was rendered last */
};

LockstepMultivariant *
lockstep_multivariant_new (guint variants, gint64 target)
{
  LockstepMultivariant *m = g_new0 (LockstepMultivariant, 1);

  m->variants = g_new0 (Variant, variants);
  m->n = variants;
  m->target = target;
  return m;
}

void
lockstep_multivariant_free (LockstepMultivariant * m)
{
  for (guint i = 0; i < m->n; i++) {
    g_free (m->variants[i].uri);
    g_free (m->variants[i].codec);
  }
  g_free (m->variants);
  g_free (m->audio);
  g_free (m->last);
  g_free (m);
}

void
lockstep_multivariant_set (LockstepMultivariant * m, guint variant,
    const char *uri, guint64 expected)
{
  Variant *v = &m->variants[variant];

  g_free (v->uri);
  v->uri = g_strdup (uri);
  v->expected = expected;
}

void
lockstep_multivariant_drop (LockstepMultivariant * m, guint variant)
{
  m->variants[variant].dropped = TRUE;
  /* what comes after is no run with what was before */
  m->variants[variant].n_run = 0;
}

void
lockstep_multivariant_take_back (LockstepMultivariant * m, guint variant)
{
  m->variants[variant].dropped = FALSE;
}

void
lockstep_multivariant_set_audio (LockstepMultivariant * m, const char *codec)
{
  g_free (m->audio);
  m->audio = g_strdup (codec);
}

void
lockstep_multivariant_set_video (LockstepMultivariant * m, guint variant,
    const char *codec, int width, int height, double rate)
{
  Variant *v = &m->variants[variant];

  g_free (v->codec);
  v->known_rate = rate;
  v->codec = g_strdup (codec);
  v->width = width;
  v->height = height;
}

/* The runs that end with the segment that came last. */
static void
measure_peak (LockstepMultivariant * m, Variant * v)
{
  double bits = 0;
  gint64 duration = 0;

  for (guint i = v->n_run; i-- > 0;) {
    bits += v->run[i].bits;
    duration += v->run[i].duration;
    if (duration * 2 > m->target * 3)
      break;
    if (duration * 2 >= m->target)
      v->peak = MAX (v->peak, bits * SECOND / duration);
  }
}

void
lockstep_multivariant_add_segment (LockstepMultivariant * m, guint variant,
    guint64 bytes, gint64 duration, guint pictures)
{
  Variant *v = &m->variants[variant];
  Segment *segment;

  g_return_if_fail (duration > 0);

  if (v->n_run == MAX_RUN)
    memmove (v->run, v->run + 1, (--v->n_run) * sizeof *v->run);
  segment = &v->run[v->n_run++];
  segment->bits = bytes * 8;
  segment->duration = duration;
  measure_peak (m, v);
  v->bits += segment->bits;
  v->seconds += (double) duration / SECOND;
  v->segments++;
  /* A short one says little of the rate */
  if (duration * 2 >= m->target)
    v->rate = MAX (v->rate, (double) pictures * SECOND / duration);
}

gboolean
lockstep_multivariant_is_ready (const LockstepMultivariant * m)
{
  gboolean any = FALSE;

  for (guint i = 0; i < m->n; i++) {
    if (m->variants[i].dropped)
      continue;
    if (m->variants[i].segments == 0 || m->variants[i].uri == NULL)
      return FALSE;
    any = TRUE;
  }
  return any;
}

guint64
lockstep_multivariant_peak (const LockstepMultivariant * m, guint variant)
{
  return ceil (m->variants[variant].peak);
}

guint64
lockstep_multivariant_average (const LockstepMultivariant * m, guint variant)
{
  const Variant *v = &m->variants[variant];

  return v->seconds > 0 ? ceil (v->bits / v->seconds) : 0;
}

static guint64
round_up (double rate)
{
  return (guint64) ceil (rate / STEP) * STEP;
}

static void
declare (LockstepMultivariant * m, guint variant)
{
  Variant *v = &m->variants[variant];
  double average = lockstep_multivariant_average (m, variant);
  double peak = MAX (v->peak, average);

  if (v->bandwidth == 0 && v->expected > 0)
    v->bandwidth = round_up (v->expected * OVERHEAD
        * (1 + (double) BUFFER / m->target));
  if (peak > v->bandwidth)
    v->bandwidth = round_up (peak * MARGIN);
  if (v->expected > 0 && v->seconds * SECOND < AVERAGE_AFTER)
    average = v->expected * OVERHEAD;
  if (v->average == 0 || fabs (average - v->average) > v->average
      * AVERAGE_NEAR)
    v->average = round_up (average);
  v->average = MIN (v->average, v->bandwidth);
}

/* The rate that pictures were meant to have: timestamps of 1 ms, and one picture more or
 * less in a segment, make no other. */
static double
nominal_rate (double rate)
{
  static const double common[] = {
    5, 7.5, 10, 12, 12.5, 15, 20, 24, 25, 30, 48, 50, 60, 90, 100, 120
  };
  double best = common[0];

  for (guint i = 1; i < G_N_ELEMENTS (common); i++)
    if (fabs (common[i] - rate) < fabs (best - rate))
      best = common[i];
  return fabs (best - rate) <= best * 0.03 ? best : rate;
}

static void
append_variant (LockstepMultivariant * m, GString * text, guint variant)
{
  Variant *v = &m->variants[variant];

  declare (m, variant);
  g_string_append_printf (text, "#EXT-X-STREAM-INF:BANDWIDTH=%" G_GUINT64_FORMAT
      ",AVERAGE-BANDWIDTH=%" G_GUINT64_FORMAT, v->bandwidth, v->average);
  if (v->codec != NULL || m->audio != NULL)
    g_string_append_printf (text, ",CODECS=\"%s%s%s\"",
        v->codec != NULL ? v->codec : "",
        v->codec != NULL && m->audio != NULL ? "," : "",
        m->audio != NULL ? m->audio : "");
  if (v->codec != NULL && v->width > 0)
    g_string_append_printf (text, ",RESOLUTION=%dx%d", v->width, v->height);
  if (v->codec != NULL && (v->known_rate > 0 || v->rate > 0)) {
    char rate[G_ASCII_DTOSTR_BUF_SIZE];

    g_string_append_printf (text, ",FRAME-RATE=%s", g_ascii_formatd (rate,
            sizeof rate, "%.3f", v->known_rate > 0 ? v->known_rate
            : nominal_rate (v->rate)));
  }
  g_string_append_printf (text, "\n%s\n", v->uri);
}

char *
lockstep_multivariant_render (LockstepMultivariant * m)
{
  GString *text;

  if (!lockstep_multivariant_is_ready (m))
    return NULL;
  text = g_string_new ("#EXTM3U\n");
  for (guint i = 0; i < m->n; i++)
    if (!m->variants[i].dropped)
      append_variant (m, text, i);
  if (g_strcmp0 (text->str, m->last) == 0) {
    g_string_free (text, TRUE);
    return NULL;
  }
  g_free (m->last);
  m->last = g_strdup (text->str);
  return g_string_free (text, FALSE);
}

char *
lockstep_codec_h264 (guint8 profile, guint8 constraints, guint8 level)
{
  return g_strdup_printf ("avc1.%02x%02x%02x", profile, constraints, level);
}
