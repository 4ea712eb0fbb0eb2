/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* In the environment: FAKE_CUDA_VERSION, the driver's, and FAKE_CUDA_NO_DEVICE, a
 * driver without a card. */
/* What a test can ask of the stand-in for the CUDA driver, and see of it. The symbol
 * "fake_cuda" of libcuda.so.1 is one of these. */
#pragma once

typedef struct
{
  /* set by the test */
  int version;                  /* of CUDA: 1000 * major + 10 * minor */
  int refuse_module;            /* as an old driver refuses a new PTX */
  int refuse_register;          /* host memory that cannot be registered */
  int no_host_memory;           /* pinned memory is used up */
  int device_allocations_left;  /* -1: as many as one likes */
  int kernels_left;             /* then the device is lost; -1: never */
  int hold;                     /* events do not end while it is set */

  /* counted; read when nothing runs */
  int kernels, launches;        /* done, begun */
  int waiting;                  /* threads in cuEventSynchronize() */
  int pageable_copies;          /* asynchronous copies from ordinary memory */
  int bad_calls;                /* calls without a context, wild addresses */
  int registrations;
  int device_live, host_live, registered_live;  /* memory that is held */
  int contexts_live, streams_live, events_live, modules_live;
} FakeCuda;

/* A new life for the device, between tests. */
void fake_cuda_reset (void);
void fake_cuda_set_hold (int hold);
