/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The GPU's side of a conversion: the kernel, and slots that each hold one picture on
 * its way. */
#pragma once

#include "cudaapi.h"
#include "yuy2nv12-kernel.h"

G_BEGIN_DECLS

typedef struct _YuyCudaConverter YuyCudaConverter;
typedef struct _YuyCudaSlot YuyCudaSlot;

YuyCudaConverter *yuy_cuda_converter_new (const YuyCuda * cu,
    GstObject * context, GError ** error);
void yuy_cuda_converter_free (YuyCudaConverter * converter);
gchar *yuy_cuda_converter_describe (YuyCudaConverter * converter);

YuyCudaSlot *yuy_cuda_slot_new (YuyCudaConverter * converter, GError ** error);
void yuy_cuda_slot_free (YuyCudaSlot * slot);
gboolean yuy_cuda_slot_upload (YuyCudaSlot * slot, const guint8 * data,
    gsize stride, gsize width, guint rows, CUdeviceptr * device,
    gsize * pitch, GError ** error);
gboolean yuy_cuda_slot_launch (YuyCudaSlot * slot, Yuy2Nv12Args * args,
    GError ** error);
guint8 *yuy_cuda_slot_staging (YuyCudaSlot * slot, gsize size, GError ** error);
gboolean yuy_cuda_slot_copy_plane (YuyCudaSlot * slot, const guint8 * data,
    gsize stride, gsize width, guint rows, CUdeviceptr device, gsize pitch,
    GError ** error);
gboolean yuy_cuda_slot_finish (YuyCudaSlot * slot, GError ** error);
gboolean yuy_cuda_slot_wait (YuyCudaSlot * slot, GError ** error);
void yuy_cuda_slot_abandon (YuyCudaSlot * slot);

G_END_DECLS
