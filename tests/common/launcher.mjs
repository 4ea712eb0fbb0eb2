/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Starts the launcher of this build for a test, and stops it: a port of its own, an output folder of its own. */

import { spawn } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

/* Nothing of who runs the tests: neither the language that programs speak, nor settings that they take from the environment. */
const own = ['SOURCE_ROOT', 'BUILD_ROOT', 'PIPELINES_PATH', 'WEB_PATH', 'FAILURE_DIR'].map((name) => `LOCKSTEP_${name}`);
for (const name of Object.keys(process.env)) {
  if (/^(LC_|LANG|GST_DEBUG|NOTIFY_SOCKET$|WATCHDOG_|STATE_DIRECTORY$|BASH_ENV$)/.test(name) || (name.startsWith('LOCKSTEP_') && !own.includes(name)))
    delete process.env[name];
}
process.env.LC_ALL = 'C.UTF-8';

export const sourceRoot = process.env.LOCKSTEP_SOURCE_ROOT || path.resolve(path.dirname(fileURLToPath(import.meta.url)), '../..');
export const buildRoot = process.env.LOCKSTEP_BUILD_ROOT || path.join(sourceRoot, 'build');

export const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/** Limits are for a machine that has nothing else to do; one that is busy may take so many times as long. */
export const PATIENCE = 4;

/** Polls `probe` until it gives something true, and returns that; throws with `what` after `limit` ms on an idle machine. */
export async function until(what, limit, probe, every = 100) {
  const end = performance.now() + limit * PATIENCE;
  let last;
  for (;;) {
    try {
      last = await probe();
      if (last)
        return last;
    } catch (e) {
      last = e;
    }
    if (performance.now() > end)
      throw new Error(`${what}: not within ${limit * PATIENCE / 1000} s${last instanceof Error ? ` (${last.message})` : ''}`);
    await sleep(every);
  }
}

/** Whether a process has ended; one that nobody waits for, as in a container whose first process does not, stays as a zombie. */
export function gone(pid) {
  try {
    return /^State:\s+[ZX]/m.test(fs.readFileSync(`/proc/${pid}/status`, 'utf8'));
  } catch {
    return true;
  }
}

/** For a file's last hook: ends the process a second later where a connection to a killed browser would keep it. */
export const leave = () => setTimeout(() => process.exit(), 1000).unref();

/** A folder that is there for the test's files; screenshots and logs that should outlive the test go to `kept`. */
export const kept = path.join(buildRoot, 'e2e');
export function temporaryFolder(name) {
  return fs.mkdtempSync(path.join(os.tmpdir(), `lockstep-${name}-`));
}

export class Launcher {
  /** preset: its name. words: `name=value` parameters besides listen and output. program: what to run instead of
   * the launcher itself, a program that becomes it. listens: it serves HTTP.
   * stdin: 'pipe' for a process.stdin to write to. */
  static async start(preset = 'webrtc-to-hls', words = [], env = {}, { stdin = 'ignore', program = [path.join(buildRoot, 'tools', 'lockstep', 'lockstep')], listens = true } = {}) {
    const self = new Launcher();
    self.output = temporaryFolder('output');
    const build = (...parts) => path.join(buildRoot, ...parts);
    self.process = spawn(program[0], [...program.slice(1), 'run', preset, 'listen=127.0.0.1:0', ...(/-to-webrtc(\.json)?$/.test(preset) ? [] : [`output=${self.output}`]), ...words], {
      stdio: [stdin, 'pipe', 'pipe'],
      env: {
        GST_PLUGIN_PATH_1_0: build('plugins'),
        LOCKSTEP_PIPELINES_PATH: path.join(sourceRoot, 'pipelines'),
        LOCKSTEP_WEB_PATH: [build('tools', 'lockstep', 'web'), path.join(sourceRoot, 'tools', 'lockstep', 'web')].join(':'),
        ...process.env,
        GST_REGISTRY_1_0: path.join(self.output, '.registry.bin'),
        ...env,
      },
    });
    self.log = '';
    self.ended = new Promise((resolve) => self.process.once('exit', (code, signal) => {
      /* what it said last is still on its way, and a worker that hangs may say more */
      self.process.once('close', () => resolve({ code, signal }));
      setTimeout(resolve, 5000 * PATIENCE, { code, signal }).unref();
    }));
    const take = (data) => { self.log = (self.log + data).slice(-1000000); };
    self.process.stdout.on('data', take);
    self.process.stderr.on('data', take);
    if (!listens)
      return self;
    let over = null;
    self.ended.then((how) => { over = how; });
    /* a publisher does not listen */
    if (words.some((w) => /^whip=./.test(w)))
      return self;
    try {
      self.url = await until('the launcher listens', 30000, () => {
        const url = self.log.match(/listening on (https?:\/\/\S+?)\/?\s/)?.[1];
        if (over && !url)
          throw new Error(`it ended: ${JSON.stringify(over)}`);
        return url;
      });
    } catch (e) {
      self.process.kill('SIGKILL');
      throw new Error(`${e.message}\n${self.log}`);
    }
    return self;
  }

  get pid() {
    return this.process.pid;
  }

  /** What /api/channels/NAME says; null before the channel was ever seen. */
  async channel(name) {
    const r = await fetch(`${this.url}/api/channels/${name}`, { signal: AbortSignal.timeout(5000 * PATIENCE) });
    if (r.status === 404) {
      await r.arrayBuffer();
      return null;
    }
    if (!r.ok)
      throw new Error(`/api/channels/${name} answers ${r.status}`);
    return r.json();
  }

  /** Waits for a channel to satisfy `wanted`, and returns what the API said then. */
  async untilChannel(name, what, limit, wanted) {
    let seen = null;
    try {
      return await until(`channel ${name}: ${what}`, limit, async () => {
        seen = await this.channel(name);
        return seen && wanted(seen) ? seen : null;
      });
    } catch (e) {
      throw new Error(`${e.message}; it is ${JSON.stringify(seen)}\n${this.tail()}`);
    }
  }

  tail(lines = 30) {
    return `the launcher's last lines:\n${this.log.trimEnd().split('\n').slice(-lines).join('\n')}`;
  }

  /** Ends it as an operator does. Returns { code, signal, log }; it is killed where it does not end. */
  async stop(limit = 15000) {
    this.process.kill('SIGTERM');
    const killer = setTimeout(() => this.process.kill('SIGKILL'), limit * PATIENCE);
    const how = await this.ended;
    clearTimeout(killer);
    fs.rmSync(this.output, { recursive: true, force: true });
    return { ...how, log: this.log };
  }
}
