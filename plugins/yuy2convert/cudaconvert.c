/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The kernel's module, and slots: each a stream of its own, so that the upload of one
 * picture, the kernel of the one before and the encoder run at the same time. */
#include "cudaconvert.h"

struct _YuyCudaConverter
{
  const YuyCuda *cu;
  GstObject *context;
  CUmodule module;
  CUfunction kernel;
  gchar *device;
};

struct _YuyCudaSlot
{
  YuyCudaConverter *converter;
  CUstream stream;
  CUevent done;
  CUdeviceptr device;           /* the packed picture on the card */
  gsize device_size;
  guint8 *staging;              /* pinned; for pictures in memory that is not */
  gsize staging_size;
};

static const gchar ptx[] =
#include "yuy2nv12.ptx.h"
    ;

/* The current context of a streaming thread is nobody's: each entry point sets it. */
static gboolean
enter (const YuyCuda * cu, GstObject * context, GError ** error)
{
  if (cu->context_push (context))
    return TRUE;
  g_set_error (error, GST_RESOURCE_ERROR, GST_RESOURCE_ERROR_FAILED,
      "the CUDA context cannot be made current: the device may be lost");
  return FALSE;
}

static void
leave (const YuyCuda * cu)
{
  cu->context_pop (NULL);
}

/* Loads the kernel, which the driver translates for the card and keeps in its cache.
 * NULL where the driver refuses it. */
YuyCudaConverter *
yuy_cuda_converter_new (const YuyCuda * cu, GstObject * context,
    GError ** error)
{
  YuyCudaConverter *self;
  CUdevice device;
  char name[128] = "CUDA device";
  int version = 0;

  if (!enter (cu, context, error))
    return NULL;
  self = g_new0 (YuyCudaConverter, 1);
  self->cu = cu;
  self->context = gst_object_ref (context);
  if (!yuy_cuda_check (cu, cu->cuModuleLoadData (&self->module, ptx),
          "the driver does not take the kernel", error) ||
      !yuy_cuda_check (cu, cu->cuModuleGetFunction (&self->kernel,
              self->module, "yuy2nv12"), "the kernel is not found", error)) {
    leave (cu);
    yuy_cuda_converter_free (self);
    return NULL;
  }
  if (cu->cuCtxGetDevice (&device) == CUDA_SUCCESS)
    cu->cuDeviceGetName (name, sizeof name, device);
  cu->cuDriverGetVersion (&version);
  self->device = g_strdup_printf ("%s, driver of CUDA %d.%d", name,
      version / 1000, version % 1000 / 10);
  leave (cu);
  return self;
}

void
yuy_cuda_converter_free (YuyCudaConverter * self)
{
  if (!self)
    return;
  if (self->module && enter (self->cu, self->context, NULL)) {
    self->cu->cuModuleUnload (self->module);
    leave (self->cu);
  }
  gst_object_unref (self->context);
  g_free (self->device);
  g_free (self);
}

gchar *
yuy_cuda_converter_describe (YuyCudaConverter * self)
{
  return g_strdup (self->device);
}

YuyCudaSlot *
yuy_cuda_slot_new (YuyCudaConverter * converter, GError ** error)
{
  const YuyCuda *cu = converter->cu;
  YuyCudaSlot *self;
  gboolean ok;

  if (!enter (cu, converter->context, error))
    return NULL;
  self = g_new0 (YuyCudaSlot, 1);
  self->converter = converter;
  ok = yuy_cuda_check (cu, cu->cuStreamCreate (&self->stream,
          CU_STREAM_NON_BLOCKING), "no CUDA stream", error) &&
      yuy_cuda_check (cu, cu->cuEventCreate (&self->done,
          CU_EVENT_BLOCKING_SYNC | CU_EVENT_DISABLE_TIMING), "no CUDA event",
      error);
  leave (cu);
  if (!ok)
    g_clear_pointer (&self, yuy_cuda_slot_free);
  return self;
}

/* Waits for what is under way: nothing reads or writes the picture's memory then. */
void
yuy_cuda_slot_abandon (YuyCudaSlot * self)
{
  const YuyCuda *cu = self->converter->cu;

  if (!self->stream || !enter (cu, self->converter->context, NULL))
    return;
  cu->cuStreamSynchronize (self->stream);
  leave (cu);
}

void
yuy_cuda_slot_free (YuyCudaSlot * self)
{
  const YuyCuda *cu;

  if (!self)
    return;
  cu = self->converter->cu;
  if (enter (cu, self->converter->context, NULL)) {
    if (self->stream) {
      cu->cuStreamSynchronize (self->stream);
      cu->cuStreamDestroy (self->stream);
    }
    if (self->done)
      cu->cuEventDestroy (self->done);
    if (self->device)
      cu->cuMemFree (self->device);
    if (self->staging)
      cu->cuMemFreeHost (self->staging);
    leave (cu);
  }
  g_free (self);
}

static gboolean
copy_to_device (YuyCudaSlot * self, const guint8 * data, gsize stride,
    gsize width, guint rows, CUdeviceptr device, gsize pitch, GError ** error)
{
  const YuyCuda *cu = self->converter->cu;
  CUDA_MEMCPY2D copy = {
    .srcMemoryType = CU_MEMORYTYPE_HOST,.srcHost = data,.srcPitch = stride,
    .dstMemoryType = CU_MEMORYTYPE_DEVICE,.dstDevice = device,.dstPitch = pitch,
    .WidthInBytes = width,.Height = rows,
  };

  if (!rows)
    return TRUE;
  return yuy_cuda_check (cu, cu->cuMemcpy2DAsync (&copy, self->stream),
      "the upload failed", error);
}

/* Begins the upload of @rows rows of @width bytes from pinned memory, which has to stay
 * as it is until the slot is done. Gives where the picture will be on the card. */
gboolean
yuy_cuda_slot_upload (YuyCudaSlot * self, const guint8 * data, gsize stride,
    gsize width, guint rows, CUdeviceptr * device, gsize * pitch,
    GError ** error)
{
  const YuyCuda *cu = self->converter->cu;
  gsize row = stride % 16 ? GST_ROUND_UP_16 (width) : stride;
  gsize size = row * rows;
  gboolean ok;

  /* with the host's stride the copy is one run */
  if (!enter (cu, self->converter->context, error))
    return FALSE;
  if (self->device_size < size) {
    if (self->device)
      cu->cuMemFree (self->device);
    self->device = 0;
    self->device_size = 0;
    if (!yuy_cuda_check (cu, cu->cuMemAlloc (&self->device, size),
            "no memory on the card for a picture", error)) {
      leave (cu);
      return FALSE;
    }
    self->device_size = size;
  }
  ok = copy_to_device (self, data, stride, width, rows, self->device, row,
      error);
  leave (cu);
  *device = self->device;
  *pitch = row;
  return ok;
}

/* Begins the kernel, after what the slot has begun before. */
gboolean
yuy_cuda_slot_launch (YuyCudaSlot * self, Yuy2Nv12Args * args, GError ** error)
{
  const YuyCuda *cu = self->converter->cu;
  void *parameters[] = { args };
  unsigned grid_x, grid_y;
  gboolean ok;

  yuy2nv12_grid (args, &grid_x, &grid_y);
  if (!enter (cu, self->converter->context, error))
    return FALSE;
  ok = yuy_cuda_check (cu, cu->cuLaunchKernel (self->converter->kernel,
          grid_x, grid_y, 1, YUY2NV12_BLOCK_X, YUY2NV12_BLOCK_Y, 1, 0,
          self->stream, parameters, NULL), "the kernel does not start", error);
  leave (cu);
  return ok;
}

/* @size bytes of pinned memory. */
guint8 *
yuy_cuda_slot_staging (YuyCudaSlot * self, gsize size, GError ** error)
{
  const YuyCuda *cu = self->converter->cu;
  void *p = NULL;

  if (self->staging_size >= size)
    return self->staging;
  if (!enter (cu, self->converter->context, error))
    return NULL;
  if (self->staging)
    cu->cuMemFreeHost (self->staging);
  self->staging = NULL;
  self->staging_size = 0;
  if (yuy_cuda_check (cu, cu->cuMemHostAlloc (&p, size,
              CU_MEMHOSTALLOC_PORTABLE), "no pinned memory", error)) {
    self->staging = p;
    self->staging_size = size;
  }
  leave (cu);
  return self->staging;
}

/* Begins a copy from pinned memory into a plane on the card. */
gboolean
yuy_cuda_slot_copy_plane (YuyCudaSlot * self, const guint8 * data,
    gsize stride, gsize width, guint rows, CUdeviceptr device, gsize pitch,
    GError ** error)
{
  const YuyCuda *cu = self->converter->cu;
  gboolean ok;

  if (!enter (cu, self->converter->context, error))
    return FALSE;
  ok = copy_to_device (self, data, stride, width, rows, device, pitch, error);
  leave (cu);
  return ok;
}

/* Marks the end of what the slot does for a picture. */
gboolean
yuy_cuda_slot_finish (YuyCudaSlot * self, GError ** error)
{
  const YuyCuda *cu = self->converter->cu;
  gboolean ok;

  if (!enter (cu, self->converter->context, error))
    return FALSE;
  ok = yuy_cuda_check (cu, cu->cuEventRecord (self->done, self->stream),
      "no event on the CUDA stream", error);
  leave (cu);
  return ok;
}

/* Waits for that, asleep. An error of anything begun before comes out here. */
gboolean
yuy_cuda_slot_wait (YuyCudaSlot * self, GError ** error)
{
  const YuyCuda *cu = self->converter->cu;
  gboolean ok;

  if (!enter (cu, self->converter->context, error))
    return FALSE;
  ok = yuy_cuda_check (cu, cu->cuEventSynchronize (self->done),
      "the conversion on the card failed", error);
  leave (cu);
  return ok;
}
