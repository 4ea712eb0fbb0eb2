/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Opens the driver and GStreamer's CUDA library. */
#include "cudaapi.h"

#include <gmodule.h>

#define DRIVER "libcuda.so.1"
#define GSTCUDA "libgstcuda-1.0.so.0"

typedef struct
{
  const gchar *name;
  gsize offset;
  gboolean optional;
} Symbol;

#define AT(field) G_STRUCT_OFFSET (YuyCuda, field)

static const Symbol driver_symbols[] = {
  {"cuInit", AT (cuInit)},
  {"cuDriverGetVersion", AT (cuDriverGetVersion)},
  {"cuGetErrorName", AT (cuGetErrorName)},
  {"cuGetErrorString", AT (cuGetErrorString)},
  {"cuDeviceGetCount", AT (cuDeviceGetCount)},
  {"cuDeviceGet", AT (cuDeviceGet)},
  {"cuDeviceGetName", AT (cuDeviceGetName)},
  {"cuCtxGetDevice", AT (cuCtxGetDevice)},
  {"cuMemAlloc_v2", AT (cuMemAlloc)},
  {"cuMemFree_v2", AT (cuMemFree)},
  {"cuMemHostAlloc", AT (cuMemHostAlloc)},
  {"cuMemFreeHost", AT (cuMemFreeHost)},
  {"cuMemHostRegister_v2", AT (cuMemHostRegister)},
  {"cuMemHostUnregister", AT (cuMemHostUnregister)},
  {"cuMemcpy2DAsync_v2", AT (cuMemcpy2DAsync)},
  {"cuModuleLoadData", AT (cuModuleLoadData)},
  {"cuModuleGetFunction", AT (cuModuleGetFunction)},
  {"cuModuleUnload", AT (cuModuleUnload)},
  {"cuLaunchKernel", AT (cuLaunchKernel)},
  {"cuStreamCreate", AT (cuStreamCreate)},
  {"cuStreamDestroy_v2", AT (cuStreamDestroy)},
  {"cuStreamSynchronize", AT (cuStreamSynchronize)},
  {"cuEventCreate", AT (cuEventCreate)},
  {"cuEventRecord", AT (cuEventRecord)},
  {"cuEventSynchronize", AT (cuEventSynchronize)},
  {"cuEventDestroy_v2", AT (cuEventDestroy)},
};

static const Symbol gstcuda_symbols[] = {
  {"gst_cuda_load_library", AT (load_library)},
  {"gst_cuda_ensure_element_context", AT (ensure_element_context)},
  {"gst_cuda_handle_set_context", AT (handle_set_context)},
  {"gst_cuda_handle_context_query", AT (handle_context_query)},
  {"gst_cuda_context_push", AT (context_push)},
  {"gst_cuda_context_pop", AT (context_pop)},
  {"gst_cuda_memory_init_once", AT (memory_init_once)},
  {"gst_is_cuda_memory", AT (is_cuda_memory)},
  {"gst_cuda_buffer_pool_new", AT (buffer_pool_new)},
  {"gst_cuda_buffer_pool_get_type", AT (buffer_pool_get_type)},
  {"gst_cuda_memory_sync", AT (memory_sync), TRUE},
};

static gboolean
load (YuyCuda * cu, GModule * module, const Symbol * symbols, gsize n,
    gchar ** why_not)
{
  for (gsize i = 0; i < n; i++) {
    gpointer *at = (gpointer *) G_STRUCT_MEMBER_P (cu, symbols[i].offset);

    if (!g_module_symbol (module, symbols[i].name, at) && !symbols[i].optional) {
      *why_not = g_strdup_printf ("%s is too old: it has no %s",
          g_module_name (module), symbols[i].name);
      return FALSE;
    }
  }
  return TRUE;
}

static gboolean
open_all (YuyCuda * cu, gchar ** why_not, gboolean * installed)
{
  GModule *driver, *gstcuda;
  int version = 0, devices = 0;
  CUresult result;

  driver = g_module_open (DRIVER, G_MODULE_BIND_LAZY | G_MODULE_BIND_LOCAL);
  if (!driver) {
    *why_not = g_strdup ("no NVIDIA driver (" DRIVER " is not installed)");
    return FALSE;
  }
  /* a driver's threads outlive any dlclose() */
  g_module_make_resident (driver);
  *installed = TRUE;
  if (!load (cu, driver, driver_symbols, G_N_ELEMENTS (driver_symbols),
          why_not))
    return FALSE;
  /* needs no cuInit() */
  if (cu->cuDriverGetVersion (&version) != CUDA_SUCCESS)
    version = 0;
  if (version < YUY_CUDA_MIN_VERSION) {
    *why_not = g_strdup_printf ("the NVIDIA driver is too old: it has CUDA "
        "%d.%d, 9.0 is needed (driver 384 or later)", version / 1000,
        version % 1000 / 10);
    return FALSE;
  }
  /* Before libgstcuda does it: where it fails, that of 1.22 leaves a lock behind on
   * which the next one who asks for a context waits for ever. */
  result = cu->cuInit (0);
  if (result == CUDA_SUCCESS)
    result = cu->cuDeviceGetCount (&devices);
  if (result != CUDA_SUCCESS || devices == 0) {
    g_autoptr (GError) error = NULL;

    yuy_cuda_check (cu, result, "no device can be used", &error);
    *why_not = g_strdup_printf ("the NVIDIA driver is there, but %s; "
        "nvidia-smi may tell more", error ? error->message : "no card");
    return FALSE;
  }
  gstcuda = g_module_open (GSTCUDA, G_MODULE_BIND_LAZY | G_MODULE_BIND_LOCAL);
  if (!gstcuda) {
    *why_not = g_strdup ("GStreamer's CUDA library (" GSTCUDA
        ", of gst-plugins-bad) is not installed");
    return FALSE;
  }
  g_module_make_resident (gstcuda);
  if (!load (cu, gstcuda, gstcuda_symbols, G_N_ELEMENTS (gstcuda_symbols),
          why_not))
    return FALSE;
  /* Before anything else of libgstcuda: without it, the rest aborts. */
  if (!cu->load_library ()) {
    *why_not = g_strdup_printf ("GStreamer's CUDA library does not work with "
        "the NVIDIA driver (CUDA %d.%d): GST_DEBUG=cudaloader:2 tells why",
        version / 1000, version % 1000 / 10);
    return FALSE;
  }
  cu->memory_init_once ();
  return TRUE;
}

/* The functions, or NULL and why there are none. @installed is whether there is a driver
 * at all. The libraries are looked for once in a process. */
const YuyCuda *
yuy_cuda_get (const gchar ** why_not, gboolean * installed)
{
  static gsize once;
  static YuyCuda cuda;
  static gchar *reason;
  static gboolean works, is_installed;

  if (g_once_init_enter (&once)) {
    works = open_all (&cuda, &reason, &is_installed);
    g_once_init_leave (&once, 1);
  }
  *why_not = reason;
  *installed = is_installed;
  return works ? &cuda : NULL;
}

/* Whether @result is success; else @error says what failed, in the driver's words. */
gboolean
yuy_cuda_check (const YuyCuda * cu, CUresult result, const gchar * what,
    GError ** error)
{
  const char *name = NULL, *text = NULL;

  if (result == CUDA_SUCCESS)
    return TRUE;
  cu->cuGetErrorName (result, &name);
  cu->cuGetErrorString (result, &text);
  g_set_error (error, GST_RESOURCE_ERROR, GST_RESOURCE_ERROR_FAILED,
      "%s: %s (%s, %d)", what, text ? text : "unknown error",
      name ? name : "?", result);
  return FALSE;
}
