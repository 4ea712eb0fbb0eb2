/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Host memory that the card reads by itself: allocated so, or registered later. */
#pragma once

#include "cudaapi.h"

G_BEGIN_DECLS

typedef enum
{
  YUY_MEMORY_PAGEABLE,
  YUY_MEMORY_PINNED,            /* of our allocator */
  YUY_MEMORY_REGISTERED,        /* somebody else's */
} YuyMemoryKind;

GstAllocator *yuy_pinned_allocator_new (const YuyCuda * cu,
    GstObject * context);
YuyMemoryKind yuy_memory_kind (const YuyCuda * cu, GstObject * context,
    GstBuffer * buffer, const guint8 * data, gsize size);

G_END_DECLS
