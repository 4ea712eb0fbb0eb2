/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* archive=DIR: each session is kept as a VOD playlist, and a disk that fails stops nothing. */

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import test from 'node:test';
import { buildRoot, Launcher, sourceRoot, temporaryFolder, until } from '../common/launcher.mjs';
import { parsePlaylist } from '../common/playlist.mjs';

const preset = path.join(sourceRoot, 'tests/files/presets/source.json');
const folder = temporaryFolder('archive');
test.after(() => fs.rmSync(folder, { recursive: true, force: true }));
const program = path.join(buildRoot, 'tools/lockstep/lockstep');
const env = { ...process.env, GST_REGISTRY_1_0: path.join(folder, 'registry.bin') };

const sessions = (at) => fs.readdirSync(at).sort().map((name) => path.join(at, name));
function read(session) {
  const text = fs.readFileSync(path.join(session, 'index.m3u8'), 'utf8');
  return { text, ...parsePlaylist(text), type: /#EXT-X-PLAYLIST-TYPE:(\w+)/.exec(text)?.[1] };
}
const seconds = (list) => list.segments.reduce((sum, s) => sum + s.duration, 0);
/** Every rule that our own checker knows. */
function check(session) {
  const r = spawnSync(program, ['hls-check', session], { encoding: 'utf8', env });
  assert.equal(r.status, 0, r.stdout + r.stderr);
}

test('the whole of a session, also what the live playlist has dropped; hard links on the same disk', () => {
  const archive = path.join(folder, 'whole');
  const r = spawnSync(program, ['run', preset, 'listen=127.0.0.1:0', `output=${folder}/live`, `archive=${archive}`, 'channel=a', 'live=false', 'frames=500'], { encoding: 'utf8', env, timeout: 180000 });
  assert.equal(r.status, 0, r.stderr);
  const [session, ...others] = sessions(path.join(archive, 'a'));
  assert.deepEqual(others, []);
  assert.match(path.basename(session), /^\d{8}T\d{6}Z$/);
  const list = read(session);
  assert.equal(list.type, 'VOD');
  assert.ok(list.ended);
  assert.ok(Math.abs(seconds(list) - 20) < 0.05, list.text);
  assert.ok(list.segments.every((s) => !s.discontinuity && fs.statSync(path.join(session, s.uri)).size > 0));
  check(session);
  const last = list.segments.at(-1).uri;
  assert.equal(fs.statSync(path.join(session, last)).ino, fs.statSync(path.join(folder, 'live/a', last)).ino);
});

test('a session that goes on is an EVENT; one that was killed is ended by the next', async () => {
  const archive = path.join(folder, 'killed');
  const server = await Launcher.start(preset, [`archive=${archive}`, 'channel=k']);
  try {
    const of = (i) => read(sessions(path.join(archive, 'k'))[i]);
    await until('three segments are kept', 20000, () => of(0).segments.length >= 3);
    assert.equal(of(0).type, 'EVENT');
    assert.ok(!of(0).ended);
    process.kill((await server.channel('k')).worker_pid, 'SIGKILL');
    await until('the next session', 20000, () => sessions(path.join(archive, 'k')).length === 2 && of(1).segments.length >= 2);
    const first = of(0);
    assert.equal(first.type, 'VOD');
    assert.ok(first.ended && first.segments.length >= 3);
    check(sessions(path.join(archive, 'k'))[0]);
  } finally {
    await server.stop();
  }
  const last = read(sessions(path.join(archive, 'k'))[1]);
  assert.ok(last.ended && last.type === 'VOD', last.text);
  check(sessions(path.join(archive, 'k'))[1]);
});

test('a full disk: the stream goes on, the log says so once, and the archive goes on when there is room', async (t) => {
  if (spawnSync('unshare', ['--user', '--map-root-user', '--mount', 'true']).status !== 0) {
    t.skip('no file system can be mounted here');
    return;
  }
  /* a disk of 200 KiB, in a mount namespace of its own */
  const disk = path.join(folder, 'disk');
  fs.mkdirSync(disk);
  const wrapper = path.join(folder, 'with-a-small-disk');
  fs.writeFileSync(wrapper, `#!/bin/sh\nmount -t tmpfs -o size=200k small '${disk}' && exec '${program}' "$@"\n`, { mode: 0o755 });
  const server = await Launcher.start(preset, [`archive=${disk}`, 'channel=f'], {}, { program: ['unshare', '--user', '--map-root-user', '--mount', wrapper] });
  const inside = path.join(`/proc/${server.pid}/root`, disk, 'f');
  try {
    const said = () => (server.log.match(/the archive misses segments: .*No space left on device; the stream goes on/g) || []).length;
    await until('the disk is full', 60000, () => said() > 0);
    const { segments } = await server.channel('f');
    await server.untilChannel('f', 'four segments more', 20000, (c) => c.state === 'live' && c.segments >= segments + 4);
    assert.equal(said(), 1, server.log);
    const session = sessions(inside)[0];
    const kept = read(session).segments;
    assert.ok(kept.length >= 2 && kept.every((s) => fs.existsSync(path.join(session, s.uri))));
    fs.rmSync(path.join(session, kept[0].uri));
    fs.rmSync(path.join(session, kept[1].uri));
    await until('it goes on', 20000, () => /the archive goes on/.test(server.log));
    await until('there is more of it', 5000, () => read(session).segments.length > kept.length);
    assert.ok(read(session).segments[kept.length].discontinuity, read(session).text);
  } finally {
    await server.stop();
  }
});

test('an archive that cannot be written is said at once: 69', () => {
  fs.writeFileSync(path.join(folder, 'file'), '');
  const r = spawnSync(program, ['run', preset, 'listen=127.0.0.1:0', `output=${folder}/x`, `archive=${folder}/file/x`], { encoding: 'utf8', env, timeout: 180000 });
  assert.equal(r.status, 69, r.stderr);
  assert.match(r.stderr, /archive=.*cannot be/);
});
