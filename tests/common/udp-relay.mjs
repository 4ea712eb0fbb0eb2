/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A network with faults between a publisher, or a viewer, and the server: UDP passes through here, and here it can be lost, held
 * back, or cut off. Signalling goes through as it is; only the candidates in it are replaced. */

import dgram from 'node:dgram';

/* mulberry32: a small seeded generator, so that a run can be had again. */
function seeded(seed) {
  return () => {
    seed = (seed + 0x6d2b79f5) | 0;
    let t = Math.imul(seed ^ (seed >>> 15), 1 | seed);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

/* RTP and RTCP, as RFC 5761 tells them apart on one port. */
const isEither = (m) => m.length >= 12 && m[0] >= 128 && m[0] < 192;
const isRtcp = (m) => isEither(m) && (m[1] & 0x7f) >= 64 && (m[1] & 0x7f) < 96;
const isRtp = (m) => isEither(m) && !isRtcp(m);

const bind = async (socket) => {
  await new Promise((resolve, reject) => {
    socket.once('error', reject);
    socket.bind(0, '127.0.0.1', resolve);
  });
  socket.on('error', () => {});
};

/* Gilbert and Elliott's channel: loss in bursts. share: the part of the packets that is lost; burst: how many in a
 * row on average. */
function bursts(random, share, burst) {
  let bad = false;
  return () => {
    bad = random() < (bad ? 1 - 1 / burst : share / (1 - share) / burst);
    return bad;
  };
}

/* A delay that wanders within middle ± wander ms, as a queue on the path makes it; a share of the packets is held until
 * others have passed it. */
function delays(random, middle, wander, reorder) {
  let off = 0;
  return () => {
    off = Math.max(-wander, Math.min(wander, off + (2 * random() - 1) * wander / 30));
    return middle + (random() < reorder ? wander : off);
  };
}

export class UdpRelay {
  /** Of a viewer, what is said here of the publisher's packets holds for those that the server sends to it.
   * loss: the part of the publisher's RTP packets that is dropped; burst: how many of them in a row on average.
   * feedbackLoss: the part of the server's RTCP that is dropped. delay: ms added each way. jitter: mean of what each of
   * the publisher's packets waits beyond that, in ms, up to five times as much; none overtakes another. wander: how far
   * the delay strays from `delay` both ways and with time, in ms; packets that are close may then overtake one another,
   * and the part `reorder` of them is overtaken for sure. videoStart: ms for which the picture's first packets wait, so
   * that all that was sent meanwhile comes then. rate: kbit/s that pass, with a queue of 200 ms before; 0: any. */
  constructor({ loss = 0, burst = 1, feedbackLoss = 0, delay = 0, jitter = 0, wander = 0, reorder = 0, videoStart = 0, rate = 0, seed = 1 } = {}) {
    Object.assign(this, { jitter, wander, videoStart, rate });
    this.overflowed = 0;
    this.cut = false;
    this.dropped = 0;
    this.passed = 0;
    this.videoTypes = new Set(); /* RTP payload types, from the offer */
    this.random = seeded(seed);
    this.loses = bursts(this.random, loss, burst);
    this.losesFeedback = bursts(this.random, feedbackLoss, 1);
    this.takes = { near: delays(this.random, delay, wander, reorder), far: delays(this.random, delay, wander, reorder) };
    this.sockets = [];
  }

  #send(socket, message, port, host, delay) {
    if (delay > 0)
      setTimeout(() => this.sockets.includes(socket) && socket.send(message, port, host), delay);
    else
      socket.send(message, port, host);
  }

  /* When a packet of the publisher's may go on, performance.now () or before; NaN: never, the queue is full. */
  #due(message, line) {
    const now = performance.now();
    let due = now + this.takes.far();
    if (this.rate) {
      const free = Math.max(now, line.free ?? 0);
      if (free - now > 200) {
        this.overflowed++;
        return NaN;
      }
      line.free = free + (message.length + 28) * 8 / this.rate;
      due += line.free - now;
    }
    if (this.jitter)
      due += Math.min(5, -Math.log(1 - this.random())) * this.jitter;
    if (this.videoStart && isRtp(message) && this.videoTypes.has(message[1] & 0x7f)) {
      line.videoFrom ??= now + this.videoStart;
      due = Math.max(due, line.videoFrom);
      line.lastVideo = due = Math.max(due, line.lastVideo ?? 0);
      return due;
    }
    if (!this.wander)
      line.last = due = Math.max(due, line.last ?? 0);
    return due;
  }

  /* A pair of ports for one session: `near` faces the publisher, `far` the server. */
  async #pair(host, port, watched) {
    const near = dgram.createSocket('udp4');
    const far = dgram.createSocket('udp4');
    await bind(near);
    await bind(far);
    this.sockets.push(near, far);
    let publisher = null;
    const line = {};
    const queue = [];
    const on = (message) => watched ? near.send(message, publisher.port, publisher.address) : far.send(message, port, host);
    const drain = () => {
      const now = performance.now();
      for (let i = 0; i < queue.length;) {
        if (queue[i].due > now + 0.5)
          i++;
        else
          on(queue.splice(i, 1)[0].message);
      }
    };
    const media = (message) => {
      if (this.cut)
        return;
      if (isRtp(message) && this.loses()) {
        this.dropped++;
        return;
      }
      this.passed++;
      const due = this.#due(message, line);
      if (Number.isNaN(due))
        return;
      if (due <= performance.now()) {
        on(message);
        return;
      }
      queue.push({ message, due });
      setTimeout(() => this.sockets.includes(far) && drain(), due - performance.now());
    };
    const feedback = (message) => {
      if (this.cut || (isRtcp(message) && this.losesFeedback()))
        return;
      if (watched)
        this.#send(far, message, port, host, this.takes.near());
      else
        this.#send(near, message, publisher.port, publisher.address, this.takes.near());
    };
    near.on('message', (message, from) => {
      publisher = from;
      (watched ? feedback : media)(message);
    });
    far.on('message', (message) => {
      if (publisher)
        (watched ? media : feedback)(message);
    });
    return near.address().port;
  }

  /** Puts the relay between a publish page, or with `watched` one that watches by WHEP, and the server; to be called before
   * the page is loaded. channel: the one whose sessions go through it. */
  async install(page, channel = '*', watched = false) {
    await page.route(`**/${watched ? 'whep' : 'whip'}/${channel}`, async (route) => {
      const request = route.request();
      if (request.method() !== 'POST') {
        await route.continue();
        return;
      }
      /* The server must not learn the publisher's own addresses, or it would go around the relay. */
      const offer = request.postData().replace(/^a=(candidate|end-of-candidates).*\r?\n/gm, '');
      const video = offer.split(/^(?=m=)/m).find((m) => m.startsWith('m=video'));
      this.videoTypes = new Set(video?.match(/^m=video \d+ \S+ (.*)/)[1].trim().split(' ').map(Number));
      const response = await route.fetch({ postData: offer });
      let answer = await response.text();
      if (response.status() === 201) {
        const own = answer.match(/^a=candidate:\S+ 1 udp \d+ (\d+\.\d+\.\d+\.\d+) (\d+) typ host/mi);
        const port = await this.#pair(own[1], Number(own[2]), watched);
        answer = answer.replace(/^a=(candidate|end-of-candidates).*\r?\n/gm, '')
          .replace(/^a=mid:.*?(\r?\n)/gm, (line, end) => `${line}a=candidate:1 1 udp 2130706431 127.0.0.1 ${port} typ host${end}a=end-of-candidates${end}`);
      }
      await route.fulfill({ response, body: answer });
    });
  }

  close() {
    for (const socket of this.sockets.splice(0))
      socket.close();
  }
}
