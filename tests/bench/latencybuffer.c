/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Carries an audio stream over delay traces through latencybuffer,
 * rtpjitterbuffer with a synced sink and a NetEQ-style target, and prints for
 * each the mean delay, how many packets are late and how often the timeline steps.
 *
 *   bench-latencybuffer [--traces FOLDER] [--svg FILE]
 *
 * Delay is from sending to release, less the least transit of the trace. "Late" is
 * a packet that comes after its release time as it was before it came, whether it
 * is then dropped or not. The oracle is the smallest constant bound, on the
 * true time line, that is late no more often than the NetEQ-style target. */
#include "latencybuffer-traces.h"

#include <gst/check/gstharness.h>
#include <gst/check/gsttestclock.h>
#include <gst/lockstep/playout.h>
#include <gst/rtp/gstrtpbuffer.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#define MS G_GINT64_CONSTANT (1000000)
#define SECOND (1000 * MS)
#define RATE 48000
#define STEP (5 * MS)
#define LATENCY 200             /* ms, of the fixed bounds */

typedef struct
{
  double mean;                  /* s */
  double late, dropped;         /* shares */
  guint steps;
} Result;

/* One stream's releases. */
typedef struct
{
  const Trace *trace;
  guint released;
  double sum;
  guint steps;
  gint64 pts, media;
} Releases;

static gint
by_arrival (gconstpointer a, gconstpointer b)
{
  const TracePacket *x = *(TracePacket * const *) a;
  const TracePacket *y = *(TracePacket * const *) b;

  if (x->arrival != y->arrival)
    return x->arrival < y->arrival ? -1 : 1;
  return x < y ? -1 : x > y;
}

static GPtrArray *
arrivals (const Trace * trace)
{
  GPtrArray *order = g_ptr_array_new ();

  for (guint i = 0; i < trace->packets->len; i++) {
    TracePacket *p = &g_array_index (trace->packets, TracePacket, i);

    if (!p->lost)
      g_ptr_array_add (order, p);
  }
  g_ptr_array_sort (order, by_arrival);
  return order;
}

static guint
number_of (const Trace * trace, const TracePacket * p)
{
  return (guint) (p - (const TracePacket *) (void *) trace->packets->data);
}

static guint32
timestamp_of (const TracePacket * p)
{
  return (guint32) (4000000000.0 + floor (p->media * RATE + 0.5));
}

static void
release (Releases * r, guint n, gint64 pts, gint64 when)
{
  const TracePacket *p = &g_array_index (r->trace->packets, TracePacket, n);
  gint64 media = (gint64) (p->media * SECOND);

  r->sum += (double) when / SECOND - p->sent - r->trace->least;
  if (r->released++ > 0 && ABS (pts - r->pts - (media - r->media)) > STEP)
    r->steps++;
  r->pts = pts;
  r->media = media;
}

/* --- the core of the element, for the many runs of a sweep --- */

static void
no_free (gpointer payload)
{
}

static void
poll_core (LockstepPlayout * p, gint64 now, Releases * r)
{
  LockstepPlayoutAction a;
  gint64 at;

  while ((at = lockstep_playout_next_time (p)) <= now
      && lockstep_playout_poll (p, lockstep_playout_gap (p) ? now : at, &a)) {
    if (a.kind == LOCKSTEP_PLAYOUT_PACKET)
      release (r, GPOINTER_TO_UINT (a.payload) - 1, a.pts, at);
  }
}

static Result
run_core (const Trace * trace, double quantile)
{
  g_autoptr (GPtrArray) order = arrivals (trace);
  LockstepPlayout *p = g_new (LockstepPlayout, 1);
  Releases r = {.trace = trace };
  Result result;

  lockstep_playout_init (p, no_free);
  p->adaptive = TRUE;
  p->target.min = 0;
  p->target.max = 2000 * MS;
  lockstep_latency_target_set_quantile (&p->target, quantile);
  for (guint i = 0; i < order->len; i++) {
    const TracePacket *packet = order->pdata[i];
    const guint n = number_of (trace, packet);
    const LockstepRtpPacket rtp = {
      .payload_type = 96,.seq = (guint16) n,.ssrc = 1,.clock_rate = RATE,
      .timestamp = timestamp_of (packet),.size = 100,
      .arrival = (gint64) (packet->arrival * SECOND),
      .payload = GUINT_TO_POINTER (n + 1),
    };

    poll_core (p, rtp.arrival, &r);
    lockstep_playout_push (p, &rtp);
  }
  poll_core (p, G_MAXINT64 / 2, &r);
  result = (Result) {
  .mean = r.sum / r.released,.steps = r.steps,.late =
        (double) (p->stats.late + p->stats.stretched) / order->len,.dropped =
        (double) p->stats.late / order->len,};
  lockstep_playout_clear (p);
  g_free (p);
  return result;
}

/* --- the elements --- */

static GstBuffer *
make_buffer (const Trace * trace, const TracePacket * p)
{
  GstBuffer *buffer = gst_rtp_buffer_new_allocate (100, 0, 0);
  GstRTPBuffer rtp = GST_RTP_BUFFER_INIT;

  gst_rtp_buffer_map (buffer, GST_MAP_WRITE, &rtp);
  gst_rtp_buffer_set_seq (&rtp, (guint16) number_of (trace, p));
  gst_rtp_buffer_set_timestamp (&rtp, timestamp_of (p));
  gst_rtp_buffer_set_ssrc (&rtp, 1);
  gst_rtp_buffer_set_payload_type (&rtp, 96);
  gst_rtp_buffer_unmap (&rtp);
  GST_BUFFER_DTS (buffer) = (GstClockTime) (p->arrival * SECOND);
  return buffer;
}

/* A synced sink renders at PTS + latency, or at once where that is over. */
static void
take (GstHarness * h, Releases * r, gboolean sink, guint * late)
{
  GstTestClock *clock = gst_harness_get_testclock (h);
  GstBuffer *buffer;

  while ((buffer = gst_harness_try_pull (h)) != NULL) {
    guint8 head[4];
    gint64 now = (gint64) gst_clock_get_time (GST_CLOCK (clock));
    gint64 pts = (gint64) GST_BUFFER_PTS (buffer);

    gst_buffer_extract (buffer, 0, head, 4);
    if (sink && now > pts + LATENCY * MS)
      (*late)++;
    if (sink)
      now = MAX (now, pts + LATENCY * MS);
    release (r, GST_READ_UINT16_BE (head + 2), pts, now);
    gst_buffer_unref (buffer);
  }
  gst_object_unref (clock);
}

static guint64
stat_of (GstHarness * h, const char *field)
{
  GstStructure *s = NULL;
  guint64 value = 0;

  g_object_get (h->element, "stats", &s, NULL);
  gst_structure_get_uint64 (s, field, &value);
  gst_structure_free (s);
  return value;
}

static guint
depth_of (GstHarness * h)
{
  GstStructure *s = NULL;
  guint depth = 0;

  g_object_get (h->element, "stats", &s, NULL);
  gst_structure_get_uint (s, "depth-packets", &depth);
  gst_structure_free (s);
  return depth;
}

/* Lets what is due by @until happen. Our element waits for what is next as long
 * as it holds a packet, so that nothing is left to chance. */
static void
settle (GstHarness * h, gint64 until, Releases * r)
{
  GstTestClock *clock = gst_harness_get_testclock (h);

  for (;;) {
    GstClockID id = NULL;
    gboolean due, off;

    while (r->released < stat_of (h, "num-pushed"))
      take (h, r, FALSE, NULL);
    if (!gst_test_clock_peek_next_pending_id (clock, &id)) {
      if (depth_of (h) == 0 && r->released == stat_of (h, "num-pushed"))
        break;
      g_thread_yield ();
      continue;
    }
    /* a wait that was called off stays listed until its thread has woken */
    off = GST_CLOCK_ENTRY_STATUS ((GstClockEntry *) id) ==
        GST_CLOCK_UNSCHEDULED;
    due = (gint64) gst_clock_id_get_time (id) <= until;
    gst_clock_id_unref (id);
    if (off)
      continue;
    if (!due)
      break;
    gst_harness_crank_single_clock_wait (h);
  }
  gst_object_unref (clock);
}

/* rtpjitterbuffer passes packets in order at once and waits for gaps only: it is
 * idle when the packet that is next in sequence has not come, or is the first. */
static void
settle_stock (GstHarness * h, gint64 until, Releases * r, guint * late,
    const guint8 * come)
{
  GstTestClock *clock = gst_harness_get_testclock (h);
  /* its counts do not add up any more once it has reset itself */
  gint64 patience = g_get_monotonic_time () + 3 * G_TIME_SPAN_MILLISECOND;

  while (g_get_monotonic_time () < patience) {
    guint64 pushed = stat_of (h, "num-pushed"), next;
    GstClockID id;

    next = pushed + stat_of (h, "num-lost");
    take (h, r, TRUE, late);
    if (r->released < pushed || (pushed > 0 && come[next]))
      continue;
    if (gst_test_clock_peek_next_pending_id (clock, &id)) {
      gboolean due = (gint64) gst_clock_id_get_time (id) <= until;

      gst_clock_id_unref (id);
      if (!due)
        break;
      gst_harness_crank_single_clock_wait (h);
      continue;
    }
    /* no timer and nothing to push: the queue is empty */
    if (pushed > 0 || !come[0]) {
      guint64 more = 0;

      for (guint64 k = next; k < r->trace->packets->len && more == 0; k++)
        more = come[k];
      if (more == 0)
        break;
    }
  }
  gst_object_unref (clock);
}

static Result
run_element (const Trace * trace, const char *name, double quantile)
{
  g_autoptr (GPtrArray) order = arrivals (trace);
  GstHarness *h = gst_harness_new (name);
  gboolean sink = g_str_equal (name, "rtpjitterbuffer");
  Releases r = {.trace = trace };
  g_autofree guint8 *come = g_malloc0 (trace->packets->len + 1);
  guint late = 0;
  gint64 end = 0;
  Result result;

  g_object_set (h->element, "latency", LATENCY, NULL);
  if (quantile > 0)
    g_object_set (h->element, "min-latency", 0, "max-latency", 2000,
        "quantile", quantile, "adaptive", TRUE, NULL);
  gst_harness_set_src_caps_str (h, "application/x-rtp,media=audio,"
      "clock-rate=48000,encoding-name=OPUS,payload=96");
  for (guint i = 0; i < order->len; i++) {
    const TracePacket *p = order->pdata[i];

    end = (gint64) (p->arrival * SECOND);
    if (sink)
      settle_stock (h, end, &r, &late, come);
    else
      settle (h, end, &r);
    gst_harness_set_time (h, (GstClockTime) end);
    gst_harness_push (h, make_buffer (trace, p));
    come[number_of (trace, p)] = 1;
  }
  if (sink)
    settle_stock (h, end + 10 * SECOND, &r, &late, come);
  else
    settle (h, end + 10 * SECOND, &r);
  result = (Result) {
  .mean = r.sum / r.released,.steps = r.steps,};
  result.dropped = (double) stat_of (h, "num-late") / order->len;
  if (sink)
    result.late = (double) late / order->len + result.dropped;
  else
    result.late = result.dropped + (double) stat_of (h, "num-stretched") /
        order->len;
  gst_harness_teardown (h);
  return result;
}

/* --- the others --- */

/* libwebrtc's NetEQ, M125: DelayManager and UnderrunOptimizer with their defaults
 * (quantile 0.95, forget factor 0.983, start forget weight 2, the largest relative delay
 * of each 500 ms into 100 buckets of 20 ms, 80 ms at first), relative to the least
 * transit of 2 s. Its target takes effect at once. */
static Result
run_neteq (const Trace * trace, double quantile)
{
  g_autoptr (GPtrArray) order = arrivals (trace);
  g_autofree double *transit = g_new (double, order->len);
  g_autofree double *when = g_new (double, order->len);
  double buckets[100] = { 0, }, target = 0.080, largest = 0, sum = 0;
  double sampled = ((TracePacket *) order->pdata[0])->arrival;
  guint head = 0, n = 0, late = 0, added = 0, steps = 0;
  double last_base = 0;

  for (guint i = 0; i < order->len; i++) {
    const TracePacket *p = order->pdata[i];
    double t = p->arrival - p->media, relative;

    while (n > head && transit[n - 1] >= t)
      n--;
    transit[n] = t;
    when[n++] = p->arrival;
    while (when[head] < p->arrival - 2)
      head++;
    relative = t - transit[head];
    late += relative > target;
    sum += transit[head] + target + p->media - p->sent - trace->least;
    steps += i > 0 && fabs (transit[head] + target - last_base) * SECOND > STEP;
    last_base = transit[head] + target;
    largest = MAX (largest, relative);
    if (p->arrival - sampled > 0.5) {
      guint bucket = (guint) (largest / 0.020), k;
      double forget, below = 0;

      added++;
      forget = CLAMP (1 - 2.0 / (added + 1), 0, 0.983);
      sampled = p->arrival;
      largest = 0;
      if (bucket >= 100)
        continue;
      for (k = 0; k < 100; k++)
        buckets[k] *= forget;
      buckets[bucket] += 1 - forget;
      for (k = 0; k < 99 && (below += buckets[k]) < quantile; k++)
        continue;
      target = (1 + k) * 0.020;
    }
  }
  return (Result) {
  .mean = sum / order->len,.late = (double) late / order->len,.steps = steps};
}

static gint
by_value (gconstpointer a, gconstpointer b)
{
  const double x = *(const double *) a, y = *(const double *) b;

  return x < y ? -1 : x > y;
}

static double
oracle (const Trace * trace, double late)
{
  g_autoptr (GPtrArray) order = arrivals (trace);
  g_autofree double *delay = g_new (double, order->len);
  guint allowed;

  for (guint i = 0; i < order->len; i++) {
    const TracePacket *p = order->pdata[i];

    delay[i] = p->arrival - p->sent - trace->least;
  }
  qsort (delay, order->len, sizeof (double), by_value);
  allowed = (guint) floor (late * order->len + 1e-9);
  return delay[order->len - 1 - MIN (allowed, order->len - 1)];
}

/* The quantile with the least delay among those late no more often. */
static double
match (const Trace * trace, double late)
{
  double best = -1, least = INFINITY;

  for (double e = 0.3; e > 1e-5; e *= 0.93) {
    Result r = run_core (trace, 1 - e);

    if (r.late <= late + 1e-12 && r.mean < least) {
      least = r.mean;
      best = 1 - e;
    }
  }
  return best;
}

/* --- the drawing --- */

#define PANEL_W 300
#define PANEL_H 200
#define COLUMNS 4

static void
curve (FILE * f, const GArray * points, double x_max, const char *color)
{
  fprintf (f, "<polyline fill='none' stroke='%s' stroke-width='1.5' points='",
      color);
  for (guint i = 0; i + 1 < points->len; i += 2) {
    double x = g_array_index (points, double, i);
    double late = MAX (g_array_index (points, double, i + 1), 1e-4);

    if (x <= x_max && late <= 0.1)
      fprintf (f, "%.1f,%.1f ", 40 + x / x_max * (PANEL_W - 60),
          20 + (-1 - log10 (late)) / 3 * (PANEL_H - 55));
  }
  fprintf (f, "'/>\n");
}

static void
add_point (GArray * points, double x, double y)
{
  g_array_append_val (points, x);
  g_array_append_val (points, y);
}

static void
draw_trace (FILE * f, const Trace * trace, guint n)
{
  static const char *const labels[] = { "10 %", "1 %", "0.1 %", "0.01 %" };
  g_autoptr (GArray) ours = g_array_new (FALSE, FALSE, sizeof (double));
  g_autoptr (GArray) neteq = g_array_new (FALSE, FALSE, sizeof (double));
  g_autoptr (GArray) fixed = g_array_new (FALSE, FALSE, sizeof (double));
  double x_max = MIN (oracle (trace, 0.0005) * 1.3, 0.6);

  for (double e = 0.3; e > 2e-5; e *= 0.8) {
    Result r = run_core (trace, 1 - e);

    add_point (ours, r.mean, r.late);
    r = run_neteq (trace, 1 - e);
    add_point (neteq, r.mean, r.late);
  }
  for (double late = 0.1; late > 1e-4; late *= 0.9)
    add_point (fixed, oracle (trace, late), late);
  fprintf (f, "<g transform='translate(%u,%u)'>\n", n % COLUMNS * PANEL_W,
      40 + n / COLUMNS * PANEL_H);
  fprintf (f, "<text x='40' y='12' font-weight='bold'>%s</text>\n",
      trace->name);
  fprintf (f, "<rect x='40' y='20' width='%d' height='%d' fill='none' "
      "stroke='#999'/>\n", PANEL_W - 60, PANEL_H - 55);
  for (guint i = 0; i < 4; i++)
    fprintf (f, "<text x='36' y='%.0f' text-anchor='end'>%s</text>\n",
        24 + i / 3.0 * (PANEL_H - 55), labels[i]);
  for (guint i = 0; i <= 2; i++)
    fprintf (f, "<text x='%.0f' y='%d' text-anchor='middle'>%.0f ms</text>\n",
        40 + i / 2.0 * (PANEL_W - 60), PANEL_H - 22, i / 2.0 * x_max * 1000);
  curve (f, fixed, x_max, "#999");
  curve (f, neteq, x_max, "#c60");
  curve (f, ours, x_max, "#06c");
  fprintf (f, "</g>\n");
}

static void
draw (const GPtrArray * traces, const char *path)
{
  FILE *f = fopen (path, "w");

  if (f == NULL)
    g_error ("%s: cannot be written", path);
  fprintf (f, "<svg xmlns='http://www.w3.org/2000/svg' width='%d' height='%d' "
      "font-family='sans-serif' font-size='10'>\n"
      "<rect width='100%%' height='100%%' fill='white'/>\n"
      "<text x='40' y='20' font-size='13'>Mean delay against late packets: "
      "<tspan fill='#06c'>latencybuffer, adaptive</tspan>, "
      "<tspan fill='#c60'>NetEQ-style target</tspan>, "
      "<tspan fill='#777'>the best constant bound</tspan></text>\n",
      COLUMNS * PANEL_W,
      40 + (int) ((traces->len + COLUMNS - 1) / COLUMNS) * PANEL_H);
  for (guint i = 0; i < traces->len; i++)
    draw_trace (f, traces->pdata[i], i);
  fprintf (f, "</svg>\n");
  fclose (f);
}

static void
row (const char *name, Result r)
{
  printf ("| %s | %.1f | %.3f | %.3f | %u |\n", name, r.mean * 1000,
      r.late * 100, r.dropped * 100, r.steps);
}

static void
report (const Trace * trace)
{
  Result neteq = run_neteq (trace, 0.95), ours, stock;
  double best = oracle (trace, neteq.late), quantile;
  g_autofree char *name = NULL;

  printf ("\n**%s** (%u packets)\n\n"
      "| | mean delay ms | late %% | dropped %% | steps > 5 ms |\n"
      "|---|---|---|---|---|\n", trace->name, trace->packets->len);
  row ("latencybuffer, 200 ms", run_element (trace, "latencybuffer", 0));
  stock = run_element (trace, "rtpjitterbuffer", 0);
  row ("rtpjitterbuffer, 200 ms, synced sink", stock);
  quantile = match (trace, neteq.late);
  if (quantile > 0) {
    ours = run_element (trace, "latencybuffer", quantile);
    name = g_strdup_printf ("latencybuffer, adaptive, quantile %.4f", quantile);
    row (name, ours);
  }
  row ("NetEQ-style target", neteq);
  printf ("| oracle: constant bound | %.1f | %.3f | | 0 |\n", best * 1000,
      neteq.late * 100);
  row ("latencybuffer, adaptive, quantile 0.99 (default)",
      run_element (trace, "latencybuffer", 0.99));
  if (quantile > 0)
    printf ("\nadaptive: %.2f of the NetEQ-style delay, %.2f of the oracle's\n",
        ours.mean / neteq.mean, ours.mean / best);
  fflush (stdout);
}

int
main (int argc, char **argv)
{
  g_autofree char *folder = NULL, *svg = NULL;
  const GOptionEntry options[] = {
    {"traces", 0, 0, G_OPTION_ARG_FILENAME, &folder, "Folder of .trace files",
        "FOLDER"},
    {"svg", 0, 0, G_OPTION_ARG_FILENAME, &svg, "Draw delay against late",
        "FILE"},
    {NULL}
  };
  g_autoptr (GOptionContext) context = g_option_context_new (NULL);
  g_autoptr (GError) error = NULL;
  g_autoptr (GPtrArray) traces = NULL;

  g_option_context_add_main_entries (context, options, NULL);
  if (!g_option_context_parse (context, &argc, &argv, &error)) {
    fprintf (stderr, "%s\n", error->message);
    return 64;
  }
  gst_init (NULL, NULL);
  traces = traces_load (folder);
  for (guint i = 0; i < traces->len; i++)
    report (traces->pdata[i]);
  if (svg != NULL)
    draw (traces, svg);
  return 0;
}
