/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The commands about presets: stdout, stderr and exit status of each, and what each mistake in a preset is told. */

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import test from 'node:test';
import { buildRoot, sourceRoot, temporaryFolder } from '../common/launcher.mjs';

const folder = temporaryFolder('commands');
test.after(() => fs.rmSync(folder, { recursive: true, force: true }));
const config = path.join(folder, 'config');
const own = path.join(config, 'lockstep', 'pipelines');
fs.mkdirSync(own, { recursive: true });

function lockstep(words, env = {}) {
  const r = spawnSync(path.join(buildRoot, 'tools/lockstep/lockstep'), words, {
    encoding: 'utf8', timeout: 180000, cwd: folder,
    env: { ...process.env, LOCKSTEP_PIPELINES_PATH: path.join(sourceRoot, 'pipelines'), GST_PLUGIN_PATH_1_0: path.join(buildRoot, 'plugins'),
      GST_REGISTRY_1_0: path.join(folder, 'registry.bin'), XDG_CONFIG_HOME: config, XDG_CACHE_HOME: path.join(folder, 'cache'), ...env },
  });
  return { code: r.status, signal: r.signal, out: r.stdout, err: r.stderr };
}
function fails(words, code, says, env) {
  const r = lockstep(words, env);
  assert.equal(r.code, code, r.err);
  assert.equal(r.out, '');
  assert.match(r.err, says);
}
const json = (...words) => {
  const r = lockstep(words);
  assert.match(r.out, /^\{[^]*\}\s*$/, `${words.join(' ')}: ${JSON.stringify(r)}`);
  const value = JSON.parse(r.out);
  assert.equal(value.version, 1);
  return { ...r, value };
};
function write(name, preset, where = folder) {
  const file = path.join(where, `${name}.json`);
  fs.writeFileSync(file, typeof preset === 'string' ? preset : JSON.stringify({ summary: 's', ...preset }, null, 1));
  return file;
}

test('--help of each command has its name, words and examples', () => {
  const help = lockstep(['--help']);
  assert.equal(help.code, 0);
  const names = [...help.out.matchAll(/^ {2}([a-z-]+) {2,}\S/gm)].map((m) => m[1]);
  assert.deepEqual(names, ['list', 'show', 'run', 'check', 'export', 'graph', 'doctor', 'hls-check', 'completion']);
  for (const name of names) {
    const r = lockstep([name, '--help']);
    assert.equal(r.code, 0);
    assert.match(r.out, new RegExp(`^Usage: lockstep ${name} `));
    assert.match(r.out, new RegExp(`^ {2}(source <\\()?.*lockstep ${name}`, 'm'), name);
    assert.equal(r.err, '');
  }
});

test('a preset comes from a pipe too; one that no one writes to, or a device, is an error that names it', () => {
  const good = write('piped', { pipeline: ['fakesrc ! fakesink'] });
  const program = path.join(buildRoot, 'tools/lockstep/lockstep');
  const piped = spawnSync('sh', ['-c', 'cat "$1" | "$0" show /dev/stdin', program, good], { encoding: 'utf8', cwd: folder, timeout: 60000,
    env: { ...process.env, GST_REGISTRY_1_0: path.join(folder, 'registry.bin') } });
  assert.equal(piped.status, 0, piped.stderr);
  const fifo = path.join(folder, 'fifo.json');
  assert.equal(spawnSync('mkfifo', [fifo]).status, 0);
  fails(['export', fifo], 78, /cannot read '[^']*fifo\.json': no one writes to this pipe/);
  fails(['show', '/dev/zero'], 78, /cannot read '\/dev\/zero': it is a device/);
  fails(['run', '--token-file', fifo, 'webrtc-to-hls'], 78, /--token-file [^\n]*no one writes to this pipe/);
  fails(['export', 'rtp-to-hls', `sdp=${fifo}`], 78, /sdp: cannot read '[^']*fifo\.json': it is a pipe/);
  fails(['show', write('huge', ' '.repeat(256 * 1024 + 1))], 78, /huge\.json': it is larger than 256 KiB/);
});

test('a preview: from the one conversion, and not for those who take one picture', () => {
  const words = ['capture-to-webrtc', 'substream=640x360p10@300k', 'audio=test', 'use.video-encoder=x264', 'use.preview-encoder=x264', 'use.convert=cpu'];
  const { out, code, err } = lockstep(['export', ...words]);
  assert.equal(code, 0, err);
  assert.equal(out.match(/^ +! videoconvert/gm).length, 1, out);
  assert.equal(out.match(/x264enc/g).length, 2);
  assert.match(out, /width=640,height=360,framerate=10\/1/);
  assert.match(out, /name=penc-0 .*bitrate=300 /);
  fails(['run', ...words, 'whip=http://127.0.0.1:9/whip/x'], 78, /a WHIP server takes one picture/);
  const two = [...words, 'substream=640x360@300k,320x180@100k'];
  fails(['run', ...two, 'listen=127.0.0.1:0'], 78, /peers have one preview/);
  fails(['run', ...two, 'ayame=ws://127.0.0.1:9/signaling', 'room=x'], 78, /peers have one preview/);
  fails(['export', ...words, 'substream=640x360@300k,320x180@100k,160x90@50k'], 78, /3 items, not between 0 and 2/);
});

test('wrong words: 64, with what was meant', () => {
  for (const name of ['list', 'show', 'check', 'export', 'graph', 'doctor', 'hls-check'])
    fails([name, '--jsonn'], 64, /there is no option '--jsonn'/);
  fails(['list', '--jso'], 64, /did you mean '--json'\?/);
  fails(['list', 'word'], 64, /takes no words/);
  fails(['doctor', 'word'], 64, /takes no words/);
  fails(['check', 'a=b'], 64, /Name it first/);
  for (const name of ['show', 'export', 'graph', 'run'])
    fails([name], 64, /which preset\? See: lockstep list/);
  fails(['completion'], 64, /bash or zsh/);
  fails(['completion', 'fish'], 64, /bash or zsh/);
});

test('list: names, summaries, JSON', () => {
  assert.match(lockstep(['list']).out, /^test-to-hls +A test picture/m);
  assert.match(lockstep(['list', '--names']).out, /^test-to-hls$/m);
  const { value } = json('list', '--json');
  const one = value.presets.find((p) => p.name === 'test-to-hls');
  assert.equal(one.file, path.join(sourceRoot, 'pipelines', 'test-to-hls.json'));
  assert.equal(one.faults, 0);
});

test('show: a table with where each value comes from; secrets are hidden', () => {
  const r = lockstep(['show', 'srt-to-hls', 'target-duration=2s'], { LOCKSTEP_LATENCY: '0.3s', LOCKSTEP_PASSPHRASE: 'correct horse' });
  assert.equal(r.code, 0);
  assert.match(r.out, /^ {2}parameter +value +from +may be +meaning$/m);
  assert.match(r.out, /^ {2}latency +300 +LOCKSTEP_LATENCY +0 to 10000 ms /m);
  assert.match(r.out, /^ {2}target-duration +2 +command line /m);
  assert.match(r.out, /^ {2}channel +srt +default /m);
  assert.match(r.out, /^ {2}passphrase +\(hidden\) +LOCKSTEP_PASSPHRASE/m);
  assert.doesNotMatch(r.out + r.err, /correct horse/);
  assert.match(r.out, /^ {2}audio-encoder: lame, libav, vo-aacenc; here: lame$/m);
  assert.match(lockstep(['show', 'rtmp-to-hls']).out, /^ {2}uri +- +must be given /m);
  const { value } = json('show', 'test-to-hls', '--json');
  assert.equal(value.parameters.find((p) => p.name === 'video-bitrate').value, '1500000');
  assert.equal(typeof value.alternatives['video-encoder'], 'string');
  assert.deepEqual(lockstep(['show', 'rtmp-to-hls', '--names']).out.split('\n')[0], 'uri');
});

test('the user\'s presets: by name, by path, extending the shipped one of the same name', () => {
  write('test-to-hls', { summary: 'mine', extends: 'test-to-hls', parameters: { size: { default: '320x240' }, pattern: null }, properties: { 'picture.pattern': 'snow' } }, own);
  try {
    assert.match(lockstep(['list']).out, /^test-to-hls +mine$/m);
    const r = lockstep(['show', 'test-to-hls']);
    assert.match(r.out, /size +320x240 +default/);
    assert.doesNotMatch(r.out, /^ {2}pattern /m);
    assert.equal(lockstep(['check', 'test-to-hls']).out, 'test-to-hls: ok\n');
    assert.match(lockstep(['export', 'test-to-hls']).out, /pattern=snow/);
  } finally {
    fs.rmSync(path.join(own, 'test-to-hls.json'));
  }
  const base = write('base', { pipeline: ['fakesrc name=a ! fakesink'], parameters: { n: { type: 'int', default: 1, summary: 's' } }, properties: { 'a.num-buffers': '{n}' } });
  const child = write('child', { extends: './base.json', parameters: { n: { default: 7 } } });
  assert.match(lockstep(['export', child]).out, /num-buffers=7/);
  assert.match(lockstep(['export', base, 'n=3']).out, /num-buffers=3/);
  fails(['show', write('orphan', { extends: 'nobody' })], 78, /orphan\.json:3: extends: there is no preset 'nobody'/);
});

test('check: one test a mistake, with file, line, place and cure', () => {
  const cases = [
    ['{\n "summary": "s",\n "pipeline": [ "fakesrc ! fakesink" ],\n}', 78, /:4: error: not JSON: here a name in double quotes is expected/],
    [{ pipeline: ['fakesrc num-bufers=1 ! fakesink'] }, 78, /:4: error: pipeline\[0\]: fakesrc has no property 'num-bufers'; did you mean 'num-buffers'\?/],
    [{ pipeline: ['fakesrc num-buffers=many ! fakesink'] }, 78, /fakesrc\.num-buffers: 'many' is not a gint/],
    [{ pipeline: ['fakesrc num-buffers=-7 ! fakesink'] }, 78, /'-7' is not in -1 to 2147483647/],
    [{ pipeline: ['videotestsrc pattern=bal ! fakesink'] }, 78, /pattern: 'bal' is not one of smpte, .*ball/],
    [{ pipeline: ['hlsalignsink name=h fakesrc stats=1 ! h.video'] }, 78, /has no property 'stats'/],
    [{ pipeline: ['hlsalignsink stats=x'] }, 78, /'stats' can only be read/],
    [{ pipeline: ['fakesrc ! fakesnk'] }, 78, /there is no element 'fakesnk'; did you mean 'fakesink'\?/],
    [{ pipeline: ['fakesrc ! alsasink'] }, 69, /missing: pipeline\[0\]: the element alsasink is missing; install gstreamer1\.0-alsa/, ['alsasink']],
    [{ pipeline: ['fakesrc ! nvh264enc ! fakesink'] }, 69, /install gstreamer1\.0-plugins-bad, with an NVIDIA GPU/, ['nvh264enc']],
    [{ pipeline: ['fakesrc ! video/x-raw,width=(int)x ! fakesink'] }, 78, /these are no caps: video/],
    [{ pipeline: ['fakesrc ! nowhere.sink'] }, 78, /pipeline\[0\]: nowhere\.sink: no element is named 'nowhere'; named are: none/],
    [{ pipeline: ['audiotestsrc ! x264enc ! fakesink'] }, 78, /could not link audiotestsrc\d+ to x264enc/],
    [{ pipeline: ['fakesrc name=a ! fakesink'], properties: { 'b.num-buffers': '1' } }, 78, /properties\.b\.num-buffers: no element is named 'b'; named are: a/],
    [{ pipeline: ['fakesrc name=a ! fakesink'], properties: { 'a.num-bufers': '1' } }, 78, /:7: error: properties\.a\.num-bufers: .*did you mean 'num-buffers'/],
    [{ pipeline: ['fakesrc name=a ! fakesink'], parameters: { n: { type: 'string', default: 'x', summary: 's' } }, properties: { 'a.num-buffers': '{n}' } }, 78, /'x' is not a gint/],
    [{ pipeline: ['fakesrc ! {e} ! fakesink'], alternatives: { e: [{ name: 'no', launch: 'nosuchthing' }] } }, 69, /no needs nosuchthing/],
    [{ pipeline: ['fakesrc ! {e} ! fakesink'], alternatives: { e: [{ name: 'x', launch: 'x264enc bitrat=1' }] } }, 78, /alternatives\.e\[0\]\.launch: x264enc has no property 'bitrat'; did you mean 'bitrate'/],
    [{ pipeline: ['fakesrc ! fakesink'], signalling: { element: 'webrtc', protocol: 'whip' } }, 78, /signalling\.element: no element is named 'webrtc'/],
    [{ pipeline: ['{c}'], parameters: { k: { type: 'enum', values: ['a', 'b'], default: 'a', summary: 's' } },
      alternatives: { c: [{ name: 'a', when: { k: 'a' }, launch: 'fakesrc ! fakesink' }] } }, 69, /no choice fits the parameters.*\(with k=b\)/],
    [{ pipeline: ['fakesrc ! {enc} ! fakesink'], alternatives: { end: [{ name: 'a', launch: 'queue' }] } }, 78, /:4: error: pipeline\[0\]: there is no alternative 'enc'; did you mean 'end'\?/],
    [{ pipeline: ['fakesrc name=a ! queue name=q ! fakesink name=a'] }, 78, /pipeline: two elements are named 'a'/],
    [{ pipeline: ['fakesrc ! queue max-size-time=0 !'] }, 78, /syntax error: nothing stands behind its last '!', after queue/],
    [{ pipeline: ['fakesrc !', '! fakesink'] }, 78, /syntax error: nothing stands between the two '!' after fakesrc/],
    [{ pipeline: ['fakesrc ! bin.( queue ! fakesink'] }, 78, /syntax error: a '\(' has no '\)'/],
    [{ pipeline: ['fakesrc ! fakesink', { when: { k: 'c' }, lines: ['fakesrc ! fakesink'] }], parameters: { k: { type: 'enum', values: ['a', 'b'], default: 'a', summary: 's' } } },
      78, /pipeline\[1\]\.when: k is never 'c'; it is one of a, b/],
    [{ pipeline: ['fakesrc ! fakesink'], parameters: { k: { type: 'string', pattern: 'x(', default: 'x', summary: 's' } } }, 78, /pattern: this is no regular expression: [^\n]*[‘']x\([’'] at char 2/],
  ];
  for (const [i, [preset, code, says, needs]] of cases.entries()) {
    if (needs && spawnSync('gst-inspect-1.0', ['--exists', needs[0]]).status === 0)
      continue;
    const file = write(`case${i}`, preset);
    const r = lockstep(['check', file]);
    assert.match(r.out, says, JSON.stringify(preset));
    assert.equal(r.code, code, r.out);
    assert.ok(r.out.startsWith(file), r.out);
    assert.equal(r.err, '');
  }
  assert.equal(lockstep(['check', write('mark', '\ufeff{ "summary": "s", "pipeline": ["fakesrc ! fakesink"] }')]).code, 0);
  const all = lockstep(['check', write('many', { pipeline: ['fakesrc a=1 ! fakesnk', 'videotestsrc pattern=x ! fakesink'] })]);
  assert.equal(all.out.trim().split('\n').length, 3, all.out);
  const { value, code } = json('check', path.join(folder, 'many.json'), 'test-to-hls', '--json');
  assert.equal(code, 78);
  assert.deepEqual(value.presets.map((p) => [p.ok, p.findings.filter((f) => f.severity === 'error').length]), [[false, 3], [true, 0]]);
  assert.equal(value.presets[0].findings[0].line, 4);
});

test('choices are tried, remembered for this machine, and can be forced', () => {
  const file = write('choices', { pipeline: ['videotestsrc ! {e} ! fakesink'], alternatives: { e: [
    { name: 'fails', launch: 'identity error-after=1', test: 'videotestsrc num-buffers=5 ! {launch} ! fakesink' },
    { name: 'hangs-not', launch: 'identity' }, { name: 'last', launch: 'queue' }] } });
  const cache = path.join(folder, 'tried');
  const env = { XDG_CACHE_HOME: cache };
  let r = lockstep(['show', file], env);
  assert.match(r.out, /e: fails, hangs-not, last; here: hangs-not/);
  assert.match(r.out, /passed over: e: fails does not run: /);
  const kept = fs.readdirSync(path.join(cache, 'lockstep'));
  assert.match(kept.join(), /^choices-1\.\d+\.\d+-[0-9a-f]{12}\.ini$/);
  const text = fs.readFileSync(path.join(cache, 'lockstep', kept[0]), 'utf8');
  assert.match(text, /why=/);
  /* it is believed, not tried again */
  fs.writeFileSync(path.join(cache, 'lockstep', kept[0]), text.replace(/^why=.*$/m, 'why=as it was'));
  r = lockstep(['show', file], env);
  assert.match(r.out, /fails does not run: as it was/);
  assert.match(lockstep(['export', file, 'use.e=last'], env).out, /queue/);
  /* forced, it is taken with a warning */
  r = lockstep(['export', file], { ...env, LOCKSTEP_USE_E: 'fails' });
  assert.equal(r.code, 0);
  assert.match(r.out, /error-after=1/);
  assert.match(r.err, /warning: e: fails does not run: as it was; it is taken because it is forced/);
  assert.match(lockstep(['show', file, 'use.e=fails'], env).out, /here: fails\n {2}forced all the same: e: fails does not run/);
  fails(['run', 'test-to-hls', 'use.audio-encoder=libav'], 69, /'libav' does not fit the other parameters; do not force it/);
  if (spawnSync('gst-inspect-1.0', ['nvh264enc']).status !== 0)
    fails(['run', 'test-to-hls', 'use.video-encoder=nvenc'], 69, /nvenc needs nvh264enc; install it, or do not force it/);
  fails(['export', file, 'use.e=none'], 78, /'none' is not one of fails, hangs-not, last/);
  fails(['export', file, 'use.x=none'], 78, /it has: use\.e/);
});

test('export says what it replaces; what it cannot take out is a fault', () => {
  const r = lockstep(['export', 'webrtc-to-hls', 'latency=250']);
  assert.equal(r.code, 0);
  assert.match(r.err, /audio comes as plain RTP \(OPUS, payload type 96\) on UDP port 5004 instead of by WebRTC/);
  assert.doesNotMatch(r.out, /webrtcbin/);
  assert.match(r.out, /latencybuffer latency=250/);
  fails(['export', write('tied', { pipeline: ['fakesrc ! webrtcbin name=webrtc'], signalling: { element: 'webrtc', protocol: 'whip' } })], 78, /cannot be taken out of the line/);
});

test('graph: DOT, and a drawing where graphviz is', () => {
  const r = lockstep(['graph', 'test-to-hls']);
  assert.equal(r.code, 0);
  assert.match(r.out, /^digraph pipeline \{[^]*"hlsalignsink  \(hls\)\\l[^"]*playlist-length=6\\l[^]*\}\n$/);
  /* every box is part of the whole, also where links come about while it runs, and peers are */
  const shipped = lockstep(['list', '--json']);
  for (const words of JSON.parse(shipped.out).presets.map((p) => p.name).filter((name) => fs.existsSync(path.join(sourceRoot, 'pipelines', `${name}.json`))).map((name) => [name, ...(name === 'file-to-hls' ? ['input=x'] : name === 'rtmp-to-hls' ? ['uri=rtmp://h/a'] : [])])) {
    const { code, out, err } = lockstep(['graph', ...words]);
    assert.equal(code, 0, err);
    const group = new Map([...out.matchAll(/^ {2}(n\d+|peer) \[/gm)].map(([, node]) => [node, node]));
    assert.ok(group.size > 4, out);
    const root = (node) => (group.get(node) === node ? node : root(group.get(node)));
    for (const [, from, to] of out.matchAll(/^ {2}(n\d+|peer) -> (n\d+|peer)\b/gm))
      group.set(root(from), root(to));
    assert.equal(new Set([...group.keys()].map(root)).size, 1, out);
  }
  const long = lockstep(['graph', 'test-to-hls', `output=${'\u00fc'.repeat(100)}`]);
  assert.match(long.out, /playlist-location=\u00fc{47}\u2026\\l/);
  const secret = lockstep(['graph', 'srt-to-hls', 'passphrase=correct horse', 'uri=srt://h:1?x="correct horse"\\']);
  assert.equal(secret.code, 0, secret.err);
  assert.match(secret.out, /passphrase=\(secret\)\\l/);
  assert.doesNotMatch(secret.out, /correct/);
  if (spawnSync('dot', ['-V']).status === 0) {
    const svg = lockstep(['graph', 'test-to-hls', '--svg', '--output', 'x.svg']);
    assert.equal(svg.code, 0, svg.err);
    assert.equal(svg.out, '');
    assert.match(fs.readFileSync(path.join(folder, 'x.svg'), 'utf8'), /<svg /);
  }
  fails(['graph', 'test-to-hls', '--svg'], 69, /install graphviz/, { PATH: folder });
  fails(['graph', 'test-to-hls', '-o', '/nowhere/x.dot'], 69, /nowhere/);
  fails(['graph', write('unlinked', { pipeline: ['audiotestsrc ! x264enc ! fakesink'] })], 78, /could not link/);
});

test('doctor: versions, elements, codecs, hardware, presets', () => {
  const r = lockstep(['doctor']);
  assert.equal(r.code, 0, r.out);
  for (const section of ['Versions', 'Elements of Lockstep', 'H.264 encoders', 'Audio encoders', 'WebRTC', 'GPUs', 'Cameras and capture cards', "A capture card's picture", 'Presets', 'Tools'])
    assert.match(r.out, new RegExp(`^${section}$`, 'm'));
  assert.match(r.out, /^ {2}ok +hlsalignsink/m);
  assert.match(r.out, /^ {2}ok +x264enc/m);
  // which way is taken, and why that one
  assert.match(r.out, /^ {2}ok +to NV12 by +yuy2convert, on the (processor|card): \S/m);
  assert.match(r.out, /^ {2}ok +to H\.264 by +\S/m);
  const { value } = json('doctor', '--json');
  assert.equal(value.complete, true);
  assert.ok(value.findings.some((f) => f.section === 'Presets' && f.name === 'test-to-hls' && f.health === 'ok'));
  const without = lockstep(['doctor'], { GST_PLUGIN_PATH_1_0: '', GST_REGISTRY_1_0: path.join(folder, 'empty.bin') });
  if (!/ok +hlsalignsink/.test(without.out))
    assert.equal(without.code, 69);
});

const programFolder = path.join(buildRoot, 'tools/lockstep');

test('completion is installed where shells look, and works there in bash', () => {
  const root = path.join(folder, 'root');
  const installed = spawnSync('meson', ['install', '-C', buildRoot, '--no-rebuild', '--quiet', '--destdir', root], { encoding: 'utf8', timeout: 60000 });
  assert.equal(installed.status, 0, installed.stdout + installed.stderr);
  const find = (end) => fs.readdirSync(root, { recursive: true }).filter((f) => f.endsWith(end)).map((f) => path.join(root, f));
  const [bash] = find('share/bash-completion/completions/lockstep');
  const [zsh] = find('share/zsh/site-functions/_lockstep');
  assert.equal(fs.readFileSync(bash, 'utf8'), lockstep(['completion', 'bash']).out);
  assert.match(fs.readFileSync(zsh, 'utf8'), /^#compdef lockstep\n[^]*'check:what is wrong with presets'/);
  if (spawnSync('zsh', ['--version']).status === 0)
    assert.equal(spawnSync('zsh', ['-n', zsh]).status, 0);
  /* as readline does it: what `complete` has for the program is called with the line cut into words */
  const shell = (script, ...args) => spawnSync('bash', ['--norc', '-c', `. "$0"; ${script}`, bash, ...args], { encoding: 'utf8', cwd: folder, env: {
    ...process.env, PATH: `${programFolder}:${process.env.PATH}`, LOCKSTEP_PIPELINES_PATH: path.join(sourceRoot, 'pipelines'),
    GST_REGISTRY_1_0: path.join(folder, 'registry.bin'), XDG_CONFIG_HOME: config } }).stdout.trim().split('\n');
  assert.deepEqual(shell('complete -p lockstep'), ['complete -F _lockstep lockstep']);
  const complete = (...line) => shell('COMP_WORDS=("$@"); COMP_CWORD=$(($#-1)); compopt() { :; }; _lockstep; printf "%s\\n" "${COMPREPLY[@]}"', ...line);
  assert.deepEqual(complete('lockstep', 'ex'), ['export']);
  assert.deepEqual(complete('lockstep', 'run', 'test-to-h'), ['test-to-hls']);
  assert.deepEqual(complete('lockstep', 'run', 'test-to-hls', 'video-b'), ['video-bitrate=']);
  assert.deepEqual(complete('lockstep', 'run', 'test-to-hls', '--tls-c'), ['--tls-cert']);
  assert.deepEqual(complete('lockstep', 'graph', '--s'), ['--svg']);
  assert.deepEqual(complete('lockstep', 'completion', 'z'), ['zsh']);
});
