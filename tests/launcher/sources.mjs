/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Presets with a source of their own: one channel, started at once, started again when it fails. */

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import test from 'node:test';
import { buildRoot, Launcher, sourceRoot, temporaryFolder, until } from '../common/launcher.mjs';
import { fetchPlaylist } from '../common/playlist.mjs';

const preset = path.join(sourceRoot, 'tests/files/presets/source.json');
const folder = temporaryFolder('sources');
test.after(() => fs.rmSync(folder, { recursive: true, force: true }));

/** Runs to its end. */
function run(words) {
  const r = spawnSync(path.join(buildRoot, 'tools/lockstep/lockstep'), ['run', ...words], {
    encoding: 'utf8', timeout: 180000, cwd: folder,
    env: { ...process.env, GST_REGISTRY_1_0: path.join(folder, 'registry.bin') },
  });
  return [r.status, r.stderr];
}

test('a live source is a channel at once, with figures, HLS and a watch page, and nobody can publish', async (t) => {
  /* also where numbers are written with commas */
  spawnSync('localedef', ['-i', 'de_DE', '-f', 'UTF-8', path.join(folder, 'de_DE.UTF-8')]);
  const german = fs.existsSync(path.join(folder, 'de_DE.UTF-8', 'LC_NUMERIC'));
  t.diagnostic(german ? 'in German' : 'there is no German locale');
  const server = await Launcher.start(preset, ['channel=cam'], german ? { LOCPATH: folder, LC_ALL: 'de_DE.UTF-8' } : {});
  try {
    const c = await server.untilChannel('cam', 'two segments', 20000, (c) => c.state === 'live' && c.segments >= 2 && c.video?.kbps > 0);
    assert.equal(c.video.codec, 'H264');
    assert.deepEqual([c.video.width, c.video.height], [160, 90]);
    const list = await fetchPlaylist(`${server.url}${c.hls}`);
    assert.ok(list.segments.length >= 2 && !list.ended);
    const metrics = await (await fetch(`${server.url}/metrics`)).text();
    assert.match(metrics, /^lockstep_hls_delay_seconds\{channel="cam"\} \d/m);
    for (const line of metrics.trim().split('\n').filter((l) => !l.startsWith('#')))
      assert.match(line, /^[a-z_]+(\{.*\})? -?\d+(\.\d+)?(e[-+]\d+)?$/);
    assert.equal((await fetch(`${server.url}/watch/cam`)).status, 200);
    const none = await fetch(`${server.url}/publish/cam`);
    assert.equal(none.status, 404);
    assert.match(await none.text(), /source of its own/);
    assert.equal((await fetch(`${server.url}/whip/cam`, { method: 'POST', headers: { 'Content-Type': 'application/sdp' }, body: 'v=0' })).status, 404);
  } finally {
    const how = await server.stop();
    assert.equal(how.code, 0, how.log);
    assert.doesNotMatch(how.log, /not everything ended in time/);
  }
});

test('a source that fails is started again, later each time, and the playlist goes on', async () => {
  const server = await Launcher.start(preset, ['fail-after=40']);
  try {
    await until('three starts', 30000, () => (server.log.match(/: live$/gm) || []).length >= 3);
    const waits = [...server.log.matchAll(/^source: starting again in ([0-9.]+) s$/gm)].map((m) => Number(m[1]));
    assert.ok(waits[0] <= 0.5 && waits[0] > 0.2 && waits[1] <= 1 && waits[1] >= 0.5, waits.join(' '));
    assert.match(server.log, /warning: source: fault: /);
    const list = await fetchPlaylist(`${server.url}/hls/source/index.m3u8`);
    assert.ok(list.segments.some((s) => s.discontinuity) && !list.ended, JSON.stringify(list));
    assert.match(await (await fetch(`${server.url}/metrics`)).text(), /lockstep_sessions_lost_total [2-9]/);
  } finally {
    await server.stop();
  }
});

test('a source that ends with nothing that can be used in it is started again', async () => {
  /* as when somebody calls an SRT listener, sends noise and hangs up */
  const noise = path.join(folder, 'noise.json');
  fs.writeFileSync(noise, JSON.stringify({ summary: 'noise', parameters: { listen: { type: 'string', default: '127.0.0.1:0', summary: 'l' }, output: { type: 'string', default: 'hls', summary: 'o' } },
    pipeline: ['fakesrc num-buffers=5 sizetype=fixed sizemax=1316 filltype=random is-live=true do-timestamp=true ! queue ! tsdemux name=ts', 'ts. ! video/x-h264 ! h264parse ! hls.video', 'hlsalignsink name=hls'] }));
  const server = await Launcher.start(noise);
  try {
    await until('it starts again', 20000, () => /starting again in/.test(server.log));
  } finally {
    await server.stop();
  }
});

test('a worker that is killed is started again', async () => {
  const server = await Launcher.start(preset, ['channel=k']);
  try {
    const first = await server.untilChannel('k', 'live', 20000, (c) => c.state === 'live');
    process.kill(first.worker_pid, 'SIGKILL');
    await server.untilChannel('k', 'live again', 20000, (c) => c.state === 'live' && c.worker_pid !== first.worker_pid);
    assert.match(server.log, /killed by signal 9/);
  } finally {
    await server.stop();
  }
});

test('two that write one folder are told so', async () => {
  const servers = [await Launcher.start('test-to-hls')];
  try {
    servers.push(await Launcher.start('test-to-hls', [`output=${servers[0].output}`]));
    await until('a warning', 20000, () => servers.some((s) => /test: another one writes to .* as well/.test(s.log)));
  } finally {
    for (const s of servers)
      await s.stop();
  }
});

test('a source with an end runs once: status 0, and a playlist of all of it', () => {
  const [code, err] = run([preset, 'listen=127.0.0.1:0', 'output=finite', 'channel=f', 'live=false', 'frames=100']);
  assert.equal(code, 0, err);
  assert.match(err, /^f: ended: the stream ended$/m);
  const text = fs.readFileSync(path.join(folder, 'finite/f/index.m3u8'), 'utf8');
  const total = [...text.matchAll(/#EXTINF:([0-9.]+)/g)].reduce((sum, m) => sum + Number(m[1]), 0);
  assert.ok(Math.abs(total - 4) < 0.05, text);
});

test('a file that is not there: 66; one that is no media: 65; at once', () => {
  const file = path.join(folder, 'file.json');
  fs.writeFileSync(file, JSON.stringify({ summary: 'file', parameters: { file: { type: 'string', summary: 'f' } },
    pipeline: ['filesrc name=file ! decodebin ! fakesink'], properties: { 'file.location': '{file}' } }));
  fs.writeFileSync(path.join(folder, 'noise'), Buffer.from(Array.from({ length: 5000 }, (_, i) => (i * i * 31) & 255)));
  const [absent, says] = run([file, `file=${folder}/absent`]);
  assert.equal(absent, 66, says);
  assert.match(says, /absent/);
  const [noise, why] = run([file, `file=${folder}/noise`]);
  assert.equal(noise, 65, why);
});

test('a channel name that is none: 78', () => {
  const [code, err] = run([preset, 'listen=127.0.0.1:0', 'channel=a/b']);
  assert.equal(code, 78);
  assert.match(err, /channel=a\/b: a channel's name is/);
});
