/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A second opinion on hlsalignsink's playlists and MPEG-TS: ffprobe reads a finished one and one that grows, without a
 * complaint, and with no step in any timestamp from the first packet to the last. */

import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import test from 'node:test';
import { buildRoot, temporaryFolder, until } from '../common/launcher.mjs';

const skip = spawnSync('ffprobe', ['-version']).status === 0 ? false : 'ffprobe is not installed: run tools/install test';
const folder = temporaryFolder('ffprobe');
test.after(() => fs.rmSync(folder, { recursive: true, force: true }));
const env = { ...process.env, GST_PLUGIN_PATH_1_0: path.join(buildRoot, 'plugins'), GST_REGISTRY_1_0: path.join(folder, 'registry.bin') };

/** Runs a line; resolves when it has ended. */
function launch(line) {
  const child = spawn('gst-launch-1.0', ['-q', ...line.trim().split(/\s+/)], { env, cwd: folder, stdio: ['ignore', 'pipe', 'pipe'] });
  let log = '';
  child.stdout.on('data', (data) => { log += data; });
  child.stderr.on('data', (data) => { log += data; });
  return new Promise((resolve) => { child.once('close', (code) => resolve({ code, log })); });
}

const sink = (name, more) => `hlsalignsink name=h target-duration=1 location=${name}/s%05d.ts playlist-location=${name}/index.m3u8 ${more}`;
const pictures = (live, n) => `videotestsrc is-live=${live} num-buffers=${n} ! video/x-raw,width=64,height=36,framerate=25/1 ! x264enc speed-preset=ultrafast tune=zerolatency
  key-int-max=900 option-string=scenecut=0 ! h264parse ! h.video`;

function probe(list, ...more) {
  const { status, stdout, stderr } = spawnSync('ffprobe', ['-v', 'error', ...more, '-show_entries',
    'stream=index,codec_name,start_pts:format=duration:packet=stream_index,pts,dts', '-of', 'json', list], { encoding: 'utf8', timeout: 120000, maxBuffer: 1 << 26 });
  assert.equal(stderr, '');
  assert.equal(status, 0);
  return JSON.parse(stdout);
}

/** In ticks of 90 kHz: packet i of a stream lies `ticks` times i after the first; ffprobe and the writer each round. */
function steady(found, codec, ticks, least) {
  const stream = found.streams.find((s) => s.codec_name === codec);
  assert.ok(stream, `no ${codec} among ${found.streams.map((s) => s.codec_name)}`);
  const packets = found.packets.filter((p) => p.stream_index === stream.index);
  assert.ok(packets.length >= least, `${packets.length} packets of ${codec}`);
  for (let i = 1; i < packets.length; i++) {
    for (const time of ['pts', 'dts']) {
      const off = packets[i][time] - packets[0][time] - i * ticks;
      assert.ok(Math.abs(off) <= 2, `${codec}: the ${time} of packet ${i} is ${off} ticks off`);
    }
  }
}

test('a finished list, AAC at 44.1 kHz', { skip, timeout: 180000 }, async () => {
  const { code, log } = await launch(`${sink('vod', 'playlist-type=vod')} ${pictures(false, 500)}
    audiotestsrc num-buffers=862 samplesperbuffer=1024 ! audio/x-raw,rate=44100,channels=2 ! avenc_aac ! aacparse ! h.audio`);
  assert.equal(code, 0, log);
  const list = `${folder}/vod/index.m3u8`;
  const found = probe(list);
  const sum = fs.readFileSync(list, 'utf8').match(/#EXTINF:[\d.]+/g).reduce((total, line) => total + Number(line.slice(8)), 0);
  assert.ok(Math.abs(sum - 20) < 0.05, `the list is of ${sum} s`);
  assert.ok(Math.abs(Number(found.format.duration) - sum) < 0.05, `ffprobe: ${found.format.duration} s`);
  assert.equal(found.streams.length, 2);
  steady(found, 'h264', 3600, 500);
  steady(found, 'aac', 1024 * 90000 / 44100, 861);
});

test('a list that grows, MP3', { skip, timeout: 180000 }, async () => {
  const ended = launch(`${sink('live', 'playlist-length=5')} ${pictures(true, 225)}
    audiotestsrc is-live=true num-buffers=375 samplesperbuffer=1152 ! audio/x-raw,rate=48000,channels=2 ! lamemp3enc ! mpegaudioparse ! h.audio`);
  const list = `${folder}/live/index.m3u8`;
  await until('segments', 60000, () => fs.existsSync(list) && fs.readFileSync(list, 'utf8').match(/EXTINF/g)?.length >= 3);
  const found = probe(list, '-live_start_index', '0', '-read_intervals', '%+5');
  assert.equal(found.streams.length, 2);
  steady(found, 'h264', 3600, 100);
  steady(found, 'mp3', 2160, 150);
  const { code, log } = await ended;
  assert.equal(code, 0, log);
});
