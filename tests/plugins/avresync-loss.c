/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Lost packets of sound, from avresync to the decoder: what is lost is concealed, and the sound stays
 * on its grid. */
#include <gst/check/gstharness.h>
#include <gst/rtp/rtp.h>

#define PACKETS 200
#define SAMPLES 960
#define CHANNELS 2              /* that opusdec gives */
#define PACKET (20 * GST_MSECOND)
#define RTP_CAPS "application/x-rtp,media=audio,clock-rate=48000,encoding-name=OPUS,payload=96"

/* Packets of a tone: GstBuffer. */
static GPtrArray *
encode (void)
{
  GPtrArray *packets =
      g_ptr_array_new_with_free_func ((GDestroyNotify) gst_buffer_unref);
  GstHarness *h = gst_harness_new_parse ("opusenc inband-fec=true "
      "packet-loss-percentage=20 ! rtpopuspay pt=96 seqnum-offset=65500 "
      "timestamp-offset=4294900000");
  GstBuffer *buffer;

  gst_harness_set_src_caps_str (h,
      "audio/x-raw,format=S16LE,rate=48000,channels=1,layout=interleaved");
  for (guint i = 0; i < PACKETS; i++) {
    gint16 samples[SAMPLES];

    for (guint k = 0; k < SAMPLES; k++)
      samples[k] = (i * SAMPLES + k) / 24 % 2 ? 8000 : -8000;
    buffer = gst_buffer_new_memdup (samples, sizeof samples);
    GST_BUFFER_PTS (buffer) = i * PACKET;
    GST_BUFFER_DURATION (buffer) = PACKET;
    gst_harness_push (h, buffer);
  }
  while ((buffer = gst_harness_try_pull (h)) != NULL)
    g_ptr_array_add (packets, buffer);
  gst_harness_teardown (h);
  return packets;
}

static GstElement *
decoder_bin (void)
{
  GstElement *bin = gst_bin_new (NULL);
  GstElement *sync = gst_element_factory_make ("avresync", NULL);
  GstElement *depay = gst_element_factory_make ("rtpopusdepay", NULL);
  GstElement *decoder = gst_element_factory_make ("opusdec", NULL);
  g_autoptr (GstPad) sink = NULL;
  g_autoptr (GstPad) src = NULL;

  g_object_set (sync, "start-gate", (guint64) 0, NULL);
  g_object_set (decoder, "plc", TRUE, "use-inband-fec", TRUE, NULL);
  gst_bin_add_many (GST_BIN (bin), sync, depay, decoder, NULL);
  sink = gst_element_request_pad_simple (sync, "sink_0");
  g_assert_true (gst_element_link_pads (sync, "src_0", depay, "sink"));
  g_assert_true (gst_element_link (depay, decoder));
  src = gst_element_get_static_pad (decoder, "src");
  gst_element_add_pad (bin, gst_ghost_pad_new ("sink", sink));
  gst_element_add_pad (bin, gst_ghost_pad_new ("src", src));
  return bin;
}

/* As latencybuffer says it. The time is that of a network that was late: it is the
 * grid of the sound that counts. */
static GstEvent *
lost (guint16 seqnum, GstClockTime at)
{
  return gst_event_new_custom (GST_EVENT_CUSTOM_DOWNSTREAM,
      gst_structure_new ("GstRTPPacketLost", "seqnum", G_TYPE_UINT,
          (guint) seqnum, "timestamp", G_TYPE_UINT64, at + 7 * GST_MSECOND,
          "duration", G_TYPE_UINT64, PACKET, "retry", G_TYPE_UINT, 0, NULL));
}

static gboolean
is_lost (guint i)
{
  /* single ones, two in a row, and ten */
  return i % 13 == 5 || i % 37 == 30 || i % 37 == 31 || (i >= 100 && i < 110);
}

static void
test_concealed (void)
{
  g_autoptr (GPtrArray) packets = encode ();
  GstElement *bin = decoder_bin ();
  GstHarness *h = gst_harness_new_with_element (bin, "sink", "src");
  GstClockTime next = GST_CLOCK_TIME_NONE;
  guint64 samples = 0;
  guint loud = 0, buffers = 0, gone = 0;
  GstBuffer *buffer;

  g_assert_cmpuint (packets->len, >=, PACKETS);
  gst_harness_set_src_caps_str (h, RTP_CAPS);
  for (guint i = 0; i < PACKETS; i++) {
    GstBuffer *packet = g_ptr_array_index (packets, i);
    GstRTPBuffer rtp = GST_RTP_BUFFER_INIT;
    guint16 seqnum;

    packet = gst_buffer_copy_deep (packet);
    gst_rtp_buffer_map (packet, GST_MAP_READWRITE, &rtp);
    seqnum = gst_rtp_buffer_get_seq (&rtp);
    /* opusenc counts the first one shorter, by what it looks ahead */
    gst_rtp_buffer_set_timestamp (&rtp, 4294900000u + i * SAMPLES);
    gst_rtp_buffer_unmap (&rtp);
    gst_harness_set_time (h, (i + 1) * PACKET);
    if (is_lost (i)) {
      gst_harness_push_event (h, lost (seqnum, i * PACKET));
      gst_buffer_unref (packet);
      gone++;
      continue;
    }
    GST_BUFFER_PTS (packet) = GST_BUFFER_DTS (packet) = (i + 1) * PACKET;
    gst_harness_push (h, packet);
  }
  gst_harness_push_event (h, gst_event_new_eos ());
  while ((buffer = gst_harness_try_pull (h)) != NULL
      || !GST_PAD_IS_EOS (h->sinkpad)) {
    GstMapInfo map;
    gint peak = 0;

    if (buffer == NULL) {
      g_thread_yield ();
      continue;
    }
    gst_buffer_map (buffer, &map, GST_MAP_READ);
    for (gsize k = 0; k < map.size / 2; k++)
      peak = MAX (peak, ABS (((const gint16 *) map.data)[k]));
    samples += map.size / 2 / CHANNELS;
    gst_buffer_unmap (buffer, &map);
    buffers++;
    loud += peak > 1000;
    /* no hole, no overlap */
    if (GST_CLOCK_TIME_IS_VALID (next))
      g_assert_cmpint (ABS (GST_CLOCK_DIFF (next, GST_BUFFER_PTS (buffer))), <=,
          1);
    next = GST_BUFFER_PTS (buffer) + GST_BUFFER_DURATION (buffer);
    gst_buffer_unref (buffer);
  }
  g_assert_cmpuint (gone, >, 20);
  /* opusdec looks one packet ahead, for what that tells of the one before */
  g_assert_cmpuint (samples, >=, (PACKETS - 1) * SAMPLES);
  g_assert_cmpuint (samples, <=, PACKETS * SAMPLES);
  /* All but the end of the ten in a row is no silence. */
  g_assert_cmpuint (loud + 12, >=, buffers);
  gst_harness_teardown (h);
  gst_object_unref (bin);
}

int
main (int argc, char **argv)
{
  gst_init (&argc, &argv);
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/avresync-loss/concealed", test_concealed);
  return g_test_run ();
}
