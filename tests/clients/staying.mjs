#!/usr/bin/env node
// A client that stays, with the official npm client, for the tests of what becomes of one when a
// part fails: the same options and events as staying.py, whose head documents them.

import { webcrypto } from 'node:crypto';
import { parseArgs } from 'node:util';

// Node 18 has it, but not as a global.
globalThis.crypto ??= webcrypto;
const { connect } = await import('@nats-io/transport-node');

const say = (event, details = {}) => console.log(JSON.stringify({ event, ...details }));

const { values: options } = parseArgs({
  options: {
    url: { type: 'string' },
    subscribe: { type: 'string' },
    'keep-trying': { type: 'boolean', default: false },
  },
});

const nc = await connect({
  servers: options.url,
  token: process.env.NATS_TOKEN,
  timeout: 5000,
  reconnectTimeWait: 200,
  ...(options['keep-trying'] ? { ignoreAuthErrorAbort: true, maxReconnectAttempts: -1 } : {}),
});
nc.closed().then(() => say('closed'));
(async () => {
  for await (const status of nc.status()) {
    if (status.type === 'disconnect') say('disconnected');
    if (status.type === 'reconnect') say('reconnected');
    if (status.type === 'error') say('error', { error: String(status.error?.message) });
  }
})();
nc.subscribe(options.subscribe, {
  callback: (error, message) => {
    if (!error) say('message', { data: message.string() });
  },
});
await nc.flush();
say('connected');
// Whoever started it holds the other end.
process.stdin.resume();
process.stdin.on('end', () => process.exit(0));
