/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Tests of the avresync element, in a test clock's time. What senders say of their clocks:
 * avresync-reports.c. */
#include "avresync.h"

#include <gst/video/video.h>

static void
test_both_streams (void)
{
  Fixture f;

  begin (&f);
  run (&f, 0, 200, 30 * MS);
  assert_spaced (f.a, 200, 30 * MS, 20 * MS);
  assert_spaced (f.v, 100, 30 * MS, 40 * MS);
  assert_source (&f, 1, "arrival-times");
  end (&f);
}

static void
test_late_first_frame (void)
{
  Fixture f;
  GstClockTime pts = 0;

  begin (&f);
  for (guint i = 0; i < 200; i++) {
    set_now (&f, i * 20 * MS + 30 * MS);
    gst_harness_push (f.a, audio_packet (i));
    /* The first frame's packets come 150 ms late, and those behind wait. */
    if (i % 2 == 0 && i * 20 >= 150)
      gst_harness_push (f.v, video_packet (i / 2));
    if (i == 7) {
      for (guint k = 0; k < 4; k++)
        gst_harness_push (f.v, video_packet (k));
    }
  }
  assert_spaced (f.a, 200, 30 * MS, 20 * MS);
  for (guint i = 0; i < 100; i++)
    pts = pull_pts (f.v, NULL);
  g_assert_cmpint (ABS ((gint64) pts - (gint64) (99 * 40 + 30) * MS), <=, MS);
  end (&f);
}

static void
test_gate_opens_by_the_clock (void)
{
  Fixture f;

  begin_full (&f, AUDIO_CAPS, NULL);
  set_now (&f, 30 * MS);
  gst_harness_push (f.a, audio_packet (0));
  g_assert_cmpuint (gst_harness_buffers_in_queue (f.a), ==, 0);
  gst_test_clock_wait_for_next_pending_id (f.clock, NULL);
  g_assert_cmpuint (gst_test_clock_get_next_entry_time (f.clock), ==, 330 * MS);
  set_now (&f, 330 * MS - 1);
  g_assert_cmpuint (gst_harness_buffers_in_queue (f.a), ==, 0);
  g_assert_true (gst_test_clock_crank (f.clock));
  assert_spaced (f.a, 1, 30 * MS, 0);
  end (&f);
}

static void
test_video_alone (void)
{
  Fixture f;

  begin_full (&f, NULL, VIDEO_CAPS);
  run (&f, 0, 100, 30 * MS);
  assert_spaced (f.v, 50, 30 * MS, 40 * MS);
  end (&f);
}

static void
test_late_audio (void)
{
  Fixture f;
  GstHarness *audio;

  begin (&f);
  audio = f.a;
  f.a = NULL;
  run (&f, 0, 100, 30 * MS);
  f.a = audio;
  run (&f, 100, 200, 30 * MS);
  assert_spaced (f.v, 100, 30 * MS, 40 * MS);
  assert_spaced (f.a, 100, 2030 * MS, 20 * MS);
  end (&f);
}

static void
test_no_gate (void)
{
  Fixture f;

  begin (&f);
  g_object_set (f.element, "start-gate", (guint64) 0, NULL);
  set_now (&f, 30 * MS);
  gst_harness_push (f.a, audio_packet (0));
  assert_spaced (f.a, 1, 30 * MS, 0);
  end (&f);
}

static void
test_arrival_metas_outrank_the_clock (void)
{
  g_autoptr (GstCaps) caps = gst_caps_new_empty_simple (LOCKSTEP_META_ARRIVAL);
  Fixture f;

  begin (&f);
  gst_element_set_base_time (f.element, 7 * SECOND);
  /* A buffer before us has held all for 400 ms, video for 100 more. */
  for (guint i = 0; i < 100; i++) {
    for (guint s = 0; s < 2; s++) {
      GstBuffer *buffer = s ? video_packet (i / 2) : audio_packet (i);

      if (s && i % 2)
        continue;
      set_now (&f, 7 * SECOND + (i * 20 + 430 + s * 5) * MS);
      gst_buffer_add_reference_timestamp_meta (buffer, caps,
          7 * SECOND + (i * 20 + 30) * MS, GST_CLOCK_TIME_NONE);
      gst_harness_push (s ? f.v : f.a, buffer);
    }
  }
  assert_spaced (f.a, 100, 30 * MS, 20 * MS);
  assert_spaced (f.v, 50, 30 * MS, 40 * MS);
  end (&f);
}

/* What comes before a keyframe cannot be decoded. */
static void
test_waits_for_a_keyframe (void)
{
  Fixture f;
  GstEvent *event;
  guint asked = 0;

  begin (&f);
  for (guint i = 2; i < 160; i++) {
    set_now (&f, i * 20 * MS + 30 * MS);
    gst_harness_push (f.a, audio_packet (i));
    if (i % 2 == 0)
      gst_harness_push (f.v, video_packet (i / 2));
  }
  assert_spaced (f.a, 158, 70 * MS, 20 * MS);
  assert_spaced (f.v, 30, (50 * 40 + 30) * MS, 40 * MS);
  g_assert_cmpuint (get_count (&f, 1, "before-keyframe"), ==, 49);
  while ((event = gst_harness_try_pull_upstream_event (f.v))) {
    if (gst_video_event_is_force_key_unit (event))
      asked++;
    gst_event_unref (event);
  }
  g_assert_cmpuint (asked, ==, 2);
  end (&f);
}

static void
test_does_not_wait_for_ever (void)
{
  Fixture f;

  begin_full (&f, NULL, VIDEO_CAPS);
  for (guint i = 1; i < 150; i++) {
    set_now (&f, i * 40 * MS);
    gst_harness_push (f.v, packet (0xb, i, i * 3600, FALSE));
  }
  for (guint i = 0; i < 10; i++)
    g_assert_cmpuint (pull_pts (f.v, NULL), >=, 5 * SECOND);
  end (&f);
  begin_full (&f, NULL, VIDEO_CAPS);
  g_object_set (f.element, "wait-for-keyframe", FALSE, NULL);
  for (guint i = 1; i < 20; i++) {
    set_now (&f, i * 40 * MS);
    gst_harness_push (f.v, packet (0xb, i, i * 3600, FALSE));
  }
  assert_spaced (f.v, 19, 40 * MS, 40 * MS);
  end (&f);
}

static void
test_malformed (void)
{
  Fixture f;

  begin (&f);
  run (&f, 0, 50, 30 * MS);
  gst_harness_push (f.a, gst_buffer_new ());
  gst_harness_push (f.a, gst_buffer_new_memdup ("not RTP at all", 14));
  gst_harness_push (f.v, gst_buffer_new_memdup ("\x8f\x60short packet", 14));
  run (&f, 50, 100, 30 * MS);
  assert_spaced (f.a, 100, 30 * MS, 20 * MS);
  assert_spaced (f.v, 50, 30 * MS, 40 * MS);
  g_assert_cmpuint (get_count (&f, 0, "malformed"), ==, 2);
  g_assert_cmpuint (get_count (&f, 1, "malformed"), ==, 1);
  end (&f);
}

static void
test_restart_and_strays (void)
{
  Fixture f;
  guint disconts = 0;
  GstClockTime pts = 0;

  begin (&f);
  run (&f, 0, 100, 30 * MS);
  assert_spaced (f.a, 100, 30 * MS, 20 * MS);
  /* One packet of another sender. */
  gst_harness_push (f.a, packet (0xdead, 1, 99, FALSE));
  for (guint i = 100; i < 200; i++) {
    set_now (&f, (i * 20 + 30) * MS);
    gst_harness_push (f.a, packet (0xa2, i, i * 960 + 555, FALSE));
  }
  for (guint i = 100; i < 200; i++) {
    gboolean discont;
    GstClockTime next = pull_pts (f.a, &discont);

    g_assert_cmpuint (next, >, pts);
    pts = next;
    disconts += discont;
  }
  g_assert_cmpuint (disconts, ==, 1);
  g_assert_cmpuint (pts, ==, (199 * 20 + 30) * MS);
  g_assert_cmpuint (get_count (&f, 0, "restarts"), ==, 1);
  end (&f);
}

static void
test_eos_while_gated (void)
{
  Fixture f;
  GstEvent *event;
  gboolean eos = FALSE;

  begin (&f);
  run (&f, 0, 5, 30 * MS);
  gst_harness_push_event (f.a, gst_event_new_eos ());
  assert_spaced (f.a, 5, 30 * MS, 20 * MS);
  while (!eos && (event = gst_harness_pull_event (f.a))) {
    eos = GST_EVENT_TYPE (event) == GST_EVENT_EOS;
    gst_event_unref (event);
  }
  g_assert_true (eos);
  g_assert_cmpuint (gst_harness_buffers_in_queue (f.v), ==, 0);
  gst_harness_push_event (f.v, gst_event_new_eos ());
  assert_spaced (f.v, 3, 30 * MS, 40 * MS);
  end (&f);
}

static void
test_eos_without_a_packet (void)
{
  Fixture f;
  GstEvent *event;
  gboolean eos = FALSE;

  begin (&f);
  gst_harness_push_event (f.v, gst_event_new_eos ());
  while (!eos && (event = gst_harness_pull_event (f.v))) {
    eos = GST_EVENT_TYPE (event) == GST_EVENT_EOS;
    gst_event_unref (event);
  }
  g_assert_true (eos);
  end (&f);
}

static void
test_flush (void)
{
  Fixture f;
  GstSegment segment;

  begin (&f);
  run (&f, 0, 100, 30 * MS);
  assert_spaced (f.a, 100, 30 * MS, 20 * MS);
  assert_spaced (f.v, 50, 30 * MS, 40 * MS);
  gst_harness_push_event (f.a, gst_event_new_flush_start ());
  gst_harness_push_event (f.a, gst_event_new_flush_stop (TRUE));
  gst_harness_push_event (f.v, gst_event_new_flush_start ());
  gst_harness_push_event (f.v, gst_event_new_flush_stop (TRUE));
  gst_segment_init (&segment, GST_FORMAT_TIME);
  gst_harness_push_event (f.a, gst_event_new_segment (&segment));
  gst_harness_push_event (f.v, gst_event_new_segment (&segment));
  run (&f, 100, 200, 30 * MS);
  assert_spaced (f.a, 100, 2030 * MS, 20 * MS);
  assert_spaced (f.v, 50, 2030 * MS, 40 * MS);
  end (&f);
}

static void
test_segment_and_frames (void)
{
  Fixture f;
  GstSegment segment;
  GstEvent *event;
  gboolean seen = FALSE;

  begin_full (&f, "audio/x-opus", "video/x-h264");
  gst_segment_init (&segment, GST_FORMAT_TIME);
  segment.start = segment.position = segment.time = 1000 * SECOND;
  gst_harness_push_event (f.a, gst_event_new_segment (&segment));
  gst_harness_push_event (f.v, gst_event_new_segment (&segment));
  for (guint i = 0; i < 100; i++) {
    GstBuffer *buffer = gst_buffer_new_allocate (NULL, 10, NULL);

    set_now (&f, (i * 20 + 30) * MS);
    GST_BUFFER_PTS (buffer) = 1000 * SECOND + i * 20 * MS;
    gst_harness_push (f.a, buffer);
    if (i % 2)
      continue;
    buffer = gst_buffer_new_allocate (NULL, 10, NULL);
    GST_BUFFER_PTS (buffer) = 1007 * SECOND + (i + 4) * 20 * MS;
    GST_BUFFER_DTS (buffer) = 1007 * SECOND + i * 20 * MS;
    if (i > 0)
      GST_BUFFER_FLAG_SET (buffer, GST_BUFFER_FLAG_DELTA_UNIT);
    gst_harness_push (f.v, buffer);
  }
  assert_spaced (f.a, 100, 30 * MS, 20 * MS);
  for (guint i = 0; i < 50; i++) {
    g_autoptr (GstBuffer) buffer = gst_harness_pull (f.v);

    g_assert_cmpuint (GST_BUFFER_PTS (buffer), ==, (i * 40 + 30) * MS);
    /* Four frames before the first there is no time. */
    if (i >= 2)
      g_assert_cmpuint (GST_BUFFER_PTS (buffer) - GST_BUFFER_DTS (buffer), ==,
          80 * MS);
  }
  while (!seen && (event = gst_harness_try_pull_event (f.a))) {
    if (GST_EVENT_TYPE (event) == GST_EVENT_SEGMENT) {
      const GstSegment *out;

      gst_event_parse_segment (event, &out);
      g_assert_cmpint (out->format, ==, GST_FORMAT_TIME);
      g_assert_cmpuint (out->start, ==, 0);
      seen = TRUE;
    }
    gst_event_unref (event);
  }
  g_assert_true (seen);
  end (&f);
}

static void
test_gaps_and_losses_are_on_the_grid (void)
{
  Fixture f;
  GstEvent *event;
  guint found = 0;

  begin_full (&f, AUDIO_CAPS, NULL);
  run (&f, 0, 50, 30 * MS);
  gst_harness_push_event (f.a,
      gst_event_new_custom (GST_EVENT_CUSTOM_DOWNSTREAM,
          gst_structure_new ("GstRTPPacketLost", "seqnum", G_TYPE_UINT, 51,
              "timestamp", G_TYPE_UINT64, (guint64) 1234567890, "duration",
              G_TYPE_UINT64, (guint64) 17 * MS, NULL)));
  gst_harness_push_event (f.a, gst_event_new_gap (1030 * MS, 20 * MS));
  while (found < 2 && (event = gst_harness_pull_event (f.a))) {
    const GstStructure *s = gst_event_get_structure (event);
    guint64 at, duration;

    if (GST_EVENT_TYPE (event) == GST_EVENT_CUSTOM_DOWNSTREAM) {
      g_assert_true (gst_structure_get (s, "timestamp", G_TYPE_UINT64, &at,
              "duration", G_TYPE_UINT64, &duration, NULL));
      g_assert_cmpuint (at, ==, (51 * 20 + 30) * MS);
      g_assert_cmpuint (duration, ==, 20 * MS);
      found++;
    }
    if (GST_EVENT_TYPE (event) == GST_EVENT_GAP)
      found++;
    gst_event_unref (event);
  }
  g_assert_cmpuint (found, ==, 2);
  end (&f);
}

static void
test_caps (void)
{
  Fixture f;
  GstMessage *message;

  begin_full (&f, "application/x-rtp,media=audio", NULL);
  g_assert_cmpint (gst_harness_push (f.a, audio_packet (0)), ==,
      GST_FLOW_NOT_NEGOTIATED);
  message = gst_bus_pop_filtered (f.bus, GST_MESSAGE_ERROR);
  g_assert_nonnull (message);
  gst_message_unref (message);
  end (&f);

  /* Another clock rate is another timeline. */
  begin_full (&f, AUDIO_CAPS, NULL);
  run (&f, 0, 50, 30 * MS);
  assert_spaced (f.a, 50, 30 * MS, 20 * MS);
  gst_harness_set_src_caps_str (f.a,
      "application/x-rtp,media=audio,clock-rate=8000,encoding-name=PCMU");
  for (guint i = 50; i < 100; i++) {
    set_now (&f, (i * 20 + 30) * MS);
    gst_harness_push (f.a, packet (1, i, i * 160, FALSE));
  }
  assert_spaced (f.a, 50, 1030 * MS, 20 * MS);
  end (&f);
}

static void
test_pads (void)
{
  g_autoptr (GstElement) element = gst_element_factory_make ("avresync", NULL);
  GstPad *pads[4];
  g_autoptr (GstPad) src = NULL;

  gst_object_ref_sink (element);
  pads[0] = gst_element_request_pad_simple (element, "sink_%u");
  pads[1] = gst_element_request_pad_simple (element, "sink_7");
  pads[2] = gst_element_request_pad_simple (element, "sink_%u");
  pads[3] = gst_element_request_pad_simple (element, "rtcp_sink_%u");
  g_assert_cmpstr (GST_PAD_NAME (pads[0]), ==, "sink_0");
  g_assert_cmpstr (GST_PAD_NAME (pads[1]), ==, "sink_7");
  g_assert_cmpstr (GST_PAD_NAME (pads[2]), ==, "sink_1");
  g_assert_cmpstr (GST_PAD_NAME (pads[3]), ==, "rtcp_sink_0");
  src = gst_element_get_static_pad (element, "src_7");
  g_assert_nonnull (src);
  for (guint i = 0; i < 4; i++) {
    gst_element_release_request_pad (element, pads[i]);
    gst_object_unref (pads[i]);
  }
  g_assert_cmpuint (element->numpads, ==, 0);
}

/* Pads that go while their buffers are held, and an element that begins anew. */
static void
test_states (void)
{
  Fixture f;

  begin (&f);
  run (&f, 0, 10, 30 * MS);
  gst_element_set_state (f.element, GST_STATE_READY);
  g_assert_cmpuint (gst_harness_buffers_in_queue (f.a), ==, 0);
  end (&f);
  begin (&f);
  run (&f, 0, 10, 30 * MS);
  end (&f);
}

/* Who only asks an element something drops it in NULL, pads and all: a task would hold
 * it, and let go of it from its own thread. */
static void
test_dropped_in_null (void)
{
  GstElement *element = gst_element_factory_make ("avresync", NULL);
  GstPad *sink = gst_element_request_pad_simple (element, "sink_0");
  GstPad *src = gst_element_get_static_pad (element, "src_0");

  g_assert_false (gst_pad_is_active (sink));
  g_assert_cmpint (gst_pad_get_task_state (src), ==, GST_TASK_STOPPED);
  /* with the state they become active, also those asked for later */
  gst_element_set_state (element, GST_STATE_PAUSED);
  g_assert_true (gst_pad_is_active (sink));
  g_assert_cmpint (gst_pad_get_task_state (src), ==, GST_TASK_STARTED);
  gst_object_unref (sink);
  sink = gst_element_request_pad_simple (element, "sink_1");
  g_assert_true (gst_pad_is_active (sink));
  gst_element_set_state (element, GST_STATE_NULL);
  g_assert_cmpint (gst_pad_get_task_state (src), ==, GST_TASK_STOPPED);
  gst_object_unref (sink);
  gst_object_unref (src);
  g_assert_cmpint (GST_OBJECT_REFCOUNT_VALUE (element), ==, 1);
  gst_object_unref (element);
}

/* The lines in the element's documentation; the first is run, the others need
 * another end, and are only put together. */
static void
test_example_lines (void)
{
  g_autofree char *path = g_build_filename (g_getenv ("LOCKSTEP_SOURCE_ROOT"),
      "plugins", "avresync", "gstavresync.c", NULL);
  static const char start[] = " * gst-launch-1.0 ";
  g_autofree char *text = NULL;
  g_auto (GStrv) lines = NULL;
  guint found = 0;

  g_assert_true (g_file_get_contents (path, &text, NULL, NULL));
  lines = g_strsplit (text, "\n", -1);
  for (guint i = 0; lines[i]; i++) {
    g_autoptr (GError) error = NULL;
    g_autoptr (GstElement) pipeline = NULL;
    g_autoptr (GstBus) bus = NULL;
    GstMessage *message;

    if (!g_str_has_prefix (lines[i], start))
      continue;
    pipeline = gst_parse_launch_full (lines[i] + strlen (start), NULL,
        GST_PARSE_FLAG_FATAL_ERRORS, &error);
    if (g_error_matches (error, GST_PARSE_ERROR,
            GST_PARSE_ERROR_NO_SUCH_ELEMENT)) {
      g_test_message ("left out: %s", error->message);
      found++;
      continue;
    }
    g_assert_no_error (error);
    if (found++ > 0)
      continue;
    gst_element_set_state (pipeline, GST_STATE_PLAYING);
    bus = gst_element_get_bus (pipeline);
    message = gst_bus_timed_pop_filtered (bus, 60 * SECOND,
        GST_MESSAGE_EOS | GST_MESSAGE_ERROR | GST_MESSAGE_WARNING);
    g_assert_nonnull (message);
    g_assert_cmpint (GST_MESSAGE_TYPE (message), ==, GST_MESSAGE_EOS);
    gst_message_unref (message);
    gst_element_set_state (pipeline, GST_STATE_NULL);
  }
  g_assert_cmpuint (found, ==, 3);
}

int
main (int argc, char **argv)
{
  gst_init (&argc, &argv);
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/avresync/both", test_both_streams);
  g_test_add_func ("/avresync/late-first-frame", test_late_first_frame);
  g_test_add_func ("/avresync/gate", test_gate_opens_by_the_clock);
  g_test_add_func ("/avresync/video-alone", test_video_alone);
  g_test_add_func ("/avresync/late-audio", test_late_audio);
  g_test_add_func ("/avresync/no-gate", test_no_gate);
  g_test_add_func ("/avresync/arrival-metas",
      test_arrival_metas_outrank_the_clock);
  g_test_add_func ("/avresync/keyframe", test_waits_for_a_keyframe);
  g_test_add_func ("/avresync/no-keyframe", test_does_not_wait_for_ever);
  g_test_add_func ("/avresync/malformed", test_malformed);
  g_test_add_func ("/avresync/restart", test_restart_and_strays);
  g_test_add_func ("/avresync/eos", test_eos_while_gated);
  g_test_add_func ("/avresync/eos-empty", test_eos_without_a_packet);
  g_test_add_func ("/avresync/flush", test_flush);
  g_test_add_func ("/avresync/frames", test_segment_and_frames);
  g_test_add_func ("/avresync/gaps", test_gaps_and_losses_are_on_the_grid);
  g_test_add_func ("/avresync/caps", test_caps);
  g_test_add_func ("/avresync/pads", test_pads);
  g_test_add_func ("/avresync/states", test_states);
  g_test_add_func ("/avresync/dropped", test_dropped_in_null);
  g_test_add_func ("/avresync/examples", test_example_lines);
  return g_test_run ();
}
