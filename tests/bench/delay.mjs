/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Glass to glass: how old the picture is that a browser shows. A Chromium publishes a picture with the time of day in
 * it, another plays the HLS and reads that time back from the frame it shows.
 *
 *   node tests/bench/delay.mjs [--seconds 30] [--runs 3] [--target 1]
 */
import { parseArgs } from 'node:util';
import { Browser } from '../common/browser.mjs';
import { Launcher } from '../common/launcher.mjs';
import { publish, record, sumUp, watch } from '../common/pages.mjs';

const { values: options } = parseArgs({ options: { seconds: { type: 'string', default: '30' }, runs: { type: 'string', default: '3' }, target: { type: 'string', default: '1' } } });
const median = (list) => [...list].sort((a, b) => a - b)[Math.floor(list.length / 2)];

const server = await Launcher.start('webrtc-to-hls', [`target-duration=${options.target}`]);
const camera = await Browser.start({ camera: true });
const viewer = await Browser.start();
const publisher = await publish(camera, server, 'delay', { size: '1280x720', fps: '30' });
console.log(`| player | target s | delay p50 s | p95 s | stalls | errors |\n|---|---|---|---|---|---|`);
for (const player of ['hls.js', 'native']) {
  const rows = [];
  for (let k = 0; k < Number(options.runs); k++) {
    const page = await watch(viewer, server, 'delay', player);
    await new Promise((r) => setTimeout(r, 5000));
    rows.push(sumUp(await record(page, Number(options.seconds))));
    await page.context().close();
  }
  const of = (f) => median(rows.map(f));
  console.log(`| ${player} | ${options.target} | ${of((r) => r.age.p50).toFixed(2)} | ${of((r) => r.age.p95).toFixed(2)} | ${of((r) => r.stalls)} | ${of((r) => r.errors.length)} |`);
}
await publisher.context().close();
await camera.stop();
await viewer.stop();
await server.stop();
process.exit(0);
