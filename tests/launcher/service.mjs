/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What a supervisor sees: signals, the notify protocol, the log's format. */

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import test from 'node:test';
import { buildRoot, gone, Launcher, sleep, sourceRoot, temporaryFolder, until } from '../common/launcher.mjs';

const preset = path.join(sourceRoot, 'tests/files/presets/source.json');
const folder = temporaryFolder('service');
test.after(() => fs.rmSync(folder, { recursive: true, force: true }));
const live = (server) => server.untilChannel('source', 'live', 20000, (c) => c.state === 'live' && c.segments > 0);

for (const signal of ['SIGINT', 'SIGTERM']) {
  test(`${signal}: the last segment is finished, status 0`, async () => {
    const server = await Launcher.start(preset);
    const { worker_pid, segments } = await live(server);
    /* long enough for a part of a segment to be there */
    await server.untilChannel('source', 'one more', 5000, (c) => c.segments > segments);
    server.process.kill(signal);
    const how = await server.ended;
    assert.deepEqual(how, { code: 0, signal: null }, server.log);
    assert.ok(gone(worker_pid));
    assert.match(server.log, /source: ended: the server stops/);
    const list = fs.readFileSync(path.join(server.output, 'source/index.m3u8'), 'utf8');
    const last = list.trim().split('\n').pop();
    assert.ok(fs.statSync(path.join(server.output, 'source', last)).size > 188, list);
    await server.stop();
  });
}

test('a worker that does not drain is not waited for longer than the limit', async () => {
  const server = await Launcher.start(preset);
  const { worker_pid } = await live(server);
  process.kill(worker_pid, 'SIGSTOP');
  const how = await server.stop();
  assert.equal(how.code, 0, how.log);
  assert.match(how.log, /not everything ended in time; killing the rest/);
  await until('the worker is gone', 2000, () => gone(worker_pid));
});

test('a second signal ends everything at once', async () => {
  const server = await Launcher.start(preset);
  const { worker_pid } = await live(server);
  process.kill(worker_pid, 'SIGSTOP');
  server.process.kill('SIGTERM');
  await until('the first is heard', 3000, () => /^stopping$/m.test(server.log));
  server.process.kill('SIGINT');
  const how = await server.stop();
  assert.equal(how.code, 0, how.log);
  assert.match(how.log, /stopping at once/);
  assert.doesNotMatch(how.log, /not everything ended in time/);
  await until('the worker is gone', 2000, () => gone(worker_pid));
});

/** The launcher with a service manager at the other end of `address`. */
async function managed(address, env = {}) {
  const manager = spawn(path.join(buildRoot, 'tests/launcher/notify-socket'), [address], { stdio: ['ignore', 'pipe', 'inherit'] });
  let heard = '';
  manager.stdout.on('data', (d) => { heard += d; });
  await until('the socket', 5000, () => heard.startsWith('listening'));
  const server = await Launcher.start(preset, [], { NOTIFY_SOCKET: address, ...env });
  return { manager, server, heard: () => heard.trim().split('\n').slice(1), end: async () => { await server.stop(); manager.kill(); } };
}

test('notify: READY, STATUS, RELOADING and READY again, STOPPING, in this order', async () => {
  const m = await managed(path.join(folder, 'notify'));
  try {
    await until('READY', 5000, () => m.heard().includes('READY=1'));
    await until('a status', 20000, () => m.heard().some((l) => /^STATUS=1 of 1 channel live/.test(l)));
    const worker = (await m.server.channel('source')).worker_pid;
    assert.doesNotMatch(fs.readFileSync(`/proc/${worker}/environ`, 'utf8'), /NOTIFY_SOCKET/);
    m.server.process.kill('SIGHUP');
    await until('READY again', 5000, () => m.heard().filter((l) => l === 'READY=1').length === 2);
    m.server.process.kill('SIGTERM');
    await m.server.ended;
    await until('STOPPING', 5000, () => m.heard().includes('STOPPING=1'));
    const states = m.heard().map((l) => l.replace(/\d{4,}/, 'N')).filter((l) => !l.startsWith('STATUS'));
    assert.deepEqual(states, ['READY=1', 'RELOADING=1 | MONOTONIC_USEC=N', 'READY=1', 'STOPPING=1']);
    assert.ok(!m.heard().some((l) => l.startsWith('WATCHDOG')), 'nobody asked for it');
  } finally {
    await m.end();
  }
});

test('notify: the watchdog is fed by a main loop that runs, and not by one that stands', async () => {
  const m = await managed('@lockstep-test-' + process.pid, { WATCHDOG_USEC: '400000' });
  const fed = () => m.heard().filter((l) => l === 'WATCHDOG=1').length;
  try {
    await until('three', 10000, () => fed() >= 3);
    m.server.process.kill('SIGSTOP');
    let before;
    /* what came before may still be on its way here */
    await until('a second without food', 5000, async () => {
      before = fed();
      await sleep(1000);
      return fed() === before;
    });
    m.server.process.kill('SIGCONT');
    await until('one more', 5000, () => fed() > before);
  } finally {
    await m.end();
  }
});

test('notify: a watchdog that is meant for another process is not fed', async () => {
  const m = await managed(path.join(folder, 'other'), { WATCHDOG_USEC: '100000', WATCHDOG_PID: '1' });
  try {
    await live(m.server);
    assert.ok(!m.heard().some((l) => l.startsWith('WATCHDOG')));
  } finally {
    await m.end();
  }
});

test('--log-format json: each line of front and workers is one object', async () => {
  const server = await Launcher.start(preset, ['fail-after=20', '--log-format', 'json']);
  await until('two failures', 20000, () => (server.log.match(/starting again/g) || []).length >= 2);
  const how = await server.stop();
  const lines = how.log.trim().split('\n').map((l) => JSON.parse(l));
  for (const l of lines) {
    assert.match(l.time, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$/);
    assert.ok(['info', 'warning'].includes(l.level), l.level);
    assert.equal(typeof l.message, 'string');
  }
  assert.ok(lines.some((l) => l.level === 'warning' && l.channel === 'source' && /fault/.test(l.message)));
  assert.ok(lines.some((l) => l.level === 'info' && l.channel === undefined && l.message === 'stopping'));
});
