/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the tests of yuy2convert share: frames of noise, and the check of one. */
#pragma once

#include <gst/check/gstharness.h>
#include <gst/lockstep/yuy2.h>
#include <gst/video/video.h>

/* in the order of LockstepYuy2Order */
static const gchar *const formats[] = { "YUY2", "UYVY", "YVYU", "VYUY" };

static inline GstHarness *
harness_new (const gchar * properties, const gchar * format, guint width,
    guint height, const gchar * more)
{
  g_autofree gchar *line = g_strdup_printf ("yuy2convert %s", properties);
  g_autofree gchar *caps = g_strdup_printf ("video/x-raw,format=%s,width=%u,"
      "height=%u,framerate=30/1%s", format, width, height, more);
  GstHarness *h = gst_harness_new_parse (line);

  gst_harness_set_src_caps_str (h, caps);
  return h;
}

/* A buffer of noise laid out as @info says, with a meta that says so. */
static inline GstBuffer *
noise (GRand * rand, const GstVideoInfo * info)
{
  GstBuffer *buffer = gst_buffer_new_allocate (NULL, info->size, NULL);
  GstMapInfo map;

  g_assert_true (gst_buffer_map (buffer, &map, GST_MAP_WRITE));
  for (gsize i = 0; i < map.size; i++)
    map.data[i] = (guint8) g_rand_int (rand);
  gst_buffer_unmap (buffer, &map);
  gst_buffer_add_video_meta_full (buffer, GST_VIDEO_FRAME_FLAG_NONE,
      GST_VIDEO_INFO_FORMAT (info), (guint) info->width, (guint) info->height,
      1, (gsize *) info->offset, (gint *) info->stride);
  return buffer;
}

/* @out, of @out_info, is the reference's conversion of @in. */
static inline void
assert_converted (GstBuffer * in, const GstVideoInfo * in_info,
    GstBuffer * out, const GstVideoInfo * out_info, LockstepYuy2Order order)
{
  GstVideoFrame from, to;
  LockstepYuy2Picture p = { order };
  g_autofree guint8 *y = NULL, *uv = NULL;
  guint half;

  g_assert_true (gst_video_frame_map (&from, (GstVideoInfo *) in_info, in,
          GST_MAP_READ));
  g_assert_true (gst_video_frame_map (&to, (GstVideoInfo *) out_info, out,
          GST_MAP_READ));
  p.interlaced = GST_VIDEO_FRAME_IS_INTERLACED (&from);
  p.width = (guint) from.info.width;
  p.height = (guint) from.info.height;
  half = (p.width + 1) / 2 * 2;
  p.uv_rows = lockstep_yuy2_uv_rows (p.height, p.interlaced);
  p.src = GST_VIDEO_FRAME_PLANE_DATA (&from, 0);
  p.src_stride = (gsize) GST_VIDEO_FRAME_PLANE_STRIDE (&from, 0);
  p.y_stride = p.uv_stride = half;
  p.y = y = g_malloc0 ((gsize) half * p.height);
  p.uv = uv = g_malloc0 ((gsize) half * p.uv_rows);
  lockstep_yuy2_to_nv12_reference (&p);
  for (guint i = 0; i < p.height; i++)
    g_assert_cmpmem ((guint8 *) GST_VIDEO_FRAME_PLANE_DATA (&to, 0) +
        (gsize) i * GST_VIDEO_FRAME_PLANE_STRIDE (&to, 0), p.width,
        y + (gsize) i * half, p.width);
  for (guint i = 0; i < (p.height + 1) / 2; i++)
    g_assert_cmpmem ((guint8 *) GST_VIDEO_FRAME_PLANE_DATA (&to, 1) +
        (gsize) i * GST_VIDEO_FRAME_PLANE_STRIDE (&to, 1), half,
        uv + (gsize) i * half, half);
  gst_video_frame_unmap (&from);
  gst_video_frame_unmap (&to);
}

static inline void
output_info (GstHarness * h, GstVideoInfo * info)
{
  g_autoptr (GstCaps) caps = gst_pad_get_current_caps (h->sinkpad);

  g_assert_nonnull (caps);
  g_assert_true (gst_video_info_from_caps (info, caps));
  g_assert_cmpint (GST_VIDEO_INFO_FORMAT (info), ==, GST_VIDEO_FORMAT_NV12);
}
