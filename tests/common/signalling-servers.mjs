/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Signalling servers for tests, written from the documented messages: Ayame's room of two, and what Sora says to
 * one who sends. */

import http from 'node:http';
import { createRequire } from 'node:module';
import path from 'node:path';
import { sourceRoot } from './launcher.mjs';

const require = createRequire(path.join(sourceRoot, 'tests', 'e2e', 'package.json'));

/* An HTTP server with WebSockets at /signaling; `peer(socket)` for each. */
async function serve(peer, pages = {}) {
  const { WebSocketServer } = require('ws');
  const server = http.createServer((request, response) => {
    const page = pages[request.url];
    response.writeHead(page ? 200 : 404, { 'Content-Type': request.url.endsWith('.mjs') ? 'text/javascript' : 'text/html' });
    response.end(page ?? '');
  });
  const sockets = new WebSocketServer({ server, path: '/signaling' });
  sockets.on('connection', (socket) => {
    socket.say = (message) => socket.send(JSON.stringify(message));
    peer(socket);
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address();
  return {
    url: `ws://127.0.0.1:${port}/signaling`,
    page: `http://127.0.0.1:${port}/`,
    close: () => {
      for (const socket of sockets.clients)
        socket.terminate();
      server.close();
    },
  };
}

/** key: what peers must give as signalingKey. `messages` gets each message as [from, message]. */
export async function ayame({ key = null, pages = {} } = {}) {
  const rooms = new Map();
  const messages = [];
  const server = await serve((socket) => {
    let room = null;
    const others = () => (rooms.get(room) ?? []).filter((s) => s !== socket);
    const ping = setInterval(() => socket.say({ type: 'ping' }), 1000);
    socket.on('message', (data) => {
      const message = JSON.parse(data);
      messages.push([socket.clientId ?? message.clientId, message]);
      if (message.type === 'register') {
        const present = rooms.get(message.roomId) ?? [];
        if (key && (message.signalingKey ?? message.key) !== key) {
          socket.say({ type: 'reject', reason: 'InvalidSignalingKey' });
        } else if (present.length >= 2) {
          socket.say({ type: 'reject', reason: 'full' });
        } else {
          room = message.roomId;
          socket.clientId = message.clientId;
          rooms.set(room, [...present, socket]);
          socket.say({ type: 'accept', iceServers: [], isExistClient: present.length > 0, isExistUser: present.length > 0 });
        }
      } else if (['offer', 'answer', 'candidate'].includes(message.type)) {
        for (const other of others())
          other.say(message);
      }
    });
    socket.on('close', () => {
      clearInterval(ping);
      for (const other of others())
        other.say({ type: 'bye' });
      rooms.set(room, others());
    });
  }, pages);
  return { ...server, messages };
}

/** offer(): resolves to the SDP that Sora's side makes. answered(sdp): takes the answer. more: members of the offer's
 * message. say(message): to the client that is there. gone(): its WebSocket is closed. */
export async function sora({ offer, answered, more = {} }) {
  const messages = [];
  let redirected = false;
  let client = null;
  const server = await serve((socket) => {
    client = socket;
    socket.on('message', async (data) => {
      const message = JSON.parse(data);
      messages.push(message);
      if (message.type === 'connect' && !redirected) {
        redirected = true;
        socket.say({ type: 'redirect', location: server.url });
        socket.close();
      } else if (message.type === 'connect') {
        socket.say({
          type: 'offer', sdp: await offer(), channel_id: message.channel_id, client_id: 'c', connection_id: 'c',
          config: { iceServers: [] }, data_channel_signaling: false, ignore_disconnect_websocket: false, ...more,
        });
      } else if (message.type === 'answer') {
        await answered(message.sdp);
        socket.say({ type: 'notify', event_type: 'connection.created', channel_connections: 1 });
        socket.say({ type: 'ping', stats: true });
      } else if (message.type === 're-answer' || message.type === 'update') {
        await answered(message.sdp);
      } else if (message.type === 'disconnect') {
        socket.close();
      }
    });
  });
  return { ...server, messages, say: (message) => client.say(message), gone: () => client.readyState === client.CLOSED };
}
