/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* FEC with a real receiver: Chromium watches by WHEP through a relay that loses and delays, once as it is and once with
 * FlexFEC taken out of its offer, so that retransmissions are all there is.
 *   meson devenv -C build node $PWD/tests/bench/fec.mjs [--rows 3:250,0:250,3:40] [--seconds 25] [--codec h264] [--burst 1]
 *     [--rate KBIT/S of the link] */

import { parseArgs } from 'node:util';
import { Browser } from '../common/browser.mjs';
import { Launcher, sleep, until } from '../common/launcher.mjs';
import { UdpRelay } from '../common/udp-relay.mjs';
import { keepConnections, receivedVideo, withoutFec } from '../common/received.mjs';

const { values } = parseArgs({
  options: {
    rows: { type: 'string', default: '3:250,0:250,3:40' },
    seconds: { type: 'string', default: '25' },
    codec: { type: 'string', default: 'h264' },
    burst: { type: 'string', default: '1' },
    rate: { type: 'string', default: '0' },
    only: { type: 'string' },
    verbose: { type: 'boolean', default: false },
  },
});
const seconds = Number(values.seconds);

async function row(loss, rtt, fec) {
  const launcher = await Launcher.start('test-to-webrtc', ['channel=cam', `video-codec=${values.codec}`, 'video-bitrate=1.2M', 'max-bitrate=1.5M']);
  const browser = await Browser.start();
  const relay = new UdpRelay({ loss: loss / 100, burst: Number(values.burst), delay: rtt / 2, rate: Number(values.rate), seed: 11 });
  try {
    await launcher.untilChannel('cam', 'live', 15000, (c) => c.state === 'live');
    const page = await browser.page(`${launcher.url}/watch/cam?player=whep`, {
      before: async (p) => {
        await p.addInitScript(keepConnections);
        if (!fec)
          await p.addInitScript(withoutFec);
        await relay.install(p, 'cam', true);
      },
    });
    await until('pictures come', 30000, async () => (await page.evaluate(receivedVideo))?.framesDecoded > 30);
    await sleep(12000);
    const viewer = async () => (await launcher.channel('cam')).viewers[0];
    const before = await page.evaluate(receivedVideo), sent = await viewer();
    const queues = [];
    for (let i = 0; i < seconds; i++) {
      await sleep(1000);
      const c = await launcher.channel('cam');
      queues.push(c.viewers[0].queue_ms);
      if (values.verbose)
        console.error(JSON.stringify({ overflowed: relay.overflowed, ...c.viewers[0], ...c.encoder }));
    }
    queues.sort((a, b) => a - b);
    const after = await page.evaluate(receivedVideo), now = await viewer();
    const d = (name) => (after[name] ?? 0) - (before[name] ?? 0);
    console.log(`| ${loss} % | ${rtt} | ${fec ? 'RTX and FEC' : 'RTX alone'} | ${now.fec_percent ?? '–'} | ${d('fecPacketsReceived')} | ${d('retransmittedPacketsReceived')} `
      + `| ${(100 * ((now.fec_octets ?? 0) - (sent.fec_octets ?? 0)) / (now.octets - sent.octets)).toFixed(0)} % | ${((now.octets - sent.octets) * 8 / seconds / 1e6).toFixed(2)} `
      + `| ${d('freezeCount')} | ${d('totalFreezesDuration').toFixed(2)} | ${(d('framesDecoded') / seconds).toFixed(1)} | ${(1000 * d('jitterBufferDelay') / d('jitterBufferEmittedCount')).toFixed(0)} | ${queues[Math.floor((queues.length - 1) * 0.95)].toFixed(0)} |`);
  } finally {
    await browser.stop();
    await launcher.stop();
    relay.close();
  }
}

console.log('| loss | round trip, ms | | FEC, % of packets | FEC packets received | packets sent again | FEC, % of bytes | sent, Mbit/s | freezes | frozen, s | frames/s | jitter buffer, ms | queue p95, ms |');
console.log('|---|---|---|---|---|---|---|---|---|---|---|---|---|');
for (const [loss, rtt] of values.rows.split(',').map((r) => r.split(':').map(Number)))
  for (const fec of [true, false])
    if (!values.only || (values.only === 'fec') === fec)
      await row(loss, rtt, fec);
process.exit(0);
