/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the presets say of how much each audio encoder delays sound is true: a tone is heard in the finished segments when
 * it went in. */

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import test from 'node:test';
import { buildRoot, sourceRoot, temporaryFolder } from '../common/launcher.mjs';
import { findBeeps, readSound } from '../common/lip-sync.mjs';

/* Running time 0 in the segments. */
const ORIGIN = 10;
const preset = JSON.parse(fs.readFileSync(path.join(sourceRoot, 'pipelines', 'webrtc-to-hls.json')));
const folder = temporaryFolder('encoder-delay');
const env = { GST_PLUGIN_PATH_1_0: path.join(buildRoot, 'plugins'), ...process.env };
test.after(() => fs.rmSync(folder, { recursive: true, force: true }));

const has = (command, ...args) => {
  try {
    execFileSync(command, args, { stdio: 'ignore', env });
    return true;
  } catch {
    return false;
  }
};

/* Four seconds with a tone of 1 kHz from second 1, 2 and 3 on. */
function writeTone(file, rate) {
  const samples = new Int16Array(rate * 4);
  for (const start of [1, 2, 3]) {
    for (let i = 0; i < rate / 10; i++)
      samples[start * rate + i] = 16384 * Math.sin((2 * Math.PI * 1000 * i) / rate);
  }
  const header = Buffer.alloc(44);
  header.write('RIFF', 0);
  header.writeUInt32LE(36 + samples.byteLength, 4);
  header.write('WAVEfmt ', 8);
  header.writeUInt32LE(16, 16);
  header.writeUInt16LE(1, 20);
  header.writeUInt16LE(1, 22);
  header.writeUInt32LE(rate, 24);
  header.writeUInt32LE(rate * 2, 28);
  header.writeUInt16LE(2, 32);
  header.writeUInt16LE(16, 34);
  header.write('data', 36);
  header.writeUInt32LE(samples.byteLength, 40);
  fs.writeFileSync(file, Buffer.concat([header, Buffer.from(samples.buffer)]));
}

const cases = preset.alternatives['audio-encoder'].map(({ name, launch, properties }) => {
  const delay = properties['hls.audio-delay'];
  return { name, launch, delay: delay?.value ?? delay, rate: 48000, more: '' };
});
cases.push({ ...cases[0], rate: 44100 });
/* Asked for so little, lame halves the sampling rate, and what it delays lasts twice as long. */
cases.push({ ...cases[0], more: ' bitrate=64' });

for (const { name, launch, delay, rate, more } of cases) {
  const factory = launch.split(' ')[0];
  const skip = !has('ffmpeg', '-version') ? 'there is no ffmpeg' : !has('gst-inspect-1.0', '--exists', factory) ? `there is no ${factory}` : false;
  test(`${name} at ${rate} Hz${more}: sound is heard when it was made`, { skip, timeout: 180000 }, async (t) => {
    assert.match(String(delay), /^\d+$/, `the preset says no delay of ${name}`);
    const out = path.basename(fs.mkdtempSync(path.join(folder, 'hls-')));
    writeTone(path.join(folder, 'tone.wav'), rate);
    const line = `filesrc location=tone.wav ! wavparse ! audioconvert ! audio/x-raw,rate=${rate},channels=2 ! ${launch.replace(' name=aenc', ` name=aenc${more}`)}`
      + ` ! hls.audio hlsalignsink name=hls target-duration=30 audio-delay=${delay} location=${out}/%05d.ts playlist-location=${out}/index.m3u8`;
    execFileSync('gst-launch-1.0', ['-q', ...line.split(' ')], { env, cwd: folder, stdio: ['ignore', 'ignore', 'inherit'] });
    const parts = await readSound(path.join(folder, out, '00000.ts'));
    assert.equal(parts.length, 1, 'the sound has holes');
    const heard = findBeeps(parts[0].samples).map((s) => 1000 * (s + parts[0].pts - ORIGIN));
    t.diagnostic(`heard at ${heard.map((ms) => ms.toFixed(2)).join(', ')} ms`);
    assert.equal(heard.length, 3);
    /* The same detector on what went in. */
    const tone = new Float32Array(48000 * 4);
    for (const start of [1, 2, 3]) {
      for (let i = 0; i < 4800; i++)
        tone[start * 48000 + i] = 0.5 * Math.sin((2 * Math.PI * 1000 * i) / 48000);
    }
    findBeeps(tone).forEach((s, i) => assert.ok(Math.abs(heard[i] - 1000 * s) < 1, `heard at ${heard[i]} ms what began at ${1000 * s} ms`));
  });
}
