/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A publisher on a bad line: 5 % of the packets are lost in bursts, each is 20 to 80 ms on its way, and some overtake
 * others. What the buffers let out is read from their log, and what a viewer gets from the segments. */

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { Browser, whyNoBrowser } from '../common/browser.mjs';
import { Launcher, leave, sleep, temporaryFolder, until } from '../common/launcher.mjs';
import { closeAll, publish, shown } from '../common/pages.mjs';
import { PlaylistFollower } from '../common/playlist.mjs';
import { UdpRelay } from '../common/udp-relay.mjs';
import { ProcessorWaits } from '../common/waits.mjs';

const skip = whyNoBrowser() || false;
const bounds = { audio: 150, video: 500 }; /* ms */
const seconds = 12;
/* A thread of a machine that also runs a browser and an encoder gets its turn late now and then; and later, where it is
 * known to have waited for a processor. */
const slack = 60; /* ms */
const settle = 1000; /* ms, the most that a time base is waited for */
const wander = 30; /* ms, of the line's delay, both ways */
let launcher;
let browser;
let logs;

before(async () => {
  if (skip)
    return;
  logs = temporaryFolder('log');
  launcher = await Launcher.start('webrtc-to-hls', ['target-duration=1', `audio-latency=${bounds.audio}`, `video-latency=${bounds.video}`],
    { GST_DEBUG: 'latencybuffer:6', GST_DEBUG_NO_COLOR: '1', GST_DEBUG_FILE: path.join(logs, '%p.log') });
  browser = await Browser.start();
});

after(async () => {
  await closeAll();
  await browser?.stop();
  await launcher?.stop();
  if (logs)
    fs.rmSync(logs, { recursive: true, force: true });
  leave();
});

const toMs = (clock) => clock.split(':').reduce((sum, part) => sum * 60 + Number(part), 0) * 1000;

/** What each buffer let out: by bound in ms, [{ at, pts, lost }], in ms of two clocks. */
function releases() {
  const line = /^(\d+:\d+:[\d.]+) .*<(latencybuffer\d+)> #\d+ (leaves|and \d+ more are lost), pts (\d+:\d+:[\d.]+)(?:, bound (\d+) ms)?/;
  const buffers = new Map();
  for (const name of fs.readdirSync(logs)) {
    for (const text of fs.readFileSync(path.join(logs, name), 'utf8').split('\n')) {
      const [, at, buffer, what, pts, bound] = line.exec(text) || [];
      if (!at)
        continue;
      if (!buffers.has(name + buffer))
        buffers.set(name + buffer, { bound: 0, list: [] });
      const its = buffers.get(name + buffer);
      its.bound = Number(bound) || its.bound;
      its.list.push({ at: toMs(at), pts: toMs(pts), lost: what !== 'leaves' });
    }
  }
  return [...buffers.values()];
}

/* A loss shows by the packet after it, which may come 2 × wander later than the soonest on this line. Where more are lost in
 * a row than the bound is long, losses are told as late as that, in ms: nobody can know them before. */
function excuses(list, bound) {
  let next = null;
  return list.toReversed().map((r) => {
    if (!r.lost)
      next = r.pts;
    return r.lost && next !== null ? Math.max(0, next - r.pts + 2 * wander - bound) : 0;
  }).reverse();
}

/** The sound of the segments as ffprobe reads it: PTS of each frame, in s. */
function soundOf(files) {
  const probe = spawnSync('ffprobe', ['-v', 'error', '-select_streams', 'a', '-show_entries', 'packet=pts_time', '-of', 'csv=p=0', `concat:${files.join('|')}`],
    { encoding: 'utf8', maxBuffer: 1 << 26 });
  assert.equal(probe.status, 0, `ffprobe: ${probe.stderr}`);
  return probe.stdout.split('\n').filter(Boolean).map((line) => parseFloat(line));
}

test('5 % lost in bursts, 50 ± 30 ms and reordered: sound goes on within its bound, and the playlist keeps its pace', { skip, timeout: 270000 }, async (t) => {
  const relay = new UdpRelay({ loss: 0.05, burst: 3, feedbackLoss: 0.05, delay: 50, wander, reorder: 0.03, seed: 4 });
  const waits = new ProcessorWaits({ launcher: launcher.pid, browser: browser.server.process().pid });
  const page = await publish(browser, launcher, 'line', { size: '640x360', fps: '15' }, (page) => relay.install(page));
  await launcher.untilChannel('line', 'live', 20000, (c) => c.state === 'live' && c.segments > 1);
  const follower = new PlaylistFollower(`${launcher.url}/hls/line/index.m3u8`);
  const start = performance.now();
  await sleep(seconds * 1000);
  const channel = await launcher.channel('line');
  const { video } = (await shown(page)).stats;
  const { segments, faults } = await follower.stop();
  const waited = waits.stop();
  const turn = slack + waited.launcher;
  t.diagnostic(`threads waited for a processor, at most: ${JSON.stringify(waited)} ms`);
  t.diagnostic(`relay: ${relay.dropped} of ${relay.dropped + relay.passed} lost; sound ${JSON.stringify(channel.audio)}; picture ${JSON.stringify(channel.video)}; ` +
    `the publisher aims at ${Math.round(video.targetBitrate / 1000)} kbit/s`);
  /* how many there are is up to the publisher, who sends few pictures where the processor is short */
  assert.ok(relay.dropped > 0.02 * (relay.dropped + relay.passed), `only ${relay.dropped} of ${relay.dropped + relay.passed} packets were lost`);

  const live = segments.filter((s) => s.seen > start + 1000);
  let behind = 0;
  for (let i = 1, due = live[0].seen; i < live.length; i++) {
    due += live[i].duration * 1000;
    behind = Math.max(behind, live[i].seen - due);
  }
  t.diagnostic(`${live.length} segments of ${live.map((s) => s.duration.toFixed(2)).join(', ')} s; up to ${behind.toFixed(0)} ms behind`);
  assert.deepEqual(faults, []);
  assert.deepEqual(live.filter((s) => s.discontinuity).map((s) => s.uri), [], 'the stream broke');
  /* The publisher's encoder is slow to answer on such a line, so segments can be long; but none comes late. */
  assert.ok(live.length > 4, `only ${live.length} segments came`);
  const paused = Math.max(waited.launcher, waited.browser);
  assert.ok(behind < 500 + paused, `the playlist fell ${behind} ms behind, and threads waited up to ${paused} ms for a processor`);

  /* the newest of them; older ones have left the folder */
  const sound = soundOf(live.map((s) => path.join(launcher.output, 'line', s.uri)).filter((file) => fs.existsSync(file)));
  /* MP3 frames are 24 ms long */
  const step = Math.max(...sound.slice(1).map((pts, i) => pts - sound[i]));
  assert.ok(step < 0.025, `a hole of ${step} s in the sound`);
  assert.ok(sound.length * 0.024 > 4, `there are ${sound.length} frames of sound only`);

  await until('the log', 5000, () => releases().length === 2);
  for (const [kind, bound] of Object.entries(bounds)) {
    const { list } = releases().find((b) => b.bound === bound) || assert.fail(`no buffer has the bound of ${kind}`);
    /* All leave the same time after their PTS: the least shows the distance of the two clocks. */
    const offset = Math.min(...list.map((r) => r.at - r.pts));
    const excused = excuses(list, bound);
    /* What a sender has saved up while it connected is overdue as soon as the time base has settled, before which nothing
     * leaves: it is late by the start, and all that is due after it must be in time. */
    const began = list[0].at;
    const late = list.map((r, i) => r.at - Math.max(r.pts + offset, began) - excused[i]).sort((a, b) => a - b);
    const held = began - list[0].pts - offset;
    const gap = Math.max(...list.slice(1).map((r, i) => r.at - list[i].at - excused[i + 1]));
    const lost = list.filter((r) => r.lost).length;
    t.diagnostic(`${kind}: ${list.length} left, ${lost} losses told; off its time p99 ${late[Math.floor(late.length * 0.99)].toFixed(2)} ms, ` +
      `most ${late.at(-1).toFixed(2)} ms; longest gap ${gap.toFixed(1)} ms; ` +
      `the first left ${held.toFixed(0)} ms late; told late for too many lost in a row: ${excused.filter(Boolean).length}, up to ${Math.max(...excused).toFixed(1)} ms`);
    const known = `, and threads waited up to ${waited.launcher} ms for a processor`;
    assert.ok(held < settle + turn, `the first ${kind} left ${held} ms late${known}`);
    assert.ok(late.at(-1) < turn, `${kind} left ${late.at(-1)} ms after its bound${known}`);
    assert.ok(kind === 'video' || gap <= bound + turn, `no sound for ${gap} ms${known}`);
    assert.ok(kind === 'video' || lost > 10, `only ${lost} losses of sound`);
  }
  assert.ok(channel.video.retransmitted > 0, 'no picture was sent again');
  relay.close();
});
