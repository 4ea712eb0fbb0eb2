/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Reading HLS media playlists, and following one for a while to see that nothing is missing in it. */

import { PATIENCE, sleep } from './launcher.mjs';

/** A media playlist: { sequence, discontinuitySequence, target, ended, segments: [{ sequence, uri, duration,
 * discontinuity, date (ms or null) }] }. Throws where it is not one. */
export function parsePlaylist(text) {
  const lines = text.split(/\r?\n/);
  if (lines[0] !== '#EXTM3U')
    throw new Error(`not a playlist: ${JSON.stringify(text.slice(0, 80))}`);
  const list = { sequence: 0, discontinuitySequence: 0, target: NaN, ended: false, segments: [] };
  let next = { duration: NaN, discontinuity: false, date: null };
  for (const line of lines) {
    const [tag, value] = line.startsWith('#EXT') ? [line.split(':')[0], line.slice(line.indexOf(':') + 1)] : ['', ''];
    if (tag === '#EXT-X-MEDIA-SEQUENCE')
      list.sequence = Number(value);
    else if (tag === '#EXT-X-DISCONTINUITY-SEQUENCE')
      list.discontinuitySequence = Number(value);
    else if (tag === '#EXT-X-TARGETDURATION')
      list.target = Number(value);
    else if (tag === '#EXT-X-ENDLIST')
      list.ended = true;
    else if (tag === '#EXTINF')
      next.duration = parseFloat(value);
    else if (tag === '#EXT-X-DISCONTINUITY')
      next.discontinuity = true;
    else if (tag === '#EXT-X-PROGRAM-DATE-TIME')
      next.date = Date.parse(value);
    else if (line && !line.startsWith('#')) {
      list.segments.push({ sequence: list.sequence + list.segments.length, uri: line, ...next });
      next = { duration: NaN, discontinuity: false, date: null };
    }
  }
  return list;
}

/** The variants of a multivariant playlist: { uri, BANDWIDTH and AVERAGE-BANDWIDTH as numbers, other attributes as
 * strings }. Throws where it is not one. */
export function parseMultivariant(text) {
  const lines = text.split(/\r?\n/);
  if (lines[0] !== '#EXTM3U' || !text.includes('#EXT-X-STREAM-INF:'))
    throw new Error(`not a multivariant playlist: ${JSON.stringify(text.slice(0, 80))}`);
  const variants = [];
  for (const [i, line] of lines.entries()) {
    if (!line.startsWith('#EXT-X-STREAM-INF:'))
      continue;
    const variant = { uri: lines[i + 1] };
    for (const [, name, quoted, plain] of line.slice(line.indexOf(':') + 1).matchAll(/([A-Z-]+)=(?:"([^"]*)"|([^,]*))/g))
      variant[name] = quoted ?? (/BANDWIDTH$/.test(name) ? Number(plain) : plain);
    variants.push(variant);
  }
  return variants;
}

export async function fetchPlaylist(url) {
  const r = await fetch(url, { signal: AbortSignal.timeout(5000 * PATIENCE) });
  const text = await r.text();
  if (!r.ok)
    throw new Error(`${url} answers ${r.status}: ${text.slice(0, 200)}`);
  return parsePlaylist(text);
}

/** How cuts lie on the grid of `target` seconds that the channel's first segment begins: segments in order, from that one
 * on, without the one that may still be short. { cuts, mean: s that a segment lasts, error, p95, worst: of the cuts' distances
 * from the grid, in ms, before or after it }. */
export function onGrid(segments, target) {
  if (segments[0]?.sequence !== 0)
    throw new Error(`the first segment seen is ${segments[0]?.sequence}: where the grid lies is not known`);
  let at = 0;
  const errors = segments.map(({ duration }) => {
    at += duration;
    return Math.abs(at - Math.round(at / target) * target) * 1000;
  }).sort((a, b) => a - b);
  const cuts = errors.length;
  return { cuts, mean: at / cuts, error: errors.reduce((sum, e) => sum + e, 0) / cuts, p95: errors[Math.floor(0.95 * (cuts - 1))], worst: errors[cuts - 1] };
}

/** Follows a playlist until stop (). Every segment that shows up is fetched once. */
export class PlaylistFollower {
  segments = new Map(); /* sequence number -> segment, with `seen` (ms) and `size` */
  faults = [];
  #url;
  #on = true;
  #done;

  constructor(url) {
    this.#url = url;
    this.#done = this.#follow();
  }

  async #follow() {
    let last = -1;
    while (this.#on) {
      try {
        const list = await fetchPlaylist(this.#url);
        if (list.sequence + list.segments.length - 1 < last)
          this.faults.push(`the playlist went back from ${last} to ${list.sequence + list.segments.length - 1}`);
        if (last >= 0 && list.sequence > last + 1)
          this.faults.push(`segments ${last + 1} to ${list.sequence - 1} were never listed`);
        for (const s of list.segments) {
          const known = this.segments.get(s.sequence);
          if (known && known.uri !== s.uri)
            this.faults.push(`segment ${s.sequence} was ${known.uri} and became ${s.uri}`);
          if (known || s.sequence <= last)
            continue;
          const r = await fetch(new URL(s.uri, this.#url), { signal: AbortSignal.timeout(5000 * PATIENCE) });
          const size = (await r.arrayBuffer()).byteLength;
          if (!r.ok || size === 0)
            this.faults.push(`segment ${s.sequence} (${s.uri}) answers ${r.status}, ${size} bytes`);
          this.segments.set(s.sequence, { ...s, size, seen: performance.now() });
        }
        last = Math.max(last, list.sequence + list.segments.length - 1);
      } catch (e) {
        this.faults.push(e.message);
      }
      await sleep(200);
    }
  }

  /** What was seen so far, in order. */
  list() {
    return [...this.segments.values()].sort((a, b) => a.sequence - b.sequence);
  }

  /** Ends it. Returns { segments (in order), faults, longestWait: s between two segments' showing up }. */
  async stop() {
    this.#on = false;
    await this.#done;
    const segments = this.list();
    let longestWait = 0;
    for (let i = 1; i < segments.length; i++)
      longestWait = Math.max(longestWait, (segments[i].seen - segments[i - 1].seen) / 1000);
    return { segments, faults: this.faults, longestWait };
  }
}
