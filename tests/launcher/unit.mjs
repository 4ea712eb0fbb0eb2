/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The systemd unit of examples/systemd: systemd's own tools find nothing wrong with it. */

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import test from 'node:test';
import { buildRoot, sourceRoot, temporaryFolder } from '../common/launcher.mjs';

const folder = temporaryFolder('unit');
test.after(() => fs.rmSync(folder, { recursive: true, force: true }));
const examples = path.join(sourceRoot, 'examples/systemd');
const skip = spawnSync('systemd-analyze', ['--version']).error ? 'there is no systemd-analyze' : false;

/* the program of this build, and a preset in place of the template's */
const unit = path.join(folder, 'lockstep@webrtc-to-hls.service');
fs.writeFileSync(unit, fs.readFileSync(path.join(examples, 'lockstep@.service'), 'utf8').replaceAll('/usr/bin/lockstep', path.join(buildRoot, 'tools/lockstep/lockstep')));

function analyze(...words) {
  const r = spawnSync('systemd-analyze', words, { encoding: 'utf8', timeout: 180000 });
  assert.equal(r.status, 0, r.stdout + r.stderr);
  return r.stdout + r.stderr;
}

test('systemd-analyze verify: no word about it', { skip }, () => {
  assert.doesNotMatch(analyze('verify', '--man=no', unit), /lockstep/);
});

test('systemd-analyze verify: the same with the drop-in for devices', { skip }, () => {
  fs.mkdirSync(`${unit}.d`);
  fs.copyFileSync(path.join(examples, 'lockstep@capture.conf'), path.join(`${unit}.d`, 'devices.conf'));
  assert.doesNotMatch(analyze('verify', '--man=no', unit), /lockstep/);
  fs.rmSync(`${unit}.d`, { recursive: true });
});

test('systemd-analyze security: exposure below 2 of 10', { skip }, () => {
  const says = analyze('security', '--offline=true', '--threshold=20', '--no-pager', unit);
  assert.match(says, /Overall exposure level .*: 1\.\d OK/);
});

test('the unit speaks of options and variables that there are', () => {
  const text = fs.readFileSync(path.join(examples, 'lockstep@.service'), 'utf8');
  const r = spawnSync(path.join(buildRoot, 'tools/lockstep/lockstep'), ['run', '--help'], { encoding: 'utf8' });
  assert.match(r.stdout, /--token-file/);
  assert.match(text, /LOCKSTEP_TOKEN_FILE/);
  const parameters = Object.keys(JSON.parse(fs.readFileSync(path.join(sourceRoot, 'pipelines/webrtc-to-hls.json'), 'utf8')).parameters);
  for (const [, name] of text.matchAll(/LOCKSTEP_([A-Z_]+)=/g))
    assert.ok(name === 'TOKEN_FILE' || parameters.includes(name.toLowerCase().replaceAll('_', '-')), name);
});
