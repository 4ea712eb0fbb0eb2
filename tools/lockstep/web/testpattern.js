/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A source that needs no camera: a canvas with a clock, a ball and a code for the time it was drawn at, and a beep
 * with a white flash at every full second. The code is defined here once, for who draws it and who reads it.
 *
 * The time code: two rows of cells across the top of the picture. Each row begins with a white cell and ends with a
 * black one, from which the reader takes its threshold; between them are 24 bits, most significant first, white for 1.
 * The 48 bits are 42 bits of milliseconds since the Unix epoch and a 6 bit checksum. The milliseconds are Gray coded,
 * so that neighbouring times differ in few cells, and the checksum rejects a picture that mixes two. */

const COLUMNS = 26;
const ROWS = 2;
const BITS_A_ROW = COLUMNS - 2;
const TIME_BITS = 42n;
const CHECK_BITS = 6n;

/* CRC-6, polynomial x^6 + x + 1, over the 42 bits. */
function checksum(code) {
  let crc = 0x3f;
  for (let i = TIME_BITS - 1n; i >= 0n; i--) {
    const bit = Number((code >> i) & 1n) ^ (crc >> 5);
    crc = (crc << 1) & 0x3f;
    if (bit)
      crc ^= 0x03;
  }
  return BigInt(crc);
}

/** Cells for a time: an array of ROWS arrays of COLUMNS booleans, true for white. ms: integer, 0 <= ms < 2^42. */
export function encodeTime(ms) {
  const time = BigInt(Math.round(ms));
  const gray = time ^ (time >> 1n);
  const word = (gray << CHECK_BITS) | checksum(gray);
  const rows = [];
  for (let r = 0; r < ROWS; r++) {
    const row = [true];
    for (let i = 0; i < BITS_A_ROW; i++)
      row.push(((word >> BigInt(ROWS * BITS_A_ROW - 1 - r * BITS_A_ROW - i)) & 1n) === 1n);
    row.push(false);
    rows.push(row);
  }
  return rows;
}

/** The time in ms that `rows` of luma means (ROWS arrays of COLUMNS numbers), or null: no code, or a damaged one. */
export function decodeTime(rows) {
  let word = 0n;
  for (const row of rows) {
    const white = row[0];
    const black = row[COLUMNS - 1];
    if (white - black < 60)
      return null;
    for (let i = 1; i <= BITS_A_ROW; i++)
      word = (word << 1n) | (row[i] > (white + black) / 2 ? 1n : 0n);
  }
  let time = word >> CHECK_BITS;
  if (checksum(time) !== (word & 0x3fn))
    return null;
  for (let shift = 1n; shift < TIME_BITS; shift <<= 1n)
    time ^= time >> shift;
  return Number(time);
}

/** Where cell (row, column) lies in a picture of width × height: [x, y, w, h]. The rows share the top eighth. */
export function cellBox(row, column, width, height) {
  const w = width / COLUMNS;
  const h = height / 8 / ROWS;
  return [column * w, row * h, w, h];
}

/** Reads the time from a 2D context that holds the picture; null where there is none. Each cell is the mean of its middle. */
export function readTime(context, width, height) {
  const rows = [];
  const strip = context.getImageData(0, 0, width, Math.ceil(height / 8)).data;
  for (let r = 0; r < ROWS; r++) {
    const row = [];
    for (let c = 0; c < COLUMNS; c++) {
      const [x, y, w, h] = cellBox(r, c, width, height);
      let sum = 0;
      let n = 0;
      for (let py = Math.floor(y + h * 0.3); py < y + h * 0.7; py++) {
        for (let px = Math.floor(x + w * 0.3); px < x + w * 0.7; px++) {
          const at = (py * width + px) * 4;
          sum += 0.2126 * strip[at] + 0.7152 * strip[at + 1] + 0.0722 * strip[at + 2];
          n++;
        }
      }
      row.push(n ? sum / n : 0);
    }
    rows.push(row);
  }
  return decodeTime(rows);
}

const BEEP_SECONDS = 0.1;

export class TestSource {
  #canvas = document.createElement('canvas');
  #context;
  #ticker;
  #audio = null;
  #tone = null;
  #beeps = [];
  #next = 0;
  #fps;
  #title;

  /** picture, sound: which tracks to make. title: words in the picture, normally the channel. */
  constructor({ width = 1280, height = 720, fps = 30, picture = true, sound = true, title = '' } = {}) {
    this.#canvas.width = width;
    this.#canvas.height = height;
    this.#context = this.#canvas.getContext('2d', { alpha: false });
    this.#fps = fps;
    this.#title = title;
    const tracks = [];
    if (sound) {
      this.#audio = new AudioContext({ sampleRate: 48000, latencyHint: 'interactive' });
      this.#tone = new GainNode(this.#audio, { gain: 0 });
      const tone = new OscillatorNode(this.#audio, { frequency: 1000 });
      const out = new MediaStreamAudioDestinationNode(this.#audio, { channelCount: 2 });
      tone.connect(this.#tone).connect(out);
      tone.start();
      /* Without a user's touch some browsers begin suspended; any touch later wakes it. */
      const wake = () => this.#audio?.state === 'suspended' && this.#audio.resume();
      wake();
      addEventListener('pointerdown', wake);
      addEventListener('keydown', wake);
      tracks.push(out.stream.getAudioTracks()[0]);
    }
    if (picture) {
      this.#draw();
      tracks.push(this.#canvas.captureStream(fps).getVideoTracks()[0]);
    }
    this.stream = new MediaStream(tracks);
    /* The beat comes from a worker: a page in the background would slow its own timers to one a second. */
    this.#ticker = new Worker('/assets/ticker.js');
    this.#ticker.onmessage = () => {
      this.#planBeeps(Date.now());
      if (picture)
        this.#draw();
    };
    this.#ticker.postMessage(1000 / fps);
  }

  stop() {
    this.#ticker.terminate();
    this.#audio?.close();
    this.#audio = null;
    for (const track of this.stream.getTracks())
      track.stop();
  }

  /* Plans the next beep on the audio clock, up to half a second ahead: one at each full second of the wall clock. */
  #planBeeps(now) {
    const audio = this.#audio;
    if (!audio || audio.state !== 'running')
      return;
    const second = Math.floor(now / 1000) + 1;
    if (second * 1000 - now > 500 || second <= this.#next)
      return;
    this.#next = second;
    const at = audio.currentTime + (second * 1000 - now) / 1000;
    const gain = this.#tone.gain;
    gain.setValueAtTime(0, at);
    gain.linearRampToValueAtTime(0.5, at + 0.002);
    gain.setValueAtTime(0.5, at + BEEP_SECONDS - 0.002);
    gain.linearRampToValueAtTime(0, at + BEEP_SECONDS);
    this.#beeps = [...this.#beeps.filter((t) => t > audio.currentTime - 1), at];
  }

  /* The flash follows the audio clock where there is sound, so that both leave the page together. */
  #flashing(now) {
    if (this.#audio?.state === 'running') {
      const t = this.#audio.currentTime;
      return this.#beeps.some((at) => t >= at && t < at + BEEP_SECONDS);
    }
    return now % 1000 < BEEP_SECONDS * 1000;
  }

  #draw() {
    const c = this.#context;
    const { width, height } = this.#canvas;
    const now = Date.now();
    const flash = this.#flashing(now);

    c.fillStyle = flash ? '#ffffff' : '#14323d';
    c.fillRect(0, 0, width, height);

    /* Colour bars along the foot, and a ball that crosses the picture in four seconds. */
    const bars = ['#c0c0c0', '#c0c000', '#00c0c0', '#00c000', '#c000c0', '#c00000', '#0000c0'];
    bars.forEach((colour, i) => {
      c.fillStyle = colour;
      c.fillRect(Math.floor(i * width / bars.length), height * 0.88, Math.ceil(width / bars.length), height * 0.12);
    });
    const phase = (now % 4000) / 4000;
    const swing = phase < 0.5 ? phase * 2 : 2 - phase * 2;
    const radius = height * 0.045;
    c.fillStyle = flash ? '#0b6f80' : '#ffb454';
    c.beginPath();
    c.arc(radius * 2 + swing * (width - radius * 4), height * (0.78 - 0.1 * Math.abs(Math.sin(phase * 4 * Math.PI))), radius, 0, 2 * Math.PI);
    c.fill();

    const d = new Date(now);
    const two = (x) => String(x).padStart(2, '0');
    c.fillStyle = flash ? '#14323d' : '#f2f6f7';
    c.textAlign = 'center';
    c.textBaseline = 'middle';
    c.font = `600 ${Math.round(height * 0.17)}px ui-monospace, "DejaVu Sans Mono", monospace`;
    c.fillText(`${two(d.getHours())}:${two(d.getMinutes())}:${two(d.getSeconds())}.${Math.floor(d.getMilliseconds() / 100)}`, width / 2, height * 0.38);
    c.font = `${Math.round(height * 0.05)}px system-ui, "DejaVu Sans", sans-serif`;
    c.fillText(`${this.#title}${this.#title ? '  ·  ' : ''}${width}×${height}, ${this.#fps} fps`, width / 2, height * 0.55);

    encodeTime(now).forEach((row, r) => row.forEach((white, column) => {
      const [x, y, w, h] = cellBox(r, column, width, height);
      c.fillStyle = white ? '#ffffff' : '#000000';
      c.fillRect(Math.floor(x), Math.floor(y), Math.ceil(w) + 1, Math.ceil(h) + 1);
    }));
  }
}
