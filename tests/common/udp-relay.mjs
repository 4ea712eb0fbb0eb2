/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A network with faults between a publisher and the server: UDP passes through here, and here it can be lost, held
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

/* RTP with RTCP left out, as RFC 5761 tells them apart on one port. */
const isRtp = (m) => m.length >= 12 && m[0] >= 128 && m[0] < 192 && !((m[1] & 0x7f) >= 64 && (m[1] & 0x7f) < 96);

const bind = async (socket) => {
  await new Promise((resolve, reject) => {
    socket.once('error', reject);
    socket.bind(0, '127.0.0.1', resolve);
  });
  socket.on('error', () => {});
};

export class UdpRelay {
  /** loss: the part of the publisher's RTP packets that is dropped. delay: ms added each way. */
  constructor({ loss = 0, delay = 0, seed = 1 } = {}) {
    Object.assign(this, { loss, delay });
    this.cut = false;
    this.dropped = 0;
    this.passed = 0;
    this.random = seeded(seed);
    this.sockets = [];
  }

  #send(socket, message, port, host) {
    if (this.delay)
      setTimeout(() => this.sockets.includes(socket) && socket.send(message, port, host), this.delay);
    else
      socket.send(message, port, host);
  }

  /* A pair of ports for one session: `near` faces the publisher, `far` the server. */
  async #pair(host, port) {
    const near = dgram.createSocket('udp4');
    const far = dgram.createSocket('udp4');
    await bind(near);
    await bind(far);
    this.sockets.push(near, far);
    let publisher = null;
    near.on('message', (message, from) => {
      publisher = from;
      if (this.cut)
        return;
      if (isRtp(message) && this.random() < this.loss) {
        this.dropped++;
        return;
      }
      this.passed++;
      this.#send(far, message, port, host);
    });
    far.on('message', (message) => {
      if (!this.cut && publisher)
        this.#send(near, message, publisher.port, publisher.address);
    });
    return near.address().port;
  }

  /** Puts the relay between a publish page and the server; to be called before the page is loaded. */
  async install(page) {
    await page.route('**/whip/*', async (route) => {
      const request = route.request();
      if (request.method() !== 'POST') {
        await route.continue();
        return;
      }
      /* The server must not learn the publisher's own addresses, or it would go around the relay. */
      const offer = request.postData().replace(/^a=(candidate|end-of-candidates).*\r?\n/gm, '');
      const response = await route.fetch({ postData: offer });
      let answer = await response.text();
      if (response.status() === 201) {
        const own = answer.match(/^a=candidate:\S+ 1 udp \d+ (\d+\.\d+\.\d+\.\d+) (\d+) typ host/mi);
        const port = await this.#pair(own[1], Number(own[2]));
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
