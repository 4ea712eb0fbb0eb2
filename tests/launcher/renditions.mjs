/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Renditions from a test source: sizes, boundaries and numbers of all, the multivariant playlist against the bytes of
 * the segments, a machine that does not keep up, and a second session. */

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { describe, test } from 'node:test';
import { buildRoot, Launcher, sourceRoot, temporaryFolder, until } from '../common/launcher.mjs';
import { parseMultivariant, parsePlaylist } from '../common/playlist.mjs';

const preset = path.join(sourceRoot, 'tests/files/presets/renditions.json');
const lockstep = path.join(buildRoot, 'tools/lockstep/lockstep');
const folder = temporaryFolder('renditions');
test.after(() => fs.rmSync(folder, { recursive: true, force: true }));
const probe = spawnSync('ffprobe', ['-version']).status === 0;

const start = (words, env) => Launcher.start(preset, ['channel=c', ...words], env);
const file = (server, name) => fs.readFileSync(path.join(server.output, 'c', name), 'utf8');
const variants = (server) => parseMultivariant(file(server, 'index.m3u8'));
const written = (server, n) => server.untilChannel('c', `${n} segments`, 40000, (c) => c.segments >= n);
const listed = (server) => until('a multivariant playlist', 20000, () => fs.existsSync(path.join(server.output, 'c', 'index.m3u8')));

/** Pictures of a segment: { width, height, key, time }. */
function pictures(name) {
  const { stdout } = spawnSync('ffprobe', ['-v', 'error', '-select_streams', 'v', '-show_entries', 'frame=width,height,key_frame,best_effort_timestamp_time', '-of', 'json', name], { encoding: 'utf8' });
  return JSON.parse(stdout).frames.map((f) => ({ width: f.width, height: f.height, key: f.key_frame === 1, time: Number(f.best_effort_timestamp_time) }));
}

/** As the definition has it: runs of segments of 0.5 to 1.5 target durations. */
function peak(segments, target) {
  let most = 0;
  for (let i = 0; i < segments.length; i++)
    for (let k = i, bits = 0, seconds = 0; k < segments.length; k++) {
      bits += segments[k].size * 8;
      seconds += segments[k].duration;
      if (seconds >= target / 2 && seconds <= target * 1.5)
        most = Math.max(most, bits / seconds);
    }
  return most;
}

/** The lists of all variants, which are to have the same numbers, times and discontinuities; less the segments that one
 * has and another has not yet, or not any more. */
function alike(server, tolerance) {
  const all = variants(server).map((v) => ({ ...v, list: parsePlaylist(file(server, v.uri)) }));
  const from = Math.max(...all.map(({ list }) => list.sequence));
  const to = Math.min(...all.map(({ list }) => list.sequence + list.segments.length));
  assert.ok(to > from);
  for (const { list } of all) {
    let number = list.discontinuitySequence;
    for (const s of list.segments) {
      s.number = number += s.discontinuity;
      s.size = fs.statSync(path.join(server.output, 'c', s.uri)).size;
    }
    list.segments = list.segments.filter((s) => s.sequence >= from && s.sequence < to);
  }
  const [{ list: first }] = all;
  for (const { uri, list } of all) {
    assert.equal(list.target, first.target, uri);
    for (const [i, s] of list.segments.entries()) {
      assert.ok(Math.abs(s.date - first.segments[i].date) <= tolerance, `${uri} ${s.sequence}: ${s.date - first.segments[i].date} ms`);
      assert.equal(s.number, first.segments[i].number, `${uri} ${s.sequence}: the number of its discontinuity`);
    }
  }
  return all;
}

function checkList(list) {
  const { status, stdout } = spawnSync(lockstep, ['hls-check', list], { encoding: 'utf8' });
  assert.equal(status, 0, stdout);
}
const check = (server) => checkList(path.join(server.output, 'c', 'index.m3u8'));

/* At once: most of the time is waiting for real time to pass. */
describe('renditions', { concurrency: 6 }, () => {
  test('renditions that are encoded here: sizes, rates and boundaries', async () => {
    const server = await start(['renditions=320x180@300k,160x90p15@100k,640x360@500k', 'small=50']);
    try {
      const c = await written(server, 6);
      assert.deepEqual(c.renditions.map((r) => [r.name, r.dropped]), [['320x180-300000', false], ['160x90-100000', false], ['640x360-500000', false]]);
      assert.deepEqual([c.video.width, c.video.height], [320, 180]);
      /* 15 pictures a second: half of 67 ms */
      const all = alike(server, 34);
      /* a discontinuity where the picture grew, after two seconds, and nowhere else */
      assert.deepEqual(all[0].list.segments.flatMap((s, i) => (s.discontinuity ? [i] : [])).length, 1);
      assert.deepEqual(all.map((v) => v.uri), ['320x180-300000.m3u8', '160x90-100000.m3u8', '640x360-500000.m3u8']);
      /* nothing is made larger than the source */
      assert.deepEqual(all.map((v) => v.RESOLUTION), ['320x180', '160x90', '320x180']);
      assert.deepEqual(all.map((v) => v['FRAME-RATE']), ['25.000', '15.000', '25.000']);
      for (const v of all) {
        assert.match(v.CODECS, /^avc1\.[0-9a-f]{6},mp4a\.40\.34$/);
        assert.ok(v.BANDWIDTH >= peak(v.list.segments, 1), `${v.uri}: ${v.BANDWIDTH} is declared, ${peak(v.list.segments, 1)} was measured`);
        assert.ok(v['AVERAGE-BANDWIDTH'] <= v.BANDWIDTH);
        for (const s of v.list.segments.slice(1))
          assert.ok(Math.abs(s.duration - 1) < 0.07, `${v.uri} ${s.sequence}: ${s.duration} s`);
      }
      check(server);
      if (probe)
        for (const v of all) {
          const [first] = pictures(path.join(server.output, 'c', v.list.segments[0].uri));
          const last = pictures(path.join(server.output, 'c', v.list.segments.at(-1).uri));
          assert.deepEqual([first.width, first.height], [160, 90], v.uri);
          assert.equal(`${last[0].width}x${last[0].height}`, v.RESOLUTION, v.uri);
          assert.ok(last[0].key, `${v.uri}: the segment begins without a key frame`);
        }
      const metrics = await (await fetch(`${server.url}/metrics`)).text();
      assert.match(metrics, /^lockstep_rendition_active\{channel="c",rendition="160x90-100000"\} 1$/m);
      assert.match(metrics, /^lockstep_overloaded\{channel="c"\} 0$/m);
    } finally {
      const how = await server.stop();
      assert.equal(how.code, 0, how.log);
    }
  });

  test('with one passed through: the others are cut where its key frames lie', async () => {
    /* a key frame each 1.4 s, which nobody can ask for, and a picture that grows in between */
    const server = await start(['renditions=passthrough,160x90@100k', 'small=60', 'key-distance=35']);
    try {
      await written(server, 6);
      const all = alike(server, 1);
      assert.deepEqual(all.map((v) => v.uri), ['passthrough.m3u8', '160x90-100000.m3u8']);
      assert.deepEqual(all.map((v) => v.RESOLUTION), ['320x180', '160x90']);
      assert.equal(all[0].list.segments.filter((s) => s.discontinuity).length, 1);
      for (const v of all)
        assert.ok(v.BANDWIDTH >= peak(v.list.segments, 1), `${v.uri}: ${v.BANDWIDTH} < ${peak(v.list.segments, 1)}`);
      check(server);
      if (probe)
        for (const [i, s] of all[0].list.segments.entries()) {
          const [a, b] = all.map((v) => pictures(path.join(server.output, 'c', v.list.segments[i].uri)));
          assert.ok(a[0].key && b[0].key);
          assert.ok(Math.abs(a[0].time - b[0].time) < 0.001, `segment ${s.sequence}: ${a[0].time} and ${b[0].time}`);
          assert.equal(a.length, b.length);
        }
    } finally {
      await server.stop();
    }
  });

  test('a picture that begins late: sound until then, and a discontinuity in all at once', async () => {
    const server = await start(['renditions=passthrough,160x90@100k', 'late=4500000000', 'key-distance=25']);
    try {
      await server.untilChannel('c', 'sound', 20000, (c) => c.segments >= 1 && !c.video);
      await server.untilChannel('c', 'the picture', 20000, (c) => c.video?.width === 320 && c.segments >= 9);
      const all = alike(server, 1);
      assert.deepEqual(all.map((v) => v.RESOLUTION), ['320x180', '160x90']);
      assert.ok(all[0].list.segments.some((s) => s.discontinuity));
      check(server);
    } finally {
      await server.stop();
    }
  });

  test('what cannot be kept up with is dropped, the rest goes on, and the next session has it again', async () => {
    const output = path.join(folder, 'dropped');
    const server = await start(['renditions=320x180@300k,160x90@100k', 'slow=70000', `output=${output}`]);
    const has = (name) => fs.existsSync(path.join(output, 'c', name));
    let before;
    try {
      const c = await server.untilChannel('c', 'a dropped rendition', 40000, (c) => c.renditions?.some((r) => r.dropped));
      assert.deepEqual(c.renditions.map((r) => r.dropped), [true, false]);
      assert.match(server.log, /warning: c: this machine does not keep up: the rendition 320x180-300000 is \d\.\d s behind, and is dropped/);
      const gone = await until('its playlist goes', 10000, () => !has('320x180-300000.m3u8'));
      assert.ok(gone);
      /* a player that asks for it is told so, and looks for another one */
      assert.equal((await fetch(`${server.url}/hls/c/320x180-300000.m3u8`)).status, 404);
      assert.equal(parseMultivariant(fs.readFileSync(path.join(output, 'c', 'index.m3u8'), 'utf8')).length, 1);
      const metrics = await (await fetch(`${server.url}/metrics`)).text();
      assert.match(metrics, /^lockstep_rendition_active\{channel="c",rendition="320x180-300000"\} 0$/m);
      assert.match(metrics, /^lockstep_rendition_active\{channel="c",rendition="160x90-100000"\} 1$/m);
      const { segments } = await server.channel('c');
      await server.untilChannel('c', 'the rest goes on', 10000, (c) => c.segments >= segments + 3 && c.renditions[1].lag_ms < 500);
    } finally {
      await server.stop();
      before = parsePlaylist(fs.readFileSync(path.join(output, 'c', '160x90-100000.m3u8'), 'utf8'));
    }
    const again = await start(['renditions=320x180@300k,160x90@100k', `output=${output}`]);
    const own = again.output;
    again.output = output;
    try {
      await written(again, 3);
      const all = alike(again, 1);
      assert.equal(all.length, 2);
      const first = all[0].list.segments.find((s) => s.sequence >= before.sequence + before.segments.length);
      assert.equal(first.sequence, before.sequence + before.segments.length);
      assert.ok(first.discontinuity);
      assert.ok(!has('.320x180-300000.dropped'));
      check(again);
    } finally {
      await again.stop();
      fs.rmSync(own, { recursive: true, force: true });
    }
  });

  test('what was dropped comes back within the session, when the machine keeps up again', async () => {
    /* 70 ms for a picture: too long while there are 25 a second, not when there are 10 */
    const archive = temporaryFolder('archive');
    const server = await start(['renditions=320x180@300k,160x90@100k', 'slow=70000', 'small=300', 'then=10', 'retry-after=2s', `archive=${archive}`]);
    const name = '320x180-300000.m3u8';
    try {
      const is = (dropped) => (c) => c.renditions?.[0].dropped === dropped && !c.renditions[1].dropped;
      await server.untilChannel('c', 'a dropped rendition', 40000, is(true));
      await until('its playlist goes', 10000, () => !fs.existsSync(path.join(server.output, 'c', name)));
      const { segments } = await server.channel('c');
      await server.untilChannel('c', 'it is back', 60000, (c) => is(false)(c) && c.segments > segments + 3);
      assert.match(server.log, /dropped until the others have kept up for 2 s[^]*the rendition 320x180-300000 is tried again[^]*the rendition 320x180-300000 is back/);
      /* as many segments as were there when players were told, under the numbers of the others */
      await until('it is listed', 10000, () => variants(server).length === 2);
      /* its first cut may be a picture off: a slow encoder has the right one behind it when it is asked */
      const all = alike(server, 101);
      assert.deepEqual(all.map((v) => v.uri), [name, '160x90-100000.m3u8']);
      assert.ok(all[0].list.segments.length >= 2, `${all[0].list.segments.length}`);
      check(server);
      if (probe)
        for (const [i, s] of all[0].list.segments.entries())
          assert.ok(pictures(path.join(server.output, 'c', s.uri))[0].key, `${s.uri}: ${i}`);
      const metrics = await (await fetch(`${server.url}/metrics`)).text();
      assert.match(metrics, /^lockstep_rendition_active\{channel="c",rendition="320x180-300000"\} 1$/m);
    } finally {
      const how = await server.stop();
      assert.equal(how.code, 0, how.log);
      /* all sinks came to their end */
      assert.doesNotMatch(how.log, /did not drain|CRITICAL/);
    }
    /* what was not made is a gap in what is kept */
    const session = path.join(archive, 'c', fs.readdirSync(path.join(archive, 'c'))[0]);
    assert.match(fs.readFileSync(path.join(session, name), 'utf8'), /#EXT-X-GAP/);
    checkList(path.join(session, 'index.m3u8'));
  });

  test('renditions that cannot be are refused, with what is wrong', () => {
    const refuse = (word) => {
      const r = spawnSync(lockstep, ['run', preset, 'listen=127.0.0.1:0', `output=${folder}/refused`, word], { encoding: 'utf8', timeout: 180000 });
      assert.notEqual(r.status, 0);
      return r.stderr;
    };
    const text = refuse('renditions=320x180@300k,321x180@300k');
    assert.match(text, /'321x180@300k' is not a rendition/);
    const same = refuse('renditions=320x180@300k,320x180p15@300k');
    assert.match(same, /two of them would be called 320x180-300000/);
  });
});
