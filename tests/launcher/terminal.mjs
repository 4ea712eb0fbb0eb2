/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The launcher as a job of a shell on a terminal. */

import assert from 'node:assert/strict';
import path from 'node:path';
import test from 'node:test';
import { buildRoot, Launcher, until } from '../common/launcher.mjs';

test('in the background it goes on without stdin, and reads it when it comes to the foreground', { timeout: 120000 }, async () => {
  const launcher = await Launcher.start('test-to-webrtc', ['data-channel=chat'], {}, {
    program: ['tests/launcher/background', 'tools/lockstep/lockstep'].map((p) => path.join(buildRoot, p)),
  });
  try {
    await launcher.untilChannel('test', 'live', 30000, (c) => c.state === 'live');
    assert.doesNotMatch(launcher.log, /a line of stdin/);
    launcher.process.kill('SIGUSR1');
    await until('what was typed is read', 20000, () => /a line of stdin is not UTF-8/.test(launcher.log));
  } finally {
    const how = await launcher.stop();
    assert.equal(how.code, 0, how.log);
  }
});
