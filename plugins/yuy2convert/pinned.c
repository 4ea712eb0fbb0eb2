/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* An allocator of pinned memory, for the pool that is proposed upstream, and the
 * registration of memory that comes from elsewhere. */
#include "pinned.h"

GST_DEBUG_CATEGORY_EXTERN (yuy2convert_debug);
#define GST_CAT_DEFAULT yuy2convert_debug

#define MEMORY_TYPE "LockstepPinned"
/* Below that, registering costs more than it gains. */
#define MIN_REGISTERED (256 * 1024)

#define YUY_TYPE_PINNED_ALLOCATOR (yuy_pinned_allocator_get_type ())
G_DECLARE_FINAL_TYPE (YuyPinnedAllocator, yuy_pinned_allocator, YUY,
    PINNED_ALLOCATOR, GstAllocator)
     struct _YuyPinnedAllocator
     {
       GstAllocator parent;
       const YuyCuda *cu;
       GstObject *context;
     };

     typedef struct
     {
       GstMemory mem;
       guint8 *data;
       gboolean pinned;
     } PinnedMemory;

G_DEFINE_FINAL_TYPE (YuyPinnedAllocator, yuy_pinned_allocator,
    GST_TYPE_ALLOCATOR);

/* Where the driver gives no pinned memory, ordinary memory does: upstream must not
 * fail for that. */
     static GstMemory *pinned_alloc (GstAllocator * allocator, gsize size,
    GstAllocationParams * params)
{
  YuyPinnedAllocator *self = YUY_PINNED_ALLOCATOR (allocator);
  gsize align = params->align | (gst_memory_alignment | 15);
  gsize maxsize = size + params->prefix + params->padding + align;
  PinnedMemory *memory;
  void *p = NULL;
  gsize offset;

  if (self->cu->context_push (self->context)) {
    if (self->cu->cuMemHostAlloc (&p, maxsize, CU_MEMHOSTALLOC_PORTABLE) !=
        CUDA_SUCCESS)
      p = NULL;
    self->cu->context_pop (NULL);
  }
  if (!p) {
    GST_WARNING ("no %" G_GSIZE_FORMAT " bytes of pinned memory: uploads of "
        "this buffer are prepared by the processor", maxsize);
    return gst_allocator_alloc (NULL, size, params);
  }
  memory = g_new0 (PinnedMemory, 1);
  memory->data = p;
  memory->pinned = TRUE;
  offset = (((gsize) memory->data + params->prefix + align) & ~align)
      - (gsize) memory->data;
  if (params->flags & GST_MEMORY_FLAG_ZERO_PREFIXED)
    memset (memory->data, 0, offset);
  if (params->flags & GST_MEMORY_FLAG_ZERO_PADDED)
    memset (memory->data + offset + size, 0, maxsize - offset - size);
  gst_memory_init (GST_MEMORY_CAST (memory), params->flags, allocator, NULL,
      maxsize, align, offset, size);
  return GST_MEMORY_CAST (memory);
}

static void
pinned_free (GstAllocator * allocator, GstMemory * mem)
{
  YuyPinnedAllocator *self = YUY_PINNED_ALLOCATOR (allocator);
  PinnedMemory *memory = (PinnedMemory *) mem;

  if (!mem->parent && self->cu->context_push (self->context)) {
    self->cu->cuMemFreeHost (memory->data);
    self->cu->context_pop (NULL);
  }
  g_free (memory);
}

static gpointer
pinned_map (GstMemory * mem, gsize maxsize, GstMapFlags flags)
{
  return ((PinnedMemory *) mem)->data;
}

static void
pinned_unmap (GstMemory * mem)
{
}

static GstMemory *
pinned_share (GstMemory * mem, gssize offset, gssize size)
{
  PinnedMemory *memory = (PinnedMemory *) mem, *share;
  GstMemory *root = mem->parent ? mem->parent : mem;

  if (size == -1)
    size = (gssize) mem->size - offset;
  share = g_new0 (PinnedMemory, 1);
  share->data = memory->data;
  share->pinned = TRUE;
  gst_memory_init (GST_MEMORY_CAST (share),
      GST_MINI_OBJECT_FLAGS (root) | GST_MINI_OBJECT_FLAG_LOCK_READONLY,
      mem->allocator, root, mem->maxsize, mem->align, mem->offset + offset,
      (gsize) size);
  return GST_MEMORY_CAST (share);
}

static void
yuy_pinned_allocator_finalize (GObject * object)
{
  gst_object_unref (YUY_PINNED_ALLOCATOR (object)->context);
  G_OBJECT_CLASS (yuy_pinned_allocator_parent_class)->finalize (object);
}

static void
yuy_pinned_allocator_class_init (YuyPinnedAllocatorClass * klass)
{
  G_OBJECT_CLASS (klass)->finalize = yuy_pinned_allocator_finalize;
  GST_ALLOCATOR_CLASS (klass)->alloc = pinned_alloc;
  GST_ALLOCATOR_CLASS (klass)->free = pinned_free;
}

static void
yuy_pinned_allocator_init (YuyPinnedAllocator * self)
{
  GstAllocator *allocator = GST_ALLOCATOR_CAST (self);

  allocator->mem_type = MEMORY_TYPE;
  allocator->mem_map = pinned_map;
  allocator->mem_unmap = pinned_unmap;
  allocator->mem_share = pinned_share;
}

/* Memory that it allocates lives on @context, and holds it. */
GstAllocator *
yuy_pinned_allocator_new (const YuyCuda * cu, GstObject * context)
{
  YuyPinnedAllocator *self = g_object_new (YUY_TYPE_PINNED_ALLOCATOR, NULL);

  gst_object_ref_sink (self);
  self->cu = cu;
  self->context = gst_object_ref (context);
  return GST_ALLOCATOR_CAST (self);
}

/* What is known of a memory that is not ours; it goes with the memory. */
typedef struct
{
  const YuyCuda *cu;
  GstObject *context;
  const guint8 *data;
  gsize size;
  gboolean registered;
} Registration;

static GMutex registration_lock;

static void
registration_free (gpointer user_data)
{
  Registration *self = user_data;

  if (self->registered && self->cu->context_push (self->context)) {
    self->cu->cuMemHostUnregister ((void *) self->data);
    self->cu->context_pop (NULL);
  }
  gst_clear_object (&self->context);
  g_free (self);
}

/* Memory whose address holds as long as it lives. Memory of file descriptors is mapped
 * anew each time. */
static gboolean
has_fixed_address (GstMemory * memory)
{
  return gst_memory_is_type (memory, GST_ALLOCATOR_SYSMEM) ||
      gst_memory_is_type (memory, "V4l2Memory");
}

/* How the card can read @data, @size bytes of @buffer. Registering takes as long as
 * several copies, so it is done when a memory is seen the second time: those of a pool are,
 * others are not. */
YuyMemoryKind
yuy_memory_kind (const YuyCuda * cu, GstObject * context, GstBuffer * buffer,
    const guint8 * data, gsize size)
{
  static GQuark quark;
  GstMemory *memory = gst_buffer_peek_memory (buffer, 0);
  Registration *r;
  GstMapInfo map;
  gboolean usable;

  if (gst_buffer_n_memory (buffer) != 1)
    return YUY_MEMORY_PAGEABLE;
  if (gst_memory_is_type (memory, MEMORY_TYPE))
    return ((PinnedMemory *) memory)->pinned ?
        YUY_MEMORY_PINNED : YUY_MEMORY_PAGEABLE;
  while (memory->parent)
    memory = memory->parent;
  if (memory->maxsize < MIN_REGISTERED || !has_fixed_address (memory))
    return YUY_MEMORY_PAGEABLE;

  g_mutex_lock (&registration_lock);
  if (!quark)
    quark = g_quark_from_static_string ("lockstep-cuda-registration");
  r = gst_mini_object_get_qdata (GST_MINI_OBJECT_CAST (memory), quark);
  if (!r) {
    r = g_new0 (Registration, 1);
    r->cu = cu;
    gst_mini_object_set_qdata (GST_MINI_OBJECT_CAST (memory), quark, r,
        registration_free);
  } else if (!r->data && gst_memory_map (memory, &map, GST_MAP_READ)) {
    r->data = map.data;
    r->size = map.size;
    r->context = gst_object_ref (context);
    if (cu->context_push (context)) {
      CUresult result = cu->cuMemHostRegister (map.data, map.size,
          CU_MEMHOSTREGISTER_PORTABLE);

      r->registered = result == CUDA_SUCCESS;
      GST_DEBUG ("%s memory of %" G_GSIZE_FORMAT " bytes: registering gave %d",
          memory->allocator ? memory->allocator->mem_type : "?", map.size,
          result);
      cu->context_pop (NULL);
    }
    gst_memory_unmap (memory, &map);
  }
  usable = r->registered && data >= r->data && data + size <= r->data + r->size;
  g_mutex_unlock (&registration_lock);
  return usable ? YUY_MEMORY_REGISTERED : YUY_MEMORY_PAGEABLE;
}
