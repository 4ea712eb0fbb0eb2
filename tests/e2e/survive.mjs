/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What goes wrong around a live channel: publishers that vanish, networks that break, workers that are killed, and
 * peers that are not who they say. Each takes down nothing but itself, and comes back by itself where it can. */

import assert from 'node:assert/strict';
import { after, afterEach, before, test } from 'node:test';
import { Browser, whyNoBrowser } from '../common/browser.mjs';
import { Launcher, leave, sleep, until } from '../common/launcher.mjs';
import { closeAll, publish, publisherState, record, shown, sumUp, watch } from '../common/pages.mjs';
import { fetchPlaylist, PlaylistFollower } from '../common/playlist.mjs';
import { UdpRelay } from '../common/udp-relay.mjs';

const skip = whyNoBrowser() || false;
let launcher;
let publishers;
let viewer;

before(async () => {
  if (skip)
    return;
  launcher = await Launcher.start('webrtc-to-hls', ['target-duration=1']);
  publishers = await Browser.start();
  viewer = await Browser.start();
});

afterEach(closeAll);

after(async () => {
  await publishers?.stop();
  await viewer?.stop();
  await launcher?.stop();
  leave();
});

const close = (...pages) => Promise.all(pages.map((p) => p.context().close()));
const playlist = (channel) => `${launcher.url}/hls/${channel}/index.m3u8`;
const live = (channel, limit = 15000) => launcher.untilChannel(channel, 'live', limit, (c) => c.state === 'live' && c.segments > 1);

/** The playlist of a channel that came back: goes on where it was, and marks the break once. */
function assertContinues({ segments, faults }, breaks) {
  assert.deepEqual(faults, []);
  assert.equal(segments.filter((s) => s.discontinuity).length, breaks, `breaks in ${JSON.stringify(segments.map((s) => [s.sequence, s.discontinuity]))}`);
  segments.forEach((s, i) => assert.equal(s.sequence, segments[0].sequence + i, 'a segment is missing in the sequence'));
}

/** After a break the viewer sees new pictures, without a new player, and they are recent. */
async function assertGoesOn(t, player, since) {
  await until('the viewer sees new pictures', 20000, async () => {
    const { samples } = await record(player, 0.5);
    const last = samples.at(-1);
    return last.code !== null && last.code > since;
  });
  /* the player catches up with what it missed */
  const seen = await until('the viewer is near the live edge', 20000, async () => {
    const s = sumUp(await record(player, 4));
    return s.played > 3 && s.age.p50 < 8 && s;
  });
  t.diagnostic(`after the break: ${JSON.stringify(seen)}`);
  assert.equal((await shown(player)).state, 'playing');
}

test('a publisher that vanishes is noticed, and its return continues the playlist', { skip, timeout: 360000 }, async (t) => {
  const victim = await Browser.start();
  await publish(victim, launcher, 'vanish');
  await live('vanish');
  const player = await watch(viewer, launcher, 'vanish');
  const follower = new PlaylistFollower(playlist('vanish'));
  await sleep(3000);

  const killed = performance.now();
  await victim.kill();
  const gone = await launcher.untilChannel('vanish', 'no longer live', 10000, (c) => c.state !== 'live');
  t.diagnostic(`noticed after ${((performance.now() - killed) / 1000).toFixed(1)} s: ${gone.state}, ${gone.reason}`);
  assert.equal(gone.state, 'lost');
  assert.ok(gone.reason, 'no reason is given');
  assert.ok(!(await fetchPlaylist(playlist('vanish'))).ended, 'the playlist is closed although the publisher may return');

  const back = Date.now();
  const publisher = await publish(publishers, launcher, 'vanish');
  await live('vanish');
  await assertGoesOn(t, player, back);
  assertContinues(await follower.stop(), 1);
  await close(player, publisher);
});

test('a network that breaks and heals: the page reconnects by itself', { skip, timeout: 360000 }, async (t) => {
  const relay = new UdpRelay();
  const publisher = await publish(publishers, launcher, 'network', {}, (page) => relay.install(page));
  await live('network');
  const first = (await shown(publisher)).session;
  const player = await watch(viewer, launcher, 'network');
  const follower = new PlaylistFollower(playlist('network'));
  await sleep(2000);

  relay.cut = true;
  const cut = performance.now();
  await launcher.untilChannel('network', 'no longer live', 10000, (c) => c.state !== 'live');
  t.diagnostic(`the server noticed after ${((performance.now() - cut) / 1000).toFixed(1)} s`);
  const page = await publisherState(publisher, ['reconnecting', 'connecting', 'failed'], 20000);
  assert.notEqual(page.state, 'failed', page.reason);
  relay.cut = false;
  const healed = Date.now();
  await publisherState(publisher, ['live'], 40000);
  t.diagnostic(`the page was live again ${((Date.now() - healed) / 1000).toFixed(1)} s after the network`);
  assert.notEqual((await shown(publisher)).session, first);
  await live('network');
  await assertGoesOn(t, player, healed);
  assertContinues(await follower.stop(), 1);
  await close(player, publisher);
  relay.close();
});

test('a worker that is killed, or breaks, takes its own channel only', { skip, timeout: 360000 }, async (t) => {
  const own = 'own', other = 'other';
  const pages = [await publish(publishers, launcher, own), await publish(publishers, launcher, other)];
  await live(own);
  const before = await live(other);
  const players = [await watch(viewer, launcher, own), await watch(viewer, launcher, other)];
  const followers = [new PlaylistFollower(playlist(own)), new PlaylistFollower(playlist(other))];
  const watching = record(players[1], 14);
  await sleep(2000);

  const { worker_pid: pid } = await launcher.channel(own);
  assert.ok(pid > 1 && pid !== launcher.pid && pid !== before.worker_pid, `worker_pid is ${pid}`);
  const killed = Date.now();
  process.kill(pid, 'SIGKILL');
  await launcher.untilChannel(own, 'no longer live', 3000, (c) => c.state !== 'live' || c.worker_pid !== pid);
  /* The page learns of it from the API and publishes again. */
  await launcher.untilChannel(own, 'live again', 30000, (c) => c.state === 'live' && c.worker_pid !== pid);
  t.diagnostic(`live again after ${((Date.now() - killed) / 1000).toFixed(1)} s`);
  await assertGoesOn(t, players[0], killed);
  assertContinues(await followers[0].stop(), 1);

  const seen = sumUp(await watching);
  t.diagnostic(`the other channel: ${JSON.stringify(seen)}`);
  const others = await followers[1].stop();
  assertContinues(others, 0);
  /* nobody plays smoothly without a processor */
  const slow = seen.paused > 0.3;
  assert.ok(seen.stalls <= (slow ? 1 : 0), 'the other channel stalled');
  assert.ok(seen.longestStill < 0.6 + seen.paused, `the other channel stood still for ${seen.longestStill} s, and threads waited up to ${seen.paused} s for a processor`);
  assert.equal(seen.codeBackwards, 0);
  assert.deepEqual(seen.newErrors.filter((e) => !slow || !/^buffer(StalledError|SeekOverHole)/.test(e)), []);
  assert.equal((await launcher.channel(other)).worker_pid, before.worker_pid, 'the other channel has another worker');

  const { worker_pid: second } = await launcher.channel(own);
  const follower = new PlaylistFollower(playlist(own)), beside = new PlaylistFollower(playlist(other));
  const broke = Date.now();
  process.kill(second, 'SIGSEGV');
  await launcher.untilChannel(own, 'no longer live', 3000, (c) => c.state !== 'live' || c.worker_pid !== second);
  await launcher.untilChannel(own, 'live once more', 30000, (c) => c.state === 'live' && c.worker_pid !== second);
  await assertGoesOn(t, players[0], broke);
  assertContinues(await follower.stop(), 1);
  assertContinues(await beside.stop(), 0);
  assert.equal((await launcher.channel(other)).worker_pid, before.worker_pid, 'the other channel has another worker');
  assert.equal(launcher.process.exitCode, null, 'the front ended');
  await close(...players, ...pages);
});

test('a wrong DTLS fingerprint ends the session before media is used', { skip, timeout: 180000 }, async (t) => {
  let forged = false;
  const page = await publishers.page(`${launcher.url}/publish/forged?source=test&size=640x360&autostart=1`, {
    before: (p) => p.route('**/whip/*', (route) => {
      const request = route.request();
      if (request.method() !== 'POST')
        return route.continue();
      const postData = request.postData().replace(/^(a=fingerprint:\S+ )(..)/gm, (line, start, byte) => {
        forged = true;
        return start + (byte === '00' ? '01' : '00');
      });
      return route.continue({ postData });
    }),
  });
  /* The page may be connected for a moment, then hears that it is over, and tries again: each time in vain. */
  const over = await launcher.untilChannel('forged', 'refused for its fingerprint', 15000, (c) => /fingerprint/i.test(c.reason || ''));
  t.diagnostic(`the API says: ${over.state}, ${over.reason}`);
  assert.ok(forged);
  for (let i = 0; i < 30; i++) {
    const c = await launcher.channel('forged');
    assert.notEqual(c.state, 'live');
    assert.equal(c.segments || 0, 0, 'media was used');
    assert.equal(c.hls, null);
    await sleep(200);
  }
  await close(page);
});

test('no page threw an error, and the launcher ends cleanly', { skip, timeout: 180000 }, async () => {
  assert.deepEqual([...publishers.messages, ...viewer.messages], []);
  const running = launcher;
  launcher = null;
  const { code, signal, log } = await running.stop();
  assert.equal(signal, null, log.slice(-2000));
  assert.equal(code, 0, log.slice(-2000));
  assert.doesNotMatch(log, /CRITICAL|AddressSanitizer|runtime error:/);
});
