/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A channel that is watched by WHEP: browsers play it at once, many share one encode, and none disturbs another. And
 * the other way round: what is published to our own WHIP comes out as HLS. */

import assert from 'node:assert/strict';
import { after, afterEach, before, test } from 'node:test';
import { Browser, screenshot, whyNoBrowser } from '../common/browser.mjs';
import { Launcher, leave, sleep, until } from '../common/launcher.mjs';
import { closeAll, record, shown, sumUp, watch } from '../common/pages.mjs';
import { PlaylistFollower } from '../common/playlist.mjs';
import { keepConnections, receivedVideo } from '../common/received.mjs';
import { UdpRelay } from '../common/udp-relay.mjs';
import { ProcessorWaits } from '../common/waits.mjs';

const skip = whyNoBrowser() || false;
let launcher;
let browser;

before(async () => {
  if (skip)
    return;
  launcher = await Launcher.start('test-to-webrtc', ['channel=cam']);
  browser = await Browser.start();
});

afterEach(closeAll);

after(async () => {
  await browser?.stop();
  await launcher?.stop();
  leave();
});

test('Chromium plays /watch for 30 s while others come, stand still and are killed', { skip, timeout: 360000 }, async (t) => {
  await launcher.untilChannel('cam', 'live', 15000, (c) => c.state === 'live');
  const page = await watch(browser, launcher, 'cam', 'whep');
  await sleep(3000);
  /* without the browser that is made to stand still */
  const waits = new ProcessorWaits({ launcher: launcher.pid, browser: browser.server.process().pid });
  const watching = record(page, 30);
  await sleep(8000);
  const { key_requests_sent: before, viewers: [first] } = await launcher.channel('cam');
  assert.equal(first.connected, true);

  /* two more, in a browser that then hangs and is killed */
  const victim = await Browser.start();
  await Promise.all([watch(victim, launcher, 'cam', 'whep'), watch(victim, launcher, 'cam', 'whep')]);
  const { key_requests_sent: sent } = await launcher.untilChannel('cam', 'three viewers', 5000, (c) => c.viewers.filter((v) => v.connected).length === 3);
  assert.ok(sent - before <= 6, `two viewers made the encoder be asked ${sent - before} times for a key frame`);
  process.kill(-victim.server.process().pid, 'SIGSTOP');
  await sleep(3000);
  const killed = performance.now();
  await victim.kill();
  await launcher.untilChannel('cam', 'alone again', 15000, (c) => c.viewers.length === 1);
  t.diagnostic(`the killed viewers were noticed after ${((performance.now() - killed) / 1000).toFixed(1)} s`);

  const seen = sumUp(await watching);
  const waited = waits.stop();
  const paused = Math.max(waited.launcher, waited.browser) / 1000;
  const channel = await launcher.channel('cam');
  t.diagnostic(JSON.stringify(seen));
  t.diagnostic(JSON.stringify(channel.viewers));
  t.diagnostic(await screenshot(page, 'whep'));
  assert.equal((await shown(page)).player, 'whep');
  assert.ok(seen.played > 29 - paused && seen.longestStill < 1 + paused,
    `the picture stood still for ${seen.longestStill} s, ${seen.played} s were played, and threads waited up to ${paused} s for a processor`);
  /* A machine whose processor is taken encodes, and draws, fewer pictures. (Viewers who come make some thread wait for a
   * second on a quiet one, too.) */
  const [pictures, oldest] = paused < 2 ? [450, 0.4] : [150, 5];
  assert.ok(seen.changes > pictures, `the picture changed ${seen.changes} times, and threads waited up to ${paused} s for a processor`);
  assert.ok(seen.coded > 450, `the time was read ${seen.coded} times`);
  assert.equal(seen.codeBackwards, 0);
  assert.ok(seen.loudest > 0.02, 'no sound is heard');
  assert.deepEqual(seen.errors, []);
  assert.equal(seen.starts, 1, 'the player began again');
  /* far above what an idle machine shows, below what a buffer too many would */
  assert.ok(seen.age.p50 < oldest, `pictures are ${seen.age.p50} s old, and threads waited up to ${paused} s for a processor`);
  assert.deepEqual(browser.messages, []);
});

/* As in Firefox without its H.264 plugin. */
test('a browser that lacks the picture\'s codec is told so, and does not ask again and again', { skip, timeout: 60000 }, async (t) => {
  await launcher.untilChannel('cam', 'live', 15000, (c) => c.state === 'live');
  const refused = [];
  const page = await browser.page(`${launcher.url}/watch/cam`, { before: (p) => p.route('**/whep/cam', async (route) => {
    if (route.request().method() !== 'POST')
      return route.continue();
    /* the server's own answer to an offer without H.264 */
    const postData = route.request().postData().replace(/^a=rtpmap:(\d+) H264\//gm, 'a=rtpmap:$1 VP8/');
    const answer = await route.fetch({ postData });
    refused.push([answer.status(), await answer.text()]);
    return route.fulfill({ response: answer });
  }) });
  t.after(() => page.close());
  const seen = await until('the page says why', 20000, async () => {
    const s = await shown(page);
    return s.state === 'failed' ? s : null;
  });
  assert.deepEqual(refused, [[406, 'no video codec in common: H264 is needed here\n']]);
  assert.match(seen.reason, /cannot play the channel’s picture \(no video codec in common: H264 is needed here\)\. Trying again in a minute/);
  assert.equal(seen.starts, 1);
});

test('a viewer for whom there is no room is told so, and comes again when it may', { skip, timeout: 60000 }, async (t) => {
  await launcher.untilChannel('cam', 'live', 15000, (c) => c.state === 'live');
  let room = false;
  const page = await browser.page(`${launcher.url}/watch/cam`, { before: (p) => p.route('**/whep/cam', (route) => {
    if (route.request().method() !== 'POST' || room)
      return route.continue();
    return route.fulfill({ status: 503, contentType: 'text/plain', headers: { 'Retry-After': '1' }, body: 'there is no room for another viewer just now: 4 are watching\n' });
  }) });
  t.after(() => page.close());
  const state = (word) => until(`the page is ${word}`, 30000, async () => {
    const s = await shown(page);
    return s.state === word ? s : null;
  });
  assert.match((await state('full')).reason, /does not let this page in \(there is no room for another viewer just now: 4 are watching\)\. Trying again in [12] s/);
  room = true;
  const seen = await state('playing');
  assert.ok(seen.starts >= 2);
  assert.deepEqual(seen.errors, []);
});

test('a preview beside the picture: each viewer has the one it asked for', { skip, timeout: 180000 }, async (t) => {
  const two = await Launcher.start('test-to-webrtc', ['channel=two', 'substream=320x180@200k']);
  t.after(() => two.stop());
  await two.untilChannel('two', 'live', 15000, (c) => c.state === 'live');
  const size = (page) => page.evaluate(() => { const v = document.getElementById('video'); return `${v.videoWidth}x${v.videoHeight}`; });
  const preview = await watch(browser, two, 'two', 'whep&picture=preview');
  const { key_requests_sent: asked } = await two.untilChannel('two', 'one viewer', 15000, (c) => c.viewers[0]?.connected && c.preview.key_requests_sent > 0);
  assert.equal(asked, 0, "the preview's viewer made the other encoder be asked for a key frame");
  /* it has a pacer and a bound of its own, which the picture's encoder does not follow */
  const { viewers: [{ seconds }] } = await two.untilChannel('two', "the preview's viewer is controlled", 15000, (c) => c.viewers[0]?.target > 0);
  const alone = await two.untilChannel('two', 'two seconds of that', 15000, (c) => c.viewers[0]?.seconds >= seconds + 2);
  assert.ok(alone.viewers[0].target <= 600000, `${alone.viewers[0].target} bit/s for 200k`);
  assert.equal(alone.encoder.bitrate, 1500000, "the picture's encoder follows the preview's viewer");
  const main = await watch(browser, two, 'two', 'whep');
  assert.equal(await size(main), '1280x720');
  assert.equal(await size(preview), '320x180');
  const c = await two.untilChannel('two', 'two viewers', 15000, (c) => c.viewers.filter((v) => v.connected).length === 2 && c.key_requests_sent > 0);
  t.diagnostic(JSON.stringify(c));
  assert.deepEqual(c.viewers.map((v) => v.preview).sort(), [false, true]);
  assert.deepEqual([c.video.width, c.preview.width], [1280, 320]);
});

test('VP8 and VP9 play as H.264 does, and their encoders follow the rate that the path carries', { skip, timeout: 240000 }, async (t) => {
  for (const codec of ['vp8', 'vp9']) {
    const other = await Launcher.start('test-to-webrtc', ['channel=cam', `video-codec=${codec}`, 'video-bitrate=600k', 'max-bitrate=1M']);
    try {
      await other.untilChannel('cam', 'live', 20000, (c) => c.state === 'live');
      const page = await browser.page(`${other.url}/watch/cam?player=whep`, { before: (p) => p.addInitScript(keepConnections) });
      const seen = await until(`${codec}: pictures come`, 30000, async () => {
        const v = await page.evaluate(receivedVideo);
        return v?.framesDecoded >= 60 ? { codec: v.codec, frames: v.framesDecoded, keys: v.keyFramesDecoded } : null;
      });
      assert.equal(seen.codec, `video/${codec.toUpperCase()}`);
      const c = await other.untilChannel('cam', 'the encoder is given more', 30000, (now) => now.encoder?.bitrate > 700000);
      t.diagnostic(`${codec}: ${JSON.stringify({ seen, encoder: c.encoder, viewer: c.viewers[0] })}`);
      await page.close();
    } finally {
      await other.stop();
    }
  }
});

test('a viewer far away that loses packets gets FEC as well, a near one does not', { skip, timeout: 480000 }, async (t) => {
  const server = await Launcher.start('test-to-webrtc', ['channel=cam', 'video-bitrate=800k', 'max-bitrate=800k']);
  t.after(() => server.stop());
  await server.untilChannel('cam', 'live', 15000, (c) => c.state === 'live');
  const open = (relay) => browser.page(`${server.url}/watch/cam?player=whep`, {
    before: async (p) => {
      await p.addInitScript(keepConnections);
      await relay.install(p, 'cam', true);
    },
  });
  const received = (page, what, ready) => until(what, 60000, async () => {
    const video = await page.evaluate(receivedVideo);
    return video && ready(video) ? video : null;
  });

  /* That packets are lost is no reason: what is sent again comes in time. But nobody is near while the processes on the way
   * wait for a processor: then the next viewer may be, or none where they wait for longer than a picture may. */
  for (let tries = 3, sent = 1; sent > 0 && tries > 0; tries--) {
    const near = new UdpRelay({ loss: 0.03, delay: 10, seed: 3 });
    const waits = new ProcessorWaits({ server: server.pid, relay: process.pid, browser: browser.server.process().pid });
    const page = await open(near);
    const again = await received(page, 'losses are made good', (v) => v.framesDecoded > 240 && v.retransmittedPacketsReceived > 30);
    const waited = waits.stop();
    const { viewers: [{ fec_packets: counted }] } = await server.channel('cam');
    sent = Math.max(counted, again.fecPacketsReceived ?? 0);
    const known = `${sent} FEC packets for a near viewer; threads waited for a processor, at most: ${JSON.stringify(waited)} ms`;
    t.diagnostic(known);
    assert.ok(sent === 0 || Math.max(...Object.values(waited)) > (tries > 1 ? 50 : 1000), known);
    await page.close();
    near.close();
    await server.untilChannel('cam', 'nobody watches', 20000, (c) => c.viewers.length === 0);
  }

  /* nor is the way */
  const far = new UdpRelay({ loss: 0, delay: 125, seed: 3 });
  const other = await open(far);
  assert.equal((await received(other, 'pictures come', (v) => v.framesDecoded > 150)).fecPacketsReceived ?? 0, 0);
  assert.deepEqual((await server.channel('cam')).viewers.map((v) => v.fec_packets), [0]);
  /* but both are: from here on packets are lost */
  far.loses = () => far.random() < 0.03;
  const saved = await received(other, 'FEC comes', (v) => v.fecPacketsReceived > 100);
  const { viewers: [viewer] } = await server.untilChannel('cam', 'the figures say so', 10000, (c) => c.viewers[0]?.fec_packets >= saved.fecPacketsReceived);
  t.diagnostic(JSON.stringify({ saved, viewer }));
  /* before its server: it would come again, and its request through the relay fail after the test */
  await other.close();
  far.close();
});

test('the whole loop: published to our own WHIP, out again as HLS, with the time still in the picture', { skip, timeout: 270000 }, async (t) => {
  const server = await Launcher.start('webrtc-to-hls', ['target-duration=1']);
  const publisher = await Launcher.start('test-to-webrtc', [`whip=${server.url}/whip/loop`]);
  try {
    await server.untilChannel('loop', 'live', 20000, (c) => c.state === 'live' && c.segments >= 3);
    const follower = new PlaylistFollower(`${server.url}/hls/loop/index.m3u8`);
    const player = await watch(browser, server, 'loop');
    await sleep(2000);
    /* a machine that stands still for a while delays the picture, and that is not what is tested here */
    let seen;
    for (let tries = 4; tries > 0 && !(seen?.played > 4 && seen.coded > 50); tries--) {
      seen = sumUp(await record(player, 5));
      t.diagnostic(JSON.stringify(seen));
    }
    assert.ok(seen.played > 4 && seen.coded > 50, 'the time was not read');
    assert.ok(seen.age.p50 < 12, `pictures are ${seen.age.p50} s old`);
    assert.ok(seen.loudest > 0.02, 'no sound is heard');
    assert.deepEqual((await follower.stop()).faults, []);
    /* it ends as a publisher should: by DELETE */
    const how = await publisher.stop();
    assert.equal(how.code, 0, how.log);
    await server.untilChannel('loop', 'idle', 5000, (c) => c.state === 'idle' && /ended it/.test(c.reason));
  } finally {
    await publisher.stop();
    await server.stop();
  }
});
