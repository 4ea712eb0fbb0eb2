/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* data-channel: lines of stdin reach the peers, and what they send is printed, whoever made the offer. */

import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { Browser, whyNoBrowser } from '../common/browser.mjs';
import { Launcher, leave, until } from '../common/launcher.mjs';

const skip = whyNoBrowser() || false;
after(leave);

test('a launcher that publishes to another: text goes both ways', { timeout: 120000 }, async (t) => {
  const label = 'data-channel=chat';
  const server = await Launcher.start('webrtc-to-hls', [label], {}, { stdin: 'pipe' });
  t.after(() => server.stop());
  const publisher = await Launcher.start('test-to-webrtc', [`whip=${server.url}/whip/ch`, label, 'video-bitrate=300k'], {}, { stdin: 'pipe' });
  t.after(() => publisher.stop());
  await server.untilChannel('ch', 'live', 30000, (c) => c.state === 'live');
  /* a line is for those who are there: the first ones may come before the channel is open */
  await until('a line of the publisher is printed', 30000, () => {
    publisher.process.stdin.write('up\n');
    return /^ch: up$/m.test(server.log);
  }, 500);
  await until('a line of the server is printed', 30000, () => {
    server.process.stdin.write('down\n');
    return /^publish: down$/m.test(publisher.log);
  }, 500);
});

test('Chromium as a viewer: text both ways, hostile text, and floods', { skip, timeout: 180000 }, async (t) => {
  const launcher = await Launcher.start('test-to-webrtc', ['channel=cam', 'data-channel=chat', 'video-bitrate=300k'], {}, { stdin: 'pipe' });
  t.after(() => launcher.stop());
  const browser = await Browser.start();
  t.after(() => browser.stop());
  await launcher.untilChannel('cam', 'live', 15000, (c) => c.state === 'live');
  const page = await browser.page(launcher.url);
  await page.evaluate(async () => {
    const pc = window.pc = new RTCPeerConnection();
    pc.addTransceiver('video', { direction: 'recvonly' });
    pc.addTransceiver('audio', { direction: 'recvonly' });
    window.heard = [];
    window.other = pc.createDataChannel('other');
    window.chat = pc.createDataChannel('chat');
    window.chat.onmessage = ({ data }) => window.heard.push(data);
    await pc.setLocalDescription();
    while (pc.iceGatheringState !== 'complete')
      await new Promise((done) => setTimeout(done, 20));
    const r = await fetch('/whep/cam', { method: 'POST', headers: { 'Content-Type': 'application/sdp' }, body: pc.localDescription.sdp });
    if (r.status !== 201)
      throw new Error(`${r.status} ${await r.text()}`);
    await pc.setRemoteDescription({ type: 'answer', sdp: await r.text() });
  });
  await until('the channel is open', 20000, () => page.evaluate(() => window.chat.readyState === 'open'));
  await until('a line of stdin arrives', 20000, () => {
    launcher.process.stdin.write('hello \u00e4\n');
    return page.evaluate(() => window.heard.includes('hello \u00e4'));
  }, 500);

  await page.evaluate(() => {
    window.other.send('on another channel');
    window.chat.send('x'.repeat(5000));
    window.chat.send('\u001b[2Jforged\nwarning: line \u202e\\');
  });
  await until('what the page sends is printed', 20000, () => /forged/.test(launcher.log));
  assert.ok(launcher.log.includes('cam: \\u001b[2Jforged\\u000awarning: line \\u202e\\\\\n'), launcher.tail());
  assert.doesNotMatch(launcher.log, /another channel|xxxx/);

  await page.evaluate(() => {
    for (let i = 0; i < 2000; i++)
      window.chat.send(`flood ${i}`);
  });
  /* some are printed, the rest is dropped, and all else goes on */
  await until('the flood is over', 30000, () => page.evaluate(() => window.chat.bufferedAmount === 0));
  await until('text gets through again', 30000, async () => {
    await page.evaluate(() => window.chat.send('after it'));
    return /^cam: after it$/m.test(launcher.log);
  }, 500);
  const printed = launcher.log.match(/^cam: flood \d+$/gm).length;
  t.diagnostic(`${printed} of 2000 messages were printed`);
  assert.ok(printed < 2000, 'nothing was dropped');
  /* figures are of a second ago */
  const { worker_pid: pid } = await launcher.untilChannel('cam', 'the viewer is still there', 10000,
    (c) => c.viewers.length === 1 && c.viewers[0].connected);

  /* more channels than anyone needs: that viewer goes, the channel stays */
  await page.evaluate(() => {
    for (let i = 0; i < 20; i++)
      window.pc.createDataChannel(`more ${i}`);
  });
  await launcher.untilChannel('cam', 'the viewer is gone', 20000, (c) => c.viewers.length === 0);
  assert.match(launcher.log, /the peer opens too many data channels/);
  assert.equal((await launcher.channel('cam')).worker_pid, pid, 'the worker ended');
});
