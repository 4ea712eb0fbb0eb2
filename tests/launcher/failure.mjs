/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What a pipeline that failed leaves behind: a file that the log names. */

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import test from 'node:test';
import { Launcher, temporaryFolder, until } from '../common/launcher.mjs';

const folder = temporaryFolder('failure');
test.after(() => fs.rmSync(folder, { recursive: true, force: true }));
const preset = path.join(folder, 'failing.json');
fs.writeFileSync(preset, JSON.stringify({
  summary: 'fails', parameters: {
    listen: { type: 'string', default: '127.0.0.1:0', summary: 'l' }, output: { type: 'string', default: 'hls', summary: 'o' },
    channel: { type: 'string', default: '', summary: 'c' }, key: { type: 'string', default: '', secret: true, summary: 'k' },
  },
  pipeline: ['videotestsrc is-live=true num-buffers=1000 name=pictures ! identity name=fault error-after=3 ! fakesink name=out'],
  properties: { 'out.name': '{key}' },
}));

test('the reason, the last log lines and the graph in one file; no secrets; a few files only', async () => {
  const at = path.join(folder, 'failures');
  fs.mkdirSync(at);
  /* what earlier runs left: nine of this channel, one of another, and something else */
  for (let i = 1; i <= 9; i++)
    fs.writeFileSync(path.join(at, `failure-2020010${i}T000000.000-cam.dot`), '');
  fs.writeFileSync(path.join(at, 'failure-20200101T000000.000-a-cam.dot'), '');
  fs.writeFileSync(path.join(at, 'notes.txt'), '');
  /* a source that can be started again, so without an end */
  const text = fs.readFileSync(preset, 'utf8').replace(' num-buffers=1000', '');
  fs.writeFileSync(preset, text);
  const server = await Launcher.start(preset, ['channel=cam', 'key=hunter2-hunter2', '--failure-dir', at]);
  let file;
  try {
    file = await until('it says where', 20000, () => /^warning: cam: the failure is described in (.+)$/m.exec(server.log)?.[1]);
  } finally {
    await server.stop();
  }
  assert.equal(path.dirname(file), at);
  const dot = fs.readFileSync(file, 'utf8');
  assert.equal(fs.statSync(file).mode & 0o777, 0o600);
  assert.match(dot, /^\/\/ lockstep \d/);
  assert.match(dot, /^\/\/ channel: cam$/m);
  assert.match(dot, /^\/\/ failed: fault: /m);
  assert.match(dot, /^\/\/ log: .*(WARN|ERROR)/m);
  assert.match(dot, /^digraph pipeline \{/m);
  assert.match(dot, /GstVideoTestSrc/);
  assert.doesNotMatch(dot, /hunter2/);
  /* graphviz, where it is there, takes it as it is */
  const svg = spawnSync('dot', ['-Tsvg', file], { encoding: 'utf8' });
  if (!svg.error)
    assert.equal(svg.status, 0, svg.stderr);
  const left = fs.readdirSync(at).sort();
  const own = left.filter((n) => /^failure-[0-9T.]{19}-cam\.dot$/.test(n));
  assert.equal(own.length, 5, left.join(' '));
  assert.ok(left.includes('failure-20200101T000000.000-a-cam.dot') && left.includes('notes.txt') && left.includes(path.basename(file)));
});

test('what an element says of secrets is not logged, nor told to who asks', async () => {
  const absent = path.join(folder, 'absent.json');
  fs.writeFileSync(absent, fs.readFileSync(preset, 'utf8').replace(/videotestsrc is-live=true name=pictures/, 'filesrc name=pictures').replace('out.name', 'pictures.location'));
  const server = await Launcher.start(absent, ['channel=cam', 'key=/hunter2/hunter2', '--failure-dir', path.join(folder, 'failures')]);
  try {
    await until('it ends', 20000, () => server.process.exitCode !== null);
  } finally {
    await server.stop();
  }
  assert.match(server.log, /No such file "\(secret\)"/);
  assert.doesNotMatch(server.log, /hunter2/);
});
