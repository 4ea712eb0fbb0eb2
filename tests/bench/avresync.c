/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Lip-sync of avresync's algorithm beside stock rtpbin's, from the same packets:
 * measured traces where they are found, seeded ones always. One row is a path or
 * an event; each figure is taken over several starts.
 *
 *   build/tests/bench/avresync [SECONDS]
 *
 * rtpbin gets each packet at its arrival time in a test clock, with its defaults
 * (latency 200 ms). Nothing here takes real time but the computing. */
#include <avsim.h>
#include <gst/check/gsttestclock.h>
#include <gst/gst.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MS SIM_MS
#define SECOND SIM_SECOND
#define STARTS 3
#define LATENCY (200 * MS)

static const LockstepAvConfig config = { 5 * SIM_MS, SIM_MS, 300 * SIM_MS, 0,
  LOCKSTEP_AV_SOURCE_CAPTURE_TIME
};

/* What rtpbin gave each RTP time of a stream. */
typedef struct
{
  GMutex lock;
  GHashTable *pts[SIM_STREAMS]; /* RTP time -> gint64 */
  guint count;
  GstPad *sinks[SIM_STREAMS];
} Recorder;

static GstFlowReturn
record (GstPad * pad, GstObject * parent, GstBuffer * buffer)
{
  Recorder *r = gst_pad_get_element_private (pad);
  guint stream = pad == r->sinks[SIM_AUDIO] ? SIM_AUDIO : SIM_VIDEO;
  guint8 header[12];

  g_mutex_lock (&r->lock);
  r->count++;
  if (gst_buffer_extract (buffer, 0, header, 12) == 12) {
    guint32 timestamp = GST_READ_UINT32_BE (header + 4);

    if (!g_hash_table_contains (r->pts[stream], GUINT_TO_POINTER (timestamp))) {
      gint64 *pts = g_new (gint64, 1);

      *pts = (gint64) GST_BUFFER_PTS (buffer);
      g_hash_table_insert (r->pts[stream], GUINT_TO_POINTER (timestamp), pts);
    }
  }
  g_mutex_unlock (&r->lock);
  gst_buffer_unref (buffer);
  return GST_FLOW_OK;
}

static gboolean
ignore_event (GstPad * pad, GstObject * parent, GstEvent * event)
{
  gst_event_unref (event);
  return TRUE;
}

static void
on_pad_added (GstElement * rtpbin, GstPad * pad, gpointer data)
{
  Recorder *r = data;
  guint session;

  if (sscanf (GST_PAD_NAME (pad), "recv_rtp_src_%u_", &session) == 1
      && session < SIM_STREAMS)
    gst_pad_link (pad, r->sinks[session]);
}

static GstCaps *
get_caps (GstElement * rtpbin, guint session, guint pt, gpointer data)
{
  return gst_caps_from_string (session == SIM_AUDIO
      ? "application/x-rtp,media=audio,clock-rate=48000,encoding-name=OPUS"
      : "application/x-rtp,media=video,clock-rate=90000,encoding-name=H264");
}

static GstBuffer *
make_rtp (const SimPacket * p)
{
  guint8 data[100] = { 0x80, 96 | (p->marker ? 0x80 : 0), };
  GstBuffer *buffer;

  GST_WRITE_UINT16_BE (data + 2, p->seqnum);
  GST_WRITE_UINT32_BE (data + 4, p->timestamp);
  GST_WRITE_UINT32_BE (data + 8, 0x1000 + p->stream);
  buffer = gst_buffer_new_memdup (data, sizeof (data));
  GST_BUFFER_PTS (buffer) = GST_BUFFER_DTS (buffer) = p->arrival;
  return buffer;
}

/* A sender report and the source description that rtpbin wants beside it. */
static GstBuffer *
make_rtcp (const SimPacket * p)
{
  guint8 data[28 + 16] = { 0x80, 200, 0, 6, };
  guint32 low = (guint32) p->ntp;
  GstBuffer *buffer;

  GST_WRITE_UINT32_BE (data + 4, 0x1000 + p->stream);
  GST_WRITE_UINT32_BE (data + 8, (guint32) (p->ntp >> 32));
  GST_WRITE_UINT32_BE (data + 12, low);
  GST_WRITE_UINT32_BE (data + 16, p->timestamp);
  memcpy (data + 28, "\x81\xca\0\3", 4);
  GST_WRITE_UINT32_BE (data + 32, 0x1000 + p->stream);
  memcpy (data + 36, "\1\4test\0", 8);
  buffer = gst_buffer_new_memdup (data, sizeof (data));
  GST_BUFFER_PTS (buffer) = GST_BUFFER_DTS (buffer) = p->arrival;
  return buffer;
}

/* Lets the threads of rtpbin come to rest: timers that are due run, and packets
 * come out. */
static void
settle (GstTestClock * clock, GstClockTime now)
{
  for (guint idle = 0; idle < 2; idle++) {
    GstClockID id;

    while (gst_test_clock_peek_next_pending_id (clock, &id)) {
      GstClockTime at = gst_clock_id_get_time (id);

      gst_clock_id_unref (id);
      if (at > now)
        break;
      gst_clock_id_unref (gst_test_clock_process_next_clock_id (clock));
      idle = 0;
      g_usleep (20);
    }
    g_usleep (10);
  }
}

static GstPad *
feed_pad (GstElement * rtpbin, const char *name, const char *caps)
{
  g_autoptr (GstPad) sink = gst_element_request_pad_simple (rtpbin, name);
  g_autoptr (GstCaps) c = gst_caps_from_string (caps);
  GstPad *src = gst_pad_new (name, GST_PAD_SRC);
  GstSegment segment;

  gst_pad_set_active (src, TRUE);
  gst_pad_link (src, sink);
  gst_segment_init (&segment, GST_FORMAT_TIME);
  gst_pad_push_event (src, gst_event_new_stream_start (name));
  gst_pad_push_event (src, gst_event_new_caps (c));
  gst_pad_push_event (src, gst_event_new_segment (&segment));
  return src;
}

static SimResult *
sim_rtpbin (const SimRun * run, guint * audio_steps)
{
  GstElement *rtpbin = gst_object_ref_sink (gst_element_factory_make ("rtpbin",
          NULL));
  GstTestClock *clock = GST_TEST_CLOCK (gst_test_clock_new ());
  SimResult *result = sim_result_new ();
  Recorder r = { {NULL}, };
  GstPad *rtp[SIM_STREAMS], *rtcp[SIM_STREAMS];
  gint64 first = -1, last_pts = -1, lag = 0;
  guint32 last_timestamp = 0, last_frame = 0;
  gboolean any_frame = FALSE, any_audio = FALSE;
  guint settled;

  g_mutex_init (&r.lock);
  gst_element_set_clock (rtpbin, GST_CLOCK (clock));
  gst_element_set_base_time (rtpbin, 0);
  g_signal_connect (rtpbin, "pad-added", G_CALLBACK (on_pad_added), &r);
  g_signal_connect (rtpbin, "request-pt-map", G_CALLBACK (get_caps), NULL);
  for (guint s = 0; s < SIM_STREAMS; s++) {
    r.pts[s] = g_hash_table_new_full (NULL, NULL, NULL, g_free);
    r.sinks[s] = gst_pad_new (NULL, GST_PAD_SINK);
    gst_pad_set_element_private (r.sinks[s], &r);
    gst_pad_set_chain_function (r.sinks[s], record);
    gst_pad_set_event_function (r.sinks[s], ignore_event);
    gst_pad_set_active (r.sinks[s], TRUE);
  }
  gst_element_set_state (rtpbin, GST_STATE_PLAYING);
  for (guint s = 0; s < SIM_STREAMS; s++) {
    g_autofree char *rtp_name = g_strdup_printf ("recv_rtp_sink_%u", s);
    g_autofree char *rtcp_name = g_strdup_printf ("recv_rtcp_sink_%u", s);
    g_autoptr (GstCaps) caps = get_caps (NULL, s, 96, NULL);
    g_autofree char *text = gst_caps_to_string (caps);

    rtp[s] = feed_pad (rtpbin, rtp_name, text);
    rtcp[s] = feed_pad (rtpbin, rtcp_name, "application/x-rtcp");
  }

  for (guint i = 0; i < run->packets->len; i++) {
    const SimPacket *p = &g_array_index (run->packets, SimPacket, i);

    gst_test_clock_set_time (clock, p->arrival);
    settle (clock, p->arrival);
    gst_pad_push (p->is_report ? rtcp[p->stream] : rtp[p->stream],
        p->is_report ? make_rtcp (p) : make_rtp (p));
    if (i < 100)
      g_usleep (500);           /* the timers of the start */
  }
  for (settled = 0; settled < 20; settled++) {
    gst_test_clock_advance_time (clock, SECOND);
    settle (clock, gst_clock_get_time (GST_CLOCK (clock)));
    g_usleep (5000);
  }

  *audio_steps = 0;
  g_mutex_lock (&r.lock);
  for (guint i = 0; i < run->packets->len; i++) {
    const SimPacket *p = &g_array_index (run->packets, SimPacket, i);
    gint64 *pts;

    if (p->is_report)
      continue;
    if (first < 0)
      first = p->arrival;
    pts = g_hash_table_lookup (r.pts[p->stream],
        GUINT_TO_POINTER (p->timestamp));
    if (!pts)
      continue;
    if (p->stream == SIM_AUDIO) {
      gint64 spacing = (gint64) (gint32) (p->timestamp - last_timestamp)
          * SECOND / SIM_AUDIO_RATE;

      if (last_pts >= 0 && ABS (*pts - last_pts - spacing) > MS)
        (*audio_steps)++;
      last_pts = *pts;
      last_timestamp = p->timestamp;
      lag = *pts - p->capture;
      any_audio = TRUE;
    } else if (any_audio && (!any_frame || p->timestamp != last_frame)) {
      any_frame = TRUE;
      last_frame = p->timestamp;
      sim_result_add (result, *pts - p->capture - lag, p->arrival - first);
    }
  }
  g_mutex_unlock (&r.lock);

  gst_element_set_state (rtpbin, GST_STATE_NULL);
  for (guint s = 0; s < SIM_STREAMS; s++) {
    gst_object_unref (rtp[s]);
    gst_object_unref (rtcp[s]);
    gst_object_unref (r.sinks[s]);
    g_hash_table_unref (r.pts[s]);
  }
  gst_object_unref (rtpbin);
  gst_object_unref (clock);
  g_mutex_clear (&r.lock);
  return result;
}

typedef struct
{
  gint64 p99[STARTS], worst, within_half;
  gdouble noticed;              /* share of frames beyond 45 ms */
  guint steps;
} Row;

static gdouble
share_beyond (const SimResult * result, gint64 from, gint64 limit)
{
  guint n = 0, beyond = 0;

  for (guint i = 0; i < result->errors->len; i++) {
    if (g_array_index (result->times, gint64, i) < from)
      continue;
    n++;
    beyond += ABS (g_array_index (result->errors, gint64, i)) > limit;
  }
  return n ? (gdouble) beyond / n : 0;
}

static void
add (Row * row, guint start, const SimResult * result, guint steps)
{
  row->p99[start] = sim_result_quantile (result, 2 * SECOND, G_MAXINT64, 0.99);
  row->worst = MAX (row->worst, sim_result_quantile (result, 2 * SECOND,
          G_MAXINT64, 1));
  row->within_half = MAX (row->within_half, sim_result_quantile (result,
          SECOND / 2, 2 * SECOND, 1));
  row->noticed += share_beyond (result, 0, 45 * MS) / STARTS;
  row->steps += steps;
}

static void
print_row (const char *name, guint fps, const Row * stock, const Row * ours)
{
  gint64 a[STARTS], b[STARTS], stock_p99, our_p99;

  memcpy (a, stock->p99, sizeof (a));
  memcpy (b, ours->p99, sizeof (b));
  stock_p99 = lockstep_median (a, STARTS);
  our_p99 = lockstep_median (b, STARTS);
  g_print ("%-50s %3u | %7.1f %7.1f %7.1f %5.1f %6u | %6.2f %6.2f %6.2f %5.1f "
      "%6u | %6.0f\n", name, fps, stock->within_half / 1e6, stock_p99 / 1e6,
      stock->worst / 1e6, stock->noticed * 100, stock->steps,
      ours->within_half / 1e6, our_p99 / 1e6, ours->worst / 1e6,
      ours->noticed * 100, ours->steps,
      stock_p99 / (gdouble) MAX (our_p99, MS / 100));
}

typedef void (*Change) (SimConfig * sim);

static void
change_nothing (SimConfig * sim)
{
}

static void
change_late (SimConfig * sim)
{
  sim->first_frame_late = 150 * MS;
}

static void
change_step_up (SimConfig * sim)
{
  sim->step = 200 * MS;
  sim->step_at = sim->duration / 3;
}

static void
change_step_down (SimConfig * sim)
{
  sim->step = 200 * MS;
  sim->step_back_at = sim->duration / 3;
}

static void
change_drift (SimConfig * sim)
{
  sim->audio_ppm = 100;
  sim->video_ppm = -100;
}

static void
change_loss (SimConfig * sim)
{
  sim->loss = sim->reorder = 0.05;
}

static void
change_reports (SimConfig * sim)
{
  sim->reports = SIM_REPORTS_CLEAN;
}

static void
change_bad_reports (SimConfig * sim)
{
  sim->reports = SIM_REPORTS_FROM_ARRIVALS;
}

static void
change_wrong_reports (SimConfig * sim)
{
  sim->reports = SIM_REPORTS_WRONG_400MS;
}

static void
measure (const char *what, const SimTrace * trace, guint fps, gint64 duration,
    Change change)
{
  g_autofree char *name = g_strdup_printf ("%s%s%s", trace->name,
      *what ? ", " : "", what);
  Row stock = { {0}, }, ours = { {0}, };

  for (guint start = 0; start < STARTS; start++) {
    SimConfig sim = sim_config (trace, fps, start + 1);
    g_autoptr (SimRun) run = NULL;
    g_autoptr (SimResult) a = NULL;
    g_autoptr (SimResult) b = NULL;
    guint steps;

    sim.duration = duration;
    sim.trace_start = trace->sent[trace->n - 1] / STARTS * start;
    change (&sim);
    run = sim_run_new (&sim);
    a = sim_rtpbin (run, &steps);
    add (&stock, start, a, steps);
    b = sim_lockstep (run, &config);
    add (&ours, start, b, b->audio_steps);
  }
  print_row (name, fps, &stock, &ours);
}

int
main (int argc, char **argv)
{
  static const guint rates[] = { 15, 30, 60 };
  static const struct
  {
    const char *what;
    Change change;
  } events[] = {
    {"first frame 150 ms late", change_late},
    {"path +200 ms", change_step_up},
    {"path -200 ms", change_step_down},
    {"clocks 200 ppm apart", change_drift},
    {"5 % lost, 5 % reordered", change_loss},
    {"good reports", change_reports},
    {"reports made on arrival", change_bad_reports},
    {"reports 400 ms off", change_wrong_reports},
  };
  g_autoptr (GPtrArray) traces = NULL;
  g_autoptr (GPtrArray) made = NULL;
  gint64 duration = 60 * SECOND;
  const char *root;

  gst_init (&argc, &argv);
  root = g_getenv ("LOCKSTEP_SOURCE_ROOT");
  if (argc > 1)
    duration = CLAMP (atoi (argv[1]), 10, 3600) * SECOND;
  traces = sim_load_traces (root ? root : ".");
  made = sim_make_traces ();
  g_print ("A/V error, ms; %d starts a row, %" G_GINT64_FORMAT
      " s each, no RTCP "
      "where not said; keyframes paced over 80 ms every 2 s\n"
      "0.5-2 s: worst in that time; p99: median of the starts, after 2 s; max: "
      "worst, after 2 s; >45: %% of all frames; steps: of audio, beyond 1 ms\n\n",
      STARTS, duration / SECOND);
  g_print ("%-50s %3s | %s rtpbin %21s | %s avresync %17s | ratio\n", "path",
      "fps", "        ", "", "       ", "");
  g_print ("%-54s | %7s %7s %7s %5s %6s | %6s %6s %6s %5s %6s | of p99\n", "",
      "0.5-2 s", "p99", "max", ">45", "steps", "0.5-2s", "p99", "max", ">45",
      "steps");
  for (guint i = 0; i < made->len + traces->len; i++) {
    const SimTrace *trace = i < traces->len ? g_ptr_array_index (traces, i)
        : g_ptr_array_index (made, i - traces->len);

    for (guint r = 0; r < G_N_ELEMENTS (rates); r++)
      measure ("", trace, rates[r], duration, change_nothing);
  }
  for (guint e = 0; e < G_N_ELEMENTS (events); e++) {
    measure (events[e].what, g_ptr_array_index (made, 0), 30, duration,
        events[e].change);
    if (traces->len > 0)
      measure (events[e].what, g_ptr_array_index (traces, 0), 30, duration,
          events[e].change);
  }
  return 0;
}
