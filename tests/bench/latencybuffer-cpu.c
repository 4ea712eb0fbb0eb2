/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Sends in-order packets through one element on the system clock, to be counted under
 * callgrind:
 *
 *   valgrind --tool=callgrind bench-latencybuffer-cpu ELEMENT PACKETS
 *
 * Instructions a packet are the difference of two runs over the difference of their
 * PACKETS, less the same of `identity`: start and harness fall out. Without
 * valgrind it shows how far releases are from PTS + latency. One packet each
 * 2 ms, of 112 bytes, stamped with the time it is to be sent at; latency 40 ms. */
#include <gst/gst.h>
#include <gst/rtp/gstrtpbuffer.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SPACING 2000            /* us */
#define LATENCY 40              /* ms */

static GstStaticPadTemplate any_src = GST_STATIC_PAD_TEMPLATE ("src",
    GST_PAD_SRC, GST_PAD_ALWAYS, GST_STATIC_CAPS_ANY);
static GstStaticPadTemplate any_sink = GST_STATIC_PAD_TEMPLATE ("sink",
    GST_PAD_SINK, GST_PAD_ALWAYS, GST_STATIC_CAPS_ANY);
static int received;
static GstClock *the_clock;
static GstClockTime base_time;
static GArray *errors;          /* gint64: us from PTS + latency to the release */

static GstFlowReturn
count (GstPad * pad, GstObject * parent, GstBuffer * buffer)
{
  gint64 error = (gint64) (gst_clock_get_time (the_clock) - base_time -
      GST_BUFFER_PTS (buffer)) / 1000 - LATENCY * 1000;

  g_array_append_val (errors, error);
  g_atomic_int_inc (&received);
  gst_buffer_unref (buffer);
  return GST_FLOW_OK;
}

static GstBuffer *
make (guint n, GstClockTime now)
{
  guint8 *data = g_malloc0 (112);

  data[0] = 0x80;
  data[1] = 96;
  GST_WRITE_UINT16_BE (data + 2, n);
  GST_WRITE_UINT32_BE (data + 4, (guint32) (n * 96));
  GST_WRITE_UINT32_BE (data + 8, 1);
  {
    GstBuffer *buffer = gst_buffer_new_wrapped (data, 112);

    GST_BUFFER_DTS (buffer) = GST_BUFFER_PTS (buffer) = now;
    return buffer;
  }
}

static gint
compare (gconstpointer a, gconstpointer b)
{
  const gint64 x = *(const gint64 *) a, y = *(const gint64 *) b;

  return x < y ? -1 : x > y;
}

int
main (int argc, char **argv)
{
  GstElement *element;
  GstPad *src, *sink, *pad;
  GstClock *clock;
  GstSegment segment;
  guint packets;
  gint64 start;

  gst_init (&argc, &argv);
  if (argc != 3 || (element = gst_element_factory_make (argv[1], NULL)) == NULL) {
    fprintf (stderr, "usage: %s ELEMENT PACKETS\n", argv[0]);
    return 64;
  }
  packets = (guint) atoi (argv[2]);
  if (g_object_class_find_property (G_OBJECT_GET_CLASS (element), "latency"))
    g_object_set (element, "latency", LATENCY, NULL);
  src = gst_pad_new_from_static_template (&any_src, "src");
  sink = gst_pad_new_from_static_template (&any_sink, "sink");
  gst_pad_set_chain_function (sink, count);
  pad = gst_element_get_static_pad (element, "sink");
  gst_pad_link (src, pad);
  gst_object_unref (pad);
  pad = gst_element_get_static_pad (element, "src");
  gst_pad_link (pad, sink);
  gst_object_unref (pad);
  gst_pad_set_active (src, TRUE);
  gst_pad_set_active (sink, TRUE);
  clock = gst_system_clock_obtain ();
  gst_element_set_clock (element, clock);
  the_clock = clock;
  base_time = gst_clock_get_time (clock);
  errors = g_array_sized_new (FALSE, FALSE, sizeof (gint64), packets);
  gst_element_set_base_time (element, base_time);
  gst_element_set_state (element, GST_STATE_PLAYING);
  gst_pad_push_event (src, gst_event_new_stream_start ("bench"));
  gst_pad_push_event (src, gst_event_new_caps (gst_caps_from_string
          ("application/x-rtp,media=audio,clock-rate=48000,payload=96,"
              "encoding-name=OPUS")));
  gst_segment_init (&segment, GST_FORMAT_TIME);
  gst_pad_push_event (src, gst_event_new_segment (&segment));
  start = g_get_monotonic_time ();
  for (guint n = 0; n < packets; n++) {
    gint64 wait = start + n * SPACING - g_get_monotonic_time ();

    if (wait > 0)
      g_usleep ((gulong) wait);
    gst_pad_push (src, make (n, n * SPACING * GST_USECOND));
  }
  g_usleep (200000);
  printf ("%d of %u packets came out\n", g_atomic_int_get (&received), packets);
  gst_element_set_state (element, GST_STATE_NULL);
  g_array_sort (errors, compare);
  if (errors->len > 0)
    printf ("release error us: p50 %" G_GINT64_FORMAT ", p99 %" G_GINT64_FORMAT
        ", max %" G_GINT64_FORMAT "\n",
        g_array_index (errors, gint64, errors->len / 2),
        g_array_index (errors, gint64, errors->len * 99 / 100),
        g_array_index (errors, gint64, errors->len - 1));
  return g_atomic_int_get (&received) == (int) packets ? 0 : 1;
}
