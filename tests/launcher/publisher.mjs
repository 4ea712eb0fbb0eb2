/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The WHIP client (RFC 9725): every error that a server can answer, redirects, and servers that go away. */

import assert from 'node:assert/strict';
import dgram from 'node:dgram';
import http from 'node:http';
import test from 'node:test';
import { Launcher, until } from '../common/launcher.mjs';

/* A server that answers as the path says: /STATUS, /loop, /to/NAME (a redirect to the real one), /silent-201,
 * /endless (a 201 whose body has no end), /endless-404 (a refusal that has none), /endless-100 (100 Continue for ever), /by/PATCH-STATUS/NAME (goes between to the real one, but for PATCH where that is no 0). */
let real;
const sessions = new Map();
async function between(q, r, status, where, body) {
  if (q.method === 'PATCH' && status !== '0') {
    r.writeHead(Number(status)).end();
    return status;
  }
  const target = q.method === 'POST' ? `${real.url}/whip/${where}` : sessions.get(where);
  const answer = await fetch(target, {
    method: q.method, body: body || undefined,
    headers: Object.fromEntries(['content-type', 'if-match', 'authorization'].filter((h) => q.headers[h]).map((h) => [h, q.headers[h]])),
  });
  const headers = { 'Content-Type': answer.headers.get('content-type') ?? 'text/plain' };
  if (answer.headers.get('etag'))
    headers.ETag = answer.headers.get('etag');
  if (answer.headers.get('location')) {
    const id = String(sessions.size);
    sessions.set(id, new URL(answer.headers.get('location'), real.url).href);
    headers.Location = `/by/${status}/${id}`;
  }
  const text = await answer.text();
  r.writeHead(answer.status, headers).end(answer.status === 204 ? undefined : text);
  return answer.status;
}
/* A body of a gigabyte; `sent` says how much of it went out. */
const endless = { sent: 0 };
function sendWithoutEnd(r) {
  const block = Buffer.alloc(1 << 20, 'x');
  const more = () => {
    while (endless.sent < 1 << 30 && !r.destroyed) {
      endless.sent += block.length;
      if (!r.write(block)) {
        r.once('drain', more);
        return;
      }
    }
    r.end();
  };
  more();
}
function announceWithoutEnd(socket) {
  const block = 'HTTP/1.1 100 Continue\r\n\r\n'.repeat(2000);
  const more = () => {
    while (!socket.destroyed && socket.write(block));
  };
  socket.on('drain', more).on('error', () => {});
  more();
}
/* Where it is an array, DELETE is answered when its functions are called. */
let held = null;
const asked = [];
const fake = http.createServer((q, r) => {
  let body = '';
  q.on('data', (d) => { body += d; });
  q.on('end', () => {
    const entry = { method: q.method, url: q.url, auth: q.headers.authorization, type: q.headers['content-type'], match: q.headers['if-match'], body };
    asked.push(entry);
    const [, what, name, where] = q.url.split('/');
    if (q.method === 'DELETE' && held !== null) {
      held.push(() => r.writeHead(200).end());
    } else if (what === 'by' && q.method !== 'OPTIONS') {
      between(q, r, name, where, body).then((status) => { entry.status = Number(status); }, () => r.destroy());
    } else if (q.method === 'OPTIONS') {
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
    } else if (what === 'a-page') {
      r.writeHead(201, { 'Content-Type': 'text/html', Location: '/page-session' }).end('<p>created</p>');
    } else if (what === 'endless-100') {
      announceWithoutEnd(q.socket);
    } else if (what === 'endless' || what === 'endless-404') {
      r.writeHead(what === 'endless' ? 201 : 404, { 'Content-Type': 'application/sdp', Location: '/endless-session' });
      sendWithoutEnd(r);
    } else if (what === 'no-video') {
      /* a partial answer, which RFC 9725 forbids */
      const at = body.indexOf('m=video');
      r.writeHead(201, { 'Content-Type': 'application/sdp', Location: '/partial-session' })
        .end(`${body.slice(0, at).replace('a=sendonly', 'a=recvonly')}m=video 0 UDP/TLS/RTP/SAVPF 96\r\n`);
    } else {
      r.writeHead(Number(what), { 'Content-Type': 'text/plain', 'Retry-After': '20' }).end('because\n\u001b[31mof it\u009b2J\u202e\u2028');
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
    /* what is given up is no crash */
    assert.doesNotMatch(how.log, /(refuses|failed): .*\n.*killed by signal/);
    /* neither an escape, of C1 too, nor what turns the writing around */
    // eslint-disable-next-line no-control-regex
    assert.doesNotMatch(how.log, /[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u200e\u200f\u2028-\u202e]/);
  }
}

test('each refusal is told with the server\'s words and what helps', { timeout: 180000 }, async () => {
  const cases = [
    [400, /400 Bad Request: because  ?\[31mof it 2J *\(it does not take this offer/], [401, /401 Unauthorized: .*the token is missing or wrong/],
    [403, /403 Forbidden: .*may not publish/], [404, /404 Not Found: .*check whip=/], [405, /405 Method Not Allowed: .*no WHIP endpoint/],
    [406, /406 Not Acceptable: .*does not take this offer/], [409, /409 Conflict: .*somebody publishes there already/],
    [413, /413 .*: .*no offer of this length/], [415, /415 Unsupported Media Type: .*no WHIP endpoint/],
    [422, /422 .*: .*does not take this offer/], [429, /429 .*: .*it is busy[^]*publishing again in 20\.0 s/],
    [500, /500 Internal Server Error: .*fault of its own/], [503, /503 Service Unavailable: .*busy[^]*publishing again in 20\.0 s/],
    [200, /200 OK: .*no answer of a WHIP server/], [301, /301 Moved Permanently: .*must be 307 or 308/],
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
  await Promise.all([says('silent-201', /201 has no Location/), says('no-sdp', /answer is no session description/), says('loop', /it redirects without end/),
    says('a-page', /answer is no application\/sdp/), says('no-video', /answer cannot be used: the video is not taken/)]);
  /* what it was given a session for, it ends */
  for (const session of ['/session', '/page-session', '/partial-session'])
    assert.ok(asked.some((a) => a.method === 'DELETE' && a.url === session), session);
});

test('of an answer without end no more is read than an answer may have', { timeout: 180000 }, async () => {
  await says('endless-100', /the server announces its reply without end/);
  await says('endless', /the answer is too long/);
  assert.ok(asked.some((a) => a.method === 'DELETE' && a.url === '/endless-session'));
  await says('endless-404', /404 Not Found: x{300} \(there is nothing at this URL/);
  /* what fits the sockets' buffers goes out, whoever reads it */
  assert.ok(endless.sent < 64 << 20, `${endless.sent} bytes went out`);
});

test('candidates that come late follow by PATCH; a server that takes none gets them all at once the next time', { timeout: 180000 }, async () => {
  /* STUN (RFC 8489) that tells of another address, later than the machine's own candidates are known */
  const stun = dgram.createSocket('udp4');
  const late = new Set();
  stun.on('message', (message, from) => late.add(setTimeout(() => {
    if (message.readUInt16BE(0) !== 1)
      return;
    const answer = Buffer.alloc(32);
    answer.writeUInt16BE(0x0101, 0);
    answer.writeUInt16BE(12, 2);
    message.copy(answer, 4, 4, 20);
    Buffer.from([0, 0x20, 0, 8, 0, 1]).copy(answer, 20);
    answer.writeUInt16BE(from.port ^ 0x2112, 26);
    answer.writeUInt32BE((0xc6336407 ^ 0x2112a442) >>> 0, 28);  /* 198.51.100.7 */
    stun.send(answer, from.port, from.address);
  }, 1000)));
  await new Promise((resolve) => stun.bind(0, '127.0.0.1', resolve));
  real = await Launcher.start('webrtc-to-hls', ['target-duration=1']);
  const words = [`ice-servers=stun://127.0.0.1:${stun.address().port}`];
  const of = (path, method) => asked.filter((a) => a.method === method && a.url.startsWith(path));
  const publishers = [];
  try {
    publishers.push(await Launcher.start('test-to-webrtc', [`whip=${url}/by/0/taken`, ...words]),
      await Launcher.start('test-to-webrtc', [`whip=${url}/by/405/refused`, ...words]));
    await Promise.all(['taken', 'refused'].map((name) => real.untilChannel(name, 'live', 30000, (c) => c.state === 'live')));
    await until('a candidate and the end of them', 20000, () => of('/by/0/', 'PATCH').some((a) => /^a=end-of-candidates/m.test(a.body) && a.status));
    const [offer] = of('/by/0/taken', 'POST');
    assert.match(offer.body, /^a=ice-options:trickle/m);
    assert.match(offer.body, /^a=candidate:.* 127\.0\.0\.1 .* host/m);
    assert.doesNotMatch(offer.body, /198\.51\.100\.7|end-of-candidates/);
    assert.equal(offer.body.match(/^a=msid:lockstep /gm).length, 2);
    const patches = of('/by/0/', 'PATCH');
    for (const patch of patches) {
      assert.equal(patch.type, 'application/trickle-ice-sdpfrag');
      assert.match(patch.match, /^"\S+"$/);
      assert.equal(patch.body.match(/^a=ice-ufrag:.*/m)[0], offer.body.match(/^a=ice-ufrag:.*/m)[0]);
      assert.equal(patch.status, 204);
    }
    assert.match(patches.map((p) => p.body).join(''), /^a=candidate:.* 198\.51\.100\.7 \d+ typ srflx/m);
    /* refused: the session goes on, and is not asked again */
    await until('it is told', 20000, () => /takes no candidates after the offer \(405\)/.test(publishers[1].log));
    assert.equal(of('/by/405/', 'PATCH').length, 1);
    const c = await real.channel('refused');
    assert.equal(c.state, 'live');
    process.kill(c.worker_pid, 'SIGKILL');
    await until('it is offered again', 40000, () => of('/by/405/refused', 'POST').length === 2);
    assert.match(of('/by/405/refused', 'POST')[1].body, /198\.51\.100\.7 \d+ typ srflx[^]*a=end-of-candidates/);
  } finally {
    await Promise.all(publishers.map((p) => p.stop()));
    await real.stop();
    late.forEach(clearTimeout);
    stun.close();
  }
});

test('a session whose predecessor the server is slow to end is ended as well', { timeout: 90000 }, async () => {
  real = await Launcher.start('webrtc-to-hls', ['target-duration=1']);
  held = [];
  const publisher = await Launcher.start('test-to-webrtc', [`whip=${url}/by/0/slow`]);
  const deleted = () => asked.filter((a) => a.method === 'DELETE' && a.url.startsWith('/by/0/')).map((a) => a.url);
  try {
    const { worker_pid: pid } = await real.untilChannel('slow', 'live', 20000, (c) => c.state === 'live');
    const before = deleted().length;
    process.kill(pid, 'SIGKILL');
    await until('the end of the first is asked for', 20000, () => deleted().length === before + 1);
    await real.untilChannel('slow', 'live again', 40000, (c) => c.state === 'live' && c.worker_pid && c.worker_pid !== pid);
    for (const answer of held.splice(0))
      answer();
    held = null;
    /* the publisher has read that answer by the time that it has sent more media */
    const { segments } = await real.channel('slow');
    await real.untilChannel('slow', 'more', 20000, (c) => c.segments > segments + 1);
    const how = await publisher.stop();
    assert.equal(how.code, 0, how.log);
    assert.equal(new Set(deleted()).size, before + 2, deleted().join(' '));
  } finally {
    held = null;
    await publisher.stop();
    await real.stop();
  }
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
