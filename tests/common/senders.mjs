/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Other processes that send media to what is tested, and the ports for it. */

import { spawn } from 'node:child_process';
import { randomInt } from 'node:crypto';
import dgram from 'node:dgram';
import { once } from 'node:events';
import fs from 'node:fs';
import net from 'node:net';
import { until } from './launcher.mjs';

/** A socket at a port of loopback; null where the port is taken. */
function listen(protocol, port) {
  const socket = protocol === 'udp' ? dgram.createSocket('udp4') : net.createServer();
  return new Promise((resolve) => {
    socket.once('error', () => resolve(null)).once('listening', () => resolve(socket));
    if (protocol === 'udp')
      socket.bind(port, '127.0.0.1');
    else
      socket.listen(port, '127.0.0.1');
  });
}

/* A port that somebody else binds later must be nobody's until then: it is not one of those that the kernel gives to who
 * asks for any, and as long as this process runs, the other protocol's port of the number tells other tests that it is
 * taken. RTCP goes to the next one: they are even. */
async function freePort(protocol) {
  for (let tries = 0; tries < 1000; tries++) {
    const port = 2 * randomInt(5000, 16000);
    const claim = await listen(protocol === 'udp' ? 'tcp' : 'udp', port);
    const socket = claim && await listen(protocol, port);
    if (!socket) {
      claim?.close();
      continue;
    }
    claim.unref();
    await new Promise((done) => { socket.close(done); });
    return port;
  }
  throw new Error(`no ${protocol} port is free`);
}

/** A UDP port of loopback that nobody listens on, but who is told of it. */
export const freeUdpPort = () => freePort('udp');
/** The same for TCP. */
export const freeTcpPort = () => freePort('tcp');

/** Waits until somebody listens on a UDP port of loopback. */
export const untilListens = (port) => until(`somebody listens on UDP port ${port}`, 30000, () =>
  fs.readFileSync('/proc/net/udp', 'utf8').includes(` 0100007F:${port.toString(16).toUpperCase().padStart(4, '0')} `));

/** Waits until something comes to a UDP port of loopback. */
export async function untilSent(port) {
  const socket = await listen('udp', port);
  await once(socket, 'message');
  await new Promise((done) => { socket.close(done); });
}

/** A program that sends. log () is what it said last; stop () ends it; ended is its exit status. */
export function sender(command, words, env = process.env) {
  const child = spawn(command, words, { stdio: ['ignore', 'ignore', 'pipe'], env });
  let log = '';
  child.stderr.on('data', (d) => { log = (log + d).slice(-4000); });
  const over = new Promise((resolve) => { child.once('close', resolve); });
  return { log: () => log, ended: over, stop: async (signal = 'SIGKILL') => { child.kill(signal); await over; } };
}

const picture = 'testsrc2=size=320x180:rate=25';
const sound = 'sine=frequency=440:sample_rate=48000';
const x264 = '-c:v libx264 -preset ultrafast -tune zerolatency -g 25 -b:v 300k -pix_fmt yuv420p';
/* Of its parts, those that are arrays are words as they stand, such as paths with blanks. */
const ffmpeg = (...parts) => sender('ffmpeg', ['-hide_banner', '-loglevel', 'warning', '-nostdin',
  ...parts.flatMap((part) => (Array.isArray(part) ? part : part.split(' ').filter((word) => word !== '')))]);

/** Plain RTP, H.264 and Opus, as ffmpeg sends it; its session description goes to a file. */
export const rtpSender = (audioPort, videoPort, sdp) => ffmpeg(`-re -f lavfi -i ${picture} -re -f lavfi -i ${sound}`, ['-sdp_file', sdp],
  `-map 0:v ${x264} -f rtp rtp://127.0.0.1:${videoPort} -map 1:a -c:a libopus -ac 2 -b:a 64k -f rtp rtp://127.0.0.1:${audioPort}`);

/** A stream (H.264, AAC) published to an RTMP server, or, with another format, elsewhere. media: both, audio or video. */
export const streamSender = (uri, media = 'both', format = 'flv') => ffmpeg(media === 'audio' ? '' : `-re -f lavfi -i ${picture}`,
  media === 'video' ? '' : `-re -f lavfi -i ${sound}`, media === 'audio' ? '' : x264, media === 'video' ? '' : '-c:a aac -ac 2', `-f ${format} ${uri}`);

/** A file of the same, whose times begin at `from` s. */
export async function makeFile(file, seconds, format, { media = 'both', from = 0, more = '' } = {}) {
  const offset = from > 0 ? `-itsoffset ${from} ` : '';
  const making = ffmpeg(media === 'audio' ? '' : `${offset}-f lavfi -i ${picture}`, media === 'video' ? '' : `${offset}-f lavfi -i ${sound}`, `-t ${from + seconds}`,
    media === 'audio' ? '' : x264, media === 'video' ? '' : '-c:a aac -ac 2', more, `-y -f ${format}`, [file]);
  const code = await making.ended;
  if (code !== 0)
    throw new Error(`ffmpeg ended with ${code}: ${making.log()}`);
}
