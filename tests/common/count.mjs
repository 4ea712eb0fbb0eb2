// SPDX-License-Identifier: LGPL-2.1-or-later
// Adds up the JUnit files that `meson test` wrote: the last line is
// "N passed, N failed, N skipped", with each failure and each skip named above it.
import { readFileSync } from 'node:fs';

let passed = 0, failed = 0, skipped = 0;
const decode = (s) => s.replace(/&(lt|gt|quot|apos|amp);/g,
  (_, name) => ({ lt: '<', gt: '>', quot: '"', apos: "'", amp: '&' })[name]);

for (const file of process.argv.slice(2)) {
  const text = readFileSync(file, 'utf8');
  for (const suite of text.matchAll(/<testsuite ([^>]*)>([\s\S]*?)<\/testsuite>/g)) {
    const where = decode(/name="([^"]*)"/.exec(suite[1])?.[1] ?? '?');
    for (const test of suite[2].matchAll(/<testcase ([^>]*?)(?:\/>|>([\s\S]*?)<\/testcase>)/g)) {
      const name = `${where}: ${decode(/name="([^"]*)"/.exec(test[1])?.[1] ?? '?')}`;
      const body = test[2] ?? '';
      if (/<(failure|error)/.test(body)) {
        failed++;
        console.log(`failed: ${name}`);
      } else if (/<skipped/.test(body)) {
        skipped++;
        console.log(`skipped: ${name}`);
      } else {
        passed++;
      }
    }
  }
}
if (passed + failed === 0) {
  console.log('no test ran');
  failed = 1;
}
console.log(`${passed} passed, ${failed} failed, ${skipped} skipped`);
process.exit(failed ? 1 : 0);
