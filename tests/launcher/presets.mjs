/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The shipped presets: their schema; each checked, exported, and the exported line run; sources from other processes
 * through `lockstep run`. */

import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import test from 'node:test';
import { buildRoot, Launcher, PATIENCE, sourceRoot, temporaryFolder, until } from '../common/launcher.mjs';
import { serveFlv } from '../common/rtmp.mjs';
import { faults } from '../common/schema.mjs';
import { freeUdpPort, makeFile, streamSender } from '../common/senders.mjs';

const folder = temporaryFolder('presets');
test.after(() => fs.rmSync(folder, { recursive: true, force: true }));
const noFfmpeg = spawnSync('ffmpeg', ['-version']).status === 0 ? false : 'there is no ffmpeg';
const presets = fs.readdirSync(path.join(sourceRoot, 'pipelines')).filter((f) => f.endsWith('.json') && !f.endsWith('.schema.json'))
  .map((f) => f.slice(0, -5));
const env = { ...process.env, GST_PLUGIN_PATH_1_0: path.join(buildRoot, 'plugins'), LOCKSTEP_PIPELINES_PATH: path.join(sourceRoot, 'pipelines'),
  GST_REGISTRY_1_0: path.join(folder, 'registry.bin') };
const read = (file) => JSON.parse(fs.readFileSync(path.join(sourceRoot, 'pipelines', file), 'utf8'));

function lockstep(...words) {
  const r = spawnSync(path.join(buildRoot, 'tools/lockstep/lockstep'), words, { encoding: 'utf8', timeout: 180000, cwd: folder, env });
  return [r.status, r.stdout, r.stderr];
}

/** Runs a shell line until it ends, or is interrupted, as Ctrl-C does, once `enough (log)` is true, and killed where that
 * is not enough. */
async function shell(line, enough, signal = 'SIGINT') {
  const child = spawn('sh', ['-c', `exec ${line}`], { cwd: folder, env, stdio: ['ignore', 'pipe', 'pipe'] });
  let log = '';
  const take = (data) => { log += data; };
  child.stdout.on('data', take);
  child.stderr.on('data', take);
  let over = false;
  const ended = new Promise((resolve) => child.once('close', (code, signal) => { over = true; resolve({ code, signal }); }));
  await until(`enough of ${line}`, 15000, () => over || enough(log)).catch((e) => { log += e.message; });
  child.kill(signal);
  const killer = setTimeout(() => child.kill('SIGKILL'), 15000 * PATIENCE);
  const how = await ended;
  clearTimeout(killer);
  return { ...how, log };
}

function exported(name, ...words) {
  const [code, out, err] = lockstep('export', name, ...words);
  assert.equal(code, 0, err);
  assert.match(out, /^gst-launch-1\.0 -e \\\n/);
  return out;
}

/** Whether so many segments are listed. */
function listed(file, n) {
  return fs.existsSync(file) && fs.readFileSync(file, 'utf8').match(/EXTINF/g)?.length >= n;
}

function goodPlaylist(of) {
  const [code, out, err] = lockstep('hls-check', path.join(folder, of));
  assert.equal(code, 0, `${of}: ${out}${err}`);
  const n = Number(out.match(/(\d+) segments, 0 errors/)[1]);
  assert.ok(n >= 2, `${of}: ${out}`);
}

const required = { 'file-to-hls': ['input=x.mkv'], 'rtmp-to-hls': ['uri=rtmp://127.0.0.1/a/b'] };

test('each preset keeps to the schema; what the schema forbids does not pass', () => {
  const schema = read('preset.schema.json');
  for (const name of presets)
    assert.deepEqual(faults(schema, read(`${name}.json`)), [], name);
  const good = read('test-to-hls.json');
  for (const [change, says] of [
    [{ pipline: [] }, /no key pipline/], [{ pipeline: 'a ! b' }, /pipeline: type/], [{ pipeline: [] }, /minItems/],
    [{ summary: undefined }, /required/], [{ parameters: { A: { type: 'int', summary: 's' } } }, /pattern/],
    [{ parameters: { a: { type: 'integer', summary: 's' } } }, /a\.type/], [{ parameters: { a: { type: 'int', defualt: 1, summary: 's' } } }, /defualt/],
    [{ properties: { location: 'x' } }, /properties\.location/], [{ signalling: { protocol: 'smtp' } }, /protocol/],
    [{ alternatives: { e: [{ name: 'a' }] } }, /required/], [{ pipeline: [{ repeat: 'x' }] }, /required/],
  ])
    assert.match(faults(schema, JSON.parse(JSON.stringify({ ...good, ...change }))).join('\n'), says);
});

test('a key frame is no larger than 200 ms of the rate where x264 follows a path', () => {
  let seen = 0;
  for (const name of presets.filter((n) => read(`${n}.json`).signalling?.rate)) {
    for (const { launch } of Object.values(read(`${name}.json`).alternatives).flat()) {
      if (!/^x264enc /.test(launch ?? ''))
        continue;
      assert.match(launch, / vbv-buf-capacity=200 /, name);
      seen++;
    }
  }
  assert.ok(seen >= 4, `${seen}`);
});

test('check finds nothing in any of them', () => {
  const [code, out, err] = lockstep('check');
  assert.equal(code, 0, out + err);
  for (const name of presets)
    assert.match(out, new RegExp(`^${name}: ok$`, 'm'));
});

test('each is exported to a line that gst-launch-1.0 takes', async () => {
  await Promise.all(presets.map(async (name) => {
    const output = lockstep('show', name, '--names')[1].split('\n').includes('output') ? ['output=o'] : [];
    const line = exported(name, ...(required[name] ?? []), ...output);
    /* some have no source here: what is wrong with a line is said before it runs */
    const { log } = await shell(line, (log) => log.includes('Setting pipeline to PAUSED'), 'SIGKILL');
    assert.doesNotMatch(log, /erroneous pipeline|syntax error/, name);
    assert.match(log, /Setting pipeline to PAUSED/, name);
  }));
});

test('the exported lines run: test, capture', async () => {
  const words = ['target-duration=1', `output=${folder}/out`];
  const small = ['size=320x240', 'framerate=25'];
  const [testLine, captureLine] = [exported('test-to-hls', ...words, ...small), exported('capture-to-hls', ...words, ...small, 'device=test', 'audio-device=test')];
  const [a, b] = await Promise.all([['test', testLine], ['capture', captureLine]].map(([channel, line]) => shell(line, () => listed(path.join(folder, 'out', channel, 'index.m3u8'), 3))));
  assert.equal(a.code, 0, a.log);
  assert.equal(b.code, 0, b.log);
  goodPlaylist('out/test');
  goodPlaylist('out/capture');
});

test('the exported lines run: SRT and RTMP, from other programs', { skip: noFfmpeg }, async () => {
  const port = await freeUdpPort();
  const flv = path.join(folder, 'in.flv');
  await makeFile(flv, 60, 'flv');
  const playing = await serveFlv(flv);
  const sending = streamSender(`srt://127.0.0.1:${port}?mode=listener`, 'both', 'mpegts');
  try {
    const run = (preset, channel, uri) => shell(exported(preset, `uri=${uri}`, `output=${folder}/net`), () => listed(path.join(folder, 'net', channel, 'index.m3u8'), 3));
    for (const { code, log } of await Promise.all([run('srt-to-hls', 'srt', `srt://127.0.0.1:${port}?mode=caller`), run('rtmp-to-hls', 'rtmp', playing.uri)]))
      assert.equal(code, 0, log);
    goodPlaylist('net/srt');
    goodPlaylist('net/rtmp');
  } catch (e) {
    throw new Error(`${e.message}\n${sending.log()}`, { cause: e });
  } finally {
    await sending.stop();
    await playing.stop();
  }
});

test('the exported line of a file runs to its end by itself', async () => {
  const made = await shell(`gst-launch-1.0 -q videotestsrc num-buffers=125 ! video/x-raw,width=160,height=120,framerate=25/1 ! x264enc speed-preset=ultrafast ! matroskamux name=m ! filesink location=in.mkv`
    + ' audiotestsrc num-buffers=235 ! audio/x-raw,rate=48000 ! avenc_aac ! m.', () => false);
  assert.equal(made.code, 0, made.log);
  const { code, log } = await shell(exported('file-to-hls', `input=${folder}/in.mkv`, `output=${folder}/file`, 'target-duration=1'), () => false);
  assert.equal(code, 0, log);
  assert.match(log, /Got EOS from element "pipeline0"/);
  assert.doesNotMatch(log, /handling interrupt/);
  goodPlaylist('file/file');
});

test('values come through the shell and gst-launch as they are', () => {
  for (const value of ['a b', 'it\'s', '"quoted"', 'back\\slash', '$HOME `id` $(id)', 'x ! fakesink', 'ü;&|<>*?#', 'a=b', '\ttab']) {
    const line = exported('srt-to-hls', `uri=srt://${value}`);
    const probe = spawnSync('sh', ['-c', line.replace(/^gst-launch-1\.0 -e/, 'printf "%s\\n"')], { encoding: 'utf8' }).stdout.split('\n').find((w) => w.startsWith('uri='));
    const inner = probe.slice(4).replace(/^"(.*)"$/s, '$1').replace(/\\(.)/gs, '$1');
    assert.equal(inner, `srt://${value}`);
  }
});

test('plain RTP with random offsets, of another process, becomes HLS; so does what webrtc-to-hls and rtp-to-hls export', async () => {
  const [a, v, a2, v2, a3, v3] = await Promise.all(Array.from({ length: 6 }, freeUdpPort));
  const line = exported('test-to-webrtc', 'whip=http://127.0.0.1:9/').replace('width=1280,height=720', 'width=320,height=240').replace(/key-int-max=\d+/, 'key-int-max=25');
  const to = (audio, video) => line.replace('port=5004', `port=${audio}`).replace('port=5006', `port=${video}`);
  /* senders that a busy machine holds up are not late by more than that */
  const words = ['target-duration=1', 'latency=2000'];
  const launcher = await Launcher.start('rtp-to-hls', [`audio-port=${a}`, `video-port=${v}`, ...words]);
  try {
    const receive = exported('webrtc-to-hls', `output=${folder}/rtp`, ...words).replace('port=5004', `port=${a2}`).replace('port=5006', `port=${v2}`);
    let over = false;
    const senders = [[a, v], [a2, v2], [a3, v3]].map((ports) => shell(to(...ports), () => over));
    const received = shell(receive, () => listed(path.join(folder, 'rtp/-/index.m3u8'), 3));
    const plain = shell(exported('rtp-to-hls', `output=${folder}/rtp`, ...words, `audio-port=${a3}`, `video-port=${v3}`), () => listed(path.join(folder, 'rtp/rtp/index.m3u8'), 3));
    await launcher.untilChannel('rtp', 'has segments', 20000, (c) => c.segments >= 3 || c.stats?.segments >= 3);
    const playlist = path.join(launcher.output, 'rtp');
    const [code, out] = lockstep('hls-check', playlist);
    assert.equal(code, 0, out);
    const how = await received;
    assert.equal(how.code, 0, how.log);
    goodPlaylist('rtp/-');
    const { code: ended, log } = await plain;
    assert.equal(ended, 0, log);
    goodPlaylist('rtp/rtp');
    over = true;
    for (const s of await Promise.all(senders))
      assert.equal(s.code, 0, s.log);
  } finally {
    await launcher.stop();
  }
});

test('SRT of another process becomes HLS', async () => {
  const port = await freeUdpPort();
  const launcher = await Launcher.start('srt-to-hls', [`uri=srt://127.0.0.1:${port}?mode=listener`, 'target-duration=1'], { LOCKSTEP_PASSPHRASE: 'correct horse' });
  try {
    const enough = () => listed(path.join(launcher.output, 'srt', 'index.m3u8'), 3);
    const sender = shell('gst-launch-1.0 -q videotestsrc is-live=true ! video/x-raw,width=320,height=240,framerate=25/1 ! x264enc tune=zerolatency key-int-max=25 ! mux.'
      + ' audiotestsrc is-live=true ! audioconvert ! avenc_aac ! mux. mpegtsmux name=mux alignment=7'
      + ` ! srtsink uri="srt://127.0.0.1:${port}?mode=caller" passphrase="correct horse"`, enough);
    await until('segments', 20000, enough);
    const [code, out] = lockstep('hls-check', path.join(launcher.output, 'srt'));
    assert.equal(code, 0, out);
    await sender;
  } finally {
    await launcher.stop();
  }
});
