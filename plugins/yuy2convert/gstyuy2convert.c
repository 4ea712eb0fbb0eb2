/* SPDX-License-Identifier: LGPL-2.1-or-later */
/**
 * SECTION:element-yuy2convert
 * @title: yuy2convert
 * @short_description: packed 4:2:2 video to NV12, on the GPU or the processor
 *
 * Capture cards give YUY2, UYVY, YVYU or VYUY; encoders take NV12. yuy2convert
 * converts the one into the other, and nothing else: size, frame rate, colorimetry,
 * HDR description and metas stay as they are.
 *
 * Where downstream takes memory:CUDAMemory (nvcudah264enc, nvcudah265enc; from GStreamer
 * 1.26 on nvh264enc, nvh265enc) and an NVIDIA card works, frames are uploaded and
 * converted there, into the encoder's own context, so that the encoder copies nothing.
 * Elsewhere the processor converts, straight into downstream's buffers: by libyuv, or, large
 * frames on processors with AVX2, in one pass past the caches.
 * #GstYuy2convert:path says which it is and #GstYuy2convert:path-reason why; both are
 * known from READY on. The two give the same bytes: luma is copied, chroma is
 * (a + b + 1) >> 1 of rows 2i and 2i + 1, or of two rows of the same field where the video
 * is interlaced.
 *
 * Neither a driver nor a card nor a CUDA toolkit is needed to load the element. If the
 * driver is too old, the card is lost or its memory is used up, the element posts a
 * warning and goes on without the card, losing no frame, if downstream takes system
 * memory too. #GstYuy2convert:device set to cuda warns also where there is no driver.
 *
 * On the way to the card, #GstYuy2convert:frames-in-flight frames are under way at a
 * time. The element proposes a pool of pinned memory upstream, which v4l2src
 * io-mode=userptr and videotestsrc use. Other buffers that come again are registered with
 * the driver. What cannot be is converted on the processor while it is brought into
 * pinned memory: that costs what the copy would, and uploads a quarter less.
 *
 * NV12 passes through. Interlaced video may be of interlace-mode interleaved or
 * mixed. v210 is not taken: its groups of six 10-bit pixels have nothing in common with
 * what is converted here, and libyuv has nothing for them.
 *
 * ## Example launch lines
 * |[
 * gst-launch-1.0 videotestsrc num-buffers=60 ! video/x-raw,format=YUY2,width=1920,height=1080 ! yuy2convert ! fakesink
 * ]| Any source of YUY2.
 * |[
 * gst-launch-1.0 v4l2src device=/dev/video0 io-mode=userptr ! video/x-raw,format=YUY2,width=3840,height=2160,framerate=60/1 ! yuy2convert ! nvcudah264enc ! h264parse ! matroskamux ! filesink location=capture.mkv
 * ]| A capture card whose driver fills the pinned memory itself.
 * |[
 * gst-launch-1.0 decklinkvideosrc mode=1080p60 video-format=8bit-yuv ! yuy2convert ! x264enc tune=zerolatency ! h264parse ! matroskamux ! filesink location=capture.mkv
 * ]| A DeckLink card, which gives UYVY, and an encoder on the processor.
 */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include "gstyuy2convertpriv.h"

GST_DEBUG_CATEGORY (yuy2convert_debug);

#define PACKED "{ YUY2, UYVY, YVYU, VYUY }"
/* those that memory:CUDAMemory can be */
#define PACKED_CUDA "{ YUY2, UYVY }"
#define NV12_ANY GST_VIDEO_CAPS_MAKE_WITH_FEATURES ("ANY", "NV12")

static GstStaticPadTemplate sink_template = GST_STATIC_PAD_TEMPLATE ("sink",
    GST_PAD_SINK, GST_PAD_ALWAYS,
    GST_STATIC_CAPS (GST_VIDEO_CAPS_MAKE_WITH_FEATURES (YUY_CAPS_FEATURE_CUDA,
            PACKED_CUDA) ";" GST_VIDEO_CAPS_MAKE (PACKED) ";" NV12_ANY));
static GstStaticPadTemplate src_template = GST_STATIC_PAD_TEMPLATE ("src",
    GST_PAD_SRC, GST_PAD_ALWAYS,
    GST_STATIC_CAPS (GST_VIDEO_CAPS_MAKE_WITH_FEATURES (YUY_CAPS_FEATURE_CUDA,
            "NV12") ";" GST_VIDEO_CAPS_MAKE ("NV12") ";" NV12_ANY));

enum
{
  PROP_0,
  PROP_DEVICE,
  PROP_CUDA_DEVICE_ID,
  PROP_N_THREADS,
  PROP_FRAMES_IN_FLIGHT,
  PROP_PATH,
  PROP_PATH_REASON,
  PROP_STATS,
};

#define DEFAULT_DEVICE YUY_DEVICE_AUTO
#define DEFAULT_CUDA_DEVICE_ID -1
#define DEFAULT_N_THREADS 0
#define DEFAULT_FRAMES_IN_FLIGHT 2
#define MAX_FRAMES_IN_FLIGHT 16
#define MAX_THREADS 8

#define gst_yuy2convert_parent_class parent_class
G_DEFINE_FINAL_TYPE (GstYuy2convert, gst_yuy2convert, GST_TYPE_BASE_TRANSFORM);
GST_ELEMENT_REGISTER_DEFINE (yuy2convert, "yuy2convert", GST_RANK_NONE,
    GST_TYPE_YUY2CONVERT);

#define GST_TYPE_YUY2CONVERT_DEVICE (gst_yuy2convert_device_get_type ())
static GType
gst_yuy2convert_device_get_type (void)
{
  static gsize type;
  static const GEnumValue values[] = {
    {YUY_DEVICE_AUTO, "CUDA where downstream takes it and a card works",
        "auto"},
    {YUY_DEVICE_CUDA, "The same, with a warning where no card works", "cuda"},
    {YUY_DEVICE_CPU, "The processor", "cpu"},
    {0, NULL, NULL}
  };

  if (g_once_init_enter (&type))
    g_once_init_leave (&type, g_enum_register_static ("GstYuy2convertDevice",
            values));
  return (GType) type;
}

#define GST_TYPE_YUY2CONVERT_PATH (gst_yuy2convert_path_get_type ())
static GType
gst_yuy2convert_path_get_type (void)
{
  static gsize type;
  static const GEnumValue values[] = {
    {YUY_PATH_NONE, "Not known before READY", "unknown"},
    {YUY_PATH_CPU, "libyuv on the processor", "cpu"},
    {YUY_PATH_CUDA, "CUDA kernel on an NVIDIA card", "cuda"},
    {YUY_PATH_PASSTHROUGH, "NV12 as it came", "passthrough"},
    {0, NULL, NULL}
  };

  if (g_once_init_enter (&type))
    g_once_init_leave (&type, g_enum_register_static ("GstYuy2convertPath",
            values));
  return (GType) type;
}

/* What the path property says, and why. */
void
yuy_set_path (GstYuy2convert * self, YuyPath path, const gchar * format, ...)
{
  gchar *reason;
  gboolean changed;
  va_list args;

  va_start (args, format);
  reason = g_strdup_vprintf (format, args);
  va_end (args);
  GST_OBJECT_LOCK (self);
  changed = self->path != path || g_strcmp0 (self->path_reason, reason);
  self->path = path;
  g_free (self->path_reason);
  self->path_reason = reason;
  GST_OBJECT_UNLOCK (self);
  if (changed)
    GST_INFO_OBJECT (self, "path %d: %s", path, reason);
}

static gboolean
caps_on_card (GstCaps * caps)
{
  return gst_caps_features_contains (gst_caps_get_features (caps, 0),
      YUY_CAPS_FEATURE_CUDA);
}

static gboolean
gst_yuy2convert_set_caps (GstBaseTransform * trans, GstCaps * incaps,
    GstCaps * outcaps)
{
  GstYuy2convert *self = GST_YUY2CONVERT (trans);
  GstVideoInfo in, out;
  guint processors = g_get_num_processors (), wanted;

  /* pending frames are of the caps before */
  yuy_gpu_drop (self);
  if (gst_caps_is_equal (incaps, outcaps)) {
    self->cuda_out = FALSE;
    gst_base_transform_set_passthrough (trans, TRUE);
    yuy_set_path (self, YUY_PATH_PASSTHROUGH, "the video is NV12 already");
    return TRUE;
  }
  if (!gst_video_info_from_caps (&in, incaps) ||
      !gst_video_info_from_caps (&out, outcaps) ||
      !yuy_order_of (GST_VIDEO_INFO_FORMAT (&in), &self->order)) {
    GST_ERROR_OBJECT (self, "cannot convert %" GST_PTR_FORMAT " to %"
        GST_PTR_FORMAT, incaps, outcaps);
    return FALSE;
  }
  gst_base_transform_set_passthrough (trans, FALSE);
  self->in_info = in;
  self->out_info = out;
  self->cuda_out = caps_on_card (outcaps);
  GST_OBJECT_LOCK (self);
  wanted = self->n_threads;
  GST_OBJECT_UNLOCK (self);
  lockstep_slicetune_init (&self->tune, (guint64) in.width * in.height,
      MIN (processors, MAX_THREADS));
  if (wanted)
    self->tune.chosen = wanted;
  if (self->cuda_out) {
    g_autofree gchar *device =
        yuy_cuda_converter_describe (self->gpu.converter);

    yuy_set_path (self, YUY_PATH_CUDA, "downstream takes CUDA memory; %s",
        device);
    return yuy_gpu_start_task (self);
  }
  if (g_atomic_int_get (&self->usable))
    yuy_set_path (self, YUY_PATH_CPU, "downstream takes no CUDA memory");
  return TRUE;
}

/* Buffers */

static gboolean
gst_yuy2convert_transform_meta (GstBaseTransform * trans, GstBuffer * out,
    GstMeta * meta, GstBuffer * in)
{
  /* what speaks of the memory, and not of the picture, stays behind */
  return !gst_meta_api_type_has_tag (meta->info->api,
      g_quark_from_static_string (GST_META_TAG_MEMORY_STR)) &&
      meta->info->api != GST_PARENT_BUFFER_META_API_TYPE;
}

static gboolean
gst_yuy2convert_propose_allocation (GstBaseTransform * trans,
    GstQuery * decide, GstQuery * query)
{
  GstYuy2convert *self = GST_YUY2CONVERT (trans);

  if (!GST_BASE_TRANSFORM_CLASS (parent_class)->propose_allocation (trans,
          decide, query))
    return FALSE;
  if (!decide)
    return TRUE;
  gst_query_add_allocation_meta (query, GST_VIDEO_META_API_TYPE, NULL);
  return !self->cuda_out || yuy_gpu_propose_pool (self, query);
}

static gboolean
gst_yuy2convert_decide_allocation (GstBaseTransform * trans, GstQuery * query)
{
  GstYuy2convert *self = GST_YUY2CONVERT (trans);
  GstBufferPool *pool = NULL;
  GstStructure *config;
  GstCaps *caps;
  guint size = 0, min = 0, max = 0;
  GstAllocationParams params;
  GstAllocator *allocator = NULL;
  gboolean update, meta;

  if (self->cuda_out)
    return yuy_gpu_decide_pool (self, query);
  /* downstream's pool if there is one: its buffers are written directly */
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
  return GST_BASE_TRANSFORM_CLASS (parent_class)->decide_allocation (trans,
      query);
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

static GstFlowReturn
gst_yuy2convert_transform (GstBaseTransform * trans, GstBuffer * in,
    GstBuffer * out)
{
  return yuy_convert_on_cpu (GST_YUY2CONVERT (trans), in, out);
}

/* Runs @self again after the card failed while caps were settled. */
static GstFlowReturn
gst_yuy2convert_submit_input_buffer (GstBaseTransform * trans,
    gboolean is_discont, GstBuffer * input)
{
  GstYuy2convert *self = GST_YUY2CONVERT (trans);
  gboolean usable = g_atomic_int_get (&self->usable);
  GstFlowReturn flow;

  /* before caps change, what is under way goes out */
  if (self->cuda_out && GST_PAD_NEEDS_RECONFIGURE (trans->srcpad)) {
    flow = yuy_gpu_drain (self);
    if (flow != GST_FLOW_OK) {
      gst_buffer_unref (input);
      return flow;
    }
  }
  if (!usable)
    return GST_BASE_TRANSFORM_CLASS (parent_class)->submit_input_buffer (trans,
        is_discont, input);
  gst_buffer_ref (input);
  flow = GST_BASE_TRANSFORM_CLASS (parent_class)->submit_input_buffer (trans,
      is_discont, input);
  if (flow == GST_FLOW_NOT_NEGOTIATED && !g_atomic_int_get (&self->usable)) {
    gst_base_transform_reconfigure_src (trans);
    return GST_BASE_TRANSFORM_CLASS (parent_class)->submit_input_buffer (trans,
        is_discont, input);
  }
  gst_buffer_unref (input);
  return flow;
}

static GstFlowReturn
gst_yuy2convert_generate_output (GstBaseTransform * trans, GstBuffer ** out)
{
  GstYuy2convert *self = GST_YUY2CONVERT (trans);
  GstBuffer *in;

  if (gst_base_transform_is_passthrough (trans)) {
    if (trans->queued_buf) {
      GST_OBJECT_LOCK (self);
      self->stats.passed++;
      GST_OBJECT_UNLOCK (self);
    }
  } else if (self->cuda_out) {
    *out = NULL;
    in = trans->queued_buf;
    trans->queued_buf = NULL;
    return in ? yuy_gpu_submit (self, in, out) : GST_FLOW_OK;
  }
  return GST_BASE_TRANSFORM_CLASS (parent_class)->generate_output (trans, out);
}

/* Events and queries */

static gboolean
gst_yuy2convert_sink_event (GstBaseTransform * trans, GstEvent * event)
{
  GstYuy2convert *self = GST_YUY2CONVERT (trans);
  gboolean usable = g_atomic_int_get (&self->usable), result;

  switch (GST_EVENT_TYPE (event)) {
    case GST_EVENT_FLUSH_START:
      yuy_gpu_set_flushing (self, TRUE);
      result = GST_BASE_TRANSFORM_CLASS (parent_class)->sink_event (trans,
          event);
      yuy_gpu_stop_task (self);
      return result;
    case GST_EVENT_FLUSH_STOP:
      yuy_gpu_drop (self);
      result = GST_BASE_TRANSFORM_CLASS (parent_class)->sink_event (trans,
          event);
      yuy_gpu_set_flushing (self, FALSE);
      if (self->cuda_out)
        yuy_gpu_start_task (self);
      return result;
    default:
      break;
  }
  /* events keep their place among the frames */
  if (GST_EVENT_IS_SERIALIZED (event))
    yuy_gpu_drain (self);
  if (GST_EVENT_TYPE (event) != GST_EVENT_CAPS || !usable)
    return GST_BASE_TRANSFORM_CLASS (parent_class)->sink_event (trans, event);

  gst_event_ref (event);
  result = GST_BASE_TRANSFORM_CLASS (parent_class)->sink_event (trans, event);
  if (!result && !g_atomic_int_get (&self->usable))
    return GST_BASE_TRANSFORM_CLASS (parent_class)->sink_event (trans, event);
  gst_event_unref (event);
  return result;
}

static gboolean
gst_yuy2convert_query (GstBaseTransform * trans, GstPadDirection direction,
    GstQuery * query)
{
  GstYuy2convert *self = GST_YUY2CONVERT (trans);

  if (GST_QUERY_TYPE (query) == GST_QUERY_CONTEXT && self->gpu.cu) {
    GstObject *context = NULL;
    gboolean answered;

    GST_OBJECT_LOCK (self);
    if (self->gpu.context)
      context = gst_object_ref (self->gpu.context);
    GST_OBJECT_UNLOCK (self);
    answered = context && self->gpu.cu->handle_context_query (GST_ELEMENT
        (self), query, context);
    gst_clear_object (&context);
    if (answered)
      return TRUE;
  } else if (direction == GST_PAD_SINK && GST_QUERY_IS_SERIALIZED (query)) {
    yuy_gpu_drain (self);
  }
  return GST_BASE_TRANSFORM_CLASS (parent_class)->query (trans, direction,
      query);
}

static void
gst_yuy2convert_set_context (GstElement * element, GstContext * context)
{
  GstYuy2convert *self = GST_YUY2CONVERT (element);
  const gchar *why_not;
  gboolean installed;

  if (!g_strcmp0 (gst_context_get_context_type (context), "gst.cuda.context")) {
    const YuyCuda *cu = yuy_cuda_get (&why_not, &installed);
    GstObject *got = NULL;

    /* one that works already is not changed under way */
    if (cu && !g_atomic_int_get (&self->opened)) {
      cu->handle_set_context (element, context, self->cuda_device_id, &got);
      GST_OBJECT_LOCK (self);
      if (got) {
        gst_clear_object (&self->gpu.context);
        self->gpu.context = got;
      }
      GST_OBJECT_UNLOCK (self);
    }
  }
  GST_ELEMENT_CLASS (parent_class)->set_context (element, context);
}

/* States */

static gboolean
gst_yuy2convert_stop (GstBaseTransform * trans)
{
  GstYuy2convert *self = GST_YUY2CONVERT (trans);

  yuy_gpu_drop (self);
  self->cuda_out = FALSE;
  g_clear_pointer (&self->slices, yuy_slice_pool_free);
  return TRUE;
}

static GstPadActivateModeFunction base_src_activate;

static gboolean
gst_yuy2convert_src_activate (GstPad * pad, GstObject * parent,
    GstPadMode mode, gboolean active)
{
  GstYuy2convert *self = GST_YUY2CONVERT (parent);

  if (active) {
    yuy_gpu_set_flushing (self, FALSE);
  } else {
    yuy_gpu_set_flushing (self, TRUE);
    yuy_gpu_stop_task (self);
  }
  return base_src_activate (pad, parent, mode, active);
}

static GstStateChangeReturn
gst_yuy2convert_change_state (GstElement * element, GstStateChange transition)
{
  GstYuy2convert *self = GST_YUY2CONVERT (element);
  GstStateChangeReturn result;

  if (transition == GST_STATE_CHANGE_NULL_TO_READY) {
    yuy_gpu_open (self);
    g_atomic_int_set (&self->opened, TRUE);
  }
  result = GST_ELEMENT_CLASS (parent_class)->change_state (element, transition);
  if (transition == GST_STATE_CHANGE_READY_TO_NULL ||
      (transition == GST_STATE_CHANGE_NULL_TO_READY &&
          result == GST_STATE_CHANGE_FAILURE)) {
    g_atomic_int_set (&self->opened, FALSE);
    yuy_gpu_close (self);
    yuy_set_path (self, YUY_PATH_NONE, "not known before READY");
  }
  return result;
}

static GstStructure *
get_stats (GstYuy2convert * self)
{
  YuyStats s;

  GST_OBJECT_LOCK (self);
  s = self->stats;
  GST_OBJECT_UNLOCK (self);
  return gst_structure_new ("application/x-yuy2convert-stats",
      "cpu", G_TYPE_UINT64, s.cpu, "cuda", G_TYPE_UINT64, s.cuda,
      "passthrough", G_TYPE_UINT64, s.passed,
      "uploads-pinned", G_TYPE_UINT64, s.pinned,
      "uploads-registered", G_TYPE_UINT64, s.registered,
      "uploads-prepared", G_TYPE_UINT64, s.prepared,
      "on-device", G_TYPE_UINT64, s.device,
      "fallbacks", G_TYPE_UINT64, s.fallbacks,
      "max-in-flight", G_TYPE_UINT, s.max_in_flight, NULL);
}

static void
gst_yuy2convert_get_property (GObject * object, guint id, GValue * value,
    GParamSpec * pspec)
{
  GstYuy2convert *self = GST_YUY2CONVERT (object);

  if (id == PROP_STATS) {
    g_value_take_boxed (value, get_stats (self));
    return;
  }
  GST_OBJECT_LOCK (self);
  switch (id) {
    case PROP_DEVICE:
      g_value_set_enum (value, self->device);
      break;
    case PROP_CUDA_DEVICE_ID:
      g_value_set_int (value, self->cuda_device_id);
      break;
    case PROP_N_THREADS:
      g_value_set_uint (value, self->n_threads);
      break;
    case PROP_FRAMES_IN_FLIGHT:
      g_value_set_uint (value, self->frames_in_flight);
      break;
    case PROP_PATH:
      g_value_set_enum (value, self->path);
      break;
    case PROP_PATH_REASON:
      g_value_set_string (value, self->path_reason);
      break;
    default:
      G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, pspec);
  }
  GST_OBJECT_UNLOCK (self);
}

static void
gst_yuy2convert_set_property (GObject * object, guint id, const GValue * value,
    GParamSpec * pspec)
{
  GstYuy2convert *self = GST_YUY2CONVERT (object);

  GST_OBJECT_LOCK (self);
  switch (id) {
    case PROP_DEVICE:
      self->device = g_value_get_enum (value);
      break;
    case PROP_CUDA_DEVICE_ID:
      self->cuda_device_id = g_value_get_int (value);
      break;
    case PROP_N_THREADS:
      self->n_threads = g_value_get_uint (value);
      break;
    case PROP_FRAMES_IN_FLIGHT:
      self->frames_in_flight = g_value_get_uint (value);
      break;
    default:
      G_OBJECT_WARN_INVALID_PROPERTY_ID (object, id, pspec);
  }
  GST_OBJECT_UNLOCK (self);
}

static void
gst_yuy2convert_finalize (GObject * object)
{
  GstYuy2convert *self = GST_YUY2CONVERT (object);

  yuy_gpu_close (self);
  yuy_gpu_clear (&self->gpu);
  yuy_slice_pool_free (self->slices);
  g_free (self->path_reason);
  G_OBJECT_CLASS (parent_class)->finalize (object);
}

static void
gst_yuy2convert_init (GstYuy2convert * self)
{
  GstPad *pad = GST_BASE_TRANSFORM_SRC_PAD (self);

  self->device = DEFAULT_DEVICE;
  self->cuda_device_id = DEFAULT_CUDA_DEVICE_ID;
  self->n_threads = DEFAULT_N_THREADS;
  self->frames_in_flight = DEFAULT_FRAMES_IN_FLIGHT;
  self->path_reason = g_strdup ("not known before READY");
  yuy_gpu_init (&self->gpu);
  base_src_activate = GST_PAD_ACTIVATEMODEFUNC (pad);
  gst_pad_set_activatemode_function (pad, gst_yuy2convert_src_activate);
}

static void
gst_yuy2convert_class_init (GstYuy2convertClass * klass)
{
  GObjectClass *object_class = G_OBJECT_CLASS (klass);
  GstElementClass *element_class = GST_ELEMENT_CLASS (klass);
  GstBaseTransformClass *trans_class = GST_BASE_TRANSFORM_CLASS (klass);

  GST_DEBUG_CATEGORY_INIT (yuy2convert_debug, "yuy2convert", 0, "yuy2convert");
  object_class->get_property = gst_yuy2convert_get_property;
  object_class->set_property = gst_yuy2convert_set_property;
  object_class->finalize = gst_yuy2convert_finalize;

  /**
   * GstYuy2convert:device:
   *
   * Where to convert. `cuda` differs from `auto` in that it warns where no card
   * can be used; both go on without one.
   */
  g_object_class_install_property (object_class, PROP_DEVICE,
      g_param_spec_enum ("device", "Device", "Where to convert",
          GST_TYPE_YUY2CONVERT_DEVICE, DEFAULT_DEVICE,
          G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS |
          GST_PARAM_MUTABLE_READY));
  /**
   * GstYuy2convert:cuda-device-id:
   *
   * Which card. -1 is the one whose context a neighbour has, or else the first.
   */
  g_object_class_install_property (object_class, PROP_CUDA_DEVICE_ID,
      g_param_spec_int ("cuda-device-id", "CUDA device ID",
          "Number of the card (-1: the neighbours', or the first)", -1,
          G_MAXINT, DEFAULT_CUDA_DEVICE_ID,
          G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS |
          GST_PARAM_MUTABLE_READY));
  /**
   * GstYuy2convert:n-threads:
   *
   * Threads that convert a frame on the processor. 0 tries 1, 2, 4 and 8 on the first
   * frames and keeps more only where they are at least 10 percent faster: one is often
   * enough to keep the memory busy.
   */
  g_object_class_install_property (object_class, PROP_N_THREADS,
      g_param_spec_uint ("n-threads", "Threads",
          "Threads for one frame (0: as many as gain, measured)", 0,
          MAX_THREADS, DEFAULT_N_THREADS,
          G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS |
          GST_PARAM_MUTABLE_READY));
  /**
   * GstYuy2convert:frames-in-flight:
   *
   * Frames that are on their way to the card or through it at a time. Each takes one
   * packed frame of the card's memory.
   */
  g_object_class_install_property (object_class, PROP_FRAMES_IN_FLIGHT,
      g_param_spec_uint ("frames-in-flight", "Frames in flight",
          "Frames on the card at a time", 1, MAX_FRAMES_IN_FLIGHT,
          DEFAULT_FRAMES_IN_FLIGHT,
          G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS |
          GST_PARAM_MUTABLE_READY));
  /**
   * GstYuy2convert:path:
   *
   * What converts. In READY: what would, if downstream takes CUDA memory. Once
   * caps are settled: what does.
   */
  g_object_class_install_property (object_class, PROP_PATH,
      g_param_spec_enum ("path", "Path", "What converts",
          GST_TYPE_YUY2CONVERT_PATH, YUY_PATH_NONE,
          G_PARAM_READABLE | G_PARAM_STATIC_STRINGS));
  /**
   * GstYuy2convert:path-reason:
   *
   * Why, in words for an operator.
   */
  g_object_class_install_property (object_class, PROP_PATH_REASON,
      g_param_spec_string ("path-reason", "Path's reason",
          "Why that converts", NULL, G_PARAM_READABLE |
          G_PARAM_STATIC_STRINGS));
  /**
   * GstYuy2convert:stats:
   *
   * Frames converted by "cpu" and "cuda" and of "passthrough"; how frames came to the card,
   * "uploads-pinned" (of the proposed pool), "uploads-registered" (other memory that the
   * driver took), "uploads-prepared" (converted into pinned memory first), "on-device";
   * "fallbacks" from the card to the processor; "max-in-flight".
   */
  g_object_class_install_property (object_class, PROP_STATS,
      g_param_spec_boxed ("stats", "Statistics", "Counts of frames",
          GST_TYPE_STRUCTURE, G_PARAM_READABLE | G_PARAM_STATIC_STRINGS));

  gst_element_class_add_static_pad_template (element_class, &sink_template);
  gst_element_class_add_static_pad_template (element_class, &src_template);
  gst_element_class_set_static_metadata (element_class,
      "YUY2 to NV12 converter", "Filter/Converter/Video/Hardware",
      "Converts packed 4:2:2 video to NV12, on an NVIDIA card or the processor",
      "Lockstep");
  gst_type_mark_as_plugin_api (GST_TYPE_YUY2CONVERT_DEVICE, 0);
  gst_type_mark_as_plugin_api (GST_TYPE_YUY2CONVERT_PATH, 0);

  element_class->change_state = gst_yuy2convert_change_state;
  element_class->set_context = gst_yuy2convert_set_context;
  trans_class->transform_caps = yuy_transform_caps;
  trans_class->fixate_caps = yuy_fixate_caps;
  trans_class->get_unit_size = yuy_get_unit_size;
  trans_class->set_caps = gst_yuy2convert_set_caps;
  trans_class->transform_meta = gst_yuy2convert_transform_meta;
  trans_class->propose_allocation = gst_yuy2convert_propose_allocation;
  trans_class->decide_allocation = gst_yuy2convert_decide_allocation;
  trans_class->submit_input_buffer = gst_yuy2convert_submit_input_buffer;
  trans_class->generate_output = gst_yuy2convert_generate_output;
  trans_class->transform = gst_yuy2convert_transform;
  trans_class->sink_event = gst_yuy2convert_sink_event;
  trans_class->query = gst_yuy2convert_query;
  trans_class->stop = gst_yuy2convert_stop;
  trans_class->passthrough_on_same_caps = TRUE;
}
