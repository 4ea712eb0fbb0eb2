/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* WHEP (draft-ietf-wish-whep) as `lockstep run test-to-webrtc` serves it: every answer, and every error. */

import assert from 'node:assert/strict';
import fs from 'node:fs';
import net from 'node:net';
import path from 'node:path';
import test from 'node:test';
import { buildRoot, Launcher, sleep, sourceRoot, temporaryFolder, until } from '../common/launcher.mjs';
import { gdpBuffers } from '../common/lip-sync.mjs';

const offer = fs.readFileSync(path.join(sourceRoot, 'tests/files/sdp/chromium-recvonly.sdp'), 'utf8');
const token = 's3cret';
const server = await Launcher.start('test-to-webrtc', ['channel=cam', `view-token=${token}`, 'max-viewers=2', 'ice-servers=stun://127.0.0.1:9']);
test.after(() => server.stop());
await server.untilChannel('cam', 'live', 15000, (c) => c.state === 'live');

async function request(method, route, { headers = {}, body, auth = token } = {}) {
  const r = await fetch(`${server.url}${route}`, { method, body, headers: { ...(auth ? { Authorization: `Bearer ${auth}` } : {}), ...headers } });
  return { status: r.status, headers: r.headers, text: await r.text() };
}
const sdp = { 'Content-Type': 'application/sdp' };
/* offers are rationed */
async function view(body = offer, channel = 'cam', options = {}) {
  for (;;) {
    const r = await request('POST', `/whep/${channel}`, { headers: sdp, body, ...options });
    if (r.status !== 429)
      return r;
    await sleep(200);
  }
}
const leave = async (r) => assert.equal((await request('DELETE', r.headers.get('location'))).status, 200);

test('OPTIONS needs no token; GET has no content; other methods are 405', async () => {
  const options = await request('OPTIONS', '/whep/cam', { auth: null });
  assert.equal(options.status, 200);
  assert.equal(options.headers.get('accept-post'), 'application/sdp');
  assert.equal((await request('GET', '/whep/cam')).status, 204);
  for (const method of ['PUT', 'DELETE', 'PATCH']) {
    const r = await request(method, '/whep/cam', { body: 'x' });
    assert.equal(r.status, 405, method);
    assert.match(r.headers.get('allow'), /POST/);
  }
});

test('a viewer: 201 with Location, ETag, Link and an answer that sends', async () => {
  const r = await view();
  assert.equal(r.status, 201, r.text);
  assert.match(r.headers.get('location'), /^\/whep\/cam\/[0-9a-f]{32}$/);
  assert.match(r.headers.get('etag'), /^"[0-9a-f]+"$/);
  assert.equal(r.headers.get('accept-patch'), 'application/trickle-ice-sdpfrag');
  assert.match(r.headers.get('link'), /^<stun:127\.0\.0\.1:9>; rel="ice-server"/);
  assert.equal(r.text.match(/^a=sendonly/gm).length, 2);
  assert.match(r.text, /^a=msid:lockstep video/m);
  assert.match(r.text, /^a=msid:lockstep audio/m);
  /* the payload types of the offer, retransmission, and the numbers that feedback needs */
  const pt = r.text.match(/^m=video \d+ UDP\/TLS\/RTP\/SAVPF (\d+) (\d+)/m);
  assert.match(offer, new RegExp(`^a=rtpmap:${pt[1]} H264/90000`, 'm'));
  assert.match(r.text, new RegExp(`^a=fmtp:${pt[2]} apt=${pt[1]}`, 'm'));
  assert.match(r.text, /^a=ssrc-group:FID [1-9]\d* [1-9]\d*/m);
  assert.match(r.text, /^a=extmap:3 .*transport-wide-cc/m);
  assert.equal((await request('GET', r.headers.get('location'))).status, 204);
  assert.equal((await server.channel('cam')).viewers.length, 1);
  await leave(r);
  assert.equal((await request('GET', r.headers.get('location'))).status, 404);
  await server.untilChannel('cam', 'empty', 5000, (c) => c.viewers.length === 0);
});

test('401: a missing and a wrong token', async () => {
  for (const auth of [null, 'wrong']) {
    const r = await view(offer, 'cam', { auth });
    assert.equal(r.status, 401);
    assert.match(r.headers.get('www-authenticate'), /^Bearer realm="lockstep"/);
  }
});

test('offers that cannot be served', async () => {
  assert.equal((await request('POST', '/whep/cam', { body: offer, headers: { 'Content-Type': 'text/plain' } })).status, 415);
  assert.equal((await view('')).status, 400);
  assert.equal((await view('no SDP')).status, 400);
  assert.equal((await view(`${offer}${'a=x\r\n'.repeat(20000)}`)).status, 413);
  for (const [change, status, says] of [
    [(s) => s.replaceAll('H264/', 'X264/'), 406, /no video codec in common: H264/],
    [(s) => s.replaceAll('opus/', 'silk/'), 406, /no audio codec in common: OPUS/],
    [(s) => s.replaceAll('a=recvonly', 'a=sendonly'), 422, /a viewer must offer a=recvonly/],
    [(s) => s.replaceAll('a=recvonly', 'a=inactive'), 422, /asks for nothing that is sent/],
    [(s) => s.replace(/a=fingerprint:.*\r?\n/g, ''), 422, /DTLS/],
    [(s) => s.replace(/a=setup:.*\r?\n/g, ''), 422, /a=setup/],
  ]) {
    const r = await view(change(offer));
    assert.equal(r.status, status, r.text);
    assert.match(r.text, says);
  }
  assert.equal((await server.channel('cam')).viewers.length, 0);
});

test('sound alone, and sections that are not sent', async () => {
  const at = offer.indexOf('m=video');
  const sound = offer.slice(0, at).replace(/BUNDLE 0 1/, 'BUNDLE 0');
  const one = await view(sound);
  assert.equal(one.status, 201, one.text);
  assert.doesNotMatch(one.text, /^m=video/m);
  const data = 'm=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\nc=IN IP4 0.0.0.0\r\na=mid:2\r\na=sctp-port:5000\r\n';
  const two = await view(`${offer.replace('BUNDLE 0 1', 'BUNDLE 0 1 2')}${data}`);
  assert.equal(two.status, 201, two.text);
  assert.match(two.text, /^m=application 0 /m);
  assert.match(two.text, /^a=group:BUNDLE 0 1\r$/m);
  await leave(one);
  await leave(two);
  /* a player that asks for more than there is, and offers High profile alone */
  const three = await view(fs.readFileSync(path.join(sourceRoot, 'tests/files/sdp/player.sdp'), 'utf8'));
  assert.equal(three.status, 201, three.text);
  assert.match(three.text, /^m=video [1-9]\d* .* 96 97\r$/m);
  assert.match(three.text, /^m=audio 9 .* 111\r$/m);
  assert.match(three.text, /^m=text 0 /m);
  await leave(three);
});

test('PATCH: candidates, and what is wrong with them', async () => {
  const r = await view();
  const url = r.headers.get('location');
  const etag = r.headers.get('etag');
  const ufrag = offer.match(/a=ice-ufrag:(\S+)/)[1];
  const pwd = offer.match(/a=ice-pwd:(\S+)/)[1];
  const body = `a=ice-ufrag:${ufrag}\r\na=ice-pwd:${pwd}\r\nm=audio 9 UDP/TLS/RTP/SAVPF 111\r\na=mid:0\r\na=candidate:1 1 udp 2122260223 127.0.0.1 9 typ host\r\n`;
  const patch = (more, text = body) => request('PATCH', url, { body: text, headers: { 'Content-Type': 'application/trickle-ice-sdpfrag', 'If-Match': etag, ...more } });
  assert.equal((await patch({})).status, 204);
  assert.equal((await request('PATCH', url, { body, headers: { 'Content-Type': 'application/trickle-ice-sdpfrag' } })).status, 428);
  assert.equal((await patch({ 'If-Match': '"other"' })).status, 412);
  assert.equal((await patch({ 'If-Match': '*' })).status, 422);
  assert.equal((await patch({ 'Content-Type': 'text/plain' })).status, 415);
  assert.equal((await patch({}, 'a=candidate:x\r\n')).status, 400);
  assert.equal((await patch({}, body.replace(ufrag, 'anew').replace(pwd, 'x'.repeat(24)))).status, 422);
  await leave(r);
  assert.equal((await patch({})).status, 404);
});

test('a client that hangs up before its answer leaves no viewer behind', async () => {
  const { hostname, port } = new URL(server.url);
  const socket = net.connect(Number(port), hostname);
  socket.on('error', () => {});
  socket.end(`POST /whep/cam HTTP/1.1\r\nHost: ${hostname}\r\nAuthorization: Bearer ${token}\r\nContent-Type: application/sdp\r\n`
    + `Content-Length: ${Buffer.byteLength(offer)}\r\n\r\n${offer}`);
  await until('it is noticed', 60000, () => /cam: a client went away before its answer/.test(server.log));
  await server.untilChannel('cam', 'empty', 10000, (c) => c.viewers.length === 0);
  socket.destroy();
});

test('503 with Retry-After: as many viewers as are allowed', async () => {
  const in1 = await view();
  const in2 = await view();
  const out = await view();
  assert.equal(out.status, 503);
  assert.ok(Number(out.headers.get('retry-after')) > 0);
  assert.match(out.text, /max-viewers/);
  assert.match((await request('GET', '/metrics')).text, /^lockstep_viewers_refused_total\{reason="max-viewers"\} 1$/m);
  await leave(in1);
  await server.untilChannel('cam', 'room', 5000, (c) => c.viewers.length < 2);
  const in3 = await view();
  assert.equal(in3.status, 201, in3.text);
  await leave(in2);
  await leave(in3);
});

test('503 with Retry-After: one more would be too much for the processors', async () => {
  /* Who has an offer answered and does not connect is counted as one who will: with one processor there is no room for
   * twenty, however little the encoder gets of it. */
  const cpu = /^Cpus_allowed_list:\s*(\d+)/m.exec(fs.readFileSync('/proc/self/status', 'utf8'))[1];
  const small = await Launcher.start('test-to-webrtc', ['channel=cam', 'max-bitrate=200k', 'video-bitrate=200k'], {},
    { program: ['taskset', '-c', cpu, path.join(buildRoot, 'tools', 'lockstep', 'lockstep')] });
  const post = async () => {
    const r = await fetch(`${small.url}/whep/cam`, { method: 'POST', headers: sdp, body: offer });
    return { status: r.status, headers: r.headers, text: await r.text() };
  };
  try {
    const measured = await small.untilChannel('cam', 'live and measured', 30000, (c) => c.state === 'live' && c.load?.used > 0);
    assert.ok(measured.load.processors <= 1, `${measured.load.processors} processors`);
    const letIn = [];
    const refused = await until('one is refused', 30000, async () => {
      const r = await post();
      if (r.status === 201)
        letIn.push(r.headers.get('location'));
      else if (r.status === 429)
        await sleep(200);
      else
        return r;
    }, 10);
    assert.equal(refused.status, 503, refused.text);
    assert.match(refused.text, /^there is no room for another viewer just now: \d+ are watching/);
    assert.ok(Number(refused.headers.get('retry-after')) > 0);
    assert.ok(letIn.length >= 4 && letIn.length < 20, `${letIn.length} were let in`);
    await until('the log says so', 5000, () => /cam: a viewer is refused: there is no room/.test(small.log));
    assert.match(await (await fetch(`${small.url}/metrics`)).text(), /^lockstep_viewers_refused_total\{reason="load"\} 1$/m);
    for (const url of letIn)
      assert.equal((await fetch(`${small.url}${url}`, { method: 'DELETE' })).status, 200);
    const again = await until('there is room again', 30000, async () => {
      const r = await post();
      return r.status === 201 ? r : sleep(200);
    });
    assert.equal(again.status, 201);
    await until('the log says so', 5000, () => /cam: a viewer is let in again: \d+ offers were refused before/.test(small.log));
  } finally {
    await small.stop();
  }
});

test('404: other channels, and publishing; 409 with Retry-After: nothing is sent just now', async () => {
  assert.equal((await view(offer, 'other')).status, 404);
  assert.equal((await view(offer, '.x')).status, 404);
  assert.equal((await request('POST', '/whip/cam', { headers: sdp, body: offer })).status, 404);
  const stays = await view();
  /* it is back so soon that a machine that is busy may come too late to see it down */
  const r = await until('nothing is sent', 20000, async () => {
    const c = await server.untilChannel('cam', 'live', 15000, (c) => c.state === 'live');
    process.kill(c.worker_pid, 'SIGKILL');
    await server.untilChannel('cam', 'down', 5000, (now) => now.worker_pid !== c.worker_pid);
    const seen = await view();
    if (seen.status === 201)
      await request('DELETE', seen.headers.get('location'));
    return seen.status !== 201 && seen;
  });
  assert.equal(r.status, 409, r.text);
  assert.ok(Number(r.headers.get('retry-after')) > 0);
  /* who was there hears that it is over, and comes again */
  assert.equal((await request('GET', stays.headers.get('location'))).status, 404);
  await server.untilChannel('cam', 'live again', 15000, (c) => c.state === 'live');
  const again = await view();
  assert.equal(again.status, 201, again.text);
  await leave(again);
});

test('404: a picture that is not sent', async () => {
  const other = await request('POST', '/whep/cam?picture=other', { headers: sdp, body: offer });
  assert.equal(other.status, 404);
  assert.match(other.text, /main and preview/);
  const none = await request('POST', '/whep/cam?picture=preview', { headers: sdp, body: offer });
  assert.equal(none.status, 404);
  assert.match(none.text, /no preview is sent/);
  const main = await request('POST', '/whep/cam?picture=main', { headers: sdp, body: offer });
  assert.equal(main.status, 201, main.text);
  await leave(main);
});

test('another codec: answered to who offers it, 406 to who does not', async () => {
  const other = await Launcher.start('test-to-webrtc', ['channel=cam', 'video-codec=h265']);
  try {
    await other.untilChannel('cam', 'live', 30000, (c) => c.state === 'live' && c.video?.codec === 'H265');
    const post = async (body) => {
      const r = await fetch(`${other.url}/whep/cam`, { method: 'POST', headers: sdp, body });
      return { status: r.status, text: await r.text() };
    };
    const taken = await post(offer.replaceAll('H264/', 'H265/'));
    assert.equal(taken.status, 201, taken.text);
    assert.match(taken.text, /^a=rtpmap:\d+ H265\/90000/m);
    const refused = await post(offer);
    assert.equal(refused.status, 406);
    assert.match(refused.text, /no video codec in common: H265/);
  } finally {
    await other.stop();
  }
});

test('a device that is pulled out and put back: a stand-in is sent, and the channel stays', async () => {
  const folder = temporaryFolder('capture');
  const preset = path.join(folder, 'pulled-to-webrtc.json');
  /* two seconds of pictures, then the error of a device that is gone, each time that it is started */
  fs.writeFileSync(preset, JSON.stringify({
    extends: 'capture-to-webrtc',
    alternatives: {
      camera: [{
        name: 'pulled',
        launch: 'videotestsrc name=device is-live=true pattern=ball ! capsfilter caps=video/x-raw,format=YUY2,width=320,height=180,framerate=30/1 ! identity error-after=60',
        properties: { 'no-mode.caps': 'video/x-raw,format=YUY2,width=320,height=180,framerate=30/1' },
      }],
    },
    properties: { 'device.device': null },
  }));
  const capture = await Launcher.start(preset, ['audio=test', 'channel=cam', 'use.video-encoder=x264']);
  try {
    const { worker_pid: pid } = await capture.untilChannel('cam', 'live', 15000, (c) => c.state === 'live');
    const r = await fetch(`${capture.url}/whep/cam`, { method: 'POST', body: offer, headers: sdp });
    assert.equal(r.status, 201, await r.text());
    await until('it was pulled out twice', 20000, () => (capture.log.match(/a stand-in is sent until it is back/g) || []).length >= 2);
    assert.match(capture.log, /cam: the device is there/);
    const c = await capture.channel('cam');
    assert.equal(c.worker_pid, pid, 'the channel began again');
    assert.equal(c.viewers.length, 1, 'the viewer was dropped');
    assert.equal(c.state, 'live');
  } finally {
    await capture.stop();
    fs.rmSync(folder, { recursive: true, force: true });
  }
});

test('pictures have the capture\'s own times: RTP has them as the device gave them, to its tick', async () => {
  const folder = temporaryFolder('times');
  const [captured, received] = ['captured.gdp', 'received.gdp'].map((name) => path.join(folder, name));
  const [from, to] = ['from-to-webrtc.json', 'to.json'].map((name) => path.join(folder, name));
  /* stamped as they are made, every 37 ms and what the thread takes to wake up, whatever the caps say; kept beside */
  const preset = fs.readFileSync(path.join(sourceRoot, 'pipelines/capture-to-webrtc.json'), 'utf8');
  const { pipeline } = JSON.parse(preset.replace('{camera} ) ! ', '{camera} ) ! tee name=made ! '));
  fs.writeFileSync(from, JSON.stringify({
    extends: 'capture-to-webrtc',
    pipeline: [...pipeline, 'made. ! queue ! gdppay ! multifilesink name=kept next-file=max-size sync=false async=false'],
    alternatives: {
      camera: [{
        name: 'uneven',
        launch: 'fakesrc name=device is-live=true do-timestamp=true format=time sizetype=fixed sizemax=28800'
          + ' ! capsfilter caps=video/x-raw,format=YUY2,width=160,height=90,framerate=30/1 ! identity sleep-time=37000',
        properties: { 'no-mode.caps': 'video/x-raw,format=YUY2,width=160,height=90,framerate=30/1' },
      }],
    },
    properties: { 'device.device': null, 'kept.location': captured },
  }));
  fs.writeFileSync(to, JSON.stringify({
    summary: 'Keeps the packets of the picture',
    parameters: { listen: { type: 'string', summary: 'address:port' }, output: { type: 'string', summary: 'not used' } },
    pipeline: [
      'webrtcbin name=webrtc bundle-policy=max-bundle',
      'gdppay name=video ! multifilesink name=kept next-file=max-size sync=false async=false',
      'fakesink name=audio sync=false async=false',
    ],
    properties: { 'kept.location': received },
    signalling: {
      element: 'webrtc', protocol: 'whip',
      audio: { encodings: ['OPUS'], element: 'audio' }, video: { encodings: ['H264'], element: 'video' },
    },
  }));
  const buffers = (file) => [...gdpBuffers(fs.existsSync(file) ? fs.readFileSync(file) : Buffer.alloc(0))];
  const times = () => [...new Set(buffers(received).map(({ data }) => data.readUInt32BE(4)))];
  const receiver = await Launcher.start(to);
  const sender = await Launcher.start(from, ['audio=test', `whip=${receiver.url}/whip/cam`, 'use.video-encoder=x264']);
  try {
    await until('50 pictures', 15000, () => times().length >= 50).catch((e) => assert.fail(`${e.message}\n${sender.tail()}`));
  } finally {
    await sender.stop();
    await receiver.stop();
  }
  const at = buffers(captured).map(({ pts }) => pts * 90000);
  const [first, ...rest] = times();
  /* One of them is the first that came, and by it all others are there, which is so for no other one */
  const by = at.filter((start) => rest.every((t) => at.some((x) => Math.abs(x - start - ((t - first) >>> 0)) <= 1.01)));
  assert.equal(by.length, 1, `${rest.length + 1} pictures: ${by.length} of ${at.length} may be the first`);
  fs.rmSync(folder, { recursive: true, force: true });
});
