/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* README.md, and pipelines/README.md, do as they say: each command that stands there is taken from the text and run,
 * changed no more than a machine without cards, speakers and a screen needs. */

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import test from 'node:test';
import { Launcher, buildRoot, sourceRoot, temporaryFolder } from '../common/launcher.mjs';
import { freeUdpPort, sender } from '../common/senders.mjs';

const folder = temporaryFolder('readme');
test.after(() => fs.rmSync(folder, { recursive: true, force: true }));
const readme = fs.readFileSync(path.join(sourceRoot, 'README.md'), 'utf8');
/* a line of code, and what is said of it behind two spaces */
const commands = readme.split('\n').filter((l) => l.startsWith('    ')).map((l) => l.trim());
const env = {
  GST_PLUGIN_PATH_1_0: path.join(buildRoot, 'plugins'), LOCKSTEP_PIPELINES_PATH: path.join(sourceRoot, 'pipelines'), ...process.env,
  GST_REGISTRY_1_0: path.join(folder, 'registry.bin'), XDG_CONFIG_HOME: path.join(folder, 'config'),
  PATH: `${path.join(buildRoot, 'tools/lockstep')}:${process.env.PATH}`,
};
const shell = (line) => spawnSync('sh', ['-c', line], { encoding: 'utf8', cwd: folder, env, timeout: 60000 });
const has = (element) => spawnSync('gst-inspect-1.0', [element], { env }).status === 0;

/** The README's line with that element, changed as told: each pattern must be there. */
function launchLine(element, changes) {
  const lines = commands.filter((l) => l.startsWith('gst-launch-1.0') && l.includes(` ${element} `));
  assert.equal(lines.length, 1, `README.md has ${lines.length} launch lines with ${element}`);
  return changes.reduce((line, [from, to]) => {
    assert.ok(line.includes(from), `${from} is not in: ${line}`);
    return line.replace(from, to);
  }, lines[0]);
}

function runs(line) {
  const r = shell(line);
  assert.equal(r.status, 0, `${line}\n${r.stdout}${r.stderr}`);
  return r;
}

const opus = (port) => `audiotestsrc is-live=true ! opusenc ! rtpopuspay pt=96 ! udpsink host=127.0.0.1 port=${port}`;
const h264 = (port) => 'videotestsrc is-live=true ! video/x-raw,width=160,height=90,framerate=30/1 ! x264enc tune=zerolatency speed-preset=ultrafast'
  + ` key-int-max=30 ! rtph264pay pt=97 config-interval=-1 ! udpsink host=127.0.0.1 port=${port}`;
const send = (line) => sender('gst-launch-1.0', ['-q', ...line.split(' ')], env);

test('the launch line of latencybuffer', async () => {
  const port = await freeUdpPort();
  const sending = send(opus(port));
  try {
    runs(launchLine('latencybuffer', [['port=5004', `port=${port}`], ['autoaudiosink', 'fakesink num-buffers=50']]));
  } finally {
    await sending.stop();
  }
});

test('the launch line of avresync', async () => {
  const [audio, video] = [await freeUdpPort(), await freeUdpPort()];
  const sending = send(`${opus(audio)} ${h264(video)}`);
  try {
    runs(launchLine('avresync', [['port=5004', `port=${audio}`], ['port=5006', `port=${video}`], ['autoaudiosink', 'fakesink num-buffers=50'],
      ['autovideosink', 'fakesink num-buffers=30']]));
  } finally {
    await sending.stop();
  }
});

test('the launch line of hlsalignsink', () => {
  runs(launchLine('hlsalignsink', [['audiotestsrc', 'audiotestsrc num-buffers=150']]));
  runs('lockstep hls-check hls');
});

test('the launch line of yuy2convert', { skip: has('yuy2convert') ? false : 'yuy2convert is not built' }, () => {
  const changes = [['v4l2src io-mode=userptr', 'videotestsrc num-buffers=25']];
  if (!has('nvcudah264enc'))
    changes.push(['nvcudah264enc', 'x264enc']);
  runs(launchLine('yuy2convert', changes));
  assert.ok(fs.statSync(path.join(folder, 'capture.mkv')).size > 10000);
});

test('every lockstep command', () => {
  /* a preset of one's own and a session description, which the text speaks of */
  fs.writeFileSync(path.join(folder, 'mine.json'), JSON.stringify({ extends: 'test-to-hls', summary: 'mine' }));
  fs.copyFileSync(path.join(sourceRoot, 'tests/files/sdp/plain-ffmpeg.sdp'), path.join(folder, 'sfu.sdp'));
  const lines = commands.map((l) => l.match(/^((?:[A-Z_]+=\S+ )*)(?:meson devenv -C build )?lockstep (\S.*?)(?: {2,}.*)?$/)).filter(Boolean);
  assert.ok(lines.length > 12, `${lines.length} commands`);
  for (const [, variables, words] of lines) {
    /* what would run for ever is built, from the same words */
    const { status, stderr } = shell(`${variables}lockstep ${words.replace(/^run (.*?)(?: --.*)?$/, 'export $1')} >/dev/null`);
    if (words.includes('--svg') && spawnSync('dot', ['-V']).error)
      assert.match(stderr, /install graphviz/);
    else
      assert.equal(status, 0, `${words}\n${stderr}`);
  }
  const inText = [...readme.matchAll(/`lockstep ([a-z-]+)[^`]*`/g)].map((m) => m[1]);
  for (const command of inText)
    assert.equal(shell(`lockstep ${command} --help`).status, 0, command);
});

test('the routes', async () => {
  const server = await Launcher.start();
  try {
    const routes = [...readme.matchAll(/^\| (`\/.*?`) \|/gm)].flatMap((m) => m[1].split(', ').map((r) => r.slice(1, -1)));
    assert.ok(routes.length >= 9, routes.join(' '));
    /* nothing is captured here to be watched by WHEP */
    for (const route of routes.filter((r) => !r.startsWith('/whep/'))) {
      const r = await fetch(server.url + route.replace('NAME', 'room'), { method: route.startsWith('/whip/') ? 'OPTIONS' : 'GET', signal: AbortSignal.timeout(10000) });
      await r.arrayBuffer();
      /* nobody publishes to the room */
      const absent = /^\/(hls|api\/channels)\/NAME/.test(route);
      assert.ok(absent ? r.status === 404 : r.ok, `${route}: ${r.status}`);
    }
  } finally {
    await server.stop();
  }
});

test('what it lists is there: presets, packages, folders, examples', () => {
  const table = readme.slice(readme.indexOf('| preset |'), readme.indexOf('A preset is a pipeline'));
  const presets = [...table.matchAll(/`([a-z]+-to-[a-z]+)`/g)].map((m) => m[1]);
  const shipped = fs.readdirSync(path.join(sourceRoot, 'pipelines')).filter((f) => /^[a-z-]+\.json$/.test(f)).map((f) => f.slice(0, -5));
  assert.deepEqual(presets.toSorted?.() ?? [...presets].sort(), shipped.sort());

  const packages = readme.slice(readme.indexOf('| package |')).split('\n').filter((l) => l.startsWith('| ')).slice(1).flatMap((l) => {
    const names = l.split('|')[1].split(',').map((n) => n.trim());
    /* "gstreamer1.0-plugins-base, -good": the second is the first with another end */
    return names.map((n) => (n.startsWith('-') ? `${/plugins/.test(names[0]) && /^-(good|bad|ugly)$/.test(n) ? 'gstreamer1.0-plugins' : 'gstreamer1.0'}${n}` : n));
  });
  const installed = [...fs.readFileSync(path.join(sourceRoot, 'tools/install'), 'utf8').matchAll(/^([a-z0-9.+-]+): \S/gm)].map((m) => m[1]);
  assert.deepEqual(packages.filter((p) => !['nodejs', 'npm'].includes(p)).sort(), installed.sort());

  for (const [, place] of readme.matchAll(/^\| `([a-z/]+\/)` \|/gm))
    assert.ok(fs.existsSync(path.join(sourceRoot, place)), place);
  for (const [, file] of readme.matchAll(/(?:\]\(|`)((?:examples|tools|pipelines)\/[\w./-]+)[`)]/g))
    assert.ok(fs.existsSync(path.join(sourceRoot, file)), file);
});

test('the preset that pipelines/README.md shows is right', () => {
  const text = fs.readFileSync(path.join(sourceRoot, 'pipelines/README.md'), 'utf8');
  const lines = text.split('\n');
  const start = lines.indexOf('    {');
  const json = lines.slice(start, lines.indexOf('    }', start) + 1).join('\n');
  fs.writeFileSync(path.join(folder, 'shown.json'), json);
  const r = shell('lockstep check ./shown.json');
  /* a window needs elements that a server may lack */
  assert.ok(r.status === 0 || (r.status === 69 && !r.stdout.includes('error')), r.stdout + r.stderr);
});
