/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the files of yuy2convert share. */
#pragma once

#include "gstyuy2convert.h"
#include "cudaconvert.h"
#include "pinned.h"
#include "slicepool.h"

#include <gst/lockstep/slicetune.h>
#include <gst/lockstep/yuy2.h>
#include <gst/video/video.h>

G_BEGIN_DECLS

GST_DEBUG_CATEGORY_EXTERN (yuy2convert_debug);
#define GST_CAT_DEFAULT yuy2convert_debug

#define YUY_MAX_THREADS 8            /* for one frame */

typedef enum
{
  YUY_DEVICE_AUTO,
  YUY_DEVICE_CUDA,
  YUY_DEVICE_CPU,
} YuyDevice;

typedef enum
{
  YUY_PATH_NONE,                /* not looked for yet */
  YUY_PATH_CPU,
  YUY_PATH_CUDA,
  YUY_PATH_PASSTHROUGH,
} YuyPath;

/* The GPU's part, in gstyuy2convertcuda.c. */
typedef struct
{
  /* set from READY on, by the state change; the context also by set_context */
  const YuyCuda *cu;
  GstObject *context;
  YuyCudaConverter *converter;

  GMutex lock;
  GCond cond;
  /* with the lock */
  GQueue pending;               /* of YuyEntry, in order */
  GQueue free_slots;            /* of YuyCudaSlot */
  guint n_slots;
  gboolean flushing;
  gboolean pushing;             /* the task is at work on an entry */
  gboolean failed;              /* the card; pending is for the CPU */
  GError *error;                /* why */
  GstFlowReturn flow;           /* of the last push */
  gboolean running;             /* the task was started */
} YuyGpu;

typedef struct
{
  guint64 cpu, cuda, passed;    /* frames out */
  guint64 pinned, registered, prepared; /* frames uploaded, by how */
  guint64 device;               /* frames that were on the card already */
  guint64 fallbacks;
  guint max_in_flight;
} YuyStats;

struct _GstYuy2convert
{
  GstBaseTransform parent;

  /* properties; with the object's lock */
  YuyDevice device;
  gint cuda_device_id;
  guint n_threads;
  guint frames_in_flight;
  YuyPath path;
  gchar *path_reason;
  YuyStats stats;
  GstClockTime latency;         /* that is added; with the object's lock too */

  /* the streaming thread's */
  GstVideoInfo in_info, out_info;
  LockstepYuy2Order order;
  gboolean cuda_out;
  LockstepSliceTune tune;
  YuySlicePool *slices;

  gint opened;                  /* atomic: looked for the card; caps follow it */
  gint usable;                  /* atomic: the card works */
  YuyGpu gpu;
};

/* gstyuy2convertprops.c */
void yuy_init_properties (GstYuy2convert * self);
void yuy_install_properties (GstYuy2convertClass * klass);
void yuy_set_path (GstYuy2convert * self, YuyPath path, const gchar * format,
    ...) G_GNUC_PRINTF (3, 4);

/* gstyuy2convertcpu.c */
void yuy_cpu_decide_pool (GstYuy2convert * self, GstQuery * query);
void yuy_convert_picture (GstYuy2convert * self, LockstepYuy2Picture * picture);
GstFlowReturn yuy_convert_on_cpu (GstYuy2convert * self, GstBuffer * in,
    GstBuffer * out);
guint yuy_fitting_uv_rows (const GstVideoFrame * to, guint rows);
LockstepYuy2Picture yuy_picture_of (GstYuy2convert * self,
    const GstVideoFrame * in);

/* gstyuy2convertcaps.c */
gboolean yuy_order_of (GstVideoFormat format, LockstepYuy2Order * order);
GstCaps *yuy_transform_caps (GstBaseTransform * trans,
    GstPadDirection direction, GstCaps * caps, GstCaps * filter);
GstCaps *yuy_fixate_caps (GstBaseTransform * trans, GstPadDirection direction,
    GstCaps * caps, GstCaps * othercaps);
gboolean yuy_get_unit_size (GstBaseTransform * trans, GstCaps * caps,
    gsize * size);

/* gstyuy2convertcuda.c */
void yuy_gpu_init (YuyGpu * gpu);
void yuy_gpu_clear (YuyGpu * gpu);
void yuy_gpu_open (GstYuy2convert * self);
void yuy_gpu_close (GstYuy2convert * self);
void yuy_gpu_give_up (GstYuy2convert * self, const GError * error);
gboolean yuy_gpu_start_task (GstYuy2convert * self);
void yuy_gpu_stop_task (GstYuy2convert * self);
void yuy_gpu_set_flushing (GstYuy2convert * self, gboolean flushing);
void yuy_gpu_drop (GstYuy2convert * self);
GstFlowReturn yuy_gpu_drain (GstYuy2convert * self);
GstFlowReturn yuy_gpu_submit (GstYuy2convert * self, GstBuffer * in,
    GstBuffer ** out);
gboolean yuy_gpu_propose_pool (GstYuy2convert * self, GstQuery * query);
gboolean yuy_gpu_decide_pool (GstYuy2convert * self, GstQuery * query);

G_END_DECLS
