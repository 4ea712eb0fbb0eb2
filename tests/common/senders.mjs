/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Other processes that send media to what is tested, and the ports for it. */

import { spawn } from 'node:child_process';
import dgram from 'node:dgram';
import { once } from 'node:events';
import net from 'node:net';

/** A UDP port of loopback that nobody listens on. */
export async function freeUdpPort() {
  const socket = dgram.createSocket('udp4').bind(0, '127.0.0.1');
  await once(socket, 'listening');
  const { port } = socket.address();
  await new Promise((done) => { socket.close(done); });
  return port;
}

/** The same for TCP. */
export async function freeTcpPort() {
  const server = net.createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address();
  await new Promise((done) => { server.close(done); });
  return port;
}

/** A program that sends. log () is what it said last; stop () ends it; ended is its exit status. */
export function sender(command, words, env = process.env) {
  const child = spawn(command, words, { stdio: ['ignore', 'ignore', 'pipe'], env });
  let log = '';
  child.stderr.on('data', (d) => { log = (log + d).slice(-4000); });
  const over = new Promise((resolve) => { child.once('exit', resolve); });
  return { log: () => log, ended: over, stop: async (signal = 'SIGKILL') => { child.kill(signal); await over; } };
}

const picture = 'testsrc2=size=320x180:rate=25';
const sound = 'sine=frequency=440:sample_rate=48000';
const x264 = '-c:v libx264 -preset ultrafast -tune zerolatency -g 25 -b:v 300k -pix_fmt yuv420p';
const ffmpeg = (line) => sender('ffmpeg', ['-hide_banner', '-loglevel', 'warning', '-nostdin', ...line.split(' ')]);

/** Plain RTP, H.264 and Opus, as ffmpeg sends it; its session description goes to a file. */
export const rtpSender = (audioPort, videoPort, sdp) => ffmpeg(`-re -f lavfi -i ${picture} -re -f lavfi -i ${sound} -sdp_file ${sdp}`
  + ` -map 0:v ${x264} -f rtp rtp://127.0.0.1:${videoPort} -map 1:a -c:a libopus -ac 2 -b:a 64k -f rtp rtp://127.0.0.1:${audioPort}`);

/** A stream (H.264, AAC) published to an RTMP server, or, with another format, elsewhere. media: both, audio or video. */
export const streamSender = (uri, media = 'both', format = 'flv') => ffmpeg([media === 'audio' ? '' : `-re -f lavfi -i ${picture}`,
  media === 'video' ? '' : `-re -f lavfi -i ${sound}`, media === 'audio' ? '' : x264, media === 'video' ? '' : '-c:a aac -ac 2', `-f ${format} ${uri}`]
  .filter((s) => s !== '').join(' '));

/** A file of the same, whose times begin at `from` s. */
export async function makeFile(file, seconds, format, { media = 'both', from = 0, more = '' } = {}) {
  const offset = from > 0 ? `-itsoffset ${from} ` : '';
  const making = ffmpeg([media === 'audio' ? '' : `${offset}-f lavfi -i ${picture}`, media === 'video' ? '' : `${offset}-f lavfi -i ${sound}`, `-t ${from + seconds}`,
    media === 'audio' ? '' : x264, media === 'video' ? '' : '-c:a aac -ac 2', more, `-y -f ${format} ${file}`].filter((s) => s !== '').join(' '));
  const code = await making.ended;
  if (code !== 0)
    throw new Error(`ffmpeg ended with ${code}: ${making.log()}`);
}
