/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* WebSocket signalling: to Ayame's own SDK in Chromium, and to a Chromium that stands behind what Sora says. */

import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { Browser, whyNoBrowser } from '../common/browser.mjs';
import { Launcher, leave, sourceRoot, until } from '../common/launcher.mjs';
import { ayame, sora } from '../common/signalling-servers.mjs';

const skip = whyNoBrowser() || false;
const small = ['video-bitrate=300k'];
let browser;

before(async () => {
  if (!skip)
    browser = await Browser.start();
});

after(async () => {
  await browser?.stop();
  leave();
});

/* What a page's connections have got: frames of the picture and energy of the sound. */
const received = (page) => page.evaluate(async () => {
  const sum = { frames: 0, energy: 0 };
  for (const s of (await window.pc?.getStats())?.values() ?? []) {
    sum.frames += s.framesDecoded ?? 0;
    sum.energy += s.totalAudioEnergy ?? 0;
  }
  return sum;
});
const plays = (page) => until('picture and sound arrive', 25000, async () => {
  const got = await received(page);
  return got.frames > 60 && got.energy > 0 && got;
});

test('Ayame: in a room with its own SDK', { skip, timeout: 270000 }, async (t) => {
  const sdk = fs.readFileSync(path.join(sourceRoot, 'tests/e2e/node_modules/@open-ayame/ayame-web-sdk/dist/ayame.mjs'));
  const server = await ayame({ key: 'k', pages: { '/ayame.mjs': sdk, '/': '<!doctype html><title>Ayame</title><video autoplay></video>' } });
  /* who is first in the room gets the offer: the launcher answers here … */
  const launcher = await Launcher.start('test-to-webrtc', [`ayame=${server.url}`, 'room=abc', 'signaling-key=k', ...small], {}, { listens: false });
  t.after(() => launcher.stop());
  t.after(() => server.close());
  const join = async () => {
    const page = await browser.page(server.page);
    await page.evaluate(async (url) => {
      const { connection, defaultOptions } = await import('/ayame.mjs');
      const conn = connection(url, 'abc', { ...defaultOptions, signalingKey: 'k', audio: { direction: 'recvonly', enabled: true }, video: { direction: 'recvonly', enabled: true } }, false);
      conn.on('addstream', (e) => { document.querySelector('video').srcObject = e.stream; });
      await conn.connect(null);
      window.pc = conn.peerConnection;
    }, server.url);
    return page;
  };
  await until('the launcher is in the room', 10000, () => server.messages.some(([, m]) => m.type === 'register'));
  const page = await join();
  t.diagnostic(JSON.stringify(await plays(page).catch((e) => { throw new Error(`${e.message}\n${launcher.log}\n${JSON.stringify(server.messages)}`); })));
  const own = server.messages.find(([, m]) => m.ayameClient === 'Lockstep')[0];
  assert.ok(server.messages.some(([from, m]) => from === own && m.type === 'answer'), 'it did not answer');
  assert.ok(server.messages.some(([from, m]) => from === own && m.type === 'pong'), 'it answered no ping');
  /* … and a peer that leaves and comes back is served again */
  await page.close();
  await until('the launcher joins again', 15000, () => server.messages.filter(([, m]) => m.type === 'register' && m.ayameClient === 'Lockstep').length === 2);
  t.diagnostic(JSON.stringify(await plays(await join())));
});

test('Ayame: a peer that is there already is offered the picture, its preview and text', { skip, timeout: 180000 }, async (t) => {
  const server = await ayame({ pages: { '/': '<!doctype html><title>Ayame</title>' } });
  t.after(() => server.close());
  const page = await browser.page(server.page);
  await page.evaluate((url) => {
    const socket = new WebSocket(url);
    const say = (message) => socket.send(JSON.stringify(message));
    socket.onopen = () => say({ type: 'register', roomId: 'two', clientId: 'page' });
    socket.onmessage = async ({ data }) => {
      const message = JSON.parse(data);
      if (message.type === 'offer') {
        window.pc = new RTCPeerConnection();
        window.videos = [];
        window.streams = [];
        window.heard = [];
        window.pc.ondatachannel = ({ channel }) => {
          channel.onmessage = (e) => window.heard.push(e.data);
          channel.onopen = () => channel.send('from the page');
        };
        window.pc.ontrack = ({ track, streams }) => {
          window.streams.push(streams[0].id);
          const media = Object.assign(document.createElement(track.kind), { muted: true, autoplay: true, srcObject: new MediaStream([track]) });
          if (track.kind === 'video')
            window.videos.push(media);
          document.body.append(media);
        };
        window.pc.onicecandidate = ({ candidate }) => candidate && say({ type: 'candidate', ice: candidate });
        await window.pc.setRemoteDescription(message);
        await window.pc.setLocalDescription();
        say({ type: 'answer', sdp: window.pc.localDescription.sdp });
      } else if (message.type === 'candidate' && window.pc) {
        await window.pc.addIceCandidate(message.ice);
      } else if (message.type === 'ping') {
        say({ type: 'pong' });
      }
    };
  }, server.url);
  await until('the page is in the room', 10000, () => server.messages.length > 0);
  const launcher = await Launcher.start('test-to-webrtc', [`ayame=${server.url}`, 'room=two', 'substream=320x180@200k', 'data-channel=chat', ...small], {}, { listens: false, stdin: 'pipe' });
  t.after(() => launcher.stop());
  const sizes = await until('both pictures play', 25000, async () => {
    const seen = await page.evaluate(() => window.videos?.map((v) => v.currentTime > 0 && v.videoWidth));
    return seen?.length === 2 && seen.every(Boolean) && seen;
  }).catch((e) => { throw new Error(`${e.message}\n${launcher.log}\n${JSON.stringify(server.messages)}`); });
  assert.deepEqual((await page.evaluate(() => window.streams)).sort(), ['lockstep', 'lockstep', 'lockstep-preview']);
  await until('text goes both ways', 25000, async () => {
    launcher.process.stdin.write('from here\n');
    return /: from the page$/m.test(launcher.log) && await page.evaluate(() => window.heard.includes('from here'));
  }, 500);
  assert.ok(sizes.includes(320) && Math.max(...sizes) > 320, `the pictures are ${sizes} wide`);
  /* FEC is agreed on, for the picture and not for the preview */
  for (const type of ['offer', 'answer']) {
    const { sdp } = server.messages.find(([, m]) => m.type === type)[1];
    const videos = sdp.split(/^(?=m=)/m).filter((m) => m.startsWith('m=video')).map((m) => /^a=rtpmap:(\d+) flexfec-03\/90000/m.test(m));
    assert.deepEqual(videos, [true, false], `${type}: ${sdp}`);
  }
});

test('Ayame: a wrong key is told, and tried again later', { skip, timeout: 180000 }, async (t) => {
  const server = await ayame({ key: 'k' });
  const launcher = await Launcher.start('test-to-webrtc', [`ayame=${server.url}`, 'room=abc', 'signaling-key=wrong', ...small], {}, { listens: false });
  t.after(() => launcher.stop());
  t.after(() => server.close());
  await until('it says why', 10000, () => /rejected room abc: InvalidSignalingKey/.test(launcher.log));
  assert.doesNotMatch(launcher.log, /wrong/);
});

/* Sora's side: Chromium makes its offers, each connection anew, and opens data channels of these labels; all but
 * notify are compressed. */
const soraWith = (page, labels = []) => sora({
  more: { data_channel_signaling: labels.length > 0, data_channels: labels.map((label) => ({ label, direction: 'sendrecv', compress: label !== 'notify' })) },
  offer: () => page.evaluate(async (names) => {
    window.pc?.close();
    window.pc = new RTCPeerConnection();
    window.pc.ontrack = (e) => {
      const media = document.createElement(e.track.kind);
      media.muted = e.track.kind === 'video';
      media.autoplay = true;
      media.srcObject = new MediaStream([e.track]);
      document.body.append(media);
    };
    window.pc.addTransceiver('audio', { direction: 'recvonly' });
    window.pc.addTransceiver('video', { direction: 'recvonly' });
    window.heard = [];
    window.channels = names.map((label) => window.pc.createDataChannel(label));
    for (const channel of window.channels) {
      channel.binaryType = 'arraybuffer';
      channel.onmessage = async ({ data }) => {
        const text = typeof data === 'string' ? data : await new Response(new Blob([data]).stream().pipeThrough(new DecompressionStream('deflate'))).text();
        const message = JSON.parse(text);
        window.heard.push({ label: channel.label, binary: typeof data !== 'string', ...message });
        if (message.type === 'disconnect')
          window.pc.close();
      };
    }
    window.say = async (label, message) => {
      const text = JSON.stringify(message);
      const packed = await new Response(new Blob([text]).stream().pipeThrough(new CompressionStream('deflate'))).arrayBuffer();
      window.channels.find((c) => c.label === label).send(label === 'notify' ? text : packed);
    };
    await window.pc.setLocalDescription();
    while (window.pc.iceGatheringState !== 'complete')
      await new Promise((done) => setTimeout(done, 20));
    return window.pc.localDescription.sdp;
  }, labels),
  answered: (sdp) => page.evaluate((text) => window.pc.setRemoteDescription({ type: 'answer', sdp: text }), sdp),
});

test('Sora: redirected, answers the offer, gives statistics, takes leave', { skip, timeout: 180000 }, async (t) => {
  const page = await browser.page('about:blank');
  const server = await soraWith(page);
  const launcher = await Launcher.start('test-to-webrtc', [`sora=${server.url}`, 'channel=ch', 'metadata={"a":1}', ...small], {}, { listens: false });
  t.after(() => launcher.stop());
  t.after(() => server.close());
  t.diagnostic(JSON.stringify(await plays(page)));
  const connects = server.messages.filter((m) => m.type === 'connect');
  assert.equal(connects.length, 2);
  assert.equal(connects[0].role, 'sendonly');
  assert.deepEqual(connects[0].metadata, { a: 1 });
  assert.equal(connects[1].redirect, true);
  const pong = server.messages.find((m) => m.type === 'pong');
  assert.ok(Array.isArray(pong.stats), 'no statistics');
  await launcher.stop();
  await until('it takes leave', 5000, () => server.messages.some((m) => m.type === 'disconnect'));
});

test('Sora: a new offer is answered in the running session; one that cannot be is, in another', { skip, timeout: 180000 }, async (t) => {
  const page = await browser.page('about:blank');
  const server = await soraWith(page);
  const launcher = await Launcher.start('test-to-webrtc', [`sora=${server.url}`, 'channel=ch', ...small], {}, { listens: false });
  t.after(() => launcher.stop());
  t.after(() => server.close());
  const said = (type) => server.messages.filter((m) => m.type === type);
  const why = (e) => { throw new Error(`${e.message}\n${launcher.log}\n${JSON.stringify(server.messages)}`); };
  await plays(page).catch(why);
  for (const [offer, answer] of [['re-offer', 're-answer'], ['update', 'update'], ['re-offer', 're-answer']]) {
    const before = await received(page);
    const answers = said(answer).length;
    const sdp = await page.evaluate(async () => {
      await window.pc.setLocalDescription();
      return window.pc.localDescription.sdp;
    });
    server.say({ type: offer, sdp });
    await until(`${offer} is answered`, 15000, () => said(answer).length === answers + 1).catch(why);
    await until('Chromium takes it', 15000, () => page.evaluate(() => window.pc.signalingState === 'stable')).catch(why);
    await until('picture and sound go on', 25000, async () => {
      const now = await received(page);
      return now.frames > before.frames + 60 && now.energy > before.energy;
    }).catch(why);
  }
  /* no session but the first: connect, redirected, connect */
  assert.equal(said('connect').length, 2, launcher.log);
  assert.equal(said('answer').length, 1);
  /* new ICE credentials are another transport */
  const sdp = await page.evaluate(async () => (await window.pc.createOffer({ iceRestart: true })).sdp);
  server.say({ type: 're-offer', sdp });
  await until('it comes back', 25000, () => said('answer').length === 2).catch(why);
  assert.match(launcher.log, /new ICE credentials/);
  t.diagnostic(JSON.stringify(await plays(page).catch(why)));
});

test('Sora: signalling moves to data channels', { skip, timeout: 180000 }, async (t) => {
  const page = await browser.page('about:blank');
  const server = await soraWith(page, ['signaling', 'notify', 'push', 'stats', 'rpc', '#other']);
  const launcher = await Launcher.start('test-to-webrtc', [`sora=${server.url}`, 'channel=ch', 'data-channel-signaling=true', ...small], {}, { listens: false });
  t.after(() => launcher.stop());
  t.after(() => server.close());
  const why = (e) => { throw new Error(`${e.message}\n${launcher.log}\n${JSON.stringify(server.messages)}`); };
  const say = (label, message) => page.evaluate(([l, m]) => window.say(l, m), [label, message]);
  const heard = (what, type) => until(what, 15000, async () => (await page.evaluate(() => window.heard)).find((m) => m.type === type)).catch(why);

  await plays(page).catch(why);
  const { data_channel_signaling: asked, ignore_disconnect_websocket: alone } = server.messages[0];
  assert.deepEqual({ asked, alone }, { asked: true, alone: true });
  await until('the channels are open', 15000, () => page.evaluate(() => window.channels.every((c) => c.readyState === 'open'))).catch(why);
  server.say({ type: 'switched', ignore_disconnect_websocket: true });
  await until('it closes the WebSocket', 15000, () => server.gone()).catch(why);

  await say('notify', { type: 'notify', event_type: 'network.status' });
  await until('it takes the notification', 15000, () => /network\.status/.test(launcher.log)).catch(why);
  /* of a flood of them only some are logged, and that is said */
  const notices = () => launcher.log.match(/the server says: .*/g);
  await page.evaluate(() => { for (let i = 0; i < 40; i++) window.say('notify', { type: 'notify', event_type: `flood-${i}` }); });
  await until('it leaves some out', 15000, () => /more lines like the last one are left out/.test(launcher.log)).catch(why);
  await say('rpc', { jsonrpc: '2.0', id: 1, result: {} });
  await say('#other', { anything: 1 });
  await say('stats', { type: 'req-stats' });
  const stats = await heard('it gives statistics', 'stats');
  assert.equal(stats.label, 'stats');
  assert.ok(notices().length < 30, launcher.log);
  assert.ok(stats.binary && Array.isArray(stats.reports), JSON.stringify(stats));

  const before = await received(page);
  await page.evaluate(async () => {
    await window.pc.setLocalDescription();
    await window.say('signaling', { type: 're-offer', sdp: window.pc.localDescription.sdp });
  });
  const answer = await heard('it answers the new offer', 're-answer');
  assert.equal(answer.label, 'signaling');
  await page.evaluate((sdp) => window.pc.setRemoteDescription({ type: 'answer', sdp }), answer.sdp);
  await until('picture and sound go on', 25000, async () => {
    const now = await received(page);
    return now.frames > before.frames + 60 && now.energy > before.energy;
  }).catch(why);
  await launcher.stop();
  assert.equal((await heard('it takes leave', 'disconnect')).label, 'signaling');
  assert.equal(server.messages.filter((m) => m.type === 'connect').length, 2, launcher.log);
});
