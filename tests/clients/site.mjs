#!/usr/bin/env node
// The application behind the edge: serves the page of examples/haproxy/websocket
// with the npm NATS client beside it, and sets the cookie that the edge reads,
// as a backend does after a sign-in.
//
//   TOKENS='{"clerk": "eyJ…"}' node tests/clients/site.mjs
//
// Prints one line of JSON on stdout when it listens, and ends when its stdin is
// closed.
//
//   POST /login?as=clerk    the cookie of the page
//   POST /direct?as=clerk   the one that nats-server reads itself

import { createServer } from 'node:http';
import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const root = new URL('../../', import.meta.url);
const page = await readFile(new URL('examples/haproxy/websocket/page/index.html', root));
const bundle = await build({
  stdin: {
    contents: "export { wsconnect } from '@nats-io/nats-core'",
    resolveDir: fileURLToPath(new URL('.', import.meta.url)),
  },
  bundle: true,
  format: 'esm',
  write: false,
});
const tokens = JSON.parse(process.env.TOKENS);

const FILES = {
  '/': ['text/html', page],
  '/nats.js': ['text/javascript', bundle.outputFiles[0].contents],
  '/blank': ['text/html', '<!doctype html><title>blank</title>'],
};
const server = createServer((request, response) => {
  const url = new URL(request.url, 'http://site');
  const token = tokens[url.searchParams.get('as')];
  const cookie = {
    'POST /login': `__Host-hallpass=${token}; Path=/; Secure; HttpOnly; SameSite=Strict`,
    'POST /direct': `nats_token=${token}; Path=/; HttpOnly`,
  }[`${request.method} ${url.pathname}`];
  if (cookie && token) {
    response.writeHead(204, { 'set-cookie': cookie }).end();
    return;
  }
  const [type, body] = FILES[url.pathname] ?? [];
  if (body) response.writeHead(200, { 'content-type': type }).end(body);
  else response.writeHead(404).end();
});
server.listen(0, '127.0.0.1', () => console.log(JSON.stringify({ port: server.address().port })));
process.stdin.on('close', () => process.exit(0)).resume();
