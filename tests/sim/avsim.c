/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A sender, a path and a receiver in numbers: what a lip-sync algorithm gets to
 * see, and how far off it was. For tests and benches. */
#include "avsim.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Packets of a keyframe. */
#define KEY_PACKETS 12

/* 2026-01-01 in NTP seconds; any would do. */
#define NTP_START G_GUINT64_CONSTANT (3976214400)

guint32
sim_random (guint32 * state)
{
  /* xorshift32 (Marsaglia 2003) */
  guint32 x = *state ? *state : 1;

  x ^= x << 13;
  x ^= x >> 17;
  x ^= x << 5;
  return *state = x;
}

static gdouble
uniform (guint32 * state)
{
  return (sim_random (state) >> 8) / (gdouble) (1 << 24);
}

const char *
sim_reports_name (SimReports reports)
{
  static const char *const names[] = {
    "none", "clean", "late", "one stream", "an hour off", "400 ms off",
    "jumping", "jump once", "from arrivals", "1 % fast", "1000 ppm fast",
    "scattered"
  };

  return names[reports];
}

void
sim_trace_free (SimTrace * trace)
{
  g_free (trace->name);
  g_free (trace->sent);
  g_free (trace->delay);
  g_free (trace);
}

static SimTrace *
trace_new (const char *name, guint n)
{
  SimTrace *trace = g_new0 (SimTrace, 1);

  trace->name = g_strdup (name);
  trace->n = n;
  trace->sent = g_new (gint64, n);
  trace->delay = g_new (gint64, n);
  return trace;
}

static SimTrace *
load_trace (const char *path)
{
  g_autofree char *text = NULL, *name = g_path_get_basename (path);
  g_auto (GStrv) lines = NULL;
  SimTrace *trace;
  gint64 first = 0;
  guint n = 0;

  if (!g_file_get_contents (path, &text, NULL, NULL))
    return NULL;
  lines = g_strsplit (text, "\n", -1);
  *strrchr (name, '.') = '\0';
  trace = trace_new (name, g_strv_length (lines));
  for (guint i = 0; lines[i]; i++) {
    char *end;
    gint64 sent = g_ascii_strtoll (lines[i], &end, 10);

    if (end == lines[i])
      continue;
    if (n == 0)
      first = sent;
    trace->sent[n] = (sent - first) * SIM_MS;
    trace->delay[n] = (g_ascii_strtoll (end, NULL, 10) - sent) * SIM_MS;
    n++;
  }
  trace->n = n;
  if (n < 2) {
    sim_trace_free (trace);
    return NULL;
  }
  return trace;
}

static gint
compare_names (gconstpointer a, gconstpointer b)
{
  return strcmp ((*(SimTrace * const *) a)->name,
      (*(SimTrace * const *) b)->name);
}

/**
 * sim_load_traces:
 * @source_root: the project's
 *
 * Measured traces, from delay-traces/ in the data folder beside the project,
 * where there is one.
 *
 * Returns: (element-type SimTrace): by name; maybe empty
 */
GPtrArray *
sim_load_traces (const char *source_root)
{
  GPtrArray *traces =
      g_ptr_array_new_with_free_func ((GDestroyNotify) sim_trace_free);
  static const char *const places[] = {
    "../shared/data/delay-traces", "shared/data/delay-traces"
  };

  for (guint i = 0; i < G_N_ELEMENTS (places) && source_root; i++) {
    g_autofree char *folder = g_build_filename (source_root, places[i], NULL);
    g_autoptr (GDir) dir = g_dir_open (folder, 0, NULL);
    const char *name;

    while (dir && (name = g_dir_read_name (dir))) {
      g_autofree char *path = g_build_filename (folder, name, NULL);
      SimTrace *trace = NULL;

      if (g_str_has_suffix (name, ".trace"))
        trace = load_trace (path);
      if (trace)
        g_ptr_array_add (traces, trace);
    }
    if (traces->len > 0)
      break;
  }
  g_ptr_array_sort (traces, compare_names);
  return traces;
}

/**
 * sim_make_traces:
 *
 * Seeded traces of the kinds that were measured: still, jitter, a queue that
 * fills and drains, stalls of half a second (handover), changes of route.
 */
GPtrArray *
sim_make_traces (void)
{
  static const char *const names[] = {
    "still", "jitter-5", "jitter-30", "queue", "stalls", "routes"
  };
  GPtrArray *traces =
      g_ptr_array_new_with_free_func ((GDestroyNotify) sim_trace_free);

  for (guint k = 0; k < G_N_ELEMENTS (names); k++) {
    SimTrace *trace = trace_new (names[k], 12000);
    guint32 seed = 77 + k;
    gdouble queue = 0, stall = 0, route = 20;

    for (guint i = 0; i < trace->n; i++) {
      gdouble delay = 20;

      /* Exponential tails, as queueing delay has. */
      if (k == 1)
        delay += -log (1 - uniform (&seed)) * 5;
      else if (k == 2)
        delay += -log (1 - uniform (&seed)) * 30;
      else
        delay += -log (1 - uniform (&seed)) * 2;
      if (k == 3) {
        queue += (uniform (&seed) - 0.52) * 12;
        queue = CLAMP (queue, 0, 400);
        delay += queue;
      }
      if (k == 4) {
        if (stall <= 0 && uniform (&seed) < 0.002)
          stall = 100 + uniform (&seed) * 500;
        delay += MAX (stall, 0);
        stall -= 10;            /* all at once when it is over */
      }
      if (k == 5) {
        if (uniform (&seed) < 0.0006)
          route = 20 + uniform (&seed) * 150;
        delay += route;
      }
      trace->sent[i] = i * 10 * SIM_MS;
      trace->delay[i] = (gint64) (delay * SIM_MS);
    }
    g_ptr_array_add (traces, trace);
  }
  return traces;
}

/* The trace begins anew when it is over. */
static gint64
path_delay (const SimConfig * config, gint64 at)
{
  const SimTrace *trace = config->trace;
  gint64 delay = 0;

  if (trace) {
    gint64 span = trace->sent[trace->n - 1];
    gint64 t = (at + config->trace_start) % span;
    guint low = 0, high = trace->n - 1;

    while (high - low > 1) {
      guint middle = (low + high) / 2;

      if (trace->sent[middle] <= t)
        low = middle;
      else
        high = middle;
    }
    delay = trace->delay[low];
    if (trace->sent[high] > trace->sent[low])
      delay += (gint64) ((gdouble) (trace->delay[high] - trace->delay[low])
          * (gdouble) (t - trace->sent[low])
          / (gdouble) (trace->sent[high] - trace->sent[low]));
  }
  if (config->step && at >= config->step_at
      && (!config->step_back_at || at < config->step_back_at))
    delay += config->step;
  return delay;
}

SimConfig
sim_config (const SimTrace * trace, guint fps, guint32 seed)
{
  SimConfig config = {
    .trace = trace,
    .duration = 60 * SIM_SECOND,
    .fps = fps,
    .audio_ptime = 20 * SIM_MS,
    .key_interval = 2 * SIM_SECOND,
    .key_spread = 80 * SIM_MS,
    .report_interval = 5 * SIM_SECOND,
    .seed = seed,
  };

  return config;
}

static gint
by_sent (gconstpointer a, gconstpointer b)
{
  const SimPacket *x = a, *y = b;

  if (x->sent != y->sent)
    return (x->sent > y->sent) - (x->sent < y->sent);
  if (x->stream != y->stream)
    return x->stream - y->stream;
  return (gint16) (x->seqnum - y->seqnum);
}

static gint
by_arrival (gconstpointer a, gconstpointer b)
{
  const SimPacket *x = a, *y = b;

  return x->arrival != y->arrival ? (x->arrival > y->arrival) - (x->arrival <
      y->arrival) : by_sent (a, b);
}

static guint32
rtp_time (guint32 base, gint64 capture, guint rate, gdouble ppm)
{
  return base + (guint32) (gint64) llrint ((gdouble) capture
      * (1 + ppm * 1e-6) * rate / (gdouble) SIM_SECOND);
}

static guint64
ntp_time (gint64 ns)
{
  gint64 seconds = ns / SIM_SECOND, rest = ns % SIM_SECOND;

  if (rest < 0) {
    rest += SIM_SECOND;
    seconds--;
  }
  return ((NTP_START + (guint64) seconds) << 32)
      + (((guint64) rest << 32) / SIM_SECOND);
}

static void
add_reports (const SimConfig * config, GArray * packets, SimStream stream,
    guint32 base)
{
  guint32 seed = config->seed * 31 + stream + 1;
  gboolean video = stream == SIM_VIDEO;
  guint rate = video ? SIM_VIDEO_RATE : SIM_AUDIO_RATE;
  gdouble ppm = video ? config->video_ppm : config->audio_ppm;
  gint64 hidden = video ? config->video_encode : 0;

  if (config->reports == SIM_REPORTS_ONE_STREAM && video)
    return;
  /* RFC 3550, section 6.3.1: the first after half an interval, then between half
   * and one and a half. */
  for (gint64 at = (gint64) (config->report_interval * (0.25 + uniform (&seed)
              / 2)); at < config->duration;
      at += (gint64) (config->report_interval * (0.5 + uniform (&seed)))) {
    SimPacket report = {.stream = stream,.is_report = TRUE };
    gint64 claim = at;

    report.sent = report.capture = at;
    report.timestamp = rtp_time (base, at, rate, ppm);
    report.arrival = at + path_delay (config, at);
    switch (config->reports) {
      case SIM_REPORTS_LATE:
        report.arrival += 2 * SIM_SECOND;
        break;
      case SIM_REPORTS_WRONG_HOUR:
        claim += video ? 3600 * SIM_SECOND : 0;
        break;
      case SIM_REPORTS_WRONG_400MS:
        claim += video ? 400 * SIM_MS : 0;
        break;
      case SIM_REPORTS_JUMPING:
        if (uniform (&seed) < 0.34)
          claim += (gint64) ((uniform (&seed) * 1000 - 500) * SIM_MS);
        break;
      case SIM_REPORTS_JUMP_ONCE:
        if (video && at > config->duration / 2
            && at < config->duration / 2 + 20 * SIM_SECOND)
          claim += 80 * SIM_MS;
        break;
      case SIM_REPORTS_FROM_ARRIVALS:
        /* Made at the relay from its clock and the newest RTP time there. */
        claim = at + path_delay (config, at + hidden) + hidden;
        break;
      case SIM_REPORTS_WRONG_RATE:
        claim += video ? at / 100 : 0;
        break;
      case SIM_REPORTS_SLOW_RATE:
        claim += video ? at / 1000 : 0;
        break;
      case SIM_REPORTS_SCATTERED:
        if (!video)
          claim += (gint64) ((uniform (&seed) * 17 - 8.5) * SIM_MS);
        break;
      default:
        break;
    }
    report.ntp = ntp_time (claim);
    g_array_append_val (packets, report);
  }
}

static void
add_packet (GArray * packets, SimPacket packet, guint16 * seqnum)
{
  packet.seqnum = (*seqnum)++;
  packet.ntp = ntp_time (packet.capture);
  g_array_append_val (packets, packet);
}

/**
 * sim_run_new:
 *
 * Sends one stream of each kind: audio as it is captured, video through a pacer
 * that spreads a keyframe's packets and makes the frames behind it wait.
 *
 * Returns: what arrives, in order
 */
SimRun *
sim_run_new (const SimConfig * config)
{
  SimRun *run = g_new0 (SimRun, 1);
  guint32 seed = config->seed;
  guint32 audio_base = sim_random (&seed), video_base = sim_random (&seed);
  guint16 seqnum[SIM_STREAMS] = { (guint16) sim_random (&seed),
    (guint16) sim_random (&seed)
  };
  gint64 pacer_free = 0, last_arrival[2] = { 0, 0 }, next_key = 0;
  guint kept = 0;

  run->packets = g_array_new (FALSE, FALSE, sizeof (SimPacket));
  for (gint64 at = 0; at < config->duration; at += config->audio_ptime) {
    SimPacket packet = {.stream = SIM_AUDIO,.sent = at,.capture = at,
      .marker = at == 0,.timestamp = rtp_time (audio_base, at, SIM_AUDIO_RATE,
          config->audio_ppm)
    };

    add_packet (run->packets, packet, &seqnum[SIM_AUDIO]);
  }
  for (gint64 i = 0;; i++) {
    gint64 at = i * SIM_SECOND / config->fps;
    gboolean key = at >= next_key;
    guint count = key ? KEY_PACKETS : 2;
    gint64 spread = key ? config->key_spread : 0;
    gint64 start = MAX (at + config->video_encode, pacer_free);

    if (at >= config->duration)
      break;
    if (key)
      next_key += config->key_interval;
    if (i == 0)
      start += config->first_frame_late;
    for (guint k = 0; k < count; k++) {
      SimPacket packet = {.stream = SIM_VIDEO,.capture = at,.key = key,
        .sent = start + spread * k / (count - 1),.marker = k == count - 1,
        .timestamp = rtp_time (video_base, at, SIM_VIDEO_RATE,
            config->video_ppm)
      };

      add_packet (run->packets, packet, &seqnum[SIM_VIDEO]);
    }
    pacer_free = start + spread;
  }
  if (config->reports != SIM_REPORTS_NONE) {
    add_reports (config, run->packets, SIM_AUDIO, audio_base);
    add_reports (config, run->packets, SIM_VIDEO, video_base);
  }
  g_array_sort (run->packets, by_sent);
  for (guint i = 0; i < run->packets->len; i++) {
    SimPacket *p = &g_array_index (run->packets, SimPacket, i);

    if (!p->is_report) {
      p->arrival = MAX (p->sent + path_delay (config, p->sent),
          last_arrival[0]);
      last_arrival[0] = p->arrival;
      if (uniform (&seed) < config->reorder)
        p->arrival += (gint64) (uniform (&seed) * 30 * SIM_MS);
    }
    if (!p->is_report && uniform (&seed) < config->loss)
      continue;
    g_array_index (run->packets, SimPacket, kept++) = *p;
  }
  g_array_set_size (run->packets, kept);
  g_array_sort (run->packets, by_arrival);
  return run;
}

void
sim_run_free (SimRun * run)
{
  g_array_unref (run->packets);
  g_free (run);
}

SimResult *
sim_result_new (void)
{
  SimResult *result = g_new0 (SimResult, 1);

  result->errors = g_array_new (FALSE, FALSE, sizeof (gint64));
  result->times = g_array_new (FALSE, FALSE, sizeof (gint64));
  result->second_report = -1;
  return result;
}

void
sim_result_free (SimResult * result)
{
  g_array_unref (result->errors);
  g_array_unref (result->times);
  g_free (result);
}

void
sim_result_add (SimResult * result, gint64 error, gint64 at)
{
  g_array_append_val (result->errors, error);
  g_array_append_val (result->times, at);
}

static gint
compare_int64 (gconstpointer a, gconstpointer b)
{
  gint64 x = *(const gint64 *) a, y = *(const gint64 *) b;

  return (x > y) - (x < y);
}

/**
 * sim_result_quantile:
 * @from: ns; frames given out before are left out
 * @to: ns; and those after
 * @quantile: 0 to 1; 1 is the maximum
 *
 * Returns: the quantile of the absolute A/V error, ns; -1 where no frame counts
 */
gint64
sim_result_quantile (const SimResult * result, gint64 from, gint64 to,
    gdouble quantile)
{
  g_autoptr (GArray) values = g_array_new (FALSE, FALSE, sizeof (gint64));

  for (guint i = 0; i < result->errors->len; i++) {
    gint64 at = g_array_index (result->times, gint64, i);
    gint64 error = ABS (g_array_index (result->errors, gint64, i));

    if (at >= from && at <= to)
      g_array_append_val (values, error);
  }
  if (values->len == 0)
    return -1;
  g_array_sort (values, compare_int64);
  return g_array_index (values, gint64, MIN (values->len - 1,
          (guint) (quantile * values->len)));
}

typedef struct
{
  SimResult *result;
  gint64 first;
  gboolean any_audio, any_video;
  gint64 audio_lag;             /* timestamp less capture, of the newest */
  gint64 audio_pts, video_pts;
  guint32 audio_timestamp, video_timestamp;
} Receiver;

static void
give_out (Receiver * r, const SimPacket * p, gint64 pts, gboolean discont,
    gint64 now)
{
  r->result->longest_hold = MAX (r->result->longest_hold, now - p->arrival);
  if (p->stream == SIM_AUDIO) {
    if (r->any_audio) {
      gint64 ticks = (gint32) (p->timestamp - r->audio_timestamp);
      gint64 spacing = (gint64) llrint ((gdouble) ticks * SIM_SECOND
          / SIM_AUDIO_RATE);

      if (ABS (pts - r->audio_pts - spacing) > 1 || discont)
        r->result->audio_steps++;
    }
    r->any_audio = TRUE;
    r->audio_pts = pts;
    r->audio_timestamp = p->timestamp;
    r->audio_lag = pts - p->capture;
    return;
  }
  if (r->any_video) {
    gint32 ticks = (gint32) (p->timestamp - r->video_timestamp);

    /* Rising with RTP time; one frame, one timestamp. */
    if ((ticks > 0 && pts <= r->video_pts) || (ticks < 0 && pts >= r->video_pts)
        || (ticks == 0 && pts != r->video_pts))
      r->result->video_back++;
    if (ticks == 0)
      return;
  }
  r->any_video = TRUE;
  r->video_pts = pts;
  r->video_timestamp = p->timestamp;
  if (r->any_audio)
    sim_result_add (r->result, pts - p->capture - r->audio_lag, now - r->first);
}

/**
 * sim_lockstep:
 *
 * Gives the packets to a #LockstepAvSync as avresync does.
 */
SimResult *
sim_lockstep (const SimRun * run, const LockstepAvConfig * config)
{
  g_autoptr (LockstepAvSync) sync = lockstep_av_sync_new (config);
  LockstepAvStream *streams[SIM_STREAMS] = {
    lockstep_av_sync_add (sync, LOCKSTEP_AV_AUDIO, SIM_AUDIO_RATE),
    lockstep_av_sync_add (sync, LOCKSTEP_AV_VIDEO, SIM_VIDEO_RATE),
  };
  Receiver r = {.result = sim_result_new () };
  guint n_reports[SIM_STREAMS] = { 0, 0 };
  GArray *waiting[SIM_STREAMS];

  for (guint s = 0; s < SIM_STREAMS; s++)
    waiting[s] = g_array_new (FALSE, FALSE, sizeof (guint));
  for (guint i = 0; i < run->packets->len; i++) {
    const SimPacket *p = &g_array_index (run->packets, SimPacket, i);
    gint64 now = p->arrival;

    if (i == 0)
      r.first = now;
    if (p->is_report) {
      lockstep_av_stream_report (sync, streams[p->stream],
          LOCKSTEP_AV_SOURCE_SENDER_REPORT, p->timestamp, p->ntp, FALSE, 0);
      n_reports[p->stream]++;
      if (r.result->second_report < 0 && n_reports[0] > 1 && n_reports[1] > 1)
        r.result->second_report = now - r.first;
      continue;
    }
    if (lockstep_av_stream_observe (sync, streams[p->stream], p->timestamp, 1,
            p->arrival, now) != LOCKSTEP_AV_KEEP)
      continue;
    g_array_append_val (waiting[p->stream], i);
    lockstep_av_sync_poll (sync, now);
    for (guint s = 0; s < SIM_STREAMS; s++) {
      if (!lockstep_av_stream_is_open (streams[s]))
        continue;
      for (guint k = 0; k < waiting[s]->len; k++) {
        const SimPacket *w = &g_array_index (run->packets, SimPacket,
            g_array_index (waiting[s], guint, k));
        gboolean first = s == SIM_AUDIO ? !r.any_audio : !r.any_video;
        gboolean discont;
        gint64 pts;

        discont = lockstep_av_stream_stamp (sync, streams[s], w->timestamp, now,
            &pts);
        give_out (&r, w, pts, discont && !first, now);
      }
      g_array_set_size (waiting[s], 0);
    }
  }
  for (guint s = 0; s < SIM_STREAMS; s++)
    g_array_unref (waiting[s]);
  lockstep_av_stream_stats (sync, streams[SIM_VIDEO], &r.result->stats);
  return r.result;
}
