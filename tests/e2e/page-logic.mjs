/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The parts of the pages that are plain functions: SDP editing, Link headers, the time code, waiting times. */

import assert from 'node:assert/strict';
import path from 'node:path';
import { test } from 'node:test';
import { pathToFileURL } from 'node:url';
import { sourceRoot } from '../common/launcher.mjs';
import { parsePlaylist } from '../common/playlist.mjs';

const load = (name) => import(pathToFileURL(path.join(sourceRoot, 'tools', 'lockstep', 'web', name)));
const { pathOf, range, Series } = await load('chart.js');
const { backoff, comeAgain, duration, kbps } = await load('common.js');
const { syncDistance } = await load('player.js');
const { iceServersFromLink, mediaSections, payloadTypes, setFmtp, trickleFragment } = await load('sdp.js');
const { cellBox, decodeTime, encodeTime, readTime } = await load('testpattern.js');
const { h264Codecs, h264Cure, WhipError } = await load('whip.js');

const sdp = [
  'v=0', 'o=- 1 2 IN IP4 127.0.0.1', 's=-', 't=0 0', 'a=group:BUNDLE 0 1', 'a=ice-pwd:sessionpasswordofsomelength',
  'm=audio 9 UDP/TLS/RTP/SAVPF 111 112', 'a=mid:0', 'a=ice-ufrag:abcd', 'a=ice-pwd:p2yProu0uCOQ4zxjKXaWCBui', 'a=rtpmap:111 opus/48000/2',
  'a=fmtp:111 minptime=10;useinbandfec=0', 'a=rtpmap:112 OPUS/48000/2',
  'm=video 9 UDP/TLS/RTP/SAVPF 96', 'a=mid:1', 'a=ice-ufrag:abcd', 'a=rtpmap:96 H264/90000', 'a=fmtp:96 packetization-mode=1', '',
].join('\r\n');

test('payload types are found by codec name in any case', () => {
  assert.deepEqual(payloadTypes(sdp, 'opus'), ['111', '112']);
  assert.deepEqual(payloadTypes(sdp, 'h264'), ['96']);
  assert.deepEqual(payloadTypes(sdp, 'vp8'), []);
});

test('fmtp parameters are set, kept and added, and nothing else changes', () => {
  const out = setFmtp(sdp, 'opus', { useinbandfec: 1, stereo: 1 });
  assert.match(out, /^a=fmtp:111 minptime=10;useinbandfec=1;stereo=1\r$/m);
  assert.match(out, /^a=rtpmap:112 OPUS\/48000\/2\r\na=fmtp:112 useinbandfec=1;stereo=1\r$/m);
  assert.match(out, /^a=fmtp:96 packetization-mode=1\r$/m);
  assert.equal(out.split('\r\n').length, sdp.split('\r\n').length + 1);
  assert.equal(setFmtp(sdp, 'vp8', { x: 1 }), sdp);
  assert.equal(setFmtp('a=rtpmap:1 opus/48000/2\na=fmtp:1 cbr\n', 'opus', { stereo: 1 }), 'a=rtpmap:1 opus/48000/2\na=fmtp:1 cbr;stereo=1\n');
});

test('ICE credentials come from the section, else from the session', () => {
  assert.deepEqual(mediaSections(sdp).map((m) => [m.mid, m.ufrag, m.pwd]), [
    ['0', 'abcd', 'p2yProu0uCOQ4zxjKXaWCBui'], ['1', 'abcd', 'sessionpasswordofsomelength'],
  ]);
});

test('a trickle fragment has the group, the section and its candidates', () => {
  const candidate = 'candidate:1 1 udp 2122260223 192.0.2.1 61764 typ host';
  assert.equal(trickleFragment(sdp, [{ candidate, sdpMid: '0' }], false), [
    'a=group:BUNDLE 0 1', 'm=audio 9 UDP/TLS/RTP/SAVPF 111 112', 'a=mid:0', 'a=ice-ufrag:abcd', 'a=ice-pwd:p2yProu0uCOQ4zxjKXaWCBui', `a=${candidate}`, '',
  ].join('\r\n'));
  assert.match(trickleFragment(sdp, [], true), /a=mid:0\r\n[^]*a=end-of-candidates\r\n$/);
  assert.doesNotMatch(trickleFragment(sdp, [], true), /a=mid:1/);
});

test('ICE servers are read from Link headers, and only those', () => {
  assert.deepEqual(iceServersFromLink(null), []);
  assert.deepEqual(iceServersFromLink(
    '<stun:stun.example.net>; rel="ice-server", <turn:turn.example.net?transport=udp>; rel="ice-server"; username="a, b"; credential="p\\"w"; credential-type="password",'
    + ' <https://example.net/x>; rel="ice-server", <turn:other.example.net>; rel=next, <turns:t.example.net>;rel=ice-server;username=u;credential=c'), [
    { urls: 'stun:stun.example.net' },
    { urls: 'turn:turn.example.net?transport=udp', username: 'a, b', credential: 'p"w' },
    { urls: 'turns:t.example.net', username: 'u', credential: 'c' },
  ]);
});

test('every time survives the time code, and a damaged code is refused', () => {
  let x = 12345;
  const random = () => (x = (x * 1103515245 + 12345) % 2147483648) / 2147483648;
  let accepted = 0;
  for (let i = 0; i < 2000; i++) {
    const ms = i < 3 ? [0, 1, 2 ** 42 - 1][i] : Math.floor(random() * 2 ** 42);
    const rows = encodeTime(ms).map((row) => row.map((white) => (white ? 200 + random() * 40 : 20 + random() * 60)));
    assert.equal(decodeTime(rows), ms);
    const one = rows.map((row) => [...row]);
    const r = Math.floor(random() * 2);
    const c = 1 + Math.floor(random() * 24);
    one[r][c] = one[r][c] > 128 ? 20 : 230;
    assert.equal(decodeTime(one), null, 'one wrong cell was not noticed');
    for (let k = 0; k < 12; k++)
      one[Math.floor(random() * 2)][1 + Math.floor(random() * 24)] = random() < 0.5 ? 20 : 230;
    if (decodeTime(one) !== null)
      accepted++;
  }
  /* A six bit checksum lets about one in 64 arbitrary codes pass. */
  assert.ok(accepted < 2000 / 20, `${accepted} of 2000 damaged codes were taken`);
  assert.equal(decodeTime([0, 1].map(() => Array(26).fill(90))), null, 'a grey picture is no code');
});

test('the time is read from a picture, at sizes it was not drawn at', () => {
  for (const [width, height] of [[1280, 720], [640, 360], [521, 293], [160, 90]]) {
    const data = new Uint8ClampedArray(width * height * 4).fill(255);
    const ms = 1795203045678;
    encodeTime(ms).forEach((row, r) => row.forEach((white, c) => {
      const [x, y, w, h] = cellBox(r, c, width, height);
      for (let py = Math.floor(y); py < y + h; py++) {
        for (let px = Math.floor(x); px < x + w; px++)
          data.fill(white ? 235 : 16, (py * width + px) * 4, (py * width + px) * 4 + 3);
      }
    }));
    assert.equal(readTime({ getImageData: (x, y, w, h) => ({ data: data.subarray(0, w * h * 4) }) }, width, height), ms, `${width}×${height}`);
  }
});

test('waits grow to 30 s and differ by chance', () => {
  assert.equal(backoff(0, () => 0), 500);
  assert.equal(backoff(0, () => 1), 1000);
  assert.equal(backoff(4, () => 0), 8000);
  assert.equal(backoff(1000, () => 1), 30000);
  assert.equal(comeAgain(5, () => 0), 5);
  assert.equal(comeAgain(5, () => 1), 7.5);
  assert.equal(comeAgain(null, () => 0), 5);
  assert.equal(comeAgain(0, () => 0), 1);
  assert.equal(comeAgain(86400, () => 0), 60);
});

test('the player keeps a second more than the longest segment', () => {
  assert.equal(syncDistance(1.008), 2.008);
  assert.equal(syncDistance(0.2), 1.5);
  assert.equal(syncDistance(60), 12);
});

test('H.264 is offered with constrained baseline and packetization mode 1 first', () => {
  const c = (mimeType, sdpFmtpLine = '') => ({ mimeType, sdpFmtpLine });
  const high = c('video/H264', 'packetization-mode=1;profile-level-id=640c1f');
  const mode0 = c('video/H264', 'packetization-mode=0;profile-level-id=42e01f');
  const best = c('video/H264', 'packetization-mode=1;profile-level-id=42e01f');
  const rtx = c('video/rtx');
  assert.deepEqual(h264Codecs([c('video/VP8'), high, mode0, best, rtx, c('video/red')]), [best, high, mode0, rtx]);
  assert.deepEqual(h264Codecs([c('video/VP8'), rtx]), []);
});

test('who has Firefox without H.264 is told of its plugin', () => {
  assert.match(h264Cure('Mozilla/5.0 (X11; Linux x86_64; rv:153.0) Gecko/20100101 Firefox/153.0'), /OpenH264/);
  assert.equal(h264Cure('Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/156.0.0.0 Safari/537.36'), '');
});

test('what can be tried again is told from what cannot', () => {
  const http = (status) => new WhipError('http', '', { status }).retryable;
  assert.deepEqual([400, 401, 403, 404, 415, 422].filter(http), []);
  assert.deepEqual([409, 429, 500, 502, 503].filter((s) => !http(s)), []);
  assert.equal(new WhipError('network', '').retryable, true);
  assert.equal(new WhipError('codec', '').retryable, false);
});

test('figures are written for people', () => {
  assert.deepEqual([5, 65, 3725, 90061, NaN].map((s) => duration(s)), ['5 s', '1 min 05 s', '1 h 02 min', '1 d 1 h', '–']);
  assert.deepEqual([NaN, 0, 96, 1840, 12345].map((x) => kbps(x)), ['–', '0\u202fkbit/s', '96\u202fkbit/s', '1.84\u202fMbit/s', '12.3\u202fMbit/s']);
});

test('playlists are read as the tests need them', () => {
  const list = parsePlaylist('#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXT-X-MEDIA-SEQUENCE:7\n#EXTINF:1.008,\na.ts\n#EXT-X-DISCONTINUITY\n'
    + '#EXT-X-PROGRAM-DATE-TIME:2026-01-02T03:04:05.678Z\n#EXTINF:0.96,\nb.ts\n');
  assert.equal(list.target, 1);
  assert.equal(list.ended, false);
  assert.deepEqual(list.segments, [
    { sequence: 7, uri: 'a.ts', duration: 1.008, discontinuity: false, date: null },
    { sequence: 8, uri: 'b.ts', duration: 0.96, discontinuity: true, date: Date.UTC(2026, 0, 2, 3, 4, 5, 678) },
  ]);
  assert.throws(() => parsePlaylist('<html>'));
});

test('a chart keeps its span and one point before it, and breaks its line at gaps', () => {
  const series = new Series(10000);
  assert.ok(series.empty);
  for (let t = 0; t <= 20000; t += 2000)
    series.add(t, t === 14000 ? undefined : t / 1000);
  assert.deepEqual(series.points.map((p) => p.time), [10000, 12000, 14000, 16000, 18000, 20000]);
  assert.equal(series.last, 20);
  assert.equal(pathOf(series.points, 10000, 20000, [0, 20], 100, 22), 'M0.0 11.0L20.0 9.0M60.0 5.0L80.0 3.0L100.0 1.0');
  /* what is older than the span is drawn at the edge */
  assert.equal(pathOf([{ time: 0, value: 0 }], 10, 100, [0, 1], 100, 22), 'M0.0 21.0');
  assert.ok(new Series(1).empty);
});

test('a chart shows zero, every value, and no noise as a storm', () => {
  const points = (...values) => values.map((value) => ({ value }));
  assert.deepEqual(range(points(500, 800, null), 100), [0, 800]);
  assert.deepEqual(range(points(3, 4), 100), [0, 100]);
  assert.deepEqual(range(points(-2, 2), 40), [-20, 20]);
  assert.deepEqual(range(points(-60, -50), 40), [-60, 0]);
  assert.deepEqual(range(points(null), 10), [0, 10]);
});
