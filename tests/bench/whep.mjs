/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What WHEP costs: the age of the picture that Chromium shows (its time is drawn at capture), and the worker's CPU with
 * no viewer and with several. 720p30 by x264, viewers in one browser on the same machine.
 *
 *   node tests/bench/whep.mjs [--seconds 10] [--viewers 4]
 *   node tests/bench/whep.mjs --full [--seconds 10]     viewers until a core is full: the launcher and its worker on one
 *       core, viewers that only decrypt (whip-load --watch) on the others
 *   node tests/bench/whep.mjs --crowd 30 [--seconds 20] the same with so many at once, each second of it
 */
import { spawn } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { Browser } from '../common/browser.mjs';
import { buildRoot, Launcher, sleep } from '../common/launcher.mjs';
import { record, sumUp, watch } from '../common/pages.mjs';

const { values: options } = parseArgs({ options: { seconds: { type: 'string', default: '10' }, viewers: { type: 'string', default: '4' }, full: { type: 'boolean' }, crowd: { type: 'string' } } });
const onOneCore = options.full || options.crowd;
const seconds = Number(options.seconds);
const launcher = path.join(buildRoot, 'tools', 'lockstep', 'lockstep');
const server = await Launcher.start('test-to-webrtc', ['channel=bench', ...(onOneCore ? ['max-viewers=1000', 'min-bitrate=1500k', 'video-bitrate=1500k'] : []), 'max-bitrate=1500k'], {},
  onOneCore ? { program: ['taskset', '-c', '0', launcher] } : {});
/* however it ends */
process.once('exit', () => server.process.kill());
const { worker_pid: pid } = await server.untilChannel('bench', 'live', 15000, (c) => c.state === 'live');
/* user and system time of all its threads, in s (proc(5): fields 14 and 15, in hundredths) */
const cpu = () => fs.readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1].split(' ').slice(11, 13).reduce((sum, x) => sum + Number(x), 0) / 100;
async function load() {
  const before = cpu();
  await sleep(seconds * 1000);
  return 100 * (cpu() - before) / seconds;
}

/* So many viewers, each of which should get 30 frames a second: what they get at least, and the worker's CPU. */
async function crowd(n) {
  const ramp = 3 + n * 0.15;
  const viewers = spawn('taskset', ['-c', `1-${os.cpus().length - 1}`, path.join(buildRoot, 'tests', 'bench', 'whip-load'), '--watch', `${server.url}/whep/bench`, String(n), String(Math.ceil(ramp + seconds + 2))],
    { stdio: ['ignore', 'pipe', 'inherit'], env: { ...process.env, GST_PLUGIN_PATH_1_0: path.join(buildRoot, 'plugins') } });
  const ended = new Promise((resolve) => viewers.once('exit', resolve));
  let text = '';
  viewers.stdout.on('data', (d) => { text += d; });
  await sleep(ramp * 1000);
  const usage = () => fs.readFileSync(`/proc/${viewers.pid}/stat`, 'utf8').split(') ')[1].split(' ').slice(11, 13).reduce((sum, x) => sum + Number(x), 0) / 100;
  const read = (from) => [...text.slice(from).matchAll(/^watching (\d+) (\d+) (\d+) (\d+) (\d+) (\d+)$/gm)].map((m) => m.slice(1).map(Number));
  const from = text.length, before = usage();
  const worker = await load();
  const receivers = 100 * (usage() - before) / seconds;
  const lines = read(from), all = read(0);
  if (options.crowd)
    console.log(`each second, watching:fewest frames/longest wait/latest in ms: ${all.map((l) => `${l[0]}:${l[1]}/${l[2]}/${l[5]}`).join(' ')}`);
  viewers.kill();
  await ended;
  return {
    n, worker, receivers, watching: Math.min(...lines.map((l) => l[0])), into: all.at(-1)[3], refused: all.at(-1)[4],
    frames: Math.min(...lines.map((l) => l[1])), mean: lines.reduce((sum, l) => sum + l[1], 0) / lines.length, longest: Math.max(...lines.map((l) => l[2])),
    onset: Math.max(...all.map((l) => l[2])), late: Math.max(...all.map((l) => l[5])), settled: Math.max(...lines.slice(-5).map((l) => l[5])),
  };
}

const none = await load();
if (onOneCore) {
  console.log('| viewers | let in | refusals | worker, % of a core | viewers\' own, % | frames/s of who got fewest: mean | worst second | longest wait for a frame, ms | the same from the first on | latest frame, ms | in the last 5 s |\n|---|---|---|---|---|---|---|---|---|---|---|');
  console.log(`| 0 | | | ${none.toFixed(1)} | | | | | | | |`);
  for (let n = options.crowd ? Number(options.crowd) : 5, last = null; n <= 200 && !(last && (options.crowd || last.refused || last.worker > 97 || last.watching < last.n || last.frames < 25)); n += 5) {
    last = await crowd(n);
    console.log(`| ${n} | ${last.into} | ${last.refused} | ${last.worker.toFixed(1)} | ${last.receivers.toFixed(1)} | ${last.mean.toFixed(1)} | ${last.frames} | ${last.longest} | ${last.onset} | ${last.late} | ${last.settled} |`);
    await server.untilChannel('bench', 'empty', 60000, (c) => c.viewers.length === 0);
  }
  await server.stop();
  process.exit(0);
}
const browser = await Browser.start();
const page = await watch(browser, server, 'bench', 'whep');
await sleep(5000);
const one = sumUp(await record(page, seconds));
const pages = [];
for (let i = 1; i < Number(options.viewers); i++)
  pages.push(await watch(browser, server, 'bench', 'whep'));
await sleep(3000);
const many = await load();
console.log(`| delay p50 ms | p95 ms | worker alone, % of a core | with ${options.viewers} viewers | a viewer |\n|---|---|---|---|---|`);
console.log(`| ${(one.age.p50 * 1000).toFixed(0)} | ${(one.age.p95 * 1000).toFixed(0)} | ${none.toFixed(1)} | ${many.toFixed(1)} | ${((many - none) / Number(options.viewers)).toFixed(1)} |`);
await browser.stop();
await server.stop();
process.exit(0);
