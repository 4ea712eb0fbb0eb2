/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* How long threads that could run had to wait for a processor, as the kernel counts it, and how late this process was by
 * itself, as it is where the whole machine stands still: what a bound on a delay allows for. */

import fs from 'node:fs';

const PERIOD = 250; /* ms */

/** The text of a file of /proc; '' where what it is about has gone. */
function read(name) {
  try {
    return fs.readFileSync(name, 'latin1');
  } catch {
    return '';
  }
}

function list(folder) {
  try {
    return fs.readdirSync(folder).filter((name) => /^\d+$/.test(name));
  } catch {
    return [];
  }
}

export class ProcessorWaits {
  #roots; /* name -> process id */
  #known = new Map(); /* process id -> name of its root, or undefined */
  #waited = new Map(); /* thread -> ns */
  #worst = {};
  #timer;
  #due;

  /** roots: names for processes, each of which stands for its descendants too. */
  constructor(roots) {
    this.#roots = Object.entries(roots);
    for (const [name] of this.#roots)
      this.#worst[name] = 0;
    this.#look();
    this.#wait();
  }

  #wait() {
    this.#due = performance.now() + PERIOD;
    this.#timer = setTimeout(() => {
      const late = performance.now() - this.#due;
      for (const [name] of this.#roots)
        this.#worst[name] = Math.max(this.#worst[name], late);
      this.#look();
      this.#wait();
    }, PERIOD).unref();
  }

  #rootOf(pid) {
    if (!this.#known.has(pid)) {
      const own = this.#roots.find(([, root]) => String(root) === pid)?.[0];
      const parent = /\) \S (\d+)/.exec(read(`/proc/${pid}/stat`))?.[1];
      this.#known.set(pid, undefined);
      this.#known.set(pid, own ?? (Number(parent) > 1 ? this.#rootOf(parent) : undefined));
    }
    return this.#known.get(pid);
  }

  #look() {
    for (const pid of list('/proc')) {
      const root = this.#rootOf(pid);
      for (const thread of root ? list(`/proc/${pid}/task`) : []) {
        const ns = Number(read(`/proc/${pid}/task/${thread}/schedstat`).split(' ')[1]) || 0;
        this.#worst[root] = Math.max(this.#worst[root], (ns - (this.#waited.get(thread) ?? ns)) / 1e6);
        this.#waited.set(thread, ns);
      }
    }
  }

  /** Ends it. Returns the longest that a thread of each root's processes waited at once, or within PERIOD: name -> ms. */
  stop() {
    clearTimeout(this.#timer);
    this.#look();
    return this.#worst;
  }
}
