// SPDX-License-Identifier: LGPL-2.1-or-later
// Adds up the logs (testlog.json) that `meson test` wrote: the last line is
// "N passed, N failed, N skipped", with each failure and each skip named above it, and
// what a failed test said.
//   count.mjs LOG [--again LOG]...
// --again: tests of the log before it that failed were run once more; what they say the
// second time counts, and what they said the first time is shown.
//   count.mjs --failed LOG SUITE...
// Names the failed tests of these suites as `meson test` takes them. Exit status 1:
// others failed too.
import { existsSync, readFileSync } from 'node:fs';

const SHOWN = 60; /* lines of a failed test */

/** The tests of a log by name, "PROJECT:SUITE / TEST": {name, cases, said, failed}. */
function read(file) {
  const tests = new Map();
  for (const line of readFileSync(file, 'utf8').split('\n').filter(Boolean)) {
    const { name, result, stdout = '', stderr = '' } = JSON.parse(line);
    const cases = [...stdout.matchAll(/^(not )?ok(?: \d+)?(?: - | )(.*?)( # SKIP.*)?$/gmi)].map(([, not, what, skip]) => ({
      name: what + (skip ?? ''), result: skip ? 'skipped' : not ? 'failed' : 'passed',
    }));
    const failed = result !== 'OK' && result !== 'SKIP';
    /* one that says nothing of its parts, or ended before it said what failed */
    if (cases.length === 0 || (failed && !cases.some((c) => c.result === 'failed')))
      cases.push({ name: result.toLowerCase(), result: failed ? 'failed' : result === 'SKIP' ? 'skipped' : 'passed' });
    tests.set(name, { name, cases, failed, said: `${stdout}\n${stderr}` });
  }
  return tests;
}

/** What is of use to someone who cannot run it: from what the first part that failed
 * said, before its "not ok", on; else the end. */
function excerpt(test) {
  const lines = test.said.trimEnd().split('\n');
  const failed = lines.findIndex((l) => /^not ok/.test(l));
  const before = lines.slice(0, Math.max(failed, 0)).findLastIndex((l) => /^ok /.test(l));
  const at = Math.max(before + 1, failed - SHOWN / 2);
  return (failed < 0 ? lines.slice(-SHOWN) : lines.slice(at, at + SHOWN)).map((l) => `  | ${l}`).join('\n');
}

function nameFailed(log, wanted) {
  let others = 0;
  for (const test of read(log).values()) {
    const [, suite, own] = /^.*:(\S+) \/ (.*)$/.exec(test.name);

    if (test.failed && wanted.includes(suite))
      console.log(own);
    else
      others += test.failed;
  }
  process.exit(others > 0 ? 1 : 0);
}

function count(words) {
  const logs = [], total = { passed: 0, failed: 0, skipped: 0 };

  for (let i = 0; i < words.length; i++) {
    if (words[i] !== '--again') {
      logs.push(read(words[i]));
    } else if (existsSync(words[++i])) {
      for (const [name, test] of read(words[i])) {
        const first = logs.at(-1).get(name);

        /* one of the same name in another suite may have run again, too */
        if (first.failed)
          console.log(`run twice: ${name}; the first time:\n${excerpt(first)}`);
        logs.at(-1).set(name, test);
      }
    }
  }
  for (const test of logs.flatMap((log) => [...log.values()])) {
    for (const c of test.cases) {
      total[c.result]++;
      if (c.result !== 'passed')
        console.log(`${c.result}: ${test.name}: ${c.name}`);
    }
    if (test.failed)
      console.log(excerpt(test));
  }
  if (total.passed + total.failed === 0) {
    console.log('no test ran');
    total.failed = 1;
  }
  console.log(`${total.passed} passed, ${total.failed} failed, ${total.skipped} skipped`);
  process.exit(total.failed ? 1 : 0);
}

if (process.argv[2] === '--failed')
  nameFailed(process.argv[3], process.argv.slice(4));
else
  count(process.argv.slice(2));
