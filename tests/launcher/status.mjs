/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The status line: on a terminal, and nowhere else. */

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import test from 'node:test';
import { buildRoot, sourceRoot, temporaryFolder } from '../common/launcher.mjs';

const folder = temporaryFolder('status');
test.after(() => fs.rmSync(folder, { recursive: true, force: true }));

const command = ['run', path.join(sourceRoot, 'tests/files/presets/source.json'), 'listen=127.0.0.1:0', `output=${folder}/out`];
const env = { ...process.env, GST_REGISTRY_1_0: path.join(folder, 'registry.bin'), TERM: 'xterm' };
const program = path.join(buildRoot, 'tools/lockstep/lockstep');

/** Runs it with a terminal of its own, and returns what that showed. */
function onTerminal(words, more = {}) {
  const line = [program, ...command, ...words].map((w) => `'${w}'`).join(' ');
  const r = spawnSync('script', ['--quiet', '--return', '--command', line, path.join(folder, 'typescript')], { encoding: 'utf8', timeout: 30000, env: { ...env, ...more } });
  assert.equal(r.status, 0, r.stdout);
  return r.stdout;
}

test('a terminal: a bar where the end is known, rewritten in one line', () => {
  const out = onTerminal(['frames=100', 'channel=film']);
  const shown = out.split('\r\x1b[K').slice(1);
  const bars = shown.filter((l) => /^film \[#*-*\] +\d+ %, 0:0\d of 0:04$/.test(l));
  assert.ok(bars.length >= 2, out);
  const percents = bars.map((l) => Number(/(\d+) %/.exec(l)[1]));
  assert.ok(percents.every((p, i) => i === 0 || p >= percents[i - 1]) && percents.at(-1) > 30, percents.join(' '));
  /* each line of the log stands alone, also those of workers */
  assert.ok(shown.some((l) => /^film: live\r?\n$/.test(l)), out);
  assert.ok(out.endsWith('\r\x1b[K'), 'nothing is left on the terminal');
});

test('a terminal: figures where there is no end', () => {
  const line = [program, ...command, 'channel=cam'].map((w) => `'${w}'`).join(' ');
  const r = spawnSync('script', ['--quiet', '--return', '--command', `timeout --foreground -s INT 4 ${line}`, path.join(folder, 'typescript')], { encoding: 'utf8', timeout: 30000, env });
  assert.match(r.stdout, /\r\x1b\[K1 of 1 channel live, \d+ kbit\/s, delay \d+ ms, 0 dropped/);
});

test('no terminal, TERM=dumb, or JSON: no control sequence', () => {
  const r = spawnSync(program, [...command, 'frames=60'], { encoding: 'utf8', timeout: 30000, env });
  assert.equal(r.status, 0, r.stderr);
  assert.doesNotMatch(r.stderr, /\x1b|\r|channel live/);
  assert.doesNotMatch(onTerminal(['frames=60'], { TERM: 'dumb' }), /\x1b|channel live/);
  assert.doesNotMatch(onTerminal(['frames=60', '--log-format=json']), /\x1b/);
});
