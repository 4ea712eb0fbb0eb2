/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* CPU and memory of 1, 5 and 10 publishers (720p30 H.264 at 1.5 Mbit/s, Opus), and the time from POST to a playlist
 * that can be played: Lockstep beside the same pipeline with GStreamer's own rtpjitterbuffer and hlssink2.
 *
 *   node tests/bench/sessions.mjs [--seconds 20] [--runs 3] [--sessions 1,5,10]
 *
 * CPU is that of the whole server, front and workers, in percent of one core (utime + stime over wall time); memory its
 * proportional set size. whip-load encodes once and sends to all, and is not counted.
 */
import { spawn } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { buildRoot, Launcher, sleep, sourceRoot, temporaryFolder } from '../common/launcher.mjs';

const { values: options } = parseArgs({ options: {
  seconds: { type: 'string', default: '20' }, runs: { type: 'string', default: '3' }, sessions: { type: 'string', default: '1,5,10' },
} });
const seconds = Number(options.seconds);
const folder = temporaryFolder('bench');
process.on('exit', () => fs.rmSync(folder, { recursive: true, force: true }));

/* The preset as it would be without elements of our own. */
const preset = JSON.parse(fs.readFileSync(path.join(sourceRoot, 'pipelines', 'webrtc-to-hls.json'), 'utf8'));
const stockSink = (line) => line.replace(/hlsalignsink name=hls.*/, 'hlssink2 name=hls');
preset.pipeline = preset.pipeline.map((part) => (typeof part === 'string' ? stockSink(part) : { ...part, lines: part.lines.map(stockSink) }));
preset.parameters['target-duration'] = { type: 'int', default: 1, summary: 'seconds' };
const stock = path.join(folder, 'stock.json');
fs.writeFileSync(stock, JSON.stringify(preset));

const systems = [
  { name: 'lockstep, MP3', preset: 'webrtc-to-hls', words: [], env: {} },
  { name: 'lockstep, AAC', preset: 'webrtc-to-hls', words: ['audio-codec=aac'], env: {} },
  { name: 'rtpjitterbuffer + hlssink2, MP3', preset: stock, words: [], env: { GST_PLUGIN_PATH_1_0: '' } },
];

const ticks = 100; /* of /proc, a second */
const stat = (pid) => fs.readFileSync(`/proc/${pid}/stat`, 'utf8').replace(/^.*\) /, '').split(' ');
const children = (pid) => fs.readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim().split(' ').filter(Boolean).map(Number);
const cpu = (pids) => pids.reduce((sum, pid) => sum + Number(stat(pid)[11]) + Number(stat(pid)[12]), 0) / ticks;
const pss = (pid) => Number(/^Pss:\s+(\d+)/m.exec(fs.readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8'))[1]) / 1024;
const median = (list) => [...list].sort((a, b) => a - b)[Math.floor(list.length / 2)];

async function run(system, n) {
  const server = await Launcher.start(system.preset, system.words, system.env);
  for (let i = 0; i < n; i++)
    fs.mkdirSync(path.join(server.output, `load${i}`)); /* hlssink2 makes no folder */
  await sleep(2000); /* the spare worker is warm */
  const load = spawn(path.join(buildRoot, 'tests', 'bench', 'whip-load'), [`${server.url}/whip/load`, String(n), String(seconds + 30)], { stdio: ['ignore', 'pipe', 'inherit'] });
  let connected = 0, posted = null, answer = null;
  load.stdout.on('data', (data) => {
    for (const line of String(data).split('\n')) {
      if (line.startsWith('connected'))
        connected++;
      const m = /^posted 0 ([\d.]+)/.exec(line);
      if (m) {
        answer = Number(m[1]);
        posted = performance.now() - answer;
      }
    }
  });
  let playable = null;
  const end = performance.now() + 30000;
  while ((connected < n || playable === null) && performance.now() < end) {
    if (posted !== null && playable === null) {
      const r = await fetch(`${server.url}/hls/load0/index.m3u8`);
      if (/#EXTINF/.test(await r.text()))
        playable = performance.now() - posted;
    }
    await sleep(10);
  }
  if (connected < n)
    throw new Error(`${connected} of ${n} connected\n${server.tail()}`);
  await sleep(5000);
  const workers = children(server.pid).filter((pid) => Number(stat(pid)[17]) > 6); /* the spare has fewer threads */
  const all = [server.pid, ...workers];
  const start = performance.now(), before = cpu(all);
  await sleep(seconds * 1000);
  const percent = (cpu(all) - before) / (performance.now() - start) * 100000;
  const memory = all.reduce((sum, pid) => sum + pss(pid), 0);
  load.kill('SIGKILL');
  await server.stop();
  return { percent, memory, playable, answer, workers: workers.length };
}

console.log(`| system | sessions | CPU, % of a core | a session | PSS MB | POST to 201 ms | POST to playlist ms |\n|---|---|---|---|---|---|---|`);
for (const n of options.sessions.split(',').map(Number)) {
  const rows = systems.map(() => []);
  for (let k = 0; k < Number(options.runs); k++) {
    for (let i = 0; i < systems.length; i++)
      rows[i].push(await run(systems[i], n));
  }
  systems.forEach((system, i) => {
    const of = (key) => median(rows[i].map((r) => r[key] ?? NaN));
    console.log(`| ${system.name} | ${n} | ${of('percent').toFixed(1)} | ${(of('percent') / n).toFixed(2)} | ${of('memory').toFixed(0)} | ${of('answer').toFixed(0)} | ${of('playable').toFixed(0)} |`);
  });
}
