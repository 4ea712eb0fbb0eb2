/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What is used of the CUDA driver and of GStreamer's CUDA library, both opened at run
 * time: the plugin builds without a CUDA toolkit and loads without a driver.
 *
 * Types are as in cuda.h (ABI since CUDA 4) and in GStreamer's headers. Of the latter only
 * what kept its signature from 1.22 to 1.28 is here: gst_cuda_allocator_alloc(), which
 * got another parameter in 1.24, is not; memory comes from the buffer pool. */
#pragma once

#include <gst/video/video.h>

G_BEGIN_DECLS

typedef int CUresult;
typedef int CUdevice;
typedef guint64 CUdeviceptr;
typedef struct CUctx_st *CUcontext;
typedef struct CUmod_st *CUmodule;
typedef struct CUfunc_st *CUfunction;
typedef struct CUstream_st *CUstream;
typedef struct CUevent_st *CUevent;

#define CUDA_SUCCESS 0
#define CU_STREAM_NON_BLOCKING 1
#define CU_EVENT_BLOCKING_SYNC 1
#define CU_EVENT_DISABLE_TIMING 2
#define CU_MEMHOSTALLOC_PORTABLE 1
#define CU_MEMHOSTREGISTER_PORTABLE 1
#define CU_MEMORYTYPE_HOST 1
#define CU_MEMORYTYPE_DEVICE 2

typedef struct
{
  size_t srcXInBytes, srcY;
  int srcMemoryType;
  const void *srcHost;
  CUdeviceptr srcDevice;
  void *srcArray;
  size_t srcPitch;
  size_t dstXInBytes, dstY;
  int dstMemoryType;
  void *dstHost;
  CUdeviceptr dstDevice;
  void *dstArray;
  size_t dstPitch;
  size_t WidthInBytes, Height;
} CUDA_MEMCPY2D;

/* the public heads of GStreamer's structs */
typedef struct
{
  GstMemory mem;
  GstObject *context;
  GstVideoInfo info;
} YuyCudaMemoryHead;

typedef struct
{
  GstBufferPool parent;
  GstObject *context;
} YuyCudaPoolHead;

#define YUY_CAPS_FEATURE_CUDA "memory:CUDAMemory"
#define YUY_MAP_CUDA ((GstMapFlags) (GST_MAP_FLAG_LAST << 1))
/* from 1.24 on: a consumer on another stream has to wait for the memory's stream */
#define YUY_CUDA_MEMORY_NEED_SYNC (GST_MEMORY_FLAG_LAST << 2)

/* Oldest CUDA of a driver that takes the kernel's PTX 6.0: 9.0. */
#define YUY_CUDA_MIN_VERSION 9000

typedef struct
{
  /* the driver, libcuda.so.1 */
  CUresult (*cuInit) (unsigned flags);
  CUresult (*cuDriverGetVersion) (int *version);
  CUresult (*cuGetErrorName) (CUresult error, const char **name);
  CUresult (*cuGetErrorString) (CUresult error, const char **text);
  CUresult (*cuDeviceGetCount) (int *count);
  CUresult (*cuDeviceGet) (CUdevice * device, int ordinal);
  CUresult (*cuDeviceGetName) (char *name, int len, CUdevice device);
  CUresult (*cuCtxGetDevice) (CUdevice * device);
  CUresult (*cuMemAlloc) (CUdeviceptr * p, size_t size);
  CUresult (*cuMemFree) (CUdeviceptr p);
  CUresult (*cuMemHostAlloc) (void **p, size_t size, unsigned flags);
  CUresult (*cuMemFreeHost) (void *p);
  CUresult (*cuMemHostRegister) (void *p, size_t size, unsigned flags);
  CUresult (*cuMemHostUnregister) (void *p);
  CUresult (*cuMemcpy2DAsync) (const CUDA_MEMCPY2D * copy, CUstream stream);
  CUresult (*cuModuleLoadData) (CUmodule * module, const void *image);
  CUresult (*cuModuleGetFunction) (CUfunction * function, CUmodule module,
      const char *name);
  CUresult (*cuModuleUnload) (CUmodule module);
  CUresult (*cuLaunchKernel) (CUfunction function, unsigned grid_x,
      unsigned grid_y, unsigned grid_z, unsigned block_x, unsigned block_y,
      unsigned block_z, unsigned shared_bytes, CUstream stream,
      void **parameters, void **extra);
  CUresult (*cuStreamCreate) (CUstream * stream, unsigned flags);
  CUresult (*cuStreamDestroy) (CUstream stream);
  CUresult (*cuStreamSynchronize) (CUstream stream);
  CUresult (*cuEventCreate) (CUevent * event, unsigned flags);
  CUresult (*cuEventRecord) (CUevent event, CUstream stream);
  CUresult (*cuEventSynchronize) (CUevent event);
  CUresult (*cuEventDestroy) (CUevent event);

  /* libgstcuda-1.0.so.0 */
  gboolean (*load_library) (void);
  gboolean (*ensure_element_context) (GstElement * element, gint device_id,
      GstObject ** context);
  gboolean (*handle_set_context) (GstElement * element, GstContext * context,
      gint device_id, GstObject ** cuda_context);
  gboolean (*handle_context_query) (GstElement * element, GstQuery * query,
      GstObject * cuda_context);
  gboolean (*context_push) (GstObject * context);
  gboolean (*context_pop) (CUcontext * context);
  void (*memory_init_once) (void);
  gboolean (*is_cuda_memory) (GstMemory * memory);
  GstBufferPool *(*buffer_pool_new) (GstObject * context);
  GType (*buffer_pool_get_type) (void);
  void (*memory_sync) (void *memory);   /* from 1.24 on, else NULL */
} YuyCuda;

const YuyCuda *yuy_cuda_get (const gchar ** why_not, gboolean * installed);
gboolean yuy_cuda_check (const YuyCuda * cu, CUresult result,
    const gchar * what, GError ** error);

G_END_DECLS
