/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The command line: stdout, stderr and exit status of each command and of each mistake. */

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import net from 'node:net';
import path from 'node:path';
import test from 'node:test';
import { buildRoot, sourceRoot, temporaryFolder } from '../common/launcher.mjs';

const folder = temporaryFolder('cli');
test.after(() => fs.rmSync(folder, { recursive: true, force: true }));

function lockstep(words, env = {}) {
  const r = spawnSync(path.join(buildRoot, 'tools/lockstep/lockstep'), words, {
    encoding: 'utf8', timeout: 180000, cwd: folder,
    env: { ...process.env, LOCKSTEP_PIPELINES_PATH: path.join(sourceRoot, 'pipelines'), GST_REGISTRY_1_0: path.join(folder, 'registry.bin'), ...env },
  });
  return [r.status, r.stdout, r.stderr];
}
function fails(words, status, says, env) {
  const [code, out, err] = lockstep(words, env);
  assert.equal(code, status, err);
  assert.equal(out, '');
  assert.match(err, says);
}

test('--version and --help are data', () => {
  assert.match(lockstep(['--version'])[1], /^lockstep \d+\.\d+\.\d+\n$/);
  for (const words of [['--help'], ['help'], ['run', '--help'], ['list', '--help'], ['show', '-h']]) {
    const [code, out, err] = lockstep(words);
    assert.equal(code, 0);
    assert.match(out, /^Usage: lockstep/);
    assert.equal(err, '');
  }
});

test('what is printed is as it was given in any locale, and what cannot be written is an error', () => {
  const [code, out, err] = lockstep(['export', 'srt-to-hls', 'uri=srt://\u00fc'], { LC_ALL: 'C' });
  assert.equal(code, 0, err);
  assert.match(out, /srt:\/\/\u00fc/);
  const shell = (line) => spawnSync('sh', ['-c', line, path.join(buildRoot, 'tools/lockstep/lockstep')], { encoding: 'utf8', cwd: folder,
    env: { ...process.env, LC_ALL: 'C', LOCKSTEP_PIPELINES_PATH: path.join(sourceRoot, 'pipelines'), GST_REGISTRY_1_0: path.join(folder, 'registry.bin') } });
  for (const [where, why] of [['>/dev/full', /stdout cannot be written: No space left/], ['>&-', /stdout cannot be written: Bad file descriptor/]]) {
    const r = shell(`exec "$0" list ${where}`);
    assert.equal(r.status, 74, r.stderr);
    assert.match(r.stderr, why);
  }
  /* who has heard enough is told nothing */
  const short = shell('{ trap "" PIPE; "$0" list; echo "$?" >&2; } | :');
  assert.match(short.stderr, /^(74|0)\n$/);
});

test('no command and an unknown one: 64, with the nearest', () => {
  assert.equal(lockstep([])[0], 64);
  fails(['lst'], 64, /no command 'lst'; did you mean 'list'\?/);
  fails(['frobnicate'], 64, /see lockstep --help/);
  fails(['run'], 64, /which preset/);
  fails(['show'], 64, /which preset/);
});

test('list and show', () => {
  const [code, out] = lockstep(['list']);
  assert.equal(code, 0);
  assert.match(out, /^webrtc-to-hls +\S/m);
  const show = lockstep(['show', 'webrtc-to-hls']);
  assert.equal(show[0], 0);
  for (const name of ['listen', 'output', 'target-duration', 'playlist-length', 'audio-codec', 'audio-bitrate', 'latency', 'public-address', 'ice-servers', 'token'])
    assert.match(show[1], new RegExp(`^  ${name} +\\S`, 'm'));
});

test('wrong presets and parameters: 78, all of them at once', () => {
  fails(['run', 'webrtc-to-hsl'], 78, /did you mean 'webrtc-to-hls'\?/);
  fails(['run', 'nothing-like-it'], 78, /there are: .*webrtc-to-hls/);
  fails(['run', path.join(folder, 'absent.json')], 78, /absent\.json/);
  const needs = path.join(folder, 'needs.json');
  fs.writeFileSync(needs, JSON.stringify({ extends: 'test-to-webrtc', parameters: { device: { type: 'string', summary: 'one without a default' } } }));
  fails(['run', needs], 78, /device: this must be given/);
  fails(['run', 'test-to-webrtc', 'whip=ftp://x/'], 78, /not an http\(s\) URL/);
  const [code, , err] = lockstep(['run', 'webrtc-to-hls', 'latency=x', 'targt-duration=1', 'audio-codec=opus', 'word']);
  assert.equal(code, 78);
  for (const says of [/latency: 'x' is not a whole number/, /did you mean 'target-duration'/, /'opus' is not one of mp3, aac/, /word: write it as name=value/])
    assert.match(err, says);
  fails(['run', 'webrtc-to-hls'], 78, /LOCKSTEP_LATENCY: 'much' is not a whole number/, { LOCKSTEP_LATENCY: 'much' });
  fails(['run', 'webrtc-to-hls', 'listen=here'], 78, /write it as address:port/);
  fails(['run', 'webrtc-to-hls', 'listen=example.org:80'], 78, /not an IP address/);
  fails(['run', 'webrtc-to-hls', 'listen=127.0.0.1:0', 'ice-servers=http://x'], 78, /ice|stun|turn/i);
  fails(['run', 'test-to-webrtc', 'whip=http://127.0.0.1:1/', 'sora=ws://127.0.0.1:1/', 'channel=a'], 78, /give one of them/);
  fails(['run', 'webrtc-to-hls', 'listen=127.0.0.1:0', 'public-address=host.example'], 78, /public-address=host\.example: .*not an IP address/);
});

test('a pipeline that cannot be built: 78 and the reason; a missing element: 69', () => {
  const preset = (name, pipeline, more = {}) => {
    const file = path.join(folder, `${name}.json`);
    fs.writeFileSync(file, JSON.stringify({ summary: name, pipeline, signalling: { element: 'webrtc', protocol: 'whip' }, ...more,
      parameters: { listen: { type: 'string', default: '127.0.0.1:0', summary: 's' } } }));
    return file;
  };
  fails(['run', preset('unknown', ['webrtcbin name=webrtc', 'nosuchelement ! fakesink'])], 78, /nosuchelement/);
  fails(['run', preset('property', ['webrtcbin name=webrtc', 'fakesrc zzz=1 ! fakesink'])], 78, /zzz/);
  fails(['run', preset('unnamed', ['webrtcbin name=other', 'fakesrc ! fakesink'])], 78, /no element is named 'webrtc'/);
  fails(['run', preset('choices', ['webrtcbin name=webrtc', 'fakesrc ! {enc}'], { alternatives: { enc: [{ name: 'a', launch: 'nosuchenc' }] } })], 69, /a needs nosuchenc/);
});

test('an address that is taken: 69', async () => {
  const socket = net.createServer().listen(0, '127.0.0.1');
  await new Promise((resolve) => socket.once('listening', resolve));
  fails(['run', 'webrtc-to-hls', `listen=127.0.0.1:${socket.address().port}`, `output=${folder}/out`], 69, /listen=.*in use: give another port/i);
  socket.close();
});

test('an output folder that cannot be written: 69', () => {
  fs.writeFileSync(path.join(folder, 'file'), '');
  fails(['run', 'webrtc-to-hls', 'listen=127.0.0.1:0', `output=${folder}/file/x`], 69, /output=.*cannot be/);
});
