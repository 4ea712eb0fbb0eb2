/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A WHIP client (RFC 9725), and WHEP's for playback: one instance is one session, from the offer to the DELETE.
 * Candidates known within a short time travel in the offer, later ones by PATCH. */

import { iceServersFromLink, setFmtp, trickleFragment } from './sdp.js';

export class WhipError extends Error {
  /** kind: 'http' (status and text are set), 'network', 'codec', 'path' (no media path), 'protocol'. */
  constructor(kind, message, { status = 0, text = '', retryAfter = null } = {}) {
    super(message);
    this.name = 'WhipError';
    this.kind = kind;
    this.status = status;
    this.text = text;
    this.retryAfter = retryAfter;
  }

  /** Whether trying again later can help: not for what the request itself is wrong about. */
  get retryable() {
    if (this.kind === 'http')
      return this.status >= 500 || [408, 409, 425, 429].includes(this.status);
    return this.kind === 'network' || this.kind === 'path';
  }
}

/* Retry-After is seconds or an HTTP date; null where there is neither. */
function retryAfterSeconds(value) {
  if (!value)
    return null;
  if (/^\d+$/.test(value.trim()))
    return Number(value);
  const at = Date.parse(value);
  return Number.isNaN(at) ? null : Math.max(0, (at - Date.now()) / 1000);
}

const plainText = (text) => text.replace(/\s+/g, ' ').trim().slice(0, 400);

/** H.264 first and alone: the server takes no other picture codec. Constrained baseline with
 * packetization-mode 1 leads, as every browser encodes and decodes it; rtx stays, for retransmission. */
export function h264Codecs(capabilities) {
  const rank = (c) => {
    const line = (c.sdpFmtpLine || '').toLowerCase();
    return (line.includes('packetization-mode=1') ? 0 : 4) + (line.includes('profile-level-id=42e0') ? 0 : line.includes('profile-level-id=42') ? 1 : 2);
  };
  const h264 = capabilities.filter((c) => c.mimeType.toLowerCase() === 'video/h264');
  h264.sort((a, b) => rank(a) - rank(b));
  return h264.length ? [...h264, ...capabilities.filter((c) => c.mimeType.toLowerCase() === 'video/rtx')] : [];
}

/** What helps a browser that lacks H.264, in words; '' where nothing is known to. agent: its navigator.userAgent. */
export function h264Cure(agent) {
  return /\bFirefox\//.test(agent) ? ' Firefox has H.264 from its OpenH264 plugin, which it fetches some minutes after its first start: see about:addons, Plugins.' : '';
}

export class WhipClient extends EventTarget {
  #endpoint;
  #token;
  #gatherLimit;
  #connectLimit;
  #late = [];
  #lateTimer = 0;
  #gathered = false;
  #mayTrickle = true;
  #stopped = false;

  /** endpoint: URL to POST to. token: Bearer token or ''. gatherLimit, connectLimit: ms.
   * iceServers: RTCIceServer objects known already. */
  constructor(endpoint, { token = '', iceServers = [], gatherLimit = 1000, connectLimit = 15000 } = {}) {
    super();
    this.#endpoint = new URL(endpoint, globalThis.location?.href);
    this.#token = token;
    this.#gatherLimit = gatherLimit;
    this.#connectLimit = connectLimit;
    this.iceServers = iceServers;
    this.pc = null;
    this.sessionUrl = null;
    this.etag = null;
    this.offer = '';
    this.answer = '';
  }

  /** The last part of the session's URL: a secret of publisher and server. */
  get session() {
    return this.sessionUrl ? decodeURIComponent(this.sessionUrl.pathname.split('/').pop()) : null;
  }

  #headers(more) {
    return this.#token ? { Authorization: `Bearer ${this.#token}`, ...more } : { ...more };
  }

  /** Sends `stream` (at most one audio and one video track). Resolves when media can flow.
   * video: {maxBitrate bit/s, maxFramerate, contentHint}, audio: {maxBitrate bit/s, stereo}.
   * Throws WhipError; the session is closed then. */
  async publish(stream, { video = {}, audio = {} } = {}) {
    try {
      await this.#askIceServers();
      this.pc = new RTCPeerConnection({ bundlePolicy: 'max-bundle', iceServers: this.iceServers });
      this.#watchConnection();
      for (const track of stream.getTracks())
        this.#add(track, stream, track.kind === 'video' ? video : audio);
      await this.pc.setLocalDescription(await this.pc.createOffer());
      await this.#gather();
      await this.#post(audio);
      await this.#connected();
      await this.#keepResolution();
    } catch (e) {
      await this.stop();
      throw e instanceof WhipError ? e : new WhipError('protocol', e.message);
    }
  }

  /** Receives what the endpoint sends (WHEP), with as little waiting in buffers as the network allows. Resolves with
   * a MediaStream when media can flow. Throws as publish(). */
  async play() {
    try {
      await this.#askIceServers();
      this.pc = new RTCPeerConnection({ bundlePolicy: 'max-bundle', iceServers: this.iceServers });
      this.#watchConnection();
      const stream = new MediaStream();
      this.pc.addEventListener('track', (e) => stream.addTrack(e.track));
      for (const kind of ['audio', 'video']) {
        const { receiver } = this.pc.addTransceiver(kind, { direction: 'recvonly' });
        /* a wish in ms; the browser buffers more where the arrivals need it */
        if ('jitterBufferTarget' in receiver)
          receiver.jitterBufferTarget = 0;
      }
      await this.pc.setLocalDescription(await this.pc.createOffer());
      await this.#gather();
      await this.#post({ stereo: true });
      await this.#connected();
      return stream;
    } catch (e) {
      await this.stop();
      throw e instanceof WhipError ? e : new WhipError('protocol', e.message);
    }
  }

  /* ICE servers are wanted before gathering starts, and RFC 9725 §4.6 lets OPTIONS carry them. */
  async #askIceServers() {
    if (this.iceServers.length)
      return;
    try {
      const r = await fetch(this.#endpoint, { method: 'OPTIONS', headers: this.#headers(), signal: AbortSignal.timeout(3000) });
      if (r.ok)
        this.iceServers = iceServersFromLink(r.headers.get('Link'));
    } catch {
      /* The POST says what is wrong, if anything is. */
    }
  }

  #add(track, stream, options) {
    if (options.contentHint && 'contentHint' in track)
      track.contentHint = options.contentHint;
    const encoding = {};
    if (options.maxBitrate)
      encoding.maxBitrate = options.maxBitrate;
    if (options.maxFramerate)
      encoding.maxFramerate = options.maxFramerate;
    const transceiver = this.pc.addTransceiver(track, { direction: 'sendonly', streams: [stream], sendEncodings: [encoding] });
    const codecs = globalThis.RTCRtpSender?.getCapabilities?.(track.kind)?.codecs;
    if (codecs && transceiver.setCodecPreferences) {
      const wanted = track.kind === 'video' ? h264Codecs(codecs) : codecs.filter((c) => c.mimeType.toLowerCase() === 'audio/opus');
      if (!wanted.length)
        throw new WhipError('codec', track.kind === 'video' ? `This browser cannot encode H.264, the only picture codec the server takes.${h264Cure(navigator.userAgent)}`
          : 'This browser cannot encode Opus, the only sound codec the server takes.');
      transceiver.setCodecPreferences(wanted);
    }
    /* The capture time of each frame, for whoever wants to put sound and picture in step from it. */
    try {
      const list = transceiver.getHeaderExtensionsToNegotiate?.();
      for (const e of list || []) {
        if (e.uri === 'http://www.webrtc.org/experiments/rtp-hdrext/abs-capture-time')
          e.direction = 'sendrecv';
      }
      if (list)
        transceiver.setHeaderExtensionsToNegotiate(list);
    } catch {
      /* Not every browser lets pages choose; nothing depends on it. */
    }
  }

  /* Waits for all candidates, but no longer than the limit: what comes later is sent by PATCH. */
  async #gather() {
    const pc = this.pc;
    pc.addEventListener('icecandidate', (e) => this.#candidate(e.candidate));
    if (pc.iceGatheringState === 'complete') {
      this.#gathered = true;
      return;
    }
    await new Promise((resolve) => {
      const timer = setTimeout(resolve, this.#gatherLimit);
      pc.addEventListener('icegatheringstatechange', () => {
        if (pc.iceGatheringState !== 'complete')
          return;
        clearTimeout(timer);
        this.#gathered = true;
        resolve();
      });
    });
  }

  async #post(audio) {
    this.offer = this.pc.localDescription.sdp;
    if (audio.stereo)
      this.offer = setFmtp(this.offer, 'opus', { 'sprop-stereo': 1, stereo: 1 });
    this.#late = [];
    let response;
    let body;
    try {
      response = await fetch(this.#endpoint, {
        method: 'POST',
        headers: this.#headers({ 'Content-Type': 'application/sdp' }),
        body: this.offer,
        signal: AbortSignal.timeout(20000),
      });
      body = await response.text();
    } catch (e) {
      throw new WhipError('network', e.name === 'TimeoutError' ? 'The server did not answer within 20 s.' : 'The server cannot be reached.');
    }
    if (response.status !== 201) {
      throw new WhipError('http', `HTTP ${response.status}`,
        { status: response.status, text: plainText(body), retryAfter: retryAfterSeconds(response.headers.get('Retry-After')) });
    }
    const location = response.headers.get('Location');
    if (!location)
      throw new WhipError('protocol', 'The server accepted the offer but named no session (no Location header).');
    this.sessionUrl = new URL(location, response.url || this.#endpoint);
    this.etag = response.headers.get('ETag');
    /* Gathering has begun: servers named only now serve a restart, or the caller's next attempt. */
    const servers = iceServersFromLink(response.headers.get('Link'));
    if (servers.length && JSON.stringify(servers) !== JSON.stringify(this.iceServers)) {
      this.iceServers = servers;
      this.pc.setConfiguration({ ...this.pc.getConfiguration(), iceServers: servers });
      /* They may be what it takes: do not wait long for a path without them. */
      this.#connectLimit = Math.min(this.#connectLimit, 5000);
    }
    this.answer = body;
    /* What the sender does with its Opus encoder is the answer's to say (RFC 7587 §6.1). */
    const opus = { useinbandfec: 1 };
    if (audio.stereo)
      opus.stereo = 1;
    if (audio.maxBitrate)
      opus.maxaveragebitrate = audio.maxBitrate;
    await this.pc.setRemoteDescription({ type: 'answer', sdp: setFmtp(body, 'opus', opus) });
    if (this.#late.length)
      this.#trickleSoon();
  }

  #candidate(candidate) {
    if (candidate && candidate.candidate)
      this.#late.push(candidate);
    else
      this.#gathered = true;
    if (this.sessionUrl)
      this.#trickleSoon();
  }

  #trickleSoon() {
    if (!this.#lateTimer)
      this.#lateTimer = setTimeout(() => this.#trickle(), 50);
  }

  async #trickle() {
    this.#lateTimer = 0;
    if (this.#stopped || !this.#mayTrickle || !this.sessionUrl)
      return;
    const batch = this.#late.splice(0);
    const body = trickleFragment(this.pc.localDescription.sdp, batch, this.#gathered);
    const headers = { 'Content-Type': 'application/trickle-ice-sdpfrag' };
    if (this.etag)
      headers['If-Match'] = this.etag;
    try {
      const r = await fetch(this.sessionUrl, { method: 'PATCH', headers: this.#headers(headers), body });
      /* A server without trickle says so with 4xx or 501: the candidates of the offer must do. */
      if (!r.ok)
        this.#mayTrickle = false;
    } catch {
      this.#late.unshift(...batch);
    }
  }

  /* Tells the caller about a path that breaks after it stood. "disconnected" often heals by itself. */
  #watchConnection() {
    const pc = this.pc;
    let timer = 0;
    pc.addEventListener('connectionstatechange', () => {
      clearTimeout(timer);
      if (this.#stopped)
        return;
      if (pc.connectionState === 'failed')
        this.dispatchEvent(new CustomEvent('broken', { detail: 'The connection broke.' }));
      else if (pc.connectionState === 'disconnected')
        timer = setTimeout(() => this.dispatchEvent(new CustomEvent('broken', { detail: 'The server stopped answering.' })), 5000);
    });
  }

  async #connected() {
    const pc = this.pc;
    await new Promise((resolve, reject) => {
      const check = () => {
        if (pc.connectionState === 'connected') {
          done();
          resolve();
        } else if (pc.connectionState === 'failed' || pc.connectionState === 'closed') {
          done();
          reject(new WhipError('path', this.#stopped ? 'Stopped.' : 'The server answered, but no path for the media was found (is UDP blocked?).'));
        }
      };
      const timer = setTimeout(() => {
        done();
        reject(new WhipError('path', `The server answered, but no media path stood within ${Math.round(this.#connectLimit / 1000)} s (is UDP blocked?).`));
      }, this.#connectLimit);
      const done = () => {
        clearTimeout(timer);
        pc.removeEventListener('connectionstatechange', check);
      };
      pc.addEventListener('connectionstatechange', check);
      check();
    });
  }

  /* A picture that changes size in mid-stream stops some players: rather drop frames than pixels. */
  async #keepResolution() {
    for (const sender of this.pc.getSenders()) {
      if (sender.track?.kind !== 'video')
        continue;
      try {
        const parameters = sender.getParameters();
        parameters.degradationPreference = 'maintain-resolution';
        await sender.setParameters(parameters);
      } catch {
        /* Browsers without it decide for themselves. */
      }
    }
  }

  /** Puts another track in the place of the one of its kind, without a new session. */
  async replaceTrack(track) {
    const sender = this.pc?.getSenders().find((s) => s.track?.kind === track.kind);
    if (sender)
      await sender.replaceTrack(track);
    return Boolean(sender);
  }

  /** Whether the server still has the session. Throws where it does not say. */
  async exists() {
    const r = await fetch(this.sessionUrl, { headers: this.#headers(), cache: 'no-store', signal: AbortSignal.timeout(5000) });
    if (r.status === 404 || r.status === 410)
      return false;
    /* 405 is what servers answered to GET before RFC 9725: it tells nothing, but that the server is there. */
    if (!r.ok && r.status !== 405)
      throw new Error(`the server answered ${r.status}`);
    return true;
  }

  /** Ends the session. keepalive: the page is going away, and the request must outlive it. */
  async stop({ keepalive = false } = {}) {
    if (this.#stopped)
      return;
    this.#stopped = true;
    clearTimeout(this.#lateTimer);
    const url = this.sessionUrl;
    const request = url && fetch(url, {
      method: 'DELETE',
      headers: this.#headers(),
      keepalive,
      ...(keepalive ? {} : { signal: AbortSignal.timeout(5000) }),
    }).catch(() => { /* The server notices by itself that media stopped. */ });
    this.pc?.close();
    /* close() fires no event; whoever still waits for the connection hears of it through this one. */
    this.pc?.dispatchEvent(new Event('connectionstatechange'));
    await request;
  }
}
