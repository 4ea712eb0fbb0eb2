/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The watch page: waits until the channel is live, plays it, and starts again by itself after whatever happens.
 * ?player=hls.js or ?player=native forces a player; ?muted=1 starts without sound. */

import { $, backoff, channelApi, channelFromPath, fixed, getJson, kbps, setText, showFigures, showState, size, sleep, whole } from './common.js';
import { hasNativeHls, HlsJsPlayer, NativePlayer } from './player.js';

const channel = channelFromPath();
const query = new URLSearchParams(location.search);
const video = $('video');
const forced = { 'hls.js': 'hls.js', native: 'native' }[query.get('player')] || null;

/* What this page shows of itself to scripts that drive it. latency, delay, behindEdge are seconds (NaN: not known);
 * errors: fatal ones; warnings: what was recovered from; starts: how many players were made. */
const shown = globalThis.lockstep = {
  state: 'waiting', latency: NaN, delay: NaN, behindEdge: NaN, stalls: 0, stalledSeconds: 0, player: null, starts: 0, errors: [], warnings: [], channel: null,
};

let player = null;
let playerSince = 0;
let apiTrouble = '';
let failures = 0;
let restartAt = 0;
/* The progress of the picture: where it stood when it last moved, and since when it stands. */
const progress = { time: 0, movedAt: 0, moving: false, stalled: false, begun: false };

const words = {
  waiting: ['idle', 'Not live'],
  loading: ['wait', 'Loading'],
  playing: ['live', 'Live'],
  paused: ['idle', 'Paused'],
  buffering: ['wait', 'Buffering'],
  lost: ['wait', 'Interrupted'],
  ended: ['idle', 'Ended'],
  failed: ['bad', 'Failed'],
};

function setState(state, reason = '') {
  shown.state = state;
  showState(words[state][0], words[state][1], reason);
  document.title = `${state === 'playing' ? '● ' : ''}${channel} · Lockstep`;
  const soundOnly = player && progress.moving && !video.videoWidth && shown.channel?.audio;
  setText($('stage-note'), player ? (soundOnly ? 'Sound only' : '') : reason);
  $('reason').classList.toggle('unseen', !player);
  video.hidden = !player;
}

/* ---- Starting and stopping a player ---- */

const kindOfPlayer = () => forced || (hasNativeHls(video) ? 'native' : 'hls.js');

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
  const mine = player = kind === 'native' ? new NativePlayer(video, report) : new HlsJsPlayer(video, report);
  shown.player = kind;
  shown.starts++;
  playerSince = performance.now();
  Object.assign(progress, { time: video.currentTime, movedAt: playerSince, moving: false, stalled: false, begun: false });
  setState('loading');
  mine.start(shown.channel.hls, shown.channel.segment_duration).catch((e) => report(e.message, true));
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
    if (c?.hls && (c.state === 'live' || c.state === 'lost') && c.segments >= enoughSegments())
      startPlayer();
    else if (apiTrouble)
      setState('waiting', `No news of the channel: ${apiTrouble}. Still trying.`);
    else if (c?.state === 'connecting' || c?.state === 'live')
      setState('waiting', 'A publisher is connecting. The picture starts by itself.');
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

function showAll() {
  const c = shown.channel;
  const q = video.getVideoPlaybackQuality?.();
  let ahead = NaN;
  for (let i = 0; i < video.buffered.length; i++) {
    if (video.buffered.start(i) <= video.currentTime && video.buffered.end(i) >= video.currentTime)
      ahead = video.buffered.end(i) - video.currentTime;
  }
  showFigures($('figure-list'), [
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
$('playlist').href = `/hls/${encodeURIComponent(channel)}/index.m3u8`;
video.muted = query.get('muted') === '1';
setState('waiting', 'Asking the server.');
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
setInterval(look, 250);
setInterval(showAll, 1000);
showAll();
follow();
