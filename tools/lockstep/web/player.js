/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Three ways to play a channel, with one face: WHEP, and for a live HLS playlist the browser's own player and hls.js.
 *
 * All: start (url, segmentDuration), destroy (), behindEdge () seconds behind the newest picture the server has,
 * wallClock () when the picture on screen was made (ms since the epoch, from EXT-X-PROGRAM-DATE-TIME or RTCP; NaN
 * where there is none), ended () whether the playlist is closed, name. report (message, fatal) is called for errors;
 * after a fatal one the owner destroys the player and makes another. */

import { WhipClient } from './whip.js';

/* From NTP's epoch, 1900, to Unix', in ms. */
const NTP_EPOCH = 2208988800000;

export class WhepPlayer {
  name = 'whep';
  #video;
  #report;
  #token;
  #client = null;
  #timer = 0;
  /* What the last report said: when the picture that is shown was made, and at what time that was so. */
  #made = NaN;
  #madeAt = 0;
  /** Of the figures: ms in the jitter buffer, packets lost, ms there and back, kbit/s, pictures received, and those of
   * them that were not shown (Firefox counts none of a stream's pictures in getVideoPlaybackQuality). */
  figures = { buffer: NaN, lost: NaN, roundTrip: NaN, kbps: NaN, frames: 0, dropped: 0 };
  #last = null;

  constructor(video, report, token = '') {
    this.#video = video;
    this.#report = report;
    this.#token = token;
  }

  async start(url) {
    const client = this.#client = new WhipClient(url, { token: this.#token });
    client.addEventListener('broken', (e) => this.#report(e.detail, true));
    const stream = await client.play();
    this.#video.srcObject = stream;
    this.#timer = setInterval(() => this.#look(), 500);
    this.#stillThere();
  }

  /* A server that stopped without a word still answers for the session that it no longer has. */
  async #stillThere() {
    while (this.#client) {
      await new Promise((resolve) => setTimeout(resolve, 3000));
      try {
        if (this.#client && !await this.#client.exists())
          this.#report('the server ended it', true);
      } catch {
        /* The connection tells by itself when the server is gone. */
      }
    }
  }

  async #look() {
    const report = await this.#client?.pc.getStats().catch(() => null);
    let bytes = 0;
    let lost = 0;
    for (const s of report?.values() || []) {
      if (s.type === 'inbound-rtp') {
        bytes += s.bytesReceived || 0;
        lost += s.packetsLost || 0;
        if (s.kind === 'video') {
          this.figures.frames = s.framesReceived || 0;
          this.figures.dropped = s.framesDropped || 0;
        }
        if (s.kind === 'video' && s.estimatedPlayoutTimestamp) {
          this.#made = s.estimatedPlayoutTimestamp - NTP_EPOCH;
          this.#madeAt = performance.now();
        }
        if (s.kind === 'video' && s.jitterBufferEmittedCount > (this.#last?.emitted || 0)) {
          this.figures.buffer = 1000 * (s.jitterBufferDelay - (this.#last?.delay || 0)) / (s.jitterBufferEmittedCount - (this.#last?.emitted || 0));
          this.#last = { ...this.#last, delay: s.jitterBufferDelay, emitted: s.jitterBufferEmittedCount };
        }
      } else if (s.type === 'candidate-pair' && s.nominated)
        this.figures.roundTrip = 1000 * s.currentRoundTripTime;
    }
    const now = performance.now();
    if (this.#last?.at)
      this.figures.kbps = (bytes - this.#last.bytes) * 8 / (now - this.#last.at);
    this.#last = { ...this.#last, bytes, at: now };
    this.figures.lost = lost;
  }

  destroy() {
    clearInterval(this.#timer);
    const client = this.#client;
    this.#client = null;
    client?.stop({ keepalive: true });
    this.#video.srcObject = null;
  }

  behindEdge() {
    return NaN;
  }

  wallClock() {
    return this.#made + (performance.now() - this.#madeAt);
  }

  ended() {
    return false;
  }

  catchUp() {
    /* What arrives is live. */
  }
}

/** Whether the browser plays HLS itself. */
export function hasNativeHls(video) {
  return video.canPlayType('application/vnd.apple.mpegurl') !== '';
}

export class NativePlayer {
  name = 'native';
  #video;
  #report;
  #failed = () => {
    const e = this.#video.error;
    this.#report(e ? `${['', 'aborted', 'network', 'decode', 'format'][e.code] || 'media'}: ${e.message || 'no details'}` : 'media error', true);
  };

  constructor(video, report) {
    this.#video = video;
    this.#report = report;
    video.addEventListener('error', this.#failed);
  }

  async start(url) {
    /* Chromium's makes no use of the dates, and stumbles over them: see tools/lockstep/http-hls.c. Safari's uses them. */
    this.#video.src = this.#video.getStartDate ? url : `${url}?dates=no`;
  }

  destroy() {
    this.#video.removeEventListener('error', this.#failed);
    this.#video.removeAttribute('src');
    this.#video.load();
  }

  behindEdge() {
    const { seekable, currentTime } = this.#video;
    return seekable.length ? Math.max(0, seekable.end(seekable.length - 1) - currentTime) : NaN;
  }

  wallClock() {
    const start = this.#video.getStartDate?.();
    return start ? start.getTime() + this.#video.currentTime * 1000 : NaN;
  }

  /** A live playlist has no end: its duration is infinite until the server closes it. */
  ended() {
    return this.#video.ended || Number.isFinite(this.#video.duration);
  }

  /** Moves on to the newest picture, as after a long pause. */
  catchUp() {
    const { seekable } = this.#video;
    if (seekable.length)
      this.#video.currentTime = Math.max(seekable.start(0), seekable.end(seekable.length - 1) - 3);
  }
}

let loading = null;

/* hls.js is large and only some browsers need it: loaded when it is. */
function loadHls() {
  loading ??= new Promise((resolve, reject) => {
    const script = document.createElement('script');
    script.src = '/assets/hls.min.js';
    script.onload = () => (globalThis.Hls ? resolve(globalThis.Hls) : reject(new Error('hls.js did not load')));
    script.onerror = () => {
      loading = null;
      script.remove();
      reject(new Error('hls.js is not on this server'));
    };
    document.head.append(script);
  });
  return loading;
}

/* A channel that is not there yet, or not there just now, answers 404: keep asking, once a second or two. */
function patient(timeToFirstByte, loadTime, retries) {
  const again = { maxNumRetry: retries, retryDelayMs: 500, maxRetryDelayMs: 2000, backoff: 'linear' };
  return {
    default: {
      maxTimeToFirstByteMs: timeToFirstByte,
      maxLoadTimeMs: loadTime,
      timeoutRetry: again,
      errorRetry: { ...again, shouldRetry: (policy, count) => Boolean(policy) && count < policy.maxNumRetry },
    },
  };
}

/** How far behind the newest segment's end to play, in seconds. The next segment shows up one longest segment after
 * that end, and a second covers asking for the playlist, loading, and a keyframe that comes late. */
export function syncDistance(longest) {
  return Math.min(12, Math.max(1.5, longest + 1));
}

export class HlsJsPlayer {
  name = 'hls.js';
  #video;
  #report;
  #hls = null;
  #Hls = null;
  #gone = false;
  #recovered = -Infinity;
  #distance = 0;

  constructor(video, report) {
    this.#video = video;
    this.#report = report;
  }

  async start(url, segmentDuration) {
    const Hls = this.#Hls = await loadHls();
    if (this.#gone)
      return;
    if (!Hls.isSupported()) {
      this.#report('this browser has neither HLS nor Media Source Extensions', true);
      return;
    }
    this.#distance = syncDistance(segmentDuration || 1);
    /* Of several renditions one may be gone for good: then another is taken. */
    const rendition = patient(8000, 20000, 1e6);
    rendition.default.errorRetry.shouldRetry = (policy, count, timedOut, response) => Boolean(policy) && (response?.code !== 404 || this.#hls.levels.length < 2 || count < 1);
    const hls = this.#hls = new Hls({
      liveSyncDuration: this.#distance,
      liveMaxLatencyDuration: this.#distance + 6,
      maxLiveSyncPlaybackRate: 1.08,
      liveSyncOnStallIncrease: 0.5,
      liveDurationInfinity: true,
      backBufferLength: 30,
      maxBufferLength: 20,
      maxBufferHole: 0.2,
      manifestLoadPolicy: patient(8000, 20000, 1e6),
      playlistLoadPolicy: rendition,
      fragLoadPolicy: patient(8000, 60000, 4),
    });
    hls.on(Hls.Events.ERROR, (event, data) => this.#error(data));
    hls.on(Hls.Events.LEVEL_UPDATED, (event, data) => this.#keepDistance(data.details));
    hls.loadSource(url);
    hls.attachMedia(this.#video);
  }

  /* The distance follows the longest segment in the playlist: up at once, down only with a clear margin. */
  #keepDistance(details) {
    const longest = details.fragments.reduce((most, f) => Math.max(most, f.duration), 0);
    const wanted = syncDistance(longest);
    if (longest > 0 && (wanted > this.#distance || wanted < this.#distance - 0.3)) {
      this.#distance = wanted;
      this.#hls.config.liveMaxLatencyDuration = wanted + 6;
      this.#hls.config.liveSyncDuration = wanted;
    }
  }

  #error(data) {
    const { ErrorTypes } = this.#Hls;
    /* Waiting at the live edge is what stalls are counted for, on the page; a 404 is an answer, not a fault. */
    const why = data.reason || (/^(mediaSourceRequiresReset|bufferAppendError)$/.test(data.details) && (this.#video.error?.message || data.error?.message));
    const text = `${data.details}${data.response?.code ? ` (HTTP ${data.response.code})` : ''}${why ? `: ${why}` : ''}`;
    if (!data.fatal) {
      this.#report(text, false);
      return;
    }
    if (data.type === ErrorTypes.MEDIA_ERROR && performance.now() - this.#recovered > 5000) {
      this.#recovered = performance.now();
      this.#report(`${text}; recovering`, false);
      this.#hls.recoverMediaError();
      return;
    }
    this.#report(text, true);
  }

  destroy() {
    this.#gone = true;
    this.#hls?.destroy();
    this.#hls = null;
  }

  behindEdge() {
    return this.#hls?.latency || NaN;
  }

  /** The renditions that there are: [{ width, height, bitrate }], in hls.js's order; and the one on screen. */
  renditions() {
    return (this.#hls?.levels || []).map(({ width, height, bitrate }) => ({ width, height, bitrate }));
  }

  rendition() {
    return this.#hls?.currentLevel ?? -1;
  }

  /** Takes this rendition from the next segment on; -1: as the line allows. */
  choose(rendition) {
    if (this.#hls)
      this.#hls.nextLevel = rendition;
  }

  wallClock() {
    const date = this.#hls?.playingDate;
    return date ? date.getTime() : NaN;
  }

  ended() {
    return this.#hls?.latestLevelDetails?.live === false;
  }

  catchUp() {
    const at = this.#hls?.liveSyncPosition;
    if (Number.isFinite(at))
      this.#video.currentTime = at;
  }
}
