/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* How far sound and picture are apart in a finished HLS, second by second, against what the browser itself said of when
 * it captured them.
 *
 * A page flashes white and beeps at each full second (TestSource), and sends that to any number of channels at once. The
 * pipelines are the shipped preset, or GStreamer's stock elements, each with a tap: what it has of each stream in RTP is
 * kept with its timestamps. From the HLS come the times of flash and beep. In the tap the same picture and the same beep
 * have RTP timestamps, and the abs-capture-time extension tells when the browser captured them. The error is how much
 * more the HLS has them apart than the capture times. */

import { execFile } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { promisify } from 'node:util';
import { Launcher, sleep, sourceRoot, temporaryFolder } from './launcher.mjs';
import { UdpRelay } from './udp-relay.mjs';

const run = promisify(execFile);
const CAPTURE_TIME = 'http://www.webrtc.org/experiments/rtp-hdrext/abs-capture-time';
/* The test source's tone, and the rate that sound is looked at with. */
const TONE = 1000;
const RATE = 48000;

/* Writes presets with taps into a folder: `ours`, which is webrtc-to-hls, and `stock` and `stock-arrivals`,
 * GStreamer's own way with sender reports and without. The taps are
 * CHANNEL-audio.gdp and CHANNEL-video.gdp beside the channel's folder. Returns the folder. */
function writePresets(folder) {
  const ours = JSON.parse(fs.readFileSync(path.join(sourceRoot, 'pipelines', 'webrtc-to-hls.json')));
  const tap = (kind) => `tee name=${kind}tap  ${kind}tap. ! queue ! gdppay ! multifilesink next-file=max-size name=${kind}file  ${kind}tap. !`;
  const files = {
    'audiofile.location': '{output}/{channel}-audio.gdp',
    'videofile.location': '{output}/{channel}-video.gdp',
  };
  const lines = ours.pipeline.map((line) => (typeof line !== 'string' ? line
    : line.replace('av.src_0 !', `av.src_0 ! ${tap('audio')}`).replace('av.src_1 !', `av.src_1 ! ${tap('video')}`)));
  const taps = lines.filter((line) => typeof line === 'string' && line.includes('gdppay')).length;
  if (taps !== 2)
    throw new Error('webrtc-to-hls has changed: its lines after avresync are not found');
  fs.writeFileSync(path.join(folder, 'ours.json'), JSON.stringify({ ...ours, pipeline: lines, properties: { ...ours.properties, ...files } }));
  const { listen, output, latency } = ours.parameters;
  const stock = (webrtcbin) => JSON.stringify({
    summary: 'As ours, of GStreamer 1.22’s own elements',
    parameters: { listen, output, latency },
    pipeline: [
      webrtcbin,
      'tee name=audiotap  audiotap. ! queue ! gdppay ! multifilesink next-file=max-size name=audiofile  audiotap. ! rtpopusdepay ! opusdec ! audioconvert',
      '  ! audioresample ! audio/x-raw,rate=48000,channels=2 ! lamemp3enc target=bitrate cbr=true ! mpegaudioparse ! mux.',
      'tee name=videotap  videotap. ! queue ! gdppay ! multifilesink next-file=max-size name=videofile  videotap. ! rtph264depay',
      '  ! video/x-h264,stream-format=byte-stream,alignment=au ! h264parse config-interval=-1 ! video/x-h264,stream-format=byte-stream,alignment=au ! mux.',
      /* what hlssink2 is made of; its splitter waits for key frames that a browser sends too early or not at all */
      'mpegtsmux name=mux ! multifilesink next-file=max-size name=hls',
    ],
    properties: {
      ...files,
      'hls.location': '{output}/{channel}-segment-0.ts',
      'webrtc.latency': '{latency}',
    },
    signalling: {
      element: 'webrtc', protocol: 'whip',
      audio: { encodings: ['OPUS'], element: 'audiotap' },
      video: { encodings: ['H264'], element: 'videotap' },
    },
  });
  const webrtcbin = 'webrtcbin name=webrtc bundle-policy=max-bundle';
  fs.writeFileSync(path.join(folder, 'stock.json'), stock(webrtcbin));
  fs.writeFileSync(path.join(folder, 'stock-arrivals.json'), stock(`${webrtcbin} rtpbin::max-ts-offset=1`));
  return folder;
}

/* In a page of the launcher's: makes one test source and publishes it to each endpoint. Returns the answers when all are
 * live. */
function publishTo(page, endpoints, { width = 320, height = 180, fps = 30, kbps = 300 } = {}) {
  return page.evaluate(async ({ endpoints, width, height, fps, kbps }) => {
    const { TestSource } = await import('/assets/testpattern.js');
    const { WhipClient } = await import('/assets/whip.js');
    const source = new TestSource({ width, height, fps });
    const clients = globalThis.clients = [];
    for (const endpoint of endpoints) {
      const client = new WhipClient(endpoint);
      await client.publish(source.stream, { video: { maxBitrate: kbps * 1000, maxFramerate: fps } });
      clients.push(client);
    }
    return clients.map((client) => client.answer);
  }, { endpoints, width, height, fps, kbps });
}

const stopPublishing = (page) => page.evaluate(() => Promise.all(globalThis.clients.map((client) => client.stop())));

/* ---- The taps ---- */

/** Buffers of a GStreamer Data Protocol 1.0 file: { pts in s or NaN, data }. */
export function* gdpBuffers(file) {
  for (let at = 0; at + 62 <= file.length;) {
    const type = file.readUInt16BE(at + 4);
    const length = file.readUInt32BE(at + 6);
    if (type === 1) {
      const pts = file.readBigUInt64BE(at + 10);
      yield { pts: pts === 0xffffffffffffffffn ? NaN : Number(pts) / 1e9, data: file.subarray(at + 62, at + 62 + length) };
    }
    at += 62 + length;
  }
}

/* An RTP packet: { seq, timestamp, capture: seconds of NTP time or null }. */
function readRtp(data, captureId) {
  const packet = { seq: data.readUInt16BE(2), timestamp: data.readUInt32BE(4), capture: null };
  if (!(data[0] & 0x10))
    return packet;
  let at = 12 + 4 * (data[0] & 15);
  const twoByte = data.readUInt16BE(at) !== 0xbede;
  const end = at + 4 + 4 * data.readUInt16BE(at + 2);
  for (at += 4; at < end;) {
    if (data[at] === 0) {
      at++;
      continue;
    }
    const id = twoByte ? data[at] : data[at] >> 4;
    const length = twoByte ? data[at + 1] : (data[at] & 15) + 1;
    at += twoByte ? 2 : 1;
    if (id === captureId && length >= 8)
      packet.capture = data.readUInt32BE(at) + data.readUInt32BE(at + 4) / 2 ** 32;
    at += length;
  }
  return packet;
}

/** What is known of a stream: packets [{ pts, media, seq }], media being RTP time from the first packet on in s, and
 * capturedAt (media): seconds on the browser's clock, by a line through the capture times it sent. */
function readTap(file, kind, answer) {
  const section = answer.split(/^(?=m=)/m).find((m) => m.startsWith(`m=${kind}`));
  const id = Number(section?.match(new RegExp(`^a=extmap:(\\d+)\\S* ${CAPTURE_TIME}`, 'm'))?.[1]);
  const rate = kind === 'audio' ? 48000 : 90000;
  const packets = [];
  const claims = [];
  let high = null;
  let first = 0;
  for (const { pts, data } of gdpBuffers(fs.readFileSync(file))) {
    const { seq, timestamp, capture } = readRtp(data, id);
    high = high === null ? timestamp : high + ((timestamp - high) | 0);
    if (!packets.length)
      first = high;
    const media = (high - first) / rate;
    packets.push({ pts, media, seq });
    if (capture !== null)
      claims.push({ media, offset: capture - media });
  }
  if (claims.length < 2)
    throw new Error(`${file}: ${claims.length} capture times among ${packets.length} packets`);
  /* The capture times of Chromium's sound are a saw-tooth of 10 ms in some 5 s, sent where it changes: each claim counts
   * for as long as it stands. A slope over less than half a minute would be that of the teeth. */
  const held = [];
  for (let at = claims[0].media, i = 0; at <= packets.at(-1).media; at += 0.05) {
    while (i + 1 < claims.length && claims[i + 1].media <= at)
      i++;
    held.push({ at, offset: claims[i].offset });
  }
  const mean = (of) => held.reduce((sum, h) => sum + of(h), 0) / held.length;
  const middle = mean((h) => h.at);
  const offset = mean((h) => h.offset);
  const slope = held.length < 30 / 0.05 ? 0
    : mean((h) => (h.at - middle) * (h.offset - offset)) / mean((h) => (h.at - middle) ** 2);
  return { packets, capturedAt: (media) => media + offset + slope * (media - middle) };
}

/* ---- The HLS ---- */

/* Every picture: { pts, luma: mean of the middle of the picture }. */
async function readPictures(file) {
  const w = 16;
  const h = 18;
  const { stdout, stderr } = await run('ffmpeg', ['-hide_banner', '-nostats', '-copyts', '-i', file, '-map', '0:v',
    '-vf', `scale=${w}:${h}:flags=area,format=gray,showinfo`, '-fps_mode', 'passthrough', '-f', 'rawvideo', '-'],
  { encoding: 'buffer', maxBuffer: 1 << 28 });
  const times = [...stderr.toString().matchAll(/ n: *\d+ pts: *(\d+) pts_time:/g)].map((m) => Number(m[1]) / 90000);
  return times.map((pts, i) => {
    /* Between the time code at the top and the colours at the foot. */
    const rows = stdout.subarray(i * w * h + w * 4, i * w * h + w * 13);
    return { pts, luma: rows.reduce((sum, x) => sum + x, 0) / rows.length };
  });
}

/** The sound, one channel, decoded: [{ pts, samples }], one for each stretch without a hole. */
export async function readSound(file) {
  const { stdout, stderr } = await run('ffmpeg', ['-hide_banner', '-nostats', '-copyts', '-i', file, '-map', '0:a',
    '-af', `aresample=${RATE},ashowinfo`, '-ac', '1', '-f', 'f32le', '-'], { encoding: 'buffer', maxBuffer: 1 << 28 });
  const samples = new Float32Array(stdout.buffer.slice(stdout.byteOffset, stdout.byteOffset + (stdout.length & ~3)));
  const parts = [];
  let at = 0;
  for (const m of stderr.toString().matchAll(/ n:\d+ pts:(-?\d+) .*? rate:(\d+) nb_samples:(\d+)/g)) {
    const pts = Number(m[1]) / Number(m[2]);
    const n = Number(m[3]);
    const last = parts.at(-1);
    /* Timestamps in MPEG-TS are of 1/90000 s. */
    if (last && Math.abs(pts - last.pts - (at - last.from) / RATE) < 0.001)
      last.samples = samples.subarray(last.from, at + n);
    else
      parts.push({ pts, from: at, samples: samples.subarray(at, at + n) });
    at += n;
  }
  return parts;
}

/** When the tone begins, each time, in s from the first sample on: where its level over two periods passes half. */
export function findBeeps(samples) {
  const w = (2 * RATE) / TONE;
  const beeps = [];
  let re = 0;
  let im = 0;
  let before = 0;
  let quietSince = 0;
  for (let i = 0; i < samples.length; i++) {
    const angle = (2 * Math.PI * TONE * (i % (RATE / TONE))) / RATE;
    re += samples[i] * Math.cos(angle) - (i >= w ? samples[i - w] * Math.cos(angle) : 0);
    im += samples[i] * Math.sin(angle) - (i >= w ? samples[i - w] * Math.sin(angle) : 0);
    const level = (2 * Math.hypot(re, im)) / w;
    if (level > 0.2) {
      if (i - quietSince > 0.3 * RATE && i > w)
        beeps.push((i - w / 2 - (level - 0.2) / Math.max(level - before, 1e-6)) / RATE);
      quietSince = i;
    }
    before = level;
  }
  return beeps;
}

/* When the tone begins in the tap, in media time. Each packet is decoded to as much sound as every other. */
async function findBeepsInTap(file, packets) {
  const raw = `${file}.raw`;
  await run('gst-launch-1.0', ['-q', 'filesrc', `location=${file}`, '!', 'gdpdepay', '!', 'rtpopusdepay', '!', 'opusdec', '!', 'audioconvert', '!',
    `audio/x-raw,format=F32LE,channels=1,rate=${RATE}`, '!', 'filesink', `location=${raw}`]);
  const data = fs.readFileSync(raw);
  const samples = new Float32Array(data.buffer.slice(data.byteOffset, data.byteOffset + data.length));
  const each = samples.length / packets.length;
  if (!Number.isInteger(each))
    throw new Error(`${file}: ${samples.length} samples from ${packets.length} packets`);
  return findBeeps(samples).map((t) => {
    const packet = packets[Math.floor((t * RATE) / each)];
    return packet.media + (t - Math.floor((t * RATE) / each) * (each / RATE));
  });
}

/* Time in the HLS less the tap's PTS: where most pictures have one. */
function timeShift(pictures, packets) {
  const known = [...new Set(packets.map((p) => p.pts))].filter((p) => !Number.isNaN(p)).sort((a, b) => a - b);
  const some = pictures.slice(0, 200);
  let best = { hits: 0, shift: NaN };
  for (const p of known.slice(0, 200)) {
    for (const i of [0, 1, 2]) {
      const shift = pictures[i].pts - p;
      let hits = 0;
      let k = 0;
      for (const { pts } of some) {
        while (k + 1 < known.length && known[k + 1] + shift <= pts + 0.0005)
          k++;
        hits += Math.abs(known[k] + shift - pts) < 0.0005;
      }
      if (hits > best.hits)
        best = { hits, shift };
    }
  }
  if (best.hits < some.length * 0.8)
    throw new Error(`only ${best.hits} of ${some.length} pictures are in the tap`);
  return best.shift;
}

const nearest = (list, at, of) => list.reduce((best, x) => (Math.abs(of(x) - at) < Math.abs(of(best) - at) ? x : best));

/* folder: a channel's. answer: the SDP answer of its session. Returns { seconds: [{ at, offset, claimed, error }], holes }:
 * offset of the beep against the flash in the HLS, claimed what the capture times say of it, error their difference, all in
 * ms, above 0 for sound that is late; holes: ms of sound that is missing (or, below 0, there twice), where it is. */
async function measure(folder, answer) {
  const all = `${folder}-all.ts`;
  const prefix = `${path.basename(folder)}-segment-`;
  const segments = fs.existsSync(folder) ? fs.readdirSync(folder).filter((name) => /^segment-\d+\.ts$/.test(name)).map((name) => path.join(folder, name))
    : fs.readdirSync(path.dirname(folder)).filter((name) => name.startsWith(prefix)).map((name) => path.join(path.dirname(folder), name));
  fs.writeFileSync(all, Buffer.concat(segments.sort().map((name) => fs.readFileSync(name))));
  const pictures = await readPictures(all);
  const parts = await readSound(all);
  const audio = readTap(`${folder}-audio.gdp`, 'audio', answer);
  const video = readTap(`${folder}-video.gdp`, 'video', answer);
  if (pictures.length < 3 || !parts.length)
    throw new Error(`${folder}: ${pictures.length} pictures, ${parts.length} stretches of sound`);
  const shift = timeShift(pictures, video.packets);
  const begin = Math.max(pictures[0].pts, parts[0].pts);
  const flashes = [];
  pictures.forEach((p, i) => {
    if (i > 0 && p.luma > 150 && pictures[i - 1].luma <= 150)
      flashes.push(p.pts);
  });
  const sent = await findBeepsInTap(`${folder}-audio.gdp`, audio.packets);
  const beeps = parts.flatMap((part) => findBeeps(part.samples).map((t) => part.pts + t));
  const seconds = [];
  for (const flash of flashes) {
    if (!beeps.length)
      break;
    const beep = nearest(beeps, flash, (t) => t);
    if (Math.abs(beep - flash) > 0.45)
      continue;
    const picture = nearest(video.packets, flash - shift, (p) => p.pts);
    const sound = nearest(audio.packets, beep - shift, (p) => p.pts);
    const heard = sound.media + beep - shift - sound.pts;
    const said = nearest(sent, heard, (t) => t);
    if (Math.abs(heard - said) > 0.2)
      throw new Error(`the beep at ${beep} s of ${folder} was not in what came`);
    const claimed = audio.capturedAt(said) - video.capturedAt(picture.media);
    seconds.push({ at: flash - begin, offset: 1000 * (beep - flash), claimed: 1000 * claimed, error: 1000 * (beep - flash - claimed) });
  }
  const holes = parts.slice(1).map((part, i) => 1000 * (part.pts - parts[i].pts - parts[i].samples.length / RATE));
  return { seconds, holes };
}

/** { n, mean, p95 and max of the magnitude, spread: p95 of the distance to the mean } of figures. */
export function sumUp(figures) {
  const mean = figures.reduce((sum, x) => sum + x, 0) / figures.length;
  const at95 = (values) => [...values].sort((a, b) => a - b)[Math.min(values.length - 1, Math.floor(values.length * 0.95))];
  return {
    n: figures.length,
    mean,
    p95: at95(figures.map(Math.abs)),
    max: Math.max(...figures.map(Math.abs)),
    spread: at95(figures.map((x) => Math.abs(x - mean))),
  };
}

/** Measures many channels at once, each of them sent the same by one page.
 * cases: { NAME: { preset: 'ours', 'stock' or 'stock-arrivals', words: parameters, relay: what UdpRelay takes, or null } }.
 * Returns { NAME: { seconds, holes, channel: what the API said before the end, metrics } }. */
export async function measureAll(browser, cases, seconds, picture = {}) {
  const presets = writePresets(temporaryFolder('presets'));
  const launchers = new Map();
  const names = Object.keys(cases);
  const relays = [];
  const of = (name) => launchers.get(JSON.stringify([cases[name].preset, cases[name].words]));
  try {
    for (const { preset, words } of Object.values(cases)) {
      const key = JSON.stringify([preset, words]);
      if (!launchers.has(key))
        launchers.set(key, await Launcher.start(preset, preset === 'ours' ? ['target-duration=1', 'playlist-length=1000', ...words] : words,
          { LOCKSTEP_PIPELINES_PATH: presets, ...(preset !== 'ours' ? { GST_PLUGIN_PATH_1_0: path.join(presets, 'none') } : {}) }));
    }
    const page = await browser.page(`${of(names[0]).url}/`, {
      bypassCSP: true, /* it sends to other origins */
      before: async (p) => {
        for (const name of names) {
          if (!cases[name].relay)
            continue;
          relays.push(new UdpRelay(cases[name].relay));
          await relays.at(-1).install(p, name);
        }
      },
    });
    const answers = await publishTo(page, names.map((name) => `${of(name).url}/whip/${name}`), picture);
    await sleep(seconds * 1000);
    const result = {};
    for (const name of names)
      result[name] = { channel: await of(name).channel(name), metrics: await (await fetch(`${of(name).url}/metrics`)).text() };
    await stopPublishing(page);
    for (const name of names)
      await of(name).untilChannel(name, 'ended', 10000, (c) => c.state !== 'live');
    await page.context().close();
    await Promise.all(names.map(async (name, i) => Object.assign(result[name], await measure(path.join(of(name).output, name), answers[i]))));
    return result;
  } finally {
    relays.forEach((relay) => relay.close());
    await Promise.all([...launchers.values()].map((launcher) => launcher.stop()));
    fs.rmSync(presets, { recursive: true, force: true });
  }
}
