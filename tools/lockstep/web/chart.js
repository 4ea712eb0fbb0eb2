/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A small live chart: one line over the last minutes, its latest value beside it. Plain SVG, so that it is sharp
 * at any size and takes its colours from the style sheet. */

const namespace = 'http://www.w3.org/2000/svg';
const width = 160;
const height = 36;

function svg(tag, attributes, parent) {
  const e = document.createElementNS(namespace, tag);
  for (const [name, value] of Object.entries(attributes))
    e.setAttribute(name, value);
  parent?.append(e);
  return e;
}

/** The last values of one figure, `span` ms of them. null is a gap. */
export class Series {
  points = []; /* { time, value } in order of time */

  constructor(span) {
    this.span = span;
  }

  add(time, value) {
    this.points.push({ time, value: Number.isFinite(value) ? value : null });
    /* one point before the span stays: the line begins at the edge */
    while (this.points.length > 1 && this.points[1].time <= time - this.span)
      this.points.shift();
  }

  get empty() {
    return this.points.every((p) => p.value === null);
  }

  get last() {
    return this.points.at(-1)?.value ?? null;
  }
}

/** The range that is drawn: all values, zero too, and at least `least` high, so that noise does not look like a storm. */
export function range(points, least) {
  let low = 0;
  let high = 0;
  for (const { value } of points) {
    if (value !== null) {
      low = Math.min(low, value);
      high = Math.max(high, value);
    }
  }
  const short = least - (high - low);
  if (short <= 0)
    return [low, high];
  return low < 0 ? [low - short / 2, high + short / 2] : [low, high + short];
}

/** SVG path data of a line through the points: pen up over gaps. x is time from now - span to now. */
export function pathOf(points, span, now, [low, high], w = width, h = height) {
  let data = '';
  let pen = false;
  for (const { time, value } of points) {
    if (value === null) {
      pen = false;
      continue;
    }
    const x = Math.max(0, w - (now - time) / span * w);
    const y = h - 1 - (value - low) / (high - low) * (h - 2);
    data += `${pen ? 'L' : 'M'}${x.toFixed(1)} ${y.toFixed(1)}`;
    pen = true;
  }
  return data;
}

/** A chart in a figure of its own. name: what it shows. format (value): the value in words. */
export class Chart {
  constructor(name, least, format) {
    this.least = least;
    this.format = format;
    this.element = document.createElement('figure');
    this.element.className = 'chart';
    const caption = document.createElement('figcaption');
    const label = document.createElement('span');
    label.textContent = name;
    this.value = document.createElement('output');
    caption.append(label, this.value);
    /* the value beside it says the same to a screen reader */
    const picture = svg('svg', { viewBox: `0 0 ${width} ${height}`, preserveAspectRatio: 'none', 'aria-hidden': 'true' });
    this.zero = svg('line', { class: 'zero', x1: 0, x2: width, 'vector-effect': 'non-scaling-stroke' }, picture);
    this.line = svg('path', { class: 'line', fill: 'none', 'vector-effect': 'non-scaling-stroke' }, picture);
    this.element.append(caption, picture);
  }

  show(series, now) {
    this.element.hidden = series.empty;
    if (series.empty)
      return;
    const limits = range(series.points, this.least);
    this.line.setAttribute('d', pathOf(series.points, series.span, now, limits));
    const zero = height - 1 - (0 - limits[0]) / (limits[1] - limits[0]) * (height - 2);
    this.zero.setAttribute('y1', zero.toFixed(1));
    this.zero.setAttribute('y2', zero.toFixed(1));
    const text = series.last === null ? '–' : this.format(series.last);
    if (this.value.textContent !== text)
      this.value.textContent = text;
  }
}
