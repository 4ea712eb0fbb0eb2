/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The watch page: waits until the channel is live, plays it, and starts again by itself after whatever happens.
 * It plays by WHEP where the channel has it, else by HLS. ?player=whep, hls.js or native forces a player; ?muted=1
 * starts without sound; ?picture=preview plays the smaller picture, where there is one; #token=… hands over the token of viewers and is then removed. */

import { $, backoff, channelApi, channelFromPath, comeAgain, fixed, getJson, kbps, setText, showFigures, showState, size, sleep, whole } from './common.js';
import { hasNativeHls, HlsJsPlayer, NativePlayer, WhepPlayer } from './player.js';
import { h264Cure } from './whip.js';

const channel = channelFromPath();
const query = new URLSearchParams(location.search);
const video = $('video');
/* which of several pictures WHEP is asked for */
const picture = query.has('picture') ? `?picture=${encodeURIComponent(query.get('picture'))}` : '';
const forced = { whep: 'whep', 'hls.js': 'hls.js', native: 'native' }[query.get('player')] || null;

/* What this page shows of itself to scripts that drive it. latency, delay, behindEdge are seconds (NaN: not known);
 * errors: fatal ones; warnings: what was recovered from; starts: how many players were made; renditions: what there is to
 * choose from, and rendition: the one on screen. */
const shown = globalThis.lockstep = {
  renditions: [], rendition: -1,
  state: 'waiting', reason: '', latency: NaN, delay: NaN, behindEdge: NaN, stalls: 0, stalledSeconds: 0, player: null, starts: 0, errors: [], warnings: [], channel: null,
};

let token = takeToken();
let player = null;
let playerSince = 0;
let apiTrouble = '';
let failures = 0;
let restartAt = 0;
/* The progress of the picture: where it stood when it last moved, and since when it stands. */
const progress = { time: 0, movedAt: 0, moving: false, stalled: false, begun: false };

/* Out of the address bar, so that it is not passed on with the link; kept as long as the tab. */
function takeToken() {
  const given = new URLSearchParams(location.hash.slice(1)).get('token');
  try {
    if (given !== null) {
      history.replaceState(null, '', location.pathname + location.search);
      sessionStorage.setItem('lockstep-view-token', given);
    }
    return sessionStorage.getItem('lockstep-view-token') || '';
  } catch {
    return given || '';
  }
}

const words = {
  waiting: ['idle', 'Not live'],
  loading: ['wait', 'Loading'],
  playing: ['live', 'Live'],
  paused: ['idle', 'Paused'],
  buffering: ['wait', 'Buffering'],
  lost: ['wait', 'Interrupted'],
  ended: ['idle', 'Ended'],
  full: ['wait', 'No room'],
  failed: ['bad', 'Failed'],
};

function setState(state, reason = '') {
  shown.state = state;
  shown.reason = reason;
  showState(words[state][0], words[state][1], reason);
  document.title = `${state === 'playing' ? '● ' : ''}${channel} · Lockstep`;
  const soundOnly = player && progress.moving && !video.videoWidth && shown.channel?.audio;
  setText($('stage-note'), player ? (soundOnly ? 'Sound only' : '') : reason);
  $('reason').classList.toggle('unseen', !player);
  video.hidden = !player;
}

/* ---- Starting and stopping a player ---- */

const kindOfHls = () => (hasNativeHls(video) ? 'native' : 'hls.js');

/* Where no path for WebRTC is found, the playlist will do, if there is one. */
function kindOfPlayer() {
  if (forced)
    return forced;
  return shown.channel?.whep && !(shown.channel.hls && failures >= 2) ? 'whep' : kindOfHls();
}

/** Whether the channel has what the player plays. */
function isThere(c) {
  if (kindOfPlayer() === 'whep')
    return Boolean(c?.whep) && c.state === 'live';
  return Boolean(c?.hls) && (c.state === 'live' || c.state === 'lost') && c.segments >= enoughSegments();
}

function makePlayer(kind, report) {
  if (kind === 'whep')
    return new WhepPlayer(video, report, token);
  return kind === 'native' ? new NativePlayer(video, report) : new HlsJsPlayer(video, report);
}

/* Chromium's own player starts three target durations behind the end, and fails where the playlist is shorter. */
const enoughSegments = () => (kindOfPlayer() === 'native' ? 4 : 1);

function startPlayer() {
  stopPlayer();
  const kind = kindOfPlayer();
  const report = (message, fatal) => {
    const list = fatal ? shown.errors : shown.warnings;
    list.push(message);
    if (list.length > 100)
      list.shift();
    if (fatal && mine === player)
      again(message);
  };
  const mine = player = makePlayer(kind, report);
  shown.player = kind;
  shown.starts++;
  playerSince = performance.now();
  Object.assign(progress, { time: video.currentTime, movedAt: playerSince, moving: false, stalled: false, begun: false });
  setState('loading');
  mine.start(kind === 'whep' ? shown.channel.whep + picture : shown.channel.hls, shown.channel.segment_duration).catch((e) => {
    if (e.status === 401 || e.status === 403)
      askForToken();
    else if (mine === player && (e.status === 406 || e.status === 422)) {
      shown.errors.push(e.text || e.message);
      cannotPlay(e.text || e.message);
    } else if (mine === player && e.status === 503)
      noRoom(e.text || e.message, e.retryAfter);
    else
      report(e.text || e.message, true);
  });
}

function askForToken() {
  stopPlayer();
  restartAt = Infinity;
  $('access').hidden = false;
  setState('failed', token ? 'The token is not right for this channel.' : 'This channel asks its viewers for a token.');
}

function stopPlayer() {
  const old = player;
  player = null;
  old?.destroy();
}

/* A player that failed is thrown away; the next one starts after a wait that grows with each failure. */
function again(reason) {
  const wait = backoff(failures++) / 1000;
  restartAt = performance.now() + wait * 1000;
  stopPlayer();
  setState('failed', `The player stopped (${reason}). Starting again in ${Math.ceil(wait)} s.`);
}

/* The server has no codec that this browser plays. Asking again soon does not help: the playlist does, where there is
 * one; else the channel may be another after a while. */
function cannotPlay(why) {
  stopPlayer();
  const instead = !forced && shown.channel?.hls;
  failures = Math.max(failures, 2);
  restartAt = performance.now() + (instead ? 0 : 60000);
  const cure = /H264/.test(why) ? h264Cure(navigator.userAgent) : '';
  setState('failed', `This browser cannot play the channel’s picture (${why}).${instead ? '' : `${cure} Trying again in a minute.`}`);
}

/* Others are watching, and the server has no more to give: it says when to ask again. */
function noRoom(why, seconds) {
  const wait = comeAgain(seconds);
  failures++;
  restartAt = performance.now() + wait * 1000;
  shown.warnings.push(why);
  stopPlayer();
  setState('full', `The server does not let this page in (${why}). Trying again in ${Math.ceil(wait)} s.`);
}

/* With sound where the browser lets us, else muted and saying so. */
async function play() {
  try {
    await video.play();
  } catch (e) {
    if (e.name !== 'NotAllowedError')
      return;
    if (!video.muted) {
      video.muted = true;
      showButtons();
      play();
    } else
      $('play').hidden = false;
  }
}

function showButtons() {
  $('unmute').hidden = !(video.muted && player);
  if (!video.paused)
    $('play').hidden = true;
}

/* ---- Watching the channel ---- */

async function follow() {
  for (;;) {
    try {
      shown.channel = await getJson(channelApi(channel));
      apiTrouble = '';
    } catch (e) {
      apiTrouble = e.message;
    }
    decide();
    await sleep(player ? 2000 : 1000);
  }
}

function decide() {
  const c = shown.channel;
  const now = performance.now();
  if (!player) {
    if (now < restartAt)
      return;
    if (isThere(c))
      startPlayer();
    else if (apiTrouble)
      setState('waiting', `No news of the channel: ${apiTrouble}. Still trying.`);
    else if (c?.state === 'connecting' || c?.state === 'live')
      setState('waiting', c.whep ? 'The channel is starting. The picture starts by itself.' : 'A publisher is connecting. The picture starts by itself.');
    else if (c?.whep)
      setState('waiting', `${channel} is not running now${c.reason ? ` (${c.reason})` : ''}. The picture starts by itself when it is.`);
    else
      setState('waiting', `Nobody is publishing to ${channel} now. The picture starts by itself when somebody does.`);
    return;
  }
  const standing = (now - progress.movedAt) / 1000;
  const gone = !c || c.state === 'idle';
  /* A closed playlist is played to its end, then the page waits for the next one. */
  if (gone && (standing > 3 || video.ended)) {
    stopPlayer();
    setState('waiting', `${channel} has ended. The picture starts by itself when it is back.`);
  } else if (c?.state === 'live' && !video.paused && player.ended() && standing > 1)
    startPlayer();
  else if (c?.state === 'live' && !video.paused && standing > 10 && now - playerSince > 10000)
    again('the picture stood still');
}

/* Four times a second: is the picture moving, and how late is it? */
function look() {
  const now = performance.now();
  const seconds = video.currentTime;
  showButtons();
  if (!player)
    return;
  if (seconds !== progress.time) {
    if (progress.stalled)
      shown.stalledSeconds += (now - progress.movedAt) / 1000;
    if (now - playerSince > 10000)
      failures = 0;
    Object.assign(progress, { time: seconds, movedAt: now, stalled: false });
  } else if (progress.moving && !progress.stalled && !video.paused && !video.seeking && now - progress.movedAt > 500) {
    progress.stalled = true;
    shown.stalls++;
  } else if (video.paused)
    progress.movedAt = now;

  shown.behindEdge = player.behindEdge();
  const made = player.wallClock();
  const delay = (Date.now() - made) / 1000;
  /* Without a date in the playlist, or with a clock that is plainly off, the distance from the live edge must do. */
  shown.delay = delay > 0 && delay < 600 ? delay : NaN;
  shown.latency = Number.isFinite(shown.delay) ? shown.delay : shown.behindEdge;

  const c = shown.channel;
  if (video.paused && progress.moving)
    setState('paused');
  else if (progress.stalled)
    setState(c?.state === 'lost' ? 'lost' : 'buffering', c?.state === 'lost' ? 'The publisher went away. The picture goes on when it is back.' : 'Waiting for the next picture.');
  else if (progress.moving)
    setState('playing', c?.state === 'lost' ? 'The publisher went away; playing what is left.' : '');
  else if (now - playerSince > 4000)
    setState('loading', c?.state === 'lost' ? 'The publisher went away. The picture goes on when it is back.' : '');
}

/* Where there is a choice of renditions: which, and the player's own choice. */
function showRenditions() {
  const list = shown.renditions = player?.renditions?.() || [];
  shown.rendition = player?.rendition?.() ?? -1;
  const select = $('quality');
  const names = list.map((r) => `${r.height ? `${r.height}p` : 'Sound'}, ${kbps(r.bitrate / 1000)}`);
  if (select.dataset.names !== names.join()) {
    select.dataset.names = names.join();
    select.replaceChildren(new Option('As the line allows', '-1'), ...names.map((name, i) => new Option(name, i)));
  }
  $('quality-line').hidden = list.length < 2;
}

function showAll() {
  showRenditions();
  const c = shown.channel;
  $('hls-links').hidden = Boolean(c) && !c.hls && Boolean(c.whep);
  $('whep-links').hidden = !c?.whep;
  $('publish-link').hidden = c?.publishers === false;
  const q = video.getVideoPlaybackQuality?.();
  let ahead = NaN;
  for (let i = 0; i < video.buffered.length; i++) {
    if (video.buffered.start(i) <= video.currentTime && video.buffered.end(i) >= video.currentTime)
      ahead = video.buffered.end(i) - video.currentTime;
  }
  const whep = player?.figures;
  showFigures($('figure-list'), whep ? [
    ['Delay', fixed(shown.delay * 1000, 0, 'ms'), 'From the capture to your screen, by RTCP; right if both clocks are'],
    ['Jitter buffer', fixed(whep.buffer, 0, 'ms')],
    ['Round trip', fixed(whep.roundTrip, 0, 'ms')],
    ['Packets lost', whole(whep.lost)],
    ['Picture', size(video.videoWidth, video.videoHeight)],
    ['Frames dropped', whep.frames ? `${whep.dropped} of ${whep.frames}` : '–'],
    ['Stalls', shown.stalls ? `${shown.stalls} (${fixed(shown.stalledSeconds, 1, 's')})` : '0'],
    ['Player', 'WebRTC (WHEP)'],
    ['Rate', kbps(whep.kbps)],
    ['Viewers', whole(c?.viewers?.length ?? NaN)],
  ] : [
    ['Delay', fixed(player ? shown.delay : NaN, 1, 's'), 'From the time in the playlist to your screen; right if both clocks are'],
    ['Behind the live edge', fixed(player ? shown.behindEdge : NaN, 1, 's')],
    ['Buffer', fixed(player ? ahead : NaN, 1, 's')],
    ['Speed', player && video.playbackRate !== 1 ? `${video.playbackRate.toFixed(2)}×` : '1×', 'Above 1 while it catches up'],
    ['Picture', player ? size(video.videoWidth, video.videoHeight) : '–'],
    ['Frames dropped', q && player ? `${q.droppedVideoFrames} of ${q.totalVideoFrames}` : '–'],
    ['Stalls', shown.stalls ? `${shown.stalls} (${fixed(shown.stalledSeconds + (progress.stalled ? (performance.now() - progress.movedAt) / 1000 : 0), 1, 's')})` : '0'],
    ['Player', shown.player || '–'],
    ['Rate at the server', kbps(c?.video || c?.audio ? (c.video?.kbps || 0) + (c.audio?.kbps || 0) : NaN)],
    ['Sound against picture', fixed(c?.av_offset_ms ?? NaN, 1, 'ms'), 'As the server measures it; above 0, sound is late'],
    ['Segments', c?.segments ? `${whole(c.segments)}, ${fixed(c.segment_duration, 2, 's')} each` : '–'],
    ['Off the segment grid', fixed(c?.grid_error_ms ?? NaN, 1, 'ms')],
  ]);
}

setText($('channel'), channel);
$('publish-link').href = `/publish/${encodeURIComponent(channel)}`;
$('whep-link').href = `/whep/${encodeURIComponent(channel)}${picture}`;
$('playlist').href = `/hls/${encodeURIComponent(channel)}/index.m3u8`;
video.muted = query.get('muted') === '1';
setState('waiting', 'Asking the server.');
$('access').addEventListener('submit', (e) => {
  e.preventDefault();
  token = $('token').value.trim();
  try {
    sessionStorage.setItem('lockstep-view-token', token);
  } catch {
    /* It holds until the page is left. */
  }
  $('access').hidden = true;
  restartAt = 0;
  decide();
});
addEventListener('pagehide', stopPlayer);
$('unmute').addEventListener('click', () => {
  video.muted = false;
  showButtons();
  play();
});
$('play').addEventListener('click', () => {
  $('play').hidden = true;
  play();
});
/* A new source pauses the element: each player is started once, when it has something to show. */
video.addEventListener('canplay', () => {
  if (player && !progress.begun) {
    progress.begun = true;
    play();
  }
});
video.addEventListener('playing', () => { progress.moving = player !== null; });
/* After a pause, live goes on at the live edge. */
let pausedAt = 0;
video.addEventListener('pause', () => { pausedAt = performance.now(); });
video.addEventListener('play', () => {
  if (player && pausedAt && performance.now() - pausedAt > 5000)
    player.catchUp();
});
video.addEventListener('volumechange', showButtons);
$('quality').addEventListener('change', (e) => player?.choose?.(Number(e.target.value)));
setInterval(look, 250);
setInterval(showAll, 1000);
showAll();
follow();
