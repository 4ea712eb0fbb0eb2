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
 * mixed. v210 (10 bits, from DeckLink and AJA cards) is not taken: six of its pixels are
 * spread over four words, so neither the kernel nor libyuv's functions nor the rules for rows
 * and columns here fit it. videoconvert makes P010 of it; a card that gives 8 bits too
 * (decklinkvideosrc video-format=8bit-yuv) can be set to UYVY.
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

#define gst_yuy2convert_parent_class parent_class
G_DEFINE_FINAL_TYPE (GstYuy2convert, gst_yuy2convert, GST_TYPE_BASE_TRANSFORM);
GST_ELEMENT_REGISTER_DEFINE (yuy2convert, "yuy2convert", GST_RANK_NONE,
    GST_TYPE_YUY2CONVERT);

static gboolean
caps_on_card (GstCaps * caps)
{
  return gst_caps_features_contains (gst_caps_get_features (caps, 0),
      YUY_CAPS_FEATURE_CUDA);
}

/* Frames under way delay each other: one leaves the card before that comes which would be one
 * too many, and so within frames-in-flight frames, or upstream is held up. @info is that of the
 * video where the card converts. */
static void
update_latency (GstYuy2convert * self, const GstVideoInfo * info)
{
  GstClockTime latency = 0;
  gboolean changed;

  GST_OBJECT_LOCK (self);
  if (self->cuda_out) {
    /* where the rate is not known, that which GStreamer's encoders assume */
    gboolean known = info->fps_n > 0 && info->fps_d > 0;

    latency = gst_util_uint64_scale (self->frames_in_flight * GST_SECOND,
        known ? (guint64) info->fps_d : 1, known ? (guint64) info->fps_n : 25);
  }
  changed = self->latency != latency;
  self->latency = latency;
  GST_OBJECT_UNLOCK (self);
  if (changed)
    gst_element_post_message (GST_ELEMENT (self),
        gst_message_new_latency (GST_OBJECT (self)));
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
    update_latency (self, NULL);
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
  update_latency (self, &in);
  GST_OBJECT_LOCK (self);
  wanted = self->n_threads;
  GST_OBJECT_UNLOCK (self);
  lockstep_slicetune_init (&self->tune, (guint64) in.width * in.height,
      MIN (processors, YUY_MAX_THREADS));
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

  if (self->cuda_out)
    return yuy_gpu_decide_pool (self, query);
  yuy_cpu_decide_pool (self, query);
  return GST_BASE_TRANSFORM_CLASS (parent_class)->decide_allocation (trans,
      query);
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
  if (!GST_BASE_TRANSFORM_CLASS (parent_class)->query (trans, direction, query))
    return FALSE;
  if (GST_QUERY_TYPE (query) == GST_QUERY_LATENCY) {
    GstClockTime min, max;
    gboolean live;

    gst_query_parse_latency (query, &live, &min, &max);
    GST_OBJECT_LOCK (self);
    min += self->latency;
    if (GST_CLOCK_TIME_IS_VALID (max))
      max += self->latency;
    GST_OBJECT_UNLOCK (self);
    gst_query_set_latency (query, live, min, max);
  }
  return TRUE;
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
  GST_OBJECT_LOCK (self);
  self->latency = 0;
  GST_OBJECT_UNLOCK (self);
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

  yuy_init_properties (self);
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
  object_class->finalize = gst_yuy2convert_finalize;

  yuy_install_properties (klass);
  gst_element_class_add_static_pad_template (element_class, &sink_template);
  gst_element_class_add_static_pad_template (element_class, &src_template);
  gst_element_class_set_static_metadata (element_class,
      "YUY2 to NV12 converter", "Filter/Converter/Video/Hardware",
      "Converts packed 4:2:2 video to NV12, on an NVIDIA card or the processor",
      "Lockstep");

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
