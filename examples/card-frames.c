/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Embeds yuy2convert: frames that a capture card's own library hands out as YUY2 in its
 * memory become NV12 in this program's hands, and are written to a file one after another.
 *
 *   card-frames FILE [FRAMES [WIDTHxHEIGHT]]
 */
#include <gst/app/app.h>
#include <gst/video/video.h>
#include <stdio.h>
#include <stdlib.h>

#define RATE 30                 /* frames/s */

/* What the card's library would fill: pixel pairs Y U Y V, here of moving slopes. */
static void
draw (guint8 * yuy2, int width, int height, int n)
{
  for (int y = 0; y < height; y++)
    for (int x = 0; x < width; x += 2) {
      *yuy2++ = x + y + n;
      *yuy2++ = x + 3 * y + n;
      *yuy2++ = x + 1 + y + n;
      *yuy2++ = 5 * y - x + n;
    }
}

/* The card gets its memory back when nothing downstream holds it any more. */
static void
give_back (gpointer memory)
{
  g_free (memory);
}

static gboolean
push_frame (GstElement * source, int width, int height, int n)
{
  const gsize size = (gsize) width * height * 2;
  guint8 *memory = g_malloc (size);
  GstBuffer *buffer;

  draw (memory, width, height, n);
  buffer = gst_buffer_new_wrapped_full (0, memory, size, 0, size, memory,
      give_back);
  GST_BUFFER_PTS (buffer) = gst_util_uint64_scale (n, GST_SECOND, RATE);
  GST_BUFFER_DURATION (buffer) = GST_SECOND / RATE;
  return gst_app_src_push_buffer (GST_APP_SRC (source), buffer) == GST_FLOW_OK;
}

/* Rows without the padding that an allocator may put behind them. */
static void
write_plane (const GstVideoFrame * frame, int plane, int rows, int bytes,
    FILE * file)
{
  const guint8 *data = GST_VIDEO_FRAME_PLANE_DATA (frame, plane);

  for (int y = 0; y < rows; y++)
    fwrite (data + y * GST_VIDEO_FRAME_PLANE_STRIDE (frame, plane), 1, bytes,
        file);
}

/* FALSE where no picture came, for which the bus has the reason. */
static gboolean
pull_frame (GstElement * sink, FILE * file)
{
  g_autoptr (GstSample) sample = gst_app_sink_pull_sample (GST_APP_SINK (sink));
  GstVideoFrame frame;
  GstVideoInfo info;

  if (sample == NULL
      || !gst_video_info_from_caps (&info, gst_sample_get_caps (sample))
      || !gst_video_frame_map (&frame, &info, gst_sample_get_buffer (sample),
          GST_MAP_READ))
    return FALSE;
  write_plane (&frame, 0, info.height, info.width, file);
  write_plane (&frame, 1, info.height / 2, info.width, file);
  gst_video_frame_unmap (&frame);
  return TRUE;
}

static int
fail (GstElement * pipeline)
{
  g_autoptr (GstBus) bus = gst_element_get_bus (pipeline);
  g_autoptr (GstMessage) message =
      gst_bus_pop_filtered (bus, GST_MESSAGE_ERROR);
  g_autoptr (GError) error = NULL;

  if (message != NULL)
    gst_message_parse_error (message, &error, NULL);
  g_printerr ("error: %s\n",
      error != NULL ? error->message : "no picture came");
  gst_element_set_state (pipeline, GST_STATE_NULL);
  return 70;
}

int
main (int argc, char **argv)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GstElement) pipeline = NULL;
  g_autoptr (GstElement) source = NULL, sink = NULL, convert = NULL;
  g_autoptr (GstCaps) caps = NULL;
  g_autofree char *path = NULL, *reason = NULL;
  int frames = argc > 2 ? atoi (argv[2]) : 30, width = 640, height = 360;
  g_auto (GValue) value = G_VALUE_INIT; /* of an enumeration of the plugin's */
  FILE *file;

  gst_init (&argc, &argv);
  if (argc < 2 || argv[1][0] == '-' || frames < 1 || (argc > 3
          && (sscanf (argv[3], "%dx%d", &width, &height) != 2 || width < 2
              || height < 2 || width > 8192 || height > 8192 || width % 2
              || height % 2))) {
    g_printerr ("usage: %s FILE [FRAMES [WIDTHxHEIGHT]], both even\n", argv[0]);
    return 64;
  }
  /* an encoder that reads CUDA memory would stand in for the caps and the sink:
   * yuy2convert then leaves the pictures on the GPU */
  pipeline = gst_parse_launch ("appsrc name=card format=time"
      " ! yuy2convert name=convert ! video/x-raw,format=NV12"
      " ! appsink name=out sync=false max-buffers=4", &error);
  if (error != NULL) {
    g_printerr ("error: %s\n", error->message);
    return 69;
  }
  source = gst_bin_get_by_name (GST_BIN (pipeline), "card");
  convert = gst_bin_get_by_name (GST_BIN (pipeline), "convert");
  sink = gst_bin_get_by_name (GST_BIN (pipeline), "out");
  /* the colorimetry is the card's to say: HD is bt709 */
  caps = gst_caps_new_simple ("video/x-raw", "format", G_TYPE_STRING, "YUY2",
      "width", G_TYPE_INT, width, "height", G_TYPE_INT, height, "framerate",
      GST_TYPE_FRACTION, RATE, 1, "colorimetry", G_TYPE_STRING, "bt709", NULL);
  gst_app_src_set_caps (GST_APP_SRC (source), caps);
  file = fopen (argv[1], "wb");
  if (file == NULL) {
    g_printerr ("error: %s cannot be written\n", argv[1]);
    return 73;
  }
  gst_element_set_state (pipeline, GST_STATE_PLAYING);
  for (int n = 0; n < frames; n++)
    if (!push_frame (source, width, height, n) || !pull_frame (sink, file)) {
      fclose (file);
      return fail (pipeline);
    }
  g_object_get_property (G_OBJECT (convert), "path", &value);
  path = gst_value_serialize (&value);
  g_object_get (convert, "path-reason", &reason, NULL);
  g_print ("%d frames of %dx%d by %s: %s\n", frames, width, height, path,
      reason);
  gst_element_set_state (pipeline, GST_STATE_NULL);
  return fclose (file) == 0 ? 0 : 73;
}
