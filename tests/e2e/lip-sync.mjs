/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Sound and picture of a real browser in the finished HLS: a flash and a beep of the same instant, each second, measured
 * against when the browser says it captured them. With abs-capture-time, with sender reports alone, with neither; over a
 * line that jitters and loses packets; with a picture that begins 150 ms late; as MP3 and as AAC. */

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { Browser, whyNoBrowser } from '../common/browser.mjs';
import { leave } from '../common/launcher.mjs';
import { measureAll, sumUp } from '../common/lip-sync.mjs';

const skip = whyNoBrowser() || false;
const SECONDS = 24;
const lossy = { loss: 0.02, delay: 20, jitter: 8, seed: 7 };
const late = { videoStart: 150 };

/* source: where the offset must come from at the end. */
const cases = {
  capture: { source: 'abs-capture-time', relay: null },
  'capture-aac': { source: 'abs-capture-time', relay: null, words: ['audio-codec=aac'] },
  reports: { source: 'sender-reports', relay: null },
  arrivals: { source: 'arrival-times', relay: null },
  'capture-late': { source: 'abs-capture-time', relay: late },
  'arrivals-late': { source: 'arrival-times', relay: late },
  'capture-lossy': { source: 'abs-capture-time', relay: lossy },
  'arrivals-lossy': { source: 'arrival-times', relay: lossy },
};
let browser;
let results;

before(async () => {
  if (skip)
    return;
  browser = await Browser.start();
  for (const c of Object.values(cases))
    Object.assign(c, { preset: 'ours', words: [`sync-source=${c.source}`, ...(c.words ?? [])] });
  results = await measureAll(browser, cases, SECONDS);
});

after(async () => {
  await browser?.stop();
  leave();
});

for (const [name, { source, relay }] of Object.entries(cases)) {
  test(`${name}: sound and picture stay together`, { skip }, (t) => {
    const { seconds, holes, channel, metrics } = results[name];
    /* With arrival times alone, a picture that began late is still being moved at the first flash. */
    const settled = source === 'arrival-times' && relay === late ? seconds.slice(1) : seconds;
    const error = sumUp(settled.map((s) => s.error));
    t.diagnostic(`${Object.entries(error).map(([k, v]) => `${k} ${v.toFixed(1)}`).join(', ')} ms; each second: ${seconds.map((s) => s.error.toFixed(1)).join(' ')}`);
    /* a busy encoder leaves pictures out, now and then the flash */
    assert.ok(error.n > SECONDS / 2, `flash and beep were found in ${error.n} seconds only`);
    if (relay === lossy)
      assert.ok(channel.audio.not_recovered > 3, `only ${channel.audio.not_recovered} packets of sound were lost`);
    /* What is lost is concealed, and stays on the grid. */
    assert.deepEqual(holes.map((ms) => ms.toFixed(1)), [], 'the sound has holes, in ms');
    if (source === 'arrival-times') {
      assert.ok(Math.abs(error.mean) <= 15, `the mean error is ${error.mean} ms`);
      assert.ok(error.spread <= 10, `the error is ${error.spread} ms from its mean`);
    } else {
      assert.ok(Math.abs(error.mean) <= 5, `the mean error is ${error.mean} ms`);
      assert.ok(error.p95 <= 15, `the error is ${error.p95} ms`);
    }
    assert.equal(channel.av.source, source);
    assert.ok(Math.abs(channel.av_offset_ms) < 15, `the server itself says ${channel.av_offset_ms} ms`);
    assert.equal(channel.av.steps, 0);
    assert.match(metrics, new RegExp(`^lockstep_av_offset_seconds\\{channel="${name}"\\} -?0\\.0`, 'm'));
    assert.match(metrics, new RegExp(`^lockstep_av_source\\{channel="${name}",source="${source}"\\} 1$`, 'm'));
  });
}
