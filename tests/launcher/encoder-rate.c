/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Tests of encoder-rate.c: a small encode whose peers are made up. */
#include "encoder-rate.h"
#include "presets.h"

#define TIMEOUT (60 * G_TIME_SPAN_SECOND)

static const char preset_text[] =
    "{\"summary\": \"s\", \"parameters\": {"
    "\"rate\": {\"type\": \"bitrate\", \"default\": \"1M\", \"summary\": \"s\"},"
    "\"least\": {\"type\": \"bitrate\", \"default\": \"100k\", \"summary\": \"s\"},"
    "\"most\": {\"type\": \"bitrate\", \"default\": \"4M\", \"summary\": \"s\"},"
    "\"small\": {\"type\": \"list\", \"items\": \"rendition\", \"default\": \"\","
    " \"max-items\": 1, \"summary\": \"s\"}},"
    "\"pipeline\": [\"fakesrc ! capsfilter name=format ! fakesink name=video\"],"
    "\"signalling\": {\"protocol\": \"whep\","
    "\"video\": {\"encodings\": [\"VP8\"], \"element\": \"video\"},"
    "\"preview\": {\"encodings\": [\"VP8\"], \"element\": \"video\","
    " \"parameter\": \"small\"},"
    "\"rate\": {\"bitrate\": \"rate\", \"min\": \"least\", \"max\": \"most\","
    " \"format\": \"format\"}}}";

typedef struct
{
  gint frames;                  /* atomic: that went to the encoder */
  guint64 target;
  gint64 backlog;
  guint asked;                  /* times since the backlog was set */
} Peers;

/* presets.c's, which needs all of the launcher. */
static gboolean
any_element (const char *factory, gpointer user_data)
{
  return TRUE;
}

const LockstepMachine presets_machine = { any_element, NULL, NULL };

gboolean
presets_apply_changes (GstElement * pipeline, const LockstepLaunch * before,
    const LockstepLaunch * launch, GPtrArray * faults)
{
  return TRUE;
}

static guint64
target (gint64 * backlog, gpointer user_data)
{
  Peers *p = user_data;

  p->asked++;
  *backlog = p->backlog;
  return p->target;
}

static GstPadProbeReturn
count (GstPad * pad, GstPadProbeInfo * info, gpointer data)
{
  g_atomic_int_inc (&((Peers *) data)->frames);
  return GST_PAD_PROBE_OK;
}

static void
ready (gpointer user_data)
{
}

static void
iterate (const gint64 * end)
{
  g_assert_cmpint (g_get_monotonic_time (), <, *end);
  g_main_context_iteration (NULL, FALSE);
  g_usleep (2000);
}

/* Until the frames beyond what has passed are @more. */
static void
wait_for_frames (Peers * p, gint more)
{
  gint64 end = g_get_monotonic_time () + TIMEOUT;
  gint before = g_atomic_int_get (&p->frames);

  while (g_atomic_int_get (&p->frames) < before + more)
    iterate (&end);
}

static void
set_backlog (Peers * p, gint64 backlog)
{
  gint64 end = g_get_monotonic_time () + TIMEOUT;

  p->backlog = backlog;
  p->asked = 0;
  while (p->asked == 0)
    iterate (&end);
}

static LockstepPreset *
parse (void)
{
  g_autoptr (GPtrArray) faults = lockstep_faults_new ();
  LockstepPreset *preset = lockstep_preset_parse ("test", preset_text,
      sizeof preset_text - 1, faults);

  if (faults->len > 0) {
    const LockstepFault *fault = g_ptr_array_index (faults, 0);

    g_error ("%s: %s", fault->place, fault->text);
  }
  return preset;
}

/* Nothing is encoded while much waits to be sent; and when the peer of a narrow path has
 * gone, what it took is not left to those whose paths are not known. */
static void
test_follows_the_peers (void)
{
  g_autoptr (LockstepPreset) preset = parse ();
  g_autoptr (GHashTable) values = g_hash_table_new (g_str_hash, g_str_equal);
  g_autoptr (GPtrArray) faults = lockstep_faults_new ();
  g_autoptr (GError) error = NULL;
  g_autoptr (GstElement) pipeline = NULL;
  g_autoptr (GstElement) format = NULL;
  g_autoptr (GstElement) sink = NULL;
  g_autoptr (GstPad) to_encoder = NULL;
  g_autoptr (GstPad) encoded = NULL;
  GstPad *pads[STREAMS_N_TRACKS] = { NULL };
  EncoderRate *rate;
  gint64 end = g_get_monotonic_time () + TIMEOUT;
  Peers p = {.target = 1000000 };
  LockstepBandwidthConfig limits = { 0 };
  guint64 start;
  gint passed;

  g_hash_table_insert (values, (gpointer) "rate", (gpointer) "1000000");
  g_hash_table_insert (values, (gpointer) "least", (gpointer) "100000");
  g_hash_table_insert (values, (gpointer) "most", (gpointer) "4000000");
  pipeline = gst_parse_launch ("videotestsrc is-live=true ! "
      "video/x-raw,width=160,height=120,framerate=30/1 ! "
      "capsfilter name=format ! vp8enc deadline=1 target-bitrate=500000 ! "
      "fakesink name=video sync=false async=false", &error);
  g_assert_no_error (error);
  format = gst_bin_get_by_name (GST_BIN (pipeline), "format");
  sink = gst_bin_get_by_name (GST_BIN (pipeline), "video");
  to_encoder = gst_element_get_static_pad (format, "src");
  encoded = gst_element_get_static_pad (sink, "sink");
  pads[STREAMS_VIDEO] = encoded;
  rate = encoder_rate_new (preset, values, pipeline,
      streams_new (pads, ready, NULL), target, &p, faults);
  g_assert_cmpuint (faults->len, ==, 0);
  g_assert_nonnull (rate);
  encoder_rate_limits (rate, &limits);
  start = limits.start;
  gst_pad_add_probe (to_encoder, GST_PAD_PROBE_TYPE_BUFFER, count, &p, NULL);
  gst_element_set_state (pipeline, GST_STATE_PLAYING);

  wait_for_frames (&p, 10);
  set_backlog (&p, 20 * (gint64) GST_SECOND);
  /* half a second without one; the first may be past the gate */
  do {
    passed = g_atomic_int_get (&p.frames);
    for (guint asked = p.asked; p.asked < asked + 10;)
      iterate (&end);
  } while (g_atomic_int_get (&p.frames) != passed);
  set_backlog (&p, 0);
  wait_for_frames (&p, 10);

  p.target = 200000;
  for (; limits.start > 250000; encoder_rate_limits (rate, &limits))
    iterate (&end);
  p.target = 0;
  for (; limits.start < start * 0.95; encoder_rate_limits (rate, &limits))
    iterate (&end);

  gst_element_set_state (pipeline, GST_STATE_NULL);
  encoder_rate_free (rate);
}

static GstPadProbeReturn
take_long (GstPad * pad, GstPadProbeInfo * info, gpointer data)
{
  if (g_atomic_int_add (&((Peers *) data)->frames, 1) > 2)
    g_usleep (150000);
  return GST_PAD_PROBE_OK;
}

/* Behind an encoder that takes too long for each frame, a test picture goes on with what is
 * due now. */
static void
test_keeps_in_time (void)
{
  g_autoptr (LockstepPreset) preset = parse ();
  g_autoptr (GHashTable) values = g_hash_table_new (g_str_hash, g_str_equal);
  g_autoptr (GPtrArray) faults = lockstep_faults_new ();
  g_autoptr (GError) error = NULL;
  g_autoptr (GstElement) pipeline = NULL;
  g_autoptr (GstElement) source = NULL;
  g_autoptr (GstElement) format = NULL;
  g_autoptr (GstPad) to_encoder = NULL;
  GstPad *pads[STREAMS_N_TRACKS] = { NULL };
  EncoderRate *rate;
  gint64 end = g_get_monotonic_time () + TIMEOUT, skipped = 0;
  guint64 frames = 0, late = 0;
  Peers p = { 0 };

  pipeline =
      gst_parse_launch ("bin.( videotestsrc name=source is-live=true ) ! "
      "video/x-raw,width=160,height=120,framerate=30/1 ! "
      "capsfilter name=format ! fakesink sync=false async=false", &error);
  g_assert_no_error (error);
  source = gst_bin_get_by_name (GST_BIN (pipeline), "source");
  format = gst_bin_get_by_name (GST_BIN (pipeline), "format");
  to_encoder = gst_element_get_static_pad (format, "src");
  rate = encoder_rate_new (preset, values, pipeline,
      streams_new (pads, ready, NULL), target, &p, faults);
  g_assert_cmpuint (faults->len, ==, 0);
  g_assert_nonnull (rate);
  gst_pad_add_probe (to_encoder, GST_PAD_PROBE_TYPE_BUFFER, take_long, &p,
      NULL);
  gst_element_set_state (pipeline, GST_STATE_PLAYING);
  for (; skipped == 0; g_object_get (source, "timestamp-offset", &skipped,
          NULL))
    iterate (&end);
  gst_element_set_state (pipeline, GST_STATE_NULL);
  /* more than 100 ms, of which all are counted */
  g_assert_cmpint (skipped, >, 99 * GST_MSECOND);
  encoder_rate_get_late (rate, &frames, &late);
  g_assert_cmpuint (late, >=, 3);
  g_assert_cmpuint (frames, >, late);
  encoder_rate_free (rate);
}

static void
test_limits_of_a_preview (void)
{
  g_autoptr (LockstepPreset) preset = parse ();
  g_autoptr (GHashTable) values = g_hash_table_new (g_str_hash, g_str_equal);
  LockstepBandwidthConfig limits = { 0 };

  g_assert_false (encoder_rate_preview_limits (preset, values, &limits));
  g_hash_table_insert (values, (gpointer) "small", (gpointer) "");
  g_assert_false (encoder_rate_preview_limits (preset, values, &limits));
  g_hash_table_insert (values, (gpointer) "small", (gpointer) "passthrough");
  g_assert_false (encoder_rate_preview_limits (preset, values, &limits));
  g_hash_table_insert (values, (gpointer) "small",
      (gpointer) "640x360p10@300k");
  g_assert_true (encoder_rate_preview_limits (preset, values, &limits));
  g_assert_cmpuint (limits.start, >, 300000);
  g_assert_cmpuint (limits.max, <, 1000000);
}

int
main (int argc, char **argv)
{
  gst_init (&argc, &argv);
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/encoder-rate/follows-the-peers", test_follows_the_peers);
  g_test_add_func ("/encoder-rate/keeps-in-time", test_keeps_in_time);
  g_test_add_func ("/encoder-rate/preview", test_limits_of_a_preview);
  return g_test_run ();
}
