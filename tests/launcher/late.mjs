/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Sound or a picture that a sender begins later: it is taken up in the running session, after a discontinuity. What is there is
 * not kept waiting for it. */

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import test from 'node:test';
import { buildRoot, Launcher, temporaryFolder } from '../common/launcher.mjs';
import { fetchPlaylist } from '../common/playlist.mjs';
import { PICTURE, serveFlv, SOUND } from '../common/rtmp.mjs';
import { freeUdpPort, makeFile, sender } from '../common/senders.mjs';

const folder = temporaryFolder('late');
test.after(() => fs.rmSync(folder, { recursive: true, force: true }));
const noFfmpeg = spawnSync('ffmpeg', ['-version']).status === 0 ? false : 'there is no ffmpeg';

/** What a segment's table of streams has: by ffprobe. */
function kinds(file) {
  const r = spawnSync('ffprobe', ['-v', 'error', '-show_entries', 'stream=codec_type', '-of', 'csv=p=0', file], { encoding: 'utf8' });
  assert.equal(r.status, 0, r.stderr);
  return [...new Set(r.stdout.trim().split(/\s+/))].sort().join(' ');
}

/** Runs a preset until its channel has both kinds of media, three segments after the change. */
async function takesUp(preset, words, first, log) {
  const server = await Launcher.start(preset, ['channel=late', 'playlist-length=60', ...words]);
  try {
    const alone = await server.untilChannel('late', `segments of ${first} alone`, 20000, (c) => c.segments >= 1);
    await server.untilChannel('late', 'both', 30000, (c) => c.audio && c.video);
    const at = (await fetchPlaylist(`${server.url}${alone.hls}`)).segments.length;
    await server.untilChannel('late', 'segments of both', 20000, (c) => c.segments >= at + 3);
    const { segments } = await fetchPlaylist(`${server.url}${alone.hls}`);
    const has = segments.map((s) => kinds(path.join(server.output, 'late', path.basename(s.uri))));
    assert.equal(has[0], first, has.join(', '));
    assert.equal(has.at(-1), 'audio video', has.join(', '));
    assert.ok(segments[has.indexOf('audio video')].discontinuity, has.join(', '));
    assert.doesNotMatch(server.log, /starting again|Delayed linking|CRITICAL|WARNING \*\*/);
    const check = spawnSync(path.join(buildRoot, 'tools/lockstep/lockstep'), ['hls-check', path.join(server.output, 'late')], { encoding: 'utf8' });
    assert.equal(check.status, 0, check.stdout + check.stderr);
  } catch (e) {
    throw new Error(`${e.message}\n${log()}\n${server.tail()}`, { cause: e });
  } finally {
    const how = await server.stop();
    assert.equal(how.code, 0, how.log);
  }
}

/* Where the stream says nothing of itself, 2 s are waited for the other kind; where it says it has both, 6 s. */
for (const [what, late, first, from, metadata] of [['sound', SOUND, 'video', 6000, false], ['sound that was announced', SOUND, 'video', 9000, true], ['a picture', PICTURE, 'audio', 6000, false]]) {
  test(`rtmp-to-hls: ${what} later`, { skip: noFfmpeg }, async () => {
    const file = path.join(folder, 'both.flv');
    if (!fs.existsSync(file))
      await makeFile(file, 60, 'flv');
    const server = await serveFlv(file, { late, from, metadata });
    try {
      await takesUp('rtmp-to-hls', [`uri=${server.uri}`], first, () => '');
    } finally {
      await server.stop();
    }
  });
}

test('srt-to-hls: sound later, by a new table of streams', { skip: noFfmpeg }, async () => {
  const port = await freeUdpPort();
  const [one, two] = ['one', 'two'].map((n) => path.join(folder, `${n}.ts`));
  await makeFile(one, 6, 'mpegts', { media: 'video' });
  await makeFile(two, 60, 'mpegts', { from: 6, more: '-tables_version 1' });
  fs.appendFileSync(one, fs.readFileSync(two));
  const sending = sender('gst-launch-1.0', ['-q', 'filesrc', `location=${one}`, '!', 'tsparse', 'set-timestamps=true', 'alignment=7', '!', 'srtsink',
    `uri=srt://127.0.0.1:${port}?mode=listener`, 'wait-for-connection=true']);
  try {
    await takesUp('srt-to-hls', [`uri=srt://127.0.0.1:${port}?mode=caller`], 'video', sending.log);
  } finally {
    await sending.stop();
  }
});
