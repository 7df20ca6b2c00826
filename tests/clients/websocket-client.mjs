#!/usr/bin/env node
// A probe that logs in as a browser does: over WebSocket, with the token in a
// cookie and with the origin of a page. NATS clients for Node.js cannot set
// either, so this one speaks the little of the protocol that a login needs.
//
//   NATS_TOKEN=... node tests/clients/websocket-client.mjs \
//     --url ws://127.0.0.1:8080 --cookie nats_token --origin http://localhost:3000
//
// --bearer sends it in the header `Authorization` instead. --header 'NAME: VALUE'
// adds one, --name and --user are what CONNECT says, --from is the address to
// come from.
//
// $NATS_CONNECT_TOKEN, where it is set, is what CONNECT says beside the cookie.
// --user-cookie NAME=VALUE is another cookie. Over wss, --ca names who is
// believed, and --cert and --key what is shown; all three are files in PEM.
//
// Events and exit statuses are those of nats-py-client.py; a handshake that the
// server answers with another status than 101 is `failed`, with that `status`.

import { readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import WebSocket from 'ws';

const REFUSED = 2;
const FAILED = 1;

const finish = (exitStatus, event, details = {}) => {
  console.log(JSON.stringify({ event, ...details }));
  process.exit(exitStatus);
};

const { values: options } = parseArgs({
  options: {
    url: { type: 'string' },
    cookie: { type: 'string' },
    'user-cookie': { type: 'string' },
    origin: { type: 'string' },
    bearer: { type: 'boolean' },
    header: { type: 'string', multiple: true, default: [] },
    name: { type: 'string' },
    user: { type: 'string' },
    from: { type: 'string' },
    ca: { type: 'string' },
    cert: { type: 'string' },
    key: { type: 'string' },
    timeout: { type: 'string', default: '10' },
  },
});
if (!options.url) throw new TypeError('--url is missing');

const { NATS_TOKEN: token = '', NATS_CONNECT_TOKEN: connectToken } = process.env;
const cookies = [options.cookie && `${options.cookie}=${token}`, options['user-cookie']];
const cookie = cookies.filter(Boolean).join('; ');
const headers = cookie ? { Cookie: cookie } : {};
if (options.bearer) headers.Authorization = `Bearer ${token}`;
for (const header of options.header) {
  const [name, ...value] = header.split(': ');
  headers[name] = value.join(': ');
}
const tls = {};
for (const name of ['ca', 'cert', 'key']) if (options[name]) tls[name] = readFileSync(options[name]);
const connect = {
  verbose: false,
  pedantic: false,
  lang: 'websocket-client.mjs',
  version: '0',
  ...(connectToken && { auth_token: connectToken }),
  ...(options.name && { name: options.name }),
  ...(options.user && { user: options.user }),
};

setTimeout(() => finish(FAILED, 'failed', { error: 'timeout' }), Number(options.timeout) * 1000);

const socket = new WebSocket(options.url, {
  headers,
  origin: options.origin,
  localAddress: options.from,
  ...tls,
});
socket.on('unexpected-response', (_request, response) =>
  finish(FAILED, 'failed', { error: 'no upgrade', status: response.statusCode }),
);
socket.on('error', (error) => finish(FAILED, 'failed', { error: error.message }));
socket.on('close', () => finish(FAILED, 'failed', { error: 'disconnected' }));

// What comes is lines, however they are cut into frames.
let text = '';
socket.on('message', (frame) => {
  text += frame.toString();
  const lines = text.split('\r\n');
  text = lines.pop();
  for (const line of lines) {
    if (line.startsWith('INFO ')) socket.send(`CONNECT ${JSON.stringify(connect)}\r\nPING\r\n`);
    else if (line.startsWith('PONG')) finish(0, 'connected');
    else if (/^-ERR 'Authorization Violation'/.test(line)) finish(REFUSED, 'refused', { error: line });
    else if (line.startsWith('-ERR')) finish(FAILED, 'failed', { error: line });
  }
});
