/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The HTTP port of `lockstep run webrtc-to-hls`: every route, and every error that it can answer. */

import assert from 'node:assert/strict';
import { once } from 'node:events';
import fs from 'node:fs';
import http from 'node:http';
import net from 'node:net';
import os from 'node:os';
import path from 'node:path';
import test from 'node:test';
import { gunzipSync } from 'node:zlib';
import { gone, Launcher, PATIENCE, sleep, sourceRoot, until } from '../common/launcher.mjs';

const offer = (name) => fs.readFileSync(path.join(sourceRoot, 'tests/files/sdp', `${name}.sdp`), 'utf8');
const chromium = offer('chromium-h264-opus');
const token = 's3cret-token';
const server = await Launcher.start('webrtc-to-hls', [`token=${token}`, 'max-channels=3']);
const port = Number(new URL(server.url).port);
test.after(() => server.stop());

/** A request that is sent as it is written: fetch() would tidy the path. */
function request(method, route, { headers = {}, body, auth = token, chunked = false } = {}) {
  return new Promise((resolve, reject) => {
    const all = { ...(auth ? { Authorization: `Bearer ${auth}` } : {}), ...headers };
    if (body !== undefined && !chunked)
      all['Content-Length'] = Buffer.byteLength(body);
    const r = http.request({ port, host: '127.0.0.1', method, path: route, headers: all, agent: false }, (res) => {
      const parts = [];
      res.on('data', (d) => parts.push(d));
      res.on('end', () => resolve({ status: res.statusCode, headers: res.headers, body: Buffer.concat(parts), text: Buffer.concat(parts).toString() }));
      res.on('error', reject);
    });
    r.on('error', reject);
    if (body !== undefined)
      r.write(body);
    r.end();
  });
}
const sdp = { 'Content-Type': 'application/sdp' };
const fragment = { 'Content-Type': 'application/trickle-ice-sdpfrag' };
/* offers are rationed: a test that is not about this waits its turn */
async function post(channel, body = chromium, options = {}) {
  for (;;) {
    const r = await request('POST', `/whip/${channel}`, { headers: sdp, body, ...options });
    if (r.status !== 429)
      return r;
    await sleep(200);
  }
}
async function end(location) {
  const r = await request('DELETE', location);
  assert.equal(r.status, 200);
}
const free = (name) => server.untilChannel(name, 'free', 5000, (c) => !c.worker_pid);

test('OPTIONS: CORS and Accept-Post, without a token', async () => {
  const r = await request('OPTIONS', '/whip/cam', { auth: null, headers: { Origin: 'http://elsewhere.example', 'Access-Control-Request-Method': 'POST' } });
  assert.equal(r.status, 200);
  assert.equal(r.headers['access-control-allow-origin'], '*');
  assert.match(r.headers['access-control-allow-methods'], /POST/);
  assert.match(r.headers['access-control-allow-headers'], /Authorization/);
  assert.match(r.headers['access-control-expose-headers'], /Location/);
  assert.equal(r.headers['accept-post'], 'application/sdp');
});

test('GET and HEAD of an endpoint: no content; other methods: 405 with Allow', async () => {
  assert.equal((await request('GET', '/whip/cam')).status, 204);
  assert.equal((await request('HEAD', '/whip/cam')).status, 204);
  for (const method of ['PUT', 'DELETE', 'PATCH']) {
    const r = await request(method, '/whip/cam', { body: 'x' });
    assert.equal(r.status, 405, method);
    assert.equal(r.headers.allow, 'GET, HEAD, POST, OPTIONS');
  }
});

test('401: a missing and a wrong token, before the body is looked at', async () => {
  for (const [auth, error] of [[null, undefined], ['wrong', 'invalid_token'], [`${token} `, undefined], [token.slice(1), 'invalid_token']]) {
    const r = await request('POST', '/whip/cam', { headers: sdp, body: 'no SDP', auth });
    if (auth === `${token} `) {
      assert.equal(r.status, 400, 'space around a token does not count');
      continue;
    }
    assert.equal(r.status, 401);
    assert.match(r.headers['www-authenticate'], /^Bearer realm="lockstep"/);
    if (error)
      assert.match(r.headers['www-authenticate'], /error="invalid_token"/);
    assert.match(r.text, /token/);
  }
  assert.equal((await request('DELETE', '/whip/cam/abc', { auth: null })).status, 401);
  assert.equal((await request('PATCH', '/whip/cam/abc', { auth: null, body: 'a' })).status, 401);
});

test('4xx: wrong type, no body, no SDP, an SDP that cannot be served', async () => {
  assert.equal((await request('POST', '/whip/cam', { headers: { 'Content-Type': 'text/plain' }, body: chromium })).status, 415);
  assert.equal((await request('POST', '/whip/cam', { body: chromium })).status, 415);
  for (const [body, status] of [
    ['', 400],
    ['hello', 400],
    [Buffer.from([0x76, 0x3d, 0xff, 0xfe]), 400],
    ['v=0\r\n\0', 400],
    [chromium.replace(/a=fingerprint:.*\r\n/g, ''), 422],
    [chromium.replace(/a=ice-ufrag:.*\r\n/g, ''), 422],
    [chromium.replace(/H264/g, 'VP8'), 422],
    [offer('chromium-recvonly'), 422],
    [offer('chromium-data'), 422],
    [offer('firefox-153-no-h264'), 422],
  ]) {
    const r = await post('cam', body);
    assert.equal(r.status, status, `${String(body).slice(0, 60)} -> ${r.text}`);
    assert.match(r.headers['content-type'], /text\/plain/);
    assert.ok(r.text.length > 10, r.text);
  }
  /* a refusal leaves the channel free */
  assert.equal((await server.channel('cam')).state, 'idle');
});

test('413: a body of 10 MB, with its length said and without', async () => {
  const body = Buffer.alloc(10 * 1024 * 1024, 'a');
  for (const chunked of [false, true]) {
    /* the server may close before all is sent, which node reports as an error */
    const r = await request('POST', '/whip/cam', { headers: sdp, body, chunked }).catch((e) => e);
    if (r instanceof Error)
      assert.match(r.code, /EPIPE|ECONNRESET/);
    else
      assert.equal(r.status, 413);
  }
  assert.equal((await request('POST', '/whip/cam', { headers: sdp, body: Buffer.alloc(65 * 1024, 'a'), chunked: true })).status, 413);
});

test('417: who waits for leave to send a body gets an answer, and leaves no connection behind', async () => {
  const sockets = () => fs.readdirSync(`/proc/${server.pid}/fd`).length;
  const head = (line) => `${line} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${token}\r\nContent-Type: application/sdp\r\nContent-Length: 3\r\n`
    + 'Expect: 100-continue\r\n\r\n';
  const before = sockets();
  for (const text of [head('POST /whip/cam'), `${head('POST /whip/cam')}v=0`, head('GET /healthz')]) {
    for (let i = 0; i < 10; i++) {
      const socket = net.connect(port, '127.0.0.1', () => socket.write(text));
      const [data] = await once(socket, 'data');
      assert.match(String(data), /^HTTP\/1\.1 417 /);
      socket.destroy();
    }
  }
  await until('the connections are gone', 5000, () => sockets() < before + 10);
});

test('names that are none', async () => {
  for (const name of ['', '.hidden', 'a%20b', 'x'.repeat(65), '..%2f..']) {
    const r = await request('POST', `/whip/${name}`, { headers: sdp, body: chromium });
    assert.ok(r.status === 404 || r.status === 400, `${name}: ${r.status}`);
  }
});

test('201: Location, ETag, all candidates, and TWCC, NACK, PLI and RTX in the answer', async () => {
  const r = await post('full');
  assert.equal(r.status, 201, r.text);
  assert.match(r.headers.location, /^\/whip\/full\/[0-9a-f]{32}$/);
  assert.match(r.headers.etag, /^"[0-9a-f]+"$/);
  assert.equal(r.headers['accept-patch'], 'application/trickle-ice-sdpfrag');
  assert.equal(r.headers['content-type'], 'application/sdp');
  const answer = r.text;
  assert.match(answer, /a=candidate:\S+ 1 udp \d+ 127\.0\.0\.1 \d+ typ host/i);
  assert.match(answer, /a=end-of-candidates/);
  assert.doesNotMatch(answer, /a=candidate:.* (tcp|TCP) /);
  const video = answer.slice(answer.indexOf('m=video'));
  const payload = /^m=video \d+ \S+ (\d+)/.exec(video)[1];
  assert.match(video, new RegExp(`a=rtpmap:${payload} H264/90000`));
  for (const feedback of ['nack', 'nack pli', 'ccm fir', 'transport-cc'])
    assert.match(video, new RegExp(`a=rtcp-fb:${payload} ${feedback}\\r`), feedback);
  assert.match(video, /a=rtpmap:\d+ rtx\/90000/);
  assert.match(video, new RegExp(`a=fmtp:${payload} .*profile-level-id=[0-9a-f]{6}`));
  assert.match(video, /a=extmap:\d+ http:\/\/www\.ietf\.org\/id\/draft-holmer-rmcat-transport-wide-cc-extensions-01/);
  assert.match(video, /a=recvonly/);

  assert.equal((await request('GET', r.headers.location)).status, 204);
  const busy = await post('full');
  assert.equal(busy.status, 409);
  assert.ok(Number(busy.headers['retry-after']) > 0);
  /* nothing that leads to the session is shown to others */
  const seen = JSON.stringify(await server.channel('full'));
  assert.ok(!seen.includes(r.headers.location.split('/').pop()), seen);
  await end(r.headers.location);
  assert.equal((await request('DELETE', r.headers.location)).status, 404);
  await free('full');
});

test('offers of other shapes: session-level setup and fingerprint, no mid, one track', async () => {
  for (const name of ['libdatachannel', 'firefox', 'firefox-153-page', 'bare', 'chromium-video', 'chromium-audio']) {
    const r = await post('shapes', offer(name));
    assert.equal(r.status, 201, `${name}: ${r.text}`);
    await end(r.headers.location);
    await free('shapes');
  }
});

/* Listening on loopback keeps the media there; but Firefox drops candidates on loopback, and is given others. */
test('candidates are on loopback alone, but not for Firefox', async () => {
  const addresses = async (name) => {
    const r = await post('paths', offer(name));
    assert.equal(r.status, 201, `${name}: ${r.text}`);
    await end(r.headers.location);
    await free('paths');
    return [...r.text.matchAll(/^a=candidate:\S+ 1 \S+ \d+ (\S+) /gm)].map((m) => m[1]);
  };
  const loopback = (a) => a === '::1' || a.startsWith('127.');
  const own = Object.values(os.networkInterfaces()).flat().filter((i) => !i.internal && !/^fe80:/.test(i.address)).map((i) => i.address);
  const seen = await addresses('chromium-h264-opus');
  assert.ok(seen.length && seen.every(loopback), seen.join());
  const firefox = await addresses('firefox-153-page');
  assert.ok(firefox.some(loopback), firefox.join());
  assert.deepEqual(firefox.filter((a) => !loopback(a)).length > 0, own.length > 0, `${firefox.join()} of ${own.join()}`);
});

test('PATCH: trickle, and each way to get it wrong', async () => {
  const r = await post('trickle');
  const at = r.headers.location, good = { ...fragment, 'If-Match': r.headers.etag };
  const mid = /a=mid:(\S+)/.exec(chromium)[1], ufrag = /a=ice-ufrag:(\S+)/.exec(chromium)[1], pwd = /a=ice-pwd:(\S+)/.exec(chromium)[1];
  const body = `a=ice-ufrag:${ufrag}\r\na=ice-pwd:${pwd}\r\nm=audio 9 UDP/TLS/RTP/SAVPF 111\r\na=mid:${mid}\r\n` +
    'a=candidate:1 1 udp 2122260223 127.0.0.1 9 typ host\r\na=end-of-candidates\r\n';
  assert.equal((await request('PATCH', at, { headers: good, body })).status, 204);
  assert.equal((await request('PATCH', at, { headers: fragment, body })).status, 428);
  assert.equal((await request('PATCH', at, { headers: { ...fragment, 'If-Match': '"other"' }, body })).status, 412);
  assert.equal((await request('PATCH', at, { headers: { ...fragment, 'If-Match': '*' }, body })).status, 422);
  assert.equal((await request('PATCH', at, { headers: { ...good, 'Content-Type': 'application/json' }, body })).status, 415);
  assert.equal((await request('PATCH', at, { headers: good, body: 'nonsense' })).status, 400);
  assert.equal((await request('PATCH', at, { headers: good, body: body.replace(ufrag, 'zzzz').replace(pwd, 'y'.repeat(24)) })).status, 422);
  assert.equal((await request('PATCH', `${at}0`, { headers: good, body })).status, 404);
  assert.equal((await request('PUT', at, { headers: good, body })).status, 405);
  await end(at);
  await free('trickle');
});

test('clients that go away before their PATCH is answered, of a session that is ending: the answers are nobody\'s', async () => {
  const r = await post('ending');
  const worker = (await server.channel('ending')).worker_pid;
  process.kill(worker, 'SIGSTOP');
  try {
    /* eight may wait: when one is refused, the others have been taken */
    const waiting = Array.from({ length: 9 }, () => net.connect(port, '127.0.0.1', function write() {
      this.write(`PATCH ${r.headers.location} HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer ${token}\r\nContent-Type: ${fragment['Content-Type']}\r\n`
        + `If-Match: ${r.headers.etag}\r\nContent-Length: 8\r\n\r\nnonsense`);
    }));
    const refused = await Promise.race(waiting.map(async (socket) => (await once(socket, 'data'))[0].toString()));
    assert.match(refused, /^HTTP\/1.1 429 /);
    await end(r.headers.location);
    waiting.forEach((socket) => socket.destroy());
    await until('it is noticed', 5000, () => server.log.match(/ending: a client went away before its answer/g)?.length === 8);
  } finally {
    process.kill(worker, 'SIGCONT');
  }
  await free('ending');
  assert.equal((await request('GET', '/healthz')).status, 200);
});

test('503 with Retry-After when all channels are in use', async () => {
  const locations = [];
  for (const name of ['one', 'two', 'three']) {
    const r = await post(name);
    assert.equal(r.status, 201, r.text);
    locations.push(r.headers.location);
  }
  const full = await post('four');
  assert.equal(full.status, 503);
  assert.ok(Number(full.headers['retry-after']) > 0);
  for (const location of locations)
    await end(location);
  for (const name of ['one', 'two', 'three'])
    await free(name);
});

test('429 with Retry-After when offers come without end', async () => {
  const all = await Promise.all(Array.from({ length: 40 }, () => request('POST', '/whip/flood', { headers: sdp, body: 'v=0\r\n' })));
  const refused = all.filter((r) => r.status === 429);
  assert.ok(refused.length > 5, `${refused.length} refused`);
  assert.ok(refused.every((r) => Number(r.headers['retry-after']) > 0));
  assert.ok(all.every((r) => r.status === 429 || (r.status >= 400 && r.status < 500) || r.status === 409));
});

test('HLS: types, caching, HEAD, ranges, gzip, and no way out of the folder', async () => {
  const folder = path.join(server.output, 'files');
  fs.mkdirSync(folder);
  const playlist = '#EXTM3U\n' + '#EXTINF:1.000000,\nsegment-00000000.ts\n'.repeat(20);
  const segment = Buffer.from(Array.from({ length: 188 * 20 }, (_, i) => i & 255));
  fs.writeFileSync(path.join(folder, 'index.m3u8'), playlist);
  fs.writeFileSync(path.join(folder, 'segment-00000000.ts'), segment);
  fs.writeFileSync(path.join(folder, '.hidden.ts'), 'x');
  fs.writeFileSync(path.join(folder, 'notes.txt'), 'x');
  fs.writeFileSync(path.join(server.output, 'above.ts'), 'x');
  fs.symlinkSync('/etc/passwd', path.join(folder, 'link.ts'));
  fs.symlinkSync('/etc', path.join(server.output, 'linked'));
  fs.mkdirSync(path.join(folder, 'folder.ts'));

  let r = await request('GET', '/hls/files/index.m3u8', { auth: null });
  assert.equal(r.status, 200);
  assert.equal(r.headers['content-type'], 'application/vnd.apple.mpegurl');
  assert.match(r.headers['cache-control'], /max-age=0|no-cache/);
  assert.equal(r.headers['access-control-allow-origin'], '*');
  assert.equal(r.text, playlist);
  const date = '#EXT-X-PROGRAM-DATE-TIME:2026-01-01T00:00:00.000Z\n';
  fs.writeFileSync(path.join(folder, 'dated.m3u8'), playlist.replaceAll('#EXTINF', `${date}#EXTINF`));
  fs.writeFileSync(path.join(folder, 'all.m3u8'), '#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1\ndated.m3u8\n');
  assert.match((await request('GET', '/hls/files/dated.m3u8')).text, /DATE-TIME/);
  assert.equal((await request('GET', '/hls/files/dated.m3u8?dates=no')).text, playlist);
  assert.equal((await request('GET', '/hls/files/all.m3u8?dates=no')).text, '#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1\ndated.m3u8?dates=no\n');
  r = await request('GET', '/hls/files/index.m3u8', { headers: { 'Accept-Encoding': 'br, gzip;q=0.8' } });
  assert.equal(r.headers['content-encoding'], 'gzip');
  assert.match(r.headers.vary, /Accept-Encoding/);
  assert.equal(gunzipSync(r.body).toString(), playlist);
  r = await request('GET', '/hls/files/index.m3u8', { headers: { 'Accept-Encoding': 'gzip;q=0' } });
  assert.equal(r.headers['content-encoding'], undefined);

  r = await request('GET', '/hls/files/segment-00000000.ts', { auth: null });
  assert.equal(r.status, 200);
  assert.equal(r.headers['content-type'], 'video/mp2t');
  assert.match(r.headers['cache-control'], /immutable/);
  assert.deepEqual(r.body, segment);
  r = await request('HEAD', '/hls/files/segment-00000000.ts');
  assert.equal(r.status, 200);
  assert.equal(Number(r.headers['content-length']), segment.length);
  assert.equal(r.body.length, 0);
  r = await request('GET', '/hls/files/segment-00000000.ts', { headers: { Range: 'bytes=188-375' } });
  assert.equal(r.status, 206);
  assert.equal(r.headers['content-range'], `bytes 188-375/${segment.length}`);
  assert.deepEqual(r.body, segment.subarray(188, 376));
  r = await request('GET', '/hls/files/segment-00000000.ts', { headers: { Range: 'bytes=999999-' } });
  assert.equal(r.status, 416);
  /* libsoup would put each of them into its answer, one beside the other */
  r = await request('GET', '/hls/files/segment-00000000.ts', { headers: { Range: `bytes=${'0-,'.repeat(1000)}0-` } });
  assert.equal(r.status, 200);
  assert.deepEqual(r.body, segment);
  assert.equal((await request('POST', '/hls/files/index.m3u8', { body: 'x' })).status, 405);

  for (const route of ['/hls/none/index.m3u8', '/hls/files/none.ts', '/hls/files/', '/hls/files', '/hls/', '/hls/files/.hidden.ts', '/hls/files/notes.txt',
    '/hls/files/link.ts', '/hls/files/folder.ts', '/hls/linked/passwd.ts', '/hls/files/../above.ts', '/hls/files/%2e%2e/above.ts', '/hls/files/..%2fabove.ts',
    '/hls/%2e%2e/files/index.m3u8', '/hls//etc/passwd', '/hls/files/segment-00000000.ts%00', '/assets/../package.json', '/assets/%2e%2e/log.c', '/assets/package.json']) {
    r = await request('GET', route);
    assert.ok(r.status === 404 || r.status === 400, `${route}: ${r.status} ${r.text.slice(0, 50)}`);
  }
});

test('pages: CSP, types, and no page for a name that is none', async () => {
  for (const [route, type] of [['/', 'text/html'], ['/publish/a', 'text/html'], ['/watch/a', 'text/html'], ['/assets/style.css', 'text/css'],
    ['/assets/whip.js', 'text/javascript'], ['/assets/hls.min.js', 'text/javascript']]) {
    const r = await request('GET', route, { auth: null });
    assert.equal(r.status, 200, route);
    assert.match(r.headers['content-type'], new RegExp(type));
    assert.match(r.headers['content-security-policy'], /default-src 'self'/);
    assert.doesNotMatch(r.text.slice(0, 3000), /<script>[^<]/);
  }
  assert.equal((await request('GET', '/watch/a%20b')).status, 404);
  assert.match((await request('GET', '/watch/.a')).text, /no channel's name/);
  assert.match((await request('POST', '/whep/a')).text, /not by WHEP/);
  assert.equal((await request('GET', '/nothing')).status, 404);
});

test('/metrics: each sample has its HELP and TYPE; /healthz; /api/channels', async () => {
  const r = await request('GET', '/metrics', { auth: null });
  assert.match(r.headers['content-type'], /version=0\.0\.4/);
  const helped = new Set(), typed = new Set();
  for (const line of r.text.trim().split('\n')) {
    const comment = /^# (HELP|TYPE) (lockstep_[a-z_]+) (.+)$/.exec(line);
    if (comment) {
      (comment[1] === 'HELP' ? helped : typed).add(comment[2]);
      continue;
    }
    const sample = /^(lockstep_[a-z_]+)(\{[a-z_]+="[^"]*"(,[a-z_]+="[^"]*")*\})? -?[0-9.]+$/.exec(line);
    assert.ok(sample, line);
    assert.ok(helped.has(sample[1]) && typed.has(sample[1]), sample[1]);
  }
  assert.match(r.text, /lockstep_sessions_total [1-9]/);
  assert.equal((await request('GET', '/healthz', { auth: null })).text, 'ok\n');
  const api = JSON.parse((await request('GET', '/api/channels', { auth: null })).text);
  assert.equal(api.version, 1);
  assert.ok(api.channels.find((c) => c.name === 'full'));
  assert.equal((await request('GET', '/api/channels/never')).status, 404);
});

const memory = (pid) => Number(/VmRSS:\s+(\d+)/.exec(fs.readFileSync(`/proc/${pid}/status`, 'utf8'))[1]);
const threads = (pid) => Number(/Threads:\s+(\d+)/.exec(fs.readFileSync(`/proc/${pid}/status`, 'utf8'))[1]);
const descriptors = (pid) => fs.readdirSync(`/proc/${pid}/fd`).length;

test('10,000 requests without a token: each is answered, memory stays', async () => {
  const before = memory(server.pid);
  let done = 0;
  await Promise.all(Array.from({ length: 20 }, async () => {
    while (done++ < 10000)
      assert.equal((await request('POST', '/whip/cam', { headers: sdp, body: 'v=0\r\n', auth: null })).status, 401);
  }));
  const grown = memory(server.pid) - before;
  assert.ok(grown < 8192, `${grown} KiB more`);
});

test('bodies that look like SDP: each is answered, and the server goes on', async () => {
  let seed = 12345;
  const random = (n) => { seed = (Math.imul(seed, 1103515245) + 12345) >>> 0; return (seed >>> 8) % n; };
  const lines = chromium.split('\r\n');
  for (let i = 0; i < 60; i++) {
    const mutated = [...lines];
    for (let k = 0; k <= random(6); k++) {
      const at = random(mutated.length);
      switch (random(5)) {
        case 0: mutated.splice(at, 1 + random(4)); break;
        case 1: mutated.splice(at, 0, mutated[random(mutated.length)] ?? ''); break;
        case 2: mutated[at] = (mutated[at] ?? '').split('').map((c) => (random(8) ? c : String.fromCharCode(33 + random(90)))).join(''); break;
        case 3: mutated[at] = (mutated[at] ?? '').slice(0, random(20)); break;
        default: mutated[at] = `${mutated[at]}${'9'.repeat(random(400))}`;
      }
    }
    const r = await post(`fuzz${i % 2}`, mutated.join('\r\n'));
    assert.ok([201, 400, 413, 422, 409, 500, 504].includes(r.status), `${r.status}: ${r.text}`);
    if (r.status === 201)
      await end(r.headers.location);
    await free(`fuzz${i % 2}`);
  }
  const metrics = (await request('GET', '/metrics')).text;
  assert.match(metrics, /lockstep_workers_crashed_total 0/);
});

test('half-open and slow connections are closed in time', async () => {
  const closedAfter = (bytes) => new Promise((resolve) => {
    const start = performance.now();
    const socket = net.connect(port, '127.0.0.1', () => socket.write(bytes));
    socket.on('close', () => resolve((performance.now() - start) / 1000));
    socket.on('error', () => {});
    socket.resume();
  });
  const head = `POST /whip/slow HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer ${token}\r\nContent-Type: application/sdp\r\n`;
  const all = await Promise.all([closedAfter(''), closedAfter('POST /whi'), closedAfter(`${head}Content-Length: 5000\r\n\r\nv=0`), closedAfter('\x01\x02\r\n\r\n')]);
  assert.ok(all.every((s) => s < 10 * PATIENCE), all.join(' '));
});

test('50 sessions one after another leak no descriptor and no thread', async () => {
  const session = async () => {
    const r = await post('again');
    assert.equal(r.status, 201, r.text);
    await end(r.headers.location);
    await free('again');
  };
  /* the spare worker is part of the rest state */
  const settled = () => until('the rest state', 10000, async () => {
    const first = descriptors(server.pid);
    await sleep(300);
    return first === descriptors(server.pid) && first;
  });
  for (let i = 0; i < 5; i++)
    await session();
  const before = [await settled(), threads(server.pid)];
  for (let i = 0; i < 50; i++)
    await session();
  const after = [await settled(), threads(server.pid)];
  assert.deepEqual(after, before, 'descriptors, threads');
});

test('SIGTERM ends it with status 0 and leaves no worker', async () => {
  const other = await Launcher.start();
  const r = await fetch(`${other.url}/whip/x`, { method: 'POST', headers: sdp, body: chromium });
  assert.equal(r.status, 201);
  const worker = (await other.channel('x')).worker_pid;
  const how = await other.stop();
  assert.equal(how.code, 0, how.log);
  assert.doesNotMatch(how.log, /not everything ended in time/);
  assert.ok(gone(worker), 'the worker is gone');
});
