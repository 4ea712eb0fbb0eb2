/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Debian's Chromium for the tests: a process of its own with a fresh profile, which can be killed as a crash would. */

import fs from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import { kept, sourceRoot } from './launcher.mjs';

const require = createRequire(path.join(sourceRoot, 'tests', 'e2e', 'package.json'));

export const chromiumPath = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'].find((p) => fs.existsSync(p));

/** Why browser tests cannot run here, or ''. */
export function whyNoBrowser() {
  if (!chromiumPath)
    return 'chromium is not installed';
  try {
    require.resolve('playwright-core');
  } catch {
    return 'playwright-core is missing: run `npm ci` in tests/e2e';
  }
  return '';
}

const flags = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
  '--autoplay-policy=no-user-gesture-required',
  /* Without these a page gets no candidate on a machine that has the loopback only. */
  '--allow-loopback-in-peer-connection',
  '--disable-features=WebRtcHideLocalIpsWithMdns',
  /* Pages that nobody looks at must not be slowed down. */
  '--disable-background-timer-throttling',
  '--disable-backgrounding-occluded-windows',
  '--disable-renderer-backgrounding',
];

export class Browser {
  /** camera: with a fake camera and microphone that pages may use (a picture at 30 fps, a beep each second).
   * executablePath: another Chromium, or what starts it elsewhere. */
  static async start({ camera = false, executablePath = chromiumPath } = {}) {
    const { chromium } = require('playwright-core');
    const self = new Browser();
    self.server = await chromium.launchServer({
      executablePath,
      headless: true,
      ignoreDefaultArgs: ['--mute-audio'],
      args: [...flags, ...(camera ? ['--use-fake-device-for-media-stream=fps=30', '--use-fake-ui-for-media-stream'] : [])],
    });
    self.browser = await chromium.connect(self.server.wsEndpoint());
    self.messages = [];
    return self;
  }

  /** A page in a context of its own, and small: without a GPU every pixel costs. Errors that pages throw are collected
   * in `messages`. */
  async page(url, { viewport = { width: 400, height: 360 }, before = null, ...context } = {}) {
    const page = await (await this.browser.newContext({ viewport, ...context })).newPage();
    page.on('pageerror', (e) => this.messages.push(`${page.url()}: ${e.message}`));
    await before?.(page);
    await page.goto(url);
    return page;
  }

  /** As a crash or the power button: no page says goodbye. */
  async kill() {
    /* Playwright makes the browser the leader of a process group; its helpers go with it. */
    process.kill(-this.server.process().pid, 'SIGKILL');
    await this.browser.close().catch(() => {});
    await this.server.close().catch(() => {});
  }

  async stop() {
    await this.browser.close().catch(() => {});
    await this.server.close().catch(() => {});
  }
}

/** Keeps a picture of the page in the build folder. Returns its path. */
export async function screenshot(page, name) {
  fs.mkdirSync(kept, { recursive: true });
  await page.setViewportSize({ width: 1100, height: 900 });
  const file = path.join(kept, `${name}.png`);
  await page.screenshot({ path: file, fullPage: true });
  return file;
}
