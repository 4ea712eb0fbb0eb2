/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Rate control over simulated links: a table, one line a link and step. */
#include "ratesim.h"
#include "ratesim-links.h"

#include <locale.h>

/* Stock webrtcbin has no rate control: it sends what it was told to. */
#define STOCK_RATE 2500000

static void
print_step (const RateSimConfig * config, const char *sender,
    const RateSimResult * result, guint step)
{
  gint64 from = config->at[step];
  gint64 to = step + 1 < RATE_SIM_STEPS && config->rates[step + 1]
      ? config->at[step + 1] : config->duration;

  g_print ("| %s | %.1f | %s | %.0f %% | %.0f | %.0f | %.0f | %.0f |\n",
      config->name, config->rates[step] / 1e6, sender,
      100 * rate_sim_utilisation (result, from + 10 * RATE_SIM_SECOND, to),
      rate_sim_queue (result, from, to, 0.95) / 1e6,
      rate_sim_queue (result, from, to, 1.0) / 1e6,
      rate_sim_recovery (result, from) / 1e6,
      rate_sim_freeze (result, from, to) / 1e6);
}

static void
run_link (const RateSimConfig * config, const char *sender)
{
  g_autoptr (RateSimResult) result = rate_sim_run (config);

  for (guint s = 0; s < RATE_SIM_STEPS && config->rates[s]; s++)
    print_step (config, sender, result, s);
  if (config->rivals)
    g_print ("| %s, our share of the last 30 s | | %s | %.0f %% | | | | |\n",
        config->name, sender, 100 * rate_sim_share (result,
            config->duration - 30 * RATE_SIM_SECOND, config->duration));
}

int
main (int argc, char **argv)
{
  guint seed = argc > 1 ? (guint) g_ascii_strtoull (argv[1], NULL, 10) : 1;

  setlocale (LC_ALL, "");
  g_print ("| link | Mbit/s | sender | used after 10 s | queue p95, ms "
      "| queue max, ms | queue below 100 ms after, ms | longest freeze, ms |\n"
      "|---|---|---|---|---|---|---|---|\n");
  for (guint i = 0; i < G_N_ELEMENTS (rate_sim_links); i++) {
    RateSimConfig config = rate_sim_links[i];

    config.seed = seed;
    run_link (&config, "lockstep");
    config.min = config.start = config.max = STOCK_RATE;
    run_link (&config, "2.5 Mbit/s, no control");
  }
  return 0;
}
