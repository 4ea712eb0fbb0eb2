/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The front page: what runs on this server, refreshed every two seconds. */

import { Chart, Series } from './chart.js';
import { $, codecName, duration, fixed, getJson, kbps, setText, showState, size, sleep, stateWords } from './common.js';

const list = $('channels');
const cards = new Map();

/* What is drawn of each channel: the last two minutes. */
const span = 120000;
const ms = (x) => fixed(x, Math.abs(x) < 10 ? 1 : 0, 'ms');
const figures = [
  { name: 'Bitrate', least: 100, format: kbps, read: (c) => (c.video || c.audio ? (c.video?.kbps ?? 0) + (c.audio?.kbps ?? 0) : null) },
  { name: 'Delay', least: 100, format: ms, read: (c) => c.delay_ms },
  { name: 'A/V offset', least: 40, format: ms, read: (c) => c.av_offset_ms },
  { name: 'Grid error', least: 24, format: ms, read: (c) => c.grid_error_ms },
];

function element(tag, className, parent) {
  const e = document.createElement(tag);
  if (className)
    e.className = className;
  parent?.append(e);
  return e;
}

function makeCard(name) {
  const card = element('li', 'card');
  const head = element('div', 'card-head', card);
  const title = element('h2', '', head);
  const link = element('a', '', title);
  link.href = `/watch/${encodeURIComponent(name)}`;
  link.textContent = name;
  const pill = element('span', 'pill', head);
  const facts = element('p', 'facts', card);
  const reason = element('p', 'reason', card);
  const box = element('div', 'charts', card);
  const charts = figures.map(({ name: figure, least, format, read }) => {
    const chart = new Chart(figure, least, format);
    box.append(chart.element);
    return { chart, read, series: new Series(span) };
  });
  const actions = element('p', 'card-actions', card);
  const targets = [['Watch', `/watch/${encodeURIComponent(name)}`], ['Publish', `/publish/${encodeURIComponent(name)}`], ['Playlist', null]];
  const links = targets.map(([text, href]) => {
    const a = element('a', 'button', actions);
    a.textContent = text;
    a.setAttribute('aria-label', `${text}: ${name}`);
    if (href)
      a.href = href;
    return a;
  });
  return { card, pill, facts, reason, box, charts, publish: links[1], playlist: links[2] };
}

function showChannel(view, c, publishers) {
  const [kind, word] = stateWords[c.state] || ['idle', c.state];
  view.pill.dataset.kind = kind;
  setText(view.pill, word);
  const facts = [];
  if (c.state === 'live' || c.state === 'lost')
    facts.push(`for ${duration(Date.now() / 1000 - c.since)}`);
  if (c.video)
    facts.push([codecName(c.video.codec), size(c.video.width, c.video.height), kbps(c.video.kbps)].filter((x) => x && x !== '–').join(' '));
  if (c.audio)
    facts.push([codecName(c.audio.codec), kbps(c.audio.kbps)].filter((x) => x && x !== '–').join(' '));
  if (c.segments && Number.isFinite(c.segment_duration))
    facts.push(`${c.segments} segments of ${fixed(c.segment_duration, 2, 's')}`);
  setText(view.facts, facts.join(' · '));
  setText(view.reason, c.reason || '');
  const now = Date.now();
  for (const { chart, read, series } of view.charts) {
    series.add(now, c.state === 'live' ? read(c) : null);
    chart.show(series, now);
  }
  view.box.hidden = view.charts.every(({ series }) => series.empty);
  /* a channel with a source of its own has no publishers */
  view.publish.hidden = !publishers;
  view.playlist.hidden = !c.hls;
  if (c.hls)
    view.playlist.href = c.hls;
}

function show({ channels, publishers }) {
  channels.sort((a, b) => a.name.localeCompare(b.name));
  const seen = new Set();
  channels.forEach((c, i) => {
    seen.add(c.name);
    let view = cards.get(c.name);
    if (!view)
      cards.set(c.name, view = makeCard(c.name));
    showChannel(view, c, publishers);
    /* Only what moved is touched: a link that has the focus keeps it. */
    if (list.children[i] !== view.card)
      list.insertBefore(view.card, list.children[i] || null);
  });
  for (const [name, view] of cards) {
    if (!seen.has(name)) {
      view.card.remove();
      cards.delete(name);
    }
  }
  $('new').hidden = !publishers;
  $('empty').hidden = channels.length > 0;
  const live = channels.filter((c) => c.state === 'live').length;
  showState(live ? 'live' : 'idle', live ? `${live} live` : 'Nothing live', '');
}

$('new').addEventListener('submit', (e) => {
  e.preventDefault();
  location.href = `/publish/${encodeURIComponent($('name').value.trim())}`;
});

for (;;) {
  if (document.visibilityState === 'visible') {
    try {
      const answer = await getJson('/api/channels');
      if (!Array.isArray(answer?.channels))
        throw new Error('the server gave no list of channels');
      show(answer);
    } catch (e) {
      showState('bad', 'No connection', `${e.message}; trying again.`);
    }
  }
  await sleep(2000);
}
