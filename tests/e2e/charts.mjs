/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The front page of a channel with a source of its own: its figures as live charts, from this server alone. */

import assert from 'node:assert/strict';
import path from 'node:path';
import { after, test } from 'node:test';
import { Browser, screenshot, whyNoBrowser } from '../common/browser.mjs';
import { Launcher, leave, sourceRoot, until } from '../common/launcher.mjs';

after(leave);
const skip = whyNoBrowser() || false;

test('each figure that is known has a line that grows, and nothing is loaded from elsewhere', { skip, timeout: 270000 }, async (t) => {
  const server = await Launcher.start(path.join(sourceRoot, 'tests/files/presets/source.json'), ['channel=studio']);
  const browser = await Browser.start();
  try {
    await server.untilChannel('studio', 'live', 20000, (c) => c.state === 'live' && c.segments > 0);
    const elsewhere = [];
    const page = await browser.page(`${server.url}/`, {
      before: (p) => p.on('request', (r) => { if (!r.url().startsWith(server.url)) elsewhere.push(r.url()); }),
    });
    const charts = () => page.$$eval('.card .chart:not([hidden])', (all) => all.map((chart) => ({
      name: chart.querySelector('figcaption span').textContent,
      value: chart.querySelector('output').textContent,
      points: (chart.querySelector('.line').getAttribute('d').match(/[ML]/g) || []).length,
      bad: /NaN|Infinity/.test(chart.querySelector('svg').outerHTML),
      height: chart.querySelector('svg').getBoundingClientRect().height,
    })));
    const seen = await until('four points each', 30000, async () => {
      const now = await charts();
      return now.length >= 3 && now.every((c) => c.points >= 4) && now;
    });
    t.diagnostic(await screenshot(page, 'charts'));
    assert.deepEqual(seen.map((c) => c.name), ['Bitrate', 'Delay', 'Grid error'], 'there is no sound, and so no offset');
    assert.match(seen[0].value, /^\d+(\.\d+)?\u202f[kM]bit\/s$/);
    assert.match(seen[1].value, /^\d+(\.\d)?\u202fms$/);
    assert.ok(seen.every((c) => !c.bad && c.height > 20), JSON.stringify(seen));
    /* nobody can publish here */
    assert.ok(!await page.locator('#new').isVisible());
    assert.ok(!await page.getByRole('link', { name: 'Publish: studio' }).isVisible());
    assert.ok(await page.getByRole('link', { name: 'Watch: studio' }).isVisible());
    assert.deepEqual(elsewhere, []);
    assert.deepEqual(browser.messages, []);
  } finally {
    await browser.stop();
    await server.stop();
  }
});
