/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What WHEP costs: the age of the picture that Chromium shows (its time is drawn at capture), and the worker's CPU with
 * no viewer and with several. 720p30 by x264, viewers in one browser on the same machine.
 *
 *   node tests/bench/whep.mjs [--seconds 10] [--viewers 4]
 */
import fs from 'node:fs';
import { parseArgs } from 'node:util';
import { Browser } from '../common/browser.mjs';
import { Launcher, sleep } from '../common/launcher.mjs';
import { record, sumUp, watch } from '../common/pages.mjs';

const { values: options } = parseArgs({ options: { seconds: { type: 'string', default: '10' }, viewers: { type: 'string', default: '4' } } });
const seconds = Number(options.seconds);
const server = await Launcher.start('test-to-webrtc', ['channel=bench', 'max-bitrate=1500k']);
const { worker_pid: pid } = await server.untilChannel('bench', 'live', 15000, (c) => c.state === 'live');
/* user and system time of all its threads, in s (proc(5): fields 14 and 15, in hundredths) */
const cpu = () => fs.readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1].split(' ').slice(11, 13).reduce((sum, x) => sum + Number(x), 0) / 100;
async function load() {
  const before = cpu();
  await sleep(seconds * 1000);
  return 100 * (cpu() - before) / seconds;
}

const none = await load();
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
