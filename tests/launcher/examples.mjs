/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The programs of examples/, each run as its first comment says. */

import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs';
import path from 'node:path';
import test from 'node:test';
import { buildRoot, temporaryFolder } from '../common/launcher.mjs';
import { freeUdpPort, sender, untilSent } from '../common/senders.mjs';

const folder = temporaryFolder('examples');
const env = { ...process.env, GST_REGISTRY_1_0: path.join(folder, 'registry.bin') };
test.after(() => fs.rmSync(folder, { recursive: true, force: true }));

/** Runs examples/NAME to its end. */
async function example(name, words) {
  const child = spawn(path.join(buildRoot, 'examples', name), words, { env, timeout: 180000 });
  let out = '', err = '';
  child.stdout.on('data', (d) => { out += d; });
  child.stderr.on('data', (d) => { err += d; });
  const [code, signal] = await once(child, 'close');
  assert.equal(signal, null, err);
  return { code, out, err };
}

/** A sender of its own process, which sends by now; its RTP timestamps begin at random. */
async function send(t, port, line) {
  const sending = sender('gst-launch-1.0', ['-q', ...line.split(' ')], env);
  t.after(() => sending.stop());
  await untilSent(port);
}
const opus = (port) => `audiotestsrc is-live=true ! opusenc ! rtpopuspay pt=96 ! udpsink host=127.0.0.1 port=${port}`;
const h264 = (port) => `videotestsrc is-live=true ! video/x-raw,width=160,height=90,framerate=30/1 ! x264enc tune=zerolatency speed-preset=ultrafast key-int-max=30 ! rtph264pay pt=97 config-interval=-1 ! udpsink host=127.0.0.1 port=${port}`;

test('each says how it is used', async () => {
  for (const name of ['card-frames', 'hls-recorder', 'lip-sync', 'rtp-receiver']) {
    const { code, err } = await example(name, []);
    assert.equal(code, 64);
    assert.match(err, /^usage: /);
  }
});

test('hls-recorder', async () => {
  const output = path.join(folder, 'a b;c');
  const { code, out, err } = await example('hls-recorder', [output, '4']);
  assert.equal(code, 0, err);
  assert.match(out, /^segment 0: 1\.\d{3} s, \d+ bytes, [+-]\d+\.\d ms off the grid$/m);
  const check = spawnSync(path.join(buildRoot, 'tools/lockstep/lockstep'), ['hls-check', output], { encoding: 'utf8', env });
  assert.equal(check.status, 0, check.stdout + check.stderr);
});

test('card-frames', { skip: spawnSync('gst-inspect-1.0', ['yuy2convert'], { env }).status === 0 ? false : 'yuy2convert is not built: there is no libyuv' }, async () => {
  const file = path.join(folder, 'frames.nv12');
  const [width, height, frames] = [50, 18, 3];
  const { code, out, err } = await example('card-frames', [file, frames, `${width}x${height}`]);
  assert.equal(code, 0, err);
  assert.match(out, /^3 frames of 50x18 by \S+: ./);
  /* the same slopes, and chroma of two rows each */
  const expected = [];
  for (let n = 0; n < frames; n++) {
    for (let y = 0; y < height; y++)
      for (let x = 0; x < width; x++)
        expected.push(x + y + n & 255);
    for (let y = 0; y < height; y += 2)
      for (let x = 0; x < width; x += 2)
        for (const of of [(row) => x + 3 * row + n & 255, (row) => 5 * row - x + n & 255])
          expected.push(of(y) + of(y + 1) + 1 >> 1);
  }
  assert.ok(fs.readFileSync(file).equals(Buffer.from(expected)), 'the pictures are other than what was drawn');
  assert.equal((await example('card-frames', [path.join(folder, 'absent', 'x')])).code, 73);
});

test('rtp-receiver', async (t) => {
  const port = await freeUdpPort();
  await send(t, port, opus(port));
  const { code, out, err } = await example('rtp-receiver', [port, '200', '4']);
  assert.equal(code, 0, err);
  const last = out.trim().split('\n').at(-1);
  const [, packets, lost, late] = /^(\d+) packets, (\d+) lost, (\d+) later than 200 ms$/.exec(last)?.map(Number) ?? assert.fail(last);
  assert.ok(packets > 50, last);
  /* a sender that the machine held up: what came too late is lost, and nothing else */
  assert.ok(lost <= late, last);
});

test('lip-sync', async (t) => {
  const audio = await freeUdpPort(), video = await freeUdpPort();
  await send(t, audio, opus(audio));
  await send(t, video, h264(video));
  const { code, out, err } = await example('lip-sync', [audio, video, '5']);
  assert.equal(code, 0, err);
  assert.match(out.trim().split('\n').at(-1), /^picture moved by [+-]\d+\.\d ms \(\+-\d+\.\d ms, known from: arrival/);
});
