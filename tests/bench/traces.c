/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Delay traces: the real ones, where they are found, and synthetic ones. */
#include "traces.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#define SPACING 0.020
#define SECONDS 300

static void
trace_free (gpointer data)
{
  Trace *trace = data;

  g_free (trace->name);
  g_array_unref (trace->packets);
  g_free (trace);
}

static Trace *
trace_new (const char *name)
{
  Trace *trace = g_new0 (Trace, 1);

  trace->name = g_strdup (name);
  trace->packets = g_array_new (FALSE, TRUE, sizeof (TracePacket));
  trace->least = INFINITY;
  return trace;
}

static void
add (Trace * trace, double sent, double media, double delay, gboolean lost)
{
  TracePacket packet = { sent, media, sent + delay, lost };

  g_array_append_val (trace->packets, packet);
  if (!lost)
    trace->least = MIN (trace->least, delay);
}

/* What is in order stays in order: a queue on the path. */
static void
keep_in_order (Trace * trace)
{
  double last = -INFINITY;

  for (guint i = 0; i < trace->packets->len; i++) {
    TracePacket *p = &g_array_index (trace->packets, TracePacket, i);

    p->arrival = last = MAX (p->arrival, last);
  }
}

/* A packet sent between two rows has the delay between theirs. */
static Trace *
load_file (const char *path)
{
  g_autofree char *text = NULL, *name = g_path_get_basename (path);
  g_auto (GStrv) lines = NULL;
  g_autoptr (GArray) rows = g_array_new (FALSE, FALSE, 2 * sizeof (double));
  Trace *trace;
  double (*row)[2], start;
  guint at = 0;

  if (!g_file_get_contents (path, &text, NULL, NULL))
    return NULL;
  lines = g_strsplit (text, "\n", -1);
  for (guint i = 1; lines[i] != NULL; i++) {
    double v[2];

    if (sscanf (lines[i], "%lf %lf", &v[0], &v[1]) == 2)
      g_array_append_val (rows, v);
  }
  if (rows->len < 2)
    return NULL;
  row = (void *) rows->data;
  start = row[0][0];
  trace = trace_new (name);
  for (double t = 0;; t += SPACING) {
    double ms = start + t * 1000, f;

    while (at + 1 < rows->len && row[at + 1][0] <= ms)
      at++;
    if (at + 1 >= rows->len)
      break;
    f = (ms - row[at][0]) / (row[at + 1][0] - row[at][0]);
    add (trace, t, t, ((row[at][1] - row[at][0]) * (1 - f) +
            (row[at + 1][1] - row[at + 1][0]) * f) / 1000, FALSE);
  }
  keep_in_order (trace);
  return trace;
}

static double
pareto (GRand * rand, double least, double shape)
{
  return least * (pow (g_rand_double_range (rand, 1e-4, 1), -1 / shape) - 1);
}

/* Loss in bursts: Gilbert and Elliott's two states. */
static Trace *
gilbert_elliott (void)
{
  Trace *trace = trace_new ("gilbert-elliott");
  g_autoptr (GRand) rand = g_rand_new_with_seed (1);
  gboolean bad = FALSE;

  for (double t = 0; t < SECONDS; t += SPACING) {
    double u = g_rand_double (rand);

    bad = bad ? u > 0.25 : u < 0.0125;
    add (trace, t, t, 0.050 + pareto (rand, 0.004, 2),
        bad && g_rand_double (rand) < 0.9);
  }
  return trace;
}

/* Heavy-tailed spikes that drain, as a cross stream in a queue makes them. */
static Trace *
pareto_spikes (void)
{
  Trace *trace = trace_new ("pareto-spikes");
  g_autoptr (GRand) rand = g_rand_new_with_seed (2);
  double queue = 0;

  for (double t = 0; t < SECONDS; t += SPACING) {
    if (g_rand_double (rand) < SPACING / 5)
      queue += MIN (pareto (rand, 0.040, 1.2), 0.8);
    queue = MAX (queue - SPACING * 0.5, 0);
    add (trace, t, t, 0.030 + queue + pareto (rand, 0.002, 3), FALSE);
  }
  keep_in_order (trace);
  return trace;
}

/* Each 30 s an outage of 150-600 ms, then a path that is longer or shorter. */
static Trace *
handover (void)
{
  Trace *trace = trace_new ("handover");
  g_autoptr (GRand) rand = g_rand_new_with_seed (3);
  double base = 0.040, until = 0, next = 30;

  for (double t = 0; t < SECONDS; t += SPACING) {
    double delay;

    if (t >= next) {
      next += 30;
      until = t + g_rand_double_range (rand, 0.15, 0.6);
      base = g_rand_double_range (rand, 0.030, 0.080);
    }
    delay = base + pareto (rand, 0.003, 3);
    if (t < until)
      delay = MAX (delay, until - t + base);
    add (trace, t, t, delay, FALSE);
  }
  keep_in_order (trace);
  return trace;
}

static Trace *
drift (const char *name, double ppm)
{
  Trace *trace = trace_new (name);
  g_autoptr (GRand) rand = g_rand_new_with_seed (4);

  for (double t = 0; t < SECONDS; t += SPACING)
    add (trace, t, t * (1 - ppm * 1e-6), 0.040 + pareto (rand, 0.005, 2.5),
        FALSE);
  keep_in_order (trace);
  return trace;
}

static Trace *
reorder (void)
{
  Trace *trace = trace_new ("reorder");
  g_autoptr (GRand) rand = g_rand_new_with_seed (5);

  for (double t = 0; t < SECONDS; t += SPACING)
    add (trace, t, t, 0.020 + g_rand_double_range (rand, 0, 0.060) +
        pareto (rand, 0.002, 2.5), g_rand_double (rand) < 0.01);
  return trace;
}

static gint
compare_names (gconstpointer a, gconstpointer b)
{
  return strcmp (*(char *const *) a, *(char *const *) b);
}

GPtrArray *
traces_load (const char *folder)
{
  GPtrArray *traces = g_ptr_array_new_with_free_func (trace_free);
  g_autoptr (GPtrArray) names = g_ptr_array_new_with_free_func (g_free);
  g_autoptr (GDir) dir = folder != NULL ? g_dir_open (folder, 0, NULL) : NULL;
  const char *name;

  while (dir != NULL && (name = g_dir_read_name (dir)) != NULL) {
    if (g_str_has_suffix (name, ".trace"))
      g_ptr_array_add (names, g_build_filename (folder, name, NULL));
  }
  g_ptr_array_sort (names, compare_names);
  for (guint i = 0; i < names->len; i++) {
    Trace *trace = load_file (names->pdata[i]);

    if (trace != NULL)
      g_ptr_array_add (traces, trace);
  }
  g_ptr_array_add (traces, gilbert_elliott ());
  g_ptr_array_add (traces, pareto_spikes ());
  g_ptr_array_add (traces, handover ());
  g_ptr_array_add (traces, drift ("drift+500", 500));
  g_ptr_array_add (traces, drift ("drift-500", -500));
  g_ptr_array_add (traces, reorder ());
  return traces;
}
