/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A stand-in for the NVIDIA driver, libcuda.so.1: the calls that GStreamer's CUDA library
 * and yuy2convert make, over the host's memory, so that a machine without a card runs
 * the code that talks to one. It is as strict as it can be: device addresses cannot be
 * read by the processor, streams do nothing until somebody waits for them, every call
 * needs a current context, an error is for good. The kernel is its own source, compiled
 * for the host. What it cannot show: that a real driver takes the PTX, and any time. */
#include "fakecuda.h"

#include "plugins/yuy2convert/yuy2nv12-kernel.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define API __attribute__ ((visibility ("default")))

typedef int CUresult;
typedef uint64_t CUdeviceptr;

enum
{
  OK = 0,
  INVALID_VALUE = 1,
  OUT_OF_MEMORY = 2,
  NO_DEVICE = 100,
  INVALID_DEVICE = 101,
  INVALID_CONTEXT = 201,
  UNSUPPORTED_PTX_VERSION = 222,
  NOT_FOUND = 500,
  ILLEGAL_ADDRESS = 700,
  LAUNCH_FAILED = 719,
  NOT_SUPPORTED = 801,
};

typedef enum
{
  DEVICE,
  HOST,
  REGISTERED,
} Kind;

typedef struct Block
{
  struct Block *next;
  Kind kind;
  uint8_t *at;                  /* as the caller sees it */
  uint8_t *shadow;              /* where a device's bytes can be touched */
  size_t size;
} Block;

typedef struct
{
  size_t src_x, src_y;
  int src_type;
  const void *src_host;
  CUdeviceptr src_device;
  void *src_array;
  size_t src_pitch;
  size_t dst_x, dst_y;
  int dst_type;
  void *dst_host;
  CUdeviceptr dst_device;
  void *dst_array;
  size_t dst_pitch;
  size_t width, height;
} Copy2D;

typedef struct Op
{
  struct Op *next;
  enum
  { COPY, KERNEL, EVENT } type;
  Copy2D copy;
  Yuy2Nv12Args args;
  unsigned threads_x, threads_y;
  struct Event *event;
} Op;

typedef struct
{
  Op *first, *last;
} Stream;

typedef struct Event
{
  Stream *stream;               /* where it is to come, or NULL */
} Event;

API FakeCuda fake_cuda = {
  .version = 12040,.device_allocations_left = -1,.kernels_left = -1,
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t released = PTHREAD_COND_INITIALIZER;
static Block *blocks;
static CUresult lost;           /* once an error happened on the device */
static _Thread_local void *stack[32];
static _Thread_local int depth;

/* A new life for the device, between tests. */
API void
fake_cuda_reset (void)
{
  pthread_mutex_lock (&lock);
  lost = OK;
  fake_cuda.refuse_module = fake_cuda.refuse_register = 0;
  fake_cuda.no_host_memory = fake_cuda.hold = 0;
  fake_cuda.device_allocations_left = fake_cuda.kernels_left = -1;
  fake_cuda.kernels = fake_cuda.launches = fake_cuda.pageable_copies = 0;
  fake_cuda.bad_calls = fake_cuda.registrations = 0;
  pthread_mutex_unlock (&lock);
}

API void
fake_cuda_set_hold (int hold)
{
  pthread_mutex_lock (&lock);
  fake_cuda.hold = hold;
  pthread_cond_broadcast (&released);
  pthread_mutex_unlock (&lock);
}

static Block *
find (Kind kind, const void *p, size_t size)
{
  for (Block * b = blocks; b; b = b->next) {
    if (b->kind == kind && (uint8_t *) p >= b->at &&
        (uint8_t *) p + size <= b->at + b->size)
      return b;
  }
  return NULL;
}

static Block *
add (Kind kind, void *at, uint8_t * shadow, size_t size)
{
  Block *b = calloc (1, sizeof *b);

  b->kind = kind;
  b->at = at;
  b->shadow = shadow;
  b->size = size;
  b->next = blocks;
  blocks = b;
  return b;
}

static Block *
take (Kind kind, const void *p)
{
  for (Block ** b = &blocks; *b; b = &(*b)->next) {
    if ((*b)->kind == kind && (*b)->at == p) {
      Block *found = *b;

      *b = found->next;
      return found;
    }
  }
  return NULL;
}

/* With the lock from here on. */
static CUresult
enter (void)
{
  pthread_mutex_lock (&lock);
  if (!depth) {
    fake_cuda.bad_calls++;
    return INVALID_CONTEXT;
  }
  return lost;
}

static CUresult
leave (CUresult result)
{
  pthread_mutex_unlock (&lock);
  return result;
}

/* Bytes of device memory, or NULL if not all of them are of one allocation. */
static uint8_t *
touch (CUdeviceptr p, size_t size)
{
  Block *b = find (DEVICE, (void *) (uintptr_t) p, size);

  if (!b) {
    fake_cuda.bad_calls++;
    return NULL;
  }
  return b->shadow + ((uint8_t *) (uintptr_t) p - b->at);
}

static CUresult
run_copy (const Copy2D * c)
{
  size_t span_s = c->src_pitch * (c->height - 1) + c->width;
  size_t span_d = c->dst_pitch * (c->height - 1) + c->width;
  const uint8_t *s = c->src_type == 1 ? c->src_host :
      touch (c->src_device, span_s);
  uint8_t *d = c->dst_type == 1 ? c->dst_host : touch (c->dst_device, span_d);

  if (!s || !d)
    return ILLEGAL_ADDRESS;
  for (size_t i = 0; i < c->height; i++)
    memcpy (d + i * c->dst_pitch, s + i * c->src_pitch, c->width);
  return OK;
}

static CUresult
run_kernel (const Op * op)
{
  Yuy2Nv12Args a = op->args;
  size_t row = ((size_t) a.width + 1) / 2 * 2;
  uint32_t rows = a.uv_rows < a.pair_rows ? a.uv_rows : a.pair_rows;
  uint8_t *src, *y, *uv = NULL;

  if (fake_cuda.kernels_left == 0)
    return LAUNCH_FAILED;
  if (fake_cuda.kernels_left > 0)
    fake_cuda.kernels_left--;
  src = touch (a.src, (size_t) a.src_stride * (a.height - 1) + 2 * row);
  y = touch (a.y, (size_t) a.y_stride * (a.height - 1) + a.width);
  if (rows)
    uv = touch (a.uv, (size_t) a.uv_stride * (rows - 1) + row);
  if (!src || !y || (rows && !uv))
    return ILLEGAL_ADDRESS;
  a.src = (uintptr_t) src;
  a.y = (uintptr_t) y;
  a.uv = (uintptr_t) uv;
  for (unsigned ty = 0; ty < op->threads_y; ty++) {
    for (unsigned tx = 0; tx < op->threads_x; tx++)
      yuy2nv12_thread (&a, tx, ty);
  }
  fake_cuda.kernels++;
  return OK;
}

/* Does what the stream has to do, up to @event or all of it. */
static CUresult
run (Stream * stream, Event * event)
{
  while (stream && stream->first && !lost) {
    Op *op = stream->first;
    int end = 0;

    stream->first = op->next;
    if (!stream->first)
      stream->last = NULL;
    if (op->type == COPY)
      lost = run_copy (&op->copy);
    else if (op->type == KERNEL)
      lost = run_kernel (op);
    else {
      op->event->stream = NULL;
      end = op->event == event;
    }
    free (op);
    if (end)
      break;
  }
  return lost;
}

static void
append (Stream * stream, Op * op)
{
  if (stream->last)
    stream->last->next = op;
  else
    stream->first = op;
  stream->last = op;
}

static void
drop (Stream * stream)
{
  while (stream->first) {
    Op *op = stream->first;

    stream->first = op->next;
    free (op);
  }
  stream->last = NULL;
}

/* Initialisation, devices, contexts */

API CUresult cuInit (unsigned flags);
API CUresult cuDriverGetVersion (int *version);
API CUresult cuGetErrorName (CUresult error, const char **name);
API CUresult cuGetErrorString (CUresult error, const char **text);
API CUresult cuDeviceGet (int *device, int ordinal);
API CUresult cuDeviceGetCount (int *count);
API CUresult cuDeviceGetName (char *name, int len, int device);
API CUresult cuDeviceGetAttribute (int *value, int attribute, int device);
API CUresult cuDeviceCanAccessPeer (int *can, int device, int peer);
API CUresult cuCtxCreate_v2 (void **context, unsigned flags, int device);
API CUresult cuCtxDestroy_v2 (void *context);
API CUresult cuCtxPushCurrent_v2 (void *context);
API CUresult cuCtxPopCurrent_v2 (void **context);
API CUresult cuCtxGetDevice (int *device);

CUresult
cuInit (unsigned flags)
{
  return getenv ("FAKE_CUDA_NO_DEVICE") ? NO_DEVICE : OK;
}

CUresult
cuDriverGetVersion (int *version)
{
  const char *wanted = getenv ("FAKE_CUDA_VERSION");

  *version = wanted ? atoi (wanted) : fake_cuda.version;
  return OK;
}

CUresult
cuGetErrorName (CUresult error, const char **name)
{
  *name = error == OUT_OF_MEMORY ? "CUDA_ERROR_OUT_OF_MEMORY" :
      error == LAUNCH_FAILED ? "CUDA_ERROR_LAUNCH_FAILED" :
      error == UNSUPPORTED_PTX_VERSION ? "CUDA_ERROR_UNSUPPORTED_PTX_VERSION" :
      "CUDA_ERROR_OF_THE_STAND_IN";
  return OK;
}

CUresult
cuGetErrorString (CUresult error, const char **text)
{
  *text = error == OUT_OF_MEMORY ? "out of memory" :
      error == LAUNCH_FAILED ? "unspecified launch failure" : "an error";
  return OK;
}

CUresult
cuDeviceGet (int *device, int ordinal)
{
  *device = ordinal;
  return ordinal == 0 ? OK : INVALID_DEVICE;
}

CUresult
cuDeviceGetCount (int *count)
{
  *count = 1;
  return OK;
}

CUresult
cuDeviceGetName (char *name, int len, int device)
{
  if (len > 0) {
    strncpy (name, "Stand-in", (size_t) len);
    name[len - 1] = 0;
  }
  return OK;
}

CUresult
cuDeviceGetAttribute (int *value, int attribute, int device)
{
  *value = 512;
  return OK;
}

CUresult
cuDeviceCanAccessPeer (int *can, int device, int peer)
{
  *can = 0;
  return OK;
}

CUresult
cuCtxCreate_v2 (void **context, unsigned flags, int device)
{
  *context = malloc (1);
  stack[depth++] = *context;
  pthread_mutex_lock (&lock);
  fake_cuda.contexts_live++;
  return leave (OK);
}

CUresult
cuCtxDestroy_v2 (void *context)
{
  free (context);
  pthread_mutex_lock (&lock);
  fake_cuda.contexts_live--;
  return leave (OK);
}

CUresult
cuCtxPushCurrent_v2 (void *context)
{
  if (!context || depth == 32)
    return INVALID_VALUE;
  stack[depth++] = context;
  return OK;
}

CUresult
cuCtxPopCurrent_v2 (void **context)
{
  if (!depth)
    return INVALID_CONTEXT;
  depth--;
  if (context)
    *context = stack[depth];
  return OK;
}

CUresult
cuCtxGetDevice (int *device)
{
  *device = 0;
  return depth ? OK : INVALID_CONTEXT;
}

/* Memory */

API CUresult cuMemAlloc_v2 (CUdeviceptr * p, size_t size);
API CUresult cuMemAllocPitch_v2 (CUdeviceptr * p, size_t *pitch, size_t width,
    size_t height, unsigned element);
API CUresult cuMemFree_v2 (CUdeviceptr p);
API CUresult cuMemHostAlloc (void **p, size_t size, unsigned flags);
API CUresult cuMemAllocHost_v2 (void **p, size_t size);
API CUresult cuMemFreeHost (void *p);
API CUresult cuMemHostRegister_v2 (void *p, size_t size, unsigned flags);
API CUresult cuMemHostUnregister (void *p);
API CUresult cuMemcpy2D_v2 (const Copy2D * copy);
API CUresult cuMemcpy2DAsync_v2 (const Copy2D * copy, Stream * stream);
API CUresult cuMemcpyDtoDAsync_v2 (CUdeviceptr to, CUdeviceptr from,
    size_t size, Stream * stream);

/* Two views of the same pages: the caller's cannot be read or written. */
CUresult
cuMemAlloc_v2 (CUdeviceptr * p, size_t size)
{
  CUresult r = enter ();
  int fd;
  uint8_t *at, *shadow;

  if (r)
    return leave (r);
  if (fake_cuda.device_allocations_left == 0)
    return leave (OUT_OF_MEMORY);
  if (fake_cuda.device_allocations_left > 0)
    fake_cuda.device_allocations_left--;
  fd = memfd_create ("fakecuda", 0);
  if (fd < 0 || ftruncate (fd, (off_t) size) < 0)
    abort ();
  at = mmap (NULL, size, PROT_NONE, MAP_SHARED, fd, 0);
  shadow = mmap (NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  close (fd);
  if (at == MAP_FAILED || shadow == MAP_FAILED)
    abort ();
  memset (shadow, 0xcd, size);
  add (DEVICE, at, shadow, size);
  fake_cuda.device_live++;
  *p = (uintptr_t) at;
  return leave (OK);
}

CUresult
cuMemAllocPitch_v2 (CUdeviceptr * p, size_t *pitch, size_t width,
    size_t height, unsigned element)
{
  *pitch = (width + 511) & ~(size_t) 511;
  return cuMemAlloc_v2 (p, *pitch * height);
}

CUresult
cuMemFree_v2 (CUdeviceptr p)
{
  Block *b;

  if (enter () == INVALID_CONTEXT)
    return leave (INVALID_CONTEXT);
  b = take (DEVICE, (void *) (uintptr_t) p);
  if (!b) {
    fake_cuda.bad_calls++;
    return leave (INVALID_VALUE);
  }
  munmap (b->at, b->size);
  munmap (b->shadow, b->size);
  free (b);
  fake_cuda.device_live--;
  return leave (lost);
}

CUresult
cuMemHostAlloc (void **p, size_t size, unsigned flags)
{
  CUresult r = enter ();

  if (r)
    return leave (r);
  if (fake_cuda.no_host_memory)
    return leave (OUT_OF_MEMORY);
  if (posix_memalign (p, 4096, size))
    return leave (OUT_OF_MEMORY);
  add (HOST, *p, NULL, size);
  fake_cuda.host_live++;
  return leave (OK);
}

CUresult
cuMemAllocHost_v2 (void **p, size_t size)
{
  return cuMemHostAlloc (p, size, 0);
}

CUresult
cuMemFreeHost (void *p)
{
  Block *b;

  if (enter () == INVALID_CONTEXT)
    return leave (INVALID_CONTEXT);
  b = take (HOST, p);
  if (!b) {
    fake_cuda.bad_calls++;
    return leave (INVALID_VALUE);
  }
  free (b->at);
  free (b);
  fake_cuda.host_live--;
  return leave (lost);
}

CUresult
cuMemHostRegister_v2 (void *p, size_t size, unsigned flags)
{
  CUresult r = enter ();

  if (r)
    return leave (r);
  if (fake_cuda.refuse_register)
    return leave (NOT_SUPPORTED);
  add (REGISTERED, p, NULL, size);
  fake_cuda.registrations++;
  fake_cuda.registered_live++;
  return leave (OK);
}

CUresult
cuMemHostUnregister (void *p)
{
  Block *b;

  if (enter () == INVALID_CONTEXT)
    return leave (INVALID_CONTEXT);
  b = take (REGISTERED, p);
  if (!b) {
    fake_cuda.bad_calls++;
    return leave (INVALID_VALUE);
  }
  free (b);
  fake_cuda.registered_live--;
  return leave (lost);
}

CUresult
cuMemcpy2D_v2 (const Copy2D * copy)
{
  CUresult r = enter ();

  return leave (r ? r : run_copy (copy));
}

CUresult
cuMemcpy2DAsync_v2 (const Copy2D * copy, Stream * stream)
{
  CUresult r = enter ();
  size_t size = copy->src_pitch * (copy->height - 1) + copy->width;
  Op *op;

  if (r)
    return leave (r);
  if (copy->src_type == 1 && !find (HOST, copy->src_host, size) &&
      !find (REGISTERED, copy->src_host, size))
    fake_cuda.pageable_copies++;
  /* the default stream is done at once */
  if (!stream)
    return leave (run_copy (copy));
  op = calloc (1, sizeof *op);
  op->type = COPY;
  op->copy = *copy;
  append (stream, op);
  return leave (OK);
}

CUresult
cuMemcpyDtoDAsync_v2 (CUdeviceptr to, CUdeviceptr from, size_t size,
    Stream * stream)
{
  Copy2D copy = {.src_type = 2,.src_device = from,.src_pitch = size,
    .dst_type = 2,.dst_device = to,.dst_pitch = size,.width = size,.height = 1
  };

  return cuMemcpy2DAsync_v2 (&copy, stream);
}

/* Modules, kernels, streams, events */

API CUresult cuModuleLoadData (void **module, const void *image);
API CUresult cuModuleUnload (void *module);
API CUresult cuModuleGetFunction (void **function, void *module,
    const char *name);
API CUresult cuLaunchKernel (void *function, unsigned gx, unsigned gy,
    unsigned gz, unsigned bx, unsigned by, unsigned bz, unsigned shared,
    Stream * stream, void **parameters, void **extra);
API CUresult cuStreamCreate (Stream ** stream, unsigned flags);
API CUresult cuStreamDestroy (Stream * stream);
API CUresult cuStreamDestroy_v2 (Stream * stream);
API CUresult cuStreamSynchronize (Stream * stream);
API CUresult cuEventCreate (Event ** event, unsigned flags);
API CUresult cuEventRecord (Event * event, Stream * stream);
API CUresult cuEventSynchronize (Event * event);
API CUresult cuEventDestroy_v2 (Event * event);

CUresult
cuModuleLoadData (void **module, const void *image)
{
  CUresult r = enter ();

  if (r)
    return leave (r);
  if (fake_cuda.refuse_module || !strstr (image, ".version 6.0\n") ||
      !strstr (image, ".target sm_50\n"))
    return leave (UNSUPPORTED_PTX_VERSION);
  *module = strdup (image);
  fake_cuda.modules_live++;
  return leave (OK);
}

CUresult
cuModuleUnload (void *module)
{
  free (module);
  pthread_mutex_lock (&lock);
  fake_cuda.modules_live--;
  return leave (lost);
}

CUresult
cuModuleGetFunction (void **function, void *module, const char *name)
{
  char entry[128] = ".visible .entry ";

  strncat (entry, name, 64);
  strcat (entry, "(");
  *function = module;
  return strstr (module, entry) ? OK : NOT_FOUND;
}

CUresult
cuLaunchKernel (void *function, unsigned gx, unsigned gy, unsigned gz,
    unsigned bx, unsigned by, unsigned bz, unsigned shared, Stream * stream,
    void **parameters, void **extra)
{
  CUresult r = enter ();
  Op *op;

  if (r)
    return leave (r);
  if (!function || !stream || !gx || !gy || gz != 1 || bz != 1 || gy > 65535
      || bx != YUY2NV12_BLOCK_X || by != YUY2NV12_BLOCK_Y)
    return leave (INVALID_VALUE);
  op = calloc (1, sizeof *op);
  op->type = KERNEL;
  memcpy (&op->args, parameters[0], sizeof op->args);
  op->threads_x = gx * bx;
  op->threads_y = gy * by;
  append (stream, op);
  fake_cuda.launches++;
  return leave (OK);
}

CUresult
cuStreamCreate (Stream ** stream, unsigned flags)
{
  CUresult r = enter ();

  if (r)
    return leave (r);
  *stream = calloc (1, sizeof **stream);
  fake_cuda.streams_live++;
  return leave (OK);
}

CUresult
cuStreamDestroy_v2 (Stream * stream)
{
  if (enter () == INVALID_CONTEXT)
    return leave (INVALID_CONTEXT);
  drop (stream);
  free (stream);
  fake_cuda.streams_live--;
  return leave (lost);
}

CUresult
cuStreamDestroy (Stream * stream)
{
  return cuStreamDestroy_v2 (stream);
}

CUresult
cuStreamSynchronize (Stream * stream)
{
  CUresult r = enter ();

  return leave (r == INVALID_CONTEXT ? r : run (stream, NULL));
}

CUresult
cuEventCreate (Event ** event, unsigned flags)
{
  CUresult r = enter ();

  if (r)
    return leave (r);
  *event = calloc (1, sizeof **event);
  fake_cuda.events_live++;
  return leave (OK);
}

CUresult
cuEventRecord (Event * event, Stream * stream)
{
  CUresult r = enter ();
  Op *op;

  if (r)
    return leave (r);
  op = calloc (1, sizeof *op);
  op->type = EVENT;
  op->event = event;
  event->stream = stream;
  append (stream, op);
  return leave (OK);
}

CUresult
cuEventSynchronize (Event * event)
{
  CUresult r = enter ();

  if (r == INVALID_CONTEXT)
    return leave (r);
  fake_cuda.waiting++;
  while (fake_cuda.hold)
    pthread_cond_wait (&released, &lock);
  fake_cuda.waiting--;
  return leave (run (event->stream, event));
}

CUresult
cuEventDestroy_v2 (Event * event)
{
  if (enter () == INVALID_CONTEXT)
    return leave (INVALID_CONTEXT);
  free (event);
  fake_cuda.events_live--;
  return leave (lost);
}

/* What the library looks for and nobody here calls. */
#define ABSENT(name) \
  API CUresult name (void); \
  CUresult name (void) { return NOT_SUPPORTED; }
/* *INDENT-OFF* */
ABSENT (cuCtxEnablePeerAccess)
ABSENT (cuCtxDisablePeerAccess)
ABSENT (cuGraphicsMapResources)
ABSENT (cuGraphicsUnmapResources)
ABSENT (cuGraphicsUnregisterResource)
ABSENT (cuGraphicsGLRegisterImage)
ABSENT (cuGraphicsGLRegisterBuffer)
ABSENT (cuGraphicsResourceSetMapFlags_v2)
ABSENT (cuGraphicsSubResourceGetMappedArray)
ABSENT (cuGraphicsResourceGetMappedPointer_v2)
ABSENT (cuGLGetDevices_v2)
ABSENT (cuTexObjectCreate)
ABSENT (cuTexObjectDestroy)
/* *INDENT-ON* */
