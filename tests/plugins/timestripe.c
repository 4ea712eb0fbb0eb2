/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include <gst/check/gstharness.h>
#include <gst/lockstep/timestripe.h>
#include <gst/video/video.h>

#define COLUMNS LOCKSTEP_TIMESTRIPE_COLUMNS
#define ROWS LOCKSTEP_TIMESTRIPE_ROWS
#define WIDTH (COLUMNS * 16)
#define HEIGHT 256

static gboolean
read_time (GstVideoFrame * frame, guint64 * ms)
{
  double luma[ROWS][COLUMNS];

  for (guint r = 0; r < ROWS; r++) {
    for (guint c = 0; c < COLUMNS; c++)
      luma[r][c] = ((guint8 *) GST_VIDEO_FRAME_COMP_DATA (frame, 0))
          [(r * HEIGHT / 8 / ROWS + 8) * GST_VIDEO_FRAME_COMP_STRIDE (frame, 0)
          + (c * 16 + 8) * GST_VIDEO_FRAME_COMP_PSTRIDE (frame, 0)];
  }
  return lockstep_timestripe_decode (luma, ms);
}

/* A picture that was captured a second before it comes shows the time of then. */
static void
test_time_of_capture (gconstpointer format)
{
  GstHarness *h = gst_harness_new ("timestripe");
  g_autofree char *caps = g_strdup_printf ("video/x-raw,format=%s,width=%d,"
      "height=%d,framerate=30/1", (const char *) format, WIDTH, HEIGHT);
  g_autoptr (GstCaps) parsed = gst_caps_from_string (caps);
  GstVideoInfo info;
  GstVideoFrame frame;
  GstBuffer *buffer;
  guint64 ms, before, after;

  gst_video_info_from_caps (&info, parsed);
  gst_harness_use_testclock (h);
  gst_harness_set_src_caps_str (h, caps);
  gst_harness_set_time (h, 10 * GST_SECOND);
  buffer = gst_buffer_new_allocate (NULL, info.size, NULL);
  gst_buffer_memset (buffer, 0, 77, info.size);
  GST_BUFFER_PTS (buffer) = 9 * GST_SECOND;
  before = g_get_real_time () / 1000;
  buffer = gst_harness_push_and_pull (h, buffer);
  after = g_get_real_time () / 1000;

  g_assert_true (gst_video_frame_map (&frame, &info, buffer, GST_MAP_READ));
  g_assert_true (read_time (&frame, &ms));
  g_assert_cmpuint (ms, >=, before - 1001);
  g_assert_cmpuint (ms, <=, after - 1000);
  /* below the stripe nothing is touched */
  for (guint c = 0; c < GST_VIDEO_FRAME_N_COMPONENTS (&frame); c++) {
    const guint8 *data = GST_VIDEO_FRAME_COMP_DATA (&frame, c);
    const guint last = GST_VIDEO_FRAME_COMP_HEIGHT (&frame, c) - 1;

    g_assert_cmpuint (data[last * GST_VIDEO_FRAME_COMP_STRIDE (&frame, c)], ==,
        77);
    g_assert_cmpuint (data[GST_VIDEO_FRAME_COMP_HEIGHT (&frame, c) / 8 *
            GST_VIDEO_FRAME_COMP_STRIDE (&frame, c)], ==, 77);
  }
  gst_video_frame_unmap (&frame);
  gst_buffer_unref (buffer);
  gst_harness_teardown (h);
}

int
main (int argc, char **argv)
{
  static const char *const formats[] = { "I420", "NV12", "YUY2", "UYVY",
    "Y444"
  };

  gst_init (&argc, &argv);
  g_test_init (&argc, &argv, NULL);
  for (guint i = 0; i < G_N_ELEMENTS (formats); i++) {
    g_autofree char *name = g_strconcat ("/timestripe/", formats[i], NULL);

    g_test_add_data_func (name, formats[i], test_time_of_capture);
  }
  return g_test_run ();
}
