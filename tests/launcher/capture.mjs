/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* yuy2convert's example lines: examples/capture.sh, and those of the element's documentation.
 * What needs a card is run up to the card: the one thing that fails is that it is not there. */

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import test from 'node:test';
import { sourceRoot, temporaryFolder } from '../common/launcher.mjs';

const folder = temporaryFolder('capture');
const env = { ...process.env, GST_REGISTRY_1_0: path.join(folder, 'registry.bin') };
test.after(() => fs.rmSync(folder, { recursive: true, force: true }));

const run = (program, words, more = {}) =>
  spawnSync(program, words, { env: { ...env, ...more }, encoding: 'utf8', timeout: 180000, cwd: folder });
// not the newest GStreamer's elements alone, as --exists has it by itself
const has = (element) => run('gst-inspect-1.0', ['--exists', '--atleast-version=0.0', element]).status === 0;
const hasElement = has('yuy2convert');
const skip = !hasElement && 'built without yuy2convert (libyuv)';
const script = path.join(sourceRoot, 'examples', 'capture.sh');

// DeckLink's source says it in the log alone
const missing = {
  v4l2src: /from element \/GstPipeline:pipeline0\/GstV4l2Src.*Cannot identify device '\/dev\/video77'/,
  decklinkvideosrc: /<decklinkvideosrc0> Failed to acquire input/,
};

/** Runs a line that fails: every link is made and every element starts, except the source, which finds no card. */
function assertOnlyTheCardIsMissing(program, words, source) {
  const result = run(program, words, { GST_DEBUG: 'decklinkvideosrc:1', GST_DEBUG_NO_COLOR: '1' });
  assert.notEqual(result.status, 0);
  assert.doesNotMatch(result.stderr, /erroneous pipeline|could not link|no element/);
  assert.match(result.stderr, missing[source]);
}

test('the test source is recorded', { skip }, () => {
  const file = path.join(folder, 'test.mkv');
  const result = run(script, ['test', file], { SIZE: '320x240', FPS: '10' });

  assert.equal(result.status, 0, result.stderr);
  const back = run('gst-launch-1.0', ['filesrc', `location=${file}`, '!', 'matroskademux', '!',
    'h264parse', '!', 'avdec_h264', '!', 'identity', 'name=i', 'silent=false', '!', 'fakesink', '-v']);
  // the card's encoders write H.265 first
  if (!/nvcudah265enc|nvh265enc/.test(result.stderr)) {
    assert.equal(back.status, 0, back.stderr);
    assert.equal((back.stdout.match(/chain .*identity|chain   \*+/g) ?? []).length, 100);
  }
});

test('a V4L2 card that is not there', { skip: skip || (fs.existsSync('/dev/video77') && 'there is a /dev/video77') }, () => {
  assertOnlyTheCardIsMissing(script, ['v4l2', 'x.mkv', '/dev/video77'], 'v4l2src');
});

test('a DeckLink card that is not there', { skip: skip || (!has('decklinkvideosrc') && 'no decklinkvideosrc') }, () => {
  assertOnlyTheCardIsMissing(script, ['decklink', 'x.mkv', '77'], 'decklinkvideosrc');
});

test('other words get the usage', () => {
  const result = run(script, ['tape']);

  assert.equal(result.status, 64);
  assert.match(result.stderr, /capture\.sh v4l2/);
});

test("the documentation's lines", { skip }, () => {
  const text = fs.readFileSync(path.join(sourceRoot, 'plugins/yuy2convert/gstyuy2convert.c'), 'utf8');
  const lines = [...text.matchAll(/^ \* gst-launch-1\.0 (.*)$/gm)].map((m) => m[1]);

  assert.equal(lines.length, 3);
  for (let line of lines) {
    if (!has('nvcudah264enc'))
      line = line.replace('nvcudah264enc', 'x264enc');
    const source = line.split(' ')[0];
    if (!has(source))
      continue;
    line = line.replace('/dev/video0', '/dev/video77').replace('decklinkvideosrc', 'decklinkvideosrc device-number=77');
    if (missing[source]) {
      assertOnlyTheCardIsMissing('gst-launch-1.0', line.split(' '), source);
      continue;
    }
    const result = run('gst-launch-1.0', line.split(' '));
    assert.equal(result.status, 0, result.stderr);
  }
});
