/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* hlsalignsink's PUT against a real nginx with DAV, which comes up after the first segment was to be stored: everything
 * arrives, old files are deleted there, and a second run goes on from what is on the server. */

import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import fs from 'node:fs';
import net from 'node:net';
import path from 'node:path';
import test from 'node:test';
import { buildRoot, temporaryFolder, until } from '../common/launcher.mjs';
import { freeTcpPort } from '../common/senders.mjs';

const nginx = ['/usr/sbin/nginx', '/usr/bin/nginx', '/usr/local/sbin/nginx'].find((p) => fs.existsSync(p));
const withDav = nginx && spawnSync(nginx, ['-V'], { encoding: 'utf8' }).stderr.includes('http_dav_module');
const skip = withDav ? false : 'nginx with DAV is not installed: run tools/install test';

const folder = temporaryFolder('nginx');
let server = null;
let ended = null;
test.after(async () => {
  server?.kill('SIGQUIT');
  await ended;
  fs.rmSync(folder, { recursive: true, force: true });
});

function configure(port) {
  const root = path.join(folder, 'www');
  fs.mkdirSync(root);
  fs.writeFileSync(path.join(folder, 'nginx.conf'), `${process.getuid() === 0 ? 'user root;' : ''}
daemon off;
pid "${folder}/pid";
error_log "${folder}/error.log";
worker_processes 1;
events {}
http {
  access_log "${folder}/access.log";
  types { video/mp2t ts; application/vnd.apple.mpegurl m3u8; }
  client_body_temp_path "${folder}/body";
  proxy_temp_path "${folder}/proxy";
  fastcgi_temp_path "${folder}/fastcgi";
  uwsgi_temp_path "${folder}/uwsgi";
  scgi_temp_path "${folder}/scgi";
  server {
    listen 127.0.0.1:${port};
    root "${root}";
    location / {
      dav_methods PUT DELETE;
      create_full_put_path on;
      client_max_body_size 100m;
    }
  }
}
`);
  return root;
}

function put(url, seconds) {
  const child = spawn('gst-launch-1.0', `audiotestsrc num-buffers=${Math.round(seconds * 48000 / 1152)} samplesperbuffer=1152 !
    audio/x-raw,rate=48000,channels=2 ! lamemp3enc target=bitrate bitrate=64 cbr=true ! mpegaudioparse ! h.audio
    hlsalignsink name=h target-duration=1 playlist-length=5 max-files=5 location=${url}/s%05d.ts playlist-location=${url}/index.m3u8`.split(/\s+/), {
    env: { ...process.env, GST_PLUGIN_PATH_1_0: path.join(buildRoot, 'plugins'), GST_REGISTRY_1_0: path.join(folder, 'registry.bin') },
  });
  let log = '';
  child.stdout.on('data', (data) => { log += data; });
  child.stderr.on('data', (data) => { log += data; });
  return { log: () => log, ended: new Promise((resolve) => { child.on('close', (code) => resolve({ code, log })); }) };
}

test('segments and lists arrive at nginx, in order, and again after a restart', { skip, timeout: 180000 }, async (t) => {
  const port = await freeTcpPort();
  const url = `http://127.0.0.1:${port}/live/one`;
  const root = path.join(configure(port), 'live', 'one');
  const first = put(url, 30);
  await until('what comes first is refused', 30000, () => /^WARNING: .*: PUT /m.test(first.log())).catch((e) => assert.fail(`${e.message}\n${first.log()}`));
  server = spawn(nginx, ['-c', path.join(folder, 'nginx.conf')], { stdio: 'ignore' });
  ended = new Promise((resolve) => { server.once('exit', resolve); });
  await until('nginx listens', 5000, () => new Promise((resolve, reject) => {
    const socket = net.connect(port, '127.0.0.1', () => { socket.destroy(); resolve(true); });
    socket.on('error', reject);
  }));
  const done = await first.ended;
  assert.equal(done.code, 0, done.log);

  const list = () => fs.readFileSync(path.join(root, 'index.m3u8'), 'utf8');
  const uris = () => list().match(/^s\d+\.ts$/gm);
  assert.doesNotMatch(list(), /EXT-X-GAP/);
  assert.equal(uris().length, 5);
  assert.equal(uris().at(-1), 's00029.ts');
  for (const name of uris())
    assert.equal(fs.statSync(path.join(root, name)).size % 188, 0);
  assert.ok(!fs.existsSync(path.join(root, 's00003.ts')), 'old files are deleted');

  const second = await put(url, 5).ended;
  assert.equal(second.code, 0, second.log);
  assert.match(list(), /#EXT-X-DISCONTINUITY\n/);
  assert.equal(uris().at(-1), 's00034.ts');

  /* In nginx's own log: no list was put before the segment that it ends with. */
  const puts = fs.readFileSync(path.join(folder, 'access.log'), 'utf8').split('\n')
    .filter((line) => /"PUT .*" 20[14] /.test(line)).map((line) => line.match(/"PUT \S*\/(\S+)/)[1]);
  const segments = puts.filter((name) => name.endsWith('.ts'));
  assert.deepEqual(segments, [...segments].sort());
  assert.equal(new Set(segments).size, 35);
  assert.equal(puts[0], 's00000.ts');
  assert.equal(puts.at(-1), 'index.m3u8');
  t.diagnostic(`${puts.length} files were put`);

  const check = spawnSync(path.join(buildRoot, 'tools/lockstep/lockstep'), ['hls-check', `${url}/index.m3u8`, '--target', '1'], { encoding: 'utf8' });
  assert.equal(check.status, 0, check.stdout + check.stderr);
});
