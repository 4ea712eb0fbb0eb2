/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Rate control with a real receiver: Chromium in a network namespace of its own watches by WHEP over a link whose rate
 * changes (tbf, 200 ms of queue), and a table says what came of it. As root:
 *   chrt -r 10 meson devenv -C build node $PWD/tests/bench/rate.mjs [--rates 5,1,3] [--seconds 30] [--control on|off] */

import { execFileSync, spawn } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { Browser, chromiumPath } from '../common/browser.mjs';
import { Launcher, sleep, until } from '../common/launcher.mjs';
import { keepConnections } from '../common/received.mjs';

const { values } = parseArgs({
  options: {
    rates: { type: 'string', default: '5,1,3' },
    seconds: { type: 'string', default: '30' },
    control: { type: 'string', default: 'on' },
    verbose: { type: 'boolean', default: false },
  },
});
const rates = values.rates.split(',').map(Number);
const seconds = Number(values.seconds);
const fixed = values.control === 'off' ? ['min-bitrate=2.5M', 'video-bitrate=2.5M', 'max-bitrate=2.5M'] : ['video-bitrate=1M', 'max-bitrate=8M'];

/* In the page: the longest wait between two pictures that it showed, since it was asked last, in ms. */
function watchGaps() {
  const video = document.querySelector('video');
  let last = null;
  window.longest = 0;
  window.gaps = [];
  const shown = (now) => {
    if (last !== null)
      window.longest = Math.max(window.longest, now - last);
    if (last !== null && now - last > 150)
      window.gaps.push([((performance.timeOrigin + last) / 1000).toFixed(3), Math.round(now - last)]);
    last = now;
    video.requestVideoFrameCallback(shown);
  };
  video.requestVideoFrameCallback(shown);
  window.takeLongest = () => {
    const longest = Math.max(window.longest, last === null ? 0 : performance.now() - last);
    window.longest = 0;
    return longest;
  };
}
async function receiverStats() {
  const sum = { at: performance.now(), bytes: 0, frames: 0, frozen: 0, freezes: 0 };
  for (const pc of window.kept)
    for (const s of (await pc.getStats()).values())
      if (s.type === 'inbound-rtp') {
        /* Ethernet, IP, UDP and SRTP, which the link counts too. */
        sum.bytes += s.bytesReceived + s.headerBytesReceived + s.packetsReceived * (14 + 20 + 8 + 10);
        sum.frames += s.framesDecoded ?? 0;
        sum.frozen += s.totalFreezesDuration ?? 0;
        sum.freezes += s.freezeCount ?? 0;
      }
  return sum;
}

/* A namespace for the viewer, joined by a pair of devices: `near` on our side. */
const space = `lockstep${process.pid}`, near = `ls${process.pid}`;
const ip = (...words) => execFileSync('ip', words, { stdio: ['ignore', 'ignore', 'inherit'] });
const setRate = (rate) => execFileSync('tc', ['qdisc', 'replace', 'dev', near, 'root', 'tbf', 'rate', `${rate}mbit`, 'burst', '3kb', 'latency', '200ms']);
ip('netns', 'add', space);
process.on('exit', () => ip('netns', 'del', space));
ip('link', 'add', near, 'type', 'veth', 'peer', 'name', 'far', 'netns', space);
ip('addr', 'add', '198.18.77.1/30', 'dev', near);
ip('link', 'set', near, 'up');
ip('-n', space, 'addr', 'add', '198.18.77.2/30', 'dev', 'far');
ip('-n', space, 'link', 'set', 'far', 'up');
ip('-n', space, 'link', 'set', 'lo', 'up');
const inSpace = path.join(fs.mkdtempSync(path.join(os.tmpdir(), 'lockstep-rate-')), 'chromium');
fs.writeFileSync(inSpace, `#!/bin/sh\nexec ip netns exec ${space} ${chromiumPath} "$@"\n`, { mode: 0o755 });

/* How long the link's queue is, as tc counts it: a program of its own, for it is asked twenty times a second. */
let backlog = [], linkRate = rates[0];
const counter = spawn('sh', ['-c', `while :; do tc -s qdisc show dev ${near}; sleep 0.04; done`], { stdio: ['ignore', 'pipe', 'ignore'] });
process.on('exit', () => counter.kill());
counter.stdout.on('data', (data) => {
  for (const [, amount, unit] of String(data).matchAll(/backlog (\d+)(K?)b/g))
    backlog.push(amount * (unit ? 1024 : 1) * 8 / (linkRate * 1e6) * 1000);
});

const launcher = await Launcher.start('test-to-webrtc', ['channel=cam', 'pattern=snow', 'listen=198.18.77.1:0', ...fixed]);
const browser = await Browser.start({ executablePath: inSpace });
const quantile = (list, q) => [...list].sort((a, b) => a - b)[Math.floor((list.length - 1) * q)] ?? NaN;

try {
  await launcher.untilChannel('cam', 'live', 15000, (c) => c.state === 'live');
  setRate(rates[0]);
  const page = await browser.page(`${launcher.url}/watch/cam`, { before: (p) => p.addInitScript(keepConnections) });
  await until('pictures come', 20000, async () => (await page.evaluate(receiverStats)).frames > 30);
  await page.evaluate(watchGaps);
  console.log('| Mbit/s | used after 10 s | queue p50, ms | p95, ms | max, ms | longest freeze, ms | frozen, s | freezes | frames/s |');
  console.log('|---|---|---|---|---|---|---|---|---|');
  for (const rate of rates) {
    setRate(rate);
    linkRate = rate;
    backlog = [];
    await page.evaluate(() => window.takeLongest());
    if (values.verbose)
      console.error(`${(Date.now() / 1000).toFixed(3)} ${rate} Mbit/s`);
    const stats = () => page.evaluate(receiverStats);
    const used = [];
    let first = await stats(), last = first;
    for (let i = 0; i < seconds * 2; i++) {
      await sleep(500);
      const now = await stats();
      const channel = await launcher.channel('cam');
      const viewer = channel.viewers?.[0] ?? {};
      if (i >= 20)
        used.push((now.bytes - last.bytes) * 8 / (now.at - last.at) * 1000 / (rate * 1e6));
      if (values.verbose)
        console.error(rate, ((now.bytes - last.bytes) * 8 / (now.at - last.at) / 1000).toFixed(2), JSON.stringify(viewer), JSON.stringify(channel.encoder));
      last = now;
    }
    const mean = used.reduce((a, b) => a + b, 0) / used.length;
    console.log(`| ${rate} | ${(mean * 100).toFixed(0)} % | ${quantile(backlog, 0.5).toFixed(0)} | ${quantile(backlog, 0.95).toFixed(0)} | ${quantile(backlog, 1).toFixed(0)} | `
      + `${(await page.evaluate(() => window.takeLongest())).toFixed(0)} | `
      + `${(last.frozen - first.frozen).toFixed(2)} | ${last.freezes - first.freezes} | ${((last.frames - first.frames) / seconds).toFixed(1)} |`);
  }
  if (values.verbose)
    console.error(JSON.stringify(await page.evaluate(() => window.gaps)));
} finally {
  await browser.stop();
  await launcher.stop();
}
process.exit(0);
