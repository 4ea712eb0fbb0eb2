/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The publish page: what to send, going live, staying live (reconnecting), and saying what happens in words.
 *
 * In the address: ?source=camera|screen|test, ?autostart=1, ?picture=0, ?sound=0, ?size=1280x720, ?fps=30,
 * ?videoKbps=2000, ?audioKbps=128, ?voice=1 set the form; #token=… hands over a token and is then removed. */

import { $, backoff, channelApi, channelFromPath, getJson, notKnown, setText, showState, sleep } from './common.js';
import { listDevices, MediaError, openCamera, openScreen, wakeLockWhile, whyNoDevices } from './media.js';
import { PublishFigures } from './publish-figures.js';
import { TestSource } from './testpattern.js';
import { WhipClient, WhipError } from './whip.js';

const channel = channelFromPath();
const form = $('settings');
const field = form.elements;
const remembered = ['source', 'picture', 'sound', 'voice', 'size', 'fps', 'videoKbps', 'audioKbps'];
const defaultKbps = { '640x360': 700, '960x540': 1200, '1280x720': 2000, '1920x1080': 4500 };

/* What this page shows of itself to scripts that drive it. */
const shown = globalThis.lockstep = { state: 'idle', reason: '', session: null, offer: '', answer: '', stats: null, attempts: 0, errors: [] };

let media = null; /* { stream, source: camera|screen|test, close () } */
let client = null;
let run = null; /* the present wish to be live: { wanted, wake, abort }, null when there is none */

const words = {
  idle: ['idle', 'Not live'],
  asking: ['wait', 'Asking'],
  preview: ['idle', 'Preview'],
  connecting: ['wait', 'Connecting'],
  live: ['live', 'Live'],
  reconnecting: ['wait', 'Reconnecting'],
  failed: ['bad', 'Failed'],
  stopped: ['idle', 'Stopped'],
};

const keepAwake = wakeLockWhile(() => shown.state === 'live');

function setState(state, reason = '') {
  shown.state = state;
  shown.reason = reason;
  showState(words[state][0], words[state][1], reason);
  document.title = `${state === 'live' ? '● ' : ''}Publish ${channel} · Lockstep`;
  const busy = run !== null;
  $('go').hidden = busy;
  $('try').hidden = busy || media !== null;
  $('stop').hidden = !busy && media === null;
  setText($('stop'), busy ? 'Stop' : 'End preview');
  for (const name of ['source', 'picture', 'sound', 'voice', 'size', 'fps', 'videoKbps', 'audioKbps', 'token']) {
    const items = field[name] instanceof RadioNodeList ? [...field[name]] : [field[name]];
    for (const item of items)
      item.disabled = busy;
  }
  $('go').disabled = $('try').disabled = state === 'asking';
  keepAwake();
}

/* ---- The form ---- */

function settings() {
  const [width, height] = field.size.value.split('x').map(Number);
  const asked = Number(field.videoKbps.value);
  return {
    source: field.source.value,
    picture: field.picture.checked,
    sound: field.sound.checked,
    voice: field.voice.checked,
    camera: field.camera.value,
    microphone: field.microphone.value,
    width, height,
    fps: Number(field.fps.value),
    videoBitrate: 1000 * (asked > 0 ? Math.min(20000, Math.max(100, asked)) : defaultKbps[field.size.value]),
    audioBitrate: 1000 * Number(field.audioKbps.value),
    token: field.token.value.trim(),
  };
}

/** Returns what is wrong with the value, for people; '' where it was taken. */
function setField(name, value) {
  const item = field[name];
  if (item instanceof RadioNodeList || item.tagName === 'SELECT') {
    const known = [...(item instanceof RadioNodeList ? item : item.options)].map((o) => o.value);
    if (!known.includes(value))
      return notKnown(name, value, known, item.value);
    item.value = value;
  } else if (item.type === 'checkbox') {
    if (!['0', '1', 'false', 'true'].includes(value))
      return notKnown(name, value, ['0', '1'], item.checked ? '1' : '0');
    item.checked = value === '1' || value === 'true';
  } else {
    const before = item.value;
    item.value = value;
    if (value !== '' && !item.checkValidity() || item.value !== value) {
      item.value = before;
      return notKnown(name, value, [`numbers from ${item.min} to ${item.max}`], before || 'the usual one');
    }
  }
  return '';
}

function readAddress() {
  const query = new URLSearchParams(location.search);
  let kept = {};
  try {
    kept = JSON.parse(localStorage.getItem('lockstep-publish') || '{}');
  } catch {
    /* Storage may be off, or hold something else. */
  }
  const wrong = [];
  for (const name of remembered) {
    if (typeof kept[name] === 'string')
      setField(name, kept[name]);
    if (query.has(name))
      wrong.push(setField(name, query.get(name)));
  }
  setText($('address-note'), wrong.filter(Boolean).join(' '));
  const fragment = new URLSearchParams(location.hash.slice(1));
  let token = fragment.get('token');
  if (token !== null) {
    history.replaceState(null, '', location.pathname + location.search);
    store(sessionStorage, 'lockstep-token', token);
  } else {
    try {
      token = sessionStorage.getItem('lockstep-token');
    } catch {
      token = null;
    }
  }
  field.token.value = token || '';
  return query.get('autostart') === '1';
}

function store(storage, key, value) {
  try {
    storage.setItem(key, value);
  } catch {
    /* Storage may be off: then nothing is kept. */
  }
}

function remember() {
  const values = {};
  for (const name of remembered)
    values[name] = field[name].type === 'checkbox' ? (field[name].checked ? '1' : '0') : field[name].value;
  store(localStorage, 'lockstep-publish', JSON.stringify(values));
  store(sessionStorage, 'lockstep-token', field.token.value.trim());
}

function showForm() {
  const s = settings();
  $('devices').hidden = s.source !== 'camera';
  field.videoKbps.placeholder = String(defaultKbps[field.size.value]);
  field.camera.disabled = !s.picture;
  field.microphone.disabled = !s.sound;
  if (s.source === 'screen' && !s.picture)
    field.picture.checked = true;
}

async function showDevices() {
  const devices = await listDevices();
  for (const [select, kind, name] of [[field.camera, 'videoinput', 'Camera'], [field.microphone, 'audioinput', 'Microphone']]) {
    const before = select.value;
    const own = devices.filter((d) => d.kind === kind && d.deviceId && d.deviceId !== 'default');
    select.replaceChildren(new Option('The browser’s choice', ''), ...own.map((d, i) => new Option(d.label || `${name} ${i + 1}`, d.deviceId)));
    select.value = own.some((d) => d.deviceId === before) ? before : '';
  }
}

/* ---- What is sent ---- */

async function openMedia() {
  const s = settings();
  if (!s.picture && !s.sound)
    throw new MediaError('Choose picture, sound, or both.');
  let opened;
  if (s.source === 'test') {
    const source = new TestSource({ width: s.width, height: s.height, fps: s.fps, picture: s.picture, sound: s.sound, title: channel });
    opened = { stream: source.stream, close: () => source.stop() };
  } else {
    const stream = s.source === 'screen' ? await openScreen(s, s.sound)
      : await openCamera(s.picture ? { device: s.camera, ...s } : null, s.sound ? { device: s.microphone, voice: s.voice } : null);
    opened = { stream, close: () => stream.getTracks().forEach((t) => t.stop()) };
  }
  media = { source: s.source, ...opened };
  for (const track of media.stream.getTracks())
    watchTrack(track);
  $('preview').srcObject = media.stream;
  setText($('stage-note'), media.stream.getVideoTracks().length ? '' : 'Sound only');
  for (const [kind, id] of [['video', 'mute-video'], ['audio', 'mute-audio']]) {
    const button = $(id);
    button.hidden = !media.stream.getTracks().some((t) => t.kind === kind);
    button.setAttribute('aria-pressed', 'false');
  }
  if (s.source === 'camera')
    showDevices();
}

/* A camera that is pulled out, or a screen that is no longer shared, ends by itself. */
function watchTrack(track) {
  track.addEventListener('ended', () => {
    if (!media?.stream.getTracks().includes(track))
      return;
    const what = media.source === 'screen' ? 'Sharing was ended.' : `The ${track.kind === 'video' ? 'camera' : 'microphone'} was disconnected.`;
    if (media.source === 'screen' && track.kind === 'audio')
      return;
    stop('stopped', what);
  });
}

function closeMedia() {
  media?.close();
  media = null;
  $('preview').srcObject = null;
  setText($('stage-note'), 'The picture shows here before anyone else sees it.');
  $('mute-video').hidden = $('mute-audio').hidden = true;
}

/* Another camera or microphone while one is open: put in its place, also in a running session. */
async function switchDevice(kind) {
  if (media?.source !== 'camera')
    return;
  const old = media.stream.getTracks().find((t) => t.kind === kind);
  if (!old)
    return;
  const s = settings();
  try {
    const stream = await openCamera(kind === 'video' ? { device: s.camera, ...s } : null, kind === 'audio' ? { device: s.microphone, voice: s.voice } : null);
    const track = stream.getTracks()[0];
    track.enabled = old.enabled;
    track.contentHint = old.contentHint;
    await client?.replaceTrack(track);
    media.stream.removeTrack(old);
    media.stream.addTrack(track);
    old.stop();
    watchTrack(track);
  } catch (e) {
    showState(words[shown.state][0], words[shown.state][1], `${e.message} The one before is still in use.`);
  }
}

function mute(kind, button, off, on) {
  const muted = button.getAttribute('aria-pressed') !== 'true';
  button.setAttribute('aria-pressed', String(muted));
  setText(button, muted ? on : off);
  for (const track of media?.stream.getTracks() || []) {
    if (track.kind === kind)
      track.enabled = !muted;
  }
}

/* ---- Being live ---- */

/** Why a session could not be had, for people. */
function explain(e) {
  if (!(e instanceof WhipError))
    return e.message;
  if (e.kind !== 'http')
    return e.message;
  const said = e.text ? ` The server says: “${e.text}”` : '';
  const known = {
    400: 'The server could not read the offer.',
    401: field.token.value.trim() ? 'The token is not right for this channel.' : 'This server asks for a token: enter it under Access.',
    403: 'This token may not publish to this channel.',
    404: 'There is no such channel on this server.',
    405: 'This address does not take publishers.',
    406: 'The server cannot take what this browser offers.',
    409: 'Somebody else is publishing to this channel.',
    413: 'The offer is too large for the server.',
    415: 'The server does not take this kind of offer.',
    422: 'The server cannot take what this browser offers.',
    429: 'The server is being asked too often.',
    500: 'The server had an error.',
    502: 'The server behind this address does not answer.',
    503: 'The server has no room for another publisher now.',
    504: 'The server behind this address did not answer in time.',
  };
  return `${known[e.status] || `The server refused (HTTP ${e.status}).`}${said}`;
}

/* Resolves with the reason when the session is over: the path broke, or the server no longer has it, or has it but
 * nothing of it for six seconds. `onAir` is called once, when the server says that it is live. */
function sessionEnds(session, signal, onAir) {
  return new Promise((resolve) => {
    session.addEventListener('broken', (e) => resolve(e.detail));
    signal.addEventListener('abort', () => resolve(''));
    (async () => {
      const start = performance.now();
      let goodAt = start;
      let wasLive = false;
      while (!signal.aborted) {
        await sleep(wasLive ? 2000 : 300);
        let there;
        let now;
        try {
          [there, now] = await Promise.all([session.exists(), getJson(channelApi(channel))]);
        } catch {
          /* A server that does not answer says nothing about the media: the path tells by itself. */
          goodAt = performance.now();
          continue;
        }
        const reason = now?.reason ? `: ${now.reason}` : '';
        if (!there) {
          resolve(`The server ended the session${reason}${/[.!?]$/.test(reason) ? '' : '.'}`);
          return;
        }
        if (now?.state === 'live' && !wasLive) {
          wasLive = true;
          onAir();
        }
        /* At first it may take the server a while to see media. */
        if (now?.state === 'live' || (!wasLive && performance.now() - start < 15000))
          goodAt = performance.now();
        else if (performance.now() - goodAt >= 6000) {
          resolve(`The server receives nothing${reason}.`);
          return;
        }
      }
    })();
  });
}

/* Waits before the next attempt, counting down; coming back online, or stopping, ends it early. */
async function waitToRetry(mine, reason, seconds) {
  const until = performance.now() + seconds * 1000;
  while (mine.wanted) {
    const left = until - performance.now();
    if (left <= 0)
      return;
    setState('reconnecting', `${reason} Trying again in ${Math.ceil(left / 1000)} s.`);
    if (await Promise.race([sleep(Math.min(left, 1000)), new Promise((r) => { mine.wake = () => r(true); })]))
      return;
  }
}

async function goLive() {
  if (run)
    return;
  const mine = run = { wanted: true, wake: null };
  remember();
  try {
    if (!media) {
      setState('asking', settings().source === 'screen' ? 'Choose what to share.' : settings().source === 'test' ? '' : 'Asking for the camera and microphone. Allow them in the browser.');
      await openMedia();
    }
  } catch (e) {
    if (!mine.wanted)
      return;
    run = null;
    shown.errors.push(e.message);
    setState('failed', e.message);
    return;
  }
  /* Stopped while the browser was asking. */
  if (!mine.wanted) {
    closeMedia();
    return;
  }
  let failures = 0;
  let iceServers = [];
  let wasLive = false;
  while (mine.wanted && media) {
    const s = settings();
    const ended = new AbortController();
    let reason;
    let wait = null;
    setState('connecting', 'Making an offer to the server.');
    shown.attempts++;
    client = new WhipClient(`/whip/${encodeURIComponent(channel)}`, { token: s.token, iceServers });
    mine.abort = ended;
    try {
      await client.publish(media.stream, {
        video: { maxBitrate: s.videoBitrate, maxFramerate: s.fps, contentHint: media.source === 'screen' ? 'detail' : 'motion' },
        audio: { maxBitrate: s.audioBitrate, stereo: media.source !== 'camera' || !s.voice },
      });
      if (!mine.wanted)
        break;
      const since = performance.now();
      wasLive = true;
      Object.assign(shown, { session: client.session, offer: client.offer, answer: client.answer });
      setState('connecting', 'Sending; the server has not shown it yet.');
      figures.start(client.pc, s);
      reason = await sessionEnds(client, ended.signal, () => setState('live', `Channel ${channel} is on air.`));
      if (shown.state === 'live' && performance.now() - since > 10000)
        failures = 0;
    } catch (e) {
      reason = explain(e);
      /* A channel that is busy at the first try is somebody else's; later it may be our own old session. */
      if (mine.wanted && (!e.retryable || (e.status === 409 && !wasLive))) {
        shown.errors.push(reason);
        await endSession();
        run = null;
        setState('failed', reason);
        return;
      }
      if (e.retryAfter)
        wait = Math.min(120, e.retryAfter);
    }
    if (!mine.wanted)
      break;
    shown.errors.push(reason);
    iceServers = client.iceServers;
    await endSession();
    await waitToRetry(mine, reason, wait ?? backoff(failures++) / 1000);
  }
  await endSession();
}

async function endSession() {
  figures.stop();
  shown.session = null;
  const old = client;
  client = null;
  await old?.stop();
}

async function stop(state = 'stopped', reason = '') {
  const old = run;
  run = null;
  if (old) {
    old.wanted = false;
    old.wake?.();
    old.abort?.abort();
  }
  closeMedia();
  setState(old ? state : 'idle', reason);
  await endSession();
}

async function preview() {
  try {
    setState('asking', settings().source === 'screen' ? 'Choose what to share.' : 'Asking for the camera and microphone. Allow them in the browser.');
    await openMedia();
    setState('preview', 'Nobody else sees this yet.');
  } catch (e) {
    setState('failed', e.message);
  }
}

/* An encoder that takes pictures and gives none leaves a channel of sound alone, and nothing else would show it. */
let withoutPicture = 0;
function lookAtEncoder(stats) {
  const before = withoutPicture;
  withoutPicture = shown.state === 'live' && stats?.video?.framesEncoded === 0 ? before + 1 : 0;
  /* the session is over */
  if (!stats)
    return;
  if (withoutPicture === 5)
    setState('live', `Channel ${channel} is on air, but without a picture: this browser’s encoder has made none so far.`);
  else if (before >= 5 && withoutPicture === 0 && shown.state === 'live')
    setState('live', `Channel ${channel} is on air.`);
}

const figures = new PublishFigures($('figure-list'), (stats) => {
  shown.stats = stats;
  lookAtEncoder(stats);
});

setText($('channel'), channel);
$('watch-link').href = `/watch/${encodeURIComponent(channel)}`;
const autostart = readAddress();
showForm();
setState('idle', 'Choose what to send, then go live.');
const no = whyNoDevices();
if (no) {
  for (const item of field.source)
    item.disabled = item.value !== 'test';
  setState('idle', `${no} The test picture works without.`);
}

form.addEventListener('submit', (e) => e.preventDefault());
form.addEventListener('change', (e) => {
  showForm();
  if (e.target === field.camera)
    switchDevice('video');
  else if (e.target === field.microphone)
    switchDevice('audio');
  else if (media && !run && e.target !== field.token && e.target !== field.videoKbps && e.target !== field.audioKbps)
    /* A preview of something else than is now chosen would mislead. */
    stop();
});
$('go').addEventListener('click', goLive);
$('try').addEventListener('click', preview);
$('stop').addEventListener('click', () => stop());
$('mute-video').addEventListener('click', (e) => mute('video', e.currentTarget, 'Hide picture', 'Show picture'));
$('mute-audio').addEventListener('click', (e) => mute('audio', e.currentTarget, 'Mute sound', 'Unmute sound'));
addEventListener('online', () => run?.wake?.());
addEventListener('pagehide', () => {
  if (run)
    run.wanted = false;
  client?.stop({ keepalive: true });
});
addEventListener('pageshow', (e) => {
  /* Back from the browser's page cache: the session ended when the page was left. */
  if (e.persisted && run)
    stop('stopped', 'The page was left.');
});
navigator.mediaDevices?.addEventListener('devicechange', showDevices);
showDevices();
if (autostart)
  goLive();
