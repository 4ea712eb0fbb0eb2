/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Simulcast to a Sora server: behind what it says stands a receiver that tells the streams in a section apart, as a media
 * server does. */

import assert from 'node:assert/strict';
import path from 'node:path';
import readline from 'node:readline';
import { spawn } from 'node:child_process';
import { after, test } from 'node:test';
import { buildRoot, Launcher, leave, until } from '../common/launcher.mjs';
import { sora } from '../common/signalling-servers.mjs';

const PICTURE = 126;

after(() => leave());

/* The receiver: offer, answered(sdp), streams(), key(rid). */
async function receiver(t, rids) {
  const child = spawn(path.join(buildRoot, 'tests/e2e/simulcast-server'), rids, { stdio: ['pipe', 'pipe', 'inherit'] });
  t.after(() => child.stdin.end());
  let offer = null;
  let streams = [];
  let rtx = null;
  readline.createInterface({ input: child.stdout }).on('line', (line) => {
    const message = JSON.parse(line);
    offer ??= message.offer;
    streams = message.streams ?? streams;
  });
  const say = (line) => child.stdin.write(`${line}\n`);
  await until('the receiver offers', 15000, () => offer);
  return {
    offer: () => offer,
    answered: (sdp) => {
      rtx = Number(/^a=fmtp:(\d+) apt=126/m.exec(sdp)?.[1]);
      say(`answer ${Buffer.from(sdp).toString('base64')}`);
    },
    key: (rid) => say(`key ${rid}`),
    streams: () => streams,
    pictures: () => streams.filter((s) => s.payload === PICTURE),
    repairs: () => streams.filter((s) => s.payload === rtx),
  };
}

async function start(t, rids, encodings, parameters) {
  const media = await receiver(t, rids);
  const answers = [];
  const server = await sora({
    offer: media.offer,
    answered: (sdp) => {
      /* the receiver's side is as it was, whatever is offered again */
      if (answers.push(sdp) === 1)
        media.answered(sdp);
    },
    more: { simulcast: rids.length > 0, ...encodings && { encodings } },
  });
  const launcher = await Launcher.start('test-to-webrtc', [`sora=${server.url}`, 'channel=ch', ...parameters], {}, { listens: false });
  t.after(() => launcher.stop());
  t.after(() => server.close());
  const why = (e) => { throw new Error(`${e.message}\n${JSON.stringify(media.streams())}\n${launcher.log}\n${answers.at(-1)}`); };
  await until('it answers', 20000, () => answers.length > 0).catch(why);
  return { media, server, launcher, answers, answer: answers[0], why };
}

const encodings = [
  { rid: 'r0', active: true, maxBitrate: 150000, scaleResolutionDownBy: 4 },
  { rid: 'r1', active: true, maxBitrate: 300000, scaleResolutionDownBy: 2 },
  { rid: 'r2', active: true, maxBitrate: 600000, scaleResolutionDownBy: 1 },
];
const substream = 'substream=480x270@200k,240x136@100k';
const sizes = (pictures) => pictures.map((s) => `${s.rid} ${s.width}x${s.height}`).sort();

test('three pictures of one source in one section', { timeout: 180000 }, async (t) => {
  const { media, server, launcher, answers, answer, why } = await start(t, ['r0', 'r1', 'r2'], encodings, [substream, 'video-bitrate=1050k', 'min-bitrate=1050k']);

  assert.equal(server.messages[0].simulcast, true);
  assert.match(answer, /a=rid:r0 send\r\na=rid:r1 send\r\na=rid:r2 send\r\na=simulcast:send r0;r1;r2\r\n/);
  assert.equal(answer.match(/^m=video/gm).length, 1);
  assert.doesNotMatch(answer.slice(answer.indexOf('m=video')), /^a=ssrc/m);

  await until('each is seen', 25000, () => media.pictures().length === 3 && media.pictures().every((s) => s.keys > 0)).catch(why);
  assert.deepEqual(sizes(media.pictures()), ['r0 320x180', 'r1 640x360', 'r2 1280x720']);
  assert.ok(media.pictures().every((s) => s.mid === 'video_2' && s.repaired === null), JSON.stringify(media.pictures()));
  t.diagnostic(JSON.stringify(media.pictures()));

  /* A request for a key frame is for the stream that it names. (One that an encoder makes of itself, each 300 frames, may
   * come in between: then another time.) */
  const counts = () => Object.fromEntries(media.pictures().map((s) => [s.rid, s.keys]));
  for (const rid of ['r0', 'r1', 'r2']) {
    let others = ['?'];
    for (let tries = 0; tries < 4 && others.length > 0; tries++) {
      const before = counts();
      media.key(rid);
      await until(`${rid} gets a key frame`, 15000, () => counts()[rid] > before[rid]).catch(why);
      others = Object.keys(before).filter((other) => other !== rid && counts()[other] !== before[other]);
    }
    assert.deepEqual(others, [], `they too, after a request for ${rid}`);
  }
  /* what is asked for and comes again names what it repairs */
  await until('each is repaired', 25000, () => media.repairs().length === 3).catch(why);
  assert.deepEqual(media.repairs().map((s) => s.repaired).sort(), ['r0', 'r1', 'r2'], JSON.stringify(media.repairs()));
  assert.ok(media.repairs().every((s) => s.rid === null && s.mid === 'video_2'), JSON.stringify(media.repairs()));
  t.diagnostic(JSON.stringify(media.repairs()));

  /* another offer of the same is answered by the same, and all go on */
  const before = media.pictures();
  server.say({ type: 're-offer', sdp: media.offer().replace(/^o=(\S+ \S+) \d+ /m, 'o=$1 7 ') });
  await until('the new offer is answered', 15000, () => answers.length === 2).catch(why);
  assert.match(answers[1], /a=simulcast:send r0;r1;r2\r\n/);
  await until('each goes on', 15000, () => media.pictures().every((s, i) => s.packets > before[i].packets + 20)).catch(why);
  assert.equal(media.pictures().length, 3);
  assert.doesNotMatch(launcher.log, /beginning again|trying again/);
});

test('an inactive encoding is not sent, and the answer says so', { timeout: 180000 }, async (t) => {
  const two = encodings.map((e) => ({ ...e, active: e.rid !== 'r2' }));
  const { media, answer, why } = await start(t, ['r0', 'r1', 'r2'], two, [substream, 'video-bitrate=500k', 'min-bitrate=500k']);

  assert.match(answer, /a=simulcast:send r0;r1;~r2\r\n/);
  await until('two are seen', 25000, () => media.pictures().length === 2 && media.pictures().every((s) => s.keys > 0 && s.packets > 100)).catch(why);
  assert.deepEqual(sizes(media.pictures()), ['r0 320x180', 'r1 640x360']);
});

test('a picture that there is too little for is left out', { timeout: 180000 }, async (t) => {
  /* of 250 kbit/s the smallest has 150, and the next needs 60; the largest would need 120 */
  const few = ['video-bitrate=250k', 'max-bitrate=250k', 'min-bitrate=100k'];
  const { media, launcher, why } = await start(t, ['r0', 'r1', 'r2'], encodings, [substream, ...few]);

  await until('two are seen', 25000, () => media.pictures().length === 2 && media.pictures().every((s) => s.keys > 0 && s.packets > 100)).catch(why);
  assert.deepEqual(sizes(media.pictures()), ['r0 320x180', 'r1 640x360']);
  assert.doesNotMatch(launcher.log, /picture r2, 1280x720, is sent/);
});

test('… and sent once the network is known to carry it', { timeout: 180000 }, async (t) => {
  const { media, why } = await start(t, ['r0', 'r1', 'r2'], encodings, [substream, 'video-bitrate=250k']);

  await until('the largest is sent', 60000, () => media.pictures().find((s) => s.rid === 'r2')?.keys > 0).catch(why);
  assert.deepEqual(sizes(media.pictures()), ['r0 320x180', 'r1 640x360', 'r2 1280x720']);
});

test('a server without simulcast gets one picture', { timeout: 180000 }, async (t) => {
  const { media, launcher, answer, why } = await start(t, [], null, [substream, 'video-bitrate=1500k', 'min-bitrate=1500k']);

  assert.doesNotMatch(answer, /a=rid|a=simulcast/);
  await until('it is seen', 25000, () => media.pictures().some((s) => s.keys > 0 && s.packets > 100)).catch(why);
  assert.deepEqual(media.pictures().map((s) => [s.rid, s.width, s.height]), [[null, 1280, 720]]);
  assert.match(launcher.log, /takes one picture of a source/);
});

test('who encodes one picture asks for no simulcast', { timeout: 180000 }, async (t) => {
  const { media, server, answer, why } = await start(t, ['r0', 'r1', 'r2'], encodings, ['video-bitrate=1500k', 'min-bitrate=1500k']);

  assert.equal(server.messages[0].simulcast, undefined);
  assert.doesNotMatch(answer, /a=rid|a=simulcast/);
  await until('it is seen', 25000, () => media.pictures().some((s) => s.keys > 0)).catch(why);
  assert.equal(media.pictures().length, 1);
});

test('encodings that cannot be meant are passed over', { timeout: 180000 }, async (t) => {
  const { media, launcher, why } = await start(t, ['r0', 'r1'], [{ rid: 'r0', scaleResolutionDownBy: 0 }], ['substream=480x270@200k', 'video-bitrate=1200k', 'min-bitrate=1200k']);

  await until('both are seen', 25000, () => media.pictures().length === 2 && media.pictures().every((s) => s.keys > 0)).catch(why);
  assert.deepEqual(sizes(media.pictures()), ['r0 640x360', 'r1 1280x720']);
  assert.match(launcher.log, /encodings is passed over: scaleResolutionDownBy/);
});
