/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What all pages share: finding elements, asking the server, words and numbers. */

export const $ = (id) => document.getElementById(id);

/** The channel a page is about: the part of its path after /publish/ or /watch/. */
export function channelFromPath() {
  const part = location.pathname.split('/')[2] || '';
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}

/** GET of JSON. Returns the value, or null for 404; throws with a plain reason otherwise. */
export async function getJson(url, limit = 5000) {
  let response;
  try {
    response = await fetch(url, { cache: 'no-store', signal: AbortSignal.timeout(limit) });
  } catch {
    throw new Error('the server cannot be reached');
  }
  if (response.status === 404)
    return null;
  if (!response.ok)
    throw new Error(`the server answered ${response.status}`);
  return response.json();
}

export const channelApi = (name) => `/api/channels/${encodeURIComponent(name)}`;

/** Sets text only where it changed, so that screen readers are not told twice. */
export function setText(element, text) {
  if (element.textContent !== text)
    element.textContent = text;
}

/** The state pill: a kind for its colour (idle, wait, live, bad), a word, and a sentence under it. */
export function showState(kind, word, sentence) {
  const pill = $('state');
  pill.dataset.kind = kind;
  setText(pill, word);
  setText($('reason'), sentence || '');
}

/** A value in a page's address that the page does not take: what it does take, and what it goes by instead. */
export const notKnown = (name, value, known, instead) => `${name}=${value} in the address is not known here: it can be ${known.join(', ')}. ${instead} is taken instead.`;

export const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/** Wait in ms before retry number n (0, 1, ...): doubling from 1 s up to 30 s, with half of it drawn by chance
 * so that many clients do not come back in the same instant. */
export function backoff(n, random = Math.random) {
  const full = Math.min(30000, 1000 * 2 ** Math.min(n, 5));
  return full / 2 + random() * full / 2;
}

/** Seconds to wait where a server that has no room says when to come again: up to half as long on top, so that not all
 * who were sent away come in the same moment. seconds: its Retry-After; null where it has none. */
export function comeAgain(seconds, random = Math.random) {
  return Math.min(Math.max(seconds ?? 5, 1), 60) * (1 + random() / 2);
}

const none = '–';
export const fixed = (x, digits, unit) => (Number.isFinite(x) ? `${x.toFixed(digits)}${unit ? `\u202f${unit}` : ''}` : none);
export const whole = (x) => (Number.isFinite(x) ? String(Math.round(x)) : none);
export const kbps = (x) => (!Number.isFinite(x) ? none : x >= 1000 ? `${(x / 1000).toFixed(x < 9950 ? 2 : 1)}\u202fMbit/s` : `${Math.round(x)}\u202fkbit/s`);
export const size = (w, h) => (w && h ? `${w}×${h}` : none);

/** A codec's name as people write it. */
export const codecName = (name) => ({ h264: 'H.264', opus: 'Opus' })[String(name).toLowerCase()] || name;

/** Seconds as 42 s, 3 min 05 s, 2 h 07 min, 3 d 4 h. */
export function duration(s) {
  if (!Number.isFinite(s) || s < 0)
    return none;
  s = Math.floor(s);
  const two = (x) => String(x).padStart(2, '0');
  if (s < 60)
    return `${s} s`;
  if (s < 3600)
    return `${Math.floor(s / 60)} min ${two(s % 60)} s`;
  if (s < 86400)
    return `${Math.floor(s / 3600)} h ${two(Math.floor(s / 60) % 60)} min`;
  return `${Math.floor(s / 86400)} d ${Math.floor(s / 3600) % 24} h`;
}

/** Fills a definition list with rows [[name, value, title]], reusing what is there so that a selection survives. */
export function showFigures(list, rows) {
  rows.forEach(([name, value, title], i) => {
    let row = list.children[i];
    if (!row) {
      row = document.createElement('div');
      row.append(document.createElement('dt'), document.createElement('dd'));
      list.append(row);
    }
    row.title = title || '';
    setText(row.children[0], name);
    setText(row.children[1], String(value));
  });
  while (list.children.length > rows.length)
    list.lastChild.remove();
}

/** What the server says of a channel, in words. */
export const stateWords = {
  connecting: ['wait', 'Connecting'],
  live: ['live', 'Live'],
  lost: ['wait', 'Publisher lost'],
  idle: ['idle', 'Not live'],
};
