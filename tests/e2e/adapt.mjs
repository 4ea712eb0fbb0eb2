/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A real browser publishes, its picture is made into renditions, and hls.js switches between them while it plays. */

import assert from 'node:assert/strict';
import { after, afterEach, before, test } from 'node:test';
import { Browser, screenshot, whyNoBrowser } from '../common/browser.mjs';
import { Launcher, leave, sleep, until } from '../common/launcher.mjs';
import { closeAll, publish, record, shown, sumUp, watch } from '../common/pages.mjs';
import { fetchPlaylist, parseMultivariant } from '../common/playlist.mjs';

const skip = whyNoBrowser() || false;
let launcher;
let camera; /* publishes */
let viewer; /* watches */

before(async () => {
  if (skip)
    return;
  launcher = await Launcher.start('webrtc-to-hls', ['target-duration=1', 'renditions=passthrough,320x180@250k,160x90p10@80k']);
  camera = await Browser.start({ camera: true });
  viewer = await Browser.start();
});

afterEach(closeAll);

after(async () => {
  await camera?.stop();
  await viewer?.stop();
  await launcher?.stop();
  leave();
});

const variants = async (channel) => {
  const r = await fetch(`${launcher.url}/hls/${channel}/index.m3u8`);
  return r.ok ? parseMultivariant(await r.text()) : null;
};

test('hls.js switches between a publisher’s renditions', { skip, timeout: 300000 }, async (t) => {
  const publisher = await publish(camera, launcher, 'r', { size: '640x360', fps: '15', videoKbps: '500' });
  /* In a channel's first seconds the publisher may answer no request for a key frame: what is passed through then has
   * segments without one, which no player can switch to. */
  const channel = await launcher.untilChannel('r', 'has steady segments', 40000, (c) => c.segments >= 12);
  t.diagnostic(JSON.stringify(channel.renditions));
  assert.deepEqual(channel.renditions.map((r) => r.name), ['passthrough', '320x180-250000', '160x90-80000']);
  const list = await until('three variants', 15000, async () => { const v = await variants('r'); return v?.length === 3 && v; });
  t.diagnostic(list.map((v) => `${v.uri} ${v.RESOLUTION} ${v['FRAME-RATE']} ${v.CODECS} ${v.BANDWIDTH}`).join('; '));

  const player = await watch(viewer, launcher, 'r');
  const levels = await until('three renditions to choose from', 5000, async () => { const s = await shown(player); return s.renditions.length === 3 && s.renditions; });
  /* hls.js sorts them by bitrate */
  const heights = levels.map((l) => l.height);
  for (const wanted of [heights.length - 1, 0, 1]) {
    await player.selectOption('#quality', String(wanted));
    await until(`${heights[wanted]} lines`, 12000, () => player.evaluate((h) => document.getElementById('video').videoHeight === h, heights[wanted]));
  }
  await player.selectOption('#quality', '-1');
  /* one that is dropped: its playlist is gone, and another is taken */
  const rendition = await until('the best rendition', 12000, async () => { const s = await shown(player); return s.rendition === heights.length - 1 && s.rendition; });
  const gone = list.find((v) => v.RESOLUTION.endsWith(`x${heights[rendition]}`));
  await player.route(`**/${gone.uri}`, (route) => route.fulfill({ status: 404, body: '' }));
  await until('another rendition', 12000, async () => { const s = await shown(player); return s.rendition !== rendition && s.rendition >= 0; });
  await player.unroute(`**/${gone.uri}`);
  const seen = sumUp(await record(player, 4));
  await screenshot(player, 'watch-renditions');
  t.diagnostic(JSON.stringify({ ...seen, heights }));
  /* Two cores encode four times and decode twice: the player may run dry for a moment, and says so. */
  const errors = seen.errors.filter((e) => !/^buffer(StalledError|SeekOverHole|NudgeOnStall)/.test(e));
  assert.deepEqual(errors.filter((e) => e !== 'levelLoadError (HTTP 404)'), []);
  assert.ok(errors.length >= 1, 'the rendition that is gone was not missed');
  assert.equal(seen.starts, 1, 'the player had to be started again');
  assert.equal(seen.backwards, 0);
  assert.ok(seen.played > 2, `${seen.played} s were played in ${seen.seconds}`);

  /* the same cuts and discontinuities in all */
  const all = await Promise.all(list.map((v) => fetchPlaylist(`${launcher.url}/hls/r/${v.uri}`)));
  for (const l of all.slice(1)) {
    let compared = 0;
    for (const s of l.segments) {
      const other = all[0].segments.find((o) => o.sequence === s.sequence);
      if (!other)
        continue;
      compared++;
      assert.ok(Math.abs(s.date - other.date) <= 100, `segment ${s.sequence}: ${s.date - other.date} ms apart`);
      assert.equal(s.discontinuity, other.discontinuity, `segment ${s.sequence}`);
    }
    assert.ok(compared >= 4, `${compared} segments in common`);
  }
  await Promise.all([player, publisher].map((p) => p.context().close()));
});

test('sound alone is one variant', { skip, timeout: 180000 }, async () => {
  const publisher = await publish(camera, launcher, 's', { picture: '0' });
  const [only, ...more] = await until('a variant', 20000, () => variants('s'));
  assert.deepEqual(more, []);
  assert.equal(only.CODECS, 'mp4a.40.34');
  assert.equal(only.RESOLUTION, undefined);
  const player = await watch(viewer, launcher, 's');
  const seen = sumUp(await record(player, 3));
  assert.ok(seen.loudest > 0.1 && seen.played > 2.5, JSON.stringify(seen));
  await Promise.all([player, publisher].map((p) => p.context().close()));
  await sleep(100);
  assert.deepEqual([...camera.messages, ...viewer.messages], []);
});
