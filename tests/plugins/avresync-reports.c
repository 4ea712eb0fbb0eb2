/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* avresync by what senders say of their clocks: sender reports, and capture times in packets. */
#include "avresync.h"

static GstBuffer *
sender_report (guint32 ssrc, guint64 ntp, guint32 timestamp)
{
  guint8 data[28] = { 0x80, 200, 0, 6, };

  GST_WRITE_UINT32_BE (data + 4, ssrc);
  GST_WRITE_UINT64_BE (data + 8, ntp);
  GST_WRITE_UINT32_BE (data + 16, timestamp);
  return gst_buffer_new_memdup (data, sizeof (data));
}

/* Video is encoded for 60 ms; @how says in which way the receiver learns of it. */
static void
run_encoder (Fixture * f, guint to, int how)
{
  g_autoptr (GstCaps) caps = gst_caps_new_empty_simple (how == 0
      ? "application/x-rtcp" : LOCKSTEP_META_NTP);
  GstPad *rtcp = NULL;

  if (how == 0)
    rtcp = gst_element_request_pad_simple (f->element, "rtcp_sink_%u");
  if (rtcp) {
    GstSegment segment;

    gst_segment_init (&segment, GST_FORMAT_TIME);
    gst_pad_send_event (rtcp, gst_event_new_stream_start ("rtcp"));
    gst_pad_send_event (rtcp, gst_event_new_caps (caps));
    gst_pad_send_event (rtcp, gst_event_new_segment (&segment));
  }
  for (guint i = 0; i < to; i++) {
    GstBuffer *a = audio_packet (i), *v = NULL;
    guint sent = i - 3;

    if (i >= 3 && sent % 2 == 0)
      v = video_packet (sent / 2);
    set_now (f, i * 20 * MS + 30 * MS);
    if (how == 0 && i % 50 == 20) {
      guint64 ntp = ((guint64) i << 32) / 50 + (1000 + i) * 100;

      gst_pad_chain (rtcp, sender_report (0xa, ntp, 0xfffff000u + i * 960));
      gst_pad_chain (rtcp, sender_report (0xb, ntp, 12345 + i * 1800));
      /* Nonsense is ignored. */
      gst_pad_chain (rtcp, gst_buffer_new_memdup ("\x80\xc8\xff\xff", 4));
      gst_pad_chain (rtcp, gst_buffer_new ());
    }
    if (how == 1) {
      /* Each report is carried on to the buffers after it. */
      guint64 noise = i / 50 * 20000;

      gst_buffer_add_reference_timestamp_meta (a, caps,
          (1000000 + i * 20) * MS + noise, GST_CLOCK_TIME_NONE);
      if (v)
        gst_buffer_add_reference_timestamp_meta (v, caps,
            (1000000 + sent * 20) * MS + noise, GST_CLOCK_TIME_NONE);
    }
    gst_harness_push (f->a, a);
    if (v)
      gst_harness_push (f->v, v);
  }
  if (rtcp) {
    gst_element_release_request_pad (f->element, rtcp);
    gst_object_unref (rtcp);
  }
}

static void
test_sender_reports (void)
{
  for (int how = 0; how < 2; how++) {
    Fixture f;
    GstClockTime pts = 0;

    begin (&f);
    run_encoder (&f, 1503, how);
    assert_source (&f, 1, "sender-reports");
    assert_spaced (f.a, 1503, 30 * MS, 20 * MS);
    for (guint i = 0; i < 750; i++) {
      GstClockTime next = pull_pts (f.v, NULL);

      g_assert_cmpuint (next, >, pts);
      pts = next;
    }
    g_assert_cmpint (ABS ((gint64) pts - (gint64) (749 * 40 + 30) * MS), <=,
        2 * MS);
    end (&f);
  }
}

static void
test_without_reports_the_encoder_does_not_show (void)
{
  Fixture f;
  GstClockTime pts = 0;

  begin (&f);
  run_encoder (&f, 503, 2);
  for (guint i = 0; i < 250; i++)
    pts = pull_pts (f.v, NULL);
  g_assert_cmpint (ABS ((gint64) pts - (gint64) (249 * 40 + 90) * MS), <=,
      2 * MS);
  end (&f);
  begin (&f);
  g_object_set (f.element, "video-offset", (gint64) - 60 * (gint64) MS, NULL);
  run_encoder (&f, 503, 2);
  for (guint i = 0; i < 250; i++)
    pts = pull_pts (f.v, NULL);
  g_assert_cmpint (ABS ((gint64) pts - (gint64) (249 * 40 + 30) * MS), <=,
      2 * MS);
  end (&f);
}

static void
test_messages_and_latency (void)
{
  Fixture f;
  g_autoptr (GstQuery) query = gst_query_new_latency ();
  gboolean told = FALSE, latency = FALSE;
  GstMessage *message;
  GstClockTime min;

  begin (&f);
  g_assert_true (gst_pad_peer_query (f.a->sinkpad, query));
  gst_query_parse_latency (query, NULL, &min, NULL);
  g_assert_cmpuint (min, ==, 300 * MS);
  /* Reports move video 60 ms ahead of where it arrives. */
  run_encoder (&f, 1500, 1);
  while ((message = gst_bus_pop (f.bus))) {
    const GstStructure *s = gst_message_get_structure (message);

    if (GST_MESSAGE_TYPE (message) == GST_MESSAGE_LATENCY)
      latency = TRUE;
    if (GST_MESSAGE_TYPE (message) == GST_MESSAGE_ELEMENT
        && gst_structure_has_name (s, "avresync")
        && g_strcmp0 (gst_structure_get_string (s, "source"),
            "sender-reports") == 0)
      told = TRUE;
    gst_message_unref (message);
  }
  g_assert_true (told);
  g_assert_true (latency);
  g_assert_true (gst_pad_peer_query (f.a->sinkpad, query));
  gst_query_parse_latency (query, NULL, &min, NULL);
  g_assert_cmpuint (min, ==, 360 * MS);
  end (&f);
}

static void
test_capture_times (void)
{
  Fixture f;

  begin_full (&f, AUDIO_CAPS ",extmap-3=(string)<\"\",\"http://www.webrtc.org/"
      "experiments/rtp-hdrext/abs-capture-time\",\"\">", VIDEO_CAPS);
  for (guint i = 0; i < 400; i++) {
    for (guint s = 0; s < 2; s++) {
      guint8 data[12 + 4 + 12 + 1] = { 0x90, 96, 0, i, };
      guint64 ntp = GUINT64_TO_BE (((guint64) (i + s * 2) << 32) / 50);

      if (s && i % 2)
        continue;
      GST_WRITE_UINT32_BE (data + 4, i * (s ? 1800 : 960));
      GST_WRITE_UINT32_BE (data + 8, s ? 0xb : 0xa);
      GST_WRITE_UINT16_BE (data + 12, 0xbede);
      GST_WRITE_UINT16_BE (data + 14, 3);
      data[16] = 3 << 4 | 7;
      memcpy (data + 17, &ntp, sizeof (ntp));
      data[28] = 0x65;
      set_now (&f, (i * 20 + 30) * MS);
      gst_harness_push (s ? f.v : f.a, gst_buffer_new_memdup (data,
              sizeof (data)));
    }
  }
  assert_source (&f, 1, "abs-capture-time");
  assert_spaced (f.a, 400, 30 * MS, 20 * MS);
  end (&f);
}

int
main (int argc, char **argv)
{
  gst_init (&argc, &argv);
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/avresync-reports/reports", test_sender_reports);
  g_test_add_func ("/avresync-reports/no-reports",
      test_without_reports_the_encoder_does_not_show);
  g_test_add_func ("/avresync-reports/messages", test_messages_and_latency);
  g_test_add_func ("/avresync-reports/capture-times", test_capture_times);
  return g_test_run ();
}
