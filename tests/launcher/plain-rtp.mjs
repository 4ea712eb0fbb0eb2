/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What an SFU forwards: plain RTP over UDP, timestamps that begin at random, no RTCP. One gst-launch process sends,
 * another puts it on one timeline with avresync and writes HLS. */

import assert from 'node:assert/strict';
import { execFile, spawn } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import test from 'node:test';
import { promisify } from 'node:util';
import { buildRoot, temporaryFolder, until } from '../common/launcher.mjs';
import { gdpBuffers } from '../common/lip-sync.mjs';
import { freeUdpPort, untilListens } from '../common/senders.mjs';

const folder = temporaryFolder('plain-rtp');
const env = { GST_PLUGIN_PATH_1_0: path.join(buildRoot, 'plugins'), ...process.env, GST_REGISTRY_1_0: path.join(folder, 'registry.bin') };
test.after(() => fs.rmSync(folder, { recursive: true, force: true }));

/* Where the timestamps begin: such that they wrap while we look, one after 2 s, the other after 3 s. */
const audio = { rate: 48000, offset: 2 ** 32 - 2 * 48000 + 123 };
const video = { rate: 90000, offset: 2 ** 32 - 3 * 90000 + 4567 };

function gstLaunch(line, ...options) {
  const child = spawn('gst-launch-1.0', ['-q', ...options, ...line.split(/\s+/)], { env, cwd: folder, stdio: ['ignore', 'ignore', 'pipe'] });
  child.said = '';
  child.stderr.on('data', (data) => { child.said += data; });
  child.ended = new Promise((resolve) => { child.once('close', (code, signal) => resolve({ code, signal })); });
  return child;
}

/* [{ pts, sent }] in ms, sent being the sender's running time: what the sender's clock says of the timestamp. */
function readTap(file, { rate, offset }) {
  let high = null;
  return [...gdpBuffers(fs.readFileSync(file))].map(({ pts, data }) => {
    const timestamp = data.readUInt32BE(4);
    high = high === null ? timestamp : high + ((timestamp - high) | 0);
    return { pts: 1000 * pts, sent: (1000 * (high - offset)) / rate };
  });
}

test('plain RTP over UDP without RTCP: one timeline, and HLS', { timeout: 180000 }, async (t) => {
  const [audioPort, videoPort] = [await freeUdpPort(), await freeUdpPort()];
  const receiver = gstLaunch(`avresync name=sync
    udpsrc address=127.0.0.1 port=${audioPort} caps=application/x-rtp,media=audio,clock-rate=48000,encoding-name=OPUS,payload=96 ! sync.sink_0
    udpsrc address=127.0.0.1 port=${videoPort} caps=application/x-rtp,media=video,clock-rate=90000,encoding-name=H264,payload=97 ! sync.sink_1
    sync.src_0 ! tee name=a  a. ! queue ! gdppay ! filesink location=audio.gdp
    a. ! queue ! rtpopusdepay ! opusdec plc=true ! audioconvert ! audioresample ! lamemp3enc ! mpegaudioparse ! hls.audio
    sync.src_1 ! tee name=v  v. ! queue ! gdppay ! filesink location=video.gdp
    v. ! queue ! rtph264depay ! h264parse config-interval=-1 ! hls.video
    hlsalignsink name=hls target-duration=1 audio-delay=1105 location=%05d.ts playlist-location=index.m3u8`, '-e');
  let sender = null;
  try {
    await Promise.all([untilListens(audioPort), untilListens(videoPort)]).catch((e) => assert.fail(`${e.message}\n${receiver.said}`));
    sender = gstLaunch(`audiotestsrc is-live=true samplesperbuffer=960 ! audio/x-raw,rate=48000,channels=2 ! opusenc
      ! rtpopuspay pt=96 timestamp-offset=${audio.offset} ! udpsink host=127.0.0.1 port=${audioPort}
      videotestsrc is-live=true ! video/x-raw,width=320,height=180,framerate=30/1
      ! x264enc tune=zerolatency speed-preset=ultrafast key-int-max=30 bitrate=300
      ! rtph264pay pt=97 timestamp-offset=${video.offset} ! udpsink host=127.0.0.1 port=${videoPort}`);
    await until('six segments', 30000, () => fs.existsSync(`${folder}/00006.ts`));
    sender.kill('SIGINT');
    receiver.kill('SIGINT');
    assert.deepEqual(await receiver.ended, { code: 0, signal: null }, receiver.said);
  } finally {
    sender?.kill('SIGKILL');
    receiver.kill('SIGKILL');
  }
  const sound = readTap(`${folder}/audio.gdp`, audio);
  const picture = readTap(`${folder}/video.gdp`, video);
  assert.ok(sound.length > 250 && picture.length > 150, `${sound.length} packets of sound, ${picture.length} of picture`);

  /* Audio keeps its spacing. */
  const ahead = sound[0].pts - sound[0].sent;
  for (const { pts, sent } of sound)
    assert.ok(Math.abs(pts - sent - ahead) < 0.001, `sound of ${sent} ms is ${pts - sent - ahead} ms off its grid`);
  for (let i = 1; i < picture.length; i++)
    assert.ok(picture[i].pts >= picture[i - 1].pts, 'time went back');
  /* Encoding a picture takes some milliseconds, which nothing tells of here. */
  const late = picture.filter((p) => p.sent > 1000).map((p) => p.pts - p.sent - ahead).sort((a, b) => a - b);
  t.diagnostic(`picture against sound: median ${late[late.length >> 1].toFixed(1)}, from ${late[0].toFixed(1)} to ${late.at(-1).toFixed(1)} ms`);
  assert.ok(Math.abs(late[late.length >> 1]) < 15);
  assert.ok(late.at(-1) - late[0] < 20);

  const { stdout } = await promisify(execFile)(path.join(buildRoot, 'tools', 'lockstep', 'lockstep'), ['hls-check', `${folder}/index.m3u8`], { env });
  t.diagnostic(stdout.trim().split('\n').at(-1));
});
