/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Frames over the processor: the buffers that they go into, and the slices that convert
 * them. */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include "gstyuy2convertpriv.h"

/* Downstream's pool if there is one: its buffers are written directly. Else one of ours. */
void
yuy_cpu_decide_pool (GstYuy2convert * self, GstQuery * query)
{
  GstBufferPool *pool = NULL;
  GstStructure *config;
  GstCaps *caps;
  guint size = 0, min = 0, max = 0;
  GstAllocationParams params;
  GstAllocator *allocator = NULL;
  gboolean update, meta;

  gst_query_parse_allocation (query, &caps, NULL);
  update = gst_query_get_n_allocation_pools (query) > 0;
  if (update)
    gst_query_parse_nth_allocation_pool (query, 0, &pool, &size, &min, &max);
  size = MAX (size, (guint) GST_VIDEO_INFO_SIZE (&self->out_info));
  if (!pool)
    pool = gst_video_buffer_pool_new ();
  meta = gst_query_find_allocation_meta (query, GST_VIDEO_META_API_TYPE, NULL)
      && gst_buffer_pool_has_option (pool, GST_BUFFER_POOL_OPTION_VIDEO_META);
  config = gst_buffer_pool_get_config (pool);
  if (meta)
    gst_buffer_pool_config_add_option (config,
        GST_BUFFER_POOL_OPTION_VIDEO_META);
  /* rows at multiples of 32 bytes are the fastest to write */
  gst_allocation_params_init (&params);
  if (gst_query_get_n_allocation_params (query) > 0)
    gst_query_parse_nth_allocation_param (query, 0, &allocator, &params);
  params.align |= 63;
  if (gst_query_get_n_allocation_params (query) > 0)
    gst_query_set_nth_allocation_param (query, 0, allocator, &params);
  else
    gst_query_add_allocation_param (query, allocator, &params);
  gst_buffer_pool_config_set_params (config, caps, size, min, max);
  gst_buffer_pool_config_set_allocator (config, allocator, &params);
  gst_clear_object (&allocator);
  gst_buffer_pool_set_config (pool, config);
  if (update)
    gst_query_set_nth_allocation_pool (query, 0, pool, size, min, max);
  else
    gst_query_add_allocation_pool (query, pool, size, min, max);
  gst_object_unref (pool);
}

/* What is to be converted of @in; the output is not filled in. */
LockstepYuy2Picture
yuy_picture_of (GstYuy2convert * self, const GstVideoFrame * in)
{
  LockstepYuy2Picture p = {
    .order = self->order,
    .interlaced = GST_VIDEO_FRAME_IS_INTERLACED (in),
    .width = (guint) GST_VIDEO_FRAME_WIDTH (in),
    .height = (guint) GST_VIDEO_FRAME_HEIGHT (in),
    .src = GST_VIDEO_FRAME_PLANE_DATA (in, 0),
    .src_stride = (gsize) GST_VIDEO_FRAME_PLANE_STRIDE (in, 0),
  };

  p.uv_rows = lockstep_yuy2_uv_rows (p.height, p.interlaced);
  return p;
}

/* Chroma rows that the output has room for: an interlaced picture needs one more than some pools
 * allocate. */
guint
yuy_fitting_uv_rows (const GstVideoFrame * to, guint rows)
{
  const GstMapInfo *map = to->meta ? &to->map[1] : &to->map[0];
  const guint8 *uv = GST_VIDEO_FRAME_PLANE_DATA (to, 1);
  gsize left = map->data + map->size - uv;
  gsize stride = (gsize) GST_VIDEO_FRAME_PLANE_STRIDE (to, 1);
  gsize row = GST_ROUND_UP_2 ((gsize) GST_VIDEO_FRAME_WIDTH (to));

  if (left < row)
    return 0;
  return (guint) MIN (rows, (left - row) / stride + 1);
}

static void
convert_slice (guint index, guint n, gpointer data)
{
  LockstepYuy2Picture *p = data;

  lockstep_yuy2_to_nv12 (p, lockstep_yuy2_slice (p->height, p->interlaced,
          index, n));
}

/* On as many threads as it is worth. */
void
yuy_convert_picture (GstYuy2convert * self, LockstepYuy2Picture * picture)
{
  gint64 start = g_get_monotonic_time ();

  if (!self->slices)
    self->slices = yuy_slice_pool_new ();
  yuy_slice_pool_run (self->slices, lockstep_slicetune_next (&self->tune),
      convert_slice, picture);
  if (!self->tune.chosen) {
    lockstep_slicetune_took (&self->tune, g_get_monotonic_time () - start);
    if (self->tune.chosen)
      GST_INFO_OBJECT (self, "%u slices are the fastest here",
          self->tune.chosen);
  }
}

GstFlowReturn
yuy_convert_on_cpu (GstYuy2convert * self, GstBuffer * in, GstBuffer * out)
{
  GstVideoFrame from, to;
  LockstepYuy2Picture p;

  if (!gst_video_frame_map (&from, &self->in_info, in, GST_MAP_READ)) {
    GST_ELEMENT_ERROR (self, STREAM, FORMAT, (NULL),
        ("A frame of %" G_GSIZE_FORMAT " bytes cannot be read as %s of %dx%d, "
            "%" G_GSIZE_FORMAT " bytes.", gst_buffer_get_size (in),
            gst_video_format_to_string (GST_VIDEO_INFO_FORMAT (&self->in_info)),
            self->in_info.width, self->in_info.height,
            GST_VIDEO_INFO_SIZE (&self->in_info)));
    return GST_FLOW_ERROR;
  }
  if (!gst_video_frame_map (&to, &self->out_info, out, GST_MAP_WRITE)) {
    gst_video_frame_unmap (&from);
    GST_ELEMENT_ERROR (self, RESOURCE, WRITE, (NULL),
        ("A buffer of downstream's, %" G_GSIZE_FORMAT " bytes, cannot be "
            "written as NV12 of %dx%d.", gst_buffer_get_size (out),
            self->out_info.width, self->out_info.height));
    return GST_FLOW_ERROR;
  }
  p = yuy_picture_of (self, &from);
  p.y = GST_VIDEO_FRAME_PLANE_DATA (&to, 0);
  p.y_stride = (gsize) GST_VIDEO_FRAME_PLANE_STRIDE (&to, 0);
  p.uv = GST_VIDEO_FRAME_PLANE_DATA (&to, 1);
  p.uv_stride = (gsize) GST_VIDEO_FRAME_PLANE_STRIDE (&to, 1);
  p.uv_rows = yuy_fitting_uv_rows (&to, p.uv_rows);
  yuy_convert_picture (self, &p);
  gst_video_frame_unmap (&to);
  gst_video_frame_unmap (&from);
  GST_OBJECT_LOCK (self);
  self->stats.cpu++;
  GST_OBJECT_UNLOCK (self);
  return GST_FLOW_OK;
}
