/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Each preset with a source of its own, run for seconds on a real source: a test picture, RTP and SRT from another
 * process, a file. An RTMP server is not at hand: there the way to one is tested. What comes out is checked against its bytes. */

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import test from 'node:test';
import { buildRoot, Launcher, sourceRoot, temporaryFolder, until } from '../common/launcher.mjs';
import { fetchPlaylist } from '../common/playlist.mjs';
import { freeTcpPort, freeUdpPort, sender } from '../common/senders.mjs';

const folder = temporaryFolder('presets-run');
test.after(() => fs.rmSync(folder, { recursive: true, force: true }));
const program = path.join(buildRoot, 'tools/lockstep/lockstep');
const env = { ...process.env, GST_REGISTRY_1_0: path.join(folder, 'registry.bin') };
/* why a test of a preset cannot run, or false */
const without = (preset) => (fs.existsSync(path.join(sourceRoot, 'pipelines', `${preset}.json`)) ? false : `there is no preset ${preset}`);
const exists = (element) => spawnSync('gst-inspect-1.0', ['--exists', element], { env }).status === 0;

const gst = (line) => sender('gst-launch-1.0', ['-q', ...line.split(/\s+/)], env);

function hlsCheck(at) {
  const r = spawnSync(program, ['hls-check', at, '--json'], { encoding: 'utf8', env, timeout: 180000 });
  assert.equal(r.status, 0, r.stdout + r.stderr);
}

/** Waits until so many segments are listed with sound and picture, and checks them. */
async function looksRight(server, channel, segments = 4, limit = 15000) {
  const c = await server.untilChannel(channel, `${segments} segments`, limit, (c) => c.state === 'live' && c.segments >= segments && c.video && c.audio);
  assert.deepEqual([c.video.codec, c.audio.codec], ['H264', 'MP3']);
  const list = await fetchPlaylist(`${server.url}${c.hls}`);
  /* what is left when a source ends is as long as it is */
  const durations = list.segments.filter((s, i) => !list.segments[i + 1]?.discontinuity).map((s) => s.duration);
  assert.ok(durations.every((d) => d > 0.3 && d < 2.5), durations.join(' '));
  hlsCheck(path.join(server.output, channel));
  return c;
}

/** Runs a preset while `source` sends to it. */
async function serve(preset, words, check, source = null, also = async () => {}) {
  const server = await Launcher.start(preset, words);
  let sending = null;
  try {
    sending = source?.();
    await check(server);
    await also(server, () => sending, (next) => { sending = next; });
  } catch (e) {
    throw new Error(`${e.message}\n${sending?.log() ?? ''}\n${server.tail()}`);
  } finally {
    await sending?.stop();
    const how = await server.stop();
    assert.equal(how.code, 0, how.log);
  }
}

test('test-to-hls', { skip: without('test-to-hls') }, () => serve('test-to-hls', ['size=320x180', 'video-bitrate=300k'], async (server) => {
  await looksRight(server, 'test');
  assert.equal((await server.channel('test')).publishers, false);
}));

test('capture-to-hls: stand-ins for camera and microphone', { skip: without('capture-to-hls') }, () => serve('capture-to-hls',
  ['device=test', 'audio-device=test', 'size=320x180', 'framerate=25', 'video-bitrate=300k'], (server) => looksRight(server, 'capture')));

test('capture-to-hls: of a camera that is not there is said what names it, and what else there is', { skip: without('capture-to-hls') }, async () => {
  const server = await Launcher.start('capture-to-hls', ['device=/dev/lockstep-none', 'audio-device=test', '--failure-dir', '/dev/null/x']);
  try {
    await until('it is said', 20000, () => /the failure cannot be described in \/dev\/null\/x: .* --failure-dir\n(.*\n)*?.*camera: .*; device is '\/dev\/lockstep-none' \(.*lockstep doctor lists them; test: a test picture\)/.test(server.log));
  } finally {
    await server.stop();
  }
});

/* The payloaders begin at random sequence numbers and timestamps, and send no RTCP. The key frames have two slices, and the
 * payloader of GStreamer 1.22 puts parameter sets before each: that splits them in two where they are put together again.
 * Packets of sound get lost, and leave no hole. */
const rtp = (audio, video) => gst(`videotestsrc is-live=true pattern=ball ! video/x-raw,width=320,height=180,framerate=25/1
  ! x264enc tune=zerolatency speed-preset=ultrafast key-int-max=25 bitrate=300 ! rtph264pay config-interval=-1 pt=102 aggregate-mode=zero-latency
  ! udpsink host=127.0.0.1 port=${video}
  audiotestsrc is-live=true ! audioconvert ! opusenc ! rtpopuspay pt=111 ! identity drop-probability=0.03 ! udpsink host=127.0.0.1 port=${audio}`);

test('rtp-to-hls: plain RTP with random offsets; another sender later goes on after a discontinuity', {
  skip: without('rtp-to-hls'),
}, async () => {
  const [audio, video] = [await freeUdpPort(), await freeUdpPort()];
  /* a sender that a busy machine holds up is not late by more than this */
  await serve('rtp-to-hls', ['latency=2000', `audio-port=${audio}`, `video-port=${video}`, 'audio-payload=111', 'video-payload=102'], (server) => looksRight(server, 'rtp'), () => rtp(audio, video), async (server, sending, next) => {
    await sending().stop();
    await server.untilChannel('rtp', 'nothing comes any more', 20000, (c) => c.state !== 'live');
    next(rtp(audio, video));
    const c = await looksRight(server, 'rtp');
    assert.ok((await fetchPlaylist(`${server.url}${c.hls}`)).segments.some((s) => s.discontinuity));
  });
});

/* What is more than an SRT packet holds is lost on its way: without alignment=7 that is each key frame. */
test('srt-to-hls: a caller', {
  skip: without('srt-to-hls'),
}, async () => {
  const port = await freeUdpPort();
  await serve('srt-to-hls', [`uri=srt://127.0.0.1:${port}?mode=listener`], (server) => looksRight(server, 'srt'), () => gst(`mpegtsmux name=mux alignment=7
    ! srtsink uri=srt://127.0.0.1:${port}?mode=caller wait-for-connection=true
    videotestsrc is-live=true ! video/x-raw,width=320,height=180,framerate=25/1 ! x264enc tune=zerolatency speed-preset=ultrafast key-int-max=25 bitrate=300
    ! h264parse ! mux. audiotestsrc is-live=true ! audioconvert ! avenc_aac ! aacparse ! mux.`));
});

test('rtmp-to-hls: a server that is not there is tried again, and the reason is known', { skip: without('rtmp-to-hls') }, async () => {
  const port = await freeTcpPort();
  await serve('rtmp-to-hls', [`uri=rtmp://127.0.0.1:${port}/live/cam`], async (server) => {
    await until('it is tried again', 20000, () => (server.log.match(/starting again/g) || []).length >= 2);
    assert.match((await server.channel('rtmp')).reason, /Connection refused/);
  });
});

test('file-to-hls: the whole file on demand, and then the end', { skip: without('file-to-hls') }, () => {
  const made = spawnSync('gst-launch-1.0', ['-q', ...`matroskamux name=mux ! filesink location=film.mkv
    videotestsrc num-buffers=250 ! video/x-raw,width=320,height=180,framerate=25/1 ! x264enc speed-preset=ultrafast ! h264parse ! mux.
    audiotestsrc num-buffers=480 samplesperbuffer=1000 ! audio/x-raw,rate=48000 ! audioconvert ! opusenc ! mux.`.split(/\s+/)], { encoding: 'utf8', env, cwd: folder });
  assert.equal(made.status, 0, made.stderr);
  const r = spawnSync(program, ['run', 'file-to-hls', `input=${folder}/film.mkv`, 'listen=127.0.0.1:0', `output=${folder}/vod`, 'target-duration=2', 'video-bitrate=300k'], { encoding: 'utf8', env, timeout: 180000 });
  assert.equal(r.status, 0, r.stderr);
  const text = fs.readFileSync(path.join(folder, 'vod/file/index.m3u8'), 'utf8');
  assert.match(text, /#EXT-X-PLAYLIST-TYPE:VOD/);
  assert.match(text, /#EXT-X-ENDLIST\n$/);
  const total = [...text.matchAll(/#EXTINF:([0-9.]+)/g)].reduce((sum, m) => sum + Number(m[1]), 0);
  assert.ok(Math.abs(total - 10) < 0.1, text);
  hlsCheck(path.join(folder, 'vod/file'));
});

test('file-to-hls: a file that is not there', { skip: without('file-to-hls') }, () => {
  const r = spawnSync(program, ['run', 'file-to-hls', `input=${folder}/absent.mp4`, 'listen=127.0.0.1:0', `output=${folder}/none`], { encoding: 'utf8', env, timeout: 180000 });
  assert.equal(r.status, 66, r.stderr);
  assert.match(r.stderr, /absent\.mp4/);
});
