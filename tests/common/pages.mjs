/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the tests do with the launcher's own pages: publish, watch, and look closely at what is played. */

import { until } from './launcher.mjs';
import { ProcessorWaits } from './waits.mjs';

export const shown = (page) => page.evaluate(() => ({ ...globalThis.lockstep }));

/* Pages that are open: a test that fails must not leave them playing beside the next one. */
const opened = new Set();
async function open(browser, url, options) {
  const page = await browser.page(url, options);
  opened.add(page);
  page.once('close', () => opened.delete(page));
  return page;
}
export const closeAll = () => Promise.all([...opened].map((page) => page.context().close().catch(() => {})));

async function untilState(page, states, limit) {
  let seen;
  try {
    return await until(`${page.url()} is ${states.join(' or ')}`, limit, async () => {
      seen = await shown(page);
      return states.includes(seen.state) ? seen : null;
    });
  } catch (e) {
    throw new Error(`${e.message}; it is ${seen?.state}: ${seen?.reason} ${JSON.stringify(seen?.errors)}`);
  }
}

/** Opens the publish page and waits until it is live. query: what the page takes in its address.
 * before: called with the page before it is loaded. */
export async function publish(browser, launcher, channel, query = {}, before = null) {
  const words = new URLSearchParams({ source: 'test', size: '640x360', fps: '15', autostart: '1', ...query });
  const page = await open(browser, `${launcher.url}/publish/${channel}?${words}`, { before });
  await untilState(page, ['live'], 20000);
  return page;
}

export const publisherState = untilState;

/** Opens the watch page and waits until it plays. */
export async function watch(browser, launcher, channel, player = 'hls.js', limit = 25000) {
  const page = await open(browser, `${launcher.url}/watch/${channel}?player=${player}`);
  await untilState(page, ['playing'], limit);
  return page;
}

/** Looks at a watch page's player for so many seconds, from within, so that the way to it costs nothing.
 * Returns { samples: [{ at, time, code, hash, rms }], frames: [{ at, code }], before, after }: at is Date.now (),
 * time the player's currentTime in s, code the time read from the picture in ms or null, hash a hash of the picture
 * shrunk, rms the sound's level over the last 43 ms (0 to 1), frames each frame that was presented. paused: s that a thread
 * of this process, the launchers and the browsers waited for a processor, at most. */
export async function record(page, seconds) {
  const waits = new ProcessorWaits({ all: process.pid });
  const recorded = await page.evaluate(async (seconds) => {
    const { readTime } = await import('/assets/testpattern.js');
    const video = document.getElementById('video');
    const canvas = new OffscreenCanvas(260, 144);
    const context = canvas.getContext('2d', { willReadFrequently: true });
    /* An element's sound can be tapped once only: kept for the next recording. */
    if (!globalThis.tap) {
      const audio = new AudioContext();
      await audio.resume();
      const analyser = new AnalyserNode(audio, { fftSize: 2048 });
      /* of a WebRTC stream the element's own output cannot be tapped */
      if (video.srcObject)
        audio.createMediaStreamSource(video.srcObject).connect(analyser);
      else
        audio.createMediaElementSource(video).connect(analyser).connect(audio.destination);
      globalThis.tap = { audio, analyser };
    }
    const wave = new Float32Array(2048);
    const read = () => {
      if (!video.videoWidth)
        return { code: null, hash: 0 };
      context.drawImage(video, 0, 0, 260, 144);
      const data = context.getImageData(0, 0, 260, 144).data;
      let hash = 2166136261;
      for (let i = 0; i < data.length; i += 4 * 3)
        hash = Math.imul(hash ^ (data[i] >> 3) ^ (data[i + 1] & 0xf8), 16777619) >>> 0;
      return { code: readTime(context, 260, 144), hash };
    };
    const before = { ...globalThis.lockstep };
    const frames = [];
    let on = true;
    const frame = (now, data) => {
      frames.push({ at: Date.now(), time: data.mediaTime });
      if (on)
        video.requestVideoFrameCallback(frame);
    };
    video.requestVideoFrameCallback(frame);
    const samples = [];
    const start = performance.now();
    for (let n = 1; performance.now() - start < seconds * 1000; n++) {
      globalThis.tap.analyser.getFloatTimeDomainData(wave);
      samples.push({ at: Date.now(), time: video.currentTime, ...read(), rms: Math.sqrt(wave.reduce((sum, x) => sum + x * x, 0) / wave.length) });
      await new Promise((r) => setTimeout(r, Math.max(0, start + n * 50 - performance.now())));
    }
    on = false;
    return { samples, frames, before, after: { ...globalThis.lockstep } };
  }, seconds);
  return { ...recorded, paused: waits.stop().all / 1000 };
}

/** Sums up a recording: seconds of wall clock and of playback, the longest standstill, how many samples in a row
 * differ, the loudest sound, and how old the pictures are. */
export function sumUp({ samples, frames, before, after, paused }) {
  const first = samples[0];
  const last = samples[samples.length - 1];
  let still = 0;
  let stillSince = first.at;
  let changes = 0;
  let backwards = 0;
  for (let i = 1; i < samples.length; i++) {
    if (samples[i].time !== samples[i - 1].time)
      stillSince = samples[i].at;
    still = Math.max(still, samples[i].at - stillSince);
    if (samples[i].hash !== samples[i - 1].hash)
      changes++;
    if (samples[i].time < samples[i - 1].time)
      backwards++;
  }
  const coded = samples.filter((s) => s.code !== null);
  let codeBackwards = 0;
  for (let i = 1; i < coded.length; i++) {
    if (coded[i].code < coded[i - 1].code)
      codeBackwards++;
  }
  const ages = coded.map((s) => (s.at - s.code) / 1000).sort((a, b) => a - b);
  const at = (q) => (ages.length ? ages[Math.min(ages.length - 1, Math.floor(q * ages.length))] : NaN);
  return {
    seconds: (last.at - first.at) / 1000,
    played: last.time - first.time,
    paused,
    longestStill: still / 1000,
    backwards,
    samples: samples.length,
    changes,
    coded: coded.length,
    codeBackwards,
    age: { p50: at(0.5), p95: at(0.95) },
    loudest: Math.max(...samples.map((s) => s.rms)),
    quietest: Math.min(...samples.map((s) => s.rms)),
    presented: frames.length,
    stalls: after.stalls - before.stalls,
    errors: [...after.errors, ...after.warnings],
    newErrors: [...after.errors.slice(before.errors.length), ...after.warnings.slice(before.warnings.length)],
    starts: after.starts,
  };
}
