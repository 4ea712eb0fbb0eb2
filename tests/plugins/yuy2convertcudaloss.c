/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Every way in which a card or a driver lets yuy2convert down: the processor goes on. */
#include "yuy2convertcuda.h"

static void
test_device_loss (void)
{
  for (gint left = 0; left < FRAMES; left++) {
    Fixture f;

    fake->kernels_left = left;
    fixture_init (&f, "", BOTH, "YUY2", 66, 33, "");
    check_fallback (&f, FRAMES);
    g_assert_cmpuint (stat_of (&f, "cuda"), ==, left);
    /* those of the lost card's memory cannot be looked at */
    for (gint i = 0; i < left; i++)
      gst_buffer_unref (gst_harness_pull (f.h));
    check_system_outputs (&f, (guint) left, FRAMES);
    assert_path (&f, PATH_CPU, "unspecified launch failure");
    assert_message (&f, GST_MESSAGE_WARNING, "CUDA_ERROR_LAUNCH_FAILED");
    fixture_clear (&f);
  }
}

/* On one processor the next pictures are begun, and refused, before anybody hears of the one
 * that failed: the cause is told, not the consequence. */
static void
test_device_loss_on_one_processor (void)
{
  cpu_set_t all, one;
  int processor = 0;

  g_assert_cmpint (sched_getaffinity (0, sizeof all, &all), ==, 0);
  while (!CPU_ISSET (processor, &all))
    processor++;
  CPU_ZERO (&one);
  CPU_SET (processor, &one);
  g_assert_cmpint (sched_setaffinity (0, sizeof one, &one), ==, 0);
  test_device_loss ();
  g_assert_cmpint (sched_setaffinity (0, sizeof all, &all), ==, 0);
}

static void
test_loss_and_nowhere_to_go (void)
{
  GstFlowReturn flow = GST_FLOW_OK;
  Fixture f;

  fake->kernels_left = 1;
  fixture_init (&f, "", CUDA, "YUY2", 64, 32, "");
  for (guint i = 0; i < FRAMES && flow == GST_FLOW_OK; i++)
    flow = push (&f, pool_buffer (&f));
  gst_harness_push_event (f.h, gst_event_new_eos ());
  assert_message (&f, GST_MESSAGE_ERROR, "takes nothing but CUDA memory");
  fixture_clear (&f);
}

/* At each allocation in turn: the pool's trial, frames, the upload's target. */
static void
test_no_memory_on_the_card (void)
{
  for (gint left = 0; left < 6; left++) {
    Fixture f;

    fake->device_allocations_left = left;
    fixture_init (&f, "", BOTH, "YUY2", 66, 34, "");
    check_fallback (&f, FRAMES);
    for (guint i = 0; i < FRAMES; i++)
      check_output (&f, i);
    assert_message (&f, GST_MESSAGE_WARNING, "no memory on the card");
    fixture_clear (&f);
  }
}

/* Without pinned memory the pool gives ordinary memory, and what the element itself needs
 * of it is missing: the processor goes on. */
static void
test_no_pinned_memory (void)
{
  Fixture f;

  fake->no_host_memory = 1;
  fixture_init (&f, "", BOTH, "YUY2", 66, 34, "");
  check_fallback (&f, 3);
  check_system_outputs (&f, 0, 3);
  assert_message (&f, GST_MESSAGE_WARNING, "no pinned memory");
  fixture_clear (&f);
}

/* A card that is asked for by number and is not there. */
static void
test_no_such_card (void)
{
  check_one ("cuda-device-id=7", BOTH, PATH_CPU, "see cuda-device-id");
}

static void
test_kernel_refused (void)
{
  fake->refuse_module = 1;
  check_one ("", BOTH, PATH_CPU, "CUDA_ERROR_UNSUPPORTED_PTX_VERSION");
}

/* The next start tries the card again. */
static void
test_the_card_comes_back (void)
{
  Fixture f;

  fake->kernels_left = 1;
  fixture_init (&f, "", BOTH, "YUY2", 64, 32, "");
  check_fallback (&f, 3);
  while (gst_harness_buffers_in_queue (f.h))
    gst_buffer_unref (gst_harness_pull (f.h));
  for (guint i = 0; i < f.n; i++)
    gst_buffer_unref (f.in[i]);
  f.n = 0;
  gst_element_set_state (f.h->element, GST_STATE_NULL);
  reset ();
  gst_element_set_state (f.h->element, GST_STATE_PLAYING);
  assert_path (&f, PATH_CUDA, "Stand-in");
  fixture_clear (&f);
}

/* What is found out once in a process needs one of its own. */
static void
without (const gchar * name, const gchar * value, const gchar * reason)
{
  if (g_test_subprocess ()) {
    g_setenv (name, value, TRUE);
    check_one ("", BOTH, PATH_CPU, reason);
    return;
  }
  g_test_trap_subprocess (NULL, 0, 0);
  g_test_trap_assert_passed ();
}

static void
test_old_driver (void)
{
  without ("FAKE_CUDA_VERSION", "8000",
      "too old: it has CUDA 8.0, 9.0 is needed");
}

static void
test_no_device (void)
{
  without ("FAKE_CUDA_NO_DEVICE", "1", "no device can be used");
}

int
main (int argc, char **argv)
{
  gst_init (&argc, &argv);
  g_test_init (&argc, &argv, NULL);
  if (!open_stand_in ())
    return 1;
  g_test_add_func ("/cuda/device-loss", test_device_loss);
  g_test_add_func ("/cuda/device-loss-on-one-processor",
      test_device_loss_on_one_processor);
  g_test_add_func ("/cuda/loss-and-nowhere-to-go", test_loss_and_nowhere_to_go);
  g_test_add_func ("/cuda/no-memory-on-the-card", test_no_memory_on_the_card);
  g_test_add_func ("/cuda/no-pinned-memory", test_no_pinned_memory);
  g_test_add_func ("/cuda/no-such-card", test_no_such_card);
  g_test_add_func ("/cuda/kernel-refused", test_kernel_refused);
  g_test_add_func ("/cuda/no-device", test_no_device);
  g_test_add_func ("/cuda/the-card-comes-back", test_the_card_comes_back);
  g_test_add_func ("/cuda/old-driver", test_old_driver);
  return g_test_run ();
}
