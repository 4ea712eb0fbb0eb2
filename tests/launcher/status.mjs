/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The status line: on a terminal, and nowhere else. */

import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs';
import path from 'node:path';
import test from 'node:test';
import { buildRoot, sourceRoot, temporaryFolder, until } from '../common/launcher.mjs';

const folder = temporaryFolder('status');
test.after(() => fs.rmSync(folder, { recursive: true, force: true }));

const command = ['run', path.join(sourceRoot, 'tests/files/presets/source.json'), 'listen=127.0.0.1:0', `output=${folder}/out`];
const env = { ...process.env, GST_REGISTRY_1_0: path.join(folder, 'registry.bin'), TERM: 'xterm', SHELL: '/bin/sh' };
const program = path.join(buildRoot, 'tools/lockstep/lockstep');

/* exec: script asks a shell, SHELL, and one that waits for the program is ended by Ctrl-C itself */
const onLine = (words) => `exec ${[program, ...command, ...words].map((w) => `'${w}'`).join(' ')}`;

/** Runs it with a terminal of its own, and returns what that showed. */
function onTerminal(words, more = {}) {
  const r = spawnSync('script', ['--quiet', '--return', '--command', onLine(words), path.join(folder, 'typescript')], { encoding: 'utf8', timeout: 180000, env: { ...env, ...more } });
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

test('a terminal: figures where there is no end; Ctrl-C ends it', async () => {
  const child = spawn('script', ['--quiet', '--return', '--command', onLine(['channel=cam']), path.join(folder, 'typescript')], { env, stdio: ['pipe', 'pipe', 'inherit'] });
  let shown = '';
  child.stdout.on('data', (d) => { shown += d; });
  const ended = once(child, 'exit');
  try {
    await until('figures', 10000, () => /\r\x1b\[K1 of 1 channel live, \d+ kbit\/s, delay \d+ ms, 0 dropped/.test(shown));
  } catch (e) {
    throw new Error(`${e.message}\n${shown}`);
  } finally {
    child.stdin.write('\x03');
  }
  assert.deepEqual(await ended, [0, null], shown);
});

test('no terminal, TERM=dumb, or JSON: no control sequence', () => {
  const r = spawnSync(program, [...command, 'frames=60'], { encoding: 'utf8', timeout: 180000, env });
  assert.equal(r.status, 0, r.stderr);
  assert.doesNotMatch(r.stderr, /\x1b|\r|channel live/);
  assert.doesNotMatch(onTerminal(['frames=60'], { TERM: 'dumb' }), /\x1b|channel live/);
  assert.doesNotMatch(onTerminal(['frames=60', '--log-format=json']), /\x1b/);
});
