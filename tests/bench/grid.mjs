/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Where segments of a real browser's stream are cut: a Chromium publishes to webrtc-to-hls, which passes its picture
 * through, and so can cut only at the key frames that the browser makes when it is asked.
 *
 *   node tests/bench/grid.mjs [--seconds 60] [--runs 1] [--target 1] [--size 1280x720] [--fps 30] [--loss 0]
 */
import { parseArgs } from 'node:util';
import { Browser } from '../common/browser.mjs';
import { Launcher, until } from '../common/launcher.mjs';
import { publish } from '../common/pages.mjs';
import { onGrid, PlaylistFollower } from '../common/playlist.mjs';
import { UdpRelay } from '../common/udp-relay.mjs';

const text = (value) => ({ type: 'string', default: value });
const { values: options } = parseArgs({ options: { seconds: text('60'), runs: text('1'), target: text('1'), size: text('1280x720'), fps: text('30'), loss: text('0') } });
const target = Number(options.target);

console.log('| T, s | cuts | mean duration, s | mean error, ms | p95, ms | max, ms | the same without the first 5 s: mean, ms | max, ms | gaps |\n|---|---|---|---|---|---|---|---|---|');
for (let run = 0; run < Number(options.runs); run++) {
  const server = await Launcher.start('webrtc-to-hls', [`target-duration=${target}`]);
  const browser = await Browser.start({ camera: true });
  const relay = new UdpRelay({ loss: Number(options.loss), seed: 1 + run });
  await publish(browser, server, 'grid', { source: 'camera', size: options.size, fps: options.fps }, Number(options.loss) ? (page) => relay.install(page) : null);
  const follower = new PlaylistFollower(`${server.url}/hls/grid/index.m3u8`);
  await until('enough segments', 1000 * (Number(options.seconds) + 30), () => follower.list().reduce((sum, s) => sum + s.duration, 0) >= Number(options.seconds));
  const { segments, faults } = await follower.stop();
  for (const fault of faults.filter((f) => !/answers 404/.test(f)))
    console.error(fault);
  const all = onGrid(segments, target);
  let at = 0;
  const later = segments.map(({ duration }) => (at += duration)).filter((time) => time > 5).map((time) => Math.abs(time - Math.round(time / target) * target) * 1000);
  console.log(`| ${[target, all.cuts, all.mean.toFixed(4), all.error.toFixed(0), all.p95.toFixed(0), all.worst.toFixed(0), (later.reduce((sum, e) => sum + e, 0) / later.length).toFixed(0), Math.max(...later).toFixed(0), segments.filter((s) => s.discontinuity).length].join(' | ')} |`);
  await browser.stop();
  await server.stop();
  relay.close();
}
process.exit(0);
