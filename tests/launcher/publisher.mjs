/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The WHIP client (RFC 9725): every error that a server can answer, redirects, and servers that go away. */

import assert from 'node:assert/strict';
import http from 'node:http';
import test from 'node:test';
import { Launcher, until } from '../common/launcher.mjs';

/* A server that answers as the path says: /STATUS, /loop, /to/NAME (a redirect to the real one), /silent-201. */
let real;
const asked = [];
const fake = http.createServer((q, r) => {
  let body = '';
  q.on('data', (d) => { body += d; });
  q.on('end', () => {
    asked.push({ method: q.method, url: q.url, auth: q.headers.authorization, type: q.headers['content-type'], body });
    const [, what, name] = q.url.split('/');
    if (q.method === 'OPTIONS') {
      r.writeHead(204, { Link: '<stun:127.0.0.1:9>; rel="ice-server"' }).end();
    } else if (what === 'loop') {
      r.writeHead(307, { Location: '/loop' }).end();
    } else if (what === 'to') {
      r.writeHead(308, { Location: `/again/${name}` }).end();
    } else if (what === 'again') {
      r.writeHead(307, { Location: `${real.url}/whip/${name}` }).end();
    } else if (what === 'silent-201') {
      r.writeHead(201, { 'Content-Type': 'application/sdp' }).end('v=0\r\n');
    } else if (q.method === 'DELETE') {
      r.writeHead(200).end();
    } else if (what === 'no-sdp') {
      r.writeHead(201, { 'Content-Type': 'application/sdp', Location: '/session' }).end('hello');
    } else {
      r.writeHead(Number(what), { 'Content-Type': 'text/plain', 'Retry-After': '20' }).end('because\n\u001b[31mof it');
    }
  });
}).listen(0, '127.0.0.1');
await new Promise((resolve) => fake.once('listening', resolve));
const url = `http://127.0.0.1:${fake.address().port}`;
test.after(() => fake.close());

async function says(path, pattern, words = []) {
  const publisher = await Launcher.start('test-to-webrtc', [`whip=${url}/${path}`, ...words]);
  try {
    await until(`${path}: ${pattern}`, 30000, () => pattern.test(publisher.log));
  } catch (e) {
    throw new Error(`${e.message}\n${publisher.log}`);
  } finally {
    const how = await publisher.stop();
    assert.equal(how.code, 0, how.log);
  }
}

test('each refusal is told with the server\'s words and what helps', { timeout: 180000 }, async () => {
  const cases = [
    [400, /400 Bad Request: because  ?\[31mof it \(it does not take this offer/], [401, /401 Unauthorized: .*the token is missing or wrong/],
    [403, /403 Forbidden: .*may not publish/], [404, /404 Not Found: .*check whip=/], [405, /405 Method Not Allowed: .*no WHIP endpoint/],
    [406, /406 Not Acceptable: .*does not take this offer/], [409, /409 Conflict: .*somebody publishes there already/],
    [413, /413 .*: .*no offer of this length/], [415, /415 Unsupported Media Type: .*no WHIP endpoint/],
    [422, /422 .*: .*does not take this offer/], [429, /429 .*: .*it is busy/],
    [500, /500 Internal Server Error: .*fault of its own/], [503, /503 Service Unavailable: .*busy[^]*publishing again in 20\.0 s/],
    [200, /200 OK: .*no answer of a WHIP server/], [301, /301 Moved Permanently: .*no answer of a WHIP server/],
  ];
  for (let i = 0; i < cases.length; i += 3)
    await Promise.all(cases.slice(i, i + 3).map(([status, pattern]) => says(String(status), pattern, ['token=t0ken'])));
  const post = asked.find((a) => a.method === 'POST');
  assert.equal(post.auth, 'Bearer t0ken');
  assert.equal(post.type, 'application/sdp');
  assert.match(post.body, /^a=sendonly/m);
  assert.equal(asked[0].method, 'OPTIONS');
});

test('answers that are none, and redirects without end', { timeout: 180000 }, async () => {
  await Promise.all([says('silent-201', /201 has no Location/), says('no-sdp', /answer cannot be parsed/), says('loop', /it redirects without end/)]);
  /* what it was given a session for, it ends */
  assert.ok(asked.some((a) => a.method === 'DELETE' && a.url === '/session'));
});

test('through two redirects to a real server, without the token; back after a break; DELETE at the end', { timeout: 90000 }, async () => {
  real = await Launcher.start('webrtc-to-hls', ['target-duration=1']);
  const publisher = await Launcher.start('test-to-webrtc', [`whip=${url}/to/cam`, 'token=t0ken']);
  try {
    const { worker_pid: pid } = await real.untilChannel('cam', 'live', 20000, (c) => c.state === 'live' && c.segments > 0);
    process.kill(pid, 'SIGKILL');
    await real.untilChannel('cam', 'live again', 40000, (c) => c.state === 'live' && c.worker_pid && c.worker_pid !== pid);
    assert.match(publisher.log, /publishing again in/);
    const how = await publisher.stop();
    assert.equal(how.code, 0, how.log);
    await real.untilChannel('cam', 'ended', 5000, (c) => c.state === 'idle' && /ended it/.test(c.reason));
  } finally {
    await publisher.stop();
    await real.stop();
  }
});
