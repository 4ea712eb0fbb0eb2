/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The CUDA kernel. yuy2nv12.ptx beside this file is what is shipped; make-ptx makes it. */
#include "yuy2nv12-kernel.h"

extern "C" __global__ void __launch_bounds__ (YUY2NV12_BLOCK_X * YUY2NV12_BLOCK_Y)
yuy2nv12 (const Yuy2Nv12Args args)
{
  yuy2nv12_thread (&args, blockIdx.x * YUY2NV12_BLOCK_X + threadIdx.x,
      blockIdx.y * YUY2NV12_BLOCK_Y + threadIdx.y);
}
