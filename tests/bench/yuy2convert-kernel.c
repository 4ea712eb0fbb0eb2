/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The CUDA kernel on a card, through the driver alone: the shipped PTX is loaded as the
 * element loads it.
 *   bench-yuy2convert-kernel PTX --check   every byte against the reference, many sizes
 *   bench-yuy2convert-kernel PTX           time at 8K beside a device copy of as many bytes,
 *                                          and the upload of a frame from pinned memory
 * Buffers rotate through more than the card's second cache. */
#include <gst/lockstep/yuy2.h>

#include "plugins/yuy2convert/cudaapi.h"
#include "plugins/yuy2convert/yuy2nv12-kernel.h"

#include <gmodule.h>
#include <stdio.h>
#include <string.h>

#define SETS 6                  /* of 116 MB at 8K; an H200's cache holds 60 */
#define REPEATS 120
#define ROUNDS 9

/* functions that the element does not use itself */
static CUresult (*init) (unsigned flags);
static CUresult (*context_create) (CUcontext * context, unsigned flags,
    CUdevice device);
static CUresult (*copy_on_device) (CUdeviceptr to, CUdeviceptr from,
    size_t size, CUstream stream);
static YuyCuda cu;
static CUfunction kernel;
static CUstream stream;

static void
check (CUresult result, const char *what)
{
  const char *text = "?";

  if (result == CUDA_SUCCESS)
    return;
  cu.cuGetErrorString (result, &text);
  fprintf (stderr, "%s: %s (%d)\n", what, text, result);
  exit (1);
}

static void
open_driver (const char *ptx_file)
{
  static const struct
  {
    const char *name;
    void *at;
  } symbols[] = {
    {"cuInit", &init}, {"cuCtxCreate_v2", &context_create},
    {"cuDriverGetVersion", &cu.cuDriverGetVersion},
    {"cuMemcpyDtoDAsync_v2", &copy_on_device},
    {"cuGetErrorString", &cu.cuGetErrorString},
    {"cuDeviceGet", &cu.cuDeviceGet}, {"cuDeviceGetName", &cu.cuDeviceGetName},
    {"cuMemAlloc_v2", &cu.cuMemAlloc}, {"cuMemFree_v2", &cu.cuMemFree},
    {"cuMemHostAlloc", &cu.cuMemHostAlloc},
    {"cuMemFreeHost", &cu.cuMemFreeHost},
    {"cuMemcpy2DAsync_v2", &cu.cuMemcpy2DAsync},
    {"cuModuleLoadData", &cu.cuModuleLoadData},
    {"cuModuleGetFunction", &cu.cuModuleGetFunction},
    {"cuLaunchKernel", &cu.cuLaunchKernel},
    {"cuStreamCreate", &cu.cuStreamCreate},
    {"cuStreamSynchronize", &cu.cuStreamSynchronize},
  };
  GModule *driver = g_module_open ("libcuda.so.1", G_MODULE_BIND_LAZY);
  g_autofree gchar *ptx = NULL;
  CUcontext context;
  CUmodule module;
  CUdevice device;
  char name[128];
  int version;

  if (!driver) {
    fprintf (stderr, "no NVIDIA driver: libcuda.so.1 is not found\n");
    exit (69);
  }
  for (gsize i = 0; i < G_N_ELEMENTS (symbols); i++) {
    if (!g_module_symbol (driver, symbols[i].name, symbols[i].at)) {
      fprintf (stderr, "the driver has no %s\n", symbols[i].name);
      exit (69);
    }
  }
  if (!g_file_get_contents (ptx_file, &ptx, NULL, NULL)) {
    fprintf (stderr, "cannot read %s\n", ptx_file);
    exit (66);
  }
  check (init (0), "cuInit");
  check (cu.cuDeviceGet (&device, 0), "cuDeviceGet");
  check (context_create (&context, 0, device), "cuCtxCreate");
  check (cu.cuModuleLoadData (&module, ptx), "cuModuleLoadData");
  check (cu.cuModuleGetFunction (&kernel, module, "yuy2nv12"), "the kernel");
  check (cu.cuStreamCreate (&stream, CU_STREAM_NON_BLOCKING), "cuStreamCreate");
  cu.cuDeviceGetName (name, sizeof name, device);
  cu.cuDriverGetVersion (&version);
  printf ("%s, driver of CUDA %d.%d\n", name, version / 1000,
      version % 1000 / 10);
}

static CUdeviceptr
device_memory (gsize size)
{
  CUdeviceptr p;

  check (cu.cuMemAlloc (&p, size), "cuMemAlloc");
  return p;
}

static void
copy (const void *host, CUdeviceptr from, void *to_host, CUdeviceptr to,
    gsize pitch, gsize rows)
{
  CUDA_MEMCPY2D c = {
    .srcMemoryType = host ? CU_MEMORYTYPE_HOST : CU_MEMORYTYPE_DEVICE,
    .srcHost = host,.srcDevice = from,.srcPitch = pitch,
    .dstMemoryType = to_host ? CU_MEMORYTYPE_HOST : CU_MEMORYTYPE_DEVICE,
    .dstHost = to_host,.dstDevice = to,.dstPitch = pitch,
    .WidthInBytes = pitch,.Height = rows,
  };

  check (cu.cuMemcpy2DAsync (&c, stream), "cuMemcpy2DAsync");
}

static void
launch (Yuy2Nv12Args * args)
{
  void *parameters[] = { args };
  unsigned x, y;

  yuy2nv12_grid (args, &x, &y);
  check (cu.cuLaunchKernel (kernel, x, y, 1, YUY2NV12_BLOCK_X, YUY2NV12_BLOCK_Y,
          1, 0, stream, parameters, NULL), "cuLaunchKernel");
}

static void
wait_for_card (void)
{
  check (cu.cuStreamSynchronize (stream), "cuStreamSynchronize");
}

/* One frame of noise, through the card and through the reference. */
static void
check_one (GRand * rand, LockstepYuy2Picture p, gsize pad)
{
  const LockstepYuy2Bytes *at = lockstep_yuy2_bytes (p.order);
  gsize half = ((gsize) p.width + 1) / 2, out_size, src_size;
  guint8 *src, *expected;
  void *got;
  CUdeviceptr d_src, d_out;
  Yuy2Nv12Args args;

  p.uv_rows = lockstep_yuy2_uv_rows (p.height, p.interlaced);
  p.src_stride = half * 4 + pad;
  p.y_stride = p.uv_stride = half * 2 + pad;
  src_size = p.src_stride * p.height;
  out_size = p.y_stride * (p.height + p.uv_rows);
  check (cu.cuMemHostAlloc ((void **) &src, src_size, 0), "cuMemHostAlloc");
  check (cu.cuMemHostAlloc (&got, out_size, 0), "cuMemHostAlloc");
  expected = g_malloc (out_size);
  for (gsize i = 0; i < src_size; i++)
    src[i] = (guint8) (g_rand_int (rand) >> 9);
  memset (expected, 0xa5, out_size);
  memset (got, 0xa5, out_size);
  p.src = src;
  p.y = expected;
  p.uv = expected + p.y_stride * p.height;
  lockstep_yuy2_to_nv12_reference (&p);

  d_src = device_memory (src_size);
  d_out = device_memory (out_size);
  copy (src, 0, NULL, d_src, p.src_stride, p.height);
  copy (got, 0, NULL, d_out, p.y_stride, p.height + p.uv_rows);
  args = (Yuy2Nv12Args) {
  .src = d_src,.y = d_out,.uv = d_out + p.y_stride * p.height,.src_stride =
        (guint32) p.src_stride,.y_stride = (guint32) p.y_stride,.uv_stride =
        (guint32) p.uv_stride,.width = p.width,.height = p.height,.uv_rows =
        p.uv_rows,.interlaced = !!p.interlaced,};
  yuy2nv12_args_finish (&args, at->y0, at->u, at->y1, at->v);
  launch (&args);
  copy (NULL, d_out, got, 0, p.y_stride, p.height + p.uv_rows);
  wait_for_card ();
  if (memcmp (got, expected, out_size)) {
    fprintf (stderr, "differs: order %d, interlaced %d, %ux%u, %zu bytes "
        "between rows\n", p.order, p.interlaced, p.width, p.height, pad);
    exit (1);
  }
  cu.cuMemFree (d_src);
  cu.cuMemFree (d_out);
  cu.cuMemFreeHost (src);
  cu.cuMemFreeHost (got);
  g_free (expected);
}

static void
check_all (void)
{
  static const guint sizes[][2] = { {2, 2}, {1920, 1080}, {7680, 4320} };
  g_autoptr (GRand) rand = g_rand_new_with_seed (1);
  guint n = 0;

  for (guint k = 0; k < 2 * LOCKSTEP_YUY2_N_ORDERS; k++) {
    LockstepYuy2Picture p = {.order = k / 2,.interlaced = k & 1 };

    for (guint i = 0; i < G_N_ELEMENTS (sizes); i++, n++) {
      p.width = sizes[i][0];
      p.height = sizes[i][1];
      check_one (rand, p, 0);
    }
    for (guint i = 0; i < 40; i++, n++) {
      p.width = (guint) g_rand_int_range (rand, 1, 600);
      p.height = (guint) g_rand_int_range (rand, 1, 60);
      check_one (rand, p, i & 1 ? (gsize) g_rand_int_range (rand, 0, 40) :
          16 - ((gsize) p.width + 1) / 2 * 2 % 16);
    }
  }
  printf ("%u frames: every byte as the reference has it\n", n);
}

static int
compare (const void *a, const void *b)
{
  double d = *(const double *) a - *(const double *) b;

  return d < 0 ? -1 : d > 0;
}

static double
median (double *times)
{
  qsort (times, ROUNDS, sizeof *times, compare);
  return times[ROUNDS / 2];
}

static void
measure (void)
{
  const guint w = 7680, h = 4320;
  const gsize in = (gsize) w * h * 2, out = (gsize) w *h * 3 / 2;
  const LockstepYuy2Bytes *at = lockstep_yuy2_bytes (LOCKSTEP_YUY2_YUY2);
  CUdeviceptr src[SETS], dst[SETS];
  double by_kernel[ROUNDS], by_copy[ROUNDS], by_upload[ROUNDS], k, c, u;
  void *host[SETS];

  for (guint i = 0; i < SETS; i++) {
    src[i] = device_memory (in);
    dst[i] = device_memory (in);
    check (cu.cuMemHostAlloc (&host[i], in, 0), "cuMemHostAlloc");
    memset (host[i], (int) i, in);
    copy (host[i], 0, NULL, src[i], w * 2, h);
  }
  for (guint r = 0; r < ROUNDS; r++) {
    gint64 start;

    wait_for_card ();
    start = g_get_monotonic_time ();
    for (guint i = 0; i < REPEATS; i++) {
      Yuy2Nv12Args args = {
        .src = src[i % SETS],.y = dst[i % SETS],
        .uv = dst[i % SETS] + (CUdeviceptr) w * h,.src_stride = w * 2,
        .y_stride = w,.uv_stride = w,.width = w,.height = h,.uv_rows = h / 2,
      };

      yuy2nv12_args_finish (&args, at->y0, at->u, at->y1, at->v);
      launch (&args);
    }
    wait_for_card ();
    by_kernel[r] = (double) (g_get_monotonic_time () - start) / REPEATS;
    /* a copy moves its bytes twice; this one as many as the kernel */
    start = g_get_monotonic_time ();
    for (guint i = 0; i < REPEATS; i++)
      check (copy_on_device (dst[i % SETS], src[i % SETS], (in + out) / 2,
              stream), "cuMemcpyDtoDAsync");
    wait_for_card ();
    by_copy[r] = (double) (g_get_monotonic_time () - start) / REPEATS;
    start = g_get_monotonic_time ();
    for (guint i = 0; i < SETS; i++)
      copy (host[i], 0, NULL, src[i], w * 2, h);
    wait_for_card ();
    by_upload[r] = (double) (g_get_monotonic_time () - start) / SETS;
  }
  k = median (by_kernel);
  c = median (by_copy);
  u = median (by_upload);
  printf ("| 8K frame | us | GB/s | of the copy | frames a second |\n"
      "|---|---|---|---|---|\n| kernel | %.1f | %.0f | %.2f | %.0f |\n"
      "| device copy | %.1f | %.0f | 1 | |\n"
      "| upload from pinned memory | %.0f | %.1f | | %.0f |\n", k,
      (double) (in + out) / 1000 / k, c / k, 1e6 / k, c,
      (double) (in + out) / 1000 / c, u, (double) in / 1000 / u, 1e6 / u);
}

int
main (int argc, char **argv)
{
  if (argc < 2) {
    fprintf (stderr, "usage: bench-yuy2convert-kernel PTX [--check]\n");
    return 64;
  }
  open_driver (argv[1]);
  if (argc > 2 && g_str_equal (argv[2], "--check"))
    check_all ();
  else
    measure ();
  return 0;
}
