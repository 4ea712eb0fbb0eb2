/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Sound against picture of a real browser in the finished HLS, a minute each, beside GStreamer's stock elements, which are
 * sent the same by the same page at the same time.
 *
 *     node tests/bench/lip-sync.mjs [reports|arrivals|lossy] ...
 */

import { Browser } from '../common/browser.mjs';
import { measureAll, sumUp } from '../common/lip-sync.mjs';

const SECONDS = 60;
const lossy = () => ({ loss: 0.02, delay: 20, jitter: 8, seed: 7 });
const late = () => ({ videoStart: 150 });
const ours = (source, relay = null) => ({ preset: 'ours', words: [`sync-source=${source}`], relay });
const stock = (preset, relay = null) => ({ preset, words: ['latency=200'], relay });

const runs = {
  reports: {
    'abs-capture-time': ours('abs-capture-time'),
    'sender reports': ours('sender-reports'),
    'sender reports, stock': stock('stock'),
    'abs-capture-time, picture 150 ms late': ours('abs-capture-time', late()),
    'sender reports, picture 150 ms late': ours('sender-reports', late()),
    'sender reports, picture 150 ms late, stock': stock('stock', late()),
  },
  arrivals: {
    'no reports': ours('arrival-times'),
    'no reports, stock': stock('stock-arrivals'),
    'no reports, picture 150 ms late': ours('arrival-times', late()),
    'no reports, picture 150 ms late, stock': stock('stock-arrivals', late()),
  },
  lossy: {
    'abs-capture-time': ours('abs-capture-time', lossy()),
    'sender reports': ours('sender-reports', lossy()),
    'sender reports, stock': stock('stock', lossy()),
    'no reports': ours('arrival-times', lossy()),
    'no reports, stock': stock('stock-arrivals', lossy()),
  },
};
const words = process.argv.slice(2);
const wanted = words.length ? words : Object.keys(runs);
const unknown = wanted.find((name) => !runs[name]);
if (unknown) {
  console.error(`there is no run '${unknown}'; they are ${Object.keys(runs).join(', ')}`);
  process.exit(64);
}

const browser = await Browser.start();
try {
  for (const name of wanted) {
    const cases = Object.fromEntries(Object.values(runs[name]).map((c, i) => [`c${i}`, c]));
    const results = await measureAll(browser, cases, SECONDS);
    console.log(`\n${name}: error in ms, above 0 for late sound\n`);
    console.log('| | seconds | mean | p95 | max | spread | holes | longest, ms |');
    console.log('|---|---|---|---|---|---|---|---|');
    Object.keys(runs[name]).forEach((title, i) => {
      const { seconds, holes } = results[`c${i}`];
      const e = sumUp(seconds.map((s) => s.error));
      const real = holes.map(Math.abs).filter((ms) => ms > 5);
      console.log(`| ${title} | ${e.n} | ${e.mean.toFixed(1)} | ${e.p95.toFixed(1)} | ${e.max.toFixed(1)} | ${e.spread.toFixed(1)} | ${real.length} | ${real.length ? Math.max(...real).toFixed(0) : '–'} |`);
    });
  }
} finally {
  await browser.stop();
}
process.exit();
