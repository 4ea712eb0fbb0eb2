/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A worker that sends an empty message every so many milliseconds, without drift. */

onmessage = ({ data: period }) => {
  const start = performance.now();
  let n = 0;
  const tick = () => {
    postMessage(0);
    const now = performance.now();
    n = Math.max(n + 1, Math.floor((now - start) / period));
    setTimeout(tick, Math.max(0, start + n * period - now));
  };
  tick();
};
