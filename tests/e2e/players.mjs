/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* hls.js and shaka-player play what hlsalignsink writes for a minute, side by side and without an error event. Half of
 * the way the server goes over from one instance of two with epoch-lock to the other: the players must not notice. */

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import fs from 'node:fs';
import http from 'node:http';
import path from 'node:path';
import { after, test } from 'node:test';
import { Browser, whyNoBrowser } from '../common/browser.mjs';
import { buildRoot, leave, sourceRoot, temporaryFolder, until } from '../common/launcher.mjs';

const SECONDS = 60;
const hlsJs = path.join(sourceRoot, 'tools/lockstep/web/node_modules/hls.js/dist/hls.min.js');
const shaka = path.join(sourceRoot, 'tests/e2e/node_modules/shaka-player/dist/shaka-player.compiled.js');
const skip = whyNoBrowser() || (fs.existsSync(hlsJs) && fs.existsSync(shaka) ? false : 'hls.js or shaka-player is missing: run tools/install test');

const html = `<!doctype html><meta charset="utf-8"><title>players</title>
<script src="/hls.js"></script><script src="/shaka.js"></script>
<video id="hls" muted width="160"></video><video id="shaka" muted width="160"></video>
<script>
const seen = globalThis.seen = {};
for (const name of ['hls', 'shaka']) {
  const video = document.getElementById(name);
  const one = seen[name] = { errors: [], waits: 0, longestStill: 0, playing: false, time: 0 };
  let last = 0;
  let since = performance.now();
  video.addEventListener('playing', () => { one.playing = true; since = performance.now(); });
  video.addEventListener('waiting', () => { if (one.playing) one.waits++; });
  video.addEventListener('error', () => one.errors.push('media: ' + video.error?.message));
  setInterval(() => {
    const now = performance.now();
    one.time = video.currentTime;
    one.size = video.videoWidth;
    if (video.currentTime !== last) since = now;
    else if (one.playing) one.longestStill = Math.max(one.longestStill, (now - since) / 1000);
    last = video.currentTime;
  }, 50);
}
const a = new Hls();
a.on(Hls.Events.ERROR, (event, data) => seen.hls.errors.push(data.type + ': ' + data.details + ' ' + (data.error?.message ?? '')));
a.loadSource('/live/index.m3u8');
a.attachMedia(document.getElementById('hls'));
a.on(Hls.Events.MANIFEST_PARSED, () => document.getElementById('hls').play());
shaka.polyfill.installAll();
const b = new shaka.Player();
b.addEventListener('error', (e) => seen.shaka.errors.push('code ' + e.detail.code + ' ' + e.detail.data));
b.attach(document.getElementById('shaka')).then(() => b.load('/live/index.m3u8')).then(() => document.getElementById('shaka').play())
  .catch((e) => seen.shaka.errors.push('load: code ' + e.code + ' ' + e.data));
</script>`;

const stop = [];
after(async () => {
  for (const end of stop.reverse())
    await end();
  leave();
});

test('hls.js and shaka-player play for a minute, and over a change of instance', { skip, timeout: 540000 }, async (t) => {
  const folder = temporaryFolder('players');
  stop.push(() => fs.rmSync(folder, { recursive: true, force: true }));
  const folders = ['a', 'b'].map((name) => path.join(folder, name));
  for (const name of folders)
    fs.mkdirSync(name);
  const source = spawn(path.join(buildRoot, 'tests/e2e/epoch-pair'), [...folders, String(SECONDS + 60)], {
    stdio: ['pipe', 'inherit', 'inherit'],
    env: { ...process.env, GST_PLUGIN_PATH_1_0: path.join(buildRoot, 'plugins'), GST_REGISTRY_1_0: path.join(folder, 'registry.bin') },
  });
  /* on a slow machine it may end first */
  const ended = new Promise((resolve) => { source.once('exit', resolve); });
  source.stdin.on('error', () => {});
  stop.push(() => { source.stdin.end(); return ended; });

  let from = 0;
  let changed = 0;
  const missing = [];
  const server = http.createServer((request, response) => {
    const at = new URL(request.url, 'http://x').pathname;
    if (at === '/') {
      response.setHeader('Content-Type', 'text/html');
      response.end(html);
      return;
    }
    const file = at === '/hls.js' ? hlsJs : at === '/shaka.js' ? shaka : path.join(folders[from], path.basename(at));
    response.setHeader('Content-Type', { '.m3u8': 'application/vnd.apple.mpegurl', '.ts': 'video/mp2t', '.js': 'text/javascript' }[path.extname(file)] ?? 'text/plain');
    response.setHeader('Cache-Control', 'no-store');
    fs.readFile(file, (error, data) => {
      if (error && at.startsWith('/live/'))
        missing.push(at);
      response.statusCode = error ? 404 : 200;
      response.end(data);
    });
  });
  await new Promise((resolve) => { server.listen(0, '127.0.0.1', resolve); });
  stop.push(() => { server.closeAllConnections(); server.close(); });
  const list = (index) => fs.readFileSync(path.join(folders[index], 'index.m3u8'), 'utf8');
  await until('both instances write', 30000, () => folders.every((name, i) => fs.existsSync(path.join(name, 'index.m3u8')) && list(i).match(/^s\d+\.ts$/gm)?.length >= 7));

  const browser = await Browser.start();
  stop.push(() => browser.stop());
  const page = await browser.page(`http://127.0.0.1:${server.address().port}/`);
  const look = () => page.evaluate(() => structuredClone(globalThis.seen));
  await until('both play', 20000, async () => Object.values(await look()).every((one) => one.playing && one.time > 0));
  const begin = await look();
  const start = performance.now();
  while (performance.now() - start < SECONDS * 1000) {
    await new Promise((resolve) => { setTimeout(resolve, 500); });
    if (from === 0 && performance.now() - start > SECONDS * 500) {
      /* what both have listed is the same file, byte for byte */
      const common = list(0).match(/^s\d+\.ts$/gm).filter((name) => list(1).includes(name));
      assert.ok(common.length >= 5, `${common.length} segments are in both lists`);
      for (const name of common)
        assert.ok(fs.readFileSync(path.join(folders[0], name)).equals(fs.readFileSync(path.join(folders[1], name))), `${name} differs`);
      from = 1;
      changed = performance.now() - start;
    }
  }
  const wall = (performance.now() - start) / 1000;
  const end = await look();
  assert.ok(changed > 0);
  assert.deepEqual(missing, []);
  assert.deepEqual(browser.messages, []);
  for (const name of ['hls', 'shaka']) {
    const played = end[name].time - begin[name].time;
    t.diagnostic(`${name}: ${played.toFixed(2)} s in ${wall.toFixed(2)} s, ${end[name].waits} waits, longest still ${end[name].longestStill.toFixed(2)} s`);
    assert.deepEqual(end[name].errors, [], `${name} reports errors`);
    assert.equal(end[name].size, 160);
    assert.equal(end[name].waits, 0, `${name} stalled`);
    assert.ok(end[name].longestStill < 1, `${name} stood still for ${end[name].longestStill} s`);
    /* a live player may play up to 8 % faster to come closer to the live edge */
    assert.ok(played > 0.94 * wall && played < 1.1 * wall, `${name} played ${played} s in ${wall} s`);
  }
});
