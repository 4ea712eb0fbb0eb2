/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* lockstep hls-check as a user runs it: on a folder, a file and a URL; its text, its JSON and its exit status. */

import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import fs from 'node:fs';
import http from 'node:http';
import path from 'node:path';
import test from 'node:test';
import { buildRoot, temporaryFolder } from '../common/launcher.mjs';

const folder = temporaryFolder('hls-check');
test.after(() => fs.rmSync(folder, { recursive: true, force: true }));

function check(...words) {
  return new Promise((resolve) => {
    const child = spawn(path.join(buildRoot, 'tools/lockstep/lockstep'), ['hls-check', ...words], {
      env: { ...process.env, GST_REGISTRY_1_0: path.join(folder, 'registry.bin') }, timeout: 180000,
    });
    let out = '';
    let err = '';
    child.stdout.on('data', (data) => { out += data; });
    child.stderr.on('data', (data) => { err += data; });
    child.on('close', (status) => resolve({ status, out, err }));
  });
}

/* 0.96 s of silent MP3 after the timestamp that packed audio begins with. */
function segment(index) {
  const time = Buffer.alloc(8);
  time.writeBigUInt64BE(BigInt(index * 86400));
  const frame = Buffer.alloc(384);
  frame.set([0xff, 0xfb, 0x94, 0x00]);
  return Buffer.concat([Buffer.from('ID3\x04\0\0\0\0\0\x3fPRIV\0\0\0\x35\0\0com.apple.streaming.transportStreamTimestamp\0', 'latin1'), time,
    ...Array(40).fill(frame)]);
}

function list(extinf = '0.960000') {
  const lines = ['#EXTM3U', '#EXT-X-VERSION:6', '#EXT-X-TARGETDURATION:1'];
  for (let i = 0; i < 5; i++)
    lines.push(`#EXTINF:${extinf},`, `s${i}.mp3`);
  return `${lines.join('\n')}\n#EXT-X-ENDLIST\n`;
}

for (const name of ['good', 'bad']) {
  for (const variant of ['a', 'b']) {
    const place = path.join(folder, name, variant);
    fs.mkdirSync(place, { recursive: true });
    fs.writeFileSync(path.join(place, 'i.m3u8'), list(name === 'bad' && variant === 'b' ? '1.960000' : undefined));
    for (let i = 0; i < 5; i++)
      fs.writeFileSync(path.join(place, `s${i}.mp3`), segment(i));
  }
  fs.writeFileSync(path.join(folder, name, 'all.m3u8'),
    '#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=140000,CODECS="mp4a.40.34"\na/i.m3u8\n#EXT-X-STREAM-INF:BANDWIDTH=140000,CODECS="mp4a.40.34"\nb/i.m3u8\n');
}

test('what is no file is not waited for', async () => {
  const fifo = path.join(folder, 'fifo');
  assert.equal(spawnSync('mkfifo', [fifo]).status, 0);
  const silent = await check(fifo);
  assert.equal(silent.status, 66);
  assert.match(silent.err, /cannot read '[^']*fifo': no one writes to this pipe/);
  for (const [name, says] of [['fifo', /cannot read '[^']*fifo': it is a pipe/], ['/dev/zero', /cannot read '\/dev\/zero': it is a device/]]) {
    fs.writeFileSync(path.join(folder, 'odd.m3u8'), list().replace('s0.mp3', name));
    const { status, out } = await check(path.join(folder, 'odd.m3u8'));
    assert.equal(status, 1);
    assert.match(out, says);
  }
});

test('a good folder: 0, and the numbers', async () => {
  const { status, out, err } = await check(path.join(folder, 'good'), '--target', '0.96');
  assert.equal(status, 0, out + err);
  assert.equal(out, '2 lists, 10 segments, 0 errors, 0 warnings\n');
  assert.equal(err, '');
});

test('a bad one: 1, with rule, place and cure', async () => {
  const { status, out } = await check(path.join(folder, 'bad', 'all.m3u8'), '--target', '0.96');
  assert.equal(status, 1, out);
  assert.match(out, /^error rule 3: b\/i\.m3u8: s0\.mp3: EXTINF 1\.960000 is above EXT-X-TARGETDURATION 1 \(and 4 more\)\n {2}rule: .+\n {2}cure: .+/m);
});

test('a URL, with JSON', async () => {
  const server = http.createServer((request, response) => {
    const file = path.join(folder, new URL(request.url, 'http://x').pathname);
    fs.readFile(file, (error, data) => {
      response.statusCode = error ? 404 : 200;
      response.end(data);
    });
  });
  await new Promise((resolve) => { server.listen(0, '127.0.0.1', resolve); });
  const url = `http://127.0.0.1:${server.address().port}`;
  try {
    const { status, out } = await check(`${url}/bad/all.m3u8`, '--json', '--target', '0.96', '--watch', '1s');
    const said = JSON.parse(out);
    assert.equal(status, 1);
    assert.equal(said.version, 1);
    assert.equal(said.lists, 2);
    assert.equal(said.segments, 10);
    assert.ok(said.errors > 0);
    for (const finding of said.findings) {
      for (const key of ['severity', 'rule', 'place', 'text', 'cure', 'count'])
        assert.ok(key in finding, key);
    }
    assert.equal((await check(`${url}/none.m3u8`)).status, 66);
  } finally {
    server.close();
  }
});

test('what is not there and what is not understood', async () => {
  assert.equal((await check(path.join(folder, 'none'))).status, 66);
  assert.equal((await check()).status, 64);
  assert.equal((await check(folder, '--watch', 'long')).status, 64);
  const { status, err } = await check(path.join(folder, 'good', 'a', '..'), '--nonsense');
  assert.equal(status, 64);
  assert.match(err, /nonsense/);
});
