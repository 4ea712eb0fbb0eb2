/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The links that rate control is tried on. */
#pragma once

#include "ratesim.h"

#define M (G_GUINT64_CONSTANT (1000000))
#define AT(s) ((s) * RATE_SIM_SECOND)
#define LIMITS .min = 150000, .start = 1000000, .max = 8 * M
#define PATH .buffer = 200 * RATE_SIM_MS, .delay = 25 * RATE_SIM_MS

static const RateSimConfig rate_sim_links[] = {
  {.name = "steps",.rates = {5 * M, 1 * M, 3 * M},.at = {0, AT (30), AT (60)},
   .duration = AT (90), PATH, LIMITS},
  {.name = "steps, 2 % loss",.rates = {5 * M, 1 * M, 3 * M},
   .at = {0, AT (30), AT (60)},.duration = AT (90), PATH, LIMITS,.loss = 0.02},
  {.name = "steps, 10 ms jitter",.rates = {5 * M, 1 * M, 3 * M},
   .at = {0, AT (30), AT (60)},.duration = AT (90), PATH, LIMITS,
   .jitter = 10 * RATE_SIM_MS},
  {.name = "halved",.rates = {4 * M, 2 * M},.at = {0, AT (30)},
   .duration = AT (60), PATH, LIMITS},
  {.name = "halved, 100 ms away",.rates = {4 * M, 2 * M},.at = {0, AT (30)},
   .duration = AT (60),.buffer = 200 * RATE_SIM_MS,
   .delay = 100 * RATE_SIM_MS, LIMITS},
  {.name = "other traffic, 1 of 3 Mbit/s, 20–40 s",.rates = {3 * M},
   .duration = AT (60), PATH, LIMITS,.cross = 1 * M,.cross_from = AT (20),
   .cross_to = AT (40)},
  {.name = "drift 200 ppm",.rates = {3 * M},.duration = AT (60), PATH, LIMITS,
   .drift = 200},
  {.name = "another like us from 20 s on",.rates = {4 * M},.duration = AT (80),
   PATH, LIMITS,.rivals = 1,.rivals_from = AT (20)},
};

#undef PATH
#undef LIMITS
#undef AT
