/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Sources that are not ours: ffmpeg's plain RTP, told of by the session description that it writes, and what it publishes
 * to an RTMP server, nginx; what has one kind of media alone. */

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import test from 'node:test';
import { Launcher, buildRoot, sourceRoot, temporaryFolder, until } from '../common/launcher.mjs';
import { freeTcpPort, freeUdpPort, rtpSender, sender, streamSender } from '../common/senders.mjs';

const folder = temporaryFolder('inputs');
test.after(() => fs.rmSync(folder, { recursive: true, force: true }));
const noFfmpeg = spawnSync('ffmpeg', ['-version']).status === 0 ? false : 'there is no ffmpeg';

function lockstep(...words) {
  const r = spawnSync(path.join(buildRoot, 'tools/lockstep/lockstep'), words, { encoding: 'utf8', timeout: 60000, cwd: folder, env: {
    GST_PLUGIN_PATH_1_0: path.join(buildRoot, 'plugins'), LOCKSTEP_PIPELINES_PATH: path.join(sourceRoot, 'pipelines'), ...process.env,
    GST_REGISTRY_1_0: path.join(folder, 'registry.bin') } });
  return { code: r.status, out: r.stdout, err: r.stderr };
}

/** Runs a preset until its channel has three segments that hls-check finds nothing in. */
async function becomesHls(preset, words, channel, media) {
  const server = await Launcher.start(preset, words);
  try {
    const c = await server.untilChannel(channel, 'three segments', 60000, (c) => c.segments >= 3);
    assert.deepEqual([!!c.audio, !!c.video], [media !== 'video', media !== 'audio']);
    const { code, out, err } = lockstep('hls-check', path.join(server.output, channel));
    assert.equal(code, 0, out + err);
  } finally {
    const how = await server.stop();
    assert.equal(how.code, 0, how.log);
  }
}

/** Only one kind of media of a description. */
const only = (kind, text) => text.split(/^(?=m=)/m).filter((s) => !s.startsWith('m=') || s.startsWith(`m=${kind}`)).join('');

test('rtp-to-hls by a session description: both, on one port too, the picture alone, the sound alone', { skip: noFfmpeg }, async () => {
  const [sdp, sharedSdp] = ['sent', 'shared'].map((name) => path.join(folder, `${name}.sdp`));
  const port = await freeUdpPort();
  const sending = [rtpSender(await freeUdpPort(), await freeUdpPort(), sdp), rtpSender(port, port, sharedSdp)];
  try {
    const described = (file) => until('ffmpeg writes its description', 30000, () => fs.existsSync(file)
      && fs.readFileSync(file, 'utf8').match(/[^]*m=video[^]*m=audio[^]*rtpmap.*\r?\n[^]*/)?.[0]);
    const [text, shared] = await Promise.all([sdp, sharedSdp].map(described));
    const run = async (text, media, channel = media) => {
      const file = path.join(folder, `${channel}.sdp`);
      fs.writeFileSync(file, media === 'both' ? text : only(media, text));
      /* a sender that a busy machine holds up is not late by more than that */
      await becomesHls('rtp-to-hls', ['latency=2000', `sdp=${file}`, `channel=${channel}`], channel, media);
    };
    /* where both come to one port, one of them may be left alone */
    await Promise.all([run(text, 'both'), run(shared, 'both', 'one-port')]);
    await run(text, 'video');
    await run(shared, 'audio');
  } catch (e) {
    throw new Error(`${e.message}\n${sending.map((s) => s.log()).join('\n')}`, { cause: e });
  } finally {
    await Promise.all(sending.map((s) => s.stop()));
  }
});

test('what is wrong with a session description is said', () => {
  const good = 'v=0\no=- 1 1 IN IP4 127.0.0.1\ns=-\nc=IN IP4 224.1.2.3/127\nt=0 0\nm=audio 5004 RTP/AVP 0 111\na=rtpmap:0 PCMU/8000\na=rtpmap:111 opus/48000/2\n'
    + 'm=video 5006 RTP/AVP 97\nc=IN IP6 ::1\na=rtpmap:97 H264/90000\na=fmtp:97 packetization-mode=1;sprop-parameter-sets=Z0LAHtkA,aMuBcsg=\n';
  const give = (text) => {
    fs.writeFileSync(path.join(folder, 'x.sdp'), text);
    return lockstep('export', 'rtp-to-hls', 'sdp=x.sdp', 'output=o');
  };
  const { code, out, err } = give(good);
  assert.equal(code, 0, err);
  assert.match(out, /name=audio-in .*payload=\(int\)111.*address=224\.1\.2\.3 port=5004/);
  assert.match(out, /name=video-in .*sprop-parameter-sets=\(string\).*Z0LAHtkA.*,aMuBcsg.*address=::1 port=5006/);
  /* two groups share a port: each has a socket of its own */
  const groups = give(good.replace('5006', '5004').replace('IP6 ::1', 'IP4 224.1.2.4/127'));
  assert.equal(groups.code, 0, groups.err);
  assert.match(groups.out, /name=audio-in .*address=224\.1\.2\.3 port=5004/);
  assert.match(groups.out, /name=video-in .*address=224\.1\.2\.4 port=5004/);
  /* unless both are to come to one address */
  const one = lockstep('export', 'rtp-to-hls', 'sdp=x.sdp', 'output=o', 'address=127.0.0.1');
  assert.equal(one.code, 78);
  assert.match(one.err, /audio-in and video-in would both take UDP port 5004 of 127\.0\.0\.1/);
  const name = lockstep('run', 'rtp-to-hls', 'listen=127.0.0.1:0', 'output=o', 'address=nonsense');
  assert.equal(name.code, 78);
  assert.match(name.err, /address: 'nonsense' does not match the pattern .*: IP address that packets come to/);
  const ports = lockstep('run', 'rtp-to-hls', 'listen=127.0.0.1:0', 'output=o', 'video-port=5004');
  assert.equal(ports.code, 78);
  assert.match(ports.err, /would both take UDP port 5004/);
  /* one socket for both, told apart by payload type; a section of a bundle may have no port of its own */
  for (const bundled of [(s) => s.replace('5006', '5004'),
    (s) => s.replace('t=0 0', 't=0 0\na=group:BUNDLE a v').replace('5006', '0').replace('m=video', 'a=mid:a\nm=video').concat('a=mid:v\na=bundle-only\n')]) {
    const shared = give(bundled(good.replace('c=IN IP6 ::1\n', '')));
    assert.equal(shared.code, 0, shared.err);
    assert.equal(shared.out.match(/udpsrc/g).length, 1);
    assert.match(shared.out, /name=both-in .*address=224\.1\.2\.3 port=5004/);
    assert.match(shared.out, /name=audio-caps .*payload=\(int\)111/);
    assert.match(shared.out, /name=video-caps .*payload=\(int\)97/);
    assert.match(lockstep('export', 'rtp-to-hls', 'sdp=x.sdp', 'output=o', 'address=::1').out, /name=both-in .*address=::1/);
  }
  for (const [change, says] of [
    [(s) => s.replace('RTP/AVP 97', 'RTP/SAVP 97'), /m=video is RTP\/SAVP; plain RTP/],
    [(s) => s.replace('H264', 'VP8'), /m=video is VP8; OPUS or H264 is taken here/],
    [(s) => s.replace('5006', '5004').replace('c=IN IP6 ::1\n', '').replaceAll('97', '111'), /come to the same port, 5004, with the same payload type, 111/],
    [(s) => s.replace('5006', '5004').replace('IP6 ::1', 'IP4 0.0.0.0'), /come to the same port, 5004, one to an address/],
    [(s) => s.replace('224.1.2.3', 'media.example.org'), /names no IP address/],
    [(s) => s.replace(/^m=.*/gm, ''), /it has no m=audio and no m=video/],
    [(s) => s.replace('s=-', 'nonsense'), /line 3 of the SDP is not of the form x=value/],
    [() => '', /the file is empty/],
  ]) {
    const r = give(change(good));
    assert.equal(r.code, 78, r.out);
    assert.match(r.err, /^lockstep: rtp-to-hls: sdp: /);
    assert.match(r.err, says);
  }
  const none = lockstep('export', 'rtp-to-hls', 'sdp=absent.sdp');
  assert.equal(none.code, 78);
  assert.match(none.err, /there is no file 'absent\.sdp'/);
});

function runExported(name) {
  const r = spawnSync('sh', ['-c', lockstep('export', 'file-to-hls', `input=${name}.mkv`, `channel=${name}`, 'output=exported').out], { encoding: 'utf8', cwd: folder, timeout: 120000, env: {
    GST_PLUGIN_PATH_1_0: path.join(buildRoot, 'plugins'), ...process.env, GST_REGISTRY_1_0: path.join(folder, 'registry.bin') } });
  assert.equal(r.status, 0, r.stdout + r.stderr);
  const check = lockstep('hls-check', `exported/${name}`);
  assert.equal(check.code, 0, check.out);
  assert.match(check.out, /[1-9] segments, 0 errors/);
}

test('the line that export prints for file-to-hls makes the same of a file', () => {
  const made = spawnSync('gst-launch-1.0', `-q matroskamux name=m ! filesink location=film.mkv videotestsrc num-buffers=100 ! video/x-raw,width=320,height=180,framerate=25/1`
    .concat(' ! x264enc speed-preset=ultrafast ! m. audiotestsrc num-buffers=200 ! audio/x-raw,rate=48000 ! opusenc ! m.').split(' '), { encoding: 'utf8', cwd: folder });
  assert.equal(made.status, 0, made.stderr);
  runExported('film');
});

test('file-to-hls ends where the file has one kind of media alone; the archive has the same, and so has the exported line', () => {
  const make = (name, line) => {
    const r = spawnSync('gst-launch-1.0', ['-q', ...line.split(' '), '!', 'matroskamux', '!', 'filesink', `location=${path.join(folder, name)}`], { encoding: 'utf8' });
    assert.equal(r.status, 0, r.stderr);
  };
  make('mute.mkv', 'videotestsrc num-buffers=100 ! video/x-raw,width=320,height=180,framerate=25/1 ! x264enc speed-preset=ultrafast');
  make('sound.mkv', 'audiotestsrc num-buffers=200 ! audio/x-raw,rate=48000 ! opusenc');
  for (const name of ['mute', 'sound']) {
    const { code, err } = lockstep('run', 'file-to-hls', `input=${name}.mkv`, `channel=${name}`, 'listen=127.0.0.1:0', 'output=vod', 'archive=kept');
    assert.equal(code, 0, err);
    for (const of of [`vod/${name}`, `kept/${name}/${fs.readdirSync(path.join(folder, 'kept', name))[0]}`]) {
      assert.match(fs.readFileSync(path.join(folder, of, 'index.m3u8'), 'utf8'), /#EXT-X-PLAYLIST-TYPE:VOD[^]*#EXT-X-ENDLIST\n$/);
      const check = lockstep('hls-check', of);
      assert.equal(check.code, 0, check.out);
    }
    runExported(name);
  }
});

const nginx = '/usr/sbin/nginx';
const rtmpModule = '/usr/lib/nginx/modules/ngx_rtmp_module.so';
const noRtmp = noFfmpeg || (fs.existsSync(nginx) && fs.existsSync(rtmpModule) ? false : 'there is no nginx with RTMP: run tools/install test');

test('srt-to-hls of sound alone, or a picture alone', { skip: noFfmpeg }, async () => {
  for (const media of ['video', 'audio']) {
    const port = await freeUdpPort();
    const sending = streamSender(`srt://127.0.0.1:${port}?mode=listener`, media, 'mpegts');
    try {
      await becomesHls('srt-to-hls', [`uri=srt://127.0.0.1:${port}?mode=caller`], 'srt', media);
    } catch (e) {
      throw new Error(`${e.message}\n${sending.log()}`, { cause: e });
    } finally {
      await sending.stop();
    }
  }
});

test('rtmp-to-hls from a server: both kinds of media, and either alone', { skip: noRtmp }, async () => {
  const port = await freeTcpPort();
  fs.writeFileSync(path.join(folder, 'nginx.conf'), `load_module ${rtmpModule};
${process.getuid() === 0 ? 'user root;' : ''}
daemon off;
pid "${folder}/nginx.pid";
error_log "${folder}/nginx.log";
worker_processes 1;
events {}
rtmp { access_log off; server { listen 127.0.0.1:${port}; application live { live on; } } }
`);
  const serving = sender(nginx, ['-p', folder, '-c', path.join(folder, 'nginx.conf'), '-e', path.join(folder, 'nginx.log')]);
  let sending = null;
  try {
    await until('nginx listens', 30000, () => fs.existsSync(path.join(folder, 'nginx.pid')) && fs.readFileSync(path.join(folder, 'nginx.pid'), 'utf8').trim());
    for (const media of ['both', 'video', 'audio']) {
      const uri = `rtmp://127.0.0.1:${port}/live/${media}`;
      sending = streamSender(uri, media);
      await becomesHls('rtmp-to-hls', [`uri=${uri}`], 'rtmp', media);
      await sending.stop();
    }
  } catch (e) {
    throw new Error(`${e.message}\n${sending?.log()}\n${serving.log()}`, { cause: e });
  } finally {
    await sending?.stop();
    await serving.stop('SIGTERM');
  }
});
