/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Frames on their way through the card.
 *
 * The streaming thread begins a frame's upload and kernel and goes back for the next one; a
 * task on the source pad waits for each frame in order and pushes it. At most
 * frames-in-flight are under way. Each keeps its input, so that the frames that a failing
 * card leaves behind can be converted by the processor: recover() does that, in the
 * streaming thread, once the task rests. */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include "gstyuy2convertpriv.h"

typedef struct
{
  GstBuffer *in, *out;
  GstVideoFrame from;           /* mapped while the card may read it */
  gboolean mapped;
  YuyCudaSlot *slot;
} YuyEntry;

void
yuy_gpu_init (YuyGpu * gpu)
{
  g_mutex_init (&gpu->lock);
  g_cond_init (&gpu->cond);
  g_queue_init (&gpu->pending);
  g_queue_init (&gpu->free_slots);
  gpu->flow = GST_FLOW_OK;
}

void
yuy_gpu_clear (YuyGpu * gpu)
{
  g_mutex_clear (&gpu->lock);
  g_cond_clear (&gpu->cond);
}

/* Ends what the card does for @entry, and the entry; its output goes too. */
static void
entry_free (YuyGpu * gpu, YuyEntry * entry)
{
  if (entry->slot) {
    yuy_cuda_slot_abandon (entry->slot);
    g_mutex_lock (&gpu->lock);
    g_queue_push_tail (&gpu->free_slots, entry->slot);
    g_mutex_unlock (&gpu->lock);
  }
  if (entry->mapped)
    gst_video_frame_unmap (&entry->from);
  gst_clear_buffer (&entry->in);
  gst_clear_buffer (&entry->out);
  g_free (entry);
}

/* Opening and giving up */

/* Looks for a card and loads the kernel. Sets the path and why. */
void
yuy_gpu_open (GstYuy2convert * self)
{
  YuyGpu *gpu = &self->gpu;
  g_autoptr (GError) error = NULL;
  g_autofree gchar *device = NULL;
  const gchar *why_not = NULL;
  gboolean installed = FALSE, insists;
  YuyDevice wanted;
  gint id;

  GST_OBJECT_LOCK (self);
  wanted = self->device;
  id = self->cuda_device_id;
  GST_OBJECT_UNLOCK (self);
  g_atomic_int_set (&self->usable, FALSE);
  if (wanted == YUY_DEVICE_CPU) {
    yuy_set_path (self, YUY_PATH_CPU, "device=cpu");
    return;
  }
  insists = wanted == YUY_DEVICE_CUDA;
  gpu->cu = yuy_cuda_get (&why_not, &installed);
  if (gpu->cu && !gpu->cu->ensure_element_context (GST_ELEMENT (self), id,
          &gpu->context))
    why_not = "there is an NVIDIA card, but no CUDA context on it: see "
        "cuda-device-id, and nvidia-smi";
  if (gpu->cu && gpu->context) {
    gpu->converter = yuy_cuda_converter_new (gpu->cu, gpu->context, &error);
    if (!gpu->converter)
      why_not = error->message;
  }
  if (!gpu->converter) {
    yuy_set_path (self, YUY_PATH_CPU, "%s", why_not);
    /* a machine without a driver is no fault, unless CUDA was asked for */
    if (insists || installed)
      GST_ELEMENT_WARNING (self, RESOURCE, NOT_FOUND,
          ("YUY2 is converted on the processor: %s.", why_not), (NULL));
    return;
  }
  g_atomic_int_set (&self->usable, TRUE);
  device = yuy_cuda_converter_describe (gpu->converter);
  yuy_set_path (self, YUY_PATH_CUDA, "%s; used where downstream takes CUDA "
      "memory", device);
}

void
yuy_gpu_close (GstYuy2convert * self)
{
  YuyGpu *gpu = &self->gpu;
  GstObject *context;

  yuy_gpu_drop (self);
  g_queue_clear_full (&gpu->free_slots, (GDestroyNotify) yuy_cuda_slot_free);
  gpu->n_slots = 0;
  g_clear_pointer (&gpu->converter, yuy_cuda_converter_free);
  GST_OBJECT_LOCK (self);
  context = gpu->context;
  gpu->context = NULL;
  GST_OBJECT_UNLOCK (self);
  gst_clear_object (&context);
  g_clear_error (&gpu->error);
  gpu->failed = FALSE;
  g_atomic_int_set (&self->usable, FALSE);
}

/* The card is not used any more, until READY is entered anew; says so on the bus. */
void
yuy_gpu_give_up (GstYuy2convert * self, const GError * error)
{
  const gchar *why = error ? error->message : "the card does not answer";

  if (!g_atomic_int_compare_and_exchange (&self->usable, TRUE, FALSE))
    return;
  GST_OBJECT_LOCK (self);
  self->stats.fallbacks++;
  GST_OBJECT_UNLOCK (self);
  yuy_set_path (self, YUY_PATH_CPU, "the card was given up: %s", why);
  GST_ELEMENT_WARNING (self, RESOURCE, FAILED,
      ("The card cannot convert any more; the processor goes on, if downstream "
          "takes system memory. It is tried again when the element is "
          "restarted."), ("%s", why));
}

/* The task */

/* Waits for the first entry and pushes its output. */
static void
yuy_gpu_loop (gpointer user_data)
{
  GstYuy2convert *self = user_data;
  YuyGpu *gpu = &self->gpu;
  GstPad *srcpad = GST_BASE_TRANSFORM_SRC_PAD (self);
  g_autoptr (GError) error = NULL;
  GstFlowReturn flow;
  GstBuffer *out;
  YuyEntry *entry;
  gboolean dropped;

  g_mutex_lock (&gpu->lock);
  while (!gpu->flushing && (gpu->failed || g_queue_is_empty (&gpu->pending)))
    g_cond_wait (&gpu->cond, &gpu->lock);
  if (gpu->flushing) {
    g_mutex_unlock (&gpu->lock);
    gst_pad_pause_task (srcpad);
    return;
  }
  entry = g_queue_peek_head (&gpu->pending);
  gpu->pushing = TRUE;
  g_mutex_unlock (&gpu->lock);

  if (!yuy_cuda_slot_wait (entry->slot, &error)) {
    g_mutex_lock (&gpu->lock);
    gpu->failed = TRUE;
    /* what went wrong with a later frame meanwhile is a consequence */
    g_clear_error (&gpu->error);
    gpu->error = g_steal_pointer (&error);
    gpu->pushing = FALSE;
    g_cond_broadcast (&gpu->cond);
    g_mutex_unlock (&gpu->lock);
    return;
  }

  if (entry->mapped)
    gst_video_frame_unmap (&entry->from);
  gst_clear_buffer (&entry->in);
  out = g_steal_pointer (&entry->out);
  /* it is complete: an encoder on another stream need not wait */
  GST_MINI_OBJECT_FLAG_UNSET (gst_buffer_peek_memory (out, 0),
      YUY_CUDA_MEMORY_NEED_SYNC);

  g_mutex_lock (&gpu->lock);
  g_queue_pop_head (&gpu->pending);
  g_queue_push_tail (&gpu->free_slots, entry->slot);
  g_free (entry);
  dropped = gpu->flow != GST_FLOW_OK;
  g_cond_broadcast (&gpu->cond);
  g_mutex_unlock (&gpu->lock);

  if (dropped) {
    gst_buffer_unref (out);
    flow = GST_FLOW_OK;
  } else {
    flow = gst_pad_push (srcpad, out);
    GST_OBJECT_LOCK (self);
    self->stats.cuda++;
    GST_OBJECT_UNLOCK (self);
  }
  g_mutex_lock (&gpu->lock);
  if (flow != GST_FLOW_OK)
    gpu->flow = flow;
  gpu->pushing = FALSE;
  g_cond_broadcast (&gpu->cond);
  g_mutex_unlock (&gpu->lock);
}

gboolean
yuy_gpu_start_task (GstYuy2convert * self)
{
  self->gpu.running = TRUE;
  return gst_pad_start_task (GST_BASE_TRANSFORM_SRC_PAD (self), yuy_gpu_loop,
      self, NULL);
}

/* To be called while flushing. */
void
yuy_gpu_stop_task (GstYuy2convert * self)
{
  if (!self->gpu.running)
    return;
  gst_pad_stop_task (GST_BASE_TRANSFORM_SRC_PAD (self));
  self->gpu.running = FALSE;
  g_mutex_lock (&self->gpu.lock);
  self->gpu.pushing = FALSE;
  g_mutex_unlock (&self->gpu.lock);
}

void
yuy_gpu_set_flushing (GstYuy2convert * self, gboolean flushing)
{
  YuyGpu *gpu = &self->gpu;

  g_mutex_lock (&gpu->lock);
  gpu->flushing = flushing;
  if (!flushing)
    gpu->flow = GST_FLOW_OK;
  g_cond_broadcast (&gpu->cond);
  g_mutex_unlock (&gpu->lock);
}

/* Drops what is under way. The task rests or is about to. */
void
yuy_gpu_drop (GstYuy2convert * self)
{
  YuyGpu *gpu = &self->gpu;
  YuyEntry *entry;
  GQueue dropped;

  g_mutex_lock (&gpu->lock);
  while (gpu->pushing && !gpu->flushing)
    g_cond_wait (&gpu->cond, &gpu->lock);
  dropped = gpu->pending;
  g_queue_init (&gpu->pending);
  g_mutex_unlock (&gpu->lock);
  while ((entry = g_queue_pop_head (&dropped)))
    entry_free (gpu, entry);
}

/* Falling back */

/* The card failed: hands what is under way to the processor, in order. The streaming
 * thread's. */
static GstFlowReturn
recover (GstYuy2convert * self)
{
  GstBaseTransform *trans = GST_BASE_TRANSFORM (self);
  YuyGpu *gpu = &self->gpu;
  g_autoptr (GError) error = NULL;
  GstFlowReturn flow = GST_FLOW_OK;
  YuyEntry *entry;
  GQueue left;

  g_mutex_lock (&gpu->lock);
  while (gpu->pushing && !gpu->flushing)
    g_cond_wait (&gpu->cond, &gpu->lock);
  if (gpu->flushing) {
    g_mutex_unlock (&gpu->lock);
    return GST_FLOW_FLUSHING;
  }
  left = gpu->pending;
  g_queue_init (&gpu->pending);
  error = g_steal_pointer (&gpu->error);
  gpu->failed = FALSE;
  if (gpu->flow != GST_FLOW_OK)
    flow = gpu->flow;
  g_mutex_unlock (&gpu->lock);

  yuy_gpu_give_up (self, error);
  gst_base_transform_reconfigure_src (trans);
  if (!gst_base_transform_reconfigure (trans) || self->cuda_out) {
    GST_ELEMENT_ERROR (self, RESOURCE, FAILED,
        ("The card cannot convert any more, and downstream takes nothing but "
            "CUDA memory."), ("%s", error ? error->message : ""));
    flow = GST_FLOW_ERROR;
  }
  while ((entry = g_queue_pop_head (&left))) {
    GstBuffer *in = gst_buffer_ref (entry->in), *out = NULL;

    entry_free (gpu, entry);
    if (flow == GST_FLOW_OK)
      flow = GST_BASE_TRANSFORM_GET_CLASS (trans)->prepare_output_buffer (trans,
          in, &out);
    if (flow == GST_FLOW_OK)
      flow = yuy_convert_on_cpu (self, in, out);
    if (flow == GST_FLOW_OK)
      flow = gst_pad_push (GST_BASE_TRANSFORM_SRC_PAD (self),
          g_steal_pointer (&out));
    gst_clear_buffer (&out);
    gst_buffer_unref (in);
  }
  return flow;
}

/* Waits until all that is under way has been pushed. */
GstFlowReturn
yuy_gpu_drain (GstYuy2convert * self)
{
  YuyGpu *gpu = &self->gpu;
  GstFlowReturn flow;
  gboolean failed;

  g_mutex_lock (&gpu->lock);
  while (!gpu->flushing && !gpu->failed && (gpu->pushing ||
          !g_queue_is_empty (&gpu->pending)))
    g_cond_wait (&gpu->cond, &gpu->lock);
  failed = gpu->failed;
  flow = gpu->flushing ? GST_FLOW_FLUSHING : gpu->flow;
  g_mutex_unlock (&gpu->lock);
  if (failed && flow != GST_FLOW_FLUSHING)
    flow = recover (self);
  return flow;
}

/* Beginning */

static guint64
plane (const GstVideoFrame * frame, guint i)
{
  return (guintptr) GST_VIDEO_FRAME_PLANE_DATA (frame, i);
}

/* Converts into pinned memory and begins the upload of the result: for memory that the
 * card cannot read. The input is done with when this returns. */
static gboolean
begin_prepared (GstYuy2convert * self, YuyEntry * entry,
    const GstVideoFrame * to, LockstepYuy2Picture p, GError ** error)
{
  gsize stride = GST_ROUND_UP_16 ((gsize) p.width);
  guint8 *staging = yuy_cuda_slot_staging (entry->slot,
      stride * ((gsize) p.height + p.uv_rows), error);

  if (!staging)
    return FALSE;
  p.y = staging;
  p.uv = staging + stride * p.height;
  p.y_stride = p.uv_stride = stride;
  yuy_convert_picture (self, &p);
  return yuy_cuda_slot_copy_plane (entry->slot, p.y, stride, p.width, p.height,
      plane (to, 0), (gsize) GST_VIDEO_FRAME_PLANE_STRIDE (to, 0), error) &&
      yuy_cuda_slot_copy_plane (entry->slot, p.uv, stride,
      GST_ROUND_UP_2 (p.width), p.uv_rows, plane (to, 1),
      (gsize) GST_VIDEO_FRAME_PLANE_STRIDE (to, 1), error);
}

/* Begins the upload, if the picture is not on the card, and the kernel. */
static gboolean
begin_kernel (GstYuy2convert * self, YuyEntry * entry,
    const GstVideoFrame * to, const LockstepYuy2Picture * p, gboolean on_card,
    GError ** error)
{
  const LockstepYuy2Bytes *at = lockstep_yuy2_bytes (p->order);
  Yuy2Nv12Args args = {
    .y = plane (to, 0),.uv = plane (to, 1),
    .y_stride = (guint32) GST_VIDEO_FRAME_PLANE_STRIDE (to, 0),
    .uv_stride = (guint32) GST_VIDEO_FRAME_PLANE_STRIDE (to, 1),
    .width = p->width,.height = p->height,.uv_rows = p->uv_rows,
    .interlaced = !!p->interlaced,
  };
  CUdeviceptr device = (guintptr) p->src;
  gsize pitch = p->src_stride;

  if (!on_card && !yuy_cuda_slot_upload (entry->slot, p->src, p->src_stride,
          ((gsize) p->width + 1) / 2 * 4, p->height, &device, &pitch, error))
    return FALSE;
  args.src = device;
  args.src_stride = (guint32) pitch;
  yuy2nv12_args_finish (&args, at->y0, at->u, at->y1, at->v);
  return yuy_cuda_slot_launch (entry->slot, &args, error);
}

static gboolean
begin (GstYuy2convert * self, YuyEntry * entry, GError ** error)
{
  YuyGpu *gpu = &self->gpu;
  GstMemory *memory = gst_buffer_peek_memory (entry->in, 0);
  gboolean on_card = gpu->cu->is_cuda_memory (memory) &&
      gst_buffer_n_memory (entry->in) == 1 &&
      ((YuyCudaMemoryHead *) memory)->context == gpu->context;
  LockstepYuy2Picture p;
  YuyMemoryKind kind = YUY_MEMORY_PAGEABLE;
  GstVideoFrame to;
  gboolean ok;

  if (!gst_video_frame_map (&entry->from, &self->in_info, entry->in,
          GST_MAP_READ | (on_card ? YUY_MAP_CUDA : 0))) {
    g_set_error (error, GST_STREAM_ERROR, GST_STREAM_ERROR_FORMAT,
        "a frame of %" G_GSIZE_FORMAT " bytes cannot be read as %s of %dx%d",
        gst_buffer_get_size (entry->in),
        gst_video_format_to_string (GST_VIDEO_INFO_FORMAT (&self->in_info)),
        self->in_info.width, self->in_info.height);
    return FALSE;
  }
  entry->mapped = TRUE;
  if (on_card && gpu->cu->memory_sync)
    gpu->cu->memory_sync (memory);
  if (!gst_video_frame_map (&to, &self->out_info, entry->out,
          GST_MAP_WRITE | YUY_MAP_CUDA)) {
    g_set_error (error, GST_RESOURCE_ERROR, GST_RESOURCE_ERROR_WRITE,
        "the output on the card cannot be mapped");
    return FALSE;
  }
  p = yuy_picture_of (self, &entry->from);
  p.uv_rows = yuy_fitting_uv_rows (&to, p.uv_rows);
  if (!on_card)
    kind = yuy_memory_kind (gpu->cu, gpu->context, entry->in, p.src,
        p.src_stride * (p.height - 1) + ((gsize) p.width + 1) / 2 * 4);
  if (!on_card && kind == YUY_MEMORY_PAGEABLE)
    ok = begin_prepared (self, entry, &to, p, error);
  else
    ok = begin_kernel (self, entry, &to, &p, on_card, error);
  /* the address stays good: the entry holds the buffer */
  gst_video_frame_unmap (&to);
  ok = ok && yuy_cuda_slot_finish (entry->slot, error);
  if (!ok)
    return FALSE;
  GST_OBJECT_LOCK (self);
  if (on_card)
    self->stats.device++;
  else if (kind == YUY_MEMORY_PINNED)
    self->stats.pinned++;
  else if (kind == YUY_MEMORY_REGISTERED)
    self->stats.registered++;
  else
    self->stats.prepared++;
  GST_OBJECT_UNLOCK (self);
  return TRUE;
}

/* A slot that is free, waiting for one if as many as may be are under way. Gives NULL with
 * *@flow where none is to be waited for, and with GST_FLOW_OK and @error where the
 * card gives none. */
static YuyCudaSlot *
take_slot (GstYuy2convert * self, GstFlowReturn * flow, gboolean * failed,
    GError ** error)
{
  YuyGpu *gpu = &self->gpu;
  YuyCudaSlot *slot = NULL;
  guint depth;

  GST_OBJECT_LOCK (self);
  depth = self->frames_in_flight;
  GST_OBJECT_UNLOCK (self);
  g_mutex_lock (&gpu->lock);
  while (!gpu->flushing && !gpu->failed && gpu->flow == GST_FLOW_OK &&
      g_queue_get_length (&gpu->pending) >= depth)
    g_cond_wait (&gpu->cond, &gpu->lock);
  *failed = gpu->failed;
  *flow = gpu->flushing ? GST_FLOW_FLUSHING : gpu->flow;
  if (*flow == GST_FLOW_OK && !*failed) {
    slot = g_queue_pop_head (&gpu->free_slots);
    if (!slot && (slot = yuy_cuda_slot_new (gpu->converter, error)))
      gpu->n_slots++;
  }
  g_mutex_unlock (&gpu->lock);
  return slot;
}

/* Begins the conversion of @in, which is taken. *@out is set only where the card failed
 * and the processor did it instead; else the task pushes the result. */
GstFlowReturn
yuy_gpu_submit (GstYuy2convert * self, GstBuffer * in, GstBuffer ** out)
{
  GstBaseTransform *trans = GST_BASE_TRANSFORM (self);
  GstBaseTransformClass *klass = GST_BASE_TRANSFORM_GET_CLASS (trans);
  YuyGpu *gpu = &self->gpu;
  YuyEntry *entry = g_new0 (YuyEntry, 1);
  GError *error = NULL;
  GstFlowReturn flow;
  gboolean failed = FALSE;

  entry->in = in;
  entry->slot = take_slot (self, &flow, &failed, &error);
  if (flow != GST_FLOW_OK) {
    entry_free (gpu, entry);
    return flow;
  }
  if (entry->slot) {
    flow = klass->prepare_output_buffer (trans, in, &entry->out);
    if (flow == GST_FLOW_ERROR) {
      error = g_error_new (GST_RESOURCE_ERROR, GST_RESOURCE_ERROR_NO_SPACE_LEFT,
          "no memory on the card for the output");
    } else if (flow != GST_FLOW_OK) {
      entry_free (gpu, entry);
      return flow;
    } else if (begin (self, entry, &error)) {
      guint n;

      g_mutex_lock (&gpu->lock);
      g_queue_push_tail (&gpu->pending, entry);
      n = g_queue_get_length (&gpu->pending);
      g_cond_broadcast (&gpu->cond);
      g_mutex_unlock (&gpu->lock);
      GST_OBJECT_LOCK (self);
      self->stats.max_in_flight = MAX (self->stats.max_in_flight, n);
      GST_OBJECT_UNLOCK (self);
      return GST_FLOW_OK;
    }
  }

  /* what cannot be read by anyone is the stream's fault, not the card's */
  if (g_error_matches (error, GST_STREAM_ERROR, GST_STREAM_ERROR_FORMAT)) {
    GST_ELEMENT_ERROR (self, STREAM, FORMAT, (NULL), ("%s", error->message));
    g_error_free (error);
    entry_free (gpu, entry);
    return GST_FLOW_ERROR;
  }
  gst_buffer_ref (in);
  entry_free (gpu, entry);
  g_mutex_lock (&gpu->lock);
  if (!gpu->error)
    gpu->error = g_steal_pointer (&error);
  g_mutex_unlock (&gpu->lock);
  g_clear_error (&error);
  /* those before it first: the ones that the card still ends, then the rest */
  flow = yuy_gpu_drain (self);
  if (flow == GST_FLOW_OK && self->cuda_out)
    flow = recover (self);
  if (flow == GST_FLOW_OK)
    flow = klass->prepare_output_buffer (trans, in, out);
  if (flow == GST_FLOW_OK)
    flow = yuy_convert_on_cpu (self, in, *out);
  if (flow != GST_FLOW_OK)
    gst_clear_buffer (out);
  gst_buffer_unref (in);
  return flow;
}

/* Pools */

/* Offers a pool of pinned memory, which is as good to write into as any. */
gboolean
yuy_gpu_propose_pool (GstYuy2convert * self, GstQuery * query)
{
  YuyGpu *gpu = &self->gpu;
  GstAllocationParams params;
  GstAllocator *allocator;
  GstBufferPool *pool;
  GstStructure *config;
  GstVideoInfo info;
  GstCaps *caps;
  guint min;
  gboolean ok, need_pool;

  gst_query_parse_allocation (query, &caps, &need_pool);
  if (!caps || !gst_video_info_from_caps (&info, caps))
    return FALSE;
  if (gst_caps_features_contains (gst_caps_get_features (caps, 0),
          YUY_CAPS_FEATURE_CUDA)) {
    pool = gpu->cu->buffer_pool_new (gpu->context);
    allocator = NULL;
  } else {
    pool = gst_video_buffer_pool_new ();
    allocator = yuy_pinned_allocator_new (gpu->cu, gpu->context);
  }
  GST_OBJECT_LOCK (self);
  min = self->frames_in_flight + 2;     /* one is filled, one is waited for */
  GST_OBJECT_UNLOCK (self);
  gst_allocation_params_init (&params);
  params.align = 63;
  config = gst_buffer_pool_get_config (pool);
  gst_buffer_pool_config_set_params (config, caps,
      (guint) GST_VIDEO_INFO_SIZE (&info), 0, 0);
  gst_buffer_pool_config_add_option (config, GST_BUFFER_POOL_OPTION_VIDEO_META);
  if (allocator)
    gst_buffer_pool_config_set_allocator (config, allocator, &params);
  ok = gst_buffer_pool_set_config (pool, config);
  if (ok) {
    gst_query_add_allocation_pool (query, pool,
        (guint) GST_VIDEO_INFO_SIZE (&info), min, 0);
    if (allocator)
      gst_query_add_allocation_param (query, allocator, &params);
  } else {
    GST_WARNING_OBJECT (self, "no pool is proposed upstream");
  }
  gst_clear_object (&allocator);
  gst_object_unref (pool);
  return TRUE;
}

/* The encoder's pool where it is of our context, else one of ours in it. */
gboolean
yuy_gpu_decide_pool (GstYuy2convert * self, GstQuery * query)
{
  YuyGpu *gpu = &self->gpu;
  GstBufferPool *pool = NULL;
  GstStructure *config;
  GstCaps *caps;
  guint size = (guint) GST_VIDEO_INFO_SIZE (&self->out_info), min = 0, max = 0;
  gboolean update = gst_query_get_n_allocation_pools (query) > 0;

  gst_query_parse_allocation (query, &caps, NULL);
  if (update)
    gst_query_parse_nth_allocation_pool (query, 0, &pool, &size, &min, &max);
  if (pool && !(G_TYPE_CHECK_INSTANCE_TYPE (pool,
              gpu->cu->buffer_pool_get_type ()) &&
          ((YuyCudaPoolHead *) pool)->context == gpu->context)) {
    GST_DEBUG_OBJECT (self, "downstream's pool is of another context");
    gst_clear_object (&pool);
  }
  if (!pool) {
    pool = gpu->cu->buffer_pool_new (gpu->context);
    max = 0;
  }
  /* buffers are allocated when they are needed: where the card's memory is used up,
   * that is found out where the processor can take over */
  config = gst_buffer_pool_get_config (pool);
  gst_buffer_pool_config_set_params (config, caps, size, 0, max);
  gst_buffer_pool_config_add_option (config, GST_BUFFER_POOL_OPTION_VIDEO_META);
  if (!gst_buffer_pool_set_config (pool, config)) {
    g_autoptr (GError) error = g_error_new (GST_RESOURCE_ERROR,
        GST_RESOURCE_ERROR_NO_SPACE_LEFT, "no memory on the card for a frame");

    gst_object_unref (pool);
    yuy_gpu_give_up (self, error);
    return FALSE;
  }
  /* the pool says how large its frames are */
  config = gst_buffer_pool_get_config (pool);
  gst_buffer_pool_config_get_params (config, NULL, &size, NULL, NULL);
  gst_structure_free (config);
  if (update)
    gst_query_set_nth_allocation_pool (query, 0, pool, size, 0, max);
  else
    gst_query_add_allocation_pool (query, pool, size, 0, max);
  gst_object_unref (pool);
  /* not the parent's: it would set the configuration again */
  return TRUE;
}
