/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* As much of an RTMP server as a player needs (Adobe's RTMP 1.0): it plays an FLV file to whoever asks, in the file's own time,
 * where one kind of media may begin late, as no encoder does at will. */

import { once } from 'node:events';
import fs from 'node:fs';
import net from 'node:net';

export const SOUND = 8;
export const PICTURE = 9;
const SCRIPT = 18;

/** The tags of an FLV file: type, time in ms, body. */
function readTags(file) {
  const data = fs.readFileSync(file);
  const tags = [];
  for (let at = 13; at + 11 <= data.length;) {
    const size = data.readUIntBE(at + 1, 3);
    tags.push({ type: data[at], time: data.readUIntBE(at + 4, 3), body: data.subarray(at + 11, at + 11 + size) });
    at += size + 15;
  }
  return tags;
}

const number = (n) => { const b = Buffer.alloc(9); b.writeDoubleBE(n, 1); return b; };
const text = (s) => Buffer.concat([Buffer.from([2, 0, s.length]), Buffer.from(s)]);
const object = (members) => Buffer.concat([Buffer.from([3]), ...Object.entries(members).flatMap(([k, v]) => [text(k).subarray(1), text(v)]), Buffer.from([0, 0, 9])]);
const none = Buffer.from([5]);

/** One message in one chunk: chunks may be as large as any of them. */
function message(type, time, body, stream) {
  const header = Buffer.alloc(12);
  header[0] = 3;
  header.writeUIntBE(time, 1, 3);
  header.writeUIntBE(body.length, 4, 3);
  header[7] = type;
  header.writeUInt32LE(stream, 8);
  return Buffer.concat([header, body]);
}
const command = (stream, ...parts) => message(20, 0, Buffer.concat(parts), stream);
const chunkSize = message(1, 0, Buffer.from([0, 0xff, 0xff, 0xff]), 0);

/** What a client asked for in a command by this name: its transaction's number; null: it did not yet. A command's name and number
 * are the first of it, in one chunk. */
function asked(bytes, name) {
  const at = bytes.indexOf(text(name));
  return at >= 0 && bytes.length >= at + 12 + name.length ? bytes.readDoubleBE(at + 4 + name.length) : null;
}

/** late: the kind of media (SOUND or PICTURE) that begins only `from` ms after the start, or null. metadata: whether what the file
 * says of itself is sent. */
export async function serveFlv(file, { late = null, from = 0, metadata = true } = {}) {
  const tags = readTags(file);
  const sockets = new Set();

  function play(socket) {
    const start = performance.now();
    /* what a decoder must know first comes just before what is left of its kind */
    const first = tags.find((t) => t.type === late && t.body[1] === 0);
    const list = tags.filter((t) => (t.type !== SCRIPT || metadata) && t !== first && (t.type !== late || t.time >= from));
    if (first)
      list.splice(list.findIndex((t) => t.type === late), 0, { ...first, time: from });
    const timer = setInterval(() => {
      while (list.length > 0 && list[0].time <= performance.now() - start) {
        const { type, time, body } = list.shift();
        socket.write(message(type, time, body, 1));
      }
    }, 10);
    socket.once('close', () => clearInterval(timer));
  }

  const server = net.createServer((socket) => {
    let bytes = Buffer.alloc(0);
    const steps = [
      () => bytes.length >= 1537 && [Buffer.from([3]), Buffer.alloc(1536), bytes.subarray(1, 1537)],
      () => asked(bytes, 'connect') !== null && [chunkSize, command(0, text('_result'), number(asked(bytes, 'connect')), object({ fmsVer: 'FMS/3,0,1,123' }),
        object({ level: 'status', code: 'NetConnection.Connect.Success' }))],
      () => asked(bytes, 'createStream') !== null && [command(0, text('_result'), number(asked(bytes, 'createStream')), none, number(1))],
      () => asked(bytes, 'play') !== null && [command(1, text('onStatus'), number(0), none, object({ level: 'status', code: 'NetStream.Play.Start' }))],
    ];
    sockets.add(socket);
    socket.on('error', () => {});
    socket.once('close', () => sockets.delete(socket));
    socket.on('data', (data) => {
      if (steps.length === 0)
        return;
      bytes = Buffer.concat([bytes, data]);
      for (let answer; steps.length > 0 && (answer = steps[0]()); steps.shift())
        answer.forEach((b) => socket.write(b));
      if (steps.length === 0)
        play(socket);
    });
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    uri: `rtmp://127.0.0.1:${server.address().port}/live/file`,
    stop: async () => { sockets.forEach((s) => s.destroy()); server.close(); await once(server, 'close'); },
  };
}
